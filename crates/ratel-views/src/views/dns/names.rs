//! Names of domains: labels on the wire, dots between them in text (RFC 1035 §3.1, §5.1).

use std::fmt::Write;

/// Labels of one name, pointers included (RFC 1035 §4.1.4): more would be a loop.
const LABELS_MAX: usize = 128;

/// The name that stands there, without the last dot, and where it ends. Bytes that are no printable ASCII are written
/// as `\DDD`, dots in a label as `\.`.
pub(super) fn read(data: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut name, mut end) = (String::new(), None);
    for _ in 0..LABELS_MAX {
        let len = usize::from(*data.get(at)?);
        match len {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                if !name.is_empty() {
                    name.push('.');
                }
                for byte in data.get(at + 1..at + 1 + len)? {
                    // Writing to a string does not fail.
                    let _ = match byte {
                        b'.' | b'\\' => write!(name, "\\{}", char::from(*byte)),
                        b'!'..=b'~' => write!(name, "{}", char::from(*byte)),
                        _ => write!(name, "\\{byte:03}"),
                    };
                }
                at += 1 + len;
            }
            0xc0.. => {
                end.get_or_insert(at + 2);
                at = usize::from(super::u16_at(data, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
    None
}

/// Appends a name in labels; the error is what is wrong with it.
pub(super) fn write(name: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let start = out.len();
    let name = name
        .strip_suffix('.')
        .filter(|name| !name.ends_with('\\'))
        .unwrap_or(name);
    let mut label = Vec::new();
    let mut rest = name.bytes();
    let mut any = false;
    while let Some(byte) = rest.next() {
        any = true;
        match byte {
            b'.' => end_label(&mut label, out)?,
            b'\\' => {
                let first = rest.next().ok_or("a name ends with a backslash")?;
                if first.is_ascii_digit() {
                    let digits = [Some(first), rest.next(), rest.next()];
                    let number = digits.into_iter().try_fold(0_u16, |sum, digit| {
                        let digit = digit.filter(u8::is_ascii_digit)?;
                        Some(sum * 10 + u16::from(digit - b'0'))
                    });
                    let byte = number.and_then(|number| u8::try_from(number).ok());
                    label.push(byte.ok_or("a backslash in a name has three digits up to 255")?);
                } else {
                    label.push(first);
                }
            }
            byte => label.push(byte),
        }
    }
    if any {
        end_label(&mut label, out)?;
    }
    out.push(0);
    if out.len() - start > 255 {
        return Err("a name has 255 bytes at most");
    }
    Ok(())
}

fn end_label(label: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let len = u8::try_from(label.len()).ok();
    let len = len
        .filter(|len| (1..=63).contains(len))
        .ok_or("a part of a name has 1 to 63 bytes")?;
    out.push(len);
    out.append(label);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (wire, text) in [
            (&b"\0"[..], ""),
            (b"\x07example\x03org\0", "example.org"),
            (b"\x03a.b\x02\\\xff\x01 \0", "a\\.b.\\\\\\255.\\032"),
        ] {
            assert_eq!(read(wire, 0), Some((text.to_owned(), wire.len())));
            let mut out = Vec::new();
            assert_eq!(write(text, &mut out), Ok(()));
            assert_eq!(out, wire);
        }
        let mut out = Vec::new();
        assert_eq!(write("a.b.", &mut out), Ok(()));
        assert_eq!(out, b"\x01a\x01b\0");
        for wrong in [
            "a..b",
            "\\25",
            "\\999",
            "a\\",
            &"a".repeat(64),
            &"a.".repeat(200),
        ] {
            assert!(write(wrong, &mut Vec::new()).is_err(), "{wrong}");
        }
    }
}
