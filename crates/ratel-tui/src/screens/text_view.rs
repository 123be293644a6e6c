//! A text part of a flow that is edited on the screen.

use ratatui::Frame;

use crate::model::{Model, TextView};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::paint;

pub(crate) fn paint(model: &Model, view: &TextView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let (line, column) = view.edit.position();
    let changed = if view.is_changed() { " [changed]" } else { "" };
    let title = format!(
        " Edit {} of flow {}{changed}  line {line} of {}, column {column}",
        view.part,
        view.id,
        view.edit.lines()
    );
    area.paint_title(buf, &Text::plain(Role::Text, title), theme);
    for (y, row) in view.edit.show().iter().enumerate() {
        paint::row(buf, area.text, y, row, theme);
    }
}
