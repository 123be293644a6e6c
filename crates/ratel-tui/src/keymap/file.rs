//! `keys.yaml`, as mitmproxy has it: a list of `{key, cmd, ctx, help}`.

use std::fmt;

use ratel_core::commands::{self, lex};
use ratel_core::options::parse::similar;
use ratel_flow::format::escape;
use ratel_flow::yaml::{self, Node, Resolved, Shape};

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

/// An entry as the file has it.
struct Entry<'n> {
    key: &'n Node,
    cmd: &'n Node,
    ctx: &'n [Node],
    help: &'n str,
}

/// The names that an entry has.
const NAMES: [&str; 4] = ["key", "cmd", "ctx", "help"];

/// Adds the bindings of a file to a keymap. What is wrong is left out and returned, the rest is bound.
pub fn parse(text: &str, keymap: &mut Keymap) -> Vec<KeymapError> {
    let read = yaml::read(text);
    let mut errors = Vec::new();
    for document in &read.documents {
        let Shape::List(entries) = &document.shape else {
            if document.resolved() != Some(Resolved::Null) {
                let wanted = "a list of bindings is wanted here, `- {key: KEY, cmd: COMMAND}`";
                errors.push(KeymapError::at(document, wanted));
            }
            continue;
        };
        for node in entries {
            let bound = entry(node).and_then(|entry| bind(&entry, keymap));
            errors.extend(bound.err());
        }
    }
    errors.extend(read.error.map(|error| KeymapError {
        line: u64::try_from(error.place.line).ok(),
        problem: error.with_hint(),
    }));
    errors
}

impl KeymapError {
    fn at(node: &Node, problem: impl Into<String>) -> Self {
        Self {
            line: u64::try_from(node.place.line).ok(),
            problem: problem.into(),
        }
    }
}

fn entry(node: &Node) -> Result<Entry<'_>, KeymapError> {
    let entries = node.entries();
    let wanted = || KeymapError::at(node, "a binding is `{key: KEY, cmd: COMMAND}`");
    let (mut key, mut cmd, mut ctx, mut help) = (None, None, &[][..], "");
    let mut known: Vec<&str> = Vec::new();
    for (name, value) in entries.ok_or_else(wanted)? {
        let text = name.text().unwrap_or_default();
        if known.contains(&text) {
            let problem = format!("`{text}` stands here for the second time");
            return Err(KeymapError::at(name, problem));
        }
        known.push(text);
        match (text, &value.shape) {
            ("ctx", Shape::List(names)) => ctx = names,
            ("ctx", _) if value.resolved() == Some(Resolved::Null) => {}
            ("ctx", _) => {
                let problem = "`ctx` is a list, such as `[flowlist]`";
                return Err(KeymapError::at(value, problem));
            }
            ("key" | "cmd" | "help", Shape::List(_) | Shape::Map(_)) => {
                let problem = format!("`{text}` is one text; put single quotes round it");
                return Err(KeymapError::at(value, problem));
            }
            ("key", _) => key = Some(value),
            ("cmd", _) => cmd = Some(value),
            ("help", _) => help = value.text().unwrap_or_default(),
            _ => {
                let text = escape(text);
                let problem = match similar(&text, NAMES.into_iter()) {
                    Some(similar) => {
                        format!("a binding has no `{text}`; did you mean `{similar}`?")
                    }
                    None => format!("a binding has no `{text}`; there are {}", NAMES.join(", ")),
                };
                return Err(KeymapError::at(name, problem));
            }
        }
    }
    let missing = |name| KeymapError::at(node, format!("this binding has no `{name}`"));
    Ok(Entry {
        key: key.ok_or_else(|| missing("key"))?,
        cmd: cmd.ok_or_else(|| missing("cmd"))?,
        ctx,
        help,
    })
}

fn bind(entry: &Entry<'_>, keymap: &mut Keymap) -> Result<(), KeymapError> {
    let name = entry.key.text().unwrap_or_default();
    let no_key = || KeymapError::at(entry.key, format!("'{}' is no key", escape(name)));
    let key = Key::parse(name).ok_or_else(no_key)?;
    let mut contexts = Vec::new();
    for node in entry.ctx {
        let name = node.text().unwrap_or_default();
        let context = Context::parse(name).ok_or_else(|| {
            let known: Vec<_> = Context::ALL.iter().map(|context| context.name()).collect();
            let problem = format!("'{}' is none of {}", escape(name), known.join(", "));
            KeymapError::at(node, problem)
        })?;
        contexts.push(context);
    }
    if contexts.is_empty() {
        contexts.push(Context::Global);
    }
    let command = entry.cmd.text().unwrap_or_default().trim();
    check(command).map_err(|problem| KeymapError::at(entry.cmd, problem))?;
    keymap.bind(&contexts, key, command, entry.help);
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
