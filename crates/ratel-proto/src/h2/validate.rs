//! What the option `validate_inbound_headers` refuses in HTTP/2: messages that RFC 9113 §8 calls malformed, and that
//! mean something else, or two things, to the next program.
//!
//! Stricter than the RFC on purpose: a Content-Length that is repeated is refused even when it says the same.

use super::Head;
use crate::Headers;
use crate::http1::validate::{is_plain_number, is_token, text};

/// Why a message was refused. Each reads as a sentence about "it", the message, and names the option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A field without a name.
    #[error("it has a header without a name (checked by validate_inbound_headers)")]
    NameEmpty,
    /// A field name with capital letters (RFC 9113 §8.2.1).
    #[error(
        "it has a header called {0:?}, but names are in lower case in HTTP/2 (checked by validate_inbound_headers)"
    )]
    NameUpperCase(String),
    /// A field name that is not a token (RFC 9110 §5.1).
    #[error(
        "it has a header called {0:?}, which is not a valid name (checked by validate_inbound_headers)"
    )]
    Name(String),
    /// A value with CR, LF or NUL (RFC 9113 §8.2.1).
    #[error(
        "its header {0:?} has a line break or a null byte in its value (checked by validate_inbound_headers)"
    )]
    Value(String),
    /// A value with a space or tab at either end (RFC 9113 §8.2.1).
    #[error(
        "its header {0:?} has whitespace around its value (checked by validate_inbound_headers)"
    )]
    ValuePadded(String),
    /// A field about the connection (RFC 9113 §8.2.2).
    #[error(
        "it has the header {0:?}, which HTTP/2 does not have (checked by validate_inbound_headers)"
    )]
    ConnectionField(String),
    /// TE that asks for more than trailers (RFC 9113 §8.2.2).
    #[error(
        "its header te is {0:?}, but HTTP/2 has only \"trailers\" (checked by validate_inbound_headers)"
    )]
    Te(String),
    /// More than one Content-Length field.
    #[error("it has {0} Content-Length headers (checked by validate_inbound_headers)")]
    SeveralContentLengths(usize),
    /// A Content-Length that is not a plain number (RFC 9110 §8.6).
    #[error(
        "its Content-Length is {0:?}, which is not a plain number (checked by validate_inbound_headers)"
    )]
    ContentLength(String),
    /// A pseudo-header field that is not known, or not in such a message (RFC 9113 §8.3).
    #[error(
        "it has the pseudo-header {0:?}, which is not known (checked by validate_inbound_headers)"
    )]
    PseudoUnknown(String),
    /// A pseudo-header field that is there twice (RFC 9113 §8.3).
    #[error("it has the pseudo-header {0} twice (checked by validate_inbound_headers)")]
    PseudoRepeated(&'static str),
    /// A pseudo-header field that is not there (RFC 9113 §8.3.1).
    #[error("it has no pseudo-header {0} (checked by validate_inbound_headers)")]
    PseudoMissing(&'static str),
    /// A pseudo-header field after another one (RFC 9113 §8.3).
    #[error("it has a pseudo-header after its headers (checked by validate_inbound_headers)")]
    PseudoLate,
    /// A pseudo-header field in trailers (RFC 9113 §8.1).
    #[error("its trailers have the pseudo-header {0:?} (checked by validate_inbound_headers)")]
    PseudoTrailer(String),
    /// A pseudo-header field that such a request does not have: `:path` with CONNECT, or `:protocol` without.
    #[error("its method is {method:?}, which has no {name} (checked by validate_inbound_headers)")]
    PseudoUnfit {
        /// The pseudo-header field.
        name: &'static str,
        /// The method.
        method: String,
    },
    /// A method that is not a token (RFC 9110 §9.1).
    #[error("its method is {0:?}, which is not a valid one (checked by validate_inbound_headers)")]
    Method(String),
    /// A scheme that is none (RFC 3986 §3.1).
    #[error("its scheme is {0:?}, which is not a valid one (checked by validate_inbound_headers)")]
    Scheme(String),
    /// A path that does not begin with a slash, or has spaces or control characters (RFC 9113 §8.3.1).
    #[error("its path is {0:?}, which is not a valid one (checked by validate_inbound_headers)")]
    Path(String),
    /// An authority with a user name, a slash, spaces or control characters (RFC 9113 §8.3.1).
    #[error(
        "its authority is {0:?}, which is not a valid one (checked by validate_inbound_headers)"
    )]
    Authority(String),
    /// Neither `:authority` nor Host (RFC 9113 §8.3.1).
    #[error("it has neither :authority nor a Host header (checked by validate_inbound_headers)")]
    AuthorityMissing,
    /// Host says something else than `:authority`, or several things (RFC 9113 §8.3.1).
    #[error(
        "its authority is {authority:?}, but its Host header is {host:?} (checked by validate_inbound_headers)"
    )]
    HostDiffers {
        /// The authority.
        authority: String,
        /// The header.
        host: String,
    },
    /// A status that is not three digits (RFC 9113 §8.3.2).
    #[error(
        "its status is {0:?}, which is not a number of three digits (checked by validate_inbound_headers)"
    )]
    Status(String),
    /// 101, for a change of protocols that HTTP/2 does not have (RFC 9113 §8.6).
    #[error("its status is 101, which HTTP/2 does not have (checked by validate_inbound_headers)")]
    SwitchingProtocols,
}

/// Checks the head of a request.
///
/// # Errors
/// The first violation found.
pub fn request(head: &Head) -> Result<(), Violation> {
    const NAMES: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":protocol"];
    let [method, scheme, authority, path, protocol] = pseudo(head, NAMES)?;
    let method = method.ok_or(Violation::PseudoMissing(":method"))?;
    if method.is_empty() || !method.iter().all(|b| is_token(*b)) {
        return Err(Violation::Method(text(method)));
    }
    let unfit = |name| {
        Err(Violation::PseudoUnfit {
            name,
            method: text(method),
        })
    };
    match (method, protocol) {
        // RFC 9113 §8.5.
        (b"CONNECT", None) => {
            if authority.is_none() {
                return Err(Violation::PseudoMissing(":authority"));
            }
            if scheme.is_some() {
                return unfit(":scheme");
            }
            if path.is_some() {
                return unfit(":path");
            }
        }
        // RFC 8441 §4.
        (b"CONNECT", Some(_)) if authority.is_none() => {
            return Err(Violation::PseudoMissing(":authority"));
        }
        (b"CONNECT", Some(_)) => target(method, scheme, path)?,
        (_, Some(_)) => return unfit(":protocol"),
        (_, None) => target(method, scheme, path)?,
    }
    if let Some(authority) = authority
        && !authority
            .iter()
            .all(|b| !matches!(b, 0..=b' ' | 0x7f | b'@' | b'/' | b'?' | b'#' | b'\\'))
    {
        return Err(Violation::Authority(text(authority)));
    }
    fields(&head.headers)?;
    let mut hosts = head.headers.get_all("host");
    match (authority, hosts.next(), hosts.next()) {
        (None, None, _) => Err(Violation::AuthorityMissing),
        (Some(authority), Some(host), _) if !authority.eq_ignore_ascii_case(host) => {
            differs(authority, host)
        }
        (_, Some(first), Some(second)) => differs(first, second),
        _ => Ok(()),
    }
}

fn differs(authority: &[u8], host: &[u8]) -> Result<(), Violation> {
    Err(Violation::HostDiffers {
        authority: text(authority),
        host: text(host),
    })
}

/// What all requests but plain CONNECT have.
fn target(method: &[u8], scheme: Option<&[u8]>, path: Option<&[u8]>) -> Result<(), Violation> {
    let scheme = scheme.ok_or(Violation::PseudoMissing(":scheme"))?;
    let rest_ok = |rest: &[u8]| {
        rest.iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    };
    if !matches!(scheme, [first, rest @ ..] if first.is_ascii_alphabetic() && rest_ok(rest)) {
        return Err(Violation::Scheme(text(scheme)));
    }
    let path = path.ok_or(Violation::PseudoMissing(":path"))?;
    let begins = path.first() == Some(&b'/') || (method == b"OPTIONS" && path == b"*");
    if !begins || path.iter().any(|b| matches!(b, 0..=b' ' | 0x7f)) {
        return Err(Violation::Path(text(path)));
    }
    Ok(())
}

/// Checks the head of a response, final or informational.
///
/// # Errors
/// The first violation found.
pub fn response(head: &Head) -> Result<(), Violation> {
    let [status] = pseudo(head, [":status"])?;
    let status = status.ok_or(Violation::PseudoMissing(":status"))?;
    if !matches!(status, [b'1'..=b'9', b, c] if b.is_ascii_digit() && c.is_ascii_digit()) {
        return Err(Violation::Status(text(status)));
    }
    if status == b"101" {
        return Err(Violation::SwitchingProtocols);
    }
    fields(&head.headers)
}

/// Checks trailers.
///
/// # Errors
/// The first violation found.
pub fn trailers(headers: &Headers) -> Result<(), Violation> {
    let mut names = headers.iter().map(|(name, _)| name);
    match names.find(|name| name.first() == Some(&b':')) {
        Some(name) => Err(Violation::PseudoTrailer(text(name))),
        None => fields(headers),
    }
}

/// The values of the pseudo-header fields that may be there.
fn pseudo<'a, const N: usize>(
    head: &'a Head,
    names: [&'static str; N],
) -> Result<[Option<&'a [u8]>; N], Violation> {
    if head.late_pseudo {
        return Err(Violation::PseudoLate);
    }
    let mut values = [None; N];
    for (name, value) in head.pseudo.iter() {
        let known = names.iter().zip(&mut values);
        let Some((known, place)) = known
            .into_iter()
            .find(|(known, _)| known.as_bytes() == name)
        else {
            return Err(Violation::PseudoUnknown(text(name)));
        };
        if place.replace(value).is_some() {
            return Err(Violation::PseudoRepeated(known));
        }
        check_value(name, value)?;
    }
    Ok(values)
}

fn fields(headers: &Headers) -> Result<(), Violation> {
    let mut lengths = 0;
    for (name, value) in headers.iter() {
        if !name.iter().all(|b| is_lower_token(*b)) {
            return Err(if name.iter().all(|b| is_token(*b)) {
                Violation::NameUpperCase(text(name))
            } else {
                Violation::Name(text(name))
            });
        }
        check_value(name, value)?;
        match name {
            b"" => return Err(Violation::NameEmpty),
            b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding"
            | b"upgrade" => return Err(Violation::ConnectionField(text(name))),
            b"te" if value != b"trailers" => return Err(Violation::Te(text(value))),
            b"content-length" => {
                lengths += 1;
                if !is_plain_number(value) {
                    return Err(Violation::ContentLength(text(value)));
                }
            }
            _ => {}
        }
    }
    if lengths > 1 {
        return Err(Violation::SeveralContentLengths(lengths));
    }
    Ok(())
}

/// Whether names of HTTP/2 may have this byte (RFC 9113 §8.2.1, RFC 9110 §5.1).
fn is_lower_token(byte: u8) -> bool {
    static TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut rest: &mut [bool] = &mut table;
        let mut byte = 0;
        while let Some((first, left)) = rest.split_first_mut() {
            *first = is_token(byte) && !byte.is_ascii_uppercase();
            rest = left;
            byte = byte.wrapping_add(1);
        }
        table
    };
    TABLE.get(usize::from(byte)).copied().unwrap_or(false)
}

fn check_value(name: &[u8], value: &[u8]) -> Result<(), Violation> {
    let blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
        Err(Violation::Value(text(name)))
    } else if blank(value.first()) || blank(value.last()) {
        Err(Violation::ValuePadded(text(name)))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
