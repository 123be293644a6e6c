//! Rules as they are written: `~d api.dev : 3g, latency=1s`, `~u /pay : 503 @ 20%`.

mod figures;
mod presets;
mod reach;
mod words;

use std::sync::Arc;
use std::time::Duration;

use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::format;

use super::{Chance, Fault, FaultKind, Profile, Rule, Throttle};
use crate::options::Hits;
use figures::{rate, share, size, time};
use presets::{PRESETS, names};
use words::Word;

pub use words::SpecError;

pub(super) fn throttle(
    spec: &str,
    options: FilterOptions,
    chance: Chance,
) -> Result<Rule<Arc<Throttle>>, SpecError> {
    let (filter, what) = split(spec, options)?;
    let profile = profile(what)?;
    reach::of_throttle(filter.as_ref(), spec)?;
    Ok(Rule {
        spec: spec.into(),
        filter,
        what: Arc::new(Throttle::new(profile, chance)),
        hits: Hits::default(),
    })
}

pub(super) fn fault(
    spec: &str,
    options: FilterOptions,
    chance: Chance,
) -> Result<Rule<Fault>, SpecError> {
    let (filter, what) = split(spec, options)?;
    let (what, probability) = match what.split_once('@') {
        Some((what, often)) => (what, share(often)?),
        None => (what, 1.0),
    };
    let kind = kind(what)?;
    reach::of_fault(filter.as_ref(), &kind, what, spec)?;
    Ok(Rule {
        spec: spec.into(),
        filter,
        what: Fault {
            kind,
            probability,
            chance,
        },
        hits: Hits::default(),
    })
}

/// The filter, and what stands behind the last colon between blanks.
fn split(spec: &str, options: FilterOptions) -> Result<(Option<Filter>, Word<'_>), SpecError> {
    let whole = Word::whole(spec);
    let Some(at) = spec.rfind(" : ") else {
        let what = whole.part(spec, 0);
        if what.text.starts_with(['~', '!', '(']) {
            let missing = what.error("what happens is missing: `FILTER : WHAT`");
            return Err(match what.text.contains(':') {
                true => missing.hint("the colon in front of it needs a blank on both sides"),
                false => missing,
            });
        }
        return Ok((None, what));
    };
    let (filter, what) = (
        spec.get(..at).unwrap_or_default(),
        spec.get(at + 3..).unwrap_or_default(),
    );
    let (filter, what) = (whole.part(filter, 0), whole.part(what, at + 3));
    let parsed = Filter::parse(filter.text, options);
    match parsed {
        Ok(parsed) => Ok((Some(parsed), what)),
        Err(error) => {
            let place = Word {
                at: filter.at + error.span().start,
                ..filter
            };
            Err(SpecError {
                hint: error.hint(),
                ..place.error(error.reason().to_string())
            })
        }
    }
}

/// A name, whose figures others take the place of wherever they stand.
fn profile(what: Word<'_>) -> Result<Profile, SpecError> {
    let words = what.words();
    if words.is_empty() {
        return what.fail(format!("a profile is missing; there are {}", names()));
    }
    let mut named: Option<Word<'_>> = None;
    let mut figures: Vec<(Word<'_>, Word<'_>)> = Vec::new();
    let mut profile = Profile::default();
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            if figures.iter().any(|(known, _)| known.text == key.text) {
                return key.fail(format!("`{}` stands here for the second time", key.text));
            }
            figures.push((key, value));
            continue;
        }
        let Some(preset) = PRESETS.iter().find(|preset| preset.name == word.text) else {
            return word.fail(format!(
                "`{}` is no profile; there are {}, and KEY=VALUE with {KEYS}",
                word.text,
                names()
            ));
        };
        if let Some(named) = named {
            let error = word.error(format!(
                "`{}` is one profile more beside `{}`",
                word.text, named.text
            ));
            return Err(error.hint("write two rules to have both: they add up"));
        }
        named = Some(word);
        profile = preset.profile();
    }
    for (key, value) in &figures {
        set(&mut profile, *key, *value)?;
    }
    if profile == Profile::default() {
        return what.fail(format!("`{}` slows nothing down", what.text));
    }
    if profile.loss > 0.0 && profile.stall.is_zero() {
        // A lost packet is missed after a round trip, and no sooner than TCP looks for it (RFC 6298 §2.4 in practice).
        profile.stall = (profile.latency * 2).max(Duration::from_millis(200));
    }
    match figures.iter().find(|(key, _)| key.text == "stall") {
        Some((key, _)) if profile.loss <= 0.0 => Err(key
            .error("`stall` is the wait for a lost packet, and none is lost")
            .hint("add `loss=1%`")),
        _ => Ok(profile),
    }
}

/// What figures are for.
const KEYS: &str = "latency, jitter, down, up, loss, stall";

fn set(profile: &mut Profile, key: Word<'_>, value: Word<'_>) -> Result<(), SpecError> {
    match key.text {
        "latency" => profile.latency = time(value)?,
        "jitter" => profile.jitter = time(value)?,
        "down" => profile.down = Some(rate(value)?),
        "up" => profile.up = Some(rate(value)?),
        "loss" => profile.loss = share(value)?,
        "stall" => profile.stall = time(value)?,
        _ => {
            return key.fail(format!("`{}` is none of {KEYS}", key.text));
        }
    }
    Ok(())
}

fn kind(what: Word<'_>) -> Result<FaultKind, SpecError> {
    let words = what.words();
    let [name, args @ ..] = &words[..] else {
        return what.fail(format!("a fault is missing: {KINDS}"));
    };
    if let Ok(status) = name.text.parse::<u16>() {
        return match (status, args) {
            (200..=599, []) => Ok(FaultKind::Status(status)),
            (200..=599, [more, ..]) => more.fail("nothing more is wanted here"),
            _ => name.fail("a status is a number from 200 to 599"),
        };
    }
    let none = |kind| match args {
        [] => Ok(kind),
        [more, ..] => more.fail("nothing more is wanted here"),
    };
    let code = |default, named: &dyn Fn(&str) -> Option<u32>| match args {
        [] => Ok(default),
        [code] => match code.text.parse().ok().or_else(|| named(code.text)) {
            Some(code) => Ok(code),
            None => code.fail(format!("`{}` is no such code", code.text)),
        },
        [_, more, ..] => more.fail("nothing more is wanted here"),
    };
    match name.text {
        "delay" => match args {
            [range] => {
                let (from, to) = range.split_once('-').unwrap_or((*range, *range));
                let (least, most) = (time(from)?, time(to)?);
                if least > most {
                    return Err(range
                        .error(format!("`{}` ends before it begins", range.text))
                        .hint(format!("write `{}-{}`", to.text, from.text)));
                }
                Ok(FaultKind::Delay(least, most))
            }
            _ => name.fail("`delay` wants a time, such as 2s or 1s-3s"),
        },
        "timeout" => match args {
            [] => Ok(FaultKind::Timeout(None)),
            [after] => Ok(FaultKind::Timeout(Some(time(*after)?))),
            [_, more, ..] => more.fail("nothing more is wanted here"),
        },
        "reset" => match args {
            [] => Ok(FaultKind::Reset(None)),
            [after, bytes] if after.text == "after" => Ok(FaultKind::Reset(Some(size(*bytes)?))),
            [other, ..] => {
                other.fail("`reset` stands alone, or with `after` and a number of bytes")
            }
        },
        "truncate" => match args {
            [bytes] => Ok(FaultKind::Truncate(size(*bytes)?)),
            _ => name.fail("`truncate` wants a number of bytes, such as 1k"),
        },
        "tls" => none(FaultKind::Tls),
        "grpc" if !args.is_empty() => {
            let named = |name: &str| {
                (0..=16).find(|code| {
                    let words = format::grpc_status(*code);
                    words.split([' ', '(', ')']).any(|word| word == name)
                })
            };
            code(14, &named).map(FaultKind::Grpc)
        }
        "grpc" => name.fail("`grpc` wants a status, such as UNAVAILABLE or 14"),
        "rst_stream" => code(8, &h2_code).map(FaultKind::RstStream),
        "goaway" => code(0, &h2_code).map(FaultKind::Goaway),
        other => name.fail(format!("`{other}` is no fault; there are {KINDS}")),
    }
}

const KINDS: &str = "a status such as 503, delay TIME, timeout [TIME], reset [after BYTES], truncate BYTES, tls, \
    grpc STATUS, rst_stream [CODE], goaway [CODE]";

/// The error codes of HTTP/2 (RFC 9113 §7).
fn h2_code(name: &str) -> Option<u32> {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    let at = NAMES
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))?;
    u32::try_from(at).ok()
}

#[cfg(test)]
mod tests;
