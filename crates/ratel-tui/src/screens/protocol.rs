//! Short words for protocols, kinds of messages and outcomes.

use ratel_core::control::{HeldPart, Part};
use ratel_core::marks;
use ratel_core::store::{FlowSnapshot, Summary};
use ratel_flow::format::grpc_status;
use ratel_flow::{FlowError, MessageFlags, MessageHead, MessageKind, Side, StreamKind, Version};
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
        StreamKind::Connect => "connect",
        StreamKind::Ndjson => "ndjson",
        StreamKind::Tcp => "tcp",
        StreamKind::Udp => "udp",
    }
}

/// How many messages have passed, and how many are held back: `3`, `0 and 1 held`.
pub(crate) fn messages(flow: &FlowSnapshot, held: &[HeldPart]) -> String {
    let is_message = |held: &&HeldPart| matches!(held.part, Part::Message(_));
    match held.iter().filter(is_message).count() {
        0 => flow.messages.to_string(),
        held => format!("{} and {held} held", flow.messages),
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

/// A mark with its name, where it has one.
pub(crate) fn mark(marked: &str) -> String {
    match marked {
        marks::DEFAULT => marks::sign(marked),
        name => format!("{} {name}", marks::sign(marked)),
    }
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

/// The looks of a WebSocket's close code (RFC 6455 §7.4.1).
fn close_role(code: u16) -> Role {
    match code {
        1000 | 1001 | 1005 => Role::Dim,
        _ => Role::StatusClientError,
    }
}

/// Whether the client just left a stream that was in order, as most streams end.
pub(crate) fn is_left(summary: &Summary) -> bool {
    let in_order = summary.status.is_some_and(|status| status < 400);
    let by_client = |error: &FlowError| error.by_client;
    in_order && summary.stream.is_some() && summary.error.as_ref().is_some_and(by_client)
}

/// The name of a gRPC status other than OK.
pub(crate) fn grpc_failure(summary: &Summary) -> Option<Text> {
    let (code, _) = summary
        .grpc_status
        .as_ref()
        .filter(|(code, _)| *code != 0)?;
    let status = grpc_status(*code);
    let name = status.split(' ').next_back().unwrap_or(&status).to_owned();
    Some(Text::plain(grpc_role(*code), name))
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
    let passed = summary.client_conn.passthrough.is_some();
    let name = if passed { "passed" } else { stream(kind) };
    let mut what = Text::plain(Role::ContentType, name);
    if let Some((code, _)) = &summary.grpc_status {
        what.push(Role::Text, " ");
        what.push(grpc_role(*code), grpc_status(*code));
        if let Some(name) = grpc_failure(summary).filter(|_| what.width() > width) {
            what = name;
        }
    }
    if let Some(close) = &summary.close {
        what.push(Role::Text, " ");
        what.push(close_role(close.code), close.code.to_string());
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

/// `1011 Internal error, by the server: out of coffee`, as the end of a WebSocket.
pub(crate) fn closed(flow: &FlowSnapshot) -> Option<Text> {
    let close = flow.close.as_ref()?;
    let mut text = Text::plain(close_role(close.code), close.code.to_string());
    if let Some(name) = close_name(close.code) {
        text.push(close_role(close.code), format!(" {name}"));
    }
    text.push(
        Role::Text,
        match close.by {
            Some(Side::Client) => ", by the client",
            Some(Side::Server) => ", by the server",
            None => ", by Ratel",
        },
    );
    if !close.reason.is_empty() {
        text.push(Role::Text, ": ");
        text.push_str(Role::Text, &close.reason);
    }
    Some(text)
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
