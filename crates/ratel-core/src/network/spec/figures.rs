//! Times, bandwidths, sizes and probabilities.

use std::time::Duration;

use super::{SpecError, Word};

/// A number and what stands behind it.
fn measured(word: Word<'_>) -> Option<(f64, String)> {
    let digits = word.text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = word.text.split_at(digits.unwrap_or(word.text.len()));
    let number: f64 = number.parse().ok()?;
    Some((number, unit.trim().to_ascii_lowercase()))
}

pub(super) fn time(word: Word<'_>) -> Result<Duration, SpecError> {
    let seconds = measured(word).and_then(|(number, unit)| {
        Some(
            number
                * match &*unit {
                    "ms" => 0.001,
                    "s" => 1.0,
                    "m" | "min" => 60.0,
                    _ => return None,
                },
        )
    });
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(time) if time <= DAY => Ok(time),
        _ => word.fail(format!(
            "`{}` is no time such as 300ms, 2s or 1m",
            word.text
        )),
    }
}

/// Nothing takes longer.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Bytes in a second: `kbit` are a thousand bits, `kB` a thousand bytes.
pub(super) fn rate(word: Word<'_>) -> Result<f64, SpecError> {
    let digits = word.text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = word.text.split_at(digits.unwrap_or(word.text.len()));
    let number: Option<f64> = number.parse().ok();
    let whole = unit.strip_suffix("/s").or(unit.strip_suffix("ps"));
    let is_rate = whole.is_some();
    let unit = whole.unwrap_or(unit).trim();
    let lower = unit.to_ascii_lowercase();
    let (prefix, bytes) = if let Some(prefix) = lower.strip_suffix("bit") {
        (prefix, 0.125)
    } else if unit.ends_with('B') {
        (lower.strip_suffix('b').unwrap_or_default(), 1.0)
    } else if let Some(prefix) = lower.strip_suffix('b') {
        if !is_rate && number.is_some() {
            let error = word.error(format!("`{unit}` may be bits or bytes"));
            return Err(error.hint(format!("write `{prefix}bit` or `{prefix}B`")));
        }
        (prefix, 0.125)
    } else {
        ("none", 0.0)
    };
    let times = match prefix {
        "" => Some(1.0),
        "k" => Some(1e3),
        "m" => Some(1e6),
        "g" => Some(1e9),
        _ => None,
    };
    let rate = number
        .zip(times)
        .map(|(number, times)| number * times * bytes);
    match rate.filter(|rate| *rate >= 1.0) {
        Some(rate) => Ok(rate),
        None => word.fail(format!(
            "`{}` is no bandwidth such as 400kbit, 1.5mbit or 50kB",
            word.text
        )),
    }
}

pub(super) fn size(word: Word<'_>) -> Result<u64, SpecError> {
    let bytes = measured(word).and_then(|(number, unit)| {
        Some(
            number
                * match &*unit {
                    "" | "b" => 1.0,
                    "k" | "kb" => 1024.0,
                    "m" | "mb" => 1024.0 * 1024.0,
                    "g" | "gb" => 1024.0 * 1024.0 * 1024.0,
                    _ => return None,
                },
        )
    });
    match bytes {
        // Casts of floats saturate.
        Some(bytes) => Ok(bytes as u64),
        None => word.fail(format!(
            "`{}` is no number of bytes such as 500 or 1k",
            word.text
        )),
    }
}

/// A part of all, from 0 to 1.
pub(super) fn share(word: Word<'_>) -> Result<f64, SpecError> {
    let percent = word.text.strip_suffix('%');
    let number = percent.unwrap_or(word.text).trim().parse::<f64>().ok();
    let part = number.map(|number| {
        if percent.is_some() {
            number / 100.0
        } else {
            number
        }
    });
    match part.filter(|part| (0.0..=1.0).contains(part)) {
        Some(part) => Ok(part),
        None => word.fail(format!(
            "`{}` is no probability such as 20% or 0.2",
            word.text
        )),
    }
}
