//! When `ratel dump` has nothing left to do: what it was given is read and replayed, and nobody is connected
//! (`keepserving`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long to wait before looking again. Nobody is told when the last client leaves or the last response is played.
const PAUSE: Duration = Duration::from_millis(50);

/// Something is done. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Calls `done` once `idle` says that there is nothing to do, unless it `gives_up` before: the program ends anyway.
///
/// # Errors
/// When there cannot be another thread.
pub(crate) fn watch(
    idle: impl Fn() -> bool + Send + 'static,
    gives_up: Flag,
    done: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let watch = move || {
        while !idle() {
            if gives_up.is_set() {
                return;
            }
            thread::sleep(PAUSE);
        }
        done();
    };
    let thread = thread::Builder::new().name("ratel-done".into());
    thread.spawn(watch).map(drop)
}
