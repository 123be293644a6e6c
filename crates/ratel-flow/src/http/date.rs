//! Dates as they stand in fields of messages: written in one form (RFC 9110 §5.6.7), read in all that are seen.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: i64 = 24 * 60 * 60;

/// Seconds since the Unix epoch of a date: as RFC 9110 has it, in the two forms it calls obsolete, and with hyphens, another
/// zone, or no day of the week, as cookies have it.
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (mut day, mut month, mut year, mut clock, mut zone) = (None, None, None, None, 0);
    let words = text.split(|c: char| c.is_ascii_whitespace() || c == ',');
    let words = words.flat_map(|word| {
        // `31-Dec-2037`, but not a zone such as `-0700`.
        let parts = if word.starts_with('-') { 1 } else { 3 };
        word.splitn(parts, '-')
    });
    for word in words.filter(|word| !word.is_empty()) {
        let number = || word.parse::<i64>().ok().filter(|_| word.len() <= 4);
        if word.contains(':') {
            clock = Some(time_of_day(word)?);
        } else if let Some(offset) = offset(word) {
            zone = offset;
        } else if let Some(at) = named(word, &MONTHS).filter(|_| month.is_none()) {
            month = Some(at);
        } else if let Some(number) = number() {
            match day {
                None if word.len() <= 2 => day = Some(number),
                _ if year.is_none() => year = Some(full_year(number, word.len())),
                _ => return None,
            }
        }
    }
    Some(days(year?, month?, day?)? * DAY + clock.unwrap_or(0) - zone)
}

/// The date as RFC 9110 has it; none for one before the year 1 or after 9999.
#[must_use]
pub fn format(seconds: i64) -> Option<String> {
    let (since, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(since);
    if !(1..=9999).contains(&year) {
        return None;
    }
    let name = DAYS.get(usize::try_from(since.rem_euclid(7)).ok()?)?;
    let month = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    Some(format!(
        "{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
    ))
}

fn named(word: &str, names: &[&str]) -> Option<i64> {
    let start = word.get(..3)?;
    let at = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(start))?;
    i64::try_from(at + 1).ok()
}

fn time_of_day(word: &str) -> Option<i64> {
    let mut parts = word.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    fits.then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds that a zone is ahead of Greenwich; none for a word that is no zone.
fn offset(word: &str) -> Option<i64> {
    let sign = match word.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return is_greenwich(word).then_some(0),
    };
    let digits = word.get(1..)?;
    if digits.len() != 4 {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

fn is_greenwich(word: &str) -> bool {
    ["GMT", "UTC", "UT", "Z"]
        .iter()
        .any(|zone| zone.eq_ignore_ascii_case(word))
}

/// Two digits stand for a year near us (RFC 6265 §5.1.1).
fn full_year(number: i64, digits: usize) -> i64 {
    match number {
        0..69 if digits == 2 => 2000 + number,
        69..100 if digits == 2 => 1900 + number,
        _ => number,
    }
}

/// Days since 1970 of a date in the Gregorian calendar: <https://howardhinnant.github.io/date_algorithms.html>.
pub(crate) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + of_era - 719_468)
}

/// The inverse of [`days`].
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read_and_one_is_written() {
        let same = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "06 Nov 1994 08:49:37",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 10:49:37 +0200",
            "Sun, 06 Nov 1994 01:49:37 -0700",
        ];
        for text in same {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(format(784_111_777).as_deref(), Some(same[0]));
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 31 Dec 2037 23:59:59 GMT", 2_145_916_799),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(seconds));
            assert_eq!(format(seconds).as_deref(), Some(text));
        }
        for broken in [
            "",
            "0",
            "-1",
            "tomorrow",
            "32 Nov 1994 00:00:00",
            "06 Nov 1994 25:00:00",
        ] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(format(i64::MAX / 2), None);
    }
}
