//! A table that is edited cell by cell.

use ratatui::Frame;

use crate::model::{Grid, GridFor, Model};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::table;

pub(crate) fn paint(model: &Model, grid: &Grid, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let title = Text::plain(Role::Text, format!(" Edit {}", grid.title));
    area.paint_title(buf, &title, theme);
    let width = usize::from(area.text.width).saturating_sub(3);
    let row = |at: usize, focused: bool| line(grid, at, focused, width);
    let painted = table::Rows {
        len: grid.rows.len(),
        row: &row,
        about: about(grid),
        empty: "   There are no rows. Press a to add one.",
    };
    table::paint(buf, area.text, grid.select, &painted, theme);
}

fn line(grid: &Grid, at: usize, focused: bool, width: usize) -> Text {
    let columns = grid.columns.len().max(1);
    let each = width / columns;
    let mut text = Text::default();
    for (nth, cell) in grid.rows.get(at).into_iter().flatten().enumerate() {
        let here = focused && nth == grid.column;
        let end = (nth + 1) * each;
        match &grid.editing {
            Some(line) if here => {
                let shown = line.show(each.saturating_sub(1), |_| Role::Text);
                text.append_cut(shown, each);
            }
            _ => {
                let mut shown = Text::default();
                let role = if here && columns > 1 {
                    Role::Chosen
                } else {
                    Role::Text
                };
                shown.push_str(role, cell);
                if here && cell.is_empty() {
                    shown.push(Role::Chosen, " ");
                }
                text.append_cut(shown, each.saturating_sub(1));
            }
        }
        text.pad_to(end);
    }
    text
}

fn about(grid: &Grid) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(error) = &grid.error {
        let mut line = Text::plain(Role::Error, "error: ");
        line.push_str(Role::Error, error);
        lines.push(line);
    }
    let many = grid.columns.len() > 1;
    let keys = match (&grid.editing, many) {
        (Some(_), true) => {
            "enter takes what was typed, tab goes on to the next cell, ctrl c drops it"
        }
        (Some(_), false) => "enter takes what was typed, ctrl c drops it",
        (None, true) if grid.what == GridFor::Attributes => {
            "enter edits the cell, tab goes to the next; a adds a row, d deletes one; q goes back to the cookies"
        }
        (None, true) if grid.attributes().is_some() => "enter edits the attributes as rows",
        (None, true) => {
            "enter edits the cell, tab goes to the next; a adds a row, d deletes one; q applies the changes and closes, esc drops them"
        }
        (None, false) => {
            "enter edits, a adds a row, d deletes one; q applies the changes and closes, esc drops them"
        }
    };
    lines.push(Text::plain(Role::Dim, keys));
    if many {
        lines.push(Text::plain(
            Role::Dim,
            format!("columns: {}", grid.columns.join(", ")),
        ));
    }
    lines
}
