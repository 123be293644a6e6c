use std::io::Write;

use proptest::prelude::*;
use ratel_flow::{MessageKind, Side};
use ratel_views::{ViewInput, close_name, preview, render_message};

use crate::wire::{bytes, int, order};
use crate::{input, is_safe, shop, text};

#[test]
fn messages_are_rendered_by_kind() {
    let rows: [(MessageKind, &[u8], &str); 17] = [
        (MessageKind::Text, b"hello", "--Raw--\nhello"),
        (
            MessageKind::Text,
            b"{\"a\":1}",
            "--JSON--\n{\n    \"a\": 1\n}",
        ),
        (MessageKind::Text, b"{\"a\":1", "--Raw--\n{\"a\":1"),
        (MessageKind::Text, b"", "--Raw--\n"),
        (MessageKind::Binary, b"[1]", "--JSON--\n[\n    1\n]"),
        (
            MessageKind::Binary,
            b"\x08\x01\x12\x02hi",
            "--Protobuf--\n1: 1  # !sint: -1\n2: hi",
        ),
        (
            MessageKind::Binary,
            b"\xff\x00",
            "--Hex Dump--\n0000:   ff 00                                                ÿ.",
        ),
        (MessageKind::Binary, b"plain text", "--Raw--\nplain text"),
        (MessageKind::Ping, b"", "--Raw--\n"),
        (MessageKind::Pong, b"beat", "--Raw--\nbeat"),
        (MessageKind::Close, b"", "--Raw--\n"),
        (MessageKind::Close, b"{gone", "--Raw--\n{gone"),
        (
            MessageKind::Event,
            b"event: a\ndata: [1]\n\n",
            "--SSE--\nevent: a\ndata: [\n    1\n]",
        ),
        (
            MessageKind::Grpc,
            b"\x08\x01",
            "--gRPC--\n1: 1  # !sint: -1",
        ),
        (
            MessageKind::GrpcTrailers,
            b"grpc-status: 5\r\n",
            "--gRPC--\ngrpc-status: 5",
        ),
        (MessageKind::Json, b"12", "--JSON--\n12"),
        (MessageKind::Data, b"GET\r\n", "--Raw--\nGET"),
    ];
    for (kind, data, expected) in rows {
        let shown = text(&render_message(kind, &input(data, "application/grpc")));
        if data == b"\xff\x00" {
            assert!(shown.starts_with("--Hex Dump--\n0000:   ff 00 "), "{shown}");
        } else {
            assert_eq!(shown, expected, "{kind:?} {data:?}");
        }
    }
}

#[test]
fn previews_take_one_line() {
    let rows: [(MessageKind, &[u8], &str); 17] = [
        (MessageKind::Text, b"  two\n\tlines ", "two lines"),
        (MessageKind::Text, b"{\n  \"a\": 1\n}", "{ \"a\": 1 }"),
        (MessageKind::Text, b"\x1b[31mred", ".[31mred"),
        (
            MessageKind::Text,
            "äöüäöüäöüäöüäöüäöüäöü".as_bytes(),
            "äöüäöüäöüäöüäöüäöüä…",
        ),
        (MessageKind::Text, b"", ""),
        (MessageKind::Binary, b"\x08\x01\x12\x02hi", "1: 1 2: hi"),
        (MessageKind::Binary, b"\xff\x00\x80", "ff 00 80"),
        (MessageKind::Ping, b"beat", "beat"),
        (MessageKind::Close, b"bye\nbye", "bye bye"),
        (MessageKind::Close, b"", ""),
        (
            MessageKind::Event,
            b"event: tick\ndata: 1\ndata: 2\n\n",
            "tick: 1 2",
        ),
        (MessageKind::Event, b"data: {\"a\":1}\n\n", "{\"a\":1}"),
        (MessageKind::Event, b"id: 5\nretry: 9\n", "id: 5 retry: 9"),
        (MessageKind::Event, b"event: ping\n", "ping"),
        (
            MessageKind::Grpc,
            b"\x0a\x04\x08\x01\x10\x02",
            "1: { 1: 1 2: 2 }",
        ),
        (MessageKind::Grpc, b"", "{}"),
        (MessageKind::GrpcTrailers, b"a: 1\r\nb: 2\r\n", "a: 1, b: 2"),
    ];
    for (kind, data, expected) in rows {
        let shown = preview(kind, &input(data, "application/grpc"), 20);
        assert_eq!(shown, expected, "{kind:?} {data:?}");
    }
    let part = ViewInput {
        complete: false,
        ..input(b"start", "")
    };
    assert_eq!(preview(MessageKind::Text, &part, 20), "start…");
    assert_eq!(preview(MessageKind::Text, &part, 0), "");
}

#[test]
fn close_codes_have_names() {
    assert_eq!(close_name(1001), Some("Going away"));
    assert_eq!(close_name(4000), None);
}

#[test]
fn a_grpc_message_has_its_schema_and_encoding() {
    let schemas = shop();
    let order = order();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&order).unwrap();
    let data = encoder.finish().unwrap();
    let input = ViewInput {
        schemas: Some(&schemas),
        path: Some("/shop.v1.Orders/Get"),
        side: Some(Side::Server),
        grpc_encoding: Some("deflate"),
        ..input(&data, "application/grpc")
    };
    assert!(text(&render_message(MessageKind::Grpc, &input)).contains("state: STATE_PAID"));
    let shown = preview(MessageKind::Grpc, &input, 60);
    assert_eq!(
        shown,
        "id: A-17 state: STATE_PAID total: { currency: EUR amount: -…"
    );
    let json = ViewInput {
        data: br#"{"id":"A"}"#,
        grpc_encoding: None,
        content_type: Some("application/grpc+json"),
        ..input
    };
    assert_eq!(preview(MessageKind::Grpc, &json, 60), r#"{ "id": "A" }"#);
}

#[test]
fn the_rest_of_a_message_is_shown_as_it_is() {
    let input = ViewInput {
        offset: 32,
        ..input(b"\xff\x01\x02", "application/grpc")
    };
    let shown = text(&render_message(MessageKind::Grpc, &input));
    assert!(
        shown.starts_with("--Hex Dump--\n0020:   ff 01 02"),
        "{shown}"
    );
}

#[test]
fn previews_of_large_messages_are_cheap() {
    let data = [int(1, 1), bytes(2, bytes(3, "x".repeat(64 << 20)))].concat();
    for kind in MessageKind::ALL {
        let shown = preview(kind, &input(&data, ""), 100);
        assert!(shown.chars().count() <= 100, "{kind:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_shown_safely(data in any::<Vec<u8>>(), complete in any::<bool>(), most in 0_usize..40) {
        for kind in MessageKind::ALL {
            for encoding in [None, Some("gzip"), Some("br")] {
                let input = ViewInput { complete, grpc_encoding: encoding, ..input(&data, "application/grpc") };
                prop_assert!(is_safe(&render_message(kind, &input)));
                let shown = preview(kind, &input, most);
                prop_assert!(shown.chars().count() <= most && shown.chars().all(|c| c == '\t' || !c.is_control()));
            }
        }
    }
}
