//! Typed netstrings, in the dialect of mitmproxy's flow files: `LEN:PAYLOADTYPE`.
//!
//! The length comes first, what it is the length of comes last: `5:hello,` is five bytes, `2:42#` a number, and a list
//! or a dict has items for its payload. So a reader can step over what it does not want ([`Items`] does, and takes nothing
//! but a place in the input), and a writer must know the length of everything before it writes the first byte, which is
//! why [`Encoder`] goes from the last byte to the first.
//!
//! An *item* is a value in its written form, and borrows its input; a [`Value`] is one taken out of it.

mod decode;
mod encode;
mod item;
mod number;

use bytes::Bytes;

pub use decode::{DEPTH_MAX, decode, value};
pub use encode::{Encoder, Mark, Piece};
pub use item::{Item, Items, Kind, LENGTH_DIGITS, Prefix, prefix};
pub use number::python_float;

/// A value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `~`
    #[default]
    Null,
    /// `!`
    Bool(bool),
    /// `#`
    Int(i64),
    /// `#`, with more digits than the other has room for: as written.
    Big(Box<str>),
    /// `^`
    Float(f64),
    /// `,`
    Bytes(Bytes),
    /// `;`
    Str(Box<str>),
    /// `]`
    List(Vec<Value>),
    /// `}`, in the order in which it is written.
    Dict(Vec<(Value, Value)>),
}

impl Value {
    /// Bytes of memory that it takes, roughly.
    #[must_use]
    pub fn size(&self) -> usize {
        let own = size_of::<Self>();
        own + match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 0,
            Self::Big(text) | Self::Str(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.iter().map(Self::size).sum(),
            Self::Dict(dict) => dict.iter().map(|(k, v)| k.size() + v.size()).sum(),
        }
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct Error {
    /// Where, counted from the first byte of the input.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with bytes. Each reads as a part of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The input, or the list or dict round it, ends before the item does.
    #[error("an item is longer than what is round it")]
    Short,
    /// No digit where a length should be, or something else than a colon after it.
    #[error("there is no length")]
    Length,
    /// More digits than [`LENGTH_DIGITS`].
    #[error("a length has more than {LENGTH_DIGITS} digits")]
    LongLength,
    /// A byte that stands for no type.
    #[error("{0:#04x} is not the type of an item")]
    Type(u8),
    /// Text that is no number, or not `true` or `false`, or not UTF-8, or something in a null.
    #[error("{} has a form that it cannot have", .0.name())]
    Payload(Kind),
    /// A dict with a key and no value.
    #[error("a key has no value")]
    Unpaired,
    /// A list or a dict as the key of a dict.
    #[error("{} is the key of a dict", .0.name())]
    Key(Kind),
    /// Lists within lists, more than [`DEPTH_MAX`] deep.
    #[error("lists and dicts are more than {DEPTH_MAX} deep in each other")]
    Depth,
    /// Bytes after the item that should be the only one.
    #[error("there is more after the end")]
    Trailing,
}

#[cfg(test)]
mod tests;
