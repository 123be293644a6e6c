//! `save_stream_file` and `hardump`: flows are written to a file as they finish, and those that have not when the writing
//! ends.
//!
//! A [`Saver`] is a thread of its own that is fed by the store, so that a disk that is slow never holds up the traffic. A flow
//! that could not be written whole is not in the file at all: what is there can be read, whatever happens. [`Saving`] has a
//! saver for each file that the options name, and follows them as they change.

mod saving;
mod target;
mod work;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratel_core::store::{Backlog, FlowStore};
use ratel_flow::filter::Filter;
use ratel_flow::io::{AppendError, WriteError};
use ratel_flow::redact::Redactor;
use time::UtcOffset;

pub use saving::{Saving, SavingError, SavingSetup};
use target::{Ready, Target};
use work::Work;

/// What is written, and where.
#[derive(Debug)]
pub struct SaveSettings {
    /// `save_stream_file`: a path, with a leading `+` to append, and with patterns of `strftime` in it.
    pub path: String,
    /// As what.
    pub format: SaveFormat,
    /// Files that are read meanwhile. None of them is emptied, whatever name it goes by.
    pub inputs: Vec<PathBuf>,
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

/// Which flows are written, and what of them.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Takes secrets out of them first.
    pub redactor: Redactor,
}

/// The writing thread.
#[derive(Debug)]
pub struct Saver {
    thread: JoinHandle<Vec<Outcome>>,
    bell: SyncSender<()>,
    orders: Arc<Orders>,
    handled: Arc<AtomicU64>,
}

/// How long a change waits to be taken up by a thread that is busy writing. It comes into force later then.
const TAKEN_UP: Duration = Duration::from_millis(500);

/// What the writing thread is told.
#[derive(Debug, Default)]
struct Orders {
    told: Mutex<Told>,
    /// Something was taken up.
    done: Condvar,
}

#[derive(Debug, Default)]
struct Told {
    begun: bool,
    last: bool,
    /// What was written is to be said at the end.
    said: bool,
    /// Nothing more is written.
    ended: bool,
    next: Option<Next>,
}

/// What is different from here on.
#[derive(Debug)]
struct Next {
    file: Option<Opened>,
    selection: Selection,
}

/// A file that can be written. It holds what it held until flows are.
#[derive(Debug)]
pub struct Opened {
    target: Target,
    ready: Ready,
}

/// What was written to one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The path, as it was given.
    pub path: String,
    /// Flows that are in it.
    pub written: u64,
    /// Flows that are not, since they could not be written.
    pub missing: u64,
}

impl Opened {
    /// Opens a file, and makes sure that something can be written. What it holds stays.
    ///
    /// # Errors
    /// When the file cannot be made, or holds what nothing can be added to.
    pub fn open(settings: SaveSettings) -> Result<Self, SaveError> {
        let target = Target::new(settings);
        let ready = target.ready()?;
        if target.append {
            // Nothing is lost by that, and it has to be seen that something can be added.
            drop(target.begin(None)?);
        }
        Ok(Self { target, ready })
    }
}

impl Saver {
    /// Starts a thread for what finishes from here on. Nothing is written, and the file keeps what it holds, before
    /// [`begin`](Self::begin): the program may turn out not to start.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(store: FlowStore, file: Opened, selection: Selection) -> Result<Self, SaveError> {
        let (bell, rung) = sync_channel(1);
        let ring = bell.clone();
        // What has finished by now is known to have.
        store.flush();
        let updates = store.subscribe_with(Box::new(move || ring_once(&ring)));
        let handled = Arc::new(AtomicU64::new(0));
        let orders = Arc::<Orders>::default();
        let work = Work {
            backlog: Backlog::from_here(&store),
            store,
            outcome: Outcome {
                path: file.target.name.clone(),
                ..Outcome::default()
            },
            target: file.target,
            ready: Some(file.ready),
            selection,
            updates,
            out: None,
            failed: None,
            is_last: false,
            done: Vec::new(),
            handled: handled.clone(),
        };
        let told = orders.clone();
        let thread = thread::Builder::new()
            .name("ratel-save".into())
            .spawn(move || work.run(&rung, &told))?;
        Ok(Self {
            thread,
            bell,
            orders,
            handled,
        })
    }

    /// Empties the file, unless it is appended to, and begins to write.
    pub fn begin(&self) {
        self.orders.told().begun = true;
        ring_once(&self.bell);
    }

    /// Goes on with another selection, and with another file if there is one. What has finished by now is written as before;
    /// flows that go on are written to the file that is open when they finish.
    fn go_on(&self, file: Option<Opened>, selection: Selection) {
        let mut told = self.orders.told();
        let waiting = told.next.take().and_then(|next| next.file);
        told.next = Some(Next {
            file: file.or(waiting),
            selection,
        });
        ring_once(&self.bell);
        self.orders.wait(told, |told| told.next.is_some());
    }

    /// How many flows that have finished it is done with; more than there can be once it has ended.
    #[must_use]
    pub fn handled(&self) -> Arc<AtomicU64> {
        self.handled.clone()
    }

    /// Has it write what is finished, and what is not as it is, and end. One that was not told to begin leaves the file
    /// alone. The thread gives what was written, file by file; what is `said` is in the log, too.
    fn end(self, said: bool) -> JoinHandle<Vec<Outcome>> {
        let mut told = self.orders.told();
        (told.last, told.said) = (true, said);
        ring_once(&self.bell);
        self.orders.wait(told, |told| !told.ended);
        self.thread
    }
}

impl Orders {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as something is to come, within reason.
    fn wait(&self, told: MutexGuard<'_, Told>, to_come: impl Fn(&mut Told) -> bool) {
        // Running out of time and a thread that panicked are alike: there is nothing better to do than to go on.
        drop(self.done.wait_timeout_while(told, TAKEN_UP, to_come));
    }
}

fn ring_once(bell: &SyncSender<()>) {
    match bell.try_send(()) {
        // Full: it is going to look anyway.
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
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
    /// The screen is standard output.
    #[error("standard output is the screen")]
    Screen,
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
            Self::Screen => Some("write to a file, or use `ratel dump`"),
            _ => None,
        }
    }
}
