//! A connection: frames in, events out; commands in, frames out.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::{Config, ConnectionError, Event, Output, PeerSettings, Reason, SendError, StreamId};
use crate::Headers;
use crate::headers::FieldRef;

/// One side of an HTTP/2 connection.
///
/// The owner alternates between reading ([`receive`](Self::receive) until it needs more bytes), commands,
/// and writing ([`pump`](Self::pump), then [`output`](Self::output)). Nothing here blocks or waits.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    peer: PeerSettings,
    output: Output,
    events: VecDeque<Event>,
}

impl Connection {
    /// A connection on which nothing has been read or written. What it has to say first is in the output.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config: config.clamped(),
            peer: PeerSettings::default(),
            output: Output::default(),
            events: VecDeque::new(),
        }
    }

    /// Takes frames off the front of `input` until there is an event. None when more bytes are needed; a frame
    /// that is not complete stays in `input`, which is never needed to hold more than
    /// [`Config::max_frame_size`] and 9 bytes. The payload of DATA is not copied.
    ///
    /// To be called until it returns none, also after [`pump`](Self::pump), which makes events of its own.
    ///
    /// # Errors
    /// When the connection can't go on. A GOAWAY frame is in the output: write it, and close. Every further call
    /// fails in the same way.
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ConnectionError> {
        let _ = input;
        Ok(self.events.pop_front())
    }

    /// What the peer allows.
    #[must_use]
    pub fn peer_settings(&self) -> &PeerSettings {
        &self.peer
    }

    /// Whether [`open`](Self::open) would give a stream (client role).
    #[must_use]
    pub fn can_open(&self) -> bool {
        false
    }

    /// Opens a stream (client role); none when the peer's limit is reached, after GOAWAY, and when numbers have run out.
    /// Its head must be sent before that of a stream opened later.
    pub fn open(&mut self) -> Option<StreamId> {
        None
    }

    /// Sends a head, informational ones included: first `pseudo`, then `headers`, names as they are. Fields that are
    /// [never indexed](FieldRef::never_indexed) stay so; credentials always are.
    ///
    /// # Errors
    /// When the stream's state does not allow it; nothing is sent then.
    pub fn send_headers<'a, P>(
        &mut self,
        id: StreamId,
        pseudo: P,
        headers: &Headers,
        end: bool,
    ) -> Result<(), SendError>
    where
        P: IntoIterator<Item: Into<FieldRef<'a>>>,
    {
        let _ = (id, pseudo.into_iter().map(Into::into).count(), headers, end);
        Err(SendError::Closed)
    }

    /// Sends a part of the content; it is queued as far as windows or the output have no room. It is accepted
    /// whatever its size: callers look at [`queued`](Self::queued) and wait for [`Event::Writable`].
    /// Empty data does nothing but end the stream, if `end` says so.
    ///
    /// # Errors
    /// When the stream's state does not allow it; nothing is sent then.
    pub fn send_data(&mut self, id: StreamId, data: Bytes, end: bool) -> Result<(), SendError> {
        let _ = (id, data, end);
        Err(SendError::Closed)
    }

    /// Sends fields after the content, when all of it has left, and ends the stream.
    ///
    /// # Errors
    /// When the stream's state does not allow it; nothing is sent then.
    pub fn send_trailers(&mut self, id: StreamId, headers: &Headers) -> Result<(), SendError> {
        let _ = (id, headers);
        Err(SendError::Closed)
    }

    /// Resets a stream and drops what is queued for it. Does nothing when it is closed.
    pub fn reset(&mut self, id: StreamId, reason: Reason) {
        let _ = (id, reason);
    }

    /// Bytes of data that were accepted for a stream and are not in the output.
    #[must_use]
    pub fn queued(&self, id: StreamId) -> usize {
        let _ = id;
        0
    }

    /// Whether nothing more can be sent on a stream: its end is sent or queued, or it is closed.
    #[must_use]
    pub fn is_send_closed(&self, id: StreamId) -> bool {
        let _ = id;
        true
    }

    /// Whether a stream is closed in both directions, or was never opened.
    #[must_use]
    pub fn is_closed(&self, id: StreamId) -> bool {
        let _ = id;
        true
    }

    /// Says that data of [`Event::Data`] has been taken (`bytes` is its `flow`), so that the peer may send more. Must be called for all of
    /// it, also when the stream is closed: the connection's window is shared.
    pub fn consume(&mut self, id: StreamId, bytes: u32) {
        let _ = (id, bytes);
    }

    /// Asks the peer for a sign of life; [`Event::Pong`] is the answer.
    pub fn ping(&mut self, payload: [u8; 8]) {
        let _ = payload;
    }

    /// Announces the end of the connection: streams of the peer above `last` are not looked at. None: those that have been
    /// seen are. `debug` is for people, at most 1 KiB of it is sent.
    pub fn goaway(&mut self, last: Option<StreamId>, reason: Reason, debug: &[u8]) {
        let _ = (last, reason, debug);
    }

    /// Number of streams that are not closed.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        0
    }

    /// Moves queued data into the output, a frame of each stream in turn, while windows allow and the output holds less
    /// than 256 KiB. To be called before writing.
    pub fn pump(&mut self) {}

    /// What is to be written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Time passes: to be called about once a second, so that what comes slowly is not taken for a flood. Calls that are
    /// left out while nothing comes do no harm.
    pub fn tick(&mut self) {}
}
