use proptest::prelude::*;

use super::*;

/// The messages of `body` when it comes in pieces of so many bytes, and whether something was left over.
fn framed(kind: BodyStream, body: &[u8], piece: usize) -> (Vec<Record>, bool) {
    let mut framer = Framer::new(kind);
    let mut records = Vec::new();
    for piece in body.chunks(piece.max(1)) {
        if framer
            .feed(piece, &mut |record| records.push(record))
            .is_err()
        {
            return (records, true);
        }
    }
    let rest = framer.finish(&mut |record| records.push(record));
    (records, rest)
}

fn texts(kind: BodyStream, body: &str) -> Vec<&str> {
    let (records, _) = framed(kind, body.as_bytes(), 3);
    let text = |r: &Record| &body[r.start as usize..(r.start + r.len) as usize];
    records.iter().map(text).collect()
}

#[test]
fn events_end_with_an_empty_line_of_any_kind() {
    let body = "\u{feff}data: 1\n\n: keep-alive\n\nevent: x\rdata: 2\r\rdata: 3\r\nid: 4\r\n\r\n\n\ndata: open\n";
    assert_eq!(
        texts(BodyStream::Sse, body),
        ["data: 1", "event: x\rdata: 2", "data: 3\r\nid: 4"]
    );
    assert!(
        framed(BodyStream::Sse, body.as_bytes(), 1).1,
        "the last one has no end"
    );
    assert!(!framed(BodyStream::Sse, b": ping\n", 1).1);
}

#[test]
fn lines_may_end_with_the_body() {
    let body = "{\"a\":1}\r\n\n  \n{\"b\":2}\n\u{1e}{\"c\":3}";
    assert_eq!(
        texts(BodyStream::Ndjson, body),
        ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]
    );
}

#[test]
fn texts_of_a_sequence_begin_with_a_separator() {
    // RFC 7464: a text that was cut off has no line end.
    let body = "\u{1e}{\"a\":1}\n\u{1e}{\"b\":\u{1e}\u{1e}{\"c\":3}\n";
    assert_eq!(
        texts(BodyStream::Ndjson, body),
        ["{\"a\":1}", "{\"b\":", "{\"c\":3}"]
    );
}

#[test]
fn grpc_messages_have_a_prefix() {
    let body = b"\0\0\0\0\x03abc\x01\0\0\0\0\0\0\0\0\x02x";
    let (records, rest) = framed(BodyStream::Grpc, body, 2);
    let grpc = |start, len, compressed| Record {
        start,
        len,
        kind: RecordKind::Grpc { compressed },
    };
    assert_eq!(records, [grpc(5, 3, false), grpc(13, 0, true)]);
    assert!(rest);
    let mut framer = Framer::new(BodyStream::Grpc);
    let problem = framer.feed(b"\0\0\0\0\0<html", &mut |_| {});
    assert_eq!(
        problem,
        Err(FramingProblem::GrpcFlags { at: 5, flags: b'<' })
    );
}

#[test]
fn grpc_web_ends_with_trailers_and_may_be_text() {
    let body = b"\0\0\0\0\x01x\x80\0\0\0\x0fgrpc-status:0\r\n";
    let (records, rest) = framed(BodyStream::GrpcWeb { text: false }, body, 100);
    assert_eq!(records[1].kind, RecordKind::GrpcTrailers);
    assert!(!rest);
    let mut text = Base64Stream::default();
    let mut decoded = Vec::new();
    for piece in [&b"AAAA"[..], b"AAF4", b"gAA", b"AAA==", b"Zm9v"] {
        decoded.extend(text.feed(piece).expect("base64"));
    }
    assert_eq!(&decoded[..6], b"\0\0\0\0\x01x");
    assert!(decoded.ends_with(b"foo"));
    // What stands before a wrong character is given, then nothing.
    assert_eq!(text.feed(b"Zm9v!!!!").as_deref(), Some(&b"foo"[..]));
    assert!(text.feed(b"Zm9v").is_none());
    // Bits that padding leaves unused.
    assert_eq!(
        Base64Stream::default().feed(b"YR==").as_deref(),
        Some(&b"a"[..])
    );
}

#[test]
fn streams_are_known_by_their_type() {
    for (value, kind) in [
        ("text/event-stream; charset=utf-8", Some(BodyStream::Sse)),
        ("Text/Event-Stream", Some(BodyStream::Sse)),
        ("application/grpc", Some(BodyStream::Grpc)),
        ("application/grpc+proto", Some(BodyStream::Grpc)),
        (
            "application/grpc-web+proto",
            Some(BodyStream::GrpcWeb { text: false }),
        ),
        (
            "application/grpc-web-text",
            Some(BodyStream::GrpcWeb { text: true }),
        ),
        ("application/connect+proto", Some(BodyStream::Connect)),
        ("application/connect+json", Some(BodyStream::Connect)),
        ("application/connect", None),
        ("application/x-ndjson", Some(BodyStream::Ndjson)),
        ("application/json", None),
        ("application/grpcx", None),
    ] {
        let mut headers = Headers::new();
        headers.append(b"content-type", value.as_bytes());
        assert_eq!(kind_of(&headers), kind, "{value}");
    }
}

proptest! {
    /// However a body is cut, its messages are the same.
    #[test]
    fn pieces_make_no_difference(
        body in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(0_u8), Just(1_u8), any::<u8>()], 0..200),
        piece in 1_usize..50,
        kind in prop_oneof![Just(BodyStream::Sse), Just(BodyStream::Grpc), Just(BodyStream::GrpcWeb { text: false }), Just(BodyStream::Ndjson)],
    ) {
        let whole = framed(kind, &body, 1000);
        prop_assert_eq!(&framed(kind, &body, piece), &whole);
        for record in whole.0 {
            prop_assert!(record.start + record.len <= body.len() as u64);
        }
    }
}
