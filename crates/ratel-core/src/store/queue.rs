//! The way from the tasks that own flows to the store thread.
//!
//! Each worker thread appends to a shard of its own, so that the lock it takes for a few copies is free. A flow keeps
//! the shard it was opened on, so that its events stay in order. The store thread sleeps until the first event
//! arrives, lets more gather for [`GATHER`], and takes everything at once: one wake-up for many events, and none when
//! nothing happens.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::event::Batch;
use super::lock;

/// How long events gather before they are written.
const GATHER: Duration = Duration::from_millis(2);

/// A shard with more bytes than this is drained at once.
const URGENT_BYTES: usize = 1024 * 1024;

/// Bytes that may wait to be written before [`Queue::ready`] waits.
pub(super) const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Body bytes beyond this are dropped rather than queued: whoever emits them does not wait for `ready`.
const QUEUE_HARD_BYTES: usize = 256 * 1024 * 1024;

/// More shards than this are not made, however many processors there are.
const SHARDS_AT_MOST: usize = 16;

/// The shards and the bell.
#[derive(Debug, Default)]
pub(super) struct Queue {
    shards: Box<[Shard]>,
    queued: AtomicUsize,
    /// The store thread knows that there is something.
    rung: AtomicBool,
    closed: AtomicBool,
    bell: Mutex<Bell>,
    ring: Condvar,
    drained: Notify,
    flushed: Condvar,
}

/// On cache lines of its own: neighbours belong to other threads.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Batch>);

#[derive(Debug, Default)]
struct Bell {
    work: bool,
    urgent: bool,
    closed: bool,
    /// The thread has drained everything and is gone.
    ended: bool,
    /// Flushes asked for, and the last one that was done.
    asked: u64,
    done: u64,
}

impl Queue {
    pub(super) fn new() -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            shards: (0..count.min(SHARDS_AT_MOST))
                .map(|_| Shard::default())
                .collect(),
            ..Self::default()
        }
    }

    /// The calling thread's shard.
    pub(super) fn shard_of_thread(&self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static MINE: Cell<Option<usize>> = const { Cell::new(None) });
        let mine = MINE.get().unwrap_or_else(|| {
            let mine = NEXT.fetch_add(1, Ordering::Relaxed);
            MINE.set(Some(mine));
            mine
        });
        mine % self.shards.len().max(1)
    }

    /// Appends to a shard. Does nothing once closed.
    pub(super) fn push(&self, shard: usize, append: impl FnOnce(&mut Batch)) {
        let Some(Shard(batch)) = self.shards.get(shard) else {
            return;
        };
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        let mut batch = lock(batch);
        let before = batch.cost();
        append(&mut batch);
        let after = batch.cost();
        // Before the lock is let go, so that the store thread never takes off what was not added yet.
        self.queued.fetch_add(after - before, Ordering::Relaxed);
        drop(batch);
        let urgent = before < URGENT_BYTES && after >= URGENT_BYTES;
        // Who sees an old `true` here pushed before the store thread came to this shard, which it does after it
        // cleared the flag; the shard's lock orders the two.
        if urgent || (!self.rung.load(Ordering::Relaxed) && !self.rung.swap(true, Ordering::AcqRel))
        {
            let mut bell = lock(&self.bell);
            bell.work = true;
            bell.urgent |= urgent;
            drop(bell);
            self.ring.notify_one();
        }
    }

    /// Whether body bytes can still be taken.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.queued.load(Ordering::Relaxed).saturating_add(bytes) <= QUEUE_HARD_BYTES
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Returns when the queue is under its bound.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn ready(&self) {
        while self.queued() > QUEUE_BYTES {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.queued() <= QUEUE_BYTES || self.closed.load(Ordering::Relaxed) {
                return;
            }
            drained.await;
        }
    }

    /// As [`ready`](Self::ready), for a thread that may block.
    pub(super) fn wait_ready(&self) {
        while self.queued() > QUEUE_BYTES && !self.closed.load(Ordering::Relaxed) {
            self.flush();
        }
    }

    /// Blocks until everything that was pushed before can be read.
    pub(super) fn flush(&self) {
        let mut bell = lock(&self.bell);
        bell.asked += 1;
        let ticket = bell.asked;
        bell.work = true;
        bell.urgent = true;
        self.ring.notify_one();
        while bell.done < ticket && !bell.ended {
            bell = wait(&self.flushed, bell);
        }
    }

    /// Asks the store thread to drain what is there and end.
    pub(super) fn close(&self) {
        lock(&self.bell).closed = true;
        self.ring.notify_one();
    }

    // The store thread's side

    /// Waits for events, and for those that come soon after.
    pub(super) fn wait(&self) -> Wake {
        let mut bell = lock(&self.bell);
        while !bell.work && !bell.closed {
            bell = wait(&self.ring, bell);
        }
        let until = Instant::now() + GATHER;
        while !bell.urgent && !bell.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            bell = match self.ring.wait_timeout(bell, left) {
                Ok((bell, _)) => bell,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        bell.work = false;
        bell.urgent = false;
        if bell.closed {
            self.closed.store(true, Ordering::Relaxed);
        }
        self.rung.swap(false, Ordering::AcqRel);
        Wake {
            flush: bell.asked,
            last: bell.closed,
        }
    }

    /// Gives what each shard holds to `take`. `batch` is empty before and after.
    pub(super) fn drain(&self, batch: &mut Batch, mut take: impl FnMut(&mut Batch)) {
        for Shard(shard) in &self.shards {
            std::mem::swap(&mut *lock(shard), batch);
            let cost = batch.cost();
            if cost > 0 {
                take(batch);
                batch.clear();
                let before = self.queued.fetch_sub(cost, Ordering::Relaxed);
                if before > QUEUE_BYTES {
                    self.drained.notify_waiters();
                }
            }
        }
    }

    /// The store thread is gone, in whatever way: nobody waits for it any longer, and nothing is queued.
    pub(super) fn end(&self) {
        self.closed.store(true, Ordering::Relaxed);
        lock(&self.bell).ended = true;
        self.flushed.notify_all();
        self.drained.notify_waiters();
    }

    /// Everything up to that flush can be read.
    pub(super) fn flushed(&self, wake: &Wake) {
        lock(&self.bell).done = wake.flush;
        self.flushed.notify_all();
    }
}

/// Why the store thread woke up.
pub(super) struct Wake {
    /// Flushes asked for before.
    flush: u64,
    /// This is the last drain.
    pub(super) last: bool,
}

fn wait<'a, T>(
    condvar: &Condvar,
    guard: std::sync::MutexGuard<'a, T>,
) -> std::sync::MutexGuard<'a, T> {
    condvar
        .wait(guard)
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
