//! The response on its way down: informational ones, the head, the body as it comes, message by message, or whole.

use bytes::Bytes;
use ratel_core::addon::{Bodies, BodyNeeds};
use ratel_core::clock;
use ratel_core::control::{Order, Part};
use ratel_core::hooks::Hook;
use ratel_flow::{HttpFlow, Response, Side, Version};
use ratel_proto::{Framing, streams};

use super::hold::{Event, Waiting};
use super::messages::MessageStage;
use super::{
    After, Answer, Answered, Paced, ResponseSink, ResponseSource, Scene, after_hook, link,
    normalize,
};
use crate::body::{self, FrameSource as _, Held};
use crate::error::ProxyError;

pub(super) struct Download<'d, 'p, R, S> {
    pub(super) scene: Scene<'d>,
    pub(super) bodies: &'d mut Bodies,
    pub(super) rx: &'d mut Paced<'p, R>,
    pub(super) sink: &'d mut S,
}

impl<R: ResponseSource, S: ResponseSink> Download<'_, '_, R, S> {
    pub(super) async fn run(mut self, client_keeps: bool) -> Result<Answered, ProxyError> {
        let response = self.final_head().await?;
        let (upgraded, framing) = {
            let flow = self.scene.flow.lock().await;
            let upgraded = self.rx.upgrades(&flow.request, &response);
            let framing = self.rx.framing(&flow.request.method, &response)?;
            (upgraded, framing)
        };
        if !upgraded {
            self.rx.begin_body(framing);
        }
        let link = self.scene.link;
        if link.is_active() {
            // Few flows wait; the others need not have room for it.
            Box::pin(self.rx.travel(link.trip(), !upgraded)).await;
        }
        let hold = {
            let mut flow = self.scene.flow.lock().await;
            flow.response = Some(response);
            hook(self.scene, self.bodies, Hook::ResponseHeaders, &mut flow).await?
        };
        if let Some(network) = &mut self.bodies.network {
            // What begins with the response has that on its way for as long as it takes.
            let trips = network.throttles.iter().map(|slow| slow.half_trip());
            let trip = trips.sum();
            let faults = link.take(network);
            Box::pin(link::suffer::<R>(self.scene.ctx, faults, None, None)).await?;
            Box::pin(self.rx.travel(trip, !upgraded)).await;
        }
        if upgraded {
            self.upgrade(hold).await?;
            return Ok(Answered::Upgraded);
        }
        let needs = {
            let flow = self.scene.flow.lock().await;
            let addons = &self.scene.ctx.shared.addons;
            addons.body_needs(&flow, self.bodies, Side::Server)
        };
        let sent = if needs.whole {
            self.collected(framing, needs, hold).await?
        } else {
            let begun = self.measured(framing).await?;
            self.streamed(begun, framing, needs.messages, hold).await?
        };
        // A client that asks for persistence in HTTP/1.0 has it only if the response agrees (RFC 9112 §9.3).
        let flow = self.scene.flow.lock().await;
        let agrees = |response: &Response| response.headers.has_token("connection", "keep-alive");
        let agreed =
            !flow.request.version.is_http10() || flow.response.as_ref().is_some_and(agrees);
        let ends = sent != Framing::UntilClose;
        let keep = client_keeps && agreed && ends && self.rx.is_reusable();
        Ok(Answered::Complete(if keep {
            After::KeepAlive
        } else {
            After::Close
        }))
    }

    /// What there has to be of a body before its head goes on: all of it where its length is not known and limited, so that
    /// a client can be told that it is too large. Streams of messages go on at once, and so does what may be large.
    async fn measured(&mut self, framing: Framing) -> Result<Held, ProxyError> {
        let limit = self.scene.ctx.config.body_size_limit;
        let is_small = limit.is_some_and(|limit| limit <= body::SMALL_MAX as u64);
        if !is_small || matches!(framing, Framing::None | Framing::Length(_)) {
            return Ok(Held::default());
        }
        let is_stream = {
            let flow = self.scene.flow.lock().await;
            let response = flow.response.as_ref();
            response.is_some_and(|response| streams::kind_of(&response.headers).is_some())
        };
        match is_stream {
            true => Ok(Held::default()),
            false => {
                let passes = self.scene.ctx.config.stream_large_bodies;
                let most = passes.unwrap_or(body::SMALL_MAX).min(body::SMALL_MAX);
                body::collect(&mut self.rx.whole(), most).await
            }
        }
    }

    /// Passes on informational responses until there is another one.
    async fn final_head(&mut self) -> Result<Response, ProxyError> {
        loop {
            let Answer {
                response,
                informational,
            } = self.rx.head().await?;
            if self.scene.ctx.config.validate_inbound_headers {
                self.rx.validate(&response)?;
            }
            if !informational {
                return Ok(response);
            }
            self.scene.link.half_trip().await;
            self.scene.recorder.informational(&response);
            self.scene.recorder.ready().await;
            self.sink.informational(&response)?;
            self.sink.flush().await?;
        }
    }

    /// Both sides speak another protocol from here on.
    async fn upgrade(&mut self, mut hold: bool) -> Result<(), ProxyError> {
        {
            let mut flow = self.scene.flow.lock().await;
            // It has none, and that is all of it.
            self.bodies.response = Some(Bytes::new());
            hold |= hook(self.scene, self.bodies, Hook::Response, &mut flow).await?;
            if let Some(response) = &flow.response {
                self.scene.recorder.response(response);
            }
        }
        if hold {
            self.hold(&mut Held::default(), &mut Framing::None, true)
                .await?;
        }
        let flow = self.scene.flow.lock().await;
        if let Some(response) = &flow.response {
            self.sink.upgraded(response)?;
        }
        drop(flow);
        self.sink.flush().await
    }

    /// The body is complete before anything goes on, unless it is too large and nobody insists.
    async fn collected(
        &mut self,
        mut framing: Framing,
        needs: BodyNeeds,
        mut hold: bool,
    ) -> Result<Framing, ProxyError> {
        let passes = self.scene.ctx.config.stream_large_bodies;
        let limit = body::hold_limit(needs, passes);
        let mut held = Held::default();
        if !matches!(framing, Framing::Length(len) if len > limit as u64) {
            held = body::collect(&mut self.rx.whole(), limit).await?;
        }
        if !self.rx.is_done() {
            if needs.insists && passes.is_none() {
                return Err(ProxyError::TooLargeToHold { limit });
            }
            let mut flow = self.scene.flow.lock().await;
            self.scene
                .ctx
                .shared
                .addons
                .body_passes(&mut flow, Side::Server);
            hold |= after_hook(&mut flow, self.scene.recorder)?;
            drop(flow);
            return self.streamed(held, framing, false, hold).await;
        }
        self.bodies.response = Some(held.joined.clone());
        let mut verbatim = true;
        {
            let mut flow = self.scene.flow.lock().await;
            hold |= hook(self.scene, self.bodies, Hook::Response, &mut flow).await?;
            let Some(response) = &mut flow.response else {
                return Ok(framing);
            };
            let Response {
                headers, version, ..
            } = response;
            let replaced = held.replace(self.bodies.response.take(), headers, version);
            if let Some(replaced) = replaced {
                (framing, verbatim) = (replaced, false);
            }
            let recorder = self.scene.recorder;
            recorder.response(response);
            recorder.watch(Side::Server, &response.headers);
            recorder.whole(Side::Server, &held.frames, self.rx.received());
        }
        if hold && self.hold(&mut held, &mut framing, false).await? {
            verbatim = false;
        }
        let now = self.rx.received();
        self.scene.recorder.passed(Side::Server, &held.frames, now);
        self.send_head(framing, verbatim, held.is_empty()).await?;
        self.begin_slowly().await?;
        for frame in held.frames {
            let link = self.scene.link;
            link.send(Side::Server, frame, self.sink).await?;
        }
        self.sink.flush().await?;
        Ok(framing)
    }

    /// The body passes as it comes; `begun` is what has come already.
    async fn streamed(
        &mut self,
        begun: Held,
        mut framing: Framing,
        messages: bool,
        hold: bool,
    ) -> Result<Framing, ProxyError> {
        let mut stage = None;
        if messages && !self.rx.is_done() {
            stage = self.stage(&mut framing).await;
        }
        {
            let flow = self.scene.flow.lock().await;
            if let Some(response) = &flow.response {
                self.scene.recorder.response(response);
                self.scene.recorder.watch(Side::Server, &response.headers);
            }
        }
        if hold {
            self.hold(&mut Held::default(), &mut framing, true).await?;
        }
        let done = self.rx.is_done() && begun.frames.is_empty();
        self.send_head(framing, stage.is_none(), done).await?;
        let Scene {
            recorder,
            line,
            link,
            ..
        } = self.scene;
        if !begun.frames.is_empty() {
            self.begin_slowly().await?;
        }
        for frame in begun.frames {
            recorder.frame(Side::Server, &frame, self.rx.received());
            link.send(Side::Server, frame, self.sink).await?;
        }
        while !self.rx.is_done() {
            let frame = match self.rx.ready()? {
                Some(frame) => frame,
                None => {
                    self.sink.flush().await?;
                    recorder.ready().await;
                    let between = stage.as_ref().is_some_and(MessageStage::may_inject);
                    tokio::select! {
                        biased;
                        frame = self.rx.next() => frame?,
                        injection = line.injected(Side::Server), if between => {
                            if let Some(stage) = &mut stage {
                                stage.inject(injection, self.scene, self.rx, self.sink).await?;
                            }
                            continue;
                        }
                    }
                }
            };
            match &mut stage {
                Some(stage) => stage.feed(frame, self.scene, self.rx, self.sink).await?,
                None => {
                    recorder.frame(Side::Server, &frame, self.rx.received());
                    self.sink.frame(frame)?;
                }
            }
        }
        if stage.is_some() {
            line.closed(Side::Server);
        }
        recorder.end(Side::Server, self.rx.received());
        self.sink.flush().await?;
        let mut flow = self.scene.flow.lock().await;
        hook(self.scene, self.bodies, Hook::Response, &mut flow).await?;
        Ok(framing)
    }

    /// Has the messages of the body shown one by one, if they can be told apart.
    async fn stage(&mut self, framing: &mut Framing) -> Option<MessageStage> {
        let mut flow = self.scene.flow.lock().await;
        let HttpFlow {
            request, response, ..
        } = &mut **flow;
        let response = response.as_mut()?;
        let stage = MessageStage::for_body(Side::Server, &mut response.headers)?;
        let version = if request.version.is_http10() {
            &Version::Http10
        } else {
            &response.version
        };
        *framing = body::unbound(&mut response.headers, *framing, version);
        self.scene.line.carries(Side::Server, stage.kind());
        Some(stage)
    }

    /// A head does not wait for the pieces of a body that are to follow one by one.
    async fn begin_slowly(&mut self) -> Result<(), ProxyError> {
        match self.scene.link.is_active() {
            true => self.sink.flush().await,
            false => Ok(()),
        }
    }

    async fn send_head(
        &mut self,
        framing: Framing,
        verbatim: bool,
        done: bool,
    ) -> Result<(), ProxyError> {
        let flow = self.scene.flow.lock().await;
        match &flow.response {
            Some(response) => self.sink.head(response, framing, verbatim, done),
            None => Ok(()),
        }
    }

    /// Waits until somebody lets the response go; says whether its body was changed. `passes` says that the body does
    /// not wait with its head.
    async fn hold(
        &mut self,
        held: &mut Held,
        framing: &mut Framing,
        passes: bool,
    ) -> Result<bool, ProxyError> {
        let Scene {
            ctx,
            line,
            recorder,
            flow,
            ..
        } = self.scene;
        let size = held.len();
        let waiting = Waiting::begin(ctx, line, recorder, Part::Response, size, passes);
        let Some(mut waiting) = waiting else {
            return Ok(false);
        };
        let mut changed = false;
        // What it was, once somebody has changed it.
        let mut came = None;
        loop {
            // Of a response that is complete the server is not needed any more.
            let source = passes.then_some((&mut *self.rx, Side::Server));
            match waiting.next(source).await {
                Event::Order(Order::Edit(edit)) => {
                    let mut flow = flow.lock().await;
                    came.get_or_insert_with(|| (flow.response.clone(), held.clone(), *framing));
                    recorder.back_up(Side::Server);
                    if let Some(response) = edit.response {
                        flow.response = Some(response);
                    }
                    let has_body = has_body(&flow);
                    let Some(response) = &mut flow.response else {
                        continue;
                    };
                    let Response {
                        headers, version, ..
                    } = response;
                    let (body, trailers) = (edit.response_body, edit.response_trailers);
                    if let Some(new) = held.edit(body, trailers, headers, version) {
                        (changed, *framing) = (true, new);
                    }
                    if changed && !has_body {
                        (*held, *framing) = (Held::default(), Framing::None);
                    }
                    recorder.response(response);
                    if !passes {
                        recorder.replaced(Side::Server, &held.frames, clock::now());
                    }
                }
                Event::Order(Order::Revert) => {
                    if let Some((response, body, length)) = came.take() {
                        flow.lock().await.response = response;
                        (*held, *framing, changed) = (body, length, false);
                        recorder.revert(Side::Server);
                    }
                }
                Event::Order(Order::EditMessage(_)) => {}
                Event::Order(Order::Resume | Order::Drop) => return Ok(changed),
                // What has come of it can still be passed on.
                Event::Gone(_) => {}
            }
        }
    }
}

/// Some responses end with their heads (RFC 9112 §6.3).
fn has_body(flow: &HttpFlow) -> bool {
    let is_head = &flow.request.method[..] == b"HEAD";
    let status = flow.response.as_ref().map(|response| response.status);
    !is_head && !matches!(status, Some(204 | 304))
}

async fn hook(
    scene: Scene<'_>,
    bodies: &mut Bodies,
    hook: Hook,
    flow: &mut HttpFlow,
) -> Result<bool, ProxyError> {
    let addons = &scene.ctx.shared.addons;
    if !addons.wants_for(hook, flow) {
        return Ok(false);
    }
    addons.http(hook, flow, bodies).await;
    if scene.ctx.config.normalize_outbound_headers {
        normalize(flow);
    }
    after_hook(flow, scene.recorder)
}
