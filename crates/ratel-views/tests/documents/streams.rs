use insta::assert_snapshot;
use proptest::prelude::*;
use ratel_views::{Rendering, ViewInput, render};

use crate::{input, is_safe, split, text};

const EVENTS: &str = "text/event-stream; charset=utf-8";

#[test]
fn events_are_shown_field_by_field() {
    let data = "\u{feff}: welcome\n\nevent: price\r\nid:7\r\ndata: {\"a\": [1,\r\ndata:  2]}\r\n\r\n\n\
                data: two\rdata: lines\r\rretry\nodd: field\n\ndata: [DONE]\n\ndata:{\"open\": 1\n\n";
    assert_snapshot!(text(&render(None, &input(data.as_bytes(), EVENTS))));
}

#[test]
fn an_event_that_has_not_ended_is_shown_as_far_as_it_goes() {
    let of = |data: &str, complete| {
        let input = ViewInput {
            complete,
            ..input(data.as_bytes(), EVENTS)
        };
        text(&render(None, &input))
    };
    assert_eq!(of("data: a\n\nda", false), "--SSE--\ndata: a\n\nda: ");
    assert_eq!(of("data: a\n\n", true), "--SSE--\ndata: a");
    assert_eq!(
        of("data: a\n", true),
        "--SSE--\ndata: a\nthe body ends here, before the end of the event"
    );
}

#[test]
fn an_event_of_any_size_passes_in_little_memory() {
    let long = "x".repeat(100_000);
    let mut rendering = Rendering::start(Some("sse"), &input(b"", EVENTS));
    let mut shown = 0;
    let mut most = 0;
    for _ in 0..100 {
        rendering.feed(format!("data: {long}\n").as_bytes());
        let now: usize = std::iter::from_fn(|| rendering.take())
            .map(|line| line.text().len())
            .sum();
        most = most.max(now);
        shown += now;
    }
    rendering.feed(b"\ndata: {\"next\": 1}\n\n");
    rendering.finish(true);
    let last: Vec<_> = std::iter::from_fn(|| rendering.take())
        .map(|line| line.text())
        .collect();
    assert!(shown > 9_900_000 && most < 2 << 20, "{shown} {most}");
    assert_eq!(
        last[last.len() - 4..].join("\n"),
        "\ndata: {\n    \"next\": 1\n}"
    );
}

#[test]
fn a_line_that_is_no_json_does_not_spoil_the_next() {
    let data = b"{\"a\":1}\n\n{\"b\": oops}\r\n[2]\n\x1e{\"c\":\n";
    assert_snapshot!(text(&render(None, &input(data, "application/x-ndjson"))));
    let document = render(None, &input(b"no json\nat all\n", "application/jsonl"));
    assert_eq!(
        text(&document),
        "--Raw [failed to parse as NDJSON]--\nno json\nat all"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_shown_safely_however_they_are_cut(
        data in prop::collection::vec(prop_oneof![
            prop::sample::select(b"\n\r: {}[]\"1,\x1e\x0c\t\xef\xbb\xbf".to_vec()),
            prop::sample::select(b"data".to_vec()),
            any::<u8>(),
        ], 0..100),
        lines in prop::collection::vec(prop::sample::select(vec!["data: {\"a\":1}\n", "data: x\r\n", "\n", "\r", "event: e\n", "[1]\n"]), 0..10),
        at in any::<prop::sample::Index>(),
        complete in any::<bool>(),
    ) {
        let mut data = data;
        data.extend(lines.concat().bytes());
        for view in ["sse", "ndjson"] {
            let input = ViewInput { complete, ..input(&data, "") };
            let document = render(Some(view), &input);
            prop_assert!(is_safe(&document));
            prop_assert_eq!(split(view, &input, at.index(data.len() + 1)), document.lines);
        }
    }
}
