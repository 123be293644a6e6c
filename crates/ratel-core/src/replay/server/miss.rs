//! A request that has no recording: which one comes closest, and what is different.

mod body;

use std::fmt::Write as _;

use ratel_flow::Request;
use ratel_flow::format::escape;
use ratel_flow::record::Body;

use super::matching::{Matching, Part, header};

/// Names that are listed for one part.
const NAMES: usize = 5;

/// What is said of a request without a recording, after its URL.
pub(super) fn describe(
    matching: &Matching,
    (request, body): (&Request, &Body),
    (closest, closest_body): (&Request, &Body),
    was_played: bool,
    differs: impl Iterator<Item = Part>,
) -> String {
    let differences: Vec<String> = differs
        .map(|part| match part {
            Part::Method => format!("method ({})", text(&closest.method)),
            Part::Scheme => format!("scheme ({})", closest.scheme.as_str()),
            Part::Host => format!("host ({})", closest.pretty_host()),
            Part::Port => format!("port ({})", closest.port),
            Part::Path => format!("path ({})", path(closest)),
            Part::Query => {
                let pairs = |request| {
                    let query = matching.query(request);
                    query.map(|(name, value)| (name.into_owned(), value.into_owned()))
                };
                named(
                    "query",
                    &differing(pairs(request).collect(), pairs(closest).collect()),
                )
            }
            Part::Content => body::describe(matching, (request, body), (closest, closest_body)),
            Part::Headers => {
                let differ = |name: &&String| header(request, name) != header(closest, name);
                let names = matching.headers().iter().filter(differ);
                named("headers", &names.cloned().collect::<Vec<_>>())
            }
        })
        .collect();
    format!(
        "the closest recording, {} {}, {}differs in {}",
        text(&closest.method),
        path(closest),
        if was_played {
            "has been played and "
        } else {
            ""
        },
        differences.join(", ")
    )
}

/// The names whose values are not the same on both sides.
fn differing(one: Vec<(String, String)>, other: Vec<(String, String)>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in one.iter().chain(&other) {
        let values = |pairs: &[(String, String)]| -> Vec<String> {
            let of_name = pairs.iter().filter(|(other, _)| other == name);
            of_name.map(|(_, value)| value.clone()).collect()
        };
        if !names.contains(name) && values(&one) != values(&other) {
            names.push(name.clone());
        }
    }
    names
}

fn named(what: &str, names: &[String]) -> String {
    let mut said = what.to_owned();
    if names.is_empty() {
        return said + " (in another order)";
    }
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let _ = write!(said, " ({}", shown.join(", "));
    if let Some(more @ 1..) = names.len().checked_sub(NAMES) {
        let _ = write!(said, " and {more} more");
    }
    said + ")"
}

fn path(request: &Request) -> String {
    let path = request.path.split(|b| *b == b'?').next();
    text(path.unwrap_or_default())
}

fn text(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes)).into_owned()
}

/// The beginning of a text of a peer, in one line.
fn cut(text: &str, characters: usize) -> String {
    let mut shown: String = escape(text).chars().take(characters).collect();
    if text.chars().nth(characters).is_some() {
        shown.push('…');
    }
    shown
}
