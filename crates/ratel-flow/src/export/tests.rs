use bytes::Bytes;

use super::*;
use crate::{Headers, Scheme, Timestamp, Version};

fn request(method: &'static str, path: &'static str, fields: &[(&str, &[u8])]) -> Request {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name.as_bytes(), value);
    }
    Request {
        method: Bytes::from_static(method.as_bytes()),
        target: Bytes::from_static(path.as_bytes()),
        version: Version::Http11,
        line: Some(Bytes::from(format!("{method} {path} HTTP/1.1\r\n"))),
        headers,
        pseudo: Headers::new(),
        scheme: Scheme::Https,
        host: "example.org".into(),
        port: 443,
        path: Bytes::from_static(path.as_bytes()),
        timestamp_start: Timestamp(0),
    }
}

fn exported(format: Format, request: &Request, body: &[u8]) -> Result<String, ExportError> {
    let flow = Exported {
        request,
        request_body: Some(body),
        response: None,
    };
    export(format, &flow).map(|text| String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_plain_get_is_a_short_command() {
    let get = request(
        "GET",
        "/a?b=c",
        &[
            ("Host", b"example.org"),
            ("Accept", b"*/*"),
            ("User-Agent", b"x"),
        ],
    );
    assert_eq!(
        exported(Format::Curl, &get, b"").unwrap(),
        "curl -H 'Accept: */*' -H 'User-Agent: x' 'https://example.org/a?b=c'"
    );
    assert_eq!(
        exported(Format::Httpie, &get, b"").unwrap(),
        "http --ignore-stdin GET 'https://example.org/a?b=c' 'Accept:*/*' User-Agent:x Accept-Encoding: Connection:"
    );
}

#[test]
fn nothing_ends_a_quote() {
    let evil = b"'; touch /tmp/x; echo '$(id)`id`\"\\";
    let post = request("PO'ST", "/$(id)'[a]", &[("x-evil", evil), ("empty", b"")]);
    let curl = exported(Format::Curl, &post, b"'$(id)'\n").unwrap();
    assert_eq!(
        curl,
        "curl -H 'x-evil: '\\''; touch /tmp/x; echo '\\''$(id)`id`\"\\' -H 'empty;' -H accept: -H user-agent: -H content-type: \
         -X 'PO'\\''ST' --globoff 'https://example.org/$(id)'\\''[a]' --data-raw ''\\''$(id)'\\''\n'"
    );
    let python = exported(Format::Python, &post, b"\"\"\"\\").unwrap();
    assert!(python.contains(r#"body = b"\"\"\"\\""#), "{python}");
}

#[test]
fn bytes_that_are_no_text_come_through_a_pipe() {
    let post = request("POST", "/", &[("Content-Type", b"a/b")]);
    let curl = exported(Format::Curl, &post, b"\0\xff%\\'a\r\n").unwrap();
    assert!(
        curl.starts_with(r"printf '\000\377%%\\'\''a\015\012' | curl "),
        "{curl}"
    );
    assert!(curl.ends_with(" --data-binary @-"), "{curl}");
}

#[test]
fn what_no_format_can_say_is_an_error() {
    let request = request("GET", "/", &[("a", b"b\nc")]);
    assert_eq!(
        exported(Format::Curl, &request, b""),
        Err(ExportError::LineBreak("header"))
    );
    let flow = Exported {
        request: &request,
        request_body: None,
        response: None,
    };
    assert_eq!(
        export(Format::Curl, &flow),
        Err(ExportError::NoBody("request"))
    );
    assert_eq!(
        export(Format::RawResponse, &flow),
        Err(ExportError::NoResponse)
    );
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
}

#[test]
fn raw_messages_are_as_on_the_wire() {
    let request = request(
        "POST",
        "/x",
        &[("Host", b"example.org"), ("Content-Length", b"2")],
    );
    assert_eq!(
        exported(Format::RawRequest, &request, b"hi").unwrap(),
        "POST /x HTTP/1.1\r\nHost: example.org\r\nContent-Length: 2\r\n\r\nhi"
    );
}
