//! All commands and bindings, found by a few letters.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratel_core::commands;

use crate::keymap::Key;
use crate::model::{CommandLine, Model, Palette, PaletteEntry, Prompt};
use crate::msg::Effect;
use crate::widgets::line_edit::{Edited, LineEdit};
use crate::widgets::overlay;
use crate::widgets::select::Select;

use super::commands::line;
use super::prompt;

/// Opens the palette.
pub(super) fn open(model: &mut Model) {
    let mut palette = Palette {
        line: LineEdit::default(),
        select: Select::default(),
        all: entries(model),
        found: Vec::new(),
    };
    find(&mut palette);
    model.prompt = Some(Prompt::Palette(Box::new(palette)));
}

/// What keys do here, then all other commands.
fn entries(model: &Model) -> Vec<PaletteEntry> {
    let lines = model.keymap.on(model.context());
    let bound = lines
        .iter()
        .filter(|line| line.binding.is_usable())
        .map(|line| {
            let keys: Vec<_> = line.keys.iter().map(Key::to_string).collect();
            PaletteEntry {
                help: line.binding.help.to_string(),
                command: line.binding.command.to_string(),
                keys: keys.join(", "),
                incomplete: false,
            }
        });
    let mut entries: Vec<_> = bound.collect();
    for def in commands::all().filter(|def| def.is_available() && def.tools.terminal) {
        if entries.iter().any(|entry| entry.command == def.name) {
            continue;
        }
        let needed = def
            .params
            .iter()
            .filter(|param| param.default.is_none() && !param.rest);
        let mut help = def.short_help().to_owned();
        if let Some(first) = help.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        entries.push(PaletteEntry {
            help,
            command: def.name.to_owned(),
            keys: String::new(),
            incomplete: needed.count() > 0,
        });
    }
    entries
}

/// Finds what matches what is typed.
pub(super) fn find(palette: &mut Palette) {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(
        palette.line.text(),
        CaseMatching::Smart,
        Normalization::Smart,
    );
    let mut found: Vec<(u32, usize, Vec<u32>)> = Vec::new();
    let mut buffer = Vec::new();
    for (nth, entry) in palette.all.iter().enumerate() {
        let text = haystack(entry);
        let mut places = Vec::new();
        let score = pattern.indices(Utf32Str::new(&text, &mut buffer), &mut matcher, &mut places);
        if let Some(score) = score {
            found.push((score, nth, places));
        }
    }
    // What is bound comes before what is not, where they match alike.
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    palette.found = found
        .into_iter()
        .map(|(_, nth, places)| (nth, places))
        .collect();
    palette.select.first();
}

/// The text that is searched, as it is shown.
pub(crate) fn haystack(entry: &PaletteEntry) -> String {
    format!("{}  {}", entry.help, entry.command)
}

/// A key while the palette is open.
pub(super) fn key(model: &mut Model, mut palette: Box<Palette>, key: Key) -> Vec<Effect> {
    let len = palette.found.len();
    let rows = overlay::palette_rows(model);
    let page = isize::try_from(rows.saturating_sub(1)).unwrap_or(1);
    match key {
        Key::Named("esc") | Key::Ctrl('c' | 'g') => return Vec::new(),
        Key::Named("enter") => return chosen(model, &palette, palette.select.focus),
        Key::Named("up" | "shift tab") | Key::Ctrl('p') => palette.select.step(-1, len),
        Key::Named("down" | "tab") | Key::Ctrl('n') => palette.select.step(1, len),
        Key::Named("page up") => palette.select.step(-page, len),
        Key::Named("page down") => palette.select.step(page, len),
        key => match palette.line.key(key) {
            Edited::Changed => find(&mut palette),
            Edited::Empty | Edited::Moved | Edited::No => {}
        },
    }
    let len = palette.found.len();
    palette.select.settle(len, rows);
    model.prompt = Some(Prompt::Palette(palette));
    Vec::new()
}

/// Runs what was chosen, or asks for what it lacks.
pub(super) fn chosen(model: &mut Model, palette: &Palette, row: usize) -> Vec<Effect> {
    let entry = palette
        .found
        .get(row)
        .and_then(|(nth, _)| palette.all.get(*nth));
    let Some(entry) = entry else {
        return Vec::new();
    };
    if entry.incomplete {
        return prompt::open(model, CommandLine::starting_with(&entry.command));
    }
    let command = entry.command.clone();
    line(model, &command)
}
