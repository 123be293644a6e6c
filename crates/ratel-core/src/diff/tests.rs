use ratel_flow::Response;

use super::*;
use crate::store::tests::{request, response};

fn http(path: &str, fields: &[(&str, &str)], body: &str) -> HttpRecord {
    let mut request = request(path);
    for (name, value) in fields {
        request.headers.append(name.as_bytes(), value.as_bytes());
    }
    let answer: Response = response(200);
    HttpRecord {
        response: Some(answer),
        response_body: Body::Bytes(Bytes::copy_from_slice(body.as_bytes())),
        ..HttpRecord::new(request, Body::Bytes(Bytes::new()))
    }
}

fn shown(before: &HttpRecord, after: &HttpRecord) -> String {
    let mut out = String::new();
    for section in diff(before, after).sections {
        out.push_str(&section.title);
        out.push('\n');
        for line in section.lines {
            let sign = match line.change {
                Change::Same => ' ',
                Change::Removed => '-',
                Change::Added => '+',
                Change::Remark => '#',
            };
            out.push_str(&format!("{sign} {}\n", String::from_utf8_lossy(&line.text)));
        }
    }
    out
}

#[test]
fn heads_are_compared_as_lists() {
    let before = http("/a", &[("X-A", "1"), ("X-B", "2"), ("X-C", "3")], "");
    let mut after = http("/b", &[("x-b", "2"), ("X-A", "4"), ("X-D", "5")], "");
    after.request.method = "PUT".into();
    if let Some(response) = &mut after.response {
        response.set_status(404);
    }
    assert_eq!(
        shown(&before, &after),
        "Request\n- GET\n+ PUT\n- https://example.com/a\n+ https://example.com/b\n\
         Request headers\n- X-A: 1\n+ X-A: 4\n- X-C: 3\n+ X-D: 5\n\
         Response\n- 200\n+ 404\n- Sure\n+ Not Found\n"
    );
    assert_eq!(shown(&before, &before), "");
    after.response = None;
    assert!(shown(&before, &after).ends_with("Response\n# only the first has a response\n"));
    let other = http("/a", &[("X-C", "3"), ("X-B", "2"), ("X-A", "1")], "");
    assert_eq!(
        shown(&before, &other),
        "Request headers\n# the same fields, in another order or another spelling\n"
    );
}

#[test]
fn json_is_compared_as_a_tree() {
    let check = |before: &str, after: &str, expected: &str| {
        let (before, after) = (http("/", &[], before), http("/", &[], after));
        let found = shown(&before, &after);
        assert_eq!(found, format!("Response body\n{expected}"));
    };
    check(
        r#"{"a": 1, "b": {"c": [1, 2, 3], "d e": "x\"y"}, "gone": null}"#,
        r#"{"b": {"d e": "z", "c": [1, 3, 4]}, "a": 12345678901234567890, "new": {"k": []}}"#,
        "- a: 1\n+ a: 12345678901234567890\n- b.c[1]: 2\n+ b.c[2]: 4\n\
         - b[\"d e\"]: \"x\\\"y\"\n+ b[\"d e\"]: \"z\"\n- gone: null\n+ new: {\"k\":[]}\n",
    );
    check("[1,{\"a\":1}]", "[1,{\"a\":2}]", "- [1].a: 1\n+ [1].a: 2\n");
    check(
        "{\"a\":1}",
        "{ \"a\" : 1 }",
        "# the same JSON, written in another way\n",
    );
    check("{\"a\":1}", "[1]", "- .: {\"a\":1}\n+ .: [1]\n");
    // No JSON, or none to speak of.
    check("{\"a\":1", "{\"a\":2", "# line 1\n- {\"a\":1\n+ {\"a\":2\n");
    check("1", "2", "# line 1\n- 1\n+ 2\n");
}

#[test]
fn text_is_compared_by_lines() {
    let text = |middle: &str| format!("1\n2\n3\n4\n{middle}\n6\n7\n8\n9\n");
    let (before, after) = (http("/", &[], &text("five")), http("/", &[], &text("5")));
    assert_eq!(
        shown(&before, &after),
        "Response body\n# line 2\n  2\n  3\n  4\n- five\n+ 5\n  6\n  7\n  8\n"
    );
    let binary = |last: u8| {
        let mut http = http("/", &[], "");
        http.response_body = Body::Bytes(vec![0, 1, 2, 3, 255, 254, 0, last].into());
        http
    };
    assert_eq!(
        shown(&binary(1), &binary(2)),
        "Response body\n# 8b before, 8b after\n# the first byte that differs is at offset 7\n"
    );
}

#[test]
fn hostile_bodies_take_no_longer_than_others() {
    let deep = |leaf: &str| "[".repeat(100_000) + leaf + &"]".repeat(100_000);
    let lines = |seed: u64| {
        let mut state = seed;
        let mut text = String::new();
        for _ in 0..200_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            text.push_str(&format!("{}\n", state >> 60));
        }
        text
    };
    let flat = |seed: u64| format!("[{}0]", lines(seed).replace('\n', ","));
    for (before, after) in [
        (deep("1"), deep("2")),
        (lines(1), lines(2)),
        (flat(1), flat(2)),
    ] {
        let start = Instant::now();
        let found = diff(&http("/", &[], &before), &http("/", &[], &after));
        assert!(
            found
                .sections
                .iter()
                .all(|section| section.lines.len() <= LINES_MAX + 1)
        );
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
    }
}
