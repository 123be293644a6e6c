//! The way of hits from those who look to the one who asked: bounded, in the order of the flows.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Hit;
use crate::store::lock;

/// No more hits than this wait to be taken.
const WAITING: usize = 1024;

/// Whoever has so many hits and is not at turn waits.
const AHEAD: usize = 256;

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Flows that were looked through, or that the index has excluded.
    pub searched: usize,
    /// Flows that there were when the search began.
    pub total: usize,
    /// Hits so far.
    pub hits: usize,
    /// There are more hits than were asked for.
    pub limited: bool,
    /// It is over: all hits were found, or as many as were asked for.
    pub done: bool,
}

/// Hits as they are found. Dropping this ends the search.
pub struct Results(Arc<Channel>);

impl std::fmt::Debug for Results {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Results").field(&self.progress()).finish()
    }
}

impl Results {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        Self(channel)
    }

    /// A hit that was found already, if there is one that was not taken.
    #[must_use]
    pub fn try_next(&self) -> Option<Hit> {
        let hit = lock(&self.0.state).hits.pop_front();
        self.0.taken.notify_all();
        hit
    }

    /// The next hit. Waits for one up to `timeout`; none at once when there will be none.
    #[must_use]
    pub fn next_timeout(&self, timeout: Duration) -> Option<Hit> {
        self.next_until(Instant::now().checked_add(timeout))
    }

    fn next_until(&self, until: Option<Instant>) -> Option<Hit> {
        let mut state = lock(&self.0.state);
        loop {
            if let Some(hit) = state.hits.pop_front() {
                drop(state);
                self.0.taken.notify_all();
                return Some(hit);
            }
            if state.progress.done {
                return None;
            }
            state = match until {
                None => wait(&self.0.found, state),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let waited = self.0.found.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        lock(&self.0.state).progress
    }

    /// Ends the search. What was found can still be taken.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// Waits for each hit; ends with the search.
impl Iterator for Results {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        self.next_until(None)
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Called when there is something to take, or to see, after there was nothing.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// What both ends share.
pub(super) struct Channel {
    state: Mutex<State>,
    found: Condvar,
    taken: Condvar,
    turned: Condvar,
    wake: Option<Wake>,
    most: usize,
    /// Set while the state is locked.
    cancelled: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    hits: VecDeque<Hit>,
    progress: Progress,
    /// Whose hits come next.
    turn: usize,
}

impl Channel {
    pub(super) fn new(most: usize, wake: Option<Wake>) -> Self {
        Self {
            state: Mutex::default(),
            found: Condvar::new(),
            taken: Condvar::new(),
            turned: Condvar::new(),
            wake,
            most,
            cancelled: Arc::default(),
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Set when nobody wants more.
    pub(super) fn cancelled(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }

    fn cancel(&self) {
        let state = lock(&self.state);
        self.cancelled.store(true, Ordering::Relaxed);
        drop(state);
        self.taken.notify_all();
        self.turned.notify_all();
    }

    /// What there is to do.
    pub(super) fn begin(&self, total: usize, searched: usize) {
        let mut state = lock(&self.state);
        state.progress.total = total;
        state.progress.searched = searched;
    }

    pub(super) fn searched(&self, flows: usize) {
        let mut state = lock(&self.state);
        state.progress.searched += flows;
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.progress.done = true;
        drop(state);
        self.found.notify_all();
        self.wake();
    }

    /// The hits of one share of the work, which is the n-th.
    pub(super) fn share(&self, number: usize) -> Share<'_> {
        Share {
            channel: self,
            number,
            ahead: Vec::new(),
        }
    }

    fn wake(&self) {
        if let Some(wake) = &self.wake {
            wake();
        }
    }

    fn push(&self, hit: Hit) -> ControlFlow<()> {
        let mut state = lock(&self.state);
        if state.progress.hits >= self.most {
            state.progress.limited = true;
            self.cancelled.store(true, Ordering::Relaxed);
            drop(state);
            self.turned.notify_all();
            return ControlFlow::Break(());
        }
        while state.hits.len() >= WAITING && !self.is_cancelled() {
            state = wait(&self.taken, state);
        }
        if self.is_cancelled() {
            return ControlFlow::Break(());
        }
        let had_none = state.hits.is_empty();
        state.hits.push_back(hit);
        state.progress.hits += 1;
        drop(state);
        if had_none {
            self.found.notify_all();
            self.wake();
        }
        ControlFlow::Continue(())
    }

    /// There were more hits than one flow may have.
    pub(super) fn limited(&self) {
        lock(&self.state).progress.limited = true;
    }
}

/// See [`Channel::share`].
pub(super) struct Share<'a> {
    channel: &'a Channel,
    number: usize,
    /// Hits that were found before it was this one's turn.
    ahead: Vec<Hit>,
}

impl Share<'_> {
    /// Breaks when nobody wants more.
    pub(super) fn hit(&mut self, hit: Hit) -> ControlFlow<()> {
        let mut state = lock(&self.channel.state);
        while self.ahead.len() >= AHEAD && state.turn < self.number && !self.channel.is_cancelled()
        {
            state = wait(&self.channel.turned, state);
        }
        let turn = state.turn;
        drop(state);
        if self.channel.is_cancelled() {
            return ControlFlow::Break(());
        }
        self.ahead.push(hit);
        if turn < self.number {
            return ControlFlow::Continue(());
        }
        self.give()
    }

    /// All of the share was looked through.
    pub(super) fn end(mut self) -> ControlFlow<()> {
        let mut state = lock(&self.channel.state);
        while state.turn < self.number && !self.channel.is_cancelled() {
            state = wait(&self.channel.turned, state);
        }
        drop(state);
        let given = self.give();
        lock(&self.channel.state).turn = self.number + 1;
        self.channel.turned.notify_all();
        given
    }

    fn give(&mut self) -> ControlFlow<()> {
        self.ahead
            .drain(..)
            .try_for_each(|hit| self.channel.push(hit))
    }
}

fn wait<'a>(condvar: &Condvar, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
