//! The options: what they are, what they do, what they may be.

use ratatui::Frame;
use ratel_core::options::{self, Availability, Default, OptionDef, Value, keys};

use crate::model::{Model, OptionsView};
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::table;

/// Columns of the names, where there is room for values beside them.
fn names_width() -> usize {
    let names = options::all().filter(|def| def.tools.terminal);
    let longest = names.map(|def| def.name.len()).max();
    // With the star before them, and two spaces behind.
    longest.unwrap_or_default() + 4
}

/// The rows, in alphabetical order.
pub(crate) fn rows(model: &Model, view: &OptionsView) -> Vec<&'static OptionDef> {
    let is_shown =
        |def: &&OptionDef| def.tools.terminal && (!view.changed_only || is_changed(model, def));
    let mut rows: Vec<_> = options::all().filter(is_shown).collect();
    rows.sort_by_key(|def| def.name);
    rows
}

fn is_changed(model: &Model, def: &OptionDef) -> bool {
    model
        .values
        .get(def.name)
        .is_some_and(|value| *value != def.default.to_value())
}

/// What is searched.
pub(crate) fn texts(model: &Model, view: &OptionsView) -> Vec<String> {
    let text = |def: &OptionDef| format!("{} {} {}", def.name, def.help, shown(model, def));
    rows(model, view).into_iter().map(text).collect()
}

fn shown(model: &Model, def: &OptionDef) -> String {
    match model.values.get(def.name) {
        None => String::new(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Int(value)) => value.to_string(),
        Some(Value::OptInt(value)) => value.map_or("unset".to_owned(), |value| value.to_string()),
        Some(Value::Str(value)) => safe(value),
        Some(Value::OptStr(value)) => value.as_deref().map_or("unset".to_owned(), safe),
        Some(Value::List(values)) => {
            let values: Vec<_> = values.iter().map(|value| safe(value)).collect();
            match values.len() {
                0 => "none".to_owned(),
                _ => values.join(", "),
            }
        }
    }
}

pub(crate) fn paint(model: &Model, view: &OptionsView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let rows = rows(model, view);
    let which = if view.changed_only {
        "that are not defaults"
    } else {
        "all"
    };
    let title = Text::plain(Role::Text, format!(" Options ({which}, {})", rows.len()));
    let buf = frame.buffer_mut();
    area.paint_title(buf, &title, theme);
    let row = |at: usize, _: bool| match rows.get(at) {
        Some(def) => line(model, def),
        None => Text::default(),
    };
    let focused = rows.get(view.table.select.focus);
    let painted = table::Rows {
        len: rows.len(),
        row: &row,
        about: focused.map(|def| about(model, def)).unwrap_or_default(),
        empty: "   All options have their defaults.",
    };
    table::paint(buf, area.text, view.table.select, &painted, theme);
}

fn line(model: &Model, def: &OptionDef) -> Text {
    let changed = is_changed(model, def);
    let planned = !def.is_available();
    let (name, value) = match (planned, changed) {
        (true, _) => (Role::Dim, Role::Dim),
        (false, true) => (Role::Changed, Role::Changed),
        (false, false) => (Role::Name, Role::Text),
    };
    // The star says it without colour.
    let mut text = Text::plain(Role::Changed, if changed { "* " } else { "  " });
    text.push(name, def.name);
    text.tab_to(names_width());
    text.push(value, shown(model, def));
    if planned {
        text.push(Role::Dim, "  (not available yet)");
    }
    text
}

/// What the option is for, what it may be, and what it is by default.
fn about(model: &Model, def: &OptionDef) -> Vec<Text> {
    let mut head = Text::plain(Role::Heading, def.name);
    let kind = match def.choices {
        [] => def.default.type_name().to_owned(),
        choices => format!("one of {}", choices.join(", ")),
    };
    head.push(
        Role::Dim,
        format!("  {kind}; default {}", default(def.default)),
    );
    let mut lines = vec![head, Text::plain(Role::Text, def.help.replace('`', "'"))];
    match def.availability {
        Availability::Planned(what) => {
            lines.push(Text::plain(
                Role::Warn,
                format!("Not available yet: {what}."),
            ));
        }
        Availability::Available if def.at_start => {
            let text = match def.name == keys::CONFDIR.name() {
                true => "It is looked at when Ratel starts, and cannot be changed while it runs.",
                false => {
                    "It is looked at when Ratel starts. What it is changed to is kept in config.yaml for the next start."
                }
            };
            lines.push(Text::plain(Role::Warn, text));
        }
        Availability::Available => {}
    }
    if is_changed(model, def) {
        let mut text = Text::plain(Role::Changed, "Now ");
        text.push(Role::Changed, shown(model, def));
        lines.push(text);
    }
    lines
}

fn default(value: Default) -> String {
    match value {
        Default::Bool(value) => value.to_string(),
        Default::Int(value) => value.to_string(),
        Default::OptInt(value) => value.map_or("unset".to_owned(), |value| value.to_string()),
        Default::Str("") => "empty".to_owned(),
        Default::Str(value) | Default::Size(value) => value.to_owned(),
        Default::OptStr(value) => value.unwrap_or("unset").to_owned(),
        Default::List([]) => "none".to_owned(),
        Default::List(values) => values.join(", "),
    }
}
