//! A body that is a stream of messages, shown to addons one by one on its way.
//!
//! Bytes wait here until the message they belong to is complete; what lies between messages goes on at once. A message
//! that is left as it is goes on in the bytes that brought it. What changes the bytes of all messages at once is undone
//! for that: a body with a content-coding goes on without it, and without a length.

use base64::Engine as _;
use bytes::{BufMut, Bytes, BytesMut};
use ratel_core::clock;
use ratel_core::control::{Injection, Part};
use ratel_core::hooks::Hook;
use ratel_flow::content::{self, Codings, End, PushDecoder};
use ratel_flow::{Headers, Message, MessageFlags, MessageKind, Side, StreamKind};
use ratel_proto::Frame;
use ratel_proto::streams::{self, Base64Stream, BodyStream, Framer, Record, RecordKind};

use super::hold::Waiting;
use super::{Scene, after_hook};
use crate::body::{FrameSink, FrameSource};
use crate::error::ProxyError;

/// The largest message that is shown, in bytes. What comes from there on passes unseen.
const MESSAGE_MAX: usize = 64 * 1024 * 1024;
/// Bytes that are decoded at once.
const STEP: usize = 16 * 1024;

/// See the [module](self).
pub(super) struct MessageStage {
    side: Side,
    stream: BodyStream,
    framer: Framer,
    decoder: Option<PushDecoder>,
    base64: Option<Base64Stream>,
    /// How those messages of gRPC are compressed that are marked so.
    codings: Option<Codings>,
    /// What has not gone on yet.
    buf: BytesMut,
    /// Where that begins among the bytes that the framer has seen.
    base: u64,
    /// Bytes that the framer has seen.
    fed: u64,
    /// What comes passes as it is.
    over: bool,
}

/// A message that is complete.
struct Complete {
    kind: RecordKind,
    content: Bytes,
    /// With what is around it.
    wire: Bytes,
}

impl MessageStage {
    /// For the body of a message with these headers, which lose what does not hold any more; none when its messages
    /// cannot be told apart.
    pub(super) fn for_body(side: Side, headers: &mut Headers) -> Option<Self> {
        let stream = streams::kind_of(headers)?;
        let codings = Codings::of(headers).ok()?;
        let decoder = (!codings.is_empty()).then(|| PushDecoder::new(&codings));
        if decoder.is_some() {
            headers.remove("content-encoding");
        }
        Some(Self {
            side,
            stream,
            framer: Framer::new(stream),
            decoder,
            base64: (stream == BodyStream::GrpcWeb { text: true }).then(Base64Stream::default),
            codings: grpc_codings(headers),
            buf: BytesMut::new(),
            base: 0,
            fed: 0,
            over: false,
        })
    }

    /// What the messages are.
    pub(super) fn kind(&self) -> StreamKind {
        match self.stream {
            BodyStream::Sse => StreamKind::Sse,
            BodyStream::Grpc => StreamKind::Grpc,
            BodyStream::GrpcWeb { .. } => StreamKind::GrpcWeb,
            BodyStream::Connect => StreamKind::Connect,
            BodyStream::Ndjson => StreamKind::Ndjson,
        }
    }

    /// Whether a message may be sent here that the sender has not sent. What has begun to come in has not begun to go on.
    pub(super) fn may_inject(&self) -> bool {
        !self.over
    }

    /// Sends what was injected meanwhile: right behind what was held, and ahead of what has come in behind that.
    async fn injected(
        &mut self,
        scene: Scene<'_>,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        while self.may_inject()
            && let Some(injection) = scene.line.try_injected(self.side)
        {
            self.inject(injection, scene, source, sink).await?;
        }
        Ok(())
    }

    /// Takes the next frame and sends on what hooks and people leave of the messages that end in it. `source` is where
    /// the frame came from.
    pub(super) async fn feed(
        &mut self,
        frame: Frame,
        scene: Scene<'_>,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        for piece in &frame.data {
            for step in piece.chunks(STEP) {
                for decoded in self.decoded(step)? {
                    self.bytes(&decoded, scene, source, sink).await?;
                }
            }
        }
        if frame.end {
            let mut last = None;
            self.framer.finish(&mut |record| last = Some(record));
            if let Some(record) = last.filter(|_| !self.over) {
                let complete = self.cut(record, self.fed);
                self.message(complete, scene, source, sink).await?;
                self.injected(scene, source, sink).await?;
            }
            self.flush(scene, sink)?;
        }
        if frame.end || frame.trailers.is_some() {
            let end = Frame {
                trailers: frame.trailers,
                end: frame.end,
                ..Frame::default()
            };
            scene.recorder.frame(self.side, &end, source.received());
            sink.frame(end)?;
        }
        Ok(())
    }

    /// Nothing has begun that is not complete.
    fn is_between(&self) -> bool {
        self.framer
            .rest()
            .is_none_or(|(start, announced)| announced.is_none() && start >= self.fed)
    }

    /// The bytes without what is around all of them.
    fn decoded(&mut self, data: &[u8]) -> Result<Vec<Vec<u8>>, ProxyError> {
        let mut pieces = Vec::new();
        match &mut self.decoder {
            None => pieces.push(data.to_vec()),
            Some(decoder) => {
                let fed = decoder.feed(data, &mut |piece| pieces.push(piece));
                fed.map_err(|error| ProxyError::MessageCoding(error.to_string()))?;
            }
        }
        let Some(base64) = &mut self.base64 else {
            return Ok(pieces);
        };
        let decoded = pieces.iter().map(|piece| base64.feed(piece));
        let decoded: Option<_> = decoded.collect();
        decoded.ok_or_else(|| ProxyError::MessageCoding("it is no base64".into()))
    }

    async fn bytes(
        &mut self,
        data: &[u8],
        scene: Scene<'_>,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let lines = matches!(self.stream, BodyStream::Sse | BodyStream::Ndjson);
        let mut rest = data;
        while !rest.is_empty() {
            // Where a message of lines ends with what is around it is where its last line does.
            let end = if lines { line(rest) } else { rest.len() };
            let (step, after) = rest.split_at(end);
            rest = after;
            self.buf.extend_from_slice(step);
            if self.over {
                continue;
            }
            let mut records = Vec::new();
            let framed = self.framer.feed(step, &mut |record| records.push(record));
            self.fed += step.len() as u64;
            for record in records {
                let until = if lines {
                    self.fed
                } else {
                    record.start + record.len
                };
                let complete = self.cut(record, until);
                self.message(complete, scene, source, sink).await?;
                self.injected(scene, source, sink).await?;
            }
            if lines && self.is_between() {
                // Comments and empty lines are nobody's.
                self.flush(scene, sink)?;
            }
            if let Err(problem) = framed {
                tracing::debug!("messages are not told apart any more: {problem}");
                self.over = true;
            }
            if self.buf.len() > MESSAGE_MAX {
                tracing::warn!(
                    "a message is larger than {MESSAGE_MAX} bytes: it and those after it pass unseen by rules"
                );
                self.over = true;
            }
        }
        if self.over {
            self.flush(scene, sink)?;
        }
        Ok(())
    }

    /// Takes what waits up to there, which ends with a message.
    fn cut(&mut self, record: Record, until: u64) -> Complete {
        let len = usize::try_from(until - self.base).unwrap_or(usize::MAX);
        let wire = self.buf.split_to(len.min(self.buf.len())).freeze();
        let start = usize::try_from(record.start.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let start = start.min(wire.len());
        let end = usize::try_from(record.len).map_or(wire.len(), |len| wire.len().min(start + len));
        self.base = until;
        Complete {
            kind: record.kind,
            content: wire.slice(start..end),
            wire,
        }
    }

    /// Sends on what waits, as it is.
    fn flush(&mut self, scene: Scene<'_>, sink: &mut impl FrameSink) -> Result<(), ProxyError> {
        let rest = self.buf.split().freeze();
        self.base += rest.len() as u64;
        if rest.is_empty() {
            return Ok(());
        }
        self.put(rest, MessageFlags::default(), None, scene, sink)
    }

    fn put(
        &self,
        wire: Bytes,
        flags: MessageFlags,
        came: Option<&Bytes>,
        scene: Scene<'_>,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let wire = match &self.base64 {
            Some(_) => base64::engine::general_purpose::STANDARD
                .encode(&wire)
                .into(),
            None => wire,
        };
        let frame = Frame::data(wire);
        let now = clock::now();
        let recorder = scene.recorder;
        recorder.message_frame(self.side, &frame, flags, came, now);
        sink.frame(frame)
    }

    /// A message is complete: hooks see it, it may be held, and what they leave of it goes on.
    async fn message(
        &mut self,
        complete: Complete,
        scene: Scene<'_>,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let Complete {
            kind,
            content,
            wire,
        } = complete;
        let (shown, flags) = self.shown(kind, &content);
        let message = Message {
            side: self.side,
            kind: message_kind(kind),
            flags,
            timestamp: scene.recorder.passing(self.side, source.received()),
            content: shown.clone(),
        };
        let message = self.show(message, scene, source, sink).await?;
        if message.is_dropped() {
            scene.recorder.dropped_message(&message);
            return Ok(());
        }
        if message.content == shown {
            return self.put(wire, MessageFlags::default(), None, scene, sink);
        }
        let wire = encode(kind, &message.content);
        let flags = MessageFlags::MODIFIED;
        self.put(wire, flags, Some(&shown), scene, sink)
    }

    /// Sends a message that the sender has not sent.
    pub(super) async fn inject(
        &mut self,
        injection: Injection,
        scene: Scene<'_>,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let Injection { kind, content } = injection;
        let message = Message {
            side: self.side,
            kind,
            flags: MessageFlags::INJECTED,
            timestamp: clock::now(),
            content,
        };
        let message = self.show(message, scene, source, sink).await?;
        if message.is_dropped() {
            scene.recorder.dropped_message(&message);
            return Ok(());
        }
        let kind = match kind {
            MessageKind::Event => RecordKind::Event,
            MessageKind::Json => RecordKind::Line,
            _ => RecordKind::Grpc { compressed: false },
        };
        let wire = encode(kind, &message.content);
        self.put(wire, MessageFlags::INJECTED, None, scene, sink)
    }

    /// What hooks and people leave of a message.
    async fn show(
        &self,
        mut message: Message,
        scene: Scene<'_>,
        source: &mut impl FrameSource,
        sink: &mut impl FrameSink,
    ) -> Result<Message, ProxyError> {
        let Scene {
            ctx,
            line,
            recorder,
            flow,
            ..
        } = scene;
        let addons = &ctx.shared.addons;
        if !addons.wants(Hook::StreamMessage) {
            return Ok(message);
        }
        let hold = {
            let mut flow = flow.lock().await;
            addons.stream_message(&mut flow, &mut message).await;
            after_hook(&mut flow, recorder)?
        };
        if !hold || message.is_dropped() {
            return Ok(message);
        }
        // Those before it are delivered, however long this takes.
        sink.flush().await?;
        let part = Part::Message(self.side);
        let size = message.content.len();
        if let Some(mut waiting) = Waiting::begin(ctx, line, recorder, part, size, false) {
            waiting.message(&mut message, source).await?;
        }
        Ok(message)
    }

    /// What is shown of a message: its own words, if they can be had.
    fn shown(&self, kind: RecordKind, content: &Bytes) -> (Bytes, MessageFlags) {
        let RecordKind::Grpc { compressed: true } = kind else {
            return (content.clone(), MessageFlags::default());
        };
        let decoded = self.codings.as_ref().and_then(|codings| {
            let (decoded, end) = content::decode(codings, content, MESSAGE_MAX);
            (end == End::Complete).then_some(decoded)
        });
        match decoded {
            Some(decoded) => (decoded.into(), MessageFlags::default()),
            None => (content.clone(), MessageFlags::COMPRESSED),
        }
    }
}

/// Bytes of the first line with its end, or of all there is of it.
fn line(text: &[u8]) -> usize {
    let end = text.iter().position(|b| matches!(b, b'\r' | b'\n'));
    match end {
        Some(at) if text[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => text.len(),
    }
}

fn message_kind(kind: RecordKind) -> MessageKind {
    match kind {
        RecordKind::Event => MessageKind::Event,
        RecordKind::Grpc { .. } => MessageKind::Grpc,
        RecordKind::GrpcTrailers => MessageKind::GrpcTrailers,
        RecordKind::ConnectEnd | RecordKind::Line => MessageKind::Json,
    }
}

/// A message with what is around it.
fn encode(kind: RecordKind, content: &[u8]) -> Bytes {
    let mut wire = BytesMut::with_capacity(content.len() + 8);
    let prefix = match kind {
        RecordKind::Event | RecordKind::Line => None,
        RecordKind::Grpc { .. } => Some(0),
        RecordKind::GrpcTrailers => Some(0x80),
        RecordKind::ConnectEnd => Some(0x02),
    };
    if let Some(flags) = prefix {
        wire.put_u8(flags);
        // Nobody can hold that much (`MESSAGE_MAX`).
        wire.put_u32(u32::try_from(content.len()).unwrap_or(u32::MAX));
    }
    wire.extend_from_slice(content);
    match kind {
        RecordKind::Event => {
            // Up to one line end belongs to the last line of the event; the empty line ends it.
            if !content.ends_with(b"\n") && !content.ends_with(b"\r") {
                wire.put_u8(b'\n');
            }
            wire.put_u8(b'\n');
        }
        RecordKind::Line => wire.put_u8(b'\n'),
        _ => {}
    }
    wire.freeze()
}

/// How compressed messages of gRPC are compressed, where that is known here.
fn grpc_codings(headers: &Headers) -> Option<Codings> {
    let named = headers
        .get("grpc-encoding")
        .or_else(|| headers.get("connect-content-encoding"))?;
    let mut fields = Headers::new();
    fields.append(b"content-encoding", named);
    Codings::of(&fields)
        .ok()
        .filter(|codings| !codings.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_as_their_stream_wants_it() {
        for (kind, content, expected) in [
            (RecordKind::Event, "data: a", &b"data: a\n\n"[..]),
            (RecordKind::Event, "data: a\n", b"data: a\n\n"),
            (RecordKind::Line, "{}", b"{}\n"),
            (
                RecordKind::Grpc { compressed: true },
                "abc",
                b"\0\0\0\0\x03abc",
            ),
            (RecordKind::GrpcTrailers, "x", b"\x80\0\0\0\x01x"),
            (RecordKind::ConnectEnd, "{}", b"\x02\0\0\0\x02{}"),
        ] {
            assert_eq!(encode(kind, content.as_bytes()), expected, "{kind:?}");
        }
    }
}
