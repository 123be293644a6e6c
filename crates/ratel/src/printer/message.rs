//! The text of messages, and of how their flows begin and end.

use std::cell::Cell;
use std::io::{self, Read as _};
use std::sync::Arc;

use ratel_core::store::{FlowSnapshot, FlowStore};
use ratel_flow::{
    FlowError, FlowId, FlowKind, MessageFlags, MessageHead, MessageKind, Side, StreamKind,
};
use ratel_views::{ViewInput, preview, render_message};

use super::ahead::Ahead;
use super::body::{self, Reader};
use super::flow::{self, INDENT, Style};
use super::label::Label;
use super::progress::{Close, Stream};
use crate::ink::{Look, Page};

/// A message up to this many bytes is rendered as what it is; of a longer one that is printed whole, the bytes are.
const WHOLE: u64 = 1024 * 1024;

/// Bytes of a message of any length that its line is made of.
const PREVIEWED: u64 = 4 * 1024;

/// Lines that are made of one message at once.
const LINES: usize = 100_000;

/// Prints `127.0.0.1:5000 -> WebSocket text message -> service.dev:443/chat`, and the content if that is wanted.
pub(super) fn message(
    page: &mut Page<'_>,
    store: &FlowStore,
    id: FlowId,
    label: &Label,
    head: &MessageHead,
    style: &Style,
    ahead: &mut Ahead,
) -> io::Result<()> {
    // mitmdump prints neither, and a close is how the end is.
    let silent = matches!(head.kind, MessageKind::Ping | MessageKind::Pong) && style.detail < 3;
    if silent || label.passed {
        return Ok(());
    }
    page.put(Look::Plain, &label.line(head.side, label.what(head.kind)))?;
    for (flag, word) in [
        (MessageFlags::INJECTED, "injected"),
        (MessageFlags::DROPPED, "dropped"),
        (MessageFlags::MODIFIED, "modified"),
        (MessageFlags::MALFORMED, "malformed"),
    ] {
        if head.flags.contains(flag) {
            let why = head.problem().filter(|_| flag == MessageFlags::MALFORMED);
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            page.put(Look::Yellow, &format!(" ({word}{why})"))?;
        }
    }
    if style.detail < 3 {
        if is_streams(head.kind) {
            let start = ahead.get(store, id, head).or_else(|| {
                let window = store.payload(id, head.side, head.payload, 0..PREVIEWED);
                window.map(|window| window.bytes)
            });
            let start = start.unwrap_or_default();
            let line = preview(
                kind_of(head),
                &input(label, head, &start, style),
                style.columns,
            );
            page.put(Look::Dim, &format!(": {line}"))?;
        }
        return page.end();
    }
    page.end()?;
    page.end()?;
    if head.payload.len > 0 {
        match ahead.get(store, id, head) {
            Some(bytes) => render(page, label, head, &bytes, style)?,
            None => content(page, store, id, label, head, style)?,
        }
        page.end()?;
    }
    Ok(())
}

/// What mitmdump has no line for, so that the line may say what is in it.
fn is_streams(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::Event | MessageKind::Grpc | MessageKind::GrpcTrailers | MessageKind::Json
    )
}

/// As what a message is shown.
fn kind_of(head: &MessageHead) -> MessageKind {
    if head.flags.contains(MessageFlags::MALFORMED) {
        ratel_views::malformed(head.kind)
    } else {
        head.kind
    }
}

/// Says that messages are gone.
pub(super) fn lost(page: &mut Page<'_>, label: &Label, count: u64) -> io::Result<()> {
    let text = match count {
        1 => "1 message is not recorded".to_owned(),
        count => format!("{count} messages are not recorded"),
    };
    let line = format!("{} {}: {text}", label.client, label.server);
    page.line(Look::Red, &line)
}

/// Prints a message of which this is all, or the start.
fn render(
    page: &mut Page<'_>,
    label: &Label,
    head: &MessageHead,
    start: &[u8],
    style: &Style,
) -> io::Result<()> {
    let document = render_message(kind_of(head), &input(label, head, start, style));
    body::lines(page, &document.lines)?;
    let remark = if document.truncated {
        "(cut off)"
    } else if (start.len() as u64) < head.payload.len.min(WHOLE) {
        "(the rest is not recorded)"
    } else if head.payload.len > WHOLE {
        "(cut off)"
    } else {
        return Ok(());
    };
    page.put(Look::Plain, INDENT)?;
    page.line(Look::Dim, remark)
}

fn input<'a>(
    label: &'a Label,
    head: &MessageHead,
    start: &'a [u8],
    style: &'a Style,
) -> ViewInput<'a> {
    let malformed = head.flags.contains(MessageFlags::MALFORMED);
    ViewInput {
        data: start,
        complete: start.len() as u64 == head.payload.len && !malformed,
        max_lines: if style.detail == 3 {
            style.cutoff
        } else {
            LINES
        },
        ..label.input(head, style.schemas.as_ref())
    }
}

/// Prints a message of any length.
fn content(
    page: &mut Page<'_>,
    store: &FlowStore,
    id: FlowId,
    label: &Label,
    head: &MessageHead,
    style: &Style,
) -> io::Result<()> {
    let lost = Cell::new(false);
    let read = |range| store.payload(id, head.side, head.payload, range);
    let mut reader = Reader::new(&read, &lost);
    let mut start = Vec::new();
    let whole = head.payload.len.min(WHOLE);
    reader.by_ref().take(whole).read_to_end(&mut start)?;
    if start.is_empty() {
        page.put(Look::Plain, INDENT)?;
        return page.line(Look::Red, body::missing(lost.get()));
    }
    if style.detail == 3 || head.payload.len <= WHOLE {
        return render(page, label, head, &start, style);
    }
    let shown = body::Shown {
        view: None,
        input: ViewInput {
            max_lines: usize::MAX,
            content_type: None,
            ..input(label, head, &start, style)
        },
        complete: !head.flags.contains(MessageFlags::MALFORMED),
        undecoded: None,
        lost: &lost,
    };
    shown.print(page, &mut reader, body::Ended::No)
}

/// Prints how a flow begins whose messages follow.
pub(super) fn begin(
    page: &mut Page<'_>,
    store: &FlowStore,
    flow: &FlowSnapshot,
    sides: [bool; 2],
    style: &Style,
) -> io::Result<()> {
    if flow.request.is_none() {
        return match &flow.client_conn.passthrough {
            Some(why) => {
                let line = Label::of(flow).line(Side::Client, "passed through");
                page.line(Look::Dim, &format!("{line}: {why}"))
            }
            None => Ok(()),
        };
    }
    let is_websocket = flow.stream == Some(StreamKind::WebSocket);
    let [client, _] = sides;
    flow::request(page, store, flow, !client && !is_websocket, style)?;
    // That of another stream is printed when it is complete, with its size, behind the messages of both sides.
    if is_websocket {
        flow::response(page, store, flow, false, style)?;
    }
    Ok(())
}

/// Prints how a flow ended whose messages have been printed. `adjoins`: nothing else was printed after them.
pub(super) fn end(
    page: &mut Page<'_>,
    store: &FlowStore,
    flow: &FlowSnapshot,
    stream: &Stream,
    adjoins: bool,
    style: &Style,
) -> io::Result<()> {
    match flow.stream {
        Some(StreamKind::Tcp | StreamKind::Udp) => raw_end(page, flow, &stream.label)?,
        Some(StreamKind::WebSocket) => {
            let close = close_of(flow, stream);
            // A file need not say how it ended, or whether.
            let ended = flow.websocket.as_ref().and_then(|ws| ws.timestamp_end);
            if flow.imported.is_some() && close.is_none() && ended.is_none() && flow.error.is_none()
            {
                return Ok(());
            }
            websocket_end(page, &stream.label, close.as_ref(), flow.error.as_ref())?;
        }
        _ => {
            if !adjoins {
                flow::request_line(page, flow, style)?;
            }
            let [_, server] = stream.sides;
            flow::response(page, store, flow, !server, style)?;
            flow.error
                .as_ref()
                .map_or(Ok(()), |error| flow::failure(page, error))?;
        }
    }
    flow::fault(page, flow)
}

/// Prints how a raw connection ended, if that is an error.
pub(super) fn raw_end(page: &mut Page<'_>, flow: &FlowSnapshot, label: &Label) -> io::Result<()> {
    let protocol = if flow.kind == FlowKind::Udp {
        "UDP"
    } else {
        "TCP"
    };
    match &flow.error {
        Some(error) => broken(page, protocol, label, &error.message, Some(error)),
        None => Ok(()),
    }
}

/// How a WebSocket was closed: by its first close, or as a file says it was.
fn close_of(flow: &FlowSnapshot, stream: &Stream) -> Option<Close> {
    let filed = flow.close.as_ref();
    let filed = filed.and_then(|close| {
        Some(Close {
            // Of a file that does not say who closed it, mitmdump says that the server did.
            side: close.by.or(flow.imported.and(Some(Side::Server)))?,
            code: close.code.into(),
            reason: close.reason.to_string(),
        })
    });
    stream.close.clone().or(filed)
}

fn websocket_end(
    page: &mut Page<'_>,
    label: &Label,
    close: Option<&Close>,
    error: Option<&FlowError>,
) -> io::Result<()> {
    if let Some(error) = error {
        return broken(page, "WebSocket", label, &error.message, Some(error));
    }
    let Some(Close { side, code, reason }) = close else {
        return broken(
            page,
            "WebSocket",
            label,
            &websocket_error(NO_CLOSE, ""),
            None,
        );
    };
    let code = if *code == 0 { NO_CODE } else { *code };
    if matches!(code, 1000 | 1001 | NO_CODE) {
        let closer = match side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let line = format!("WebSocket connection closed by {closer}: {code} {reason}");
        return page.line(Look::Plain, line.trim_end());
    }
    broken(
        page,
        "WebSocket",
        label,
        &websocket_error(code, reason),
        None,
    )
}

fn broken(
    page: &mut Page<'_>,
    protocol: &str,
    label: &Label,
    message: &str,
    error: Option<&FlowError>,
) -> io::Result<()> {
    let line = format!(
        "Error in {protocol} connection to {}: {message}",
        label.server
    );
    page.line(Look::Red, &line)?;
    let hint: Option<&Arc<str>> = error.and_then(|error| error.hint.as_ref());
    match hint {
        Some(hint) => page.line(Look::Plain, &format!("{INDENT}hint: {hint}")),
        None => Ok(()),
    }
}

/// A close without a code (RFC 6455 §7.1.5).
const NO_CODE: u32 = 1005;

/// The connection ended without a close.
const NO_CLOSE: u32 = 1006;

/// The name of a close code, as mitmdump prints it, and the reason.
fn websocket_error(code: u32, reason: &str) -> String {
    let name = match code {
        1002 => "PROTOCOL_ERROR",
        1003 => "UNSUPPORTED_DATA",
        NO_CLOSE => "ABNORMAL_CLOSURE",
        1007 => "INVALID_FRAME_PAYLOAD_DATA",
        1008 => "POLICY_VIOLATION",
        1009 => "MESSAGE_TOO_BIG",
        1010 => "MANDATORY_EXT",
        1011 => "INTERNAL_ERROR",
        1012 => "SERVICE_RESTART",
        1013 => "TRY_AGAIN_LATER",
        1015 => "TLS_HANDSHAKE_FAILED",
        _ => "",
    };
    let mut text = match name {
        "" => format!("WebSocket Error: UNKNOWN_ERROR={code}"),
        name => format!("WebSocket Error: {name}"),
    };
    if !reason.is_empty() {
        text.push_str(&format!(" (reason: {reason})"));
    }
    text
}

#[cfg(test)]
mod tests;
