//! Values of protobuf fields as text: as a schema says, or as a guess.

use std::fmt::Write;

use prost_reflect::Kind;
use ratel_flow::format;

use super::super::yaml;
use super::wire::{self, Reader, Stop, Value};
use crate::Class;

/// A value in one line: a tag where the text alone does not say of what type it is, and a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) tag: &'static str,
    pub(super) class: Class,
    pub(super) text: String,
    pub(super) remark: String,
}

impl Scalar {
    fn new(class: Class, text: impl ToString) -> Self {
        Self {
            tag: "",
            class,
            text: text.to_string(),
            remark: String::new(),
        }
    }
}

/// What bytes probably are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    Text,
    Message,
    Bytes,
}

/// Guesses from the bytes alone, of which some may be `missing`.
///
/// What is printable is text, even where it could be a message: few messages look like that. With line ends and tabs,
/// which are also the tags of the first fields, it is a message if it can be.
pub(crate) fn guess(data: &[u8], missing: u64) -> Guess {
    let whole = if missing > 0 {
        data.len() - format::incomplete_utf8(data)
    } else {
        data.len()
    };
    let text = data.get(..whole).and_then(|data| str::from_utf8(data).ok());
    let layout = |c| matches!(c, '\t' | '\n' | '\r');
    match text {
        Some(text) if text.chars().all(format::is_safe) => Guess::Text,
        _ if wire::is_message(data, missing) => Guess::Message,
        Some(text) if text.chars().all(|c| format::is_safe(c) || layout(c)) => Guess::Text,
        _ => Guess::Bytes,
    }
}

/// A number without a schema, in the shortest of the ways in which it can be read, with the others as a remark. What is
/// `odd` is of another type than its name stands for, and has a tag.
pub(super) fn number(value: &Value<'_>, is_odd: bool) -> Option<Scalar> {
    Some(match *value {
        Value::Varint(value) => {
            let (text, remark) = varint(value);
            Scalar {
                tag: if is_odd { "!varint" } else { "" },
                remark,
                ..Scalar::new(Class::Number, text)
            }
        }
        Value::Fixed32(value) => {
            let number = f32::from_bits(value);
            let float = float_text(
                number.is_normal() || number.is_infinite(),
                number.into(),
                || format!("{number:?}"),
            );
            let (text, remark) = shortest([
                ("f32", float),
                ("u32", value.to_string()),
                ("i32", value.cast_signed().to_string()),
            ]);
            Scalar {
                tag: "!fixed32",
                remark,
                ..Scalar::new(Class::Number, text)
            }
        }
        Value::Fixed64(value) => {
            let number = f64::from_bits(value);
            let float = float_text(number.is_normal() || number.is_infinite(), number, || {
                format!("{number:?}")
            });
            let (text, remark) = shortest([
                ("f64", float),
                ("u64", value.to_string()),
                ("i64", value.cast_signed().to_string()),
            ]);
            Scalar {
                tag: "!fixed64",
                remark,
                ..Scalar::new(Class::Number, text)
            }
        }
        Value::Bytes { .. } | Value::StartGroup | Value::EndGroup => return None,
    })
}

/// A number as sent, and what it is if it is signed in one way or the other.
fn varint(value: u64) -> (String, String) {
    let signed = value.cast_signed();
    if signed >= 0 {
        return (value.to_string(), format!("!sint: {}", zigzag(value)));
    }
    shortest([
        ("u64", value.to_string()),
        ("i64", signed.to_string()),
        ("", String::new()),
    ])
}

/// A number of floating point, if bytes may be one by the look of it.
fn float_text(may_be: bool, number: f64, finite: impl FnOnce() -> String) -> String {
    match (may_be, number.is_finite()) {
        (false, _) => String::new(),
        (true, true) => finite(),
        (true, false) => yaml::float(number),
    }
}

/// The shortest text, and the others under their names; those that are empty or the same do not count.
fn shortest(mut ways: [(&str, String); 3]) -> (String, String) {
    ways.sort_by_key(|(_, text)| {
        if text.is_empty() {
            usize::MAX
        } else {
            text.len()
        }
    });
    let [(_, first), others @ ..] = ways;
    let mut remark = String::new();
    let mut said = vec![first.as_str()];
    for (name, text) in &others {
        if !text.is_empty() && !said.contains(&text.as_str()) {
            let comma = if remark.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(remark, "{comma}{name}: {text}");
            said.push(text);
        }
    }
    (first.clone(), remark)
}

/// A number, a boolean or a member of an enum, as the schema says; nothing when the value is not of that kind.
pub(super) fn scalar(kind: &Kind, value: &Value<'_>) -> Option<Scalar> {
    let number = |text: &dyn ToString| Some(Scalar::new(Class::Number, text.to_string()));
    match (kind, *value) {
        // Narrow types are sent as wide ones are, and cut by the receiver.
        (Kind::Int32, Value::Varint(value)) => number(&(value as i32)),
        (Kind::Int64, Value::Varint(value)) => number(&value.cast_signed()),
        (Kind::Uint32, Value::Varint(value)) => number(&(value as u32)),
        (Kind::Uint64, Value::Varint(value)) => number(&value),
        (Kind::Sint32, Value::Varint(value)) => {
            number(&(zigzag(value & u64::from(u32::MAX)) as i32))
        }
        (Kind::Sint64, Value::Varint(value)) => number(&zigzag(value)),
        (Kind::Fixed32, Value::Fixed32(value)) => number(&value),
        (Kind::Sfixed32, Value::Fixed32(value)) => number(&value.cast_signed()),
        (Kind::Fixed64, Value::Fixed64(value)) => number(&value),
        (Kind::Sfixed64, Value::Fixed64(value)) => number(&value.cast_signed()),
        (Kind::Float, Value::Fixed32(bits)) => Some(float32(bits)),
        (Kind::Double, Value::Fixed64(bits)) => Some(float64(bits)),
        (Kind::Bool, Value::Varint(value @ 0..=1)) => Some(Scalar::new(Class::Boolean, value != 0)),
        (Kind::Bool, Value::Varint(value)) => number(&value),
        (Kind::Enum(members), Value::Varint(value)) => match members.get_value(value as i32) {
            Some(member) => Some(Scalar::new(Class::Boolean, member.name())),
            None => Some(Scalar {
                remark: format!("not in {}", members.full_name()),
                ..Scalar::new(Class::Number, value as i32)
            }),
        },
        _ => None,
    }
}

/// The next of the values that are packed into one field.
pub(super) fn packed(kind: &Kind, reader: &mut Reader<'_>) -> Result<Scalar, Stop> {
    let value = match kind {
        Kind::Fixed32 | Kind::Sfixed32 | Kind::Float => Value::Fixed32(reader.fixed32()?),
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => Value::Fixed64(reader.fixed64()?),
        _ => Value::Varint(reader.varint()?),
    };
    scalar(kind, &value).ok_or(Stop::Bad("there are no packed values of this type"))
}

/// Whether values of this kind can be packed.
pub(super) fn is_packable(kind: &Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

/// NaN has many bit patterns, of which all but one need a tag.
fn float32(bits: u32) -> Scalar {
    let number = f32::from_bits(bits);
    if number.is_nan() && bits != f32::NAN.to_bits() {
        return Scalar {
            tag: "!fixed32",
            remark: "not a number".to_owned(),
            ..Scalar::new(Class::Number, bits)
        };
    }
    let text = float_text(true, number.into(), || format!("{number:?}"));
    Scalar::new(Class::Number, text)
}

fn float64(bits: u64) -> Scalar {
    let number = f64::from_bits(bits);
    if number.is_nan() && bits != f64::NAN.to_bits() {
        return Scalar {
            tag: "!fixed64",
            remark: "not a number".to_owned(),
            ..Scalar::new(Class::Number, bits)
        };
    }
    Scalar::new(Class::Number, yaml::float(number))
}

/// Bytes in hexadecimal, the first `most` of them.
pub(crate) fn hex(data: &[u8], most: usize) -> String {
    let mut out = String::new();
    for (position, byte) in data.iter().take(most).enumerate() {
        let space = if position > 0 { " " } else { "" };
        // Writing to a string does not fail.
        let _ = write!(out, "{space}{byte:02x}");
    }
    if data.len() > most {
        out.push_str(" …");
    }
    out
}

pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_guessed() {
        let rows: [(&[u8], u64, Guess); 9] = [
            (b"", 0, Guess::Text),
            (b"hello", 0, Guess::Text),
            ("grüße".as_bytes(), 0, Guess::Text),
            (b"gr\xc3", 1, Guess::Text),
            (b"gr\xc3", 0, Guess::Bytes),
            (b"two\nlines", 0, Guess::Text),
            (b"\n\x03abc", 0, Guess::Message),
            (b"\n\nabcdefghij", 0, Guess::Message),
            (b"\xff\x00", 0, Guess::Bytes),
        ];
        for (data, missing, expected) in rows {
            assert_eq!(guess(data, missing), expected, "{data:?}");
        }
    }

    #[test]
    fn numbers_are_shown_in_the_shortest_way() {
        let rows = [
            (Value::Varint(150), "150  # !sint: 75"),
            (Value::Varint(u64::MAX), "-1  # u64: 18446744073709551615"),
            (
                Value::Varint(1 << 63),
                "9223372036854775808  # i64: -9223372036854775808",
            ),
            (Value::Fixed32(0), "!fixed32 0  # "),
            (Value::Fixed32(7), "!fixed32 7  # "),
            (
                Value::Fixed32(1.0_f32.to_bits()),
                "!fixed32 1.0  # u32: 1065353216",
            ),
            (
                Value::Fixed32((-0.5_f32).to_bits()),
                "!fixed32 -0.5  # u32: 3204448256, i32: -1090519040",
            ),
            (Value::Fixed32(u32::MAX), "!fixed32 -1  # u32: 4294967295"),
            (
                Value::Fixed32(f32::INFINITY.to_bits()),
                "!fixed32 .inf  # u32: 2139095040",
            ),
            (Value::Fixed64(1), "!fixed64 1  # "),
            (
                Value::Fixed64(3.25_f64.to_bits()),
                "!fixed64 3.25  # u64: 4614500768194494464",
            ),
        ];
        for (value, expected) in rows {
            let scalar = number(&value, false).unwrap();
            let tag = scalar.tag.to_owned() + if scalar.tag.is_empty() { "" } else { " " };
            assert_eq!(
                format!("{tag}{}  # {}", scalar.text, scalar.remark),
                expected
            );
        }
        assert_eq!(number(&Value::Varint(1), true).unwrap().tag, "!varint");
    }

    #[test]
    fn zigzag_goes_both_ways() {
        let rows = [
            (0, 0),
            (1, -1),
            (2, 1),
            (u64::MAX, i64::MIN),
            (u64::MAX - 1, i64::MAX),
        ];
        for (value, expected) in rows {
            assert_eq!(zigzag(value), expected);
        }
    }
}
