//! What the RFC calls an error of the connection or of a stream.

use super::*;

const DATA: FrameKind = FrameKind::DATA;
const HEADERS: FrameKind = FrameKind::HEADERS;
const PRIORITY: FrameKind = FrameKind::PRIORITY;
const RST_STREAM: FrameKind = FrameKind::RST_STREAM;
const SETTINGS: FrameKind = FrameKind::SETTINGS;
const PUSH_PROMISE: FrameKind = FrameKind::PUSH_PROMISE;
const PING: FrameKind = FrameKind::PING;
const GOAWAY: FrameKind = FrameKind::GOAWAY;
const WINDOW_UPDATE: FrameKind = FrameKind::WINDOW_UPDATE;
const CONTINUATION: FrameKind = FrameKind::CONTINUATION;

/// The head of a request that ends with it.
const WHOLE: u8 = 5;

pub(super) fn stream(event: Option<Event>) -> (StreamError, Option<Head>) {
    match event {
        Some(Event::StreamError { error, head, .. }) => (error, head.map(|head| *head)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_begins_with_preface_and_settings() {
    for wrong in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nXX"] {
        let mut server = Connection::new(Config::new(Role::Server));
        let error = server.receive(&mut BytesMut::from(wrong)).unwrap_err();
        assert_eq!(error, ConnectionError::Preface);
        assert_eq!(server.receive(&mut BytesMut::new()), Err(error));
        assert_eq!(frames(server.output().take()).last().unwrap().0, GOAWAY);
    }
    for (kind, flags) in [(PING, 0), (SETTINGS, 1)] {
        let mut client = Connection::new(Config::new(Role::Client));
        let mut input = BytesMut::new();
        put_header(&mut input, kind, flags, StreamId(0), 0);
        let error = client.receive(&mut input).unwrap_err();
        assert_eq!(error, ConnectionError::SettingsMissing(kind));
    }
}

#[test]
fn frames_have_their_size_and_place() {
    let size = |kind, len| ConnectionError::FrameSize { kind, len };
    let place = |kind, id| ConnectionError::WrongStream {
        kind,
        id: StreamId(id),
    };
    for (kind, flags, id, len, error) in [
        (PING, 0, 0, 7, size(PING, 7)),
        (SETTINGS, 0, 0, 5, size(SETTINGS, 5)),
        (SETTINGS, 1, 0, 6, size(SETTINGS, 6)),
        (GOAWAY, 0, 0, 7, size(GOAWAY, 7)),
        (WINDOW_UPDATE, 0, 0, 5, size(WINDOW_UPDATE, 5)),
        (RST_STREAM, 0, 1, 3, size(RST_STREAM, 3)),
        (HEADERS, 0x20, 1, 4, size(HEADERS, 4)),
        (DATA, 0, 0, 1, place(DATA, 0)),
        (HEADERS, 4, 0, 1, place(HEADERS, 0)),
        (PRIORITY, 0, 0, 5, place(PRIORITY, 0)),
        (RST_STREAM, 0, 0, 4, place(RST_STREAM, 0)),
        (SETTINGS, 0, 1, 0, place(SETTINGS, 1)),
        (PING, 0, 1, 8, place(PING, 1)),
        (GOAWAY, 0, 1, 8, place(GOAWAY, 1)),
        (DATA, 8, 1, 0, ConnectionError::Padding(DATA)),
        (HEADERS, 8, 1, 0, ConnectionError::Padding(HEADERS)),
    ] {
        let mut alone = Alone::server();
        assert_eq!(
            alone.feed(kind, flags, id, &vec![0; len]),
            Err(error.clone())
        );
        assert_eq!(alone.goaway(), error.reason());
    }
    let mut alone = Alone::server();
    let mut input = BytesMut::new();
    // Refused before it is there.
    put_header(&mut input, DATA, 0, StreamId(1), 16_385);
    let error = alone.connection.receive(&mut input).unwrap_err();
    assert_eq!(
        error,
        ConnectionError::FrameTooLarge {
            kind: DATA,
            len: 16_385,
            limit: 16_384
        }
    );
    assert_eq!(alone.goaway(), Reason::FRAME_SIZE_ERROR);
}

#[test]
fn unknown_frames_and_priorities_are_ignored() {
    let mut alone = Alone::server();
    for (kind, id, len) in [(0x10, 0, 3), (0xff, 77, 0), (2, 9, 5), (2, 9, 4)] {
        assert_eq!(
            alone.feed(FrameKind(kind), 0xff, id, &vec![1; len]),
            Ok(None)
        );
    }
    let mut block = b"\x80\0\0\0\xff".to_vec();
    block.extend(alone.block(&GET));
    let event = alone.feed(HEADERS, WHOLE | 0x20, 1, &block).unwrap();
    assert!(matches!(event, Some(Event::Headers { head, .. }) if head.pseudo.len() == 4));
    assert_eq!(alone.sent(), []);
}

#[test]
fn streams_are_opened_in_order_by_the_right_side() {
    let mut alone = Alone::server();
    alone.head(WHOLE, 5, &GET).unwrap();
    let error = alone.head(WHOLE, 3, &GET).unwrap_err();
    let id = StreamId(3);
    assert_eq!(error, ConnectionError::StreamClosed { kind: HEADERS, id });
    assert_eq!(alone.goaway(), Reason::STREAM_CLOSED);

    let idle = |kind, id| ConnectionError::StreamIdle {
        kind,
        id: StreamId(id),
    };
    assert_eq!(Alone::server().head(WHOLE, 2, &GET), Err(idle(HEADERS, 2)));
    for id in [7, 8] {
        for (kind, len) in [(DATA, 1), (RST_STREAM, 4), (WINDOW_UPDATE, 4)] {
            let error = Alone::server().feed(kind, 0, id, &vec![1; len]);
            assert_eq!(error, Err(idle(kind, id)));
        }
    }
    assert_eq!(
        Alone::client().head(4, 2, &OK),
        Err(ConnectionError::StreamNumber(StreamId(2)))
    );
    // A stream without a head does not exist for the peer.
    let mut client = Alone::client();
    client.connection.open().unwrap();
    assert_eq!(client.head(4, 1, &OK), Err(idle(HEADERS, 1)));
}

#[test]
fn header_blocks_are_not_interrupted() {
    let mut alone = Alone::server();
    let error = alone.feed(CONTINUATION, 4, 1, b"").unwrap_err();
    assert_eq!(error, ConnectionError::ContinuationUnexpected(StreamId(1)));
    for (kind, on) in [
        (PING, 0),
        (HEADERS, 1),
        (CONTINUATION, 3),
        (FrameKind(99), 1),
    ] {
        let mut alone = Alone::server();
        assert_eq!(alone.head(0, 1, &GET), Ok(None));
        let (id, on) = (StreamId(1), StreamId(on));
        let error = alone.feed(kind, 0, on.0, &[0; 8]).unwrap_err();
        assert_eq!(
            error,
            ConnectionError::HeadersInterrupted {
                id,
                found: kind,
                on
            }
        );
        assert_eq!(alone.goaway(), Reason::PROTOCOL_ERROR);
    }
}

#[test]
fn broken_compression_ends_the_connection() {
    let mut alone = Alone::server();
    let error = alone.feed(HEADERS, WHOLE, 1, b"\xff").unwrap_err();
    assert_eq!(
        error.to_string(),
        "headers can't be decompressed: they end in the middle of a field"
    );
    assert_eq!(alone.goaway(), Reason::COMPRESSION_ERROR);
}

#[test]
fn settings_have_their_range() {
    for (id, value, name, reason) in [
        (2, 2, "SETTINGS_ENABLE_PUSH", Reason::PROTOCOL_ERROR),
        (
            4,
            0x8000_0000_u32,
            "SETTINGS_INITIAL_WINDOW_SIZE",
            Reason::FLOW_CONTROL_ERROR,
        ),
        (5, 16_383, "SETTINGS_MAX_FRAME_SIZE", Reason::PROTOCOL_ERROR),
        (
            5,
            1 << 24,
            "SETTINGS_MAX_FRAME_SIZE",
            Reason::PROTOCOL_ERROR,
        ),
        (
            8,
            2,
            "SETTINGS_ENABLE_CONNECT_PROTOCOL",
            Reason::PROTOCOL_ERROR,
        ),
    ] {
        let mut alone = Alone::server();
        let payload = [&[0, id][..], &value.to_be_bytes()].concat();
        let error = alone.feed(SETTINGS, 0, 0, &payload).unwrap_err();
        assert_eq!(error, ConnectionError::Setting { name, value });
        assert_eq!(alone.goaway(), reason);
    }
    let mut client = Alone::client();
    let error = client
        .feed(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 1])
        .unwrap_err();
    assert_eq!(error.reason(), Reason::PROTOCOL_ERROR);
    let mut client = Alone::client();
    let connect = |on| [0, 8, 0, 0, 0, on];
    assert_eq!(
        client.feed(SETTINGS, 0, 0, &connect(1)),
        Ok(Some(Event::Settings))
    );
    assert!(client.feed(SETTINGS, 0, 0, &connect(0)).is_err());
    // Unknown ones are ignored, and confirmed with the rest.
    let mut server = Alone::server();
    assert_eq!(
        server.feed(SETTINGS, 0, 0, &[0xff; 6]),
        Ok(Some(Event::Settings))
    );
    assert_eq!(server.sent(), [(SETTINGS, 1, 0, Bytes::new())]);
}

#[test]
fn windows_have_their_range() {
    let mut alone = Alone::server();
    let error = alone.feed(WINDOW_UPDATE, 0, 0, &[0; 4]).unwrap_err();
    assert_eq!(error, ConnectionError::WindowIncrement);
    let mut alone = Alone::server();
    let error = alone
        .feed(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])
        .unwrap_err();
    assert_eq!(
        (&error, error.reason()),
        (&ConnectionError::WindowOverflow, Reason::FLOW_CONTROL_ERROR)
    );

    let mut alone = Alone::server();
    for (id, increment, error) in [
        (1, 0, StreamError::WindowIncrement),
        (3, 0x7fff_ffff_u32, StreamError::WindowOverflow),
    ] {
        alone.head(WHOLE, id, &GET).unwrap();
        let event = alone
            .feed(WINDOW_UPDATE, 0, id, &increment.to_be_bytes())
            .unwrap();
        assert_eq!(stream(event), (error.clone(), None));
        let reason = Bytes::copy_from_slice(&error.reason().0.to_be_bytes());
        assert_eq!(alone.sent(), [(RST_STREAM, 0, id, reason)]);
    }
    // The windows of streams follow the setting, and must not overflow.
    alone.head(WHOLE, 5, &GET).unwrap();
    alone
        .feed(WINDOW_UPDATE, 0, 5, &0x7fff_0000_u32.to_be_bytes())
        .unwrap();
    let error = alone.feed(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]).unwrap_err();
    assert_eq!(error, ConnectionError::WindowOverflow);
}

#[test]
fn more_data_than_allowed_is_refused() {
    let config = Config {
        stream_window: 70_000,
        connection_window: 100_000,
        max_frame_size: 1_000_000,
        ..Config::new(Role::Server)
    };
    let mut alone = Alone::new(config);
    for id in [1, 3] {
        alone.head(4, id, &GET).unwrap();
    }
    let data = vec![0; 14_000];
    for _ in 0..5 {
        assert!(matches!(
            alone.feed(DATA, 0, 1, &data),
            Ok(Some(Event::Data { .. }))
        ));
    }
    let event = alone.feed(DATA, 0, 1, &[0]).unwrap();
    assert_eq!(stream(event), (StreamError::WindowExceeded, None));
    let error = alone.feed(DATA, 0, 3, &[0; 100_001]).unwrap_err();
    assert_eq!(error, ConnectionError::WindowExceeded);
    assert_eq!(alone.goaway(), Reason::FLOW_CONTROL_ERROR);
}

#[test]
fn a_stream_that_was_ended_takes_no_more() {
    let mut alone = Alone::server();
    alone.head(WHOLE, 1, &GET).unwrap();
    let event = alone.feed(DATA, 0, 1, b"x").unwrap();
    assert_eq!(stream(event), (StreamError::AfterEnd(DATA), None));
    alone.head(WHOLE, 3, &GET).unwrap();
    let event = alone.head(WHOLE, 3, &GET).unwrap();
    assert_eq!(stream(event), (StreamError::AfterEnd(HEADERS), None));
    // What follows was perhaps under way.
    assert_eq!(alone.feed(DATA, 0, 1, b"x"), Ok(None));
    assert_eq!(alone.head(WHOLE, 3, &GET), Ok(None));
    let reset = |id| (RST_STREAM, 0, id, Bytes::from_static(&[0, 0, 0, 5]));
    assert_eq!(alone.sent(), [reset(1), reset(3)]);

    // Both sides have ended it.
    alone.head(WHOLE, 5, &GET).unwrap();
    alone
        .connection
        .send_headers(StreamId(5), OK, &none(), true)
        .unwrap();
    for kind in [RST_STREAM, WINDOW_UPDATE] {
        assert_eq!(alone.feed(kind, 0, 5, &[0, 0, 0, 1]), Ok(None));
    }
    let id = StreamId(5);
    let error = alone.feed(DATA, 0, 5, b"x").unwrap_err();
    assert_eq!(error, ConnectionError::StreamClosed { kind: DATA, id });
}

#[test]
fn a_peer_that_goes_on_after_its_reset_is_told() {
    let mut alone = Alone::server();
    alone.head(4, 1, &GET).unwrap();
    alone.feed(RST_STREAM, 0, 1, &[0, 0, 0, 8]).unwrap();
    assert_eq!(alone.feed(DATA, 0, 1, b"x"), Ok(None));
    assert_eq!(
        alone.sent(),
        [(RST_STREAM, 0, 1, Bytes::from_static(&[0, 0, 0, 5]))]
    );
}

#[test]
fn a_message_has_one_head_and_then_content_and_then_trailers() {
    let mut server = Alone::server();
    server.head(4, 1, &GET).unwrap();
    let event = server.head(4, 1, &GET).unwrap();
    assert_eq!(stream(event), (StreamError::SecondHead, None));

    let mut client = Alone::client();
    for _ in 0..4 {
        let id = client.connection.open().unwrap();
        client
            .connection
            .send_headers(id, GET, &none(), true)
            .unwrap();
    }
    let event = client.feed(DATA, 0, 1, b"x").unwrap();
    assert_eq!(stream(event), (StreamError::DataBeforeHead, None));
    let (error, head) = stream(client.head(WHOLE, 3, &[(b":status", b"100")]).unwrap());
    assert_eq!(
        (error, head.unwrap().pseudo.len()),
        (StreamError::EndsInformational, 1)
    );
    for (flags, end) in [(4, false), (WHOLE, true)] {
        let event = client.head(flags, 5, &OK).unwrap();
        match (event, end) {
            (Some(Event::Headers { .. }), false) => {}
            // Pseudo-headers in trailers are for the caller to judge.
            (Some(Event::Trailers { headers, .. }), true) => assert!(headers.contains(":status")),
            (other, _) => panic!("{other:?}"),
        }
    }
    // A response without a status is still to be shown.
    let event = client.head(WHOLE, 7, &[(b"a", b"b")]).unwrap();
    assert!(matches!(event, Some(Event::Headers { end: true, .. })));
}

#[test]
fn streams_beyond_the_limit_are_refused_and_shown() {
    let config = Config {
        max_concurrent_streams: 1,
        ..Config::new(Role::Server)
    };
    let mut alone = Alone::new(config);
    alone.head(4, 1, &GET).unwrap();
    let (error, head) = stream(alone.head(WHOLE, 3, &GET).unwrap());
    assert_eq!(
        (error, head.unwrap().pseudo.len()),
        (StreamError::TooMany(1), 4)
    );
    assert_eq!(
        alone.sent(),
        [(RST_STREAM, 0, 3, Bytes::from_static(&[0, 0, 0, 7]))]
    );
    assert_eq!(alone.connection.open_streams(), 1);
    assert_eq!(alone.feed(DATA, 1, 3, b"x"), Ok(None));
}

#[test]
fn a_priority_of_the_wrong_size_resets_an_open_stream() {
    let mut alone = Alone::server();
    alone.head(4, 1, &GET).unwrap();
    let event = alone.feed(PRIORITY, 0, 1, &[0; 4]).unwrap();
    assert_eq!(stream(event), (StreamError::PrioritySize(4), None));
}

#[test]
fn pushes_are_refused() {
    for role in [Role::Client, Role::Server] {
        let mut alone = Alone::new(Config::new(role));
        let error = alone.feed(PUSH_PROMISE, 4, 1, &[0, 0, 0, 2]).unwrap_err();
        assert_eq!(
            (&error, error.reason()),
            (&ConnectionError::Push, Reason::PROTOCOL_ERROR)
        );
    }
    let mut alone = Alone::new(Config {
        enable_push: true,
        ..Config::new(Role::Client)
    });
    let id = alone.connection.open().unwrap();
    alone
        .connection
        .send_headers(id, GET, &none(), true)
        .unwrap();
    alone.sent();
    let mut promise = vec![0, 0, 0, 2];
    promise.extend(alone.block(&[(b"x-in-step", b"1")]));
    assert_eq!(alone.feed(PUSH_PROMISE, 4, 1, &promise), Ok(None));
    assert_eq!(
        alone.sent(),
        [(RST_STREAM, 0, 2, Bytes::from_static(&[0, 0, 0, 8]))]
    );
    // What was under way is ignored, and header compression stays in step.
    assert_eq!(alone.head(4, 2, &OK), Ok(None));
    assert_eq!(alone.feed(DATA, 1, 2, b"pushed"), Ok(None));
    let event = alone.head(WHOLE, 1, &[(b"x-in-step", b"1")]).unwrap();
    assert!(
        matches!(event, Some(Event::Headers { head, .. }) if head.headers.get("x-in-step") == Some(b"1"))
    );
    let again = alone.feed(PUSH_PROMISE, 4, 1, &promise).unwrap_err();
    assert_eq!(again, ConnectionError::StreamNumber(StreamId(2)));
}

#[test]
fn a_failed_connection_does_nothing_more() {
    let mut alone = Alone::server();
    alone.head(4, 1, &GET).unwrap();
    let error = alone.feed(PING, 0, 0, b"short").unwrap_err();
    let (id, connection) = (StreamId(1), &mut alone.connection);
    drop(connection.output().take());
    assert_eq!(connection.receive(&mut BytesMut::new()), Err(error));
    assert_eq!(
        connection.send_headers(id, OK, &none(), true),
        Err(SendError::Closed)
    );
    assert_eq!(
        connection.send_data(id, Bytes::new(), true),
        Err(SendError::Closed)
    );
    assert_eq!(
        connection.send_trailers(id, &none()),
        Err(SendError::Closed)
    );
    connection.reset(id, Reason::CANCEL);
    connection.consume(id, 1000);
    connection.ping([0; 8]);
    connection.goaway(None, Reason::NO_ERROR, b"");
    connection.pump();
    assert!(connection.output().is_empty() && !connection.can_open());
}

#[test]
fn the_goaway_of_an_error_says_what_was_wrong_and_what_was_seen() {
    let mut alone = Alone::server();
    alone.head(WHOLE, 9, &GET).unwrap();
    alone.feed(PING, 0, 0, b"short").unwrap_err();
    let (_, _, _, payload) = alone.sent().pop().unwrap();
    assert_eq!(&payload[..8], [0, 0, 0, 9, 0, 0, 0, 6]);
    assert_eq!(
        &payload[8..],
        b"a PING frame can't have a length of 5 bytes"
    );
}
