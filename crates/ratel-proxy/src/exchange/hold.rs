//! Parts of a flow that wait for a person.

use std::time::Duration;

use ratel_core::control::{Hold, Order, Part, Registration};
use ratel_flow::{Message, Side};
use tokio::time::Instant;

use crate::body::{PeerEnd, Watch};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::io::Pause;
use crate::recorder::Recorder;

use super::transfer::{BEFORE, HALF_CLOSED};

/// What happens to a part that waits.
pub(crate) enum Event {
    /// It is told something.
    Order(Order),
    /// The peer that was watched is gone.
    Gone(ProxyError),
}

/// A part that waits. The record says so until this is dropped, and the connection's idle time stands still.
pub(crate) struct Waiting<'w> {
    hold: Hold<'w>,
    recorder: &'w Recorder,
    /// When it goes on by itself.
    deadline: Option<Instant>,
    /// The message that waits is shown as such.
    shown: Option<Side>,
    /// Nobody has left yet.
    watched: bool,
    /// For how long a client that has closed its side is taken for one that still reads.
    half_closed: Option<Duration>,
    /// When it is not any more.
    gives_up: Option<Instant>,
    _pause: Pause,
}

impl<'w> Waiting<'w> {
    /// None if too much waits already, which the log says. `bytes` is what the part takes in memory; `passes` says that
    /// its body does not wait with it.
    pub(crate) fn begin(
        ctx: &ConnCtx,
        line: &'w Registration,
        recorder: &'w Recorder,
        part: Part,
        bytes: usize,
        passes: bool,
    ) -> Option<Self> {
        let hold = match line.hold(part, bytes, passes) {
            Ok(hold) => hold,
            Err(error) => {
                let flow = line.id();
                tracing::warn!(client = %ctx.client.peername, "flow {flow} is not held back: {error}");
                return None;
            }
        };
        recorder.holds();
        // A response is there to be had by whoever still reads.
        let half_closed = (part == Part::Request).then_some(HALF_CLOSED);
        Some(Self {
            hold,
            recorder,
            deadline: ctx
                .config
                .intercept_timeout
                .map(|after| Instant::now() + after),
            shown: None,
            watched: true,
            half_closed,
            gives_up: None,
            _pause: ctx.activity.pause(),
        })
    }

    /// What happens next, while somebody else sees to the peers.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn order(&mut self) -> Order {
        // The longest wait there is comes close enough to none.
        let deadline = self.deadline.unwrap_or_else(|| Instant::now() + FOREVER);
        tokio::select! {
            biased;
            order = self.hold.next() => order,
            () = tokio::time::sleep_until(deadline), if self.deadline.is_some() => {
                tracing::info!("a flow goes on that was held back for as long as intercept_timeout allows");
                Order::Resume
            }
        }
    }

    /// A peer has left, or has closed its side.
    pub(crate) fn left(&mut self, side: Side) {
        self.hold.left(side);
    }

    /// What happens next. `source` is where more of a peer would come from, to see whether it is still there.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn next<S: Watch>(&mut self, mut source: Option<(&mut S, Side)>) -> Event {
        loop {
            let (watched, gives_up) = (self.watched, self.gives_up);
            let end = async {
                match (source.as_mut(), gives_up) {
                    (Some((source, side)), _) if watched => (source.watch().await, *side),
                    (Some((_, side)), Some(time)) => {
                        tokio::time::sleep_until(time).await;
                        let error = ProxyError::ClientLeft { during: BEFORE };
                        (PeerEnd::Gone(error), *side)
                    }
                    _ => std::future::pending().await,
                }
            };
            let (end, side) = tokio::select! {
                biased;
                order = self.order() => return Event::Order(order),
                end = end => end,
            };
            self.watched = false;
            self.gives_up = self.half_closed.map(|time| Instant::now() + time);
            self.hold.left(side);
            if let PeerEnd::Gone(error) = end {
                return Event::Gone(error);
            }
        }
    }
}

/// Thirty years.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

impl Waiting<'_> {
    /// Puts a message on record as it waits.
    pub(crate) fn show(&mut self, message: &Message) {
        self.recorder.waiting_message(message);
        self.shown = Some(message.side);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(side) = self.shown {
            self.recorder.message_open(side, None);
        }
        self.recorder.releases();
    }
}
