//! Streams of messages with a length before each: gRPC, gRPC-Web, Connect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratel_proto::Headers;

use super::BODY_MAX;
use super::pass::{Kind, Pass};
use crate::content::{Codings, End, decode};

/// The message is compressed.
const COMPRESSED: u8 = 1;

/// Whether a body of this type is such a stream.
pub(super) fn is_framed(media_type: &str) -> bool {
    media_type.starts_with("application/grpc") || media_type.starts_with("application/connect+")
}

/// Redacts each message. Those that change are no longer compressed, and their lengths are right.
pub(super) fn body(
    pass: &mut Pass,
    headers: &Headers,
    media_type: &str,
    bytes: &[u8],
) -> Option<Vec<u8>> {
    if !media_type.starts_with("application/grpc-web-text") {
        return frames(pass, headers, media_type, bytes);
    }
    // Each piece that was sent is base64 of its own, with its own padding.
    let mut decoded = Vec::new();
    for piece in bytes.chunks(4) {
        match STANDARD.decode(piece) {
            Ok(piece) => decoded.extend(piece),
            Err(_) => return pass.text(bytes, Vec::new(), Kind::TEXT),
        }
    }
    let changed = frames(pass, headers, media_type, &decoded)?;
    Some(STANDARD.encode(changed).into_bytes())
}

fn frames(pass: &mut Pass, headers: &Headers, media_type: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut changed = false;
    let mut rest = bytes;
    while let Some((prefix, after)) = rest.split_first_chunk::<5>() {
        let [flags, len @ ..] = *prefix;
        let len = u32::from_be_bytes(len) as usize;
        let Some((message, after)) = after.split_at_checked(len) else {
            break;
        };
        rest = after;
        match self::message(pass, headers, media_type, flags, message) {
            None => {
                out.extend_from_slice(prefix);
                out.extend_from_slice(message);
            }
            Some(new) => {
                changed = true;
                out.push(flags & !COMPRESSED);
                // A message that fitted has not grown beyond what a length can say.
                out.extend_from_slice(&(new.len() as u32).to_be_bytes());
                out.extend(new);
            }
        }
    }
    // What is no frame, or the start of one that was cut.
    match pass.text(rest, Vec::new(), Kind::BINARY) {
        Some(new) => {
            changed = true;
            out.extend(new);
        }
        None => out.extend_from_slice(rest),
    }
    changed.then_some(out)
}

fn message(
    pass: &mut Pass,
    headers: &Headers,
    media_type: &str,
    flags: u8,
    message: &[u8],
) -> Option<Vec<u8>> {
    // The trailers of gRPC-Web and the end of a Connect stream are text; so is JSON.
    let is_text = flags & 0x82 != 0 || media_type.ends_with("json");
    let kind = if is_text { Kind::TEXT } else { Kind::BINARY };
    if flags & COMPRESSED == 0 {
        return pass.text(message, Vec::new(), kind);
    }
    let encodings = ["grpc-encoding", "connect-content-encoding"];
    let named: Headers = encodings
        .iter()
        .filter_map(|name| headers.get(name))
        .map(|value| ("content-encoding", value))
        .collect();
    let codings = Codings::of(&named).unwrap_or_default();
    match decode(&codings, message, BODY_MAX) {
        (decoded, End::Complete) if !codings.is_empty() => pass.text(&decoded, Vec::new(), kind),
        // Nobody can say what is in it.
        _ if pass.replaces() => Some(Vec::new()),
        _ => None,
    }
}
