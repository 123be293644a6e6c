//! The waist: one request in, one response out, whatever protocols carry them on either side.
//!
//! [`run`] owns the flow from its first byte to its last. It calls the hooks, writes the record, moves both bodies at
//! the same time and at the pace of the slower side, and turns every failure into one sentence for the record and a
//! page for the client. Adapters for the protocols sit on its two sides: [`RequestBody`] and [`ResponseSink`] towards
//! the client, [`RequestSink`] and [`ResponseSource`] towards the server.

mod answer;
mod connect;
mod download;
mod hold;
mod limit;
mod link;
mod messages;
mod playback;
mod repeat;
mod request;
mod transfer;

use std::time::Duration;

use bytes::Bytes;
use ratel_core::addon::Bodies;
use ratel_core::clock;
use ratel_core::control::Registration;
use ratel_core::hooks::Hook;
use ratel_core::store::FlowWriter;
use ratel_flow::{FlowKind, HttpFlow, LiveAnnotations, Request, Response, Scheme, Side, Version};
use ratel_proto::h2::Reason;
use ratel_proto::streams::{self, BodyStream};
use ratel_proto::{Framing, Headers};
use tokio::sync::Mutex;

use crate::body::{FrameSink, FrameSource, Held};
use crate::conn::ConnCtx;
use crate::error::{Page, ProxyError};
use crate::http::convert;
use crate::http::h1::client::H1Upstream;
use crate::http::h2::client::H2Upstream;
use crate::recorder::Recorder;
use crate::relay::websocket::{self, Ends};
use crate::upstream::Target;
use crate::upstream::pool::{NoUpstream, Upstream, Upstreams};

pub(crate) use connect::connect;
use download::Download;
pub(crate) use hold::Waiting;
use limit::Limited;
pub(crate) use link::{Link, Paced, suffer};
use messages::MessageStage;
use repeat::{ATTEMPTS, may_repeat};

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

/// The request body on its way from the client.
pub(crate) trait RequestBody: FrameSource {
    /// From here on the client sends raw bytes until it closes (after an upgrade).
    fn become_raw(&mut self);

    /// Whether the client has closed its side for sending, and all it has sent was taken. It may have closed both.
    fn is_closed(&self) -> bool;
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

    /// Whether the client has reset its connection. Looks without waiting.
    fn is_reset(&mut self) -> bool;
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
    let opened = Opened {
        writer: open(ctx, &incoming.request),
        annotations: LiveAnnotations::default(),
    };
    run_on(ctx, upstreams, opened, incoming, body, sink).await
}

/// A flow that is open already.
pub(crate) struct Opened {
    pub(crate) writer: FlowWriter,
    /// What is said of it.
    pub(crate) annotations: LiveAnnotations,
}

/// As [`run`], of a flow that is open already.
pub(crate) async fn run_on(
    ctx: &ConnCtx,
    upstreams: &Upstreams,
    opened: Opened,
    incoming: Incoming,
    body: &mut impl RequestBody,
    sink: &mut impl ResponseSink,
) -> After {
    let Opened {
        writer,
        annotations,
    } = opened;
    let line = ctx.shared.control.register(writer.id());
    let mut exchange = Exchange::new(ctx, &line, writer, incoming.request);
    exchange.flow.annotations = annotations;
    exchange.recorder.said(&mut exchange.flow.annotations);
    let route = Route {
        target: incoming.target,
        forward: incoming.forward,
        framing: incoming.framing,
    };
    let mut body = Limited::new(body, ctx.config.body_size_limit, Side::Client);
    let outcome = tokio::select! {
        biased;
        outcome = exchange.attempt(upstreams, route, &mut body, sink) => outcome,
        () = line.killed() => Err(ProxyError::Killed),
    };
    let outcome = match outcome {
        Ok(_) if body.is_closed() && !exchange.is_upgraded() => {
            farewell(ctx, sink).await.map(|()| After::Close)
        }
        outcome => outcome,
    };
    match outcome {
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

/// Ends the connection of a client that has closed its side, and looks whether it was still there to read the response: a
/// system takes what is written to one that has closed both sides, and resets the connection then.
async fn farewell(ctx: &ConnCtx, sink: &mut impl ResponseSink) -> Result<(), ProxyError> {
    let told = sink.shutdown().await;
    let is_here = ctx.client.peername.ip().to_canonical().is_loopback();
    let pauses = if is_here { &[][..] } else { &RESET_TAKES };
    for pause in pauses {
        if sink.is_reset() {
            break;
        }
        tokio::time::sleep(*pause).await;
    }
    if sink.is_reset() {
        return Err(ProxyError::ClientGone {
            during: "while it was sent the response",
        });
    }
    told
}

/// For how long it is looked whether a client on another machine resets its connection. Its response is on the way.
const RESET_TAKES: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(200),
];

/// Records an exchange that failed before it could be run, and tells the client.
pub(crate) async fn refuse(
    ctx: &ConnCtx,
    mut request: Request,
    error: &ProxyError,
    sink: &mut impl ResponseSink,
) {
    if let Some(field) = ctx.shared.addons.conceals(&ctx.client) {
        request.headers.remove(field);
    }
    let writer = open(ctx, &request);
    let line = ctx.shared.control.register(writer.id());
    let mut exchange = Exchange::new(ctx, &line, writer, request);
    exchange.recorder.request(&exchange.flow.request);
    exchange.recorder.end(Side::Client, clock::now());
    exchange.fail(error, sink).await;
}

fn open(ctx: &ConnCtx, request: &Request) -> FlowWriter {
    let store = &ctx.shared.store;
    store.open(FlowKind::Http, &ctx.client, request.timestamp_start)
}

/// Where a request goes, and in which form.
struct Route {
    target: Target,
    forward: Option<Bytes>,
    framing: Framing,
}

/// One exchange under way, as its task sees it.
struct Exchange<'a> {
    ctx: &'a ConnCtx,
    line: &'a Registration,
    flow: HttpFlow,
    bodies: Bodies,
    recorder: Recorder,
    link: Link,
}

/// What both directions of an exchange share. One hook of a flow runs at a time.
#[derive(Clone, Copy)]
struct Scene<'s> {
    ctx: &'s ConnCtx,
    line: &'s Registration,
    recorder: &'s Recorder,
    link: &'s Link,
    flow: &'s Mutex<&'s mut HttpFlow>,
}

/// How the request body leaves.
struct Upload<'b, B> {
    /// What was collected of it, and is on record.
    held: Held,
    /// That is all of it.
    complete: bool,
    /// Its messages are shown one by one.
    stage: Option<MessageStage>,
    body: &'b mut B,
}

/// Names of headers are in small letters in HTTP/2 (RFC 9113 §8.2.1), whatever hooks have called them.
fn normalize(flow: &mut HttpFlow) {
    let is_wrong = |version: &Version, headers: &Headers| {
        matches!(version, Version::Http2 | Version::Http3) && headers.has_capitals()
    };
    let mut changed = false;
    if is_wrong(&flow.request.version, &flow.request.headers) {
        changed |= flow.request.headers.lower_names();
    }
    if let Some(response) = &mut flow.response
        && is_wrong(&response.version, &response.headers)
    {
        changed |= response.headers.lower_names();
    }
    if changed {
        tracing::info!("names of headers were made lower case, as HTTP/2 has them");
    }
}

/// What hooks have left of a flow: whether it goes on, and whether it is to be held back ahead of that.
pub(crate) fn after_hook(flow: &mut HttpFlow, recorder: &Recorder) -> Result<bool, ProxyError> {
    let held = flow.annotations.intercepted && std::mem::take(&mut flow.annotations.intercepted);
    recorder.said(&mut flow.annotations);
    match &flow.error {
        Some(error) => Err(ProxyError::Ended(Box::new(error.clone()))),
        None => Ok(held),
    }
}

impl<'a> Exchange<'a> {
    fn new(ctx: &'a ConnCtx, line: &'a Registration, writer: FlowWriter, request: Request) -> Self {
        let flow = HttpFlow {
            id: writer.id(),
            client_conn: ctx.client.clone(),
            server_conn: None,
            request: request.into(),
            response: None,
            error: None,
            annotations: LiveAnnotations::default(),
        };
        Self {
            ctx,
            line,
            flow,
            bodies: Bodies::default(),
            recorder: Recorder::new(writer, ctx.abort.clone())
                .leaving_out(ctx.config.recorded_most()),
            link: Link::default(),
        }
    }

    /// Whether it goes on in another protocol.
    fn is_upgraded(&self) -> bool {
        let response = self.flow.response.as_ref();
        response.is_some_and(|response| response.status == 101)
    }

    /// Runs a hook; says whether the flow is to be held back.
    async fn hook(&mut self, hook: Hook) -> Result<bool, ProxyError> {
        let addons = &self.ctx.shared.addons;
        if !addons.wants_for(hook, &self.flow) {
            return Ok(false);
        }
        tracing::trace!("flow {}: hook {}", self.flow.id, hook.name());
        addons.http(hook, &mut self.flow, &mut self.bodies).await;
        if self.ctx.config.normalize_outbound_headers {
            normalize(&mut self.flow);
        }
        after_hook(&mut self.flow, &self.recorder)
    }

    async fn attempt(
        &mut self,
        upstreams: &Upstreams,
        mut route: Route,
        body: &mut impl RequestBody,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        let mut upload = self.prepare(body, &mut route, sink).await?;
        if let Some(network) = &mut self.bodies.network {
            let faults = self.link.take(network);
            // Few flows need it; the others need not have room for it.
            let (client, time) = (&mut *upload.body, transfer::HALF_CLOSED);
            Box::pin(link::suffer(self.ctx, faults, Some(client), Some(time))).await?;
            self.link.client_half_trip(&mut *upload.body).await?;
        }
        if self.flow.response.is_some() {
            return match self.bodies.playback.take() {
                Some(played) if self.bodies.response.is_none() => {
                    // Few exchanges become one; the others need not have room for it.
                    Box::pin(self.play(*played, &route, upload, sink)).await
                }
                _ => self.answer(upload.body, sink).await,
            };
        }
        // A disk that is slower than the traffic slows the traffic.
        self.recorder.ready().await;
        let mut upstream = self.acquire(upstreams, &route.target).await?;
        let limit = self.ctx.config.body_size_limit;
        let mut attempts = 1;
        let mut learned = false;
        loop {
            self.flow.server_conn = Some(upstream.conn().clone());
            self.recorder.server_conn(upstream.conn().clone());
            let forwarded = match &mut upstream {
                Upstream::H1(upstream) => {
                    upstream.begin(&self.flow.request);
                    let H1Upstream { tx, rx, .. } = &mut **upstream;
                    let mut rx = Limited::new(rx, limit, Side::Server);
                    self.forward(tx, &mut rx, &route, &mut upload, sink).await
                }
                Upstream::H2(H2Upstream { tx, rx, .. }) => {
                    let mut rx = Limited::new(rx, limit, Side::Server);
                    self.forward(tx, &mut rx, &route, &mut upload, sink).await
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
                Err(error) => {
                    tracing::trace!("flow {}: is tried again: {error}", self.flow.id);
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
            Ok(upstream) => {
                let kind = match upstream.is_reused() {
                    true => "kept",
                    false => "new",
                };
                tracing::trace!("flow {}: goes over a {kind} connection", self.flow.id);
                return Ok(upstream);
            }
            Err(failed) => failed,
        };
        if let Some(conn) = conn {
            self.flow.server_conn = Some(conn.clone());
            self.recorder.server_conn(conn);
        }
        Err(error)
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
        let done = upload.held.frames.is_empty() && upload.body.is_done();
        let forward = route.forward.as_deref();
        tx.head(&self.flow.request, forward, route.framing, done)?;
        let client_keeps = keeps_alive(&self.flow.request);
        // Until the server has agreed, its HTTP/1 has no place for what the WebSocket says.
        let waits = self.flow.request.version == Version::Http2
            && convert::is_websocket(&self.flow.request);
        let begun = self.flow.request.timestamp_start;
        let Self {
            ctx,
            line,
            flow,
            bodies,
            recorder,
            link,
        } = self;
        let (ctx, line, recorder, link): (&ConnCtx, &Registration, &Recorder, &Link) =
            (ctx, line, recorder, link);
        let rx = &mut Paced::new(rx, link, Side::Server);
        for frame in upload.held.frames.iter().cloned() {
            let mut rest = Some(frame);
            while let Some(piece) = Box::pin(link.piece(Side::Client, &mut rest)).await? {
                tx.frame(piece)?;
                if rest.is_some() {
                    tx.flush().await?;
                }
            }
        }
        let body_is_done = upload.body.is_done();
        // Nothing will be pumped that would take the head along: there is no (more) body, or one of no bytes.
        if waits || body_is_done {
            tx.flush().await?;
        }
        if body_is_done && !upload.complete {
            recorder.end(Side::Client, begun);
        }
        let answered = {
            let flow = Mutex::new(&mut *flow);
            let scene = Scene {
                ctx,
                line,
                recorder,
                link,
                flow: &flow,
            };
            let download = Download {
                scene,
                bodies,
                rx,
                sink,
            }
            .run(client_keeps);
            let mut download = std::pin::pin!(download);
            transfer::transfer(scene, upload, waits, tx, download.as_mut()).await?
        };
        match answered {
            Answered::Complete(after) => Ok(after),
            Answered::Upgraded => {
                let body = &mut Paced::new(&mut *upload.body, link, Side::Client);
                body.become_raw();
                tx.become_raw();
                rx.become_raw();
                if websocket::is_followed(ctx, flow) {
                    let ends = Ends { body, tx, rx, sink };
                    // Few exchanges become one; the others need not have room for it.
                    return Box::pin(websocket::run(ctx, line, flow, recorder, ends)).await;
                }
                Box::pin(transfer::relay(body, tx, rx, sink, recorder)).await
            }
        }
    }

    /// How the response to a gRPC call ends that the server did not complete: with a status, as a client has it that
    /// loses its server. What the server said itself by giving up the stream is passed on.
    fn grpc_end(&self, error: &ProxyError) -> Option<Headers> {
        let response = self.flow.response.as_ref()?;
        let is_grpc = streams::kind_of(&response.headers) == Some(BodyStream::Grpc);
        let is_ours = matches!(
            error,
            ProxyError::Killed | ProxyError::Ended(_) | ProxyError::Fault(_)
        );
        if !is_grpc || error.is_reset() || is_ours {
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
        let error = match error {
            ProxyError::NoResponse if self.flow.request.scheme == Scheme::Http => {
                &ProxyError::NoResponseInClear
            }
            error => error,
        };
        let error_record = error.to_flow_error(now);
        tracing::debug!(client = %self.ctx.client.peername, "{}", error_record.message);
        self.flow.error = Some(error_record.clone());
        error.mark(&mut self.flow.annotations);
        self.recorder.said(&mut self.flow.annotations);
        // It has failed already, whatever hooks make of that.
        let _ = self.hook(Hook::Error).await;
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
