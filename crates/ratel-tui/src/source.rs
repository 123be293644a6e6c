//! Where the screen gets flows from. All dependence on the store's reading side is here.

mod messages;
mod tree;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ratel_core::control::{Control, HeldPart, Part};
use ratel_core::store::{FlowSnapshot, FlowStore, MessageWindow, Summary, Window};
use ratel_core::view::{FlowView, Order, Tree};
use ratel_flow::{FlowId, FlowKind, MessageHead, Payload, Side, Timestamp};

use crate::needle;
use crate::screens::flow_list;

pub use messages::{
    Came, MessageId, MessageQuery, MessageRow, Messages, MessagesFrom, MessagesQuery, OneMessage,
    OpenId, START,
};
pub use tree::{TreePage, TreeQuery, TreeTarget, tree_page};

/// Larger bodies are read by windows of this many bytes.
pub const WINDOW: u64 = 128 * 1024;

/// Complete bodies up to this many bytes are read as a whole, so that they can be pretty-printed.
pub const WHOLE: u64 = 512 * 1024;

/// So far from the start of a window a line is looked for that begins there, in bytes.
const LINE_SOUGHT: usize = 16 * 1024;

/// A search reads this many bytes at a time, so that keys are answered in between.
const SEARCH_STEP: u64 = 4 * 1024 * 1024;

/// So many rows of the list are searched at a time.
const FLOWS_STEP: usize = 1024;

/// What the screen reads. Implemented by the store with the list of its flows, and by a list in tests.
pub trait Source {
    /// How many flows there are to see.
    fn counts(&self) -> Counts;
    /// The ids at those positions of the list, in order.
    fn ids(&self, positions: Range<usize>) -> Vec<FlowId>;
    /// The position of a flow in the list, or of what is nearest to where it was. `hint` is where it may be.
    ///
    /// # Errors
    /// The nearest, when the flow is not in the list.
    fn position(&self, id: FlowId, hint: usize) -> Result<usize, usize> {
        by_id(
            &|at| self.ids(at..at + 1).first().copied(),
            self.counts().shown,
            id,
            hint,
        )
    }
    /// The flow that began last.
    fn newest(&self) -> Option<FlowId>;
    /// A row.
    fn summary(&self, id: FlowId) -> Option<Summary>;
    /// Lets `look` look at the flows by host and path, if they are kept so.
    fn tree(&self, look: &mut dyn FnMut(&mut Tree));
    /// What of a flow is held back.
    fn held(&self, id: FlowId) -> Vec<HeldPart>;
    /// A flow without its bodies.
    fn snapshot(&self, id: FlowId) -> Option<FlowSnapshot>;
    /// A part of a body.
    fn body(&self, id: FlowId, side: Side, range: Range<u64>) -> Option<Window>;
    /// Some of the messages of a flow, by number.
    fn messages(&self, id: FlowId, range: Range<u64>) -> Option<MessageWindow>;
    /// Where it lies what a message had said before it was changed on its way.
    fn message_before(&self, _id: FlowId, _number: u64) -> Option<Payload> {
        None
    }
    /// A part of a message.
    fn payload(
        &self,
        id: FlowId,
        side: Side,
        payload: Payload,
        range: Range<u64>,
    ) -> Option<Window>;
}

/// How many flows there are to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the list.
    pub shown: usize,
    /// In the store.
    pub total: usize,
    /// Not looked at yet, by the filter of the list.
    pub pending: usize,
    /// Evicted since the start.
    pub evicted: u64,
}

/// The store, and the list of its flows as somebody looks at it.
#[derive(Debug)]
pub struct Viewed {
    /// The flows.
    pub store: FlowStore,
    /// The way to live ones.
    pub control: Control,
    /// The list.
    pub view: FlowView,
}

impl Source for Viewed {
    fn counts(&self) -> Counts {
        let counts = self.view.counts();
        Counts {
            shown: counts.shown,
            total: self.store.len(),
            pending: counts.pending,
            evicted: self.store.stats().evicted,
        }
    }

    fn ids(&self, positions: Range<usize>) -> Vec<FlowId> {
        self.view.ids(positions)
    }

    fn position(&self, id: FlowId, hint: usize) -> Result<usize, usize> {
        if let Some(at) = self.view.position(id, hint) {
            return Ok(at);
        }
        if let Some(near) = self.view.nearest(id) {
            return Err(near);
        }
        let settings = self.view.settings();
        if settings.order != Order::Time || settings.reversed {
            return Err(hint);
        }
        let id_at = |at: usize| self.view.ids(at..at + 1).first().copied();
        by_id(&id_at, self.view.counts().shown, id, hint)
    }

    fn newest(&self) -> Option<FlowId> {
        self.store.last_id()
    }

    fn summary(&self, id: FlowId) -> Option<Summary> {
        self.store.summary(id)
    }

    fn tree(&self, look: &mut dyn FnMut(&mut Tree)) {
        self.view.tree(look);
    }

    fn held(&self, id: FlowId) -> Vec<HeldPart> {
        self.control.held(id)
    }

    fn snapshot(&self, id: FlowId) -> Option<FlowSnapshot> {
        self.store.snapshot(id)
    }

    fn body(&self, id: FlowId, side: Side, range: Range<u64>) -> Option<Window> {
        self.store.body(id, side, range)
    }

    fn messages(&self, id: FlowId, range: Range<u64>) -> Option<MessageWindow> {
        self.store.messages(id, range)
    }

    fn message_before(&self, id: FlowId, number: u64) -> Option<Payload> {
        self.store.message_before(id, number)
    }

    fn payload(
        &self,
        id: FlowId,
        side: Side,
        payload: Payload,
        range: Range<u64>,
    ) -> Option<Window> {
        self.store.payload(id, side, payload, range)
    }
}

// The list

/// Where the focus is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// It stays on its flow, or goes to the nearest when that is gone.
    #[default]
    Keep,
    /// To this position, or the last.
    At(usize),
    /// To the last.
    Last,
    /// To the flow that began last.
    Newest,
    /// To this flow, as soon as the list has it.
    Flow(FlowId),
}

/// Asks for the visible rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// Where the focus is to go.
    pub target: Target,
    /// The focused flow and the position it had.
    pub focus: Option<(FlowId, usize)>,
    /// The position of the first visible row.
    pub top: usize,
    /// How many rows there are on the screen.
    pub height: usize,
}

/// The visible rows.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// How many flows are in the list.
    pub shown: usize,
    /// How many there are, with those that the list does not show.
    pub total: usize,
    /// How many are still to be looked at by its filter.
    pub pending: usize,
    /// How many flows were evicted since the start.
    pub evicted: u64,
    /// The focused flow and its position.
    pub focus: Option<(FlowId, usize)>,
    /// The position of the first of `rows`.
    pub top: usize,
    /// The rows.
    pub rows: Vec<Summary>,
    /// What is held back of those of which something is.
    pub held: Vec<(FlowId, Vec<HeldPart>)>,
    /// The focus was told to go elsewhere.
    pub moved: bool,
    /// The flow that the focus was told to go to is not in the list.
    pub missed: bool,
}

impl Page {
    /// What of a flow is held back.
    pub(crate) fn held(&self, id: FlowId) -> &[HeldPart] {
        let held = self.held.iter().find(|(held, _)| *held == id);
        held.map_or(&[], |(_, parts)| parts)
    }
}

/// What is held back of those rows of which something is.
fn held(source: &dyn Source, rows: &[Summary]) -> Vec<(FlowId, Vec<HeldPart>)> {
    let is_held = |row: &&Summary| {
        let said = row.annotations.as_ref();
        said.is_some_and(|said| said.intercepted)
    };
    let held = rows.iter().filter(is_held).map(|row| {
        let mut parts = source.held(row.id);
        parts.sort_by_key(|held| match held.part {
            Part::Request => 0,
            Part::Response => 1,
            Part::Message(Side::Client) => 2,
            Part::Message(Side::Server) => 3,
        });
        // What is on its way already still says so for a moment.
        if parts.is_empty() && row.kind == FlowKind::Http && row.stream.is_none() {
            let part = row.status.map_or(Part::Request, |_| Part::Response);
            parts.push(HeldPart {
                part,
                since: Timestamp(0),
                body_passes: false,
                left: None,
            });
        }
        (row.id, parts)
    });
    held.collect()
}

/// Reads the visible rows. Takes no longer for a long list than for a short one.
#[must_use]
pub fn page(source: &dyn Source, query: &PageQuery) -> Page {
    let counts = source.counts();
    let Counts {
        shown,
        total,
        pending,
        evicted,
    } = counts;
    // A list that is being made may still get what it does not have yet.
    let may_come = |id| pending > 0 && source.summary(id).is_some();
    let Some(last) = shown.checked_sub(1) else {
        return Page {
            total,
            pending,
            evicted,
            focus: query.focus.filter(|(id, _)| may_come(*id)),
            ..Page::default()
        };
    };
    let height = query.height.max(1);
    let mut top = query.top;
    let mut missed = false;
    let mut awaited = None;
    let at = match (query.target, query.focus) {
        (Target::Last, _) => last,
        (Target::At(at), _) => at.min(last),
        (Target::Flow(id), focus) => source.position(id, last).unwrap_or_else(|_| {
            missed = true;
            focus.map_or(0, |(_, at)| at).min(last)
        }),
        (Target::Keep, None) => 0,
        (Target::Newest, focus) => {
            let before = focus.map_or(0, |(_, at)| at);
            let newest = source.newest().map(|id| source.position(id, last));
            // One that the list does not show leaves the focus where it is.
            newest.and_then(Result::ok).unwrap_or(before).min(last)
        }
        (Target::Keep, Some((id, before))) => match source.position(id, before) {
            Err(_) if may_come(id) => {
                awaited = query.focus;
                before.min(last)
            }
            Ok(at) | Err(at) => {
                let at = at.min(last);
                // The row stays where it is on the screen when rows above it go away.
                top = (top + at).saturating_sub(before);
                at
            }
        },
    };
    top = top
        .min(shown.saturating_sub(height))
        .min(at)
        .max((at + 1).saturating_sub(height));
    let ids = source.ids(top..(top + height).min(shown));
    let focus = awaited.or(ids.get(at - top).map(|id| (*id, at)));
    let rows: Vec<_> = ids
        .into_iter()
        .filter_map(|id| source.summary(id))
        .collect();
    Page {
        held: held(source, &rows),
        shown,
        total,
        pending,
        evicted,
        focus,
        top,
        rows,
        moved: query.target != Target::Keep && !missed,
        missed,
    }
}

/// The position of a flow in a list in the order of ids, or of the one after it when it is gone.
fn by_id(
    id_at: &dyn Fn(usize) -> Option<FlowId>,
    total: usize,
    id: FlowId,
    hint: usize,
) -> Result<usize, usize> {
    if id_at(hint) == Some(id) {
        return Ok(hint);
    }
    let (mut from, mut to) = (0, total);
    while from < to {
        let middle = from + (to - from) / 2;
        match id_at(middle) {
            Some(found) if found < id => from = middle + 1,
            _ => to = middle,
        }
    }
    if id_at(from) == Some(id) {
        Ok(from)
    } else {
        Err(from)
    }
}

// One flow

/// Which part of a body is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFrom {
    /// From this offset on.
    #[default]
    Start,
    /// About this offset.
    Around(u64),
    /// The end.
    End,
}

/// Asks for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQuery {
    /// Which.
    pub id: FlowId,
    /// What is to be shown of it.
    pub of: Of,
}

/// What is shown of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// What is known about it.
    Facts,
    /// A part of a body.
    Body(Side, BodyFrom),
    /// The list of its messages.
    Messages(MessagesQuery),
    /// One message.
    Message(MessageQuery),
}

/// A flow with what was asked for.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Which.
    pub id: FlowId,
    /// The flow; none if it was evicted.
    pub snapshot: Option<FlowSnapshot>,
    /// What of it is held back.
    pub held: Vec<HeldPart>,
    /// What was asked for.
    pub shown: Shown,
}

/// What was read of a flow; none of what is gone.
#[derive(Clone, Debug)]
pub enum Shown {
    /// Nothing but what is known about it.
    Facts,
    /// A part of a body.
    Body(Side, Option<BodyPart>),
    /// Some of its messages.
    Messages(Option<Messages>),
    /// One message: which was asked for, and what was found.
    Message(MessageId, Option<OneMessage>),
}

/// A part of a body, cut where lines begin as far as there are lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// The bytes.
    pub bytes: Bytes,
    /// Where they begin in the body.
    pub offset: u64,
    /// Bytes of the body so far.
    pub total: u64,
    /// The body is complete.
    pub complete: bool,
    /// Bytes before `offset` are gone.
    pub lost: bool,
}

impl BodyPart {
    /// Whether this is the whole of a complete body.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complete && self.offset == 0 && self.bytes.len() as u64 == self.total
    }

    /// Where the bytes end in the body.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// Reads a flow and what is to be shown of it.
#[must_use]
pub fn open(source: &dyn Source, query: &OpenQuery) -> Opened {
    let id = query.id;
    let snapshot = source.snapshot(id);
    let shown = match &query.of {
        Of::Facts => Shown::Facts,
        Of::Body(side, from) => {
            Shown::Body(*side, part(&|range| source.body(id, *side, range), *from))
        }
        Of::Messages(query) => Shown::Messages(messages::messages(source, id, query)),
        Of::Message(query) => Shown::Message(query.id, messages::message(source, id, query)),
    };
    Opened {
        id,
        snapshot,
        held: source.held(id),
        shown,
    }
}

fn part(read: &dyn Fn(Range<u64>) -> Option<Window>, from: BodyFrom) -> Option<BodyPart> {
    let probe = read(0..0)?;
    let whole = probe.total <= WINDOW || (probe.complete && probe.total <= WHOLE);
    let start = match from {
        _ if whole => 0,
        BodyFrom::Start => 0,
        // Multiples of half a window, so that the rows of a line without an end stay where they are.
        BodyFrom::Around(offset) => {
            (offset.min(probe.total) / (WINDOW / 2)).saturating_sub(1) * (WINDOW / 2)
        }
        BodyFrom::End => probe.total.saturating_sub(WINDOW),
    };
    let len = if whole { WHOLE } else { WINDOW + WINDOW / 2 };
    let Window {
        bytes,
        offset,
        total,
        complete,
        lost,
    } = read(start..start + len)?;
    // A window that begins within a line begins at the next one instead, so that going there from either side shows
    // the same rows. A longer line is cut anywhere.
    let cut = match bytes.iter().take(LINE_SOUGHT).position(|b| *b == b'\n') {
        Some(newline) if start > 0 => newline + 1,
        // Nor does it begin within a character.
        _ if start > 0 => bytes
            .iter()
            .take(3)
            .take_while(|b| **b & 0xc0 == 0x80)
            .count(),
        _ => 0,
    };
    Some(BodyPart {
        bytes: bytes.slice(cut..),
        offset: offset + cut as u64,
        total,
        complete,
        lost,
    })
}

// Search

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A body.
    Body(Side),
    /// A message of that side.
    Message(Side, Payload),
    /// All complete messages of the flow; what is found are their numbers.
    Messages,
    /// The list of flows; what is found are positions.
    Flows,
}

/// Where a search in a body goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFrom {
    /// What is searched for.
    pub needle: Arc<str>,
    /// Forward: matches that begin here or later. Backwards: matches that begin before.
    pub at: u64,
    /// Towards the start.
    pub backwards: bool,
    /// The search has gone round the end already.
    pub wrapped: bool,
}

/// How far a search has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A match begins at this offset.
    At(u64),
    /// Nothing yet.
    GoOn(SearchFrom),
    /// There is none in this direction.
    Nowhere(SearchFrom),
}

/// Searches one step further.
#[must_use]
pub fn search(source: &dyn Source, id: FlowId, place: Place, from: SearchFrom) -> Found {
    match place {
        Place::Messages => return search_messages(source, id, from),
        Place::Flows => return search_flows(source, from),
        Place::Body(_) | Place::Message(..) => {}
    }
    let needle = from.needle.as_bytes();
    // A match may begin in one step and end in the next.
    let overlap = (needle.len() as u64).saturating_sub(1);
    let start = if from.backwards {
        from.at.saturating_sub(SEARCH_STEP)
    } else {
        from.at
    };
    let end = if from.backwards {
        from.at
    } else {
        from.at.saturating_add(SEARCH_STEP)
    };
    let range = start..end.saturating_add(overlap);
    let window = match place {
        Place::Body(side) => source.body(id, side, range),
        Place::Message(side, payload) => source.payload(id, side, payload, range),
        Place::Messages | Place::Flows => None,
    };
    let Some(window) = window else {
        return Found::Nowhere(from);
    };
    let hit = if from.backwards {
        needle::rfind(&window.bytes, needle)
    } else {
        needle::find(&window.bytes, needle)
    };
    if let Some(hit) = hit {
        return Found::At(window.offset + hit as u64);
    }
    if from.backwards {
        return if start > 0 {
            Found::GoOn(SearchFrom { at: start, ..from })
        } else {
            Found::Nowhere(from)
        };
    }
    // Bytes that were lost end a window early.
    let reached = window.offset + window.bytes.len() as u64;
    if reached >= window.total {
        return Found::Nowhere(from);
    }
    let at = reached.saturating_sub(overlap).max(from.at + 1);
    Found::GoOn(SearchFrom { at, ..from })
}

/// How far the matches in a body are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountFrom {
    /// What is counted.
    pub needle: Arc<str>,
    /// Matches that begin here or later are still to be counted.
    pub at: u64,
    /// Where the match begins whose number is wanted.
    pub hit: u64,
    /// Matches before that one.
    pub before: u64,
    /// Matches so far.
    pub total: u64,
}

/// Counts one step further; whether that was the last.
#[must_use]
pub fn count(
    source: &dyn Source,
    id: FlowId,
    place: Place,
    mut from: CountFrom,
) -> (CountFrom, bool) {
    let needle = from.needle.as_bytes();
    let overlap = (needle.len() as u64).saturating_sub(1);
    let end = from.at.saturating_add(SEARCH_STEP);
    let range = from.at..end.saturating_add(overlap);
    let window = match place {
        Place::Body(side) => source.body(id, side, range),
        Place::Message(side, payload) => source.payload(id, side, payload, range),
        Place::Messages | Place::Flows => None,
    };
    let Some(window) = window.filter(|window| !window.bytes.is_empty()) else {
        return (from, true);
    };
    let mut next = end;
    let starts = needle::starts(&window.bytes, needle).into_iter();
    for start in starts.map(|at| window.offset + at as u64) {
        if start >= end {
            break;
        }
        from.total += 1;
        from.before += u64::from(start < from.hit);
        // Matches do not overlap, here nor where two steps meet.
        next = next.max(start + needle.len() as u64);
    }
    let reached = window.offset + window.bytes.len() as u64;
    let done = reached >= window.total;
    from.at = next.min(reached.max(from.at + 1));
    (from, done)
}

/// Looks through whole messages, one after the other, until a step's worth of bytes is read.
fn search_messages(source: &dyn Source, id: FlowId, from: SearchFrom) -> Found {
    let mut at = from.at;
    let mut read = 0;
    while read < SEARCH_STEP {
        let nth = match from.backwards {
            true => at.checked_sub(1),
            false => Some(at),
        };
        let window = nth.and_then(|nth| source.messages(id, nth..nth + 1));
        let (Some(nth), Some(window)) = (nth, window) else {
            return Found::Nowhere(from);
        };
        if nth >= window.total {
            return Found::Nowhere(from);
        }
        for head in window.items.iter().filter(|_| window.first == nth) {
            if has(source, id, head, from.needle.as_bytes()) {
                return Found::At(nth);
            }
            read += head.payload.len;
        }
        // Messages of no bytes take time too.
        read += SEARCH_STEP / 4096;
        at = if from.backwards { nth } else { nth + 1 };
    }
    Found::GoOn(SearchFrom { at, ..from })
}

/// Looks through the rows of the list, some at a time.
fn search_flows(source: &dyn Source, from: SearchFrom) -> Found {
    let step = FLOWS_STEP as u64;
    let range = if from.backwards {
        from.at.saturating_sub(step)..from.at
    } else {
        from.at..from.at.saturating_add(step)
    };
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let end = usize::try_from(range.end).unwrap_or(usize::MAX);
    let ids = source.ids(start..end);
    let full = ids.len() == end - start;
    let is_hit = |id: &FlowId| {
        let row = source.summary(*id);
        row.is_some_and(|row| flow_list::holds(&row, &from.needle))
    };
    let hit = if from.backwards {
        ids.iter().rposition(is_hit)
    } else {
        ids.iter().position(is_hit)
    };
    match hit {
        Some(at) => Found::At((start + at) as u64),
        None if from.backwards && range.start > 0 => Found::GoOn(SearchFrom {
            at: range.start,
            ..from
        }),
        None if !from.backwards && full => Found::GoOn(SearchFrom {
            at: range.end,
            ..from
        }),
        None => Found::Nowhere(from),
    }
}

fn has(source: &dyn Source, id: FlowId, head: &MessageHead, needle: &[u8]) -> bool {
    let (step, overlap) = (SEARCH_STEP, needle.len().saturating_sub(1) as u64);
    let mut at = 0;
    while at < head.payload.len {
        let range = at..at + step + overlap;
        let Some(window) = source.payload(id, head.side, head.payload, range) else {
            return false;
        };
        if needle::find(&window.bytes, needle).is_some() {
            return true;
        }
        at += step;
    }
    false
}
