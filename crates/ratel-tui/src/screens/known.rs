//! What is known about the bytes that one side sent, beside the bytes: by it the views show them.

use std::borrow::Cow;

use ratel_core::store::FlowSnapshot;
use ratel_flow::{FlowKind, MessageFlags, MessageHead, Side, StreamKind};
use ratel_views::{QuicStream, Schemas, ViewInput};

/// What the bytes of a DNS exchange are: as they lie on record there, without the length that goes before them over TCP
/// (RFC 8484 §6).
const DNS_MESSAGE: &str = "application/dns-message";

/// Fields and schemas that say what bytes are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known<'a> {
    side: Option<Side>,
    /// The body is a stream of messages, which can be told apart before it is complete.
    pub(crate) is_stream: bool,
    content_type: Option<Cow<'a, str>>,
    grpc_encoding: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    schemas: Option<&'a Schemas>,
    server_port: Option<u16>,
    /// The bytes are those of one stream of a QUIC connection.
    quic: Option<QuicStream<'a>>,
    /// The view that was chosen.
    pub(crate) view: Option<&'a str>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(flow: &'a FlowSnapshot, side: Side, schemas: Option<&'a Schemas>) -> Self {
        let headers = match side {
            Side::Client => flow.request.as_ref().map(|request| &request.headers),
            Side::Server => flow.response.as_ref().map(|response| &response.headers),
        };
        let field = |name| Some(String::from_utf8_lossy(headers?.get(name)?));
        Self {
            side: Some(side),
            is_stream: flow.stream.is_some_and(|kind| {
                !matches!(
                    kind,
                    StreamKind::WebSocket | StreamKind::Tcp | StreamKind::Udp
                )
            }),
            content_type: match flow.kind {
                FlowKind::Dns => Some(DNS_MESSAGE.into()),
                _ => field("content-type"),
            },
            grpc_encoding: field("grpc-encoding").or_else(|| field("connect-content-encoding")),
            path: flow
                .request
                .as_ref()
                .map(|request| String::from_utf8_lossy(&request.path)),
            schemas,
            server_port: flow.server_port(),
            quic: quic(flow),
            view: None,
        }
    }

    /// Shown by that view, if there is one.
    pub(crate) fn seen_as(self, view: Option<&'a str>) -> Self {
        Self { view, ..self }
    }

    /// As input for a view of a body. The caller says what the bytes are.
    pub(crate) fn body(&self) -> ViewInput<'_> {
        ViewInput {
            content_type: self.content_type.as_deref(),
            side: self.side,
            path: self.path.as_deref(),
            grpc_encoding: self.grpc_encoding.as_deref(),
            schemas: self.schemas,
            server_port: self.server_port,
            quic: self.quic,
            ..ViewInput::default()
        }
    }

    /// As input for a view of one message.
    pub(crate) fn message(&self, head: &MessageHead) -> ViewInput<'_> {
        // Messages of a WebSocket have been decompressed; those of gRPC are kept as they were sent.
        let compressed = head.flags.contains(MessageFlags::COMPRESSED);
        ViewInput {
            grpc_encoding: self.grpc_encoding.as_deref().filter(|_| compressed),
            ..self.body()
        }
    }
}

/// What is known of a stream of QUIC.
fn quic(flow: &FlowSnapshot) -> Option<QuicStream<'_>> {
    let alpn = flow.quic_alpn()?;
    Some(QuicStream {
        alpn,
        unidirectional: flow.is_unidirectional(),
    })
}
