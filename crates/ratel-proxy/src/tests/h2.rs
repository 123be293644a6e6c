//! HTTP/2 on either side: what passes, in what form, and how streams and connections end.

use bytes::{Bytes, BytesMut};
use ratel_core::options::Value;
use ratel_proto::Headers;
use ratel_proto::h2::{Config, Connection, Event, Head, Reason, Role, StreamId};

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A peer that speaks HTTP/2 by the same codec, with nothing in between.
pub(super) struct Peer {
    pub(super) conn: Connection,
    pub(super) io: DuplexStream,
    pub(super) buf: BytesMut,
}

impl Peer {
    pub(super) fn new(role: Role, io: DuplexStream) -> Self {
        Self::with(Config::new(role), io)
    }

    pub(super) fn with(config: Config, io: DuplexStream) -> Self {
        Self {
            conn: Connection::new(config),
            io,
            buf: BytesMut::new(),
        }
    }

    /// Sends its SETTINGS.
    pub(super) async fn settle(&mut self) {
        self.flush().await;
    }

    pub(super) async fn flush(&mut self) {
        loop {
            self.conn.pump();
            let out = self.conn.output().take();
            if out.is_empty() {
                return;
            }
            self.io.write_all(&out).await.expect("the proxy reads");
        }
    }

    /// The next event that is about more than the connection itself.
    pub(super) async fn event(&mut self) -> Event {
        let next = async {
            loop {
                self.flush().await;
                match self
                    .conn
                    .receive(&mut self.buf)
                    .expect("the proxy keeps the rules")
                {
                    Some(Event::Settings | Event::Writable(_) | Event::StreamsAvailable) => {}
                    Some(event) => return event,
                    None => {
                        let read = self.io.read_buf(&mut self.buf).await.expect("a pipe");
                        assert!(read > 0, "the connection ended");
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), next)
            .await
            .expect("something comes within 30 s")
    }

    /// Sends a request head and returns its stream.
    pub(super) async fn request(
        &mut self,
        pseudo: &[(&str, &str)],
        fields: &[(&str, &str)],
        end: bool,
    ) -> StreamId {
        while !self.conn.can_open() {
            self.flush().await;
            self.io.read_buf(&mut self.buf).await.expect("a pipe");
            let event = self.conn.receive(&mut self.buf).expect("rules");
            assert!(matches!(event, Some(Event::Settings)), "{event:?}");
        }
        let id = self.conn.open().expect("room for a stream");
        self.head(id, pseudo, fields, end).await;
        id
    }

    pub(super) async fn get(&mut self, path: &str) -> StreamId {
        let pseudo = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "localhost:8080"),
            (":path", path),
        ];
        self.request(&pseudo, &[], true).await
    }

    pub(super) async fn head(
        &mut self,
        id: StreamId,
        pseudo: &[(&str, &str)],
        fields: &[(&str, &str)],
        end: bool,
    ) {
        let pseudo = list(pseudo);
        self.conn
            .send_headers(id, pseudo.fields(), &list(fields), end)
            .expect("the stream is open");
        self.flush().await;
    }

    /// Says that nothing it was asked will be answered.
    pub(super) async fn goaway(&mut self) {
        self.conn.goaway(Some(StreamId(0)), Reason::NO_ERROR, b"");
        self.conn.pump();
        let out = self.conn.output().take();
        // The proxy may have left.
        let _ = self.io.write_all(&out).await;
    }

    pub(super) async fn data(&mut self, id: StreamId, data: &'static [u8], end: bool) {
        let data = Bytes::from_static(data);
        self.conn
            .send_data(id, data, end)
            .expect("the stream is open");
        self.flush().await;
    }

    pub(super) async fn gets_head(&mut self) -> (StreamId, Head, bool) {
        match self.event().await {
            Event::Headers { id, head, end } => (id, head, end),
            other => panic!("{other:?} instead of a head"),
        }
    }

    /// Everything up to the end of the stream: the body and the trailers.
    pub(super) async fn gets_rest(&mut self) -> (Vec<u8>, Option<Headers>) {
        let mut body = Vec::new();
        loop {
            match self.event().await {
                Event::Data {
                    id,
                    data,
                    flow,
                    end,
                } => {
                    body.extend_from_slice(&data);
                    self.conn.consume(id, flow);
                    if end {
                        return (body, None);
                    }
                }
                Event::Trailers { headers, .. } => return (body, Some(headers)),
                other => panic!("{other:?} instead of a body"),
            }
        }
    }
}

pub(super) fn list(fields: &[(&str, &str)]) -> Headers {
    let mut list = Headers::new();
    for (name, value) in fields {
        list.append(name.as_bytes(), value.as_bytes());
    }
    list
}

pub(super) fn shown(headers: &Headers) -> Vec<String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    headers
        .iter()
        .map(|(name, value)| format!("{} = {}", text(name), text(value)))
        .collect()
}

/// A client that speaks HTTP/2 to a reverse proxy for `http://origin.test`.
pub(super) fn h2_client(options: &[(&str, Value)]) -> (Peer, Play) {
    let mut play = play("reverse:http://origin.test", AddonChain::default(), options);
    let (unused, _) = tokio::io::duplex(1);
    let io = std::mem::replace(&mut play.client, unused);
    (Peer::new(Role::Client, io), play)
}

/// Both sides of a proxy that speak HTTP/2; the first request is at the server.
pub(super) async fn both(
    pseudo: &[(&str, &str)],
    fields: &[(&str, &str)],
    end: bool,
) -> (Peer, Peer, Play, Head, StreamId) {
    let (mut client, mut play) = h2_client(&[]);
    client.request(pseudo, fields, end).await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (id, head, _) = server.gets_head().await;
    (client, server, play, head, id)
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "origin.test"),
    (":path", "/"),
];

#[tokio::test(start_paused = true)]
async fn heads_pass_as_they_were_sent_but_for_the_authority() {
    let pseudo = [
        (":path", "/a b?<>"),
        (":method", "gEt"),
        (":authority", "localhost:8080"),
        (":scheme", "http"),
    ];
    let fields = [
        ("b", "1"),
        ("a", " 2"),
        ("b", "3"),
        ("cookie", "x=1"),
        ("cookie", "y=2"),
    ];
    let (mut client, mut play) = h2_client(&[("validate_inbound_headers", Value::Bool(false))]);
    client.request(&pseudo, &fields, true).await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (id, head, _) = server.gets_head().await;
    assert_eq!(
        shown(&head.pseudo),
        [
            ":path = /a b?<>",
            ":method = gEt",
            ":authority = origin.test",
            ":scheme = http"
        ]
    );
    assert_eq!(
        shown(&head.headers),
        ["b = 1", "a =  2", "b = 3", "cookie = x=1", "cookie = y=2"]
    );
    server
        .head(id, &[(":status", "103")], &[("link", "</x>")], false)
        .await;
    server
        .head(
            id,
            &[(":status", "200")],
            &[("x", "1"), ("server", "s"), ("x", "2")],
            false,
        )
        .await;
    server.data(id, b"hello", false).await;
    let trailers = list(&[("grpc-status", "0")]);
    server.conn.send_trailers(id, &trailers).expect("open");
    server.flush().await;
    let (_, early, _) = client.gets_head().await;
    assert_eq!(shown(&early.pseudo), [":status = 103"]);
    let (_, head, _) = client.gets_head().await;
    assert_eq!(shown(&head.headers), ["x = 1", "server = s", "x = 2"]);
    assert_eq!(
        client.gets_rest().await,
        (b"hello".to_vec(), Some(trailers.clone()))
    );
    drop((client, server));
    let records = play.records().await;
    let record = &records[0];
    let request = record.request.as_ref().expect("a request");
    assert_eq!(request.url(), "http://origin.test/a b?<>");
    assert_eq!(record.informational.len(), 1);
    assert_eq!(record.response_trailers.as_ref(), Some(&trailers));
    assert!(record.error.is_none(), "{:?}", record.error);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_knows_only_http1_gets_http1() {
    let (mut client, mut play) = h2_client(&[]);
    let pseudo = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost:8080"),
        (":path", "/upload"),
    ];
    let fields = [("cookie", "a=1"), ("cookie", "b=2"), ("x-test", "1")];
    let stream = client.request(&pseudo, &fields, false).await;
    let mut server = play.server().await;
    gets(&mut server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    server
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .expect("room");
    drop(server);
    let mut server = play.server().await;
    gets(
        &mut server,
        b"POST /upload HTTP/1.1\r\nhost: origin.test\r\nx-test: 1\r\ncookie: a=1; b=2\r\ntransfer-encoding: chunked\r\n\r\n",
    )
    .await;
    client.data(stream, b"hello", true).await;
    gets(&mut server, b"5\r\nhello\r\n0\r\n\r\n").await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nX-Case: Kept\r\nConnection: x-hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n")
        .await
        .expect("room");
    let (_, head, _) = client.gets_head().await;
    assert_eq!(
        (shown(&head.pseudo), shown(&head.headers)),
        (vec![":status = 200".into()], vec!["x-case = Kept".into()])
    );
    assert_eq!(
        client.gets_rest().await,
        (b"abc".to_vec(), Some(list(&[("t", "1")])))
    );
    // The server is known now, and its connection is kept.
    client.get("/again").await;
    gets(
        &mut server,
        b"GET /again HTTP/1.1\r\nhost: origin.test\r\n\r\n",
    )
    .await;
    server
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .expect("room");
    let (_, head, end) = client.gets_head().await;
    assert_eq!(
        (shown(&head.pseudo), end),
        (vec![":status = 204".into()], true)
    );
}

#[tokio::test(start_paused = true)]
async fn many_exchanges_share_one_connection_to_the_server() {
    const MANY: usize = 120;
    let (mut client, mut play) = h2_client(&[]);
    client.get("/0").await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let mut waiting = vec![server.gets_head().await.0];
    // The client may know the proxy's limit by now.
    server.flush().await;
    for n in 1..MANY {
        client.get(&format!("/{n}")).await;
        waiting.push(server.gets_head().await.0);
    }
    assert!(play.servers.try_recv().is_err(), "one connection is enough");
    for id in waiting.iter().rev() {
        server.head(*id, &[(":status", "200")], &[], false).await;
        server.data(*id, b"x", true).await;
    }
    let mut done = 0;
    while done < MANY {
        match client.event().await {
            Event::Data { end: true, .. } => done += 1,
            Event::Headers { .. } | Event::Data { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    drop((client, server));
    assert_eq!(play.records().await.len(), MANY);
}

#[tokio::test(start_paused = true)]
async fn resets_are_passed_on_with_their_codes() {
    let (mut client, mut server, play, _, id) = both(&GET, &[], false).await;
    server.conn.reset(id, Reason(0x77));
    server.flush().await;
    assert!(matches!(
        client.event().await,
        Event::Reset {
            reason: Reason(0x77),
            ..
        }
    ));

    let second = client.get("/second").await;
    let (id, ..) = server.gets_head().await;
    server.head(id, &[(":status", "200")], &[], false).await;
    client.gets_head().await;
    client.conn.reset(second, Reason::ENHANCE_YOUR_CALM);
    client.flush().await;
    match server.event().await {
        Event::Reset {
            id: reset, reason, ..
        } => {
            assert_eq!((reset, reason), (id, Reason::ENHANCE_YOUR_CALM));
        }
        other => panic!("{other:?}"),
    }
    // The connections live on.
    client.get("/third").await;
    let (_, head, _) = server.gets_head().await;
    assert_eq!(head.pseudo.get(":path"), Some(&b"/third"[..]));
    drop((client, server));
    let records = play.records().await;
    let errors: Vec<_> = records[..2]
        .iter()
        .map(|record| {
            record
                .error
                .as_ref()
                .expect("it failed")
                .message
                .to_string()
        })
        .collect();
    assert!(
        errors[0].starts_with("the server gave the stream up"),
        "{errors:?}"
    );
    assert!(
        errors[1].starts_with("the client gave the stream up: ENHANCE_YOUR_CALM"),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_goaway_is_passed_on_and_the_next_connection_is_a_new_one() {
    let (mut client, mut server, mut play, _, id) = both(&GET, &[], true).await;
    server
        .conn
        .goaway(None, Reason::ENHANCE_YOUR_CALM, b"too_many_pings");
    server.flush().await;
    match client.event().await {
        Event::GoAway { reason, debug, .. } => {
            assert_eq!(
                (reason, &debug[..]),
                (Reason::ENHANCE_YOUR_CALM, &b"too_many_pings"[..])
            );
        }
        other => panic!("{other:?}"),
    }
    // What is under way is finished.
    server.head(id, &[(":status", "204")], &[], true).await;
    let (_, head, _) = client.gets_head().await;
    assert_eq!(shown(&head.pseudo), [":status = 204"]);
    assert!(play.servers.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn bodies_wait_for_whoever_is_slower() {
    // Less than what the store takes without a wait: while its thread is waited for, the paused clock would run ahead.
    const SIZE: usize = 7 << 20;
    let (mut client, mut server, play, _, id) = both(&GET, &[], true).await;
    server.head(id, &[(":status", "200")], &[], false).await;
    client.gets_head().await;
    let body = Bytes::from(vec![7; SIZE]);
    server.conn.send_data(id, body, true).expect("open");
    let left = Arc::new(AtomicUsize::new(SIZE));
    let sending = tokio::spawn({
        let left = left.clone();
        async move {
            while server.conn.queued(id) > 0 {
                server.flush().await;
                left.store(server.conn.queued(id), Ordering::Relaxed);
                server.io.read_buf(&mut server.buf).await.expect("open");
                while server
                    .conn
                    .receive(&mut server.buf)
                    .expect("rules")
                    .is_some()
                {}
            }
            server.flush().await;
            server
        }
    });
    // The client takes nothing: its windows fill, then the proxy's, then the server has to wait.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let waiting = left.load(Ordering::Relaxed);
    assert!(
        waiting > SIZE - (5 << 20),
        "{waiting} bytes are at the server"
    );
    let (got, _) = client.gets_rest().await;
    assert_eq!(got.len(), SIZE);
    drop((client, sending.await.expect("no panic")));
    let records = play.records().await;
    assert_eq!(records[0].response_body, SIZE as u64);
}

#[tokio::test(start_paused = true)]
async fn a_connect_stream_is_a_tunnel() {
    let mut play = play("regular", AddonChain::default(), &[]);
    let (unused, _) = tokio::io::duplex(1);
    let mut client = Peer::new(Role::Client, std::mem::replace(&mut play.client, unused));
    let connect = [(":method", "CONNECT"), (":authority", "origin.test:80")];
    let tunnel = client.request(&connect, &[], false).await;
    let mut server = play.server().await;
    let (_, head, end) = client.gets_head().await;
    assert_eq!(
        (shown(&head.pseudo), end),
        (vec![":status = 200".into()], false)
    );
    let request = b"GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n";
    client.data(tunnel, request, false).await;
    gets(&mut server, request).await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await
        .expect("room");
    let mut got = Vec::new();
    while got.len() < 40 {
        if let Event::Data { data, .. } = client.event().await {
            got.extend_from_slice(&data);
        }
    }
    assert!(got.ends_with(b"\r\n\r\nok"), "{}", got.escape_ascii());
}

#[tokio::test(start_paused = true)]
async fn a_connect_stream_is_passed_through_too() {
    let ignore = Value::List(vec!["^origin".into()]);
    let mut play = play(
        "regular",
        AddonChain::default(),
        &[("ignore_hosts", ignore)],
    );
    let (unused, _) = tokio::io::duplex(1);
    let mut client = Peer::new(Role::Client, std::mem::replace(&mut play.client, unused));
    let connect = [(":method", "CONNECT"), (":authority", "origin.test:443")];
    let tunnel = client.request(&connect, &[], false).await;
    let mut server = play.server().await;
    server.write_all(b"first").await.expect("room");
    client.gets_head().await;
    client.data(tunnel, b"\x16\x03not TLS", true).await;
    assert_eq!(rest(&mut server).await, "\x16\x03not TLS");
    server.write_all(b" and last").await.expect("room");
    drop(server);
    let (got, _) = client.gets_rest().await;
    assert_eq!(&got[..], b"first and last");
    drop(client);
    assert!(play.records().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn broken_requests_are_refused_unless_the_user_lets_them_through() {
    let pseudo = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "/"),
    ];
    let fields = [("Upper", "case"), ("connection", "x")];
    let (mut client, play) = h2_client(&[]);
    client.request(&pseudo, &fields, true).await;
    let (_, head, _) = client.gets_head().await;
    assert_eq!(shown(&head.pseudo), [":status = 400"]);
    let (page, _) = client.gets_rest().await;
    assert!(String::from_utf8_lossy(&page).contains("validate_inbound_headers"));
    drop(client);
    assert!(play.records().await[0].error.is_some());

    let (mut client, mut play) = h2_client(&[("validate_inbound_headers", Value::Bool(false))]);
    client.request(&pseudo, &fields, true).await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (_, head, _) = server.gets_head().await;
    assert_eq!(shown(&head.headers), ["Upper = case", "connection = x"]);
}

#[tokio::test(start_paused = true)]
async fn what_would_break_a_line_is_not_sent_over_http1() {
    let (mut client, mut play) = h2_client(&[
        ("validate_inbound_headers", Value::Bool(false)),
        ("h2c_upstream", Value::Str("never".into())),
    ]);
    let fields = [("x", "1\r\nGET /smuggled HTTP/1.1")];
    client.request(&GET, &fields, true).await;
    let mut server = play.server().await;
    let (_, head, _) = client.gets_head().await;
    assert_eq!(shown(&head.pseudo), [":status = 502"]);
    drop(client);
    assert_eq!(rest(&mut server).await, "");
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_streams_finish() {
    let (mut client, mut server, play, _, id) = both(&GET, &[], true).await;
    play.stop.cancel();
    assert!(matches!(
        client.event().await,
        Event::GoAway {
            reason: Reason::NO_ERROR,
            ..
        }
    ));
    server.head(id, &[(":status", "200")], &[], false).await;
    server.data(id, b"last", true).await;
    client.gets_head().await;
    assert_eq!(client.gets_rest().await.0, b"last");
    assert!(play.records().await[0].error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_told_to_both_sides_and_to_the_record() {
    let (mut client, mut server, play, _, id) = both(&GET, &[], true).await;
    // A WINDOW_UPDATE of nothing on a stream that was never opened, then a frame that is too long.
    server.head(id, &[(":status", "200")], &[], false).await;
    client.gets_head().await;
    server
        .io
        .write_all(&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])
        .await
        .expect("open");
    match client.event().await {
        Event::Reset { .. } => {}
        other => panic!("{other:?}"),
    }
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it failed");
    assert!(
        error
            .message
            .starts_with("the server broke a rule of HTTP/2"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn idle_servers_are_asked_for_a_sign_of_life() {
    let (mut client, mut server, _play, _, id) = both(&GET, &[], true).await;
    server.head(id, &[(":status", "204")], &[], true).await;
    client.gets_head().await;
    let mut ping = BytesMut::new();
    let seen = async {
        loop {
            server.flush().await;
            server.io.read_buf(&mut ping).await.expect("open");
            if ping.windows(8).any(|bytes| bytes == b"ratel!!!") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), seen)
        .await
        .expect("a PING within two minutes");
}

#[tokio::test(start_paused = true)]
async fn a_head_over_the_limit_is_shown_and_goes_nowhere() {
    let (mut client, mut play) = h2_client(&[("head_limit", Value::Str("2k".into()))]);
    let long = "x".repeat(4000);
    client.request(&GET, &[("x-long", &long)], true).await;
    match client.event().await {
        Event::Reset { .. } => {}
        other => panic!("{other:?}"),
    }
    // The connection and other streams go on.
    client.get("/short").await;
    let mut server = Peer::new(Role::Server, play.server().await);
    let (_, head, _) = server.gets_head().await;
    assert_eq!(head.pseudo.get(":path"), Some(&b"/short"[..]));
    drop((client, server));
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it was refused");
    assert!(error.message.contains("on this stream"), "{error}");
    assert_eq!(
        records[0].request.as_ref().expect("its head").url(),
        "http://origin.test/"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_in_the_middle_of_a_response_is_named() {
    let (mut client, mut server, play, _, id) = both(&GET, &[], true).await;
    server.head(id, &[(":status", "200")], &[], false).await;
    server.data(id, b"some", false).await;
    client.gets_head().await;
    assert!(matches!(client.event().await, Event::Data { .. }));
    drop(server);
    assert!(matches!(client.event().await, Event::Reset { .. }));
    let records = play.records().await;
    let error = records[0].error.as_ref().expect("it failed");
    assert!(
        error
            .message
            .contains("the server's response broke off: the connection was closed before its end"),
        "{error}"
    );
}

const CALL: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "origin.test"),
    (":path", "/chat.Chat/Say"),
];

fn grpc_status(headers: &Headers) -> (String, String) {
    let field = |name| {
        let value = headers.get(name).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    (field("grpc-status"), field("grpc-message"))
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_to_a_server_that_is_down_is_unavailable() {
    let (mut client, play) = h2_client(&[]);
    let refusal = io::ErrorKind::ConnectionRefused;
    play.pipes.refuse.lock().expect("free").push_back(refusal);
    let kind = [("content-type", "application/grpc")];
    client.request(&CALL, &kind, false).await;
    let (_, head, end) = client.gets_head().await;
    assert!(end, "trailers only");
    assert_eq!(head.pseudo.get(":status"), Some(&b"200"[..]));
    let field = |name| head.headers.get(name);
    assert_eq!(field("content-type"), Some(&b"application/grpc"[..]));
    assert_eq!(field("content-length"), None);
    let (code, message) = grpc_status(&head.headers);
    assert_eq!(code, "14");
    assert!(
        message.contains("cannot connect to origin.test:80"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_whose_server_is_lost_ends_as_unavailable() {
    let kind = [("content-type", "application/grpc")];
    let (mut client, mut server, play, _, id) = both(&CALL, &kind, false).await;
    server.head(id, &[(":status", "200")], &kind, false).await;
    server.data(id, b"\0\0\0\0\x01x", false).await;
    client.gets_head().await;
    assert!(matches!(client.event().await, Event::Data { .. }));
    drop(server);
    match client.event().await {
        Event::Trailers { headers, .. } => {
            let (code, message) = grpc_status(&headers);
            assert_eq!(code, "14");
            assert!(message.contains("broke off"), "{message}");
        }
        other => panic!("{other:?} instead of trailers"),
    }
    drop(client);
    assert!(play.records().await[0].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_grpc_server_that_gives_a_call_up_is_passed_on() {
    let kind = [("content-type", "application/grpc")];
    let (mut client, mut server, _play, _, id) = both(&CALL, &kind, true).await;
    server.head(id, &[(":status", "200")], &kind, false).await;
    client.gets_head().await;
    server.conn.reset(id, Reason::ENHANCE_YOUR_CALM);
    server.flush().await;
    match client.event().await {
        Event::Reset { reason, .. } => assert_eq!(reason, Reason::ENHANCE_YOUR_CALM),
        other => panic!("{other:?} instead of a reset"),
    }
}

/// The SETTINGS with which a server begins.
const SETTINGS: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";

#[tokio::test(start_paused = true)]
async fn a_server_that_knows_http2_only_is_asked_so_without_being_told_to() {
    for cut in [1, 9] {
        let mut play = reverse();
        play.send(b"GET /hello HTTP/1.1\r\nHost: origin.test\r\n\r\n")
            .await;
        let mut server = play.server().await;
        let (first, rest) = SETTINGS.split_at(cut);
        server.write_all(first).await.expect("room");
        tokio::time::sleep(Duration::from_millis(10)).await;
        server.write_all(rest).await.expect("room");
        let mut server = Peer::new(Role::Server, play.server().await);
        let (id, head, _) = server.gets_head().await;
        assert_eq!(head.pseudo.get(":path"), Some(&b"/hello"[..]));
        server.head(id, &[(":status", "204")], &[], true).await;
        play.client_gets(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        drop(server);
        let records = play.records().await;
        assert_eq!((records.len(), &records[0].error), (1, &None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_gone_is_not_sent_to_it_again() {
    let mut play = reverse();
    play.send(b"POST /1 HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 1\r\n\r\nx")
        .await;
    let mut server = play.server().await;
    server.write_all(SETTINGS).await.expect("room");
    let page = play.client_rest().await;
    assert!(
        page.contains("the server answered in HTTP/2") && page.contains("h2c_upstream=always"),
        "{page}"
    );
    assert!(play.servers.try_recv().is_err(), "it was not sent again");
}
