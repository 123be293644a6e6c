//! Configuration files and paths: the only place in this module that touches the file system.
//!
//! A configuration file is a YAML mapping of option names to values. Booleans are `true` and `false` only, as YAML 1.2
//! has it; merge keys and anchors work; a name that stands there twice is an error.

use std::io;
use std::path::{Path, PathBuf};

use ratel_flow::format::with_hint;
use ratel_flow::yaml::{self, Node, Resolved, Shape, YamlError};

use super::def::{Default, OptionDef, Value};
use super::{OptionsError, Values, keys};

/// The files read from the configuration folder, in this order; the later one wins.
pub const NAMES: [&str; 2] = ["config.yaml", "config.yml"];

/// What a file says that mitmproxy has written with all its defaults, wherever that file lies.
const MITMPROXY_CONFDIR: &str = "~/.mitmproxy";

/// Why a configuration file was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {problem}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The line, starting at 1, where it can be told.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: FileProblem,
}

/// What can be wrong with a configuration file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// It exists and cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is no YAML mapping.
    #[error("{0}")]
    Yaml(String),
    /// One of its options cannot be set.
    #[error(transparent)]
    Option(#[from] OptionsError),
    /// It names an option a second time.
    #[error("option '{0}' stands here for the second time")]
    Twice(&'static str),
    /// It exists and cannot be written.
    #[error("cannot be written: {0}")]
    Write(#[source] io::Error),
    /// It cannot be changed without losing something.
    #[error("is not changed: {0}")]
    Unclear(&'static str),
    /// It names another configuration folder than the one it lies in.
    #[error("option 'confdir' cannot be changed here, since this file was found through it")]
    Confdir,
}

impl FileError {
    pub(super) fn new(path: &Path, problem: impl Into<FileProblem>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            problem: problem.into(),
        }
    }

    /// What is said of a line that is passed over.
    pub fn passed_over(&self) -> String {
        let hint = match &self.problem {
            FileProblem::Option(error) => error.hint(),
            _ => None,
        };
        with_hint(&format_args!("{self}; this line changes nothing"), hint)
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            FileProblem::Option(error @ OptionsError::Planned { .. }) => Some(
                error
                    .hint()
                    .unwrap_or_else(|| "remove the line to go on without it".to_owned()),
            ),
            FileProblem::Option(error) => error.hint(),
            FileProblem::Confdir => {
                Some("pass `--set confdir=PATH` on the command line".to_owned())
            }
            FileProblem::Unclear(_) => Some("save to another file".to_owned()),
            FileProblem::Read(_)
            | FileProblem::Write(_)
            | FileProblem::Yaml(_)
            | FileProblem::Twice(_) => None,
        }
    }
}

impl FileProblem {
    /// Whether a file can be read that has it, as if the line were not there: it is about another program, an addon's option, or a
    /// feature that is not there yet and whose absence does not change traffic.
    fn is_passed_over(&self) -> bool {
        match self {
            Self::Option(OptionsError::Unknown { .. }) => true,
            Self::Option(OptionsError::Planned { name, .. }) => {
                super::def(name).is_some_and(|def| !def.needed)
            }
            _ => false,
        }
    }
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The options that it sets.
    pub(super) names: Vec<&'static str>,
    pub(super) passed_over: Vec<PassedOver>,
}

/// A line that was passed over.
#[derive(Debug)]
pub(super) struct PassedOver {
    /// The option, if there is one of that name.
    pub(super) name: Option<&'static str>,
    line: Option<u64>,
    problem: FileProblem,
}

impl PassedOver {
    pub(super) fn of(self, path: &Path) -> FileError {
        FileError {
            path: path.to_owned(),
            line: self.line,
            problem: self.problem,
        }
    }
}

impl Values {
    /// Reads the configuration files of the folder `confdir`; files that do not exist are passed over. Returns what in them was
    /// passed over: options that nobody knows, and options of features that are not there and without which traffic is the same.
    ///
    /// # Errors
    /// For the first file or line that is wrong; the options before it are set by then.
    pub fn load_files(&mut self) -> Result<Vec<FileError>, FileError> {
        let mut passed_over = Vec::new();
        let folder = self.confdir();
        for name in NAMES {
            let path = folder.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let said = self.load_text(&text);
                    let said = said.map_err(|(line, problem)| FileError {
                        path: path.clone(),
                        line,
                        problem,
                    })?;
                    passed_over.extend(said.passed_over.into_iter().map(|line| line.of(&path)));
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) => {}
                Err(error) => {
                    return Err(FileError {
                        path,
                        line: None,
                        problem: error.into(),
                    });
                }
            }
        }
        Ok(passed_over)
    }

    /// Reads one file, and returns what it says.
    ///
    /// # Errors
    /// When it cannot be read, or for the first line that is wrong.
    pub(super) fn load_file(&mut self, path: &Path) -> Result<Said, FileError> {
        let error = |line, problem| FileError {
            path: path.to_owned(),
            line,
            problem,
        };
        let text = std::fs::read_to_string(path).map_err(|source| error(None, source.into()))?;
        self.load_text(&text)
            .map_err(|(line, problem)| error(line, problem))
    }

    pub(super) fn load_text(&mut self, text: &str) -> Result<Said, (Option<u64>, FileProblem)> {
        let document = document(text)?;
        let entries = document.as_ref().map(|top| {
            let wanted = "names of options with their values are wanted here, `NAME: VALUE`";
            let wrong = || (line(top), FileProblem::Yaml(wanted.to_owned()));
            top.entries().ok_or_else(wrong)
        });
        let mut said = Said::default();
        for (name, value) in entries.transpose()?.unwrap_or_default() {
            let line = line(name);
            let name = name.text().unwrap_or_default();
            let def = match self.load_entry(name, Yaml::of(value)) {
                Ok(def) => def,
                Err(problem) if problem.is_passed_over() => {
                    said.passed_over.push(PassedOver {
                        name: super::def(name).map(|def| def.name),
                        line,
                        problem,
                    });
                    continue;
                }
                Err(problem) => return Err((line, problem)),
            };
            if said.names.contains(&def.name) {
                return Err((line, FileProblem::Twice(def.name)));
            }
            said.names.push(def.name);
        }
        Ok(said)
    }

    fn load_entry(&mut self, name: &str, yaml: Yaml) -> Result<&'static OptionDef, FileProblem> {
        let (_, def) = super::set::known(name)?;
        let value = yaml.into_value(def);
        super::set::refuse_planned(def, value.as_ref().ok())?;
        let value = value?;
        if def.name == keys::CONFDIR.name() {
            let same = matches!(&value, Value::Str(path)
                if path == MITMPROXY_CONFDIR || self.expand(path) == self.confdir());
            return if same {
                Ok(def)
            } else {
                Err(FileProblem::Confdir)
            };
        }
        if let (true, Value::List(specs)) = (def.name == keys::MODE.name(), &value) {
            for spec in specs {
                spec.parse::<crate::mode::ProxyMode>()
                    .map_err(OptionsError::from)?;
            }
        }
        self.set(name, value)?;
        Ok(def)
    }
}

/// The user's home directory.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// Replaces a leading `~` or `~/` by the home directory.
pub(crate) fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_path_buf(),
        (Some(rest), Some(home)) if rest.starts_with(['/', std::path::MAIN_SEPARATOR]) => {
            home.join(&rest[1..])
        }
        _ => PathBuf::from(path),
    }
}

/// The one document of a file; none if it says nothing.
fn document(text: &str) -> Result<Option<Node>, (Option<u64>, FileProblem)> {
    let wrong = |error: YamlError| {
        let line = u64::try_from(error.place.line).ok();
        (line, FileProblem::Yaml(error.with_hint()))
    };
    let read = yaml::read(text);
    if let Some(error) = read.error {
        return Err(wrong(error));
    }
    let says = |node: &Node| node.resolved() != Some(Resolved::Null);
    let mut documents = read.documents.into_iter().filter(says);
    let first = documents.next();
    match documents.next() {
        None => Ok(first),
        Some(second) => Err(wrong(YamlError::second_document(second.place))),
    }
}

fn line(node: &Node) -> Option<u64> {
    u64::try_from(node.place.line).ok()
}

/// A value as the file has it.
#[derive(Debug)]
enum Yaml {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Yaml>),
    /// Something no option takes, in words.
    Other(&'static str),
}

impl Yaml {
    fn of(node: &Node) -> Self {
        if node.tag.as_deref().is_some_and(|tag| tag != "str") {
            return Self::Other("a value with a tag");
        }
        match (&node.shape, node.resolved()) {
            (Shape::List(items), _) => Self::List(items.iter().map(Self::of).collect()),
            (_, Some(Resolved::Null)) => Self::Null,
            (_, Some(Resolved::Bool(value))) => Self::Bool(value),
            (_, Some(Resolved::Int(value))) => {
                i64::try_from(value).map_or(Self::Other("a number that is too big"), Self::Int)
            }
            (_, Some(Resolved::Float(_))) => Self::Other("a number with a fraction"),
            (_, Some(Resolved::Text(text))) => Self::Text(text.to_owned()),
            (_, None) => Self::Other("a mapping"),
        }
    }

    fn into_value(self, def: &'static OptionDef) -> Result<Value, OptionsError> {
        Ok(match (def.default, self) {
            (Default::Bool(_), Self::Bool(v)) => Value::Bool(v),
            (Default::Int(_), Self::Int(v)) => Value::Int(v),
            (Default::OptInt(_), Self::Int(v)) => Value::OptInt(Some(v)),
            (Default::OptInt(_), Self::Null) => Value::OptInt(None),
            (Default::Str(_) | Default::Size(_), Self::Text(v)) => Value::Str(v),
            (Default::Size(_), Self::Int(v)) => Value::Str(v.to_string()),
            (Default::OptStr(_), Self::Text(v)) => Value::OptStr(Some(v)),
            (Default::OptStr(_), Self::Null) => Value::OptStr(None),
            (Default::List(_), Self::List(items)) => {
                let texts = items.into_iter().map(|item| match item {
                    Self::Text(text) => Ok(text),
                    other => Err(other.mismatch(def, "text")),
                });
                Value::List(texts.collect::<Result<_, _>>()?)
            }
            // mitmproxy reads one file.
            (Default::List(_), Self::Text(path)) if def.name == keys::RFILE.name() => {
                Value::List(vec![path])
            }
            (Default::List(_), Self::Null) if def.name == keys::RFILE.name() => {
                Value::List(Vec::new())
            }
            (default, other) => {
                let expected = match default {
                    Default::Bool(_) => "true or false",
                    Default::Int(_) => "an integer",
                    Default::OptInt(_) => "an integer or null",
                    Default::Str(_) => "text",
                    Default::OptStr(_) => "text or null",
                    Default::List(_) => "a list of texts",
                    Default::Size(_) => "a size such as 64m",
                };
                return Err(other.mismatch(def, expected));
            }
        })
    }

    fn mismatch(&self, def: &'static OptionDef, expected: &str) -> OptionsError {
        let found = match self {
            Self::Null => "null".to_owned(),
            Self::Bool(v) => v.to_string(),
            Self::Int(v) => format!("the number {v}"),
            Self::Text(v) => format!("the text '{}'", v.escape_debug()),
            Self::List(_) => "a list".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        };
        OptionsError::Invalid {
            name: def.name,
            reason: format!("expected {expected}, found {found}"),
        }
    }
}

#[cfg(test)]
mod tests;
