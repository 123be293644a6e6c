//! A bad network between the two sides (`core/network`): flows wait, pass slowly, break off.
//!
//! [`Paced`] stands before a source that is passed on as it comes. What was held back as a whole, or is made here, is sent
//! through [`Link::send`], so that the network lies between that and the client.

mod paced;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ratel_core::network::{FaultKind, Network, Throttle};
use ratel_flow::Side;
use ratel_proto::Frame;
use ratel_proto::h2::Reason;
use tokio::time::Instant;

use crate::body::{FrameSink, PeerEnd, Watch};
use crate::conn::ConnCtx;
use crate::error::{FaultError, ProxyError};

use super::transfer::{BEFORE, HALF_CLOSED};

pub(crate) use paced::Paced;

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
