//! The lists of a volume as bytes.
//!
//! A list is the distance of its gram from the one before, a number whose lowest bit says whether the list is dense and
//! whose others are its length in bytes, and the list: of a dense one a bit for each block, of another the distance of
//! each block from the one before. Numbers are LEB128.

use super::{BLOCKS, Bits, Chunk};
use crate::search::grams::Gram;

/// A chunk ends with the list that makes it so many bytes.
const CHUNK_BYTES: usize = 4096;

/// Grams are put in order by this many bits at a time.
const DIGIT: u32 = 12;

/// The grams of all blocks, and where each block's end.
pub(super) fn encode(grams: Vec<Gram>, ends: &[u32]) -> (Vec<u8>, Vec<Chunk>) {
    let sorted = sort(grams, ends);
    let mut out = Writer {
        blocks: ends.len(),
        bytes: Vec::with_capacity(sorted.entries.len() / 2),
        chunks: Vec::new(),
        last: Gram(0),
    };
    let mut rest = &*sorted.entries;
    for (high, end) in (0_u32..).zip(&sorted.ends) {
        let (mut bucket, left) =
            rest.split_at((*end as usize) - (sorted.entries.len() - rest.len()));
        rest = left;
        while let Some(first) = bucket.first() {
            let low = first.low();
            let len = bucket.partition_point(|entry| entry.low() == low);
            let (list, left) = bucket.split_at(len);
            bucket = left;
            out.list(Gram(high << DIGIT | low), list);
        }
    }
    (out.bytes, out.chunks)
}

/// The lower half of a gram, and a block that holds it.
#[derive(Clone, Copy, Default)]
struct Entry(u32);

impl Entry {
    fn new(low: u32, block: usize) -> Self {
        Self(low << DIGIT | block as u32)
    }

    fn low(self) -> u32 {
        self.0 >> DIGIT
    }

    fn block(self) -> usize {
        (self.0 & ((1 << DIGIT) - 1)) as usize
    }
}

const _: () = assert!(
    BLOCKS <= 1 << DIGIT,
    "a block's number has its place in an entry"
);

/// In the order of grams, then of blocks.
struct Sorted {
    entries: Vec<Entry>,
    /// For each upper half of a gram where its entries end.
    ends: Vec<u32>,
}

/// Sorts by the lower half of the grams, then by the upper one; neither pass changes the order of what is alike.
fn sort(mut grams: Vec<Gram>, ends: &[u32]) -> Sorted {
    const MASK: u32 = (1 << DIGIT) - 1;
    let mut places = places(grams.iter().map(|gram| gram.0 & MASK));
    let mut by_low = vec![Entry::default(); grams.len()];
    let mut start = 0;
    for (block, end) in ends.iter().enumerate() {
        let end = *end as usize;
        for gram in grams.get(start..end).unwrap_or_default() {
            // What of the gram is not its place.
            put(
                &mut by_low,
                &mut places,
                gram.0 & MASK,
                Entry::new(gram.0 >> DIGIT, block),
            );
        }
        start = end;
    }
    // Each place is where the entries of its digit end.
    let low_ends = places;
    let mut places = self::places(by_low.iter().map(|entry| entry.low()));
    grams.clear();
    // The same room, for as many entries.
    let mut entries: Vec<Entry> = grams.into_iter().map(|gram| Entry(gram.0)).collect();
    entries.resize(by_low.len(), Entry::default());
    let mut start = 0;
    for (low, end) in (0..).zip(&low_ends) {
        let end = *end as usize;
        for entry in by_low.get(start..end).unwrap_or_default() {
            put(
                &mut entries,
                &mut places,
                entry.low(),
                Entry::new(low, entry.block()),
            );
        }
        start = end;
    }
    Sorted {
        entries,
        ends: places,
    }
}

/// For each digit where its entries begin.
fn places(digits: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut places = vec![0; 1 << DIGIT];
    for digit in digits {
        if let Some(count) = places.get_mut(digit as usize) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for place in &mut places {
        let count = *place;
        *place = sum;
        sum += count;
    }
    places
}

fn put(entries: &mut [Entry], places: &mut [u32], digit: u32, entry: Entry) {
    if let Some(place) = places.get_mut(digit as usize) {
        if let Some(slot) = entries.get_mut(*place as usize) {
            *slot = entry;
        }
        *place += 1;
    }
}

struct Writer {
    blocks: usize,
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
    last: Gram,
}

impl Writer {
    fn list(&mut self, gram: Gram, entries: &[Entry]) {
        let full = match self.chunks.last() {
            Some(chunk) => self.bytes.len() - chunk.at as usize >= CHUNK_BYTES,
            None => true,
        };
        if full {
            let at = self.bytes.len() as u32;
            self.chunks.push(Chunk { gram, at });
            self.last = gram;
        }
        number(&mut self.bytes, gram.0 - self.last.0);
        self.last = gram;
        let dense = self.blocks.div_ceil(8);
        // A distance takes one byte, mostly.
        if entries.len() >= dense {
            number(&mut self.bytes, (dense as u32) << 1 | 1);
            let start = self.bytes.len();
            self.bytes.resize(start + dense, 0);
            for entry in entries {
                if let Some(byte) = self.bytes.get_mut(start + entry.block() / 8) {
                    *byte |= 1 << (entry.block() % 8);
                }
            }
            return;
        }
        let distances = entries.iter().scan(0, |last, entry| {
            let distance = entry.block() - *last;
            *last = entry.block();
            Some(distance as u32)
        });
        let len: usize = distances
            .clone()
            .map(|d| if d < 0x80 { 1 } else { 2 })
            .sum();
        number(&mut self.bytes, (len as u32) << 1);
        for distance in distances {
            number(&mut self.bytes, distance);
        }
    }
}

fn number(out: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A list as it was read.
pub(super) struct List<'a> {
    bytes: &'a [u8],
    dense: bool,
}

impl List<'_> {
    /// Blocks that there cannot be are left out.
    pub(super) fn add_to(&self, bits: &mut Bits) {
        if self.dense {
            for (at, byte) in self.bytes.iter().enumerate() {
                if let Some(word) = bits.0.get_mut(at / 8) {
                    *word |= u64::from(*byte) << (at % 8 * 8);
                }
            }
            return;
        }
        let (mut bytes, mut block) = (self.bytes, 0);
        while let Some(distance) = take(&mut bytes) {
            block += distance as usize;
            bits.set(block);
        }
    }
}

/// Gives the lists of a chunk that begins with that gram to `each` until that says no. None if it is damaged.
pub(super) fn decode(
    mut bytes: &[u8],
    first: Gram,
    blocks: usize,
    mut each: impl FnMut(Gram, List<'_>) -> bool,
) -> Option<()> {
    let mut gram = first;
    while !bytes.is_empty() {
        gram.0 = gram.0.checked_add(take(&mut bytes)?)?;
        let head = take(&mut bytes)?;
        let (list, rest) = bytes.split_at_checked((head >> 1) as usize)?;
        bytes = rest;
        let dense = head & 1 != 0;
        if dense && list.len() != blocks.div_ceil(8) {
            return None;
        }
        if !each(gram, List { bytes: list, dense }) {
            break;
        }
    }
    Some(())
}

fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut n = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u32::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(n);
        }
    }
    None
}
