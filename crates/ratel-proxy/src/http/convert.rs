//! Heads from one HTTP version to another: what HTTP/1 says in a start line and hop-by-hop fields, and HTTP/2 in
//! pseudo-header fields and frames (RFC 9113 §8).
//!
//! What is on record is what was received; these are made for sending only. Between equal versions nothing is made.

use bytes::Bytes;
use ratel_flow::{Request, Response, Scheme, Version};
use ratel_proto::http1::framing::content_length;
use ratel_proto::websocket::handshake;
use ratel_proto::{Frame, Framing, Headers};

use crate::error::ProxyError;

/// Takes the wish to go on in HTTP/2 out of an HTTP/1 request (RFC 7540 §3.2, withdrawn by RFC 9113); true if it was
/// there. A server that granted it would speak with us as if we had asked; whoever wants HTTP/2 without TLS begins with it.
pub(super) fn decline_h2c(request: &mut Request) -> bool {
    let headers = &mut request.headers;
    if !headers.has_token("upgrade", "h2c") {
        return false;
    }
    headers.remove("upgrade");
    headers.remove("http2-settings");
    let gone = |token: &&[u8]| {
        let token = token.trim_ascii();
        token.eq_ignore_ascii_case(b"upgrade") || token.eq_ignore_ascii_case(b"http2-settings")
    };
    let left: Vec<Vec<u8>> = headers
        .get_all("connection")
        .flat_map(|value| value.split(|b| *b == b','))
        .filter(|token| !token.trim_ascii().is_empty() && !gone(token))
        .map(|token| token.trim_ascii().to_vec())
        .collect();
    if left.is_empty() {
        headers.remove("connection");
    } else {
        headers.set("connection", &left.join(&b", "[..]));
    }
    true
}

/// A request head for HTTP/1.
pub(super) struct H1Request {
    pub(super) method: Bytes,
    pub(super) headers: Headers,
}

/// Whether the request asks for a WebSocket, in either version (RFC 6455 §4.1, RFC 8441 §4).
pub(crate) fn is_websocket(request: &Request) -> bool {
    request.asks_for_websocket()
}

/// What a WebSocket is asked for with where the client's request has no key (RFC 6455 §4.1, RFC 8441 §5).
pub(super) fn websocket_key(request: &Request) -> Option<String> {
    (request.version == Version::Http2 && is_websocket(request)).then(|| handshake::key(random()))
}

/// An HTTP/2 request as HTTP/1 asks for it; `key` is there for a WebSocket.
///
/// # Errors
/// When it has bytes that would end a line or a word there.
pub(super) fn request_to_h1(
    request: &Request,
    target: &[u8],
    framing: Framing,
    key: Option<&str>,
) -> Result<H1Request, ProxyError> {
    let splits = |b: &u8| matches!(b, b'\r' | b'\n' | b'\0' | b' ');
    let authority = request.pseudo.get(":authority");
    if !request.headers.is_line_safe()
        || authority.is_some_and(|name| name.iter().any(splits))
        || request.method.is_empty()
        || request.method.iter().any(splits)
        || target.is_empty()
        || target.iter().any(splits)
    {
        return Err(ProxyError::NotForH1 { what: "request" });
    }
    let mut headers = Headers::new();
    if let Some(host) = authority.or_else(|| request.headers.get("host")) {
        headers.append(b"host", host);
    }
    let mut cookies: Vec<&[u8]> = Vec::new();
    for (name, value) in request.headers.iter() {
        match name {
            b"host" => {}
            // Split for compression; HTTP/1 has one field (RFC 9113 §8.2.3).
            b"cookie" => cookies.push(value),
            b"content-length" if !matches!(framing, Framing::Length(_)) => {}
            name if is_hop_by_hop(name, &request.headers) => {}
            b"te" => {}
            b"sec-websocket-key" if key.is_some() => {}
            name => headers.append(name, value),
        }
    }
    if !cookies.is_empty() {
        headers.append(b"cookie", &cookies.join(&b"; "[..]));
    }
    if let Some(key) = key {
        headers.append(b"connection", b"Upgrade");
        headers.append(b"upgrade", b"websocket");
        headers.append(b"sec-websocket-key", key.as_bytes());
    } else if framing == Framing::Chunked {
        headers.append(b"transfer-encoding", b"chunked");
    } else if framing == Framing::None && matches!(&request.method[..], b"POST" | b"PUT" | b"PATCH")
    {
        // Some servers insist on it (RFC 9110 §8.6).
        headers.append(b"content-length", b"0");
    }
    let method = if key.is_some() {
        Bytes::from_static(b"GET")
    } else {
        request.method.clone()
    };
    Ok(H1Request { method, headers })
}

/// The pseudo-header fields and fields of an HTTP/1 request as HTTP/2 asks for it.
pub(super) fn request_to_h2(request: &Request, target: &[u8]) -> (Headers, Headers) {
    let websocket = is_websocket(request);
    let mut pseudo = Headers::new();
    let method: &[u8] = if websocket {
        b"CONNECT"
    } else {
        &request.method
    };
    pseudo.append(b":method", method);
    if websocket {
        pseudo.append(b":protocol", b"websocket");
    }
    let scheme: &[u8] = match request.scheme {
        Scheme::Http => b"http",
        Scheme::Https => b"https",
    };
    pseudo.append(b":scheme", scheme);
    match request.headers.get("host") {
        Some(host) => pseudo.append(b":authority", host),
        None => pseudo.append(b":authority", request.authority().as_bytes()),
    }
    pseudo.append(b":path", target);
    let mut headers = Headers::new();
    for (name, value) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        match &name[..] {
            b"host" | b"http2-settings" => {}
            b"sec-websocket-key" if websocket => {}
            // The one value that has a meaning there (RFC 9113 §8.2.2).
            b"te" => {
                if request.headers.has_token("te", "trailers") && !headers.contains("te") {
                    headers.append(b"te", b"trailers");
                }
            }
            name if is_hop_by_hop(name, &request.headers) => {}
            name => headers.append(name, &Headers::value_text(value)),
        }
    }
    (pseudo, headers)
}

/// A response that came over HTTP/2, as an HTTP/1 client gets it. `framing` is made visible in the fields.
///
/// # Errors
/// When it has bytes that would end a line there.
pub(super) fn response_to_h1(response: &Response, framing: Framing) -> Result<Headers, ProxyError> {
    if !response.headers.is_line_safe() {
        return Err(ProxyError::NotForH1 { what: "response" });
    }
    let mut headers = Headers::new();
    for (name, value) in response.headers.iter() {
        let dropped = is_hop_by_hop(name, &response.headers)
            || (name == b"content-length" && framing == Framing::Chunked);
        if !dropped {
            headers.append(name, value);
        }
    }
    match framing {
        Framing::Chunked => headers.append(b"transfer-encoding", b"chunked"),
        // The end of the stream says so in HTTP/2.
        Framing::Length(0) => match content_length(&headers) {
            Ok(Some(0)) => {}
            Ok(None) => headers.append(b"content-length", b"0"),
            Ok(Some(announced)) => return Err(ProxyError::ResponseEmpty(announced)),
            Err(error) => return Err(ProxyError::ResponseFraming(error)),
        },
        _ => {}
    }
    Ok(headers)
}

/// The answer to an HTTP/1 client whose WebSocket goes over an HTTP/2 connection.
pub(super) fn switching_protocols(response: &Response, key: &[u8]) -> Result<Headers, ProxyError> {
    let mut headers = response_to_h1(response, Framing::UntilClose)?;
    headers.append(b"connection", b"Upgrade");
    headers.append(b"upgrade", b"websocket");
    headers.append(
        b"sec-websocket-accept",
        handshake::accept_key(key).as_bytes(),
    );
    Ok(headers)
}

/// The pseudo-header field and fields of an HTTP/1 response as an HTTP/2 client gets it.
pub(super) fn response_to_h2(response: &Response) -> (Headers, Headers) {
    // The switch itself is the stream's business there (RFC 8441 §5).
    let switched = response.status == 101;
    let pseudo = status(if switched { 200 } else { response.status });
    let mut headers = Headers::new();
    for (name, value) in response.headers.iter() {
        let name = name.to_ascii_lowercase();
        let dropped = is_hop_by_hop(&name, &response.headers)
            || (switched && name == b"sec-websocket-accept");
        if !dropped {
            headers.append(&name, &Headers::value_text(value));
        }
    }
    (pseudo, headers)
}

/// Fields that HTTP/1 has in a list of trailers, as HTTP/2 has them.
pub(super) fn trailers_to_h2(trailers: &Headers) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in trailers.iter() {
        let name = name.to_ascii_lowercase();
        if !is_hop_by_hop(&name, trailers) {
            headers.append(&name, &Headers::value_text(value));
        }
    }
    headers
}

/// Trailers that came over HTTP/2 and would end a line in HTTP/1 are no trailers there.
///
/// # Errors
/// When there are such.
pub(super) fn trailers_fit_h1(frame: &Frame) -> Result<(), ProxyError> {
    let unfit = frame.wire.is_none()
        && frame
            .trailers
            .as_ref()
            .is_some_and(|trailers| !trailers.is_line_safe());
    if unfit {
        return Err(ProxyError::NotForH1 {
            what: "list of trailers",
        });
    }
    Ok(())
}

/// The pseudo-header field of a response.
pub(super) fn status(code: u16) -> Headers {
    let mut pseudo = Headers::new();
    pseudo.append(b":status", code.to_string().as_bytes());
    pseudo
}

/// Whether a field is for one connection only (RFC 9110 §7.6.1). `name` is in lower case.
fn is_hop_by_hop(name: &[u8], headers: &Headers) -> bool {
    const NAMES: [&[u8]; 5] = [
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    ];
    NAMES.contains(&name)
        || std::str::from_utf8(name).is_ok_and(|name| headers.has_token("connection", name))
}

/// Bytes nobody can foresee, as RFC 6455 §4.1 wants them for a key.
fn random() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::time::Instant::now());
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half().to_le_bytes());
    bytes[8..].copy_from_slice(&half().to_le_bytes());
    bytes
}
