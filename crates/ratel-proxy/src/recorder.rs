//! The record of one exchange, written by both directions of it, and complete however the exchange ends.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use ratel_core::clock;
use ratel_core::control::Part;
use ratel_core::store::FlowWriter;
use ratel_core::tap::{self, Tap};
use ratel_flow::{
    AnnotationChange, Headers, LiveAnnotations, Message, MessageFlags, MessageHead, OpenMessage,
    Payload, PayloadStream, Response, Side, Timestamp,
};
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
    /// Bytes beside them.
    extra: [AtomicU64; 2],
    /// A body that passes and has more bytes than this is not on record, but for a stream of messages.
    most: Option<u64>,
    /// Parts that are held back.
    held: AtomicUsize,
    /// Those of them without which nothing of the flow moves.
    still: AtomicUsize,
    /// Since when there are such, in nanoseconds since the epoch.
    still_since: AtomicU64,
    /// When something of each side passed last that had waited, in nanoseconds since the epoch.
    let_go: [AtomicU64; 2],
}

impl Recorder {
    pub(crate) fn new(writer: FlowWriter, abort: AbortReason) -> Self {
        Self {
            writer,
            abort,
            answered: AtomicBool::new(false),
            taps: Default::default(),
            recorded: Default::default(),
            extra: Default::default(),
            most: None,
            held: AtomicUsize::new(0),
            still: AtomicUsize::new(0),
            still_since: AtomicU64::new(0),
            let_go: Default::default(),
        }
    }

    /// A body that passes and has more bytes than `most` is not on record.
    pub(crate) fn leaving_out(mut self, most: Option<u64>) -> Self {
        self.most = most;
        self
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
    pub(crate) fn frame(&self, side: Side, frame: &Frame, received: Timestamp) {
        let now = self.passing(side, received);
        if self.is_left_out(side, frame) {
            of_side(&self.recorded, side).fetch_add(frame.len() as u64, Ordering::Relaxed);
            return self.trailers(side, frame);
        }
        self.bytes(side, frame, now);
        if let Some(mut tap) = self.tapped(side) {
            tap.feed(&frame.data, &self.writer, now);
        }
    }

    fn bytes(&self, side: Side, frame: &Frame, now: Timestamp) {
        self.writer.data(side, &frame.data, now);
        of_side(&self.recorded, side).fetch_add(frame.len() as u64, Ordering::Relaxed);
        self.trailers(side, frame);
    }

    /// Whether the body, with this frame, has become too large to be on record.
    fn is_left_out(&self, side: Side, frame: &Frame) -> bool {
        let Some(most) = self.most.filter(|_| self.tap(side).get().is_none()) else {
            return false;
        };
        let before = self.recorded(side);
        let is_over = before + frame.len() as u64 > most;
        if is_over && before <= most {
            self.writer.leave_out(side);
        }
        is_over
    }

    fn trailers(&self, side: Side, frame: &Frame) {
        if let Some(trailers) = &frame.trailers {
            self.writer.trailers(side, trailers);
            if side == Side::Server {
                tap::grpc_status(trailers, &self.writer);
            }
        }
    }

    /// Records a whole body, which may still be replaced: messages are looked for in it once it is [final](Self::passed).
    pub(crate) fn whole(&self, side: Side, frames: &[Frame], now: Timestamp) {
        for frame in frames {
            self.bytes(side, frame, now);
        }
        self.writer.end(side, now);
    }

    /// Records a whole body in place of the one that is on record.
    pub(crate) fn replaced(&self, side: Side, frames: &[Frame], now: Timestamp) {
        self.writer.replace(side);
        of_side(&self.recorded, side).store(0, Ordering::Relaxed);
        self.whole(side, frames, now);
    }

    /// A [whole](Self::whole) body goes on as it is on record.
    pub(crate) fn passed(&self, side: Side, frames: &[Frame], received: Timestamp) {
        let now = self.passing(side, received);
        if let Some(mut tap) = self.tapped(side) {
            for frame in frames {
                tap.feed(&frame.data, &self.writer, now);
            }
            tap.end(&self.writer, now);
        }
    }

    /// Records what hooks have said of the flow.
    pub(crate) fn said(&self, annotations: &mut LiveAnnotations) {
        if let Some(change) = annotations.take_change() {
            self.writer.annotate(change);
        }
    }

    /// As [`frame`](Self::frame), for a message that somebody has made or changed. `came` is what one that was changed
    /// had said.
    pub(crate) fn message_frame(
        &self,
        side: Side,
        frame: &Frame,
        flags: MessageFlags,
        came: Option<&Bytes>,
        now: Timestamp,
    ) {
        of_side(&self.let_go, side).store(now.0, Ordering::Relaxed);
        let came = came.map(|came| self.beside(side, came, now));
        self.bytes(side, frame, now);
        if let Some(mut tap) = self.tapped(side) {
            tap.mark(flags, came);
            tap.feed(&frame.data, &self.writer, now);
            tap.mark(MessageFlags::default(), None);
        }
    }

    /// The message that was recorded last had said something else when it came.
    pub(crate) fn came_as(&self, side: Side, content: &Bytes, now: Timestamp) {
        let payload = self.beside(side, content, now);
        self.writer.message_came_as(payload);
    }

    /// Bytes beside the body of that side; says where they lie.
    pub(crate) fn beside(&self, side: Side, content: &Bytes, now: Timestamp) -> Payload {
        let len = content.len() as u64;
        let offset = match self.tapped(side) {
            Some(mut tap) => tap.beside(len),
            None => of_side(&self.extra, side).fetch_add(len, Ordering::Relaxed),
        };
        self.writer.extra(side, std::slice::from_ref(content), now);
        Payload {
            stream: PayloadStream::Extra,
            offset,
            len,
        }
    }

    /// A message that went nowhere: it is on record beside those that did.
    pub(crate) fn dropped_message(&self, message: &Message) {
        let payload = self.beside(message.side, &message.content, message.timestamp);
        self.writer.message(&MessageHead {
            side: message.side,
            kind: message.kind,
            flags: message.flags,
            timestamp: message.timestamp,
            code: 0,
            payload,
        });
    }

    /// A message that is held back, as it is by now.
    pub(crate) fn waiting_message(&self, message: &Message) {
        let payload = self.beside(message.side, &message.content, message.timestamp);
        let open = OpenMessage {
            side: message.side,
            kind: message.kind,
            timestamp: message.timestamp,
            payload,
            held: true,
        };
        self.writer.message_open(message.side, Some(open));
    }

    /// One more part of the flow is held back.
    pub(crate) fn holds(&self, part: Part) {
        let now = clock::now().0;
        if self.stills(part) && self.still.fetch_add(1, Ordering::Relaxed) == 0 {
            self.still_since.store(now, Ordering::Relaxed);
        }
        if self.held.fetch_add(1, Ordering::Relaxed) == 0 {
            self.writer.annotate(AnnotationChange::intercepted(true));
        }
    }

    /// It is not any more.
    pub(crate) fn releases(&self, part: Part) {
        let now = clock::now();
        of_side(&self.let_go, sender(part)).store(now.0, Ordering::Relaxed);
        if self.stills(part) && self.still.fetch_sub(1, Ordering::Relaxed) == 1 {
            let since = Timestamp(self.still_since.load(Ordering::Relaxed));
            self.writer.held(since, now.since(since));
        }
        if self.held.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.writer.annotate(AnnotationChange::intercepted(false));
        }
    }

    /// Whether nothing of the flow moves while that part is held, so that the time is not the flow's. A stream goes on
    /// behind its head and around a message.
    fn stills(&self, part: Part) -> bool {
        match part {
            Part::Request => true,
            Part::Response => self.tap(Side::Server).get().is_none(),
            Part::Message(_) => false,
        }
    }

    /// When something passed that came in at that time: what was held, and what came behind it, did so when it was let go.
    pub(crate) fn passing(&self, side: Side, received: Timestamp) -> Timestamp {
        let let_go = of_side(&self.let_go, side).load(Ordering::Relaxed);
        received.max(Timestamp(let_go))
    }

    /// The flow has no response after all.
    pub(crate) fn forget_response(&self) {
        self.answered.store(false, Ordering::Relaxed);
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
    pub(crate) fn end(&self, side: Side, received: Timestamp) {
        let now = self.passing(side, received);
        if let Some(mut tap) = self.tapped(side) {
            tap.end(&self.writer, now);
        }
        self.writer.end(side, now);
    }
}

/// Whose part it is.
fn sender(part: Part) -> Side {
    match part {
        Part::Request => Side::Client,
        Part::Response => Side::Server,
        Part::Message(side) => side,
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
