//! Messages in the store: a list of heads of one size, so that the n-th is found by its number, beside the streams of
//! bytes that hold their payloads.

use std::ops::Range;
use std::sync::Arc;

use ratel_flow::{
    FlowId, MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream, Side,
    StreamKind, Timestamp, WebSocketClose,
};

use super::extents::Extents;
use super::index::nth;
use super::source::{Cached, Source};
use super::window::{self, Window};
use super::{Shared, read_lock};

/// Bytes of a head on record.
pub(super) const HEAD_BYTES: usize = 32;

/// No more messages than this are read at once.
pub const MESSAGES_AT_ONCE: u64 = 4096;

/// Messages of a flow of which it is known what they were before they were changed.
const CAME_KEPT: usize = 4096;

/// Bytes of a gRPC status message that are kept.
pub(super) const GRPC_MESSAGE_KEPT: usize = 1024;

/// What a flow of messages has beyond other flows.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    pub(super) kind: Option<StreamKind>,
    pub(super) heads: Extents,
    /// Bytes beside the bodies.
    pub(super) extra: [Extents; 2],
    pub(super) open: [Option<OpenMessage>; 2],
    /// How a gRPC call ended.
    pub(super) grpc: Option<(u32, Arc<str>)>,
    /// How a WebSocket was closed.
    pub(super) close: Option<Box<WebSocketClose>>,
    /// Messages that were changed, by number in order, and what they had said before.
    came: Vec<(u64, Payload)>,
}

impl Messages {
    /// Complete messages.
    pub(super) fn count(&self) -> u64 {
        self.heads.len / HEAD_BYTES as u64
    }

    /// What the last message had said before it was changed. The first [`CAME_KEPT`] of a flow are kept.
    pub(super) fn came_as(&mut self, payload: Payload) {
        let last = self.count().saturating_sub(1);
        if self.came.len() < CAME_KEPT {
            self.came.push((last, payload));
        }
    }

    /// Bytes of memory behind this.
    pub(super) fn memory(&self) -> usize {
        let lists = self.heads.heap() + self.extra.iter().map(Extents::heap).sum::<usize>();
        let grpc = self.grpc.as_ref().map_or(0, |(_, text)| text.len());
        let close = self
            .close
            .as_ref()
            .map_or(0, |close| size_of::<WebSocketClose>() + close.reason.len());
        let came = self.came.capacity() * size_of::<(u64, Payload)>();
        size_of::<Self>() + lists + grpc + close + came
    }
}

/// A run of messages of a flow, as they were in the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageWindow {
    /// What they are; none for a flow that has no messages.
    pub kind: Option<StreamKind>,
    /// The number of the first of `items`. Larger than asked for when messages before it were lost.
    pub first: u64,
    /// Complete messages of the flow so far.
    pub total: u64,
    /// Up to [`MESSAGES_AT_ONCE`] of them, in order.
    pub items: Vec<MessageHead>,
    /// Messages that have begun and are not complete, at most one from each side.
    pub open: Vec<OpenMessage>,
    /// Messages between the one asked for and `first` are gone.
    pub lost: bool,
}

pub(super) fn put_head(out: &mut Vec<u8>, head: &MessageHead) {
    out.extend_from_slice(&head.timestamp.0.to_le_bytes());
    out.extend_from_slice(&head.payload.offset.to_le_bytes());
    out.extend_from_slice(&head.payload.len.to_le_bytes());
    out.extend_from_slice(&head.code.to_le_bytes());
    let extra = u8::from(head.payload.stream == PayloadStream::Extra);
    let place = nth(head.side) as u8 | extra << 1;
    out.extend_from_slice(&[head.kind as u8, head.flags.0, place, 0]);
}

fn get_head(bytes: &[u8]) -> Option<MessageHead> {
    let mut longs = bytes
        .chunks_exact(8)
        .map(|word| word.try_into().map(u64::from_le_bytes));
    let (timestamp, offset, len) = (
        longs.next()?.ok()?,
        longs.next()?.ok()?,
        longs.next()?.ok()?,
    );
    let code = u32::from_le_bytes(bytes.get(24..28)?.try_into().ok()?);
    let &[kind, flags, place, _] = bytes.get(28..32)? else {
        return None;
    };
    Some(MessageHead {
        side: if place & 1 == 0 {
            Side::Client
        } else {
            Side::Server
        },
        kind: MessageKind::from_number(kind)?,
        flags: MessageFlags(flags),
        timestamp: Timestamp(timestamp),
        code,
        payload: Payload {
            stream: if place & 2 == 0 {
                PayloadStream::Body
            } else {
                PayloadStream::Extra
            },
            offset,
            len,
        },
    })
}

pub(super) fn messages(shared: &Shared, id: FlowId, range: Range<u64>) -> Option<MessageWindow> {
    messages_from(&mut Cached::default(), shared, id, range)
}

/// As [`messages`], from a source of the caller's.
pub(super) fn messages_from(
    source: &mut impl Source,
    shared: &Shared,
    id: FlowId,
    range: Range<u64>,
) -> Option<MessageWindow> {
    let (kind, total, open) = {
        let index = read_lock(&shared.index);
        let entry = index.get(id)?;
        let messages = entry.messages.as_deref();
        let open = messages.map(|messages| {
            let so_far = |open: &OpenMessage| {
                let list = match open.payload.stream {
                    PayloadStream::Body => entry.bodies.get(nth(open.side)),
                    PayloadStream::Extra => messages.extra.get(nth(open.side)),
                };
                let so_far = list
                    .map_or(0, |list| list.len)
                    .saturating_sub(open.payload.offset);
                // More may have come behind one that is complete.
                let len = if open.held { open.payload.len } else { so_far };
                let payload = Payload {
                    len,
                    ..open.payload
                };
                OpenMessage { payload, ..*open }
            };
            messages.open.iter().flatten().map(so_far).collect()
        });
        (
            messages.and_then(|messages| messages.kind),
            messages.map_or(0, Messages::count),
            open.unwrap_or_default(),
        )
    };
    let from = range.start.min(total);
    let to = range.end.min(total).min(from + MESSAGES_AT_ONCE).max(from);
    let size = HEAD_BYTES as u64;
    let bytes = from * size..to * size;
    let window = window::read_from(source, shared, id, bytes, |entry| {
        Some((&entry.messages.as_deref()?.heads, false))
    });
    // A flow without messages has no list.
    let Some(window) = window else {
        let gone = read_lock(&shared.index).get(id).is_none();
        return (!gone).then_some(MessageWindow {
            kind,
            first: 0,
            total: 0,
            items: Vec::new(),
            open,
            lost: false,
        });
    };
    let items = window
        .bytes
        .chunks_exact(HEAD_BYTES)
        .filter_map(get_head)
        .collect();
    Some(MessageWindow {
        kind,
        first: window.offset / size,
        total,
        items,
        open,
        lost: window.lost,
    })
}

/// Where it lies what a message had said before it was changed.
pub(super) fn message_before(shared: &Shared, id: FlowId, number: u64) -> Option<Payload> {
    let index = read_lock(&shared.index);
    let came = &index.get(id)?.messages.as_deref()?.came;
    let at = came.binary_search_by_key(&number, |(number, _)| *number);
    came.get(at.ok()?).map(|(_, payload)| *payload)
}

/// A part of a payload; `range` counts from the payload's first byte.
pub(super) fn payload(
    shared: &Shared,
    id: FlowId,
    side: Side,
    payload: Payload,
    range: Range<u64>,
) -> Option<Window> {
    let from = range.start.min(payload.len);
    let to = range.end.min(payload.len).max(from);
    let within = payload.offset.saturating_add(from)..payload.offset.saturating_add(to);
    let mut window = window::read(shared, id, within, |entry| match payload.stream {
        PayloadStream::Body => Some((entry.bodies.get(nth(side))?, true)),
        PayloadStream::Extra => Some((entry.messages.as_deref()?.extra.get(nth(side))?, true)),
    })?;
    window.offset = window.offset.saturating_sub(payload.offset);
    window.total = payload.len;
    Some(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_as_they_were() {
        for (kind, stream, side) in [
            (MessageKind::Text, PayloadStream::Body, Side::Client),
            (MessageKind::Close, PayloadStream::Extra, Side::Server),
            (MessageKind::Data, PayloadStream::Body, Side::Server),
        ] {
            let head = MessageHead {
                side,
                kind,
                flags: MessageFlags::DROPPED.with(MessageFlags::COMPRESSED),
                timestamp: Timestamp(u64::MAX - 3),
                code: 4001,
                payload: Payload {
                    stream,
                    offset: 1 << 40,
                    len: 7,
                },
            };
            let mut bytes = Vec::new();
            put_head(&mut bytes, &head);
            assert_eq!(bytes.len(), HEAD_BYTES);
            assert_eq!(get_head(&bytes), Some(head));
        }
        assert_eq!(get_head(&[0xff; HEAD_BYTES]), None, "no such kind");
    }
}
