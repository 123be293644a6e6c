//! YAML as a DNS message.

use super::super::yaml::{Node, NodeExt, Resolved, Shape};
use super::codes::Codes;
use super::data::Data;
use super::{FLAGS, LISTS, names};
use crate::ReencodeError;

/// A message as its entries say; what is left out is zero, false or empty.
pub(super) fn encode(node: &Node) -> Result<Vec<u8>, ReencodeError> {
    let Shape::Map(entries) = &node.shape else {
        return Err(node.error("a message is names with their values, 'id: 1'"));
    };
    let (mut id, mut flags, mut response) = (0, 0_u16, false);
    let mut counts = [0_u16; 4];
    let mut lists: [Vec<u8>; 4] = Default::default();
    for (name, value) in entries {
        let key = name.text().unwrap_or_default();
        if let Some((_, bit)) = FLAGS.iter().find(|(flag, _)| *flag == key) {
            flags |= if boolean(value)? { *bit } else { 0 };
            continue;
        }
        let place = LISTS
            .iter()
            .position(|list| *list == key)
            .map(|nth| nth + 1);
        match (key, place) {
            ("id", _) => id = number(value, u16::MAX.into())?,
            ("query", _) => response = !boolean(value)?,
            ("op_code", _) => flags |= code(value, &Codes::OPCODES, 15)? << 11,
            ("reserved", _) => flags |= number::<u16>(value, 7)? << 4,
            ("response_code", _) => flags |= code(value, &Codes::RESPONSES, 15)?,
            ("questions", _) | (_, Some(_)) => {
                let place = place.unwrap_or(0);
                let (Some(count), Some(list)) = (counts.get_mut(place), lists.get_mut(place))
                else {
                    continue;
                };
                for item in items(value)? {
                    record(item, place > 0, list)?;
                    *count = count
                        .checked_add(1)
                        .ok_or_else(|| item.error("there are too many of them"))?;
                }
            }
            // It follows from the rest.
            ("size" | "timestamp", _) => {}
            _ => return Err(name.error(format!("a message has no '{key}'"))),
        }
    }
    flags |= if response { 0x8000 } else { 0 };
    let mut out = Vec::new();
    for number in [id, flags].into_iter().chain(counts) {
        out.extend(number.to_be_bytes());
    }
    out.extend(lists.concat());
    Ok(out)
}

fn items(node: &Node) -> Result<&[Node], ReencodeError> {
    match &node.shape {
        Shape::List(items) => Ok(items),
        _ if node.resolved() == Some(Resolved::Null) => Ok(&[]),
        _ => Err(node.error("this is no list")),
    }
}

/// A question, or a record with what it says.
fn record(node: &Node, has_data: bool, out: &mut Vec<u8>) -> Result<(), ReencodeError> {
    let Shape::Map(entries) = &node.shape else {
        return Err(node.error("this is no name with type and class"));
    };
    let (mut domain, mut kind, mut class, mut ttl, mut data) = (None, None, 1, 0_u32, None);
    for (name, value) in entries {
        let key = name.text().unwrap_or_default();
        match key {
            "name" => domain = Some(value),
            "type" => kind = Some(code(value, &Codes::TYPES, u16::MAX)?),
            "class" => class = code(value, &Codes::CLASSES, u16::MAX)?,
            "ttl" if has_data => ttl = number(value, u32::MAX.into())?,
            "data" if has_data => data = Some(value),
            _ => return Err(name.error(format!("there is no '{key}' here"))),
        }
    }
    let kind = kind.ok_or_else(|| node.error("the type is missing"))?;
    let domain = domain.ok_or_else(|| node.error("the name is missing"))?;
    let text = domain
        .text()
        .ok_or_else(|| domain.error("this is no name"))?;
    names::write(text, out).map_err(|why| domain.error(why))?;
    out.extend(kind.to_be_bytes());
    out.extend(class.to_be_bytes());
    if !has_data {
        return Ok(());
    }
    let value = data.ok_or_else(|| node.error("the data are missing"))?;
    let data = Data::of(value)?;
    let bytes = data.write(kind).map_err(|why| value.error(why))?;
    let len = u16::try_from(bytes.len()).map_err(|_| value.error("the data are too long"))?;
    out.extend(ttl.to_be_bytes());
    out.extend(len.to_be_bytes());
    out.extend(bytes);
    Ok(())
}

fn boolean(node: &Node) -> Result<bool, ReencodeError> {
    match node.resolved() {
        Some(Resolved::Bool(is_true)) => Ok(is_true),
        _ => Err(node.error("this is neither true nor false")),
    }
}

fn number<T: TryFrom<i128>>(node: &Node, most: i128) -> Result<T, ReencodeError> {
    let number = match node.resolved() {
        Some(Resolved::Int(number)) if (0..=most).contains(&number) => T::try_from(number).ok(),
        _ => None,
    };
    number.ok_or_else(|| node.error(format!("this is no number from 0 to {most}")))
}

fn code(node: &Node, codes: &Codes, most: u16) -> Result<u16, ReencodeError> {
    let text = node.text().unwrap_or_default();
    let number = codes.number(text).filter(|number| *number <= most);
    number.ok_or_else(|| {
        node.error(format!(
            "'{text}' is neither a name nor a number that is known here"
        ))
    })
}
