//! A recorded response in place of a server: what stands where the connection to one would.
//!
//! So it goes the way of any response: hooks see its body or its messages, it is recorded, and it leaves at the pace of
//! whoever reads it.

mod socket;

use std::io;
use std::time::Duration;

use ratel_core::clock;
use ratel_core::replay::{Pace, Playback};
use ratel_flow::record::{BODY_WINDOW, Body};
use ratel_flow::{HttpFlow, Request, Response, Timestamp, Version};
use ratel_proto::http1::framing::response_framing;
use ratel_proto::websocket::handshake;
use ratel_proto::{Frame, Framing, Headers};
use tokio::time::Instant;

use self::socket::{Heard, Socket};
use super::{
    After, Answer, Exchange, RequestBody, RequestSink, ResponseSink, ResponseSource, Route, Upload,
};
use crate::body::{FrameSink, FrameSource, PeerEnd, Watch, announced};
use crate::error::ProxyError;
use crate::http::convert;

impl Exchange<'_> {
    /// Answers with the head that the flow has, and what was recorded after it.
    pub(super) async fn play<B: RequestBody>(
        &mut self,
        played: Playback,
        route: &Route,
        mut upload: Upload<'_, B>,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        let Some(mut response) = self.flow.response.take() else {
            return Err(ProxyError::NoResponse);
        };
        self.recorder.ready().await;
        if played.websocket.is_some() {
            greet(&self.flow, &mut response);
        }
        let (mut tx, mut rx) = ends(response, played);
        self.forward(&mut tx, &mut rx, route, &mut upload, sink)
            .await
    }
}

/// The head of a recorded handshake as an answer to this one (RFC 6455 §4.2.2). Nothing is compressed: what the two agreed
/// on may be something else.
fn greet(flow: &HttpFlow, response: &mut Response) {
    response.headers.remove("sec-websocket-extensions");
    let key = flow.request.headers.get("sec-websocket-key");
    match key.filter(|_| response.status == 101) {
        Some(key) => {
            let accept = handshake::accept_key(key);
            response
                .headers
                .set("sec-websocket-accept", accept.as_bytes());
        }
        None => drop(response.headers.remove("sec-websocket-accept")),
    }
}

/// Both halves of what stands for the server.
fn ends(response: Response, played: Playback) -> (Ear, Player) {
    let Playback {
        body,
        trailers,
        websocket,
        pace,
    } = played;
    let heard = Heard::default();
    let socket = websocket.map(|recorded| Socket::new(recorded, heard.clone(), pace.is_some()));
    let len = body.len().unwrap_or_default();
    let player = Player {
        response: Some(response),
        body,
        trailers,
        at: 0,
        len,
        done: false,
        pace: pace.unwrap_or_default(),
        begun: Instant::now(),
        socket,
        raw: false,
    };
    (Ear { heard }, player)
}

/// Takes in what the client sends.
struct Ear {
    heard: Heard,
}

impl RequestSink for Ear {
    fn head(
        &mut self,
        _request: &Request,
        _forward: Option<&[u8]>,
        _framing: Framing,
        _done: bool,
    ) -> Result<(), ProxyError> {
        Ok(())
    }

    fn become_raw(&mut self) {
        self.heard.begin();
    }
}

impl FrameSink for Ear {
    fn frame(&mut self, frame: Frame) -> Result<(), ProxyError> {
        for piece in &frame.data {
            self.heard.take(piece);
        }
        if frame.end {
            self.heard.end();
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        Ok(())
    }

    async fn shutdown(&mut self) -> Result<(), ProxyError> {
        self.heard.end();
        Ok(())
    }
}

/// Says what was recorded.
struct Player {
    /// The head, until it is taken.
    response: Option<Response>,
    body: Body,
    trailers: Option<Headers>,
    at: u64,
    len: u64,
    done: bool,
    pace: Pace,
    /// When the request was complete; once the head is out, when that was.
    begun: Instant,
    socket: Option<Socket>,
    /// What is said is a WebSocket's.
    raw: bool,
}

impl Player {
    fn passed(&mut self, data: bytes::Bytes) -> Frame {
        self.at += data.len() as u64;
        self.done = self.at >= self.len;
        let mut frame = Frame {
            end: self.done,
            ..Frame::default()
        };
        if !data.is_empty() {
            frame.data.push(data);
        }
        if self.done {
            frame.trailers = self.trailers.take();
        }
        frame
    }

    /// Where the next piece ends, and when it is due.
    fn due(&self) -> (u64, Duration) {
        let (end, due) = self.pace.next(self.at, self.len);
        (end.min(self.at + BODY_WINDOW).max(self.at), due)
    }
}

impl ResponseSource for Player {
    async fn head(&mut self) -> Result<Answer, ProxyError> {
        if !self.pace.head.is_zero() {
            tokio::time::sleep_until(self.begun + self.pace.head).await;
        }
        self.begun = Instant::now();
        let response = self.response.take().ok_or(ProxyError::NoResponse)?;
        Ok(Answer {
            response,
            informational: false,
        })
    }

    fn validate(&self, _response: &Response) -> Result<(), ProxyError> {
        // It was looked at when it was recorded, and is what the user wants.
        Ok(())
    }

    fn upgrades(&self, request: &Request, response: &Response) -> bool {
        let switched = response.status == 101
            || (response.version == Version::Http2 && (200..300).contains(&response.status));
        self.socket.is_some() && switched && convert::is_websocket(request)
    }

    fn framing(&self, method: &[u8], response: &Response) -> Result<Framing, ProxyError> {
        if method == b"HEAD" || matches!(response.status, 204 | 304) {
            return Ok(Framing::None);
        }
        if response.version == Version::Http2 {
            return Ok(match announced(&response.headers) {
                Some(len) if len == self.len && self.trailers.is_none() => Framing::Length(len),
                _ if self.len == 0 && self.trailers.is_none() => Framing::Length(0),
                _ => Framing::Chunked,
            });
        }
        let framing = response_framing(method, response.status, &response.headers)
            .map_err(ProxyError::ResponseFraming)?;
        Ok(match framing {
            // What was recorded is shorter or longer: it was edited, or broke off.
            Framing::Length(len) if len != self.len => Framing::UntilClose,
            framing => framing,
        })
    }

    fn begin_body(&mut self, framing: Framing) {
        self.done = framing == Framing::None;
    }

    fn is_reusable(&self) -> bool {
        true
    }

    fn become_raw(&mut self) {
        (self.raw, self.done) = (true, false);
        self.begun = Instant::now();
    }
}

impl FrameSource for Player {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        if self.raw || self.done {
            return Ok(None);
        }
        let (end, due) = self.due();
        let now = self.begun + due <= Instant::now();
        match &self.body {
            Body::Bytes(bytes) if now => {
                let piece = bytes.slice(self.at as usize..end as usize);
                Ok(Some(self.passed(piece)))
            }
            Body::Missing if now => Ok(Some(self.passed(bytes::Bytes::new()))),
            _ => Ok(None),
        }
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        if let Some(socket) = self.socket.as_mut().filter(|_| self.raw) {
            let frame = socket.next().await?;
            self.done = frame.end;
            return Ok(frame);
        }
        let (end, due) = self.due();
        tokio::time::sleep_until(self.begun + due).await;
        if let Some(frame) = self.ready()? {
            return Ok(frame);
        }
        if self.done {
            return Ok(Frame::end());
        }
        // Reading must not hold up whatever else this thread does.
        let (body, at) = (self.body.clone(), self.at);
        let read = tokio::task::spawn_blocking(move || body.read(at..end)).await;
        let read = read.map_err(io::Error::other).flatten();
        match read {
            Ok(data) if data.is_empty() && self.len > 0 => {
                Err(ProxyError::Recording(io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(data) => Ok(self.passed(data)),
            Err(error) => Err(ProxyError::Recording(error)),
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn received(&self) -> Timestamp {
        clock::now()
    }
}

impl Watch for Player {
    async fn watch(&mut self) -> PeerEnd {
        // Nobody is there who could leave.
        std::future::pending().await
    }
}
