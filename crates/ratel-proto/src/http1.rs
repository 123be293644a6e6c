//! HTTP/1.x (RFC 9112): heads, framing decisions, bodies, and their way back to bytes.
//!
//! Permissive on purpose: what a peer sent is to be shown and passed on as it is, so a head is refused only when
//! it cannot be understood as one at all. Whether an odd message is *acceptable* is a decision of its own, in [`validate`].
//!
//! - A *head* is the start line and the field lines up to and including the empty line.
//! - *wire* is the exact bytes that carried something; *verbatim* means that they are written out as they came.
//! - *framing* says how the end of a body is found.

mod body;
pub mod encode;
mod fields;
pub mod framing;
mod head;
pub mod validate;

pub use body::{BodyDecoder, BodyError, CHUNK_LINE_MAX, TRAILER_FIELDS_MAX, TRAILERS_MAX};
pub use encode::{BodyEncoder, EncodeError};
pub use framing::FramingError;
pub use head::{
    HeadError, HeadLimits, HeadReader, RequestHead, ResponseHead, parse_request, parse_response,
};
pub use validate::Violation;
