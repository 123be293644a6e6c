use std::io::Write as _;
use std::sync::Arc;

use ratel_core::store::StoreConfig;
use ratel_flow::{ClientConn, ConnId, FlowId, Scheme, Timestamp};

use super::*;

/// A store with one flow in it.
struct Shop {
    store: FlowStore,
    _dir: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        Self::with_disk(1 << 30)
    }

    fn with_disk(disk_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            dir: dir.path().to_owned(),
            memory_bytes: 1 << 20,
            disk_bytes,
        };
        Self {
            store: FlowStore::start(config).unwrap(),
            _dir: dir,
        }
    }

    fn printed(&self, id: FlowId, style: &Style) -> String {
        self.coloured(id, style, false)
    }

    fn coloured(&self, id: FlowId, style: &Style, colour: bool) -> String {
        self.store.flush();
        let snapshot = self.store.snapshot(id).unwrap();
        let mut out = Vec::new();
        flow(
            &mut Page::new(&mut out, colour),
            &self.store,
            &snapshot,
            style,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn style(detail: i64) -> Style {
    Style {
        detail,
        showhost: false,
        cutoff: 512,
        view: "auto".to_owned(),
        columns: 80,
        schemas: None,
    }
}

fn client_conn(peername: &str) -> Arc<ClientConn> {
    Arc::new(ClientConn {
        id: ConnId(1),
        peername: peername.parse().unwrap(),
        sockname: "127.0.0.1:8080".parse().unwrap(),
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp(1),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

fn headers(fields: &[(&[u8], &[u8])]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    headers
}

/// What a test says about a flow; the rest is a plain `GET` answered by `200 OK`.
struct Case<'a> {
    client: &'a str,
    method: &'static [u8],
    path: &'static [u8],
    version: Version,
    request_headers: &'a [(&'a [u8], &'a [u8])],
    request_body: &'static [u8],
    response: Option<(Version, u16, &'static [u8])>,
    response_headers: &'a [(&'a [u8], &'a [u8])],
    response_body: &'a [u8],
    response_ends: bool,
    trailers: &'a [(&'a [u8], &'a [u8])],
    error: Option<(&'a str, Option<&'a str>)>,
}

const PLAIN: Case<'_> = Case {
    client: "127.0.0.1:50000",
    method: b"GET",
    path: b"/path",
    version: Version::Http11,
    request_headers: &[(b"Host", b"example.org"), (b"X-Odd", b"two")],
    request_body: b"",
    response: Some((Version::Http11, 200, b"OK")),
    response_headers: &[(b"Content-Type", b"text/plain")],
    response_body: b"one\ntwo\n",
    response_ends: true,
    trailers: &[],
    error: None,
};

impl Case<'_> {
    fn record(self, shop: &Shop) -> FlowId {
        let (now, later) = (Timestamp(1_000), Timestamp(2_000));
        let writer = shop
            .store
            .open(FlowKind::Http, &client_conn(self.client), now);
        writer.request(&Request {
            pseudo: Default::default(),
            method: self.method.into(),
            target: self.path.into(),
            version: self.version,
            line: None,
            headers: headers(self.request_headers),
            scheme: Scheme::Http,
            host: "10.0.0.1".into(),
            port: 8000,
            path: self.path.into(),
            timestamp_start: now,
        });
        if !self.request_body.is_empty() {
            writer.data(Side::Client, &[self.request_body.into()], now);
        }
        writer.end(Side::Client, now);
        if let Some((version, status, reason)) = self.response {
            writer.response(&Response {
                pseudo: Default::default(),
                version,
                status,
                reason: reason.into(),
                line: None,
                headers: headers(self.response_headers),
                timestamp_start: now,
            });
            if !self.response_body.is_empty() {
                writer.data(Side::Server, &[self.response_body.to_vec().into()], now);
            }
            if !self.trailers.is_empty() {
                writer.trailers(Side::Server, &headers(self.trailers));
            }
            if self.response_ends {
                writer.end(Side::Server, later);
            }
        }
        if let Some((message, hint)) = self.error {
            writer.error(FlowError {
                message: message.into(),
                hint: hint.map(Into::into),
                by_client: false,
                timestamp: later,
            });
        }
        let id = writer.id();
        writer.finish(later);
        id
    }

    fn printed(self, detail: i64) -> String {
        let shop = Shop::new();
        let id = self.record(&shop);
        shop.printed(id, &style(detail))
    }
}

#[test]
fn every_level_of_detail() {
    let shop = Shop::new();
    let id = Case {
        method: b"POST",
        request_headers: &[(b"Content-Type", b"application/json")],
        request_body: b"{\"a\":[1,{}]}",
        trailers: &[(b"X-Sum", b"1")],
        ..PLAIN
    }
    .record(&shop);
    insta::assert_snapshot!(shop.printed(id, &style(1)), @r"
    127.0.0.1:50000: POST http://10.0.0.1:8000/path
                  << 200 OK 8b
    ");
    insta::assert_snapshot!(shop.printed(id, &style(2)), @r"
    127.0.0.1:50000: POST http://10.0.0.1:8000/path
        Content-Type: application/json
     << 200 OK 8b
        Content-Type: text/plain
        --- HTTP Trailers
        X-Sum: 1
    ");
    let full = shop.printed(id, &style(4));
    insta::assert_snapshot!(full, @r#"
    127.0.0.1:50000: POST http://10.0.0.1:8000/path
        Content-Type: application/json

        {
            "a": [
                1,
                {}
            ]
        }

     << 200 OK 8b
        Content-Type: text/plain

        one
        two

        --- HTTP Trailers
        X-Sum: 1
    "#);
    assert_eq!(shop.printed(id, &style(3)), full);
    let cut = Style {
        cutoff: 1,
        ..style(3)
    };
    insta::assert_snapshot!(shop.printed(id, &cut), @r"
    127.0.0.1:50000: POST http://10.0.0.1:8000/path
        Content-Type: application/json

        {
        (cut off)

     << 200 OK 8b
        Content-Type: text/plain

        one
        (cut off)

        --- HTTP Trailers
        X-Sum: 1
    ");
    let hex = Style {
        view: "hex dump".to_owned(),
        ..style(3)
    };
    assert!(
        shop.printed(id, &hex)
            .contains("    0000:   6f 6e 65 0a  74 77 6f 0a ")
    );
}

#[test]
fn rows_of_clients_and_versions() {
    let rows: [(Case<'_>, &str); 4] = [
        (
            Case {
                client: "[::1]:9",
                ..PLAIN
            },
            "[::1]:9: GET http://10.0.0.1:8000/path\n      << 200 OK 8b\n",
        ),
        (
            Case {
                client: "[::ffff:10.1.2.3]:9",
                ..PLAIN
            },
            "10.1.2.3:9: GET http://10.0.0.1:8000/path\n         << 200 OK 8b\n",
        ),
        (
            Case {
                response: Some((Version::Http10, 302, b"Found")),
                response_body: b"",
                ..PLAIN
            },
            "127.0.0.1:50000: GET http://10.0.0.1:8000/path HTTP/1.1\n     << HTTP/1.0 302 Found 0b\n",
        ),
        (
            Case {
                version: Version::Http10,
                response: Some((Version::Http10, 404, b"")),
                ..PLAIN
            },
            "127.0.0.1:50000: GET http://10.0.0.1:8000/path\n              << 404 8b\n",
        ),
    ];
    for (case, expected) in rows {
        assert_eq!(case.printed(1), expected);
    }
}

#[test]
fn rows_of_tunnels_and_failures() {
    let rows: [(Case<'_>, &str); 5] = [
        (
            Case {
                version: Version::Http10,
                response: None,
                error: Some(("gone", None)),
                ..PLAIN
            },
            "127.0.0.1:50000: GET http://10.0.0.1:8000/path HTTP/1.0\n << gone\n",
        ),
        (
            Case {
                response: None,
                ..PLAIN
            },
            "",
        ),
        (
            Case {
                method: b"CONNECT",
                path: b"",
                ..PLAIN
            },
            "",
        ),
        (
            Case {
                method: b"CONNECT",
                path: b"",
                response: Some((Version::Http11, 502, b"Bad Gateway")),
                error: Some(("refused", Some("start it"))),
                ..PLAIN
            },
            "127.0.0.1:50000: CONNECT 10.0.0.1:8000\n              << 502 Bad Gateway 8b\n << refused\n    hint: start it\n",
        ),
        (
            Case {
                response_ends: false,
                error: Some(("broke off", None)),
                ..PLAIN
            },
            "127.0.0.1:50000: GET http://10.0.0.1:8000/path\n              << 200 OK 8b (incomplete)\n << broke off\n",
        ),
    ];
    for (case, expected) in rows {
        assert_eq!(case.printed(1), expected);
    }
}

#[test]
fn rows_with_the_name_of_the_host_header() {
    let shop = Shop::new();
    let id = Case {
        request_headers: &[(b"Host", b"service.dev:80")],
        ..PLAIN
    }
    .record(&shop);
    let shown = Style {
        showhost: true,
        ..style(1)
    };
    assert!(
        shop.printed(id, &shown)
            .contains("GET http://service.dev/path\n")
    );
}

#[test]
fn long_urls_are_cut_to_the_terminal_in_rows_only() {
    let shop = Shop::new();
    let path: &[u8] = &[b'/'; 200];
    let id = Case { path, ..PLAIN }.record(&shop);
    for (columns, url) in [(0, 50), (80, 55), (120, 95), (500, 220)] {
        let text = shop.printed(
            id,
            &Style {
                columns,
                ..style(1)
            },
        );
        let row = text.lines().next().unwrap();
        let shown = row.split_once("GET ").unwrap().1;
        assert_eq!(shown.trim_end_matches('…').len(), url, "{columns}: {row}");
        assert_eq!(shown.ends_with('…'), columns < 500);
    }
    assert!(!shop.printed(id, &style(2)).contains('…'));
}

#[test]
fn what_peers_send_is_escaped() {
    let shop = Shop::new();
    let id = Case {
        method: b"G\x1b[31mT",
        path: b"/\x1b]0;x\x07\r\n\xff",
        request_headers: &[(b"X\x00", b"a\xe9\\b\tc")],
        response: Some((Version::Other(b"HTTP/\x1b9"[..].into()), 200, b"O\x9b\x1bK")),
        response_headers: &[(b"Content-Type", b"\x1b")],
        response_body: b"\x1b[2Jclear\xff\r\n\x00",
        trailers: &[(b"T", b"\x1b")],
        error: Some(("sent \u{1b}[5m\n", Some("\u{9b}"))),
        ..PLAIN
    }
    .record(&shop);
    for detail in 1..=4 {
        let text = shop.printed(id, &style(detail));
        assert!(
            text.chars()
                .all(|c| c == '\n' || c == '\t' || !c.is_control()),
            "{text:?}"
        );
    }
    let text = shop.printed(id, &style(4));
    for part in [
        "G.[31mT ",
        "X\\x00: a\\xe9\\\\b\\tc",
        "    .[2Jclear\\xff\n    .\n",
        "T: \\x1b",
        " << sent .[5m.\n    hint: .\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing from {text:?}");
    }
}

#[test]
fn bodies_that_are_missing_or_coded() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"[1]").unwrap();
    let gzip = gzip.finish().unwrap();
    let json: &[(&[u8], &[u8])] = &[
        (b"Content-Type", b"application/json"),
        (b"Content-Encoding", b"gzip"),
    ];
    let rows: [(Case<'_>, &str); 6] = [
        (
            Case {
                response_body: b"",
                ..PLAIN
            },
            "plain\n\n",
        ),
        (
            Case {
                response_body: b"",
                response_ends: false,
                ..PLAIN
            },
            "plain\n\n    Content is missing.\n\n",
        ),
        (
            Case {
                response_body: b"half",
                response_ends: false,
                ..PLAIN
            },
            "plain\n\n    half\n    (incomplete)\n\n",
        ),
        (
            Case {
                response_headers: json,
                response_body: &gzip,
                ..PLAIN
            },
            "gzip\n\n    [\n        1\n    ]\n\n",
        ),
        (
            Case {
                response_headers: json,
                response_body: &gzip[..gzip.len() - 9],
                ..PLAIN
            },
            "(incomplete)\n\n",
        ),
        (
            Case {
                response_headers: json,
                response_body: b"no gzip",
                ..PLAIN
            },
            "gzip\n\n    no gzip\n    (cannot decode gzip)\n\n",
        ),
    ];
    for (case, expected) in rows {
        let text = case.printed(3);
        assert!(
            text.ends_with(expected),
            "{text:?} does not end in {expected:?}"
        );
    }
}

#[test]
fn connect_to_a_server_shows_its_target() {
    let text = Case {
        method: b"CONNECT",
        path: b"localhost:42080",
        response: Some((Version::Http11, 405, b"Method Not Allowed")),
        ..PLAIN
    }
    .printed(1);
    assert!(
        text.starts_with("127.0.0.1:50000: CONNECT localhost:42080\n"),
        "{text}"
    );
}

#[test]
fn content_that_did_not_fit_says_why() {
    let shop = Shop::with_disk(1 << 20);
    let now = Timestamp(5);
    let writer = shop
        .store
        .open(FlowKind::Http, &client_conn("127.0.0.1:7"), now);
    writer.response(&Response {
        pseudo: Default::default(),
        version: Version::Http11,
        status: 200,
        reason: b"OK"[..].into(),
        line: None,
        headers: headers(&[]),
        timestamp_start: now,
    });
    for _ in 0..64 {
        writer.data(Side::Server, &[vec![b'a'; 1 << 20].into()], now);
        shop.store.flush();
    }
    writer.end(Side::Server, now);
    let text = shop.printed(writer.id(), &style(3));
    assert!(
        text.contains("Content is missing: it was not kept, see the option store_disk."),
        "{text}"
    );
}

/// A body of many windows, without line ends, comes out as it is.
#[test]
fn big_bodies_are_printed_in_pieces() {
    let shop = Shop::new();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let id = Case {
        response_body: &body,
        ..PLAIN
    }
    .record(&shop);
    let text = shop.printed(id, &style(4));
    let line = text.lines().find(|line| line.len() > 1000).unwrap();
    assert!(line.trim_start().as_bytes() == body);
}

#[test]
fn a_connection_that_failed_is_one_line_and_its_hint() {
    let shop = Shop::new();
    let now = Timestamp(5);
    let writer = shop
        .store
        .open(FlowKind::Connection, &client_conn("127.0.0.1:7"), now);
    writer.error(FlowError {
        message: "the client does not trust the certificate".into(),
        hint: Some("install the CA".into()),
        by_client: false,
        timestamp: now,
    });
    let id = writer.id();
    writer.finish(now);
    let text = shop.printed(id, &style(1));
    assert_eq!(
        text,
        "127.0.0.1:7 << the client does not trust the certificate\n    hint: install the CA\n"
    );
}

#[test]
fn colours_say_what_it_is() {
    let shop = Shop::new();
    let id = Case {
        response: Some((Version::Http11, 404, b"Not Found")),
        ..PLAIN
    }
    .record(&shop);
    let text = shop.coloured(id, &style(1), true);
    for part in [
        "\u{1b}[32;1mGET\u{1b}[0m",
        "\u{1b}[31;1m404\u{1b}[0m \u{1b}[31;1mNot Found\u{1b}[0m",
    ] {
        assert!(text.contains(part), "{text:?}");
    }
}
