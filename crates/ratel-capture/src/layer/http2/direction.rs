//! One direction of HTTP/2: frames out of bytes, heads out of frames.

use bytes::{Buf, Bytes, BytesMut};
use ratel_flow::{Headers, Side, Timestamp};
use ratel_proto::detect::HTTP2_PREFACE;
use ratel_proto::h2::Head;
use ratel_proto::h2::frame::{FrameHeader, FrameKind, StreamId, flags, unpad};
use ratel_proto::h2::hpack::{Block, Decoder};

use super::END_HEADERS;
use crate::context::{Context, Gap};
use crate::gauge::Share;

/// The largest frame other than DATA, and the largest header block, in bytes.
const FRAME_MAX: u32 = 1024 * 1024;
/// Bytes of a head, counted as in RFC 9113 §6.5.2. Fields beyond it are left out.
const HEAD_MAX: usize = 256 * 1024;
/// The largest table that a sender may use: more than any browser offers.
const TABLE_MAX: u32 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Direction {
    side: Side,
    buffer: BytesMut,
    /// The preface of a client is to come.
    preface: bool,
    /// The DATA frame under way.
    data: Option<Data>,
    /// The header block under way.
    block: Option<HeaderBlock>,
    decoder: Decoder,
    /// When the last bytes came.
    pub(super) last: Timestamp,
    /// What it answers may never come.
    pub(super) may_run_ahead: bool,
    lost: bool,
    share: Share,
}

#[derive(Debug)]
struct Data {
    id: StreamId,
    /// Bytes of content to come.
    left: u64,
    padding: u64,
    end: bool,
}

#[derive(Debug)]
struct HeaderBlock {
    id: StreamId,
    /// It is a request for this stream, which the server opens.
    promised: Option<StreamId>,
    end: bool,
    bytes: BytesMut,
}

/// A frame, or a part of one.
pub(super) enum Frame {
    Data {
        id: StreamId,
        data: Bytes,
        end: bool,
    },
    Head {
        id: StreamId,
        head: Head,
        end: bool,
    },
    Push {
        id: StreamId,
        head: Head,
    },
    Other {
        header: FrameHeader,
        payload: Bytes,
    },
}

pub(super) enum Front {
    Incomplete,
    Frame(Frame),
    Broken(&'static str),
}

impl Direction {
    pub(super) fn new(cx: &Context, side: Side) -> Self {
        Self {
            side,
            buffer: BytesMut::new(),
            preface: side == Side::Client,
            data: None,
            block: None,
            decoder: Decoder::new(TABLE_MAX),
            last: Timestamp::default(),
            may_run_ahead: false,
            lost: false,
            share: cx.gauge.share(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], time: Timestamp) {
        self.last = time;
        if !self.lost {
            self.buffer.extend_from_slice(bytes);
            self.count();
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Nothing can be understood any more.
    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.buffer = BytesMut::new();
        self.block = None;
        self.data = None;
        self.count();
    }

    /// Passes over bytes that are not there, if they can only be content: of which stream.
    pub(super) fn skip(&mut self, gap: Gap, time: Timestamp) -> Option<StreamId> {
        let data = self
            .data
            .as_mut()
            .filter(|_| self.buffer.is_empty() && !gap.sealed)?;
        data.left = data.left.checked_sub(gap.len)?;
        self.last = time;
        Some(data.id)
    }

    fn count(&mut self) {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.len());
        self.share.set(self.buffer.len() + block);
    }

    /// Takes the next frame. `opened` is the last stream that the client has opened: what the server says of later ones
    /// waits.
    pub(super) fn front(&mut self, opened: StreamId) -> Front {
        let front = self.take(opened);
        self.count();
        front
    }

    fn take(&mut self, opened: StreamId) -> Front {
        if self.lost {
            return Front::Incomplete;
        }
        if self.preface {
            let n = self.buffer.len().min(HTTP2_PREFACE.len());
            if self.buffer.get(..n) != HTTP2_PREFACE.get(..n) {
                return Front::Broken("it does not begin with the preface");
            }
            if n < HTTP2_PREFACE.len() {
                return Front::Incomplete;
            }
            self.buffer.advance(n);
            self.preface = false;
        }
        loop {
            if let Some(data) = &mut self.data {
                return match take_data(&mut self.buffer, data) {
                    None => Front::Incomplete,
                    Some((bytes, over)) => {
                        let (id, end) = (data.id, data.end && over);
                        if over {
                            self.data = None;
                        }
                        Front::Frame(Frame::Data {
                            id,
                            data: bytes,
                            end,
                        })
                    }
                };
            }
            let Some(header) = FrameHeader::parse(&self.buffer) else {
                return Front::Incomplete;
            };
            let early = self.side == Side::Server && header.id.is_client() && header.id > opened;
            if early && !self.may_run_ahead {
                return Front::Incomplete;
            }
            if header.kind == FrameKind::DATA {
                let padded = usize::from(header.has(flags::PADDED));
                if self.buffer.len() < FrameHeader::LEN + padded {
                    return Front::Incomplete;
                }
                let padding = match padded {
                    0 => 0,
                    _ => self
                        .buffer
                        .get(FrameHeader::LEN)
                        .copied()
                        .unwrap_or_default(),
                };
                let used = padded as u64 + u64::from(padding);
                let Some(left) = u64::from(header.len).checked_sub(used) else {
                    return Front::Broken("a frame has more padding than payload");
                };
                self.buffer.advance(FrameHeader::LEN + padded);
                self.data = Some(Data {
                    id: header.id,
                    left,
                    padding: padding.into(),
                    end: header.has(flags::END_STREAM),
                });
                continue;
            }
            if header.len > FRAME_MAX {
                return Front::Broken("a frame is larger than any that means something");
            }
            let len = header.len as usize;
            if self.buffer.len() < FrameHeader::LEN + len {
                return Front::Incomplete;
            }
            self.buffer.advance(FrameHeader::LEN);
            let payload = Bytes::copy_from_slice(self.buffer.get(..len).unwrap_or_default());
            self.buffer.advance(len);
            match self.understand(header, payload) {
                Ok(None) => {}
                Ok(Some(frame)) => return Front::Frame(frame),
                Err(what) => return Front::Broken(what),
            }
        }
    }

    fn understand(
        &mut self,
        header: FrameHeader,
        payload: Bytes,
    ) -> Result<Option<Frame>, &'static str> {
        let in_block = self.block.as_ref().map(|block| block.id);
        match (header.kind, in_block) {
            (FrameKind::CONTINUATION, Some(id)) if id == header.id => {
                return self.fragment(header, &payload);
            }
            (FrameKind::CONTINUATION, _) | (_, Some(_)) => {
                return Err("a head is interrupted");
            }
            (FrameKind::HEADERS | FrameKind::PUSH_PROMISE, None) => {}
            _ => return Ok(Some(Frame::Other { header, payload })),
        }
        let (start, len) =
            unpad(header, &payload).map_err(|_| "a frame has more padding than payload")?;
        let mut content = payload.slice(start..start + len);
        let mut block = HeaderBlock {
            id: header.id,
            promised: None,
            end: header.has(flags::END_STREAM),
            bytes: BytesMut::new(),
        };
        if header.kind == FrameKind::PUSH_PROMISE {
            let promised = content
                .try_get_u32()
                .map_err(|_| "a push promises nothing")?;
            block.promised = Some(StreamId(promised & StreamId::MAX.0));
        } else if header.has(flags::PRIORITY) {
            if content.len() < 5 {
                return Err("a frame is too short for its priority");
            }
            content.advance(5);
        }
        self.block = Some(block);
        self.fragment(header, &content)
    }

    fn fragment(
        &mut self,
        header: FrameHeader,
        fragment: &[u8],
    ) -> Result<Option<Frame>, &'static str> {
        let Some(block) = &mut self.block else {
            return Ok(None);
        };
        if block.bytes.len() + fragment.len() > FRAME_MAX as usize {
            return Err("a head is larger than any that means something");
        }
        block.bytes.extend_from_slice(fragment);
        if !header.has(END_HEADERS) {
            return Ok(None);
        }
        let Some(block) = self.block.take() else {
            return Ok(None);
        };
        let decoded = self.decoder.decode(&block.bytes, HEAD_MAX, true);
        let head = head(decoded.map_err(|_| "a head cannot be decompressed")?);
        Ok(Some(match block.promised {
            Some(id) => Frame::Push { id, head },
            None => Frame::Head {
                id: block.id,
                head,
                end: block.end,
            },
        }))
    }
}

/// What there is of a DATA frame, and whether it is complete; none while there is nothing.
fn take_data(buffer: &mut BytesMut, data: &mut Data) -> Option<(Bytes, bool)> {
    if buffer.is_empty() && data.left + data.padding > 0 {
        return None;
    }
    let here = usize::try_from(data.left).map_or(buffer.len(), |left| left.min(buffer.len()));
    let bytes = Bytes::copy_from_slice(buffer.get(..here).unwrap_or_default());
    buffer.advance(here);
    data.left -= here as u64;
    if data.left == 0 {
        let padding = buffer.len().min(usize::try_from(data.padding).unwrap_or(0));
        buffer.advance(padding);
        data.padding -= padding as u64;
    }
    Some((bytes, data.left + data.padding == 0))
}

fn head(block: Block) -> Head {
    Head {
        pseudo: Headers::from_wire(block.wire.clone(), block.pseudo, false),
        headers: Headers::from_wire(block.wire, block.fields, false),
        late_pseudo: block.late_pseudo,
    }
}
