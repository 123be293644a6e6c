//! Tables with a focus, and an explanation of the row in focus below them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text::Text;
use crate::theme::{Role, Theme};
use crate::widgets::paint;
use crate::widgets::select::Select;

/// Rows of the explanation, where there is room for it.
const EXPLANATION: usize = 6;

/// Rows without which there is no explanation.
const ROOM: usize = 14;

/// How many of the rows of an area are for the table.
pub(crate) fn rows_in(height: usize) -> usize {
    if height >= ROOM {
        height - EXPLANATION - 1
    } else {
        height
    }
}

/// What is painted.
pub(crate) struct Rows<'a> {
    /// How many rows there are.
    pub(crate) len: usize,
    /// What one is, in so many columns.
    pub(crate) row: &'a dyn Fn(usize, bool) -> Text,
    /// What is said about the one in focus.
    pub(crate) about: Vec<Text>,
    /// What is said when there are none.
    pub(crate) empty: &'a str,
}

/// Paints them.
pub(crate) fn paint(buf: &mut Buffer, area: Rect, select: Select, rows: &Rows<'_>, theme: Theme) {
    let height = usize::from(area.height);
    let for_rows = rows_in(height);
    let visible = select.visible(rows.len, for_rows);
    if rows.len == 0 {
        paint::row(buf, area, 0, &Text::plain(Role::Dim, rows.empty), theme);
    }
    for (y, at) in visible.enumerate() {
        let focused = at == select.focus;
        let mut text = Text::plain(Role::Focus, if focused { ">> " } else { "   " });
        let width = usize::from(area.width).saturating_sub(text.width());
        text.append_cut((rows.row)(at, focused), width);
        if focused {
            paint::bar(buf, area, y, &text, Role::Focus, theme);
        } else {
            paint::row(buf, area, y, &text, theme);
        }
    }
    if for_rows < height {
        let line = Text::plain(Role::Dim, "─".repeat(area.width.into()));
        paint::row(buf, area, for_rows, &line, theme);
        let about = rows
            .about
            .iter()
            .flat_map(|line| line.clone().wrap_words(area.width.into()));
        for (y, line) in about.take(EXPLANATION).enumerate() {
            paint::row(buf, area, for_rows + 1 + y, &line, theme);
        }
    }
}
