//! Parts of a flow that wait for a person.

use std::time::Duration;

use ratel_core::clock;
use ratel_core::control::{Hold, Order, Part, Registration};
use ratel_flow::{AnnotationChange, Message, Side};
use tokio::time::Instant;

use crate::body::{PeerEnd, Watch};
use crate::conn::ConnCtx;
use crate::error::ProxyError;
use crate::io::Pause;
use crate::recorder::Recorder;

/// What happens to a part that waits.
pub(crate) enum Event {
    /// It is told something.
    Order(Order),
    /// The peer that was watched is gone.
    Gone(ProxyError),
}

/// What a client did not wait for.
pub(super) const WHILE_HELD: &str = "while its response was held back";

/// A part that waits. The record says so until this is dropped, and the connection's idle time stands still.
///
/// A client that closes its side meanwhile is gone: hardly anyone who still reads does that, and what would be sent for
/// one that does not could not be taken back.
pub(crate) struct Waiting<'w> {
    hold: Hold<'w>,
    line: &'w Registration,
    recorder: &'w Recorder,
    part: Part,
    /// When it goes on by itself.
    deadline: Option<Instant>,
    /// The message that waits is shown as such.
    shown: Option<Side>,
    /// The message that waits, until it is known what becomes of it.
    unsettled: Option<Message>,
    /// Nobody has left yet.
    watched: bool,
    /// Who has closed its side may be there for the other direction.
    half_closes: bool,
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
        recorder.holds(part);
        // As it is now, however long the connection has been there.
        let timeout = ctx.shared.config.load().intercept_timeout;
        Some(Self {
            hold,
            line,
            recorder,
            part,
            deadline: timeout.map(|after| Instant::now() + after),
            shown: None,
            unsettled: None,
            watched: true,
            half_closes: false,
            _pause: ctx.activity.pause(),
        })
    }

    /// A client that closes its side is not gone for that: it may be done with what it has to say.
    pub(crate) fn outlasting_half_close(mut self) -> Self {
        self.half_closes = true;
        self
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

    /// How the flow ends when the client leaves meanwhile.
    pub(crate) fn client_left(&self) -> ProxyError {
        let during = match self.part {
            Part::Request => "while its request was held back",
            Part::Response | Part::Message(Side::Server) => WHILE_HELD,
            Part::Message(Side::Client) => "while a message of it was held back",
        };
        ProxyError::ClientLeft { during }
    }

    /// A peer has left, or has closed its side, and it is held all the same.
    pub(crate) fn left(&mut self, side: Side) {
        self.hold.left(side);
        // Whoever shows what is held looks at it again.
        self.recorder.annotate(AnnotationChange::intercepted(true));
        let flow = self.line.id();
        let who = match side {
            Side::Client => "client",
            Side::Server => "server",
        };
        tracing::info!("flow {flow}: the {who} has closed its side, and something is held back");
    }

    /// What happens next. `source` is where more of a peer would come from, to see whether it is still there.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn next<S: Watch>(&mut self, mut source: Option<(&mut S, Side)>) -> Event {
        loop {
            let watched = self.watched;
            let end = async {
                match source.as_mut() {
                    Some((source, side)) if watched => (source.watch().await, *side),
                    _ => std::future::pending().await,
                }
            };
            let (end, side) = tokio::select! {
                biased;
                order = self.order() => return Event::Order(order),
                end = end => end,
            };
            self.watched = false;
            match end {
                PeerEnd::Gone(error) => {
                    self.left(side);
                    return Event::Gone(error);
                }
                PeerEnd::HalfClosed if side == Side::Client && !self.half_closes => {
                    return Event::Gone(self.client_left());
                }
                PeerEnd::HalfClosed => self.left(side),
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

    /// Waits until somebody lets a message go, or keeps it for good. One that is neither when this ends has gone nowhere,
    /// and is on record as such.
    pub(crate) async fn message(
        &mut self,
        message: &mut Message,
        source: &mut impl Watch,
    ) -> Result<(), ProxyError> {
        let came = message.content.clone();
        loop {
            self.show(message);
            self.unsettled = Some(message.clone());
            match self.next(Some((&mut *source, message.side))).await {
                Event::Order(Order::EditMessage(content)) => message.content = content,
                Event::Order(Order::Revert) => message.content = came.clone(),
                Event::Order(Order::Edit(_)) => {}
                Event::Order(Order::Resume) => break,
                Event::Order(Order::Drop) => {
                    message.drop_it();
                    break;
                }
                // What a server has said can still be heard.
                Event::Gone(_) if message.side == Side::Server => {}
                Event::Gone(error) => return Err(error),
            }
        }
        self.unsettled = None;
        message.timestamp = clock::now();
        Ok(())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(mut message) = self.unsettled.take() {
            message.drop_it();
            message.timestamp = clock::now();
            self.recorder.dropped_message(&message);
        }
        if let Some(side) = self.shown {
            self.recorder.message_open(side, None);
        }
        self.recorder.releases(self.part);
    }
}
