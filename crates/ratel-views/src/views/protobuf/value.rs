//! Values of protobuf fields as text: as a schema says, or as a guess.

use std::fmt::Write;

use prost_reflect::Kind;
use ratel_flow::format;

use super::wire::{self, Reader, Stop, Value};
use crate::Class;

/// A value that takes part of a line, and a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) class: Class,
    pub(super) text: String,
    pub(super) remark: String,
}

impl Scalar {
    fn new(class: Class, text: impl ToString) -> Self {
        Self {
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

/// A number without a schema.
pub(super) fn number(value: &Value<'_>) -> Option<Scalar> {
    Some(match *value {
        Value::Varint(value) => Scalar {
            remark: match value.cast_signed() {
                signed @ ..0 => format!("{signed} if signed"),
                _ => String::new(),
            },
            ..Scalar::new(Class::Number, value)
        },
        Value::Fixed32(value) => Scalar {
            remark: format!("fixed32, {:?} as float", f32::from_bits(value)),
            ..Scalar::new(Class::Number, value)
        },
        Value::Fixed64(value) => Scalar {
            remark: format!("fixed64, {:?} as double", f64::from_bits(value)),
            ..Scalar::new(Class::Number, value)
        },
        Value::Bytes { .. } | Value::StartGroup | Value::EndGroup => return None,
    })
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
        (Kind::Float, Value::Fixed32(value)) => number(&format!("{:?}", f32::from_bits(value))),
        (Kind::Double, Value::Fixed64(value)) => number(&format!("{:?}", f64::from_bits(value))),
        (Kind::Bool, Value::Varint(value)) => Some(Scalar::new(Class::Boolean, value != 0)),
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

/// Text between quotes. What would disturb the line is escaped, and so are bytes that are no UTF-8.
pub(super) fn quoted(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len() + 2);
    out.push('"');
    for chunk in data.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if format::is_safe(c) => out.push(c),
                c => out.extend(c.escape_unicode()),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
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

fn zigzag(value: u64) -> i64 {
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
    fn text_between_quotes_stays_on_its_line() {
        assert_eq!(
            quoted(b"a\"\\\n\x1b\xff\xc3\xa9\xe2\x80\xae"),
            "\"a\\\"\\\\\\n\\u{1b}\\xffé\\u{202e}\""
        );
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
