//! Lines of the log, as they are printed between flows.

use std::io;

use ratel_core::eventlog::{Entry, Level};
use ratel_flow::Timestamp;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::ink::{Look, Page};

/// Prints `[HH:MM:SS.mmm][client] message`. Times are local: `offset` is what that is ahead of UTC.
pub(crate) fn entry(page: &mut Page<'_>, entry: &Entry, offset: UtcOffset) -> io::Result<()> {
    page.put(
        Look::DimCyan,
        &format!("[{}]", clock(entry.timestamp, offset)),
    )?;
    if let Some(client) = &entry.client {
        page.put(Look::DimYellow, &format!("[{client}]"))?;
    }
    let look = match entry.level {
        Level::Error => Look::Red,
        Level::Warn => Look::Yellow,
        Level::Alert => Look::Magenta,
        Level::Info => Look::Plain,
        Level::Debug => Look::Dim,
    };
    page.put(Look::Plain, " ")?;
    page.line(look, &entry.message)
}

fn clock(at: Timestamp, offset: UtcOffset) -> String {
    let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let local = utc.checked_to_offset(offset).unwrap_or(utc);
    let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    local.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(level: Level, client: Option<&str>, message: &str, colour: bool) -> String {
        let row = Entry {
            level,
            timestamp: Timestamp(1_772_370_359_123_000_000),
            message: message.into(),
            client: client.map(Into::into),
        };
        let mut out = Vec::new();
        let offset = UtcOffset::from_hms(2, 0, 0).unwrap();
        entry(&mut Page::new(&mut out, colour), &row, offset).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_carry_time_and_client_and_are_safe() {
        let rows = [
            (
                None,
                "reverse proxy to https://x listening at *:8080.",
                "[15:05:59.123] reverse proxy to https://x listening at *:8080.\n",
            ),
            (
                Some("[::1]:5000"),
                "client connect",
                "[15:05:59.123][[::1]:5000] client connect\n",
            ),
            (
                None,
                "two\nlines \u{1b}[2J",
                "[15:05:59.123] two.lines .[2J\n",
            ),
        ];
        for (client, message, expected) in rows {
            assert_eq!(printed(Level::Info, client, message, false), expected);
        }
    }

    #[test]
    fn seriousness_has_a_colour() {
        let rows = [
            (Level::Error, "\u{1b}[31mx\u{1b}[0m"),
            (Level::Warn, "\u{1b}[33mx\u{1b}[0m"),
            (Level::Alert, "\u{1b}[35mx\u{1b}[0m"),
            (Level::Info, " x"),
        ];
        for (level, expected) in rows {
            let line = printed(level, None, "x", true);
            assert!(line.trim_end().ends_with(expected), "{line:?}");
        }
    }
}
