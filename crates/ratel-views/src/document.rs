//! Documents: lines of spans, safe to put on a terminal, and the sink that views write them to.

mod fold;

use std::collections::VecDeque;

use ratel_flow::format;

pub use fold::Fold;

/// A line is cut in pieces of about this many bytes, so that a body without line ends takes no more memory.
pub const LINE_BYTES: usize = 64 * 1024;

/// Lines are indented by no more levels than this, so that deep nesting does not make long lines.
const MAX_INDENT: usize = 64;

/// Spaces for each level.
const STEP: usize = 4;

/// Why bytes are not in a text.
const NO_TEXT: &str = "it holds bytes that are no text";

/// What a piece of text is. Front ends decide what that looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Class {
    /// Text, punctuation.
    #[default]
    Plain,
    /// A key, an element, a field.
    Name,
    /// A text value.
    String,
    /// A number.
    Number,
    /// `true`, `false`, `null`.
    Boolean,
    /// A remark.
    Comment,
    /// What is wrong.
    Error,
    /// Where in the body a line begins.
    Offset,
}

/// A piece of text of one class. It holds no control character but tabs, and nothing that reorders or hides text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub class: Class,
    /// The text.
    pub text: String,
}

/// A line of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its pieces; neighbours differ in class.
    pub spans: Vec<Span>,
    /// The line goes on in the next one: it is longer than [`LINE_BYTES`].
    pub goes_on: bool,
}

impl Line {
    /// The text without its classes.
    #[must_use]
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }

    fn push(&mut self, class: Class, text: &str) {
        match self.spans.last_mut() {
            Some(last) if last.class == class => last.text.push_str(text),
            _ => self.spans.push(Span {
                class,
                text: text.to_owned(),
            }),
        }
    }
}

/// What a view made of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The view that made it, as its name is shown: `JSON`.
    pub view_name: &'static str,
    /// A remark for the head line, such as `[failed to parse as JSON]`; mostly empty.
    pub description: String,
    /// The lines.
    pub lines: Vec<Line>,
    /// There are more lines than were asked for.
    pub truncated: bool,
}

/// Takes text from a view and makes lines of it.
///
/// Lines that are done wait until they are [taken](Self::take); a view is fed small pieces in between, so that few wait.
#[derive(Debug)]
pub struct Sink {
    done: VecDeque<Line>,
    current: Line,
    current_bytes: usize,
    /// A line has been begun, though it may be empty.
    begun: bool,
    /// The start of a UTF-8 sequence whose rest has not come.
    partial: Vec<u8>,
    partial_class: Class,
    /// Lines that may still be ended.
    left: usize,
    truncated: bool,
    /// Text stays as it is, to be edited.
    exact: bool,
    /// Why the text does not say everything.
    lossy: Option<&'static str>,
}

impl Sink {
    /// A sink for so many lines; what goes beyond is dropped.
    #[must_use]
    pub fn new(max_lines: usize) -> Self {
        Self {
            done: VecDeque::new(),
            current: Line::default(),
            current_bytes: 0,
            begun: false,
            partial: Vec::new(),
            partial_class: Class::Plain,
            left: max_lines,
            truncated: false,
            exact: false,
            lossy: None,
        }
    }

    /// A sink for text that is edited: nothing is replaced, and lines are not cut.
    #[must_use]
    pub fn exact() -> Self {
        Self {
            exact: true,
            ..Self::new(usize::MAX)
        }
    }

    /// Whether text stays as it is, so that a view may not shorten anything.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Why the text does not say everything, if it does not.
    #[must_use]
    pub fn lossy(&self) -> Option<&'static str> {
        self.lossy
    }

    /// Says that not everything is in the text.
    pub(crate) fn set_lossy(&mut self, why: &'static str) {
        self.lossy.get_or_insert(why);
    }

    /// All lines, each with its end.
    #[must_use]
    pub fn into_text(mut self) -> String {
        self.finish();
        let mut text = String::new();
        for line in &self.done {
            for span in &line.spans {
                text.push_str(&span.text);
            }
            text.push('\n');
        }
        text
    }

    /// Whether all further text is dropped; a view may stop then.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.left == 0 && self.truncated
    }

    /// Whether text was dropped.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Appends text. Control characters become `.`.
    pub fn push(&mut self, class: Class, text: &str) {
        self.flush_partial();
        self.push_text(class, text);
    }

    /// Appends bytes: UTF-8 as text, all else as `\xNN`. A sequence may be split between calls of the same class.
    pub fn push_bytes(&mut self, class: Class, bytes: &[u8]) {
        if !self.partial.is_empty() && class != self.partial_class {
            self.flush_partial();
        }
        let joined;
        let bytes = if self.partial.is_empty() {
            bytes
        } else {
            let mut start = std::mem::take(&mut self.partial);
            start.extend_from_slice(bytes);
            joined = start;
            &joined
        };
        let kept = format::incomplete_utf8(bytes);
        let (whole, rest) = bytes.split_at(bytes.len() - kept);
        for chunk in whole.utf8_chunks() {
            self.push_text(class, chunk.valid());
            if !chunk.invalid().is_empty() {
                self.set_lossy(NO_TEXT);
            }
            for byte in chunk.invalid() {
                self.push_text(class, &format!("\\x{byte:02x}"));
            }
        }
        self.partial.extend_from_slice(rest);
        self.partial_class = class;
    }

    /// Appends the spaces in front of a line that is nested so many levels deep.
    pub(crate) fn indent(&mut self, levels: usize) {
        const SPACES: &str = match str::from_utf8(&[b' '; MAX_INDENT * STEP]) {
            Ok(spaces) => spaces,
            Err(_) => "",
        };
        let width = levels.min(MAX_INDENT) * STEP;
        self.push(Class::Plain, SPACES.get(..width).unwrap_or_default());
    }

    /// Appends so many spaces, which are few.
    pub(crate) fn spaces(&mut self, width: usize) {
        const SPACES: &str = "                                ";
        let mut left = width;
        while left > 0 {
            let piece = left.min(SPACES.len());
            self.push(Class::Plain, SPACES.get(..piece).unwrap_or_default());
            left -= piece;
        }
    }

    /// Ends the line.
    pub fn newline(&mut self) {
        self.flush_partial();
        self.begun = true;
        self.end_line(false);
    }

    /// Ends a line that has been begun, if there is one.
    pub fn finish(&mut self) {
        self.flush_partial();
        if self.begun {
            self.end_line(false);
        }
    }

    /// Takes the oldest line that is done.
    pub fn take(&mut self) -> Option<Line> {
        self.done.pop_front()
    }

    fn push_text(&mut self, class: Class, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.left == 0 {
            self.truncated = true;
            return;
        }
        self.begun = true;
        if self.exact {
            return self.current.push(Class::Plain, text);
        }
        let mut rest = text;
        while !rest.is_empty() {
            if self.current_bytes >= LINE_BYTES {
                self.end_line(true);
            }
            let (piece, after) = rest.split_at(rest.floor_char_boundary(LINE_BYTES));
            let safe = format::escape(piece);
            self.current_bytes += safe.len();
            self.current.push(class, &safe);
            rest = after;
        }
    }

    fn flush_partial(&mut self) {
        for byte in std::mem::take(&mut self.partial) {
            self.set_lossy(NO_TEXT);
            self.push_text(self.partial_class, &format!("\\x{byte:02x}"));
        }
    }

    fn end_line(&mut self, goes_on: bool) {
        let mut line = std::mem::take(&mut self.current);
        line.goes_on = goes_on;
        self.current_bytes = 0;
        self.begun = goes_on;
        if self.left == 0 {
            self.truncated = true;
            return;
        }
        self.left -= usize::from(!goes_on);
        self.done.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(sink: &mut Sink) -> Vec<String> {
        std::iter::from_fn(|| sink.take())
            .map(|line| line.text())
            .collect()
    }

    #[test]
    fn text_is_safe_and_split_sequences_are_joined() {
        let mut sink = Sink::new(10);
        for byte in "é\u{1b}[31m€\t".as_bytes() {
            sink.push_bytes(Class::Plain, &[*byte]);
        }
        sink.push_bytes(Class::Plain, b"\xff\xc3");
        sink.push_bytes(Class::String, b"\xa9");
        sink.newline();
        sink.newline();
        sink.finish();
        assert_eq!(lines(&mut sink), ["é.[31m€\t\\xff\\xc3\\xa9", ""]);
    }

    #[test]
    fn lines_beyond_the_limit_are_dropped() {
        let mut sink = Sink::new(2);
        for text in ["a", "b"] {
            sink.push(Class::Plain, text);
            sink.newline();
        }
        assert!(!sink.is_truncated());
        sink.push(Class::Plain, "c");
        sink.finish();
        assert!(sink.is_truncated() && sink.is_full());
        assert_eq!(lines(&mut sink), ["a", "b"]);
    }

    #[test]
    fn long_lines_come_in_pieces() {
        let mut sink = Sink::new(1);
        let text = "é".repeat(LINE_BYTES);
        sink.push(Class::Plain, &text);
        sink.newline();
        let pieces: Vec<Line> = std::iter::from_fn(|| sink.take()).collect();
        assert_eq!(pieces.iter().filter(|line| line.goes_on).count(), 1);
        assert!(!pieces.last().unwrap().goes_on && !sink.is_truncated());
        assert_eq!(pieces.iter().map(Line::text).collect::<String>(), text);
    }
}
