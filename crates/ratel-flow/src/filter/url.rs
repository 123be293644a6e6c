//! URLs and hosts by the names that the client has for them, without allocating: what mitmproxy calls `pretty_url` and
//! `pretty_host`.

use std::net::IpAddr;

use crate::http::{Request, Version};

/// The value of `Host`, or of `:authority` where there is one; several of them are joined as one list.
pub(super) fn host_header<'a>(request: &'a Request, joined: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    if matches!(request.version, Version::Http2 | Version::Http3)
        && let Some(authority) = request.pseudo.get(":authority")
        && !authority.is_empty()
    {
        return Some(authority);
    }
    let mut values = request.headers.get_all("host");
    let first = values.next()?;
    let Some(second) = values.next() else {
        return Some(first);
    };
    joined.clear();
    joined.extend_from_slice(first);
    for value in [second].into_iter().chain(values) {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(value);
    }
    Some(joined)
}

/// Host and port in `host[:port]`. What is none, is a host as a whole. Brackets go.
pub(super) fn split_authority(authority: &[u8]) -> (&[u8], Option<u16>) {
    let whole = (authority, None);
    let (host, port) = match authority {
        [b'[', ..] => match memchr::memrchr(b']', authority) {
            Some(close) => (authority.get(1..close), authority.get(close + 1..)),
            None => return whole,
        },
        _ => match memchr::memchr(b':', authority) {
            Some(colon) => (authority.get(..colon), authority.get(colon..)),
            None => (Some(authority), None),
        },
    };
    let (host, port) = (host.unwrap_or_default(), port.unwrap_or_default());
    let port = match port {
        [] => None,
        [b':', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            match str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
            {
                Some(port) => Some(port),
                None => return whole,
            }
        }
        _ => return whole,
    };
    if is_host(host) { (host, port) } else { whole }
}

/// Whether it is a DNS name, an IP address, or, as far as that can be told at a glance, an international name.
fn is_host(host: &[u8]) -> bool {
    is_name(host)
        || str::from_utf8(host).is_ok_and(|host| host.parse::<IpAddr>().is_ok() || is_scoped(host))
}

fn is_name(host: &[u8]) -> bool {
    let name = host.strip_suffix(b".").unwrap_or(host);
    let mut label = 0;
    for byte in name {
        label = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | 0x80.. if label < 63 => {
                label + 1
            }
            b'.' if label > 0 => 0,
            _ => return false,
        };
    }
    label > 0 && host.len() <= 255
}

/// An IPv6 address with its zone.
fn is_scoped(host: &str) -> bool {
    host.split_once('%').is_some_and(|(address, zone)| {
        !zone.is_empty() && address.parse::<std::net::Ipv6Addr>().is_ok()
    })
}

/// Host and port by the name that the client has for the host; none if it gave none.
pub(super) fn named<'a>(
    request: &'a Request,
    joined: &'a mut Vec<u8>,
) -> Option<(&'a [u8], Option<u16>)> {
    host_header(request, joined)
        .filter(|authority| !authority.is_empty())
        .map(split_authority)
}

/// The URL. `bracketed` puts IPv6 addresses into brackets, as a URL has them; mitmproxy does not.
pub fn put_url(request: &Request, bracketed: bool, joined: &mut Vec<u8>, out: &mut Vec<u8>) {
    put_named_url(request, named(request, joined), bracketed, out);
}

/// The same, with the [name](named) that is known.
pub(super) fn put_named_url(
    request: &Request,
    named: Option<(&[u8], Option<u16>)>,
    bracketed: bool,
    out: &mut Vec<u8>,
) {
    out.clear();
    if request.method.eq_ignore_ascii_case(b"CONNECT") {
        return put_connect(request, out);
    }
    let default = request.scheme.default_port();
    let (host, port) = match named {
        Some((host, port)) => (host, port.filter(|port| *port != 0).unwrap_or(default)),
        None => (request.host.as_bytes(), request.port),
    };
    out.reserve(host.len() + request.path.len() + "https://[]:65535".len());
    out.extend_from_slice(request.scheme.as_str().as_bytes());
    out.extend_from_slice(b"://");
    let bracketed = bracketed && host.contains(&b':') && is_host(host);
    out.extend_from_slice(if bracketed { b"[" } else { b"" });
    out.extend_from_slice(host);
    out.extend_from_slice(if bracketed { b"]" } else { b"" });
    if port != default {
        put_port(port, out);
    }
    if &request.path[..] != b"*" {
        out.extend_from_slice(&request.path);
    }
}

/// `:` and the number, which the machinery for formats would take ten times as long for.
fn put_port(port: u16, out: &mut Vec<u8>) {
    out.push(b':');
    let mut unit = 10_000;
    while unit > 1 && port < unit {
        unit /= 10;
    }
    while unit > 0 {
        out.push(b'0' + (port / unit % 10) as u8);
        unit /= 10;
    }
}

/// Whether a host in a URL may be written in the ASCII form of other letters (RFC 5890 §2.3.2.1).
pub(super) fn is_international(url: &[u8]) -> bool {
    memchr::memchr_iter(b'x', url)
        .any(|at| url.get(at..).is_some_and(|from| from.starts_with(b"xn--")))
}

/// What a `CONNECT` is for: its target, which is an authority.
fn put_connect(request: &Request, out: &mut Vec<u8>) {
    let authority = request.pseudo.get(":authority").unwrap_or(&request.target);
    out.extend_from_slice(authority);
}

#[cfg(test)]
mod tests {
    use super::put_port;

    #[test]
    fn ports_are_written_as_numbers() {
        for port in [0, 1, 9, 10, 80, 99, 100, 8080, 9999, 10_000, 65_535] {
            let mut out = Vec::new();
            put_port(port, &mut out);
            assert_eq!(out, format!(":{port}").as_bytes());
        }
    }
}
