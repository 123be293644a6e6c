//! One line of text that is being typed.

use unicode_width::UnicodeWidthChar;

use crate::keymap::Key;
use crate::text::Text;
use crate::theme::Role;

/// A longer text is not typed.
const LENGTH_MAX: usize = 64 * 1024;

/// The text, and where in it one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineEdit {
    text: String,
    /// In bytes; always between two characters.
    cursor: usize,
    /// What stands from here on goes away with the first character that is typed; any other key keeps it.
    chosen: Option<usize>,
}

/// What a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    /// The text is another one.
    Changed,
    /// The cursor is elsewhere, or nothing happened though the key is one for texts.
    Moved,
    /// There was nothing to delete in an empty text.
    Empty,
    /// The key is not for texts.
    No,
}

impl LineEdit {
    /// A text with the cursor at its end.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
            chosen: None,
        }
    }

    /// Chooses what stands from that byte on: the first character that is typed takes its place.
    pub(crate) fn choosing_from(mut self, start: usize) -> Self {
        let is_some = start < self.text.len() && self.text.is_char_boundary(start);
        self.chosen = is_some.then_some(start);
        self
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor.
    pub(crate) fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    pub(crate) fn at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    /// Moves the cursor back by so many bytes, which are ASCII.
    pub(crate) fn back(mut self, bytes: usize) -> Self {
        let to = self.cursor.saturating_sub(bytes);
        if self.text.is_char_boundary(to) {
            self.cursor = to;
        }
        self
    }

    /// Puts something in the place of the bytes up to the cursor, from `start` on.
    pub(crate) fn replace(&mut self, start: usize, with: &str) {
        let start = start.min(self.cursor);
        if self.text.is_char_boundary(start) {
            self.text.replace_range(start..self.cursor, with);
            self.cursor = start + with.len();
        }
    }

    /// Text that was pasted, with its line ends as spaces.
    pub(crate) fn insert(&mut self, text: &str) {
        self.drop_chosen();
        for c in text.chars() {
            match c {
                '\n' | '\r' | '\t' => self.put(' '),
                c if c.is_control() => {}
                c => self.put(c),
            }
        }
    }

    fn drop_chosen(&mut self) {
        if let Some(start) = self.chosen.take() {
            self.text.truncate(start);
            self.cursor = start;
        }
    }

    fn put(&mut self, c: char) {
        if self.text.len() < LENGTH_MAX {
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// What a key does to the text: letters, arrows, and the keys of a shell.
    pub(crate) fn key(&mut self, key: Key) -> Edited {
        if matches!(key, Key::Char(c) if !c.is_control()) && self.chosen.is_some() {
            self.drop_chosen();
            self.key(key);
            return Edited::Changed;
        }
        self.chosen = None;
        let before = (self.text.len(), self.cursor);
        match key {
            Key::Char(c) if !c.is_control() => self.put(c),
            Key::Named("left") | Key::Ctrl('b') => self.cursor = self.left(),
            Key::Named("right") | Key::Ctrl('f') => self.cursor = self.right(),
            Key::Named("home") | Key::Ctrl('a') => self.cursor = 0,
            Key::Named("end") | Key::Ctrl('e') => self.cursor = self.text.len(),
            Key::Meta('b') | Key::Named("ctrl left" | "meta left") => {
                self.cursor = self.word_left()
            }
            Key::Meta('f') | Key::Named("ctrl right" | "meta right") => {
                self.cursor = self.word_right()
            }
            Key::Named("backspace") | Key::Ctrl('h') if self.text.is_empty() => {
                return Edited::Empty;
            }
            Key::Named("backspace") | Key::Ctrl('h') => self.delete_to(self.left()),
            Key::Named("delete") | Key::Ctrl('d') => self.delete_to(self.right()),
            Key::Ctrl('w') | Key::Named("meta backspace" | "ctrl backspace") => {
                self.delete_to(self.word_left())
            }
            Key::Meta('d') => self.delete_to(self.word_right()),
            Key::Ctrl('u') => self.delete_to(0),
            Key::Ctrl('k') => self.delete_to(self.text.len()),
            _ => return Edited::No,
        }
        if self.text.len() == before.0 {
            Edited::Moved
        } else {
            Edited::Changed
        }
    }

    /// Deletes what stands before the cursor, from there on; false where that is nothing.
    pub(crate) fn clear_from(&mut self, start: usize) -> bool {
        let deletes = start < self.cursor && self.text.is_char_boundary(start);
        if deletes {
            self.delete_to(start);
        }
        deletes
    }

    fn delete_to(&mut self, to: usize) {
        let (from, to) = (to.min(self.cursor), to.max(self.cursor));
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    /// Where the character before begins, together with the marks that combine with it.
    fn left(&self) -> usize {
        let mut chars = self.before().char_indices().rev();
        let found = chars.find(|(_, c)| c.width().unwrap_or(0) > 0);
        found.map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let mut chars = self.after().char_indices().skip(1);
        let found = chars.find(|(_, c)| c.width().unwrap_or(0) > 0);
        found.map_or(self.text.len(), |(at, _)| self.cursor + at)
    }

    fn word_left(&self) -> usize {
        let before = self
            .before()
            .trim_end_matches(|c: char| !c.is_alphanumeric());
        let word = before.trim_end_matches(char::is_alphanumeric);
        word.len()
    }

    fn word_right(&self) -> usize {
        let after = self.after();
        let rest = after.trim_start_matches(|c: char| !c.is_alphanumeric());
        let rest = rest.trim_start_matches(char::is_alphanumeric);
        self.text.len() - rest.len()
    }

    /// The text with the cursor, as much of it as is visible in `width` columns. `style` says what its bytes are.
    pub(crate) fn show(&self, width: usize, style: impl Fn(usize) -> Role) -> Text {
        // Each character with the columns that it takes.
        let mut cells = Vec::new();
        let mut cursor_at = None;
        let mut columns = 0;
        for (at, c) in self.text.char_indices() {
            if at == self.cursor {
                cursor_at = Some(cells.len());
            }
            let mut cell = Text::default();
            let role = match self.chosen {
                Some(start) if at >= start => Role::Chosen,
                _ => style(at),
            };
            cell.push_str(role, &c.to_string());
            let wide = cell.width();
            columns += wide;
            cells.push((cell, wide));
        }
        let cursor_at = cursor_at.unwrap_or_else(|| {
            cells.push((Text::plain(Role::Cursor, " "), 1));
            columns += 1;
            cells.len() - 1
        });
        if let Some((cell, _)) = cells.get_mut(cursor_at) {
            let content = cell.content();
            *cell = Text::plain(Role::Cursor, content);
        }
        // What does not fit goes away at the start, as long as the cursor stays.
        let mut start = 0;
        while columns > width && start < cursor_at {
            columns -= cells.get(start).map_or(0, |(_, wide)| *wide);
            start += 1;
        }
        let mut text = Text::default();
        let mut left = width;
        for (cell, wide) in cells.into_iter().skip(start) {
            if wide > left {
                break;
            }
            left -= wide;
            for span in cell.spans {
                text.push(span.role, span.text);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(start: &str, keys: &[&str]) -> LineEdit {
        let mut line = LineEdit::new(start);
        for name in keys {
            line.key(Key::parse(name).unwrap());
        }
        line
    }

    #[test]
    fn keys_edit() {
        let rows: [(&str, &[&str], &str, &str); 14] = [
            ("ab", &["left", "x"], "ax", "b"),
            ("ab", &["home", "x", "end", "y"], "xaby", ""),
            ("ab", &["ctrl a", "delete"], "", "b"),
            ("ab", &["ctrl a", "ctrl f", "backspace"], "", "b"),
            ("set a_b c.d", &["meta b", "meta b"], "set a_b ", "c.d"),
            ("set a b", &["ctrl a", "meta f", "meta f"], "set a", " b"),
            ("set a b", &["ctrl w"], "set a ", ""),
            ("set a b", &["left", "ctrl u"], "", "b"),
            ("set a b", &["ctrl a", "ctrl k"], "", ""),
            ("日本", &["left", "x"], "日x", "本"),
            ("e\u{301}x", &["left", "left"], "", "e\u{301}x"),
            ("e\u{301}", &["backspace"], "", ""),
            ("", &["left", "right", "ctrl w", "delete"], "", ""),
            ("ab", &["up"], "ab", ""),
        ];
        for (start, keys, before, after) in rows {
            let line = typed(start, keys);
            assert_eq!(
                (line.before(), line.after()),
                (before, after),
                "{start} {keys:?}"
            );
        }
        assert_eq!(
            LineEdit::default().key(Key::Named("backspace")),
            Edited::Empty
        );
        assert_eq!(LineEdit::default().key(Key::Named("up")), Edited::No);
    }

    #[test]
    fn what_is_chosen_goes_away_with_the_first_character() {
        let rows: [(&[&str], &str); 5] = [
            (&["x", "y"], "set a xy"),
            (&["left", "x"], "set a 'xb'"),
            (&["end", "x"], "set a 'b'x"),
            (&["backspace", "x"], "set a 'x'"),
            (&["home", "x"], "xset a 'b'"),
        ];
        for (keys, text) in rows {
            let mut line = LineEdit::new("set a 'b'").back(1).choosing_from(6);
            let shown = line.show(20, |_| Role::Text);
            let chosen = shown.spans.iter().filter(|span| span.role == Role::Chosen);
            assert_eq!(chosen.map(|span| &*span.text).collect::<String>(), "'b");
            assert_eq!(shown.content(), "set a 'b'");
            for name in keys {
                line.key(Key::parse(name).unwrap());
            }
            assert_eq!(line.text(), text, "{keys:?}");
        }
        let mut line = LineEdit::new("a b").choosing_from(2);
        line.insert("c");
        assert_eq!(line.text(), "a c");
        assert_eq!(LineEdit::new("é").choosing_from(1), LineEdit::new("é"));
    }

    #[test]
    fn the_cursor_is_always_visible() {
        let show = |line: &LineEdit, width| line.show(width, |_| Role::Text).content();
        let line = LineEdit::new("0123456789");
        assert_eq!(show(&line, 20), "0123456789 ");
        assert_eq!(show(&line, 5), "6789 ");
        assert_eq!(show(&typed("0123456789", &["ctrl a"]), 5), "01234");
        assert_eq!(show(&LineEdit::new("日本語"), 4), "語 ");
    }

    #[test]
    fn what_is_pasted_is_one_line() {
        let mut line = LineEdit::new("a");
        line.insert("b\nc\u{1b}[d\t");
        assert_eq!(line.text(), "ab c[d ");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(start: String, keys in proptest::collection::vec(0usize..200, 0..30), width in 0usize..20) {
            let named = crate::keymap::NAMED;
            let mut line = LineEdit::new(start);
            for key in keys {
                let chars = ['a', 'b', 'd', 'e', 'f', 'h', 'k', 'u', 'w', 'é', '日', '\u{301}'];
                let c = chars[key % chars.len()];
                line.key(match key % 4 {
                    0 => Key::Named(named[key % named.len()]),
                    1 => Key::Ctrl(c),
                    2 => Key::Meta(c),
                    _ => Key::Char(c),
                });
                let shown = line.show(width, |_| Role::Text);
                proptest::prop_assert!(shown.width() <= width);
            }
        }
    }
}
