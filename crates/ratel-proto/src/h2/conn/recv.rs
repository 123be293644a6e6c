//! The receiving half: what each frame means.

use bytes::{Buf, Bytes, BytesMut};

use super::{Connection, DEBUG_MAX, PREFACE};
use crate::h2::frame::{self, FrameHeader, FrameKind, StreamId, flags, unpad};
use crate::h2::stream::{Gone, Recv, Send};
use crate::h2::{ConnectionError, Event, Flood, Head, Reason, Role, StreamError};

/// How many frames without use a SETTINGS or GOAWAY frame counts as: it can touch every stream.
const SETTINGS_COST: u32 = 8;
/// Bytes below which a WINDOW_UPDATE is not worth its frame. Updates of at least this many need 54 MB of frames to pass
/// the largest window (RFC 9113 §6.9.1), which then is an error.
const UPDATE_MIN: i64 = 512;

/// What is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The preface of a client.
    Preface,
    /// The first SETTINGS frame.
    Settings,
    /// Anything.
    Open,
}

pub(super) type Received = Result<Option<Event>, ConnectionError>;

impl Connection {
    /// Takes frames off the front of `input` until there is an event. None when more bytes are needed; a frame that is
    /// not complete stays in `input`, which never needs to hold more than
    /// [`Config::max_frame_size`](crate::h2::Config::max_frame_size) and 9 bytes. The payload of DATA is not copied.
    ///
    /// To be called until it returns none.
    ///
    /// # Errors
    /// When the connection can't go on. A GOAWAY frame is in the output: write it, and close. Every further call
    /// fails in the same way.
    pub fn receive(&mut self, input: &mut BytesMut) -> Received {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let received = self.frames(input);
        if let Err(error) = &received {
            self.fail(error);
        }
        received
    }

    fn fail(&mut self, error: &ConnectionError) {
        let debug = error.to_string();
        self.goaway(None, error.reason(), debug.as_bytes());
        self.failed = Some(error.clone());
        self.block = None;
        self.ready.clear();
    }

    fn frames(&mut self, input: &mut BytesMut) -> Received {
        if self.phase == Phase::Preface && !self.preface(input)? {
            return Ok(None);
        }
        loop {
            if let Some(flood) = self.flood {
                return Err(ConnectionError::Flood(flood));
            }
            if let Some(event) = self.event() {
                return Ok(Some(event));
            }
            let Some(header) = FrameHeader::parse(input) else {
                return Ok(None);
            };
            self.check(header)?;
            let len = header.len as usize;
            if input.len() < FrameHeader::LEN + len {
                return Ok(None);
            }
            input.advance(FrameHeader::LEN);
            let event = if header.kind == FrameKind::DATA {
                self.data(header, input.split_to(len).freeze())?
            } else {
                let event = self.frame(header, input.get(..len).unwrap_or_default())?;
                input.advance(len);
                event
            };
            if event.is_some() && self.flood.is_none() {
                return Ok(event);
            }
        }
    }

    /// Takes the preface; false when it is not complete.
    fn preface(&mut self, input: &mut BytesMut) -> Result<bool, ConnectionError> {
        let n = input.len().min(PREFACE.len());
        if input.get(..n) != PREFACE.get(..n) {
            return Err(ConnectionError::Preface);
        }
        let complete = n == PREFACE.len();
        if complete {
            input.advance(n);
            self.phase = Phase::Settings;
        }
        Ok(complete)
    }

    /// Checks what can be said before the payload is there.
    fn check(&self, header: FrameHeader) -> Result<(), ConnectionError> {
        let FrameHeader { len, kind, id, .. } = header;
        if self.phase == Phase::Settings && (kind != FrameKind::SETTINGS || header.has(flags::ACK))
        {
            return Err(ConnectionError::SettingsMissing(kind));
        }
        let limit = self.config.max_frame_size;
        if len > limit {
            return Err(ConnectionError::FrameTooLarge { kind, len, limit });
        }
        match &self.block {
            Some(block) if kind != FrameKind::CONTINUATION || id != block.id => {
                return Err(ConnectionError::HeadersInterrupted {
                    id: block.id,
                    found: kind,
                    on: id,
                });
            }
            None if kind == FrameKind::CONTINUATION => {
                return Err(ConnectionError::ContinuationUnexpected(id));
            }
            _ => {}
        }
        let on_connection = match kind {
            FrameKind::SETTINGS | FrameKind::PING | FrameKind::GOAWAY => true,
            FrameKind::DATA
            | FrameKind::HEADERS
            | FrameKind::PRIORITY
            | FrameKind::RST_STREAM
            | FrameKind::PUSH_PROMISE => false,
            _ => return Ok(()),
        };
        if on_connection == (id == StreamId::CONNECTION) {
            Ok(())
        } else {
            Err(ConnectionError::WrongStream { kind, id })
        }
    }

    /// A frame other than DATA.
    fn frame(&mut self, header: FrameHeader, payload: &[u8]) -> Received {
        let FrameHeader { len, kind, id, .. } = header;
        match (kind, len) {
            (FrameKind::HEADERS, _) => self.headers(header, payload),
            (FrameKind::CONTINUATION, _) => self.continuation(header, payload),
            (FrameKind::WINDOW_UPDATE, 4) => self.window_update(id, frame::number(payload)),
            (FrameKind::RST_STREAM, 4) => self.rst_stream(id, Reason(frame::number(payload))),
            (FrameKind::SETTINGS, 0) if header.has(flags::ACK) => self.settings_ack(),
            (FrameKind::SETTINGS, _) if !header.has(flags::ACK) && len.is_multiple_of(6) => {
                self.settings(payload)
            }
            (FrameKind::PING, 8) => self.pinged(header, payload),
            (FrameKind::GOAWAY, 8..) => self.went_away(payload),
            (FrameKind::PUSH_PROMISE, _) => self.push_promise(header, payload),
            (FrameKind::PRIORITY, 5) => self.idle_frame(1),
            (FrameKind::PRIORITY, _) if !self.is_closed(id) => {
                self.stream_error(id, StreamError::PrioritySize(len), None)
            }
            (FrameKind::WINDOW_UPDATE | FrameKind::RST_STREAM | FrameKind::SETTINGS, _)
            | (FrameKind::PING | FrameKind::GOAWAY, _) => {
                Err(ConnectionError::FrameSize { kind, len })
            }
            // RFC 9113 §4.1: unknown types are ignored.
            _ => self.idle_frame(1),
        }
    }

    fn data(&mut self, header: FrameHeader, mut payload: Bytes) -> Received {
        let FrameHeader { id, kind, len, .. } = header;
        let (start, content) =
            unpad(header, &payload).map_err(|_| ConnectionError::Padding(kind))?;
        payload.advance(start);
        payload.truncate(content);
        if !self.recv_window.receive(len) {
            return Err(ConnectionError::WindowExceeded);
        }
        self.release(len);
        let end = header.has(flags::END_STREAM);
        let Some(stream) = self.streams.get_mut(id) else {
            return self.closed(kind, id);
        };
        let error = match (&stream.send, stream.recv) {
            (Send::Nothing, Recv::Head) => return Err(ConnectionError::StreamIdle { kind, id }),
            (_, Recv::Head) => Some(StreamError::DataBeforeHead),
            (_, Recv::Ended) => Some(StreamError::AfterEnd(kind)),
            (_, Recv::Body) if !stream.recv_window.receive(len) => {
                Some(StreamError::WindowExceeded)
            }
            (_, Recv::Body) => None,
        };
        if let Some(error) = error {
            return self.stream_error(id, error, None);
        }
        if payload.is_empty() && !end {
            self.consume(id, len);
            return self.idle_frame(1);
        }
        if end {
            stream.recv = Recv::Ended;
            self.close_if_over(id);
        }
        self.useful();
        Ok(Some(Event::Data {
            id,
            data: payload,
            flow: len,
            end,
        }))
    }

    fn rst_stream(&mut self, id: StreamId, reason: Reason) -> Received {
        let kind = FrameKind::RST_STREAM;
        let Some(stream) = self.streams.get(id) else {
            // It may have been under way when the stream was closed.
            if self.streams.is_idle(id) {
                return Err(ConnectionError::StreamIdle { kind, id });
            }
            return self.idle_frame(1);
        };
        let unknown = matches!(stream.send, Send::Nothing) && stream.recv == Recv::Head;
        if unknown {
            return Err(ConnectionError::StreamIdle { kind, id });
        }
        // What has been answered was not in vain.
        let wasted = !matches!(stream.send, Send::Ended) && self.config.role == Role::Server;
        let unsent = stream.queue.len();
        self.close(id);
        self.streams.was_reset(id, false);
        if wasted && !self.resets.spend(1) {
            return Err(ConnectionError::Flood(Flood::Resets));
        }
        Ok(Some(Event::Reset { id, reason, unsent }))
    }

    fn window_update(&mut self, id: StreamId, increment: u32) -> Received {
        let kind = FrameKind::WINDOW_UPDATE;
        let increment = i64::from(increment & StreamId::MAX.0);
        if id == StreamId::CONNECTION {
            if increment == 0 {
                return Err(ConnectionError::WindowIncrement);
            }
            if !self.send_window.change(increment) {
                return Err(ConnectionError::WindowOverflow);
            }
            return self.small_update(increment);
        }
        let Some(stream) = self.streams.get_mut(id) else {
            // It may have been under way when the stream was closed.
            if self.streams.is_idle(id) {
                return Err(ConnectionError::StreamIdle { kind, id });
            }
            return self.idle_frame(1);
        };
        if matches!(stream.send, Send::Nothing) && stream.recv == Recv::Head {
            return Err(ConnectionError::StreamIdle { kind, id });
        }
        if increment == 0 {
            return self.stream_error(id, StreamError::WindowIncrement, None);
        }
        if !stream.send_window.change(increment) {
            return self.stream_error(id, StreamError::WindowOverflow, None);
        }
        self.schedule(id);
        self.small_update(increment)
    }

    /// A peer that takes much may say so often, as many do with each read; that it cannot do so for ever without our
    /// sending is the window's own limit. Only updates that are worth less than their frames are without use.
    fn small_update(&mut self, increment: i64) -> Received {
        if increment >= UPDATE_MIN {
            return Ok(None);
        }
        self.idle_frame(1)
    }

    fn settings(&mut self, payload: &[u8]) -> Received {
        let was_full = self.streams.ours() >= self.streams_max();
        let before = self.peer.initial_window;
        self.peer.apply(payload, self.config.role)?;
        self.phase = Phase::Open;
        self.encoder.set_limit(self.peer.header_table_size);
        let change = i64::from(self.peer.initial_window) - i64::from(before);
        if change != 0 {
            // RFC 9113 §6.9.2: the connection's window stays as it is.
            for (_, stream) in self.streams.iter_mut() {
                if !stream.send_window.change(change) {
                    return Err(ConnectionError::WindowOverflow);
                }
            }
            let ids: Vec<_> = self.streams.ids().collect();
            ids.into_iter().for_each(|id| self.schedule(id));
        }
        self.answer(frame::put_settings_ack);
        self.streams_available |= was_full && self.can_open();
        self.idle_frame(SETTINGS_COST)?;
        Ok(Some(Event::Settings))
    }

    fn settings_ack(&mut self) -> Received {
        if !std::mem::replace(&mut self.settings_confirmed, true) {
            self.decoder.set_limit(self.config.header_table_size);
            // Streams could use the window of RFC 9113 §6.9.2 until here.
            let excess = i64::from(self.config.stream_window) - 65_535;
            if excess < 0 {
                for (_, stream) in self.streams.iter_mut() {
                    stream.recv_window.change(excess);
                }
            }
        }
        self.idle_frame(1)
    }

    fn pinged(&mut self, header: FrameHeader, payload: &[u8]) -> Received {
        let data = payload.first_chunk().copied().unwrap_or_default();
        let pong = header.has(flags::ACK);
        if !pong {
            self.answer(|out| frame::put_ping(out, true, data));
        }
        self.idle_frame(1)?;
        Ok(pong.then_some(Event::Pong(data)))
    }

    fn went_away(&mut self, payload: &[u8]) -> Received {
        let last = StreamId(frame::number(payload) & StreamId::MAX.0);
        let reason = Reason(frame::number(payload.get(4..).unwrap_or_default()));
        let debug = payload.get(8..).unwrap_or_default();
        let debug = Bytes::copy_from_slice(debug.get(..DEBUG_MAX).unwrap_or(debug));
        self.goaway_received = true;
        if self.config.role == Role::Client {
            let refused: Vec<_> = self.streams.ids().filter(|id| *id > last).collect();
            for id in refused {
                self.close(id);
                self.streams.was_reset(id, true);
            }
        }
        self.idle_frame(SETTINGS_COST)?;
        Ok(Some(Event::GoAway {
            last,
            reason,
            debug,
        }))
    }

    /// A DATA or HEADERS frame on a stream that is not open.
    pub(super) fn closed(&mut self, kind: FrameKind, id: StreamId) -> Received {
        match self.streams.gone(id) {
            Gone::Idle => Err(ConnectionError::StreamIdle { kind, id }),
            Gone::ResetByUs => self.idle_frame(1),
            Gone::Ended if self.goaway_sent.is_some_and(|last| id > last) => self.idle_frame(1),
            Gone::Ended => Err(ConnectionError::StreamClosed { kind, id }),
            Gone::ResetByPeer => {
                self.put_reset(id, Reason::STREAM_CLOSED);
                self.idle_frame(1)
            }
        }
    }

    /// The peer broke a rule on a stream, which ends it.
    pub(super) fn stream_error(
        &mut self,
        id: StreamId,
        error: StreamError,
        head: Option<Box<Head>>,
    ) -> Received {
        self.close(id);
        self.put_reset(id, error.reason());
        if !self.resets.spend(1) {
            return Err(ConnectionError::Flood(Flood::Resets));
        }
        Ok(Some(Event::StreamError { id, error, head }))
    }

    pub(super) fn idle_frame(&mut self, cost: u32) -> Received {
        if self.idle_frames.spend(cost) {
            Ok(None)
        } else {
            Err(ConnectionError::Flood(Flood::Control))
        }
    }

    pub(super) fn useful(&mut self) {
        self.idle_frames
            .earn(self.config.limits.idle_frames_per_useful);
    }
}
