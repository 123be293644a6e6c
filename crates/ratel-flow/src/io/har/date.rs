//! Points in time as archives and cookies write them.

use crate::http::date::{civil, days};
use crate::{Timestamp, http};

const DAY: i64 = 86_400;
const NANOS: u64 = 1_000_000_000;

/// `2024-01-02T03:04:05.678901+00:00` (RFC 3339): in microseconds, which every reader takes, or in whole seconds.
pub(super) fn format(time: Timestamp) -> String {
    let (seconds, micros) = (time.0 / NANOS, time.0 % NANOS / 1_000);
    // Nanoseconds since 1970 in 64 bits end in 2554.
    let seconds = seconds as i64;
    let (year, month, day) = civil(seconds / DAY);
    let of_day = seconds % DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = match micros {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00")
}

/// Reads what programs write in that place: any number of decimals, any offset or none (which is UTC then), a space
/// for the `T`, a comma for the point; or a number of milliseconds since 1970.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(millis) = text.parse::<u64>() {
        return millis.checked_mul(1_000_000).map(Timestamp);
    }
    if let Ok(millis) = text.parse::<f64>() {
        return (millis.is_finite() && millis >= 0.0).then(|| from_millis(millis));
    }
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, "0:0"),
    };
    let mut date = date.splitn(3, '-').map(number);
    let days = days(date.next()??, date.next()??, date.next()??)?;
    let (clock, offset) = offset(clock.trim())?;
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':').map(number);
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    let in_range =
        (0..=24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
    let nanos = nanos(fraction)?;
    let seconds = u64::try_from(seconds).ok().filter(|_| in_range)?;
    Some(Timestamp(seconds.checked_mul(NANOS)?.checked_add(nanos)?))
}

/// Reads a date as cookies have it.
pub(super) fn parse_http(text: &str) -> Option<Timestamp> {
    let seconds = u64::try_from(http::date::parse(text.as_bytes())?).ok()?;
    seconds.checked_mul(NANOS).map(Timestamp)
}

/// A time that is so many milliseconds after 1970, or a duration of so many.
pub(super) fn from_millis(millis: f64) -> Timestamp {
    // Casts of floats saturate.
    Timestamp((millis * 1e6).round() as u64)
}

/// What stands before the offset, and the offset in seconds.
fn offset(clock: &str) -> Option<(&str, i64)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = clock.find(['+', '-']) else {
        return Some((clock, 0));
    };
    let (clock, offset) = clock.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        1 | 2 => (number(&digits)?, 0),
        4.. => (number(digits.get(..2)?)?, number(digits.get(2..4)?)?),
        _ => return None,
    };
    Some((clock.trim_end(), sign * (hours * 3600 + minutes * 60)))
}

fn nanos(fraction: &str) -> Option<u64> {
    let digits: String = fraction.chars().take(9).collect();
    if digits.is_empty() {
        return Some(0);
    }
    let value = u64::try_from(number(&digits)?).ok()?;
    Some((digits.len()..9).fold(value, |value, _| value * 10))
}

fn number(text: &str) -> Option<i64> {
    let is_plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_and_read() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00+00:00"),
            (
                1_704_157_445_678_901_000,
                "2024-01-02T01:04:05.678901+00:00",
            ),
            (946_684_799_000_001_000, "1999-12-31T23:59:59.000001+00:00"),
        ] {
            assert_eq!(format(Timestamp(nanos)), text);
            assert_eq!(parse(text), Some(Timestamp(nanos)), "{text}");
        }
    }

    #[test]
    fn other_programs_write_otherwise() {
        let time = Timestamp(1_704_157_445_678_000_000);
        for text in [
            "2024-01-02T01:04:05.678Z",
            "2024-01-02T03:04:05.678+02:00",
            "2024-01-02T03:04:05.678+0200",
            "2024-01-01T17:04:05.6780000-08",
            "2024-01-02 01:04:05,678",
            "2024-01-02T01:04:05.678",
            "1704157445678",
        ] {
            assert_eq!(parse(text), Some(time), "{text}");
        }
        assert_eq!(parse("2024-01-02T01:04Z"), parse("2024-01-02T01:04:00Z"));
        assert_eq!(parse("2024-01-02"), parse("2024-01-02T00:00:00Z"));
        for text in [
            "",
            "T",
            "yesterday",
            "2024-13-01T00:00:00Z",
            "2024-01-01T25:00:00Z",
            "-5",
            "1969-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_of_cookies_are_read() {
        let time = Some(Timestamp(1_445_412_480 * NANOS));
        for text in [
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Wednesday, 21-Oct-15 07:28:00 GMT",
            "21 Oct 2015 07:28:00",
        ] {
            assert_eq!(parse_http(text), time, "{text}");
        }
        assert_eq!(parse_http("soon"), None);
    }

    proptest! {
        #[test]
        fn every_microsecond_comes_back(micros in 0..u64::MAX / 1_000) {
            let time = Timestamp(micros * 1_000);
            prop_assert_eq!(parse(&format(time)), Some(time));
        }

        #[test]
        fn any_text_can_be_read(text: String) {
            let _ = (parse(&text), parse_http(&text));
        }
    }
}
