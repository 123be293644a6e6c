use proptest::prelude::*;
use ratel_views::{ViewInput, edit, reencode, render};

use crate::{input, split, text};

fn encoded(charset: &str, text: &str) -> Vec<u8> {
    let charset = ratel_flow::text::Charset::named(charset).unwrap();
    charset.encode(text).unwrap().into_owned()
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn text_is_decoded_from_the_charset_that_is_declared() {
    let html = "<meta charset=koi8-r><p>привет</p>";
    let xml = "<?xml version=\"1.0\" encoding='windows-1252'?><a>€</a>";
    let css = "@charset \"windows-1250\"; a{content:'ž'}";
    for (content_type, data, expected) in [
        (
            "text/plain; charset=iso-8859-1",
            encoded("latin-1", "caf\u{e9}"),
            "--Raw [iso-8859-1]--\ncafé",
        ),
        (
            "text/plain; charset=Shift_JIS",
            encoded("shift_jis", "日本語"),
            "--Raw [Shift_JIS]--\n日本語",
        ),
        (
            "text/plain; charset=gb2312",
            encoded("gb18030", "汉字"),
            "--Raw [gb18030]--\n汉字",
        ),
        ("text/plain", utf16("grün"), "--Raw [UTF-16LE]--\ngrün"),
        (
            "application/json",
            utf16("[\"ü\"]"),
            "--JSON [UTF-16LE]--\n[\n    \"ü\"\n]",
        ),
        (
            "application/json; charset=latin1",
            encoded("latin-1", "[\"ü\"]"),
            "--JSON [iso-8859-1]--\n[\n    \"ü\"\n]",
        ),
        (
            "text/html",
            encoded("koi8-r", html),
            "--XML/HTML [KOI8-R]--\n<meta charset=koi8-r>\n<p>привет</p>",
        ),
        (
            "text/xml",
            encoded("windows-1252", xml),
            "--XML/HTML [windows-1252]--\n<?xml version=\"1.0\" encoding='windows-1252'?>\n<a>€</a>",
        ),
        (
            "text/css",
            encoded("windows-1250", css),
            "--CSS [windows-1250]--\n@charset \"windows-1250\";\na {\n    content: 'ž'\n}",
        ),
        // Nothing is declared, or nothing that anybody knows: the bytes are what there is.
        ("text/plain", b"caf\xe9".to_vec(), "--Raw--\ncaf\\xe9"),
        (
            "text/plain; charset=nonsense",
            b"caf\xe9".to_vec(),
            "--Raw--\ncaf\\xe9",
        ),
        (
            "text/plain; charset=utf-8",
            b"caf\xe9".to_vec(),
            "--Raw--\ncaf\\xe9",
        ),
        (
            "text/plain; charset=ascii",
            b"nope".to_vec(),
            "--Raw [windows-1252]--\nnope",
        ),
        // What is not what it says it is.
        (
            "application/json; charset=latin1",
            b"caf\xe9".to_vec(),
            "--Raw [failed to parse as JSON] [iso-8859-1]--\ncafé",
        ),
    ] {
        let shown = text(&render(None, &input(&data, content_type)));
        assert_eq!(shown, expected, "{content_type}");
    }
    // Whoever asks for the bytes gets them.
    let latin = input(b"caf\xe9", "text/plain; charset=latin1");
    assert_eq!(text(&render(Some("raw"), &latin)), "--Raw--\ncaf\\xe9");
    assert!(text(&render(Some("hex dump"), &latin)).contains("63 61 66 e9"));
}

#[test]
fn edited_text_is_encoded_again() {
    let data = encoded("latin-1", "{\"a\":\"é\"}");
    let body = input(&data, "application/json; charset=iso-8859-1");
    let shown = edit("json", &body).unwrap();
    assert_eq!(shown, "{\n    \"a\": \"é\"\n}\n");
    assert_eq!(reencode("json", &shown, &body), Ok(data.clone()));
    let changed = reencode("json", &shown.replace('a', "ü"), &body);
    assert_eq!(changed, Ok(encoded("latin-1", "{\"ü\":\"é\"}")));
    // What the charset has not is written by its number.
    let changed = reencode("json", &shown.replace('a', "€😀"), &body);
    let expected = r#"{"\u20ac\ud83d\ude00":"é"}"#;
    assert_eq!(changed, Ok(encoded("latin-1", expected)));
    let wide = utf16("{}");
    let refused = edit("json", &input(&wide, "application/json")).unwrap_err();
    assert!(
        refused.to_string().contains("not what UTF-16LE has"),
        "{refused}"
    );
}

proptest! {
    /// Wherever the bytes are cut.
    #[test]
    fn any_split_is_shown_alike(
        data in prop::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
        name in prop::sample::select(vec!["utf-16", "shift_jis", "gb18030", "latin-1", "iso-2022-jp"]),
    ) {
        let content_type = format!("text/html; charset={name}");
        for view in ["xml/html", "json", "css", "javascript"] {
            let input = ViewInput { content_type: Some(&content_type), ..input(&data, "") };
            let document = render(Some(view), &input);
            prop_assert!(crate::is_safe(&document));
            prop_assert_eq!(split(view, &input, at.index(data.len() + 1)), document.lines);
        }
    }
}
