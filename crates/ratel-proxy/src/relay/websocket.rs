//! WebSockets: frames passed on as they come, messages recorded one by one, shown to hooks, dropped and injected.
//!
//! Each direction is a loop of its own. While nobody needs to see whole messages, every piece of a frame leaves as soon
//! as it is in, in its own bytes. When an addon does, the frames of a message wait until it is complete; control frames
//! still pass at once. A message that is dropped or changed would leave the receiver's decompressor behind the
//! sender's, so from then on that direction is sent uncompressed, as any message may be (RFC 7692 §6).

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::control::FlowCommand;
use ratel_core::hooks::Hook;
use ratel_flow::{
    HttpFlow, Message, MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream,
    Side, Timestamp,
};
use ratel_proto::Frame;
use ratel_proto::websocket::{
    self, Assembler, FrameDecoder, MessageType, Part, Peer, Step, handshake, opcode,
};
use tokio::sync::{Mutex, mpsc};

use crate::body::{FrameSink, FrameSource};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::exchange::After;
use crate::recorder::Recorder;

/// The largest message that is held back for an addon that needs it whole, in bytes.
const HOLD_MAX: usize = 64 * 1024 * 1024;
/// Messages that may wait to be injected into one direction.
const INJECTED: usize = 64;

/// The two ends of the exchange, as raw bytes.
pub(crate) struct Ends<'e, B, T, R, S> {
    pub(crate) body: &'e mut B,
    pub(crate) tx: &'e mut T,
    pub(crate) rx: &'e mut R,
    pub(crate) sink: &'e mut S,
}

/// Relays a WebSocket until both directions are done.
pub(crate) async fn run<B, T, R, S>(
    ctx: &ConnCtx,
    flow: &mut HttpFlow,
    recorder: &Recorder,
    ends: Ends<'_, B, T, R, S>,
) -> Result<After, ProxyError>
where
    B: FrameSource,
    T: FrameSink,
    R: FrameSource,
    S: FrameSink,
{
    let Ends { body, tx, rx, sink } = ends;
    recorder.stream(ratel_flow::StreamKind::WebSocket);
    let (_registration, mut commands) = ctx.shared.control.register(flow.id);
    let addons = &ctx.shared.addons;
    addons.websocket(Hook::WebsocketStart, flow, None).await;
    let deflate = flow
        .response
        .as_ref()
        .and_then(|r| handshake::deflate(&r.headers));
    let holds = addons.wants(Hook::WebsocketMessage);
    let (to_server, injected_up) = mpsc::channel(INJECTED);
    let (to_client, injected_down) = mpsc::channel(INJECTED);
    let shared = Mutex::new(&mut *flow);
    let outcome = {
        let hooks = holds.then_some((ctx, &shared));
        let mut up = Direction::new(Side::Client, deflate, recorder, injected_up, hooks);
        let mut down = Direction::new(Side::Server, deflate, recorder, injected_down, hooks);
        let outcome = {
            let commands = async {
                while let Some(command) = commands.recv().await {
                    match command {
                        FlowCommand::Kill => return ProxyError::Killed,
                        FlowCommand::Inject {
                            side,
                            kind,
                            content,
                        } => {
                            let to = match side {
                                Side::Client => &to_server,
                                Side::Server => &to_client,
                            };
                            // Whoever sends faster than the peer reads loses messages, and is told in the log.
                            if to.try_send((kind, content)).is_err() {
                                tracing::warn!(
                                    "an injected message was lost: the peer does not read fast enough"
                                );
                            }
                        }
                    }
                }
                std::future::pending().await
            };
            let both = async {
                let up = async { up.run(body, tx).await };
                let down = async { down.run(rx, sink).await };
                tokio::try_join!(up, down).map(|_| ())
            };
            tokio::select! {
                biased;
                outcome = both => outcome,
                killed = commands => Err(killed),
            }
        };
        if let Err(error) = &outcome {
            // Both are told, unless they are in the middle of a frame.
            let code = match error {
                ProxyError::WebSocket { error, .. } => error.close_code(),
                ProxyError::MessageTooLong { .. } => 1009,
                _ => 1011,
            };
            up.close(tx, code).await;
            down.close(sink, code).await;
        } else if !(up.closed && down.closed) {
            tracing::debug!("the WebSocket ended without a close from both sides (1006)");
        }
        outcome
    };
    addons.websocket(Hook::WebsocketEnd, flow, None).await;
    outcome.map(|()| After::Close)
}

type Hooks<'h> = (&'h ConnCtx, &'h Mutex<&'h mut HttpFlow>);

/// One direction.
struct Direction<'r> {
    side: Side,
    buf: BytesMut,
    decoder: FrameDecoder,
    assembler: Assembler,
    recorder: &'r Recorder,
    injected: mpsc::Receiver<(MessageKind, Bytes)>,
    /// Messages are held until hooks have seen them.
    hooks: Option<Hooks<'r>>,
    /// Payload bytes on record: of messages, and of control frames.
    body_at: u64,
    extra_at: u64,
    message: Option<Open>,
    /// The frame that is being passed is a control frame.
    control: bool,
    /// What the held message consists of on the wire.
    held: Vec<Bytes>,
    content: BytesMut,
    /// The receiver's decompressor is not where the sender's compressor is.
    diverged: bool,
    takeover: bool,
    /// A close has passed.
    closed: bool,
    now: Timestamp,
}

/// A message under way.
struct Open {
    kind: MessageKind,
    start: u64,
    began: Timestamp,
    announced: bool,
}

impl<'r> Direction<'r> {
    fn new(
        side: Side,
        deflate: Option<handshake::Deflate>,
        recorder: &'r Recorder,
        injected: mpsc::Receiver<(MessageKind, Bytes)>,
        hooks: Option<Hooks<'r>>,
    ) -> Self {
        let (peer, by_itself) = match side {
            Side::Client => (
                Peer::Client,
                deflate.map(|d| (d.client_no_context_takeover, d.client_max_window_bits)),
            ),
            Side::Server => (
                Peer::Server,
                deflate.map(|d| (d.server_no_context_takeover, d.server_max_window_bits)),
            ),
        };
        Self {
            side,
            buf: BytesMut::new(),
            decoder: FrameDecoder::new(peer, if deflate.is_some() { 4 } else { 0 }),
            assembler: Assembler::new(by_itself),
            recorder,
            injected,
            hooks,
            body_at: 0,
            extra_at: 0,
            message: None,
            control: false,
            held: Vec::new(),
            content: BytesMut::new(),
            diverged: false,
            takeover: by_itself.is_some_and(|(resets, _)| !resets),
            closed: false,
            now: clock::now(),
        }
    }

    async fn run(
        &mut self,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        loop {
            while let Some(part) = self.next_part()? {
                self.part(part, sink).await?;
            }
            while self.decoder.is_between_messages()
                && let Ok((kind, content)) = self.injected.try_recv()
            {
                self.inject(kind, content, sink)?;
            }
            self.announce();
            let frame = match source.ready()? {
                Some(frame) => frame,
                None if source.is_done() => Frame::end(),
                None => {
                    sink.flush().await?;
                    self.recorder.ready().await;
                    let between = self.decoder.is_between_messages();
                    tokio::select! {
                        biased;
                        frame = source.next() => frame?,
                        Some((kind, content)) = self.injected.recv(), if between => {
                            self.now = clock::now();
                            self.inject(kind, content, sink)?;
                            continue;
                        }
                    }
                }
            };
            self.now = source.received();
            for piece in &frame.data {
                self.buf.extend_from_slice(piece);
            }
            if frame.end {
                while let Some(part) = self.next_part()? {
                    self.part(part, sink).await?;
                }
                self.cut();
                self.recorder.end(self.side, self.now);
                return sink.shutdown().await;
            }
        }
    }

    fn next_part(&mut self) -> Result<Option<Part>, ProxyError> {
        self.decoder
            .next(&mut self.buf)
            .map_err(|error| self.broken(error))
    }

    fn broken(&self, error: websocket::WsError) -> ProxyError {
        ProxyError::WebSocket {
            by: self.side,
            error,
        }
    }

    /// Passes a part on, or holds it, and records what it means.
    async fn part(&mut self, part: Part, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        if let Part::Head { head, .. } = &part {
            self.control = head.is_control();
        }
        let mut steps = Vec::new();
        let taken = self.assembler.take(&part, &mut |step| steps.push(step));
        let (Part::Head { wire, .. } | Part::Payload { wire, .. }) = part;
        let hold = self.hooks.is_some() && !self.control;
        if hold {
            self.held.push(wire);
        } else if taken.is_ok() {
            sink.frame(Frame::data(wire))?;
        }
        for step in steps {
            match step {
                Step::Begin(kind) => self.begin(kind),
                Step::Data(data) if hold => {
                    self.content.extend_from_slice(&data);
                    if self.content.len() > HOLD_MAX {
                        return Err(ProxyError::MessageTooLong { limit: HOLD_MAX });
                    }
                }
                Step::Data(data) => self.data(data),
                Step::End {
                    fragments,
                    compressed,
                } if hold => self.held_end(fragments, compressed, sink).await?,
                Step::End {
                    fragments,
                    compressed,
                } => self.end(fragments, compressed, MessageFlags::default()),
                Step::Control { opcode, payload } => self.control(opcode, &payload),
            }
        }
        taken.map_err(|error| self.broken(error))
    }

    fn begin(&mut self, kind: MessageType) {
        self.message = Some(Open {
            kind: match kind {
                MessageType::Text => MessageKind::Text,
                MessageType::Binary => MessageKind::Binary,
            },
            start: self.body_at,
            began: self.now,
            announced: false,
        });
    }

    fn data(&mut self, data: Bytes) {
        self.body_at += data.len() as u64;
        self.recorder.data(self.side, &[data], self.now);
    }

    fn end(&mut self, fragments: u32, compressed: bool, flags: MessageFlags) {
        let Some(open) = self.message.take() else {
            return;
        };
        if open.announced {
            self.recorder.message_open(self.side, None);
        }
        let flags = if compressed {
            flags.with(MessageFlags::COMPRESSED)
        } else {
            flags
        };
        self.recorder.message(&MessageHead {
            side: self.side,
            kind: open.kind,
            flags,
            timestamp: self.now,
            code: fragments,
            payload: Payload {
                stream: PayloadStream::Body,
                offset: open.start,
                len: self.body_at - open.start,
            },
        });
    }

    /// A held message is complete: hooks see it, and it goes on as they leave it.
    async fn held_end(
        &mut self,
        fragments: u32,
        compressed: bool,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let content = self.content.split().freeze();
        let mut message = Message {
            side: self.side,
            kind: self
                .message
                .as_ref()
                .map_or(MessageKind::Binary, |open| open.kind),
            flags: MessageFlags::default(),
            timestamp: self.now,
            content: content.clone(),
        };
        if let Some((ctx, flow)) = self.hooks {
            let mut flow = flow.lock().await;
            let addons = &ctx.shared.addons;
            addons
                .websocket(Hook::WebsocketMessage, &mut flow, Some(&mut message))
                .await;
        }
        let wires = std::mem::take(&mut self.held);
        let mut flags = message.flags;
        let changed = message.content != content;
        if changed {
            flags = flags.with(MessageFlags::MODIFIED);
        }
        if message.is_dropped() {
            self.diverged |= compressed && self.takeover;
        } else if changed || (self.diverged && compressed) {
            self.diverged |= compressed && self.takeover;
            sink.frame(Frame::data(self.encode(message.kind, &message.content)))?;
        } else {
            for wire in wires {
                sink.frame(Frame::data(wire))?;
            }
        }
        self.data(message.content);
        self.end(fragments, compressed, flags);
        Ok(())
    }

    fn encode(&self, kind: MessageKind, content: &[u8]) -> Bytes {
        let opcode = match kind {
            MessageKind::Text => opcode::TEXT,
            MessageKind::Ping => opcode::PING,
            MessageKind::Pong => opcode::PONG,
            MessageKind::Close => opcode::CLOSE,
            _ => opcode::BINARY,
        };
        let key = (self.side == Side::Client).then(mask_key);
        websocket::encode_message(opcode, content, key)
    }

    fn inject(
        &mut self,
        kind: MessageKind,
        content: Bytes,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        sink.frame(Frame::data(self.encode(kind, &content)))?;
        match kind {
            MessageKind::Text | MessageKind::Binary => {
                self.begin(match kind {
                    MessageKind::Text => MessageType::Text,
                    _ => MessageType::Binary,
                });
                self.data(content);
                self.end(1, false, MessageFlags::INJECTED);
            }
            kind => self.control_message(kind, 0, &content, MessageFlags::INJECTED),
        }
        Ok(())
    }

    fn control(&mut self, code: u8, payload: &Bytes) {
        match code {
            opcode::CLOSE => {
                self.closed = true;
                let (code, reason) = websocket::parse_close(payload);
                let reason = payload.slice_ref(reason);
                let none = MessageFlags::default();
                self.control_message(MessageKind::Close, u32::from(code), &reason, none);
            }
            opcode::PING => {
                self.control_message(MessageKind::Ping, 0, payload, MessageFlags::default())
            }
            _ => self.control_message(MessageKind::Pong, 0, payload, MessageFlags::default()),
        }
    }

    fn control_message(
        &mut self,
        kind: MessageKind,
        code: u32,
        payload: &Bytes,
        flags: MessageFlags,
    ) {
        let len = payload.len() as u64;
        self.recorder
            .extra(self.side, std::slice::from_ref(payload), self.now);
        self.recorder.message(&MessageHead {
            side: self.side,
            kind,
            flags,
            timestamp: self.now,
            code,
            payload: Payload {
                stream: PayloadStream::Extra,
                offset: self.extra_at,
                len,
            },
        });
        self.extra_at += len;
    }

    /// A message that takes its time is known while it is under way.
    fn announce(&mut self) {
        if let Some(open) = self.message.as_mut().filter(|open| !open.announced) {
            open.announced = true;
            let payload = Payload {
                stream: PayloadStream::Body,
                offset: open.start,
                len: 0,
            };
            let message = OpenMessage {
                side: self.side,
                kind: open.kind,
                timestamp: open.began,
                payload,
            };
            self.recorder.message_open(self.side, Some(message));
        }
    }

    /// A message whose end will not come.
    fn cut(&mut self) {
        if self.message.is_some() {
            let content = self.content.split().freeze();
            self.data(content);
            self.end(0, false, MessageFlags::MALFORMED);
        }
    }

    /// Says goodbye to the receiver of this direction, where that is possible.
    async fn close(&mut self, sink: &mut impl FrameSink, code: u16) {
        self.cut();
        if !self.closed && (self.decoder.is_between_frames() || self.hooks.is_some()) {
            let frame = self.encode(MessageKind::Close, &websocket::close_payload(code, ""));
            // Whether it is heard makes no difference any more.
            let _ = sink.frame(Frame::data(frame));
        }
        let bye = async {
            let _ = sink.shutdown().await;
        };
        let _ = tokio::time::timeout(GOODBYE, bye).await;
    }
}

/// How long a peer has to take the last bytes.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(2);

/// A key that masks an injected message. It hides nothing from anybody; it only must not be foreseen by a page.
fn mask_key() -> [u8; 4] {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(clock::now());
    let [a, b, c, d, ..] = random.to_le_bytes();
    [a, b, c, d]
}
