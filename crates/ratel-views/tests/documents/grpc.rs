use std::io::Write;

use insta::assert_snapshot;
use proptest::prelude::*;
use ratel_flow::Side;
use ratel_views::{ViewInput, render};

use crate::wire::{bytes, frame, int, order};
use crate::{input, is_safe, shop, split, text};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn messages_are_shown_one_by_one() {
    let schemas = shop();
    let data = [
        frame(0, &bytes(1, "A-17")),
        frame(1, &gzip(&bytes(1, "A-18"))),
        frame(0, b""),
    ]
    .concat();
    let plain = ViewInput {
        grpc_encoding: Some("gzip"),
        ..input(&data, "application/grpc+proto")
    };
    assert_snapshot!(text(&render(None, &plain)));
    let known = ViewInput {
        schemas: Some(&schemas),
        path: Some("/shop.v1.Orders/Watch"),
        side: Some(Side::Client),
        ..plain
    };
    assert_eq!(
        text(&render(None, &known)),
        text(&render(None, &plain)).replace("1: ", "id: ")
    );
}

#[test]
fn a_reply_has_the_schema_of_its_side() {
    let schemas = shop();
    let data = frame(0, &order());
    let known = ViewInput {
        schemas: Some(&schemas),
        path: Some("/shop.v1.Orders/Get"),
        side: Some(Side::Server),
        ..input(&data, "application/grpc")
    };
    assert!(text(&render(None, &known)).contains("state: STATE_PAID"));
}

#[test]
fn the_web_variants_end_with_trailers() {
    let data = [
        frame(0, &int(1, 1)),
        frame(0x80, b"grpc-status:0\r\ngrpc-message: all good\r\n"),
    ]
    .concat();
    let web = text(&render(None, &input(&data, "application/grpc-web+proto")));
    assert_snapshot!(web);
    // The same, each frame encoded on its own.
    let coded = b"AAAAAAIIAQ==gAAAACdncnBjLXN0YXR1czowDQpncnBjLW1lc3NhZ2U6IGFsbCBnb29kDQo=";
    assert_eq!(
        text(&render(
            None,
            &input(coded, "application/grpc-web-text+proto")
        )),
        web
    );
    let spoilt = [&coded[..4], b"?and more"].concat();
    let input_of = |data| input(data, "application/grpc-web-text");
    assert!(text(&render(Some("grpc"), &input_of(&spoilt))).contains("the body is not base64"));
    let connect = [
        frame(0, br#"{"id":"A"}"#),
        frame(2, br#"{"error":{"code":"unavailable"}}"#),
    ]
    .concat();
    assert_snapshot!(text(&render(
        None,
        &input(&connect, "application/connect+json")
    )));
}

#[test]
fn what_is_wrong_is_named_and_the_rest_is_shown() {
    let named = |data: &[u8], complete, encoding| {
        let input = ViewInput {
            complete,
            grpc_encoding: encoding,
            ..input(data, "application/grpc")
        };
        text(&render(Some("grpc"), &input))
    };
    let whole = frame(0, &[int(1, 1), bytes(2, "text")].concat());
    let cut = &whole[..whole.len() - 2];
    let damaged = &gzip(b"some text that is long enough")[..20];
    assert_snapshot!(
        [
            named(cut, true, None),
            named(cut, false, None),
            named(b"\0\0\0", true, None),
            named(b"\x40\0\0\0\x01\x08", true, None),
            named(&frame(1, b"??"), true, None),
            named(&frame(1, b"??"), true, Some("snappy")),
            named(&frame(1, damaged), true, Some("gzip")),
            named(&frame(0, b"\x0f\x01"), true, None),
        ]
        .join("\n\n")
    );
    let auto = text(&render(None, &input(b"not framed", "application/grpc")));
    assert_eq!(auto, "--Raw [failed to parse as gRPC]--\nnot framed");
}

#[test]
fn a_message_that_grows_without_bound_is_cut() {
    let bomb = gzip(&bytes(1, vec![b'x'; 64 << 20]));
    assert!(bomb.len() < 100_000);
    let data = frame(1, &bomb);
    let input = ViewInput {
        grpc_encoding: Some("gzip"),
        ..input(&data, "application/grpc")
    };
    let document = render(None, &input);
    let shown: usize = document.lines.iter().map(|line| line.text().len()).sum();
    assert!(
        shown < 5 << 20 && text(&document).ends_with("more bytes"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_shown_safely_however_they_are_cut(
        messages in prop::collection::vec((prop_oneof![Just(0_u8), Just(1), Just(0x80), any::<u8>()], prop::collection::vec(any::<u8>(), 0..20)), 0..5),
        garbage in prop::collection::vec(any::<u8>(), 0..20),
        at in any::<prop::sample::Index>(),
        complete in any::<bool>(),
        content_type in prop::sample::select(vec!["application/grpc", "application/grpc-web", "application/grpc-web-text", "application/connect+json"]),
    ) {
        let mut data: Vec<u8> = messages.iter().flat_map(|(flags, message)| frame(*flags, message)).collect();
        data.extend(garbage);
        let input = ViewInput { complete, grpc_encoding: Some("deflate"), ..input(&data, content_type) };
        let document = render(Some("grpc"), &input);
        prop_assert!(is_safe(&document));
        prop_assert_eq!(split("grpc", &input, at.index(data.len() + 1)), document.lines);
    }
}
