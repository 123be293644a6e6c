//! One direction of a WebSocket.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::hooks::Hook;
use ratel_flow::{HttpFlow, Message, MessageFlags, MessageKind, Side, Timestamp};
use ratel_proto::Frame;
use ratel_proto::websocket::handshake::Deflate;
use ratel_proto::websocket::{
    Assembler, CONTROL_MAX, FrameDecoder, MessageType, Part, Peer, Step, WsError, close_payload,
    encode_message, opcode, parse_close,
};
use tokio::sync::Mutex;
use tokio::sync::mpsc::Receiver;

use super::journal::Journal;
use crate::body::{FrameSink, FrameSource};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::recorder::Recorder;
use crate::relay::live::Injection;

/// The largest message that is held back for an addon that needs it whole, in bytes.
const HOLD_MAX: usize = 64 * 1024 * 1024;
/// Pieces up to this size in bytes are joined before they are sent on.
const COPY_MAX: usize = 4 * 1024;
/// Bytes that are decompressed before the store is asked whether it keeps up: they may become a thousand times as many.
const STEP: usize = 16 * 1024;
/// The reserved bit of permessage-deflate (RFC 7692 §6).
const RSV_DEFLATE: u8 = 4;
/// The purpose of the connection is fulfilled (RFC 6455 §7.4.1).
const NORMAL: u16 = 1000;

/// Where messages are shown: one hook of a flow runs at a time.
pub(super) type Hooks<'r> = (&'r ConnCtx, &'r Mutex<&'r mut HttpFlow>);

/// What both directions share.
pub(super) struct Session<'r> {
    pub(super) recorder: &'r Recorder,
    pub(super) deflate: Option<Deflate>,
    /// There when whole messages have to be shown.
    pub(super) hooks: Option<Hooks<'r>>,
    /// One of the two has sent a close.
    pub(super) closing: &'r AtomicBool,
    /// Who ended its side first, without a close.
    pub(super) left: &'r OnceLock<Side>,
}

/// See the [module](self).
pub(super) struct Direction<'r> {
    /// Who sends.
    side: Side,
    session: &'r Session<'r>,
    injected: Receiver<Injection>,
    journal: Journal<'r>,
    buf: BytesMut,
    /// Small pieces that go on together.
    out: BytesMut,
    decoder: FrameDecoder,
    assembler: Assembler,
    /// Bytes that are decoded at once.
    step: usize,
    /// The message that waits for the hooks.
    held: Option<Held>,
    /// A head whose frame waits for the first bytes of its payload: they may be what is wrong with it.
    head: Option<Bytes>,
    /// The frame is a control frame.
    control: bool,
    /// The receiver has a part of a frame.
    passing: bool,
    /// The receiver was sent a close.
    closed: bool,
    /// Each message is compressed with what was in those before it.
    takeover: bool,
    /// The receiver's decompressor is not where the sender's compressor is.
    diverged: bool,
    now: Timestamp,
}

/// A message that is not passed on before it is complete.
#[derive(Default)]
struct Held {
    /// Its frames.
    wire: BytesMut,
    /// What they mean.
    content: BytesMut,
    over: bool,
}

impl Held {
    fn push(&mut self, data: &[u8]) {
        self.over |= self.content.len() + data.len() > HOLD_MAX;
        if !self.over {
            self.content.extend_from_slice(data);
        }
    }

    fn push_wire(&mut self, wire: &[u8]) {
        self.over |= self.wire.len() + wire.len() > HOLD_MAX;
        if !self.over {
            self.wire.extend_from_slice(wire);
        }
    }
}

/// What a part has brought to an end.
enum Ended {
    Message { fragments: u32, compressed: bool },
    Control { opcode: u8, payload: Bytes },
}

impl<'r> Direction<'r> {
    pub(super) fn new(side: Side, session: &'r Session<'r>, injected: Receiver<Injection>) -> Self {
        let deflate = session.deflate.map(|agreed| match side {
            Side::Client => (
                agreed.client_no_context_takeover,
                agreed.client_max_window_bits,
            ),
            Side::Server => (
                agreed.server_no_context_takeover,
                agreed.server_max_window_bits,
            ),
        });
        let peer = match side {
            Side::Client => Peer::Client,
            Side::Server => Peer::Server,
        };
        let rsv = deflate.map_or(0, |_| RSV_DEFLATE);
        Self {
            side,
            session,
            injected,
            journal: Journal::new(side, session.recorder),
            buf: BytesMut::new(),
            out: BytesMut::new(),
            decoder: FrameDecoder::new(peer, rsv),
            assembler: Assembler::new(deflate),
            step: deflate.map_or(usize::MAX, |_| STEP),
            held: session.hooks.map(|_| Held::default()),
            head: None,
            control: false,
            passing: false,
            closed: false,
            takeover: deflate.is_some_and(|(by_itself, _)| !by_itself),
            diverged: false,
            now: clock::now(),
        }
    }

    /// Passes everything on until the sender closes its side.
    pub(super) async fn run(
        &mut self,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        loop {
            // A sender that never pauses leaves room for others between its messages.
            while self.may_inject()
                && let Ok(injection) = self.injected.try_recv()
            {
                self.inject(injection, sink).await?;
            }
            let ready = source.ready();
            let frame = match ready.inspect_err(|_| self.cut())? {
                Some(frame) => frame,
                None if source.is_done() => break,
                None => {
                    sink.flush().await?;
                    self.session.recorder.ready().await;
                    let may_inject = self.may_inject();
                    tokio::select! {
                        biased;
                        frame = source.next() => frame.inspect_err(|_| self.cut())?,
                        Some(injection) = self.injected.recv(), if may_inject => {
                            self.inject(injection, sink).await?;
                            continue;
                        }
                    }
                }
            };
            self.now = source.received();
            let size = self.step;
            for step in frame.data.iter().flat_map(|piece| piece.chunks(size)) {
                self.buf.extend_from_slice(step);
                while let Some(part) = self.decoded()? {
                    self.part(part, sink).await?;
                }
                self.pour(sink)?;
                self.session.recorder.ready().await;
            }
            self.journal.announce();
            if frame.end {
                break;
            }
        }
        // What is cut off is passed on all the same.
        let rest = [self.head.take(), Some(self.buf.split().freeze())];
        if self.held.is_none() {
            for rest in rest.into_iter().flatten().filter(|rest| !rest.is_empty()) {
                self.put(rest, sink)?;
            }
            self.pour(sink)?;
        }
        self.done();
        self.session.recorder.end(self.side, self.now);
        sink.shutdown().await
    }

    fn decoded(&mut self) -> Result<Option<Part>, ProxyError> {
        let decoded = self.decoder.next(&mut self.buf);
        decoded.map_err(|error| self.broken(error))
    }

    fn broken(&self, error: WsError) -> ProxyError {
        let by = self.side;
        ProxyError::WebSocket { by, error }
    }

    /// Records what a part means, and passes it on or holds it.
    async fn part(&mut self, part: Part, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        if let Part::Head { head, .. } = &part {
            self.control = head.is_control();
        }
        let ended = self.assembled(&part)?;
        match (part, &mut self.held) {
            (Part::Head { wire, .. } | Part::Payload { wire, .. }, Some(held)) if !self.control => {
                held.push_wire(&wire);
                if held.over {
                    return Err(ProxyError::MessageTooLong { limit: HOLD_MAX });
                }
            }
            (Part::Head { wire, .. }, _) => self.head = Some(wire),
            (Part::Payload { wire, end, .. }, _) => {
                for piece in [self.head.take(), Some(wire)].into_iter().flatten() {
                    self.put(piece, sink)?;
                }
                self.passing = !end;
            }
        }
        match ended {
            None => Ok(()),
            Some(Ended::Control { opcode, payload }) => {
                self.passed_control(opcode, &payload);
                Ok(())
            }
            Some(Ended::Message {
                fragments,
                compressed,
            }) => {
                let flags = if compressed {
                    MessageFlags::COMPRESSED
                } else {
                    MessageFlags::default()
                };
                if self.held.is_some() {
                    return self.release(fragments, flags, sink).await;
                }
                self.journal.end(fragments, flags, self.now);
                Ok(())
            }
        }
    }

    fn assembled(&mut self, part: &Part) -> Result<Option<Ended>, ProxyError> {
        let mut ended = None;
        let (journal, held, now) = (&mut self.journal, &mut self.held, self.now);
        let taken = self.assembler.take(part, &mut |step| match step {
            Step::Begin(MessageType::Text) => journal.begin(MessageKind::Text, now),
            Step::Begin(MessageType::Binary) => journal.begin(MessageKind::Binary, now),
            Step::Data(data) => match held {
                Some(held) => held.push(&data),
                None => journal.data(data, now),
            },
            Step::End {
                fragments,
                compressed,
            } => {
                ended = Some(Ended::Message {
                    fragments,
                    compressed,
                });
            }
            Step::Control { opcode, payload } => ended = Some(Ended::Control { opcode, payload }),
        });
        taken.map_err(|error| self.broken(error))?;
        Ok(ended)
    }

    fn passed_control(&mut self, opcode: u8, payload: &Bytes) {
        let none = MessageFlags::default();
        let (kind, code, payload) = match opcode {
            opcode::PING => (MessageKind::Ping, 0, payload.clone()),
            opcode::PONG => (MessageKind::Pong, 0, payload.clone()),
            _ => {
                self.closed = true;
                self.session.closing.store(true, Ordering::Relaxed);
                let (code, reason) = parse_close(payload);
                (MessageKind::Close, code, payload.slice_ref(reason))
            }
        };
        self.journal.control(kind, code, payload, none, self.now);
    }

    /// A held message is complete: hooks see it, and it goes on as they leave it.
    async fn release(
        &mut self,
        fragments: u32,
        flags: MessageFlags,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let Some(Held { wire, content, .. }) = self.held.replace(Held::default()) else {
            return Ok(());
        };
        let kind = self.journal.kind().unwrap_or(MessageKind::Binary);
        let content = content.freeze();
        let message = self.shown(kind, flags, content.clone()).await;
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
        let Message { content, flags, .. } = message;
        self.journal
            .whole(kind, fragments, content, flags, self.now);
        Ok(())
    }

    /// Sends on, small pieces together.
    fn put(&mut self, wire: Bytes, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        if wire.len() <= COPY_MAX {
            self.out.extend_from_slice(&wire);
            return Ok(());
        }
        self.pour(sink)?;
        sink.frame(Frame::data(wire))
    }

    fn pour(&mut self, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        if self.out.is_empty() {
            return Ok(());
        }
        sink.frame(Frame::data(self.out.split().freeze()))
    }

    /// What the hooks leave of a message.
    async fn shown(&self, kind: MessageKind, flags: MessageFlags, content: Bytes) -> Message {
        let before = content.clone();
        let mut message = Message {
            side: self.side,
            kind,
            flags,
            timestamp: self.now,
            content,
        };
        if let Some((ctx, flow)) = self.session.hooks {
            let mut flow = flow.lock().await;
            let (addons, shown) = (&ctx.shared.addons, Some(&mut message));
            addons
                .websocket(Hook::WebsocketMessage, &mut flow, shown)
                .await;
        }
        if message.content != before {
            message.flags = message.flags.with(MessageFlags::MODIFIED);
        }
        message
    }

    /// Whether a message may be sent here that the sender has not sent.
    fn may_inject(&self) -> bool {
        let between = self.decoder.is_between_messages() || self.held.is_some();
        between && !self.passing && !self.closed
    }

    async fn inject(
        &mut self,
        injection: Injection,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let Injection { kind, content } = injection;
        self.now = clock::now();
        let flags = MessageFlags::INJECTED;
        if !matches!(kind, MessageKind::Text | MessageKind::Binary) {
            return self.inject_control(kind, content, sink);
        }
        let message = self.shown(kind, flags, content).await;
        if !message.is_dropped() {
            self.put(self.encoded(kind, &message.content), sink)?;
            self.pour(sink)?;
        }
        let Message { content, flags, .. } = message;
        self.journal.whole(kind, 1, content, flags, self.now);
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

    /// A message in one frame, in the words of the sender.
    fn encoded(&self, kind: MessageKind, payload: &[u8]) -> Bytes {
        let opcode = match kind {
            MessageKind::Text => opcode::TEXT,
            MessageKind::Ping => opcode::PING,
            MessageKind::Pong => opcode::PONG,
            MessageKind::Close => opcode::CLOSE,
            _ => opcode::BINARY,
        };
        let key = (self.side == Side::Client).then(mask_key);
        encode_message(opcode, payload, key)
    }

    /// The sender is done: what it has begun stays unfinished, and a close that nobody has sent will not come.
    fn done(&mut self) {
        self.cut();
        if !self.session.closing.load(Ordering::Relaxed) {
            // The other side is done only because it was told so.
            let _ = self.session.left.set(self.side);
        }
    }

    /// Records a message whose end will not come.
    pub(super) fn cut(&mut self) {
        let flags = MessageFlags::MALFORMED;
        match (self.journal.kind(), &mut self.held) {
            (Some(kind), Some(held)) => {
                let content = held.content.split().freeze();
                self.journal.forget();
                self.journal.whole(kind, 0, content, flags, self.now);
            }
            _ => self.journal.end(0, flags, self.now),
        }
    }

    /// Sends the receiver a close that is not the sender's, unless it would be taken for a part of a frame, and nothing
    /// after it.
    pub(super) async fn close(&mut self, sink: &mut impl FrameSink, code: u16) {
        if !self.closed && !self.passing {
            let frame = self.encoded(MessageKind::Close, &close_payload(code, ""));
            self.out.extend_from_slice(&frame);
            self.closed = true;
            let (kind, flags) = (MessageKind::Close, MessageFlags::INJECTED);
            self.journal
                .control(kind, code, Bytes::new(), flags, clock::now());
        }
        // Whether it is heard makes no difference any more.
        if self.pour(sink).is_ok() {
            let _ = sink.shutdown().await;
        }
    }
}

/// A key that masks a frame of ours. It hides nothing; it only must not be foreseen by a page (RFC 6455 §10.3).
fn mask_key() -> [u8; 4] {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(clock::now());
    let [a, b, c, d, ..] = random.to_le_bytes();
    [a, b, c, d]
}
