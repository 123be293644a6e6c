//! Rules in a file (option `rules`): a YAML list of entries with a filter, an action and a switch.
//!
//! An entry is another way to write a rule of an option: it becomes the text that the option takes, and the addon of that
//! option reads it. So both mean the same, and what is wrong is told alike, by its line.

mod entry;
mod place;
mod watch;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ratel_core::options::{FileRule, FileRules, Values, keys};
use ratel_flow::filter::FilterOptions;
use serde_saphyr::Spanned;

use crate::rule;
use entry::Entry;

pub use watch::Watch;

/// The file in the configuration folder that is read if the option names none.
pub const NAME: &str = "rules.yaml";

/// The rules of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFile {
    /// All of them, in the order of the file.
    pub rules: FileRules,
}

/// What is wrong with a line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Line and column, from 1, where they can be told.
    pub place: Option<(u64, u64)>,
    /// What is wrong.
    pub what: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFileError {
    /// It cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Some of it is wrong. There is at least one flaw.
    #[error("{}", lines(path, flaws))]
    Flaws {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file.
        flaws: Vec<Flaw>,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// A line for each flaw, as compilers write them.
fn lines(path: &Path, flaws: &[Flaw]) -> String {
    let line = |flaw: &Flaw| format!("{}:{flaw}", path.display());
    flaws.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl RuleFile {
    /// How many rules are switched on.
    #[must_use]
    pub fn on(&self) -> usize {
        self.rules.iter().filter(|rule| rule.on).count()
    }

    /// How many are switched off.
    #[must_use]
    pub fn off(&self) -> usize {
        self.rules.len() - self.on()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or anything in it is wrong.
    pub fn load(
        path: &Path,
        options: &Values,
        filters: FilterOptions,
    ) -> Result<Self, RuleFileError> {
        let read = rule::read(path).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
        });
        let text = read.map_err(|source| RuleFileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, options, filters).map_err(|flaws| RuleFileError::Flaws {
            path: path.to_owned(),
            flaws,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// All that is wrong with its entries, or the first thing for which it is no list of such.
    pub fn parse(text: &str, options: &Values, filters: FilterOptions) -> Result<Self, Vec<Flaw>> {
        let yaml = serde_saphyr::options! {
            strict_booleans: true,
            with_snippet: false,
        };
        let entries: Option<Vec<Spanned<Entry>>> =
            serde_saphyr::from_str_with_options(text, yaml).map_err(|error| vec![flaw(&error)])?;
        let (mut file, mut flaws) = (Self::default(), Vec::new());
        let mut names: Vec<String> = Vec::new();
        for entry in entries.into_iter().flatten() {
            if let Some(name) = &entry.value.name {
                if names.contains(&name.value) {
                    let what = format!("a rule named '{}' stands here already", name.value);
                    flaws.push(Flaw::at(place::of(name), what));
                }
                names.push(name.value.clone());
            }
            match entry
                .value
                .compile(place::of(&entry), text, options, filters)
            {
                Ok((option, spec)) => file.rules.push(FileRule {
                    name: entry.value.name.map(|name| name.value),
                    option,
                    spec,
                    on: entry.value.on,
                }),
                Err(flaw) => flaws.push(flaw),
            }
        }
        if flaws.is_empty() {
            Ok(file)
        } else {
            Err(flaws)
        }
    }
}

impl Flaw {
    fn at(place: (u64, u64), what: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            what: what.into(),
            hint: None,
        }
    }
}

/// What the YAML reader says, without the place, which stands before it already.
fn flaw(error: &serde_saphyr::Error) -> Flaw {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.split(" at line ").next().unwrap_or(first);
    Flaw {
        place: error.location().map(|at| (at.line(), at.column())),
        what: first.strip_prefix("error: ").unwrap_or(first).to_owned(),
        hint: None,
    }
}

/// The file that the options name, and whether it has to be there.
#[must_use]
pub fn path(options: &Values) -> (PathBuf, bool) {
    match options.opt_path(keys::RULES) {
        Some(path) if !path.as_os_str().is_empty() => (path, true),
        _ => (options.confdir().join(NAME), false),
    }
}

/// The rules of the file that the options name; none if it need not be there and is not.
///
/// # Errors
/// As [`RuleFile::load`].
pub fn load(options: &Values, filters: FilterOptions) -> Result<RuleFile, RuleFileError> {
    let (path, named) = path(options);
    match RuleFile::load(&path, options, filters) {
        Err(RuleFileError::Read { source, .. }) if !named && is_absent(&source) => {
            Ok(RuleFile::default())
        }
        loaded => loaded,
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests;
