//! One flow: its row, the tabs, and the text of the open one, or of request and response side by side.

use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratel_core::options::keys;
use ratel_flow::{FlowError, FlowId, Side};
use ratel_views::Schemas;
use time::UtcOffset;

use crate::model::{FlowView, Model, Tab};
use crate::screens::flow_list::{self, Columns};
use crate::screens::{first_minute, flow_detail, flow_message, message_list};
use crate::source::{BodyFrom, Of, OpenQuery, Opened, Shown};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::paint;

/// Rows of the text area that the tabs take.
pub(crate) const HEADER_ROWS: usize = 1;

/// Fewer columns are not shared by request and response.
const SPLIT_WIDTH: usize = 50;

/// Where the view that was chosen for a body is kept, for the request and the response.
const MODES: [&str; 2] = ["flowview_mode_request", "flowview_mode_response"];

/// How what is read is to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) schemas: Option<Schemas>,
    /// The views that were chosen for the bodies; none for the one that fits.
    views: [Option<String>; 2],
    offset: UtcOffset,
    /// The certificate that clients have to trust.
    ca: PathBuf,
}

impl Ways {
    pub(crate) fn of(model: &Model, id: FlowId) -> Self {
        let default = model.values.str(keys::CONSOLE_DEFAULT_CONTENTVIEW);
        let view = |key: &str| {
            let chosen = model.settings.get(id, key).unwrap_or(default);
            Some(chosen.to_owned()).filter(|name| name != "auto")
        };
        Self {
            schemas: model.schemas.clone(),
            views: MODES.map(view),
            offset: model.look.utc_offset,
            ca: model.info.ca_path.clone(),
        }
    }

    fn view(&self, side: Side) -> Option<&str> {
        let [request, response] = &self.views;
        match side {
            Side::Client => request.as_deref(),
            Side::Server => response.as_deref(),
        }
    }
}

/// Whether request and response are side by side.
pub(crate) fn is_split(view: &FlowView) -> bool {
    view.split && view.tab().side().is_some() && view.messages.width >= SPLIT_WIDTH
}

/// Shows request and response side by side, or one at a time. Says why not, if it does not.
pub(crate) fn toggle_split(model: &mut Model) -> Result<(), &'static str> {
    if let Some(view) = model.flow_view() {
        if !view.tabs.contains(&Tab::Response) {
            return Err("this flow has no request and response to be side by side");
        }
        if !view.split && view.messages.width < SPLIT_WIDTH {
            return Err("there are not enough columns for request and response side by side");
        }
        view.split = !view.split;
        if view.split && view.tab().side().is_none() {
            view.chosen = Tab::Request;
        }
        view.stale = true;
        let (width, rows) = (view.messages.width, view.messages.height);
        resize(view, width, rows);
    }
    Ok(())
}

/// Gives the texts the room they have.
pub(crate) fn resize(view: &mut FlowView, width: usize, rows: usize) {
    view.messages.width = width;
    let half = if is_split(view) {
        (width - 1) / 2
    } else {
        width
    };
    let [request, response, detail] = &mut view.panes;
    request.resize(half, rows);
    response.resize(half, rows);
    detail.resize(width, rows);
}

/// Asks for what is visible.
pub(crate) fn queries(view: &FlowView) -> impl Iterator<Item = OpenQuery> {
    let live = view
        .snapshot
        .as_ref()
        .is_some_and(|flow| flow.state.is_live());
    let body = |side| Of::Body(side, wanted(view, side));
    let first = match view.tab() {
        Tab::Request => body(Side::Client),
        Tab::Response => body(Side::Server),
        Tab::Messages => Of::Messages(message_list::query(&view.messages, live)),
        Tab::Detail => Of::Facts,
    };
    let second = is_split(view).then(|| match view.tab() {
        Tab::Request => body(Side::Server),
        _ => body(Side::Client),
    });
    let id = view.id;
    std::iter::once(first)
        .chain(second)
        .map(move |of| OpenQuery { id, of })
}

fn wanted(view: &FlowView, side: Side) -> BodyFrom {
    let [request, response, _] = &view.panes;
    match side {
        Side::Client => request.wanted(),
        Side::Server => response.wanted(),
    }
}

/// Takes what was asked for.
pub(crate) fn show(view: &mut FlowView, opened: Opened, ways: &Ways) {
    let Some(snapshot) = opened.snapshot else {
        // What is on the screen stays readable.
        view.gone = true;
        return;
    };
    view.tabs = Tab::of(snapshot.kind, snapshot.stream);
    let snapshot = view.snapshot.insert(snapshot).clone();
    let held = opened.held;
    let tab = view.tab();
    let split = is_split(view);
    let schemas = ways.schemas.as_ref();
    let [request, response, detail] = &mut view.panes;
    match opened.shown {
        Shown::Body(side @ Side::Client, body) if split || tab == Tab::Request => {
            let mut content =
                flow_message::request(&snapshot, &held, body, schemas, ways.view(side));
            if snapshot.error.as_ref().is_some_and(FlowError::is_distrust) {
                content.head.extend(first_minute::trust_lines(&ways.ca));
            }
            request.set(content);
        }
        Shown::Body(side @ Side::Server, body) if split || tab == Tab::Response => {
            response.set(flow_message::response(
                &snapshot,
                &held,
                body,
                schemas,
                ways.view(side),
            ));
        }
        _ if tab == Tab::Detail => detail.set(flow_detail::content(&snapshot, &held, ways.offset)),
        Shown::Messages(Some(page)) if tab == Tab::Messages => {
            message_list::show(&mut view.messages, page, &snapshot, schemas);
        }
        // What was asked for is not what this flow turns out to have.
        _ => view.stale = true,
    }
}

/// The side whose view is meant.
fn side(view: &FlowView) -> usize {
    usize::from(view.tab() == Tab::Response)
}

/// The view that shows the body: the one that was chosen.
pub(crate) fn mode(model: &Model) -> String {
    let default = model.values.str(keys::CONSOLE_DEFAULT_CONTENTVIEW);
    let chosen = model.open_flow().and_then(|view| {
        let key = MODES.get(side(view))?;
        model.settings.get(view.id, key)
    });
    chosen.unwrap_or(default).to_owned()
}

/// Chooses the view that shows the body.
pub(crate) fn set_mode(model: &mut Model, name: &str) {
    let Some(view) = model.flow_view() else {
        return;
    };
    view.stale = true;
    let (id, nth) = (view.id, side(view));
    if let Some(key) = MODES.get(nth) {
        model.settings.set(id, key, name);
    }
}

pub(crate) fn paint(model: &Model, view: &FlowView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let columns = Columns::for_width(area.title.width.into());
    let row = model.list.page.rows.iter().find(|row| row.id == view.id);
    if let Some(row) = row {
        let held = model.list.page.held(row.id);
        let offset = model.look.utc_offset;
        let text = flow_list::row(row, held, area.focused, &columns, offset);
        paint::row(buf, area.title, 0, &text, theme);
    } else if view.gone {
        let text = "this flow was dropped to make room; what was read of it is below";
        paint::row(buf, area.title, 0, &Text::plain(Role::Warn, text), theme);
    }
    let way = mode(model);
    let way = Some(way).filter(|way| way != "auto" && view.tab().side().is_some());
    paint::row(buf, area.text, 0, &tabs(view, way.as_deref()), theme);
    let header = (HEADER_ROWS as u16).min(area.text.height);
    let text = Rect {
        y: area.text.y + header,
        height: area.text.height - header,
        ..area.text
    };
    if is_split(view) {
        let [request, response, _] = &view.panes;
        let half = (text.width.saturating_sub(1)) / 2;
        let column = |x, width| Rect { x, width, ..text };
        request.paint(buf, column(text.x, half), theme);
        response.paint(buf, column(text.x + half + 1, half), theme);
        let line = Text::plain(Role::Dim, "│");
        for y in 0..usize::from(text.height) {
            paint::row(buf, column(text.x + half, 1), y, &line, theme);
        }
        return;
    }
    match view.pane() {
        Some(pane) => pane.paint(buf, text, theme),
        None => message_list::paint(&view.messages, view.snapshot.as_ref(), buf, text, theme),
    }
}

/// Which tab is at that column.
pub(crate) fn tab_at(view: &FlowView, column: usize) -> Option<Tab> {
    let mut end = 0;
    view.tabs.iter().copied().find(|tab| {
        end += tab.title().len() + 3;
        column < end
    })
}

/// The tabs, and the way the body is shown, where it is another than what fits.
fn tabs(view: &FlowView, way: Option<&str>) -> Text {
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
    if let Some(way) = way {
        text.push(Role::Changed, format!(" [m:{way}]"));
    }
    match view.pane() {
        Some(pane) => {
            if let Some(percent) = pane.percent() {
                text.push(Role::Dim, format!(" {percent}%"));
            }
            if let Some(found) = pane.found() {
                text.push(Role::Found, format!(" match {found} "));
            }
        }
        None => {
            if let Some(error) = view.snapshot.as_ref().and_then(|flow| flow.error.as_ref()) {
                text.push(Role::Error, " error: ");
                text.push_str(Role::Error, &error.message);
            }
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
