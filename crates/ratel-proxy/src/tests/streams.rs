//! Messages in HTTP bodies: found while the bodies pass untouched.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ratel_flow::StreamKind;
use tokio::io::AsyncWriteExt;

use super::*;

const NONE: MessageFlags = MessageFlags(0);

/// A response with these fields whose body is to come.
async fn streaming(fields: &str) -> (Play, DuplexStream) {
    let mut play = reverse();
    let request = b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n";
    play.send(request).await;
    let mut server = play.server().await;
    gets(&mut server, request).await;
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    server.write_all(head.as_bytes()).await.expect("room");
    play.client_gets(head.as_bytes()).await;
    (play, server)
}

async fn passes(play: &mut Play, server: &mut DuplexStream, bytes: &[u8]) {
    server.write_all(bytes).await.expect("room");
    play.client_gets(bytes).await;
}

fn from_server(kind: MessageKind, flags: MessageFlags, text: &str) -> Recorded {
    (Side::Server, kind, flags, text.into())
}

fn event(text: &str) -> Recorded {
    from_server(MessageKind::Event, NONE, text)
}

#[tokio::test(start_paused = true)]
async fn events_are_messages_as_soon_as_they_are_complete() {
    let (mut play, mut server) = streaming("Content-Type: text/event-stream\r\n").await;
    passes(&mut play, &mut server, b"id: 1\ndata: a\n").await;
    assert!(play.messages(1).is_empty());
    let window = play.store.messages(FlowId(1), 0..1).expect("a flow");
    let [open] = window.open[..] else {
        panic!("{window:?}");
    };
    assert_eq!((open.kind, open.payload.len), (MessageKind::Event, 14));
    passes(&mut play, &mut server, b"\n: still here\n\ndata: b\r\n\r\n").await;
    assert_eq!(
        play.messages(1),
        [event("id: 1\ndata: a"), event("data: b")]
    );
    let window = play.store.messages(FlowId(1), 0..1).expect("a flow");
    assert!(window.open.is_empty(), "{window:?}");
    assert!(
        play.store
            .snapshot(FlowId(1))
            .is_some_and(|f| f.state.is_live())
    );
    passes(&mut play, &mut server, b"data: never").await;
    drop(server);
    assert_eq!(play.client_rest().await, "");
    let cut = from_server(MessageKind::Event, MessageFlags::MALFORMED, "data: never");
    assert_eq!(play.messages(1)[2..], [cut]);
    let records = play.records().await;
    assert_eq!(records[0].stream, Some(StreamKind::Sse));
    assert!(records[0].error.is_none());
}

#[tokio::test(start_paused = true)]
async fn events_are_found_under_a_content_coding_and_in_chunks() {
    let fields = "Content-Type: text/event-stream; charset=utf-8\r\nContent-Encoding: gzip\r\n\
                  Transfer-Encoding: chunked\r\n";
    let (mut play, mut server) = streaming(fields).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for number in 1..3 {
        write!(encoder, "data: {number}\n\n").expect("memory");
        encoder.flush().expect("memory");
        let piece = std::mem::take(encoder.get_mut());
        let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        passes(&mut play, &mut server, &chunk).await;
        let events: Vec<_> = (1..=number).map(|n| event(&format!("data: {n}"))).collect();
        assert_eq!(play.messages(1), events);
    }
}

#[tokio::test(start_paused = true)]
async fn lines_of_json_are_messages_in_both_directions() {
    let mut play = reverse();
    let head = b"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Type: application/x-ndjson\r\n\
                 Content-Length: 17\r\n\r\n";
    play.send(head).await;
    let mut server = play.server().await;
    gets(&mut server, head).await;
    play.send(b"{\"a\":1}\n{\"a\":22}\n").await;
    gets(&mut server, b"{\"a\":1}\n{\"a\":22}\n").await;
    let answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nContent-Length: 4\r\n\r\n[1]\n";
    server.write_all(answer).await.expect("room");
    play.client_gets(answer).await;
    let line = |side, text: &str| (side, MessageKind::Json, NONE, text.to_owned());
    assert_eq!(
        play.messages(1),
        [
            line(Side::Client, "{\"a\":1}"),
            line(Side::Client, "{\"a\":22}"),
            line(Side::Server, "[1]"),
        ]
    );
}

fn grpc(flags: u8, message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).expect("short");
    [&[flags], &len.to_be_bytes()[..], message].concat()
}

#[tokio::test(start_paused = true)]
async fn streams_of_connect_have_their_status_in_the_last_message() {
    let error = br#"{"error": {"code": "unavailable", "message": "come back"}, "metadata": {}}"#;
    for (end, status) in [(&error[..], (14, "come back")), (b"{}", (0, ""))] {
        let fields = "Content-Type: application/connect+proto\r\nTransfer-Encoding: chunked\r\n";
        let (mut play, mut server) = streaming(fields).await;
        let body = [grpc(0, b"plain"), grpc(2, end)].concat();
        let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
        passes(&mut play, &mut server, &chunk).await;
        passes(&mut play, &mut server, b"0\r\n\r\n").await;
        let end = String::from_utf8_lossy(end);
        assert_eq!(
            play.messages(1),
            [
                from_server(MessageKind::Grpc, NONE, "plain"),
                from_server(MessageKind::Json, NONE, &end),
            ]
        );
        let flow = play.store.snapshot(FlowId(1)).expect("a flow");
        assert_eq!(flow.grpc_status, Some((status.0, status.1.into())));
        assert_eq!(flow.stream, Some(StreamKind::Connect));
    }
}

#[tokio::test(start_paused = true)]
async fn grpc_messages_are_found_and_the_status_is_that_of_the_trailers() {
    let fields = "Content-Type: application/grpc+proto\r\nTransfer-Encoding: chunked\r\n";
    let (mut play, mut server) = streaming(fields).await;
    let body = [grpc(0, b"plain"), grpc(1, b"packed")].concat();
    let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
    passes(&mut play, &mut server, &chunk).await;
    let end = b"0\r\ngrpc-status: 5\r\ngrpc-message: no %C3%BC\r\n\r\n";
    passes(&mut play, &mut server, end).await;
    assert_eq!(
        play.messages(1),
        [
            from_server(MessageKind::Grpc, NONE, "plain"),
            from_server(MessageKind::Grpc, MessageFlags::COMPRESSED, "packed"),
        ]
    );
    let flow = play.store.snapshot(FlowId(1)).expect("a flow");
    assert_eq!(flow.grpc_status, Some((5, "no ü".into())));
    assert_eq!(flow.stream, Some(StreamKind::Grpc));
}

#[tokio::test(start_paused = true)]
async fn a_grpc_status_may_stand_in_the_head() {
    let fields = "Content-Type: application/grpc\r\ngrpc-status: 12\r\nContent-Length: 0\r\n";
    let (play, _server) = streaming(fields).await;
    play.store.flush();
    let flow = play.store.snapshot(FlowId(1)).expect("a flow");
    assert_eq!(flow.grpc_status, Some((12, "".into())));
}

#[tokio::test(start_paused = true)]
async fn grpc_web_has_its_trailers_among_the_messages() {
    for text in [false, true] {
        let kind = if text { "-text" } else { "" };
        let fields = format!(
            "Content-Type: application/grpc-web{kind}+proto\r\nTransfer-Encoding: chunked\r\n"
        );
        let (mut play, mut server) = streaming(&fields).await;
        let pieces = [
            grpc(0, b"hi"),
            grpc(0x80, b"grpc-status: 7\r\ngrpc-message: not%20you\r\n"),
        ];
        for piece in pieces {
            // Each flush is padded for itself.
            let piece = if text { base64(&piece) } else { piece };
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
            passes(&mut play, &mut server, &chunk).await;
        }
        passes(&mut play, &mut server, b"0\r\n\r\n").await;
        let trailers = "grpc-status: 7\r\ngrpc-message: not%20you\r\n";
        assert_eq!(
            play.messages(1),
            [
                from_server(MessageKind::Grpc, NONE, "hi"),
                from_server(MessageKind::GrpcTrailers, NONE, trailers),
            ]
        );
        let flow = play.store.snapshot(FlowId(1)).expect("a flow");
        assert_eq!(flow.grpc_status, Some((7, "not you".into())));
        assert_eq!(flow.stream, Some(StreamKind::GrpcWeb));
    }
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    openssl::base64::encode_block(bytes).into_bytes()
}

// The disk is waited for, so the clock runs.
#[tokio::test]
async fn broken_framing_and_bombs_end_the_finding_and_not_the_traffic() {
    let fields = "Content-Type: application/grpc\r\nContent-Length: 23\r\n";
    let (mut play, mut server) = streaming(fields).await;
    passes(&mut play, &mut server, &grpc(0, b"good")).await;
    passes(&mut play, &mut server, b"\x07no grpc at al").await;
    let messages = play.messages(1);
    assert_eq!(
        messages[0],
        from_server(MessageKind::Grpc, NONE, "good"),
        "{messages:?}"
    );
    assert_eq!(messages.len(), 2);
    let malformed = MessageFlags::MALFORMED;
    assert_eq!(messages[1].2, malformed.with(MessageFlags::MISFRAMED));
    assert!(messages[1].3.starts_with("\u{7}no g"), "{messages:?}");
    assert_eq!(problem(&play, 1).as_deref(), Some("unknown flags 0x07"));

    let line = vec![b'a'; 40 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&line).expect("memory");
    let bombs = [
        ("zstd", zstd::encode_all(&line[..], 19).expect("memory")),
        ("gzip", gzip.finish().expect("memory")),
    ];
    for (coding, bomb) in bombs {
        let fields = format!(
            "Content-Type: text/event-stream\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n",
            bomb.len() + 3
        );
        let (mut play, mut server) = streaming(&fields).await;
        passes(&mut play, &mut server, &bomb).await;
        passes(&mut play, &mut server, b"end").await;
        play.store.flush();
        let window = play.store.messages(FlowId(1), 0..9).expect("a flow");
        let [message] = window.items[..] else {
            panic!("{window:?}");
        };
        assert_eq!(message.flags, MessageFlags::MALFORMED);
        assert!(message.payload.len < 32 << 20, "{coding}: {message:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn grpc_web_trailers_are_found_behind_a_long_message() {
    let fields = "Content-Type: application/grpc-web\r\nTransfer-Encoding: chunked\r\n";
    let (mut play, mut server) = streaming(fields).await;
    let body = [
        grpc(0, &vec![b'x'; 22_000]),
        grpc(0x80, b"grpc-status: 5\r\n"),
    ]
    .concat();
    let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
    passes(&mut play, &mut server, &chunk).await;
    passes(&mut play, &mut server, b"0\r\n\r\n").await;
    play.store.flush();
    let flow = play.store.snapshot(FlowId(1)).expect("a flow");
    assert_eq!(flow.grpc_status, Some((5, "".into())));
}

/// What is wrong with the n-th message.
fn problem(play: &Play, nth: u64) -> Option<String> {
    play.store.flush();
    let window = play.store.messages(FlowId(1), nth..nth + 1);
    window.expect("a flow").items[0].problem()
}

#[tokio::test(start_paused = true)]
async fn a_grpc_message_that_is_cut_short_says_by_how_much() {
    let (mut play, mut server) =
        streaming("Content-Type: application/grpc\r\nContent-Length: 11\r\n").await;
    passes(&mut play, &mut server, b"\0\0\0\0\xff123456").await;
    let flags = MessageFlags::MALFORMED;
    let cut = from_server(MessageKind::Grpc, flags, "123456");
    assert_eq!(play.messages(1), [cut]);
    assert_eq!(problem(&play, 0).as_deref(), Some("6 of 255 bytes came"));

    let (mut play, mut server) =
        streaming("Content-Type: application/grpc\r\nContent-Length: 2\r\n").await;
    passes(&mut play, &mut server, b"\0\0").await;
    assert_eq!(
        play.messages(1),
        [from_server(MessageKind::Grpc, flags, "\0\0")]
    );
}
