use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Spec, SpecError> {
    Spec::parse(text, FilterOptions::default())
}

#[test]
fn rules_are_taken_apart() {
    let rows = [
        ("/foo/bar", None, "foo", "bar"),
        ("/~q/foo/bar", Some("~q"), "foo", "bar"),
        ("|~u a/b|foo|bar|more", Some("~u a/b"), "foo", "bar|more"),
        (
            "/~u a|b/x/https://a.test/",
            Some("~u a|b"),
            "x",
            "https://a.test/",
        ),
        ("/a/", None, "a", ""),
        ("//", None, "", ""),
        ("/~q//", Some("~q"), "", ""),
        ("\u{e9}~q\u{e9}a\u{e9}b\u{e9}c", Some("~q"), "a", "b\u{e9}c"),
    ];
    for (text, filter, subject, replacement) in rows {
        let spec = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = (
            spec.filter.as_ref().map(Filter::source),
            &*spec.subject.text,
            &*spec.replacement.text,
        );
        assert_eq!(found, (filter, subject, replacement), "{text}");
        for part in [&spec.subject, &spec.replacement] {
            assert_eq!(
                text.get(part.from..part.from + part.text.len()),
                Some(&*part.text)
            );
        }
    }
    let spec = FilterSpec::parse("/~d ads/444", FilterOptions::default()).expect("a rule");
    assert_eq!(
        (spec.filter.source(), &*spec.value.text, spec.value.from),
        ("~d ads", "444", 8)
    );
}

#[test]
fn what_is_no_rule_is_pointed_at() {
    let rows = [
        ("", 0..0, "the rule is empty (at character 1)"),
        (
            "/",
            0..1,
            "Invalid number of parameters (2 or 3 are expected): '/' separates 1 (at character 1)",
        ),
        (
            "foo",
            0..3,
            "Invalid number of parameters (2 or 3 are expected): 'f' separates 1 (at character 1)",
        ),
        (
            "/foo",
            0..4,
            "Invalid number of parameters (2 or 3 are expected): '/' separates 1 (at character 1)",
        ),
        (
            "/~u a ~x/b/c",
            6..8,
            "Invalid filter expression: '~u a ~x': there is no operator ~x (at character 7)",
        ),
        (
            "//a/b",
            1..1,
            "Invalid filter expression: '': Empty filter expression (at character 2)",
        ),
    ];
    for (text, span, sentence) in rows {
        let error = parse(text).expect_err(text);
        assert_eq!((error.span.clone(), &*error.to_string()), (span, sentence));
    }
    let error = FilterSpec::parse("/~q/200/x", FilterOptions::default()).expect_err("three parts");
    assert_eq!(error.hint().as_deref(), Some("write `/FILTER/VALUE`"));
    let spec = "/~q/a\\x4/b";
    let part = parse(spec).expect("a rule").subject;
    let error = part.unescape(spec).expect_err("a broken escape");
    assert_eq!(
        error.to_string(),
        "\\x must be followed by two hexadecimal digits (at character 6)"
    );
}

#[test]
fn escapes_are_those_of_python() {
    let rows: [(&str, &[u8]); 12] = [
        ("plain", b"plain"),
        (r"\n\r\t\v\f\a\b", b"\n\r\t\x0b\x0c\x07\x08"),
        (r"\x41\xff\x0a", b"A\xff\n"),
        (r"\101\0\08\377\777", b"A\0\x008\xff\xff"),
        (r"\\d", br"\d"),
        (r"\d+\.\w", br"\d+\.\w"),
        (r#"\'\""#, b"'\""),
        ("a\\\nb", b"ab"),
        ("\u{e9}\\\u{e9}", "\u{e9}\\\u{e9}".as_bytes()),
        (r"\N{x}\u0041", br"\N{x}\u0041"),
        (r"\\\\", br"\\"),
        ("", b""),
    ];
    for (text, expected) in rows {
        assert_eq!(unescape(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(unescape("ab\\").map_err(|error| error.at), Err(2..3));
    assert_eq!(unescape(r"\x").map_err(|error| error.at), Err(0..2));
    assert_eq!(unescape(r"a\xg1").map_err(|error| error.at), Err(1..3));
}

proptest! {
    #[test]
    fn any_text_is_a_rule_or_not(text in any::<String>()) {
        match parse(&text) {
            Ok(spec) => {
                for part in [&spec.subject, &spec.replacement] {
                    prop_assert_eq!(text.get(part.from..part.from + part.text.len()), Some(&*part.text));
                    if let Err(error) = part.unescape(&text) {
                        prop_assert!(text.get(error.span).is_some());
                    }
                }
            }
            Err(error) => prop_assert!(text.get(error.span).is_some()),
        }
    }
}
