//! A small mutation fuzzer for what users type: filters, rules and regular expressions. It repeats exactly, and
//! `RATEL_FUZZ_SECONDS` says how long each target runs (2 by default).
//!
//! Asserted for every input: no panic, errors that point into the input, and an answer in a time that the input bounds.

#[path = "support/records.rs"]
mod records;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use ratel_flow::filter::spec::Spec;
use ratel_flow::filter::{Filter, FilterOptions, Scratch};
use ratel_flow::pattern::{Flags, Pattern, Unit};

/// xorshift64*: good enough to wander, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What parsers stumble over.
const TOKENS: &[&str] = &[
    "~",
    "~b ",
    "~u ",
    "~c 1",
    "~q",
    "!",
    "&",
    "|",
    "(",
    ")",
    "'",
    "\"",
    "\\",
    "\\x",
    "\\u",
    "\\1",
    "(?",
    "(?:",
    "(?P<a>",
    "(?=",
    "(?!",
    "(?<=",
    "(?(1)",
    "(?i)",
    "[",
    "]",
    "[^",
    "-",
    "*",
    "+",
    "?",
    "{",
    "}",
    "{9}",
    "{,99}",
    "$",
    "^",
    ".",
    "\\b",
    "\\w",
    "|",
    " ",
    "\t",
    "\n",
    "\u{e9}",
    "\u{130}",
    "\u{10ffff}",
    "/",
    "@",
];

/// The longest input that is grown, in bytes.
const INPUT_MAX: usize = 2048;

/// All answers for an input take no longer than this, on a machine that is busy and with code that is not optimised.
const ANSWER_MAX: Duration = Duration::from_secs(60);

fn mutate(random: &mut Random, seeds: &[&str]) -> String {
    let mut input: Vec<char> = random.pick(seeds).chars().collect();
    for _ in 0..random.below(8) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(8)).min(input.len());
        match random.below(5) {
            0 => drop(input.drain(at..end)),
            1 | 2 => drop(input.splice(at..at, random.pick(TOKENS).chars())),
            3 => {
                let copy = input[at..end].to_vec();
                drop(input.splice(at..at, copy));
            }
            _ => {
                input.truncate(at);
                input.extend(random.pick(seeds).chars());
            }
        }
    }
    input.into_iter().take(INPUT_MAX).collect()
}

/// Runs `target` on mutations of `seeds` until the time is over; a failure names its input.
fn fuzz(seeds: &[&str], target: impl Fn(&str)) {
    let seconds = std::env::var("RATEL_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2.0);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut inputs = seeds.iter().map(|seed| (*seed).to_owned());
    while Instant::now() < end {
        let input = inputs.next().unwrap_or_else(|| mutate(&mut random, seeds));
        let begun = Instant::now();
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(result.is_ok(), "failed on {input:?}");
        assert!(
            begun.elapsed() < ANSWER_MAX,
            "took {:?} on {input:?}",
            begun.elapsed()
        );
    }
}

const FILTERS: &[&str] = &[
    "~q ~s | ~a",
    "!(~m POST & ~d 'example.com') | ~c 404",
    "~b \"a\\\\d+b\" ~hq ^host ~meta x",
    "(~u (?i:x)) & (a | !b)",
    "~src 127 ~dst 443 ~comment c ~marker :x:",
];

const PATTERNS: &[&str] = &[
    "(?P<a>b+)(?P=a)|[^x-z\\d]{2,5}?$",
    "(?<=ab)(?!c)\\w*+(?>d|e)",
    "(?x) a # b\n (?(1)c|d) \\Z",
    "((a*)*b|(c?){3,})+\\1",
    "(?is-m:x.\u{e9})[\\W_]\\b",
];

#[test]
fn filters() {
    let flows: Vec<_> = (0..50).step_by(7).map(records::record).collect();
    fuzz(FILTERS, |input| {
        match Filter::parse(input, FilterOptions::default()) {
            Ok(filter) => {
                let mut scratch = Scratch::default();
                for flow in &flows {
                    let found = filter.matches_with(flow, &mut scratch);
                    assert_eq!(found, filter.matches(flow));
                }
                assert!(filter.to_string().len() <= input.len() * 40);
            }
            Err(error) => {
                assert!(input.get(error.span()).is_some(), "{error:?}");
                assert!(error.to_string().len() < 1000 + 2 * input.len());
            }
        }
    });
}

#[test]
fn patterns() {
    let texts: Vec<String> = [
        "",
        "ab",
        "abbaabba c\nd",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
        "\u{e9}\u{130}x",
    ]
    .map(str::to_owned)
    .into();
    fuzz(PATTERNS, |input| {
        for unit in [Unit::Char, Unit::Byte] {
            for ignore_case in [false, true] {
                let flags = Flags {
                    ignore_case,
                    ..Flags::default()
                };
                match Pattern::new(input, unit, flags, 0) {
                    Ok(pattern) => {
                        for text in &texts {
                            assert_eq!(
                                pattern.is_match(text.as_bytes()),
                                pattern.is_match_text(text)
                            );
                        }
                    }
                    Err(error) => assert!(input.get(error.at.clone()).is_some(), "{error:?}"),
                }
            }
        }
    });
}

#[test]
fn rules() {
    fuzz(
        &["/~q/a\\n/b", "|~u a/b|\\x41|@file", "/a/b/c/d"],
        |input| match Spec::parse(input, FilterOptions::default()) {
            Ok(spec) => {
                for part in [&spec.subject, &spec.replacement] {
                    match part.unescape(input) {
                        Ok(bytes) => assert!(bytes.len() <= part.text.len()),
                        Err(error) => assert!(input.get(error.span).is_some()),
                    }
                }
            }
            Err(error) => assert!(input.get(error.span).is_some()),
        },
    );
}
