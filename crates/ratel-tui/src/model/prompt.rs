//! What takes all keys until it is answered.

use ratel_core::commands::Candidate;
use ratel_flow::FlowId;

use super::FindLine;
use crate::editing::HERE;
use crate::source::Place;
use crate::widgets::line_edit::LineEdit;
use crate::widgets::select::Select;

/// A question, or a line that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// A command.
    Command(Box<CommandLine>),
    /// Yes or no.
    Confirm(Confirm),
    /// A text to search for.
    Search(LineEdit),
    /// What to look for in all flows.
    Find(Box<FindLine>),
    /// A search in a large body or message goes on.
    Searching(FlowId, Place),
    /// One of several.
    Choose(Box<Chooser>),
    /// One of all commands.
    Palette(Box<Palette>),
    /// The value of an option.
    Value(Box<ValueEdit>),
}

/// A command that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) line: LineEdit,
    pub(crate) offered: Offered,
    /// The history is being walked through: what was typed before that is its prefix.
    pub(crate) in_history: bool,
    /// The line was not changed since the prompt opened with it.
    pub(crate) untouched: bool,
    /// Where what is asked for begins; what stands before that is the question.
    pub(crate) asked_from: usize,
    /// Why the line was not taken.
    pub(crate) error: Option<String>,
}

/// What may stand in the place of the word at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    /// Where that word begins in the line.
    pub(crate) start: usize,
    /// The word as it was typed.
    pub(crate) typed: String,
    pub(crate) candidates: Vec<Candidate>,
    /// Which of them has been put into the line.
    pub(crate) taken: Option<usize>,
    /// Files are being looked for.
    pub(crate) waiting: bool,
}

/// What is confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// Leaving the program.
    Quit,
    /// A command, after this question.
    Run(String, Vec<String>),
    /// A command that removes flows, after this question. Live ones are ended by it.
    Remove(String, Vec<String>),
    /// Leaving a text that was edited, without its changes.
    DropText(String),
    /// Leaving a table that was edited, without its changes.
    DropRows(String),
}

impl Confirm {
    pub(crate) fn question(&self) -> String {
        match self {
            Self::Quit => "Quit?".to_owned(),
            Self::DropText(part) | Self::DropRows(part) => format!("Drop the changes of {part}?"),
            Self::Run(question, _) | Self::Remove(question, _) => {
                format!("{}?", question.trim_end_matches('?'))
            }
        }
    }
}

/// One of several, picked from a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chooser {
    pub(crate) title: String,
    pub(crate) choices: Vec<String>,
    /// The one that is in force.
    pub(crate) current: Option<String>,
    pub(crate) select: Select,
    /// A part of the names, as typed so far.
    pub(crate) filter: Option<LineEdit>,
    /// A key that was pressed and chooses none.
    pub(crate) strange: Option<char>,
    /// What is run, with the choice in the place of `{choice}`.
    pub(crate) then: Vec<String>,
}

/// The keys that choose, in the order of the choices, as mitmproxy has them. Letters that move, such as `j`, choose in a
/// long list.
const SHORTCUTS: &str = "123456789abcdefghijklmnoprstuvwxyz";

impl Chooser {
    pub(crate) fn new(
        title: String,
        choices: Vec<String>,
        current: Option<String>,
        then: Vec<String>,
    ) -> Self {
        let focus = choices
            .iter()
            .position(|choice| Some(choice) == current.as_ref());
        Self {
            title,
            choices,
            current,
            select: Select::at(focus.unwrap_or(0)),
            filter: None,
            strange: None,
            then,
        }
    }

    /// The keys that choose. A choice that is a way of doing another one has the capital of that one's letter, so that the
    /// letters of those that mitmproxy has are the same there.
    fn keys(&self) -> Vec<Option<char>> {
        let mut free = SHORTCUTS.chars();
        let base = |choice: &String| choice.strip_suffix(HERE).map(str::to_owned);
        let own: Vec<_> = self
            .choices
            .iter()
            .map(|choice| match base(choice) {
                Some(_) => None,
                None => free.next(),
            })
            .collect();
        let of = |name: &str| {
            let at = self.choices.iter().position(|choice| choice == name)?;
            let key = own.get(at).copied().flatten()?;
            Some(key.to_ascii_uppercase()).filter(|capital| *capital != key)
        };
        let mut keys: Vec<_> = self
            .choices
            .iter()
            .zip(&own)
            .map(|(choice, own)| base(choice).map_or(*own, |name| of(&name)))
            .collect();
        // Digits have no capitals: those get what is left.
        let taken: Vec<_> = keys.iter().copied().flatten().collect();
        let mut free = ('A'..='Z').filter(|capital| !taken.contains(capital));
        for (key, choice) in keys.iter_mut().zip(&self.choices) {
            if key.is_none() && base(choice).is_some() {
                *key = free.next();
            }
        }
        keys
    }

    /// The choices that are shown, with the keys that choose them.
    pub(crate) fn shown(&self) -> Vec<(Option<char>, &str)> {
        let part = self
            .filter
            .as_ref()
            .map(|filter| filter.text().to_lowercase());
        let shown = self.choices.iter().filter(|choice| {
            part.as_ref()
                .is_none_or(|part| choice.to_lowercase().contains(part))
        });
        match &part {
            None => self
                .keys()
                .into_iter()
                .zip(shown)
                .map(|(key, choice)| (key, choice.as_str()))
                .collect(),
            // Letters are typed meanwhile.
            Some(part) => {
                let mut shown: Vec<_> = shown.map(|choice| (None, choice.as_str())).collect();
                // What was typed in full is what is meant, and then what begins so.
                shown.sort_by_key(|(_, choice)| {
                    let choice = choice.to_lowercase();
                    (choice != *part, !choice.starts_with(part.as_str()))
                });
                shown
            }
        }
    }
}

/// All commands and bindings, of which one is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Palette {
    pub(crate) line: LineEdit,
    pub(crate) select: Select,
    pub(crate) all: Vec<Entry>,
    /// Which of them match what is typed, the best first, with the places of the letters.
    pub(crate) found: Vec<(usize, Vec<u32>)>,
}

/// What can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it does.
    pub(crate) help: String,
    /// The command line; what it lacks is asked for.
    pub(crate) command: String,
    /// The keys that do the same.
    pub(crate) keys: String,
    /// It lacks arguments.
    pub(crate) incomplete: bool,
}

/// The value of one option, being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueEdit {
    pub(crate) option: &'static str,
    /// It is for the next start: this one has looked at the option.
    pub(crate) for_next: bool,
    pub(crate) line: LineEdit,
    /// Why the value was not taken.
    pub(crate) error: Option<String>,
}
