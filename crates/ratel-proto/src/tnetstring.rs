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
