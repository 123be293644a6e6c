//! Sizes, durations and times as people read them.

use std::time::Duration;

use ratel_flow::Timestamp;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// `102b`, `17.5k`, `120m`: binary units, one decimal below 100.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes}b");
    }
    let mut value = bytes as f64;
    let mut unit = "";
    for next in ["k", "m", "g", "t"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if value >= 99.95 { format!("{value:.0}{unit}") } else { format!("{value:.1}{unit}") }
}

/// `456ms`, `1.23s`, `12.3s`, `123s`.
pub(crate) fn duration(duration: Duration) -> String {
    let secs = duration.as_secs_f64();
    if secs >= 100.0 {
        format!("{secs:.0}s")
    } else if secs >= 10.0 {
        format!("{secs:.1}s")
    } else if secs >= 1.0 {
        format!("{secs:.2}s")
    } else {
        format!("{:.0}ms", secs * 1e3)
    }
}

/// `13:05:59`.
pub(crate) fn clock(at: Timestamp, offset: UtcOffset) -> String {
    local(at, offset).format(format_description!("[hour]:[minute]:[second]")).unwrap_or_default()
}

/// `2026-03-01 13:05:59.123`.
pub(crate) fn date_time(at: Timestamp, offset: UtcOffset) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
    local(at, offset).format(format).unwrap_or_default()
}

fn local(at: Timestamp, offset: UtcOffset) -> OffsetDateTime {
    let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    utc.checked_to_offset(offset).unwrap_or(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let rows = [
            (0, "0b"),
            (102, "102b"),
            (1023, "1023b"),
            (1024, "1.0k"),
            (17_920, "17.5k"),
            (102_400, "100k"),
            (1 << 30, "1.0g"),
            (u64::MAX, "16777216t"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn durations() {
        let rows = [(0, "0ms"), (456, "456ms"), (1234, "1.23s"), (12_340, "12.3s"), (123_400, "123s")];
        for (millis, expected) in rows {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn times() {
        let at = Timestamp(1_772_370_359_123_000_000);
        assert_eq!(date_time(at, UtcOffset::UTC), "2026-03-01 13:05:59.123");
        assert_eq!(clock(at, UtcOffset::from_hms(5, 30, 0).unwrap()), "18:35:59");
        assert_eq!(clock(Timestamp(u64::MAX), UtcOffset::UTC).len(), 8);
    }
}
