//! What those read who look through many flows: the same as others, by a way of their own.

use std::ops::Range;

use ratel_flow::{FlowId, PayloadStream, Side};

use super::index::List;
pub(crate) use super::source::Bulk;
use super::{FlowSnapshot, FlowStore, MessageWindow, Window, message, read, window};

impl FlowStore {
    /// As [`snapshot`](Self::snapshot).
    pub(crate) fn scan_snapshot(&self, bulk: &mut Bulk, id: FlowId) -> Option<FlowSnapshot> {
        read::snapshot_from(bulk, &self.0.shared, id)
    }

    /// A part of one of a flow's streams of bytes, as [`body`](Self::body) gives it. None if the flow was evicted or has
    /// no such stream.
    pub(crate) fn scan_stream(
        &self,
        bulk: &mut Bulk,
        id: FlowId,
        (side, stream): (Side, PayloadStream),
        range: Range<u64>,
    ) -> Option<Window> {
        let list = match stream {
            PayloadStream::Body => List::Body(side),
            PayloadStream::Extra => List::Extra(side),
        };
        window::read_from(bulk, &self.0.shared, id, range, |entry| {
            Some((entry.list(list)?, entry.finished))
        })
    }

    /// As [`messages`](Self::messages).
    pub(crate) fn scan_messages(
        &self,
        bulk: &mut Bulk,
        id: FlowId,
        range: Range<u64>,
    ) -> Option<MessageWindow> {
        message::messages_from(bulk, &self.0.shared, id, range)
    }
}
