//! What lies over the panes: candidates above the prompt, lists to choose from.

use std::ops::Range;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};
use ratel_core::commands::{self, Arg, ArgKind, Param, hint, lex};
use ratel_core::options;

use crate::model::{Chooser, CommandLine, Model, Palette, Prompt, ValueEdit};
use crate::text::{Text, safe};
use crate::theme::{Role, Theme};
use crate::update::palette_text;
use crate::widgets::{bars, paint};

/// So many candidates are visible.
const CANDIDATES: usize = 8;

/// Columns of the palette, where there is room.
const PALETTE_WIDTH: u16 = 90;

/// Rows of the palette, where there is room.
const PALETTE_ROWS: u16 = 16;

pub(crate) fn paint(model: &Model, frame: &mut Frame<'_>) {
    let theme = model.theme();
    let screen = frame.area();
    let buf = frame.buffer_mut();
    match &model.prompt {
        Some(Prompt::Command(command)) => paint_candidates(model, command, buf, theme),
        Some(Prompt::Value(edit)) => {
            let width = usize::from(model.size.0);
            let about = about_value(edit).into_iter();
            let lines: Vec<_> = about.flat_map(|line| line.wrap_words(width)).collect();
            paint_above(model, &lines, buf, theme);
        }
        Some(Prompt::Choose(chooser)) => {
            let area = chooser_area(model, chooser).intersection(screen);
            paint_chooser(chooser, area, buf, theme);
        }
        Some(Prompt::Palette(palette)) => {
            let area = palette_area(model).intersection(screen);
            paint_palette(palette, area, buf, theme);
        }
        Some(_) => {}
        None => paint_message(model, buf, theme),
    }
}

/// What went wrong, in full, where it does not fit into the bar.
fn paint_message(model: &Model, buf: &mut Buffer, theme: Theme) {
    let Some(message) = model.message.as_ref().filter(|message| message.only_here) else {
        return;
    };
    let width = usize::from(model.size.0);
    let mut text = Text::plain(Role::Error, format!("{}: ", message.level.name()));
    text.push_str(Role::Error, &message.text);
    if text.width() <= width {
        return;
    }
    let mut lines = vec![Text::plain(Role::Dim, "─".repeat(width))];
    lines.extend(text.wrap_words(width));
    paint_above(model, &lines, buf, theme);
}

// The prompt

/// Paints lines directly above the status.
fn paint_above(model: &Model, lines: &[Text], buf: &mut Buffer, theme: Theme) {
    let areas = bars::areas(model);
    let bottom = areas.status.y;
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(bottom);
    let area = Rect {
        x: 0,
        y: bottom - count,
        width: model.size.0,
        height: count,
    };
    let area = area.intersection(buf.area);
    clear(buf, area, theme);
    for (y, line) in lines.iter().enumerate() {
        paint::row(buf, area, y, line, theme);
    }
}

fn clear(buf: &mut Buffer, area: Rect, theme: Theme) {
    Clear.render(area, buf);
    if let Some(base) = theme.base() {
        buf.set_style(area, base);
    }
}

fn paint_candidates(model: &Model, command: &CommandLine, buf: &mut Buffer, theme: Theme) {
    let width = usize::from(model.size.0);
    let mut lines = vec![Text::plain(Role::Dim, "─".repeat(width))];
    let offered = &command.offered;
    let count = offered.candidates.len();
    let taken = offered.taken.unwrap_or(0);
    let first = taken
        .saturating_sub(CANDIDATES / 2)
        .min(count.saturating_sub(CANDIDATES));
    let names = offered.candidates.iter().skip(first).take(CANDIDATES);
    let widest = names
        .clone()
        .map(|candidate| Text::plain(Role::Text, &*candidate.text).width())
        .max();
    let widest = widest.unwrap_or(0).min(width / 2);
    for (at, candidate) in names.enumerate() {
        let is_taken = offered.taken == Some(first + at);
        let role = if is_taken {
            Role::Chosen
        } else {
            Role::Command
        };
        let mut line = Text::plain(Role::Text, if is_taken { "> " } else { "  " });
        let mut name = Text::default();
        name.push_str(role, &candidate.text);
        line.append_cut(name, widest);
        line.pad_to(widest + 4);
        line.push_str(Role::Dim, &candidate.help);
        lines.push(line);
    }
    if count > CANDIDATES {
        let more = format!("  {} of {count}; tab goes through them", taken + 1);
        lines.push(Text::plain(Role::Hint, more));
    }
    let about = about_word(command).into_iter();
    lines.extend(about.flat_map(|line| line.wrap_words(width)));
    paint_above(model, &lines, buf, theme);
}

/// The command that is typed, and what the word at the cursor is for.
fn about_word(command: &CommandLine) -> Vec<Text> {
    let before = command.line.before();
    let Some(hint) = hint(before) else {
        let text = match command.line.is_empty() {
            true => {
                "  Type a command. tab completes, up and down go through what was typed before, esc leaves."
            }
            false => "",
        };
        return (!text.is_empty())
            .then(|| Text::plain(Role::Hint, text))
            .into_iter()
            .collect();
    };
    let mut usage = Text::plain(Role::Text, "  ");
    usage.push(Role::Command, hint.command.name);
    for (nth, param) in hint.command.params.iter().enumerate() {
        let here = hint.param.is_some() && nth == hint.nth;
        usage.push(Role::Text, " ");
        usage.push(if here { Role::Chosen } else { Role::Text }, param.shown());
    }
    usage.push(Role::Dim, format!("  {}", hint.command.short_help()));
    let mut lines = vec![usage];
    if let Some(param) = hint.param {
        let mut line = Text::plain(Role::Text, "  ");
        line.push(Role::Name, param.name);
        line.push(Role::Dim, format!(": {}", about_param(param, before)));
        lines.push(line);
        if hint.command.takes_filter(hint.nth, option_of(before)) {
            let examples = format!("  for example: {}", commands::FILTER_EXAMPLES);
            lines.push(Text::plain(Role::Hint, examples));
        }
    }
    if let Some(error) = &command.error {
        let mut line = Text::plain(Role::Error, "  error: ");
        line.push_str(Role::Error, error);
        lines.push(line);
    }
    lines
}

fn about_param(param: &Param, before: &str) -> String {
    let option = (param.kind == ArgKind::OptionValue).then(|| option_of(before));
    if let Some(def) = option.flatten() {
        let kind = match def.choices {
            [] => def.default.type_name().to_owned(),
            choices => choices.join(", "),
        };
        // How a value is written stands behind what it is for.
        let mut text = format!("{} ({kind})", def.help.trim_end_matches('.'));
        if matches!(def.default, options::Default::List(_)) {
            text.push_str(
                ". What is given takes the place of what is there; one with blanks stands in quotes",
            );
        }
        return text;
    }
    param.kind.help().to_owned()
}

/// The option whose value is typed.
fn option_of(before: &str) -> Option<&'static options::OptionDef> {
    let words = lex::words(before);
    let mut names = words.iter().rev();
    names.find_map(|word| options::def(&word.text))
}

/// What the words of a line are: the command, and what does not fit.
pub(crate) fn word_roles(line: &str) -> Vec<(Range<usize>, Role)> {
    let words = lex::words(line);
    let mut roles = Vec::new();
    for (nth, word) in words.iter().enumerate() {
        let role = if nth == 0 {
            match commands::def(&word.text) {
                Some(def) if def.is_available() => Role::Command,
                Some(_) => Role::Warn,
                None if commands::all().any(|def| def.name.starts_with(&word.text)) => Role::Text,
                None => Role::Error,
            }
        } else {
            let before = line.get(..word.range.end).unwrap_or_default();
            // Within the word, it is known what it is for.
            let inside = before.get(..word.range.start + 1).unwrap_or(before);
            match hint(inside) {
                Some(hint) => match hint.param {
                    Some(param) if Arg::read(param.kind, &word.text).is_err() => Role::Error,
                    Some(param) if param.kind == ArgKind::Command => Role::Command,
                    Some(_) => Role::Text,
                    None => Role::Error,
                },
                None => Role::Text,
            }
        };
        roles.push((word.range.clone(), role));
    }
    roles
}

/// The parameters for which there is no word yet.
pub(crate) fn missing(line: &str) -> String {
    if !line.ends_with(' ') {
        return String::new();
    }
    let Some(hint) = hint(line) else {
        return String::new();
    };
    let rest = hint.command.params.iter().skip(hint.nth);
    let rest: Vec<_> = rest
        .filter(|_| hint.param.is_some())
        .map(Param::shown)
        .collect();
    rest.join(" ")
}

fn about_value(edit: &ValueEdit) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(def) = options::def(edit.option) {
        let mut line = Text::plain(Role::Heading, def.name);
        line.push(
            Role::Dim,
            format!("  {}: {}", def.default.type_name(), def.short_help()),
        );
        lines.push(line);
    }
    if edit.for_next {
        let text = "It is looked at when Ratel starts. enter keeps it in config.yaml for the next start, esc leaves it.";
        lines.push(Text::plain(Role::Warn, text));
    }
    if let Some(error) = &edit.error {
        let mut line = Text::plain(Role::Error, "error: ");
        line.push_str(Role::Error, error);
        lines.push(line);
    }
    lines
}

// Lists to choose from

/// How many choices are visible, of so many.
pub(crate) fn chooser_rows(model: &Model, len: usize) -> usize {
    len.min(usize::from(model.size.1.saturating_sub(6)).max(1))
}

fn chooser_area(model: &Model, chooser: &Chooser) -> Rect {
    let shown = chooser.shown();
    let widest = chooser
        .choices
        .iter()
        .map(|choice| safe(choice).chars().count())
        .max()
        .unwrap_or(0);
    let width = (widest + 10).max(chooser.title.chars().count() + 4).max(24);
    let filter = usize::from(chooser.filter.is_some());
    let height = chooser_rows(model, shown.len().max(1)) + 2 + filter;
    centred(model, width, height)
}

fn centred(model: &Model, width: usize, height: usize) -> Rect {
    let (columns, rows) = model.size;
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(columns);
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(rows);
    Rect {
        x: (columns - width) / 2,
        y: (rows - height) / 2,
        width,
        height,
    }
}

/// Which of the shown choices is there.
pub(crate) fn chooser_row(model: &Model, chooser: &Chooser, x: u16, y: u16) -> Option<usize> {
    let inner = inner(chooser_area(model, chooser));
    let filter = u16::from(chooser.filter.is_some());
    let len = chooser.shown().len();
    row_at(inner, filter, x, y)
        .map(|row| chooser.select.visible(len, chooser_rows(model, len)).start + row)
}

fn row_at(inner: Rect, above: u16, x: u16, y: u16) -> Option<usize> {
    let at = ratatui::layout::Position { x, y };
    let row = y.checked_sub(inner.y + above)?;
    inner.contains(at).then_some(usize::from(row))
}

/// What a box leaves inside.
fn inner(area: Rect) -> Rect {
    area.inner(ratatui::layout::Margin::new(1, 1))
}

fn paint_box(buf: &mut Buffer, area: Rect, title: &str, theme: Theme) -> Rect {
    clear(buf, area, theme);
    let columns = usize::from(area.width.saturating_sub(2));
    let mut top = Text::plain(Role::Dim, "┌");
    let mut name = Text::plain(Role::Heading, format!(" {} ", safe(title)));
    if title.is_empty() {
        name = Text::default();
    }
    top.append_cut(name, columns);
    top.push(
        Role::Dim,
        "─".repeat((columns + 1).saturating_sub(top.width())),
    );
    top.push(Role::Dim, "┐");
    paint::row(buf, area, 0, &top, theme);
    let last = usize::from(area.height.saturating_sub(1));
    let mut side = Text::plain(Role::Dim, "│");
    side.pad_to(columns + 1);
    side.push(Role::Dim, "│");
    for y in 1..last {
        paint::row(buf, area, y, &side, theme);
    }
    let bottom = format!("└{}┘", "─".repeat(columns));
    if last > 0 {
        paint::row(buf, area, last, &Text::plain(Role::Dim, bottom), theme);
    }
    inner(area)
}

/// Says in the edges of a box how many rows are beyond them.
fn paint_more(buf: &mut Buffer, area: Rect, visible: &Range<usize>, len: usize, theme: Theme) {
    let last = usize::from(area.height.saturating_sub(1));
    let edges = [
        (0, "▲", visible.start),
        (last, "▼", len.saturating_sub(visible.end)),
    ];
    for (y, arrow, count) in edges.into_iter().filter(|(.., count)| *count > 0) {
        let text = Text::plain(Role::Key, format!(" {arrow} {count} more "));
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let Some(x) = area.width.checked_sub(width + 2) else {
            continue;
        };
        let edge = Rect {
            x: area.x + x,
            width,
            ..area
        };
        paint::row(buf, edge, y, &text, theme);
    }
}

fn paint_chooser(chooser: &Chooser, area: Rect, buf: &mut Buffer, theme: Theme) {
    let mut inner = paint_box(buf, area, &chooser.title, theme);
    if let Some(filter) = &chooser.filter {
        let mut line = Text::plain(Role::Key, "/");
        let room = usize::from(inner.width).saturating_sub(1);
        line.append_cut(filter.show(room, |_| Role::Text), room);
        paint::row(buf, inner, 0, &line, theme);
        inner.y += 1;
        inner.height = inner.height.saturating_sub(1);
    }
    let shown = chooser.shown();
    if shown.is_empty() {
        paint::row(
            buf,
            inner,
            0,
            &Text::plain(Role::Dim, " none is called so"),
            theme,
        );
    }
    let visible = chooser.select.visible(shown.len(), inner.height.into());
    paint_more(buf, area, &visible, shown.len(), theme);
    for (y, at) in visible.enumerate() {
        let Some((key, choice)) = shown.get(at) else {
            break;
        };
        let mut line = Text::plain(
            Role::Text,
            if at == chooser.select.focus { ">" } else { " " },
        );
        let key = key.map_or("   ".to_owned(), |key| format!("{key}) "));
        line.push(Role::Key, key);
        line.push_str(Role::Text, choice);
        if chooser.current.as_deref() == Some(*choice) {
            line.push(Role::Changed, " *");
        }
        if at == chooser.select.focus {
            line.pad_to(inner.width.into());
            paint::bar(buf, inner, y, &line, Role::Chosen, theme);
        } else {
            paint::row(buf, inner, y, &line, theme);
        }
    }
}

// The palette

fn palette_area(model: &Model) -> Rect {
    let (columns, rows) = model.size;
    let width = PALETTE_WIDTH
        .min(columns.saturating_sub(2))
        .max(columns.min(20));
    let height = (PALETTE_ROWS + 3).min(rows);
    centred(model, width.into(), height.into())
}

/// How many commands are visible.
pub(crate) fn palette_rows(model: &Model) -> usize {
    usize::from(inner(palette_area(model)).height.saturating_sub(1)).max(1)
}

/// Which of the found commands is there.
pub(crate) fn palette_row(model: &Model, palette: &Palette, x: u16, y: u16) -> Option<usize> {
    let inner = inner(palette_area(model));
    let visible = palette
        .select
        .visible(palette.found.len(), palette_rows(model));
    row_at(inner, 1, x, y).map(|row| visible.start + row)
}

fn paint_palette(palette: &Palette, area: Rect, buf: &mut Buffer, theme: Theme) {
    let inner = paint_box(buf, area, "Commands", theme);
    let mut line = Text::plain(Role::Key, "> ");
    let room = usize::from(inner.width).saturating_sub(2);
    line.append_cut(palette.line.show(room, |_| Role::Text), room);
    paint::row(buf, inner, 0, &line, theme);
    let list = Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    if palette.found.is_empty() {
        let text = " nothing is called so";
        paint::row(buf, list, 0, &Text::plain(Role::Dim, text), theme);
    }
    let width = usize::from(list.width);
    let visible = palette
        .select
        .visible(palette.found.len(), list.height.into());
    paint_more(buf, area, &visible, palette.found.len(), theme);
    for (y, at) in visible.enumerate() {
        let Some((nth, places)) = palette.found.get(at) else {
            break;
        };
        let Some(entry) = palette.all.get(*nth) else {
            break;
        };
        let focused = at == palette.select.focus;
        let mut line = Text::plain(Role::Text, if focused { "> " } else { "  " });
        let keys = Text::plain(Role::Key, format!(" {}", entry.keys));
        let room = width.saturating_sub(line.width() + keys.width());
        let text = palette_text(entry);
        let help = entry.help.chars().count();
        let mut shown = Text::default();
        for (nth, c) in text.chars().enumerate() {
            let found = u32::try_from(nth).is_ok_and(|nth| places.contains(&nth));
            let role = match (found, nth < help) {
                (true, _) => Role::Found,
                (false, true) => Role::Text,
                (false, false) => Role::Dim,
            };
            shown.push_str(role, c.encode_utf8(&mut [0; 4]));
        }
        line.append_cut(shown, room);
        line.pad_to(width.saturating_sub(keys.width()));
        line.append_cut(keys, width);
        if focused {
            paint::bar(buf, list, y, &line, Role::Focus, theme);
        } else {
            paint::row(buf, list, y, &line, theme);
        }
    }
}
