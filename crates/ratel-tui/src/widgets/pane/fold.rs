//! Lines of a document that stand for those below them.

use std::collections::BTreeSet;

use ratel_views::Fold;

use super::{Anchor, BodyText, Pane, Section};
use crate::needle;
use crate::text::Text;
use crate::theme::Role;

/// A document: what a view made of a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The view.
    pub(crate) view: &'static str,
    /// The lines with their numbers, which are offsets in the body when it is shown by windows.
    pub(crate) lines: Vec<(u64, Text)>,
    /// Which lines can stand for others. Only where numbers are places in the list.
    pub(crate) folds: Vec<Fold>,
}

/// What is folded.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    /// The view that the lines are of.
    view: &'static str,
    /// The lines that stand for others.
    closed: BTreeSet<usize>,
    /// The line that the keys act on.
    at: Option<usize>,
}

/// What became of an attempt to fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoldStep {
    /// There is nothing that can be folded here.
    Nothing,
    /// A line was marked on which the keys act from here on.
    Marked,
    /// Something was folded or unfolded.
    Done,
}

impl Folded {
    /// Other lines are shown.
    pub(super) fn keep_for(&mut self, document: &Lines) {
        if self.view != document.view {
            *self = Self {
                view: document.view,
                ..Self::default()
            };
        }
    }

    /// The lines to show: each with its number, and with what it hides.
    pub(super) fn shown(&self, document: &Lines) -> Vec<(u64, Text)> {
        let Lines { lines, folds, .. } = document;
        let mut shown = Vec::with_capacity(lines.len());
        let mut folds = folds.iter().peekable();
        let mut nth = 0;
        while let Some((number, text)) = lines.get(nth) {
            while folds.next_if(|fold| fold.start < nth).is_some() {}
            let closed = folds
                .peek()
                .filter(|fold| fold.start == nth && self.closed.contains(&nth));
            let Some(fold) = closed else {
                shown.push((*number, text.clone()));
                nth += 1;
                continue;
            };
            let mut text = text.clone();
            let hidden = fold.end - fold.start;
            let s = if hidden == 1 { "" } else { "s" };
            text.push(Role::Dim, format!(" … {hidden} line{s}"));
            if let Some(end) = lines.get(fold.end).and_then(|(_, line)| closing(line)) {
                text.push(Role::Text, format!(" {end}"));
            }
            shown.push((*number, text));
            nth = fold.end + 1;
        }
        shown
    }

    /// Whether the keys act on the line with that number.
    pub(super) fn is_marked(&self, number: u64) -> bool {
        self.at.is_some_and(|at| at as u64 == number)
    }
}

/// What ends what a line begins, if that is all there is in the last line.
fn closing(line: &Text) -> Option<String> {
    let text = line.content();
    let text = text.trim();
    let is_end = text.starts_with(['}', ']', ')']) || text.starts_with("</");
    (is_end && text.len() <= 40).then(|| text.to_owned())
}

impl Pane {
    fn document(&self) -> Option<&Lines> {
        match &self.content.body {
            Some((_, BodyText::Document(document))) if !document.folds.is_empty() => Some(document),
            _ => None,
        }
    }

    /// Folds the marked line, or unfolds it. Where none is marked that can be seen, the first one is.
    pub(crate) fn toggle_fold(&mut self) -> FoldStep {
        let visible = self.visible_folds();
        match self.folded.at.filter(|at| visible.contains(at)) {
            Some(at) => {
                self.flip(at);
                FoldStep::Done
            }
            None => self.step_fold(true),
        }
    }

    /// Folds the line of that row of the screen, or unfolds it; false when it stands for no others.
    pub(crate) fn toggle_fold_at(&mut self, row: usize) -> bool {
        let anchor = self.rows.get(self.top + row).map(|row| row.anchor);
        let Some(Anchor(Section::Body, number, _)) = anchor else {
            return false;
        };
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let can_fold = self.document().is_some_and(|document| {
            let found = document.folds.binary_search_by_key(&at, |fold| fold.start);
            found.is_ok()
        });
        if can_fold {
            self.folded.at = Some(at);
            self.flip(at);
        }
        can_fold
    }

    fn flip(&mut self, at: usize) {
        if !self.folded.closed.remove(&at) {
            self.folded.closed.insert(at);
        }
        self.lay_out();
    }

    /// Marks the next line that stands for others, or the one before. The first in view, where none is marked there.
    pub(crate) fn step_fold(&mut self, forth: bool) -> FoldStep {
        let Some(document) = self.document() else {
            return FoldStep::Nothing;
        };
        let visible = self.visible_folds();
        let shown: BTreeSet<u64> = self
            .rows
            .iter()
            .filter(|row| row.anchor.0 == Section::Body)
            .map(|row| row.anchor.1)
            .collect();
        let starts = document.folds.iter().map(|fold| fold.start);
        let mut starts = starts.filter(|start| shown.contains(&(*start as u64)));
        let to = match self.folded.at.filter(|at| visible.contains(at)) {
            None => visible.first().copied().or_else(|| starts.next()),
            Some(at) if forth => starts.find(|start| *start > at),
            Some(at) => starts.take_while(|start| *start < at).last(),
        };
        if let Some(to) = to {
            self.folded.at = Some(to);
            let row = self.row_of(Anchor(Section::Body, to as u64, 0));
            self.bring_into_view(row);
        }
        FoldStep::Marked
    }

    /// Unfolds everything; where nothing is folded, folds all but what holds everything else.
    pub(crate) fn toggle_all_folds(&mut self) -> FoldStep {
        let Some(document) = self.document() else {
            return FoldStep::Nothing;
        };
        let closed = if self.folded.closed.is_empty() {
            let last = document.lines.len().saturating_sub(1);
            let whole = |fold: &&Fold| fold.start == 0 && fold.end >= last && last > 0;
            let root = document.folds.first().filter(whole).map(|fold| fold.start);
            let starts = document.folds.iter().map(|fold| fold.start);
            let inner: BTreeSet<_> = starts.filter(|start| Some(*start) != root).collect();
            // A document of one level is that level.
            if inner.is_empty() {
                root.into_iter().collect()
            } else {
                inner
            }
        } else {
            BTreeSet::new()
        };
        self.folded.closed = closed;
        self.lay_out();
        FoldStep::Done
    }

    /// Unfolds what hides a text, so that it can be found.
    pub(super) fn unfold_for(&mut self, text: &str) {
        if self.folded.closed.is_empty() {
            return;
        }
        let Some(document) = self.document() else {
            return;
        };
        let has = |line: &(u64, Text)| {
            let line = line.1.content();
            needle::find(line.as_bytes(), text.as_bytes()).is_some()
        };
        // Each line is looked at once: what holds no fold that hides a match hides none itself.
        let matches: Vec<usize> = (0..)
            .zip(&document.lines)
            .filter(|(_, line)| has(line))
            .map(|(nth, _)| nth)
            .collect();
        let hides = |fold: &&Fold| {
            let after = matches.partition_point(|at| *at <= fold.start);
            matches.get(after).is_some_and(|at| *at <= fold.end)
        };
        let opened: Vec<usize> = document
            .folds
            .iter()
            .filter(|fold| self.folded.closed.contains(&fold.start))
            .filter(hides)
            .map(|fold| fold.start)
            .collect();
        if opened.is_empty() {
            return;
        }
        for start in opened {
            self.folded.closed.remove(&start);
        }
        self.lay_out();
    }

    /// The lines on the screen that stand for others.
    fn visible_folds(&self) -> Vec<usize> {
        let Some(document) = self.document() else {
            return Vec::new();
        };
        let visible = self.rows.iter().skip(self.top).take(self.height.max(1));
        let numbers = visible.filter_map(|row| match row.anchor {
            Anchor(Section::Body, number, 0) => usize::try_from(number).ok(),
            _ => None,
        });
        let can_fold = |at: &usize| {
            let found = document.folds.binary_search_by_key(at, |fold| fold.start);
            found.is_ok()
        };
        numbers.filter(can_fold).collect()
    }

    fn bring_into_view(&mut self, row: usize) {
        if !(self.top..self.top + self.height).contains(&row) {
            self.top = row.saturating_sub(self.height / 3).min(self.last_top());
        }
        self.stuck_to_end = false;
    }
}
