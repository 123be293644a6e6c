//! A browser that runs, and the thread that waits for its end.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(200);

/// Ends the browser, and takes its profile away, when this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    /// Its end is what the thread waits for.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn start(
        mut command: Command,
        program: PathBuf,
        profile: TempDir,
    ) -> io::Result<Self> {
        // What it starts ends with it, and keys of the terminal are not for it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let (stop, stopped) = sync_channel::<()>(1);
        let mut child = command.spawn()?;
        let thread = std::thread::Builder::new().name("ratel-browser".into());
        let watch = move || {
            let ended = loop {
                match (child.try_wait(), stopped.recv_timeout(LOOK)) {
                    (Ok(None), Err(RecvTimeoutError::Timeout)) => {}
                    (Ok(Some(status)), _) => break Some(status),
                    _ => break None,
                }
            };
            if let Some(status) = ended.filter(|status| !status.success()) {
                say(&program, &status.to_string());
            }
            end(&mut child);
            if let Err(error) = profile.close() {
                tracing::debug!(%error, "a browser's profile is left behind");
            }
        };
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread.spawn(watch)?),
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

fn say(program: &Path, status: &str) {
    tracing::warn!(
        hint = "start it in a shell to see what it says",
        "{} ended: {status}",
        program.display()
    );
}

/// Ends a browser and all that it has started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        let pid = i32::try_from(child.id()).ok();
        if let Some(group) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
