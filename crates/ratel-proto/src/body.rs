//! Bodies, whatever the HTTP version that carries them: a sequence of [`Frame`]s, delimited by a [`Framing`].

use bytes::Bytes;
use smallvec::SmallVec;

use crate::Headers;

/// One step of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The payload, after de-chunking, in order. Empty when the step carried none.
    pub data: SmallVec<[Bytes; 1]>,
    /// The exact bytes that carried this step in HTTP/1: the payload, and in the chunked coding the chunk lines and
    /// trailers with it (several chunks at once if they lay in the buffer together). None when the source has no
    /// HTTP/1 form.
    pub wire: Option<Bytes>,
    /// The trailers (RFC 9110 §6.5), in the last frame of a body that has some.
    pub trailers: Option<Headers>,
    /// Whether the body ends with this frame.
    pub end: bool,
}

impl Frame {
    /// A frame of payload that has no HTTP/1 form yet.
    #[must_use]
    pub fn data(data: Bytes) -> Self {
        Self {
            data: SmallVec::from_buf([data]),
            ..Self::default()
        }
    }

    /// The end of a body, without payload.
    #[must_use]
    pub fn end() -> Self {
        Self {
            end: true,
            ..Self::default()
        }
    }

    /// Number of payload bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.iter().map(Bytes::len).sum()
    }

    /// Whether there is no payload. The frame may carry chunk lines, trailers or the end all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.iter().all(Bytes::is_empty)
    }
}

/// How the end of an HTTP/1 body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks up to the last one.
    Chunked,
    /// Everything until the peer closes its side.
    UntilClose,
}
