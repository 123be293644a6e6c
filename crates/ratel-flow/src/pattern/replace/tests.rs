use super::*;
use crate::pattern::Flags;

fn replacer(pattern: &str, unit: Unit) -> Replacer {
    Pattern::new(pattern, unit, Flags::default(), 0)
        .expect("a pattern")
        .replacer()
}

fn sub(pattern: &str, template: &str, text: &str) -> String {
    let results = [Unit::Char, Unit::Byte].map(|unit| {
        let replacer = replacer(pattern, unit);
        let template = Template::parse(template.as_bytes(), &replacer).expect("a template");
        let replaced = replacer
            .replace(text.as_bytes(), &template)
            .expect("in time");
        let replaced = replaced.unwrap_or_else(|| text.into());
        String::from_utf8(replaced).expect("text")
    });
    assert_eq!(results[0], results[1], "{pattern} {template} {text}");
    let [replaced, _] = results;
    replaced
}

/// What Python 3 says.
#[test]
fn matches_become_the_replacement() {
    let rows = [
        ("a", "b", "banana", "bbnbnb"),
        ("(n)(a)", r"\2\1", "banana", "baanan"),
        (
            "(?P<x>n)a",
            r"<\g<x>\g<1>\g<0>>",
            "banana",
            "ba<nnna><nnna>",
        ),
        // Empty matches stand beside others, but not where one has just been.
        ("x*", "-", "abxd", "-a-b--d-"),
        ("|a", "-", "a", "---"),
        ("b|", "-", "abc", "-a--c-"),
        ("(?=b)|b", "-", "abc", "a--c"),
        ("^", ">", "a\nb", ">a\nb"),
        ("(?m)^", ">", "a\nb", ">a\n>b"),
        ("$", "!", "a\n", "a!\n!"),
        (r"(a)|b", r"[\1]", "ab", "[a][]"),
        (r"(\w)\1", r"<\1>", "aabbc", "<a><b>c"),
        ("(?i)A", "x", "aA", "xx"),
        ("a", r"\n\\\.", "a", "\n\\\\."),
        ("a", r"\07\101\0", "a", "\u{7}A\0"),
        ("", "-", "ab", "-a-b-"),
    ];
    for (pattern, template, text, expected) in rows {
        assert_eq!(sub(pattern, template, text), expected, "{pattern} {text}");
    }
}

#[test]
fn templates_are_refused_with_the_place() {
    let rows = [
        (r"a\", "a backslash at the end", 1..2),
        (r"a\d", r"unknown escape \d", 1..3),
        (r"\2", "there is no group 2", 0..2),
        (r"\12", "there is no group 12", 0..3),
        (r"\g<3>", "there is no group 3", 0..5),
        (r"\g<y>", "there is no group named 'y'", 0..5),
        (r"\g<>", "there is no group named ''", 0..4),
        (
            r"\g<x",
            "the > after the name of the group is missing",
            0..2,
        ),
        (r"\gx", r"\g must be followed by <", 0..2),
        (r"\400", r"\400 is beyond \377", 0..4),
    ];
    let of = replacer("(?P<x>a)", Unit::Char);
    for (template, reason, at) in rows {
        let error = Template::parse(template.as_bytes(), &of).unwrap_err();
        assert_eq!((&*error.reason, error.at), (reason, at), "{template}");
    }
}

#[test]
fn bytes_that_are_no_text_stay_what_they_are() {
    let of = replacer("b", Unit::Char);
    let template = Template::parse("ü".as_bytes(), &of).expect("a template");
    let replaced = of.replace(b"a\xffb\x80", &template).expect("in time");
    assert_eq!(replaced.as_deref(), Some(&b"a\xff\xc3\xbc\x80"[..]));
    assert_eq!(of.replace(b"\xff", &template), Ok(None));
    let of = replacer(r"\w", Unit::Byte);
    let template = Template::parse(br"\377", &of).expect("a template");
    let replaced = of.replace(b"a\xffb\x80", &template).expect("in time");
    assert_eq!(replaced.as_deref(), Some(&b"\xff\xff\xff\x80"[..]));
}

#[test]
fn a_search_without_end_is_given_up() {
    let of = replacer("(?:a|aa)+b(?!b)", Unit::Byte);
    let text = [&[b'a'; 2000][..], b"bb"].concat();
    let template = Template::literal(b"x");
    assert_eq!(of.replace(&text, &template), Err(TooLong));
}

#[test]
fn groups_are_found() {
    let of = replacer("b(c)?(?P<rest>d*)", Unit::Char);
    assert_eq!(of.groups(), 2);
    let found = of.find("abdd").expect("in time").expect("a match");
    assert_eq!(found, [Some(1..4), None, Some(2..4)]);
    assert_eq!(of.find("x"), Ok(None));
}
