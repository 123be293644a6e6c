//! One HTTP/2 connection and its streams (RFC 9113).
//!
//! A [`Mux`] is what the streams of a connection share: the protocol state and, for each stream, what has come in and
//! not been taken. A [`Driver`](super::driver::Driver) moves bytes between that and the connection; whoever owns it polls it. A [`Stream`] is
//! the handle of an exchange. What peers may fill is bounded by the windows we grant: data counts against them until
//! an exchange takes it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ratel_core::clock;
use ratel_flow::{Side, Timestamp};
use ratel_proto::h2::{Config, Connection, Event, Head, Reason, StreamId};
use ratel_proto::{Frame, Headers};
use tokio::time::Instant;

use super::error::{ConnectionEnd, StreamEnd};
use crate::error::ProxyError;

/// Bytes of a stream that may wait for the peer's window or the socket while its exchange goes on to fetch more.
pub(super) const SEND_AHEAD: usize = 64 * 1024;

/// See the [module](self).
pub(crate) struct Mux {
    state: Mutex<State>,
    /// Whose connection this is.
    peer: Side,
}

/// What the streams of a connection share. Never locked over a wait.
pub(super) struct State {
    pub(super) conn: Connection,
    streams: HashMap<StreamId, Slot>,
    /// Streams the peer has begun and nobody has taken up yet.
    accepted: VecDeque<Begun>,
    /// Whoever drives the connection, while it waits.
    driver: Option<Waker>,
    /// Exchanges that wait until the peer allows another stream.
    openers: Vec<Waker>,
    /// Why the connection is over.
    end: Option<ConnectionEnd>,
    /// What the peer said when it asked for no more streams.
    goaway: Option<GoAway>,
    /// The client's connection that is told when the peer asks for no more streams.
    told: Option<Weak<Mux>>,
    /// Nobody will open another stream: the connection ends with the last one.
    pub(super) closing: bool,
    pub(super) last_read: Timestamp,
    /// The same in the runtime's time, which tests can turn.
    pub(super) heard: Instant,
    /// Nothing has come in since the last PING.
    pub(super) pinged: bool,
    /// Of what has come in lately: answers to our PINGs, and whether there was anything else.
    lately: Lately,
}

/// See [`State::take_only_pongs`].
#[derive(Default)]
struct Lately {
    pongs: bool,
    others: bool,
}

/// The peer's GOAWAY (RFC 9113 §6.8).
#[derive(Clone, Debug)]
struct GoAway {
    reason: Reason,
    debug: Bytes,
}

/// A stream that the peer has begun.
pub(crate) struct Begun {
    pub(crate) stream: Stream,
    pub(crate) head: Head,
    /// There is no body.
    pub(crate) end: bool,
}

/// What one stream has received.
#[derive(Default)]
struct Slot {
    inbox: VecDeque<Inbound>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Nothing more will be received.
    received_end: bool,
    /// A head has come.
    answered: bool,
    /// Our side has said everything.
    sent_end: bool,
    /// Not all that was queued has been sent, and it will not be.
    lost: bool,
    over: Option<StreamEnd>,
}

/// A piece of what a stream has received.
enum Inbound {
    Head(Head, bool),
    Data(Bytes, u32, bool),
    /// Small pieces in one: a peer that sends single bytes must not cost us a piece for each.
    Joined(BytesMut, u32, bool),
    Trailers(Headers),
}

/// Pieces up to this many bytes are joined while they wait.
const JOIN: usize = 1024;
/// Joined pieces are no longer than this, in bytes.
const JOINED_MAX: usize = 64 * 1024;

impl Mux {
    pub(crate) fn new(config: Config, peer: Side) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                conn: Connection::new(config),
                streams: HashMap::new(),
                accepted: VecDeque::new(),
                driver: None,
                openers: Vec::new(),
                end: None,
                goaway: None,
                told: None,
                closing: false,
                last_read: clock::now(),
                heard: Instant::now(),
                pinged: false,
                lately: Lately::default(),
            }),
            peer,
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves what the peers agreed on as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next stream that the peer has begun.
    pub(super) fn accept(&self) -> Option<Begun> {
        self.state().accepted.pop_front()
    }

    /// Whether a new exchange may go over this connection.
    pub(crate) fn is_usable(&self) -> bool {
        let state = self.state();
        state.end.is_none() && state.goaway.is_none() && !state.closing
    }

    /// Whether WebSockets can be had on streams (RFC 8441 §3).
    pub(crate) fn peer_allows_extended_connect(&self) -> bool {
        self.state().conn.peer_settings().enable_connect_protocol
    }

    /// Passes the peer's GOAWAY on to `client`, with its code and words.
    pub(crate) fn pass_goaway_to(&self, client: &Arc<Self>) {
        self.state().told = Some(Arc::downgrade(client));
    }

    /// Why the connection failed, if it did not just end.
    pub(super) fn failure(&self) -> Option<ProxyError> {
        match &self.state().end {
            None | Some(ConnectionEnd::Closed) => None,
            Some(end) => Some(end.to_error(self.peer)),
        }
    }

    /// Opens a stream, waiting while the peer allows no more at once.
    ///
    /// # Cancel safety
    /// Nothing is opened when the future is dropped.
    pub(crate) async fn open(self: &Arc<Self>) -> Result<Stream, ProxyError> {
        std::future::poll_fn(|cx| {
            let mut state = self.state();
            if let Some(end) = &state.end {
                return Poll::Ready(Err(end.to_error(self.peer)));
            }
            if state.goaway.is_some() {
                return Poll::Ready(Err(ProxyError::NoResponse));
            }
            let Some(id) = state.conn.open() else {
                // Many exchanges of one task share one waker.
                if !state
                    .openers
                    .iter()
                    .any(|waker| waker.will_wake(cx.waker()))
                {
                    state.openers.push(cx.waker().clone());
                }
                return Poll::Pending;
            };
            state.streams.insert(id, Slot::default());
            Poll::Ready(Ok(Stream {
                mux: self.clone(),
                id,
            }))
        })
        .await
    }

    /// Waits for the peer's SETTINGS, without which it does not speak HTTP/2; false when they do not come in time.
    pub(crate) async fn settled(&self, limit: Duration) -> bool {
        let settings = std::future::poll_fn(|cx| {
            let mut state = self.state();
            if state.end.is_some() || state.conn.peer_settings().received {
                return Poll::Ready(state.end.is_none());
            }
            state.openers.push(cx.waker().clone());
            Poll::Pending
        });
        tokio::time::timeout(limit, settings).await.unwrap_or(false)
    }

    /// No more streams will be opened: the connection ends with the last one.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closing = true;
        state.wake_driver();
    }

    /// Asks the peer for no more streams, in its own words where somebody else's are passed on.
    pub(super) fn goaway(&self, reason: Reason, debug: &[u8]) {
        let mut state = self.state();
        if !state.closing && state.end.is_none() {
            state.closing = true;
            state.conn.goaway(None, reason, debug);
            state.wake_driver();
        }
    }

    /// How long nothing has come in.
    pub(super) fn silent(&self) -> Duration {
        self.state().heard.elapsed()
    }

    /// Asks the peer for a sign of life (RFC 9113 §6.7).
    pub(super) fn ping(&self) {
        let mut state = self.state();
        state.conn.ping(*b"ratel!!!");
        state.pinged = true;
        state.wake_driver();
    }
}

impl State {
    fn wake_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// Enters what came in; says whether anybody is to be told of a new stream.
    pub(super) fn apply(&mut self, mux: &Arc<Mux>, event: Event) {
        trace(mux.peer, &event);
        match event {
            Event::Pong(_) => self.lately.pongs = true,
            _ => self.lately.others = true,
        }
        match event {
            Event::Headers { id, head, end } => match self.streams.get_mut(&id) {
                Some(slot) => slot.push(Inbound::Head(head, end), end),
                None if mux.peer == Side::Client => {
                    let slot = Slot {
                        received_end: end,
                        ..Slot::default()
                    };
                    self.streams.insert(id, slot);
                    let stream = Stream {
                        mux: mux.clone(),
                        id,
                    };
                    self.accepted.push_back(Begun { stream, head, end });
                }
                // A response to an exchange that nobody waits for any more.
                None => {}
            },
            Event::Data {
                id,
                data,
                flow,
                end,
            } => {
                if let Some(slot) = self.streams.get_mut(&id) {
                    slot.data(data, flow, end);
                }
            }
            Event::Trailers { id, headers } => {
                if let Some(slot) = self.streams.get_mut(&id) {
                    slot.push(Inbound::Trailers(headers), true);
                }
            }
            Event::Reset { id, reason, unsent } => {
                if let Some(slot) = self.streams.get_mut(&id) {
                    slot.lost |= unsent > 0;
                }
                self.stream_over(id, StreamEnd::Reset(reason));
            }
            Event::StreamError { id, error, head } => {
                // A request that broke a rule is shown like any other.
                if let (Some(head), Side::Client, false) =
                    (head, mux.peer, self.streams.contains_key(&id))
                {
                    self.streams.insert(id, Slot::default());
                    let stream = Stream {
                        mux: mux.clone(),
                        id,
                    };
                    self.accepted.push_back(Begun {
                        stream,
                        head: *head,
                        end: false,
                    });
                }
                if let Some(slot) = self.streams.get_mut(&id) {
                    slot.lost = true;
                }
                self.stream_over(id, StreamEnd::Broken(error));
            }
            Event::GoAway {
                last,
                reason,
                debug,
            } => self.goes_away(mux.peer, last, GoAway { reason, debug }),
            Event::Settings | Event::StreamsAvailable => self.wake_openers(),
            Event::Writable(id) => {
                if let Some(writer) = self.streams.get_mut(&id).and_then(|s| s.writer.take()) {
                    writer.wake();
                }
            }
            Event::Pong(_) => {}
        }
    }

    fn goes_away(&mut self, peer: Side, last: StreamId, goaway: GoAway) {
        for (id, slot) in &mut self.streams {
            // Streams above it were not looked at (RFC 9113 §6.8).
            if peer == Side::Server && *id > last {
                slot.end(StreamEnd::Refused(goaway.reason));
            }
        }
        if let Some(client) = self.told.take().and_then(|told| told.upgrade()) {
            client.goaway(goaway.reason, &goaway.debug);
        }
        self.goaway = Some(goaway);
        self.wake_openers();
    }

    /// Whether nothing but answers to our PINGs has come in since this was asked last: no sign of use.
    pub(super) fn take_only_pongs(&mut self) -> bool {
        let Lately { pongs, others } = std::mem::take(&mut self.lately);
        pongs && !others
    }

    fn wake_openers(&mut self) {
        self.openers.drain(..).for_each(Waker::wake);
    }

    fn stream_over(&mut self, id: StreamId, end: StreamEnd) {
        if let Some(slot) = self.streams.get_mut(&id) {
            slot.end(end);
        }
    }

    /// The connection is over: every exchange is told.
    pub(super) fn end(&mut self, end: ConnectionEnd) {
        if self.end.is_none() {
            self.end = Some(end);
        }
        for slot in self.streams.values_mut() {
            slot.wake();
        }
        self.wake_openers();
    }

    /// How a connection that the peer has closed ended, as far as it said.
    pub(super) fn goodbye(&self) -> ConnectionEnd {
        match &self.goaway {
            Some(goaway) if goaway.reason != Reason::NO_ERROR => {
                ConnectionEnd::GoAway(goaway.reason, goaway.debug.clone())
            }
            _ => ConnectionEnd::Closed,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Whether every stream is done, with what it sent.
    pub(super) fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.conn.open_streams() == 0
    }

    /// Registers whoever drives the connection.
    pub(super) fn park(&mut self, cx: &Context<'_>) {
        if !self
            .driver
            .as_ref()
            .is_some_and(|driver| driver.will_wake(cx.waker()))
        {
            self.driver = Some(cx.waker().clone());
        }
    }

    /// While the driver runs, what streams do needs no wake: it looks by itself before it waits.
    pub(super) fn unpark(&mut self) {
        self.driver = None;
    }
}

impl Slot {
    /// A piece of the body.
    fn data(&mut self, data: Bytes, flow: u32, end: bool) {
        if data.len() <= JOIN {
            match self.inbox.back_mut() {
                Some(Inbound::Joined(joined, counted, last)) if joined.len() < JOINED_MAX => {
                    joined.extend_from_slice(&data);
                    *counted += flow;
                    *last |= end;
                    self.received_end |= end;
                    return;
                }
                Some(Inbound::Data(before, counted, last)) if before.len() <= JOIN => {
                    let mut joined = BytesMut::with_capacity(2 * JOIN);
                    joined.extend_from_slice(before);
                    joined.extend_from_slice(&data);
                    let joined = Inbound::Joined(joined, *counted + flow, *last | end);
                    self.received_end |= end;
                    if let Some(place) = self.inbox.back_mut() {
                        *place = joined;
                    }
                    return;
                }
                _ => {}
            }
        }
        self.push(Inbound::Data(data, flow, end), end);
    }

    fn push(&mut self, inbound: Inbound, end: bool) {
        self.answered |= matches!(inbound, Inbound::Head(..));
        self.received_end |= end;
        self.inbox.push_back(inbound);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn end(&mut self, end: StreamEnd) {
        if self.over.is_none() {
            self.over = Some(end);
        }
        self.wake();
    }

    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()] {
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

/// An exchange's end of a stream. When it goes before both sides have said everything, the stream is reset.
pub(crate) struct Stream {
    mux: Arc<Mux>,
    id: StreamId,
}

/// What a stream has received.
pub(super) enum Received {
    Head(Head, bool),
    Frame(Frame),
}

impl Stream {
    pub(super) fn mux(&self) -> &Arc<Mux> {
        &self.mux
    }

    /// What has come in and not been taken, if anything. Errors come after everything that was received before them.
    pub(super) fn take(&self) -> Result<Option<Received>, ProxyError> {
        let mut state = self.mux.state();
        let state = &mut *state;
        let Some(slot) = state.streams.get_mut(&self.id) else {
            return Ok(None);
        };
        match slot.inbox.pop_front() {
            Some(Inbound::Head(head, end)) => Ok(Some(Received::Head(head, end))),
            Some(Inbound::Data(data, flow, end)) => {
                state.conn.consume(self.id, flow);
                state.wake_driver();
                Ok(Some(Received::Frame(Frame {
                    end,
                    ..Frame::data(data)
                })))
            }
            Some(Inbound::Joined(data, flow, end)) => {
                state.conn.consume(self.id, flow);
                state.wake_driver();
                Ok(Some(Received::Frame(Frame {
                    end,
                    ..Frame::data(data.freeze())
                })))
            }
            Some(Inbound::Trailers(trailers)) => Ok(Some(Received::Frame(Frame {
                trailers: Some(trailers),
                ..Frame::end()
            }))),
            None => self.check(state).map(|()| None),
        }
    }

    /// Waits for something to come in.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn receive(&self) -> Result<Received, ProxyError> {
        std::future::poll_fn(|cx| self.poll_receive(cx)).await
    }

    pub(super) fn poll_receive(&self, cx: &Context<'_>) -> Poll<Result<Received, ProxyError>> {
        if let Some(received) = self.take()? {
            return Poll::Ready(Ok(received));
        }
        self.on_reading(cx);
        Poll::Pending
    }

    /// Waits until the peer gives the stream up, or the connection ends.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn given_up(&self) -> ProxyError {
        std::future::poll_fn(|cx| {
            let state = self.mux.state();
            if let Err(error) = self.check(&state) {
                return Poll::Ready(error);
            }
            drop(state);
            self.on_reading(cx);
            Poll::Pending
        })
        .await
    }

    /// Why the stream is over already, if it is.
    pub(super) fn failure(&self) -> Option<ProxyError> {
        self.check(&self.mux.state()).err()
    }

    fn on_reading(&self, cx: &Context<'_>) {
        if let Some(slot) = self.mux.state().streams.get_mut(&self.id) {
            slot.reader = Some(cx.waker().clone());
        }
    }

    fn check(&self, state: &State) -> Result<(), ProxyError> {
        let slot = state.streams.get(&self.id);
        if let Some(over) = slot.and_then(|slot| slot.over.as_ref()) {
            return Err(over.to_error(self.mux.peer));
        }
        let answered = slot.is_some_and(|slot| slot.answered);
        match &state.end {
            Some(end) if answered && self.mux.peer == Side::Server => Err(end
                .to_broken_off()
                .unwrap_or_else(|| end.to_error(self.mux.peer))),
            Some(end) => Err(end.to_error(self.mux.peer)),
            None => Ok(()),
        }
    }

    /// Queues a head.
    pub(super) fn send_head(
        &self,
        pseudo: &Headers,
        headers: &Headers,
        end: bool,
    ) -> Result<(), ProxyError> {
        self.send(end, |conn, id| {
            conn.send_headers(id, pseudo.fields(), headers, end)
        })
    }

    /// Queues a piece of a body.
    pub(super) fn send_frame(&self, frame: Frame) -> Result<(), ProxyError> {
        let Frame {
            data,
            trailers,
            end,
            ..
        } = frame;
        let end_with_data = end && trailers.is_none();
        let last = data.len().saturating_sub(1);
        if end && trailers.is_none() && data.iter().all(Bytes::is_empty) {
            // The head may have said so already.
            let state = self.mux.state();
            if state
                .streams
                .get(&self.id)
                .is_some_and(|slot| slot.sent_end && slot.over.is_none())
            {
                return Ok(());
            }
        }
        if data.is_empty() && end_with_data {
            return self.send(true, |conn, id| conn.send_data(id, Bytes::new(), true));
        }
        for (at, piece) in data.into_iter().enumerate() {
            let end = end_with_data && at == last;
            if end || !piece.is_empty() {
                self.send(end, |conn, id| conn.send_data(id, piece, end))?;
            }
        }
        match trailers {
            Some(trailers) => self.send(true, |conn, id| conn.send_trailers(id, &trailers)),
            None => Ok(()),
        }
    }

    fn send(
        &self,
        end: bool,
        queue: impl FnOnce(&mut Connection, StreamId) -> Result<(), ratel_proto::h2::SendError>,
    ) -> Result<(), ProxyError> {
        let mut state = self.mux.state();
        self.check(&state)?;
        if let Some(slot) = state.streams.get_mut(&self.id) {
            slot.sent_end |= end;
        }
        // What the state machine refuses is a stream that has ended meanwhile.
        queue(&mut state.conn, self.id)
            .map_err(|error| super::error::send(self.mux.peer, &error))?;
        state.wake_driver();
        Ok(())
    }

    /// Waits until what was queued is on its way: all of it once the stream's end is queued, all but a little before.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn flushed(&self) -> Result<(), ProxyError> {
        std::future::poll_fn(|cx| self.poll_flushed(cx)).await
    }

    pub(super) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<Result<(), ProxyError>> {
        let mut state = self.mux.state();
        let state = &mut *state;
        let queued = state.conn.queued(self.id);
        let slot = state.streams.get_mut(&self.id);
        if slot.as_ref().is_some_and(|slot| slot.lost) {
            return Poll::Ready(self.check(state));
        }
        let goes_on = slot.as_ref().is_some_and(|slot| !slot.sent_end);
        if queued == 0 || (goes_on && queued <= SEND_AHEAD) {
            return Poll::Ready(Ok(()));
        }
        if let Some(slot) = slot {
            slot.writer = Some(cx.waker().clone());
        }
        self.check(state)?;
        Poll::Pending
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&self) {
        let ended = {
            let state = self.mux.state();
            let slot = state.streams.get(&self.id);
            slot.is_none_or(|slot| slot.sent_end)
        };
        if !ended {
            // A stream that is over needs no end.
            let _ = self.send_frame(Frame::end());
        }
    }

    /// Gives the stream up, for a reason the peer is told.
    pub(super) fn reset(&self, reason: Reason) {
        let mut state = self.mux.state();
        if let Some(slot) = state.streams.get_mut(&self.id) {
            slot.received_end = true;
            slot.sent_end = true;
        }
        state.conn.reset(self.id, reason);
        state.wake_driver();
    }

    /// Says that no more will be answered, and this neither: what is above the last stream that counts may be sent again
    /// (RFC 9113 §6.8). Where there are newer ones, which are answered, it is refused by itself.
    pub(super) fn goaway(&self, reason: Reason) {
        let mut state = self.mux.state();
        if !state.closing && state.end.is_none() {
            state.closing = true;
            let is_newest = state.streams.keys().all(|other| *other <= self.id);
            let last = is_newest.then(|| StreamId(self.id.0.saturating_sub(2)));
            state.conn.goaway(last, reason, b"");
        }
        drop(state);
        self.reset(Reason::REFUSED_STREAM);
    }

    /// When the newest bytes of the connection came in.
    pub(super) fn last_read(&self) -> Timestamp {
        self.mux.state().last_read
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.mux.state();
        let state = &mut *state;
        let Some(slot) = state.streams.remove(&self.id) else {
            return;
        };
        if slot.over.is_none() && !(slot.sent_end && slot.received_end) {
            // A response that is complete makes the rest of the request unwanted (RFC 9113 §8.1).
            let complete = self.mux.peer == Side::Client && slot.sent_end;
            let reason = if complete {
                Reason::NO_ERROR
            } else {
                Reason::CANCEL
            };
            state.conn.reset(self.id, reason);
        }
        state.wake_driver();
    }
}

/// Tells of an event, without what is in heads and bodies.
fn trace(from: Side, event: &Event) {
    let end = |end: &bool| if *end { ", the last" } else { "" };
    match event {
        Event::Headers { id, end: last, .. } => {
            tracing::trace!("HTTP/2 from the {from:?}: head on stream {id}{}", end(last));
        }
        Event::Data {
            id,
            data,
            end: last,
            ..
        } => {
            let len = data.len();
            tracing::trace!(
                "HTTP/2 from the {from:?}: {len} bytes on stream {id}{}",
                end(last)
            );
        }
        Event::Trailers { id, .. } => {
            tracing::trace!("HTTP/2 from the {from:?}: trailers on stream {id}");
        }
        Event::Reset { id, reason, .. } => {
            tracing::trace!("HTTP/2 from the {from:?}: stream {id} is reset: {reason:?}");
        }
        Event::StreamError { id, error, .. } => {
            tracing::trace!("HTTP/2 from the {from:?}: stream {id} is broken: {error}");
        }
        Event::GoAway { last, reason, .. } => {
            tracing::trace!("HTTP/2 from the {from:?}: goes away after stream {last}: {reason:?}");
        }
        Event::Settings => tracing::trace!("HTTP/2 from the {from:?}: settings"),
        Event::StreamsAvailable | Event::Writable(_) | Event::Pong(_) => {}
    }
}
