//! The flow store: everything that was exchanged, readable while it happens, in bounded memory.
//!
//! # How it works
//! The task that runs an exchange owns a [`FlowWriter`] and emits what happens: heads, pieces of bodies, trailers,
//! ends, errors. Emitting appends to a sharded in-memory *queue* and never waits for a disk. One *store thread* takes
//! everything from the queue a few milliseconds later, appends the bytes to anonymous *segment* files, then enters
//! what they are into the *index*, then tells *subscribers*. Whoever reads gets what the index says: a [`Summary`],
//! a [`FlowSnapshot`], a [`Window`] of a body. Readers and the store thread share one lock, which is never held over
//! a system call; emitters never touch it.
//!
//! # Words
//! *Batch*: what one shard of the queue holds. *Extent*: where a piece of a body lies. *Spill*: moving a long list of
//! extents from memory to the segments. *Evict*: forgetting the oldest finished flows, for memory or for disk.
//! *Lossy*: a flow of which something is missing, because the disk was full or a live flow outlasted the disk budget.
//!
//! # Messages
//! A message of a WebSocket, an event of a stream, a piece of a raw connection is a head of 32 bytes and a
//! place in one of the flow's streams of bytes: its bodies, or what is kept *beside* them (a body that had to be
//! decoded, payloads of control frames). Heads are one more list of extents, so that "the n-th message" is a window
//! of it like any other, and a million messages take no more memory than a body in a million pieces. A message that
//! has begun is known in the index alone.

mod backlog;
mod direct;
mod dns;
mod edit;
mod event;
mod export;
mod extents;
mod filter;
mod head;
mod import;
mod index;
mod known;
mod message;
mod queue;
mod read;
mod reopen;
pub(crate) mod scan;
mod segments;
pub(crate) mod sieve;
mod source;
pub(crate) mod stamp;
pub mod subscribe;
mod thread;
mod window;
mod writer;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};
use std::thread::JoinHandle;

use ratel_flow::{ClientConn, FlowId, FlowKind, Payload, Side, Timestamp};

pub use backlog::{Backlog, News};
pub(crate) use dns::unpack as unpack_dns;
pub use edit::{Edit, EditError};
use event::What;
use index::Index;
pub use message::{MESSAGES_AT_ONCE, MessageWindow};
use queue::Queue;
pub use read::{FlowSnapshot, FlowState, RequestLine, Summary, Times};
pub use reopen::Reopened;
use segments::Recorder;
use subscribe::Hub;
pub use subscribe::{Subscription, Update};
use thread::Worker;
pub use window::{WINDOW_BYTES, Window};
pub use writer::FlowWriter;

/// Where the store lies and how much it may take.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Folder for the segment files. They have no names, so nothing is seen there.
    pub dir: PathBuf,
    /// Bytes of memory for the index; over it the oldest finished flows are evicted.
    pub memory_bytes: usize,
    /// Bytes on disk; over it the oldest segment goes, and the finished flows in it.
    pub disk_bytes: u64,
}

/// Why the store cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No file can be made in the folder.
    #[error("cannot record flows in {}", dir.display())]
    Directory {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store thread cannot be started.
    #[error("cannot start the thread that records flows")]
    Thread(#[source] io::Error),
}

impl StoreError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Directory { .. } => {
                Some("set the environment variable TMPDIR to a folder that can be written")
            }
            Self::Thread(_) => None,
        }
    }
}

/// Figures for a status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Flows that can be read.
    pub flows: usize,
    /// Flows that were evicted since the start.
    pub evicted: u64,
    /// Bytes of memory the index takes.
    pub memory_bytes: usize,
    /// Bytes the segments take on disk.
    pub disk_bytes: u64,
    /// Bytes that wait to be written.
    pub queued_bytes: usize,
}

/// The store. Cheap to clone; the last clone that goes, or [`close`](Self::close), ends the store thread after it
/// has drained the queue.
#[derive(Clone, Debug)]
pub struct FlowStore(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What writers, readers and the store thread share.
#[derive(Debug)]
struct Shared {
    queue: Queue,
    index: RwLock<Index>,
    updates: Hub<Update>,
    next_id: AtomicU64,
    /// When the flow began that began last.
    latest: AtomicU64,
    /// A flow has come that began before one that was there.
    out_of_time: AtomicBool,
    disk: AtomicU64,
    memory_budget: usize,
    /// Who knows what is not in bodies.
    sieves: sieve::Known,
}

impl FlowStore {
    /// Makes the first segment and starts the store thread.
    ///
    /// # Errors
    /// When no file can be made in the folder, or no thread be started.
    pub fn start(config: StoreConfig) -> Result<Self, StoreError> {
        let StoreConfig {
            dir,
            memory_bytes,
            disk_bytes,
        } = config;
        let recorder = Recorder::new(dir.clone(), disk_bytes)
            .map_err(|source| StoreError::Directory { dir, source })?;
        Self::run(recorder, memory_bytes)
    }

    fn run(recorder: Recorder, memory_budget: usize) -> Result<Self, StoreError> {
        let mut index = Index::default();
        index.add_segment(recorder.current().clone());
        let shared = Arc::new(Shared {
            queue: Queue::new(),
            index: RwLock::new(index),
            updates: Hub::default(),
            next_id: AtomicU64::new(1),
            latest: AtomicU64::new(0),
            out_of_time: AtomicBool::new(false),
            disk: AtomicU64::new(0),
            memory_budget,
            sieves: sieve::Known::default(),
        });
        let worker = Worker::new(shared.clone(), recorder);
        let thread = std::thread::Builder::new()
            .name("ratel-store".into())
            .spawn(move || worker.run())
            .map_err(StoreError::Thread)?;
        Ok(Self(Arc::new(Handle {
            shared,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Opens a flow and returns the pen to write it with.
    #[must_use]
    pub fn open(&self, kind: FlowKind, client: &Arc<ClientConn>, now: Timestamp) -> FlowWriter {
        let shared = &self.0.shared;
        shared.latest.fetch_max(now.0, Ordering::Relaxed);
        let id = FlowId(shared.next_id.fetch_add(1, Ordering::Relaxed));
        let writer = FlowWriter::new(shared.clone(), id);
        writer.event(What::Open(kind, client.clone(), now));
        writer
    }

    /// Whom to ask before bodies are read for a filter.
    pub(crate) fn ask_first(&self, sieves: Weak<dyn sieve::Sieves>) {
        self.0.shared.sieves.set(sieves);
    }

    /// How many flows can be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index().len()
    }

    /// Whether there is no flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Figures for a status line.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let index = self.index();
        StoreStats {
            flows: index.len(),
            evicted: index.evicted,
            memory_bytes: index.memory,
            disk_bytes: self.0.shared.disk.load(Ordering::Relaxed),
            queued_bytes: self.0.shared.queue.queued(),
        }
    }

    /// The oldest flow.
    #[must_use]
    pub fn first_id(&self) -> Option<FlowId> {
        self.index().ids().next()
    }

    /// The newest flow.
    #[must_use]
    pub fn last_id(&self) -> Option<FlowId> {
        self.index().ids().next_back()
    }

    /// The ids of the flows at those positions, in the order of their creation; `0..usize::MAX` for all.
    #[must_use]
    pub fn ids(&self, positions: Range<usize>) -> Vec<FlowId> {
        self.index().ids_at(positions.start, positions.end)
    }

    /// The position of a flow among all in the order of their creation; none if it is not there.
    #[must_use]
    pub fn position(&self, id: FlowId) -> Option<usize> {
        self.index().position(id)
    }

    /// When a flow began; none if it was evicted.
    #[must_use]
    pub fn created(&self, id: FlowId) -> Option<Timestamp> {
        Some(self.index().get(id)?.created)
    }

    /// Whether the order of ids is the order in which flows began. Flows of files may have begun before others.
    #[must_use]
    pub fn is_in_time(&self) -> bool {
        !self.0.shared.out_of_time.load(Ordering::Relaxed)
    }

    /// The row of a flow; none if it was evicted.
    #[must_use]
    pub fn summary(&self, id: FlowId) -> Option<Summary> {
        read::summary(&self.0.shared, id)
    }

    /// The rows at those positions, in the order of creation.
    #[must_use]
    pub fn summaries(&self, positions: Range<usize>) -> Vec<Summary> {
        self.ids(positions)
            .into_iter()
            .filter_map(|id| self.summary(id))
            .collect()
    }

    /// All of a flow but its bodies; none if it was evicted.
    #[must_use]
    pub fn snapshot(&self, id: FlowId) -> Option<FlowSnapshot> {
        read::snapshot(&self.0.shared, id)
    }

    /// A part of a body, at most [`WINDOW_BYTES`] of it; none if the flow was evicted.
    #[must_use]
    pub fn body(&self, id: FlowId, side: Side, range: Range<u64>) -> Option<Window> {
        window::body(&self.0.shared, id, side, range)
    }

    /// Up to [`MESSAGES_AT_ONCE`] messages of a flow by their numbers; none if the flow was evicted.
    #[must_use]
    pub fn messages(&self, id: FlowId, range: Range<u64>) -> Option<MessageWindow> {
        message::messages(&self.0.shared, id, range)
    }

    /// A part of a message's bytes, at most [`WINDOW_BYTES`] of it. `side` is the message's, and `range` counts from
    /// its first byte. None if the flow was evicted.
    #[must_use]
    pub fn payload(
        &self,
        id: FlowId,
        side: Side,
        payload: Payload,
        range: Range<u64>,
    ) -> Option<Window> {
        message::payload(&self.0.shared, id, side, payload, range)
    }

    /// Where it lies what a message had said before it was changed on its way; none if it was not, or if there is no
    /// record of that. It is the same side's, and [`payload`](Self::payload) reads it.
    #[must_use]
    pub fn message_before(&self, id: FlowId, number: u64) -> Option<Payload> {
        message::message_before(&self.0.shared, id, number)
    }

    /// Subscribes to what happens from here on. Flows that are there already are not announced.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.0.shared.updates.subscribe(None)
    }

    /// As [`subscribe`](Self::subscribe), with a callback for when there is something to take after there was
    /// nothing: take until there is none. It runs on the store thread and must not block.
    #[must_use]
    pub fn subscribe_with(&self, wake: Box<dyn Fn() + Send + Sync>) -> Subscription {
        self.0.shared.updates.subscribe(Some(wake))
    }

    /// As [`subscribe_with`](Self::subscribe_with) for those who want to know only that something happened: whatever it
    /// is, and however often, there is one [`Update::Resync`] to take.
    #[must_use]
    pub fn subscribe_bell(&self, wake: Box<dyn Fn() + Send + Sync>) -> Subscription {
        self.0.shared.updates.subscribe_bounded(0, Some(wake))
    }

    /// Blocks until everything that was emitted before can be read.
    pub fn flush(&self) {
        self.0.shared.queue.flush();
    }

    /// Ends the store thread after everything emitted before can be read. Reading goes on to work; what is emitted
    /// afterwards is dropped.
    pub fn close(&self) {
        self.0.close();
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        read_lock(&self.0.shared.index)
    }
}

impl Handle {
    fn close(&self) {
        self.shared.queue.close();
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        // The last handle may go in a callback that runs on the store thread itself, which then ends by itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the store thread ended unexpectedly; flows may be incomplete");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

// A panic while one of these is held leaves data that is still whole, so the others carry on.

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests;
