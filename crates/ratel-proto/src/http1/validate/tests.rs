use super::*;

const V11: &[u8] = b"HTTP/1.1";
const TE: &str = "Transfer-Encoding";
const CL: &str = "Content-Length";

fn headers(lines: &[(&str, &str)]) -> Headers {
    lines.iter().copied().collect()
}

/// RFC 9110 §5.6.2.
#[test]
fn names_must_be_tokens() {
    for byte in 0..=255_u8 {
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let headers: Headers = [([b'A', byte], "")].into_iter().collect();
        assert_eq!(request(V11, &headers).is_ok(), token, "{byte:#x}");
        assert_eq!(response(200, V11, &headers).is_ok(), token, "{byte:#x}");
    }
    assert_eq!(
        request(V11, &headers(&[("", "x")])),
        Err(Violation::Name(String::new()))
    );
    assert_eq!(
        request(V11, &headers(&[("Host ", "x")])),
        Err(Violation::Name("Host ".into()))
    );
}

/// Fields, and what becomes of a request and of a response with them.
type Row<'a> = (
    &'a [(&'a str, &'a str)],
    Result<(), Violation>,
    Result<(), Violation>,
);

/// RFC 9112 §6.1, §6.3; RFC 9110 §8.6.
#[test]
fn lengths_must_be_beyond_doubt() {
    let not_chunked = |v: &str| Err(Violation::TransferEncodingNotChunked(v.into()));
    let unknown = |v: &str| Violation::TransferEncodingUnknown(v.into());
    let length = |v: &str| Violation::ContentLength(v.into());
    let rows: &[Row<'_>] = &[
        (&[], Ok(()), Ok(())),
        (
            &[(TE, "chunked"), (CL, "5")],
            Err(Violation::BothLengths),
            Err(Violation::BothLengths),
        ),
        (
            &[(CL, "5"), (TE, "chunked"), (CL, "6")],
            Err(Violation::BothLengths),
            Err(Violation::BothLengths),
        ),
        (
            &[(TE, "gzip"), (TE, "chunked")],
            Err(Violation::SeveralTransferEncodings(2)),
            Err(Violation::SeveralTransferEncodings(2)),
        ),
        (
            &[(CL, "5"), (CL, "5")],
            Err(Violation::SeveralContentLengths(2)),
            Err(Violation::SeveralContentLengths(2)),
        ),
        (&[(TE, "chunked")], Ok(()), Ok(())),
        (&[(TE, "Gzip \t,\tChunked")], Ok(()), Ok(())),
        (&[(TE, "deflate,chunked")], Ok(()), Ok(())),
        (&[(TE, "compress, chunked")], Ok(()), Ok(())),
        (&[(TE, "gzip")], not_chunked("gzip"), Ok(())),
        (&[(TE, "deflate")], not_chunked("deflate"), Ok(())),
        (&[(TE, "compress")], not_chunked("compress"), Ok(())),
        (&[(TE, "identity")], not_chunked("identity"), Ok(())),
        (
            &[(TE, "br, chunked")],
            Err(unknown("br, chunked")),
            Err(unknown("br, chunked")),
        ),
        (
            &[(TE, "chunked, chunked")],
            Err(unknown("chunked, chunked")),
            Err(unknown("chunked, chunked")),
        ),
        (
            &[(TE, "chunked,")],
            Err(unknown("chunked,")),
            Err(unknown("chunked,")),
        ),
        (
            &[(TE, "\u{212A}chunked")],
            Err(unknown("\u{212A}chunked")),
            Err(unknown("\u{212A}chunked")),
        ),
        (
            &[(TE, "gzip,\r\n chunked")],
            Err(unknown("gzip,\r\n chunked")),
            Err(unknown("gzip,\r\n chunked")),
        ),
        (&[(CL, "0")], Ok(()), Ok(())),
        (&[(CL, "10")], Ok(()), Ok(())),
        (&[(CL, "")], Err(length("")), Err(length(""))),
        (&[(CL, "00")], Err(length("00")), Err(length("00"))),
        (&[(CL, "05")], Err(length("05")), Err(length("05"))),
        (&[(CL, "+5")], Err(length("+5")), Err(length("+5"))),
        (&[(CL, "5, 5")], Err(length("5, 5")), Err(length("5, 5"))),
        (
            &[(CL, "5\n")],
            Err(Violation::Value("Content-Length".into())),
            Err(Violation::Value("Content-Length".into())),
        ),
    ];
    for (lines, as_request, as_response) in rows {
        assert_eq!(&request(V11, &headers(lines)), as_request, "{lines:?}");
        assert_eq!(
            &response(200, V11, &headers(lines)),
            as_response,
            "{lines:?}"
        );
    }
}

/// RFC 9112 §6.1: not in HTTP/1.0, nor in responses that have no body.
#[test]
fn transfer_encoding_has_its_place() {
    let chunked = headers(&[(TE, "chunked")]);
    for version in ["HTTP/1.0", "HTTP/2.0", "HTTP/1.2"] {
        let error = Err(Violation::TransferEncodingVersion(version.into()));
        assert_eq!(request(version.as_bytes(), &chunked), error);
        assert_eq!(response(200, version.as_bytes(), &chunked), error);
        assert_eq!(request(version.as_bytes(), &headers(&[(CL, "5")])), Ok(()));
    }
    for status in [100, 101, 199, 204] {
        assert_eq!(
            response(status, V11, &chunked),
            Err(Violation::TransferEncodingStatus(status))
        );
    }
    for status in [200, 205, 304, 500] {
        assert_eq!(response(status, V11, &chunked), Ok(()));
    }
}

#[test]
fn messages_name_the_option() {
    let error = request(V11, &headers(&[(TE, "chunked"), (CL, "5")])).unwrap_err();
    assert!(error.to_string().contains("validate_inbound_headers"));
}

#[test]
fn a_value_that_may_be_read_as_two_fields_is_refused() {
    for (value, fine) in [
        (&b"plain"[..], true),
        (b"folded\r\n\tvalue", true),
        (b"folded\n value\r\n  more", true),
        (b"a\rContent-Length: 0", false),
        (b"a\0b", false),
        (b"a\r\nb", false),
        (b"a\r", false),
        (b"a\nb", false),
    ] {
        let mut headers = Headers::new();
        let mut line = b"x: ".to_vec();
        let start = line.len();
        line.extend_from_slice(value);
        let end = line.len();
        line.extend_from_slice(b"\r\n");
        headers.append(b"host", b"h");
        let field = crate::headers::Field {
            line: crate::headers::Span::new(0, line.len()),
            name: crate::headers::Span::new(0, 1),
            value: crate::headers::Span::new(start, end),
            never_indexed: false,
        };
        let headers = Headers::from_wire(line.into(), vec![field], false);
        let refused = Err(Violation::Value("x".into()));
        let expected = if fine { Ok(()) } else { refused };
        assert_eq!(
            request(b"HTTP/1.1", &headers),
            expected,
            "{}",
            value.escape_ascii()
        );
    }
}
