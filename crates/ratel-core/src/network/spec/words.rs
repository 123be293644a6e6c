//! The words of a rule, each with its place.

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .at + 1)]
pub struct SpecError {
    /// Characters in front of it.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl SpecError {
    /// The error and the hint, if there is one, in one sentence.
    #[must_use]
    pub fn with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{self}; {hint}"),
            None => self.to_string(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A word, and where it stands in its rule, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Word<'s> {
    pub(super) text: &'s str,
    pub(super) at: usize,
    pub(super) whole: &'s str,
}

impl<'s> Word<'s> {
    pub(super) fn whole(text: &'s str) -> Self {
        Self {
            text,
            at: 0,
            whole: text,
        }
    }

    pub(super) fn error(self, message: impl Into<String>) -> SpecError {
        let before = self.whole.get(..self.at).unwrap_or(self.whole);
        SpecError {
            at: before.chars().count(),
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn fail<T>(self, message: impl Into<String>) -> Result<T, SpecError> {
        Err(self.error(message))
    }

    /// A part of it.
    pub(super) fn part(self, text: &'s str, at: usize) -> Self {
        let blank = text.len() - text.trim_start().len();
        Self {
            text: text.trim(),
            at: self.at + at + blank,
            whole: self.whole,
        }
    }

    pub(super) fn split_once(self, by: char) -> Option<(Self, Self)> {
        let at = self.text.find(by)?;
        let (one, other) = (self.text.get(..at)?, self.text.get(at + by.len_utf8()..)?);
        Some((self.part(one, 0), self.part(other, at + by.len_utf8())))
    }

    /// Its words, which stand between blanks and commas.
    pub(super) fn words(self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut at = 0;
        for text in self.text.split([' ', '\t', ',']) {
            if !text.is_empty() {
                words.push(self.part(text, at));
            }
            at += text.len() + 1;
        }
        words
    }
}
