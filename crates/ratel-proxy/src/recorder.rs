//! The record of one exchange, written by both directions of it, and complete however the exchange ends.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use ratel_core::clock;
use ratel_core::store::FlowWriter;
use ratel_flow::{FlowError, FlowId, Request, Response, ServerConn, Side, Timestamp};
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
            None => ProxyError::ClientGone { during: "before the exchange was complete" },
        }
    }
}

/// See the [module](self). The upload and the download of one task share it; its lock is never contended and never
/// held across an await.
pub(crate) struct Recorder {
    writer: Mutex<Option<FlowWriter>>,
    abort: AbortReason,
}

impl Recorder {
    pub(crate) fn new(writer: FlowWriter, abort: AbortReason) -> Self {
        Self { writer: Mutex::new(Some(writer)), abort }
    }

    fn lock(&self) -> MutexGuard<'_, Option<FlowWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, write: impl FnOnce(&mut FlowWriter)) {
        if let Some(writer) = self.lock().as_mut() {
            write(writer);
        }
    }

    /// The id of the flow, while it is open.
    pub(crate) fn id(&self) -> Option<FlowId> {
        self.lock().as_ref().map(FlowWriter::id)
    }

    pub(crate) fn request(&self, request: &Request) {
        self.with(|w| w.request(request));
    }

    pub(crate) fn response(&self, response: &Response) {
        self.with(|w| w.response(response));
    }

    pub(crate) fn informational(&self, response: &Response) {
        self.with(|w| w.informational(response));
    }

    pub(crate) fn server_conn(&self, conn: Arc<ServerConn>) {
        self.with(|w| w.server_conn(conn));
    }

    pub(crate) fn data(&self, side: Side, data: &[Bytes], now: Timestamp) {
        self.with(|w| w.data(side, data, now));
    }

    /// Records what a frame carries.
    pub(crate) fn frame(&self, side: Side, frame: &Frame, now: Timestamp) {
        self.with(|w| {
            if !frame.data.is_empty() {
                w.data(side, &frame.data, now);
            }
            if let Some(trailers) = &frame.trailers {
                w.trailers(side, trailers);
            }
        });
    }

    pub(crate) fn end(&self, side: Side, now: Timestamp) {
        self.with(|w| w.end(side, now));
    }

    pub(crate) fn error(&self, error: FlowError) {
        self.with(|w| w.error(error));
    }

    /// Completes the record.
    pub(crate) fn finish(&self, now: Timestamp) {
        if let Some(writer) = self.lock().take() {
            writer.finish(now);
        }
    }

    /// Waits while too much is queued for the store.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn ready(&self) {
        let waiting = self.lock().as_ref().and_then(FlowWriter::congestion);
        if let Some(waiting) = waiting {
            waiting.cleared().await;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut writer) = writer {
            let now = clock::now();
            writer.error(self.abort.to_error().to_flow_error(now));
            writer.finish(now);
        }
    }
}
