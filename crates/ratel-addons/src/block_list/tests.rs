use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{flow, lines, list, run};

#[tokio::test]
async fn requests_are_answered_or_ended() {
    let rows: [(&[&str], &str, Option<u16>, bool); 5] = [
        (&["/~u ads/204"], "/ads", Some(204), false),
        (&["/~u ads/204"], "/", None, false),
        (&["|~u ads|444"], "/ads", None, true),
        (&["/~u ads/404", "/~all/503"], "/ads", Some(503), false),
        (&["/!~u ads/403"], "/ads", None, false),
    ];
    for (rules, path, status, killed) in rows {
        let addon = BlockList::default();
        list(&addon, "block_list", rules).expect("rules");
        let mut flow = flow(path);
        run(&addon, Hook::Request, &mut flow, &mut Bodies::default()).await;
        let answered = flow.response.as_ref().map(|response| response.status);
        assert_eq!(
            (answered, flow.error.is_some()),
            (status, killed),
            "{rules:?}"
        );
        if let Some(response) = &flow.response {
            assert_eq!(lines(&response.headers), format!("Server: {SERVER}"));
        }
        let said = flow.annotations.metadata("blocklisted").is_some();
        assert_eq!(said, status.is_some() || killed);
    }
}

/// What a body of the request would say is not what `!` makes of its absence.
#[tokio::test]
async fn a_rule_that_cannot_be_decided_says_so() {
    let addon = BlockList::default();
    list(&addon, "block_list", &["/!~bq a/404"]).expect("a rule");
    let mut flow = flow("/");
    flow.request.headers.append(b"Content-Length", b"1");
    run(&addon, Hook::Request, &mut flow, &mut Bodies::default()).await;
    assert!(flow.response.is_none());
    assert_eq!(&*flow.annotations.marked, ":warning:");
    let mut bodies = Bodies {
        request: Some("b".into()),
        ..Bodies::default()
    };
    run(&addon, Hook::Request, &mut flow, &mut bodies).await;
    assert!(flow.response.is_some());
}

#[test]
fn what_is_no_rule_is_refused() {
    let rows = [
        ("/~all", "Invalid number of parameters (2 are expected)"),
        (
            "/~all/404/x",
            "Invalid number of parameters (2 are expected)",
        ),
        ("/~all/x", "Invalid HTTP status code: x"),
        ("/~all/100", "Invalid HTTP status code: 100"),
        ("/~/404", "(at character 2)"),
    ];
    for (rule, reason) in rows {
        let error = list(&BlockList::default(), "block_list", &[rule]).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}
