//! Whole flows that go in and come out.

use std::fs::File;
use std::io::Write;
use std::ops::Range;

use ratel_flow::conn::ConnExtra;
use ratel_flow::record::{Body, Messages, ReadBody, WebSocketRecord};
use ratel_flow::{
    Annotations, Detail, FlowError, HttpRecord, Message, MessageFlags, MessageKind, Record,
    StreamKind,
};

use super::*;

pub(super) fn record(detail: Detail) -> Record {
    Record {
        id: "some-id".into(),
        client_conn: client(),
        server_conn: None,
        error: None,
        annotations: Annotations {
            comment: "hello".into(),
            ..Annotations::default()
        },
        timestamp_created: Timestamp(1),
        backup: None,
        detail,
        verbatim: ratel_flow::Verbatim::default(),
    }
}

pub(super) fn exchange(body: impl Into<Bytes>) -> HttpRecord {
    HttpRecord {
        request_end: Some(Timestamp(3)),
        response: Some(response(200)),
        response_body: Body::Bytes(body.into()),
        response_end: Some(Timestamp(6)),
        ..HttpRecord::new(request("/r"), Body::Bytes("ask".into()))
    }
}

fn bytes(body: &Body) -> Bytes {
    body.whole(u64::MAX).unwrap().unwrap()
}

fn passed(store: &FlowStore, record: &Record) -> Record {
    let id = store.import(record).unwrap();
    store.flush();
    store.record(id).unwrap()
}

#[test]
fn an_exchange_comes_out_as_it_went_in() {
    let store = store(1 << 24, 1 << 28);
    let mut before = record(Detail::Http(Box::new(exchange("first"))));
    before.error = Some(FlowError {
        message: "broke".into(),
        hint: None,
        by_client: false,
        timestamp: Timestamp(9),
    });
    let long = Bytes::from(vec![7; 300_000]);
    let mut now = record(Detail::Http(Box::new(exchange(long.clone()))));
    now.backup = Some(Box::new(before));
    let out = passed(&store, &now);
    assert_eq!(&*out.id, "some-id");
    assert_eq!(&*out.annotations.comment, "hello");
    let http = out.http().unwrap();
    assert_eq!(http.request_end, Some(Timestamp(3)));
    assert_eq!(bytes(&http.request_body), "ask");
    assert_eq!(bytes(&http.response_body), long);
    assert_eq!(http.response.as_ref().unwrap().status, 200);
    let backup = out.backup.unwrap();
    assert_eq!(bytes(&backup.http().unwrap().response_body), "first");
    assert_eq!(&*backup.error.unwrap().message, "broke");
}

#[test]
fn a_body_that_is_missing_is_not_an_empty_one() {
    let store = store(1 << 24, 1 << 28);
    let mut http = exchange("");
    http.request_body = Body::Missing;
    let out = passed(&store, &record(Detail::Http(Box::new(http))));
    let http = out.http().unwrap();
    assert!(http.request_body.is_missing());
    assert_eq!(http.response_body.len(), Some(0));
}

fn message(side: Side, kind: MessageKind, content: &'static str) -> Message {
    Message {
        side,
        kind,
        flags: MessageFlags::INJECTED,
        timestamp: Timestamp(8),
        content: content.into(),
    }
}

#[test]
fn messages_come_out_in_order() {
    let store = store(1 << 24, 1 << 28);
    let sent = vec![
        message(Side::Client, MessageKind::Text, "one"),
        message(Side::Server, MessageKind::Ping, "ping"),
        message(Side::Server, MessageKind::Binary, "two"),
        message(Side::Client, MessageKind::Text, ""),
    ];
    let mut http = exchange("handshake");
    http.websocket = Some(WebSocketRecord {
        messages: Messages::List(sent.clone()),
        closed_by: Some(Side::Server),
        close_code: Some(1000),
        close_reason: Some("bye".into()),
        timestamp_end: Some(Timestamp(12)),
    });
    let out = passed(&store, &record(Detail::Http(Box::new(http))));
    let http = out.http().unwrap();
    assert_eq!(http.stream, Some(StreamKind::WebSocket));
    assert_eq!(bytes(&http.request_body), "ask");
    assert_eq!(bytes(&http.response_body), "handshake");
    let websocket = http.websocket.as_ref().unwrap();
    let got: Vec<Message> = websocket.messages.iter().map(Result::unwrap).collect();
    assert_eq!(got, sent);
    assert_eq!(websocket.close_code, Some(1000));
    assert_eq!(websocket.closed_by, Some(Side::Server));
    assert_eq!(websocket.timestamp_end, Some(Timestamp(12)));

    let data = vec![
        message(Side::Client, MessageKind::Data, "up"),
        message(Side::Server, MessageKind::Data, "down"),
    ];
    for wrap in [Detail::Tcp, Detail::Udp] {
        let out = passed(&store, &record(wrap(Messages::List(data.clone()))));
        let (Detail::Tcp(messages) | Detail::Udp(messages)) = &out.detail else {
            panic!("another kind");
        };
        let got: Vec<Message> = messages.iter().map(Result::unwrap).collect();
        assert_eq!(got, data);
    }
}

#[test]
fn events_in_a_body_are_found() {
    let store = store(1 << 24, 1 << 28);
    let mut http = exchange("data: 1\n\ndata: 2\n\n");
    let head = http.response.as_mut().unwrap();
    head.headers.set("content-type", b"text/event-stream");
    let id = store.import(&record(Detail::Http(Box::new(http)))).unwrap();
    store.flush();
    let snapshot = store.snapshot(id).unwrap();
    assert_eq!(snapshot.stream, Some(StreamKind::Sse));
    assert_eq!(snapshot.messages, 2);
}

#[derive(Debug)]
struct InFile {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl ReadBody for InFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, _: Range<u64>) -> io::Result<Bytes> {
        panic!("it is in a file");
    }

    fn file(&self) -> Option<(Arc<File>, u64)> {
        Some((self.file.clone(), self.offset))
    }
}

#[test]
fn a_body_in_a_file_stays_there() {
    let store = store(1 << 24, 1 << 28);
    let mut file = tempfile::tempfile().unwrap();
    // Over the edge between two parts of a file, which takes no room on the disk for being sparse.
    let at = (1 << 31) - 3;
    file.set_len(at).unwrap();
    std::io::Seek::seek(&mut file, io::SeekFrom::Start(at)).unwrap();
    file.write_all(b"content").unwrap();
    let mut http = exchange("");
    http.response_body = Body::Lazy(Arc::new(InFile {
        file: Arc::new(file),
        offset: at,
        len: 7,
    }));
    let out = passed(&store, &record(Detail::Http(Box::new(http))));
    assert_eq!(bytes(&out.http().unwrap().response_body), "content");
}

#[test]
fn a_record_says_when_its_flow_is_gone() {
    let store = store(1 << 24, 1 << 28);
    let long = Bytes::from(vec![7; 300_000]);
    let out = passed(&store, &record(Detail::Http(Box::new(exchange(long)))));
    store.remove(&store.ids(0..9));
    assert!(out.http().unwrap().response_body.whole(u64::MAX).is_err());
}

/// A file that is many times as large as what the store may write is there as a whole.
#[test]
fn a_file_larger_than_the_disk_budget_is_kept() {
    use ratel_flow::io::{FlowReader, FlowWriter};
    const FLOWS: usize = 200;
    let budget = 1 << 20;
    let store = store(1 << 24, budget);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let body = |n: usize| Bytes::from(vec![n as u8; 40_000 + n]);
    let mut writer = FlowWriter::new(&mut file);
    for n in 0..FLOWS {
        let mut changed = record(Detail::Http(Box::new(exchange(body(n)))));
        if n % 10 == 3 {
            changed.backup = Some(Box::new(record(Detail::Http(Box::new(exchange("before"))))));
        }
        writer.write(&changed).unwrap();
    }
    let written = file.as_file().metadata().unwrap().len();
    assert!(written > 5 * budget, "{written}");
    let reader = FlowReader::open(file.path()).unwrap().leaving_bodies();
    let ids: Vec<_> = reader
        .map(|flow| store.import(&flow.unwrap()).unwrap())
        .collect();
    store.flush();
    let stats = store.stats();
    assert_eq!((stats.flows, stats.evicted), (FLOWS, 0));
    assert!(stats.disk_bytes <= budget, "{stats:?}");
    for (n, id) in ids.into_iter().enumerate() {
        let out = store.record(id).unwrap();
        assert_eq!(bytes(&out.http().unwrap().response_body), body(n));
    }
}

/// A certificate that many connections were shown takes its room once.
#[test]
fn what_connections_share_is_accounted_once() {
    let store = store(1 << 24, 1 << 28);
    let certificate = Bytes::from(vec![7; 100_000]);
    for n in 0..50 {
        let mut record = record(Detail::Http(Box::new(exchange("content"))));
        record.client_conn = Arc::new(ClientConn {
            id: ConnId(n),
            extra: Some(Arc::new(ConnExtra {
                mitmcert: Some(certificate.clone()),
                ..ConnExtra::default()
            })),
            ..ClientConn::clone(&record.client_conn)
        });
        store.import(&record).unwrap();
    }
    store.flush();
    let taken = store.stats().memory_bytes;
    assert!((100_000..200_000).contains(&taken), "{taken}");
    store.remove(&store.ids(0..usize::MAX));
    store.flush();
    assert_eq!(store.stats().memory_bytes, 0);
}
