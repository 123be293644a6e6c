//! Requests that wait to be sent again.
//!
//! A flow of the store is run anew in its own row, and what it was is kept with it; one from a file gets a row of its
//! own. Nothing waits in memory but ids and files: a file is read as its flows are sent.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ratel_flow::{FlowId, Record};
use tokio::sync::Notify;

use super::refusal::{self, ReplayError};
use crate::files::{FlowFiles, Records};
use crate::options::Options;
use crate::store::{FlowStore, Reopened, lock};

/// Flows that may wait to be sent again.
pub const QUEUE_MAX: usize = 100_000;

/// Flows that are read from a file ahead of their turn.
const AHEAD: usize = 64;

/// What sends requests again. Cheap to clone.
#[derive(Clone)]
pub struct ClientReplay(Arc<Inner>);

impl std::fmt::Debug for ClientReplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ClientReplay").field(&self.count()).finish()
    }
}

struct Inner {
    store: FlowStore,
    files: FlowFiles,
    queue: Mutex<Queue>,
    /// There is something to send, or room to send it in.
    wake: Notify,
    /// What waited is not wanted any more.
    stopped: Notify,
    /// How often something in a file could not be read.
    troubles: AtomicU64,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Queued>,
    /// Requests on their way, and files that are being read.
    in_flight: usize,
    /// Those of them that are flows of the store.
    running: HashSet<FlowId>,
    /// So many times something was queued.
    batches: u64,
    /// So many times everything was forgotten.
    stops: u64,
}

/// What waits to be sent.
#[derive(Debug)]
pub struct Queued {
    /// What was queued together has the same number.
    pub batch: u64,
    /// What it is.
    pub item: Item,
}

/// A flow that waits to be sent, or some of them.
pub enum Item {
    /// A flow of the store.
    Stored(FlowId),
    /// A flow from a file.
    Filed(Box<Record>),
    /// The rest of a file.
    File(Arc<str>, Records),
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stored(id) => f.debug_tuple("Stored").field(id).finish(),
            Self::Filed(record) => f.debug_tuple("Filed").field(&record.id).finish(),
            Self::File(path, _) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl ClientReplay {
    /// What sends flows of that store, and of files.
    #[must_use]
    pub fn new(store: FlowStore, files: FlowFiles) -> Self {
        Self(Arc::new(Inner {
            store,
            files,
            queue: Mutex::default(),
            wake: Notify::new(),
            stopped: Notify::new(),
            troubles: AtomicU64::new(0),
        }))
    }

    /// Queues flows of the store, in this order. Returns those that cannot be sent again, and why; each is in the log.
    pub fn flows(&self, ids: &[FlowId]) -> Vec<(FlowId, ReplayError)> {
        let mut refused = Vec::new();
        let batch = self.batch();
        for id in ids {
            let checked = refusal::check(&self.0.store, *id);
            let item = Item::Stored(*id);
            let queued = checked.and_then(|()| self.push(Queued { batch, item }));
            if let Err(error) = queued {
                tracing::warn!("[replay] flow {id} is not sent again: {error}");
                refused.push((*id, error));
            }
        }
        refused
    }

    /// Queues the flows of a file, which is read as they are sent. Those that cannot be sent are left out, which the log
    /// says. Blocks while the file is opened.
    ///
    /// # Errors
    /// When the file cannot be opened or has nothing that can be read, or too much waits already: a sentence.
    pub fn file(&self, path: &Path) -> Result<(), String> {
        let records = self.open(path)?;
        let path = path.display().to_string();
        self.records(&path, records)
            .map_err(|error| format!("{path} is not sent again: {error}"))
    }

    /// Opens a file. One in which no flow can be read is none.
    pub(super) fn open(&self, path: &Path) -> Result<Records, String> {
        let mut records = self.0.files.open(path)?;
        let mut first = Vec::new();
        while first.len() < AHEAD {
            match records.next() {
                Some(Err(trouble)) => first.push(Err(trouble)),
                Some(Ok(record)) => {
                    first.push(Ok(record));
                    break;
                }
                None => match first.into_iter().next() {
                    Some(Err(trouble)) => return Err(trouble),
                    _ => return Ok(Box::new(std::iter::empty())),
                },
            }
        }
        Ok(Box::new(first.into_iter().chain(records)))
    }

    pub(super) fn records(&self, path: &str, records: Records) -> Result<(), ReplayError> {
        let (batch, item) = (self.batch(), Item::File(path.into(), records));
        self.push(Queued { batch, item })
    }

    /// Sends what the option `client_replay` names, and whatever a change of it names.
    ///
    /// # Errors
    /// When a file cannot be opened or has nothing that can be read: a sentence. Nothing is sent then.
    pub fn follow(&self, options: &Options) -> Result<(), String> {
        super::follow::follow(self, options)
    }

    /// Requests that wait or are on their way; a file that is not read to its end counts as one.
    #[must_use]
    pub fn count(&self) -> usize {
        let queue = self.queue();
        queue.entries.len() + queue.in_flight
    }

    /// How often something in a file could not be read, so that it was not sent. Each was said in the log.
    #[must_use]
    pub fn troubles(&self) -> u64 {
        self.0.troubles.load(Ordering::Relaxed)
    }

    /// Forgets what waits; what is on its way goes on. Says how many were forgotten.
    pub fn stop(&self) -> usize {
        let forgotten = {
            let mut queue = self.queue();
            queue.stops += 1;
            std::mem::take(&mut queue.entries)
        };
        self.0.stopped.notify_one();
        forgotten.len()
    }

    fn batch(&self) -> u64 {
        let mut queue = self.queue();
        queue.batches += 1;
        queue.batches
    }

    fn push(&self, queued: Queued) -> Result<(), ReplayError> {
        {
            let mut queue = self.queue();
            if queue.entries.len() >= QUEUE_MAX {
                return Err(ReplayError::Full);
            }
            queue.entries.push_back(queued);
        }
        self.0.wake.notify_one();
        Ok(())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.0.queue)
    }
}

/// What the engine does with it.
impl ClientReplay {
    /// What is to be sent next, once there is something, and fewer than `at_once` are on their way. One task at a time
    /// may ask.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&self, at_once: impl Fn() -> usize) -> (Turn, Queued) {
        loop {
            let wake = self.0.wake.notified();
            if let Some(next) = self.take(at_once()) {
                return next;
            }
            wake.await;
        }
    }

    /// Looks again whether something can be sent: more may be on their way than before.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    fn take(&self, at_once: usize) -> Option<(Turn, Queued)> {
        let mut queue = self.queue();
        if queue.in_flight >= at_once {
            return None;
        }
        let next = queue.entries.pop_front()?;
        queue.in_flight += 1;
        let id = match next.item {
            Item::Stored(id) => queue.running.insert(id).then_some(id),
            _ => None,
        };
        let turn = Turn {
            replay: self.clone(),
            stops: queue.stops,
            id,
        };
        Some((turn, next))
    }

    /// Returns once somebody has [stopped](Self::stop) it, or may have.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stopped(&self) {
        self.0.stopped.notified().await;
    }

    /// Reads some flows of a file, and has them and the rest of it wait in its place. Blocks.
    pub fn read(&self, turn: Turn, batch: u64, path: Arc<str>, mut records: Records) {
        let mut ready = Vec::new();
        let mut over = false;
        for _ in 0..AHEAD {
            match records.next() {
                None => {
                    over = true;
                    break;
                }
                Some(Err(trouble)) => {
                    self.0.troubles.fetch_add(1, Ordering::Relaxed);
                    tracing::error!("[replay] {trouble}");
                }
                Some(Ok(record)) => match refusal::check_record(&record) {
                    Ok(()) => ready.push(Item::Filed(Box::new(record))),
                    Err(error) => {
                        let id = &record.id;
                        tracing::warn!("[replay] flow {id} of {path} is not sent again: {error}");
                    }
                },
            }
        }
        if !over {
            ready.push(Item::File(path, records));
        }
        if turn.is_stopped() {
            return;
        }
        let mut queue = self.queue();
        for item in ready.into_iter().rev() {
            queue.entries.push_front(Queued { batch, item });
        }
        drop(queue);
        // Who waits for this to be done finds what came of it.
        drop(turn);
    }

    /// Makes a flow of the store live again. Blocks.
    ///
    /// # Errors
    /// When it cannot be sent again.
    pub fn reopen(&self, turn: &Turn, id: FlowId) -> Result<Reopened, ReplayError> {
        if turn.id.is_none() {
            // It is on its way already.
            return Err(ReplayError::Live);
        }
        // Whoever ran it before may have left its end in the queue.
        self.0.store.flush();
        refusal::check(&self.0.store, id)?;
        Ok(self.0.store.reopen(id)?)
    }

    /// The store its flows are in.
    #[must_use]
    pub fn store(&self) -> &FlowStore {
        &self.0.store
    }
}

/// A request on its way. The next one has its turn when this is dropped.
#[derive(Debug)]
pub struct Turn {
    replay: ClientReplay,
    stops: u64,
    id: Option<FlowId>,
}

impl Turn {
    /// Whether everything that waited then is not wanted any more.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.replay.queue().stops != self.stops
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut queue = self.replay.queue();
            queue.in_flight -= 1;
            if let Some(id) = self.id {
                queue.running.remove(&id);
            }
        }
        self.replay.wake();
    }
}
