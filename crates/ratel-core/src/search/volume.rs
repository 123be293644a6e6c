//! Volumes: the index, in parts that are written once.
//!
//! A volume covers up to 4,096 *blocks* of text. For each gram it has the list of blocks that hold it, either as
//! distances or as a bit for each block, whatever is shorter. The lists lie in a file in the order of their grams, in
//! chunks of about 4 KiB that are read as a whole; memory has the first gram of each chunk, and of what flows the text
//! of each block is.

mod encode;

use std::io;
use std::sync::Arc;

use ratel_flow::{FlowId, Side};

use super::files::Place;
use super::grams::{Gram, Level};

/// Blocks of a volume.
pub(super) const BLOCKS: usize = 4096;

/// A draft with so many grams, all blocks together, is made a volume. It takes 4 bytes for each, and as much again while
/// it is put in order.
pub(super) const GRAMS_MOST: usize = 2 << 20;

/// A needle is looked for by its first bytes, so many. A block that begins within a text has as many bytes of what stands
/// before it.
pub(super) const OVERLAP: usize = 256;

/// No more grams of a needle than this are looked up.
const LOOKED_UP: usize = 48;

/// A text of a flow, or what its texts of one kind are one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Unit {
    /// URL, headers, trailers.
    Heads,
    /// A body, decoded where it can be; all payloads of a WebSocket or of a raw connection.
    Body(Side),
    /// A body as it was sent, which could not be decoded to its end.
    AsSent(Side),
    /// What is kept beside the body.
    Extra(Side),
    /// Messages that are compressed each by itself. Counted in messages.
    Unpacked(Side),
}

/// The part of a unit that lies in a block: needles of up to [`OVERLAP`] bytes that end there are in the block as a
/// whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) flow: FlowId,
    /// Offset in the unit.
    pub(super) start: u64,
    pub(super) len: u32,
    pub(super) unit: Unit,
}

impl Slice {
    pub(super) fn end(&self) -> u64 {
        self.start + u64::from(self.len)
    }
}

/// A volume that is being made.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) slices: Vec<Slice>,
    /// For each block where its slices end.
    blocks: Vec<u32>,
    levels: Vec<Level>,
    grams: Vec<Gram>,
    /// For each block where its grams end.
    gram_ends: Vec<u32>,
}

impl Draft {
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    pub(super) fn grams(&self) -> usize {
        self.grams.len()
    }

    /// Takes a block: `finish` gives its grams and says at which level they are.
    pub(super) fn block(
        &mut self,
        slices: impl Iterator<Item = Slice>,
        finish: impl FnOnce(&mut dyn FnMut(Gram)) -> Level,
    ) {
        let level = finish(&mut |gram| self.grams.push(gram));
        self.slices.extend(slices);
        self.blocks.push(self.slices.len() as u32);
        self.levels.push(level);
        self.gram_ends.push(self.grams.len() as u32);
    }

    /// The lists, to be written, and the volume, which wants to know where they were written. Empties the draft.
    pub(super) fn encode(&mut self) -> (Vec<u8>, Unplaced) {
        let (lists, chunks) = encode::encode(std::mem::take(&mut self.grams), &self.gram_ends);
        let mut levels: Vec<(Level, Bits)> = Vec::new();
        for (block, level) in self.levels.iter().enumerate() {
            let at = levels.iter().position(|(known, _)| known == level);
            let at = at.unwrap_or_else(|| {
                levels.push((*level, Bits::default()));
                levels.len() - 1
            });
            if let Some((_, bits)) = levels.get_mut(at) {
                bits.set(block);
            }
        }
        self.levels.clear();
        self.gram_ends.clear();
        let volume = Unplaced {
            slices: std::mem::take(&mut self.slices).into(),
            blocks: std::mem::take(&mut self.blocks).into(),
            levels: levels.into(),
            chunks: chunks.into(),
            len: lists.len() as u32,
        };
        (lists, volume)
    }
}

/// A volume whose lists are not written yet.
pub(super) struct Unplaced {
    slices: Box<[Slice]>,
    blocks: Box<[u32]>,
    levels: Box<[(Level, Bits)]>,
    chunks: Box<[Chunk]>,
    len: u32,
}

impl Unplaced {
    pub(super) fn at(self, number: u32, place: Place) -> Volume {
        let Self {
            slices,
            blocks,
            levels,
            chunks,
            len,
        } = self;
        Volume {
            number,
            slices,
            blocks,
            levels,
            chunks,
            len,
            place,
        }
    }
}

/// Where the lists of some grams are.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// The first of them.
    gram: Gram,
    /// Offset of the first byte.
    at: u32,
}

/// A part of the index.
pub(super) struct Volume {
    pub(super) number: u32,
    pub(super) slices: Box<[Slice]>,
    blocks: Box<[u32]>,
    /// The levels that there are, and the blocks that have them.
    levels: Box<[(Level, Bits)]>,
    chunks: Box<[Chunk]>,
    len: u32,
    place: Place,
}

impl Volume {
    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.slices)
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.levels)
            + size_of_val(&*self.chunks)
    }

    /// Its lists cannot be read any longer, for tests.
    #[cfg(test)]
    pub(super) fn damage(&self) {
        self.place.damage();
    }

    /// The slices of a block.
    pub(super) fn block(&self, block: usize) -> &[Slice] {
        let end = self.blocks.get(block).map_or(0, |end| *end as usize);
        let start = match block.checked_sub(1) {
            Some(before) => self.blocks.get(before).map_or(0, |end| *end as usize),
            None => 0,
        };
        self.slices.get(start..end).unwrap_or_default()
    }

    /// The blocks that may hold one of those texts, which are in small letters.
    pub(super) fn holding_any(&self, texts: &[Box<[u8]>], page: &mut Page) -> Bits {
        let mut found = Bits::default();
        for text in texts {
            match self.holding(text, page) {
                Ok(holding) => found.join(&holding),
                Err(error) => {
                    tracing::debug!(%error, "cannot read the search index; more flows are read");
                    return Bits::first(self.blocks.len());
                }
            }
        }
        found
    }

    /// The blocks that may hold the needle, which is in small letters.
    ///
    /// # Errors
    /// When the lists cannot be read.
    fn holding(&self, needle: &[u8], page: &mut Page) -> io::Result<Bits> {
        match *needle {
            [] | [_] => Ok(Bits::first(self.blocks.len())),
            [a, b] => {
                let mut found = self.beginning_with([a, b], page)?;
                for (level, blocks) in &self.levels {
                    if *level != Level::All {
                        found.join(blocks);
                    }
                }
                Ok(found)
            }
            _ => {
                let needle = needle.get(..OVERLAP).unwrap_or(needle);
                let grams = Gram::all_of(needle);
                let step = grams.len().div_ceil(LOOKED_UP).max(1);
                let mut found = Bits::first(self.blocks.len());
                for gram in grams.into_iter().step_by(step) {
                    let mut holding = self.list(gram, page)?;
                    for (level, blocks) in &self.levels {
                        if !level.keeps(gram) {
                            holding.join(blocks);
                        }
                    }
                    found.meet(&holding);
                    if found.is_empty() {
                        break;
                    }
                }
                Ok(found)
            }
        }
    }

    /// The blocks that hold a gram, as far as it is kept.
    fn list(&self, gram: Gram, page: &mut Page) -> io::Result<Bits> {
        let mut found = Bits::default();
        let after = self.chunks.partition_point(|chunk| chunk.gram <= gram);
        if let Some(at) = after.checked_sub(1) {
            self.chunk(at, page, |this, list| {
                if this == gram {
                    list.add_to(&mut found);
                }
                this < gram
            })?;
        }
        Ok(found)
    }

    fn beginning_with(&self, [a, b]: [u8; 2], page: &mut Page) -> io::Result<Bits> {
        let mut found = Bits::default();
        let first = Gram::of([a, b, 0]);
        let last = Gram(first.0 | 0xff);
        let after = self.chunks.partition_point(|chunk| chunk.gram <= first);
        for at in after.saturating_sub(1)..self.chunks.len() {
            if self.chunks.get(at).is_none_or(|chunk| chunk.gram > last) {
                break;
            }
            self.chunk(at, page, |gram, list| {
                if (first..=last).contains(&gram) {
                    list.add_to(&mut found);
                }
                gram <= last
            })?;
        }
        Ok(found)
    }

    /// Gives the lists of a chunk to `each` until that says no.
    fn chunk(
        &self,
        at: usize,
        page: &mut Page,
        each: impl FnMut(Gram, encode::List<'_>) -> bool,
    ) -> io::Result<()> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let chunk = self.chunks.get(at).ok_or_else(damaged)?;
        let end = self.chunks.get(at + 1).map_or(self.len, |next| next.at);
        let len = end.checked_sub(chunk.at).ok_or_else(damaged)? as usize;
        if page.is != Some((self.number, at)) {
            page.is = None;
            page.bytes.resize(len, 0);
            self.place.read(chunk.at, &mut page.bytes)?;
            page.is = Some((self.number, at));
        }
        encode::decode(&page.bytes, chunk.gram, self.blocks.len(), each).ok_or_else(damaged)
    }
}

/// The chunk that was read last: grams that are alike lie together.
#[derive(Default)]
pub(super) struct Page {
    is: Option<(u32, usize)>,
    bytes: Vec<u8>,
}

/// A set of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits([u64; BLOCKS / 64]);

impl Default for Bits {
    fn default() -> Self {
        Self([0; BLOCKS / 64])
    }
}

impl Bits {
    /// The first blocks, so many.
    pub(super) fn first(count: usize) -> Self {
        let mut bits = Self::default();
        for (at, word) in bits.0.iter_mut().enumerate() {
            *word = match count.saturating_sub(at * 64) {
                0 => 0,
                left @ 1..64 => (1 << left) - 1,
                _ => u64::MAX,
            };
        }
        bits
    }

    pub(super) fn set(&mut self, block: usize) {
        if let Some(word) = self.0.get_mut(block / 64) {
            *word |= 1 << (block % 64);
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn meet(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The blocks in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.checked_sub(1)?;
                Some(at * 64 + bit)
            })
        })
    }
}

/// Shared by the catalog and the searches that go on.
pub(super) type Volumes = Vec<Arc<Volume>>;

#[cfg(test)]
mod tests;
