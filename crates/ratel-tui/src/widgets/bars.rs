//! The rows round a screen: title, status, and the bar with hints, questions and messages.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratel_core::eventlog::Level;

use crate::export;
use crate::keymap;
use crate::model::{Confirm, Model, Prompt};
use crate::text::{Text, safe};
use crate::theme::Role;
use crate::update::views;
use crate::widgets::paint;

/// Where things are on the terminal. What does not fit has no rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    pub(crate) title: Rect,
    pub(crate) text: Rect,
    pub(crate) status: Rect,
    pub(crate) hints: Rect,
}

pub(crate) fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    let title = u16::from(height >= 3);
    let status = u16::from(height >= 2);
    let hints = u16::from(height >= 5);
    let text = height - title - status - hints;
    let rows = |y, height| Rect {
        x: 0,
        y,
        width,
        height,
    };
    Areas {
        title: rows(0, title),
        text: rows(title, text),
        status: rows(title + text, status),
        hints: rows(title + text + status, hints),
    }
}

/// Paints status and hints.
pub(crate) fn paint(model: &Model, frame: &mut Frame<'_>) {
    let areas = areas(model);
    let theme = model.theme();
    let width = usize::from(areas.status.width);
    paint::bar(
        frame.buffer_mut(),
        areas.status,
        0,
        &status(model, width),
        Role::Bar,
        theme,
    );
    let said = prompt(model).or_else(|| message(model, width));
    // A question must be seen even where there is no room for hints.
    let row = if said.is_some() && areas.hints.height == 0 {
        Rect {
            y: model.size.1.saturating_sub(1),
            height: model.size.1.min(1),
            ..areas.status
        }
    } else {
        areas.hints
    };
    if row != areas.hints {
        let visible = row.intersection(frame.area());
        frame.render_widget(ratatui::widgets::Clear, visible);
    }
    paint::row(
        frame.buffer_mut(),
        row,
        0,
        &said.unwrap_or_else(|| hints(model, width)),
        theme,
    );
}

/// `⇩ [3/17] [following] [reverse:https://service.dev]            [*:8080]`
fn status(model: &Model, width: usize) -> Text {
    let page = &model.list.page;
    let mut left = format!(
        " [{}/{}]",
        page.focus.map_or(0, |(_, at)| at + 1),
        page.total
    );
    if model.list.follow {
        left.push_str(" [following]");
    }
    if page.evicted > 0 {
        left.push_str(&format!(" [{} old flows dropped]", page.evicted));
    }
    match model.info.modes.as_slice() {
        [] => {}
        [mode] => left.push_str(&format!(" [{}]", safe(&mode.description))),
        modes => left.push_str(&format!(" [{} modes]", modes.len())),
    }
    let addrs: Vec<_> = model
        .info
        .modes
        .iter()
        .flat_map(|mode| &mode.listen_addrs)
        .map(|addr| safe(addr))
        .collect();
    let right = if addrs.is_empty() {
        String::new()
    } else {
        format!("[{}] ", addrs.join(", "))
    };
    let mut text = Text::default();
    let right = Text::plain(Role::Text, right);
    let left = Text::plain(Role::Text, left);
    let (needed, right_width) = (left.width() + 1, right.width());
    text.append_cut(left, width);
    if needed + right_width <= width {
        text.pad_to(width - right_width);
        text.append_cut(right, right_width);
    }
    text
}

fn prompt(model: &Model) -> Option<Text> {
    let mut text = Text::default();
    match model.prompt.as_ref()? {
        Prompt::Confirm(confirm) => {
            text.push(Role::Text, format!("{} (", confirm.question()));
            text.push(Role::Key, "y");
            text.push(Role::Text, "es,");
            text.push(Role::Key, "n");
            text.push(Role::Text, "o)? ");
            if *confirm == Confirm::Quit {
                text.push(Role::Dim, "ctrl c quits, too");
            }
        }
        Prompt::Search(typed) => {
            text.push(Role::Key, "search: ");
            text.push_str(Role::Text, typed);
            text.push(Role::Found, " ");
        }
        Prompt::View(typed) => {
            text.push(Role::Key, "view: ");
            text.push_str(Role::Text, typed);
            text.push(Role::Found, " ");
            text.push(Role::Dim, format!(" {}", views(typed).join(", ")));
        }
        Prompt::Export(_) => {
            text.push(Role::Text, "export as ");
            for (key, _, name) in export::KEYS {
                let at = name.find(key).unwrap_or(0);
                let (before, rest) = name.split_at(at);
                text.push(Role::Text, before);
                text.push(Role::Key, rest.get(..1).unwrap_or_default());
                text.push(
                    Role::Text,
                    format!("{} ", rest.get(1..).unwrap_or_default()),
                );
            }
        }
        Prompt::ExportTo(_, format, path) => {
            text.push(
                Role::Key,
                format!("{} to (file; nothing for the clipboard): ", format.name()),
            );
            text.push_str(Role::Text, path);
            text.push(Role::Found, " ");
        }
        Prompt::Searching(..) => text.push(Role::Text, "searching… (any key cancels)"),
    }
    Some(text)
}

fn message(model: &Model, width: usize) -> Option<Text> {
    let message = model.message.as_ref()?;
    let role = level_role(message.level);
    let mut text = Text::default();
    if message.level != Level::Info {
        text.push(role, format!("{}: ", message.level.name()));
    }
    let first = message.text.lines().next().unwrap_or_default();
    text.push_str(role, first);
    const MORE: &str = " (more in the event log: E)";
    if message.level != Level::Info && (text.width() > width || first.len() < message.text.len()) {
        let mut cut = Text::default();
        cut.append_cut(text, width.saturating_sub(MORE.len()));
        cut.push(Role::Dim, MORE);
        return Some(cut);
    }
    Some(text)
}

/// The looks of a log entry.
pub(crate) fn level_role(level: Level) -> Role {
    match level {
        Level::Error => Role::Error,
        Level::Warn => Role::Warn,
        Level::Alert => Role::Alert,
        Level::Info => Role::Text,
        Level::Debug => Role::Dim,
    }
}

/// The keys that matter here, as many as fit.
fn hints(model: &Model, width: usize) -> Text {
    let mut text = Text::default();
    for (binding, keys) in keymap::bindings(model.context()) {
        let Some(key) = keys.first().filter(|_| !binding.hint.is_empty()) else {
            continue;
        };
        let columns = key.len() + 1 + binding.hint.len() + 2;
        if text.width() + columns > width {
            break;
        }
        text.push(Role::Key, *key);
        text.push(Role::Text, format!(" {}  ", binding.hint));
    }
    text
}
