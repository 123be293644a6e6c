//! Flows of any kind, written and read.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use ratel_flow::dns::{DnsMessage, Message as DnsText, Question, Resource};
use ratel_flow::record::{DnsRecord, Messages, Value, WebSocketRecord};
use ratel_flow::{
    Annotations, Body, ClientConn, ConnExtra, ConnId, Detail, FlowError, Headers, HttpRecord,
    Message, MessageFlags, MessageKind, PeerAddress, Record, Replay, Request, Response, Scheme,
    ServerConn, Side, StreamKind, Timestamp, TlsEngine, TlsInfo, TlsVersion, Verbatim, Version,
};

use super::describe::describe;
use super::{flows, read, written};

fn text() -> BoxedStrategy<Arc<str>> {
    prop_oneof!["[a-z0-9.-]{0,12}", any::<String>()]
        .prop_map(Arc::from)
        .boxed()
}

fn name() -> impl Strategy<Value = Arc<str>> {
    "[0-9a-f]{8}-[0-9a-f]{4}".prop_map(Arc::from)
}

fn bytes() -> BoxedStrategy<Bytes> {
    prop::collection::vec(any::<u8>(), 0..40)
        .prop_map(Bytes::from)
        .boxed()
}

fn when() -> BoxedStrategy<Timestamp> {
    prop_oneof![
        1_400_000_000_000_000_000..1_900_000_000_000_000_000_u64,
        any::<u64>().prop_filter("it is beyond what is kept", |nanos| *nanos
            < 18_000_000_000 * 1_000_000_000),
        (0..2_000_000_000_u64).prop_map(|micros| 1_700_000_000_000_000_000 + micros * 1_000),
        Just(0),
    ]
    .prop_map(Timestamp)
    .boxed()
}

fn maybe<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::of(value)
}

fn value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e300..1e300).prop_map(Value::Float),
        bytes().prop_map(Value::Bytes),
        text().prop_map(|text| Value::Str((*text).into())),
    ];
    leaf.clone()
        .prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::vec((leaf.clone(), inner), 0..4).prop_map(Value::Dict),
            ]
        })
        .boxed()
}

fn headers() -> BoxedStrategy<Headers> {
    prop::collection::vec((bytes(), bytes()), 0..5)
        .prop_map(|fields| fields.into_iter().collect())
        .boxed()
}

fn body() -> impl Strategy<Value = Body> {
    maybe(bytes()).prop_map(|bytes| bytes.map_or(Body::Missing, Body::Bytes))
}

fn address() -> impl Strategy<Value = std::net::SocketAddr> {
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(Into::into),
        any::<([u8; 16], u16, u32, u32)>().prop_map(|(ip, port, flow, scope)| {
            std::net::SocketAddrV6::new(ip.into(), port, flow, scope).into()
        }),
    ]
}

fn tls() -> BoxedStrategy<TlsInfo> {
    let versions = prop::sample::select(vec![
        TlsVersion::Ssl3,
        TlsVersion::Tls10,
        TlsVersion::Tls11,
        TlsVersion::Tls12,
        TlsVersion::Tls13,
    ]);
    (
        (maybe(versions), maybe(text()), maybe(text()), maybe(text())),
        any::<[bool; 4]>(),
        (maybe(bytes()), prop::collection::vec(bytes(), 0..3)),
        prop::collection::vec(bytes(), 0..3),
        maybe(when()),
    )
        .prop_map(
            |((version, cipher, group, sni), flags, (alpn, offers), certificates, setup)| TlsInfo {
                version,
                cipher,
                group,
                resumed: flags[0],
                engine: match (flags[1], flags[3]) {
                    (true, _) => Some(TlsEngine::Legacy),
                    (false, true) => Some(TlsEngine::Modern),
                    (false, false) => None,
                },
                sni,
                alpn,
                alpn_offers: offers,
                ech_offered: flags[2],
                early_data_offered: flags[3],
                certificates: certificates.into(),
                timestamp_setup: setup,
            },
        )
        .boxed()
}

/// As a file tells of it.
fn extra() -> BoxedStrategy<ConnExtra> {
    (name(), any::<bool>(), prop::collection::vec(text(), 0..3))
        .prop_map(|(uuid, udp, cipher_list)| ConnExtra {
            uuid: Some(uuid),
            udp,
            tls: true,
            cipher_list,
            ..ConnExtra::default()
        })
        .boxed()
}

fn client() -> BoxedStrategy<Arc<ClientConn>> {
    let nowhere = PeerAddress {
        host: "".into(),
        numbers: vec![0],
    };
    let modes = prop::sample::select(vec![
        "regular",
        "reverse:https://a.test",
        "socks5@1080",
        "capture:x",
    ]);
    (
        (address(), address(), any::<bool>(), modes),
        (when(), maybe(when())),
        (tls(), maybe(text()), maybe(text())),
        (extra(), maybe(bytes())),
    )
        .prop_map(
            move |(
                (peername, sockname, known, mode),
                (start, end),
                (tls, passthrough, error),
                (extra, cert),
            )| {
                let somewhere = if known {
                    sockname
                } else {
                    ([0, 0, 0, 0], 0).into()
                };
                Arc::new(ClientConn {
                    id: ConnId(0),
                    peername,
                    sockname: somewhere,
                    proxy_mode: mode.into(),
                    timestamp_start: start,
                    timestamp_end: end,
                    tls: Some(Arc::new(tls)),
                    passthrough,
                    error,
                    extra: Some(Arc::new(ConnExtra {
                        sockname: (!known).then(|| nowhere.clone()),
                        mitmcert: cert,
                        ..extra
                    })),
                })
            },
        )
        .boxed()
}

fn server() -> BoxedStrategy<Arc<ServerConn>> {
    (
        (
            maybe((text(), any::<u16>())),
            maybe(address()),
            maybe(address()),
        ),
        (when(), maybe(when()), maybe(when())),
        (maybe(tls()), maybe(text())),
        (extra(), maybe((text(), text(), any::<u16>()))),
    )
        .prop_map(
            |((address, peername, sockname), (start, tcp, end), (tls, error), (extra, via))| {
                Arc::new(ServerConn {
                    id: ConnId(0),
                    extra: Some(Arc::new(ConnExtra {
                        no_address: address.is_none(),
                        tls: tls.is_some(),
                        cipher_list: if tls.is_some() {
                            extra.cipher_list
                        } else {
                            vec![]
                        },
                        via,
                        ..extra
                    })),
                    address: address.unwrap_or_else(|| ("".into(), 0)),
                    peername,
                    sockname,
                    timestamp_start: start,
                    timestamp_tcp_setup: tcp,
                    timestamp_end: end,
                    tls: tls.map(Arc::new),
                    error,
                })
            },
        )
        .boxed()
}

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(vec![
        Version::Http10,
        Version::Http11,
        Version::Http2,
        Version::Http3,
        Version::Other("HTTP/0.9".into()),
    ])
}

fn target() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        "/[a-z?=&%]{0,8}".prop_map(Bytes::from),
        "https?://[a-z.]{0,8}(:[0-9]{1,3})?(/[a-z]{0,4})?".prop_map(Bytes::from),
        "[a-z.]{1,8}:[0-9]{1,4}".prop_map(Bytes::from),
        Just(Bytes::from_static(b"*")),
        bytes(),
    ]
}

fn request() -> BoxedStrategy<Request> {
    let methods = prop::sample::select(vec!["GET", "CONNECT", "OPTIONS", "get", ""]);
    (
        (methods, version(), target(), any::<bool>()),
        (
            headers(),
            maybe(
                headers().prop_filter("it stands for what is usual", |pseudo| !pseudo.is_empty()),
            ),
        ),
        (any::<bool>(), text(), any::<u16>()),
        when(),
    )
        .prop_map(
            |((method, version, target, same), (headers, pseudo), (https, host, port), start)| {
                let pseudo = match version {
                    Version::Http2 | Version::Http3 => pseudo.unwrap_or_else(|| {
                        let fields: [(&[u8], &[u8]); 4] = [
                            (b":method", method.as_bytes()),
                            (b":scheme", b"https"),
                            (b":authority", b"a.test"),
                            (b":path", &target),
                        ];
                        fields.into_iter().collect()
                    }),
                    _ => Headers::new(),
                };
                Request {
                    method: method.into(),
                    path: if same { target.clone() } else { Bytes::new() },
                    target,
                    version,
                    line: None,
                    headers,
                    pseudo,
                    scheme: if https { Scheme::Https } else { Scheme::Http },
                    host,
                    port,
                    timestamp_start: start,
                }
            },
        )
        .boxed()
}

fn response() -> BoxedStrategy<Response> {
    (version(), any::<u16>(), bytes(), headers(), when())
        .prop_map(|(version, status, reason, headers, start)| {
            let mut pseudo = Headers::new();
            if matches!(version, Version::Http2 | Version::Http3) {
                pseudo.append(b":status", status.to_string().as_bytes());
            }
            Response {
                version,
                status,
                reason,
                line: None,
                headers,
                pseudo,
                timestamp_start: start,
            }
        })
        .boxed()
}

fn message(kinds: Vec<MessageKind>) -> impl Strategy<Value = Message> {
    let flags = prop::sample::select(vec![
        MessageFlags::default(),
        MessageFlags::DROPPED,
        MessageFlags::INJECTED,
        MessageFlags::DROPPED.with(MessageFlags::INJECTED),
    ]);
    (
        any::<bool>(),
        prop::sample::select(kinds),
        flags,
        when(),
        bytes(),
    )
        .prop_map(|(client, kind, flags, timestamp, content)| {
            let has_flags = matches!(kind, MessageKind::Text | MessageKind::Binary);
            Message {
                side: if client { Side::Client } else { Side::Server },
                kind,
                flags: if has_flags {
                    flags
                } else {
                    MessageFlags::default()
                },
                timestamp,
                content,
            }
        })
}

fn messages(kinds: &[MessageKind]) -> impl Strategy<Value = Messages> + use<> {
    prop::collection::vec(message(kinds.to_vec()), 0..6).prop_map(Messages::List)
}

fn websocket() -> BoxedStrategy<WebSocketRecord> {
    let kinds = [
        MessageKind::Text,
        MessageKind::Binary,
        MessageKind::Ping,
        MessageKind::Pong,
        MessageKind::Close,
    ];
    (
        messages(&kinds),
        maybe(any::<bool>()),
        maybe(any::<u32>()),
        maybe(text()),
        maybe(when()),
    )
        .prop_map(
            |(messages, by_client, close_code, close_reason, timestamp_end)| WebSocketRecord {
                messages,
                closed_by: by_client.map(|client| if client { Side::Client } else { Side::Server }),
                close_code,
                close_reason,
                timestamp_end,
            },
        )
        .boxed()
}

fn exchange() -> BoxedStrategy<HttpRecord> {
    let streams = prop::sample::select(StreamKind::ALL.to_vec());
    (
        (request(), body(), maybe(headers()), maybe(when())),
        maybe((response(), body(), maybe(headers()), maybe(when()))),
        prop::collection::vec(response(), 0..2),
        (
            maybe(websocket()),
            maybe(streams),
            maybe((any::<u32>(), text())),
        ),
    )
        .prop_map(
            |(asked, answered, informational, (websocket, stream, grpc_status))| {
                let (request, request_body, request_trailers, request_end) = asked;
                let stream = if websocket.is_some() {
                    Some(StreamKind::WebSocket)
                } else {
                    stream
                };
                let mut http = HttpRecord {
                    request_trailers,
                    request_end,
                    informational,
                    websocket,
                    stream,
                    grpc_status,
                    ..HttpRecord::new(request, request_body)
                };
                if let Some((response, body, trailers, end)) = answered {
                    http.response = Some(response);
                    http.response_body = body;
                    http.response_trailers = trailers;
                    http.response_end = end;
                }
                http
            },
        )
        .boxed()
}

fn dns() -> BoxedStrategy<DnsMessage> {
    let question = (text(), any::<u16>(), any::<u16>()).prop_map(|(name, kind, class)| Question {
        name,
        kind,
        class,
    });
    let resource = (text(), any::<u16>(), any::<u16>(), any::<u32>(), bytes()).prop_map(
        |(name, kind, class, ttl, data)| Resource {
            name,
            kind,
            class,
            ttl,
            data,
        },
    );
    let section = prop::collection::vec(resource, 0..2).boxed();
    (
        (
            any::<u16>(),
            0..16_u8,
            0..8_u8,
            0..16_u8,
            any::<[bool; 5]>(),
        ),
        prop::collection::vec(question, 0..2),
        [section.clone(), section.clone(), section],
        // The epoch stands for none.
        maybe(when().prop_filter("it is none", |time| time.0 > 0)),
    )
        .prop_map(
            |((id, op_code, reserved, response_code, bits), questions, sections, timestamp)| {
                let [answers, authorities, additionals] = sections;
                DnsMessage {
                    message: DnsText {
                        id,
                        query: bits[0],
                        op_code,
                        authoritative_answer: bits[1],
                        truncation: bits[2],
                        recursion_desired: bits[3],
                        recursion_available: bits[4],
                        reserved,
                        response_code,
                        questions,
                        answers,
                        authorities,
                        additionals,
                    },
                    timestamp,
                }
            },
        )
        .boxed()
}

fn detail() -> BoxedStrategy<Detail> {
    prop_oneof![
        4 => exchange().prop_map(|http| Detail::Http(Box::new(http))),
        1 => messages(&[MessageKind::Data]).prop_map(Detail::Tcp),
        1 => messages(&[MessageKind::Data]).prop_map(Detail::Udp),
        1 => (dns(), maybe(dns())).prop_map(|(request, response)| {
            Detail::Dns(Box::new(DnsRecord { request, response }))
        }),
        1 => Just(Detail::Connection),
    ]
    .boxed()
}

fn annotations() -> BoxedStrategy<Annotations> {
    let metadata = prop::collection::vec((name(), value()), 0..3);
    (
        text(),
        text(),
        metadata,
        maybe(any::<bool>()),
        any::<bool>(),
    )
        .prop_map(
            |(marked, comment, metadata, replay, intercepted)| Annotations {
                marked,
                comment,
                metadata,
                is_replay: replay.map(|request| {
                    if request {
                        Replay::Request
                    } else {
                        Replay::Response
                    }
                }),
                intercepted,
            },
        )
        .boxed()
}

fn single() -> BoxedStrategy<Record> {
    let error = (text(), maybe(text()), any::<bool>(), when()).prop_map(
        |(message, hint, by_client, timestamp)| FlowError {
            message,
            hint,
            by_client,
            timestamp,
        },
    );
    (
        (name(), client(), maybe(server())),
        maybe(error),
        annotations(),
        when(),
        detail(),
    )
        .prop_map(
            |((id, client_conn, server_conn), error, annotations, timestamp_created, detail)| {
                Record {
                    id,
                    client_conn,
                    server_conn,
                    error,
                    annotations,
                    timestamp_created,
                    backup: None,
                    detail,
                    verbatim: Verbatim::default(),
                }
            },
        )
        .boxed()
}

/// Any flow that a file can hold.
pub(crate) fn record() -> BoxedStrategy<Record> {
    (single(), maybe(single()))
        .prop_map(|(record, backup)| Record {
            backup: backup.map(Box::new),
            ..record
        })
        .boxed()
}

fn described<'r>(records: impl IntoIterator<Item = &'r Record>) -> String {
    let mut text = String::new();
    for record in records {
        describe(&mut text, record);
    }
    text
}

/// Fails with the first line in which two descriptions differ.
fn assert_same(was: &str, is: &str) -> Result<(), TestCaseError> {
    let (mut was, mut is) = (was.lines(), is.lines());
    loop {
        match (was.next(), is.next()) {
            (None, None) => return Ok(()),
            (was, is) => prop_assert_eq!(was, is),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn flows_are_read_as_they_were_written(records in prop::collection::vec(record(), 1..4)) {
        let bytes = written(&records);
        let again = flows(&bytes);
        assert_same(&described(&records), &described(&again))?;
        prop_assert!(written(&again) == bytes);
    }

    /// Whatever the end of a file is missing, what stands before it is there.
    #[test]
    fn what_is_cut_off_costs_no_flow_before_it(
        records in prop::collection::vec(record(), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut ends = vec![0];
        let mut bytes = Vec::new();
        for record in &records {
            bytes.extend(written([record]));
            ends.push(bytes.len());
        }
        let cut = cut.index(bytes.len());
        let whole = ends.iter().rposition(|end| *end <= cut).unwrap_or_default();
        let mut found = read(&bytes[..cut]);
        if ends[whole] != cut {
            let error = found.pop().and_then(Result::err).expect("it ends within a flow");
            prop_assert!(error.is_truncated() && error.is_final(), "{}", error);
            let place = (error.flows, error.begins, error.offset);
            prop_assert_eq!(place, (whole as u64, ends[whole] as u64, cut as u64));
        }
        let found: Vec<_> = found.into_iter().map(|record| record.expect("it is whole")).collect();
        assert_same(&described(&records[..whole]), &described(&found))?;
    }

    /// One byte that is another one ends in an error or another flow, and never in a panic.
    #[test]
    fn what_was_changed_is_read_or_refused(
        record in record(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![Just(b'9'), Just(b':'), Just(b'~'), Just(b','), Just(b';'), any::<u8>()],
    ) {
        let mut bytes = written([&record]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for found in read(&bytes) {
            match found {
                Ok(found) => drop(written([&found])),
                Err(error) => prop_assert!(error.offset <= bytes.len() as u64),
            }
        }
    }
}
