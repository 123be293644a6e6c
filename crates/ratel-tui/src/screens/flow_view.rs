//! One flow: its row, the tabs, and the text of the open one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratel_views::Schemas;
use time::UtcOffset;

use crate::model::{FlowView, Model, Tab};
use crate::screens::flow_list::{self, Columns};
use crate::screens::{flow_detail, flow_message, message_list};
use crate::source::{Of, OpenQuery, Opened, Shown};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::{bars, paint};

/// Rows of the text area that the tabs take.
pub(crate) const HEADER_ROWS: usize = 1;

/// Asks for what is visible.
pub(crate) fn query(view: &FlowView) -> OpenQuery {
    let live = view
        .snapshot
        .as_ref()
        .is_some_and(|flow| flow.state.is_live());
    let of = match (view.tab(), view.tab().side(), view.pane()) {
        (Tab::Messages, ..) => Of::Messages(message_list::query(&view.messages, live)),
        (_, Some(side), Some(pane)) => Of::Body(side, pane.wanted()),
        _ => Of::Facts,
    };
    OpenQuery { id: view.id, of }
}

/// Takes what was asked for.
pub(crate) fn show(
    view: &mut FlowView,
    opened: Opened,
    schemas: Option<&Schemas>,
    offset: UtcOffset,
) {
    let Some(snapshot) = opened.snapshot else {
        // What is on the screen stays readable.
        view.gone = true;
        return;
    };
    view.tabs = Tab::of(snapshot.kind, snapshot.stream);
    let snapshot = view.snapshot.insert(snapshot).clone();
    let chosen = view.view.clone();
    let content = match (view.tab(), opened.shown) {
        (Tab::Request, Shown::Body(side, body)) if view.tab().side() == Some(side) => {
            flow_message::request(&snapshot, body, schemas, chosen.as_deref())
        }
        (Tab::Response, Shown::Body(side, body)) if view.tab().side() == Some(side) => {
            flow_message::response(&snapshot, body, schemas, chosen.as_deref())
        }
        (Tab::Detail, _) => flow_detail::content(&snapshot, offset),
        (Tab::Messages, Shown::Messages(Some(page))) => {
            message_list::show(&mut view.messages, page, &snapshot, schemas);
            return;
        }
        // What was asked for is not what this flow turns out to have.
        _ => {
            view.stale = true;
            return;
        }
    };
    if let Some(pane) = view.pane_mut() {
        pane.set(content);
    }
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
    match view.pane() {
        Some(pane) => pane.paint(buf, text, theme),
        None => message_list::paint(&view.messages, view.snapshot.as_ref(), buf, text, theme),
    }
}

fn tabs(view: &FlowView) -> Text {
    let mut text = Text::default();
    for tab in view.tabs {
        // The brackets say it without colour and reverse.
        let (role, title) = if *tab == view.tab() {
            (Role::TabOpen, format!("[{}]", tab.title()))
        } else {
            (Role::TabClosed, format!(" {} ", tab.title()))
        };
        text.push(role, title);
        text.push(Role::Text, " ");
    }
    match view.pane() {
        Some(pane) => {
            if let Some(percent) = pane.percent() {
                text.push(Role::Dim, format!(" {percent}%"));
            }
        }
        None => {
            let list = &view.messages;
            if list.page.places > 0 {
                text.push(
                    Role::Dim,
                    format!(" {}/{}", list.focus + 1, list.page.places),
                );
            }
            let live = view
                .snapshot
                .as_ref()
                .is_some_and(|flow| flow.state.is_live());
            if list.follow && live {
                text.push(Role::Dim, " following");
            }
        }
    }
    text
}
