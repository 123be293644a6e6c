//! WebSockets: what passes, what is recorded, what addons and users may do to it, and how they end.

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress};
use ratel_core::addon::{Addon, HookFuture};
use ratel_core::control::{FlowCommand, Part};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::Value;
use ratel_flow::{HttpFlow, Message, StreamKind};
use ratel_proto::h2::{Config, Event, Role};
use ratel_proto::websocket::{FrameHead, close_payload, mask, opcode};
use tokio::io::AsyncWriteExt;

use super::h2::{Peer, h2_client};
use super::intercept::{Holds, holder};
use super::*;

const NONE: MessageFlags = MessageFlags(0);
const KEY: [u8; 4] = [0xa1, 0x5b, 0x00, 0x7f];
const DEFLATE: &str = "permessage-deflate";

/// A WebSocket that stands, with these extensions.
pub(super) async fn open(
    addons: AddonChain,
    options: &[(&str, Value)],
    extensions: &str,
) -> (Play, DuplexStream) {
    let mut play = play("reverse:http://origin.test", addons, options);
    let field = match extensions {
        "" => String::new(),
        _ => format!("Sec-WebSocket-Extensions: {extensions}\r\n"),
    };
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: origin.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{field}\r\n"
    );
    play.send(request.as_bytes()).await;
    let mut server = play.server().await;
    gets(&mut server, request.as_bytes()).await;
    let agreed = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{field}\r\n"
    );
    server.write_all(agreed.as_bytes()).await.expect("room");
    play.client_gets(agreed.as_bytes()).await;
    (play, server)
}

async fn plain() -> (Play, DuplexStream) {
    open(AddonChain::default(), &[], "").await
}

pub(super) fn frame(side: Side, fin: bool, rsv: u8, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let key = (side == Side::Client).then_some(KEY);
    let mut out = BytesMut::new();
    let head = FrameHead {
        fin,
        rsv,
        opcode,
        mask: key,
        len: payload.len() as u64,
    };
    head.encode(&mut out);
    let at = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut out[at..], key, 0);
    }
    out.to_vec()
}

/// What the client sends in one frame.
fn up(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(Side::Client, true, 0, opcode, payload)
}

/// What the server sends in one frame.
fn down(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(Side::Server, true, 0, opcode, payload)
}

/// Reads a frame of the client's, whatever its mask: its first byte and its payload.
async fn unmasked(server: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut head = [0; 6];
    let read = tokio::time::timeout(Duration::from_secs(30), server.read_exact(&mut head)).await;
    assert!(matches!(read, Ok(Ok(_))), "{read:?}");
    let [first, len, key @ ..] = head;
    assert!((0x80..0xfe).contains(&len), "masked, and short: {len:#x}");
    let mut payload = vec![0; usize::from(len & 0x7f)];
    server.read_exact(&mut payload).await.expect("a payload");
    mask(&mut payload, key, 0);
    (first, payload)
}

fn text(side: Side, text: &str) -> Recorded {
    (side, MessageKind::Text, NONE, text.into())
}

/// Compresses messages one after the other, with what was in those before.
struct Deflater(Compress);

impl Deflater {
    fn new() -> Self {
        Self(Compress::new(Compression::best(), false))
    }

    fn message(&mut self, side: Side, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(content.len() + 100);
        self.0
            .compress_vec(content, &mut out, FlushCompress::Sync)
            .expect("room");
        out.truncate(out.len() - 4);
        frame(side, true, 4, opcode::TEXT, &out)
    }
}

#[tokio::test(start_paused = true)]
async fn frames_pass_as_they_came_and_messages_are_recorded() {
    let (mut play, mut server) = plain().await;
    for piece in [
        frame(Side::Client, false, 0, opcode::TEXT, b"hel"),
        up(opcode::PING, b"?"),
        frame(Side::Client, true, 0, opcode::CONTINUATION, b"lo"),
    ] {
        play.send(&piece).await;
        gets(&mut server, &piece).await;
    }
    let answers = [down(opcode::PONG, b"?"), down(opcode::BINARY, b"\0\xff")].concat();
    server.write_all(&answers).await.expect("room");
    play.client_gets(&answers).await;
    let (client, server_side) = (Side::Client, Side::Server);
    assert_eq!(
        play.messages(1),
        [
            (client, MessageKind::Ping, NONE, "?".into()),
            text(client, "hello"),
            (server_side, MessageKind::Pong, NONE, "?".into()),
            (server_side, MessageKind::Binary, NONE, "\0\u{fffd}".into()),
        ]
    );
    let window = play.store.messages(FlowId(1), 1..2).expect("a flow");
    assert_eq!(window.items[0].code, 2, "fragments");
    let goodbye = up(opcode::CLOSE, &close_payload(4001, "enough"));
    play.send(&goodbye).await;
    gets(&mut server, &goodbye).await;
    let goodbye = down(opcode::CLOSE, &close_payload(1000, ""));
    server.write_all(&goodbye).await.expect("room");
    play.client_gets(&goodbye).await;
    drop(server);
    assert_eq!(play.client_rest().await, "");
    play.store.flush();
    let window = play.store.messages(FlowId(1), 4..9).expect("a flow");
    let codes: Vec<_> = window.items.iter().map(|m| (m.side, m.code)).collect();
    assert_eq!(codes, [(Side::Client, 4001), (Side::Server, 1000)]);
    assert_eq!(play.messages(1)[4].3, "enough");
    let records = play.records().await;
    assert_eq!(records[0].stream, Some(StreamKind::WebSocket));
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

#[tokio::test(start_paused = true)]
async fn a_message_under_way_is_known() {
    let (mut play, mut server) = plain().await;
    let whole = up(opcode::TEXT, b"a long story");
    let (begin, end) = whole.split_at(whole.len() - 5);
    play.send(begin).await;
    gets(&mut server, begin).await;
    play.store.flush();
    let window = play.store.messages(FlowId(1), 0..1).expect("a flow");
    let [open] = window.open[..] else {
        panic!("{window:?}");
    };
    assert_eq!(
        (open.side, open.kind, open.payload.len),
        (Side::Client, MessageKind::Text, 7)
    );
    play.send(end).await;
    gets(&mut server, end).await;
    assert_eq!(play.messages(1), [text(Side::Client, "a long story")]);
    let window = play.store.messages(FlowId(1), 0..1).expect("a flow");
    assert!(window.open.is_empty());
}

#[tokio::test(start_paused = true)]
async fn compressed_messages_pass_untouched_and_are_recorded_decompressed() {
    let (mut play, mut server) = open(AddonChain::default(), &[], DEFLATE).await;
    let mut deflater = Deflater::new();
    for _ in 0..2 {
        let message = deflater.message(Side::Client, b"again and again and again");
        play.send(&message).await;
        gets(&mut server, &message).await;
    }
    let kind = MessageKind::Text;
    let flags = MessageFlags::COMPRESSED;
    let message = (
        Side::Client,
        kind,
        flags,
        "again and again and again".into(),
    );
    assert_eq!(play.messages(1), [message.clone(), message]);
}

#[tokio::test(start_paused = true)]
async fn text_that_is_no_utf8_ends_both_sides_with_1007() {
    let (mut play, mut server) = plain().await;
    play.send(&up(opcode::TEXT, b"fine")).await;
    gets(&mut server, &up(opcode::TEXT, b"fine")).await;
    play.send(&up(opcode::TEXT, b"\xff\xfe")).await;
    let (first, payload) = unmasked(&mut server).await;
    assert_eq!((first, &payload[..]), (0x88, &1007_u16.to_be_bytes()[..]));
    play.client_gets(&down(opcode::CLOSE, &close_payload(1007, "")))
        .await;
    assert_eq!(rest(&mut server).await, "");
    assert_eq!(play.client_rest().await, "");
    // The bytes that are wrong are on record, and so is what both sides were told.
    let closed = |side| {
        (
            side,
            MessageKind::Close,
            MessageFlags::INJECTED,
            String::new(),
        )
    };
    assert_eq!(
        play.messages(1)[1..],
        [
            (
                Side::Client,
                MessageKind::Text,
                MessageFlags::MALFORMED,
                "\u{fffd}\u{fffd}".into()
            ),
            closed(Side::Client),
            closed(Side::Server),
        ]
    );
    let window = play.store.messages(FlowId(1), 2..4).expect("a flow");
    assert!(window.items.iter().all(|head| head.code == 1007));
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(
        &*error.message,
        "the client broke a rule of WebSockets: it sent a text message that is not UTF-8"
    );
}

#[tokio::test(start_paused = true)]
async fn broken_rules_of_either_side_end_both_with_1002() {
    let unmasked_frame = down(opcode::TEXT, b"x");
    let (mut play, mut server) = plain().await;
    play.send(&unmasked_frame).await;
    assert_eq!(unmasked(&mut server).await.1, 1002_u16.to_be_bytes());
    play.client_gets(&down(opcode::CLOSE, &close_payload(1002, "")))
        .await;

    let (mut play, mut server) = plain().await;
    let reserved = frame(Side::Server, true, 0, 3, b"");
    server.write_all(&reserved).await.expect("room");
    assert_eq!(unmasked(&mut server).await.1, 1002_u16.to_be_bytes());
    play.client_gets(&down(opcode::CLOSE, &close_payload(1002, "")))
        .await;
    let error = play.records().await[0].error.clone().expect("a reason");
    assert!(error.message.starts_with("the server broke a rule"));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_in_the_middle_of_a_frame_is_sent_nothing_else() {
    let (mut play, mut server) = plain().await;
    let message = up(opcode::TEXT, b"abc\xff");
    let (begin, end) = message.split_at(message.len() - 1);
    play.send(begin).await;
    gets(&mut server, begin).await;
    play.send(end).await;
    assert_eq!(rest(&mut server).await, "");
    play.client_gets(&down(opcode::CLOSE, &close_payload(1007, "")))
        .await;
    let kind = MessageKind::Text;
    let broken = MessageFlags::MALFORMED;
    let cut = (Side::Client, kind, broken, "abc\u{fffd}".into());
    let injected = MessageFlags::INJECTED;
    let closed = (Side::Server, MessageKind::Close, injected, String::new());
    assert_eq!(play.messages(1), [cut, closed]);
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_close_is_an_error_that_names_its_side() {
    let (mut play, mut server) = plain().await;
    let message = up(opcode::TEXT, b"cut off");
    let begin = &message[..message.len() - 2];
    play.send(begin).await;
    play.client.shutdown().await.expect("open");
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.expect("an end");
    assert_eq!(got, begin);
    let last = down(opcode::TEXT, b"still here");
    server.write_all(&last).await.expect("room");
    play.client_gets(&last).await;
    drop(server);
    assert_eq!(play.client_rest().await, "");
    let broken = MessageFlags::MALFORMED;
    assert_eq!(
        play.messages(1),
        [
            (Side::Client, MessageKind::Text, broken, "cut o".into()),
            text(Side::Server, "still here"),
        ]
    );
    let error = play.records().await[0].error.clone().expect("a reason");
    assert_eq!(
        &*error.message,
        "the client ended the connection without closing the WebSocket"
    );

    let (mut play, server) = plain().await;
    drop(server);
    assert_eq!(play.client_rest().await, "");
    assert!(play.messages(1).is_empty());
    let error = play.records().await[0].error.clone().expect("a reason");
    assert_eq!(
        &*error.message,
        "the server ended the connection without closing the WebSocket"
    );
}

#[tokio::test(start_paused = true)]
async fn who_has_closed_may_leave_as_it_likes() {
    let (mut play, mut server) = plain().await;
    let close = down(opcode::CLOSE, &close_payload(1011, "oops"));
    server.write_all(&close).await.expect("room");
    play.client_gets(&close).await;
    drop(server);
    play.send(&up(opcode::TEXT, b"nobody reads this")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    play.store.flush();
    let snapshot = play.store.snapshot(FlowId(1)).expect("a flow");
    let closed = snapshot.close.expect("it was closed");
    assert_eq!(
        (closed.by, closed.code, &*closed.reason),
        (Some(Side::Server), 1011, "oops")
    );
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_followed_passes_as_raw_bytes() {
    let off = [("websocket", Value::Bool(false))];
    for (options, extensions) in [(&off[..], ""), (&[], "permessage-deflate, x-own; a=1")] {
        let (mut play, mut server) = open(AddonChain::default(), options, extensions).await;
        play.send(b"\xff\xff no frame").await;
        gets(&mut server, b"\xff\xff no frame").await;
        assert!(play.messages(1).is_empty());
        assert_eq!(play.body(1, Side::Client), "\u{fffd}\u{fffd} no frame");
    }
}

fn inject(side: Side, kind: MessageKind, content: &'static [u8]) -> FlowCommand {
    FlowCommand::Inject {
        side,
        kind,
        content: Bytes::from_static(content),
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_injected_between_those_of_the_sender() {
    let (mut play, mut server) = plain().await;
    let begin = frame(Side::Client, false, 0, opcode::TEXT, b"be");
    play.send(&begin).await;
    gets(&mut server, &begin).await;
    let send = |command| play.control.send(FlowId(1), command).expect("a live flow");
    send(inject(Side::Client, MessageKind::Text, b"mine"));
    send(inject(Side::Server, MessageKind::Binary, b"yours"));
    send(inject(Side::Server, MessageKind::Ping, b"!"));
    play.client_gets(&down(opcode::BINARY, b"yours")).await;
    play.client_gets(&down(opcode::PING, b"!")).await;
    let end = frame(Side::Client, true, 0, opcode::CONTINUATION, b"gun");
    play.send(&end).await;
    gets(&mut server, &end).await;
    assert_eq!(unmasked(&mut server).await, (0x81, b"mine".to_vec()));
    let injected = MessageFlags::INJECTED;
    assert_eq!(
        play.messages(1),
        [
            (Side::Server, MessageKind::Binary, injected, "yours".into()),
            (Side::Server, MessageKind::Ping, injected, "!".into()),
            text(Side::Client, "begun"),
            (Side::Client, MessageKind::Text, injected, "mine".into()),
        ]
    );
    play.control
        .send(
            FlowId(1),
            inject(Side::Server, MessageKind::Close, b"enough"),
        )
        .expect("a live flow");
    play.client_gets(&down(opcode::CLOSE, &close_payload(1000, "enough")))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_closes_both_sides() {
    let (mut play, mut server) = plain().await;
    let kill = play.control.send(FlowId(1), FlowCommand::Kill);
    kill.expect("a live flow");
    assert_eq!(unmasked(&mut server).await.1, 1001_u16.to_be_bytes());
    assert_eq!(rest(&mut server).await, "");
    play.client_gets(&down(opcode::CLOSE, &close_payload(1001, "")))
        .await;
    assert_eq!(play.client_rest().await, "");
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(&*error.message, "Connection killed.");
}

/// Notes the hooks, upper-cases what begins with "up", drops what begins with "drop".
#[derive(Default)]
struct Probe(Mutex<Vec<String>>);

impl Probe {
    fn chain() -> (Arc<Self>, AddonChain) {
        let probe = Arc::new(Self::default());
        (probe.clone(), AddonChain::new(vec![probe]))
    }

    fn seen(&self) -> Vec<String> {
        self.0.lock().expect("free").clone()
    }
}

impl Addon for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE
            .with(Hook::WebsocketStart)
            .with(Hook::WebsocketMessage)
            .with(Hook::WebsocketEnd)
    }

    fn websocket<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            assert_eq!(flow.response.as_ref().expect("a response").status, 101);
            let mut note = hook.name().to_owned();
            if let Some(message) = message {
                note = format!("{note} {}", String::from_utf8_lossy(&message.content));
                if message.content.starts_with(b"drop") {
                    message.drop_it();
                } else if message.content.starts_with(b"up") {
                    message.content = message.content.to_ascii_uppercase().into();
                }
            }
            self.0.lock().expect("free").push(note);
        })
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_see_whole_messages_and_may_change_and_drop_them() {
    let (probe, chain) = Probe::chain();
    let (mut play, mut server) = open(chain, &[], "").await;
    // A ping is not kept waiting by the message that it comes in the middle of.
    play.send(&frame(Side::Client, false, 0, opcode::TEXT, b"as "))
        .await;
    play.send(&up(opcode::PING, b"?")).await;
    gets(&mut server, &up(opcode::PING, b"?")).await;
    play.send(&frame(
        Side::Client,
        true,
        0,
        opcode::CONTINUATION,
        b"it is",
    ))
    .await;
    gets(
        &mut server,
        &frame(Side::Client, false, 0, opcode::TEXT, b"as "),
    )
    .await;
    gets(
        &mut server,
        &frame(Side::Client, true, 0, opcode::CONTINUATION, b"it is"),
    )
    .await;
    play.send(&[up(opcode::TEXT, b"drop"), up(opcode::TEXT, b"upper")].concat())
        .await;
    assert_eq!(unmasked(&mut server).await, (0x81, b"UPPER".to_vec()));
    server
        .write_all(&down(opcode::TEXT, b"up too"))
        .await
        .expect("room");
    play.client_gets(&down(opcode::TEXT, b"UP TOO")).await;
    let (client, kind) = (Side::Client, MessageKind::Text);
    assert_eq!(
        play.messages(1),
        [
            (client, MessageKind::Ping, NONE, "?".into()),
            text(client, "as it is"),
            (client, kind, MessageFlags::DROPPED, "drop".into()),
            (client, kind, MessageFlags::MODIFIED, "UPPER".into()),
            (Side::Server, kind, MessageFlags::MODIFIED, "UP TOO".into()),
        ]
    );
    drop(server);
    play.records().await;
    assert_eq!(
        probe.seen(),
        [
            "websocket_start",
            "websocket_message as it is",
            "websocket_message drop",
            "websocket_message upper",
            "websocket_message up too",
            "websocket_end",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_change_compressed_messages_go_on_uncompressed() {
    let (_, chain) = Probe::chain();
    let (mut play, mut server) = open(chain, &[], DEFLATE).await;
    let mut deflater = Deflater::new();
    let first = deflater.message(Side::Client, b"left as it is");
    play.send(&first).await;
    gets(&mut server, &first).await;
    play.send(&deflater.message(Side::Client, b"drop it")).await;
    play.send(&deflater.message(Side::Client, b"left as it is"))
        .await;
    assert_eq!(
        unmasked(&mut server).await,
        (0x81, b"left as it is".to_vec())
    );
    play.send(&up(opcode::TEXT, b"plain")).await;
    gets(&mut server, &up(opcode::TEXT, b"plain")).await;
    // The other direction has its own compressor, which is not behind.
    let answer = Deflater::new().message(Side::Server, b"answer");
    server.write_all(&answer).await.expect("room");
    play.client_gets(&answer).await;
    let (client, kind) = (Side::Client, MessageKind::Text);
    let packed = MessageFlags::COMPRESSED;
    let dropped = packed.with(MessageFlags::DROPPED);
    assert_eq!(
        play.messages(1),
        [
            (client, kind, packed, "left as it is".into()),
            (client, kind, dropped, "drop it".into()),
            (client, kind, packed, "left as it is".into()),
            text(client, "plain"),
            (Side::Server, kind, packed, "answer".into()),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_compressed_by_themselves_may_be_dropped_without_a_trace() {
    let (_, chain) = Probe::chain();
    let extension = "permessage-deflate; client_no_context_takeover";
    let (mut play, mut server) = open(chain, &[], extension).await;
    play.send(&Deflater::new().message(Side::Client, b"drop it"))
        .await;
    let kept = Deflater::new().message(Side::Client, b"kept");
    play.send(&kept).await;
    gets(&mut server, &kept).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_too_long_to_be_held_ends_both_sides_with_1009() {
    let (_, chain) = Probe::chain();
    let (mut play, mut server) = open(chain, &[], "").await;
    let piece = vec![0; 1 << 20];
    let first = frame(Side::Client, false, 0, opcode::BINARY, &piece);
    let next = frame(Side::Client, false, 0, opcode::CONTINUATION, &piece);
    play.send(&first).await;
    for _ in 0..63 {
        play.send(&next).await;
    }
    assert_eq!(unmasked(&mut server).await.1, 1009_u16.to_be_bytes());
    play.client_gets(&down(opcode::CLOSE, &close_payload(1009, "")))
        .await;
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert!(error.message.contains("67108864 bytes"), "{error}");
}

// The disk is waited for, so the clock runs.
#[tokio::test]
async fn a_million_messages_leave_memory_flat() {
    const MESSAGES: u64 = 1_000_000;
    let (mut play, server) = plain().await;
    let (mut client, stand_in) = tokio::io::duplex(1);
    std::mem::swap(&mut client, &mut play.client);
    let batch = down(opcode::TEXT, b"tick").repeat(1000);
    let expected = batch.clone();
    let (mut server_reads, mut server) = tokio::io::split(server);
    let sender = tokio::spawn(async move {
        for _ in 0..MESSAGES / 1000 {
            server.write_all(&batch).await.expect("the proxy reads");
        }
        server
    });
    for _ in 0..MESSAGES / 1000 {
        gets(&mut client, &expected).await;
    }
    drop(sender.await.expect("no panic"));
    play.store.flush();
    let stats = play.store.stats();
    // Their heads alone are 32 MB.
    assert!(stats.memory_bytes < 4 << 20, "{stats:?}");
    let last = MESSAGES - 1..MESSAGES;
    let window = play.store.messages(FlowId(1), last).expect("a flow");
    assert_eq!((window.total, window.items.len()), (MESSAGES, 1));
    let payload = window.items[0].payload;
    let shown = play.store.payload(FlowId(1), Side::Server, payload, 0..9);
    assert_eq!(&shown.expect("a payload").bytes[..], b"tick");
    drop((client, stand_in));
    assert_eq!(rest(&mut server_reads).await, "");
}

/// How a WebSocket is asked for over HTTP/2 (RFC 8441 §5).
const CONNECT: [(&str, &str); 5] = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":authority", "origin.test"),
    (":path", "/chat"),
];

/// The next bytes on a stream, and whether they are the last.
async fn stream_data(peer: &mut Peer) -> (Vec<u8>, bool) {
    match peer.event().await {
        Event::Data { data, end, .. } => (data.to_vec(), end),
        other => panic!("{other:?} instead of data"),
    }
}

/// A request head.
async fn h1_head(server: &mut DuplexStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(server.read_u8().await.expect("a request"));
    }
    String::from_utf8(request).expect("text")
}

/// The answer to a request for a WebSocket.
fn agreed(request: &str) -> String {
    let key = request.split("sec-websocket-key: ").nth(1);
    let key = key.and_then(|rest| rest.lines().next()).expect("a key");
    let proof = ratel_proto::websocket::handshake::accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {proof}\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    )
}

#[tokio::test(start_paused = true)]
async fn over_http2_to_http1_it_is_the_same() {
    let http1 = [("h2c_upstream", Value::Str("never".into()))];
    let (mut client, mut play) = h2_client(&http1);
    let stream = client.request(&CONNECT, &[], false).await;
    let mut server = play.server().await;
    let request = h1_head(&mut server).await;
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
    server
        .write_all(agreed(&request).as_bytes())
        .await
        .expect("room");
    let (_, head, end) = client.gets_head().await;
    assert_eq!(
        (head.pseudo.get(":status"), end),
        (Some(&b"200"[..]), false)
    );
    let hello: &[u8] = up(opcode::TEXT, b"hello").leak();
    client.data(stream, hello, false).await;
    gets(&mut server, hello).await;
    server
        .write_all(&down(opcode::TEXT, b"hi"))
        .await
        .expect("room");
    let answer = down(opcode::TEXT, b"hi");
    assert_eq!(stream_data(&mut client).await, (answer, false));
    client
        .data(stream, up(opcode::TEXT, b"\xff").leak(), false)
        .await;
    assert_eq!(unmasked(&mut server).await.1, 1007_u16.to_be_bytes());
    assert_eq!(rest(&mut server).await, "");
    let told = down(opcode::CLOSE, &close_payload(1007, ""));
    assert_eq!(stream_data(&mut client).await.0, told);
    let mut messages = play.messages(1);
    let told = messages.split_off(3);
    assert!(told.iter().all(|told| told.1 == MessageKind::Close));
    let cut = messages.pop().expect("the last one");
    assert_eq!(
        messages,
        [text(Side::Client, "hello"), text(Side::Server, "hi")]
    );
    assert_eq!(cut.2, MessageFlags::MALFORMED);
    drop(client);
    assert!(play.records().await[0].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn over_http2_on_both_sides_a_close_is_passed_on() {
    let (mut client, mut play) = h2_client(&[]);
    let stream = client.request(&CONNECT, &[], false).await;
    let mut config = Config::new(Role::Server);
    config.enable_connect_protocol = true;
    let mut server = Peer::with(config, play.server().await);
    let (id, head, _) = server.gets_head().await;
    assert_eq!(head.pseudo.get(":protocol"), Some(&b"websocket"[..]));
    server.head(id, &[(":status", "200")], &[], false).await;
    client.gets_head().await;
    let goodbye: &[u8] = up(opcode::CLOSE, &close_payload(1000, "")).leak();
    client.data(stream, goodbye, true).await;
    let mut got = Vec::new();
    let mut end = false;
    while !end {
        let (data, last) = stream_data(&mut server).await;
        got.extend(data);
        end = last;
    }
    assert_eq!(got, goodbye);
    let goodbye: &[u8] = down(opcode::CLOSE, &close_payload(1000, "")).leak();
    server.data(id, goodbye, true).await;
    let (mut got, mut end) = (Vec::new(), false);
    while !end {
        let (data, last) = stream_data(&mut client).await;
        got.extend(data);
        end = last;
    }
    assert_eq!(got, goodbye);
    assert_eq!(play.messages(1).len(), 2);
    drop((client, server));
    let records = play.records().await;
    assert!(records[0].error.is_none(), "{:?}", records[0].error);
}

/// A WebSocket asked for over HTTP/2, of a server that speaks HTTP/2 without WebSockets: its connection for them.
async fn beside_http2() -> (Peer, Play, Peer, DuplexStream, String) {
    let (mut client, mut play) = h2_client(&[]);
    let fields = [
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, log"),
        ("origin", "http://origin.test"),
    ];
    client.request(&CONNECT, &fields, false).await;
    let mut shared = Peer::with(Config::new(Role::Server), play.server().await);
    shared.settle().await;
    let mut server = play.server().await;
    let request = h1_head(&mut server).await;
    (client, play, shared, server, request)
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_http2_has_no_websockets_is_asked_over_http1() {
    let (mut client, mut play, mut shared, mut server, request) = beside_http2().await;
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
    for field in [
        "host: origin.test\r\n",
        "upgrade: websocket\r\n",
        "connection: Upgrade\r\n",
        "sec-websocket-version: 13\r\n",
        "sec-websocket-protocol: chat, log\r\n",
        "origin: http://origin.test\r\n",
    ] {
        assert!(request.contains(field), "{field:?} in {request}");
    }
    assert!(!request.contains("transfer-encoding"), "{request}");
    server
        .write_all(agreed(&request).as_bytes())
        .await
        .expect("room");
    let (stream, head, end) = client.gets_head().await;
    let status = head.pseudo.get(":status");
    assert_eq!((status, end), (Some(&b"200"[..]), false));
    let field = |name| head.headers.get(name);
    assert_eq!(field("sec-websocket-protocol"), Some(&b"chat"[..]));
    assert_eq!(field("sec-websocket-accept"), None);
    assert_eq!(field("upgrade"), None);
    let hello: &[u8] = up(opcode::TEXT, b"hello").leak();
    client.data(stream, hello, false).await;
    gets(&mut server, hello).await;
    // What else is asked for still goes over HTTP/2.
    let get = client.get("/page").await;
    let (id, head, _) = shared.gets_head().await;
    assert_eq!(head.pseudo.get(":path"), Some(&b"/page"[..]));
    shared.head(id, &[(":status", "204")], &[], true).await;
    assert_eq!(client.gets_head().await.0, get);
    assert_eq!(play.messages(1), [text(Side::Client, "hello")]);
    assert!(play.servers.try_recv().is_err(), "two connections do");
}

#[tokio::test(start_paused = true)]
async fn over_http1_only_a_proof_opens_a_websocket_of_http2() {
    let bare =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (answer, reason) in [(bare, "without proof"), (page, "with 200")] {
        let (mut client, play, shared, mut server, _) = beside_http2().await;
        server.write_all(answer.as_bytes()).await.expect("room");
        let (_, head, _) = client.gets_head().await;
        assert_eq!(head.pseudo.get(":status"), Some(&b"502"[..]));
        drop((client, shared));
        let records = play.records().await;
        let error = records[0].error.as_ref().expect("a reason");
        assert!(error.message.contains(reason), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_websocket_leaves_the_next_requests_to_http2() {
    let (mut client, _play, mut shared, mut server, _) = beside_http2().await;
    let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    server.write_all(refusal).await.expect("room");
    let (_, head, _) = client.gets_head().await;
    assert_eq!(head.pseudo.get(":status"), Some(&b"403"[..]));
    client.get("/page").await;
    let (_, head, _) = shared.gets_head().await;
    assert_eq!(head.pseudo.get(":path"), Some(&b"/page"[..]));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_says_before_the_server_has_agreed_waits() {
    let http1 = [("h2c_upstream", Value::Str("never".into()))];
    let (mut client, mut play) = h2_client(&http1);
    let stream = client.request(&CONNECT, &[], false).await;
    let hello: &[u8] = up(opcode::TEXT, b"early").leak();
    client.data(stream, hello, false).await;
    let mut server = play.server().await;
    let request = h1_head(&mut server).await;
    let early = tokio::time::timeout(Duration::from_secs(5), server.read_u8()).await;
    assert!(early.is_err(), "{early:?}");
    server
        .write_all(agreed(&request).as_bytes())
        .await
        .expect("room");
    gets(&mut server, hello).await;
    client.gets_head().await;
}

const ID: FlowId = FlowId(1);

#[tokio::test(start_paused = true)]
async fn a_held_message_holds_neither_the_other_side_nor_pings() {
    let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
    for sent in [
        down(opcode::TEXT, b"first"),
        down(opcode::TEXT, b"hold me"),
        down(opcode::TEXT, b"later"),
        down(opcode::PING, b"p"),
        down(opcode::TEXT, b"hold too"),
    ] {
        server.write_all(&sent).await.expect("room");
    }
    play.client_gets(&down(opcode::TEXT, b"first")).await;
    let held = play.held(ID).await;
    assert_eq!(held.part, Part::Message(Side::Server));
    play.client_gets(&down(opcode::PING, b"p")).await;
    play.send(&up(opcode::TEXT, b"up")).await;
    gets(&mut server, &up(opcode::TEXT, b"up")).await;
    let content = Bytes::from_static(b"changed");
    let side = Side::Server;
    play.tell(FlowCommand::EditMessage { side, content });
    play.resume();
    play.client_gets(&down(opcode::TEXT, b"changed")).await;
    play.client_gets(&down(opcode::TEXT, b"later")).await;
    play.held(ID).await;
    play.tell(FlowCommand::DropMessage { side });
    let last = down(opcode::TEXT, b"last");
    server.write_all(&last).await.expect("room");
    play.client_gets(&last).await;
    let said = |flags, text: &str| (side, MessageKind::Text, flags, text.to_owned());
    let messages: Vec<_> = play.messages(1);
    let texts = messages
        .into_iter()
        .filter(|m| m.1 == MessageKind::Text && m.0 == side);
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            said(NONE, "first"),
            said(MessageFlags::MODIFIED, "changed"),
            said(NONE, "later"),
            said(MessageFlags::DROPPED, "hold too"),
            said(NONE, "last"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_while_its_message_is_held_is_shown_and_heard() {
    let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
    server
        .write_all(&down(opcode::TEXT, b"hold"))
        .await
        .expect("room");
    play.held(ID).await;
    drop(server);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(play.held(ID).await.left, Some(Side::Server));
    play.resume();
    play.client_gets(&down(opcode::TEXT, b"hold")).await;
    let records = play.records().await;
    assert!(records[0].annotations.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_killed_flow_lets_go_of_its_message() {
    let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
    play.send(&up(opcode::TEXT, b"hold")).await;
    play.held(ID).await;
    play.tell(FlowCommand::Kill);
    let (first, payload) = unmasked(&mut server).await;
    assert_eq!(
        (first & 15, &payload[..2]),
        (opcode::CLOSE, &1001_u16.to_be_bytes()[..])
    );
    assert_eq!(play.control.held_count(), 0);
    let dropped = MessageFlags::DROPPED;
    let hold = (Side::Client, MessageKind::Text, dropped, "hold".to_owned());
    assert_eq!(play.messages(1)[0], hold);
    let window = play.store.messages(ID, 0..0).expect("a flow");
    assert!(window.open.is_empty(), "{window:?}");
}
