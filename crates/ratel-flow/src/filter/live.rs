//! Flows that are under way as subjects, as hooks see them.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::Subject;
use super::texts::RequestTexts;
use crate::conn::{ClientConn, ServerConn};
use crate::dns::DnsMessage;
use crate::flow::{FlowKind, Side};
use crate::http::{HttpFlow, Request, Response};
use crate::message::{Message, MessageKind};
use crate::record::{Body, Replay, Value};
use crate::tcp::TcpFlow;

/// An HTTP exchange under way.
#[derive(Clone, Debug)]
pub struct LiveHttp<'a> {
    /// The exchange.
    pub flow: &'a HttpFlow,
    /// The request's body, where it is there as a whole.
    pub request_body: Option<&'a Bytes>,
    /// The response's body, where it is there as a whole.
    pub response_body: Option<&'a Bytes>,
    /// It is a WebSocket.
    pub websocket: bool,
    /// Those of its messages that are at hand: the one that passes, at least.
    pub messages: &'a [Message],
}

impl<'a> LiveHttp<'a> {
    /// An exchange of which only heads are known.
    #[must_use]
    pub fn new(flow: &'a HttpFlow) -> Self {
        Self {
            flow,
            request_body: None,
            response_body: None,
            websocket: false,
            messages: &[],
        }
    }
}

/// A raw connection under way.
#[derive(Clone, Debug)]
pub struct LiveTcp<'a> {
    /// The connection.
    pub flow: &'a TcpFlow,
    /// Those of its messages that are at hand: the one that passes, at least.
    pub messages: &'a [Message],
}

macro_rules! common {
    () => {
        fn has_error(&self) -> bool {
            self.flow.error.is_some()
        }

        fn client_conn(&self) -> Option<&ClientConn> {
            Some(&self.flow.client_conn)
        }

        fn server_conn(&self) -> Option<&ServerConn> {
            self.flow.server_conn.as_deref()
        }

        fn marked(&self) -> &str {
            &self.flow.annotations.marked
        }

        fn comment(&self) -> &str {
            &self.flow.annotations.comment
        }

        fn replay(&self) -> Option<Replay> {
            self.flow.annotations.is_replay
        }

        fn metadata(&self) -> &[(Arc<str>, Value)] {
            &self.flow.annotations.metadata
        }

        fn dns(&self, _: Side) -> Option<&DnsMessage> {
            None
        }

        fn messages(&self, side: Option<Side>, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
            for message in self.messages {
                if is_content(message.kind)
                    && side.is_none_or(|side| side == message.side)
                    && each(&message.content).is_break()
                {
                    return;
                }
            }
        }
    };
}

impl Subject for LiveHttp<'_> {
    common!();

    fn kind(&self) -> FlowKind {
        FlowKind::Http
    }

    fn has_response(&self) -> bool {
        self.flow.response.is_some()
    }

    fn status(&self) -> Option<u16> {
        self.flow.response.as_ref().map(|response| response.status)
    }

    fn is_websocket(&self) -> bool {
        self.websocket
    }

    fn request(&self) -> Option<&Request> {
        Some(&self.flow.request)
    }

    fn request_texts(&self) -> Option<&RequestTexts> {
        Some(self.flow.request.texts())
    }

    fn response(&self) -> Option<&Response> {
        self.flow.response.as_ref()
    }

    fn body(&self, side: Side) -> Body {
        let body = match side {
            Side::Client => self.request_body,
            Side::Server => self.response_body,
        };
        body.map_or(Body::Missing, |body| Body::Bytes(body.clone()))
    }
}

impl Subject for LiveTcp<'_> {
    common!();

    fn kind(&self) -> FlowKind {
        FlowKind::Tcp
    }

    fn has_response(&self) -> bool {
        false
    }

    fn status(&self) -> Option<u16> {
        None
    }

    fn is_websocket(&self) -> bool {
        false
    }

    fn request(&self) -> Option<&Request> {
        None
    }

    fn response(&self) -> Option<&Response> {
        None
    }

    fn body(&self, _: Side) -> Body {
        Body::Missing
    }
}

/// Whether a message carries what the peers have to say to each other, and not how they keep the connection.
pub(super) fn is_content(kind: MessageKind) -> bool {
    !matches!(
        kind,
        MessageKind::Ping | MessageKind::Pong | MessageKind::Close
    )
}
