//! HTTP/1 towards a client: requests in, responses out, one after the other on a kept connection.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_flow::http::reason_phrase;
use ratel_flow::{FlowKind, Request, Response, Timestamp, Version};
use ratel_proto::http1::{BodyDecoder, BodyEncoder, HeadLimits, HeadReader, encode};
use ratel_proto::{Frame, Framing, Headers};

use crate::body::{AHEAD_MAX, FrameSink, FrameSource, PeerEnd, Watch};
use crate::conn::ConnCtx;
use crate::error::{Page, ProxyError};
use crate::exchange::{self, After, Incoming, RequestBody, ResponseSink};
use crate::http::convert;
use crate::io::{self as stream, BoxIo, Reader, Writer};
use crate::modes::{Destination, Routed};
use crate::recorder::Recorder;
use crate::tls::Runtime;
use crate::upstream::pool::Upstreams;

/// What became of a connection.
pub(crate) enum Outcome {
    /// It is over.
    Closed,
    /// The client asked for a tunnel and was told that it stands; what it says next is not known yet.
    Tunnel {
        io: BoxIo,
        ahead: BytesMut,
        host: Arc<str>,
        port: u16,
        /// What the client is written in, as far as it says so.
        runtime: Option<Runtime>,
    },
}

/// Serves requests on one connection until it is over or becomes a tunnel.
pub(crate) async fn serve(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    destination: &Destination,
    io: BoxIo,
    ahead: BytesMut,
) -> Outcome {
    let (reader, writer) = stream::split(io, ahead, ctx.activity.clone());
    let limits = HeadLimits {
        bytes: ctx.config.head_limit,
        ..HeadLimits::default()
    };
    let mut client = Client {
        ctx,
        reader,
        writer,
        heads: HeadReader::new(limits),
        aborted: false,
    };
    loop {
        let head = match client.head().await {
            Ok(Some(head)) => head,
            Ok(None) => return Outcome::Closed,
            Err(error) => {
                client.refuse_unread(&error).await;
                return Outcome::Closed;
            }
        };
        match destination.route(head, &ctx.client, client.reader.last_read()) {
            Ok(Routed::Request(mut incoming)) => {
                if convert::decline_h2c(&mut incoming.request) {
                    tracing::info!(client = %ctx.client.peername, "the client's wish to go on in HTTP/2 (Upgrade: h2c) was not passed on");
                }
                if client.exchange(upstreams, *incoming).await == After::Close {
                    if client.aborted {
                        // A body that ends with the connection would look complete (RFC 9112 §8).
                        let (mut io, _) = stream::unsplit(client.reader, client.writer);
                        io.reset();
                        return Outcome::Closed;
                    }
                    client.close().await;
                    return Outcome::Closed;
                }
            }
            Ok(Routed::Connect {
                request,
                host,
                port,
            }) => {
                let Some(request) = client.connect(*request).await else {
                    return Outcome::Closed;
                };
                let agent = request.headers.get("user-agent");
                let runtime = agent.and_then(Runtime::of_agent);
                if ctx.config.eager
                    && !ctx.shared.addons.serves(&host)
                    && let Err(error) = upstreams.dial(&host, port).await
                {
                    client.refuse(request, &error).await;
                    return Outcome::Closed;
                }
                client
                    .writer
                    .put(b"HTTP/1.1 200 Connection established\r\n\r\n");
                if client.writer.flush().await.is_err() {
                    return Outcome::Closed;
                }
                let (io, ahead) = stream::unsplit(client.reader, client.writer);
                return Outcome::Tunnel {
                    io,
                    ahead,
                    host,
                    port,
                    runtime,
                };
            }
            Err(refused) => {
                client.refuse(refused.request, &refused.error).await;
                return Outcome::Closed;
            }
        }
        client.reader.rest();
    }
}

struct Client<'a> {
    ctx: &'a ConnCtx,
    reader: Reader,
    writer: Writer,
    heads: HeadReader,
    /// The last response was cut short.
    aborted: bool,
}

impl Client<'_> {
    /// The next request head; none when the client is done, or Ratel is stopping and nothing has come yet.
    async fn head(&mut self) -> Result<Option<ratel_proto::http1::RequestHead>, ProxyError> {
        loop {
            if let Some(head) = self
                .heads
                .request(&mut self.reader.buf)
                .map_err(ProxyError::RequestHead)?
            {
                tracing::trace!(
                    "HTTP/1 from the client: head with {} fields",
                    head.headers.len()
                );
                return Ok(Some(head));
            }
            let got = self.reader.buf.len();
            let filled = tokio::select! {
                biased;
                filled = self.reader.fill() => filled,
                () = self.ctx.stop.cancelled(), if got == 0 => return Ok(None),
            };
            match filled {
                Ok(0) if got == 0 || self.reader.buf.iter().all(u8::is_ascii_whitespace) => {
                    return Ok(None);
                }
                Ok(0) => return Err(ProxyError::RequestCut { got }),
                Ok(_) => {}
                // Between requests a reset is how some clients say goodbye.
                Err(_) if got == 0 => return Ok(None),
                Err(source) => {
                    return Err(ProxyError::ClientIo {
                        during: "in the middle of a request head",
                        source,
                    });
                }
            }
        }
    }

    async fn exchange(&mut self, upstreams: &Upstreams, incoming: Incoming) -> After {
        let mut body = Body {
            reader: &mut self.reader,
            decoder: BodyDecoder::new(incoming.framing),
        };
        let request = &incoming.request;
        let client = ClientSide {
            is_http10: request.version.is_http10(),
            is_head: &request.method[..] == b"HEAD",
            websocket_key: request
                .headers
                .get("sec-websocket-key")
                .map(Bytes::copy_from_slice)
                .unwrap_or_default(),
        };
        let mut sink = Sink::new(&mut self.writer, client);
        let after = exchange::run(self.ctx, upstreams, incoming, &mut body, &mut sink).await;
        self.aborted = sink.aborted;
        if !body.is_done() || self.ctx.stop.is_cancelled() {
            After::Close
        } else {
            after
        }
    }

    /// Whether a tunnel may be opened; if not, the client has been told.
    async fn connect(&mut self, request: Request) -> Option<Request> {
        let mut sink = Sink::new(&mut self.writer, ClientSide::default());
        let allowed = exchange::connect(self.ctx, request, &mut sink).await.ok();
        if allowed.is_none() {
            self.close().await;
        }
        allowed
    }

    /// Records and answers a request that cannot be passed on.
    async fn refuse(&mut self, request: Request, error: &ProxyError) {
        let client = ClientSide {
            is_head: &request.method[..] == b"HEAD",
            ..ClientSide::default()
        };
        let mut sink = Sink::new(&mut self.writer, client);
        exchange::refuse(self.ctx, request, error, &mut sink).await;
        self.close().await;
    }

    /// Records and answers bytes that are no request.
    async fn refuse_unread(&mut self, error: &ProxyError) {
        let writer =
            self.ctx
                .shared
                .store
                .open(FlowKind::Connection, &self.ctx.client, clock::now());
        let recorder = Recorder::new(writer, self.ctx.abort.clone());
        recorder.data(
            ratel_flow::Side::Client,
            &[Bytes::copy_from_slice(&self.reader.buf)],
            clock::now(),
        );
        recorder.error(error.to_flow_error(clock::now()));
        recorder.finish(clock::now());
        if let Some(status) = error.status() {
            self.writer.put(&error.page(status).to_h1(false));
            let _ = self.writer.flush().await;
        }
        self.close().await;
    }

    /// Says goodbye, and takes in what the client is still sending for a moment, so that the last response is not
    /// lost to a reset (RFC 9112 §9.6).
    async fn close(&mut self) {
        if self.writer.shutdown().await.is_err() {
            return;
        }
        let drain = async {
            while !self.reader.is_eof() && matches!(self.reader.fill().await, Ok(1..)) {
                self.reader.buf.clear();
            }
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}

/// How long a connection is read from after its last response was sent.
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);

/// The request body as it lies in the connection.
struct Body<'a> {
    reader: &'a mut Reader,
    decoder: BodyDecoder,
}

impl FrameSource for Body<'_> {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        let eof = self.reader.is_eof();
        self.decoder
            .decode(&mut self.reader.buf, eof)
            .map_err(ProxyError::RequestBody)
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        loop {
            let filled = self.reader.fill().await;
            filled.map_err(|source| ProxyError::ClientIo {
                during: "in the middle of its request",
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

impl Watch for Body<'_> {
    async fn watch(&mut self) -> PeerEnd {
        loop {
            if self.reader.buf.len() >= AHEAD_MAX {
                std::future::pending::<()>().await;
            }
            match self.reader.fill().await {
                Ok(0) => return PeerEnd::HalfClosed,
                Ok(_) => {}
                Err(error) => {
                    let during = "while it waited for the response";
                    return PeerEnd::Gone(match error.kind() {
                        io::ErrorKind::ConnectionReset => ProxyError::ClientGone { during },
                        _ => ProxyError::ClientIo {
                            during,
                            source: error,
                        },
                    });
                }
            }
        }
    }
}

impl RequestBody for Body<'_> {
    fn become_raw(&mut self) {
        self.decoder = BodyDecoder::new(Framing::UntilClose);
    }

    fn is_closed(&self) -> bool {
        self.reader.is_eof() && self.reader.buf.is_empty()
    }
}

/// The response on its way into the connection.
struct Sink<'a> {
    client: ClientSide,
    writer: &'a mut Writer,
    encoder: BodyEncoder,
    started: bool,
    /// The body that is being sent ends with the connection.
    until_close: bool,
    /// Such a body will not be completed.
    aborted: bool,
}

/// What a converted response depends on.
#[derive(Clone, Debug, Default)]
struct ClientSide {
    is_http10: bool,
    is_head: bool,
    /// What the client proves an upgrade by (RFC 6455 §4.1).
    websocket_key: Bytes,
}

impl<'a> Sink<'a> {
    fn new(writer: &'a mut Writer, client: ClientSide) -> Self {
        Self {
            client,
            writer,
            encoder: BodyEncoder::new(Framing::None, true),
            started: false,
            until_close: false,
            aborted: false,
        }
    }

    fn put_head(&mut self, response: &Response) {
        let version = response.version.as_bytes();
        let line = response.line.as_deref();
        encode::response_head(
            self.writer.tail(),
            line,
            version,
            response.status,
            &response.reason,
            &response.headers,
        );
    }

    /// A head that came over another version.
    fn put_converted(&mut self, status: u16, headers: &Headers) {
        let reason = reason_phrase(status).as_bytes();
        let tail = self.writer.tail();
        encode::response_head(tail, None, b"HTTP/1.1", status, reason, headers);
    }
}

impl ResponseSink for Sink<'_> {
    fn informational(&mut self, response: &Response) -> Result<(), ProxyError> {
        if response.version == Version::Http2 {
            let headers = convert::response_to_h1(response, Framing::None)?;
            self.put_converted(response.status, &headers);
        } else {
            self.put_head(response);
        }
        Ok(())
    }

    fn head(
        &mut self,
        response: &Response,
        framing: Framing,
        verbatim: bool,
        _done: bool,
    ) -> Result<(), ProxyError> {
        if response.version == Version::Http2 {
            // Without chunks the end of the connection is the end of the body (RFC 9112 §6.3).
            let framing = match framing {
                Framing::Chunked if self.client.is_http10 => Framing::UntilClose,
                other => other,
            };
            let headers = convert::response_to_h1(response, framing)?;
            self.put_converted(response.status, &headers);
            self.until_close = framing == Framing::UntilClose;
            self.encoder = BodyEncoder::new(framing, false);
        } else {
            self.put_head(response);
            self.until_close = framing == Framing::UntilClose;
            self.encoder = BodyEncoder::new(framing, verbatim);
        }
        self.started = true;
        Ok(())
    }

    fn upgraded(&mut self, response: &Response) -> Result<(), ProxyError> {
        if response.version == Version::Http2 {
            let headers = convert::switching_protocols(response, &self.client.websocket_key)?;
            self.put_converted(101, &headers);
        } else {
            self.put_head(response);
        }
        self.encoder = BodyEncoder::new(Framing::UntilClose, true);
        self.started = true;
        Ok(())
    }

    fn abort(&mut self, error: &ProxyError, _trailers: Option<&Headers>) {
        let resets = matches!(error, ProxyError::Fault(fault) if fault.resets);
        // Other bodies show by their framing that they are cut short.
        self.aborted = self.until_close || resets;
    }

    fn page(&mut self, _error: &ProxyError, page: Page) {
        self.writer.put(&page.to_h1(self.client.is_head));
        self.started = true;
    }

    fn started(&self) -> bool {
        self.started
    }

    fn is_reset(&mut self) -> bool {
        self.writer.is_reset()
    }
}

impl FrameSink for Sink<'_> {
    fn frame(&mut self, frame: Frame) -> Result<(), ProxyError> {
        convert::trailers_fit_h1(&frame)?;
        let writer = &mut *self.writer;
        self.encoder
            .encode(frame, &mut |piece| writer.push(piece))
            .map_err(ProxyError::Encode)
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        self.writer.flush().await.map_err(client_gone)
    }

    async fn shutdown(&mut self) -> Result<(), ProxyError> {
        self.writer.shutdown().await.map_err(client_gone)
    }
}

fn client_gone(source: io::Error) -> ProxyError {
    let during = "while it was sent the response";
    match source.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            ProxyError::ClientGone { during }
        }
        _ => ProxyError::ClientIo { during, source },
    }
}
