//! Messages that nobody but the user has sent.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use ratel_core::clock;
use ratel_core::control::Injection;
use ratel_flow::{MessageFlags, MessageKind};
use ratel_proto::websocket::{CONTROL_MAX, close_payload};

use super::direction::Direction;
use crate::body::{FrameSink, FrameSource};
use crate::error::ProxyError;

/// The purpose of the connection is fulfilled (RFC 6455 §7.4.1).
const NORMAL: u16 = 1000;

impl Direction<'_> {
    /// Whether a message may be sent here that the sender has not sent.
    pub(super) fn may_inject(&self) -> bool {
        let between = self.decoder.is_between_messages() || self.held.is_some();
        between && !self.passing && !self.closed
    }

    pub(super) async fn inject(
        &mut self,
        injection: Injection,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let Injection { kind, content } = injection;
        self.now = clock::now();
        let flags = MessageFlags::INJECTED;
        if !matches!(kind, MessageKind::Text | MessageKind::Binary) {
            return self.inject_control(kind, content, sink);
        }
        let message = self.shown(kind, flags, content.clone(), source, sink);
        let message = message.await?;
        if !message.is_dropped() {
            self.put(self.encoded(kind, &message.content), sink)?;
            self.pour(sink)?;
        }
        self.record(kind, 1, message, &content);
        Ok(())
    }

    fn inject_control(
        &mut self,
        kind: MessageKind,
        content: Bytes,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let (payload, code) = match kind {
            MessageKind::Close => {
                self.closed = true;
                self.session.closing.store(true, Ordering::Relaxed);
                let reason = String::from_utf8_lossy(&content);
                (close_payload(NORMAL, &reason), NORMAL)
            }
            _ => (content.clone(), 0),
        };
        if payload.len() > CONTROL_MAX {
            tracing::warn!(
                "a {} of more than {CONTROL_MAX} bytes cannot be injected",
                kind.name()
            );
            return Ok(());
        }
        self.put(self.encoded(kind, &payload), sink)?;
        self.pour(sink)?;
        let flags = MessageFlags::INJECTED;
        self.journal.control(kind, code, content, flags, self.now);
        Ok(())
    }
}
