//! The reference of commands.

use ratatui::Frame;
use ratel_core::commands::{self, CommandDef};
use ratel_core::options::Availability;

use crate::model::{Model, Table};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::table;

/// The rows, in alphabetical order.
pub(crate) fn rows() -> Vec<&'static CommandDef> {
    let mut rows: Vec<_> = commands::all().filter(|def| def.tools.terminal).collect();
    rows.sort_by_key(|def| def.name);
    rows
}

/// What is searched.
pub(crate) fn texts() -> Vec<String> {
    rows()
        .into_iter()
        .map(|def| format!("{} {}", def.signature(), def.help))
        .collect()
}

pub(crate) fn paint(model: &Model, view: &Table, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let rows = rows();
    let buf = frame.buffer_mut();
    let title = Text::plain(Role::Text, format!(" Command Reference ({})", rows.len()));
    area.paint_title(buf, &title, theme);
    let row = |at: usize, _: bool| rows.get(at).map(|def| line(def)).unwrap_or_default();
    let painted = table::Rows {
        len: rows.len(),
        row: &row,
        about: rows
            .get(view.select.focus)
            .map(|def| about(model, def))
            .unwrap_or_default(),
        empty: "",
    };
    table::paint(buf, area.text, view.select, &painted, theme);
}

/// `flow.mark flows marker`
pub(crate) fn line(def: &CommandDef) -> Text {
    let planned = !def.is_available();
    let mut text = Text::plain(if planned { Role::Dim } else { Role::Command }, def.name);
    for param in def.params {
        text.push(Role::Dim, format!(" {}", param.shown()));
    }
    if let Some(returns) = def.returns.type_name() {
        text.push(Role::Dim, format!(" -> {returns}"));
    }
    if planned {
        text.push(Role::Dim, "  (not available yet)");
    }
    text
}

fn about(model: &Model, def: &CommandDef) -> Vec<Text> {
    let mut lines = vec![Text::plain(Role::Text, def.help.replace('`', "'"))];
    if let Availability::Planned(what) = def.availability {
        lines.push(Text::plain(
            Role::Warn,
            format!("Not available yet: {what}."),
        ));
    }
    for param in def.params {
        let mut line = Text::plain(Role::Name, format!("{}  ", param.shown()));
        line.push(Role::Text, param.kind.help());
        lines.push(line);
    }
    let bound: Vec<_> = model
        .keymap
        .bindings()
        .iter()
        .filter(|b| b.command.split(' ').next() == Some(def.name))
        .map(|b| b.key.to_string())
        .collect();
    if !bound.is_empty() {
        let mut line = Text::plain(Role::Name, "Keys  ");
        line.push(Role::Key, bound.join(", "));
        lines.push(line);
    }
    lines
}
