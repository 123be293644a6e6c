//! Messages as on the wire, with their content-encoding undone so that they can be read.

use super::{BODY_MAX, ExportError, Exported};
use crate::content::content;
use crate::{Headers, MessageKind, Messages, Side, Version};

pub(super) fn both(
    flow: &Exported<'_>,
    messages: Option<&Messages>,
) -> Result<Vec<u8>, ExportError> {
    let mut parts = Vec::new();
    let (asked, answered) = (request(flow), response(flow));
    match (asked, answered) {
        (Ok(asked), Ok(answered)) => parts.extend([asked, answered]),
        (Ok(asked), Err(_)) => parts.push(asked),
        (Err(_), Ok(answered)) => parts.push(answered),
        (Err(error), Err(_)) => return Err(error),
    }
    if let Some(messages) = messages.filter(|messages| !messages.is_empty()) {
        parts.push(self::messages(messages)?);
    }
    Ok(parts.join(&b"\r\n\r\n"[..]))
}

/// A message a line, as mitmproxy writes them.
fn messages(messages: &Messages) -> Result<Vec<u8>, ExportError> {
    let mut lines = Vec::new();
    for message in messages.iter() {
        let message = message.map_err(|_| ExportError::NoMessage)?;
        if !matches!(message.kind, MessageKind::Text | MessageKind::Binary) {
            continue;
        }
        let direction: &[u8] = match message.side {
            Side::Client => b"[OUTGOING] ",
            Side::Server => b"[INCOMING] ",
        };
        lines.push([direction, &message.content].concat());
    }
    Ok(lines.join(&b'\n'))
}

pub(super) fn request(flow: &Exported<'_>) -> Result<Vec<u8>, ExportError> {
    let request = flow.request;
    let body = flow.request_body.ok_or(ExportError::NoBody("request"))?;
    let line = match &request.line {
        Some(line) => line.to_vec(),
        None => {
            let is_http1 = !matches!(request.version, Version::Http2 | Version::Http3);
            let url = request.url();
            let target = if is_http1 {
                &request.target[..]
            } else {
                url.as_bytes()
            };
            [
                &request.method[..],
                b" ",
                target,
                b" ",
                request.version.as_bytes(),
                b"\r\n",
            ]
            .concat()
        }
    };
    Ok(message(line, &request.headers, body))
}

pub(super) fn response(flow: &Exported<'_>) -> Result<Vec<u8>, ExportError> {
    let (response, body) = flow.response.ok_or(ExportError::NoResponse)?;
    let body = body.ok_or(ExportError::NoBody("response"))?;
    let line = match &response.line {
        Some(line) => line.to_vec(),
        None => {
            let status = response.status.to_string();
            let version = response.version.as_bytes();
            [
                version,
                b" ",
                status.as_bytes(),
                b" ",
                &response.reason,
                b"\r\n",
            ]
            .concat()
        }
    };
    Ok(message(line, &response.headers, body))
}

fn message(line: Vec<u8>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut out = line;
    let decoded = content(headers, body, true, BODY_MAX);
    if decoded.complete && decoded.note.starts_with("[decoded") {
        let mut plain = headers.clone();
        plain.remove("content-encoding");
        if plain.contains("content-length") {
            plain.set("content-length", decoded.bytes.len().to_string().as_bytes());
        }
        out.extend_from_slice(&plain.to_wire());
    } else {
        out.extend_from_slice(&headers.to_wire());
    }
    out.extend_from_slice(headers.end());
    out.extend_from_slice(&decoded.bytes);
    out
}
