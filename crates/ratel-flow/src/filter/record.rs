//! Whole flows as subjects.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Subject;
use super::live::is_content;
use crate::conn::{ClientConn, ServerConn};
use crate::dns::DnsMessage;
use crate::flow::{FlowKind, Side};
use crate::http::{Request, Response};
use crate::record::{Body, Detail, Record, Replay, Value};

impl Subject for Record {
    fn kind(&self) -> FlowKind {
        self.kind()
    }

    fn has_response(&self) -> bool {
        match &self.detail {
            Detail::Http(http) => http.response.is_some(),
            Detail::Dns(dns) => dns.response.is_some(),
            Detail::Tcp(_) | Detail::Udp(_) | Detail::Connection => false,
        }
    }

    fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    fn has_error(&self) -> bool {
        self.error.is_some()
    }

    fn is_websocket(&self) -> bool {
        self.http().is_some_and(|http| http.websocket.is_some())
    }

    fn client_conn(&self) -> Option<&ClientConn> {
        Some(&self.client_conn)
    }

    fn server_conn(&self) -> Option<&ServerConn> {
        self.server_conn.as_deref()
    }

    fn marked(&self) -> &str {
        &self.annotations.marked
    }

    fn comment(&self) -> &str {
        &self.annotations.comment
    }

    fn replay(&self) -> Option<Replay> {
        self.annotations.is_replay
    }

    fn metadata(&self) -> &[(Arc<str>, Value)] {
        &self.annotations.metadata
    }

    fn request(&self) -> Option<&Request> {
        self.http().map(|http| &http.request)
    }

    fn response(&self) -> Option<&Response> {
        self.http()?.response.as_ref()
    }

    fn dns(&self, side: Side) -> Option<&DnsMessage> {
        match (&self.detail, side) {
            (Detail::Dns(dns), Side::Client) => Some(&dns.request),
            (Detail::Dns(dns), Side::Server) => dns.response.as_ref(),
            _ => None,
        }
    }

    fn body(&self, side: Side) -> Body {
        match self.http() {
            Some(http) => http.body(side).clone(),
            None => Body::Missing,
        }
    }

    fn messages(&self, side: Option<Side>, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
        let messages = match &self.detail {
            Detail::Http(http) => http.websocket.as_ref().map(|websocket| &websocket.messages),
            Detail::Tcp(messages) | Detail::Udp(messages) => Some(messages),
            Detail::Dns(_) | Detail::Connection => None,
        };
        let messages = messages.into_iter().flat_map(|messages| messages.iter());
        for message in messages.filter_map(Result::ok) {
            if is_content(message.kind)
                && side.is_none_or(|side| side == message.side)
                && each(&message.content).is_break()
            {
                return;
            }
        }
    }
}
