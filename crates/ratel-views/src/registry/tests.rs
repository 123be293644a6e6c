use proptest::prelude::*;

use super::*;

fn input<'a>(data: &'a [u8], content_type: &'a str) -> ViewInput<'a> {
    ViewInput {
        data,
        complete: true,
        content_type: Some(content_type),
        max_lines: 512,
        ..ViewInput::default()
    }
}

fn text(document: &Document) -> String {
    let lines: Vec<String> = document.lines.iter().map(Line::text).collect();
    lines.join("\n")
}

#[test]
fn the_view_that_fits_is_chosen() {
    let rows: [(&[u8], &str, &str); 18] = [
        (b"{}", "application/json", "JSON"),
        (b"{}", "Application/JSON ; charset=utf-8", "JSON"),
        (b"{}", "application/vnd.api+json", "JSON"),
        (b"{}\n{}", "application/x-ndjson", "NDJSON"),
        (b"\x08\x01", "application/vnd.a+proto", "Protobuf"),
        (b"\0\0\0\0\0", "application/grpc", "gRPC"),
        (b"\0\0\0\0\0", "application/grpc-web+proto", "gRPC"),
        (b"data: 1", "text/event-stream;charset=utf-8", "SSE"),
        (b"{}", "application/json-rpc", "JSON"),
        (b"{}", "text/plain", "Raw"),
        (b"{}", "", "Raw"),
        (b"", "application/json", "Raw"),
        (b"nope", "application/json", "Raw"),
        (b"\x00\x01\x02 text", "text/plain", "Hex Dump"),
        (b"\x00 some more text", "text/plain", "Raw"),
        ("höflich".as_bytes(), "text/plain", "Raw"),
        (&[0xff; 200], "application/json", "Hex Dump"),
        (b"", "image/png", "Raw"),
    ];
    for (data, content_type, expected) in rows {
        let document = render(None, &input(data, content_type));
        // Bytes that are no JSON at all are shown raw even where they are binary, as for every view that fails.
        let expected = if document.description.is_empty() {
            expected
        } else {
            "Raw"
        };
        assert_eq!(document.view_name, expected, "{data:?} {content_type}");
    }
}

#[test]
fn the_menu_has_the_places_of_mitmproxy() {
    let expected = "auto,dns,graphql,grpc,hex dump,hex stream,http/3 frames,image,javascript,json,mqtt,msgpack,\
        multipart form,protobuf,query,raw,socket.io,url-encoded,css,wbxml,xml/html,zip archive,ndjson,sse";
    assert_eq!(menu().join(","), expected);
}

#[test]
fn names_are_found_in_any_case() {
    // What options take and what there is are the same.
    let mut there: Vec<String> = VIEWS
        .iter()
        .map(|view| view.name().to_lowercase())
        .collect();
    there.sort();
    assert_eq!(names()[1..], there);
    for (alias, view) in VIEW_ALIASES {
        let document = render(Some(alias), &input(b"1", "text/plain"));
        assert_eq!(document.view_name.to_lowercase(), *view);
    }
    for name in &names()[1..] {
        let document = render(Some(&name.to_uppercase()), &input(b"1", "text/plain"));
        assert_eq!(document.view_name.to_lowercase(), *name);
    }
    assert_eq!(
        render(Some("AUTO"), &input(b"[]", "application/json")).view_name,
        "JSON"
    );
    let unknown = render(Some("no\u{1b}pe"), &input(b"[]", "text/plain"));
    assert_eq!(
        (unknown.view_name, unknown.description.as_str()),
        ("Raw", "[there is no view 'no.pe']")
    );
}

#[test]
fn a_view_that_was_not_asked_for_makes_way() {
    let data = b"{\"a\": 1, oops\nmore";
    let document = render(None, &input(data, "application/json"));
    assert_eq!(document.description, "[failed to parse as JSON]");
    assert_eq!(text(&document), "{\"a\": 1, oops\nmore");
    assert!(text(&render(Some("json"), &input(data, ""))).contains("expected a key at byte 9"));
}

#[test]
fn raw_is_split_in_lines() {
    let rows: [(&[u8], &str); 6] = [
        (b"", ""),
        (b"one\ntwo\r\nthree\rfour", "one\ntwo\nthree\nfour"),
        (b"\n\nx\n", "\n\nx"),
        (b"tab\there\x1b[31m\x00\x7f", "tab\there.[31m.."),
        (b"\xff\xfe caf\xc3\xa9", "\\xff\\xfe café"),
        ("a\u{9b}b\u{202e}c".as_bytes(), "a.b.c"),
    ];
    for (data, expected) in rows {
        assert_eq!(
            text(&render(Some("raw"), &input(data, ""))),
            expected,
            "{data:?}"
        );
    }
}

#[test]
fn hex_is_laid_out_in_columns() {
    let data = b"one\ntwo\r\nthr\x1b[31mee";
    let expected = "0000:   6f 6e 65 0a  74 77 6f 0d  0a 74 68 72  1b 5b 33 31   one.two..thr.[31\n\
                    0010:   6d 65 65                                             mee";
    assert_eq!(text(&render(Some("hex dump"), &input(data, ""))), expected);
    let far = ViewInput {
        offset: 0x12_3450,
        ..input(b"x", "")
    };
    assert!(text(&render(Some("hex dump"), &far)).starts_with("123450:   78 "));
    assert!(render(Some("hex dump"), &input(b"", "")).lines.is_empty());
}

#[test]
fn lines_are_counted() {
    let data = b"1\n2\n3\n";
    for (max_lines, lines, truncated) in [(0, 0, true), (2, 2, true), (3, 3, false)] {
        let document = render(
            None,
            &ViewInput {
                max_lines,
                ..input(data, "")
            },
        );
        assert_eq!(
            (document.lines.len(), document.truncated),
            (lines, truncated),
            "{max_lines}"
        );
    }
}

proptest! {
    /// Where windows happen to be cut never changes what is shown, and all of it is safe.
    #[test]
    fn any_split_is_shown_alike(
        data in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(0xc3), Just(0xa9)], 0..100),
        at in any::<prop::sample::Index>(),
    ) {
        for name in names() {
            let whole = render(Some(&name), &input(&data, ""));
            let (a, b) = data.split_at(at.index(data.len() + 1));
            let mut rendering = Rendering::start(Some(&name), &input(&data, ""));
            rendering.feed(a);
            rendering.feed(b);
            rendering.finish(true);
            let lines: Vec<_> = std::iter::from_fn(|| rendering.take()).collect();
            prop_assert!(lines.iter().all(|line| line.text().chars().all(|c| c == '\t' || !c.is_control())));
            prop_assert_eq!(lines, whole.lines);
        }
    }

    /// What views look for, in any order, harms none of them.
    #[test]
    fn any_structure_is_shown_safely(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
    ) {
        let data = pieces.concat();
        for name in names() {
            let document = render(Some(&name), &input(&data, "multipart/form-data; boundary=b"));
            let is_safe = |line: &Line| line.text().chars().all(|c| c == '\t' || !c.is_control());
            prop_assert!(document.lines.iter().all(is_safe));
        }
    }
}

const PIECES: &[&[u8]] = &[
    b"<a ",
    b"<br>",
    b"</a>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"<?",
    b"\"",
    b"'",
    b"`",
    b"{",
    b"}",
    b"(",
    b")",
    b"[",
    b"]",
    b";",
    b":",
    b",",
    b"/",
    b"/*",
    b"*/",
    b"//",
    b"\\",
    b"\n",
    b" ",
    b"x",
    b"1",
    b"=",
    b"&",
    b"%4",
    b"+",
    b"--b",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Disposition: form-data; name=",
    b"filename=",
    b"\x89PNG\r\n\x1a\n",
    b"IHDR",
    b"GIF89a",
    b"!\xfe",
    b"\xff\xd8",
    b"\xff\xc0",
    b"\0\0\x01\0",
    b"RIFF",
    b"WEBPVP8X",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\x81",
    b"\x93",
    b"\xdf",
    b"\xc7",
    b"\xd9",
    b"\xff\xff\xff\xff",
    b"\0",
    b"\"query\":",
];
