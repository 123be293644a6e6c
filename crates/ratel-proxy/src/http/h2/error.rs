//! How streams and connections end, and what exchanges are told of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratel_flow::Side;
use ratel_proto::h2::{ConnectionError, Reason, SendError, StreamError};

use crate::error::ProxyError;
use crate::tls::LateAlert;

/// Why a stream is over before its time.
#[derive(Clone, Debug)]
pub(super) enum StreamEnd {
    /// The peer gave it up.
    Reset(Reason),
    /// The peer never looked at it, since it is closing the connection.
    Refused(Reason),
    /// The peer broke a rule.
    Broken(StreamError),
}

/// Why a connection is over.
#[derive(Clone, Debug)]
pub(super) enum ConnectionEnd {
    /// The peer closed it.
    Closed,
    /// The peer said why and closed it.
    GoAway(Reason, Bytes),
    /// The connection broke.
    Io(io::ErrorKind, Arc<str>, Option<LateAlert>),
    /// The peer has not answered a PING for so long.
    Silent(Duration),
    /// The peer broke a rule, and was told.
    Protocol(Arc<ConnectionError>),
}

impl StreamEnd {
    pub(super) fn to_error(&self, peer: Side) -> ProxyError {
        match self {
            Self::Reset(reason) => ProxyError::StreamReset {
                by: peer,
                reason: *reason,
            },
            Self::Refused(reason) => ProxyError::StreamRefused { reason: *reason },
            Self::Broken(error) => ProxyError::Http2Stream {
                by: peer,
                error: error.clone(),
            },
        }
    }
}

impl From<&io::Error> for ConnectionEnd {
    fn from(error: &io::Error) -> Self {
        Self::Io(error.kind(), error.to_string().into(), LateAlert::of(error))
    }
}

impl ConnectionEnd {
    /// What it means to a response that had begun, where the server just left.
    pub(super) fn to_broken_off(&self) -> Option<ProxyError> {
        let how = match self {
            Self::Closed => "closed",
            Self::Io(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe, ..) => "reset",
            _ => return None,
        };
        Some(ProxyError::ServerClosed { how })
    }

    pub(super) fn to_error(&self, peer: Side) -> ProxyError {
        match (self, peer) {
            (Self::Closed, Side::Client) => ProxyError::ClientGone {
                during: "before the exchange was complete",
            },
            (Self::Closed, Side::Server) => ProxyError::NoResponse,
            (Self::GoAway(reason, debug), by) => ProxyError::GoneAway {
                by,
                reason: *reason,
                debug: debug.clone(),
            },
            (Self::Io(kind, message, alert), Side::Client) => ProxyError::ClientIo {
                during: "before the exchange was complete",
                source: source(*kind, message, *alert),
            },
            (Self::Io(kind, message, alert), Side::Server) => ProxyError::ServerIo {
                during: "before the exchange was complete",
                source: source(*kind, message, *alert),
            },
            (Self::Silent(limit), _) => ProxyError::Unanswered(*limit),
            (Self::Protocol(error), by) => ProxyError::Http2Connection {
                by,
                error: error.clone(),
            },
        }
    }
}

fn source(kind: io::ErrorKind, message: &str, alert: Option<LateAlert>) -> io::Error {
    match alert {
        Some(alert) => io::Error::new(kind, alert),
        None => io::Error::new(kind, message),
    }
}

/// A stream that cannot be sent on any more.
pub(super) fn send(peer: Side, _error: &SendError) -> ProxyError {
    match peer {
        Side::Client => ProxyError::ClientGone {
            during: "while it was sent the response",
        },
        Side::Server => ProxyError::ServerIo {
            during: "while it was sent the request",
            source: io::ErrorKind::BrokenPipe.into(),
        },
    }
}
