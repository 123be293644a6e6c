//! What is spoken on a connection, decided from the first bytes alone. Nothing is consumed.

use ratel_proto::detect::{Detected, detect};

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
    /// A protocol that can be named and that is not served.
    Other(&'static str),
}

/// Decides from the first bytes of a client.
pub(crate) fn next_layer(first: &[u8]) -> Layer {
    match detect(first) {
        Detected::NeedMore => Layer::Undecided,
        Detected::Tls => Layer::Tls,
        Detected::Http2Preface => Layer::Http2,
        Detected::Socks5 | Detected::Socks4 => Layer::Other("SOCKS"),
        Detected::Http1 => Layer::Http1,
        Detected::Unknown if first.starts_with(b"SSH-") => Layer::Other("SSH"),
        // The HTTP parser has the better words for what it is not.
        Detected::Unknown => Layer::Http1,
    }
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
            assert_eq!(next_layer(first), expected, "{}", first.escape_ascii());
        }
    }
}
