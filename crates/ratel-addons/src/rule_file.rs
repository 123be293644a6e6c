//! Rules in a file (option `rules`): a YAML list of entries with a filter, an action and a switch.
//!
//! An entry is another way to write a rule of an option: it becomes the text that the option takes, and the addon of that
//! option reads it. So both mean the same, and what is wrong is told alike, by its line.

mod entry;
mod place;
mod read;
mod watch;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ratel_core::options::{FileRule, FileRules, Values, keys};
use ratel_flow::filter::FilterOptions;
use ratel_flow::yaml::{self, Place, Resolved, YamlError};

use crate::rule;
use read::Reader;

pub use watch::Watch;

/// The file in the configuration folder that is read if the option names none.
pub const NAME: &str = "rules.yaml";

/// A file of rules has so many bytes at most.
const FILE_MAX: usize = 16 << 20;

/// Of so many things that are wrong each is told.
const FLAWS_SAID: usize = 50;

/// The rules of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFile {
    /// All of them, in the order of the file.
    pub rules: FileRules,
}

/// What is wrong with a line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where it stands, if that can be told.
    pub place: Option<Place>,
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
        if let Some(Place { line, column }) = self.place {
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
    let mut lines: Vec<_> = flaws.iter().take(FLAWS_SAID).map(line).collect();
    if flaws.len() > FLAWS_SAID {
        lines.push(format!(
            "{}: {} more",
            path.display(),
            flaws.len() - FLAWS_SAID
        ));
    }
    lines.join("\n")
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
            if bytes.len() > FILE_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
        });
        let text = read.map_err(|source| RuleFileError::Read {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder, options, filters).map_err(|flaws| RuleFileError::Flaws {
            path: path.to_owned(),
            flaws,
        })
    }

    /// Reads the text of a file that lies in `folder`, where the relative paths in it begin.
    ///
    /// # Errors
    /// All that is wrong with its entries, as far as it can be read.
    pub fn parse(
        text: &str,
        folder: &Path,
        options: &Values,
        filters: FilterOptions,
    ) -> Result<Self, Vec<Flaw>> {
        let read = yaml::read(text);
        let mut reader = Reader {
            folder,
            flaws: Vec::new(),
        };
        let mut entries = Vec::new();
        for (nth, document) in read.documents.iter().enumerate() {
            if nth > 0 && document.resolved() != Some(Resolved::Null) {
                let error = YamlError::second_document(document.place);
                reader.flaws.push(error.into());
            }
            entries.extend(reader.document(document));
        }
        if read.error.is_some()
            && let Some(last) = entries.last_mut()
        {
            // What is missing in it may stand behind what cannot be read.
            last.is_flawed = true;
        }
        let mut flaws = reader.flaws;
        flaws.extend(read.unused.iter().map(|place| {
            let what = "`&` in front of this value names it, and no `*` refers to that name";
            Flaw::at(*place, what).hint("put single quotes round what is meant as text")
        }));
        flaws.extend(read.error.map(Flaw::from));
        let mut file = Self::default();
        let mut names = HashSet::new();
        for entry in entries {
            if let Some(name) = &entry.name
                && !names.insert(name.value.clone())
            {
                let what = format!("a rule named '{}' stands here already", name.value);
                flaws.push(Flaw::at(name.place, what));
            }
            match entry.compile(text, options, filters) {
                Ok(None) => {}
                Ok(Some((option, spec))) => file.rules.push(FileRule {
                    name: entry.name.map(|name| name.value),
                    option,
                    spec,
                    on: entry.on,
                }),
                Err(flaw) => flaws.push(flaw),
            }
        }
        if flaws.is_empty() {
            return Ok(file);
        }
        flaws.sort_by_key(|flaw| flaw.place);
        Err(flaws)
    }
}

impl Flaw {
    fn at(place: Place, what: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            what: what.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<YamlError> for Flaw {
    fn from(error: YamlError) -> Self {
        Self {
            place: Some(error.place),
            what: error.what,
            hint: error.hint.map(str::to_owned),
        }
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
