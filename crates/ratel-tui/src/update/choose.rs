//! One of several.

use ratel_core::commands::{self, Call, CommandError};

use crate::keymap::Key;
use crate::model::{Chooser, Model, Prompt};
use crate::msg::Effect;
use crate::screens::flow_view;
use crate::widgets::line_edit::{Edited, LineEdit};
use crate::widgets::overlay;

use super::commands::{choices, run, shows_body};
use super::{edit, say};

/// Asks for one of the choices, and runs `then` with it.
pub(super) fn open(
    model: &mut Model,
    title: &str,
    list: Vec<String>,
    current: Option<String>,
    then: Vec<String>,
) {
    if list.is_empty() {
        return say(model, "there is nothing to choose from");
    }
    let mut chooser = Chooser::new(title.to_owned(), list, current, then);
    settle(model, &mut chooser);
    model.prompt = Some(Prompt::Choose(Box::new(chooser)));
}

/// As [`open`], with choices that a command lists.
pub(super) fn open_with(model: &mut Model, call: &Call) -> Result<Vec<Effect>, CommandError> {
    let from = call.str(1);
    // A command that cannot be used yet says so.
    let def = commands::parse(from)?.def();
    // These are known where the flow is.
    if from == "console.edit.focus.options" {
        return edit::ask_options(model, call);
    }
    if from == "console.flowview.mode.options" {
        shows_body(model)?;
    }
    let list = match def.lists {
        [] => choices(model, from),
        texts => texts.iter().map(|&text| text.to_owned()).collect(),
    };
    let current = match from {
        "console.flowview.mode.options" => Some(flow_view::mode(model)),
        "view.order.options" => Some(model.order().name().to_owned()),
        "console.layout.options" => Some(model.layout().name().to_owned()),
        _ => None,
    };
    let then = call.rest(2).into_iter().map(str::to_owned).collect();
    open(model, call.str(0), list, current, then);
    Ok(Vec::new())
}

fn settle(model: &Model, chooser: &mut Chooser) {
    let len = chooser.shown().len();
    let height = overlay::chooser_rows(model, len);
    chooser.select.settle(len, height);
}

/// A key while there is something to choose.
pub(super) fn key(model: &mut Model, mut chooser: Box<Chooser>, key: Key) -> Vec<Effect> {
    let shown: Vec<_> = chooser
        .shown()
        .into_iter()
        .map(|(key, choice)| (key, choice.to_owned()))
        .collect();
    let len = shown.len();
    let page = isize::try_from(overlay::chooser_rows(model, len).saturating_sub(1)).unwrap_or(1);
    let focused = shown
        .get(chooser.select.focus)
        .map(|(_, choice)| choice.clone());
    if let Some(filter) = &mut chooser.filter {
        match key {
            Key::Named("esc") | Key::Ctrl('c' | 'g') => chooser.filter = None,
            Key::Named("enter") => return chosen(model, &chooser, focused),
            Key::Named("up") | Key::Ctrl('p') => chooser.select.step(-1, len),
            Key::Named("down" | "tab") | Key::Ctrl('n') => chooser.select.step(1, len),
            key => match filter.key(key) {
                Edited::Empty => chooser.filter = None,
                Edited::Changed => chooser.select.first(),
                Edited::Moved | Edited::No => {}
            },
        }
    } else {
        chooser.strange = None;
        let by_key = shown
            .iter()
            .find(|(shortcut, _)| shortcut.is_some_and(|shortcut| key == Key::Char(shortcut)));
        if let Some((_, choice)) = by_key {
            return chosen(model, &chooser, Some(choice.clone()));
        }
        match key {
            Key::Named("esc") | Key::Ctrl('c' | 'g') | Key::Char('q') => return Vec::new(),
            Key::Named("enter") | Key::Char(' ') => return chosen(model, &chooser, focused),
            Key::Named("up") | Key::Char('k') | Key::Ctrl('p') => chooser.select.step(-1, len),
            Key::Named("down" | "tab") | Key::Char('j') | Key::Ctrl('n') => {
                chooser.select.step(1, len)
            }
            Key::Named("page up") | Key::Ctrl('b') => chooser.select.step(-page, len),
            Key::Named("page down") | Key::Ctrl('f') => chooser.select.step(page, len),
            Key::Named("home") | Key::Char('g') => chooser.select.first(),
            Key::Named("end") | Key::Char('G') => chooser.select.last(len),
            Key::Char('/') => chooser.filter = Some(LineEdit::default()),
            Key::Char(c) => chooser.strange = Some(c),
            _ => {}
        }
    }
    settle(model, &mut chooser);
    model.prompt = Some(Prompt::Choose(chooser));
    Vec::new()
}

/// The choice in that row of what is shown was clicked.
pub(super) fn clicked(model: &mut Model, chooser: &Chooser, row: usize) -> Vec<Effect> {
    let choice = chooser
        .shown()
        .get(row)
        .map(|(_, choice)| (*choice).to_owned());
    chosen(model, chooser, choice)
}

fn chosen(model: &mut Model, chooser: &Chooser, choice: Option<String>) -> Vec<Effect> {
    let Some(choice) = choice else {
        return Vec::new();
    };
    let words: Vec<_> = chooser
        .then
        .iter()
        .map(|word| word.replace("{choice}", &choice))
        .collect();
    run(model, &words)
}
