use super::*;

fn parse(source: &str) -> Result<Filter, FilterError> {
    Filter::parse(
        source,
        FilterOptions {
            case_sensitive: true,
        },
    )
}

/// Expressions and what they mean.
const MEANINGS: &[(&str, &str)] = &[
    (
        "~q ~s | ~a",
        "has no response and (has a response or is an asset)",
    ),
    (
        "a b | c",
        "url matches /a/ and (url matches /b/ or url matches /c/)",
    ),
    (
        "a | b c",
        "(url matches /a/ or url matches /b/) and url matches /c/",
    ),
    (
        "a | b & c",
        "url matches /a/ or (url matches /b/ and url matches /c/)",
    ),
    (
        "a & b | c",
        "(url matches /a/ and url matches /b/) or url matches /c/",
    ),
    ("!a & b", "not url matches /a/ and url matches /b/"),
    ("!(a & b)", "not (url matches /a/ and url matches /b/)"),
    ("!!~q", "not not has no response"),
    ("! ~q", "not has no response"),
    ("a|b", "url matches /a|b/"),
    ("~u a&b", "url matches /a&b/"),
    ("~u a!b", "url matches /a!b/"),
    ("a &b", "url matches /a/ and url matches /b/"),
    ("a&b", "url matches /a&b/"),
    ("~c 200&~q", "response code is 200 and has no response"),
    ("'x'&~q", "url matches /x/ and has no response"),
    ("(~q )", "has no response"),
    ("(foo)", "url matches /foo/"),
    ("(~u foo)", "url matches /foo/"),
    ("(~c 200)", "response code is 200"),
    ("~u x(y)", "url matches /x/ and url matches /y/"),
    ("~u 'x'y", "url matches /x/ and url matches /y/"),
    (
        "a && b",
        "(url matches /a/ and url matches /&/) and url matches /b/",
    ),
    (
        "a || b",
        "(url matches /a/ or url matches /|/) and url matches /b/",
    ),
    ("not ~q", "url matches /not/ and has no response"),
    (
        "~q and ~s",
        "has no response and url matches /and/ and has a response",
    ),
    ("~c 20 0", "response code is 20 and url matches /0/"),
    ("~c 0200", "response code is 200"),
    ("~c 000", "response code is 0"),
    ("''", "url matches //"),
    (r#""\d+""#, "url matches /d+/"),
    (r#""\\d+""#, r"url matches /\d+/"),
    (r"~u \d+", r"url matches /\d+/"),
    (
        r#"~u 'it\'s' "a\"b""#,
        r#"url matches /it's/ and url matches /a"b/"#,
    ),
    (r#""\n\t\r\f""#, "url matches /\n\t\r\u{c}/"),
    // What has nothing to apply to is a word.
    ("!", "url matches /!/"),
    ("a &", "url matches /a/ and url matches /&/"),
    (
        "a | b |",
        "(url matches /a/ or url matches /b/) and url matches /|/",
    ),
    ("!!", "not url matches /!/"),
    ("(!)", "url matches /!/"),
    ("|b", "url matches /|b/"),
    ("~b x", "body matches /x/s"),
    ("~h x", "header matches /x/m"),
    ("~q\u{e9}", "has no response and url matches /\u{e9}/"),
    ("\n ~q\t\r\n", "has no response"),
    ("'a\tb'", "url matches /a      b/"),
];

#[test]
fn what_binds_how() {
    for (source, expected) in MEANINGS {
        match parse(source) {
            Ok(filter) => assert_eq!(filter.to_string(), *expected, "{source}"),
            Err(error) => panic!("{error}"),
        }
    }
    let filter = Filter::parse("~b x | foo", FilterOptions::default()).expect("a filter");
    assert_eq!(
        filter.to_string(),
        "body matches /x/is or url matches /foo/i"
    );
}

#[test]
fn what_is_no_expression() {
    let rows = [
        ("(~q)", 3..4, "~q must be followed by a space"),
        ("~q&~s", 2..3, "~q must be followed by a space"),
        ("~q|~s", 2..3, "~q must be followed by a space"),
        ("(~all)", 5..6, "~all must be followed by a space"),
        ("~q~s", 2..3, "~q must be followed by a space"),
        ("~b\"foo\"", 2..3, "~b must be followed by a space"),
        ("~bfoo", 0..5, "there is no operator ~bfoo"),
        ("foo~bar", 3..7, "there is no operator ~bar"),
        ("~Q", 0..2, "there is no operator ~Q"),
        ("~", 0..1, "there is no operator ~"),
        ("~u", 0..2, "~u lacks its regular expression"),
        ("~u ~q", 0..2, "~u lacks its regular expression"),
        ("~c", 0..2, "~c lacks its number"),
        ("a & ~c x", 4..6, "~c lacks its number"),
        ("(a", 0..1, "the parenthesis is not closed"),
        ("a)", 1..2, "the parenthesis was not opened"),
        ("a & ()", 5..6, "there is nothing in the parentheses"),
        (
            "(a b)",
            3..4,
            "within parentheses, & or | must join what stands side by side",
        ),
        ("(a |)", 4..5, "something must follow"),
        ("(a & ", 5..5, "something must follow"),
        ("a 'b", 2..3, "the quote is not closed"),
        ("'a\nb'", 0..1, "the quote is not closed on its line"),
        ("  ", 0..2, "there is only space"),
    ];
    for (source, span, reason) in rows {
        let error = parse(source).expect_err(source);
        assert_eq!(
            (error.reason().to_string().as_str(), error.span()),
            (reason, span),
            "{source}"
        );
        let start = format!(
            "Invalid filter expression: {}: {reason} (at character ",
            python::repr(source)
        );
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    let empty = parse("").expect_err("nothing");
    assert_eq!(empty.to_string(), "Empty filter expression");
}

mod flows;

#[test]
fn what_is_missing_is_suggested() {
    let rows = [
        ("(~q)", Some("write `~q )`")),
        ("~q|~s", Some("write `~q |`")),
        ("~Q", Some("`~q` is one")),
        ("~web", Some("`~websocket` is one")),
        ("~zzz", None),
        (
            "a~",
            Some("`~` begins an operator; in a regular expression, put quotes round it"),
        ),
        (
            "~u",
            Some(
                "write `~u word` or, with spaces, parentheses or quotes in it, `~u \"some words\"`",
            ),
        ),
        ("~c x", Some("write `~c 404`")),
        ("(a b)", Some("put `&` or `|` before it")),
        ("(a", None),
    ];
    for (source, hint) in rows {
        let error = parse(source).expect_err(source);
        assert_eq!(error.hint().as_deref(), hint, "{source}");
    }
}

#[test]
fn what_is_wrong_in_a_pattern_is_pointed_at() {
    let rows = [
        ("~b a[b", 4..6),
        ("~b \u{e9}[b", 5..7),
        ("~u 'a[b'", 5..7),
        (r"~b 'a\x[b'", 7..9),
        ("~b 'a\t[b'", 6..8),
        ("~q ~h *", 6..7),
    ];
    for (source, span) in rows {
        let error = parse(source).expect_err(source);
        assert_eq!(error.span(), span, "{error}");
    }
    // What is in parentheses is no longer part of the word.
    assert_eq!(
        parse("~u a(b").expect_err("open").reason(),
        &Reason::NotClosed
    );
    let error = parse("~u 'a[b'").expect_err("open");
    assert_eq!(
        error.to_string(),
        r#"Invalid filter expression: "~u 'a[b'": not a regular expression: unclosed brackets (at character 6)"#
    );
}

#[test]
fn no_text_takes_long_or_deep() {
    let reason = |source: &str| parse(source).expect_err("too much").reason().clone();
    assert_eq!(reason(&"(".repeat(100_000)), Reason::TooLong);
    assert_eq!(reason(&"(".repeat(60_000)), Reason::TooDeep);
    assert_eq!(reason(&"!".repeat(60_000)), Reason::TooDeep);
    assert_eq!(reason(&"!(".repeat(30_000)), Reason::TooDeep);
    let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
    assert_eq!(
        parse(&deep).expect("a filter").to_string(),
        "url matches /a/"
    );
    let wide = "a & b | ".repeat(8000) + "c";
    assert!(parse(&wide).is_ok());
    let error = parse(&format!("~u {}(", "a".repeat(1000))).expect_err("open");
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn what_a_filter_reads_is_known() {
    let needs = |source| parse(source).expect("a filter").needs();
    for summary in [
        "~all",
        "~c 200",
        "~q | ~s",
        "~e & ~marked",
        "~src a ~dst b",
        "~meta a ~comment b",
        "~websocket",
    ] {
        assert!(needs(summary).is_summary(), "{summary}");
    }
    assert_eq!(needs("~m GET & ~d a"), Needs::REQUEST_HEAD);
    assert_eq!(needs("!(~a | ~hs x)"), Needs::RESPONSE_HEAD);
    assert!(needs("foo ~t x").contains(Needs::REQUEST_HEAD.with(Needs::RESPONSE_HEAD)));
    assert!(!needs("foo ~t x").reads_bodies());
    assert!(needs("~q ~bs x").reads_bodies() && !needs("~bs x").contains(Needs::REQUEST_BODY));
}

#[test]
fn every_operator_is_in_the_help() {
    let syntax: Vec<_> = help().iter().map(|line| line.syntax.as_str()).collect();
    for expected in [
        "~a",
        "~bq regex",
        "~c int",
        "~websocket",
        "regex",
        "!",
        "&",
        "|",
        "(...)",
    ] {
        assert!(syntax.contains(&expected), "{expected}");
    }
    assert_eq!(
        syntax
            .iter()
            .filter(|syntax| syntax.starts_with('~'))
            .count(),
        32
    );
    for line in help() {
        let example = line.syntax.replace("regex", "x").replace("int", "1");
        if example.starts_with('~') {
            assert!(parse(&example).is_ok(), "{example}");
        }
        assert!(line.description.ends_with('.'), "{}", line.description);
    }
}

mod properties {
    use proptest::prelude::*;

    use super::super::*;

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_not(source in any::<String>()) {
            check(&source);
        }

        #[test]
        fn what_looks_like_an_expression_is_one_or_not(source in "([~!&|() '\"\\\\\tabcqsu0é]|~b |~c 1|~u )*") {
            check(&source);
        }
    }

    fn check(source: &str) {
        match Filter::parse(source, FilterOptions::default()) {
            Ok(filter) => {
                let again =
                    Filter::parse(filter.source(), filter.options()).expect("it was one before");
                assert_eq!(again.to_string(), filter.to_string());
            }
            Err(error) => {
                assert!(source.get(error.span()).is_some(), "{source:?}: {error:?}");
                assert!(error.to_string().contains("filter expression"));
                let _ = error.hint();
            }
        }
    }
}
