//! What is large, or meant to hurt, takes neither all memory nor forever.

use super::*;

/// A bomb, beside which other flows are found.
#[test]
fn a_bomb_is_cut_off() {
    let store = store(1 << 26, 1 << 30);
    let index = index(&store);
    // 40 MiB of zeros, a thousandth of that as it is sent.
    let mut bomb = vec![0; 40 << 20];
    bomb.extend_from_slice(b"needle behind it");
    let coded = gzip(&bomb);
    assert!(coded.len() < 1 << 20);
    exchange(&store, "/bomb", Some("gzip"), &coded);
    let twice = gzip(&coded);
    exchange(&store, "/bombs", Some("gzip, gzip"), &twice);
    let id = exchange(&store, "/", None, b"a needle before it");
    store.flush();
    index.catch_up();
    let found: Vec<_> = places(&index, text("needle")).iter().map(|p| p.0).collect();
    assert!(found.contains(&id), "{found:?}");
}

#[test]
fn a_long_body_is_read_where_it_matters() {
    let store = store(1 << 26, 1 << 30);
    let index = index(&store);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.response(&response(&[]));
    let id = flow.id();
    let piece = Bytes::from(b"hay hay hay hay ".repeat(4096));
    for _ in 0..256 {
        flow.data(Side::Server, std::slice::from_ref(&piece), Timestamp(2));
    }
    store.flush();
    // While it goes on, and when it has finished.
    index.catch_up();
    let at = 256 * piece.len() as u64;
    data(&flow, Side::Server, b"the needle");
    store.flush();
    let expected = [(id, Part::Body(Side::Server), at + 4, 6)];
    assert_eq!(places(&index, text("needle")), expected);
    index.catch_up();
    assert_eq!(places(&index, text("needle")), expected);
    flow.finish(Timestamp(3));
    store.flush();
    index.catch_up();
    assert_eq!(places(&index, text("needle")), expected);
}

#[test]
fn many_messages_are_found_by_number() {
    let store = store(1 << 26, 1 << 30);
    let index = index(&store);
    let flow = store.open(FlowKind::Http, &client(), Timestamp(1));
    flow.stream(StreamKind::WebSocket);
    let mut offset = 0;
    for n in 0..1500_u64 {
        let payload = format!("message {n:06}");
        data(&flow, Side::Client, payload.as_bytes());
        flow.message(&MessageHead {
            side: Side::Client,
            kind: MessageKind::Text,
            flags: MessageFlags::default(),
            timestamp: Timestamp(n),
            code: 1,
            payload: Payload {
                stream: PayloadStream::Body,
                offset,
                len: payload.len() as u64,
            },
        });
        offset += payload.len() as u64;
    }
    store.flush();
    index.catch_up();
    let part = |number| Part::Message {
        number,
        side: Side::Client,
    };
    for n in [0, 777, 1499] {
        let expected = [(flow.id(), part(n), 0, 14)];
        assert_eq!(places(&index, text(&format!("message {n:06}"))), expected);
    }
    let all = index.search(text("message"), None);
    assert_eq!(all.count(), 1000, "of one flow no more are given");
}

#[test]
fn the_index_stays_within_its_budget() {
    let store = store(1 << 26, 1 << 30);
    let index = index_of(&store, 60_000, 100_000);
    for n in 0..2000 {
        let body = format!("{n} {}", "some words to fill it ".repeat(20));
        exchange(&store, "/", None, body.as_bytes());
    }
    store.flush();
    index.catch_up();
    let stats = index.stats();
    // A file goes as a whole.
    assert!(stats.memory_bytes <= 60_000, "{stats:?}");
    assert!(stats.disk_bytes <= 130_000, "{stats:?}");
    assert_eq!(places(&index, text("words to fill")).len(), 2000);
}
