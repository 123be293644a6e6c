use bytes::Bytes;

use super::*;
use crate::testing::{at, exchange, flow};
use crate::{
    Detail, Headers, Message, MessageFlags, MessageKind, Scheme, Side, Timestamp, Version,
    WebSocketRecord,
};

fn request(method: &str, path: &str, fields: &[(&str, &[u8])]) -> Request {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name.as_bytes(), value);
    }
    Request {
        method: Bytes::copy_from_slice(method.as_bytes()),
        target: Bytes::copy_from_slice(path.as_bytes()),
        version: Version::Http11,
        line: Some(Bytes::from(format!("{method} {path} HTTP/1.1\r\n"))),
        headers,
        pseudo: Headers::new(),
        scheme: Scheme::Https,
        host: "example.org".into(),
        port: 443,
        path: Bytes::copy_from_slice(path.as_bytes()),
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
    let split = request("GET", "/", &[("a", b"b\nc")]);
    for format in [
        Format::Curl,
        Format::Httpie,
        Format::Python,
        Format::Go,
        Format::Fetch,
    ] {
        assert_eq!(
            exported(format, &split, b""),
            Err(ExportError::LineBreak("header"))
        );
    }
    let flow = Exported {
        request: &split,
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
    let tunnel = request("CONNECT", "", &[]);
    assert_eq!(
        exported(Format::Curl, &tunnel, b""),
        Err(ExportError::Tunnel)
    );
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
}

#[test]
fn what_one_program_cannot_send_is_said() {
    let refused = |format, request: &Request, body: &[u8]| match exported(format, request, body) {
        Err(ExportError::NoWords(why)) => why,
        other => panic!("{format:?}: {other:?}"),
    };
    let file = request("GET", "/", &[("@file", b"x")]);
    assert!(refused(Format::Curl, &file, b"").contains("begins with @"));
    let control = request("GET", "/", &[("X", b"\x07")]);
    assert!(refused(Format::Go, &control, b"").contains("control"));
    assert!(refused(Format::Fetch, &control, b"").contains("control"));
    let slash = request("GET", "/", &[("X", b"a\\=b")]);
    assert!(refused(Format::Httpie, &slash, b"").contains("no words"));
    for path in ["/a#b", "/%7e", "/%", "/ ", "*"] {
        let odd = request("GET", path, &[]);
        assert!(
            refused(Format::Httpie, &odd, b"").contains("path"),
            "{path}"
        );
    }
    for path in ["/a/../b", "/%2E/", "/?'", "/\u{fc}"] {
        let odd = request("GET", path, &[]);
        assert!(refused(Format::Fetch, &odd, b"").contains("path"), "{path}");
    }
    let get = request("GET", "/", &[]);
    assert!(refused(Format::Fetch, &get, b"x").contains("no body"));
    let small = request("get", "/", &[]);
    assert!(refused(Format::Fetch, &small, b"").contains("capitals"));
    assert!(refused(Format::Httpie, &small, b"").contains("capitals"));
}

#[test]
fn nothing_invisible_is_pasted() {
    let hidden = request("GET", "/", &[("X", b"\x1b[201~evil!\xff")]);
    assert_eq!(
        exported(Format::Curl, &hidden, b"").unwrap(),
        r#"curl -H "$(printf 'X: \033[201~evil\041\377')" -H accept: -H user-agent: https://example.org/"#
    );
    let post = request("POST", "/", &[("Content-Type", b"t/x")]);
    let turned = exported(Format::Curl, &post, "-a\u{202e}b".as_bytes()).unwrap();
    assert!(
        turned.starts_with(r"printf '\055a\342\200\256b' | curl "),
        "{turned}"
    );
    let program = exported(Format::Fetch, &post, "a\u{202e}b".as_bytes()).unwrap();
    assert!(program.is_ascii(), "{program}");
}

#[test]
fn paths_that_curl_would_change_are_given_apart() {
    for (path, expected) in [
        ("/a#b", "--request-target '/a#b' https://example.org/"),
        ("*", "--request-target '*' https://example.org/"),
        ("/a/../b", "--path-as-is https://example.org/a/../b"),
        ("/{a}", "--globoff 'https://example.org/{a}'"),
    ] {
        let odd = request("OPTIONS", path, &[]);
        let text = exported(Format::Curl, &odd, b"").unwrap();
        assert!(text.ends_with(expected), "{text}");
    }
}

fn socket() -> Record {
    let mut http = exchange("GET", "/live");
    http.request.headers.append(b"Host", b"site.example");
    let message = |side, content: &'static str| Message {
        side,
        kind: MessageKind::Text,
        flags: MessageFlags::default(),
        timestamp: at(40),
        content: Bytes::from_static(content.as_bytes()),
    };
    http.response_body = Bytes::new().into();
    http.websocket = Some(WebSocketRecord {
        messages: Messages::List(vec![message(Side::Client, "a"), message(Side::Server, "b")]),
        ..WebSocketRecord::default()
    });
    flow(http)
}

#[test]
fn whole_flows_have_messages_and_addresses() {
    let record = socket();
    let text = |format, options| {
        String::from_utf8(export_record(format, &record, options).unwrap()).unwrap()
    };
    let plain = ExportOptions::default();
    assert_eq!(
        text(Format::Raw, plain),
        "GET /live HTTP/1.1\r\nHost: site.example\r\n\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n\r\n[OUTGOING] a\n[INCOMING] b"
    );
    let command = "-H accept: -H user-agent: https://site.example/live";
    assert_eq!(text(Format::Curl, plain), format!("curl {command}"));
    let pinned = ExportOptions {
        preserve_original_ip: true,
        ..plain
    };
    assert_eq!(
        text(Format::Curl, pinned),
        format!("curl --resolve site.example:443:192.0.2.7 {command}")
    );
    let mut tcp = record.clone();
    tcp.detail = Detail::Tcp(Messages::default());
    assert_eq!(
        export_record(Format::Curl, &tcp, plain),
        Err(ExportError::NotHttp)
    );
}

#[test]
fn what_the_proxy_took_unchecked_is_sent_again_unchecked() {
    let insecure = ExportOptions {
        insecure: true,
        ..ExportOptions::default()
    };
    let text = |format, record: &Record| {
        String::from_utf8(export_record(format, record, insecure).unwrap()).unwrap()
    };
    let mut record = flow(exchange("GET", "/"));
    let rows = [
        (Format::Curl, "curl --insecure "),
        (Format::Httpie, "http --verify=no "),
        (
            Format::Python,
            "443, context=ssl._create_unverified_context())",
        ),
        (
            Format::Go,
            "TLSClientConfig: &tls.Config{InsecureSkipVerify: true}",
        ),
        (Format::Fetch, "NODE_TLS_REJECT_UNAUTHORIZED=0"),
    ];
    for (format, words) in rows {
        let made = text(format, &record);
        assert!(made.contains(words), "{made}");
        let checked = export_record(format, &record, ExportOptions::default()).unwrap();
        let checked = String::from_utf8(checked).unwrap();
        assert!(!checked.contains(words), "{checked}");
    }
    // There is nothing to check without TLS.
    if let Detail::Http(http) = &mut record.detail {
        http.request.scheme = Scheme::Http;
    }
    for (format, words) in rows {
        let made = text(format, &record);
        assert!(!made.contains(words), "{made}");
    }
}

#[test]
fn raw_messages_are_decoded() {
    let mut http = exchange("GET", "/");
    let response = http.response.as_mut().unwrap();
    response.headers = [("Content-Encoding", "br"), ("Content-Length", "6")]
        .into_iter()
        .collect();
    http.response_body = Bytes::from_static(b"\x0b\x00\x80a\x03").into();
    let raw = export_record(Format::RawResponse, &flow(http), ExportOptions::default()).unwrap();
    assert_eq!(
        String::from_utf8(raw).unwrap(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
    );
}

#[test]
fn several_flows_are_told_apart() {
    let document = |format, count: usize| {
        let mut document = Document::new(Vec::new(), format, ExportOptions::default());
        for number in 0..count {
            document
                .add(&flow(exchange("GET", &format!("/{number}\u{85}"))))
                .unwrap();
        }
        assert_eq!(document.count(), count as u64);
        String::from_utf8(document.finish().unwrap()).unwrap()
    };
    assert_eq!(document(Format::Curl, 0), "");
    let one = document(Format::Curl, 1);
    assert!(one.starts_with("curl ") && one.ends_with("/\n"), "{one}");
    let two = document(Format::Curl, 2);
    assert!(
        two.starts_with("# 1: GET https://site.example/0. (200)\ncurl "),
        "{two}"
    );
    assert!(
        two.contains("\n\n# 2: GET https://site.example/1. (200)\ncurl "),
        "{two}"
    );
    let raw = document(Format::RawResponse, 2);
    assert_eq!(
        raw,
        "HTTP/1.1 200 OK\r\n\r\nfine\r\n\r\nHTTP/1.1 200 OK\r\n\r\nfine"
    );

    let mut programs = Document::new(Vec::new(), Format::Go, ExportOptions::default());
    programs.add(&flow(exchange("GET", "/"))).unwrap();
    let error = programs.add(&flow(exchange("GET", "/"))).unwrap_err();
    assert_eq!(error.to_string(), "the format go is for one flow");
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
