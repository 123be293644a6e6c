//! Messages: numbered, streamed, in bounded memory.

use ratel_flow::{
    MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream, StreamKind,
};

use super::*;

fn head(n: u64, side: Side, payload: Payload) -> MessageHead {
    MessageHead {
        side,
        kind: MessageKind::Text,
        flags: MessageFlags::default(),
        timestamp: Timestamp(n),
        code: 1,
        payload,
    }
}

fn in_body(offset: u64, len: u64) -> Payload {
    Payload {
        stream: PayloadStream::Body,
        offset,
        len,
    }
}

#[test]
fn messages_read_back_by_number_with_the_one_that_is_under_way() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    assert_eq!(store.messages(FlowId(99), 0..9), None);
    store.flush();
    let none = store.messages(id, 0..9).unwrap();
    assert!(none.items.is_empty() && none.total == 0);

    flow.stream(StreamKind::WebSocket);
    let mut heads = Vec::new();
    let mut offsets = [0, 0];
    for n in 0..10_u64 {
        let side = if n % 3 == 0 {
            Side::Client
        } else {
            Side::Server
        };
        let text = format!("message {n}");
        let offset = &mut offsets[usize::from(side == Side::Server)];
        flow.data(side, &[Bytes::from(text.clone())], Timestamp(n));
        let head = head(n, side, in_body(*offset, text.len() as u64));
        *offset += text.len() as u64;
        flow.message(&head);
        heads.push(head);
    }
    let ping = MessageHead {
        kind: MessageKind::Ping,
        payload: Payload {
            stream: PayloadStream::Extra,
            offset: 0,
            len: 4,
        },
        ..head(10, Side::Server, Payload::default())
    };
    flow.extra(Side::Server, &[Bytes::from_static(b"ping")], Timestamp(10));
    flow.message(&ping);
    let open = OpenMessage {
        side: Side::Client,
        kind: MessageKind::Binary,
        timestamp: Timestamp(11),
        payload: in_body(offsets[0], 0),
        held: false,
    };
    flow.message_open(Side::Client, Some(open));
    flow.data(Side::Client, &[Bytes::from_static(b"half")], Timestamp(11));
    store.flush();

    let window = store.messages(id, 4..7).unwrap();
    assert_eq!((window.first, window.total, window.lost), (4, 11, false));
    assert_eq!(window.items, heads[4..7]);
    assert_eq!(window.open[0].payload.len, 4);
    for (n, head) in heads.iter().enumerate() {
        let text = store
            .payload(id, head.side, head.payload, 0..u64::MAX)
            .unwrap();
        assert_eq!(text.bytes, format!("message {n}"));
    }
    let part = store.payload(id, Side::Server, ping.payload, 1..3).unwrap();
    assert_eq!((&*part.bytes, part.offset, part.total), (&b"in"[..], 1, 4));
    let summary = store.summary(id).unwrap();
    assert_eq!(
        (summary.stream, summary.messages),
        (Some(StreamKind::WebSocket), 11)
    );
}

#[test]
fn a_million_messages_take_no_memory_to_speak_of() {
    const COUNT: u64 = if cfg!(debug_assertions) {
        200_000
    } else {
        1_000_000
    };
    let store = store(1 << 26, 1 << 30);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    store.flush();
    let before = store.stats().memory_bytes;
    let text = Bytes::from_static(b"twenty bytes of text");
    for n in 0..COUNT {
        flow.data(Side::Server, std::slice::from_ref(&text), Timestamp(n));
        flow.message(&head(n, Side::Server, in_body(n * 20, 20)));
        if n % 50_000 == 0 {
            store.flush();
        }
    }
    store.flush();
    let grown = store.stats().memory_bytes - before;
    assert!(grown < 1 << 20, "{grown} bytes");
    for at in [0, COUNT / 3, COUNT - 5] {
        let window = store.messages(flow.id(), at..at + 5).unwrap();
        let numbers: Vec<_> = window.items.iter().map(|head| head.timestamp.0).collect();
        assert_eq!(numbers, (at..at + 5).collect::<Vec<_>>());
        let head = window.items[4];
        let payload = store
            .payload(flow.id(), head.side, head.payload, 0..20)
            .unwrap();
        assert_eq!(payload.bytes, text);
    }
    let many = store.messages(flow.id(), 0..u64::MAX).unwrap();
    assert_eq!(many.items.len() as u64, MESSAGES_AT_ONCE);
}

#[test]
fn messages_outlive_the_segment_they_began_in() {
    let store = store(1 << 26, 24 << 20);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let piece = Bytes::from(vec![7; 64 * 1024]);
    for n in 0..1024_u64 {
        flow.data(Side::Server, std::slice::from_ref(&piece), Timestamp(n));
        flow.message(&head(n, Side::Server, in_body(n << 16, 1 << 16)));
        if n % 64 == 0 {
            store.flush();
        }
    }
    flow.grpc_status(5, &"ü".repeat(2000));
    store.flush();
    let window = store.messages(flow.id(), 0..u64::MAX).unwrap();
    assert!(window.lost && window.first > 0 && window.total == 1024);
    assert_eq!(window.items.last().unwrap().timestamp, Timestamp(1023));
    let summary = store.summary(flow.id()).unwrap();
    assert!(summary.lossy);
    let (code, message) = summary.grpc_status.unwrap();
    assert!(code == 5 && message.len() <= 1024);
}

#[test]
fn what_a_message_had_said_before_it_was_changed_is_found_by_its_number() {
    let store = store(1 << 24, 1 << 28);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    let id = flow.id();
    let side = Side::Client;
    flow.data(side, &[Bytes::from_static(b"aother")], Timestamp(2));
    flow.message(&head(2, side, in_body(0, 1)));
    flow.extra(side, &[Bytes::from_static(b"before")], Timestamp(3));
    flow.message(&head(3, side, in_body(1, 5)));
    let before = Payload {
        stream: PayloadStream::Extra,
        offset: 0,
        len: 6,
    };
    flow.message_came_as(before);
    flow.message(&head(4, Side::Server, in_body(0, 0)));
    store.flush();
    let found: Vec<_> = (0..4).map(|n| store.message_before(id, n)).collect();
    assert_eq!(found, [None, Some(before), None, None]);
    let bytes = store.payload(id, side, before, 0..9).unwrap().bytes;
    assert_eq!(&bytes[..], b"before");
}
