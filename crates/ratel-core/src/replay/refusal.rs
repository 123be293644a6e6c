//! Which flows cannot be sent again, and why.

use crate::store::{EditError, FlowSnapshot, FlowStore};
use ratel_flow::{Detail, FlowId, FlowKind, Record, Request, StreamKind, Version};

/// Why a request is not sent again. Reads as the rest of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such flow any longer.
    #[error("it is not there any more")]
    Gone,
    /// It goes on.
    #[error("it is still live")]
    Live,
    /// It waits for a person.
    #[error("it is held back; let it go first")]
    Held,
    /// It is something else.
    #[error("only HTTP requests can be sent again")]
    NotHttp,
    /// Its request is not on record.
    #[error("its request is missing")]
    NoRequest,
    /// Its body is not on record.
    #[error("the body of its request is missing")]
    NoContent,
    /// The client left in the middle of it.
    #[error("its request was never complete")]
    Incomplete,
    /// It became a WebSocket.
    #[error("a WebSocket cannot be opened again without its client")]
    WebSocket,
    /// It asked for a tunnel.
    #[error("a request for a tunnel means nothing without what follows in it")]
    Tunnel,
    /// It came over HTTP/3.
    #[error("requests of HTTP/3 cannot be sent yet")]
    Http3,
    /// Too many wait already.
    #[error("{} wait already, which is as many as may", super::client::QUEUE_MAX)]
    Full,
}

impl From<EditError> for ReplayError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Live(_) => Self::Live,
            EditError::Gone(_) => Self::Gone,
        }
    }
}

/// Whether a flow of the store can be sent again.
pub(super) fn check(store: &FlowStore, id: FlowId) -> Result<(), ReplayError> {
    let flow = store.snapshot(id).ok_or(ReplayError::Gone)?;
    let FlowSnapshot {
        kind,
        state,
        request,
        stream,
        annotations,
        times,
        missing,
        ..
    } = flow;
    let live = state.is_live();
    if live && annotations.is_some_and(|said| said.intercepted) {
        return Err(ReplayError::Held);
    }
    if live {
        return Err(ReplayError::Live);
    }
    if kind != FlowKind::Http {
        return Err(ReplayError::NotHttp);
    }
    if stream == Some(StreamKind::WebSocket) {
        return Err(ReplayError::WebSocket);
    }
    let request = request.ok_or(ReplayError::NoRequest)?;
    if missing[0] {
        return Err(ReplayError::NoContent);
    }
    if times.request_end.is_none() && may_have_body(&request) {
        return Err(ReplayError::Incomplete);
    }
    sendable(&request)
}

/// Whether a flow of a file can be sent again.
pub(super) fn check_record(record: &Record) -> Result<(), ReplayError> {
    let Detail::Http(http) = &record.detail else {
        return Err(ReplayError::NotHttp);
    };
    if http.websocket.is_some() {
        return Err(ReplayError::WebSocket);
    }
    if http.request_body.is_missing() {
        return Err(ReplayError::NoContent);
    }
    sendable(&http.request)
}

/// Whether a body may be missing of a request that failed before it was sent.
fn may_have_body(request: &Request) -> bool {
    let headers = &request.headers;
    if headers.contains("transfer-encoding") || headers.contains("content-length") {
        return headers.get("content-length") != Some(b"0");
    }
    // Over HTTP/2 nothing has to be said for that.
    let methods: [&[u8]; 5] = [b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"];
    request.version == Version::Http2 && !methods.contains(&&request.method[..])
}

fn sendable(request: &Request) -> Result<(), ReplayError> {
    if request.method.eq_ignore_ascii_case(b"CONNECT") {
        return Err(ReplayError::Tunnel);
    }
    if request.version == Version::Http3 {
        return Err(ReplayError::Http3);
    }
    Ok(())
}
