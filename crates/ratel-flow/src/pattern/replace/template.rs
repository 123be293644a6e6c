//! What is put in place of a match, in Python's syntax: `\1`, `\g<name>`, `\n`.

use std::borrow::Cow;
use std::ops::Range;

use super::Replacer;
use crate::pattern::Unit;
use crate::pattern::backtrack::Groups;

/// What is put in place of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// What the group of that number has matched; nothing if it has not.
    Group(usize),
}

/// A text that is no replacement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a replacement: {reason}")]
pub struct TemplateError {
    /// What is wrong, in one line.
    pub reason: Cow<'static, str>,
    /// Where: bytes of the text.
    pub at: Range<usize>,
}

impl Template {
    /// Reads a replacement for what `of` finds.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(source: &[u8], of: &Replacer) -> Result<Self, TemplateError> {
        let mut reader = Reader {
            source,
            at: 0,
            of,
            pieces: Vec::new(),
        };
        while let Some(byte) = reader.next() {
            match byte {
                b'\\' => reader.escape()?,
                byte => reader.literal(&[byte]),
            }
        }
        Ok(Self(reader.pieces))
    }

    /// A replacement that says what it says.
    #[must_use]
    pub fn literal(text: &[u8]) -> Self {
        Self(vec![Piece::Text(text.to_vec())])
    }

    pub(super) fn put(&self, text: &[u8], groups: &Groups, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Group(group) => {
                    let place = groups.get(*group).copied().flatten();
                    let matched = place.and_then(|(start, end)| text.get(start..end));
                    out.extend_from_slice(matched.unwrap_or_default());
                }
            }
        }
    }
}

struct Reader<'a> {
    source: &'a [u8],
    at: usize,
    of: &'a Replacer,
    pieces: Vec<Piece>,
}

impl Reader<'_> {
    fn escape(&mut self) -> Result<(), TemplateError> {
        let from = self.at - 1;
        let Some(byte) = self.next() else {
            return Err(self.error("a backslash at the end", from));
        };
        match byte {
            b'g' => self.reference(from),
            b'0' => {
                let value = self.octal(0, 2);
                self.unit(value);
                Ok(())
            }
            b'1'..=b'9' => self.number(byte, from),
            b'a' => {
                self.literal(&[7]);
                Ok(())
            }
            b'b' => {
                self.literal(&[8]);
                Ok(())
            }
            b'f' => {
                self.literal(b"\x0c");
                Ok(())
            }
            b'n' => {
                self.literal(b"\n");
                Ok(())
            }
            b'r' => {
                self.literal(b"\r");
                Ok(())
            }
            b't' => {
                self.literal(b"\t");
                Ok(())
            }
            b'v' => {
                self.literal(b"\x0b");
                Ok(())
            }
            b'\\' => {
                self.literal(b"\\");
                Ok(())
            }
            byte if byte.is_ascii_alphabetic() => {
                let reason = format!("unknown escape \\{}", char::from(byte));
                Err(self.error(reason, from))
            }
            byte => {
                self.literal(&[b'\\', byte]);
                Ok(())
            }
        }
    }

    /// `\g<name>` or `\g<1>`.
    fn reference(&mut self, from: usize) -> Result<(), TemplateError> {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let Some(inner) = rest.strip_prefix(b"<") else {
            return Err(self.error("\\g must be followed by <", from));
        };
        let Some(len) = memchr::memchr(b'>', inner) else {
            return Err(self.error("the > after the name of the group is missing", from));
        };
        let name = inner.get(..len).unwrap_or_default();
        self.at += len + 2;
        let text = String::from_utf8_lossy(name);
        if !name.is_empty() && name.iter().all(u8::is_ascii_digit) {
            return match text.parse() {
                Ok(number) => self.group(number, from),
                Err(_) => Err(self.error(format!("there is no group {text}"), from)),
            };
        }
        match self.of.names.iter().find(|(known, _)| **known == *text) {
            Some((_, number)) => self.group(*number as usize, from),
            None => Err(self.error(format!("there is no group named '{text}'"), from)),
        }
    }

    /// Three octal digits, or the number of a group.
    fn number(&mut self, first: u8, from: usize) -> Result<(), TemplateError> {
        let digit = |byte: u8| usize::from(byte - b'0');
        let rest = self.source.get(self.at..).unwrap_or_default();
        match *rest {
            [second @ b'0'..=b'7', third @ b'0'..=b'7', ..] if first <= b'7' => {
                self.at += 2;
                let value = digit(first) << 6 | digit(second) << 3 | digit(third);
                if value > 0o377 {
                    return Err(self.error(format!("\\{value:o} is beyond \\377"), from));
                }
                self.unit(value as u32);
                Ok(())
            }
            [second @ b'0'..=b'9', ..] => {
                self.at += 1;
                self.group(digit(first) * 10 + digit(second), from)
            }
            _ => self.group(digit(first), from),
        }
    }

    fn group(&mut self, number: usize, from: usize) -> Result<(), TemplateError> {
        if number > self.of.groups {
            return Err(self.error(format!("there is no group {number}"), from));
        }
        self.pieces.push(Piece::Group(number));
        Ok(())
    }

    /// The number that `value` begins and up to `most` further octal digits go on with.
    fn octal(&mut self, value: u32, most: usize) -> u32 {
        let mut value = value;
        for _ in 0..most {
            match self.source.get(self.at) {
                Some(digit @ b'0'..=b'7') => {
                    value = value * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                _ => break,
            }
        }
        value
    }

    /// The byte, or the character, of that number, which is below 256.
    fn unit(&mut self, value: u32) {
        match self.of.unit {
            Unit::Byte => self.literal(&[value as u8]),
            Unit::Char => {
                let c = char::from_u32(value).unwrap_or_default();
                self.literal(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }

    fn literal(&mut self, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Text(bytes.to_vec())),
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.source.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn error(&self, reason: impl Into<Cow<'static, str>>, from: usize) -> TemplateError {
        TemplateError {
            reason: reason.into(),
            at: from..self.at,
        }
    }
}
