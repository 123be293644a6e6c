//! Configuration files and paths: the only place in this module that touches the file system.
//!
//! A configuration file is a YAML mapping of option names to values. Booleans are `true` and `false` only, as YAML 1.2
//! has it; merge keys and anchors work; a name that stands there twice is an error.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ratel_flow::format::with_hint;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

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
        let options = serde_saphyr::options! {
            strict_booleans: true,
            // Told apart here, where it can be said in words that fit.
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            with_snippet: false,
        };
        let Entries(entries) =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| {
                let line = error.location().map(|location| location.line());
                (line, FileProblem::Yaml(one_line(&error)))
            })?;
        let mut said = Said::default();
        for (name, yaml) in entries {
            let line = Some(name.referenced.line());
            let def = match self.load_entry(&name.value, yaml) {
                Ok(def) => def,
                Err(problem) if problem.is_passed_over() => {
                    said.passed_over.push(PassedOver {
                        name: super::def(&name.value).map(|def| def.name),
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

/// The message without the position, which stands before it already, and without line breaks.
fn one_line(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text
        .split_once('\n')
        .map_or(text.as_str(), |(first, _)| first);
    let text = text.split(" at line ").next().unwrap_or(text);
    text.strip_prefix("error: ").unwrap_or(text).to_owned()
}

/// The top of a configuration file: names with their lines, in order.
struct Entries(Vec<(Spanned<String>, Yaml)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Top;
        impl<'de> Visitor<'de> for Top {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of option names to values")
            }

            fn visit_unit<E>(self) -> Result<Entries, E> {
                Ok(Entries(Vec::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_any(Top)
    }
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

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of an option")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Yaml, E> {
        Ok(Yaml::Int(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Yaml, E> {
        Ok(i64::try_from(v).map_or(Yaml::Other("a number that is too big"), Yaml::Int))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Yaml, E> {
        Ok(Yaml::Other("a number that is too big"))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Yaml, E> {
        Ok(Yaml::Other("a number that is too big"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Yaml, E> {
        Ok(Yaml::Other("a number with a fraction"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(v.to_owned()))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Yaml, E> {
        Ok(Yaml::Other("binary data"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Yaml::Other("a mapping"))
    }
}

#[cfg(test)]
mod tests;
