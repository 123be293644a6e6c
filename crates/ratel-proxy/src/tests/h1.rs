//! HTTP/1 exchanges that go well.

use tokio::io::AsyncWriteExt;

use super::*;

#[tokio::test(start_paused = true)]
async fn messages_pass_byte_for_byte_but_for_the_host() {
    let mut play = reverse();
    play.send(
        b"gEt /a?b=%zz HTTP/1.1\r\nX:  1 \r\nhost: localhost:8080\r\nx: 2\r\n\tfolded\r\n\r\n",
    )
    .await;
    let mut server = play.server().await;
    gets(
        &mut server,
        b"gEt /a?b=%zz HTTP/1.1\r\nX:  1 \r\nhost: origin.test\r\nx: 2\r\n\tfolded\r\n\r\n",
    )
    .await;
    let answer = b"HTTP/1.1 200  Fine \r\nServer:x\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=\"1\"\r\nhello\r\n0\r\nTrailer-X: 1\r\n\r\n";
    server.write_all(answer).await.expect("room");
    play.client_gets(answer).await;
    assert_eq!(play.body(1, Side::Server), "hello");
    let records = play.records().await;
    let response = records[0].response.as_ref().expect("a response");
    assert_eq!(
        (
            response.status,
            records[0].request.as_ref().expect("a request").url()
        ),
        (200, "http://origin.test/a?b=%zz".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_passes_while_the_response_is_open() {
    let mut play = reverse();
    play.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut server = play.server().await;
    gets(
        &mut server,
        b"GET /events HTTP/1.1\r\nHost: origin.test\r\n\r\n",
    )
    .await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        .await;
    for event in [&b"data: 1\n\n"[..], b"data: 2\n\n"] {
        server.write_all(event).await.expect("room");
        play.client_gets(event).await;
    }
    assert_eq!(play.body(1, Side::Server), "data: 1\n\ndata: 2\n\n");
    drop(server);
    assert_eq!(play.client_rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn connections_are_kept_on_both_sides_and_pipelined_requests_wait_their_turn() {
    let mut play = reverse();
    play.send(
        b"GET /1 HTTP/1.1\r\nHost: origin.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n",
    )
    .await;
    let mut server = play.server().await;
    for path in ["/1", "/2"] {
        gets(
            &mut server,
            format!("GET {path} HTTP/1.1\r\nHost: origin.test\r\n\r\n").as_bytes(),
        )
        .await;
        server
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .expect("room");
        play.client_gets(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    }
    assert_eq!(play.records().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_the_server_closed_is_replaced() {
    let mut play = reverse();
    for round in 0..2 {
        play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
            .await;
        let mut server = play.server().await;
        gets(&mut server, b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n").await;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{round}");
        server.write_all(answer.as_bytes()).await.expect("room");
        play.client_gets(answer.as_bytes()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_decides_about_expect_continue() {
    let mut play = reverse();
    let head = b"POST /up HTTP/1.1\r\nHost: origin.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    play.send(head).await;
    let mut server = play.server().await;
    gets(&mut server, head).await;
    server
        .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 100 Continue\r\n\r\n").await;
    play.send(b"body").await;
    gets(&mut server, b"body").await;
    server
        .write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(play.body(1, Side::Client), "body");
    let records = play.records().await;
    assert_eq!(records[0].informational.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_client_still_gets_its_response() {
    let mut play = reverse();
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    play.client.shutdown().await.expect("open");
    let mut server = play.server().await;
    assert_eq!(
        rest(&mut server).await,
        "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n"
    );
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await
        .expect("room");
    assert_eq!(
        play.client_rest().await,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    );
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_carries_raw_bytes_both_ways() {
    let mut play = reverse();
    let ask =
        b"GET /chat HTTP/1.1\r\nHost: origin.test\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n";
    play.send(ask).await;
    let mut server = play.server().await;
    gets(&mut server, ask).await;
    let agreed = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n";
    server
        .write_all(&[&agreed[..], b"\x00\x01"].concat())
        .await
        .expect("room");
    play.client_gets(&[&agreed[..], b"\x00\x01"].concat()).await;
    play.send(b"GET is no request here").await;
    gets(&mut server, b"GET is no request here").await;
    server.write_all(b"bye").await.expect("room");
    drop(server);
    play.client_gets(b"bye").await;
    assert_eq!(play.body(1, Side::Client), "GET is no request here");
    assert_eq!(play.body(1, Side::Server), "\0\u{1}bye");
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_does_not_stop_the_upload() {
    let mut play = reverse();
    let head = b"PUT / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 6\r\n\r\n";
    play.send(head).await;
    let mut server = play.server().await;
    gets(&mut server, head).await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    play.send(b"abc").await;
    gets(&mut server, b"abc").await;
    play.send(b"def").await;
    gets(&mut server, b"def").await;
    play.send(b"GET /next HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    gets(
        &mut server,
        b"GET /next HTTP/1.1\r\nHost: origin.test\r\n\r\n",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn regular_mode_sends_the_origin_what_it_expects() {
    let mut play = play("regular", AddonChain::default(), &[]);
    play.send(
        b"GET http://a.test:81/x?y HTTP/1.1\r\nHost: b\r\nProxy-Connection: keep-alive\r\n\r\n",
    )
    .await;
    let mut server = play.server().await;
    gets(
        &mut server,
        b"GET /x?y HTTP/1.1\r\nHost: b\r\nProxy-Connection: keep-alive\r\n\r\n",
    )
    .await;
    server
        .write_all(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
        .await;
    // Another origin on the same client connection gets a connection of its own.
    play.send(b"GET http://c.test HTTP/1.1\r\nHost: c.test\r\n\r\n")
        .await;
    let mut other = play.server().await;
    gets(&mut other, b"GET / HTTP/1.1\r\nHost: c.test\r\n\r\n").await;
    drop(server);
    let records = play.records().await;
    assert_eq!(
        records[0].request.as_ref().expect("a request").url(),
        "http://a.test:81/x?y"
    );
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_may_carry_plain_http() {
    let mut play = play("regular", AddonChain::default(), &[]);
    play.send(b"CONNECT a.test:81 HTTP/1.1\r\nHost: a.test:81\r\n\r\n")
        .await;
    let mut server = play.server().await;
    play.client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    play.send(b"\r\nGET /in HTTP/1.1\r\nHost: z\r\n\r\n").await;
    gets(&mut server, b"GET /in HTTP/1.1\r\nHost: z\r\n\r\n").await;
    server
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let records = play.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        records[0].request.as_ref().expect("a request").url(),
        "http://a.test:81/in"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_with_an_announced_empty_body_is_sent_on() {
    let mut play = reverse();
    let request = b"DELETE /x HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 0\r\n\r\n";
    play.send(request).await;
    let mut server = play.server().await;
    gets(&mut server, request).await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .expect("room");
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(play.records().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_http10_connection_is_kept_only_if_both_sides_say_so() {
    let request = b"GET / HTTP/1.0\r\nHost: origin.test\r\nConnection: keep-alive\r\n\r\n";
    for (field, kept) in [("", false), ("Connection: keep-alive\r\n", true)] {
        let mut play = reverse();
        play.send(request).await;
        let mut server = play.server().await;
        gets(&mut server, request).await;
        let answer = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 0\r\n\r\n");
        server.write_all(answer.as_bytes()).await.expect("room");
        play.client_gets(answer.as_bytes()).await;
        if kept {
            play.send(request).await;
            gets(&mut server, request).await;
        } else {
            assert_eq!(play.client_rest().await, "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_http2_is_not_passed_on() {
    let mut play = reverse();
    play.send(
        b"GET / HTTP/1.1\r\nHost: origin.test\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX: 1\r\n\r\n",
    )
    .await;
    let mut server = play.server().await;
    gets(
        &mut server,
        b"GET / HTTP/1.1\r\nHost: origin.test\r\nConnection: keep-alive\r\nX: 1\r\n\r\n",
    )
    .await;
}
