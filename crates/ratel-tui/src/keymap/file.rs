//! `keys.yaml`, as mitmproxy has it: a list of `{key, cmd, ctx, help}`.

use std::fmt;

use ratel_core::commands::{self, lex};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Context, Key, Keymap};

/// What is wrong with a line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeymapError {
    /// The line, from 1, where it can be told.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for KeymapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: Spanned<String>,
    cmd: Spanned<String>,
    #[serde(default)]
    ctx: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    help: Option<String>,
}

/// Adds the bindings of a file to a keymap. What is wrong is left out and returned, the rest is bound.
pub fn parse(text: &str, keymap: &mut Keymap) -> Vec<KeymapError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    let entries: Option<Vec<Entry>> = match serde_saphyr::from_str_with_options(text, options) {
        Ok(entries) => entries,
        Err(error) => {
            let line = error.location().map(|location| location.line());
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.split(" at line ").next().unwrap_or(first);
            let problem = first.strip_prefix("error: ").unwrap_or(first).to_owned();
            return vec![KeymapError { line, problem }];
        }
    };
    let mut errors = Vec::new();
    for entry in entries.into_iter().flatten() {
        if let Err(error) = bind(&entry, keymap) {
            errors.push(error);
        }
    }
    errors
}

fn bind(entry: &Entry, keymap: &mut Keymap) -> Result<(), KeymapError> {
    let error = |at: &Spanned<String>, problem: String| KeymapError {
        line: Some(at.referenced.line()),
        problem,
    };
    let name = &entry.key.value;
    let key = Key::parse(name).ok_or_else(|| error(&entry.key, format!("'{name}' is no key")))?;
    let mut contexts = Vec::new();
    for name in entry.ctx.iter().flatten() {
        let context = Context::parse(&name.value).ok_or_else(|| {
            let known: Vec<_> = Context::ALL.iter().map(|context| context.name()).collect();
            let problem = format!("'{}' is none of {}", name.value, known.join(", "));
            error(name, problem)
        })?;
        contexts.push(context);
    }
    if contexts.is_empty() {
        contexts.push(Context::Global);
    }
    let command = entry.cmd.value.trim();
    check(command).map_err(|problem| error(&entry.cmd, problem))?;
    keymap.bind(
        &contexts,
        key,
        command,
        entry.help.as_deref().unwrap_or_default(),
    );
    Ok(())
}

/// Whether there is such a command. Whether its arguments fit shows when it runs.
pub(crate) fn check(command: &str) -> Result<(), String> {
    let words = lex::words(command);
    let Some(name) = words.first() else {
        return Err("the command is missing".to_owned());
    };
    if commands::def(&name.text).is_some() {
        return Ok(());
    }
    match commands::parse(&name.text) {
        Err(error) => Err(match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        }),
        Ok(_) => Ok(()),
    }
}
