//! Messages from frames: fragments joined, compression undone, text checked; piece by piece.

use bytes::{Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};

use super::error::WsError;
use super::frame::{FrameHead, Part, opcode};

/// Bytes of decompressed payload that are handed out at once, at most.
const PIECE: usize = 32 * 1024;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// What a part of a frame means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message begins.
    Begin(MessageType),
    /// A piece of it, as meant. At most 32 KiB when it was compressed.
    Data(Bytes),
    /// It is complete.
    End {
        /// How many frames carried it.
        fragments: u32,
        /// It was compressed.
        compressed: bool,
    },
    /// A whole control frame, which may come in the middle of a message.
    Control {
        /// See [`opcode`].
        opcode: u8,
        /// Up to 125 bytes.
        payload: Bytes,
    },
}

/// Puts the messages of one direction together; see [`Step`].
#[derive(Debug)]
pub struct Assembler {
    inflate: Option<Inflate>,
    message: Option<Message>,
    /// The frame whose payload comes next.
    frame: Option<FrameHead>,
    control: BytesMut,
}

#[derive(Debug)]
struct Message {
    kind: MessageType,
    fragments: u32,
    compressed: bool,
    utf8: Utf8,
}

#[derive(Debug)]
struct Inflate {
    state: Decompress,
    /// Each message is compressed by itself (RFC 7692 §7.1.1).
    resets: bool,
}

impl Assembler {
    /// `deflate` says how this direction may be compressed: whether each message is by itself, and the bits of the window
    /// (8 to 15).
    #[must_use]
    pub fn new(deflate: Option<(bool, u8)>) -> Self {
        Self {
            inflate: deflate.map(|(resets, bits)| Inflate {
                // The library's smallest window is 9 bits, which reads what 8 have written.
                state: Decompress::new_with_window_bits(false, bits.clamp(9, 15)),
                resets,
            }),
            message: None,
            frame: None,
            control: BytesMut::new(),
        }
    }

    /// Takes a part and gives `out` what it means, text that turns out to be none included.
    ///
    /// # Errors
    /// When text is no UTF-8, or what is called compressed cannot be decompressed.
    pub fn take(&mut self, part: &Part, out: &mut impl FnMut(Step)) -> Result<(), WsError> {
        match part {
            Part::Head { head, .. } => {
                self.frame = Some(*head);
                if head.is_control() {
                    self.control.clear();
                } else if let Some(message) = &mut self.message {
                    message.fragments = message.fragments.saturating_add(1);
                } else {
                    let kind = match head.opcode {
                        opcode::TEXT => MessageType::Text,
                        _ => MessageType::Binary,
                    };
                    self.message = Some(Message {
                        kind,
                        fragments: 1,
                        compressed: head.rsv & 4 != 0,
                        utf8: Utf8::default(),
                    });
                    out(Step::Begin(kind));
                }
                Ok(())
            }
            Part::Payload { data, end, .. } => self.payload(data, *end, out),
        }
    }

    fn payload(
        &mut self,
        data: &Bytes,
        end: bool,
        out: &mut impl FnMut(Step),
    ) -> Result<(), WsError> {
        let Some(frame) = self.frame else {
            return Ok(());
        };
        if frame.is_control() {
            self.control.extend_from_slice(data);
            if end {
                let payload = self.control.split().freeze();
                if frame.opcode == opcode::CLOSE && payload.len() == 1 {
                    return Err(WsError::CloseCode);
                }
                let opcode = frame.opcode;
                out(Step::Control { opcode, payload });
            }
            return Ok(());
        }
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        let last = end && frame.fin;
        match self.inflate.as_mut().filter(|_| message.compressed) {
            Some(inflate) => {
                inflate.feed(data, &mut message.utf8, message.kind, out)?;
                if last {
                    // What the sender has left out (RFC 7692 §7.2.2).
                    let tail = [0, 0, 0xff, 0xff];
                    inflate.feed(&tail, &mut message.utf8, message.kind, out)?;
                    inflate.rest();
                }
            }
            None if !data.is_empty() => {
                out(Step::Data(data.clone()));
                if message.kind == MessageType::Text {
                    message.utf8.check(data)?;
                }
            }
            None => {}
        }
        if last && let Some(message) = self.message.take() {
            if message.kind == MessageType::Text {
                message.utf8.end()?;
            }
            out(Step::End {
                fragments: message.fragments,
                compressed: message.compressed,
            });
        }
        Ok(())
    }
}

impl Inflate {
    fn feed(
        &mut self,
        mut input: &[u8],
        utf8: &mut Utf8,
        kind: MessageType,
        out: &mut impl FnMut(Step),
    ) -> Result<(), WsError> {
        let mut piece = Vec::with_capacity(PIECE);
        loop {
            let before = self.state.total_in();
            let status = self
                .state
                .decompress_vec(input, &mut piece, FlushDecompress::Sync)
                .map_err(|_| WsError::Deflate)?;
            let used = (self.state.total_in() - before) as usize;
            input = input.get(used..).unwrap_or_default();
            let full = piece.len() == piece.capacity();
            if !piece.is_empty() {
                // A short piece must not keep the memory of a long one, however long it is kept itself.
                let data = match full {
                    true => std::mem::replace(&mut piece, Vec::with_capacity(PIECE)).into(),
                    false => Bytes::copy_from_slice(&piece),
                };
                piece.clear();
                out(Step::Data(data.clone()));
                if kind == MessageType::Text {
                    utf8.check(&data)?;
                }
            }
            match status {
                // A block that calls itself the last one; what follows is a stream of its own.
                Status::StreamEnd => self.state.reset(false),
                _ if !full && (input.is_empty() || used == 0) => {
                    return if input.is_empty() {
                        Ok(())
                    } else {
                        Err(WsError::Deflate)
                    };
                }
                _ => {}
            }
            if input.is_empty() && !full {
                return Ok(());
            }
        }
    }

    fn rest(&mut self) {
        if self.resets {
            self.state.reset(false);
        }
    }
}

/// UTF-8 that comes in pieces.
#[derive(Debug, Default)]
struct Utf8 {
    /// The beginning of a character whose rest is to come.
    open: Vec<u8>,
}

impl Utf8 {
    fn check(&mut self, mut data: &[u8]) -> Result<(), WsError> {
        while !self.open.is_empty() {
            let Some((first, rest)) = data.split_first() else {
                return Ok(());
            };
            self.open.push(*first);
            data = rest;
            match std::str::from_utf8(&self.open) {
                Ok(_) => self.open.clear(),
                Err(error) if error.error_len().is_some() => return Err(WsError::NotUtf8),
                Err(_) => {}
            }
        }
        match std::str::from_utf8(data) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(WsError::NotUtf8),
            Err(error) => {
                let open = data.get(error.valid_up_to()..).unwrap_or_default();
                self.open.extend_from_slice(open);
                Ok(())
            }
        }
    }

    fn end(&self) -> Result<(), WsError> {
        if self.open.is_empty() {
            Ok(())
        } else {
            Err(WsError::NotUtf8)
        }
    }
}
