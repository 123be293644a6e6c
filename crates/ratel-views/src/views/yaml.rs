//! YAML (1.2), as far as views need it: values are written in blocks and read back.
//!
//! What is written is what people know: a name or an item a line, text without quotes where it can only be read as
//! text, several lines as a block. All of YAML is read.

mod read;
mod scalar;
mod write;

pub(crate) use read::{Node, NodeExt, Resolved, Shape, document, documents, pairs};
pub(crate) use scalar::{float, scalar, text};
pub(crate) use write::{Spot, item, map, pair};
