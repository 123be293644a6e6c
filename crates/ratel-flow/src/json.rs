//! JSON as it is found in the wild: read where it is sound, passed over where it is not.
//!
//! This is not a validator. Strings may hold raw control characters, bytes that are no UTF-8, and the lone surrogates
//! (`\udc80` to `\udcff`) by which Python programs write such bytes; all of them come out as the bytes they stand for.
//! Nothing here recurses deeper than [`DEPTH_MAX`].

use std::borrow::Cow;

use memchr::memchr2;

/// Values that are nested deeper than this are read as [`Node::Null`].
const DEPTH_MAX: usize = 64;

/// A value. Numbers are kept as they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a [u8]),
    Text(Cow<'a, [u8]>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, [u8]>, Node<'a>)>),
}

/// Where a text stops being JSON, and why. Reads as a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct JsonError {
    pub(crate) what: &'static str,
    pub(crate) at: usize,
}

impl<'a> Node<'a> {
    /// Reads one value; what stands after it is not looked at.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        let mut reader = Reader { text, at: 0 };
        reader.value(0)
    }

    /// A member of an object; null for one that is missing, and of what is no object.
    pub(crate) fn get(&self, name: &str) -> &Node<'a> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(key, _)| **key == *name.as_bytes())
                .map_or(&Self::Null, |(_, value)| value),
            _ => &Self::Null,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The elements of a list; none of what is no list.
    pub(crate) fn items(&self) -> &[Node<'a>] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A text, or a number or a truth value as it is written.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(text) => Some(text),
            Self::Bool(true) => Some(b"true"),
            Self::Bool(false) => Some(b"false"),
            _ => None,
        }
    }

    /// The same as text, lossy.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        self.bytes().map(String::from_utf8_lossy)
    }

    /// A finite number, also one that is written as text.
    pub(crate) fn number(&self) -> Option<f64> {
        let text = match self {
            Self::Number(text) => text,
            Self::Text(text) => text.trim_ascii(),
            _ => return None,
        };
        let number: f64 = str::from_utf8(text).ok()?.parse().ok()?;
        number.is_finite().then_some(number)
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { what, at: self.at })
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.at = skip_space(self.text, self.at);
        self.text.get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        match self.peek() {
            None => self.error("the text ends where a value is due"),
            Some(b'{' | b'[') if depth == DEPTH_MAX => match skip_value(self.text, self.at) {
                Some(end) => {
                    self.at = end;
                    Ok(Node::Null)
                }
                None => self.error("a bracket is not closed"),
            },
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Node::Text),
            Some(_) => {
                let word = word(self.text, self.at);
                let node = match word {
                    b"null" | b"NaN" | b"Infinity" | b"-Infinity" => Node::Null,
                    b"true" => Node::Bool(true),
                    b"false" => Node::Bool(false),
                    [b'-' | b'0'..=b'9', ..] => Node::Number(word),
                    _ => return self.error("there is no value"),
                };
                self.at += word.len();
                Ok(node)
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::List(items));
                }
                Some(b',') if !items.is_empty() => self.at += 1,
                Some(_) if items.is_empty() => {}
                _ => return self.error("`,` or `]` is missing"),
            }
            if self.peek() != Some(b']') {
                items.push(self.value(depth + 1)?);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                Some(b',') if !members.is_empty() => self.at += 1,
                Some(_) if members.is_empty() => {}
                _ => return self.error("`,` or `}` is missing"),
            }
            match self.peek() {
                Some(b'"') => {}
                Some(b'}') => continue,
                _ => return self.error("the name of a member is missing"),
            }
            let name = self.string()?;
            if self.peek() != Some(b':') {
                return self.error("`:` is missing");
            }
            self.at += 1;
            members.push((name, self.value(depth + 1)?));
        }
    }

    fn string(&mut self) -> Result<Cow<'a, [u8]>, JsonError> {
        let Some(end) = skip_string(self.text, self.at) else {
            return self.error("a string is not closed");
        };
        let inner = self.text.get(self.at + 1..end - 1).unwrap_or_default();
        self.at = end;
        Ok(unescape(inner))
    }
}

fn skip_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let space = rest.iter().take_while(|b| b" \t\r\n".contains(b)).count();
    at + space
}

/// A number or a literal: everything up to a byte that can be part of neither.
pub(crate) fn word(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"+-._".contains(b);
    let len = rest.iter().take_while(|b| is_part(b)).count();
    rest.get(..len).unwrap_or_default()
}

/// Where the string that begins at `at`, with its quote, ends: after the other one. None if it does not.
pub(crate) fn skip_string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        match text.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// Where the value that begins at `at` ends. None if it does not.
pub(crate) fn skip_value(text: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0_usize);
    loop {
        match text.get(at)? {
            b'"' => at = skip_string(text, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' if depth > 0 => {
                at += 1;
                continue;
            }
            _ => {
                let len = word(text, at).len();
                if len == 0 {
                    return None;
                }
                at += len;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// What stands between the quotes of a string, with its escapes undone.
pub(crate) fn unescape(inner: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', inner) else {
        return Cow::Borrowed(inner);
    };
    let (plain, mut rest) = inner.split_at(first);
    let mut out = Vec::with_capacity(inner.len());
    out.extend_from_slice(plain);
    while let [b'\\', escape, after @ ..] = rest {
        rest = after;
        match escape {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => rest = code_point(after, &mut out),
            other => out.push(*other),
        }
        let next = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (plain, after) = rest.split_at(next);
        out.extend_from_slice(plain);
        rest = after;
    }
    // A backslash that escapes nothing.
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Adds the character whose digits stand at the start; gives back what follows them.
fn code_point<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((unit, mut rest)) = unit(text) else {
        out.extend_from_slice(b"\\u");
        return text;
    };
    let c = match unit {
        0xd800..0xdc00 => match rest.strip_prefix(b"\\u").and_then(self::unit) {
            Some((low @ 0xdc00..0xe000, after)) => {
                rest = after;
                char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
            }
            _ => None,
        },
        // How Python keeps a byte that is no UTF-8 (PEP 383).
        0xdc80..0xdd00 => {
            out.push((unit - 0xdc00) as u8);
            return rest;
        }
        _ => char::from_u32(unit),
    };
    let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = str::from_utf8(digits).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// Adds a string with its quotes. Every character comes out as it is, but for those that have to be escaped; bytes that
/// are no UTF-8 become U+FFFD.
pub(crate) fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        escape(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Adds text as it stands between the quotes of a string.
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text.as_bytes();
    let special = |b: &u8| *b < b' ' || matches!(b, b'"' | b'\\' | 0x7f);
    while let Some(at) = rest.iter().position(special) {
        let (plain, after) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = after.split_first() else {
            break;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests;
