//! Heads, trailers and pushes: header blocks that are put together, decompressed, and given to their stream.

use bytes::BytesMut;

use super::Connection;
use super::recv::Received;
use crate::Headers;
use crate::h2::error::HeadersTooLarge;
use crate::h2::frame::{self, FrameHeader, FrameKind, StreamId, flags, unpad};
use crate::h2::hpack::{Block, HpackError};
use crate::h2::stream::{Recv, Send};
use crate::h2::{ConnectionError, Event, Head, Reason, Role, StreamError};

/// A header block whose end has not come (RFC 9113 §6.10).
#[derive(Debug)]
pub(super) struct HeaderBlock {
    pub(super) id: StreamId,
    purpose: Purpose,
    bytes: BytesMut,
    frames: u32,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// A head or trailers, and whether the stream ends with them.
    Message { end: bool },
    /// A pushed request for this stream.
    Push(StreamId),
}

/// Informational heads that one response may have.
const INFORMATIONAL_MAX: u32 = 100;
/// Frames without use that a kilobyte of an informational head counts as.
const INFORMATIONAL_COST: u32 = 4;

impl Connection {
    pub(super) fn headers(&mut self, header: FrameHeader, payload: &[u8]) -> Received {
        let FrameHeader { kind, len, .. } = header;
        let (start, content) =
            unpad(header, payload).map_err(|_| ConnectionError::Padding(kind))?;
        // The priority fields (RFC 9113 §6.2) are ignored.
        let priority = if header.has(flags::PRIORITY) { 5 } else { 0 };
        let content = content
            .checked_sub(priority)
            .ok_or(ConnectionError::FrameSize { kind, len })?;
        let start = start + priority;
        let fragment = payload.get(start..start + content).unwrap_or_default();
        let purpose = Purpose::Message {
            end: header.has(flags::END_STREAM),
        };
        self.fragment(header, purpose, fragment)
    }

    pub(super) fn push_promise(&mut self, header: FrameHeader, payload: &[u8]) -> Received {
        let FrameHeader { id, kind, len, .. } = header;
        let expected = self.config.role == Role::Client && self.config.enable_push;
        if !expected {
            return Err(ConnectionError::Push);
        }
        if !id.is_client() || self.streams.is_idle(id) {
            return Err(ConnectionError::StreamIdle { kind, id });
        }
        let (start, content) =
            unpad(header, payload).map_err(|_| ConnectionError::Padding(kind))?;
        let content = payload.get(start..start + content).unwrap_or_default();
        let (promised, fragment) = content
            .split_at_checked(4)
            .ok_or(ConnectionError::FrameSize { kind, len })?;
        let promised = StreamId(frame::number(promised) & StreamId::MAX.0);
        if promised.is_client() || !self.streams.is_idle(promised) {
            return Err(ConnectionError::StreamNumber(promised));
        }
        self.fragment(header, Purpose::Push(promised), fragment)
    }

    /// The first part of a header block, which may be all of it.
    fn fragment(&mut self, header: FrameHeader, purpose: Purpose, fragment: &[u8]) -> Received {
        if header.has(flags::END_HEADERS) {
            return self.header_block(header.id, purpose, fragment);
        }
        self.block = Some(HeaderBlock {
            id: header.id,
            purpose,
            bytes: BytesMut::from(fragment),
            frames: 1,
        });
        Ok(None)
    }

    pub(super) fn continuation(&mut self, header: FrameHeader, payload: &[u8]) -> Received {
        let Some(block) = &mut self.block else {
            return Err(ConnectionError::ContinuationUnexpected(header.id));
        };
        block.frames += 1;
        let frames = self.config.limits.header_frames;
        if block.frames > frames {
            let limit = HeadersTooLarge::Frames(frames);
            return Err(ConnectionError::HeadersTooLarge(limit));
        }
        // Nothing is larger when it is compressed; twice is for what an odd encoder may add.
        let limit = self.config.header_list_limit.saturating_mul(2);
        if block.bytes.len() + payload.len() > limit {
            let limit = HeadersTooLarge::Compressed(limit);
            return Err(ConnectionError::HeadersTooLarge(limit));
        }
        block.bytes.extend_from_slice(payload);
        if !header.has(flags::END_HEADERS) {
            return Ok(None);
        }
        let Some(block) = self.block.take() else {
            return Ok(None);
        };
        self.header_block(block.id, block.purpose, &block.bytes)
    }

    /// A complete header block. It is decoded whatever becomes of it, since later ones build on it.
    fn header_block(&mut self, id: StreamId, purpose: Purpose, block: &[u8]) -> Received {
        let stream = self.streams.get(id);
        let trailers = stream.is_some_and(|stream| stream.recv == Recv::Body);
        let limit = self.config.header_list_limit;
        let block = self
            .decoder
            .decode(block, limit, !trailers)
            .map_err(|error| match error {
                HpackError::TooLarge { limit } => {
                    ConnectionError::HeadersTooLarge(HeadersTooLarge::Decompressed(limit))
                }
                other => ConnectionError::Compression(other),
            })?;
        let end = match purpose {
            Purpose::Message { end } => end,
            Purpose::Push(promised) => {
                self.streams.skip(promised);
                self.put_reset(promised, Reason::CANCEL);
                return self.idle_frame(1);
            }
        };
        let Some(stream) = self.streams.get_mut(id) else {
            return self.opening(id, block, end);
        };
        match (&stream.send, stream.recv) {
            (Send::Nothing, Recv::Head) => {
                let kind = FrameKind::HEADERS;
                Err(ConnectionError::StreamIdle { kind, id })
            }
            (_, Recv::Head) => self.response_head(id, block, end),
            (_, Recv::Body) if !end => self.stream_error(id, StreamError::SecondHead, None),
            (_, Recv::Body) if block.too_large => {
                self.stream_error(id, StreamError::HeadersTooLarge { limit }, None)
            }
            (_, Recv::Body) => {
                stream.recv = Recv::Ended;
                self.close_if_over(id);
                self.useful();
                let headers = Headers::from_wire(block.wire, block.fields, false);
                Ok(Some(Event::Trailers { id, headers }))
            }
            (_, Recv::Ended) => {
                self.stream_error(id, StreamError::AfterEnd(FrameKind::HEADERS), None)
            }
        }
    }

    /// A head on a stream that is not open: as a server, mostly a request.
    fn opening(&mut self, id: StreamId, block: Block, end: bool) -> Received {
        let idle = self.streams.is_idle(id);
        let by_peer = id.is_client() == (self.config.role == Role::Server);
        if !idle {
            return self.closed(FrameKind::HEADERS, id);
        }
        if !by_peer {
            let kind = FrameKind::HEADERS;
            return Err(ConnectionError::StreamIdle { kind, id });
        }
        if self.config.role == Role::Client {
            return Err(ConnectionError::StreamNumber(id));
        }
        self.streams.skip(id);
        if self.goaway_sent.is_some_and(|last| id > last) {
            return self.idle_frame(1);
        }
        let limit = self.config.header_list_limit;
        let max = self.config.max_concurrent_streams;
        let error = if self.streams.peers() >= max as usize {
            Some(StreamError::TooMany(max))
        } else if block.too_large {
            Some(StreamError::HeadersTooLarge { limit })
        } else {
            None
        };
        let head = head(block);
        if let Some(error) = error {
            return self.stream_error(id, error, Some(Box::new(head)));
        }
        let recv = if end { Recv::Ended } else { Recv::Body };
        self.streams.insert(id, recv, self.windows());
        self.useful();
        Ok(Some(Event::Headers { id, head, end }))
    }

    fn response_head(&mut self, id: StreamId, block: Block, end: bool) -> Received {
        let (too_large, size) = (block.too_large, block.wire.len());
        let head = head(block);
        let limit = self.config.header_list_limit;
        let informational = matches!(head.pseudo.get(":status"), Some([b'1', _, _]));
        let error = if too_large {
            Some(StreamError::HeadersTooLarge { limit })
        } else if informational && end {
            Some(StreamError::EndsInformational)
        } else if informational && self.counts_informational(id) > INFORMATIONAL_MAX {
            Some(StreamError::TooManyInformational(INFORMATIONAL_MAX))
        } else {
            None
        };
        if let Some(error) = error {
            return self.stream_error(id, error, Some(Box::new(head)));
        }
        if informational {
            // Compressed they may be a thousand times smaller, and nothing but this holds them back.
            let kilobytes = u32::try_from(size / 1024).unwrap_or(u32::MAX);
            self.idle_frame(
                kilobytes
                    .saturating_mul(INFORMATIONAL_COST)
                    .saturating_add(1),
            )?;
        } else {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.recv = if end { Recv::Ended } else { Recv::Body };
            }
            self.close_if_over(id);
            self.useful();
        }
        Ok(Some(Event::Headers { id, head, end }))
    }

    /// One more of this stream, and how many that makes.
    fn counts_informational(&mut self, id: StreamId) -> u32 {
        let Some(stream) = self.streams.get_mut(id) else {
            return 0;
        };
        stream.informational += 1;
        stream.informational
    }
}

fn head(block: Block) -> Head {
    Head {
        pseudo: Headers::from_wire(block.wire.clone(), block.pseudo, false),
        headers: Headers::from_wire(block.wire, block.fields, false),
        late_pseudo: block.late_pseudo,
    }
}
