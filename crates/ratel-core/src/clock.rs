//! The clock of the process: wall time, monotonic.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ratel_flow::Timestamp;

/// The present: nanoseconds since the Unix epoch, never less than an earlier call returned.
///
/// The wall clock is read once, at the first call; from there time runs with the monotonic clock, so that a flow
/// never ends before it began when somebody sets the system's clock.
#[must_use]
pub fn now() -> Timestamp {
    static ANCHOR: OnceLock<(Instant, u64)> = OnceLock::new();
    let (instant, nanos) = *ANCHOR.get_or_init(|| {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        (
            Instant::now(),
            u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        )
    });
    let passed = u64::try_from(instant.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Timestamp(nanos.saturating_add(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_backwards_and_starts_at_the_wall_clock() {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        let (a, b) = (now(), now());
        assert!(a <= b);
        assert!((a.as_secs_f64() - wall).abs() < 60.0);
    }
}
