//! Finding one of 20,000 recorded responses: `cargo bench -p ratel-core --bench replay`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use ratel_core::files::FlowFiles;
use ratel_core::options::{Value, Values};
use ratel_core::replay::{ServerReplay, Verdict};
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_flow::record::{Body, Detail, HttpRecord};
use ratel_flow::{
    Annotations, ClientConn, ConnId, Record, Request, Response, Scheme, Timestamp, Version,
};

const RECORDINGS: usize = 20_000;

fn main() {
    divan::main();
}

fn request(number: usize) -> Request {
    let path = Bytes::from(format!("/items/{number}?page=1&size=20"));
    Request {
        method: "POST".into(),
        target: path.clone(),
        version: Version::Http11,
        line: None,
        headers: [
            ("Host", "api.example.com"),
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
            ("User-Agent", "bench/1.0"),
        ]
        .into_iter()
        .collect(),
        pseudo: Default::default(),
        scheme: Scheme::Https,
        host: "api.example.com".into(),
        port: 443,
        path,
        timestamp_start: Timestamp(1),
    }
}

fn body(number: usize) -> Bytes {
    format!("{{\"id\": {number}, \"text\": \"{}\"}}", "x".repeat(500)).into()
}

fn record(client: &Arc<ClientConn>, number: usize) -> Record {
    let mut http = HttpRecord::new(request(number), Body::Bytes(body(number)));
    http.response = Some(Response::new(200, Timestamp(2)));
    http.response_body = Body::Bytes(vec![b'y'; 4096].into());
    Record {
        id: number.to_string().into(),
        client_conn: client.clone(),
        server_conn: None,
        error: None,
        annotations: Annotations::default(),
        timestamp_created: Timestamp(1),
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: Default::default(),
    }
}

fn recordings() -> ServerReplay {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let client = Arc::new(ClientConn {
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
    });
    let files = FlowFiles::new(move |_: &Path| {
        let client = client.clone();
        Ok(Box::new(
            (0..RECORDINGS).map(move |n| Ok(record(&client, n))),
        ))
    });
    let store = FlowStore::start(StoreConfig {
        dir: std::env::temp_dir(),
        memory_bytes: 1 << 26,
        disk_bytes: 1 << 30,
    })
    .expect("the temporary folder can be written");
    let replay = ServerReplay::new(store, files);
    let mut values = Values::default();
    for (name, value) in [
        ("server_replay", Value::List(vec!["recorded".to_owned()])),
        ("server_replay_reuse", Value::Bool(true)),
    ] {
        values.set(name, value).expect("an option");
    }
    replay.configure(&values).expect("they can be read");
    replay
}

/// Requests that have a recording.
#[divan::bench]
fn hit(bencher: Bencher<'_, '_>) {
    judged(bencher, 0, |verdict| matches!(verdict, Verdict::Play(_)));
}

/// Requests that have none, for which the closest one is looked for.
#[divan::bench]
fn miss(bencher: Bencher<'_, '_>) {
    judged(bencher, RECORDINGS, |verdict| {
        matches!(verdict, Verdict::Missed { .. })
    });
}

fn judged(bencher: Bencher<'_, '_>, first: usize, expected: impl Fn(&Verdict) -> bool + Sync) {
    let replay = recordings();
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            number = (number + 7919) % RECORDINGS;
            (request(first + number), body(first + number))
        })
        .bench_local_values(|(request, body)| {
            let verdict = replay.judge(&request, Some(&body), Timestamp(3));
            assert!(expected(&verdict));
            verdict
        });
}
