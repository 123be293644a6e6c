use proptest::prelude::*;

use super::*;
use crate::http1::encode;

type Fields<'a> = &'a [(&'a str, &'a str)];

fn request(wire: &[u8]) -> Result<Option<RequestHead>, HeadError> {
    HeadReader::new(HeadLimits::default()).request(&mut BytesMut::from(wire))
}

fn response(wire: &[u8]) -> Result<Option<ResponseHead>, HeadError> {
    HeadReader::new(HeadLimits::default()).response(&mut BytesMut::from(wire))
}

fn written(head: &RequestHead) -> Vec<u8> {
    let mut out = Vec::new();
    let RequestHead {
        line,
        method,
        target,
        version,
        headers,
    } = head;
    encode::request_head(&mut out, Some(line), method, target, version, headers);
    out
}

fn fields(headers: &Headers) -> Vec<(String, String)> {
    let text = |b: &[u8]| b.escape_ascii().to_string();
    headers.iter().map(|(n, v)| (text(n), text(v))).collect()
}

fn check(wire: &[u8], parts: [&str; 3], expected: Fields<'_>) {
    let shown = wire.escape_ascii();
    let mut buf = BytesMut::from(wire);
    buf.extend_from_slice(b"rest");
    let head = HeadReader::new(HeadLimits::default())
        .request(&mut buf)
        .unwrap()
        .unwrap();
    assert_eq!(&buf[..], b"rest", "{shown}");
    assert_eq!(
        [&head.method, &head.target, &head.version].map(|b| b.escape_ascii().to_string()),
        parts,
        "{shown}"
    );
    let expected: Vec<_> = expected
        .iter()
        .map(|(n, v)| (n.to_string(), v.to_string()))
        .collect();
    assert_eq!(fields(&head.headers), expected, "{shown}");
    assert_eq!(written(&head), wire, "{shown}");
    assert_eq!(
        parse_request(Bytes::copy_from_slice(wire)).unwrap(),
        head,
        "{shown}"
    );

    let mut reader = HeadReader::new(HeadLimits::default());
    let mut buf = BytesMut::new();
    for (at, byte) in wire.iter().enumerate() {
        buf.extend_from_slice(&[*byte]);
        let found = reader.request(&mut buf).unwrap();
        assert_eq!(found.is_some(), at + 1 == wire.len(), "{shown} at {at}");
        if let Some(found) = found {
            assert_eq!((&found, written(&found)), (&head, wire.to_vec()), "{shown}");
        }
    }
}

/// RFC 9112 §3: what stands in a request line is kept, whatever it is.
#[test]
fn request_lines() {
    for (line, parts) in [
        (&b"GET / HTTP/1.1\r\n"[..], ["GET", "/", "HTTP/1.1"]),
        (b"get /a b\tc HTTP/1.0\n", ["get", "/a b\\tc", "HTTP/1.0"]),
        (
            b"GET /\"<>{}|^\\`#f?\xff HTTP/1.2\r\n",
            ["GET", "/\\\"<>{}|^\\\\`#f?\\xff", "HTTP/1.2"],
        ),
        (
            b"G\"{T http://h:1/ HTTP/9\r\n",
            ["G\\\"{T", "http://h:1/", "HTTP/9"],
        ),
        (b"OPTIONS * HTTP/1.1\r\n", ["OPTIONS", "*", "HTTP/1.1"]),
        (
            b"CONNECT h:443 HTTP/1.1\r\n",
            ["CONNECT", "h:443", "HTTP/1.1"],
        ),
        (b"GET  /  HTTP/1.1\r\n", ["GET", " / ", "HTTP/1.1"]),
        (b"GET  HTTP/1.1\r\n", ["GET", "", "HTTP/1.1"]),
        (b"GET / HTTP/1.1 \t\r\n", ["GET", "/", "HTTP/1.1"]),
        (b"\r\n\n\r\nGET / HTTP/1.1\r\n", ["GET", "/", "HTTP/1.1"]),
        (
            b"GET /\x00\x01 HTTP/1.1\x02\r\n",
            ["GET", "/\\x00\\x01", "HTTP/1.1\\x02"],
        ),
    ] {
        for end in [&b"\r\n"[..], b"\n"] {
            check(&[line, end].concat(), parts, &[]);
            check(&[line, b"A:b\r\n", end].concat(), parts, &[("A", "b")]);
        }
    }
}

/// RFC 9112 §5: names and values as sent, lines byte for byte.
#[test]
fn field_lines() {
    let value = "v".repeat(64 * 1024);
    let long = format!("Long: {value}\r\n");
    let rows: &[(&str, Fields<'_>)] = &[
        ("", &[]),
        (
            "b: 1\r\nA: 2\r\nB: 3\r\nb: 4\r\n",
            &[("b", "1"), ("A", "2"), ("B", "3"), ("b", "4")],
        ),
        ("A:\t x \t\r\n", &[("A", "x")]),
        ("A:x:y\n", &[("A", "x:y")]),
        ("A :x\r\n", &[("A ", "x")]),
        (" A: x\r\nB: y\r\n", &[(" A", "x"), ("B", "y")]),
        (": x\r\n:\r\n", &[("", "x"), ("", "")]),
        ("no colon\r\nB: y\r\n", &[("no colon", ""), ("B", "y")]),
        ("A:\r\nB:  \r\n", &[("A", ""), ("B", "")]),
        ("A: x\0\x01\r\r\n", &[("A", "x\\x00\\x01\\r")]),
        // §5.2: obs-fold
        (
            "A: x\r\n y \r\n\tz\t\r\nB: 1\r\n",
            &[("A", "x\\r\\n y \\r\\n\\tz"), ("B", "1")],
        ),
        ("A:\r\n  x\r\n", &[("A", "x")]),
        ("A: x\r\n \r\n", &[("A", "x")]),
        ("A\r\n x: y\n", &[("A", "x: y")]),
        (&long, &[("Long", &value)]),
    ];
    for (lines, expected) in rows {
        check(
            format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes(),
            ["GET", "/", "HTTP/1.1"],
            expected,
        );
        check(
            format!("GET / HTTP/1.1\n{lines}\n").as_bytes(),
            ["GET", "/", "HTTP/1.1"],
            expected,
        );
    }
}

/// RFC 9112 §4, with what servers make of it.
#[test]
fn status_lines() {
    for (line, version, status, reason) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], "HTTP/1.1", 200, "OK"),
        (
            b"HTTP/1.0 404 Not  Found \n",
            "HTTP/1.0",
            404,
            "Not  Found ",
        ),
        (b"HTTP/1.1 200 \r\n", "HTTP/1.1", 200, ""),
        (b"HTTP/1.1 204\r\n", "HTTP/1.1", 204, ""),
        (b"HTTP/1.1  301 x\r\n", "HTTP/1.1", 301, "x"),
        (b"HTTP/2 999 \xe4\r\n", "HTTP/2", 999, "\\xe4"),
        (b"HTTP/1.1 000\r\n", "HTTP/1.1", 0, ""),
        (
            b"\r\nHTTP/1.1 100 Continue\r\n",
            "HTTP/1.1",
            100,
            "Continue",
        ),
    ] {
        let wire = [line, b"A: b\r\n\r\n"].concat();
        let mut buf = BytesMut::new();
        let mut reader = HeadReader::new(HeadLimits::default());
        for byte in &wire[..wire.len() - 1] {
            buf.extend_from_slice(&[*byte]);
            assert_eq!(
                reader.response(&mut buf),
                Ok(None),
                "{}",
                wire.escape_ascii()
            );
        }
        let head = response(&wire).unwrap().unwrap();
        buf.extend_from_slice(b"\n");
        assert_eq!(reader.response(&mut buf).unwrap().unwrap(), head);
        assert_eq!(parse_response(wire.clone().into()).unwrap(), head);
        let text = |b: &[u8]| b.escape_ascii().to_string();
        assert_eq!(
            (&*text(&head.version), head.status, &*text(&head.reason)),
            (version, status, reason)
        );
        let mut out = BytesMut::new();
        encode::response_head(&mut out, Some(&head.line), b"", 0, b"", &head.headers);
        assert_eq!(&out[..], &wire[..]);
    }
}

/// What is no head is refused as soon as it is certain, the same however the bytes are cut, and stays in the buffer.
#[test]
fn requests_that_are_none() {
    for (wire, error) in [
        (&b"\x16\x03\x01\x02\x00"[..], HeadError::Method),
        (b"\0\0\0\0", HeadError::Method),
        (b" GET / HTTP/1.1\r\n", HeadError::Method),
        (b"GET\t/ HTTP/1.1\r\n", HeadError::Method),
        (b"GE\rT / HTTP/1.1\r\n", HeadError::Method),
        (b"\r\n\r\n\xffX", HeadError::Method),
        (b"hello\r\n", HeadError::RequestLine),
        (b"GET HTTP/1.1\r\n", HeadError::RequestLine),
        // HTTP/0.9 (RFC 9112 has no such form)
        (b"GET /\r\n", HeadError::NoVersion),
        (b"GET / http/1.1\r\n", HeadError::NoVersion),
        (b"SSH-2.0-OpenSSH_9.6 Debian\r\n", HeadError::NoVersion),
    ] {
        let mut buf = BytesMut::from(wire);
        let mut reader = HeadReader::new(HeadLimits::default());
        for _ in 0..2 {
            assert_eq!(
                reader.request(&mut buf),
                Err(error.clone()),
                "{}",
                wire.escape_ascii()
            );
            assert_eq!(&buf[..], wire);
        }
        let mut buf = BytesMut::new();
        let found = wire.iter().find_map(|byte| {
            buf.extend_from_slice(&[*byte]);
            reader.request(&mut buf).err()
        });
        assert_eq!(found, Some(error), "{}", wire.escape_ascii());
    }
}

#[test]
fn responses_that_are_none() {
    for (wire, error) in [
        (&b"\x15\x03\x01\x00\x02"[..], HeadError::StatusLine),
        (b"HTTQ", HeadError::StatusLine),
        (b"\rH", HeadError::StatusLine),
        (b"ICY 200 OK\r\n", HeadError::StatusLine),
        (b"HTTP\r\n", HeadError::StatusLine),
        (b"HTTP/1.1\r\n", HeadError::Status),
        (b"HTTP/1.1 20\r\n", HeadError::Status),
        (b"HTTP/1.1 2000 OK\r\n", HeadError::Status),
        (b"HTTP/1.1 OK\r\n", HeadError::Status),
        (b"HTTP/1.1 2OO OK\r\n", HeadError::Status),
    ] {
        let mut reader = HeadReader::new(HeadLimits::default());
        assert_eq!(
            response(wire),
            Err(error.clone()),
            "{}",
            wire.escape_ascii()
        );
        let mut buf = BytesMut::new();
        let found = wire.iter().find_map(|byte| {
            buf.extend_from_slice(&[*byte]);
            reader.response(&mut buf).err()
        });
        assert_eq!(found, Some(error), "{}", wire.escape_ascii());
    }
}

#[test]
fn limits_hold_wherever_the_head_is_cut() {
    let limits = HeadLimits {
        bytes: 64,
        fields: 2,
    };
    let too_large = HeadError::TooLarge { limit: 64 };
    let head = |value: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "v".repeat(value));
    let line = |target: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "t".repeat(target));
    for (wire, expected) in [
        (head(64 - 23), None),
        (head(64 - 22), Some(&too_large)),
        (head(500), Some(&too_large)),
        (line(64 - 18), None),
        (line(64 - 17), Some(&too_large)),
        (line(500), Some(&too_large)),
        ("\r\n".repeat(40), Some(&too_large)),
        // The first fault counts.
        (format!("{}\0", "G".repeat(64)), Some(&HeadError::Method)),
        (format!("{}\0", "G".repeat(65)), Some(&too_large)),
        ("GET / HTTP/1.1\r\na\n b\nc\n\n".into(), None),
        (
            "GET / HTTP/1.1\r\na\nb\nc\n\n".into(),
            Some(&HeadError::TooManyFields { limit: 2 }),
        ),
    ] {
        for piece in [1, 7, 1000] {
            let mut reader = HeadReader::new(limits);
            let mut buf = BytesMut::new();
            let found = wire.as_bytes().chunks(piece).find_map(|piece| {
                buf.extend_from_slice(piece);
                reader.request(&mut buf).transpose()
            });
            assert_eq!(
                found.unwrap().err().as_ref(),
                expected,
                "{wire:?} by {piece}"
            );
        }
    }
}

/// Quadratic time would make this take minutes.
#[test]
fn a_head_that_trickles_in_costs_linear_time() {
    let wire = format!(
        "GET /{} HTTP/1.1\r\nA: {1}\r\n{1}: b\r\n\r\n",
        "t".repeat(80_000),
        "v".repeat(80_000)
    );
    let mut reader = HeadReader::new(HeadLimits::default());
    let mut buf = BytesMut::new();
    let found = wire.bytes().find_map(|byte| {
        buf.extend_from_slice(&[byte]);
        reader.request(&mut buf).unwrap()
    });
    assert_eq!(written(&found.unwrap()), wire.as_bytes());
}

#[test]
fn empty_lines_are_not_part_of_a_head_in_progress() {
    let mut reader = HeadReader::new(HeadLimits::default());
    for (wire, partial) in [
        (&b""[..], false),
        (b"\r\n\r\n", false),
        (b"\r\nGE", true),
        (b"GET / HTTP/1.1\r\n", true),
    ] {
        let mut buf = BytesMut::from(wire);
        assert_eq!(reader.request(&mut buf), Ok(None));
        assert_eq!(reader.partial(), partial, "{}", wire.escape_ascii());
        buf.clear();
        assert_eq!(reader.request(&mut buf), Ok(None));
        assert!(!reader.partial());
    }
    assert!(request(b"GET / HTTP/1.1\r\n\r\n").unwrap().is_some());
}

#[test]
fn pipelined_heads_come_one_by_one() {
    let mut buf = BytesMut::from(&b"GET /1 HTTP/1.1\r\nA: 1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET"[..]);
    let mut reader = HeadReader::new(HeadLimits::default());
    assert_eq!(
        &reader.request(&mut buf).unwrap().unwrap().target[..],
        b"/1"
    );
    assert_eq!(
        &reader.request(&mut buf).unwrap().unwrap().target[..],
        b"/2"
    );
    assert_eq!(reader.request(&mut buf), Ok(None));
    assert!(reader.partial());
}

#[test]
fn a_stored_head_must_be_complete() {
    assert_eq!(
        parse_request(Bytes::from_static(b"GET / HTTP/1.1\r\n")),
        Err(HeadError::Incomplete)
    );
    assert_eq!(parse_response(Bytes::new()), Err(HeadError::Incomplete));
    let head = parse_request(Bytes::from_static(b"GET / HTTP/1.1\n\nbody")).unwrap();
    assert_eq!(&head.line[..], b"GET / HTTP/1.1\n");
}

/// Pieces of heads, well-formed and not, that meet in all orders.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"POST /a b HTTP/1.0\n",
        b"A: b\r\n",
        b"Host : x\n",
        b" fold\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b" ",
        b"\t",
        b"x",
        b"\0",
        b"\xff",
        b"HTTP/",
        b"200",
        b"no colon\r\n",
        b": empty\r\n",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..24).prop_map(|p| p.concat())
}

/// Feeds `wire` in pieces ending at `cuts` until there is a result.
fn pieces<T>(
    wire: &[u8],
    cuts: &[usize],
    mut step: impl FnMut(&mut BytesMut) -> Result<Option<T>, HeadError>,
) -> (Result<Option<T>, HeadError>, BytesMut) {
    let mut cuts: Vec<_> = cuts
        .iter()
        .map(|c| c % (wire.len() + 1))
        .chain([wire.len()])
        .collect();
    cuts.sort_unstable();
    let (mut buf, mut from, mut found) = (BytesMut::new(), 0, Ok(None));
    for cut in cuts {
        buf.extend_from_slice(&wire[from..cut]);
        from = cut;
        if matches!(found, Ok(None)) {
            found = step(&mut buf);
        }
    }
    (found, buf)
}

proptest! {
    /// Where the network cuts the stream changes nothing, and a head is written as it was read.
    #[test]
    fn any_split_reads_alike(
        wire in soup(),
        cuts in proptest::collection::vec(0_usize..1000, 0..8),
        bytes in prop_oneof![Just(HeadLimits::BYTES), 1_usize..100],
        fields in 0_usize..4,
    ) {
        let limits = HeadLimits { bytes, fields };
        let (mut whole, mut cut) = (HeadReader::new(limits), HeadReader::new(limits));
        let expected = pieces(&wire, &[], |buf| whole.request(buf));
        prop_assert_eq!(&pieces(&wire, &cuts, |buf| cut.request(buf)), &expected);
        match expected {
            (Ok(Some(head)), rest) => prop_assert_eq!([&written(&head)[..], &rest].concat(), wire.clone()),
            (_, rest) => prop_assert_eq!(&rest[..], &wire[..]),
        }
        let (mut whole, mut cut) = (HeadReader::new(limits), HeadReader::new(limits));
        let expected = pieces(&wire, &[], |buf| whole.response(buf));
        prop_assert_eq!(pieces(&wire, &cuts, |buf| cut.response(buf)), expected);
    }
}
