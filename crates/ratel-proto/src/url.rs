//! Request targets and authorities (RFC 9112 §3.2, RFC 3986 §3.2), split on bytes and kept as sent.
//!
//! Nothing is decoded, lower-cased or cleaned up: a path may hold any byte. Only a host must be text, since it is
//! looked up, compared and shown.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use bytes::Bytes;

/// The longest host that is taken, in bytes: a DNS name has at most 253, an IPv6 literal with its zone fewer.
pub const HOST_MAX: usize = 255;

/// The scheme of an absolute target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that need not be written.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The form of a request target (RFC 9112 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// origin-form: a path.
    Origin,
    /// absolute-form: a URL.
    Absolute {
        /// The scheme, however it was spelled.
        scheme: Scheme,
        /// What stands before `@` (RFC 3986 §3.2.1).
        userinfo: Option<Bytes>,
        /// The host as sent; an IPv6 literal without its brackets, its zone after `%`.
        host: String,
        /// The port, if it is written.
        port: Option<u16>,
        /// Everything after the authority, query and fragment included. May be empty or begin with `?`.
        path: Bytes,
    },
    /// authority-form, of `CONNECT`.
    Authority {
        /// The host, as in the absolute form.
        host: String,
        /// The port.
        port: u16,
    },
    /// asterisk-form, of `OPTIONS`.
    Asterisk,
}

/// Why bytes are no target or authority. Each reads as a sentence of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// None of the forms that a target can have.
    #[error("{0:?} is neither a path nor a URL")]
    Form(String),
    /// A URL of another scheme.
    #[error("{0:?} is a URL with a scheme other than http and https")]
    Scheme(String),
    /// No host.
    #[error("{0:?} names no host")]
    NoHost(String),
    /// The host is longer than [`HOST_MAX`] bytes.
    #[error("a host name is longer than {HOST_MAX} bytes")]
    HostTooLong,
    /// Bytes that cannot be in a host, or that are not UTF-8.
    #[error("{0:?} is not a host name")]
    Host(String),
    /// Brackets round something else than an IPv6 address, or such an address without them.
    #[error("{0:?} is not an IPv6 address in brackets")]
    Ipv6(String),
    /// A port that is no number between 1 and 65535.
    #[error("{0:?} is not a port between 1 and 65535")]
    Port(String),
    /// A `CONNECT` without a port (RFC 9110 §9.3.6).
    #[error("{0:?} lacks a port")]
    NoPort(String),
}

/// Tells the form of a target of any method but `CONNECT`. Never [`Target::Authority`].
///
/// # Errors
/// When it has none of the forms, or its authority is broken.
pub fn parse_target(target: &Bytes) -> Result<Target, UrlError> {
    match &target[..] {
        b"*" => return Ok(Target::Asterisk),
        [b'/', ..] => return Ok(Target::Origin),
        _ => {}
    }
    let colon = memchr::memmem::find(target, b"://").ok_or_else(|| UrlError::Form(text(target)))?;
    let (scheme, rest) = target.split_at_checked(colon).unwrap_or_default();
    let scheme = match scheme {
        s if s.eq_ignore_ascii_case(b"http") => Scheme::Http,
        s if s.eq_ignore_ascii_case(b"https") => Scheme::Https,
        [first, rest @ ..] if first.is_ascii_alphabetic() && rest.iter().all(is_scheme_byte) => {
            return Err(UrlError::Scheme(text(target)));
        }
        _ => return Err(UrlError::Form(text(target))),
    };
    let rest = rest.get(3..).unwrap_or_default();
    let end = rest
        .iter()
        .position(|b| matches!(b, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
    let (userinfo, host_port) = match memchr::memrchr(b'@', authority) {
        Some(at) => (
            authority.get(..at),
            authority.get(at + 1..).unwrap_or_default(),
        ),
        None => (None, authority),
    };
    let (host, port) = parse_authority(host_port)?;
    Ok(Target::Absolute {
        scheme,
        userinfo: userinfo.map(|u| target.slice_ref(u)),
        host,
        port,
        path: target.slice_ref(path),
    })
}

/// Reads the target of a `CONNECT`: always [`Target::Authority`].
///
/// # Errors
/// When it is not `host:port`.
pub fn parse_connect_target(target: &[u8]) -> Result<Target, UrlError> {
    let (host, port) = parse_authority(target)?;
    let port = port.ok_or_else(|| UrlError::NoPort(text(target)))?;
    Ok(Target::Authority { host, port })
}

/// Reads `host[:port]`, as in a `Host` field (RFC 9110 §7.2): the host without brackets, and the port if it is
/// written. A colon with nothing after it is no port (RFC 3986 §3.2.3).
///
/// # Errors
/// When there is no host, or host or port are broken.
pub fn parse_authority(authority: &[u8]) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = match authority {
        [b'[', rest @ ..] => {
            let close =
                memchr::memchr(b']', rest).ok_or_else(|| UrlError::Ipv6(text(authority)))?;
            let host = ipv6(rest.get(..close).unwrap_or_default())?;
            match rest.get(close + 1..).unwrap_or_default() {
                [] => (host, None),
                [b':', port @ ..] => (host, Some(port)),
                _ => return Err(UrlError::Ipv6(text(authority))),
            }
        }
        _ => match memchr::memchr(b':', authority) {
            None => (name(authority, authority)?, None),
            Some(colon) => {
                let (host, rest) = authority.split_at_checked(colon).unwrap_or_default();
                let port = rest.get(1..).unwrap_or_default();
                if port.contains(&b':') {
                    let bare = authority
                        .iter()
                        .all(|b| b.is_ascii_hexdigit() || b":.%".contains(b));
                    let error = if bare { UrlError::Ipv6 } else { UrlError::Host };
                    return Err(error(text(authority)));
                }
                (name(host, authority)?, Some(port))
            }
        },
    };
    let port = port.filter(|p| !p.is_empty()).map(self::port).transpose()?;
    Ok((host, port))
}

/// A host name as DNS and TLS have it: in ASCII (RFC 5891 §4.4, as browsers do it: UTS 46). None where it has no such
/// form. A name in ASCII is returned as it is, whatever it is.
#[must_use]
pub fn ascii_host(host: &str) -> Option<Cow<'_, str>> {
    if host.is_ascii() {
        return Some(Cow::Borrowed(host));
    }
    let ascii = idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL).ok()?;
    Some(Cow::Owned(ascii.into_owned()))
}

/// A host name with its international labels in the letters that they stand for (UTS 46); none where it has no such form.
#[must_use]
pub fn unicode_host(host: &str) -> Option<String> {
    let (unicode, result) = idna::domain_to_unicode(host);
    result.is_ok().then_some(unicode)
}

fn port(digits: &[u8]) -> Result<u16, UrlError> {
    let plain = digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit);
    let number = digits.iter().fold(0_u32, |sum, d| {
        sum.wrapping_mul(10)
            .wrapping_add(u32::from(d.wrapping_sub(b'0')))
    });
    match u16::try_from(number) {
        Ok(port @ 1..) if plain => Ok(port),
        _ => Err(UrlError::Port(text(digits))),
    }
}

/// A registered name, in ASCII, or IPv4 address. `whole` is what it is part of, for the error.
fn name(host: &[u8], whole: &[u8]) -> Result<String, UrlError> {
    if host.is_empty() {
        return Err(UrlError::NoHost(text(whole)));
    }
    if host.len() > HOST_MAX {
        return Err(UrlError::HostTooLong);
    }
    let odd = |b: &u8| b.is_ascii_control() || b" /?#@[]\\<>\"^`{|}".contains(b);
    match std::str::from_utf8(host) {
        Ok(name) if !host.iter().any(odd) => match ascii_host(name) {
            Some(name) => Ok(name.into_owned()),
            None => Err(UrlError::Host(text(host))),
        },
        _ => Err(UrlError::Host(text(host))),
    }
}

/// What stands between brackets. A zone may follow after `%25` (RFC 6874) or, as most programs write it, after `%`.
fn ipv6(literal: &[u8]) -> Result<String, UrlError> {
    let error = || UrlError::Ipv6(text(literal));
    if literal.is_empty() {
        return Err(UrlError::NoHost("[]".into()));
    }
    if literal.len() > HOST_MAX {
        return Err(UrlError::HostTooLong);
    }
    let literal = std::str::from_utf8(literal).map_err(|_| error())?;
    let (address, zone) = match literal.split_once('%') {
        Some((address, zone)) => (
            address,
            Some(
                zone.strip_prefix("25")
                    .filter(|z| !z.is_empty())
                    .unwrap_or(zone),
            ),
        ),
        None => (literal, None),
    };
    address.parse::<Ipv6Addr>().map_err(|_| error())?;
    match zone {
        None => Ok(address.to_owned()),
        Some(zone) if !zone.is_empty() && zone.bytes().all(is_zone_byte) => {
            Ok(format!("{address}%{zone}"))
        }
        Some(_) => Err(error()),
    }
}

fn is_zone_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986 §3.1.
fn is_scheme_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(byte)
}

/// What was sent, for an error message: lossy, and no longer than a line.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.get(..80).unwrap_or(value)).into_owned()
}

#[cfg(test)]
mod tests;
