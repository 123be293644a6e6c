//! One TCP connection: two directions, and what is spoken on them.

use std::net::SocketAddr;

use bytes::Bytes;
use ratel_flow::record::Detail;
use ratel_flow::{FlowError, Side, Timestamp};

use super::stream::{Part, Stream};
use crate::context::{Context, Ending, Ends, Gap};
use crate::layer::{Layer, Piece};
use crate::net::transport::Segment;
use crate::write::Label;

/// A connection that packets have been seen of.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What the lower and what the upper address has sent.
    streams: [Stream; 2],
    /// Number of the first packet, and of the last one so far.
    pub(crate) first: u64,
    pub(crate) last: u64,
    last_time: Timestamp,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Who is the client is not known.
    Unclear { since: Timestamp },
    /// Something may be said.
    Open(Box<Open>),
    /// It is over; what still comes are echoes.
    Over,
}

#[derive(Debug)]
struct Open {
    /// The lower address is the client.
    client_is_low: bool,
    ends: Ends,
    layer: Layer,
    /// Whether the handshake was begun and was answered.
    syn: [bool; 2],
    /// Something was said.
    talked: bool,
}

/// The addresses of a packet in an order of their own, and whether the sender is the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) low: SocketAddr,
    pub(crate) high: SocketAddr,
}

impl Pair {
    /// The pair, and whether it was the lower one that sent.
    pub(crate) fn new(source: SocketAddr, destination: SocketAddr) -> (Self, bool) {
        let from_low = source <= destination;
        let (low, high) = match from_low {
            true => (source, destination),
            false => (destination, source),
        };
        (Self { low, high }, from_low)
    }
}

impl Connection {
    pub(crate) fn new(cx: &Context, number: u64, now: Timestamp) -> Self {
        Self {
            streams: [Stream::new(&cx.gauge), Stream::new(&cx.gauge)],
            first: number,
            last: number,
            last_time: now,
            state: State::Unclear { since: now },
        }
    }

    /// Whether a segment begins another connection between the same ports.
    pub(crate) fn is_replaced_by(&self, segment: &Segment<'_>, from_low: bool) -> bool {
        if !segment.syn || segment.acknowledged.is_some() {
            return false;
        }
        let [low, high] = &self.streams;
        let stream = if from_low { low } else { high };
        // The same SYN may come again.
        !matches!(self.state, State::Unclear { .. }) && !stream.began_with(segment.sequence)
    }

    /// Takes a segment.
    pub(crate) fn take(
        &mut self,
        cx: &mut Context,
        pair: Pair,
        from_low: bool,
        segment: &Segment<'_>,
        time: Timestamp,
    ) {
        self.last_time = time;
        if let State::Unclear { since } = self.state
            && let Some(sender_is_client) = judge(segment)
        {
            self.open(cx, pair, from_low == sender_is_client, since, segment);
        }
        let State::Open(open) = &mut self.state else {
            if let State::Unclear { .. } = self.state {
                // A number is worth knowing though nothing is said.
                let [low, high] = &mut self.streams;
                let stream = if from_low { low } else { high };
                stream.take(segment, time, &mut |_| {});
            }
            return;
        };
        open.note_handshake(segment, from_low, time);
        let side = open.side(from_low);
        let [low, high] = &mut self.streams;
        let (stream, other) = if from_low { (low, high) } else { (high, low) };
        if let Some(acknowledged) = segment.acknowledged {
            let other_side = open.side(!from_low);
            other.confirm(acknowledged, time, &mut |part| {
                open.part(cx, other_side, part);
            });
        }
        stream.take(segment, time, &mut |part| open.part(cx, side, part));
        if segment.reset {
            self.finish(cx, &Ending::Reset(side));
        } else if self.streams.iter().all(Stream::has_ended) {
            self.finish(cx, &Ending::Closed);
        }
    }

    /// It was something else in truth.
    pub(crate) fn relabel(&mut self, label: &Label) {
        if let State::Open(open) = &mut self.state {
            open.ends.relabel(label);
        }
    }

    fn open(
        &mut self,
        cx: &Context,
        pair: Pair,
        client_is_low: bool,
        since: Timestamp,
        segment: &Segment<'_>,
    ) {
        let (client, server) = match client_is_low {
            true => (pair.low, pair.high),
            false => (pair.high, pair.low),
        };
        let mid = !segment.syn;
        self.state = State::Open(Box::new(Open {
            client_is_low,
            ends: Ends::new(client, server, false, since),
            layer: Layer::start(cx, mid),
            syn: [false; 2],
            talked: false,
        }));
    }

    /// Nothing more is to come of it.
    pub(crate) fn finish(&mut self, cx: &mut Context, ending: &Ending) {
        let State::Open(mut open) = std::mem::replace(&mut self.state, State::Over) else {
            return;
        };
        let time = self.last_time;
        let [low, high] = &mut self.streams;
        let (client, server) = match open.client_is_low {
            true => (low, high),
            false => (high, low),
        };
        client.flush(time, &mut |part| open.part(cx, Side::Client, part));
        server.flush(time, &mut |part| open.part(cx, Side::Server, part));
        if !matches!(ending, Ending::CaptureEnds | Ending::Abandoned) {
            let (client, server) = open.ends.edit();
            (client.timestamp_end, server.timestamp_end) = (Some(time), Some(time));
        }
        open.finish(cx, ending, time);
    }
}

impl Open {
    fn side(&self, from_low: bool) -> Side {
        match from_low == self.client_is_low {
            true => Side::Client,
            false => Side::Server,
        }
    }

    fn note_handshake(&mut self, segment: &Segment<'_>, from_low: bool, time: Timestamp) {
        if !segment.syn {
            return;
        }
        let side = self.side(from_low);
        let [begun, answered] = &mut self.syn;
        match side {
            Side::Client => *begun = true,
            Side::Server => {
                if !std::mem::replace(answered, true) {
                    let (_, server) = self.ends.edit();
                    server.timestamp_tcp_setup = Some(time);
                }
            }
        }
    }

    fn part(&mut self, cx: &mut Context, side: Side, part: Part<'_>) {
        match part {
            Part::Data { bytes, push, time } => {
                self.talked = true;
                let piece = Piece {
                    side,
                    bytes: Bytes::copy_from_slice(bytes),
                    push,
                    time,
                };
                self.layer.data(cx, &mut self.ends, piece);
            }
            Part::Gap { len, cut, time } => {
                let sealed = false;
                let gap = (side, Gap { len, cut, sealed });
                self.layer.gap(cx, &mut self.ends, gap, time);
            }
            Part::End { time } => self.layer.end(cx, &mut self.ends, side, time),
        }
    }

    fn finish(mut self: Box<Self>, cx: &mut Context, ending: &Ending, time: Timestamp) {
        self.layer.finish(cx, &mut self.ends, ending, time);
        let [begun, answered] = self.syn;
        if self.talked || !begun || answered {
            return;
        }
        // A connection that was asked for and did not come to be.
        let (message, hint) = match ending {
            Ending::Reset(Side::Server) => (
                format!("{} refused the connection", self.ends.client().sockname),
                Some("nothing listens on that port, or something in between says so"),
            ),
            Ending::Reset(Side::Client) => return,
            _ => (
                format!("{} did not answer", self.ends.client().sockname),
                Some("the host is not there, or something in between drops its packets"),
            ),
        };
        let error = FlowError {
            message: message.into(),
            hint: hint.map(Into::into),
            by_client: false,
            timestamp: time,
        };
        let begun = self.ends.client().timestamp_start;
        cx.emit(&mut self.ends, begun, Detail::Connection, Some(error));
    }
}

/// Whether the sender of a segment is the client; none while nothing tells.
fn judge(segment: &Segment<'_>) -> Option<bool> {
    if segment.syn {
        return Some(segment.acknowledged.is_none());
    }
    let payload = segment.payload;
    if payload.is_empty() {
        return None;
    }
    // Handshake messages of TLS: hello of the client, hello of the server.
    if let [0x16, 3, _, _, _, kind @ (1 | 2), ..] = payload {
        return Some(*kind == 1);
    }
    if payload.starts_with(b"HTTP/1.") {
        return Some(false);
    }
    let has_request = matches!(
        ratel_proto::detect::detect(payload),
        ratel_proto::detect::Detected::Http1 | ratel_proto::detect::Detected::Http2Preface
    );
    // Servers wait on the lower numbers.
    Some(has_request || segment.source >= segment.destination)
}
