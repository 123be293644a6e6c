//! Windows of a body.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{FlowId, Side, Timestamp};

use super::extents::{Extents, Found, Loc};
use super::index::{Entry, nth};
use super::segments::Segment;
use super::{Shared, read_lock};

/// No window is larger than this, in bytes.
pub const WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// Small extents are read through a buffer of this many bytes, since neighbours often lie close together.
const READ_AHEAD: usize = 64 * 1024;

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
    let index = read_lock(&shared.index);
    let (body, complete) = list(index.get(id)?)?;
    let total = body.len;
    let from = range.start.min(total);
    let to = range.end.min(total).min(from + WINDOW_BYTES).max(from);
    let mut found = if from < to {
        body.find(from, to)
    } else {
        Found::default()
    };
    drop(index);

    let segment = |number| read_lock(&shared.index).segment(number);
    found.complete(from, to, &segment);
    let mut run = Run {
        segment,
        bytes: Vec::new(),
        ahead: None,
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
    Some(Window {
        lost: offset > from,
        bytes,
        offset,
        total,
        complete,
    })
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
struct Run<S> {
    segment: S,
    bytes: Vec<u8>,
    ahead: Option<Ahead>,
    offset: u64,
    /// Body offset of the next byte.
    at: u64,
}

/// A stretch of a segment that was read for more than one extent.
struct Ahead {
    segment: u32,
    at: u32,
    bytes: Vec<u8>,
}

impl<S: Fn(u32) -> Option<Arc<Segment>>> Run<S> {
    /// Appends a piece. False when the run is at its end: the piece is lost and something stood before it.
    fn add(&mut self, start: u64, piece: Loc) -> bool {
        let begun = !self.bytes.is_empty();
        if begun && start != self.at {
            return false;
        }
        let kept = self.bytes.len();
        if !self.read(piece) {
            self.bytes.truncate(kept);
            return !begun;
        }
        if !begun {
            self.offset = start;
        }
        self.at = start + u64::from(piece.len);
        true
    }

    fn read(&mut self, piece: Loc) -> bool {
        let len = piece.len as usize;
        if piece.segment == 0 {
            return false;
        }
        if let Some(bytes) = self.ahead.as_ref().and_then(|ahead| ahead.get(piece)) {
            self.bytes.extend_from_slice(bytes);
            return true;
        }
        let Some(segment) = (self.segment)(piece.segment) else {
            return false;
        };
        if len >= READ_AHEAD {
            let kept = self.bytes.len();
            self.bytes.resize(kept + len, 0);
            return self
                .bytes
                .get_mut(kept..)
                .is_some_and(|into| segment.read_into(piece.at, into));
        }
        let mut ahead = self.ahead.take().map_or_else(Vec::new, |ahead| ahead.bytes);
        ahead.resize(READ_AHEAD, 0);
        let read = segment.read_some(piece.at, &mut ahead);
        ahead.truncate(read);
        let ahead = self.ahead.insert(Ahead {
            segment: piece.segment,
            at: piece.at,
            bytes: ahead,
        });
        match ahead.get(piece) {
            Some(bytes) => {
                self.bytes.extend_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

impl Ahead {
    fn get(&self, piece: Loc) -> Option<&[u8]> {
        let at = piece.at.checked_sub(self.at)? as usize;
        let bytes = self.bytes.get(at..at.checked_add(piece.len as usize)?)?;
        (piece.segment == self.segment).then_some(bytes)
    }
}
