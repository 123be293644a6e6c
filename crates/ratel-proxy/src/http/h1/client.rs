//! HTTP/1 towards a server: requests out, responses in.

use std::sync::Arc;

use ratel_flow::{Request, Response, ServerConn, Timestamp, Version};
use ratel_proto::http1::{
    BodyDecoder, BodyEncoder, HeadError, HeadLimits, HeadReader, encode, framing, validate,
};
use ratel_proto::websocket::handshake;
use ratel_proto::{Frame, Framing, Headers};

use crate::body::{AHEAD_MAX, FrameSink, FrameSource, PeerEnd, Watch};
use crate::error::ProxyError;
use crate::exchange::{Answer, RequestSink, ResponseSource, keeps_alive};
use crate::http::convert::{self, H1Request};
use crate::io::{Reader, Writer};
use crate::upstream::pool::{Open, RawUpstream};

/// A connection to a server that speaks HTTP/1.
pub(crate) struct H1Upstream {
    pub(crate) tx: Tx,
    pub(crate) rx: Rx,
    conn: Arc<ServerConn>,
    reused: bool,
    /// It is for one exchange only.
    once: bool,
    open: Open,
}

impl H1Upstream {
    /// `head_limit` is how large response heads may be, in bytes.
    pub(crate) fn new(
        reader: Reader,
        writer: Writer,
        conn: Arc<ServerConn>,
        open: Open,
        head_limit: usize,
    ) -> Self {
        let limits = HeadLimits {
            bytes: head_limit,
            ..HeadLimits::default()
        };
        Self {
            tx: Tx {
                writer,
                encoder: BodyEncoder::new(Framing::None, true),
                request_keeps: true,
                websocket_key: None,
            },
            rx: Rx {
                reader,
                heads: HeadReader::new(limits),
                decoder: BodyDecoder::new(Framing::None),
                response_keeps: true,
                answered: false,
                accept: None,
            },
            conn,
            reused: false,
            once: false,
            open,
        }
    }

    /// The connection as it stands.
    pub(crate) fn conn(&self) -> &Arc<ServerConn> {
        &self.conn
    }

    /// Whether an earlier request went over this connection.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether any of the response to the current request has come.
    pub(crate) fn has_answered(&self) -> bool {
        self.rx.answered || !self.rx.reader.buf.is_empty()
    }

    /// No other request will go over this connection.
    pub(crate) fn use_once(&mut self) {
        self.once = true;
    }

    /// Settles by what the server proves that it agreed to a WebSocket, where the client has no part in that.
    pub(crate) fn begin(&mut self, request: &Request) {
        let key = convert::websocket_key(request);
        self.rx.accept = key
            .as_ref()
            .map(|key| handshake::accept_key(key.as_bytes()));
        self.tx.websocket_key = key;
    }

    /// Whether another request may go over this connection.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.once && self.rx.is_reusable() && self.tx.request_keeps
    }

    /// Prepares the connection for being kept until the next request.
    pub(crate) fn rest(&mut self) {
        self.reused = true;
        self.rx.answered = false;
        self.rx.reader.rest();
    }

    /// Reads what the server says without being asked; 0 once it has closed its side.
    ///
    /// # Cancel safety
    /// Cancel safe: what was read is kept.
    pub(crate) async fn fill(&mut self) -> std::io::Result<usize> {
        self.rx.reader.fill().await
    }

    /// The connection as a stream of bytes.
    pub(crate) fn into_raw(self) -> RawUpstream {
        RawUpstream {
            reader: self.rx.reader,
            writer: self.tx.writer,
            conn: self.conn,
            open: self.open,
        }
    }

    /// Whether the server is still there and silent, as it must be between exchanges.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.rx.reader.is_quiet()
    }
}

/// The sending half.
pub(crate) struct Tx {
    writer: Writer,
    encoder: BodyEncoder,
    request_keeps: bool,
    /// The key of the request, where it is of our making.
    websocket_key: Option<String>,
}

impl RequestSink for Tx {
    fn head(
        &mut self,
        request: &Request,
        forward: Option<&[u8]>,
        framing: Framing,
        _done: bool,
    ) -> Result<(), ProxyError> {
        if request.version == Version::Http2 {
            let target = forward.unwrap_or(&request.target);
            let key = self.websocket_key.as_deref();
            let H1Request { method, headers } =
                convert::request_to_h1(request, target, framing, key)?;
            let (tail, version) = (self.writer.tail(), b"HTTP/1.1");
            encode::request_head(tail, None, &method, target, version, &headers);
            self.encoder = BodyEncoder::new(framing, false);
            self.request_keeps = true;
            return Ok(());
        }
        let line = request.line.as_deref().filter(|_| forward.is_none());
        let target = forward.unwrap_or(&request.target);
        encode::request_head(
            self.writer.tail(),
            line,
            &request.method,
            target,
            request.version.as_bytes(),
            &request.headers,
        );
        self.encoder = BodyEncoder::new(framing, true);
        self.request_keeps = keeps_alive(request);
        Ok(())
    }

    fn become_raw(&mut self) {
        self.encoder = BodyEncoder::new(Framing::UntilClose, true);
    }
}

impl FrameSink for Tx {
    fn frame(&mut self, frame: Frame) -> Result<(), ProxyError> {
        convert::trailers_fit_h1(&frame)?;
        let writer = &mut self.writer;
        self.encoder
            .encode(frame, &mut |piece| writer.push(piece))
            .map_err(ProxyError::Encode)
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        self.writer
            .flush()
            .await
            .map_err(|source| ProxyError::ServerIo {
                during: "while it was sent the request",
                source,
            })
    }

    async fn shutdown(&mut self) -> Result<(), ProxyError> {
        // Nothing can be asked on it any more.
        self.request_keeps = false;
        let done = self.writer.shutdown().await;
        done.map_err(|source| ProxyError::ServerIo {
            during: "while it was told that the client is done",
            source,
        })
    }
}

/// Length of the head of a frame in HTTP/2.
const FRAME_HEAD: usize = 9;

/// The receiving half.
pub(crate) struct Rx {
    reader: Reader,
    heads: HeadReader,
    decoder: BodyDecoder,
    response_keeps: bool,
    /// A head has come since the connection was last at rest.
    answered: bool,
    /// What a server must answer that agrees to the WebSocket.
    accept: Option<String>,
}

impl Rx {
    /// Whether what came is the SETTINGS or the GOAWAY with which a server of HTTP/2 begins (RFC 9113 §3.4).
    async fn is_http2(&mut self) -> bool {
        // No frame that begins so is larger than what is allowed unasked.
        while self.reader.buf.len() < FRAME_HEAD && self.reader.buf.first().is_none_or(|b| *b == 0)
        {
            if !matches!(self.reader.fill().await, Ok(1..)) {
                return false;
            }
        }
        matches!(
            self.reader.buf.get(..FRAME_HEAD),
            Some([0, _, _, 4 | 7, 0, 0, 0, 0, 0])
        )
    }

    /// Whether an answer to our own key agrees or refuses; a client of HTTP/2 would take any other one for agreement.
    fn check_websocket(&self, response: &Response) -> Result<(), ProxyError> {
        let Some(accept) = &self.accept else {
            return Ok(());
        };
        match response.status {
            101 => {
                let proof = response.headers.get("sec-websocket-accept");
                if proof == Some(accept.as_bytes()) {
                    Ok(())
                } else {
                    Err(ProxyError::WebSocketProof)
                }
            }
            status @ 200..300 => Err(ProxyError::NotWebSocket { status }),
            _ => Ok(()),
        }
    }
}

impl ResponseSource for Rx {
    async fn head(&mut self) -> Result<Answer, ProxyError> {
        loop {
            let head = match self.heads.response(&mut self.reader.buf) {
                Ok(head) => head,
                Err(HeadError::StatusLine) if self.is_http2().await => {
                    return Err(ProxyError::AnswersHttp2);
                }
                Err(error) => return Err(ProxyError::ResponseHead(error)),
            };
            if let Some(head) = head {
                tracing::trace!(
                    "HTTP/1 from the server: head with {} and {} fields",
                    head.status,
                    head.headers.len()
                );
                self.answered = true;
                let keep_alive = head.headers.has_token("connection", "keep-alive");
                let response = Response {
                    version: Version::from_wire(head.version),
                    status: head.status,
                    reason: head.reason,
                    line: Some(head.line),
                    headers: head.headers,
                    pseudo: Headers::new(),
                    timestamp_start: self.reader.last_read(),
                };
                self.response_keeps = if response.version == Version::Http11 {
                    !response.headers.has_token("connection", "close")
                } else {
                    keep_alive
                };
                self.check_websocket(&response)?;
                let informational = (100..200).contains(&response.status) && response.status != 101;
                return Ok(Answer {
                    response,
                    informational,
                });
            }
            let got = self.reader.buf.len();
            let read = self
                .reader
                .fill()
                .await
                .map_err(|source| match source.kind() {
                    std::io::ErrorKind::ConnectionReset if got == 0 => ProxyError::NoResponse,
                    _ => ProxyError::ServerIo {
                        during: "before its response was complete",
                        source,
                    },
                })?;
            if read == 0 {
                return Err(if got == 0 {
                    ProxyError::NoResponse
                } else {
                    ProxyError::ResponseCut { got }
                });
            }
        }
    }

    fn validate(&self, response: &Response) -> Result<(), ProxyError> {
        let version = response.version.as_bytes();
        validate::response(response.status, version, &response.headers)
            .map_err(ProxyError::ResponseInvalid)
    }

    fn upgrades(&self, request: &Request, response: &Response) -> bool {
        // The server is a proxy, and the tunnel is its own (RFC 9110 §9.3.6).
        let tunnel = &request.method[..] == b"CONNECT" && (200..300).contains(&response.status);
        response.status == 101 || tunnel
    }

    fn framing(&self, method: &[u8], response: &Response) -> Result<Framing, ProxyError> {
        framing::response_framing(method, response.status, &response.headers)
            .map_err(ProxyError::ResponseFraming)
    }

    fn begin_body(&mut self, framing: Framing) {
        self.decoder = BodyDecoder::new(framing);
        self.response_keeps &= framing != Framing::UntilClose;
    }

    fn is_reusable(&self) -> bool {
        self.response_keeps && self.decoder.is_done()
    }

    fn become_raw(&mut self) {
        self.decoder = BodyDecoder::new(Framing::UntilClose);
        self.response_keeps = false;
    }
}

impl FrameSource for Rx {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        let eof = self.reader.is_eof();
        self.decoder
            .decode(&mut self.reader.buf, eof)
            .map_err(ProxyError::ResponseBody)
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        loop {
            let filled = self.reader.fill().await;
            filled.map_err(|source| ProxyError::ServerIo {
                during: "in the middle of its response",
                source,
            })?;
            if let Some(frame) = self.ready()? {
                return Ok(frame);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    fn received(&self) -> Timestamp {
        self.reader.last_read()
    }
}

impl Watch for Rx {
    async fn watch(&mut self) -> PeerEnd {
        loop {
            if self.reader.buf.len() >= AHEAD_MAX {
                std::future::pending::<()>().await;
            }
            match self.reader.fill().await {
                Ok(0) => return PeerEnd::HalfClosed,
                Ok(_) => {}
                Err(source) => {
                    return PeerEnd::Gone(ProxyError::ServerIo {
                        during: "in the middle of its response",
                        source,
                    });
                }
            }
        }
    }
}
