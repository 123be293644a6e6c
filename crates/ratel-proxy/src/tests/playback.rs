//! Recorded responses in place of a server: what the client gets, when, and that nobody is connected to.

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, HookFuture, done};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::replay::{Pace, Playback};
use ratel_flow::record::{Body, Messages, WebSocketRecord};
use ratel_flow::{HttpFlow, Message, Replay, Response, Timestamp, Version};
use ratel_proto::websocket::{encode_message, opcode};
use ratel_proto::{Headers, h2};
use tokio::time::Instant;

use super::h2::Peer;
use super::*;

/// Answers every request with the same recording.
struct Plays(Response, Playback);

impl Addon for Plays {
    fn name(&self) -> &'static str {
        "plays"
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
        flow.response = Some(self.0.clone());
        bodies.playback = Some(Box::new(self.1.clone()));
        flow.annotations.is_replay = Some(Replay::Response);
        done()
    }
}

fn response(status: u16, headers: &[(&str, &str)]) -> Response {
    Response {
        headers: headers.iter().copied().collect(),
        ..Response::new(status, Timestamp(1))
    }
}

fn playback(body: impl Into<Bytes>) -> Playback {
    Playback {
        body: Body::Bytes(body.into()),
        trailers: None,
        websocket: None,
        pace: None,
    }
}

fn playing(response: Response, playback: Playback) -> Play {
    let chain = AddonChain::new(vec![Arc::new(Plays(response, playback))]);
    play("reverse:http://origin.test", chain, &[])
}

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn bodies_leave_in_the_form_they_came_in() {
    let rows: [(&[(&str, &str)], &str); 2] = [
        (&[("Content-Length", "5")], "Content-Length: 5\r\n\r\nhello"),
        (
            &[("Transfer-Encoding", "chunked")],
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
    ];
    for (headers, rest) in rows {
        let mut play = playing(response(200, headers), playback("hello"));
        // The connection can be used again.
        for _ in 0..2 {
            play.send(ASK).await;
            play.client_gets(format!("HTTP/1.1 200 OK\r\n{rest}").as_bytes())
                .await;
        }
        assert_eq!(play.body(2, Side::Server), "hello");
        assert!(play.servers.try_recv().is_err(), "nobody was connected to");
        let records = play.records().await;
        let said = records[1].annotations.as_ref().expect("a mark");
        assert_eq!(said.is_replay, Some(Replay::Response));
        assert!(records[1].error.is_none() && records[1].server_conn.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_its_length_ends_the_connection() {
    for headers in [&[][..], &[("Content-Length", "9")]] {
        let mut play = playing(response(200, headers), playback("hello"));
        play.send(ASK).await;
        let text = play.client_rest().await;
        assert!(text.ends_with("\r\n\r\nhello"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_it_took_is_taken_again() {
    let pace = Pace {
        head: Duration::from_secs(2),
        body: Duration::from_secs(10),
        messages: Some([(2, Duration::from_secs(1)), (5, Duration::from_secs(4))].into()),
    };
    let played = Playback {
        pace: Some(pace),
        ..playback("hello")
    };
    let mut play = playing(response(200, &[("Content-Length", "5")]), played);
    play.send(ASK).await;
    let begun = Instant::now();
    for (expected, second) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", 3),
        ("llo", 6),
    ] {
        play.client_gets(expected.as_bytes()).await;
        assert_eq!(begun.elapsed().as_secs(), second);
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_of_http2_has_its_trailers() {
    let head = Response {
        version: Version::Http2,
        ..response(200, &[("content-type", "application/grpc")])
    };
    let trailers: Headers = [("grpc-status", "0")].into_iter().collect();
    let played = Playback {
        trailers: Some(trailers),
        ..playback("\0\0\0\0\x01a")
    };
    let mut play = playing(head, played);
    play.send(ASK).await;
    play.client_gets(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n\
        6\r\n\0\0\0\0\x01a\r\n0\r\ngrpc-status: 0\r\n\r\n",
    )
    .await;
    let records = play.records().await;
    assert_eq!(records[0].grpc_status, Some((0, "".into())));
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http2_gets_a_recording_of_http1() {
    let headers = [("Content-Length", "5"), ("Connection", "close")];
    let mut play = playing(response(200, &headers), playback("hello"));
    let (unused, _) = tokio::io::duplex(1);
    let io = std::mem::replace(&mut play.client, unused);
    let mut client = Peer::new(h2::Role::Client, io);
    client.get("/").await;
    let (_, head, _) = client.gets_head().await;
    assert_eq!(head.pseudo.get(":status"), Some(&b"200"[..]));
    assert!(!head.headers.contains("connection"));
    let (body, _) = client.gets_rest().await;
    assert_eq!(&body[..], b"hello");
}

fn masked(opcode: u8, payload: &[u8]) -> Bytes {
    encode_message(opcode, payload, Some([1, 2, 3, 4]))
}

fn said(side: Side, text: &'static str, second: u64) -> Message {
    Message {
        side,
        kind: MessageKind::Text,
        flags: MessageFlags::default(),
        timestamp: Timestamp(second * 1_000_000_000),
        content: text.into(),
    }
}

const UPGRADE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: origin.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// What the client of RFC 6455 §1.3 is greeted with, whatever was recorded.
const GREETING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn socket(closed_by: Option<Side>, timed: bool) -> Play {
    let head = response(
        101,
        &[
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", "another"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ],
    );
    let messages = vec![
        said(Side::Server, "welcome", 1),
        said(Side::Client, "ask", 2),
        said(Side::Server, "one", 3),
        said(Side::Server, "two", 7),
    ];
    let recorded = WebSocketRecord {
        messages: Messages::List(messages),
        closed_by,
        close_code: Some(1001),
        close_reason: Some("bye".into()),
        timestamp_end: Some(Timestamp(8_000_000_000)),
    };
    let played = Playback {
        websocket: Some(recorded),
        pace: timed.then(Pace::default),
        ..playback("")
    };
    playing(head, played)
}

#[tokio::test(start_paused = true)]
async fn a_websocket_says_its_part_when_it_has_been_asked() {
    for timed in [false, true] {
        let mut play = socket(Some(Side::Server), timed);
        play.send(UPGRADE).await;
        play.client_gets(GREETING).await;
        play.client_gets(&encode_message(opcode::TEXT, b"welcome", None))
            .await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let asked = Instant::now();
        play.send(&masked(opcode::TEXT, b"ask something else"))
            .await;
        play.client_gets(&encode_message(opcode::TEXT, b"one", None))
            .await;
        assert_eq!(asked.elapsed().as_secs(), if timed { 1 } else { 0 });
        play.client_gets(&encode_message(opcode::TEXT, b"two", None))
            .await;
        assert_eq!(asked.elapsed().as_secs(), if timed { 5 } else { 0 });
        play.client_gets(&encode_message(opcode::CLOSE, b"\x03\xe9bye", None))
            .await;
        play.send(&masked(opcode::CLOSE, b"\x03\xe9bye")).await;
        assert_eq!(play.client_rest().await, "");
        let texts: Vec<_> = play
            .messages(1)
            .into_iter()
            .filter(|(_, kind, ..)| *kind == MessageKind::Text)
            .map(|(side, .., text)| (side, text))
            .collect();
        let expected = [
            (Side::Server, "welcome"),
            (Side::Client, "ask something else"),
            (Side::Server, "one"),
            (Side::Server, "two"),
        ];
        assert_eq!(texts, expected.map(|(side, text)| (side, text.to_owned())));
        assert!(play.records().await[0].error.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_websocket_answers_a_close() {
    let mut play = socket(Some(Side::Client), false);
    play.send(UPGRADE).await;
    play.client_gets(GREETING).await;
    play.client_gets(&encode_message(opcode::TEXT, b"welcome", None))
        .await;
    play.send(&masked(opcode::CLOSE, b"\x03\xe8")).await;
    play.client_gets(&encode_message(opcode::CLOSE, b"\x03\xe8", None))
        .await;
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}
