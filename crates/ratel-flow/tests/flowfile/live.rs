//! Flows of this process, of which no file has told.

use std::sync::Arc;

use ratel_flow::record::Messages;
use ratel_flow::{
    ClientConn, Detail, FlowError, FlowKind, Headers, Message, MessageFlags, MessageKind, Record,
    Scheme, ServerConn, Side, Timestamp, TlsInfo, TlsVersion, Version, flow as names,
};

use super::support::{exchange, flow};
use super::{flows, written};

fn passed(record: &Record) -> Record {
    flows(&written([record])).remove(0)
}

#[test]
fn connections_get_names_that_their_flows_have_in_common() {
    let one = flow(exchange("GET", "/1"));
    let mut two = flow(exchange("GET", "/2"));
    two.client_conn = one.client_conn.clone();
    let found = flows(&written([&one, &two]));
    let name = |record: &Record| {
        let extra = record.client_conn.extra.as_ref().unwrap();
        extra.uuid.clone().unwrap().to_string()
    };
    assert_eq!(name(&found[0]), name(&found[1]));
    assert_eq!(
        name(&found[0]),
        names::uuid(names::session(), 1, one.client_conn.id.0)
    );
    assert!(Arc::ptr_eq(&found[0].client_conn, &found[1].client_conn));
    let server = |record: &Record| record.server_conn.clone().unwrap();
    assert!(!Arc::ptr_eq(&server(&found[0]), &server(&found[1])));
    assert_ne!(server(&found[0]).id, server(&found[1]).id);
    assert_eq!(server(&found[0]).address.0.as_ref(), "site.example");
}

#[test]
fn what_is_plain_is_plain_and_what_is_tls_is_tls() {
    let mut record = flow(exchange("GET", "/"));
    let tls = TlsInfo {
        version: Some(TlsVersion::Tls13),
        alpn: Some("h2".into()),
        group: Some("X25519".into()),
        resumed: true,
        timestamp_setup: Some(Timestamp(1_704_157_445_123_456_789)),
        ..TlsInfo::default()
    };
    record.server_conn = record.server_conn.map(|conn| {
        Arc::new(ServerConn {
            tls: Some(Arc::new(tls.clone())),
            ..(*conn).clone()
        })
    });
    let found = passed(&record);
    assert!(found.client_conn.tls.is_none());
    let server = found.server_conn.unwrap();
    assert!(server.extra.as_ref().unwrap().tls);
    assert_eq!(
        format!("{:?}", server.tls.as_ref().unwrap()),
        format!("{tls:?}")
    );
}

#[test]
fn times_keep_their_nanoseconds() {
    let mut record = flow(exchange("GET", "/"));
    for nanos in [
        0,
        1,
        99_999,
        100_000,
        999_999_999,
        1_000_000_000,
        1_704_157_445_123_456_789,
        u64::MAX / 2,
    ] {
        record.timestamp_created = Timestamp(nanos);
        assert_eq!(passed(&record).timestamp_created, Timestamp(nanos));
    }
}

#[test]
fn no_server_is_no_server() {
    let mut record = flow(exchange("GET", "/"));
    record.server_conn = None;
    assert!(passed(&record).server_conn.is_none());
}

#[test]
fn a_connection_that_failed_is_one_again() {
    let mut record = flow(exchange("GET", "/"));
    record.detail = Detail::Connection;
    record.error = Some(FlowError {
        message: "the client refuses the certificate".into(),
        hint: Some("trust the CA; see `ratel ca`".into()),
        by_client: true,
        timestamp: Timestamp(7),
    });
    let text = String::from_utf8(written([&record])).unwrap();
    assert!(text.contains("4:type;3:tcp;"));
    assert!(text.contains("the client refuses the certificate; trust the CA; see `ratel ca`"));
    let found = passed(&record);
    assert_eq!(found.kind(), FlowKind::Connection);
    assert_eq!(found.error, record.error);
    assert!(
        found.annotations.is_empty(),
        "notes are none of the metadata"
    );
}

#[test]
fn why_bytes_were_passed_on_is_kept() {
    let mut record = flow(exchange("GET", "/"));
    record.client_conn = Arc::new(ClientConn {
        passthrough: Some("the client pins its certificate".into()),
        ..(*record.client_conn).clone()
    });
    assert_eq!(
        passed(&record).client_conn.passthrough,
        record.client_conn.passthrough
    );
}

#[test]
fn targets_of_every_form_are_kept() {
    for (method, version, target, path, scheme, authority) in [
        ("GET", Version::Http11, "/a?b", "/a?b", "http", ""),
        (
            "GET",
            Version::Http11,
            "http://a.test:81/x",
            "/x",
            "http",
            "a.test:81",
        ),
        (
            "GET",
            Version::Http10,
            "HTTP://A.test",
            "",
            "http",
            "A.test",
        ),
        ("OPTIONS", Version::Http11, "*", "*", "http", ""),
        (
            "CONNECT",
            Version::Http11,
            "a.test:443",
            "",
            "",
            "a.test:443",
        ),
        (
            "CONNECT",
            Version::Http2,
            "a.test:443",
            "",
            "",
            "a.test:443",
        ),
        ("GET", Version::Http2, "/a", "/a", "http", "a.test"),
        ("GET", Version::Http3, "/a", "/a", "http", "a.test"),
    ] {
        let mut http = exchange(method, target);
        http.request.version = version.clone();
        http.request.path = path.into();
        http.request.scheme = Scheme::Http;
        http.request.headers.append(b"Host", b"a.test");
        if matches!(version, Version::Http2 | Version::Http3) {
            http.request.pseudo.append(b":method", method.as_bytes());
            if !scheme.is_empty() {
                http.request.pseudo.append(b":scheme", scheme.as_bytes());
            }
            http.request
                .pseudo
                .append(b":authority", authority.as_bytes());
            if !path.is_empty() {
                http.request.pseudo.append(b":path", path.as_bytes());
            }
        }
        let record = flow(http);
        let text = String::from_utf8(written([&record])).unwrap();
        for (key, value) in [("scheme", scheme), ("authority", authority), ("path", path)] {
            let entry = format!("{}:{key};{}:{value},", key.len(), value.len());
            assert!(text.contains(&entry), "{target}: {entry} in {text}");
        }
        let found = passed(&record);
        let (was, is) = (
            &record.http().unwrap().request,
            &found.http().unwrap().request,
        );
        assert_eq!(was.target, is.target);
        assert_eq!(was.path, is.path);
        assert_eq!(was.pseudo, is.pseudo);
        assert_eq!(found.annotations.metadata, []);
    }
}

#[test]
fn unusual_pseudo_headers_and_informational_responses_are_kept() {
    let mut http = exchange("CONNECT", "/socket");
    http.request.version = Version::Http2;
    let fields: [(&str, &str); 5] = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/socket"),
        (":authority", "a.test"),
    ];
    http.request.pseudo = fields.into_iter().collect();
    let mut early = http.response.clone().unwrap();
    early.status = 103;
    early.headers = [("Link", "</a>")].into_iter().collect::<Headers>();
    http.informational = vec![early.clone(), early];
    let record = flow(http);
    let found = passed(&record);
    let (was, is) = (record.http().unwrap(), found.http().unwrap());
    assert_eq!(was.request.pseudo, is.request.pseudo);
    assert_eq!(is.informational.len(), 2);
    assert_eq!(is.informational[1].headers, was.informational[1].headers);
    assert_eq!(found.annotations.metadata, []);
}

#[test]
fn messages_of_a_raw_connection_are_kept() {
    let mut record = flow(exchange("GET", "/"));
    let message = |side, content: &'static str| Message {
        side,
        kind: MessageKind::Data,
        flags: MessageFlags::default(),
        timestamp: Timestamp(1_704_157_445_123_456_789),
        content: content.into(),
    };
    let list = vec![
        message(Side::Client, "EHLO"),
        message(Side::Server, "250"),
        message(Side::Server, ""),
    ];
    for (wrap, kind) in [
        (Detail::Tcp as fn(Messages) -> Detail, FlowKind::Tcp),
        (Detail::Udp, FlowKind::Udp),
    ] {
        record.detail = wrap(Messages::List(list.clone()));
        let found = passed(&record);
        assert_eq!(found.kind(), kind);
        let (Detail::Tcp(messages) | Detail::Udp(messages)) = &found.detail else {
            panic!("it is another kind");
        };
        let found: Vec<_> = messages.iter().map(Result::unwrap).collect();
        assert_eq!(found, list);
    }
}
