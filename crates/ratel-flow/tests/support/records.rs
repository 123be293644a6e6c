//! Flows as a browser makes them.

use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{
    Annotations, ClientConn, ConnId, Detail, Headers, HttpRecord, Record, Request, Response,
    Scheme, ServerConn, Timestamp, Verbatim, Version,
};

const HOSTS: [&str; 6] = [
    "www.example.com",
    "api.example.com",
    "cdn.example.net",
    "images.shop.example",
    "login.example.org",
    "telemetry.example.io",
];

const TYPES: [&str; 5] = [
    "text/html; charset=utf-8",
    "application/json",
    "application/javascript",
    "image/png",
    "text/css",
];

/// The flow with that number: hosts, paths, methods and statuses vary with it.
pub(crate) fn record(number: usize) -> Record {
    let host = HOSTS[number % HOSTS.len()];
    let path = format!(
        "/v1/items/{number}/details?session={:08x}&page={}",
        number.wrapping_mul(0x9e37_79b9) as u32,
        number % 17
    );
    let path = Bytes::from(path);
    let request = Request {
        method: Bytes::from_static(if number.is_multiple_of(10) {
            b"POST"
        } else {
            b"GET"
        }),
        target: path.clone(),
        version: Version::Http11,
        line: None,
        headers: request_headers(host),
        pseudo: Headers::new(),
        scheme: Scheme::Https,
        host: host.into(),
        port: 443,
        path,
        timestamp_start: Timestamp(0),
    };
    let mut http = HttpRecord::new(request, Bytes::new().into());
    if !number.is_multiple_of(50) {
        http.response = Some(Response {
            version: Version::Http11,
            status: if number.is_multiple_of(20) { 404 } else { 200 },
            reason: Bytes::from_static(b"OK"),
            line: None,
            headers: response_headers(TYPES[number % TYPES.len()]),
            pseudo: Headers::new(),
            timestamp_start: Timestamp(0),
        });
        http.response_body =
            Bytes::from(format!("{{\"id\": {number}, \"name\": \"item\"}}")).into();
    }
    Record {
        id: "5d0e8c5e-0000-4000-8000-000000000001".into(),
        client_conn: Arc::new(ClientConn {
            id: ConnId(1),
            peername: ([127, 0, 0, 1], 50_000).into(),
            sockname: ([127, 0, 0, 1], 8080).into(),
            proxy_mode: "regular".into(),
            timestamp_start: Timestamp(0),
            timestamp_end: None,
            tls: None,
            passthrough: None,
            error: None,
            extra: None,
        }),
        server_conn: Some(Arc::new(ServerConn {
            id: ConnId(2),
            address: (host.into(), 443),
            peername: None,
            sockname: None,
            timestamp_start: Timestamp(0),
            timestamp_tcp_setup: None,
            timestamp_end: None,
            tls: None,
            error: None,
            extra: None,
        })),
        error: None,
        annotations: Annotations::default(),
        timestamp_created: Timestamp(0),
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: Verbatim::default(),
    }
}

fn request_headers(host: &str) -> Headers {
    Headers::from_iter([
        ("Host", host),
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        ),
        (
            "Accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("Accept-Language", "en-US,en;q=0.5"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Connection", "keep-alive"),
        (
            "Cookie",
            "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes",
        ),
        ("Referer", "https://www.example.com/"),
    ])
}

fn response_headers(kind: &str) -> Headers {
    Headers::from_iter([
        ("Date", "Mon, 02 Jan 2006 15:04:05 GMT"),
        ("Content-Type", kind),
        ("Content-Length", "1234"),
        ("Cache-Control", "max-age=3600, public"),
        ("ETag", "\"0123456789abcdef\""),
        ("Server", "nginx"),
        ("Vary", "Accept-Encoding"),
    ])
}
