//! Packets rebuilt from flows: read back, and dissected by tshark without being told anything.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use common::{flows, lines};
use proptest::prelude::*;
use ratel_capture::PcapngWriter;
use ratel_flow::Annotations;
use ratel_flow::dns::{DnsMessage, Message as DnsContent, Question, Resource};
use ratel_flow::record::{Detail, DnsRecord, HttpRecord, Messages, WebSocketRecord};
use ratel_flow::{
    Body, ClientConn, ConnId, FlowError, Headers, Message, MessageFlags, MessageKind, Record,
    Request, Response, Scheme, ServerConn, Side, Timestamp, TlsInfo, TlsVersion, Verbatim, Version,
};
use ratel_testkit::peer;

/// Packets of flows.
fn write(flows: &[Record]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new());
    for flow in flows {
        writer.add(flow).expect("room");
    }
    let (file, report) = writer.finish().expect("it is written");
    assert_eq!(report.flows + report.left_out, flows.len() as u64);
    file
}

/// What tshark says of each packet that `filter` matches, by its fields.
fn tshark(file: &[u8], filter: &str, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let program = peer::find("tshark")?;
    let capture = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(capture.path(), file).expect("it can be written");
    let mut command = Command::new(program);
    command.arg("-r").arg(capture.path());
    command.args([
        "-Y",
        filter,
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "aggregator=|",
    ]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = peer::output(&mut command);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    Some(text.lines().map(row).collect())
}

/// The bodies that tshark finds.
fn objects(file: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let program = peer::find("tshark")?;
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("capture.pcapng");
    std::fs::write(&capture, file).expect("it can be written");
    let objects = folder.path().join("objects");
    let output = peer::output(
        Command::new(program)
            .arg("-r")
            .arg(&capture)
            .args(["-q", "--export-objects"])
            .arg(format!("http,{}", objects.display())),
    );
    assert!(output.status.success());
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(objects).into_iter().flatten() {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        found.insert(
            name,
            std::fs::read(Path::new(&path)).expect("it can be read"),
        );
    }
    Some(found)
}

/// No packet has an error in its headers, its order or its checksums.
fn is_clean(file: &[u8]) {
    let filter = "tcp.analysis.flags || ip.checksum.status == Bad || tcp.checksum.status == Bad || \
        udp.checksum.status == Bad || _ws.malformed || _ws.unreassembled || _ws.expert.severity >= warning";
    let program = peer::find("tshark");
    let Some(program) = program else {
        return;
    };
    let capture = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(capture.path(), file).expect("it can be written");
    let output = peer::output(
        Command::new(program)
            .arg("-r")
            .arg(capture.path())
            .args([
                "-o",
                "ip.check_checksum:TRUE",
                "-o",
                "tcp.check_checksum:TRUE",
            ])
            .args(["-o", "udp.check_checksum:TRUE", "-Y", filter]),
    );
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(found, "", "{}", String::from_utf8_lossy(&output.stderr));
}

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp((1_700_000_000 + seconds) * SECOND)
}

/// The two ends of a connection to a server, with TLS of some version.
fn conns(port: u16, tls: Option<(TlsVersion, &'static str)>) -> (Arc<ClientConn>, Arc<ServerConn>) {
    let info = tls.map(|(version, alpn)| {
        Arc::new(TlsInfo {
            version: Some(version),
            sni: Some("a.example".into()),
            alpn: Some(alpn.into()),
            ..TlsInfo::default()
        })
    });
    let client = "192.0.2.7:51000".parse().expect("an address");
    let server = format!("198.51.100.9:{port}").parse().expect("an address");
    let client_conn = ClientConn {
        id: ConnId::next(),
        peername: client,
        sockname: server,
        proxy_mode: "regular".into(),
        timestamp_start: at(0),
        timestamp_end: None,
        tls: info.clone(),
        passthrough: None,
        error: None,
        extra: None,
    };
    let server_conn = ServerConn {
        id: ConnId::next(),
        address: ("a.example".into(), port),
        peername: Some(server),
        sockname: None,
        timestamp_start: at(0),
        timestamp_tcp_setup: Some(at(0)),
        timestamp_end: None,
        tls: info,
        error: None,
        extra: None,
    };
    (Arc::new(client_conn), Arc::new(server_conn))
}

fn record(
    conns: &(Arc<ClientConn>, Arc<ServerConn>),
    created: Timestamp,
    detail: Detail,
) -> Record {
    Record {
        id: "2f6b1f2e-0000-4000-8000-000000000001".into(),
        client_conn: conns.0.clone(),
        server_conn: Some(conns.1.clone()),
        error: None,
        annotations: Annotations::default(),
        timestamp_created: created,
        backup: None,
        detail,
        verbatim: Verbatim::default(),
    }
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().copied().collect()
}

/// A request and its response at some second.
#[derive(Clone)]
struct Exchange<'a> {
    version: Version,
    scheme: Scheme,
    port: u16,
    method: &'a str,
    path: &'a str,
    request: &'a [(&'a str, &'a str)],
    request_body: &'a [u8],
    status: u16,
    response: &'a [(&'a str, &'a str)],
    response_body: &'a [u8],
    second: u64,
}

impl Exchange<'_> {
    fn http(&self) -> HttpRecord {
        let is_h2 = self.version == Version::Http2;
        let mut pseudo = Headers::new();
        if is_h2 {
            pseudo.append(b":method", self.method.as_bytes());
            pseudo.append(b":scheme", self.scheme.as_str().as_bytes());
            pseudo.append(b":authority", b"a.example");
            pseudo.append(b":path", self.path.as_bytes());
        }
        let request = Request {
            method: self.method.to_owned().into(),
            target: self.path.to_owned().into(),
            version: self.version.clone(),
            line: None,
            headers: headers(self.request),
            pseudo,
            scheme: self.scheme,
            host: "a.example".into(),
            port: self.port,
            path: self.path.to_owned().into(),
            timestamp_start: at(self.second),
        };
        let body = |bytes: &[u8]| Body::Bytes(Bytes::copy_from_slice(bytes));
        let mut http = HttpRecord::new(request, body(self.request_body));
        http.request_end = Some(at(self.second));
        let status = format!("{}", self.status);
        http.response = Some(Response {
            version: self.version.clone(),
            status: self.status,
            reason: if is_h2 { Bytes::new() } else { "Fine".into() },
            line: None,
            headers: headers(self.response),
            pseudo: if is_h2 {
                headers(&[(":status", &status)])
            } else {
                Headers::new()
            },
            timestamp_start: at(self.second + 1),
        });
        http.response_body = body(self.response_body);
        http.response_end = Some(at(self.second + 1));
        http
    }
}

fn plain<'a>() -> Exchange<'a> {
    Exchange {
        version: Version::Http11,
        scheme: Scheme::Http,
        port: 8000,
        method: "GET",
        path: "/one?a=b",
        request: &[("Host", "a.example:8000"), ("X-Odd", "sp aced")],
        request_body: b"",
        status: 200,
        response: &[("Content-Type", "text/plain"), ("Content-Length", "5")],
        response_body: b"hello",
        second: 1,
    }
}

/// Heads, bodies, trailers and destinations are the same.
fn assert_same(a: &Record, b: &Record) {
    let (Some(a), Some(b)) = (a.http(), b.http()) else {
        panic!("not HTTP");
    };
    let request = |http: &HttpRecord| {
        let Request {
            method,
            target,
            version,
            headers,
            pseudo,
            scheme,
            host,
            port,
            path,
            timestamp_start,
            ..
        } = http.request.clone();
        let to = (scheme, host, port, path, timestamp_start);
        (method, target, version, headers, pseudo, to)
    };
    assert_eq!(request(a), request(b));
    let response = |http: &HttpRecord| {
        http.response.clone().map(|response| {
            let Response {
                version,
                status,
                reason,
                headers,
                pseudo,
                timestamp_start,
                ..
            } = response;
            (version, status, reason, headers, pseudo, timestamp_start)
        })
    };
    assert_eq!(response(a), response(b));
    assert_eq!(a.informational.len(), b.informational.len());
    let whole = |body: &Body| body.whole(u64::MAX).expect("it can be read");
    assert_eq!(whole(&a.request_body), whole(&b.request_body));
    assert_eq!(whole(&a.response_body), whole(&b.response_body));
    assert_eq!(a.request_trailers, b.request_trailers);
    assert_eq!(a.response_trailers, b.response_trailers);
}

/// One connection with all ways in which a message can end.
fn http1_records(large: &[u8]) -> Vec<Record> {
    let conns = conns(8000, None);
    let length = large.len().to_string();
    let rows = [
        plain(),
        Exchange {
            method: "POST",
            path: "/two",
            request: &[("Host", "a.example:8000"), ("Transfer-Encoding", "chunked")],
            request_body: b"chunked request",
            status: 201,
            response: &[("Content-Length", &length)],
            response_body: large,
            second: 3,
            ..plain()
        },
        Exchange {
            path: "/three",
            response: &[("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")],
            response_body: b"in chunks",
            second: 5,
            ..plain()
        },
        Exchange {
            method: "HEAD",
            path: "/four",
            response: &[("Content-Length", "12345")],
            response_body: b"",
            second: 7,
            ..plain()
        },
        Exchange {
            path: "/five",
            response: &[("Connection", "close")],
            response_body: b"up to the end",
            second: 9,
            ..plain()
        },
        // After the end of the connection.
        Exchange {
            path: "/six",
            second: 11,
            ..plain()
        },
    ];
    let mut records: Vec<_> = rows
        .iter()
        .map(|row| record(&conns, at(row.second), Detail::Http(Box::new(row.http()))))
        .collect();
    if let Detail::Http(http) = &mut records[2].detail {
        http.response_trailers = Some(headers(&[("X-Sum", "9")]));
    }
    records
}

#[test]
fn http1_is_dissected_and_read_back() {
    let large: Vec<u8> = (0..300_000_u32).map(|n| (n % 253) as u8).collect();
    let records = http1_records(&large);
    let file = write(&records);
    let found = flows(&file, None);
    assert_eq!(found.len(), records.len(), "{:?}", lines(&found));
    for (a, b) in records.iter().zip(&found) {
        assert_same(a, b);
        assert_eq!(b.error, None);
        assert_eq!(b.client_conn.sockname.port(), 8000);
    }
    let first = &found[0].client_conn;
    assert_eq!(first.peername.to_string(), "192.0.2.7:51000");
    assert!(
        found[..5]
            .iter()
            .all(|flow| flow.client_conn.id == first.id)
    );
    assert_ne!(found[5].client_conn.id, first.id);

    is_clean(&file);
    let fields = [
        "http.request.method",
        "http.request.uri",
        "http.response.code",
        "http.host",
    ];
    let Some(rows) = tshark(&file, "http", &fields) else {
        return;
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| row.join(" ").trim().to_owned())
        .collect();
    assert_eq!(
        rows,
        [
            "GET /one?a=b  a.example:8000",
            "200",
            "POST /two  a.example:8000",
            "201",
            "GET /three  a.example:8000",
            "200",
            "HEAD /four  a.example:8000",
            "200",
            "GET /five  a.example:8000",
            "200",
            "GET /six  a.example:8000",
            "200",
        ]
    );
    let objects = objects(&file).expect("tshark is there");
    let bodies: Vec<&[u8]> = objects.values().map(Vec::as_slice).collect();
    for body in [
        &b"hello"[..],
        &large,
        b"in chunks",
        b"up to the end",
        b"chunked request",
    ] {
        assert!(
            bodies.contains(&body),
            "{}: {:?}",
            body.escape_ascii(),
            objects.keys()
        );
    }
}

#[test]
fn https_is_shown_open_and_known_again() {
    let conns = conns(443, Some((TlsVersion::Tls12, "http/1.1")));
    let row = Exchange {
        scheme: Scheme::Https,
        port: 443,
        request: &[("Host", "a.example")],
        ..plain()
    };
    let records = [record(&conns, at(1), Detail::Http(Box::new(row.http())))];
    let file = write(&records);
    let found = flows(&file, None);
    assert_eq!(
        lines(&found),
        ["GET https://a.example/one?a=b HTTP/1.1 200 hello"]
    );
    assert_same(&records[0], &found[0]);
    let tls = found[0].client_conn.tls.clone().expect("it was TLS");
    assert_eq!(tls.version, Some(TlsVersion::Tls12));
    assert_eq!(tls.sni.as_deref(), Some("a.example"));
    assert_eq!(tls.alpn.as_deref(), Some(&b"http/1.1"[..]));
    is_clean(&file);
    let fields = [
        "tcp.dstport",
        "frame.comment",
        "frame.interface_name",
        "frame.interface_description",
    ];
    let Some(rows) = tshark(&file, "tcp.flags.syn == 1 && tcp.flags.ack == 0", &fields) else {
        return;
    };
    let label = "was TLSv1.2 to a.example port 443, ALPN http/1.1; shown open on port 80";
    assert_eq!(
        rows,
        [[
            "80",
            label,
            "rebuilt from flows",
            "packets that were never captured"
        ]]
    );
}

/// Streams of one connection, some at the same time.
fn http2_records(large: &[u8]) -> Vec<Record> {
    let conns = conns(8443, Some((TlsVersion::Tls13, "h2")));
    let value = "x".repeat(40_000);
    let h2 = Exchange {
        version: Version::Http2,
        scheme: Scheme::Https,
        port: 8443,
        request: &[("accept", "*/*"), ("cookie", "a=b"), ("cookie", "c=d")],
        response: &[("content-type", "text/plain")],
        ..plain()
    };
    let rows = [
        h2.clone(),
        // At the same time.
        Exchange {
            method: "POST",
            path: "/two",
            request_body: b"a request",
            response_body: large,
            ..h2.clone()
        },
        Exchange {
            path: "/three",
            request: &[("x-long", &value)],
            response_body: b"",
            status: 204,
            second: 5,
            ..h2.clone()
        },
        Exchange {
            path: "/four",
            second: 7,
            ..h2.clone()
        },
    ];
    let mut records: Vec<_> = rows
        .iter()
        .map(|row| record(&conns, at(row.second), Detail::Http(Box::new(row.http()))))
        .collect();
    if let Detail::Http(http) = &mut records[3].detail {
        http.response_trailers = Some(headers(&[("grpc-status", "0")]));
        http.request_trailers = Some(headers(&[("x-end", "1")]));
    }
    records
}

#[test]
fn http2_is_dissected_and_read_back() {
    let large: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let mut records = http2_records(&large);
    let file = write(&records);
    let mut found = flows(&file, None);
    found.sort_by_key(|flow| flow.http().map(|http| http.request.target.clone()));
    records.sort_by_key(|flow| flow.http().map(|http| http.request.target.clone()));
    assert_eq!(found.len(), records.len(), "{:?}", lines(&found));
    for (a, b) in records.iter().zip(&found) {
        assert_same(a, b);
        assert_eq!(b.error, None);
        assert_eq!(b.client_conn.id, found[0].client_conn.id, "one connection");
    }
    is_clean(&file);
    let fields = [
        "http2.headers.method",
        "http2.headers.path",
        "http2.headers.status",
        "http2.headers.authority",
    ];
    let Some(rows) = tshark(&file, "http2.type == 1", &fields) else {
        return;
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| row.join(" ").trim().to_owned())
        .collect();
    assert_eq!(
        rows,
        [
            "GET /one?a=b  a.example",
            "POST /two  a.example",
            "200",
            "200",
            "GET /three  a.example",
            "204",
            "GET /four  a.example",
            "",
            "200",
            "",
        ]
    );
    let bodies = h2_bodies(&file).expect("tshark is there");
    let expected: BTreeMap<_, _> = [
        ((1, false), b"hello".to_vec()),
        ((3, true), b"a request".to_vec()),
        ((3, false), large),
        ((7, false), b"hello".to_vec()),
    ]
    .into();
    let lengths: Vec<_> = bodies.iter().map(|(id, body)| (id, body.len())).collect();
    assert!(bodies == expected, "{lengths:?}");
}

/// The content of HTTP/2 streams as tshark has it, by stream and whether the client sent it.
fn h2_bodies(file: &[u8]) -> Option<BTreeMap<(u32, bool), Vec<u8>>> {
    let fields = [
        "tcp.dstport",
        "http2.streamid",
        "http2.type",
        "http2.length",
        "http2.data.data",
    ];
    let mut bodies = BTreeMap::<_, Vec<u8>>::new();
    for row in tshark(file, "http2.type == 0", &fields)? {
        let [port, ids, types, lengths, data] = &row[..] else {
            panic!("{row:?}");
        };
        let from_client = port == "8080" || port == "80";
        let frames = ids.split('|').zip(types.split('|')).zip(lengths.split('|'));
        let content = frames.filter(|((_, kind), len)| *kind == "0" && *len != "0");
        for (((id, _), len), hex) in content.zip(data.split('|')) {
            let id: u32 = id.parse().expect("a number");
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("digits"))
                .collect();
            let body = bodies.entry((id, from_client)).or_default();
            // With the last frame of several tshark shows all of them.
            if bytes.len() > len.parse().expect("a number") {
                body.clear();
            }
            body.extend(bytes);
        }
    }
    Some(bodies)
}

fn message(side: Side, kind: MessageKind, content: &str, second: u64) -> Message {
    Message {
        side,
        kind,
        flags: MessageFlags::default(),
        timestamp: at(second),
        content: content.to_owned().into(),
    }
}

/// A WebSocket with a few messages, by HTTP/1 or HTTP/2.
fn websocket(version: Version) -> HttpRecord {
    let is_h2 = version == Version::Http2;
    let long = "x".repeat(70_000);
    let list = vec![
        message(Side::Client, MessageKind::Text, "hello", 3),
        message(Side::Server, MessageKind::Binary, "\u{1}\u{2}", 4),
        message(Side::Server, MessageKind::Ping, "are you there", 5),
        message(Side::Client, MessageKind::Pong, "are you there", 5),
        message(Side::Client, MessageKind::Text, &long, 6),
        message(Side::Server, MessageKind::Text, "", 7),
    ];
    let upgrade = [
        ("Host", "a.example"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let agreed = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
    ];
    let row = Exchange {
        version,
        method: if is_h2 { "CONNECT" } else { "GET" },
        path: "/socket",
        request: if is_h2 { &upgrade[3..4] } else { &upgrade },
        status: if is_h2 { 200 } else { 101 },
        response: if is_h2 { &agreed[3..] } else { &agreed },
        response_body: b"",
        ..plain()
    };
    let mut http = row.http();
    if is_h2 {
        http.request.pseudo.insert(1, b":protocol", b"websocket");
    }
    http.websocket = Some(WebSocketRecord {
        messages: Messages::List(list),
        closed_by: Some(Side::Server),
        close_code: Some(1001),
        close_reason: Some("going away".into()),
        timestamp_end: Some(at(9)),
    });
    http
}

#[test]
fn websockets_are_dissected_and_read_back() {
    for version in [Version::Http11, Version::Http2] {
        let conns = conns(8000, None);
        let http = websocket(version.clone());
        let file = write(&[record(&conns, at(1), Detail::Http(Box::new(http)))]);
        let found = flows(&file, None);
        let messages = "[>text hello <binary \\u{1}\\u{2} <ping are you there >pong are you there >text 70000b <text ] closed 1001";
        let method = if version == Version::Http11 {
            "GET"
        } else {
            "CONNECT"
        };
        let line = &lines(&found)[0];
        assert!(
            line.starts_with(method) && line.ends_with(messages),
            "{line}"
        );
        let closed = found[0].http().and_then(|http| http.websocket.clone());
        let closed = closed.expect("a WebSocket");
        assert_eq!(closed.closed_by, Some(Side::Server));
        assert_eq!(closed.close_reason.as_deref(), Some("going away"));
        assert_eq!(closed.timestamp_end, Some(at(9)));
        is_clean(&file);
        let fields = [
            "websocket.opcode",
            "websocket.payload_length",
            "websocket.mask",
        ];
        let Some(rows) = tshark(&file, "websocket", &fields) else {
            return;
        };
        if version == Version::Http2 {
            continue;
        }
        let rows: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            rows,
            [
                "1 5 1", "2 2 0", "9 13 0", "10 13 1", "1 127 1", "1 0 0", "8 12 0", "8 2 1"
            ]
        );
    }
}

#[test]
fn raw_connections_datagrams_and_dns_are_written() {
    let (client, server) = conns(4321, None);
    let list = vec![
        message(
            Side::Server,
            MessageKind::Data,
            "220 a server that speaks first",
            2,
        ),
        message(Side::Client, MessageKind::Data, "HELLO to you", 3),
        message(Side::Server, MessageKind::Data, "good bye then", 4),
    ];
    let raw = record(
        &(client, server),
        at(1),
        Detail::Tcp(Messages::List(list.clone())),
    );
    let udp = record(
        &conns(9999, None),
        at(5),
        Detail::Udp(Messages::List(list[1..].to_vec())),
    );
    let question = DnsContent {
        id: 7,
        query: true,
        recursion_desired: true,
        questions: vec![Question {
            name: "a.example".into(),
            kind: 1,
            class: 1,
        }],
        ..DnsContent::default()
    };
    let answer = DnsContent {
        query: false,
        answers: vec![Resource {
            name: "a.example".into(),
            kind: 1,
            class: 1,
            ttl: 60,
            data: Bytes::from_static(&[192, 0, 2, 1]),
        }],
        ..question.clone()
    };
    let dns_at = |message: &DnsContent, second| DnsMessage {
        message: message.clone(),
        timestamp: Some(at(second)),
    };
    let dns = DnsRecord {
        request: dns_at(&question, 7),
        response: Some(dns_at(&answer, 8)),
    };
    let dns = record(&conns(53, None), at(7), Detail::Dns(Box::new(dns)));
    let nothing = record(&conns(1, None), at(7), Detail::Connection);
    let file = write(&[nothing, dns, udp, raw]);
    let mut found = lines(&flows(&file, None));
    found.sort();
    assert_eq!(
        found,
        [
            "DNS a.example Some(1)",
            "TCP [<220 a server that speaks first >HELLO to you <good bye then]",
            "UDP [>HELLO to you <good bye then]",
        ]
    );
    is_clean(&file);
    let Some(rows) = tshark(
        &file,
        "dns",
        &["dns.qry.name", "dns.a", "dns.flags.response"],
    ) else {
        return;
    };
    assert_eq!(
        rows,
        [["a.example", "", "0"], ["a.example", "192.0.2.1", "1"]]
    );
    let times = tshark(&file, "frame", &["frame.time_epoch"]).expect("tshark is there");
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn what_does_not_fit_together_is_made_to_and_said() {
    let conns = conns(8000, None);
    let mut decoded = plain().http();
    decoded.response_body = Body::Bytes("longer than it says".into());
    let mut missing = plain().http();
    missing.request.target = "/missing".into();
    missing.request.timestamp_start = at(4);
    missing.response_body = Body::Missing;
    let mut unanswered = plain().http();
    unanswered.request.target = "/unanswered".into();
    unanswered.request.timestamp_start = at(6);
    (unanswered.response, unanswered.response_end) = (None, None);
    let mut by_h2 = plain().http();
    by_h2.request.target = "/mixed".into();
    by_h2.request.timestamp_start = at(8);
    let response = by_h2.response.as_mut().expect("one");
    (response.version, response.reason) = (Version::Http2, Bytes::new());
    response.timestamp_start = at(8);
    let mut records: Vec<_> = [decoded, missing, unanswered, by_h2]
        .into_iter()
        .map(|http| {
            record(
                &conns,
                http.request.timestamp_start,
                Detail::Http(Box::new(http)),
            )
        })
        .collect();
    records[2].error = Some(FlowError {
        message: "nobody answered".into(),
        hint: None,
        by_client: false,
        timestamp: at(7),
    });
    let file = write(&records);
    assert_eq!(
        lines(&flows(&file, None)),
        [
            "GET http://a.example/one?a=b HTTP/1.1 200 longer than it says",
            "GET http://a.example/missing HTTP/1.1 200  !the response's body is broken: the connection was closed 5 bytes before \
             the end that Content-Length announced",
            "GET http://a.example/unanswered HTTP/1.1 !the connection was closed before a response came",
            "GET http://a.example/mixed HTTP/1.1 200 hello",
        ]
    );
    let Some(rows) = tshark(&file, "http.request", &["frame.comment"]) else {
        return;
    };
    let comments: Vec<String> = rows.concat();
    assert!(
        comments[0].contains("Content-Length was set to 19"),
        "{comments:?}"
    );
    assert!(
        comments[1].contains("body is not on record"),
        "{comments:?}"
    );
    assert!(
        comments[2].contains("it failed: nobody answered"),
        "{comments:?}"
    );
}

fn token() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,12}"
}

/// Fields that say nothing about how long a message is.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = token().prop_map(|name| format!("x-{name}"));
    prop::collection::vec((name, "[!-~]([ -~]{0,30}[!-~])?"), 0..6)
}

#[derive(Clone, Debug)]
struct Random {
    h2: bool,
    tls: bool,
    chunked: [bool; 2],
    method: String,
    path: String,
    fields: [Vec<(String, String)>; 2],
    bodies: [Vec<u8>; 2],
    status: u16,
    trailers: Vec<(String, String)>,
    second: u64,
}

fn random() -> impl Strategy<Value = Random> {
    let flags = (any::<bool>(), any::<bool>(), any::<[bool; 2]>());
    let head = ("[A-Z]{3,8}", "/[!-~]{0,40}", [fields(), fields()]);
    let bytes = || prop::collection::vec(any::<u8>(), 0..5000);
    let rest = ([bytes(), bytes()], 200..600_u16, fields(), 0..20_u64);
    (flags, head, rest).prop_map(|(flags, head, rest)| Random {
        h2: flags.0,
        tls: flags.1,
        chunked: flags.2,
        method: head.0,
        path: head.1,
        fields: head.2,
        bodies: rest.0,
        status: rest.1,
        trailers: rest.2,
        second: rest.3,
    })
}

impl Random {
    fn http(&self) -> HttpRecord {
        let list = |fields: &[(String, String)]| fields.iter().cloned().collect::<Headers>();
        let row = Exchange {
            version: if self.h2 {
                Version::Http2
            } else {
                Version::Http11
            },
            scheme: if self.tls {
                Scheme::Https
            } else {
                Scheme::Http
            },
            method: &self.method,
            path: &self.path,
            status: self.status,
            request_body: &self.bodies[0],
            response_body: &self.bodies[1],
            second: self.second,
            ..plain()
        };
        let mut http = row.http();
        let bodiless = matches!(self.status, 204 | 304);
        let mut heads = [list(&self.fields[0]), list(&self.fields[1])];
        heads[0].append(b"host", b"a.example");
        if bodiless {
            http.response_body = Body::Bytes(Bytes::new());
        }
        let trailers = (!self.trailers.is_empty()).then(|| list(&self.trailers));
        for (n, head) in heads.iter_mut().enumerate() {
            if self.h2 || (n == 1 && bodiless) {
                continue;
            }
            if self.chunked[n] {
                head.append(b"transfer-encoding", b"chunked");
            } else {
                head.append(
                    b"content-length",
                    self.bodies[n].len().to_string().as_bytes(),
                );
            }
        }
        if self.h2 || (self.chunked[1] && !bodiless) {
            http.response_trailers.clone_from(&trailers);
        }
        if self.h2 || self.chunked[0] {
            http.request_trailers = trailers;
        }
        let [request, response] = heads;
        http.request.headers = request;
        if let Some(head) = &mut http.response {
            head.headers = response;
        }
        http
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever flows share connections, and whenever they happened: all of them are read back as they were.
    #[test]
    fn flows_are_read_back_as_they_were(rows in prop::collection::vec((random(), 0..3_usize), 1..8)) {
        let plain_conns = [conns(8000, None), conns(8000, None), conns(8001, None)];
        let tls = Some((TlsVersion::Tls13, "h2"));
        let tls_conns = [conns(8000, tls), conns(8000, tls), conns(8001, tls)];
        let records: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(n, (row, conn))| {
                let conns = if row.tls { &tls_conns[*conn] } else { &plain_conns[*conn] };
                let mut http = row.http();
                http.request.port = conns.1.address.1;
                // So that they can be told apart.
                http.request.target = format!("/{n}{}", row.path).into();
                http.request.path = http.request.target.clone();
                if row.h2 {
                    http.request.pseudo.set(":path", &http.request.target.clone());
                }
                record(conns, at(row.second), Detail::Http(Box::new(http)))
            })
            .collect();
        let file = write(&records);
        let mut found = flows(&file, None);
        let number = |flow: &Record| {
            let target = flow.http().expect("HTTP").request.target.clone();
            let text = String::from_utf8_lossy(&target[1..]).into_owned();
            let end = text.find('/').expect("a slash");
            text[..end].parse::<usize>().expect("a number")
        };
        prop_assert_eq!(found.len(), records.len());
        found.sort_by_key(number);
        for (a, b) in records.iter().zip(&found) {
            assert_same(a, b);
            prop_assert_eq!(&b.error, &None);
        }
    }
}
