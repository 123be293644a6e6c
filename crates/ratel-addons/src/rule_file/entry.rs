//! The text of an option that an entry comes to.

use std::ops::Range;

use ratel_core::network;
use ratel_core::options::{RULE_OPTIONS, Values, keys};
use ratel_flow::filter::FilterOptions;
use ratel_flow::filter::spec::SpecError;
use ratel_flow::yaml::Place;

use super::read::{Action, Entry, Text};
use super::{Flaw, place};
use crate::{block_list, map_local, map_remote, modify_body, modify_headers};

/// What separates the parts of a rule: the first that none of them has.
const SEPARATORS: [char; 12] = [
    '/', '|', ':', '@', '#', '%', ',', ';', '!', '\u{1d}', '\u{1e}', '\u{1f}',
];

/// A rule as its option takes it.
struct Composed<'e> {
    spec: String,
    /// Which characters of it are which text of the file.
    parts: Vec<(Range<usize>, &'e Text)>,
}

/// What an option says of a rule: after how many characters it is wrong, and how.
struct Wrong {
    at: usize,
    what: String,
    hint: Option<String>,
}

impl Entry {
    /// The option that does what the entry says, and the rule as that takes it. None if something is wrong with it that has
    /// been said.
    pub(super) fn compile(
        &self,
        file: &str,
        options: &Values,
        filters: FilterOptions,
    ) -> Result<Option<(&'static str, String)>, Flaw> {
        let Some(Action { key, parts }) = self.action()? else {
            return Ok(None);
        };
        let name = key.name();
        let filter = self.filter.as_ref();
        let parts: Vec<Option<&Text>> = parts.iter().map(Option::as_ref).collect();
        let composed = if [keys::THROTTLE.name(), keys::FAULT.name()].contains(&name) {
            Composed::of_network(filter, &parts)
        } else {
            Composed::new(filter, &parts)
        };
        let composed = composed.ok_or_else(|| {
            let what = "there is no character left to separate the parts of this rule";
            Flaw::at(self.place, what)
        })?;
        if name == keys::BLOCK_LIST.name() && filter.is_none() {
            if self.is_flawed {
                return Ok(None);
            }
            return Err(Flaw::at(self.place, "`block_list` needs a filter")
                .hint("`filter: ~all` is for every flow"));
        }
        check(name, &composed.spec, options, filters).map_err(|wrong| Flaw {
            place: Some(composed.place(wrong.at, file).unwrap_or(self.place)),
            what: wrong.what,
            hint: wrong.hint,
        })?;
        Ok(Some((name, composed.spec)))
    }

    /// The one thing that it does; none if what is wrong with that has been said.
    fn action(&self) -> Result<Option<&Action>, Flaw> {
        match &self.actions[..] {
            [action] => Ok(Some(action)),
            [] if self.is_flawed => Ok(None),
            [] => {
                let names = RULE_OPTIONS.map(|key| key.name());
                let what = format!(
                    "this rule does nothing: it has none of {}",
                    names.join(", ")
                );
                Err(Flaw::at(self.place, what))
            }
            [one, other, ..] => {
                let (one, other) = (one.key.name(), other.key.name());
                let what = format!("this rule does two things, `{one}` and `{other}`");
                Err(Flaw::at(self.place, what).hint("write two rules"))
            }
        }
    }
}

impl<'e> Composed<'e> {
    /// `/FILTER/SUBJECT/REPLACEMENT`, or `/FILTER/VALUE`.
    fn new(filter: Option<&'e Text>, parts: &[Option<&'e Text>]) -> Option<Self> {
        let given = || filter.into_iter().chain(parts.iter().flatten().copied());
        let separator = SEPARATORS
            .into_iter()
            .find(|&separator| given().all(|text| !text.value.contains(separator)))?;
        let mut composed = Self::empty();
        for part in filter.map(Some).into_iter().chain(parts.iter().copied()) {
            composed.spec.push(separator);
            composed.push(part);
        }
        Some(composed)
    }

    /// `FILTER : WHAT`.
    fn of_network(filter: Option<&'e Text>, parts: &[Option<&'e Text>]) -> Option<Self> {
        let mut composed = Self::empty();
        if filter.is_some() {
            composed.push(filter);
            composed.spec.push_str(" : ");
        }
        parts.iter().for_each(|part| composed.push(*part));
        Some(composed)
    }

    fn empty() -> Self {
        Self {
            spec: String::new(),
            parts: Vec::new(),
        }
    }

    fn push(&mut self, part: Option<&'e Text>) {
        let Some(part) = part else { return };
        let from = self.spec.chars().count();
        let to = from + part.value.chars().count();
        self.spec.push_str(&part.value);
        self.parts.push((from..to, part));
    }

    /// Where in the file that character of the rule stands.
    fn place(&self, at: usize, file: &str) -> Option<Place> {
        // What is missing is missing at the end of what is there.
        let mut parts = self.parts.iter().rev();
        let (range, text) = parts.find(|(range, _)| range.start <= at)?;
        let within = at.min(range.end) - range.start;
        Some(place::within(text, within, file))
    }
}

/// Has the option read the rule.
fn check(name: &str, spec: &str, options: &Values, filters: FilterOptions) -> Result<(), Wrong> {
    let written = |error: SpecError| Wrong {
        at: error.position.saturating_sub(1),
        what: error.reason.to_string(),
        hint: error.hint(),
    };
    let network = |error: network::SpecError| Wrong {
        at: error.at,
        what: error.message,
        hint: error.hint,
    };
    match name {
        "modify_headers" => modify_headers::check(spec, options, filters).map_err(written),
        "modify_body" => modify_body::check(spec, options, filters).map_err(written),
        "map_remote" => map_remote::check(spec, options, filters).map_err(written),
        "map_local" => map_local::check(spec, options, filters).map_err(written),
        "block_list" => block_list::check(spec, options, filters).map_err(written),
        "throttle" => network::Rules::check_throttle(spec, filters).map_err(network),
        _ => network::Rules::check_fault(spec, filters).map_err(network),
    }
}
