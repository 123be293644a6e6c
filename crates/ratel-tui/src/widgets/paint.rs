//! From text with roles to cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use crate::text::Text;
use crate::theme::{Role, Theme};

/// Paints `text` on the row `y` of `area`, counted from its top. Outside of the area nothing is painted.
pub(crate) fn row(buf: &mut Buffer, area: Rect, y: usize, text: &Text, theme: Theme) {
    let Some(area) = row_area(buf, area, y) else {
        return;
    };
    let spans = text
        .spans
        .iter()
        .map(|span| Span::styled(span.text.as_str(), theme.style(span.role)));
    Line::from_iter(spans).render(area, buf);
}

/// Paints `text` on a row that is filled in the style of `role` up to its end.
pub(crate) fn bar(buf: &mut Buffer, area: Rect, y: usize, text: &Text, role: Role, theme: Theme) {
    row(buf, area, y, text, theme);
    if let Some(area) = row_area(buf, area, y) {
        buf.set_style(area, theme.style(role));
    }
}

fn row_area(buf: &Buffer, area: Rect, y: usize) -> Option<Rect> {
    let y = u16::try_from(y).ok().filter(|y| *y < area.height)?;
    let row = Rect {
        y: area.y.saturating_add(y),
        height: 1,
        ..area
    };
    // The terminal may have shrunk before the model heard of it.
    Some(row.intersection(buf.area)).filter(|row| !row.is_empty())
}
