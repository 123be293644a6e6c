//! What goes wrong: reasons as they are sent, and errors that say which rule was broken.

use super::hpack::HpackError;
use super::{FrameKind, StreamId};

/// An error code (RFC 9113 §7), known or not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason(pub u32);

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        impl Reason {
            $($(#[doc = $doc])* pub const $name: Self = Self($code);)*

            /// The name that the RFC gives it; none when it has none.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// Nothing went wrong.
    NO_ERROR = 0;
    /// The peer broke a rule that has no code of its own.
    PROTOCOL_ERROR = 1;
    /// The sender failed.
    INTERNAL_ERROR = 2;
    /// The peer sent more than it was allowed to.
    FLOW_CONTROL_ERROR = 3;
    /// The peer did not confirm the settings in time.
    SETTINGS_TIMEOUT = 4;
    /// A frame came on a stream that the peer had ended.
    STREAM_CLOSED = 5;
    /// A frame has an impossible size.
    FRAME_SIZE_ERROR = 6;
    /// The request was not looked at and may be repeated.
    REFUSED_STREAM = 7;
    /// The stream is no longer wanted.
    CANCEL = 8;
    /// Header compression can't be followed any further.
    COMPRESSION_ERROR = 9;
    /// The connection of a CONNECT request was reset.
    CONNECT_ERROR = 10;
    /// The peer causes too much load.
    ENHANCE_YOUR_CALM = 11;
    /// The TLS connection is not good enough.
    INADEQUATE_SECURITY = 12;
    /// The request should be repeated with HTTP/1.1.
    HTTP_1_1_REQUIRED = 13;
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "error code {}", self.0),
        }
    }
}

impl std::fmt::Debug for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Why a connection can't go on. The message is about the peer's frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// RFC 9113 §3.4.
    #[error("the connection does not begin with the HTTP/2 preface")]
    Preface,
    /// RFC 9113 §3.4: the first frame is SETTINGS.
    #[error("the first frame is {0}, not SETTINGS")]
    SettingsMissing(FrameKind),
    /// RFC 9113 §4.2.
    #[error("a {kind} frame of {len} bytes is larger than the {limit} bytes that are allowed")]
    FrameTooLarge {
        /// The type of the frame.
        kind: FrameKind,
        /// The length of its payload.
        len: u32,
        /// The limit.
        limit: u32,
    },
    /// RFC 9113 §4.2.
    #[error("a {kind} frame can't have a length of {len} bytes")]
    FrameSize {
        /// The type of the frame.
        kind: FrameKind,
        /// The length of its payload.
        len: u32,
    },
    /// A frame about the connection on a stream, or the other way round.
    #[error("a {kind} frame can't be on stream {id}")]
    WrongStream {
        /// The type of the frame.
        kind: FrameKind,
        /// Where it came.
        id: StreamId,
    },
    /// RFC 9113 §5.1.1: a stream that this peer can't open, or not any more.
    #[error("stream {0} can't be opened by this side")]
    StreamNumber(StreamId),
    /// RFC 9113 §5.1 "idle".
    #[error("a {kind} frame is on stream {id}, which has not been opened")]
    StreamIdle {
        /// The type of the frame.
        kind: FrameKind,
        /// Where it came.
        id: StreamId,
    },
    /// RFC 9113 §5.1 "closed".
    #[error("a {kind} frame is on stream {id}, which is closed")]
    StreamClosed {
        /// The type of the frame.
        kind: FrameKind,
        /// Where it came.
        id: StreamId,
    },
    /// RFC 9113 §6.1: padding is longer than the payload.
    #[error("a {0} frame has more padding than payload")]
    Padding(FrameKind),
    /// RFC 9113 §6.10: between the frames of a header block there are no others.
    #[error("a {found} frame on stream {on} interrupts the headers of stream {id}")]
    HeadersInterrupted {
        /// The stream whose headers are not complete.
        id: StreamId,
        /// The type of the frame.
        found: FrameKind,
        /// Where it came.
        on: StreamId,
    },
    /// RFC 9113 §6.10.
    #[error("a CONTINUATION frame on stream {0} continues nothing")]
    ContinuationUnexpected(StreamId),
    /// RFC 7541: the tables of both sides differ from here on.
    #[error("headers can't be decompressed: {0}")]
    Compression(#[from] HpackError),
    /// RFC 9113 §6.5.2.
    #[error("the setting {name} can't be {value}")]
    Setting {
        /// As the RFC names it.
        name: &'static str,
        /// What it was set to.
        value: u32,
    },
    /// RFC 9113 §6.9: an increment of 0.
    #[error("a WINDOW_UPDATE frame adds nothing")]
    WindowIncrement,
    /// RFC 9113 §6.9.1: more than 2³¹−1.
    #[error("a flow-control window grows beyond its limit")]
    WindowOverflow,
    /// RFC 9113 §6.9: more DATA than the connection's window had room for.
    #[error("more data than the connection's flow-control window allows")]
    WindowExceeded,
    /// RFC 9113 §8.4: a push that is not allowed.
    #[error("a push, which is not allowed")]
    Push,
    /// A header block in too many pieces, or too large to look at.
    #[error("headers of more than {0}")]
    HeadersTooLarge(HeadersTooLarge),
    /// Too many frames of a kind that costs the peer nothing.
    #[error("too many {0}")]
    Flood(Flood),
}

/// Which bound a header block is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadersTooLarge {
    /// Frames.
    Frames(u32),
    /// Bytes in compressed form.
    Compressed(usize),
    /// Bytes in decompressed form.
    Decompressed(usize),
}

impl std::fmt::Display for HeadersTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frames(limit) => write!(f, "{limit} frames"),
            Self::Compressed(limit) => write!(f, "{limit} bytes"),
            Self::Decompressed(limit) => write!(f, "{limit} bytes when decompressed"),
        }
    }
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Streams that are reset, by the peer or because of it, in proportion to those that are completed.
    Resets,
    /// Frames that do nothing for a request.
    Control,
    /// Frames that want an answer, while the peer does not read the answers.
    Answers,
}

impl std::fmt::Display for Flood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resets => "streams are reset",
            Self::Control => "frames have no use",
            Self::Answers => "answers are not read",
        })
    }
}

impl ConnectionError {
    /// The code that is sent in GOAWAY.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::FrameTooLarge { .. } | Self::FrameSize { .. } => Reason::FRAME_SIZE_ERROR,
            Self::StreamClosed { .. } => Reason::STREAM_CLOSED,
            Self::Compression(_) => Reason::COMPRESSION_ERROR,
            Self::Setting { name, .. } if *name == super::settings::INITIAL_WINDOW_SIZE => {
                Reason::FLOW_CONTROL_ERROR
            }
            Self::WindowOverflow | Self::WindowExceeded => Reason::FLOW_CONTROL_ERROR,
            Self::HeadersTooLarge(_) | Self::Flood(_) => Reason::ENHANCE_YOUR_CALM,
            _ => Reason::PROTOCOL_ERROR,
        }
    }
}

/// Which rule the peer broke on one stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// RFC 9113 §5.1.2: more streams at once than allowed. The peer may repeat the request.
    #[error("more than {0} streams are open at once")]
    TooMany(u32),
    /// Larger than [`Config::header_list_limit`](super::Config::header_list_limit).
    #[error("its headers are larger than {limit} bytes")]
    HeadersTooLarge {
        /// The limit.
        limit: usize,
    },
    /// RFC 9113 §8.1: content before the final head.
    #[error("its content begins before its head")]
    DataBeforeHead,
    /// RFC 9113 §8.1: fields in the middle of the content.
    #[error("it has a second head where only trailers can be")]
    SecondHead,
    /// RFC 9113 §8.1: an informational head that is the end.
    #[error("it ends with an informational response")]
    EndsInformational,
    /// More informational heads than any server sends.
    #[error("it has more than {0} informational responses")]
    TooManyInformational(u32),
    /// RFC 9113 §5.1 "half-closed (remote)".
    #[error("a {0} frame comes after its end")]
    AfterEnd(FrameKind),
    /// RFC 9113 §6.9: more DATA than the stream's window had room for.
    #[error("it sends more data than its flow-control window allows")]
    WindowExceeded,
    /// RFC 9113 §6.9: an increment of 0.
    #[error("a WINDOW_UPDATE frame adds nothing")]
    WindowIncrement,
    /// RFC 9113 §6.9.1: more than 2³¹−1.
    #[error("its flow-control window grows beyond its limit")]
    WindowOverflow,
    /// RFC 9113 §6.3: a PRIORITY frame that is not 5 bytes long.
    #[error("a PRIORITY frame can't have a length of {0} bytes")]
    PrioritySize(u32),
}

impl StreamError {
    /// The code that is sent in RST_STREAM.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooMany(_) => Reason::REFUSED_STREAM,
            Self::HeadersTooLarge { .. } => Reason::ENHANCE_YOUR_CALM,
            Self::AfterEnd(_) => Reason::STREAM_CLOSED,
            Self::WindowExceeded | Self::WindowOverflow => Reason::FLOW_CONTROL_ERROR,
            Self::TooManyInformational(_) => Reason::ENHANCE_YOUR_CALM,
            Self::PrioritySize(_) => Reason::FRAME_SIZE_ERROR,
            Self::DataBeforeHead
            | Self::SecondHead
            | Self::EndsInformational
            | Self::WindowIncrement => Reason::PROTOCOL_ERROR,
        }
    }
}

/// Why something can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The stream was reset, ended on both sides, or never existed; or the connection has failed.
    #[error("the stream is closed")]
    Closed,
    /// The end of the stream has been sent or queued.
    #[error("the stream has been ended")]
    Ended,
    /// Data or trailers without a head.
    #[error("the head has not been sent")]
    NoHead,
    /// A head after data.
    #[error("a head can't be sent after data")]
    AfterData,
    /// Streams must be used in the order in which they were opened (RFC 9113 §5.1.1). The stream is closed.
    #[error("a later stream has been used already")]
    OutOfOrder,
}
