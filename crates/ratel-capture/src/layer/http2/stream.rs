//! One stream of HTTP/2: an exchange, a WebSocket, or a tunnel.

use bytes::BytesMut;
use ratel_flow::{FlowError, Side, Timestamp};
use ratel_proto::h2::{Head, Reason};

use super::super::exchange::{self, Exchange};
use super::super::start::left_over;
use super::super::websocket::WebSocket;
use super::super::{Layer, Piece};
use super::response;
use crate::context::{Context, Ending, Ends, Gap};

/// Informational responses that are kept of one exchange.
const INFORMATIONAL_MAX: usize = 100;
/// Bytes that a client may send into a tunnel before it is open.
const EARLY_MAX: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Stream {
    /// None once a tunnel is open.
    exchange: Option<Exchange>,
    tunnel: Option<Box<(Ends, Layer)>>,
    /// What both sides of a WebSocket have sent and is not taken, or what a client sends before a tunnel is open.
    waiting: [BytesMut; 2],
    ended: [bool; 2],
}

impl Stream {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange: Some(exchange),
            tunnel: None,
            waiting: Default::default(),
            ended: [false; 2],
        }
    }

    /// Whether both sides are done.
    pub(super) fn is_over(&self) -> bool {
        match &self.exchange {
            None => self.ended == [true; 2],
            Some(exchange) if exchange.websocket.is_some() => self.ended == [true; 2],
            Some(exchange) => exchange.request_done && exchange.response_done,
        }
    }

    fn waiting(&mut self, side: Side) -> &mut BytesMut {
        let [client, server] = &mut self.waiting;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    pub(super) fn data(&mut self, cx: &mut Context, side: Side, data: &[u8], time: Timestamp) {
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            let piece = Piece {
                side,
                bytes: bytes::Bytes::copy_from_slice(data),
                push: true,
                time,
            };
            return layer.data(cx, ends, piece);
        }
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        if exchange.websocket.is_some() {
            self.waiting(side).extend_from_slice(data);
            self.take_messages(side, time);
        } else if exchange::is_connect(&exchange.record.request)
            && exchange.record.response.is_none()
        {
            let waiting = self.waiting(side);
            if waiting.len() + data.len() <= EARLY_MAX {
                waiting.extend_from_slice(data);
            }
        } else {
            exchange.push(side, data);
        }
    }

    fn take_messages(&mut self, side: Side, time: Timestamp) {
        let [client, server] = &mut self.waiting;
        let buffer = match side {
            Side::Client => client,
            Side::Server => server,
        };
        let websocket = self
            .exchange
            .as_mut()
            .and_then(|exchange| exchange.websocket.as_mut());
        if let Some(websocket) = websocket {
            while websocket.take(side, buffer, time) {}
        }
    }

    /// A head after that of the request: of the response, or trailers.
    pub(super) fn head(
        &mut self,
        cx: &mut Context,
        ends: &Ends,
        side: Side,
        head: Head,
        time: Timestamp,
    ) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        let record = &mut exchange.record;
        if side == Side::Client {
            record.request_trailers = Some(head.headers);
            return;
        }
        if record.response.is_some() {
            record.response_trailers = Some(head.headers);
            return;
        }
        let response = response(head, time);
        if matches!(response.status, 100..=199) {
            if record.informational.len() < INFORMATIONAL_MAX {
                record.informational.push(response);
            }
            return;
        }
        let agreed = matches!(response.status, 200..=299);
        let protocol = record.request.pseudo.get(":protocol");
        let is_websocket = protocol.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"));
        let is_tunnel = exchange::is_connect(&record.request);
        if agreed && is_websocket {
            exchange.websocket = WebSocket::agreed(&cx.spool, &response.headers);
        }
        exchange.record.response = Some(response);
        if agreed && is_tunnel {
            self.open_tunnel(cx, ends, time);
        } else if agreed && is_websocket {
            self.take_messages(Side::Client, time);
        } else if is_tunnel && let Some(exchange) = &mut self.exchange {
            let [client, _] = &mut self.waiting;
            exchange.push(Side::Client, &client.split());
        }
    }

    fn open_tunnel(&mut self, cx: &mut Context, ends: &Ends, time: Timestamp) {
        let Some(mut exchange) = self.exchange.take() else {
            return;
        };
        let request = &exchange.record.request;
        let mut inner = Box::new((
            ends.tunnel(&request.host, request.port),
            Layer::start(cx, false),
        ));
        exchange.record.request_end.get_or_insert(time);
        exchange.record.response_end = Some(time);
        exchange.emit(cx, &mut ends.clone(), time);
        let early = self.waiting(Side::Client).split().freeze();
        if !early.is_empty() {
            let (ends, layer) = &mut *inner;
            layer.data(cx, ends, left_over(Side::Client, early, time));
        }
        self.tunnel = Some(inner);
    }

    /// A side has nothing more to send on the stream.
    pub(super) fn end(&mut self, cx: &mut Context, side: Side, time: Timestamp) {
        let [client, server] = &mut self.ended;
        match side {
            Side::Client => *client = true,
            Side::Server => *server = true,
        }
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            layer.end(cx, ends, side, time);
        }
        if let Some(exchange) = &mut self.exchange {
            let record = &mut exchange.record;
            let (done, end) = match side {
                Side::Client => (&mut exchange.request_done, &mut record.request_end),
                Side::Server => (&mut exchange.response_done, &mut record.response_end),
            };
            (*done, *end) = (true, Some(time));
        }
    }

    /// A side of the connection is done.
    pub(super) fn connection_end(&mut self, cx: &mut Context, side: Side, time: Timestamp) {
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            layer.end(cx, ends, side, time);
        }
    }

    /// A part of what a side has sent is not in the capture.
    pub(super) fn gap(&mut self, cx: &mut Context, (side, gap): (Side, Gap), time: Timestamp) {
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            layer.gap(cx, ends, (side, gap), time);
        }
        if let Some(exchange) = &mut self.exchange {
            match &mut exchange.websocket {
                Some(websocket) => websocket.gap(side, gap, time),
                None => exchange.lack(side, gap),
            }
        }
    }

    /// Both sides are done.
    pub(super) fn close(mut self, cx: &mut Context, ends: &mut Ends, time: Timestamp) {
        if let Some(mut tunnel) = self.tunnel.take() {
            let (ends, layer) = &mut *tunnel;
            layer.finish(cx, ends, &Ending::Closed, time);
        }
        if let Some(exchange) = self.exchange {
            exchange.emit(cx, ends, time);
        }
    }

    /// A side has reset the stream.
    pub(super) fn reset(
        mut self,
        cx: &mut Context,
        ends: &mut Ends,
        side: Side,
        reason: Reason,
        time: Timestamp,
    ) {
        let who = match side {
            Side::Client => "the client",
            Side::Server => "the server",
        };
        if let Some(exchange) = &mut self.exchange {
            // RFC 9113 §8.1: a server may say so that it needs no more of the request.
            let enough = reason == Reason::NO_ERROR || exchange.websocket.is_some();
            if !(enough && exchange.response_done) {
                exchange.fail(format!("{who} reset the stream: {reason}"), None, time);
                if let Some(error) = &mut exchange.error {
                    error.by_client |= side == Side::Client;
                }
            }
        }
        if let Some(mut tunnel) = self.tunnel.take() {
            let (ends, layer) = &mut *tunnel;
            layer.finish(cx, ends, &Ending::Reset(side), time);
        }
        self.close(cx, ends, time);
    }

    /// Nothing comes of it.
    pub(super) fn fail(
        mut self,
        cx: &mut Context,
        ends: &mut Ends,
        message: String,
        time: Timestamp,
    ) {
        if let Some(exchange) = &mut self.exchange {
            exchange.fail(message, None, time);
        }
        self.close(cx, ends, time);
    }

    /// Nothing more comes. `lost` is why a side could not be followed to the end.
    pub(super) fn finish(
        mut self,
        cx: &mut Context,
        ends: &mut Ends,
        ending: &Ending,
        lost: Option<&FlowError>,
        time: Timestamp,
    ) {
        if let Some(mut tunnel) = self.tunnel.take() {
            let (ends, layer) = &mut *tunnel;
            layer.finish(cx, ends, ending, time);
        }
        if let Some(mut exchange) = self.exchange.take() {
            if exchange.error.is_none() {
                exchange.error = lost.cloned();
            }
            exchange.cut(ending, time);
            exchange.emit(cx, ends, time);
        }
    }
}
