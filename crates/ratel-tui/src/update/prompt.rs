//! The line at the bottom: commands, searches, values, yes or no.

use std::path::{Path, PathBuf};

use ratel_core::commands::{self, ArgKind, Candidate, Candidates, complete, lex};
use ratel_core::options::{self, keys};
use ratel_flow::filter::Filter;

use crate::keymap::Key;
use crate::model::{CommandLine, Confirm, Model, Offered, Prompt, Screen};
use crate::msg::Effect;
use crate::screens::commands as reference;
use crate::widgets::line_edit::{Edited, LineEdit};

use super::commands::{choices, line, run, run_confirmed};
use super::{choose, find, grid, palette, say, search, text_view};

/// More candidates than this are not offered.
const CANDIDATES_MAX: usize = 1000;

impl CommandLine {
    /// A line to be gone on with.
    pub(super) fn starting_with(line: &str) -> Self {
        let line = if line.is_empty() {
            String::new()
        } else {
            format!("{line} ")
        };
        Self {
            line: LineEdit::new(line),
            untouched: true,
            ..Self::default()
        }
    }

    /// A line that ends with a quoted value: the first character that is typed takes its place, and any other key edits it.
    pub(super) fn with_value(line: &str) -> Self {
        let mut prompt = Self::with_cursor_back(line, 1);
        if let Some(value) = lex::words(line).pop() {
            prompt.line = prompt.line.choosing_from(value.range.start);
        }
        prompt
    }

    /// A line with the cursor before the last so many bytes.
    pub(super) fn with_cursor_back(line: &str, bytes: usize) -> Self {
        Self {
            line: LineEdit::new(line).back(bytes),
            untouched: true,
            ..Self::default()
        }
    }
}

/// Opens the prompt.
pub(super) fn open(model: &mut Model, mut prompt: CommandLine) -> Vec<Effect> {
    // `;` leaves the cursor between the quotes of the comment.
    if prompt.line.text().ends_with("\"\" ") || prompt.line.text().ends_with("'' ") {
        let text = prompt.line.text().trim_end().to_owned();
        prompt = CommandLine::with_cursor_back(&text, 1);
    }
    let effects = offer(model, &mut prompt);
    model.prompt = Some(Prompt::Command(Box::new(prompt)));
    effects
}

/// Opens the prompt with the command that is in focus in the reference.
pub(super) fn with_command(model: &mut Model) {
    let Screen::Commands(table) = model.panes.current() else {
        return;
    };
    if let Some(def) = reference::rows().get(table.select.focus) {
        let prompt = CommandLine::starting_with(def.name);
        open(model, prompt);
    }
}

/// A key while there is a question.
pub(super) fn answered(model: &mut Model, prompt: Prompt, key: Key) -> Vec<Effect> {
    let leaves = matches!(key, Key::Named("esc") | Key::Ctrl('c' | 'g'));
    match prompt {
        Prompt::Confirm(confirm) => return confirm_key(model, confirm, key),
        Prompt::Searching(..) => say(model, "search cancelled"),
        Prompt::Choose(chooser) => return choose::key(model, chooser, key),
        Prompt::Palette(palette) => return palette::key(model, palette, key),
        _ if leaves => {}
        Prompt::Search(mut line) => match key {
            Key::Named("enter") => return search::begin(model, line.text()),
            key => {
                line.key(key);
                model.prompt = Some(Prompt::Search(line));
            }
        },
        Prompt::Find(line) => return find::key(model, line, key),
        Prompt::Value(edit) => return super::options::value_key(model, edit, key),
        Prompt::Command(command) => return command_key(model, command, key),
    }
    Vec::new()
}

/// The answer to a question. What is none is ignored, so that nothing that is typed after it is taken for commands.
fn confirm_key(model: &mut Model, confirm: Confirm, key: Key) -> Vec<Effect> {
    match (key, confirm) {
        (Key::Char('y' | 'Y'), Confirm::Quit) | (Key::Ctrl('c'), Confirm::Quit) => {
            return vec![Effect::Quit];
        }
        (Key::Char('y' | 'Y'), Confirm::DropText(_)) => text_view::leave(model),
        (Key::Char('y' | 'Y'), Confirm::DropRows(_)) => return grid::leave(model),
        (Key::Char('y' | 'Y'), Confirm::Run(_, words)) => return run(model, &words),
        (Key::Char('y' | 'Y'), Confirm::Remove(_, words)) => return run_confirmed(model, &words),
        (Key::Char('n' | 'N') | Key::Named("esc" | "enter") | Key::Ctrl('c' | 'g'), _) => {}
        (_, confirm) => model.prompt = Some(Prompt::Confirm(confirm)),
    }
    Vec::new()
}

/// Text that was pasted goes where text is typed.
pub(super) fn pasted(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut prompt = model.prompt.take();
    let mut effects = Vec::new();
    match &mut prompt {
        Some(Prompt::Command(command)) => {
            command.line.insert(text);
            effects = offer(model, command);
        }
        Some(Prompt::Search(line)) => line.insert(text),
        Some(Prompt::Find(find)) => find.line.insert(text),
        Some(Prompt::Value(edit)) => edit.line.insert(text),
        Some(Prompt::Palette(palette)) => {
            palette.line.insert(text);
            palette::find(palette);
        }
        Some(Prompt::Choose(chooser)) => {
            if let Some(filter) = &mut chooser.filter {
                filter.insert(text);
            }
        }
        Some(Prompt::Confirm(_) | Prompt::Searching(..)) => {}
        None if text_view::pasted(model, text) => {}
        None => super::grid::pasted(model, text),
    }
    model.prompt = prompt;
    effects
}

fn command_key(model: &mut Model, mut command: Box<CommandLine>, key: Key) -> Vec<Effect> {
    let mut effects = Vec::new();
    match key {
        Key::Named("enter") => {
            let text = command.line.text().to_owned();
            match not_taken(model, &text) {
                Some(why) => command.error = Some(why),
                None => return entered(model, &text),
            }
        }
        // What was asked for goes, and the question stays.
        Key::Ctrl('u') if command.line.clear_from(command.asked_from) => {
            effects = changed(model, &mut command);
        }
        Key::Named("tab") => {
            take(&mut command, true);
            if command.offered.candidates.len() == 1 && command.offered.taken.is_some() {
                // There is no other: on with the next word.
                command.line.insert(" ");
                effects = offer(model, &mut command);
            }
        }
        Key::Named("shift tab") => take(&mut command, false),
        Key::Named("up") | Key::Ctrl('p') => effects = walk(model, &mut command, true),
        Key::Named("down") | Key::Ctrl('n') => effects = walk(model, &mut command, false),
        key => match command.line.key(key) {
            Edited::Changed | Edited::Moved => effects = changed(model, &mut command),
            Edited::Empty | Edited::No => {}
        },
    }
    model.prompt = Some(Prompt::Command(command));
    effects
}

fn changed(model: &Model, command: &mut CommandLine) -> Vec<Effect> {
    command.in_history = false;
    command.untouched = false;
    command.error = None;
    offer(model, command)
}

/// Why a line is left to be put right: a filter that does not parse, a file that has no name yet.
fn not_taken(model: &Model, line: &str) -> Option<String> {
    let words = commands::words(line);
    let def = commands::def(words.first()?)?;
    let file = def.params.get(words.len() - 1);
    if file.is_some_and(|param| param.kind == ArgKind::Path && param.default.is_none()) {
        return Some("type a file name".to_owned());
    }
    let option = options::def(words.get(1)?);
    let filters = (1..words.len()).filter(|nth| def.takes_filter(nth - 1, option));
    let filter = words.get(filters.min()?..)?.join(" ");
    if filter.trim().is_empty() {
        return None;
    }
    let parsed = Filter::parse(&filter, model.filters());
    parsed.err().map(|error| error.to_string())
}

fn entered(model: &mut Model, text: &str) -> Vec<Effect> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let text = text.to_owned();
    let mut effects = keep(model, &text);
    let words = commands::words(&text);
    match written(model, &words) {
        Some(path) => effects.push(Effect::Exists(path, words)),
        None => effects.extend(line(model, &text)),
    }
    effects
}

/// The file that a command writes from its start.
pub(super) fn written(model: &Model, words: &[String]) -> Option<PathBuf> {
    let call = commands::parse_words(words).ok()?;
    if call.name() == "set" && options::def(call.str(0)).is_some_and(|def| def.writes_file) {
        let file = call.rest(1).join(" ");
        let is_new = !file.is_empty() && !file.starts_with('+');
        return is_new.then(|| model.values.expand(&file));
    }
    let nth = match call.name() {
        "save.file" | "save.har" => 1,
        "cut.save" | "export.file" => 2,
        "console.grideditor.save" => 0,
        _ => return None,
    };
    let path = call.path(nth);
    let appends = words.get(nth + 1)?.starts_with('+');
    (!appends && !path.as_os_str().is_empty()).then(|| path.to_owned())
}

/// Asks before something that somebody may need is gone.
pub(super) fn ask_to_replace(model: &mut Model, path: &Path, words: Vec<String>) {
    let question = format!("There is {}. Overwrite it", path.display());
    model.prompt = Some(Prompt::Confirm(Confirm::Run(question, words)));
}

/// Adds a line to the history.
pub(super) fn keep(model: &mut Model, line: &str) -> Vec<Effect> {
    let words = commands::words(line);
    let is_secret = words.iter().any(|word| {
        let name = word.split('=').next().unwrap_or_default();
        options::def(name).is_some_and(|def| def.secret)
    });
    let is_kept = model.history.add(line) && model.values.bool(keys::COMMAND_HISTORY) && !is_secret;
    if is_kept {
        vec![Effect::KeepHistory(line.trim().to_owned())]
    } else {
        Vec::new()
    }
}

/// Finds out what may stand at the cursor.
fn offer(model: &Model, command: &mut CommandLine) -> Vec<Effect> {
    let before = command.line.before();
    let found = complete(before, |from| choices(model, from));
    let (candidates, waiting) = match found.candidates {
        Candidates::Known(mut candidates) => {
            candidates.truncate(CANDIDATES_MAX);
            (candidates, false)
        }
        Candidates::Paths => (Vec::new(), true),
    };
    command.offered = Offered {
        start: found.range.start,
        typed: found.typed.clone(),
        candidates,
        taken: None,
        waiting,
    };
    if waiting {
        vec![Effect::Paths(found.typed)]
    } else {
        Vec::new()
    }
}

/// Files that begin with what was typed, if it still stands there.
pub(super) fn paths(model: &mut Model, typed: &str, mut found: Vec<Candidate>) {
    if let Some(Prompt::Command(command)) = &mut model.prompt
        && command.offered.waiting
        && command.offered.typed == typed
    {
        found.truncate(CANDIDATES_MAX);
        command.offered.candidates = found;
        command.offered.waiting = false;
    }
}

/// Puts the next candidate, or the one before, into the line.
fn take(command: &mut CommandLine, forth: bool) {
    let Offered {
        start,
        typed,
        candidates,
        taken,
        ..
    } = &mut command.offered;
    let count = candidates.len();
    // After the last one stands again what was typed.
    let next = match (*taken, forth) {
        (None, true) => Some(0),
        (None, false) => count.checked_sub(1),
        (Some(at), true) => Some(at + 1).filter(|at| *at < count),
        (Some(at), false) => at.checked_sub(1),
    };
    *taken = next.filter(|_| count > 0);
    let word = match taken.and_then(|at| candidates.get(at)) {
        Some(candidate) => {
            let is_open = candidate.text.ends_with(['/', '[']);
            let quoted = lex::quote(&candidate.text);
            // A folder is gone on with.
            if is_open {
                quoted.trim_end_matches('"').to_owned()
            } else {
                quoted
            }
        }
        None => typed.clone(),
    };
    command.line.replace(*start, &word);
    command.untouched = false;
    command.error = None;
}

/// Goes through the history by what was typed.
fn walk(model: &mut Model, command: &mut CommandLine, back: bool) -> Vec<Effect> {
    if !command.in_history {
        model.history.filter(command.line.text());
        command.in_history = true;
    }
    let found = if back {
        model.history.older()
    } else {
        model.history.newer()
    };
    match found {
        Some(line) => {
            command.line = LineEdit::new(line);
            offer(model, command)
        }
        None => Vec::new(),
    }
}
