//! Looking for text: in what is shown, in what is not loaded, in tables, and in the list.

use std::sync::Arc;

use ratel_flow::FlowId;

use crate::keymap::Context;
use crate::model::{Model, Prompt, Screen};
use crate::msg::Effect;
use crate::screens::{flow_list, message_view, table_texts};
use crate::source::{CountFrom, Found, Place, SearchFrom};
use crate::widgets::pane::SearchStep;

use super::{nav, reload, say};

/// What is said before there is something to search for.
const NO_NEEDLE: &str = "press / to search";

/// Stands for the list in a search that is about no flow.
const NO_FLOW: FlowId = FlowId(0);

/// Begins a search.
pub(super) fn begin(model: &mut Model, text: &str) -> Vec<Effect> {
    if !text.is_empty() {
        set_needle(model, text.into());
    }
    search(model, false)
}

fn set_needle(model: &mut Model, needle: Arc<str>) {
    match model.panes.current_mut() {
        Some(Screen::FlowView(view)) if view.tab().side().is_none() && view.pane().is_none() => {
            view.messages.needle = Some(needle);
        }
        Some(Screen::Options(view)) => view.table.needle = Some(needle),
        Some(Screen::KeyBindings(table) | Screen::Commands(table) | Screen::Rules(table)) => {
            table.needle = Some(needle)
        }
        _ => {
            if let Some(pane) = model.pane_mut() {
                pane.set_needle(needle);
            }
        }
    }
}

/// Goes to the next match, or the one before.
pub(super) fn search(model: &mut Model, backwards: bool) -> Vec<Effect> {
    match model.context() {
        Context::Messages => return search_messages(model, backwards),
        Context::Options | Context::KeyBindings | Context::Commands | Context::Rules => {
            search_table(model, backwards);
            return Vec::new();
        }
        _ => {}
    }
    let Some(pane) = model.pane_mut() else {
        return Vec::new();
    };
    if !pane.has_needle() {
        say(model, NO_NEEDLE);
        return Vec::new();
    }
    let step = pane.search(backwards);
    take_step(model, step)
}

fn search_table(model: &mut Model, backwards: bool) {
    let texts = table_texts(model);
    let table = match model.panes.current_mut() {
        Some(Screen::Options(view)) => &mut view.table,
        Some(Screen::KeyBindings(table) | Screen::Commands(table) | Screen::Rules(table)) => table,
        _ => return,
    };
    let Some(needle) = table.needle.as_ref().map(|needle| needle.to_lowercase()) else {
        return say(model, NO_NEEDLE);
    };
    let focus = table.select.focus;
    let len = texts.len();
    // What is called so comes before what only speaks of it.
    let name_has = |text: &String| {
        let name = text.split(' ').next().unwrap_or_default();
        name.to_lowercase().contains(&needle)
    };
    let by_name = texts.iter().any(name_has);
    let has = |at: &usize| {
        texts.get(*at).is_some_and(|text| match by_name {
            true => name_has(text),
            false => text.to_lowercase().contains(&needle),
        })
    };
    // Once round, the row in focus last.
    let found = match backwards {
        false => (1..=len).map(|step| (focus + step) % len.max(1)).find(has),
        true => (1..=len)
            .map(|step| (focus + len - step) % len.max(1))
            .find(has),
    };
    match found {
        Some(at) => table.select.focus = at,
        None => say(model, "Search not found."),
    }
    nav::settle(model);
}

fn search_messages(model: &mut Model, backwards: bool) -> Vec<Effect> {
    let Some(view) = model.flow_view() else {
        return Vec::new();
    };
    let Some(needle) = view.messages.needle.clone() else {
        say(model, NO_NEEDLE);
        return Vec::new();
    };
    let focus = view.messages.focus;
    let from = SearchFrom {
        needle,
        at: if backwards { focus } else { focus + 1 },
        backwards,
        wrapped: false,
    };
    let id = view.id;
    model.prompt = Some(Prompt::Searching(id, Place::Messages));
    vec![Effect::Search(id, Place::Messages, from)]
}

/// How many places there are in what is searched by places.
fn places(model: &Model, place: Place) -> u64 {
    match place {
        Place::Flows => model.list.page.shown as u64,
        _ => model.open_flow().map_or(0, |view| view.messages.page.total),
    }
}

/// A search by places went on: through messages, or flows.
fn found_place(model: &mut Model, id: FlowId, place: Place, found: Found) -> Vec<Effect> {
    let on = |from| vec![Effect::Search(id, place, from)];
    match found {
        Found::GoOn(from) => return on(from),
        Found::At(nth) if place == Place::Flows => {
            let at = usize::try_from(nth).unwrap_or(usize::MAX);
            flow_list::focus_nth(&mut model.list, at);
        }
        Found::At(nth) => {
            if let Some(view) = model.flow_view() {
                view.messages.focus = nth;
                view.messages.follow = false;
            }
            reload(model, true);
        }
        Found::Nowhere(from) if from.wrapped && place == Place::Flows => {
            let key = model.keymap.key_of(Context::FlowList, "console.find");
            let key = key.map_or_else(String::new, |key| format!("; {key} searches bodies, too"));
            say(model, format!("no row holds that{key}"));
        }
        Found::Nowhere(from) if from.wrapped => say(model, "Search not found."),
        Found::Nowhere(from) => {
            let total = places(model, place);
            return on(SearchFrom {
                at: if from.backwards { total } else { 0 },
                wrapped: true,
                ..from
            });
        }
    }
    model.prompt = None;
    Vec::new()
}

/// What is searched in the screen in focus: the flow, and the body or message.
fn searched_place(model: &Model) -> Option<(FlowId, Place)> {
    match model.panes.current() {
        Screen::Message(view) => message_view::place(view).map(|place| (view.flow, place)),
        Screen::FlowView(view) => {
            let side = view.tab().side();
            side.map(|side| (view.id, Place::Body(side)))
        }
        _ => None,
    }
}

/// Has the matches counted, now that one was gone to, and says which one it is where no title does.
pub(super) fn arrived(model: &mut Model) -> Vec<Effect> {
    let place = searched_place(model);
    let Some(pane) = model.pane_mut() else {
        return Vec::new();
    };
    match (place, pane.count_from()) {
        (Some((id, place)), Some(from)) => return vec![Effect::Count(id, place, from)],
        (None, _) => {
            if let Some(found) = pane.found() {
                say(model, format!("match {found}"));
            }
        }
        (Some(_), None) => {}
    }
    Vec::new()
}

/// How far the counting has got. It ends when another text is searched for, or something else looked at.
pub(super) fn counted(
    model: &mut Model,
    id: FlowId,
    place: Place,
    from: CountFrom,
    done: bool,
) -> Vec<Effect> {
    let here = searched_place(model) == Some((id, place));
    let wanted = model
        .pane_mut()
        .is_some_and(|pane| here && pane.counted(&from, done));
    match wanted && !done {
        true => vec![Effect::Count(id, place, from)],
        false => Vec::new(),
    }
}

fn take_step(model: &mut Model, step: SearchStep) -> Vec<Effect> {
    match step {
        SearchStep::Here => arrived(model),
        SearchStep::Load => {
            reload(model, true);
            Vec::new()
        }
        SearchStep::NotFound => {
            say(model, "Search not found.");
            Vec::new()
        }
        SearchStep::Beyond(from) => {
            let Some((id, place)) = searched_place(model) else {
                return Vec::new();
            };
            model.prompt = Some(Prompt::Searching(id, place));
            vec![Effect::Search(id, place, from)]
        }
    }
}

/// How far a search has got.
pub(super) fn searched(model: &mut Model, id: FlowId, place: Place, found: Found) -> Vec<Effect> {
    if model.prompt != Some(Prompt::Searching(id, place)) {
        return Vec::new();
    }
    if matches!(place, Place::Messages | Place::Flows) {
        return found_place(model, id, place, found);
    }
    let Some(pane) = model.pane_mut() else {
        return Vec::new();
    };
    match found {
        Found::GoOn(from) => return vec![Effect::Search(id, place, from)],
        Found::At(offset) => {
            let load = pane.go_to(offset);
            model.prompt = None;
            reload(model, load);
            return arrived(model);
        }
        Found::Nowhere(from) if from.wrapped => say(model, "Search not found."),
        Found::Nowhere(from) => {
            let step = pane.search_round(from.backwards);
            model.prompt = None;
            return take_step(model, step);
        }
    }
    model.prompt = None;
    Vec::new()
}

// The list

/// Highlights rows that hold a text, and goes to the next.
pub(super) fn highlight(model: &mut Model, text: &str) -> Vec<Effect> {
    model.list.highlight = Some(text.to_lowercase().into()).filter(|_| !text.is_empty());
    match &model.list.highlight {
        Some(_) => next_highlighted(model, false),
        None => Vec::new(),
    }
}

pub(super) fn next_highlighted(model: &mut Model, backwards: bool) -> Vec<Effect> {
    let Some(needle) = model.list.highlight.clone() else {
        say(model, "nothing is highlighted; press / for that");
        return Vec::new();
    };
    let focus = model.list.page.focus.map_or(0, |(_, at)| at as u64);
    let from = SearchFrom {
        needle,
        at: if backwards { focus } else { focus + 1 },
        backwards,
        wrapped: false,
    };
    model.prompt = Some(Prompt::Searching(NO_FLOW, Place::Flows));
    vec![Effect::Search(NO_FLOW, Place::Flows, from)]
}
