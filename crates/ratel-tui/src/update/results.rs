//! What commands gave back, and where it is shown.

use ratel_core::commands::{Call, CommandError, Output, Returns};

use crate::backend::Differences;
use crate::model::{DataView, Model, Screen};
use crate::screens::{data, flow_list};
use crate::source::Target;
use crate::widgets::pane::Pane;

use super::commands::say_error;
use super::{grid, open, say, traffic};

/// A command was carried out.
pub(super) fn ran(model: &mut Model, call: &Call, result: Result<Output, CommandError>) {
    if grid::set(model, call, &result) {
        return;
    }
    if result.is_ok() && call.name() == traffic::RESUME {
        traffic::let_go(model, call);
    }
    if result.is_ok() && call.name() == traffic::REPLAY {
        traffic::sent_again(model, call);
    }
    match result {
        Ok(Output::Nothing) => {}
        Ok(Output::Str(text)) if text.lines().count() <= 1 => say(model, text),
        Ok(Output::Str(text)) => show(model, call.name(), data::text(&text)),
        Ok(Output::List(texts)) => show_list(model, call.name(), texts),
        Ok(Output::Int(number)) => say(model, number.to_string()),
        Ok(Output::Bool(value)) => say(model, value.to_string()),
        Ok(Output::Flows(ids)) if call.name() == traffic::REMOVE => {
            model.ending.extend(ids);
            say(model, "what goes on is ended, and removed then");
        }
        // What was made is what somebody goes on with.
        Ok(Output::Flows(ids)) if call.def().returns == Returns::Nothing => {
            if let Some(id) = ids.first() {
                flow_list::focus(&mut model.list, Target::Flow(*id));
            }
        }
        Ok(Output::Flows(ids)) => {
            let count = ids.len();
            let s = if count == 1 { "" } else { "s" };
            say(model, format!("Command returned {count} flow{s}."));
        }
        Ok(Output::Table(rows)) => show(model, call.name(), data::table(&rows)),
        Err(error) => say_error(model, &error),
    }
}

/// Shows texts, one on each line.
pub(super) fn show_list(model: &mut Model, title: &str, texts: Vec<String>) {
    let rows: Vec<_> = texts
        .into_iter()
        .map(|text| vec![text.into_bytes()])
        .collect();
    show(model, title, data::table(&rows));
}

/// Flows were compared.
pub(super) fn diffed(model: &mut Model, found: Result<Differences, CommandError>) {
    match found {
        Ok(Differences { title, diff }) if diff.sections.is_empty() => match title.contains('(') {
            true => say(model, "nothing differs"),
            false => say(model, title),
        },
        Ok(Differences { title, diff }) => show(model, &title, data::diff(&diff)),
        Err(error) => say_error(model, &error),
    }
}

fn show(model: &mut Model, title: &str, content: crate::widgets::pane::Content) {
    model
        .panes
        .retain(|screen| !matches!(screen, Screen::Data(_)));
    let mut pane = Pane::default();
    pane.set(content);
    let view = DataView {
        title: title.to_owned(),
        pane,
    };
    open(model, Screen::Data(Box::new(view)));
}
