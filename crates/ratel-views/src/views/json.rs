//! JSON, indented, token by token.
//!
//! Nothing is understood, so nothing is lost: duplicate keys, the order of keys and the text of numbers stay. Only
//! spaces between tokens change, and escapes of printable characters (`\u00e9`) become the characters. Several values
//! one after the other are shown one below the other. Input that ends early is shown as far as it goes.

mod edit;
pub(crate) mod spans;
mod text;

use crate::registry::{complain, refuse};
use crate::{Class, ContentView, Editor, Painter, Sink, ViewInput};
pub(crate) use edit::{escaped, squeezed};
use text::{Piece, Text};

/// Nesting beyond this many levels is refused, to bound memory.
const MAX_DEPTH: usize = 1 << 20;

/// Levels that are indented where the steps are not the usual ones.
const MAX_INDENT: usize = 64;

/// For JSON of any kind.
pub(crate) struct Json;

impl ContentView for Json {
    fn name(&self) -> &'static str {
        "JSON"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let media_type = input.media_type();
        let is_json = match media_type.strip_prefix("application/") {
            Some("json-rpc") => true,
            Some(subtype) => subtype.ends_with("json"),
            None => false,
        };
        if is_json && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Box::new(Printer::default())
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

/// Whether this is an object or an array; if it is not `complete`, whether it may become one.
pub(crate) fn is_container(data: &[u8], complete: bool) -> bool {
    if !matches!(data.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    let mut printer = Printer::default();
    let mut nowhere = Sink::new(0);
    printer.feed(data, &mut nowhere);
    if complete {
        printer.is_whole()
    } else {
        printer.failed().is_none()
    }
}

/// What may come next between tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    /// A value, at the top.
    #[default]
    Document,
    /// A value.
    Value,
    /// A value or `]`, after `[`.
    FirstItem,
    /// A key or `}`, after `{`.
    FirstKey,
    /// A key, after a comma.
    Key,
    /// `:`
    Colon,
    /// `,` or the end of the container.
    Comma,
}

/// The token that is being read.
#[derive(Debug, Default)]
enum Token {
    #[default]
    None,
    Text(Class, Text),
    Number(Number),
    /// A literal, how much of it was read, and its class. It is shown when it is whole.
    Literal(&'static [u8], usize, Class),
}

/// Where in a number we are (RFC 8259 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Int,
    Dot,
    Fraction,
    E,
    ESign,
    Exponent,
}

impl Number {
    fn start(byte: u8) -> Option<Self> {
        match byte {
            b'-' => Some(Self::Minus),
            b'0' => Some(Self::Zero),
            b'1'..=b'9' => Some(Self::Int),
            _ => None,
        }
    }

    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Int, b'0'..=b'9') => Some(Self::Int),
            (Self::Zero | Self::Int, b'.') => Some(Self::Dot),
            (Self::Dot | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Int | Self::Fraction, b'e' | b'E') => Some(Self::E),
            (Self::E, b'+' | b'-') => Some(Self::ESign),
            (Self::E | Self::ESign | Self::Exponent, b'0'..=b'9') => Some(Self::Exponent),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Int | Self::Fraction | Self::Exponent
        )
    }
}

/// Prints values of JSON.
#[derive(Default)]
pub(crate) struct Printer {
    expect: Expect,
    token: Token,
    /// The containers that are open: whether each is an object.
    open: Vec<bool>,
    /// Where in the body the next byte is.
    at: u64,
    /// Where the first one was.
    start: u64,
    any: bool,
    /// What is wrong; from there on bytes are shown as they are.
    error: Option<String>,
    /// What should have been there instead.
    expected: Option<&'static str>,
    /// Spaces for each level.
    step: Option<usize>,
    rest: super::raw::Text,
}

impl Painter for Printer {
    fn feed(&mut self, data: &[u8], out: &mut Sink) {
        let mut data = data;
        while !data.is_empty() && self.error.is_none() {
            match self.step(data, out) {
                Ok(read) => {
                    self.at += read as u64;
                    data = data.get(read..).unwrap_or_default();
                }
                Err(expected) => {
                    let sentence = format!("expected {expected} at byte {}", self.at);
                    refuse(out, "JSON", &sentence);
                    self.error = Some(sentence);
                    self.expected = Some(expected);
                    let begun = self.begun_literal();
                    self.rest.feed(begun, out);
                }
            }
        }
        if self.error.is_some() {
            self.rest.feed(data, out);
        }
    }

    fn finish(&mut self, complete: bool, out: &mut Sink) {
        if let (Token::Number(number), []) = (&self.token, &self.open[..])
            && number.may_end()
        {
            self.token = Token::None;
        }
        let unfinished = self.is_unfinished();
        if self.error.is_none()
            && let Token::Literal(_, _, class) = self.token
        {
            out.push_bytes(class, self.begun_literal());
        }
        if self.error.is_some() {
            self.rest.finish(complete, out);
        } else if !self.any && complete {
            let sentence = "expected a value";
            refuse(out, "JSON", sentence);
            self.error = Some(sentence.to_owned());
            self.expected = Some("a value");
        } else if unfinished && complete {
            out.set_lossy("it ends early");
            complain(out, "the body ends here, before the end of the JSON");
        }
        out.finish();
    }

    fn failed(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

impl Printer {
    /// For values that begin at that byte of the body.
    pub(crate) fn at(at: u64) -> Self {
        Self {
            at,
            start: at,
            ..Self::default()
        }
    }

    /// Indents by so many spaces.
    pub(crate) fn with_step(step: usize) -> Self {
        Self {
            step: Some(step),
            ..Self::default()
        }
    }

    /// What was read of a literal and not shown.
    fn begun_literal(&self) -> &'static [u8] {
        match self.token {
            Token::Literal(literal, read, _) => literal.get(..read).unwrap_or_default(),
            _ => b"",
        }
    }

    fn indent(&self, out: &mut Sink) {
        match self.step {
            Some(step) => out.spaces(self.open.len().min(MAX_INDENT) * step),
            None => out.indent(self.open.len()),
        }
    }

    /// Whether what was read is one value or more, to the end.
    fn is_whole(&self) -> bool {
        self.any && self.error.is_none() && !self.is_unfinished()
    }

    /// As [`is_unfinished`](Self::is_unfinished), but for a number, which may end with the text.
    fn is_unfinished_at_end(&self) -> bool {
        match &self.token {
            Token::Number(number) if self.open.is_empty() => !number.may_end(),
            _ => self.is_unfinished(),
        }
    }

    /// Whether a value has begun that has not ended.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.open.is_empty() || !matches!(self.token, Token::None)
    }

    /// Reads a part of a token, or one between tokens. Says how many bytes it took; an error is what was expected.
    fn step(&mut self, data: &[u8], out: &mut Sink) -> Result<usize, &'static str> {
        let Some(&byte) = data.first() else {
            return Ok(0);
        };
        match &mut self.token {
            Token::None => self.between(byte, out).map(|()| 1),
            Token::Text(class, text) => {
                let class = *class;
                let Piece { read, ended } =
                    text.feed(data, |bytes| out.push_bytes(class, bytes))?;
                if ended {
                    out.push(class, "\"");
                    self.token = Token::None;
                    self.expect = if class == Class::Name {
                        Expect::Colon
                    } else {
                        Expect::Comma
                    };
                    self.after_value(class != Class::Name);
                }
                Ok(read)
            }
            Token::Number(Number::Minus) if byte == b'I' => {
                self.token = Token::Literal(b"Infinity", 0, Class::Number);
                Ok(0)
            }
            Token::Number(state) => {
                let (mut state, mut read) = (*state, 0);
                for byte in data {
                    let Some(next) = state.next(*byte) else {
                        break;
                    };
                    state = next;
                    read += 1;
                }
                out.push_bytes(Class::Number, data.get(..read).unwrap_or_default());
                self.token = Token::Number(state);
                if read < data.len() && (read == 0 || state.may_end()) {
                    if !state.may_end() {
                        return Err("a digit");
                    }
                    self.token = Token::None;
                    self.after_value(true);
                }
                Ok(read)
            }
            Token::Literal(literal, read, class) => {
                if literal.get(*read) != Some(&byte) {
                    return Err("a value");
                }
                *read += 1;
                if *read == literal.len() {
                    out.push_bytes(*class, literal);
                    self.token = Token::None;
                    self.after_value(true);
                }
                Ok(1)
            }
        }
    }

    /// A byte between tokens.
    fn between(&mut self, byte: u8, out: &mut Sink) -> Result<(), &'static str> {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(());
        }
        match (self.expect, byte) {
            // The bytes of a byte order mark, which some put in front.
            (Expect::Document, 0xef | 0xbb | 0xbf) if self.at - self.start < 3 => Ok(()),
            (Expect::FirstItem, b']') | (Expect::FirstKey, b'}') => {
                self.close();
                out.push_bytes(Class::Plain, &[byte]);
                Ok(())
            }
            (Expect::Comma, b',') => {
                out.push(Class::Plain, ",");
                out.newline();
                self.indent(out);
                self.expect = if self.open.last() == Some(&true) {
                    Expect::Key
                } else {
                    Expect::Value
                };
                Ok(())
            }
            (Expect::Comma, b']' | b'}') if self.open.last() == Some(&(byte == b'}')) => {
                self.close();
                out.newline();
                self.indent(out);
                out.push_bytes(Class::Plain, &[byte]);
                Ok(())
            }
            (Expect::Comma, _) => Err("a comma or the end of the container"),
            (Expect::Colon, b':') => {
                out.push(Class::Plain, ": ");
                self.expect = Expect::Value;
                Ok(())
            }
            (Expect::Colon, _) => Err("a colon"),
            (Expect::FirstKey | Expect::Key, b'"') => {
                self.begin(out);
                out.push(Class::Name, "\"");
                self.token = Token::Text(Class::Name, Text::default());
                Ok(())
            }
            (Expect::FirstKey | Expect::Key, _) => Err("a key"),
            (Expect::Document | Expect::Value | Expect::FirstItem, _) => self.value(byte, out),
        }
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, out: &mut Sink) -> Result<(), &'static str> {
        let container = matches!(byte, b'[' | b'{');
        if !container
            && !matches!(
                byte,
                b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I'
            )
        {
            return Err("a value");
        }
        if self.open.len() >= MAX_DEPTH {
            return Err("no deeper nesting");
        }
        self.begin(out);
        self.any = true;
        if container {
            self.open.push(byte == b'{');
            self.expect = if byte == b'{' {
                Expect::FirstKey
            } else {
                Expect::FirstItem
            };
            out.push_bytes(Class::Plain, &[byte]);
            return Ok(());
        }
        self.token = match byte {
            b'"' => {
                out.push(Class::String, "\"");
                Token::Text(Class::String, Text::default())
            }
            b't' => Token::Literal(b"true", 1, Class::Boolean),
            b'f' => Token::Literal(b"false", 1, Class::Boolean),
            b'n' => Token::Literal(b"null", 1, Class::Boolean),
            b'N' => Token::Literal(b"NaN", 1, Class::Number),
            b'I' => Token::Literal(b"Infinity", 1, Class::Number),
            _ => Number::start(byte).map_or(Token::None, Token::Number),
        };
        if let Token::Number(_) = &self.token {
            out.push_bytes(Class::Number, &[byte]);
        }
        Ok(())
    }

    /// Goes to where a key or value begins.
    fn begin(&mut self, out: &mut Sink) {
        match self.expect {
            Expect::Document if self.any => out.newline(),
            Expect::FirstItem | Expect::FirstKey => {
                out.newline();
                self.indent(out);
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        self.open.pop();
        self.after_value(true);
    }

    fn after_value(&mut self, is_value: bool) {
        if is_value {
            self.expect = if self.open.is_empty() {
                Expect::Document
            } else {
                Expect::Comma
            };
        }
    }
}

#[cfg(test)]
mod tests;
