//! One connection on the wire: handshake, segments and acknowledgements; for HTTP/2 the frames, too.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use ratel_flow::Side;
use ratel_proto::detect::HTTP2_PREFACE;
use ratel_proto::h2::Reason;
use ratel_proto::h2::frame::{self, FrameKind, StreamId, flags};

use super::frames::{self, MSS, Segment, flag};
use super::{Chunk, Connection, Sink, What};
use crate::write::plan::Protocol;

/// Payload of a frame that every peer takes (RFC 9113 §4.2).
const FRAME_MAX: usize = 16 * 1024;
/// The largest window (RFC 9113 §6.9.1).
const WINDOW_MAX: u32 = 0x7fff_ffff;
/// What a connection has at first.
const WINDOW: u32 = 65_535;
/// After so many bytes of content room for as many is made.
const REFILL: u64 = 1 << 30;
/// Where sequence numbers begin: anywhere will do.
const FIRST: [u32; 2] = [0x1000_0000, 0x2000_0000];

#[derive(Debug)]
pub(super) struct Stream<'c> {
    connection: &'c Connection,
    client: SocketAddr,
    /// The sequence numbers of client and server.
    next: [u32; 2],
    /// Numbers of packets (RFC 791 §3.1).
    ids: u16,
    /// What was said of the connection.
    said: bool,
    /// The numbers of the flows' streams in HTTP/2, and the bytes of content each side has sent on them.
    numbers: HashMap<u32, (u32, [u64; 2])>,
    /// Bytes of content on the whole connection.
    sent: [u64; 2],
}

/// The place of a side in such a pair.
fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}

impl<'c> Stream<'c> {
    pub(super) fn new(connection: &'c Connection, client: SocketAddr) -> Self {
        Self {
            connection,
            client,
            next: FIRST,
            ids: 0,
            said: false,
            numbers: HashMap::new(),
            sent: [0; 2],
        }
    }

    /// Who sends and who receives.
    fn ends(&self, side: Side) -> (SocketAddr, SocketAddr) {
        match side {
            Side::Client => (self.client, self.connection.server),
            Side::Server => (self.connection.server, self.client),
        }
    }

    fn segment<W: Write>(
        &mut self,
        sink: &mut Sink<W>,
        time: u64,
        side: Side,
        flags: u8,
        payload: &[u8],
        comments: &[&str],
    ) -> io::Result<()> {
        let (source, destination) = self.ends(side);
        let [client, server] = self.next;
        let (sequence, acknowledged) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        let segment = Segment {
            source,
            destination,
            sequence,
            acknowledged: if flags & flag::ACK != 0 {
                acknowledged
            } else {
                0
            },
            flags,
            payload,
        };
        self.ids = self.ids.wrapping_add(1);
        let packet = segment.packet(self.ids);
        let counted = payload.len() as u32 + u32::from(flags & (flag::SYN | flag::FIN) != 0);
        if let Some(next) = self.next.get_mut(index(side)) {
            *next = next.wrapping_add(counted);
        }
        sink.packet(time, &packet, comments)
    }

    /// The handshake, and with HTTP/2 what both sides say first.
    pub(super) fn open<W: Write>(&mut self, sink: &mut Sink<W>, time: u64) -> io::Result<()> {
        let label = self
            .connection
            .label
            .as_ref()
            .map(crate::write::Label::text);
        let comments: Vec<&str> = label.as_deref().into_iter().collect();
        self.segment(sink, time, Side::Client, flag::SYN, &[], &comments)?;
        self.segment(sink, time, Side::Server, flag::SYN | flag::ACK, &[], &[])?;
        self.segment(sink, time, Side::Client, flag::ACK, &[], &[])?;
        if self.connection.protocol != Protocol::Http2 {
            return Ok(());
        }
        let mut client = BytesMut::from(HTTP2_PREFACE);
        put_settings(&mut client, Side::Client);
        self.send(sink, time, Side::Client, &client, &[])?;
        let mut server = BytesMut::new();
        put_settings(&mut server, Side::Server);
        frame::put_settings_ack(&mut server);
        self.send(sink, time, Side::Server, &server, &[])?;
        let mut client = BytesMut::new();
        frame::put_settings_ack(&mut client);
        self.send(sink, time, Side::Client, &client, &[])
    }

    /// Sends bytes in as many segments as it takes, and acknowledges them.
    fn send<W: Write>(
        &mut self,
        sink: &mut Sink<W>,
        time: u64,
        side: Side,
        bytes: &[u8],
        comments: &[&str],
    ) -> io::Result<()> {
        let mut segments = bytes.chunks(MSS).peekable();
        let mut comments = comments;
        while let Some(part) = segments.next() {
            let push = if segments.peek().is_none() {
                flag::PSH
            } else {
                0
            };
            self.segment(sink, time, side, flag::ACK | push, part, comments)?;
            comments = &[];
        }
        self.segment(sink, time, other(side), flag::ACK, &[], &[])
    }

    /// Sends a chunk of a flow. `comment` is said with its first.
    pub(super) fn chunk<W: Write>(
        &mut self,
        sink: &mut Sink<W>,
        time: u64,
        chunk: &Chunk,
        (flow, comment): (u32, &str),
        bytes: &[u8],
    ) -> io::Result<()> {
        let side = chunk.side;
        let comments: &[&str] = if comment.is_empty() { &[] } else { &[comment] };
        match chunk.what {
            What::Datagram => self.datagram(sink, time, side, bytes, comments),
            What::Bytes => self.send(sink, time, side, bytes, comments),
            What::Head { .. } | What::Data { .. } | What::Reset => {
                let frames = self.frames(chunk, flow, bytes);
                self.send(sink, time, side, &frames, comments)?;
                self.make_room(sink, time, side, flow)
            }
        }
    }

    fn datagram<W: Write>(
        &mut self,
        sink: &mut Sink<W>,
        time: u64,
        side: Side,
        bytes: &[u8],
        comments: &[&str],
    ) -> io::Result<()> {
        let (source, destination) = self.ends(side);
        let label = self.connection.label.as_ref().filter(|_| !self.said);
        let label = label.map(crate::write::Label::text);
        self.said = true;
        let comments: Vec<&str> = label
            .as_deref()
            .into_iter()
            .chain(comments.iter().copied())
            .collect();
        self.ids = self.ids.wrapping_add(1);
        let packet = frames::datagram(source, destination, bytes, self.ids);
        sink.packet(time, &packet, &comments)
    }

    /// The frames that carry a chunk.
    fn frames(&mut self, chunk: &Chunk, flow: u32, bytes: &[u8]) -> BytesMut {
        // Clients open the streams with the odd numbers.
        let next = self.numbers.len() as u32 * 2 + 1;
        let (number, sent) = self
            .numbers
            .entry(flow)
            .or_insert((next & WINDOW_MAX, [0; 2]));
        let id = StreamId(*number);
        let mut out = BytesMut::with_capacity(bytes.len() + 64);
        match chunk.what {
            What::Reset => frame::put_reset(&mut out, id, Reason::CANCEL),
            What::Head { end } => {
                let mut kind = FrameKind::HEADERS;
                let mut first = if end { flags::END_STREAM } else { 0 };
                let mut parts = bytes.chunks(FRAME_MAX).peekable();
                while let Some(part) = parts.next() {
                    let last = if parts.peek().is_none() {
                        flags::END_HEADERS
                    } else {
                        0
                    };
                    frame::put_header(&mut out, kind, first | last, id, part.len());
                    out.put_slice(part);
                    (kind, first) = (FrameKind::CONTINUATION, 0);
                }
            }
            _ => {
                let end = chunk.what == (What::Data { end: true });
                if bytes.is_empty() {
                    let flags = if end { flags::END_STREAM } else { 0 };
                    frame::put_header(&mut out, FrameKind::DATA, flags, id, 0);
                }
                let mut parts = bytes.chunks(FRAME_MAX).peekable();
                while let Some(part) = parts.next() {
                    let last = end && parts.peek().is_none();
                    let flags = if last { flags::END_STREAM } else { 0 };
                    frame::put_header(&mut out, FrameKind::DATA, flags, id, part.len());
                    out.put_slice(part);
                }
                let place = index(chunk.side);
                let len = bytes.len() as u64;
                sent.get_mut(place)
                    .into_iter()
                    .for_each(|sent| *sent += len);
                self.sent
                    .get_mut(place)
                    .into_iter()
                    .for_each(|sent| *sent += len);
            }
        }
        out
    }

    /// The receiver lets the sender go on.
    fn make_room<W: Write>(
        &mut self,
        sink: &mut Sink<W>,
        time: u64,
        side: Side,
        flow: u32,
    ) -> io::Result<()> {
        let place = index(side);
        let mut out = BytesMut::new();
        if let Some(sent) = self.sent.get_mut(place)
            && *sent > REFILL
        {
            *sent -= REFILL;
            frame::put_window_update(&mut out, StreamId::CONNECTION, REFILL as u32);
        }
        if let Some((number, sent)) = self.numbers.get_mut(&flow)
            && let Some(sent) = sent.get_mut(place)
            && *sent > REFILL
        {
            *sent -= REFILL;
            frame::put_window_update(&mut out, StreamId(*number), REFILL as u32);
        }
        if out.is_empty() {
            return Ok(());
        }
        self.send(sink, time, other(side), &out, &[])
    }

    /// Both sides say that they are done.
    pub(super) fn close<W: Write>(&mut self, sink: &mut Sink<W>, time: u64) -> io::Result<()> {
        let (fin, ack) = (flag::FIN | flag::ACK, flag::ACK);
        // A body without a length ends with the server's end.
        self.segment(sink, time, Side::Server, fin, &[], &[])?;
        self.segment(sink, time, Side::Client, ack, &[], &[])?;
        self.segment(sink, time, Side::Client, fin, &[], &[])?;
        self.segment(sink, time, Side::Server, ack, &[], &[])
    }
}

/// What both sides allow: windows that nothing on record fills, and WebSockets (RFC 8441).
fn put_settings(out: &mut BytesMut, side: Side) {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    const ENABLE_CONNECT_PROTOCOL: u16 = 8;
    let mut settings = vec![(INITIAL_WINDOW_SIZE, WINDOW_MAX)];
    if side == Side::Server {
        settings.push((ENABLE_CONNECT_PROTOCOL, 1));
    }
    let len = settings.len() * 6;
    frame::put_header(out, FrameKind::SETTINGS, 0, StreamId::CONNECTION, len);
    for (id, value) in settings {
        out.put_u16(id);
        out.put_u32(value);
    }
    frame::put_window_update(out, StreamId::CONNECTION, WINDOW_MAX - WINDOW);
}
