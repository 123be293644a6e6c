//! The secrets of one flow, and how they may be written.

use std::collections::HashSet;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::placeholder::is_placeholder;
use super::rule::Rules;
use super::scan::Span;
use crate::json;

/// So many secrets of a flow are looked for outside of the places that they were found in.
const SECRETS_MAX: usize = 10_000;

/// Shorter values are not looked for elsewhere: they would be found everywhere.
const CHASED_MIN: usize = 4;

/// Shorter values are replaced elsewhere only where they stand alone.
const ALONE_BELOW: usize = 8;

/// Values that were found by name.
#[derive(Debug, Default)]
pub(super) struct Secrets(HashSet<Vec<u8>>);

impl Secrets {
    pub(super) fn add(&mut self, secret: &[u8], rules: &Rules) {
        // A password that is called `password` would take the names of fields with it.
        let is_word = |words: &[&str]| {
            words
                .iter()
                .any(|word| secret.eq_ignore_ascii_case(word.as_bytes()))
        };
        let is_common = is_word(&["true", "false", "null", "none", "undefined"]);
        let is_name =
            rules.json.have(secret) || rules.form.have(secret) || rules.query.have(secret);
        let too_short = secret.len() < CHASED_MIN;
        if too_short
            || is_common
            || is_name
            || is_placeholder(secret)
            || self.0.len() >= SECRETS_MAX
        {
            return;
        }
        self.0.insert(secret.to_vec());
    }

    /// Made ready for being looked for.
    pub(super) fn needles(self) -> Needles {
        let mut written: Vec<Vec<u8>> = Vec::new();
        let mut of = Vec::new();
        let secrets: Vec<Vec<u8>> = self.0.into_iter().collect();
        for (number, secret) in secrets.iter().enumerate() {
            let mut forms = forms(secret);
            forms.sort();
            forms.dedup();
            of.extend(std::iter::repeat_n(number, forms.len()));
            written.extend(forms);
        }
        Needles {
            search: (!written.is_empty())
                .then(|| AhoCorasick::new(&written).ok())
                .flatten(),
            of,
            secrets,
        }
    }
}

/// All secrets of a flow, as they may be written.
#[derive(Debug)]
pub(super) struct Needles {
    search: Option<AhoCorasick>,
    /// Which secret a form is one of.
    of: Vec<usize>,
    secrets: Vec<Vec<u8>>,
}

impl Needles {
    /// Finds them.
    pub(super) fn spans(&self, text: &[u8], out: &mut Vec<Span>) {
        let Some(search) = &self.search else {
            return;
        };
        for found in search.find_overlapping_iter(text) {
            let number = self.of.get(found.pattern().as_usize());
            let Some(secret) = number.and_then(|number| self.secrets.get(*number)) else {
                continue;
            };
            if secret.len() < ALONE_BELOW && !stands_alone(text, found.start(), found.end()) {
                continue;
            }
            out.push(Span::new(found.range(), secret.clone()));
        }
    }
}

fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    !is_part(before) && !is_part(text.get(end))
}

/// The ways in which a secret may be written: as it is, percent-encoded, escaped as in JSON and HTML, in base64.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    let unreserved = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    if !secret.iter().all(unreserved) {
        let percent = |keeps: &dyn Fn(&u8) -> bool, upper: bool, space: &str| {
            let mut out = Vec::new();
            for byte in secret {
                match byte {
                    b' ' => out.extend_from_slice(space.as_bytes()),
                    byte if keeps(byte) => out.push(*byte),
                    byte if upper => out.extend(format!("%{byte:02X}").into_bytes()),
                    byte => out.extend(format!("%{byte:02x}").into_bytes()),
                }
            }
            out
        };
        let form = |b: &u8| b.is_ascii_alphanumeric() || b"-._*".contains(b);
        let component = |b: &u8| unreserved(b) || b"!'()*".contains(b);
        let path = |b: &u8| component(b) || b"$&+,/:;=@".contains(b);
        for upper in [true, false] {
            forms.push(percent(&unreserved, upper, "%20"));
            forms.push(percent(&form, upper, "+"));
            forms.push(percent(&component, upper, "%20"));
            forms.push(percent(&path, upper, "%20"));
        }
    }
    if let Ok(text) = str::from_utf8(secret) {
        let mut escaped = Vec::new();
        json::escape(text, &mut escaped);
        forms.push(
            String::from_utf8_lossy(&escaped)
                .replace('/', "\\/")
                .into_bytes(),
        );
        // JSON in a string of JSON.
        let mut twice = Vec::new();
        json::escape(&String::from_utf8_lossy(&escaped), &mut twice);
        forms.extend([escaped, twice]);
        for (upper, html) in [(false, false), (true, false), (false, true)] {
            forms.push(ascii(text, upper, html).into_bytes());
        }
        let entities = [
            ("&", "&amp;"),
            ("<", "&lt;"),
            (">", "&gt;"),
            ("\"", "&quot;"),
            ("'", "&#39;"),
        ];
        let html = entities
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        forms.push(html.into_bytes());
    }
    if secret.len() >= ALONE_BELOW {
        forms.push(STANDARD_NO_PAD.encode(secret).into_bytes());
        forms.push(URL_SAFE_NO_PAD.encode(secret).into_bytes());
    }
    forms
}

/// As in JSON that is ASCII alone; `html` escapes what pages would take for markup.
fn ascii(text: &str, upper: bool, html: bool) -> String {
    let mut escaped = Vec::new();
    json::escape(text, &mut escaped);
    let mut out = String::new();
    for c in String::from_utf8_lossy(&escaped).chars() {
        if c.is_ascii() && !(html && matches!(c, '<' | '>' | '&' | '\'')) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            if upper {
                out += &format!("\\u{unit:04X}");
            } else {
                out += &format!("\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::placeholder::Key;
    use super::super::scan::replaced;
    use super::*;

    fn hidden(secret: &str, text: &str) -> String {
        let mut secrets = Secrets::default();
        secrets.add(secret.as_bytes(), &Rules::default());
        let mut spans = Vec::new();
        secrets.needles().spans(text.as_bytes(), &mut spans);
        let key = Key::of_salt("x");
        let out = replaced(text.as_bytes(), spans, &key, false);
        let out = out.map_or(text.to_owned(), |out| String::from_utf8(out).unwrap());
        out.replace(&key.placeholder(secret.as_bytes()), "*")
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        for (secret, text, expected) in [
            ("hunter22", "xhunter22y hunter2", "x*y hunter2"),
            ("abcd", "abcd abcde x-abcd_ (abcd)", "* abcde x-abcd_ (*)"),
            ("abc", "abc", "abc"),
            ("null", "null", "null"),
            (
                "a b/ü+\"c",
                "a%20b%2F%C3%BC%2B%22c a+b%2f%c3%bc%2b%22c",
                "* *",
            ),
            (
                "a b/ü+\"c",
                r#"a b\/ü+\"c a b/\u00fc+\"c a b/\u00FC+\"c a b/ü+&quot;c"#,
                "* * * *",
            ),
            (
                "a<b>&cdef",
                r"a\u003cb\u003e\u0026cdef a&lt;b&gt;&amp;cdef",
                "* *",
            ),
            ("line\nbreak", r"line\nbreak line\\nbreak", "* *"),
            ("user:hunter22", "dXNlcjpodW50ZXIyMg==", "*=="),
        ] {
            assert_eq!(hidden(secret, text), expected, "{secret}");
        }
    }
}
