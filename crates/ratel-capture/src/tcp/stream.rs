//! One direction of a connection: segments in, bytes in order out (RFC 9293 §3.4, §3.10.7.4).
//!
//! - A *position* counts the bytes of the direction, without wrapping; the first one that was seen has 0.
//! - A *hole* is a part that did not come, though something after it did or the receiver has confirmed it. It may still
//!   come, out of order or again; once that is no longer to be expected it is a *gap*, and what follows is given out.
//!
//! Of bytes that came more than once the first ones count.

use std::collections::BTreeMap;
use std::time::Duration;

use ratel_flow::Timestamp;

use crate::gauge::{Gauge, Share};
use crate::net::transport::Segment;

/// Bytes after a hole that are kept before it is a gap.
const WAITING_MAX: usize = 4 * 1024 * 1024;
/// Pieces of them.
const PIECES_MAX: usize = 4096;
/// What a piece takes beside its bytes.
const PIECE_COST: usize = 96;
/// A sequence number further ahead than any window reaches (RFC 7323 §2.3) belongs to something else.
const WINDOW_MAX: i64 = 1 << 30;
/// How often, and how long, the receiver confirms a hole before it is a gap: captures mix up packets, but by a few of them and
/// within a moment. Either of the larger ones is enough.
const PATIENCE: (u32, Duration) = (3, Duration::from_millis(2));
const PATIENCE_MAX: (u32, Duration) = (64, Duration::from_millis(100));

/// What a direction brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The next bytes.
    Data {
        bytes: &'a [u8],
        /// The sender wanted them to be handed on at once.
        push: bool,
        time: Timestamp,
    },
    /// So many bytes are not in the capture.
    Gap {
        len: u64,
        /// Since the capture kept only the beginnings of packets.
        cut: bool,
        time: Timestamp,
    },
    /// There is nothing more.
    End { time: Timestamp },
}

/// What has come of a direction.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The sequence number of the next byte, once there is one.
    next: Option<u32>,
    /// That of the SYN.
    origin: Option<u32>,
    /// Its position.
    position: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_bytes: usize,
    /// The position of the end.
    end: Option<u64>,
    ended: bool,
    confirmed: Option<Confirmed>,
    share: Share,
}

#[derive(Debug)]
struct Waiting {
    content: Content,
    push: bool,
    time: Timestamp,
}

#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    /// So many bytes were not kept.
    Cut(u64),
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Cut(len) => *len,
        }
    }
}

/// The receiver has more than we have.
#[derive(Clone, Copy, Debug)]
struct Confirmed {
    /// Everything before this position.
    to: u64,
    since: Timestamp,
    packets: u32,
}

impl Stream {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        Self {
            next: None,
            origin: None,
            position: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            end: None,
            ended: false,
            confirmed: None,
            share: gauge.share(),
        }
    }

    /// Whether it began with a SYN of this number.
    pub(crate) fn began_with(&self, sequence: u32) -> bool {
        self.origin == Some(sequence)
    }

    /// Whether the end has been given out.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes a segment.
    pub(crate) fn take(
        &mut self,
        segment: &Segment<'_>,
        time: Timestamp,
        out: &mut dyn FnMut(Part<'_>),
    ) {
        let first = segment.sequence.wrapping_add(segment.syn.into());
        if segment.syn {
            self.origin.get_or_insert(segment.sequence);
        }
        let next = *self.next.get_or_insert(first);
        let ahead = i64::from(first.wrapping_sub(next).cast_signed());
        if ahead > WINDOW_MAX || self.ended {
            return;
        }
        // Behind by less than 2³¹, so that it fits as soon as it is cut.
        let (mut bytes, mut cut) = (segment.payload, segment.missing as u64);
        let mut start = self.position;
        match u64::try_from(ahead) {
            Ok(ahead) => start += ahead,
            Err(_) => {
                let behind = ahead.unsigned_abs();
                let known = usize::try_from(behind).unwrap_or(usize::MAX);
                cut -= cut.min(behind.saturating_sub(bytes.len() as u64));
                bytes = bytes.get(known..).unwrap_or_default();
            }
        }
        let end = start + bytes.len() as u64 + cut;
        if segment.fin && self.end.is_none() {
            self.end = Some(end);
        }
        if start == self.position && self.waiting.is_empty() {
            self.give(bytes, segment.push, time, out);
            self.lose(cut, true, time, out);
        } else {
            self.wait(start, Content::Bytes(bytes.to_vec()), segment.push, time);
            self.wait(start + bytes.len() as u64, Content::Cut(cut), false, time);
            self.drain(out);
        }
        if self.waiting_bytes > WAITING_MAX || self.waiting.len() > PIECES_MAX {
            self.skip(time, out);
        }
        self.finish_if_over(time, out);
        self.count();
    }

    /// The other side has received everything before this sequence number.
    pub(crate) fn confirm(
        &mut self,
        sequence: u32,
        time: Timestamp,
        out: &mut dyn FnMut(Part<'_>),
    ) {
        let next = *self.next.get_or_insert(sequence);
        let ahead = i64::from(sequence.wrapping_sub(next).cast_signed());
        let to = match u64::try_from(ahead) {
            Ok(ahead) if ahead > 0 && ahead <= WINDOW_MAX.unsigned_abs() => self.position + ahead,
            _ => self.position,
        };
        // The end takes a number of its own.
        let to = self.end.map_or(to, |end| to.min(end));
        match &mut self.confirmed {
            Some(confirmed) => confirmed.to = confirmed.to.max(to),
            None if to > self.position => {
                self.confirmed = Some(Confirmed {
                    to,
                    since: time,
                    packets: 0,
                });
            }
            None => {}
        }
        let Some(confirmed) = &mut self.confirmed else {
            return;
        };
        if confirmed.to <= self.position {
            self.confirmed = None;
            return;
        }
        confirmed.packets += 1;
        let waited = (confirmed.packets, time.since(confirmed.since));
        let enough = waited.0 > PATIENCE.0 && waited.1 > PATIENCE.1;
        if enough || waited.0 > PATIENCE_MAX.0 || waited.1 > PATIENCE_MAX.1 {
            let to = confirmed.to;
            self.confirmed = None;
            self.give_up(to, time, out);
            self.finish_if_over(time, out);
            self.count();
        }
    }

    /// Nothing more will come: whatever is there is given out.
    pub(crate) fn flush(&mut self, time: Timestamp, out: &mut dyn FnMut(Part<'_>)) {
        while !self.waiting.is_empty() {
            self.skip(time, out);
        }
        // One number that is missing at the end is that of the end itself.
        if let Some(confirmed) = self.confirmed.take()
            && confirmed.to > self.position + 1
        {
            self.give_up(confirmed.to, time, out);
        }
        self.finish_if_over(time, out);
        self.count();
    }

    /// Keeps what cannot be given out, as far as it is not there already.
    fn wait(&mut self, mut at: u64, content: Content, push: bool, time: Timestamp) {
        let end = at + content.len();
        at = at.max(self.position);
        if let Some((start, piece)) = self.waiting.range(..=at).next_back() {
            at = at.max(start + piece.content.len());
        }
        while at < end {
            let next = self.waiting.range(at..).next();
            let (until, after) = match next {
                Some((start, piece)) => ((*start).min(end), start + piece.content.len()),
                None => (end, end),
            };
            if at < until {
                let from = usize::try_from(content.len() - (end - at)).unwrap_or(usize::MAX);
                let len = until - at;
                let content = match &content {
                    Content::Cut(_) => Content::Cut(len),
                    Content::Bytes(bytes) => {
                        let to = from.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
                        Content::Bytes(bytes.get(from..to).unwrap_or_default().to_vec())
                    }
                };
                if let Content::Bytes(bytes) = &content {
                    self.waiting_bytes += bytes.len();
                }
                let piece = Waiting {
                    content,
                    push: push && until == end,
                    time,
                };
                self.waiting.insert(at, piece);
            }
            at = after.max(until);
        }
    }

    /// Gives out what is no longer waiting for anything.
    fn drain(&mut self, out: &mut dyn FnMut(Part<'_>)) {
        while let Some(first) = self.waiting.first_entry()
            && *first.key() <= self.position
        {
            let piece = first.remove();
            match piece.content {
                Content::Bytes(bytes) => {
                    self.waiting_bytes -= bytes.len();
                    self.give(&bytes, piece.push, piece.time, out);
                }
                Content::Cut(len) => self.lose(len, true, piece.time, out),
            }
        }
    }

    /// The first hole is a gap.
    fn skip(&mut self, time: Timestamp, out: &mut dyn FnMut(Part<'_>)) {
        if let Some((start, _)) = self.waiting.first_key_value() {
            let len = start.saturating_sub(self.position);
            self.lose(len, false, time, out);
            self.drain(out);
        }
    }

    /// All holes before this position are gaps.
    fn give_up(&mut self, to: u64, time: Timestamp, out: &mut dyn FnMut(Part<'_>)) {
        while self.position < to {
            match self.waiting.first_key_value() {
                Some((start, _)) if *start < to => self.skip(time, out),
                _ => self.lose(to - self.position, false, time, out),
            }
        }
        self.drain(out);
    }

    fn give(&mut self, bytes: &[u8], push: bool, time: Timestamp, out: &mut dyn FnMut(Part<'_>)) {
        if !bytes.is_empty() {
            self.advance(bytes.len() as u64);
            out(Part::Data { bytes, push, time });
        }
    }

    fn lose(&mut self, len: u64, cut: bool, time: Timestamp, out: &mut dyn FnMut(Part<'_>)) {
        if len > 0 {
            self.advance(len);
            out(Part::Gap { len, cut, time });
        }
    }

    fn advance(&mut self, len: u64) {
        self.position += len;
        // Sequence numbers wrap.
        self.next = self.next.map(|next| next.wrapping_add(len as u32));
    }

    fn finish_if_over(&mut self, time: Timestamp, out: &mut dyn FnMut(Part<'_>)) {
        if !self.ended && self.end.is_some_and(|end| end <= self.position) {
            self.ended = true;
            self.waiting.clear();
            self.waiting_bytes = 0;
            out(Part::End { time });
        }
    }

    fn count(&mut self) {
        self.share
            .set(self.waiting_bytes + self.waiting.len() * PIECE_COST);
    }
}

#[cfg(test)]
mod tests;
