//! Flows for tests, in the crate and beside it.

use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{
    Annotations, ClientConn, ConnId, Detail, Headers, HttpRecord, Record, Request, Response,
    Scheme, ServerConn, Timestamp, Version,
};

/// A time that files say exactly: 2024, in microseconds.
pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp((1_704_157_445_000 + millis) * 1_000_000)
}

/// A request that was answered.
pub(crate) fn exchange(method: &str, path: &str) -> HttpRecord {
    let request = Request {
        method: Bytes::copy_from_slice(method.as_bytes()),
        target: Bytes::copy_from_slice(path.as_bytes()),
        version: Version::Http11,
        line: None,
        headers: Headers::new(),
        pseudo: Headers::new(),
        scheme: Scheme::Https,
        host: "site.example".into(),
        port: 443,
        path: Bytes::copy_from_slice(path.as_bytes()),
        timestamp_start: at(0),
    };
    let mut http = HttpRecord::new(request, Bytes::new().into());
    http.request_end = Some(at(10));
    http.response = Some(Response {
        version: Version::Http11,
        status: 200,
        reason: Bytes::from_static(b"OK"),
        line: None,
        headers: Headers::new(),
        pseudo: Headers::new(),
        timestamp_start: at(30),
    });
    http.response_body = Bytes::from_static(b"fine").into();
    http.response_end = Some(at(31));
    http
}

/// A flow of that exchange.
pub(crate) fn flow(http: HttpRecord) -> Record {
    let address = ([192, 0, 2, 7], 443).into();
    Record {
        id: "5d0e8c5e-0000-4000-8000-000000000001".into(),
        client_conn: Arc::new(ClientConn {
            id: ConnId::next(),
            peername: ([127, 0, 0, 1], 50_000).into(),
            sockname: ([127, 0, 0, 1], 8080).into(),
            proxy_mode: "regular".into(),
            timestamp_start: at(0),
            timestamp_end: None,
            tls: None,
            passthrough: None,
            error: None,
            extra: None,
        }),
        server_conn: Some(Arc::new(ServerConn {
            id: ConnId::next(),
            address: ("site.example".into(), 443),
            peername: Some(address),
            sockname: None,
            timestamp_start: at(2),
            timestamp_tcp_setup: Some(at(5)),
            timestamp_end: None,
            tls: None,
            error: None,
            extra: None,
        })),
        error: None,
        annotations: Annotations::default(),
        timestamp_created: at(0),
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: ratel_flow::Verbatim::default(),
    }
}
