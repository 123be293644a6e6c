//! Single messages of live flows: those that are held back, and those that nobody has sent.

use ratel_core::commands::{Call, CommandError, Executor as _, Output};
use ratel_core::control::{ControlError, FlowCommand, Part};
use ratel_flow::{FlowId, MessageKind, Side, StreamKind};

use super::{Backend, Done};

/// The sender of the message in focus. Where that is known it is named instead, so that here no message that is held is
/// in focus.
pub(crate) const FOCUS: &str = "focus";

impl Backend<'_> {
    /// Keeps messages that are held back from their receivers.
    pub(super) fn drop_messages(&mut self, call: &Call) -> Done {
        if call.str(1) == FOCUS && self.held_messages(call)? > 1 {
            let text = "messages of both sides are held: the focus says which is dropped";
            return Err(CommandError::failed(text));
        }
        let drops = |side| FlowCommand::DropMessage { side };
        match self.tell_messages(call, drops)? {
            0 => Err(nothing_held(call)),
            1 => Ok(Output::Str("the message is dropped".to_owned())),
            count => Ok(Output::Str(format!("{count} messages are dropped"))),
        }
    }

    /// Lets messages that are held back go on.
    pub(super) fn resume_messages(&mut self, call: &Call) -> Done {
        let resumes = |side| FlowCommand::Resume(Some(Part::Message(side)));
        match self.tell_messages(call, resumes)? {
            0 => Err(nothing_held(call)),
            _ => Ok(Output::Nothing),
        }
    }

    fn held_messages(&mut self, call: &Call) -> Result<usize, CommandError> {
        let flows = self.resolve(call.flows(0))?;
        let held = flows.iter().flat_map(|id| self.control.held(*id));
        let messages = held.filter(|held| matches!(held.part, Part::Message(_)));
        Ok(messages.count())
    }

    /// Tells those messages that are meant; how many there were.
    fn tell_messages(
        &mut self,
        call: &Call,
        command: impl Fn(Side) -> FlowCommand,
    ) -> Result<usize, CommandError> {
        let mut count = 0;
        for id in self.resolve(call.flows(0))? {
            for held in self.control.held(id) {
                let Part::Message(side) = held.part else {
                    continue;
                };
                if !is_meant(call.str(1), side) {
                    continue;
                }
                match self.control.send(id, command(side)) {
                    Ok(()) => count += 1,
                    // One that has just gone on by itself is not there to be told anything.
                    Err(ControlError::NotHeld(_) | ControlError::Unknown(_)) => {}
                    Err(error) => return Err(CommandError::Failed(error.to_string())),
                }
            }
        }
        Ok(count)
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

/// Whether a message of that side is meant.
fn is_meant(sender: &str, side: Side) -> bool {
    match sender {
        "client" => side == Side::Client,
        "server" => side == Side::Server,
        _ => true,
    }
}

fn nothing_held(call: &Call) -> CommandError {
    CommandError::failed(match call.str(1) {
        "client" => "no message of the client is held back there",
        "server" => "no message of the server is held back there",
        _ => {
            "no message is held back there; a request or response that is held ends with `flow.kill` (X)"
        }
    })
}
