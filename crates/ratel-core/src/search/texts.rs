//! What of a flow can be searched: its texts, as the index gathers them and as they are looked through.
//!
//! | part | text |
//! |---|---|
//! | URL | by the names that the client uses, and as it was sent where that differs; the name that a DNS flow asks for |
//! | headers, trailers | `Name: value` and CRLF for each field |
//! | body | with its content-encodings undone; as it was sent as well where that goes wrong on the way |
//! | message | its bytes; unpacked if it is compressed by itself, as in gRPC |
//!
//! The bodies of a WebSocket and of raw connections are their messages. In others (events, lines of JSON, gRPC) messages
//! are parts of a body that is one all the same.

use std::io::{self, Read};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ratel_flow::content::Codings;
use ratel_flow::dns::DnsMessage;
use ratel_flow::filter::texts as of;
use ratel_flow::{FlowId, FlowKind, Headers, MessageHead, PayloadStream, Side, StreamKind};

use super::Part;
use crate::store::scan::Bulk;
use crate::store::{FlowSnapshot, FlowStore};

/// Both directions.
pub(super) const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// Bytes of a stream that are read at once.
const STEP: u64 = 64 * 1024;

/// Bytes that a decoder gives at once: few at first, since what is looked for often stands near the start.
const DECODED_FIRST: usize = 2 * 1024;
const DECODED_STEP: usize = 16 * 1024;

/// A body decodes to at most so many times its length: text stays below a hundred, a bomb of zeros has a thousand.
const RATIO: u64 = 256;

/// Bytes that a body may decode to beyond that, and at most altogether.
const ALLOWANCE: u64 = 16 * 1024 * 1024;
const DECODED_MOST: u64 = 1 << 30;

/// Bytes of a DNS message, at most.
const DNS_BYTES: u64 = 64 * 1024;

/// One of a flow's streams of bytes.
pub(super) type Stream = (Side, PayloadStream);

/// How a body becomes text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// There is none.
    Missing,
    /// As it is.
    Plain,
    /// By undoing these.
    Coded(Codings),
    /// A DNS message.
    Dns,
}

impl Form {
    pub(super) fn of(snapshot: &FlowSnapshot, side: Side) -> Self {
        match snapshot.kind {
            FlowKind::Dns => return Self::Dns,
            FlowKind::Http if !is_messages(snapshot) => {}
            _ => return Self::Plain,
        }
        let missing = match side {
            Side::Client => snapshot.missing[0],
            Side::Server => snapshot.missing[1],
        };
        if missing {
            return Self::Missing;
        }
        match headers(snapshot, side).map(Codings::of) {
            Some(Ok(codings)) if !codings.is_empty() => Self::Coded(codings),
            _ => Self::Plain,
        }
    }
}

/// Whether the bodies of the flow are its messages, and nothing as a whole.
pub(super) fn is_messages(snapshot: &FlowSnapshot) -> bool {
    let by_stream = matches!(
        snapshot.stream,
        Some(StreamKind::WebSocket | StreamKind::Tcp | StreamKind::Udp)
    );
    by_stream || matches!(snapshot.kind, FlowKind::Tcp | FlowKind::Udp)
}

/// How the messages of that side are compressed that are marked so; none if that is not known.
pub(super) fn packing(snapshot: &FlowSnapshot, side: Side) -> Option<Codings> {
    if !matches!(
        snapshot.stream,
        Some(StreamKind::Grpc | StreamKind::GrpcWeb | StreamKind::Connect)
    ) {
        return None;
    }
    let headers = headers(snapshot, side)?;
    let named = headers.get("grpc-encoding");
    let named = named.or_else(|| headers.get("connect-content-encoding"))?;
    let as_content: Headers = [(&b"content-encoding"[..], named)].into_iter().collect();
    Codings::of(&as_content).ok().filter(|c| !c.is_empty())
}

fn headers(snapshot: &FlowSnapshot, side: Side) -> Option<&Headers> {
    match side {
        Side::Client => Some(&snapshot.request.as_ref()?.headers),
        Side::Server => Some(&snapshot.response.as_ref()?.headers),
    }
}

/// Bytes of the body of that side, on record.
pub(super) fn body_len(snapshot: &FlowSnapshot, side: Side) -> u64 {
    match side {
        Side::Client => snapshot.request_body,
        Side::Server => snapshot.response_body,
    }
}

/// How a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its last byte, or the last one that is left of it.
    Complete,
    /// There is more of it than is searched.
    Cut,
    /// It cannot be decoded any further.
    Broken,
    /// Whoever took it had enough.
    Stopped,
}

/// A reader of texts; each thread has its own.
pub(super) struct Reader {
    pub(super) store: FlowStore,
    bulk: Bulk,
    /// Room for the text of a head.
    text: Vec<u8>,
    joined: Vec<u8>,
    decoded: Vec<u8>,
    /// Nobody wants to read on.
    stop: Arc<AtomicBool>,
}

impl Reader {
    /// Ends what it reads early when that is set.
    pub(super) fn until(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn new(store: FlowStore) -> Self {
        Self {
            store,
            bulk: Bulk::default(),
            text: Vec::new(),
            joined: Vec::new(),
            decoded: vec![0; DECODED_STEP],
            stop: Arc::default(),
        }
    }

    pub(super) fn snapshot(&mut self, id: FlowId) -> Option<FlowSnapshot> {
        self.store.scan_snapshot(&mut self.bulk, id)
    }

    /// Gives the texts of the heads to `each`. A URL may come twice, in two ways of writing it.
    pub(super) fn heads(&mut self, snapshot: &FlowSnapshot, mut each: impl FnMut(Part, &[u8])) {
        if snapshot.kind == FlowKind::Dns
            && let Some(message) = self.dns(snapshot.id, Side::Client)
            && let Some(question) = message.message.questions.first()
        {
            each(Part::Url, question.name.as_bytes());
        }
        let Self { text, joined, .. } = self;
        if let Some(request) = &snapshot.request {
            of::put_url(request, true, joined, text);
            each(Part::Url, text);
            let sent = request.url();
            if sent.as_bytes() != &text[..] {
                each(Part::Url, sent.as_bytes());
            }
        }
        let mut fields = |part, headers: &Headers| {
            if !headers.is_empty() {
                of::put_lines(headers, text);
                each(part, text);
            }
        };
        for side in SIDES {
            if let Some(headers) = headers(snapshot, side) {
                fields(Part::Headers(side), headers);
            }
        }
        for (number, response) in snapshot.informational.iter().enumerate() {
            fields(Part::Informational(number), &response.headers);
        }
        let trailers = [&snapshot.request_trailers, &snapshot.response_trailers];
        for (side, trailers) in SIDES.into_iter().zip(trailers) {
            if let Some(trailers) = trailers {
                fields(Part::Trailers(side), trailers);
            }
        }
    }

    /// The text of a DNS message.
    pub(super) fn dns_text(&mut self, id: FlowId, side: Side) -> Option<String> {
        let message = self.dns(id, side)?;
        let mut text = String::new();
        of::put_dns(&message, &mut text);
        Some(text)
    }

    fn dns(&mut self, id: FlowId, side: Side) -> Option<DnsMessage> {
        let stream = (side, PayloadStream::Body);
        let window = self
            .store
            .scan_stream(&mut self.bulk, id, stream, 0..DNS_BYTES)?;
        crate::store::unpack_dns(&window.bytes).ok()
    }

    /// Gives the bytes of a stream to `each`, by pieces with their offsets: where one does not follow on the one
    /// before, bytes are lost.
    pub(super) fn stream(
        &mut self,
        id: FlowId,
        stream: Stream,
        range: Range<u64>,
        mut each: impl FnMut(u64, &Bytes) -> ControlFlow<()>,
    ) -> End {
        let mut at = range.start;
        while at < range.end {
            if self.is_stopped() {
                return End::Stopped;
            }
            let to = range.end.min(at.saturating_add(STEP));
            let window = self.store.scan_stream(&mut self.bulk, id, stream, at..to);
            let Some(window) = window else { break };
            if window.total <= at {
                break;
            }
            let next = window.offset + window.bytes.len() as u64;
            if !window.bytes.is_empty() && each(window.offset, &window.bytes).is_break() {
                return End::Stopped;
            }
            at = next.max(at + 1);
        }
        End::Complete
    }

    /// Gives what a part of a stream decodes to to `each`, by pieces that follow on each other.
    pub(super) fn decoded(
        &mut self,
        id: FlowId,
        stream: Stream,
        range: Range<u64>,
        codings: &Codings,
        mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> End {
        let len = range.end.saturating_sub(range.start);
        let mut left = len
            .saturating_mul(RATIO)
            .saturating_add(ALLOWANCE)
            .min(DECODED_MOST);
        let stop = self.stop.clone();
        let mut buffer = std::mem::take(&mut self.decoded);
        let raw = Raw {
            reader: self,
            id,
            stream,
            range,
            window: Bytes::new(),
        };
        let mut decoder = codings.reader(raw);
        let mut step = DECODED_FIRST;
        let end = loop {
            if stop.load(Ordering::Relaxed) {
                break End::Stopped;
            }
            let room = step.min(buffer.len());
            step = step.saturating_mul(2);
            match decoder.read(buffer.get_mut(..room).unwrap_or_default()) {
                Ok(0) => break End::Complete,
                Ok(read) => {
                    let piece = buffer.get(..read).unwrap_or_default();
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let cut = piece.len() > most;
                    let piece = piece.get(..most).unwrap_or(piece);
                    left -= piece.len() as u64;
                    if each(piece).is_break() {
                        break End::Stopped;
                    }
                    if cut {
                        break End::Cut;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break End::Broken,
            }
        };
        drop(decoder);
        self.decoded = buffer;
        end
    }

    /// Gives the heads of a flow's messages to `each`, with their numbers, in order.
    pub(super) fn messages(
        &mut self,
        id: FlowId,
        mut each: impl FnMut(&mut Self, u64, &MessageHead) -> ControlFlow<()>,
    ) -> End {
        let mut at = 0;
        loop {
            let window = self.store.scan_messages(&mut self.bulk, id, at..u64::MAX);
            let Some(window) = window else {
                return End::Complete;
            };
            for (number, head) in (window.first..).zip(&window.items) {
                if each(self, number, head).is_break() {
                    return End::Stopped;
                }
            }
            at = window.first + window.items.len() as u64;
            if window.items.is_empty() || at >= window.total {
                // A message that goes on has the next number.
                for (number, open) in (window.total..).zip(&window.open) {
                    let head = MessageHead {
                        side: open.side,
                        kind: open.kind,
                        flags: Default::default(),
                        timestamp: open.timestamp,
                        code: 0,
                        payload: open.payload,
                    };
                    if each(self, number, &head).is_break() {
                        return End::Stopped;
                    }
                }
                return End::Complete;
            }
        }
    }
}

/// A part of a stream, up to where bytes are lost.
struct Raw<'a> {
    reader: &'a mut Reader,
    id: FlowId,
    stream: Stream,
    range: Range<u64>,
    window: Bytes,
}

impl Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.window.is_empty() && self.range.start < self.range.end {
            let to = self.range.end.min(self.range.start.saturating_add(STEP));
            let Reader { store, bulk, .. } = &mut *self.reader;
            let window = store.scan_stream(bulk, self.id, self.stream, self.range.start..to);
            match window {
                Some(window) if !window.lost => self.window = window.bytes,
                _ => self.range.end = self.range.start,
            }
            self.range.start += self.window.len() as u64;
        }
        let len = self.window.len().min(into.len());
        let piece = self.window.split_to(len);
        if let Some(into) = into.get_mut(..len) {
            into.copy_from_slice(&piece);
        }
        Ok(len)
    }
}
