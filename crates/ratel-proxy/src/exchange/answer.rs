//! Answers that do not come from the server: an addon has made them, or a person.

use bytes::Bytes;
use ratel_core::clock;
use ratel_core::control::{Order, Part};
use ratel_core::hooks::Hook;
use ratel_flow::{HttpFlow, Side};
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
        let mut framing = settle(&mut self.flow, &mut held);
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
                        framing = settle(&mut self.flow, &mut held);
                        record(&self.flow, &self.recorder, &held);
                    }
                    Event::Order(Order::Revert) => {
                        if let Some((response, body)) = came.take() {
                            (self.flow.response, held) = (response, body);
                            framing = settle(&mut self.flow, &mut held);
                            self.recorder.revert(Side::Server);
                        }
                    }
                    Event::Order(Order::EditMessage(_)) => {}
                    Event::Order(Order::Resume | Order::Drop) => break,
                    Event::Gone(error) => return Err(error),
                }
            }
        }
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
        let framing = settle(&mut self.flow, &mut held);
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
        sink.head(response, framing, false, false)?;
        for frame in held.frames {
            let mut rest = Some(frame);
            while let Some(piece) = self.link.piece(Side::Server, &mut rest).await? {
                sink.frame(piece)?;
                if rest.is_some() {
                    sink.flush().await?;
                }
            }
        }
        sink.flush().await
    }
}

fn record(flow: &HttpFlow, recorder: &Recorder, held: &Held) {
    if let Some(response) = &flow.response {
        recorder.response(response);
        recorder.replaced(Side::Server, &held.frames, clock::now());
    }
}

/// Makes the head say how long the body is; some responses have none (RFC 9112 §6.3).
fn settle(flow: &mut HttpFlow, held: &mut Held) -> Framing {
    let Some(response) = &mut flow.response else {
        return Framing::None;
    };
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
