//! What recording costs: the thread that emits, the store thread, and readers.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ratel_core::clock;
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::{
    ClientConn, ConnId, FlowId, FlowKind, Request, Response, Scheme, Side, Timestamp, Version,
};
use ratel_proto::Headers;
use ratel_proto::headers::{Field, Span};

fn main() {
    divan::main();
}

const EXCHANGES: usize = 1000;

fn store() -> FlowStore {
    let config = StoreConfig {
        dir: std::env::temp_dir(),
        memory_bytes: 64 << 20,
        disk_bytes: 1 << 30,
    };
    FlowStore::start(config).expect("the temporary folder can be written")
}

fn client() -> Arc<ClientConn> {
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

/// Ten fields as a browser sends them, measured as the parser does.
fn headers() -> Headers {
    let wire = Bytes::from_static(
        b"Host: service.dev.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*\r\n\
        Accept-Language: en\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef\r\n\
        Content-Type: application/json\r\nContent-Length: 1024\r\nCache-Control: no-cache\r\n",
    );
    let (mut fields, mut start) = (Vec::new(), 0);
    for line in wire.split_inclusive(|b| *b == b'\n') {
        let colon = line.iter().position(|b| *b == b':').unwrap_or_default();
        let end = start + line.len();
        fields.push(Field {
            line: Span::new(start, end),
            name: Span::new(start, start + colon),
            value: Span::new(start + colon + 2, end - 2),
            never_indexed: false,
        });
        start = end;
    }
    Headers::from_wire(wire, fields, false)
}

struct Sample {
    request: Request,
    response: Response,
    body: Bytes,
    client: Arc<ClientConn>,
}

fn sample() -> Sample {
    let line = Bytes::from_static(b"GET /api/v1/items?limit=50 HTTP/1.1\r\n");
    let status = Bytes::from_static(b"HTTP/1.1 200 OK\r\n");
    Sample {
        request: Request {
            pseudo: Default::default(),
            method: line.slice(..3),
            target: line.slice(4..26),
            path: line.slice(4..26),
            version: Version::Http11,
            line: Some(line),
            headers: headers(),
            scheme: Scheme::Https,
            host: "service.dev.example.com".into(),
            port: 443,
            timestamp_start: Timestamp(2),
        },
        response: Response {
            pseudo: Default::default(),
            version: Version::Http11,
            status: 200,
            reason: status.slice(13..15),
            line: Some(status),
            headers: headers(),
            timestamp_start: Timestamp(3),
        },
        body: vec![b'x'; 1024].into(),
        client: client(),
    }
}

fn exchange(store: &FlowStore, sample: &Sample) -> FlowId {
    let flow = store.open(FlowKind::Http, &sample.client, clock::now());
    flow.request(&sample.request);
    flow.end(Side::Client, clock::now());
    flow.response(&sample.response);
    flow.data(
        Side::Server,
        std::slice::from_ref(&sample.body),
        clock::now(),
    );
    flow.end(Side::Server, clock::now());
    flow.finish(clock::now());
    flow.id()
}

/// The emitting thread alone. On a machine with few processors the store thread runs beside it.
#[divan::bench]
fn emit_exchange(bencher: Bencher<'_, '_>) {
    let (store, sample) = (store(), sample());
    bencher
        .counter(ItemsCount::new(1usize))
        .bench(|| exchange(&store, &sample));
}

/// Emitting, writing, indexing: until a thousand exchanges can be read.
#[divan::bench]
fn record_1000_exchanges(bencher: Bencher<'_, '_>) {
    let (store, sample) = (store(), sample());
    bencher.counter(ItemsCount::new(EXCHANGES)).bench(|| {
        for _ in 0..EXCHANGES {
            exchange(&store, &sample);
        }
        store.flush();
    });
}

/// A body of 64 MiB in pieces of 64 KiB, kept by reference; the disk budget makes segments be overwritten.
#[divan::bench]
fn record_64_mib(bencher: Bencher<'_, '_>) {
    let (store, sample) = (store(), sample());
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    bencher.counter(BytesCount::new(64usize << 20)).bench(|| {
        let flow = store.open(FlowKind::Http, &sample.client, clock::now());
        for at in 0..1024 {
            flow.data(Side::Server, std::slice::from_ref(&piece), clock::now());
            if at % 128 == 0 {
                store.flush();
            }
        }
        flow.finish(clock::now());
        store.flush();
    });
}

/// The rows of a screen.
#[divan::bench]
fn summaries_50(bencher: Bencher<'_, '_>) {
    let (store, sample) = (store(), sample());
    for _ in 0..EXCHANGES {
        exchange(&store, &sample);
    }
    store.flush();
    bencher
        .counter(ItemsCount::new(50usize))
        .bench(|| black_box(store.summaries(500..550)));
}

/// One flow opened on a screen.
#[divan::bench]
fn snapshot(bencher: Bencher<'_, '_>) {
    let (store, sample) = (store(), sample());
    let id = exchange(&store, &sample);
    store.flush();
    bencher.bench(|| black_box(store.snapshot(id)));
}

/// A window of 64 KiB out of 16 MiB.
#[divan::bench]
fn window_64_kib(bencher: Bencher<'_, '_>) {
    let (store, sample) = (store(), sample());
    let flow = store.open(FlowKind::Http, &sample.client, clock::now());
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    for _ in 0..256 {
        flow.data(Side::Server, std::slice::from_ref(&piece), clock::now());
    }
    store.flush();
    let id = flow.id();
    bencher
        .counter(BytesCount::new(64usize << 10))
        .bench(|| black_box(store.body(id, Side::Server, 1_000_000..1_065_536)));
}

/// A filter over 100,000 flows, each between bodies of 1 KiB; one in a hundred matches.
#[divan::bench(args = ["~c 404", "~m POST", "~u /v1/orders", "~hs nowhere", "~d nowhere | ~t nowhere"], sample_count = 10)]
fn filter_100_000(bencher: Bencher<'_, '_>, filter: &str) {
    let (store, mut sample) = (store(), sample());
    for nth in 0..100_000 {
        sample.response.status = if nth % 100 == 0 { 404 } else { 200 };
        exchange(&store, &sample);
        if nth % 1000 == 0 {
            store.flush();
        }
    }
    store.flush();
    let filter = Filter::parse(filter, FilterOptions::default()).expect("it is valid");
    let ids = store.ids(0..usize::MAX);
    bencher
        .counter(ItemsCount::new(ids.len()))
        .bench(|| black_box(store.matching(&ids, &filter)));
}
