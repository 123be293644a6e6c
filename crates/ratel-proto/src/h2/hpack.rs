//! Header compression (RFC 7541): a [`Decoder`] that lays fields out as lines in one buffer, and an [`Encoder`].
//!
//! Both sides of a connection keep a table of fields that went by, so that a field which comes again costs a byte. An
//! entry is kept as the line `name: value CRLF`: to decode a field that is in the table is to copy its line.

mod decode;
mod encode;
pub mod huffman;
pub(crate) mod integer;
mod static_table;
mod table;

pub use decode::{Block, Decoder};
pub use encode::Encoder;

/// Why a header block can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HpackError {
    /// The block ends in the middle of a field.
    #[error("they end in the middle of a field")]
    Truncated,
    /// RFC 7541 §5.1.
    #[error("a number is too large")]
    Integer,
    /// RFC 7541 §2.3.3.
    #[error("there is no field with the index {0}")]
    Index(u32),
    /// RFC 7541 §5.2.
    #[error("a string has an invalid Huffman code")]
    Huffman,
    /// RFC 7541 §4.2 and §6.3.
    #[error("the table size is set to {size} bytes, more than the {limit} that are allowed")]
    TableSize {
        /// What it was set to.
        size: u32,
        /// The limit.
        limit: u32,
    },
    /// RFC 7541 §4.2: only at the beginning of a block.
    #[error("the table size is set in the middle of a block")]
    TableSizeLate,
    /// RFC 7541 §4.2: after the limit was lowered, the next block begins with the size.
    #[error("the table size was not made smaller")]
    TableSizeMissing,
    /// So much larger than the limit that following the table is not worth it.
    #[error("they have more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

#[cfg(test)]
mod tests;
