//! The text of a flow, as mitmdump prints it.

use std::borrow::Cow;
use std::io;

use ratel_core::options::{Values, keys};
use ratel_core::store::{FlowSnapshot, FlowStore};
use ratel_flow::http::reason_phrase;
use ratel_flow::record::Value;
use ratel_flow::{
    FlowError, FlowKind, Replay, Request, Response, Side, StreamKind, Version, format,
};
use ratel_proto::Headers;
use ratel_views::Schemas;

use super::label::{self, Label};
use super::{body, dns, message};
use crate::ink::{Look, Page};

/// What stands in front of headers and bodies.
pub(super) const INDENT: &str = "    ";

/// Columns of a row that are not for the URL, at the first level of detail.
const BESIDE_URL: usize = 25;

/// A URL is never cut to fewer characters than this.
const URL_AT_LEAST: usize = 50;

/// What stands where a side was played back, in place of the client or before the response.
const REPLAY: &str = "[replay]";

/// How flows are printed.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// 1 rows, 2 headers, 3 the first lines of bodies, 4 all of it.
    pub(crate) detail: i64,
    /// URLs with the name from the Host header.
    pub(crate) showhost: bool,
    /// Lines of a body at detail 3.
    pub(crate) cutoff: usize,
    /// The view for bodies.
    pub(crate) view: String,
    /// Columns of the terminal.
    pub(crate) columns: usize,
    /// What is known about protobuf messages.
    pub(crate) schemas: Option<Schemas>,
}

impl Style {
    /// As the options say.
    pub(crate) fn of(values: &Values, columns: usize, schemas: Option<Schemas>) -> Self {
        Self {
            detail: values.int(keys::FLOW_DETAIL),
            showhost: values.bool(keys::SHOWHOST),
            cutoff: usize::try_from(values.int(keys::CONTENT_VIEW_LINES_CUTOFF)).unwrap_or(0),
            view: values.str(keys::DUMPER_DEFAULT_CONTENTVIEW).to_owned(),
            columns,
            schemas,
        }
    }
}

/// Prints a flow that is finished. A tunnel that was opened prints nothing: what passes in it is printed.
pub(super) fn flow(
    page: &mut Page<'_>,
    store: &FlowStore,
    flow: &FlowSnapshot,
    style: &Style,
) -> io::Result<()> {
    match flow.kind {
        FlowKind::Tcp | FlowKind::Udp => {
            message::raw_end(page, flow, &Label::of(flow))?;
            return fault(page, flow);
        }
        FlowKind::Dns => return dns::exchange(page, store, flow),
        FlowKind::Connection => {
            return match &flow.error {
                Some(error) => {
                    page.put(Look::Plain, &label::client(flow))?;
                    failure(page, error)?;
                    fault(page, flow)
                }
                None => Ok(()),
            };
        }
        FlowKind::Http => {}
    }
    // An extended CONNECT (RFC 8441) has a path, and opens no tunnel that others are seen in.
    let opened_tunnel = |request: &Request, response: &Response| {
        request.method.eq_ignore_ascii_case(b"CONNECT")
            && request.path.is_empty()
            && (200..300).contains(&response.status)
    };
    match (&flow.request, &flow.response, &flow.error) {
        (_, None, None) => return Ok(()),
        (Some(request), Some(response), None) if opened_tunnel(request, response) => return Ok(()),
        _ => request(page, store, flow, true, style)?,
    }
    response(page, store, flow, true, style)?;
    if let Some(error) = &flow.error {
        failure(page, error)?;
    }
    fault(page, flow)
}

/// Prints the request, its body only if `body`.
pub(super) fn request(
    page: &mut Page<'_>,
    store: &FlowStore,
    flow: &FlowSnapshot,
    body: bool,
    style: &Style,
) -> io::Result<()> {
    request_line(page, flow, style)?;
    let Some(request) = &flow.request else {
        return Ok(());
    };
    let message = Message {
        side: Side::Client,
        headers: &request.headers,
        trailers: flow.request_trailers.as_ref(),
        body,
        complete: flow.times.request_end.is_some() && !flow.missing[0],
    };
    message.print(page, store, flow, style)
}

/// Prints the response, if there is one, its body only if `body`.
pub(super) fn response(
    page: &mut Page<'_>,
    store: &FlowStore,
    flow: &FlowSnapshot,
    body: bool,
    style: &Style,
) -> io::Result<()> {
    let Some(response) = &flow.response else {
        return Ok(());
    };
    response_line(page, flow, response, style)?;
    let message = Message {
        side: Side::Server,
        headers: &response.headers,
        trailers: flow.response_trailers.as_ref(),
        body,
        complete: flow.times.response_end.is_some() && !flow.missing[1],
    };
    message.print(page, store, flow, style)
}

/// Prints `127.0.0.1:5000: GET http://service.dev/`.
pub(super) fn request_line(
    page: &mut Page<'_>,
    flow: &FlowSnapshot,
    style: &Style,
) -> io::Result<()> {
    let client = match replay(flow) {
        Some(Replay::Request) => REPLAY.to_owned(),
        _ => label::client(flow),
    };
    let Some(request) = &flow.request else {
        return page.line(Look::Plain, &client);
    };
    let method = match &request.method[..] {
        b"GET" => Look::BoldGreen,
        b"DELETE" => Look::BoldRed,
        _ => Look::BoldMagenta,
    };
    page.put(Look::Plain, &client)?;
    page.put(Look::Plain, ": ")?;
    page.put(method, &text(&request.method))?;
    page.put(Look::Plain, " ")?;
    let mut url = url(request, style);
    if style.detail == 1 {
        let fits = style.columns.saturating_sub(BESIDE_URL).max(URL_AT_LEAST);
        if let Some((end, _)) = url.char_indices().nth(fits) {
            url.truncate(end);
            url.push('…');
        }
    }
    page.put(Look::Bold, &url)?;
    let answered = flow
        .response
        .as_ref()
        .map_or(&Version::Http11, |r| &r.version);
    if !is_http1(&request.version) || request.version != *answered {
        page.put(Look::Plain, " ")?;
        page.put(Look::Plain, &text(request.version.as_bytes()))?;
    }
    page.end()
}

fn response_line(
    page: &mut Page<'_>,
    flow: &FlowSnapshot,
    response: &Response,
    style: &Style,
) -> io::Result<()> {
    let asked = flow.request.as_ref().map(|r| &r.version);
    let version = if is_http1(&response.version) && asked == Some(&response.version) {
        String::new()
    } else {
        format!("{} ", text(response.version.as_bytes()))
    };
    let replayed = match replay(flow) {
        Some(Replay::Response) => REPLAY,
        _ => "",
    };
    page.put(Look::Plain, replayed)?;
    if style.detail == 1 {
        // The status code stands below the method.
        let client = label::client(flow).len();
        let pad = client.saturating_sub(2 + version.chars().count() + replayed.len());
        page.put(Look::Plain, &" ".repeat(pad))?;
    }
    page.put(Look::Bold, " <<")?;
    page.put(Look::Plain, " ")?;
    page.put(Look::Plain, &version)?;
    let (code, reason) = match response.status {
        418 => (Look::BlinkingRed, Look::BoldRed),
        200..300 => (Look::BoldGreen, Look::BoldGreen),
        300..400 => (Look::BoldMagenta, Look::BoldMagenta),
        400..600 => (Look::BoldRed, Look::BoldRed),
        _ => (Look::Bold, Look::Bold),
    };
    page.put(code, &response.status.to_string())?;
    page.put(Look::Plain, " ")?;
    // HTTP/2 and later have no words, so these are the usual ones.
    let words = match response.version {
        Version::Http2 | Version::Http3 => reason_phrase(response.status).into(),
        _ => text(&response.reason),
    };
    if !words.is_empty() {
        page.put(reason, &words)?;
        page.put(Look::Plain, " ")?;
    }
    page.put(Look::Bold, &response_size(flow))?;
    if let Some((code, message)) = &flow.grpc_status {
        let look = if *code == 0 {
            Look::BoldGreen
        } else {
            Look::BoldRed
        };
        page.put(Look::Plain, " ")?;
        page.put(look, &format!("grpc {}", format::grpc_status(*code)))?;
        if !message.is_empty() {
            page.put(Look::Plain, &format!(": {message}"))?;
        }
    }
    page.end()
}

fn response_size(flow: &FlowSnapshot) -> String {
    match (flow.times.response_end, flow.response_body) {
        // What follows are messages, and no body.
        _ if flow.stream == Some(StreamKind::WebSocket) => format::size(0),
        _ if flow.missing[1] => "(content missing)".to_owned(),
        (Some(_), bytes) => format::size(bytes),
        (None, 0) => "(content missing)".to_owned(),
        (None, bytes) => format!("{} (incomplete)", format::size(bytes)),
    }
}

/// Which side of a flow was played back.
fn replay(flow: &FlowSnapshot) -> Option<Replay> {
    flow.annotations.as_ref()?.is_replay
}

/// Prints the rules that had a flow fail (option `fault`).
pub(super) fn fault(page: &mut Page<'_>, flow: &FlowSnapshot) -> io::Result<()> {
    let said = flow.annotations.as_ref();
    match said.and_then(|said| said.metadata("ratel_fault")) {
        Some(Value::Str(rules)) => page.line(Look::Yellow, &format!("{INDENT}fault: {rules}")),
        _ => Ok(()),
    }
}

/// Prints why a flow failed.
pub(super) fn failure(page: &mut Page<'_>, error: &FlowError) -> io::Result<()> {
    page.line(Look::BoldRed, &format!(" << {}", error.message))?;
    match &error.hint {
        Some(hint) => page.line(Look::Plain, &format!("{INDENT}hint: {hint}")),
        None => Ok(()),
    }
}

/// What follows the first line of a request or response.
struct Message<'a> {
    side: Side,
    headers: &'a Headers,
    trailers: Option<&'a Headers>,
    /// The body is wanted: it has not been printed as messages.
    body: bool,
    /// It was received to its end.
    complete: bool,
}

impl Message<'_> {
    fn print(
        &self,
        page: &mut Page<'_>,
        store: &FlowStore,
        flow: &FlowSnapshot,
        style: &Style,
    ) -> io::Result<()> {
        if style.detail < 2 {
            return Ok(());
        }
        fields(page, self.headers)?;
        if style.detail >= 3 {
            page.end()?;
        }
        if style.detail >= 3 && self.body {
            let path = flow.request.as_ref().map(|request| text(&request.path));
            let body = body::Body {
                store,
                id: flow.id,
                side: self.side,
                headers: self.headers,
                path: &path.unwrap_or_default(),
                server_port: flow.server_port(),
                complete: self.complete,
            };
            body.print(page, style)?;
        }
        if let Some(trailers) = self.trailers.filter(|trailers| !trailers.is_empty()) {
            page.put(Look::Plain, INDENT)?;
            page.line(Look::Magenta, "--- HTTP Trailers")?;
            fields(page, trailers)?;
            if style.detail >= 3 {
                page.end()?;
            }
        }
        Ok(())
    }
}

fn fields(page: &mut Page<'_>, headers: &Headers) -> io::Result<()> {
    for (name, value) in headers.iter() {
        page.put(Look::Plain, INDENT)?;
        page.put(Look::Blue, &format::escape_bytes(name))?;
        page.put(Look::Plain, ": ")?;
        page.line(
            Look::Plain,
            &format::escape_bytes(&Headers::value_text(value)),
        )?;
    }
    Ok(())
}

fn url(request: &Request, style: &Style) -> String {
    let is_connect = request.method.eq_ignore_ascii_case(b"CONNECT");
    let host = request.headers.get("host").filter(|host| !host.is_empty());
    match host {
        Some(host) if style.showhost && !is_connect => {
            let host = text(host);
            let default = format!(":{}", request.scheme.default_port());
            let host = host.strip_suffix(default.as_str()).unwrap_or(&host);
            format!(
                "{}://{host}{}",
                request.scheme.as_str(),
                text(&request.path)
            )
        }
        _ => request.url(),
    }
}

fn is_http1(version: &Version) -> bool {
    matches!(version, Version::Http10 | Version::Http11)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests;
