use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{answered, flow, run, text};

/// What is sent in a request after responses that set cookies.
async fn sent(set: &[&str], path: &str) -> Option<String> {
    let addon = StickyCookie::default();
    text(&addon, "stickycookie", "~d a.test").expect("a filter");
    for field in set {
        let mut flow = answered("/", 200);
        let response = flow.response.as_mut().expect("one");
        response.headers.append(b"Set-Cookie", field.as_bytes());
        run(
            &addon,
            Hook::ResponseHeaders,
            &mut flow,
            &mut Bodies::default(),
        )
        .await;
    }
    let mut flow = flow(path);
    flow.request.headers.append(b"Cookie", b"own=1");
    run(&addon, Hook::Request, &mut flow, &mut Bodies::default()).await;
    let cookie = flow.request.headers.get("cookie").expect("one");
    let cookie = String::from_utf8_lossy(cookie).into_owned();
    let is_marked = flow.annotations.metadata("stickycookie").is_some();
    assert_eq!(is_marked, cookie != "own=1");
    is_marked.then_some(cookie)
}

#[tokio::test]
async fn cookies_come_back() {
    let rows: [(&[&str], &str, Option<&str>); 12] = [
        (&[], "/", None),
        (&["a=1"], "/", Some("a=1")),
        (&["a=1; Path=/x"], "/", None),
        (&["a=1; Path=/x"], "/xy", Some("a=1")),
        (&["a=1", "b=2", "a=3"], "/", Some("a=3; b=2")),
        (&["a=1; domain=a.test"], "/", Some("a=1")),
        (&["a=1; domain=.a.test"], "/", Some("a=1")),
        (&["a=1; domain=.test"], "/", Some("a=1")),
        (&["a=1; domain=test"], "/", None),
        (&["a=1; domain=b.test"], "/", None),
        (&["a=1", "a=; Max-Age=0"], "/", None),
        (
            &["a=x y", "b=1; expires=Thu, 01 Jan 1970 00:00:00 GMT"],
            "/",
            Some("a=\"x y\""),
        ),
    ];
    for (set, path, expected) in rows {
        assert_eq!(sent(set, path).await.as_deref(), expected, "{set:?}");
    }
}
