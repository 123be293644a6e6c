//! Answers that do not come from the server: an addon has made them, or a person.

use bytes::Bytes;
use ratel_core::clock;
use ratel_core::control::{Order, Part};
use ratel_core::hooks::Hook;
use ratel_flow::{HttpFlow, Side, Version};
use ratel_proto::{Frame, Framing};

use super::hold::{Event, Waiting};
use super::{After, Exchange, RequestBody, ResponseSink, keeps_alive, link, transfer};
use crate::body::{self, Held};
use crate::error::ProxyError;
use crate::recorder::Recorder;

impl Exchange<'_> {
    /// Answers with the response that the flow has.
    pub(super) async fn answer(
        &mut self,
        client: &mut impl RequestBody,
        sink: &mut impl ResponseSink,
    ) -> Result<After, ProxyError> {
        self.hook(Hook::ResponseHeaders).await?;
        if let Some(network) = &mut self.bodies.network {
            let faults = self.link.take(network);
            let half_closed = Some(transfer::HALF_CLOSED);
            Box::pin(link::suffer(
                self.ctx,
                faults,
                Some(&mut *client),
                half_closed,
            ))
            .await?;
            self.link.client_half_trip(client).await?;
        }
        let hold = self.hook(Hook::Response).await?;
        let body = self.bodies.response.take().unwrap_or_default();
        let mut held = Held::of(body);
        let closes = !client.is_done();
        let mut framing = settle(&mut self.flow, &mut held, closes);
        record(&self.flow, &self.recorder, &held);
        let (ctx, line, part) = (self.ctx, self.line, Part::Response);
        if hold
            && let Some(mut waiting) =
                Waiting::begin(ctx, line, &self.recorder, part, held.len(), false)
        {
            let mut came = None;
            loop {
                match waiting.next(Some((&mut *client, Side::Client))).await {
                    Event::Order(Order::Edit(edit)) => {
                        let edit = *edit;
                        came.get_or_insert_with(|| (self.flow.response.clone(), held.clone()));
                        self.recorder.back_up(Side::Server);
                        if let Some(response) = edit.response {
                            self.flow.response = Some(response);
                        }
                        if let Some(body) = edit.response_body {
                            held = Held::of(body);
                        }
                        framing = settle(&mut self.flow, &mut held, closes);
                        record(&self.flow, &self.recorder, &held);
                    }
                    Event::Order(Order::Revert) => {
                        if let Some((response, body)) = came.take() {
                            (self.flow.response, held) = (response, body);
                            framing = settle(&mut self.flow, &mut held, closes);
                            self.recorder.revert(Side::Server);
                        }
                    }
                    Event::Order(Order::EditMessage(_)) => {}
                    Event::Order(Order::Resume | Order::Drop) => break,
                    Event::Gone(error) => return Err(error),
                }
            }
        }
        let now = clock::now();
        self.recorder.passed(Side::Server, &held.frames, now);
        self.send(framing, held, sink).await?;
        // The adapter closes a connection on which the request body is still to come.
        Ok(if keeps_alive(&self.flow.request) {
            After::KeepAlive
        } else {
            After::Close
        })
    }

    /// Answers a request for a tunnel, which opens none.
    pub(super) async fn deny(&mut self, sink: &mut impl ResponseSink) -> Result<(), ProxyError> {
        let mut held = Held::of(self.bodies.response.take().unwrap_or_default());
        let framing = settle(&mut self.flow, &mut held, false);
        record(&self.flow, &self.recorder, &held);
        self.send(framing, held, sink).await
    }

    async fn send(
        &mut self,
        framing: Framing,
        held: Held,
        sink: &mut impl ResponseSink,
    ) -> Result<(), ProxyError> {
        let Some(response) = &self.flow.response else {
            return Ok(());
        };
        sink.head(response, framing, false, held.is_empty())?;
        if self.link.is_active() {
            sink.flush().await?;
        }
        for frame in held.frames {
            self.link.send(Side::Server, frame, sink).await?;
        }
        sink.flush().await
    }
}

fn record(flow: &HttpFlow, recorder: &Recorder, held: &Held) {
    if let Some(response) = &flow.response {
        recorder.response(response);
        recorder.watch(Side::Server, &response.headers);
        recorder.replaced(Side::Server, &held.frames, clock::now());
    }
}

/// Makes the head say how long the body is; some responses have none (RFC 9112 §6.3). It says, too, if the connection
/// `closes`, since some of the request is left in it that nobody wants (RFC 9112 §9.6).
fn settle(flow: &mut HttpFlow, held: &mut Held, closes: bool) -> Framing {
    let Some(response) = &mut flow.response else {
        return Framing::None;
    };
    let is_http1 = matches!(flow.request.version, Version::Http10 | Version::Http11);
    if closes && is_http1 {
        response.headers.set("connection", b"close");
    }
    let framing = body::set_length(&mut response.headers, held.joined.len());
    if &flow.request.method[..] == b"HEAD" || matches!(response.status, 204 | 304) {
        *held = Held::of(Bytes::new());
        return Framing::None;
    }
    framing
}

impl Held {
    /// A body of ours.
    pub(super) fn of(body: Bytes) -> Self {
        Self {
            frames: vec![Frame {
                data: [body.clone()].into_iter().collect(),
                wire: None,
                trailers: None,
                end: true,
            }],
            joined: body,
        }
    }
}
