use ratel_core::addon::Bodies;
use ratel_flow::content::{Codings, encode};
use ratel_flow::{Headers, MessageFlags, MessageKind, Timestamp, Version};

use super::*;
use crate::testing::{answered, flow, list, run};

fn addon(rules: &[&str]) -> ModifyBody {
    let addon = ModifyBody::default();
    list(&addon, "modify_body", rules).expect("rules");
    addon
}

fn request(body: &'static [u8]) -> Bodies {
    Bodies {
        request: Some(body.into()),
        ..Bodies::default()
    }
}

fn response(body: impl Into<Bytes>) -> Bodies {
    Bodies {
        response: Some(body.into()),
        ..Bodies::default()
    }
}

#[tokio::test]
async fn what_is_found_is_replaced() {
    let rows: [(&[&str], &[u8], &[u8]); 10] = [
        (&["/a/b"], b"banana", b"bbnbnb"),
        (&["/a.b/x"], b"a\nb", b"x"),
        (
            &["/(a)(n)/\\\\2\\\\g<1>"],
            b"banana",
            b"b\\2\\g<1>\\2\\g<1>a",
        ),
        (&["/a/\\x00\\n"], b"a", b"\0\n"),
        (&["/\\x62/B"], b"ab", b"aB"),
        (&["/\\xff/x"], b"a\xff", b"ax"),
        (&["/\\\\bb\\\\b/x"], b"b bb b", b"x bb x"),
        (&["/a/b", "/b/c"], b"ab", b"cc"),
        (&["/~bq x/x/y", "/~bq y/y/z", "/~bq x/y/w"], b"x", b"z"),
        (&["/~m POST/a/b"], b"a", b"a"),
    ];
    for (rules, body, expected) in rows {
        let mut bodies = request(body);
        let mut flow = flow("/");
        run(&addon(rules), Hook::Request, &mut flow, &mut bodies).await;
        let became = bodies.request.expect("a body");
        assert_eq!(became, expected, "{rules:?}");
        assert!(flow.annotations.is_empty(), "{rules:?}");
    }
}

#[tokio::test]
async fn a_rule_acts_on_the_response_once_there_is_one() {
    let addon = addon(&["/a/b"]);
    let mut bodies = Bodies {
        request: Some("a".into()),
        response: Some("a".into()),
        ..Bodies::default()
    };
    let mut flow = answered("/", 200);
    run(&addon, Hook::Response, &mut flow, &mut bodies).await;
    assert_eq!(bodies.response.as_deref(), Some(&b"b"[..]));
    assert_eq!(bodies.request.as_deref(), Some(&b"a"[..]));
    // An answer of our own was not asked for.
    run(&addon, Hook::Request, &mut flow, &mut bodies).await;
    assert_eq!(bodies.request.as_deref(), Some(&b"a"[..]));
}

#[tokio::test]
async fn codings_are_undone_and_applied_again() {
    let headers: Headers = [("Content-Encoding", "gzip")].into_iter().collect();
    let codings = Codings::of(&headers).expect("a coding");
    let coded = encode(&codings, b"one two").expect("it can be coded");
    let mut flow = answered("/", 200);
    flow.response.as_mut().expect("one").headers = headers;
    let mut bodies = response(coded);
    let addon = addon(&["/two/three"]);
    run(&addon, Hook::Response, &mut flow, &mut bodies).await;
    let body = bodies.response.clone().expect("a body");
    let decoded = ratel_flow::content::decode(&codings, &body, 100).0;
    assert_eq!(decoded, b"one three");
    // What cannot be undone goes on as it is, and the flow says so.
    let mut bodies = response("no gzip at all");
    run(&addon, Hook::Response, &mut flow, &mut bodies).await;
    assert_eq!(bodies.response.as_deref(), Some(&b"no gzip at all"[..]));
    assert!(
        flow.annotations.comment.contains("gzip"),
        "{}",
        flow.annotations.comment
    );
    assert_eq!(&*flow.annotations.marked, ":warning:");
}

#[tokio::test]
async fn responses_that_end_with_their_heads_get_no_body() {
    let addon = addon(&["/^/x"]);
    for status in [101, 204, 304] {
        let mut bodies = response("");
        let mut flow = answered("/", status);
        run(&addon, Hook::Response, &mut flow, &mut bodies).await;
        assert_eq!(bodies.response.as_deref(), Some(&b""[..]));
        assert_eq!(
            addon.body_need(&flow, &bodies, Side::Server),
            BodyNeed::Stream
        );
    }
}

#[tokio::test]
async fn replacements_come_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text");
    std::fs::write(&path, "new").expect("written");
    let addon = addon(&[&format!("|old|@{}", path.display())]);
    let mut bodies = request(b"old old");
    run(&addon, Hook::Request, &mut flow("/"), &mut bodies).await;
    assert_eq!(bodies.request.as_deref(), Some(&b"new new"[..]));
    std::fs::remove_file(&path).expect("removed");
    let (mut bodies, mut flow) = (request(b"old"), flow("/"));
    run(&addon, Hook::Request, &mut flow, &mut bodies).await;
    assert_eq!(bodies.request.as_deref(), Some(&b"old"[..]));
    assert_eq!(&*flow.annotations.marked, ":warning:");
}

/// A request that has a body.
fn upload(path: &str) -> HttpFlow {
    let mut flow = flow(path);
    flow.request.headers.append(b"Content-Length", b"1");
    flow
}

#[test]
fn what_is_not_there_is_waited_for_only_where_something_is_found_in_nothing() {
    let need = |rules: &[&str], flow: &HttpFlow| {
        addon(rules).body_need(flow, &Bodies::default(), Side::Client)
    };
    assert_eq!(need(&["/x/y"], &flow("/a")), BodyNeed::Stream);
    assert_eq!(need(&["/x/y", "/^$/y"], &flow("/a")), BodyNeed::IfPossible);
    let mut http2 = flow("/a");
    http2.request.version = Version::Http2;
    assert_eq!(need(&["/x/y"], &http2), BodyNeed::IfPossible);
}

#[test]
fn bodies_are_held_back_for_flows_that_may_match_only() {
    let need = |rules: &[&str], flow: &HttpFlow, side| {
        addon(rules).body_need(flow, &Bodies::default(), side)
    };
    let (asked, answered) = (upload("/a"), answered("/a", 200));
    let rows: [(&[&str], BodyNeed, BodyNeed); 8] = [
        (&[], BodyNeed::Stream, BodyNeed::Stream),
        (&["/x/y"], BodyNeed::IfPossible, BodyNeed::IfPossible),
        (&["/~q/x/y"], BodyNeed::IfPossible, BodyNeed::Stream),
        (&["/~s/x/y"], BodyNeed::Stream, BodyNeed::IfPossible),
        (&["/~u b/x/y"], BodyNeed::Stream, BodyNeed::Stream),
        (&["/~bs z/x/y"], BodyNeed::Stream, BodyNeed::IfPossible),
        (&["/~bs z & ~u b/x/y"], BodyNeed::Stream, BodyNeed::Stream),
        (
            &["/~u b/x/y", "/~c 200/x/y"],
            BodyNeed::Stream,
            BodyNeed::IfPossible,
        ),
    ];
    for (rules, request, response) in rows {
        assert_eq!(need(rules, &asked, Side::Client), request, "{rules:?}");
        assert_eq!(need(rules, &answered, Side::Server), response, "{rules:?}");
    }
}

/// A rule for responses that looks into the request's body needs that body, and does nothing where it was not kept.
#[tokio::test]
async fn the_body_of_the_request_decides_about_the_response() {
    let rows = [
        ("/~s & ~bq z/x/y", "z", "y"),
        ("/~s & ~bq z/x/y", "a", "x"),
        ("/~s & !~bq z/x/y", "z", "x"),
        ("/~s & !~bq z/x/y", "a", "y"),
    ];
    for (rule, asked, expected) in rows {
        let addon = addon(&[rule]);
        let need = |side| addon.body_need(&upload("/a"), &Bodies::default(), side);
        assert_eq!(need(Side::Client), BodyNeed::IfPossible, "{rule}");
        let mut flow = answered("/a", 200);
        flow.request.headers.append(b"Content-Length", b"1");
        let mut bodies = Bodies {
            request: Some(asked.into()),
            ..response("x")
        };
        run(&addon, Hook::Response, &mut flow, &mut bodies).await;
        assert_eq!(
            bodies.response.as_deref(),
            Some(expected.as_bytes()),
            "{rule}"
        );
        assert!(flow.annotations.is_empty());
        let mut bodies = response("x");
        run(&addon, Hook::Response, &mut flow, &mut bodies).await;
        assert_eq!(bodies.response.as_deref(), Some(&b"x"[..]), "{rule}");
        assert_eq!(&*flow.annotations.marked, ":warning:");
        assert!(flow.annotations.comment.contains("the body of the request"));
    }
    // What is decided without it streams on.
    let addon = addon(&["/~s & ~u b & ~bq z/x/y", "/~s & ~u a/x/y"]);
    let need = addon.body_need(&upload("/a"), &Bodies::default(), Side::Client);
    assert_eq!(need, BodyNeed::Stream);
    // There is none that could say anything else.
    let need = addon.body_need(&flow("/b"), &Bodies::default(), Side::Client);
    assert_eq!(need, BodyNeed::Stream);
}

#[tokio::test]
async fn of_a_stream_each_message_is_changed() {
    let addon = addon(&["/~bs one/o/0", "/~u other/e/3"]);
    let mut flow = answered("/", 200);
    let kind: Headers = [("Content-Type", "text/event-stream")]
        .into_iter()
        .collect();
    flow.response.as_mut().expect("one").headers = kind;
    let need = addon.body_need(&flow, &Bodies::default(), Side::Server);
    assert_eq!(need, BodyNeed::Messages);
    for (content, expected) in [("one o", "0ne 0"), ("two", "two")] {
        let mut message = Message {
            side: Side::Server,
            kind: MessageKind::Text,
            flags: MessageFlags::default(),
            timestamp: Timestamp::default(),
            content: content.into(),
        };
        addon.stream_message(&mut flow, &mut message).await;
        assert_eq!(message.content, expected);
    }
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    let rows = [
        ("/(/b", "(at character 2)"),
        ("/~q/a(b/c", "(at character 6)"),
        ("/a/b\\", "a backslash at the end (at character 5)"),
        ("|a|@/dev", "Invalid file path: /dev"),
    ];
    for (rule, reason) in rows {
        let error = list(&ModifyBody::default(), "modify_body", &[rule]).unwrap_err();
        assert!(error.contains(reason), "{rule}: {error}");
    }
}

/// What looks like a group or an escape in a file is neither.
#[tokio::test]
async fn files_are_put_in_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text");
    std::fs::write(&path, "C:\\users\\1").expect("written");
    let file = format!("|(b)|@{}", path.display());
    let mut bodies = request(b"abc");
    run(&addon(&[&file]), Hook::Request, &mut flow("/"), &mut bodies).await;
    assert_eq!(bodies.request.expect("a body"), &b"aC:\\users\\1c"[..]);
}

#[test]
fn a_body_is_held_back_for_a_request_that_may_be_sent_to_a_url_that_matches() {
    let need = |map_remote: &str| {
        let addon = addon(&["/~u b/x/y"]);
        list(&addon, "map_remote", &[map_remote]).expect("a rule");
        addon.body_need(&upload("/a"), &Bodies::default(), Side::Client)
    };
    assert_eq!(need("|/a|/b"), BodyNeed::IfPossible);
    assert_eq!(need("|~bq moves|/a|/b"), BodyNeed::IfPossible);
    assert_eq!(need("|~m POST & ~bq moves|/a|/b"), BodyNeed::Stream);
    assert_eq!(need("|/other|/b"), BodyNeed::Stream);
}
