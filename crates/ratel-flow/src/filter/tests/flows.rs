//! What operators say of flows. That it is what mitmproxy says, is tested in `tests/python`.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::super::*;
use crate::conn::{ClientConn, ServerConn};
use crate::dns::DnsMessage;
use crate::flow::{FlowError, FlowKind, Side};
use crate::http::{Request, Response};
use crate::record::{Body, Detail, DnsRecord, Messages, ReadBody, Record, Replay, WebSocketRecord};
use crate::testing::{at, exchange, flow};
use crate::{Headers, Message, MessageFlags, MessageKind};

fn filter(source: &str) -> Filter {
    Filter::parse(source, FilterOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn message(side: Side, kind: MessageKind, content: &'static [u8]) -> Message {
    Message {
        side,
        kind,
        flags: MessageFlags::default(),
        timestamp: at(0),
        content: Bytes::from_static(content),
    }
}

/// A flow of each kind, by the letter that stands for it in the tables.
fn flows() -> Vec<(char, Record)> {
    let with = |detail| Record {
        detail,
        ..flow(exchange("GET", "/"))
    };
    let mut http = exchange("POST", "/path?q=1");
    http.request.headers = Headers::from_iter([("Host", "named.example"), ("X-Token", "abc")]);
    http.request_body = Bytes::from_static(b"asked").into();
    if let Some(response) = &mut http.response {
        response.headers = Headers::from_iter([("Content-Type", "text/css")]);
    }
    let mut asked = exchange("GET", "/waiting");
    asked.response = None;
    asked.response_body = Body::Missing;
    let mut socket = exchange("GET", "/socket");
    socket.websocket = Some(WebSocketRecord {
        messages: Messages::List(vec![
            message(Side::Client, MessageKind::Text, b"from the client"),
            message(Side::Server, MessageKind::Ping, b"a ping"),
            message(Side::Server, MessageKind::Binary, b"\xffanswer"),
        ]),
        ..WebSocketRecord::default()
    });
    let pieces = || {
        Messages::List(vec![
            message(Side::Client, MessageKind::Data, b"EHLO me"),
            message(Side::Server, MessageKind::Data, b"250 ok"),
        ])
    };
    let question = ratel_proto::dns::Question {
        name: "a.test".into(),
        kind: 1,
        class: 1,
    };
    let asks = DnsMessage {
        message: ratel_proto::dns::Message {
            questions: vec![question],
            ..Default::default()
        },
        timestamp: None,
    };
    let mut failed = with(Detail::Connection);
    failed.error = Some(FlowError {
        message: "refused".into(),
        hint: None,
        by_client: false,
        timestamp: at(1),
    });
    let mut marked = flow(exchange("GET", "/marked"));
    marked.annotations.marked = ":grapes:".into();
    marked.annotations.comment = "first\nsecond".into();
    marked.annotations.is_replay = Some(Replay::Request);
    marked.annotations.metadata = vec![("flag".into(), crate::record::Value::Bool(true))];
    vec![
        ('h', flow(http)),
        ('q', flow(asked)),
        ('w', flow(socket)),
        ('t', with(Detail::Tcp(pieces()))),
        ('u', with(Detail::Udp(pieces()))),
        (
            'd',
            with(Detail::Dns(Box::new(DnsRecord {
                request: asks,
                response: None,
            }))),
        ),
        ('c', failed),
        ('m', marked),
    ]
}

/// Expressions, and the flows that they match.
const MATCHES: &[(&str, &str)] = &[
    ("~all", "hqwtudcm"),
    ("~http", "hqwm"),
    ("~tcp", "t"),
    ("~udp", "u"),
    ("~dns", "d"),
    ("~websocket", "w"),
    ("~q", "qd"),
    ("~s", "hwm"),
    ("~e", "c"),
    ("~a", "h"),
    ("~marked", "m"),
    ("~marker grapes", "m"),
    ("~comment ^second", "m"),
    ("~meta 'flag: True'", "m"),
    ("~replay", "m"),
    ("~replayq", "m"),
    ("~replays", ""),
    ("~c 200", "hwm"),
    ("!~c 200", "qtudc"),
    ("~m post", "h"),
    ("!~m post", "qwtudcm"),
    ("~u path", "h"),
    ("~u a.test", "d"),
    ("^https://named.example/", "h"),
    ("~d site.example", "hqwm"),
    ("~d named", "h"),
    ("~h x-token:.abc", "h"),
    ("~hq css", ""),
    ("~hs css", "h"),
    ("~t css", "h"),
    ("~tq css", ""),
    ("~b asked", "h"),
    ("~bq asked", "h"),
    ("~bs asked", ""),
    ("~bs fine", "hwm"),
    ("~b client", "w"),
    ("~bq client", "w"),
    ("~bs client", ""),
    ("~bs answer", "w"),
    ("~b ping", ""),
    ("~bq ehlo", "tu"),
    ("~bs ehlo", ""),
    ("~b a.test", "d"),
    ("~bs a.test", ""),
    ("~src ^127.0.0.1:50000$", "hqwtudcm"),
    ("~dst site.example:443", "hqwtudcm"),
];

#[test]
fn every_operator_on_every_kind() {
    let flows = flows();
    for (source, expected) in MATCHES {
        let filter = filter(source);
        let found: String = flows
            .iter()
            .filter(|(_, flow)| filter.matches(flow))
            .map(|(letter, _)| letter)
            .collect();
        assert_eq!(found, *expected, "{source}");
    }
}

#[test]
fn international_names_and_ipv6_addresses_are_found_either_way() {
    let named = |host: &str| {
        let mut http = exchange("GET", "/");
        http.request.headers = Headers::from_iter([("Host", host)]);
        flow(http)
    };
    let rows = [
        ("xn--bcher-kva.test", "~d b\u{fc}cher"),
        ("xn--bcher-kva.test", "~d xn--bcher"),
        (
            "xn--bcher-kva.test:8443",
            "^https://b\u{fc}cher.test:8443/$",
        ),
        ("[2001:db8::1]:8443", r"~u \[2001:db8::1]:8443/"),
        ("[2001:db8::1]:8443", "~u //2001:db8::1:8443/"),
    ];
    for (host, source) in rows {
        assert!(filter(source).matches(&named(host)), "{source} of {host}");
    }
}

/// Says what it was asked for.
#[derive(Default)]
struct Watched {
    record: Option<Record>,
    asked: RefCell<Vec<&'static str>>,
}

impl Watched {
    fn note(&self, what: &'static str) -> &Record {
        self.asked.borrow_mut().push(what);
        self.record.as_ref().expect("it has one")
    }
}

impl Subject for Watched {
    fn kind(&self) -> FlowKind {
        FlowKind::Http
    }

    fn has_response(&self) -> bool {
        true
    }

    fn status(&self) -> Option<u16> {
        Some(200)
    }

    fn has_error(&self) -> bool {
        false
    }

    fn is_websocket(&self) -> bool {
        true
    }

    fn client_conn(&self) -> Option<&ClientConn> {
        Some(&self.note("client").client_conn)
    }

    fn server_conn(&self) -> Option<&ServerConn> {
        self.note("server").server_conn.as_deref()
    }

    fn request(&self) -> Option<&Request> {
        Subject::request(self.note("request"))
    }

    fn response(&self) -> Option<&Response> {
        Subject::response(self.note("response"))
    }

    fn dns(&self, _: Side) -> Option<&DnsMessage> {
        None
    }

    fn body(&self, side: Side) -> Body {
        Subject::body(self.note("body"), side)
    }

    fn messages(&self, side: Option<Side>, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
        Subject::messages(self.note("messages"), side, each);
    }
}

#[test]
fn a_filter_asks_for_no_more_than_it_needs() {
    let rows: [(&str, &[&str]); 9] = [
        ("~c 200 & ~s & !~marked & !~e", &[]),
        ("~c 404 & ~b x", &[]),
        ("~all | ~b x", &[]),
        ("~m GET", &["request"]),
        ("~u zzz | ~hs zzz", &["request", "response"]),
        ("~bs fine", &["response", "body"]),
        ("~bs nowhere", &["response", "body", "messages"]),
        ("~bq ''", &["request", "body"]),
        ("~src x ~dst x", &["client"]),
    ];
    for (source, expected) in rows {
        let watched = Watched {
            record: Some(flow(exchange("GET", "/"))),
            ..Watched::default()
        };
        let _ = filter(source).matches(&watched);
        assert_eq!(*watched.asked.borrow(), expected, "{source}");
    }
}

#[test]
fn live_flows_are_asked_like_others() {
    let http = exchange("GET", "/live");
    let record = flow(exchange("GET", "/"));
    let flow = crate::HttpFlow {
        id: crate::FlowId(1),
        client_conn: record.client_conn.clone(),
        server_conn: None,
        request: http.request.into(),
        response: None,
        error: None,
        annotations: Default::default(),
    };
    let mut live = LiveHttp::new(&flow);
    assert!(filter("~q & ~u live & ~src 127 & !~dst . & !~b x").matches(&live));
    let waits = |source, missing| filter(source).judge(&live, missing);
    let body = Needs::REQUEST_BODY;
    for (source, expected) in [
        ("~b x", None),
        ("~bs x", Some(false)),
        ("!~b x", None),
        ("~b x & ~u gone", Some(false)),
        ("~b x | ~u live", Some(true)),
        ("~b x & ~u live", None),
        ("~u live", Some(true)),
    ] {
        assert_eq!(waits(source, body), expected, "{source}");
    }
    let body = Bytes::from_static(b"a body");
    live.request_body = Some(&body);
    assert!(filter("~bq body & !~bs body").matches(&live));
    let tcp = crate::TcpFlow {
        id: crate::FlowId(1),
        client_conn: record.client_conn.clone(),
        server_conn: record.server_conn.clone(),
        error: None,
        annotations: Default::default(),
    };
    let messages = [message(Side::Client, MessageKind::Data, b"hello")];
    let live = LiveTcp {
        flow: &tcp,
        messages: &messages,
    };
    assert!(filter("~tcp & ~bq hello & !~bs hello & !~q & ~dst site").matches(&live));
}

/// A body of zeros with a word at a place, read in pieces.
#[derive(Debug)]
struct Large {
    len: u64,
    word_at: u64,
}

const WORD: &[u8] = b"needle";

impl ReadBody for Large {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, range: std::ops::Range<u64>) -> std::io::Result<Bytes> {
        let byte = |at: u64| {
            let offset = at
                .checked_sub(self.word_at)
                .and_then(|at| usize::try_from(at).ok());
            offset.and_then(|at| WORD.get(at).copied()).unwrap_or(0)
        };
        Ok(range.map(byte).collect())
    }
}

#[test]
fn bodies_are_searched_piece_by_piece() {
    for word_at in [0, 65_533, 65_536, 262_141, 299_994] {
        let mut http = exchange("GET", "/");
        http.response_body = Body::Lazy(Arc::new(Large {
            len: 300_000,
            word_at,
        }));
        let record = flow(http);
        for source in ["~b needle", "~bs NEEDLE", "~b nee.le", "~b 'needle(?!d)'"] {
            assert!(filter(source).matches(&record), "{source} at {word_at}");
        }
        assert!(!filter("~b needles").matches(&record));
    }
}

#[test]
fn bodies_are_decoded() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"hidden text").expect("to memory");
    let packed = encoder.finish().expect("to memory");
    let with = |coding: &str, body: &[u8]| {
        let mut http = exchange("GET", "/");
        if let Some(response) = &mut http.response {
            response.headers = Headers::from_iter([("Content-Encoding", coding)]);
        }
        http.response_body = Bytes::copy_from_slice(body).into();
        flow(http)
    };
    assert!(filter("~b 'hidden text'").matches(&with("gzip", &packed)));
    assert!(!filter("~b hidden").matches(&with("identity", &packed)));
    assert!(filter("~b plain").matches(&with("gzip", b"plain")));
    assert!(filter("~b plain").matches(&with("nonsense", b"plain")));
    // Cut off, it is what stands before that.
    assert!(filter("~b hidden").matches(&with("gzip", &packed[..packed.len() - 4])));
}
