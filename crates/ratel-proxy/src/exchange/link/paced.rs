//! What comes over a bad network, as a source.
//!
//! Whoever takes a piece waits until there is room for it on the line, and the sender waits with it. What is on its way then
//! is kept until it arrives, half a round trip later, and is bounded ([`TRANSIT_MAX`]).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ratel_flow::{Request, Response, Side, Timestamp};
use ratel_proto::{Frame, Framing};
use tokio::time::Instant;

use super::{Link, split};
use crate::body::{FrameSource, PeerEnd, Watch};
use crate::error::ProxyError;
use crate::exchange::{Answer, RequestBody, ResponseSource};

/// How many bytes are on their way at once, towards one side.
const TRANSIT_MAX: usize = 1024 * 1024;

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
    pub(crate) fn whole(&mut self) -> Whole<'_, 'p, S> {
        Whole(self)
    }
}

impl<S: FrameSource> Paced<'_, S> {
    /// Waits while a head is on its way for that long. What comes behind it meanwhile sets off when it does, if there is
    /// a body at all.
    pub(crate) async fn travel(&mut self, trip: Duration, has_body: bool) {
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
pub(crate) struct Whole<'a, 'p, S>(&'a mut Paced<'p, S>);

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
