//! Options: every knob of the program, declared once.
//!
//! An *option* has a name, a type and a default ([`OptionDef`], in the files of `defs/`). The command line, `--set`,
//! configuration files, screens and the reference page are all made from that table. Code reads options through typed
//! [`keys`] from a [`Values`] snapshot; [`Options`] holds the current one and changes it in checked batches.
//!
//! An option whose feature does not exist yet is declared too, as [`Availability::Planned`], and refused with a sentence
//! that says so wherever it is given: nothing is accepted and ignored.

mod def;
mod defs;
pub mod file;
pub mod parse;
mod rules;
mod save;
mod set;

pub use def::{Availability, Check, Default, Key, OptionDef, Section, Size, Tools, Value};
pub use defs::{SECTIONS, keys};
pub use rules::{FileRule, FileRules, Hits, RULE_OPTIONS, RuleState};
pub use set::{Loaded, Options, Values};

use ratel_flow::format::with_hint;

use crate::mode::ModeError;

/// All declarations, in the order of the reference page.
pub fn all() -> impl Iterator<Item = &'static OptionDef> + Clone {
    SECTIONS.iter().flat_map(|section| section.defs)
}

/// The declaration of an option, planned ones included.
pub fn def(name: &str) -> Option<&'static OptionDef> {
    all().find(|def| def.name == name)
}

/// The declaration of an option that can be used.
///
/// # Errors
/// When there is no such option, or its feature is not there yet.
pub fn find(name: &str) -> Result<&'static OptionDef, OptionsError> {
    set::find(name).map(|(_, def)| def)
}

fn position(name: &str) -> Option<usize> {
    all().position(|def| def.name == name)
}

/// Why an option was not set; one sentence each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// There is no such option.
    #[error("there is no option '{name}'")]
    Unknown {
        /// What was given.
        name: String,
        /// The option that was probably meant.
        similar: Option<&'static str>,
    },
    /// The option is known, its feature does not exist yet.
    #[error("option '{name}' is not available yet: {what}")]
    Planned {
        /// The option.
        name: &'static str,
        /// What brings it.
        what: &'static str,
    },
    /// The value does not fit.
    #[error("invalid value for option '{name}': {reason}")]
    Invalid {
        /// The option.
        name: &'static str,
        /// What is wrong with the value.
        reason: String,
    },
    /// A value is required and none was given.
    #[error("option '{name}' needs a value")]
    Missing {
        /// The option.
        name: &'static str,
    },
    /// Several values for an option that takes one.
    #[error("option '{name}' takes one value, not {}: {}", values.len(), values.join(", "))]
    Several {
        /// The option.
        name: &'static str,
        /// What was given.
        values: Vec<String>,
    },
    /// The value of `mode` is wrong.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// A part of the program cannot work with the values.
    #[error("{message}")]
    Rejected {
        /// The sentence it gave.
        message: String,
    },
}

impl OptionsError {
    pub(crate) fn unknown(name: &str) -> Self {
        Self::Unknown {
            name: name.to_owned(),
            similar: parse::similar(name, all().map(|def| def.name)),
        }
    }

    /// The sentence with what can be done about it, in one line.
    pub fn with_hint(&self) -> String {
        with_hint(self, self.hint())
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown {
                similar: Some(name),
                ..
            } => Some(format!("did you mean `{name}`?")),
            Self::Unknown { similar: None, .. } => Some("`--options` lists all options".to_owned()),
            Self::Missing { name } => Some(format!("write `{name}=VALUE`")),
            Self::Mode(error) => error.hint(),
            Self::Planned { .. }
            | Self::Invalid { .. }
            | Self::Several { .. }
            | Self::Rejected { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
