//! Exchanges that go wrong: what the client is told, what the record says, and that nothing hangs.

use ratel_core::options::Value;
use tokio::io::AsyncWriteExt;

use super::*;

fn message(records: &[FlowSnapshot]) -> String {
    records[0].error.as_ref().expect("an error").to_string()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_gives_a_page_and_a_row() {
    let mut play = reverse();
    play.pipes
        .refuse
        .lock()
        .expect("free")
        .push_back(io::ErrorKind::ConnectionRefused);
    play.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let page = play.client_rest().await;
    assert!(page.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{page}");
    assert!(
        page.contains("cannot connect to origin.test:80 (server side)"),
        "{page}"
    );
    assert!(message(&play.records().await).ends_with("; is the service running on that port?"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_in_the_middle_is_named() {
    let mut play = reverse();
    play.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut server = play.server().await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        .await
        .expect("room");
    drop(server);
    assert!(play.client_rest().await.ends_with("\r\n\r\nhalf"));
    assert_eq!(play.body(1, Side::Server), "half");
    let text = message(&play.records().await);
    assert!(
        text.starts_with("the server's response broke off") && text.contains('6'),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_nothing_is_a_502() {
    let mut play = reverse();
    play.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    drop(play.server().await);
    assert!(
        play.client_rest()
            .await
            .contains("the server closed the connection without a response")
    );
}

#[tokio::test(start_paused = true)]
async fn garbage_gets_a_400_and_a_row() {
    for garbage in [&b"\x00\x01\x02\x03\r\n\r\n"[..], b"hello there\r\n\r\n"] {
        let mut play = reverse();
        play.send(garbage).await;
        let page = play.client_rest().await;
        assert!(page.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{page}");
        let text = message(&play.records().await);
        assert!(
            text.starts_with("the client sent something that is not an HTTP request"),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_head_and_a_cut_hello_are_rows() {
    let mut play = reverse();
    play.send(b"GET / HTTP/1.1\r\nHo").await;
    play.client.shutdown().await.expect("open");
    assert!(play.client_rest().await.starts_with("HTTP/1.1 400"));
    assert!(
        message(&play.records().await).contains("in the middle of a request head, after 18 bytes")
    );

    let mut play = reverse();
    play.send(b"\x16\x03\x01\x02\x00\x01\x00\x01").await;
    play.client.shutdown().await.expect("open");
    assert_eq!(play.client_rest().await, "");
    let text = message(&play.records().await);
    assert!(
        text.contains("in the middle of its first TLS message, after 8 bytes"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn ambiguous_lengths_are_refused_unless_the_user_lets_them_through() {
    let request = b"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let mut play = reverse();
    play.send(request).await;
    let page = play.client_rest().await;
    assert!(
        page.starts_with("HTTP/1.1 400") && page.contains("validate_inbound_headers=false"),
        "{page}"
    );

    let lenient = [("validate_inbound_headers", Value::Bool(false))];
    let mut play = super::play(
        "reverse:http://origin.test",
        AddonChain::default(),
        &lenient,
    );
    play.send(request).await;
    let mut server = play.server().await;
    gets(&mut server, request).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_ends_and_its_open_exchange_says_why() {
    let mut play = reverse();
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    gets(&mut server, b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n").await;
    assert_eq!(play.client_rest().await, "");
    assert!(
        message(&play.records().await).starts_with("nothing was sent on this connection for 600 s")
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_exchanges_finish_and_idle_clients_go() {
    let mut idle = reverse();
    idle.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = idle.server().await;
    gets(&mut server, b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n").await;
    idle.stop.cancel();
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await
        .expect("room");
    assert_eq!(
        idle.client_rest().await,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    );

    let mut fresh = reverse();
    fresh.stop.cancel();
    assert_eq!(fresh.client_rest().await, "");
    assert!(fresh.records().await.is_empty());

    let mut stuck = reverse();
    stuck
        .send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = stuck.server().await;
    gets(&mut server, b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n").await;
    stuck.kill.cancel();
    assert!(message(&stuck.records().await).starts_with("Ratel was stopped"));
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_destination_are_explained() {
    for (request, words) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "names no destination"),
        (b"GET ftp://x/ HTTP/1.1\r\n\r\n", "names no destination"),
        (b"CONNECT /x HTTP/1.1\r\n\r\n", "names no destination"),
    ] {
        let mut play = play("regular", AddonChain::default(), &[]);
        play.send(request).await;
        let page = play.client_rest().await;
        assert!(
            page.starts_with("HTTP/1.1 400") && page.contains(words),
            "{page}"
        );
    }
    let mut play = reverse();
    play.send(b"CONNECT a:1 HTTP/1.1\r\n\r\n").await;
    assert!(
        play.client_rest()
            .await
            .contains("CONNECT needs regular mode")
    );
}

/// A reverse proxy with one exchange done over a server connection that both sides keep.
async fn kept() -> (Play, tokio::io::DuplexStream) {
    let mut play = reverse();
    play.send(b"GET /1 HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    gets(&mut server, b"GET /1 HTTP/1.1\r\nHost: origin.test\r\n\r\n").await;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    server.write_all(answer).await.expect("room");
    play.client_gets(answer).await;
    (play, server)
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_repeated_is_sent_again() {
    let get = b"GET /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n";
    let (mut play, mut server) = kept().await;
    play.send(get).await;
    gets(&mut server, get).await;
    drop(server);
    let mut server = play.server().await;
    gets(&mut server, get).await;

    let post = b"POST /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n";
    let (mut play, mut server) = kept().await;
    play.send(post).await;
    gets(&mut server, post).await;
    drop(server);
    let page = play.client_rest().await;
    assert!(page.starts_with("HTTP/1.1 502 "), "{page}");
    assert!(play.servers.try_recv().is_err(), "it was not sent again");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_answer_has_begun_is_not_sent_again() {
    for begun in [
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 103 Ear",
    ] {
        let get = b"GET /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n";
        let (mut play, mut server) = kept().await;
        play.send(get).await;
        gets(&mut server, get).await;
        server.write_all(begun.as_bytes()).await.expect("room");
        if begun.ends_with("\r\n") {
            play.client_gets(begun.as_bytes()).await;
        }
        drop(server);
        let page = play.client_rest().await;
        assert!(page.starts_with("HTTP/1.1 502 "), "{page}");
        assert!(play.servers.try_recv().is_err(), "it was not sent again");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_lines_without_end_are_not_waited_for() {
    let mut play = reverse();
    for _ in 0..64 {
        // The proxy may have left in the middle of it.
        let _ = play.client.write_all(&[b'\n'; 1024]).await;
    }
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it was refused");
    assert!(error.message.contains("no protocol begins"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_connection_that_cannot_be_written_to_is_not_kept() {
    let mut play = reverse();
    let post = b"POST /1 HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 1\r\n\r\nx";
    play.send(post).await;
    play.send(b"GET /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    play.client.shutdown().await.expect("open");
    let mut server = play.server().await;
    gets(&mut server, post).await;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    server.write_all(answer).await.expect("room");
    play.client_gets(answer).await;
    let mut second = play.server().await;
    gets(&mut second, b"GET /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n").await;
    second.write_all(answer).await.expect("room");
    play.client_gets(answer).await;
}

#[tokio::test(start_paused = true)]
async fn heads_over_the_limit_say_what_to_raise() {
    let limit = [("head_limit", ratel_core::options::Value::Str("1k".into()))];
    let long = "x".repeat(2000);
    let mut proxy = play("reverse:http://origin.test", AddonChain::default(), &limit);
    proxy
        .send(format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes())
        .await;
    let page = proxy.client_rest().await;
    assert!(
        page.starts_with("HTTP/1.1 431 ") && page.contains("head_limit"),
        "{page}"
    );

    let mut proxy = play("reverse:http://origin.test", AddonChain::default(), &limit);
    proxy
        .send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = proxy.server().await;
    let head = format!("HTTP/1.1 200 OK\r\nX: {long}\r\n\r\n");
    server.write_all(head.as_bytes()).await.expect("room");
    let page = proxy.client_rest().await;
    assert!(
        page.starts_with("HTTP/1.1 502 ") && page.contains("head_limit"),
        "{page}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_is_not_blamed_on_the_server() {
    // The server closes because it was told that the client is done.
    for ignores in [false, true] {
        let mut play = reverse();
        let get = b"GET /slow HTTP/1.1\r\nHost: origin.test\r\n\r\n";
        play.send(get).await;
        let mut server = play.server().await;
        gets(&mut server, get).await;
        play.client.shutdown().await.expect("open");
        if !ignores {
            assert_eq!(rest(&mut server).await, "");
            drop(server);
        }
        let page = play.client_rest().await;
        assert!(page.starts_with("HTTP/1.1 502 "), "{page}");
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("it failed");
        assert!(error.message.starts_with("the client closed"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_a_stream_is_not_blamed_on_the_server() {
    let mut play = reverse();
    let get = b"GET /events HTTP/1.1\r\nHost: origin.test\r\n\r\n";
    play.send(get).await;
    let mut server = play.server().await;
    gets(&mut server, get).await;
    let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    server.write_all(begun).await.expect("room");
    play.client_gets(begun).await;
    play.client.shutdown().await.expect("open");
    // The server leaves because it was told that the client is done.
    assert_eq!(rest(&mut server).await, "");
    drop(server);
    play.client_rest().await;
    let error = message(&play.records().await);
    assert_eq!(
        error,
        "the client closed the connection, or its side of it, while it was sent the response"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_done_sending_gets_its_response() {
    let mut play = reverse();
    let get = b"GET /events HTTP/1.1\r\nHost: origin.test\r\n\r\n";
    play.send(get).await;
    let mut server = play.server().await;
    gets(&mut server, get).await;
    let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    server.write_all(begun).await.expect("room");
    play.client_gets(begun).await;
    play.client.shutdown().await.expect("open");
    assert_eq!(rest(&mut server).await, "");
    let end = b"3\r\ntwo\r\n0\r\n\r\n";
    server.write_all(end).await.expect("room");
    play.client_gets(end).await;
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}
