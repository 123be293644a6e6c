//! Addons in the waist: what they see, and what they may change.

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, BodyNeed, HookFuture, ServerConnect};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::Value;
use ratel_flow::{HttpFlow, Response, Version};
use ratel_proto::h2::{Config as H2Config, Event, Role};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::h2::Peer;
use super::tcp::client_tls;
use super::*;

/// Notes every hook; upper-cases bodies that it sees, and asks for them when told to; answers `/stop` by itself.
struct Probe {
    seen: Arc<Mutex<Vec<String>>>,
    whole: bool,
}

impl Addon for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn hooks(&self) -> HookSet {
        Hook::ALL.into_iter().fold(HookSet::NONE, HookSet::with)
    }

    fn wants_bodies(&self) -> bool {
        true
    }

    fn body_need(&self, _flow: &HttpFlow, _bodies: &Bodies, _side: Side) -> BodyNeed {
        if self.whole {
            BodyNeed::Whole
        } else {
            BodyNeed::Stream
        }
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            self.seen.lock().expect("free").push(hook.name().to_owned());
            if hook == Hook::RequestHeaders && &flow.request.path[..] == b"/stop" {
                flow.response = Some(Response {
                    pseudo: Default::default(),
                    version: Version::Http11,
                    status: 403,
                    reason: Bytes::from_static(b"Forbidden"),
                    line: None,
                    headers: Default::default(),
                    timestamp_start: clock::now(),
                });
                bodies.response = Some(Bytes::from_static(b"no"));
            }
            if hook == Hook::RequestHeaders && &flow.request.path[..] == b"/marked" {
                flow.request.headers.append(b"X-Marked", b"yes");
            }
            let body = match hook {
                Hook::Request => &mut bodies.request,
                Hook::Response => &mut bodies.response,
                _ => return,
            };
            if let Some(body) = body.as_mut().filter(|body| !body.is_empty()) {
                *body = body.to_ascii_uppercase().into();
            }
        })
    }
}

fn probed(whole: bool) -> (Play, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let chain = AddonChain::new(vec![Arc::new(Probe {
        seen: seen.clone(),
        whole,
    })]);
    (play("reverse:http://origin.test", chain, &[]), seen)
}

#[tokio::test(start_paused = true)]
async fn hooks_come_in_order() {
    let (mut play, seen) = probed(false);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    play.records().await;
    assert_eq!(
        *seen.lock().expect("free"),
        ["requestheaders", "request", "responseheaders", "response"]
    );
}

#[tokio::test(start_paused = true)]
async fn whole_bodies_can_be_replaced() {
    let (mut play, _) = probed(true);
    play.send(b"POST / HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").await;
    let mut server = play.server().await;
    gets(
        &mut server,
        b"POST / HTTP/1.1\r\nHost: origin.test\r\ncontent-length: 3\r\n\r\nABC",
    )
    .await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        .await;
    assert_eq!(play.body(1, Side::Client), "ABC");
    assert_eq!(play.body(1, Side::Server), "OK");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_only_looked_at_keeps_its_form() {
    let (mut play, _) = probed(true);
    let request = b"POST / HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n02;x\r\nAB\r\n1\r\nC\r\n0\r\nT: 1\r\n\r\n";
    play.send(request).await;
    let mut server = play.server().await;
    gets(&mut server, request).await;
}

#[tokio::test(start_paused = true)]
async fn an_addon_may_answer_itself() {
    let (mut play, seen) = probed(false);
    play.send(b"GET /stop HTTP/1.1\r\nHost: x\r\n\r\n").await;
    play.client_gets(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nNO")
        .await;
    play.records().await;
    assert_eq!(
        *seen.lock().expect("free"),
        ["requestheaders", "request", "responseheaders", "response"]
    );
}

/// A client that is still sending is not answered, and what it has sent is on record. The connection can be used again.
#[tokio::test(start_paused = true)]
async fn the_short_body_of_an_answered_request_is_taken_in_first() {
    let (mut play, _) = probed(false);
    let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nNO";
    for (body, rest) in [(1, "a"), (2, "cd")] {
        play.send(b"POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
            .await;
        play.send(&b"xy"[..2 - rest.len()]).await;
        play.send(rest.as_bytes()).await;
        play.client_gets(answer).await;
        let body_of = play.body(body, Side::Client);
        assert_eq!(body_of, format!("{}{rest}", &"xy"[..2 - rest.len()]));
    }
    // Who waits for a word is answered at once.
    play.send(
        b"POST /stop HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    )
    .await;
    // The rest of that is not read, and so nothing can follow it.
    play.client_gets(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\nNO")
        .await;
    assert_eq!(play.client_rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn the_record_shows_the_head_that_an_addon_has_changed() {
    let (mut play, _) = probed(false);
    play.send(b"POST /marked HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 2\r\n\r\nab")
        .await;
    let mut server = play.server().await;
    let sent =
        b"POST /marked HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 2\r\nX-Marked: yes\r\n\r\n";
    gets(&mut server, sent).await;
    let records = play.records().await;
    let request = records[0].request.as_ref().expect("a request");
    assert_eq!(request.headers.get("x-marked"), Some(&b"yes"[..]));
}

/// Answers everything for `app.test`.
struct App;

impl Addon for App {
    fn name(&self) -> &'static str {
        "app"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::Request)
    }

    fn serves(&self, host: &str) -> bool {
        host == "app.test"
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        if self.serves(&flow.request.pretty_host()) {
            flow.response = Some(Response {
                pseudo: Default::default(),
                version: Version::Http11,
                status: 200,
                reason: Bytes::from_static(b"OK"),
                line: None,
                headers: Default::default(),
                timestamp_start: clock::now(),
            });
            bodies.response = Some(Bytes::from_static(b"app"));
        }
        Box::pin(std::future::ready(()))
    }
}

/// Nobody takes the connections that would be made: `records` would not come to its end.
async fn served_without_a_server(
    mut play: Play,
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    url: &str,
) {
    let request = format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("room");
    client.flush().await.expect("room");
    gets(
        &mut client,
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\napp",
    )
    .await;
    drop(client);
    assert!(play.servers.try_recv().is_err(), "nobody was called");
    let records = play.records().await;
    assert_eq!(
        records[0].request.as_ref().map(|r| r.url()).as_deref(),
        Some(url)
    );
    assert!(records[0].server_conn.is_none());
}

fn app(mode: &str, options: &[(&str, Value)]) -> Play {
    play(mode, AddonChain::new(vec![Arc::new(App)]), options)
}

#[tokio::test]
async fn for_a_host_that_an_addon_serves_no_server_is_called() {
    for tls in [false, true] {
        let mut play = app("regular", &[]);
        play.send(b"CONNECT app.test:8443 HTTP/1.1\r\n\r\n").await;
        play.client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await;
        if tls {
            let client = client_tls(&mut play, "app.test", Vec::new()).await;
            served_without_a_server(play, client, "app.test", "https://app.test:8443/x").await;
        } else {
            let (stand_in, _) = tokio::io::duplex(1);
            let client = std::mem::replace(&mut play.client, stand_in);
            served_without_a_server(play, client, "app.test", "http://app.test:8443/x").await;
        }
    }
}

#[tokio::test]
async fn nor_is_one_for_a_stream_of_http2() {
    let mut play = app("regular", &[]);
    let (unused, _) = tokio::io::duplex(1);
    let mut client = Peer::with(
        H2Config::new(Role::Client),
        std::mem::replace(&mut play.client, unused),
    );
    let connect = [(":method", "CONNECT"), (":authority", "app.test:80")];
    let tunnel = client.request(&connect, &[], false).await;
    client.gets_head().await;
    let request = b"GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n";
    client.data(tunnel, request, false).await;
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\napp") {
        if let Event::Data { data, .. } = client.event().await {
            got.extend_from_slice(&data);
        }
    }
    assert!(play.servers.try_recv().is_err(), "nobody was called");
}

#[tokio::test]
async fn a_reverse_proxy_that_keeps_names_serves_it_by_that_in_the_hello() {
    let keep = [("keep_host_header", Value::Bool(true))];
    let mut play = app("reverse:https://origin.test", &keep);
    let client = client_tls(&mut play, "app.test", Vec::new()).await;
    served_without_a_server(play, client, "app.test", "https://origin.test/x").await;
}

/// Does one thing in one hook.
struct Does<F>(Hook, F);

impl<F: Fn(&mut HttpFlow, &mut Bodies) + Send + Sync> Addon for Does<F> {
    fn name(&self) -> &'static str {
        "does"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(self.0)
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        (self.1)(flow, bodies);
        Box::pin(std::future::ready(()))
    }
}

fn does(
    hook: Hook,
    what: impl Fn(&mut HttpFlow, &mut Bodies) + Send + Sync + 'static,
) -> AddonChain {
    AddonChain::new(vec![Arc::new(Does(hook, what))])
}

#[tokio::test(start_paused = true)]
async fn an_addon_may_end_a_flow_in_any_hook() {
    for hook in [Hook::RequestHeaders, Hook::Request, Hook::ResponseHeaders] {
        let chain = does(hook, |flow, _| flow.kill(clock::now()));
        let mut play = play("reverse:http://origin.test", chain, &[]);
        play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
            .await;
        if hook == Hook::ResponseHeaders {
            let mut server = play.server().await;
            server
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .expect("room");
        }
        assert_eq!(play.client_rest().await, "", "{hook:?}");
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("a reason");
        assert_eq!(&*error.message, "Connection killed.", "{hook:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_addon_says_of_a_flow_is_on_record() {
    let chain = does(Hook::Request, |flow, _| {
        let value = ratel_flow::record::Value::Bool(true);
        flow.annotations.set_metadata("blocklisted", value);
        flow.annotations.marked = ":grapes:".into();
        flow.response = Some(Response::new(404, clock::now()));
    });
    let mut play = play("reverse:http://origin.test", chain, &[]);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    play.client_gets(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        .await;
    let records = play.records().await;
    let said = records[0].annotations.as_ref().expect("annotations");
    assert_eq!(&*said.marked, ":grapes:");
    assert!(said.metadata("blocklisted").is_some());
}

#[tokio::test(start_paused = true)]
async fn an_addon_may_send_a_request_elsewhere() {
    let elsewhere = || {
        does(Hook::Request, |flow, _| {
            flow.request
                .set_url("http://other.test:81/x")
                .expect("a URL");
        })
    };
    let sent = b"GET /x HTTP/1.1\r\nHost: other.test:81\r\n\r\n";
    for (mode, request) in [
        (
            "reverse:http://origin.test",
            "GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\n",
        ),
        (
            "regular",
            "GET http://a.test/a HTTP/1.1\r\nHost: a.test\r\n\r\n",
        ),
    ] {
        let mut play = play(mode, elsewhere(), &[]);
        play.send(request.as_bytes()).await;
        let mut server = play.server().await;
        gets(&mut server, sent).await;
        server
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .expect("room");
        play.client_gets(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        let records = play.records().await;
        let conn = records[0].server_conn.as_ref().expect("a server");
        assert_eq!((&*conn.address.0, conn.address.1), ("other.test", 81));
        let request = records[0].request.as_ref().expect("a request");
        assert_eq!(request.url(), "http://other.test:81/x");
    }
}

#[tokio::test(start_paused = true)]
async fn an_addon_may_refuse_a_tunnel() {
    let refuses = does(Hook::HttpConnect, |flow, bodies| {
        if &*flow.request.host == "closed.test" {
            flow.response = Some(Response::new(407, clock::now()));
            bodies.response = Some(Bytes::from_static(b"who are you?"));
        }
    });
    let mut refused = play("regular", refuses.clone(), &[]);
    refused
        .send(b"CONNECT closed.test:443 HTTP/1.1\r\n\r\n")
        .await;
    let answer =
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 12\r\n\r\nwho are you?";
    refused.client_gets(answer).await;
    assert!(refused.servers.try_recv().is_err(), "nobody was called");
    let records = refused.records().await;
    assert_eq!(records[0].response.as_ref().map(|r| r.status), Some(407));

    let mut granted = play("regular", refuses, &[]);
    granted
        .send(b"CONNECT open.test:443 HTTP/1.1\r\n\r\n")
        .await;
    granted
        .client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    assert!(granted.records().await.is_empty(), "a tunnel is no flow");
}

/// Sends connections to `a.test` elsewhere, and refuses those to `b.test`.
struct Dials;

impl Addon for Dials {
    fn name(&self) -> &'static str {
        "dials"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::ServerConnect)
    }

    fn server<'a>(&'a self, _hook: Hook, connect: &'a mut ServerConnect) -> HookFuture<'a> {
        match &*connect.address.0 {
            "a.test" => connect.address = ("elsewhere.test".into(), 81),
            _ => connect.error = Some("not there".into()),
        }
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_addon_may_have_servers_called_elsewhere_or_not_at_all() {
    let chain = AddonChain::new(vec![Arc::new(Dials)]);
    let mut denied = play("reverse:http://b.test", chain, &[]);
    denied.send(b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").await;
    let page = denied.client_rest().await;
    assert!(
        page.contains("502") && page.contains("refused by a rule: not there"),
        "{page}"
    );
    assert!(denied.servers.try_recv().is_err(), "nobody was called");
}
