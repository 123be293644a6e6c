//! What a connection tells its owner.

use bytes::Bytes;

use super::{Reason, StreamError, StreamId};
use crate::Headers;

/// The head of a request or response, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The fields whose names begin with a colon, in order, unknown ones and duplicates included. Names have the colon.
    pub pseudo: Headers,
    /// The other fields, in order.
    pub headers: Headers,
    /// Whether a pseudo-header field came after another field (RFC 9113 §8.3 forbids it).
    pub late_pseudo: bool,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request head (we are the server), or a response head or informational head (we are the client).
    Headers {
        /// The stream.
        id: StreamId,
        /// What was sent.
        head: Head,
        /// Whether the peer has nothing more to send.
        end: bool,
    },
    /// A part of the content. Empty only when it is the end.
    Data {
        /// The stream.
        id: StreamId,
        /// The payload, a slice of what was read.
        data: Bytes,
        /// What the frame counts for in flow control: pass it to [`consume`](super::Connection::consume) once
        /// it is taken.
        flow: u32,
        /// Whether the peer has nothing more to send.
        end: bool,
    },
    /// Fields after the content. The peer has nothing more to send.
    Trailers {
        /// The stream.
        id: StreamId,
        /// What was sent; names may begin with a colon.
        headers: Headers,
    },
    /// The peer has reset the stream, which is closed. What was queued for it is dropped.
    Reset {
        /// The stream.
        id: StreamId,
        /// Why.
        reason: Reason,
        /// Bytes of data that were queued.
        unsent: usize,
    },
    /// The peer broke a rule on a stream. A RST_STREAM is queued, and the stream is closed.
    StreamError {
        /// The stream.
        id: StreamId,
        /// Which rule.
        error: StreamError,
        /// The head that came with it, so that it can be shown: the request's if no [`Headers`](Self::Headers) was
        /// there for this stream, or the response's. Of one that is too large, the fields up to the limit.
        head: Option<Box<Head>>,
    },
    /// The peer will not look at streams of ours above `last`: they are closed without further events and may be
    /// repeated elsewhere. No more can be opened.
    GoAway {
        /// The last stream that is looked at. The largest number when the peer has only said that it wants to stop.
        last: StreamId,
        /// Why.
        reason: Reason,
        /// What the peer says about it; for people.
        debug: Bytes,
    },
    /// The peer's settings are in force; see [`peer_settings`](super::Connection::peer_settings).
    Settings,
    /// The answer to a [`ping`](super::Connection::ping).
    Pong([u8; 8]),
    /// After a [`send_data`](super::Connection::send_data) that could not be passed on at once, no more than
    /// [`Config::low_water`](super::Config::low_water) is waiting (once), or nothing is (once).
    Writable(StreamId),
    /// More streams may be [opened](super::Connection::open), after the peer's limit was reached.
    StreamsAvailable,
}
