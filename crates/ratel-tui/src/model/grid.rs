//! A table that is edited cell by cell.

use ratel_core::commands::{escaped, unescape_bytes};
use ratel_core::edit::Part;
use ratel_flow::FlowId;

use crate::widgets::line_edit::LineEdit;
use crate::widgets::select::Select;

/// More rows than this are not kept.
const ROWS_MAX: usize = 10_000;

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) title: String,
    /// Headings; there are as many cells in each row.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) select: Select,
    pub(crate) column: usize,
    /// The cell in focus is being edited.
    pub(crate) editing: Option<LineEdit>,
    pub(crate) changed: bool,
    /// It closes when the option has taken its rows.
    pub(crate) sent: bool,
    /// Why what was edited was not taken.
    pub(crate) error: Option<String>,
    pub(crate) what: GridFor,
}

/// What becomes of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GridFor {
    /// They are the texts of an option.
    Option(&'static str),
    /// They are a part of a flow. The cells are bytes, which are shown with escapes.
    Flow(FlowId, Part),
    /// They are what the cell in focus of the table below is made of.
    Attributes,
}

impl Grid {
    pub(crate) fn new(
        title: impl Into<String>,
        columns: Vec<&'static str>,
        rows: Vec<Vec<String>>,
        what: GridFor,
    ) -> Self {
        Self {
            title: title.into(),
            columns,
            rows,
            select: Select::default(),
            column: 0,
            editing: None,
            changed: false,
            sent: false,
            error: None,
            what,
        }
    }

    /// The text of the cell in focus.
    pub(crate) fn cell(&self) -> Option<&str> {
        self.rows
            .get(self.select.focus)?
            .get(self.column)
            .map(String::as_str)
    }

    /// What the cell in focus stands for.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        let cell = self.cell().unwrap_or_default();
        match self.what {
            GridFor::Option(_) => Ok(cell.as_bytes().to_vec()),
            GridFor::Flow(..) | GridFor::Attributes => unescape_bytes(cell),
        }
    }

    /// Puts what a file or a program had into the cell in focus.
    pub(crate) fn put_bytes(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        let text = match self.what {
            GridFor::Option(_) => {
                String::from_utf8(bytes).map_err(|_| "what was read is not UTF-8".to_owned())?
            }
            GridFor::Flow(..) | GridFor::Attributes => escaped(&bytes),
        };
        self.put(&text);
        Ok(())
    }

    /// The table that the cell in focus is edited as: the attributes of a cookie.
    pub(crate) fn attributes(&self) -> Option<Self> {
        let is_cookie = matches!(self.what, GridFor::Flow(_, Part::SetCookies));
        let row = self.rows.get(self.select.focus)?;
        if !is_cookie || self.columns.get(self.column) != Some(&"Attributes") {
            return None;
        }
        let name = row.first().map_or("", String::as_str);
        let pieces = self.cell()?.split(';').map(str::trim);
        let rows = pieces.filter(|piece| !piece.is_empty()).map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            vec![name.to_owned(), value.to_owned()]
        });
        let (title, columns) = (format!("attributes of {name}"), vec!["Name", "Value"]);
        Some(Self::new(
            title,
            columns,
            rows.collect(),
            GridFor::Attributes,
        ))
    }

    /// The rows as the attributes of a cookie.
    pub(crate) fn to_attributes(&self) -> String {
        let piece = |row: &Vec<String>| match row.as_slice() {
            [name, value, ..] if !value.is_empty() => format!("{name}={value}"),
            [name, ..] => name.clone(),
            [] => String::new(),
        };
        let pieces = self.rows.iter().map(piece);
        let pieces: Vec<_> = pieces.filter(|piece| !piece.is_empty()).collect();
        pieces.join("; ")
    }

    /// Begins to edit the cell in focus, if it is a text; in an empty table the first one.
    pub(crate) fn edit(&mut self) {
        if self.rows.is_empty() {
            return self.insert(0);
        }
        if self.attributes().is_some() {
            return;
        }
        self.editing = self.cell().map(LineEdit::new);
    }

    /// Puts a row there, and begins to edit it.
    pub(crate) fn insert(&mut self, at: usize) {
        if self.rows.len() >= ROWS_MAX {
            return;
        }
        let at = at.min(self.rows.len());
        self.rows
            .insert(at, vec![String::new(); self.columns.len()]);
        self.select.focus = at;
        self.column = 0;
        self.changed = true;
        self.editing = Some(LineEdit::default());
    }

    /// Takes out the row in focus.
    pub(crate) fn delete(&mut self) {
        if self.select.focus < self.rows.len() {
            self.rows.remove(self.select.focus);
            self.changed = true;
            self.select.step(0, self.rows.len());
        }
    }

    /// Puts a text into the cell in focus.
    pub(crate) fn put(&mut self, text: &str) {
        if self.rows.is_empty() {
            self.insert(0);
            self.editing = None;
        }
        let cell = self
            .rows
            .get_mut(self.select.focus)
            .and_then(|row| row.get_mut(self.column));
        if let Some(cell) = cell
            && *cell != text
        {
            text.clone_into(cell);
            self.changed = true;
        }
    }

    /// Ends the editing of a cell, with what was typed.
    pub(crate) fn stop_editing(&mut self) {
        if let Some(line) = self.editing.take() {
            self.put(line.text());
        }
    }

    /// Whether there is another cell in a row.
    pub(crate) fn has_cells_beside(&self) -> bool {
        self.columns.len() > 1 && !self.rows.is_empty()
    }

    /// Goes right or left, round the ends.
    pub(crate) fn go_column(&mut self, forth: bool) {
        let count = self.columns.len().max(1);
        let step = if forth { 1 } else { count - 1 };
        self.column = (self.column + step) % count;
    }

    /// The rows as CSV (RFC 4180).
    pub(crate) fn to_csv(&self) -> String {
        let cell = |text: &String| match text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.clone(),
        };
        let rows = self.rows.iter().map(|row| {
            let cells: Vec<_> = row.iter().map(cell).collect();
            cells.join(",") + "\r\n"
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_a_cookie_are_rows() {
        let cookie = |attributes: &str| {
            let row = vec!["sid".to_owned(), "1".to_owned(), attributes.to_owned()];
            let columns = vec!["Name", "Value", "Attributes"];
            let what = GridFor::Flow(FlowId(1), Part::SetCookies);
            let mut grid = Grid::new("x", columns, vec![row], what);
            assert!(grid.attributes().is_none(), "the first column is a text");
            grid.column = 2;
            grid.attributes().unwrap()
        };
        let mut grid = cookie("Path=/;HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT; x=a=b");
        assert_eq!(
            grid.rows,
            [
                ["Path", "/"],
                ["HttpOnly", ""],
                ["Expires", "Wed, 21 Oct 2026 07:28:00 GMT"],
                ["x", "a=b"],
            ]
        );
        grid.delete();
        assert_eq!(
            grid.to_attributes(),
            "HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT; x=a=b"
        );
        assert!(cookie("").rows.is_empty());
    }

    #[test]
    fn rows_come_and_go() {
        let mut grid = Grid::new("x", vec!["a", "b"], Vec::new(), GridFor::Option("x"));
        grid.edit();
        grid.editing = Some(LineEdit::new("one"));
        grid.stop_editing();
        grid.go_column(true);
        grid.put("t,\"o");
        grid.insert(1);
        grid.stop_editing();
        assert_eq!(grid.rows, [["one", "t,\"o"], ["", ""]]);
        grid.delete();
        assert_eq!((grid.rows.len(), grid.select.focus), (1, 0));
        assert_eq!(grid.to_csv(), "one,\"t,\"\"o\"\r\n");
        grid.delete();
        grid.delete();
        assert!(grid.rows.is_empty() && grid.cell().is_none() && grid.changed);
    }
}
