//! Frames (RFC 6455 §5.2), in the pieces in which they come.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::WsError;
use super::mask::mask;

/// Bytes that the payload of a control frame may have (RFC 6455 §5.5).
pub const CONTROL_MAX: usize = 125;

/// Bytes of a compressed message that are handed out at once. Deflate makes at most a thousand times as many of them, so
/// that what one part of a bomb becomes stays below 17 MiB.
const COMPRESSED_PIECE: usize = 16 * 1024;

/// The opcodes (RFC 6455 §11.8).
pub mod opcode {
    /// Goes on with a message.
    pub const CONTINUATION: u8 = 0;
    /// Begins a text message.
    pub const TEXT: u8 = 1;
    /// Begins a binary message.
    pub const BINARY: u8 = 2;
    /// Closes the connection.
    pub const CLOSE: u8 = 8;
    /// Asks for a pong.
    pub const PING: u8 = 9;
    /// Answers a ping.
    pub const PONG: u8 = 10;
}

/// Who sends the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Its frames are masked.
    Client,
    /// Its frames are not.
    Server,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The last frame of its message.
    pub fin: bool,
    /// The three reserved bits; the highest marks a compressed message (RFC 7692 §6).
    pub rsv: u8,
    /// See [`opcode`].
    pub opcode: u8,
    /// The key that masks the payload.
    pub mask: Option<[u8; 4]>,
    /// Bytes of the payload.
    pub len: u64,
}

impl FrameHead {
    /// Whether it is a control frame (RFC 6455 §5.5).
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.opcode & 8 != 0
    }

    /// Appends the head, with the length in its shortest form.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(self.fin) << 7 | (self.rsv & 7) << 4 | self.opcode & 15);
        let masked = u8::from(self.mask.is_some()) << 7;
        match self.len {
            len @ 0..=125 => out.put_u8(masked | len as u8),
            len @ 126..=0xffff => {
                out.put_u8(masked | 126);
                out.put_u16(len as u16);
            }
            len => {
                out.put_u8(masked | 127);
                out.put_u64(len);
            }
        }
        if let Some(key) = self.mask {
            out.put_slice(&key);
        }
    }

    /// The head that `bytes` begin with, and how many bytes it has; none while some are missing.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, WsError> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(None);
        };
        let (len, used) = match second & 0x7f {
            126 => match rest.first_chunk() {
                Some(len) => (u64::from(u16::from_be_bytes(*len)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(len) => (u64::from_be_bytes(*len), 8),
                None => return Ok(None),
            },
            len => (u64::from(len), 0),
        };
        if (used == 2 && len < 126) || (used == 8 && (len <= 0xffff || len >> 63 != 0)) {
            return Err(WsError::Length);
        }
        let (mask, key) = if second & 0x80 == 0 {
            (None, 0)
        } else {
            match rest.get(used..).and_then(|rest| rest.first_chunk()) {
                Some(key) => (Some(*key), 4),
                None => return Ok(None),
            }
        };
        let head = Self {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 7,
            opcode: first & 15,
            mask,
            len,
        };
        Ok(Some((head, 2 + used + key)))
    }
}

/// A part of a frame, with the bytes that said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A frame begins.
    Head {
        /// What it is.
        head: FrameHead,
        /// Its bytes, as received.
        wire: Bytes,
    },
    /// A piece of its payload. A frame without payload has one empty piece.
    Payload {
        /// As received.
        wire: Bytes,
        /// Unmasked.
        data: Bytes,
        /// The frame ends with it.
        end: bool,
    },
}

/// Takes the frames of one direction apart.
#[derive(Debug)]
pub struct FrameDecoder {
    from: Peer,
    /// Reserved bits that mean something.
    rsv: u8,
    /// Within a payload: the key, how much is done, how much is left.
    payload: Option<(Option<[u8; 4]>, u64, u64)>,
    /// Within a message of several frames.
    continues: bool,
    /// The last message that began is compressed.
    compressed: bool,
}

impl FrameDecoder {
    /// For the frames that `from` sends. `rsv` are the reserved bits that extensions have claimed.
    #[must_use]
    pub fn new(from: Peer, rsv: u8) -> Self {
        Self {
            from,
            rsv,
            payload: None,
            continues: false,
            compressed: false,
        }
    }

    /// Takes the next part off `buf`; none when its bytes are not there yet. At most 14 bytes are ever left.
    ///
    /// # Errors
    /// When the peer broke a rule; the connection is of no further use then.
    pub fn next(&mut self, buf: &mut BytesMut) -> Result<Option<Part>, WsError> {
        let Some((key, done, left)) = self.payload else {
            let Some((head, len)) = FrameHead::parse(buf)? else {
                return Ok(None);
            };
            self.check(&head)?;
            self.payload = Some((head.mask, 0, head.len));
            let wire = buf.split_to(len).freeze();
            return Ok(Some(Part::Head { head, wire }));
        };
        if buf.is_empty() && left > 0 {
            return Ok(None);
        }
        let most = match self.compressed {
            true => buf.len().min(COMPRESSED_PIECE),
            false => buf.len(),
        };
        let len = usize::try_from(left).map_or(most, |left| left.min(most));
        let wire = buf.split_to(len).freeze();
        let data = match key {
            None => wire.clone(),
            Some(key) => {
                let mut data = BytesMut::from(&wire[..]);
                mask(&mut data, key, done);
                data.freeze()
            }
        };
        let left = left - len as u64;
        self.payload = (left > 0).then_some((key, done + len as u64, left));
        Ok(Some(Part::Payload {
            wire,
            data,
            end: left == 0,
        }))
    }

    /// Whether everything so far was whole frames.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.payload.is_none()
    }

    /// Whether no message is under way: something else may be sent here.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.payload.is_none() && !self.continues
    }

    fn check(&mut self, head: &FrameHead) -> Result<(), WsError> {
        match (self.from, head.mask) {
            (Peer::Client, None) => return Err(WsError::Unmasked),
            (Peer::Server, Some(_)) => return Err(WsError::Masked),
            _ => {}
        }
        if head.rsv & !self.rsv != 0 {
            return Err(WsError::ReservedBits(head.rsv));
        }
        if head.is_control() {
            return match head.opcode {
                11.. => Err(WsError::ReservedOpcode(head.opcode)),
                _ if !head.fin => Err(WsError::FragmentedControl),
                _ if head.len > CONTROL_MAX as u64 => Err(WsError::LongControl(head.len)),
                _ if head.rsv != 0 => Err(WsError::ReservedBits(head.rsv)),
                _ => Ok(()),
            };
        }
        match (head.opcode, self.continues) {
            (opcode::CONTINUATION, false) => return Err(WsError::NothingToContinue),
            (opcode::CONTINUATION, true) if head.rsv & 4 != 0 => {
                return Err(WsError::ReservedBits(head.rsv));
            }
            (opcode::CONTINUATION, true) | (opcode::TEXT | opcode::BINARY, false) => {}
            (opcode::TEXT | opcode::BINARY, true) => return Err(WsError::Interrupted),
            (other, _) => return Err(WsError::ReservedOpcode(other)),
        }
        if head.opcode != opcode::CONTINUATION {
            self.compressed = head.rsv & 4 != 0;
        }
        self.continues = !head.fin;
        Ok(())
    }
}
