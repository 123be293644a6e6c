//! Text that is safe to put on a terminal: escaped, measured, cut and wrapped by columns.
//!
//! All bytes of peers go through [`Text::push_bytes`] or [`Text::push_str`]; what comes out holds no control character and
//! nothing that reorders or hides its neighbours.

use std::ops::Range;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::theme::Role;

/// Tabs in bodies go to the next multiple of this many columns.
pub(crate) const TAB_STOP: usize = 4;

/// Fewer columns are not worth it to wrap text into.
const HANG_LEAST: usize = 20;

/// A piece of text with one meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// A line of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) spans: Vec<Span>,
    /// Where it is wrapped between words, further rows begin at this column.
    pub(crate) hang: usize,
}

impl Text {
    /// A line of one's own words, which need no escaping.
    pub(crate) fn plain(role: Role, text: impl Into<String>) -> Self {
        let mut line = Self::default();
        line.push(role, text);
        line
    }

    /// Appends one's own words.
    pub(crate) fn push(&mut self, role: Role, text: impl Into<String>) {
        let text = text.into();
        match self.spans.last_mut() {
            Some(last) if last.role == role => last.text.push_str(&text),
            _ if text.is_empty() => {}
            _ => self.spans.push(Span { role, text }),
        }
    }

    pub(crate) fn push_char(&mut self, role: Role, c: char) {
        match self.spans.last_mut() {
            Some(last) if last.role == role => last.text.push(c),
            _ => self.spans.push(Span {
                role,
                text: c.into(),
            }),
        }
    }

    /// Appends bytes of a peer: what is printable UTF-8 as it is, all else escaped (`\x1b`, `\u{202e}`).
    pub(crate) fn push_bytes(&mut self, role: Role, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            self.push_str(role, chunk.valid());
            for byte in chunk.invalid() {
                self.push(Role::Escape, format!("\\x{byte:02x}"));
            }
        }
    }

    /// Appends text of a peer, escaping what is not printable.
    pub(crate) fn push_str(&mut self, role: Role, text: &str) {
        for c in text.chars() {
            match escaped(c) {
                None => self.push_char(role, c),
                Some(escape) => self.push(Role::Escape, escape),
            }
        }
    }

    /// As [`push_bytes`](Self::push_bytes), with tabs as spaces.
    pub(crate) fn push_body(&mut self, role: Role, bytes: &[u8]) {
        let mut pieces = bytes.split(|b| *b == b'\t');
        if let Some(first) = pieces.next() {
            self.push_bytes(role, first);
        }
        for piece in pieces {
            let pad = TAB_STOP - self.width() % TAB_STOP;
            self.push(role, " ".repeat(pad));
            self.push_bytes(role, piece);
        }
    }

    /// Columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.spans.iter().map(|s| s.text.width()).sum()
    }

    /// The text without its roles.
    pub(crate) fn content(&self) -> String {
        self.spans.iter().map(|s| s.text.as_str()).collect()
    }

    /// Appends `other`, cut at its end so that it takes at most `width` columns.
    pub(crate) fn append_cut(&mut self, other: Self, width: usize) {
        if other.width() <= width {
            for span in other.spans {
                self.push(span.role, span.text);
            }
            return;
        }
        let mut left = width.saturating_sub(1);
        'spans: for span in &other.spans {
            for c in span.text.chars() {
                let columns = c.width().unwrap_or(0);
                if columns > left {
                    break 'spans;
                }
                left -= columns;
                self.push_char(span.role, c);
            }
        }
        if width > 0 {
            self.push_char(Role::Dim, '…');
        }
    }

    /// As [`append_cut`](Self::append_cut), cut in the middle: both ends of a name tell it from others.
    pub(crate) fn append_middle_cut(&mut self, other: Self, width: usize) {
        if other.width() <= width || width < 3 {
            return self.append_cut(other, width);
        }
        let end = (width - 1) / 2;
        let begin = width - 1 - end;
        let mut tail = Vec::new();
        let mut left = end;
        'tail: for span in other.spans.iter().rev() {
            for c in span.text.chars().rev() {
                let columns = c.width().unwrap_or(0);
                if columns > left {
                    break 'tail;
                }
                left -= columns;
                tail.push((span.role, c));
            }
        }
        // With the mark for what is left out.
        self.append_cut(other, begin + 1);
        for (role, c) in tail.into_iter().rev() {
            self.push_char(role, c);
        }
    }

    /// Fills up with spaces to `width` columns.
    pub(crate) fn pad_to(&mut self, width: usize) {
        let pad = width.saturating_sub(self.width());
        if pad > 0 {
            self.push(Role::Text, " ".repeat(pad));
        }
    }

    /// As [`pad_to`](Self::pad_to), with two spaces at least. What is in that column stays there when it is wrapped.
    pub(crate) fn tab_to(&mut self, width: usize) {
        self.push(Role::Text, "  ");
        self.pad_to(width);
        self.hang = self.width();
    }

    /// Splits into rows of at most `width` columns; an empty line is one empty row.
    pub(crate) fn wrap(self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self];
        }
        let width = width.max(1);
        let mut rows = Vec::new();
        let (mut row, mut used) = (Self::default(), 0);
        for span in &self.spans {
            for c in span.text.chars() {
                let columns = c.width().unwrap_or(0);
                if used + columns > width && used > 0 {
                    rows.push(std::mem::take(&mut row));
                    used = 0;
                }
                used += columns;
                row.push_char(span.role, c);
            }
        }
        rows.push(row);
        rows
    }

    /// As [`wrap`](Self::wrap), between words where that is possible: a row may then have a space at its end that stands out
    /// beyond `width`. Between wide characters, which are written without spaces, is a place as good as any.
    pub(crate) fn wrap_words(self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self];
        }
        let width = width.max(1);
        // A column that is narrower than a word or two is none.
        let hang = if self.hang + HANG_LEAST <= width {
            self.hang
        } else {
            0
        };
        let chars = self.spans.iter().flat_map(|span| {
            let columns = |c: char| (span.role, c, c.width().unwrap_or(0));
            span.text.chars().map(columns)
        });
        let mut rows = Vec::new();
        let (mut row, mut used) = (Self::default(), 0);
        let (mut has_word, mut in_word) = (false, false);
        let mut rest = chars.clone();
        for (role, c, columns) in chars {
            let starts = c != ' ' && columns > 0 && (columns > 1 || !in_word);
            let needed = match (starts, columns) {
                (true, 1) => word_width(rest.clone(), width - hang),
                _ => columns,
            };
            rest.next();
            // A word that fits no row goes on from where it is.
            let moves = starts && has_word && used + needed > width && needed <= width - hang;
            let hangs = c == ' ' && used == width;
            if used > 0 && (moves || used + columns > width && !hangs) {
                rows.push(std::mem::take(&mut row));
                (used, has_word) = (hang, false);
                row.push(Role::Text, " ".repeat(hang));
            }
            row.push_char(role, c);
            used += columns;
            if columns > 0 {
                in_word = c != ' ' && columns == 1;
                has_word |= c != ' ';
            }
        }
        rows.push(row);
        rows
    }

    /// The text with the pieces at those byte ranges of [`content`](Self::content) in another role.
    pub(crate) fn highlight(&self, found: &[Range<usize>], role: Role) -> Self {
        let mut out = Self {
            hang: self.hang,
            ..Self::default()
        };
        let mut at = 0;
        for span in &self.spans {
            for c in span.text.chars() {
                let hit = found.iter().any(|range| range.contains(&at));
                out.push_char(if hit { role } else { span.role }, c);
                at += c.len_utf8();
            }
        }
        out
    }
}

/// The columns of the word that `chars` begin with; where it is wider than `most`, some number above that.
fn word_width(chars: impl Iterator<Item = (Role, char, usize)>, most: usize) -> usize {
    let mut width = 0;
    for (_, c, columns) in chars {
        if c == ' ' || columns > 1 || width > most {
            break;
        }
        width += columns;
    }
    width
}

/// How a character is shown that must not reach the terminal; none for one that may.
pub(crate) fn escaped(c: char) -> Option<String> {
    match c {
        ' '..='~' => None,
        '\n' => Some("\\n".into()),
        '\r' => Some("\\r".into()),
        '\t' => Some("\\t".into()),
        c if (c as u32) < 0x100 && c.is_control() => Some(format!("\\x{:02x}", c as u32)),
        // Marks that reorder, join or hide text, separators that some terminals obey, private and unassigned use.
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{e0000}'..='\u{10ffff}' => Some(format!("\\u{{{:x}}}", c as u32)),
        c if c.width().is_none() => Some(format!("\\u{{{:x}}}", c as u32)),
        _ => None,
    }
}

/// One's own words, or a peer's made safe, in a string.
pub(crate) fn safe(text: &str) -> String {
    let mut line = Text::default();
    line.push_str(Role::Text, text);
    line.content()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut text = Text::default();
        text.push_bytes(Role::Text, bytes);
        text.content()
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let rows: [(&[u8], &str); 8] = [
            (b"plain", "plain"),
            (b"\x1b[2J\x07", "\\x1b[2J\\x07"),
            (b"a\r\nb\tc", "a\\r\\nb\\tc"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("\u{9b}31m".as_bytes(), "\\x9b31m"),
            ("\u{202e}evil".as_bytes(), "\\u{202e}evil"),
            ("größe 日本".as_bytes(), "größe 日本"),
            (b"\x7f\x00", "\\x7f\\x00"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn escapes_have_a_role_of_their_own() {
        let mut text = Text::default();
        text.push_bytes(Role::Text, b"a\x1bb");
        let roles: Vec<_> = text.spans.iter().map(|s| s.role).collect();
        assert_eq!(roles, [Role::Text, Role::Escape, Role::Text]);
    }

    #[test]
    fn wide_characters_are_never_cut_in_half() {
        let line = Text::plain(Role::Text, "日本語");
        let rows: Vec<_> = line.clone().wrap(3).iter().map(Text::content).collect();
        assert_eq!(rows, ["日", "本", "語"]);
        let mut cut = Text::default();
        cut.append_cut(line, 4);
        assert_eq!(cut.content(), "日…");
    }

    #[test]
    fn rows_end_between_words() {
        let wrapped = |pieces: &[&str], width: usize| {
            let mut line = Text::default();
            for (nth, piece) in pieces.iter().enumerate() {
                // A word may have more than one role.
                line.push([Role::Error, Role::Text][nth % 2], *piece);
            }
            let rows = line.wrap_words(width);
            rows.iter().map(Text::content).collect::<Vec<_>>()
        };
        assert_eq!(
            wrapped(&["error: ", "it is refused"], 9),
            ["error: it ", "is ", "refused"]
        );
        assert_eq!(wrapped(&["ab cd", "ef"], 5), ["ab ", "cdef"]);
        assert_eq!(wrapped(&["key: abcdefghij"], 8), ["key: abc", "defghij"]);
        assert_eq!(wrapped(&["   abcde"], 5), ["   ab", "cde"]);
        assert_eq!(wrapped(&["ein 日本語 wort"], 8), ["ein 日本", "語 wort"]);
        assert_eq!(
            wrapped(&["日e\u{301}e\u{301} abc"], 4),
            ["日e\u{301}e\u{301} ", "abc"]
        );
        assert_eq!(wrapped(&["a     b"], 3), ["a   ", "  b"]);
    }

    #[test]
    fn tabs_are_columns() {
        let mut text = Text::default();
        text.push_body(Role::Text, b"a\tbc\td");
        assert_eq!(text.content(), "a   bc  d");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_safe_and_rows_fit(bytes: Vec<u8>, width in 2usize..40) {
            let mut text = Text::default();
            text.push_body(Role::Text, &bytes);
            proptest::prop_assert!(!text.content().chars().any(char::is_control));
            let all = text.content();
            let rows = text.wrap(width);
            proptest::prop_assert!(rows.iter().all(|row| row.width() <= width));
            proptest::prop_assert_eq!(rows.iter().map(Text::content).collect::<String>(), all);
        }

        #[test]
        fn rows_of_words_fit_and_nothing_is_lost(line in "[a b日\u{301}]{0,60}|.{0,60}", width in 2usize..20) {
            let mut text = Text::default();
            text.push_str(Role::Text, &line);
            let all = text.content();
            let rows: Vec<_> = text.wrap_words(width).iter().map(Text::content).collect();
            let fits = |row: &String| row.strip_suffix(' ').unwrap_or(row).width() <= width;
            proptest::prop_assert!(rows.iter().all(fits), "{:?}", rows);
            proptest::prop_assert_eq!(rows.concat(), all);
        }
    }
}
