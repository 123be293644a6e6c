//! A connection: frames in, events out; commands in, frames out.

mod heads;
mod recv;
mod send;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use heads::HeaderBlock;
use recv::Phase;

use super::budget::{Budget, Unread};
use super::flow::{RecvWindow, SendWindow};
use super::frame::{self, StreamId};
use super::hpack::{Decoder, Encoder};
use super::settings::put_settings;
use super::stream::{Recv, Send, Streams};
use super::{Config, ConnectionError, Event, Flood, Output, PeerSettings, Reason, Role};

/// The first bytes of a client (RFC 9113 §3.4).
const PREFACE: &[u8] = crate::detect::HTTP2_PREFACE;

/// How many streams a client opens at once before it knows the server's limit.
const STREAMS_BEFORE_SETTINGS: u32 = 100;

/// What is sent of, and kept of, the text in a GOAWAY frame, in bytes.
const DEBUG_MAX: usize = 1024;

/// One side of an HTTP/2 connection.
///
/// The owner alternates between reading ([`receive`](Self::receive) until it needs more bytes), commands, and writing
/// ([`pump`](Self::pump), then [`output`](Self::output)). Nothing here blocks or waits, so there is nothing to cancel.
///
/// Memory is proportional to the streams that are open, and to what was accepted by [`send_data`](Self::send_data).
#[derive(Debug)]
pub struct Connection {
    config: Config,
    peer: PeerSettings,
    phase: Phase,
    /// Why nothing goes on any more.
    failed: Option<ConnectionError>,
    /// Something that happened outside `receive` and is the end.
    flood: Option<Flood>,
    decoder: Decoder,
    encoder: Encoder,
    /// The header block that is not complete.
    block: Option<HeaderBlock>,
    streams: Streams,
    /// The last stream whose head we have sent.
    last_used: StreamId,
    send_window: SendWindow,
    recv_window: RecvWindow,
    /// By how much the windows of streams have grown.
    grown: u32,
    /// Whether the peer has confirmed our settings.
    settings_confirmed: bool,
    goaway_received: bool,
    /// Streams of the peer above this one are not looked at.
    goaway_sent: Option<StreamId>,
    output: Output,
    /// Streams that have something to send and room in their window, in turn.
    ready: VecDeque<StreamId>,
    writable: VecDeque<StreamId>,
    streams_available: bool,
    resets: Budget,
    idle_frames: Budget,
    unread: Unread,
}

impl Connection {
    /// A connection on which nothing has been read or written. What it has to say first is in the output.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let config = config.clamped();
        let mut output = Output::default();
        let window = config.connection_window;
        output.write(|out| {
            if config.role == Role::Client {
                out.extend_from_slice(PREFACE);
            }
            put_settings(out, &config);
            if window > 65_535 {
                frame::put_window_update(out, StreamId::CONNECTION, window - 65_535);
            }
        });
        Self {
            peer: PeerSettings::default(),
            phase: match config.role {
                Role::Client => Phase::Settings,
                Role::Server => Phase::Preface,
            },
            failed: None,
            flood: None,
            decoder: Decoder::new(config.header_table_size),
            encoder: Encoder::new(),
            block: None,
            streams: Streams::new(config.role),
            last_used: StreamId(0),
            send_window: SendWindow::new(65_535),
            recv_window: RecvWindow::new(window, window),
            grown: 0,
            settings_confirmed: false,
            goaway_received: false,
            goaway_sent: None,
            output,
            ready: VecDeque::new(),
            writable: VecDeque::new(),
            streams_available: false,
            resets: Budget::new(config.limits.resets),
            idle_frames: Budget::new(config.limits.idle_frames),
            unread: Unread::default(),
            config,
        }
    }

    /// What the peer allows.
    #[must_use]
    pub fn peer_settings(&self) -> &PeerSettings {
        &self.peer
    }

    /// Whether [`open`](Self::open) would give a stream (client role).
    #[must_use]
    pub fn can_open(&self) -> bool {
        let done = self.failed.is_some() || self.goaway_received || self.goaway_sent.is_some();
        !done && self.streams.ours() < self.streams_max() && self.streams.next_ours().is_some()
    }

    /// Opens a stream (client role); none when the peer's limit is reached (100 before its settings are known), after
    /// GOAWAY in either direction, and when numbers have run out. Its head must be sent before that of a stream opened
    /// later.
    pub fn open(&mut self) -> Option<StreamId> {
        if !self.can_open() {
            return None;
        }
        let id = self.streams.next_ours()?;
        self.streams.insert(id, Recv::Head, self.windows());
        Some(id)
    }

    /// Bytes of data that were accepted for a stream and are not in the output.
    #[must_use]
    pub fn queued(&self, id: StreamId) -> usize {
        self.streams.get(id).map_or(0, |stream| stream.queue.len())
    }

    /// Whether nothing more can be sent on a stream: its end is sent or queued, or it is closed.
    #[must_use]
    pub fn is_send_closed(&self, id: StreamId) -> bool {
        let stream = self.streams.get(id);
        stream.is_none_or(|stream| matches!(stream.send, Send::Ending(_) | Send::Ended))
    }

    /// Whether a stream is closed in both directions, or was never opened.
    #[must_use]
    pub fn is_closed(&self, id: StreamId) -> bool {
        self.streams.get(id).is_none()
    }

    /// Says that the data of an [`Event::Data`] has been taken (`bytes` is its `flow`), so that the peer may send more.
    /// Of a stream that is closed it has no effect.
    pub fn consume(&mut self, id: StreamId, bytes: u32) {
        if self.failed.is_some() {
            return;
        }
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if stream.recv != Recv::Body {
            return;
        }
        let window = &mut stream.recv_window;
        let before = window.size();
        let room = self.config.growth_max.saturating_sub(self.grown);
        let room = room.min(self.config.stream_window_max.saturating_sub(before));
        if let Some(increment) = window.consume(bytes, room) {
            self.grown += window.size() - before;
            self.output
                .write(|out| frame::put_window_update(out, id, increment));
        }
    }

    /// Gives back a part of the connection's window.
    fn release(&mut self, bytes: u32) {
        if let Some(increment) = self.recv_window.consume(bytes, 0) {
            self.output
                .write(|out| frame::put_window_update(out, StreamId::CONNECTION, increment));
        }
    }

    /// Asks the peer for a sign of life; [`Event::Pong`] is the answer.
    pub fn ping(&mut self, payload: [u8; 8]) {
        if self.failed.is_none() {
            self.output
                .write(|out| frame::put_ping(out, false, payload));
        }
    }

    /// Announces the end of the connection: streams of the peer above `last` are not looked at. None: those that have
    /// been seen are. A later call can only lower `last`. `debug` is for people; 1 KiB of it is sent at most.
    pub fn goaway(&mut self, last: Option<StreamId>, reason: Reason, debug: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let last = last.unwrap_or(self.streams.last_peers());
        let last = self.goaway_sent.map_or(last, |before| before.min(last));
        self.goaway_sent = Some(last);
        let debug = debug.get(..DEBUG_MAX).unwrap_or(debug);
        self.output
            .write(|out| frame::put_goaway(out, last, reason, debug));
    }

    /// Number of streams that are not closed.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// What is to be written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Time passes: to be called about once a second, so that what comes slowly is not taken for a flood. Calls that
    /// are left out while nothing comes do no harm.
    pub fn tick(&mut self) {
        self.resets.earn(self.config.limits.resets_per_tick);
        self.idle_frames
            .earn(self.config.limits.idle_frames_per_tick);
    }

    /// An event that does not come from a frame: none when there is no such one. [`receive`](Self::receive) gives these
    /// too; this one needs no input, as after [`pump`](Self::pump).
    pub fn event(&mut self) -> Option<Event> {
        if let Some(id) = self.writable.pop_front() {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.telling = false;
            }
            return Some(Event::Writable(id));
        }
        std::mem::take(&mut self.streams_available).then_some(Event::StreamsAvailable)
    }

    /// How many streams we may have open.
    fn streams_max(&self) -> usize {
        let unknown = match self.peer.received {
            true => u32::MAX,
            false => STREAMS_BEFORE_SETTINGS,
        };
        self.peer.max_concurrent_streams.unwrap_or(unknown) as usize
    }

    /// The windows of a stream that is opened.
    fn windows(&self) -> (SendWindow, RecvWindow) {
        let size = self.config.stream_window;
        let available = if self.settings_confirmed {
            size
        } else {
            size.max(65_535)
        };
        (
            SendWindow::new(self.peer.initial_window),
            RecvWindow::new(size, available),
        )
    }

    /// A stream is over: forgets it.
    fn close(&mut self, id: StreamId) {
        let was_full = self.streams.ours() >= self.streams_max();
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        let first = self.config.stream_window;
        self.grown -= stream.recv_window.size().saturating_sub(first);
        if stream.in_turn {
            self.ready.retain(|waiting| *waiting != id);
        }
        if matches!(stream.send, Send::Ended) {
            self.resets.earn(self.config.limits.resets_per_completed);
        }
        if was_full && self.can_open() {
            self.streams_available = true;
        }
    }

    /// Forgets a stream if both sides are done.
    fn close_if_over(&mut self, id: StreamId) {
        if self.streams.get(id).is_some_and(|stream| stream.is_over()) {
            self.close(id);
        }
    }
}
