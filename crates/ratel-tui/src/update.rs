//! What a message does to the model. Pure: what has to be read or done is returned as effects.

use std::sync::Arc;
use std::time::Duration;

use ratel_core::eventlog::{Entry, Level, LogUpdate};
use ratel_core::store::{Summary, Update};
use ratel_flow::FlowId;

use crate::export;
use crate::keymap::{self, Action, Context, Key};
use crate::model::{
    Confirm, FlowView, Help, LOG_KEPT, Message, MessageView, Model, Prompt, Screen, Tab,
};
use crate::msg::{Effect, Msg};
use crate::screens::{eventlog, flow_list, flow_view, help, message_list, message_view};
use crate::source::{Found, MessageId, Opened, Page, Place, SearchFrom, Shown, Target};
use crate::widgets::bars;
use crate::widgets::pane::SearchStep;

/// How long a message stays.
const MESSAGE_SHOWN: Duration = Duration::from_secs(5);

/// Rows per turn of the wheel.
pub(crate) const WHEEL_ROWS: isize = 3;

/// Changes the model, and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Store(change) => {
            store_changed(model, change);
            return Vec::new();
        }
        Msg::Frame(now) => {
            model.now = now;
            return prepare(model);
        }
        _ => model.touch(),
    }
    match msg {
        Msg::Key(key) => pressed(model, key),
        Msg::Click(_, y) => clicked(model, y),
        Msg::Wheel(rows) => {
            scroll(model, rows);
            Vec::new()
        }
        Msg::Resize(width, height) => {
            model.size = (width, height);
            resized(model);
            Vec::new()
        }
        Msg::Log(change) => logged(model, change),
        Msg::LogRead(entries) => {
            read_log(model, entries);
            Vec::new()
        }
        Msg::Page(page) => {
            took_page(model, page);
            Vec::new()
        }
        Msg::Opened(opened) => {
            took_flow(model, *opened);
            Vec::new()
        }
        Msg::Found(id, place, found) => searched(model, id, place, found),
        Msg::Exported(outcome) => {
            match outcome {
                Ok(text) => say(model, text),
                Err(why) => {
                    let now = model.now;
                    say_until(model, Level::Error, why.into(), now);
                }
            }
            Vec::new()
        }
        Msg::Store(_) | Msg::Frame(_) => Vec::new(),
    }
}

// The picture

/// What is missing for the picture that is about to be drawn.
fn prepare(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    if model
        .message
        .take_if(|message| message.until <= now)
        .is_some()
    {
        model.touch();
    }
    if model.log.stale && matches!(model.screen(), Screen::EventLog) {
        model.log.stale = false;
        let content = eventlog::content(&model.log.entries, model.options.utc_offset);
        model.log.pane.set(content);
    }
    let mut effects = Vec::new();
    if std::mem::take(&mut model.list.stale) {
        effects.push(Effect::Page(flow_list::query(model)));
    }
    // What lies below an open message is read when it can be seen again.
    if let Some(view) = model.message_view() {
        if std::mem::take(&mut view.stale) {
            effects.push(Effect::Open(message_view::query(view)));
        }
    } else if let Some(view) = model.flow_view()
        && std::mem::take(&mut view.stale)
    {
        effects.push(Effect::Open(flow_view::query(view)));
    }
    effects
}

fn resized(model: &mut Model) {
    let areas = bars::areas(model);
    let (width, height) = (
        usize::from(areas.text.width),
        usize::from(areas.text.height),
    );
    model.log.pane.resize(width, height);
    for screen in &mut model.screens {
        match screen {
            Screen::FlowList | Screen::EventLog => {}
            Screen::FlowView(view) => {
                let rows = height.saturating_sub(flow_view::HEADER_ROWS);
                view.panes
                    .iter_mut()
                    .for_each(|pane| pane.resize(width, rows));
                (view.messages.width, view.messages.height) = (width, rows);
                view.stale |= view.tab() == Tab::Messages;
            }
            Screen::Message(view) => {
                let rows = height.saturating_sub(message_view::HEADER_ROWS);
                view.pane.resize(width, rows);
            }
            Screen::Help(help) => help.pane.resize(width, height),
        }
    }
    model.list.stale = true;
}

fn took_page(model: &mut Model, page: Page) {
    let moved = page.moved;
    model.list.target = Target::Keep;
    model.list.page = page;
    // The open flow goes with the focus, so that the next and the one before are its neighbours; but it stays open
    // when it was evicted.
    let focus = model.list.page.focus.map(|(id, _)| id).filter(|_| moved);
    let row = focus.and_then(|focus| row_of(model, focus)).cloned();
    if let (Some(focus), Some(view)) = (focus, model.flow_view())
        && view.id != focus
    {
        *view = FlowView::new(focus, view.chosen, row.as_ref());
        resized(model);
        model.list.stale = false;
    }
}

fn took_flow(model: &mut Model, opened: Opened) {
    let offset = model.options.utc_offset;
    let schemas = model.schemas.clone();
    if matches!(opened.shown, Shown::Message(..)) {
        if let Some(view) = model.message_view().filter(|view| view.flow == opened.id) {
            message_view::show(view, opened, schemas.as_ref());
        }
    } else if let Some(view) = model.flow_view().filter(|view| view.id == opened.id) {
        flow_view::show(view, opened, schemas.as_ref(), offset);
    }
}

// Flows and log entries

fn store_changed(model: &mut Model, change: Update) {
    let open = model.flow_view().map(|view| view.id);
    let list = &mut model.list;
    match change {
        Update::Added(_) => {
            list.stale = true;
            if list.follow && open.is_none() {
                list.target = Target::Last;
            }
        }
        Update::Changed(id) | Update::Finished(id) => {
            let visible = list.page.rows.iter().any(|row| row.id == id);
            if !visible && open != Some(id) {
                return;
            }
            list.stale |= visible;
        }
        Update::Removed(_) | Update::Evicted { .. } => list.stale = true,
        Update::Resync => {
            list.stale = true;
            if list.follow && open.is_none() {
                list.target = Target::Last;
            }
        }
    }
    let affects = |id: FlowId| match change {
        Update::Changed(changed) | Update::Finished(changed) | Update::Removed(changed) => {
            changed == id
        }
        Update::Evicted { up_to } => id <= up_to,
        Update::Resync => true,
        Update::Added(_) => false,
    };
    if let Some(view) = model.flow_view() {
        view.stale |= affects(view.id);
    }
    if let Some(view) = model.message_view() {
        view.stale |= affects(view.flow);
    }
    model.touch();
}

fn logged(model: &mut Model, change: LogUpdate) -> Vec<Effect> {
    let LogUpdate::Added(entry) = change else {
        return vec![Effect::ReadLog];
    };
    let Entry {
        level,
        message,
        timestamp,
        ..
    } = &entry;
    if is_urgent(*level) {
        let now = model.now.max(*timestamp);
        say_until(model, *level, message.clone(), now);
    }
    if model.log.entries.len() >= LOG_KEPT {
        model.log.entries.pop_front();
    }
    model.log.entries.push_back(entry);
    model.log.stale = true;
    Vec::new()
}

fn read_log(model: &mut Model, entries: Vec<Entry>) {
    // What went wrong while the program started is still worth saying.
    if let Some(entry) = entries.iter().rev().find(|entry| is_urgent(entry.level))
        && model.message.is_none()
    {
        say_until(model, entry.level, entry.message.clone(), entry.timestamp);
    }
    model.log.entries = entries.into();
    model.log.stale = true;
}

fn is_urgent(level: Level) -> bool {
    matches!(level, Level::Error | Level::Warn | Level::Alert)
}

fn say(model: &mut Model, text: impl Into<Arc<str>>) {
    let now = model.now;
    say_until(model, Level::Info, text.into(), now);
}

fn say_until(model: &mut Model, level: Level, text: Arc<str>, now: ratel_flow::Timestamp) {
    let shown = u64::try_from(MESSAGE_SHOWN.as_nanos()).unwrap_or(u64::MAX);
    model.message = Some(Message {
        level,
        text,
        until: ratel_flow::Timestamp(now.0.saturating_add(shown)),
    });
}

// Keys

fn pressed(model: &mut Model, key: Key) -> Vec<Effect> {
    model.message = model
        .message
        .take()
        .filter(|message| message.level != Level::Info);
    if let Some(prompt) = model.prompt.take() {
        return answered(model, prompt, key);
    }
    match keymap::lookup(model.context(), key) {
        Some(action) => act(model, action),
        None => {
            say(
                model,
                format!("`{key}` does nothing here; press `?` for the keys"),
            );
            Vec::new()
        }
    }
}

fn answered(model: &mut Model, prompt: Prompt, key: Key) -> Vec<Effect> {
    match (prompt, key) {
        (Prompt::Confirm(Confirm::Quit), Key::Char('y' | 'Y') | Key::Ctrl('c')) => {
            return vec![Effect::Quit];
        }
        (Prompt::Confirm(Confirm::ClearLog), Key::Char('y' | 'Y')) => {
            return vec![Effect::ClearLog];
        }
        // Anything else is no.
        (Prompt::Confirm(_), _) => {}
        (Prompt::Search(_), Key::Named("esc") | Key::Ctrl('c')) => {}
        (Prompt::Search(text), Key::Named("enter")) => {
            if !text.is_empty() {
                set_needle(model, text.into());
            }
            return search(model, false);
        }
        (Prompt::Search(mut text), key) => {
            if edited(&mut text, key) {
                model.prompt = Some(Prompt::Search(text));
            }
        }
        (Prompt::Searching(..), _) => say(model, "search cancelled"),
        (Prompt::View(_), Key::Named("esc") | Key::Ctrl('c')) => {}
        (Prompt::View(text), Key::Named("enter")) => choose_view(model, &text),
        (Prompt::View(mut text), key) => {
            if edited(&mut text, key) {
                model.prompt = Some(Prompt::View(text));
            }
        }
        (Prompt::Export(id), Key::Char(c)) => {
            let chosen = export::KEYS.iter().find(|(key, ..)| *key == c);
            model.prompt =
                chosen.map(|(_, format, _)| Prompt::ExportTo(id, *format, String::new()));
        }
        (Prompt::Export(_), _) => {}
        (Prompt::ExportTo(..), Key::Named("esc") | Key::Ctrl('c')) => {}
        (Prompt::ExportTo(id, format, path), Key::Named("enter")) => {
            let path = Some(path).filter(|path| !path.is_empty());
            return vec![Effect::Export(id, format, path)];
        }
        (Prompt::ExportTo(id, format, mut path), key) => {
            if edited(&mut path, key) {
                model.prompt = Some(Prompt::ExportTo(id, format, path));
            }
        }
    }
    Vec::new()
}

/// The names of views that begin so, in any case.
pub(crate) fn views(start: &str) -> Vec<String> {
    let start = start.to_lowercase();
    let mut names = ratel_views::names();
    names.retain(|name| name.starts_with(&start));
    names
}

fn choose_view(model: &mut Model, start: &str) {
    let Some(name) = views(start).into_iter().next() else {
        return say(model, "there is no such view");
    };
    if let Some(view) = model.flow_view() {
        view.view = Some(name).filter(|name| name != "auto");
        view.stale = true;
    }
}

/// A line of text under a key; false when that leaves it.
fn edited(text: &mut String, key: Key) -> bool {
    match key {
        Key::Char(c) if !c.is_control() => text.push(c),
        Key::Named("backspace") => return text.pop().is_some(),
        Key::Ctrl('u') => text.clear(),
        _ => {}
    }
    true
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Up => scroll(model, -1),
        Action::Down => scroll(model, 1),
        Action::PageUp => page(model, -1),
        Action::PageDown => page(model, 1),
        Action::Start => to_start(model),
        Action::End => to_end(model),
        Action::Select if model.context() == Context::Messages => open_message(model),
        Action::Select => open_focused(model),
        Action::NextTab => switch_tab(model, true),
        Action::PrevTab => switch_tab(model, false),
        Action::NextFlow => flow_list::move_focus(&mut model.list, 1),
        Action::PrevFlow => flow_list::move_focus(&mut model.list, -1),
        Action::NextMessage => step_message(model, 1),
        Action::PrevMessage => step_message(model, -1),
        Action::Follow => toggle_follow(model),
        Action::EventLog => open_event_log(model),
        Action::ClearLog => model.prompt = Some(Prompt::Confirm(Confirm::ClearLog)),
        Action::Help => open_help(model),
        Action::Search => model.prompt = Some(Prompt::Search(String::new())),
        Action::SearchNext => return search(model, false),
        Action::SearchPrev => return search(model, true),
        Action::NextMode => next_mode(model),
        Action::ChooseView => model.prompt = Some(Prompt::View(String::new())),
        Action::Export => match open_or_focused(model) {
            Some(id) => model.prompt = Some(Prompt::Export(id)),
            None => say(model, "there is no flow to export"),
        },
        Action::Back if model.screens.len() > 1 => {
            model.screens.pop();
            model.list.stale = true;
            reload(model, true);
        }
        Action::Back | Action::Interrupt => model.prompt = Some(Prompt::Confirm(Confirm::Quit)),
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
    }
    Vec::new()
}

/// What the keys that move act on.
enum Moved<'a> {
    Flows(&'a mut crate::model::FlowList),
    Messages(&'a mut crate::model::MessageList),
    Text(&'a mut crate::widgets::pane::Pane),
}

/// Moves in what is open, and has what that needs loaded.
fn move_in(model: &mut Model, step: impl FnOnce(Moved<'_>) -> bool) {
    let load = match model.context() {
        Context::FlowList => step(Moved::Flows(&mut model.list)),
        Context::Messages => match model.flow_view() {
            Some(view) => step(Moved::Messages(&mut view.messages)),
            None => false,
        },
        _ => match model.pane_mut() {
            Some(pane) => step(Moved::Text(pane)),
            None => false,
        },
    };
    reload(model, load);
}

fn scroll(model: &mut Model, rows: isize) {
    move_in(model, |moved| match moved {
        Moved::Flows(list) => {
            flow_list::move_focus(list, rows);
            false
        }
        Moved::Messages(list) => {
            message_list::move_focus(list, rows);
            true
        }
        Moved::Text(pane) => pane.scroll(rows),
    });
}

fn page(model: &mut Model, pages: isize) {
    let flows = flow_list::height(model);
    let rows =
        |height: usize| pages * isize::try_from(height.saturating_sub(1).max(1)).unwrap_or(1);
    move_in(model, |moved| match moved {
        Moved::Flows(list) => {
            flow_list::move_focus(list, rows(flows));
            false
        }
        Moved::Messages(list) => {
            message_list::move_focus(list, rows(list.height));
            true
        }
        Moved::Text(pane) => pane.scroll_pages(pages),
    });
}

fn to_start(model: &mut Model) {
    move_in(model, |moved| match moved {
        Moved::Flows(list) => {
            flow_list::focus(list, Target::At(0));
            false
        }
        Moved::Messages(list) => {
            message_list::to_start(list);
            true
        }
        Moved::Text(pane) => pane.go_to_start(),
    });
}

fn to_end(model: &mut Model) {
    move_in(model, |moved| match moved {
        Moved::Flows(list) => {
            flow_list::focus(list, Target::Last);
            false
        }
        Moved::Messages(list) => {
            message_list::to_end(list);
            true
        }
        Moved::Text(pane) => pane.go_to_end(),
    });
}

/// Has the wanted part of what is open loaded.
fn reload(model: &mut Model, load: bool) {
    if let Some(view) = model.message_view() {
        view.stale |= load;
    } else if let Some(view) = model.flow_view() {
        view.stale |= load;
    }
}

fn open_focused(model: &mut Model) {
    let Some((id, _)) = model.list.page.focus else {
        say(model, "there is no flow to open");
        return;
    };
    // A focus that is on its way takes the open flow along when it arrives.
    let row = row_of(model, id);
    let streams =
        row.is_some_and(|row| row.stream.is_some() && row.messages > 0 && row.state.is_live());
    // What goes on there is what somebody wants to see who opens it.
    let tab = if streams {
        Tab::Messages
    } else {
        Tab::default()
    };
    let mut view = FlowView::new(id, tab, row);
    view.messages.follow = streams;
    model.screens.push(Screen::FlowView(Box::new(view)));
    resized(model);
}

/// The flow that is open, or the one that has the focus.
fn open_or_focused(model: &mut Model) -> Option<FlowId> {
    let open = model.flow_view().map(|view| view.id);
    open.or(model.list.page.focus.map(|(id, _)| id))
}

/// The row of a flow, if it is visible.
fn row_of(model: &Model, id: FlowId) -> Option<&Summary> {
    model.list.page.rows.iter().find(|row| row.id == id)
}

/// Opens the message that has the focus.
fn open_message(model: &mut Model) {
    let Some(view) = model.flow_view() else {
        return;
    };
    let total = view.messages.page.total;
    let focused = message_list::focused(&view.messages).map(|row| row.id);
    let (Some(id), Some(flow)) = (focused, &view.snapshot) else {
        say(model, "there is no message to open");
        return;
    };
    let message = MessageView::new(view.id, flow.times.created, id, total);
    model.screens.push(Screen::Message(Box::new(message)));
    resized(model);
}

/// Opens the message after the open one, or before it, and takes the focus of the list along.
fn step_message(model: &mut Model, step: i64) {
    let Some(view) = model.message_view() else {
        return;
    };
    let at = match view.id {
        MessageId::Nth(nth) => nth,
        // The one in progress comes after all that are complete.
        MessageId::Open(_) => view.total,
    };
    let to = at.saturating_add_signed(step);
    if to == at || to >= view.total {
        say(model, "there is no further message");
        return;
    }
    *view = MessageView::new(view.flow, view.flow_created, MessageId::Nth(to), view.total);
    if let Some(view) = model.flow_view() {
        view.messages.focus = to;
        view.messages.follow = false;
    }
    resized(model);
}

/// Has the open message shown in another way.
fn next_mode(model: &mut Model) {
    let Some(view) = model.message_view() else {
        return;
    };
    view.mode = view.mode.next();
    view.stale = true;
    let text = format!("shown {}", view.mode.name());
    say(model, text);
}

fn switch_tab(model: &mut Model, forth: bool) {
    if let Some(view) = model.flow_view() {
        let tabs = view.tabs;
        let at = tabs.iter().position(|tab| *tab == view.tab()).unwrap_or(0);
        let step = if forth { 1 } else { tabs.len() - 1 };
        view.chosen = tabs
            .get((at + step) % tabs.len())
            .copied()
            .unwrap_or_default();
        view.stale = true;
    }
}

fn toggle_follow(model: &mut Model) {
    if model.context() == Context::Messages
        && let Some(view) = model.flow_view()
    {
        view.messages.follow = !view.messages.follow;
        let text = if view.messages.follow {
            message_list::to_end(&mut view.messages);
            "following the newest message"
        } else {
            "no longer following the newest message"
        };
        reload(model, true);
        return say(model, text);
    }
    model.list.follow = !model.list.follow;
    let text = if model.list.follow {
        "following the newest flow"
    } else {
        "no longer following the newest flow"
    };
    if model.list.follow && model.context() == Context::FlowList {
        flow_list::focus(&mut model.list, Target::Last);
    }
    say(model, text);
}

fn open_event_log(model: &mut Model) {
    if matches!(model.screen(), Screen::EventLog) {
        return;
    }
    model
        .screens
        .retain(|screen| !matches!(screen, Screen::EventLog));
    model.screens.push(Screen::EventLog);
    model.log.stale = true;
    resized(model);
    model.log.pane.go_to_end();
}

fn open_help(model: &mut Model) {
    let context = model.context();
    let mut pane = crate::widgets::pane::Pane::default();
    pane.set(help::content(context, &model.info));
    model.screens.push(Screen::Help(Box::new(Help { pane })));
    resized(model);
}

fn clicked(model: &mut Model, y: u16) -> Vec<Effect> {
    if model.prompt.is_some() {
        return Vec::new();
    }
    let row = usize::from(y).checked_sub(usize::from(bars::areas(model).text.y));
    match (model.context(), row) {
        (Context::FlowList, Some(row)) => clicked_flow(model, row),
        (Context::Messages, Some(row)) => {
            if let Some(row) = row.checked_sub(flow_view::HEADER_ROWS) {
                clicked_message(model, row);
            }
        }
        _ => {}
    }
    Vec::new()
}

fn clicked_message(model: &mut Model, row: usize) {
    let Some(view) = model.flow_view() else {
        return;
    };
    let list = &mut view.messages;
    let place = list.page.top + row as u64;
    if row < list.height && place < list.page.places {
        list.focus = place;
        list.follow = false;
        open_message(model);
    }
}

fn clicked_flow(model: &mut Model, row: usize) {
    let page = &mut model.list.page;
    if let Some(summary) = page.rows.get(row) {
        page.focus = Some((summary.id, page.top + row));
        model.list.stale = true;
        open_focused(model);
    }
}

// Search

fn set_needle(model: &mut Model, needle: Arc<str>) {
    if model.context() == Context::Messages {
        if let Some(view) = model.flow_view() {
            view.messages.needle = Some(needle);
        }
    } else if let Some(pane) = model.pane_mut() {
        pane.set_needle(needle);
    }
}

fn search(model: &mut Model, backwards: bool) -> Vec<Effect> {
    if model.context() == Context::Messages {
        return search_messages(model, backwards);
    }
    let Some(pane) = model.pane_mut() else {
        return Vec::new();
    };
    let step = pane.search(backwards);
    take_step(model, step)
}

fn search_messages(model: &mut Model, backwards: bool) -> Vec<Effect> {
    let Some(view) = model.flow_view() else {
        return Vec::new();
    };
    let Some(needle) = view.messages.needle.clone() else {
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

fn found_message(model: &mut Model, id: FlowId, found: Found) -> Vec<Effect> {
    let on = |from| vec![Effect::Search(id, Place::Messages, from)];
    match found {
        Found::GoOn(from) => return on(from),
        Found::At(nth) => {
            if let Some(view) = model.flow_view() {
                view.messages.focus = nth;
                view.messages.follow = false;
            }
            reload(model, true);
        }
        Found::Nowhere(from) if from.wrapped => say(model, "Search not found."),
        Found::Nowhere(from) => {
            let total = model.flow_view().map_or(0, |view| view.messages.page.total);
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

fn take_step(model: &mut Model, step: SearchStep) -> Vec<Effect> {
    match step {
        SearchStep::Here => Vec::new(),
        SearchStep::NotFound => {
            say(model, "Search not found.");
            Vec::new()
        }
        SearchStep::Beyond(from) => {
            let place = match model.screen() {
                Screen::Message(view) => message_view::place(view).map(|place| (view.flow, place)),
                Screen::FlowView(view) => {
                    let side = view.tab().side();
                    side.map(|side| (view.id, Place::Body(side)))
                }
                _ => None,
            };
            let Some((id, place)) = place else {
                return Vec::new();
            };
            model.prompt = Some(Prompt::Searching(id, place));
            vec![Effect::Search(id, place, from)]
        }
    }
}

fn searched(model: &mut Model, id: FlowId, place: Place, found: Found) -> Vec<Effect> {
    if model.prompt != Some(Prompt::Searching(id, place)) {
        return Vec::new();
    }
    if place == Place::Messages {
        return found_message(model, id, found);
    }
    let Some(pane) = model.pane_mut() else {
        return Vec::new();
    };
    match found {
        Found::GoOn(from) => return vec![Effect::Search(id, place, from)],
        Found::At(offset) => {
            let load = pane.go_to(offset);
            reload(model, load);
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

#[cfg(test)]
mod tests;
