//! Searching in a pane: all matches stand out, and one of them is where the search has got to.
//!
//! What is loaded is searched here, a match after the other in the order of the rows. Where a body goes on beyond that,
//! [`SearchStep::Beyond`] and [`Pane::count_from`] say what is to be looked for in what is not loaded.

use std::ops::Range;
use std::sync::Arc;

use super::{Anchor, Content, Pane, SearchStep, Section};
use crate::needle;
use crate::source::{CountFrom, SearchFrom};
use crate::text::Text;
use crate::theme::Role;

/// A match that was gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// The row it begins in.
    anchor: Anchor,
    /// Which of the matches in that row it is.
    nth: usize,
    /// Where it is in a body that is shown as it is.
    offset: u64,
}

/// How many matches there are, and which one was gone to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The offset of the match for which it was counted; none when all is loaded.
    hit: Option<u64>,
    /// Matches before that one, of those that are counted.
    before: u64,
    /// Matches above the body, and below it, which are not counted with those of a body that is not loaded.
    outside: [u64; 2],
    /// Where the match for which it was counted is, and which one it is there if that is not the body.
    section: Section,
    nth: u64,
    /// Steps that were taken from there.
    moved: i64,
    /// Matches that were counted.
    total: u64,
    /// That is all of them.
    done: bool,
}

impl Pane {
    /// Begins a search.
    pub(crate) fn set_needle(&mut self, needle: Arc<str>) {
        self.needle = Some(needle);
        self.hit = None;
        self.tally = None;
    }

    /// Whether there is something to search for.
    pub(crate) fn has_needle(&self) -> bool {
        self.needle
            .as_ref()
            .is_some_and(|needle| !needle.is_empty())
    }

    /// Goes to the next match, or the one before.
    pub(crate) fn search(&mut self, backwards: bool) -> SearchStep {
        let Some(needle) = self.needle.clone().filter(|needle| !needle.is_empty()) else {
            return SearchStep::NotFound;
        };
        self.unfold_for(&needle);
        if self.hit.is_some()
            && let Some(tally) = &mut self.tally
        {
            tally.moved += if backwards { -1 } else { 1 };
        }
        if let Some((row, nth)) = self.next_match(backwards) {
            return self.here(row, nth);
        }
        if let Some((part, _)) = &self.content.body {
            let more = needle.len().saturating_sub(1) as u64;
            let beyond = |at| {
                SearchStep::Beyond(SearchFrom {
                    needle: needle.clone(),
                    at,
                    backwards,
                    wrapped: false,
                })
            };
            if !backwards && part.end() < part.total {
                return beyond(part.end().saturating_sub(more));
            }
            if backwards && part.offset > 0 {
                return beyond((part.offset + more).min(part.total));
            }
        }
        self.search_round(backwards)
    }

    /// Goes on with a search at the other end, after there was nothing up to this one.
    pub(crate) fn search_round(&mut self, backwards: bool) -> SearchStep {
        let Some(needle) = self.needle.clone() else {
            return SearchStep::NotFound;
        };
        let in_head = self.hit.is_some_and(|hit| hit.anchor.0 == Section::Head);
        let [above, below] = self.outside();
        if self.is_windowed() && above > 0 && !(backwards && in_head) {
            return self.search_head(backwards);
        }
        // What is below the body is seen with its end only, and passed over here.
        if backwards && let Some(tally) = &mut self.tally {
            tally.moved -= i64::try_from(below).unwrap_or(0);
        }
        if let Some((part, _)) = &self.content.body
            && self.is_windowed()
        {
            return SearchStep::Beyond(SearchFrom {
                needle,
                at: if backwards { part.total } else { 0 },
                backwards,
                wrapped: true,
            });
        }
        let mut rows = 0..self.rows.len();
        let found = match backwards {
            true => rows.rev().find_map(|row| self.last_in(row)),
            false => rows.find_map(|row| self.first_in(row)),
        };
        found.map_or(SearchStep::NotFound, |(row, nth)| self.here(row, nth))
    }

    /// Goes to the first match above the body, or the last, where there is one. What is there is shown with the start of the body.
    fn search_head(&mut self, backwards: bool) -> SearchStep {
        if self.go_to_start() {
            self.seek_head = Some(backwards);
            return SearchStep::Load;
        }
        match self.match_in_head(backwards) {
            Some((row, nth)) => self.here(row, nth),
            None => SearchStep::NotFound,
        }
    }

    /// The first match in the rows above the body, or the last.
    pub(super) fn match_in_head(&self, backwards: bool) -> Option<(usize, usize)> {
        let len = self
            .rows
            .iter()
            .take_while(|row| row.anchor.0 == Section::Head)
            .count();
        match backwards {
            true => (0..len).rev().find_map(|row| self.last_in(row)),
            false => (0..len).find_map(|row| self.first_in(row)),
        }
    }

    /// Matches above the body and below it, whether these lines are shown or not.
    fn outside(&self) -> [u64; 2] {
        let Some(needle) = &self.needle else {
            return [0, 0];
        };
        let count = |line: &Text| needle::matches(&line.content(), needle).len() as u64;
        let Content { head, tail, .. } = &self.content;
        [head, tail].map(|lines| lines.iter().map(count).sum())
    }

    /// The next match in what is loaded, or the one before.
    fn next_match(&self, backwards: bool) -> Option<(usize, usize)> {
        let len = self.rows.len();
        let Some(hit) = self.hit else {
            return match backwards {
                true => (0..self.top).rev().find_map(|row| self.last_in(row)),
                false => (self.top..len).find_map(|row| self.first_in(row)),
            };
        };
        let row = self.row_of(hit.anchor);
        match backwards {
            true if hit.nth > 0 => Some((row, hit.nth - 1)),
            true => (0..row).rev().find_map(|row| self.last_in(row)),
            false if hit.nth + 1 < self.matches_in(row).len() => Some((row, hit.nth + 1)),
            false => (row + 1..len).find_map(|row| self.first_in(row)),
        }
    }

    fn first_in(&self, row: usize) -> Option<(usize, usize)> {
        (!self.matches_in(row).is_empty()).then_some((row, 0))
    }

    fn last_in(&self, row: usize) -> Option<(usize, usize)> {
        let last = self.matches_in(row).len().checked_sub(1)?;
        Some((row, last))
    }

    fn here(&mut self, row: usize, nth: usize) -> SearchStep {
        self.show_match(row, nth);
        self.recount();
        SearchStep::Here
    }

    /// Goes to a match, with some rows above it.
    pub(super) fn show_match(&mut self, row: usize, nth: usize) {
        let start = self.matches_in(row).get(nth).map_or(0, |found| found.start);
        self.hit = self.rows.get(row).map(|row| Hit {
            anchor: row.anchor,
            nth,
            offset: row.anchor.1 + start as u64,
        });
        if !(self.top..self.top + self.height).contains(&row) {
            self.top = row.saturating_sub(self.height / 3);
        }
        self.stuck_to_end = false;
    }

    /// Goes to the match at that offset of a body.
    pub(super) fn show_offset(&mut self, offset: u64) {
        let row = self.row_of(Anchor(Section::Body, offset, usize::MAX));
        let start = self.rows.get(row).map_or(0, |row| row.anchor.1);
        let matches = self.matches_in(row);
        let before = |found: &&Range<usize>| start + (found.start as u64) < offset;
        let nth = matches.iter().take_while(before).count();
        self.show_match(row, nth.min(matches.len().saturating_sub(1)));
        if let Some(hit) = &mut self.hit {
            hit.offset = offset;
        }
    }

    /// Where matches begin in a row; the last may end in the next one.
    pub(super) fn matches_in(&self, row: usize) -> Vec<Range<usize>> {
        let (Some(here), Some(needle)) = (self.rows.get(row), &self.needle) else {
            return Vec::new();
        };
        let mut text = here.text.content();
        let length = text.len();
        if let Some(next) = self.rows.get(row + 1).filter(|next| next.anchor.2 > 0) {
            text.push_str(&next.text.content());
        }
        let mut found = needle::matches(&text, needle);
        found.retain(|found| found.start < length);
        found
    }

    /// A row with its matches, and with the end of one that began in the row before.
    pub(super) fn highlighted(&self, row: usize) -> Text {
        let Some(here) = self.rows.get(row) else {
            return Text::default();
        };
        let mut found = self.matches_in(row);
        let current = |at: usize| {
            let hit = self.hit?;
            (self.rows.get(at)?.anchor == hit.anchor).then_some(hit.nth)
        };
        let mut this = current(row).and_then(|nth| found.get(nth).cloned());
        if let Some(before) = row.checked_sub(1).filter(|_| here.anchor.2 > 0) {
            let length = self
                .rows
                .get(before)
                .map_or(0, |row| row.text.content().len());
            let last = self.matches_in(before).into_iter().next_back();
            if let Some(over) = last.and_then(|last| last.end.checked_sub(length)) {
                let nth = self.matches_in(before).len().saturating_sub(1);
                if current(before) == Some(nth) {
                    this = Some(0..over);
                }
                found.push(0..over);
            }
        }
        let text = here.text.highlight(&found, Role::Found);
        // The one that was gone to stands out among them.
        match this {
            Some(this) => text.highlight(&[this], Role::FoundHere),
            None => text,
        }
    }

    // How many there are

    pub(super) fn is_windowed(&self) -> bool {
        let body = self.content.body.as_ref();
        body.is_some_and(|(part, _)| part.offset > 0 || part.end() < part.total)
    }

    /// Counts the matches, where all is loaded.
    pub(super) fn recount(&mut self) {
        if self.is_windowed() {
            // What was counted when all was loaded is of no use.
            self.tally = self.tally.filter(|tally| tally.hit.is_some());
            return;
        }
        let Some(hit) = self.hit else {
            return;
        };
        let here = self.row_of(hit.anchor);
        let mut tally = Tally {
            done: true,
            ..Tally::default()
        };
        for row in 0..self.rows.len() {
            let count = self.matches_in(row).len() as u64;
            if row < here {
                tally.before += count;
            }
            tally.total += count;
        }
        tally.before += hit.nth as u64;
        self.tally = Some(tally);
    }

    /// What is to be counted in a body that is not loaded, if that was not asked for before.
    pub(crate) fn count_from(&mut self) -> Option<CountFrom> {
        if !self.is_windowed() || self.tally.is_some() {
            return None;
        }
        // One that is still to be loaded comes first.
        let (hit, section, nth) = match (self.go_to, self.hit) {
            (Some(offset), _) => (offset, Section::Body, 0),
            (None, Some(hit)) if hit.anchor.0 == Section::Body => (hit.offset, Section::Body, 0),
            (None, hit) => {
                let hit = hit?;
                let here = self.row_of(hit.anchor);
                let rows = self.rows.iter().take(here).enumerate();
                let before = rows.filter(|(_, row)| row.anchor.0 == hit.anchor.0);
                let before: usize = before.map(|(row, _)| self.matches_in(row).len()).sum();
                (0, hit.anchor.0, (before + hit.nth) as u64)
            }
        };
        self.tally = Some(Tally {
            hit: Some(hit),
            outside: self.outside(),
            section,
            nth,
            ..Tally::default()
        });
        Some(CountFrom {
            needle: self.needle.clone()?,
            at: 0,
            hit,
            before: 0,
            total: 0,
        })
    }

    /// Takes in how far the counting has got; false when nobody wants to know any more.
    pub(crate) fn counted(&mut self, from: &CountFrom, done: bool) -> bool {
        let same = self
            .needle
            .as_ref()
            .is_some_and(|needle| *needle == from.needle);
        let tally = self
            .tally
            .as_mut()
            .filter(|tally| tally.hit == Some(from.hit));
        let Some(tally) = tally.filter(|tally| same && !tally.done) else {
            return false;
        };
        (tally.before, tally.total, tally.done) = (from.before, from.total, done);
        true
    }

    /// `3/17`: which match was gone to, of how many; with `…` while they are counted.
    pub(crate) fn found(&self) -> Option<String> {
        let tally = self.tally?;
        let [above, below] = tally.outside;
        let total = i64::try_from(tally.total + above + below).ok()?;
        if tally.total == 0 && !tally.done {
            return Some("…".to_owned());
        }
        if total == 0 {
            return None;
        }
        // Where all is loaded, what was counted has these in it.
        let base = match (tally.hit, tally.section) {
            (None, _) => tally.before,
            (Some(_), Section::Head) => tally.nth,
            (Some(_), Section::Body) => above + tally.before,
            (Some(_), Section::Tail) => above + tally.total + tally.nth,
        };
        let at = i64::try_from(base).ok()?.saturating_add(tally.moved);
        Some(match tally.done {
            true => format!("{}/{total}", at.rem_euclid(total) + 1),
            false => format!("…/{total}…"),
        })
    }
}
