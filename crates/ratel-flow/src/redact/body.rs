//! Bodies.

use std::io;

use bytes::Bytes;
use ratel_proto::Headers;

use super::BODY_MAX;
use super::grpc;
use super::pass::{Kind, Pass};
use super::scan::Span;
use crate::content::{Codings, End, decode};
use crate::text::{Charset, is_mostly_binary};
use crate::{Body, form};

/// Redacts a body and what the head says of it. Gives back why it had to be left out.
pub(super) fn body(pass: &mut Pass, headers: &mut Headers, body: &mut Body) -> Option<String> {
    let raw = match body.whole(BODY_MAX as u64) {
        Ok(None) => return None,
        Ok(Some(raw)) => raw,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            *body = Body::Missing;
            return Some(format!("it is longer than {} MiB", BODY_MAX >> 20));
        }
        Err(error) => {
            *body = Body::Missing;
            return Some(format!("it cannot be read: {error}"));
        }
    };
    if raw.is_empty() {
        return None;
    }
    let decoded = match decoded(headers, &raw) {
        Ok(decoded) => decoded,
        Err(why) => {
            *body = Body::Missing;
            return Some(why);
        }
    };
    let (bytes, was_cut) = match decoded {
        Decoded::AsSent => (raw, false),
        Decoded::Whole(bytes) => (bytes.into(), false),
        Decoded::Start(bytes) => (bytes.into(), true),
    };
    let changed = content(pass, headers, &bytes);
    let new = match changed {
        Some(changed) => Bytes::from(changed),
        // What stands after the damage cannot be looked into.
        None if was_cut => bytes,
        None => return None,
    };
    if pass.replaces() {
        headers.remove("content-encoding");
        if headers.contains("content-length") {
            headers.set("content-length", new.len().to_string().as_bytes());
        }
        *body = Body::Bytes(new);
    }
    None
}

enum Decoded {
    AsSent,
    Whole(Vec<u8>),
    /// What stands before the damage.
    Start(Vec<u8>),
}

/// Undoes the content-encoding, or says why that is not possible.
fn decoded(headers: &Headers, raw: &[u8]) -> Result<Decoded, String> {
    let codings = match Codings::of(headers) {
        Ok(codings) => codings,
        Err(_) if !is_mostly_binary(raw) => return Ok(Decoded::AsSent),
        Err(error) => return Err(format!("it has an {error}")),
    };
    if codings.is_empty() {
        return Ok(Decoded::AsSent);
    }
    let (bytes, end) = decode(&codings, raw, BODY_MAX);
    match end {
        End::Complete => Ok(Decoded::Whole(bytes)),
        End::Limit => Err(format!(
            "it is longer than {} MiB when decoded",
            BODY_MAX >> 20
        )),
        End::Truncated | End::Damaged(_) if !bytes.is_empty() => Ok(Decoded::Start(bytes)),
        // It was not encoded at all.
        End::Truncated | End::Damaged(_) if !is_mostly_binary(raw) => Ok(Decoded::AsSent),
        End::Truncated | End::Damaged(_) => Err(format!("it is no {codings}")),
    }
}

/// Redacts a decoded body; gives back what it is to become, if that is something else.
fn content(pass: &mut Pass, headers: &Headers, bytes: &[u8]) -> Option<Vec<u8>> {
    let content_type = headers.get("content-type").unwrap_or_default();
    let content_type = String::from_utf8_lossy(content_type);
    let kind = content_type.split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    if grpc::is_framed(&kind) {
        return grpc::body(pass, headers, &kind, bytes);
    }
    if kind == "application/x-www-form-urlencoded" {
        return pass.text(bytes, Vec::new(), Kind::FORM);
    }
    if let Some(boundary) = form::boundary(&content_type) {
        let rules = pass.redactor().clone();
        let named = form::parts(bytes, &boundary)
            .filter(|part| rules.rules().form.have(part.name.as_bytes()))
            .map(|part| Span::plain(bytes, part.at..part.at + part.content.len()));
        return pass.text(bytes, named.collect(), Kind::TEXT);
    }
    let wide = Charset::guess(&content_type, bytes);
    if let Some(width) = wide.wide_unit() {
        let text = wide.decode(bytes);
        let changed = pass.string(&text, Kind::TEXT)?;
        return Some(widened(wide, width, bytes, &changed));
    }
    pass.text(bytes, Vec::new(), data_kind(&kind, bytes))
}

/// Whether the length of these bytes may change: whether they are text, of whatever name it is sent under.
pub(super) fn data_kind(media_type: &str, bytes: &[u8]) -> Kind {
    // Short messages of these may look like text.
    let counts = ["proto", "msgpack", "cbor"];
    if counts.iter().any(|name| media_type.contains(name)) {
        return Kind::BINARY;
    }
    let is_plain = |b: &u8| !matches!(b, 0..9 | 14..32);
    let reads_as_text = str::from_utf8(bytes).is_ok() && bytes.iter().all(is_plain);
    let in_other_charset = media_type.starts_with("text/") && !is_mostly_binary(bytes);
    if reads_as_text || in_other_charset {
        Kind::TEXT
    } else {
        Kind::BINARY
    }
}

/// Text in units of two or four bytes, in the order that it had before, with its mark.
fn widened(charset: Charset, width: usize, before: &[u8], text: &str) -> Vec<u8> {
    let big = charset.is_big_endian();
    let mark = if big { [0xfe, 0xff] } else { [0xff, 0xfe] };
    let mut units: Vec<u32> = Vec::new();
    let has_mark = match (width, big) {
        (2, _) => before.starts_with(&mark),
        _ => true,
    };
    if has_mark {
        units.push(0xfeff);
    }
    if width == 2 {
        units.extend(text.encode_utf16().map(u32::from));
    } else {
        units.extend(text.chars().map(u32::from));
    }
    let mut out = Vec::with_capacity(units.len() * width);
    for unit in units {
        if big {
            out.extend_from_slice(unit.to_be_bytes().get(4 - width..).unwrap_or_default());
        } else {
            out.extend_from_slice(unit.to_le_bytes().get(..width).unwrap_or_default());
        }
    }
    out
}
