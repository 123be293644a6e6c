//! What words become once it is known what they are for.

use std::path::PathBuf;

use super::def::ArgKind;
use super::{CommandError, escape};
use crate::marks;
use crate::options::file;

/// Names that select flows by themselves.
pub(super) const SELECTORS: [(&str, FlowSpec, &str); 6] = [
    ("@all", FlowSpec::All, "all flows"),
    ("@focus", FlowSpec::Focus, "the flow in focus"),
    ("@shown", FlowSpec::Shown, "flows that the list shows"),
    (
        "@hidden",
        FlowSpec::Hidden,
        "flows that the filter of the list hides",
    ),
    ("@marked", FlowSpec::Marked, "flows with a mark"),
    ("@unmarked", FlowSpec::Unmarked, "flows without a mark"),
];

/// What selects flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowSpec {
    /// All.
    All,
    /// The one that has the focus.
    Focus,
    /// Those in the list.
    Shown,
    /// Those that the filter hides.
    Hidden,
    /// Those with a mark.
    Marked,
    /// Those without one.
    Unmarked,
    /// These: numbers as the list has them, or the long names that flow files give.
    Ids(Vec<String>),
    /// Those that match a filter expression, which is not checked yet.
    Filter(String),
}

impl FlowSpec {
    /// Reads what selects flows.
    ///
    /// # Errors
    /// A clause when it begins with `@` and is none of the known.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some((_, spec, _)) = SELECTORS.iter().find(|(name, ..)| *name == text) {
            return Ok(spec.clone());
        }
        let Some(ids) = text.strip_prefix('@') else {
            return Ok(Self::Filter(text.to_owned()));
        };
        let ids: Vec<_> = ids.split(',').map(str::to_owned).collect();
        let is_id = |id: &String| {
            let number = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
            let long = id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
            number || long
        };
        if ids.iter().all(is_id) {
            return Ok(Self::Ids(ids));
        }
        let names: Vec<_> = SELECTORS.iter().map(|(name, ..)| *name).collect();
        Err(format!(
            "'{text}' is none of {}, nor @ and the number of a flow",
            names.join(", ")
        ))
    }
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Text: of most kinds.
    Str(String),
    /// A number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A file.
    Path(PathBuf),
    /// Texts.
    List(Vec<String>),
    /// What selects flows.
    Flows(FlowSpec),
}

impl Arg {
    /// Reads a word as what a parameter takes.
    ///
    /// # Errors
    /// A clause about the word. Choices are not held against what there is.
    pub fn read(kind: ArgKind, word: &str) -> Result<Self, String> {
        Ok(match kind {
            ArgKind::Str | ArgKind::OptionValue | ArgKind::Filter => Self::Str(escape::text(word)?),
            ArgKind::Bytes => Self::Bytes(escape::bytes(word)?),
            ArgKind::Int => {
                let number = word.parse();
                Self::Int(number.map_err(|_| format!("'{word}' is not a whole number"))?)
            }
            ArgKind::Bool => match word {
                "true" => Self::Bool(true),
                "false" => Self::Bool(false),
                _ => return Err(format!("'{word}' is neither true nor false")),
            },
            ArgKind::Path => Self::Path(file::expand(word, file::home().as_deref())),
            ArgKind::StrList => Self::List(list(word)),
            ArgKind::Cuts => {
                let cuts = list(word);
                if let Some(cut) = cuts.iter().find(|cut| cut.is_empty() || cut.contains("._")) {
                    return Err(format!("'{cut}' is no attribute of a flow"));
                }
                Self::List(cuts)
            }
            ArgKind::Flow | ArgKind::Flows | ArgKind::FlowSpec => {
                Self::Flows(FlowSpec::parse(word)?)
            }
            ArgKind::Command => match super::find(word) {
                Ok(def) => Self::Str(def.name.to_owned()),
                Err(error @ CommandError::Unknown { .. }) => return Err(error.to_string()),
                // The one that is called says so itself.
                Err(_) => Self::Str(word.to_owned()),
            },
            ArgKind::Marker => Self::Str(marker(word)?),
            ArgKind::Plain
            | ArgKind::CommandArg
            | ArgKind::Choice(_)
            | ArgKind::OneOf(_)
            | ArgKind::OptionName => Self::Str(word.to_owned()),
        })
    }
}

fn list(word: &str) -> Vec<String> {
    word.split(',').map(|text| text.trim().to_owned()).collect()
}

/// `:default:` for `true`, nothing for `false`, else the name as it is.
fn marker(word: &str) -> Result<String, String> {
    match word {
        "true" => Ok(marks::DEFAULT.to_owned()),
        "false" | "" => Ok(String::new()),
        _ if marks::is_known(word) => Ok(word.to_owned()),
        _ => Err(format!(
            "'{word}' is no mark; there are true, false, single letters and digits, and names of emoji such as :star:"
        )),
    }
}
