//! A request or a response: the start line and the fields as they were sent, then the body.

use ratel_core::control::HeldPart;
use ratel_core::store::FlowSnapshot;
use ratel_flow::format::size;
use ratel_flow::{
    FlowError, FlowKind, Headers, Request, Response, Scheme, Side, StreamKind, Version,
};
use ratel_views::Schemas;

use crate::screens::known::Known;
use crate::screens::{body_text, protocol};
use crate::source::BodyPart;
use crate::text::Text;
use crate::theme::{self, Role};
use crate::widgets::pane::Content;

/// What the client sent.
pub(crate) fn request(
    flow: &FlowSnapshot,
    held: &[HeldPart],
    body: Option<BodyPart>,
    schemas: Option<&Schemas>,
    view: Option<&str>,
) -> Content {
    let mut content = Content::default();
    if flow.kind == FlowKind::Dns {
        dns(flow, Side::Client, body, view, &mut content);
        return content;
    }
    let Some(request) = &flow.request else {
        let why = if flow.kind == FlowKind::Connection {
            "No request came on this connection."
        } else {
            "No request."
        };
        missing(flow, why, &mut content);
        return content;
    };
    if let Some(error) = &flow.error {
        add_error(flow, error, &mut content.head);
        content.head.push(Text::default());
    }
    content.head.push(request_line(request));
    fields(&request.pseudo, &request.version, &mut content.head);
    fields(&request.headers, &request.version, &mut content.head);
    let message = Message {
        flow,
        held,
        side: Side::Client,
        headers: &request.headers,
        schemas,
        view,
        empty: "No request content",
    };
    message.add_body(body, &mut content);
    trailers(
        flow.request_trailers.as_ref(),
        &request.version,
        &mut content.tail,
    );
    content
}

/// What came back.
pub(crate) fn response(
    flow: &FlowSnapshot,
    held: &[HeldPart],
    body: Option<BodyPart>,
    schemas: Option<&Schemas>,
    view: Option<&str>,
) -> Content {
    let mut content = Content::default();
    for informational in &flow.informational {
        content.head.push(status_line(informational));
        response_fields(informational, &mut content.head);
        content.head.push(Text::default());
    }
    if flow.kind == FlowKind::Dns && flow.response_body > 0 {
        dns(flow, Side::Server, body, view, &mut content);
        return content;
    }
    let Some(response) = &flow.response else {
        let why = if flow.state.is_live() {
            "No response yet."
        } else {
            "No response."
        };
        missing(flow, why, &mut content);
        return content;
    };
    if let Some(error) = &flow.error {
        add_error(flow, error, &mut content.head);
        content.head.push(Text::default());
    }
    if wants_tls(flow, response, body.as_ref()) {
        let mut line = Text::plain(Role::Heading, "hint: ");
        line.push(
            Role::Text,
            "the service wants TLS on that port: use https:// for it",
        );
        content.head.push(line);
        content.head.push(Text::default());
    }
    let mut line = status_line(response);
    if let Some(outcome) = protocol::outcome(flow) {
        line.push(Role::Dim, " · ");
        for span in outcome.spans {
            line.push(span.role, span.text);
        }
    }
    content.head.push(line);
    response_fields(response, &mut content.head);
    let message = Message {
        flow,
        held,
        side: Side::Server,
        headers: &response.headers,
        schemas,
        view,
        empty: "No content",
    };
    message.add_body(body, &mut content);
    trailers(
        flow.response_trailers.as_ref(),
        &response.version,
        &mut content.tail,
    );
    content
}

/// A DNS message, which has nothing but a body.
fn dns(
    flow: &FlowSnapshot,
    side: Side,
    body: Option<BodyPart>,
    view: Option<&str>,
    content: &mut Content,
) {
    let message = Message {
        flow,
        held: &[],
        side,
        headers: &Headers::new(),
        schemas: None,
        view,
        empty: "Nothing",
    };
    message.add_body(body, content);
}

fn response_fields(response: &Response, lines: &mut Vec<Text>) {
    fields(&response.pseudo, &response.version, lines);
    fields(&response.headers, &response.version, lines);
}

fn missing(flow: &FlowSnapshot, why: &str, content: &mut Content) {
    if flow.lossy {
        content.head.push(Text::plain(
            Role::Warn,
            "Some of this flow could not be recorded.",
        ));
    }
    match &flow.error {
        Some(error) => add_error(flow, error, &mut content.head),
        None => content.head.push(Text::plain(Role::Dim, why)),
    }
}

/// Whether a server of https has answered plain HTTP, as Go's, nginx and Apache do.
fn wants_tls(flow: &FlowSnapshot, response: &Response, body: Option<&BodyPart>) -> bool {
    let plain = flow
        .request
        .as_ref()
        .is_some_and(|request| request.scheme == Scheme::Http);
    let said = |body: &BodyPart| {
        let start = body.bytes.get(..TLS_WORDS_WITHIN).unwrap_or(&body.bytes);
        let start = String::from_utf8_lossy(start).to_ascii_lowercase();
        TLS_WORDS.iter().any(|words| start.contains(words))
    };
    plain && response.status == 400 && body.is_some_and(said)
}

/// What servers say then.
const TLS_WORDS: [&str; 4] = [
    "http request to an https server",
    "request was sent to https port",
    "speaking plain http to an ssl-enabled server port",
    "requires tls",
];

/// So many bytes of what they say are looked at.
const TLS_WORDS_WITHIN: usize = 2048;

fn add_error(flow: &FlowSnapshot, error: &FlowError, lines: &mut Vec<Text>) {
    let mut line = Text::plain(Role::Error, "error: ");
    line.push_str(Role::Error, &error.message);
    lines.push(line);
    if let Some(hint) = &error.hint {
        let mut line = Text::plain(Role::Heading, "hint: ");
        line.push_str(Role::Text, hint);
        lines.push(line);
    }
    if error.is_unverified() && flow.request.is_some() {
        let mut line = Text::plain(Role::Heading, "here: ");
        line.push(Role::Key, ":set ssl_insecure true");
        line.push(
            Role::Text,
            " accepts it as well; then send the request again",
        );
        lines.push(line);
    }
}

fn request_line(request: &Request) -> Text {
    let mut text = Text::default();
    match &request.line {
        Some(line) => {
            let line = without_line_ends(line);
            let method = line
                .strip_prefix(&request.method[..])
                .map(|rest| (&request.method[..], rest));
            let (method, rest) = method.unwrap_or((b"", line));
            text.push_bytes(theme::method(method), method);
            text.push_bytes(Role::Text, rest);
        }
        None => {
            text.push_bytes(theme::method(&request.method), &request.method);
            text.push(Role::Text, " ");
            text.push_bytes(Role::Text, &request.target);
            text.push(Role::Text, " ");
            text.push_bytes(Role::Text, request.version.as_bytes());
        }
    }
    text
}

fn status_line(response: &Response) -> Text {
    let mut text = Text::default();
    let role = theme::status(response.status);
    match &response.line {
        Some(line) => text.push_bytes(role, without_line_ends(line)),
        None => {
            text.push_bytes(role, response.version.as_bytes());
            text.push(role, format!(" {}", response.status));
            if !response.reason.is_empty() {
                text.push(role, " ");
                text.push_bytes(role, &response.reason);
            }
        }
    }
    text
}

/// Fields as they were sent: in HTTP/1 a folded one (RFC 9112 §5.2) on as many lines as it had. HTTP/2 has no lines, so
/// that what looks like a line end there is a byte of the value.
fn fields(headers: &Headers, version: &Version, lines: &mut Vec<Text>) {
    if matches!(version, Version::Http2 | Version::Http3) {
        lines.extend(headers.iter().map(|(name, value)| {
            let mut text = Text::default();
            text.push_bytes(Role::Name, name);
            text.push(Role::Text, ": ");
            text.push_bytes(Role::Text, value);
            text
        }));
        return;
    }
    for ((name, _), line) in headers.iter().zip(headers.lines()) {
        let mut rest = line.strip_prefix(name);
        for piece in without_line_ends(line).split(|b| *b == b'\n') {
            let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
            let mut text = Text::default();
            // The name stands at the start of the first piece only.
            match rest.take().and_then(|_| piece.strip_prefix(name)) {
                Some(value) => {
                    text.push_bytes(Role::Name, name);
                    text.push_bytes(Role::Text, value);
                }
                None => text.push_bytes(Role::Text, piece),
            }
            lines.push(text);
        }
    }
}

fn trailers(trailers: Option<&Headers>, version: &Version, lines: &mut Vec<Text>) {
    if let Some(trailers) = trailers.filter(|trailers| !trailers.is_empty()) {
        lines.push(Text::default());
        lines.push(Text::plain(Role::Heading, "--- HTTP trailers"));
        fields(trailers, version, lines);
    }
}

fn without_line_ends(line: &[u8]) -> &[u8] {
    let start = line
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    let line = line.get(start..).unwrap_or_default();
    let end = line
        .iter()
        .rev()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    line.get(..line.len() - end).unwrap_or_default()
}

/// What follows the fields.
struct Message<'a> {
    flow: &'a FlowSnapshot,
    held: &'a [HeldPart],
    side: Side,
    headers: &'a Headers,
    schemas: Option<&'a Schemas>,
    view: Option<&'a str>,
    /// What is said when there is nothing.
    empty: &'static str,
}

impl Message<'_> {
    fn add_body(&self, body: Option<BodyPart>, content: &mut Content) {
        let live = self.flow.state.is_live();
        content.head.push(Text::default());
        if self.flow.stream == Some(StreamKind::WebSocket) {
            let s = if self.flow.messages == 1 { "" } else { "s" };
            let count = protocol::messages(self.flow, self.held);
            let text = format!("WebSocket, {count} message{s}: see the tab Messages");
            content.head.push(Text::plain(Role::Heading, text));
            return;
        }
        let Some(part) = body.filter(|part| part.total > 0) else {
            let ended = match self.side {
                Side::Client => self.flow.times.request_end,
                Side::Server => self.flow.times.response_end,
            };
            let open = live && ended.is_none();
            let known = Known::new(self.flow, self.side, self.schemas).seen_as(self.view);
            if let Some(lines) = body_text::of_nothing(&known).filter(|_| !open) {
                content.head.extend(lines);
                return;
            }
            let text = if open { "No content yet" } else { self.empty };
            content.head.push(Text::plain(Role::Dim, text));
            return;
        };
        let known = Known::new(self.flow, self.side, self.schemas).seen_as(self.view);
        let (description, text) = body_text::render(&part, self.headers, &known);
        let mut bar = Text::plain(
            Role::Heading,
            format!("{description}, {}", size(part.total)),
        );
        if !part.complete {
            let goes_on = if live { " and growing" } else { ", cut short" };
            bar.push(Role::Text, goes_on);
        }
        content.head.push(bar);
        if part.lost {
            content.head.push(Text::plain(
                Role::Warn,
                "[content missing] the first part could not be kept",
            ));
        }
        if part.bytes.is_empty() {
            content
                .head
                .push(Text::plain(Role::Dim, "[content missing]"));
        }
        content.body = Some((part, text));
    }
}
