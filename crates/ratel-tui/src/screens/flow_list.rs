//! The list of flows: one row each, as many columns as fit.

use std::time::Duration;

use ratatui::Frame;
use ratel_core::control::{HeldPart, Part};
use ratel_core::marks;
use ratel_core::options::keys;
use ratel_core::store::{FlowState, RequestLine, Summary};
use ratel_flow::format::size;
use ratel_flow::http::authority;
use ratel_flow::{FlowKind, Replay, Side};
use time::UtcOffset;

use crate::format;
use crate::model::{FlowList, Model};
use crate::screens::{first_minute, flow_tree, protocol};
use crate::source::{PageQuery, Target, TreeTarget};
use crate::text::Text;
use crate::theme::{self, Role};
use crate::widgets::bars::{self, PaneArea};
use crate::widgets::paint;

// State

/// How many flows are visible at a time.
pub(crate) fn height(model: &Model) -> usize {
    let [area, _] = bars::areas(model).panes;
    usize::from(area.text.height) / rows_each(model)
}

/// Rows of one flow: one in a table, two in a list (`console_flowlist_layout`).
pub(crate) fn rows_each(model: &Model) -> usize {
    if model.list.tree.is_some() {
        return 1;
    }
    let [area, _] = bars::areas(model).panes;
    match model.values.str(keys::CONSOLE_FLOWLIST_LAYOUT) {
        "table" => 1,
        "list" => 2,
        _ if area.text.width >= TABLE_WIDTH => 1,
        _ => 2,
    }
}

/// Asks for what is visible.
pub(crate) fn query(model: &Model) -> PageQuery {
    let FlowList { page, target, .. } = &model.list;
    PageQuery {
        target: *target,
        focus: page.focus,
        top: page.top,
        height: height(model),
    }
}

/// Has the focus go somewhere; positions are rows.
pub(crate) fn focus(list: &mut FlowList, target: Target) {
    if let Some(tree) = &mut list.tree {
        tree.target = match target {
            Target::Keep => tree.target,
            Target::At(row) => TreeTarget::At(row),
            Target::Last => TreeTarget::Last,
            Target::Newest => TreeTarget::Newest,
            Target::Flow(id) => TreeTarget::Flow(id),
        };
    }
    list.target = target;
    list.stale = true;
}

/// Has the focus go to the flow at that position of the list.
pub(crate) fn focus_nth(list: &mut FlowList, at: usize) {
    focus(list, Target::At(at));
    if let Some(tree) = &mut list.tree {
        tree.target = TreeTarget::Nth(at);
    }
}

/// Has the focus go down, or up, by rows.
pub(crate) fn move_focus(list: &mut FlowList, rows: isize) {
    let (shown, focus_at) = match &list.tree {
        Some(tree) => (tree.total, tree.focus.map(|(_, row)| row)),
        None => (list.page.shown, list.page.focus.map(|(_, at)| at)),
    };
    let last = shown.saturating_sub(1);
    let from = match list.target {
        Target::At(at) => at,
        Target::Last => last,
        Target::Keep | Target::Newest | Target::Flow(_) => focus_at.unwrap_or(0),
    };
    focus(list, Target::At(from.saturating_add_signed(rows).min(last)));
}

// Picture

pub(crate) fn paint(model: &Model, area: PaneArea, frame: &mut Frame<'_>) {
    let (theme, page) = (model.theme(), &model.list.page);
    if let Some(tree) = model
        .list
        .tree
        .as_ref()
        .filter(|tree| !tree.rows.is_empty())
    {
        return flow_tree::paint(model, tree, area, frame);
    }
    let each = rows_each(model);
    let columns = Columns::for_width(area.text.width.into());
    let buf = frame.buffer_mut();
    if page.rows.is_empty() {
        area.paint_title(buf, &Text::plain(Role::Text, " Flows"), theme);
        first_minute::paint(&first_minute::nothing(model), area.text, 0, buf, theme);
        return;
    }
    let title = if each == 1 {
        titles(&columns)
    } else {
        Text::plain(Role::Text, " Flows")
    };
    area.paint_title(buf, &title, theme);
    let focus = page.focus.map(|(id, _)| id);
    for (nth, summary) in page.rows.iter().enumerate() {
        let focused = focus == Some(summary.id);
        let highlighted = model
            .list
            .highlight
            .as_ref()
            .is_some_and(|text| holds(summary, text));
        let rows = if each == 1 {
            let held = page.held(summary.id);
            vec![row(summary, held, focused, &columns, model.look.utc_offset)]
        } else {
            let held = page.held(summary.id);
            let [first, second] = two_rows(summary, held, focused, columns.width);
            vec![first, second]
        };
        for (y, text) in (nth * each..).zip(&rows) {
            let role = match (focused, highlighted) {
                (true, true) => Role::FocusHighlight,
                (true, false) => Role::Focus,
                (false, true) => Role::Highlight,
                (false, false) => {
                    paint::row(buf, area.text, y, text, theme);
                    continue;
                }
            };
            paint::bar(buf, area.text, y, text, role, theme);
        }
    }
    if let Some(lines) = first_minute::distrust(model) {
        first_minute::paint(&lines, area.text, page.rows.len() * each, buf, theme);
    }
}

/// Whether a row holds a text, which is in small letters.
pub(crate) fn holds(summary: &Summary, text: &str) -> bool {
    let mut row = method(summary);
    row.push(Role::Text, " ");
    row.append_cut(what(summary, &[], SEARCHED), SEARCHED);
    row.push(Role::Text, " ");
    row.append_cut(status(summary), usize::MAX);
    if let Some(kind) = &summary.content_type {
        row.push(Role::Text, " ");
        row.push_bytes(Role::Text, kind);
    }
    if let Some(error) = &summary.error {
        row.push(Role::Text, " ");
        row.push_str(Role::Text, &error.message);
    }
    row.content().to_lowercase().contains(text)
}

/// The flow in a line: its method and where it goes.
pub(crate) fn label(summary: &Summary) -> String {
    let mut row = method(summary);
    row.push(Role::Text, " ");
    row.append_cut(what(summary, &[], LABEL), LABEL);
    row.content()
}

/// How wide the columns are; one of no width is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    width: usize,
    time: usize,
    method: usize,
    url: usize,
    status: usize,
    content_type: usize,
    size: usize,
    duration: usize,
}

/// From so many columns on flows are in a table, unless the option wants something else.
const TABLE_WIDTH: u16 = 60;

/// So many columns of a URL are searched for what is highlighted.
const SEARCHED: usize = 4096;

/// The metadata of requests that were answered because there was no recording for them.
const MISS: &str = "ratel_replay_miss";

/// Columns of a label.
const LABEL: usize = 400;

/// Columns of the focus marker with the space behind it.
pub(super) const MARKER: usize = 3;

impl Columns {
    /// What is needed least goes first when there is no room.
    pub(crate) fn for_width(width: usize) -> Self {
        let from = |least: usize, columns: usize| if width >= least { columns } else { 0 };
        let mut columns = Self {
            width,
            time: from(60, 8),
            method: from(16, if width >= 40 { 7 } else { 4 }),
            url: 0,
            status: from(24, 3),
            content_type: if width >= 110 { 24 } else { from(72, 12) },
            size: from(36, 5),
            duration: from(48, 5),
        };
        let before = with_spaces(&[columns.time, columns.method]);
        columns.url = width.saturating_sub(MARKER + before + columns.after_url());
        columns
    }

    /// What the columns after the URL take.
    fn after_url(&self) -> usize {
        with_spaces(&[self.status, self.content_type, self.size, self.duration])
    }
}

fn with_spaces(columns: &[usize]) -> usize {
    let shown = columns.iter().filter(|columns| **columns > 0);
    shown.map(|columns| columns + 1).sum()
}

/// Appends columns to a row, each padded and followed by a space.
struct RowText(Text);

impl RowText {
    fn column(&mut self, width: usize, text: Text) {
        if width > 0 {
            let end = self.0.width() + width;
            self.0.append_cut(text, width);
            self.0.pad_to(end);
            self.0.push(Role::Text, " ");
        }
    }

    fn right(&mut self, width: usize, text: Text) {
        let mut padded = Text::default();
        padded.pad_to(width.saturating_sub(text.width()));
        padded.append_cut(text, width);
        self.column(width, padded);
    }
}

fn titles(columns: &Columns) -> Text {
    let mut row = RowText(Text::plain(Role::Text, " ".repeat(MARKER)));
    let title = |text: &str| Text::plain(Role::Text, text);
    row.column(columns.time, title("Time"));
    row.column(columns.method, title("Method"));
    row.column(columns.url, title("URL"));
    row.column(columns.status, title("St"));
    row.column(columns.content_type, title("Type"));
    row.right(columns.size, title("Size"));
    row.right(columns.duration, title("Took"));
    row.0
}

/// One flow.
pub(crate) fn row(
    summary: &Summary,
    held: &[HeldPart],
    focused: bool,
    columns: &Columns,
    offset: UtcOffset,
) -> Text {
    let mut row = RowText(Text::plain(
        Role::Focus,
        if focused { ">> " } else { "   " },
    ));
    // A request that was sent again has the time of that.
    let time = format::clock(summary.times.began, offset);
    row.column(columns.time, Text::plain(Role::Dim, time));
    row.column(columns.method, method(summary));
    rest_of_row(summary, row, columns, &|width| what(summary, held, width))
}

/// As [`row`], with a start of its own, and `what` for what it is about in so many columns.
pub(super) fn row_after(
    summary: &Summary,
    start: Text,
    columns: &Columns,
    what: &dyn Fn(usize) -> Text,
) -> Text {
    let taken = start.width() + columns.after_url();
    let columns = Columns {
        url: columns.width.saturating_sub(taken + 1),
        ..*columns
    };
    rest_of_row(summary, RowText(start), &columns, what)
}

fn rest_of_row(
    summary: &Summary,
    mut row: RowText,
    columns: &Columns,
    what: &dyn Fn(usize) -> Text,
) -> Text {
    let left_early = protocol::is_left(summary);
    if let Some(error) = summary.error.as_ref().filter(|_| !left_early) {
        // The words of an error need the room of the columns that it leaves empty.
        let rest = columns.width.saturating_sub(row.0.width());
        let what = what((rest * 2 / 5).max(rest.min(16)));
        let width = what.width();
        row.column(width, what);
        if summary.status.is_some() {
            row.column(3, status(summary));
            let marks = protocol::marks(summary, rest / 4);
            if marks.width() > 0 {
                row.0.append_cut(marks, rest / 4);
                row.0.push(Role::Text, " ");
            }
        }
        row.0.push(Role::Error, "err ");
        let mut words = Text::default();
        words.push_str(Role::Error, &error.message);
        let left = columns.width.saturating_sub(row.0.width());
        row.0.append_cut(words, left);
        return row.0;
    }
    let failed = protocol::grpc_failure(summary).filter(|_| columns.content_type == 0);
    if let Some(name) = failed {
        // It says more than the status of HTTP, whose column it takes.
        let room = columns.url + 1 + columns.status;
        let url = room.saturating_sub(name.width() + 1).max(room / 2);
        row.column(url, what(url));
        row.column(room.saturating_sub(url + 1), name);
    } else {
        row.column(columns.url, what(columns.url));
        row.column(columns.status, status(summary));
    }
    row.column(columns.content_type, kind(summary, columns.content_type));
    let live = summary.state.is_live();
    let bytes = bytes(summary);
    let shown = if live && bytes == 0 {
        String::new()
    } else {
        size(bytes)
    };
    row.right(columns.size, Text::plain(Role::Text, shown));
    let took = if live {
        "…".into()
    } else if left_early {
        "left".into()
    } else {
        took(summary).map(format::took).unwrap_or_default()
    };
    row.right(columns.duration, Text::plain(Role::Dim, took));
    row.0
}

/// One flow on two lines: the request, and what came of it.
fn two_rows(summary: &Summary, held: &[HeldPart], focused: bool, width: usize) -> [Text; 2] {
    let mut first = Text::plain(Role::Focus, if focused { ">> " } else { "   " });
    first.append_cut(method(summary), 10);
    first.push(Role::Text, " ");
    let room = width.saturating_sub(first.width());
    let version = protocol::marks(summary, room / 4);
    let left = room.saturating_sub(version.width() + 1);
    first.append_cut(what(summary, held, left), left);
    if version.width() > 0 {
        first.push(Role::Text, " ");
        first.append_cut(version, room);
    }
    let mut second = Text::plain(Role::Dim, "      ← ");
    if summary.status.is_some() || summary.error.is_none() {
        second.append_cut(status(summary), 4);
        second.push(Role::Text, " ");
    }
    let mut rest = Text::default();
    match summary
        .error
        .as_ref()
        .filter(|_| !protocol::is_left(summary))
    {
        Some(error) => {
            rest.push(Role::Error, "err ");
            rest.push_str(Role::Error, &error.message);
        }
        None => {
            rest.append_cut(kind_only(summary, width), width);
            rest.push(Role::Text, format!("  {}", size(bytes(summary))));
            if let Some(took) = took(summary).filter(|_| !summary.state.is_live()) {
                rest.push(Role::Dim, format!("  {}", format::took(took)));
            }
        }
    }
    let room = width.saturating_sub(second.width());
    second.append_cut(rest, room);
    [first, second]
}

/// The size of the answer; of a stream, of all that has passed.
fn bytes(summary: &Summary) -> u64 {
    match (summary.kind, summary.stream) {
        (FlowKind::Http | FlowKind::Dns, None) => summary.response_body,
        _ => summary.request_body + summary.response_body,
    }
}

fn took(summary: &Summary) -> Option<Duration> {
    // Not every stream has an end of its own.
    let last = summary.stream.map(|_| summary.times.last);
    let end = summary.times.response_end.or(last)?;
    // Somebody who thinks is no part of the exchange.
    let took = end.since(summary.times.began);
    Some(took.saturating_sub(summary.times.held))
}

pub(super) fn method(summary: &Summary) -> Text {
    let mut text = Text::default();
    match &summary.request {
        Some(request) => text.push_bytes(theme::method(&request.method), &request.method),
        None if summary.kind == FlowKind::Connection => text.push(Role::Dim, "(conn)"),
        None if summary.kind == FlowKind::Tcp => {
            let tls = summary.client_conn.tls.is_some();
            text.push(Role::MethodOther, if tls { "TLS" } else { "TCP" });
        }
        None if summary.kind == FlowKind::Udp => text.push(Role::MethodOther, "UDP"),
        None if summary.kind == FlowKind::Dns => text.push(Role::MethodOther, "DNS"),
        None => text.push(Role::Dim, "…"),
    }
    text
}

fn status(summary: &Summary) -> Text {
    match summary.status {
        Some(status) => Text::plain(theme::status(status), status.to_string()),
        None if summary.state == FlowState::Done => Text::plain(Role::Dim, "-"),
        None => Text::plain(Role::StatusOther, "…"),
    }
}

/// What carries it and what it carries: `h2 json`, `ws · 12`.
fn kind(summary: &Summary, width: usize) -> Text {
    let mut text = protocol::marks(summary, width);
    if summary.stream.is_none() && summary.status.is_some() {
        let room = width.saturating_sub(text.width());
        text.append_cut(kind_only(summary, room), room);
    }
    text
}

/// The content type in so many columns.
fn kind_only(summary: &Summary, width: usize) -> Text {
    let mut text = Text::default();
    match &summary.content_type {
        Some(value) => {
            let kind = value
                .split(|b| *b == b';')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            let sub = kind
                .iter()
                .position(|b| *b == b'/')
                .and_then(|slash| kind.get(slash + 1..));
            let shown = sub.filter(|_| kind.len() > width).unwrap_or(kind);
            text.push_bytes(Role::ContentType, shown);
        }
        None if summary.response_body == 0 && !summary.state.is_live() => {
            text.push(Role::Dim, "[no content]")
        }
        None => {}
    }
    text
}

/// What it is about: the URL, or who tried to reach whom.
fn what(summary: &Summary, held: &[HeldPart], width: usize) -> Text {
    let mut text = said(summary, held);
    let room = width.saturating_sub(text.width());
    let what = ends(summary, room);
    text.append_cut(what, room);
    text
}

/// What people and the proxy have said of it, in signs.
pub(super) fn said(summary: &Summary, held: &[HeldPart]) -> Text {
    let mut text = Text::default();
    let Some(said) = &summary.annotations else {
        return text;
    };
    if said.intercepted {
        text.push(Role::Intercept, format!("{} ", held_words(held)));
    }
    match said.is_replay {
        None => {}
        Some(Replay::Response) if said.metadata(MISS).is_some() => {
            text.push(Role::Warn, "[no recording] ");
        }
        Some(_) => text.push(Role::Replay, "↺ "),
    }
    if !said.marked.is_empty() {
        text.push(Role::Mark, marks::sign(&said.marked));
        text.push(Role::Text, " ");
    }
    text
}

/// What of a flow waits for somebody to let it go on: `[held req]`, `[held resp, msg]`, `[held msg, server left]`.
fn held_words(held: &[HeldPart]) -> String {
    let mut words: Vec<_> = held
        .iter()
        .map(|held| match held.part {
            Part::Request => "req",
            Part::Response => "resp",
            Part::Message(_) => "msg",
        })
        .collect();
    words.dedup();
    words.extend(held.iter().find_map(|held| match held.left? {
        Side::Client => Some("client left"),
        Side::Server => Some("server left"),
    }));
    match words.is_empty() {
        true => "[held]".to_owned(),
        false => format!("[held {}]", words.join(", ")),
    }
}

fn ends(summary: &Summary, width: usize) -> Text {
    match &summary.request {
        Some(request) => url(request, width),
        None => {
            let mut ends = Text::default();
            ends.push(Role::Text, summary.client_conn.peername.to_string());
            let sni = summary
                .client_conn
                .tls
                .as_ref()
                .and_then(|tls| tls.sni.clone());
            let server = summary
                .server_conn
                .as_ref()
                .map(|server| server.address.clone());
            if let Some(name) = server
                .map(|(host, port)| format!("{host}:{port}"))
                .or(sni.map(|sni| sni.to_string()))
            {
                ends.push(Role::UrlMark, " → ");
                ends.push_str(Role::UrlHost, &name);
            }
            let mut text = Text::default();
            text.append_cut(ends, width);
            text
        }
    }
}

/// The URL in at most `width` columns. Where it is too long it goes without its scheme; a long host is then cut in its
/// middle, so that the path is seen.
fn url(request: &RequestLine, width: usize) -> Text {
    let (mut scheme, mut host, mut path) = (Text::default(), Text::default(), Text::default());
    // An extended CONNECT (RFC 8441) is for a URL like any other request.
    if request.method.eq_ignore_ascii_case(b"CONNECT") && request.path.is_empty() {
        host.push_str(Role::UrlHost, &format!("{}:{}", request.host, request.port));
    } else if request.method.eq_ignore_ascii_case(b"CONNECT") && !request.path.starts_with(b"/") {
        // It opens no tunnel, since the proxy stands in for a server; the path is its target.
        host.push_bytes(Role::UrlHost, &request.path);
    } else {
        scheme.push(Role::UrlMark, format!("{}://", request.scheme.as_str()));
        host.push_str(
            Role::UrlHost,
            &authority(&request.host, request.port, request.scheme),
        );
        path.push_bytes(
            Role::UrlPath,
            if *request.path == *b"*" {
                b""
            } else {
                &request.path
            },
        );
    }
    let mut text = Text::default();
    if scheme.width() + host.width() + path.width() <= width {
        text.append_cut(scheme, width);
    }
    let left = width.saturating_sub(text.width());
    let for_host = left.saturating_sub(path.width()).max(left * 2 / 5);
    text.append_middle_cut(host, for_host.min(left));
    let left = width.saturating_sub(text.width());
    text.append_cut(path, left);
    text
}
