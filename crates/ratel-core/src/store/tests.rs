use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{
    ClientConn, ConnId, FlowKind, Request, Response, Scheme, Side, Timestamp, Version,
};

use super::*;

mod behaviour;
mod edit;
mod messages;
mod model;
mod records;

pub(crate) fn client() -> Arc<ClientConn> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Arc::new(ClientConn {
        id: ConnId::next(),
        peername: address,
        sockname: address,
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp(1),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

pub(crate) fn request(path: &str) -> Request {
    let line = Bytes::from(format!("GET {path} HTTP/1.1\r\n"));
    Request {
        pseudo: Default::default(),
        method: line.slice(..3),
        target: line.slice(4..4 + path.len()),
        version: Version::Http11,
        path: line.slice(4..4 + path.len()),
        line: Some(line),
        headers: [("Host", "example.com"), ("Accept", "*/*")]
            .into_iter()
            .collect(),
        scheme: Scheme::Https,
        host: "example.com".into(),
        port: 443,
        timestamp_start: Timestamp(2),
    }
}

pub(crate) fn response(status: u16) -> Response {
    let line = Bytes::from(format!("HTTP/1.1 {status} Sure\r\n"));
    Response {
        pseudo: Default::default(),
        version: Version::Http11,
        status,
        reason: line.slice(13..17),
        line: Some(line),
        headers: [("Content-Type", "text/plain"), ("Content-Length", "5")]
            .into_iter()
            .collect(),
        timestamp_start: Timestamp(4),
    }
}

pub(crate) fn store(memory_bytes: usize, disk_bytes: u64) -> FlowStore {
    FlowStore::start(StoreConfig {
        dir: std::env::temp_dir(),
        memory_bytes,
        disk_bytes,
    })
    .unwrap()
}

#[test]
fn an_exchange_reads_back_as_it_was() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    flow.request(&request("/a?b"));
    flow.end(Side::Client, Timestamp(3));
    flow.response(&response(200));
    flow.data(
        Side::Server,
        &[Bytes::from_static(b"hel"), Bytes::from_static(b"lo")],
        Timestamp(5),
    );
    flow.end(Side::Server, Timestamp(6));
    flow.finish(Timestamp(7));
    store.flush();

    let summary = store.summary(id).unwrap();
    assert_eq!(summary.state, FlowState::Done);
    assert_eq!(summary.status, Some(200));
    assert_eq!(summary.content_type.as_deref(), Some(&b"text/plain"[..]));
    assert_eq!(&*summary.request.unwrap().path, b"/a?b");
    let snapshot = store.snapshot(id).unwrap();
    assert_eq!(
        snapshot.request.unwrap().line.as_deref(),
        Some(&b"GET /a?b HTTP/1.1\r\n"[..])
    );
    assert_eq!(&*snapshot.response.unwrap().reason, b"Sure");
    let window = store.body(id, Side::Server, 1..100).unwrap();
    assert_eq!(&*window.bytes, b"ello");
    assert!(window.complete && !window.lost && window.total == 5);
}
