//! What is wrong with a text of YAML, for people who write it now and then.

use granit_parser::ErrorKind;

use super::{COPIES_MAX, Place};

/// Why a text cannot be read (any further).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct YamlError {
    /// Where it stopped.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to write instead, where that is known.
    pub hint: Option<&'static str>,
}

/// Characters that begin something else than a value, and what that is, if it is anything.
const SIGNS: [(char, &str); 7] = [
    ('!', "a tag"),
    ('&', "an anchor"),
    ('*', "an alias"),
    ('@', ""),
    ('`', ""),
    ('%', ""),
    ('?', "a name"),
];

const QUOTES: &str = "put single quotes round the value";
const NOT_BELOW: &str = "this line is not indented as those before it are";
const INDENT: &str = "entries of one list or map begin below each other, indented with spaces";

impl YamlError {
    /// What is wrong, and what to write instead.
    #[must_use]
    pub fn with_hint(&self) -> String {
        match self.hint {
            Some(hint) => format!("{self}; {hint}"),
            None => self.to_string(),
        }
    }

    /// There is more than one document where one is read.
    #[must_use]
    pub fn second_document(place: Place) -> Self {
        let hint = "leave out the line with `---` before it";
        Self::new_at(place, "a second document begins here", Some(hint))
    }

    fn new_at(place: Place, what: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self {
            place,
            what: what.into(),
            hint,
        }
    }

    pub(super) fn no_anchor(place: Place) -> Self {
        let what = "this alias names nothing that stands above it with `&`";
        Self::new_at(place, what, Some(QUOTES))
    }

    pub(super) fn too_many_copies(place: Place) -> Self {
        let what = format!("aliases stand for more than {COPIES_MAX} values here");
        Self::new_at(place, what, None)
    }

    pub(super) fn too_deep(place: Place) -> Self {
        Self::new_at(place, "this is nested too deep", None)
    }

    /// What the parser stopped at, which is not always what is wrong.
    pub(super) fn new(kind: &ErrorKind, place: Place, text: &str) -> Self {
        use ErrorKind as Kind;
        if *kind == Kind::DirectiveDisallowed {
            let what = "a line that begins with `%` is a directive of YAML, which is not read here";
            return Self::new_at(place, what, Some("take the line out"));
        }
        let line = place
            .line
            .checked_sub(1)
            .and_then(|at| text.lines().nth(at));
        let line = line.unwrap_or_default();
        if let Some((column, sign, begins)) = sign(line, place.column) {
            let what = match begins {
                "" => format!("`{sign}` cannot begin a value in YAML"),
                begins => format!("`{sign}` at the beginning of a value is {begins} in YAML"),
            };
            let place = Place { column, ..place };
            return Self::new_at(place, what, Some(QUOTES));
        }
        let is_tab = matches!(
            kind,
            Kind::TabNotAllowed
                | Kind::TabInBlockIndentation
                | Kind::TabInIndentation
                | Kind::TabAtBlockScalarStart
                | Kind::TabInPlainScalar
        );
        if let Some(place) = tab(text, place, is_tab) {
            return Self::new_at(place, "a tab cannot indent in YAML", Some("write spaces"));
        }
        let (what, hint) = match kind {
            _ if is_tab => ("a tab cannot stand here in YAML", Some("write spaces")),
            Kind::UnknownAnchor => return Self::no_anchor(place),
            Kind::RecursionLimitExceeded => return Self::too_deep(place),
            _ if is_behind_bracket(line, place.column) => {
                ("more stands behind the closing bracket", Some(QUOTES))
            }
            // The one before goes on in a line that is indented further.
            Kind::MappingValueNotAllowed if begins_entry(line, place.column) => {
                (NOT_BELOW, Some(INDENT))
            }
            kind => said(kind),
        };
        Self::new_at(place, what, hint)
    }
}

/// What is wrong by the parser's kind of it, and what to write instead.
fn said(kind: &ErrorKind) -> (&'static str, Option<&'static str>) {
    use ErrorKind as Kind;
    match kind {
        Kind::InvalidBlockEntryWhitespace | Kind::InvalidMappingValueWhitespace => {
            ("a blank is wanted here", None)
        }
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar => {
            ("the quote is not closed", None)
        }
        Kind::InvalidQuotedScalarIndent => (
            "the quote is not closed on its line, and the next one is not indented",
            None,
        ),
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => (
            "there is no such escape in double quotes",
            Some("in single quotes a backslash is a backslash"),
        ),
        Kind::InvalidTrailingSingleQuotedScalar => (
            "more stands behind the closing quote",
            Some("a single quote within single quotes is written twice"),
        ),
        Kind::InvalidTrailingDoubleQuotedScalar => (
            "more stands behind the closing quote",
            Some("put single quotes round a value that has double quotes in it"),
        ),
        Kind::UnclosedFlowCollection { .. }
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping
        | Kind::InvalidFlowScalarIndent => ("`[` or `{` is not closed", None),
        Kind::MisplacedFlowCollectionEnd
        | Kind::MismatchedFlowCollectionEnd { .. }
        | Kind::ExpectedFlowMappingSeparator
        | Kind::ExpectedFlowSequenceSeparator
        | Kind::BlockEntryInFlowCollection
        | Kind::FlowMappingValueAdjacentCollection
        | Kind::InvalidColonPlacement
        | Kind::PlainScalarStartsWithDashFlowIndicator => (
            "the brackets do not fit: a comma, `]` or `}` is missing or stands where it does not belong",
            Some("put single quotes round a value with brackets or commas in it"),
        ),
        Kind::MappingValueNotAllowed | Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => (
            "`:` and a blank separate a name from its value, and there is none to separate here",
            Some("put single quotes round a value that has `: ` in it"),
        ),
        Kind::InvalidIndentation
        | Kind::ExpectedBlockMappingKey
        | Kind::ExpectedBlockSequenceEntry
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::MappingKeyNotAllowed
        | Kind::InvalidBlockScalarIndent
        | Kind::ExpectedDocumentStart
        | Kind::UnexpectedEofBlockSequence
        | Kind::UnexpectedEofBlockMapping => (NOT_BELOW, Some(INDENT)),
        Kind::CommentInterceptedScalar | Kind::CommentNotSeparated => (
            "`#` begins a remark here",
            Some("put single quotes round a value that has ` #` in it"),
        ),
        _ => ("this cannot be read as YAML", Some(QUOTES)),
    }
}

/// The sign that the first value of the line, or the one in that column, begins with: its column and what it means.
fn sign(line: &str, column: usize) -> Option<(usize, char, &'static str)> {
    let known = |column: usize| {
        let written = line.chars().nth(column.checked_sub(1)?)?;
        let (sign, begins) = SIGNS.into_iter().find(|(sign, _)| *sign == written)?;
        Some((column, sign, begins))
    };
    known(first_value(line)).or_else(|| known(column))
}

/// What stands in front of a column.
fn before(line: &str, column: usize) -> &str {
    let end = line.char_indices().nth(column.saturating_sub(1));
    line.get(..end.map_or(line.len(), |(end, _)| end))
        .unwrap_or(line)
}

/// Whether the first value of the line begins with a bracket, and the column is right behind a closing one.
fn is_behind_bracket(line: &str, column: usize) -> bool {
    let first = before(line, first_value(line)).len();
    let begins = line
        .get(first..)
        .is_some_and(|value| value.starts_with(['[', '{']));
    begins && before(line, column).trim_end().ends_with([']', '}'])
}

/// Whether nothing but a name stands in front of the column.
fn begins_entry(line: &str, column: usize) -> bool {
    let name = before(line, column).trim();
    !name.is_empty() && name.chars().all(is_in_name)
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// The column of the first value in a line: behind dashes, a name and its colon.
fn first_value(line: &str) -> usize {
    let mut rest = line.trim_start();
    while let Some(behind) = rest.strip_prefix("- ") {
        rest = behind.trim_start();
    }
    let name = rest.find(|c: char| !is_in_name(c));
    if let Some((_, value)) = name.map(|end| rest.split_at(end))
        && let Some(value) = value.strip_prefix(": ")
    {
        rest = value.trim_start();
    }
    let before = line.len() - rest.len();
    line.get(..before).unwrap_or(line).chars().count() + 1
}

/// The tab that indents the line in which something is wrong or, with `later`, the first line from there on that has one.
fn tab(text: &str, place: Place, later: bool) -> Option<Place> {
    let from = place.line.checked_sub(1)?;
    let lines = text.lines().enumerate().skip(from);
    let mut lines = lines.take(if later { usize::MAX } else { 1 });
    lines.find_map(|(nth, line)| {
        let blank = line.len() - line.trim_start().len();
        let column = line.get(..blank)?.find('\t')?;
        Some(Place {
            line: nth + 1,
            column: column + 1,
        })
    })
}
