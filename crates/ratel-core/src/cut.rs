//! Attributes of flows by their names, as the commands `cut`, `cut.clip` and `cut.save` take them out: `request.method`,
//! `request.header[host]`, `client_conn.peername.port`. Names and what they stand for are mitmproxy's; what a flow does not
//! have is empty.

mod conn;
mod table;

use std::io;

use bytes::Bytes;
use ratel_flow::content::content;
use ratel_flow::format::escape_bytes;
use ratel_flow::text::Charset;
use ratel_flow::{
    Body, Detail, FlowKind, Headers, HttpRecord, Record, Request, Response, Side, Timestamp,
};

pub use table::{csv, repr};

/// More bytes of a body are not taken out where they have to be decoded, or stand in a table.
pub const CONTENT_MAX: u64 = 64 * 1024 * 1024;

/// What an attribute is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// The bytes of a body, as it was sent.
    Body(Body),
}

impl Value {
    /// Its bytes.
    ///
    /// # Errors
    /// When it is a body that is too large, or cannot be read.
    pub fn bytes(&self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Body(body) => body.whole(CONTENT_MAX)?.unwrap_or_default(),
        })
    }

    /// Whether it is text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn nothing() -> Self {
        Self::Text(String::new())
    }
}

/// An attribute of a flow.
///
/// # Errors
/// When a body cannot be read, or has too many bytes to be decoded.
pub fn cut(record: &Record, spec: &str) -> io::Result<Value> {
    let (first, rest) = spec.split_once('.').unwrap_or((spec, ""));
    Ok(match (first, &record.detail) {
        ("request", Detail::Http(http)) => request(http, rest)?,
        ("response", Detail::Http(http)) => match &http.response {
            Some(response) => self::response(http, response, rest)?,
            None => Value::nothing(),
        },
        ("websocket", Detail::Http(http)) if rest.is_empty() => flag(http.websocket.is_some()),
        ("client_conn", _) => conn::client(&record.client_conn, rest),
        ("server_conn", _) => match &record.server_conn {
            Some(server) => conn::server(server, rest),
            None => Value::nothing(),
        },
        ("error", _) => match (&record.error, rest) {
            (Some(error), "" | "msg") => Value::text(&*error.message),
            (Some(error), "timestamp") => time(Some(error.timestamp)),
            _ => Value::nothing(),
        },
        _ if !rest.is_empty() => Value::nothing(),
        _ => flow(record, first),
    })
}

fn flow(record: &Record, name: &str) -> Value {
    let said = &record.annotations;
    match name {
        "id" => Value::text(&*record.id),
        "type" => Value::text(match record.kind() {
            FlowKind::Http => "http",
            FlowKind::Tcp => "tcp",
            FlowKind::Udp => "udp",
            FlowKind::Dns => "dns",
            FlowKind::Connection => "connection",
        }),
        "marked" => Value::text(&*said.marked),
        "comment" => Value::text(&*said.comment),
        "intercepted" => flag(said.intercepted),
        "is_replay" => Value::text(said.is_replay.map_or("", |replay| replay.name())),
        "timestamp_created" | "timestamp_start" => time(Some(record.timestamp_created)),
        _ => Value::nothing(),
    }
}

fn request(http: &HttpRecord, name: &str) -> io::Result<Value> {
    let request = &http.request;
    let Request {
        method,
        path,
        headers,
        ..
    } = request;
    Ok(match name {
        "method" => lossy(method),
        "scheme" => Value::text(request.scheme.as_str()),
        "host" => Value::text(&*request.host),
        "port" => Value::text(request.port.to_string()),
        "path" => lossy(path),
        "url" => Value::text(request.url()),
        "pretty_host" => Value::text(request.pretty_host()),
        "pretty_url" => Value::text(request.pretty_url()),
        "authority" => lossy(request.pseudo.get(":authority").unwrap_or_default()),
        "http_version" => lossy(request.version.as_bytes()),
        "timestamp_start" => time(Some(request.timestamp_start)),
        "timestamp_end" => time(http.request_end),
        _ => message(http, Side::Client, headers, name)?,
    })
}

fn response(http: &HttpRecord, response: &Response, name: &str) -> io::Result<Value> {
    Ok(match name {
        "status_code" => Value::text(response.status.to_string()),
        "reason" => lossy(&response.reason),
        "http_version" => lossy(response.version.as_bytes()),
        "timestamp_start" => time(Some(response.timestamp_start)),
        "timestamp_end" => time(http.response_end),
        _ => message(http, Side::Server, &response.headers, name)?,
    })
}

/// What requests and responses have alike.
fn message(http: &HttpRecord, side: Side, headers: &Headers, name: &str) -> io::Result<Value> {
    if let Some(field) = name.strip_prefix("header[") {
        let values: Vec<_> = headers
            .get_all(field.trim_end_matches(']'))
            .map(String::from_utf8_lossy)
            .collect();
        return Ok(Value::text(values.join(", ")));
    }
    let body = http.body(side);
    Ok(match name {
        "headers" => Value::Bytes(Bytes::copy_from_slice(&headers.to_wire())),
        "content" => match &http.websocket {
            Some(websocket) => Value::Bytes(messages(websocket)?),
            None => decoded(headers, body)?,
        },
        "raw_content" => Value::Body(body.clone()),
        "text" => {
            let bytes = decoded(headers, body)?.bytes()?;
            Value::text(Charset::of(headers, &bytes).decode(&bytes))
        }
        _ => Value::nothing(),
    })
}

/// The body without its content-encoding; as it was sent where that cannot be undone.
fn decoded(headers: &Headers, body: &Body) -> io::Result<Value> {
    if !headers.contains("content-encoding") || body.is_empty() {
        return Ok(Value::Body(body.clone()));
    }
    let bytes = body.whole(CONTENT_MAX)?.unwrap_or_default();
    let limit = usize::try_from(CONTENT_MAX).unwrap_or(usize::MAX);
    let content = content(headers, &bytes, true, limit);
    if !content.complete && content.bytes.len() >= limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Value::Bytes(content.bytes.into_owned().into()))
}

/// What a WebSocket carried, one message on each line.
fn messages(websocket: &ratel_flow::record::WebSocketRecord) -> io::Result<Bytes> {
    let mut out = Vec::new();
    for message in websocket.messages.iter() {
        let message = message?;
        if !matches!(
            message.kind,
            ratel_flow::MessageKind::Text | ratel_flow::MessageKind::Binary
        ) {
            continue;
        }
        if !out.is_empty() {
            out.push(b'\n');
        }
        out.extend_from_slice(match message.side {
            Side::Client => b"[OUTGOING] ",
            Side::Server => b"[INCOMING] ",
        });
        out.extend_from_slice(&message.content);
        if out.len() as u64 > CONTENT_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    Ok(out.into())
}

fn flag(yes: bool) -> Value {
    Value::text(if yes { "true" } else { "false" })
}

/// Seconds since 1970, as Python writes them.
fn time(at: Option<Timestamp>) -> Value {
    let Some(Timestamp(nanos @ 1..)) = at else {
        return Value::nothing();
    };
    // Divided as a whole it would lose its last digits.
    let seconds = (nanos / 1_000_000_000) as f64 + (nanos % 1_000_000_000) as f64 / 1e9;
    let text = seconds.to_string();
    Value::Text(match text.contains('.') {
        true => text,
        false => format!("{text}.0"),
    })
}

/// What should be text: escaped where it is not.
fn lossy(bytes: &[u8]) -> Value {
    Value::Text(match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => escape_bytes(bytes).into_owned(),
    })
}

#[cfg(test)]
mod tests;
