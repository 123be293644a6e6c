//! The rules: which are in force, and how often each did something.

use ratatui::Frame;
use ratel_core::options::{RuleState, keys};

use crate::model::{Model, Table};
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::table;

/// Columns of the switch, of the count, and of the option.
const SWITCH: usize = 5;
const HITS: usize = SWITCH + 9;
const OPTION: usize = HITS + 16;

/// The rows, in the order of their options.
pub(crate) fn rows(model: &Model) -> Vec<RuleState> {
    model.values.all_rules()
}

/// What commands call them, for completion.
pub(crate) fn labels(model: &Model) -> Vec<String> {
    rows(model).iter().map(RuleState::label).collect()
}

/// What is searched.
pub(crate) fn texts(model: &Model) -> Vec<String> {
    let text = |rule: &RuleState| format!("{} {}", rule.label(), rule.spec);
    rows(model).iter().map(text).collect()
}

pub(crate) fn paint(model: &Model, view: &Table, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let rows = rows(model);
    let buf = frame.buffer_mut();
    let on = rows.iter().filter(|rule| rule.on).count();
    let mut title = Text::plain(
        Role::Text,
        format!(" Rules ({on} on, {} off)", rows.len() - on),
    );
    let network_off = !model.values.bool(keys::NETWORK_ACTIVE);
    if network_off {
        title.push(Role::Warn, "  the bad network is switched off");
    }
    area.paint_title(buf, &title, theme);
    let row = |at: usize, _: bool| match rows.get(at) {
        Some(rule) => line(rule, network_off && is_network(rule)),
        None => Text::default(),
    };
    let painted = table::Rows {
        len: rows.len(),
        row: &row,
        about: rows
            .get(view.select.focus)
            .map(|rule| about(rule, network_off && is_network(rule)))
            .unwrap_or_default(),
        empty: "   There are no rules. They are options such as modify_headers, or stand in rules.yaml.",
    };
    table::paint(buf, area.text, view.select, &painted, theme);
}

fn is_network(rule: &RuleState) -> bool {
    [keys::THROTTLE.name(), keys::FAULT.name()].contains(&rule.option)
}

/// `on      12×  modify_headers  staging`
fn line(rule: &RuleState, suspended: bool) -> Text {
    let in_force = rule.on && !suspended;
    let role = |role| if in_force { role } else { Role::Dim };
    let mut text = Text::plain(role(Role::Chosen), if rule.on { "on " } else { "off" });
    text.tab_to(SWITCH);
    text.push(role(Role::Text), format!("{:>6}×", rule.hits));
    text.tab_to(HITS);
    text.push(role(Role::Name), rule.option);
    text.tab_to(OPTION);
    if let Some(name) = &rule.name {
        text.push(role(Role::Text), format!("{}  ", safe(name)));
    }
    text.push(role(Role::Dim), safe(&rule.spec));
    text
}

fn about(rule: &RuleState, suspended: bool) -> Vec<Text> {
    let mut head = Text::plain(Role::Heading, safe(&rule.label()));
    head.push(
        Role::Dim,
        match rule.in_file {
            true => "  of the file of rules",
            false => "  of the option",
        },
    );
    let mut lines = vec![head, Text::plain(Role::Text, safe(&rule.spec))];
    let times = match rule.hits {
        0 => "It has done nothing yet.".to_owned(),
        1 => "It did something once.".to_owned(),
        hits => format!("It did something {hits} times."),
    };
    lines.push(Text::plain(Role::Text, times));
    if suspended {
        let text = "The bad network is switched off as a whole (network_active).";
        lines.push(Text::plain(Role::Warn, text));
    }
    lines
}
