//! Short words for protocols, kinds of messages and outcomes.

use ratel_core::store::{FlowSnapshot, Summary};
use ratel_flow::format::grpc_status;
use ratel_flow::{MessageFlags, MessageHead, MessageKind, StreamKind, Version};
use ratel_views::close_name;

use crate::text::Text;
use crate::theme::Role;

/// What carries a stream's messages: `ws`, `sse`, `grpc`.
pub(crate) fn stream(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::WebSocket => "ws",
        StreamKind::Sse => "sse",
        StreamKind::Grpc => "grpc",
        StreamKind::GrpcWeb => "grpc-web",
        StreamKind::Ndjson => "ndjson",
        StreamKind::Tcp => "tcp",
    }
}

/// What a close says beside its reason: `1001 Going away`.
pub(crate) fn close(head: &MessageHead) -> Option<String> {
    if head.kind != MessageKind::Close {
        return None;
    }
    let name = u16::try_from(head.code).ok().and_then(close_name);
    Some(match name {
        Some(name) => format!("{} {name}", head.code),
        None => head.code.to_string(),
    })
}

/// What became of a message, or what is wrong with it; none of that mostly.
pub(crate) fn remarks(flags: MessageFlags) -> impl Iterator<Item = &'static str> {
    let words = [
        (MessageFlags::INJECTED, "injected"),
        (MessageFlags::DROPPED, "dropped"),
        (MessageFlags::MODIFIED, "modified"),
        (MessageFlags::MALFORMED, "malformed"),
    ];
    let said = words
        .into_iter()
        .filter(move |(flag, _)| flags.contains(*flag));
    said.map(|(_, word)| word)
}

/// HTTP versions that are worth a mark: `h2`.
pub(crate) fn version(version: &Version) -> Option<&'static str> {
    match version {
        Version::Http2 => Some("h2"),
        Version::Http3 => Some("h3"),
        Version::Http10 | Version::Http11 | Version::Other(_) => None,
    }
}

/// The looks of a gRPC status.
pub(crate) fn grpc_role(code: u32) -> Role {
    if code == 0 {
        Role::StatusOk
    } else {
        Role::StatusClientError
    }
}

/// The marks of a row: `h2 sse · 12`, `grpc 5 NOT_FOUND · 1`; empty for plain HTTP/1. How a call ended is said before
/// what carried it, where there is no room for both.
pub(crate) fn marks(summary: &Summary, width: usize) -> Text {
    let mut mark = Text::default();
    let request = summary.request.as_ref();
    if let Some(version) = request.and_then(|request| version(&request.version)) {
        mark.push(Role::StatusOther, version);
        mark.push(Role::Text, " ");
    }
    let Some(kind) = summary.stream else {
        return mark;
    };
    let mut what = Text::plain(Role::ContentType, stream(kind));
    if let Some((code, _)) = &summary.grpc_status {
        what.push(Role::Text, " ");
        what.push(grpc_role(*code), grpc_status(*code));
    }
    let mut count = Text::default();
    if summary.messages > 0 {
        count.push(Role::Dim, format!(" · {}", summary.messages));
    }
    let mut text = Text::default();
    if mark.width() + what.width() <= width {
        text.append_cut(mark, width);
    }
    text.append_cut(what, usize::MAX);
    if text.width() + count.width() <= width {
        text.append_cut(count, width);
    }
    text
}

/// `grpc 5 NOT_FOUND: no such order`, as the outcome of a flow.
pub(crate) fn outcome(flow: &FlowSnapshot) -> Option<Text> {
    let (code, message) = flow.grpc_status.as_ref()?;
    let mut text = Text::plain(grpc_role(*code), format!("grpc {}", grpc_status(*code)));
    if !message.is_empty() {
        text.push(Role::Text, ": ");
        text.push_str(Role::Text, message);
    }
    Some(text)
}
