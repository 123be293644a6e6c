//! The event log: what happened, oldest first.

use std::collections::VecDeque;

use ratatui::Frame;
use ratel_core::eventlog::Entry;
use ratel_core::options::keys;
use time::UtcOffset;

use crate::format;
use crate::model::Model;
use crate::text::Text;
use crate::theme::Role;
use crate::widgets::bars::{self, PaneArea};
use crate::widgets::pane::Content;

/// The lines of the log.
pub(crate) fn content(entries: &VecDeque<Entry>, offset: UtcOffset) -> Content {
    let mut head: Vec<_> = entries
        .iter()
        .flat_map(|entry| lines(entry, offset))
        .collect();
    if head.is_empty() {
        head.push(Text::plain(Role::Dim, "nothing has happened yet"));
    }
    Content {
        head,
        ..Content::default()
    }
}

fn lines(entry: &Entry, offset: UtcOffset) -> Vec<Text> {
    let role = bars::level_role(entry.level);
    let mut lines: Vec<Text> = Vec::new();
    for piece in entry.message.lines() {
        let mut line = Text::default();
        if lines.is_empty() {
            line.push(
                Role::Dim,
                format!("{} ", format::clock(entry.timestamp, offset)),
            );
            line.push(role, format!("{}: ", entry.level.name()));
            if let Some(client) = &entry.client {
                line.push(Role::Dim, "[");
                line.push_str(Role::Dim, client);
                line.push(Role::Dim, "] ");
            }
        } else {
            line.push(Role::Text, "         ");
        }
        line.push_str(role, piece);
        lines.push(line);
    }
    lines
}

pub(crate) fn paint(model: &Model, area: PaneArea, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let level = model.values.str(keys::CONSOLE_EVENTLOG_VERBOSITY);
    let title = Text::plain(Role::Text, format!(" Events ({level} and worse)"));
    let buf = frame.buffer_mut();
    area.paint_title(buf, &title, theme);
    model.log.pane.paint(buf, area.text, theme);
}
