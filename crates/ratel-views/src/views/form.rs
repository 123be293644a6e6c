//! Forms: URL-encoded ones, those in several parts, and what stands behind the question mark of a URL.

use ratel_flow::Side;

use super::whole::{Beyond, Refusal, Whole};
use super::yaml;
use crate::{ContentView, Painter, Sink, ViewInput};

/// For `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).
pub(crate) struct UrlEncoded;

impl ContentView for UrlEncoded {
    fn name(&self) -> &'static str {
        "URL-encoded"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "application/x-www-form-urlencoded";
        if fits && input.offset == 0 { 1.0 } else { 0.0 }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, _, out| {
            yaml::map(&pairs(data), out);
            Ok(())
        })
    }
}

/// For requests without a body.
pub(crate) struct Query;

impl ContentView for Query {
    fn name(&self) -> &'static str {
        "Query"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let asks = input.side == Some(Side::Client) && query(input).is_some();
        if asks && input.data.is_empty() && input.offset == 0 {
            0.3
        } else {
            0.0
        }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let query = query(input).unwrap_or_default().to_owned();
        Whole::painter(self.name(), Beyond::Nothing, move |_, _, out| {
            yaml::map(&pairs(query.as_bytes()), out);
            Ok(())
        })
    }
}

fn query<'a>(input: &ViewInput<'a>) -> Option<&'a str> {
    let (_, query) = input.path?.split_once('?')?;
    (!query.is_empty()).then_some(query)
}

/// Names and values of a URL-encoded text, decoded.
pub(crate) fn pairs(data: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let fields = data.split(|b| *b == b'&').filter(|field| !field.is_empty());
    let pair = |field: &[u8]| {
        let equals = field.iter().position(|b| *b == b'=');
        let (name, value) = field.split_at(equals.unwrap_or(field.len()));
        (
            decoded(name),
            decoded(value.strip_prefix(b"=").unwrap_or(value)),
        )
    };
    fields.map(pair).collect()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex
            .and_then(|hex| str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    out
}

/// For `multipart/form-data` (RFC 7578).
pub(crate) struct Multipart;

impl ContentView for Multipart {
    fn name(&self) -> &'static str {
        "Multipart Form"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "multipart/form-data";
        if fits && input.offset == 0 { 1.0 } else { 0.0 }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let boundary = boundary(input.content_type.unwrap_or_default());
        Whole::painter(self.name(), Beyond::Nothing, move |data, _, out| {
            let boundary = boundary
                .as_deref()
                .ok_or("the content type names no boundary between the parts")?;
            parts(data, boundary, out)
        })
    }
}

/// The boundary that a content type names (RFC 2046 §5.1.1).
fn boundary(content_type: &str) -> Option<Vec<u8>> {
    let mut fields = content_type.split(';').skip(1);
    let value = fields.find_map(|field| {
        let (name, value) = field.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    })?;
    let usable = !value.is_empty() && value.len() <= 200;
    usable.then(|| value.as_bytes().to_vec())
}

fn parts(data: &[u8], boundary: &[u8], out: &mut Sink) -> Result<(), Refusal> {
    let delimiter = [b"--", boundary].concat();
    let mut places: Vec<usize> = memchr::memmem::find_iter(data, &delimiter).collect();
    // One stands at the start of a line.
    places.retain(|at| *at == 0 || data.get(at - 1) == Some(&b'\n'));
    if places.is_empty() && !data.is_empty() {
        return Err("the boundary between the parts is nowhere".into());
    }
    let ends = places.iter().skip(1).copied().chain([data.len()]);
    let mut found = Vec::new();
    for (start, end) in places.iter().zip(ends) {
        let part = data.get(start + delimiter.len()..end).unwrap_or_default();
        if part.starts_with(b"--") {
            break;
        }
        found.extend(named(part));
    }
    yaml::map(&found, out);
    Ok(())
}

/// The name and the content of a part.
fn named(part: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let split = |gap: &[u8]| memchr::memmem::find(part, gap).map(|at| (at, gap.len()));
    let (at, gap) = split(b"\r\n\r\n").or_else(|| split(b"\n\n"))?;
    let (head, content) = part.split_at(at);
    let content = content.get(gap..).unwrap_or_default();
    let content = content
        .strip_suffix(b"\r\n")
        .or_else(|| content.strip_suffix(b"\n"))
        .unwrap_or(content);
    let name = disposition(head, b"name=")?;
    let content = match disposition(head, b"filename=") {
        Some(file) if super::hex::is_binary(content) => {
            let bytes = content.len();
            format!("{} ({bytes} bytes)", yaml::text(&file)).into_bytes()
        }
        _ => content.to_vec(),
    };
    Some((name, content))
}

/// A parameter of the Content-Disposition of a part.
fn disposition(head: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find_iter(head, name).find(|at| {
        at.checked_sub(1)
            .is_some_and(|before| matches!(head.get(before), Some(b' ' | b';')))
    })?;
    let value = head.get(at + name.len()..)?;
    let (value, ends): (_, &[u8]) = match value.strip_prefix(b"\"") {
        Some(value) => (value, b"\""),
        None => (value, b";\r\n "),
    };
    let end = value.iter().position(|b| ends.contains(b));
    Some(value.get(..end.unwrap_or(value.len()))?.to_vec())
}

#[cfg(test)]
mod tests {
    use ratel_flow::Side;

    use super::super::testing::shown;
    use crate::{ViewInput, render};

    #[test]
    fn forms_are_names_and_values() {
        let form = "a=1&b=two+words&a=%33&c&%C3%BC=%zz%&=x&";
        insta::assert_snapshot!(shown("application/x-www-form-urlencoded", form), @r"
        a:
        - '1'
        - '3'
        b: two words
        c: ''
        ü: '%zz%'
        '': x
        ");
    }

    #[test]
    fn forms_in_parts_are_names_and_contents() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\none\ntwo\r\n\
            --x\r\nContent-Type: image/png\r\nContent-Disposition: form-data; name=file; filename=\"a.png\"\r\n\r\n\
            \u{0}\u{1}\u{2}\u{3}\r\n--x\r\nno head\r\n--x--\r\nafter";
        insta::assert_snapshot!(shown("multipart/form-data; charset=utf-8; boundary=\"x\"", form), @r"
        text: |-
          one
          two
        file: a.png (4 bytes)
        ");
        let none = shown("multipart/form-data", "--x\r\n");
        assert_eq!(none, "--x");
        let missing = shown("multipart/form-data; boundary=y", "--x\r\n");
        assert_eq!(missing, "--x");
    }

    #[test]
    fn a_request_without_a_body_shows_what_its_url_asks() {
        let input = |side, data| ViewInput {
            data,
            complete: true,
            side: Some(side),
            path: Some("/search?q=ratel+honey&n=1"),
            max_lines: 10,
            ..ViewInput::default()
        };
        let document = render(None, &input(Side::Client, b""));
        let lines: Vec<_> = document.lines.iter().map(crate::Line::text).collect();
        assert_eq!(lines, ["q: ratel honey", "n: '1'"]);
        assert_eq!(render(None, &input(Side::Server, b"")).view_name, "Raw");
        assert_eq!(render(None, &input(Side::Client, b"x")).view_name, "Raw");
    }
}
