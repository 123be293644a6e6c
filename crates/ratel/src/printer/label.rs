//! What is the same for all messages of a flow: between whom they go, and by what the views show them.

use std::net::SocketAddr;

use ratel_core::store::FlowSnapshot;
use ratel_flow::{FlowKind, Headers, MessageFlags, MessageHead, MessageKind, Side};
use ratel_views::{QuicStream, Schemas, ViewInput};

/// Kept for each flow whose messages are being printed.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) client: String,
    /// `host:port`.
    pub(super) server: String,
    /// Empty for a raw connection.
    path: String,
    content_type: [Option<String>; 2],
    grpc_encoding: [Option<String>; 2],
    server_port: Option<u16>,
    /// Of a stream of QUIC, what was agreed on, and whether only one side sends.
    quic: Option<(Vec<u8>, bool)>,
    /// Fields of the response may still come.
    pub(super) awaits_response: bool,
    /// The connection is not looked into: what passes says nothing.
    pub(super) passed: bool,
    /// Its pieces are datagrams.
    udp: bool,
}

impl Label {
    pub(super) fn of(flow: &FlowSnapshot) -> Self {
        let headers = [
            flow.request.as_ref().map(|request| &request.headers),
            flow.response.as_ref().map(|response| &response.headers),
        ];
        let field = |name: &str| {
            headers.map(|headers: Option<&Headers>| {
                let value = headers?.get(name)?;
                Some(String::from_utf8_lossy(value).into_owned())
            })
        };
        let path = flow.request.as_ref().map(|request| &request.path[..]);
        let [up, down] = field("grpc-encoding");
        let [connect_up, connect_down] = field("connect-content-encoding");
        Self {
            client: client(flow),
            server: server(flow),
            path: String::from_utf8_lossy(path.unwrap_or_default()).into_owned(),
            content_type: field("content-type"),
            grpc_encoding: [up.or(connect_up), down.or(connect_down)],
            server_port: flow.server_port(),
            quic: flow
                .quic_alpn()
                .map(|alpn| (alpn.to_vec(), flow.is_unidirectional())),
            awaits_response: flow.response.is_none() && flow.request.is_some(),
            passed: flow.client_conn.passthrough.is_some(),
            udp: flow.kind == FlowKind::Udp,
        }
    }

    /// Prints as `127.0.0.1:5000 -> SSE event -> service.dev:443/feed`.
    pub(super) fn line(&self, side: Side, what: &str) -> String {
        let arrow = match side {
            Side::Client => "->",
            Side::Server => "<-",
        };
        let Self {
            client,
            server,
            path,
            ..
        } = self;
        format!("{client} {arrow} {what} {arrow} {server}{path}")
    }

    /// What a message is, in the line that announces it.
    pub(super) fn what(&self, kind: MessageKind) -> &'static str {
        match kind {
            MessageKind::Text => "WebSocket text message",
            MessageKind::Binary => "WebSocket binary message",
            MessageKind::Ping => "WebSocket ping",
            MessageKind::Pong => "WebSocket pong",
            MessageKind::Close => "WebSocket close",
            MessageKind::Event => "SSE event",
            MessageKind::Grpc => "gRPC message",
            MessageKind::GrpcTrailers => "gRPC-Web trailers",
            MessageKind::Json => "JSON line",
            MessageKind::Data if self.udp => "udp",
            MessageKind::Data => "tcp",
        }
    }

    /// As input for a view of one message. The caller says what the bytes are.
    pub(super) fn input<'a>(
        &'a self,
        head: &MessageHead,
        schemas: Option<&'a Schemas>,
    ) -> ViewInput<'a> {
        let [of_request, of_response] = [0, 1].map(|side| {
            let of = |fields: &'a [Option<String>; 2]| fields.get(side)?.as_deref();
            (of(&self.content_type), of(&self.grpc_encoding))
        });
        let (content_type, grpc_encoding) = match head.side {
            Side::Client => of_request,
            Side::Server => of_response,
        };
        ViewInput {
            content_type,
            side: Some(head.side),
            path: Some(&self.path)
                .filter(|path| !path.is_empty())
                .map(String::as_str),
            // Messages of a WebSocket have been decompressed; those of gRPC are kept as they were sent.
            grpc_encoding: grpc_encoding.filter(|_| head.flags.contains(MessageFlags::COMPRESSED)),
            server_port: self.server_port,
            quic: self.quic.as_ref().map(|(alpn, unidirectional)| QuicStream {
                alpn,
                unidirectional: *unidirectional,
            }),
            schemas,
            ..ViewInput::default()
        }
    }
}

/// `1.2.3.4:5000` or `[::1]:5000`; an IPv4 client of an IPv6 socket is an IPv4 client.
pub(super) fn client(flow: &FlowSnapshot) -> String {
    let addr = flow.client_conn.peername;
    SocketAddr::new(addr.ip().to_canonical(), addr.port()).to_string()
}

/// Where the flow went, or was to go.
fn server(flow: &FlowSnapshot) -> String {
    let conn = flow.server_conn.as_deref();
    let address = conn.map(|conn| (&conn.address.0, conn.address.1));
    let request = flow.request.as_ref();
    match address.or_else(|| request.map(|request| (&request.host, request.port))) {
        Some((host, port)) if host.contains(':') => format!("[{host}]:{port}"),
        Some((host, port)) => format!("{host}:{port}"),
        None => "unknown".to_owned(),
    }
}
