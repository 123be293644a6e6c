//! HTTP/2 as it was spoken, over TLS or with prior knowledge. Frames and header compression are `ratel-proto`'s; a
//! connection of its own it cannot be, since nobody here says anything.

mod direction;
mod stream;

use std::collections::HashMap;

use bytes::Bytes;
use ratel_flow::{FlowError, Request, Response, Side, Timestamp, Version};
use ratel_proto::h2::frame::{FrameKind, StreamId, flags};
use ratel_proto::h2::{Head, Reason};

use super::Piece;
use super::exchange::{self, Exchange};
use crate::context::{Context, Ending, Ends, Gap};
use direction::{Direction, Frame, Front};
use stream::Stream;

/// Streams that may be open at once. No server allows as many.
const STREAMS_MAX: usize = 10_000;
/// Bytes of the server that are kept until the client's are there that they answer.
const AHEAD_MAX: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Http2 {
    client: Direction,
    server: Direction,
    streams: HashMap<StreamId, Stream>,
    /// The last stream that the client has opened.
    opened: StreamId,
    /// Why nothing of a side can be understood any more.
    lost: Option<FlowError>,
}

impl Http2 {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            client: Direction::new(cx, Side::Client),
            server: Direction::new(cx, Side::Server),
            streams: HashMap::new(),
            opened: StreamId(0),
            lost: None,
        }
    }

    /// A connection that was HTTP/1 up to this request, which is answered on stream 1 (RFC 7540 §3.2).
    pub(super) fn upgraded(cx: &Context, exchange: Exchange) -> Self {
        let mut http2 = Self::new(cx);
        http2.opened = StreamId(1);
        http2.streams.insert(StreamId(1), Stream::new(exchange));
        http2
    }

    pub(super) fn data(&mut self, cx: &mut Context, ends: &mut Ends, piece: &Piece) {
        self.direction(piece.side).push(&piece.bytes, piece.time);
        self.advance(cx, ends);
        if self.server.waiting() > AHEAD_MAX {
            // What is answered never came.
            self.server.may_run_ahead = true;
            self.advance(cx, ends);
        }
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn end(&mut self, cx: &mut Context, side: Side, time: Timestamp) {
        for stream in self.streams.values_mut() {
            stream.connection_end(cx, side, time);
        }
    }

    pub(super) fn gap(&mut self, cx: &mut Context, (side, gap): (Side, Gap), time: Timestamp) {
        let direction = self.direction(side);
        if let Some(id) = direction.skip(gap, time) {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.gap(cx, (side, gap), time);
            }
            return;
        }
        let who = match side {
            Side::Client => "the client",
            Side::Server => "the server",
        };
        let message = format!(
            "{} of what {who} has sent are not in the capture",
            gap.amount()
        );
        self.lose(side, message, Some(gap.hint()), time);
    }

    fn lose(&mut self, side: Side, message: String, hint: Option<&str>, time: Timestamp) {
        self.direction(side).lose();
        self.lost.get_or_insert_with(|| FlowError {
            message: message.into(),
            hint: hint.map(Into::into),
            by_client: false,
            timestamp: time,
        });
    }

    pub(super) fn finish(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        ending: &Ending,
        time: Timestamp,
    ) {
        self.server.may_run_ahead = true;
        self.advance(cx, ends);
        let mut streams: Vec<_> = self.streams.drain().collect();
        streams.sort_unstable_by_key(|(id, _)| *id);
        for (_, stream) in streams {
            stream.finish(cx, ends, ending, self.lost.as_ref(), time);
        }
    }

    fn advance(&mut self, cx: &mut Context, ends: &mut Ends) {
        for side in [Side::Client, Side::Server] {
            loop {
                let opened = self.opened;
                let direction = self.direction(side);
                match direction.front(opened) {
                    Front::Incomplete => break,
                    Front::Broken(what) => {
                        let time = direction.last;
                        let who = match side {
                            Side::Client => "the client",
                            Side::Server => "the server",
                        };
                        let message = format!("{who} has sent something that is no HTTP/2: {what}");
                        self.lose(side, message, None, time);
                        break;
                    }
                    Front::Frame(frame) => self.frame(cx, ends, side, frame),
                }
            }
        }
    }

    fn frame(&mut self, cx: &mut Context, ends: &mut Ends, side: Side, frame: Frame) {
        let time = self.direction(side).last;
        match frame {
            Frame::Data { id, data, end } => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.data(cx, side, &data, time);
                    if end {
                        stream.end(cx, side, time);
                    }
                    self.close_if_over(cx, ends, id, time);
                }
            }
            Frame::Head { id, head, end } => self.head(cx, ends, side, (id, head, end), time),
            Frame::Push { id, head } => {
                if self.streams.len() < STREAMS_MAX {
                    let request = request(head, ends, time);
                    let mut exchange = Exchange::new(cx, request);
                    exchange.request_done = true;
                    exchange.record.request_end = Some(time);
                    self.streams.insert(id, Stream::new(exchange));
                }
            }
            Frame::Other { header, payload } => match header.kind {
                FrameKind::RST_STREAM => {
                    let code = payload.first_chunk().copied().unwrap_or_default();
                    let reason = Reason(u32::from_be_bytes(code));
                    if let Some(stream) = self.streams.remove(&header.id) {
                        stream.reset(cx, ends, side, reason, time);
                    }
                }
                FrameKind::GOAWAY => {
                    let last = payload.first_chunk().copied().unwrap_or_default();
                    let last = u32::from_be_bytes(last) & StreamId::MAX.0;
                    let code = payload.get(4..).and_then(|rest| rest.first_chunk());
                    let reason = Reason(u32::from_be_bytes(code.copied().unwrap_or_default()));
                    self.go_away(cx, ends, side, StreamId(last), reason, time);
                }
                _ => {}
            },
        }
    }

    fn head(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        side: Side,
        (id, head, end): (StreamId, Head, bool),
        time: Timestamp,
    ) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.head(cx, ends, side, head, time);
        } else if side == Side::Client && id > self.opened && self.streams.len() < STREAMS_MAX {
            self.opened = id;
            let exchange = Exchange::new(cx, request(head, ends, time));
            self.streams.insert(id, Stream::new(exchange));
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            if end {
                stream.end(cx, side, time);
            }
            self.close_if_over(cx, ends, id, time);
        }
    }

    /// Streams beyond `last` are not looked at by the one who says so.
    fn go_away(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        side: Side,
        last: StreamId,
        reason: Reason,
        time: Timestamp,
    ) {
        if side == Side::Client {
            return;
        }
        let beyond = |(id, _): &(&StreamId, &Stream)| id.is_client() && **id > last;
        let mut ids: Vec<_> = self
            .streams
            .iter()
            .filter(beyond)
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(stream) = self.streams.remove(&id) {
                let message =
                    format!("the server went away before it looked at the request: {reason}");
                stream.fail(cx, ends, message, time);
            }
        }
    }

    fn close_if_over(&mut self, cx: &mut Context, ends: &mut Ends, id: StreamId, time: Timestamp) {
        if self.streams.get(&id).is_some_and(Stream::is_over)
            && let Some(stream) = self.streams.remove(&id)
        {
            stream.close(cx, ends, time);
        }
    }
}

/// Flags of frames that begin or go on with a head.
const END_HEADERS: u8 = flags::END_HEADERS;

fn request(head: Head, ends: &Ends, time: Timestamp) -> Request {
    let field = |name| Bytes::copy_from_slice(head.pseudo.get(name).unwrap_or_default());
    let (method, path) = (field(":method"), field(":path"));
    let is_tunnel = &method[..] == b"CONNECT" && !head.pseudo.contains(":protocol");
    let target = if is_tunnel { field(":authority") } else { path };
    let mut request = Request {
        path: target.clone(),
        method,
        target,
        version: Version::Http2,
        line: None,
        headers: head.headers,
        pseudo: head.pseudo,
        scheme: ratel_flow::Scheme::Http,
        host: "".into(),
        port: 0,
        timestamp_start: time,
    };
    exchange::route(&mut request, ends);
    request
}

fn response(head: Head, time: Timestamp) -> Response {
    let status = head.pseudo.get(":status").unwrap_or_default();
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse().ok());
    Response {
        version: Version::Http2,
        status: status.unwrap_or(0),
        reason: Bytes::new(),
        line: None,
        headers: head.headers,
        pseudo: head.pseudo,
        timestamp_start: time,
    }
}
