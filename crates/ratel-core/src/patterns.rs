//! Regular expressions for hosts, as `ignore_hosts` and `tcp_hosts` have them: searched for in `host:port`, whatever
//! the case. Look-around and references back are understood, since Python's are.

use std::fmt;

use ratel_flow::pattern::{Flags, Pattern, Unit};

/// Any number of patterns.
#[derive(Clone, Debug, Default)]
pub struct HostPatterns(Vec<Pattern>);

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The text.
    pub pattern: String,
    /// What is wrong with it, in one line.
    pub reason: String,
    /// At which of its characters, from 1.
    pub position: usize,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pattern,
            reason,
            position,
        } = self;
        write!(
            f,
            "'{pattern}' is not a regular expression: {reason} (at character {position})"
        )
    }
}

impl std::error::Error for PatternError {}

impl HostPatterns {
    /// # Errors
    /// The first that is no regular expression.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let flags = Flags {
            ignore_case: true,
            ..Flags::default()
        };
        let read = |(before, text): (usize, &String)| {
            Pattern::new(text, Unit::Char, flags, before).map_err(|error| PatternError {
                pattern: text.clone(),
                position: text.get(..error.at.start).unwrap_or(text).chars().count() + 1,
                reason: error.reason.into_owned(),
            })
        };
        let patterns = patterns.iter().enumerate().map(read);
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first pattern that is found in `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        let mut patterns = self.0.iter();
        let found = patterns.find(|pattern| pattern.is_match_text(name))?;
        Some(found.source())
    }

    /// Whether any pattern is found in `name`.
    #[must_use]
    pub fn is_match(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(list: &[&str]) -> HostPatterns {
        let list: Vec<_> = list.iter().map(|&text| text.to_owned()).collect();
        HostPatterns::new(&list).expect("regular expressions")
    }

    #[test]
    fn patterns_are_searched_for_whatever_the_case() {
        let found = patterns(&[r"^a\.example:", r"\d{4}$"]);
        assert_eq!(found.find("A.Example:443"), Some(r"^a\.example:"));
        assert_eq!(found.find("b.example:8443"), Some(r"\d{4}$"));
        assert_eq!(found.find("b.example:443"), None);
        assert!(patterns(&[]).is_empty() && !patterns(&[]).is_match("a"));
    }

    #[test]
    fn look_around_and_references_are_understood() {
        let others = patterns(&[r"^(?!(.+\.)?example\.com:)"]);
        assert!(others.is_match("example.org:443") && others.is_match("notexample.com:443"));
        assert!(!others.is_match("Example.com:443") && !others.is_match("a.example.com:80"));
        assert!(patterns(&[r"^(\w+)\.\1\."]).is_match("www.WWW.example:80"));
        assert!(patterns(&[r"(?<=api\.)\d+"]).is_match("api.7.example:80"));
    }

    #[test]
    fn a_pattern_that_takes_forever_is_not_found() {
        let slow = patterns(&[r"(?=((a|a)+)+$)b"]);
        assert!(!slow.is_match(&format!("{}:443", "a".repeat(60))));
    }

    #[test]
    fn what_is_no_pattern_is_refused_in_one_line() {
        let error = HostPatterns::new(&["é(".to_owned()]).expect_err("no pattern");
        assert_eq!(
            error.to_string(),
            "'é(' is not a regular expression: unclosed group (at character 2)"
        );
    }
}
