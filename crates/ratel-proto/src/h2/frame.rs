//! Frames (RFC 9113 §4 and §6): the 9 bytes before each payload, and the payloads themselves.

use bytes::{BufMut, BytesMut};

/// The number of a stream; 0 is the connection itself.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
    /// The largest number.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// Whether a client opens it: such numbers are odd.
    #[must_use]
    pub const fn is_client(self) -> bool {
        self.0 & 1 == 1
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl std::fmt::Debug for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// The type of a frame, known or not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameKind(pub u8);

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        impl FrameKind {
            $($(#[doc = $doc])* pub const $name: Self = Self($code);)*

            /// The name that the RFC gives it; none when it has none.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// Content.
    DATA = 0;
    /// The beginning of a head or of trailers.
    HEADERS = 1;
    /// Obsolete; ignored.
    PRIORITY = 2;
    /// The end of a stream before its time.
    RST_STREAM = 3;
    /// Parameters of the connection.
    SETTINGS = 4;
    /// The announcement of a pushed stream.
    PUSH_PROMISE = 5;
    /// A question whether the peer is there, or its answer.
    PING = 6;
    /// The end of a connection.
    GOAWAY = 7;
    /// Room for more DATA.
    WINDOW_UPDATE = 8;
    /// The rest of a head or of trailers.
    CONTINUATION = 9;
}

impl std::fmt::Display for FrameKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "type {:#04x}", self.0),
        }
    }
}

impl std::fmt::Debug for FrameKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The flag bits of frames.
pub mod flags {
    /// DATA, HEADERS: the sender has nothing more to send on the stream.
    pub const END_STREAM: u8 = 0x1;
    /// SETTINGS, PING: this is the answer.
    pub const ACK: u8 = 0x1;
    /// HEADERS, PUSH_PROMISE, CONTINUATION: the header block is complete.
    pub const END_HEADERS: u8 = 0x4;
    /// DATA, HEADERS, PUSH_PROMISE: there is padding.
    pub const PADDED: u8 = 0x8;
    /// HEADERS: there are the obsolete priority fields.
    pub const PRIORITY: u8 = 0x20;
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of payload, less than 2²⁴.
    pub len: u32,
    /// The type.
    pub kind: FrameKind,
    /// Flag bits; which ones mean something depends on the type.
    pub flags: u8,
    /// The stream; the reserved bit is left out.
    pub id: StreamId,
}

impl FrameHeader {
    /// Its length in bytes.
    pub const LEN: usize = 9;

    /// Reads the header at the beginning of `buf`; none when it is not complete.
    #[must_use]
    pub fn parse(buf: &[u8]) -> Option<Self> {
        let &[a, b, c, kind, flags, d, e, f, g] = buf.first_chunk::<{ Self::LEN }>()?;
        Some(Self {
            len: u32::from_be_bytes([0, a, b, c]),
            kind: FrameKind(kind),
            flags,
            id: StreamId(u32::from_be_bytes([d, e, f, g]) & StreamId::MAX.0),
        })
    }

    /// The header as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [_, a, b, c] = self.len.to_be_bytes();
        let [d, e, f, g] = self.id.0.to_be_bytes();
        [a, b, c, self.kind.0, self.flags, d, e, f, g]
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A payload has more padding than there is room for (RFC 9113 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaddingError;

/// Where the content of a padded payload lies: how many bytes are before it, and how many it has.
///
/// # Errors
/// When the padding does not leave room for itself. An empty payload has no room for the length of its padding.
pub fn unpad(header: FrameHeader, payload: &[u8]) -> Result<(usize, usize), PaddingError> {
    if !header.has(flags::PADDED) {
        return Ok((0, payload.len()));
    }
    let (padding, rest) = payload.split_first().ok_or(PaddingError)?;
    let content = rest.len().checked_sub(usize::from(*padding));
    content.map(|len| (1, len)).ok_or(PaddingError)
}

/// The number at the beginning of `payload`, 0 when it is too short.
pub(super) fn number(payload: &[u8]) -> u32 {
    payload
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Appends a frame without content of its own: the header.
pub fn put_header(out: &mut BytesMut, kind: FrameKind, flags: u8, id: StreamId, len: usize) {
    let header = FrameHeader {
        len: len as u32,
        kind,
        flags,
        id,
    };
    out.put_slice(&header.to_bytes());
}

/// Appends a RST_STREAM frame.
pub fn put_reset(out: &mut BytesMut, id: StreamId, reason: super::Reason) {
    put_header(out, FrameKind::RST_STREAM, 0, id, 4);
    out.put_u32(reason.0);
}

/// Appends a SETTINGS frame that confirms the peer's.
pub fn put_settings_ack(out: &mut BytesMut) {
    put_header(
        out,
        FrameKind::SETTINGS,
        flags::ACK,
        StreamId::CONNECTION,
        0,
    );
}

/// Appends a PING frame.
pub fn put_ping(out: &mut BytesMut, ack: bool, payload: [u8; 8]) {
    let flags = if ack { flags::ACK } else { 0 };
    put_header(out, FrameKind::PING, flags, StreamId::CONNECTION, 8);
    out.put_slice(&payload);
}

/// Appends a GOAWAY frame. `debug` is what is said about it, for people.
pub fn put_goaway(out: &mut BytesMut, last: StreamId, reason: super::Reason, debug: &[u8]) {
    let len = 8 + debug.len();
    put_header(out, FrameKind::GOAWAY, 0, StreamId::CONNECTION, len);
    out.put_u32(last.0);
    out.put_u32(reason.0);
    out.put_slice(debug);
}

/// Appends a WINDOW_UPDATE frame.
pub fn put_window_update(out: &mut BytesMut, id: StreamId, increment: u32) {
    put_header(out, FrameKind::WINDOW_UPDATE, 0, id, 4);
    out.put_u32(increment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_written_as_it_was_read_but_for_the_reserved_bit() {
        let wire = [0, 0x40, 1, 0, 0x9, 0xff, 0, 0, 3];
        let header = FrameHeader::parse(&wire).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                len: 0x4001,
                kind: FrameKind::DATA,
                flags: 9,
                id: StreamId(0x7f00_0003),
            }
        );
        assert_eq!(header.to_bytes(), [0, 0x40, 1, 0, 9, 0x7f, 0, 0, 3]);
        assert_eq!(FrameHeader::parse(&wire[..8]), None);
    }

    #[test]
    fn padding_must_leave_room_for_itself() {
        let header = |flags| FrameHeader {
            len: 0,
            kind: FrameKind::DATA,
            flags,
            id: StreamId(1),
        };
        assert_eq!(unpad(header(0), b"\x05ab"), Ok((0, 3)));
        assert_eq!(unpad(header(8), b"\x01ab"), Ok((1, 1)));
        assert_eq!(unpad(header(8), b"\x02ab"), Ok((1, 0)));
        assert_eq!(unpad(header(8), b"\x03ab"), Err(PaddingError));
        assert_eq!(unpad(header(8), b""), Err(PaddingError));
    }

    #[test]
    fn kinds_have_names() {
        assert_eq!(FrameKind::GOAWAY.to_string(), "GOAWAY");
        assert_eq!(FrameKind(0x10).to_string(), "type 0x10");
        assert_eq!(crate::h2::Reason::CANCEL.to_string(), "CANCEL (8)");
        assert_eq!(crate::h2::Reason(99).to_string(), "error code 99");
    }
}
