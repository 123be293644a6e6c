//! Work on files that takes its time: flows into a file, flows out of one. It is done beside the screen, which shows how
//! far it is.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ratel_core::eventlog::Level;
use ratel_core::store::FlowStore;
use ratel_flow::io::har::HarFile;
use ratel_flow::io::{AppendError, FlowFile, WriteError};
use ratel_flow::redact::Redactor;
use ratel_flow::{FlowId, Record};
use tempfile::NamedTempFile;

/// So many troubles with a file are said one by one.
const TROUBLES_SAID: u64 = 10;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Writes flows to a file.
    Save {
        /// Which.
        flows: Vec<FlowId>,
        /// Where to.
        path: PathBuf,
        /// As what.
        form: Form,
    },
    /// Reads the flows of a file.
    Load {
        /// Which file.
        path: PathBuf,
    },
}

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Flows.
    Flows,
    /// Flows behind those that are there.
    MoreFlows,
    /// An HTTP archive.
    Har,
}

/// Where flows are taken from and put to. The store, mostly.
pub trait Shelf {
    /// A whole flow; none if it is gone, or has nothing that can be written.
    fn take(&self, id: FlowId) -> Option<Record>;
    /// Adds a flow.
    ///
    /// # Errors
    /// When a part of it cannot be read.
    fn put(&self, record: &Record) -> io::Result<FlowId>;
}

impl Shelf for FlowStore {
    fn take(&self, id: FlowId) -> Option<Record> {
        self.record(id)
    }

    fn put(&self, record: &Record) -> io::Result<FlowId> {
        self.import(record)
    }
}

/// Opens files that hold flows, whatever their format.
pub trait FlowFiles: Debug + Send + Sync {
    /// The flows of a file.
    ///
    /// # Errors
    /// A sentence when it cannot be opened, or is something else.
    fn open(&self, path: &Path) -> Result<Records, String>;
}

/// Flows one by one. What is wrong with one of them or with the file comes in its place, as a sentence.
pub type Records = Box<dyn Iterator<Item = Result<Record, String>> + Send>;

/// How far an errand is.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    stopped: AtomicBool,
    ended: AtomicBool,
}

impl Progress {
    /// In a few words, for the status bar.
    #[must_use]
    pub fn text(&self, errand: &Errand) -> String {
        let done = self.done.load(Ordering::Relaxed);
        match errand {
            Errand::Save { flows, .. } => format!("saving {done}/{}", flows.len()),
            Errand::Load { .. } => format!("loading {done}"),
        }
    }

    /// Has it end early. What is saved is saved to its end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more comes of it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Errand {
    /// Does it, to its end. What came of it is said in the log.
    pub fn run(
        &self,
        shelf: &dyn Shelf,
        files: &dyn FlowFiles,
        redactor: &Redactor,
        progress: &Progress,
        log: &dyn Fn(Level, &str),
    ) {
        match self {
            Self::Save { flows, path, form } => {
                let saved = save(flows, path, *form, shelf, redactor, progress, log);
                if let Err(error) = saved {
                    let hint = error.hint().map(|hint| format!(" ({hint})"));
                    let hint = hint.unwrap_or_default();
                    let shown = path.display();
                    log(
                        Level::Error,
                        &format!("cannot save flows to {shown}: {error}{hint}"),
                    );
                }
            }
            Self::Load { path } => load(path, shelf, files, progress, log),
        }
        progress.ended.store(true, Ordering::Relaxed);
    }
}

// Saving

/// Why flows are not saved.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Append(#[from] AppendError),
    #[error("it is a folder")]
    Folder,
}

impl SaveError {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Append(error) => error.hint(),
            _ => None,
        }
    }
}

/// What flows are written into.
enum Out {
    Flows(Box<FlowFile>),
    Har(Box<HarFile<File>>),
}

impl Out {
    /// What of the flow is wrong is said; the rest goes on. True when it was written.
    fn write(&mut self, record: &Record) -> io::Result<Result<bool, io::Error>> {
        match self {
            Self::Flows(file) => match file.write(record) {
                Ok(()) => Ok(Ok(true)),
                Err(WriteError::Flow(error)) => Ok(Err(error)),
                Err(WriteError::Output(error)) => Err(error),
                Err(error) => Err(io::Error::other(error)),
            },
            Self::Har(archive) => {
                let written = archive.write(record)?;
                Ok(Ok(written == ratel_flow::io::har::Written::Entry))
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Flows(_) => Ok(()),
            Self::Har(archive) => archive.finish().map(drop),
        }
    }
}

/// Where a file is made. One that takes the place of another does so once it is complete: what goes wrong leaves the
/// other as it was, and flows that lie in it can be read until then.
struct Place {
    target: PathBuf,
    beside: Option<NamedTempFile>,
}

impl Place {
    fn new(path: &Path, form: Form) -> Result<Self, SaveError> {
        // What a link leads to is what is written.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = fs::metadata(&target).ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(SaveError::Folder);
        }
        // A pipe or a terminal is written to as it is.
        let is_special = there.as_ref().is_some_and(|there| !there.is_file());
        if is_special || form == Form::MoreFlows {
            return Ok(Self {
                target,
                beside: None,
            });
        }
        let folder = target.parent().filter(|at| !at.as_os_str().is_empty());
        let beside = tempfile::Builder::new()
            .prefix(".ratel-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        if let Some(there) = there {
            beside.as_file().set_permissions(there.permissions())?;
        }
        Ok(Self {
            target,
            beside: Some(beside),
        })
    }

    fn open(&self, form: Form) -> Result<Out, SaveError> {
        let path = self
            .beside
            .as_ref()
            .map_or(&*self.target, |file| file.path());
        Ok(match form {
            Form::Flows => Out::Flows(Box::new(FlowFile::create(path)?)),
            Form::MoreFlows => Out::Flows(Box::new(FlowFile::append(path)?)),
            Form::Har => {
                let name = self.target.to_string_lossy();
                let compressed = HarFile::<Vec<u8>>::is_compressed(&name);
                Out::Har(Box::new(HarFile::new(File::create(path)?, compressed)?))
            }
        })
    }

    fn keep(self) -> io::Result<()> {
        match self.beside {
            Some(file) => match file.persist(self.target) {
                Ok(_) => Ok(()),
                Err(refused) => Err(refused.error),
            },
            None => Ok(()),
        }
    }
}

fn save(
    flows: &[FlowId],
    path: &Path,
    form: Form,
    shelf: &dyn Shelf,
    redactor: &Redactor,
    progress: &Progress,
    log: &dyn Fn(Level, &str),
) -> Result<(), SaveError> {
    let place = Place::new(path, form)?;
    let mut out = place.open(form)?;
    let (mut saved, mut others, mut gone, mut troubles) = (0, 0, 0, 0);
    for id in flows {
        match shelf.take(*id) {
            None => gone += 1,
            Some(record) => match out.write(&redactor.redact(&record))? {
                Ok(true) => saved += 1,
                Ok(false) => others += 1,
                Err(error) => {
                    troubles += 1;
                    if troubles <= TROUBLES_SAID {
                        log(Level::Warn, &format!("flow {id} is not saved: {error}"));
                    }
                }
            },
        }
        progress.step();
    }
    out.finish()?;
    place.keep()?;
    let shown = path.display();
    let mut text = match form {
        Form::Har => format!("HAR file saved ({} in {shown}).", count(saved)),
        Form::Flows => format!("Saved {} to {shown}.", count(saved)),
        Form::MoreFlows => format!("Added {} to {shown}.", count(saved)),
    };
    for (number, why) in [
        (others, "are no HTTP, for which the format has no place"),
        (gone, "have nothing that can be saved, or were dropped"),
        (troubles, "could not be read"),
    ] {
        if number > 0 {
            text.push_str(&format!(" {number} others {why}."));
        }
    }
    log(Level::Alert, &text);
    Ok(())
}

// Loading

fn load(
    path: &Path,
    shelf: &dyn Shelf,
    files: &dyn FlowFiles,
    progress: &Progress,
    log: &dyn Fn(Level, &str),
) {
    let records = match files.open(path) {
        Ok(records) => records,
        Err(why) => return log(Level::Error, &why),
    };
    let shown = path.display();
    let (mut loaded, mut troubles) = (0, 0u64);
    for record in records {
        if progress.stopped.load(Ordering::Relaxed) {
            break;
        }
        let taken = record.and_then(|mut record| {
            // The same file may be loaded twice.
            record.id = ratel_flow::flow::next_uuid(0).into();
            let why = |error| format!("{shown}: a part of a flow cannot be read: {error}");
            shelf.put(&record).map_err(why)
        });
        match taken {
            Ok(_) => loaded += 1,
            Err(why) => {
                troubles += 1;
                if troubles <= TROUBLES_SAID {
                    log(Level::Error, &why);
                }
            }
        }
        progress.step();
    }
    if let Some(more @ 1..) = troubles.checked_sub(TROUBLES_SAID) {
        let text = format!("{shown}: {more} more flows could not be read");
        log(Level::Error, &text);
    }
    let text = format!("Loaded {} from {shown}.", count(loaded));
    match (troubles, loaded) {
        (0, _) => log(Level::Alert, &text),
        // That nothing could be read was said.
        (_, 0) => {}
        (_, _) => log(Level::Warn, &text),
    }
}

fn count(flows: u64) -> String {
    match flows {
        1 => "1 flow".to_owned(),
        flows => format!("{flows} flows"),
    }
}

#[cfg(test)]
mod tests;
