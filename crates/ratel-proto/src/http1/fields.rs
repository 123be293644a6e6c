//! Field lines up to the empty line after them (RFC 9112 §5): the part that heads and trailers share.

use memchr::memchr;

use crate::headers::{Field, Span};

/// Reads field lines, remembering how far it has looked. Positions count from the beginning of the buffer it is
/// given, which must keep growing at its end only.
#[derive(Debug, Default)]
pub(crate) struct FieldScan {
    fields: Vec<Field>,
    /// Where the line that is being read begins.
    line: usize,
    /// No line end lies between `line` and here.
    seen: usize,
}

/// How much may be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldLimits {
    pub(crate) bytes: usize,
    pub(crate) fields: usize,
}

/// Which limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    Bytes,
    Fields,
}

/// The empty line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// Position after it.
    pub(crate) at: usize,
    /// Whether it is a bare LF.
    pub(crate) bare: bool,
}

impl FieldScan {
    /// A scan of the field lines from position `at` on.
    pub(crate) fn starting_at(at: usize) -> Self {
        Self {
            fields: Vec::new(),
            line: at,
            seen: at,
        }
    }

    /// How far the buffer has been looked at.
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    /// The fields found so far.
    pub(crate) fn into_fields(self) -> Vec<Field> {
        self.fields
    }

    /// Goes on to the empty line; none when it has not come yet.
    pub(crate) fn advance(
        &mut self,
        buf: &[u8],
        limits: FieldLimits,
    ) -> Result<Option<End>, Overflow> {
        loop {
            let Some(lf) = buf.get(self.seen..).and_then(|rest| memchr(b'\n', rest)) else {
                self.seen = buf.len();
                let over = buf.len() > limits.bytes;
                return if over { Err(Overflow::Bytes) } else { Ok(None) };
            };
            let end = self.seen + lf + 1;
            if end > limits.bytes {
                return Err(Overflow::Bytes);
            }
            let content = content(buf, self.line, end);
            match content.first() {
                None => {
                    let bare = end - self.line == 1;
                    (self.line, self.seen) = (end, end);
                    return Ok(Some(End { at: end, bare }));
                }
                Some(b' ' | b'\t') if !self.fields.is_empty() => self.fold(content, end),
                Some(_) if self.fields.len() >= limits.fields => return Err(Overflow::Fields),
                Some(_) => {
                    if self.fields.capacity() == 0 {
                        // One allocation for nearly every head: real field lines are seldom shorter than this.
                        let lines = (buf.len() - self.line) / 24;
                        self.fields.reserve_exact(lines.clamp(4, 48));
                    }
                    self.fields.push(field(content, self.line, end));
                }
            }
            (self.line, self.seen) = (end, end);
        }
    }

    /// Adds a continuation line (obs-fold, RFC 9112 §5.2) to the field before it.
    fn fold(&mut self, content: &[u8], end: usize) {
        let Some(last) = self.fields.last_mut() else {
            return;
        };
        last.line = Span::new(last.line.start as usize, end);
        let (from, to) = trim(content);
        if from < to {
            let start = match last.value.len {
                0 => self.line + from,
                _ => last.value.start as usize,
            };
            last.value = Span::new(start, self.line + to);
        }
    }
}

/// The line between `start` and `end` without its line ending, CRLF or bare LF (RFC 9112 §2.2).
pub(crate) fn content(buf: &[u8], start: usize, end: usize) -> &[u8] {
    match buf.get(start..end).unwrap_or_default() {
        [content @ .., b'\r', b'\n'] | [content @ .., b'\n'] | content => content,
    }
}

/// Where name and value lie. A line without a colon is all name. The name is what stands before the colon, whitespace
/// included, since that is what was sent.
fn field(content: &[u8], start: usize, end: usize) -> Field {
    let colon = content
        .iter()
        .position(|b| *b == b':')
        .unwrap_or(content.len());
    let rest = content.get(colon + 1..).unwrap_or_default();
    let (from, to) = trim(rest);
    let value = (start + colon + 1).min(start + content.len());
    Field {
        line: Span::new(start, end),
        name: Span::new(start, start + colon),
        value: Span::new(value + from, value + to),
        never_indexed: false,
    }
}

/// The part of `text` without spaces and tabs around it; at its beginning when there is nothing else.
fn trim(text: &[u8]) -> (usize, usize) {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let Some(from) = text.iter().position(|b| !is_space(b)) else {
        return (0, 0);
    };
    let to = text
        .iter()
        .rposition(|b| !is_space(b))
        .map_or(from, |last| last + 1);
    (from, to)
}
