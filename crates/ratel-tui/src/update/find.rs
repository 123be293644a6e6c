//! Looking for something in all flows.

use ratel_core::search::{Part, Progress};
use ratel_flow::{FlowId, Side};

use crate::keymap::Key;
use crate::model::{
    FindLine, FindView, FoundRow, Jump, MessageView, Model, Prompt, Screen, Tab, Wanted,
};
use crate::msg::Effect;
use crate::source::MessageId;
use crate::widgets::line_edit::Edited;
use crate::widgets::pane::{Pane, Place};

use super::{nav, open, reload, resized, say, say_why, search};

// What is looked for

/// Asks what to look for, beginning with what was looked for last.
pub(super) fn ask(model: &mut Model) {
    let regex = view(model).is_some_and(|view| view.wanted.regex);
    model.prompt = Some(Prompt::Find(Box::new(FindLine {
        regex,
        ..FindLine::default()
    })));
}

/// A key while that is typed.
pub(super) fn key(model: &mut Model, mut typed: Box<FindLine>, key: Key) -> Vec<Effect> {
    match key {
        Key::Named("enter") if typed.line.is_empty() => return Vec::new(),
        Key::Named("enter") => {
            let wanted = Wanted {
                needle: typed.line.text().into(),
                regex: typed.regex,
                exact: false,
            };
            match wanted.query() {
                Ok(_) => return begin(model, wanted),
                Err(error) => typed.error = Some(error.to_string()),
            }
        }
        Key::Named("tab") => {
            typed.regex = !typed.regex;
            typed.error = None;
        }
        key => match typed.line.key(key) {
            Edited::Changed => typed.error = None,
            Edited::Empty | Edited::Moved | Edited::No => {}
        },
    }
    model.prompt = Some(Prompt::Find(typed));
    Vec::new()
}

/// Begins a search, in the place of the one before.
pub(super) fn begin(model: &mut Model, wanted: Wanted) -> Vec<Effect> {
    if let Err(error) = wanted.query() {
        let hint = error
            .hint()
            .map(|hint| format!(" ({hint})"))
            .unwrap_or_default();
        say_why(model, format!("{error}{hint}"));
        return Vec::new();
    }
    // An event log that has the focus keeps its pane.
    model.panes.set_focus(0);
    model
        .panes
        .retain(|screen| !matches!(screen, Screen::Found(_)));
    model.jump = None;
    model.searches += 1;
    let number = model.searches;
    let effect = Effect::Find(number, wanted.clone());
    let found = FindView {
        wanted,
        number,
        ..FindView::default()
    };
    open(model, Screen::Found(Box::new(found)));
    vec![effect]
}

fn view(model: &mut Model) -> Option<&mut FindView> {
    match model.panes.current_mut() {
        Some(Screen::Found(view)) => Some(view),
        _ => None,
    }
}

/// Looks for the same in another way.
pub(super) fn again(model: &mut Model, change: impl FnOnce(&mut Wanted)) -> Vec<Effect> {
    let Some(view) = view(model) else {
        say(model, "nothing is looked for here");
        return Vec::new();
    };
    let mut wanted = view.wanted.clone();
    change(&mut wanted);
    begin(model, wanted)
}

/// Ends the search; when it has ended, closes its results.
pub(super) fn stop(model: &mut Model) -> Vec<Effect> {
    match view(model) {
        Some(view) if view.goes_on() => {
            view.stopped = true;
            vec![Effect::EndFind]
        }
        Some(_) => nav::pop(model),
        None => Vec::new(),
    }
}

// What is found

/// More was found.
pub(super) fn found(model: &mut Model, number: u64, rows: Vec<FoundRow>, progress: Progress) {
    let view = model.panes.all_mut().find_map(|(_, screen)| match screen {
        Screen::Found(view) if view.number == number => Some(view),
        _ => None,
    });
    let Some(view) = view else { return };
    view.flows += rows.iter().filter(|row| row.flow.is_some()).count();
    view.rows.extend(rows);
    view.progress = progress;
}

/// Opens the flow of the hit in focus, where the hit is.
pub(super) fn select(model: &mut Model) -> Vec<Effect> {
    let Some(view) = view(model) else {
        return Vec::new();
    };
    let Some(row) = view.rows.get(view.select.focus) else {
        say(model, "there is no hit to open");
        return Vec::new();
    };
    let jump = Jump::to(&row.hit);
    // It is opened over what was found, wherever it was open.
    model
        .panes
        .retain(|screen| !matches!(screen, Screen::FlowView(_) | Screen::Message(_)));
    focus_flow(model, jump.flow);
    nav::open_flow(model, jump.flow);
    let number = match jump.part {
        Part::Message { number, .. } => Some(number),
        _ => None,
    };
    let tab = match (number, jump.side()) {
        (Some(_), _) => Tab::Messages,
        (None, Side::Client) => Tab::Request,
        (None, Side::Server) => Tab::Response,
    };
    if let Some(view) = model.flow_view() {
        view.split = false;
        if let Some(number) = number {
            view.messages.focus = number;
            view.messages.follow = false;
            view.messages.begun = true;
        }
    }
    nav::choose_tab(model, tab);
    model.jump = Some(jump);
    Vec::new()
}

/// Has the list go along, as far as it has the flow.
fn focus_flow(model: &mut Model, id: FlowId) {
    let page = &mut model.list.page;
    let hint = page.focus.map_or(0, |(_, at)| at);
    page.focus = Some((id, hint));
    model.list.stale = true;
}

// Where it is

/// Goes to the hit, if what has been read is where it is.
pub(super) fn arrive(model: &mut Model, flow: FlowId) -> Vec<Effect> {
    let Some(jump) = model.jump.take_if(|jump| jump.flow == flow) else {
        return Vec::new();
    };
    let waits = match jump.part {
        Part::Message { number, .. } => match model.message_view() {
            Some(view) if view.head.is_some() => false,
            Some(_) => true,
            None => {
                open_message(model, number);
                true
            }
        },
        _ => model
            .open_flow()
            .is_some_and(|view| view.snapshot.is_none()),
    };
    if waits {
        model.jump = Some(jump);
        return Vec::new();
    }
    let as_it_is = jump.is_in_body() && is_as_sent(model, &jump);
    let Some(pane) = model.pane_mut() else {
        return Vec::new();
    };
    match go(pane, &jump, as_it_is) {
        Place::Here => return search::arrived(model),
        Place::Load => reload(model, true),
        Place::Nowhere if jump.is_in_body() => say(
            model,
            "the hit is not to be seen in this view of the body; press m for others",
        ),
        Place::Nowhere => {}
    }
    Vec::new()
}

/// Whether what is read of the body are the bytes that the hit was found in.
fn is_as_sent(model: &Model, jump: &Jump) -> bool {
    let flow = model.open_flow().and_then(|view| view.snapshot.as_ref());
    let headers = flow.and_then(|flow| match jump.side() {
        Side::Client => Some(&flow.request.as_ref()?.headers),
        Side::Server => Some(&flow.response.as_ref()?.headers),
    });
    let encoded = headers.is_some_and(|headers| headers.contains("content-encoding"));
    jump.as_sent || !encoded || matches!(jump.part, Part::Message { .. })
}

fn go(pane: &mut Pane, jump: &Jump, by_offset: bool) -> Place {
    let offset = by_offset.then_some(jump.offset);
    pane.go_to_text(jump.needle.clone(), jump.is_in_body(), offset)
}

fn open_message(model: &mut Model, number: u64) {
    let Some(view) = model.flow_view() else {
        return;
    };
    let total = view.messages.page.total;
    let Some(flow) = view.snapshot.as_ref().filter(|_| number < total) else {
        return;
    };
    let id = MessageId::Nth(number);
    let message = MessageView::new(view.id, flow.times.began, id, total);
    open(model, Screen::Message(Box::new(message)));
    resized(model);
}
