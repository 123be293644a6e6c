//! Bodies that are larger than options allow, or than is worth keeping.

use ratel_core::addon::{Addon, Bodies, BodyNeed};
use ratel_core::hooks::HookSet;
use ratel_core::options::Value;
use ratel_flow::HttpFlow;
use tokio::io::AsyncWriteExt;

use super::*;

/// Needs all bodies whole, and can do without.
struct Greedy;

impl Addon for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE
    }

    fn wants_bodies(&self) -> bool {
        true
    }

    fn body_need(&self, _flow: &HttpFlow, _bodies: &Bodies, _side: Side) -> BodyNeed {
        BodyNeed::IfPossible
    }
}

fn size(name: &'static str, size: &str) -> (&'static str, Value) {
    (name, Value::OptStr(Some(size.to_owned())))
}

fn sized(options: &[(&'static str, Value)]) -> Play {
    play("reverse:http://origin.test", AddonChain::default(), options)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_announces_too_much_is_refused() {
    let mut play = sized(&[size("body_size_limit", "4")]);
    play.send(b"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\n\r\n12345")
        .await;
    play.client_gets(b"HTTP/1.1 413 Content Too Large\r\n")
        .await;
    let records = play.records().await;
    let error = records.first().and_then(|flow| flow.error.clone());
    assert!(error.is_some_and(|error| error.message.contains("body_size_limit")));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_becomes_too_large_is_refused() {
    let mut play = sized(&[size("body_size_limit", "4")]);
    play.send(b"POST / HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n")
        .await;
    play.client_gets(b"HTTP/1.1 413 Content Too Large\r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_announces_too_much_is_replaced() {
    let mut play = sized(&[size("body_size_limit", "4")]);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345";
    server.write_all(response).await.expect("room");
    play.client_gets(b"HTTP/1.1 502 Bad Gateway\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_response_that_does_not_say_its_length_is_measured_before_its_head_goes_on() {
    for (head, ends) in [
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n",
            "0\r\n\r\n",
        ),
        ("Connection: close\r\n\r\nabcdef", ""),
    ] {
        for (limit, fits) in [("5", false), ("6", true)] {
            let mut play = sized(&[size("body_size_limit", limit)]);
            play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
                .await;
            let mut server = play.server().await;
            let response = format!("HTTP/1.1 200 OK\r\n{head}{ends}");
            server.write_all(response.as_bytes()).await.expect("room");
            drop(server);
            if fits {
                play.client_gets(response.as_bytes()).await;
                continue;
            }
            play.client_gets(b"HTTP/1.1 502 Bad Gateway\r\n").await;
            let text = play.client_rest().await;
            assert!(text.contains("body_size_limit"), "{text}");
            let records = play.records().await;
            let error = records[0].error.as_ref().expect("an error");
            assert!(
                error
                    .message
                    .contains("the 5 bytes that option 'body_size_limit' allows")
            );
        }
    }
    // What is a stream goes on at once, and ends with the reason on record.
    let mut play = sized(&[size("body_size_limit", "15")]);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    server.write_all(head).await.expect("room");
    play.client_gets(head).await;
    server.write_all(b"data: 2\n\n").await.expect("room");
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    assert!(records[0].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_fits_passes() {
    let mut play = sized(&[size("body_size_limit", "5")]);
    let request = b"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\n\r\n12345";
    play.send(request).await;
    let mut server = play.server().await;
    gets(&mut server, request).await;
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345";
    server.write_all(response).await.expect("room");
    play.client_gets(response).await;
}

#[tokio::test(start_paused = true)]
async fn large_bodies_pass_whoever_needs_them() {
    let chain = AddonChain::new(vec![Arc::new(Greedy)]);
    let options = [size("stream_large_bodies", "4")];
    let mut play = play("reverse:http://origin.test", chain, &options);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n")
        .await
        .expect("room");
    // The end is still to come.
    play.client_gets(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n",
    )
    .await;
    server.write_all(b"0\r\n\r\n").await.expect("room");
    play.client_gets(b"0\r\n\r\n").await;
    assert_eq!(play.body(1, Side::Server), "", "it is not kept");
    let records = play.records().await;
    let missing: Vec<_> = records.iter().map(|flow| flow.missing).collect();
    assert_eq!(missing, [[false, true]]);
}

#[tokio::test(start_paused = true)]
async fn large_bodies_are_kept_on_request() {
    let mut play = sized(&[
        size("stream_large_bodies", "4"),
        ("store_streamed_bodies", Value::Bool(true)),
    ]);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345";
    server.write_all(response).await.expect("room");
    play.client_gets(response).await;
    assert_eq!(play.body(1, Side::Server), "12345");
}
