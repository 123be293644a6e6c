//! Messages: what flows of a stream kind are made of, and how they are told apart.
//!
//! A WebSocket message, an event of a `text/event-stream`, a gRPC message, a line of JSON and a piece of a raw
//! connection are all *messages*: they have a direction, a kind, a time and bytes.

use std::sync::Arc;

use bytes::Bytes;

use crate::flow::Side;
use crate::time::Timestamp;

/// What the messages of a flow are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// WebSocket (RFC 6455, RFC 8441).
    WebSocket,
    /// `text/event-stream`.
    Sse,
    /// gRPC.
    Grpc,
    /// gRPC-Web, binary or as text.
    GrpcWeb,
    /// A stream of Connect.
    Connect,
    /// Lines of JSON.
    Ndjson,
    /// Raw bytes of a connection.
    Tcp,
    /// Datagrams.
    Udp,
}

impl StreamKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::WebSocket,
        Self::Sse,
        Self::Grpc,
        Self::GrpcWeb,
        Self::Connect,
        Self::Ndjson,
        Self::Tcp,
    ];

    /// The kind with that [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A short name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::Connect => "connect",
            Self::Ndjson => "ndjson",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// How a WebSocket was closed (RFC 6455 §7.1.5): by its first close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketClose {
    /// Who sent it; none if it was Ratel.
    pub by: Option<Side>,
    /// Its code, 1005 where it has none.
    pub code: u16,
    /// Its reason; up to 123 bytes.
    pub reason: Arc<str>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageKind {
    /// Text of a WebSocket.
    Text,
    /// Binary data of a WebSocket.
    Binary,
    /// A ping of a WebSocket.
    Ping,
    /// A pong of a WebSocket.
    Pong,
    /// The close of a WebSocket; the payload is the reason.
    Close,
    /// An event of a `text/event-stream`, with its field names.
    Event,
    /// A gRPC message without its prefix.
    Grpc,
    /// The trailers that gRPC-Web sends as a message.
    GrpcTrailers,
    /// A line of JSON.
    Json,
    /// Raw bytes.
    Data,
}

impl MessageKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Text,
        Self::Binary,
        Self::Ping,
        Self::Pong,
        Self::Close,
        Self::Event,
        Self::Grpc,
        Self::GrpcTrailers,
        Self::Json,
        Self::Data,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// A short name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Close => "close",
            Self::Event => "event",
            Self::Grpc => "message",
            Self::GrpcTrailers => "trailers",
            Self::Json => "json",
            Self::Data => "data",
        }
    }
}

/// What is special about a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageFlags(pub u8);

impl MessageFlags {
    /// It was compressed on the wire. What is on record is not, but for gRPC messages.
    pub const COMPRESSED: Self = Self(1);
    /// It was made by the user and sent by Ratel.
    pub const INJECTED: Self = Self(2);
    /// It was kept from its receiver.
    pub const DROPPED: Self = Self(4);
    /// It was changed before it was passed on. What is on record is what was sent; what came lies beside it.
    pub const MODIFIED: Self = Self(8);
    /// It breaks the rules of its stream, or ended before it was complete.
    pub const MALFORMED: Self = Self(16);
    /// Beside [`Self::MALFORMED`]: the prefix of a gRPC message begins with a byte that means nothing, which is its
    /// `code`.
    pub const MISFRAMED: Self = Self(32);

    /// Whether all of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Which of a flow's byte streams holds a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadStream {
    /// The body of that direction: of an HTTP message, all payloads of a WebSocket, the bytes of a raw connection.
    #[default]
    Body,
    /// What is kept beside it: a decoded body, payloads of control frames.
    Extra,
}

/// Where the bytes of a message lie in the record of its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// In which stream of the message's direction.
    pub stream: PayloadStream,
    /// Offset of the first byte.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// All of a message but its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHead {
    /// Who sent it.
    pub side: Side,
    /// What it is.
    pub kind: MessageKind,
    /// What is special about it.
    pub flags: MessageFlags,
    /// When it was complete; when it passed, if it was held back or came behind such.
    pub timestamp: Timestamp,
    /// The code of a close (RFC 6455 §7.4), the number of fragments of a WebSocket message, the length that a malformed
    /// gRPC message has announced; otherwise 0.
    pub code: u32,
    /// Its bytes.
    pub payload: Payload,
}

impl MessageHead {
    /// What is wrong with a malformed message, where that is known: `6 of 255 bytes came`.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let is_grpc = matches!(self.kind, MessageKind::Grpc | MessageKind::GrpcTrailers);
        if !is_grpc || !self.flags.contains(MessageFlags::MALFORMED) {
            return None;
        }
        let Self { code, .. } = self;
        if self.flags.contains(MessageFlags::MISFRAMED) {
            return Some(format!("unknown flags {code:#04x}"));
        }
        let came = self.payload.len;
        match code {
            0 => None,
            1 => Some("its only byte did not come".into()),
            announced => Some(format!("{came} of {announced} bytes came")),
        }
    }
}

/// A message that is not on its way to its receiver yet: it has begun and is not complete, or it is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMessage {
    /// Who sends it.
    pub side: Side,
    /// What it is.
    pub kind: MessageKind,
    /// When it began.
    pub timestamp: Timestamp,
    /// Its bytes so far.
    pub payload: Payload,
    /// It is complete, and held back until somebody lets it go.
    pub held: bool,
}

/// A live message, complete, as hooks see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub side: Side,
    /// What it is.
    pub kind: MessageKind,
    /// What is special about it.
    pub flags: MessageFlags,
    /// When it was complete.
    pub timestamp: Timestamp,
    /// Its bytes, not compressed. Whoever changes them changes what is passed on.
    pub content: Bytes,
}

impl Message {
    /// Keeps it from its receiver.
    pub fn drop_it(&mut self) {
        self.flags = self.flags.with(MessageFlags::DROPPED);
    }

    /// Whether it is to be kept from its receiver.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.flags.contains(MessageFlags::DROPPED)
    }
}
