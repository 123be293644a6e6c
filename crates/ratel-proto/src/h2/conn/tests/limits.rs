//! Floods.

use super::*;

const WHOLE: u8 = 5;

/// Feeds the same frame until it is too much; how many were taken.
fn flood(
    mut frame: impl FnMut(u32) -> Result<Option<Event>, ConnectionError>,
) -> (u32, ConnectionError) {
    for n in 0..1_000_000 {
        if let Err(error) = frame(n) {
            assert_eq!(error.reason(), Reason::ENHANCE_YOUR_CALM);
            return (n, error);
        }
    }
    panic!("no limit");
}

#[test]
fn frames_without_use_are_limited() {
    for (kind, flags, id, len, expected) in [
        (FrameKind::PRIORITY, 0, 5, 5, 10_000),
        (FrameKind::WINDOW_UPDATE, 0, 0, 4, 10_000),
        (FrameKind::WINDOW_UPDATE, 0, 1, 4, 10_000),
        (FrameKind::DATA, 0, 1, 0, 10_000),
        (FrameKind::DATA, 8, 1, 5, 10_000),
        (FrameKind::SETTINGS, 1, 0, 0, 10_000),
        (FrameKind::PING, 1, 0, 8, 10_000),
        (FrameKind::GOAWAY, 0, 0, 8, 1250),
        (FrameKind(99), 0, 0, 3, 10_000),
    ] {
        let mut alone = Alone::server();
        alone.head(4, 1, &GET).unwrap();
        let payload = match kind {
            FrameKind::DATA => vec![4, 0, 0, 0, 0],
            _ => vec![0, 0, 0, 1, 0, 0, 0, 0],
        };
        let (taken, error) = flood(|_| alone.feed(kind, flags, id, &payload[..len]));
        assert!(
            (expected - 10..=expected).contains(&taken),
            "{kind}: {taken}"
        );
        assert_eq!(error, ConnectionError::Flood(Flood::Control));
    }
}

#[test]
fn useful_frames_and_time_make_up_for_useless_ones() {
    let mut alone = Alone::server();
    for n in 0..5000 {
        alone.head(4, 2 * n + 1, &GET).unwrap();
        for _ in 0..4 {
            alone.feed(FrameKind::PRIORITY, 0, 1, &[0; 5]).unwrap();
        }
        alone.connection.reset(StreamId(2 * n + 1), Reason::CANCEL);
        alone.sent();
    }
    for _ in 0..100 {
        for _ in 0..1000 {
            alone.feed(FrameKind::PRIORITY, 0, 1, &[0; 5]).unwrap();
        }
        alone.connection.tick();
    }
    // A peer that downloads may say so after each piece.
    let id = StreamId(10_001);
    alone.head(WHOLE, id.0, &GET).unwrap();
    alone
        .connection
        .send_headers(id, OK, &none(), false)
        .unwrap();
    for _ in 0..20_000 {
        alone
            .connection
            .send_data(id, Bytes::from_static(b"piece"), false)
            .unwrap();
        for id in [0, id.0] {
            alone
                .feed(FrameKind::WINDOW_UPDATE, 0, id, &[0, 0, 0, 5])
                .unwrap();
        }
        drop(alone.connection.output().take());
    }
}

/// A peer that reads a large upload says so with each read, several times for each of our frames.
#[test]
fn updates_of_windows_that_are_worth_their_frames_are_no_flood() {
    let mut alone = Alone::server();
    alone.head(4, 1, &GET).unwrap();
    for _ in 0..100_000 {
        for id in [0, 1] {
            alone
                .feed(FrameKind::WINDOW_UPDATE, 0, id, &[0, 0, 16, 0])
                .unwrap();
        }
    }
}

/// A new stream on which something was asked.
fn asked(client: &mut Alone) -> u32 {
    let id = client.connection.open().unwrap();
    client
        .connection
        .send_headers(id, GET, &none(), true)
        .unwrap();
    id.0
}

/// Some hundred bytes on the wire may be a quarter of a megabyte, and nothing but this holds them back.
#[test]
fn informational_heads_are_limited_by_size_and_number() {
    let large = "x".repeat(4000);
    let early: Vec<(&[u8], &[u8])> = std::iter::once((&b":status"[..], &b"103"[..]))
        .chain(std::iter::repeat_n((&b"x"[..], large.as_bytes()), 3))
        .collect();
    let mut alone = Alone::client();
    let mut heads = 0;
    let end = loop {
        let id = asked(&mut alone);
        match (0..10).try_for_each(|_| alone.head(4, id, &early).map(drop)) {
            Ok(()) => heads += 10,
            Err(error) => break error,
        }
        assert!(heads < 1000, "no limit");
    };
    assert_eq!(end, ConnectionError::Flood(Flood::Control));
    let mut alone = Alone::client();
    let id = asked(&mut alone);
    for _ in 0..100 {
        alone.head(4, id, &[(b":status", b"103")]).unwrap();
    }
    let event = alone.head(4, id, &[(b":status", b"103")]).unwrap();
    assert_eq!(
        super::rules::stream(event).0,
        StreamError::TooManyInformational(100)
    );
}

#[test]
fn answers_that_nobody_reads_are_limited() {
    for (kind, len) in [(FrameKind::PING, 8), (FrameKind::SETTINGS, 0)] {
        let mut alone = Alone::server();
        let (taken, error) = flood(|_| alone.feed(kind, 0, 0, &vec![0; len]));
        assert_eq!(
            (taken, error),
            (1000, ConnectionError::Flood(Flood::Answers))
        );
    }
    // Read in time, they are not, even when the output is never empty.
    let mut alone = Alone::server();
    for _ in 0..100_000 {
        alone.feed(FrameKind::PING, 0, 0, &[0; 8]).unwrap();
        let output = alone.connection.output();
        output.advance(output.len().saturating_sub(100));
        alone.connection.tick();
    }
}

#[test]
fn rapid_resets_are_limited() {
    let mut alone = Alone::server();
    let (taken, error) = flood(|n| {
        alone.head(WHOLE, 2 * n + 1, &GET)?;
        alone.feed(FrameKind::RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])
    });
    assert_eq!((taken, error), (500, ConnectionError::Flood(Flood::Resets)));
    assert_eq!(alone.connection.open_streams(), 0);
}

#[test]
fn resets_that_the_peer_makes_us_send_count_too() {
    let mut alone = Alone::server();
    let (taken, error) = flood(|n| {
        drop(alone.connection.output().take());
        alone.head(4, 2 * n + 1, &GET)?;
        alone.feed(FrameKind::WINDOW_UPDATE, 0, 2 * n + 1, &[0; 4])
    });
    assert_eq!((taken, error), (500, ConnectionError::Flood(Flood::Resets)));
}

#[test]
fn a_peer_that_also_waits_for_answers_may_reset() {
    let mut alone = Alone::server();
    for n in 0..3000 {
        let id = 2 * n + 1;
        alone.head(WHOLE, id, &GET).unwrap();
        if n % 3 == 0 {
            alone
                .connection
                .send_headers(StreamId(id), OK, &none(), true)
                .unwrap();
            drop(alone.connection.output().take());
        } else {
            alone
                .feed(FrameKind::RST_STREAM, 0, id, &[0, 0, 0, 8])
                .unwrap();
        }
    }
    for n in 3000..10_000 {
        alone.head(WHOLE, 2 * n + 1, &GET).unwrap();
        alone
            .feed(FrameKind::RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])
            .unwrap();
        if n % 40 == 0 {
            alone.connection.tick();
        }
    }
}

#[test]
fn a_head_comes_in_a_limited_number_of_frames_and_bytes() {
    let mut alone = Alone::server();
    alone.head(0, 1, &GET).unwrap();
    let (taken, error) = flood(|_| alone.feed(FrameKind::CONTINUATION, 0, 1, b""));
    let frames = HeadersTooLarge::Frames(64);
    assert_eq!(
        (taken, error),
        (63, ConnectionError::HeadersTooLarge(frames))
    );

    let mut alone = Alone::server();
    alone.head(0, 1, &GET).unwrap();
    let (taken, error) = flood(|_| alone.feed(FrameKind::CONTINUATION, 0, 1, &[0; 16_384]));
    let bytes = HeadersTooLarge::Compressed(512 * 1024);
    assert_eq!(
        (taken, error),
        (31, ConnectionError::HeadersTooLarge(bytes))
    );
}

#[test]
fn a_head_that_is_too_large_resets_its_stream_and_is_shown_in_part() {
    let config = Config {
        header_list_limit: 10_000,
        ..Config::new(Role::Server)
    };
    let mut alone = Alone::new(config);
    let value = [b'x'; 2000];
    let field: (&[u8], &[u8]) = (b"x-long", &value);
    let mut fields = GET.to_vec();
    fields.extend([field; 6]);
    let limit = 10_000;
    let error = StreamError::HeadersTooLarge { limit };
    let event = alone.head(WHOLE, 1, &fields).unwrap();
    let Some(Event::StreamError {
        error: found,
        head: Some(head),
        ..
    }) = event
    else {
        panic!("{event:?}");
    };
    assert_eq!(
        (found, head.pseudo.len(), head.headers.len()),
        (error.clone(), 4, 4)
    );
    alone.head(4, 3, &GET).unwrap();
    let event = alone.head(WHOLE, 3, &[field; 6]).unwrap();
    assert!(
        matches!(event, Some(Event::StreamError { error: found, head: None, .. }) if found == error)
    );
    // Header compression stays in step.
    let event = alone.head(WHOLE, 5, &[field]).unwrap();
    assert!(
        matches!(event, Some(Event::Headers { head, .. }) if head.headers.get("x-long") == Some(&value))
    );
    // A bomb is not followed to its end.
    let mut bomb = alone.block(&[field]);
    bomb.extend([bomb[bomb.len() - 1]; 1000]);
    let error = alone.feed(FrameKind::HEADERS, WHOLE, 7, &bomb).unwrap_err();
    let bytes = HeadersTooLarge::Decompressed(160_000);
    assert_eq!(error, ConnectionError::HeadersTooLarge(bytes));
}

#[test]
fn streams_leave_nothing_behind() {
    let mut alone = Alone::server();
    let kilobytes = |alone: &Alone| format!("{:?}", alone.connection).len() / 1024;
    let before = kilobytes(&alone);
    for n in 0..20_000 {
        let id = StreamId(2 * n + 1);
        alone.head(WHOLE, id.0, &GET).unwrap();
        alone
            .connection
            .send_headers(id, OK, &none(), false)
            .unwrap();
        // More than the windows allow, so that it waits.
        alone
            .connection
            .send_data(id, Bytes::from(vec![0; 70_000]), false)
            .unwrap();
        drop(alone.connection.output().take());
        alone.connection.reset(id, Reason::CANCEL);
        while alone.connection.event().is_some() {}
    }
    drop(alone.connection.output().take());
    assert_eq!(alone.connection.open_streams(), 0);
    // What is left is the list of recent resets.
    assert!(kilobytes(&alone) - before < 64);
}
