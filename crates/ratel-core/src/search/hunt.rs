//! Finding a needle in a text that comes by pieces, in bounded memory.
//!
//! A match that depends on nothing around it and has a longest length is found wherever pieces meet, and may be looked
//! for in some stretches of a text alone. For others as much of a text is held as [`HELD_MOST`]; in a longer one a match
//! is found as it would be in the whole text if it is not longer than [`OVERLAP`].

use std::ops::{ControlFlow, Range};

use bytes::Bytes;
use ratel_flow::pattern::Searcher;

/// Bytes of a text that are held for a needle that may match any length of it.
const HELD_MOST: usize = if cfg!(test) { 4096 } else { 8 * 1024 * 1024 };

/// Of a text that is longer, so much is held on to.
const OVERLAP: usize = if cfg!(test) { 1024 } else { 1024 * 1024 };

/// A needle that matches more than this is not one of bounded length.
pub(super) const REACH_MOST: usize = if cfg!(test) { 300 } else { 4096 };

/// Bytes before and after a match that are shown.
const BEFORE: usize = 40;
const AFTER: usize = 80;

/// Bytes of a match that are shown.
const SHOWN: usize = 200;

/// What was looked at is let go of when it is so many bytes.
const LET_GO: usize = 32 * 1024;

/// A part of a text in which to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Nothing before this is part of a match.
    pub(super) start: u64,
    /// Matches begin up to here.
    pub(super) last: u64,
    /// Everything from here on is no part of one.
    pub(super) end: u64,
}

impl Stretch {
    pub(super) const WHOLE: Self = Self {
        start: 0,
        last: u64::MAX,
        end: u64::MAX,
    };

    /// Around a slice of a text that may hold a needle of that length.
    pub(super) fn around(slice: Range<u64>, reach: usize) -> Self {
        let reach = reach as u64;
        Self {
            start: slice.start.saturating_sub(reach),
            last: slice.end,
            end: slice.end.saturating_add(reach),
        }
    }

    /// With what is shown around a match.
    pub(super) fn shown(&self) -> Range<u64> {
        self.start.saturating_sub(BEFORE as u64)..self.end.saturating_add(AFTER as u64)
    }

    /// The part in that part of the text, counted from its start.
    pub(super) fn within(&self, part: &Range<u64>) -> Option<Self> {
        if self.end <= part.start || self.start >= part.end {
            return None;
        }
        Some(Self {
            start: self.start.saturating_sub(part.start),
            last: self.last.saturating_sub(part.start),
            end: self.end.saturating_sub(part.start),
        })
    }

    /// Joins those that meet, in order.
    pub(super) fn joined(mut stretches: Vec<Self>) -> Vec<Self> {
        stretches.sort_unstable_by_key(|stretch| stretch.start);
        let mut joined: Vec<Self> = Vec::new();
        for next in stretches {
            match joined.last_mut() {
                Some(last) if next.shown().start <= last.shown().end => {
                    last.last = last.last.max(next.last);
                    last.end = last.end.max(next.end);
                }
                _ => joined.push(next),
            }
        }
        joined
    }
}

/// A match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) snippet: Bytes,
    pub(super) marked: Range<usize>,
}

/// Looks for a needle.
pub(super) struct Hunt<'a> {
    searcher: &'a Searcher,
    /// Length of the longest match, if that is known and not too long.
    reach: Option<usize>,
    stretch: Stretch,
    held: Vec<u8>,
    /// Offset of the first byte held.
    at: u64,
    /// Where in `held` the search goes on.
    from: usize,
    /// Where the last match ended.
    done: u64,
    /// Matches that are still wanted.
    left: usize,
}

/// The longest match of a needle, if it is bounded and depends on nothing around it.
pub(super) fn reach(searcher: &Searcher) -> Option<usize> {
    searcher.reach().filter(|reach| *reach <= REACH_MOST)
}

impl<'a> Hunt<'a> {
    pub(super) fn new(searcher: &'a Searcher) -> Self {
        Self {
            reach: reach(searcher),
            searcher,
            stretch: Stretch::WHOLE,
            held: Vec::new(),
            at: 0,
            from: 0,
            done: 0,
            left: 0,
        }
    }

    /// Another text begins, of which so many matches are wanted.
    pub(super) fn begin(&mut self, wanted: usize) {
        self.left = wanted;
        self.done = 0;
        self.stretch(Stretch::WHOLE);
    }

    /// What follows is that stretch of the text, with what is shown around it.
    pub(super) fn stretch(&mut self, stretch: Stretch) {
        self.stretch = stretch;
        self.held.clear();
        self.at = 0;
        self.from = 0;
    }

    /// Whether all matches that are wanted were found.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// The bytes at that offset. Where they do not follow on the ones before, what is between is missing. Breaks when
    /// nothing more is to be found.
    pub(super) fn piece(
        &mut self,
        at: u64,
        bytes: &[u8],
        found: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.held.is_empty() {
            self.at = at;
        } else if at != self.at + self.held.len() as u64 {
            self.end(found)?;
            self.held.clear();
            self.from = 0;
            self.at = at;
        }
        let skip = self.stretch.start.max(self.done).saturating_sub(self.at);
        self.from = self.from.max(usize::try_from(skip).unwrap_or(usize::MAX));
        self.held.extend_from_slice(bytes);
        match self.reach {
            // What a match may need after its start, and what is shown.
            Some(reach) => {
                if let Some(decided) = self.held.len().checked_sub(reach + AFTER) {
                    self.search(decided, found)?;
                    self.from = self.from.max((decided + 1).min(self.held.len()));
                    self.let_go(LET_GO, BEFORE);
                }
            }
            None if self.held.len() >= HELD_MOST => {
                let decided = self.held.len() - OVERLAP;
                self.search(decided, found)?;
                self.from = self.from.max(decided);
                self.let_go(0, BEFORE);
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    /// The text, or the part of it that was asked for, is at its end.
    pub(super) fn end(
        &mut self,
        found: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.search(self.held.len(), found)?;
        self.from = self.held.len();
        ControlFlow::Continue(())
    }

    /// Gives the matches that begin before `decided`.
    fn search(
        &mut self,
        decided: usize,
        found: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        while self.from <= self.held.len() {
            let Some(place) = self.searcher.find_at(&self.held, self.from) else {
                break;
            };
            let offset = self.at + place.start as u64;
            if place.start > decided || offset > self.stretch.last {
                break;
            }
            self.from = place.end.max(place.start + 1);
            if place.is_empty() {
                continue;
            }
            self.done = self.at + place.end as u64;
            let end = place.end.min(place.start + SHOWN);
            let shown = place.start.saturating_sub(BEFORE)..(end + AFTER).min(self.held.len());
            let marked = place.start - shown.start..end - shown.start;
            let snippet = self.held.get(shown).unwrap_or_default();
            found(Found {
                offset,
                len: place.len() as u64,
                snippet: Bytes::copy_from_slice(snippet),
                marked,
            })?;
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Lets go of what was looked at, but for what is shown, if it is more than that.
    fn let_go(&mut self, more_than: usize, shown: usize) {
        let surplus = self.from.saturating_sub(shown);
        if surplus > more_than {
            self.held.drain(..surplus);
            self.from -= surplus;
            self.at += surplus as u64;
        }
    }
}

#[cfg(test)]
mod tests;
