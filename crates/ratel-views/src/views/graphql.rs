//! GraphQL over HTTP: the query as text, and what goes with it as JSON (<https://graphql.github.io/graphql-over-http>).

use std::ops::Range;

use serde_json::Value;

use super::json::{self, spans};
use super::whole::{Beyond, Whole};
use crate::{Class, ContentView, Editor, Painter, ReencodeError, Sink, ViewInput};

/// What stands in place of the query in what goes with it.
const PLACE: &str = "\"...\"";

/// A longer body is not looked through for queries, in bytes.
const LOOKED_AT: usize = 1024 * 1024;

/// For JSON with queries in it.
pub(crate) struct GraphQl;

impl ContentView for GraphQl {
    fn name(&self) -> &'static str {
        "GraphQL"
    }

    fn priority(&self, input: &ViewInput<'_>) -> f32 {
        let could = input.media_type() == "application/json"
            && input.offset == 0
            && input.complete
            && input.data.len() <= LOOKED_AT
            && memchr::memmem::find(input.data, b"\"query\"").is_some();
        if could && Requests::read(input.data).is_some() {
            2.0
        } else {
            0.0
        }
    }

    fn is_text(&self) -> bool {
        true
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Text, |data, _, out| {
            let requests = Requests::read(data).ok_or("there is no query in it")?;
            let total = requests.each.len();
            for (nth, request) in requests.each.iter().enumerate() {
                if requests.is_batch {
                    out.push(Class::Comment, &format!("--- {}/{total}", nth + 1));
                    out.newline();
                }
                request.print(out);
            }
            Ok(())
        })
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }
}

impl Editor for GraphQl {
    fn reencode(&self, text: &str, _: &ViewInput<'_>) -> Result<Vec<u8>, ReencodeError> {
        let sections = sections(text);
        let (is_batch, sections) = match &sections[..] {
            [] => return Err(ReencodeError::of("there is no query in it")),
            [(at, section)] if *at == 0 => (false, vec![(*at, *section)]),
            [(_, first), rest @ ..] if first.trim().is_empty() => (true, rest.to_vec()),
            [(at, _), ..] => {
                return Err(ReencodeError::at_byte(
                    text,
                    *at,
                    "this belongs to no query",
                ));
            }
        };
        let mut requests = Vec::new();
        for (at, section) in sections {
            let request = request(section).map_err(|(place, error)| {
                let line = ReencodeError::at_byte(text, at + place, "").place;
                // The place is one in the JSON.
                let error_place = error.place;
                match (line, error_place) {
                    (Some(start), Some(mut place)) => {
                        place.line += start.line - 1;
                        ReencodeError::at(place, error.message)
                    }
                    (Some(start), None) => ReencodeError::at(start, error.message),
                    (None, _) => error,
                }
            })?;
            requests.push(request);
        }
        let joined = requests.join(&b',');
        Ok(if is_batch {
            [b"[", &joined[..], b"]"].concat()
        } else {
            joined
        })
    }

    fn escape(&self, c: char) -> Option<String> {
        Some(json::escaped(c))
    }

    fn objection(&self, input: &ViewInput<'_>) -> Option<String> {
        let requests = Requests::read(input.data)?;
        let is_odd = requests.each.iter().any(|request| request.query.is_none());
        is_odd.then(|| "an item of it has no query".to_owned())
    }
}

/// One request, or several in a list.
struct Requests<'a> {
    is_batch: bool,
    each: Vec<Request<'a>>,
}

struct Request<'a> {
    /// The object.
    text: &'a str,
    /// Where the query stands in it.
    place: Range<usize>,
    /// The query, if it is text.
    query: Option<String>,
}

impl<'a> Requests<'a> {
    /// The objects with queries; none if it is something else.
    fn read(data: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(data).ok()?;
        if !json::is_container(data, true) || !spans::is_single(text) {
            return None;
        }
        if text.trim_start().starts_with('{') {
            let request = Request::read(text)?;
            let query = request.query.as_ref()?;
            return query.contains('\n').then(|| Self {
                is_batch: false,
                each: vec![request],
            });
        }
        let items = spans::items(text)?;
        let each = items.into_iter().map(|item| {
            let text = text.get(item).unwrap_or_default();
            Request::read(text).unwrap_or(Request {
                text,
                place: 0..0,
                query: None,
            })
        });
        let each: Vec<_> = each.collect();
        each.first()?.query.as_ref()?;
        Some(Self {
            is_batch: true,
            each,
        })
    }
}

impl<'a> Request<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let members = spans::members(text)?;
        // Of several the last one counts.
        let (_, place) = members.into_iter().rev().find(|(key, _)| {
            let key = text.get(key.clone()).unwrap_or_default();
            serde_json::from_str::<String>(key).is_ok_and(|key| key == "query")
        })?;
        let query = text.get(place.clone())?;
        Some(Self {
            text,
            query: serde_json::from_str(query).ok(),
            place,
        })
    }

    fn print(&self, out: &mut Sink) {
        let mut rest = self.text.to_owned();
        if self.query.is_some() {
            rest.replace_range(self.place.clone(), PLACE);
        }
        let mut printer = json::Printer::with_step(2);
        printer.feed(rest.as_bytes(), out);
        printer.finish(true, out);
        let Some(query) = &self.query else {
            return;
        };
        out.push(Class::Comment, "---");
        out.newline();
        for line in query.split('\n') {
            out.push(Class::String, line);
            out.newline();
        }
    }
}

/// The text before and after each line such as `--- 1/2`, and where it begins.
fn sections(text: &str) -> Vec<(usize, &str)> {
    let is_head = |line: &str| {
        let numbers = line.trim_end().strip_prefix("--- ");
        let numbers = numbers.and_then(|numbers| numbers.split_once('/'));
        numbers
            .is_some_and(|(nth, total)| nth.parse::<u32>().is_ok() && total.parse::<u32>().is_ok())
    };
    let mut sections = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if is_head(line) {
            sections.push((start, text.get(start..at).unwrap_or_default()));
            start = at + line.len();
        }
        at += line.len();
    }
    sections.push((start, text.get(start..).unwrap_or_default()));
    sections
}

/// A request of its JSON and its query, which a line with `---` divides. An error has its place.
fn request(section: &str) -> Result<Vec<u8>, (usize, ReencodeError)> {
    let mut at = 0;
    let divider = section.split_inclusive('\n').find_map(|line| {
        let start = at;
        at += line.len();
        (line.trim_end() == "---").then_some((start, at))
    });
    let (end, start) = divider.ok_or((
        0,
        ReencodeError::of("a line with --- has to stand before the query"),
    ))?;
    let rest = section.get(..end).unwrap_or_default();
    let query = section.get(start..).unwrap_or_default();
    let query = query.strip_suffix('\n').unwrap_or(query);
    let squeezed = json::squeezed(rest).map_err(|error| (0, error))?;
    let mut rest = String::from_utf8(squeezed).unwrap_or_default();
    let request = Request::read(&rest);
    let place = request.map(|request| request.place);
    let place = place.ok_or((
        0,
        ReencodeError::of("there is no \"query\" in it that the text could be"),
    ))?;
    rest.replace_range(place, &Value::from(query).to_string());
    Ok(rest.into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::testing::{edited, shown};

    const TYPE: &str = "application/json";

    const ONE: &str =
        r#"{"operationName":"A","variables":{"n":1.0e5},"query":"query A {\n  b\n}"}"#;

    #[test]
    fn queries_are_text() {
        insta::assert_snapshot!(shown(TYPE, ONE), @r#"
        {
          "operationName": "A",
          "variables": {
            "n": 1.0e5
          },
          "query": "..."
        }
        ---
        query A {
          b
        }
        "#);
        let batch = r#"[{"query":"{a}"},{"query":"{b}"},1]"#;
        insta::assert_snapshot!(shown(TYPE, batch), @r#"
        --- 1/3
        {
          "query": "..."
        }
        ---
        {a}
        --- 2/3
        {
          "query": "..."
        }
        ---
        {b}
        --- 3/3
        1
        "#);
        // A field of that name makes no GraphQL.
        for other in [r#"{"query":"a"}"#, r#"{"query":1}"#, r#"["query"]"#] {
            assert!(!shown(TYPE, other).contains("---"));
        }
    }

    #[test]
    fn queries_are_edited_as_text() {
        let of = |body: &str, from: &str, to: &str| {
            let bytes = edited("graphql", TYPE, body.as_bytes(), |text| {
                text.replace(from, to)
            });
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let expected = ONE.replace("b\\n", "c\\n  \\\"d\\\"\\n");
        assert_eq!(of(ONE, "  b\n", "  c\n  \"d\"\n"), Ok(expected));
        let batch = r#"[ {"query":"{a}"}, {"query":"{b}","x":1} ]"#;
        let expected = r#"[{"query":"{a}"},{"query":"{c}","x":2}]"#;
        let changed = of(&batch.replace('1', "2"), "{b}", "{c}");
        assert_eq!(changed, Ok(expected.into()));
        for (from, to, error) in [
            ("\"A\"", "A", "line 2, column 20: expected a value"),
            ("---\n", "", "line 1, column 1: a line with ---"),
            (
                "\"query\"",
                "\"q\"",
                "line 1, column 1: there is no \"query\" in it",
            ),
        ] {
            let said = of(ONE, from, to).unwrap_err();
            assert!(said.starts_with(error), "{to}: {said}");
        }
        let odd = of(r#"[{"query":"{a}"},1]"#, "a", "b").unwrap_err();
        assert!(odd.contains("an item of it has no query"));
    }

    proptest! {
        #[test]
        fn any_request_comes_back(queries in prop::collection::vec("[a-c{} \n\"\\\\é-]{0,12}", 1..4), n in any::<i64>()) {
            let one = json!({"variables": {"n": n}, "query": format!("{}\n{{}}", queries[0])});
            let batch: Vec<Value> = queries.iter().map(|query| json!({"query": query, "id": n})).collect();
            for body in [one, Value::from(batch)] {
                let text = body.to_string();
                let again = edited("graphql", TYPE, text.as_bytes(), |text| text.replacen('{', " {", 1));
                let again = again.map_err(TestCaseError::fail)?;
                prop_assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), body);
            }
        }
    }
}
