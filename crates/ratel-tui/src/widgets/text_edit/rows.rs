//! Rows: what fits of a line on one row of the screen.

use std::ops::Range;

use super::{TextEdit, unit_len};
use crate::text::{TAB_STOP, Text};
use crate::theme::Role;

impl TextEdit {
    /// Gives it room.
    pub(crate) fn resize(&mut self, width: usize, height: usize) {
        self.size = (width, height);
        self.settle();
    }

    /// What is visible, with the cursor.
    pub(crate) fn show(&self) -> Vec<Text> {
        let rows = self.visible();
        let at_cursor = self.row_at(self.cursor);
        rows.into_iter()
            .map(|row| {
                let cursor = (row == at_cursor).then_some(self.cursor);
                self.paint(&row, cursor)
            })
            .collect()
    }

    fn paint(&self, row: &Range<usize>, cursor: Option<usize>) -> Text {
        let mut text = Text::default();
        let mut column = 0;
        for (at, unit) in units(self.slice(row), row.start) {
            let here = cursor.is_some_and(|cursor| (at..at + unit.len()).contains(&cursor));
            let wide = width(unit, column);
            column += wide;
            if unit == "\t" {
                let role = if here { Role::Cursor } else { Role::Text };
                text.push(role, " ");
                text.push(Role::Text, " ".repeat(wide - 1));
                continue;
            }
            let mut shown = Text::default();
            shown.push_str(Role::Text, unit);
            for span in shown.spans {
                text.push(if here { Role::Cursor } else { span.role }, span.text);
            }
        }
        if cursor.is_some_and(|cursor| cursor >= row.end) {
            text.push(Role::Cursor, " ");
        }
        text
    }

    /// The rows that there is room for.
    pub(super) fn visible(&self) -> Vec<Range<usize>> {
        let height = self.size.1;
        let mut rows = Vec::new();
        let mut row = Some(self.row_at(self.top));
        while let Some(first) = row.filter(|_| rows.len() < height) {
            let line = self.rows_of(first.start);
            let from = line.iter().position(|row| *row == first).unwrap_or(0);
            let room = height - rows.len();
            rows.extend(line.iter().skip(from).take(room).cloned());
            row = self.line_after(&line);
        }
        rows
    }

    /// Has the row with the cursor among the visible ones.
    pub(super) fn settle(&mut self) {
        let at_cursor = self.row_at(self.cursor);
        let top = self.row_at(self.floor(self.top));
        self.top = top.start;
        if at_cursor.start < top.start {
            self.top = at_cursor.start;
        } else if !self.visible().contains(&at_cursor) {
            let height = self.size.1.max(1);
            self.top = self.rows_back(at_cursor, height - 1).start;
        }
    }

    /// The row that many before.
    pub(super) fn rows_back(&self, row: Range<usize>, count: usize) -> Range<usize> {
        let mut line = self.rows_of(row.start);
        let mut at = line.iter().position(|other| *other == row).unwrap_or(0);
        let mut left = count;
        while left > at {
            let start = line.first().map_or(0, |row| row.start);
            if start == 0 {
                (at, left) = (0, 0);
                break;
            }
            left -= at + 1;
            line = self.rows_of(start - 1);
            at = line.len() - 1;
        }
        line.get(at - left).cloned().unwrap_or_default()
    }

    /// The row that many after.
    pub(super) fn rows_forth(&self, row: Range<usize>, count: usize) -> Range<usize> {
        let mut line = self.rows_of(row.start);
        let mut at = line.iter().position(|other| *other == row).unwrap_or(0);
        let mut left = count;
        while at + left >= line.len() {
            let Some(next) = self.line_after(&line) else {
                (at, left) = (line.len() - 1, 0);
                break;
            };
            left -= line.len() - at;
            line = self.rows_of(next.start);
            at = 0;
        }
        line.get(at + left).cloned().unwrap_or_default()
    }

    /// The first row of the line after one.
    fn line_after(&self, line: &[Range<usize>]) -> Option<Range<usize>> {
        let start = line.first().map_or(0, |row| row.start);
        let rest = self.text.get(start..).unwrap_or_default();
        let next = start + rest.find('\n')? + 1;
        self.rows_of(next).into_iter().next()
    }

    pub(super) fn row_at(&self, at: usize) -> Range<usize> {
        let rows = self.rows_of(at);
        let after = rows.partition_point(|row| row.start <= at);
        rows.get(after.saturating_sub(1))
            .cloned()
            .unwrap_or_default()
    }

    /// The rows of the line that holds that byte; one at least.
    fn rows_of(&self, at: usize) -> Vec<Range<usize>> {
        let start = self.line_start(at);
        let end = self.line_end(start);
        // One column is left for the cursor at the end.
        let room = self.size.0.saturating_sub(1).max(1);
        let line = self.slice(&(start..end));
        // Each byte is a column, so that even a body in a single line needs no look at each character.
        if !line.is_empty() && line.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            let starts = (start..end).step_by(room);
            return starts.map(|at| at..end.min(at + room)).collect();
        }
        let mut rows = Vec::new();
        let (mut begun, mut used) = (start, 0);
        for (at, unit) in units(line, start) {
            let mut wide = width(unit, used);
            if used > 0 && used + wide > room {
                rows.push(begun..at);
                (begun, used) = (at, 0);
                wide = width(unit, 0);
            }
            used += wide;
        }
        rows.push(begun..end);
        rows
    }

    /// The column of a place in a row.
    pub(super) fn column_of(&self, row: &Range<usize>, at: usize) -> usize {
        let units = units(self.slice(&(row.start..at.min(row.end))), row.start);
        units.fold(0, |column, (_, unit)| column + width(unit, column))
    }

    /// The place at that column of a row, or the one before.
    pub(super) fn at_column(&self, row: &Range<usize>, wanted: usize) -> usize {
        let mut column = 0;
        let mut last = row.start;
        for (at, unit) in units(self.slice(row), row.start) {
            column += width(unit, column);
            if column > wanted {
                return at;
            }
            last = at;
        }
        // Behind the last character of a row is the next row, unless the line ends there.
        match row.end == self.line_end(row.start) {
            true => row.end,
            false => last,
        }
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// Characters with the marks that combine with them, and where they begin.
fn units(text: &str, start: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = start + text.len() - rest.len();
        let (unit, more) = rest.split_at_checked(unit_len(rest))?;
        rest = more;
        Some((at, unit))
    })
}

/// The columns that a character takes at that one.
fn width(unit: &str, column: usize) -> usize {
    match unit.as_bytes() {
        b"\t" => TAB_STOP - column % TAB_STOP,
        [b' '..=b'~'] => 1,
        _ => {
            let mut text = Text::default();
            text.push_str(Role::Text, unit);
            text.width()
        }
    }
}
