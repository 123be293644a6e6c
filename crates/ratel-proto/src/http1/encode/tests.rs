use super::*;

fn encode(framing: Framing, verbatim: bool, frames: &[Frame]) -> Result<String, EncodeError> {
    let mut encoder = BodyEncoder::new(framing, verbatim);
    let mut out = Vec::new();
    for frame in frames {
        encoder.encode(frame.clone(), &mut |piece| {
            assert!(!piece.is_empty(), "no empty writes");
            out.extend_from_slice(&piece);
        })?;
    }
    Ok(out.escape_ascii().to_string())
}

fn data(text: &'static str) -> Frame {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

fn wire(wire: &'static str, text: &'static str, end: bool) -> Frame {
    Frame {
        wire: Some(Bytes::from_static(wire.as_bytes())),
        end,
        ..data(text)
    }
}

fn last(text: &'static str, trailers: Option<Headers>) -> Frame {
    Frame {
        trailers,
        end: true,
        ..data(text)
    }
}

/// RFC 9112 §3, §4: plain form where the line was changed, the line as it came otherwise.
#[test]
fn heads() {
    let headers: Headers = [("A", "b"), ("a", "")].into_iter().collect();
    let mut out = Vec::new();
    request_head(&mut out, None, b"GET", b"/ x", b"HTTP/1.1", &headers);
    request_head(
        &mut out,
        Some(b"\nget  / HTTP/1.0 \n"),
        b"GET",
        b"/",
        b"HTTP/1.1",
        &Headers::new(),
    );
    response_head(
        &mut out,
        None,
        b"HTTP/1.1",
        204,
        b"No Content",
        &Headers::new(),
    );
    response_head(&mut out, None, b"HTTP/1.1", 7, b"", &Headers::new());
    response_head(
        &mut out,
        Some(b"HTTP/1.1 200\n"),
        b"HTTP/1.1",
        200,
        b"",
        &headers,
    );
    let expected = "GET / x HTTP/1.1\r\nA: b\r\na: \r\n\r\n\nget  / HTTP/1.0 \n\r\nHTTP/1.1 204 No Content\r\n\r\n\
                    HTTP/1.1 007 \r\n\r\nHTTP/1.1 200\nA: b\r\na: \r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// RFC 9112 §7.1.
#[test]
fn own_chunks() {
    let trailers: Headers = [("X-Sum", "1")].into_iter().collect();
    let both = Frame {
        data: [
            Bytes::from_static(b"0123456789"),
            Bytes::new(),
            Bytes::from_static(b"abcdef"),
        ]
        .into_iter()
        .collect(),
        ..Frame::default()
    };
    for (frames, expected) in [
        (vec![Frame::end()], r"0\r\n\r\n"),
        (
            vec![data("hello"), Frame::end()],
            r"5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            vec![data("hello"), data(""), data("x")],
            r"5\r\nhello\r\n1\r\nx\r\n",
        ),
        (
            vec![both, last("x", None)],
            r"10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n",
        ),
        (
            vec![last("x", Some(trailers.clone()))],
            r"1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n",
        ),
        (vec![last("", Some(trailers))], r"0\r\nX-Sum: 1\r\n\r\n"),
        (
            vec![
                wire("5;x\r\nhello\r\n", "hello", false),
                Frame::end(),
                Frame::end(),
            ],
            r"5\r\nhello\r\n0\r\n\r\n",
        ),
    ] {
        assert_eq!(encode(Framing::Chunked, false, &frames).unwrap(), expected);
    }
}

#[test]
fn chunks_pass_verbatim() {
    let frames = [
        wire("5;x=y\r\n", "", false),
        wire("hello\n", "hello", false),
        Frame::default(),
        wire("0\r\nA : b\r\n\r\n", "", true),
    ];
    assert_eq!(
        encode(Framing::Chunked, true, &frames).unwrap(),
        r"5;x=y\r\nhello\n0\r\nA : b\r\n\r\n"
    );
    // A frame may end in the middle of a chunk, so the two kinds must not mix.
    let error = Err(EncodeError::WireMissing);
    assert_eq!(
        encode(
            Framing::Chunked,
            true,
            &[wire("5\r\nhe", "he", false), data("llo")]
        ),
        error
    );
    assert_eq!(
        encode(
            Framing::Chunked,
            true,
            &[wire("5\r\nhe", "he", false), Frame::end()]
        ),
        error
    );
    let own_first = [data("x"), wire("5;x\r\nhello\r\n0\r\n\r\n", "hello", true)];
    assert_eq!(
        encode(Framing::Chunked, true, &own_first).unwrap(),
        r"1\r\nx\r\n5\r\nhello\r\n0\r\n\r\n"
    );
}

#[test]
fn announced_lengths_are_kept() {
    let long = Err(EncodeError::TooLong { announced: 5 });
    let short = Err(EncodeError::TooShort {
        announced: 5,
        missing: 3,
    });
    for verbatim in [false, true] {
        for (framing, frames, expected) in [
            (
                Framing::Length(5),
                vec![data("he"), last("llo", None)],
                Ok("hello"),
            ),
            (
                Framing::Length(5),
                vec![data("hello"), Frame::end(), Frame::end()],
                Ok("hello"),
            ),
            (
                Framing::Length(5),
                vec![data("hello"), data("!")],
                long.clone(),
            ),
            (Framing::Length(5), vec![data("hello!")], long.clone()),
            (Framing::Length(5), vec![last("he", None)], short.clone()),
            (
                Framing::Length(5),
                vec![data("he"), Frame::end()],
                short.clone(),
            ),
            (
                Framing::Length(5),
                vec![last("hello", None), data("!")],
                Err(EncodeError::AfterEnd),
            ),
            (Framing::Length(0), vec![Frame::end()], Ok("")),
            (Framing::None, vec![Frame::end()], Ok("")),
            (
                Framing::None,
                vec![data("!")],
                Err(EncodeError::TooLong { announced: 0 }),
            ),
            (
                Framing::UntilClose,
                vec![data("hello"), data(""), last("!", None)],
                Ok("hello!"),
            ),
            // A body that was chunked and is not any more.
            (
                Framing::Length(5),
                vec![wire("5\r\nhello\r\n0\r\n\r\n", "hello", true)],
                Ok("hello"),
            ),
            (
                Framing::UntilClose,
                vec![wire("5\r\nhello\r\n0\r\n\r\n", "hello", true)],
                Ok("hello"),
            ),
        ] {
            assert_eq!(
                encode(framing, verbatim, &frames),
                expected.map(str::to_owned),
                "{framing:?} {frames:?}"
            );
        }
    }
}
