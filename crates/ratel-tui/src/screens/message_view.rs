//! One message: what is known about it, and its content.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratel_core::store::FlowSnapshot;
use ratel_flow::format::size;
use ratel_flow::{MessageFlags, MessageHead, MessageKind};
use ratel_views::Schemas;
use time::UtcOffset;

use super::known::Known;
use super::{body_text, message_list, protocol};
use crate::format;
use crate::model::{MessageView, Mode, Model};
use crate::source::{
    Came, MessageId, MessageQuery, Of, OneMessage, OpenQuery, Opened, Place, Shown,
};
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::PaneArea;
use crate::widgets::paint;
use crate::widgets::pane::Content;

/// Rows of the text area that are above the content.
pub(crate) const HEADER_ROWS: usize = 1;

/// Asks for what is visible.
pub(crate) fn query(view: &MessageView) -> OpenQuery {
    OpenQuery {
        id: view.flow,
        of: Of::Message(MessageQuery {
            id: view.id,
            from: view.pane.wanted(),
        }),
    }
}

/// Takes what was asked for.
pub(crate) fn show(view: &mut MessageView, opened: Opened, schemas: Option<&Schemas>) {
    let Shown::Message(asked, found) = opened.shown else {
        return;
    };
    if asked != view.id {
        return;
    }
    let (Some(flow), Some(found)) = (opened.snapshot, found) else {
        // What is on the screen stays readable.
        view.gone = true;
        return;
    };
    view.id = found.id;
    view.held = found.held;
    view.total = found.total;
    view.head = Some(found.head);
    view.flow_began = flow.times.began;
    view.pane.set(content(&flow, found, schemas, view.mode));
}

fn content(
    flow: &FlowSnapshot,
    message: OneMessage,
    schemas: Option<&Schemas>,
    mode: Mode,
) -> Content {
    let OneMessage {
        id,
        head,
        held,
        part,
        came,
        ..
    } = message;
    let mut content = Content::default();
    if let Some(came) = came {
        add_original(&came, &mut content.tail);
    }
    if part.total == 0 {
        let text = match id {
            MessageId::Open(_) if !held => "No content yet",
            MessageId::Open(_) | MessageId::Nth(_) => "No content",
        };
        content.head.push(Text::plain(Role::Dim, text));
        return content;
    }
    let known = Known::new(flow, head.side, schemas);
    let (description, text) = body_text::message(&part, &head, &known, mode);
    let mut bar = Text::plain(
        Role::Heading,
        format!("{description}, {}", size(part.total)),
    );
    if matches!(id, MessageId::Open(_)) && !held {
        bar.push(Role::Text, " and growing");
    }
    content.head.push(bar);
    if part.lost || part.bytes.is_empty() {
        content.head.push(Text::plain(
            Role::Warn,
            "[content missing] some of it could not be kept",
        ));
    }
    content.body = Some((part, text));
    content
}

/// What a message had said before it was changed on its way, which is not what its receiver got.
fn add_original(came: &Came, lines: &mut Vec<Text>) {
    let Came { start, total } = came;
    lines.push(Text::default());
    let bar = format!("As it came, before it was changed, {}", size(*total));
    lines.push(Text::plain(Role::Heading, bar));
    for line in start.split(|byte| *byte == b'\n') {
        let mut text = Text::default();
        text.push_body(Role::Text, line);
        lines.push(text);
    }
    if (start.len() as u64) < *total {
        lines.push(Text::plain(Role::Dim, "(cut off)"));
    }
}

/// What is searched there.
pub(crate) fn place(view: &MessageView) -> Option<Place> {
    let head = view.head?;
    Some(Place::Message(head.side, head.payload))
}

pub(crate) fn paint(model: &Model, view: &MessageView, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let buf = frame.buffer_mut();
    let title = Text::plain(Role::Text, title(view));
    area.paint_title(buf, &title, theme);
    let line = if view.gone {
        let text = "this message was dropped to make room; what was read of it is below";
        Text::plain(Role::Warn, text)
    } else {
        let facts = |head| facts(view, head, model.look.utc_offset);
        view.head.as_ref().map(facts).unwrap_or_default()
    };
    paint::row(buf, area.text, 0, &line, theme);
    let header = (HEADER_ROWS as u16).min(area.text.height);
    let text = Rect {
        y: area.text.y + header,
        height: area.text.height - header,
        ..area.text
    };
    view.pane.paint(buf, text, theme);
}

fn title(view: &MessageView) -> String {
    match view.id {
        MessageId::Nth(nth) => format!(" Message {} of {}", nth + 1, view.total.max(nth + 1)),
        MessageId::Open(_) if view.held => format!(" Message {}, held back", view.total + 1),
        MessageId::Open(_) => format!(" Message in progress, after {}", view.total),
    }
}

/// `→ text  13:05:59.123  +1.23s  compressed`
fn facts(view: &MessageView, head: &MessageHead, offset: UtcOffset) -> Text {
    let mut line = message_list::arrow(head.side);
    line.push(Role::Text, " ");
    line.push(Role::Name, head.kind.name());
    if let Some(close) = protocol::close(head) {
        line.push(Role::Text, format!(" {close}"));
    }
    line.push(
        Role::Dim,
        format!(
            "  {}  {}",
            format::date_time(head.timestamp, offset),
            message_list::since(view.flow_began, head)
        ),
    );
    if matches!(head.kind, MessageKind::Text | MessageKind::Binary) && head.code > 1 {
        line.push(Role::Dim, format!("  {} fragments", head.code));
    }
    if head.flags.contains(MessageFlags::COMPRESSED) {
        line.push(Role::Dim, "  sent compressed");
    }
    for remark in protocol::remarks(head.flags) {
        line.push(Role::Warn, format!("  {remark}"));
    }
    if let Some(problem) = head.problem() {
        line.push(Role::Warn, format!(": {problem}"));
    }
    if let Some(percent) = view.pane.percent() {
        line.push(Role::Dim, format!("  {percent}%"));
    }
    if let Some(found) = view.pane.found() {
        line.push(Role::Found, format!("  match {found}"));
    }
    line
}
