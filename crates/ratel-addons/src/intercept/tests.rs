use bytes::Bytes;
use ratel_core::options::Value;
use ratel_flow::{
    ClientConn, ConnId, FlowId, Headers, LiveAnnotations, MessageFlags, MessageKind, Replay,
    Request, Response, Scheme, Timestamp, Version,
};

use super::*;

fn client() -> std::sync::Arc<ClientConn> {
    std::sync::Arc::new(ClientConn {
        id: ConnId(1),
        peername: ([127, 0, 0, 1], 1).into(),
        sockname: ([127, 0, 0, 1], 2).into(),
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp::default(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

fn flow(path: &'static str) -> HttpFlow {
    HttpFlow {
        id: FlowId(1),
        client_conn: client(),
        server_conn: None,
        request: Request {
            method: "POST".into(),
            target: path.into(),
            version: Version::Http11,
            line: None,
            headers: Headers::new(),
            pseudo: Headers::new(),
            scheme: Scheme::Http,
            host: "a.test".into(),
            port: 80,
            path: path.into(),
            timestamp_start: Timestamp::default(),
        }
        .into(),
        response: None,
        error: None,
        annotations: LiveAnnotations::default(),
    }
}

fn answered(path: &'static str, kind: &str) -> HttpFlow {
    let mut flow = flow(path);
    let mut response = Response::new(200, Timestamp::default());
    response.headers.append(b"Content-Type", kind.as_bytes());
    flow.response = Some(response);
    flow
}

fn intercept(filter: &str) -> Intercept {
    let intercept = Intercept::default();
    let mut values = Values::default();
    let filter = Value::OptStr(Some(filter.to_owned()));
    values.set("intercept", filter).expect("a filter");
    intercept.configure(&values, &[]).expect("a filter");
    intercept
}

async fn held(intercept: &Intercept, hook: Hook, flow: &mut HttpFlow, bodies: &mut Bodies) -> bool {
    intercept.http(hook, flow, bodies).await;
    std::mem::take(&mut flow.annotations.intercepted)
}

#[test]
fn it_takes_part_while_it_is_active() {
    let intercept = Intercept::default();
    assert_eq!(intercept.hooks(), HookSet::NONE);
    let mut values = Values::default();
    let filter = Value::OptStr(Some("~u /a".to_owned()));
    values.set("intercept", filter).expect("a filter");
    intercept.configure(&values, &[]).expect("a filter");
    assert!(intercept.hooks().contains(Hook::Request));
    let off = Value::Bool(false);
    values.set("intercept_active", off).expect("a switch");
    intercept.configure(&values, &[]).expect("a filter");
    assert_eq!(intercept.hooks(), HookSet::NONE);
    let body = |path| intercept.body_need(&flow(path), &Bodies::default(), Side::Client);
    assert_eq!(body("/a"), BodyNeed::Stream);
}

#[test]
fn only_bodies_of_flows_that_may_match_are_collected() {
    for (filter, path, expected) in [
        ("~u /a$", "/a", BodyNeed::IfSmall),
        ("~u /a$", "/b", BodyNeed::Stream),
        ("~b secret", "/b", BodyNeed::IfSmall),
        ("~b secret & ~u /a$", "/b", BodyNeed::Stream),
        ("~bs secret & ~u /b", "/b", BodyNeed::Stream),
        ("!~b secret & ~u /b", "/b", BodyNeed::IfSmall),
        ("~s", "/b", BodyNeed::Stream),
    ] {
        let intercept = intercept(filter);
        let need = intercept.body_need(&flow(path), &Bodies::default(), Side::Client);
        assert_eq!(need, expected, "{filter} {path}");
    }
    for (filter, kind, expected) in [
        ("~c 200", "text/plain", BodyNeed::IfSmall),
        ("~c 200", "text/event-stream", BodyNeed::Messages),
        ("~c 404", "text/event-stream", BodyNeed::Stream),
        ("~bs x", "application/grpc", BodyNeed::Messages),
        ("~q", "text/plain", BodyNeed::Stream),
    ] {
        let intercept = intercept(filter);
        let need = intercept.body_need(&answered("/", kind), &Bodies::default(), Side::Server);
        assert_eq!(need, expected, "{filter} {kind}");
    }
}

#[tokio::test]
async fn requests_and_responses_are_held_by_what_is_there() {
    let by_body = intercept("~b secret");
    let mut flow = flow("/");
    let mut bodies = Bodies::default();
    assert!(!held(&by_body, Hook::Request, &mut flow, &mut bodies).await);
    bodies.request = Some("a secret".into());
    assert!(held(&by_body, Hook::Request, &mut flow, &mut bodies).await);
    flow.annotations.is_replay = Some(Replay::Request);
    assert!(!held(&by_body, Hook::Request, &mut flow, &mut bodies).await);

    let by_type = intercept("~s");
    let mut flow = answered("/", "text/plain");
    let mut bodies = Bodies::default();
    for (hook, expected) in [
        // It will be held with its body, and is gone when that is not here.
        (Hook::ResponseHeaders, false),
        (Hook::Response, false),
    ] {
        assert_eq!(held(&by_type, hook, &mut flow, &mut bodies).await, expected);
    }
    bodies.response = Some(Bytes::new());
    assert!(held(&by_type, Hook::Response, &mut flow, &mut bodies).await);
    let mut flow = answered("/", "text/event-stream");
    let mut bodies = Bodies::default();
    assert!(held(&by_type, Hook::ResponseHeaders, &mut flow, &mut bodies).await);
    let mut large = answered("/", "text/plain");
    by_type.body_passes(&mut large, Side::Server);
    assert!(large.annotations.intercepted);
}

#[tokio::test]
async fn messages_are_held_one_by_one() {
    let intercept = intercept("~bs secret");
    for (side, content, expected) in [
        (Side::Server, "a secret", true),
        (Side::Client, "a secret", false),
        (Side::Server, "nothing", false),
    ] {
        let mut message = Message {
            side,
            kind: MessageKind::Event,
            flags: MessageFlags::default(),
            timestamp: Timestamp::default(),
            content: content.into(),
        };
        let mut flow = answered("/", "text/event-stream");
        intercept.stream_message(&mut flow, &mut message).await;
        assert_eq!(flow.annotations.intercepted, expected, "{content}");
        let mut flow = answered("/", "");
        let hook = Hook::WebsocketMessage;
        let shown = Some(&mut message);
        intercept.websocket(hook, &mut flow, shown).await;
        assert_eq!(flow.annotations.intercepted, expected, "{content}");
    }
    assert!(intercept.wants_messages(&flow("/")));
}
