//! HTTP exchanges.

mod target;

use std::borrow::Cow;
use std::io;

use bytes::Bytes;
use ratel_proto::headers::{Field as HeaderField, Headers, Span};
use ratel_proto::tnetstring::{Item, Kind, Value};
use ratel_proto::url;

use super::field::{Field, StateError, state};
use super::message::{self, Form, Measured};
use super::notes::Notes;
use super::out::{Fill, Out};
use super::{FlowState, Frame, time};
use crate::flow::Side;
use crate::http::{Request, Response, Version};
use crate::message::StreamKind;
use crate::record::{Body, HttpRecord, Messages, WebSocketRecord};
use crate::time::Timestamp;
use crate::verbatim::{Place, Verbatim};

pub(super) use target::write_notes as write_target_notes;

state! {
    RequestState {
        http_version, headers, content, trailers, timestamp_start, timestamp_end, host, port, method, scheme, authority,
        path,
    }
}

state! {
    ResponseState {
        http_version, headers, content, trailers, timestamp_start, timestamp_end, status_code, reason,
    }
}

state! {
    WebSocketState { messages, closed_by_client, close_code, close_reason, timestamp_end }
}

/// Reads an exchange.
pub(super) fn read(
    flow: &FlowState<'_>,
    frame: &Frame<'_>,
    notes: &Notes<'_>,
    verbatim: &mut Verbatim,
) -> Result<HttpRecord, StateError> {
    let state = RequestState::read(&flow.request)?;
    let within = |error: StateError| error.within("request");
    let request = request(&state, notes, verbatim).map_err(within)?;
    let mut record = HttpRecord::new(request, body(&state.content, frame).map_err(within)?);
    record.request_trailers = opt_headers(&state.trailers).map_err(within)?;
    record.request_end =
        time::read_opt(&state.timestamp_end, Place::RequestEnd, verbatim).map_err(within)?;
    if flow.response.some().is_some() {
        let state = ResponseState::read(&flow.response)?;
        read_response(&state, frame, &mut record, verbatim)
            .map_err(|error| error.within("response"))?;
        if let Some(response) = &mut record.response {
            notes.restore_response(response);
        }
    }
    if flow.websocket.some().is_some() {
        let state = WebSocketState::read(&flow.websocket)?;
        let websocket = websocket(&state, frame, notes, verbatim);
        record.websocket = Some(websocket.map_err(|error| error.within("websocket"))?);
        record.stream = Some(StreamKind::WebSocket);
    }
    notes.restore_http(&mut record);
    Ok(record)
}

fn request(
    state: &RequestState<'_>,
    notes: &Notes<'_>,
    verbatim: &mut Verbatim,
) -> Result<Request, StateError> {
    let version = version(octets(&state.http_version)?);
    let method = octets(&state.method)?;
    let parts = target::Parts {
        scheme: octets(&state.scheme)?.into(),
        authority: octets(&state.authority)?.into(),
        path: octets(&state.path)?.into(),
    };
    let port = state.port.int()?;
    if u16::try_from(port).is_err() {
        verbatim.keep(Place::RequestPort, Value::Int(port));
    }
    let mut request = parts.to_request(method, version);
    request.headers = headers(&state.headers)?;
    request.host = host(&state.host)?.into();
    request.port = u16::try_from(port).unwrap_or_default();
    request.scheme = parts.scheme(request.port);
    request.timestamp_start = time::read(&state.timestamp_start, Place::RequestStart, verbatim)?;
    notes.restore_target(&mut request);
    if target::Parts::of(&request) != parts {
        verbatim.keep(Place::RequestTarget, parts.to_value());
    }
    Ok(request)
}

/// The host: text, or in older files bytes, which are a name as DNS has it.
fn host<'a>(field: &Field<'a>) -> Result<Cow<'a, str>, StateError> {
    let text = String::from_utf8_lossy(octets(field)?);
    let is_bytes = field.item.is_some_and(|item| item.kind == Kind::Bytes);
    match url::unicode_host(&text) {
        Some(readable) if is_bytes && text.contains("xn--") => Ok(readable.into()),
        _ => Ok(text),
    }
}

/// Bytes, which were given as text by some.
fn octets<'a>(field: &Field<'a>) -> Result<&'a [u8], StateError> {
    let item = field.required()?;
    match item.kind {
        Kind::Bytes | Kind::Str => Ok(item.payload),
        _ => Err(field.wrong(&item, "a byte string")),
    }
}

pub(super) fn version(text: &[u8]) -> Version {
    match text {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        b"HTTP/2.0" => Version::Http2,
        b"HTTP/3" => Version::Http3,
        other => Version::Other(Bytes::copy_from_slice(other)),
    }
}

fn is_http1(version: &Version) -> bool {
    !matches!(version, Version::Http2 | Version::Http3)
}

fn read_response(
    state: &ResponseState<'_>,
    frame: &Frame<'_>,
    record: &mut HttpRecord,
    verbatim: &mut Verbatim,
) -> Result<(), StateError> {
    let version = version(octets(&state.http_version)?);
    let status = state.status_code.int()?;
    if u16::try_from(status).is_err() {
        verbatim.keep(Place::ResponseStatus, Value::Int(status));
    }
    let status = u16::try_from(status).unwrap_or_default();
    let mut pseudo = Headers::new();
    if !is_http1(&version) {
        pseudo.append(b":status", status.to_string().as_bytes());
    }
    record.response = Some(Response {
        version,
        status,
        reason: Bytes::copy_from_slice(octets(&state.reason)?),
        line: None,
        headers: headers(&state.headers)?,
        pseudo,
        timestamp_start: time::read(&state.timestamp_start, Place::ResponseStart, verbatim)?,
    });
    record.response_body = body(&state.content, frame)?;
    record.response_trailers = opt_headers(&state.trailers)?;
    record.response_end = time::read_opt(&state.timestamp_end, Place::ResponseEnd, verbatim)?;
    Ok(())
}

fn body(field: &Field<'_>, frame: &Frame<'_>) -> Result<Body, StateError> {
    let Some(content) = field.opt_bytes()? else {
        return Ok(Body::Missing);
    };
    if let Some(elsewhere) = frame.body_elsewhere(content) {
        return Ok(elsewhere);
    }
    Ok(Body::Bytes(frame.share(content)))
}

fn opt_headers(field: &Field<'_>) -> Result<Option<Headers>, StateError> {
    match field.some() {
        None => Ok(None),
        Some(_) => headers(field).map(Some),
    }
}

/// Bytes round a name and a value: `: ` and a line ending.
const AROUND: usize = 4;

/// Reads fields: a list of `[name, value]`.
pub(super) fn headers(field: &Field<'_>) -> Result<Headers, StateError> {
    let item = field.required()?;
    let mut list = field.list()?;
    // A field needs more bytes in the file than in a line.
    let mut lines = Vec::with_capacity(item.payload.len());
    let mut fields = Vec::with_capacity(item.payload.len() / 32);
    while let Some(pair) = list.next()? {
        let mut pair = pair.list()?;
        let (name, value) = (octets(&pair.expect()?)?, octets(&pair.expect()?)?);
        let start = lines.len();
        lines.extend_from_slice(name);
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value);
        lines.extend_from_slice(b"\r\n");
        let value_at = start + name.len() + AROUND / 2;
        fields.push(HeaderField {
            line: Span::new(start, lines.len()),
            name: Span::new(start, start + name.len()),
            value: Span::new(value_at, value_at + value.len()),
            never_indexed: false,
        });
    }
    Ok(Headers::from_wire(lines.into(), fields, false))
}

fn websocket(
    state: &WebSocketState<'_>,
    frame: &Frame<'_>,
    notes: &Notes<'_>,
    verbatim: &mut Verbatim,
) -> Result<WebSocketRecord, StateError> {
    let messages = message::read_list(&state.messages, Form::WebSocket, frame, verbatim)?;
    let close_code = match state.close_code.some() {
        None => None,
        Some(_) => {
            let code = state.close_code.int()?;
            if u32::try_from(code).is_err() {
                verbatim.keep(Place::CloseCode, Value::Int(code));
            }
            Some(u32::try_from(code).unwrap_or_default())
        }
    };
    Ok(WebSocketRecord {
        messages: notes.restore_controls(messages),
        closed_by: match state.closed_by_client.opt_bool()? {
            None => None,
            Some(true) => Some(Side::Client),
            Some(false) => Some(Side::Server),
        },
        close_code,
        close_reason: state.close_reason.opt_shared()?,
        timestamp_end: time::read_opt(&state.timestamp_end, Place::WebSocketEnd, verbatim)?,
    })
}

/// Looks at the messages of an exchange before it is written.
pub(super) fn measure(record: &HttpRecord) -> io::Result<Measured> {
    match &record.websocket {
        Some(websocket) => message::measure(&websocket.messages, Form::WebSocket),
        None => Ok(Measured::default()),
    }
}

/// Writes an exchange.
pub(super) fn write(
    out: &mut Out<'_>,
    record: &HttpRecord,
    measured: &Measured,
    verbatim: &Verbatim,
) {
    out.dict("request", |out| write_request(out, record, verbatim));
    match &record.response {
        Some(response) => out.dict("response", |out| {
            write_response(out, response, record, verbatim);
        }),
        None => out.null("response"),
    }
    match &record.websocket {
        Some(websocket) => out.dict("websocket", |out| {
            write_websocket(out, websocket, measured, verbatim);
        }),
        None => out.null("websocket"),
    }
}

fn write_request(out: &mut Out<'_>, record: &HttpRecord, verbatim: &Verbatim) {
    let request = &record.request;
    MessageRef {
        version: &request.version,
        headers: &request.headers,
        body: &record.request_body,
        trailers: record.request_trailers.as_ref(),
        start: (request.timestamp_start, Place::RequestStart),
        end: (record.request_end, Place::RequestEnd),
    }
    .write(out, verbatim);
    out.text("host", &request.host);
    match verbatim.get(Place::RequestPort) {
        Some(value) if request.port == 0 => out.value("port", value),
        _ => out.int("port", request.port.into()),
    }
    out.bytes("method", &request.method);
    let kept = verbatim.get(Place::RequestTarget);
    let kept = kept.and_then(|value| target::Parts::of_value(value, request));
    let parts = kept.unwrap_or_else(|| target::Parts::of(request));
    out.bytes("scheme", &parts.scheme);
    out.bytes("authority", &parts.authority);
    out.bytes("path", &parts.path);
}

fn write_response(
    out: &mut Out<'_>,
    response: &Response,
    record: &HttpRecord,
    verbatim: &Verbatim,
) {
    MessageRef {
        version: &response.version,
        headers: &response.headers,
        body: &record.response_body,
        trailers: record.response_trailers.as_ref(),
        start: (response.timestamp_start, Place::ResponseStart),
        end: (record.response_end, Place::ResponseEnd),
    }
    .write(out, verbatim);
    match verbatim.get(Place::ResponseStatus) {
        Some(value) if response.status == 0 => out.value("status_code", value),
        _ => out.int("status_code", response.status.into()),
    }
    out.bytes("reason", &response.reason);
}

/// What requests and responses have in common.
struct MessageRef<'a> {
    version: &'a Version,
    headers: &'a Headers,
    body: &'a Body,
    trailers: Option<&'a Headers>,
    start: (Timestamp, Place),
    end: (Option<Timestamp>, Place),
}

impl MessageRef<'_> {
    fn write(&self, out: &mut Out<'_>, verbatim: &Verbatim) {
        out.bytes("http_version", self.version.as_bytes());
        write_headers(out, "headers", self.headers);
        write_body(out, "content", self.body);
        match self.trailers {
            Some(trailers) => write_headers(out, "trailers", trailers),
            None => out.null("trailers"),
        }
        let (start, place) = self.start;
        time::write(out, "timestamp_start", Some(start), place, verbatim);
        let (end, place) = self.end;
        time::write(out, "timestamp_end", end, place, verbatim);
    }
}

/// Writes fields.
pub(super) fn write_headers(out: &mut Out<'_>, key: &str, headers: &Headers) {
    out.list(key, |out| {
        for (name, value) in headers.iter().rev() {
            out.group(Kind::List, |out| {
                out.encoder.bytes(value);
                out.encoder.bytes(name);
            });
        }
    });
}

fn write_body(out: &mut Out<'_>, key: &str, body: &Body) {
    match body {
        Body::Missing => out.null(key),
        Body::Bytes(bytes) => out.bytes(key, bytes),
        Body::Lazy(lazy) => out.entry(key, |out| {
            out.group(Kind::Bytes, |out| {
                out.gap(lazy.len(), Fill::Body(body.clone()));
            });
        }),
    }
}

fn write_websocket(
    out: &mut Out<'_>,
    websocket: &WebSocketRecord,
    measured: &Measured,
    verbatim: &Verbatim,
) {
    let messages: &Messages = &websocket.messages;
    message::write_list(
        out,
        "messages",
        messages,
        Form::WebSocket,
        measured,
        verbatim,
    );
    match websocket.closed_by {
        Some(side) => out.bool("closed_by_client", side == Side::Client),
        None => out.null("closed_by_client"),
    }
    match (verbatim.get(Place::CloseCode), websocket.close_code) {
        (Some(value), Some(0)) => out.value("close_code", value),
        (_, Some(code)) => out.int("close_code", code.into()),
        (_, None) => out.null("close_code"),
    }
    out.opt_text("close_reason", websocket.close_reason.as_deref());
    let end = websocket.timestamp_end;
    time::write(out, "timestamp_end", end, Place::WebSocketEnd, verbatim);
}

/// A list of fields that stands alone.
pub(super) fn headers_in(item: Item<'_>) -> Option<Headers> {
    headers(&Field {
        name: "headers",
        item: Some(item),
    })
    .ok()
}
