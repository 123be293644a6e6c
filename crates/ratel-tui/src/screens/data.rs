//! What commands gave back, to be read.

use ratatui::Frame;
use ratel_core::diff::{Change, Diff};

use crate::model::{DataView, Model};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::pane::Content;

/// No cell of a table is wider, in columns, unless it is the last.
const CELL: usize = 40;

/// More rows than this are not shown.
const ROWS: usize = 50_000;

/// Text, line by line.
pub(crate) fn text(text: &str) -> Content {
    let line = |line: &str| {
        let mut shown = Text::default();
        shown.push_body(Role::Text, line.as_bytes());
        shown
    };
    Content {
        head: text.lines().take(ROWS).map(line).collect(),
        ..Content::default()
    }
}

/// Rows of cells, in columns as wide as they need to be.
pub(crate) fn table(rows: &[Vec<Vec<u8>>]) -> Content {
    let shown: Vec<Vec<Text>> = rows
        .iter()
        .take(ROWS)
        .map(|row| {
            let cell = |cell: &Vec<u8>| {
                let mut text = Text::default();
                text.push_bytes(Role::Text, cell);
                text
            };
            row.iter().map(cell).collect()
        })
        .collect();
    let columns = shown.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|nth| {
            let widest = shown
                .iter()
                .filter_map(|row| row.get(nth))
                .map(Text::width)
                .max();
            widest.unwrap_or(0).min(CELL)
        })
        .collect();
    let line = |row: Vec<Text>| {
        let mut line = Text::default();
        let last = row.len().saturating_sub(1);
        let mut end = 0;
        for ((nth, cell), width) in row.into_iter().enumerate().zip(&widths) {
            if nth == last {
                line.append_cut(cell, usize::MAX);
            } else {
                line.append_cut(cell, *width);
                end += width;
                line.pad_to(end);
                line.push(Role::Text, "  ");
                end += 2;
            }
        }
        line
    };
    let mut head: Vec<_> = shown.into_iter().map(line).collect();
    if head.is_empty() {
        head.push(Text::plain(Role::Dim, "there is nothing"));
    }
    Content {
        head,
        ..Content::default()
    }
}

/// What differs, with a sign before each line that is on one side only.
pub(crate) fn diff(diff: &Diff) -> Content {
    let mut head = Vec::new();
    for section in &diff.sections {
        if !head.is_empty() {
            head.push(Text::default());
        }
        head.push(Text::plain(Role::Heading, section.title.clone()));
        for line in &section.lines {
            let (role, sign) = match line.change {
                Change::Same => (Role::Dim, "  "),
                Change::Removed => (Role::StatusServerError, "- "),
                Change::Added => (Role::StatusOk, "+ "),
                Change::Remark => (Role::Dim, "· "),
            };
            let mut text = Text::plain(role, sign);
            text.push_body(role, &line.text);
            head.push(text);
        }
    }
    if head.is_empty() {
        head.push(Text::plain(Role::Dim, "Nothing differs."));
    }
    Content {
        head,
        ..Content::default()
    }
}

pub(crate) fn paint(model: &Model, view: &DataView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let title = Text::plain(Role::Text, format!(" {}", view.title));
    area.paint_title(buf, &title, theme);
    view.pane.paint(buf, area.text, theme);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let cell = |text: &str| text.as_bytes().to_vec();
        let rows = [
            vec![cell("GET"), cell("日本"), cell("x")],
            vec![cell("DELETE"), cell("a"), cell("\x1b")],
        ];
        let lines: Vec<_> = table(&rows).head.iter().map(Text::content).collect();
        assert_eq!(lines, ["GET     日本  x", "DELETE  a     \\x1b"]);
    }
}
