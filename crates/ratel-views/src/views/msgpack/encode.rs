//! YAML as MessagePack: each value in the shortest form that the format has for it.

use super::super::yaml::{Node, NodeExt, Resolved, Shape};
use crate::ReencodeError;

/// A value with all that is in it.
pub(super) fn encode(node: &Node) -> Result<Vec<u8>, ReencodeError> {
    let mut out = Vec::new();
    value(node, &mut out)?;
    Ok(out)
}

/// As deep as the reader of YAML lets it be.
fn value(node: &Node, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    match &node.shape {
        Shape::List(items) => {
            untagged(node)?;
            head(node, out, items.len(), [0x90, 0xdc, 0xdd])?;
            items.iter().try_for_each(|item| value(item, out))
        }
        Shape::Map(entries) => {
            untagged(node)?;
            head(node, out, entries.len(), [0x80, 0xde, 0xdf])?;
            for (name, of_name) in entries {
                value(name, out)?;
                value(of_name, out)?;
            }
            Ok(())
        }
        Shape::Scalar { text, .. } => match node.tag.as_deref() {
            None => scalar(node, out),
            Some("str") => string(node, text.as_bytes(), out),
            Some("raw") => string(node, &bytes(node, text)?, out),
            Some("binary") => {
                let data = bytes(node, text)?;
                length(node, out, data.len(), [0xc4, 0xc5, 0xc6])?;
                out.extend(data);
                Ok(())
            }
            Some("float32") => float32(node, text, out),
            Some("float64") => float64(node, text, out),
            Some(tag) => match tag.strip_prefix("ext/").map(str::parse::<i8>) {
                Some(Ok(kind)) => extension(node, kind, &bytes(node, text)?, out),
                Some(Err(_)) => Err(node.error("the kind of an extension is from -128 to 127")),
                None => Err(node.error(format!("there is no tag !{tag} in MessagePack"))),
            },
        },
    }
}

fn untagged(node: &Node) -> Result<(), ReencodeError> {
    match &node.tag {
        None => Ok(()),
        Some(tag) if matches!(&tag[..], "map" | "seq") => Ok(()),
        Some(tag) => Err(node.error(format!("a map or list has no tag !{tag} in MessagePack"))),
    }
}

fn scalar(node: &Node, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    match node.resolved() {
        Some(Resolved::Null) | None => out.push(0xc0),
        Some(Resolved::Bool(value)) => out.push(0xc2 + u8::from(value)),
        Some(Resolved::Int(value)) => integer(node, value, out)?,
        Some(Resolved::Float(value)) => {
            out.push(0xcb);
            out.extend(value.to_bits().to_be_bytes());
        }
        Some(Resolved::Text(text)) => string(node, text.as_bytes(), out)?,
    }
    Ok(())
}

fn integer(node: &Node, value: i128, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    if let Ok(value) = u64::try_from(value) {
        match value {
            0..=0x7f => out.push(value as u8),
            0x80..=0xff => out.extend([0xcc, value as u8]),
            0x100..=0xffff => {
                out.push(0xcd);
                out.extend((value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                out.push(0xce);
                out.extend((value as u32).to_be_bytes());
            }
            _ => {
                out.push(0xcf);
                out.extend(value.to_be_bytes());
            }
        }
        return Ok(());
    }
    let value = i64::try_from(value)
        .map_err(|_| node.error("the number is larger than 64 bits, which is all there is"))?;
    match value {
        -0x20.. => out.push(value as u8),
        -0x80.. => out.extend([0xd0, value as u8]),
        -0x8000.. => {
            out.push(0xd1);
            out.extend((value as i16).to_be_bytes());
        }
        -0x8000_0000.. => {
            out.push(0xd2);
            out.extend((value as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend(value.to_be_bytes());
        }
    }
    Ok(())
}

fn float32(node: &Node, text: &str, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    out.push(0xca);
    let bits = match text {
        ".nan" => f32::NAN.to_bits(),
        ".inf" => f32::INFINITY.to_bits(),
        "-.inf" => f32::NEG_INFINITY.to_bits(),
        _ => match <[u8; 4]>::try_from(bytes(node, text).unwrap_or_default()) {
            Ok(bits) if text.len() == 8 => u32::from_be_bytes(bits),
            _ => number::<f32>(node, text)?.to_bits(),
        },
    };
    out.extend(bits.to_be_bytes());
    Ok(())
}

fn float64(node: &Node, text: &str, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    out.push(0xcb);
    let bits = match text {
        ".nan" => f64::NAN.to_bits(),
        ".inf" => f64::INFINITY.to_bits(),
        "-.inf" => f64::NEG_INFINITY.to_bits(),
        _ => match <[u8; 8]>::try_from(bytes(node, text).unwrap_or_default()) {
            Ok(bits) if text.len() == 16 => u64::from_be_bytes(bits),
            _ => number::<f64>(node, text)?.to_bits(),
        },
    };
    out.extend(bits.to_be_bytes());
    Ok(())
}

fn number<T: std::str::FromStr>(node: &Node, text: &str) -> Result<T, ReencodeError> {
    text.parse()
        .map_err(|_| node.error("this is no number of floating point"))
}

fn extension(node: &Node, kind: i8, data: &[u8], out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    match data.len() {
        1 => out.push(0xd4),
        2 => out.push(0xd5),
        4 => out.push(0xd6),
        8 => out.push(0xd7),
        16 => out.push(0xd8),
        len => length(node, out, len, [0xc7, 0xc8, 0xc9])?,
    }
    out.push(kind.cast_unsigned());
    out.extend(data);
    Ok(())
}

fn string(node: &Node, data: &[u8], out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    match u8::try_from(data.len()) {
        Ok(len @ 0..32) => out.push(0xa0 | len),
        _ => length(node, out, data.len(), [0xd9, 0xda, 0xdb])?,
    }
    out.extend(data);
    Ok(())
}

/// How many items or entries follow: in the first byte up to 15, else in two bytes or four.
fn head(
    node: &Node,
    out: &mut Vec<u8>,
    len: usize,
    [fixed, two, four]: [u8; 3],
) -> Result<(), ReencodeError> {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..16), _) => out.push(fixed | len),
        (_, Ok(len)) => {
            out.push(two);
            out.extend(len.to_be_bytes());
        }
        _ => {
            out.push(four);
            out.extend(short(node, len)?.to_be_bytes());
        }
    }
    Ok(())
}

/// How many bytes follow, in one byte, two or four.
fn length(
    node: &Node,
    out: &mut Vec<u8>,
    len: usize,
    [one, two, four]: [u8; 3],
) -> Result<(), ReencodeError> {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) => out.extend([one, len]),
        (_, Ok(len)) => {
            out.push(two);
            out.extend(len.to_be_bytes());
        }
        _ => {
            out.push(four);
            out.extend(short(node, len)?.to_be_bytes());
        }
    }
    Ok(())
}

fn short(node: &Node, len: usize) -> Result<u32, ReencodeError> {
    u32::try_from(len).map_err(|_| node.error("this is longer than MessagePack allows"))
}

fn bytes(node: &Node, text: &str) -> Result<Vec<u8>, ReencodeError> {
    super::super::hex::parse(text).map_err(|wrong| node.error(wrong.sentence()))
}
