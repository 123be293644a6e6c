//! A flow that can be talked to while it is live: what is injected, by direction, and the end that may be put to it.

use bytes::Bytes;
use ratel_core::control::{COMMANDS, Control, FlowCommand, Registration};
use ratel_flow::{FlowId, MessageKind, Side};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::error::ProxyError;

/// A message to be sent as if the peer had sent it.
pub(super) struct Injection {
    pub(super) kind: MessageKind,
    pub(super) content: Bytes,
}

/// See the [module](self). The flow is known to [`Control`] while this lives.
pub(super) struct Live {
    _registration: Registration,
    id: FlowId,
    commands: Receiver<FlowCommand>,
    up: Sender<Injection>,
    down: Sender<Injection>,
}

/// What is injected into each direction. At most [`COMMANDS`] messages wait there.
pub(super) struct Injected {
    pub(super) up: Receiver<Injection>,
    pub(super) down: Receiver<Injection>,
}

impl Live {
    pub(super) fn new(control: &Control, id: FlowId) -> (Self, Injected) {
        let (registration, commands) = control.register(id);
        let (up, from_client) = mpsc::channel(COMMANDS);
        let (down, from_server) = mpsc::channel(COMMANDS);
        let live = Self {
            _registration: registration,
            id,
            commands,
            up,
            down,
        };
        let injected = Injected {
            up: from_client,
            down: from_server,
        };
        (live, injected)
    }

    /// Runs both directions until both are done, one of them fails, or the flow is killed.
    pub(super) async fn both(
        &mut self,
        up: impl Future<Output = Result<(), ProxyError>>,
        down: impl Future<Output = Result<(), ProxyError>>,
    ) -> Result<(), ProxyError> {
        tokio::select! {
            biased;
            ended = async { tokio::try_join!(up, down) } => ended.map(|_| ()),
            () = self.killed() => Err(ProxyError::Killed),
        }
    }

    /// Hands out what is injected, and returns once the flow is to be killed.
    async fn killed(&mut self) {
        while let Some(command) = self.commands.recv().await {
            let (side, injection) = match command {
                FlowCommand::Kill => return,
                FlowCommand::Inject {
                    side,
                    kind,
                    content,
                } => (side, Injection { kind, content }),
            };
            let direction = match side {
                Side::Client => &self.up,
                Side::Server => &self.down,
            };
            // Waiting for room would keep a kill waiting too.
            if direction.try_send(injection).is_err() {
                tracing::warn!(flow = %self.id, "an injected message is lost: its receiver reads too slowly, or is done");
            }
        }
        // The registration outlives this call, and the sender lives as long.
        std::future::pending().await
    }
}
