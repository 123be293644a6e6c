//! Values of keys in JSON, wherever it stands: alone, line by line, in an event, in a script, in a string of other JSON.
//!
//! A key is found from its colon backwards. So nothing that stands before it, no quote left open, can hide it.

use super::rule::Names;
use super::scan::Span;
use crate::json::{unescape, word};

/// How far before its colon a key may begin.
const KEY_MAX: usize = 160;

/// Finds the values of these keys.
pub(super) fn values(text: &[u8], names: &Names, out: &mut Vec<Span>) {
    if names.is_empty() {
        return;
    }
    let mut from = 0;
    for colon in memchr::memchr_iter(b':', text) {
        if colon < from {
            continue;
        }
        let Some((key, quote)) = key_before(text, colon) else {
            continue;
        };
        if names.have(&key) {
            from = value(text, skip_space(text, colon + 1), quote, out);
        }
    }
}

/// How strings are quoted: JSON in a string has a backslash before each quote, JSON in a string of that three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quote {
    mark: u8,
    slashes: usize,
}

impl Quote {
    /// The one that stands here.
    fn at(text: &[u8], at: usize) -> Option<Self> {
        let rest = text.get(at..)?;
        let slashes = rest.iter().take_while(|b| **b == b'\\').count();
        let mark = *rest.get(slashes)?;
        let is_quote = matches!(mark, b'"' | b'\'') && slashes <= 7;
        is_quote.then_some(Self { mark, slashes })
    }

    fn len(self) -> usize {
        self.slashes + 1
    }

    /// Where a string ends whose first character stands at `start`: before its quote, or with the text.
    fn end(self, text: &[u8], start: usize) -> usize {
        let rest = text.get(start..).unwrap_or_default();
        for at in memchr::memchr_iter(self.mark, rest) {
            let before = rest.get(..at).unwrap_or_default();
            let slashes = before.iter().rev().take_while(|b| **b == b'\\').count();
            // More of them are backslashes in the string, each written as twice as many.
            let more = slashes.checked_sub(self.slashes);
            if more.is_some_and(|more| more % (2 * (self.slashes + 1)) == 0) {
                return start + at - self.slashes;
            }
        }
        text.len()
    }

    /// What is written between these quotes.
    fn unescape(self, inner: &[u8]) -> Vec<u8> {
        let mut text = inner.to_vec();
        let mut slashes = self.slashes;
        loop {
            text = unescape(&text).into_owned();
            if slashes == 0 {
                return text;
            }
            slashes /= 2;
        }
    }
}

/// The key that a colon belongs to, and its quotes; none for a word, as scripts have it.
fn key_before(text: &[u8], colon: usize) -> Option<(Vec<u8>, Option<Quote>)> {
    let before = text
        .get(colon.saturating_sub(KEY_MAX)..colon)?
        .trim_ascii_end();
    let (last, rest) = before.split_last()?;
    if !matches!(last, b'"' | b'\'') {
        let is_part = |b: &&u8| b.is_ascii_alphanumeric() || b"_$-".contains(b);
        let len = before.iter().rev().take_while(is_part).count();
        let key = before.get(before.len() - len..)?;
        return (!key.is_empty()).then(|| (key.to_vec(), None));
    }
    let slashes = |text: &[u8]| text.iter().rev().take_while(|b| **b == b'\\').count();
    let quote = Quote {
        mark: *last,
        slashes: slashes(rest),
    };
    let end = rest.len() - quote.slashes;
    let inner = rest.get(..end)?;
    let start = memchr::memrchr_iter(quote.mark, inner).find(|at| {
        inner
            .get(..*at)
            .is_some_and(|before| slashes(before) == quote.slashes)
    })?;
    Some((quote.unescape(inner.get(start + 1..)?), Some(quote)))
}

/// White space, and what a line of an event begins with.
fn skip_space(text: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        at += match byte {
            b'\n' if rest.starts_with(b"\ndata:") => 6,
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            _ => break,
        };
    }
    at
}

/// The value that stands here; gives back where to go on.
fn value(text: &[u8], at: usize, key: Option<Quote>, out: &mut Vec<Span>) -> usize {
    if let Some(quote) = Quote::at(text, at) {
        // Both have the same quotes, unless the key has none.
        let fits = key.is_none_or(|key| key.slashes == quote.slashes);
        return if fits {
            string(text, at, quote, out)
        } else {
            at
        };
    }
    let Some(key) = key else {
        return at;
    };
    match text.get(at) {
        Some(b'{' | b'[') => container(text, at, key, out),
        Some(b'-' | b'0'..=b'9') => number(text, at, key, out),
        _ => at,
    }
}

fn string(text: &[u8], at: usize, quote: Quote, out: &mut Vec<Span>) -> usize {
    let start = at + quote.len();
    let end = quote.end(text, start);
    let inner = text.get(start..end).unwrap_or_default();
    out.push(Span::new(start..end, quote.unescape(inner)));
    end + quote.len()
}

fn number(text: &[u8], at: usize, quote: Quote, out: &mut Vec<Span>) -> usize {
    let digits = word(text, at);
    let end = at + digits.len();
    let mut around = vec![b'\\'; quote.slashes];
    around.push(quote.mark);
    out.push(Span {
        around,
        ..Span::plain(text, at..end)
    });
    end
}

/// Everything in an object or a list but its keys and literals.
fn container(text: &[u8], at: usize, key: Quote, out: &mut Vec<Span>) -> usize {
    let (mut at, mut depth) = (at, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            b'-' | b'0'..=b'9' => at = number(text, at, key, out),
            b'a'..=b'z' | b'A'..=b'Z' => at += word(text, at).len(),
            b'"' | b'\'' | b'\\' => match Quote::at(text, at) {
                Some(quote) if quote == key => {
                    let start = at + quote.len();
                    let after = quote.end(text, start) + quote.len();
                    let is_key = text.get(skip_space(text, after)) == Some(&b':');
                    if !is_key {
                        string(text, at, quote, out);
                    }
                    at = after;
                }
                _ => at += 1,
            },
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::placeholder::Key;
    use super::super::rule::Rules;
    use super::super::scan::replaced;
    use super::*;

    fn redacted(text: &str) -> String {
        let mut rules = Rules::default();
        for rule in ["json:password", "json:a\"b", "json:deep"] {
            rules.add(rule).unwrap();
        }
        let mut spans = Vec::new();
        values(text.as_bytes(), &rules.json, &mut spans);
        let key = Key::of_salt("x");
        let secrets: Vec<Vec<u8>> = spans.iter().map(|span| span.secret.clone()).collect();
        let out = replaced(text.as_bytes(), spans, &key, false);
        let mut out = out.map_or(text.to_owned(), |out| String::from_utf8(out).unwrap());
        for secret in secrets {
            let shown = format!("<{}>", String::from_utf8_lossy(&secret));
            out = out.replace(&key.placeholder(&secret), &shown);
        }
        out
    }

    #[test]
    fn values_of_keys_are_found_everywhere() {
        for (text, expected) in [
            (
                r#"{"password": "a\"\u00e9", "x": "y"}"#,
                r#"{"password": "<a"é>", "x": "y"}"#,
            ),
            (
                r#"{"Password":12.5,"x":1}"#,
                r#"{"Password":"<12.5>","x":1}"#,
            ),
            (
                r#"{"password":null,"password":true}"#,
                r#"{"password":null,"password":true}"#,
            ),
            (r#"{"a\"b":"c"}"#, r#"{"a\"b":"<c>"}"#),
            (r#"{"x":"password"}"#, r#"{"x":"password"}"#),
            (
                r#"{"deep":{"k":["v",1,{"w":null}],"l":"m"},"n":"o"}"#,
                r#"{"deep":{"k":["<v>","<1>",{"w":null}],"l":"<m>"},"n":"o"}"#,
            ),
            // JSON in JSON, and in that again.
            (
                r#"{"log":"{\"password\":\"a\\\"b\\\\\"}"}"#,
                r#"{"log":"{\"password\":\"<a"b\>\"}"}"#,
            ),
            (
                r#"{"log":"{\"password\":5}"}"#,
                r#"{"log":"{\"password\":\"<5>\"}"}"#,
            ),
            (
                r#""{\"a\":\"{\\\"password\\\":\\\"x\\\"}\"}""#,
                r#""{\"a\":\"{\\\"password\\\":\\\"<x>\\\"}\"}""#,
            ),
            // An open quote before, a prefix, events, a script, the end.
            (r#"it" is {"password":"a"}"#, r#"it" is {"password":"<a>"}"#),
            (
                r#"42["login",{"password":"a"}]"#,
                r#"42["login",{"password":"<a>"}]"#,
            ),
            (
                "data: {\"password\":\ndata: \"a\"}\n\n",
                "data: {\"password\":\ndata: \"<a>\"}\n\n",
            ),
            (
                "x = {password: 'a\\'b', y: 1}",
                "x = {password: '<a'b>', y: 1}",
            ),
            ("password: a", "password: a"),
            (r#"{"password":"cut of"#, r#"{"password":"<cut of>"#),
            (r#"{"password":["#, r#"{"password":["#),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_hostile_harms() {
        for text in [
            ":",
            "\":",
            "\"\":",
            "\"password\":",
            "\"password\":\\",
            "\"password\":]",
            "\\\\\"password\\\\\":\\\\\"x",
        ] {
            redacted(text);
        }
        let deep = format!("{{\"password\":{}", "[".repeat(100_000));
        assert_eq!(redacted(&deep), deep);
    }
}
