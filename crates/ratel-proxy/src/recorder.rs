//! The record of one exchange, written by both directions of it, and complete however the exchange ends.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ratel_core::clock;
use ratel_core::store::FlowWriter;
use ratel_core::tap::{self, Tap};
use ratel_flow::{Headers, Response, Side, Timestamp};
use ratel_proto::Frame;

use crate::error::ProxyError;

/// Why a connection was dropped by us, set before it is: what its open exchanges are recorded with.
#[derive(Clone, Debug, Default)]
pub(crate) struct AbortReason(Arc<OnceLock<AbortCause>>);

/// The causes for dropping a connection from outside of its task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AbortCause {
    Idle(std::time::Duration),
    Stopped,
}

impl AbortReason {
    pub(crate) fn set(&self, cause: AbortCause) {
        // The first cause is the one that counts.
        let _ = self.0.set(cause);
    }

    fn to_error(&self) -> ProxyError {
        match self.0.get() {
            Some(AbortCause::Idle(after)) => ProxyError::Idle(*after),
            Some(AbortCause::Stopped) => ProxyError::Stopped,
            None => ProxyError::ClientGone {
                during: "before the exchange was complete",
            },
        }
    }
}

/// See the [module](self).
pub(crate) struct Recorder {
    writer: FlowWriter,
    abort: AbortReason,
    answered: AtomicBool,
    /// What finds the messages in the two bodies, where they are streams of such.
    taps: [OnceLock<Mutex<Tap>>; 2],
    /// Bytes of the two bodies.
    recorded: [AtomicU64; 2],
}

impl Recorder {
    pub(crate) fn new(writer: FlowWriter, abort: AbortReason) -> Self {
        Self {
            writer,
            abort,
            answered: AtomicBool::new(false),
            taps: Default::default(),
            recorded: Default::default(),
        }
    }

    /// Looks for messages in the body of that side, if its head says that there are such.
    pub(crate) fn watch(&self, side: Side, headers: &Headers) {
        if let Some(tap) = Tap::for_body(side, headers) {
            self.writer.stream(tap.kind());
            // A request that is sent again keeps the tap it has.
            let _ = self.tap(side).set(Mutex::new(tap));
        }
        if side == Side::Server {
            tap::grpc_status(headers, &self.writer);
        }
    }

    fn tap(&self, side: Side) -> &OnceLock<Mutex<Tap>> {
        of_side(&self.taps, side)
    }

    /// Bytes of the body of that side so far.
    pub(crate) fn recorded(&self, side: Side) -> u64 {
        of_side(&self.recorded, side).load(Ordering::Relaxed)
    }

    fn tapped(&self, side: Side) -> Option<MutexGuard<'_, Tap>> {
        let tap = self.tap(side).get()?;
        Some(tap.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records what a frame carries.
    pub(crate) fn frame(&self, side: Side, frame: &Frame, now: Timestamp) {
        self.writer.data(side, &frame.data, now);
        of_side(&self.recorded, side).fetch_add(frame.len() as u64, Ordering::Relaxed);
        if let Some(mut tap) = self.tapped(side) {
            tap.feed(&frame.data, &self.writer, now);
        }
        if let Some(trailers) = &frame.trailers {
            self.writer.trailers(side, trailers);
            if side == Side::Server {
                tap::grpc_status(trailers, &self.writer);
            }
        }
    }

    /// The response's head. May be called again after a change: the last one is kept.
    pub(crate) fn response(&self, response: &Response) {
        self.answered.store(true, Ordering::Relaxed);
        self.writer.response(response);
    }

    /// Whether there is a response's head.
    pub(crate) fn has_response(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// That message is complete.
    pub(crate) fn end(&self, side: Side, now: Timestamp) {
        if let Some(mut tap) = self.tapped(side) {
            tap.end(&self.writer, now);
        }
        self.writer.end(side, now);
    }
}

fn of_side<T>([client, server]: &[T; 2], side: Side) -> &T {
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

/// What needs nothing more than the store's writer goes to it directly.
impl Deref for Recorder {
    type Target = FlowWriter;

    fn deref(&self) -> &FlowWriter {
        &self.writer
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.writer.is_finished() {
            let now = clock::now();
            self.writer.error(self.abort.to_error().to_flow_error(now));
            self.writer.finish(now);
        }
    }
}
