use proptest::prelude::*;

use crate::{Class, Document, Painter, Sink, ViewInput, render};

fn document(data: &[u8], complete: bool) -> Document {
    let input = ViewInput {
        data,
        complete,
        content_type: Some("application/json"),
        max_lines: usize::MAX,
        ..ViewInput::default()
    };
    render(Some("json"), &input)
}

fn text(data: &str) -> String {
    let lines: Vec<String> = document(data.as_bytes(), true)
        .lines
        .iter()
        .map(|line| line.text())
        .collect();
    lines.join("\n")
}

#[test]
fn documents_are_indented_and_keep_their_tokens() {
    let rows = [
        ("{}", "{}"),
        (" [ ] \n", "[]"),
        ("[[],{}]", "[\n    [],\n    {}\n]"),
        (
            r#"{"b":1,"a":2,"b":3}"#,
            "{\n    \"b\": 1,\n    \"a\": 2,\n    \"b\": 3\n}",
        ),
        (
            "[1.0e5,-0,1E+2,0.10,123456789012345678901234567890]",
            "[\n    1.0e5,\n    -0,\n    1E+2,\n    0.10,\n    123456789012345678901234567890\n]",
        ),
        (
            "[true,false,null,NaN,-Infinity,Infinity]",
            "[\n    true,\n    false,\n    null,\n    NaN,\n    -Infinity,\n    Infinity\n]",
        ),
        ("\"top\"", "\"top\""),
        ("12", "12"),
        ("1 2\n{\"a\":[]}", "1\n2\n{\n    \"a\": []\n}"),
        ("\u{feff}{}", "{}"),
    ];
    for (data, expected) in rows {
        assert_eq!(text(data), expected, "{data}");
    }
}

#[test]
fn escapes_of_printable_characters_become_them() {
    let rows = [
        (r#""\u00e9\u20AC""#, "\"é€\""),
        (r#""\ud83d\ude00""#, "\"😀\""),
        (r#""\ud83d""#, r#""\ud83d""#),
        (r#""\ud83dx\ude00""#, r#""\ud83dx\ude00""#),
        (r#""\ud83d\ud83d\ude00""#, r#""\ud83d😀""#),
        (r#""\ud83d\n""#, r#""\ud83d\n""#),
        (
            r#""\u001b[31m\u007f\u0000\u202e""#,
            r#""\u001b[31m\u007f\u0000\u202e""#,
        ),
        (r#""\u0022\u005c\/\"\\\n""#, r#""\u0022\u005c/\"\\\n""#),
    ];
    for (data, expected) in rows {
        assert_eq!(text(data), expected, "{data}");
    }
}

#[test]
fn tokens_have_classes() {
    let document = document(br#"{"k":["s",1,null]}"#, true);
    let classes: Vec<(Class, &str)> = document
        .lines
        .iter()
        .flat_map(|line| &line.spans)
        .filter(|span| span.class != Class::Plain)
        .map(|span| (span.class, span.text.as_str()))
        .collect();
    let expected = [
        (Class::Name, "\"k\""),
        (Class::String, "\"s\""),
        (Class::Number, "1"),
        (Class::Boolean, "null"),
    ];
    assert_eq!(classes, expected);
}

#[test]
fn what_is_wrong_is_said_and_the_rest_shown() {
    let rows = [
        (
            "{\"a\":1,]",
            "{\n    \"a\": 1,\n    \nCouldn't parse as JSON:\nexpected a key at byte 7\n]",
        ),
        (
            "[1 2]",
            "[\n    1\nCouldn't parse as JSON:\nexpected a comma or the end of the container at byte 3\n2]",
        ),
        (
            "[1}",
            "[\n    1\nCouldn't parse as JSON:\nexpected a comma or the end of the container at byte 2\n}",
        ),
        (
            "nope",
            "Couldn't parse as JSON:\nexpected a value at byte 1\nnope",
        ),
        ("-", "-\nthe body ends here, before the end of the JSON"),
        (
            "[1.]",
            "[\n    1.\nCouldn't parse as JSON:\nexpected a digit at byte 3\n]",
        ),
        (
            "\"a\nb\"",
            "\"a\nCouldn't parse as JSON:\nexpected no control character in a string at byte 2\n\nb\"",
        ),
        (
            "\"\\q\"",
            "\"\nCouldn't parse as JSON:\nexpected an escape sequence at byte 2\nq\"",
        ),
    ];
    for (data, expected) in rows {
        assert_eq!(text(data), expected, "{data}");
    }
}

#[test]
fn input_that_ends_early_is_shown_as_far_as_it_goes() {
    let whole = r#"{"key":["text",12.5e3,true,{"a\u00e9":null}]}"#;
    for end in 1..whole.len() {
        let cut = document(&whole.as_bytes()[..end], false);
        assert_eq!((cut.view_name, cut.description.as_str()), ("JSON", ""));
        let classes = cut.lines.iter().flat_map(|line| &line.spans);
        assert!(
            classes.clone().all(|span| span.class != Class::Error),
            "{end}"
        );
        assert!(classes.count() > 0);
    }
}

#[test]
fn deep_nesting_costs_neither_stack_nor_long_lines() {
    for (open, close) in [("[", "]"), ("{\"\":", "}")] {
        let depth = 100_000;
        let data = [open.repeat(depth), "1".to_owned(), close.repeat(depth)].concat();
        let document = document(data.as_bytes(), true);
        assert!(
            document.lines.len() >= 2 * depth - 1,
            "{}",
            document.lines.len()
        );
        assert!(document.lines.iter().all(|line| line.text().len() < 300));
        let last = document.lines.last().unwrap().text();
        assert_eq!(last, close);
    }
    let mut printer = super::Printer::default();
    printer.feed(&vec![b'['; super::MAX_DEPTH + 10], &mut Sink::new(0));
    let error = printer.failed().unwrap_or_default();
    assert!(error.starts_with("expected no deeper nesting"), "{error}");
}

#[test]
fn a_word_that_is_no_literal_is_left_in_one_piece() {
    for (data, expected) in [
        (
            "notgzip",
            "Couldn't parse as JSON:\nexpected a value at byte 1\nnotgzip",
        ),
        (
            "[nul",
            "[\n    nul\nthe body ends here, before the end of the JSON",
        ),
    ] {
        assert_eq!(text(data), expected);
    }
}

pub(super) fn any_json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?(e[0-9])?",
        Just("true".to_owned()),
        Just("null".to_owned()),
        "\"([a-zé€ ]|\\\\n|\\\\u00e9|\\\\ud83d\\\\ude00){0,6}\"",
    ];
    scalar.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
            prop::collection::vec(("\"[a-c]\"", inner), 0..4).prop_map(|v| {
                let members: Vec<String> =
                    v.into_iter().map(|(k, v)| format!("{k} : {v}")).collect();
                format!("{{{}}}", members.join(" , "))
            }),
        ]
    })
}

proptest! {
    /// Where windows happen to be cut never changes what is shown.
    #[test]
    fn any_split_is_shown_alike(data in any_json(), at in any::<prop::sample::Index>()) {
        let bytes = data.as_bytes();
        let (a, b) = bytes.split_at(at.index(bytes.len() + 1));
        let input = ViewInput { data: a, max_lines: usize::MAX, ..ViewInput::default() };
        let mut rendering = crate::Rendering::start(Some("json"), &input);
        rendering.feed(a);
        rendering.feed(b);
        rendering.finish(true);
        let lines: Vec<_> = std::iter::from_fn(|| rendering.take()).collect();
        prop_assert_eq!(lines, document(bytes, true).lines);
    }

    /// Valid documents are never called wrong, and printing again changes nothing.
    #[test]
    fn printing_is_stable(data in any_json()) {
        let once = text(&data);
        prop_assert!(!once.contains("expected"), "{}", once);
        prop_assert_eq!(text(&once), once);
    }

    #[test]
    fn any_bytes_are_shown_safely(data in prop::collection::vec(any::<u8>(), 0..200), complete in any::<bool>()) {
        for line in document(&data, complete).lines {
            prop_assert!(line.text().chars().all(|c| c == '\t' || !c.is_control()));
        }
    }
}
