//! Forms, and what stands behind the question mark of a URL: names with values.

use std::borrow::Cow;

/// Names and values of a URL-encoded text, decoded
/// (<https://url.spec.whatwg.org/#urlencoded-parsing>).
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    let fields = text.split(|b| *b == b'&').filter(|field| !field.is_empty());
    fields.map(|field| {
        let equals = memchr::memchr(b'=', field).unwrap_or(field.len());
        let (name, value) = field.split_at(equals);
        (
            decode(name),
            decode(value.strip_prefix(b"=").unwrap_or(value)),
        )
    })
}

/// Undoes `%xx`, and `+` for a space.
#[must_use]
pub fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    undo(text, b' ')
}

/// Undoes `%xx`, as in a path.
#[must_use]
pub fn decode_percent(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    undo(text, b'+')
}

fn undo(text: &[u8], plus: u8) -> Cow<'_, [u8]> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => out.push(plus),
            b'%' => match hex(after) {
                Some(byte) => {
                    out.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => out.push(b'%'),
            },
            byte => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

fn hex(text: &[u8]) -> Option<u8> {
    let digit = |at| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// Adds a name or a value of a URL-encoded text.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}

/// One part of a form in several parts (RFC 7578), as it lies in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The name of the field.
    pub name: String,
    /// The name of the file, for a part that is one.
    pub file: Option<String>,
    /// What it says to be.
    pub content_type: Option<String>,
    /// Its content.
    pub content: &'a [u8],
    /// Where in the body that begins.
    pub at: usize,
}

/// The boundary that a content type names (RFC 2046 §5.1.1), which may have 70 characters and is granted 200.
#[must_use]
pub fn boundary(content_type: &str) -> Option<String> {
    let named = crate::text::parameter(content_type, "boundary")?;
    let is_multipart = content_type
        .trim_start()
        .get(..10)
        .is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
    (is_multipart && named.len() <= 200).then_some(named)
}

/// The parts of a form that have a name.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = Part<'a>> {
    let delimiter = format!("--{boundary}").into_bytes();
    let mut places: Vec<usize> = memchr::memmem::find_iter(body, &delimiter).collect();
    // One stands at the start of a line.
    places.retain(|at| *at == 0 || body.get(at - 1) == Some(&b'\n'));
    let ends: Vec<usize> = places.iter().skip(1).copied().collect();
    let starts = places.into_iter().map(move |at| at + delimiter.len());
    starts
        .zip(ends)
        .filter_map(|(start, end)| part(body.get(start..end)?, start))
}

fn part(whole: &[u8], at: usize) -> Option<Part<'_>> {
    let bytes = whole.strip_prefix(b"\r\n").or(whole.strip_prefix(b"\n"))?;
    let crlf = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| (at, 4));
    let lf = memchr::memmem::find(bytes, b"\n\n").map(|at| (at, 2));
    let (head_end, gap) = [crlf, lf].into_iter().flatten().min()?;
    let head = String::from_utf8_lossy(bytes.get(..head_end)?);
    let content = bytes.get(head_end + gap..)?;
    let at = at + whole.len() - content.len();
    let content = content
        .strip_suffix(b"\r\n")
        .or(content.strip_suffix(b"\n"))
        .unwrap_or(content);
    let (mut name, mut file, mut content_type) = (None, None, None);
    for line in head.lines() {
        let Some((field, value)) = line.split_once(':') else {
            continue;
        };
        if field.trim().eq_ignore_ascii_case("content-disposition") {
            name = quoted_parameter(value, "name");
            file = quoted_parameter(value, "filename");
        } else if field.trim().eq_ignore_ascii_case("content-type") {
            content_type = Some(value.trim().to_owned());
        }
    }
    Some(Part {
        name: name?,
        file,
        content_type,
        content,
        at,
    })
}

/// A parameter whose value may have a semicolon between its quotes. Browsers escape quotes as `%22`.
fn quoted_parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim().trim_start_matches(';').trim();
        let (found, after) = match after.trim_start().strip_prefix('"') {
            Some(after) => {
                let end = closing_quote(after)?;
                (after.get(..end)?, after.get(end + 1..)?)
            }
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(found.replace("\\\"", "\""));
        }
        rest = after;
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_end = |at: &usize| *at == 0 || bytes.get(at - 1) != Some(&b'\\');
    memchr::memchr_iter(b'"', bytes).find(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let found: Vec<_> = pairs(b"a=1&b=%26+x&&b=2&flag&=x&%zz=%4&c==")
            .map(|(name, value)| {
                let text = |bytes: Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
                (text(name), text(value))
            })
            .collect();
        let expected = [
            ("a", "1"),
            ("b", "& x"),
            ("b", "2"),
            ("flag", ""),
            ("", "x"),
            ("%zz", "%4"),
            ("c", "="),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, expected);
        let mut out = Vec::new();
        encode("a b&ü".as_bytes(), &mut out);
        assert_eq!(out, b"a+b%26%C3%BC");
        assert_eq!(&*decode(&out), "a b&ü".as_bytes());
    }

    #[test]
    fn parts_have_names_and_contents() {
        let content_type = "multipart/form-data; boundary=\"x;y\"";
        // RFC 2046 lets a quoted boundary hold a semicolon; nobody sends one.
        assert_eq!(boundary(content_type).as_deref(), Some("x"));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("text/plain; boundary=a"), None);
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a;\\\"b\"\r\n\r\n1\r\n2\r\n\
            --x\r\ncontent-disposition: form-data; name=f; filename=\"a.bin\"\r\nContent-Type: a/b\r\n\r\n\0--x\xff\r\n--x--\r\n";
        let found: Vec<_> = parts(body, "x").collect();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (&found[0].name[..], found[0].content),
            ("a;\"b", &b"1\r\n2"[..])
        );
        assert_eq!(
            (&found[1].name[..], found[1].content),
            ("f", &b"\0--x\xff"[..])
        );
        assert!(
            found
                .iter()
                .all(|part| body[part.at..].starts_with(part.content))
        );
        assert_eq!(found[1].file.as_deref(), Some("a.bin"));
        assert_eq!(found[1].content_type.as_deref(), Some("a/b"));
        assert_eq!(parts(b"", "x").count(), 0);
    }
}
