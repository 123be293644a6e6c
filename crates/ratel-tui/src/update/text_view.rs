//! Editing a text part of a flow on the screen.

use ratel_core::commands::{Call, CommandError};
use ratel_flow::FlowId;

use crate::editing::{self, Changed, Text};
use crate::keymap::{Context, Key};
use crate::model::{Confirm, Model, Prompt, Screen, TextView};
use crate::msg::Effect;
use crate::widgets::text_edit::{Action, TextEdit};

use super::commands::{self, say_error};
use super::{edit, nav, open, reload, say, say_why};

/// Opens a text. What was edited of it before and not taken is gone on with.
pub(super) fn begin(model: &mut Model, id: FlowId, part: &str, before: Text) {
    let mut text = TextEdit::new(String::from_utf8_lossy(&before.bytes));
    if let Some(kept) = &before.kept {
        text.set(&String::from_utf8_lossy(kept));
    }
    let view = TextView {
        id,
        part: part.to_owned(),
        before,
        edit: text,
    };
    // What was said before is not to hide the keys.
    model.message = None;
    open(model, Screen::Text(Box::new(view)));
}

/// A key, if a text is being edited: what it is bound to there, or what it types.
pub(super) fn pressed(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    if !matches!(model.panes.current(), Screen::Text(_)) {
        return None;
    }
    if let Some(binding) = model.keymap.lookup(Context::Editor, key) {
        let command = binding.command.clone();
        return Some(commands::line(model, &command));
    }
    match (key, model.panes.current_mut()) {
        (Key::Char(c), Some(Screen::Text(view))) if !c.is_control() => view.edit.type_char(c),
        _ => {
            let help = model.keymap.key_of(Context::Editor, "console.view.help");
            let help = help.map_or_else(String::new, |help| format!("; {help} has the keys"));
            say(
                model,
                format!("`{key}` does nothing while a text is edited{help}"),
            );
        }
    }
    Some(Vec::new())
}

/// `console.texteditor.*`.
pub(super) fn command(model: &mut Model, call: &Call) -> Result<Vec<Effect>, CommandError> {
    let Some(Screen::Text(view)) = model.panes.current_mut() else {
        return Err(CommandError::failed("no text is edited here"));
    };
    let bytes = || view.edit.text().as_bytes().to_vec();
    Ok(match call.name() {
        "console.texteditor.apply" => {
            let (part, of) = (view.part.clone(), view.before.of.clone());
            vec![Effect::SetText(view.id, part, of, bytes())]
        }
        "console.texteditor.editor" => vec![Effect::EditText(
            view.id,
            view.part.clone(),
            bytes(),
            view.before.extension,
        )],
        "console.texteditor.leave" if view.is_changed() => {
            model.prompt = Some(Prompt::Confirm(Confirm::DropText(view.part.clone())));
            Vec::new()
        }
        "console.texteditor.leave" => {
            leave(model);
            Vec::new()
        }
        _ => {
            if let Some(action) = Action::parse(call.str(0)) {
                view.edit.act(action);
            }
            Vec::new()
        }
    })
}

pub(super) fn pasted(model: &mut Model, text: &str) -> bool {
    let Some(Screen::Text(view)) = model.panes.current_mut() else {
        return false;
    };
    view.edit.insert(text);
    true
}

/// Closes it, whatever was changed.
pub(super) fn leave(model: &mut Model) {
    if let Screen::Text(_) = model.panes.current() {
        model.panes.pop();
        reload(model, true);
        nav::settle(model);
    }
}

/// A program has had the text.
pub(super) fn edited(model: &mut Model, edited: Result<Vec<u8>, String>) {
    let text = edited.and_then(|bytes| {
        editing::on_screen(&bytes).map_err(str::to_owned)?;
        String::from_utf8(bytes).map_err(|_| "what was edited is not UTF-8".to_owned())
    });
    match (text, model.panes.current_mut()) {
        (Ok(text), Some(Screen::Text(view))) => view.edit.set(&text),
        (Ok(_), _) => {}
        (Err(why), _) => say_why(model, why),
    }
}

/// The text was taken, or not; then it stays on the screen.
pub(super) fn set(
    model: &mut Model,
    id: FlowId,
    part: &str,
    changed: Result<Changed, CommandError>,
) {
    match changed {
        Ok(changed) => {
            leave(model);
            model.list.stale = true;
            edit::said(model, id, part, changed);
        }
        Err(error) => say_error(model, &error),
    }
}
