//! Forms in URL encoding, and what stands behind the question mark of a URL
//! (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).

mod edit;

use ratel_flow::Side;

use super::whole::{Beyond, Whole};
use super::yaml;
use crate::{ContentView, Editor, Painter, ViewInput};

/// For `application/x-www-form-urlencoded`.
pub(crate) struct UrlEncoded;

impl ContentView for UrlEncoded {
    fn name(&self) -> &'static str {
        "URL-encoded"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let fits = input.media_type() == "application/x-www-form-urlencoded";
        if fits && !input.data.is_empty() && input.offset == 0 {
            1.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Nothing, |data, _, out| {
            yaml::map(&pairs(data), out);
            Ok(())
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

/// For requests without a body.
pub(crate) struct Query;

impl ContentView for Query {
    fn name(&self) -> &'static str {
        "Query"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let asks = input.side == Some(Side::Client) && query(input).is_some();
        if asks && input.data.is_empty() && input.offset == 0 {
            0.3
        } else {
            0.0
        }
    }

    fn open(&self, input: &ViewInput<'_>) -> Box<dyn Painter> {
        let query = query(input).unwrap_or_default().to_owned();
        Whole::painter(self.name(), Beyond::Nothing, move |_, _, out| {
            yaml::map(&pairs(query.as_bytes()), out);
            Ok(())
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

fn query<'a>(input: &ViewInput<'a>) -> Option<&'a str> {
    let (_, query) = input.path?.split_once('?')?;
    (!query.is_empty()).then_some(query)
}

/// Names and values of a URL-encoded text, decoded.
pub(crate) fn pairs(data: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields(data).map(pair).collect()
}

/// The fields between ampersands.
fn fields(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|b| *b == b'&').filter(|field| !field.is_empty())
}

/// Name and value of a field, decoded.
fn pair(field: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let equals = field.iter().position(|b| *b == b'=');
    let (name, value) = field.split_at(equals.unwrap_or(field.len()));
    let value = value.strip_prefix(b"=").unwrap_or(value);
    (decoded(name), decoded(value))
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex
            .and_then(|hex| str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ratel_flow::Side;

    use super::super::testing::shown;
    use crate::{ViewInput, render};

    #[test]
    fn forms_are_names_and_values() {
        let form = "a=1&b=two+words&a=%33&c&%C3%BC=%zz%&=x&";
        insta::assert_snapshot!(shown("application/x-www-form-urlencoded", form), @r"
        a:
        - '1'
        - '3'
        b: two words
        c: ''
        ü: '%zz%'
        '': x
        ");
    }

    #[test]
    fn a_request_without_a_body_shows_what_its_url_asks() {
        let input = |side, data| ViewInput {
            data,
            complete: true,
            side: Some(side),
            path: Some("/search?q=ratel+honey&n=1"),
            max_lines: 10,
            ..ViewInput::default()
        };
        let document = render(None, &input(Side::Client, b""));
        let lines: Vec<_> = document.lines.iter().map(crate::Line::text).collect();
        assert_eq!(lines, ["q: ratel honey", "n: '1'"]);
        assert_eq!(render(None, &input(Side::Server, b"")).view_name, "Raw");
        assert_eq!(render(None, &input(Side::Client, b"x")).view_name, "Raw");
    }
}
