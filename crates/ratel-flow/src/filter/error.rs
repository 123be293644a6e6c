//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

use super::operators::ROWS;
use super::parse::SOURCE_MAX;
use super::python;
use crate::pattern::PatternError;

/// An expression that is none. Displays as a sentence that begins as mitmproxy's does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    source: Box<str>,
    reason: Reason,
    span: Range<usize>,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is nothing.
    #[error("Empty filter expression")]
    Empty,
    /// There is nothing but space.
    #[error("there is only space")]
    Blank,
    /// It is longer than anybody would write it.
    #[error("it is longer than {} bytes", SOURCE_MAX)]
    TooLong,
    /// Too many parentheses or `!` within each other.
    #[error("it is nested too deeply")]
    TooDeep,
    /// An operator that there is not.
    #[error("there is no operator ~{name}")]
    Unknown {
        /// Its name.
        name: Box<str>,
        /// One that may be meant.
        similar: Option<&'static str>,
    },
    /// An operator runs into what follows.
    #[error("~{operator} must be followed by a space")]
    NotEnded {
        /// Its name.
        operator: &'static str,
        /// What follows.
        next: char,
    },
    /// An operator lacks its regular expression.
    #[error("~{0} lacks its regular expression")]
    NoPattern(&'static str),
    /// An operator lacks its number.
    #[error("~{0} lacks its number")]
    NoNumber(&'static str),
    /// The text ends within quotes.
    #[error("the quote is not closed")]
    QuoteNotClosed,
    /// A line ends within quotes.
    #[error("the quote is not closed on its line")]
    LineEndInQuotes,
    /// A parenthesis is open at the end.
    #[error("the parenthesis is not closed")]
    NotClosed,
    /// A parenthesis is closed that was not opened.
    #[error("the parenthesis was not opened")]
    NotOpen,
    /// There is nothing in parentheses.
    #[error("there is nothing in the parentheses")]
    EmptyParentheses,
    /// Several expressions in parentheses with nothing that joins them.
    #[error("within parentheses, & or | must join what stands side by side")]
    SideBySide,
    /// A sign has nothing after it.
    #[error("something must follow")]
    NothingFollows,
    /// The regular expression is none.
    #[error("{0}")]
    Pattern(PatternError),
}

impl Reason {
    pub(super) fn unknown(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let similar = ROWS.iter().find(|row| row.name == lower);
        let similar = similar.or_else(|| {
            let starts =
                |row: &&super::operators::Row| lower.len() > 2 && row.name.starts_with(&*lower);
            ROWS.iter().find(starts)
        });
        Self::Unknown {
            name: name.into(),
            similar: similar.map(|row| row.name),
        }
    }
}

impl FilterError {
    pub(super) fn new(source: &str, reason: Reason, span: Range<usize>) -> Self {
        Self {
            source: source.into(),
            reason,
            span,
        }
    }

    /// The expression.
    #[must_use]
    pub fn source_text(&self) -> &str {
        &self.source
    }

    /// What is wrong.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The bytes of the expression that are wrong: what a caret is to point at. Empty at its end, where something is
    /// missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The first character that is wrong, counted from 1.
    #[must_use]
    pub fn position(&self) -> usize {
        let before = self.source.get(..self.span.start).unwrap_or(&self.source);
        before.chars().count() + 1
    }

    /// What to write instead, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.reason {
            Reason::Unknown {
                similar: Some(similar),
                ..
            } => Some(format!("`~{similar}` is one")),
            Reason::Unknown { name, .. } if name.is_empty() => Some(
                "`~` begins an operator; in a regular expression, put quotes round it".to_owned(),
            ),
            Reason::NotEnded {
                operator,
                next: ')',
            } => Some(format!("write `~{operator} )`")),
            Reason::NotEnded { operator, next } => Some(format!("write `~{operator} {next}`")),
            Reason::NoPattern(name) => Some(format!(
                "write `~{name} word` or, with spaces, parentheses or quotes in it, `~{name} \"some words\"`"
            )),
            Reason::NoNumber(name) => Some(format!("write `~{name} 404`")),
            Reason::LineEndInQuotes => Some("write `\\n` for the end of a line".to_owned()),
            Reason::SideBySide => Some("put `&` or `|` before it".to_owned()),
            _ => None,
        }
    }

    /// The error and the hint, if there is one, in one sentence.
    #[must_use]
    pub fn with_hint(&self) -> String {
        hinted(self, self.hint())
    }

    /// As [`with_hint`](Self::with_hint), where the expression itself is shown beside it.
    #[must_use]
    pub fn reason_with_hint(&self) -> String {
        hinted(&self.reason, self.hint())
    }
}

/// What is wrong and what to do about it.
pub(super) fn hinted(wrong: &dyn fmt::Display, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{wrong}; {hint}"),
        None => wrong.to_string(),
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason == Reason::Empty {
            return self.reason.fmt(f);
        }
        /// Of a long expression, what is shown.
        const SHOWN: usize = 200;
        let (start, more) = match self.source.char_indices().nth(SHOWN) {
            Some((end, _)) => (self.source.get(..end).unwrap_or_default(), "..."),
            None => (&*self.source, ""),
        };
        let (shown, at) = (python::repr(start), self.position());
        write!(
            f,
            "Invalid filter expression: {shown}{more}: {} (at character {at})",
            self.reason
        )
    }
}

impl std::error::Error for FilterError {}
