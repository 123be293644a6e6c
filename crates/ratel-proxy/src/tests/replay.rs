//! Client replay: what goes out of requests that are sent again, when, and what is on record of it.

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::files::FlowFiles;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::Value;
use ratel_core::replay::ClientReplay;
use ratel_core::store::FlowState;
use ratel_flow::record::{Body, Detail, HttpRecord};
use ratel_flow::{
    Annotations, FlowKind, HttpFlow, Record, Replay, Request, Scheme, Timestamp, Version,
};
use ratel_proto::Headers;
use ratel_proto::h2::{Role, StreamId};
use tokio::time::Instant;

use super::h2::{Peer, both, list, shown};
use super::*;
use crate::replay;

fn request(method: &str, path: &str, headers: &[(&str, &str)], at: Duration) -> Request {
    Request {
        method: Bytes::copy_from_slice(method.as_bytes()),
        target: Bytes::copy_from_slice(path.as_bytes()),
        version: Version::Http11,
        line: None,
        headers: headers.iter().copied().collect(),
        pseudo: Headers::default(),
        scheme: Scheme::Http,
        host: "origin.test".into(),
        port: 80,
        path: Bytes::copy_from_slice(path.as_bytes()),
        timestamp_start: Timestamp(1 + u64::try_from(at.as_nanos()).expect("not for ever")),
    }
}

/// A flow in the store, as if it had passed a while ago.
fn recorded(play: &Play, request: &Request, body: &'static str) -> FlowId {
    let client = Arc::new(ClientConn {
        id: ConnId::next(),
        peername: ([127, 0, 0, 1], 40_001).into(),
        sockname: ([127, 0, 0, 1], 8080).into(),
        proxy_mode: "regular".into(),
        timestamp_start: Timestamp(1),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    });
    let writer = play.store.open(FlowKind::Http, &client, Timestamp(1));
    writer.request(request);
    writer.data(
        Side::Client,
        &[Bytes::from_static(body.as_bytes())],
        Timestamp(2),
    );
    writer.end(Side::Client, Timestamp(3));
    writer.finish(Timestamp(4));
    play.store.flush();
    writer.id()
}

/// Begins to send what is queued.
fn replaying(play: &Play) -> ClientReplay {
    replaying_files(play, FlowFiles::default())
}

fn replaying_files(play: &Play, files: FlowFiles) -> ClientReplay {
    let replay = ClientReplay::new(play.store.clone(), files);
    let (shared, stop, kill) = (play.shared.clone(), play.stop.clone(), play.kill.clone());
    let resources = shared.clone();
    let send = async move |job: replay::Job| {
        let ctx = ConnCtx {
            config: shared.config.load_full(),
            client: Arc::new(job.client()),
            shared: shared.clone(),
            activity: Arc::default(),
            stop: stop.clone(),
            abort: AbortReason::default(),
            depth: 0,
            runtime: None,
        };
        let kill = kill.clone();
        tokio::spawn(async move {
            replay::run(ctx, job, kill).await;
        });
    };
    let stop = play.stop.clone();
    tokio::spawn(replay::dispatch(replay.clone(), resources, stop, send));
    replay
}

/// Reads a request head, answers it, and returns it.
async fn answered(server: &mut DuplexStream, body_len: usize) -> String {
    let got = head(server, body_len).await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await
        .expect("the proxy reads");
    got
}

async fn head(server: &mut DuplexStream, body_len: usize) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        got.push(server.read_u8().await.expect("more of the head"));
    }
    let mut body = vec![0; body_len];
    server.read_exact(&mut body).await.expect("the body");
    got.extend(body);
    String::from_utf8(got).expect("text")
}

/// Waits until everything that was queued is done, and returns the flow.
async fn finished(play: &Play, replay: &ClientReplay, id: FlowId) -> FlowSnapshot {
    while replay.count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    play.store.flush();
    play.store.snapshot(id).expect("it is there")
}

#[tokio::test(start_paused = true)]
async fn a_flow_of_the_store_runs_anew_in_its_row() {
    let mut play = reverse();
    let headers = [
        ("Host", "origin.test"),
        ("X-Odd", "  1 "),
        ("Content-Length", "5"),
    ];
    let id = recorded(
        &play,
        &request("POST", "/a?b=1", &headers, Duration::ZERO),
        "hello",
    );
    let replay = replaying(&play);
    assert!(replay.flows(&[id]).is_empty());
    let mut server = play.server().await;
    let got = answered(&mut server, 5).await;
    assert!(
        got.starts_with("POST /a?b=1 HTTP/1.1\r\nHost: origin.test\r\n"),
        "{got}"
    );
    assert!(got.ends_with("\r\n\r\nhello"), "{got}");
    let flow = finished(&play, &replay, id).await;
    assert_eq!(flow.response.expect("a response").status, 200);
    assert_eq!(
        flow.annotations.expect("said").is_replay,
        Some(Replay::Request)
    );
    assert_eq!(play.body(id.0, Side::Client), "hello");
    assert_eq!(play.body(id.0, Side::Server), "ok");
    assert!(
        play.store.snapshot(FlowId(id.0 + 1)).is_none(),
        "no other row"
    );
    // And once more.
    replay.flows(&[id]);
    let mut server = play.server().await;
    let again = answered(&mut server, 5).await;
    assert_eq!(got, again);
    finished(&play, &replay, id).await;
    assert_eq!(play.store.revert(id), Ok(true));
    play.store.flush();
    assert!(
        play.store.snapshot(id).expect("there").response.is_none(),
        "as it was recorded"
    );
}

#[tokio::test(start_paused = true)]
async fn what_came_over_http2_goes_out_again_over_http2() {
    let pseudo = [
        (":path", "/a?b=1"),
        (":method", "POST"),
        (":authority", "origin.test"),
        (":scheme", "http"),
    ];
    let fields = [("te", "trailers"), ("cookie", "x=1"), ("cookie", "y=2")];
    let (mut client, mut server, mut play, head, stream) = both(&pseudo, &fields, false).await;
    let trailers = list(&[("x-sum", "5")]);
    client.data(StreamId(1), b"hello", false).await;
    client
        .conn
        .send_trailers(StreamId(1), &trailers)
        .expect("open");
    client.flush().await;
    let body = (b"hello".to_vec(), Some(trailers));
    assert_eq!(server.gets_rest().await, body);
    server
        .head(stream, &[(":status", "200")], &[("x", "first")], true)
        .await;
    client.gets_head().await;
    let id = FlowId(1);
    let replay = replaying(&play);
    play.store.flush();
    // Twice: what was sent again is a recorded flow, too.
    for (status, said) in [("201", "second"), ("202", "third")] {
        assert!(replay.flows(&[id]).is_empty());
        let mut server = Peer::new(Role::Server, play.server().await);
        let (stream, again, _) = server.gets_head().await;
        assert_eq!(shown(&again.pseudo), shown(&head.pseudo));
        assert_eq!(shown(&again.headers), shown(&head.headers));
        assert_eq!(server.gets_rest().await, body);
        server
            .head(stream, &[(":status", status)], &[("x", said)], false)
            .await;
        server.data(stream, b"ok", false).await;
        let end = list(&[("grpc-status", "0")]);
        server.conn.send_trailers(stream, &end).expect("open");
        server.flush().await;
        let flow = finished(&play, &replay, id).await;
        assert!(flow.error.is_none(), "{:?}", flow.error);
        assert_eq!(flow.request.expect("a request").version, Version::Http2);
        let response = flow.response.expect("a response");
        assert_eq!(response.version, Version::Http2);
        assert_eq!(response.status.to_string(), status);
        assert_eq!(response.headers.get("x"), Some(said.as_bytes()));
        assert_eq!(flow.response_trailers, Some(end));
        assert_eq!(play.body(id.0, Side::Server), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_of_http2_goes_to_a_server_that_knows_only_http1() {
    let mut play = reverse();
    let mut recording = request("GET", "/a", &[("x-test", "1")], Duration::ZERO);
    recording.version = Version::Http2;
    recording.pseudo = list(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "origin.test"),
        (":path", "/a"),
    ]);
    let id = recorded(&play, &recording, "");
    let replay = replaying(&play);
    replay.flows(&[id]);
    let mut server = play.server().await;
    gets(&mut server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    server
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .expect("room");
    drop(server);
    let mut server = play.server().await;
    let got = answered(&mut server, 0).await;
    assert!(got.starts_with("GET /a HTTP/1.1\r\n"), "{got}");
    let flow = finished(&play, &replay, id).await;
    assert_eq!(flow.response.expect("a response").status, 200);
}

#[tokio::test(start_paused = true)]
async fn bodies_go_out_in_the_form_they_came_in() {
    let rows = [
        (
            &[("Host", "o"), ("Transfer-Encoding", "chunked")][..],
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        // It was changed meanwhile.
        (&[("Host", "o"), ("Content-Length", "9")][..], "hello"),
        (&[("Host", "o")][..], "hello"),
    ];
    for (headers, expected) in rows {
        let mut play = reverse();
        let id = recorded(
            &play,
            &request("POST", "/", headers, Duration::ZERO),
            "hello",
        );
        let replay = replaying(&play);
        replay.flows(&[id]);
        let mut server = play.server().await;
        let got = answered(&mut server, expected.len()).await;
        assert!(got.ends_with(&format!("\r\n\r\n{expected}")), "{got}");
        if expected == "hello" {
            assert!(
                got.to_lowercase().contains("content-length: 5\r\n"),
                "{got}"
            );
        }
        finished(&play, &replay, id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_waits_for_the_response_to_the_other_unless_it_need_not() {
    for at_once in [false, true] {
        let concurrency = Value::Int(if at_once { -1 } else { 1 });
        let options = [("client_replay_concurrency", concurrency)];
        let mut play = play(
            "reverse:http://origin.test",
            AddonChain::default(),
            &options,
        );
        let ids = ["/1", "/2", "/3"].map(|path| {
            recorded(
                &play,
                &request("GET", path, &[("Host", "o")], Duration::ZERO),
                "",
            )
        });
        let replay = replaying(&play);
        replay.flows(&ids);
        let mut first = play.server().await;
        head(&mut first, 0).await;
        let second = tokio::time::timeout(Duration::from_secs(9), play.servers.recv()).await;
        assert_eq!(second.is_ok(), at_once);
        assert_eq!(replay.count(), 3);
        assert_eq!(replay.stop(), if at_once { 0 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_between_requests_is_kept() {
    let options = [
        ("client_replay_timing", Value::Bool(true)),
        ("client_replay_concurrency", Value::Int(-1)),
    ];
    let mut play = play(
        "reverse:http://origin.test",
        AddonChain::default(),
        &options,
    );
    let seconds = [0, 2, 10];
    let record = |play: &Play| {
        seconds.map(|second| {
            let at = Duration::from_secs(second);
            recorded(play, &request("GET", "/", &[("Host", "o")], at), "")
        })
    };
    let ids = record(&play);
    let replay = replaying(&play);
    let begun = Instant::now();
    replay.flows(&ids);
    for second in seconds {
        let mut server = play.server().await;
        assert_eq!(begun.elapsed().as_secs(), second);
        answered(&mut server, 0).await;
    }
    finished(&play, &replay, ids[2]).await;
    // The next batch begins at once, and can be forgotten while it waits.
    let ids = record(&play);
    replay.flows(&ids);
    let mut server = play.server().await;
    answered(&mut server, 0).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    replay.stop();
    finished(&play, &replay, ids[1]).await;
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "nobody waits for what was forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_leaves_a_request_that_can_be_sent_again() {
    let mut play = reverse();
    play.pipes
        .refuse
        .lock()
        .expect("free")
        .push_back(io::ErrorKind::ConnectionRefused);
    let headers = [("Host", "o"), ("Content-Length", "5")];
    let id = recorded(
        &play,
        &request("POST", "/", &headers, Duration::ZERO),
        "hello",
    );
    let replay = replaying(&play);
    replay.flows(&[id]);
    let flow = finished(&play, &replay, id).await;
    assert_eq!(flow.state, FlowState::Failed);
    assert_eq!(play.body(id.0, Side::Client), "hello");
    assert!(replay.flows(&[id]).is_empty());
    let mut server = play.server().await;
    answered(&mut server, 5).await;
    let flow = finished(&play, &replay, id).await;
    assert_eq!(flow.response.expect("a response").status, 200);
    assert!(flow.error.is_none());
}

/// Sends requests elsewhere, and changes their bodies.
struct Elsewhere;

impl Addon for Elsewhere {
    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::Request)
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        assert_eq!(flow.annotations.is_replay, Some(Replay::Request));
        flow.request.headers.append(b"X-Hooked", b"yes");
        bodies.request = bodies
            .request
            .take()
            .map(|body| body.to_ascii_uppercase().into());
        done()
    }
}

#[tokio::test(start_paused = true)]
async fn addons_see_the_request_whole_and_may_change_it() {
    let chain = AddonChain::new(vec![Arc::new(Elsewhere)]);
    let mut play = play("reverse:http://origin.test", chain, &[]);
    let headers = [("Host", "o"), ("Content-Length", "5")];
    let id = recorded(
        &play,
        &request("POST", "/", &headers, Duration::ZERO),
        "hello",
    );
    let replay = replaying(&play);
    replay.flows(&[id]);
    let mut server = play.server().await;
    let got = answered(&mut server, 5).await;
    assert!(
        got.contains("X-Hooked: yes") && got.ends_with("HELLO"),
        "{got}"
    );
    finished(&play, &replay, id).await;
    assert_eq!(play.body(id.0, Side::Client), "HELLO");
}

#[tokio::test(start_paused = true)]
async fn a_flow_of_a_file_gets_a_row_of_its_own() {
    let mut play = reverse();
    let big: Bytes = vec![b'x'; 3 << 20].into();
    let len = big.len().to_string();
    let headers = [("Host", "o"), ("Content-Length", len.as_str())];
    let file = Bytes::clone(&big);
    let head_of = request("POST", "/big", &headers, Duration::ZERO);
    let files = FlowFiles::new(move |_| {
        let record = Record {
            id: "a".into(),
            client_conn: Arc::new(ClientConn {
                id: ConnId::next(),
                peername: ([192, 0, 2, 1], 1).into(),
                sockname: ([192, 0, 2, 2], 2).into(),
                proxy_mode: "regular".into(),
                timestamp_start: Timestamp(1),
                timestamp_end: None,
                tls: None,
                passthrough: None,
                extra: None,
                error: None,
            }),
            server_conn: None,
            error: None,
            annotations: Annotations {
                comment: "kept".into(),
                ..Annotations::default()
            },
            timestamp_created: Timestamp(1),
            backup: None,
            detail: Detail::Http(Box::new(HttpRecord::new(
                head_of.clone(),
                Body::Bytes(file.clone()),
            ))),
            verbatim: Default::default(),
        };
        Ok(Box::new([Ok(record)].into_iter()))
    });
    let replay = replaying_files(&play, files);
    replay.file(std::path::Path::new("any")).expect("a file");
    let mut server = play.server().await;
    let got = answered(&mut server, big.len()).await;
    assert!(got.starts_with("POST /big HTTP/1.1\r\n"));
    let flow = finished(&play, &replay, FlowId(1)).await;
    assert_eq!(&*flow.annotations.expect("said").comment, "kept");
    assert_eq!(flow.request_body, big.len() as u64);
}
