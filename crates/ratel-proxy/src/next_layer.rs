//! What is spoken on a connection, decided from the first bytes alone. Nothing is consumed.

use ratel_proto::detect::{Detected, HTTP2_PREFACE, detect};

/// The next protocol on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The bytes so far fit several protocols.
    Undecided,
    /// A TLS handshake begins.
    Tls,
    /// HTTP/1, or close enough for its parser to say what is wrong with it.
    Http1,
    /// HTTP/2, from its preface on.
    Http2,
    /// Bytes that are passed on as they are.
    Raw,
    /// They would be if that were not switched off.
    RawOff,
    /// A protocol that can be named and that is not served.
    Other(&'static str),
}

/// Whether bytes that are neither TLS nor HTTP are passed on as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// Only requests are expected here.
    Never,
    /// They would be if that were not switched off.
    Off,
    On,
    /// So is what is HTTP.
    Always,
}

/// Methods that a client is waited for to spell out, with the space that ends them.
const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
];

/// Decides from the first bytes of a client.
pub(crate) fn next_layer(first: &[u8], raw: Raw) -> Layer {
    let detected = detect(first);
    if raw == Raw::Always {
        return match detected {
            Detected::Tls => Layer::Tls,
            Detected::NeedMore if first.is_empty() || is_perhaps_tls(first) => Layer::Undecided,
            _ => Layer::Raw,
        };
    }
    match detected {
        Detected::NeedMore => Layer::Undecided,
        Detected::Tls => Layer::Tls,
        Detected::Http2Preface => Layer::Http2,
        Detected::Socks5 | Detected::Socks4 => Layer::Other("SOCKS"),
        Detected::Http1 if raw == Raw::Never || !is_other_text(first) => Layer::Http1,
        Detected::Http1 | Detected::Unknown => match raw {
            Raw::Never if first.starts_with(b"SSH-") => Layer::Other("SSH"),
            // The HTTP parser has the better words for what it is not.
            Raw::Never => Layer::Http1,
            Raw::Off => Layer::RawOff,
            Raw::On | Raw::Always => Layer::Raw,
        },
    }
}

/// Whether undecided bytes are probably the beginning of TLS or of a request, so that the rest is worth any wait.
pub(crate) fn is_promising(first: &[u8]) -> bool {
    first.first() == Some(&0x16)
        || HTTP2_PREFACE.starts_with(first)
        || METHODS.iter().any(|method| method.starts_with(first))
}

fn is_perhaps_tls(first: &[u8]) -> bool {
    first
        .first()
        .is_some_and(|byte| *byte == 0x16 || byte & 0x80 != 0)
}

/// Whether the first line has the words of a request and is none: lines of IRC have, for one.
fn is_other_text(first: &[u8]) -> bool {
    let text = first.trim_ascii_start();
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
        return false;
    };
    let line = &text[..end];
    let names_http = line.windows(6).any(|word| word == b" HTTP/");
    !names_http && !METHODS.iter().any(|method| line.starts_with(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        for (first, expected) in [
            (&b""[..], Layer::Undecided),
            (b"\x16\x03\x01\x02\x00", Layer::Tls),
            (b"GET / HTTP/1.1\r\n", Layer::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Layer::Http2),
            (b"\x05\x01\x00", Layer::Other("SOCKS")),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Layer::Other("SSH")),
            (b"\x00\x01\x02\x03", Layer::Http1),
        ] {
            let shown = first.escape_ascii();
            assert_eq!(next_layer(first, Raw::Never), expected, "{shown}");
        }
    }

    #[test]
    fn in_a_tunnel_what_is_neither_tls_nor_http_is_raw() {
        for (first, expected) in [
            (&b""[..], Layer::Undecided),
            (b"\x16\x03\x01\x02\x00", Layer::Tls),
            (b"GET / HTTP/1.1\r\n", Layer::Http1),
            (b"GET /", Layer::Http1),
            (b"BREW /pot HTTP/1.1\r\n", Layer::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Layer::Http2),
            (b"\x05\x01\x00", Layer::Other("SOCKS")),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Layer::Raw),
            (b"\x00\x01\x02\x03", Layer::Raw),
            (b"*1\r\n$4\r\nPING\r\n", Layer::Raw),
            (b"CAP LS 302\r\n", Layer::Raw),
            (b"CAP LS", Layer::Http1),
        ] {
            let shown = first.escape_ascii();
            assert_eq!(next_layer(first, Raw::On), expected, "{shown}");
            let off = match expected {
                Layer::Raw => Layer::RawOff,
                other => other,
            };
            assert_eq!(next_layer(first, Raw::Off), off, "{shown}");
        }
    }

    #[test]
    fn where_everything_is_raw_only_tls_is_told_apart() {
        for (first, expected) in [
            (&b""[..], Layer::Undecided),
            (b"\x16", Layer::Undecided),
            (b"\x16\x03\x01", Layer::Tls),
            (b"G", Layer::Raw),
            (b"\x05\x01\x00", Layer::Raw),
        ] {
            let shown = first.escape_ascii();
            assert_eq!(next_layer(first, Raw::Always), expected, "{shown}");
        }
    }

    #[test]
    fn the_beginning_of_a_method_is_worth_a_wait() {
        for (first, expected) in [
            (&b"G"[..], true),
            (b"POST", true),
            (b"PRI * H", true),
            (b"\x16\x03", true),
            (b"EHLO", false),
            (b"GETS", false),
        ] {
            let shown = first.escape_ascii();
            assert_eq!(is_promising(first), expected, "{shown}");
        }
    }
}
