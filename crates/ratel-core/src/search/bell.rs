//! How others get at the thread that builds the index: to wake it, to wait for it, to make it wait, to end it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::lock;

/// The thread waits no longer than this for searches to end, lest it never comes to its work.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    ring: Condvar,
    answered: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// Something has happened in the store.
    woken: bool,
    /// How often somebody asked for everything to be taken, and the last time that was done.
    asked: u64,
    answered: u64,
    /// Searches that go on.
    searches: usize,
    /// The thread is gone.
    ended: bool,
}

impl Bell {
    pub(super) fn wake(&self) {
        lock(&self.state).woken = true;
        self.ring.notify_all();
    }

    pub(super) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.ring.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.state).stopped
    }

    /// Blocks until everything that can be read now was looked at.
    pub(super) fn ask(&self) {
        let mut state = lock(&self.state);
        state.asked += 1;
        let ticket = state.asked;
        self.ring.notify_all();
        while state.answered < ticket && !state.ended {
            state = wait(&self.answered, state);
        }
    }

    /// A search begins.
    pub(super) fn search(&self) -> Searching<'_> {
        lock(&self.state).searches += 1;
        Searching(self)
    }

    // The thread's side

    /// What is asked for that is not answered; none for nothing.
    pub(super) fn asked(&self) -> Option<u64> {
        let state = lock(&self.state);
        (state.asked > state.answered).then_some(state.asked)
    }

    pub(super) fn answer(&self, ticket: u64) {
        lock(&self.state).answered = ticket;
        self.answered.notify_all();
    }

    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        self.answered.notify_all();
    }

    /// Waits until something happens, or for so long.
    pub(super) fn wait(&self, timeout: Option<Duration>) {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = lock(&self.state);
        while !state.woken && !state.stopped && state.asked == state.answered {
            state = match until {
                None => wait(&self.ring, state),
                Some(until) => match wait_until(&self.ring, state, until) {
                    Ok(state) => state,
                    Err(mut state) => {
                        state.woken = false;
                        return;
                    }
                },
            };
        }
        state.woken = false;
    }

    /// Sleeps, unless somebody waits.
    pub(super) fn sleep(&self, time: Duration) {
        let Some(until) = Instant::now().checked_add(time) else {
            return;
        };
        let mut state = lock(&self.state);
        while !state.stopped && state.asked == state.answered {
            state = match wait_until(&self.ring, state, until) {
                Ok(state) => state,
                Err(_) => return,
            };
        }
    }

    /// Returns when no search goes on, or when they take too long.
    pub(super) fn let_searches_go_first(&self) {
        let until = Instant::now() + PATIENCE;
        let mut state = lock(&self.state);
        while state.searches > 0 && !state.stopped {
            state = match wait_until(&self.ring, state, until) {
                Ok(state) => state,
                Err(_) => return,
            };
        }
    }
}

/// A search that goes on.
pub(super) struct Searching<'a>(&'a Bell);

impl Drop for Searching<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).searches -= 1;
        self.0.ring.notify_all();
    }
}

fn wait<'a>(condvar: &Condvar, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// An error when the time has come.
fn wait_until<'a>(
    condvar: &Condvar,
    guard: MutexGuard<'a, State>,
    until: Instant,
) -> Result<MutexGuard<'a, State>, MutexGuard<'a, State>> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(guard);
    }
    let waited = condvar.wait_timeout(guard, left);
    Ok(waited.unwrap_or_else(PoisonError::into_inner).0)
}
