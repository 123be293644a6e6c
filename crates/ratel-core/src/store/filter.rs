//! Filters over stored flows. What a filter does not ask for is not read, and heads that lie close together are read
//! together, so that a filter that is content with heads takes no more than a microsecond for a flow.

use std::cell::{OnceCell, RefCell};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use ratel_flow::dns::DnsMessage;
use ratel_flow::filter::{Filter, Scratch, Subject};
use ratel_flow::pattern::Pattern;
use ratel_flow::record::Value;
use ratel_flow::{
    Annotations, Body, ClientConn, FlowId, FlowKind, MessageKind, Replay, Request, Response,
    ServerConn, Side, StreamKind,
};

use super::extents::Loc;
use super::index::Entry;
use super::segments::Segment;
use super::sieve::Sieve;
use super::stamp::{Stamp, stamp};
use super::{FlowStore, dns, head, read_lock};

/// Heads are read through a buffer of this many bytes where the next one mostly lies within.
const READ_AHEAD: usize = 32 * 1024;

/// Fewer flows than this are not shared between threads.
const SHARED_FROM: usize = 2048;

/// For fewer flows nobody is asked what is not in their bodies.
const SIEVED_FROM: usize = if cfg!(test) { 1 } else { 256 };

/// A DNS message has no more bytes than this over TCP.
const DNS_BYTES: u64 = 64 * 1024;

impl FlowStore {
    /// Whether a flow matches; false for one that is gone.
    #[must_use]
    pub fn matches(&self, id: FlowId, filter: &Filter) -> bool {
        Scan::new(self).matches(id, filter)
    }

    /// Those of the flows that match, in the order given. Uses all cores for many.
    #[must_use]
    pub fn matching(&self, ids: &[FlowId], filter: &Filter) -> Vec<FlowId> {
        let sieve = if ids.len() < SIEVED_FROM {
            None
        } else {
            self.0.shared.sieves.sieve(filter)
        };
        let sieve = sieve.as_deref();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        if ids.len() < SHARED_FROM || cores == 1 {
            return self.scan(ids, filter, sieve);
        }
        let part = ids.len().div_ceil(cores);
        thread::scope(|scope| {
            let parts: Vec<_> = ids
                .chunks(part)
                .map(|part| scope.spawn(move || self.scan(part, filter, sieve)))
                .collect();
            // A part whose thread has panicked has nothing to show.
            let found = parts.into_iter().filter_map(|part| part.join().ok());
            found.flatten().collect()
        })
    }

    fn scan(&self, ids: &[FlowId], filter: &Filter, sieve: Option<&dyn Sieve>) -> Vec<FlowId> {
        let scan = Scan {
            sieve,
            ..Scan::new(self)
        };
        let ids = ids.iter().copied();
        ids.filter(|id| scan.matches(*id, filter)).collect()
    }
}

/// Goes through many flows.
struct Scan<'a> {
    store: &'a FlowStore,
    sieve: Option<&'a dyn Sieve>,
    ahead: RefCell<Ahead>,
    scratch: RefCell<Scratch>,
}

/// A stretch of a segment that was read for more than one head.
#[derive(Default)]
struct Ahead {
    segment: u32,
    at: u32,
    bytes: Bytes,
    /// Whether the last head was there.
    hit: bool,
    /// The end of the head that was read last.
    last: (u32, u32),
}

impl<'a> Scan<'a> {
    fn new(store: &'a FlowStore) -> Self {
        Self {
            store,
            sieve: None,
            ahead: RefCell::default(),
            scratch: RefCell::default(),
        }
    }

    fn matches(&self, id: FlowId, filter: &Filter) -> bool {
        let index = read_lock(&self.store.0.shared.index);
        let Some(entry) = index.get(id) else {
            return false;
        };
        let segment = |loc: Loc| Some((index.segment(loc.segment)?, loc));
        let stored = Stored {
            scan: self,
            id,
            facts: Facts::of(entry),
            stamp: self.sieve.map(|sieve| (sieve, stamp(id, entry))),
            request_at: segment(entry.request),
            response_at: segment(entry.response),
            conns: OnceCell::new(),
            request: OnceCell::new(),
            response: OnceCell::new(),
            dns: Default::default(),
        };
        drop(index);
        filter.matches_with(&stored, &mut self.scratch.borrow_mut())
    }

    /// A head at that place.
    fn read(&self, segment: &Segment, loc: Loc) -> Option<Bytes> {
        let mut ahead = self.ahead.borrow_mut();
        let len = loc.len as usize;
        let within = |ahead: &Ahead| {
            let from = loc.at.checked_sub(ahead.at)? as usize;
            let to = from.checked_add(len)?;
            (ahead.segment == segment.number && to <= ahead.bytes.len())
                .then(|| ahead.bytes.slice(from..to))
        };
        if let Some(found) = within(&ahead) {
            ahead.hit = true;
            return Some(found);
        }
        // Where heads lie far from each other, reading ahead reads bodies.
        let distance = loc.at.checked_sub(ahead.last.1);
        let close = segment.number == ahead.last.0
            && distance.is_some_and(|distance| (distance as usize) < READ_AHEAD / 4);
        ahead.last = (segment.number, loc.at.saturating_add(loc.len));
        if !close || len > READ_AHEAD {
            return segment.read(loc.at, len);
        }
        let mut bytes = vec![0; READ_AHEAD];
        let read = segment.read_some(loc.at, &mut bytes);
        bytes.truncate(read);
        *ahead = Ahead {
            segment: segment.number,
            at: loc.at,
            bytes: bytes.into(),
            hit: false,
            last: ahead.last,
        };
        within(&ahead)
    }
}

/// What the index knows.
struct Facts {
    kind: FlowKind,
    status: u16,
    has_error: bool,
    is_websocket: bool,
    /// It was an exchange, and became something else that is no WebSocket.
    is_raw: bool,
    is_missing: [bool; 2],
    annotations: Option<Arc<Annotations>>,
    bodies: [u64; 2],
    messages: u64,
}

impl Facts {
    fn of(entry: &Entry) -> Self {
        let rare = entry.rare.as_deref();
        let messages = entry.messages.as_deref();
        Self {
            kind: entry.kind,
            status: entry.status,
            has_error: rare.is_some_and(|rare| rare.error.is_some()),
            is_raw: entry.kind == FlowKind::Http
                && messages
                    .is_some_and(|m| matches!(m.kind, Some(StreamKind::Tcp | StreamKind::Udp))),
            is_websocket: messages.is_some_and(|m| m.kind == Some(StreamKind::WebSocket)),
            is_missing: rare.map_or([false; 2], |rare| rare.missing),
            annotations: rare.and_then(|rare| rare.annotations.clone()),
            bodies: [entry.bodies[0].len, entry.bodies[1].len],
            messages: messages.map_or(0, super::message::Messages::count),
        }
    }
}

type Conns = (Arc<ClientConn>, Option<Arc<ServerConn>>);

/// A stored flow, as a filter sees it.
struct Stored<'a> {
    scan: &'a Scan<'a>,
    id: FlowId,
    facts: Facts,
    /// Who knows what is not in its bodies, and as what.
    stamp: Option<(&'a dyn Sieve, Stamp)>,
    request_at: Option<(Arc<Segment>, Loc)>,
    response_at: Option<(Arc<Segment>, Loc)>,
    /// Many flows share them: counting who holds them costs more than most filters take for a flow.
    conns: OnceCell<Option<Conns>>,
    request: OnceCell<Option<Request>>,
    response: OnceCell<Option<Response>>,
    dns: [OnceCell<Option<DnsMessage>>; 2],
}

impl Subject for Stored<'_> {
    fn kind(&self) -> FlowKind {
        self.facts.kind
    }

    fn has_response(&self) -> bool {
        match self.facts.kind {
            FlowKind::Dns => self.facts.bodies[1] > 0,
            _ => self.facts.status != 0,
        }
    }

    fn status(&self) -> Option<u16> {
        (self.facts.status != 0).then_some(self.facts.status)
    }

    fn has_error(&self) -> bool {
        self.facts.has_error
    }

    fn is_websocket(&self) -> bool {
        self.facts.is_websocket
    }

    fn client_conn(&self) -> Option<&ClientConn> {
        Some(&self.conns()?.0)
    }

    fn server_conn(&self) -> Option<&ServerConn> {
        self.conns()?.1.as_deref()
    }

    fn marked(&self) -> &str {
        self.said().map_or("", |said| &said.marked)
    }

    fn comment(&self) -> &str {
        self.said().map_or("", |said| &said.comment)
    }

    fn replay(&self) -> Option<Replay> {
        self.said()?.is_replay
    }

    fn metadata(&self) -> &[(Arc<str>, Value)] {
        self.said().map_or(&[], |said| &said.metadata)
    }

    fn request(&self) -> Option<&Request> {
        let read = || {
            let (segment, loc) = self.request_at.as_ref()?;
            head::get_request(self.scan.read(segment, *loc)?)
        };
        self.request.get_or_init(read).as_ref()
    }

    fn response(&self) -> Option<&Response> {
        let read = || {
            let (segment, loc) = self.response_at.as_ref()?;
            head::get_response(self.scan.read(segment, *loc)?)
        };
        self.response.get_or_init(read).as_ref()
    }

    fn dns(&self, side: Side) -> Option<&DnsMessage> {
        if self.facts.kind != FlowKind::Dns {
            return None;
        }
        let read = || {
            let window = self.scan.store.body(self.id, side, 0..DNS_BYTES)?;
            dns::unpack(&window.bytes).ok()
        };
        let kept = self.dns.get(super::index::nth(side))?;
        kept.get_or_init(read).as_ref()
    }

    fn may_hold(&self, side: Option<Side>, pattern: &Pattern) -> bool {
        match &self.stamp {
            // The bodies of an exchange that became a raw connection are its messages, for the index.
            Some((sieve, stamp)) if !self.facts.is_raw => sieve.may_hold(stamp, side, pattern),
            _ => true,
        }
    }

    fn body(&self, side: Side) -> Body {
        let nth = super::index::nth(side);
        let of = |list: &[bool; 2]| list.get(nth).copied().unwrap_or_default();
        let has_message = side == Side::Client || self.has_response();
        if of(&self.facts.is_missing) || self.facts.kind != FlowKind::Http || !has_message {
            return Body::Missing;
        }
        // What a WebSocket carried is no body.
        if self.facts.is_websocket {
            return Body::Bytes(Bytes::new());
        }
        let len = self.facts.bodies.get(nth).copied().unwrap_or_default();
        self.scan.store.stored_body(self.id, side, len)
    }

    fn messages(&self, side: Option<Side>, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
        let wanted =
            matches!(self.facts.kind, FlowKind::Tcp | FlowKind::Udp) || self.facts.is_websocket;
        if !wanted || self.facts.messages == 0 {
            return;
        }
        let store = self.scan.store;
        let mut at = 0;
        while let Some(window) = store.messages(self.id, at..u64::MAX) {
            let payloads = window.items.iter().filter(|head| {
                let is_data = matches!(
                    head.kind,
                    MessageKind::Text | MessageKind::Binary | MessageKind::Data
                );
                is_data && side.is_none_or(|side| side == head.side)
            });
            for head in payloads {
                let Ok(read) = store.whole_payload(self.id, head.side, head.payload) else {
                    return;
                };
                if each(&read).is_break() {
                    return;
                }
            }
            at = window.first + window.items.len() as u64;
            if window.items.is_empty() || at >= window.total {
                return;
            }
        }
    }
}

impl Stored<'_> {
    fn conns(&self) -> Option<&Conns> {
        let look = || {
            let index = read_lock(&self.scan.store.0.shared.index);
            let entry = index.get(self.id)?;
            Some((entry.client.clone(), entry.server.clone()))
        };
        self.conns.get_or_init(look).as_ref()
    }

    fn said(&self) -> Option<&Annotations> {
        self.facts.annotations.as_deref()
    }
}
