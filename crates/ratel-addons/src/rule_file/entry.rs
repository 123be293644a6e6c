//! One entry of the file, and the text of an option that it comes to.

use std::ops::Range;

use ratel_core::network;
use ratel_core::options::{Key, Values, keys};
use ratel_flow::filter::FilterOptions;
use ratel_flow::filter::spec::SpecError;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Flaw, place};
use crate::{block_list, map_local, map_remote, modify_body, modify_headers};

/// What separates the parts of a rule: the first that none of them has.
const SEPARATORS: [char; 12] = [
    '/', '|', ':', '@', '#', '%', ',', ';', '!', '\u{1d}', '\u{1e}', '\u{1f}',
];

type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: Option<Text>,
    #[serde(default = "yes")]
    pub(super) on: bool,
    filter: Option<Text>,
    modify_headers: Option<SetHeader>,
    modify_body: Option<Replace>,
    map_remote: Option<Replace>,
    map_local: Option<FindFile>,
    block_list: Option<Text>,
    throttle: Option<Text>,
    fault: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetHeader {
    name: Text,
    /// Nothing takes the header out.
    value: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    find: Text,
    replace: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FindFile {
    find: Text,
    path: Text,
}

fn yes() -> bool {
    true
}

/// What an entry does, by the parts that its option separates.
struct Action<'e> {
    key: Key<Vec<String>>,
    parts: Vec<Option<&'e Text>>,
}

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
    /// The option that does what the entry says, and the rule as that takes it.
    pub(super) fn compile(
        &self,
        here: (u64, u64),
        file: &str,
        options: &Values,
        filters: FilterOptions,
    ) -> Result<(&'static str, String), Flaw> {
        let Action { key, parts } = self.action(here)?;
        let name = key.name();
        let composed = if [keys::THROTTLE.name(), keys::FAULT.name()].contains(&name) {
            Composed::of_network(self.filter.as_ref(), &parts)
        } else {
            Composed::new(self.filter.as_ref(), &parts)
        };
        let composed = composed.ok_or_else(|| {
            Flaw::at(
                here,
                "there is no character left to separate the parts of this rule",
            )
        })?;
        if name == keys::BLOCK_LIST.name() && self.filter.is_none() {
            let hint = Some("`filter: ~all` is for every flow".to_owned());
            return Err(Flaw {
                hint,
                ..Flaw::at(here, "`block_list` needs a filter")
            });
        }
        check(name, &composed.spec, options, filters).map_err(|wrong| Flaw {
            place: Some(composed.place(wrong.at, file).unwrap_or(here)),
            what: wrong.what,
            hint: wrong.hint,
        })?;
        Ok((name, composed.spec))
    }

    /// The one thing that it does.
    fn action(&self, here: (u64, u64)) -> Result<Action<'_>, Flaw> {
        fn change(change: &Replace) -> Vec<Option<&Text>> {
            vec![Some(&change.find), change.replace.as_ref()]
        }
        let one = |text| vec![Some(text)];
        let known = [
            (
                keys::MODIFY_HEADERS,
                self.modify_headers
                    .as_ref()
                    .map(|set| vec![Some(&set.name), set.value.as_ref()]),
            ),
            (keys::MODIFY_BODY, self.modify_body.as_ref().map(change)),
            (keys::MAP_REMOTE, self.map_remote.as_ref().map(change)),
            (
                keys::MAP_LOCAL,
                self.map_local
                    .as_ref()
                    .map(|map| vec![Some(&map.find), Some(&map.path)]),
            ),
            (keys::BLOCK_LIST, self.block_list.as_ref().map(one)),
            (keys::THROTTLE, self.throttle.as_ref().map(one)),
            (keys::FAULT, self.fault.as_ref().map(one)),
        ];
        let names: Vec<_> = known.iter().map(|(key, _)| key.name()).collect();
        let mut given = known
            .into_iter()
            .filter_map(|(key, parts)| Some(Action { key, parts: parts? }));
        match (given.next(), given.next()) {
            (Some(action), None) => Ok(action),
            (None, _) => Err(Flaw::at(
                here,
                format!(
                    "this rule does nothing: it has none of {}",
                    names.join(", ")
                ),
            )),
            (Some(one), Some(other)) => Err(Flaw {
                hint: Some("write two rules".to_owned()),
                ..Flaw::at(
                    here,
                    format!(
                        "this rule does two things, `{}` and `{}`",
                        one.key.name(),
                        other.key.name()
                    ),
                )
            }),
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
    fn place(&self, at: usize, file: &str) -> Option<(u64, u64)> {
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
