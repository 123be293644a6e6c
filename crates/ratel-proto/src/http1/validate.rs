//! What the option `validate_inbound_headers` refuses: messages on whose end two programs may disagree, which is
//! what request smuggling lives on (RFC 9112 §11.2).
//!
//! Stricter than the RFC on purpose: repeated and listed Content-Lengths and unknown transfer codings are refused.

use std::borrow::Cow;

use crate::Headers;

/// Why a message was refused. Each reads as a sentence about "it", the message, and names the option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A field name that is not a token (RFC 9110 §5.1).
    #[error(
        "it has a header called {0:?}, which is not a valid name (checked by validate_inbound_headers)"
    )]
    Name(String),
    /// A value with a CR, LF or NUL in it (RFC 9110 §5.5), which some programs take for the end of the field.
    #[error(
        "its header {0:?} has a control character (CR, LF or NUL) in its value (checked by validate_inbound_headers)"
    )]
    Value(String),
    /// Transfer-Encoding together with Content-Length (RFC 9112 §6.1).
    #[error(
        "it has both Transfer-Encoding and Content-Length (checked by validate_inbound_headers)"
    )]
    BothLengths,
    /// More than one Transfer-Encoding field.
    #[error("it has {0} Transfer-Encoding headers (checked by validate_inbound_headers)")]
    SeveralTransferEncodings(usize),
    /// More than one Content-Length field (RFC 9112 §6.3).
    #[error("it has {0} Content-Length headers (checked by validate_inbound_headers)")]
    SeveralContentLengths(usize),
    /// Transfer-Encoding in a version that does not have it (RFC 9112 §6.1).
    #[error(
        "it has a Transfer-Encoding, which {0} does not have (checked by validate_inbound_headers)"
    )]
    TransferEncodingVersion(String),
    /// Transfer-Encoding in a response without a body (RFC 9112 §6.1).
    #[error(
        "it has a Transfer-Encoding, which a {0} response must not have (checked by validate_inbound_headers)"
    )]
    TransferEncodingStatus(u16),
    /// A transfer coding that is not known.
    #[error(
        "its Transfer-Encoding is {0:?}, which is not known (checked by validate_inbound_headers)"
    )]
    TransferEncodingUnknown(String),
    /// A request whose last coding is not chunked (RFC 9112 §6.1).
    #[error(
        "its Transfer-Encoding is {0:?}, but a request's must end in chunked (checked by validate_inbound_headers)"
    )]
    TransferEncodingNotChunked(String),
    /// A Content-Length that is not a plain number (RFC 9110 §8.6).
    #[error(
        "its Content-Length is {0:?}, which is not a plain number (checked by validate_inbound_headers)"
    )]
    ContentLength(String),
}

/// Checks a request that was sent with this version, as `HTTP/1.1`.
///
/// # Errors
/// The first violation found.
pub fn request(version: &[u8], headers: &Headers) -> Result<(), Violation> {
    if let Some(value) = lengths(headers)? {
        check_version(version)?;
        if !coding(value)?.1 {
            return Err(Violation::TransferEncodingNotChunked(text(value)));
        }
    }
    Ok(())
}

/// Checks a response with this status that was sent with this version, as `HTTP/1.1`.
///
/// # Errors
/// The first violation found.
pub fn response(status: u16, version: &[u8], headers: &Headers) -> Result<(), Violation> {
    if let Some(value) = lengths(headers)? {
        check_version(version)?;
        if matches!(status, 100..=199 | 204) {
            return Err(Violation::TransferEncodingStatus(status));
        }
        coding(value)?;
    }
    Ok(())
}

/// Checks the names and the fields that say how long the body is; returns the Transfer-Encoding if there is one.
fn lengths(headers: &Headers) -> Result<Option<&[u8]>, Violation> {
    let (mut codings, mut coding) = (0, None);
    let (mut lengths, mut length) = (0, None);
    for (name, value) in headers.iter() {
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(Violation::Name(text(name)));
        }
        if has_break(value) {
            return Err(Violation::Value(text(name)));
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            coding = Some(value);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            length = Some(value);
        }
    }
    match (coding, length) {
        (Some(_), Some(_)) => Err(Violation::BothLengths),
        _ if codings > 1 => Err(Violation::SeveralTransferEncodings(codings)),
        _ if lengths > 1 => Err(Violation::SeveralContentLengths(lengths)),
        (None, Some(value)) if !is_plain_number(value) => {
            Err(Violation::ContentLength(text(value)))
        }
        _ => Ok(coding),
    }
}

/// Whether a value may be read as more than one field. A line that is folded as RFC 9112 §5.2 has it is none of that.
fn has_break(value: &[u8]) -> bool {
    let Some(first) = value.iter().position(|b| matches!(b, b'\r' | b'\n' | 0)) else {
        return false;
    };
    let mut rest = value.get(first..).unwrap_or_default();
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\r', [b'\n', b' ' | b'\t', more @ ..]) | (b'\n', [b' ' | b'\t', more @ ..]) => more,
            (b'\r' | b'\n' | 0, _) => return true,
            _ => after,
        };
    }
    false
}

/// RFC 9112 §6.1: HTTP/1.0 does not have it; HTTP/2 has no use for it (RFC 9113 §8.2.2).
fn check_version(version: &[u8]) -> Result<(), Violation> {
    match version {
        b"HTTP/1.1" => Ok(()),
        _ => Err(Violation::TransferEncodingVersion(text(version))),
    }
}

/// The codings that are let through, and whether chunked is the last one.
const CODINGS: [(&str, bool); 8] = [
    ("chunked", true),
    ("compress,chunked", true),
    ("deflate,chunked", true),
    ("gzip,chunked", true),
    ("compress", false),
    ("deflate", false),
    ("gzip", false),
    ("identity", false),
];

fn coding(value: &[u8]) -> Result<(&'static str, bool), Violation> {
    let plain: Cow<'_, [u8]> = if value.contains(&b',') {
        let is_space = |b: &u8| matches!(b, b' ' | b'\t');
        let elements = value.split(|b| *b == b',').map(|element| {
            let from = element
                .iter()
                .position(|b| !is_space(b))
                .unwrap_or(element.len());
            let to = element
                .iter()
                .rposition(|b| !is_space(b))
                .map_or(from, |last| last + 1);
            element.get(from..to).unwrap_or_default()
        });
        elements.collect::<Vec<_>>().join(&b',').into()
    } else {
        value.into()
    };
    let known = CODINGS
        .iter()
        .find(|(name, _)| plain.eq_ignore_ascii_case(name.as_bytes()));
    known
        .copied()
        .ok_or_else(|| Violation::TransferEncodingUnknown(text(value)))
}

/// `0`, or digits without a leading zero.
pub(crate) fn is_plain_number(value: &[u8]) -> bool {
    match value {
        b"0" => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// RFC 9110 §5.6.2.
pub(crate) const fn is_token(byte: u8) -> bool {
    // One bit for each byte: a table that fits in a register pair and needs no bounds check.
    byte < 128 && TOKEN >> byte & 1 == 1
}

const TOKEN: u128 = {
    let mut bits = 0;
    let mut byte = 0_u8;
    while byte < 128 {
        let punctuation = matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        );
        if byte.is_ascii_alphanumeric() || punctuation {
            bits |= 1 << byte;
        }
        byte += 1;
    }
    bits
};

/// A name or value for an error message: lossy, and no longer than a line.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.get(..64).unwrap_or(value)).into_owned()
}

#[cfg(test)]
mod tests;
