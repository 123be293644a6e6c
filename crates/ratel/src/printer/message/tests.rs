//! Flows with messages, from the store to the text.

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ratel_core::eventlog::{EventLog, Level};
use ratel_core::store::{FlowStore, FlowWriter, StoreConfig};
use ratel_flow::{
    ClientConn, ConnId, FlowError, FlowKind, MessageFlags, MessageHead, MessageKind, Payload,
    PayloadStream, Request, Response, Scheme, ServerConn, Side, StreamKind, Version,
};
use ratel_proto::Headers;
use time::UtcOffset;

use crate::printer::progress::Progress;
use crate::printer::{Printer, Setup, Style};

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Bench {
    store: FlowStore,
    log: EventLog,
    output: Output,
    printer: Printer,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn start(detail: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = FlowStore::start(StoreConfig {
            dir: dir.path().to_owned(),
            memory_bytes: 64 << 20,
            disk_bytes: 4 << 30,
        });
        let store = store.unwrap();
        let log = EventLog::new(Level::Info);
        let setup = Setup {
            store: store.clone(),
            log: log.clone(),
            style: Style {
                detail,
                showhost: false,
                cutoff: 3,
                view: "auto".to_owned(),
                columns: 80,
                schemas: None,
            },
            filter: None,
            colour: false,
            offset: UtcOffset::UTC,
        };
        let output = Output::default();
        let printer = Printer::start(setup, output.clone(), || {}).unwrap();
        Self {
            store,
            log,
            output,
            printer,
            _dir: dir,
        }
    }

    /// A flow whose request has been sent, and whose response has begun unless its status is 0.
    fn open(&self, kind: StreamKind, version: Version, path: &'static str, status: u16) -> Feed {
        let now = ratel_core::clock::now();
        let conn = ClientConn {
            id: ConnId(1),
            peername: ([127, 0, 0, 1], 5000).into(),
            sockname: ([127, 0, 0, 1], 8080).into(),
            proxy_mode: "regular".into(),
            timestamp_start: now,
            timestamp_end: None,
            tls: None,
            passthrough: None,
            extra: None,
            error: None,
        };
        let flow_kind = match kind {
            StreamKind::Tcp => FlowKind::Tcp,
            _ => FlowKind::Http,
        };
        let writer = self.store.open(flow_kind, &Arc::new(conn), now);
        writer.server_conn(Arc::new(ServerConn {
            id: ConnId(2),
            address: ("service.dev".into(), 443),
            peername: None,
            sockname: None,
            timestamp_start: now,
            timestamp_tcp_setup: None,
            timestamp_end: None,
            tls: None,
            error: None,
            extra: None,
        }));
        if flow_kind == FlowKind::Http {
            writer.request(&Request {
                pseudo: Headers::new(),
                method: b"POST"[..].into(),
                target: path.as_bytes().into(),
                version: version.clone(),
                line: None,
                headers: headers(&[("content-type", "application/json")]),
                scheme: Scheme::Https,
                host: "service.dev".into(),
                port: 443,
                path: path.as_bytes().into(),
                timestamp_start: now,
            });
            writer.stream(kind);
        }
        let feed = Feed {
            writer,
            kind,
            version,
            written: Mutex::default(),
        };
        if status > 0 {
            feed.respond(status);
        }
        feed.writer.stream(kind);
        feed
    }

    fn finish(self) -> String {
        self.store.flush();
        self.printer.finish().unwrap();
        self.output.text()
    }
}

/// A flow that is being recorded.
struct Feed {
    writer: FlowWriter,
    kind: StreamKind,
    version: Version,
    written: Mutex<[u64; 2]>,
}

impl Feed {
    fn respond(&self, status: u16) {
        self.writer.response(&Response {
            pseudo: Headers::new(),
            version: self.version.clone(),
            status,
            reason: match self.version {
                Version::Http11 => b"Fine"[..].into(),
                _ => Bytes::new(),
            },
            line: None,
            headers: headers(&[("content-type", "text/event-stream")]),
            timestamp_start: ratel_core::clock::now(),
        });
    }

    fn send(&self, side: Side, kind: MessageKind, content: &[u8]) {
        self.put(side, kind, content, 0, MessageFlags::default());
    }

    fn put(&self, side: Side, kind: MessageKind, content: &[u8], code: u32, flags: MessageFlags) {
        let now = ratel_core::clock::now();
        let mut written = self.written.lock().unwrap();
        let offset = &mut written[usize::from(side == Side::Server)];
        self.writer
            .extra(side, &[Bytes::copy_from_slice(content)], now);
        self.writer.message(&MessageHead {
            side,
            kind,
            flags,
            timestamp: now,
            code,
            payload: Payload {
                stream: PayloadStream::Extra,
                offset: *offset,
                len: content.len() as u64,
            },
        });
        *offset += content.len() as u64;
    }

    fn close(&self, side: Side, code: u32, reason: &str) {
        self.put(
            side,
            MessageKind::Close,
            reason.as_bytes(),
            code,
            MessageFlags::default(),
        );
    }

    fn fail(&self, message: &str) {
        self.writer.error(FlowError {
            message: message.into(),
            hint: Some("try again".into()),
            by_client: false,
            timestamp: ratel_core::clock::now(),
        });
    }

    fn end(self) {
        let now = ratel_core::clock::now();
        if self.kind != StreamKind::Tcp {
            self.writer.end(Side::Client, now);
            self.writer.end(Side::Server, now);
        }
        self.writer.finish(ratel_core::clock::now());
    }
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name.as_bytes(), value.as_bytes());
    }
    headers
}

#[test]
fn a_websocket_as_mitmdump_prints_it() {
    let text = |detail| {
        let bench = Bench::start(detail);
        let feed = bench.open(StreamKind::WebSocket, Version::Http11, "/chat", 101);
        feed.send(Side::Client, MessageKind::Text, br#"{"a":[1]}"#);
        feed.send(Side::Server, MessageKind::Ping, b"ping");
        feed.send(Side::Client, MessageKind::Pong, b"ping");
        feed.send(Side::Server, MessageKind::Binary, b"\x00\xff\xfe\x01");
        let injected = MessageFlags::INJECTED;
        feed.put(Side::Client, MessageKind::Text, b"", 1, injected);
        feed.close(Side::Server, 1000, "done");
        feed.close(Side::Client, 1000, "");
        feed.end();
        bench.finish()
    };
    insta::assert_snapshot!(text(1), @r"
    127.0.0.1:5000: POST https://service.dev/chat
                 << 101 Fine 0b
    127.0.0.1:5000 -> WebSocket text message -> service.dev:443/chat
    127.0.0.1:5000 <- WebSocket binary message <- service.dev:443/chat
    127.0.0.1:5000 -> WebSocket text message -> service.dev:443/chat (injected)
    WebSocket connection closed by server: 1000 done
    ");
    insta::assert_snapshot!(text(3), @r#"
    127.0.0.1:5000: POST https://service.dev/chat
        content-type: application/json

     << 101 Fine 0b
        content-type: text/event-stream

    127.0.0.1:5000 -> WebSocket text message -> service.dev:443/chat

        {
            "a": [
                1
        (cut off)

    127.0.0.1:5000 <- WebSocket ping <- service.dev:443/chat

        ping

    127.0.0.1:5000 -> WebSocket pong -> service.dev:443/chat

        ping

    127.0.0.1:5000 <- WebSocket binary message <- service.dev:443/chat

        0000:   00 ff fe 01                                          ....

    127.0.0.1:5000 -> WebSocket text message -> service.dev:443/chat (injected)

    WebSocket connection closed by server: 1000 done
    "#);
}

#[test]
fn how_a_websocket_ends() {
    type Row = (
        Option<(u32, &'static str)>,
        Option<&'static str>,
        &'static str,
    );
    let rows: [Row; 6] = [
        (Some((1001, "")), None, "closed by client: 1001\n"),
        (Some((0, "")), None, "closed by client: 1005\n"),
        (
            Some((1011, "broke \u{1b}[5m")),
            None,
            "Error in WebSocket connection to service.dev:443: WebSocket Error: INTERNAL_ERROR (reason: broke .[5m)\n",
        ),
        (
            Some((4001, "")),
            None,
            "service.dev:443: WebSocket Error: UNKNOWN_ERROR=4001\n",
        ),
        (None, None, "WebSocket Error: ABNORMAL_CLOSURE\n"),
        (
            None,
            Some("the server sent a bad frame"),
            "Error in WebSocket connection to service.dev:443: the server sent a bad frame\n    hint: try again\n",
        ),
    ];
    for (close, error, expected) in rows {
        let bench = Bench::start(1);
        let feed = bench.open(StreamKind::WebSocket, Version::Http11, "/", 101);
        if let Some((code, reason)) = close {
            feed.close(Side::Client, code, reason);
        }
        if let Some(error) = error {
            feed.fail(error);
        }
        feed.end();
        let text = bench.finish();
        assert!(text.ends_with(expected), "{text}\n{expected}");
        assert!(
            text.starts_with("127.0.0.1:5000: POST https://service.dev/\n"),
            "{text}"
        );
    }
}

#[test]
fn events_follow_the_request_that_asked_for_them() {
    let text = |detail| {
        let bench = Bench::start(detail);
        let feed = bench.open(StreamKind::Sse, Version::Http2, "/v1/chat", 200);
        let request = Bytes::from_static(b"{\"model\": 1}");
        let now = ratel_core::clock::now();
        feed.writer.data(Side::Client, &[request], now);
        feed.writer.end(Side::Client, now);
        feed.send(Side::Server, MessageKind::Event, b"data: {\"n\": 1}\n");
        feed.send(Side::Server, MessageKind::Event, b"event: end\ndata: 2\n");
        feed.end();
        bench.finish()
    };
    insta::assert_snapshot!(text(1), @r#"
    127.0.0.1:5000: POST https://service.dev/v1/chat HTTP/2.0
    127.0.0.1:5000 <- SSE event <- service.dev:443/v1/chat: {"n": 1}
    127.0.0.1:5000 <- SSE event <- service.dev:443/v1/chat: end: 2
        << HTTP/2.0 200 OK 0b
    "#);
    insta::assert_snapshot!(text(4), @r#"
    127.0.0.1:5000: POST https://service.dev/v1/chat HTTP/2.0
        content-type: application/json

        {
            "model": 1
        }

    127.0.0.1:5000 <- SSE event <- service.dev:443/v1/chat

        data: {
            "n": 1
        }

    127.0.0.1:5000 <- SSE event <- service.dev:443/v1/chat

        event: end
        data: 2

     << HTTP/2.0 200 OK 0b
        content-type: text/event-stream
    "#);
}

#[test]
fn a_call_says_how_it_ended() {
    let bench = Bench::start(1);
    let feed = bench.open(StreamKind::Grpc, Version::Http2, "/shop.Orders/Get", 0);
    feed.send(Side::Client, MessageKind::Grpc, b"\x08\x01");
    // The answer comes when the request has been printed, after something else.
    bench.store.flush();
    while !bench.output.text().contains("gRPC message") {
        std::thread::yield_now();
    }
    bench.log.push(Level::Info, "meanwhile", None);
    feed.respond(200);
    feed.writer.grpc_status(5, "no such order");
    feed.end();
    let ok = bench.open(StreamKind::Grpc, Version::Http2, "/shop.Orders/Put", 200);
    ok.writer.grpc_status(0, "");
    ok.end();
    let text = bench.finish();
    let text = text.lines().map(|line| match line.ends_with("meanwhile") {
        true => "[time] meanwhile",
        false => line,
    });
    insta::assert_snapshot!(text.collect::<Vec<_>>().join("\n"), @r"
    127.0.0.1:5000: POST https://service.dev/shop.Orders/Get HTTP/2.0
    127.0.0.1:5000 -> gRPC message -> service.dev:443/shop.Orders/Get: 1: 1
    [time] meanwhile
    127.0.0.1:5000: POST https://service.dev/shop.Orders/Get HTTP/2.0
        << HTTP/2.0 200 OK 0b grpc 5 NOT_FOUND: no such order
    127.0.0.1:5000: POST https://service.dev/shop.Orders/Put HTTP/2.0
        << HTTP/2.0 200 OK 0b grpc 0 OK
    ");
}

#[test]
fn raw_connections() {
    let text = |detail| {
        let bench = Bench::start(detail);
        let feed = bench.open(StreamKind::Tcp, Version::Http11, "", 0);
        feed.send(Side::Server, MessageKind::Data, b"220 ready\r\n");
        feed.send(Side::Client, MessageKind::Data, b"HELO me\r\n");
        feed.fail("the server closed the connection");
        feed.end();
        bench.open(StreamKind::Tcp, Version::Http11, "", 0).end();
        bench.finish()
    };
    insta::assert_snapshot!(text(1), @r"
    127.0.0.1:5000 <- tcp <- service.dev:443
    127.0.0.1:5000 -> tcp -> service.dev:443
    Error in TCP connection to service.dev:443: the server closed the connection
        hint: try again
    ");
    insta::assert_snapshot!(text(3), @r"
    127.0.0.1:5000 <- tcp <- service.dev:443

        220 ready

    127.0.0.1:5000 -> tcp -> service.dev:443

        HELO me

    Error in TCP connection to service.dev:443: the server closed the connection
        hint: try again
    ");
}

#[test]
fn messages_are_printed_while_the_flow_goes_on() {
    let bench = Bench::start(3);
    let feed = bench.open(StreamKind::Ndjson, Version::Http11, "/lines", 200);
    for n in 0..3 {
        let line = format!("{{\"n\":{n}}}");
        feed.send(Side::Server, MessageKind::Json, line.as_bytes());
        while !bench.output.text().contains(&format!("\"n\": {n}")) {
            std::thread::yield_now();
        }
    }
    feed.end();
    let text = bench.finish();
    assert_eq!(text.matches("JSON line").count(), 3, "{text}");
    assert_eq!(text.matches("POST").count(), 1, "{text}");
}

#[test]
fn content_is_bounded_by_the_detail() {
    let lines = b"1\n2\n3\n4\n5\n";
    let long = "0123456789abcde\n".repeat(200_000);
    for (detail, content, expected) in [
        (3, &lines[..], "    3\n    (cut off)\n"),
        (4, &lines[..], "    5\n\n"),
        (3, long.as_bytes(), "(cut off)\n"),
    ] {
        let bench = Bench::start(detail);
        let feed = bench.open(StreamKind::WebSocket, Version::Http11, "/", 101);
        feed.send(Side::Client, MessageKind::Text, content);
        feed.close(Side::Client, 1000, "");
        feed.end();
        let text = bench.finish();
        assert!(
            text.contains(expected),
            "{detail}: {}",
            &text[..1000.min(text.len())]
        );
        assert!(text.len() < 1000);
    }
    let bench = Bench::start(4);
    let feed = bench.open(StreamKind::WebSocket, Version::Http11, "/", 101);
    feed.send(Side::Client, MessageKind::Text, long.as_bytes());
    feed.close(Side::Client, 1000, "");
    feed.end();
    let text = bench.finish();
    assert_eq!(text.matches("    0123456789abcde\n").count(), 200_000);
}

#[test]
fn what_peers_send_is_escaped() {
    let hostile = b"\x1b]0;x\x07\x9b31m\r\n\xe2\x80\xae\xff";
    for detail in 1..=4 {
        let bench = Bench::start(detail);
        let feed = bench.open(StreamKind::GrpcWeb, Version::Http2, "/\u{1b}[2J", 200);
        for kind in MessageKind::ALL {
            feed.send(Side::Server, kind, hostile);
        }
        feed.writer.grpc_status(3, "\u{1b}[5m");
        feed.end();
        let text = bench.finish();
        assert!(
            !text.contains(|c: char| c != '\n' && c != '\t' && (c.is_control() || c == '\u{202e}')),
            "{text:?}"
        );
    }
}

/// Two streams at once, more messages than any window or queue holds: each is printed once and in its order.
#[test]
fn many_messages_are_printed_once_and_in_order() {
    let bench = Bench::start(3);
    let feeds: Vec<Feed> = ["/a", "/b"]
        .map(|path| bench.open(StreamKind::WebSocket, Version::Http11, path, 101))
        .into();
    let count = 20_000;
    for n in 0..count {
        for (feed, name) in feeds.iter().zip(["a", "b"]) {
            let text = format!("{name}{n}");
            feed.send(Side::Client, MessageKind::Text, text.as_bytes());
        }
    }
    for feed in feeds {
        feed.close(Side::Client, 1000, "");
        feed.end();
    }
    let text = bench.finish();
    for name in ["a", "b"] {
        let numbers: Vec<u32> = text
            .lines()
            .filter_map(|line| line.strip_prefix("    ")?.strip_prefix(name)?.parse().ok())
            .collect();
        assert!(
            numbers.iter().copied().eq(0..count),
            "{name}: {}",
            numbers.len()
        );
    }
    assert_eq!(text.matches("closed by client: 1000").count(), 2);
}

/// What waits to be printed does not grow with the messages that are there.
#[test]
fn messages_are_taken_by_batches() {
    let bench = Bench::start(0);
    let feed = bench.open(StreamKind::WebSocket, Version::Http11, "/", 101);
    let count = 10_000;
    for _ in 0..count {
        feed.send(Side::Server, MessageKind::Text, b"x");
    }
    bench.store.flush();
    let mut progress = Progress::default();
    let id = feed.writer.id();
    progress.changed(id);
    progress.changed(id);
    let mut taken = 0;
    while progress.is_due() {
        let mut batch = Vec::new();
        progress.read(&bench.store, 100, &mut batch);
        assert!(batch.len() < 400, "{}", batch.len());
        taken += batch.len();
    }
    assert_eq!(taken, count + 1, "the beginning and the messages");
    let mut rest = Vec::new();
    assert!(progress.read_rest(&bench.store, id, 100, &mut rest) && rest.is_empty());
    assert!(progress.end(id).is_some() && progress.end(id).is_none());
}
