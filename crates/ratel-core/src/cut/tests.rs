use std::sync::Arc;

use ratel_flow::record::{Messages, WebSocketRecord};
use ratel_flow::{
    Annotations, ConnId, FlowError, Message, MessageKind, ServerConn, TlsInfo, TlsVersion,
};

use super::*;
use crate::store::tests::{client, request, response};

fn record() -> Record {
    let mut request = request("/a?b=é");
    request.headers.append(b"X-Twice", b"1");
    request.headers.append(b"x-twice", b"2");
    let mut response = response(200);
    response.headers.append(b"Content-Encoding", b"gzip");
    let hello = ratel_flow::content::encode(
        &ratel_flow::content::Codings::one(ratel_flow::content::Coding::Gzip),
        b"hello",
    );
    let http = HttpRecord {
        response: Some(response),
        response_body: Body::Bytes(hello.expect("encoders do not fail").into()),
        response_end: Some(Timestamp(1_700_000_000_250_000_000)),
        ..HttpRecord::new(request, Body::Bytes(Bytes::from_static(b"a=1")))
    };
    let tls = TlsInfo {
        version: Some(TlsVersion::Tls13),
        sni: Some("example.com".into()),
        alpn: Some("h2".into()),
        certificates: vec![Bytes::from(vec![7; 60])].into(),
        timestamp_setup: Some(Timestamp(3)),
        ..TlsInfo::default()
    };
    let server = ServerConn {
        id: ConnId(7),
        address: ("example.com".into(), 443),
        peername: Some(([192, 0, 2, 1], 443).into()),
        sockname: None,
        timestamp_start: Timestamp(2_000_000_000),
        timestamp_tcp_setup: None,
        timestamp_end: None,
        tls: Some(Arc::new(tls)),
        error: None,
        extra: None,
    };
    Record {
        id: "f00".into(),
        client_conn: client(),
        server_conn: Some(Arc::new(server)),
        error: Some(FlowError::killed(Timestamp(1))),
        annotations: Annotations {
            comment: "look".into(),
            ..Annotations::default()
        },
        timestamp_created: Timestamp(1_000_000_000),
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: Default::default(),
    }
}

fn shown(record: &Record, spec: &str) -> String {
    let value = cut(record, spec).expect("it can be read");
    match &value {
        Value::Text(text) => text.clone(),
        value => repr(&value.bytes().expect("it can be read")),
    }
}

#[test]
fn attributes_have_mitmproxys_names() {
    let record = record();
    for (spec, expected) in [
        ("id", "f00"),
        ("type", "http"),
        ("comment", "look"),
        ("marked", ""),
        ("intercepted", "false"),
        ("timestamp_created", "1.0"),
        ("error.msg", "Connection killed."),
        ("request.method", "GET"),
        ("request.scheme", "https"),
        ("request.host", "example.com"),
        ("request.port", "443"),
        ("request.path", "/a?b=é"),
        ("request.url", "https://example.com/a?b=é"),
        ("request.http_version", "HTTP/1.1"),
        ("request.header[host]", "example.com"),
        ("request.header[X-Twice]", "1, 2"),
        ("request.header[nowhere]", ""),
        ("request.content", "b'a=1'"),
        ("request.text", "a=1"),
        ("request.timestamp_end", ""),
        ("response.status_code", "200"),
        ("response.reason", "Sure"),
        ("response.content", "b'hello'"),
        ("response.text", "hello"),
        ("response.timestamp_end", "1700000000.25"),
        ("client_conn.peername.host", "127.0.0.1"),
        ("client_conn.peername.port", "1"),
        ("client_conn.peername", "('127.0.0.1', 1)"),
        ("client_conn.tls_established", "false"),
        ("client_conn.sni", ""),
        ("server_conn.address.host", "example.com"),
        ("server_conn.ip_address.host", "192.0.2.1"),
        ("server_conn.sockname.host", ""),
        ("server_conn.timestamp_start", "2.0"),
        ("server_conn.tls_version", "TLSv1.3"),
        ("server_conn.tls_established", "true"),
        ("server_conn.alpn", "b'h2'"),
        ("nothing", ""),
        ("request", ""),
        ("request.method.more", ""),
        ("", ""),
    ] {
        assert_eq!(shown(&record, spec), expected, "{spec}");
    }
    let pem = shown(&record, "server_conn.certificate_list");
    assert_eq!(
        pem.lines().map(str::len).collect::<Vec<_>>(),
        [27, 64, 16, 25]
    );
    let raw = shown(&record, "response.raw_content");
    assert!(raw.starts_with("b'\\x1f\\x8b"), "{raw}");
}

#[test]
fn what_a_websocket_carried_is_its_content() {
    let mut record = record();
    let message = |side, kind, content: &'static str| Message {
        side,
        kind,
        flags: Default::default(),
        timestamp: Timestamp(1),
        content: content.into(),
    };
    if let Detail::Http(http) = &mut record.detail {
        http.websocket = Some(WebSocketRecord {
            messages: Messages::List(vec![
                message(Side::Client, MessageKind::Text, "hi"),
                message(Side::Client, MessageKind::Ping, ""),
                message(Side::Server, MessageKind::Binary, "ho"),
            ]),
            ..WebSocketRecord::default()
        });
    }
    let value = cut(&record, "response.content").expect("it can be read");
    assert_eq!(
        &value.bytes().expect("bytes")[..],
        b"[OUTGOING] hi\n[INCOMING] ho"
    );
}

#[test]
fn rows_are_csv() {
    let row = [
        Value::text("a,\"b\""),
        Value::nothing(),
        Value::Bytes(Bytes::from_static(b"it's\n\xff\"")),
        Value::Bytes(Bytes::from_static(b"it's")),
    ];
    assert_eq!(
        csv(&row).expect("a row"),
        "\"a,\"\"b\"\"\",,\"b'it\\'s\\n\\xff\"\"'\",\"b\"\"it's\"\"\"\r\n"
    );
}
