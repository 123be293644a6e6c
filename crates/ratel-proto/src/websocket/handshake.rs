//! How a WebSocket is asked for over HTTP/1, and what the answer agrees to (RFC 6455 §4, RFC 7692 §7.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::Headers;

/// What every key is joined with (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether an HTTP/1 request asks for a WebSocket.
#[must_use]
pub fn is_websocket_request(headers: &Headers) -> bool {
    headers.has_token("connection", "upgrade") && headers.has_token("upgrade", "websocket")
}

/// A key for a request, from bytes nobody can foresee.
#[must_use]
pub fn key(random: [u8; 16]) -> String {
    STANDARD.encode(random)
}

/// The answer to a key (RFC 6455 §4.2.2).
#[must_use]
pub fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

/// What was agreed on for compression (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// The client compresses each message by itself.
    pub client_no_context_takeover: bool,
    /// So does the server.
    pub server_no_context_takeover: bool,
    /// Bits of the client's window, 8 to 15.
    pub client_max_window_bits: u8,
    /// Bits of the server's window, 8 to 15.
    pub server_max_window_bits: u8,
}

/// What the response to a handshake says about compression; none when messages are not compressed.
#[must_use]
pub fn deflate(response: &Headers) -> Option<Deflate> {
    let mut agreed = response
        .get_all("sec-websocket-extensions")
        .flat_map(|value| value.split(|b| *b == b','))
        .filter_map(|extension| {
            let mut words = extension.split(|b| *b == b';').map(<[u8]>::trim_ascii);
            let name = words.next()?;
            name.eq_ignore_ascii_case(b"permessage-deflate")
                .then_some(words)
        });
    let params = agreed.next()?;
    let mut deflate = Deflate {
        client_no_context_takeover: false,
        server_no_context_takeover: false,
        client_max_window_bits: 15,
        server_max_window_bits: 15,
    };
    for param in params {
        let mut halves = param.splitn(2, |b| *b == b'=').map(<[u8]>::trim_ascii);
        let name = halves.next().unwrap_or_default();
        let bits = || {
            let value = halves.next()?;
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            let bits = std::str::from_utf8(value).ok()?.parse().ok()?;
            (8..=15).contains(&bits).then_some(bits)
        };
        match name.to_ascii_lowercase().as_slice() {
            b"client_no_context_takeover" => deflate.client_no_context_takeover = true,
            b"server_no_context_takeover" => deflate.server_no_context_takeover = true,
            b"client_max_window_bits" => deflate.client_max_window_bits = { bits }().unwrap_or(15),
            b"server_max_window_bits" => deflate.server_max_window_bits = { bits }().unwrap_or(15),
            _ => {}
        }
    }
    Some(deflate)
}
