use proptest::prelude::*;

use super::*;

fn text(json: &str) -> Vec<u8> {
    match Node::parse(json.as_bytes()) {
        Ok(Node::Text(text)) => text.into_owned(),
        other => panic!("{json}: {other:?}"),
    }
}

#[test]
fn strings_are_what_they_stand_for() {
    assert_eq!(text(r#""a\"\\\/\b\f\n\r\t""#), b"a\"\\/\x08\x0c\n\r\t");
    assert_eq!(text(r#""\u00e9\ud83d\ude00""#), "é😀".as_bytes());
    // Python's way of writing the byte 0xff.
    assert_eq!(text(r#""a\udcffb""#), b"a\xffb");
    assert_eq!(text(r#""\ud83d!\ude00""#), "\u{fffd}!\u{fffd}".as_bytes());
    assert_eq!(text(r#""\u12\q""#), b"\\u12q");
    assert_eq!(text("\"raw\ttab\""), b"raw\ttab");
}

#[test]
fn values_are_found_and_forgiven() {
    let json = br#" {"a": [1, "2.5", true, null, NaN,], "b": {"c": "d"}, } rest"#;
    let node = Node::parse(json).unwrap();
    let a = node.get("a").items();
    assert_eq!(a.len(), 5);
    assert_eq!(a[0].number(), Some(1.0));
    assert_eq!(a[1].number(), Some(2.5));
    assert_eq!(a[2].text().as_deref(), Some("true"));
    assert!(a[3].is_null() && a[4].is_null());
    assert_eq!(node.get("b").get("c").text().as_deref(), Some("d"));
    assert!(node.get("b").get("x").get("y").is_null());
    assert_eq!(Node::parse(b"1e999").unwrap().number(), None);
}

#[test]
fn what_is_no_json_says_where() {
    for (json, at, what) in [
        ("", 0, "ends"),
        ("[1 2]", 3, "`,` or `]`"),
        ("{\"a\" 1}", 5, "`:`"),
        ("{1:2}", 1, "name"),
        ("\"abc", 0, "not closed"),
        ("[\"\\\"]", 1, "not closed"),
        ("*", 0, "no value"),
    ] {
        let error = Node::parse(json.as_bytes()).unwrap_err();
        assert_eq!(error.at, at, "{json}");
        assert!(error.what.contains(what), "{json}: {error}");
    }
}

#[test]
fn deep_nesting_is_passed_over() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let json = format!("{{\"deep\": {deep}, \"a\": 1}}");
    let node = Node::parse(json.as_bytes()).unwrap();
    assert_eq!(node.get("a").number(), Some(1.0));
    assert!(Node::parse("[".repeat(100_000).as_bytes()).is_err());
    assert_eq!(skip_value(b"{\"a\":[1,{}]}x", 0), Some(12));
    assert_eq!(skip_value(b"]", 0), None);
}

proptest! {
    #[test]
    fn what_is_quoted_is_read_again(text: String) {
        let mut json = Vec::new();
        quote(text.as_bytes(), &mut json);
        prop_assert_eq!(Node::parse(&json), Ok(Node::Text(text.into_bytes().into())));
    }

    #[test]
    fn any_bytes_can_be_read(text: Vec<u8>) {
        let _ = Node::parse(&text);
        let _ = unescape(&text);
        let mut json = Vec::new();
        quote(&text, &mut json);
        prop_assert!(str::from_utf8(&json).is_ok());
        prop_assert_eq!(skip_value(&json, 0), Some(json.len()));
    }
}
