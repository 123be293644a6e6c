//! The record of one exchange, written by both directions of it, and complete however the exchange ends.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use ratel_core::clock;
use ratel_core::store::FlowWriter;
use ratel_flow::{Side, Timestamp};
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
}

impl Recorder {
    pub(crate) fn new(writer: FlowWriter, abort: AbortReason) -> Self {
        Self { writer, abort }
    }

    /// Records what a frame carries.
    pub(crate) fn frame(&self, side: Side, frame: &Frame, now: Timestamp) {
        self.writer.data(side, &frame.data, now);
        if let Some(trailers) = &frame.trailers {
            self.writer.trailers(side, trailers);
        }
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
