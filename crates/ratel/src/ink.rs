//! What is printed: text that is made safe, in colour where that is wanted.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use ratel_flow::format;

/// What a piece of text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    Dim,
    Blue,
    Cyan,
    Magenta,
    Yellow,
    Red,
    DimCyan,
    DimYellow,
    BoldGreen,
    BoldMagenta,
    BoldRed,
    BlinkingRed,
}

impl Look {
    /// Parameters of the escape sequence that switches it on.
    fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Blue => "34",
            Self::Cyan => "36",
            Self::Magenta => "35",
            Self::Yellow => "33",
            Self::Red => "31",
            Self::DimCyan => "36;2",
            Self::DimYellow => "33;2",
            Self::BoldGreen => "32;1",
            Self::BoldMagenta => "35;1",
            Self::BoldRed => "31;1",
            Self::BlinkingRed => "31;1;5",
        }
    }
}

/// Whether standard output takes colours: it is a terminal, and nobody has asked for none (<https://no-color.org>).
pub(crate) fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    io::stdout().is_terminal()
        && set("NO_COLOR").is_none()
        && set("TERM").is_none_or(|term| term != "dumb")
}

/// Where text is printed to. Whatever goes through it is safe on a terminal, so that nothing has to be escaped before.
pub(crate) struct Page<'a> {
    out: &'a mut dyn Write,
    colour: bool,
}

impl<'a> Page<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, colour: bool) -> Self {
        Self { out, colour }
    }

    /// Prints a piece of a line: control characters, line ends among them, become `.`.
    pub(crate) fn put(&mut self, look: Look, text: &str) -> io::Result<()> {
        let text: Cow<'_, str> = format::escape(text);
        if text.is_empty() {
            return Ok(());
        }
        if !self.colour || look == Look::Plain {
            return self.out.write_all(text.as_bytes());
        }
        write!(self.out, "\u{1b}[{}m{text}\u{1b}[0m", look.codes())
    }

    /// Prints the last piece of a line.
    pub(crate) fn line(&mut self, look: Look, text: &str) -> io::Result<()> {
        self.put(look, text)?;
        self.end()
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_escape_sequences_come_out() {
        let rows = [
            (false, "a.[31mb.é."),
            (true, "\u{1b}[31;1ma.[31mb.é.\u{1b}[0m"),
        ];
        for (colour, expected) in rows {
            let mut out = Vec::new();
            let mut page = Page::new(&mut out, colour);
            page.put(Look::BoldRed, "a\u{1b}[31mb\ré\n").unwrap();
            page.put(Look::BoldRed, "").unwrap();
            page.end().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
        }
    }
}
