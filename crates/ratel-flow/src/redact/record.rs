//! The way through a flow.

use std::sync::Arc;

use ratel_proto::dns::{Message as DnsData, Resource};
use ratel_proto::tnetstring::Value;

use super::Redactor;
use super::pass::{Kind, Pass};
use super::{body, head, message};
use crate::{
    Annotations, Detail, DnsRecord, FlowError, HttpRecord, Record, ServerConn, Verbatim,
    WebSocketRecord,
};

/// What metadata has of the credentials for the proxy: name and password.
const PROXYAUTH: &str = "proxyauth";

/// Takes the secrets out of a flow.
pub(super) fn redact(redactor: &Redactor, record: &Record) -> Record {
    let mut pass = Pass::find(redactor);
    walk(&mut pass, &mut record.clone());
    let mut pass = pass.then();
    let mut redacted = record.clone();
    walk(&mut pass, &mut redacted);
    redacted
}

fn walk(pass: &mut Pass, record: &mut Record) {
    match &mut record.detail {
        Detail::Http(http) => {
            let notes = self::http(pass, http);
            note(&mut record.annotations, &notes);
        }
        Detail::Tcp(messages) | Detail::Udp(messages) => message::messages(pass, messages),
        Detail::Dns(dns) => self::dns(pass, dns),
        Detail::Connection => {}
    }
    if let Some(error) = &mut record.error {
        self::error(pass, error);
    }
    annotations(pass, &mut record.annotations);
    if let Some(conn) = &mut record.server_conn {
        server(pass, conn);
    }
    if let Some(error) = &record.client_conn.error
        && let Some(changed) = pass.string(error, Kind::TEXT)
    {
        Arc::make_mut(&mut record.client_conn).error = Some(changed.into());
    }
    if let Some(mode) = pass.string(&record.client_conn.proxy_mode, Kind::TEXT) {
        Arc::make_mut(&mut record.client_conn).proxy_mode = mode.into();
    }
    if let Some(backup) = &mut record.backup {
        walk(pass, backup);
    }
    // It may hold what was there before.
    record.verbatim = Verbatim::default();
}

/// Redacts an exchange; gives back what is to be said of it.
fn http(pass: &mut Pass, http: &mut HttpRecord) -> Vec<String> {
    let mut notes = Vec::new();
    head::request(pass, &mut http.request);
    if let Some(why) = body::body(pass, &mut http.request.headers, &mut http.request_body) {
        notes.push(format!(
            "the body of the request is left out by redaction, since {why}"
        ));
    }
    if let Some(trailers) = &mut http.request_trailers {
        head::headers(pass, trailers);
    }
    for informational in &mut http.informational {
        head::response(pass, informational);
    }
    if let Some(response) = &mut http.response {
        head::response(pass, response);
        if let Some(why) = body::body(pass, &mut response.headers, &mut http.response_body) {
            notes.push(format!(
                "the body of the response is left out by redaction, since {why}"
            ));
        }
    }
    if let Some(trailers) = &mut http.response_trailers {
        head::headers(pass, trailers);
    }
    if let Some(WebSocketRecord {
        messages,
        close_reason,
        ..
    }) = &mut http.websocket
    {
        message::messages(pass, messages);
        if let Some(reason) = close_reason {
            pass.shared(reason);
        }
    }
    if let Some((_, message)) = &mut http.grpc_status {
        pass.shared(message);
    }
    notes
}

fn note(annotations: &mut Annotations, notes: &[String]) {
    for note in notes {
        annotations.comment = match &*annotations.comment {
            "" => note.as_str().into(),
            comment => format!("{comment}\n{note}").into(),
        };
    }
}

fn error(pass: &mut Pass, error: &mut FlowError) {
    pass.shared(&mut error.message);
    if let Some(hint) = &mut error.hint {
        pass.shared(hint);
    }
}

fn annotations(pass: &mut Pass, annotations: &mut Annotations) {
    pass.shared(&mut annotations.comment);
    for (name, value) in &mut annotations.metadata {
        if &**name == PROXYAUTH && pass.redactor().rules().headers.have(b"proxy-authorization") {
            password(pass, value);
        }
        let is_secret = pass.redactor().rules().json.have(name.as_bytes());
        self::value(pass, value, is_secret);
    }
}

/// The second element of the pair.
fn password(pass: &mut Pass, value: &mut Value) {
    if let Value::List(pair) = value
        && let Some(password) = pair.get_mut(1)
    {
        self::value(pass, password, true);
    }
}

fn value(pass: &mut Pass, value: &mut Value, is_secret: bool) {
    let whole = |text: &[u8]| match is_secret {
        true => vec![super::scan::Span::plain(text, 0..text.len())],
        false => Vec::new(),
    };
    match value {
        Value::Str(text) => {
            if let Some(changed) = pass.text(text.as_bytes(), whole(text.as_bytes()), Kind::TEXT) {
                *text = String::from_utf8_lossy(&changed).into();
            }
        }
        Value::Bytes(bytes) => {
            if let Some(changed) = pass.text(bytes, whole(bytes), Kind::TEXT) {
                *bytes = changed.into();
            }
        }
        Value::List(list) => {
            for element in list {
                self::value(pass, element, is_secret);
            }
        }
        Value::Dict(members) => {
            for (key, member) in members {
                let name = match key {
                    Value::Str(name) => name.as_bytes(),
                    Value::Bytes(name) => name,
                    _ => b"",
                };
                let named = pass.redactor().rules().json.have(name);
                self::value(pass, member, is_secret || named);
            }
        }
        _ => {}
    }
}

/// A pattern may be one of host names.
fn server(pass: &mut Pass, conn: &mut Arc<ServerConn>) {
    if let Some(host) = pass.string(&conn.address.0, Kind::TEXT) {
        let conn = Arc::make_mut(conn);
        conn.address.0 = host.into();
        if let Some(extra) = &mut conn.extra {
            Arc::make_mut(extra).verbatim = Verbatim::default();
        }
    }
    if let Some(error) = &conn.error
        && let Some(changed) = pass.string(error, Kind::TEXT)
    {
        Arc::make_mut(conn).error = Some(changed.into());
    }
    let sni = conn.tls.as_ref().and_then(|tls| tls.sni.clone());
    if let Some(sni) = sni.and_then(|sni| pass.string(&sni, Kind::TEXT))
        && let Some(tls) = &mut Arc::make_mut(conn).tls
    {
        Arc::make_mut(tls).sni = Some(sni.into());
    }
}

fn dns(pass: &mut Pass, dns: &mut DnsRecord) {
    message_of(pass, &mut dns.request.message);
    if let Some(response) = &mut dns.response {
        message_of(pass, &mut response.message);
    }
}

fn message_of(pass: &mut Pass, message: &mut DnsData) {
    for question in &mut message.questions {
        pass.shared(&mut question.name);
    }
    let lists = [
        &mut message.answers,
        &mut message.authorities,
        &mut message.additionals,
    ];
    for Resource { name, data, .. } in lists.into_iter().flatten() {
        pass.shared(name);
        if let Some(changed) = pass.text(data, Vec::new(), Kind::BINARY) {
            *data = changed.into();
        }
    }
}
