//! Requests and responses, as two well-behaved ends exchange them.

use proptest::prelude::*;

use super::*;

fn fields(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().copied().collect()
}

#[test]
fn a_request_and_its_response_pass_with_content_and_trailers() {
    let mut pair = Pair::default();
    let id = pair.client.open().unwrap();
    assert_eq!(id, StreamId(1));
    let sent = fields(&[("x-a", "1"), ("cookie", "a"), ("x-a", "2"), ("cookie", "b")]);
    pair.client.send_headers(id, GET, &sent, false).unwrap();
    pair.client
        .send_data(id, Bytes::from_static(b"up"), false)
        .unwrap();
    pair.client.send_data(id, Bytes::new(), true).unwrap();
    let received = pair.at_server();
    let [
        Event::Headers {
            head, end: false, ..
        },
        up,
        end,
    ] = &received[..]
    else {
        panic!("{received:?}");
    };
    assert_eq!(head.pseudo, GET.into_iter().collect());
    assert_eq!(head.headers, sent);
    assert!(!head.late_pseudo);
    let data = |data, flow, end| Event::Data {
        id,
        data: Bytes::from_static(data),
        flow,
        end,
    };
    assert_eq!((up, end), (&data(b"up", 2, false), &data(b"", 0, true)));
    assert!(pair.client.is_send_closed(id) && !pair.client.is_closed(id));

    let early: [(&[u8], &[u8]); 1] = [(b":status", b"103")];
    pair.server.send_headers(id, early, &none(), false).unwrap();
    pair.server.send_headers(id, OK, &none(), false).unwrap();
    pair.server
        .send_data(id, Bytes::from_static(b"down"), false)
        .unwrap();
    let trailers = fields(&[("grpc-status", "0")]);
    pair.server.send_trailers(id, &trailers).unwrap();
    assert!(pair.server.is_closed(id));
    let received = pair.at_client();
    assert!(
        matches!(&received[0], Event::Headers { head, .. } if head.pseudo.get(":status") == Some(b"103"))
    );
    assert!(
        matches!(&received[1], Event::Headers { head, .. } if head.pseudo.get(":status") == Some(b"200"))
    );
    assert_eq!(received[2], data(b"down", 4, false));
    assert_eq!(
        received[3],
        Event::Trailers {
            id,
            headers: trailers
        }
    );
    assert_eq!(received.len(), 4);
    assert!(pair.client.is_closed(id));
    assert_eq!(
        (pair.client.open_streams(), pair.server.open_streams()),
        (0, 0)
    );
}

#[test]
fn odd_messages_are_delivered_as_they_were_sent() {
    let mut pair = Pair::default();
    let pseudo: [(&[u8], &[u8]); 5] = [
        (b":path", b"no slash"),
        (b":method", b"GET"),
        (b":path", b"/again"),
        (b":unknown", b"\0\r\n"),
        (b":method", b""),
    ];
    let sent = fields(&[
        ("Upper-Case", " padded "),
        ("connection", "close"),
        ("te", "gzip"),
        ("", "no name"),
        ("transfer-encoding", "chunked"),
        ("content-length", "7"),
        ("line\r\nbreak", "\n"),
    ]);
    let id = pair.client.open().unwrap();
    pair.client.send_headers(id, pseudo, &sent, true).unwrap();
    let received = pair.at_server();
    let [
        Event::Headers {
            head, end: true, ..
        },
    ] = &received[..]
    else {
        panic!("{received:?}");
    };
    assert_eq!(head.pseudo, pseudo.into_iter().collect());
    assert_eq!(head.headers, sent);
    assert!(!head.headers.is_line_safe());
}

#[test]
fn heads_larger_than_a_frame_are_continued() {
    let mut pair = Pair::default();
    let id = pair.client.open().unwrap();
    let long = "x".repeat(100_000);
    let sent = fields(&[("x-long", &long), ("after", "it")]);
    pair.client.send_headers(id, GET, &sent, true).unwrap();
    let wire = pair.client.output().take();
    let kinds: Vec<_> = frames(wire.clone())
        .into_iter()
        .map(|(kind, flags, _, payload)| (kind, flags, payload.len()))
        .collect();
    assert_eq!(kinds[0], (FrameKind::HEADERS, 1, 16_384));
    assert_eq!(kinds[1..6], [(FrameKind::CONTINUATION, 0, 16_384); 5]);
    assert!(matches!(
        kinds[6..],
        [(FrameKind::CONTINUATION, 4, 1..16_384)]
    ));
    let received = events(&mut pair.server, &mut BytesMut::from(&*wire));
    assert!(
        matches!(&received[..], [Event::Headers { head, end: true, .. }] if head.headers == sent)
    );
}

#[test]
fn resets_reach_the_other_side_once() {
    let mut pair = Pair::default();
    let id = pair.upload();
    pair.client
        .send_data(id, Bytes::from_static(b"never seen"), false)
        .unwrap();
    drop(pair.client.output().take());
    pair.client.reset(id, Reason::CANCEL);
    pair.client.reset(id, Reason::CANCEL);
    assert!(pair.client.is_closed(id));
    let reason = Reason::CANCEL;
    assert_eq!(
        pair.at_server(),
        [Event::Reset {
            id,
            reason,
            unsent: 0
        }]
    );
    assert!(pair.server.is_closed(id));
    let error = pair.server.send_headers(id, OK, &none(), true);
    assert_eq!(error, Err(SendError::Closed));
    assert!(pair.server.output().is_empty());
}

#[test]
fn what_was_under_way_when_a_stream_was_reset_is_ignored() {
    let mut pair = Pair::default();
    let id = pair.upload();
    pair.server.reset(id, Reason::CANCEL);
    pair.client
        .send_data(id, Bytes::from(vec![0; 10_000]), false)
        .unwrap();
    pair.client
        .send_trailers(id, &fields(&[("x-kept-in-step", "1")]))
        .unwrap();
    assert_eq!(pair.at_server(), []);
    // Header compression stays in step.
    let next = pair.client.open().unwrap();
    pair.client
        .send_headers(next, GET, &fields(&[("x-kept-in-step", "1")]), true)
        .unwrap();
    let received = pair.at_server();
    assert!(
        matches!(&received[..], [Event::Headers { head, .. }] if head.headers.contains("x-kept-in-step"))
    );
}

#[test]
fn sending_follows_the_order_of_a_message() {
    let mut pair = Pair::default();
    let (client, id) = (&mut pair.client, StreamId(1));
    let data = Bytes::from_static(b"x");
    assert_eq!(
        client.send_data(id, data.clone(), false),
        Err(SendError::Closed)
    );
    assert_eq!(client.open(), Some(id));
    assert_eq!(
        client.send_data(id, data.clone(), false),
        Err(SendError::NoHead)
    );
    assert_eq!(client.send_trailers(id, &none()), Err(SendError::NoHead));
    client.send_headers(id, GET, &none(), false).unwrap();
    client.send_data(id, data.clone(), false).unwrap();
    assert_eq!(
        client.send_headers(id, GET, &none(), false),
        Err(SendError::AfterData)
    );
    client.send_data(id, data.clone(), true).unwrap();
    assert_eq!(
        client.send_data(id, data.clone(), false),
        Err(SendError::Ended)
    );
    assert_eq!(client.send_trailers(id, &none()), Err(SendError::Ended));
    let (third, fifth) = (client.open().unwrap(), client.open().unwrap());
    client.send_headers(fifth, GET, &none(), true).unwrap();
    assert_eq!(
        client.send_headers(third, GET, &none(), true),
        Err(SendError::OutOfOrder)
    );
    assert!(client.is_closed(third));
    assert_eq!(pair.at_server().len(), 4);
}

#[test]
fn a_stream_that_the_server_has_not_heard_of_is_dropped_silently() {
    let mut pair = Pair::default();
    let id = pair.client.open().unwrap();
    pair.client.reset(id, Reason::CANCEL);
    assert!(pair.client.is_closed(id) && pair.client.output().is_empty());
    assert_eq!(pair.request(), StreamId(3));
}

#[test]
fn streams_are_opened_as_far_as_the_server_allows() {
    let mut config = Config::new(Role::Server);
    config.max_concurrent_streams = 2;
    let mut pair = Pair::new(Config::new(Role::Client), config);
    let (first, _) = (pair.request(), pair.request());
    assert!(!pair.client.can_open());
    assert_eq!(pair.client.open(), None);
    pair.server.send_headers(first, OK, &none(), true).unwrap();
    let received = pair.at_client();
    assert!(matches!(
        received[..],
        [Event::Headers { .. }, Event::StreamsAvailable]
    ));
    assert_eq!(pair.client.open(), Some(StreamId(5)));
    assert_eq!(pair.server.open(), None);
}

#[test]
fn before_the_settings_are_known_a_hundred_streams_are_opened() {
    let mut client = Connection::new(Config::new(Role::Client));
    assert!(!client.peer_settings().received);
    assert_eq!(std::iter::from_fn(|| client.open()).count(), 100);
}

#[test]
fn settings_are_told_and_read() {
    let mut config = Config::new(Role::Server);
    config.max_frame_size = 20_000;
    config.header_table_size = 1000;
    config.enable_connect_protocol = true;
    let pair = Pair::new(Config::new(Role::Client), config);
    let expected = PeerSettings {
        received: true,
        max_concurrent_streams: Some(250),
        initial_window: 256 * 1024,
        max_frame_size: 20_000,
        header_table_size: 1000,
        header_list_size: Some(256 * 1024),
        enable_connect_protocol: true,
    };
    assert_eq!(*pair.client.peer_settings(), expected);
    let client = pair.server.peer_settings();
    assert_eq!(client.max_concurrent_streams, None);
    assert!(!client.enable_connect_protocol);
}

#[test]
fn a_connection_can_be_wound_down() {
    let mut pair = Pair::default();
    let open = pair.upload();
    // First the warning, then the word.
    pair.server
        .goaway(Some(StreamId::MAX), Reason::NO_ERROR, b"");
    let later = pair.client.open().unwrap();
    pair.client.send_headers(later, GET, &none(), true).unwrap();
    pair.server.goaway(None, Reason::NO_ERROR, b"bye");
    assert_eq!(pair.at_server(), []);
    let received = pair.at_client();
    let last = |event: &Event| match event {
        Event::GoAway { last, .. } => *last,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        received.iter().map(last).collect::<Vec<_>>(),
        [StreamId::MAX, open]
    );
    assert!(pair.client.is_closed(later) && !pair.client.is_closed(open));
    assert!(!pair.client.can_open());
    pair.client.send_data(open, Bytes::new(), true).unwrap();
    assert_eq!(pair.at_server().len(), 1);
    pair.server.send_headers(open, OK, &none(), true).unwrap();
    assert_eq!(pair.at_client().len(), 1);
}

#[test]
fn pings_are_answered() {
    let mut pair = Pair::default();
    pair.client.ping(*b"12345678");
    assert_eq!(pair.at_server(), []);
    assert_eq!(pair.at_client(), [Event::Pong(*b"12345678")]);
}

#[test]
fn never_indexed_fields_stay_so() {
    let mut pair = Pair::default();
    let id = pair.client.open().unwrap();
    let mut headers = Headers::new();
    for never_indexed in [true, false] {
        headers.push(crate::headers::FieldRef {
            name: b"x-secret",
            value: b"value",
            never_indexed,
        });
    }
    let pseudo = GET.map(crate::headers::FieldRef::from);
    pair.client
        .send_headers(id, pseudo, &headers, true)
        .unwrap();
    let received = pair.at_server();
    let [Event::Headers { head, .. }] = &received[..] else {
        panic!("{received:?}");
    };
    let flags: Vec<_> = head.headers.fields().map(|f| f.never_indexed).collect();
    assert_eq!(flags, [true, false]);
}

proptest! {
    /// Where the network happens to cut the stream never changes what is received.
    #[test]
    fn any_split_is_received_the_same(cuts in proptest::collection::vec(1_usize..200, 1..20)) {
        let mut client = Connection::new(Config::new(Role::Client));
        for n in 0..3 {
            let id = client.open().unwrap();
            client.send_headers(id, GET, &fields(&[("x-n", &n.to_string())]), false).unwrap();
            client.send_data(id, Bytes::from(vec![n; 100 * usize::from(n)]), false).unwrap();
            client.send_trailers(id, &fields(&[("x-trailer", "1")])).unwrap();
        }
        client.ping([1; 8]);
        let wire = client.output().take();
        let mut whole = Connection::new(Config::new(Role::Server));
        let expected = events(&mut whole, &mut BytesMut::from(&*wire));
        let mut server = Connection::new(Config::new(Role::Server));
        let (mut input, mut received, mut rest) = (BytesMut::new(), Vec::new(), &wire[..]);
        for cut in cuts.iter().cycle() {
            let (part, left) = rest.split_at(rest.len().min(*cut));
            input.extend_from_slice(part);
            received.extend(events(&mut server, &mut input));
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(received, expected);
        prop_assert_eq!(server.output().take(), whole.output().take());
    }
}
