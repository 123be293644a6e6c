//! From texts to volumes: blocks are filled, volumes written.

use std::collections::HashMap;
use std::io;

use ratel_flow::FlowId;

use super::catalog::{Covered, Extent};
use super::files::Files;
use super::grams::{Collector, Kind};
use super::volume::{BLOCKS, Draft, GRAMS_MOST, OVERLAP, Slice, Unit, Volume};

/// Text of a block, in bytes.
const BLOCK_BYTES: usize = if cfg!(test) { 1024 } else { 16 * 1024 };

/// A block has the heads of no more flows than this, and parts of no more bodies: all of them are read to see whether
/// what is looked for is there.
const BLOCK_SLICES: usize = 32;

/// A body that is text and noise in turn makes no more slices of a block than this.
const SLICES_MOST: usize = 2 * BLOCK_SLICES;

/// Fewer bytes do not say of what kind a text is that goes on.
const SAID_BY: usize = 64;

/// Heads are much alike, so that a block of them may be long before it has as many grams as this.
const HEAD_GRAMS: usize = 3072;

/// A volume has no more text than this, and is of no more flows, since those that wait to be in one are read as long as
/// they do.
const VOLUME_BYTES: usize = if cfg!(test) { 20_000 } else { 32 * 1024 * 1024 };
const VOLUME_FLOWS: usize = if cfg!(test) { 40 } else { 4096 };

/// Makes volumes of texts.
pub(super) struct Builder {
    /// The number of the volume that is being made.
    number: u32,
    draft: Draft,
    heads: Block,
    /// One for each kind of bytes, lest noise spoils what is kept of text.
    bodies: [Block; 3],
    /// Of what is being read.
    kind: Kind,
    /// The last bytes of the unit that is being read.
    tail: Vec<u8>,
    at: Option<(FlowId, Unit, u64)>,
    /// Flows that are covered with the volume that is being made.
    covers: HashMap<FlowId, Cover>,
    bytes: usize,
    /// The last volume that could not be written, and the last one that is gone.
    lost: u32,
    gone: u32,
}

/// What will be covered.
struct Cover {
    covered: Covered,
    /// What was added to it lies in this volume and later ones.
    since: u32,
}

/// A block that is being filled.
struct Block {
    collector: Collector,
    slices: Vec<Slice>,
}

impl Block {
    fn new(kind: Kind) -> Self {
        Self {
            collector: Collector::new(kind),
            slices: Vec::new(),
        }
    }

    fn end(&mut self, draft: &mut Draft) {
        if self.slices.is_empty() {
            return;
        }
        draft.block(self.slices.drain(..), |mut take| {
            self.collector.finish(&mut take)
        });
    }
}

/// A volume that was made, or not.
pub(super) struct Sealed {
    pub(super) volume: io::Result<Volume>,
    /// The flows that are covered with it.
    pub(super) covers: Vec<(FlowId, Covered)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            number: 1,
            draft: Draft::default(),
            heads: Block::new(Kind::Text),
            bodies: [Kind::Text, Kind::Mixed, Kind::Binary].map(Block::new),
            kind: Kind::Text,
            tail: Vec::new(),
            at: None,
            covers: HashMap::new(),
            bytes: 0,
            lost: 0,
            gone: 0,
        }
    }
}

impl Builder {
    /// The number of the volume that is being made.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// A text of a flow's heads.
    pub(super) fn head(&mut self, text: &[u8]) {
        self.heads.collector.feed(text);
        self.heads.collector.cut();
        self.bytes += text.len();
    }

    /// The texts before were the heads of that flow.
    pub(super) fn heads_of(&mut self, flow: FlowId) {
        self.heads.slices.push(Slice {
            flow,
            start: 0,
            len: 0,
            unit: Unit::Heads,
        });
        let full =
            self.heads.slices.len() >= BLOCK_SLICES || self.heads.collector.len() >= HEAD_GRAMS;
        if full {
            self.heads.end(&mut self.draft);
        }
    }

    /// The text of a unit follows, from that offset on.
    pub(super) fn begin(&mut self, flow: FlowId, unit: Unit, at: u64) {
        self.at = Some((flow, unit, at));
        self.tail.clear();
    }

    /// What stands before the first byte, and is in the index already.
    pub(super) fn before(&mut self, text: &[u8]) {
        let from = text.len().saturating_sub(OVERLAP);
        self.tail.clear();
        self.tail
            .extend_from_slice(text.get(from..).unwrap_or_default());
        // It goes before the first text of the block that has what follows.
        let Self {
            bodies, kind, tail, ..
        } = self;
        kind.of_them(bodies).collector.feed(tail);
    }

    /// The block for the kind of bytes that is being read.
    fn body(&mut self) -> &mut Block {
        self.kind.of_them(&mut self.bodies)
    }

    /// Has those bytes go to a block of their kind.
    fn choose(&mut self, text: &[u8]) {
        // What is short says little.
        if text.len() < SAID_BY && !self.tail.is_empty() {
            return;
        }
        let kind = Kind::of(text);
        if kind != self.kind {
            self.body().collector.cut();
            self.kind = kind;
            let Self { bodies, tail, .. } = self;
            kind.of_them(bodies).collector.feed(tail);
        }
    }

    /// Ends the block if it has as much as one may.
    fn end_full(&mut self) {
        let Self {
            bodies,
            kind,
            tail,
            draft,
            ..
        } = self;
        let block = kind.of_them(bodies);
        if block.collector.bytes() >= BLOCK_BYTES || block.slices.len() >= SLICES_MOST {
            block.end(draft);
            block.collector.feed(tail);
        }
    }

    /// Text that follows on what was there. Not more than some 64 KiB at once, so that a volume does not become too
    /// large before it is asked whether it is full.
    pub(super) fn text(&mut self, mut text: &[u8]) {
        self.bytes += text.len();
        self.choose(text);
        while !text.is_empty() {
            let filled = self.body().collector.bytes();
            let room = BLOCK_BYTES.saturating_sub(filled).max(1);
            let (part, rest) = text.split_at(room.min(text.len()));
            text = rest;
            self.body().collector.feed(part);
            self.note(part.len());
            self.keep(part);
            self.end_full();
        }
    }

    /// The unit got longer by so much.
    fn note(&mut self, len: usize) {
        let Some((flow, unit, at)) = &mut self.at else {
            return;
        };
        let len = len as u32;
        let slices = &mut self.kind.of_them(&mut self.bodies).slices;
        match slices.last_mut() {
            Some(last) if last.flow == *flow && last.unit == *unit && last.end() == *at => {
                last.len += len;
            }
            _ => slices.push(Slice {
                flow: *flow,
                start: *at,
                len,
                unit: *unit,
            }),
        }
        *at += u64::from(len);
    }

    fn keep(&mut self, part: &[u8]) {
        if part.len() >= OVERLAP {
            self.tail.clear();
        } else {
            let surplus = (self.tail.len() + part.len()).saturating_sub(OVERLAP);
            self.tail.drain(..surplus.min(self.tail.len()));
        }
        let from = part.len().saturating_sub(OVERLAP);
        self.tail
            .extend_from_slice(part.get(from..).unwrap_or_default());
    }

    /// Text of a message that is compressed by itself: the unit is counted in messages.
    pub(super) fn message(&mut self, number: u64, text: &[u8]) {
        self.bytes += text.len();
        self.choose(text);
        for part in text.chunks(BLOCK_BYTES) {
            self.body().collector.feed(part);
            self.keep(part);
            if let Some((_, _, at)) = &mut self.at {
                *at = number;
            }
            self.note(1);
            self.end_full();
        }
    }

    /// Text is missing up to that offset.
    pub(super) fn skip(&mut self, to: u64) {
        self.cut();
        if let Some((_, _, at)) = &mut self.at {
            *at = to;
        }
    }

    /// The unit, or what may be found as a whole, ends here.
    pub(super) fn cut(&mut self) {
        self.tail.clear();
        let Self {
            bodies,
            kind,
            draft,
            ..
        } = self;
        let block = kind.of_them(bodies);
        block.collector.cut();
        if block.slices.len() >= BLOCK_SLICES {
            block.end(draft);
        }
    }

    /// All text of the flow was given, or all that there is so far. What was added lies in the volumes from `since` on.
    pub(super) fn cover(&mut self, flow: FlowId, covered: Covered, since: u32) {
        if covered.from > self.gone && since > self.lost {
            self.covers.insert(flow, Cover { covered, since });
        }
    }

    /// Whether the flow is covered with the volume that is being made.
    pub(super) fn covers(&self, flow: FlowId, extent: Extent) -> bool {
        let cover = self.covers.get(&flow);
        cover.is_some_and(|cover| cover.covered.extent == extent)
    }

    /// The first volume that has text of a flow that will be covered.
    pub(super) fn needs(&self) -> u32 {
        let covers = self.covers.values().map(|cover| cover.covered.from);
        covers.min().unwrap_or(self.number)
    }

    /// The volumes up to that one are gone: what has text in them is not covered.
    pub(super) fn without(&mut self, gone: u32) {
        self.gone = gone;
        self.covers.retain(|_, cover| cover.covered.from > gone);
    }

    /// Whether the volume should be written, before more text is given.
    pub(super) fn is_full(&self) -> bool {
        // A message that is long makes many blocks at once.
        self.draft.blocks() >= BLOCKS * 3 / 4
            || self.draft.grams() >= GRAMS_MOST
            || self.bytes >= VOLUME_BYTES
            || self.covers.len() >= VOLUME_FLOWS
    }

    /// Writes the volume and begins the next one, in the middle of a unit if need be.
    pub(super) fn seal(&mut self, files: &mut Files) -> Sealed {
        self.heads.end(&mut self.draft);
        for block in &mut self.bodies {
            block.end(&mut self.draft);
        }
        let (lists, volume) = self.draft.encode();
        let number = self.number;
        self.number += 1;
        self.bytes = 0;
        let Self {
            bodies, kind, tail, ..
        } = self;
        kind.of_them(bodies).collector.feed(tail);
        let covers = std::mem::take(&mut self.covers);
        let volume = match files.append(&lists) {
            Ok(place) => Ok(volume.at(number, place)),
            Err(error) => {
                self.lost = number;
                Err(error)
            }
        };
        let lost = self.lost;
        let covers = covers.into_iter().filter(|(_, cover)| cover.since > lost);
        let covers = covers.map(|(flow, cover)| (flow, cover.covered)).collect();
        Sealed { volume, covers }
    }
}
