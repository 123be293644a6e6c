//! Escapes in texts, as Python has them. What is not an escape stays as it is: a regular expression such as `\d` needs
//! no second backslash.

/// Text with its escapes resolved.
///
/// # Errors
/// A clause about the first escape that begins like one and is none.
pub fn text(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (value, taken) = unicode(after)?;
        match value {
            Some(c) => out.push(c),
            None => out.push('\\'),
        }
        rest = after.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// Bytes with their escapes resolved; what is not an escape is UTF-8.
///
/// # Errors
/// As [`text()`].
pub fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let (value, taken) = byte(after)?;
        out.push(value.unwrap_or(b'\\'));
        rest = after.get(taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Text that [`bytes()`] makes into these bytes, and that can be read: what is no printable text is an escape.
#[must_use]
pub fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if ratel_flow::format::is_safe(c) => out.push(c),
                c => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        out.push_str(&format!("\\x{byte:02x}"));
                    }
                }
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// What the escape is whose backslash has been taken, and how many bytes it takes.
fn unicode(after: &str) -> Result<(Option<char>, usize), String> {
    let digits = match after.chars().next() {
        Some('u') => 4,
        Some('U') => 8,
        Some('N') if after.starts_with("N{") => {
            return Err(
                "characters cannot be given by their names; use \\u and four digits".into(),
            );
        }
        _ => {
            let (value, taken) = byte(after)?;
            return Ok((value.map(char::from), taken));
        }
    };
    let value = hex(after, digits)?;
    let c = char::from_u32(value).ok_or_else(|| format!("there is no character {value:x}"))?;
    Ok((Some(c), 1 + digits))
}

fn byte(after: &str) -> Result<(Option<u8>, usize), String> {
    let value = match after.bytes().next() {
        Some(c @ (b'\\' | b'\'' | b'"')) => c,
        Some(b'a') => 7,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'v') => 11,
        Some(b'x') => return Ok((u8::try_from(hex(after, 2)?).ok(), 3)),
        Some(b'0'..=b'7') => {
            let octal = after
                .bytes()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(b));
            let (value, taken) = octal.fold((0u16, 0), |(value, taken), digit| {
                (value * 8 + u16::from(digit - b'0'), taken + 1)
            });
            let value = u8::try_from(value).map_err(|_| format!("\\{value:o} is no byte"))?;
            return Ok((Some(value), taken));
        }
        _ => return Ok((None, 0)),
    };
    Ok((Some(value), 1))
}

/// The number of so many digits after the letter of the escape.
fn hex(after: &str, digits: usize) -> Result<u32, String> {
    let text = after.get(1..1 + digits);
    text.filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|text| u32::from_str_radix(text, 16).ok())
        .ok_or_else(|| {
            let letter = after.get(..1).unwrap_or_default();
            format!("\\{letter} is not followed by {digits} hexadecimal digits")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_texts() {
        let rows = [
            (r"a\nb\t\\\'\x22", Ok("a\nb\t\\'\"".to_owned())),
            (r"~u \d+\.png", Ok(r"~u \d+\.png".to_owned())),
            (r"\101\7\u00e9\U0001F980é", Ok("A\u{7}é🦀é".to_owned())),
            (r"end\", Ok(r"end\".to_owned())),
            (r"\xg1", Err(())),
            (r"\ud800", Err(())),
            (r"\N{BEE}", Err(())),
            (r"\x", Err(())),
            (r"\xé", Err(())),
        ];
        for (given, expected) in rows {
            assert_eq!(text(given).map_err(drop), expected, "{given}");
        }
    }

    #[test]
    fn escapes_of_bytes() {
        assert_eq!(
            bytes(r"\xff\x00\377é\u00e9").unwrap(),
            b"\xff\x00\xff\xc3\xa9\\u00e9"
        );
        assert!(bytes(r"\777").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(given: String) {
            let _ = text(&given);
            let _ = bytes(&given);
            let _ = text(&format!("\\{given}"));
        }
    }
}
