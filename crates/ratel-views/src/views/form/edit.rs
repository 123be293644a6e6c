//! Edited forms in URL encoding again.

use super::{Query, UrlEncoded, fields, pair, query};
use crate::views::yaml;
use crate::{Editor, ReencodeError, ViewInput};

impl Editor for UrlEncoded {
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        encoded(text, input.data)
    }
}

impl Editor for Query {
    fn reencode(&self, text: &str, input: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        encoded(text, self.original(input))
    }

    fn original<'a>(&self, input: &ViewInput<'a>) -> &'a [u8] {
        query(input).unwrap_or_default().as_bytes()
    }
}

/// Names and values in URL encoding. Those that `before` has are written as they are written there.
fn encoded(text: &str, before: &[u8]) -> Result<Vec<u8>, ReencodeError> {
    let mut known: Vec<_> = fields(before).map(|field| (field, pair(field))).collect();
    let mut out = Vec::with_capacity(before.len());
    for wanted in yaml::pairs(text)? {
        if !out.is_empty() {
            out.push(b'&');
        }
        let place = known.iter().position(|(_, pair)| *pair == wanted);
        if let Some(place) = place {
            out.extend_from_slice(known.remove(place).0);
            continue;
        }
        let (name, value) = wanted;
        escape(&name, &mut out);
        out.push(b'=');
        escape(&value, &mut out);
    }
    Ok(out)
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(*byte),
            _ => {
                out.push(b'%');
                let digits = [byte >> 4, byte & 15].map(|digit| DIGITS.get(usize::from(digit)));
                out.extend(digits.into_iter().flatten());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratel_flow::Side;

    use super::super::pairs;
    use crate::views::testing::edited;
    use crate::{ViewInput, edit, reencode};

    const TYPE: &str = "application/x-www-form-urlencoded";

    #[test]
    fn what_stays_is_written_as_it_was() {
        let form = b"a=%7e&b=two%20words&a=3&c&%ff=%FE";
        let text = |form: &[u8]| {
            let mut text = String::new();
            let bytes = edited("url-encoded", TYPE, form, |before| {
                text = before.to_owned();
                before.replace("'3'", "\"4 \\n\"")
            });
            (text, bytes)
        };
        let (shown, changed) = text(form);
        insta::assert_snapshot!(shown, @r"
        a: '~'
        b: two words
        a: '3'
        c: ''
        !binary ff: !binary fe
        ");
        assert_eq!(
            changed,
            Ok(b"a=%7e&b=two%20words&a=4+%0A&c&%ff=%FE".to_vec())
        );
        assert_eq!(text(b"").1, Ok(Vec::new()));
        let wrong = edited("url-encoded", TYPE, form, |_| "a: {b: c}".into());
        assert_eq!(
            wrong,
            Err("line 1, column 4: this is no single value".into())
        );
    }

    #[test]
    fn a_query_is_edited_where_it_stands() {
        let input = ViewInput {
            complete: true,
            side: Some(Side::Client),
            path: Some("/x?q=a%20b&n=1"),
            ..ViewInput::default()
        };
        let text = edit("query", &input).expect("it can be edited");
        assert_eq!(text, "q: a b\nn: '1'\n");
        let of = |text: &str| {
            reencode("query", text, &input).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(of(&text), Ok("q=a%20b&n=1".into()));
        assert_eq!(of("q: a b\nn: [2, 3]"), Ok("q=a%20b&n=2&n=3".into()));
    }

    proptest! {
        #[test]
        fn any_form_comes_back(form in "[ab=&%+é0-9A-F:# -]{0,30}") {
            let again = edited("url-encoded", TYPE, form.as_bytes(), |text| format!("{text}# remark"));
            let again = again.map_err(TestCaseError::fail)?;
            prop_assert_eq!(pairs(&again), pairs(form.as_bytes()));
        }
    }
}
