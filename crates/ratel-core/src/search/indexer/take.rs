//! From a flow to the builder: its texts, one after the other.

use std::ops::{ControlFlow, Range};

use ratel_flow::{FlowId, MessageFlags, PayloadStream, Side};

use super::{FOLLOWED, Followed, Indexer, PIECE, Taken};
use crate::search::catalog::{Covered, Extent, Part};
use crate::search::texts::{self, End, Form, SIDES, Stream};
use crate::search::volume::{OVERLAP, Unit};
use crate::store::FlowSnapshot;
use crate::store::stamp::Stamp;

/// Breaks when the thread is to end.
type Step = ControlFlow<()>;

impl Indexer {
    /// A flow that has finished.
    pub(super) fn take_whole(&mut self, stamp: &Stamp) -> Step {
        self.settle();
        let id = stamp.id;
        let taken = self.followed.remove(&id).and_then(|known| known.taken);
        let taken = taken.filter(|taken| taken.part.holds_for(stamp));
        let Some(snapshot) = self.reader.snapshot(id) else {
            return Step::Continue(());
        };
        let since = self.press.builder.number();
        if taken.is_none() {
            self.heads(&snapshot);
        }
        let mut cut = false;
        for (nth, side) in SIDES.into_iter().enumerate() {
            let done = taken.map(|taken| taken.part);
            let done = |of: fn(&Part) -> &[u64; 2]| {
                let done = done.as_ref().and_then(|part| of(part).get(nth));
                done.copied().unwrap_or_default()
            };
            let body = self.body(&snapshot, side, done(|part| &part.bodies));
            let extra = done(|part| &part.extras);
            let extra = self.beside(id, side, extra..u64::MAX);
            let unpacked = self.unpacked(&snapshot, side);
            let ends = [body, extra, unpacked];
            if ends.contains(&End::Stopped) {
                return Step::Break(());
            }
            cut |= ends.contains(&End::Cut);
        }
        // What was changed meanwhile was not taken as it was, nor as it is.
        if self.stamp(id).is_none_or(|now| now.whole != stamp.whole) {
            self.shared.changed(id);
            return Step::Continue(());
        }
        let covered = Covered {
            extent: Extent::Whole(stamp.whole),
            cut,
            from: taken.map_or(since, |taken| taken.from),
        };
        self.press.builder.cover(id, covered, since);
        self.press.given()
    }

    /// The streams of a flow that goes on, as far as they are there, if they have grown.
    pub(super) fn take_part(&mut self, stamp: &Stamp) -> Step {
        self.settle();
        let id = stamp.id;
        let bytes: u64 = stamp.bodies.iter().chain(&stamp.extras).sum();
        let before = self.followed.get(&id).copied();
        let known = before.map_or(0, |before| before.bytes);
        if stamp.edited
            || bytes.saturating_sub(known) < PIECE
            || before.is_none() && (self.followed.len() >= FOLLOWED || id <= self.floor)
        {
            return Step::Continue(());
        }
        let taken = before.and_then(|before| before.taken);
        // One whose start had to go would be read from there again and again.
        if before.is_some() && taken.is_none() && id <= self.floor {
            return Step::Continue(());
        }
        let taken = taken.filter(|taken| taken.part.holds_for(stamp));
        let Some(snapshot) = self.reader.snapshot(id) else {
            return Step::Continue(());
        };
        let since = self.press.builder.number();
        if taken.is_none() {
            self.heads(&snapshot);
        }
        let mut part = taken.map_or(
            Part {
                heads: stamp.heads,
                bodies: [0; 2],
                extras: [0; 2],
            },
            |taken| taken.part,
        );
        let lens = stamp.bodies.into_iter().zip(stamp.extras);
        let ends = part.bodies.iter_mut().zip(&mut part.extras);
        for (side, (lens, ends)) in SIDES.into_iter().zip(lens.zip(ends)) {
            let mut end = End::Complete;
            if Form::of(&snapshot, side) == Form::Plain {
                let range = std::mem::replace(ends.0, lens.0)..lens.0;
                let stream = (side, PayloadStream::Body);
                end = self.plain(id, stream, Unit::Body(side), range);
            }
            let range = std::mem::replace(ends.1, lens.1)..lens.1;
            if end == End::Stopped || self.beside(id, side, range) == End::Stopped {
                return Step::Break(());
            }
        }
        let taken = Taken {
            part,
            from: taken.map_or(since, |taken| taken.from),
        };
        let same = self.stamp(id).is_some_and(|now| part.holds_for(&now));
        if same {
            let covered = Covered {
                extent: Extent::Part(part),
                cut: false,
                from: taken.from,
            };
            self.press.builder.cover(id, covered, since);
        }
        let taken = same.then_some(taken);
        self.followed.insert(id, Followed { taken, bytes });
        self.press.given()
    }

    fn stamp(&self, id: FlowId) -> Option<Stamp> {
        let mut stamps = Vec::new();
        self.store.stamps(&[id], &mut stamps);
        stamps.pop()
    }

    fn heads(&mut self, snapshot: &FlowSnapshot) {
        let builder = &mut self.press.builder;
        self.reader.heads(snapshot, |_, text| builder.head(text));
        builder.heads_of(snapshot.id);
    }

    fn body(&mut self, snapshot: &FlowSnapshot, side: Side, from: u64) -> End {
        let (id, unit) = (snapshot.id, Unit::Body(side));
        let stream = (side, PayloadStream::Body);
        match Form::of(snapshot, side) {
            Form::Missing => End::Complete,
            Form::Plain => self.plain(id, stream, unit, from..u64::MAX),
            Form::Dns => {
                if let Some(text) = self.reader.dns_text(id, side) {
                    self.press.builder.begin(id, unit, 0);
                    self.press.builder.text(text.as_bytes());
                    self.press.builder.cut();
                }
                End::Complete
            }
            Form::Coded(codings) => {
                let range = 0..texts::body_len(snapshot, side);
                let press = &mut self.press;
                press.builder.begin(id, unit, 0);
                let end = self.reader.decoded(id, stream, range, &codings, |piece| {
                    press.builder.text(piece);
                    press.given()
                });
                press.builder.cut();
                if end == End::Broken {
                    let unit = Unit::AsSent(side);
                    return self.plain(id, stream, unit, 0..u64::MAX);
                }
                end
            }
        }
    }

    fn beside(&mut self, id: FlowId, side: Side, range: Range<u64>) -> End {
        let stream = (side, PayloadStream::Extra);
        self.plain(id, stream, Unit::Extra(side), range)
    }

    fn plain(&mut self, id: FlowId, stream: Stream, unit: Unit, range: Range<u64>) -> End {
        if range.is_empty() {
            return End::Complete;
        }
        let press = &mut self.press;
        press.builder.begin(id, unit, range.start);
        let before = range.start.saturating_sub(OVERLAP as u64)..range.start;
        let (mut text, mut next) = (Vec::new(), before.start);
        self.reader.stream(id, stream, before, |at, piece| {
            // What stands before a gap does not go on in what follows.
            if at != next {
                text.clear();
            }
            next = at + piece.len() as u64;
            text.extend_from_slice(piece);
            Step::Continue(())
        });
        if next == range.start {
            press.builder.before(&text);
        }
        let mut next = range.start;
        let end = self.reader.stream(id, stream, range, |at, piece| {
            if at != next {
                press.builder.skip(at);
            }
            next = at + piece.len() as u64;
            press.builder.text(piece);
            press.given()
        });
        press.builder.cut();
        end
    }

    /// Messages that are compressed each by itself.
    fn unpacked(&mut self, snapshot: &FlowSnapshot, side: Side) -> End {
        let Some(codings) = texts::packing(snapshot, side) else {
            return End::Complete;
        };
        let id = snapshot.id;
        let press = &mut self.press;
        press.builder.begin(id, Unit::Unpacked(side), 0);
        let mut cut = false;
        let end = self.reader.messages(id, |reader, number, head| {
            if head.side != side || !head.flags.contains(MessageFlags::COMPRESSED) {
                return Step::Continue(());
            }
            let range = head.payload.offset..head.payload.offset.saturating_add(head.payload.len);
            let stream = (side, head.payload.stream);
            let end = reader.decoded(id, stream, range, &codings, |piece| {
                press.builder.message(number, piece);
                press.given()
            });
            press.builder.cut();
            cut |= end == End::Cut;
            match end {
                End::Stopped => Step::Break(()),
                _ => Step::Continue(()),
            }
        });
        match end {
            End::Complete if cut => End::Cut,
            end => end,
        }
    }
}
