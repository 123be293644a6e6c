//! YAML (1.2), as far as views need it: values are written in blocks and read back.
//!
//! What is written is what people know: a name or an item a line, text without quotes where it can only be read as
//! text, several lines as a block. All of YAML is read but anchors, which nobody needs here and which can stand for
//! more than fits into memory.

mod read;
mod scalar;
mod write;

pub(crate) use read::{Node, Resolved, Shape, document, documents, pairs};
pub(crate) use scalar::{float, scalar, text};
pub(crate) use write::{Spot, item, map, pair};
