//! Talking to live flows from outside of the task that owns them.
//!
//! The task [registers](Control::register) its flow; whoever has the [`Control`] sends it commands by the flow's id. A
//! command is held against what the flow is doing before it is taken, so that who sends it hears at once when it can't
//! be done, and nothing that was taken is lost.
//!
//! # Holding
//! A task that is to wait for somebody calls [`Registration::hold`] and takes [`Order`]s from the [`Hold`] until one lets
//! the part go. A flow has up to three parts held at once: its request or its response, and a message of each side. What
//! is held takes memory, so that all of it together is bounded; who is refused for that goes on.

mod hold;
mod line;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ratel_flow::{FlowId, MessageKind, Side, StreamKind, Timestamp};

use crate::store::{Edit, lock};

pub use hold::{Hold, Order, TooMuch};
pub use line::{Injection, Registration};

use hold::Budget;
use line::Line;

/// Commands of one kind that may wait for one flow.
pub const COMMANDS: usize = 64;

/// Parts of flows that may be held at once.
pub const HELD_PARTS: usize = 1024;

/// Bytes of bodies and messages that may be held at once.
pub const HELD_BYTES: usize = 256 * 1024 * 1024;

/// Parts of the table, so that connections on different cores rarely meet.
const SHARDS: usize = 16;

/// What a live flow can be told.
#[derive(Clone, Debug)]
pub enum FlowCommand {
    /// Sends a message as if `side` had sent it.
    Inject {
        /// Whom it seems to come from.
        side: Side,
        /// What it is.
        kind: MessageKind,
        /// Its bytes.
        content: Bytes,
    },
    /// Ends the flow on both sides.
    Kill,
    /// Lets a held part go on as it is by now; everything that is held where none is named.
    Resume(Option<Part>),
    /// Changes the request or response that is held. A response for a request that is held answers it in place of the
    /// server.
    Edit(Box<Edit>),
    /// Makes everything that is held what it was before it was edited there.
    Revert,
    /// Gives a held message other bytes.
    EditMessage {
        /// Who sent it.
        side: Side,
        /// What it is to say.
        content: Bytes,
    },
    /// Keeps a held message from its receiver, and lets those after it go on.
    DropMessage {
        /// Who sent it.
        side: Side,
    },
}

/// A part of a flow that can be held back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The request, ahead of the server.
    Request,
    /// The response, ahead of the client.
    Response,
    /// A message of that side.
    Message(Side),
}

/// A part that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldPart {
    /// Which.
    pub part: Part,
    /// Since when.
    pub since: Timestamp,
    /// Its body is not held with it, and cannot be changed: it will pass as it comes.
    pub body_passes: bool,
    /// Who has left, or has closed its side at least, while it was held.
    pub left: Option<Side>,
}

/// Why a command did not reach its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no such flow, or it is over.
    #[error("flow {0} is not live any more")]
    Unknown(FlowId),
    /// Too many commands wait for it.
    #[error("flow {0} does not keep up with its commands")]
    Busy(FlowId),
    /// Nothing, or not that, is held.
    #[error("flow {0} is not held back at this point")]
    NotHeld(FlowId),
    /// The request is gone; only the response is held.
    #[error("the request of flow {0} was sent already")]
    Sent(FlowId),
    /// The body that was to be changed is not held.
    #[error(
        "the body of flow {0} is not held back with its head, since it is a stream or too large"
    )]
    BodyPasses(FlowId),
    /// It is no flow of messages.
    #[error("flow {0} takes no messages")]
    NoMessages(FlowId),
    /// Nothing but messages of the other side passes there.
    #[error("flow {id} carries no messages to the {}", receiver(*.side))]
    OneWay {
        /// Which flow.
        id: FlowId,
        /// Who was to have said it.
        side: Side,
    },
    /// Who is to have said it is done.
    #[error("that side of flow {0} is closed")]
    Closed(FlowId),
    /// The message is of a kind that the flow cannot carry.
    #[error("a {} message does not fit into flow {id}, which is a stream of {}", .kind.name(), .of.name())]
    WrongKind {
        /// Which flow.
        id: FlowId,
        /// What the message is.
        kind: MessageKind,
        /// What the flow carries.
        of: StreamKind,
    },
}

impl ControlError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotHeld(_) => "set the option intercept to hold back what matches a filter",
            Self::NoMessages(_) => {
                "messages go into WebSockets, raw connections, and streams whose messages are held back"
            }
            Self::OneWay { .. } => {
                "its other direction is no stream, or none whose messages are told apart"
            }
            _ => return None,
        })
    }
}

/// Who gets what that side says.
fn receiver(side: Side) -> &'static str {
    match side {
        Side::Client => "server",
        Side::Server => "client",
    }
}

/// The live flows, and what is held of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    shards: [Mutex<Table>; SHARDS],
    budget: Budget,
}

type Table = HashMap<u64, Arc<Line>, BuildHasherDefault<IdHasher>>;

/// Ids are numbers in sequence: they need no mixing.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Neighbours in one part of the table differ above these bits.
        self.0 = id / SHARDS as u64;
    }
}

impl Control {
    /// With other bounds on what is held: parts, and bytes.
    #[must_use]
    pub fn with_bounds(parts: usize, bytes: usize) -> Self {
        Self(Arc::new(Inner {
            budget: Budget::new(parts, bytes),
            ..Inner::default()
        }))
    }

    /// Makes a flow known until the registration is dropped.
    #[must_use]
    pub fn register(&self, id: FlowId) -> Registration {
        let line = Arc::new(Line::default());
        lock(self.shard(id)).insert(id.0, line.clone());
        Registration::new(self.clone(), id, line)
    }

    /// Tells a flow something; does not wait.
    ///
    /// # Errors
    /// When the flow is not known, can't do it where it is, or has too much to do.
    pub fn send(&self, id: FlowId, command: FlowCommand) -> Result<(), ControlError> {
        self.line(id)?.send(id, command)
    }

    /// Whether the flow is live.
    #[must_use]
    pub fn is_live(&self, id: FlowId) -> bool {
        self.line(id).is_ok()
    }

    /// What of a flow is held.
    #[must_use]
    pub fn held(&self, id: FlowId) -> Vec<HeldPart> {
        self.line(id).map(|line| line.held()).unwrap_or_default()
    }

    /// The flows of which something is held, in their order.
    #[must_use]
    pub fn held_flows(&self) -> Vec<FlowId> {
        if self.0.budget.parts() == 0 {
            return Vec::new();
        }
        let mut ids = self.flows(|line| !line.held().is_empty());
        ids.sort_unstable();
        ids
    }

    /// How many parts are held.
    #[must_use]
    pub fn held_count(&self) -> usize {
        self.0.budget.parts()
    }

    /// Makes everything of a flow that is held what it was before it was edited there. False if nothing was.
    ///
    /// # Errors
    /// When the flow is not known, or nothing of it is held.
    pub fn revert(&self, id: FlowId) -> Result<bool, ControlError> {
        self.line(id)?.revert(id)
    }

    /// Lets go everything that is held; says of how many flows.
    pub fn resume_all(&self) -> usize {
        let resumed = |id: &FlowId| self.send(*id, FlowCommand::Resume(None)).is_ok();
        self.held_flows().iter().filter(|id| resumed(id)).count()
    }

    /// The live flows, in their order.
    #[must_use]
    pub fn live_flows(&self) -> Vec<FlowId> {
        let mut ids = self.flows(|_| true);
        ids.sort_unstable();
        ids
    }

    fn flows(&self, wanted: impl Fn(&Line) -> bool) -> Vec<FlowId> {
        let mut ids = Vec::new();
        for shard in &self.0.shards {
            let table = lock(shard);
            let found = table.iter().filter(|(_, line)| wanted(line));
            ids.extend(found.map(|(id, _)| FlowId(*id)));
        }
        ids
    }

    fn line(&self, id: FlowId) -> Result<Arc<Line>, ControlError> {
        let line = lock(self.shard(id)).get(&id.0).cloned();
        line.ok_or(ControlError::Unknown(id))
    }

    fn forget(&self, id: FlowId) {
        lock(self.shard(id)).remove(&id.0);
    }

    fn shard(&self, id: FlowId) -> &Mutex<Table> {
        // The remainder is below the length.
        &self.0.shards[id.0 as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests;
