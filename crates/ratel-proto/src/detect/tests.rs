use super::*;

#[test]
fn first_bytes_decide() {
    let long = [b'A'; METHOD_MAX];
    let too_long = [b'A'; METHOD_MAX + 1];
    for (first, expected) in [
        (&b""[..], Detected::NeedMore),
        // RFC 8446 §5.1
        (b"\x16\x03\x01", Detected::Tls),
        (b"\x16\x03\x04\x02\x00\x01", Detected::Tls),
        (b"\x16\x03\x00", Detected::Tls),
        (b"\x16\x03\x05", Detected::Unknown),
        (b"\x16\x04", Detected::Unknown),
        (b"\x16", Detected::NeedMore),
        (b"\x16\x03", Detected::NeedMore),
        // RFC 5246 appendix E.2
        (b"\x80\x2e\x01\x03\x01", Detected::Tls),
        (b"\x80\x2e\x01\x00\x02", Detected::Tls),
        (b"\x80\x2e\x01\x03", Detected::NeedMore),
        (b"\x80\x2e\x01\x00\x03", Detected::Unknown),
        (b"\x80\x2e\x02", Detected::Unknown),
        (b"\xff", Detected::NeedMore),
        // RFC 9113 §3.4
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Detected::Http2Preface),
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0",
            Detected::Http2Preface,
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Detected::NeedMore),
        (b"PRI ", Detected::NeedMore),
        (b"PRI * HTTP/1.1\r\n", Detected::Http1),
        (b"PRICE / HTTP/1.1\r\n", Detected::Http1),
        (b"P", Detected::NeedMore),
        // RFC 9112 §2.2, §3
        (b"GET / HTTP/1.1\r\n", Detected::Http1),
        (b"GET ", Detected::Http1),
        (b"GET", Detected::NeedMore),
        (b"\r\n\r\nM-SEARCH ", Detected::Http1),
        (b"\r\n", Detected::NeedMore),
        (b"GET/", Detected::Unknown),
        (b"GET\r\n", Detected::Unknown),
        (b" GET", Detected::Unknown),
        (&long, Detected::NeedMore),
        (&too_long, Detected::Unknown),
        // RFC 4253 §4.2
        (b"SSH-2.0-OpenSSH_9.6 Debian\r\n", Detected::Unknown),
        (b"SSH", Detected::NeedMore),
        // RFC 1928 §3
        (b"\x05\x01\x00", Detected::Socks5),
        (b"\x05", Detected::NeedMore),
        (b"\x05\x00", Detected::Unknown),
        (b"\x04\x01\x00\x50", Detected::Socks4),
        (b"\x04\x02", Detected::Socks4),
        (b"\x04\x03", Detected::Unknown),
        (b"\0", Detected::Unknown),
        (b"\x7f", Detected::Unknown),
    ] {
        assert_eq!(detect(first), expected, "{}", first.escape_ascii());
    }
}

/// A certain answer never changes, and an uncertain one can still become two different ones.
#[test]
fn more_bytes_never_change_an_answer() {
    for whole in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"\x80\x2e\x01\x03\x01\x00",
        HTTP2_PREFACE,
        b"PRI * HTTP/2.0\r\n\r\nSX",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"\x05\x02\x00\x01",
        b"\x04\x01\x00\x50",
        b"SSH-2.0-x y\r\n",
    ] {
        for (cut, next) in (0..whole.len()).flat_map(|cut| (0..=255).map(move |next| (cut, next))) {
            let before = detect(&whole[..cut]);
            let after = detect(&[&whole[..cut], &[next]].concat());
            assert!(
                before == Detected::NeedMore || before == after,
                "{} {next:#x}",
                whole[..cut].escape_ascii()
            );
        }
    }
}
