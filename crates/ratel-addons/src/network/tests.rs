use std::net::SocketAddr;

use ratel_core::options::Value as Setting;
use ratel_flow::ConnId;

use ratel_flow::record::Value;

use super::*;

fn client() -> Arc<ClientConn> {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    Arc::new(ClientConn {
        id: ConnId(1),
        peername: address,
        sockname: address,
        proxy_mode: "regular".into(),
        timestamp_start: clock::now(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

fn list(rules: &[&str]) -> Setting {
    Setting::List(rules.iter().map(ToString::to_string).collect())
}

fn configure(addon: &BadNetwork, settings: &[(&str, Setting)]) -> Result<(), String> {
    let mut values = Values::default();
    for (name, value) in settings {
        values.set(name, value.clone()).expect("an option");
    }
    addon.configure(
        &values,
        &["throttle", "fault", "fault_seed", "network_active"],
    )
}

fn faulty(faults: &[&str]) -> BadNetwork {
    let addon = BadNetwork::default();
    configure(
        &addon,
        &[
            ("fault", list(faults)),
            ("fault_seed", Setting::OptInt(Some(1))),
        ],
    )
    .expect("valid rules");
    addon
}

/// A flow to that host and path after its request, and what is left of it.
fn asked(addon: &BadNetwork, host: &str, path: &'static str) -> (HttpFlow, Bodies) {
    let mut flow = tunnel(&client(), host, 443, None);
    flow.request.method = "GET".into();
    flow.request.path = path.into();
    let mut bodies = Bodies::default();
    addon.decide(&mut flow, &mut bodies, true);
    (flow, bodies)
}

/// What the answer to a request with that content type says of it.
fn called(addon: &BadNetwork, content_type: Option<&[u8]>) -> (HttpFlow, Option<Vec<u8>>) {
    let mut flow = tunnel(&client(), "a.test", 443, None);
    flow.request.method = "POST".into();
    flow.request.path = "/pay".into();
    if let Some(content_type) = content_type {
        flow.request.headers.append(b"content-type", content_type);
    }
    addon.decide(&mut flow, &mut Bodies::default(), true);
    let status = flow.response.as_ref().and_then(|response| {
        let status = response.headers.get("grpc-status");
        status.map(<[u8]>::to_vec)
    });
    (flow, status)
}

/// The metadata that say what happened.
const FAULT: &str = "ratel_fault";
const THROTTLE: &str = "ratel_throttle";

/// What is left for the engine to do.
fn kinds(bodies: Bodies) -> Vec<FaultKind> {
    let faults = bodies.network.expect("something").faults;
    faults.into_iter().map(|fault| fault.kind).collect()
}

#[test]
fn only_a_call_ends_with_a_status_of_grpc() {
    let addon = faulty(&["~u /pay : grpc 4"]);
    for content_type in [
        &b"application/grpc"[..],
        b"application/grpc+proto",
        b"application/grpc-web+proto",
    ] {
        let (flow, status) = called(&addon, Some(content_type));
        assert_eq!(status.as_deref(), Some(&b"4"[..]));
        let response = flow.response.expect("an answer");
        assert_eq!(response.headers.get("content-type"), Some(content_type));
    }
    for content_type in [None, Some(&b"application/json"[..])] {
        let (flow, _) = called(&addon, content_type);
        assert!(flow.response.is_none(), "{content_type:?}");
        assert_eq!(said(&flow, FAULT), None);
    }
}

fn said(flow: &HttpFlow, name: &str) -> Option<String> {
    match flow.annotations.metadata(name) {
        Some(Value::Str(text)) => Some(text.to_string()),
        _ => None,
    }
}

#[test]
fn what_matches_is_hit_and_says_so() {
    let addon = faulty(&[
        "~u /pay : 503",
        "~d other.test : delay 2s",
        "~u /pay : 504",
        "~u /pay : grpc 4",
    ]);
    let (flow, bodies) = asked(&addon, "a.test", "/pay");
    let response = flow.response.as_ref().expect("an answer");
    assert_eq!(
        response.status, 504,
        "the last one counts that is for requests like this"
    );
    assert_eq!(bodies.response, Some(Bytes::new()));
    assert_eq!(
        said(&flow, FAULT).as_deref(),
        Some("~u /pay : 503; ~u /pay : 504")
    );
    let (flow, bodies) = asked(&addon, "other.test", "/");
    assert!(flow.response.is_none());
    let second = std::time::Duration::from_secs(2);
    assert_eq!(kinds(bodies), [FaultKind::Delay(second, second)]);
    let (flow, bodies) = asked(&addon, "a.test", "/");
    assert!(flow.response.is_none() && said(&flow, FAULT).is_none());
    assert!(bodies.network.is_none(), "nothing is kept of it");
}

#[test]
fn rules_that_ask_for_the_response_wait_for_its_head_and_are_asked_once() {
    let addon = faulty(&["~c 200 : truncate 5", "delay 1s", "~d b | ~c 200 : 503"]);
    let (mut flow, mut bodies) = asked(&addon, "a.test", "/");
    assert_eq!(bodies.network.as_ref().expect("the delay").faults.len(), 1);
    bodies.network.as_mut().expect("there").faults.clear();
    flow.response = Some(Response::new(200, clock::now()));
    addon.decide(&mut flow, &mut bodies, false);
    assert_eq!(kinds(bodies), [FaultKind::Truncate(5)]);
    assert_eq!(said(&flow, FAULT).as_deref(), Some("delay 1s"));
    assert_eq!(
        flow.response.expect("the server's").status,
        200,
        "it is too late for another"
    );
}

#[test]
fn a_websocket_is_one_once_its_server_has_agreed() {
    let addon = faulty(&["~websocket : delay 1s", "!~websocket & ~s : reset"]);
    let answered = |fields: &[(&str, &str)], status| {
        let (mut flow, mut bodies) = asked(&addon, "a.test", "/");
        assert!(bodies.network.is_none());
        for (name, value) in fields {
            flow.request
                .headers
                .append(name.as_bytes(), value.as_bytes());
        }
        flow.response = Some(Response::new(status, clock::now()));
        addon.decide(&mut flow, &mut bodies, false);
        kinds(bodies)
    };
    let asks = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEC=="),
        ("sec-websocket-version", "13"),
    ];
    let second = std::time::Duration::from_secs(1);
    assert_eq!(answered(&asks, 101), [FaultKind::Delay(second, second)]);
    assert_eq!(answered(&asks, 403), [FaultKind::Reset(None)]);
    assert_eq!(answered(&[], 200), [FaultKind::Reset(None)]);
}

#[test]
fn the_same_seed_has_the_same_flows_hit() {
    let pattern = || {
        let addon = faulty(&["503 @ 50%"]);
        let hit = |_| asked(&addon, "a.test", "/").0.response.is_some();
        (0..64).map(hit).collect::<Vec<bool>>()
    };
    let hits = pattern();
    assert_eq!(hits, pattern());
    assert!(hits.contains(&true) && hits.contains(&false));
}

#[test]
fn handshakes_fail_for_hosts() {
    let fails = |rule: &str, sni, address| {
        let addon = faulty(&[rule, "~d api.dev : 503"]);
        let begin = TlsBegin {
            client: &client(),
            sni,
            address,
        };
        addon.fails_tls(begin).is_some()
    };
    let (api, at) = (Some("api.dev"), Some(("10.0.0.1", 8443)));
    assert!(fails("~d api.dev : tls", api, None));
    assert!(!fails("~d api.dev : tls", Some("www.dev"), None));
    // By either of its names, and its port.
    assert!(fails("~d api.dev : tls", api, at));
    assert!(fails("~d 10.0.0.1 : tls", api, at));
    assert!(!fails("!~d api.dev : tls", api, at));
    assert!(fails("~u :8443 : tls", api, at));
    assert!(!fails("~u :9443 : tls", api, at));
}

#[test]
fn it_is_switched_off_and_on_and_wrong_rules_change_nothing() {
    let addon = faulty(&["503"]);
    assert_ne!(addon.hooks(), HookSet::NONE);
    let error = configure(&addon, &[("throttle", list(&["~d a : 5g"]))]).expect_err("no profile");
    assert!(
        error.starts_with("option 'throttle': `~d a : 5g`: `5g` is no profile"),
        "{error}"
    );
    assert!(error.ends_with("(at character 8)"), "{error}");
    assert!(
        asked(&addon, "a.test", "/").0.response.is_some(),
        "what there was stays"
    );
    let off = [
        ("fault", list(&["503"])),
        ("network_active", Setting::Bool(false)),
    ];
    configure(&addon, &off).expect("valid rules");
    assert_eq!(addon.hooks(), HookSet::NONE);
    configure(&addon, &[("throttle", list(&["3g"]))]).expect("valid rules");
    let (flow, bodies) = asked(&addon, "a.test", "/");
    assert_eq!(bodies.network.expect("slow").throttles.len(), 1);
    assert_eq!(said(&flow, THROTTLE).as_deref(), Some("3g"));
}
