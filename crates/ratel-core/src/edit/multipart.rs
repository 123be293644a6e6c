//! Forms in several parts (RFC 7578).

use ratel_flow::form;

use super::table::{cell, check_line};
use super::{DraftError, Row};

/// Name, value, name of the file and type of each part.
pub(super) fn rows(body: &[u8], boundary: &str) -> Vec<Row> {
    let row = |part: form::Part<'_>| {
        vec![
            part.name.into_bytes(),
            part.content.to_vec(),
            part.file.unwrap_or_default().into_bytes(),
            part.content_type.unwrap_or_default().into_bytes(),
        ]
    };
    form::parts(body, boundary).map(row).collect()
}

/// The body of such rows, the boundary in it, and whether that is another one. Parts keep the heads they had.
pub(super) fn body(
    before: &[u8],
    boundary: &str,
    rows: &[&Row],
) -> Result<(Vec<u8>, String, bool), DraftError> {
    let is_free = |boundary: &str| {
        !boundary.is_empty()
            && rows
                .iter()
                .all(|row| memchr::memmem::find(cell(row, 1), boundary.as_bytes()).is_none())
    };
    let mut chosen = boundary.to_owned();
    while !is_free(&chosen) {
        chosen = format!("ratel-{}", ratel_flow::flow::next_uuid(0));
    }
    let heads = heads(before, boundary);
    let mut out = Vec::new();
    for row in rows {
        let (name, value, file, kind) = (cell(row, 0), cell(row, 1), cell(row, 2), cell(row, 3));
        for (text, what) in [(name, "a name"), (file, "a file name"), (kind, "a type")] {
            check_line(text, what)?;
        }
        out.extend_from_slice(format!("--{chosen}\r\n").as_bytes());
        let same = |(of, _): &&(Row, &[u8])| {
            cell(of, 0) == name && cell(of, 2) == file && cell(of, 3) == kind
        };
        match heads.iter().find(same) {
            Some((_, head)) => out.extend_from_slice(head),
            None => {
                out.extend_from_slice(b"Content-Disposition: form-data; name=\"");
                quoted(name, &mut out);
                out.push(b'"');
                if !file.is_empty() {
                    out.extend_from_slice(b"; filename=\"");
                    quoted(file, &mut out);
                    out.push(b'"');
                }
                out.extend_from_slice(b"\r\n");
                if !kind.is_empty() {
                    out.extend_from_slice(b"Content-Type: ");
                    out.extend_from_slice(kind);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{chosen}--\r\n").as_bytes());
    let is_new = chosen != boundary;
    Ok((out, chosen, is_new))
}

/// The parts as rows, with what stands before their contents.
fn heads<'a>(body: &'a [u8], boundary: &str) -> Vec<(Row, &'a [u8])> {
    if boundary.is_empty() {
        return Vec::new();
    }
    let delimiter = format!("--{boundary}").into_bytes();
    let head_of = |at: usize| {
        let before = body.get(..at)?;
        let start = memchr::memmem::rfind(before, &delimiter)? + delimiter.len();
        let head = before.get(start..)?;
        head.strip_prefix(b"\r\n").or(head.strip_prefix(b"\n"))
    };
    form::parts(body, boundary)
        .zip(rows(body, boundary))
        .filter_map(|(part, row)| Some((row, head_of(part.at)?)))
        .collect()
}

/// As browsers escape what would end a quoted text.
fn quoted(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            byte => out.push(*byte),
        }
    }
}
