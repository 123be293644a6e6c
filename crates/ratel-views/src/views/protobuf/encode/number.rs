//! Numbers, booleans and members of enums as bytes.

use prost_reflect::{EnumDescriptor, Kind};

use crate::ReencodeError;
use crate::views::yaml::{Node, NodeExt, Resolved};

pub(super) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const START_GROUP: u8 = 3;
pub(super) const END_GROUP: u8 = 4;
pub(super) const FIXED32: u8 = 5;

/// Appends a value without its tag; says of what wire type it is.
pub(super) fn scalar(kind: &Kind, value: &Node, out: &mut Vec<u8>) -> Result<u8, ReencodeError> {
    match (kind, value.resolved()) {
        (Kind::Float | Kind::Double, Some(Resolved::Float(number))) => {
            float(kind, value, number, out)
        }
        (Kind::Float | Kind::Double, Some(Resolved::Int(number))) => {
            float(kind, value, number as f64, out)
        }
        (Kind::Float | Kind::Double, _) => Err(value.error("this is no number")),
        (Kind::Enum(members), Some(Resolved::Text(name))) => {
            varint(member(members, value, name)?, out);
            Ok(VARINT)
        }
        (Kind::Bool, Some(Resolved::Bool(is_true))) => {
            out.push(u8::from(is_true));
            Ok(VARINT)
        }
        (_, Some(Resolved::Int(number))) => integer(kind, value, number, out),
        _ => Err(value.error(match kind {
            Kind::Bool => "this is neither true nor false",
            Kind::Enum(_) => "this is neither a name nor a number",
            _ => "this is no whole number",
        })),
    }
}

fn float(kind: &Kind, value: &Node, number: f64, out: &mut Vec<u8>) -> Result<u8, ReencodeError> {
    if matches!(kind, Kind::Double) {
        out.extend(number.to_bits().to_le_bytes());
        return Ok(FIXED64);
    }
    out.extend(narrow(value, number)?.to_bits().to_le_bytes());
    Ok(FIXED32)
}

fn member(members: &EnumDescriptor, value: &Node, name: &str) -> Result<u64, ReencodeError> {
    let member = members
        .get_value_by_name(name)
        .ok_or_else(|| value.error(format!("{} has no member '{name}'", members.full_name())))?;
    Ok(i64::from(member.number()).cast_unsigned())
}

fn integer(
    kind: &Kind,
    value: &Node,
    number: i128,
    out: &mut Vec<u8>,
) -> Result<u8, ReencodeError> {
    let range = |name: &'static str| move |_| range(value, name);
    let i32 = |name| i32::try_from(number).map_err(range(name));
    let i64 = |name| i64::try_from(number).map_err(range(name));
    let u32 = |name| u32::try_from(number).map_err(range(name));
    let u64 = |name| u64::try_from(number).map_err(range(name));
    let number = match kind {
        Kind::Int32 | Kind::Enum(_) => i64::from(i32("int32")?).cast_unsigned(),
        Kind::Int64 => i64("int64")?.cast_unsigned(),
        Kind::Uint32 => u32("uint32")?.into(),
        Kind::Uint64 => u64("uint64")?,
        Kind::Bool => u64("bool")?,
        Kind::Sint32 => zigzag(i32("sint32")?.into()),
        Kind::Sint64 => zigzag(i64("sint64")?),
        Kind::Fixed32 | Kind::Sfixed32 => {
            let bits = match kind {
                Kind::Fixed32 => u32("fixed32")?,
                _ => i32("sfixed32")?.cast_unsigned(),
            };
            out.extend(bits.to_le_bytes());
            return Ok(FIXED32);
        }
        Kind::Fixed64 | Kind::Sfixed64 => {
            let bits = match kind {
                Kind::Fixed64 => u64("fixed64")?,
                _ => i64("sfixed64")?.cast_unsigned(),
            };
            out.extend(bits.to_le_bytes());
            return Ok(FIXED64);
        }
        _ => return Err(value.error("this is no single value")),
    };
    varint(number, out);
    Ok(VARINT)
}

pub(super) fn range(value: &Node, kind: &str) -> ReencodeError {
    value.error(format!("the number does not fit into a {kind}"))
}

/// 64 bits, with or without a sign.
pub(super) fn wide(value: &Node, number: i128) -> Result<u64, ReencodeError> {
    u64::try_from(number)
        .or_else(|_| i64::try_from(number).map(i64::cast_unsigned))
        .map_err(|_| range(value, "number of 64 bits"))
}

pub(super) fn narrow(value: &Node, number: f64) -> Result<f32, ReencodeError> {
    // The text is read again, since the way over 64 bits may round twice.
    let narrow = match value.text().map(str::parse::<f32>) {
        Some(Ok(narrow)) => narrow,
        _ => number as f32,
    };
    if narrow.is_infinite() && number.is_finite() {
        return Err(range(value, "float"));
    }
    Ok(narrow)
}

pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
