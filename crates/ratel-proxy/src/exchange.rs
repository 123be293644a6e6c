//! The waist: one request in, one response out, whatever protocols carry them on either side.
//!
//! [`run`] owns the flow from its first byte to its last. It calls the hooks, writes the record, moves both bodies at
//! the same time and at the pace of the slower side, and turns every failure into one sentence for the record and a
//! page for the client. Adapters for the protocols sit on its two sides: [`RequestBody`] and [`ResponseSink`] towards
//! the client, [`H1Upstream`] towards the server.

use bytes::Bytes;
use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::clock;
use ratel_core::hooks::Hook;
use ratel_flow::{FlowKind, HttpFlow, Request, Response, Side};
use ratel_proto::http1::{framing, validate};
use ratel_proto::{Frame, Framing};

use crate::body::{self, FrameSource, Held};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::http::h1::client::{Answer, H1Upstream, Rx, Tx};
use crate::recorder::Recorder;
use crate::upstream::Target;
use crate::upstream::pool::Upstreams;

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

/// The response on its way to the client. Everything is queued until [`ResponseSink::flush`].
pub(crate) trait ResponseSink: Send {
    /// An informational response (RFC 9110 §15.2), before the final one.
    fn informational(&mut self, response: &Response);

    /// The final response head. `verbatim` promises that frames come as they were received.
    fn head(&mut self, response: &Response, framing: Framing, verbatim: bool);

    /// A piece of the body.
    fn frame(&mut self, frame: Frame) -> Result<(), ProxyError>;

    /// A page that says what went wrong; only before any head. Ends the connection.
    fn page(&mut self, error: &ProxyError, status: u16);

    /// Whether a final head was queued.
    fn started(&self) -> bool;

    /// Delivers what was queued.
    fn flush(&mut self) -> impl Future<Output = Result<(), ProxyError>> + Send;

    /// Tells the client that nothing more will come.
    fn shutdown(&mut self) -> impl Future<Output = Result<(), ProxyError>> + Send;
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
    upstreams: &mut Upstreams,
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
        upstreams: &mut Upstreams,
        mut route: Route,
        body: &mut impl RequestBody,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        self.recorder.request(&self.flow.request);
        if self.ctx.config.validate_inbound_headers {
            let request = &self.flow.request;
            validate::request(request.version.as_bytes(), &request.headers)
                .map_err(ProxyError::RequestInvalid)?;
        }
        self.hook(Hook::RequestHeaders).await;
        let mut upload = Upload::Stream(body);
        if self.ctx.shared.addons.body_need(&self.flow, Side::Client) == BodyNeed::Whole {
            upload = self.hold_request(upload, &mut route).await?;
        } else {
            self.hook(Hook::Request).await;
        }
        if self.flow.response.is_some() {
            return self.answer(sink).await;
        }
        let mut upstream = self.acquire(upstreams, &route.target).await?;
        loop {
            self.flow.server_conn = Some(upstream.conn().clone());
            self.recorder.server_conn(upstream.conn().clone());
            match self.forward(&mut upstream, &route, &mut upload, sink).await {
                // A kept connection that the server closed meanwhile says nothing about the request; with no body
                // and no answer yet it may be sent again (RFC 9110 §9.2.2, as every client does).
                Err(ProxyError::NoResponse | ProxyError::ServerIo { .. })
                    if upstream.is_reused()
                        && route.framing == Framing::None
                        && !sink.started() =>
                {
                    upstream = self.acquire(upstreams, &route.target).await?;
                }
                Err(error) => return Err(error),
                Ok(after) => {
                    if after == After::KeepAlive && upstream.is_reusable() {
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
        upstreams: &mut Upstreams,
        target: &Target,
    ) -> Result<H1Upstream, ProxyError> {
        let acquired = upstreams.acquire(target).await;
        if acquired.is_err()
            && let Some(conn) = upstreams.take_refused()
        {
            self.flow.server_conn = Some(conn.clone());
            self.recorder.server_conn(conn);
        }
        acquired
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
        self.recorder.request(&self.flow.request);
        Ok(Upload::Held(held, body))
    }

    /// Answers with the response a hook has made.
    async fn answer(&mut self, sink: &mut impl ResponseSink) -> Result<After, ProxyError> {
        self.hook(Hook::ResponseHeaders).await;
        let Some(response) = &mut self.flow.response else {
            return Ok(After::Close);
        };
        let body = self.bodies.response.take().unwrap_or_default();
        let framing = body::set_length(&mut response.headers, body.len());
        self.recorder.response(response);
        sink.head(response, framing, false);
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
        upstream: &mut H1Upstream,
        route: &Route,
        upload: &mut Upload<'_, B>,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        let H1Upstream { tx, rx, .. } = upstream;
        tx.head(&self.flow.request, route.forward.as_deref(), route.framing);
        let client_keeps = keeps_alive(&self.flow.request);
        let Self {
            ctx,
            flow,
            bodies,
            recorder,
        } = self;
        let body = match upload {
            Upload::Stream(body) => {
                // Nothing will be pumped that would take the head along: there is no body, or one of no bytes.
                if body.is_done() {
                    tx.flush().await?;
                    recorder.end(Side::Client, flow.request.timestamp_start);
                }
                body
            }
            Upload::Held(held, body) => {
                for frame in held.frames.iter().cloned() {
                    recorder.data(Side::Client, &frame.data, clock::now());
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
            transfer(&mut **body, tx, recorder, download.as_mut()).await?
        };
        match answered {
            Answered::Complete(after) => Ok(after),
            Answered::Upgraded => {
                body.become_raw();
                rx.become_raw();
                relay(&mut **body, tx, rx, sink, recorder).await
            }
        }
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
        if let Some(status) = error.status().filter(|_| !sink.started()) {
            sink.page(error, status);
            // A client that is gone cannot be told; the record has the reason either way.
            let _ = sink.flush().await;
        }
    }
}

/// How a response ended.
enum Answered {
    Complete(After),
    /// The server agreed to speak another protocol from here on (RFC 9110 §7.8).
    Upgraded,
}

/// Moves the request body up while the response comes down; ends with the response.
async fn transfer<B: RequestBody>(
    body: &mut B,
    tx: &mut Tx,
    recorder: &Recorder,
    mut download: std::pin::Pin<&mut impl Future<Output = Result<Answered, ProxyError>>>,
) -> Result<Answered, ProxyError> {
    let mut server_reads = true;
    if !body.is_done() {
        let pump = upload(body, tx, recorder);
        let mut pump = std::pin::pin!(pump);
        tokio::select! {
            biased;
            sent = &mut pump => match sent {
                Ok(()) => {}
                // The server stopped reading; it may still have said why (RFC 9112 §9.5).
                Err(ProxyError::ServerIo { .. }) => server_reads = false,
                Err(error) => return Err(error),
            },
            answered = &mut download => {
                let answered = answered?;
                if let Answered::Complete(After::KeepAlive) = answered {
                    // An early answer: the rest of the body is still the server's to read.
                    return Ok(match pump.await {
                        Ok(()) => answered,
                        Err(_) => Answered::Complete(After::Close),
                    });
                }
                return Ok(answered);
            }
        }
    }
    if !server_reads {
        download.await?;
        return Ok(Answered::Complete(After::Close));
    }
    tokio::select! {
        biased;
        answered = &mut download => return answered,
        end = body.watch() => match end {
            // What the server would see without us: the end of the client's side, the response still wanted.
            // A server that can't be told has closed already; its response is still on the way.
            ClientEnd::HalfClosed => drop(tx.shutdown().await),
            ClientEnd::Gone(error) => return Err(error),
        },
    }
    download.await
}

/// Sends the request body as it comes in.
async fn upload(
    body: &mut impl RequestBody,
    tx: &mut Tx,
    recorder: &Recorder,
) -> Result<(), ProxyError> {
    loop {
        let frame = match body.ready()? {
            Some(frame) => frame,
            None => {
                tx.flush().await?;
                recorder.ready().await;
                body.next().await?
            }
        };
        recorder.frame(Side::Client, &frame, body.received());
        let end = frame.end;
        tx.frame(frame)?;
        if end {
            recorder.end(Side::Client, body.received());
            return tx.flush().await;
        }
    }
}

struct Download<'d, S> {
    ctx: &'d ConnCtx,
    flow: &'d mut HttpFlow,
    bodies: &'d mut Bodies,
    recorder: &'d Recorder,
    rx: &'d mut Rx,
    sink: &'d mut S,
}

impl<S: ResponseSink> Download<'_, S> {
    async fn run(mut self, client_keeps: bool) -> Result<Answered, ProxyError> {
        let response = loop {
            let Answer {
                response,
                informational,
            } = self.rx.head().await?;
            if !informational {
                break response;
            }
            self.recorder.informational(&response);
            self.sink.informational(&response);
            self.sink.flush().await?;
        };
        if self.ctx.config.validate_inbound_headers {
            validate::response(
                response.status,
                response.version.as_bytes(),
                &response.headers,
            )
            .map_err(ProxyError::ResponseInvalid)?;
        }
        let upgraded = response.status == 101;
        let framing = framing::response_framing(
            &self.flow.request.method,
            response.status,
            &response.headers,
        )
        .map_err(ProxyError::ResponseFraming)?;
        self.flow.response = Some(response);
        self.hook(Hook::ResponseHeaders).await;
        if upgraded {
            if let Some(response) = &self.flow.response {
                self.recorder.response(response);
                self.sink.head(response, Framing::UntilClose, true);
            }
            self.sink.flush().await?;
            return Ok(Answered::Upgraded);
        }
        self.rx.begin_body(framing);
        if self.ctx.shared.addons.body_need(self.flow, Side::Server) == BodyNeed::Whole {
            self.held(framing).await?;
        } else {
            self.streamed(framing).await?;
        }
        // A client that asks for persistence in HTTP/1.0 has it only if the response agrees (RFC 9112 §9.3).
        let agreed = !self.flow.request.version.is_http10()
            || self
                .flow
                .response
                .as_ref()
                .is_some_and(|response| response.headers.has_token("connection", "keep-alive"));
        let keep = client_keeps && agreed && self.rx.is_reusable();
        Ok(Answered::Complete(if keep {
            After::KeepAlive
        } else {
            After::Close
        }))
    }

    /// The body passes as it comes.
    async fn streamed(&mut self, framing: Framing) -> Result<(), ProxyError> {
        let Some(response) = &self.flow.response else {
            return Ok(());
        };
        self.recorder.response(response);
        self.sink.head(response, framing, true);
        while !self.rx.is_done() {
            let frame = match self.rx.ready()? {
                Some(frame) => frame,
                None => {
                    self.sink.flush().await?;
                    self.recorder.ready().await;
                    self.rx.next().await?
                }
            };
            self.recorder
                .frame(Side::Server, &frame, self.rx.received());
            self.sink.frame(frame)?;
        }
        self.recorder.end(Side::Server, self.rx.received());
        self.sink.flush().await?;
        self.hook(Hook::Response).await;
        Ok(())
    }

    /// The body is complete before anything goes on, since an addon must see it whole.
    async fn held(&mut self, framing: Framing) -> Result<(), ProxyError> {
        let mut held = body::collect(self.rx).await?;
        self.bodies.response = Some(held.joined.clone());
        self.hook(Hook::Response).await;
        let Some(response) = &mut self.flow.response else {
            return Ok(());
        };
        let replaced = held.replace(self.bodies.response.take(), &mut response.headers);
        self.recorder.response(response);
        self.sink
            .head(response, replaced.unwrap_or(framing), replaced.is_none());
        for frame in held.frames {
            self.recorder
                .frame(Side::Server, &frame, self.rx.received());
            self.sink.frame(frame)?;
        }
        self.recorder.end(Side::Server, self.rx.received());
        self.sink.flush().await
    }

    async fn hook(&mut self, hook: Hook) {
        if self.ctx.shared.addons.wants(hook) {
            self.ctx
                .shared
                .addons
                .http(hook, self.flow, self.bodies)
                .await;
        }
    }
}

/// Passes raw bytes both ways after an upgrade, each direction until its end.
async fn relay(
    body: &mut impl RequestBody,
    tx: &mut Tx,
    rx: &mut Rx,
    sink: &mut impl ResponseSink,
    recorder: &Recorder,
) -> Result<After, ProxyError> {
    tx.become_raw();
    let up = async {
        upload(body, tx, recorder).await?;
        tx.shutdown().await
    };
    let down = async {
        while !rx.is_done() {
            let frame = match rx.ready()? {
                Some(frame) => frame,
                None => {
                    sink.flush().await?;
                    recorder.ready().await;
                    rx.next().await?
                }
            };
            recorder.frame(Side::Server, &frame, rx.received());
            sink.frame(frame)?;
        }
        recorder.end(Side::Server, rx.received());
        sink.shutdown().await
    };
    tokio::try_join!(up, down)?;
    Ok(After::Close)
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
