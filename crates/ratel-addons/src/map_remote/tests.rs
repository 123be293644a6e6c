use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{answered, flow, list, run};

async fn sent_to(rules: &[&str], path: &str) -> (HttpFlow, String) {
    let addon = MapRemote::default();
    list(&addon, "map_remote", rules).expect("rules");
    let mut flow = flow(path);
    run(&addon, Hook::Request, &mut flow, &mut Bodies::default()).await;
    let url = flow.request.url();
    (flow, url)
}

#[tokio::test]
async fn urls_become_others() {
    let rows: [(&[&str], &str, &str); 7] = [
        (&["/a.test/b.test"], "/x?a.test", "http://b.test/x?b.test"),
        (&["|//a.test/|//a.test/v2/"], "/x", "http://a.test/v2/x"),
        (
            &["|http://a.test|https://b.test:8443"],
            "/x",
            "https://b.test:8443/x",
        ),
        (
            &["|.*/(\\d+)/(?P<n>.*)|http://c.test/\\g<n>/\\1"],
            "/7/x",
            "http://c.test/x/7",
        ),
        (&["/~u y/a.test/b.test"], "/x", "http://a.test/x"),
        // Each rule sees what the one before has left.
        (
            &["/a.test/b.test", "/~d b.test/b.test/c.test"],
            "/",
            "http://c.test/",
        ),
        (&["|$|?q"], "/", "http://a.test/?q"),
    ];
    for (rules, path, expected) in rows {
        let (flow, url) = sent_to(rules, path).await;
        assert_eq!(url, expected, "{rules:?}");
        assert!(flow.annotations.is_empty());
        let host = flow.request.headers.get("host").expect("one").to_vec();
        assert_eq!(String::from_utf8_lossy(&host), flow.request.authority());
    }
}

#[tokio::test]
async fn what_becomes_no_url_stays() {
    let (flow, url) = sent_to(&["|http:|gopher:"], "/x").await;
    assert_eq!(url, "http://a.test/x");
    assert!(
        flow.annotations
            .comment
            .starts_with("map_remote: \"gopher://a.test/x\" is no URL")
    );
}

#[tokio::test]
async fn what_is_answered_is_not_sent() {
    let addon = MapRemote::default();
    list(&addon, "map_remote", &["/a.test/b.test"]).expect("rules");
    let mut flow = answered("/", 200);
    run(&addon, Hook::Request, &mut flow, &mut Bodies::default()).await;
    assert_eq!(flow.request.url(), "http://a.test/");
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    let rows = [
        (
            "|a[|b",
            "not a regular expression: the class is not closed (at character 3)",
        ),
        (
            "|a|\\d",
            "not a replacement: unknown escape \\d (at character 4)",
        ),
        (
            "|~q|(a)|b\\2",
            "not a replacement: there is no group 2 (at character 10)",
        ),
        (
            "|ü|b\\",
            "not a replacement: a backslash at the end (at character 5)",
        ),
    ];
    for (rule, reason) in rows {
        let error = list(&MapRemote::default(), "map_remote", &[rule]).unwrap_err();
        assert!(
            error.ends_with(reason) || error.contains("(at character 3)"),
            "{rule}: {error}"
        );
    }
}

#[test]
fn bodies_are_held_back_for_filters_that_read_them() {
    let addon = MapRemote::default();
    list(&addon, "map_remote", &["/~bq x & ~u y/a/b", "/c/d"]).expect("rules");
    let need = |path| addon.body_need(&flow(path), &Bodies::default(), Side::Client);
    assert_eq!(need("/y"), BodyNeed::IfPossible);
    assert_eq!(need("/x"), BodyNeed::Stream);
    let answered = answered("/y", 200);
    let need = addon.body_need(&answered, &Bodies::default(), Side::Server);
    assert_eq!(need, BodyNeed::Stream);
}
