//! Moving about: rows, pages, tabs, screens, panes.

use crate::keymap::Context;
use crate::model::{
    Confirm, FlowList, FlowView, Help, MessageList, MessageView, Model, Prompt, Screen, Tab,
};
use crate::msg::Effect;
use crate::screens::{commands, flow_list, flow_view, help, keys, message_list, options, rules};
use crate::source::{MessageId, Target};
use crate::widgets::bars;
use crate::widgets::pane::{FoldStep, Pane};
use crate::widgets::select::Select;
use ratel_core::control::Part;
use ratel_core::view::Fold;
use ratel_flow::FlowId;

use super::commands::IS_OPEN;
use super::traffic::row_of;
use super::{grid, open, reload, resized, say, tree};

/// What is said to one who goes right or left where there is nothing.
pub(super) const NOTHING_BESIDE: &str = "there is nothing beside this";

/// What the keys that move act on.
enum Moved<'a> {
    Flows(&'a mut FlowList),
    Messages(&'a mut MessageList),
    Text(&'a mut Pane),
    Rows(&'a mut Select, usize),
}

/// Moves in what is in focus, and has what that needs loaded.
fn move_in(model: &mut Model, step: impl FnOnce(Moved<'_>) -> bool) {
    let len = rows(model);
    let is_messages = model.context() == Context::Messages;
    let load = match model.panes.current_mut() {
        Some(Screen::FlowList) => step(Moved::Flows(&mut model.list)),
        Some(Screen::FlowView(view)) if is_messages => step(Moved::Messages(&mut view.messages)),
        Some(Screen::Options(view)) => step(Moved::Rows(&mut view.table.select, len)),
        Some(Screen::KeyBindings(table) | Screen::Commands(table) | Screen::Rules(table)) => {
            step(Moved::Rows(&mut table.select, len))
        }
        Some(Screen::Grid(grid)) => step(Moved::Rows(&mut grid.select, len)),
        Some(Screen::Found(found)) => step(Moved::Rows(&mut found.select, len)),
        _ => match model.pane_mut() {
            Some(pane) => step(Moved::Text(pane)),
            None => false,
        },
    };
    settle(model);
    reload(model, load);
}

/// How many rows a table has that is in focus.
pub(super) fn rows(model: &Model) -> usize {
    match model.panes.current() {
        Screen::Options(view) => options::rows(model, view).len(),
        Screen::KeyBindings(_) => keys::rows(model).len(),
        Screen::Commands(_) => commands::rows().len(),
        Screen::Rules(_) => rules::rows(model).len(),
        Screen::Grid(grid) => grid.rows.len(),
        Screen::Found(found) => found.rows.len(),
        _ => 0,
    }
}

/// Keeps the focus of a table in view.
pub(super) fn settle(model: &mut Model) {
    let len = rows(model);
    let height = table_height(model);
    match model.panes.current_mut() {
        Some(Screen::Options(view)) => view.table.select.settle(len, height),
        Some(Screen::KeyBindings(table) | Screen::Commands(table) | Screen::Rules(table)) => {
            table.select.settle(len, height)
        }
        Some(Screen::Grid(grid)) => grid.select.settle(len, height),
        Some(Screen::Found(found)) => found.select.settle(len, height),
        _ => {}
    }
}

/// How many rows of a table are visible.
fn table_height(model: &Model) -> usize {
    let areas = bars::areas(model);
    let pane = areas
        .panes
        .get(model.panes.focus())
        .copied()
        .unwrap_or_default();
    crate::widgets::table::rows_in(pane.text.height.into())
}

pub(super) fn scroll(model: &mut Model, rows: isize) {
    if let Some(Screen::Text(view)) = model.panes.current_mut() {
        return view.edit.step_rows(rows);
    }
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
        Moved::Rows(select, len) => {
            select.step(rows, len);
            false
        }
    });
}

pub(super) fn page(model: &mut Model, pages: isize) {
    let flows = flow_list::height(model);
    let table = table_height(model);
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
        Moved::Rows(select, len) => {
            select.step(rows(table), len);
            false
        }
    });
}

pub(super) fn to_start(model: &mut Model) {
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
        Moved::Rows(select, _) => {
            select.first();
            false
        }
    });
}

pub(super) fn to_end(model: &mut Model) {
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
        Moved::Rows(select, len) => {
            select.last(len);
            false
        }
    });
}

/// To the row with that number; negative ones count from the end.
pub(super) fn go_to_row(model: &mut Model, offset: i64) {
    let shown = model.list.page.shown;
    let at = match usize::try_from(offset) {
        Ok(at) => at,
        Err(_) => {
            let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            shown.saturating_sub(back)
        }
    };
    flow_list::focus(&mut model.list, Target::At(at.min(shown.saturating_sub(1))));
}

/// Right or left: tabs, columns.
pub(super) fn sideways(model: &mut Model, forth: bool) -> Vec<Effect> {
    match model.panes.current_mut() {
        Some(Screen::FlowList) => return tree::sideways(model, forth),
        Some(Screen::FlowView(_)) => switch_tab(model, forth),
        Some(Screen::Grid(grid)) if grid.has_cells_beside() => grid.go_column(forth),
        _ => say(model, NOTHING_BESIDE),
    }
    Vec::new()
}

/// To the next tab or field.
pub(super) fn next(model: &mut Model, forth: bool) {
    match model.panes.current_mut() {
        Some(Screen::FlowView(_)) => switch_tab(model, forth),
        Some(Screen::Grid(grid)) if grid.has_cells_beside() => grid.go_column(forth),
        Some(Screen::Options(view)) => {
            view.changed_only = !view.changed_only;
            view.table.select = Select::default();
            settle(model);
        }
        _ => say(model, "there is no other tab or field here"),
    }
}

fn switch_tab(model: &mut Model, forth: bool) {
    if let Some(view) = model.flow_view() {
        let tabs = view.tabs;
        let at = tabs.iter().position(|tab| *tab == view.tab()).unwrap_or(0);
        let step = if forth { 1 } else { tabs.len() - 1 };
        let to = tabs.get((at + step) % tabs.len());
        let to = to.copied().unwrap_or_default();
        choose_tab(model, to);
        model.tab = to;
    }
}

pub(super) fn choose_tab(model: &mut Model, tab: Tab) {
    if let Some(view) = model.flow_view() {
        view.chosen = tab;
        view.stale = true;
        let (width, rows) = (view.messages.width, view.messages.height);
        flow_view::resize(view, width, rows);
    }
}

/// The other pane. Where there is one, the tab before.
pub(super) fn other_pane(model: &mut Model) {
    let other = 1 - model.panes.focus().min(1);
    if !model.panes.set_focus(other) {
        next(model, false);
    }
}

/// Opens what is in focus.
pub(super) fn select(model: &mut Model) -> Vec<Effect> {
    match model.context() {
        Context::FlowList if tree::is_on_branch(model) => {
            return tree::fold_focused(model, Fold::Toggle);
        }
        Context::FlowList => match model.list.page.focus {
            Some((id, _)) => open_flow(model, id),
            None => say(model, "there is no flow to open"),
        },
        Context::Messages => open_message(model),
        Context::Options => return super::options::change_focused(model),
        Context::Commands => super::prompt::with_command(model),
        Context::Rules => return super::commands::toggle_rule(model),
        Context::GridEditor => grid::edit(model),
        Context::Search => return super::find::select(model),
        _ => say(model, "there is nothing to open here"),
    }
    Vec::new()
}

/// Opens a flow, over the list.
pub(super) fn open_flow(model: &mut Model, id: FlowId) {
    model.panes.set_focus(0);
    if model.open_flow().is_some_and(|view| view.id == id) {
        return say(model, IS_OPEN);
    }
    model
        .panes
        .retain(|screen| !matches!(screen, Screen::FlowView(_) | Screen::Message(_)));
    // A focus that is on its way takes the open flow along when it arrives.
    let row = row_of(model, id);
    let streams = row.is_some_and(|row| row.stream.is_some() && row.state.is_live());
    // What waits is what somebody wants to see who opens it, and then what goes on there.
    let tab = match model.list.page.held(id).first().map(|held| held.part) {
        Some(Part::Request) => Tab::Request,
        Some(Part::Response) => Tab::Response,
        Some(Part::Message(_)) => Tab::Messages,
        None if streams => Tab::Messages,
        None => model.tab,
    };
    let mut view = FlowView::new(id, tab, row);
    view.messages.follow = streams;
    open(model, Screen::FlowView(Box::new(view)));
}

/// Opens the message that has the focus.
pub(super) fn open_message(model: &mut Model) {
    let Some(view) = model.flow_view() else {
        return;
    };
    let total = view.messages.page.total;
    let focused = message_list::focused(&view.messages).map(|row| row.id);
    let (Some(id), Some(flow)) = (focused, &view.snapshot) else {
        say(model, "there is no message to open");
        return;
    };
    let message = MessageView::new(view.id, flow.times.began, id, total);
    open(model, Screen::Message(Box::new(message)));
}

/// Opens the message after the open one, or before it, and takes the focus of the list along.
pub(super) fn step_message(model: &mut Model, step: i64) {
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
    *view = MessageView::new(view.flow, view.flow_began, MessageId::Nth(to), view.total);
    if let Some(view) = model.flow_view() {
        view.messages.focus = to;
        view.messages.follow = false;
    }
    resized(model);
}

/// Has the open message shown in another way.
pub(super) fn next_mode(model: &mut Model) {
    let Some(view) = model.message_view() else {
        return;
    };
    view.mode = view.mode.next();
    view.stale = true;
    let text = format!("shown {}", view.mode.name());
    say(model, text);
}

/// Folds or unfolds lines.
pub(super) fn fold(model: &mut Model, step: impl FnOnce(&mut Pane) -> FoldStep) {
    match model.pane_mut().map(step) {
        Some(FoldStep::Done) => {}
        Some(FoldStep::Marked) => say(
            model,
            "enter folds or unfolds the marked line, } and { go to others, c folds all",
        ),
        Some(FoldStep::Nothing) | None => say(model, "there is nothing to fold here"),
    }
}

/// Keeps the newest message in focus, or stops doing so.
pub(super) fn toggle_follow(model: &mut Model) {
    let Some(view) = model.flow_view() else {
        return;
    };
    view.messages.follow = !view.messages.follow;
    let text = if view.messages.follow {
        message_list::to_end(&mut view.messages);
        "following the newest message"
    } else {
        "no longer following the newest message"
    };
    reload(model, true);
    say(model, text);
}

/// Asks whether to quit.
pub(super) fn ask_to_quit(model: &mut Model) -> Vec<Effect> {
    model.prompt = Some(Prompt::Confirm(Confirm::Quit));
    vec![Effect::CountHeld]
}

/// Takes away what was said, or what rows are highlighted for. Leaving is for another key.
pub(super) fn dismiss(model: &mut Model) {
    if model.said_before || model.list.highlight.take().is_some() {
        return;
    }
    let key = model.keymap.key_of(Context::FlowList, "console.view.pop");
    if let Some(key) = key {
        say(model, format!("{key} quits"));
    }
}

/// Closes what has the focus; at the root asks whether to quit.
pub(super) fn pop(model: &mut Model) -> Vec<Effect> {
    if model.panes.is_root() {
        return ask_to_quit(model);
    }
    let mut effects = match grid::apply(model) {
        grid::Closing::Goes(effects) => effects,
        grid::Closing::Joins(text) => {
            model.panes.pop();
            grid::put_attributes(model, &text);
            return Vec::new();
        }
        grid::Closing::Stays(effects) => return effects,
    };
    model.jump = None;
    if let Some(Screen::Found(_)) = model.panes.pop() {
        effects.push(Effect::EndFind);
    }
    model.list.stale = true;
    reload(model, true);
    effects
}

pub(super) fn open_event_log(model: &mut Model) {
    if matches!(model.panes.current(), Screen::EventLog) {
        return say(model, IS_OPEN);
    }
    // Where it is visible already it takes the focus.
    let other = 1 - model.panes.focus().min(1);
    if matches!(model.panes.top(other), Screen::EventLog) && model.panes.set_focus(other) {
        return;
    }
    model
        .panes
        .retain(|screen| !matches!(screen, Screen::EventLog));
    model.log.stale = true;
    open(model, Screen::EventLog);
    model.log.pane.go_to_end();
}

pub(super) fn open_help(model: &mut Model) {
    let mut pane = Pane::default();
    pane.set(help::content(model));
    open(model, Screen::Help(Box::new(Help { pane })));
}
