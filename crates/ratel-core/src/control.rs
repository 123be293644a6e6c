//! Talking to live flows from outside of the task that owns them.
//!
//! A task that can be talked to registers its flow and takes commands from a bounded queue; whoever has the
//! [`Control`] sends them by the flow's id. A flow that is not registered, because it is over or cannot be talked to,
//! costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ratel_flow::{FlowId, MessageKind, Side};
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};

use crate::store::lock;

/// Commands that may wait for one flow.
pub const COMMANDS: usize = 64;

/// Parts of the table, so that connections on different cores rarely meet.
const SHARDS: usize = 16;

/// What a live flow can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// Why a command did not reach its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such flow, it is over, or it is of a kind that takes no commands.
    #[error("flow {0} is not live, or takes no commands")]
    Unknown(FlowId),
    /// Too many commands wait for it.
    #[error("flow {0} does not keep up with its commands")]
    Busy(FlowId),
}

type Table = HashMap<u64, Sender<FlowCommand>>;

/// The live flows that may be talked to. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<[Mutex<Table>; SHARDS]>);

impl Control {
    /// Makes a flow known until the registration is dropped.
    #[must_use]
    pub fn register(&self, id: FlowId) -> (Registration, Receiver<FlowCommand>) {
        let (send, receive) = mpsc::channel(COMMANDS);
        lock(self.shard(id)).insert(id.0, send);
        let registration = Registration {
            control: self.clone(),
            id,
        };
        (registration, receive)
    }

    /// Tells a flow something; does not wait.
    ///
    /// # Errors
    /// When the flow is not known or has too much to do.
    pub fn send(&self, id: FlowId, command: FlowCommand) -> Result<(), ControlError> {
        let table = lock(self.shard(id));
        let sender = table.get(&id.0).ok_or(ControlError::Unknown(id))?;
        sender.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => ControlError::Busy(id),
            TrySendError::Closed(_) => ControlError::Unknown(id),
        })
    }

    fn shard(&self, id: FlowId) -> &Mutex<Table> {
        // The remainder is below the length.
        &self.0[id.0 as usize % SHARDS]
    }
}

/// Keeps a flow known.
#[derive(Debug)]
pub struct Registration {
    control: Control,
    id: FlowId,
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(self.control.shard(self.id)).remove(&self.id.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_reach_live_flows_up_to_a_bound() {
        let control = Control::default();
        let id = FlowId(7);
        let unknown = Err(ControlError::Unknown(id));
        assert_eq!(control.send(id, FlowCommand::Kill), unknown);
        let (registration, mut commands) = control.register(id);
        for _ in 0..COMMANDS {
            assert_eq!(control.send(id, FlowCommand::Kill), Ok(()));
        }
        let busy = Err(ControlError::Busy(id));
        assert_eq!(control.send(id, FlowCommand::Kill), busy);
        assert_eq!(commands.try_recv(), Ok(FlowCommand::Kill));
        assert_eq!(control.send(id, FlowCommand::Kill), Ok(()));
        drop(registration);
        assert_eq!(control.send(id, FlowCommand::Kill), unknown);
    }
}
