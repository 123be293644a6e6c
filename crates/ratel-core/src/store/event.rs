//! What the task that owns a flow tells the store, and the batch in which it travels.
//!
//! A [`Batch`] holds the bytes exactly as they will lie in a segment file, and the events that say what they are.
//! Small pieces are copied into one arena; large ones stay where they are and are written from there.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratel_flow::{
    AnnotationChange, Annotations, ClientConn, FlowError, FlowId, FlowKind, OpenMessage, Payload,
    ServerConn, Side, StreamKind, Timestamp, WebSocketClose,
};

use super::extents::Loc;
use super::index::{Filed, List};

/// Body pieces of at least this many bytes are kept by reference until they are written; smaller ones are copied.
pub(super) const BY_REFERENCE: usize = 8 * 1024;

/// What an event itself is counted as in the queue, in bytes.
const EVENT_COST: usize = 64;

/// No more than this many bytes of an arena, and of a list of events, are kept for the next batch.
const KEPT_AT_MOST: usize = 2 * 1024 * 1024;

/// What is smaller than this many bytes is kept however little of it is used.
const KEPT_AT_LEAST: usize = 64 * 1024;

/// Where bytes lie within a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset from the batch's first byte, as written.
    pub(super) at: u32,
    /// Length in bytes.
    pub(super) len: u32,
}

/// One thing that happened to a flow.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) flow: FlowId,
    pub(super) what: What,
}

/// What happened.
#[derive(Debug)]
pub(super) enum What {
    Open(FlowKind, Arc<ClientConn>, Timestamp),
    Request(Place),
    Response(Place, u16),
    Informational(Place),
    Trailers(Side, Place),
    Data(List, Place, Timestamp),
    /// Bytes that lie in a file of somebody else's.
    Foreign(List, Loc),
    /// Bytes that had to be dropped because the queue was over its hard bound.
    Lost(List, u64),
    Stream(StreamKind),
    MessageOpen(Side, Option<OpenMessage>),
    /// What the last message had said before it was changed.
    CameAs(Payload),
    GrpcStatus(u32, Box<str>),
    Closed(Box<WebSocketClose>),
    End(Side, Timestamp),
    Client(Arc<ClientConn>),
    Server(Arc<ServerConn>),
    Error(Option<Box<FlowError>>),
    Annotations(Arc<Annotations>),
    /// Something is said differently.
    Annotate(Box<AnnotationChange>),
    /// It was held back from then on, for so long.
    Held(Timestamp, Duration),
    Filed(Box<Filed>),
    /// What the flow is now is kept as what it was before changes, unless there is such already.
    Backup,
    /// The same of one side of a flow that goes on.
    BackupSide(Side),
    /// The flow is again what it was before changes.
    Revert,
    /// The same of one side of a flow that goes on.
    RevertSide(Side),
    /// What is there of that side's body and trailers is replaced by what comes.
    Replace(Side),
    /// The body of that side is not on record.
    LeaveOut(Side),
    /// There is no response any more.
    NoResponse,
    /// The flow goes on, from its request.
    Reopen,
    Finish(Timestamp),
}

/// Events of many flows in the order in which they were emitted, with their bytes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The bytes that were copied.
    arena: Vec<u8>,
    /// Large pieces, each with the length of the arena that goes before it.
    large: Vec<(usize, Bytes)>,
    /// Sum of the lengths of `large`.
    large_bytes: usize,
    pub(super) events: Vec<Event>,
}

impl Batch {
    /// How many bytes there are to write.
    pub(super) fn len(&self) -> usize {
        self.arena.len() + self.large_bytes
    }

    /// What the batch counts for in the queue, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.len() + self.events.len() * EVENT_COST
    }

    /// Appends what `encode` writes and says where it lies.
    pub(super) fn put(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Place {
        let (at, before) = (self.len(), self.arena.len());
        encode(&mut self.arena);
        place(at, self.arena.len() - before)
    }

    /// Appends a piece of a list. A piece that follows on the one before becomes part of its event.
    pub(super) fn data(&mut self, flow: FlowId, list: List, piece: &Bytes, now: Timestamp) {
        let at = self.len();
        if piece.len() < BY_REFERENCE {
            self.arena.extend_from_slice(piece);
        } else {
            self.large.push((self.arena.len(), piece.clone()));
            self.large_bytes += piece.len();
        }
        let added = place(at, piece.len());
        if let Some(Event {
            flow: last,
            what: What::Data(last_list, run, time),
        }) = self.events.last_mut()
            && *last == flow
            && *last_list == list
        {
            run.len += added.len;
            *time = now;
            return;
        }
        self.events.push(Event {
            flow,
            what: What::Data(list, added, now),
        });
    }

    /// Notes that a piece of a list was dropped.
    pub(super) fn lost(&mut self, flow: FlowId, list: List, len: u64) {
        if let Some(Event {
            flow: last,
            what: What::Lost(last_list, sum),
        }) = self.events.last_mut()
            && (*last, *last_list) == (flow, list)
        {
            *sum += len;
            return;
        }
        self.events.push(Event {
            flow,
            what: What::Lost(list, len),
        });
    }

    /// Bytes in pieces that are kept by reference.
    pub(super) fn large_bytes(&self) -> usize {
        self.large_bytes
    }

    /// The bytes in order, ready for vectored writes.
    pub(super) fn slices(&self) -> impl Iterator<Item = IoSlice<'_>> {
        let mut from = 0;
        let runs = self.large.iter().flat_map(move |(at, piece)| {
            let run = self.arena.get(from..*at).unwrap_or_default();
            from = *at;
            [IoSlice::new(run), IoSlice::new(piece)]
        });
        let tail_from = self.large.last().map_or(0, |(at, _)| *at);
        let tail = self.arena.get(tail_from..).unwrap_or_default();
        runs.chain([IoSlice::new(tail)])
            .filter(|slice| !slice.is_empty())
    }

    /// Empties the batch, keeping its allocations for the next use.
    pub(super) fn clear(&mut self) {
        recycle(&mut self.arena);
        recycle(&mut self.large);
        recycle(&mut self.events);
        self.large_bytes = 0;
    }
}

/// Empties a list. Its allocation stays while it is used well, and is given back by halves when it is not.
fn recycle<T>(list: &mut Vec<T>) {
    let (used, capacity) = (list.len(), list.capacity());
    list.clear();
    let most = KEPT_AT_MOST / size_of::<T>();
    let fit = if used < capacity / 4 {
        capacity / 2
    } else {
        capacity
    };
    list.shrink_to(fit.min(most).max(KEPT_AT_LEAST / size_of::<T>()));
}

/// The queue's hard bound keeps a batch far below 4 GiB, so that offsets fit.
fn place(at: usize, len: usize) -> Place {
    Place {
        at: at as u32,
        len: len as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let mut batch = Batch::default();
        let small = Bytes::from_static(b"small");
        let large = Bytes::from(vec![7; BY_REFERENCE]);
        let (a, b) = (FlowId(1), FlowId(2));
        batch.put(|out| out.extend_from_slice(b"head"));
        let (up, down) = (List::Body(Side::Client), List::Body(Side::Server));
        batch.data(a, up, &large, Timestamp(1));
        batch.data(a, up, &large, Timestamp(2));
        batch.data(b, up, &small, Timestamp(3));
        batch.data(b, down, &small, Timestamp(4));
        let all: Vec<u8> = batch.slices().flat_map(|s| s.to_vec()).collect();
        assert_eq!(all.len(), batch.len());
        assert_eq!(
            all,
            [b"head", &large[..], &large, b"small", b"small"].concat()
        );
        assert_eq!(
            batch.events.len(),
            3,
            "pieces that follow on each other share an event"
        );
        batch.clear();
        assert_eq!((batch.len(), batch.slices().count()), (0, 0));
    }
}
