//! A bad network between the two sides (`core/network`): flows wait, pass slowly, break off.
//!
//! Whoever takes a piece waits until there is room for it on the line, and the sender waits with it. What is on its way then
//! is kept until it arrives, half a round trip later, and is bounded ([`TRANSIT_MAX`]).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use ratel_core::network::{FaultKind, Network, Throttle};
use ratel_flow::{Request, Response, Side, Timestamp};
use ratel_proto::h2::Reason;
use ratel_proto::{Frame, Framing};
use tokio::time::Instant;

use super::{Answer, RequestBody, ResponseSource};
use crate::body::{FrameSink, FrameSource, PeerEnd, Watch};
use crate::conn::ConnCtx;
use crate::error::{FaultError, ProxyError};

use super::transfer::{BEFORE, HALF_CLOSED};

/// How many bytes are on their way at once, towards one side.
const TRANSIT_MAX: usize = 1024 * 1024;

/// What the network does to one flow; nothing at first.
#[derive(Default)]
pub(crate) struct Link {
    active: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    throttles: Vec<Arc<Throttle>>,
    /// After how many more bytes of the response's body it breaks off, and how.
    cut: Option<(u64, FaultError)>,
}

impl Link {
    /// Takes up what an addon has left for the flow. What happens at once is returned.
    pub(crate) fn take(&self, network: &mut Network) -> Vec<FaultKind> {
        let mut state = self.state();
        state.throttles.append(&mut network.throttles);
        let mut now = Vec::new();
        for fault in network.faults.drain(..) {
            let cut = match fault.kind {
                FaultKind::Reset(Some(after)) => (after, FaultError::reset_after(after).by(fault)),
                FaultKind::Truncate(after) => (after, FaultError::truncated(after).by(fault)),
                other => {
                    now.push(other);
                    continue;
                }
            };
            if state.cut.as_ref().is_none_or(|(after, _)| cut.0 < *after) {
                state.cut = Some(cut);
            }
        }
        let active = state.cut.is_some() || !state.throttles.is_empty();
        self.active.store(active, Ordering::Relaxed);
        now
    }

    /// Whether anything is to be waited for, or to break off.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Waits for half a round trip.
    pub(super) async fn half_trip(&self) {
        if !self.is_active() {
            return;
        }
        let wait = self.trip();
        if !wait.is_zero() {
            // Few flows wait; the others need not have room for it.
            Box::pin(tokio::time::sleep(wait)).await;
        }
    }

    /// Waits for half a round trip while a client is watched that waits for its response.
    pub(super) async fn client_half_trip<S: Watch>(
        &self,
        client: &mut S,
    ) -> Result<(), ProxyError> {
        if !self.is_active() {
            return Ok(());
        }
        // Few flows wait; the others need not have room for it.
        let end = Box::pin(self.half_trip());
        let left = Box::pin(left(Some(client), Some(HALF_CLOSED)));
        tokio::select! {
            biased;
            () = end => Ok(()),
            error = left => Err(error),
        }
    }

    /// How long half a round trip takes this time.
    pub(super) fn trip(&self) -> Duration {
        let state = self.state();
        let trips = state.throttles.iter().map(|throttle| throttle.half_trip());
        trips.sum()
    }

    /// How many of `len` bytes that set off at that time are to go on next, and when they are through.
    fn next(
        &self,
        side: Side,
        len: u64,
        at: Instant,
    ) -> Result<(u64, Option<Instant>), ProxyError> {
        let down = side == Side::Server;
        let mut state = self.state();
        let pieces = state.throttles.iter().map(|throttle| throttle.piece(down));
        let mut piece = pieces.min().unwrap_or(u64::MAX).min(len);
        if let Some((left, fault)) = state.cut.as_mut().filter(|_| down) {
            if *left == 0 && len > 0 {
                return Err(ProxyError::Fault(fault.clone()));
            }
            piece = piece.min(*left);
            *left -= piece;
        }
        let at = at.into_std();
        let due = state
            .throttles
            .iter()
            .map(|throttle| throttle.pass(down, piece, at))
            .max();
        Ok((piece, due.map(Instant::from_std)))
    }

    /// The next piece of a frame, when its time has come; none when there is nothing left of it.
    pub(super) async fn piece(
        &self,
        side: Side,
        rest: &mut Option<Frame>,
    ) -> Result<Option<Frame>, ProxyError> {
        let Some(frame) = rest.take() else {
            return Ok(None);
        };
        if !self.is_active() {
            return Ok(Some(frame));
        }
        let (piece, due) = self.next(side, frame.len() as u64, Instant::now())?;
        if let Some(due) = due {
            Box::pin(tokio::time::sleep_until(due)).await;
        }
        let (piece, left) = split(frame, piece);
        *rest = left;
        Ok(Some(piece))
    }

    /// Sends a frame that is here as a whole, piece by piece.
    pub(super) async fn send(
        &self,
        side: Side,
        frame: Frame,
        sink: &mut impl FrameSink,
    ) -> Result<(), ProxyError> {
        let mut rest = Some(frame);
        while let Some(piece) = self.piece(side, &mut rest).await? {
            sink.frame(piece)?;
            // What breaks off behind it leaves it where it has arrived.
            if self.is_active() {
                sink.flush().await?;
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a state that is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what goes wrong ahead of whatever comes next, while `source` is watched where there is one. A delay goes on for
/// at most `half_closed` once the source has closed its side; without that, to its end.
pub(crate) async fn suffer<S: Watch>(
    ctx: &ConnCtx,
    faults: Vec<FaultKind>,
    mut source: Option<&mut S>,
    half_closed: Option<Duration>,
) -> Result<(), ProxyError> {
    for fault in faults {
        let (wait, then) = match fault {
            FaultKind::Delay(wait, _) => (Some(wait), None),
            FaultKind::Timeout(after) => (after, Some(FaultError::timeout(after))),
            FaultKind::Reset(_) => (Some(Duration::ZERO), Some(FaultError::reset())),
            FaultKind::RstStream(code) => (
                Some(Duration::ZERO),
                Some(FaultError::rst_stream(Reason(code))),
            ),
            FaultKind::Goaway(code) => {
                (Some(Duration::ZERO), Some(FaultError::goaway(Reason(code))))
            }
            // These take the place of an answer.
            FaultKind::Status(_) | FaultKind::Grpc(_) | FaultKind::Tls => continue,
            // This is the link's.
            FaultKind::Truncate(_) => continue,
        };
        // Without an end it goes on until somebody gives up, or the connection has been idle for too long.
        let _pause = wait.map(|_| ctx.activity.pause());
        let end = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let half_closed = match wait {
            Some(_) => half_closed,
            // There is no end that it could be waiting for.
            None => Some(Duration::ZERO),
        };
        tokio::select! {
            biased;
            () = end => {}
            error = left(source.as_deref_mut(), half_closed) => return Err(error),
        }
        if let Some(fault) = then {
            return Err(ProxyError::Fault(fault));
        }
    }
    Ok(())
}

/// Waits until whoever is watched has left. One that has closed its side may still read, and has left once `half_closed`
/// has passed; without that it stays.
async fn left<S: Watch>(source: Option<&mut S>, half_closed: Option<Duration>) -> ProxyError {
    let Some(source) = source else {
        return std::future::pending().await;
    };
    if let PeerEnd::Gone(error) = source.watch().await {
        return error;
    }
    match half_closed {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
    ProxyError::ClientLeft { during: BEFORE }
}

/// The first `len` bytes of a frame, and the rest if there is one. The form it came in is given up.
fn split(frame: Frame, len: u64) -> (Frame, Option<Frame>) {
    let mut left = usize::try_from(len).unwrap_or(usize::MAX);
    let Frame {
        data,
        trailers,
        end,
        ..
    } = frame;
    let (mut first, mut rest) = (Frame::default(), Frame::default());
    for mut bytes in data {
        if bytes.len() <= left {
            left -= bytes.len();
            first.data.push(bytes);
            continue;
        }
        let piece: Bytes = bytes.split_to(left);
        left = 0;
        if !piece.is_empty() {
            first.data.push(piece);
        }
        rest.data.push(bytes);
    }
    let last = if rest.data.is_empty() {
        &mut first
    } else {
        &mut rest
    };
    (last.trailers, last.end) = (trailers, end);
    let rest = (!rest.data.is_empty()).then_some(rest);
    (first, rest)
}

/// A source whose frames come over a bad network.
pub(crate) struct Paced<'p, S> {
    inner: &'p mut S,
    link: &'p Link,
    side: Side,
    /// What came while the head was on its way, and when: with the head itself, where that is not said.
    early: VecDeque<(Option<Instant>, Frame)>,
    /// Why nothing came behind that.
    broken: Option<ProxyError>,
    held: Option<Box<Frame>>,
    /// When that set off; with the head where that is not said.
    left: Option<Instant>,
    /// How much of it is next, and when.
    next: Option<(u64, Option<Instant>)>,
    /// What is on its way, and when it arrives.
    transit: VecDeque<(Instant, Frame)>,
    /// Why nothing comes behind that.
    failed: Option<ProxyError>,
    /// What comes is on its way for half a round trip. What came with a head is so together with that.
    travels: bool,
}

impl<'p, S> Paced<'p, S> {
    pub(crate) fn new(inner: &'p mut S, link: &'p Link, side: Side) -> Self {
        Self {
            inner,
            link,
            side,
            early: VecDeque::new(),
            broken: None,
            held: None,
            left: None,
            next: None,
            transit: VecDeque::new(),
            failed: None,
            travels: false,
        }
    }

    /// There is no head before it.
    pub(crate) fn headless(self) -> Self {
        Self {
            travels: true,
            ..self
        }
    }

    /// Whether nothing is kept here.
    fn is_empty(&self) -> bool {
        self.held.is_none()
            && self.transit.is_empty()
            && self.early.is_empty()
            && self.failed.is_none()
            && self.broken.is_none()
    }

    /// When what is through the line at that time arrives; nothing overtakes what left before.
    fn arrival(&self, through: Instant) -> Instant {
        let before = self.transit.back().map_or(through, |(due, _)| *due);
        match self.left {
            Some(_) => before.max(through + self.link.trip()),
            None => before.max(through),
        }
    }

    /// What comes as it is, for whoever holds it back as a whole: the network is between that and the client.
    pub(super) fn whole(&mut self) -> Whole<'_, 'p, S> {
        Whole(self)
    }
}

impl<S: FrameSource> Paced<'_, S> {
    /// Waits while a head is on its way for that long. What comes behind it meanwhile sets off when it does, if there is
    /// a body at all.
    pub(super) async fn travel(&mut self, trip: Duration, has_body: bool) {
        if trip.is_zero() {
            return;
        }
        let end = tokio::time::sleep(trip);
        let mut end = pin!(end);
        // What is here with the head travels with it.
        let mut with_head = true;
        while has_body && self.broken.is_none() && !self.inner.is_done() {
            let waiting: usize = self.early.iter().map(|(_, frame)| frame.len()).sum();
            if waiting >= TRANSIT_MAX {
                break;
            }
            let mut next = pin!(next_of(self.inner));
            let came = match poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
                Poll::Ready(came) => came,
                Poll::Pending => {
                    with_head = false;
                    tokio::select! {
                        biased;
                        came = &mut next => came,
                        () = &mut end => {
                            self.travels = true;
                            return;
                        }
                    }
                }
            };
            let left = (!with_head).then(Instant::now);
            match came {
                Ok(frame) => self.early.push_back((left, frame)),
                Err(error) => self.broken = Some(error),
            }
        }
        self.travels = true;
        end.await;
    }

    /// The next frame, and when it set off.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn source(&mut self) -> Result<(Option<Instant>, Frame), ProxyError> {
        if let Some(early) = self.early.pop_front() {
            return Ok(early);
        }
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let frame = match self.inner.ready()? {
            Some(frame) => frame,
            None => {
                let mut next = pin!(self.inner.next());
                // What came while the head was on its way did so together with that.
                match poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
                    Poll::Ready(frame) => frame?,
                    Poll::Pending => {
                        self.travels = true;
                        next.await?
                    }
                }
            }
        };
        Ok((self.travels.then(Instant::now), frame))
    }

    /// Sends one more piece on its way as soon as there is room on the line.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn depart(&mut self) -> Result<(), ProxyError> {
        if self.held.is_none() {
            let (left, frame) = self.source().await?;
            (self.left, self.held) = (left, Some(Box::new(frame)));
        }
        let len = self.held.as_ref().map_or(0, |frame| frame.len()) as u64;
        let left = self.left.unwrap_or_else(Instant::now);
        let (piece, due) = match self.next {
            Some(next) => next,
            None => *self.next.insert(self.link.next(self.side, len, left)?),
        };
        if let Some(due) = due {
            tokio::time::sleep_until(due).await;
        }
        self.next = None;
        let (first, rest) = split(*self.held.take().unwrap_or_default(), piece);
        self.held = rest.map(Box::new);
        let arrival = self.arrival(due.unwrap_or(left));
        self.transit.push_back((arrival, first));
        Ok(())
    }

    /// The next piece that arrives.
    async fn arrive(&mut self) -> Result<Frame, ProxyError> {
        loop {
            let due = self.transit.front().map(|(due, _)| *due);
            if let Some((_, frame)) = self.transit.pop_front_if(|(due, _)| *due <= Instant::now()) {
                return Ok(frame);
            }
            if due.is_none()
                && let Some(error) = self.failed.take()
            {
                return Err(error);
            }
            let on_the_way: usize = self.transit.iter().map(|(_, frame)| frame.len()).sum();
            let more = self.failed.is_none()
                && on_the_way < TRANSIT_MAX
                && !(self.held.is_none()
                    && self.early.is_empty()
                    && self.broken.is_none()
                    && self.inner.is_done());
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                departed = self.depart(), if more => self.failed = departed.err(),
            }
        }
    }
}

async fn next_of<S: FrameSource>(source: &mut S) -> Result<Frame, ProxyError> {
    match source.ready()? {
        Some(frame) => Ok(frame),
        None => source.next().await,
    }
}

/// See [`Paced::whole`].
pub(super) struct Whole<'a, 'p, S>(&'a mut Paced<'p, S>);

impl<S: Watch> Watch for Whole<'_, '_, S> {
    async fn watch(&mut self) -> PeerEnd {
        self.0.watch().await
    }
}

impl<S: FrameSource> FrameSource for Whole<'_, '_, S> {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        if let Some((_, frame)) = self.0.early.pop_front() {
            return Ok(Some(frame));
        }
        match self.0.broken.take() {
            Some(error) => Err(error),
            None => self.0.inner.ready(),
        }
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        match self.ready()? {
            Some(frame) => Ok(frame),
            None => self.0.inner.next().await,
        }
    }

    fn is_done(&self) -> bool {
        self.0.is_done()
    }

    fn received(&self) -> Timestamp {
        self.0.received()
    }
}

impl<S: Watch> Watch for Paced<'_, S> {
    async fn watch(&mut self) -> PeerEnd {
        self.inner.watch().await
    }
}

impl<S: FrameSource> FrameSource for Paced<'_, S> {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        if !self.is_empty() || self.link.is_active() {
            return Ok(None);
        }
        self.inner.ready()
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        if self.is_empty() && !self.link.is_active() {
            return match self.inner.ready()? {
                Some(frame) => Ok(frame),
                None => self.inner.next().await,
            };
        }
        // Few flows wait; the others need not have room for it.
        Box::pin(self.arrive()).await
    }

    fn is_done(&self) -> bool {
        self.is_empty() && self.inner.is_done()
    }

    fn received(&self) -> Timestamp {
        self.inner.received()
    }
}

impl<S: RequestBody> RequestBody for Paced<'_, S> {
    fn become_raw(&mut self) {
        self.inner.become_raw();
    }

    fn is_closed(&self) -> bool {
        self.is_empty() && self.inner.is_closed()
    }
}

/// A head [travels](Paced::travel) once it is known what follows it.
impl<S: ResponseSource> ResponseSource for Paced<'_, S> {
    async fn head(&mut self) -> Result<Answer, ProxyError> {
        self.inner.head().await
    }

    fn validate(&self, response: &Response) -> Result<(), ProxyError> {
        self.inner.validate(response)
    }

    fn upgrades(&self, request: &Request, response: &Response) -> bool {
        self.inner.upgrades(request, response)
    }

    fn framing(&self, method: &[u8], response: &Response) -> Result<Framing, ProxyError> {
        self.inner.framing(method, response)
    }

    fn begin_body(&mut self, framing: Framing) {
        self.inner.begin_body(framing);
    }

    fn is_reusable(&self) -> bool {
        self.is_empty() && self.inner.is_reusable()
    }

    fn become_raw(&mut self) {
        self.inner.become_raw();
    }
}
