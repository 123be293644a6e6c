//! Reading what users type: `name=value` specifications, sizes, and the option they probably meant.

use super::def::{Default, OptionDef, Value};
use super::set::{known, refuse_planned};
use super::{OptionsError, Values};

/// Turns `name=value` specifications into a batch for [`Options::update`](super::Options::update).
///
/// A list gets all values given for it here; `toggle` looks at `current`.
///
/// # Errors
/// When an option is unknown or not available, or a value cannot be read as its type.
pub fn specs<S: AsRef<str>>(
    specs: &[S],
    current: &Values,
) -> Result<Vec<(&'static str, Value)>, OptionsError> {
    let mut given: Vec<(&'static OptionDef, Vec<Option<&str>>)> = Vec::new();
    for spec in specs {
        let (name, value) = split(spec.as_ref());
        let (_, def) = known(name)?;
        match given.iter_mut().find(|(seen, _)| seen.name == def.name) {
            Some((_, values)) => values.push(value),
            None => given.push((def, vec![value])),
        }
    }
    given
        .into_iter()
        .map(|(def, values)| {
            let value = values_of(def, &values, current);
            // What is wrong with the value comes second.
            refuse_planned(def, value.as_ref().ok())?;
            Ok((def.name, value?))
        })
        .collect()
}

/// Splits a specification at its first `=`.
pub fn split(spec: &str) -> (&str, Option<&str>) {
    match spec.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (spec, None),
    }
}

fn values_of(
    def: &'static OptionDef,
    values: &[Option<&str>],
    current: &Values,
) -> Result<Value, OptionsError> {
    if let Default::List(_) = def.default {
        // A specification without `=` empties what came before it.
        let start = values
            .iter()
            .rposition(Option::is_none)
            .map_or(0, |last| last + 1);
        return Ok(Value::List(
            values[start..]
                .iter()
                .flatten()
                .map(|&text| text.to_owned())
                .collect(),
        ));
    }
    match values {
        [value] => value_of(def, *value, current.get(def.name)),
        _ => Err(OptionsError::Several {
            name: def.name,
            values: values
                .iter()
                .map(|value| value.unwrap_or("(none)").to_owned())
                .collect(),
        }),
    }
}

/// Reads one value as the type of `def`; `None` is `name` without `=`, `current` is what `toggle` turns round.
///
/// # Errors
/// When the text is not of that type.
pub fn value_of(
    def: &'static OptionDef,
    text: Option<&str>,
    current: Option<&Value>,
) -> Result<Value, OptionsError> {
    let invalid = |reason: String| OptionsError::Invalid {
        name: def.name,
        reason,
    };
    let int = |text: &str| {
        text.trim()
            .parse::<i64>()
            .map_err(|_| invalid(format!("'{text}' is not an integer")))
    };
    Ok(match (def.default, text) {
        (Default::Bool(_), None | Some("" | "true")) => Value::Bool(true),
        (Default::Bool(_), Some("false")) => Value::Bool(false),
        (Default::Bool(_), Some("toggle")) => Value::Bool(current != Some(&Value::Bool(true))),
        (Default::Bool(_), Some(other)) => {
            return Err(invalid(format!("'{other}' is none of true, false, toggle")));
        }
        (Default::Int(_), None | Some("")) | (Default::Str(_) | Default::Size(_), None) => {
            return Err(OptionsError::Missing { name: def.name });
        }
        (Default::Int(_), Some(text)) => Value::Int(int(text)?),
        (Default::OptInt(_), None | Some("")) => Value::OptInt(None),
        (Default::OptInt(_), Some(text)) => Value::OptInt(Some(int(text)?)),
        (Default::Str(_) | Default::Size(_), Some(text)) => Value::Str(text.to_owned()),
        (Default::OptStr(_), text) => Value::OptStr(text.map(str::to_owned)),
        (Default::List(_), text) => Value::List(text.map(str::to_owned).into_iter().collect()),
    })
}

/// Reads a number of bytes: an integer, optionally followed by one of `b k m g t` (steps of 1024).
///
/// # Errors
/// A sentence about the text when it is anything else, or too big for 64 bits.
pub fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'b') => (&text[..text.len() - 1], 0),
        Some(b'k') => (&text[..text.len() - 1], 10),
        Some(b'm') => (&text[..text.len() - 1], 20),
        Some(b'g') => (&text[..text.len() - 1], 30),
        Some(b't') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("'{text}' is not a size such as 500k, 64m or 4g"));
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| format!("'{text}' is more than 16 exbibytes"))
}

/// The candidate that `name` is probably a misspelling of.
pub fn similar<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.replace('-', "_").to_ascii_lowercase();
    let allowed = (name.len() / 4).clamp(1, 3);
    candidates
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many insertions, deletions and replacements of one byte, or swaps of two neighbours, lie between two names; capped
/// for absurdly long ones.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let (mut before, mut last) = (Vec::new(), (0..=b.len()).collect::<Vec<usize>>());
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && (*x, a[i - 1]) == (b[j - 1], *y) {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
