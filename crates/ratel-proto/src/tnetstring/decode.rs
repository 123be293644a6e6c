//! Items to values.

use bytes::Bytes;

use super::item::{Item, Items, Kind};
use super::{Error, Problem, Value, number};

/// Lists and dicts lie at most so deep in each other.
pub const DEPTH_MAX: usize = 256;

/// Reads `input`, which is one item and nothing else. Byte strings in the value share its memory.
///
/// # Errors
/// When it is not.
pub fn decode(input: &Bytes) -> Result<Value, Error> {
    let mut items = Items::new(input, 0);
    let item = items.next().transpose()?.ok_or(Error {
        offset: 0,
        problem: Problem::Short,
    })?;
    if !items.rest().is_empty() {
        return Err(Error {
            offset: input.len() - items.rest().len(),
            problem: Problem::Trailing,
        });
    }
    value(&item, input)
}

/// The value of an item. Its byte strings share the memory of `input`, if it is an item of that.
///
/// # Errors
/// When something in it is not what its type says.
pub fn value(item: &Item<'_>, input: &Bytes) -> Result<Value, Error> {
    at_depth(item, input, 0)
}

fn at_depth(item: &Item<'_>, input: &Bytes, depth: usize) -> Result<Value, Error> {
    let malformed = || item.error(Problem::Payload(item.kind));
    if depth > DEPTH_MAX {
        return Err(item.error(Problem::Depth));
    }
    Ok(match item.kind {
        Kind::Null if item.payload.is_empty() => Value::Null,
        Kind::Null => return Err(malformed()),
        Kind::Bool => Value::Bool(item.as_bool().ok_or_else(malformed)?),
        Kind::Int => match item.as_int() {
            Some(int) => Value::Int(int),
            None if number::is_int(item.payload) => {
                Value::Big(String::from_utf8_lossy(item.payload).into())
            }
            None => return Err(malformed()),
        },
        Kind::Float => Value::Float(number::float(item.payload).ok_or_else(malformed)?),
        Kind::Bytes => Value::Bytes(share(input, item.payload)),
        Kind::Str => Value::Str(item.as_str().ok_or_else(malformed)?.into()),
        Kind::List => {
            let mut list = Vec::new();
            for item in item.items() {
                list.push(at_depth(&item?, input, depth + 1)?);
            }
            Value::List(list)
        }
        Kind::Dict => {
            let (mut dict, mut items) = (Vec::new(), item.items());
            while let Some((key, value)) = items.pair()? {
                dict.push((
                    at_depth(&key, input, depth + 1)?,
                    at_depth(&value, input, depth + 1)?,
                ));
            }
            Value::Dict(dict)
        }
    })
}

/// A part of `input`, or a copy of what is none.
fn share(input: &Bytes, part: &[u8]) -> Bytes {
    let (whole, part_at) = (input.as_ptr_range(), part.as_ptr_range());
    if whole.start <= part_at.start && part_at.end <= whole.end {
        input.slice_ref(part)
    } else {
        Bytes::copy_from_slice(part)
    }
}
