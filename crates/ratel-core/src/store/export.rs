//! Whole flows out of the store: for files, exports, copies. What is long stays where it is and is read as it is asked
//! for; a flow that is evicted meanwhile then fails to be read, and says so.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ratel_flow::record::{DnsRecord, Messages, ReadBody, ReadMessages, WebSocketRecord};
use ratel_flow::{
    Body, Detail, FlowId, FlowKind, HttpRecord, Message, Payload, PayloadStream, Record, Side,
    StreamKind, flow,
};

use super::dns;

use super::index::nth;
use super::{FlowSnapshot, FlowStore, read_lock};

/// Bodies up to this many bytes are read at once.
const AT_ONCE: u64 = 64 * 1024;

impl FlowStore {
    /// All of a flow as it is now; none if it was evicted, or has lost its head.
    #[must_use]
    pub fn record(&self, id: FlowId) -> Option<Record> {
        let snapshot = self.snapshot(id)?;
        let mut record = self.record_of(&snapshot)?;
        record.backup = self.original(&snapshot).map(Box::new);
        Some(record)
    }

    fn record_of(&self, snapshot: &FlowSnapshot) -> Option<Record> {
        let detail = match snapshot.kind {
            FlowKind::Http => Detail::Http(Box::new(self.http(snapshot)?)),
            FlowKind::Tcp => Detail::Tcp(self.all_messages(snapshot)),
            FlowKind::Udp => Detail::Udp(self.all_messages(snapshot)),
            FlowKind::Dns => Detail::Dns(Box::new(self.dns(snapshot)?)),
            FlowKind::Connection => Detail::Connection,
        };
        Some(Record {
            id: snapshot.file_id.clone(),
            client_conn: snapshot.client_conn.clone(),
            server_conn: snapshot.server_conn.clone(),
            error: snapshot.error.clone(),
            annotations: snapshot.annotations.as_deref().cloned().unwrap_or_default(),
            timestamp_created: snapshot.times.created,
            backup: None,
            detail,
            verbatim: snapshot.verbatim.clone(),
        })
    }

    fn http(&self, snapshot: &FlowSnapshot) -> Option<HttpRecord> {
        let is_websocket = snapshot.stream == Some(StreamKind::WebSocket);
        let body = |side: Side, len: u64| {
            let len = if is_websocket {
                self.before_messages(snapshot, side, len)
            } else {
                len
            };
            self.stored(snapshot, side, len)
        };
        let mut http = HttpRecord::new(
            snapshot.request.clone()?,
            body(Side::Client, snapshot.request_body),
        );
        http.request_trailers.clone_from(&snapshot.request_trailers);
        http.request_end = snapshot.times.request_end;
        http.informational.clone_from(&snapshot.informational);
        http.response.clone_from(&snapshot.response);
        if http.response.is_some() {
            http.response_body = body(Side::Server, snapshot.response_body);
        }
        http.response_trailers
            .clone_from(&snapshot.response_trailers);
        http.response_end = snapshot.times.response_end;
        http.stream = snapshot.stream;
        http.grpc_status.clone_from(&snapshot.grpc_status);
        if is_websocket {
            let close = snapshot.close.as_ref();
            let ended = || WebSocketRecord {
                messages: Messages::default(),
                closed_by: close.and_then(|close| close.by),
                close_code: close.map(|close| close.code.into()),
                close_reason: close.map(|close| close.reason.clone()),
                timestamp_end: (!snapshot.state.is_live()).then_some(snapshot.times.last),
            };
            let filed = snapshot.websocket.as_deref().cloned();
            http.websocket = Some(WebSocketRecord {
                messages: self.all_messages(snapshot),
                ..filed.unwrap_or_else(ended)
            });
        }
        Some(http)
    }

    /// Where the body of a handshake ends and the payloads of its WebSocket begin.
    fn before_messages(&self, snapshot: &FlowSnapshot, side: Side, len: u64) -> u64 {
        let mut at = 0;
        loop {
            let Some(window) = self.messages(snapshot.id, at..u64::MAX) else {
                return len;
            };
            let first = window
                .items
                .iter()
                .find(|head| head.side == side && head.payload.stream == PayloadStream::Body);
            if let Some(first) = first {
                return first.payload.offset.min(len);
            }
            let end = window.first + window.items.len() as u64;
            if end >= window.total || window.items.is_empty() {
                return len;
            }
            at = end;
        }
    }

    fn stored(&self, snapshot: &FlowSnapshot, side: Side, len: u64) -> Body {
        if snapshot.missing.get(nth(side)).copied().unwrap_or_default() {
            return Body::Missing;
        }
        self.stored_body(snapshot.id, side, len)
    }

    /// The first `len` bytes of a body.
    pub(super) fn stored_body(&self, id: FlowId, side: Side, len: u64) -> Body {
        let body = StoredBody {
            store: self.clone(),
            id,
            side,
            len,
            original: false,
        };
        body.at_once()
    }

    fn all_messages(&self, snapshot: &FlowSnapshot) -> Messages {
        if snapshot.messages == 0 {
            return Messages::default();
        }
        Messages::Lazy(Arc::new(StoredMessages {
            store: self.clone(),
            id: snapshot.id,
            len: snapshot.messages,
        }))
    }

    fn dns(&self, snapshot: &FlowSnapshot) -> Option<DnsRecord> {
        let message = |side, at| {
            let window = self.body(snapshot.id, side, 0..AT_ONCE)?;
            let mut message = dns::unpack(&window.bytes).ok()?;
            message.timestamp = at;
            Some(message)
        };
        Some(DnsRecord {
            request: message(Side::Client, snapshot.times.request_end)?,
            response: message(Side::Server, snapshot.times.response_end),
        })
    }

    /// What the flow was before it was changed.
    fn original(&self, snapshot: &FlowSnapshot) -> Option<Record> {
        if !snapshot.modified {
            return None;
        }
        let before = self.snapshot_before(snapshot.id)?;
        let mut record = self.record_of(&before)?;
        if let Detail::Http(http) = &mut record.detail {
            let stored = |side, len| {
                StoredBody {
                    store: self.clone(),
                    id: snapshot.id,
                    side,
                    len,
                    original: true,
                }
                .at_once()
            };
            http.request_body = stored(Side::Client, before.request_body);
            if http.response.is_some() {
                http.response_body = stored(Side::Server, before.response_body);
            }
        }
        Some(record)
    }
}

/// The id that a flow of this process has in files.
pub(super) fn file_id(id: FlowId) -> Arc<str> {
    flow::uuid(flow::session(), 0, id.0).into()
}

#[derive(Debug)]
struct StoredBody {
    store: FlowStore,
    id: FlowId,
    side: Side,
    len: u64,
    /// As it was before it was changed.
    original: bool,
}

impl StoredBody {
    /// The bytes if they are few, else a way to them.
    fn at_once(self) -> Body {
        if self.len == 0 {
            return Body::Bytes(Bytes::new());
        }
        if self.len > AT_ONCE {
            return Body::Lazy(Arc::new(self));
        }
        // What is gone already is not there.
        self.read(0..self.len).map_or(Body::Missing, Body::Bytes)
    }
}

impl ReadBody for StoredBody {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        collect(range, |range| {
            if self.original {
                self.store.body_before(self.id, self.side, range)
            } else {
                self.store.body(self.id, self.side, range)
            }
        })
    }
}

/// Joins windows until the range is there.
pub(super) fn collect(
    range: Range<u64>,
    window: impl Fn(Range<u64>) -> Option<super::Window>,
) -> io::Result<Bytes> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "it is not on record any more");
    let mut all = BytesMut::new();
    let mut at = range.start;
    while at < range.end {
        let window = window(at..range.end).ok_or_else(gone)?;
        if window.lost || window.bytes.is_empty() {
            return Err(gone());
        }
        at += window.bytes.len() as u64;
        if at >= range.end && all.is_empty() {
            return Ok(window.bytes);
        }
        all.extend_from_slice(&window.bytes);
    }
    Ok(all.freeze())
}

#[derive(Debug)]
struct StoredMessages {
    store: FlowStore,
    id: FlowId,
    len: u64,
}

impl ReadMessages for StoredMessages {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, number: u64) -> io::Result<Message> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it is not on record any more");
        let window = self.store.messages(self.id, number..number + 1);
        let window = window.filter(|window| !window.lost).ok_or_else(gone)?;
        let head = window.items.first().ok_or_else(gone)?;
        Ok(Message {
            side: head.side,
            kind: head.kind,
            flags: head.flags,
            timestamp: head.timestamp,
            content: self.store.whole_payload(self.id, head.side, head.payload)?,
        })
    }
}

impl FlowStore {
    /// All bytes of a message.
    pub(super) fn whole_payload(
        &self,
        id: FlowId,
        side: Side,
        payload: Payload,
    ) -> io::Result<Bytes> {
        collect(0..payload.len, |range| {
            self.payload(id, side, payload, range)
        })
    }

    /// A part of a body as it was before the flow was changed.
    #[must_use]
    pub fn body_before(&self, id: FlowId, side: Side, range: Range<u64>) -> Option<super::Window> {
        super::window::read(&self.0.shared, id, range, |entry| {
            Some((entry.half_before(side)?.body, true))
        })
    }

    /// All of a flow but its bodies as it was before it was changed; none if it was not.
    #[must_use]
    pub fn snapshot_before(&self, id: FlowId) -> Option<FlowSnapshot> {
        let modified = read_lock(&self.0.shared.index)
            .get(id)?
            .original()
            .is_some();
        modified.then(|| super::read::snapshot_before(&self.0.shared, id))?
    }
}
