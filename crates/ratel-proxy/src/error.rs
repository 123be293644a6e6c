//! Why an exchange or a connection failed: on which side, what the client is told, and what to do about it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ratel_flow::{FlowError, LiveAnnotations, Side, Timestamp};
use ratel_proto::Headers;
use ratel_proto::h2::{self, ConnectionError, Reason, StreamError};
use ratel_proto::http1::{BodyError, EncodeError, FramingError, HeadError, Violation};

use ratel_proto::streams::{self, BodyStream};
use ratel_proto::websocket::WsError;

use crate::tls::{LateAlert, TlsError};

mod fault;

pub(crate) use fault::FaultError;

/// A failure on the proxied path. Displays as one sentence that names the side; [`ProxyError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ProxyError {
    #[error("{}", bad_head("the client's request", "the client sent something that is not an HTTP request", .0))]
    RequestHead(HeadError),
    #[error(
        "the client closed the connection in the middle of a request head, after {got} bytes of it"
    )]
    RequestCut { got: usize },
    #[error("the client sent {got} bytes in which no protocol begins")]
    NothingBegins { got: usize },
    #[error("the client speaks HTTP/2, which is switched off")]
    Http2Off,
    #[error("the client's request has an unclear length: {0}")]
    RequestFraming(FramingError),
    #[error("the client's request was refused: {0}")]
    RequestInvalid(Violation),
    #[error("the client's request names no destination: {0}")]
    NoDestination(String),
    #[error("the client sent a CONNECT request to a port that runs in {mode} mode")]
    ConnectRefused { mode: Arc<str> },
    #[error("the client's request body broke off: {0}")]
    RequestBody(BodyError),
    #[error("the client closed the connection {during}")]
    ClientGone { during: &'static str },
    #[error("the client closed the connection, or its side of it, {during}")]
    ClientLeft { during: &'static str },
    #[error("the connection to the client failed {during}: {source}")]
    ClientIo {
        during: &'static str,
        source: io::Error,
    },
    #[error("the client speaks {0}, which is not served here")]
    NotHttp(String),
    #[error(
        "neither TLS nor HTTP is spoken in this tunnel, and passing on anything else is switched off"
    )]
    RawOff,
    #[error("{0}")]
    ClientTls(TlsError),
    #[error("the request would go back to Ratel itself ({0})")]
    Loop(String),
    #[error("cannot resolve {host} (server side): {source}")]
    Resolve { host: Arc<str>, source: io::Error },
    #[error("cannot connect to {to} (server side): {source}")]
    Connect { to: String, source: io::Error },
    #[error("{to} (server side) has no address that can be reached from {local} (connect_addr)")]
    NoAddressFor { to: String, local: std::net::IpAddr },
    #[error("the connection to {to} (server side) was refused by a rule: {error}")]
    ConnectDenied { to: String, error: Arc<str> },
    #[error("{to} (server side) did not accept a connection within {} s", after.as_secs_f64())]
    ConnectTimeout { to: String, after: Duration },
    #[error("{0}")]
    ServerTls(TlsError),
    #[error("the server closed the connection without a response")]
    NoResponse,
    /// As many servers do that are spoken to without TLS on a port for it.
    #[error("the server closed the connection without a response")]
    NoResponseInClear,
    #[error("the server's response broke off: the connection was {how} before its end")]
    ServerClosed { how: &'static str },
    #[error("the connection to the server failed {during}: {source}")]
    ServerIo {
        during: &'static str,
        source: io::Error,
    },
    #[error("{}", bad_head("the server's response", "the server's answer is not HTTP", .0))]
    ResponseHead(HeadError),
    #[error("the server answered in HTTP/2 what it was asked in HTTP/1")]
    AnswersHttp2,
    #[error(
        "the server closed the connection in the middle of a response head, after {got} bytes of it"
    )]
    ResponseCut { got: usize },
    #[error("the server's response has an unclear length: {0}")]
    ResponseFraming(FramingError),
    #[error("the server's response was refused: {0}")]
    ResponseInvalid(Violation),
    #[error("the server's response announces {0} bytes and ends without any")]
    ResponseEmpty(u64),
    #[error("the server's response broke off: {0}")]
    ResponseBody(BodyError),
    #[error("{} gave the stream up: {reason}", side(*by))]
    StreamReset { by: Side, reason: Reason },
    #[error("the server refused the request unread, as it is closing the connection: {reason}")]
    StreamRefused { reason: Reason },
    #[error("{} closed the HTTP/2 connection: {reason}{}", side(*by), words(debug))]
    GoneAway {
        by: Side,
        reason: Reason,
        debug: Bytes,
    },
    #[error("the server did not answer a ping within {} s; its connection is taken for lost", .0.as_secs())]
    Unanswered(Duration),
    #[error("{} broke a rule of HTTP/2 on this stream: {error}", side(*by))]
    Http2Stream { by: Side, error: StreamError },
    #[error("{} broke a rule of HTTP/2: {error}", side(*by))]
    Http2Connection {
        by: Side,
        error: Arc<ConnectionError>,
    },
    #[error("the client's request was refused: {0}")]
    Http2RequestInvalid(h2::Violation),
    #[error("the server's response was refused: {0}")]
    Http2ResponseInvalid(h2::Violation),
    #[error("the {what} has bytes that HTTP/1, which the other side speaks, has no place for")]
    NotForH1 { what: &'static str },
    #[error("{} broke a rule of WebSockets: {error}", side(*by))]
    WebSocket { by: Side, error: WsError },
    #[error("{} ended the connection without closing the WebSocket", side(*by))]
    WebSocketLeft { by: Side },
    #[error(
        "a message is larger than the {limit} bytes that may be held back for a rule that needs it whole"
    )]
    MessageTooLong { limit: usize },
    #[error("{}", FlowError::KILLED)]
    Killed,
    #[error("{}", .0.message)]
    Ended(Box<FlowError>),
    #[error("the server speaks HTTP/2 without WebSockets (RFC 8441)")]
    NoWebSocketOverH2,
    #[error(
        "the server agreed to the WebSocket without proof: its Sec-WebSocket-Accept does not fit the request's key"
    )]
    WebSocketProof,
    #[error(
        "the server answered the request for a WebSocket with {status}, which neither agrees nor refuses"
    )]
    NotWebSocket { status: u16 },
    #[error(transparent)]
    Fault(FaultError),
    #[error("what was recorded cannot be read: {0}")]
    Recording(io::Error),
    #[error("a body cannot be decoded, and so not be shown message by message: {0}")]
    MessageCoding(String),
    #[error("a message does not fit the length its head announces: {0}")]
    Encode(EncodeError),
    #[error(
        "the body is larger than the {limit} bytes that may be held back for a rule that needs it whole"
    )]
    TooLargeToHold { limit: usize },
    #[error("the body of the {} is larger than the {limit} bytes that option 'body_size_limit' allows", message_of(.side))]
    BodyTooLarge { side: Side, limit: u64 },
    #[error("nothing was sent on this connection for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("Ratel was stopped before this exchange was complete")]
    Stopped,
}

impl ProxyError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::RequestHead(HeadError::TooLarge { .. }) | Self::ResponseHead(HeadError::TooLarge { .. }) => {
                "raise --set head_limit to let it through".into()
            }
            Self::Http2Off => "leave out --no-http2, or make the client speak HTTP/1".into(),
            Self::RequestHead(_) => "is the client speaking another protocol to this port?".into(),
            Self::RequestInvalid(_)
            | Self::ResponseInvalid(_)
            | Self::Http2RequestInvalid(_)
            | Self::Http2ResponseInvalid(_) => {
                "--set validate_inbound_headers=false lets such messages through where their end can still be found".into()
            }
            Self::NoDestination(_) => {
                "use this port as an HTTP proxy, or start Ratel with --mode reverse:https://HOST".into()
            }
            Self::ConnectRefused { .. } => {
                "CONNECT needs regular mode: point the client at the URL of this port instead of using it as a proxy".into()
            }
            Self::NotHttp(_) => {
                "HTTP is served here, plain or over TLS; many other protocols pass through a CONNECT tunnel".into()
            }
            Self::RawOff => "pass --set rawtcp=true to have such bytes passed on as they are".into(),
            Self::Ended(error) => return error.hint.as_deref().map(Into::into),
            Self::ClientTls(error) | Self::ServerTls(error) => return error.hint().map(Into::into),
            Self::ServerIo { source, .. } => return Some(LateAlert::of(source)?.server_hint()?.into()),
            Self::Loop(_) => "the destination is one of Ratel's own addresses; choose another port or host".into(),
            Self::Resolve { .. } => "check the spelling of the host name and this machine's DNS".into(),
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
                "is the service running on that port?".into()
            }
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::AddrNotAvailable => {
                "is connect_addr an address of this machine?".into()
            }
            Self::Connect { .. } => "check that this machine can reach the service".into(),
            Self::ConnectTimeout { .. } => {
                "check that this machine can reach the service, or raise --set connect_timeout".into()
            }
            Self::AnswersHttp2 => {
                "--set h2c_upstream=always asks http:// servers in HTTP/2 from the beginning".into()
            }
            Self::NoResponseInClear => "does the service expect TLS on that port? use https:// for it".into(),
            Self::ResponseHead(_) => "does the service expect TLS (https) on that port, or another protocol?".into(),
            Self::Idle(_) => "raise --set tcp_timeout to wait longer".into(),
            _ => return None,
        })
    }

    /// The status of the page that tells the client; none when it can't or need not be told.
    pub(crate) fn status(&self) -> Option<u16> {
        Some(match self {
            Self::RequestHead(HeadError::TooLarge { .. } | HeadError::TooManyFields { .. }) => 431,
            Self::RequestHead(_)
            | Self::NothingBegins { .. }
            | Self::Http2Off
            | Self::RequestFraming(_)
            | Self::RequestInvalid(_)
            | Self::NoDestination(_)
            | Self::ConnectRefused { .. }
            | Self::NotHttp(_)
            | Self::RequestCut { .. }
            | Self::Http2RequestInvalid(_)
            | Self::RequestBody(_) => 400,
            Self::TooLargeToHold { .. }
            | Self::BodyTooLarge {
                side: Side::Client, ..
            } => 413,
            Self::ConnectTimeout { .. } | Self::Unanswered(_) => 504,
            Self::ClientGone { .. }
            | Self::ClientIo { .. }
            | Self::ClientTls(_)
            | Self::Idle(_) => return None,
            Self::StreamReset { by, .. }
            | Self::GoneAway { by, .. }
            | Self::Http2Stream { by, .. }
            | Self::Http2Connection { by, .. }
                if *by == Side::Client =>
            {
                return None;
            }
            Self::Killed | Self::Ended(_) | Self::Fault(_) => return None,
            Self::Stopped => 503,
            _ => 502,
        })
    }

    /// The error as the flow keeps it.
    pub(crate) fn to_flow_error(&self, timestamp: Timestamp) -> FlowError {
        if let Self::Ended(error) = self {
            return FlowError::clone(error);
        }
        FlowError {
            message: self.to_string().into(),
            hint: self.hint().map(Into::into),
            by_client: self.is_by_client(),
            timestamp,
        }
    }

    /// The error code with which the other side's stream is given up for this, where the peer has given one
    /// (RFC 9113 §7).
    pub(crate) fn passed_on(&self) -> Option<Reason> {
        Some(match self {
            Self::StreamReset { reason, .. } | Self::GoneAway { reason, .. } => *reason,
            Self::StreamRefused { .. } => Reason::REFUSED_STREAM,
            Self::Fault(fault) => return fault.reason,
            Self::ClientGone { .. }
            | Self::ClientIo { .. }
            | Self::WebSocketLeft { .. }
            | Self::Stopped => Reason::CANCEL,
            _ => return None,
        })
    }

    /// Whether the server's connection ended before its time, whoever's doing that was.
    pub(crate) fn is_loss_of_server(&self) -> bool {
        matches!(
            self,
            Self::NoResponse
                | Self::NoResponseInClear
                | Self::ServerClosed { .. }
                | Self::ServerIo { .. }
                | Self::ResponseCut { .. }
                | Self::ResponseBody(
                    BodyError::Cut { .. }
                        | BodyError::ChunkCut { .. }
                        | BodyError::NoLastChunk
                        | BodyError::TrailersCut
                )
        )
    }

    /// Whether the server ended the exchange or its connection, by whatever means.
    pub(crate) fn is_by_server(&self) -> bool {
        match self {
            Self::StreamReset { by, .. }
            | Self::GoneAway { by, .. }
            | Self::Http2Stream { by, .. }
            | Self::Http2Connection { by, .. } => *by == Side::Server,
            Self::StreamRefused { .. } | Self::Unanswered(_) => true,
            _ => self.is_loss_of_server(),
        }
    }

    /// Whether the client left, as it may.
    fn is_by_client(&self) -> bool {
        match self {
            Self::ClientGone { .. } | Self::ClientLeft { .. } => true,
            Self::ClientIo { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            ),
            Self::StreamReset { by, reason } => {
                *by == Side::Client && matches!(*reason, Reason::CANCEL | Reason::NO_ERROR)
            }
            Self::GoneAway { by, reason, .. } => *by == Side::Client && *reason == Reason::NO_ERROR,
            Self::WebSocketLeft { by } => *by == Side::Client,
            _ => false,
        }
    }

    /// Whether a peer of HTTP/2 gave up this one stream.
    pub(crate) fn is_reset(&self) -> bool {
        matches!(self, Self::StreamReset { .. } | Self::StreamRefused { .. })
    }

    /// Has the flow say which rule has done this.
    pub(crate) fn mark(&self, said: &mut LiveAnnotations) {
        if let Self::Fault(fault) = self
            && let Some(rule) = &fault.rule
        {
            rule.happens(said);
        }
    }

    /// What a client of gRPC is told instead of a page: a status and a message. They are what it would find without
    /// Ratel where a server is lost.
    pub(crate) fn grpc_status(&self) -> [(&'static str, String); 2] {
        const DEADLINE_EXCEEDED: u8 = 4;
        const INTERNAL: u8 = 13;
        const UNAVAILABLE: u8 = 14;
        let code = match self {
            Self::ConnectTimeout { .. } | Self::Idle(_) => DEADLINE_EXCEEDED,
            Self::TooLargeToHold { .. }
            | Self::BodyTooLarge { .. }
            | Self::MessageTooLong { .. }
            | Self::Killed
            | Self::Ended(_)
            | Self::Encode(_)
            | Self::NotForH1 { .. }
            | Self::Loop(_) => INTERNAL,
            _ if self.status().is_some_and(|status| status < 500) => INTERNAL,
            _ => UNAVAILABLE,
        };
        [
            ("grpc-status", code.to_string()),
            ("grpc-message", grpc_message(&format!("Ratel: {self}"))),
        ]
    }

    /// The response that tells the client, in the form that its `request` calls for: a page, or the status of a gRPC
    /// call without messages. Ends the connection in HTTP/1.
    pub(crate) fn response(&self, status: u16, request: &Headers) -> Page {
        let Some(kind) = grpc_type(request) else {
            return self.page(status);
        };
        let mut fields = vec![server(), ("Content-Type", kind.to_owned())];
        fields.extend(self.grpc_status());
        Page {
            status: 200,
            fields,
            body: Vec::new(),
        }
    }

    /// Whether either connection ended before its time.
    pub(crate) fn is_loss_of_peer(&self) -> bool {
        self.is_loss_of_server()
            || matches!(
                self,
                Self::ClientGone { .. }
                    | Self::ClientLeft { .. }
                    | Self::ClientIo { .. }
                    | Self::WebSocketLeft { .. }
            )
    }

    /// A page for the client. Ends the connection in HTTP/1.
    pub(crate) fn page(&self, status: u16) -> Page {
        let reason = reason(status);
        let hint = self
            .hint()
            .map(|h| format!("\n<p>{}</p>", escape_html(&h)))
            .unwrap_or_default();
        let body = format!(
            "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\"><title>{status} {reason}</title></head>\n<body>\n\
             <h1>{status} {reason}</h1>\n<p>{}</p>{hint}\n<p><small>This page was made by Ratel, not by the server.</small></p>\n\
             </body>\n</html>\n",
            escape_html(&self.to_string()),
        );
        Page {
            status,
            fields: vec![
                server(),
                ("Content-Type", "text/html; charset=utf-8".into()),
                ("Content-Length", body.len().to_string()),
            ],
            body: body.into_bytes(),
        }
    }
}

/// A response that Ratel has made.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

fn server() -> (&'static str, String) {
    let name = concat!("ratel ", env!("CARGO_PKG_VERSION"));
    ("Server", name.into())
}

/// What that side sends.
fn message_of(side: &Side) -> &'static str {
    match side {
        Side::Client => "request",
        Side::Server => "response",
    }
}

/// The content type of the answer to a gRPC call; none when it is no such call.
fn grpc_type(request: &Headers) -> Option<&'static str> {
    Some(match streams::kind_of(request)? {
        BodyStream::Grpc => "application/grpc",
        BodyStream::GrpcWeb { text: false } => "application/grpc-web",
        BodyStream::GrpcWeb { text: true } => "application/grpc-web-text",
        BodyStream::Sse | BodyStream::Connect | BodyStream::Ndjson => return None,
    })
}

/// Percent-encoding as gRPC has it for messages.
fn grpc_message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' => out.push_str("%25"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl Page {
    /// As HTTP/1: status line, fields and body, ready to be written.
    /// `bodiless` leaves the body out, as the answer to HEAD has none (RFC 9110 §9.3.2).
    pub(crate) fn to_h1(&self, bodiless: bool) -> Vec<u8> {
        let mut page = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.fields {
            page.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.body.is_empty() {
            page.push_str("Content-Length: 0\r\n");
        }
        page.push_str("Connection: close\r\n\r\n");
        let mut page = page.into_bytes();
        if !bodiless {
            page.extend_from_slice(&self.body);
        }
        page
    }
}

/// What is wrong with a head: too much of it is still HTTP.
fn bad_head(whose: &str, not_http: &str, error: &HeadError) -> String {
    match error {
        HeadError::TooLarge { .. } | HeadError::TooManyFields { .. } => {
            format!("{whose} was refused: {error}")
        }
        _ => format!("{not_http}: {error}"),
    }
}

/// A peer, at the beginning of a sentence.
fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "the client",
        Side::Server => "the server",
    }
}

/// What a peer said in words, made fit to be shown.
fn words(debug: &Bytes) -> String {
    const SHOWN: usize = 200;
    if debug.is_empty() {
        return String::new();
    }
    let text = String::from_utf8_lossy(debug.get(..SHOWN).unwrap_or(debug));
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    format!(", \"{text}\"")
}

/// The reason phrase for the status codes that Ratel answers with by itself.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Bad Gateway",
    }
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('.'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_call_is_told_by_a_status() {
        let mut request = Headers::new();
        request.append(b"content-type", b"application/grpc+proto");
        let told = |error: &ProxyError| {
            let page = error.response(error.status().expect("it is told"), &request);
            assert!(page.body.is_empty());
            let mut fields = page.fields.into_iter();
            let mut field = |name| fields.find(|(is, _)| *is == name).expect("a field").1;
            assert_eq!(field("Content-Type"), "application/grpc");
            (field("grpc-status"), field("grpc-message"))
        };
        let (code, text) = told(&ProxyError::NoDestination("100 % für\n".into()));
        assert_eq!(code, "13");
        assert!(text.ends_with(": 100 %25 f%C3%BCr%0A"), "{text}");
        let after = Duration::from_secs(1);
        let late = ProxyError::ConnectTimeout {
            to: "x:1".into(),
            after,
        };
        assert_eq!(told(&late).0, "4");
        let (code, text) = told(&ProxyError::NoResponse);
        assert_eq!(
            (&code[..], &text[..]),
            (
                "14",
                "Ratel: the server closed the connection without a response"
            )
        );
    }

    #[test]
    fn pages_escape_what_peers_wrote() {
        let error = ProxyError::NoDestination("<script>\u{1b}".into());
        let page = String::from_utf8(error.page(400).to_h1(false)).expect("a page is text");
        assert!(page.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{page}");
        assert!(
            page.contains("&lt;script&gt;.") && !page.contains("<script>"),
            "{page}"
        );
        let (head, body) = page.split_once("\r\n\r\n").expect("a page has a head");
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
    }
}
