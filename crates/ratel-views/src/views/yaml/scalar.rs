//! Single values in one line.

use std::fmt::Write;

use ratel_flow::format;

/// UTF-8 as it is, all else as `\xNN`.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// A number with what makes it one of floating point.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        ".nan".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { ".inf" } else { "-.inf" }.to_owned()
    } else {
        format!("{number:?}")
    }
}

/// Text that reads back as the same text, in quotes where it would not (YAML 1.2 §7.3).
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(format::is_safe) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::with_capacity(text.len() + 8);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if format::is_safe(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a string does not fail.
                let _ = match code {
                    0..=0xff => write!(quoted, "\\x{code:02x}"),
                    0x100..=0xffff => write!(quoted, "\\u{code:04X}"),
                    _ => write!(quoted, "\\U{code:08X}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether text needs no quotes (§7.3.3), and is text then (§10.3.2) to readers of older versions, too.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let second = chars.next();
    let begins = match first {
        '-' | '?' | ':' => second.is_some_and(|c| c != ' '),
        c => !c.is_whitespace() && !"#,[]{}&*!|>'\"%@`".contains(c),
    };
    begins
        && text.chars().all(format::is_safe)
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !matches!(text, "<<" | "=" | "~")
        && !["true", "false", "null"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
        && !is_number(text)
        && !is_time(text)
}

/// What some version of YAML, or some reader, takes for a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = digits.replace('_', "");
    let of_base = |prefix: &str, base: u32| {
        let rest = digits.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(base)))
    };
    let special = [".inf", ".nan"];
    if special.iter().any(|word| digits.eq_ignore_ascii_case(word)) {
        return true;
    }
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    // Whole numbers of base 60, which times of day look like.
    let sixties = digits.contains(':')
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ':' | '.'));
    let lower = digits.to_ascii_lowercase();
    numeric
        && (digits.parse::<f64>().is_ok()
            || sixties
            || of_base("0x", 16)
            || of_base("0X", 16)
            || of_base("0o", 8)
            || of_base("0b", 2)
            || lower.trim_end_matches(['+', '-']).ends_with('e')
                && lower
                    .trim_end_matches(['e', '+', '-'])
                    .parse::<f64>()
                    .is_ok())
}

/// A date, or what begins like one and goes on with a time.
fn is_time(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let is = |part: Option<&str>, most: usize| {
        part.is_some_and(|part| {
            (1..=most).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit())
        })
    };
    let (year, month) = (parts.next(), parts.next());
    let day = parts.next().unwrap_or_default();
    let end = day.find(|c: char| !c.is_ascii_digit()).unwrap_or(day.len());
    let (day, rest) = day.split_at(end);
    year.is_some_and(|year| year.len() == 4)
        && is(year, 4)
        && is(month, 2)
        && is(Some(day), 2)
        && (rest.is_empty() || rest.starts_with(['T', 't', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_read_as_something_else_is_quoted() {
        for (text, written) in [
            ("plain text", "plain text"),
            ("größe", "größe"),
            ("a:b", "a:b"),
            ("256 x 2 px", "256 x 2 px"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("-x", "-x"),
            ("yes", "yes"),
            ("1;b=2", "1;b=2"),
            ("2026-01-02", "'2026-01-02'"),
            ("2026-01-02T03:04:05Z", "'2026-01-02T03:04:05Z'"),
            ("2026-01-02 a", "'2026-01-02 a'"),
            ("2026-01-x", "2026-01-x"),
            ("0xcafe", "'0xcafe'"),
            ("0x", "0x"),
            ("12:30", "'12:30'"),
            ("1_000", "'1_000'"),
            ("012", "'012'"),
            ("", "''"),
            ("1", "'1'"),
            ("+1", "'+1'"),
            ("1e3", "'1e3'"),
            ("1e", "'1e'"),
            (".5", "'.5'"),
            ("-.inf", "'-.inf'"),
            ("True", "'True'"),
            ("null", "'null'"),
            ("~", "'~'"),
            ("<<", "'<<'"),
            ("---", "'---'"),
            ("a: b", "'a: b'"),
            ("a:", "'a:'"),
            ("a #b", "'a #b'"),
            ("it's", "it's"),
            ("'q", "'''q'"),
            ("it's: so", "'it''s: so'"),
            ("- x", "'- x'"),
            ("-", "'-'"),
            ("{x}", "'{x}'"),
            ("%x", "'%x'"),
            (" x", "' x'"),
            ("x ", "'x '"),
            ("inf", "inf"),
            ("tab\tnul\0", "\"tab\\tnul\\x00\""),
            (
                "\u{feff}\u{e0001}\u{202e}\"",
                "\"\\uFEFF\\U000E0001\\u202E\\\"\"",
            ),
        ] {
            assert_eq!(scalar(text), written);
        }
    }

    #[test]
    fn floats_are_no_whole_numbers() {
        for (number, written) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (1e100, "1e100"),
            (f64::INFINITY, ".inf"),
            (f64::NEG_INFINITY, "-.inf"),
            (f64::NAN, ".nan"),
        ] {
            assert_eq!(float(number), written);
        }
    }
}
