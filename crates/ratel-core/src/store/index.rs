//! The index: what is known of each flow in memory, a compact entry that says where the rest lies.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use ratel_flow::record::WebSocketRecord;
use ratel_flow::{
    Annotations, ClientConn, ConnExtra, FlowError, FlowId, FlowKind, ServerConn, Side, Timestamp,
    TlsInfo, Verbatim,
};

use super::extents::{Extents, Loc};
use super::message::Messages;
use super::segments::{FOREIGN, Segment};

/// What an allocation costs beyond its size, and the entry's place in the list.
const OVERHEAD: usize = 24;

/// More informational responses than this are not kept per flow.
pub(super) const INFORMATIONAL_KEPT: usize = 64;

/// One flow.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) created: Timestamp,
    /// Of the last event.
    pub(super) last: Timestamp,
    /// Zero while the message is not complete.
    pub(super) ends: [Timestamp; 2],
    pub(super) request: Loc,
    pub(super) response: Loc,
    pub(super) bodies: [Extents; 2],
    pub(super) client: Arc<ClientConn>,
    pub(super) server: Option<Arc<ServerConn>>,
    /// What most flows have not.
    pub(super) rare: Option<Box<Rare>>,
    /// What flows of messages have.
    pub(super) messages: Option<Box<Messages>>,
    /// Zero while there is no response.
    pub(super) status: u16,
    pub(super) kind: FlowKind,
    pub(super) finished: bool,
    /// Something of it could not be recorded, or is gone already.
    pub(super) lossy: bool,
}

/// What few flows have.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) error: Option<FlowError>,
    pub(super) trailers: [Option<Loc>; 2],
    /// Bodies that are not on record, by intention.
    pub(super) missing: [bool; 2],
    pub(super) informational: Vec<Loc>,
    pub(super) annotations: Option<Arc<Annotations>>,
    pub(super) filed: Option<Box<Filed>>,
    pub(super) original: Option<Box<Original>>,
    /// How long it was held back.
    pub(super) held: Duration,
}

/// What a file has said of a flow that was read from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Filed {
    /// Its name in files.
    pub(super) id: Option<Arc<str>>,
    /// When it was read.
    pub(super) at: Timestamp,
    /// What has no place in the model.
    pub(super) verbatim: Verbatim,
    /// How a WebSocket ended, in all that a file can say of it. Its messages are elsewhere.
    pub(super) websocket: Option<Arc<WebSocketRecord>>,
}

/// What a flow was before it was changed.
#[derive(Debug, Default)]
pub(super) struct Original {
    pub(super) request: Loc,
    pub(super) response: Loc,
    pub(super) status: u16,
    pub(super) ends: [Timestamp; 2],
    pub(super) bodies: [Extents; 2],
    pub(super) trailers: [Option<Loc>; 2],
    pub(super) error: Option<FlowError>,
    pub(super) annotations: Option<Arc<Annotations>>,
    pub(super) informational: Vec<Loc>,
    /// There once they were taken out of the flow itself.
    pub(super) messages: Option<Box<Messages>>,
    /// There when they were others.
    pub(super) client: Option<Arc<ClientConn>>,
    pub(super) server: Option<Arc<ServerConn>>,
    pub(super) last: Timestamp,
    pub(super) missing: [bool; 2],
    pub(super) lossy: bool,
    pub(super) held: Duration,
    /// The flow goes on: of the sides that nobody has touched, and of the flow as a whole, nothing here counts yet.
    pub(super) live: bool,
    /// Sides that somebody has changed since.
    pub(super) touched: [bool; 2],
}

/// One side of a flow.
pub(super) struct Half<'e> {
    pub(super) head: Loc,
    pub(super) end: Timestamp,
    pub(super) body: &'e Extents,
    pub(super) trailers: Option<Loc>,
    pub(super) missing: bool,
    status: u16,
}

impl Original {
    fn half(&self, side: Side) -> Half<'_> {
        let nth = nth(side);
        let (head, status) = match side {
            Side::Client => (self.request, 0),
            Side::Server => (self.response, self.status),
        };
        Half {
            head,
            end: self.ends[nth],
            body: &self.bodies[nth],
            trailers: self.trailers[nth],
            missing: self.missing[nth],
            status,
        }
    }

    fn set_half(&mut self, side: Side, half: &Half<'_>) {
        let nth = nth(side);
        match side {
            Side::Client => self.request = half.head,
            Side::Server => (self.response, self.status) = (half.head, half.status),
        }
        self.ends[nth] = half.end;
        self.bodies[nth] = half.body.clone();
        self.trailers[nth] = half.trailers;
        self.missing[nth] = half.missing;
    }
}

impl Entry {
    pub(super) fn new(kind: FlowKind, client: Arc<ClientConn>, created: Timestamp) -> Self {
        Self {
            created,
            last: created,
            ends: [Timestamp(0); 2],
            request: Loc::default(),
            response: Loc::default(),
            bodies: [Extents::default(), Extents::default()],
            client,
            server: None,
            rare: None,
            messages: None,
            status: 0,
            kind,
            finished: false,
            lossy: false,
        }
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn messages(&mut self) -> &mut Messages {
        self.messages.get_or_insert_default()
    }

    /// A list of extents by its key.
    pub(super) fn list(&self, list: List) -> Option<&Extents> {
        let messages = self.messages.as_deref();
        match list {
            List::Body(side) => self.bodies.get(nth(side)),
            List::Extra(side) => messages?.extra.get(nth(side)),
            List::Messages => Some(&messages?.heads),
        }
    }

    /// As [`list`](Self::list), made when it is not there.
    pub(super) fn list_mut(&mut self, list: List) -> &mut Extents {
        match list {
            List::Body(Side::Client) => &mut self.bodies[0],
            List::Body(Side::Server) => &mut self.bodies[1],
            List::Extra(Side::Client) => &mut self.messages().extra[0],
            List::Extra(Side::Server) => &mut self.messages().extra[1],
            List::Messages => &mut self.messages().heads,
        }
    }

    /// Every list of extents.
    fn lists(&self) -> impl Iterator<Item = &Extents> {
        let before = self.original().and_then(|o| o.messages.as_deref());
        let messages = self.messages.as_deref().into_iter().chain(before);
        let more = messages.flat_map(|m| m.extra.iter().chain([&m.heads]));
        let original = self.original().into_iter().flat_map(|o| &o.bodies);
        self.bodies.iter().chain(more).chain(original)
    }

    /// What it was before it was changed.
    pub(super) fn original(&self) -> Option<&Original> {
        self.rare.as_ref()?.original.as_deref()
    }

    /// One side as it is.
    fn half(&self, side: Side) -> Half<'_> {
        let nth = nth(side);
        let (head, status) = match side {
            Side::Client => (self.request, 0),
            Side::Server => (self.response, self.status),
        };
        let rare = self.rare.as_deref();
        Half {
            head,
            end: self.ends[nth],
            body: &self.bodies[nth],
            trailers: rare.and_then(|rare| rare.trailers[nth]),
            missing: rare.is_some_and(|rare| rare.missing[nth]),
            status,
        }
    }

    /// One side as it was before changes; none if there were none.
    pub(super) fn half_before(&self, side: Side) -> Option<Half<'_>> {
        let original = self.original()?;
        let counts = !original.live || original.touched[nth(side)];
        Some(if counts {
            original.half(side)
        } else {
            self.half(side)
        })
    }

    /// Keeps what it is now as what it was before changes, unless there is such already. Bodies are shared, not copied.
    pub(super) fn back_up(&mut self) {
        self.keep_original();
        self.complete_original();
    }

    /// As [`back_up`](Self::back_up), of one side of a flow that goes on: what is still to come is no change.
    pub(super) fn back_up_side(&mut self, side: Side) {
        self.keep_original();
        let Some(mut original) = self.take_original() else {
            return;
        };
        if original.live && !original.touched[nth(side)] {
            original.set_half(side, &self.half(side));
            original.touched[nth(side)] = true;
        }
        self.rare().original = Some(original);
    }

    fn keep_original(&mut self) {
        if self.original().is_none() {
            self.rare().original = Some(Box::new(Original {
                live: true,
                ..Original::default()
            }));
        }
    }

    fn take_original(&mut self) -> Option<Box<Original>> {
        self.rare.as_mut()?.original.take()
    }

    /// What nobody has touched was never anything else than it is now.
    fn complete_original(&mut self) {
        let Some(mut original) = self.take_original() else {
            return;
        };
        if std::mem::take(&mut original.live) {
            let answered = original.response != Loc::default();
            // A response that was made by hand is the only one there was.
            let counts = [original.touched[0], original.touched[1] && answered];
            for (side, counts) in [Side::Client, Side::Server].into_iter().zip(counts) {
                if !counts {
                    original.set_half(side, &self.half(side));
                }
            }
            original.client = Some(self.client.clone());
            original.server.clone_from(&self.server);
            (original.last, original.lossy) = (self.last, self.lossy);
            let rare = self.rare();
            original.held = rare.held;
            original.error.clone_from(&rare.error);
            original.annotations.clone_from(&rare.annotations);
        }
        self.rare().original = Some(original);
    }

    /// Makes one side of a flow that goes on what it was before it was changed.
    pub(super) fn revert_side(&mut self, side: Side) {
        let Some(mut original) = self.take_original() else {
            return;
        };
        if original.live && std::mem::take(&mut original.touched[nth(side)]) {
            self.set_half(side, &original.half(side));
        }
        if !original.live || original.touched != [false; 2] {
            self.rare().original = Some(original);
        }
    }

    fn set_half(&mut self, side: Side, half: &Half<'_>) {
        let nth = nth(side);
        match side {
            Side::Client => self.request = half.head,
            Side::Server => (self.response, self.status) = (half.head, half.status),
        }
        self.ends[nth] = half.end;
        self.bodies[nth] = half.body.clone();
        let rare = self.rare();
        rare.trailers[nth] = half.trailers;
        rare.missing[nth] = half.missing;
    }

    /// Makes it live again, with nothing but the head of its request: what it was is kept, messages and all.
    pub(super) fn reopen(&mut self) {
        self.back_up();
        let messages = self.messages.take();
        self.clear(Side::Client);
        self.clear(Side::Server);
        (self.response, self.status, self.ends) = (Loc::default(), 0, [Timestamp(0); 2]);
        self.finished = false;
        let rare = self.rare();
        (rare.error, rare.held) = (None, Duration::ZERO);
        let informational = std::mem::take(&mut rare.informational);
        if let Some(original) = &mut rare.original
            && original.messages.is_none()
        {
            original.messages = messages;
            original.informational = informational;
        }
    }

    /// Forgets the body and the trailers of that side.
    pub(super) fn clear(&mut self, side: Side) {
        if let Some(body) = self.bodies.get_mut(nth(side)) {
            *body = Extents::default();
        }
        let Some(rare) = &mut self.rare else { return };
        if let Some(trailers) = rare.trailers.get_mut(nth(side)) {
            *trailers = None;
        }
        if let Some(missing) = rare.missing.get_mut(nth(side)) {
            *missing = false;
        }
    }

    /// The body of that side is not on record.
    pub(super) fn leave_out(&mut self, side: Side) {
        if let Some(body) = self.bodies.get_mut(nth(side)) {
            *body = Extents::default();
        }
        if let Some(missing) = self.rare().missing.get_mut(nth(side)) {
            *missing = true;
        }
    }

    /// Makes it what it was before changes, but for its connections.
    fn revert(&mut self) {
        let Some(original) = self.rare.as_mut().and_then(|rare| rare.original.take()) else {
            return;
        };
        let Original {
            request,
            response,
            status,
            ends,
            bodies,
            trailers,
            error,
            annotations,
            informational,
            messages,
            client: _,
            server: _,
            last,
            missing,
            lossy,
            held,
            live: _,
            touched: _,
        } = *original;
        if messages.is_some() {
            self.messages = messages;
        }
        (self.request, self.response, self.status) = (request, response, status);
        (self.ends, self.bodies) = (ends, bodies);
        let rare = self.rare();
        if !informational.is_empty() {
            rare.informational = informational;
        }
        (rare.trailers, rare.error) = (trailers, error);
        (rare.missing, rare.held) = (missing, held);
        let is_held = |said: &Arc<Annotations>| said.intercepted;
        // Whether it is held is nothing that it was before.
        let held = rare.annotations.as_ref().is_some_and(is_held);
        rare.annotations = annotations;
        if rare.annotations.as_ref().is_some_and(is_held) != held {
            let said = rare.annotations.get_or_insert_default();
            Arc::make_mut(said).intercepted = held;
        }
        (self.last, self.lossy) = (last, lossy);
    }

    /// Bytes of memory this takes. Its connections are not counted; those that only its original has are.
    pub(super) fn memory(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let error = rare.error.as_ref().map_or(0, |e| {
                e.message.len() + e.hint.as_ref().map_or(0, |h| h.len())
            });
            let annotations = rare.annotations.as_deref().map_or(0, annotations_bytes);
            let filed = rare.filed.as_ref().map_or(0, |filed| {
                size_of::<Filed>() + filed.id.as_ref().map_or(0, |id| id.len() + OVERHEAD)
            });
            let original = rare.original.as_ref().map_or(0, |original| {
                let bodies: usize = original.bodies.iter().map(Extents::heap).sum();
                let informational = original.informational.capacity() * size_of::<Loc>();
                let messages = original.messages.as_ref().map_or(0, |m| m.memory());
                let client = original.client.as_ref();
                let client = client.filter(|client| !Arc::ptr_eq(client, &self.client));
                let is_its = |server: &&Arc<ServerConn>| {
                    let now = self.server.as_ref();
                    now.is_some_and(|now| Arc::ptr_eq(server, now))
                };
                let server = original.server.as_ref().filter(|server| !is_its(server));
                let conns = client.map_or(0, |conn| client_bytes(conn))
                    + server.map_or(0, |conn| server_bytes(conn));
                size_of::<Original>() + bodies + informational + messages + conns
            });
            let informational = rare.informational.capacity() * size_of::<Loc>();
            size_of::<Rare>() + informational + error + annotations + filed + original
        });
        let messages = self
            .messages
            .as_ref()
            .map_or(0, |messages| messages.memory());
        let bodies: usize = self.bodies.iter().map(Extents::heap).sum();
        size_of::<Self>() + OVERHEAD + rare + messages + bodies
    }

    /// Every place where a head or trailers of this flow lie.
    pub(super) fn heads(&mut self) -> impl Iterator<Item = &mut Loc> {
        let rare = self.rare.as_deref_mut().into_iter();
        let rare = rare.flat_map(|r| {
            let original = r.original.iter_mut().flat_map(|o| {
                let trailers = o.trailers.iter_mut().flatten();
                [&mut o.request, &mut o.response]
                    .into_iter()
                    .chain(trailers)
                    .chain(&mut o.informational)
            });
            let trailers = r.trailers.iter_mut().flatten();
            trailers.chain(&mut r.informational).chain(original)
        });
        [&mut self.request, &mut self.response]
            .into_iter()
            .chain(rare)
    }
}

/// The lists of extents that a flow can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// The body of that side.
    Body(Side),
    /// Bytes beside it.
    Extra(Side),
    /// The heads of messages.
    Messages,
}

/// Index into arrays that have one element per side.
pub(super) fn nth(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

/// All flows, and the segments they lie in.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The id of the first of `entries`.
    first: u64,
    /// By id. Empty places are flows whose opening has not been heard of yet.
    entries: VecDeque<Option<Box<Entry>>>,
    /// Flows that were live when their neighbours went; few, since they are live.
    old: BTreeMap<u64, Box<Entry>>,
    /// Those of `old` that have finished meanwhile.
    old_finished: Vec<u64>,
    len: usize,
    pub(super) memory: usize,
    pub(super) evicted: u64,
    conns: HashMap<usize, u32>,
    segments: VecDeque<(Arc<Segment>, u64)>,
    /// Parts of files of somebody else's, by number.
    foreign: Vec<Arc<Segment>>,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: FlowId) -> Option<&Entry> {
        match id.0.checked_sub(self.first) {
            Some(at) => self.entries.get(usize::try_from(at).ok()?)?.as_deref(),
            None => self.old.get(&id.0).map(|e| &**e),
        }
    }

    /// Changes an entry, keeping the account of memory.
    pub(super) fn change<R>(
        &mut self,
        id: FlowId,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        let entry = match id.0.checked_sub(self.first) {
            Some(at) => self
                .entries
                .get_mut(usize::try_from(at).ok()?)?
                .as_deref_mut()?,
            None => &mut **self.old.get_mut(&id.0)?,
        };
        let before = entry.memory();
        let result = change(entry);
        self.memory = self.memory + entry.memory() - before;
        Some(result)
    }

    pub(super) fn insert(&mut self, id: FlowId, entry: Entry) {
        self.memory += entry.memory();
        self.len += 1;
        self.hold_client(&entry.client);
        if let Some((_, last_open)) = self.segments.back_mut() {
            *last_open = id.0.max(*last_open);
        }
        if self.entries.is_empty() && self.first < id.0 {
            self.first = id.0;
        }
        let Some(at) = id.0.checked_sub(self.first) else {
            self.old.insert(id.0, Box::new(entry));
            return;
        };
        let at = at as usize;
        if at >= self.entries.len() {
            self.entries.resize_with(at + 1, || None);
        }
        if let Some(place) = self.entries.get_mut(at) {
            *place = Some(Box::new(entry));
        }
    }

    pub(super) fn set_client(&mut self, id: FlowId, conn: Arc<ClientConn>) {
        self.hold_client(&conn);
        if let Some(before) = self.change(id, |entry| std::mem::replace(&mut entry.client, conn)) {
            self.release_client(&before);
        }
    }

    pub(super) fn set_server(&mut self, id: FlowId, conn: Arc<ServerConn>) {
        self.hold_server(&conn);
        if let Some(Some(before)) = self.change(id, |entry| entry.server.replace(conn)) {
            self.release_server(&before);
        }
    }

    /// Makes a flow what it was before changes, with the connections it had.
    pub(super) fn revert(&mut self, id: FlowId) {
        let Some(original) = self.get(id).and_then(Entry::original) else {
            return;
        };
        let (client, server) = (original.client.clone(), original.server.clone());
        self.change(id, Entry::revert);
        if let Some(client) = client {
            self.set_client(id, client);
        }
        match server {
            Some(server) => self.set_server(id, server),
            None => {
                if let Some(Some(before)) = self.change(id, |entry| entry.server.take()) {
                    self.release_server(&before);
                }
            }
        }
    }

    pub(super) fn finish(&mut self, id: FlowId, now: Timestamp) {
        self.change(id, |entry| {
            entry.finished = true;
            entry.last = now;
            entry.complete_original();
        });
        if id.0 < self.first && self.old.contains_key(&id.0) {
            self.old_finished.push(id.0);
        }
    }

    /// Makes a finished flow live again.
    pub(super) fn reopen(&mut self, id: FlowId) {
        self.change(id, Entry::reopen);
        self.old_finished.retain(|old| *old != id.0);
    }

    /// All ids in order.
    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = FlowId> {
        let old = self.old.keys().map(|id| FlowId(*id));
        let first = self.first;
        let rest = self.entries.iter().enumerate();
        old.chain(rest.filter_map(move |(at, e)| e.is_some().then_some(FlowId(first + at as u64))))
    }

    /// The position of a flow in that order.
    pub(super) fn position(&self, id: FlowId) -> Option<usize> {
        self.get(id)?;
        let Some(at) = id.0.checked_sub(self.first) else {
            return Some(self.old.range(..id.0).count());
        };
        let at = usize::try_from(at).ok()?;
        let before = if self.old.len() + self.entries.len() == self.len {
            at
        } else {
            self.entries.iter().take(at).flatten().count()
        };
        Some(self.old.len() + before)
    }

    /// The ids after that one, in order.
    pub(super) fn ids_after(&self, id: FlowId) -> impl Iterator<Item = FlowId> {
        let next = id.0.saturating_add(1);
        let first = self.first;
        let skip = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        let rest = (next.max(first)..).zip(self.entries.iter().skip(skip));
        let old = self.old.range(next..).map(|(id, _)| FlowId(*id));
        old.chain(rest.filter_map(|(id, e)| e.is_some().then_some(FlowId(id))))
    }

    /// The ids at those positions of the order.
    pub(super) fn ids_at(&self, from: usize, to: usize) -> Vec<FlowId> {
        let count = to.min(self.len).saturating_sub(from);
        // Without empty places a position in the list is a matter of arithmetic.
        if self.old.len() + self.entries.len() == self.len && from >= self.old.len() {
            let first = self.first + (from - self.old.len()) as u64;
            return (first..first + count as u64).map(FlowId).collect();
        }
        self.ids().skip(from).take(count).collect()
    }

    /// Forgets a finished flow. False if it is not there, or goes on.
    pub(super) fn remove(&mut self, id: FlowId) -> bool {
        if !self.get(id).is_some_and(|entry| entry.finished) {
            return false;
        }
        let entry = match id.0.checked_sub(self.first) {
            Some(at) => usize::try_from(at)
                .ok()
                .and_then(|at| self.entries.get_mut(at)?.take()),
            None => self.old.remove(&id.0),
        };
        let Some(entry) = entry else {
            return false;
        };
        self.forget(&entry);
        true
    }

    // Eviction

    /// Evicts the oldest finished flow; says which. None if there is none.
    pub(super) fn evict_oldest(&mut self) -> Option<FlowId> {
        while let Some(id) = self.old_finished.pop() {
            if let Some(entry) = self.old.remove(&id) {
                self.evicted(&entry);
                return Some(FlowId(id));
            }
        }
        while let Some(front) = self.entries.pop_front() {
            let id = self.first;
            self.first += 1;
            match front {
                Some(entry) if entry.finished => {
                    self.evicted(&entry);
                    return Some(FlowId(id));
                }
                Some(entry) => {
                    self.old.insert(id, entry);
                }
                None => {}
            }
        }
        None
    }

    /// Evicts all finished flows up to `last`; says how many.
    pub(super) fn evict_up_to(&mut self, last: u64) -> usize {
        let before = self.len;
        for id in std::mem::take(&mut self.old_finished) {
            match self.old.remove(&id) {
                Some(entry) if id <= last => self.evicted(&entry),
                Some(entry) => {
                    self.old.insert(id, entry);
                    self.old_finished.push(id);
                }
                None => {}
            }
        }
        while self.first <= last
            && let Some(front) = self.entries.pop_front()
        {
            let id = self.first;
            self.first += 1;
            match front {
                Some(entry) if entry.finished => self.evicted(&entry),
                Some(entry) => {
                    self.old.insert(id, entry);
                }
                None => {}
            }
        }
        before - self.len
    }

    fn evicted(&mut self, entry: &Entry) {
        self.evicted += 1;
        self.forget(entry);
    }

    fn forget(&mut self, entry: &Entry) {
        self.memory -= entry.memory();
        self.len -= 1;
        self.release_client(&entry.client);
        if let Some(server) = &entry.server {
            self.release_server(server);
        }
    }

    /// Live flows up to `last`, with where their heads lie.
    pub(super) fn live_heads_in(&mut self, segment: u32, last: u64) -> Vec<(FlowId, Loc)> {
        let first = self.first;
        let listed = (0u64..)
            .zip(&mut self.entries)
            .map(|(at, e)| (first + at, e.as_mut()));
        let listed = listed
            .take_while(|(id, _)| *id <= last)
            .filter_map(|(id, e)| Some((id, e?)));
        let old = self.old.iter_mut().map(|(id, e)| (*id, e));
        let live = old.chain(listed).filter(|(_, e)| !e.finished);
        live.flat_map(|(id, e)| {
            let heads = e.heads().filter(move |loc| loc.segment == segment);
            heads.map(|loc| (FlowId(id), *loc)).collect::<Vec<_>>()
        })
        .collect()
    }

    // Segments

    pub(super) fn add_segment(&mut self, segment: Arc<Segment>) {
        let last_open = self.segments.back().map_or(0, |(_, last)| *last);
        self.segments.push_back((segment, last_open));
    }

    /// Makes the part of somebody else's file known that begins at `base`, and says by which number.
    pub(super) fn add_foreign(&mut self, file: &Arc<File>, base: u64) -> u32 {
        let known = self.foreign.iter().rev();
        if let Some(part) = known.clone().find(|part| part.part_of(file) == Some(base)) {
            return part.number;
        }
        // A part takes memory, and a file has one for 2 GiB: there are never that many.
        let number = u32::try_from(self.foreign.len()).unwrap_or(u32::MAX);
        let part = Arc::new(Segment::foreign(number, file.clone(), base));
        let number = part.number;
        self.foreign.push(part);
        number
    }

    pub(super) fn segment(&self, number: u32) -> Option<Arc<Segment>> {
        if number & FOREIGN != 0 {
            return self.foreign.get((number & !FOREIGN) as usize).cloned();
        }
        let (front, _) = self.segments.front()?;
        let at = number.checked_sub(front.number)?;
        Some(self.segments.get(at as usize)?.0.clone())
    }

    /// The oldest segment with the newest flow that may have bytes in it.
    pub(super) fn oldest_segment(&self) -> Option<(Arc<Segment>, u64)> {
        self.segments.front().cloned()
    }

    /// Forgets the oldest segment; flows that go on are marked if something of them lay there.
    pub(super) fn remove_oldest_segment(&mut self) {
        let Some((segment, _)) = self.segments.pop_front() else {
            return;
        };
        for entry in self.old.values_mut() {
            let gone = entry.heads().any(|head| head.segment == segment.number);
            let reaches = entry.lists().any(|list| list.reaches(segment.number));
            entry.lossy |= gone || reaches;
        }
    }

    // Connections are shared by flows, and what they were shown by connections; each is accounted once.

    fn hold_client(&mut self, conn: &Arc<ClientConn>) {
        let is_first = self.hold(Arc::as_ptr(conn) as usize, || client_bytes(conn));
        if is_first && let Some(shown) = shown(conn) {
            self.hold(shown.as_ptr() as usize, || shown.len());
        }
    }

    fn hold_server(&mut self, conn: &Arc<ServerConn>) {
        self.hold(Arc::as_ptr(conn) as usize, || server_bytes(conn));
    }

    /// True for the first who holds it.
    fn hold(&mut self, key: usize, bytes: impl FnOnce() -> usize) -> bool {
        let count = self.conns.entry(key).or_default();
        *count += 1;
        let is_first = *count == 1;
        if is_first {
            self.memory += bytes();
        }
        is_first
    }

    fn release_client(&mut self, conn: &Arc<ClientConn>) {
        let is_last = self.release(Arc::as_ptr(conn) as usize, || client_bytes(conn));
        if is_last && let Some(shown) = shown(conn) {
            self.release(shown.as_ptr() as usize, || shown.len());
        }
    }

    fn release_server(&mut self, conn: &Arc<ServerConn>) {
        self.release(Arc::as_ptr(conn) as usize, || server_bytes(conn));
    }

    /// True for the last who held it.
    fn release(&mut self, key: usize, bytes: impl FnOnce() -> usize) -> bool {
        let Some(count) = self.conns.get_mut(&key) else {
            return false;
        };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.conns.remove(&key);
            self.memory -= bytes();
        }
        is_last
    }
}

fn annotations_bytes(annotations: &Annotations) -> usize {
    let Annotations {
        marked,
        comment,
        metadata,
        ..
    } = annotations;
    let metadata: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.size() + OVERHEAD)
        .sum();
    size_of::<Annotations>() + marked.len() + comment.len() + metadata
}

/// What a place in the table of connections takes.
const CONN_OVERHEAD: usize = 48;

fn client_bytes(conn: &ClientConn) -> usize {
    size_of::<ClientConn>()
        + CONN_OVERHEAD
        + tls_bytes(conn.tls.as_deref())
        + extra_bytes(conn.extra.as_deref())
}

fn server_bytes(conn: &ServerConn) -> usize {
    size_of::<ServerConn>()
        + CONN_OVERHEAD
        + conn.address.0.len()
        + tls_bytes(conn.tls.as_deref())
        + extra_bytes(conn.extra.as_deref())
}

/// The certificate that a client was shown, which connections to one host have in common.
fn shown(conn: &ClientConn) -> Option<&bytes::Bytes> {
    let shown = conn.extra.as_ref()?.mitmcert.as_ref()?;
    // What is empty lies nowhere.
    (!shown.is_empty()).then_some(shown)
}

fn extra_bytes(extra: Option<&ConnExtra>) -> usize {
    extra.map_or(0, |extra| {
        let words = extra.cipher_list.iter().map(|word| word.len() + OVERHEAD);
        let uuid = extra.uuid.as_ref().map_or(0, |uuid| uuid.len());
        size_of::<ConnExtra>() + 2 * OVERHEAD + words.sum::<usize>() + uuid
    })
}

/// Certificates are left out: chains are cached by whoever made them and shared widely.
fn tls_bytes(tls: Option<&TlsInfo>) -> usize {
    tls.map_or(0, |tls| {
        size_of::<TlsInfo>() + tls.alpn_offers.len() * size_of::<bytes::Bytes>() + OVERHEAD
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::client;
    use super::*;

    /// Shards are drained one after the other, so a flow may be heard of after later ones.
    #[test]
    fn flows_that_are_heard_of_late_take_their_place() {
        let mut index = Index::default();
        let client = client();
        for id in [3, 1, 7, 5, 2] {
            index.insert(
                FlowId(id),
                Entry::new(FlowKind::Http, client.clone(), Timestamp(id)),
            );
        }
        let ids: Vec<_> = index.ids().map(|id| id.0).collect();
        assert_eq!((ids, index.len()), (vec![1, 2, 3, 5, 7], 5));
        assert_eq!(index.ids_at(1, 4), [2, 3, 5].map(FlowId));
        assert!(index.get(FlowId(4)).is_none() && index.get(FlowId(5)).is_some());

        for id in [1, 3, 7] {
            index.finish(FlowId(id), Timestamp(9));
        }
        let evicted: Vec<_> = std::iter::from_fn(|| index.evict_oldest())
            .map(|id| id.0)
            .collect();
        assert_eq!(evicted, [1, 3, 7]);
        let live: Vec<_> = index.ids().map(|id| id.0).collect();
        assert_eq!(live, [2, 5], "live flows stay");

        for id in [2, 5] {
            index.finish(FlowId(id), Timestamp(9));
        }
        assert_eq!(index.evict_up_to(4), 1);
        assert_eq!(index.evict_up_to(9), 1);
        assert_eq!((index.len(), index.memory, index.evicted), (0, 0, 5));
    }
}
