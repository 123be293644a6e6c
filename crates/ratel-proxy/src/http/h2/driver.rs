//! Moves bytes between a connection and the [`Mux`] of its streams.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use ratel_core::clock;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep};

use super::error::ConnectionEnd;
use super::mux::Mux;
use crate::io::{Activity, BoxIo};

/// Bytes asked for by the first read.
const READ_MIN: usize = 16 * 1024;
/// Bytes asked for at once when the peer keeps filling the buffer.
const READ_MAX: usize = 256 * 1024;
/// Pieces handed to one vectored write.
const SLICES: usize = 32;
/// How often the allowances of a peer are replenished.
const TICK: Duration = Duration::from_secs(1);
/// How long a peer may take to read the rest when the connection is over.
const LINGER: Duration = Duration::from_secs(5);
/// How long a PING may stay unanswered.
const PONG_LIMIT: Duration = Duration::from_secs(20);

/// See the [module](self).
pub(super) struct Driver {
    mux: Arc<Mux>,
    io: BoxIo,
    buf: BytesMut,
    next_read: usize,
    activity: Arc<Activity>,
    ticked: Instant,
    /// Bytes were written that the stream may hold back until it is flushed.
    unflushed: bool,
    /// Neither direction can be used any more.
    dead: bool,
    /// Since the connection is over and the peer has not read the rest: until when it may.
    linger: Option<Pin<Box<Sleep>>>,
}

impl Driver {
    /// `ahead` was read from the stream already.
    pub(super) fn new(mux: Arc<Mux>, io: BoxIo, ahead: BytesMut, activity: Arc<Activity>) -> Self {
        Self {
            mux,
            io,
            buf: ahead,
            next_read: READ_MIN,
            activity,
            ticked: Instant::now(),
            unflushed: false,
            dead: false,
            linger: None,
        }
    }

    /// Runs the connection by itself until it is over, with a PING whenever nothing has come in for `keepalive`. A peer
    /// that does not answer one is lost.
    pub(super) async fn run(mut self, keepalive: Option<Duration>) {
        let mux = self.mux.clone();
        let pings = async {
            let Some(every) = keepalive else {
                return std::future::pending().await;
            };
            loop {
                tokio::time::sleep(every.saturating_sub(mux.silent())).await;
                if mux.silent() < every {
                    continue;
                }
                mux.ping();
                tokio::time::sleep(PONG_LIMIT).await;
                let mut state = mux.state();
                if state.pinged {
                    return state.end(ConnectionEnd::Silent(PONG_LIMIT));
                }
            }
        };
        {
            let mut moves = pin!(std::future::poll_fn(|cx| self.poll(cx)));
            tokio::select! {
                biased;
                () = &mut moves => return,
                () = pings => {}
            }
            moves.await;
        }
    }

    /// Moves what can be moved. Ready when the connection is over and everything that could be delivered is.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.mux.state().unpark();
            let came = self.poll_receive(cx);
            let sent = self.poll_send(cx);
            if self.poll_done(cx) {
                return Poll::Ready(());
            }
            if !came && !sent {
                self.mux.state().park(cx);
                return Poll::Pending;
            }
        }
    }

    /// Takes in what is there; false when there was nothing.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = self.dispatch();
        loop {
            if self.dead || self.mux.state().is_over() {
                return any;
            }
            self.buf.reserve(self.next_read);
            let room = self.buf.capacity() - self.buf.len();
            let read = {
                let read = pin!(self.io.read_buf(&mut self.buf));
                match read.poll(cx) {
                    Poll::Pending => return any,
                    Poll::Ready(read) => read,
                }
            };
            any = true;
            let now = clock::now();
            let read = match read {
                // TLS without a proper goodbye, as many peers end it.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                Err(error) => {
                    self.mux.state().end((&error).into());
                    self.dead = true;
                    return true;
                }
                Ok(read) => read,
            };
            {
                let mut state = self.mux.state();
                state.last_read = now;
                state.heard = Instant::now();
                state.pinged = false;
                if read == 0 {
                    let end = state.goodbye();
                    state.end(end);
                    return true;
                }
                if self.ticked.elapsed() >= TICK {
                    self.ticked = Instant::now();
                    state.conn.tick();
                }
            }
            if read == room {
                self.next_read = (room * 2).min(READ_MAX);
            } else if read < READ_MIN {
                self.next_read = READ_MIN;
            }
            self.dispatch();
            if !self.mux.state().take_only_pongs() {
                self.activity.touch();
            }
            if read < room {
                // The socket was emptied; exchanges go on before it is looked at again.
                return true;
            }
        }
    }

    /// Enters what the buffered bytes say; false when there was nothing.
    fn dispatch(&mut self) -> bool {
        let mut any = false;
        let mut state = self.mux.state();
        while !state.is_over() {
            match state.conn.receive(&mut self.buf) {
                Ok(Some(event)) => {
                    any = true;
                    state.apply(&self.mux, event);
                }
                Ok(None) => break,
                Err(error) => {
                    any = true;
                    state.end(ConnectionEnd::Protocol(Arc::new(error)));
                }
            }
        }
        any
    }

    /// Sends what is queued; false when there was nothing, or the connection takes no more.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while !self.dead {
            let mut state = self.mux.state();
            state.conn.pump();
            let output = state.conn.output();
            if output.is_empty() {
                break;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = output.io_slices(&mut slices);
            match Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..filled]) {
                Poll::Pending => return any,
                Poll::Ready(Ok(written @ 1..)) => {
                    output.advance(written);
                    any = true;
                    self.unflushed = true;
                }
                Poll::Ready(Ok(_)) => {
                    state.end((&io::Error::from(io::ErrorKind::WriteZero)).into());
                    self.dead = true;
                }
                Poll::Ready(Err(error)) => {
                    state.end((&error).into());
                    self.dead = true;
                }
            }
        }
        if self.unflushed && !self.dead {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Pending => return any,
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => {
                    self.mux.state().end((&error).into());
                    self.dead = true;
                }
            }
        }
        any
    }

    /// Whether the connection is over, and what could be delivered is, or has had its time.
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> bool {
        {
            let mut state = self.mux.state();
            if !(state.is_over() || (state.closing && state.is_idle())) {
                return false;
            }
            if self.dead || (state.conn.output().is_empty() && !self.unflushed) {
                return true;
            }
        }
        let linger = self
            .linger
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        self.dead = linger.as_mut().poll(cx).is_ready();
        self.dead
    }

    /// Says goodbye.
    pub(super) async fn shutdown(mut self) {
        if !self.dead {
            // Whether the peer hears it makes no difference any more.
            let _ = std::future::poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await;
        }
    }
}
