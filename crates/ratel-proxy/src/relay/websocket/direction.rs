//! One direction of a WebSocket.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::control::Registration;
use ratel_flow::{HttpFlow, Message, MessageFlags, MessageKind, Side, Timestamp};
use ratel_proto::Frame;
use ratel_proto::websocket::handshake::Deflate;
use ratel_proto::websocket::{
    Assembler, FrameDecoder, MessageType, Part, Peer, Step, WsError, close_payload, encode_message,
    opcode, parse_close,
};
use tokio::sync::Mutex;

use super::held::Held;
use super::journal::Journal;
use crate::body::{FrameSink, FrameSource};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::recorder::Recorder;

/// Pieces up to this size in bytes are joined before they are sent on.
const COPY_MAX: usize = 4 * 1024;
/// Bytes that are decompressed before the store is asked whether it keeps up: they may become a thousand times as many.
const STEP: usize = 16 * 1024;
/// The reserved bit of permessage-deflate (RFC 7692 §6).
const RSV_DEFLATE: u8 = 4;

/// What both directions share.
pub(super) struct Session<'r> {
    pub(super) ctx: &'r ConnCtx,
    pub(super) line: &'r Registration,
    pub(super) recorder: &'r Recorder,
    /// One hook of a flow runs at a time.
    pub(super) flow: &'r Mutex<&'r mut HttpFlow>,
    pub(super) deflate: Option<Deflate>,
    /// One of the two has sent a close.
    pub(super) closing: &'r AtomicBool,
    /// Who ended its side first, without a close.
    pub(super) left: &'r OnceLock<Side>,
}

/// See the [module](self).
pub(super) struct Direction<'r> {
    /// Who sends.
    pub(super) side: Side,
    pub(super) session: &'r Session<'r>,
    pub(super) journal: Journal<'r>,
    buf: BytesMut,
    /// Small pieces that go on together.
    out: BytesMut,
    pub(super) decoder: FrameDecoder,
    /// Parts that came while a message was held, and their bytes.
    pub(super) later: VecDeque<Part>,
    pub(super) later_bytes: usize,
    assembler: Assembler,
    /// Bytes that are decoded at once.
    step: usize,
    /// The message that waits for a person.
    pub(super) waiting: Option<Message>,
    /// The message under way, if it is not to go on before it is complete.
    pub(super) held: Option<Held>,
    /// A head whose frame waits for the first bytes of its payload: they may be what is wrong with it.
    head: Option<Bytes>,
    /// The frame is a control frame.
    control: bool,
    /// The receiver has a part of a frame.
    pub(super) passing: bool,
    /// The receiver was sent a close.
    pub(super) closed: bool,
    /// Each message is compressed with what was in those before it.
    pub(super) takeover: bool,
    /// The receiver's decompressor is not where the sender's compressor is.
    pub(super) diverged: bool,
    pub(super) now: Timestamp,
}

/// What a part has brought to an end.
enum Ended {
    Message { fragments: u32, compressed: bool },
    Control { opcode: u8, payload: Bytes },
}

impl<'r> Direction<'r> {
    pub(super) fn new(side: Side, session: &'r Session<'r>) -> Self {
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
            journal: Journal::new(side, session.recorder),
            buf: BytesMut::new(),
            out: BytesMut::new(),
            decoder: FrameDecoder::new(peer, rsv),
            later: VecDeque::new(),
            later_bytes: 0,
            assembler: Assembler::new(deflate),
            step: deflate.map_or(usize::MAX, |_| STEP),
            waiting: None,
            held: None,
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
            // What came while one was held that nobody has sent does not wait for what its sender says next.
            self.parts(source, sink).await?;
            // A sender that never pauses leaves room for others between its messages.
            while self.may_inject()
                && let Some(injection) = self.session.line.try_injected(self.side)
            {
                self.inject(injection, source, sink).await?;
                self.parts(source, sink).await?;
            }
            self.pour(sink)?;
            let ready = source.ready();
            let frame = match ready.inspect_err(|_| self.cut())? {
                Some(frame) => frame,
                None if source.is_done() => break,
                None => {
                    sink.flush().await?;
                    self.session.recorder.ready().await;
                    let (may_inject, line) = (self.may_inject(), self.session.line);
                    tokio::select! {
                        biased;
                        frame = source.next() => frame.inspect_err(|_| self.cut())?,
                        injection = line.injected(self.side), if may_inject => {
                            self.inject(injection, source, sink).await?;
                            continue;
                        }
                    }
                }
            };
            self.heard(source);
            let size = self.step;
            for step in frame.data.iter().flat_map(|piece| piece.chunks(size)) {
                self.buf.extend_from_slice(step);
                self.parts(source, sink).await?;
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

    /// The newest bytes have come in by now; they pass behind what was held.
    pub(super) fn heard(&mut self, source: &impl FrameSource) {
        let received = source.received();
        let passing = self.session.recorder.passing(self.side, received);
        self.now = self.now.max(passing);
    }

    /// Passes on what has come in, and what was injected right behind the message that it was to follow.
    async fn parts(
        &mut self,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        while let Some(part) = self.next_part()? {
            self.part(part, source, sink).await?;
            while !self.later.is_empty()
                && self.is_between()
                && let Some(injection) = self.session.line.try_injected(self.side)
            {
                self.inject(injection, source, sink).await?;
            }
        }
        Ok(())
    }

    /// Whether nothing is under way to the receiver, whatever has come in behind that.
    fn is_between(&self) -> bool {
        let begun = self.journal.kind().is_some() && self.held.is_none();
        !begun && !self.passing && !self.closed
    }

    fn next_part(&mut self) -> Result<Option<Part>, ProxyError> {
        match self.later.pop_front() {
            Some(part) => {
                self.later_bytes = self.later_bytes.saturating_sub(size(&part));
                Ok(Some(part))
            }
            None => self.decoded(),
        }
    }

    pub(super) fn decoded(&mut self) -> Result<Option<Part>, ProxyError> {
        let decoded = self.decoder.next(&mut self.buf);
        decoded.map_err(|error| self.broken(error))
    }

    /// Takes in bytes without looking at them yet.
    pub(super) fn take(&mut self, frame: &Frame) {
        for piece in &frame.data {
            self.buf.extend_from_slice(piece);
        }
    }

    fn broken(&self, error: WsError) -> ProxyError {
        let by = self.side;
        ProxyError::WebSocket { by, error }
    }

    /// Records what a part means, and passes it on or holds it.
    pub(super) async fn part(
        &mut self,
        part: Part,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        if let Part::Head { head, .. } = &part {
            self.control = head.is_control();
            if matches!(head.opcode, opcode::TEXT | opcode::BINARY) {
                self.held = self.must_hold().await.then(Held::default);
            }
        }
        let ended = self.assembled(&part)?;
        match (part, &mut self.held) {
            (Part::Head { wire, .. } | Part::Payload { wire, .. }, Some(held)) if !self.control => {
                held.push_wire(&wire)?;
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
                if let Some(held) = self.held.take() {
                    return self.release(held, fragments, flags, source, sink).await;
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

    /// Sends on, small pieces together.
    pub(super) fn put(&mut self, wire: Bytes, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        if wire.len() <= COPY_MAX {
            self.out.extend_from_slice(&wire);
            return Ok(());
        }
        self.pour(sink)?;
        sink.frame(Frame::data(wire))
    }

    pub(super) fn pour(&mut self, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        if self.out.is_empty() {
            return Ok(());
        }
        sink.frame(Frame::data(self.out.split().freeze()))
    }

    /// A message in one frame, in the words of the sender.
    pub(super) fn encoded(&self, kind: MessageKind, payload: &[u8]) -> Bytes {
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
        self.session.line.closed(self.side);
        self.session.line.left(self.side);
        if !self.session.closing.load(Ordering::Relaxed) {
            // The other side is done only because it was told so.
            let _ = self.session.left.set(self.side);
        }
    }

    /// Records a message whose end will not come.
    pub(super) fn cut(&mut self) {
        let flags = MessageFlags::MALFORMED;
        if let Some(message) = self.waiting.take() {
            // It was complete, and went nowhere.
            let flags = message.flags.with(MessageFlags::DROPPED);
            self.journal.forget();
            self.journal
                .whole(message.kind, 0, message.content, flags, clock::now());
            return;
        }
        match (self.journal.kind(), &mut self.held) {
            (Some(kind), Some(held)) => {
                let content = held.take_content();
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

/// Bytes that a part takes.
pub(super) fn size(part: &Part) -> usize {
    match part {
        Part::Head { wire, .. } | Part::Payload { wire, .. } => wire.len(),
    }
}

/// A key that masks a frame of ours. It hides nothing; it only must not be foreseen by a page (RFC 6455 §10.3).
fn mask_key() -> [u8; 4] {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(clock::now());
    let [a, b, c, d, ..] = random.to_le_bytes();
    [a, b, c, d]
}
