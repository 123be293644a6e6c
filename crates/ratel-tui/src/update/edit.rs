//! Editing parts of flows: which, as what, and what became of it.

use ratel_core::commands::{Call, CommandError};
use ratel_core::edit::Part;
use ratel_flow::FlowId;

use super::commands::say_error;
use super::traffic::row_of;
use super::{choose, nav, open, prompt, reload, results, say, say_doubt, text_view};
use crate::editing::{Begun, Changed, messages, without_here};
use crate::keymap::Context;
use crate::model::{CommandLine, Grid, GridFor, Model, Screen, Tab};
use crate::msg::Effect;
use crate::screens::message_list;
use crate::source::MessageId;

/// `console.edit.focus`.
pub(super) fn begin(model: &Model, call: &Call) -> Result<Vec<Effect>, CommandError> {
    let id = focused(model)?;
    let name = call.str(0);
    if messages::is_named(name)
        && let Some(why) = sent_already(model)
    {
        return Err(CommandError::Failed(why));
    }
    Ok(vec![Effect::Edit(id, name.to_owned())])
}

/// Why the message that somebody looks at cannot be edited; whoever is elsewhere means the one that is held.
fn sent_already(model: &Model) -> Option<String> {
    let (id, held) = match model.panes.current() {
        Screen::FlowView(view) if view.tab() == Tab::Messages => {
            let row = message_list::focused(&view.messages)?;
            (row.id, row.held)
        }
        Screen::Message(view) => (view.id, view.held),
        _ => return None,
    };
    match id {
        _ if held => None,
        MessageId::Nth(nth) => Some(format!(
            "message {} was sent already; the one that is held is the last: G goes there",
            nth + 1
        )),
        MessageId::Open(_) => Some("this message is still on its way, and not held".to_owned()),
    }
}

/// Asks for the parts that can be edited.
pub(super) fn ask_options(model: &Model, call: &Call) -> Result<Vec<Effect>, CommandError> {
    let id = focused(model)?;
    Ok(vec![Effect::EditOptions(call.clone(), id)])
}

fn focused(model: &Model) -> Result<FlowId, CommandError> {
    let none = || CommandError::failed("there is no flow to edit");
    model.focused_flow().ok_or_else(none)
}

/// The parts that can be edited are known.
pub(super) fn options(
    model: &mut Model,
    call: &Call,
    options: Result<Vec<String>, CommandError>,
) -> Vec<Effect> {
    match options {
        Ok(options) if call.name() == "console.choose.cmd" => {
            let then = call.rest(2).into_iter().map(str::to_owned).collect();
            choose::open(model, call.str(0), options, None, then);
        }
        Ok(options) => results::show_list(model, call.name(), options),
        Err(error) => say_error(model, &error),
    }
    Vec::new()
}

/// It is known what a part is edited as.
pub(super) fn begun(
    model: &mut Model,
    id: FlowId,
    part: String,
    begun: Result<Begun, CommandError>,
) -> Vec<Effect> {
    match begun {
        Ok(Begun::Line(line)) => {
            return prompt::open(model, CommandLine::with_cursor_back(&line, 1));
        }
        Ok(Begun::Value(line)) => return prompt::open(model, CommandLine::with_value(&line)),
        Ok(Begun::Table(part, rows)) => {
            let columns = part.columns().unwrap_or_default().to_vec();
            let title = format!("{} of flow {id}", part.name());
            let grid = Grid::new(title, columns, rows, GridFor::Flow(id, part));
            open(model, Screen::Grid(Box::new(grid)));
        }
        Ok(Begun::Text(text)) => text_view::begin(model, id, without_here(&part), text),
        Err(error) => say_error(model, &error),
    }
    Vec::new()
}

/// A text was edited.
pub(super) fn edited(
    model: &mut Model,
    id: FlowId,
    name: &str,
    changed: Result<Changed, CommandError>,
) {
    match changed {
        Ok(changed) => said(model, id, name, changed),
        Err(error) => say_error(model, &error),
    }
    reload(model, true);
}

/// The rows of a table were taken, or not.
pub(super) fn rows_set(
    model: &mut Model,
    id: FlowId,
    part: Part,
    changed: Result<Changed, CommandError>,
) {
    let Some(Screen::Grid(grid)) = model.panes.current_mut() else {
        return;
    };
    match changed {
        Ok(changed) => {
            model.panes.pop();
            model.list.stale = true;
            reload(model, true);
            said(model, id, part.name(), changed);
        }
        Err(error) => {
            grid.error = Some(error.to_string());
            // Closing it once more closes it without the changes.
            grid.changed = false;
            say(model, super::grid::NOT_APPLIED);
        }
    }
    nav::settle(model);
}

pub(super) fn said(model: &mut Model, id: FlowId, name: &str, changed: Changed) {
    let row = row_of(model, id).map(|row| row.state);
    let open = model.open_flow().filter(|view| view.id == id);
    let open = open.and_then(|view| view.snapshot.as_ref().map(|flow| flow.state));
    // Only what is held can be changed of a flow that goes on.
    let is_held = row.or(open).is_some_and(|state| state.is_live());
    let text = match (changed, is_held) {
        (Changed::But(doubt), _) => {
            return say_doubt(model, format!("{name} changed, but {doubt}"));
        }
        (Changed::Yes, true) => format!("{name} changed; a lets it go on"),
        (Changed::Yes, false) => {
            let keys = [
                ("replay.client @focus", "sends it"),
                ("flow.revert @focus", "undoes that"),
            ];
            let said = keys.iter().filter_map(|(command, does)| {
                let key = model.keymap.key_of(Context::FlowView, command)?;
                Some(format!("{key} {does}"))
            });
            let said: Vec<_> = said.collect();
            format!("{name} changed; {}", said.join(", "))
        }
        (Changed::No, _) => format!("{name} stays as it is"),
    };
    say(model, text);
}
