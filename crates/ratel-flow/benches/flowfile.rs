//! Files: everyday flows, eight to a connection, in flow files and archives, with and without their secrets. Time is that of all
//! [`FLOWS`] flows.
//!
//! Flows hold what a browser and a JSON service say: 7 and 6 header fields, TLS on both sides, a body of 1 KiB.

use std::io::{self, Cursor};
use std::sync::Arc;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use ratel_flow::io::har::{HarReader, HarWriter};
use ratel_flow::io::{FlowReader, FlowWriter};
use ratel_flow::redact::Redactor;
use ratel_flow::{
    Annotations, ClientConn, ConnExtra, ConnId, Detail, HttpRecord, Record, Request, Response,
    Scheme, ServerConn, Timestamp, TlsInfo, TlsVersion, Verbatim, Version,
};

const FLOWS: usize = 10_000;

fn main() {
    divan::main();
}

fn at(micros: u64) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + micros * 1_000)
}

fn tls() -> Arc<TlsInfo> {
    let certificate = Bytes::from(vec![0x30; 900]);
    Arc::new(TlsInfo {
        version: Some(TlsVersion::Tls13),
        cipher: Some("TLS_AES_256_GCM_SHA384".into()),
        sni: Some("service.dev.example.com".into()),
        alpn: Some("http/1.1".into()),
        alpn_offers: vec!["h2".into(), "http/1.1".into()],
        certificates: [certificate.clone(), certificate].into(),
        timestamp_setup: Some(at(10)),
        ..TlsInfo::default()
    })
}

fn extra(kind: &str, number: usize) -> Option<Arc<ConnExtra>> {
    Some(Arc::new(ConnExtra {
        uuid: Some(format!("{kind}-0000-4000-8000-{number:012x}").into()),
        tls: true,
        cipher_list: vec!["TLS_AES_256_GCM_SHA384".into(); 6],
        ..ConnExtra::default()
    }))
}

fn client(number: usize) -> Arc<ClientConn> {
    Arc::new(ClientConn {
        id: ConnId(number as u64),
        peername: ([127, 0, 0, 1], 50_000).into(),
        sockname: ([127, 0, 0, 1], 8080).into(),
        proxy_mode: "regular".into(),
        timestamp_start: at(number as u64),
        timestamp_end: None,
        tls: Some(tls()),
        passthrough: None,
        error: None,
        extra: extra("00000001", number),
    })
}

fn server(number: usize) -> Arc<ServerConn> {
    Arc::new(ServerConn {
        id: ConnId(number as u64),
        address: ("service.dev.example.com".into(), 443),
        peername: Some(([192, 0, 2, 7], 443).into()),
        sockname: Some(([192, 0, 2, 1], 40_000).into()),
        timestamp_start: at(number as u64),
        timestamp_tcp_setup: Some(at(5)),
        timestamp_end: None,
        tls: Some(tls()),
        error: None,
        extra: extra("00000002", number),
    })
}

const REQUEST: [(&str, &str); 7] = [
    ("Host", "service.dev.example.com"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-US,en;q=0.9"),
    (
        "Cookie",
        "session=0123456789abcdef0123456789abcdef; theme=dark",
    ),
    ("Cache-Control", "no-cache"),
];

const RESPONSE: [(&str, &str); 6] = [
    ("Server", "nginx/1.27.2"),
    ("Date", "Mon, 06 Jan 2025 12:00:00 GMT"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Content-Length", "1024"),
    ("Vary", "Accept-Encoding"),
    ("ETag", "\"5f2c-61b\""),
];

fn exchange(number: usize) -> HttpRecord {
    let path = Bytes::from(format!("/api/items/{number}?page=2"));
    let request = Request {
        method: "GET".into(),
        target: path.clone(),
        version: Version::Http11,
        line: None,
        headers: REQUEST.into_iter().collect(),
        pseudo: [("", ""); 0].into_iter().collect(),
        scheme: Scheme::Https,
        host: "service.dev.example.com".into(),
        port: 443,
        path,
        timestamp_start: at(number as u64),
    };
    let mut http = HttpRecord::new(request, Bytes::new().into());
    http.request_end = Some(at(number as u64 + 1));
    http.response = Some(Response {
        version: Version::Http11,
        status: 200,
        reason: "OK".into(),
        line: None,
        headers: RESPONSE.into_iter().collect(),
        pseudo: [("", ""); 0].into_iter().collect(),
        timestamp_start: at(number as u64 + 2),
    });
    http.response_body = Bytes::from(vec![b'x'; 1024]).into();
    http.response_end = Some(at(number as u64 + 3));
    http
}

fn records() -> Vec<Record> {
    let mut conns = None;
    (0..FLOWS)
        .map(|number| {
            if number.is_multiple_of(8) {
                conns = None;
            }
            let (client_conn, server_conn) = conns
                .get_or_insert_with(|| (client(number), server(number)))
                .clone();
            Record {
                id: format!("00000003-0000-4000-8000-{number:012x}").into(),
                client_conn,
                server_conn: Some(server_conn),
                error: None,
                annotations: Annotations::default(),
                timestamp_created: at(number as u64),
                backup: None,
                detail: Detail::Http(Box::new(exchange(number))),
                verbatim: Verbatim::default(),
            }
        })
        .collect()
}

fn file() -> Vec<u8> {
    let mut writer = FlowWriter::new(Vec::new());
    for record in &records() {
        writer.write(record).expect("memory takes all");
    }
    writer.into_inner()
}

#[divan::bench]
fn read_flows(bencher: divan::Bencher<'_, '_>) {
    let file = Bytes::from(file());
    bencher
        .counter(ItemsCount::new(FLOWS))
        .counter(BytesCount::new(file.len()))
        .bench_local(|| {
            let reader = FlowReader::new(Cursor::new(file.clone())).expect("it is a flow file");
            reader.filter(Result::is_ok).count()
        });
}

#[divan::bench]
fn write_flows(bencher: divan::Bencher<'_, '_>) {
    let records = records();
    bencher.counter(ItemsCount::new(FLOWS)).bench_local(|| {
        let mut writer = FlowWriter::new(io::sink());
        for record in &records {
            writer.write(record).expect("nothing is refused");
        }
    });
}

fn archive(records: &[Record], out: impl io::Write) -> io::Result<()> {
    let mut writer = HarWriter::new(out)?;
    for record in records {
        writer.write(record)?;
    }
    writer.finish().map(drop)
}

#[divan::bench]
fn read_har(bencher: divan::Bencher<'_, '_>) {
    let mut file = Vec::new();
    archive(&records(), &mut file).expect("memory takes all");
    bencher
        .counter(ItemsCount::new(FLOWS))
        .counter(BytesCount::new(file.len()))
        .bench_local(|| HarReader::new(&file[..]).filter(Result::is_ok).count());
}

#[divan::bench]
fn write_har(bencher: divan::Bencher<'_, '_>) {
    let records = records();
    bencher
        .counter(ItemsCount::new(FLOWS))
        .bench_local(|| archive(&records, io::sink()));
}

#[divan::bench(args = ["default", "json:password", "pattern:/[0-9]{16}/"])]
fn redact(bencher: divan::Bencher<'_, '_>, rule: &str) {
    let records = records();
    let redactor = Redactor::from_rules([rule]).expect("it is a rule");
    bencher.counter(ItemsCount::new(FLOWS)).bench_local(|| {
        for record in &records {
            divan::black_box(redactor.redact(record));
        }
    });
}
