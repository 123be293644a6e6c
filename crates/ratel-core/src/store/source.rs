//! How recorded bytes get from segments to whoever reads them.

mod bulk;

pub(crate) use bulk::Bulk;

use super::segments::Segment;

/// Small extents are read through a buffer of this many bytes, since neighbours often lie close together.
const READ_AHEAD: usize = 64 * 1024;

/// A way to read segments.
pub(super) trait Source {
    /// Appends the `len` bytes at that place; says whether the segment holds them. `alone` says that no neighbour will
    /// be asked for next.
    fn append(
        &mut self,
        segment: &Segment,
        at: u32,
        len: usize,
        alone: bool,
        to: &mut Vec<u8>,
    ) -> bool;
}

/// Through the page cache: for what somebody looks at.
#[derive(Debug, Default)]
pub(super) struct Cached {
    /// What was read for more than one extent.
    ahead: Stretch,
}

impl Source for Cached {
    fn append(
        &mut self,
        segment: &Segment,
        at: u32,
        len: usize,
        alone: bool,
        to: &mut Vec<u8>,
    ) -> bool {
        if let Some(bytes) = self.ahead.get(segment.number, at, len) {
            to.extend_from_slice(bytes);
            return true;
        }
        if alone || len >= READ_AHEAD {
            let kept = to.len();
            to.resize(kept + len, 0);
            return to
                .get_mut(kept..)
                .is_some_and(|into| segment.read_into(at, into));
        }
        let Stretch { mut bytes, .. } = std::mem::take(&mut self.ahead);
        bytes.resize(READ_AHEAD, 0);
        let read = segment.read_some(at, &mut bytes);
        bytes.truncate(read);
        let number = segment.number;
        self.ahead = Stretch {
            segment: number,
            at,
            bytes,
        };
        match self.ahead.get(number, at, len) {
            Some(bytes) => {
                to.extend_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

/// A stretch of a segment.
#[derive(Debug, Default)]
struct Stretch {
    segment: u32,
    at: u32,
    bytes: Vec<u8>,
}

impl Stretch {
    fn get(&self, segment: u32, at: u32, len: usize) -> Option<&[u8]> {
        let from = at.checked_sub(self.at)? as usize;
        let bytes = self.bytes.get(from..from.checked_add(len)?)?;
        (segment == self.segment).then_some(bytes)
    }
}
