//! Messages without a body from one HTTP version to the other: each has its own way to say that nothing comes.

use ratel_core::options::Value;
use ratel_proto::h2::{Config, Event, Role};

use super::h2::{Peer, h2_client};
use super::*;

fn h1_server() -> [(&'static str, Value); 1] {
    [("h2c_upstream", Value::Str("never".into()))]
}

/// An HTTP/1 client of a reverse proxy for a server that speaks HTTP/2.
fn h1_client() -> Play {
    play(
        "reverse:http://origin.test",
        AddonChain::default(),
        &[("h2c_upstream", Value::Str("always".into()))],
    )
}

/// The next connection to a server that speaks HTTP/2.
async fn server(play: &mut Play) -> Peer {
    Peer::with(Config::new(Role::Server), play.server().await)
}

const PSEUDO: [(&str, &str); 3] = [
    (":scheme", "http"),
    (":authority", "localhost:8080"),
    (":path", "/"),
];

fn asks(method: &str) -> Vec<(&str, &str)> {
    [(":method", method)].into_iter().chain(PSEUDO).collect()
}

#[tokio::test(start_paused = true)]
async fn a_response_of_no_bytes_ends_with_its_head_over_http2() {
    for answer in [
        &b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let (mut client, mut play) = h2_client(&h1_server());
        client.get("/").await;
        let mut server = play.server().await;
        gets(&mut server, b"GET / HTTP/1.1\r\nhost: origin.test\r\n\r\n").await;
        server.write_all(answer).await.expect("room");
        let (_, _, end) = client.gets_head().await;
        assert!(end, "{}", answer.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_no_bytes_ends_with_its_head_over_http2() {
    let mut play = h1_client();
    play.client
        .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .await
        .expect("room");
    let mut server = server(&mut play).await;
    let (_, head, end) = server.gets_head().await;
    assert!(end);
    assert_eq!(head.headers.get("content-length"), Some(&b"0"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_body_has_a_length_over_http1() {
    let mut play = h1_client();
    let mut at_server = None;
    for (request, fields, answer) in [
        (
            "GET",
            &[][..],
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "HEAD",
            &[("content-length", "40")],
            "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n",
        ),
        (
            "GET",
            &[("content-length", "0")],
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ),
    ] {
        let head = format!("{request} / HTTP/1.1\r\nHost: x\r\n\r\n");
        play.client.write_all(head.as_bytes()).await.expect("room");
        if at_server.is_none() {
            at_server = Some(server(&mut play).await);
        }
        let server = at_server.as_mut().expect("it was just made");
        let (id, _, _) = server.gets_head().await;
        server.head(id, &[(":status", "200")], fields, true).await;
        gets(&mut play.client, answer.as_bytes()).await;
    }
}

/// The next response would be taken for what was announced.
#[tokio::test(start_paused = true)]
async fn a_length_without_a_body_is_refused_towards_http1() {
    let mut play = h1_client();
    play.client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("room");
    let mut server = server(&mut play).await;
    let (id, _, _) = server.gets_head().await;
    server
        .head(id, &[(":status", "200")], &[("content-length", "40")], true)
        .await;
    gets(&mut play.client, b"HTTP/1.1 502 Bad Gateway\r\n").await;
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("an error");
    assert_eq!(
        &*error.message,
        "the server's response announces 40 bytes and ends without any"
    );
}

/// A head that is the end, and then the end once more: some servers do that.
#[tokio::test(start_paused = true)]
async fn an_end_of_its_own_after_a_head_that_needs_none() {
    let (mut client, mut play) = h2_client(&[]);
    client.request(&asks("HEAD"), &[], true).await;
    let mut server = server(&mut play).await;
    let (id, _, _) = server.gets_head().await;
    server
        .head(id, &[(":status", "200")], &[("content-length", "5")], false)
        .await;
    server.data(id, b"", true).await;
    let (_, _, end) = client.gets_head().await;
    assert!(end);
    drop((client, server));
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_ours_has_no_body_for_head() {
    let (mut client, play) = h2_client(&[]);
    let refusal = io::ErrorKind::ConnectionRefused;
    play.pipes.refuse.lock().expect("free").push_back(refusal);
    let id = client.request(&asks("HEAD"), &[], true).await;
    match client.event().await {
        Event::Headers { id: of, head, end } => {
            assert_eq!((of, end), (id, true));
            assert_eq!(head.pseudo.get(":status"), Some(&b"502"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_without_a_body_says_so_over_http1() {
    let (mut client, mut play) = h2_client(&h1_server());
    client
        .request(&asks("POST"), &[("content-length", "0")], true)
        .await;
    let mut server = play.server().await;
    gets(
        &mut server,
        b"POST / HTTP/1.1\r\nhost: origin.test\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn http2_has_no_101() {
    let mut play = h1_client();
    play.client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("room");
    let mut server = server(&mut play).await;
    let (id, _, _) = server.gets_head().await;
    server.head(id, &[(":status", "101")], &[], false).await;
    gets(&mut play.client, b"HTTP/1.1 502 Bad Gateway\r\n").await;
}

/// A server that takes no request is asked a few times, and then no more.
#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_closing_is_given_up() {
    let (mut client, mut play) = h2_client(&[]);
    client.get("/").await;
    let mut connections = 0;
    let serving = async {
        loop {
            let mut server = server(&mut play).await;
            connections += 1;
            server.goaway().await;
        }
    };
    tokio::select! {
        () = serving => {}
        event = client.event() => drop(event),
    }
    assert!((1..=9).contains(&connections), "{connections} connections");
}
