//! How sizes, durations and bytes of peers are written for people.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

/// `102b`, `17.5k`, `120m`: binary units, one decimal below 100.
#[must_use]
pub fn size(bytes: u64) -> String {
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
    if value < 99.95 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.0}{unit}")
    }
}

/// `456ms`, `1.23s`, `12.3s`, `123s`.
#[must_use]
pub fn duration(duration: Duration) -> String {
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

/// `5 NOT_FOUND`; a code without a name is the number alone (<https://grpc.io/docs/guides/status-codes/>).
#[must_use]
pub fn grpc_status(code: u32) -> String {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let name = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    match name {
        Some(name) => format!("{code} {name}"),
        None => code.to_string(),
    }
}

/// Whether a terminal shows the character and does nothing else: it is no control character, and none that reorders
/// the text around it, ends a line, or belongs to the invisible tags. Tabs and line ends are not safe.
#[must_use]
pub fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            // Marks, embeddings, overrides and isolates of bidirectional text; line and paragraph separators.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// What is wrong and, in parentheses, what can be done about it.
#[must_use]
pub fn with_hint(wrong: &dyn std::fmt::Display, hint: Option<impl std::fmt::Display>) -> String {
    match hint {
        Some(hint) => format!("{wrong} ({hint})"),
        None => wrong.to_string(),
    }
}

/// Text of a peer that is safe on a terminal: what is not [safe](is_safe) becomes `.`, tabs stay.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    let stays = |c: char| c == '\t' || is_safe(c);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| if stays(c) { c } else { '.' });
    Cow::Owned(replaced.collect())
}

/// Bytes of a peer in one line of ASCII: `\n`, `\t`, `\r`, `\\` and `\xNN` for all that is not printable ASCII. Two
/// byte strings that differ look different.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes)
        && bytes
            .iter()
            .all(|b| matches!(b, b' '..=b'~') && *b != b'\\')
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = match byte {
            b'\n' => out.write_str("\\n"),
            b'\r' => out.write_str("\\r"),
            b'\t' => out.write_str("\\t"),
            b'\\' => out.write_str("\\\\"),
            b' '..=b'~' => out.write_char(char::from(*byte)),
            _ => write!(out, "\\x{byte:02x}"),
        };
    }
    Cow::Owned(out)
}

/// How many bytes at the end may be the start of a UTF-8 sequence whose rest has not come; at most 3.
#[must_use]
pub fn incomplete_utf8(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or(bytes);
    for (back, byte) in tail.iter().rev().enumerate() {
        let needs = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return 0,
        };
        let has = back + 1;
        let from = tail.len() - has;
        // A sequence that is wrong already is not going to be completed.
        let wrong = tail
            .get(from..)
            .and_then(|start| str::from_utf8(start).err())
            .is_none_or(|error| error.error_len().is_some());
        return if has < needs && !wrong { has } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        let rows = [
            (0, "0b"),
            (1023, "1023b"),
            (1024, "1.0k"),
            (17_920, "17.5k"),
            (102_348, "99.9k"),
            (102_349, "100k"),
            (1_048_575, "1024k"),
            (1 << 20, "1.0m"),
            (1 << 30, "1.0g"),
            (1 << 40, "1.0t"),
            (u64::MAX, "16777216t"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn durations() {
        let rows = [
            (0, "0ms"),
            (456, "456ms"),
            (1234, "1.23s"),
            (12_340, "12.3s"),
            (123_400, "123s"),
        ];
        for (millis, expected) in rows {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn text_is_escaped() {
        let rows = [
            ("plain é 😀", "plain é 😀"),
            ("\u{1b}]0;title\u{7}", ".]0;title."),
            ("a\u{9b}31mb\r\nc\td", "a.31mb..c\td"),
            ("\u{202e}evil\u{2069}\u{feff}", ".evil.."),
        ];
        for (text, expected) in rows {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn bytes_are_escaped() {
        let rows: [(&[u8], &str); 3] = [
            (b"plain 'text' \"quoted\"", "plain 'text' \"quoted\""),
            (b"a\xe9\\b\tc\r\n\0\x7f", "a\\xe9\\\\b\\tc\\r\\n\\x00\\x7f"),
            ("é".as_bytes(), "\\xc3\\xa9"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(escape_bytes(bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_held_back_is_what_a_cut_sequence_leaves(text in any::<String>(), at in any::<prop::sample::Index>()) {
            let bytes = text.as_bytes();
            let start = &bytes[..at.index(bytes.len() + 1)];
            let kept = incomplete_utf8(start);
            prop_assert!(str::from_utf8(&start[..start.len() - kept]).is_ok());
        }

        #[test]
        fn escaped_text_is_safe(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            prop_assert!(escape(&text).chars().all(|c| c == '\t' || is_safe(c)));
            prop_assert!(escape_bytes(&bytes).bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert!(incomplete_utf8(&bytes) <= 3);
        }
    }
}
