//! What Ratel knows of a flow and mitmproxy has no field for. It is kept among the metadata, under names that begin with
//! `ratel_`: mitmproxy keeps what it does not know there.
//!
//! | key | holds |
//! |---|---|
//! | `ratel_connection` | `true`: a connection that ended before it carried a flow, written as a TCP flow |
//! | `ratel_hint`, `ratel_by_client` | the second half of an error, which stands behind its message; whether the client left |
//! | `ratel_scheme`, `ratel_target`, `ratel_request_pseudo`, `ratel_response_pseudo` | where a head is not what its parts would make |
//! | `ratel_informational` | responses before the response |
//! | `ratel_stream`, `ratel_grpc_status` | what bodies are streams of, how a gRPC call ended |
//! | `ratel_control_frames` | pings, pongs and closes of a WebSocket, with their numbers among its messages |
//! | `ratel_client_conn`, `ratel_server_conn` | more of the handshakes, why bytes were passed on, an unusual mode |
//!
//! What is not understood there is passed over: it cannot be a reason to lose a flow.

use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::tnetstring::{Item, Kind, Value};

use super::field::{Field, StateError, state};
use super::http::{headers_in, write_headers, write_target_notes};
use super::message::Measured;
use super::out::Out;
use super::{Frame, message, time};
use crate::conn::{ClientConn, ServerConn, TlsEngine, TlsInfo};
use crate::flow::{FlowError, Side};
use crate::http::{Request, Response, Scheme, Version};
use crate::message::{Message, MessageFlags, MessageKind, StreamKind};
use crate::record::{Detail, HttpRecord, Messages, Record};

/// Metadata: a name and what is said under it.
pub(super) type Metadata = Vec<(Arc<str>, Value)>;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Notes<'a> {
    pub(super) is_connection: bool,
    hint: Option<&'a str>,
    by_client: bool,
    scheme: Option<&'a str>,
    target: Option<&'a [u8]>,
    request_pseudo: Option<Item<'a>>,
    response_pseudo: Option<Item<'a>>,
    informational: Option<Item<'a>>,
    stream: Option<&'a str>,
    grpc_status: Option<Item<'a>>,
    control_frames: Option<Item<'a>>,
    pub(super) client_conn: Option<Item<'a>>,
    pub(super) server_conn: Option<Item<'a>>,
}

/// Reads metadata: our notes, and what others have left, in the order in which it was added.
pub(super) fn read<'a>(
    field: &Field<'a>,
    frame: &Frame<'_>,
) -> Result<(Notes<'a>, Metadata), StateError> {
    let (mut notes, mut metadata) = (Notes::default(), Metadata::new());
    let Some(item) = field.some() else {
        return Ok((notes, metadata));
    };
    if item.kind != Kind::Dict {
        return Err(field.wrong(&item, "a dict"));
    }
    let mut items = item.items();
    while let Some((key, value)) = items.pair().map_err(|error| field.syntax(error))? {
        if key.payload.starts_with(b"ratel_") && notes.take(key.payload, value) {
            continue;
        }
        let value = frame.value(&value).map_err(|error| field.syntax(error))?;
        // A key that is no text is made one: nobody but a script has such.
        let key = String::from_utf8_lossy(key.payload);
        metadata.push((key.into(), value));
    }
    metadata.reverse();
    Ok((notes, metadata))
}

impl<'a> Notes<'a> {
    /// Takes a note, if it is one.
    fn take(&mut self, key: &[u8], item: Item<'a>) -> bool {
        match key {
            b"ratel_connection" => self.is_connection = item.as_bool() == Some(true),
            b"ratel_hint" => self.hint = item.as_str(),
            b"ratel_by_client" => self.by_client = item.as_bool() == Some(true),
            b"ratel_scheme" => self.scheme = item.as_str(),
            b"ratel_target" => self.target = item.as_bytes(),
            b"ratel_request_pseudo" => self.request_pseudo = Some(item),
            b"ratel_response_pseudo" => self.response_pseudo = Some(item),
            b"ratel_informational" => self.informational = Some(item),
            b"ratel_stream" => self.stream = item.as_str(),
            b"ratel_grpc_status" => self.grpc_status = Some(item),
            b"ratel_control_frames" => self.control_frames = Some(item),
            b"ratel_client_conn" => self.client_conn = Some(item),
            b"ratel_server_conn" => self.server_conn = Some(item),
            _ => return false,
        }
        true
    }

    /// Parts an error's message and hint again.
    pub(super) fn restore_error(&self, error: &mut FlowError) {
        error.by_client = self.by_client;
        if let Some(hint) = self.hint
            && let Some(message) = error.message.strip_suffix(hint)
            && let Some(message) = message.strip_suffix("; ")
        {
            error.message = message.into();
            error.hint = Some(hint.into());
        }
    }

    pub(super) fn restore_target(&self, request: &mut Request) {
        match self.scheme {
            Some("http") => request.scheme = Scheme::Http,
            Some("https") => request.scheme = Scheme::Https,
            _ => {}
        }
        if let Some(target) = self.target {
            request.target = Bytes::copy_from_slice(target);
        }
        if let Some(pseudo) = self.request_pseudo.and_then(headers_in) {
            request.pseudo = pseudo;
        }
    }

    pub(super) fn restore_response(&self, response: &mut Response) {
        if let Some(pseudo) = self.response_pseudo.and_then(headers_in) {
            response.pseudo = pseudo;
        }
    }

    pub(super) fn restore_http(&self, record: &mut HttpRecord) {
        if let Some(kind) = self.stream.and_then(StreamKind::from_name) {
            record.stream = Some(kind);
        }
        if let Some(item) = self.grpc_status {
            record.grpc_status = grpc_status(item);
        }
        if let Some(list) = self.informational {
            let each = list.items().map_while(Result::ok);
            record.informational = each.filter_map(informational).collect();
        }
    }

    /// Puts control frames back where they were.
    pub(super) fn restore_controls(&self, messages: Messages) -> Messages {
        let Some(list) = self.control_frames else {
            return messages;
        };
        let each = list.items().map_while(Result::ok);
        let controls: Vec<_> = each.filter_map(control_frame).collect();
        match messages {
            Messages::List(mut list) => {
                for (number, frame) in controls {
                    let at = usize::try_from(number).unwrap_or(usize::MAX);
                    list.insert(at.min(list.len()), frame);
                }
                Messages::List(list)
            }
            Messages::Lazy(lazy) => {
                Messages::Lazy(Arc::new(message::WithControls::new(lazy, controls)))
            }
        }
    }
}

/// Writes notes, as entries of the metadata.
pub(super) fn write(out: &mut Out<'_>, record: &Record, measured: &Measured) {
    if matches!(record.detail, Detail::Connection) {
        out.bool("ratel_connection", true);
    }
    if let Some(error) = &record.error {
        if let Some(hint) = &error.hint {
            out.text("ratel_hint", hint);
        }
        if error.by_client {
            out.bool("ratel_by_client", true);
        }
    }
    if let Some(http) = record.http() {
        write_http(out, http);
    }
    if !measured.controls.is_empty() {
        out.list("ratel_control_frames", |out| {
            for (number, frame) in measured.controls.iter().rev() {
                write_control_frame(out, *number, frame);
            }
        });
    }
    write_client(out, &record.client_conn);
    if let Some(conn) = &record.server_conn {
        write_server(out, conn);
    }
}

fn write_http(out: &mut Out<'_>, http: &HttpRecord) {
    write_target_notes(out, &http.request);
    if let Some(response) = &http.response
        && !is_usual_pseudo(response)
    {
        write_headers(out, "ratel_response_pseudo", &response.pseudo);
    }
    if !http.informational.is_empty() {
        out.list("ratel_informational", |out| {
            for response in http.informational.iter().rev() {
                write_informational(out, response);
            }
        });
    }
    if let Some(stream) = http.stream
        && !(stream == StreamKind::WebSocket && http.websocket.is_some())
    {
        out.text("ratel_stream", stream.name());
    }
    if let Some((code, message)) = &http.grpc_status {
        out.list("ratel_grpc_status", |out| {
            out.encoder.text(message);
            out.encoder.int((*code).into());
        });
    }
}

/// Whether the pseudo-header fields are what they are made of the status: none in HTTP/1, and one in what came later.
fn is_usual_pseudo(response: &Response) -> bool {
    let mut fields = response.pseudo.iter();
    match (fields.next(), fields.next()) {
        (None, _) => true,
        (Some((name, value)), None) => {
            name == b":status" && value == response.status.to_string().as_bytes()
        }
        _ => false,
    }
}

state! {
    InformationalState { http_version, status_code, reason, headers, timestamp_start }
}

fn informational(item: Item<'_>) -> Option<Response> {
    let field = Field {
        name: "ratel_informational",
        item: Some(item),
    };
    let state = InformationalState::read(&field).ok()?;
    let status = u16::try_from(state.status_code.int().ok()?).ok()?;
    let version = super::http::version(state.http_version.bytes().ok()?);
    let mut pseudo = ratel_proto::Headers::new();
    if matches!(version, Version::Http2 | Version::Http3) {
        pseudo.append(b":status", status.to_string().as_bytes());
    }
    Some(Response {
        version,
        status,
        reason: Bytes::copy_from_slice(state.reason.bytes().ok()?),
        line: None,
        headers: super::http::headers(&state.headers).ok()?,
        pseudo,
        timestamp_start: time::nearest(&state.timestamp_start.some()?)?,
    })
}

fn write_informational(out: &mut Out<'_>, response: &Response) {
    out.group(Kind::Dict, |out| {
        out.bytes("http_version", response.version.as_bytes());
        out.int("status_code", response.status.into());
        out.bytes("reason", &response.reason);
        write_headers(out, "headers", &response.headers);
        out.entry("timestamp_start", |out| {
            time::append(out.encoder, response.timestamp_start);
        });
    });
}

fn grpc_status(item: Item<'_>) -> Option<(u32, Arc<str>)> {
    let mut items = item.items();
    let code = items.next()?.ok()?.as_int()?;
    let message = items.next()?.ok()?.as_str()?;
    Some((u32::try_from(code).ok()?, message.into()))
}

/// `[number, opcode, from_client, content, timestamp]`
fn control_frame(item: Item<'_>) -> Option<(u64, Message)> {
    let mut items = item.items();
    let mut next = || items.next()?.ok();
    let number = u64::try_from(next()?.as_int()?).ok()?;
    let kind = match next()?.as_int()? {
        8 => MessageKind::Close,
        9 => MessageKind::Ping,
        10 => MessageKind::Pong,
        _ => return None,
    };
    let from_client = next()?.as_bool()?;
    let content = Bytes::copy_from_slice(next()?.as_bytes()?);
    let frame = Message {
        side: if from_client {
            Side::Client
        } else {
            Side::Server
        },
        kind,
        flags: MessageFlags::default(),
        timestamp: time::nearest(&next()?)?,
        content,
    };
    Some((number, frame))
}

fn write_control_frame(out: &mut Out<'_>, number: u64, frame: &Message) {
    out.group(Kind::List, |out| {
        time::append(out.encoder, frame.timestamp);
        out.encoder.bytes(&frame.content);
        out.encoder.bool(frame.side == Side::Client);
        out.encoder.int(message::opcode(frame.kind));
        out.encoder.int(i64::try_from(number).unwrap_or(i64::MAX));
    });
}

state! {
    ConnNotes { passthrough, mode, group, resumed, engine, ech_offered, early_data_offered }
}

/// Reads more of a client connection.
pub(super) fn read_client(item: &Item<'_>, conn: &mut ClientConn) {
    let field = Field {
        name: "ratel_client_conn",
        item: Some(*item),
    };
    let Ok(notes) = ConnNotes::read(&field) else {
        return;
    };
    conn.passthrough = notes.passthrough.opt_shared().unwrap_or_default();
    if let Ok(Some(mode)) = notes.mode.opt_shared() {
        conn.proxy_mode = mode;
    }
    read_tls(&notes, &mut conn.tls);
}

/// Reads more of a server connection.
pub(super) fn read_server(item: &Item<'_>, conn: &mut ServerConn) {
    let field = Field {
        name: "ratel_server_conn",
        item: Some(*item),
    };
    if let Ok(notes) = ConnNotes::read(&field) {
        read_tls(&notes, &mut conn.tls);
    }
}

fn read_tls(notes: &ConnNotes<'_>, tls: &mut Option<Arc<TlsInfo>>) {
    let Some(tls) = tls.as_mut().map(Arc::make_mut) else {
        return;
    };
    let flag = |field: &Field<'_>| field.opt_bool().ok().flatten() == Some(true);
    tls.group = notes.group.opt_shared().unwrap_or_default();
    tls.resumed = flag(&notes.resumed);
    tls.ech_offered = flag(&notes.ech_offered);
    tls.early_data_offered = flag(&notes.early_data_offered);
    let engine = notes.engine.opt_text().ok().flatten();
    tls.engine = engine.and_then(TlsEngine::from_name);
}

fn write_client(out: &mut Out<'_>, conn: &ClientConn) {
    let mode = (file_mode(&conn.proxy_mode) != &*conn.proxy_mode).then_some(&*conn.proxy_mode);
    write_conn(
        out,
        "ratel_client_conn",
        [("passthrough", conn.passthrough.as_deref()), ("mode", mode)],
        conn.tls.as_deref(),
    );
}

fn write_server(out: &mut Out<'_>, conn: &ServerConn) {
    write_conn(
        out,
        "ratel_server_conn",
        [("", None); 2],
        conn.tls.as_deref(),
    );
}

fn write_conn(
    out: &mut Out<'_>,
    key: &str,
    texts: [(&str, Option<&str>); 2],
    tls: Option<&TlsInfo>,
) {
    let tls = tls.filter(|tls| {
        let flags = tls.resumed || tls.ech_offered || tls.early_data_offered;
        flags || tls.group.is_some() || tls.engine.is_some()
    });
    if tls.is_none() && texts.iter().all(|(_, text)| text.is_none()) {
        return;
    }
    out.dict(key, |out| {
        for (key, text) in texts {
            if let Some(text) = text {
                out.text(key, text);
            }
        }
        let Some(tls) = tls else {
            return;
        };
        if let Some(group) = &tls.group {
            out.text("group", group);
        }
        for (key, truth) in [
            ("resumed", tls.resumed),
            ("ech_offered", tls.ech_offered),
            ("early_data_offered", tls.early_data_offered),
        ] {
            if truth {
                out.bool(key, true);
            }
        }
        if let Some(engine) = tls.engine {
            out.text("engine", engine.name());
        }
    });
}

/// Modes by the names that mitmproxy reads.
const MODES: [&str; 9] = [
    "regular",
    "reverse",
    "upstream",
    "transparent",
    "socks5",
    "dns",
    "wireguard",
    "local",
    "tun",
];

/// The mode that is written for one: itself, unless mitmproxy would refuse the file for it.
pub(super) fn file_mode(mode: &str) -> &str {
    let name = mode.split([':', '@']).next().unwrap_or_default();
    if MODES.contains(&name) {
        mode
    } else {
        "regular"
    }
}
