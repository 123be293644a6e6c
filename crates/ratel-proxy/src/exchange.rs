//! The waist: one request in, one response out, whatever protocols carry them on either side.
//!
//! [`run`] owns the flow from its first byte to its last. It calls the hooks, writes the record, moves both bodies at
//! the same time and at the pace of the slower side, and turns every failure into one sentence for the record and a
//! page for the client. Adapters for the protocols sit on its two sides: [`RequestBody`] and [`ResponseSink`] towards
//! the client, [`RequestSink`] and [`ResponseSource`] towards the server.

mod download;
mod transfer;

use bytes::Bytes;
use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::clock;
use ratel_core::hooks::Hook;
use ratel_flow::{FlowKind, HttpFlow, Request, Response, Side, Version};
use ratel_proto::h2::Reason;
use ratel_proto::http1::validate;
use ratel_proto::streams::{self, BodyStream};
use ratel_proto::{Frame, Framing, Headers};

use crate::body::{self, FrameSink, FrameSource, Held};
use crate::conn::ConnCtx;
use crate::error::{Page, ProxyError};
use crate::http::convert;
use crate::http::h1::client::H1Upstream;
use crate::http::h2::client::H2Upstream;
use crate::recorder::Recorder;
use crate::relay::websocket::{self, Ends};
use crate::upstream::Target;
use crate::upstream::pool::{NoUpstream, Upstream, Upstreams};

use download::Download;

/// A request as an adapter hands it to the waist.
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// Where it goes.
    pub(crate) target: Target,
    /// What to send as request target, where it is not the one received.
    pub(crate) forward: Option<Bytes>,
    /// How long its body is.
    pub(crate) framing: Framing,
}

/// What the client did after its request was complete.
pub(crate) enum ClientEnd {
    /// It closed its side for sending and may still read.
    HalfClosed,
    /// It is gone.
    Gone(ProxyError),
}

/// The request body on its way from the client.
pub(crate) trait RequestBody: FrameSource {
    /// From here on the client sends raw bytes until it closes (after an upgrade).
    fn become_raw(&mut self);

    /// Waits for the client to end the connection while it waits for its response. Bytes of a next request are
    /// kept, up to a bound.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn watch(&mut self) -> impl Future<Output = ClientEnd> + Send;
}

/// The response on its way to the client.
pub(crate) trait ResponseSink: FrameSink {
    /// An informational response (RFC 9110 §15.2), before the final one.
    fn informational(&mut self, response: &Response) -> Result<(), ProxyError>;

    /// The final response head. `verbatim` promises that frames come as they were received, and `done` that none come.
    fn head(
        &mut self,
        response: &Response,
        framing: Framing,
        verbatim: bool,
        done: bool,
    ) -> Result<(), ProxyError>;

    /// The final response head of an exchange that goes on as raw bytes both ways.
    fn upgraded(&mut self, response: &Response) -> Result<(), ProxyError>;

    /// A response that says what went wrong; only before any head. Ends the connection.
    fn page(&mut self, error: &ProxyError, page: Page);

    /// Gives up a response that cannot be completed. One with `trailers` gets these instead of its own, where it can.
    fn abort(&mut self, error: &ProxyError, trailers: Option<&Headers>);

    /// Whether a final head was queued.
    fn started(&self) -> bool;
}

/// The request on its way to the server.
pub(crate) trait RequestSink: FrameSink {
    /// Queues the head. `forward` is the request target to send where it is not the one that was received; `done` says
    /// that no frames of a body come.
    fn head(
        &mut self,
        request: &Request,
        forward: Option<&[u8]>,
        framing: Framing,
        done: bool,
    ) -> Result<(), ProxyError>;

    /// From here on frames are raw bytes (after an upgrade).
    fn become_raw(&mut self);
}

/// The response on its way from the server.
pub(crate) trait ResponseSource: FrameSource {
    /// The next response head.
    fn head(&mut self) -> impl Future<Output = Result<Answer, ProxyError>> + Send;

    /// Whether a response head keeps the rules of its HTTP version.
    fn validate(&self, response: &Response) -> Result<(), ProxyError>;

    /// Whether both sides speak another protocol from here on (RFC 9110 §7.8, RFC 9113 §8.5).
    fn upgrades(&self, request: &Request, response: &Response) -> bool;

    /// How long the body after `response` to a `method` request is.
    fn framing(&self, method: &[u8], response: &Response) -> Result<Framing, ProxyError>;

    /// Says how long the body after the head is.
    fn begin_body(&mut self, framing: Framing);

    /// Whether the response leaves the connection open for another one.
    fn is_reusable(&self) -> bool;

    /// From here on frames are raw bytes (after an upgrade).
    fn become_raw(&mut self);
}

/// A response head.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// Whether the final response is still to come (RFC 9110 §15.2); 101 is final for HTTP.
    pub(crate) informational: bool,
}

/// Whether the client's connection may carry another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The exchange left both sides in order.
    KeepAlive,
    /// The connection has to be closed.
    Close,
}

/// Runs one exchange. Failures are recorded and told to the client; nothing is returned but what comes after.
pub(crate) async fn run(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    incoming: Incoming,
    body: &mut impl RequestBody,
    sink: &mut impl ResponseSink,
) -> After {
    let mut exchange = Exchange::open(ctx, incoming.request);
    let route = Route {
        target: incoming.target,
        forward: incoming.forward,
        framing: incoming.framing,
    };
    match exchange.attempt(upstreams, route, body, sink).await {
        Ok(after) => {
            exchange.recorder.finish(clock::now());
            after
        }
        Err(error) => {
            exchange.fail(&error, sink).await;
            After::Close
        }
    }
}

/// Records an exchange that failed before it could be run, and tells the client.
pub(crate) async fn refuse(
    ctx: &ConnCtx,
    request: Request,
    error: &ProxyError,
    sink: &mut impl ResponseSink,
) {
    let mut exchange = Exchange::open(ctx, request);
    exchange.recorder.request(&exchange.flow.request);
    exchange.recorder.end(Side::Client, clock::now());
    exchange.fail(error, sink).await;
}

struct Route {
    target: Target,
    forward: Option<Bytes>,
    framing: Framing,
}

struct Exchange<'a> {
    ctx: &'a ConnCtx,
    flow: HttpFlow,
    bodies: Bodies,
    recorder: Recorder,
}

/// Connections that one request is tried on.
const ATTEMPTS: usize = 3;

/// How the request body leaves: as it comes, or as it was collected for a hook.
enum Upload<'b, B> {
    Stream(&'b mut B),
    Held(Held, &'b mut B),
}

impl<'a> Exchange<'a> {
    fn open(ctx: &'a ConnCtx, request: Request) -> Self {
        let writer = ctx
            .shared
            .store
            .open(FlowKind::Http, &ctx.client, request.timestamp_start);
        let flow = HttpFlow {
            id: writer.id(),
            client_conn: ctx.client.clone(),
            server_conn: None,
            request,
            response: None,
            error: None,
        };
        Self {
            ctx,
            flow,
            bodies: Bodies::default(),
            recorder: Recorder::new(writer, ctx.abort.clone()),
        }
    }

    async fn hook(&mut self, hook: Hook) {
        if self.ctx.shared.addons.wants(hook) {
            self.ctx
                .shared
                .addons
                .http(hook, &mut self.flow, &mut self.bodies)
                .await;
        }
    }

    async fn attempt(
        &mut self,
        upstreams: &Upstreams,
        mut route: Route,
        body: &mut impl RequestBody,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        self.recorder.request(&self.flow.request);
        self.validate()?;
        self.hook(Hook::RequestHeaders).await;
        let mut upload = Upload::Stream(body);
        if self.ctx.shared.addons.body_need(&self.flow, Side::Client) == BodyNeed::Whole {
            upload = self.hold_request(upload, &mut route).await?;
        } else {
            self.hook(Hook::Request).await;
        }
        // What is on record is what goes out.
        if self.ctx.shared.addons.wants(Hook::RequestHeaders)
            || self.ctx.shared.addons.wants(Hook::Request)
        {
            self.recorder.request(&self.flow.request);
        }
        if self.flow.response.is_some() {
            return self.answer(sink).await;
        }
        self.recorder
            .watch(Side::Client, &self.flow.request.headers);
        // A disk that is slower than the traffic slows the traffic.
        self.recorder.ready().await;
        let mut upstream = self.acquire(upstreams, &route.target).await?;
        let mut attempts = 1;
        let mut learned = false;
        loop {
            self.flow.server_conn = Some(upstream.conn().clone());
            self.recorder.server_conn(upstream.conn().clone());
            let forwarded = match &mut upstream {
                Upstream::H1(upstream) => {
                    upstream.begin(&self.flow.request);
                    let H1Upstream { tx, rx, .. } = &mut **upstream;
                    self.forward(tx, rx, &route, &mut upload, sink).await
                }
                Upstream::H2(H2Upstream { tx, rx, .. }) => {
                    self.forward(tx, rx, &route, &mut upload, sink).await
                }
            };
            if let (Err(error), Upstream::H2(upstream)) = (&forwarded, &upstream) {
                upstream.reset(error.passed_on().unwrap_or(Reason::CANCEL));
            }
            match forwarded {
                Err(ProxyError::NoResponse)
                    if route.framing == Framing::None
                        && !upstream.is_reused()
                        && upstreams.offer_http2(&route.target, upstream.conn()) =>
                {
                    upstream = self.acquire(upstreams, &route.target).await?;
                }
                // It has understood nothing of the request, so that any may be asked again that is still there.
                Err(ProxyError::AnswersHttp2)
                    if upstreams.learn_http2(&route.target, upstream.conn())
                        && route.framing == Framing::None
                        && !learned =>
                {
                    learned = true;
                    upstream = self.acquire(upstreams, &route.target).await?;
                }
                Err(error)
                    if attempts == ATTEMPTS
                        || !may_repeat(&self.flow.request, &route, &upstream, &error) =>
                {
                    return Err(error);
                }
                Err(_) => {
                    attempts += 1;
                    upstream = self.acquire(upstreams, &route.target).await?;
                }
                Ok(after) => {
                    if after == After::KeepAlive {
                        upstreams.release(route.target, upstream);
                    }
                    return Ok(after);
                }
            }
        }
    }

    /// Whether the request keeps the rules, where that is asked for.
    fn validate(&self) -> Result<(), ProxyError> {
        let request = &self.flow.request;
        // What comes over HTTP/2 was looked at where it came in.
        if !self.ctx.config.validate_inbound_headers || request.version == Version::Http2 {
            return Ok(());
        }
        validate::request(request.version.as_bytes(), &request.headers)
            .map_err(ProxyError::RequestInvalid)
    }

    /// A connection for this exchange; a server that refused the handshake is on record too.
    async fn acquire(
        &mut self,
        upstreams: &Upstreams,
        target: &Target,
    ) -> Result<Upstream, ProxyError> {
        let mut acquired = upstreams.acquire(target, &self.flow.request).await;
        if let Err(NoUpstream {
            error: ProxyError::ServerTls(error),
            conn: Some(conn),
        }) = &acquired
            && error.wants_other_alpn()
            && upstreams.offer_http2(target, conn)
        {
            acquired = upstreams.acquire(target, &self.flow.request).await;
        }
        let NoUpstream { error, conn } = match acquired {
            Ok(upstream) => return Ok(upstream),
            Err(failed) => failed,
        };
        if let Some(conn) = conn {
            self.flow.server_conn = Some(conn.clone());
            self.recorder.server_conn(conn);
        }
        Err(error)
    }

    /// Collects the request body, shows it to the hooks, and settles what is sent instead of the stream.
    async fn hold_request<'b, B: RequestBody>(
        &mut self,
        upload: Upload<'b, B>,
        route: &mut Route,
    ) -> Result<Upload<'b, B>, ProxyError> {
        let (Upload::Stream(body) | Upload::Held(_, body)) = upload;
        let mut held = body::collect(body).await?;
        self.bodies.request = Some(held.joined.clone());
        self.hook(Hook::Request).await;
        if let Some(framing) =
            held.replace(self.bodies.request.take(), &mut self.flow.request.headers)
        {
            route.framing = framing;
        }
        Ok(Upload::Held(held, body))
    }

    /// Answers with the response a hook has made.
    async fn answer(&mut self, sink: &mut impl ResponseSink) -> Result<After, ProxyError> {
        self.hook(Hook::ResponseHeaders).await;
        let Some(response) = &mut self.flow.response else {
            return Ok(After::Close);
        };
        let body = self.bodies.response.take().unwrap_or_default();
        let mut framing = body::set_length(&mut response.headers, body.len());
        let mut body = body;
        if &self.flow.request.method[..] == b"HEAD" || matches!(response.status, 204 | 304) {
            // Such a response ends with its head (RFC 9112 §6.3).
            (framing, body) = (Framing::None, Bytes::new());
        }
        self.recorder.response(response);
        sink.head(response, framing, false, false)?;
        self.recorder
            .data(Side::Server, std::slice::from_ref(&body), clock::now());
        sink.frame(Frame {
            data: [body].into_iter().collect(),
            wire: None,
            trailers: None,
            end: true,
        })?;
        sink.flush().await?;
        self.recorder.end(Side::Server, clock::now());
        self.hook(Hook::Response).await;
        // The adapter closes a connection on which the request body is still to come.
        Ok(if keeps_alive(&self.flow.request) {
            After::KeepAlive
        } else {
            After::Close
        })
    }

    /// Sends the request and passes on the response, both at once.
    async fn forward<B: RequestBody>(
        &mut self,
        tx: &mut impl RequestSink,
        rx: &mut impl ResponseSource,
        route: &Route,
        upload: &mut Upload<'_, B>,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        let done = matches!(upload, Upload::Stream(body) if body.is_done());
        let forward = route.forward.as_deref();
        tx.head(&self.flow.request, forward, route.framing, done)?;
        let client_keeps = keeps_alive(&self.flow.request);
        // Until the server has agreed, its HTTP/1 has no place for what the WebSocket says.
        let waits = self.flow.request.version == Version::Http2
            && convert::is_websocket(&self.flow.request);
        let Self {
            ctx,
            flow,
            bodies,
            recorder,
        } = self;
        let body = match upload {
            Upload::Stream(body) => {
                // Nothing will be pumped that would take the head along: there is no body, or one of no bytes.
                if waits || body.is_done() {
                    tx.flush().await?;
                }
                if body.is_done() {
                    recorder.end(Side::Client, flow.request.timestamp_start);
                }
                body
            }
            Upload::Held(held, body) => {
                for frame in held.frames.iter().cloned() {
                    recorder.frame(Side::Client, &frame, clock::now());
                    tx.frame(frame)?;
                }
                tx.flush().await?;
                recorder.end(Side::Client, clock::now());
                body
            }
        };
        let recorder: &Recorder = recorder;
        let answered = {
            let download = Download {
                ctx,
                flow,
                bodies,
                recorder,
                rx,
                sink,
            }
            .run(client_keeps);
            let mut download = std::pin::pin!(download);
            transfer::transfer(&mut **body, waits, tx, recorder, download.as_mut()).await?
        };
        match answered {
            Answered::Complete(after) => Ok(after),
            Answered::Upgraded => {
                body.become_raw();
                tx.become_raw();
                rx.become_raw();
                if websocket::is_followed(ctx, flow) {
                    let body = &mut **body;
                    let ends = Ends { body, tx, rx, sink };
                    // Few exchanges become one; the others need not have room for it.
                    return Box::pin(websocket::run(ctx, flow, recorder, ends)).await;
                }
                transfer::relay(&mut **body, tx, rx, sink, recorder).await
            }
        }
    }

    /// How the response to a gRPC call ends that the server did not complete: with a status, as a client has it that
    /// loses its server. What the server said itself by giving up the stream is passed on.
    fn grpc_end(&self, error: &ProxyError) -> Option<Headers> {
        let response = self.flow.response.as_ref()?;
        let is_grpc = streams::kind_of(&response.headers) == Some(BodyStream::Grpc);
        if !is_grpc || error.is_reset() || matches!(error, ProxyError::Killed) {
            return None;
        }
        let mut trailers = Headers::new();
        for (name, value) in error.grpc_status() {
            trailers.append(name.as_bytes(), value.as_bytes());
        }
        Some(trailers)
    }

    /// Records the failure, tells the client if it can still be told.
    async fn fail(&mut self, error: &ProxyError, sink: &mut impl ResponseSink) {
        let now = clock::now();
        let error_record = error.to_flow_error(now);
        tracing::debug!(client = %self.ctx.client.peername, "{}", error_record.message);
        self.flow.error = Some(error_record.clone());
        self.hook(Hook::Error).await;
        self.recorder.error(error_record);
        self.recorder.finish(now);
        match error.status().filter(|_| !sink.started()) {
            Some(status) => {
                let page = error.response(status, &self.flow.request.headers);
                sink.page(error, page);
            }
            None => {
                let trailers = self.grpc_end(error);
                sink.abort(error, trailers.as_ref());
                if trailers.is_none() {
                    return;
                }
            }
        }
        // A client that is gone cannot be told; the record has the reason either way.
        let _ = sink.flush().await;
    }
}

/// Whether a failed request may be sent once more. A kept connection that the server closed meanwhile says nothing
/// about a request; but it may have been carried out unless it is one that may be (RFC 9110 §9.2.2), and an answer
/// that has begun is an answer.
fn may_repeat(request: &Request, route: &Route, upstream: &Upstream, error: &ProxyError) -> bool {
    let unsent = route.framing == Framing::None && !upstream.has_answered();
    if let ProxyError::StreamRefused { .. } = error {
        // The server says that it did nothing with it (RFC 9113 §8.7).
        return unsent;
    }
    let lost = matches!(error, ProxyError::NoResponse | ProxyError::ServerIo { .. });
    lost && upstream.is_reused() && unsent && is_idempotent(&request.method)
}

/// The methods that mean the same however often they are carried out (RFC 9110 §9.2.2, RFC 4918, RFC 3253, RFC 5323).
fn is_idempotent(method: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET",
        b"HEAD",
        b"OPTIONS",
        b"TRACE",
        b"PUT",
        b"DELETE",
        b"PROPFIND",
        b"REPORT",
        b"SEARCH",
    ];
    METHODS.contains(&method)
}

/// How a response ended.
enum Answered {
    Complete(After),
    /// The server agreed to speak another protocol from here on (RFC 9110 §7.8).
    Upgraded,
}

/// Whether a request leaves its connection open for the next one (RFC 9112 §9.3).
pub(crate) fn keeps_alive(request: &Request) -> bool {
    let headers = &request.headers;
    if request.version.is_http10() {
        return headers.has_token("connection", "keep-alive")
            || headers.has_token("proxy-connection", "keep-alive");
    }
    !headers.has_token("connection", "close")
}
