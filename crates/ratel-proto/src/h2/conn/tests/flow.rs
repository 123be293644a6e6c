//! Flow control and turns.

use super::*;

/// Windows that do not grow.
fn windows(stream: u32, connection: u32) -> Config {
    Config {
        stream_window: stream,
        stream_window_max: stream,
        connection_window: connection,
        ..Config::new(Role::Server)
    }
}

fn flows(events: &[Event]) -> Vec<(StreamId, u32)> {
    let flow = |event: &Event| match event {
        Event::Data { id, flow, .. } => Some((*id, *flow)),
        _ => None,
    };
    events.iter().filter_map(flow).collect()
}

#[test]
fn data_waits_for_the_window_of_its_stream() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(100_000, 1_000_000));
    let id = pair.upload();
    pair.client
        .send_data(id, Bytes::from(vec![1; 250_000]), true)
        .unwrap();
    assert_eq!(pair.client.queued(id), 150_000);
    let received = pair.at_server();
    assert_eq!(data(&received), 100_000);
    assert_eq!(pair.at_client(), []);
    // Less than half of the window is not worth a frame.
    pair.server.consume(id, 49_999);
    assert!(pair.server.output().is_empty());
    pair.server.consume(id, 1);
    assert_eq!(pair.at_client(), []);
    assert_eq!(data(&pair.at_server()), 50_000);
    // More than was received is not given back.
    pair.server.consume(id, 1_000_000);
    pair.at_client();
    let received = pair.at_server();
    assert_eq!(data(&received), 100_000);
    assert!(matches!(
        received.last(),
        Some(Event::Data { end: true, .. })
    ));
    assert_eq!(pair.client.queued(id), 0);
}

#[test]
fn data_waits_for_the_window_of_the_connection_and_streams_take_turns() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(1_000_000, 65_535));
    let (a, b) = (pair.upload(), pair.upload());
    for id in [a, b] {
        pair.client
            .send_data(id, Bytes::from(vec![1; 100_000]), true)
            .unwrap();
    }
    let received = pair.at_server();
    assert_eq!(data(&received), 65_535);
    for (id, flow) in flows(&received) {
        pair.server.consume(id, flow);
    }
    pair.at_client();
    let received = flows(&pair.at_server());
    let of = |wanted| {
        received
            .iter()
            .filter(|(id, _)| *id == wanted)
            .map(|(_, flow)| flow)
            .sum::<u32>()
    };
    assert_eq!(of(a) + of(b), 65_535);
    assert_eq!((of(a), of(b)), (32_768, 32_767));
}

/// What arrives at the server while the client hears what the server has to say at once.
fn all(pair: &mut Pair) -> usize {
    std::iter::from_fn(|| {
        pair.at_client();
        let received = data(&pair.at_server());
        (received > 0).then_some(received)
    })
    .sum()
}

#[test]
fn a_stream_that_nobody_reads_holds_up_no_other() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(50_000, 65_535));
    for _ in 0..10 {
        let unread = pair.upload();
        pair.client
            .send_data(unread, Bytes::from(vec![1; 100_000]), true)
            .unwrap();
        assert_eq!(all(&mut pair), 50_000);
    }
    let other = pair.upload();
    pair.client
        .send_data(other, Bytes::from_static(b"small"), true)
        .unwrap();
    let received = pair.at_server();
    assert!(matches!(received.last(), Some(Event::Data { id, end: true, .. }) if *id == other));
}

#[test]
fn the_window_of_a_stream_grows_while_it_is_what_holds_the_peer_back() {
    let grows = Config {
        stream_window: 20_000,
        stream_window_max: 160_000,
        growth_max: 200_000,
        ..Config::new(Role::Server)
    };
    let mut pair = Pair::new(Config::new(Role::Client), grows);
    // What a stream sends in each round, when all that has come is consumed at its end.
    let rounds = |pair: &mut Pair, id, content| {
        let content = Bytes::from(vec![1; content]);
        pair.client.send_data(id, content, false).unwrap();
        let mut sizes = Vec::new();
        while let sent @ 1.. = all(pair) {
            sizes.push(sent);
            pair.server.consume(id, sent as u32);
        }
        sizes
    };
    let (first, second) = (pair.upload(), pair.upload());
    let sizes = rounds(&mut pair, first, 620_000);
    assert_eq!(sizes, [20_000, 40_000, 80_000, 160_000, 160_000, 160_000]);
    // All of them together are bounded too.
    let sizes = rounds(&mut pair, second, 300_000);
    assert_eq!(sizes, [20_000, 40_000, 80_000, 80_000, 80_000]);
    // What one has grown by is there for the others when it is gone.
    pair.server.reset(first, Reason::CANCEL);
    let sizes = rounds(&mut pair, second, 400_000);
    assert_eq!(sizes, [80_000, 160_000, 160_000]);

    // One that is read slowly does not grow.
    let slow = pair.upload();
    pair.client
        .send_data(slow, Bytes::from(vec![1; 1_000_000]), false)
        .unwrap();
    assert_eq!(all(&mut pair), 20_000);
    for _ in 0..20 {
        pair.server.consume(slow, 10_000);
        assert_eq!(all(&mut pair), 10_000);
    }
}

#[test]
fn the_connections_window_is_given_back_for_streams_that_are_gone() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(65_535, 65_535));
    for _ in 0..10 {
        let id = pair.upload();
        pair.client
            .send_data(id, Bytes::from(vec![1; 30_000]), false)
            .unwrap();
        let received = pair.at_server();
        assert_eq!(data(&received), 30_000);
        pair.server.reset(id, Reason::CANCEL);
        for (id, flow) in flows(&received) {
            pair.server.consume(id, flow);
        }
        // This is on its way when the stream is reset, and nobody sees it.
        pair.client
            .send_data(id, Bytes::from(vec![1; 20_000]), false)
            .unwrap();
        assert_eq!(pair.at_server(), []);
        assert!(matches!(pair.at_client()[..], [Event::Reset { .. }]));
    }
}

#[test]
fn a_stream_that_has_ended_needs_no_window() {
    let mut alone = Alone::new(windows(1000, 65_535));
    alone.head(4, 1, &GET).unwrap();
    alone.feed(FrameKind::DATA, 1, 1, &[0; 1000]).unwrap();
    alone.connection.consume(StreamId(1), 1000);
    assert_eq!(alone.sent(), []);
}

#[test]
fn padding_counts_and_is_left_out() {
    let mut alone = Alone::server();
    alone.head(4, 1, &GET).unwrap();
    let event = alone.feed(FrameKind::DATA, 8, 1, b"\x03abc\0\0\0").unwrap();
    let expected = Event::Data {
        id: StreamId(1),
        data: Bytes::from_static(b"abc"),
        flow: 7,
        end: false,
    };
    assert_eq!(event, Some(expected));
    // Nothing but padding is taken at once.
    assert_eq!(
        alone.feed(FrameKind::DATA, 8, 1, b"\x02\0\0").unwrap(),
        None
    );
}

#[test]
fn a_smaller_initial_window_may_make_windows_negative() {
    let mut alone = Alone::client();
    let id = alone.connection.open().unwrap();
    alone
        .connection
        .send_headers(id, GET, &none(), false)
        .unwrap();
    alone
        .connection
        .send_data(id, Bytes::from(vec![0; 100_000]), false)
        .unwrap();
    assert_eq!(alone.connection.queued(id), 34_465);
    alone.sent();
    let setting = |window: u32| [&[0, 4][..], &window.to_be_bytes()].concat();
    alone.feed(FrameKind::SETTINGS, 0, 0, &setting(0)).unwrap();
    alone
        .feed(FrameKind::WINDOW_UPDATE, 0, 0, &100_000_u32.to_be_bytes())
        .unwrap();
    alone
        .feed(FrameKind::WINDOW_UPDATE, 0, 1, &65_535_u32.to_be_bytes())
        .unwrap();
    assert_eq!(alone.connection.queued(id), 34_465);
    alone
        .feed(FrameKind::WINDOW_UPDATE, 0, 1, &1000_u32.to_be_bytes())
        .unwrap();
    alone.sent();
    assert_eq!(alone.connection.queued(id), 33_465);
    alone
        .feed(FrameKind::SETTINGS, 0, 0, &setting(50_000))
        .unwrap();
    alone.sent();
    assert_eq!(alone.connection.queued(id), 0);
    assert_eq!(alone.connection.event(), Some(Event::Writable(id)));
}

#[test]
fn a_window_smaller_than_the_first_one_counts_when_it_is_confirmed() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(10_000, 65_535));
    let id = pair.upload();
    pair.client
        .send_data(id, Bytes::from(vec![0; 20_000]), false)
        .unwrap();
    let received = pair.at_server();
    assert_eq!(data(&received), 10_000);
    pair.server.consume(id, 10_000);
    pair.at_client();
    assert_eq!(data(&pair.at_server()), 10_000);

    let mut early = Alone::new(windows(10_000, 65_535));
    early.head(4, 1, &GET).unwrap();
    for _ in 0..2 {
        let event = early.feed(FrameKind::DATA, 0, 1, &[0; 10_000]).unwrap();
        assert!(matches!(event, Some(Event::Data { .. })));
    }
}

#[test]
fn the_owner_is_told_when_little_is_queued_and_when_nothing_is() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(100_000, 10_000_000));
    let id = pair.upload();
    pair.client
        .send_data(id, Bytes::from(vec![0; 200_000]), false)
        .unwrap();
    pair.at_server();
    assert_eq!(pair.at_client(), []);
    for (consumed, queued, told) in [
        (50_000, 50_000, true),
        (50_000, 0, true),
        (50_000, 0, false),
    ] {
        pair.server.consume(id, consumed);
        assert_eq!(pair.at_client(), []);
        pair.at_server();
        assert_eq!(pair.client.queued(id), queued);
        assert_eq!(pair.client.event(), told.then_some(Event::Writable(id)));
        assert_eq!(pair.client.event(), None);
    }
    // What passes at once is not worth a word.
    pair.client
        .send_data(id, Bytes::from_static(b"x"), false)
        .unwrap();
    assert_eq!(pair.client.event(), None);
}

#[test]
fn what_follows_queued_data_waits_for_it() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(65_535, 1_000_000));
    let (a, b) = (pair.upload(), pair.upload());
    for id in [a, b] {
        pair.client
            .send_data(id, Bytes::from(vec![0; 100_000]), false)
            .unwrap();
    }
    let trailers: Headers = [("x-trailer", "1")].into_iter().collect();
    pair.client.send_trailers(a, &trailers).unwrap();
    pair.client.send_data(b, Bytes::new(), true).unwrap();
    assert!(pair.client.is_send_closed(a) && pair.client.is_send_closed(b));
    for (id, flow) in flows(&pair.at_server()) {
        pair.server.consume(id, flow);
    }
    pair.at_client();
    let received = pair.at_server();
    assert!(received.contains(&Event::Trailers {
        id: a,
        headers: trailers
    }));
    assert!(
        matches!(received.iter().rfind(|event| matches!(event, Event::Data { .. })), Some(Event::Data { id, end: true, .. }) if *id == b)
    );
}

#[test]
fn an_end_without_data_needs_no_window() {
    let mut alone = Alone::client();
    let (a, b) = (
        alone.connection.open().unwrap(),
        alone.connection.open().unwrap(),
    );
    for id in [a, b] {
        alone
            .connection
            .send_headers(id, GET, &none(), false)
            .unwrap();
    }
    alone
        .connection
        .send_data(a, Bytes::from(vec![0; 100_000]), false)
        .unwrap();
    alone.sent();
    alone.connection.send_data(b, Bytes::new(), true).unwrap();
    assert_eq!(alone.sent(), [(FrameKind::DATA, 1, b.0, Bytes::new())]);
}

#[test]
fn the_output_is_bounded_and_large_payloads_are_not_copied() {
    let mut pair = Pair::new(Config::new(Role::Client), windows(10_000_000, 10_000_000));
    let id = pair.upload();
    let sent = Bytes::from(vec![7; 1_000_000]);
    pair.client.send_data(id, sent.clone(), true).unwrap();
    assert!((256 * 1024..300 * 1024).contains(&pair.client.output().len()));
    let mut slices = [std::io::IoSlice::new(&[]); 64];
    let filled = pair.client.output().io_slices(&mut slices);
    assert_eq!(slices[1].as_ptr(), sent.as_ptr());
    let len: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
    assert_eq!(len, pair.client.output().len());
    let mut received = 0;
    while received < 1_000_000 {
        let events = pair.at_server();
        assert!(data(&events) > 0);
        received += data(&events);
    }
    assert!(pair.client.is_send_closed(id));
}

#[test]
fn output_is_written_in_any_portions() {
    let mut pair = Pair::default();
    let (a, b) = (pair.upload(), pair.upload());
    for (id, len) in [(a, 100), (b, 20_000), (a, 5000), (b, 0), (a, 1)] {
        pair.client
            .send_data(id, Bytes::from(vec![len as u8; len]), false)
            .unwrap();
    }
    let output = pair.client.output();
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let filled = output.io_slices(&mut slices);
    let whole: Vec<u8> = slices[..filled]
        .iter()
        .flat_map(|slice| slice.to_vec())
        .collect();
    let mut written = Vec::new();
    for portion in (1..).map(|n| n * 37 % 1000) {
        let mut first = [std::io::IoSlice::new(&[]); 1];
        if output.io_slices(&mut first) == 0 {
            break;
        }
        let n = portion.min(first[0].len());
        written.extend_from_slice(&first[0][..n]);
        output.advance(n);
    }
    assert_eq!(written, whole);
    assert!(output.is_empty());
}
