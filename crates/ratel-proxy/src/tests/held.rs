//! What becomes of held parts: what comes behind them, who leaves meanwhile, edits that are taken back, and the record.

use ratel_core::control::{ControlError, FlowCommand, Part};
use ratel_core::store::Edit;
use ratel_flow::{Response, StreamKind, Timestamp};
use ratel_proto::h2::Role;
use ratel_proto::websocket::opcode;
use tokio::io::AsyncWriteExt;

use super::h2::Peer;
use super::intercept::{Holds, ID, OK, POST, events, h2_holding, holder, holding};
use super::websocket::{frame, open};
use super::*;

const NONE: MessageFlags = MessageFlags(0);

fn inject(side: Side, kind: MessageKind, text: &'static str) -> FlowCommand {
    FlowCommand::Inject {
        side,
        kind,
        content: text.into(),
    }
}

fn edit_message(side: Side, text: &'static str) -> FlowCommand {
    FlowCommand::EditMessage {
        side,
        content: text.into(),
    }
}

fn text(side: Side, text: &str) -> Vec<u8> {
    frame(side, true, 0, opcode::TEXT, text.as_bytes())
}

/// Reads a frame of that side's, whatever its mask, and says what is in it.
async fn said(from: &mut DuplexStream, side: Side) -> String {
    let key = if side == Side::Client { 4 } else { 0 };
    let mut head = vec![0; 2 + key];
    let read = tokio::time::timeout(Duration::from_secs(30), from.read_exact(&mut head)).await;
    assert!(matches!(read, Ok(Ok(_))), "{read:?}");
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    from.read_exact(&mut payload).await.expect("a payload");
    if let Ok(key) = head[2..].try_into() {
        ratel_proto::websocket::mask(&mut payload, key, 0);
    }
    String::from_utf8(payload).expect("text")
}

impl Play {
    /// Waits until the flow is over, and gives what it ended with.
    async fn ended(&self) -> String {
        for _ in 0..10_000 {
            if !self.control.is_live(ID) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!self.control.is_live(ID), "it goes on");
        self.store.flush();
        let flow = self.store.snapshot(ID).expect("a flow");
        assert!(flow.annotations.is_none_or(|said| !said.intercepted));
        assert_eq!(self.control.held_count(), 0);
        let error = flow.error.map(|error| error.message.to_string());
        error.unwrap_or_default()
    }

    fn times(&self) -> Vec<Timestamp> {
        self.store.flush();
        let window = self.store.messages(ID, 0..100).expect("a flow");
        window.items.iter().map(|head| head.timestamp).collect()
    }

    /// What a message had said before it was changed.
    fn came(&self, number: u64) -> String {
        self.store.flush();
        let window = self.store.messages(ID, number..number + 1).expect("a flow");
        let before = self.store.message_before(ID, number).expect("a change");
        let side = window.items[0].side;
        let bytes = self.store.payload(ID, side, before, 0..1000);
        String::from_utf8_lossy(&bytes.expect("a payload").bytes).into_owned()
    }

    /// The options change while connections are open.
    fn times_out_after(&self, after: Duration) {
        let mut config = Config::clone(&self.shared.config.load());
        config.intercept_timeout = Some(after);
        self.shared.config.store(Arc::new(config));
    }
}

// What comes behind

#[tokio::test(start_paused = true)]
async fn what_comes_behind_a_held_injection_leaves_with_its_release() {
    for (side, dropped) in [
        (Side::Client, false),
        (Side::Client, true),
        (Side::Server, false),
        (Side::Server, true),
    ] {
        let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
        play.tell(inject(side, MessageKind::Text, "hold it"));
        assert_eq!(play.held(ID).await.part, Part::Message(side));
        let behind = [text(side, "behind"), text(side, "more")].concat();
        match side {
            Side::Client => play.send(&behind).await,
            Side::Server => server.write_all(&behind).await.expect("room"),
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let released = clock::now();
        if dropped {
            play.tell(FlowCommand::DropMessage { side });
        } else {
            play.resume();
        }
        let receiver = match side {
            Side::Client => &mut server,
            Side::Server => &mut play.client,
        };
        if !dropped {
            assert_eq!(said(receiver, side).await, "hold it");
        }
        assert_eq!(said(receiver, side).await, "behind");
        assert_eq!(said(receiver, side).await, "more");
        let times = play.times();
        assert!(times.is_sorted() && times[0] >= released, "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_injected_message_follows_right_behind_the_one_that_is_held() {
    let side = Side::Client;
    let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
    let sent = [text(side, "hold"), text(side, "behind")].concat();
    play.send(&sent).await;
    play.held(ID).await;
    play.tell(inject(side, MessageKind::Text, "injected"));
    play.resume();
    for expected in ["hold", "injected", "behind"] {
        assert_eq!(said(&mut server, side).await, expected);
    }

    let (mut play, mut server) = events("Content-Length: 41\r\n").await;
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    play.client_gets(head).await;
    // The whole body, with its end.
    server
        .write_all(b"data: hold\n\ndata: two\n\ndata: hold again\n\n")
        .await
        .expect("room");
    play.held(ID).await;
    play.tell(inject(Side::Server, MessageKind::Event, "data: new"));
    play.resume();
    play.client_gets(b"c\r\ndata: hold\n\n\r\nb\r\ndata: new\n\n\r\nb\r\ndata: two\n\n\r\n")
        .await;
    play.held(ID).await;
    play.tell(inject(Side::Server, MessageKind::Event, "data: end"));
    play.resume();
    play.client_gets(b"12\r\ndata: hold again\n\n\r\nb\r\ndata: end\n\n\r\n0\r\n\r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_injected_into_a_direction_that_is_no_stream() {
    let (mut play, _server) = events("").await;
    play.client_gets(b"HTTP/1.1 200 OK\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let side = Side::Client;
    let sent = play
        .control
        .send(ID, inject(side, MessageKind::Event, "data: 1"));
    assert_eq!(sent, Err(ControlError::OneWay { id: ID, side }));
    let sent = sent.unwrap_err().to_string();
    assert_eq!(sent, "flow 1 carries no messages to the server");
    play.tell(inject(Side::Server, MessageKind::Event, "data: 1"));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_timeout_is_for_connections_that_are_open() {
    let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
    play.times_out_after(Duration::from_secs(7));
    let begun = tokio::time::Instant::now();
    play.send(&text(Side::Client, "hold")).await;
    play.held(ID).await;
    assert_eq!(said(&mut server, Side::Client).await, "hold");
    assert_eq!(begun.elapsed().as_secs(), 7);
}

// Edits that are taken back

#[tokio::test(start_paused = true)]
async fn edits_of_a_held_request_are_taken_back_and_so_is_an_answer() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    play.held(ID).await;
    assert_eq!(play.control.revert(ID), Ok(false));
    let mut request = play.store.snapshot(ID).and_then(|flow| flow.request);
    let request = request.as_mut().expect("a request");
    request.set_path("/b");
    play.tell(FlowCommand::Edit(Box::new(Edit {
        request: Some(request.clone()),
        request_body: Some("changed".into()),
        response: Some(Response::new(418, clock::now())),
        ..Edit::default()
    })));
    tokio::time::sleep(Duration::from_secs(1)).await;
    play.store.flush();
    let flow = play.store.snapshot(ID).expect("a flow");
    assert_eq!(flow.response.map(|response| response.status), Some(418));
    assert_eq!(play.control.revert(ID), Ok(true));
    tokio::time::sleep(Duration::from_secs(1)).await;
    play.store.flush();
    let flow = play.store.snapshot(ID).expect("a flow");
    assert!(flow.response.is_none() && !flow.modified);
    assert_eq!(flow.request.expect("a request").path, "/a");
    assert_eq!(play.body(1, Side::Client), "abc");
    assert!(play.is_intercepted(), "it is held all the same");
    play.resume();
    let mut server = play.server().await;
    gets(&mut server, POST).await;
    server.write_all(OK).await.expect("room");
    play.client_gets(OK).await;
    let records = play.records().await;
    assert!(records[0].error.is_none() && !records[0].modified);
}

#[tokio::test(start_paused = true)]
async fn what_was_edited_while_it_was_held_is_reverted_without_its_answer() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    play.held(ID).await;
    play.tell(FlowCommand::Edit(Box::new(Edit {
        request_body: Some("changed".into()),
        ..Edit::default()
    })));
    play.resume();
    let mut server = play.server().await;
    gets(
        &mut server,
        b"POST /a HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 7\r\n\r\nchanged",
    )
    .await;
    server.write_all(OK).await.expect("room");
    play.client_gets(OK).await;
    assert_eq!(play.ended().await, "");
    assert_eq!(play.store.revert(ID), Ok(true));
    let flow = play.store.snapshot(ID).expect("a flow");
    assert_eq!(flow.response.map(|response| response.status), Some(200));
    assert!(flow.annotations.is_none(), "nothing is held");
    assert!(flow.server_conn.is_some());
    assert_eq!(play.body(1, Side::Server), "ok");
    assert_eq!(play.body(1, Side::Client), "abc");
}

#[tokio::test(start_paused = true)]
async fn edits_of_a_held_response_are_taken_back() {
    let mut play = holding(Holds::Responses);
    play.send(POST).await;
    let mut server = play.server().await;
    gets(&mut server, POST).await;
    server.write_all(OK).await.expect("room");
    play.held(ID).await;
    play.tell(FlowCommand::Edit(Box::new(Edit {
        response_body: Some("down".into()),
        ..Edit::default()
    })));
    assert_eq!(play.control.revert(ID), Ok(true));
    play.resume();
    play.client_gets(OK).await;
    assert_eq!(play.body(1, Side::Server), "ok");
}

#[tokio::test(start_paused = true)]
async fn an_edited_message_is_taken_back_or_on_record_as_it_came() {
    let side = Side::Client;
    let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
    play.send(&text(side, "hold one")).await;
    play.held(ID).await;
    play.tell(edit_message(side, "other"));
    assert_eq!(play.control.revert(ID), Ok(true));
    play.resume();
    assert_eq!(said(&mut server, side).await, "hold one");
    play.send(&text(side, "hold two")).await;
    play.held(ID).await;
    play.tell(edit_message(side, "other"));
    play.resume();
    assert_eq!(said(&mut server, side).await, "other");
    let said = |flags, text: &str| (side, MessageKind::Text, flags, text.to_owned());
    let expected = [
        said(NONE, "hold one"),
        said(MessageFlags::MODIFIED, "other"),
    ];
    assert_eq!(play.messages(1), expected);
    assert_eq!(play.store.message_before(ID, 0), None);
    assert_eq!(play.came(1), "hold two");

    let (play, mut server) = events("").await;
    let events = b"data: one\n\ndata: hold\n\n";
    server.write_all(events).await.expect("room");
    play.held(ID).await;
    play.tell(edit_message(Side::Server, "data: new"));
    play.resume();
    drop(server);
    assert_eq!(play.ended().await, "");
    assert_eq!(play.came(1), "data: hold");
    assert_eq!(play.store.message_before(ID, 0), None);
}

// Who leaves

#[tokio::test(start_paused = true)]
async fn a_held_request_goes_nowhere_when_its_client_closes_its_side() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    play.held(ID).await;
    play.client.shutdown().await.expect("a pipe");
    let begun = tokio::time::Instant::now();
    let error = play.ended().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(
        error.ends_with("while its request was held back"),
        "{error}"
    );
    let told = play.client_rest().await;
    assert!(told.starts_with("HTTP/1.1 502 "), "{told}");
    assert!(play.servers.try_recv().is_err(), "no server was asked");
    let records = play.records().await;
    assert!(
        records[0]
            .error
            .as_ref()
            .is_some_and(|error| error.by_client)
    );
}

#[tokio::test(start_paused = true)]
async fn a_held_response_is_no_success_when_its_client_has_left() {
    // Before it is held, or after that.
    for early in [true, false] {
        let mut play = holding(Holds::Responses);
        play.send(POST).await;
        let mut server = play.server().await;
        gets(&mut server, POST).await;
        if early {
            play.client.shutdown().await.expect("a pipe");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        server.write_all(OK).await.expect("room");
        if !early {
            play.held(ID).await;
            play.client.shutdown().await.expect("a pipe");
        }
        let error = play.ended().await;
        assert!(
            error.ends_with("while its response was held back"),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_held_message_when_the_client_leaves_or_it_is_killed() {
    for killed in [true, false] {
        let (mut play, mut server) = events("").await;
        let events = b"data: one\n\ndata: hold\n\n";
        server.write_all(events).await.expect("room");
        play.held(ID).await;
        if killed {
            play.tell(FlowCommand::Kill);
            assert_eq!(play.ended().await, "Connection killed.");
        } else {
            play.client.shutdown().await.expect("a pipe");
            let error = play.ended().await;
            assert!(
                error.ends_with("while its response was held back"),
                "{error}"
            );
        }
        let event = |flags, text: &str| {
            let (side, kind) = (Side::Server, MessageKind::Event);
            (side, kind, flags, text.to_owned())
        };
        let expected = [
            event(NONE, "data: one"),
            event(MessageFlags::DROPPED, "data: hold"),
        ];
        assert_eq!(play.messages(1), expected);
        let window = play.store.messages(ID, 0..0).expect("a flow");
        assert!(window.open.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_message_of_a_grpc_call_stays_on_record_when_the_client_gives_it_up() {
    let (mut client, mut play) = h2_holding(Holds::Messages);
    let pseudo = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "origin.test"),
        (":path", "/chat.Chat/Talk"),
    ];
    let fields = [("content-type", "application/grpc"), ("te", "trailers")];
    let call = client.request(&pseudo, &fields, false).await;
    client.data(call, b"\0\0\0\0\x04hold", false).await;
    let mut server = Peer::new(Role::Server, play.server().await);
    server.gets_head().await;
    play.held(ID).await;
    client.conn.reset(call, ratel_proto::h2::Reason::CANCEL);
    client.flush().await;
    let error = play.ended().await;
    assert!(
        error.starts_with("the client gave the stream up"),
        "{error}"
    );
    let hold = (
        Side::Client,
        MessageKind::Grpc,
        MessageFlags::DROPPED,
        "hold".to_owned(),
    );
    assert_eq!(play.messages(1), [hold]);
}

#[tokio::test(start_paused = true)]
async fn a_websocket_ends_when_who_is_needed_for_the_held_message_leaves() {
    // Who has sent it, and who leaves.
    for (side, leaver) in [
        (Side::Client, Side::Client),
        (Side::Client, Side::Server),
        (Side::Server, Side::Client),
    ] {
        let (mut play, mut server) = open(holder(Holds::Messages), &[], "").await;
        let hold = text(side, "hold");
        match side {
            Side::Client => play.send(&hold).await,
            Side::Server => server.write_all(&hold).await.expect("room"),
        }
        play.held(ID).await;
        match leaver {
            Side::Client => play.client.shutdown().await.expect("a pipe"),
            Side::Server => server.shutdown().await.expect("a pipe"),
        }
        let error = play.ended().await;
        let who = match leaver {
            Side::Client => "the client ",
            Side::Server => "the server ",
        };
        assert!(error.starts_with(who), "{error}");
        let dropped = (
            side,
            MessageKind::Text,
            MessageFlags::DROPPED,
            "hold".to_owned(),
        );
        assert_eq!(play.messages(1), [dropped]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_client_may_close_its_side_behind_what_is_held() {
    let mut play = play("regular", holder(Holds::Messages), &[]);
    play.send(b"CONNECT a.test:25 HTTP/1.1\r\n\r\n").await;
    let mut server = play.server().await;
    play.client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    play.send(b"\0hold").await;
    play.client.shutdown().await.expect("a pipe");
    play.held(ID).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(play.held(ID).await.left, Some(Side::Client));
    play.resume();
    assert_eq!(rest(&mut server).await, "\0hold");
}

// Times

#[tokio::test(start_paused = true)]
async fn a_stream_takes_as_long_as_it_is_there_whatever_was_held() {
    let (play, mut server) = events("").await;
    server.write_all(b"data: hold\n\n").await.expect("room");
    play.held(ID).await;
    server.write_all(b"data: behind\n\n").await.expect("room");
    drop(server);
    tokio::time::sleep(Duration::from_secs(1)).await;
    std::thread::sleep(Duration::from_millis(20));
    let released = clock::now();
    play.resume();
    assert_eq!(play.ended().await, "");
    let summary = play.store.summary(ID).expect("a flow");
    assert_eq!(summary.stream, Some(StreamKind::Sse));
    assert_eq!(summary.times.held, Duration::ZERO);
    let times = play.times();
    assert!(times.is_sorted() && times[0] >= released, "{times:?}");
    assert!(summary.times.response_end >= times.last().copied());
}
