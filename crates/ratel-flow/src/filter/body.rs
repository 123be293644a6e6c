//! Searching bodies, whatever their size, in bounded memory.

use std::io::{self, Read};

use crate::Headers;
use crate::content::Codings;
use crate::pattern::Pattern;
use crate::record::{BODY_WINDOW, Body};

/// A pattern that is more than literal text sees at most so many bytes of a body that does not lie in memory as it is.
const HELD_MAX: u64 = 64 << 20;

/// Of what a compressed body becomes, at most so many bytes are searched.
const DECODED_MAX: u64 = 1 << 30;

/// Bytes read at a time.
const STEP: usize = 64 * 1024;

/// Whether the pattern is in the body: in what it is once `Content-Encoding` is undone, or, where that is unknown or the
/// body is damaged, in the bytes as they were sent.
pub(super) fn matches(
    pattern: &Pattern,
    headers: &Headers,
    body: &Body,
    buffer: &mut Vec<u8>,
) -> bool {
    if body.is_missing() {
        return false;
    }
    match Codings::of(headers) {
        Ok(codings) if !codings.is_empty() && !body.is_empty() => {
            let decoded = codings.reader(BodyReader::new(body)).take(DECODED_MAX);
            match search(pattern, decoded, buffer) {
                Ok(found) => found,
                // What stands before the damage was searched.
                Err(_) => is_in(pattern, body, buffer),
            }
        }
        _ => is_in(pattern, body, buffer),
    }
}

fn is_in(pattern: &Pattern, body: &Body, buffer: &mut Vec<u8>) -> bool {
    match body {
        Body::Missing => false,
        Body::Bytes(bytes) => pattern.is_match(bytes),
        Body::Lazy(_) => search(pattern, BodyReader::new(body), buffer).unwrap_or(false),
    }
}

/// Fails where reading does, unless the pattern stands before that.
fn search(pattern: &Pattern, mut from: impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    match pattern.literal() {
        Some(literal) => {
            // What may be the start of the literal is looked at again with what follows.
            let overlap = literal.bytes.len().saturating_sub(1);
            loop {
                let before = buffer.len();
                let end = (&mut from).take(STEP as u64).read_to_end(buffer);
                if pattern.is_match(buffer) {
                    return Ok(true);
                }
                if end? == 0 && buffer.len() == before {
                    return Ok(false);
                }
                buffer.drain(..buffer.len().saturating_sub(overlap));
            }
        }
        None => {
            let end = from.take(HELD_MAX).read_to_end(buffer);
            let found = pattern.is_match(buffer);
            buffer.shrink_to(STEP);
            if found { Ok(true) } else { end.map(|_| false) }
        }
    }
}

/// Reads a body from its start, window by window.
struct BodyReader<'a> {
    body: &'a Body,
    at: u64,
    window: bytes::Bytes,
}

impl<'a> BodyReader<'a> {
    fn new(body: &'a Body) -> Self {
        Self {
            body,
            at: 0,
            window: bytes::Bytes::new(),
        }
    }
}

impl Read for BodyReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.window.is_empty() {
            self.window = match self.body {
                Body::Bytes(bytes) => bytes.slice((self.at as usize).min(bytes.len())..),
                body => body.read(self.at..self.at.saturating_add(BODY_WINDOW))?,
            };
            self.at += self.window.len() as u64;
        }
        let len = self.window.len().min(into.len());
        let piece = self.window.split_to(len);
        if let Some(into) = into.get_mut(..len) {
            into.copy_from_slice(&piece);
        }
        Ok(len)
    }
}
