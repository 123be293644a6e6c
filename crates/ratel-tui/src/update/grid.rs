//! Editing a table.

use ratel_core::commands::{Call, CommandError, Output};

use crate::keymap::Key;
use crate::model::{Confirm, GridFor, Model, Prompt, Screen};
use crate::msg::Effect;
use crate::widgets::line_edit::Edited;

use super::commands::run;
use super::{nav, open, options, reload, say, say_why};

/// A key, if a cell is being edited.
pub(super) fn pressed(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let Some(Screen::Grid(grid)) = model.panes.current_mut() else {
        return None;
    };
    let line = grid.editing.as_mut()?;
    match key {
        Key::Named("enter" | "esc") => grid.stop_editing(),
        Key::Named("tab" | "shift tab") => {
            grid.stop_editing();
            if grid.columns.len() > 1 {
                grid.go_column(key == Key::Named("tab"));
                grid.edit();
            }
        }
        Key::Named("up" | "down") => {
            grid.stop_editing();
            nav::scroll(model, if key == Key::Named("up") { -1 } else { 1 });
        }
        Key::Ctrl('c') => grid.editing = None,
        key => {
            if line.key(key) == Edited::Changed {
                grid.error = None;
            }
        }
    }
    nav::settle(model);
    Some(Vec::new())
}

pub(super) fn pasted(model: &mut Model, text: &str) {
    if let Some(Screen::Grid(grid)) = model.panes.current_mut()
        && let Some(line) = &mut grid.editing
    {
        line.insert(text);
    }
}

/// Begins to edit the cell in focus: as a text, or as a table of its own.
pub(super) fn edit(model: &mut Model) {
    let Some(Screen::Grid(grid)) = model.panes.current_mut() else {
        return;
    };
    grid.error = None;
    match grid.attributes() {
        Some(table) => open(model, Screen::Grid(Box::new(table))),
        None => grid.edit(),
    }
}

/// Puts the rows of a table, which has closed, into the cell that they were taken from.
pub(super) fn put_attributes(model: &mut Model, text: &str) {
    if let Some(Screen::Grid(below)) = model.panes.current_mut() {
        below.put(text);
    }
    nav::settle(model);
}

/// `console.grideditor.*`.
pub(super) fn command(model: &mut Model, call: &Call) -> Result<Vec<Effect>, CommandError> {
    let Some(Screen::Grid(grid)) = model.panes.current_mut() else {
        return Err(CommandError::failed("there is no table to edit here"));
    };
    match call.name() {
        "console.grideditor.add" => grid.insert(grid.select.focus + 1),
        "console.grideditor.insert" => grid.insert(grid.select.focus),
        "console.grideditor.delete" if grid.rows.is_empty() => {
            return Err(CommandError::failed("there is no row to delete"));
        }
        "console.grideditor.delete" => grid.delete(),
        "console.grideditor.cancel" => {
            if grid.changed {
                let part = grid.title.clone();
                model.prompt = Some(Prompt::Confirm(Confirm::DropRows(part)));
                return Ok(Vec::new());
            }
            return Ok(leave(model));
        }
        "console.grideditor.editor" => {
            let bytes = grid.bytes().map_err(CommandError::Failed)?;
            return Ok(vec![Effect::EditCell(bytes)]);
        }
        "console.grideditor.load" => {
            return Ok(vec![Effect::ReadCell(call.path(0).to_owned(), false)]);
        }
        "console.grideditor.load_escaped" => {
            return Ok(vec![Effect::ReadCell(call.path(0).to_owned(), true)]);
        }
        "console.grideditor.save" => {
            let csv = grid.to_csv();
            return Ok(vec![Effect::Write(call.path(0).to_owned(), csv)]);
        }
        _ => {}
    }
    nav::settle(model);
    Ok(Vec::new())
}

/// Closes the table without applying what was changed.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    if let Some(Screen::Grid(grid)) = model.panes.current_mut() {
        grid.changed = false;
    }
    nav::pop(model)
}

/// What a file or a program had for the cell in focus.
pub(super) fn filled(model: &mut Model, found: Result<Vec<u8>, String>) {
    let put = found.and_then(|bytes| match model.panes.current_mut() {
        Some(Screen::Grid(grid)) => grid.put_bytes(bytes),
        _ => Ok(()),
    });
    if let Err(why) = put {
        say_why(model, why);
    }
    nav::settle(model);
}

/// What becomes of a table that is closed.
pub(super) enum Closing {
    /// It goes, and this is done.
    Goes(Vec<Effect>),
    /// It goes, and this is what becomes of the cell that it was opened for.
    Joins(String),
    /// It stays until it is known whether its rows fit, or until it is closed once more.
    Stays(Vec<Effect>),
}

/// What is said when the rows do not fit.
pub(super) const NOT_APPLIED: &str =
    "not applied; put it right, or close once more to drop the changes";

/// Does what the rows of a table that is closed are for.
pub(super) fn apply(model: &mut Model) -> Closing {
    let Some(Screen::Grid(grid)) = model.panes.current_mut() else {
        return Closing::Goes(Vec::new());
    };
    if !grid.changed {
        return Closing::Goes(Vec::new());
    }
    let name = match grid.what {
        GridFor::Option(name) => name,
        GridFor::Attributes => return Closing::Joins(grid.to_attributes()),
        GridFor::Flow(id, part) => {
            return Closing::Stays(vec![Effect::SetRows(id, part, grid.rows.clone())]);
        }
    };
    let texts: Vec<String> = grid
        .rows
        .iter()
        .filter_map(|row| row.first().cloned())
        .collect();
    let Err(error) = check(model, name, &texts) else {
        let words = options::set_list(name, &texts);
        let effects = run(model, &words);
        // Values that fit the option may still be refused by what they are for.
        let sent = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Run(..)));
        if let Some(Screen::Grid(grid)) = model.panes.current_mut() {
            grid.sent = sent;
        }
        return match sent {
            true => Closing::Stays(effects),
            false => Closing::Goes(effects),
        };
    };
    refused(model, error);
    Closing::Stays(Vec::new())
}

fn refused(model: &mut Model, error: String) {
    if let Some(Screen::Grid(grid)) = model.panes.current_mut() {
        grid.error = Some(error);
        // Closing it once more closes it without the changes.
        grid.changed = false;
    }
    say(model, NOT_APPLIED);
}

/// The rows of an option were taken, or not; whether it was that.
pub(super) fn set(model: &mut Model, call: &Call, result: &Result<Output, CommandError>) -> bool {
    let Some(Screen::Grid(grid)) = model.panes.current_mut() else {
        return false;
    };
    let is_its =
        matches!(&grid.what, GridFor::Option(name) if call.name() == "set" && call.str(0) == *name);
    if !is_its || !std::mem::take(&mut grid.sent) {
        return false;
    }
    match result {
        Ok(_) => {
            model.panes.pop();
            reload(model, true);
        }
        Err(error) => refused(model, error.to_string()),
    }
    nav::settle(model);
    true
}

fn check(model: &Model, name: &str, texts: &[String]) -> Result<(), String> {
    let mut values = ratel_core::options::Values::clone(&model.values);
    let value = ratel_core::options::Value::List(texts.to_vec());
    values.set(name, value).map_err(|error| error.to_string())
}
