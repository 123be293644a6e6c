//! From a line to a call, with every argument read as what it is for.

use std::borrow::Cow;
use std::path::Path;

use super::args::{Arg, FlowSpec};
use super::def::{ArgKind, CommandDef, Param};
use super::{CommandError, find, lex};

/// A command with its arguments. Those that were left out have their defaults.
#[derive(Clone, Debug)]
pub struct Call {
    def: &'static CommandDef,
    args: Vec<Arg>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        (self.name(), &self.args) == (other.name(), &other.args)
    }
}

impl Eq for Call {}

/// Reads a line.
///
/// # Errors
/// When there is no such command, it cannot be used yet, or its arguments do not fit. Choices are not looked at; for
/// these there is [`check_choices`].
pub fn parse(line: &str) -> Result<Call, CommandError> {
    parse_words(&words(line))
}

/// The words of a line, as its command takes them: the last parameter may be all that is left, as it stands.
pub fn words(line: &str) -> Vec<String> {
    let mut found = lex::words(line);
    let text = found.first().and_then(|name| {
        let params = super::def(&name.text)?.params;
        params.last().filter(|last| last.text).map(|_| params.len())
    });
    // One that is quoted is what stands between the quotes.
    let text = text.filter(|at| {
        let first = found.get(*at);
        first.is_some_and(|first| found.len() > at + 1 || !first.closed)
    });
    let rest = text.and_then(|at| {
        let first = found.get(at)?;
        let rest = line.get(first.range.start..)?.trim_end();
        Some(whole(first, rest).to_owned())
    });
    found.truncate(text.unwrap_or(found.len()));
    found
        .into_iter()
        .map(|word| word.text)
        .chain(rest)
        .collect()
}

/// What stands between the quotes of a text that has such a quote in a word of it, too: `'it's here'`.
fn whole<'a>(first: &lex::Word, rest: &'a str) -> &'a str {
    let quoted = first.quote.and_then(|quote| {
        let after = rest.get(first.range.len()..)?;
        let goes_on = first.closed && after.starts_with(|c: char| !c.is_whitespace());
        let inner = rest.strip_prefix(quote)?.strip_suffix(quote)?;
        goes_on.then_some(inner)
    });
    quoted.unwrap_or(rest)
}

/// As [`parse`], with the words told apart.
///
/// # Errors
/// As [`parse`].
pub fn parse_words<S: AsRef<str>>(words: &[S]) -> Result<Call, CommandError> {
    let (name, words) = words.split_first().ok_or(CommandError::Empty)?;
    let def = find(name.as_ref())?;
    let words: Vec<_> = words.iter().map(S::as_ref).collect();
    let words = match def.params.last().filter(|last| last.text) {
        Some(_) => joined(words, def.params.len()),
        None => words.into_iter().map(Cow::Borrowed).collect(),
    };
    let mut args = Vec::with_capacity(words.len());
    for (nth, word) in words.iter().enumerate() {
        let Some(param) = def.param(nth) else {
            let taken = match def.params.len() {
                0 => "no arguments".to_owned(),
                1 => "one argument".to_owned(),
                count => format!("{count} arguments"),
            };
            return Err(mismatch(def, format!("{} takes {taken}", def.name)));
        };
        args.push(read(def, param, word)?);
    }
    for param in def.params.iter().skip(words.len()).filter(|p| !p.rest) {
        match param.default {
            Some(default) => args.push(read(def, param, default)?),
            None => {
                let reason = format!("missing a required argument: '{}'", param.name);
                return Err(mismatch(def, reason));
            }
        }
    }
    Ok(Call { def, args })
}

/// So many words, of which the last one is all that are left.
fn joined(mut words: Vec<&str>, count: usize) -> Vec<Cow<'_, str>> {
    let rest = words.split_off(count.saturating_sub(1).min(words.len()));
    let rest = (!rest.is_empty()).then(|| Cow::Owned(rest.join(" ")));
    words.into_iter().map(Cow::Borrowed).chain(rest).collect()
}

fn read(def: &'static CommandDef, param: &Param, word: &str) -> Result<Arg, CommandError> {
    Arg::read(param.kind, word)
        .map_err(|reason| mismatch(def, format!("'{}': {reason}", param.name)))
}

fn mismatch(def: &CommandDef, reason: String) -> CommandError {
    CommandError::Arguments {
        command: def.name,
        reason,
    }
}

/// Holds the arguments that are choices against what there is to choose from.
///
/// # Errors
/// When one is not among them.
pub fn check_choices(
    call: &Call,
    mut choices: impl FnMut(&str) -> Vec<String>,
) -> Result<(), CommandError> {
    for (param, arg) in call.def.params.iter().zip(&call.args) {
        let (ArgKind::Choice(from) | ArgKind::OneOf(from), Arg::Str(chosen)) = (param.kind, arg)
        else {
            continue;
        };
        let choices = results(from, &mut choices);
        if !choices.iter().any(|choice| choice == chosen) {
            let reason = match choices.is_empty() {
                true => format!("'{}': there is nothing to choose from", param.name),
                false => format!(
                    "'{}': '{chosen}' is not one of {}",
                    param.name,
                    choices.join(", ")
                ),
            };
            return Err(mismatch(call.def, reason));
        }
    }
    Ok(())
}

/// What a command lists: always the same, or what it says now.
pub(super) fn results(command: &str, choices: &mut impl FnMut(&str) -> Vec<String>) -> Vec<String> {
    match super::def(command) {
        Some(def) if !def.lists.is_empty() => {
            def.lists.iter().map(|&text| text.to_owned()).collect()
        }
        _ => choices(command),
    }
}

impl Call {
    /// The declaration.
    pub fn def(&self) -> &'static CommandDef {
        self.def
    }

    /// The name of the command.
    pub fn name(&self) -> &'static str {
        self.def.name
    }

    /// The argument for the parameter with that number; empty when there is none, or it is no text.
    pub fn str(&self, nth: usize) -> &str {
        match self.args.get(nth) {
            Some(Arg::Str(text)) => text,
            _ => "",
        }
    }

    /// As [`str`](Self::str), for a number.
    pub fn int(&self, nth: usize) -> i64 {
        match self.args.get(nth) {
            Some(Arg::Int(number)) => *number,
            _ => 0,
        }
    }

    /// As [`str`](Self::str), for yes or no.
    pub fn bool(&self, nth: usize) -> bool {
        matches!(self.args.get(nth), Some(Arg::Bool(true)))
    }

    /// As [`str`](Self::str), for bytes.
    pub fn bytes(&self, nth: usize) -> &[u8] {
        match self.args.get(nth) {
            Some(Arg::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    /// As [`str`](Self::str), for a file.
    pub fn path(&self, nth: usize) -> &Path {
        match self.args.get(nth) {
            Some(Arg::Path(path)) => path,
            _ => Path::new(""),
        }
    }

    /// As [`str`](Self::str), for a list.
    pub fn list(&self, nth: usize) -> &[String] {
        match self.args.get(nth) {
            Some(Arg::List(list)) => list,
            _ => &[],
        }
    }

    /// As [`str`](Self::str), for flows; the ones in focus when there is no such argument.
    pub fn flows(&self, nth: usize) -> &FlowSpec {
        match self.args.get(nth) {
            Some(Arg::Flows(spec)) => spec,
            _ => &FlowSpec::Focus,
        }
    }

    /// The texts from the parameter with that number on.
    pub fn rest(&self, nth: usize) -> Vec<&str> {
        let args = self.args.iter().skip(nth);
        args.filter_map(|arg| match arg {
            Arg::Str(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
    }
}
