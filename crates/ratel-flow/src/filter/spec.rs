//! Rules as options have them: `/FILTER/SUBJECT/REPLACEMENT`, in which any character may stand for the slash.
//!
//! The first character separates. Only the last part may have it in itself, since nothing escapes it. Without a filter, a
//! rule is for all flows.

use std::ops::Range;

use super::error::hinted;
use super::{Filter, FilterError, FilterOptions};

/// A rule, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Which flows it is for; all, if there is none.
    pub filter: Option<Filter>,
    /// What is to be changed: a regular expression, or a name.
    pub subject: Part,
    /// What it becomes.
    pub replacement: Part,
}

/// A rule of two parts, the first of which is a filter: `/FILTER/VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterSpec {
    /// Which flows it is for.
    pub filter: Filter,
    /// What is to become of them.
    pub value: Part,
}

/// A part of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part as it was written.
    pub text: Box<str>,
    /// Where in the rule it begins, in bytes.
    pub from: usize,
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at character {})", .position)]
#[non_exhaustive]
pub struct SpecError {
    /// What is wrong.
    pub reason: SpecReason,
    /// The bytes of the rule that are wrong.
    pub span: Range<usize>,
    /// The first character that is wrong, counted from 1.
    pub position: usize,
}

/// What is wrong with a rule, or with a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecReason {
    /// There is nothing.
    #[error("the rule is empty")]
    Empty,
    /// It has other than two or three parts.
    #[error("Invalid number of parameters (2 or 3 are expected): {separator:?} separates {count}")]
    Count {
        /// What separates.
        separator: char,
        /// How many parts there are.
        count: usize,
    },
    /// It has other than two parts.
    #[error("Invalid number of parameters (2 are expected): {separator:?} separates {count}")]
    CountOfTwo {
        /// What separates.
        separator: char,
        /// How many parts there are.
        count: usize,
    },
    /// The filter is none.
    #[error("Invalid filter expression: {}: {}", super::python::repr(.0.source_text()), .0.reason())]
    Filter(FilterError),
    /// Escapes that are none.
    #[error("{0}")]
    Escape(EscapeError),
    /// Whatever else somebody finds who knows what the part is for.
    #[error("{0}")]
    Other(Box<str>),
}

impl Spec {
    /// Takes a rule apart.
    ///
    /// # Errors
    /// If it has too few parts, or its filter is none.
    pub fn parse(text: &str, options: FilterOptions) -> Result<Self, SpecError> {
        let (separator, parts) = split(text)?;
        let (filter, subject, replacement) = match <[Part; 3]>::try_from(parts) {
            Ok([filter, subject, replacement]) => (Some(filter), subject, replacement),
            Err(parts) => match <[Part; 2]>::try_from(parts) {
                Ok([subject, replacement]) => (None, subject, replacement),
                Err(parts) => {
                    let count = parts.len();
                    let reason = SpecReason::Count { separator, count };
                    return Err(SpecError::new(text, reason, 0..text.len()));
                }
            },
        };
        Ok(Self {
            filter: filter
                .map(|filter| filter.filter(text, options))
                .transpose()?,
            subject,
            replacement,
        })
    }
}

impl FilterSpec {
    /// Takes a rule apart.
    ///
    /// # Errors
    /// If it has not two parts, or its filter is none.
    pub fn parse(text: &str, options: FilterOptions) -> Result<Self, SpecError> {
        let (separator, parts) = split(text)?;
        match <[Part; 2]>::try_from(parts) {
            Ok([filter, value]) => Ok(Self {
                filter: filter.filter(text, options)?,
                value,
            }),
            Err(parts) => {
                let count = parts.len();
                let reason = SpecReason::CountOfTwo { separator, count };
                Err(SpecError::new(text, reason, 0..text.len()))
            }
        }
    }
}

/// At most three parts, with what separates them.
fn split(text: &str) -> Result<(char, Vec<Part>), SpecError> {
    let Some(separator) = text.chars().next() else {
        return Err(SpecError::new(text, SpecReason::Empty, 0..0));
    };
    let mut from = separator.len_utf8();
    let rest = text.get(from..).unwrap_or_default();
    let parts = rest.splitn(3, separator).map(|part| {
        let this = from;
        from += part.len() + separator.len_utf8();
        Part {
            text: part.into(),
            from: this,
        }
    });
    Ok((separator, parts.collect()))
}

impl Part {
    fn filter(&self, spec: &str, options: FilterOptions) -> Result<Filter, SpecError> {
        Filter::parse(&self.text, options).map_err(|error| {
            let span = error.span();
            self.error(spec, SpecReason::Filter(error), span)
        })
    }

    /// What the escapes in it stand for: see [`unescape`].
    ///
    /// # Errors
    /// If one of them is broken.
    pub fn unescape(&self, spec: &str) -> Result<Vec<u8>, SpecError> {
        unescape(&self.text).map_err(|error| {
            let span = error.at.clone();
            self.error(spec, SpecReason::Escape(error), span)
        })
    }

    /// An error in this part of `spec`; `span` counts bytes of the part.
    #[must_use]
    pub fn error(&self, spec: &str, reason: SpecReason, span: Range<usize>) -> SpecError {
        SpecError::new(spec, reason, self.from + span.start..self.from + span.end)
    }
}

impl SpecError {
    fn new(spec: &str, reason: SpecReason, span: Range<usize>) -> Self {
        let before = spec.get(..span.start).unwrap_or(spec);
        Self {
            reason,
            position: before.chars().count() + 1,
            span,
        }
    }

    /// What to write instead, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.reason {
            SpecReason::Count { .. } => {
                Some("write `/SUBJECT/REPLACEMENT` or `/FILTER/SUBJECT/REPLACEMENT`".to_owned())
            }
            SpecReason::CountOfTwo { .. } => Some("write `/FILTER/VALUE`".to_owned()),
            SpecReason::Filter(error) => error.hint(),
            _ => None,
        }
    }

    /// The error and the hint, if there is one, in one sentence.
    #[must_use]
    pub fn with_hint(&self) -> String {
        hinted(self, self.hint())
    }
}

/// An escape that is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EscapeError {
    /// What is wrong.
    pub reason: &'static str,
    /// Where in the text, in bytes.
    pub at: Range<usize>,
}

/// What a text with the escapes of Python's byte strings stands for: `\n`, `\x41`, `\101`, `\\`. A backslash before
/// anything else is itself, so that regular expressions may have theirs, but for `\b`, which is a backspace. One at the
/// end of a line is gone together with that.
///
/// # Errors
/// When `\x` lacks its digits, or the text ends in a backslash.
pub fn unescape(text: &str) -> Result<Vec<u8>, EscapeError> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != b'\\' {
            out.push(*byte);
            at += 1;
            continue;
        }
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let (stands_for, len) = match rest {
            [] => {
                let reason = "a backslash at the end";
                return Err(EscapeError {
                    reason,
                    at: at..at + 1,
                });
            }
            [b'\n', ..] => (None, 1),
            [b'\\', ..] => (Some(b'\\'), 1),
            [b'\'', ..] => (Some(b'\''), 1),
            [b'"', ..] => (Some(b'"'), 1),
            [b'a', ..] => (Some(7), 1),
            [b'b', ..] => (Some(8), 1),
            [b'f', ..] => (Some(12), 1),
            [b'n', ..] => (Some(b'\n'), 1),
            [b'r', ..] => (Some(b'\r'), 1),
            [b't', ..] => (Some(b'\t'), 1),
            [b'v', ..] => (Some(11), 1),
            [b'0'..=b'7', ..] => {
                let digits = rest.iter().take(3).take_while(|b| matches!(b, b'0'..=b'7'));
                let len = digits.clone().count();
                // Of a number that is too large, Python takes the last eight bits.
                let value = digits.fold(0_u8, |sum, digit| {
                    sum.wrapping_mul(8).wrapping_add(digit - b'0')
                });
                (Some(value), len)
            }
            [b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
                (Some(digit(*high) << 4 | digit(*low)), 3)
            }
            [b'x', ..] => {
                let reason = "\\x must be followed by two hexadecimal digits";
                return Err(EscapeError {
                    reason,
                    at: at..at + 2,
                });
            }
            [..] => (Some(b'\\'), 0),
        };
        out.extend(stands_for);
        at += 1 + len;
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
