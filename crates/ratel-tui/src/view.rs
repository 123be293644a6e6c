//! Paints the model. Reads only.

use ratatui::Frame;

use crate::model::{Model, Screen};
use crate::screens::{
    commands, data, eventlog, find, flow_list, flow_view, grid, help, keys, message_view, options,
    rules, text_view,
};
use crate::widgets::bars::{self, PaneArea};
use crate::widgets::overlay;

/// Paints the open screens, the bars round them, and what lies over all.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    if let Some(base) = model.theme().base() {
        let area = frame.area();
        frame.buffer_mut().set_style(area, base);
    }
    let areas = bars::areas(model);
    for (pane, screen) in model.panes.visible() {
        let area = areas.panes.get(pane).copied().unwrap_or_default();
        paint(model, screen, area, frame);
    }
    bars::paint_divider(model, &areas, frame);
    bars::paint(model, &areas, frame);
    overlay::paint(model, frame);
}

fn paint(model: &Model, screen: &Screen, area: PaneArea, frame: &mut Frame<'_>) {
    match screen {
        Screen::FlowList => flow_list::paint(model, area, frame),
        Screen::FlowView(flow) => flow_view::paint(model, flow, area, frame),
        Screen::Message(message) => message_view::paint(model, message, area, frame),
        Screen::EventLog => eventlog::paint(model, area, frame),
        Screen::Help(help) => help::paint(model, help, area, frame),
        Screen::Options(view) => options::paint(model, view, area, frame),
        Screen::KeyBindings(table) => keys::paint(model, table, area, frame),
        Screen::Commands(table) => commands::paint(model, table, area, frame),
        Screen::Rules(table) => rules::paint(model, table, area, frame),
        Screen::Grid(grid) => grid::paint(model, grid, area, frame),
        Screen::Text(text) => text_view::paint(model, text, area, frame),
        Screen::Data(data) => data::paint(model, data, area, frame),
        Screen::Found(found) => find::paint(model, found, area, frame),
    }
}
