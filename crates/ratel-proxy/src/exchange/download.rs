//! The response on its way down: informational ones, the head, the body as it comes or held for an addon.

use ratel_core::addon::{Bodies, BodyNeed};
use ratel_core::hooks::Hook;
use ratel_flow::{HttpFlow, Side};
use ratel_proto::Framing;

use super::{After, Answer, Answered, ResponseSink, ResponseSource};
use crate::body;
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::recorder::Recorder;

pub(super) struct Download<'d, R, S> {
    pub(super) ctx: &'d ConnCtx,
    pub(super) flow: &'d mut HttpFlow,
    pub(super) bodies: &'d mut Bodies,
    pub(super) recorder: &'d Recorder,
    pub(super) rx: &'d mut R,
    pub(super) sink: &'d mut S,
}

impl<R: ResponseSource, S: ResponseSink> Download<'_, R, S> {
    pub(super) async fn run(mut self, client_keeps: bool) -> Result<Answered, ProxyError> {
        let response = loop {
            let Answer {
                response,
                informational,
            } = self.rx.head().await?;
            if self.ctx.config.validate_inbound_headers {
                self.rx.validate(&response)?;
            }
            if !informational {
                break response;
            }
            self.recorder.informational(&response);
            self.recorder.ready().await;
            self.sink.informational(&response)?;
            self.sink.flush().await?;
        };
        let upgraded = self.rx.upgrades(&self.flow.request, &response);
        let framing = self.rx.framing(&self.flow.request.method, &response)?;
        self.flow.response = Some(response);
        self.hook(Hook::ResponseHeaders).await;
        if upgraded {
            if let Some(response) = &self.flow.response {
                self.recorder.response(response);
                self.sink.upgraded(response)?;
            }
            self.sink.flush().await?;
            return Ok(Answered::Upgraded);
        }
        self.rx.begin_body(framing);
        if let Some(response) = &self.flow.response {
            self.recorder.watch(Side::Server, &response.headers);
        }
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
        let done = self.rx.is_done();
        self.sink.head(response, framing, true, done)?;
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
        let (framing, verbatim) = (replaced.unwrap_or(framing), replaced.is_none());
        self.sink.head(response, framing, verbatim, false)?;
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
