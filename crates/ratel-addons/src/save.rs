//! `save_stream_file` and `hardump`: flows are written to a file as they finish, and those that have not when the program
//! ends.
//!
//! A thread of its own is fed by the store, so that a disk that is slow never holds up the traffic. A flow that could not
//! be written whole is not in the file at all: what is there can be read, whatever happens.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratel_core::clock;
use ratel_core::store::{Backlog, FlowStore, Subscription};
use ratel_flow::filter::Filter;
use ratel_flow::io::har::{GrowingHar, HarFile};
use ratel_flow::io::{AppendError, FlowFile, WriteError};
use ratel_flow::redact::Redactor;
use ratel_flow::{FlowId, Record};
use time::format_description::{self, OwnedFormatItem};
use time::{OffsetDateTime, UtcOffset};

/// How long updates gather before they are written.
const GATHER: Duration = Duration::from_millis(5);

/// After a failure nothing is tried for this long.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What is written, and where.
#[derive(Debug)]
pub struct SaveSettings {
    /// `save_stream_file`: a path, with a leading `+` to append, and with patterns of `strftime` in it.
    pub path: String,
    /// As what.
    pub format: SaveFormat,
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Files that are read meanwhile. None of them is emptied, whatever name it goes by.
    pub inputs: Vec<PathBuf>,
    /// Takes secrets out of them first.
    pub redactor: Redactor,
    /// What local time is ahead of UTC.
    pub offset: UtcOffset,
}

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveFormat {
    /// Flows, each whole once it is there.
    Flows,
    /// An HTTP archive. Its name is the path as it is. A compressed one is whole at the end, any other after each flow.
    Har,
}

/// The writing thread.
#[derive(Debug)]
pub struct Saver {
    thread: JoinHandle<Outcome>,
    bell: SyncSender<()>,
    begun: Arc<AtomicBool>,
    last: Arc<AtomicBool>,
    handled: Arc<AtomicU64>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Flows that are in files.
    pub written: u64,
    /// Flows that are not, since they could not be written.
    pub missing: u64,
}

impl Saver {
    /// Opens the file, for what finishes from here on. Nothing is written, and a file that is there keeps what it holds,
    /// before [`begin`](Self::begin): the program may turn out not to start.
    ///
    /// # Errors
    /// When the file cannot be made, or no thread be started.
    pub fn start(store: FlowStore, settings: SaveSettings) -> Result<Self, SaveError> {
        let (bell, rung) = sync_channel(1);
        let ring = bell.clone();
        let updates = store.subscribe_with(Box::new(move || ring_once(&ring)));
        let handled = Arc::new(AtomicU64::new(0));
        let mut work = Work {
            store,
            target: Target::new(&settings),
            settings,
            updates,
            backlog: Backlog::default(),
            opened: None,
            out: None,
            failed: None,
            is_last: false,
            outcome: Outcome::default(),
            handled: handled.clone(),
        };
        if work.target.append {
            // Nothing is lost by that, and it has to be seen that something can be added.
            work.target()?;
        } else {
            let path = work.target.path(work.settings.offset);
            work.opened = Some((path.clone(), work.open(&path)?));
        }
        let begun = Arc::new(AtomicBool::new(false));
        let may_write = begun.clone();
        let last = Arc::new(AtomicBool::new(false));
        let finishing = last.clone();
        let thread = thread::Builder::new()
            .name("ratel-save".into())
            .spawn(move || work.run(&rung, &may_write, &finishing))?;
        Ok(Self {
            thread,
            bell,
            begun,
            last,
            handled,
        })
    }

    /// Empties the file, unless it is appended to, and begins to write.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        ring_once(&self.bell);
    }

    /// How many flows that have finished it is done with.
    #[must_use]
    pub fn handled(&self) -> Arc<AtomicU64> {
        self.handled.clone()
    }

    /// Writes what is finished, and what is not as it is, and ends. One that was not told to begin leaves the file alone.
    #[must_use]
    pub fn finish(self) -> Outcome {
        self.last.store(true, Ordering::SeqCst);
        ring_once(&self.bell);
        self.thread.join().unwrap_or_default()
    }
}

fn ring_once(bell: &SyncSender<()>) {
    match bell.try_send(()) {
        // Full: it is going to look anyway.
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
    }
}

struct Work {
    store: FlowStore,
    settings: SaveSettings,
    target: Target,
    updates: Subscription,
    backlog: Backlog,
    /// The first file, which was opened to see whether it can be.
    opened: Option<(PathBuf, File)>,
    out: Option<Out>,
    /// Since when nothing can be written.
    failed: Option<Instant>,
    /// There is no later time to try again.
    is_last: bool,
    outcome: Outcome,
    handled: Arc<AtomicU64>,
}

/// The file that is being written.
enum Out {
    Flows(PathBuf, Box<FlowFile>),
    Har(Box<GrowingHar>),
    /// Compressed, or into a pipe: there is no going back in it.
    HarStream(Box<HarFile<File>>),
}

impl Work {
    fn run(mut self, rung: &Receiver<()>, begun: &AtomicBool, last: &AtomicBool) -> Outcome {
        // The senders live as long as the subscription, which this thread owns.
        while rung.recv().is_ok() {
            thread::sleep(GATHER);
            // Looked at first, so that what was there when it was set is written.
            let is_last = last.load(Ordering::SeqCst);
            if !begun.load(Ordering::SeqCst) {
                match is_last {
                    true => return self.outcome,
                    false => continue,
                }
            }
            // The file is there, and empty, before there is a flow.
            if self.opened.is_some()
                && let Err(error) = self.target()
            {
                self.fail(&error);
            }
            if is_last {
                self.store.flush();
                self.is_last = true;
            }
            while let Some(update) = self.updates.try_next() {
                let finished = self.backlog.take_in(update, &self.store).finished;
                for id in finished {
                    self.flow(id);
                    self.handled.fetch_add(1, Ordering::Relaxed);
                }
            }
            if is_last {
                for id in self.backlog.take_live() {
                    self.flow(id);
                }
            }
            if is_last {
                break;
            }
        }
        let finished = match self.out.take() {
            Some(Out::HarStream(archive)) => archive.finish().map(|_| true),
            Some(Out::Har(_)) => Ok(true),
            Some(Out::Flows(..)) | None => Ok(false),
        };
        match finished {
            Ok(true) => tracing::info!(
                "wrote {} flows to {}",
                self.outcome.written,
                self.settings.path
            ),
            Ok(false) => {}
            Err(error) => self.end_missing(&error.into()),
        }
        self.outcome
    }

    /// The end of an archive could not be written.
    fn end_missing(&mut self, error: &SaveError) {
        // Its flows were counted if it had broken off before.
        match self.outcome.missing {
            0 => self.fail(error),
            _ => tracing::debug!("the archive is not whole: {error}"),
        }
    }

    fn flow(&mut self, id: FlowId) {
        let unwanted = |filter: &Filter| !self.store.matches(id, filter);
        if self.settings.filter.as_ref().is_some_and(unwanted) {
            return;
        }
        let waits = |since: Instant| since.elapsed() < RETRY_AFTER;
        if !self.is_last && self.failed.is_some_and(waits) {
            self.outcome.missing += 1;
            return;
        }
        // None: it has nothing that can be written, or was evicted.
        let Some(record) = self.store.record(id) else {
            return;
        };
        match self.write(&record) {
            Ok(()) => {
                self.outcome.written += 1;
                if self.failed.take().is_some() {
                    tracing::info!("flows are written to {} again", self.settings.path);
                }
            }
            // A flow that is gone is no fault of the file.
            Err(SaveError::Write(WriteError::Flow(error))) => {
                tracing::warn!("flow {id} is not written: {error}");
                self.outcome.missing += 1;
            }
            Err(error) => self.fail(&error),
        }
    }

    fn write(&mut self, record: &Record) -> Result<(), SaveError> {
        let record = &self.settings.redactor.redact(record);
        match self.target()? {
            Out::Flows(_, file) => Ok(file.write(record)?),
            Out::Har(archive) => {
                archive.write(record)?;
                Ok(())
            }
            Out::HarStream(archive) => {
                archive.write(record)?;
                Ok(())
            }
        }
    }

    /// Opens a file for what is to be written, and leaves what it holds.
    fn open(&self, path: &Path) -> Result<File, SaveError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false);
        let file = match self.settings.format {
            // Entries of an archive are written over its end.
            SaveFormat::Har => options.write(true),
            SaveFormat::Flows if self.target.append => options.read(true).append(true),
            SaveFormat::Flows => options.append(true),
        }
        .open(path)?;
        if !self.target.append && self.is_input(&file)? {
            return Err(SaveError::Input);
        }
        Ok(file)
    }

    fn is_input(&self, file: &File) -> io::Result<bool> {
        let metadata = file.metadata()?;
        let same = |input: &PathBuf| {
            std::fs::metadata(input)
                .is_ok_and(|input| (input.dev(), input.ino()) == (metadata.dev(), metadata.ino()))
        };
        Ok(metadata.is_file() && self.settings.inputs.iter().any(same))
    }

    /// Nothing is tried for a while. Said once.
    fn fail(&mut self, error: &SaveError) {
        self.outcome.missing += 1;
        if self.failed.replace(Instant::now()).is_none() {
            tracing::error!(
                hint =
                    "traffic passes meanwhile; flows that finish now will be missing from the file",
                "cannot write flows to {}: {error}",
                self.settings.path
            );
        }
    }

    /// The file for now, which is another one when the name has changed.
    fn target(&mut self) -> Result<&mut Out, SaveError> {
        let path = self.target.path(self.settings.offset);
        let is_open = match &self.out {
            None => false,
            Some(Out::Flows(open, _)) => *open == path,
            Some(Out::Har(_) | Out::HarStream(_)) => true,
        };
        if !is_open {
            self.out = None;
            let file = match self.opened.take() {
                Some((opened, file)) if opened == path => file,
                _ => self.open(&path)?,
            };
            self.out = Some(match self.settings.format {
                SaveFormat::Har => {
                    let compressed = HarFile::<Vec<u8>>::is_compressed(&self.settings.path);
                    if !compressed && file.metadata()?.is_file() {
                        Out::Har(Box::new(GrowingHar::new(file)?))
                    } else {
                        empty(&file)?;
                        Out::HarStream(Box::new(HarFile::new(file, compressed)?))
                    }
                }
                SaveFormat::Flows if self.target.append => {
                    let file = FlowFile::append_to(file)?;
                    Out::Flows(path, Box::new(file))
                }
                SaveFormat::Flows => {
                    let file = FlowFile::over(file)?;
                    Out::Flows(path, Box::new(file))
                }
            });
        }
        let out = self.out.as_mut();
        out.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
    }
}

/// A pipe or a terminal holds nothing.
fn empty(file: &File) -> io::Result<()> {
    match file.metadata()?.is_file() {
        true => file.set_len(0),
        false => Ok(()),
    }
}

/// Why flows are not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The file, its folder, or the thread cannot be made.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Flows cannot be added to the file.
    #[error("{0}")]
    Append(#[from] AppendError),
    /// The file would be emptied while it is read.
    #[error("it cannot be read and written at the same time")]
    Input,
    /// A flow cannot be written.
    #[error("{0}")]
    Write(#[from] WriteError),
}

impl SaveError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Append(error) => error.hint(),
            Self::Input => Some("write to another file, or append to this one with `-w +FILE`"),
            _ => None,
        }
    }
}

/// Where flows are written to, at any time.
struct Target {
    append: bool,
    /// The path, as a format for the time if it is one.
    path: String,
    format: Option<OwnedFormatItem>,
}

impl Target {
    fn new(settings: &SaveSettings) -> Self {
        let is_har = settings.format == SaveFormat::Har;
        let (append, path) = match settings.path.strip_prefix('+') {
            Some(path) if !is_har => (true, path),
            _ => (false, &*settings.path),
        };
        let format = (path.contains('%') && !is_har)
            .then(|| format_description::parse_strftime_owned(path).ok());
        Self {
            append,
            path: path.to_owned(),
            format: format.flatten(),
        }
    }

    fn path(&self, offset: UtcOffset) -> PathBuf {
        let seconds = i64::try_from(clock::now().0 / 1_000_000_000).unwrap_or_default();
        let now = OffsetDateTime::from_unix_timestamp(seconds)
            .map(|now| now.to_offset(offset))
            .ok();
        let formatted = self.format.as_ref().zip(now);
        let formatted = formatted.and_then(|(format, now)| now.format(format).ok());
        PathBuf::from(formatted.unwrap_or_else(|| self.path.clone()))
    }
}
