//! The state of a flow, as files have it, to a [`Record`] and back.
//!
//! Reading goes through the written form and takes out what is asked for; nothing is built in between. Everything that a
//! file of the current version can say is in the record, or kept beside it word for word ([`Verbatim`]), so that it is
//! written as it was read.

pub(super) mod conn;
mod dns;
pub(crate) mod field;
mod http;
pub(crate) mod message;
mod notes;
pub(crate) mod out;
mod recent;
mod time;

use std::io;

use bytes::Bytes;
use ratel_proto::tnetstring::{self, Item, Value};

pub(crate) use conn::{Known, Written};
use field::{Field, StateError, state};
use message::{Form, Measured};
use out::Out;

use super::migrate;
use super::read::Large;
use crate::flow::FlowError;
use crate::record::{Annotations, Body, Detail, DnsRecord, Messages, Record, Replay};
use crate::verbatim::{Place, Verbatim};

/// The version of the format that is written, and that the others are brought to.
pub const VERSION: i64 = 21;

/// Flows within flows: what was before a change may itself have been changed.
const BACKUPS_MAX: usize = 4;

state! {
    FlowState {
        version, kind = "type", id, error, client_conn, server_conn, intercepted, is_replay, marked, metadata, comment,
        timestamp_created, backup, request, response, websocket, messages,
    }
}

/// A flow in its written form.
pub(crate) struct Frame<'a> {
    /// All of it, but what lies elsewhere.
    pub(crate) bytes: &'a Bytes,
    /// Where large parts of it lie.
    pub(crate) large: Option<&'a Large>,
    /// What flows have in common.
    pub(crate) known: &'a mut Known,
}

impl Frame<'_> {
    /// Bytes of the flow, without a copy.
    fn share(&self, part: &[u8]) -> Bytes {
        self.bytes.slice_ref(part)
    }

    /// A value that shares no memory with the flow, since it may outlive what is large in it.
    fn value(&self, item: &Item<'_>) -> Result<Value, tnetstring::Error> {
        tnetstring::value(item, self.bytes)
    }

    fn body_elsewhere(&self, content: &[u8]) -> Option<Body> {
        self.large?.body(content)
    }

    fn messages_elsewhere(&self, item: &Item<'_>, form: Form) -> Option<io::Result<Messages>> {
        self.large?.messages(item.as_bytes()?, form)
    }
}

/// Reads the flow in a frame, whose version is the current one.
pub(crate) fn read(frame: &mut Frame<'_>) -> Result<Record, StateError> {
    let item = tnetstring::Items::new(frame.bytes, 0).next().transpose();
    let item = item.map_err(|error| StateError::syntax("flow", error))?;
    read_flow(&Field { name: "flow", item }, frame, 0)
}

fn read_flow(field: &Field<'_>, frame: &mut Frame<'_>, depth: usize) -> Result<Record, StateError> {
    let state = FlowState::read(field)?;
    let mut verbatim = Verbatim::default();
    let (notes, metadata) = notes::read(&state.metadata, frame)?;
    let id = state.id.text()?;
    let client_conn = conn::read_client(&state.client_conn, frame, notes.client_conn)?;
    let server_conn = conn::read_server(&state.server_conn, frame, notes.server_conn, id)?;
    let error = match state.error.some() {
        None => None,
        Some(_) => {
            let mut error = read_error(&state.error, &mut verbatim)?;
            notes.restore_error(&mut error);
            Some(error)
        }
    };
    let timestamp_created =
        time::read_or_null(&state.timestamp_created, Place::Created, &mut verbatim)?;
    let backup = read_backup(&state.backup, frame, depth)?;
    let detail = match state.kind.text()? {
        "http" => Detail::Http(Box::new(http::read(&state, frame, &notes, &mut verbatim)?)),
        "tcp" if notes.is_connection => Detail::Connection,
        kind @ ("tcp" | "udp") => {
            let messages = message::read_list(&state.messages, Form::Stream, frame, &mut verbatim)?;
            match kind {
                "tcp" => Detail::Tcp(messages),
                _ => Detail::Udp(messages),
            }
        }
        "dns" => Detail::Dns(Box::new(read_dns(&state, frame, &mut verbatim)?)),
        other => {
            return Err(state
                .kind
                .invalid(format_args!("{other:?}, which is no kind of flow")));
        }
    };
    Ok(Record {
        id: id.into(),
        client_conn,
        server_conn,
        error,
        annotations: Annotations {
            marked: state.marked.opt_text()?.unwrap_or_default().into(),
            comment: state.comment.opt_text()?.unwrap_or_default().into(),
            metadata,
            is_replay: read_replay(&state.is_replay)?,
            intercepted: state.intercepted.opt_bool()?.unwrap_or_default(),
        },
        timestamp_created,
        backup,
        detail,
        verbatim,
    })
}

fn read_replay(field: &Field<'_>) -> Result<Option<Replay>, StateError> {
    Ok(match field.opt_text()? {
        None => None,
        Some("request") => Some(Replay::Request),
        Some("response") => Some(Replay::Response),
        Some(other) => {
            return Err(field.invalid(format_args!("{other:?}, neither request nor response")));
        }
    })
}

state! {
    ErrorState { msg, timestamp }
}

fn read_error(field: &Field<'_>, verbatim: &mut Verbatim) -> Result<FlowError, StateError> {
    let state = ErrorState::read(field)?;
    let within = |error: StateError| error.within("error");
    Ok(FlowError {
        message: state.msg.text().map_err(within)?.into(),
        hint: None,
        by_client: false,
        timestamp: time::read(&state.timestamp, Place::ErrorTime, verbatim).map_err(within)?,
    })
}

fn read_dns(
    state: &FlowState<'_>,
    frame: &Frame<'_>,
    verbatim: &mut Verbatim,
) -> Result<DnsRecord, StateError> {
    Ok(DnsRecord {
        request: dns::read(&state.request, frame, Place::RequestStart, verbatim)?,
        response: match state.response.some() {
            None => None,
            Some(_) => Some(dns::read(
                &state.response,
                frame,
                Place::ResponseStart,
                verbatim,
            )?),
        },
    })
}

/// Reads what a flow was before it was changed, which may be of an older version than the flow.
fn read_backup(
    field: &Field<'_>,
    frame: &mut Frame<'_>,
    depth: usize,
) -> Result<Option<Box<Record>>, StateError> {
    let Some(item) = field.some() else {
        return Ok(None);
    };
    if depth == BACKUPS_MAX {
        return Err(field.invalid("one of too many, in each other"));
    }
    let version = migrate::version_in(&item).map_err(|error| field.syntax(error))?;
    let record = match version {
        Some(version) if version != migrate::Version::CURRENT => {
            let state = frame.value(&item).map_err(|error| field.syntax(error))?;
            let bytes = migrate::alone(state)
                .map_err(|error| field.invalid(format_args!("of another version: {error}")))?;
            let mut older = Frame {
                bytes: &bytes,
                large: frame.large,
                known: &mut *frame.known,
            };
            let item = tnetstring::Items::new(&bytes, 0).next().transpose();
            let item = item.map_err(|error| field.syntax(error))?;
            read_flow(&Field { item, ..*field }, &mut older, depth + 1)
        }
        _ => read_flow(field, frame, depth + 1),
    };
    record
        .map(|record| Some(Box::new(record)))
        .map_err(|error| error.within("backup"))
}

/// Writes a flow.
///
/// # Errors
/// When its messages cannot be read from where they lie.
pub(crate) fn write(out: &mut Out<'_>, record: &Record, written: &mut Written) -> io::Result<()> {
    let measured = match &record.detail {
        Detail::Http(http) => http::measure(http)?,
        Detail::Tcp(messages) | Detail::Udp(messages) => message::measure(messages, Form::Stream)?,
        Detail::Dns(_) | Detail::Connection => Measured::default(),
    };
    let mark = out.encoder.begin(tnetstring::Kind::Dict);
    write_common(out, record, &measured, written)?;
    let verbatim = &record.verbatim;
    match &record.detail {
        Detail::Http(http) => http::write(out, http, &measured, verbatim),
        Detail::Tcp(messages) | Detail::Udp(messages) => {
            message::write_list(out, "messages", messages, Form::Stream, &measured, verbatim);
        }
        Detail::Dns(dns) => {
            dns::write(out, "request", &dns.request, Place::RequestStart, verbatim);
            match &dns.response {
                Some(response) => {
                    dns::write(out, "response", response, Place::ResponseStart, verbatim);
                }
                None => out.null("response"),
            }
        }
        Detail::Connection => out.list("messages", |_| ()),
    }
    out.encoder.end(mark);
    Ok(())
}

fn write_common(
    out: &mut Out<'_>,
    record: &Record,
    measured: &Measured,
    written: &mut Written,
) -> io::Result<()> {
    let Record {
        annotations,
        verbatim,
        ..
    } = record;
    out.int("version", VERSION);
    out.text(
        "type",
        match record.detail {
            Detail::Http(_) => "http",
            Detail::Tcp(_) | Detail::Connection => "tcp",
            Detail::Udp(_) => "udp",
            Detail::Dns(_) => "dns",
        },
    );
    out.text("id", &record.id);
    match &record.error {
        Some(error) => out.dict("error", |out| {
            match &error.hint {
                Some(_) => out.text("msg", &error.to_string()),
                None => out.text("msg", &error.message),
            }
            let time = Some(error.timestamp);
            time::write(out, "timestamp", time, Place::ErrorTime, verbatim);
        }),
        None => out.null("error"),
    }
    conn::write_client(out, &record.client_conn, written);
    conn::write_server(out, record.server_conn.as_ref(), &record.id, written);
    out.bool("intercepted", annotations.intercepted);
    out.opt_text("is_replay", annotations.is_replay.map(Replay::name));
    out.text("marked", &annotations.marked);
    out.dict("metadata", |out| {
        for (key, value) in &annotations.metadata {
            out.value(key, value);
        }
        notes::write(out, record, measured);
    });
    out.text("comment", &annotations.comment);
    let created = Some(record.timestamp_created);
    time::write(out, "timestamp_created", created, Place::Created, verbatim);
    match &record.backup {
        Some(backup) => {
            write(out, backup, written)?;
            out.encoder.text("backup");
        }
        None => out.null("backup"),
    }
    Ok(())
}
