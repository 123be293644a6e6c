//! Editing a text part of a flow on the screen.

use ratel_core::commands::CommandError;
use ratel_flow::FlowId;

use crate::editing::{self, Text};
use crate::keymap::Key;
use crate::model::{Confirm, Model, Prompt, Screen, TextView};
use crate::msg::Effect;
use crate::widgets::line_edit::Edited;
use crate::widgets::text_edit::TextEdit;

use super::commands::say_error;
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

/// A key, if a text is being edited.
pub(super) fn pressed(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let Some(Screen::Text(view)) = model.panes.current_mut() else {
        return None;
    };
    let bytes = || view.edit.text().as_bytes().to_vec();
    let effects = match key {
        Key::Ctrl('s') => {
            let (part, of) = (view.part.clone(), view.before.of.clone());
            vec![Effect::SetText(view.id, part, of, bytes())]
        }
        Key::Ctrl('e') => vec![Effect::EditText(
            view.id,
            view.part.clone(),
            bytes(),
            view.before.extension,
        )],
        Key::Named("esc") | Key::Ctrl('c' | 'g') if view.is_changed() => {
            model.prompt = Some(Prompt::Confirm(Confirm::DropText(view.part.clone())));
            Vec::new()
        }
        Key::Named("esc") | Key::Ctrl('c' | 'g') => {
            leave(model);
            Vec::new()
        }
        key => {
            if view.edit.key(key) == Edited::No {
                let text = format!("`{key}` does nothing while a text is edited");
                say(model, text);
            }
            Vec::new()
        }
    };
    Some(effects)
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
pub(super) fn set(model: &mut Model, id: FlowId, part: &str, changed: Result<bool, CommandError>) {
    match changed {
        Ok(changed) => {
            leave(model);
            model.list.stale = true;
            edit::said(model, id, part, changed);
        }
        Err(error) => say_error(model, &error),
    }
}
