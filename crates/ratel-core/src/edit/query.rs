//! Queries, forms and paths: names with values between `&`, components between `/`. What was not changed stays as it was
//! written.

use bytes::Bytes;
use ratel_flow::form;

use super::Row;
use super::table::cell;

/// What stands behind the question mark.
pub(super) fn of(path: &[u8]) -> &[u8] {
    let at = memchr::memchr(b'?', path).map_or(path.len(), |at| at + 1);
    path.get(at..).unwrap_or_default()
}

/// Names and values, decoded.
pub(super) fn rows(text: &[u8]) -> Vec<Row> {
    let row = |(name, value): (std::borrow::Cow<'_, [u8]>, std::borrow::Cow<'_, [u8]>)| {
        vec![name.into_owned(), value.into_owned()]
    };
    form::pairs(text).map(row).collect()
}

/// The text of such rows. Pairs that are in `before` stay as they are written there.
pub(super) fn text(before: &[u8], rows: &[&Row]) -> Vec<u8> {
    let mut old: Vec<&[u8]> = before
        .split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .collect();
    let mut out = Vec::new();
    for row in rows {
        if !out.is_empty() {
            out.push(b'&');
        }
        let is_it = |pair: &&[u8]| {
            let mut pairs = form::pairs(pair);
            pairs
                .next()
                .is_some_and(|(name, value)| (&*name, &*value) == (cell(row, 0), cell(row, 1)))
        };
        match old.iter().position(is_it) {
            Some(at) => out.extend_from_slice(old.remove(at)),
            None => {
                form::encode(cell(row, 0), &mut out);
                out.push(b'=');
                form::encode(cell(row, 1), &mut out);
            }
        }
    }
    out
}

/// The path with another query.
pub(super) fn with_query(path: &[u8], rows: &[&Row]) -> Bytes {
    let at = memchr::memchr(b'?', path).unwrap_or(path.len());
    let mut out = path.get(..at).unwrap_or_default().to_vec();
    let query = text(of(path), rows);
    if !query.is_empty() {
        out.push(b'?');
        out.extend_from_slice(&query);
    }
    out.into()
}

/// What stands between the slashes of a path, decoded. A slash at the end is an empty component.
pub(super) fn components(path: &[u8]) -> Vec<Row> {
    let components = raw_components(path).map(|raw| vec![unquote(raw)]);
    match raw_components(path).collect::<Vec<_>>()[..] {
        [b""] => Vec::new(),
        _ => components.collect(),
    }
}

fn raw_components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memchr(b'?', path).unwrap_or(path.len());
    let path = path.get(..end).unwrap_or_default();
    path.strip_prefix(b"/")
        .unwrap_or(path)
        .split(|b| *b == b'/')
}

/// The path with other components.
pub(super) fn with_components(path: &[u8], rows: &[&Row]) -> Bytes {
    let mut old: Vec<&[u8]> = raw_components(path).collect();
    let mut out = Vec::new();
    for row in rows {
        out.push(b'/');
        let component = cell(row, 0);
        match old.iter().position(|raw| unquote(raw) == component) {
            Some(at) => out.extend_from_slice(old.remove(at)),
            None => quote(component, &mut out),
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    let at = memchr::memchr(b'?', path).unwrap_or(path.len());
    out.extend_from_slice(path.get(at..).unwrap_or_default());
    out.into()
}

/// Undoes `%xx`; a `+` is one there.
fn unquote(text: &[u8]) -> Vec<u8> {
    let plus: Vec<u8> = text
        .iter()
        .flat_map(|byte| match byte {
            b'+' => &b"%2B"[..],
            byte => std::slice::from_ref(byte),
        })
        .copied()
        .collect();
    form::decode(&plus).into_owned()
}

/// What may stand in a component of a path stands there (RFC 3986 §3.3).
fn quote(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte);
        if is_plain {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}
