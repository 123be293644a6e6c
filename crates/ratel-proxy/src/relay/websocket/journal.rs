//! The record of one direction: messages with their payloads one after the other, control frames beside them.

use bytes::Bytes;
use ratel_flow::{
    MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream, Side, Timestamp,
    WebSocketClose,
};

use crate::recorder::Recorder;

/// See the [module](self).
pub(super) struct Journal<'r> {
    side: Side,
    recorder: &'r Recorder,
    /// Bytes of messages on record.
    body: u64,
    open: Option<Open>,
}

/// A message under way.
pub(super) struct Open {
    kind: MessageKind,
    start: u64,
    since: Timestamp,
    announced: bool,
}

impl<'r> Journal<'r> {
    pub(super) fn new(side: Side, recorder: &'r Recorder) -> Self {
        Self {
            side,
            recorder,
            body: recorder.recorded(side),
            open: None,
        }
    }

    /// The message under way.
    pub(super) fn kind(&self) -> Option<MessageKind> {
        self.open.as_ref().map(|open| open.kind)
    }

    /// A message begins.
    pub(super) fn begin(&mut self, kind: MessageKind, now: Timestamp) {
        self.open = Some(Open {
            kind,
            start: self.body,
            since: now,
            announced: false,
        });
    }

    /// Bytes of it.
    pub(super) fn data(&mut self, data: Bytes, now: Timestamp) {
        self.body += data.len() as u64;
        self.recorder.data(self.side, &[data], now);
    }

    /// Makes a message known that goes on for longer than what has come in.
    pub(super) fn announce(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| !open.announced) else {
            return;
        };
        open.announced = true;
        let message = OpenMessage {
            side: self.side,
            kind: open.kind,
            timestamp: open.since,
            payload: Payload {
                stream: PayloadStream::Body,
                offset: open.start,
                len: 0,
            },
            held: false,
        };
        self.recorder.message_open(self.side, Some(message));
    }

    /// The message is complete, or will never be. `code` is how many frames carried it.
    pub(super) fn end(&mut self, code: u32, flags: MessageFlags, now: Timestamp) {
        if let Some(open) = self.forget() {
            let payload = Payload {
                stream: PayloadStream::Body,
                offset: open.start,
                len: self.body - open.start,
            };
            self.message(open.kind, code, flags, payload, now);
        }
    }

    /// A message whose bytes were not recorded while it came in. One that is under way has none on record either.
    pub(super) fn whole(
        &mut self,
        kind: MessageKind,
        code: u32,
        content: Bytes,
        flags: MessageFlags,
        now: Timestamp,
    ) {
        let payload = Payload {
            stream: PayloadStream::Body,
            offset: self.body,
            len: content.len() as u64,
        };
        self.data(content, now);
        self.message(kind, code, flags, payload, now);
        if let Some(open) = &mut self.open {
            open.start = self.body;
            open.announced = false;
        }
    }

    /// The message under way is recorded as a [`whole`](Self::whole) one, or never was one.
    pub(super) fn forget(&mut self) -> Option<Open> {
        let open = self.open.take()?;
        if open.announced {
            self.recorder.message_open(self.side, None);
        }
        Some(open)
    }

    /// A control frame. `code` is that of a close, whose payload is the reason.
    pub(super) fn control(
        &mut self,
        kind: MessageKind,
        code: u16,
        content: Bytes,
        flags: MessageFlags,
        now: Timestamp,
    ) {
        if kind == MessageKind::Close {
            self.recorder.closed(WebSocketClose {
                by: (!flags.contains(MessageFlags::INJECTED)).then_some(self.side),
                code,
                reason: String::from_utf8_lossy(&content).into(),
            });
        }
        let payload = self.recorder.beside(self.side, &content, now);
        self.message(kind, u32::from(code), flags, payload, now);
    }

    fn message(
        &self,
        kind: MessageKind,
        code: u32,
        flags: MessageFlags,
        payload: Payload,
        now: Timestamp,
    ) {
        self.recorder.message(&MessageHead {
            side: self.side,
            kind,
            flags,
            timestamp: now,
            code,
            payload,
        });
    }
}
