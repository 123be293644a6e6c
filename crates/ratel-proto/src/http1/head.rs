//! Heads: the start line and the fields, found in one pass and kept byte for byte.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memrchr};

use super::fields::{End, FieldLimits, FieldScan, Overflow, content};
use crate::Headers;
use crate::headers::Span;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes from the first one up to the end of the empty line. At most `u32::MAX` counts.
    pub bytes: usize,
    /// Number of fields, duplicates counted.
    pub fields: usize,
}

impl HeadLimits {
    /// Size of the largest head that is taken by default.
    pub const BYTES: usize = 256 * 1024;
    /// Number of fields that are taken by default.
    pub const FIELDS: usize = 2000;
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            bytes: Self::BYTES,
            fields: Self::FIELDS,
        }
    }
}

/// The head of a request, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The request line with its line ending, and the empty lines before it (RFC 9112 §2.2).
    pub line: Bytes,
    /// Everything up to the first space; never empty, visible ASCII.
    pub method: Bytes,
    /// Everything between the first and the last space, whatever it is.
    pub target: Bytes,
    /// Everything after the last space; begins with `HTTP/`. Trailing whitespace is left out.
    pub version: Bytes,
    /// The fields.
    pub headers: Headers,
}

/// The head of a response, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status line with its line ending, and the empty lines before it.
    pub line: Bytes,
    /// Everything up to the first space; begins with `HTTP/`.
    pub version: Bytes,
    /// The three digits of the status, 0 to 999.
    pub status: u16,
    /// The reason phrase; empty when there is none.
    pub reason: Bytes,
    /// The fields.
    pub headers: Headers,
}

/// Why bytes are not the head of an HTTP/1 message. Each reads as the end of a sentence about "it", the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The first bytes are no method.
    #[error("it does not begin with a method such as GET")]
    Method,
    /// The request line lacks a part.
    #[error("its first line is not of the form `METHOD TARGET HTTP/1.1`")]
    RequestLine,
    /// The request line names no version, as HTTP/0.9 had it.
    #[error(
        "its first line does not end in a version such as HTTP/1.1, and HTTP/0.9 is not supported"
    )]
    NoVersion,
    /// The first bytes of a response are not `HTTP/`.
    #[error("its first line does not begin with HTTP/")]
    StatusLine,
    /// No status in the status line.
    #[error("its first line has no status code of three digits")]
    Status,
    /// The limit on bytes was passed.
    #[error("its head is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The limit on fields was passed.
    #[error("its head has more than {limit} fields")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// A head that should have been complete lacks its empty line.
    #[error("its head has no end")]
    Incomplete,
}

/// Finds heads at the beginning of a buffer.
///
/// Remembers how far it has looked, so that a head that trickles in byte by byte costs linear time. Between two calls
/// bytes may be added to the end of the buffer and nothing else; a buffer that became shorter is looked at anew.
#[derive(Debug)]
pub struct HeadReader {
    limits: HeadLimits,
    progress: Progress,
}

impl HeadReader {
    /// A reader that takes heads within these limits.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            progress: Progress::new(Kind::Request),
        }
    }

    /// Takes a request head off the front of `buf`; none when more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are not a head, as soon as that is certain. They stay in `buf`.
    pub fn request(&mut self, buf: &mut BytesMut) -> Result<Option<RequestHead>, HeadError> {
        let found = self.advance(buf, Kind::Request)?;
        Ok(found.map(|found| found.request(|len| buf.split_to(len).freeze())))
    }

    /// Takes a response head off the front of `buf`; none when more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are not a head, as soon as that is certain. They stay in `buf`.
    pub fn response(&mut self, buf: &mut BytesMut) -> Result<Option<ResponseHead>, HeadError> {
        let found = self.advance(buf, Kind::Response)?;
        Ok(found.map(|found| found.response(|len| buf.split_to(len).freeze())))
    }

    /// Whether a part of a head has been seen, more than the empty lines that may stand before one.
    #[must_use]
    pub fn partial(&self) -> bool {
        self.progress.partial()
    }

    fn advance(&mut self, buf: &[u8], kind: Kind) -> Result<Option<Found>, HeadError> {
        if self.progress.kind != kind || buf.len() < self.progress.seen() {
            self.progress = Progress::new(kind);
        }
        match self.progress.advance(buf, self.limits) {
            Ok(None) => Ok(None),
            Ok(Some(end)) => {
                let progress = std::mem::replace(&mut self.progress, Progress::new(kind));
                Ok(progress.found(end))
            }
            Err(error) => {
                self.progress = Progress::new(kind);
                Err(error)
            }
        }
    }
}

/// The request head at the beginning of `head`, which was complete when it was stored. Its size is not limited
/// (below 4 GiB); what follows it is ignored.
///
/// # Errors
/// When the bytes are not a complete head.
pub fn parse_request(head: Bytes) -> Result<RequestHead, HeadError> {
    Ok(parse(&head, Kind::Request)?.request(|len| head.slice(..len)))
}

/// The response head at the beginning of `head`; the rest as with [`parse_request`].
///
/// # Errors
/// When the bytes are not a complete head.
pub fn parse_response(head: Bytes) -> Result<ResponseHead, HeadError> {
    Ok(parse(&head, Kind::Response)?.response(|len| head.slice(..len)))
}

fn parse(head: &[u8], kind: Kind) -> Result<Found, HeadError> {
    let unlimited = HeadLimits {
        bytes: usize::MAX,
        fields: usize::MAX,
    };
    let mut progress = Progress::new(kind);
    let end = progress.advance(head, unlimited)?;
    end.and_then(|end| progress.found(end))
        .ok_or(HeadError::Incomplete)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
}

/// How much of a head has been understood.
#[derive(Debug)]
struct Progress {
    kind: Kind,
    /// Where the start line begins: after the empty lines before it.
    line: usize,
    /// No line end lies between `line` and here, and the bytes are a plausible beginning.
    seen: usize,
    /// Whether the request line, which is not complete, has a method.
    method: bool,
    start: Option<StartLine>,
    fields: FieldScan,
}

/// Where the parts of the start line are. `parts` are method, target and version, or version, nothing and reason.
#[derive(Debug)]
struct StartLine {
    end: usize,
    parts: [Span; 3],
    status: u16,
}

impl Progress {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            line: 0,
            seen: 0,
            method: false,
            start: None,
            fields: FieldScan::default(),
        }
    }

    fn seen(&self) -> usize {
        self.seen.max(self.fields.seen())
    }

    fn partial(&self) -> bool {
        self.seen() > self.line
    }

    fn advance(&mut self, buf: &[u8], limits: HeadLimits) -> Result<Option<End>, HeadError> {
        // Positions are kept in 32 bits.
        let bytes = limits.bytes.min(u32::MAX as usize);
        let too_large = HeadError::TooLarge { limit: bytes };
        if self.start.is_none() {
            let Some(start) = self.start_line(buf, bytes)? else {
                return if buf.len() > bytes {
                    Err(too_large)
                } else {
                    Ok(None)
                };
            };
            self.fields = FieldScan::starting_at(start.end);
            self.start = Some(start);
        }
        let fields = limits.fields;
        self.fields
            .advance(buf, FieldLimits { bytes, fields })
            .map_err(|over| match over {
                Overflow::Bytes => too_large,
                Overflow::Fields => HeadError::TooManyFields { limit: fields },
            })
    }

    /// The start line; none when it has not come yet. What cannot become one is refused before its line is complete,
    /// since a peer that speaks another protocol may never send a line end.
    fn start_line(&mut self, buf: &[u8], limit: usize) -> Result<Option<StartLine>, HeadError> {
        // Nothing behind the first byte too many is looked at: which fault is found first must not depend on how
        // much came at once.
        let buf = buf.get(..limit.saturating_add(1)).unwrap_or(buf);
        loop {
            let Some(lf) = buf.get(self.seen..).and_then(|rest| memchr(b'\n', rest)) else {
                let line = buf.get(self.line..).unwrap_or_default();
                match self.kind {
                    Kind::Request if self.method => {}
                    Kind::Request => {
                        // A CR at the end of what was seen before has to be looked at again.
                        let from = self.seen.saturating_sub(self.line + 1);
                        self.method = method_len(line, from, false)?.is_some();
                    }
                    Kind::Response => plausible_version(line)?,
                }
                self.seen = buf.len();
                return Ok(None);
            };
            let end = self.seen + lf + 1;
            let line = content(buf, self.line, end);
            if line.is_empty() && end <= limit {
                (self.line, self.seen) = (end, end);
                continue;
            }
            let parsed = match self.kind {
                Kind::Request => request_line(line, self.line, end, limit),
                Kind::Response => status_line(line, self.line, end, limit),
            };
            self.seen = end;
            return parsed.map(Some);
        }
    }

    fn found(self, end: End) -> Option<Found> {
        Some(Found {
            start: self.start?,
            fields: self.fields,
            end,
        })
    }
}

/// A complete head and where its parts are.
struct Found {
    start: StartLine,
    fields: FieldScan,
    end: End,
}

impl Found {
    /// `take` gives the bytes of the head, given its length.
    fn request(self, take: impl FnOnce(usize) -> Bytes) -> RequestHead {
        let (start, head, headers) = self.take(take);
        let [method, target, version] = start.parts;
        RequestHead {
            method: part(&head, method),
            target: part(&head, target),
            version: part(&head, version),
            line: head.slice(..start.end.min(head.len())),
            headers,
        }
    }

    fn response(self, take: impl FnOnce(usize) -> Bytes) -> ResponseHead {
        let (start, head, headers) = self.take(take);
        let [version, _, reason] = start.parts;
        ResponseHead {
            version: part(&head, version),
            status: start.status,
            reason: part(&head, reason),
            line: head.slice(..start.end.min(head.len())),
            headers,
        }
    }

    fn take(self, take: impl FnOnce(usize) -> Bytes) -> (StartLine, Bytes, Headers) {
        let head = take(self.end.at);
        let headers = Headers::from_wire(head.clone(), self.fields.into_fields(), self.end.bare);
        (self.start, head, headers)
    }
}

/// What nearly every start line says; these need not share, and count references to, the bytes that were read.
const COMMON: [&[u8]; 12] = [
    b"HTTP/1.1",
    b"GET",
    b"OK",
    b"POST",
    b"HTTP/1.0",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"PATCH",
    b"",
];

fn part(head: &Bytes, span: Span) -> Bytes {
    let start = span.start as usize;
    let text = head
        .get(start..start + span.len as usize)
        .unwrap_or_default();
    match COMMON.iter().find(|common| **common == text) {
        Some(common) => Bytes::from_static(common),
        None => head.slice_ref(text),
    }
}

/// The length of the method at the beginning of a request line, of which `from` bytes are known to be good; none when
/// its end is not there. Any visible ASCII passes: a method of odd characters is still to be shown.
fn method_len(line: &[u8], from: usize, complete: bool) -> Result<Option<usize>, HeadError> {
    for (at, byte) in line.iter().enumerate().skip(from) {
        match byte {
            b' ' if at > 0 => return Ok(Some(at)),
            b'!'..=b'~' => {}
            // Perhaps the first half of a line ending.
            b'\r' if !complete && at + 1 == line.len() => {}
            _ => return Err(HeadError::Method),
        }
    }
    Ok(None)
}

fn request_line(line: &[u8], at: usize, end: usize, limit: usize) -> Result<StartLine, HeadError> {
    let method = method_len(line, 0, true)?;
    if end > limit {
        return Err(HeadError::TooLarge { limit });
    }
    let method = method.ok_or(HeadError::RequestLine)?;
    let rest = line.get(method + 1..).unwrap_or_default();
    // RFC 9112 §3: trailing whitespace may be tolerated.
    let rest = rest.trim_ascii_end();
    let last = memrchr(b' ', rest);
    let version = rest.get(last.map_or(0, |sp| sp + 1)..).unwrap_or_default();
    if !version.starts_with(b"HTTP/") {
        return Err(HeadError::NoVersion);
    }
    let last = last.ok_or(HeadError::RequestLine)?;
    let target = at + method + 1;
    Ok(StartLine {
        end,
        parts: [
            Span::new(at, at + method),
            Span::new(target, target + last),
            Span::new(target + last + 1, target + rest.len()),
        ],
        status: 0,
    })
}

/// Whether an incomplete status line can still become one.
fn plausible_version(line: &[u8]) -> Result<(), HeadError> {
    let fits = line == b"\r" || line.iter().zip(b"HTTP/").all(|(a, b)| a == b);
    if fits {
        Ok(())
    } else {
        Err(HeadError::StatusLine)
    }
}

/// RFC 9112 §4. The space before a missing reason may be missing too, as many servers have it.
fn status_line(line: &[u8], at: usize, end: usize, limit: usize) -> Result<StartLine, HeadError> {
    if !line.starts_with(b"HTTP/") {
        return Err(HeadError::StatusLine);
    }
    if end > limit {
        return Err(HeadError::TooLarge { limit });
    }
    let version = memchr(b' ', line).ok_or(HeadError::Status)?;
    let rest = line.get(version..).unwrap_or_default();
    let gap = rest.iter().take_while(|b| **b == b' ').count();
    let (digits, rest) = match rest.get(gap..).unwrap_or_default() {
        [a, b, c, rest @ ..] => ([a, b, c], rest),
        _ => return Err(HeadError::Status),
    };
    if !digits.iter().all(|d| d.is_ascii_digit())
        || !matches!(rest.first(), None | Some(b' ' | b'\t'))
    {
        return Err(HeadError::Status);
    }
    let status = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
    let reason = at + line.len() - rest.len().saturating_sub(1);
    Ok(StartLine {
        end,
        parts: [
            Span::new(at, at + version),
            Span::default(),
            Span::new(reason, at + line.len()),
        ],
        status,
    })
}

#[cfg(test)]
mod tests;
