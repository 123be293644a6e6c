//! Where secrets stand in a text. Nothing here asks what the text is: JSON in a page, a URL in JSON and a form in a log
//! are found alike, and so are they in a text that was cut.

use std::ops::Range;

use regex::bytes::Regex;

use super::placeholder::{Key, is_placeholder};
use super::rule::Names;
use crate::form;

/// How far back the name of a parameter may begin.
const NAME_MAX: usize = 120;

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// What it is, with all escapes undone.
    pub(super) secret: Vec<u8>,
    /// What the placeholder needs on both sides: quotes, for a number in JSON.
    pub(super) around: Vec<u8>,
    /// It began in an earlier message, which has the placeholder.
    pub(super) goes_on: bool,
}

impl Span {
    pub(super) fn new(range: Range<usize>, secret: Vec<u8>) -> Self {
        Self {
            range,
            secret,
            around: Vec::new(),
            goes_on: false,
        }
    }

    /// One that stands for itself.
    pub(super) fn plain(text: &[u8], range: Range<usize>) -> Self {
        let secret = text.get(range.clone()).unwrap_or_default().to_vec();
        Self::new(range, secret)
    }
}

/// What ends the value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// The text is a URL, or a part of one.
    Url,
    /// The text is a form, from its first name on.
    Form,
    /// There may be URLs anywhere in the text.
    Free,
}

impl Ends {
    /// How URLs end in such a text.
    pub(super) fn of_urls(self) -> Self {
        match self {
            Self::Form => Self::Url,
            other => other,
        }
    }

    fn is_end(self, byte: u8) -> bool {
        match self {
            Self::Form => byte == b'&',
            Self::Url => matches!(byte, b'&' | b'#'),
            Self::Free => byte.is_ascii_whitespace() || b"&#\"'<>\\`".contains(&byte),
        }
    }
}

/// Parameters of URLs, fields of forms: `?name=value&`.
pub(super) fn parameters(text: &[u8], names: &Names, ends: Ends, out: &mut Vec<Span>) {
    if names.is_empty() {
        return;
    }
    for equals in memchr::memchr_iter(b'=', text) {
        let before = text
            .get(equals.saturating_sub(NAME_MAX)..equals)
            .unwrap_or_default();
        let name_len = before
            .iter()
            .rev()
            .take_while(|b| is_name_byte(**b))
            .count();
        let mut name = before.get(before.len() - name_len..).unwrap_or_default();
        let start = equals - name_len;
        let follows = match start.checked_sub(1).and_then(|at| text.get(at)) {
            None => ends == Ends::Form,
            Some(b'?' | b'&' | b';' | b'#') => true,
            // How some write an ampersand in JSON.
            Some(b'\\') => match name.strip_prefix(b"u0026") {
                Some(rest) => {
                    name = rest;
                    true
                }
                None => false,
            },
            Some(_) => false,
        };
        if !follows || !names.have(&form::decode(name)) {
            continue;
        }
        let value = text.get(equals + 1..).unwrap_or_default();
        let len = value.iter().take_while(|b| !ends.is_end(**b)).count();
        let value = value.get(..len).unwrap_or_default();
        out.push(Span::new(
            equals + 1..equals + 1 + len,
            form::decode(value).into_owned(),
        ));
    }
    nested(text, names, ends, out);
}

/// Parameters of a URL that is itself a parameter: `%3Fname%3Dvalue%26`.
fn nested(text: &[u8], names: &Names, ends: Ends, out: &mut Vec<Span>) {
    for percent in memchr::memchr_iter(b'%', text) {
        let code = |at: usize| text.get(at..at + 3).map(<[u8]>::to_ascii_uppercase);
        if code(percent).as_deref() != Some(b"%3D") {
            continue;
        }
        let before = text
            .get(percent.saturating_sub(NAME_MAX)..percent)
            .unwrap_or_default();
        let len = before
            .iter()
            .rev()
            .take_while(|b| is_name_byte(**b) && **b != b'%')
            .count();
        // The last two of these are the digits of what stands before the name.
        let (Some(len), Some(mark)) = (len.checked_sub(2), (percent + 2).checked_sub(len + 3))
        else {
            continue;
        };
        let follows = matches!(code(mark).as_deref(), Some(b"%3F" | b"%26" | b"%23"));
        let name = text.get(percent - len..percent).unwrap_or_default();
        if !follows || !names.have(name) {
            continue;
        }
        let start = percent + 3;
        let value = text.get(start..).unwrap_or_default();
        let is_end = |at: &usize| {
            let byte = value.get(*at).copied().unwrap_or(b'&');
            let inner = matches!(code(start + at).as_deref(), Some(b"%26" | b"%23"));
            inner || ends.is_end(byte)
        };
        let len = (0..value.len()).find(is_end).unwrap_or(value.len());
        let once = form::decode(value.get(..len).unwrap_or_default()).into_owned();
        out.push(Span::new(
            start..start + len,
            form::decode(&once).into_owned(),
        ));
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-~%+[]$".contains(&byte)
}

/// What stands before the `@` of a URL: the password, or the name where there is none, as tokens are sent.
pub(super) fn userinfo(text: &[u8], out: &mut Vec<Span>) {
    for at in memchr::memmem::find_iter(text, b"://") {
        let start = at + 3;
        let rest = text
            .get(start..text.len().min(start + 1024))
            .unwrap_or_default();
        let is_end = |b: &u8| b.is_ascii_whitespace() || b"/?#\"'<>\\`".contains(b);
        let authority = rest.split(is_end).next().unwrap_or_default();
        let Some(end) = memchr::memrchr(b'@', authority) else {
            continue;
        };
        let info = authority.get(..end).unwrap_or_default();
        let from = memchr::memchr(b':', info).map_or(0, |colon| colon + 1);
        let secret = percent_decoded(info.get(from..).unwrap_or_default());
        out.push(Span::new(start + from..start + end, secret));
    }
}

/// Undoes `%xx` alone: a plus is one.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let parts = text.split(|b| *b == b'+');
    let parts: Vec<_> = parts.map(|part| form::decode(part).into_owned()).collect();
    parts.join(&b'+')
}

/// What regular expressions find: their first group, if they have one.
pub(super) fn patterns(text: &[u8], patterns: &[Regex], out: &mut Vec<Span>) {
    for pattern in patterns {
        if pattern.captures_len() == 1 {
            out.extend(
                pattern
                    .find_iter(text)
                    .map(|found| Span::plain(text, found.range())),
            );
        } else {
            let groups = pattern.captures_iter(text).filter_map(|found| found.get(1));
            out.extend(groups.map(|group| Span::plain(text, group.range())));
        }
    }
}

/// Puts placeholders in the place of secrets; none if there is nothing to replace. `same_length` says that the length of
/// the text must not change.
pub(super) fn replaced(
    text: &[u8],
    spans: Vec<Span>,
    key: &Key,
    same_length: bool,
) -> Option<Vec<u8>> {
    let spans = apart(text, spans);
    if spans.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + spans.len() * 8);
    let mut at = 0;
    for span in spans {
        out.extend_from_slice(text.get(at..span.range.start).unwrap_or_default());
        if same_length {
            out.extend(key.filler(&span.secret, span.range.len()));
        } else if !span.goes_on {
            out.extend_from_slice(&span.around);
            out.extend_from_slice(key.placeholder(&span.secret).as_bytes());
            out.extend_from_slice(&span.around);
        }
        at = span.range.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    Some(out)
}

/// In order and without overlaps: those that overlap are one, since a part of a secret is to be left of none of them.
fn apart(text: &[u8], mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| !span.range.is_empty() && !is_placeholder(&span.secret));
    spans.sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end)));
    let mut out: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.range.start < last.range.end => {
                if span.range.end > last.range.end {
                    *last = Span::plain(text, last.range.start..span.range.end);
                }
            }
            _ => out.push(span),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::rule::Rules;
    use super::*;

    fn rules() -> Rules {
        let mut rules = Rules::default();
        for rule in [
            "query:token",
            "query:a[b]",
            "pattern:/id-\\d+/",
            "pattern:/key (\\w+)/",
        ] {
            rules.add(rule).unwrap();
        }
        rules
    }

    fn found(text: &str, find: impl Fn(&[u8], &mut Vec<Span>)) -> Vec<String> {
        let mut spans = Vec::new();
        find(text.as_bytes(), &mut spans);
        let shown = spans.iter().map(|span| {
            let raw = String::from_utf8_lossy(&text.as_bytes()[span.range.clone()]).into_owned();
            match String::from_utf8_lossy(&span.secret) {
                secret if secret == raw => raw,
                secret => format!("{raw} is {secret}"),
            }
        });
        shown.collect()
    }

    #[test]
    fn parameters_are_found_by_name() {
        let rules = rules();
        for (ends, text, expected) in [
            (
                Ends::Url,
                "/a?token=b%20c&x=1&TOKEN=d;e#f",
                &["b%20c is b c", "d;e"][..],
            ),
            (Ends::Url, "/a#token=x", &["x"]),
            (Ends::Url, "/a;token=x/b", &["x/b"]),
            (Ends::Url, "/token=x", &[]),
            (Ends::Url, "/?xtoken=1&a%5Bb%5D=2", &["2"]),
            (Ends::Form, "token=a b&x=token=1", &["a b"]),
            (
                Ends::Url,
                "/?next=%2Fb%3Ftoken%3Da%2520b%26x%3D1",
                &["a%2520b is a b"],
            ),
            (
                Ends::Free,
                "see https://h/?token=a, 'http://h/?x&amp;token=b' \"c?\\u0026token=d\\u0026\"",
                &["a,", "b", "d"],
            ),
        ] {
            let found = found(text, |text, out| parameters(text, &rules.query, ends, out));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn passwords_in_urls_are_found() {
        let text = "https://u:p%40+w@h/ http://tok@h:1/?a@b ftp://h/@ x://:p@";
        assert_eq!(found(text, userinfo), ["p%40+w is p@+w", "tok", "p"]);
    }

    #[test]
    fn patterns_find_matches_or_groups() {
        let rules = rules();
        let found = found("id-1 key abc id-22", |text, out| {
            patterns(text, &rules.patterns, out)
        });
        assert_eq!(found, ["id-1", "id-22", "abc"]);
    }

    #[test]
    fn what_overlaps_is_replaced_as_one() {
        let key = Key::of_salt("x");
        let text = b"0123456789";
        let spans = [3..6, 1..4, 8..9, 8..8, 1..2].map(|range| Span::plain(text, range));
        let out = replaced(text, spans.to_vec(), &key, false).unwrap();
        let expected = format!("0{}67{}9", key.placeholder(b"12345"), key.placeholder(b"8"));
        assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);
        let same = replaced(text, spans.to_vec(), &key, true).unwrap();
        assert_eq!(same.len(), text.len());
        assert!(same.starts_with(b"0") && &same[6..8] == b"67");
        assert_eq!(
            replaced(&out, vec![Span::plain(&out, 1..26)], &key, false),
            None
        );
        assert_eq!(replaced(text, vec![], &key, false), None);
    }
}
