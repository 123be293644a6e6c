//! How long a body is: the decision of RFC 9112 §6.3, for both directions.
//!
//! These functions decide what is *meant*; whether a message with odd framing is taken at all is for
//! [`validate`](super::validate) to say first. What stays ambiguous after that is refused here.

use crate::{Framing, Headers};

/// Why the end of a message cannot be found. Each reads as a sentence about "it", the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// A Content-Length that is no number below 2^64.
    #[error("its Content-Length is {0:?}, which is not a number of bytes")]
    InvalidLength(String),
    /// Two Content-Lengths that differ.
    #[error("it has two different Content-Lengths, {0} and {1}")]
    DifferentLengths(u64, u64),
    /// A request whose last transfer coding is not chunked.
    #[error(
        "its Transfer-Encoding is {0:?}, which does not end in chunked, so its end cannot be found"
    )]
    NotChunkedLast(String),
    /// An HTTP/1.0 request that says both: a server that only knows HTTP/1.0 would go by the other one.
    #[error("it is an HTTP/1.0 request with both Transfer-Encoding and Content-Length")]
    BothInHttp10,
}

/// The framing of a request body (RFC 9112 §6.3). `version_is_10` says that it was sent as HTTP/1.0.
///
/// Transfer-Encoding wins over Content-Length (rule 3).
///
/// # Errors
/// When the end of the request cannot be found with certainty; the connection is of no further use then.
pub fn request_framing(headers: &Headers, version_is_10: bool) -> Result<Framing, FramingError> {
    let length = content_length(headers);
    match transfer_coding(headers) {
        Coding::Absent => Ok(length?.map_or(Framing::None, Framing::Length)),
        Coding::Chunked | Coding::Other(_) if version_is_10 && !matches!(length, Ok(None)) => {
            Err(FramingError::BothInHttp10)
        }
        Coding::Chunked => unless_contradictory(length, Framing::Chunked),
        Coding::Other(value) => Err(FramingError::NotChunkedLast(value)),
    }
}

/// The framing of the response with this status to a request with this method (RFC 9112 §6.3).
///
/// # Errors
/// When the end of the response cannot be found with certainty; the connection is of no further use then.
pub fn response_framing(
    request_method: &[u8],
    status: u16,
    headers: &Headers,
) -> Result<Framing, FramingError> {
    let bodiless = matches!(status, 100..=199 | 204 | 304) || request_method == b"HEAD";
    let tunnel = request_method == b"CONNECT" && (200..300).contains(&status);
    if bodiless || tunnel {
        return Ok(Framing::None);
    }
    let length = content_length(headers);
    match transfer_coding(headers) {
        Coding::Absent => Ok(length?.map_or(Framing::UntilClose, Framing::Length)),
        Coding::Chunked => unless_contradictory(length, Framing::Chunked),
        Coding::Other(_) => unless_contradictory(length, Framing::UntilClose),
    }
}

/// A Content-Length beside a Transfer-Encoding is ignored whatever it says, but two that differ are an attack.
fn unless_contradictory(
    length: Result<Option<u64>, FramingError>,
    framing: Framing,
) -> Result<Framing, FramingError> {
    match length {
        Err(error @ FramingError::DifferentLengths(..)) => Err(error),
        _ => Ok(framing),
    }
}

enum Coding {
    Absent,
    /// `chunked` is the last one.
    Chunked,
    Other(String),
}

/// Empty list elements do not count (RFC 9110 §5.6.1.2).
fn transfer_coding(headers: &Headers) -> Coding {
    let mut values = named(headers, b"transfer-encoding").peekable();
    if values.peek().is_none() {
        return Coding::Absent;
    }
    let codings = values
        .clone()
        .flat_map(|v| v.split(|b| *b == b','))
        .map(<[u8]>::trim_ascii);
    match codings.filter(|c| !c.is_empty()).last() {
        Some(last) if last.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
        _ => Coding::Other(text(&values.collect::<Vec<_>>().join(&b", "[..]))),
    }
}

/// The length that `Content-Length` announces; none without the field. Repeated and listed values are taken when they
/// agree (RFC 9110 §8.6).
///
/// # Errors
/// When a value is no number, or two differ.
pub fn content_length(headers: &Headers) -> Result<Option<u64>, FramingError> {
    let mut found = None;
    for value in named(headers, b"content-length").flat_map(|v| v.split(|b| *b == b',')) {
        let value = value.trim_ascii();
        let length = decimal(value).ok_or_else(|| FramingError::InvalidLength(text(value)))?;
        match found {
            Some(other) if other != length => {
                return Err(FramingError::DifferentLengths(other, length));
            }
            _ => found = Some(length),
        }
    }
    Ok(found)
}

/// The values of the fields called `name`, whitespace around the name ignored: `Content-Length : 5` counts, since many
/// servers would let it count, and nobody must be able to hide a body behind a space (RFC 9112 §5.1).
fn named<'a>(headers: &'a Headers, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
    let fields = headers
        .iter()
        .filter(move |(n, _)| n.len() >= name.len() && n.trim_ascii().eq_ignore_ascii_case(name));
    fields.map(|(_, value)| value)
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A value for an error message: lossy, and no longer than a line.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.get(..64).unwrap_or(value)).into_owned()
}

#[cfg(test)]
mod tests;
