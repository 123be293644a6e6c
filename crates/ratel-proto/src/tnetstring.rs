//! Typed netstrings, in the dialect of mitmproxy's flow files: `LEN:PAYLOADTYPE`.

use bytes::Bytes;

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
