//! Parts that are held, and the orders for them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ratel_flow::{FlowId, Side};

use super::line::{Registration, State};
use super::{COMMANDS, ControlError, HELD_BYTES, HELD_PARTS, HeldPart, Part};
use crate::store::Edit;

/// What a held part is told.
#[derive(Clone, Debug)]
pub enum Order {
    /// It goes on.
    Resume,
    /// It is changed, and goes on waiting.
    Edit(Box<Edit>),
    /// It is what it was before it was changed here, and goes on waiting.
    Revert,
    /// The message is changed, and goes on waiting.
    EditMessage(Bytes),
    /// The message goes nowhere, and the next one takes its turn.
    Drop,
}

/// So much is held already that this is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{parts} parts of flows with {bytes} bytes are held back already, which is as much as there may be"
)]
pub struct TooMuch {
    /// Parts that are held.
    pub parts: usize,
    /// Bytes they take.
    pub bytes: usize,
}

/// What all flows together hold.
#[derive(Debug)]
pub(super) struct Budget {
    parts: AtomicUsize,
    bytes: AtomicUsize,
    parts_max: usize,
    bytes_max: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(HELD_PARTS, HELD_BYTES)
    }
}

impl Budget {
    pub(super) fn new(parts_max: usize, bytes_max: usize) -> Self {
        Self {
            parts: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            parts_max,
            bytes_max,
        }
    }

    pub(super) fn parts(&self) -> usize {
        self.parts.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self, size: usize) -> Result<usize, TooMuch> {
        let parts = self.parts.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(size, Ordering::Relaxed);
        if parts >= self.parts_max || bytes.saturating_add(size) > self.bytes_max {
            self.give_back(size);
            return Err(TooMuch { parts, bytes });
        }
        Ok(size)
    }

    fn give_back(&self, size: usize) {
        self.parts.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(size, Ordering::Relaxed);
    }
}

/// A held part as the line to its flow knows it.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) shown: HeldPart,
    orders: VecDeque<Order>,
    /// It was told to be something else than it was.
    edited: bool,
    /// It was told to go on, or that it is not to: nothing after that is for it.
    going: bool,
}

impl Holding {
    pub(super) fn new(shown: HeldPart) -> Self {
        Self {
            shown,
            orders: VecDeque::new(),
            edited: false,
            going: false,
        }
    }

    pub(super) fn part(&self) -> Part {
        self.shown.part
    }

    pub(super) fn is_going(&self) -> bool {
        self.going
    }

    pub(super) fn resume(&mut self) {
        self.orders.push_back(Order::Resume);
        self.going = true;
    }

    pub(super) fn drop_message(&mut self) {
        self.orders.push_back(Order::Drop);
        self.going = true;
    }

    pub(super) fn edit(&mut self, id: FlowId, edit: Box<Edit>) -> Result<(), ControlError> {
        let Edit {
            request,
            request_body,
            request_trailers,
            response_body,
            response_trailers,
            ..
        } = &*edit;
        let (of_request, of_response) = (
            request_body.is_some() || request_trailers.is_some(),
            response_body.is_some() || response_trailers.is_some(),
        );
        let HeldPart {
            part, body_passes, ..
        } = self.shown;
        if part == Part::Response && (request.is_some() || of_request) {
            return Err(ControlError::Sent(id));
        }
        let of_body = if part == Part::Request {
            of_request
        } else {
            of_response
        };
        if body_passes && of_body {
            return Err(ControlError::BodyPasses(id));
        }
        self.order(id, Order::Edit(edit))
    }

    pub(super) fn edit_message(&mut self, id: FlowId, content: Bytes) -> Result<(), ControlError> {
        self.order(id, Order::EditMessage(content))
    }

    fn order(&mut self, id: FlowId, order: Order) -> Result<(), ControlError> {
        if self.orders.len() >= COMMANDS {
            return Err(ControlError::Busy(id));
        }
        self.orders.push_back(order);
        self.edited = true;
        Ok(())
    }

    /// Undoes what it was told to be. False if it was not told to be anything.
    pub(super) fn revert(&mut self) -> bool {
        let edited = std::mem::take(&mut self.edited);
        if edited {
            self.orders.push_back(Order::Revert);
        }
        edited
    }
}

/// A part that waits for orders. It is not held any more once this is dropped.
#[derive(Debug)]
pub struct Hold<'r> {
    registration: &'r Registration,
    part: Part,
    bytes: usize,
}

impl<'r> Hold<'r> {
    pub(super) fn new(registration: &'r Registration, part: Part, bytes: usize) -> Self {
        Self {
            registration,
            part,
            bytes,
        }
    }

    /// The next order.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Order {
        let part = self.part;
        let next = |state: &mut State| find(state, part)?.orders.pop_front();
        std::future::poll_fn(|cx| self.registration.poll(cx, next)).await
    }

    /// Says that one of the peers has left, or has closed its side.
    pub fn left(&mut self, side: Side) {
        self.registration.change(|state| {
            if let Some(held) = find(state, self.part) {
                held.shown.left = Some(side);
            }
        });
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let part = self.part;
        self.registration
            .change(|state| state.holding.retain(|held| held.part() != part));
        self.registration.control().0.budget.give_back(self.bytes);
    }
}

fn find(state: &mut State, part: Part) -> Option<&mut Holding> {
    state.holding.iter_mut().find(|held| held.part() == part)
}
