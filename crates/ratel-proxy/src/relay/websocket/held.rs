//! Messages that do not go on before they are complete, because an addon must see them, and those of them that then wait
//! for a person.
//!
//! While one waits, its sender is still heard: pings, which keep the connection alive, pass at once; what else comes is
//! kept up to a bound, and then not read any more. A client that leaves, or a receiver, ends the wait: the message goes
//! nowhere. A server's is still there for the client when the server has left.

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::control::{Order, Part as FlowPart};
use ratel_core::hooks::Hook;
use ratel_flow::{Message, MessageFlags, MessageKind, Side};
use ratel_proto::websocket::{Part, opcode};

use super::super::tcp::other;
use super::direction::{Direction, size};
use crate::body::{AHEAD_MAX, FrameSink, FrameSource};
use crate::error::ProxyError;
use crate::exchange::{self, Waiting};

/// The largest message that is held back for an addon that needs it whole, in bytes.
const HOLD_MAX: usize = 64 * 1024 * 1024;

/// A message that is not passed on before it is complete.
#[derive(Default)]
pub(super) struct Held {
    /// Its frames.
    wire: BytesMut,
    /// What they mean.
    content: BytesMut,
    over: bool,
}

impl Held {
    pub(super) fn push(&mut self, data: &[u8]) {
        self.over |= self.content.len() + data.len() > HOLD_MAX;
        if !self.over {
            self.content.extend_from_slice(data);
        }
    }

    pub(super) fn push_wire(&mut self, wire: &[u8]) -> Result<(), ProxyError> {
        self.over |= self.wire.len() + wire.len() > HOLD_MAX;
        if self.over {
            return Err(ProxyError::MessageTooLong { limit: HOLD_MAX });
        }
        self.wire.extend_from_slice(wire);
        Ok(())
    }

    pub(super) fn take_content(&mut self) -> Bytes {
        self.content.split().freeze()
    }
}

impl Direction<'_> {
    /// Whether the message that begins has to be complete before it goes on.
    pub(super) async fn must_hold(&self) -> bool {
        let addons = &self.session.ctx.shared.addons;
        // Its bytes would mean nothing to the receiver.
        self.diverged
            || addons.wants(Hook::WebsocketMessage)
                && addons.wants_messages(&**self.session.flow.lock().await)
    }

    /// A held message is complete: hooks see it, and it goes on as they leave it.
    pub(super) async fn release(
        &mut self,
        held: Held,
        fragments: u32,
        flags: MessageFlags,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let Held { wire, content, .. } = held;
        let kind = self.journal.kind().unwrap_or(MessageKind::Binary);
        let content = content.freeze();
        let message = self.shown(kind, flags, content.clone(), source, sink);
        let message = message.await?;
        let compressed = flags.contains(MessageFlags::COMPRESSED);
        if message.is_dropped() || message.content != content {
            self.diverged |= compressed && self.takeover;
        }
        if !message.is_dropped() {
            let as_it_came = message.content == content && !(compressed && self.diverged);
            let wire = if as_it_came {
                wire.freeze()
            } else {
                self.encoded(kind, &message.content)
            };
            self.put(wire, sink)?;
        }
        self.journal.forget();
        self.record(kind, fragments, message, &content);
        Ok(())
    }

    /// Records a message, and beside it what it had said when it `came`.
    pub(super) fn record(
        &mut self,
        kind: MessageKind,
        fragments: u32,
        message: Message,
        came: &Bytes,
    ) {
        let Message { content, flags, .. } = message;
        self.journal
            .whole(kind, fragments, content, flags, self.now);
        if flags.contains(MessageFlags::MODIFIED) {
            let recorder = self.session.recorder;
            recorder.came_as(self.side, came, self.now);
        }
    }

    /// What hooks and people leave of a message.
    pub(super) async fn shown(
        &mut self,
        kind: MessageKind,
        flags: MessageFlags,
        content: Bytes,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<Message, ProxyError> {
        let before = content.clone();
        let mut message = Message {
            side: self.side,
            kind,
            flags,
            timestamp: self.now,
            content,
        };
        let addons = &self.session.ctx.shared.addons;
        if addons.wants(Hook::WebsocketMessage) {
            let mut flow = self.session.flow.lock().await;
            let (hook, shown) = (Hook::WebsocketMessage, Some(&mut message));
            addons.websocket(hook, &mut flow, shown).await;
            let hold = exchange::after_hook(&mut flow, self.session.recorder)?;
            drop(flow);
            if hold && !message.is_dropped() {
                self.wait(&mut message, source, sink).await?;
            }
        }
        if message.content != before {
            message.flags = message.flags.with(MessageFlags::MODIFIED);
        }
        Ok(message)
    }

    /// Waits until somebody lets the message go, or keeps it for good.
    async fn wait(
        &mut self,
        message: &mut Message,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        // Those before it are delivered, however long this takes.
        self.pour(sink)?;
        sink.flush().await?;
        let (ctx, line, recorder) = (self.session.ctx, self.session.line, self.session.recorder);
        let (part, bytes) = (FlowPart::Message(self.side), message.content.len());
        let Some(mut waiting) = Waiting::begin(ctx, line, recorder, part, bytes, false) else {
            return Ok(());
        };
        waiting.show(message);
        self.waiting = Some(message.clone());
        let came = message.content.clone();
        let receiver = other(self.side);
        // What is behind it has come already, maybe.
        let mut heard = self.keep(source, sink).await?;
        let order = loop {
            heard &= self.later_bytes < AHEAD_MAX && !source.is_done();
            let order = tokio::select! {
                biased;
                order = waiting.order() => order,
                // Nobody is there to get it.
                () = line.has_left(receiver) => {
                    return Err(ProxyError::WebSocketLeft { by: receiver });
                }
                frame = next(source), if heard => {
                    match frame {
                        Ok(frame) => {
                            self.take(&frame);
                            self.heard(source);
                            heard = self.keep(source, sink).await?;
                            if frame.end {
                                // What a server has said can still be heard.
                                if self.side == Side::Client {
                                    return Err(waiting.client_left());
                                }
                                waiting.left(self.side);
                            }
                        }
                        // What a server has said can still be heard.
                        Err(_) if self.side == Side::Server => {
                            waiting.left(self.side);
                            heard = false;
                        }
                        Err(error) => return Err(error),
                    }
                    continue;
                }
            };
            match order {
                Order::EditMessage(content) => message.content = content,
                Order::Revert => message.content = came.clone(),
                Order::Edit(_) => {}
                Order::Resume | Order::Drop => break order,
            }
            waiting.show(message);
            self.waiting = Some(message.clone());
        };
        self.waiting = None;
        self.now = clock::now();
        if matches!(order, Order::Drop) {
            message.drop_it();
        }
        Ok(())
    }

    /// Keeps what has come for later, but for pings and pongs: these go on. False once the sender is not to be heard any
    /// more.
    async fn keep(
        &mut self,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<bool, ProxyError> {
        let mut alive = false;
        while let Some(part) = self.decoded()? {
            if let Part::Head { head, .. } = &part {
                alive = matches!(head.opcode, opcode::PING | opcode::PONG);
            }
            if alive {
                // No message ends with it, so nothing waits in there.
                Box::pin(self.part(part, source, sink)).await?;
            } else {
                self.later_bytes += size(&part);
                self.later.push_back(part);
            }
        }
        self.pour(sink)?;
        sink.flush().await?;
        Ok(self.later_bytes < AHEAD_MAX)
    }
}

/// The next frame, ready or not.
///
/// # Cancel safety
/// Cancel safe.
async fn next(source: &mut impl FrameSource) -> Result<ratel_proto::Frame, ProxyError> {
    match source.ready()? {
        Some(frame) => Ok(frame),
        None => source.next().await,
    }
}
