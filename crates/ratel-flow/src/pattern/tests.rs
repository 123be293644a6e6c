use proptest::prelude::*;

use super::*;

fn pattern(source: &str, unit: Unit) -> Pattern {
    let flags = Flags {
        ignore_case: true,
        ..Flags::default()
    };
    Pattern::new(source, unit, flags, 0).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// What Python finds is asked of Python itself, in `tests/python`.
#[test]
fn patterns_are_searched_for() {
    let rows = [
        (r"\.js$", "https://a.test/app.JS", true),
        (r"\.js$", "https://a.test/app.js?x", false),
        (r"^https?://(?!cdn\.)", "https://cdn.a.test/", false),
        (r"^https?://(?!cdn\.)", "https://a.test/", true),
        (r"(?P<word>\w+)/(?P=word)\Z", "/v1/v1", true),
        (r"(?<=api\.)\d+", "api.7", true),
        ("google", "https://GOOGLE.test/", true),
        ("google", "https://goo.test/", false),
        // Letters that are the same, though one is not of ASCII.
        ("kiss", "\u{212a}\u{131}\u{17f}s", true),
        ("É", "é", true),
        (r"\w", "_", true),
    ];
    for (source, text, expected) in rows {
        assert_eq!(
            pattern(source, Unit::Char).is_match_text(text),
            expected,
            "{source} in {text}"
        );
    }
}

#[test]
fn a_pattern_for_bytes_is_one_of_bytes() {
    let rows: [(&str, &[u8], bool); 8] = [
        ("a.b", b"A\xffb", true),
        (r"a\xffb", b"a\xffb", true),
        ("\u{e9}", "\u{e9}".as_bytes(), true),
        ("\u{e9}", "\u{c9}".as_bytes(), false),
        ("^.$", "\u{e9}".as_bytes(), false),
        (r"\w", "\u{e9}".as_bytes(), false),
        (r"(?<=\xc3)\xa9", "\u{e9}".as_bytes(), true),
        ("\u{e9}+$", b"\xc3\xa9\xa9", true),
    ];
    for (source, bytes, expected) in rows {
        assert_eq!(
            pattern(source, Unit::Byte).is_match(bytes),
            expected,
            "{source} in {bytes:?}"
        );
    }
}

#[test]
fn literal_text_is_known() {
    let literal = |source, unit| {
        let pattern = pattern(source, unit);
        let literal = pattern.literal();
        literal.map(|literal| {
            (
                String::from_utf8_lossy(literal.bytes).into_owned(),
                literal.ignore_case,
            )
        })
    };
    assert_eq!(literal("Foo", Unit::Byte), Some(("foo".to_owned(), true)));
    assert_eq!(
        literal(r"a\.b\x2f", Unit::Char),
        Some(("a.b/".to_owned(), true))
    );
    assert_eq!(
        literal("\u{e9}", Unit::Byte),
        Some(("\u{e9}".to_owned(), true))
    );
    assert_eq!(literal("\u{e9}", Unit::Char), None);
    assert_eq!(literal("", Unit::Char), Some((String::new(), false)));
    for more in ["a.b", "a|b", "^a", "a+", "[a]", "(a)", "(?-i:a)b"] {
        assert_eq!(literal(more, Unit::Byte), None, "{more}");
    }
    let exact = Pattern::new("Foo", Unit::Byte, Flags::default(), 0).expect("a pattern");
    assert!(exact.is_match(b"a Foo") && !exact.is_match(b"a foo"));
}

#[test]
fn literals_are_found_wherever_they_are() {
    for needle in ["q", "eq", "e", "Content-Type", "aab"] {
        let pattern = pattern(needle, Unit::Byte);
        for before in 0..40 {
            let text = format!(
                "{}{}{}",
                "a".repeat(before),
                needle.to_uppercase(),
                "e".repeat(40 - before)
            );
            assert!(pattern.is_match(text.as_bytes()), "{needle} in {text}");
        }
        assert!(!pattern.is_match(&needle.as_bytes()[1..]) && !pattern.is_match(b""));
    }
}

#[test]
fn what_is_no_pattern_is_pointed_at() {
    let rows = [
        ("a(b", 1..2, "unclosed group"),
        ("ab)", 2..3, "a parenthesis is closed that was not opened"),
        ("\u{e9}[a", 2..4, "unclosed brackets"),
        (
            "a**",
            2..3,
            "what is repeated already needs parentheses to be repeated again",
        ),
        ("*a", 0..1, "there is nothing to repeat"),
        ("a{3,2}", 1..6, "the larger number comes first"),
        ("a{9999999}", 1..10, "so many repetitions are too many"),
        (r"a\q", 1..3, r"unknown escape \q"),
        (r"a\", 1..2, "a backslash at the end"),
        (r"\x4", 0..3, r"\x4 lacks digits"),
        ("x[z-a]", 2..5, "z-a is no range"),
        (r"(a)\2", 3..5, "there is no group 2"),
        (r"(a\1)", 2..4, "a group cannot refer to itself"),
        (
            "(?<=a+)b",
            0..7,
            "what a look-behind looks for must have one length",
        ),
        (
            "a(?i)b",
            1..5,
            "flags for the whole pattern must stand at its start",
        ),
        ("(?P<1>a)", 4..5, "1 cannot be the name of a group"),
        ("(?P=b)", 4..5, "there is no group b"),
        (
            r"\N{BULLET}",
            0..2,
            "names of characters are not known; write the character itself",
        ),
    ];
    for (source, at, reason) in rows {
        let error = Pattern::new(source, Unit::Char, Flags::default(), 0).expect_err(source);
        assert_eq!((&*error.reason, error.at), (reason, at), "{source}");
    }
}

#[test]
fn what_would_take_too_much_is_refused_or_given_up() {
    let refused = |source: &str| {
        let error = Pattern::new(source, Unit::Byte, Flags::default(), 0).expect_err("too much");
        error.reason.into_owned()
    };
    assert_eq!(refused(&"(".repeat(100_000)), "nested too deeply");
    assert_eq!(refused(&"(?=".repeat(100_000)), "nested too deeply");
    let large = pattern(r"((a{1000}){1000}){1000}|\w{5000}", Unit::Char);
    assert!(!large.is_match_text(&"a".repeat(4999)) && large.is_match_text(&"a".repeat(5000)));
    assert_eq!(refused(&format!("{}a", "(?:".repeat(40))), "unclosed group");
    let many = format!("{}x{}", "(?:a|".repeat(40), ")".repeat(40));
    assert!(pattern(&many, Unit::Byte).is_match(b"x"));
    // Every way to cut the text into groups would be tried.
    let slow = pattern(r"(?=((a|a)+)+$)b", Unit::Byte);
    assert!(!slow.is_match("a".repeat(60).as_bytes()));
    // A long text is no reason to give up.
    let long = [&b"x".repeat(1 << 20)[..], b"ab"].concat();
    assert!(pattern("(?<=a)b", Unit::Byte).is_match(&long));
    assert!(pattern("(?!.*c)a", Unit::Byte).is_match(&long));
}

#[test]
fn bytes_that_are_not_text_are_characters_of_their_own() {
    let mut room = String::new();
    assert_eq!(text(b"a\xffb", &mut room), "a\u{10dcff}b");
    assert!(pattern("a.b", Unit::Char).is_match(b"a\xffb"));
    assert!(pattern(r"a\udcffb", Unit::Char).is_match(b"a\xffb"));
    assert!(!pattern(r"a\wb", Unit::Char).is_match(b"a\xffb"));
}

/// What patterns are put together from that both engines can do.
const PIECES: [&str; 40] = [
    "a", "b", "K", "\u{e9}", "1", ".", "^", "\\A", "\\Z", "|", "(", ")", "(?:", "(?i:", "(?s:",
    "(?m:", "*", "+", "?", "*?", "+?", "??", "{2}", "{,2}", "{1,2}", "[ab]", "[^a]", "[^\\W1]",
    "\\d", "\\w", "\\S", "\\n", "\n", "ab", "a*", "(a|b)", "(a*)*", "(?:a|ab)", ".*", "[a-k]+",
];

proptest! {
    #[test]
    fn both_engines_are_of_one_mind(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..9),
        text in "[abkK1\u{e9}\u{c9}\u{212a}\n ]{0,12}",
        bytes in any::<bool>(),
        ignore_case in any::<bool>(),
    ) {
        let (source, unit) = (pieces.concat(), if bytes { Unit::Byte } else { Unit::Char });
        let flags = Flags { ignore_case, ..Flags::default() };
        let Ok(parsed) = parse::parse(&source, unit, flags) else {
            return Ok(());
        };
        let emitted = emit::emit(&parsed.ast, unit, parsed.ignore_case, true);
        // `a*` and `+` are possessive.
        prop_assume!(!emitted.backtracks);
        let plain = emit::build(&emitted.text, unit, SIZE_MAX).expect("it is small");
        let mut program = backtrack::Program::new(&parsed.ast, unit, parsed.ignore_case, parsed.groups, SIZE_MAX);
        let place = plain.find(text.as_bytes()).map(|found| (found.start(), found.end()));
        for _ in 0..2 {
            let groups = program.find(text.as_bytes(), 0);
            prop_assert_eq!(groups.map(|groups| groups[0]), place.map(Some), "/{}/ in {:?}", source, text);
            program.look_everywhere();
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_not(source in any::<String>(), text in any::<Vec<u8>>()) {
        for unit in [Unit::Char, Unit::Byte] {
            match Pattern::new(&source, unit, Flags::default(), 0) {
                Ok(pattern) => { let _ = pattern.is_match(&text); }
                Err(error) => {
                    prop_assert!(source.get(error.at.clone()).is_some(), "{}: {:?}", source, error);
                }
            }
        }
    }
}

#[test]
fn errors_lie_between_characters() {
    for unit in [Unit::Char, Unit::Byte] {
        let source = "(?\u{130}(1)c|d)";
        let error = Pattern::new(source, unit, Flags::default(), 0).unwrap_err();
        assert_eq!(source.get(error.at), Some("(?\u{130}"), "{unit:?}");
    }
}
