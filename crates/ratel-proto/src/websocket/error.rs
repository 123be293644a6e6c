//! What a peer can do wrong.

/// A broken rule of RFC 6455 or RFC 7692. Reads as a sentence about "it", the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WsError {
    /// RFC 6455 §5.2.
    #[error("it sent a frame with the reserved opcode {0:#x}")]
    ReservedOpcode(u8),
    /// RFC 6455 §5.2: reserved bits that no extension has claimed.
    #[error("it set the reserved bits {0:#05b}, which mean nothing on this connection")]
    ReservedBits(u8),
    /// RFC 6455 §5.1.
    #[error("it is a client and sent a frame without a mask")]
    Unmasked,
    /// RFC 6455 §5.1.
    #[error("it is a server and sent a frame with a mask")]
    Masked,
    /// RFC 6455 §5.5.
    #[error("it sent a control frame of {0} bytes, where 125 are allowed")]
    LongControl(u64),
    /// RFC 6455 §5.5.
    #[error("it sent a control frame in fragments")]
    FragmentedControl,
    /// RFC 6455 §5.4.
    #[error("it went on with a message that it had not begun")]
    NothingToContinue,
    /// RFC 6455 §5.4.
    #[error("it began a message in the middle of another one")]
    Interrupted,
    /// RFC 6455 §5.2: the length has its highest bit set, or was written longer than it must be.
    #[error("it wrote the length of a frame in a form that is not allowed")]
    Length,
    /// RFC 6455 §8.1.
    #[error("it sent a text message that is not UTF-8")]
    NotUtf8,
    /// RFC 7692 §7.2.2.
    #[error("it sent a compressed message that cannot be decompressed")]
    Deflate,
    /// RFC 6455 §5.5.1.
    #[error("it closed with a payload of one byte, which is no code")]
    CloseCode,
}

impl WsError {
    /// The code that a connection is closed with for this (RFC 6455 §7.4.1).
    #[must_use]
    pub fn close_code(&self) -> u16 {
        match self {
            Self::NotUtf8 | Self::Deflate => 1007,
            _ => 1002,
        }
    }
}
