use insta::assert_snapshot;
use proptest::prelude::*;
use ratel_flow::Side;
use ratel_views::{ViewInput, render};

use crate::wire::{bytes, fixed32, fixed64, group, int, order};
use crate::{input, is_safe, shop, split, text};

const TYPE: &str = "application/x-protobuf";

#[test]
fn without_a_schema_fields_have_numbers_and_values_are_guessed() {
    let data = [
        order(),
        group(20, &int(1, 5)),
        fixed64(21, 1),
        bytes(22, [0xff; 40]),
        bytes(23, ""),
    ]
    .concat();
    assert_snapshot!(text(&render(None, &input(&data, TYPE))));
}

#[test]
fn with_a_schema_fields_have_names_and_types() {
    let schemas = shop();
    let data = order();
    let input = ViewInput {
        schemas: Some(&schemas),
        path: Some("/twirp/shop.v1.Orders/Get?x=1"),
        side: Some(Side::Server),
        ..input(&data, TYPE)
    };
    assert_snapshot!(text(&render(None, &input)));
    let named = ViewInput {
        path: None,
        content_type: Some("application/x-protobuf; messageType=\"shop.v1.Order\""),
        ..input
    };
    assert_eq!(render(None, &named).lines, render(None, &input).lines);
}

#[test]
fn values_that_are_not_as_the_schema_says_are_shown_all_the_same() {
    let schemas = shop();
    let data = [
        int(1, 7),
        fixed32(2, 1),
        bytes(3, b"\x08"),
        bytes(4, b"\x01\x80"),
        int(2, 77),
        bytes(1, b"\xff\xfe"),
        bytes(8, b"\x01\x00"),
    ]
    .concat();
    let input = ViewInput {
        schemas: Some(&schemas),
        ..input(&data, "application/x-protobuf; proto=shop.v1.Order")
    };
    assert_snapshot!(text(&render(None, &input)));
}

#[test]
fn what_breaks_off_is_shown_as_far_as_it_goes() {
    let whole = [int(1, 1), bytes(2, bytes(3, "some text"))].concat();
    let cut = &whole[..whole.len() - 5];
    let named = |data, complete| {
        let input = ViewInput {
            complete,
            ..input(data, TYPE)
        };
        text(&render(Some("protobuf"), &input))
    };
    assert_snapshot!(
        [
            named(cut, true),
            named(cut, false),
            named(b"\x08\x01\x08", true),
            named(b"\x08\x01\x08", false),
            named(b"\x08\x01\x0f and more", true),
            named(b"\x0b\x08\x01", true),
            named(b"\x0c\x08\x01", true),
            named(b"\x0b\x0f\x0c", true),
        ]
        .join("\n\n")
    );
}

#[test]
fn what_is_not_protobuf_is_shown_raw() {
    let document = render(None, &input(b"hello", TYPE));
    assert_eq!(
        text(&document),
        "--Raw [failed to parse as Protobuf]--\nhello"
    );
}

#[test]
fn nesting_and_the_number_of_fields_are_bounded() {
    let mut data = int(1, 1);
    for _ in 0..1000 {
        data = bytes(1, data);
    }
    let input = ViewInput {
        max_lines: usize::MAX,
        ..input(&data, TYPE)
    };
    let document = render(Some("protobuf"), &input);
    assert!(document.lines.len() < 300 && text(&document).contains("bytes"));

    let groups = [[0x0b; 100_000], [0x0c; 100_000]].concat();
    let input = ViewInput {
        max_lines: 512,
        ..input
    };
    let document = render(
        Some("protobuf"),
        &ViewInput {
            data: &groups,
            ..input
        },
    );
    assert!(
        document.lines.len() < 300
            && text(&document).contains("!group {}  # 49899 fields, nested too deep")
    );

    let input = ViewInput {
        max_lines: usize::MAX,
        ..input
    };
    let wide = bytes(1, int(1, 1).repeat(1_000_000));
    let document = render(
        Some("protobuf"),
        &ViewInput {
            data: &wide,
            ..input
        },
    );
    assert!(document.lines.len() < 60_000 && text(&document).contains("# the rest is not shown"));
}

#[test]
fn of_a_large_message_the_start_is_shown() {
    let data = [int(1, 1), bytes(2, "x".repeat(9 << 20)), int(3, 3)].concat();
    let input = input(&data[..100], TYPE);
    let mut rendering = ratel_views::Rendering::start(Some("protobuf"), &input);
    let mut lines = Vec::new();
    for piece in data.chunks(64 * 1024) {
        rendering.feed(piece);
        lines.extend(std::iter::from_fn(|| rendering.take()).filter(|line| !line.goes_on));
    }
    rendering.finish(true);
    lines.extend(std::iter::from_fn(|| rendering.take()));
    let lines: Vec<_> = lines.iter().map(|line| line.text()).collect();
    assert_eq!((lines.len(), lines[0].as_str()), (3, "1: 1  # !sint: -1"));
    assert!(lines[1].ends_with("more bytes"));
    assert!(lines[2].ends_with("not shown."));
}

proptest! {
    #[test]
    fn any_bytes_are_shown_safely_however_they_are_cut(
        data in prop::collection::vec(prop_oneof![0_u8..40, any::<u8>()], 0..200),
        at in any::<prop::sample::Index>(),
        complete in any::<bool>(),
    ) {
        let schemas = shop();
        for content_type in [TYPE, "application/x-protobuf; proto=shop.v1.Order"] {
            let input = ViewInput { complete, schemas: Some(&schemas), ..input(&data, content_type) };
            let document = render(Some("protobuf"), &input);
            prop_assert!(is_safe(&document));
            prop_assert_eq!(split("protobuf", &input, at.index(data.len() + 1)), document.lines);
        }
    }
}
