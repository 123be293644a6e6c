//! GraphQL over HTTP: the query as text, and what goes with it as JSON (<https://graphql.github.io/graphql-over-http>).

use serde_json::{Map, Value};

use super::json;
use super::whole::{Beyond, Whole};
use crate::{Class, ContentView, Painter, Sink, ViewInput};

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
        if could && queries(input.data).is_some() {
            2.0
        } else {
            0.0
        }
    }

    fn open(&self, _: &ViewInput<'_>) -> Box<dyn Painter> {
        Whole::painter(self.name(), Beyond::Text, |data, _, out| {
            let queries = queries(data).ok_or("there is no query in it")?;
            let total = queries.len();
            for (nth, query) in queries.iter().enumerate() {
                if total > 1 {
                    out.push(Class::Comment, &format!("--- {}/{total}", nth + 1));
                    out.newline();
                }
                print(query, out);
            }
            Ok(())
        })
    }
}

/// A longer body is not looked through for queries, in bytes.
const LOOKED_AT: usize = 1024 * 1024;

/// The objects with queries; none if it is something else.
fn queries(data: &[u8]) -> Option<Vec<Map<String, Value>>> {
    match serde_json::from_slice(data).ok()? {
        Value::Object(object) => {
            let is_query = object.get("query")?.as_str()?.contains('\n');
            is_query.then(|| vec![object])
        }
        Value::Array(items) => {
            items.first()?.get("query")?.as_str()?;
            let objects = items.into_iter().filter_map(|item| match item {
                Value::Object(object) => Some(object),
                _ => None,
            });
            Some(objects.collect())
        }
        _ => None,
    }
}

fn print(object: &Map<String, Value>, out: &mut Sink) {
    let mut rest = object.clone();
    let query = rest.insert("query".into(), Value::String("...".into()));
    let rest = serde_json::to_vec(&Value::Object(rest)).unwrap_or_default();
    let mut printer = json::Printer::with_step(2);
    printer.feed(&rest, out);
    printer.finish(true, out);
    out.push(Class::Comment, "---");
    out.newline();
    for line in query
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .lines()
    {
        out.push(Class::String, line);
        out.newline();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;

    #[test]
    fn queries_are_text() {
        let one = r#"{"operationName":"A","variables":{"n":1},"query":"query A {\n  b\n}"}"#;
        insta::assert_snapshot!(shown("application/json", one), @r#"
        {
          "operationName": "A",
          "variables": {
            "n": 1
          },
          "query": "..."
        }
        ---
        query A {
          b
        }
        "#);
        let batch = r#"[{"query":"{a}"},{"query":"{b}"}]"#;
        assert!(shown("application/json", batch).contains("--- 2/2"));
        // A field of that name makes no GraphQL.
        for other in [r#"{"query":"a"}"#, r#"{"query":1}"#, r#"["query"]"#] {
            assert!(!shown("application/json", other).contains("---"));
        }
    }
}
