//! The messages of a flow: the visible ones with how they begin, and one of them by windows.
//!
//! Complete messages have numbers from 0. Those in progress, one in each direction at most, have none yet and stand
//! after them; what a list counts are *places*, the numbers and then those.

use std::ops::Range;

use bytes::Bytes;
use ratel_core::store::Window;
use ratel_flow::{FlowId, MessageFlags, MessageHead, OpenMessage, Payload, PayloadStream, Side};

use super::{BodyFrom, BodyPart, Source, part};

/// Bytes that are read of each visible message, for its row.
pub const START: u64 = 2 * 1024;

/// Messages that are looked through for one that was in progress when it was looked at last.
const COMPLETED_MEANWHILE: u64 = 4096;

/// Which message of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageId {
    /// A complete one, by its number.
    Nth(u64),
    /// The one that this side is sending.
    Open(OpenId),
}

/// A message in progress, by what it keeps when it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenId {
    /// Who sends it.
    pub side: Side,
    /// Where its payload lies.
    pub stream: PayloadStream,
    /// Where its payload begins.
    pub offset: u64,
    /// The number of complete messages at that time: it will have this one or a later one.
    pub after: u64,
}

/// Where the visible part of the list begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessagesFrom {
    /// At the first one.
    #[default]
    Start,
    /// At this place, or before it when the end is near.
    At(u64),
    /// So that the end is visible.
    End,
}

/// Asks for the visible messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessagesQuery {
    /// Where they begin.
    pub from: MessagesFrom,
    /// How many rows there are on the screen.
    pub height: usize,
}

/// The visible messages.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// Complete messages.
    pub total: u64,
    /// Places: complete messages and those in progress.
    pub places: u64,
    /// The first visible place.
    pub top: u64,
    /// What is there; places whose records are gone are left out.
    pub rows: Vec<MessageRow>,
}

/// One message, and how it begins.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its place in the list.
    pub place: u64,
    /// Which it is.
    pub id: MessageId,
    /// What is known about it.
    pub head: MessageHead,
    /// The first [`START`] bytes.
    pub start: Bytes,
    /// Those bytes are gone.
    pub lost: bool,
    /// It is held back.
    pub held: bool,
}

/// Asks for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageQuery {
    /// Which.
    pub id: MessageId,
    /// The part of it that is to be shown.
    pub from: BodyFrom,
}

/// One message with a part of it.
#[derive(Clone, Debug)]
pub struct OneMessage {
    /// Which it is: one that was in progress may have got a number.
    pub id: MessageId,
    /// Complete messages of the flow.
    pub total: u64,
    /// What is known about it.
    pub head: MessageHead,
    /// It is held back.
    pub held: bool,
    /// The part.
    pub part: BodyPart,
    /// What it had said before it was changed on its way.
    pub came: Option<Came>,
}

/// What a message had said before it was changed.
#[derive(Clone, Debug)]
pub struct Came {
    /// The first [`START`] bytes.
    pub start: Bytes,
    /// How many there are.
    pub total: u64,
}

/// Reads the visible messages. Takes no longer for many messages than for few.
#[must_use]
pub(super) fn messages(source: &dyn Source, id: FlowId, query: &MessagesQuery) -> Option<Messages> {
    let height = query.height.max(1) as u64;
    let probe = source.messages(id, 0..0)?;
    let places = probe.total + probe.open.len() as u64;
    let last_top = places.saturating_sub(height);
    let top = match query.from {
        MessagesFrom::Start => 0,
        MessagesFrom::At(place) => place.min(last_top),
        MessagesFrom::End => last_top,
    };
    let mut rows = Vec::new();
    let mut at = top;
    while at < (top + height).min(probe.total) {
        let window = source.messages(id, at..(top + height).min(probe.total))?;
        for (nth, head) in (window.first..).zip(&window.items) {
            rows.push(row(source, id, nth, MessageId::Nth(nth), *head));
        }
        let reached = window.first + window.items.len() as u64;
        if reached <= at {
            break;
        }
        at = reached;
    }
    let open = (probe.total..).zip(&probe.open);
    for (place, open) in open.filter(|(place, _)| (top..top + height).contains(place)) {
        let id_of_open = MessageId::Open(OpenId::new(open, probe.total));
        let mut row = row(source, id, place, id_of_open, head(open));
        row.held = open.held;
        rows.push(row);
    }
    Some(Messages {
        total: probe.total,
        places,
        top,
        rows,
    })
}

fn row(
    source: &dyn Source,
    flow: FlowId,
    place: u64,
    id: MessageId,
    head: MessageHead,
) -> MessageRow {
    let wanted = head.payload.len.min(START);
    let window = (wanted > 0)
        .then(|| source.payload(flow, head.side, head.payload, 0..wanted))
        .flatten()
        .filter(|window| window.offset == 0);
    let start = window.map(|window| window.bytes).unwrap_or_default();
    MessageRow {
        place,
        id,
        head,
        lost: start.is_empty() && wanted > 0,
        start,
        held: false,
    }
}

/// Reads one message and a part of it; none when it, or its flow, is gone.
#[must_use]
pub(super) fn message(
    source: &dyn Source,
    flow: FlowId,
    query: &MessageQuery,
) -> Option<OneMessage> {
    let (id, total, head, held) = match query.id {
        MessageId::Nth(nth) => {
            let window = source.messages(flow, nth..nth + 1)?;
            let head = window.items.first().filter(|_| window.first == nth)?;
            (query.id, window.total, *head, false)
        }
        MessageId::Open(open) => find_open(source, flow, open)?,
    };
    let complete = matches!(id, MessageId::Nth(_));
    let read = |range: Range<u64>| {
        let window = source.payload(flow, head.side, head.payload, range)?;
        Some(Window {
            total: head.payload.len,
            complete,
            ..window
        })
    };
    let part = part(&read, query.from)?;
    Some(OneMessage {
        came: came(source, flow, id, &head),
        id,
        total,
        head,
        held,
        part,
    })
}

fn came(source: &dyn Source, flow: FlowId, id: MessageId, head: &MessageHead) -> Option<Came> {
    let MessageId::Nth(nth) = id else {
        return None;
    };
    let payload = source.message_before(flow, nth)?;
    let window = source.payload(flow, head.side, payload, 0..START)?;
    Some(Came {
        start: window.bytes,
        total: payload.len,
    })
}

/// A message that was in progress: it still is, or has a number by now.
fn find_open(
    source: &dyn Source,
    flow: FlowId,
    id: OpenId,
) -> Option<(MessageId, u64, MessageHead, bool)> {
    let window = source.messages(flow, id.after..id.after + COMPLETED_MEANWHILE)?;
    let is_it = |side: Side, payload: &Payload| {
        (side, payload.stream, payload.offset) == (id.side, id.stream, id.offset)
    };
    let mut complete = (window.first..).zip(&window.items);
    if let Some((nth, head)) = complete.find(|(_, head)| is_it(head.side, &head.payload)) {
        return Some((MessageId::Nth(nth), window.total, *head, false));
    }
    let open = window
        .open
        .iter()
        .find(|open| is_it(open.side, &open.payload))?;
    Some((MessageId::Open(id), window.total, head(open), open.held))
}

fn head(open: &OpenMessage) -> MessageHead {
    MessageHead {
        side: open.side,
        kind: open.kind,
        flags: MessageFlags::default(),
        timestamp: open.timestamp,
        code: 0,
        payload: open.payload,
    }
}

impl OpenId {
    fn new(open: &OpenMessage, after: u64) -> Self {
        Self {
            side: open.side,
            stream: open.payload.stream,
            offset: open.payload.offset,
            after,
        }
    }
}
