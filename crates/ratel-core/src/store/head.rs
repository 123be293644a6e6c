//! How heads are written to segments: compact, and keeping every byte.
//!
//! Heads are stored as their bytes plus the spans a parser found in them, rather than as bytes to parse again.
//! Reading one back is then independent of the HTTP version and of how lenient the parser was, a message that a
//! hook changed takes the same form as one that was not, and no head can come back different from what it was.
//!
//! Numbers are LEB128. A piece of text is either a span of bytes that are there already (the start line, which holds
//! the method, the target and the version), or a length and its bytes.

use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{Request, Response, Scheme, Timestamp, Version};
use ratel_proto::Headers;
use ratel_proto::headers::{Field, Span};

pub(super) fn put_request(out: &mut Vec<u8>, request: &Request) {
    let line = request.line.as_deref();
    number(out, request.timestamp_start.0);
    out.push(u8::from(request.scheme == Scheme::Https) | u8::from(line.is_some()) << 1);
    number(out, u64::from(request.port));
    text(out, &[], request.host.as_bytes());
    let line = line.unwrap_or_default();
    text(out, &[], line);
    text(out, line, &request.method);
    text(out, line, &request.target);
    text(out, &request.target, path_in_target(request));
    put_version(out, line, &request.version);
    put_headers(out, &request.headers);
    put_headers(out, &request.pseudo);
}

pub(super) fn get_request(stored: Bytes) -> Option<Request> {
    let mut from = Reader { stored, at: 0 };
    let timestamp_start = Timestamp(from.number()?);
    let flags = from.byte()?;
    let port = from.number()? as u16;
    let host = from.text(&Bytes::new())?;
    let line = from.text(&Bytes::new())?;
    let method = from.text(&line)?;
    let target = from.text(&line)?;
    let path = from.text(&target)?;
    let version = from.version(&line)?;
    let headers = from.headers()?;
    let pseudo = from.headers()?;
    Some(Request {
        method,
        target,
        version,
        line: (flags & 2 != 0).then_some(line),
        headers,
        pseudo,
        scheme: if flags & 1 != 0 {
            Scheme::Https
        } else {
            Scheme::Http
        },
        host: Arc::from(std::str::from_utf8(&host).ok()?),
        port,
        path,
        timestamp_start,
    })
}

pub(super) fn put_response(out: &mut Vec<u8>, response: &Response) {
    let line = response.line.as_deref();
    number(out, response.timestamp_start.0);
    out.push(u8::from(line.is_some()));
    number(out, u64::from(response.status));
    let line = line.unwrap_or_default();
    text(out, &[], line);
    text(out, line, &response.reason);
    put_version(out, line, &response.version);
    put_headers(out, &response.headers);
    put_headers(out, &response.pseudo);
}

pub(super) fn get_response(stored: Bytes) -> Option<Response> {
    let mut from = Reader { stored, at: 0 };
    let timestamp_start = Timestamp(from.number()?);
    let flags = from.byte()?;
    let status = from.number()? as u16;
    let line = from.text(&Bytes::new())?;
    let reason = from.text(&line)?;
    let version = from.version(&line)?;
    let headers = from.headers()?;
    let pseudo = from.headers()?;
    Some(Response {
        version,
        status,
        reason,
        line: (flags & 1 != 0).then_some(line),
        headers,
        pseudo,
        timestamp_start,
    })
}

/// Field count, then five numbers per field (the line's length and whether it is never indexed, name and value within
/// it), then the bytes.
pub(super) fn put_headers(out: &mut Vec<u8>, headers: &Headers) {
    number(
        out,
        (headers.len() as u64) << 1 | u64::from(headers.end() == b"\n"),
    );
    for (line, field) in headers.lines().zip(headers.fields()) {
        let (name, value) = (field.name, field.value);
        let spans = FieldSpans::of(line, name, value);
        let line = line.len() << 1 | usize::from(field.never_indexed);
        for n in [line, spans.name, name.len(), spans.value, value.len()] {
            number(out, n as u64);
        }
    }
    for (line, (name, value)) in headers.lines().zip(headers.iter()) {
        out.extend_from_slice(line);
        if FieldSpans::of(line, name, value).apart {
            out.extend_from_slice(name);
            out.extend_from_slice(value);
        }
    }
}

pub(super) fn get_headers(stored: Bytes) -> Option<Headers> {
    Reader { stored, at: 0 }.headers()
}

/// Where name and value of a field lie, counted from its line's first byte.
struct FieldSpans {
    name: usize,
    value: usize,
    /// They are not part of the line and follow it.
    apart: bool,
}

impl FieldSpans {
    fn of(line: &[u8], name: &[u8], value: &[u8]) -> Self {
        match (offset_in(line, name), offset_in(line, value)) {
            (Some(name), Some(value)) => Self {
                name,
                value,
                apart: false,
            },
            _ => Self {
                name: line.len(),
                value: line.len() + name.len(),
                apart: true,
            },
        }
    }
}

fn put_version(out: &mut Vec<u8>, line: &[u8], version: &Version) {
    let (tag, other) = match version {
        Version::Http10 => (0, None),
        Version::Http11 => (1, None),
        Version::Http2 => (2, None),
        Version::Http3 => (3, None),
        Version::Other(bytes) => (4, Some(bytes)),
    };
    out.push(tag);
    if let Some(bytes) = other {
        text(out, line, bytes);
    }
}

/// The path as a part of the target, where it is one, whatever buffer each of them lies in.
fn path_in_target(request: &Request) -> &[u8] {
    let start = request.target.len().saturating_sub(request.path.len());
    match request.target.get(start..) {
        Some(end) if *end == *request.path => end,
        _ => &request.path,
    }
}

fn number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A span of `within` if it lies there, else the bytes.
fn text(out: &mut Vec<u8>, within: &[u8], piece: &[u8]) {
    match offset_in(within, piece) {
        Some(at) if !piece.is_empty() => {
            number(out, (at as u64) << 1 | 1);
            number(out, piece.len() as u64);
        }
        _ => {
            number(out, (piece.len() as u64) << 1);
            out.extend_from_slice(piece);
        }
    }
}

/// Where `inner` begins in `outer`, if it is a slice of it. An empty one is a slice of anything.
fn offset_in(outer: &[u8], inner: &[u8]) -> Option<usize> {
    if inner.is_empty() {
        return Some(0);
    }
    let at = (inner.as_ptr() as usize).checked_sub(outer.as_ptr() as usize)?;
    (at + inner.len() <= outer.len()).then_some(at)
}

struct Reader {
    stored: Bytes,
    at: usize,
}

impl Reader {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.stored.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    fn bytes(&mut self, len: usize) -> Option<Bytes> {
        let piece = slice(&self.stored, self.at, len)?;
        self.at += len;
        Some(piece)
    }

    fn text(&mut self, within: &Bytes) -> Option<Bytes> {
        let n = self.number()?;
        let at = usize::try_from(n >> 1).ok()?;
        if n & 1 == 0 {
            return self.bytes(at);
        }
        let len = usize::try_from(self.number()?).ok()?;
        slice(within, at, len)
    }

    fn version(&mut self, line: &Bytes) -> Option<Version> {
        Some(match self.byte()? {
            0 => Version::Http10,
            1 => Version::Http11,
            2 => Version::Http2,
            3 => Version::Http3,
            _ => Version::Other(self.text(line)?),
        })
    }

    fn headers(&mut self) -> Option<Headers> {
        let n = self.number()?;
        let count = usize::try_from(n >> 1).ok()?;
        // Each field takes five bytes at least, so a count that is out of range is found before it is believed.
        let mut fields = Vec::with_capacity(count.min(self.stored.len() / 5));
        let mut start = 0;
        for _ in 0..count {
            let mut numbers = [0; 5];
            for n in &mut numbers {
                *n = usize::try_from(self.number()?)
                    .ok()
                    .filter(|n| *n / 2 <= self.stored.len())?;
            }
            let [line, name, name_len, value, value_len] = numbers;
            let (line, never_indexed) = (line >> 1, line & 1 != 0);
            fields.push(Field {
                line: Span::new(start, start + line),
                name: Span::new(start + name, start + name + name_len),
                value: Span::new(start + value, start + value + value_len),
                never_indexed,
            });
            start += line.max(name + name_len).max(value + value_len);
        }
        let base = self.bytes(start)?;
        Some(Headers::from_wire(base, fields, n & 1 != 0))
    }
}

fn slice(of: &Bytes, at: usize, len: usize) -> Option<Bytes> {
    let end = at.checked_add(len)?;
    (end <= of.len()).then(|| of.slice(at..end))
}

#[cfg(test)]
mod tests;
