//! The pen of the task that owns a flow.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ratel_flow::{
    AnnotationChange, Annotations, ClientConn, FlowError, FlowId, MessageHead, OpenMessage,
    Payload, Request, Response, ServerConn, Side, StreamKind, Timestamp, WebSocketClose,
};
use ratel_proto::Headers;

use super::edit::CHANGES;
use super::event::{Batch, Event, What};
use super::extents::Loc;
use super::head;
use super::index::{Filed, List};
use super::message::{GRPC_MESSAGE_KEPT, HEAD_BYTES, put_head};
use super::{Shared, write_lock};
use crate::clock;

/// Somebody else's files are read by parts of this many bytes, so that offsets in them fit.
const FOREIGN_PART: u64 = 1 << 31;

/// Records one flow. There is one per flow, and it is the only writer; both directions of an exchange may share it.
///
/// Every method appends to a queue in memory and returns; none waits for a disk. Whoever records long bodies awaits
/// [`ready`](Self::ready) between pieces, so that a disk slower than the traffic slows the traffic instead of
/// filling memory. A writer that is dropped finishes its flow with whatever is there.
#[derive(Debug)]
pub struct FlowWriter {
    shared: Arc<Shared>,
    id: FlowId,
    shard: usize,
    finished: AtomicBool,
}

impl FlowWriter {
    pub(super) fn new(shared: Arc<Shared>, id: FlowId) -> Self {
        let shard = shared.queue.shard_of_thread();
        Self {
            shared,
            id,
            shard,
            finished: AtomicBool::new(false),
        }
    }

    /// Of a flow that was finished: what is written comes behind the changes of it.
    pub(super) fn behind_changes(shared: Arc<Shared>, id: FlowId) -> Self {
        let mut writer = Self::new(shared, id);
        writer.shard = CHANGES;
        writer
    }

    /// The flow that this writes.
    #[must_use]
    pub fn id(&self) -> FlowId {
        self.id
    }

    /// The request's head. May be called again after a change: the last one is kept.
    pub fn request(&self, request: &Request) {
        self.push(|batch| {
            let place = batch.put(|out| head::put_request(out, request));
            batch.events.push(Event {
                flow: self.id,
                what: What::Request(place),
            });
        });
    }

    /// The response's head. May be called again after a change: the last one is kept.
    pub fn response(&self, response: &Response) {
        self.push(|batch| {
            let place = batch.put(|out| head::put_response(out, response));
            let what = What::Response(place, response.status);
            batch.events.push(Event {
                flow: self.id,
                what,
            });
        });
    }

    /// An informational (1xx) response; the first 64 of a flow are kept.
    pub fn informational(&self, response: &Response) {
        self.push(|batch| {
            let place = batch.put(|out| head::put_response(out, response));
            batch.events.push(Event {
                flow: self.id,
                what: What::Informational(place),
            });
        });
    }

    /// Bytes of a body. Pieces under 8 KiB are copied; larger ones are kept by reference until they are written.
    pub fn data(&self, side: Side, pieces: &[Bytes], now: Timestamp) {
        self.append(List::Body(side), pieces, now);
    }

    /// Bytes beside a body: a decoded one, payloads of control frames. As [`data`](Self::data) otherwise.
    pub fn extra(&self, side: Side, pieces: &[Bytes], now: Timestamp) {
        self.append(List::Extra(side), pieces, now);
    }

    pub(super) fn append(&self, list: List, pieces: &[Bytes], now: Timestamp) {
        let len: usize = pieces.iter().map(Bytes::len).sum();
        if len == 0 {
            return;
        }
        let room = self.shared.queue.has_room(len);
        self.push(|batch| {
            if !room {
                return batch.lost(self.id, list, len as u64);
            }
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                batch.data(self.id, list, piece, now);
            }
        });
    }

    /// The flow carries messages of that kind.
    pub fn stream(&self, kind: StreamKind) {
        self.event(What::Stream(kind));
    }

    /// A message is complete; its payload was recorded before.
    pub fn message(&self, head: &MessageHead) {
        let room = self.shared.queue.has_room(HEAD_BYTES);
        self.push(|batch| {
            if !room {
                return batch.lost(self.id, List::Messages, HEAD_BYTES as u64);
            }
            let place = batch.put(|out| put_head(out, head));
            batch.events.push(Event {
                flow: self.id,
                what: What::Data(List::Messages, place, head.timestamp),
            });
        });
    }

    /// The message that was told last had said something else when it came, which lies there.
    pub fn message_came_as(&self, payload: Payload) {
        self.event(What::CameAs(payload));
    }

    /// A message has begun, or the one that had is no more.
    pub fn message_open(&self, side: Side, open: Option<OpenMessage>) {
        self.event(What::MessageOpen(side, open));
    }

    /// How a gRPC call ended. Up to 1 KiB of `message` is kept.
    pub fn grpc_status(&self, code: u32, message: &str) {
        let end = message.floor_char_boundary(GRPC_MESSAGE_KEPT);
        self.event(What::GrpcStatus(code, message[..end].into()));
    }

    /// A WebSocket was closed; the first time counts.
    pub fn closed(&self, close: WebSocketClose) {
        self.event(What::Closed(Box::new(close)));
    }

    /// The trailers that ended a body.
    pub fn trailers(&self, side: Side, trailers: &Headers) {
        self.push(|batch| {
            let place = batch.put(|out| head::put_headers(out, trailers));
            batch.events.push(Event {
                flow: self.id,
                what: What::Trailers(side, place),
            });
        });
    }

    /// That message is complete.
    pub fn end(&self, side: Side, now: Timestamp) {
        self.event(What::End(side, now));
    }

    /// A later snapshot of the client's connection.
    pub fn client_conn(&self, conn: Arc<ClientConn>) {
        self.event(What::Client(conn));
    }

    /// The connection to the server, or a later snapshot of it.
    pub fn server_conn(&self, conn: Arc<ServerConn>) {
        self.event(What::Server(conn));
    }

    /// Why the flow failed. The last one is kept.
    pub fn error(&self, error: FlowError) {
        self.event(What::Error(Some(Box::new(error))));
    }

    /// What people and addons have said of the flow; the last word counts.
    pub fn annotations(&self, annotations: Arc<Annotations>) {
        self.event(What::Annotations(annotations));
    }

    /// Something is said differently; what else is said stays as somebody else may have changed it.
    pub fn annotate(&self, change: AnnotationChange) {
        self.event(What::Annotate(Box::new(change)));
    }

    /// It was held back from then on, for so long, which is no time that the exchange took.
    pub fn held(&self, since: Timestamp, time: Duration) {
        self.event(What::Held(since, time));
    }

    /// That side of the flow is about to be changed by somebody: what it is now is kept, once.
    pub fn back_up(&self, side: Side) {
        self.event(What::BackupSide(side));
    }

    /// What the flow is now is kept as what it was before it was changed.
    pub(super) fn back_up_all(&self) {
        self.event(What::Backup);
    }

    /// That side of the flow is what it was before it was changed.
    pub fn revert(&self, side: Side) {
        self.event(What::RevertSide(side));
    }

    /// The body of that side and its trailers are replaced by what comes now.
    pub fn replace(&self, side: Side) {
        self.event(What::Replace(side));
    }

    /// The body of that side is not on record: what there is of it goes, and trailers stay.
    pub fn leave_out(&self, side: Side) {
        self.event(What::LeaveOut(side));
    }

    /// What a file has said of the flow that is being read from it.
    pub(super) fn filed(&self, filed: Filed) {
        self.event(What::Filed(Box::new(filed)));
    }

    /// Bytes of a list that lie in a file of somebody else's, which must stay as it is.
    pub(super) fn foreign(&self, list: List, file: &Arc<File>, offset: u64, len: u64) {
        let (mut at, end) = (offset, offset.saturating_add(len));
        while at < end {
            let base = at - at % FOREIGN_PART;
            let until = end.min(base + FOREIGN_PART);
            let segment = write_lock(&self.shared.index).add_foreign(file, base);
            // Both are within a part, which is smaller than 4 GiB.
            let piece = Loc {
                segment,
                at: (at - base) as u32,
                len: (until - at) as u32,
            };
            self.event(What::Foreign(list, piece));
            at = until;
        }
    }

    /// As [`ready`](Self::ready), for a thread that may wait.
    pub(super) fn wait_ready(&self) {
        self.shared.queue.wait_ready();
    }

    /// Nothing more will come: what is emitted afterwards is ignored, and so are further calls.
    pub fn finish(&self, now: Timestamp) {
        if !self.finished.swap(true, Ordering::Relaxed) {
            let what = What::Finish(now);
            self.shared.queue.push(self.shard, |batch| {
                batch.events.push(Event {
                    flow: self.id,
                    what,
                });
            });
        }
    }

    /// Whether [`finish`](Self::finish) was called.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    /// Returns at once unless more than 8 MiB wait to be written; then returns when they have been.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn ready(&self) {
        self.shared.queue.ready().await;
    }

    fn push(&self, append: impl FnOnce(&mut Batch)) {
        if !self.is_finished() {
            self.shared.queue.push(self.shard, append);
        }
    }

    pub(super) fn event(&self, what: What) {
        self.push(|batch| {
            batch.events.push(Event {
                flow: self.id,
                what,
            });
        });
    }
}

impl Drop for FlowWriter {
    fn drop(&mut self) {
        self.finish(clock::now());
    }
}
