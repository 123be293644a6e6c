use super::*;

fn headers(lines: &[(&str, &str)]) -> Headers {
    lines.iter().copied().collect()
}

fn te(value: &str) -> Headers {
    headers(&[("Transfer-Encoding", value)])
}

fn cl(value: &str) -> Headers {
    headers(&[("Content-Length", value)])
}

/// RFC 9112 §6.3, rules 1 and 2.
#[test]
fn responses_without_a_body() {
    let both = headers(&[
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "6"),
    ]);
    for (method, status) in [
        ("HEAD", 200),
        ("HEAD", 404),
        ("GET", 100),
        ("GET", 101),
        ("GET", 199),
        ("GET", 204),
        ("GET", 304),
        ("CONNECT", 200),
        ("CONNECT", 299),
    ] {
        assert_eq!(
            response_framing(method.as_bytes(), status, &both),
            Ok(Framing::None),
            "{method} {status}"
        );
    }
    for (method, status) in [
        ("CONNECT", 407),
        ("GET", 200),
        ("GET", 205),
        ("GET", 303),
        ("GET", 99),
        ("head", 200),
    ] {
        assert_eq!(
            response_framing(method.as_bytes(), status, &cl("5")),
            Ok(Framing::Length(5)),
            "{method} {status}"
        );
    }
}

/// RFC 9112 §6.3, rules 3 and 4.
#[test]
fn transfer_encoding() {
    let not_chunked = |v: &str| Err(FramingError::NotChunkedLast(v.to_owned()));
    for (value, chunked) in [
        ("chunked", true),
        ("CHUNKED", true),
        ("gzip, chunked", true),
        ("gzip ,\tchunked ,", true),
        ("gzip,\r\n chunked", true),
        ("chunked, chunked", true),
        ("gzip", false),
        ("identity", false),
        ("chunked, gzip", false),
        ("xchunked", false),
        ("chunked;q=1", false),
        ("\u{b}chunked", false),
        ("\"chunked\"", false),
        ("", false),
    ] {
        let (request, response) = if chunked {
            (Ok(Framing::Chunked), Framing::Chunked)
        } else {
            (not_chunked(value), Framing::UntilClose)
        };
        assert_eq!(request_framing(&te(value), false), request, "{value:?}");
        assert_eq!(
            response_framing(b"GET", 200, &te(value)),
            Ok(response),
            "{value:?}"
        );
    }
    let split = headers(&[
        ("Transfer-Encoding", "gzip"),
        ("A", "b"),
        ("transfer-encoding", "chunked"),
    ]);
    assert_eq!(request_framing(&split, false), Ok(Framing::Chunked));
    let split = headers(&[
        ("Transfer-Encoding", "chunked"),
        ("transfer-encoding", "gzip"),
    ]);
    assert_eq!(request_framing(&split, false), not_chunked("chunked, gzip"));
    // RFC 9112 §6.1: an HTTP/1.0 message with Transfer-Encoding is taken by it, unless a server may see another length.
    assert_eq!(request_framing(&te("chunked"), true), Ok(Framing::Chunked));
}

/// RFC 9112 §6.3, rule 3: Transfer-Encoding overrides Content-Length.
#[test]
fn transfer_encoding_with_content_length() {
    for length in ["5", "nonsense", "5, 5"] {
        let both = headers(&[("Content-Length", length), ("Transfer-Encoding", "chunked")]);
        assert_eq!(request_framing(&both, false), Ok(Framing::Chunked));
        assert_eq!(
            request_framing(&both, true),
            Err(FramingError::BothInHttp10)
        );
        assert_eq!(response_framing(b"GET", 200, &both), Ok(Framing::Chunked));
    }
    let different = headers(&[
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "6"),
    ]);
    let error = FramingError::DifferentLengths(5, 6);
    assert_eq!(request_framing(&different, false), Err(error.clone()));
    assert_eq!(response_framing(b"GET", 200, &different), Err(error));
}

/// RFC 9112 §6.3, rules 5 and 6.
#[test]
fn content_length() {
    let invalid = |v: &str| Err(FramingError::InvalidLength(v.to_owned()));
    for (value, expected) in [
        ("0", Ok(0)),
        ("5", Ok(5)),
        (" 5 ", Ok(5)),
        ("005", Ok(5)),
        ("5, 5", Ok(5)),
        ("5,05 ,5", Ok(5)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("18446744073709551616", invalid("18446744073709551616")),
        ("5, 6", Err(FramingError::DifferentLengths(5, 6))),
        ("", invalid("")),
        ("5,", invalid("")),
        ("+5", invalid("+5")),
        ("-5", invalid("-5")),
        ("0x5", invalid("0x5")),
        ("5 5", invalid("5 5")),
        ("5\u{b}", invalid("5\u{b}")),
        ("٥", invalid("٥")),
    ] {
        let expected = expected.map(Framing::Length);
        assert_eq!(request_framing(&cl(value), false), expected, "{value:?}");
        assert_eq!(
            response_framing(b"GET", 200, &cl(value)),
            expected,
            "{value:?}"
        );
    }
    for (lines, expected) in [
        (
            [("Content-Length", "5"), ("content-length", "5")],
            Ok(Framing::Length(5)),
        ),
        (
            [("Content-Length", "5"), ("content-length", "6")],
            Err(FramingError::DifferentLengths(5, 6)),
        ),
        (
            [("Content-Length ", "5"), ("A", "")],
            Ok(Framing::Length(5)),
        ),
        (
            [("\tContent-Length", "5"), ("Content-Length", "6")],
            Err(FramingError::DifferentLengths(5, 6)),
        ),
    ] {
        assert_eq!(
            request_framing(&headers(&lines), true),
            expected,
            "{lines:?}"
        );
    }
}

/// RFC 9112 §6.3, rules 7 and 8.
#[test]
fn neither() {
    let none = headers(&[("X-Content-Length", "5")]);
    assert_eq!(request_framing(&none, false), Ok(Framing::None));
    assert_eq!(
        response_framing(b"GET", 200, &none),
        Ok(Framing::UntilClose)
    );
}
