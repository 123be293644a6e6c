//! Names: labels with their lengths, or a pointer to a name that stands before (RFC 1035 §3.1, §4.1.4).

use std::borrow::Cow;

use super::read::ReadProblem;
use super::write::PackError;

/// Bytes of a name, the lengths of its labels and the last zero included (RFC 1035 §2.3.4).
const NAME_MAX: usize = 255;

/// Bytes of a label (RFC 1035 §2.3.4).
const LABEL_MAX: usize = 63;

/// Pointers in one name; a name has fewer labels, so that more lead nowhere.
const POINTERS_MAX: usize = 128;

/// Copies the name that stands there, pointers followed, and tells where it ends there.
pub(super) fn copy(message: &[u8], mut at: usize, out: &mut Vec<u8>) -> Result<usize, ReadProblem> {
    let (start, mut end, mut pointers) = (out.len(), None, 0);
    loop {
        let first = *message.get(at).ok_or(ReadProblem::Short)?;
        match first {
            0 => {
                out.push(0);
                return Ok(end.unwrap_or(at + 1));
            }
            0xc0.. => {
                let second = *message.get(at + 1).ok_or(ReadProblem::Short)?;
                end.get_or_insert(at + 2);
                at = usize::from(u16::from_be_bytes([first & 0x3f, second]));
                pointers += 1;
                if pointers > POINTERS_MAX {
                    return Err(ReadProblem::Loop);
                }
            }
            0x40.. => return Err(ReadProblem::Label(first)),
            len => {
                let next = at + 1 + usize::from(len);
                let label = message.get(at..next).ok_or(ReadProblem::Short)?;
                // The last zero counts too.
                if out.len() - start + label.len() >= NAME_MAX {
                    return Err(ReadProblem::LongName);
                }
                out.extend_from_slice(label);
                at = next;
            }
        }
    }
}

/// A name without pointers as text.
pub(super) fn to_text(mut name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    while let Some((len, rest)) = name.split_first() {
        let (label, rest) = rest.split_at_checked(usize::from(*len)).unwrap_or_default();
        if !label.is_empty() {
            if !text.is_empty() {
                text.push('.');
            }
            push_label(label, &mut text);
        }
        name = rest;
    }
    text
}

fn push_label(label: &[u8], text: &mut String) {
    if label.starts_with(b"xn--")
        && let Some(readable) = readable(label)
    {
        return text.push_str(&readable);
    }
    for byte in label {
        match byte {
            b'.' | b'\\' => text.extend(['\\', char::from(*byte)]),
            0x80.. => text.push_str(&format!("\\{byte:03}")),
            _ => text.push(char::from(*byte)),
        }
    }
}

/// A label in its own script, if it becomes the same label again.
fn readable(label: &[u8]) -> Option<String> {
    let label = std::str::from_utf8(label).ok()?;
    let (readable, checked) = idna::domain_to_unicode(label);
    let again = checked.is_ok().then(|| to_ascii(&readable))??;
    (again == label && !readable.contains(['.', '\\'])).then_some(readable)
}

fn to_ascii(label: &str) -> Option<String> {
    idna::domain_to_ascii(label).ok()
}

/// Writes a name.
pub(super) fn from_text(text: &str, out: &mut Vec<u8>) -> Result<(), PackError> {
    let start = out.len();
    let mut rest = text;
    // Those are the root.
    let mut more = !text.is_empty() && text != ".";
    while more {
        let (label, after) = split_label(rest);
        // A dot may stand at the end.
        rest = after.unwrap_or_default();
        more = !rest.is_empty();
        let label = wire_label(label).ok_or_else(|| PackError::Label(label.to_owned()))?;
        let len = u8::try_from(label.len()).unwrap_or(u8::MAX);
        if label.is_empty() || label.len() > LABEL_MAX {
            return Err(PackError::Label(String::from_utf8_lossy(&label).into()));
        }
        out.push(len);
        out.extend_from_slice(&label);
    }
    out.push(0);
    if out.len() - start > NAME_MAX {
        return Err(PackError::LongName(text.to_owned()));
    }
    Ok(())
}

/// Everything up to the first dot that is not escaped, and what follows it.
fn split_label(text: &str) -> (&str, Option<&str>) {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'.' => {
                return (text.get(..at).unwrap_or_default(), text.get(at + 1..));
            }
            _ => {}
        }
    }
    (text, None)
}

/// A label as it goes over the wire.
fn wire_label(label: &str) -> Option<Cow<'_, [u8]>> {
    if !label.is_ascii() {
        return to_ascii(label).map(|label| label.into_bytes().into());
    }
    if !label.contains('\\') {
        return Some(label.as_bytes().into());
    }
    let (mut out, mut rest) = (Vec::new(), label.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (
                b'\\',
                [
                    a @ b'0'..=b'2',
                    b @ b'0'..=b'9',
                    c @ b'0'..=b'9',
                    after @ ..,
                ],
            ) => {
                let number = [a, b, c]
                    .iter()
                    .fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
                out.push(u8::try_from(number).ok()?);
                after
            }
            (b'\\', [byte, after @ ..]) => {
                out.push(*byte);
                after
            }
            _ => {
                out.push(*byte);
                after
            }
        };
    }
    Some(out.into())
}
