//! Messages back to bytes: what was not touched exactly as it came, the rest in plain form.

use bytes::{BufMut, Bytes};

use crate::{Frame, Framing, Headers};

/// Appends a request head. `line` is the request line as it was sent, while it still says what the other arguments
/// say: it is then written verbatim, with its line ending. Fields are written as they came as far as nobody changed them.
pub fn request_head(
    out: &mut impl BufMut,
    line: Option<&[u8]>,
    method: &[u8],
    target: &[u8],
    version: &[u8],
    headers: &Headers,
) {
    match line {
        Some(line) => out.put_slice(line),
        None => put_all(out, &[method, b" ", target, b" ", version, b"\r\n"]),
    }
    put_fields(out, headers);
}

/// Appends a response head; `line` as in [`request_head`].
pub fn response_head(
    out: &mut impl BufMut,
    line: Option<&[u8]>,
    version: &[u8],
    status: u16,
    reason: &[u8],
    headers: &Headers,
) {
    match line {
        Some(line) => out.put_slice(line),
        None => {
            let digits = [status / 100 % 10, status / 10 % 10, status % 10].map(|d| b'0' + d as u8);
            put_all(out, &[version, b" ", &digits, b" ", reason, b"\r\n"]);
        }
    }
    put_fields(out, headers);
}

fn put_fields(out: &mut impl BufMut, headers: &Headers) {
    out.put_slice(&headers.to_wire());
    out.put_slice(headers.end());
}

fn put_all(out: &mut impl BufMut, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.put_slice(part));
}

/// Why frames do not make the body that the head announces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// More payload than announced.
    #[error("the body is longer than the {announced} bytes that were announced")]
    TooLong {
        /// What the framing says.
        announced: u64,
    },
    /// The end came too early.
    #[error("the body ends {missing} bytes before the {announced} bytes that were announced")]
    TooShort {
        /// What the framing says.
        announced: u64,
        /// Bytes that were not given.
        missing: u64,
    },
    /// Payload after the last frame.
    #[error("the body goes on after its end")]
    AfterEnd,
    /// A frame without wire bytes after some with: chunks cannot be made in the middle of somebody else's chunk.
    #[error("a chunk that is being passed on as it came breaks off")]
    WireMissing,
}

/// Turns frames into the bytes of an HTTP/1 body.
#[derive(Debug)]
pub struct BodyEncoder {
    framing: Framing,
    /// Of a body of known length, what has not been given yet.
    left: u64,
    chunks: Chunks,
    ended: bool,
}

/// Whose chunks are written. The first frame decides, since a frame may end in the middle of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunks {
    Undecided,
    Verbatim,
    Own,
}

impl BodyEncoder {
    /// An encoder for a body with this framing. `verbatim` lets a chunked body pass as it came, with its chunk
    /// sizes, extensions and trailers; otherwise each frame becomes one chunk. A frame's [`wire`](Frame::wire) must
    /// then come from a body that was chunked itself.
    #[must_use]
    pub fn new(framing: Framing, verbatim: bool) -> Self {
        Self {
            framing,
            left: match framing {
                Framing::Length(len) => len,
                _ => 0,
            },
            chunks: if verbatim {
                Chunks::Undecided
            } else {
                Chunks::Own
            },
            ended: false,
        }
    }

    /// Gives `out` the bytes of `frame`, in order. Payload is not copied. Trailers are left out where the
    /// framing has no place for them.
    ///
    /// # Errors
    /// When the frames do not make the body that was announced. Nothing of the offending frame is given to `out`.
    pub fn encode(&mut self, frame: Frame, out: &mut impl FnMut(Bytes)) -> Result<(), EncodeError> {
        if self.ended {
            let silent = frame.is_empty() && frame.trailers.is_none();
            return if silent {
                Ok(())
            } else {
                Err(EncodeError::AfterEnd)
            };
        }
        match self.framing {
            Framing::None => self.counted(0, &frame)?,
            Framing::Length(announced) => self.counted(announced, &frame)?,
            Framing::Chunked => return self.chunked(frame, out),
            Framing::UntilClose => {}
        }
        self.ended = frame.end;
        frame
            .data
            .into_iter()
            .filter(|d| !d.is_empty())
            .for_each(out);
        Ok(())
    }

    fn counted(&mut self, announced: u64, frame: &Frame) -> Result<(), EncodeError> {
        let len = frame.len() as u64;
        let missing = self
            .left
            .checked_sub(len)
            .ok_or(EncodeError::TooLong { announced })?;
        if frame.end && missing > 0 {
            return Err(EncodeError::TooShort { announced, missing });
        }
        self.left = missing;
        Ok(())
    }

    fn chunked(&mut self, frame: Frame, out: &mut impl FnMut(Bytes)) -> Result<(), EncodeError> {
        if self.chunks == Chunks::Undecided {
            self.chunks = if frame.wire.is_some() {
                Chunks::Verbatim
            } else {
                Chunks::Own
            };
        }
        if self.chunks == Chunks::Verbatim {
            let silent = frame.is_empty() && !frame.end;
            match frame.wire {
                Some(wire) => out(wire),
                None if silent => {}
                None => return Err(EncodeError::WireMissing),
            }
            self.ended = frame.end;
            return Ok(());
        }
        self.ended = frame.end;
        let len = frame.len();
        // A chunk of size 0 would be the last one.
        if len > 0 {
            out(Bytes::from(format!("{len:x}\r\n")));
            frame
                .data
                .into_iter()
                .filter(|d| !d.is_empty())
                .for_each(&mut *out);
        }
        match (len > 0, frame.end, frame.trailers) {
            (true, false, _) => out(Bytes::from_static(b"\r\n")),
            (false, false, _) => {}
            (true, true, None) => out(Bytes::from_static(b"\r\n0\r\n\r\n")),
            (false, true, None) => out(Bytes::from_static(b"0\r\n\r\n")),
            (has_data, true, Some(trailers)) => {
                let mut last = Vec::with_capacity(64);
                put_all(&mut last, &[if has_data { b"\r\n0\r\n" } else { b"0\r\n" }]);
                put_fields(&mut last, &trailers);
                out(last.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
