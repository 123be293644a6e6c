//! HTTP/2 towards a server: one stream for each exchange, many exchanges over one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use ratel_flow::{Request, Response, ServerConn, Side, Timestamp, Version};
use ratel_proto::h2::{Config, Head, Reason, Role, Violation, validate};
use ratel_proto::http1::framing;
use ratel_proto::{Frame, Framing};

use super::driver::Driver;
use super::mux::{Mux, Received, Stream};
use crate::body::{FrameSink, FrameSource, PeerEnd, Watch};
use crate::config::Config as Options;
use crate::error::ProxyError;
use crate::exchange::{Answer, RequestSink, ResponseSource};
use crate::http::convert;
use crate::io::{Activity, BoxIo};
use crate::upstream::pool::Open;

/// A connection to a server that speaks HTTP/2. Exchanges share it.
pub(crate) struct H2Conn {
    mux: Arc<Mux>,
    conn: Arc<ServerConn>,
    /// Trailers that break a rule are refused.
    validates: bool,
    /// An exchange went over it.
    used: AtomicBool,
    _open: Open,
}

impl H2Conn {
    /// Takes up the connection: a task of its own drives it until it is over, or this handle and every stream are
    /// gone.
    pub(crate) fn start(
        io: BoxIo,
        activity: Arc<Activity>,
        conn: Arc<ServerConn>,
        open: Open,
        options: &Options,
    ) -> Arc<Self> {
        let mut config = Config::new(Role::Client);
        config.header_list_limit = options.head_limit;
        let mux = Mux::new(config, Side::Server);
        let driver = Driver::new(mux.clone(), io, BytesMut::new(), activity);
        tokio::spawn(driver.run(options.ping_keepalive));
        Arc::new(Self {
            mux,
            conn,
            validates: options.validate_inbound_headers,
            used: AtomicBool::new(false),
            _open: open,
        })
    }

    /// The connection as it stands.
    pub(crate) fn conn(&self) -> &Arc<ServerConn> {
        &self.conn
    }

    /// What the exchanges share.
    pub(crate) fn mux(&self) -> &Arc<Mux> {
        &self.mux
    }

    /// Opens a stream for an exchange, waiting while the server allows no more at once.
    pub(crate) async fn exchange(self: &Arc<Self>) -> Result<H2Upstream, ProxyError> {
        let stream = Arc::new(self.mux.open().await?);
        let reused = self.used.swap(true, Ordering::Relaxed);
        Ok(H2Upstream {
            tx: Tx {
                stream: stream.clone(),
            },
            rx: Rx {
                stream,
                conn: self.clone(),
                end: false,
                answered: false,
                violation: None,
            },
            reused,
        })
    }
}

impl Drop for H2Conn {
    fn drop(&mut self) {
        self.mux.close();
    }
}

/// One stream to a server.
pub(crate) struct H2Upstream {
    pub(crate) tx: Tx,
    pub(crate) rx: Rx,
    reused: bool,
}

impl H2Upstream {
    /// The connection as it stands.
    pub(crate) fn conn(&self) -> &Arc<ServerConn> {
        self.rx.conn.conn()
    }

    /// Whether an earlier request went over this connection.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether any of the response has come.
    pub(crate) fn has_answered(&self) -> bool {
        self.rx.answered
    }

    /// Gives the stream up, for a reason the server is told.
    pub(crate) fn reset(&self, reason: Reason) {
        self.tx.stream.reset(reason);
    }
}

/// The sending half of a stream.
pub(crate) struct Tx {
    stream: Arc<Stream>,
}

impl RequestSink for Tx {
    fn head(
        &mut self,
        request: &Request,
        forward: Option<&[u8]>,
        framing: Framing,
        done: bool,
    ) -> Result<(), ProxyError> {
        let end = done || framing == Framing::None;
        let upgrades = convert::is_websocket(request);
        if upgrades && !self.stream.mux().peer_allows_extended_connect() {
            return Err(ProxyError::NoWebSocketOverH2);
        }
        if request.version == Version::Http2 {
            return self
                .stream
                .send_head(&request.pseudo, &request.headers, end);
        }
        let target = forward.unwrap_or(&request.path);
        let (pseudo, headers) = convert::request_to_h2(request, target);
        self.stream.send_head(&pseudo, &headers, end && !upgrades)
    }

    fn become_raw(&mut self) {}
}

impl FrameSink for Tx {
    fn frame(&mut self, mut frame: Frame) -> Result<(), ProxyError> {
        if frame.wire.is_some() {
            frame.trailers = frame.trailers.as_ref().map(convert::trailers_to_h2);
        }
        self.stream.send_frame(frame)
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        self.stream.flushed().await
    }

    async fn shutdown(&mut self) -> Result<(), ProxyError> {
        self.stream.finish();
        self.stream.flushed().await
    }
}

/// The receiving half of a stream.
pub(crate) struct Rx {
    stream: Arc<Stream>,
    conn: Arc<H2Conn>,
    end: bool,
    answered: bool,
    /// What is wrong with the newest head.
    violation: Option<Violation>,
}

impl Rx {
    fn takes(&mut self, frame: Frame) -> Result<Frame, ProxyError> {
        self.end |= frame.end;
        if let Some(trailers) = frame.trailers.as_ref().filter(|_| self.conn.validates) {
            validate::trailers(trailers).map_err(ProxyError::Http2ResponseInvalid)?;
        }
        Ok(frame)
    }
}

impl ResponseSource for Rx {
    async fn head(&mut self) -> Result<Answer, ProxyError> {
        loop {
            let Received::Head(head, end) = self.stream.receive().await? else {
                // Data before a head has been refused by the state machine already.
                continue;
            };
            self.answered = true;
            self.end = end;
            self.violation = validate::response(&head).err();
            let response = response(head, self.stream.last_read());
            let informational = (100..200).contains(&response.status) && !end;
            return Ok(Answer {
                response,
                informational,
            });
        }
    }

    fn validate(&self, _response: &Response) -> Result<(), ProxyError> {
        match &self.violation {
            Some(violation) => Err(ProxyError::Http2ResponseInvalid(violation.clone())),
            None => Ok(()),
        }
    }

    fn framing(&self, method: &[u8], response: &Response) -> Result<Framing, ProxyError> {
        if method == b"HEAD" || matches!(response.status, 204 | 304) {
            return Ok(Framing::None);
        }
        if self.end {
            return Ok(Framing::Length(0));
        }
        Ok(
            match framing::content_length(&response.headers).ok().flatten() {
                Some(len) => Framing::Length(len),
                None => Framing::Chunked,
            },
        )
    }

    fn upgrades(&self, request: &Request, response: &Response) -> bool {
        convert::is_websocket(request) && (200..300).contains(&response.status)
    }

    fn begin_body(&mut self, _framing: Framing) {}

    fn is_reusable(&self) -> bool {
        true
    }

    fn become_raw(&mut self) {}
}

fn response(head: Head, timestamp_start: Timestamp) -> Response {
    let status = head.pseudo.get(":status").unwrap_or_default();
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|s| s.parse().ok());
    Response {
        version: Version::Http2,
        status: status.unwrap_or(0),
        reason: Bytes::new(),
        line: None,
        headers: head.headers,
        pseudo: head.pseudo,
        timestamp_start,
    }
}

impl FrameSource for Rx {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        loop {
            match self.stream.take()? {
                Some(Received::Frame(frame)) => return self.takes(frame).map(Some),
                Some(Received::Head(..)) => {}
                None => return Ok(None),
            }
        }
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        loop {
            if let Received::Frame(frame) = self.stream.receive().await? {
                return self.takes(frame);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.end
    }

    fn received(&self) -> Timestamp {
        self.stream.last_read()
    }
}

impl Watch for Rx {
    async fn watch(&mut self) -> PeerEnd {
        PeerEnd::Gone(self.stream.given_up().await)
    }
}
