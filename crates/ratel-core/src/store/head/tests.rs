use proptest::prelude::*;

use super::*;

fn stored(put: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    put(&mut out);
    out.into()
}

/// Headers over bytes as a parser would have measured them: odd spacing, any bytes in names and values.
fn wire_headers() -> impl Strategy<Value = Headers> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
    let field = (
        bytes(),
        " {0,2}",
        bytes(),
        " {0,2}",
        prop_oneof![Just("\r\n"), Just("\n")],
    );
    (proptest::collection::vec(field, 0..12), any::<bool>()).prop_map(|(fields, bare_end)| {
        let (mut wire, mut spans) = (Vec::new(), Vec::new());
        for (name, before, value, after, end) in fields {
            let start = wire.len();
            wire.extend_from_slice(&name);
            wire.push(b':');
            wire.extend_from_slice(before.as_bytes());
            let value_at = wire.len();
            wire.extend_from_slice(&value);
            let value_end = wire.len();
            wire.extend_from_slice(after.as_bytes());
            wire.extend_from_slice(end.as_bytes());
            spans.push(Field {
                line: Span::new(start, wire.len()),
                name: Span::new(start, start + name.len()),
                value: Span::new(value_at, value_end),
                never_indexed: false,
            });
        }
        Headers::from_wire(wire.into(), spans, bare_end)
    })
}

fn assert_same(a: &Headers, b: &Headers) {
    assert_eq!(a, b);
    assert_eq!(a.to_wire(), b.to_wire());
    assert_eq!(a.end(), b.end());
    assert!(a.lines().eq(b.lines()));
}

proptest! {
    #[test]
    fn headers_come_back_byte_for_byte(mut headers in wire_headers(), change in any::<bool>()) {
        if change {
            headers.append(b"Made", b"here");
            headers.set("made", b"there");
        }
        assert_same(&get_headers(stored(|out| put_headers(out, &headers))).unwrap(), &headers);
    }

    #[test]
    fn requests_come_back_byte_for_byte(
        headers in wire_headers(),
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 4),
        (keep_line, path_apart, version) in (any::<bool>(), any::<bool>(), 0..5),
        (port, time) in (any::<u16>(), any::<u64>()),
    ) {
        let line = Bytes::from(parts.concat());
        let (a, b) = (parts[0].len(), parts[0].len() + parts[1].len());
        let target = line.slice(a..b);
        let version = match version {
            0 => Version::Http10,
            1 => Version::Http11,
            2 => Version::Http2,
            3 => Version::Http3,
            _ => Version::Other(line.slice(b..)),
        };
        let request = Request {
            pseudo: Default::default(),
            method: line.slice(..a),
            path: if path_apart { parts[3].clone().into() } else { target.slice(target.len() / 2..) },
            target,
            version,
            line: keep_line.then(|| line.clone()),
            headers,
            scheme: if path_apart { Scheme::Http } else { Scheme::Https },
            host: "h\u{e9}".into(),
            port,
            timestamp_start: Timestamp(time),
        };
        let back = get_request(stored(|out| put_request(out, &request))).unwrap();
        prop_assert_eq!(&back.method, &request.method);
        prop_assert_eq!(&back.target, &request.target);
        prop_assert_eq!(&back.path, &request.path);
        prop_assert_eq!(&back.version, &request.version);
        prop_assert_eq!(&back.line, &request.line);
        prop_assert_eq!((back.scheme, &back.host, back.port), (request.scheme, &request.host, request.port));
        prop_assert_eq!(back.timestamp_start, request.timestamp_start);
        assert_same(&back.headers, &request.headers);
    }

    #[test]
    fn responses_come_back_byte_for_byte(
        headers in wire_headers(),
        reason in proptest::collection::vec(any::<u8>(), 0..30),
        (status, keep_line, time) in (any::<u16>(), any::<bool>(), any::<u64>()),
    ) {
        let line = Bytes::from([&b"HTTP/1.1 200 "[..], &reason, b"\n"].concat());
        let response = Response {
            pseudo: Default::default(),
            version: Version::Other(line.slice(..8)),
            status,
            reason: line.slice(13..13 + reason.len()),
            line: keep_line.then(|| line.clone()),
            headers,
            timestamp_start: Timestamp(time),
        };
        let back = get_response(stored(|out| put_response(out, &response))).unwrap();
        prop_assert_eq!(&back.version, &response.version);
        prop_assert_eq!((back.status, &back.reason, &back.line), (status, &response.reason, &response.line));
        prop_assert_eq!(back.timestamp_start, response.timestamp_start);
        assert_same(&back.headers, &response.headers);
    }

    /// A damaged file may give nonsense, never a panic.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = (get_request(bytes.clone()), get_response(bytes.clone()), get_headers(bytes));
    }
}

#[test]
fn a_line_that_says_it_all_is_stored_once() {
    let line = Bytes::from_static(b"GET /a/long/path?with=query HTTP/1.1\r\n");
    let request = Request {
        pseudo: Default::default(),
        method: line.slice(..3),
        target: line.slice(4..27),
        path: line.slice(4..27),
        version: Version::Http11,
        line: Some(line.clone()),
        headers: Headers::new(),
        scheme: Scheme::Http,
        host: "h".into(),
        port: 80,
        timestamp_start: Timestamp(1),
    };
    assert!(stored(|out| put_request(out, &request)).len() < line.len() + 20);
}

#[test]
fn pseudo_header_fields_and_what_must_not_be_indexed_come_back() {
    let mut headers = Headers::new();
    headers.push(ratel_proto::headers::FieldRef {
        name: b"authorization",
        value: b"secret",
        never_indexed: true,
    });
    headers.append(b"x", b"1");
    let mut pseudo = Headers::new();
    pseudo.append(b":path", b"/");
    pseudo.append(b":method", b"GET");
    let request = Request {
        method: "GET".into(),
        target: "/".into(),
        path: "/".into(),
        version: Version::Http2,
        line: None,
        headers,
        pseudo,
        scheme: Scheme::Https,
        host: "h".into(),
        port: 443,
        timestamp_start: Timestamp(1),
    };
    let back = get_request(stored(|out| put_request(out, &request))).unwrap();
    assert_eq!(back.pseudo, request.pseudo);
    let never: Vec<_> = back.headers.fields().map(|f| f.never_indexed).collect();
    assert_eq!(never, [true, false]);
}
