//! Clicks and the wheel.

use crate::keymap::Context;
use crate::model::{Model, Prompt, Screen};
use crate::msg::Effect;
use crate::screens::flow_view;
use crate::widgets::bars::{self, PaneArea};
use crate::widgets::{overlay, table};

use super::{choose, nav, palette, tree};

pub(super) fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    match model.prompt.take() {
        Some(Prompt::Choose(chooser)) => {
            if let Some(row) = overlay::chooser_row(model, &chooser, x, y) {
                return choose::clicked(model, &chooser, row);
            }
            model.prompt = Some(Prompt::Choose(chooser));
            return Vec::new();
        }
        Some(Prompt::Palette(palette)) => {
            if let Some(row) = overlay::palette_row(model, &palette, x, y) {
                return palette::chosen(model, &palette, row);
            }
            model.prompt = Some(Prompt::Palette(palette));
            return Vec::new();
        }
        Some(prompt) => {
            model.prompt = Some(prompt);
            return Vec::new();
        }
        None => {}
    }
    let areas = bars::areas(model);
    let Some(pane) = areas.panes.iter().position(|pane| pane.contains(x, y)) else {
        return Vec::new();
    };
    let had_focus = model.panes.focus() == pane;
    model.panes.set_focus(pane);
    let area = areas.panes.get(pane).copied().unwrap_or_default();
    // A click on the other pane goes there, and does nothing else.
    if had_focus {
        return clicked_pane(model, area, x, y);
    }
    Vec::new()
}

fn clicked_pane(model: &mut Model, area: PaneArea, x: u16, y: u16) -> Vec<Effect> {
    let Some(row) = usize::from(y).checked_sub(usize::from(area.text.y)) else {
        return Vec::new();
    };
    let column = usize::from(x.saturating_sub(area.text.x));
    if let Some(Screen::Text(view)) = model.panes.current_mut() {
        view.edit.click(row, column);
        return Vec::new();
    }
    match model.context() {
        Context::FlowList => {
            if model.list.tree.is_some() {
                return tree::clicked(model, row);
            }
            let row = row / crate::screens::flow_list::rows_each(model);
            let page = &mut model.list.page;
            if let Some(summary) = page.rows.get(row) {
                let id = summary.id;
                page.focus = Some((id, page.top + row));
                model.list.stale = true;
                nav::open_flow(model, id);
            }
        }
        Context::FlowView | Context::Messages if row < flow_view::HEADER_ROWS => {
            let tab = model
                .open_flow()
                .and_then(|view| flow_view::tab_at(view, column));
            if let Some(tab) = tab {
                nav::choose_tab(model, tab);
                model.tab = tab;
            }
        }
        Context::FlowView | Context::Message => {
            if let Some(pane) = model.pane_mut() {
                pane.toggle_fold_at(row - flow_view::HEADER_ROWS.min(row));
            }
        }
        Context::Messages => clicked_message(model, row - flow_view::HEADER_ROWS),
        Context::Options
        | Context::KeyBindings
        | Context::Commands
        | Context::Rules
        | Context::GridEditor
        | Context::Search => {
            return clicked_row(model, area, row);
        }
        _ => {}
    }
    Vec::new()
}

/// A click puts the focus on a row of a table, and one on the row in focus opens it.
fn clicked_row(model: &mut Model, area: PaneArea, row: usize) -> Vec<Effect> {
    let len = nav::rows(model);
    let height = table::rows_in(area.text.height.into());
    let select = match model.panes.current_mut() {
        Some(Screen::Options(view)) => &mut view.table.select,
        Some(Screen::KeyBindings(table) | Screen::Commands(table) | Screen::Rules(table)) => {
            &mut table.select
        }
        Some(Screen::Grid(grid)) => &mut grid.select,
        Some(Screen::Found(found)) => &mut found.select,
        _ => return Vec::new(),
    };
    let at = select.visible(len, height).start + row;
    if row >= height || at >= len {
        return Vec::new();
    }
    if select.focus == at {
        return nav::select(model);
    }
    select.focus = at;
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
        nav::open_message(model);
    }
}

pub(super) fn wheel(model: &mut Model, rows: isize, x: u16, y: u16) -> Vec<Effect> {
    if model.prompt.is_some() {
        return Vec::new();
    }
    let areas = bars::areas(model);
    let under = areas.panes.iter().position(|pane| pane.contains(x, y));
    let focus = model.panes.focus();
    // What is under the pointer scrolls, whatever has the focus.
    if let Some(pane) = under {
        model.panes.set_focus(pane);
    }
    nav::scroll(model, rows);
    model.panes.set_focus(focus);
    Vec::new()
}
