//! Points in time as people read them.

use std::time::Duration;

use ratel_flow::Timestamp;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// `13:05:59`.
pub(crate) fn clock(at: Timestamp, offset: UtcOffset) -> String {
    local(at, offset)
        .format(format_description!("[hour]:[minute]:[second]"))
        .unwrap_or_default()
}

/// `2026-03-01 13:05:59.123`.
pub(crate) fn date_time(at: Timestamp, offset: UtcOffset) -> String {
    let format =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
    local(at, offset).format(format).unwrap_or_default()
}

fn local(at: Timestamp, offset: UtcOffset) -> OffsetDateTime {
    let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    utc.checked_to_offset(offset).unwrap_or(utc)
}

/// How long something took: `3ms`, `<1ms`.
pub(crate) fn took(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        return "<1ms".into();
    }
    ratel_flow::format::duration(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let at = Timestamp(1_772_370_359_123_000_000);
        assert_eq!(date_time(at, UtcOffset::UTC), "2026-03-01 13:05:59.123");
        assert_eq!(
            clock(at, UtcOffset::from_hms(5, 30, 0).unwrap()),
            "18:35:59"
        );
        assert_eq!(clock(Timestamp(u64::MAX), UtcOffset::UTC).len(), 8);
    }
}
