//! The line to one flow: what it was told and has not heard yet, and what it says of itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ratel_flow::{FlowId, MessageKind, Side, StreamKind};
use smallvec::SmallVec;

use super::hold::{Hold, Holding, TooMuch};
use super::{COMMANDS, Control, ControlError, FlowCommand, HeldPart, Part};
use crate::clock;
use crate::store::lock;

/// A message to be sent as if the peer had sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What it is.
    pub kind: MessageKind,
    /// Its bytes.
    pub content: Bytes,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    killed: bool,
    /// Whoever ends it when it is killed is not who runs the exchange as a whole.
    ends_itself: bool,
    /// What messages each side sends.
    carries: [Option<StreamKind>; 2],
    /// Sides that will say nothing more.
    closed: [bool; 2],
    /// Sides that have left, or have closed their side at least.
    left: [bool; 2],
    injected: [VecDeque<Injection>; 2],
    pub(super) holding: SmallVec<[Holding; 1]>,
    /// The task, or the tasks, that wait.
    wakers: SmallVec<[Waker; 1]>,
}

impl Line {
    pub(super) fn send(&self, id: FlowId, command: FlowCommand) -> Result<(), ControlError> {
        let wakers = {
            let mut state = lock(&self.0);
            state.take(id, command)?;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        Ok(())
    }

    pub(super) fn revert(&self, id: FlowId) -> Result<bool, ControlError> {
        let (edited, wakers) = {
            let mut state = lock(&self.0);
            let edited = state.revert(id)?;
            (edited, std::mem::take(&mut state.wakers))
        };
        wakers.into_iter().for_each(Waker::wake);
        Ok(edited)
    }

    pub(super) fn held(&self) -> Vec<HeldPart> {
        let state = lock(&self.0);
        let held = state.holding.iter().filter(|held| !held.is_going());
        held.map(|held| held.shown).collect()
    }
}

impl State {
    fn take(&mut self, id: FlowId, command: FlowCommand) -> Result<(), ControlError> {
        match command {
            FlowCommand::Kill => {
                self.killed = true;
                Ok(())
            }
            FlowCommand::Inject {
                side,
                kind,
                content,
            } => self.inject(id, side, Injection { kind, content }),
            FlowCommand::Resume(None) => {
                let mut any = false;
                for held in self.holding.iter_mut().filter(|held| !held.is_going()) {
                    held.resume();
                    any = true;
                }
                if any {
                    Ok(())
                } else {
                    Err(ControlError::NotHeld(id))
                }
            }
            FlowCommand::Resume(Some(part)) => {
                self.part(id, part)?.resume();
                Ok(())
            }
            FlowCommand::Edit(edit) => {
                let head = |held: &&mut Holding| !matches!(held.part(), Part::Message(_));
                let held = self.holding.iter_mut().filter(|held| !held.is_going());
                let held = held.into_iter().find(head);
                held.ok_or(ControlError::NotHeld(id))?.edit(id, edit)
            }
            FlowCommand::Revert => self.revert(id).map(drop),
            FlowCommand::EditMessage { side, content } => self
                .part(id, Part::Message(side))?
                .edit_message(id, content),
            FlowCommand::DropMessage { side } => {
                self.part(id, Part::Message(side))?.drop_message();
                Ok(())
            }
        }
    }

    /// Whether anything that is held was edited, which it is no more.
    fn revert(&mut self, id: FlowId) -> Result<bool, ControlError> {
        let (mut any, mut edited) = (false, false);
        for held in self.holding.iter_mut().filter(|held| !held.is_going()) {
            any = true;
            edited |= held.revert();
        }
        any.then_some(edited).ok_or(ControlError::NotHeld(id))
    }

    fn part(&mut self, id: FlowId, part: Part) -> Result<&mut Holding, ControlError> {
        let mut held = self.holding.iter_mut();
        held.find(|held| held.part() == part && !held.is_going())
            .ok_or(ControlError::NotHeld(id))
    }

    fn inject(&mut self, id: FlowId, side: Side, injection: Injection) -> Result<(), ControlError> {
        let nth = nth(side);
        let Some(of) = self.carries[nth] else {
            return Err(match self.carries {
                [None, None] => ControlError::NoMessages(id),
                _ => ControlError::OneWay { id, side },
            });
        };
        let kind = injection.kind;
        if !fits(kind, of) {
            return Err(ControlError::WrongKind { id, kind, of });
        }
        if self.closed[nth] {
            return Err(ControlError::Closed(id));
        }
        if self.injected[nth].len() >= COMMANDS {
            return Err(ControlError::Busy(id));
        }
        self.injected[nth].push_back(injection);
        Ok(())
    }

    fn park(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }
}

fn nth(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

/// Whether a stream of that kind has such messages.
fn fits(kind: MessageKind, of: StreamKind) -> bool {
    use MessageKind as M;
    match of {
        StreamKind::WebSocket => {
            matches!(kind, M::Text | M::Binary | M::Ping | M::Pong | M::Close)
        }
        StreamKind::Sse => kind == M::Event,
        StreamKind::Grpc | StreamKind::GrpcWeb | StreamKind::Connect => kind == M::Grpc,
        StreamKind::Ndjson => kind == M::Json,
        StreamKind::Tcp | StreamKind::Udp => kind == M::Data,
    }
}

/// Keeps a flow known, and tells its task what it is told.
///
/// Whatever waits here is cancel safe: an order, a message, a kill is given to whoever asks next.
#[derive(Debug)]
pub struct Registration {
    control: Control,
    id: FlowId,
    line: Arc<Line>,
}

impl Registration {
    pub(super) fn new(control: Control, id: FlowId, line: Arc<Line>) -> Self {
        Self { control, id, line }
    }

    /// The flow.
    #[must_use]
    pub fn id(&self) -> FlowId {
        self.id
    }

    /// Returns once the flow is to be ended, unless it [ends itself](Self::ends_itself).
    pub async fn killed(&self) {
        let killed = |state: &mut State| (state.killed && !state.ends_itself).then_some(());
        std::future::poll_fn(|cx| self.poll(cx, killed)).await;
    }

    /// From here on [`killed`](Self::killed) does not return: who calls this waits for [`ended`](Self::ended) and says
    /// goodbye in its own way.
    pub fn ends_itself(&self) {
        lock(&self.line.0).ends_itself = true;
    }

    /// Returns once the flow is to be ended.
    pub async fn ended(&self) {
        let killed = |state: &mut State| state.killed.then_some(());
        std::future::poll_fn(|cx| self.poll(cx, killed)).await;
    }

    /// That side sends messages of that kind from here on.
    pub fn carries(&self, side: Side, kind: StreamKind) {
        lock(&self.line.0).carries[nth(side)] = Some(kind);
    }

    /// Nothing more is injected into that side.
    pub fn closed(&self, side: Side) {
        let mut state = lock(&self.line.0);
        state.closed[nth(side)] = true;
        let lost = std::mem::take(&mut state.injected[nth(side)]).len();
        drop(state);
        if lost > 0 {
            let (messages, are) = if lost == 1 {
                ("message", "is")
            } else {
                ("messages", "are")
            };
            let flow = self.id;
            tracing::warn!(
                "{lost} injected {messages} of flow {flow} {are} not sent: that side is closed"
            );
        }
    }

    /// One of the peers has left, or has closed its side: whatever is held, or will be, says so.
    pub fn left(&self, side: Side) {
        let wakers = {
            let mut state = lock(&self.line.0);
            state.left[nth(side)] = true;
            for held in &mut state.holding {
                held.shown.left = Some(side);
            }
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns once that side [has left](Self::left).
    pub async fn has_left(&self, side: Side) {
        let left = |state: &mut State| state.left[nth(side)].then_some(());
        std::future::poll_fn(|cx| self.poll(cx, left)).await;
    }

    /// Returns once something is held that is on its way to the client.
    pub async fn holds_for_client(&self) {
        let holds = |state: &mut State| {
            let mut held = state.holding.iter().filter(|held| !held.is_going());
            let is_down = |held: &Holding| {
                matches!(held.part(), Part::Response | Part::Message(Side::Server))
            };
            held.any(is_down).then_some(())
        };
        std::future::poll_fn(|cx| self.poll(cx, holds)).await;
    }

    /// The next message that is injected into that side, once there is one.
    pub async fn injected(&self, side: Side) -> Injection {
        let next = |state: &mut State| state.injected[nth(side)].pop_front();
        std::future::poll_fn(|cx| self.poll(cx, next)).await
    }

    /// The next message that is injected into that side, if there is one.
    #[must_use]
    pub fn try_injected(&self, side: Side) -> Option<Injection> {
        lock(&self.line.0).injected[nth(side)].pop_front()
    }

    /// Has a part wait for orders until the hold is dropped. `bytes` is what it takes in memory, and `body_passes` says
    /// that its body is not held with it.
    ///
    /// # Errors
    /// When too much is held already.
    pub fn hold(&self, part: Part, bytes: usize, body_passes: bool) -> Result<Hold<'_>, TooMuch> {
        let taken = self.control.0.budget.take(bytes)?;
        let wakers = {
            let mut state = lock(&self.line.0);
            let left = match state.left {
                [true, _] => Some(Side::Client),
                [_, true] => Some(Side::Server),
                _ => None,
            };
            let held = HeldPart {
                part,
                since: clock::now(),
                body_passes,
                left,
            };
            state.holding.push(Holding::new(held));
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        Ok(Hold::new(self, part, taken))
    }

    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut lock(&self.line.0))
    }

    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<T> {
        let mut state = lock(&self.line.0);
        match take(&mut state) {
            Some(taken) => Poll::Ready(taken),
            None => {
                state.park(cx.waker());
                Poll::Pending
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.control.forget(self.id);
    }
}
