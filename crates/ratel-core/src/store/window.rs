//! Windows of a body.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{FlowId, Side, Timestamp};

use super::extents::{Extents, Found, Loc};
use super::index::{Entry, nth};
use super::segments::Segment;
use super::source::{Cached, Source};
use super::{Shared, read_lock};

/// No window is larger than this, in bytes.
pub const WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// A part of a body as it was recorded up to the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The bytes from `offset` on. Fewer than asked for at the end of the body, at [`WINDOW_BYTES`], and before
    /// bytes that were lost; go on at `offset + bytes.len()`.
    pub bytes: Bytes,
    /// Where `bytes` begin in the body. Larger than asked for when bytes there were lost.
    pub offset: u64,
    /// Bytes of the body so far.
    pub total: u64,
    /// The body is complete: `total` is its length.
    pub complete: bool,
    /// The bytes between the offset asked for and `offset` are gone: the disk was full, or over its budget.
    pub lost: bool,
}

pub(super) fn body(shared: &Shared, id: FlowId, side: Side, range: Range<u64>) -> Option<Window> {
    read(shared, id, range, |entry| {
        let end = entry.ends.get(nth(side))?;
        Some((entry.bodies.get(nth(side))?, *end != Timestamp(0)))
    })
}

/// A part of what one list of extents holds, at most [`WINDOW_BYTES`] of it. `list` says which, and whether it is
/// complete.
pub(super) fn read(
    shared: &Shared,
    id: FlowId,
    range: Range<u64>,
    list: impl FnOnce(&Entry) -> Option<(&Extents, bool)>,
) -> Option<Window> {
    read_from(&mut Cached::default(), shared, id, range, list)
}

/// As [`read`], from a source of the caller's.
pub(super) fn read_from(
    source: &mut impl Source,
    shared: &Shared,
    id: FlowId,
    range: Range<u64>,
    list: impl FnOnce(&Entry) -> Option<(&Extents, bool)>,
) -> Option<Window> {
    let index = read_lock(&shared.index);
    let (body, complete) = list(index.get(id)?)?;
    let asked = Asked::of(body, range);
    drop(index);
    Some(asked.read(source, shared, complete))
}

/// A part of a list of extents that somebody has kept.
pub(super) fn read_kept(shared: &Shared, body: &Extents, range: Range<u64>) -> Window {
    Asked::of(body, range).read(&mut Cached::default(), shared, true)
}

/// What is to be read of a list.
struct Asked {
    found: Found,
    from: u64,
    to: u64,
    total: u64,
}

impl Asked {
    fn of(body: &Extents, range: Range<u64>) -> Self {
        let total = body.len;
        let from = range.start.min(total);
        let to = range.end.min(total).min(from + WINDOW_BYTES).max(from);
        let found = if from < to {
            body.find(from, to)
        } else {
            Found::default()
        };
        Self {
            found,
            from,
            to,
            total,
        }
    }

    fn read(self, source: &mut impl Source, shared: &Shared, complete: bool) -> Window {
        let Self {
            mut found,
            from,
            to,
            total,
        } = self;
        let segment = |number| read_lock(&shared.index).segment(number);
        found.complete(from, to, &segment);
        let mut run = Run {
            segment,
            held: None,
            source,
            alone: found.pieces.len() == 1,
            bytes: Vec::new(),
            offset: from,
            at: from,
        };
        for (start, piece) in found.pieces {
            let clipped = clip(start, piece, from, to);
            if let Some((start, piece)) = clipped
                && !run.add(start, piece)
            {
                break;
            }
        }
        let bytes = Bytes::from(run.bytes);
        let offset = if bytes.is_empty() { to } else { run.offset };
        Window {
            lost: offset > from,
            bytes,
            offset,
            total,
            complete,
        }
    }
}

/// The part of a piece that begins at `start` which lies within `from..to`.
fn clip(start: u64, piece: Loc, from: u64, to: u64) -> Option<(u64, Loc)> {
    let end = start + u64::from(piece.len);
    let (first, last) = (start.max(from), end.min(to));
    let skip = u32::try_from(first.checked_sub(start)?).ok()?;
    let len = u32::try_from(last.checked_sub(first)?).ok()?;
    let at = if piece.segment == 0 {
        0
    } else {
        piece.at + skip
    };
    (len > 0).then_some((first, Loc { at, len, ..piece }))
}

/// The first run of bytes that are there.
struct Run<'a, F, S> {
    segment: F,
    /// The segment that the last piece lay in.
    held: Option<Arc<Segment>>,
    source: &'a mut S,
    /// There is one piece.
    alone: bool,
    bytes: Vec<u8>,
    offset: u64,
    /// Body offset of the next byte.
    at: u64,
}

impl<F: Fn(u32) -> Option<Arc<Segment>>, S: Source> Run<'_, F, S> {
    /// Appends a piece. False when the run is at its end: the piece is lost and something stood before it.
    fn add(&mut self, start: u64, piece: Loc) -> bool {
        let begun = !self.bytes.is_empty();
        if begun && start != self.at {
            return false;
        }
        let kept = self.bytes.len();
        if self.read(piece).is_none() {
            self.bytes.truncate(kept);
            return !begun;
        }
        if !begun {
            self.offset = start;
        }
        self.at = start + u64::from(piece.len);
        true
    }

    fn read(&mut self, piece: Loc) -> Option<()> {
        if piece.segment == 0 {
            return None;
        }
        let held = self.held.take();
        let segment = match held.filter(|held| held.number == piece.segment) {
            Some(held) => held,
            None => (self.segment)(piece.segment)?,
        };
        let segment = self.held.insert(segment);
        let len = piece.len as usize;
        let whole = self
            .source
            .append(segment, piece.at, len, self.alone, &mut self.bytes);
        whole.then_some(())
    }
}
