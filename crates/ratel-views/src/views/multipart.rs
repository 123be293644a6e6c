//! Forms in several parts (RFC 7578, RFC 2046 §5.1).

mod edit;

use super::whole::{Beyond, Refusal, Whole};
use super::yaml;
use crate::{ContentView, Editor, Painter, Sink, ViewInput};

/// For `multipart/form-data` (RFC 7578).
pub(crate) struct Multipart;

impl ContentView for Multipart {
    fn name(&self) -> &'static str {
        "Multipart Form"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "multipart/form-data";
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
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
    let form = Form::read(data, boundary)?;
    let named = form.parts.iter().filter_map(|part| {
        let name = part.name()?;
        let content = match disposition(part.head, b"filename=") {
            Some(file) if !out.is_exact() && super::hex::is_binary(part.content) => {
                let bytes = part.content.len();
                format!("{} ({bytes} bytes)", yaml::text(&file)).into_bytes()
            }
            _ => part.content.to_vec(),
        };
        Some((name, content))
    });
    let named: Vec<_> = named.collect();
    yaml::map(&named, out);
    Ok(())
}

/// A form in its parts, of which it can be put together again.
struct Form<'a> {
    /// What stands in front of the first part.
    before: &'a [u8],
    parts: Vec<Part<'a>>,
    /// From the delimiter on that ends the last part.
    after: &'a [u8],
}

struct Part<'a> {
    /// The fields, without the empty line after them.
    head: &'a [u8],
    /// What stands before the content in `whole`.
    lead: &'a [u8],
    content: &'a [u8],
    /// The line end after the content.
    end: &'a [u8],
}

impl<'a> Form<'a> {
    fn read(data: &'a [u8], boundary: &[u8]) -> Result<Self, &'static str> {
        let delimiter = [b"--", boundary].concat();
        let mut places: Vec<usize> = memchr::memmem::find_iter(data, &delimiter).collect();
        // One stands at the start of a line.
        places.retain(|at| {
            let before = at.checked_sub(1);
            before.is_none_or(|before| data.get(before) == Some(&b'\n'))
        });
        let Some(first) = places.first() else {
            let form = Self {
                before: data,
                parts: Vec::new(),
                after: &[],
            };
            return if data.is_empty() {
                Ok(form)
            } else {
                Err("the boundary between the parts is nowhere")
            };
        };
        let mut form = Self {
            before: data.get(..*first).unwrap_or_default(),
            parts: Vec::new(),
            after: &[],
        };
        let ends = places.iter().skip(1).copied().chain([data.len()]);
        for (start, end) in places.iter().copied().zip(ends) {
            let whole = data.get(start..end).unwrap_or_default();
            let part = whole.get(delimiter.len()..).unwrap_or_default();
            if part.starts_with(b"--") {
                form.after = data.get(start..).unwrap_or_default();
                break;
            }
            form.parts.push(Part::read(whole, delimiter.len()));
        }
        Ok(form)
    }
}

impl<'a> Part<'a> {
    fn read(whole: &'a [u8], delimiter: usize) -> Self {
        let part = whole.get(delimiter..).unwrap_or_default();
        let split = |gap: &[u8]| memchr::memmem::find(part, gap).map(|at| (at, gap.len()));
        let (at, gap) = split(b"\r\n\r\n")
            .or_else(|| split(b"\n\n"))
            .unwrap_or((part.len(), 0));
        let (lead, rest) = whole.split_at((delimiter + at + gap).min(whole.len()));
        let content = rest
            .strip_suffix(b"\r\n")
            .or_else(|| rest.strip_suffix(b"\n"))
            .unwrap_or(rest);
        Self {
            head: part.get(..at).unwrap_or_default(),
            lead,
            content,
            end: rest.get(content.len()..).unwrap_or_default(),
        }
    }

    /// The name that the head gives it.
    fn name(&self) -> Option<Vec<u8>> {
        disposition(self.head, b"name=")
    }
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
    use super::super::testing::shown;

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
}
