//! Edited JSON as a body.

use super::{Json, Printer};
use crate::{Editor, Painter, ReencodeError, Sink, ViewInput};

impl Editor for Json {
    /// A body that was on one line is on one line again.
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        if input.data.trim_ascii().contains(&b'\n') {
            check(text)?;
            return Ok(text.as_bytes().to_vec());
        }
        squeezed(text)
    }

    fn escape(&self, c: char) -> Option<String> {
        Some(escaped(c))
    }
}

/// A character in a string by its number (RFC 8259 §7).
pub(crate) fn escaped(c: char) -> String {
    let units = c.encode_utf16(&mut [0; 2]).to_vec();
    units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// JSON without spaces between its tokens. Several values stay on lines of their own.
pub(crate) fn squeezed(text: &str) -> Result<Vec<u8>, ReencodeError> {
    check(text)?;
    let mut out = Vec::with_capacity(text.len());
    let (mut depth, mut escaped, mut quoted) = (0_usize, false, false);
    let mut gap = false;
    for byte in text.bytes() {
        if quoted {
            out.push(byte);
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            gap = true;
            continue;
        }
        if depth == 0 && gap && !out.is_empty() {
            out.push(b'\n');
        }
        gap = false;
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(byte);
    }
    Ok(out)
}

/// Whether text is JSON.
fn check(text: &str) -> Result<(), ReencodeError> {
    let mut printer = Printer::default();
    let mut nowhere = Sink::new(0);
    printer.feed(text.as_bytes(), &mut nowhere);
    let early = printer.is_unfinished_at_end();
    printer.finish(true, &mut nowhere);
    let at = usize::try_from(printer.at).unwrap_or(usize::MAX);
    let wrong = |message: String| Err(ReencodeError::at_byte(text, at, message));
    match printer.expected {
        Some(expected) => wrong(format!("expected {expected}")),
        None if early => wrong("the text ends here, before the end of the JSON".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::views::testing::edited;

    #[test]
    fn edited_text_keeps_the_layout_of_the_body() {
        let of = |data: &str, text: &str| {
            let bytes = edited("json", "application/json", data.as_bytes(), |_| text.into());
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        for (data, text, expected) in [
            ("{}", "{\n    \"a b\": [ 1 , 2 ]\n}\n", r#"{"a b":[1,2]}"#),
            ("{\n}", "{\n  \"a\": 1\n}", "{\n  \"a\": 1\n}"),
            ("1", "1\n[ 2 ]\n", "1\n[2]"),
            ("1", r#"" \" { ""#, r#"" \" { ""#),
        ] {
            assert_eq!(of(data, text), Ok(expected.into()), "{text}");
        }
        for (text, expected) in [
            ("{\n  \"a\" 1\n}", "line 2, column 7: expected a colon"),
            ("{\"é\": x}", "line 1, column 7: expected a value"),
            (
                "[1,\n2",
                "line 2, column 2: the text ends here, before the end of the JSON",
            ),
            ("", "line 1, column 1: expected a value"),
        ] {
            assert_eq!(of("{}", text), Err(expected.into()), "{text}");
        }
        assert!(
            edited("json", "", b"\"\xff\"", |text| text.into())
                .unwrap_err()
                .contains("no text")
        );
        assert!(
            edited("json", "", b"[1", |text| text.into())
                .unwrap_err()
                .contains("ends early")
        );
    }

    proptest! {
        /// What was not changed but in its layout means the same.
        #[test]
        fn any_value_comes_back(value in super::super::tests::any_json()) {
            let again = edited("json", "", value.as_bytes(), |text| format!(" {text}"));
            let again = again.map_err(TestCaseError::fail)?;
            let parse = |data: &[u8]| serde_json::from_slice::<serde_json::Value>(data).ok();
            prop_assert_eq!(parse(&again), parse(value.as_bytes()));
        }
    }
}
