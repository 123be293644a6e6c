//! What is held back: what waits and what does not, what people may do to it, and how the wait ends.

use bytes::Bytes;
use ratel_core::addon::{Addon, Bodies, BodyNeed, HookFuture, done};
use ratel_core::control::{ControlError, FlowCommand, HeldPart, Part};
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::Value;
use ratel_core::store::Edit;
use ratel_flow::{HttpFlow, Message, Response, TcpFlow};
use ratel_proto::h2::{Event, Reason, Role};
use tokio::io::AsyncWriteExt;

use super::h2::Peer;
use super::*;

pub(super) const ID: FlowId = FlowId(1);

/// Holds back what it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Requests,
    Responses,
    Messages,
}

struct Holder(Holds);

impl Addon for Holder {
    fn name(&self) -> &'static str {
        "holder"
    }

    fn hooks(&self) -> HookSet {
        Hook::ALL.into_iter().fold(HookSet::NONE, HookSet::with)
    }

    fn wants_bodies(&self) -> bool {
        true
    }

    fn body_need(&self, flow: &HttpFlow, _bodies: &Bodies, side: Side) -> BodyNeed {
        // Two streams of HTTP/2: one of them is not for us.
        if flow.request.path.ends_with(b"/free") {
            return BodyNeed::Stream;
        }
        match (self.0, side) {
            (Holds::Requests, Side::Client) | (Holds::Responses, Side::Server) => BodyNeed::IfSmall,
            (Holds::Messages, _) => BodyNeed::Messages,
            _ => BodyNeed::Stream,
        }
    }

    fn body_passes(&self, flow: &mut HttpFlow, side: Side) {
        if (self.0, side) == (Holds::Responses, Side::Server) {
            flow.annotations.intercepted = true;
        }
    }

    fn http<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        let held = match self.0 {
            Holds::Requests => hook == Hook::Request,
            Holds::Responses => hook == Hook::Response && bodies.response.is_some(),
            Holds::Messages => false,
        };
        if held && !flow.request.path.ends_with(b"/free") {
            flow.annotations.intercepted = true;
        }
        done()
    }

    fn websocket<'a>(
        &'a self,
        hook: Hook,
        flow: &'a mut HttpFlow,
        message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        if hook == Hook::WebsocketMessage
            && message.is_some_and(|message| message.content.starts_with(b"hold"))
        {
            flow.annotations.intercepted = true;
        }
        done()
    }

    fn stream_message<'a>(
        &'a self,
        flow: &'a mut HttpFlow,
        message: &'a mut Message,
    ) -> HookFuture<'a> {
        if memchr(b"hold", &message.content) {
            flow.annotations.intercepted = true;
        }
        done()
    }

    fn tcp<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut TcpFlow,
        message: Option<&'a mut Message>,
    ) -> HookFuture<'a> {
        if message.is_some_and(|message| message.content.starts_with(b"\0hold")) {
            flow.annotations.intercepted = true;
        }
        done()
    }
}

fn memchr(needle: &[u8], hay: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

pub(super) fn holder(holds: Holds) -> AddonChain {
    AddonChain::new(vec![Arc::new(Holder(holds))])
}

pub(super) fn holding(holds: Holds) -> Play {
    play("reverse:http://origin.test", holder(holds), &[])
}

impl Play {
    /// Waits until something of the flow is held.
    pub(super) async fn held(&self, id: FlowId) -> HeldPart {
        for _ in 0..10_000 {
            if let Some(held) = self.control.held(id).first() {
                self.store.flush();
                return *held;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("nothing is held");
    }

    pub(super) fn tell(&self, command: FlowCommand) {
        self.control.send(ID, command).expect("it is held");
    }

    pub(super) fn resume(&self) {
        self.tell(FlowCommand::Resume(None));
    }

    pub(super) fn is_intercepted(&self) -> bool {
        self.store.flush();
        let snapshot = self.store.snapshot(ID).expect("a flow");
        snapshot.annotations.is_some_and(|said| said.intercepted)
    }

    pub(super) fn held_for(&self) -> Duration {
        self.store.flush();
        self.store.summary(ID).expect("a flow").times.held
    }

    /// The message that waits.
    pub(super) fn waiting(&self) -> (Side, String) {
        self.store.flush();
        let window = self.store.messages(ID, 0..0).expect("a flow");
        let [open] = window.open[..] else {
            panic!("{window:?}");
        };
        assert!(open.held, "{open:?}");
        let text = self.store.payload(ID, open.side, open.payload, 0..1000);
        let text = text.expect("a payload").bytes;
        (open.side, String::from_utf8_lossy(&text).into_owned())
    }
}

pub(super) const POST: &[u8] =
    b"POST /a HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 3\r\n\r\nabc";
pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test(start_paused = true)]
async fn a_held_request_is_shown_changed_and_sent() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    let held = play.held(ID).await;
    assert_eq!((held.part, held.body_passes), (Part::Request, false));
    assert!(play.is_intercepted());
    assert_eq!(play.body(1, Side::Client), "abc");
    assert!(play.servers.try_recv().is_err(), "nobody was called");

    let mut request = play.store.snapshot(ID).and_then(|flow| flow.request);
    let request = request.as_mut().expect("a request");
    request.set_path("/b");
    play.tell(FlowCommand::Edit(Box::new(Edit {
        request: Some(request.clone()),
        request_body: Some("changed".into()),
        ..Edit::default()
    })));
    assert_eq!(play.held_for(), Duration::ZERO, "it is not over");
    play.resume();
    let mut server = play.server().await;
    assert!(play.held_for() > Duration::ZERO);
    gets(
        &mut server,
        b"POST /b HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 7\r\n\r\nchanged",
    )
    .await;
    server.write_all(OK).await.expect("room");
    play.client_gets(OK).await;
    assert!(!play.is_intercepted());
    assert_eq!(play.body(1, Side::Client), "changed");
    let before = play.store.body_before(ID, Side::Client, 0..100);
    assert_eq!(&before.expect("the original").bytes[..], b"abc");
    let before = play.store.snapshot_before(ID).and_then(|flow| flow.request);
    assert_eq!(before.expect("the original").path, "/a");
}

#[tokio::test(start_paused = true)]
async fn a_held_request_that_nobody_changes_goes_as_it_came() {
    let mut play = holding(Holds::Requests);
    let request = b"POST  /a HTTP/1.1\r\nhOST: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n03;x\r\nabc\r\n0\r\nT: 1\r\n\r\n";
    play.send(&request[..60]).await;
    play.send(&request[60..]).await;
    play.held(ID).await;
    play.resume();
    let mut server = play.server().await;
    gets(&mut server, request).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_given_to_a_request_without_one() {
    let mut play = holding(Holds::Requests);
    play.send(b"PUT / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    play.held(ID).await;
    play.tell(FlowCommand::Edit(Box::new(Edit {
        request_body: Some("new".into()),
        ..Edit::default()
    })));
    play.resume();
    let mut server = play.server().await;
    gets(
        &mut server,
        b"PUT / HTTP/1.1\r\nHost: origin.test\r\ncontent-length: 3\r\n\r\nnew",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_held_request_is_answered_by_a_person() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    play.held(ID).await;
    play.tell(FlowCommand::Edit(Box::new(Edit {
        response: Some(Response::new(418, clock::now())),
        response_body: Some("tea".into()),
        ..Edit::default()
    })));
    play.resume();
    play.client_gets(b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 3\r\n\r\ntea")
        .await;
    assert!(play.servers.try_recv().is_err(), "nobody was called");
    assert_eq!(play.body(1, Side::Server), "tea");
}

#[tokio::test(start_paused = true)]
async fn a_held_request_is_killed() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    play.held(ID).await;
    play.tell(FlowCommand::Kill);
    assert_eq!(play.client_rest().await, "", "not a word");
    assert!(!play.is_intercepted());
    assert_eq!(play.control.held_count(), 0);
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("a reason");
    assert_eq!(&*error.message, "Connection killed.");
}

#[tokio::test(start_paused = true)]
async fn any_exchange_is_killed() {
    let mut play = reverse();
    play.send(POST).await;
    let mut server = play.server().await;
    gets(&mut server, POST).await;
    play.tell(FlowCommand::Kill);
    assert_eq!(play.client_rest().await, "");
    assert_eq!(rest(&mut server).await, "");
    let unknown = play.control.send(ID, FlowCommand::Kill);
    assert_eq!(unknown, Err(ControlError::Unknown(ID)));
}

#[tokio::test(start_paused = true)]
async fn a_held_flow_outlasts_idle_time() {
    let mut play = holding(Holds::Requests);
    play.send(POST).await;
    play.held(ID).await;
    tokio::time::sleep(Duration::from_secs(2000)).await;
    assert_eq!(play.held(ID).await.left, None);
    play.resume();
    let mut server = play.server().await;
    gets(&mut server, POST).await;
    server.write_all(OK).await.expect("room");
    play.client_gets(OK).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_held_goes_on_by_itself_after_a_time() {
    let options = [("intercept_timeout", Value::Int(30))];
    let mut play = play(
        "reverse:http://origin.test",
        holder(Holds::Requests),
        &options,
    );
    play.send(POST).await;
    let begun = tokio::time::Instant::now();
    play.held(ID).await;
    let mut server = tokio::time::timeout(Duration::from_secs(60), play.servers.recv())
        .await
        .expect("it goes on")
        .expect("a server");
    assert_eq!(begun.elapsed().as_secs(), 30);
    gets(&mut server, POST).await;
}

#[tokio::test(start_paused = true)]
async fn a_held_response_is_shown_changed_and_sent() {
    let mut play = holding(Holds::Responses);
    play.send(POST).await;
    let mut server = play.server().await;
    gets(&mut server, POST).await;
    server.write_all(OK).await.expect("room");
    assert_eq!(play.held(ID).await.part, Part::Response);
    assert_eq!(play.body(1, Side::Server), "ok");
    let of_request = FlowCommand::Edit(Box::new(Edit {
        request_body: Some("late".into()),
        ..Edit::default()
    }));
    let refused = play.control.send(ID, of_request);
    assert_eq!(refused, Err(ControlError::Sent(ID)));
    // The server may go: what it has said is here.
    drop(server);
    let mut response = play.store.snapshot(ID).and_then(|flow| flow.response);
    let response = response.as_mut().expect("a response");
    response.set_status(503);
    play.tell(FlowCommand::Edit(Box::new(Edit {
        response: Some(response.clone()),
        response_body: Some("down".into()),
        ..Edit::default()
    })));
    play.resume();
    let changed = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ndown";
    play.client_gets(changed).await;
    assert_eq!(play.body(1, Side::Server), "down");
    let before = play
        .store
        .snapshot_before(ID)
        .and_then(|flow| flow.response);
    assert_eq!(before.expect("the original").status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_large_body_passes_behind_its_held_head() {
    let mut play = holding(Holds::Responses);
    play.send(b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n";
    server.write_all(head).await.expect("room");
    assert!(play.held(ID).await.body_passes);
    let of_body = FlowCommand::Edit(Box::new(Edit {
        response_body: Some("new".into()),
        ..Edit::default()
    }));
    let refused = play.control.send(ID, of_body);
    assert_eq!(refused, Err(ControlError::BodyPasses(ID)));
    let mut response = play.store.snapshot(ID).and_then(|flow| flow.response);
    let response = response.as_mut().expect("a response");
    response.headers.append(b"X-Seen", b"yes");
    play.tell(FlowCommand::Edit(Box::new(Edit {
        response: Some(response.clone()),
        ..Edit::default()
    })));
    play.resume();
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\nX-Seen: yes\r\n\r\n")
        .await;
    server.write_all(b"first").await.expect("room");
    play.client_gets(b"first").await;
}

#[tokio::test(start_paused = true)]
async fn a_held_stream_holds_no_other() {
    let (mut client, mut play) = h2_holding(Holds::Requests);
    let waits = client.get("/held").await;
    play.held(ID).await;
    let free = client.get("/free").await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (id, ..) = server.gets_head().await;
    server.head(id, &[(":status", "200")], &[], true).await;
    assert!(matches!(client.event().await, Event::Headers { id, .. } if id == free));
    // A client that gives the held one up is gone.
    client.conn.reset(waits, Reason::CANCEL);
    client.flush().await;
    for _ in 0..1000 {
        if !play.control.is_live(ID) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    play.store.flush();
    let record = play.store.snapshot(ID).expect("a flow");
    let error = record.error.expect("it failed");
    assert!(
        error.message.starts_with("the client gave the stream up"),
        "{error}"
    );
    assert!(record.annotations.is_none_or(|said| !said.intercepted));
}

/// A client of HTTP/2, with something held.
pub(super) fn h2_holding(holds: Holds) -> (Peer, Play) {
    let mut play = holding(holds);
    let (unused, _) = tokio::io::duplex(1);
    let io = std::mem::replace(&mut play.client, unused);
    (Peer::new(Role::Client, io), play)
}

impl Peer {
    /// Takes in data until all of this has come.
    async fn gets_data(&mut self, expected: &[u8]) {
        let mut got = Vec::new();
        while got.len() < expected.len() {
            if let Event::Data { data, .. } = self.event().await {
                got.extend_from_slice(&data);
            }
        }
        assert_eq!(got, expected, "{}", got.escape_ascii());
    }
}

/// A response of events, whose head has passed.
pub(super) async fn events(fields: &str) -> (Play, DuplexStream) {
    let mut play = holding(Holds::Messages);
    play.send(b"GET /events HTTP/1.1\r\nHost: origin.test\r\n\r\n")
        .await;
    let mut server = play.server().await;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n");
    server.write_all(head.as_bytes()).await.expect("room");
    (play, server)
}

#[tokio::test(start_paused = true)]
async fn an_event_is_held_and_those_before_it_are_delivered() {
    let (mut play, mut server) = events("").await;
    play.client_gets(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        .await;
    server
        .write_all(b"data: one\r\n\r\n: alive\n\ndata: hold\n\ndata: three\n\n")
        .await
        .expect("room");
    play.client_gets(b"data: one\r\n\r\n: alive\n\n").await;
    assert_eq!(play.held(ID).await.part, Part::Message(Side::Server));
    assert_eq!(play.waiting(), (Side::Server, "data: hold".into()));
    assert!(play.is_intercepted());
    play.tell(FlowCommand::EditMessage {
        side: Side::Server,
        content: "data: other".into(),
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(play.waiting(), (Side::Server, "data: other".into()));
    play.resume();
    play.client_gets(b"data: other\n\ndata: three\n\n").await;
    assert!(!play.is_intercepted());

    server.write_all(b"data: hold 2\n\n").await.expect("room");
    play.held(ID).await;
    play.tell(FlowCommand::DropMessage { side: Side::Server });
    play.tell(FlowCommand::Inject {
        side: Side::Server,
        kind: MessageKind::Event,
        content: "data: made".into(),
    });
    play.client_gets(b"data: made\n\n").await;
    let event = |flags, text: &str| (Side::Server, MessageKind::Event, flags, text.to_owned());
    assert_eq!(
        play.messages(1),
        [
            event(MessageFlags(0), "data: one"),
            event(MessageFlags::MODIFIED, "data: other"),
            event(MessageFlags(0), "data: three"),
            event(MessageFlags::DROPPED, "data: hold 2"),
            event(MessageFlags::INJECTED, "data: made"),
        ]
    );
    let body = "data: one\r\n\r\n: alive\n\ndata: other\n\ndata: three\n\ndata: made\n\n";
    assert_eq!(play.body(1, Side::Server), body, "what was sent");
    let wrong = FlowCommand::Inject {
        side: Side::Server,
        kind: MessageKind::Text,
        content: Bytes::new(),
    };
    assert!(play.control.send(ID, wrong).is_err());
}

#[tokio::test(start_paused = true)]
async fn compressed_events_are_shown_and_passed_plain() {
    use std::io::Write;
    let (mut play, mut server) = events("Content-Encoding: gzip\r\nContent-Length: 1000\r\n").await;
    play.client_gets(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )
    .await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(b"data: one\n\ndata: hold\n\n")
        .expect("memory");
    encoder.flush().expect("memory");
    server.write_all(encoder.get_ref()).await.expect("room");
    play.client_gets(b"b\r\ndata: one\n\n\r\n").await;
    play.held(ID).await;
    assert_eq!(play.waiting().1, "data: hold");
    play.resume();
    play.client_gets(b"c\r\ndata: hold\n\n\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_grpc_message_is_held_and_the_call_lives() {
    let (mut client, mut play) = h2_holding(Holds::Messages);
    let pseudo = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "origin.test"),
        (":path", "/chat.Chat/Talk"),
    ];
    let fields = [("content-type", "application/grpc"), ("te", "trailers")];
    let call = client.request(&pseudo, &fields, false).await;
    client
        .data(call, b"\0\0\0\0\x03one\0\0\0\0\x04", false)
        .await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (id, ..) = server.gets_head().await;
    server.gets_data(b"\0\0\0\0\x03one").await;
    client.data(call, b"hold", false).await;
    assert_eq!(play.held(ID).await.part, Part::Message(Side::Client));
    // The other direction goes on.
    let answer = [("content-type", "application/grpc")];
    server.head(id, &[(":status", "200")], &answer, false).await;
    server.data(id, b"\0\0\0\0\x02ok", false).await;
    client.gets_head().await;
    client.gets_data(b"\0\0\0\0\x02ok").await;
    play.tell(FlowCommand::EditMessage {
        side: Side::Client,
        content: "longer".into(),
    });
    play.resume();
    server.gets_data(b"\0\0\0\0\x06longer").await;
    client.data(call, b"\0\0\0\0\x04last", true).await;
    server.gets_data(b"\0\0\0\0\x04last").await;
}

#[tokio::test(start_paused = true)]
async fn bytes_of_a_raw_connection_are_held() {
    let mut play = play("regular", holder(Holds::Messages), &[]);
    play.send(b"CONNECT a.test:25 HTTP/1.1\r\n\r\n").await;
    let mut server = play.server().await;
    play.client_gets(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    play.send(b"\0first").await;
    gets(&mut server, b"\0first").await;
    play.send(b"\0hold").await;
    assert_eq!(play.held(ID).await.part, Part::Message(Side::Client));
    assert_eq!(play.waiting(), (Side::Client, "\0hold".into()));
    server.write_all(b"\0down").await.expect("room");
    play.client_gets(b"\0down").await;
    play.send(b"\0later").await;
    play.tell(FlowCommand::EditMessage {
        side: Side::Client,
        content: "\0other".into(),
    });
    play.resume();
    gets(&mut server, b"\0other\0later").await;
    let flags: Vec<_> = play.messages(1).into_iter().map(|m| (m.2, m.3)).collect();
    assert_eq!(flags[2], (MessageFlags::MODIFIED, "\0other".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_word_before_the_body_gets_it() {
    let mut play = holding(Holds::Requests);
    let head = b"POST / HTTP/1.1\r\nHost: origin.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    play.send(head).await;
    play.client_gets(b"HTTP/1.1 100 Continue\r\n\r\n").await;
    play.send(b"abc").await;
    play.held(ID).await;
    play.resume();
    let mut server = play.server().await;
    gets(
        &mut server,
        b"POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 3\r\n\r\nabc",
    )
    .await;
}
