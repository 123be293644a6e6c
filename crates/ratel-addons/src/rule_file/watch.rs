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
        let mut following = Following::start(options, filters)?;
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
        let thread = thread::Builder::new()
            .name("ratel-rules".into())
            .spawn(move || following.run(&woken));
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

/// The file and what has been taken of it.
#[derive(Debug)]
struct Following {
    options: Options,
    filters: FilterOptions,
    seen: Seen,
    in_force: FileRules,
}

impl Following {
    /// Takes up the rules of the file.
    fn start(options: &Options, filters: FilterOptions) -> Result<Self, RuleFileError> {
        // Before it is read: what changes in between is read twice.
        let seen = Seen::now(options);
        let file = load(&options.snapshot(), filters)?;
        let in_force = file.rules.clone();
        take(options, &seen.path, file)?;
        Ok(Self {
            options: options.clone(),
            filters,
            seen,
            in_force,
        })
    }

    fn run(&mut self, woken: &Receiver<Wake>) {
        while let Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) = woken.recv_timeout(PERIOD) {
            self.look();
        }
    }

    /// Takes the file up if it has changed. While a file is gone its rules stay: whoever saves or checks out a file may have
    /// it gone for a moment.
    fn look(&mut self) {
        let now = Seen::now(&self.options);
        if now == self.seen {
            return;
        }
        let options = self.options.snapshot();
        let loaded = match now.path == self.seen.path {
            true => RuleFile::load(&now.path, &options, self.filters),
            false => load(&options, self.filters),
        };
        self.seen = now;
        let shown = self.seen.path.display();
        let file = match loaded {
            Ok(file) => file,
            Err(RuleFileError::Read { source, .. }) if is_absent(&source) => {
                if !self.in_force.is_empty() {
                    tracing::warn!(
                        "{shown} is gone; its rules stay in force until it is there again"
                    );
                }
                return;
            }
            Err(error) => {
                return tracing::error!("{error}; the rules of the file stay as they were");
            }
        };
        let (on, off) = (file.on(), file.off());
        let rules = file.rules.clone();
        if let Err(error) = take(&self.options, &self.seen.path, file) {
            return tracing::error!("{error}; the rules of the file stay as they were");
        }
        if rules != self.in_force {
            let word = if on == 1 { "rule" } else { "rules" };
            tracing::info!("{shown} has changed: {on} {word} on, {off} off");
        }
        self.in_force = rules;
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

#[cfg(test)]
mod tests {
    use ratel_core::options::Values;

    use super::*;

    /// A file that somebody replaces or checks out is gone for a moment, and so is one that somebody deletes.
    #[test]
    fn the_rules_of_a_file_that_is_gone_stay() {
        for named in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let confdir = folder.path().display().to_string();
            let options = Options::with(Values::with_folders(&confdir, None)).expect("options");
            let path = folder.path().join(super::super::NAME);
            let write = |text: &str| fs::write(&path, text).expect("it can be written");
            write("- fault: 503\n- fault: 504\n");
            if named {
                let option = format!("rules={}", path.display());
                options.set(&[option]).expect("a path");
            }
            let mut following =
                Following::start(&options, FilterOptions::default()).expect("right");
            let count = || options.snapshot().rules(keys::FAULT).count();
            assert_eq!(count(), 2);
            fs::remove_file(&path).expect("it is there");
            following.look();
            assert_eq!(count(), 2, "named: {named}");
            write("- fault: 503\n");
            following.look();
            assert_eq!(count(), 1, "named: {named}");
            write("[]");
            following.look();
            assert_eq!(count(), 0, "named: {named}");
        }
    }
}
