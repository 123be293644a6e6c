//! The first bytes of a connection, until it is known what is spoken.

use bytes::Bytes;
use ratel_flow::{Side, Timestamp};
use ratel_proto::detect::{Detected, detect};

use super::dns::message;
use super::http1::Http1;
use super::http2::Http2;
use super::raw::Raw;
use super::tls::Tls;
use super::{Layer, Next, Piece};
use crate::context::{Context, Ends};
use crate::gauge::Share;

/// Bytes of both sides that are looked at.
const HELD_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Start {
    held: Vec<Piece>,
    /// What the client has said.
    client: Vec<u8>,
    bytes: usize,
    /// The beginning of the connection is not in the capture.
    mid: bool,
    share: Share,
}

impl Start {
    pub(super) fn new(cx: &Context, mid: bool) -> Self {
        Self {
            held: Vec::new(),
            client: Vec::new(),
            bytes: 0,
            mid,
            share: cx.gauge.share(),
        }
    }

    pub(super) fn data(&mut self, cx: &mut Context, ends: &mut Ends, piece: Piece) -> Next {
        if piece.side == Side::Client {
            self.client.extend_from_slice(&piece.bytes);
        }
        self.bytes += piece.bytes.len();
        self.share.add(2 * piece.bytes.len());
        self.held.push(piece);
        if let Some(spoken) = self.dns(ends) {
            return match spoken {
                None => Next::Stay,
                Some(spoken) => self.become_(cx, spoken),
            };
        }
        match self.judge() {
            Some(spoken) => self.become_(cx, spoken),
            None if self.bytes > HELD_MAX => self.become_(cx, Spoken::Unknown),
            None => Next::Stay,
        }
    }

    /// Bytes are missing: what is there has to suffice.
    pub(super) fn gap(&mut self, cx: &mut Context) -> Next {
        self.mid = true;
        self.become_(cx, Spoken::Unknown)
    }

    /// Nothing more comes. Stays if nothing was said at all.
    pub(super) fn give_up(&mut self, cx: &mut Context) -> Next {
        match self.held.is_empty() {
            true => Next::Stay,
            false => self.become_(cx, Spoken::Unknown),
        }
    }

    fn judge(&self) -> Option<Spoken> {
        match detect(&self.client) {
            Detected::NeedMore if self.mid && self.client.is_empty() => {
                // What it answers is not in the capture.
                Some(self.headless_tls().unwrap_or(Spoken::Unknown))
            }
            Detected::NeedMore => self.headless_tls(),
            Detected::Http2Preface => Some(Spoken::Http2),
            Detected::Tls => Some(Spoken::Tls { headless: false }),
            // Others begin with a word too (SMTP, IRC), so the whole line is waited for.
            Detected::Http1 => match request_line(&self.client) {
                Line::Incomplete => None,
                Line::Request => Some(Spoken::Http1),
                Line::Other => Some(Spoken::Unknown),
            },
            _ => Some(self.headless_tls().unwrap_or(Spoken::Unknown)),
        }
    }

    /// Records of TLS whose handshake is not in the capture.
    fn headless_tls(&self) -> Option<Spoken> {
        let is_record = |piece: &Piece| matches!(piece.bytes[..], [20..=23, 3, 1..=4, ..]);
        let first = self.held.first().filter(|_| self.mid)?;
        is_record(first).then_some(Spoken::Tls { headless: true })
    }

    /// On the port for DNS: what it is, once a whole question has come. None where something else may be spoken.
    fn dns(&self, ends: &Ends) -> Option<Option<Spoken>> {
        let port = ends.server().peername.map_or(0, |address| address.port());
        // A question is short.
        let may_be = crate::dns::is_port(port) && matches!(self.client[..], [] | [0..=15, ..]);
        if !may_be || self.bytes > HELD_MAX {
            return None;
        }
        let Some(len) = message(&self.client) else {
            return Some(None);
        };
        let question = self.client.get(2..len + 2).unwrap_or_default();
        let is_question = ratel_proto::dns::unpack(&Bytes::copy_from_slice(question)).is_ok();
        is_question.then_some(Some(Spoken::Dns))
    }

    fn become_(&mut self, cx: &mut Context, spoken: Spoken) -> Next {
        let layer = match spoken {
            Spoken::Tls { headless } => Layer::Tls(Box::new(Tls::new(cx, headless))),
            Spoken::Http2 => Layer::Http2(Box::new(Http2::new(cx))),
            Spoken::Dns => Layer::Dns(Box::default()),
            Spoken::Http1 => Layer::Http1(Box::new(Http1::new(cx))),
            Spoken::Unknown => Layer::Raw(Box::new(Raw::new(cx, self.mid))),
        };
        Next::Become(layer, std::mem::take(&mut self.held))
    }
}

enum Spoken {
    Tls { headless: bool },
    Http1,
    Http2,
    Dns,
    Unknown,
}

/// What the first line of a client is.
pub(super) enum Line {
    Incomplete,
    /// `METHOD TARGET HTTP/1.x`.
    Request,
    Other,
}

/// Looks at the first line, after empty ones.
pub(super) fn request_line(bytes: &[u8]) -> Line {
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(bytes.len());
    let line = bytes.get(start..).unwrap_or_default();
    let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
        return Line::Incomplete;
    };
    let line = line.get(..end).unwrap_or_default().trim_ascii_end();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match version.starts_with(b"HTTP/") {
        true => Line::Request,
        false => Line::Other,
    }
}

/// A piece made of what was left over.
pub(super) fn left_over(side: Side, bytes: Bytes, time: Timestamp) -> Piece {
    Piece {
        side,
        bytes,
        push: true,
        time,
    }
}
