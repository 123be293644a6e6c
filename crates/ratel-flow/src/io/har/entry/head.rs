//! Requests and responses without their bodies.

use std::borrow::Cow;

use bytes::Bytes;
use ratel_proto::url::{self, Target};

use super::body::base64;
use super::timing::Maker;
use crate::http::reason_phrase;
use crate::json::Node;
use crate::{Headers, HttpRecord, Request, Response, Scheme, Timestamp, Version};

/// The head of a request.
pub(super) struct Head {
    pub(super) request: Request,
    pub(super) trailers: Option<Headers>,
}

impl Head {
    /// Reads it, or says why it makes no request.
    pub(super) fn of(
        asked: &Node<'_>,
        answered: &Node<'_>,
        start: Timestamp,
        maker: Maker,
    ) -> Result<Self, String> {
        let method = asked
            .get("method")
            .bytes()
            .filter(|method| !method.is_empty());
        let method = Bytes::copy_from_slice(method.unwrap_or(b"GET"));
        let named = asked.get("url").bytes().ok_or("its request has no URL")?;
        let place = Place::of(&method, named, maker)?;
        // Some programs know the version of one side alone.
        let version = version(asked.get("httpVersion"))
            .or_else(|| version(answered.get("httpVersion")))
            .unwrap_or(Version::Http11);
        let (mut headers, mut pseudo) = headers(asked.get("headers"));
        cookies(asked.get("cookies"), "cookie", &mut headers);
        if matches!(version, Version::Http2 | Version::Http3) && pseudo.is_empty() {
            pseudo = place.pseudo(&method);
        }
        let request = Request {
            target: place.target(),
            method,
            version,
            line: None,
            headers,
            pseudo,
            scheme: place.scheme,
            host: place.host.into(),
            port: place.port,
            path: place.path,
            timestamp_start: start,
        };
        Ok(Self {
            request,
            trailers: trailers(asked),
        })
    }
}

/// Where a request went.
struct Place {
    scheme: Scheme,
    host: String,
    port: u16,
    /// Empty for `CONNECT`.
    path: Bytes,
}

impl Place {
    fn of(method: &[u8], named: &[u8], maker: Maker) -> Result<Self, String> {
        let mut named = Cow::Borrowed(named.trim_ascii());
        for (web, http) in [(&b"ws://"[..], &b"http://"[..]), (b"wss://", b"https://")] {
            if named
                .get(..web.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(web))
            {
                named = [http, named.get(web.len()..).unwrap_or_default()]
                    .concat()
                    .into();
            }
        }
        let is_connect = method.eq_ignore_ascii_case(b"CONNECT");
        if is_connect
            && let Ok(Target::Authority { host, port }) = url::parse_connect_target(&named)
        {
            return Ok(Self {
                scheme: Scheme::Https,
                host,
                port,
                path: Bytes::new(),
            });
        }
        let url = Bytes::from(named.into_owned());
        let target = url::parse_target(&url)
            .map_err(|error| format!("its URL makes no request: {error}"))?;
        let Target::Absolute {
            scheme,
            host,
            port,
            mut path,
            ..
        } = target
        else {
            return Err("its URL names no host".into());
        };
        // No client sends a fragment; what a proxy has seen was sent.
        if !maker.is_proxy
            && let Some(at) = memchr::memchr(b'#', &path)
        {
            path.truncate(at);
        }
        if path.first() != Some(&b'/') {
            path = [b"/", &path[..]].concat().into();
        }
        if is_connect {
            path.clear();
        }
        Ok(Self {
            scheme,
            port: port.unwrap_or(scheme.default_port()),
            host,
            path,
        })
    }

    fn authority(&self) -> String {
        crate::http::authority(&self.host, self.port, self.scheme)
    }

    fn target(&self) -> Bytes {
        if !self.path.is_empty() {
            return self.path.clone();
        }
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        format!("{host}:{}", self.port).into()
    }

    /// What HTTP/2 has for a request line (RFC 9113 §8.3.1).
    fn pseudo(&self, method: &[u8]) -> Headers {
        let mut pseudo = Headers::new();
        pseudo.append(b":method", method);
        if self.path.is_empty() {
            pseudo.append(b":authority", &self.target());
            return pseudo;
        }
        pseudo.append(b":scheme", self.scheme.as_str().as_bytes());
        pseudo.append(b":authority", self.authority().as_bytes());
        pseudo.append(b":path", &self.path);
        pseudo
    }
}

/// The head of a response; none if there was no response.
pub(super) fn response(
    answered: &Node<'_>,
    request: &Request,
    start: Timestamp,
) -> Option<(Response, Option<Headers>)> {
    let status = answered.get("status").number()?;
    if !(1.0..1000.0).contains(&status) {
        return None;
    }
    let status = status as u16;
    let version = version(answered.get("httpVersion")).unwrap_or_else(|| request.version.clone());
    let (mut headers, mut pseudo) = headers(answered.get("headers"));
    cookies(answered.get("cookies"), "set-cookie", &mut headers);
    let reason = match (answered.get("statusText").bytes(), &version) {
        (Some(text), _) => Bytes::copy_from_slice(text),
        (None, Version::Http2 | Version::Http3) => Bytes::new(),
        (None, _) => Bytes::from_static(reason_phrase(status).as_bytes()),
    };
    if matches!(version, Version::Http2 | Version::Http3) && pseudo.is_empty() {
        pseudo.append(b":status", format!("{status:03}").as_bytes());
    }
    let response = Response {
        version,
        status,
        reason,
        line: None,
        headers,
        pseudo,
        timestamp_start: start,
    };
    Some((response, trailers(answered)))
}

/// How a gRPC call ended, from its trailers.
pub(super) fn grpc_status(http: &HttpRecord) -> Option<(u32, std::sync::Arc<str>)> {
    let response = http.response.as_ref()?;
    let lists = [http.response_trailers.as_ref(), Some(&response.headers)];
    let mut lists = lists.into_iter().flatten();
    let list = lists.find(|list| list.contains("grpc-status"))?;
    let code = str::from_utf8(list.get("grpc-status")?)
        .ok()?
        .parse()
        .ok()?;
    let message = list.get("grpc-message").unwrap_or_default();
    Some((code, String::from_utf8_lossy(message).into()))
}

fn trailers(message: &Node<'_>) -> Option<Headers> {
    let listed = message.get("_trailers");
    (!listed.is_null()).then(|| headers(listed).0)
}

/// Whatever programs call the versions of HTTP; none for what says nothing.
fn version(node: &Node<'_>) -> Option<Version> {
    let text = node.text()?.trim().to_ascii_lowercase();
    let number = ["http/", "h", "http"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    match number.as_bytes() {
        [b'1', b'.', b'0', ..] => Some(Version::Http10),
        [b'1', ..] => Some(Version::Http11),
        [b'2', ..] => Some(Version::Http2),
        [b'3', ..] => Some(Version::Http3),
        [b'0', ..] => Some(Version::Other(Bytes::from_static(b"HTTP/0.9"))),
        _ => None,
    }
}

/// Header fields, and pseudo-header fields (RFC 9113 §8.3), as browsers list them.
///
/// Programs write a list of objects, a list of pairs, or one object; there a name may have a list of values.
fn headers(node: &Node<'_>) -> (Headers, Headers) {
    let (mut headers, mut pseudo) = (Headers::new(), Headers::new());
    let mut add = |name: &[u8], value: &[u8]| match name {
        [] => {}
        [b':', ..] => pseudo.append(name, value),
        _ => headers.append(name, value),
    };
    match node {
        Node::Object(members) => {
            for (name, value) in members {
                match value {
                    Node::List(values) => values
                        .iter()
                        .filter_map(Node::bytes)
                        .for_each(|value| add(name, value)),
                    value => add(name, value.bytes().unwrap_or_default()),
                }
            }
        }
        Node::List(items) => {
            for item in items {
                match item {
                    Node::List(pair) => {
                        let part = |at: usize| pair.get(at).and_then(Node::bytes);
                        add(part(0).unwrap_or_default(), part(1).unwrap_or_default());
                    }
                    item => {
                        let exact = item.get("_base64");
                        let part = |key| match exact.get(key).bytes().and_then(base64) {
                            Some(bytes) => bytes,
                            None => {
                                Bytes::copy_from_slice(item.get(key).bytes().unwrap_or_default())
                            }
                        };
                        add(&part("name"), &part("value"));
                    }
                }
            }
        }
        _ => {}
    }
    (headers, pseudo)
}

/// Programs that keep cookies out of the headers list them here.
fn cookies(node: &Node<'_>, field: &str, headers: &mut Headers) {
    if headers.contains(field) {
        return;
    }
    let pairs = node.items().iter().filter_map(|cookie| {
        let name = cookie.get("name").bytes()?;
        let value = cookie.get("value").bytes().unwrap_or_default();
        Some([name, b"=", value].concat())
    });
    let pairs: Vec<Vec<u8>> = pairs.collect();
    if pairs.is_empty() {
        return;
    }
    if field == "cookie" {
        headers.append(b"Cookie", &pairs.join(&b"; "[..]));
    } else {
        for pair in pairs {
            headers.append(b"Set-Cookie", &pair);
        }
    }
}
