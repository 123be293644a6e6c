//! What can fill a pane.

pub(crate) mod body_text;
pub(crate) mod commands;
pub(crate) mod data;
pub(crate) mod eventlog;
pub(crate) mod find;
mod first_minute;
pub(crate) mod flow_detail;
pub(crate) mod flow_list;
pub(crate) mod flow_message;
pub(crate) mod flow_tree;
pub(crate) mod flow_view;
pub(crate) mod grid;
pub(crate) mod help;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod message_list;
pub(crate) mod message_view;
pub(crate) mod options;
pub(crate) mod protocol;
pub(crate) mod rules;
pub(crate) mod text_view;

use crate::model::{Model, Screen};

/// The texts of the rows of the table in focus, to be searched.
pub(crate) fn table_texts(model: &Model) -> Vec<String> {
    match model.panes.current() {
        Screen::Options(view) => options::texts(model, view),
        Screen::KeyBindings(_) => keys::texts(model),
        Screen::Commands(_) => commands::texts(),
        Screen::Rules(_) => rules::texts(model),
        _ => Vec::new(),
    }
}
