//! Entries to flows: forgiving towards what programs leave out or write otherwise.

mod body;
mod head;
mod timing;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::date;
use crate::flow::uuid;
use crate::json::Node;
use crate::verbatim::Verbatim;
use crate::{
    Annotations, Body, ClientConn, ConnExtra, ConnId, Detail, FlowError, HttpRecord, Message,
    MessageFlags, MessageKind, Messages, Record, Scheme, ServerConn, Side, StreamKind, Timestamp,
    TlsInfo, WebSocketRecord,
};
use head::Head;
use timing::{Maker, Moments};

/// So many server connections are known by the names that an archive gives them.
const CONNECTIONS_MAX: usize = 4096;

/// Makes flows of entries.
#[derive(Debug)]
pub(super) struct Import {
    session: u128,
    connections: HashMap<(String, Arc<str>, u16), Arc<ServerConn>>,
}

impl Import {
    /// `session` makes the names of its flows differ from those of others.
    pub(super) fn new(session: u128) -> Self {
        Self {
            session,
            connections: HashMap::new(),
        }
    }

    /// The flow of an entry, or why there is none.
    pub(super) fn record(
        &mut self,
        number: u64,
        entry: &Node<'_>,
        creator: &str,
    ) -> Result<Record, String> {
        let asked = entry.get("request");
        if !matches!(asked, Node::Object(_)) {
            return Err("it has no request".into());
        }
        let answered = entry.get("response");
        let maker = Maker::named(creator);
        let moments = Moments::of(entry, maker);
        let head = Head::of(asked, answered, moments.start, maker)?;
        let Head {
            mut request,
            trailers,
        } = head;
        let body = body::of_request(asked, &mut request.headers)?;
        let mut http = HttpRecord::new(request, body);
        http.request_trailers = trailers;
        http.request_end = Some(moments.sent);
        if let Some((mut response, trailers)) =
            head::response(answered, &http.request, moments.answered)
        {
            let is_head = http.request.method.eq_ignore_ascii_case(b"HEAD");
            http.response_body = body::of_response(answered, &mut response, is_head)?;
            http.response_trailers = trailers;
            http.response_end = Some(moments.end);
            http.response = Some(response);
        }
        http.grpc_status = head::grpc_status(&http);
        self.streams(entry, &mut http);
        let server_conn = self.server(entry, &http, &moments);
        let error = error(entry, &http, maker).map(|message| FlowError {
            message,
            hint: None,
            by_client: false,
            timestamp: moments.end,
        });
        Ok(Record {
            id: uuid(self.session, 0, number).into(),
            client_conn: Arc::new(client(&moments)),
            server_conn: Some(server_conn),
            error,
            annotations: Annotations {
                comment: entry.get("comment").text().unwrap_or_default().into(),
                ..Annotations::default()
            },
            timestamp_created: moments.start,
            backup: None,
            detail: Detail::Http(Box::new(http)),
            verbatim: Verbatim::default(),
        })
    }

    fn streams(&self, entry: &Node<'_>, http: &mut HttpRecord) {
        let kind = entry.get("_resourceType").text().unwrap_or_default();
        let messages = entry.get("_webSocketMessages");
        if kind == "websocket" || matches!(messages, Node::List(_)) {
            http.stream = Some(StreamKind::WebSocket);
            http.websocket = Some(WebSocketRecord {
                messages: Messages::List(messages.items().iter().filter_map(message).collect()),
                ..WebSocketRecord::default()
            });
        } else if kind == "eventsource" {
            http.stream = Some(StreamKind::Sse);
        }
    }

    /// The connection to the server, which entries may share.
    fn server(
        &mut self,
        entry: &Node<'_>,
        http: &HttpRecord,
        moments: &Moments,
    ) -> Arc<ServerConn> {
        let request = &http.request;
        let named = entry.get("connection").text().unwrap_or_default();
        let key = (named.into_owned(), request.host.clone(), request.port);
        if let Some(conn) = self.connections.get(&key).filter(|_| !key.0.is_empty()) {
            return conn.clone();
        }
        let ip = entry.get("serverIPAddress").text().unwrap_or_default();
        let conn = Arc::new(ServerConn {
            id: ConnId::next(),
            address: (request.host.clone(), request.port),
            peername: address(&ip).map(|ip| SocketAddr::new(ip, request.port)),
            sockname: None,
            timestamp_start: moments.connecting,
            timestamp_tcp_setup: moments.connected,
            timestamp_end: None,
            tls: moments.secured.map(|secured| {
                Arc::new(TlsInfo {
                    sni: Some(request.host.clone()),
                    timestamp_setup: Some(secured),
                    ..TlsInfo::default()
                })
            }),
            error: None,
            extra: Some(Arc::new(ConnExtra {
                tls: request.scheme == Scheme::Https,
                ..ConnExtra::default()
            })),
        });
        if !key.0.is_empty() {
            if self.connections.len() == CONNECTIONS_MAX {
                self.connections.clear();
            }
            self.connections.insert(key, conn.clone());
        }
        conn
    }
}

/// Archives know nothing of the client.
fn client(moments: &Moments) -> ClientConn {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ClientConn {
        id: ConnId::next(),
        peername: nobody,
        sockname: nobody,
        proxy_mode: "regular".into(),
        timestamp_start: moments.start,
        timestamp_end: Some(moments.end),
        tls: None,
        passthrough: None,
        error: None,
        extra: None,
    }
}

/// An address, which browsers write with brackets round IPv6, and some programs with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let parsed = inner.unwrap_or(text).parse().ok();
    parsed.or_else(|| text.parse::<SocketAddr>().ok().map(|peer| peer.ip()))
}

/// Why there is no response, or not all of it.
fn error(entry: &Node<'_>, http: &HttpRecord, maker: Maker) -> Option<Arc<str>> {
    let places = [entry.get("response").get("_error"), entry.get("_error")];
    let said = places.into_iter().find_map(Node::text);
    if let Some(text) = said.filter(|text| !text.is_empty()) {
        return Some(text.into());
    }
    let silent = http.response.is_none() && !maker.is_proxy;
    silent.then(|| "the archive has no response".into())
}

fn message(node: &Node<'_>) -> Option<Message> {
    let side = match &*node.get("type").text()? {
        "send" | "sent" | "request" => Side::Client,
        "receive" | "received" | "response" => Side::Server,
        _ => return None,
    };
    let data = node.get("data");
    let binary = node.get("opcode").number() == Some(2.0);
    let content = if binary {
        body::base64(data.bytes()?)?
    } else {
        match node.get("_base64").bytes() {
            Some(exact) => body::base64(exact)?,
            None => data.bytes()?.to_vec().into(),
        }
    };
    let seconds = node.get("time").number().unwrap_or_default();
    let kind = if binary {
        MessageKind::Binary
    } else {
        MessageKind::Text
    };
    Some(Message {
        side,
        kind,
        flags: MessageFlags::default(),
        timestamp: seconds_since_epoch(seconds),
        content,
    })
}

/// Seconds, or milliseconds where the number is too large for them.
fn seconds_since_epoch(time: f64) -> Timestamp {
    let is_millis = time > 1e11;
    date::from_millis(if is_millis { time } else { time * 1e3 })
}

/// A body that an entry announces and does not have.
fn missing(announced: bool) -> Body {
    if announced {
        Body::Missing
    } else {
        Body::Bytes(bytes::Bytes::new())
    }
}
