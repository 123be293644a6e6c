use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{client, flow, run, text};

#[tokio::test]
async fn the_server_of_a_reverse_proxy_is_told() {
    let addon = UpstreamAuth::default();
    text(&addon, "upstream_auth", "user:pa:ss").expect("credentials");
    let mut direct = flow("/");
    run(
        &addon,
        Hook::RequestHeaders,
        &mut direct,
        &mut Bodies::default(),
    )
    .await;
    assert_eq!(direct.request.headers.get("authorization"), None);
    let mut reverse = flow("/");
    reverse.client_conn = client("reverse:http://a.test");
    run(
        &addon,
        Hook::RequestHeaders,
        &mut reverse,
        &mut Bodies::default(),
    )
    .await;
    let sent = reverse.request.headers.get("authorization");
    assert_eq!(sent, Some(&b"Basic dXNlcjpwYTpzcw=="[..]));
    for (wrong, place) in [
        ("nobody", "(at character 7)"),
        (":secret", "(at character 1)"),
    ] {
        let error = text(&addon, "upstream_auth", wrong).unwrap_err();
        assert!(
            !error.contains(wrong) && error.contains("USER:PASSWORD") && error.contains(place),
            "{error}"
        );
    }
    text(&addon, "upstream_auth", "").expect("off");
    assert_eq!(addon.hooks(), HookSet::NONE);
}
