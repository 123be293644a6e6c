//! Regular expressions in Python's dialect, as `re.search` understands them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Steps that one search may take with a pattern that looks around or back; then it counts as not found.
const STEPS_MAX: usize = 100_000;

/// What a pattern is made of, and what it is searched in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Characters: `\w` is a letter of any script.
    Char,
    /// Bytes: `\w` is ASCII, and `.` is a byte.
    Byte,
}

/// How a pattern is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// Capitals and small letters are the same.
    pub ignore_case: bool,
    /// `.` is also the end of a line.
    pub dot_all: bool,
    /// `^` and `$` also stand for start and end of a line.
    pub multi_line: bool,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: Box<str>,
    unit: Unit,
    flags: Flags,
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    /// Takes time in proportion to what is searched.
    Plain(regex::bytes::Regex),
    /// Tries one way after the other.
    LookingAround(Box<fancy_regex::Regex>),
}

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong, in one line.
    pub reason: Cow<'static, str>,
    /// Where: bytes of the pattern.
    pub at: Range<usize>,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a regular expression: {}", self.reason)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads a pattern. `before` is how many others are held along with it: the more, the less room each may take.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        source: &str,
        unit: Unit,
        flags: Flags,
        _before: usize,
    ) -> Result<Self, PatternError> {
        let plain = regex::bytes::RegexBuilder::new(source)
            .case_insensitive(flags.ignore_case)
            .dot_matches_new_line(flags.dot_all)
            .multi_line(flags.multi_line)
            .unicode(unit == Unit::Char)
            .build();
        let engine = match plain {
            Ok(plain) => Engine::Plain(plain),
            Err(error) => {
                let looking_around = fancy_regex::RegexBuilder::new(source)
                    .case_insensitive(flags.ignore_case)
                    .dot_matches_new_line(flags.dot_all)
                    .multi_line(flags.multi_line)
                    .bytes_mode(match unit {
                        Unit::Char => fancy_regex::BytesMode::Unicode,
                        Unit::Byte => fancy_regex::BytesMode::Ascii,
                    })
                    .backtrack_limit(STEPS_MAX)
                    .build();
                match looking_around {
                    Ok(regex) => Engine::LookingAround(Box::new(regex)),
                    Err(_) => {
                        let error = error.to_string();
                        let last = error.lines().last().unwrap_or_default();
                        let reason = last.strip_prefix("error: ").unwrap_or(last).to_owned();
                        return Err(PatternError {
                            reason: reason.into(),
                            at: 0..source.len(),
                        });
                    }
                }
            }
        };
        Ok(Self {
            source: source.into(),
            unit,
            flags,
            engine,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How it is meant.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// What it is made of.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The bytes that it stands for, if it stands for nothing else.
    #[must_use]
    pub fn literal(&self) -> Option<&[u8]> {
        None
    }

    /// Whether it is found in these bytes.
    #[must_use]
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        match &self.engine {
            Engine::Plain(regex) => regex.is_match(bytes),
            Engine::LookingAround(regex) => regex.is_match(bytes).unwrap_or(false),
        }
    }

    /// Whether it is found in this text.
    #[must_use]
    pub fn is_match_text(&self, text: &str) -> bool {
        match &self.engine {
            Engine::Plain(regex) => regex.is_match(text.as_bytes()),
            Engine::LookingAround(regex) => regex.is_match(text).unwrap_or(false),
        }
    }
}

/// Bytes as text: where they are not UTF-8, with a character of the private use area for each byte that is wrong.
pub(crate) fn text<'a>(bytes: &'a [u8], room: &'a mut String) -> &'a str {
    if let Ok(text) = str::from_utf8(bytes) {
        return text;
    }
    room.clear();
    for chunk in bytes.utf8_chunks() {
        room.push_str(chunk.valid());
        room.extend(chunk.invalid().iter().map(|byte| escaped_byte(*byte)));
    }
    room
}

/// The character that stands for a byte that is not UTF-8, as U+DC80 to U+DCFF do in Python.
fn escaped_byte(byte: u8) -> char {
    char::from_u32(0x10_dc00 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}
