use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{answered, flow, lines, list, run};

async fn request(rules: &[&str], fields: &[(&str, &str)]) -> String {
    let addon = ModifyHeaders::default();
    list(&addon, "modify_headers", rules).expect("rules");
    let mut flow = flow("/path");
    for (name, value) in fields {
        flow.request
            .headers
            .append(name.as_bytes(), value.as_bytes());
    }
    run(
        &addon,
        Hook::RequestHeaders,
        &mut flow,
        &mut Bodies::default(),
    )
    .await;
    lines(&flow.request.headers)
}

#[tokio::test]
async fn headers_are_set_added_and_removed() {
    let fields = [("X", "1"), ("Y", "2"), ("x", "3")];
    let rows: [(&[&str], &str); 7] = [
        (&["/X/a"], "Host: a.test\nY: 2\nX: a"),
        (&["/x/"], "Host: a.test\nY: 2"),
        (&["/x/a", "/X/b"], "Host: a.test\nY: 2\nx: a\nX: b"),
        (
            &["|~u path|Z|a|b"],
            "Host: a.test\nX: 1\nY: 2\nx: 3\nZ: a|b",
        ),
        (&["/~u other/Z/a"], "Host: a.test\nX: 1\nY: 2\nx: 3"),
        // Filters see the flow as it was.
        (&["/x/", "/~hq X/Y/found"], "Host: a.test\nY: found"),
        (&["/Y/\\x41\\t\\\\"], "Host: a.test\nX: 1\nx: 3\nY: A\t\\"),
    ];
    for (rules, expected) in rows {
        assert_eq!(request(rules, &fields).await, expected, "{rules:?}");
    }
}

#[tokio::test]
async fn rules_are_for_requests_and_responses() {
    let addon = ModifyHeaders::default();
    let rules = ["/~q/A/request", "/~s/B/response", "/C/both"];
    list(&addon, "modify_headers", &rules).expect("rules");
    let mut request = flow("/");
    run(
        &addon,
        Hook::RequestHeaders,
        &mut request,
        &mut Bodies::default(),
    )
    .await;
    assert_eq!(
        lines(&request.request.headers),
        "Host: a.test\nA: request\nC: both"
    );
    let mut response = answered("/", 200);
    run(
        &addon,
        Hook::ResponseHeaders,
        &mut response,
        &mut Bodies::default(),
    )
    .await;
    let response = response.response.expect("a response");
    assert_eq!(lines(&response.headers), "B: response\nC: both");
    list(&addon, "modify_headers", &[]).expect("none");
    assert_eq!(addon.hooks(), HookSet::NONE);
}

#[tokio::test]
async fn values_come_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("value");
    std::fs::write(&path, "one\n").expect("written");
    let addon = ModifyHeaders::default();
    let rule = format!("|X|@{}", path.display());
    list(&addon, "modify_headers", &[&rule]).expect("a rule");
    let mut one = flow("/");
    run(
        &addon,
        Hook::RequestHeaders,
        &mut one,
        &mut Bodies::default(),
    )
    .await;
    assert_eq!(one.request.headers.get("x"), Some(&b"one"[..]));
    std::fs::write(&path, "a\r\nInjected: b").expect("written");
    let mut two = flow("/");
    run(
        &addon,
        Hook::RequestHeaders,
        &mut two,
        &mut Bodies::default(),
    )
    .await;
    assert_eq!(lines(&two.request.headers), "Host: a.test");
    assert!(two.annotations.comment.contains("line breaks"));
    std::fs::remove_file(&path).expect("removed");
    let mut three = flow("/");
    run(
        &addon,
        Hook::RequestHeaders,
        &mut three,
        &mut Bodies::default(),
    )
    .await;
    assert_eq!(&*three.annotations.marked, ":warning:");
    assert!(
        three
            .annotations
            .comment
            .starts_with("modify_headers: cannot read")
    );
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    let rows = [
        ("/x", "Invalid number of parameters (2 or 3 are expected)"),
        ("", "the rule is empty (at character 1)"),
        ("/~nope/x/y", "there is no operator ~nope (at character 2)"),
        ("/a b/c", "this is no name of a header (at character 2)"),
        ("/~q//c", "this is no name of a header (at character 5)"),
        (
            "/x/a\\nb",
            "a line break cannot stand in a header (at character 4)",
        ),
        ("/x/\\x4", "two hexadecimal digits (at character 4)"),
        ("|x|@/nowhere/at/all", "Invalid file path: /nowhere/at/all"),
        ("/Content-Length/5", "how long a body is, no rule can say"),
    ];
    let addon = ModifyHeaders::default();
    list(&addon, "modify_headers", &["/x/y"]).expect("a rule");
    for (rule, reason) in rows {
        let error = list(&addon, "modify_headers", &[rule]).unwrap_err();
        let start = format!("Cannot parse modify_headers option {rule}: ");
        assert!(
            error.starts_with(&start) && error.contains(reason),
            "{error}"
        );
    }
    assert!(!addon.rules.is_empty(), "the rules stay as they were");
}
