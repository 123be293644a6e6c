//! The text of a flow, as mitmdump prints it.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;

use ratel_core::options::{Values, keys};
use ratel_core::store::{FlowSnapshot, FlowStore};
use ratel_flow::{FlowError, FlowKind, Request, Response, Side, Version, format};
use ratel_proto::Headers;

use super::body;
use crate::ink::{Look, Page};

/// What stands in front of headers and bodies.
pub(super) const INDENT: &str = "    ";

/// Columns of a row that are not for the URL, at the first level of detail.
const BESIDE_URL: usize = 25;

/// A URL is never cut to fewer characters than this.
const URL_AT_LEAST: usize = 50;

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
}

impl Style {
    /// As the options say.
    pub(crate) fn of(values: &Values, columns: usize) -> Self {
        Self {
            detail: values.int(keys::FLOW_DETAIL),
            showhost: values.bool(keys::SHOWHOST),
            cutoff: usize::try_from(values.int(keys::CONTENT_VIEW_LINES_CUTOFF)).unwrap_or(0),
            view: values.str(keys::DUMPER_DEFAULT_CONTENTVIEW).to_owned(),
            columns,
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
    if flow.kind == FlowKind::Connection {
        return match &flow.error {
            Some(error) => {
                page.put(Look::Plain, &client(flow.client_conn.peername))?;
                failure(page, error)
            }
            None => Ok(()),
        };
    }
    let opened_tunnel = |request: &Request, response: &Response| {
        request.method.eq_ignore_ascii_case(b"CONNECT") && (200..300).contains(&response.status)
    };
    match (&flow.request, &flow.response, &flow.error) {
        (_, None, None) => return Ok(()),
        (Some(request), Some(response), None) if opened_tunnel(request, response) => return Ok(()),
        (None, _, _) => page.line(Look::Plain, &client(flow.client_conn.peername))?,
        (Some(request), _, _) => {
            request_line(page, flow, request, style)?;
            let message = Message {
                side: Side::Client,
                headers: &request.headers,
                trailers: flow.request_trailers.as_ref(),
                complete: flow.times.request_end.is_some(),
            };
            message.print(page, store, flow, style)?;
        }
    }
    if let Some(response) = &flow.response {
        response_line(page, flow, response, style)?;
        let message = Message {
            side: Side::Server,
            headers: &response.headers,
            trailers: flow.response_trailers.as_ref(),
            complete: flow.times.response_end.is_some(),
        };
        message.print(page, store, flow, style)?;
    }
    match &flow.error {
        Some(error) => failure(page, error),
        None => Ok(()),
    }
}

fn request_line(
    page: &mut Page<'_>,
    flow: &FlowSnapshot,
    request: &Request,
    style: &Style,
) -> io::Result<()> {
    let method = match &request.method[..] {
        b"GET" => Look::BoldGreen,
        b"DELETE" => Look::BoldRed,
        _ => Look::BoldMagenta,
    };
    page.put(Look::Plain, &client(flow.client_conn.peername))?;
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
    if style.detail == 1 {
        // The status code stands below the method.
        let client = client(flow.client_conn.peername).len();
        let pad = client.saturating_sub(2 + version.chars().count());
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
    if !response.reason.is_empty() {
        page.put(reason, &text(&response.reason))?;
        page.put(Look::Plain, " ")?;
    }
    let size = match (flow.times.response_end, flow.response_body) {
        (Some(_), bytes) => format::size(bytes),
        (None, 0) => "(content missing)".to_owned(),
        (None, bytes) => format!("{} (incomplete)", format::size(bytes)),
    };
    page.line(Look::Bold, &size)
}

fn failure(page: &mut Page<'_>, error: &FlowError) -> io::Result<()> {
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
            let body = body::Body {
                store,
                id: flow.id,
                side: self.side,
                headers: self.headers,
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

/// `1.2.3.4:5000` or `[::1]:5000`; an IPv4 client of an IPv6 socket is an IPv4 client.
fn client(addr: SocketAddr) -> String {
    SocketAddr::new(addr.ip().to_canonical(), addr.port()).to_string()
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
