//! Searching the whole store: a text or a regular expression in the URLs, headers, decoded bodies and messages of all
//! flows, at once.
//!
//! # What an answer is
//! Exact: what a search gives is what would be found by reading all flows that there were when it began, and nothing
//! else. The index only says where it is not worth reading. Each hit is found in the bytes themselves, so none is stale
//! and none is of a flow that is gone; and a flow that the index does not cover, or has covered as something else than it
//! is by now, is read. So the index may be late, incomplete, or not there at all, and only time is lost.
//!
//! # How the index is made
//! A thread of low priority (`indexer`) reads flows some time after they have finished, and long ones while they go on,
//! and puts their texts into *blocks* of about 16 KiB: heads of flows into some, bodies and messages into others. Of each
//! block it gathers the *grams* (`grams`): which three bytes follow on each other somewhere, with capitals made small.
//! A few thousand blocks become a *volume* (`volume`): for each gram the list of blocks that hold it, written once to a
//! file without a name. In memory are the *slices* of each block, that is, what of which flow it was, and the
//! *catalog* (`catalog`) of flows that are covered, each with a stamp of what it was.
//!
//! A block that is text has all its grams in the index as long as they are few enough. Of blocks with more, and of bytes
//! that are no text, fewer kinds of grams are kept, the same ones in all blocks of that level, so that the index stays a
//! few per cent of what it covers.
//!
//! # How a search goes
//! Every match of a regular expression has some literal texts in it (`ratel_flow::pattern`), a plain text itself. For the
//! grams of those the lists are met, and the blocks that are left are read: of a body that is as it was sent the 16 KiB
//! alone, of one that is compressed everything up to there. Two bytes are found by the grams that begin with them. For
//! one byte, and for expressions like `\d+`, everything is read. Flows are looked through by as many threads as there are
//! processors, and hits come in the order of flows.
//!
//! # Filters
//! Before a filter reads bodies (`~b`), it asks whether the index excludes them (`sieve`).
//!
//! # Bounds
//! The index takes [`SearchConfig::disk_bytes`] of disk and [`SearchConfig::memory_bytes`] of memory, beside some 25 MiB
//! for the volume that is being made; over that its oldest volumes go, and searches read those flows again. A search
//! takes some memory for each candidate, and for each thread a few MiB; hits wait in a queue of bounded length. What a
//! small body may decode to is bounded (`texts`).

mod bell;
mod builder;
mod candidates;
mod catalog;
mod files;
mod grams;
mod hunt;
mod indexer;
mod look;
mod query;
mod results;
mod run;
mod sieve;
mod texts;
mod volume;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use ratel_flow::FlowId;

use crate::store::sieve::Sieves;
use crate::store::{FlowStore, lock};
use bell::Bell;
use catalog::Catalog;
use files::Files;
use indexer::{Budget, Indexer};
pub use query::{Hit, Order, Part, Parts, Query, QueryError};
pub use results::{Progress, Results, Wake};

/// Where the index lies and how much it may take.
#[derive(Clone, Debug)]
pub struct SearchConfig {
    /// Folder for its files. They have no names.
    pub dir: PathBuf,
    /// Bytes on disk. With none there is no index, and searches read everything.
    pub disk_bytes: u64,
    /// Bytes of memory.
    pub memory_bytes: usize,
}

/// Figures about the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchStats {
    /// Flows that it covers.
    pub flows: usize,
    /// Bytes of memory.
    pub memory_bytes: usize,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// The index of a store, and searches in it. Dropping it ends the thread that builds it; searches that go on end as they
/// would.
pub struct SearchIndex {
    store: FlowStore,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for SearchIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SearchIndex").field(&self.stats()).finish()
    }
}

/// What the thread and searches share.
#[derive(Default)]
struct Shared {
    bell: Bell,
    catalog: Mutex<Catalog>,
    /// Flows that are other than what the index has of them.
    changed: Mutex<BTreeSet<FlowId>>,
    disk: AtomicU64,
    /// What filters were told last.
    sieve: sieve::Kept,
}

impl Shared {
    fn catalog(&self) -> MutexGuard<'_, Catalog> {
        lock(&self.catalog)
    }

    fn changed(&self, flow: FlowId) {
        lock(&self.changed).insert(flow);
        self.bell.wake();
    }

    fn take_changed(&self) -> BTreeSet<FlowId> {
        std::mem::take(&mut lock(&self.changed))
    }

    fn set_disk(&self, bytes: u64) {
        self.disk.store(bytes, Ordering::Relaxed);
    }
}

impl SearchIndex {
    /// Starts the thread that builds the index of what is in the store and of what comes.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(store: FlowStore, config: SearchConfig) -> io::Result<Self> {
        let files = Files::new(config.dir, config.disk_bytes);
        let budget = Budget {
            memory: config.memory_bytes,
            disk: config.disk_bytes,
        };
        Self::run(store, files, budget)
    }

    fn run(store: FlowStore, files: Files, budget: Budget) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        if budget.disk == 0 {
            shared.bell.end();
            return Ok(Self {
                store,
                shared,
                thread: None,
            });
        }
        let sieves: Arc<dyn Sieves> = shared.clone();
        store.ask_first(Arc::downgrade(&sieves));
        let ring = shared.clone();
        let updates = store.subscribe_bell(Box::new(move || ring.bell.wake()));
        let indexer = Indexer::new(shared.clone(), store.clone(), updates, files, budget);
        let thread = std::thread::Builder::new()
            .name("ratel-search".into())
            .spawn(move || indexer.run())?;
        Ok(Self {
            store,
            shared,
            thread: Some(thread),
        })
    }

    /// Begins a search, and returns at once. `wake` is called, from some thread, when there is a hit to take after there
    /// was none, and at the end. It must not block.
    #[must_use]
    pub fn search(&self, query: Query, wake: Option<Wake>) -> Results {
        run::start(&self.store, &self.shared, query, wake)
    }

    /// Figures about the index.
    #[must_use]
    pub fn stats(&self) -> SearchStats {
        let catalog = self.shared.catalog();
        SearchStats {
            flows: catalog.flows(),
            memory_bytes: catalog.memory(),
            disk_bytes: self.shared.disk.load(Ordering::Relaxed),
        }
    }

    /// Blocks until all flows that have finished were taken, but for some that wait for others to be written with.
    pub fn catch_up(&self) {
        self.shared.bell.ask();
    }
}

impl Drop for SearchIndex {
    fn drop(&mut self) {
        self.shared.bell.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that builds the search index ended unexpectedly");
        }
    }
}

#[cfg(test)]
mod tests;
