//! JSON as it is written: in pieces, indented by four as Python does it.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json;

/// Bytes that are gathered before they are written.
const STEP: usize = 64 * 1024;

/// Bytes that one step of base64 takes; a multiple of three, so that nothing is padded in the middle.
const BASE64_STEP: usize = 48 * 1024;

/// A JSON document under way.
#[derive(Debug)]
pub(super) struct Emitter<W> {
    out: W,
    buffer: Vec<u8>,
    depth: usize,
    /// Nothing stands before the next value in the object or list that is open.
    first: bool,
    /// The name of a member was written, and its value is due.
    named: bool,
}

/// A place between two values, to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    depth: usize,
    first: bool,
}

impl<W: Write> Emitter<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            buffer: Vec::with_capacity(STEP * 2),
            depth: 0,
            first: true,
            named: false,
        }
    }

    /// Hands everything to the writer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.pass()?;
        self.out.flush()
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }

    pub(super) fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            depth: self.depth,
            first: self.first,
        }
    }

    /// Goes back to a mark. What the writer has got since is for the caller to take away.
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.buffer.clear();
        (self.depth, self.first, self.named) = (mark.depth, mark.first, false);
    }

    pub(super) fn begin(&mut self, bracket: u8) {
        self.next();
        self.buffer.push(bracket);
        self.depth += 1;
        self.first = true;
    }

    pub(super) fn end(&mut self, bracket: u8) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if !self.first {
            self.line();
        }
        self.buffer.push(bracket);
        self.first = false;
        self.pass_if_full()
    }

    /// The name of the next member.
    pub(super) fn key(&mut self, name: &str) -> &mut Self {
        self.next();
        json::quote(name.as_bytes(), &mut self.buffer);
        self.buffer.extend_from_slice(b": ");
        self.named = true;
        self
    }

    pub(super) fn object(&mut self, name: &str) {
        self.key(name).begin(b'{');
    }

    pub(super) fn list(&mut self, name: &str) {
        self.key(name).begin(b'[');
    }

    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.key(name).next();
        self.buffer.push(b'"');
        let mut rest = text;
        while !rest.is_empty() {
            let cut = (0..=rest.len().min(STEP)).rev();
            let cut = cut.into_iter().find(|at| rest.is_char_boundary(*at));
            let (piece, after) = rest.split_at(cut.unwrap_or(rest.len()));
            json::escape(piece, &mut self.buffer);
            self.pass_if_full()?;
            rest = after;
        }
        self.buffer.push(b'"');
        Ok(())
    }

    pub(super) fn base64(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.key(name).next();
        self.buffer.push(b'"');
        let mut encoded = String::new();
        for piece in bytes.chunks(BASE64_STEP) {
            encoded.clear();
            STANDARD.encode_string(piece, &mut encoded);
            self.buffer.extend_from_slice(encoded.as_bytes());
            self.pass_if_full()?;
        }
        self.buffer.push(b'"');
        Ok(())
    }

    /// A number or a literal, as it stands in JSON.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        self.key(name).next();
        // Writing to a vector does not fail.
        let _ = write!(self.buffer, "{value}");
    }

    /// Begins the next value or member.
    fn next(&mut self) {
        if std::mem::take(&mut self.named) {
            return;
        }
        if !std::mem::take(&mut self.first) {
            self.buffer.push(b',');
        }
        if self.depth > 0 {
            self.line();
        }
    }

    fn line(&mut self) {
        self.buffer.push(b'\n');
        let indent = self.buffer.len() + self.depth * 4;
        self.buffer.resize(indent, b' ');
    }

    fn pass_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() < STEP {
            return Ok(());
        }
        self.pass()
    }

    fn pass(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_look_as_python_writes_them() {
        let mut json = Emitter::new(Vec::new());
        json.begin(b'{');
        json.text("a", "b\"\n").unwrap();
        json.list("empty");
        json.end(b']').unwrap();
        json.list("list");
        for number in 0..2 {
            json.begin(b'{');
            json.plain("n", number);
            json.end(b'}').unwrap();
        }
        json.end(b']').unwrap();
        json.base64("data", b"\0").unwrap();
        json.end(b'}').unwrap();
        json.flush().unwrap();
        let text = String::from_utf8(json.into_inner()).unwrap();
        assert_eq!(
            text,
            "{\n    \"a\": \"b\\\"\\n\",\n    \"empty\": [],\n    \"list\": [\n        {\n            \"n\": 0\n        },\n        \
             {\n            \"n\": 1\n        }\n    ],\n    \"data\": \"AA==\"\n}"
        );
    }

    #[test]
    fn long_texts_come_in_pieces() {
        let long = "ü\n".repeat(STEP);
        let mut json = Emitter::new(Vec::new());
        json.begin(b'{');
        json.text("t", &long).unwrap();
        json.base64("b", long.as_bytes()).unwrap();
        json.end(b'}').unwrap();
        json.flush().unwrap();
        let text = json.into_inner();
        let node = json::Node::parse(&text).unwrap();
        assert_eq!(node.get("t").text().as_deref(), Some(&long[..]));
        let encoded = node.get("b").text().unwrap().into_owned();
        assert_eq!(STANDARD.decode(encoded).unwrap(), long.as_bytes());
    }
}
