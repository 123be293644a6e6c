//! Words of a command line.
//!
//! Words are separated by spaces, tabs and line ends. What stands between quotes, `"` or `'`, is one word and may hold
//! anything but that quote; nothing escapes it. A quote in the middle of a word begins another word. A quote that is
//! not closed reaches to the end of the line, so that a line can be understood while it is typed.

use std::ops::Range;

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The bytes of the line that it takes, quotes included.
    pub range: Range<usize>,
    /// The word without quotes.
    pub text: String,
    /// The quote it stands in.
    pub quote: Option<char>,
    /// The quote is closed, or there is none.
    pub closed: bool,
}

/// The words of a line.
pub fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        if is_space(c) {
            continue;
        }
        if is_quote(c) {
            let inner = start + c.len_utf8();
            let end = rest.find(|(_, next)| *next == c).map(|(at, _)| at);
            let text = line.get(inner..end.unwrap_or(line.len()));
            words.push(Word {
                range: start..end.map_or(line.len(), |end| end + c.len_utf8()),
                text: text.unwrap_or_default().to_owned(),
                quote: Some(c),
                closed: end.is_some(),
            });
            continue;
        }
        let mut end = start + c.len_utf8();
        while let Some((at, next)) = rest.next_if(|(_, next)| !is_space(*next) && !is_quote(*next))
        {
            end = at + next.len_utf8();
        }
        words.push(Word {
            range: start..end,
            text: line.get(start..end).unwrap_or_default().to_owned(),
            quote: None,
            closed: true,
        });
    }
    words
}

/// Writes a text so that it is one word when it is read again.
pub fn quote(text: &str) -> String {
    let plain = !text.is_empty() && !text.chars().any(|c| is_space(c) || is_quote(c));
    if plain {
        text.to_owned()
    } else if !text.contains('"') {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", text.replace('"', "\\x22"))
    }
}

/// Writes words as a line.
pub fn join<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| quote(word.as_ref())).collect();
    words.join(" ")
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_told_apart() {
        let rows: [(&str, &[&str]); 10] = [
            ("", &[]),
            (" \t\r\n", &[]),
            ("flow.mark @focus true", &["flow.mark", "@focus", "true"]),
            ("  a   b ", &["a", "b"]),
            (
                r#"set view_filter "~d example.com""#,
                &["set", "view_filter", "~d example.com"],
            ),
            (r#"a "it's" 'say "x"'"#, &["a", "it's", "say \"x\""]),
            (r#"a"b c"d"#, &["a", "b c", "d"]),
            (r#"a """#, &["a", ""]),
            (r#"a "open end "#, &["a", "open end "]),
            (r"a\ b", &["a\\", "b"]),
        ];
        for (line, expected) in rows {
            let found: Vec<_> = words(line).into_iter().map(|word| word.text).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_word_knows_its_place_and_its_quote() {
        let words = words(r#"größe "a b" 'c"#);
        let found: Vec<_> = words
            .iter()
            .map(|w| (w.range.clone(), w.quote, w.closed))
            .collect();
        assert_eq!(
            found,
            [
                (0..7, None, true),
                (8..13, Some('"'), true),
                (14..16, Some('\''), false)
            ]
        );
    }

    #[test]
    fn quotes_are_put_where_they_are_needed() {
        let rows = [
            ("plain", "plain"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("say \"x\"", "'say \"x\"'"),
            ("it's \"x\"", "\"it's \\x22x\\x22\""),
        ];
        for (text, expected) in rows {
            assert_eq!(quote(text), expected);
        }
    }

    proptest! {
        #[test]
        fn quoted_words_read_back(texts in prop::collection::vec("[^'\"]*|[^']*|[^\"]*", 0..5)) {
            let read: Vec<_> = words(&join(&texts)).into_iter().map(|word| word.text).collect();
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn any_line_is_words_that_lie_in_it(line: String) {
            let mut end = 0;
            for word in words(&line) {
                prop_assert!(word.range.start >= end && line.get(word.range.clone()).is_some());
                end = word.range.end;
            }
        }
    }
}
