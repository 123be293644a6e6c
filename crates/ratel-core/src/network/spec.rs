//! Rules as they are written: `~d api.dev : 3g, latency=1s`, `~u /pay : 503 @ 20%`.

use std::sync::Arc;
use std::time::Duration;

use ratel_flow::filter::{Filter, FilterOptions, Needs};
use ratel_flow::format;

use super::{Chance, Fault, FaultKind, Profile, Rule, Throttle};
use crate::options::Hits;

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .at + 1)]
pub struct SpecError {
    /// Characters in front of it.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// A word, and where it stands in its rule, in bytes.
#[derive(Clone, Copy)]
struct Word<'s> {
    text: &'s str,
    at: usize,
    whole: &'s str,
}

impl<'s> Word<'s> {
    fn fail<T>(self, message: impl Into<String>) -> Result<T, SpecError> {
        let before = self.whole.get(..self.at).unwrap_or(self.whole);
        Err(SpecError {
            at: before.chars().count(),
            message: message.into(),
        })
    }

    /// A part of it.
    fn part(self, text: &'s str, at: usize) -> Self {
        let blank = text.len() - text.trim_start().len();
        Self {
            text: text.trim(),
            at: self.at + at + blank,
            whole: self.whole,
        }
    }

    fn split_once(self, by: char) -> Option<(Self, Self)> {
        let at = self.text.find(by)?;
        let (one, other) = (self.text.get(..at)?, self.text.get(at + by.len_utf8()..)?);
        Some((self.part(one, 0), self.part(other, at + by.len_utf8())))
    }

    /// Its words, which stand between blanks and commas.
    fn words(self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut at = 0;
        for text in self.text.split([' ', '\t', ',']) {
            if !text.is_empty() {
                words.push(self.part(text, at));
            }
            at += text.len() + 1;
        }
        words
    }
}

pub(super) fn throttle(
    spec: &str,
    options: FilterOptions,
    chance: Chance,
) -> Result<Rule<Arc<Throttle>>, SpecError> {
    let (filter, what) = split(spec, options)?;
    let mut profile = Profile::default();
    let words = what.words();
    if words.is_empty() {
        return what.fail(format!("a profile is missing; there are {}", names()));
    }
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => set(&mut profile, key, value)?,
            None => match PRESETS.iter().find(|preset| preset.name == word.text) {
                Some(preset) => profile = preset.profile(),
                None => {
                    return word.fail(format!(
                        "`{}` is no profile; there are {}, and KEY=VALUE with latency, jitter, down, up, loss, stall",
                        word.text,
                        names()
                    ));
                }
            },
        }
    }
    if profile.loss > 0.0 && profile.stall.is_zero() {
        // A lost packet is missed after a round trip, and no sooner than TCP looks for it (RFC 6298 §2.4 in practice).
        profile.stall = (profile.latency * 2).max(Duration::from_millis(200));
    }
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
    if kind.precedes_response()
        && let Some(filter) = &filter
        && (filter.needs().meets(Needs::RESPONSE_HEAD)
            || filter.needs().meets(Needs::RESPONSE_BODY))
    {
        return what.fail(format!(
            "`{}` takes the place of a response, so that a filter cannot ask for one",
            what.text
        ));
    }
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
    let whole = Word {
        text: spec,
        at: 0,
        whole: spec,
    };
    let Some(at) = spec.rfind(" : ") else {
        let what = whole.part(spec, 0);
        if what.text.starts_with(['~', '!', '(']) {
            return what.fail("what happens is missing: `FILTER : WHAT`");
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
            place.fail(error.reason_with_hint())
        }
    }
}

/// Figures that go by a name.
struct Preset {
    name: &'static str,
    latency_ms: u64,
    jitter_ms: u64,
    /// Bits in a second; 0 for any number.
    down: u32,
    up: u32,
    loss: f64,
}

impl Preset {
    fn profile(&self) -> Profile {
        let bytes = |bits: u32| (bits > 0).then(|| f64::from(bits) / 8.0);
        Profile {
            latency: Duration::from_millis(self.latency_ms),
            jitter: Duration::from_millis(self.jitter_ms),
            down: bytes(self.down),
            up: bytes(self.up),
            loss: self.loss,
            stall: Duration::ZERO,
        }
    }
}

const fn preset(
    name: &'static str,
    (latency_ms, jitter_ms): (u64, u64),
    (down, up): (u32, u32),
    loss: f64,
) -> Preset {
    Preset {
        name,
        latency_ms,
        jitter_ms,
        down,
        up,
        loss,
    }
}

const PRESETS: [Preset; 12] = [
    preset("dial-up", (120, 20), (49_000, 30_000), 0.0),
    preset("gprs", (500, 100), (50_000, 20_000), 0.0),
    preset("edge", (840, 100), (240_000, 200_000), 0.0),
    preset("slow-3g", (400, 50), (400_000, 400_000), 0.0),
    preset("3g", (300, 30), (1_600_000, 768_000), 0.0),
    preset("4g", (170, 20), (9_000_000, 9_000_000), 0.0),
    preset("lte", (70, 10), (12_000_000, 12_000_000), 0.0),
    preset("dsl", (50, 5), (1_500_000, 384_000), 0.0),
    preset("cable", (28, 3), (5_000_000, 1_000_000), 0.0),
    preset("wifi", (10, 5), (30_000_000, 15_000_000), 0.0),
    preset("satellite", (600, 30), (15_000_000, 3_000_000), 0.001),
    preset("lossy", (80, 60), (0, 0), 0.03),
];

fn names() -> String {
    PRESETS.map(|preset| preset.name).join(", ")
}

fn set(profile: &mut Profile, key: Word<'_>, value: Word<'_>) -> Result<(), SpecError> {
    match key.text {
        "latency" => profile.latency = time(value)?,
        "jitter" => profile.jitter = time(value)?,
        "down" => profile.down = Some(rate(value)?),
        "up" => profile.up = Some(rate(value)?),
        "loss" => profile.loss = share(value)?,
        "stall" => profile.stall = time(value)?,
        _ => {
            return key.fail(format!(
                "`{}` is none of latency, jitter, down, up, loss, stall",
                key.text
            ));
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
                Ok(FaultKind::Delay(time(from)?, time(to)?))
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

/// A number and what stands behind it.
fn measured(word: Word<'_>) -> Option<(f64, String)> {
    let digits = word.text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = word.text.split_at(digits.unwrap_or(word.text.len()));
    let number: f64 = number.parse().ok()?;
    Some((number, unit.trim().to_ascii_lowercase()))
}

fn time(word: Word<'_>) -> Result<Duration, SpecError> {
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

/// Bytes in a second.
fn rate(word: Word<'_>) -> Result<f64, SpecError> {
    let rate = measured(word).and_then(|(number, unit)| {
        let unit = unit.trim_end_matches("/s").trim_end_matches("ps");
        Some(
            number
                * match unit {
                    "bit" | "b" => 0.125,
                    "kbit" | "kb" => 125.0,
                    "mbit" | "mb" => 125_000.0,
                    "gbit" | "gb" => 125_000_000.0,
                    _ => return None,
                },
        )
    });
    match rate.filter(|rate| *rate >= 1.0) {
        Some(rate) => Ok(rate),
        None => word.fail(format!(
            "`{}` is no bandwidth such as 400kbit or 1.5mbit",
            word.text
        )),
    }
}

fn size(word: Word<'_>) -> Result<u64, SpecError> {
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
fn share(word: Word<'_>) -> Result<f64, SpecError> {
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

#[cfg(test)]
mod tests;
