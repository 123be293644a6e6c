//! Messages in the bodies of HTTP messages: found and recorded while the bodies stream past untouched.
//!
//! A tap sees the bytes that the recorder has recorded. It notes where messages lie among them; a body with a
//! content-coding is decoded beside the traffic, and what comes out is recorded too. Whatever goes wrong in here ends
//! the tap, never the traffic.

use bytes::Bytes;
use ratel_flow::content::{Codings, PushDecoder};
use ratel_flow::{
    Headers, MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream, Side,
    StreamKind, Timestamp,
};
use ratel_proto::streams::{
    self, Base64Stream, BodyStream, Framer, FramingProblem, Record, RecordKind,
};

use crate::store::FlowWriter;

/// Bytes of a body that are taken in one step.
const STEP: usize = 4 * 1024;
/// A body that decodes to more than so many times its own size is a bomb, once that is this many bytes. Text is seldom
/// made more than a hundred times smaller.
const BOMB_RATIO: u64 = 500;
const BOMB_FROM: u64 = 16 * 1024 * 1024;
/// Bytes of a gRPC-Web trailers message that are looked into.
const TRAILERS_MAX: usize = 16 * 1024;

/// See the [module](self).
pub struct Tap {
    side: Side,
    kind: StreamKind,
    framer: Framer,
    coded: Option<PushDecoder>,
    base64: Option<Base64Stream>,
    /// Where the bytes that the framer sees are on record.
    stream: PayloadStream,
    /// Bytes of the body so far.
    taken: u64,
    /// Bytes that the framer has seen.
    fed: u64,
    /// The message that is known to be under way.
    announced: Option<u64>,
    /// The bytes of a message that may turn out to be how the call ended, and where they begin.
    trailers: Option<(u64, Vec<u8>)>,
    /// What is special about the messages that end in what comes next.
    marks: MessageFlags,
    /// What the next of them had said before it was changed.
    came: Option<Payload>,
    /// Bytes beside the body that are somebody else's.
    others: u64,
    over: bool,
}

impl Tap {
    /// For the body of a message with these headers; none when it is no stream of messages.
    pub fn for_body(side: Side, headers: &Headers) -> Option<Self> {
        let body = streams::kind_of(headers)?;
        let codings = Codings::of(headers).ok()?;
        let kind = match body {
            BodyStream::Sse => StreamKind::Sse,
            BodyStream::Grpc => StreamKind::Grpc,
            BodyStream::GrpcWeb { .. } => StreamKind::GrpcWeb,
            BodyStream::Connect => StreamKind::Connect,
            BodyStream::Ndjson => StreamKind::Ndjson,
        };
        let coded = (!codings.is_empty()).then(|| PushDecoder::new(&codings));
        let base64 = (body == BodyStream::GrpcWeb { text: true }).then(Base64Stream::default);
        Some(Self {
            side,
            kind,
            framer: Framer::new(body),
            stream: if coded.is_some() || base64.is_some() {
                PayloadStream::Extra
            } else {
                PayloadStream::Body
            },
            coded,
            base64,
            taken: 0,
            fed: 0,
            announced: None,
            trailers: matches!(kind, StreamKind::GrpcWeb | StreamKind::Connect)
                .then(|| (0, Vec::new())),
            marks: MessageFlags::default(),
            came: None,
            others: 0,
            over: false,
        })
    }

    /// What the messages are.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// The messages that end in what is taken next are special in this way. `came` is what one that was changed had said.
    pub fn mark(&mut self, marks: MessageFlags, came: Option<Payload>) {
        (self.marks, self.came) = (marks, came);
    }

    /// Somebody else records `len` bytes beside the body, between two messages; says where they begin.
    pub fn beside(&mut self, len: u64) -> u64 {
        let own = match self.stream {
            PayloadStream::Body => 0,
            PayloadStream::Extra => self.fed,
        };
        let offset = own + self.others;
        self.others += len;
        offset
    }

    /// Takes the next bytes of the body, as they are on record already.
    pub fn feed(&mut self, pieces: &[Bytes], writer: &FlowWriter, now: Timestamp) {
        for piece in pieces {
            // In steps, so that what they decode to is bounded.
            for step in piece.chunks(STEP) {
                if self.over {
                    return;
                }
                self.step(step, writer, now);
            }
        }
        self.announce(writer, now);
    }

    fn step(&mut self, data: &[u8], writer: &FlowWriter, now: Timestamp) {
        let Some(decoder) = &mut self.coded else {
            return self.decoded(data, writer, now);
        };
        self.taken += data.len() as u64;
        let mut pieces = Vec::new();
        let fed = decoder.feed(data, &mut |decoded| pieces.push(decoded));
        for piece in pieces {
            self.decoded(&piece, writer, now);
        }
        let is_bomb = self.fed > BOMB_FROM && self.fed / BOMB_RATIO > self.taken;
        let why = match fed {
            Err(error) => error.to_string(),
            Ok(()) if is_bomb => "a few bytes of it decode to very many".into(),
            Ok(()) => return,
        };
        tracing::debug!(flow = %writer.id(), "messages are not told apart any more: {why}");
        self.stop(writer, now);
    }

    /// Bytes of the body without its content-coding.
    fn decoded(&mut self, data: &[u8], writer: &FlowWriter, now: Timestamp) {
        let text = match &mut self.base64 {
            None => None,
            Some(base64) => match base64.feed(data) {
                Some(bytes) => Some(bytes),
                None => return self.stop(writer, now),
            },
        };
        let data = text.as_deref().unwrap_or(data);
        if self.stream == PayloadStream::Extra {
            writer.extra(self.side, &[Bytes::copy_from_slice(data)], now);
        }
        if let Some((_, bytes)) = &mut self.trailers {
            bytes.extend_from_slice(data);
        }
        let mut records = Vec::new();
        let framed = self.framer.feed(data, &mut |record| records.push(record));
        self.fed += data.len() as u64;
        for record in records {
            self.record(record, writer, now);
        }
        if let Err(problem) = framed {
            tracing::debug!(flow = %writer.id(), "messages are not told apart any more: {problem}");
            self.misframed(problem, writer, now);
        }
        self.forget();
    }

    /// Lets go of bytes of messages that are over, or too long to be trailers.
    fn forget(&mut self) {
        if let Some((start, bytes)) = &mut self.trailers {
            let from = self.framer.open().unwrap_or(self.fed);
            let over = usize::try_from(from.saturating_sub(*start)).unwrap_or(usize::MAX);
            bytes.drain(..over.min(bytes.len()));
            *start = from.max(*start);
            if bytes.len() > TRAILERS_MAX {
                bytes.clear();
                *start = self.fed;
            }
        }
    }

    fn record(&mut self, record: Record, writer: &FlowWriter, now: Timestamp) {
        let Record { start, len, kind } = record;
        let (kind, flags) = match kind {
            RecordKind::Event => (MessageKind::Event, MessageFlags::default()),
            RecordKind::Line => (MessageKind::Json, MessageFlags::default()),
            RecordKind::Grpc { compressed: true } => (MessageKind::Grpc, MessageFlags::COMPRESSED),
            RecordKind::Grpc { .. } => (MessageKind::Grpc, MessageFlags::default()),
            RecordKind::GrpcTrailers => (MessageKind::GrpcTrailers, MessageFlags::default()),
            RecordKind::ConnectEnd => (MessageKind::Json, MessageFlags::default()),
        };
        match record.kind {
            RecordKind::GrpcTrailers => self.web_trailers(start, len, writer),
            RecordKind::ConnectEnd => self.connect_end(start, len, writer),
            _ => {}
        }
        let payload = self.payload(start, len);
        self.message(kind, flags.with(self.marks), 0, payload, writer, now);
    }

    fn message(
        &mut self,
        kind: MessageKind,
        flags: MessageFlags,
        code: u32,
        payload: Payload,
        writer: &FlowWriter,
        now: Timestamp,
    ) {
        if self.announced.take().is_some() {
            writer.message_open(self.side, None);
        }
        writer.message(&MessageHead {
            side: self.side,
            kind,
            flags,
            timestamp: now,
            code,
            payload,
        });
        if let Some(came) = self.came.take() {
            writer.message_came_as(came);
        }
    }

    /// A message that was kept for how the call ended.
    fn kept(&self, start: u64, len: u64) -> Option<&[u8]> {
        let (from, bytes) = self.trailers.as_ref()?;
        let begin = usize::try_from(start.checked_sub(*from)?).ok()?;
        let end = begin.checked_add(usize::try_from(len).ok()?)?;
        bytes.get(begin..end)
    }

    /// The status of a call, which Connect has in its last message.
    fn connect_end(&self, start: u64, len: u64, writer: &FlowWriter) {
        let end = self.kept(start, len).map(serde_json::from_slice);
        let Some(Ok(serde_json::Value::Object(end))) = end else {
            return;
        };
        let Some(error) = end.get("error") else {
            return writer.grpc_status(0, "");
        };
        let text = |name| error.get(name).and_then(serde_json::Value::as_str);
        let code = text("code").and_then(connect_code);
        writer.grpc_status(code.unwrap_or(2), text("message").unwrap_or_default());
    }

    /// The status of a call, which gRPC-Web has among its messages.
    fn web_trailers(&self, start: u64, len: u64, writer: &FlowWriter) {
        let Some(lines) = self.kept(start, len) else {
            return;
        };
        let mut trailers = Headers::new();
        for line in lines.split(|b| *b == b'\n') {
            if let Some(colon) = line.iter().position(|b| *b == b':') {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                trailers.append(name.trim_ascii(), value.trim_ascii());
            }
        }
        grpc_status(&trailers, writer);
    }

    /// Makes a message known that has begun, however long it takes.
    fn announce(&mut self, writer: &FlowWriter, now: Timestamp) {
        let open = self.framer.open().filter(|_| !self.over);
        if open.is_none() || open == self.announced {
            return;
        }
        self.announced = open;
        let payload = self.payload(open.unwrap_or_default(), 0);
        let open = OpenMessage {
            side: self.side,
            kind: self.message_kind(),
            timestamp: now,
            payload,
            held: false,
        };
        writer.message_open(self.side, Some(open));
    }

    fn message_kind(&self) -> MessageKind {
        match self.kind {
            StreamKind::Sse => MessageKind::Event,
            StreamKind::Ndjson => MessageKind::Json,
            _ => MessageKind::Grpc,
        }
    }

    /// The body is complete.
    pub fn end(&mut self, writer: &FlowWriter, now: Timestamp) {
        if self.over {
            return;
        }
        let mut last = None;
        let rest = self.framer.finish(&mut |record| last = Some(record));
        if let Some(record) = last {
            self.record(record, writer, now);
        }
        if rest {
            self.stop(writer, now);
        }
        self.over = true;
    }

    /// What is left cannot be told apart, or is incomplete: it is on record as it is.
    fn stop(&mut self, writer: &FlowWriter, now: Timestamp) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let (start, announced) = self.framer.rest().unwrap_or((self.fed, None));
        let code = announced.and_then(|len| u32::try_from(len).ok());
        self.malformed(
            start,
            code.unwrap_or(0),
            MessageFlags::default(),
            writer,
            now,
        );
    }

    /// From here on nothing can be told apart: it is on record as it is, with the reason.
    fn misframed(&mut self, problem: FramingProblem, writer: &FlowWriter, now: Timestamp) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        match problem {
            FramingProblem::GrpcFlags { at, flags } => {
                let why = MessageFlags::MISFRAMED;
                self.malformed(at, u32::from(flags), why, writer, now);
            }
            _ => self.malformed(self.fed, 0, MessageFlags::default(), writer, now),
        }
    }

    fn malformed(
        &mut self,
        start: u64,
        code: u32,
        why: MessageFlags,
        writer: &FlowWriter,
        now: Timestamp,
    ) {
        let start = start.min(self.fed);
        let flags = MessageFlags::MALFORMED.with(why);
        let payload = self.payload(start, self.fed - start);
        self.message(self.message_kind(), flags, code, payload, writer, now);
    }

    fn payload(&self, offset: u64, len: u64) -> Payload {
        let others = match self.stream {
            PayloadStream::Body => 0,
            PayloadStream::Extra => self.others,
        };
        Payload {
            stream: self.stream,
            offset: offset + others,
            len,
        }
    }
}

/// Notes how a gRPC call ended, if these trailers (or the head that stands for them) say so.
pub fn grpc_status(trailers: &Headers, writer: &FlowWriter) {
    let Some(code) = trailers.get("grpc-status") else {
        return;
    };
    let code = std::str::from_utf8(code)
        .ok()
        .and_then(|code| code.parse().ok());
    let message = trailers.get("grpc-message").unwrap_or_default();
    // What is no number is "unknown" (gRPC's own rule).
    writer.grpc_status(code.unwrap_or(2), &percent_decoded(message));
}

/// The number that gRPC has for an error of Connect (<https://connectrpc.com/docs/protocol#error-codes>).
fn connect_code(name: &str) -> Option<u32> {
    const NAMES: [&str; 16] = [
        "canceled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
        "data_loss",
        "unauthenticated",
    ];
    let at = NAMES.iter().position(|known| *known == name)?;
    u32::try_from(at + 1).ok()
}

/// Undoes the percent-encoding of gRPC's status messages.
fn percent_decoded(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_messages_are_percent_encoded() {
        assert_eq!(
            percent_decoded(b"no %C3%BC 100% sure%"),
            "no \u{fc} 100% sure%"
        );
    }
}
