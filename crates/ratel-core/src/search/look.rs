//! Looking through a flow, or through those parts of it that may hold the needle.

use std::ops::{ControlFlow, Range};

use ratel_flow::content::Codings;
use ratel_flow::{FlowId, MessageFlags, PayloadStream, Side};

use super::candidates::Known;
use super::catalog::{Extent, Part as Taken};
use super::hunt::{self, Found, Hunt, Stretch};
use super::query::{Hit, Part, Parts, Query};
use super::texts::{self, End, Form, Reader, SIDES, Stream};
use super::volume::{Slice, Unit};
use crate::store::FlowSnapshot;

/// A flow to be looked through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) known: Known,
    /// Where the index says that the needle may be.
    pub(super) slices: &'a [Slice],
}

/// How much of a text has to be looked through.
enum Scope {
    Nothing,
    All,
    These(Vec<Stretch>),
}

impl Scope {
    fn of(job: &Job<'_>, unit: Unit, reach: Option<usize>) -> Self {
        let covered_to = match job.known.covered.map(|covered| covered.extent) {
            None => return Self::All,
            Some(Extent::Whole(_)) => u64::MAX,
            Some(Extent::Part(part)) => covered(&part, unit),
        };
        if covered_to == 0 {
            return Self::All;
        }
        let slices = job.slices.iter().filter(|slice| slice.unit == unit);
        let mut stretches = Vec::new();
        for slice in slices {
            match reach {
                Some(reach) => stretches.push(Stretch::around(slice.start..slice.end(), reach)),
                None => return Self::All,
            }
        }
        if covered_to < u64::MAX {
            match reach {
                Some(reach) => stretches.push(Stretch::around(covered_to..u64::MAX, reach)),
                None => return Self::All,
            }
        }
        match stretches.is_empty() {
            true => Self::Nothing,
            false => Self::These(Stretch::joined(stretches)),
        }
    }

    /// In that part of the text.
    fn within(&self, part: &Range<u64>) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::All => Self::All,
            Self::These(stretches) => {
                let first = stretches.partition_point(|stretch| stretch.end <= part.start);
                let stretches = stretches.get(first..).unwrap_or_default().iter();
                let within: Vec<_> = stretches.map_while(|s| s.within(part)).collect();
                match within.is_empty() {
                    true => Self::Nothing,
                    false => Self::These(within),
                }
            }
        }
    }
}

/// Up to where the index has that unit of a flow that goes on.
fn covered(part: &Taken, unit: Unit) -> u64 {
    match unit {
        Unit::Heads => u64::MAX,
        Unit::Body(Side::Client) => part.bodies[0],
        Unit::Body(Side::Server) => part.bodies[1],
        Unit::Extra(Side::Client) => part.extras[0],
        Unit::Extra(Side::Server) => part.extras[1],
        Unit::AsSent(_) | Unit::Unpacked(_) => 0,
    }
}

/// Where hits go. Breaks when no more are wanted.
type Give<'a> = &'a mut dyn FnMut(Hit) -> ControlFlow<()>;

/// Looks through flows.
pub(super) struct Looker<'q> {
    query: &'q Query,
    reader: Reader,
    hunt: Hunt<'q>,
    reach: Option<usize>,
}

/// Where in a flow a text is.
#[derive(Clone, Copy)]
struct Place {
    flow: FlowId,
    part: Part,
    as_sent: bool,
}

impl<'q> Looker<'q> {
    pub(super) fn new(query: &'q Query, reader: Reader) -> Self {
        let searcher = &*query.searcher;
        Self {
            query,
            reader,
            hunt: Hunt::new(searcher),
            reach: hunt::reach(searcher),
        }
    }

    /// Gives what is found to `give`. Breaks when that does.
    pub(super) fn look(&mut self, job: &Job<'_>, give: Give<'_>) -> ControlFlow<()> {
        let Some(snapshot) = self.reader.snapshot(job.known.flow) else {
            return ControlFlow::Continue(());
        };
        self.heads(job, &snapshot, give)?;
        let is_messages = texts::is_messages(&snapshot);
        let has_messages = is_messages || snapshot.stream.is_some() || snapshot.messages > 0;
        for side in SIDES {
            if self.query.side.is_some_and(|wanted| wanted != side) {
                continue;
            }
            let mut given = false;
            if has_messages && self.query.parts.any(Parts::MESSAGES) {
                self.messages(job, &snapshot, side, &mut |hit| {
                    given = true;
                    give(hit)
                })?;
            }
            // A body that consists of messages would only give the same once more.
            if !is_messages && !given && self.query.parts.any(Parts::BODIES) {
                self.body(job, &snapshot, side, give)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn heads(&mut self, job: &Job<'_>, snapshot: &FlowSnapshot, give: Give<'_>) -> ControlFlow<()> {
        let Self {
            query,
            reader,
            hunt,
            reach,
        } = self;
        if !query.parts.any(Parts::URLS.with(Parts::HEADERS))
            || matches!(Scope::of(job, Unit::Heads, *reach), Scope::Nothing)
        {
            return ControlFlow::Continue(());
        }
        let mut end = ControlFlow::Continue(());
        let mut url = false;
        reader.heads(snapshot, |part, text| {
            if end.is_break() || !part.is_in(query) || part == Part::Url && url {
                return;
            }
            let place = Place {
                flow: snapshot.id,
                part,
                as_sent: false,
            };
            hunt.begin(query.hits_per_part);
            end = whole(hunt, text, place, &mut |hit| {
                url |= part == Part::Url;
                give(hit)
            });
        });
        end
    }

    fn body(
        &mut self,
        job: &Job<'_>,
        snapshot: &FlowSnapshot,
        side: Side,
        give: Give<'_>,
    ) -> ControlFlow<()> {
        let mut place = Place {
            flow: snapshot.id,
            part: Part::Body(side),
            as_sent: false,
        };
        let stream = (side, PayloadStream::Body);
        let scope = Scope::of(job, Unit::Body(side), self.reach);
        let Self {
            query,
            reader,
            hunt,
            reach,
        } = self;
        hunt.begin(query.hits_per_part);
        match Form::of(snapshot, side) {
            Form::Missing => ControlFlow::Continue(()),
            Form::Plain => plain(reader, hunt, place, stream, 0..u64::MAX, &scope, give),
            Form::Dns => match reader.dns_text(snapshot.id, side) {
                Some(text) if !matches!(scope, Scope::Nothing) => {
                    whole(hunt, text.as_bytes(), place, give)
                }
                _ => ControlFlow::Continue(()),
            },
            Form::Coded(codings) => {
                let as_sent = Scope::of(job, Unit::AsSent(side), *reach);
                if matches!((&scope, &as_sent), (Scope::Nothing, Scope::Nothing)) {
                    return ControlFlow::Continue(());
                }
                let range = 0..texts::body_len(snapshot, side);
                let mut given = false;
                let end = coded(
                    reader,
                    hunt,
                    place,
                    (stream, range, &codings),
                    &scope,
                    &mut |hit| {
                        given = true;
                        give(hit)
                    },
                );
                match end {
                    None => ControlFlow::Break(()),
                    Some(End::Broken) if !given => {
                        place.as_sent = true;
                        hunt.begin(query.hits_per_part);
                        plain(reader, hunt, place, stream, 0..u64::MAX, &as_sent, give)
                    }
                    Some(_) => ControlFlow::Continue(()),
                }
            }
        }
    }

    fn messages(
        &mut self,
        job: &Job<'_>,
        snapshot: &FlowSnapshot,
        side: Side,
        give: Give<'_>,
    ) -> ControlFlow<()> {
        let Self {
            query,
            reader,
            hunt,
            reach,
        } = self;
        let body = match Form::of(snapshot, side) {
            // What messages are made of is beside it.
            Form::Coded(_) | Form::Missing | Form::Dns => Scope::Nothing,
            Form::Plain => Scope::of(job, Unit::Body(side), *reach),
        };
        let extra = Scope::of(job, Unit::Extra(side), *reach);
        let packing = texts::packing(snapshot, side);
        // Messages are counted, not bytes.
        let unpacked = match packing {
            Some(_) => Scope::of(job, Unit::Unpacked(side), Some(0)),
            None => Scope::Nothing,
        };
        let scopes = [&body, &extra, &unpacked];
        if scopes.iter().all(|scope| matches!(scope, Scope::Nothing)) {
            return ControlFlow::Continue(());
        }
        let end = reader.messages(snapshot.id, |reader, number, head| {
            if head.side != side {
                return ControlFlow::Continue(());
            }
            let part = Part::Message { number, side };
            let place = Place {
                flow: snapshot.id,
                part,
                as_sent: false,
            };
            let payload = head.payload;
            let range = payload.offset..payload.offset.saturating_add(payload.len);
            let stream = (side, payload.stream);
            let scope = match payload.stream {
                PayloadStream::Body => body.within(&range),
                PayloadStream::Extra => extra.within(&range),
            };
            hunt.begin(query.hits_per_part);
            let packed = packing
                .as_ref()
                .filter(|_| head.flags.contains(MessageFlags::COMPRESSED));
            let Some(codings) = packed else {
                return plain(reader, hunt, place, stream, range, &scope, give);
            };
            let here = unpacked.within(&(number..number + 1));
            if matches!((&scope, &here), (Scope::Nothing, Scope::Nothing)) {
                return ControlFlow::Continue(());
            }
            let mut given = false;
            let text = (stream, range.clone(), codings);
            let end = coded(reader, hunt, place, text, &Scope::All, &mut |hit| {
                given = true;
                give(hit)
            });
            match end {
                None => ControlFlow::Break(()),
                Some(End::Broken) if !given => {
                    hunt.begin(query.hits_per_part);
                    let place = Place {
                        as_sent: true,
                        ..place
                    };
                    plain(reader, hunt, place, stream, range, &scope, give)
                }
                Some(_) => ControlFlow::Continue(()),
            }
        });
        match end {
            End::Stopped => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// A text that lies in memory.
fn whole(hunt: &mut Hunt<'_>, text: &[u8], place: Place, give: Give<'_>) -> ControlFlow<()> {
    let found = &mut |found| give(hit(place, found));
    let end = match hunt.piece(0, text, found) {
        ControlFlow::Continue(()) => hunt.end(found),
        end => end,
    };
    enough(hunt, end)
}

/// A part of a stream that is a text as it is.
fn plain(
    reader: &mut Reader,
    hunt: &mut Hunt<'_>,
    place: Place,
    stream: Stream,
    part: Range<u64>,
    scope: &Scope,
    give: Give<'_>,
) -> ControlFlow<()> {
    let whole = [Stretch::WHOLE];
    let stretches = match scope {
        Scope::Nothing => return ControlFlow::Continue(()),
        Scope::All => &whole[..],
        Scope::These(stretches) => stretches,
    };
    let found = &mut |found| give(hit(place, found));
    for stretch in stretches {
        hunt.stretch(*stretch);
        let shown = stretch.shown();
        let from = part.start.saturating_add(shown.start);
        let to = part.start.saturating_add(shown.end).min(part.end);
        let end = reader.stream(place.flow, stream, from..to, |at, bytes| {
            hunt.piece(at - part.start, bytes, found)
        });
        let end = match end {
            End::Stopped => ControlFlow::Break(()),
            _ => hunt.end(found),
        };
        if end.is_break() {
            return enough(hunt, end);
        }
    }
    ControlFlow::Continue(())
}

/// A part of a stream that has to be decoded. None when no more hits are wanted, of any text.
fn coded(
    reader: &mut Reader,
    hunt: &mut Hunt<'_>,
    place: Place,
    (stream, part, codings): (Stream, Range<u64>, &Codings),
    scope: &Scope,
    give: Give<'_>,
) -> Option<End> {
    let whole = [Stretch::WHOLE];
    let mut stretches = match scope {
        // It is decoded only to see whether it can be.
        Scope::Nothing => &[],
        Scope::All => &whole[..],
        Scope::These(stretches) => stretches,
    };
    let found = &mut |found| give(hit(place, found));
    let mut at = 0;
    let mut begun = false;
    let end = reader.decoded(place.flow, stream, part, codings, |mut piece| {
        while let Some((stretch, rest)) = stretches.split_first()
            && !piece.is_empty()
        {
            let shown = stretch.shown();
            let skip = shown.start.saturating_sub(at).min(piece.len() as u64);
            piece = piece.get(skip as usize..).unwrap_or_default();
            at += skip;
            let take = shown.end.saturating_sub(at).min(piece.len() as u64);
            let (here, after) = piece.split_at(take as usize);
            if !here.is_empty() {
                if !std::mem::replace(&mut begun, true) {
                    hunt.stretch(*stretch);
                }
                hunt.piece(at, here, found)?;
            }
            piece = after;
            at += take;
            if at >= shown.end {
                if std::mem::take(&mut begun) {
                    hunt.end(found)?;
                }
                stretches = rest;
            }
        }
        at += piece.len() as u64;
        match scope {
            // What comes after the last one is of no interest.
            Scope::These(_) if stretches.is_empty() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    let last = match (begun, end) {
        (true, End::Complete | End::Cut | End::Broken) => hunt.end(found),
        _ => ControlFlow::Continue(()),
    };
    let stopped = end == End::Stopped && !(hunt.is_done() || stretches.is_empty());
    (!stopped && enough(hunt, last).is_continue()).then_some(end)
}

/// That all matches were found that are wanted of a text does not mean that no others are.
fn enough(hunt: &Hunt<'_>, end: ControlFlow<()>) -> ControlFlow<()> {
    if hunt.is_done() {
        ControlFlow::Continue(())
    } else {
        end
    }
}

fn hit(place: Place, found: Found) -> Hit {
    Hit {
        flow: place.flow,
        part: place.part,
        as_sent: place.as_sent,
        offset: found.offset,
        len: found.len,
        snippet: found.snippet,
        marked: found.marked,
    }
}
