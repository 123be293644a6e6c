//! Messages in the bodies of HTTP messages, found while the bodies stream past.
//!
//! A [`Framer`] is fed the bytes of a body, decoded where it has a content-coding, and says where its messages lie. It
//! keeps counts and no payload: whoever feeds it has recorded the bytes already.

mod grpc;
mod lines;
mod sse;

pub use grpc::GrpcFramer;
pub use lines::LineFramer;
pub use sse::SseFramer;

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use crate::Headers;

/// What the messages of a body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyStream {
    /// `text/event-stream`.
    Sse,
    /// gRPC.
    Grpc,
    /// gRPC-Web; `text` when all of it is in base64.
    GrpcWeb {
        /// `application/grpc-web-text`.
        text: bool,
    },
    /// A stream of Connect (<https://connectrpc.com/docs/protocol#streaming-rpcs>).
    Connect,
    /// Lines of JSON.
    Ndjson,
}

/// What the body of a message with these headers is a stream of, by its `Content-Type`.
#[must_use]
pub fn kind_of(headers: &Headers) -> Option<BodyStream> {
    let value = headers.get("content-type")?;
    let media = value
        .split(|b| matches!(b, b';' | b','))
        .next()?
        .trim_ascii();
    let media = media.to_ascii_lowercase();
    let is = |name: &[u8]| {
        let rest = media.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
    };
    Some(match &media[..] {
        b"text/event-stream" => BodyStream::Sse,
        _ if is(b"application/grpc") => BodyStream::Grpc,
        _ if is(b"application/grpc-web") => BodyStream::GrpcWeb { text: false },
        _ if is(b"application/grpc-web-text") => BodyStream::GrpcWeb { text: true },
        _ if media.starts_with(b"application/connect+") => BodyStream::Connect,
        b"application/x-ndjson"
        | b"application/ndjson"
        | b"application/jsonl"
        | b"application/x-jsonlines"
        | b"application/jsonlines"
        | b"application/json-lines"
        | b"application/json-seq"
        | b"application/stream+json" => BodyStream::Ndjson,
        _ => return None,
    })
}

/// A message in a stream of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Offset of its first byte among the bytes fed.
    pub start: u64,
    /// Length in bytes.
    pub len: u64,
    /// What it is.
    pub kind: RecordKind,
}

/// What a message in a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// An event, with its field names, without the empty line after it.
    Event,
    /// A gRPC message without its prefix.
    Grpc {
        /// By the `grpc-encoding` of its direction.
        compressed: bool,
    },
    /// The trailers of gRPC-Web, as lines.
    GrpcTrailers,
    /// How a stream of Connect ended, in JSON.
    ConnectEnd,
    /// A line, without its end.
    Line,
}

/// Why the messages of a body cannot be told apart any further. Reads as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingProblem {
    /// A gRPC prefix whose first byte is none that means anything.
    #[error("the gRPC message at byte {at} begins with {flags:#04x}, where 0 or 1 is due")]
    GrpcFlags {
        /// Offset of the prefix.
        at: u64,
        /// What is there.
        flags: u8,
    },
}

/// Finds the messages of one body.
#[derive(Debug)]
pub enum Framer {
    /// See [`BodyStream::Sse`].
    Sse(SseFramer),
    /// See [`BodyStream::Grpc`].
    Grpc(GrpcFramer),
    /// See [`BodyStream::Ndjson`].
    Lines(LineFramer),
}

impl Framer {
    /// For such a body. gRPC-Web as text has to be [decoded](Base64Stream) before.
    #[must_use]
    pub fn new(kind: BodyStream) -> Self {
        match kind {
            BodyStream::Sse => Self::Sse(SseFramer::default()),
            BodyStream::Grpc => Self::Grpc(GrpcFramer::new(None)),
            BodyStream::GrpcWeb { .. } => {
                Self::Grpc(GrpcFramer::new(Some(RecordKind::GrpcTrailers)))
            }
            BodyStream::Connect => Self::Grpc(GrpcFramer::new(Some(RecordKind::ConnectEnd))),
            BodyStream::Ndjson => Self::Lines(LineFramer::default()),
        }
    }

    /// Takes the next bytes and gives `out` the messages that end in them.
    ///
    /// # Errors
    /// When the messages cannot be told apart from here on; the same error is given for all that follows.
    pub fn feed(
        &mut self,
        data: &[u8],
        out: &mut impl FnMut(Record),
    ) -> Result<(), FramingProblem> {
        match self {
            Self::Sse(framer) => framer.feed(data, out),
            Self::Grpc(framer) => return framer.feed(data, out),
            Self::Lines(framer) => framer.feed(data, out),
        }
        Ok(())
    }

    /// The body has ended: a last message that its end completes, and whether something incomplete is left over.
    pub fn finish(&mut self, out: &mut impl FnMut(Record)) -> bool {
        match self {
            Self::Sse(framer) => framer.finish(),
            Self::Grpc(framer) => framer.finish(),
            Self::Lines(framer) => {
                framer.finish(out);
                false
            }
        }
    }

    /// Where what has begun and is not complete lies, and the length that it announced; prefixes included.
    #[must_use]
    pub fn rest(&self) -> Option<(u64, Option<u64>)> {
        match self {
            Self::Grpc(framer) => Some(framer.rest()),
            Self::Sse(_) | Self::Lines(_) => self.open().map(|start| (start, None)),
        }
    }

    /// The message that has begun: the offset of its first byte.
    #[must_use]
    pub fn open(&self) -> Option<u64> {
        match self {
            Self::Sse(framer) => framer.open(),
            Self::Grpc(framer) => framer.open(),
            Self::Lines(framer) => framer.open(),
        }
    }
}

/// Base64 in pieces, with padding allowed wherever a server has flushed (as gRPC-Web's text form has it).
#[derive(Debug, Default)]
pub struct Base64Stream {
    /// Up to three characters whose group is not complete.
    quad: Vec<u8>,
    /// A character had no meaning.
    broken: bool,
}

impl Base64Stream {
    /// Decodes what can be decoded and keeps up to three characters. None for good from a character on that has no
    /// meaning; when bytes stand before it in `data`, they are given first, and none the next time.
    pub fn feed(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        if self.broken {
            return None;
        }
        let mut out = Vec::with_capacity(data.len() / 4 * 3 + 3);
        for byte in data.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            self.quad.push(*byte);
            if self.quad.len() == 4 {
                let mut bytes = [0; 3];
                let Ok(len) = LENIENT.decode_slice(&self.quad, &mut bytes) else {
                    self.broken = true;
                    return (!out.is_empty()).then_some(out);
                };
                out.extend_from_slice(bytes.get(..len).unwrap_or_default());
                self.quad.clear();
            }
        }
        Some(out)
    }
}

/// Bits that padding leaves unused may be set: they carry nothing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
