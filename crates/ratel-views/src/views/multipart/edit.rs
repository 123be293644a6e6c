//! Edited forms in their parts again.

use super::{Form, Multipart, boundary};
use crate::views::yaml;
use crate::{Editor, ReencodeError, ViewInput};

impl Editor for Multipart {
    /// Parts keep their heads; one that is new has the plainest there is.
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        let boundary = boundary(input.content_type.unwrap_or_default())
            .ok_or_else(|| ReencodeError::of("the content type names no boundary"))?;
        let form = Form::read(input.data, &boundary).map_err(ReencodeError::of)?;
        let delimiter = [b"--", &boundary[..]].concat();
        let mut out = form.before.to_vec();
        let mut parts: Vec<_> = form.parts.iter().map(|part| (part.name(), part)).collect();
        for (name, content) in yaml::pairs(text)? {
            if memchr::memmem::find(&content, &delimiter).is_some() {
                return Err(ReencodeError::of(format!(
                    "the value of '{}' holds the boundary between the parts",
                    yaml::text(&name)
                )));
            }
            // The same part first, then one of the same name.
            let of_name = |(other, _): &(Option<Vec<u8>>, _)| other.as_ref() == Some(&name);
            let place = parts
                .iter()
                .position(|entry| of_name(entry) && entry.1.content == content)
                .or_else(|| parts.iter().position(of_name));
            match place.map(|place| parts.remove(place).1) {
                Some(part) => {
                    end_line(&mut out);
                    out.extend_from_slice(part.lead);
                    out.extend_from_slice(&content);
                    let end = if part.end.is_empty() {
                        b"\r\n"
                    } else {
                        part.end
                    };
                    out.extend_from_slice(end);
                }
                None => {
                    end_line(&mut out);
                    out.extend_from_slice(&delimiter);
                    out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
                    quoted(&name, &mut out);
                    out.extend_from_slice(b"\"\r\n\r\n");
                    out.extend_from_slice(&content);
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
        end_line(&mut out);
        if form.after.is_empty() && !out.is_empty() {
            out.extend_from_slice(&delimiter);
            out.extend_from_slice(b"--\r\n");
        }
        out.extend_from_slice(form.after);
        Ok(out)
    }

    fn objection(&self, input: &ViewInput<'_>) -> Option<String> {
        let boundary = boundary(input.content_type.unwrap_or_default())?;
        let form = Form::read(input.data, &boundary).ok()?;
        let is_nameless = form.parts.iter().any(|part| part.name().is_none());
        is_nameless.then(|| "a part of it has no name".to_owned())
    }
}

/// A delimiter stands at the start of a line.
fn end_line(out: &mut Vec<u8>) {
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
}

/// A name as browsers write it between quotes (<https://html.spec.whatwg.org/#multipart-form-data>).
fn quoted(name: &[u8], out: &mut Vec<u8>) {
    for byte in name {
        match byte {
            b'"' => out.extend_from_slice(b"%22"),
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            byte => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::views::testing::edited;

    const TYPE: &str = "multipart/form-data; boundary=x";

    const FORM: &[u8] = b"before\r\n--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\none\r\n\
        --x\r\nContent-Type: image/png\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n\
        \x00\x01\xff\r\n--x--\r\nafter";

    fn changed(change: impl FnOnce(&str) -> String) -> Result<String, String> {
        let bytes = edited("multipart form", TYPE, FORM, change)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn parts_keep_their_heads() {
        let before = String::from_utf8_lossy(FORM);
        let text = |from: &str, to: &str| changed(|text| text.replace(from, to));
        assert_eq!(
            text("text: one", "text: two"),
            Ok(before.replace("one", "two"))
        );
        let file = changed(|text| {
            assert_eq!(text, "text: one\nfile: !binary 0001ff\n");
            text.replace("!binary 0001ff", "new")
        });
        assert_eq!(file, Ok(before.replace("\u{0}\u{1}\u{fffd}", "new")));
        let more = changed(|text| format!("{text}\"a\\\"\": b\n")).expect("a form");
        assert!(
            more.contains("name=\"a%22\"\r\n\r\nb\r\n--x--\r\nafter"),
            "{more}"
        );
        let less = text("text: one\n", "").expect("a form");
        assert!(less.starts_with("before\r\n--x\r\nContent-Type"), "{less}");
        let wrong = text("one", "a--x").unwrap_err();
        assert_eq!(
            wrong,
            "the value of 'text' holds the boundary between the parts"
        );
        let nameless = edited("multipart form", TYPE, b"--x\r\n\r\na\r\n--x--", |text| {
            text.into()
        });
        assert!(nameless.unwrap_err().contains("has no name"));
    }

    proptest! {
        #[test]
        fn any_form_comes_back(parts in prop::collection::vec(("[a-c]", "[a-c \r\n:#é]{0,9}"), 0..5)) {
            let parts: String = parts
                .iter()
                .map(|(name, value)| format!("--x\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n"))
                .collect();
            let form = format!("{parts}--x--\r\n");
            let again = edited("multipart form", TYPE, form.as_bytes(), |text| format!("{text}# remark"));
            prop_assert_eq!(again, Ok(form.into_bytes()));
        }
    }
}
