//! What nobody sends by accident: nesting without end, bodies without end, lies about what they are.

use std::time::{Duration, Instant};

use ratel_flow::Headers;
use ratel_flow::content::content;
use ratel_views::{Document, Rendering, ViewInput, edit, names, render};

use crate::wire::{bytes, group};
use crate::{input, is_safe, text};

/// Far more than any of this takes, in a debug build on a busy machine.
const LONG: Duration = Duration::from_secs(20);

const DEPTH: usize = 100_000;

/// Renders with every view, each of which has to end and to be safe.
fn with_all(data: &[u8]) -> Vec<(String, Document)> {
    names()
        .into_iter()
        .map(|name| {
            let input = ViewInput {
                max_lines: 1000,
                ..input(data, "multipart/form-data; boundary=x")
            };
            let start = Instant::now();
            let document = render(Some(&name), &input);
            let took = start.elapsed();
            assert!(took < LONG, "{name} took {took:?}");
            assert!(is_safe(&document), "{name}");
            (name, document)
        })
        .collect()
}

#[test]
fn a_hundred_thousand_levels_end_nothing() {
    let mut message = Vec::new();
    for _ in 0..1000 {
        message = bytes(1, message);
    }
    let groups = [[0x0b; DEPTH], [0x0c; DEPTH]].concat();
    for data in [
        b"[".repeat(DEPTH),
        [b"[".repeat(DEPTH), b"]".repeat(DEPTH)].concat(),
        b"{\"a\":".repeat(DEPTH),
        b"<a>".repeat(DEPTH),
        b"<a><!--".repeat(DEPTH),
        b"</a>".repeat(DEPTH),
        b"({[".repeat(DEPTH),
        b"a{b:(".repeat(DEPTH),
        vec![0x91; DEPTH],
        vec![0x81; DEPTH],
        [b"\x03\x01\x6a\x00".to_vec(), vec![0x45; DEPTH]].concat(),
        groups,
        group(1, &message),
        b"- ".repeat(DEPTH),
        b"\xc0\x0c".repeat(DEPTH),
    ] {
        for (name, document) in with_all(&data) {
            assert!(document.lines.len() <= 1001, "{name}");
            let _ = document.folds();
        }
    }
}

#[test]
fn edited_text_of_any_depth_is_refused_or_taken() {
    for text in [
        "[",
        "- ",
        "? ",
        "{a: ",
        "a:\n ",
        "!x ",
        "[1,",
        "\"",
        "{\"a\":",
        "--- 1/2\n",
    ] {
        let text = text.repeat(DEPTH);
        for view in ratel_views::editable_views() {
            let start = Instant::now();
            let _ = ratel_views::reencode(&view, &text, &input(b"\x08\x01", ""));
            let took = start.elapsed();
            assert!(took < LONG, "{view} took {took:?}");
        }
    }
}

#[test]
fn a_bomb_is_shown_up_to_the_limit() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..256 {
        encoder.write_all(&vec![b'['; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let mut headers = Headers::new();
    headers.append(b"content-encoding", b"gzip");
    let content = content(&headers, &bomb, true, 1 << 20);
    assert_eq!(content.note, "[decoded gzip, cut off]");
    let input = ViewInput {
        complete: content.complete,
        ..input(&content.bytes, "application/json")
    };
    let document = render(None, &input);
    assert_eq!((document.view_name, document.truncated), ("JSON", true));
}

#[test]
fn what_lies_is_shown_as_it_is() {
    let mut headers = Headers::new();
    headers.append(b"content-encoding", b"gzip");
    let body = content(&headers, b"{\"a\":1}", true, 1000);
    assert_eq!(
        (&body.bytes[..], body.note.as_str()),
        (&b"{\"a\":1}"[..], "[cannot decode gzip]")
    );
    for (content_type, data, expected) in [
        (
            "application/json",
            &b"<html>"[..],
            "--Raw [failed to parse as JSON]--\n<html>",
        ),
        (
            "application/json",
            b"{\"a\":\"\xff\"}",
            "--JSON--\n{\n    \"a\": \"\\xff\"\n}",
        ),
        (
            "application/msgpack",
            b"plain",
            "--Raw [failed to parse as MsgPack]--\nplain",
        ),
        (
            "application/x-protobuf",
            b"\x0fplain",
            "--Raw [failed to parse as Protobuf]--\n.plain",
        ),
        (
            "application/dns-message",
            b"plain",
            "--Raw [failed to parse as DNS]--\nplain",
        ),
        (
            "application/zip",
            b"plain",
            "--Raw [failed to parse as ZIP Archive]--\nplain",
        ),
        (
            "application/vnd.ms-sync.wbxml",
            b"plain",
            "--Raw [failed to parse as WBXML]--\nplain",
        ),
        (
            "application/grpc",
            b"plain text",
            "--Raw [failed to parse as gRPC]--\nplain text",
        ),
        (
            "multipart/form-data; boundary=y",
            b"plain",
            "--Raw [failed to parse as Multipart Form]--\nplain",
        ),
        ("image/png", b"plain", "--Image--\n# Unknown Image"),
        (
            "text/html",
            b"\xff\xfe\xff",
            "--XML/HTML [UTF-16LE]--\n\u{fffd}",
        ),
    ] {
        assert_eq!(
            text(&render(None, &input(data, content_type))),
            expected,
            "{content_type}"
        );
    }
    for view in [
        "json",
        "msgpack",
        "protobuf",
        "dns",
        "zip archive",
        "wbxml",
        "multipart form",
    ] {
        let shown = text(&render(Some(view), &input(b"\x0fplain", "")));
        assert!(shown.contains("\nCouldn't parse as "), "{shown}");
        assert!(shown.contains("plain"), "{shown}");
    }
}

/// The first lines of a body without end are there after little of it, in memory that does not grow.
#[test]
fn the_first_lines_come_at_once() {
    let json = b"{\"key\": [1, 2, {\"a\": null}], ".repeat(1000);
    for (view, piece) in [
        ("json", &json[..]),
        ("ndjson", b"{\"a\": 1}\n"),
        ("sse", b"data: 1\n\n"),
        ("raw", b"line\n"),
        ("hex dump", &[0; 1000]),
        ("hex stream", &[0; 1000]),
    ] {
        let start = ViewInput {
            complete: false,
            max_lines: 100,
            ..input(piece, "")
        };
        let mut rendering = Rendering::start(Some(view), &start);
        let (mut lines, mut fed) = (0, 0);
        while !rendering.is_full() && fed < 1 << 20 {
            rendering.feed(piece);
            fed += piece.len();
            lines += std::iter::from_fn(|| rendering.take()).count();
        }
        assert!(lines > 10, "{view}: {lines} lines of {fed} bytes");
    }
    // Of what needs to be seen as a whole the start is shown, and memory is bounded.
    for (view, piece) in [
        ("xml/html", &b"<a>1</a>"[..]),
        ("css", b"a{b:c}"),
        ("javascript", b"a();"),
        ("mqtt", b"\xc0\0"),
        ("url-encoded", b"a=1&"),
    ] {
        let piece = piece.repeat(64 * 1024 / piece.len());
        let start = ViewInput {
            complete: false,
            max_lines: 100,
            ..input(&piece, "")
        };
        let mut rendering = Rendering::start(Some(view), &start);
        let mut lines = 0;
        for _ in 0..80 {
            rendering.feed(&piece);
            lines += std::iter::from_fn(|| rendering.take())
                .filter(|line| !line.goes_on)
                .count();
        }
        rendering.finish(false);
        lines += std::iter::from_fn(|| rendering.take()).count();
        assert!(lines > 0, "{view}");
    }
}

#[test]
fn large_bodies_are_not_edited_as_text() {
    let body = vec![b' '; 5 << 20];
    for view in ratel_views::editable_views() {
        assert!(
            edit(&view, &input(&body, "multipart/form-data; boundary=x")).is_err(),
            "{view}"
        );
    }
}
