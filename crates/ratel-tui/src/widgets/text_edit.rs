//! A text of many lines that is being edited. Long lines are wrapped; what a terminal obeys is shown escaped, and stays in
//! the text as it is.

mod action;
mod rows;
#[cfg(test)]
mod tests;

use unicode_width::UnicodeWidthChar;

use crate::text::escaped;

pub(crate) use action::Action;

/// The text does not grow beyond this, in bytes.
pub(crate) const LENGTH_MAX: usize = 1024 * 1024;

/// So many changes can be undone.
const CHANGES_KEPT: usize = 1000;

/// The text, where in it one is, and what can be undone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextEdit {
    text: String,
    /// In bytes; always between two characters.
    cursor: usize,
    /// Where the first visible row begins.
    top: usize,
    /// The column that going up and down keeps to.
    column: Option<usize>,
    /// Columns and rows that there is room for.
    size: (usize, usize),
    undo: Vec<Change>,
    redo: Vec<Change>,
}

/// A piece of the text that became another one.
#[derive(Clone, Debug)]
struct Change {
    at: usize,
    removed: String,
    added: String,
}

impl TextEdit {
    /// A text with the cursor at its start.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Makes it another text, which can be undone.
    pub(crate) fn set(&mut self, text: &str) {
        let (at, top) = (self.cursor, self.top);
        self.change(0, self.text.len(), text);
        (self.cursor, self.top) = (self.floor(at), self.floor(top));
        self.settle();
    }

    /// The line and the character that the cursor is at, from 1.
    pub(crate) fn position(&self) -> (usize, usize) {
        let before = self.before();
        let lines = before.matches('\n').count();
        let start = self.line_start(self.cursor);
        let chars = before.get(start..).unwrap_or_default().chars().count();
        (lines + 1, chars + 1)
    }

    pub(crate) fn lines(&self) -> usize {
        self.text.matches('\n').count() + 1
    }

    fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    /// The character at that byte, or the one that goes on there.
    fn floor(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at)
    }

    /// Text that was pasted, with the line ends that the text has. What a terminal obeys is left out.
    pub(crate) fn insert(&mut self, pasted: &str) {
        let pasted = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let end = self.line_end_style();
        let mut text = String::new();
        for c in pasted.chars() {
            match c {
                '\n' => text.push_str(end),
                '\t' => text.push(c),
                c if c.is_control() => {}
                c => text.push(c),
            }
        }
        self.change(self.cursor, self.cursor, &text);
        self.column = None;
        self.settle();
    }

    /// Puts a character where the cursor is.
    pub(crate) fn type_char(&mut self, c: char) {
        if !c.is_control() {
            self.column = None;
            self.change(self.cursor, self.cursor, c.encode_utf8(&mut [0; 4]));
            self.settle();
        }
    }

    /// Does what a key is for.
    pub(crate) fn act(&mut self, action: Action) {
        use Action as Do;
        if !matches!(action, Do::Up | Do::Down | Do::PageUp | Do::PageDown) {
            self.column = None;
        }
        let page = isize::try_from(self.size.1.saturating_sub(1).max(1)).unwrap_or(1);
        match action {
            Do::Up => self.step_rows(-1),
            Do::Down => self.step_rows(1),
            Do::PageUp => self.step_rows(-page),
            Do::PageDown => self.step_rows(page),
            Do::Left => self.cursor = self.left(),
            Do::Right => self.cursor = self.right(),
            Do::LineStart => self.cursor = self.line_start(self.cursor),
            Do::LineEnd => self.cursor = self.line_end(self.cursor),
            Do::Start => self.cursor = 0,
            Do::End => self.cursor = self.text.len(),
            Do::WordLeft => self.cursor = self.word_left(),
            Do::WordRight => self.cursor = self.word_right(),
            action => {
                self.alter(action);
            }
        }
        self.settle();
    }

    /// Whether that is another text.
    fn alter(&mut self, action: Action) -> bool {
        let cursor = self.cursor;
        let line = (self.line_start(cursor), self.line_end(cursor));
        match action {
            Action::Tab => self.change(cursor, cursor, "\t"),
            Action::NewLine => {
                let next = format!("{}{}", self.line_end_style(), self.indent());
                self.change(cursor, cursor, &next)
            }
            Action::Backspace => self.change(self.left(), cursor, ""),
            Action::Delete => self.change(cursor, self.right(), ""),
            Action::DeleteWordLeft => self.change(self.word_left(), cursor, ""),
            Action::DeleteWordRight => self.change(cursor, self.word_right(), ""),
            Action::DeleteToLineStart => self.change(line.0, cursor, ""),
            // At the end of a line that end goes.
            Action::DeleteToLineEnd if line.1 == cursor => self.change(cursor, self.right(), ""),
            Action::DeleteToLineEnd => self.change(cursor, line.1, ""),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            _ => false,
        }
    }

    /// Puts the cursor at a row and column of what is visible.
    pub(crate) fn click(&mut self, row: usize, column: usize) {
        if let Some(row) = self.visible().get(row) {
            self.cursor = self.at_column(row, column);
            self.column = None;
            self.settle();
        }
    }

    /// Goes up or down by so many rows.
    pub(crate) fn step_rows(&mut self, by: isize) {
        let row = self.row_at(self.cursor);
        let column = self
            .column
            .unwrap_or_else(|| self.column_of(&row, self.cursor));
        let count = by.unsigned_abs();
        let to = match by < 0 {
            true => self.rows_back(row, count),
            false => self.rows_forth(row, count),
        };
        self.cursor = self.at_column(&to, column);
        self.column = Some(column);
        self.settle();
    }

    // Changes

    /// Puts a text in the place of those bytes; false when there is nothing to do, or the text would be too long.
    fn change(&mut self, from: usize, to: usize, added: &str) -> bool {
        let removed = self.text.get(from..to).unwrap_or_default();
        let len = self.text.len() - removed.len() + added.len();
        if removed == added || len > LENGTH_MAX.max(self.text.len()) {
            return false;
        }
        let change = Change {
            at: from,
            removed: removed.to_owned(),
            added: added.to_owned(),
        };
        self.text.replace_range(from..to, added);
        self.cursor = from + added.len();
        self.redo.clear();
        self.remember(change);
        true
    }

    /// What is typed, or deleted, in one go is undone in one go.
    fn remember(&mut self, change: Change) {
        let is_one = |text: &str| text.chars().count() == 1 && text != "\n";
        if let Some(last) = self.undo.last_mut() {
            let begins_word = change.added == " " && !last.added.ends_with(' ');
            let typed_on = last.removed.is_empty()
                && change.removed.is_empty()
                && last.at + last.added.len() == change.at
                && is_one(&change.added)
                && !last.added.contains('\n')
                && !begins_word;
            if typed_on {
                last.added.push_str(&change.added);
                return;
            }
            let deleted_on = last.added.is_empty()
                && change.added.is_empty()
                && change.at + change.removed.len() == last.at
                && is_one(&change.removed);
            if deleted_on {
                last.removed.insert_str(0, &change.removed);
                last.at = change.at;
                return;
            }
        }
        if self.undo.len() >= CHANGES_KEPT {
            self.undo.remove(0);
        }
        self.undo.push(change);
    }

    fn undo(&mut self) -> bool {
        let Some(change) = self.undo.pop() else {
            return false;
        };
        let end = change.at + change.added.len();
        self.text.replace_range(change.at..end, &change.removed);
        self.cursor = change.at + change.removed.len();
        self.redo.push(change);
        true
    }

    fn redo(&mut self) -> bool {
        let Some(change) = self.redo.pop() else {
            return false;
        };
        let end = change.at + change.removed.len();
        self.text.replace_range(change.at..end, &change.added);
        self.cursor = change.at + change.added.len();
        self.undo.push(change);
        true
    }

    // Places

    /// How the lines of the text end.
    fn line_end_style(&self) -> &'static str {
        match self.text.split_once('\n') {
            Some((first, _)) if first.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// What the line begins with up to the cursor, as far as that is spaces and tabs.
    fn indent(&self) -> String {
        let line = self.before().get(self.line_start(self.cursor)..);
        let spaces = line.unwrap_or_default().chars();
        spaces.take_while(|c| matches!(c, ' ' | '\t')).collect()
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line's text ends: before a carriage return that belongs to the end of the line.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        match rest.find('\n') {
            Some(len) if rest.get(..len).is_some_and(|line| line.ends_with('\r')) => at + len - 1,
            Some(len) => at + len,
            None => self.text.len(),
        }
    }

    /// Where the character before begins, together with the marks that combine with it.
    fn left(&self) -> usize {
        let before = self.before();
        if before.ends_with("\r\n") {
            return before.len() - 2;
        }
        let mut chars = before.char_indices().rev();
        let found = chars.find(|(_, c)| !is_mark(*c));
        found.map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let after = self.after();
        if after.starts_with("\r\n") {
            return self.cursor + 2;
        }
        self.cursor + unit_len(after)
    }

    fn word_left(&self) -> usize {
        let before = self
            .before()
            .trim_end_matches(|c: char| !c.is_alphanumeric());
        before.trim_end_matches(char::is_alphanumeric).len()
    }

    fn word_right(&self) -> usize {
        let rest = self
            .after()
            .trim_start_matches(|c: char| !c.is_alphanumeric());
        let rest = rest.trim_start_matches(char::is_alphanumeric);
        self.text.len() - rest.len()
    }
}

/// It is painted over what stands before it.
fn is_mark(c: char) -> bool {
    c.width() == Some(0) && escaped(c).is_none()
}

/// The bytes of the first character with the marks that combine with it.
fn unit_len(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let next = chars.find(|(_, c)| !is_mark(*c));
    next.map_or(text.len(), |(at, _)| at)
}
