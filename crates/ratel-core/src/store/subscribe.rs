//! Bounded subscriptions that never slow the one who publishes.
//!
//! Each subscriber has a queue of its own. When it is full the queue is emptied and holds one notice that says
//! "read everything again"; until that is taken nothing else is queued.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use ratel_flow::FlowId;

use super::lock;

/// A queue longer than this is replaced by one "read everything again".
pub const QUEUE_BOUND: usize = 8192;

/// What happened to the list of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// A flow is there.
    Added(FlowId),
    /// It has got something that it had not.
    Changed(FlowId),
    /// It will not change any more.
    Finished(FlowId),
    /// Somebody has removed it.
    Removed(FlowId),
    /// Finished flows up to this one are gone. Live ones among them stay, and go when they are done.
    Evicted {
        /// The newest flow that may have gone.
        up_to: FlowId,
    },
    /// The subscriber was too slow: forget what was heard and read the store again.
    Resync,
}

/// What can be subscribed to.
pub trait Notice: Clone + Send + 'static {
    /// The notice that stands for everything that was missed.
    fn resync() -> Self;

    /// Whether this is [`resync`](Self::resync).
    fn is_resync(&self) -> bool;

    /// While this waits in the queue, notices with this key in [`covered_by`](Self::covered_by) need not be queued.
    fn covers(&self) -> Option<u64> {
        None
    }

    /// The key of a notice that makes this one redundant.
    fn covered_by(&self) -> Option<u64> {
        None
    }
}

impl Notice for Update {
    fn resync() -> Self {
        Self::Resync
    }

    fn is_resync(&self) -> bool {
        matches!(self, Self::Resync)
    }

    fn covers(&self) -> Option<u64> {
        match self {
            Self::Added(id) | Self::Changed(id) => Some(id.0),
            _ => None,
        }
    }

    fn covered_by(&self) -> Option<u64> {
        match self {
            Self::Changed(id) => Some(id.0),
            _ => None,
        }
    }
}

/// The receiving end. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription<T: Notice = Update>(Arc<Inbox<T>>);

impl<T: Notice> Subscription<T> {
    /// The next notice, if there is one.
    #[must_use]
    pub fn try_next(&self) -> Option<T> {
        lock(&self.0.queue).pop()
    }

    /// Moves all notices that wait to the end of `into`, no more than [`QUEUE_BOUND`].
    pub fn take(&self, into: &mut Vec<T>) {
        let mut queue = lock(&self.0.queue);
        queue.covered.clear();
        into.extend(queue.notices.drain(..));
    }

    /// The next notice; waits for one up to `timeout`. None at once when the publisher is gone.
    #[must_use]
    pub fn next_timeout(&self, timeout: Duration) -> Option<T> {
        let until = Instant::now().checked_add(timeout);
        let mut queue = lock(&self.0.queue);
        loop {
            if let Some(notice) = queue.pop() {
                return Some(notice);
            }
            let left = until.map_or(timeout, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if left.is_zero() || queue.closed {
                return None;
            }
            queue = match self.0.arrived.wait_timeout(queue, left) {
                Ok((queue, _)) => queue,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Whether the publisher is gone: what is queued is all there will be.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.0.queue).closed
    }
}

struct Inbox<T> {
    queue: Mutex<Queue<T>>,
    arrived: Condvar,
    wake: Option<Box<dyn Fn() + Send + Sync>>,
}

impl<T> std::fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

struct Queue<T> {
    notices: VecDeque<T>,
    /// Keys that notices in the queue cover.
    covered: HashSet<u64>,
    /// More than so many become one "read everything again".
    bound: usize,
    closed: bool,
}

impl<T: Notice> Queue<T> {
    fn pop(&mut self) -> Option<T> {
        let notice = self.notices.pop_front()?;
        if let Some(key) = notice.covers() {
            self.covered.remove(&key);
        }
        Some(notice)
    }

    fn push(&mut self, notice: &T) {
        if self.notices.front().is_some_and(T::is_resync) {
            return;
        }
        if notice
            .covered_by()
            .is_some_and(|key| self.covered.contains(&key))
        {
            return;
        }
        if self.notices.len() >= self.bound || notice.is_resync() {
            self.notices.clear();
            self.covered.clear();
            self.notices.push_back(T::resync());
            return;
        }
        self.covered.extend(notice.covers());
        self.notices.push_back(notice.clone());
    }
}

/// The publishing end.
#[derive(Debug)]
pub(crate) struct Hub<T: Notice> {
    inboxes: Mutex<Vec<Weak<Inbox<T>>>>,
    count: AtomicUsize,
    closed: AtomicBool,
}

impl<T: Notice> Default for Hub<T> {
    fn default() -> Self {
        Self {
            inboxes: Mutex::default(),
            count: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }
}

impl<T: Notice> Hub<T> {
    pub(crate) fn subscribe(&self, wake: Option<Box<dyn Fn() + Send + Sync>>) -> Subscription<T> {
        self.subscribe_bounded(QUEUE_BOUND, wake)
    }

    /// With another bound than [`QUEUE_BOUND`]. With none there is never more to take than one "read everything again".
    pub(crate) fn subscribe_bounded(
        &self,
        bound: usize,
        wake: Option<Box<dyn Fn() + Send + Sync>>,
    ) -> Subscription<T> {
        let mut inboxes = lock(&self.inboxes);
        let queue = Queue {
            notices: VecDeque::new(),
            covered: HashSet::new(),
            bound,
            closed: self.closed.load(Ordering::Relaxed),
        };
        let inbox = Arc::new(Inbox {
            queue: Mutex::new(queue),
            arrived: Condvar::new(),
            wake,
        });
        inboxes.push(Arc::downgrade(&inbox));
        self.count.store(inboxes.len(), Ordering::Relaxed);
        Subscription(inbox)
    }

    /// Whether publishing would reach nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Queues the notices for every subscriber and wakes those that had none.
    pub(crate) fn publish(&self, notices: &[T]) {
        if self.is_empty() || notices.is_empty() {
            return;
        }
        for inbox in self.alive() {
            let mut queue = lock(&inbox.queue);
            let had_none = queue.notices.is_empty();
            for notice in notices {
                queue.push(notice);
            }
            drop(queue);
            if had_none {
                inbox.wake();
            }
        }
    }

    /// Tells every subscriber that nothing more will come.
    pub(crate) fn close(&self) {
        let alive = {
            let inboxes = lock(&self.inboxes);
            self.closed.store(true, Ordering::Relaxed);
            inboxes.iter().filter_map(Weak::upgrade).collect::<Vec<_>>()
        };
        for inbox in alive {
            lock(&inbox.queue).closed = true;
            inbox.wake();
        }
    }

    /// The subscribers, out of the lock: a callback may subscribe or drop a subscription.
    fn alive(&self) -> Vec<Arc<Inbox<T>>> {
        let mut inboxes = lock(&self.inboxes);
        let alive: Vec<_> = inboxes.iter().filter_map(Weak::upgrade).collect();
        if alive.len() < inboxes.len() {
            inboxes.retain(|inbox| inbox.strong_count() > 0);
            self.count.store(inboxes.len(), Ordering::Relaxed);
        }
        alive
    }
}

impl<T> Inbox<T> {
    fn wake(&self) {
        self.arrived.notify_all();
        if let Some(wake) = &self.wake {
            wake();
        }
    }
}
