//! Work on files that takes its time: flows into a file, flows out of one. It is done beside the screen, which shows how
//! far it is.

mod cut;
mod place;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ratel_core::eventlog::Level;
use ratel_core::files::FlowFiles;
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::store::FlowStore;
use ratel_flow::format::{size, with_hint};
use ratel_flow::io::har::HarFile;
use ratel_flow::io::{AppendError, FlowFile, WriteError};
use ratel_flow::redact::Redactor;
use ratel_flow::{FlowId, Record};

use crate::files::write;
use place::Place;

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
    /// Writes attributes of flows to a file: one of one flow as it is, else a table.
    Cut {
        /// Which flows.
        flows: Vec<FlowId>,
        /// Which attributes.
        cuts: Vec<String>,
        /// Where to.
        path: PathBuf,
        /// Behind what is there.
        append: bool,
    },
    /// Writes an exported flow to a file.
    Export {
        /// What it is exported as.
        text: Vec<u8>,
        /// Where to.
        path: PathBuf,
    },
    /// Has the requests of a file sent again.
    Send {
        /// Which file.
        path: PathBuf,
    },
    /// Has requests answered from flows.
    Play {
        /// Which.
        flows: Vec<FlowId>,
        /// Those before go on to be played, too.
        more: bool,
    },
    /// Has requests answered from a file.
    PlayFile {
        /// Which file.
        path: PathBuf,
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

/// What sends requests again, and what plays responses.
#[derive(Clone, Debug)]
pub struct Replays {
    /// Sends.
    pub client: ClientReplay,
    /// Plays.
    pub server: ServerReplay,
}

/// What errands are done with.
pub struct Means<'a> {
    /// Where flows are taken from and put to.
    pub shelf: &'a dyn Shelf,
    /// Opens files that hold flows.
    pub files: &'a FlowFiles,
    /// Takes secrets out of what is written.
    pub redactor: &'a Redactor,
    /// Takes what is to be sent again or played.
    pub replays: &'a Replays,
    /// Says what came of it.
    pub log: &'a dyn Fn(Level, &str),
}

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
            Errand::Save { flows, .. } | Errand::Cut { flows, .. } => {
                format!("saving {done}/{}", flows.len())
            }
            Errand::Export { .. } => "exporting".to_owned(),
            Errand::Load { .. } => format!("loading {done}"),
            Errand::Send { .. } | Errand::Play { .. } | Errand::PlayFile { .. } => {
                "preparing replay".to_owned()
            }
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
    pub fn run(&self, means: &Means<'_>, progress: &Progress) {
        let log = means.log;
        match self {
            Self::Save { flows, path, form } => {
                if let Err(error) = save(flows, path, *form, means, progress) {
                    let (shown, why) = (path.display(), with_hint(&error, error.hint()));
                    log(
                        Level::Error,
                        &format!("cannot save flows to {shown}: {why}"),
                    );
                }
            }
            Self::Cut {
                flows,
                cuts,
                path,
                append,
            } => match cut::save(flows, cuts, path, *append, means, progress) {
                Ok(text) => log(Level::Alert, &text),
                Err(error) => {
                    let shown = path.display();
                    log(Level::Error, &format!("cannot write {shown}: {error}"));
                }
            },
            Self::Export { text, path } => match write(path, text) {
                Ok(()) => {
                    let bytes = size(text.len() as u64);
                    let shown = path.display();
                    log(Level::Alert, &format!("{bytes} written to {shown}"));
                }
                Err(error) => {
                    let shown = path.display();
                    log(Level::Error, &format!("cannot write {shown}: {error}"));
                }
            },
            Self::Load { path } => load(path, means, progress),
            Self::Send { path } => {
                if let Err(why) = means.replays.client.file(path) {
                    log(Level::Error, &why);
                }
            }
            Self::Play { flows, more } => {
                let server = &means.replays.server;
                let played = match more {
                    true => server.add(flows),
                    false => server.flows(flows),
                };
                said_played(log, played);
            }
            Self::PlayFile { path } => match means.replays.server.file(path) {
                Ok(played) => said_played(log, played),
                Err(why) => log(Level::Error, &why),
            },
        }
        progress.ended.store(true, Ordering::Relaxed);
    }
}

fn said_played(log: &dyn Fn(Level, &str), played: usize) {
    let text = match played {
        0 => "no flow has a response that requests could be answered with".to_owned(),
        1 => "requests are answered from 1 flow".to_owned(),
        played => format!("requests are answered from {played} flows"),
    };
    log(Level::Alert, &text);
}

// Saving

/// Why flows are not saved.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Append(#[from] AppendError),
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

impl Place {
    fn open(&self, form: Form) -> Result<Out, SaveError> {
        let path = self.path();
        Ok(match form {
            Form::Flows => Out::Flows(Box::new(FlowFile::create(path)?)),
            Form::MoreFlows => Out::Flows(Box::new(FlowFile::append(path)?)),
            Form::Har => {
                let name = self.target().to_string_lossy();
                let compressed = HarFile::<Vec<u8>>::is_compressed(&name);
                Out::Har(Box::new(HarFile::new(File::create(path)?, compressed)?))
            }
        })
    }
}

fn save(
    flows: &[FlowId],
    path: &Path,
    form: Form,
    means: &Means<'_>,
    progress: &Progress,
) -> Result<(), SaveError> {
    let Means {
        shelf,
        redactor,
        log,
        ..
    } = means;
    let place = Place::new(path, form == Form::MoreFlows)?;
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

fn load(path: &Path, means: &Means<'_>, progress: &Progress) {
    let Means {
        shelf, files, log, ..
    } = means;
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
