//! What is to be written: content put aside, and what it belongs to.
//!
//! - A *chunk* is something that one side sends at a time.
//! - A *connection* is where the chunks of one flow, or of several, go.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ratel_flow::{Body, ConnId, Record, Side, Timestamp};

use super::address::Places;
use super::label::Label;
use crate::spool::{Collected, Spool};

/// Bytes of a body that are sent at one time; a longer one takes its time.
pub(super) const PIECE: u64 = 64 * 1024;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Http1,
    Http2,
    Tcp,
    Udp,
    Dns,
    DnsOverTcp,
}

impl Protocol {
    /// Whether it goes by datagrams.
    pub(super) fn is_datagrams(self) -> bool {
        matches!(self, Self::Udp | Self::Dns)
    }
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Bytes of the connection.
    Bytes,
    /// A datagram.
    Datagram,
    /// A header block of HTTP/2.
    Head { end: bool },
    /// Content of a stream of HTTP/2.
    Data { end: bool },
    /// The stream is reset.
    Reset,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) time: u64,
    pub(super) start: u64,
    pub(super) len: u32,
    pub(super) what: What,
    pub(super) side: Side,
}

/// A flow by its chunks.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) connection: u32,
    /// Its chunks are those from here on, up to those of the next flow.
    pub(super) chunks: u32,
    /// Nothing can follow on the same connection.
    pub(super) closes: bool,
    /// Remarks for whoever reads the packets.
    pub(super) comment: String,
}

/// What flows share when they go over the same connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    client: Name,
    server: SocketAddr,
    protocol: Protocol,
}

/// How connections of clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Number(ConnId),
    Uuid(Arc<str>),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) protocol: Protocol,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// What it was in truth.
    pub(super) label: Option<Label>,
    pub(super) start: u64,
}

#[derive(Debug)]
pub(super) struct Plan {
    spool: Spool,
    content: Collected,
    pub(super) chunks: Vec<Chunk>,
    pub(super) flows: Vec<Flow>,
    pub(super) connections: Vec<Connection>,
    keys: HashMap<Key, u32>,
    places: Places,
}

impl Plan {
    pub(super) fn new(spool: &Spool) -> Self {
        Self {
            spool: spool.clone(),
            content: spool.begin(),
            chunks: Vec::new(),
            flows: Vec::new(),
            connections: Vec::new(),
            keys: HashMap::new(),
            places: Places::default(),
        }
    }

    pub(super) fn flows(&self) -> u64 {
        self.flows.len() as u64
    }

    /// Why content could not be put aside.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let lost = self.content.lost() > 0;
        let known = self.spool.failure();
        known.or_else(|| lost.then(|| io::ErrorKind::StorageFull.into()))
    }

    /// Everything that was put aside, and what it is.
    pub(super) fn done(self) -> (Body, Vec<Chunk>, Vec<Flow>, Vec<Connection>, Places) {
        (
            self.content.finish(),
            self.chunks,
            self.flows,
            self.connections,
            self.places,
        )
    }

    /// A flow begins.
    pub(super) fn begin(&mut self, record: &Record, protocol: Protocol) -> FlowPlan<'_> {
        let client = &record.client_conn;
        let uuid = client.extra.as_ref().and_then(|extra| extra.uuid.clone());
        let server = self.places.server(record, protocol);
        let key = Key {
            client: uuid.map_or(Name::Number(client.id), Name::Uuid),
            server,
            protocol,
        };
        let next = self.connections.len() as u32;
        let connection = *self.keys.entry(key).or_insert(next);
        let start = client.timestamp_start.0;
        if connection == next {
            let label = Label::of(record, protocol, server.port());
            let shown = label.as_ref().map_or(server.port(), |label| label.shown);
            let server = SocketAddr::new(server.ip(), shown);
            self.connections.push(Connection {
                protocol,
                client: self.places.client(record, server),
                server,
                label,
                start,
            });
        }
        let comment = super::label::comment(record);
        let created = record.timestamp_created.0;
        FlowPlan {
            flow: Flow {
                connection,
                chunks: self.chunks.len() as u32,
                closes: false,
                comment,
            },
            last: created.max(if created == 0 { start } else { 0 }),
            plan: self,
        }
    }
}

/// A flow that is being added.
pub(super) struct FlowPlan<'p> {
    plan: &'p mut Plan,
    flow: Flow,
    /// The time of the last chunk: what comes later in a flow is not earlier.
    last: u64,
}

impl FlowPlan<'_> {
    /// Something is sent.
    pub(super) fn put(&mut self, side: Side, what: What, time: Timestamp, bytes: &[u8]) {
        self.last = self.last.max(time.0);
        let mut rest = bytes;
        loop {
            // The length has 32 bits; only a message of a WebSocket or a head is ever as long.
            let (part, after) = rest.split_at_checked(1 << 30).unwrap_or((rest, &[]));
            let start = self.plan.content.len();
            self.plan.content.push(part);
            self.plan.chunks.push(Chunk {
                time: self.last,
                start,
                len: part.len() as u32,
                what,
                side,
            });
            if after.is_empty() {
                return;
            }
            rest = after;
        }
    }

    /// A body is sent, between two times; `each` makes chunks of its pieces. Whether all of it could be read.
    pub(super) fn body(
        &mut self,
        body: &Body,
        (from, to): (Timestamp, Option<Timestamp>),
        mut each: impl FnMut(&mut Self, Timestamp, &[u8]),
    ) -> bool {
        let len = body.len().unwrap_or_default();
        let pieces = len.div_ceil(PIECE).max(1);
        let span = to.map_or(0, |to| to.0.saturating_sub(from.0));
        let mut at = 0;
        while at < len {
            let Ok(piece) = body.read(at..len.min(at + PIECE)) else {
                return false;
            };
            if piece.is_empty() {
                return false;
            }
            // The last piece comes at the end.
            let number = u128::from(at / PIECE);
            let passed = u128::from(span) * number / u128::from(pieces.saturating_sub(1).max(1));
            let time = from
                .0
                .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
            each(self, Timestamp(time), &piece);
            at += piece.len() as u64;
        }
        true
    }

    /// Something that a reader of the packets should know.
    pub(super) fn note(&mut self, note: String) {
        if !self.flow.comment.is_empty() {
            self.flow.comment.push('\n');
        }
        self.flow.comment.push_str(&note);
    }

    /// Nothing can follow on the same connection.
    pub(super) fn closes(&mut self) {
        self.flow.closes = true;
    }

    /// The flow is complete.
    pub(super) fn end(self) {
        self.plan.flows.push(self.flow);
    }
}
