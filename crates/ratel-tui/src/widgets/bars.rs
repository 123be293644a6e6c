//! Where things are on the terminal, and the rows round the panes: titles, status, and the bar with hints, questions and
//! messages.

mod hints;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratel_core::eventlog::Level;
use ratel_core::options::keys;

use crate::model::{CommandLine, Confirm, Layout, Model, Prompt, Screen};
use crate::text::{Text, safe};
use crate::theme::{Role, Theme};
use crate::widgets::{overlay, paint, status};

/// From so many rows on there are two with hints.
const TWO_HINTS: u16 = 30;

/// Where things are. What does not fit has no rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    pub(crate) panes: [PaneArea; 2],
    pub(crate) status: Rect,
    pub(crate) hints: Rect,
}

/// Where one pane is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PaneArea {
    pub(crate) title: Rect,
    pub(crate) text: Rect,
    /// It has the focus.
    pub(crate) focused: bool,
}

impl PaneArea {
    pub(crate) fn contains(&self, x: u16, y: u16) -> bool {
        let at = ratatui::layout::Position { x, y };
        self.title.contains(at) || self.text.contains(at)
    }

    /// Paints what stands above the pane.
    pub(crate) fn paint_title(&self, buf: &mut Buffer, title: &Text, theme: Theme) {
        let role = if self.focused {
            Role::Bar
        } else {
            Role::BarInactive
        };
        paint::bar(buf, self.title, 0, title, role, theme);
    }
}

pub(crate) fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    let status = u16::from(height >= 2);
    let hints = match model.values.bool(keys::CONSOLE_QUICKHELP_VISIBLE) {
        false => 0,
        true if height >= TWO_HINTS => 2,
        true => u16::from(height >= 5),
    };
    let body = height - status - hints;
    let rows = |y, height| Rect {
        x: 0,
        y,
        width,
        height,
    };
    let whole = rows(0, body);
    let [first, second] = match model.layout() {
        Layout::Single => [whole, Rect::default()],
        Layout::Vertical => {
            let upper = body.div_ceil(2);
            [rows(0, upper), rows(upper, body - upper)]
        }
        Layout::Horizontal => {
            let left = width.div_ceil(2);
            let column = |x, width| Rect { x, width, ..whole };
            // One column parts them.
            [
                column(0, left),
                column((left + 1).min(width), width.saturating_sub(left + 1)),
            ]
        }
    };
    let headed = model.values.bool(keys::CONSOLE_LAYOUT_HEADERS);
    let pane = |area: Rect, nth: usize| {
        let title = u16::from(headed && area.height >= 2 && height >= 3);
        PaneArea {
            title: Rect {
                height: title,
                ..area
            },
            text: Rect {
                y: area.y + title,
                height: area.height - title,
                ..area
            },
            focused: model.panes.focus() == nth,
        }
    };
    Areas {
        panes: [pane(first, 0), pane(second, 1)],
        status: rows(body, status),
        hints: rows(body + status, hints),
    }
}

/// Paints what parts panes that stand side by side.
pub(crate) fn paint_divider(model: &Model, areas: &Areas, frame: &mut Frame<'_>) {
    let [left, right] = areas.panes;
    if model.layout() != Layout::Horizontal || right.text.width == 0 {
        return;
    }
    let column = Rect {
        x: left.text.width,
        y: 0,
        width: 1,
        height: left.title.height + left.text.height,
    };
    let line = Text::plain(Role::Dim, "│");
    for y in 0..usize::from(column.height) {
        paint::row(frame.buffer_mut(), column, y, &line, model.theme());
    }
}

/// Paints status and hints.
pub(crate) fn paint(model: &Model, areas: &Areas, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let width = usize::from(areas.status.width);
    let text = status::line(model, width);
    paint::bar(frame.buffer_mut(), areas.status, 0, &text, Role::Bar, theme);
    let said = prompt(model, width)
        .or_else(|| message(model, width))
        .or_else(|| cell(model));
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
    let (first, second) = hints::lines(model, width, areas.hints.height >= 2);
    let buf = frame.buffer_mut();
    paint::row(buf, row, 0, &said.unwrap_or(first), theme);
    // Keys mean something else while there is a question.
    if model.prompt.is_none() {
        paint::row(buf, row, 1, &second, theme);
    }
}

fn prompt(model: &Model, width: usize) -> Option<Text> {
    let mut text = Text::default();
    match model.prompt.as_ref()? {
        Prompt::Confirm(confirm) => {
            let quits = *confirm == Confirm::Quit;
            let cost = match confirm {
                Confirm::Quit => held_flows(model),
                // Of one it is in the question.
                Confirm::Remove(_, words) if !words.iter().any(|word| is_one(word)) => {
                    live_flows(model)
                }
                _ => None,
            };
            if let Some(cost) = cost {
                text.push(Role::Warn, cost);
                text.push(Role::Text, " ");
            }
            text.push_str(Role::Text, &confirm.question());
            text.push(Role::Text, " (");
            text.push(Role::Key, "y");
            text.push(Role::Text, "es,");
            text.push(Role::Key, "n");
            text.push(Role::Text, "o) ");
            if quits {
                text.push(Role::Dim, "ctrl c quits, too");
            }
        }
        Prompt::Search(line) => {
            text.push(Role::Key, "search: ");
            let room = width.saturating_sub(text.width());
            text.append_cut(line.show(room, |_| Role::Text), room);
        }
        Prompt::Find(find) => {
            let what = if find.regex {
                "find regular expression"
            } else {
                "find text"
            };
            text.push(Role::Key, format!("{what}: "));
            let room = width.saturating_sub(text.width());
            text.append_cut(find.line.show(room, |_| Role::Text), room);
            if find.line.at_end() {
                let room = width.saturating_sub(text.width() + 1);
                let rest = match &find.error {
                    Some(error) => Text::plain(Role::Error, format!(" {}", safe(error))),
                    None if find.regex => Text::plain(Role::Hint, " tab: text"),
                    None => Text::plain(Role::Hint, " tab: regular expression"),
                };
                text.append_cut(rest, room);
            }
        }
        Prompt::Searching(..) => text.push(Role::Text, "searching… (any key cancels)"),
        Prompt::Command(command) => text = command_line(command, width),
        Prompt::Value(edit) => {
            let when = if edit.for_next { " (next start)" } else { "" };
            text.push(Role::Key, format!("{}{when} = ", edit.option));
            let room = width.saturating_sub(text.width());
            text.append_cut(edit.line.show(room, |_| Role::Text), room);
        }
        Prompt::Choose(chooser) => {
            if let Some(key) = chooser.strange {
                text.push_str(Role::Warn, &format!("{key} is the key of none; "));
            }
            let hint = match chooser.filter {
                Some(_) => "type a part of the name, enter takes it, esc ends typing",
                None => "a key on the left or enter takes one, / finds by name, esc cancels",
            };
            text.push(Role::Hint, hint);
        }
        Prompt::Palette(_) => {
            text.push(
                Role::Hint,
                "type some letters, enter runs the command, esc cancels",
            );
        }
    }
    Some(text)
}

/// What leaving costs those who wait.
fn held_flows(model: &Model) -> Option<String> {
    Some(match model.held {
        0 => return None,
        1 => "1 flow is held and will be cut.".to_owned(),
        count => format!("{count} flows are held and will be cut."),
    })
}

/// Whether a word selects a single flow.
fn is_one(word: &str) -> bool {
    let id = word.strip_prefix('@');
    id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What it costs live flows to be removed.
fn live_flows(model: &Model) -> Option<String> {
    let held = match model.held {
        0 => String::new(),
        held => format!(" ({held} held)"),
    };
    Some(match model.live {
        0 => return None,
        1 => format!("1 flow is live{held} and would be ended."),
        live => format!("{live} flows are live{held} and would be ended."),
    })
}

/// The line with what is wrong in it, and what is still to come.
fn command_line(command: &CommandLine, width: usize) -> Text {
    let mut text = Text::plain(Role::Key, ": ");
    let room = width.saturating_sub(text.width());
    let roles = overlay::word_roles(command.line.text());
    let role = |at: usize| {
        let word = roles.iter().find(|(range, _)| range.contains(&at));
        word.map_or(Role::Text, |(_, role)| *role)
    };
    text.append_cut(command.line.show(room, role), room);
    if command.line.at_end() {
        let rest = overlay::missing(command.line.text());
        let room = width.saturating_sub(text.width() + 1);
        if room > 1 && !rest.is_empty() {
            text.append_cut(Text::plain(Role::Hint, rest), room);
        }
    }
    text
}

/// The keys of a cell that is edited, in which all others are typed.
fn cell(model: &Model) -> Option<Text> {
    let Screen::Grid(grid) = model.panes.current() else {
        return None;
    };
    grid.editing.as_ref()?;
    let tab = (grid.columns.len() > 1).then_some(("tab", "Next cell"));
    let keys = [("enter", "Done")].into_iter().chain(tab);
    let mut text = Text::default();
    for (key, hint) in keys.chain([("ctrl c", "Drop")]) {
        text.push(Role::Key, key);
        text.push(Role::Text, format!(" {hint}  "));
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
    if message.only_here {
        // In full it stands above.
        return (text.width() <= width).then_some(text);
    }
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
