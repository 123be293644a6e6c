//! What the option `validate_inbound_headers` refuses in HTTP/2: messages that RFC 9113 §8 calls malformed, and that
//! mean something else, or two things, to the next program.

use super::Head;
use crate::Headers;

/// Why a message was refused. Each reads as a sentence about "it", the message, and names the option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An empty name.
    #[error("it has a header without a name (checked by validate_inbound_headers)")]
    NameEmpty,
}

/// Checks the head of a request.
///
/// # Errors
/// The first violation found.
pub fn request(head: &Head) -> Result<(), Violation> {
    let _ = head;
    Ok(())
}

/// Checks the head of a response, final or informational.
///
/// # Errors
/// The first violation found.
pub fn response(head: &Head) -> Result<(), Violation> {
    let _ = head;
    Ok(())
}

/// Checks trailers.
///
/// # Errors
/// The first violation found.
pub fn trailers(headers: &Headers) -> Result<(), Violation> {
    let _ = headers;
    Ok(())
}
