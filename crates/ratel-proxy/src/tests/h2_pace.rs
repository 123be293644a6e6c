//! HTTP/2 with peers that read slowly, stop reading, give up early or fall silent.

use bytes::Bytes;
use ratel_core::options::Value;
use ratel_proto::h2::{Config, Event, Reason, Role, StreamId};

use super::h2::{Peer, h2_client};
use super::*;

const POST: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "origin.test"),
    (":path", "/upload"),
];

/// A server whose window for a stream is `window` bytes.
fn server_with(window: u32, io: DuplexStream) -> Peer {
    let config = Config {
        stream_window: window,
        stream_window_max: window,
        ..Config::new(Role::Server)
    };
    Peer::with(config, io)
}

/// An upload that the server does not read: what it has taken in fills its window.
async fn stuck_upload() -> (Peer, Peer, Play, StreamId, StreamId) {
    let (mut client, mut play) = h2_client(&[]);
    let id = client.request(&POST, &[], false).await;
    let mut server = server_with(1000, play.server().await);
    let (at_server, ..) = server.gets_head().await;
    let body = Bytes::from(vec![7; 200_000]);
    client.conn.send_data(id, body, false).expect("open");
    client.flush().await;
    match server.event().await {
        Event::Data { data, .. } => assert_eq!(data.len(), 1000),
        other => panic!("{other:?}"),
    }
    (client, server, play, id, at_server)
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_upload_is_read_reaches_the_client() {
    let (mut client, mut server, play, _, id) = stuck_upload().await;
    let answer = [("content-length", "4")];
    server.head(id, &[(":status", "413")], &answer, false).await;
    server.data(id, b"nope", true).await;
    server.conn.reset(id, Reason::NO_ERROR);
    server.flush().await;
    let (_, head, _) = client.gets_head().await;
    assert_eq!(head.pseudo.get(":status"), Some(&b"413"[..]));
    let (body, _) = client.gets_rest().await;
    assert_eq!(body, b"nope");
    drop((client, server));
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_an_upload_up_is_passed_on_though_the_server_does_not_read() {
    let (mut client, mut server, play, id, at_server) = stuck_upload().await;
    client.conn.reset(id, Reason::CANCEL);
    client.flush().await;
    match server.event().await {
        Event::Reset { id, reason, .. } => assert_eq!((id, reason), (at_server, Reason::CANCEL)),
        other => panic!("{other:?}"),
    }
    drop((client, server));
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it failed");
    let named = error.message.starts_with("the client gave the stream up");
    assert!(named, "{}", error.message);
}

// The store's thread is waited for, which a clock that leaps does not know.
#[tokio::test]
async fn downloads_that_nobody_reads_hold_up_no_others() {
    let (mut client, mut play) = h2_client(&[]);
    for _ in 0..20 {
        client.get("/large").await;
    }
    let mut server = Peer::new(Role::Server, play.server().await);
    let serving = async move {
        loop {
            let Event::Headers { id, head, .. } = server.event().await else {
                continue;
            };
            let large = head.pseudo.get(":path") == Some(b"/large");
            server.head(id, &[(":status", "200")], &[], false).await;
            let body = Bytes::from(vec![7; if large { 1 << 20 } else { 5 }]);
            server.conn.send_data(id, body, true).expect("open");
        }
    };
    let serving = tokio::spawn(serving);
    // The client takes what comes of them in, and gives none of it back.
    let mut came = 0;
    while came < 20 * 256 * 1024 {
        if let Event::Data { data, .. } = client.event().await {
            came += data.len();
        }
    }
    let small = client.get("/small").await;
    loop {
        match client.event().await {
            Event::Data { id, data, .. } if id == small => break assert_eq!(data.len(), 5),
            Event::Data { .. } | Event::Headers { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn a_download_that_the_client_gives_up_is_not_complete() {
    let mut play = reverse();
    let (unused, _) = tokio::io::duplex(1);
    let io = std::mem::replace(&mut play.client, unused);
    // Its window is a small part of the response.
    let config = Config {
        stream_window: 1000,
        stream_window_max: 1000,
        ..Config::new(Role::Client)
    };
    let mut client = Peer::with(config, io);
    let id = client.get("/").await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (at_server, ..) = server.gets_head().await;
    server
        .head(at_server, &[(":status", "200")], &[], false)
        .await;
    server.data(at_server, &[7; 40_000], true).await;
    client.gets_head().await;
    assert!(matches!(client.event().await, Event::Data { .. }));
    client.conn.reset(id, Reason::CANCEL);
    client.flush().await;
    drop((client, server));
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it is not complete");
    let named = error.message.starts_with("the client gave the stream up");
    assert!(named, "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_no_ping_is_lost() {
    let (mut client, mut play) = h2_client(&[]);
    client.get("/").await;
    let mut server = Peer::new(Role::Server, play.server().await);
    server.gets_head().await;
    // It holds the connection and says nothing.
    tokio::time::sleep(Duration::from_secs(100)).await;
    let (_, head, _) = client.gets_head().await;
    assert_eq!(head.pseudo.get(":status"), Some(&b"504"[..]));
    drop((client, server));
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it failed");
    let said = error.message.contains("did not answer a ping within 20 s");
    assert!(said, "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn answers_to_pings_are_no_sign_of_use() {
    let options = [
        ("tcp_timeout", Value::Int(300)),
        ("http2_ping_keepalive", Value::Int(10)),
    ];
    let (mut client, mut play) = h2_client(&options);
    client.get("/").await;
    let mut server = Peer::new(Role::Server, play.server().await);
    server.gets_head().await;
    let answers = async {
        loop {
            server.flush().await;
            match server.io.read_buf(&mut server.buf).await {
                Ok(1..) => while let Ok(Some(_)) = server.conn.receive(&mut server.buf) {},
                _ => return,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(600), answers)
        .await
        .expect("the connection ends after 300 s");
    drop(client);
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it failed");
    assert_eq!(
        error.message.as_ref(),
        "nothing was sent on this connection for 300 s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_to_a_server_that_reads_nothing_ends_with_the_last_exchange() {
    let (mut client, mut play) = h2_client(&[]);
    let id = client.request(&POST, &[], false).await;
    let mut server = server_with(10 << 20, play.server().await);
    server.gets_head().await;
    server.settle().await;
    // More than the pipe holds.
    let body = Bytes::from(vec![7; 1 << 20]);
    client.conn.send_data(id, body, false).expect("open");
    client.flush().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(client);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut left = Vec::new();
    let rest = server.io.read_to_end(&mut left);
    tokio::time::timeout(Duration::from_secs(1), rest)
        .await
        .expect("it was closed")
        .expect("a pipe");
}
