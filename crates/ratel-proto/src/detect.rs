//! What is spoken on a connection, from its first bytes.
//!
//! The bias: the answer comes as early as it is certain under the rules below, and never changes when more bytes come.
//!
//! - TLS needs three bytes: a handshake record (`0x16`) of SSL 3.0 to TLS 1.3 (`0x03`, minor 0 to 4). A ClientHello in the
//!   framing of SSL 2.0, which some old clients begin with (RFC 5246 appendix E.2), needs five.
//! - HTTP/2 with prior knowledge needs its whole preface (RFC 9113 §3.4), 24 bytes. A client that stops inside it is
//!   waited for; one that deviates speaks HTTP/1 with a method called `PRI`.
//! - HTTP/1 is a method of at most [`METHOD_MAX`] token characters and a space, after any number of empty lines. The
//!   version is not waited for. An SSH client's greeting fits too if it has a comment; it counts as unknown.
//! - SOCKS needs two bytes: version 5 and at least one method (RFC 1928 §3), or version 4 and a command.
//! - A server that speaks first cannot be detected: the client then sends nothing, and the answer stays
//!   [`Detected::NeedMore`]. How long to wait is the caller's decision.

use crate::http1::validate::is_token;

/// The longest method that is looked for, in bytes.
pub const METHOD_MAX: usize = 64;

/// The connection preface of HTTP/2 (RFC 9113 §3.4).
pub const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes are the beginning of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// Several answers are still possible.
    NeedMore,
    /// A TLS handshake, or an SSL 2.0 one that may lead to it.
    Tls,
    /// HTTP/2 without TLS.
    Http2Preface,
    /// HTTP/1.
    Http1,
    /// SOCKS version 5.
    Socks5,
    /// SOCKS version 4 or 4a.
    Socks4,
    /// None of these.
    Unknown,
}

/// Tells what is spoken from the bytes that came first.
#[must_use]
pub fn detect(first: &[u8]) -> Detected {
    match first {
        [] => Detected::NeedMore,
        [0x16, rest @ ..] => tls(rest),
        [high, rest @ ..] if high & 0x80 != 0 => ssl2(rest),
        [5, rest @ ..] => match rest {
            [] => Detected::NeedMore,
            [0, ..] => Detected::Unknown,
            [..] => Detected::Socks5,
        },
        [4, rest @ ..] => match rest {
            [] => Detected::NeedMore,
            [1 | 2, ..] => Detected::Socks4,
            _ => Detected::Unknown,
        },
        _ => http(first),
    }
}

fn tls(version: &[u8]) -> Detected {
    match version {
        [] | [3] => Detected::NeedMore,
        [3, 0..=4, ..] => Detected::Tls,
        _ => Detected::Unknown,
    }
}

/// The low byte of the length, the message type, and the version: SSL 2.0 (`0x0002`) up to TLS 1.2.
fn ssl2(rest: &[u8]) -> Detected {
    match rest {
        [] | [_] | [_, 1] | [_, 1, 0 | 3] => Detected::NeedMore,
        [_, 1, 0, 2, ..] | [_, 1, 3, 0..=3, ..] => Detected::Tls,
        _ => Detected::Unknown,
    }
}

fn http(first: &[u8]) -> Detected {
    if first.starts_with(HTTP2_PREFACE) {
        return Detected::Http2Preface;
    }
    if HTTP2_PREFACE.starts_with(first) {
        return Detected::NeedMore;
    }
    if first.starts_with(b"SSH-") {
        return Detected::Unknown;
    }
    let line = first.iter().skip_while(|b| matches!(b, b'\r' | b'\n'));
    for (at, byte) in line.enumerate() {
        match byte {
            b' ' if at > 0 => return Detected::Http1,
            byte if is_token(*byte) && at < METHOD_MAX => {}
            _ => return Detected::Unknown,
        }
    }
    Detected::NeedMore
}

#[cfg(test)]
mod tests;
