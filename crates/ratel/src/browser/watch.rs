//! A browser that runs, and the thread that waits for its end.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(200);

/// So much of the end of what it writes is kept, in bytes.
const TAIL: usize = 4096;

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
        let complaints = child.stderr.take().map(tail).transpose()?;
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
                // What it has started may go on writing.
                let tail = complaints.and_then(|tail| tail.recv_timeout(LOOK).ok());
                let tail = tail.unwrap_or_default();
                say(&program, &status.to_string(), last_line(&tail));
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

fn say(program: &Path, status: &str, complaint: Option<String>) {
    let program = program.display();
    match complaint {
        Some(complaint) => tracing::warn!("{program} ended: {status}: {complaint}"),
        None => tracing::warn!(
            hint = "start it in a shell to see what it says",
            "{program} ended: {status}"
        ),
    }
}

/// Reads until the end, so that the browser never waits for us, and keeps what came last.
fn tail(mut from: impl Read + Send + 'static) -> io::Result<Receiver<Vec<u8>>> {
    let (end, ended) = sync_channel(1);
    let read = move || {
        let (mut kept, mut chunk) = (Vec::new(), [0; TAIL]);
        while let Ok(len @ 1..) = from.read(&mut chunk) {
            kept.extend_from_slice(chunk.get(..len).unwrap_or_default());
            let surplus = kept.len().saturating_sub(TAIL);
            kept.drain(..surplus);
        }
        let _ = end.send(kept);
    };
    let thread = std::thread::Builder::new().name("ratel-browser-says".into());
    thread.spawn(read)?;
    Ok(ended)
}

/// The last line that says something, without what Chromium writes before it: process, time and place.
fn last_line(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty())?;
    let after = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    Some(after.map_or(line, |(_, said)| said).to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_a_browser_says_is_kept() {
        let text = "x".repeat(3 * TAIL)
            + "\n[98:98:1128/234334.688193:ERROR:zygote.cc(101)] Running as root without --no-sandbox is not supported.\n\n";
        let kept = tail(io::Cursor::new(text.into_bytes())).unwrap();
        let kept = kept.recv().unwrap();
        assert_eq!(kept.len(), TAIL);
        let line = last_line(&kept);
        assert_eq!(
            line.as_deref(),
            Some("Running as root without --no-sandbox is not supported.")
        );
        assert_eq!(last_line(b" \n\n"), None);
    }
}
