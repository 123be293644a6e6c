//! Why an exchange or a connection failed: on which side, what the client is told, and what to do about it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ratel_flow::{FlowError, Timestamp};
use ratel_proto::http1::{BodyError, EncodeError, FramingError, HeadError, Violation};

use crate::tls::TlsError;

/// A failure on the proxied path. Displays as one sentence that names the side; [`ProxyError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ProxyError {
    #[error("the client sent something that is not an HTTP request: {0}")]
    RequestHead(HeadError),
    #[error(
        "the client closed the connection in the middle of a request head, after {got} bytes of it"
    )]
    RequestCut { got: usize },
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
    #[error("the connection to the client failed {during}: {source}")]
    ClientIo {
        during: &'static str,
        source: io::Error,
    },
    #[error("the client speaks {0}, which is neither HTTP/1 nor TLS")]
    NotHttp(String),
    #[error("{0}")]
    ClientTls(TlsError),
    #[error("the request would go back to Ratel itself ({0})")]
    Loop(String),
    #[error("cannot resolve {host} (server side): {source}")]
    Resolve { host: Arc<str>, source: io::Error },
    #[error("cannot connect to {to} (server side): {source}")]
    Connect { to: String, source: io::Error },
    #[error("{to} (server side) did not accept a connection within {} s", after.as_secs_f64())]
    ConnectTimeout { to: String, after: Duration },
    #[error("{0}")]
    ServerTls(TlsError),
    #[error("the server closed the connection without a response")]
    NoResponse,
    #[error("the connection to the server failed {during}: {source}")]
    ServerIo {
        during: &'static str,
        source: io::Error,
    },
    #[error("the server's answer is not HTTP: {0}")]
    ResponseHead(HeadError),
    #[error(
        "the server closed the connection in the middle of a response head, after {got} bytes of it"
    )]
    ResponseCut { got: usize },
    #[error("the server's response has an unclear length: {0}")]
    ResponseFraming(FramingError),
    #[error("the server's response was refused: {0}")]
    ResponseInvalid(Violation),
    #[error("the server's response broke off: {0}")]
    ResponseBody(BodyError),
    #[error("a message does not fit the length its head announces: {0}")]
    Encode(EncodeError),
    #[error(
        "the body is larger than the {limit} bytes that may be held back for a rule that needs it whole"
    )]
    TooLargeToHold { limit: usize },
    #[error("nothing was sent on this connection for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("Ratel was stopped before this exchange was complete")]
    Stopped,
}

impl ProxyError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::RequestHead(_) => "is the client speaking another protocol to this port?".into(),
            Self::RequestInvalid(_) | Self::ResponseInvalid(_) => {
                "pass --set validate_inbound_headers=false to let such messages through".into()
            }
            Self::NoDestination(_) => {
                "use this port as an HTTP proxy, or start Ratel with --mode reverse:https://HOST".into()
            }
            Self::ConnectRefused { .. } => {
                "CONNECT needs regular mode: point the client at the URL of this port instead of using it as a proxy".into()
            }
            Self::NotHttp(_) => "this version passes on HTTP/1, plain or over TLS, and nothing else".into(),
            Self::ClientTls(error) | Self::ServerTls(error) => return error.hint().map(Into::into),
            Self::Loop(_) => "the destination is one of Ratel's own addresses; choose another port or host".into(),
            Self::Resolve { .. } => "check the spelling of the host name and this machine's DNS".into(),
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
                "is the service running on that port?".into()
            }
            Self::Connect { .. } => "check that this machine can reach the service".into(),
            Self::ConnectTimeout { .. } => {
                "check that this machine can reach the service, or raise --set connect_timeout".into()
            }
            Self::ResponseHead(_) => "does the service expect TLS (https) on that port, or another protocol?".into(),
            Self::Idle(_) => "raise --set tcp_timeout to wait longer".into(),
            _ => return None,
        })
    }

    /// The status of the page that tells the client; none when it can't or need not be told.
    pub(crate) fn status(&self) -> Option<u16> {
        Some(match self {
            Self::RequestHead(_)
            | Self::RequestFraming(_)
            | Self::RequestInvalid(_)
            | Self::NoDestination(_)
            | Self::ConnectRefused { .. }
            | Self::NotHttp(_)
            | Self::RequestCut { .. }
            | Self::RequestBody(_) => 400,
            Self::TooLargeToHold { .. } => 413,
            Self::ConnectTimeout { .. } => 504,
            Self::ClientGone { .. }
            | Self::ClientIo { .. }
            | Self::ClientTls(_)
            | Self::Idle(_) => return None,
            Self::Stopped => 503,
            _ => 502,
        })
    }

    /// The error as the flow keeps it.
    pub(crate) fn to_flow_error(&self, timestamp: Timestamp) -> FlowError {
        FlowError {
            message: self.to_string().into(),
            hint: self.hint().map(Into::into),
            timestamp,
        }
    }

    /// A page for the client: status line, headers and HTML, ready to be written. Ends the connection.
    pub(crate) fn page(&self, status: u16) -> Vec<u8> {
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
        format!(
            "HTTP/1.1 {status} {reason}\r\nServer: ratel {}\r\nConnection: close\r\n\
             Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            env!("CARGO_PKG_VERSION"),
            body.len(),
        )
        .into_bytes()
    }
}

/// The reason phrase for the status codes that Ratel answers with by itself.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        413 => "Content Too Large",
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
    fn pages_escape_what_peers_wrote() {
        let error = ProxyError::NoDestination("<script>\u{1b}".into());
        let page = String::from_utf8(error.page(400)).expect("a page is text");
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
