//! Two exchanges side by side: what is in one and not in the other. Heads are compared as lists of fields, JSON as a tree,
//! text by its lines. Pure; on hostile input it ends at a deadline with a coarser answer.

mod json;
mod lines;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ratel_flow::format::size;
use ratel_flow::text::{Charset, is_mostly_binary};
use ratel_flow::{Body, Headers, HttpRecord, Side};

pub(crate) use json::{Difference, Value, differences};

/// Bodies with more bytes than this are not looked into.
pub const BODY_MAX: u64 = 4 * 1024 * 1024;

/// After this time what is left is taken for different.
const TIME: Duration = Duration::from_millis(200);

/// More lines of one section than this are not given.
pub const LINES_MAX: usize = 10_000;

/// What differs between two exchanges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The parts of an exchange, in their order, with what is to be said of them; only those in which something differs.
    pub sections: Vec<Section>,
}

/// A part of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub title: String,
    /// What differs, with what is around it.
    pub lines: Vec<Line>,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// On which side it is.
    pub change: Change,
    /// What it says: bytes of a peer.
    pub text: Bytes,
}

/// On which side something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// On both.
    Same,
    /// Only on the first.
    Removed,
    /// Only on the second.
    Added,
    /// On neither: a remark.
    Remark,
}

impl Line {
    fn new(change: Change, text: impl Into<Bytes>) -> Self {
        Self {
            change,
            text: text.into(),
        }
    }

    fn remark(text: impl Into<String>) -> Self {
        Self::new(Change::Remark, text.into())
    }
}

/// Compares two exchanges.
#[must_use]
pub fn diff(before: &HttpRecord, after: &HttpRecord) -> Diff {
    let until = Instant::now() + TIME;
    let mut diff = Diff::default();
    let mut add = |title: &str, lines: Vec<Line>| {
        if lines.iter().any(|line| line.change != Change::Same) {
            diff.sections.push(Section {
                title: title.to_owned(),
                lines,
            });
        }
    };
    add(
        "Request",
        values(&[
            (&before.request.method, &after.request.method),
            (
                before.request.url().as_bytes(),
                after.request.url().as_bytes(),
            ),
            (
                before.request.version.as_bytes(),
                after.request.version.as_bytes(),
            ),
        ]),
    );
    let (old, new) = (&before.request.headers, &after.request.headers);
    add("Request headers", fields(old, new));
    add("Request body", bodies([before, after], Side::Client, until));
    add(
        "Request trailers",
        trailers(&before.request_trailers, &after.request_trailers),
    );
    match (&before.response, &after.response) {
        (Some(old), Some(new)) => {
            let status = |response: &ratel_flow::Response| response.status.to_string();
            let (old_status, new_status) = (status(old), status(new));
            add(
                "Response",
                values(&[
                    (old.version.as_bytes(), new.version.as_bytes()),
                    (old_status.as_bytes(), new_status.as_bytes()),
                    (&old.reason, &new.reason),
                ]),
            );
            add("Response headers", fields(&old.headers, &new.headers));
            add(
                "Response body",
                bodies([before, after], Side::Server, until),
            );
            add(
                "Response trailers",
                trailers(&before.response_trailers, &after.response_trailers),
            );
        }
        (Some(_), None) => add(
            "Response",
            vec![Line::remark("only the first has a response")],
        ),
        (None, Some(_)) => add(
            "Response",
            vec![Line::remark("only the second has a response")],
        ),
        (None, None) => {}
    }
    diff
}

/// Values that stand for the same thing.
fn values(pairs: &[(&[u8], &[u8])]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (old, new) in pairs {
        if old != new {
            lines.push(Line::new(Change::Removed, Bytes::copy_from_slice(old)));
            lines.push(Line::new(Change::Added, Bytes::copy_from_slice(new)));
        }
    }
    lines
}

/// Fields by their names, whatever the order of fields of different names.
fn fields(old: &Headers, new: &Headers) -> Vec<Line> {
    let line =
        |change, (name, value): (&[u8], &[u8])| Line::new(change, [name, b": ", value].concat());
    let mut left: Vec<Option<(&[u8], &[u8])>> = new.iter().map(Some).collect();
    let mut lines = Vec::new();
    let same = |a: (&[u8], &[u8]), b: (&[u8], &[u8])| a.0.eq_ignore_ascii_case(b.0) && a.1 == b.1;
    let gone: Vec<_> = old
        .iter()
        .filter(|field| {
            let found = left
                .iter_mut()
                .find(|other| other.is_some_and(|other| same(*field, other)));
            found.map(Option::take).is_none()
        })
        .collect();
    for field in gone {
        lines.push(line(Change::Removed, field));
        // What has its name now stands below it.
        let renewed = left
            .iter_mut()
            .find(|other| other.is_some_and(|(name, _)| name.eq_ignore_ascii_case(field.0)));
        if let Some(renewed) = renewed.and_then(Option::take) {
            lines.push(line(Change::Added, renewed));
        }
    }
    lines.extend(
        left.into_iter()
            .flatten()
            .map(|field| line(Change::Added, field)),
    );
    lines.truncate(LINES_MAX);
    if lines.is_empty() && !old.iter().eq(new.iter()) {
        lines.push(Line::remark(
            "the same fields, in another order or another spelling",
        ));
    }
    lines
}

fn trailers(old: &Option<Headers>, new: &Option<Headers>) -> Vec<Line> {
    let none = Headers::new();
    fields(old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none))
}

/// Bodies without their content-encodings.
fn bodies(exchanges: [&HttpRecord; 2], side: Side, until: Instant) -> Vec<Line> {
    let [old, new] = exchanges.map(|http| http.body(side));
    let both = match (read(old), read(new)) {
        (Ok(old), Ok(new)) => (old, new),
        _ if old.len() != new.len() => return vec![lengths(old.len(), new.len())],
        _ => return vec![Line::remark("too large to be compared, or not on record")],
    };
    if both.0 == both.1 {
        return Vec::new();
    }
    let [old_headers, new_headers] = exchanges.map(|http| http.headers(side));
    let (old, old_charset) = decoded(old_headers, &both.0);
    let (new, new_charset) = decoded(new_headers, &both.1);
    if old == new {
        return vec![Line::remark("the same content, encoded in another way")];
    }
    if let Some(lines) = json::diff(&old, &new, until) {
        return lines;
    }
    if is_mostly_binary(&old) || is_mostly_binary(&new) {
        let at = first_difference(&old, &new);
        return vec![
            lengths(Some(old.len() as u64), Some(new.len() as u64)),
            Line::remark(format!("the first byte that differs is at offset {at}")),
        ];
    }
    lines::diff(&old_charset.decode(&old), &new_charset.decode(&new), until)
}

/// How many bytes are the same at the beginning of both.
pub(crate) fn first_difference(old: &[u8], new: &[u8]) -> usize {
    old.iter().zip(new).take_while(|(a, b)| a == b).count()
}

fn read(body: &Body) -> Result<Bytes, ()> {
    match body.whole(BODY_MAX) {
        Ok(bytes) => Ok(bytes.unwrap_or_default()),
        Err(_) => Err(()),
    }
}

fn decoded<'a>(headers: Option<&Headers>, body: &'a [u8]) -> (Cow<'a, [u8]>, Charset) {
    let none = Headers::new();
    let headers = headers.unwrap_or(&none);
    let limit = usize::try_from(BODY_MAX).unwrap_or(usize::MAX);
    let content = ratel_flow::content::content(headers, body, true, limit);
    let charset = Charset::of(headers, &content.bytes);
    (content.bytes, charset)
}

fn lengths(old: Option<u64>, new: Option<u64>) -> Line {
    let shown = |len: Option<u64>| len.map_or_else(|| "nothing".to_owned(), size);
    Line::remark(format!("{} before, {} after", shown(old), shown(new)))
}

#[cfg(test)]
mod tests;
