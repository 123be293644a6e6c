//! HTTP requests and responses, independent of the HTTP version that carried them.

mod change;
pub mod date;
mod live;
mod refresh;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::Headers;
use ratel_proto::url;
pub use ratel_proto::url::Scheme;
use ratel_proto::websocket::handshake;

use crate::annotations::LiveAnnotations;
use crate::conn::{ClientConn, ServerConn};
use crate::flow::{FlowError, FlowId};
use crate::time::Timestamp;

pub use live::LiveRequest;

/// A live HTTP exchange, as the task that runs it and the hooks see it. Bodies stream past beside it.
#[derive(Debug)]
pub struct HttpFlow {
    /// Identity; 0 for one that is not on record.
    pub id: FlowId,
    /// The connection the request came on.
    pub client_conn: Arc<ClientConn>,
    /// The connection it went out on, once there is one.
    pub server_conn: Option<Arc<ServerConn>>,
    /// The request.
    pub request: LiveRequest,
    /// The response, once its head is there, or a hook gave one.
    pub response: Option<Response>,
    /// Why the exchange failed. A hook that sets this ends it: both sides are given up without a further word.
    pub error: Option<FlowError>,
    /// What is said of it. A hook that sets `intercepted` has it held back until somebody lets it go.
    pub annotations: LiveAnnotations,
}

impl HttpFlow {
    /// Ends the exchange without a (further) word to the client.
    pub fn kill(&mut self, now: Timestamp) {
        self.error = Some(FlowError::killed(now));
    }

    /// Whether a hook has answered it or ended it already, so that rules for requests have nothing to say any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.response.is_some() || self.error.is_some()
    }

    /// Whether its response agrees to the WebSocket that its request asks for.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        let agreed = |response: &Response| match self.request.version {
            Version::Http2 => (200..300).contains(&response.status),
            _ => response.status == 101,
        };
        self.response.as_ref().is_some_and(agreed) && self.request.asks_for_websocket()
    }
}

/// The version a message was sent with. Odd versions are kept as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// `HTTP/1.0`
    Http10,
    /// `HTTP/1.1`
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
    /// Any other text in the place of an HTTP/1 version.
    Other(Bytes),
}

impl Version {
    /// The version that the bytes in an HTTP/1 start line stand for.
    #[must_use]
    pub fn from_wire(text: Bytes) -> Self {
        match &text[..] {
            b"HTTP/1.1" => Self::Http11,
            b"HTTP/1.0" => Self::Http10,
            _ => Self::Other(text),
        }
    }

    /// As flows and flow files spell it: `HTTP/1.1`, `HTTP/2.0`, `HTTP/3`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Http10 => b"HTTP/1.0",
            Self::Http11 => b"HTTP/1.1",
            Self::Http2 => b"HTTP/2.0",
            Self::Http3 => b"HTTP/3",
            Self::Other(text) => text,
        }
    }

    /// Whether this is HTTP/1.0 or older text, without persistent connections by default (RFC 9112 §9.3).
    #[must_use]
    pub fn is_http10(&self) -> bool {
        matches!(self, Self::Http10)
    }
}

/// A request head.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method, as sent.
    pub method: Bytes,
    /// Request target as the client sent it: origin-form, absolute-form, authority-form or `*` (RFC 9112 §3.2).
    /// For HTTP/2 and later this is `:path`.
    pub target: Bytes,
    /// Version it was sent with.
    pub version: Version,
    /// The exact HTTP/1 request line with its line ending (and empty lines before it), while method, target and
    /// version are what it says. Whoever changes one of them sets this to none.
    pub line: Option<Bytes>,
    /// Header fields as sent.
    pub headers: Headers,
    /// Pseudo-header fields as sent (`:method`, RFC 9113 §8.3.1); none in HTTP/1.
    pub pseudo: Headers,
    /// Where it goes: scheme, host (name or IP literal without brackets), port. A reverse proxy fills in its own target.
    pub scheme: Scheme,
    /// Host, without brackets.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Path and query: the target without scheme and authority. Empty for `CONNECT`.
    pub path: Bytes,
    /// First byte.
    pub timestamp_start: Timestamp,
}

impl Request {
    /// Whether it asks for a WebSocket, in either version (RFC 6455 §4.1, RFC 8441 §4).
    #[must_use]
    pub fn asks_for_websocket(&self) -> bool {
        match self.pseudo.get(":protocol") {
            Some(protocol) => protocol.eq_ignore_ascii_case(b"websocket"),
            None => {
                self.version != Version::Http2 && handshake::is_websocket_request(&self.headers)
            }
        }
    }

    /// `host` with brackets if it is an IPv6 literal, and `:port` unless it is the scheme's default.
    #[must_use]
    pub fn authority(&self) -> String {
        authority(&self.host, self.port, self.scheme)
    }

    /// The host by the name that the client gave it, in `:authority` or `Host`; `host` where it gave none.
    #[must_use]
    pub fn pretty_host(&self) -> Cow<'_, str> {
        let named = self.pseudo.get(":authority");
        let named = named.or_else(|| self.headers.get("host"));
        match named.map(url::parse_authority) {
            Some(Ok((host, _))) => host.into(),
            _ => Cow::Borrowed(&self.host),
        }
    }

    /// The URL that was asked for, for people to read: bytes outside of ASCII are percent-free and lossy.
    #[must_use]
    pub fn url(&self) -> String {
        // An extended CONNECT (RFC 8441) is for a URL like any other request.
        if self.method.eq_ignore_ascii_case(b"CONNECT") && self.path.is_empty() {
            return host_port(&self.host, self.port);
        }
        // A CONNECT that opens no tunnel, since the proxy stands in for a server, keeps its target for a path.
        if self.method.eq_ignore_ascii_case(b"CONNECT") && !self.path.starts_with(b"/") {
            return String::from_utf8_lossy(&self.path).into_owned();
        }
        let path = if &self.path[..] == b"*" {
            "".into()
        } else {
            String::from_utf8_lossy(&self.path)
        };
        format!("{}://{}{path}", self.scheme.as_str(), self.authority())
    }
}

/// `host:port`, with brackets around an IPv6 literal.
#[must_use]
pub fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// `host[:port]` as it stands in a URL or a `Host` field: IPv6 literals in brackets, the default port left out.
#[must_use]
pub fn authority(host: &str, port: u16, scheme: Scheme) -> String {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    if port == scheme.default_port() {
        host
    } else {
        format!("{host}:{port}")
    }
}

/// A response head.
#[derive(Clone, Debug)]
pub struct Response {
    /// Version it was sent with.
    pub version: Version,
    /// Status code.
    pub status: u16,
    /// Reason phrase as sent; empty for HTTP/2 and later.
    pub reason: Bytes,
    /// The exact HTTP/1 status line with its line ending, while version, status and reason are what it says.
    /// Whoever changes one of them sets this to none.
    pub line: Option<Bytes>,
    /// Header fields as sent.
    pub headers: Headers,
    /// Pseudo-header fields as sent (`:status`, RFC 9113 §8.3.2); none in HTTP/1.
    pub pseudo: Headers,
    /// First byte.
    pub timestamp_start: Timestamp,
}

/// The reason phrase that goes with a status code (RFC 9110 §15, the IANA registry); empty for one that has none.
#[must_use]
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(fields: &[(&str, &str)]) -> String {
        let (mut headers, mut pseudo) = (Headers::new(), Headers::new());
        for (name, value) in fields {
            let list = if name.starts_with(':') {
                &mut pseudo
            } else {
                &mut headers
            };
            list.append(name.as_bytes(), value.as_bytes());
        }
        let request = Request {
            method: "GET".into(),
            target: "/".into(),
            version: Version::Http11,
            line: None,
            headers,
            pseudo,
            scheme: Scheme::Https,
            host: "192.0.2.1".into(),
            port: 443,
            path: "/".into(),
            timestamp_start: Timestamp::default(),
        };
        request.pretty_host().into_owned()
    }

    #[test]
    fn the_pretty_host_is_what_the_client_calls_it() {
        assert_eq!(host(&[]), "192.0.2.1");
        assert_eq!(host(&[("Host", "a.test:8443")]), "a.test");
        assert_eq!(host(&[("Host", "[2001:db8::1]:1")]), "2001:db8::1");
        assert_eq!(
            host(&[(":authority", "b.test"), ("host", "a.test")]),
            "b.test"
        );
        for broken in ["", "a b", "a:b:c", "[::"] {
            assert_eq!(host(&[("Host", broken)]), "192.0.2.1", "{broken}");
        }
    }
}
