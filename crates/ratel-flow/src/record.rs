//! A whole flow in one value: what files hold, and what is exported, converted and redacted.
//!
//! A live flow streams past and lies in the store in pieces; a [`Record`] is what becomes of it once it is taken out.
//! Everything that mitmproxy's flow files can say has its place here, so that what was read is written again the same.
//! What may be large is either in memory or behind a reader ([`Body::Lazy`], [`Messages::Lazy`]), so that a record of a
//! body of many gigabytes is small.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
pub use ratel_proto::tnetstring::Value;

use crate::Headers;
pub(crate) use crate::annotations::{Annotations, Replay};
use crate::conn::{ClientConn, ServerConn};
use crate::dns::DnsMessage;
use crate::flow::{FlowError, FlowKind, Side};
use crate::http::{Request, Response};
use crate::message::{Message, StreamKind};
use crate::time::Timestamp;
use crate::verbatim::Verbatim;

/// A whole flow.
#[derive(Clone, Debug)]
pub struct Record {
    /// The name that it has in files: a UUID, mostly.
    pub id: Arc<str>,
    /// The connection of the one who called.
    pub client_conn: Arc<ClientConn>,
    /// The connection to the one who answered, if there was one.
    pub server_conn: Option<Arc<ServerConn>>,
    /// Why it failed.
    pub error: Option<FlowError>,
    /// What people and addons have said of it.
    pub annotations: Annotations,
    /// When it began.
    pub timestamp_created: Timestamp,
    /// What it was before it was changed.
    pub backup: Option<Box<Record>>,
    /// What was exchanged.
    pub detail: Detail,
    /// What a file says of it in a form that there is no place for; empty for flows of this process.
    pub verbatim: Verbatim,
}

impl Record {
    /// What kind of flow it is.
    #[must_use]
    pub fn kind(&self) -> FlowKind {
        match self.detail {
            Detail::Http(_) => FlowKind::Http,
            Detail::Tcp(_) => FlowKind::Tcp,
            Detail::Udp(_) => FlowKind::Udp,
            Detail::Dns(_) => FlowKind::Dns,
            Detail::Connection => FlowKind::Connection,
        }
    }

    /// The HTTP exchange, of a flow that is one.
    #[must_use]
    pub fn http(&self) -> Option<&HttpRecord> {
        match &self.detail {
            Detail::Http(http) => Some(http),
            _ => None,
        }
    }
}

/// What was exchanged.
#[derive(Clone, Debug)]
pub enum Detail {
    /// A request and its response.
    Http(Box<HttpRecord>),
    /// Pieces of a raw connection.
    Tcp(Messages),
    /// Datagrams.
    Udp(Messages),
    /// A question and its answer.
    Dns(Box<DnsRecord>),
    /// Nothing: the connection ended before.
    Connection,
}

/// An HTTP exchange.
#[derive(Clone, Debug)]
pub struct HttpRecord {
    /// The request's head.
    pub request: Request,
    /// The request's body, as sent: chunks joined, content-encoding kept.
    pub request_body: Body,
    /// The fields after the request's body.
    pub request_trailers: Option<Headers>,
    /// When the request was complete.
    pub request_end: Option<Timestamp>,
    /// Informational responses, in order.
    pub informational: Vec<Response>,
    /// The response's head.
    pub response: Option<Response>,
    /// The response's body; [`Body::Missing`] without a response.
    pub response_body: Body,
    /// The fields after the response's body.
    pub response_trailers: Option<Headers>,
    /// When the response was complete.
    pub response_end: Option<Timestamp>,
    /// What a WebSocket carried.
    pub websocket: Option<WebSocketRecord>,
    /// What its bodies are streams of, where that is known.
    pub stream: Option<StreamKind>,
    /// How a gRPC call ended: code and message.
    pub grpc_status: Option<(u32, Arc<str>)>,
}

impl HttpRecord {
    /// A request that nobody has answered yet.
    #[must_use]
    pub fn new(request: Request, request_body: Body) -> Self {
        Self {
            request,
            request_body,
            request_trailers: None,
            request_end: None,
            informational: Vec::new(),
            response: None,
            response_body: Body::Missing,
            response_trailers: None,
            response_end: None,
            websocket: None,
            stream: None,
            grpc_status: None,
        }
    }

    /// The body of that side.
    #[must_use]
    pub fn body(&self, side: Side) -> &Body {
        match side {
            Side::Client => &self.request_body,
            Side::Server => &self.response_body,
        }
    }

    /// The header fields of that side.
    #[must_use]
    pub fn headers(&self, side: Side) -> Option<&Headers> {
        match side {
            Side::Client => Some(&self.request.headers),
            Side::Server => self.response.as_ref().map(|response| &response.headers),
        }
    }
}

/// What a WebSocket carried, and how it ended.
#[derive(Clone, Debug, Default)]
pub struct WebSocketRecord {
    /// Its messages. Control frames are among them where they were recorded.
    pub messages: Messages,
    /// Who closed it.
    pub closed_by: Option<Side>,
    /// The code it was closed with (RFC 6455 §7.4).
    pub close_code: Option<u32>,
    /// The reason it was closed with.
    pub close_reason: Option<Arc<str>>,
    /// When it was closed.
    pub timestamp_end: Option<Timestamp>,
}

/// A DNS exchange.
#[derive(Clone, Debug)]
pub struct DnsRecord {
    /// The question.
    pub request: DnsMessage,
    /// The answer.
    pub response: Option<DnsMessage>,
}

/// The bytes of a body.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// They are not on record.
    #[default]
    Missing,
    /// They are here.
    Bytes(Bytes),
    /// They are elsewhere, and all of them are there.
    Lazy(Arc<dyn ReadBody>),
}

/// Where a body can be read from piece by piece. There is one, even if it is empty.
#[expect(
    clippy::len_without_is_empty,
    reason = "the length is all anybody asks for"
)]
pub trait ReadBody: Debug + Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// The bytes of that range, which lies within the length.
    ///
    /// # Errors
    /// When they cannot be read, or are gone.
    fn read(&self, range: Range<u64>) -> io::Result<Bytes>;

    /// The file that they lie in one after the other, and where they begin in it, if that is so.
    fn file(&self) -> Option<(Arc<File>, u64)> {
        None
    }
}

/// A body is read by so many bytes at a time where it is only passed on.
pub const BODY_WINDOW: u64 = 256 * 1024;

impl Body {
    /// Length in bytes; none for one that is missing.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::Missing => None,
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Lazy(body) => Some(body.len()),
        }
    }

    /// Whether there is no byte in it: it is empty, or missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len().is_none_or(|len| len == 0)
    }

    /// Whether it is not on record.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Its first bytes, up to `max`; none for one that is missing.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn start(&self, max: u64) -> io::Result<Option<Bytes>> {
        let Some(len) = self.len() else {
            return Ok(None);
        };
        self.read(0..len.min(max)).map(Some)
    }

    /// A part of it, cut at its end. Of one that is missing, nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let len = self.len().unwrap_or_default();
        let range = range.start.min(len)..range.end.min(len).max(range.start.min(len));
        match self {
            Self::Missing => Ok(Bytes::new()),
            // Both ends are within its length.
            Self::Bytes(bytes) => Ok(bytes.slice(range.start as usize..range.end as usize)),
            Self::Lazy(_) if range.is_empty() => Ok(Bytes::new()),
            Self::Lazy(body) => body.read(range),
        }
    }

    /// Hands all of it on, by pieces of at most [`BODY_WINDOW`].
    ///
    /// # Errors
    /// When a piece cannot be read, and what `each` says.
    pub fn each(&self, mut each: impl FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        let len = self.len().unwrap_or_default();
        let mut at = 0;
        while at < len {
            let piece = self.read(at..len.min(at + BODY_WINDOW))?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += piece.len() as u64;
            each(piece)?;
        }
        Ok(())
    }

    /// All of it if it has at most `max` bytes.
    ///
    /// # Errors
    /// When it is longer ([`io::ErrorKind::FileTooLarge`]), or cannot be read.
    pub fn whole(&self, max: u64) -> io::Result<Option<Bytes>> {
        match self {
            Self::Missing => Ok(None),
            _ if self.len().is_some_and(|len| len > max) => Err(io::ErrorKind::FileTooLarge.into()),
            Self::Bytes(bytes) => Ok(Some(bytes.clone())),
            Self::Lazy(_) => {
                let mut all = BytesMut::new();
                self.each(|piece| {
                    all.extend_from_slice(&piece);
                    Ok(())
                })?;
                Ok(Some(all.freeze()))
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// The messages of a flow, in order.
#[derive(Clone, Debug)]
pub enum Messages {
    /// They are here.
    List(Vec<Message>),
    /// They are elsewhere.
    Lazy(Arc<dyn ReadMessages>),
}

impl Default for Messages {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Where messages can be read from.
#[expect(
    clippy::len_without_is_empty,
    reason = "the length is all anybody asks for"
)]
pub trait ReadMessages: Debug + Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// The message with that number, counted from 0.
    ///
    /// # Errors
    /// When it cannot be read, or is gone.
    fn read(&self, number: u64) -> io::Result<Message>;
}

impl Messages {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::List(list) => list.len() as u64,
            Self::Lazy(messages) => messages.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message with that number, counted from 0.
    ///
    /// # Errors
    /// When it cannot be read, or there are not as many.
    pub fn read(&self, number: u64) -> io::Result<Message> {
        match self {
            Self::List(list) => list
                .get(number as usize)
                .cloned()
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
            Self::Lazy(messages) => messages.read(number),
        }
    }

    /// Each of them, in order, read as it is asked for.
    pub fn iter(&self) -> impl Iterator<Item = io::Result<Message>> + '_ {
        (0..self.len()).map(|number| self.read(number))
    }
}
