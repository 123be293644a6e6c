use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn read(input: &[u8]) -> Result<Value, Error> {
    decode(&Bytes::copy_from_slice(input))
}

fn written(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.bytes_written().to_vec()
}

fn text(text: &str) -> Value {
    text.into()
}

fn bytes(bytes: &'static [u8]) -> Value {
    Bytes::from_static(bytes).into()
}

#[test]
fn each_type_reads_and_writes_as_one_item() {
    for (item, value) in [
        (&b"0:~"[..], Value::Null),
        (b"4:true!", true.into()),
        (b"5:false!", false.into()),
        (b"1:0#", 0.into()),
        (b"2:42#", 42.into()),
        (b"20:-9223372036854775808#", i64::MIN.into()),
        (
            b"19:9223372036854775808#",
            Value::Big("9223372036854775808".into()),
        ),
        (b"11:946681204.2^", Value::Float(946_681_204.2)),
        (b"3:1.0^", Value::Float(1.0)),
        (b"4:-0.0^", Value::Float(-0.0)),
        (b"5:1e-05^", Value::Float(1e-5)),
        (b"3:inf^", Value::Float(f64::INFINITY)),
        (b"3:a\0\xff,", bytes(b"a\0\xff")),
        (b"0:,", bytes(b"")),
        (b"3:b\xc3\xbc;", text("b\u{fc}")),
        (b"0:]", Value::List(vec![])),
        (
            b"7:1:1#0:]]",
            Value::List(vec![1.into(), Value::List(vec![])]),
        ),
        (b"0:}", Value::Dict(vec![])),
        (
            b"15:1:b;1:2#1:a,0:~}",
            Value::Dict(vec![(text("b"), 2.into()), (bytes(b"a"), Value::Null)]),
        ),
    ] {
        assert_eq!(read(item), Ok(value.clone()), "{}", item.escape_ascii());
        assert_eq!(written(&value), item);
    }
}

#[test]
fn what_is_written_otherwise_is_the_same_value() {
    for (item, value) in [
        (&b"002:42#"[..], Value::Int(42)),
        (b"3:+42#", Value::Int(42)),
        (b"2:42^", Value::Float(42.0)),
        (b"6:1.50e3^", Value::Float(1500.0)),
    ] {
        assert_eq!(read(item), Ok(value), "{}", item.escape_ascii());
    }
    assert!(matches!(read(b"3:nan^"), Ok(Value::Float(nan)) if nan.is_nan()));
}

#[test]
fn errors_say_what_and_where() {
    for (item, offset, problem) in [
        (&b""[..], 0, Problem::Short),
        (b"5", 0, Problem::Short),
        (b"5:abc", 0, Problem::Short),
        (b"5:abcde", 0, Problem::Short),
        (b"x", 0, Problem::Length),
        (b":~", 0, Problem::Length),
        (b"-1:~", 0, Problem::Length),
        (b"0;~", 0, Problem::Length),
        (b"1000000000000000000:~", 0, Problem::LongLength),
        (b"999999999999:a", 0, Problem::Short),
        (b"0:x", 2, Problem::Type(b'x')),
        (b"0:~0:~", 3, Problem::Trailing),
        (b"1:a~", 2, Problem::Payload(Kind::Null)),
        (b"4:True!", 2, Problem::Payload(Kind::Bool)),
        (b"0:#", 2, Problem::Payload(Kind::Int)),
        (b"3:1_0#", 2, Problem::Payload(Kind::Int)),
        (b"3:1.5#", 2, Problem::Payload(Kind::Int)),
        (b"1:-#", 2, Problem::Payload(Kind::Int)),
        (b"0:^", 2, Problem::Payload(Kind::Float)),
        (b"1:\xff;", 2, Problem::Payload(Kind::Str)),
        (b"7:0:~2:a~]", 5, Problem::Short),
        (b"3:0:~}", 4, Problem::Unpaired),
        (b"6:0:]0:~}", 4, Problem::Key(Kind::List)),
        (b"5:1:a;,]", 6, Problem::Length),
    ] {
        let error = Err(Error { offset, problem });
        assert_eq!(read(item), error, "{}", item.escape_ascii());
    }
    let error = read(b"1:x~").expect_err("there is something in it");
    assert_eq!(
        error.to_string(),
        "null has a form that it cannot have at byte 2"
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let mut encoder = Encoder::new();
        let lists: Vec<_> = (0..depth).map(|_| encoder.begin(Kind::List)).collect();
        encoder.null();
        for list in lists.into_iter().rev() {
            encoder.end(list);
        }
        encoder.bytes_written().to_vec()
    };
    assert!(read(&nested(DEPTH_MAX)).is_ok());
    let error = read(&nested(DEPTH_MAX + 1)).expect_err("it is too deep");
    assert_eq!(error.problem, Problem::Depth);
    let error = read(&nested(100_000)).expect_err("it is much too deep");
    assert_eq!(error.problem, Problem::Depth);
}

#[test]
fn byte_strings_share_the_memory_of_the_input() {
    let input = Bytes::from_static(b"10:1:a,3:bcd,]");
    let Ok(Value::List(list)) = decode(&input) else {
        panic!("it is a list");
    };
    let Value::Bytes(last) = &list[1] else {
        panic!("it is a byte string");
    };
    assert_eq!(last.as_ptr(), input[9..].as_ptr());
}

#[test]
fn gaps_count_and_come_out_where_they_were_left() {
    let mut encoder = Encoder::new();
    let dict = encoder.begin(Kind::Dict);
    for (key, len) in [("b", 70), ("a", 1000)] {
        let gap = encoder.begin(Kind::Bytes);
        encoder.gap(len);
        encoder.end(gap);
        encoder.text(key);
    }
    encoder.end(dict);
    let pieces: Vec<_> = encoder.pieces().collect();
    assert_eq!(
        pieces,
        [
            Piece::Bytes(b"1088:1:a;1000:"),
            Piece::Gap(1, 1000),
            Piece::Bytes(b",1:b;70:"),
            Piece::Gap(0, 70),
            Piece::Bytes(b",}"),
        ]
    );
    assert_eq!(encoder.len(), 5 + 1088 + 1);
    encoder.clear();
    assert!(encoder.is_empty() && encoder.bytes_written().is_empty());
    encoder.null();
    assert_eq!(encoder.pieces().collect::<Vec<_>>(), [Piece::Bytes(b"0:~")]);
}

/// As `repr` does it.
#[test]
fn floats_are_written_as_python_writes_them() {
    for (float, repr) in [
        (0.0, "0.0"),
        (-1.5, "-1.5"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (5e-324, "5e-324"),
        (123_456_789_012_345.6, "123456789012345.6"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1.234e22, "1.234e+22"),
        (f64::MAX, "1.7976931348623157e+308"),
        (1_795_879_743.611_427_8, "1795879743.6114278"),
        (0.1 + 0.2, "0.30000000000000004"),
        (f64::NAN, "nan"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        assert_eq!(python_float(float), repr);
    }
}

fn arbitrary() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        "-?[1-9][0-9]{19,30}".prop_map(|digits| Value::Big(digits.into())),
        any::<f64>()
            .prop_filter("it is not equal to itself", |float| !float.is_nan())
            .prop_map(Value::Float),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bytes(bytes.into())),
        any::<String>().prop_map(|text| Value::Str(text.into())),
    ];
    leaf.clone().prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::vec((leaf.clone(), inner), 0..8).prop_map(Value::Dict),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_read_as_they_were_written(value in arbitrary()) {
        prop_assert_eq!(read(&written(&value)), Ok(value));
    }

    #[test]
    fn what_ends_early_is_never_a_value(value in arbitrary(), cut in any::<prop::sample::Index>()) {
        let item = written(&value);
        let cut = cut.index(item.len());
        prop_assert!(read(&item[..cut]).is_err());
    }
}
