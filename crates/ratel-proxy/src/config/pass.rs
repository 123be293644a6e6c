//! The options about connections that are not looked into.

use ratel_core::options::{Values, keys};
use ratel_core::patterns::HostPatterns;

/// What of `ignore_hosts`, `allow_hosts`, `show_ignored_hosts` and `auto_passthrough` is to be done.
#[derive(Clone, Debug)]
pub(crate) struct PassConfig {
    pub(crate) hosts: HostRules,
    /// Connections that are passed through are on record.
    pub(crate) shown: bool,
    /// Those to servers for which a client has refused our certificate are passed through.
    pub(crate) auto: bool,
}

/// Which servers are looked into, by what they are called.
#[derive(Clone, Debug)]
pub(crate) enum HostRules {
    All,
    /// All but these.
    AllBut(HostPatterns),
    Only(HostPatterns),
}

/// What patterns say of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It depends on names that are not known yet.
    Open,
    LookInto,
    /// `name` is matched by `pattern`.
    Ignored {
        name: String,
        pattern: String,
    },
    /// None of the names is matched by anything.
    NotAllowed,
}

impl PassConfig {
    /// # Errors
    /// One sentence about options that do not go together, or a pattern that is none.
    pub(super) fn new(options: &Values) -> Result<Self, String> {
        Ok(Self {
            hosts: HostRules::new(
                options.list(keys::IGNORE_HOSTS),
                options.list(keys::ALLOW_HOSTS),
            )?,
            shown: options.bool(keys::SHOW_IGNORED_HOSTS),
            auto: options.bool(keys::AUTO_PASSTHROUGH),
        })
    }
}

impl HostRules {
    fn new(ignore: &[String], allow: &[String]) -> Result<Self, String> {
        match (ignore, allow) {
            ([], []) => Ok(Self::All),
            (_, []) => Ok(Self::AllBut(patterns("ignore_hosts", ignore)?)),
            ([], _) => Ok(Self::Only(patterns("allow_hosts", allow)?)),
            _ => Err(
                "options 'ignore_hosts' and 'allow_hosts' exclude each other: set only one of them"
                    .into(),
            ),
        }
    }

    /// Whether they may say anything but [`Verdict::LookInto`].
    pub(crate) fn is_any(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// Judges by the names `host:port` that a connection's server goes by. `all` says that there will be no more of them.
    pub(crate) fn judge(&self, names: &[String], all: bool) -> Verdict {
        let none = |verdict| if all { verdict } else { Verdict::Open };
        match self {
            Self::All => Verdict::LookInto,
            Self::AllBut(patterns) => {
                let found = names
                    .iter()
                    .find_map(|name| Some((name.clone(), patterns.find(name)?.to_owned())));
                match found {
                    Some((name, pattern)) => Verdict::Ignored { name, pattern },
                    None => none(Verdict::LookInto),
                }
            }
            Self::Only(patterns) => {
                if names.iter().any(|name| patterns.is_match(name)) {
                    Verdict::LookInto
                } else {
                    none(Verdict::NotAllowed)
                }
            }
        }
    }
}

fn patterns(option: &str, patterns: &[String]) -> Result<HostPatterns, String> {
    HostPatterns::new(patterns)
        .map_err(|error| format!("invalid value for option '{option}': {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ignore: &[&str], allow: &[&str]) -> Result<HostRules, String> {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        HostRules::new(&owned(ignore), &owned(allow))
    }

    fn judge(rules: &HostRules, names: &[&str], all: bool) -> Verdict {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        rules.judge(&names, all)
    }

    #[test]
    fn without_patterns_everything_is_looked_into() {
        let rules = rules(&[], &[]).expect("nothing is wrong with nothing");
        assert!(!rules.is_any());
        assert_eq!(judge(&rules, &["a.test:443"], false), Verdict::LookInto);
    }

    #[test]
    fn one_name_that_is_ignored_is_enough() {
        let rules = rules(&[r"^b\.", r"apple\.com:443$"], &[]).expect("patterns");
        for (names, all, expected) in [
            (&["1.2.3.4:443"][..], false, Verdict::Open),
            (&["1.2.3.4:443"], true, Verdict::LookInto),
            (
                &["apple.com:80", "apple.com.dev:443"],
                true,
                Verdict::LookInto,
            ),
            (
                &["1.2.3.4:443", "x.Apple.COM:443"],
                false,
                Verdict::Ignored {
                    name: "x.Apple.COM:443".into(),
                    pattern: r"apple\.com:443$".into(),
                },
            ),
        ] {
            assert_eq!(judge(&rules, names, all), expected, "{names:?} {all}");
        }
    }

    #[test]
    fn one_name_that_is_allowed_is_enough() {
        let rules = rules(&[], &["Example"]).expect("a pattern");
        for (names, all, expected) in [
            (&["1.2.3.4:443"][..], false, Verdict::Open),
            (&["1.2.3.4:443"], true, Verdict::NotAllowed),
            (
                &["1.2.3.4:443", "www.example.com:443"],
                true,
                Verdict::LookInto,
            ),
            (&["EXAMPLE.com:443"], false, Verdict::LookInto),
        ] {
            assert_eq!(judge(&rules, names, all), expected, "{names:?} {all}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_in_a_sentence() {
        assert_eq!(
            rules(&["a"], &["b"]).expect_err("both"),
            "options 'ignore_hosts' and 'allow_hosts' exclude each other: set only one of them"
        );
        assert_eq!(
            rules(&["a("], &[]).expect_err("no pattern"),
            "invalid value for option 'ignore_hosts': 'a(' is not a regular expression: unclosed group (at character 2)"
        );
    }
}
