//! The list as a tree: hosts, below them the levels of paths with what there is in them, and flows.

use ratatui::Frame;
use ratel_core::control::HeldPart;
use ratel_core::store::Summary;
use ratel_core::view::{Tally, TreeAt, TreeRow};
use ratel_flow::format::size;

use crate::model::{Model, TreeView};
use crate::screens::flow_list::{self, Columns, MARKER};
use crate::source::TreeQuery;
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::paint;

/// Columns for each branch that a row is in.
const INDENT: usize = 2;

/// More columns are not taken by that.
const INDENT_MAX: usize = 24;

/// Columns of a method.
const METHOD: usize = 7;

/// Asks for what is visible, if the tree is shown.
pub(crate) fn query(model: &Model) -> Option<TreeQuery> {
    let tree = model.list.tree.as_ref()?;
    Some(TreeQuery {
        target: tree.target,
        focus: tree.focus,
        flow_at: model.list.page.focus.map_or(0, |(_, at)| at),
        top: tree.top,
        height: flow_list::height(model),
    })
}

pub(crate) fn paint(model: &Model, tree: &TreeView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let title = " Flows by host and path (enter opens and closes, t shows the list)";
    area.paint_title(buf, &Text::plain(Role::Text, title), theme);
    let columns = Columns::for_width(area.text.width.into());
    for (y, row) in tree.rows.iter().enumerate() {
        let focused = tree.focus.is_some_and(|(at, _)| at == row.at);
        let start = start(row, focused);
        let summary = match row.at {
            TreeAt::Flow(id) => model.list.page.rows.iter().find(|flow| flow.id == id),
            TreeAt::Branch(_) => None,
        };
        let text = match summary {
            Some(summary) => {
                let held = model.list.page.held(summary.id);
                flow(row, summary, held, start, &columns)
            }
            None => branch(row, start, area.text.width.into()),
        };
        let highlight = model.list.highlight.as_ref();
        let highlighted = summary
            .zip(highlight)
            .is_some_and(|(summary, text)| flow_list::holds(summary, text));
        let role = match (focused, highlighted) {
            (true, true) => Role::FocusHighlight,
            (true, false) => Role::Focus,
            (false, true) => Role::Highlight,
            (false, false) => {
                paint::row(buf, area.text, y, &text, theme);
                continue;
            }
        };
        paint::bar(buf, area.text, y, &text, role, theme);
    }
}

/// The marker of the focus, and room for the branches it is in.
fn start(row: &TreeRow, focused: bool) -> Text {
    let mut text = Text::plain(Role::Focus, if focused { ">> " } else { "   " });
    text.pad_to(MARKER + (row.depth * INDENT).min(INDENT_MAX));
    text
}

/// `▾ https://service.dev  12  2 live  1 failed  3 of 4xx`
fn branch(row: &TreeRow, start: Text, width: usize) -> Text {
    let mut text = start;
    let sign = match (row.at, row.open) {
        (TreeAt::Flow(_), _) => "  ",
        (_, true) => "▾ ",
        (_, false) => "▸ ",
    };
    text.push(Role::Dim, sign);
    let mut counts = counts(&row.tally);
    let mut name = Text::default();
    let role = if row.depth == 0 {
        Role::UrlHost
    } else {
        Role::UrlPath
    };
    for (nth, piece) in row.names.iter().enumerate() {
        if row.depth > 0 || nth > 0 {
            name.push(Role::UrlMark, "/");
        }
        name.push_bytes(role, piece);
    }
    // A long name leaves room for what is in it.
    let room = width.saturating_sub(text.width());
    let for_name = room.saturating_sub(counts.width()).max(room / 2);
    text.append_cut(name, for_name);
    let room = width.saturating_sub(text.width());
    text.append_cut(std::mem::take(&mut counts), room);
    text
}

fn counts(tally: &Tally) -> Text {
    let mut text = Text::plain(Role::Dim, format!("  {}", tally.flows));
    let words = [
        (tally.held, Role::Intercept, " held"),
        (tally.live, Role::StatusOther, " live"),
        (tally.failed, Role::Error, " err"),
        (tally.client_errors, Role::StatusClientError, "×4xx"),
        (tally.server_errors, Role::StatusServerError, "×5xx"),
        (tally.marked, Role::Mark, "●"),
    ];
    for (count, role, word) in words.into_iter().filter(|(count, ..)| *count > 0) {
        text.push(role, format!("  {count}{word}"));
    }
    text.push(Role::Dim, format!("  {}", size(tally.bytes)));
    text
}

fn flow(
    row: &TreeRow,
    summary: &Summary,
    held: &[HeldPart],
    start: Text,
    columns: &Columns,
) -> Text {
    let mut text = start;
    let end = text.width() + METHOD;
    text.append_cut(flow_list::method(summary), METHOD);
    text.pad_to(end);
    text.push(Role::Text, " ");
    flow_list::row_after(summary, text, columns, &|width| {
        let mut what = flow_list::said(summary, held);
        let room = width.saturating_sub(what.width());
        what.append_cut(label(row, summary), room);
        what
    })
}

/// What tells a flow from its neighbours: the levels that only it has, else the end of its path; and the query.
fn label(row: &TreeRow, summary: &Summary) -> Text {
    let mut text = Text::default();
    let Some(request) = &summary.request else {
        text.push(Role::Text, summary.client_conn.peername.to_string());
        return text;
    };
    let target = &*request.path;
    let path_end = target
        .iter()
        .position(|byte| matches!(byte, b'?' | b'#'))
        .unwrap_or(target.len());
    let (path, query) = target.split_at(path_end);
    if row.names.is_empty() {
        let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        text.push(Role::UrlMark, "/");
        text.push_bytes(Role::UrlPath, last);
    }
    for piece in &row.names {
        text.push(Role::UrlMark, "/");
        text.push_bytes(Role::UrlPath, piece);
    }
    text.push_bytes(Role::Dim, query);
    text
}
