//! One flow: its row, the tabs, and the text of the open one.

use ratatui::Frame;
use ratatui::layout::Rect;
use time::UtcOffset;

use crate::model::{FlowView, Model, Tab};
use crate::screens::flow_list::{self, Columns};
use crate::screens::{flow_detail, flow_message};
use crate::source::{OpenQuery, Opened};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::{bars, paint};

/// Rows of the text area that the tabs take.
pub(crate) const HEADER_ROWS: usize = 1;

/// Asks for what is visible.
pub(crate) fn query(view: &FlowView) -> OpenQuery {
    OpenQuery {
        id: view.id,
        body: view.tab.side().map(|side| (side, view.pane().wanted())),
    }
}

/// Takes what was asked for.
pub(crate) fn show(view: &mut FlowView, opened: Opened, offset: UtcOffset) {
    let Some(snapshot) = opened.snapshot else {
        // What is on the screen stays readable.
        view.gone = true;
        return;
    };
    let body = opened
        .body
        .filter(|(side, _)| view.tab.side() == Some(*side))
        .map(|(_, part)| part);
    let content = match view.tab {
        Tab::Request => flow_message::request(&snapshot, body),
        Tab::Response => flow_message::response(&snapshot, body),
        Tab::Detail => flow_detail::content(&snapshot, offset),
    };
    view.pane_mut().set(content);
    view.snapshot = Some(snapshot);
}

pub(crate) fn paint(model: &Model, view: &FlowView, frame: &mut Frame<'_>) {
    let areas = bars::areas(model);
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let columns = Columns::for_width(areas.title.width.into());
    let row = model.list.page.rows.iter().find(|row| row.id == view.id);
    if let Some(row) = row {
        paint::row(
            buf,
            areas.title,
            0,
            &flow_list::row(row, true, &columns, &model.options),
            theme,
        );
    } else if view.gone {
        let text = "this flow was dropped to make room; what was read of it is below";
        paint::row(buf, areas.title, 0, &Text::plain(Role::Warn, text), theme);
    }
    paint::row(buf, areas.text, 0, &tabs(view), theme);
    let header = (HEADER_ROWS as u16).min(areas.text.height);
    let text = Rect {
        y: areas.text.y + header,
        height: areas.text.height - header,
        ..areas.text
    };
    view.pane().paint(buf, text, theme);
}

fn tabs(view: &FlowView) -> Text {
    let mut text = Text::default();
    for tab in Tab::ALL {
        // The brackets say it without colour and reverse.
        let (role, title) = if tab == view.tab {
            (Role::TabOpen, format!("[{}]", tab.title()))
        } else {
            (Role::TabClosed, format!(" {} ", tab.title()))
        };
        text.push(role, title);
        text.push(Role::Text, " ");
    }
    if let Some(percent) = view.pane().percent() {
        text.push(Role::Dim, format!(" {percent}%"));
    }
    text
}
