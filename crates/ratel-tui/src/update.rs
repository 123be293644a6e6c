//! What a message does to the model. Pure: what has to be read or done is returned as effects.

mod choose;
mod commands;
mod edit;
mod find;
mod grid;
mod keys;
mod mouse;
mod nav;
mod options;
mod palette;
mod prompt;
mod results;
mod search;
mod text_view;
mod traffic;
mod tree;

pub(crate) use palette::haystack as palette_text;

use std::sync::Arc;
use std::time::Duration;

use ratel_core::eventlog::Level;
use ratel_flow::Timestamp;

use crate::keymap::Key;
use crate::model::{Message, Model, Screen, Tab};
use crate::msg::{Effect, Msg};
use crate::screens::{eventlog, flow_list, flow_tree, flow_view, message_view};
use crate::widgets::bars;

/// How long a message stays.
const MESSAGE_SHOWN: Duration = Duration::from_secs(5);

/// How long it stays what went wrong with a command.
const REASON_SHOWN: Duration = Duration::from_secs(15);

/// Rows per turn of the wheel.
pub(crate) const WHEEL_ROWS: isize = 3;

/// Changes the model, and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = take(model, msg);
    effects.extend(model.unlogged.drain(..).map(Effect::Log));
    effects
}

fn take(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Store(change) => {
            let ended = traffic::ended(model, &change);
            traffic::stored(model, change);
            return ended;
        }
        Msg::Frame(now) => {
            model.now = now;
            return prepare(model);
        }
        Msg::Held(count) => {
            if std::mem::replace(&mut model.held, count) != count {
                model.touch();
            }
            return Vec::new();
        }
        _ => model.touch(),
    }
    match msg {
        Msg::Key(key) => {
            return tree::settled(model, key).unwrap_or_else(|key| pressed(model, key));
        }
        Msg::Paste(text) => return prompt::pasted(model, &text),
        Msg::Click(x, y) => return mouse::clicked(model, x, y),
        Msg::Wheel(rows, x, y) => return mouse::wheel(model, rows, x, y),
        Msg::Log(change) => return traffic::logged(model, change),
        Msg::Options(values) => return options::changed(model, values),
        Msg::Modes(modes) => model.info.modes = modes,
        Msg::Found(id, place, found) => return search::searched(model, id, place, found),
        Msg::Counted(id, place, from, done) => {
            return search::counted(model, id, place, from, done);
        }
        Msg::Ran(call, result) => results::ran(model, &call, result),
        Msg::Resolved(call, ids) => return commands::resolved(model, &call, ids),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            resized(model);
        }
        Msg::List => model.list.stale = true,
        Msg::LogRead(entries) => traffic::read_log(model, entries),
        Msg::Page(page) => {
            traffic::took_page(model, page);
            let key = model.list.key.take();
            return key.map_or_else(Vec::new, |key| pressed(model, key));
        }
        Msg::Tree(page) => {
            traffic::took_tree(model, *page);
            let key = model.list.tree.as_mut().and_then(|tree| tree.key.take());
            return key.map_or_else(Vec::new, |key| pressed(model, key));
        }
        Msg::Opened(opened) => {
            let flow = opened.id;
            traffic::took_flow(model, *opened);
            return find::arrive(model, flow);
        }
        Msg::Hits(number, rows, progress) => find::found(model, number, rows, progress),
        Msg::Paths(typed, found) => prompt::paths(model, &typed, found),
        Msg::KeysRead(path, text) => keys::read(model, &path, text),
        Msg::Cell(text) => grid::filled(model, text),
        Msg::EditOptions(call, found) => return edit::options(model, &call, found),
        Msg::Diffed(found) => results::diffed(model, found),
        Msg::EditBegun(id, part, begun) => return edit::begun(model, id, part, begun),
        Msg::Edited(id, part, changed) => edit::edited(model, id, &part, changed),
        Msg::TextSet(id, part, changed) => text_view::set(model, id, &part, changed),
        Msg::TextEdited(edited) => text_view::edited(model, edited),
        Msg::RowsSet(id, part, changed) => edit::rows_set(model, id, part, changed),
        Msg::Exists(path, words, true) => prompt::ask_to_replace(model, &path, words),
        Msg::Exists(_, words, false) => return commands::run(model, &words),
        Msg::Live(count) => model.live = count,
        Msg::Busy(busy) => model.busy = busy,
        Msg::Store(_) | Msg::Frame(_) | Msg::Held(_) => {}
    }
    Vec::new()
}

fn pressed(model: &mut Model, key: Key) -> Vec<Effect> {
    // Whoever types has read it, and the log has what is worth more.
    model.said_before = model.message.take().is_some();
    if let Some(prompt) = model.prompt.take() {
        return prompt::answered(model, prompt, key);
    }
    if let Some(effects) = grid::pressed(model, key).or_else(|| text_view::pressed(model, key)) {
        return effects;
    }
    match model.keymap.lookup(model.context(), key) {
        Some(binding) => {
            let command = binding.command.clone();
            commands::line(model, &command)
        }
        None => {
            say(
                model,
                format!("`{key}` does nothing here; press `?` for the keys"),
            );
            Vec::new()
        }
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
    let sees_log = model
        .panes
        .visible()
        .any(|(_, screen)| matches!(screen, Screen::EventLog));
    if model.log.stale && sees_log {
        model.log.stale = false;
        let content = eventlog::content(&model.log.entries, model.look.utc_offset);
        model.log.pane.set(content);
    }
    let mut effects = Vec::new();
    if std::mem::take(&mut model.list.stale) {
        effects.push(match flow_tree::query(model) {
            Some(query) => Effect::Tree(query),
            None => Effect::Page(flow_list::query(model)),
        });
    }
    // What lies below an open message is read when it can be seen again.
    if let Some(view) = model.message_view() {
        if std::mem::take(&mut view.stale) {
            effects.push(Effect::Open(message_view::query(view)));
        }
    } else if let Some(view) = model.flow_view()
        && std::mem::take(&mut view.stale)
    {
        effects.extend(flow_view::queries(view).map(Effect::Open));
    }
    effects
}

/// Gives every screen the room that its pane has.
fn resized(model: &mut Model) {
    let areas = bars::areas(model);
    let room = areas
        .panes
        .map(|pane| (usize::from(pane.text.width), usize::from(pane.text.height)));
    let log = &mut model.log.pane;
    for (pane, screen) in model.panes.all_mut() {
        let (width, height) = room.get(pane).copied().unwrap_or_default();
        match screen {
            Screen::FlowList
            | Screen::Options(_)
            | Screen::KeyBindings(_)
            | Screen::Commands(_)
            | Screen::Rules(_)
            | Screen::Grid(_)
            | Screen::Found(_) => {}
            // The one that is not visible has no room.
            Screen::EventLog if width > 0 => log.resize(width, height),
            Screen::FlowView(view) => {
                let rows = height.saturating_sub(flow_view::HEADER_ROWS);
                flow_view::resize(view, width, rows);
                (view.messages.width, view.messages.height) = (width, rows);
                view.stale |= view.tab() == Tab::Messages;
            }
            Screen::Message(view) => {
                let rows = height.saturating_sub(message_view::HEADER_ROWS);
                view.pane.resize(width, rows);
            }
            Screen::Text(view) => view.edit.resize(width, height),
            Screen::Help(help) => help.pane.resize(width, height),
            Screen::EventLog => {}
            Screen::Data(data) => data.pane.resize(width, height),
        }
    }
    model.list.stale = true;
}

/// Opens a screen on top of what is in focus.
fn open(model: &mut Model, screen: Screen) {
    model.panes.push(screen);
    resized(model);
}

/// Has what a visible screen shows read again.
fn reload(model: &mut Model, load: bool) {
    if let Some(view) = model.message_view() {
        view.stale |= load;
    } else if let Some(view) = model.flow_view() {
        view.stale |= load;
    }
}

// What is said

fn say(model: &mut Model, text: impl Into<Arc<str>>) {
    say_as(model, Level::Info, text);
}

fn say_as(model: &mut Model, level: Level, text: impl Into<Arc<str>>) {
    let now = model.now;
    say_until(model, level, text.into(), now);
}

/// Says why something that was asked for is not done. It stays longer, and goes to the log as well.
fn say_why(model: &mut Model, text: impl Into<Arc<str>>) {
    let text = text.into();
    model.unlogged.push(text.clone());
    say_as(model, Level::Error, text);
    if let Some(message) = &mut model.message {
        let shown = u64::try_from(REASON_SHOWN.as_nanos()).unwrap_or(u64::MAX);
        message.until = Timestamp(model.now.0.saturating_add(shown));
        message.only_here = true;
    }
}

/// Says what should be known of something that was done. It stays as long as a reason.
fn say_doubt(model: &mut Model, text: String) {
    say_why(model, text);
    model.unlogged.pop();
    if let Some(message) = &mut model.message {
        message.level = Level::Warn;
    }
}

fn say_until(model: &mut Model, level: Level, text: Arc<str>, now: Timestamp) {
    let shown = u64::try_from(MESSAGE_SHOWN.as_nanos()).unwrap_or(u64::MAX);
    model.message = Some(Message {
        level,
        text,
        until: Timestamp(now.0.saturating_add(shown)),
        only_here: false,
    });
}

#[cfg(test)]
mod tests;
