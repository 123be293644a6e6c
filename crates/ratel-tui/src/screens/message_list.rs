//! The messages of a flow: one row each. Only the visible ones are held.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratel_core::store::FlowSnapshot;
use ratel_flow::format::{duration, size};
use ratel_flow::{MessageHead, Side, Timestamp};
use ratel_views::{Schemas, ViewInput, preview};

use super::known::Known;
use super::{body_text, protocol};
use crate::model::MessageList;
use crate::source::{MessageId, MessageRow, Messages, MessagesFrom, MessagesQuery};
use crate::text::Text;
use crate::theme::{Role, Theme};
use crate::widgets::paint;

/// Columns of the time since the flow began.
const SINCE: usize = 6;

/// Columns of the kind.
const KIND: usize = 8;

/// Columns of the size.
const SIZE: usize = 5;

/// Asks for what is visible.
pub(crate) fn query(list: &MessageList, live: bool) -> MessagesQuery {
    let height = list.height;
    let from = match list.follow || (!list.begun && live) {
        true => MessagesFrom::End,
        false => MessagesFrom::At(top_for(list)),
    };
    MessagesQuery { from, height }
}

/// The first visible place that keeps the focus in view.
fn top_for(list: &MessageList) -> u64 {
    let height = list.height.max(1) as u64;
    list.page
        .top
        .min(list.focus)
        .max((list.focus + 1).saturating_sub(height))
}

/// Takes what was asked for.
pub(crate) fn show(
    list: &mut MessageList,
    page: Messages,
    flow: &FlowSnapshot,
    schemas: Option<&Schemas>,
) {
    if !list.begun {
        // Who looks at a stream that goes on wants to see what comes.
        list.follow = flow.state.is_live();
        list.begun = true;
    }
    let last = page.places.saturating_sub(1);
    list.focus = if list.follow {
        last
    } else {
        list.focus.min(last)
    };
    let known = [Side::Client, Side::Server].map(|side| Known::new(flow, side, schemas));
    let [client, server] = &known;
    let previews = page.rows.iter().map(|row| {
        let known = match row.head.side {
            Side::Client => client,
            Side::Server => server,
        };
        preview_of(row, known, list.width)
    });
    list.previews = previews.collect();
    list.page = page;
}

fn preview_of(row: &MessageRow, known: &Known<'_>, width: usize) -> String {
    let is_open = matches!(row.id, MessageId::Open(_)) && !row.held;
    let input = ViewInput {
        data: &row.start,
        complete: !is_open && row.start.len() as u64 == row.head.payload.len,
        ..known.message(&row.head)
    };
    let content = preview(body_text::kind_of(&row.head), &input, width);
    match (protocol::close(&row.head), row.head.problem()) {
        (Some(close), _) => format!("{close} {content}"),
        (_, Some(problem)) => format!("{problem}: {content}"),
        _ => content,
    }
}

/// Has the focus go down, or up, by rows.
pub(crate) fn move_focus(list: &mut MessageList, rows: isize) {
    let last = list.page.places.saturating_sub(1);
    let to = if rows < 0 {
        list.focus.saturating_sub(rows.unsigned_abs() as u64)
    } else {
        list.focus.saturating_add(rows.unsigned_abs() as u64)
    };
    focus(list, to.min(last), rows > 0);
}

/// Has the focus go to the first message.
pub(crate) fn to_start(list: &mut MessageList) {
    focus(list, 0, false);
}

/// Has the focus go to the last message, and stay on the last.
pub(crate) fn to_end(list: &mut MessageList) {
    focus(list, list.page.places.saturating_sub(1), true);
}

fn focus(list: &mut MessageList, place: u64, downwards: bool) {
    list.focus = place;
    list.follow = downwards && place + 1 >= list.page.places;
}

/// The message that has the focus.
pub(crate) fn focused(list: &MessageList) -> Option<&MessageRow> {
    list.page.rows.iter().find(|row| row.place == list.focus)
}

pub(crate) fn paint(
    list: &MessageList,
    flow: Option<&FlowSnapshot>,
    buf: &mut Buffer,
    area: Rect,
    theme: Theme,
) {
    let Some(flow) = flow else { return };
    if list.page.places == 0 && list.begun {
        let text = if flow.state.is_live() {
            "No messages yet."
        } else {
            "No messages."
        };
        return paint::row(buf, area, 0, &Text::plain(Role::Dim, text), theme);
    }
    for y in 0..usize::from(area.height) {
        let place = list.page.top + y as u64;
        if place >= list.page.places {
            break;
        }
        let focused = place == list.focus;
        let mut rows = list.page.rows.iter().zip(&list.previews);
        let text = match rows.find(|(row, _)| row.place == place) {
            Some((row, preview)) => line(row, preview, focused, flow, usize::from(area.width)),
            None => gone(focused),
        };
        if focused {
            paint::bar(buf, area, y, &text, Role::Focus, theme);
        } else {
            paint::row(buf, area, y, &text, theme);
        }
    }
}

fn marker(focused: bool) -> Text {
    Text::plain(Role::Focus, if focused { ">> " } else { "   " })
}

fn gone(focused: bool) -> Text {
    let mut text = marker(focused);
    text.push(Role::Warn, "[message missing] it could not be kept");
    text
}

fn line(row: &MessageRow, preview: &str, focused: bool, flow: &FlowSnapshot, width: usize) -> Text {
    let head = &row.head;
    let mut text = marker(focused);
    text.append_cut(arrow(head.side), 1);
    text.push(Role::Text, " ");
    right(&mut text, SINCE, Role::Dim, since(flow.times.began, head));
    text.push(Role::Text, " ");
    let end = text.width() + KIND;
    text.push(Role::Name, head.kind.name());
    text.pad_to(end);
    text.push(Role::Text, " ");
    right(&mut text, SIZE, Role::Text, size(head.payload.len));
    match row.id {
        _ if row.held => text.push(Role::Intercept, "  [held] "),
        MessageId::Open(_) => text.push(Role::Dim, "… "),
        MessageId::Nth(_) => text.push(Role::Dim, "  "),
    }
    for remark in protocol::remarks(head.flags) {
        text.push(Role::Warn, format!("[{remark}] "));
    }
    let mut rest = Text::default();
    if row.lost {
        rest.push(Role::Warn, "[content missing]");
    } else {
        rest.push_str(Role::Text, preview);
    }
    let left = width.saturating_sub(text.width());
    text.append_cut(rest, left);
    text
}

fn right(text: &mut Text, width: usize, role: Role, piece: String) {
    let piece = Text::plain(role, piece);
    let pad = width.saturating_sub(piece.width());
    text.push(Role::Text, " ".repeat(pad));
    text.append_cut(piece, width);
}

/// The way a message went.
pub(crate) fn arrow(side: Side) -> Text {
    match side {
        Side::Client => Text::plain(Role::FromClient, "→"),
        Side::Server => Text::plain(Role::FromServer, "←"),
    }
}

/// `+1.23s` after the flow began.
pub(crate) fn since(began: Timestamp, head: &MessageHead) -> String {
    format!("+{}", duration(head.timestamp.since(began)))
}
