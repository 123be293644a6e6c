//! Where the pieces of one body lie: from a single extent up to millions of them in bounded memory.
//!
//! Most bodies are one extent, kept inline. A body whose pieces are interleaved with other flows' gets a list; when
//! the list is long it is *spilled*: written to the segments as a block that names the block before it. Blocks are
//! found by a skip table of bounded size: when it is full every second entry goes, and the links bridge the gaps.

use std::sync::Arc;

use super::segments::Segment;

/// A list longer than this is spilled.
const LISTED: usize = if cfg!(test) { 8 } else { 256 };

/// Entries of a skip table; past this every second one is dropped.
const SKIPS: usize = if cfg!(test) { 4 } else { 1024 };

/// Bytes of a block before its extents: previous block (12), body offset (8).
const BLOCK_HEAD: usize = 20;

/// Bytes of an extent in a block.
const EXTENT_BYTES: usize = 12;

/// Where bytes lie in the segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loc {
    /// Number of the segment; 0 for bytes that were lost or never were.
    pub(super) segment: u32,
    /// Offset in the segment's file.
    pub(super) at: u32,
    /// Length in bytes.
    pub(super) len: u32,
}

impl Loc {
    /// Bytes that were never written.
    pub(super) fn lost(len: u32) -> Self {
        Self {
            segment: 0,
            at: 0,
            len,
        }
    }

    /// Joined with `next` if that follows on in the file, or if both are lost.
    fn join(self, next: Self) -> Option<Self> {
        let adjacent = self.segment == 0 || self.at.checked_add(self.len) == Some(next.at);
        let len = self.len.checked_add(next.len)?;
        (self.segment == next.segment && adjacent).then_some(Self { len, ..self })
    }

    fn put(self, out: &mut Vec<u8>) {
        for n in [self.segment, self.at, self.len] {
            out.extend_from_slice(&n.to_le_bytes());
        }
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes
            .chunks_exact(4)
            .map(|w| w.try_into().map(u32::from_le_bytes));
        Some(Self {
            segment: words.next()?.ok()?,
            at: words.next()?.ok()?,
            len: words.next()?.ok()?,
        })
    }
}

/// All pieces of a body, in order. Blocks that were spilled are shared by clones.
#[derive(Clone, Debug, Default)]
pub(super) struct Extents {
    /// Sum of the pieces' lengths.
    pub(super) len: u64,
    list: List,
}

#[derive(Clone, Debug, Default)]
enum List {
    #[default]
    Empty,
    One(Loc),
    Many(Box<Many>),
}

#[derive(Clone, Debug, Default)]
struct Many {
    /// The last block that was spilled.
    last: Loc,
    skips: Vec<Skip>,
    /// Body offset at which the tail begins.
    tail_start: u64,
    tail: Vec<Loc>,
}

/// A block of the chain.
#[derive(Clone, Copy, Debug)]
struct Skip {
    /// Body offset of its first byte.
    start: u64,
    block: Loc,
}

impl Extents {
    /// Appends a piece.
    pub(super) fn push(&mut self, piece: Loc) {
        self.len += u64::from(piece.len);
        match &mut self.list {
            List::Empty => self.list = List::One(piece),
            List::One(one) => match one.join(piece) {
                Some(joined) => *one = joined,
                None => {
                    let tail = vec![*one, piece];
                    self.list = List::Many(Box::new(Many {
                        tail,
                        ..Many::default()
                    }));
                }
            },
            List::Many(many) => match many
                .tail
                .last_mut()
                .and_then(|last| Some((last.join(piece)?, last)))
            {
                Some((joined, last)) => *last = joined,
                None => many.tail.push(piece),
            },
        }
    }

    /// Appends `len` lost bytes.
    pub(super) fn push_lost(&mut self, mut len: u64) {
        while len > 0 {
            let part = u32::try_from(len).unwrap_or(u32::MAX);
            self.push(Loc::lost(part));
            len -= u64::from(part);
        }
    }

    /// Bytes of memory behind this, beyond the struct itself.
    pub(super) fn heap(&self) -> usize {
        match &self.list {
            List::Many(many) => {
                size_of::<Many>()
                    + many.tail.capacity() * size_of::<Loc>()
                    + many.skips.capacity() * size_of::<Skip>()
            }
            _ => 0,
        }
    }

    /// A place that memory knows, by which lists of equal length are told apart once they grow no more.
    pub(super) fn known(&self) -> Loc {
        match &self.list {
            List::Empty => Loc::default(),
            List::One(one) => *one,
            List::Many(many) => many.tail.first().copied().unwrap_or(many.last),
        }
    }

    /// Whether a part of it may lie in that segment, or in one before.
    pub(super) fn reaches(&self, segment: u32) -> bool {
        let first = match &self.list {
            List::Empty => return false,
            List::One(one) => Some(one),
            List::Many(many) if many.skips.is_empty() => many.tail.first(),
            List::Many(_) => return true,
        };
        first.is_some_and(|first| first.segment <= segment)
    }

    /// Whether the list is so long that it should go to disk.
    pub(super) fn wants_spill(&self) -> bool {
        matches!(&self.list, List::Many(many) if many.tail.len() >= LISTED)
    }

    /// The list as a block, to be written and then given to [`spilled`](Self::spilled).
    pub(super) fn block(&self, out: &mut Vec<u8>) {
        if let List::Many(many) = &self.list {
            many.last.put(out);
            out.extend_from_slice(&many.tail_start.to_le_bytes());
            for extent in &many.tail {
                extent.put(out);
            }
        }
    }

    /// The block was written there; without a place it could not be, and its bytes are lost.
    pub(super) fn spilled(&mut self, block: Option<Loc>) {
        let len = self.len;
        let List::Many(many) = &mut self.list else {
            return;
        };
        many.tail.clear();
        // A burst may have made it far longer than lists usually get.
        many.tail.shrink_to(LISTED);
        let Some(block) = block else {
            let from = many.tail_start;
            self.len = from;
            return self.push_lost(len - from);
        };
        if many.skips.len() >= SKIPS {
            let mut keep = false;
            many.skips.retain(|_| {
                keep = !keep;
                keep
            });
        }
        many.skips.push(Skip {
            start: many.tail_start,
            block,
        });
        many.last = block;
        many.tail_start = len;
    }

    /// The pieces that overlap `from..to`, as far as memory knows them; the rest is in [`Found::chain`].
    pub(super) fn find(&self, from: u64, to: u64) -> Found {
        let mut found = Found::default();
        match &self.list {
            List::Empty => {}
            List::One(one) => found.pieces.push((0, *one)),
            List::Many(many) => {
                let mut start = many.tail_start;
                for extent in &many.tail {
                    if start >= to {
                        break;
                    }
                    let end = start + u64::from(extent.len);
                    if end > from {
                        found.pieces.push((start, *extent));
                    }
                    start = end;
                }
                if from < many.tail_start {
                    let at = many.skips.partition_point(|skip| skip.start < to);
                    let block = many.skips.get(at).map_or(many.last, |skip| skip.block);
                    found.chain = Some(block);
                }
            }
        }
        found
    }
}

/// Pieces of a body, each with the body offset where it begins, in order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) pieces: Vec<(u64, Loc)>,
    /// Earlier ones are in this block and those before it.
    chain: Option<Loc>,
}

impl Found {
    /// Follows the chain of blocks back to `from`. Blocks that are gone leave a gap.
    pub(super) fn complete(
        &mut self,
        from: u64,
        to: u64,
        segment: &impl Fn(u32) -> Option<Arc<Segment>>,
    ) {
        let mut next = self.chain.take();
        let mut blocks = Vec::new();
        while let Some(place) = next.take() {
            let Some(block) =
                segment(place.segment).and_then(|s| s.read(place.at, place.len as usize))
            else {
                break;
            };
            let Some((before, start, extents)) = parse_block(&block) else {
                break;
            };
            if start < to {
                blocks.push(overlapping(start, extents, from, to));
            }
            next = (start > from && before.segment != 0).then_some(before);
        }
        let tail = std::mem::take(&mut self.pieces);
        self.pieces = blocks.into_iter().rev().flatten().chain(tail).collect();
    }
}

fn parse_block(block: &[u8]) -> Option<(Loc, u64, &[u8])> {
    let (head, extents) = block.split_at_checked(BLOCK_HEAD)?;
    let (before, start) = head.split_at_checked(EXTENT_BYTES)?;
    Some((
        Loc::get(before)?,
        u64::from_le_bytes(start.try_into().ok()?),
        extents,
    ))
}

fn overlapping(mut start: u64, extents: &[u8], from: u64, to: u64) -> Vec<(u64, Loc)> {
    let mut pieces = Vec::new();
    for extent in extents.chunks_exact(EXTENT_BYTES).filter_map(Loc::get) {
        let end = start + u64::from(extent.len);
        if end > from && start < to {
            pieces.push((start, extent));
        }
        start = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_takes_no_memory_until_its_pieces_lie_apart() {
        let mut body = Extents::default();
        body.push(Loc {
            segment: 1,
            at: 0,
            len: 10,
        });
        body.push(Loc {
            segment: 1,
            at: 10,
            len: 5,
        });
        assert_eq!((body.len, body.heap()), (15, 0));
        body.push(Loc {
            segment: 1,
            at: 20,
            len: 5,
        });
        assert!(body.heap() > 0);
        assert_eq!(body.find(12, 17).pieces.len(), 2);
        assert_eq!(body.find(0, 15).pieces.len(), 1);
    }

    #[test]
    fn a_list_that_cannot_be_spilled_is_lost_and_keeps_its_length() {
        let mut body = Extents::default();
        while !body.wants_spill() {
            body.push(Loc {
                segment: 1,
                at: body.len as u32 * 2,
                len: 3,
            });
        }
        let len = body.len;
        body.spilled(None);
        assert_eq!(body.len, len);
        body.push(Loc {
            segment: 2,
            at: 0,
            len: 3,
        });
        assert_eq!(body.find(0, len).pieces, [(0, Loc::lost(len as u32))]);
        assert_eq!(body.find(len, len + 3).pieces.len(), 1);
    }

    #[test]
    fn a_skip_table_does_not_grow_past_its_bound() {
        let mut body = Extents::default();
        for block in 0..1000 {
            while !body.wants_spill() {
                body.push(Loc {
                    segment: 1,
                    at: body.len as u32 * 2,
                    len: 3,
                });
            }
            body.spilled(Some(Loc {
                segment: 2,
                at: block,
                len: 1,
            }));
        }
        let List::Many(many) = &body.list else {
            panic!("it has many extents")
        };
        assert!(many.skips.len() <= SKIPS && many.tail.is_empty());
        assert!(many.skips.is_sorted_by_key(|skip| skip.start));
        assert_eq!(many.skips.first().map(|skip| skip.start), Some(0));
    }
}
