//! What is held back: letting it go, ending it, finding it.

use ratel_core::commands::{Call, CommandError, Executor as _, Output};
use ratel_core::control::{ControlError, FlowCommand};
use ratel_core::eventlog::Level;
use ratel_core::options::keys;
use ratel_flow::FlowId;

use super::{Backend, Done, flows};

impl Backend<'_> {
    /// Lets go what is held of flows. Flows of which nothing is held go on anyway.
    pub(super) fn resume(&mut self, call: &Call) -> Done {
        let mut held = self.resolve(call.flows(0))?;
        held.retain(|id| !self.control.held(*id).is_empty());
        if held.is_empty() {
            return Ok(Output::Str("nothing is held back there".into()));
        }
        for id in held {
            match self.control.send(id, FlowCommand::Resume(None)) {
                // One that has just gone on by itself is where it was wanted.
                Ok(()) | Err(ControlError::NotHeld(_) | ControlError::Unknown(_)) => {}
                Err(error) => return Err(CommandError::Failed(error.to_string())),
            }
        }
        Ok(Output::Nothing)
    }

    /// The flow after the one in focus of which something is held, or the first one.
    pub(super) fn next_held(&self) -> Done {
        let held = self.control.held_flows();
        let place = |id: FlowId| self.flows.position(id, 0).ok();
        let here = self.focus.and_then(place);
        let places = held.iter().filter_map(|id| Some((place(*id)?, *id)));
        // What comes after the focus comes first; the focus itself last.
        let next = places.min_by_key(|(at, _)| (here.is_some_and(|here| *at <= here), *at));
        match (next, held.len()) {
            (Some((_, id)), 1) if self.focus == Some(id) => {
                Ok(Output::Str("no other flow is held".into()))
            }
            (Some((_, id)), _) => Ok(Output::Flows(vec![id])),
            (None, 0) => Ok(Output::Str("no flow is held".into())),
            (None, count) => Ok(Output::Str(format!(
                "{} held, which the list does not show",
                are(count)
            ))),
        }
    }

    /// Ends flows that are live.
    pub(super) fn kill(&mut self, call: &Call) -> Done {
        let ids = self.resolve(call.flows(0))?;
        let killed = |id: &FlowId| self.control.send(*id, FlowCommand::Kill).is_ok();
        let count = ids.iter().filter(|id| killed(id)).count();
        let text = match count {
            0 => "no flow is live there".to_owned(),
            1 => "killed 1 flow".to_owned(),
            count => format!("killed {count} flows"),
        };
        (self.log)(Level::Alert, &text);
        Ok(Output::Nothing)
    }

    /// What a change of what is held back comes to.
    pub(super) fn intercepting(&self) -> String {
        let values = self.options.snapshot();
        let active = values.bool(keys::INTERCEPT_ACTIVE);
        match (
            active,
            values.opt_str(keys::INTERCEPT),
            self.control.held_flows().len(),
        ) {
            (true, Some(filter), _) => format!("what matches {filter} is held back"),
            (_, _, held @ 1..) => {
                let them = if held == 1 { "it" } else { "them" };
                format!(
                    "interception is off; {} still held: A lets {them} go",
                    are(held)
                )
            }
            (_, None, 0) => "there is no filter for what is held back; i sets one".to_owned(),
            (false, Some(filter), 0) => {
                format!("nothing is held back; I holds back what matches {filter}")
            }
        }
    }
}

fn are(count: usize) -> String {
    format!("{} {}", flows(count), if count == 1 { "is" } else { "are" })
}
