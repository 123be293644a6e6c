//! What is a secret: rules as people write them.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

use crate::pattern::{Flags, Pattern, Unit};

/// A kind of rule, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleHelp {
    /// How it is written.
    pub form: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// All kinds of rules.
pub const RULES: [RuleHelp; 9] = [
    RuleHelp {
        form: "default",
        help: "credentials in headers, cookies, URLs, forms and JSON",
    },
    RuleHelp {
        form: "header:NAME",
        help: "the value of a header field, after a scheme like `Bearer`",
    },
    RuleHelp {
        form: "cookie:NAME",
        help: "the value of a cookie, in requests and responses",
    },
    RuleHelp {
        form: "query:NAME",
        help: "the value of a parameter of a URL",
    },
    RuleHelp {
        form: "form:NAME",
        help: "the value of a field of a form",
    },
    RuleHelp {
        form: "json:NAME",
        help: "the value of a key in JSON, at any depth, in bodies and messages",
    },
    RuleHelp {
        form: "userinfo",
        help: "the password, or the name alone, before the @ of a URL",
    },
    RuleHelp {
        form: "pattern:/REGEX/",
        help: "what a regular expression finds, or its first group; `/i` ignores case",
    },
    RuleHelp {
        form: "salt:TEXT",
        help: "makes placeholders the same from run to run",
    },
];

/// Names of fields that hold credentials, wherever names are. `*` stands for anything; capitals do not matter.
const CREDENTIALS: &[&str] = &[
    "*password",
    "*passwd",
    "*passphrase",
    "pwd",
    "*secret",
    "*secret_key",
    "*secretkey",
    "*secretaccesskey",
    "*token",
    "*apikey",
    "*api_key",
    "*api-key",
    "*accesskey",
    "*access_key",
    "*privatekey",
    "*private_key",
    "authorization",
    "credential",
    "credentials",
    "sid",
    "*sessionid",
    "*session_id",
    "phpsessid",
    "jwt",
    "*_jwt",
    "otp",
    "pin",
    "cvv",
    "cvc",
    "client_assertion",
    "assertion",
    "code_verifier",
    "samlresponse",
    "samlrequest",
    "signature",
    "sig",
    "x-amz-signature",
    "x-amz-credential",
    "x-goog-signature",
    "x-goog-credential",
];

/// Whether a field of that name holds a credential by the rule `default`, be it one of a form, of JSON or of a URL.
#[must_use]
pub fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIALS
        .iter()
        .any(|glob| matches(glob.as_bytes(), name.as_bytes()))
}

/// Header fields that hold credentials.
const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "*-authorization",
    "*api-key*",
    "*apikey*",
    "*token",
    "*-token-*",
    "*secret*",
    "*password*",
    "*-jwt*",
    "*session-id",
    "*-signature",
    "*functions-key",
    "*subscription-key",
];

/// Rules, taken apart.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) headers: Names,
    pub(super) cookies: Names,
    pub(super) query: Names,
    pub(super) form: Names,
    pub(super) json: Names,
    pub(super) userinfo: bool,
    pub(super) patterns: Vec<Regex>,
    pub(super) salt: Option<Box<str>>,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        let lists = [
            &self.headers,
            &self.cookies,
            &self.query,
            &self.form,
            &self.json,
        ];
        lists.iter().all(|names| names.0.is_empty()) && !self.userinfo && self.patterns.is_empty()
    }

    pub(super) fn add(&mut self, rule: &str) -> Result<(), RuleError> {
        let error = |at, problem| RuleError {
            rule: rule.into(),
            at,
            problem,
        };
        match rule {
            "default" => {
                self.add_default();
                return Ok(());
            }
            "userinfo" => {
                self.userinfo = true;
                return Ok(());
            }
            _ => {}
        }
        let (kind, value) = rule
            .split_once(':')
            .ok_or_else(|| error(0, Problem::NoKind))?;
        let at = kind.len() + 1;
        let names = match kind {
            "header" => &mut self.headers,
            "cookie" => &mut self.cookies,
            "query" => &mut self.query,
            "form" => &mut self.form,
            "json" => &mut self.json,
            "pattern" => {
                let pattern =
                    pattern(value).map_err(|(inner, problem)| error(at + inner, problem))?;
                self.patterns.push(pattern);
                return Ok(());
            }
            "salt" if value.is_empty() => return Err(error(at, Problem::NoSalt)),
            "salt" => {
                self.salt = Some(value.into());
                return Ok(());
            }
            _ => return Err(error(0, Problem::UnknownKind(kind.into()))),
        };
        if value.is_empty() {
            return Err(error(at, Problem::NoName));
        }
        if let Some(space) = value.find(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(error(at + space, Problem::Space));
        }
        names.add(value);
        Ok(())
    }

    fn add_default(&mut self) {
        for name in HEADERS {
            self.headers.add(name);
        }
        self.cookies.add("*");
        for name in CREDENTIALS {
            for names in [&mut self.query, &mut self.form, &mut self.json] {
                names.add(name);
            }
        }
        self.userinfo = true;
    }
}

/// Reads `/REGEX/FLAGS`, or a regular expression alone. An error says where in the text.
fn pattern(value: &str) -> Result<Regex, (usize, Problem)> {
    let mut flags = Flags::default();
    let (start, source) = match value.strip_prefix('/') {
        None => (0, value),
        Some(rest) => {
            let Some((source, letters)) = rest.rsplit_once('/') else {
                return Err((value.len(), Problem::NotClosed));
            };
            for (at, letter) in letters.char_indices() {
                match letter {
                    'i' => flags.ignore_case = true,
                    's' => flags.dot_all = true,
                    'm' => flags.multi_line = true,
                    other => return Err((source.len() + 2 + at, Problem::UnknownFlag(other))),
                }
            }
            (1, source)
        }
    };
    if source.is_empty() {
        return Err((start, Problem::NoPattern));
    }
    let regex = RegexBuilder::new(source)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(flags.dot_all)
        .multi_line(flags.multi_line)
        .build();
    let regex = match (regex, Pattern::new(source, Unit::Char, flags, 0)) {
        (Ok(regex), _) => regex,
        (Err(_), Err(error)) => {
            return Err((
                start + error.at.start,
                Problem::Pattern(error.reason.into_owned()),
            ));
        }
        (Err(_), Ok(_)) => return Err((start, Problem::LooksAround)),
    };
    if regex.is_match(b"") {
        return Err((start, Problem::Nothing));
    }
    Ok(regex)
}

/// Names with `*` for anything.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<Box<[u8]>>);

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, name: &str) {
        self.0.push(name.to_ascii_lowercase().into_bytes().into());
    }

    pub(super) fn have(&self, name: &[u8]) -> bool {
        self.0.iter().any(|glob| matches(glob, name))
    }
}

/// Whether a glob in lower case fits a name, whatever its capitals.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    // Where to go on when what followed the last star did not fit: one byte further.
    let mut again = None;
    while let Some(byte) = name.get(in_name) {
        match glob.get(at) {
            Some(b'*') => {
                at += 1;
                again = Some((at, in_name));
            }
            Some(expected) if *expected == byte.to_ascii_lowercase() => {
                at += 1;
                in_name += 1;
            }
            _ => match &mut again {
                None => return false,
                Some((after, from)) => {
                    *from += 1;
                    (at, in_name) = (*after, *from);
                }
            },
        }
    }
    glob.get(at..)
        .is_some_and(|rest| rest.iter().all(|b| *b == b'*'))
}

/// A rule that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    rule: Box<str>,
    at: usize,
    problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    NoKind,
    UnknownKind(Box<str>),
    NoName,
    NoSalt,
    Space,
    NotClosed,
    UnknownFlag(char),
    NoPattern,
    Nothing,
    LooksAround,
    Pattern(String),
}

impl RuleError {
    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Where in it: an offset in bytes.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.problem {
            Problem::NoKind | Problem::UnknownKind(_) => {
                let forms = RULES.map(|rule| rule.form).join(", ");
                Some(format!("a rule is one of {forms}"))
            }
            Problem::NotClosed => Some("write `pattern:/REGEX/`".into()),
            _ => None,
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.rule.get(..self.at).unwrap_or_default().chars().count() + 1;
        write!(
            f,
            "the redaction rule '{}' is wrong at column {column}: ",
            self.rule.escape_debug()
        )?;
        match &self.problem {
            Problem::NoKind => f.write_str("it does not say what kind of name it is"),
            Problem::UnknownKind(kind) => write!(f, "there is no kind '{}'", kind.escape_debug()),
            Problem::NoName => f.write_str("the name is missing"),
            Problem::NoSalt => f.write_str("the text is missing"),
            Problem::Space => f.write_str("there is a space in the name"),
            Problem::NotClosed => f.write_str("the closing `/` is missing"),
            Problem::UnknownFlag(flag) => write!(f, "there is no flag '{}'", flag.escape_debug()),
            Problem::NoPattern => f.write_str("the regular expression is missing"),
            Problem::Nothing => f.write_str("it also finds nothing, everywhere"),
            Problem::LooksAround => f.write_str(
                "a regular expression that looks around or refers back is not understood here",
            ),
            Problem::Pattern(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for RuleError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_stars_and_no_case() {
        for (glob, name, fits) in [
            ("token", "Token", true),
            ("token", "tokens", false),
            ("*token", "accessToken", true),
            ("*token", "token", true),
            ("*token", "tokens", false),
            ("x-*-key", "X-Api-Key", true),
            ("x-*-key", "X-Key", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            let mut names = Names::default();
            names.add(glob);
            assert_eq!(names.have(name.as_bytes()), fits, "{glob} {name}");
        }
    }

    #[test]
    fn wrong_rules_say_where() {
        for (rule, column, what) in [
            ("password", 1, "kind"),
            ("heder:X", 1, "no kind 'heder'"),
            ("", 1, "kind"),
            ("header:", 8, "name is missing"),
            ("json:a b", 7, "space"),
            ("pattern:/a", 11, "closing"),
            ("pattern:/a/iz", 13, "no flag 'z'"),
            ("pattern://", 10, "missing"),
            ("pattern:/a*/", 10, "finds nothing"),
            ("pattern:/(/", 10, "unclosed group"),
            ("pattern:/(?=a)b/", 10, "looks around"),
            ("salt:", 6, "missing"),
        ] {
            let error = Rules::default().add(rule).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("column {column}:")), "{text}");
            assert!(text.contains(what), "{text}");
        }
        let hint = Rules::default().add("x:y").unwrap_err().hint().unwrap();
        assert!(hint.contains("pattern:/REGEX/"), "{hint}");
    }

    #[test]
    fn rules_are_read() {
        let mut rules = Rules::default();
        assert!(rules.is_empty());
        for rule in [
            "header:X",
            "pattern:/a\\/b/i",
            "pattern:a|b",
            "salt:s",
            "userinfo",
            "default",
        ] {
            rules.add(rule).unwrap();
        }
        assert!(!rules.is_empty() && rules.userinfo);
        assert!(rules.headers.have(b"x") && rules.headers.have(b"Proxy-Authorization"));
        assert!(rules.cookies.have(b"anything"));
        assert!(rules.json.have(b"accessToken") && !rules.json.have(b"name"));
        assert!(rules.patterns[0].is_match(b"A/B"));
    }
}
