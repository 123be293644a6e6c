//! Requests that are sent again, and responses that are played.

use ratel_core::commands::{Call, CommandError, Executor as _, Output};

use super::{Backend, Done, named};
use crate::errand::Errand;

impl Backend<'_> {
    pub(super) fn send_again(&mut self, call: &Call) -> Done {
        let ids = self.resolve(call.flows(0))?;
        if ids.is_empty() {
            return Err(CommandError::failed("there is no flow to send again"));
        }
        let refused = self.replays.client.flows(&ids);
        let sent = ids.len() - refused.len();
        match (sent, refused.first()) {
            (0, Some((id, error))) => Err(CommandError::Failed(match refused.len() {
                1 => format!("flow {id} is not sent again: {error}"),
                count => format!("none of {count} flows is sent again; flow {id}: {error}"),
            })),
            (1, None) => Ok(Output::Str("the request is sent again".to_owned())),
            (sent, None) => Ok(Output::Str(format!("{sent} requests are sent again"))),
            (sent, Some((id, error))) => Ok(Output::Str(format!(
                "{sent} requests are sent again, {} are not; flow {id}: {error}",
                refused.len()
            ))),
        }
    }

    pub(super) fn send_file(&mut self, call: &Call) -> Done {
        let path = named(call.path(0), "send")?.to_owned();
        (self.begin)(Errand::Send { path });
        Ok(Output::Nothing)
    }

    pub(super) fn stop_sending(&mut self) -> Done {
        self.replays.client.stop();
        self.alert("Client replay queue cleared.");
        Ok(Output::Nothing)
    }

    pub(super) fn play(&mut self, call: &Call, more: bool) -> Done {
        let flows = self.resolve(call.flows(0))?;
        if flows.is_empty() {
            return Err(CommandError::failed("there is no flow to answer from"));
        }
        (self.begin)(Errand::Play { flows, more });
        Ok(Output::Nothing)
    }

    pub(super) fn play_file(&mut self, call: &Call) -> Done {
        let path = named(call.path(0), "answer from")?.to_owned();
        (self.begin)(Errand::PlayFile { path });
        Ok(Output::Nothing)
    }

    pub(super) fn stop_playing(&mut self) -> Done {
        self.replays.server.stop();
        self.alert("requests are no longer answered from recorded flows");
        Ok(Output::Nothing)
    }
}

pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
