//! Text that is scrolled and searched: lines in front, a part of a body, lines after it.
//!
//! A body may be larger than what is loaded. The pane then holds a window of it and says which part it wants when
//! the user comes near the window's end. The place at the top of the screen is kept as an anchor (section and offset),
//! so that it stays when the window or the width changes.

mod fold;
mod search;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::source::{BodyFrom, BodyPart, SearchFrom};
use crate::text::{TAB_STOP, Text};
use crate::theme::{Role, Theme};
use crate::widgets::paint;

use fold::Folded;
pub(crate) use fold::{FoldStep, Lines};
use search::{Hit, Tally};

/// Where a row comes from: the section, then the number of the line in it (or the offset in a body that is shown as
/// it is), then the row within the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Anchor(Section, u64, usize);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    #[default]
    Head,
    Body,
    Tail,
}

#[derive(Clone, Debug)]
struct Row {
    anchor: Anchor,
    text: Text,
}

/// What a body is shown as.
#[derive(Clone, Debug)]
pub(crate) enum BodyText {
    /// Made readable.
    Document(Lines),
    /// As it is.
    Raw,
}

/// What a pane shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) head: Vec<Text>,
    pub(crate) body: Option<(BodyPart, BodyText)>,
    pub(crate) tail: Vec<Text>,
}

/// A match that the pane has been told to go to, or looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SearchStep {
    /// It is on the screen.
    Here,
    /// It will be, when the start of the body has been loaded.
    Load,
    /// The body has to be searched where it is not loaded.
    Beyond(SearchFrom),
    /// There is none.
    NotFound,
}

/// What became of going to a place that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is on the screen.
    Here,
    /// More of the body has to be loaded.
    Load,
    /// It is not to be seen.
    Nowhere,
}

/// The state of a pane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pane {
    content: Content,
    rows: Vec<Row>,
    width: usize,
    height: usize,
    top: usize,
    /// The end is kept in view while the content grows.
    stuck_to_end: bool,
    /// The part of the body that was asked for; none once it is there.
    want: Option<BodyFrom>,
    /// A body offset to go to when it is loaded.
    go_to: Option<u64>,
    /// A match above the body is to be gone to when its start is loaded: the last one, or the first.
    seek_head: Option<bool>,
    /// Long lines are cut at the edge.
    cut: bool,
    folded: Folded,
    needle: Option<Arc<str>>,
    /// The match that was gone to last.
    hit: Option<Hit>,
    tally: Option<Tally>,
}

impl Pane {
    /// Takes another size; true if it changed.
    pub(crate) fn resize(&mut self, width: usize, height: usize) {
        let (before, tall) = (self.width, self.height);
        (self.width, self.height) = (width, height);
        if before != width {
            self.lay_out();
        } else if tall != height {
            self.settle();
        }
    }

    /// Wraps long lines, or cuts them at the edge; whether they are wrapped then.
    pub(crate) fn toggle_wrap(&mut self) -> bool {
        self.cut = !self.cut;
        self.lay_out();
        !self.cut
    }

    /// Shows other content, staying at the place that is at the top.
    pub(crate) fn set(&mut self, content: Content) {
        if let Some((_, BodyText::Document(document))) = &content.body {
            self.folded.keep_for(document);
        }
        self.content = content;
        self.want = None;
        self.lay_out();
    }

    /// Which part of the body is to be loaded.
    pub(crate) fn wanted(&self) -> BodyFrom {
        if self.stuck_to_end {
            return BodyFrom::End;
        }
        match (self.want, &self.content.body, self.anchor()) {
            (Some(want), ..) => want,
            (None, Some((part, _)), Some(Anchor(Section::Body, offset, _))) if part.offset > 0 => {
                BodyFrom::Around(offset)
            }
            _ => BodyFrom::Start,
        }
    }

    fn anchor(&self) -> Option<Anchor> {
        self.rows.get(self.top).map(|row| row.anchor)
    }

    fn lay_out(&mut self) {
        let anchor = self.anchor();
        let mut rows = Rows {
            rows: Vec::new(),
            width: self.width,
            cut: self.cut,
        };
        let whole_start = self
            .content
            .body
            .as_ref()
            .is_none_or(|(part, _)| part.offset == 0);
        if whole_start {
            rows.add_lines(Section::Head, (0..).zip(&self.content.head));
        }
        if let Some((part, text)) = &self.content.body {
            match text {
                BodyText::Document(document) => {
                    let lines = self.folded.shown(document);
                    let lines = lines.iter().map(|(number, line)| (*number, line));
                    rows.add_lines(Section::Body, lines);
                }
                BodyText::Raw => rows.add_raw(part),
            }
        }
        if self
            .content
            .body
            .as_ref()
            .is_none_or(|(part, _)| part.end() >= part.total)
        {
            rows.add_lines(Section::Tail, (0..).zip(&self.content.tail));
        }
        self.rows = rows.rows;
        if let Some(offset) = self.go_to
            && self
                .content
                .body
                .as_ref()
                .is_some_and(|(part, _)| (part.offset..=part.end()).contains(&offset))
        {
            self.go_to = None;
            self.show_offset(offset);
        } else if let Some(anchor) = anchor {
            self.top = self.row_of(anchor);
        }
        let is_start = self
            .rows
            .first()
            .is_some_and(|row| row.anchor.0 == Section::Head);
        if is_start
            && let Some(backwards) = self.seek_head.take()
            && let Some((row, nth)) = self.match_in_head(backwards)
        {
            self.show_match(row, nth);
        }
        self.settle();
        if self.tally.is_some() {
            self.recount();
        }
    }

    /// The last row that does not come after `anchor`.
    fn row_of(&self, anchor: Anchor) -> usize {
        self.rows
            .partition_point(|row| row.anchor <= anchor)
            .saturating_sub(1)
    }

    fn last_top(&self) -> usize {
        self.rows.len().saturating_sub(self.height.max(1))
    }

    fn settle(&mut self) {
        self.top = if self.stuck_to_end {
            self.last_top()
        } else {
            self.top.min(self.last_top())
        };
    }

    /// Scrolls by rows; true if more of the body has to be loaded.
    pub(crate) fn scroll(&mut self, rows: isize) -> bool {
        self.top = self.top.saturating_add_signed(rows).min(self.last_top());
        let at_end = self.top == self.last_top();
        let Some((part, _)) = &self.content.body else {
            self.stuck_to_end = at_end && rows > 0;
            return false;
        };
        let margin = 2 * self.height;
        let loaded_end = part.end() >= part.total;
        self.stuck_to_end = at_end && loaded_end && rows > 0;
        let near_end = rows > 0
            && !loaded_end
            && self.top + margin >= self.rows.len().saturating_sub(self.height);
        let near_start = rows < 0 && part.offset > 0 && self.top < margin;
        let offset = match self.anchor() {
            Some(Anchor(Section::Body, offset, _)) => offset,
            _ => part.offset,
        };
        if near_end || near_start {
            self.want = Some(BodyFrom::Around(offset));
        }
        near_end || near_start
    }

    /// Scrolls by pages; true if more of the body has to be loaded.
    pub(crate) fn scroll_pages(&mut self, pages: isize) -> bool {
        let rows = isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1);
        self.scroll(rows * pages)
    }

    /// Goes to the start; true if it has to be loaded.
    pub(crate) fn go_to_start(&mut self) -> bool {
        self.top = 0;
        self.stuck_to_end = false;
        self.go_to = None;
        let load = self
            .content
            .body
            .as_ref()
            .is_some_and(|(part, _)| part.offset > 0);
        if load {
            // Nothing of the window is to be held on to.
            self.want = Some(BodyFrom::Start);
            self.rows.clear();
        }
        load
    }

    /// Goes to the end and stays there; true if it has to be loaded.
    pub(crate) fn go_to_end(&mut self) -> bool {
        self.stuck_to_end = true;
        self.go_to = None;
        self.settle();
        self.content
            .body
            .as_ref()
            .is_some_and(|(part, _)| part.end() < part.total)
    }

    /// Goes to an offset of the body; true if it has to be loaded.
    pub(crate) fn go_to(&mut self, offset: u64) -> bool {
        if self
            .content
            .body
            .as_ref()
            .is_some_and(|(part, _)| (part.offset..part.end()).contains(&offset))
        {
            self.show_offset(offset);
            return false;
        }
        self.go_to = Some(offset);
        self.want = Some(BodyFrom::Around(offset));
        self.stuck_to_end = false;
        true
    }

    /// Goes to a text: where a body has it, at that offset if it is shown as it is; or in the lines round the body.
    pub(crate) fn go_to_text(&mut self, needle: Arc<str>, in_body: bool, at: Option<u64>) -> Place {
        self.set_needle(needle.clone());
        self.stuck_to_end = false;
        let by_offset = match &self.content.body {
            Some((_, BodyText::Raw)) => true,
            Some((part, BodyText::Document(_))) => part.offset > 0 || part.end() < part.total,
            None => false,
        };
        if let Some(offset) = at.filter(|_| by_offset) {
            return if self.go_to(offset) {
                Place::Load
            } else {
                Place::Here
            };
        }
        let is_there = |row: &usize| {
            let section = self.rows.get(*row).map(|row| row.anchor.0);
            (section == Some(Section::Body)) == in_body && !self.matches_in(*row).is_empty()
        };
        let mut rows = 0..self.rows.len();
        match rows.find(is_there) {
            Some(row) if !needle.is_empty() => {
                self.show_match(row, 0);
                Place::Here
            }
            _ => Place::Nowhere,
        }
    }

    /// How much of all is above the screen, in percent; none when all is visible.
    pub(crate) fn percent(&self) -> Option<u64> {
        let (above, all) = match &self.content.body {
            Some((part, _)) if part.end() < part.total || part.offset > 0 => match self.anchor() {
                Some(Anchor(Section::Head, ..)) => (0, part.total),
                Some(Anchor(Section::Body, offset, _)) if !self.stuck_to_end => {
                    (offset, part.total)
                }
                _ => (part.total, part.total),
            },
            _ => (self.top as u64, self.last_top() as u64),
        };
        (all > 0).then(|| (u128::from(above) * 100 / u128::from(all)) as u64)
    }

    /// Paints the visible rows.
    pub(crate) fn paint(&self, buf: &mut Buffer, area: Rect, theme: Theme) {
        let needle = self.needle.as_deref().filter(|needle| !needle.is_empty());
        for (y, row) in self
            .rows
            .iter()
            .skip(self.top)
            .take(usize::from(area.height))
            .enumerate()
        {
            // Only the first row of the marked line, which says most of what it is.
            if matches!(row.anchor, Anchor(Section::Body, number, 0) if self.folded.is_marked(number))
            {
                let all = 0..row.text.content().len();
                paint::row(
                    buf,
                    area,
                    y,
                    &row.text.highlight(&[all], Role::Chosen),
                    theme,
                );
                continue;
            }
            let text = match needle {
                Some(_) => self.highlighted(self.top + y),
                None => row.text.clone(),
            };
            paint::row(buf, area, y, &text, theme);
        }
    }
}

/// Rows that are being laid out.
struct Rows {
    rows: Vec<Row>,
    width: usize,
    cut: bool,
}

impl Rows {
    fn add_lines<'a>(&mut self, section: Section, lines: impl Iterator<Item = (u64, &'a Text)>) {
        for (number, line) in lines {
            let add = |(nth, text)| Row {
                anchor: Anchor(section, number, nth),
                text,
            };
            if self.cut {
                let mut row = Text::default();
                row.append_cut(line.clone(), self.width);
                self.rows.push(add((0, row)));
            } else {
                // What a body has is shown column by column.
                let wrapped = match section {
                    Section::Body => line.clone().wrap(self.width),
                    Section::Head | Section::Tail => line.clone().wrap_words(self.width),
                };
                self.rows.extend(wrapped.into_iter().enumerate().map(add));
            }
        }
    }

    /// The rows of a body that is shown as it is. Their anchors are their offsets in the body.
    fn add_raw(&mut self, part: &BodyPart) {
        let mut at = part.offset;
        let width = self.width.max(1);
        for line in part.bytes.split_inclusive(|b| *b == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let whole = self.rows.len();
            // A character has four bytes at most.
            let visible = if self.cut {
                text.get(..width * 4).unwrap_or(text)
            } else {
                text
            };
            add_raw_line(&mut self.rows, visible, at, width);
            if self.cut && self.rows.len() > whole + 1 {
                self.rows.truncate(whole + 1);
                if let Some(row) = self.rows.last_mut() {
                    let mut text = Text::default();
                    text.append_cut(std::mem::take(&mut row.text), width.saturating_sub(1));
                    text.push(Role::Dim, "…");
                    row.text = text;
                }
            }
            at += line.len() as u64;
        }
    }
}

fn add_raw_line(rows: &mut Vec<Row>, line: &[u8], start: u64, width: usize) {
    let mut builder = RowBuilder {
        rows,
        width,
        text: Text::default(),
        used: 0,
        nth: 0,
        row_at: start,
        at: start,
    };
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            builder.put(&c.into(), c.len_utf8());
        }
        for byte in chunk.invalid() {
            builder.put(&Unit::Byte(*byte), 1);
        }
    }
    builder.end_row();
}

/// What is never split between two rows.
enum Unit {
    Char(char),
    Byte(u8),
}

impl From<char> for Unit {
    fn from(c: char) -> Self {
        Self::Char(c)
    }
}

struct RowBuilder<'a> {
    rows: &'a mut Vec<Row>,
    width: usize,
    text: Text,
    used: usize,
    nth: usize,
    row_at: u64,
    /// Offset of the next unit.
    at: u64,
}

impl RowBuilder<'_> {
    fn put(&mut self, unit: &Unit, bytes: usize) {
        if let Unit::Char(c @ ' '..='~') = unit {
            self.make_room(1);
            self.text.push_char(Role::Text, *c);
            self.used += 1;
        } else {
            let mut piece = Text::default();
            match unit {
                Unit::Char('\t') => {
                    piece.push(Role::Text, " ".repeat(TAB_STOP - self.used % TAB_STOP))
                }
                Unit::Char(c) => piece.push_str(Role::Text, c.encode_utf8(&mut [0; 4])),
                Unit::Byte(byte) => piece.push_bytes(Role::Text, &[*byte]),
            }
            let columns = piece.width();
            self.make_room(columns);
            self.used += columns;
            for span in piece.spans {
                self.text.push(span.role, span.text);
            }
        }
        self.at += bytes as u64;
    }

    fn make_room(&mut self, columns: usize) {
        if self.used > 0 && self.used + columns > self.width {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let anchor = Anchor(Section::Body, self.row_at, self.nth);
        self.rows.push(Row {
            anchor,
            text: std::mem::take(&mut self.text),
        });
        (self.used, self.nth, self.row_at) = (0, 1, self.at);
    }
}

#[cfg(test)]
mod tests;
