//! A made-up flow, for filters.

use std::ops::ControlFlow;

use ratel_core::store::FlowSnapshot;
use ratel_flow::dns::DnsMessage;
use ratel_flow::filter::Subject;
use ratel_flow::{Body, ClientConn, FlowKind, Request, Response, ServerConn, Side, StreamKind};

/// A fake, for a filter that asks for heads.
pub(super) struct Seen<'a>(pub(super) &'a FlowSnapshot);

impl Subject for Seen<'_> {
    fn kind(&self) -> FlowKind {
        self.0.kind
    }

    fn request(&self) -> Option<&Request> {
        self.0.request.as_ref()
    }

    fn response(&self) -> Option<&Response> {
        self.0.response.as_ref()
    }

    fn has_response(&self) -> bool {
        self.0.response.is_some()
    }

    fn status(&self) -> Option<u16> {
        self.0.response.as_ref().map(|response| response.status)
    }

    fn has_error(&self) -> bool {
        self.0.error.is_some()
    }

    fn is_websocket(&self) -> bool {
        self.0.stream == Some(StreamKind::WebSocket)
    }

    fn client_conn(&self) -> Option<&ClientConn> {
        Some(&self.0.client_conn)
    }

    fn server_conn(&self) -> Option<&ServerConn> {
        self.0.server_conn.as_deref()
    }

    fn dns(&self, _: Side) -> Option<&DnsMessage> {
        None
    }

    fn body(&self, _: Side) -> Body {
        Body::Missing
    }

    fn messages(&self, _: Option<Side>, _: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {}
}
