//! The state of one stream (RFC 9113 §5.1), and of all that are open.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::flow::{RecvWindow, SendWindow};
use super::output::Pieces;
use super::{Role, StreamId};
use crate::Headers;

/// Streams that were reset and whose numbers are remembered, so that what was under way is told from what is wrong.
const RESETS_REMEMBERED: usize = 1024;

/// What we wait for from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recv {
    /// The final head of a response.
    Head,
    /// Content or trailers.
    Body,
    /// Nothing.
    Ended,
}

/// What we have said.
#[derive(Debug)]
pub(super) enum Send {
    /// Nothing. A stream that we opened does not exist for the peer.
    Nothing,
    /// A head.
    Head,
    /// A head, and data or at least the wish to.
    Data,
    /// Everything is queued.
    Ending(Option<Box<Headers>>),
    /// Everything.
    Ended,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) recv: Recv,
    pub(super) recv_window: RecvWindow,
    pub(super) send: Send,
    pub(super) send_window: SendWindow,
    /// Informational heads that have come.
    pub(super) informational: u32,
    /// Data that has not been sent.
    pub(super) queue: Pieces,
    /// It is among those whose turn it will be to send.
    pub(super) in_turn: bool,
    /// The owner is to be told when nothing is queued.
    pub(super) tell_drained: bool,
    /// The owner is to be told when little is queued.
    pub(super) tell_low: bool,
    /// That is about to happen.
    pub(super) telling: bool,
}

impl Stream {
    /// Whether both sides are done.
    pub(super) fn is_over(&self) -> bool {
        self.recv == Recv::Ended && matches!(self.send, Send::Ended)
    }

    /// Whether there is something that may be sent as far as this stream is concerned.
    pub(super) fn can_send(&self) -> bool {
        self.queue.len() > 0 && self.send_window.available() > 0
    }
}

/// All streams that are not closed, and what is known of the others.
#[derive(Debug)]
pub(super) struct Streams {
    role: Role,
    open: HashMap<StreamId, Stream, BuildHasherDefault<IdHasher>>,
    /// How many of them we opened.
    ours: usize,
    /// The last one that we opened.
    last_ours: StreamId,
    /// The last one that the peer opened.
    last_peers: StreamId,
    resets: Resets,
}

/// What is known of a stream that is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// It has not been opened.
    Idle,
    /// Both sides have ended it.
    Ended,
    /// We reset it, so that the peer's frames may have been under way; or it was too long ago to tell.
    ResetByUs,
    /// The peer reset it.
    ResetByPeer,
}

impl Streams {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            open: HashMap::default(),
            ours: 0,
            last_ours: StreamId(0),
            last_peers: StreamId(0),
            resets: Resets::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Number of open streams that we opened.
    pub(super) fn ours(&self) -> usize {
        self.ours
    }

    /// Number of open streams that the peer opened.
    pub(super) fn peers(&self) -> usize {
        self.open.len() - self.ours
    }

    /// The last stream that the peer opened; 0 is none.
    pub(super) fn last_peers(&self) -> StreamId {
        self.last_peers
    }

    /// The number of the next stream that we open; none when they have run out.
    pub(super) fn next_ours(&self) -> Option<StreamId> {
        let next = match self.last_ours.0 {
            0 => 1,
            last => last + 2,
        };
        (self.role == Role::Client && next <= StreamId::MAX.0).then_some(StreamId(next))
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.open.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.open.get_mut(&id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut Stream)> {
        self.open.iter_mut().map(|(id, stream)| (*id, stream))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = StreamId> {
        self.open.keys().copied()
    }

    /// A stream that is opened with a number greater than those before it.
    pub(super) fn insert(&mut self, id: StreamId, recv: Recv, windows: (SendWindow, RecvWindow)) {
        if self.is_ours(id) {
            self.ours += 1;
            self.last_ours = id;
        } else {
            self.last_peers = id;
        }
        let stream = Stream {
            recv,
            recv_window: windows.1,
            send: Send::Nothing,
            send_window: windows.0,
            queue: Pieces::default(),
            in_turn: false,
            tell_drained: false,
            tell_low: false,
            telling: false,
            informational: 0,
        };
        self.open.insert(id, stream);
    }

    /// A stream that the peer opened and that is not let in.
    pub(super) fn skip(&mut self, id: StreamId) {
        self.last_peers = self.last_peers.max(id);
    }

    /// Forgets a stream.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let removed = self.open.remove(&id)?;
        if self.is_ours(id) {
            self.ours -= 1;
        }
        Some(removed)
    }

    /// Remembers that a stream was reset.
    pub(super) fn was_reset(&mut self, id: StreamId, by_us: bool) {
        self.resets.add(id, by_us);
    }

    /// Whether a stream has not been opened.
    pub(super) fn is_idle(&self, id: StreamId) -> bool {
        let ours = self.is_ours(id);
        id > if ours {
            self.last_ours
        } else {
            self.last_peers
        }
    }

    /// What is known of a stream that is not open.
    pub(super) fn gone(&self, id: StreamId) -> Gone {
        if self.is_idle(id) {
            return Gone::Idle;
        }
        match self.resets.find(id) {
            Some(true) => Gone::ResetByUs,
            Some(false) => Gone::ResetByPeer,
            None => Gone::Ended,
        }
    }

    fn is_ours(&self, id: StreamId) -> bool {
        id.is_client() == (self.role == Role::Client)
    }
}

/// The last streams that were reset.
#[derive(Debug, Default)]
struct Resets {
    /// With each: whether it was us.
    recent: VecDeque<(StreamId, bool)>,
    /// The greatest that was forgotten. Streams up to it get the benefit of the doubt.
    forgotten: StreamId,
}

impl Resets {
    fn add(&mut self, id: StreamId, by_us: bool) {
        if self.recent.len() >= RESETS_REMEMBERED
            && let Some((oldest, _)) = self.recent.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest);
        }
        self.recent.push_back((id, by_us));
    }

    fn find(&self, id: StreamId) -> Option<bool> {
        let recent = self.recent.iter().rev().find(|(known, _)| *known == id);
        recent
            .map(|(_, by_us)| *by_us)
            .or((id <= self.forgotten).then_some(true))
    }
}

/// Spreads stream numbers. They are in order, so that collisions can't be had at will by more than the
/// few streams that may be open.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        let product = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_remembered_for_a_while_and_then_forgiven() {
        let mut streams = Streams::new(Role::Server);
        for n in 0..2000 {
            let id = StreamId(2 * n + 1);
            streams.skip(id);
            if n % 2 == 0 {
                streams.was_reset(id, n % 4 == 0);
            }
        }
        assert_eq!(streams.gone(StreamId(4001)), Gone::Idle);
        assert_eq!(streams.gone(StreamId(2)), Gone::Idle);
        assert_eq!(streams.gone(StreamId(2 * 1999 + 1)), Gone::Ended);
        assert_eq!(streams.gone(StreamId(2 * 1996 + 1)), Gone::ResetByUs);
        assert_eq!(streams.gone(StreamId(2 * 1998 + 1)), Gone::ResetByPeer);
        assert_eq!(streams.resets.recent.len(), 1000);
        for _ in 0..100 {
            streams.was_reset(StreamId(3999), true);
        }
        assert_eq!(streams.resets.recent.len(), RESETS_REMEMBERED);
        assert_eq!(streams.gone(StreamId(3)), Gone::ResetByUs);
    }
}
