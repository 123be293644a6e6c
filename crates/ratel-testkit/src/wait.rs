//! Bounded waits on conditions; the one place where a test pauses.

use std::time::{Duration, Instant};

/// How long any wait of the kit lasts at most. Generous, since it is only ever reached by a failing test.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Looks again and again until `look` gives something, and returns it.
///
/// # Panics
/// When [`LIMIT`] has passed, naming `what` was awaited.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {LIMIT:?} in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
