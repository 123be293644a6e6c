//! Bodies as they lie on an HTTP/1 connection (RFC 9112 §6, §7), turned into frames.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use smallvec::SmallVec;

use super::fields::{End, FieldLimits, FieldScan, Overflow, content};
use crate::{Frame, Framing, Headers};

/// The longest chunk line that is taken, extensions and line ending included, in bytes.
pub const CHUNK_LINE_MAX: usize = 16 * 1024;
/// The largest trailer section that is taken, in bytes.
pub const TRAILERS_MAX: usize = 64 * 1024;
/// The most trailers that are taken.
pub const TRAILER_FIELDS_MAX: usize = 500;
/// The most chunks that go into one frame; more of them make further frames.
const CHUNKS_PER_FRAME: usize = 1024;

/// Why a body is broken. Each reads as a sentence of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer closed its side inside a body of known length.
    #[error(
        "the connection was closed {missing} bytes before the end that Content-Length announced"
    )]
    Cut {
        /// Bytes that did not come.
        missing: u64,
    },
    /// The peer closed its side inside a chunk.
    #[error("the connection was closed {missing} bytes before the end of a chunk")]
    ChunkCut {
        /// Bytes of this chunk that did not come.
        missing: u64,
    },
    /// The peer closed its side where a chunk line was to come.
    #[error("the connection was closed before the last chunk")]
    NoLastChunk,
    /// The peer closed its side inside the trailers.
    #[error("the connection was closed before the end of the trailers")]
    TrailersCut,
    /// A chunk line that does not begin with a hexadecimal number.
    #[error("a chunk begins with {0:?} instead of its size")]
    ChunkSize(String),
    /// A chunk size of 2^64 or more.
    #[error("a chunk announces more bytes than can be counted")]
    ChunkTooLarge,
    /// No end of the chunk line within [`CHUNK_LINE_MAX`].
    #[error("a chunk line is longer than {CHUNK_LINE_MAX} bytes")]
    ChunkLineTooLong,
    /// A chunk's data is not followed by a line end: it is longer than its size says.
    #[error("a chunk is longer than the size it announces")]
    ChunkEnd,
    /// More than [`TRAILERS_MAX`].
    #[error("the trailers are larger than {TRAILERS_MAX} bytes")]
    TrailersTooLarge,
    /// More than [`TRAILER_FIELDS_MAX`].
    #[error("there are more than {TRAILER_FIELDS_MAX} trailers")]
    TooManyTrailers,
}

/// Takes a body off the front of a buffer.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
}

/// Named for what comes next.
#[derive(Debug)]
enum State {
    /// So many bytes of a body of known length; more than none.
    Bytes(u64),
    /// Anything, until the peer closes.
    UntilClose,
    /// A chunk line, of which `seen` bytes hold no line end.
    ChunkLine { seen: usize },
    /// So many bytes of a chunk; more than none.
    ChunkData(u64),
    /// The line end after a chunk's data.
    ChunkEnd,
    /// The rest of the trailer section.
    Trailers(FieldScan),
    /// Nothing; the end has not been told to the caller.
    End,
    /// Nothing.
    Done,
}

impl BodyDecoder {
    /// A decoder for a body with this framing.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::End,
            Framing::Length(len) => State::Bytes(len),
            Framing::Chunked => State::ChunkLine { seen: 0 },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Takes as much of the body as lies in `buf` into one frame. None: more bytes are needed, or the end has been
    /// returned already. `eof` says that the peer has closed its side, so that nothing will follow what is in `buf`.
    ///
    /// Nothing is copied. The [`wire`](Frame::wire) of all frames in order is exactly what was taken off `buf`, and
    /// each [`data`](Frame::data) is a slice of it. A frame of the chunked coding may carry chunk lines and no data.
    /// A body of no bytes is one empty frame with [`end`](Frame::end) set.
    ///
    /// Between two calls bytes may be added to the end of `buf` and nothing else.
    ///
    /// # Errors
    /// When the body is broken, or cut short by `eof`. Everything before the fault has been returned by earlier
    /// calls, and the fault is at the beginning of `buf`.
    pub fn decode(&mut self, buf: &mut BytesMut, eof: bool) -> Result<Option<Frame>, BodyError> {
        match self.state {
            State::Done => Ok(None),
            State::End => {
                self.state = State::Done;
                Ok(Some(Frame::end()))
            }
            State::Bytes(left) => self.bytes(left, buf, eof),
            State::UntilClose => Ok(self.until_close(buf, eof)),
            _ => self.chunked(buf, eof),
        }
    }

    /// Whether no byte of the body is still to come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::End | State::Done)
    }

    /// Bytes still to come, when that is known: of a body of known length or none.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Bytes(left) => Some(left),
            State::End | State::Done => Some(0),
            _ => None,
        }
    }

    fn bytes(
        &mut self,
        left: u64,
        buf: &mut BytesMut,
        eof: bool,
    ) -> Result<Option<Frame>, BodyError> {
        if buf.is_empty() {
            return if eof {
                Err(BodyError::Cut { missing: left })
            } else {
                Ok(None)
            };
        }
        let here = available(buf.len(), left);
        let left = left - here as u64;
        self.state = if left == 0 {
            State::Done
        } else {
            State::Bytes(left)
        };
        Ok(Some(plain(buf.split_to(here).freeze(), left == 0)))
    }

    fn until_close(&mut self, buf: &mut BytesMut, eof: bool) -> Option<Frame> {
        if eof {
            self.state = State::Done;
        }
        match buf.is_empty() {
            true if eof => Some(Frame::end()),
            true => None,
            false => Some(plain(buf.split().freeze(), eof)),
        }
    }

    fn chunked(&mut self, buf: &mut BytesMut, eof: bool) -> Result<Option<Frame>, BodyError> {
        let mut run = Run::default();
        let stopped = loop {
            match self.step(buf, &mut run) {
                Ok(true) if run.data.len() < CHUNKS_PER_FRAME => {}
                other => break other,
            }
        };
        if run.at == 0 {
            return match stopped {
                Err(error) => Err(error),
                Ok(_) if eof => Err(self.cut()),
                Ok(_) => Ok(None),
            };
        }
        // A fault behind what was taken shows again in the next call.
        let wire = buf.split_to(run.at).freeze();
        let trailers = run.trailers.map(|(at, fields, end)| {
            Headers::from_wire(wire.slice(at..at + end.at), fields.into_fields(), end.bare)
        });
        Ok(Some(Frame {
            data: run
                .data
                .into_iter()
                .map(|range| wire.slice(range))
                .collect(),
            wire: Some(wire),
            trailers: trailers.filter(|t| !t.is_empty()),
            end: matches!(self.state, State::Done),
        }))
    }

    /// Takes the next part of a chunked body; false when that cannot go on.
    fn step(&mut self, buf: &[u8], run: &mut Run) -> Result<bool, BodyError> {
        let rest = buf.get(run.at..).unwrap_or_default();
        match &mut self.state {
            State::ChunkLine { seen } => {
                let Some(len) = chunk_line(rest, seen)? else {
                    return Ok(false);
                };
                let size = chunk_size(content(rest, 0, len))?;
                run.at += len;
                self.state = match size {
                    0 => State::Trailers(FieldScan::default()),
                    size => State::ChunkData(size),
                };
            }
            State::ChunkData(left) => {
                let here = available(rest.len(), *left);
                if here == 0 {
                    return Ok(false);
                }
                run.data.push(run.at..run.at + here);
                run.at += here;
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::ChunkEnd;
                }
            }
            State::ChunkEnd => {
                run.at += match rest {
                    [b'\r', b'\n', ..] => 2,
                    [b'\n', ..] => 1,
                    [] | [b'\r'] => return Ok(false),
                    _ => return Err(BodyError::ChunkEnd),
                };
                self.state = State::ChunkLine { seen: 0 };
            }
            State::Trailers(scan) => {
                let Some(end) = scan.advance(rest, TRAILER_LIMITS).map_err(overflow)? else {
                    return Ok(false);
                };
                run.trailers = Some((run.at, std::mem::take(scan), end));
                run.at += end.at;
                self.state = State::Done;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is missing when the peer has closed its side.
    fn cut(&self) -> BodyError {
        match &self.state {
            State::ChunkData(missing) => BodyError::ChunkCut { missing: *missing },
            State::Trailers(_) => BodyError::TrailersCut,
            _ => BodyError::NoLastChunk,
        }
    }
}

/// What one call takes, as positions in the buffer.
#[derive(Default)]
struct Run {
    /// Everything before this is taken.
    at: usize,
    data: SmallVec<[Range<usize>; 4]>,
    /// Where the trailers begin, and what they are.
    trailers: Option<(usize, FieldScan, End)>,
}

const TRAILER_LIMITS: FieldLimits = FieldLimits {
    bytes: TRAILERS_MAX,
    fields: TRAILER_FIELDS_MAX,
};

fn overflow(over: Overflow) -> BodyError {
    match over {
        Overflow::Bytes => BodyError::TrailersTooLarge,
        Overflow::Fields => BodyError::TooManyTrailers,
    }
}

/// A frame that is all payload.
fn plain(data: Bytes, end: bool) -> Frame {
    Frame {
        wire: Some(data.clone()),
        end,
        ..Frame::data(data)
    }
}

/// How many of the `left` bytes are among the `here` bytes in the buffer.
fn available(here: usize, left: u64) -> usize {
    usize::try_from(left).map_or(here, |left| left.min(here))
}

/// The length of the chunk line at the beginning of `rest`; none when its end has not come.
fn chunk_line(rest: &[u8], seen: &mut usize) -> Result<Option<usize>, BodyError> {
    let end = rest
        .get(*seen..)
        .and_then(|new| memchr(b'\n', new))
        .map(|lf| *seen + lf + 1);
    if end.unwrap_or(rest.len()) > CHUNK_LINE_MAX {
        return Err(BodyError::ChunkLineTooLong);
    }
    if end.is_none() {
        *seen = rest.len();
    }
    Ok(end)
}

/// The size at the beginning of a chunk line (RFC 9112 §7.1). After it may come whitespace and extensions (§7.1.1),
/// which are passed on and not looked at.
fn chunk_size(line: &[u8]) -> Result<u64, BodyError> {
    let mut size = 0_u64;
    let mut digits = 0;
    let mut rest = line.iter();
    let after = loop {
        let Some(byte) = rest.next() else { break None };
        let Some(digit) = (*byte as char).to_digit(16) else {
            break Some(*byte);
        };
        digits += 1;
        size = size.checked_mul(16).ok_or(BodyError::ChunkTooLarge)? | u64::from(digit);
    };
    if digits == 0 || !matches!(after, None | Some(b';' | b' ' | b'\t')) {
        let shown = line.get(..32).unwrap_or(line);
        return Err(BodyError::ChunkSize(
            String::from_utf8_lossy(shown).into_owned(),
        ));
    }
    Ok(size)
}

#[cfg(test)]
mod tests;
