//! What is known about the bytes that one side sent, beside the bytes: by it the views show them.

use std::borrow::Cow;

use ratel_core::store::FlowSnapshot;
use ratel_flow::{MessageFlags, MessageHead, MessageKind, Side};
use ratel_views::{Schemas, ViewInput};

/// Fields and schemas that say what bytes are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known<'a> {
    side: Option<Side>,
    content_type: Option<Cow<'a, str>>,
    grpc_encoding: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    schemas: Option<&'a Schemas>,
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
            content_type: field("content-type"),
            grpc_encoding: field("grpc-encoding"),
            path: flow
                .request
                .as_ref()
                .map(|request| String::from_utf8_lossy(&request.path)),
            schemas,
        }
    }

    /// As input for a view of a body. The caller says what the bytes are.
    pub(crate) fn body(&self) -> ViewInput<'_> {
        ViewInput {
            content_type: self.content_type.as_deref(),
            side: self.side,
            path: self.path.as_deref(),
            grpc_encoding: self.grpc_encoding.as_deref(),
            schemas: self.schemas,
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

/// The content of a message as the views want it: a close with its code in front, which the record keeps apart.
pub(crate) fn content<'a>(head: &MessageHead, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let Ok(code @ 1..) = u16::try_from(head.code) else {
        return bytes.into();
    };
    if head.kind == MessageKind::Close {
        return [&code.to_be_bytes(), bytes].concat().into();
    }
    bytes.into()
}

/// The kind by which the views know it.
pub(crate) fn kind(kind: MessageKind) -> ratel_views::MessageKind {
    use ratel_views::MessageKind as View;
    match kind {
        MessageKind::Text => View::Text,
        MessageKind::Binary => View::Binary,
        MessageKind::Ping => View::Ping,
        MessageKind::Pong => View::Pong,
        MessageKind::Close => View::Close,
        MessageKind::Event => View::Event,
        MessageKind::Grpc => View::Grpc,
        MessageKind::GrpcTrailers => View::GrpcTrailers,
        MessageKind::Json => View::Json,
        MessageKind::Data => View::Data,
    }
}
