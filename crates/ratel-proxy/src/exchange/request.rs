//! The request before anything of it is sent: hooks see it, its body is collected for those who must see it whole, and
//! it may be held back.

use bytes::Bytes;
use ratel_core::addon::{Bodies, BodyNeeds};
use ratel_core::clock;
use ratel_core::control::{Order, Part};
use ratel_core::hooks::Hook;
use ratel_core::store::Edit;
use ratel_flow::{HttpFlow, Replay, Request, Response, Scheme, Side, Version};
use ratel_proto::http1::validate;
use ratel_proto::{Framing, streams};

use super::hold::{Event, Waiting};
use super::messages::MessageStage;
use super::{Exchange, RequestBody, ResponseSink, Route, Upload, limit};
use crate::body::{self, Held};
use crate::error::ProxyError;
use crate::recorder::Recorder;
use crate::upstream::Target;

/// Of a request that an addon has answered, so many bytes of body are waited for.
const ANSWERED_BODY: usize = 64 * 1024;

impl Exchange<'_> {
    /// Gets the request ready to be sent, or answered.
    pub(super) async fn prepare<'b, B: RequestBody>(
        &mut self,
        body: &'b mut B,
        route: &mut Route,
        sink: &mut impl ResponseSink,
    ) -> Result<Upload<'b, B>, ProxyError> {
        self.begin();
        self.validate()?;
        let came = Destined::of(&self.flow.request);
        let mut held = self.hook(Hook::RequestHeaders).await?;
        if self.flow.response.is_none() {
            limit::check(self.ctx.config.body_size_limit, Side::Client, route.framing)?;
        }
        let mut upload = Upload {
            held: Held::default(),
            complete: false,
            stage: None,
            body,
        };
        let addons = &self.ctx.shared.addons;
        let needs = addons.body_needs(&self.flow, &self.bodies, Side::Client);
        // What is sent again is on record as a whole, whatever becomes of it.
        let again = self.flow.annotations.is_replay == Some(Replay::Request);
        if (needs.whole || again) && self.flow.response.is_none() {
            self.collect(&mut upload, needs, sink).await?;
        }
        held |= self.hook(Hook::Request).await?;
        if upload.complete {
            self.replace(&mut upload, route);
        } else if needs.messages && self.flow.response.is_none() && !upload.body.is_done() {
            self.stage(&mut upload, route);
        }
        self.take_in(&mut upload).await;
        self.record(&upload, route);
        if held {
            self.hold(&mut upload, route).await?;
        }
        if upload.complete {
            let frames = &upload.held.frames;
            self.recorder.passed(Side::Client, frames, clock::now());
        }
        route.follow(&self.flow.request, &came);
        Ok(upload)
    }

    /// Has the request on record as it came, but for what must not be there. Hooks have not seen it yet.
    fn begin(&self) {
        let request = &self.flow.request;
        match self.ctx.shared.addons.conceals(&self.ctx.client) {
            Some(field) if request.headers.get(field).is_some() => {
                let mut request = Request::clone(request);
                request.headers.remove(field);
                self.recorder.request(&request);
            }
            _ => self.recorder.request(request),
        }
    }

    /// Takes up what hooks have made of the body. Hooks of the response see it, too.
    fn replace<B>(&mut self, upload: &mut Upload<'_, B>, route: &mut Route) {
        let body = self.bodies.request.clone();
        if upload.held.is(body.as_ref()) {
            return;
        }
        let Request {
            headers, version, ..
        } = &mut *self.flow.request;
        if let Some(framing) = upload.held.replace(body, headers, version) {
            route.framing = framing;
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

    /// Collects the body, unless it is too large and nobody insists.
    async fn collect<B: RequestBody>(
        &mut self,
        upload: &mut Upload<'_, B>,
        needs: BodyNeeds,
        sink: &mut impl ResponseSink,
    ) -> Result<(), ProxyError> {
        let passes = self.ctx.config.stream_large_bodies;
        let limit = body::hold_limit(needs, passes);
        let announced = body::announced(&self.flow.request.headers);
        if announced.is_none_or(|len| len <= limit as u64) {
            self.welcome(upload, sink).await?;
            upload.held = body::collect(upload.body, limit).await?;
            upload.complete = upload.body.is_done();
        }
        if upload.complete {
            self.bodies.request = Some(upload.held.joined.clone());
            return Ok(());
        }
        if needs.insists && passes.is_none() {
            return Err(ProxyError::TooLargeToHold { limit });
        }
        let addons = &self.ctx.shared.addons;
        addons.body_passes(&mut self.flow, Side::Client);
        Ok(())
    }

    /// Takes in the short body of a request that an addon has answered. A client that is still sending may take an answer
    /// for the end of its stream and fail, and what it has sent belongs on record.
    async fn take_in<B: RequestBody>(&mut self, upload: &mut Upload<'_, B>) {
        let headers = &self.flow.request.headers;
        let is_short = body::announced(headers).is_some_and(|len| len <= ANSWERED_BODY as u64);
        // Who waits for a word before it sends anything gets the answer instead.
        let waits = headers.has_token("expect", "100-continue");
        let is_answered = self.flow.response.is_some();
        if !is_answered || upload.complete || upload.body.is_done() || !is_short || waits {
            return;
        }
        // Whatever goes wrong with its body, the answer is there.
        if let Ok(held) = body::collect(upload.body, ANSWERED_BODY).await {
            upload.held = held;
            upload.complete = upload.body.is_done();
        }
    }

    /// Tells a client that waits for a word before it sends its body to go ahead (RFC 9110 §10.1.1): the server, whose
    /// word it would be, is not asked before the body is here.
    async fn welcome<B: RequestBody>(
        &mut self,
        upload: &mut Upload<'_, B>,
        sink: &mut impl ResponseSink,
    ) -> Result<(), ProxyError> {
        let headers = &self.flow.request.headers;
        if upload.body.is_done() || !headers.has_token("expect", "100-continue") {
            return Ok(());
        }
        self.flow.request.headers.remove("expect");
        let mut go_ahead = Response::new(100, clock::now());
        if self.flow.request.version == Version::Http2 {
            go_ahead.version = Version::Http2;
        }
        sink.informational(&go_ahead)?;
        sink.flush().await
    }

    /// Has the messages of a streamed body shown one by one, if they can be told apart.
    fn stage<B: RequestBody>(&mut self, upload: &mut Upload<'_, B>, route: &mut Route) {
        let request = &self.flow.request;
        if streams::kind_of(&request.headers).is_none() || request.version.is_http10() {
            return;
        }
        let request = &mut *self.flow.request;
        if let Some(stage) = MessageStage::for_body(Side::Client, &mut request.headers) {
            route.framing = body::unbound(&mut request.headers, route.framing, &request.version);
            self.line.carries(Side::Client, stage.kind());
            upload.stage = Some(stage);
        }
    }

    /// What is on record is what goes out; as it came, the request is on record already.
    fn record<B: RequestBody>(&mut self, upload: &Upload<'_, B>, route: &Route) {
        if self.flow.request.take_touched() {
            self.recorder.request(&self.flow.request);
        }
        if self.flow.response.is_some() && !upload.complete {
            return;
        }
        self.recorder
            .watch(Side::Client, &self.flow.request.headers);
        let frames = &upload.held.frames;
        if upload.complete {
            self.recorder.whole(Side::Client, frames, clock::now());
        } else {
            for frame in frames {
                self.recorder.frame(Side::Client, frame, clock::now());
            }
        }
        debug_assert!(upload.complete || route.framing != Framing::None || frames.is_empty());
    }

    /// Waits until somebody lets the request go.
    async fn hold<B: RequestBody>(
        &mut self,
        upload: &mut Upload<'_, B>,
        route: &mut Route,
    ) -> Result<(), ProxyError> {
        // A request without a body can be given one.
        if upload.body.is_done() && upload.held.frames.is_empty() {
            upload.complete = true;
        }
        let (bytes, passes) = (upload.held.len(), !upload.complete);
        let waiting = Waiting::begin(
            self.ctx,
            self.line,
            &self.recorder,
            Part::Request,
            bytes,
            passes,
        );
        let Some(mut waiting) = waiting else {
            return Ok(());
        };
        // What it was, once somebody has changed it.
        let mut came = None;
        loop {
            match waiting.next(Some((&mut *upload.body, Side::Client))).await {
                Event::Order(Order::Edit(edit)) => {
                    came.get_or_insert_with(|| Came {
                        request: Request::clone(&self.flow.request),
                        held: upload.held.clone(),
                        framing: route.framing,
                        response: self.flow.response.clone(),
                        response_body: self.bodies.response.clone(),
                    });
                    let (flow, bodies) = (&mut self.flow, &mut self.bodies);
                    edited(flow, bodies, &self.recorder, upload, route, *edit);
                }
                Event::Order(Order::Revert) => {
                    if let Some(came) = came.take() {
                        *self.flow.request = came.request;
                        (upload.held, route.framing) = (came.held, came.framing);
                        self.flow.response = came.response;
                        self.bodies.response = came.response_body;
                        self.recorder.revert(Side::Client);
                        self.recorder.revert(Side::Server);
                        if self.flow.response.is_none() {
                            self.recorder.forget_response();
                        }
                    }
                }
                Event::Order(Order::EditMessage(_)) => {}
                Event::Order(Order::Resume | Order::Drop) => break,
                Event::Gone(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A request that is held, as it was before somebody changed it, with the answer that it had.
struct Came {
    request: Request,
    held: Held,
    framing: Framing,
    response: Option<Response>,
    response_body: Option<Bytes>,
}

/// Makes what somebody wants of a request that is held, and shows it at once.
fn edited<B>(
    flow: &mut HttpFlow,
    bodies: &mut Bodies,
    recorder: &Recorder,
    upload: &mut Upload<'_, B>,
    route: &mut Route,
    edit: Edit,
) {
    let Edit {
        request,
        request_body,
        request_trailers,
        response,
        response_body,
        response_trailers: _,
        forget_response,
    } = edit;
    if request.is_some() || request_body.is_some() || request_trailers.is_some() {
        recorder.back_up(Side::Client);
        if let Some(request) = request {
            *flow.request = request;
        }
        let Request {
            headers, version, ..
        } = &mut *flow.request;
        let framing = upload
            .held
            .edit(request_body, request_trailers, headers, version);
        if let Some(framing) = framing {
            route.framing = framing;
            recorder.replaced(Side::Client, &upload.held.frames, clock::now());
        }
        recorder.request(&flow.request);
    }
    if forget_response {
        (flow.response, bodies.response) = (None, None);
    }
    if response.is_some() || response_body.is_some() {
        recorder.back_up(Side::Server);
    }
    if let Some(response) = response {
        recorder.response(&response);
        flow.response = Some(response);
    }
    if let Some(body) = &response_body {
        let frames = Held::of(body.clone()).frames;
        recorder.replaced(Side::Server, &frames, clock::now());
        bodies.response = response_body;
    }
}

/// Where a request went as it came.
struct Destined {
    scheme: Scheme,
    host: std::sync::Arc<str>,
    port: u16,
    path: Bytes,
}

impl Destined {
    fn of(request: &Request) -> Self {
        Self {
            scheme: request.scheme,
            host: request.host.clone(),
            port: request.port,
            path: request.path.clone(),
        }
    }
}

impl Route {
    /// Goes where the request goes by now.
    fn follow(&mut self, request: &Request, came: &Destined) {
        let Destined {
            scheme,
            host,
            port,
            path,
        } = came;
        let elsewhere = (request.scheme, request.port) != (*scheme, *port) || request.host != *host;
        if elsewhere {
            self.target = Target {
                scheme: request.scheme,
                host: request.host.clone(),
                port: request.port,
                sni: None,
            };
        }
        // What is sent in place of the target that came was made of the path that came.
        if self.forward.is_some() && (elsewhere || request.path != *path) {
            self.forward = Some(request.path.clone());
        }
    }
}
