//! The files that options have flows written to, as these change.
//!
//! A file that cannot be written is refused before anything else has changed, and what is written goes on as it did. A change
//! from one file to another loses nothing between them, nor has it twice.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use ratel_core::options::{Options, Values, keys};
use ratel_core::store::FlowStore;
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::format::with_hint;
use ratel_flow::redact::Redactor;
use time::UtcOffset;

use super::{Opened, Outcome, SaveError, SaveFormat, SaveSettings, Saver, Selection};

/// What does not follow from options.
#[derive(Clone, Debug)]
pub struct SavingSetup {
    /// The flows.
    pub store: FlowStore,
    /// Takes secrets out of them, with placeholders that are the same wherever it does.
    pub redactor: Redactor,
    /// How filters are read.
    pub filters: FilterOptions,
    /// What local time is ahead of UTC.
    pub offset: UtcOffset,
    /// Standard output is a screen, and cannot be written to.
    pub has_screen: bool,
}

/// Writes flows to the files that the options name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Saving(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    setup: SavingSetup,
    /// The stream of flows, and the archive.
    files: [Option<Active>; 2],
    /// Write what is left, and end.
    ending: Vec<JoinHandle<Vec<Outcome>>>,
    /// What those wrote that have ended.
    ended: Vec<Outcome>,
    /// Files are written; before that they are only opened.
    begun: bool,
}

#[derive(Debug)]
struct Active {
    wanted: Wanted,
    saver: Saver,
}

/// What options say about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    path: String,
    filter: Option<String>,
    redact: Vec<String>,
}

/// What is to be done about one file. Nothing in it can fail any more.
enum Step {
    Keep,
    End,
    Start(Active),
    GoOn(Wanted, Option<Opened>, Selection),
}

const FORMATS: [SaveFormat; 2] = [SaveFormat::Flows, SaveFormat::Har];

/// Why flows cannot be written as options say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavingError {
    /// A file cannot be written.
    #[error("cannot write flows to {path}: {source}")]
    File {
        /// As it was given.
        path: String,
        /// Why.
        source: SaveError,
    },
    /// A filter or a rule has no meaning.
    #[error("{message}")]
    Option {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl SavingError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::File { source, .. } => source.hint(),
            Self::Option { hint, .. } => hint.as_deref(),
        }
    }
}

impl Saving {
    /// Opens the files. They keep what they hold until [`begin`](Self::begin).
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn start(values: &Values, setup: SavingSetup) -> Result<Self, SavingError> {
        let mut state = State {
            setup,
            files: [None, None],
            ending: Vec::new(),
            ended: Vec::new(),
            begun: false,
        };
        state.follow(values)?;
        Ok(Self(Arc::new(Mutex::new(state))))
    }

    /// Begins to write, and follows the options from here on. It is to be the last that subscribes to them: a change that
    /// others refuse must not have emptied a file.
    pub fn begin(&self, options: &Options) {
        let mut state = self.state();
        state.begun = true;
        for active in state.files.iter().flatten() {
            active.saver.begin();
        }
        drop(state);
        let saving = self.clone();
        options.subscribe(move |values: &Values, _: &[&str]| {
            let followed = saving.state().follow(values);
            followed.map_err(|error| with_hint(&error, error.hint()))
        });
    }

    /// How many flows each file is done with.
    #[must_use]
    pub fn handled(&self) -> Vec<Arc<AtomicU64>> {
        let state = self.state();
        let active = state.files.iter().flatten();
        active.map(|active| active.saver.handled()).collect()
    }

    /// Writes what is finished, and what is not as it is, and ends. Says what was written, file by file.
    pub fn finish(&self) -> Vec<Outcome> {
        let mut state = self.state();
        for nth in 0..FORMATS.len() {
            state.end(nth, false);
        }
        state.wait();
        std::mem::take(&mut state.ended)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Does what the options say, or nothing.
    fn follow(&mut self, values: &Values) -> Result<(), SavingError> {
        let mut steps = Vec::new();
        for (nth, format) in FORMATS.into_iter().enumerate() {
            steps.push(self.step(nth, format, values)?);
        }
        for (nth, step) in steps.into_iter().enumerate() {
            self.take(nth, step);
        }
        Ok(())
    }

    fn step(
        &mut self,
        nth: usize,
        format: SaveFormat,
        values: &Values,
    ) -> Result<Step, SavingError> {
        let active = self.files.get(nth).and_then(Option::as_ref);
        let before = active.map(|active| &active.wanted);
        let wanted = match (Wanted::new(format, values), before) {
            (None, None) => return Ok(Step::Keep),
            (None, Some(_)) => return Ok(Step::End),
            (Some(wanted), Some(before)) if wanted == *before => return Ok(Step::Keep),
            (Some(wanted), _) => wanted,
        };
        let selection = self.selection(&wanted)?;
        let goes_on = before.is_some();
        if before.is_some_and(|before| before.path == wanted.path) {
            return Ok(Step::GoOn(wanted, None, selection));
        }
        if !goes_on {
            // It may be the file that is still written to.
            self.wait();
        }
        let opened = self.open(format, &wanted.path, values);
        let started = opened.and_then(|file| {
            if goes_on {
                return Ok(Step::GoOn(wanted.clone(), Some(file), selection));
            }
            let saver = Saver::start(self.setup.store.clone(), file, selection)?;
            let wanted = wanted.clone();
            Ok(Step::Start(Active { wanted, saver }))
        });
        started.map_err(|source| SavingError::File {
            path: wanted.path,
            source,
        })
    }

    fn take(&mut self, nth: usize, step: Step) {
        match step {
            Step::Keep => {}
            Step::End => self.end(nth, true),
            Step::Start(active) => {
                if self.begun {
                    active.saver.begin();
                }
                if let Some(file) = self.files.get_mut(nth) {
                    *file = Some(active);
                }
            }
            Step::GoOn(wanted, file, selection) => {
                if let Some(active) = self.files.get_mut(nth).and_then(Option::as_mut) {
                    active.saver.go_on(file, selection);
                    active.wanted = wanted;
                }
            }
        }
    }

    /// Ends one file, and has that `said` when it is done.
    fn end(&mut self, nth: usize, said: bool) {
        if let Some(active) = self.files.get_mut(nth).and_then(Option::take) {
            self.ending.push(active.saver.end(said));
        }
    }

    /// Waits for those that end.
    fn wait(&mut self) {
        for thread in self.ending.drain(..) {
            // A thread that panicked has said so.
            self.ended.extend(thread.join().unwrap_or_default());
        }
    }

    fn selection(&self, wanted: &Wanted) -> Result<Selection, SavingError> {
        let filter = wanted.filter.as_deref();
        let filter = filter.map(|text| Filter::parse(text, self.setup.filters));
        let filter = filter.transpose().map_err(|error| SavingError::Option {
            message: error.to_string(),
            hint: error.hint(),
        })?;
        let redactor = self.setup.redactor.with_rules(&wanted.redact);
        let redactor = redactor.map_err(|error| SavingError::Option {
            message: error.to_string(),
            hint: error.hint(),
        })?;
        Ok(Selection { filter, redactor })
    }

    fn open(&self, format: SaveFormat, path: &str, values: &Values) -> Result<Opened, SaveError> {
        let path = match path {
            "-" if self.setup.has_screen => return Err(SaveError::Screen),
            "-" => "/dev/stdout".to_owned(),
            path => {
                let (plus, path) = match path.strip_prefix('+') {
                    Some(path) if format == SaveFormat::Flows => ("+", path),
                    _ => ("", path),
                };
                format!("{plus}{}", values.expand(path).display())
            }
        };
        Opened::open(SaveSettings {
            path,
            format,
            inputs: values.list(keys::RFILE).iter().map(PathBuf::from).collect(),
            offset: self.setup.offset,
        })
    }
}

impl Wanted {
    /// What options say about the file of this format; none if there is to be none.
    fn new(format: SaveFormat, values: &Values) -> Option<Self> {
        let (path, filter) = match format {
            SaveFormat::Flows => (
                values.opt_str(keys::SAVE_STREAM_FILE)?,
                values.opt_str(keys::SAVE_STREAM_FILTER),
            ),
            SaveFormat::Har => (values.str(keys::HARDUMP), None),
        };
        (!path.is_empty()).then(|| Self {
            path: path.to_owned(),
            filter: filter.map(str::to_owned),
            redact: values.list(keys::REDACT).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
