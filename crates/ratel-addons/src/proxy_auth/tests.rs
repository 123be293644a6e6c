use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{client, flow, lines, run, text};

fn addon(spec: &str) -> ProxyAuth {
    let addon = ProxyAuth::default();
    text(&addon, "proxyauth", spec).expect("a specification");
    addon
}

fn said(name: &str, credentials: &str) -> HttpFlow {
    let mut flow = flow("/");
    let field = format!("Basic {}", STANDARD.encode(credentials));
    flow.request
        .headers
        .append(name.as_bytes(), field.as_bytes());
    flow
}

async fn status(addon: &ProxyAuth, hook: Hook, flow: &mut HttpFlow) -> Option<u16> {
    run(addon, hook, flow, &mut Bodies::default()).await;
    flow.response.as_ref().map(|response| response.status)
}

#[tokio::test]
async fn users_are_let_in_and_others_are_not() {
    let rows = [
        ("any", "a:b", None),
        ("any", "ab", Some(407)),
        ("any", "a:b:c", Some(407)),
        ("user:pass", "user:pass", None),
        ("user:pass", "user:wrong", Some(407)),
        ("user:pass", "USER:pass", Some(407)),
        ("user:", "user:", None),
    ];
    for (spec, credentials, expected) in rows {
        let mut flow = said("Proxy-Authorization", credentials);
        let addon = addon(spec);
        let status = status(&addon, Hook::RequestHeaders, &mut flow).await;
        assert_eq!(status, expected, "{spec} {credentials}");
        if status.is_none() {
            assert_eq!(lines(&flow.request.headers), "Host: a.test");
            let told = flow.annotations.metadata("proxyauth").expect("who it is");
            let told = format!("{told:?}");
            assert!(told.contains("***") && !told.contains("pass"), "{told}");
        } else {
            let response = flow.response.expect("a response");
            let expected = "Proxy-Authenticate: Basic realm=\"ratel\"";
            assert_eq!(lines(&response.headers), expected);
        }
    }
}

#[tokio::test]
async fn a_reverse_proxy_asks_as_the_server() {
    let addon = addon("user:pass");
    let mut flow = said("Proxy-Authorization", "user:pass");
    flow.client_conn = client("reverse:http://a.test");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut flow).await,
        Some(401)
    );
    let response = flow.response.expect("a response");
    assert_eq!(
        lines(&response.headers),
        "WWW-Authenticate: Basic realm=\"ratel\""
    );
    let mut flow = said("Authorization", "user:pass");
    flow.client_conn = client("reverse:http://a.test");
    assert_eq!(status(&addon, Hook::RequestHeaders, &mut flow).await, None);
    assert_eq!(flow.request.headers.get("authorization"), None);
}

#[tokio::test]
async fn in_a_tunnel_nobody_is_asked_again() {
    let addon = addon("user:pass");
    let mut request = flow("/");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        Some(407)
    );
    let mut connect = said("Proxy-Authorization", "user:pass");
    assert_eq!(status(&addon, Hook::HttpConnect, &mut connect).await, None);
    let mut request = flow("/");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        None
    );
    assert!(request.annotations.metadata("proxyauth").is_some());
    // Other credentials are the server's business by now.
    let mut request = said("Proxy-Authorization", "other:one");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        None
    );
    addon.client_disconnected(&client("regular"));
    let mut request = flow("/");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        Some(407)
    );
}

#[tokio::test]
async fn each_request_without_a_tunnel_is_asked() {
    let addon = addon("user:pass");
    let mut request = said("Proxy-Authorization", "user:pass");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        None
    );
    let mut request = said("Proxy-Authorization", "user:pass");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        None
    );
    let mut request = said("Proxy-Authorization", "user:other");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        Some(407)
    );
    let mut request = flow("/");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        Some(407)
    );
    text(&addon, "proxyauth", "other:one").expect("another user");
    let mut request = said("Proxy-Authorization", "user:pass");
    assert_eq!(
        status(&addon, Hook::RequestHeaders, &mut request).await,
        Some(407)
    );
}

#[test]
fn what_is_no_specification_is_refused_without_its_secrets() {
    let rows = [
        (
            "secret",
            "Invalid proxyauth specification: a colon is missing (at character 7)",
        ),
        (
            "a:secret:c",
            "there is more than one colon (at character 9)",
        ),
        ("@/nowhere/secret", "Could not open htpasswd file"),
        ("ldap:localhost:secret", "Invalid LDAP specification"),
        (
            "ldap:localhost:x:cn=a:secret:dc=b",
            "a port is a number below 65536 (at character 16)",
        ),
        (
            "ldap:localhost:cn=a:secret:dc=b?other=x",
            "search_filter_key=NAME is known (at character 33)",
        ),
    ];
    for (spec, reason) in rows {
        let error = text(&ProxyAuth::default(), "proxyauth", spec).unwrap_err();
        assert!(
            error.starts_with("option 'proxyauth': ") && error.contains(reason),
            "{error}"
        );
        assert!(
            !error.contains("secret") || spec.starts_with('@'),
            "{error}"
        );
    }
}
