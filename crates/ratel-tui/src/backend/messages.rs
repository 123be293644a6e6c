//! Single messages of live flows: those that are held back, and those that nobody has sent.

use ratel_core::commands::{Call, CommandError, Executor as _, Output};
use ratel_core::control::{FlowCommand, Part};
use ratel_flow::{FlowId, MessageKind, StreamKind};

use super::{Backend, Done};

impl Backend<'_> {
    /// Keeps messages that are held back from their receivers.
    pub(super) fn drop_messages(&mut self, call: &Call) -> Done {
        let mut count = 0;
        for id in self.resolve(call.flows(0))? {
            for held in self.control.held(id) {
                let Part::Message(side) = held.part else {
                    continue;
                };
                let dropped = self.control.send(id, FlowCommand::DropMessage { side });
                dropped.map_err(|error| CommandError::Failed(error.to_string()))?;
                count += 1;
            }
        }
        match count {
            0 => Err(CommandError::failed(
                "no message is held back there; a request or response that is held ends with `flow.kill` (X)",
            )),
            1 => Ok(Output::Str("the message is dropped".to_owned())),
            count => Ok(Output::Str(format!("{count} messages are dropped"))),
        }
    }

    /// Sends a message of whatever kind the flow carries.
    pub(super) fn inject_message(&mut self, call: &Call) -> Done {
        let id = self.resolve_one(call.flows(0))?;
        let kind = self.message_kind(id)?;
        self.inject(call, kind)
    }

    fn message_kind(&self, id: FlowId) -> Result<MessageKind, CommandError> {
        let stream = self.flows.snapshot(id).and_then(|flow| flow.stream);
        Ok(match stream {
            Some(StreamKind::WebSocket) => MessageKind::Text,
            Some(StreamKind::Sse) => MessageKind::Event,
            Some(StreamKind::Grpc | StreamKind::GrpcWeb | StreamKind::Connect) => MessageKind::Grpc,
            Some(StreamKind::Ndjson) => MessageKind::Json,
            Some(StreamKind::Tcp | StreamKind::Udp) => MessageKind::Data,
            None => {
                let text = format!("flow {id} has no messages");
                return Err(CommandError::Failed(text));
            }
        })
    }
}
