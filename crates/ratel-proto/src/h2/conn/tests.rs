//! Two connections that talk to each other, and one that is fed frames made by hand.

mod flow;
mod limits;
mod model;
mod rules;
mod talk;

use bytes::{BufMut, Bytes, BytesMut};

use crate::Headers;
use crate::h2::frame::{FrameHeader, FrameKind, StreamId, put_header};
use crate::h2::hpack::Encoder;
use crate::h2::*;

pub(super) const GET: [(&[u8], &[u8]); 4] = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"a.example"),
    (b":path", b"/"),
];
pub(super) const OK: [(&[u8], &[u8]); 1] = [(b":status", b"200")];

pub(super) fn none() -> Headers {
    Headers::new()
}

/// Both ends, and what is between them.
pub(super) struct Pair {
    pub(super) client: Connection,
    pub(super) server: Connection,
    to_client: BytesMut,
    to_server: BytesMut,
}

impl Pair {
    /// Both have read each other's settings.
    pub(super) fn new(client: Config, server: Config) -> Self {
        let mut pair = Self {
            client: Connection::new(client),
            server: Connection::new(server),
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
        };
        assert_eq!(pair.at_server(), [Event::Settings]);
        assert_eq!(pair.at_client(), [Event::Settings]);
        assert_eq!(pair.at_server(), []);
        pair
    }

    pub(super) fn default() -> Self {
        Self::new(Config::new(Role::Client), Config::new(Role::Server))
    }

    /// Passes on what the client has to say; what the server makes of it.
    pub(super) fn at_server(&mut self) -> Vec<Event> {
        self.client.pump();
        self.to_server.put(self.client.output().take());
        events(&mut self.server, &mut self.to_server)
    }

    /// Passes on what the server has to say; what the client makes of it.
    pub(super) fn at_client(&mut self) -> Vec<Event> {
        self.server.pump();
        self.to_client.put(self.server.output().take());
        events(&mut self.client, &mut self.to_client)
    }

    /// A request without content that has arrived.
    pub(super) fn request(&mut self) -> StreamId {
        let id = self.client.open().unwrap();
        self.client.send_headers(id, GET, &none(), true).unwrap();
        assert!(matches!(
            self.at_server()[..],
            [Event::Headers { end: true, .. }]
        ));
        id
    }

    /// A request whose head has arrived, and whose content has not.
    pub(super) fn upload(&mut self) -> StreamId {
        let id = self.client.open().unwrap();
        self.client.send_headers(id, GET, &none(), false).unwrap();
        assert!(matches!(
            self.at_server()[..],
            [Event::Headers { end: false, .. }]
        ));
        id
    }
}

pub(super) fn events(connection: &mut Connection, input: &mut BytesMut) -> Vec<Event> {
    std::iter::from_fn(|| connection.receive(input).unwrap()).collect()
}

pub(super) fn data(events: &[Event]) -> usize {
    let len = |event: &Event| match event {
        Event::Data { data, .. } => data.len(),
        _ => 0,
    };
    events.iter().map(len).sum()
}

/// One end, and the frames that it is given.
pub(super) struct Alone {
    pub(super) connection: Connection,
    encoder: Encoder,
}

impl Alone {
    /// The peer's preface and settings have been read, and what was said until then has been dropped.
    pub(super) fn new(config: Config) -> Self {
        let server = config.role == Role::Server;
        let mut alone = Self {
            connection: Connection::new(config),
            encoder: Encoder::new(),
        };
        let mut input = BytesMut::new();
        if server {
            input.put_slice(super::PREFACE);
        }
        put_header(&mut input, FrameKind::SETTINGS, 0, StreamId(0), 0);
        assert_eq!(events(&mut alone.connection, &mut input), [Event::Settings]);
        drop(alone.connection.output().take());
        alone
    }

    pub(super) fn server() -> Self {
        Self::new(Config::new(Role::Server))
    }

    pub(super) fn client() -> Self {
        Self::new(Config::new(Role::Client))
    }

    pub(super) fn feed(
        &mut self,
        kind: FrameKind,
        flags: u8,
        id: u32,
        payload: &[u8],
    ) -> Result<Option<Event>, ConnectionError> {
        let mut input = BytesMut::new();
        put_header(&mut input, kind, flags, StreamId(id), payload.len());
        input.put_slice(payload);
        let received = self.connection.receive(&mut input);
        if received.is_ok() {
            assert!(input.is_empty());
        }
        received
    }

    /// A head of the peer's, encoded.
    pub(super) fn block(&mut self, fields: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut out = BytesMut::new();
        self.encoder.begin(&mut out);
        for field in fields {
            self.encoder.field(&mut out, field.into());
        }
        out.to_vec()
    }

    pub(super) fn head(
        &mut self,
        flags: u8,
        id: u32,
        fields: &[(&[u8], &[u8])],
    ) -> Result<Option<Event>, ConnectionError> {
        let block = self.block(fields);
        self.feed(FrameKind::HEADERS, flags, id, &block)
    }

    /// What was said since the last time.
    pub(super) fn sent(&mut self) -> Vec<(FrameKind, u8, u32, Bytes)> {
        self.connection.pump();
        frames(self.connection.output().take())
    }

    /// The code of the GOAWAY that was sent for an error.
    pub(super) fn goaway(&mut self) -> Reason {
        let sent = self.sent();
        let (kind, _, _, payload) = sent.last().unwrap();
        assert_eq!(*kind, FrameKind::GOAWAY);
        Reason(u32::from_be_bytes(payload[4..8].try_into().unwrap()))
    }
}

pub(super) fn frames(mut wire: Bytes) -> Vec<(FrameKind, u8, u32, Bytes)> {
    let mut frames = Vec::new();
    while let Some(header) = FrameHeader::parse(&wire) {
        let mut payload = wire.split_to(FrameHeader::LEN + header.len as usize);
        let payload = payload.split_off(FrameHeader::LEN);
        frames.push((header.kind, header.flags, header.id.0, payload));
    }
    assert!(wire.is_empty());
    frames
}
