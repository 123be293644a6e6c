//! The key bindings.

use ratatui::Frame;
use ratel_core::commands;

use crate::keymap::Binding;
use crate::model::{Model, Table};
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::table;

/// Columns of the keys.
const KEYS: usize = 16;

/// Columns of the contexts.
const CONTEXTS: usize = 30;

/// The rows: by context, then by key.
pub(crate) fn rows(model: &Model) -> Vec<&Binding> {
    let mut rows: Vec<_> = model.keymap.bindings().iter().collect();
    rows.sort_by_cached_key(|binding| (contexts(binding), binding.key.to_string()));
    rows
}

fn contexts(binding: &Binding) -> String {
    let names: Vec<_> = binding
        .contexts
        .iter()
        .map(|context| context.name())
        .collect();
    // What holds nearly everywhere would be a long line.
    match names.len() {
        0..=3 => names.join(", "),
        many => format!(
            "{} and {} more",
            names.first().copied().unwrap_or_default(),
            many - 1
        ),
    }
}

/// What is searched.
pub(crate) fn texts(model: &Model) -> Vec<String> {
    let text = |binding: &Binding| {
        format!(
            "{} {} {} {}",
            binding.key,
            contexts(binding),
            binding.command,
            binding.help
        )
    };
    rows(model).into_iter().map(text).collect()
}

pub(crate) fn paint(model: &Model, view: &Table, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let rows = rows(model);
    let buf = frame.buffer_mut();
    let title = Text::plain(Role::Text, format!(" Key Bindings ({})", rows.len()));
    area.paint_title(buf, &title, theme);
    let row = |at: usize, _: bool| {
        rows.get(at)
            .map(|binding| line(binding))
            .unwrap_or_default()
    };
    let painted = table::Rows {
        len: rows.len(),
        row: &row,
        about: rows
            .get(view.select.focus)
            .map(|binding| about(binding))
            .unwrap_or_default(),
        empty: "   No key is bound.",
    };
    table::paint(buf, area.text, view.select, &painted, theme);
}

fn line(binding: &Binding) -> Text {
    let role = if binding.own {
        Role::Changed
    } else {
        Role::Key
    };
    let mut text = Text::plain(Role::Changed, if binding.own { "* " } else { "  " });
    text.push(role, binding.key.to_string());
    text.tab_to(KEYS);
    text.push(Role::Dim, contexts(binding));
    text.tab_to(KEYS + CONTEXTS);
    text.push(Role::Text, safe(&binding.command));
    text
}

fn about(binding: &Binding) -> Vec<Text> {
    let mut lines = Vec::new();
    let mut add = |name: &str, role: Role, value: &str| {
        if !value.is_empty() {
            let mut line = Text::plain(Role::Name, format!("{name}  "));
            line.push_str(role, value);
            lines.push(line);
        }
    };
    let all: Vec<_> = binding
        .contexts
        .iter()
        .map(|context| context.name())
        .collect();
    add("What for", Role::Text, &binding.help);
    add("Runs", Role::Command, &binding.command);
    add("On", Role::Text, &all.join(", "));
    let name = binding.command.split(' ').next().unwrap_or_default();
    if let Some(def) = commands::def(name) {
        add("Command", Role::Dim, def.short_help());
    }
    lines
}
