//! Commands: what a user can have done by name, from a prompt, a key, a script, or another program.
//!
//! A *command* has a name, typed parameters and a help text ([`CommandDef`], in the files of `defs/`). Prompts, key bindings,
//! completion, the reference page and `--commands` are all made from that table. A line such as
//! `flow.mark @focus :star:` is split into words by [`lex`], held against the table by [`parse()`], and becomes a [`Call`] that an
//! [`Executor`] carries out.
//!
//! A command whose feature does not exist yet is declared too, as [`Availability::Planned`], and refused with a sentence that
//! says so: nothing is accepted and ignored.

mod args;
mod call;
mod complete;
mod def;
mod defs;
mod escape;
mod exec;
pub mod history;
pub mod lex;
mod operators;

pub use args::{Arg, FlowSpec};
pub use call::{Call, check_choices, parse, parse_words, words};
pub use complete::{Candidate, Candidates, Completion, complete, hint};
pub use def::{ArgKind, CommandDef, Param, Returns, Section};
pub use defs::SECTIONS;
pub use escape::{bytes as unescape_bytes, escaped, text as unescape};
pub use exec::{Executor, Output};
pub use operators::EXAMPLES as FILTER_EXAMPLES;

use crate::options::Availability;
use crate::options::parse::similar;

/// All declarations, in the order of the reference page.
pub fn all() -> impl Iterator<Item = &'static CommandDef> + Clone {
    SECTIONS.iter().flat_map(|section| section.defs)
}

/// The declaration of a command, planned ones included.
pub fn def(name: &str) -> Option<&'static CommandDef> {
    all().find(|def| def.name == name)
}

/// Why a command was not carried out; one sentence each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such command.
    #[error("Unknown command: {name}")]
    Unknown {
        /// What was given.
        name: String,
        /// The command that was probably meant.
        similar: Option<&'static str>,
    },
    /// There is no command at all.
    #[error("Invalid command: ''")]
    Empty,
    /// The command is known, its feature does not exist yet.
    #[error("command '{name}' is not available yet: {what}")]
    Planned {
        /// The command.
        name: &'static str,
        /// What brings it.
        what: &'static str,
    },
    /// The words do not fit the parameters.
    #[error("Command argument mismatch: {reason}")]
    Arguments {
        /// The command, which knows what it takes.
        command: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// It went wrong.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// A failure in words.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    fn unknown(name: &str) -> Self {
        // Dots and underscores are as easily mixed up as letters.
        Self::Unknown {
            name: name.to_owned(),
            similar: similar(name, all().map(|def| def.name)),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown {
                similar: Some(name),
                ..
            } => Some(format!("did you mean `{name}`?")),
            Self::Unknown { similar: None, .. } => {
                Some("`--commands` and the command reference list all commands".to_owned())
            }
            Self::Arguments { command, .. } => {
                def(command).map(|def| format!("it is called `{}`", def.usage()))
            }
            Self::Empty | Self::Planned { .. } | Self::Failed(_) => None,
        }
    }
}

/// The declaration of a command that can be used.
fn find(name: &str) -> Result<&'static CommandDef, CommandError> {
    let def = def(name).ok_or_else(|| CommandError::unknown(name))?;
    match def.availability {
        Availability::Available => Ok(def),
        Availability::Planned(what) => Err(CommandError::Planned {
            name: def.name,
            what,
        }),
    }
}

#[cfg(test)]
mod tests;
