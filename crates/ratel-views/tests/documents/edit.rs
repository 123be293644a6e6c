use proptest::prelude::*;
use ratel_flow::Side;
use ratel_views::{EditError, ViewInput, edit, editable_views, is_editable, reencode};

use crate::wire::{bytes, fixed32, fixed64, frame, group, int, order};
use crate::{input, shop};

const TYPE: &str = "application/x-protobuf";

/// Bytes of text, or why not.
fn made(view: &str, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, String> {
    reencode(view, text, input).map_err(|error| error.to_string())
}

/// Bytes of the text of a body, which is read since a remark was added.
fn again(view: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, String> {
    let text = edit(view, input).map_err(|error| error.to_string())?;
    made(view, &format!("{text}# remark\n"), input).map_err(|error| format!("{error}\n{text}"))
}

#[test]
fn views_say_whether_they_can_be_edited() {
    for view in ["hex stream", "json", "MsgPack", "protobuf", "grpc"] {
        assert!(is_editable(view), "{view}");
    }
    assert!(editable_views().iter().all(|view| is_editable(view)));
    let body = input(b"<a/>", "text/xml");
    let refused = edit("xml/html", &body).unwrap_err();
    assert_eq!(refused, EditError::OneWay("XML/HTML"));
    assert!(refused.hint().is_some());
    assert!(matches!(edit("nope", &body), Err(EditError::Unknown(_))));
    let part = ViewInput {
        complete: false,
        ..body
    };
    assert_eq!(edit("json", &part), Err(EditError::Incomplete));
    assert!(
        made("nope", "", &body)
            .unwrap_err()
            .contains("cannot be edited")
    );
    let large = vec![b' '; 5 << 20];
    let large = ViewInput {
        data: &large,
        ..body
    };
    assert_eq!(edit("json", &large), Err(EditError::TooLarge));
}

#[test]
fn text_that_was_not_changed_is_the_body_as_it_was() {
    for (view, content_type, data) in [
        (
            "json",
            "application/json",
            &b"{ \"a\" :\t\"\\u00e9\" }  "[..],
        ),
        // A number that is longer than it has to be.
        ("protobuf", TYPE, b"\x08\x81\x00"),
        ("msgpack", "application/msgpack", b"\xcc\x01"),
        ("hex stream", "", b"\x00\xff"),
    ] {
        let input = input(data, content_type);
        let text = edit(view, &input).unwrap();
        for text in [
            text.clone(),
            text.trim_end().to_owned(),
            format!("{text}\n"),
        ] {
            assert_eq!(made(view, &text, &input), Ok(data.to_vec()), "{view}");
        }
    }
}

#[test]
fn messages_are_edited_by_number() {
    let input = input(b"", TYPE);
    for (text, expected) in [
        ("1: 150", int(1, 150)),
        ("1: -1", int(1, u64::MAX)),
        ("1: !sint -75", int(1, 149)),
        ("1: true", int(1, 1)),
        ("1: !fixed32 1.5", fixed32(1, 1.5_f32.to_bits())),
        ("1: !fixed32 -1", fixed32(1, u32::MAX)),
        ("1: !fixed64 7", fixed64(1, 7)),
        ("1: 1.5", fixed64(1, 1.5_f64.to_bits())),
        ("1: !binary 00ff", bytes(1, b"\x00\xff")),
        ("1: text", bytes(1, "text")),
        ("1: '7'", bytes(1, "7")),
        (
            "1: {2: [3, x]}",
            bytes(1, [int(2, 3), bytes(2, "x")].concat()),
        ),
        ("1: !group {2: 3}", group(1, &int(2, 3))),
        ("1: ~\n2: 1", int(2, 1)),
        ("{}", Vec::new()),
        ("", Vec::new()),
    ] {
        assert_eq!(made("protobuf", text, &input), Ok(expected), "{text}");
    }
    for (text, error) in [
        ("a: 1", "line 1, column 1: 'a' is no number"),
        ("0: 1", "line 1, column 1: fields have numbers"),
        ("1: !nope 1", "line 1, column 10: there is no tag !nope"),
        (
            "1: !fixed32 x",
            "line 1, column 13: !fixed32 stands before a number",
        ),
        (
            "1: !fixed32 4294967296",
            "line 1, column 13: the number does not fit",
        ),
        ("1:\n- [2]", "line 2, column 3: there are no lists of lists"),
        ("- 1", "line 1, column 1: a message is fields"),
    ] {
        let said = made("protobuf", text, &input).unwrap_err();
        assert!(said.starts_with(error), "{text}: {said}");
    }
}

#[test]
fn messages_are_edited_by_name() {
    let schemas = shop();
    let input = ViewInput {
        schemas: Some(&schemas),
        ..input(b"", "application/x-protobuf; proto=shop.v1.Order")
    };
    for (text, expected) in [
        ("id: 7", bytes(1, "7")),
        ("state: STATE_PAID", int(2, 2)),
        ("state: 7", int(2, 7)),
        ("2: 1", int(2, 1)),
        (
            "total: {currency: EUR, amount: -1}",
            bytes(3, [bytes(1, "EUR"), int(2, 1)].concat()),
        ),
        ("sizes: [1, 2]", bytes(4, b"\x01\x02")),
        (
            "labels: {a: b}",
            bytes(5, [bytes(1, "a"), bytes(2, "b")].concat()),
        ),
        ("token: !binary 00", bytes(6, b"\0")),
        ("weight: 1", fixed64(7, 1.0_f64.to_bits())),
        ("gift: true", int(8, 1)),
        ("balance: -1", int(13, u64::MAX)),
        (
            "parts: [{id: a}, {}]",
            [bytes(14, bytes(1, "a")), bytes(14, "")].concat(),
        ),
        ("99: x", bytes(99, "x")),
        ("2: text", bytes(2, "text")),
        (
            "detail:\n  type_url: x/common.Money\n  value:\n    currency: USD\n",
            bytes(
                10,
                [bytes(1, "x/common.Money"), bytes(2, bytes(1, "USD"))].concat(),
            ),
        ),
    ] {
        assert_eq!(made("protobuf", text, &input), Ok(expected), "{text}");
    }
    for (text, error) in [
        (
            "nope: 1",
            "line 1, column 1: shop.v1.Order has no field 'nope'",
        ),
        (
            "id: x\nstate: OPEN",
            "line 2, column 8: shop.v1.State has no member 'OPEN'",
        ),
        (
            "sizes: [1, x]",
            "line 1, column 12: this is no whole number",
        ),
        (
            "sizes: [3000000000]",
            "line 1, column 9: the number does not fit into a int32",
        ),
        (
            "gift: maybe",
            "line 1, column 7: this is neither true nor false",
        ),
        ("weight: x", "line 1, column 9: this is no number"),
        ("id: {a: b}", "line 1, column 5: 'id' is text"),
    ] {
        let said = made("protobuf", text, &input).unwrap_err();
        assert!(said.starts_with(error), "{text}: {said}");
    }
}

#[test]
fn a_message_with_a_schema_comes_back() {
    let schemas = shop();
    let data = order();
    let input = ViewInput {
        schemas: Some(&schemas),
        path: Some("/shop.v1.Orders/Get"),
        side: Some(Side::Server),
        ..input(&data, TYPE)
    };
    // Values that were sent packed and not are packed, so that only the meaning is the same.
    let once = again("protobuf", &input).unwrap();
    let twice = ViewInput {
        data: &once,
        ..input
    };
    assert_eq!(edit("protobuf", &twice), edit("protobuf", &input));
    assert_eq!(again("protobuf", &twice), Ok(once.clone()));
}

#[test]
fn calls_are_edited_message_by_message() {
    let schemas = shop();
    let data = [
        frame(0, &bytes(1, "A-17")),
        frame(0, b""),
        frame(0, &bytes(1, "A-18")),
    ]
    .concat();
    let body = ViewInput {
        schemas: Some(&schemas),
        path: Some("/shop.v1.Orders/Watch"),
        side: Some(Side::Client),
        ..input(&data, "application/grpc")
    };
    let text = edit("grpc", &body).unwrap();
    assert_eq!(again("grpc", &body), Ok(data.clone()));
    let changed = made("grpc", &text.replace("A-17", "B"), &body);
    assert_eq!(
        changed,
        Ok([frame(0, &bytes(1, "B")), data[11..].to_vec()].concat())
    );
    let one = made("grpc", "id: x", &body);
    assert_eq!(one, Ok(frame(0, &bytes(1, "x"))));
    let wrong = made("grpc", "id: x\n---\nnope: 1\n", &body).unwrap_err();
    assert!(
        wrong.starts_with("line 3, column 1: shop.v1.GetOrder has no field"),
        "{wrong}"
    );

    let trailers = frame(0x80, b"grpc-status: 0\r\n");
    let data = [frame(0, &int(1, 1)), trailers.clone()].concat();
    let web = input(&data, "application/grpc-web+proto");
    assert_eq!(edit("grpc", &web).unwrap(), "1: 1  # !sint: -1\n");
    let changed = made("grpc", "1: 2", &web);
    assert_eq!(changed, Ok([frame(0, &int(1, 2)), trailers].concat()));

    let data = [
        frame(0, br#"{"id":"A"}"#),
        frame(0, b"[1]"),
        frame(2, b"{}"),
    ]
    .concat();
    let connect = input(&data, "application/connect+json");
    let text = edit("grpc", &connect).unwrap();
    let changed = made("grpc", &text.replace("1", "2"), &connect);
    assert_eq!(
        changed,
        Ok([
            frame(0, br#"{"id":"A"}"#),
            frame(0, b"[2]"),
            frame(2, b"{}")
        ]
        .concat())
    );
    let wrong = made("grpc", "{}\n\n---\n\n{\"a\" 1}", &connect).unwrap_err();
    assert_eq!(wrong, "line 5, column 6: expected a colon");

    let cut = input(&b"\0\0\0\0\x05\x08"[..], "application/grpc");
    let refused = edit("grpc", &cut).unwrap_err().to_string();
    assert!(refused.contains("not complete"), "{refused}");
}

/// A message in the shortest form, of fields of any kind.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![1_u64..6, 1_u64..(1 << 29)];
    let text = prop_oneof!["[ -~]{0,12}", "[a-c\n\t: #'\"é-]{0,8}", any::<String>()];
    let field = (
        number.clone(),
        prop_oneof![
            any::<u64>().prop_map(Field::Int),
            (0_u64..300).prop_map(Field::Int),
            any::<u32>().prop_map(Field::Fixed32),
            any::<f32>().prop_map(|number| Field::Fixed32(number.to_bits())),
            any::<u64>().prop_map(Field::Fixed64),
            any::<f64>().prop_map(|number| Field::Fixed64(number.to_bits())),
            text.prop_map(|text| Field::Bytes(text.into_bytes())),
            prop::collection::vec(any::<u8>(), 0..12).prop_map(Field::Bytes),
        ],
    )
        .prop_map(|(number, field)| field.encode(number));
    let message = prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    message.prop_recursive(4, 24, 4, move |inner| {
        let nested = (1_u64..6, any::<bool>(), inner).prop_map(|(number, is_group, message)| {
            if is_group {
                group(number, &message)
            } else {
                bytes(number, message)
            }
        });
        prop::collection::vec(nested, 0..4).prop_map(|fields| fields.concat())
    })
}

#[derive(Clone, Debug)]
enum Field {
    Int(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Vec<u8>),
}

impl Field {
    fn encode(self, number: u64) -> Vec<u8> {
        match self {
            Self::Int(value) => int(number, value),
            Self::Fixed32(value) => fixed32(number, value),
            Self::Fixed64(value) => fixed64(number, value),
            Self::Bytes(value) => bytes(number, value),
        }
    }
}

proptest! {
    #[test]
    fn any_message_comes_back(data in any_message()) {
        prop_assert_eq!(again("protobuf", &input(&data, TYPE)), Ok(data.clone()));
    }

    /// With a schema, whatever fields say of themselves.
    #[test]
    fn any_message_comes_back_by_name(data in any_message()) {
        let schemas = shop();
        let input = ViewInput {
            schemas: Some(&schemas),
            ..input(&data, "application/x-protobuf; proto=shop.v1.Order")
        };
        let once = again("protobuf", &input).map_err(TestCaseError::fail)?;
        let twice = ViewInput { data: &once, ..input };
        prop_assert_eq!(edit("protobuf", &twice), edit("protobuf", &input));
    }

    #[test]
    fn any_call_comes_back(messages in prop::collection::vec(any_message(), 0..4)) {
        let data: Vec<u8> = messages.iter().flat_map(|message| frame(0, message)).collect();
        prop_assert_eq!(again("grpc", &input(&data, "application/grpc")), Ok(data.clone()));
    }

    #[test]
    fn any_text_becomes_bytes_or_an_error(text in "[-?:,\\[\\]{}#&*!|>'\"%@` a1\n~.e+binary]{0,60}") {
        for view in editable_views() {
            let _ = reencode(&view, &text, &input(b"\x08\x01", TYPE));
        }
    }
}
