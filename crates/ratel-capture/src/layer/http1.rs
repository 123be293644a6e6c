//! HTTP/1 as it was spoken: requests and responses are read for themselves and put together in their order.

mod half;

use std::collections::VecDeque;

use bytes::Bytes;
use ratel_flow::{Response, Side, Timestamp};
use ratel_proto::Framing;
use ratel_proto::http1::{HeadError, ResponseHead, framing};
use ratel_proto::websocket::handshake;

use super::exchange::{self, Exchange};
use super::http2::Http2;
use super::start::{Line, left_over, request_line};
use super::websocket::WebSocket;
use super::{Layer, Next, Piece};
use crate::context::{Context, Ending, Ends, Gap};
use half::Half;

/// Bytes of a response that are kept until its request is there. Captures mix up packets, but not by much.
const AHEAD_MAX: usize = 1024 * 1024;
/// Requests that may wait for their responses.
const PIPELINE_MAX: usize = 10_000;
/// Informational responses that are kept of one exchange.
const INFORMATIONAL_MAX: usize = 100;

#[derive(Debug)]
pub(crate) struct Http1 {
    client: Half,
    server: Half,
    /// Requests in order, the first of which is answered next.
    queue: VecDeque<Exchange>,
    /// What comes after the last request depends on its response.
    held: bool,
    /// The client has sent requests before it had the responses to those before.
    pipelines: bool,
    /// Why responses may be missing.
    loss: Option<Loss>,
    /// What is spoken instead.
    tunnel: Option<Box<(Ends, Layer)>>,
}

/// Why something is not there, as a sentence, and what to do about it.
#[derive(Clone, Debug)]
struct Loss {
    message: String,
    hint: Option<&'static str>,
}

/// Whether something has been taken.
enum Step {
    Nothing,
    Done,
    /// It cannot be understood, and is perhaps something else.
    NotHttp(Side, HeadError),
    /// Something else was agreed on.
    Become(Layer),
}

impl Http1 {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            client: Half::new(cx),
            server: Half::new(cx),
            queue: VecDeque::new(),
            held: false,
            pipelines: false,
            loss: None,
            tunnel: None,
        }
    }

    pub(super) fn data(&mut self, cx: &mut Context, ends: &mut Ends, piece: Piece) -> Next {
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            layer.data(cx, ends, piece);
            return Next::Stay;
        }
        let time = piece.time;
        if !self.goes_on(cx, ends, &piece) {
            return Next::Stay;
        }
        let half = self.half(piece.side);
        half.push(&piece);
        let waits = half.len();
        let next = self.advance(cx, ends);
        if waits > AHEAD_MAX && self.half(piece.side).len() == waits {
            // What it answers is not in the capture.
            self.server.lose();
            self.fail_all(cx, ends, time);
        }
        next
    }

    /// Whether a piece is a part of something that is understood, or begins it: after a loss requests and responses are
    /// looked for at the beginning of pieces.
    fn goes_on(&mut self, cx: &mut Context, ends: &mut Ends, piece: &Piece) -> bool {
        let time = piece.time;
        match piece.side {
            Side::Client if self.client.lost => {
                if !matches!(request_line(&piece.bytes), Line::Request) {
                    return false;
                }
                // What the server says from here on answers this request.
                self.client.lost = false;
                self.fail_all(cx, ends, time);
                self.server.lose();
            }
            Side::Server if self.server.lost => {
                if self.queue.is_empty() || !piece.bytes.starts_with(b"HTTP/") {
                    return false;
                }
                return self.found_response(cx, ends, time);
            }
            // It answers a request that was lost.
            Side::Server if self.client.lost && self.queue.is_empty() => return false,
            _ => {}
        }
        true
    }

    /// After a loss a response begins: whether it is known what it answers. Those who do not pipeline have had the
    /// responses to all requests before the last one.
    fn found_response(&mut self, cx: &mut Context, ends: &mut Ends, time: Timestamp) -> bool {
        let asked = |exchange: &Exchange| exchange.record.request.timestamp_start <= time;
        let Some(last) = self.queue.iter().rposition(asked) else {
            return false;
        };
        let keep = if self.pipelines { last + 1 } else { last };
        let kept = self.queue.split_off(keep);
        self.fail_all(cx, ends, time);
        self.queue = kept;
        self.server.lost = self.pipelines;
        !self.pipelines
    }

    pub(super) fn end(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        side: Side,
        time: Timestamp,
    ) -> Next {
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            layer.end(cx, ends, side, time);
            return Next::Stay;
        }
        let half = self.half(side);
        half.ended = true;
        half.last = time;
        self.advance(cx, ends)
    }

    /// A body of known length, or one that ends with the connection, goes on after a gap; else all that is left is the
    /// next request.
    pub(super) fn gap(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        (side, gap): (Side, Gap),
        time: Timestamp,
    ) {
        if let Some(tunnel) = &mut self.tunnel {
            let (ends, layer) = &mut **tunnel;
            return layer.gap(cx, ends, (side, gap), time);
        }
        let websocket = self
            .queue
            .front_mut()
            .and_then(|front| front.websocket.as_mut());
        if let Some(websocket) = websocket {
            return websocket.gap(side, gap, time);
        }
        if self.half(side).skip(gap, time) {
            let exchange = match side {
                Side::Client => self.queue.back_mut(),
                Side::Server => self.queue.front_mut(),
            };
            if let Some(exchange) = exchange {
                exchange.lack(side, gap);
            }
            // The gap may have been the end. What follows it can only be more of the same.
            let _ = self.advance(cx, ends);
            return;
        }
        let whose = match side {
            Side::Client => "the client",
            Side::Server => "the server",
        };
        let amount = gap.amount();
        self.lose(
            cx,
            ends,
            side,
            Loss {
                message: format!("{amount} of what {whose} has sent are not in the capture"),
                hint: Some(gap.hint()),
            },
            time,
        );
    }

    /// What a side has sent cannot be followed any further, up to the next request or response.
    fn lose(&mut self, cx: &mut Context, ends: &mut Ends, side: Side, loss: Loss, time: Timestamp) {
        match side {
            Side::Client => {
                self.client.lose();
                // It may still be answered.
                if let Some(exchange) = self.queue.back_mut().filter(|last| !last.request_done) {
                    exchange.fail(loss.message.clone(), loss.hint, time);
                    exchange.request_done = true;
                }
            }
            Side::Server => {
                self.server.lose();
                let begun = |first: &mut Exchange| first.record.response.is_some();
                if let Some(mut exchange) = self.queue.pop_front_if(begun) {
                    exchange.fail(loss.message.clone(), loss.hint, time);
                    exchange.emit(cx, ends, time);
                }
            }
        }
        self.held = false;
        self.loss = Some(loss);
    }

    /// What has not been answered will not be.
    fn fail_all(&mut self, cx: &mut Context, ends: &mut Ends, time: Timestamp) {
        for mut exchange in self.queue.drain(..) {
            let (message, hint) = match &self.loss {
                Some(loss) => (loss.message.clone(), loss.hint),
                None => (
                    "the capture does not show which response is its".into(),
                    None,
                ),
            };
            exchange.fail(message, hint, time);
            exchange.emit(cx, ends, time);
        }
    }

    pub(super) fn finish(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        ending: &Ending,
        time: Timestamp,
    ) {
        if let Some(mut tunnel) = self.tunnel.take() {
            let (ends, layer) = &mut *tunnel;
            layer.finish(cx, ends, ending, time);
        }
        if self.server.lost {
            self.fail_all(cx, ends, time);
        }
        for mut exchange in self.queue.drain(..) {
            exchange.cut(ending, time);
            exchange.emit(cx, ends, time);
        }
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Takes everything that can be taken.
    fn advance(&mut self, cx: &mut Context, ends: &mut Ends) -> Next {
        loop {
            let client = self.client_step(cx, ends);
            let server = match client {
                Step::Nothing | Step::Done => self.server_step(cx, ends),
                _ => Step::Nothing,
            };
            match (client, server) {
                (Step::Nothing, Step::Nothing) => return Next::Stay,
                (Step::NotHttp(side, error), _) | (_, Step::NotHttp(side, error)) => {
                    return self.not_http(cx, ends, side, &error);
                }
                (Step::Become(layer), _) | (_, Step::Become(layer)) => {
                    let left = self.left_over();
                    return Next::Become(layer, left);
                }
                _ => self.give_out(cx, ends),
            }
        }
    }

    /// Exchanges that are complete, in their order.
    fn give_out(&mut self, cx: &mut Context, ends: &mut Ends) {
        let complete = |exchange: &mut Exchange| {
            exchange.request_done && exchange.response_done && exchange.websocket.is_none()
        };
        while let Some(exchange) = self.queue.pop_front_if(complete) {
            let time = exchange.record.response_end.unwrap_or_default();
            exchange.emit(cx, ends, time);
        }
    }

    fn client_step(&mut self, cx: &mut Context, ends: &mut Ends) -> Step {
        let websocket = self
            .queue
            .front_mut()
            .and_then(|front| front.websocket.as_mut());
        if let Some(websocket) = websocket {
            let time = self.client.last;
            let took = websocket.take(Side::Client, self.client.buffer(), time);
            return if took { Step::Done } else { Step::Nothing };
        }
        if let Some(exchange) = self.queue.back_mut()
            && !exchange.request_done
        {
            return match self.client.body(exchange, Side::Client) {
                Ok(true) => Step::Done,
                Ok(false) => Step::Nothing,
                Err(error) => {
                    let message = format!("the request's body is broken: {error}");
                    let loss = Loss {
                        message,
                        hint: None,
                    };
                    self.lose(cx, ends, Side::Client, loss, self.client.last);
                    Step::Nothing
                }
            };
        }
        if self.held || self.client.lost || self.queue.len() >= PIPELINE_MAX {
            return Step::Nothing;
        }
        let since = self.client.since;
        let head = match self.client.request() {
            Ok(Some(head)) => head,
            Ok(None) => return Step::Nothing,
            Err(error) => return Step::NotHttp(Side::Client, error),
        };
        let request = exchange::request(head, ends, since);
        let framing = framing::request_framing(&request.headers, request.version.is_http10());
        self.held = exchange::is_connect(&request) || request.headers.contains("upgrade");
        let mut exchange = Exchange::new(cx, request);
        match framing {
            Ok(framing) => self.client.begin(framing),
            Err(error) => {
                let message = format!("the end of the request cannot be found: {error}");
                exchange.fail(message, None, since);
                self.client.lose();
                exchange.request_done = true;
            }
        }
        self.queue.push_back(exchange);
        Step::Done
    }

    fn server_step(&mut self, cx: &mut Context, ends: &mut Ends) -> Step {
        let Some(exchange) = self.queue.front_mut() else {
            return Step::Nothing;
        };
        if let Some(websocket) = exchange.websocket.as_mut() {
            let time = self.server.last;
            let took = websocket.take(Side::Server, self.server.buffer(), time);
            return if took { Step::Done } else { Step::Nothing };
        }
        if exchange.record.response.is_some() {
            if exchange.response_done {
                return Step::Nothing;
            }
            return match self.server.body(exchange, Side::Server) {
                Ok(true) => Step::Done,
                Ok(false) => Step::Nothing,
                Err(error) => {
                    let message = format!("the response's body is broken: {error}");
                    let loss = Loss {
                        message,
                        hint: None,
                    };
                    self.lose(cx, ends, Side::Server, loss, self.server.last);
                    Step::Nothing
                }
            };
        }
        let since = self.server.since;
        match self.server.response() {
            Ok(Some(head)) => self.response(cx, ends, head, since),
            Ok(None) => Step::Nothing,
            Err(error) => Step::NotHttp(Side::Server, error),
        }
    }

    /// The head of a response to the first request.
    fn response(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        head: ResponseHead,
        since: Timestamp,
    ) -> Step {
        let Some(exchange) = self.queue.front_mut() else {
            return Step::Nothing;
        };
        let response = exchange::response(head, since);
        if matches!(response.status, 100..=199) && response.status != 101 {
            if exchange.record.informational.len() < INFORMATIONAL_MAX {
                exchange.record.informational.push(response);
            }
            return Step::Done;
        }
        let next = self
            .queue
            .get(1)
            .map(|next| next.record.request.timestamp_start);
        self.pipelines |= next.is_some_and(|next| next < since);
        let is_last = self.queue.len() == 1;
        let held = is_last && std::mem::take(&mut self.held);
        let Some(exchange) = self.queue.front_mut() else {
            return Step::Nothing;
        };
        let request = &exchange.record.request;
        let tunnel = exchange::is_connect(request) && matches!(response.status, 200..=299);
        if held && (tunnel || response.status == 101) {
            return self.switch(cx, ends, response, tunnel);
        }
        let framing =
            framing::response_framing(&request.method, response.status, &response.headers);
        let framing = framing.unwrap_or_else(|error| {
            let message = format!("the end of the response cannot be found: {error}");
            exchange.fail(message, None, since);
            Framing::UntilClose
        });
        self.server.begin(framing);
        exchange.record.response = Some(response);
        Step::Done
    }

    /// From here on something else is spoken.
    fn switch(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        response: Response,
        tunnel: bool,
    ) -> Step {
        let Some(mut exchange) = self.queue.pop_front() else {
            return Step::Nothing;
        };
        let request = &exchange.record.request;
        let websocket = handshake::is_websocket_request(&request.headers)
            .then(|| WebSocket::agreed(&cx.spool, &response.headers))
            .flatten();
        let to = (request.host.clone(), request.port);
        exchange.response_done = true;
        exchange.record.response_end = Some(self.server.last);
        exchange.record.response = Some(response);
        if websocket.is_some() && !tunnel {
            exchange.websocket = websocket;
            exchange.request_done = true;
            self.queue.push_front(exchange);
            return Step::Done;
        }
        let request = &exchange.record.request;
        if !tunnel && request.headers.has_token("upgrade", "h2c") {
            if let Some(response) = exchange.record.response.take() {
                exchange.record.informational.push(response);
            }
            (exchange.response_done, exchange.record.response_end) = (false, None);
            return Step::Become(Layer::Http2(Box::new(Http2::upgraded(cx, exchange))));
        }
        exchange.emit(cx, ends, self.server.last);
        if !tunnel {
            return Step::Become(Layer::start(cx, false));
        }
        let (host, port) = to;
        let mut inner = Box::new((ends.tunnel(&host, port), Layer::start(cx, false)));
        for piece in self.left_over() {
            let (ends, layer) = &mut *inner;
            layer.data(cx, ends, piece);
        }
        self.tunnel = Some(inner);
        Step::Nothing
    }

    /// What is there is no HTTP/1. What was is given out, and the rest is passed on as it is.
    fn not_http(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        side: Side,
        error: &HeadError,
    ) -> Next {
        let left = self.left_over();
        let time = self.half(side).last;
        let message = match side {
            Side::Client => format!("what follows the request cannot be understood: {error}"),
            Side::Server => format!("the response cannot be understood: {error}"),
        };
        self.loss = Some(Loss {
            message,
            hint: None,
        });
        self.fail_all(cx, ends, time);
        let raw = super::raw::Raw::new(cx, true);
        Next::Become(Layer::Raw(Box::new(raw)), left)
    }

    /// What has been received and not taken.
    fn left_over(&mut self) -> Vec<Piece> {
        let halves = [
            (Side::Client, &mut self.client),
            (Side::Server, &mut self.server),
        ];
        let pieces = halves.into_iter().map(|(side, half)| {
            let bytes: Bytes = half.buffer().split().freeze();
            half.lose();
            half.lost = false;
            left_over(side, bytes, half.last)
        });
        pieces.filter(|piece| !piece.bytes.is_empty()).collect()
    }
}
