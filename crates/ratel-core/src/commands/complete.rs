//! What may come next on a command line that is being typed.

use std::ops::Range;

use super::args::SELECTORS;
use super::call::results;
use super::def::{ArgKind, CommandDef, Param};
use super::lex::{self, Word};
use super::{all, def, operators};
use crate::marks;
use crate::options::{self, Default};

/// One that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word, not quoted.
    pub text: String,
    /// What it is, in a few words; may be empty.
    pub help: String,
}

/// What may stand in the place of the word at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the line that are replaced.
    pub range: Range<usize>,
    /// What is there so far, without quotes.
    pub typed: String,
    /// What begins like it.
    pub candidates: Candidates,
}

/// Those that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// These.
    Known(Vec<Candidate>),
    /// Files; who can read folders is to look for them.
    Paths,
}

/// The parameter that the word at the cursor is for.
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    /// The command.
    pub command: &'static CommandDef,
    /// The parameter; none where the line has more words than the command takes, or the cursor is on its name.
    pub param: Option<&'static Param>,
    /// Which of the command's parameters that is.
    pub nth: usize,
}

/// What may stand at the end of `line`, which is the part before the cursor. `choices` gives the results of a command.
pub fn complete(line: &str, choices: impl FnMut(&str) -> Vec<String>) -> Completion {
    let words = lex::words(line);
    let (before, word) = split(line, &words);
    let typed = word.map_or(String::new(), |word| word.text.clone());
    let range = word.map_or(line.len()..line.len(), |word| word.range.clone());
    let kind = if before.is_empty() {
        Some((ArgKind::Command, None))
    } else {
        param_of(before).and_then(|hint| {
            let param = hint.param?;
            Some((param.kind, previous(&hint, before)))
        })
    };
    if let Some((kind, option)) = kind
        && operators::wanted(kind, option.and_then(options::def))
        && let Some((word, candidates)) = operators::offered(&typed)
    {
        return Completion {
            range: line.len() - word.len()..line.len(),
            typed: word.to_owned(),
            candidates: Candidates::Known(candidates),
        };
    }
    let candidates = match kind {
        None => Candidates::Known(Vec::new()),
        Some((ArgKind::Path, _)) => Candidates::Paths,
        Some((kind, previous)) => Candidates::Known(known(kind, previous, &typed, choices)),
    };
    Completion {
        range,
        typed,
        candidates,
    }
}

/// What the word at the end of `line` is for; none while the name of the command is typed, or it is not known.
pub fn hint(line: &str) -> Option<Hint> {
    let words = lex::words(line);
    let (before, word) = split(line, &words);
    if before.is_empty() {
        let command = def(&word?.text)?;
        return Some(Hint {
            command,
            param: None,
            nth: 0,
        });
    }
    param_of(before)
}

/// The words before the cursor that are complete, and the one that is not.
fn split<'a>(line: &str, words: &'a [Word]) -> (&'a [Word], Option<&'a Word>) {
    match words.split_last() {
        Some((last, before))
            if last.range.end == line.len() && (last.quote.is_none() || !last.closed) =>
        {
            (before, Some(last))
        }
        _ => (words, None),
    }
}

/// The parameter that the word after these is for. One that is a command brings its own parameters along.
fn param_of(words: &[Word]) -> Option<Hint> {
    let (name, mut args) = words.split_first()?;
    let mut command = def(&name.text)?;
    'commands: loop {
        let mut nth = 0;
        while let Some(param) = command.param(nth) {
            let Some((word, rest)) = args.split_first() else {
                return Some(Hint {
                    command,
                    param: Some(param),
                    nth: nth.min(command.params.len().saturating_sub(1)),
                });
            };
            args = rest;
            nth += 1;
            let inner = (param.kind == ArgKind::Command).then(|| def(&word.text));
            let next_is_arg = command.param(nth).map(|next| next.kind) == Some(ArgKind::CommandArg);
            if let (Some(Some(inner)), true) = (inner, next_is_arg) {
                command = inner;
                continue 'commands;
            }
        }
        return Some(Hint {
            command,
            param: None,
            nth,
        });
    }
}

/// The word before, where it says what is to come.
fn previous<'a>(hint: &Hint, before: &'a [Word]) -> Option<&'a str> {
    let of_option = |param: &Param| param.kind == ArgKind::OptionValue;
    let value = hint.command.params.iter().position(of_option)?;
    // The words of the innermost command are the last ones.
    let name = before
        .iter()
        .rposition(|word| word.text == hint.command.name)?;
    before.get(name + value).map(|word| word.text.as_str())
}

fn known(
    kind: ArgKind,
    previous: Option<&str>,
    typed: &str,
    mut choices: impl FnMut(&str) -> Vec<String>,
) -> Vec<Candidate> {
    let plain = |texts: Vec<String>| texts.into_iter().map(|text| candidate(&text, "")).collect();
    let mut found: Vec<Candidate> = match kind {
        ArgKind::Command => all()
            .filter(|def| def.is_available())
            .map(|def| candidate(def.name, def.short_help()))
            .collect(),
        ArgKind::Bool => plain(vec!["true".into(), "false".into()]),
        ArgKind::Flow | ArgKind::Flows | ArgKind::FlowSpec => SELECTORS
            .iter()
            .map(|(name, _, help)| candidate(name, help))
            .collect(),
        ArgKind::Choice(from) | ArgKind::OneOf(from) => plain(results(from, &mut choices)),
        ArgKind::Marker => {
            let switches = ["true", "false"].map(|word| candidate(word, ""));
            let named = marks::names().map(|(name, sign)| candidate(&name, &sign));
            switches.into_iter().chain(named).collect()
        }
        ArgKind::OptionName => options::all()
            .filter(|def| def.is_available())
            .map(|def| candidate(def.name, def.short_help()))
            .collect(),
        ArgKind::OptionValue => plain(option_values(previous)),
        ArgKind::Cuts => cuts(typed),
        ArgKind::Str
        | ArgKind::Plain
        | ArgKind::Int
        | ArgKind::Bytes
        | ArgKind::Path
        | ArgKind::StrList
        | ArgKind::CommandArg
        | ArgKind::Filter => Vec::new(),
    };
    found.retain(|candidate| candidate.text.starts_with(typed));
    found.sort_by(|a, b| match kind {
        ArgKind::Command | ArgKind::OptionName => a.text.cmp(&b.text),
        _ => std::cmp::Ordering::Equal,
    });
    found
}

pub(super) fn candidate(text: &str, help: &str) -> Candidate {
    Candidate {
        text: text.to_owned(),
        help: help.to_owned(),
    }
}

fn option_values(option: Option<&str>) -> Vec<String> {
    let Some(def) = option.and_then(options::def) else {
        return Vec::new();
    };
    match def.default {
        Default::Bool(_) => ["true", "false", "toggle"].map(str::to_owned).to_vec(),
        _ => def
            .choices
            .iter()
            .map(|choice| (*choice).to_owned())
            .collect(),
    }
}

/// Attributes of flows that are asked for often; others are understood, too.
const CUTS: [(&str, &str); 30] = [
    ("request.method", ""),
    ("request.scheme", ""),
    ("request.host", ""),
    ("request.http_version", ""),
    ("request.port", ""),
    ("request.path", ""),
    ("request.url", ""),
    ("request.text", "the body as text"),
    ("request.content", "the body, decoded"),
    ("request.raw_content", "the body as sent"),
    ("request.timestamp_start", ""),
    ("request.timestamp_end", ""),
    ("request.header[", "a header by its name"),
    ("response.status_code", ""),
    ("response.reason", ""),
    ("response.text", "the body as text"),
    ("response.content", "the body, decoded"),
    ("response.raw_content", "the body as sent"),
    ("response.timestamp_start", ""),
    ("response.timestamp_end", ""),
    ("response.header[", "a header by its name"),
    ("client_conn.peername.port", ""),
    ("client_conn.peername.host", ""),
    ("client_conn.tls_version", ""),
    ("client_conn.sni", ""),
    ("client_conn.tls_established", ""),
    ("server_conn.address.port", ""),
    ("server_conn.address.host", ""),
    ("server_conn.peername.host", ""),
    ("server_conn.tls_established", ""),
];

/// The attribute after the last comma, with what stands before it.
fn cuts(typed: &str) -> Vec<Candidate> {
    let before = typed.rfind(',').map_or("", |comma| &typed[..=comma]);
    CUTS.iter()
        .map(|(name, help)| candidate(&format!("{before}{name}"), help))
        .collect()
}
