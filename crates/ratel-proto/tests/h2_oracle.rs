//! Both roles against the crate `h2`, which knows HTTP/2 independently of us: what one side says, the other understands.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use proptest::prelude::*;
use ratel_proto::Headers;
use ratel_proto::h2::{Config, Connection, Event, Reason, Role, StreamId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// How much is between the two ends, in bytes: little, so that writes are cut.
const PIPE: usize = 10_000;

/// Runs our side until `handle` says that it is done, and everything is written, or the other side has closed.
async fn drive(
    connection: &mut Connection,
    io: &mut DuplexStream,
    mut handle: impl FnMut(&mut Connection, Event) -> bool,
) {
    let (mut read, mut write) = tokio::io::split(io);
    let mut input = BytesMut::new();
    let mut done = false;
    loop {
        while let Some(event) = connection.receive(&mut input).expect("h2 behaves") {
            done |= handle(connection, event);
        }
        connection.pump();
        let idle = connection.output().is_empty();
        if done && idle {
            return;
        }
        tokio::select! {
            n = read.read_buf(&mut input) => if n.unwrap() == 0 {
                return;
            },
            written = write.write_buf(connection.output()), if !idle => drop(written.unwrap()),
        }
    }
}

#[derive(Clone, Debug)]
struct Message {
    fields: Vec<(String, Vec<u8>)>,
    /// Sizes of the pieces of the content.
    pieces: Vec<usize>,
    trailers: Option<Vec<(String, Vec<u8>)>>,
}

impl Message {
    fn content(&self) -> Vec<Bytes> {
        let piece = |(n, len): (usize, &usize)| Bytes::from(vec![b'a' + n as u8; *len]);
        self.pieces.iter().enumerate().map(piece).collect()
    }

    fn whole(&self) -> Vec<u8> {
        self.content().concat()
    }
}

/// What was received of a message.
#[derive(Debug, Default)]
struct Received {
    fields: HeaderMap,
    content: Vec<u8>,
    trailers: Option<HeaderMap>,
}

fn map(fields: &[(String, Vec<u8>)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

fn from_ours(headers: &Headers) -> HeaderMap {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let fields: Vec<_> = headers
        .iter()
        .map(|(name, value)| (text(name), value.to_vec()))
        .collect();
    map(&fields)
}

fn ours(fields: &[(String, Vec<u8>)]) -> Headers {
    fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value))
        .collect()
}

fn check(sent: &Message, received: &Received) {
    assert_eq!(received.fields, map(&sent.fields));
    assert_eq!(received.content.len(), sent.whole().len());
    assert!(received.content == sent.whole());
    assert_eq!(received.trailers, sent.trailers.as_deref().map(map));
}

/// What comes after a head, from our side.
fn send_rest(connection: &mut Connection, id: StreamId, message: &Message) {
    for piece in message.content() {
        connection.send_data(id, piece, false).unwrap();
    }
    match &message.trailers {
        Some(trailers) => connection.send_trailers(id, &ours(trailers)).unwrap(),
        None => connection.send_data(id, Bytes::new(), true).unwrap(),
    }
}

/// What comes after a head, from theirs.
async fn send_rest_theirs(mut stream: h2::SendStream<Bytes>, message: &Message) {
    for piece in message.content() {
        stream.send_data(piece, false).unwrap();
    }
    match &message.trailers {
        Some(trailers) => stream.send_trailers(map(trailers)).unwrap(),
        None => stream.send_data(Bytes::new(), true).unwrap(),
    }
}

async fn receive_rest_theirs(mut body: h2::RecvStream, received: &mut Received) {
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        received.content.extend_from_slice(&data);
    }
    received.trailers = body.trailers().await.unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

const POST: [(&[u8], &[u8]); 4] = [
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":authority", b"a.example"),
    (b":path", b"/echo?a=b"),
];

/// We are the client: all requests at once, each answered with its own message.
async fn we_ask(messages: &[Message]) {
    let (mut io, theirs) = tokio::io::duplex(PIPE);
    let expected = messages.to_vec();
    let server = async move {
        let mut server = h2::server::handshake(theirs).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        while let Some(request) = server.accept().await {
            let (request, mut respond) = request.unwrap();
            let expected = expected.clone();
            tasks.spawn(async move {
                assert_eq!(request.uri(), "https://a.example/echo?a=b");
                let index: usize = request.headers()["x-index"]
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                let (head, body) = request.into_parts();
                let mut received = Received {
                    fields: head.headers,
                    ..Received::default()
                };
                received.fields.remove("x-index");
                receive_rest_theirs(body, &mut received).await;
                let message = &expected[index];
                check(message, &received);
                let mut response = Response::builder().status(200).body(()).unwrap();
                *response.headers_mut() = map(&message.fields);
                let stream = respond.send_response(response, false).unwrap();
                send_rest_theirs(stream, message).await;
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
    };
    let client = async move {
        let mut config = Config::new(Role::Client);
        config.stream_window = 70_000;
        config.connection_window = 100_000;
        let mut connection = Connection::new(config);
        let mut streams = HashMap::new();
        for (index, message) in messages.iter().enumerate() {
            let id = connection.open().unwrap();
            let mut fields = ours(&message.fields);
            fields.insert(0, b"x-index", index.to_string().as_bytes());
            connection.send_headers(id, POST, &fields, false).unwrap();
            send_rest(&mut connection, id, message);
            streams.insert(id, (index, Received::default()));
        }
        let mut left = messages.len();
        drive(&mut connection, &mut io, |connection, event| {
            left -= usize::from(receive_ours(connection, &mut streams, event).is_some());
            left == 0
        })
        .await;
        assert_eq!((left, connection.open_streams()), (0, 0));
        for (index, received) in streams.into_values() {
            check(&messages[index], &received);
        }
    };
    tokio::join!(server, client);
}

/// Puts an event where it belongs; the stream if it is complete.
fn receive_ours(
    connection: &mut Connection,
    streams: &mut HashMap<StreamId, (usize, Received)>,
    event: Event,
) -> Option<StreamId> {
    match event {
        Event::Headers { id, head, end } => {
            streams.get_mut(&id).unwrap().1.fields = from_ours(&head.headers);
            end.then_some(id)
        }
        Event::Data {
            id,
            data,
            flow,
            end,
        } => {
            streams
                .get_mut(&id)
                .unwrap()
                .1
                .content
                .extend_from_slice(&data);
            connection.consume(id, flow);
            end.then_some(id)
        }
        Event::Trailers { id, headers } => {
            streams.get_mut(&id).unwrap().1.trailers = Some(from_ours(&headers));
            Some(id)
        }
        Event::Settings | Event::Writable(_) => None,
        other => panic!("{other:?}"),
    }
}

/// We are the server: each request is answered with its own message.
async fn they_ask(messages: &[Message]) {
    let (mut io, theirs) = tokio::io::duplex(PIPE);
    let server = async move {
        let mut connection = Connection::new(Config::new(Role::Server));
        let mut streams = HashMap::new();
        let index_of = |headers: &Headers| -> usize {
            let index = headers.get("x-index").unwrap();
            std::str::from_utf8(index).unwrap().parse().unwrap()
        };
        drive(&mut connection, &mut io, |connection, event| {
            if let Event::GoAway { .. } = event {
                return false;
            }
            if let Event::Headers { id, head, .. } = &event {
                streams.insert(*id, (index_of(&head.headers), Received::default()));
            }
            if let Some(id) = receive_ours(connection, &mut streams, event) {
                let (index, mut received) = streams.remove(&id).unwrap();
                received.fields.remove("x-index");
                let message = &messages[index];
                check(message, &received);
                let ok: [(&[u8], &[u8]); 1] = [(b":status", b"200")];
                connection
                    .send_headers(id, ok, &ours(&message.fields), false)
                    .unwrap();
                send_rest(connection, id, message);
            }
            false
        })
        .await;
    };
    let client = async move {
        let (client, connection) = h2::client::handshake(theirs).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut tasks = tokio::task::JoinSet::new();
        for (index, message) in messages.iter().cloned().enumerate() {
            let mut client = client.clone().ready().await.unwrap();
            let mut request = Request::post("https://a.example/echo").body(()).unwrap();
            *request.headers_mut() = map(&message.fields);
            request.headers_mut().insert("x-index", index.into());
            let (response, stream) = client.send_request(request, false).unwrap();
            tasks.spawn(async move {
                send_rest_theirs(stream, &message).await;
                let (head, body) = response.await.unwrap().into_parts();
                let mut received = Received {
                    fields: head.headers,
                    ..Received::default()
                };
                receive_rest_theirs(body, &mut received).await;
                check(&message, &received);
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        drop(client);
        connection.await.unwrap().unwrap();
    };
    tokio::join!(server, client);
}

fn a_field() -> impl Strategy<Value = (String, Vec<u8>)> {
    let names = prop_oneof![
        "(accept|user-agent|cookie|authorization|set-cookie|etag|x-own|date)",
        "[a-z][a-z0-9-]{0,30}".prop_map(|name| format!("x-{name}")),
    ];
    let values = prop_oneof![
        Just("the same each time, over and over".to_owned()),
        "[!-~]{0,80}",
        "[!-~]{500,6000}",
    ];
    (names, values.prop_map(String::into_bytes))
}

fn a_message() -> impl Strategy<Value = Message> {
    let fields = || proptest::collection::vec(a_field(), 0..8);
    let sizes = prop_oneof![1_usize..100, 1_usize..40_000];
    let pieces = proptest::collection::vec(sizes, 0..6);
    (fields(), pieces, proptest::option::of(fields())).prop_map(|(fields, pieces, trailers)| {
        // `h2` does not send trailers without a field as such.
        let trailers = trailers.filter(|fields| !fields.is_empty());
        Message {
            fields,
            pieces,
            trailers,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_we_ask_h2_is_understood_and_answered(messages in proptest::collection::vec(a_message(), 1..12)) {
        runtime().block_on(we_ask(&messages));
    }

    #[test]
    fn what_h2_asks_us_is_understood_and_answered(messages in proptest::collection::vec(a_message(), 1..12)) {
        runtime().block_on(they_ask(&messages));
    }
}

#[test]
fn resets_of_either_side_are_understood() {
    runtime().block_on(async {
        let (mut io, theirs) = tokio::io::duplex(PIPE);
        let server = async move {
            let mut server = h2::server::handshake(theirs).await.unwrap();
            let (_, mut respond) = server.accept().await.unwrap().unwrap();
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            let (request, _respond) = server.accept().await.unwrap().unwrap();
            let mut body = request.into_body();
            let failed = async { body.data().await.unwrap().unwrap_err() };
            let closed = async { assert!(server.accept().await.is_none()) };
            let (error, ()) = tokio::join!(failed, closed);
            assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
        };
        let client = async move {
            let mut connection = Connection::new(Config::new(Role::Client));
            let ids = [(); 2].map(|()| connection.open().unwrap());
            for id in ids {
                connection
                    .send_headers(id, POST, &Headers::new(), false)
                    .unwrap();
            }
            let mut reset = None;
            drive(&mut connection, &mut io, |connection, event| {
                if let Event::Reset { id, reason, .. } = event {
                    reset = Some((id, reason));
                    connection.reset(ids[1], Reason::CANCEL);
                }
                reset.is_some()
            })
            .await;
            assert_eq!(reset, Some((ids[0], Reason::REFUSED_STREAM)));
        };
        tokio::join!(server, client);
    });
}
