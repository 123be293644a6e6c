//! Secrets that lie across the ends of messages: what one side has sent in two pieces is one text here.
//!
//! Only what crosses an end is of interest: whatever lies within a message is found there. The pieces of a TCP connection
//! are a stream, which rules see as one. Messages of a WebSocket and datagrams are wholes that mostly have nothing to do
//! with each other, so that of those only JSON that is cut and secrets that are known are followed from one to the next.

use std::collections::HashMap;
use std::io;
use std::ops::Range;

use super::pass::Pass;
use super::scan::Span;
use crate::{Message, MessageKind, Side};

/// So many bytes on either side of a message's end are looked at.
const REACH: usize = 1024;

/// Messages that are looked at together. A secret in more pieces is not found.
const BLOCK: u64 = 64;

/// What is to be replaced in the messages of a block, by their numbers.
pub(super) type Edits = HashMap<u64, Vec<Span>>;

/// The block in which a message lies.
pub(super) fn block_of(number: u64) -> u64 {
    number / BLOCK
}

/// Finds what crosses ends of messages in a block, together with those before and after it. Messages that cannot be read
/// are ends of the text.
pub(super) fn across(
    pass: &mut Pass,
    block: u64,
    len: u64,
    read: &mut dyn FnMut(u64) -> io::Result<Message>,
) -> Edits {
    let begin = block.saturating_mul(BLOCK);
    let own = begin..begin.saturating_add(BLOCK);
    let around = begin.saturating_sub(BLOCK)..own.end.saturating_add(BLOCK).min(len);
    let mut edits = Edits::new();
    let mut lines = [Line::default(), Line::default()];
    for number in around {
        let Ok(message) = read(number) else {
            for line in &mut lines {
                line.end(pass, &own, &mut edits);
            }
            continue;
        };
        let line = match message.side {
            Side::Client => &mut lines[0],
            Side::Server => &mut lines[1],
        };
        match message.kind {
            MessageKind::Text | MessageKind::Binary => line.is_stream = false,
            MessageKind::Data => line.is_stream = true,
            _ => continue,
        }
        let content = &message.content;
        let Some(tail) = content.len().checked_sub(REACH).filter(|at| *at > REACH) else {
            line.add(number, 0, content);
            continue;
        };
        line.add(number, 0, content.get(..REACH).unwrap_or_default());
        line.end(pass, &own, &mut edits);
        line.add(number, tail, content.get(tail..).unwrap_or_default());
    }
    for line in &mut lines {
        line.end(pass, &own, &mut edits);
    }
    edits
}

/// What one side has sent, message after message.
#[derive(Default)]
struct Line {
    text: Vec<u8>,
    parts: Vec<Part>,
    is_stream: bool,
}

/// What a message has of the text.
struct Part {
    number: u64,
    /// Where it stands in the message.
    at: usize,
    range: Range<usize>,
}

impl Line {
    fn add(&mut self, number: u64, at: usize, bytes: &[u8]) {
        let begin = self.text.len();
        self.text.extend_from_slice(bytes);
        let range = begin..self.text.len();
        if !range.is_empty() {
            self.parts.push(Part { number, at, range });
        }
    }

    /// Looks through what has been added, and begins anew.
    fn end(&mut self, pass: &mut Pass, own: &Range<u64>, edits: &mut Edits) {
        if self.parts.len() > 1 {
            for span in pass.across(&self.text, self.is_stream) {
                self.cut(&span, pass, own, edits);
            }
        }
        self.text.clear();
        self.parts.clear();
    }

    /// Divides a secret among the messages that have a part of it, if those are several.
    fn cut(&self, span: &Span, pass: &mut Pass, own: &Range<u64>, edits: &mut Edits) {
        let from = self
            .parts
            .partition_point(|part| part.range.end <= span.range.start);
        let upto = self
            .parts
            .partition_point(|part| part.range.start < span.range.end);
        let touched = self.parts.get(from..upto).unwrap_or_default();
        if touched.len() < 2 {
            return;
        }
        pass.learn(&span.secret);
        for (nth, part) in touched.iter().enumerate() {
            if !own.contains(&part.number) {
                continue;
            }
            let start = span.range.start.max(part.range.start) - part.range.start + part.at;
            let end = span.range.end.min(part.range.end) - part.range.start + part.at;
            edits.entry(part.number).or_default().push(Span {
                range: start..end,
                secret: span.secret.clone(),
                around: span.around.clone(),
                goes_on: nth > 0,
            });
        }
    }
}
