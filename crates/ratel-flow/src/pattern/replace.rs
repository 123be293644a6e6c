//! What a pattern finds, put in other words, as Python's `re.sub` does it.

mod template;

use std::ops::Range;

use super::backtrack::{self, GivenUp, Groups, Steps};
use super::{Engine, Pattern, SIZE_MAX, Unit, engine, parse, required, text};
use crate::filter::Clues;

pub use template::{Template, TemplateError};

/// A text does not grow beyond this, in bytes.
const OUT_MAX: usize = 1 << 30;

/// What stands for the bytes that are no UTF-8; see [`super::surrogate`].
const STRAY: std::ops::RangeInclusive<u32> = 0x10_dc80..=0x10_dcff;

/// A pattern that says what each of its groups has matched.
#[derive(Clone, Debug)]
pub struct Replacer {
    engine: Engine,
    unit: Unit,
    groups: usize,
    names: Vec<(Box<str>, u32)>,
    required: Vec<Vec<Box<[u8]>>>,
}

/// It could not be found out in time what a pattern matches, or its replacements need too much room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the regular expression takes too long on this text")]
pub struct TooLong;

impl From<GivenUp> for TooLong {
    fn from(_: GivenUp) -> Self {
        Self
    }
}

impl Pattern {
    /// The pattern as one that says what each of its groups has matched.
    #[must_use]
    pub fn replacer(&self) -> Replacer {
        // It was read before.
        let Ok(parsed) = parse::parse(&self.source, self.unit, self.flags) else {
            return Replacer {
                engine: self.engine.clone(),
                unit: self.unit,
                groups: 0,
                names: Vec::new(),
                required: Vec::new(),
            };
        };
        let engine = match &self.engine {
            Engine::Literal(finder) if !finder.ignore_case && !finder.bytes.is_empty() => {
                Engine::Literal(finder.clone())
            }
            // After an empty match, another way to match at the same place is asked for.
            _ if parsed.ast.width(&[]).0 == 0 => {
                Engine::Backtracking(std::sync::Arc::new(backtrack::Program::new(
                    &parsed.ast,
                    self.unit,
                    parsed.ignore_case,
                    parsed.groups,
                    SIZE_MAX,
                )))
            }
            _ => engine(&parsed, self.unit, SIZE_MAX, true),
        };
        Replacer {
            engine,
            unit: self.unit,
            groups: parsed.groups,
            required: required::of(&parsed.ast),
            names: parsed.names,
        }
    }
}

impl Replacer {
    /// How many groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// What a request must have in it for the pattern to be found in its URL; none if it may be found in any.
    #[must_use]
    pub fn clues_in_url(&self) -> Option<Clues> {
        Clues::in_url(&self.required)
    }

    /// Puts `template` in place of each match. None if there is no match.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn replace(&self, bytes: &[u8], template: &Template) -> Result<Option<Vec<u8>>, TooLong> {
        if self.unit == Unit::Byte {
            return self.replace_units(bytes, template);
        }
        let mut room = String::new();
        let text = text(bytes, &mut room);
        let replaced = self.replace_units(text.as_bytes(), template)?;
        let is_whole = text.len() == bytes.len();
        Ok(replaced.map(|replaced| {
            if is_whole {
                replaced
            } else {
                with_strays(replaced)
            }
        }))
    }

    /// Where in the text each group matched, the whole first, at the first match.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn find(&self, text: &str) -> Result<Option<Vec<Option<Range<usize>>>>, TooLong> {
        let mut steps = Steps::of(text.as_bytes());
        let groups = self.find_at(text.as_bytes(), 0, false, &mut steps)?;
        let ranges = |groups: Groups| {
            let range = |place: Option<(usize, usize)>| place.map(|(start, end)| start..end);
            groups.into_iter().map(range).collect()
        };
        Ok(groups.map(ranges))
    }

    fn replace_units(&self, text: &[u8], template: &Template) -> Result<Option<Vec<u8>>, TooLong> {
        let (mut out, mut from, mut advance) = (None::<Vec<u8>>, 0, false);
        let mut steps = Steps::of(text);
        while let Some(groups) = self.find_at(text, from, advance, &mut steps)? {
            let Some((start, end)) = groups.first().copied().flatten() else {
                break;
            };
            let out = out.get_or_insert_with(|| Vec::with_capacity(text.len()));
            out.extend_from_slice(text.get(from..start).unwrap_or_default());
            template.put(text, &groups, out);
            if out.len() > OUT_MAX {
                return Err(TooLong);
            }
            (from, advance) = (end, start == end);
        }
        if let Some(out) = &mut out {
            out.extend_from_slice(text.get(from..).unwrap_or_default());
        }
        Ok(out)
    }

    fn find_at(
        &self,
        text: &[u8],
        from: usize,
        advance: bool,
        steps: &mut Steps,
    ) -> Result<Option<Groups>, TooLong> {
        match &self.engine {
            Engine::Literal(finder) => {
                let found = text.get(from..).and_then(|rest| finder.find(rest));
                let place = |at| (from + at, from + at + finder.bytes.len());
                Ok(found.map(|at| vec![Some(place(at))]))
            }
            Engine::Plain(regex) if self.groups == 0 => {
                let found = regex.find_at(text, from);
                Ok(found.map(|found| vec![Some((found.start(), found.end()))]))
            }
            // Where there is no match, nobody needs room for groups.
            Engine::Plain(regex) if !regex.is_match_at(text, from) => Ok(None),
            Engine::Plain(regex) => {
                let found = regex.captures_at(text, from);
                let place = |group: Option<regex::bytes::Match<'_>>| {
                    group.map(|group| (group.start(), group.end()))
                };
                Ok(found.map(|groups| groups.iter().map(place).collect()))
            }
            Engine::Backtracking(program) => Ok(program.find_within(text, from, advance, steps)?),
        }
    }
}

/// With the bytes that were no UTF-8 in place of what stood for them.
fn with_strays(text: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(text) else {
        return Vec::new();
    };
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            value if STRAY.contains(&value) => out.push((value & 0xff) as u8),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests;
