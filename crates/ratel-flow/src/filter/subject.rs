//! What a filter asks of a flow.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::texts::RequestTexts;
use crate::conn::{ClientConn, ServerConn};
use crate::dns::DnsMessage;
use crate::flow::{FlowKind, Side};
use crate::http::{Request, Response};
use crate::pattern::Pattern;
use crate::record::{Body, Replay, Value};

/// A flow that filters can be asked about.
///
/// A filter calls a method when it needs its answer and not before, the cheap ones of the summary as well as those that
/// read a head, a body or messages. Whoever has to fetch an answer keeps it, since it may be asked for again. What
/// cannot be read, because it is gone or a file is damaged, is answered as what is not there.
pub trait Subject {
    /// What kind of flow it is.
    fn kind(&self) -> FlowKind;

    /// Whether there is a response, if it is only a head so far.
    fn has_response(&self) -> bool;

    /// The status code of the response.
    fn status(&self) -> Option<u16>;

    /// Whether it has failed.
    fn has_error(&self) -> bool;

    /// Whether it has become a WebSocket.
    fn is_websocket(&self) -> bool;

    /// The connection of the one who called.
    fn client_conn(&self) -> Option<&ClientConn>;

    /// The connection to the one who answers.
    fn server_conn(&self) -> Option<&ServerConn>;

    /// The mark.
    fn marked(&self) -> &str {
        ""
    }

    /// The comment.
    fn comment(&self) -> &str {
        ""
    }

    /// Which side was played back.
    fn replay(&self) -> Option<Replay> {
        None
    }

    /// What addons have left.
    fn metadata(&self) -> &[(Arc<str>, Value)] {
        &[]
    }

    /// The head of the request.
    fn request(&self) -> Option<&Request>;

    /// What filters look for in the head of the request, where that is kept beside it.
    fn request_texts(&self) -> Option<&RequestTexts> {
        None
    }

    /// The head of the response.
    fn response(&self) -> Option<&Response>;

    /// The DNS message that asks or answers.
    fn dns(&self, side: Side) -> Option<&DnsMessage>;

    /// Whether the pattern may be in a body or a message, of one side alone if `side` says so. Asked before these are
    /// read: false spares that, and is only said where reading would say the same.
    fn may_hold(&self, side: Option<Side>, pattern: &Pattern) -> bool {
        let _ = (side, pattern);
        true
    }

    /// The body of that side, as sent; [`Body::Missing`] as long as it is not there, or if it is not kept.
    fn body(&self, side: Side) -> Body;

    /// Hands the bytes of each message to `each` until it breaks: of text and binary messages of a WebSocket, and of
    /// all messages of a TCP or UDP flow; of one side alone if `side` says so.
    fn messages(&self, side: Option<Side>, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>);
}
