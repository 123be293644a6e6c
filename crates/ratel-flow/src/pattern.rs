//! Regular expressions in Python's dialect, as its `re.search` understands them.
//!
//! What users of mitmproxy write in filters and rules is Python's, which differs in many small ways from what Rust's
//! engines read: `\Z`, `(?P=name)`, octal escapes, what `$` and `\w` match, which letters are the same, and that a
//! pattern for bytes is one of bytes throughout. So a pattern is read here (`parse`) and written again for an engine
//! (`emit`): for [`regex`], which takes time in proportion to what it searches. What that cannot do, which is to look
//! around and back, is done by an engine that tries one way after the other, and stops when it has tried enough
//! (`backtrack`). Text without any special character needs neither (`literal`).
//!
//! Python's dialect is understood but for characters that are given by name (`\N{BULLET}`). In patterns that do not look
//! around, `\b` knows the letters of Unicode as [`regex`] does, which takes combining marks for a part of a word and
//! superscript digits for none.

mod ast;
mod backtrack;
mod emit;
mod literal;
mod parse;
mod replace;
mod required;
mod search;
mod set;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use literal::Finder;
pub use replace::{Replacer, Template, TemplateError, TooLong};
pub use search::Searcher;

/// Room for a pattern that was made for an engine, in bytes.
const SIZE_MAX: usize = 10 << 20;

/// The same where many are held together, and from how many on.
const SIZE_MAX_OF_MANY: usize = 256 << 10;
const MANY: usize = 16;

/// What a pattern is made of, and what it is searched in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Characters: `\w` is a letter of any script.
    Char,
    /// Bytes: `\w` is ASCII, and `.` is a byte. What is not ASCII in the pattern stands for its bytes in UTF-8.
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
    Literal(Box<Finder>),
    /// Takes time in proportion to what is searched.
    Plain(regex::bytes::Regex),
    /// Tries one way after the other.
    Backtracking(Arc<backtrack::Program>),
}

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong, in one line.
    pub reason: Cow<'static, str>,
    /// Where: bytes of the pattern.
    pub at: Range<usize>,
}

impl PatternError {
    fn new(reason: impl Into<Cow<'static, str>>, at: Range<usize>) -> Self {
        Self {
            reason: reason.into(),
            at,
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a regular expression: {}", self.reason)
    }
}

impl std::error::Error for PatternError {}

/// Text that a pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteralRef<'a> {
    /// Its bytes; where case is ignored, in small letters.
    pub bytes: &'a [u8],
    /// Capitals and small letters of ASCII are the same. In text, so are `k` and `s` and the few letters outside of ASCII
    /// whose other case they are.
    pub ignore_case: bool,
}

impl Pattern {
    /// Reads a pattern. `before` is how many others are held along with it: where there are many, each may take less room.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(
        source: &str,
        unit: Unit,
        flags: Flags,
        before: usize,
    ) -> Result<Self, PatternError> {
        let parsed = parse::parse(source, unit, flags)?;
        let size = if before < MANY {
            SIZE_MAX
        } else {
            SIZE_MAX_OF_MANY
        };
        let engine = match Finder::new(&parsed.ast, unit) {
            Some(finder) => Engine::Literal(Box::new(finder)),
            None => engine(&parsed, unit, size, false),
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

    /// How it is meant, as far as it does not say so itself.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// What it is made of.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The text that it stands for, if it stands for nothing else.
    #[must_use]
    pub fn literal(&self) -> Option<LiteralRef<'_>> {
        match &self.engine {
            Engine::Literal(finder) => Some(LiteralRef {
                bytes: &finder.bytes,
                ignore_case: finder.ignore_case,
            }),
            Engine::Plain(_) | Engine::Backtracking(_) => None,
        }
    }

    /// Sets of texts in small letters: of each set, every text of ASCII that it is found in has at least one in it, whatever
    /// the case of its letters, and every text of bytes. The set that says most comes first.
    #[must_use]
    pub fn required(&self) -> Vec<Vec<Box<[u8]>>> {
        // It was read before.
        let parsed = parse::parse(&self.source, self.unit, self.flags);
        parsed.map_or_else(|_| Vec::new(), |parsed| required::of(&parsed.ast))
    }

    /// Whether it is found in these bytes.
    #[must_use]
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        match (&self.engine, self.unit) {
            (Engine::Literal(finder), Unit::Byte) => finder.is_in(bytes),
            (Engine::Plain(regex), Unit::Byte) => regex.is_match(bytes),
            (Engine::Backtracking(program), Unit::Byte) => program.find(bytes, 0).is_some(),
            (_, Unit::Char) => self.is_match_text(text(bytes, &mut String::new())),
        }
    }

    /// Whether it is found in this text.
    #[must_use]
    pub fn is_match_text(&self, text: &str) -> bool {
        match (&self.engine, self.unit) {
            (Engine::Literal(finder), Unit::Char) => finder.is_in_text(text),
            (Engine::Plain(regex), Unit::Char) => regex.is_match(text.as_bytes()),
            (Engine::Backtracking(program), Unit::Char) => {
                program.find(text.as_bytes(), 0).is_some()
            }
            (_, Unit::Byte) => self.is_match(text.as_bytes()),
        }
    }
}

/// `spans` asks for the very place of a match, not only whether there is one.
fn engine(parsed: &parse::Parsed, unit: Unit, size: usize, spans: bool) -> Engine {
    let parse::Parsed {
        ast,
        ignore_case,
        groups,
        names: _,
    } = parsed;
    let emitted = emit::emit(ast, unit, *ignore_case, spans);
    let plain = if emitted.backtracks {
        None
    } else {
        emit::build(&emitted.text, unit, size)
    };
    match plain {
        Some(plain) => Engine::Plain(plain),
        // What is too large for the one is not for the other.
        None => Engine::Backtracking(Arc::new(backtrack::Program::new(
            ast,
            unit,
            *ignore_case,
            *groups,
            size,
        ))),
    }
}

/// Bytes as text: where they are not UTF-8, with a character for each byte that is wrong, as Python has one. `room` is for
/// what has to be made for that.
pub fn text<'a>(bytes: &'a [u8], room: &'a mut String) -> &'a str {
    if let Ok(text) = str::from_utf8(bytes) {
        return text;
    }
    room.clear();
    for chunk in bytes.utf8_chunks() {
        room.push_str(chunk.valid());
        room.extend(
            chunk
                .invalid()
                .iter()
                .map(|byte| surrogate(0xdc00 + u32::from(*byte))),
        );
    }
    room
}

/// What stands for a surrogate, which Python's text may have in it and ours may not: a character of the private use
/// area that ends in the same digits.
fn surrogate(value: u32) -> char {
    char::from_u32(0x10_0000 + value).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests;
