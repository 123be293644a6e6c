//! Paints the model. Reads only.

use ratatui::Frame;

use crate::model::{Model, Screen};
use crate::screens::{eventlog, flow_list, flow_view, help, message_view};
use crate::widgets::bars;

/// Paints the open screen and the bars round it.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    match model.screen() {
        Screen::FlowList => flow_list::paint(model, frame),
        Screen::FlowView(flow) => flow_view::paint(model, flow, frame),
        Screen::Message(message) => message_view::paint(model, message, frame),
        Screen::EventLog => eventlog::paint(model, frame),
        Screen::Help(help) => help::paint(model, help, frame),
    }
    bars::paint(model, frame);
}
