//! What a value must fulfil beyond its type.

use std::net::IpAddr;

use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::redact::Redactor;

use crate::options::def::Value;
use crate::options::parse;
use crate::patterns::HostPatterns;

/// A port, 0 meaning any free one.
pub(super) fn port(value: &Value) -> Result<(), String> {
    range(value, 0, 65535)
}

/// A count that may be zero.
pub(super) fn not_negative(value: &Value) -> Result<(), String> {
    range(value, 0, i64::from(u32::MAX))
}

/// A wait in seconds, or another count that cannot be zero.
pub(super) fn positive(value: &Value) -> Result<(), String> {
    range(value, 1, i64::from(u32::MAX))
}

/// Nothing but off: the option has another name.
pub(super) fn renamed_to_reuse(value: &Value) -> Result<(), String> {
    match value {
        Value::Bool(true) => Err("it has been renamed to server_replay_reuse".to_owned()),
        _ => Ok(()),
    }
}

/// One, or as many as there are.
pub(super) fn one_or_any(value: &Value) -> Result<(), String> {
    match value {
        Value::Int(number) if !matches!(number, 1 | -1) => {
            Err(format!("{number} is neither 1 nor -1"))
        }
        _ => Ok(()),
    }
}

/// The level of detail of `ratel dump`.
pub(super) fn detail(value: &Value) -> Result<(), String> {
    range(value, 0, 4)
}

/// RSA bits that today's TLS stacks still make and check.
pub(super) fn rsa_bits(value: &Value) -> Result<(), String> {
    range(value, 1024, 16384)
}

/// A path that leads somewhere.
pub(super) fn not_empty(value: &Value) -> Result<(), String> {
    match value {
        Value::Str(text) if text.is_empty() => Err("it must not be empty".to_owned()),
        _ => Ok(()),
    }
}

/// An IP address.
pub(super) fn ip(value: &Value) -> Result<(), String> {
    match value {
        Value::OptStr(Some(text)) if text.parse::<IpAddr>().is_err() => {
            Err(format!("'{text}' is not an IP address"))
        }
        _ => Ok(()),
    }
}

/// A size below which nothing works.
pub(super) fn at_least_64k(value: &Value) -> Result<(), String> {
    at_least(value, 64 << 10, "64k")
}

/// A size below which no ordinary request fits.
pub(super) fn at_least_1k(value: &Value) -> Result<(), String> {
    at_least(value, 1 << 10, "1k")
}

/// A number of bytes that may be unset.
pub(super) fn size(value: &Value) -> Result<(), String> {
    match value {
        Value::OptStr(Some(text)) => parse::size(text).map(drop),
        _ => Ok(()),
    }
}

/// A filter expression; an empty one is none.
pub(super) fn filter(value: &Value) -> Result<(), String> {
    match value {
        Value::OptStr(Some(text)) if !text.is_empty() => {
            Filter::parse(text, FilterOptions::default())
                .map(drop)
                .map_err(|error| error.with_hint())
        }
        _ => Ok(()),
    }
}

/// Regular expressions for hosts.
pub(super) fn regexes(value: &Value) -> Result<(), String> {
    match value {
        Value::List(patterns) => HostPatterns::new(patterns)
            .map(drop)
            .map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

/// Rules of redaction.
pub(super) fn redaction(value: &Value) -> Result<(), String> {
    match value {
        Value::List(rules) => Redactor::from_rules(rules)
            .map(drop)
            .map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}

fn at_least(value: &Value, least: u64, written: &str) -> Result<(), String> {
    match value {
        Value::Str(text) if parse::size(text)? < least => {
            Err(format!("'{text}' is less than {written}"))
        }
        _ => Ok(()),
    }
}

fn range(value: &Value, least: i64, most: i64) -> Result<(), String> {
    match value {
        Value::Int(number) | Value::OptInt(Some(number)) if !(least..=most).contains(number) => {
            Err(format!("{number} is not between {least} and {most}"))
        }
        _ => Ok(()),
    }
}
