//! Single messages of a stream: rendered on their own, and in one line.

use std::borrow::Cow;
use std::fmt::Write;

use ratel_flow::{MessageKind, format};

use crate::registry::{complain, document, render};
use crate::views::socketio::{self, Packet};
use crate::views::{dns, grpc, hex, json, protobuf, sse};
use crate::{Class, Document, Sink, ViewInput};

/// Bytes of a message that a preview looks at.
const PREVIEWED: usize = 4 * 1024;

/// Lines of a document that a preview joins.
const PREVIEW_LINES: usize = 64;

/// Renders one message. `input.data` are its bytes, or the start of them, and `input.offset` is where they begin in it.
///
/// The view is the one that fits the kind, or, for the data of raw connections, the port; what does not parse as that is shown as text or in hexadecimal.
#[must_use]
pub fn render_message(kind: MessageKind, input: &ViewInput<'_>) -> Document {
    let (data, max_lines) = (input.data, input.max_lines);
    if input.offset > 0 {
        return plain(input);
    }
    match kind {
        MessageKind::Text if socketio::fits(input) => render(Some("Socket.IO"), input),
        MessageKind::Binary if socketio::is_asked_for(input) => {
            document("Socket.IO", max_lines, |out| {
                socketio::attachment(input, out)
            })
        }
        MessageKind::Text | MessageKind::Binary | MessageKind::Json
            if json::is_container(data, input.complete) =>
        {
            render(Some("json"), input)
        }
        MessageKind::Json => render(Some("json"), input),
        MessageKind::Text | MessageKind::Close => render(Some("raw"), input),
        MessageKind::Binary if is_protobuf(input) => document("Protobuf", max_lines, |out| {
            let schema = protobuf::schema_for(input, data);
            protobuf::print(data, !input.complete, schema.as_ref(), out);
        }),
        MessageKind::Grpc => document("gRPC", max_lines, |out| grpc_message(input, out)),
        MessageKind::GrpcTrailers => document("gRPC", max_lines, |out| grpc::trailers(data, out)),
        MessageKind::Event => document("SSE", max_lines, |out| {
            sse::event_lines(&sse::lines(sse::without_mark(data)), out);
        }),
        MessageKind::Data if dns::is_message(input) => render(Some("DNS"), input),
        MessageKind::Binary | MessageKind::Ping | MessageKind::Pong | MessageKind::Data
            if !is_text(input) =>
        {
            render(Some("Hex Dump"), input)
        }
        MessageKind::Binary | MessageKind::Ping | MessageKind::Pong | MessageKind::Data => {
            plain(input)
        }
    }
}

/// As what a message is shown that is not what its kind says: nothing in it can be relied on.
#[must_use]
pub fn malformed(kind: MessageKind) -> MessageKind {
    match kind {
        MessageKind::Grpc => MessageKind::Data,
        other => other,
    }
}

/// One line about a message, of at most `max_chars` characters, safe to put on a terminal; `…` ends one that was cut.
///
/// The first few KiB of `input.data` are looked at, so that it is cheap for messages of any size; giving no more than
/// that is enough.
#[must_use]
pub fn preview(kind: MessageKind, input: &ViewInput<'_>, max_chars: usize) -> String {
    let data = input.data.get(..PREVIEWED).unwrap_or(input.data);
    let input = &ViewInput {
        data,
        complete: input.complete && data.len() == input.data.len(),
        max_lines: PREVIEW_LINES,
        ..*input
    };
    let text = match kind {
        MessageKind::Text if socketio::fits(input) => {
            let packet = Packet::of(data);
            let packet =
                packet.map(|packet| [packet.name.as_bytes(), b" ", packet.payload].concat());
            one_line(&packet.unwrap_or_default()).into_owned()
        }
        MessageKind::Event => event(data),
        MessageKind::Binary if is_protobuf(input) => in_flow(&render_message(kind, input)),
        MessageKind::Grpc => in_flow(&document("gRPC", PREVIEW_LINES, |out| {
            grpc_preview(input, out);
        })),
        MessageKind::GrpcTrailers => joined(&render_message(kind, input), ", "),
        MessageKind::Data if dns::is_message(input) => in_flow(&render_message(kind, input)),
        MessageKind::Text
        | MessageKind::Binary
        | MessageKind::Ping
        | MessageKind::Pong
        | MessageKind::Close
        | MessageKind::Json
        | MessageKind::Data => one_line(data).into_owned(),
    };
    cut(text, max_chars, input.complete)
}

/// What the code means with which a WebSocket is closed (RFC 6455 §7.4.1, and the IANA registry).
#[must_use]
pub fn close_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "Normal closure",
        1001 => "Going away",
        1002 => "Protocol error",
        1003 => "Unsupported data",
        1005 => "No code",
        1006 => "Broken off",
        1007 => "Invalid payload data",
        1008 => "Policy violation",
        1009 => "Message too big",
        1010 => "Mandatory extension",
        1011 => "Internal error",
        1012 => "Service restart",
        1013 => "Try again later",
        1014 => "Bad gateway",
        _ => return None,
    })
}

fn plain(input: &ViewInput<'_>) -> Document {
    let input = ViewInput {
        content_type: None,
        ..*input
    };
    render(None, &input)
}

/// Whether bytes that nobody calls text may be shown as such: they read as nothing else.
fn is_text(input: &ViewInput<'_>) -> bool {
    let mut chunks = input.data.utf8_chunks();
    let first = chunks.next();
    // A character may be cut off at the end.
    let whole = first.as_ref().is_none_or(|chunk| {
        let cut = !input.complete && chunk.invalid().len() < 4 && chunks.next().is_none();
        chunk.invalid().is_empty() || cut
    });
    let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    whole && first.is_none_or(|chunk| !chunk.valid().contains(odd))
}

/// Whether binary data may be shown as protobuf, though nobody says so.
fn is_protobuf(input: &ViewInput<'_>) -> bool {
    let missing = if input.complete { 0 } else { protobuf::UNKNOWN };
    hex::is_binary(input.data) && protobuf::guess(input.data, missing) == protobuf::Guess::Message
}

fn grpc_message(input: &ViewInput<'_>, out: &mut Sink) {
    let messages = grpc::Messages::of(input, input.data);
    messages.print(input.data, !input.complete, messages.are_compressed(), out);
}

/// As [`grpc_message`], without decompressing more than a preview needs.
fn grpc_preview(input: &ViewInput<'_>, out: &mut Sink) {
    let messages = grpc::Messages::of(input, input.data);
    if !messages.are_compressed() {
        return messages.print(input.data, !input.complete, false, out);
    }
    match messages.decode(input.data, !input.complete, PREVIEWED) {
        Ok((data, cut, _)) => messages.print(&data, cut, false, out),
        Err(why) => complain(out, &why),
    }
}

/// The name of an event and its data; without data, its other fields.
fn event(data: &[u8]) -> String {
    let lines = sse::lines(sse::without_mark(data));
    let fields: Vec<_> = lines.iter().map(|line| sse::Field::of(line)).collect();
    let mut text = String::new();
    if let Some(event) = fields.iter().rfind(|field| field.name == b"event") {
        text.push_str(&one_line(event.value));
    }
    let mut data = fields
        .iter()
        .filter(|field| field.name == b"data")
        .peekable();
    if data.peek().is_some() {
        for (position, field) in data.enumerate() {
            let between = match (position, text.is_empty()) {
                (_, true) => "",
                (0, false) => ": ",
                (_, false) => " ",
            };
            text.push_str(between);
            text.push_str(&one_line(field.value));
        }
    } else if text.is_empty() {
        let lines: Vec<_> = lines.iter().map(|line| one_line(line)).collect();
        text = lines.join(" ");
    }
    text
}

/// The lines of a document without their indentation.
fn joined(document: &Document, between: &str) -> String {
    let lines = document
        .lines
        .iter()
        .map(|line| line.text().trim().to_owned());
    lines.collect::<Vec<_>>().join(between)
}

/// The lines of a document without remarks; what is indented below a line is in braces.
fn in_flow(document: &Document) -> String {
    let mut text = String::new();
    // How far the levels are indented that are open, and whether each has a brace.
    let mut open: Vec<(usize, bool)> = Vec::new();
    for line in &document.lines {
        let spans = line
            .spans
            .iter()
            .filter(|span| span.class != Class::Comment);
        let line: String = spans.map(|span| span.text.as_str()).collect();
        let content = line.trim();
        if content.is_empty() {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        while let Some((_, brace)) = open.pop_if(|(level, _)| indent < *level) {
            text.push_str(if brace { " }" } else { "" });
        }
        let level = open.last().map_or(0, |(level, _)| *level);
        if indent > level {
            let brace = text.ends_with(':') || text.ends_with(": !group");
            open.push((indent, brace));
            text.push_str(if brace { " {" } else { "" });
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(content);
    }
    for (_, brace) in open.iter().rev() {
        text.push_str(if *brace { " }" } else { "" });
    }
    text
}

/// Text with single spaces, or bytes in hexadecimal.
fn one_line(data: &[u8]) -> Cow<'_, str> {
    if hex::is_binary(data) && str::from_utf8(data).is_err() {
        return Cow::Owned(protobuf::hex(data, PREVIEWED));
    }
    let mut text = String::with_capacity(data.len());
    for chunk in data.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' ' | '\t' | '\n' | '\r' if text.is_empty() || text.ends_with(' ') => {}
                '\t' | '\n' | '\r' => text.push(' '),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.truncate(text.trim_end().len());
    Cow::Owned(format::escape(&text).into_owned())
}

/// At most so many characters, with `…` for what is left out.
fn cut(mut text: String, max_chars: usize, complete: bool) -> String {
    let too_long = text.char_indices().nth(max_chars).is_some();
    if complete && !too_long {
        return text;
    }
    let Some(room) = max_chars.checked_sub(1) else {
        return String::new();
    };
    let end = text
        .char_indices()
        .nth(room)
        .map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question as it goes over TCP, with its length in front (RFC 1035 §4.2.2).
    const QUESTION: &[u8] =
        b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";

    #[test]
    fn what_is_said_to_servers_of_names_is_shown_as_that() {
        let rows = [
            (QUESTION, Some(53), true, "DNS"),
            (QUESTION, Some(5353), true, "DNS"),
            (&QUESTION[2..], Some(53), true, "DNS"),
            (QUESTION, Some(5000), true, "Hex Dump"),
            (&QUESTION[..20], Some(53), true, "Hex Dump"),
            (QUESTION, Some(53), false, "Hex Dump"),
            (b"GET / HTTP/1.1", Some(53), true, "Raw"),
        ];
        for (data, server_port, complete, view) in rows {
            let input = ViewInput {
                data,
                server_port,
                complete,
                max_lines: 100,
                ..ViewInput::default()
            };
            let document = render_message(MessageKind::Data, &input);
            assert_eq!(document.view_name, view, "{server_port:?} {data:?}");
            let line = preview(MessageKind::Data, &input, 200);
            assert_eq!(line.contains("id: 4660"), view == "DNS", "{line}");
        }
    }
}
