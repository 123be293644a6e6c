//! Looks at the file from time to time and has the options take it up when it has changed.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use ratel_core::options::{FileRules, Options, keys};
use ratel_flow::filter::FilterOptions;

use super::{RuleFile, RuleFileError, is_absent, load, path};

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Follows the file until it is dropped.
#[derive(Debug)]
pub struct Watch {
    wake: SyncSender<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
#[derive(Debug)]
enum Wake {
    Look,
    Stop,
}

/// By what a file is seen to have changed; none if it is not there.
type Look = Option<(Option<SystemTime>, u64)>;

/// The file as it was last read.
#[derive(Debug, PartialEq)]
struct Seen {
    path: PathBuf,
    look: Look,
}

impl Seen {
    fn now(options: &Options) -> Self {
        let (path, _) = path(&options.snapshot());
        let about = fs::metadata(&path).ok();
        let look = about.map(|about| (about.modified().ok(), about.len()));
        Self { path, look }
    }
}

impl Watch {
    /// Takes up the rules of the file, and follows it from there.
    ///
    /// # Errors
    /// When there is something wrong with it at the start.
    pub fn start(options: &Options, filters: FilterOptions) -> Result<Self, RuleFileError> {
        // Before it is read: what changes in between is read twice.
        let seen = Seen::now(options);
        let file = load(&options.snapshot(), filters)?;
        let in_force = file.rules.clone();
        take(options, &seen.path, file)?;
        // A path that is set while the program runs is refused like any other value that is wrong.
        options.subscribe(move |values, changed| {
            if !changed.contains(&keys::RULES.name()) {
                return Ok(());
            }
            load(values, filters)
                .map(drop)
                .map_err(|error| error.to_string())
        });
        let (wake, woken) = sync_channel(1);
        let poke = wake.clone();
        // It is told to look when there is one more thing to see; when it is about to look anyway, that will do.
        options.watch(move || drop(poke.try_send(Wake::Look)));
        let options = options.clone();
        let thread = thread::Builder::new()
            .name("ratel-rules".into())
            .spawn(move || follow(&options, filters, seen, in_force, &woken));
        let thread = thread.map_err(|source| RuleFileError::Read {
            path: PathBuf::from(super::NAME),
            source,
        })?;
        Ok(Self {
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It fails if the thread has ended before.
            let _ = self.wake.send(Wake::Stop);
            // What it panicked about is in the log.
            let _ = thread.join();
        }
    }
}

fn follow(
    options: &Options,
    filters: FilterOptions,
    mut seen: Seen,
    mut in_force: FileRules,
    woken: &Receiver<Wake>,
) {
    while let Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) = woken.recv_timeout(PERIOD) {
        let now = Seen::now(options);
        if now == seen {
            continue;
        }
        seen = now;
        let shown = seen.path.display();
        let loaded = load(&options.snapshot(), filters);
        let (on, off) = loaded
            .as_ref()
            .map_or((0, 0), |file| (file.on(), file.off()));
        let changes = !matches!(&loaded, Ok(file) if file.rules == in_force);
        let rules = loaded.as_ref().map(|file| file.rules.clone()).ok();
        match loaded.and_then(|file| take(options, &seen.path, file)) {
            Ok(()) => {
                in_force = rules.unwrap_or_default();
                if changes {
                    let rules = if on == 1 { "rule" } else { "rules" };
                    tracing::info!("{shown} has changed: {on} {rules} on, {off} off");
                }
            }
            Err(RuleFileError::Read { source, .. }) if is_absent(&source) => {
                tracing::warn!("{shown} is gone; its rules stay in force");
            }
            Err(error) => tracing::error!("{error}; the rules of the file stay as they were"),
        }
    }
}

fn take(options: &Options, path: &std::path::Path, file: RuleFile) -> Result<(), RuleFileError> {
    options
        .set_file_rules(file.rules)
        .map_err(|error| RuleFileError::Read {
            path: path.to_owned(),
            source: io::Error::other(error.to_string()),
        })
}
