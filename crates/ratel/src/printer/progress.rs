//! Which messages of which flows are still to be printed. They are read from the store by windows, when it is their
//! turn; what is kept of a flow does not grow with its messages.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use ratel_core::store::{FlowSnapshot, FlowStore};
use ratel_flow::{FlowId, MessageHead, MessageKind, Side, StreamKind, Timestamp};

use super::Item;
use super::label::Label;

/// Messages of one flow that are taken before it is another's turn.
const TURN: u64 = 256;

/// Bytes of the reason of a close (RFC 6455 §5.5: 125, of which two are the code).
const REASON: u64 = 123;

/// What is being printed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    streams: HashMap<FlowId, Stream>,
    /// Flows that may have more messages, each once.
    due: VecDeque<FlowId>,
    queued: HashSet<FlowId>,
}

/// How far a flow has got.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) label: Arc<Label>,
    /// Its beginning has been printed, or waits for that.
    pub(super) begun: bool,
    /// The sides that have sent messages.
    pub(super) sides: [bool; 2],
    /// The first close of a WebSocket.
    pub(super) close: Option<Close>,
    /// The number of the next message.
    next: u64,
    /// When the last one was complete.
    pub(super) last: Timestamp,
}

/// Who closed a WebSocket, and why.
#[derive(Clone, Debug)]
pub(super) struct Close {
    pub(super) side: Side,
    pub(super) code: u32,
    pub(super) reason: String,
}

impl Progress {
    /// Something happened to a flow that goes on.
    pub(super) fn changed(&mut self, id: FlowId) {
        if self.queued.insert(id) {
            self.due.push_back(id);
        }
    }

    /// Whether there may be more to print.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Reads messages, about `most` at most, of the flows in turn.
    pub(super) fn read(
        &mut self,
        store: &FlowStore,
        most: usize,
        out: &mut Vec<(Timestamp, Item)>,
    ) {
        let full = out.len() + most;
        while out.len() < full
            && let Some(id) = self.due.pop_front()
        {
            if !self.queued.remove(&id) {
                continue;
            }
            if self.step(store, id, out) {
                self.changed(id);
            }
        }
    }

    /// Reads the messages of a flow that is finished; true when there are none left.
    pub(super) fn read_rest(
        &mut self,
        store: &FlowStore,
        id: FlowId,
        most: usize,
        out: &mut Vec<(Timestamp, Item)>,
    ) -> bool {
        let full = out.len() + most;
        while out.len() < full {
            if !self.step(store, id, out) {
                return true;
            }
        }
        false
    }

    /// Forgets a flow that is finished.
    pub(super) fn end(&mut self, id: FlowId) -> Option<Stream> {
        self.queued.remove(&id);
        self.streams.remove(&id)
    }

    /// Reads the next messages of a flow; false when there are none left.
    fn step(&mut self, store: &FlowStore, id: FlowId, out: &mut Vec<(Timestamp, Item)>) -> bool {
        let next = self.streams.get(&id).map_or(0, |stream| stream.next);
        let Some(window) = store.messages(id, next..next + TURN) else {
            return false;
        };
        let Some(kind) = window.kind else {
            return false;
        };
        // The beginning of a WebSocket is worth a line; other flows begin with their first message.
        let begun = self.streams.get(&id).is_some_and(|stream| stream.begun);
        if window.total <= next && (begun || kind != StreamKind::WebSocket) {
            return false;
        }
        let mut snapshot = None;
        let awaits = self
            .streams
            .get(&id)
            .is_none_or(|stream| stream.label.awaits_response);
        if !begun || awaits {
            let Some(read) = store.snapshot(id) else {
                return false;
            };
            self.learn(id, &read);
            snapshot = Some(read);
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return false;
        };
        for head in &window.items {
            stream.take_in(head);
        }
        if let Some(snapshot) = snapshot.filter(|_| !stream.begun)
            && (kind != StreamKind::WebSocket || snapshot.response.is_some())
        {
            stream.begun = true;
            let first = window.items.first().map(|head| head.timestamp);
            let at = first.unwrap_or(snapshot.times.last);
            let begin = Item::Begin(Box::new(snapshot), stream.sides);
            out.push((at, begin));
        }
        if window.first > next {
            let lost = Item::Lost(id, stream.label.clone(), window.first - next);
            out.push((stream.last, lost));
        }
        for head in &window.items {
            if head.kind == MessageKind::Close && stream.close.is_none() {
                stream.close = Some(close(store, id, head));
            }
            if head.kind != MessageKind::Close {
                let item = Item::Message(id, stream.label.clone(), *head);
                out.push((head.timestamp, item));
            }
        }
        let reached = window.first + window.items.len() as u64;
        // A window without a message there is one that cannot be read.
        stream.next = reached.max((next + 1).min(window.total));
        stream.next < window.total
    }

    fn learn(&mut self, id: FlowId, snapshot: &FlowSnapshot) {
        let label = Arc::new(Label::of(snapshot));
        match self.streams.get_mut(&id) {
            Some(stream) => stream.label = label,
            None => {
                let stream = Stream {
                    label,
                    begun: false,
                    sides: [false; 2],
                    close: None,
                    next: 0,
                    last: snapshot.times.created,
                };
                self.streams.insert(id, stream);
            }
        }
    }
}

impl Stream {
    fn take_in(&mut self, head: &MessageHead) {
        let [client, server] = &mut self.sides;
        match head.side {
            Side::Client => *client = true,
            Side::Server => *server = true,
        }
        self.last = self.last.max(head.timestamp);
    }
}

fn close(store: &FlowStore, id: FlowId, head: &MessageHead) -> Close {
    let window = store.payload(id, head.side, head.payload, 0..REASON);
    let reason = window.map(|window| window.bytes).unwrap_or_default();
    Close {
        side: head.side,
        code: head.code,
        reason: String::from_utf8_lossy(&reason).into_owned(),
    }
}
