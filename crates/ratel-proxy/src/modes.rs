//! How the destination of a request is learned: from the mode, from the tunnel, or from the request itself.

use std::sync::Arc;

use bytes::Bytes;
use ratel_core::mode::{ModeKind, ProxyMode, ReverseScheme};
use ratel_flow::http::authority;
use ratel_flow::{ClientConn, Request, Scheme, Timestamp, Version};
use ratel_proto::h2::Head;
use ratel_proto::http1::{RequestHead, framing};
use ratel_proto::url::{self, Target as TargetForm};
use ratel_proto::{Framing, Headers};

use crate::error::ProxyError;
use crate::exchange::Incoming;
use crate::upstream::Target;

/// Where the requests of a connection go.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// Each request says so itself (regular mode).
    FromRequest,
    /// The mode says so (reverse mode).
    Reverse {
        scheme: Scheme,
        host: Arc<str>,
        port: u16,
        keep_host: bool,
    },
    /// A `CONNECT` said so; `scheme` is what turned out to be spoken in the tunnel.
    Tunnel {
        scheme: Scheme,
        host: Arc<str>,
        port: u16,
    },
}

/// What a request head turned out to be.
pub(crate) enum Routed {
    /// A request to pass on.
    Request(Box<Incoming>),
    /// A request for a tunnel.
    Connect {
        request: Box<Request>,
        host: Arc<str>,
        port: u16,
    },
}

/// A request that can't be passed on, for the record, and why.
pub(crate) struct Refused {
    pub(crate) request: Request,
    pub(crate) error: ProxyError,
}

impl Destination {
    /// The destination of connections that come in by `mode`.
    pub(crate) fn of(mode: &ProxyMode, keep_host: bool) -> Self {
        match &mode.kind {
            ModeKind::Regular => Self::FromRequest,
            ModeKind::Reverse { scheme, host, port } => Self::Reverse {
                scheme: match scheme {
                    ReverseScheme::Http => Scheme::Http,
                    ReverseScheme::Https => Scheme::Https,
                },
                host: host.as_str().into(),
                port: *port,
                keep_host,
            },
        }
    }

    /// The server that this connection's TLS is spoken with, when that is known before any request.
    pub(crate) fn tls_target(&self, sni: Option<&str>) -> Option<Target> {
        match self {
            Self::FromRequest => None,
            Self::Reverse {
                scheme,
                host,
                port,
                keep_host,
            } => (*scheme == Scheme::Https).then(|| Target {
                scheme: *scheme,
                host: host.clone(),
                port: *port,
                sni: sni.filter(|_| *keep_host).map(Into::into),
            }),
            Self::Tunnel { host, port, .. } => Some(Target {
                scheme: Scheme::Https,
                host: host.clone(),
                port: *port,
                sni: sni.map(Into::into),
            }),
        }
    }

    /// Where the bytes of this connection go when they are passed on as they are; none when only requests say so.
    pub(crate) fn raw_target(&self, sni: Option<&str>) -> Option<Target> {
        match self {
            Self::Reverse {
                scheme: Scheme::Http,
                host,
                port,
                ..
            }
            | Self::Tunnel {
                scheme: Scheme::Http,
                host,
                port,
            } => Some(Target {
                scheme: Scheme::Http,
                host: host.clone(),
                port: *port,
                sni: None,
            }),
            _ => self.tls_target(sni),
        }
    }

    /// Where the bytes of this connection go when nothing at all is done to them: TLS stays closed.
    pub(crate) fn verbatim_target(&self) -> Option<Target> {
        match self {
            Self::FromRequest => None,
            Self::Reverse { host, port, .. } | Self::Tunnel { host, port, .. } => Some(Target {
                scheme: Scheme::Http,
                host: host.clone(),
                port: *port,
                sni: None,
            }),
        }
    }

    /// The host in the client's certificate when the client names none.
    pub(crate) fn address(&self) -> Option<(&str, u16)> {
        match self {
            Self::FromRequest => None,
            Self::Reverse { host, port, .. } | Self::Tunnel { host, port, .. } => {
                Some((host, *port))
            }
        }
    }

    /// The host of that.
    pub(crate) fn host(&self) -> Option<&Arc<str>> {
        match self {
            Self::FromRequest => None,
            Self::Reverse { host, .. } | Self::Tunnel { host, .. } => Some(host),
        }
    }

    /// Makes a request out of a head and says where it goes. On failure the request is returned for the record.
    pub(crate) fn route(
        &self,
        head: RequestHead,
        client: &ClientConn,
        now: Timestamp,
    ) -> Result<Routed, Box<Refused>> {
        let version = Version::from_wire(head.version);
        let framing = framing::request_framing(&head.headers, version.is_http10());
        let mut request = Request {
            path: head.target.clone(),
            method: head.method,
            target: head.target,
            version,
            line: Some(head.line),
            headers: head.headers,
            pseudo: Headers::new(),
            scheme: Scheme::Http,
            host: Arc::from(""),
            port: 0,
            timestamp_start: now,
        };
        let routed = match self {
            Self::FromRequest => from_request(&mut request, client),
            Self::Reverse {
                scheme,
                host,
                port,
                keep_host,
            } => {
                (request.scheme, request.host, request.port) = (*scheme, host.clone(), *port);
                let sni = client
                    .tls
                    .as_ref()
                    .and_then(|tls| tls.sni.clone())
                    .filter(|_| *keep_host);
                to_reverse(&mut request, *keep_host, client)
                    .map(|forward| Step::Forward { forward, sni })
            }
            Self::Tunnel { scheme, host, port } => {
                (request.scheme, request.host, request.port) = (*scheme, host.clone(), *port);
                let sni = client.tls.as_ref().and_then(|tls| tls.sni.clone());
                Ok(Step::Forward { forward: None, sni })
            }
        };
        finish(request, routed, framing.map_err(ProxyError::RequestFraming))
    }

    /// As [`route`](Self::route), for a head that came over HTTP/2. `end` says that there is no body.
    pub(crate) fn route_h2(
        &self,
        head: Head,
        end: bool,
        client: &ClientConn,
        now: Timestamp,
    ) -> Result<Routed, Box<Refused>> {
        let field = |name| Bytes::copy_from_slice(head.pseudo.get(name).unwrap_or_default());
        let (method, path) = (field(":method"), field(":path"));
        let framing = match framing::content_length(&head.headers).ok().flatten() {
            _ if end => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::Chunked,
        };
        let mut request = Request {
            path: path.clone(),
            method,
            target: path,
            version: Version::Http2,
            line: None,
            headers: head.headers,
            pseudo: head.pseudo,
            scheme: Scheme::Http,
            host: Arc::from(""),
            port: 0,
            timestamp_start: now,
        };
        let is_connect = &request.method[..] == b"CONNECT" && !request.pseudo.contains(":protocol");
        let sni = client.tls.as_ref().and_then(|tls| tls.sni.clone());
        let routed = match self {
            Self::FromRequest if is_connect => connect_h2(&mut request),
            Self::FromRequest => {
                from_request_h2(&mut request).map(|()| Step::Forward { forward: None, sni })
            }
            Self::Reverse { .. } if is_connect => Err(ProxyError::ConnectRefused {
                mode: client.proxy_mode.clone(),
            }),
            Self::Reverse {
                scheme,
                host,
                port,
                keep_host,
            } => {
                (request.scheme, request.host, request.port) = (*scheme, host.clone(), *port);
                if !keep_host {
                    name_server(&mut request);
                }
                let sni = sni.filter(|_| *keep_host);
                Ok(Step::Forward { forward: None, sni })
            }
            Self::Tunnel { scheme, host, port } => {
                (request.scheme, request.host, request.port) = (*scheme, host.clone(), *port);
                Ok(Step::Forward { forward: None, sni })
            }
        };
        finish(request, routed, Ok(framing))
    }
}

/// A CONNECT over HTTP/2 has its destination in `:authority` (RFC 9113 §8.5).
fn connect_h2(request: &mut Request) -> Result<Step, ProxyError> {
    let authority = request.pseudo.get(":authority").unwrap_or_default();
    match url::parse_connect_target(authority) {
        Ok(TargetForm::Authority { host, port }) => {
            (request.scheme, request.host, request.port) = (Scheme::Https, host.into(), port);
            (request.path, request.target) = (Bytes::new(), Bytes::copy_from_slice(authority));
            Ok(Step::Connect)
        }
        Ok(_) => Err(ProxyError::NoDestination(
            "its :authority is no host and port".into(),
        )),
        Err(error) => Err(ProxyError::NoDestination(error.to_string())),
    }
}

/// Any other request to a proxy has it in `:scheme` and `:authority` (RFC 9113 §8.3.1).
fn from_request_h2(request: &mut Request) -> Result<(), ProxyError> {
    request.scheme = match request.pseudo.get(":scheme") {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let authority = request.pseudo.get(":authority");
    let authority = authority.or_else(|| request.headers.get("host"));
    let Some(authority) = authority.filter(|name| !name.is_empty()) else {
        return Err(ProxyError::NoDestination("it has no :authority".into()));
    };
    let (host, port) = url::parse_authority(authority)
        .map_err(|error| ProxyError::NoDestination(error.to_string()))?;
    request.host = host.into();
    request.port = port.unwrap_or(request.scheme.default_port());
    Ok(())
}

/// Makes an HTTP/2 request name the server instead of us.
fn name_server(request: &mut Request) {
    let name = authority(&request.host, request.port, request.scheme);
    let name = name.as_bytes();
    if request.pseudo.contains(":authority") || !request.headers.contains("host") {
        if request.pseudo.get(":authority") != Some(name) {
            request.pseudo.set(":authority", name);
        }
        if request.headers.get("host").is_some_and(|host| host != name) {
            request.headers.set("host", name);
        }
    } else {
        request.headers.set("host", name);
    }
    let scheme = request.scheme.as_str().as_bytes();
    if request
        .pseudo
        .get(":scheme")
        .is_some_and(|sent| sent != scheme)
    {
        request.pseudo.set(":scheme", scheme);
    }
}

/// Puts together what is known of a request.
fn finish(
    request: Request,
    routed: Result<Step, ProxyError>,
    framing: Result<Framing, ProxyError>,
) -> Result<Routed, Box<Refused>> {
    match (routed, framing) {
        (Ok(Step::Connect), _) => {
            let (host, port) = (request.host.clone(), request.port);
            Ok(Routed::Connect {
                request: Box::new(request),
                host,
                port,
            })
        }
        (Ok(Step::Forward { forward, sni }), Ok(framing)) => {
            let target = Target {
                scheme: request.scheme,
                host: request.host.clone(),
                port: request.port,
                sni,
            };
            Ok(Routed::Request(Box::new(Incoming {
                request,
                target,
                forward,
                framing,
            })))
        }
        (Err(error), _) => Err(Box::new(Refused { request, error })),
        (_, Err(error)) => Err(Box::new(Refused { request, error })),
    }
}

enum Step {
    Forward {
        forward: Option<Bytes>,
        sni: Option<Arc<str>>,
    },
    Connect,
}

/// Regular mode: the destination is in the target (RFC 9112 §3.2.2, §3.2.3), or at least in the Host field.
fn from_request(request: &mut Request, client: &ClientConn) -> Result<Step, ProxyError> {
    let is_connect = request.method.eq_ignore_ascii_case(b"CONNECT");
    let parsed = if is_connect {
        url::parse_connect_target(&request.target)
    } else {
        url::parse_target(&request.target)
    };
    let form = parsed.map_err(|error| ProxyError::NoDestination(error.to_string()))?;
    match form {
        TargetForm::Authority { host, port } => {
            (request.scheme, request.host, request.port) = (Scheme::Https, host.into(), port);
            request.path = Bytes::new();
            Ok(Step::Connect)
        }
        TargetForm::Absolute {
            scheme,
            host,
            port,
            path,
            ..
        } => {
            request.scheme = scheme;
            request.host = host.into();
            request.port = port.unwrap_or(request.scheme.default_port());
            request.path = origin_form(&request.method, path);
            Ok(Step::Forward {
                forward: Some(request.path.clone()),
                sni: None,
            })
        }
        TargetForm::Origin | TargetForm::Asterisk => {
            request.scheme = if client.tls.is_some() {
                Scheme::Https
            } else {
                Scheme::Http
            };
            let Some(host) = request.headers.get("host").filter(|h| !h.is_empty()) else {
                return Err(ProxyError::NoDestination(
                    "its target is no URL and it has no Host header".into(),
                ));
            };
            let (host, port) = url::parse_authority(host)
                .map_err(|error| ProxyError::NoDestination(error.to_string()))?;
            request.host = host.into();
            request.port = port.unwrap_or(request.scheme.default_port());
            let sni = client.tls.as_ref().and_then(|tls| tls.sni.clone());
            Ok(Step::Forward { forward: None, sni })
        }
    }
}

/// The target to send to the server itself for a path out of an absolute-form (RFC 9112 §3.2.1, §3.2.4).
pub(crate) fn origin_form(method: &[u8], path: Bytes) -> Bytes {
    match path.first() {
        Some(b'/') => path,
        None if method == b"OPTIONS" => Bytes::from_static(b"*"),
        None => Bytes::from_static(b"/"),
        Some(_) => [b"/", &path[..]].concat().into(),
    }
}

/// Reverse mode: the request is made to name the server instead of us, unless the user wants the Host kept.
fn to_reverse(
    request: &mut Request,
    keep_host: bool,
    client: &ClientConn,
) -> Result<Option<Bytes>, ProxyError> {
    if request.method.eq_ignore_ascii_case(b"CONNECT") {
        return Err(ProxyError::ConnectRefused {
            mode: client.proxy_mode.clone(),
        });
    }
    let absolute = if request.target.first() == Some(&b'/') {
        None
    } else {
        url::parse_target(&request.target).ok()
    };
    if let Some(TargetForm::Absolute { path, .. }) = &absolute {
        request.path = path.clone();
    }
    if keep_host {
        return Ok(None);
    }
    let name = authority(&request.host, request.port, request.scheme);
    match request.headers.get("host") {
        Some(host) if host == name.as_bytes() => {}
        Some(_) => request.headers.set("host", name.as_bytes()),
        None => request.headers.insert(0, b"Host", name.as_bytes()),
    }
    Ok(absolute.and_then(|form| match form {
        TargetForm::Absolute { path, .. } => Some(
            [
                request.scheme.as_str().as_bytes(),
                b"://",
                name.as_bytes(),
                &path,
            ]
            .concat()
            .into(),
        ),
        _ => None,
    }))
}
