//! WebSocket (RFC 6455) with per-message compression (RFC 7692): frames as they are on the wire, messages as they are
//! meant.
//!
//! A relay passes on the [`wire`](Part) bytes of each part as they come, and learns from an [`Assembler`] what messages
//! they make. Nothing is buffered but what cannot be told apart yet: a frame of a gigabyte passes in the pieces in which it
//! came.
//!
//! - A *part* is a frame's head or a piece of its payload.
//! - A *message* is what a sender meant: the payloads of its fragments, unmasked and decompressed.

mod assemble;
mod error;
mod frame;
pub mod handshake;
mod mask;

pub use assemble::{Assembler, MessageType, Step};
pub use error::WsError;
pub use frame::{CONTROL_MAX, FrameDecoder, FrameHead, Part, Peer, opcode};
pub use mask::mask;

use bytes::{Bytes, BytesMut};

/// A message as one frame. `key` masks it, as clients must and servers must not (RFC 6455 §5.3).
#[must_use]
pub fn encode_message(opcode: u8, payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    let head = FrameHead {
        fin: true,
        rsv: 0,
        opcode,
        mask: key,
        len: payload.len() as u64,
    };
    let mut out = BytesMut::with_capacity(payload.len() + 14);
    head.encode(&mut out);
    let from = out.len();
    out.extend_from_slice(payload);
    if let (Some(key), Some(payload)) = (key, out.get_mut(from..)) {
        mask(payload, key, 0);
    }
    out.freeze()
}

/// The payload of a close frame (RFC 6455 §5.5.1). A reason that does not fit is cut.
#[must_use]
pub fn close_payload(code: u16, reason: &str) -> Bytes {
    let end = reason.floor_char_boundary(CONTROL_MAX - 2);
    let mut out = BytesMut::from(&code.to_be_bytes()[..]);
    out.extend_from_slice(reason.get(..end).unwrap_or_default().as_bytes());
    out.freeze()
}

/// The code and the reason in the payload of a close frame; 1005 when it has none (RFC 6455 §7.1.5).
#[must_use]
pub fn parse_close(payload: &[u8]) -> (u16, &[u8]) {
    match payload {
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
        _ => (1005, &[]),
    }
}

#[cfg(test)]
mod tests;
