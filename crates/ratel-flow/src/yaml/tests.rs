use super::*;

/// The one document of a text.
fn one(text: &str) -> Option<Node> {
    let read = read(text);
    assert_eq!(read.error, None, "{text}");
    read.documents.into_iter().next()
}

fn shown(node: &Node) -> String {
    let tag = node
        .tag
        .as_ref()
        .map(|tag| format!("!{tag} "))
        .unwrap_or_default();
    let shape = match &node.shape {
        Shape::Scalar { .. } => match node.resolved() {
            Some(Resolved::Text(text)) => format!("{text:?}"),
            Some(other) => format!("{other:?}"),
            None => String::new(),
        },
        Shape::List(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Shape::Map(entries) => {
            let entries = entries.iter();
            let entries: Vec<_> = entries
                .map(|(name, value)| format!("{}: {}", shown(name), shown(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    };
    tag + &shape
}

#[test]
fn everything_people_write_is_read() {
    for (text, expected) in [
        ("a: 1", r#"{"a": Int(1)}"#),
        ("a:\n- x\n- 'y'\n", r#"{"a": ["x", "y"]}"#),
        ("a:\n  - x\n", r#"{"a": ["x"]}"#),
        (
            "- [1, 2.5, ~]\n- {b: true}",
            r#"[[Int(1), Float(2.5), Null], {"b": Bool(true)}]"#,
        ),
        (
            "a: |-\n  x\n  y\nb: >\n  x\n  y\n",
            r#"{"a": "x\ny", "b": "x y\n"}"#,
        ),
        ("1: !binary 00ff # remark", r#"{Int(1): !binary "00ff"}"#),
        ("!fixed32 1.0", r#"!fixed32 "1.0""#),
        ("!!str 1", r#"!str "1""#),
        ("? [a]\n: b", r#"{["a"]: "b"}"#),
        ("0x1f", "Int(31)"),
        ("-0o17", "Int(-15)"),
        ("012", "Int(12)"),
        ("1e3", "Float(1000.0)"),
        ("-.inf", "Float(-inf)"),
        ("1.2.3", r#""1.2.3""#),
        ("inf", r#""inf""#),
        ("a: b\na: c", r#"{"a": "b", "a": "c"}"#),
    ] {
        assert_eq!(
            one(text).map(|node| shown(&node)),
            Some(expected.into()),
            "{text}"
        );
    }
    assert_eq!(read("a\n---\n\nb\n").documents.len(), 2);
}

#[test]
fn aliases_stand_for_what_is_named() {
    let rows = [
        ("a: &x 1\nb: *x", r#"{"a": Int(1), "b": Int(1)}"#),
        (
            "- &x {a: b}\n- <<: *x",
            r#"[{"a": "b"}, {"<<": {"a": "b"}}]"#,
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(
            one(text).map(|node| shown(&node)).as_deref(),
            Some(expected)
        );
    }
    // Each line is ten times the one before.
    let mut bomb = "- &a0 x\n".to_owned();
    for nth in 1..10 {
        let before = format!("*a{}, ", nth - 1).repeat(10);
        bomb.push_str(&format!("- &a{nth} [{before}]\n"));
    }
    let error = read(&bomb).error.expect("too many");
    assert!(error.what.contains("stand for more than"), "{error}");
    let error = read("&x [*x]").error.expect("within itself");
    assert!(error.what.contains("names nothing"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let rows = [
        ("a: [1", 1, "is not closed"),
        ("a: b: c", 1, "none to separate"),
        ("a: *x", 1, "`*` at the beginning of a value is an alias"),
        ("a: \"\\q\"", 1, "no such escape"),
        ("a: \"b", 1, "the quote is not closed"),
        ("a: 'b' c", 1, "behind the closing quote"),
        ("- a: 1\n\tb: 2", 2, "a tab cannot indent"),
        ("- a: 1\n- b:\n\t- c", 3, "a tab cannot indent"),
        ("- a: 1\n   b: 2", 2, "not indented"),
        ("- a: 1\nb: 2", 2, "not indented"),
        ("- a: {b: @c}", 1, "`@` cannot begin a value"),
        (
            "- filter: !~q & ~d x",
            1,
            "`!` at the beginning of a value is a tag",
        ),
        (
            "- filter: & b",
            1,
            "`&` at the beginning of a value is an anchor",
        ),
        ("a: {b: c]", 1, "the brackets do not fit"),
        ("a: [b]c", 1, "more stands behind the closing bracket"),
        ("%YAML 1.2\n---\na: b", 1, "a directive of YAML"),
    ];
    for (text, line, says) in rows {
        let error = read(text)
            .error
            .unwrap_or_else(|| panic!("{text:?} was read"));
        assert_eq!(error.place.line, line, "{text:?}: {error:?}");
        assert!(error.what.contains(says), "{text:?}: {error:?}");
    }
    for deep in [
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "{a: ".repeat(100_000),
    ] {
        assert!(read(&deep).error.is_some());
    }
}

#[test]
fn what_stands_before_an_error_is_there() {
    let read = read("- a: 1\n- b: 2\n- c: [3\n");
    assert!(read.error.is_some());
    let [list] = &read.documents[..] else {
        panic!("{read:?}")
    };
    assert_eq!(shown(list), r#"[{"a": Int(1)}, {"b": Int(2)}]"#);
}
