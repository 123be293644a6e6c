//! Random steps of two well-behaved ends, against what must come of them: everything arrives, in order, once, unless
//! its stream was reset; nobody breaks a rule; nothing gets stuck.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Open {
        fields: usize,
        end: bool,
    },
    Answer {
        stream: usize,
    },
    Data {
        side: Role,
        stream: usize,
        len: usize,
        end: bool,
    },
    Trailers {
        side: Role,
        stream: usize,
    },
    Reset {
        side: Role,
        stream: usize,
    },
    /// Takes what was received up to here.
    Consume {
        side: Role,
    },
    /// The network carries a part of what is to be written.
    Carry {
        from: Role,
        len: usize,
    },
    Ping {
        side: Role,
    },
}

fn a_step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Role::Client), Just(Role::Server)];
    let stream = 0_usize..8;
    let len = prop_oneof![0_usize..50, 0_usize..30_000, 0_usize..200_000];
    prop_oneof![
        2 => (0_usize..400, any::<bool>()).prop_map(|(fields, end)| Step::Open { fields, end }),
        2 => stream.clone().prop_map(|stream| Step::Answer { stream }),
        4 => (side.clone(), stream.clone(), len, proptest::bool::weighted(0.2))
            .prop_map(|(side, stream, len, end)| Step::Data { side, stream, len, end }),
        1 => (side.clone(), stream.clone()).prop_map(|(side, stream)| Step::Trailers { side, stream }),
        1 => (side.clone(), stream).prop_map(|(side, stream)| Step::Reset { side, stream }),
        3 => side.clone().prop_map(|side| Step::Consume { side }),
        6 => (side.clone(), 0_usize..60_000).prop_map(|(from, len)| Step::Carry { from, len }),
        1 => side.prop_map(|side| Step::Ping { side }),
    ]
}

/// What one end has said, or heard, on a stream.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    heads: Vec<Headers>,
    content: usize,
    trailers: Option<Headers>,
    ended: bool,
}

struct End {
    connection: Connection,
    input: BytesMut,
    said: HashMap<StreamId, Said>,
    heard: HashMap<StreamId, Said>,
    held: Vec<(StreamId, u32)>,
    /// Streams that either end has reset.
    reset: Vec<StreamId>,
    pings: usize,
    pongs: usize,
}

impl End {
    fn new(config: Config) -> Self {
        Self {
            connection: Connection::new(config),
            input: BytesMut::new(),
            said: HashMap::new(),
            heard: HashMap::new(),
            held: Vec::new(),
            reset: Vec::new(),
            pings: 0,
            pongs: 0,
        }
    }

    fn head(&mut self, id: StreamId, pseudo: &[(&[u8], &[u8])], fields: usize, end: bool) {
        let value = "v".repeat(fields * 37 % 500);
        let names = ["x-same", "cookie", "x-other", "accept"];
        let headers: Headers = (0..fields % 50)
            .map(|n| (names[n % 4], &value[..n * 11 % 500 % (value.len() + 1)]))
            .collect();
        if self
            .connection
            .send_headers(id, pseudo, &headers, end)
            .is_ok()
        {
            let said = self.said.entry(id).or_default();
            said.heads.push(headers);
            said.ended = end;
        }
    }

    /// Each byte of a stream's content is the count of those before it.
    fn data(&mut self, id: StreamId, len: usize, end: bool) {
        let mut said = self.said.get(&id).cloned().unwrap_or_default();
        let data = (said.content..said.content + len)
            .map(|n| n as u8)
            .collect();
        if self.connection.send_data(id, data, end).is_ok() {
            said.content += len;
            said.ended = end;
            self.said.insert(id, said);
        }
    }

    fn trailers(&mut self, id: StreamId) {
        let headers: Headers = [("x-trailer", "x"), ("x-trailer", "y")]
            .into_iter()
            .collect();
        if self.connection.send_trailers(id, &headers).is_ok() {
            let said = self.said.entry(id).or_default();
            said.trailers = Some(headers);
            said.ended = true;
        }
    }

    /// How much was carried.
    fn carry(&mut self, len: usize, to: &mut Self) -> usize {
        self.connection.pump();
        let output = self.connection.output();
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        let filled = output.io_slices(&mut slices);
        let mut written = 0;
        for slice in &slices[..filled] {
            let n = slice.len().min(len - written);
            to.input.extend_from_slice(&slice[..n]);
            written += n;
        }
        output.advance(written);
        while let Some(event) = to.connection.receive(&mut to.input).unwrap() {
            to.hear(event);
        }
        assert!(to.input.len() < 16_384 + 9);
        written
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Headers { id, head, end } => {
                let heard = self.heard.entry(id).or_default();
                assert!(!heard.ended);
                heard.heads.push(head.headers);
                heard.ended = end;
            }
            Event::Data {
                id,
                data,
                flow,
                end,
            } => {
                let heard = self.heard.entry(id).or_default();
                assert!(!heard.ended && !heard.heads.is_empty());
                for (n, byte) in (heard.content..).zip(&data) {
                    assert_eq!(*byte, n as u8);
                }
                heard.content += data.len();
                heard.ended = end;
                self.held.push((id, flow));
            }
            Event::Trailers { id, headers } => {
                let heard = self.heard.entry(id).or_default();
                assert!(!heard.ended);
                heard.trailers = Some(headers);
                heard.ended = true;
            }
            Event::Reset { id, .. } => self.reset.push(id),
            // Opened before the limit was known.
            Event::StreamError {
                id,
                error: StreamError::TooMany(_),
                ..
            } => self.reset.push(id),
            Event::Pong(_) => self.pongs += 1,
            Event::Settings | Event::Writable(_) | Event::StreamsAvailable => {}
            other => panic!("{other:?}"),
        }
    }

    fn consume(&mut self) {
        for (id, flow) in self.held.drain(..) {
            self.connection.consume(id, flow);
        }
    }
}

fn run(client: Config, server: Config, steps: Vec<Step>) {
    let mut ends = [End::new(client), End::new(server)];
    for step in steps {
        let id = |stream: usize| StreamId(2 * stream as u32 + 1);
        let index = |side| usize::from(side == Role::Server);
        let [client, server] = &mut ends;
        match step {
            Step::Open { fields, end } => {
                if let Some(id) = client.connection.open() {
                    client.head(id, &GET, fields, end);
                }
            }
            Step::Answer { stream } if server.said.contains_key(&id(stream)) => {}
            Step::Answer { stream } => server.head(id(stream), &OK, stream, false),
            Step::Data {
                side,
                stream,
                len,
                end,
            } => ends[index(side)].data(id(stream), len, end),
            Step::Trailers { side, stream } => ends[index(side)].trailers(id(stream)),
            Step::Reset { side, stream } => {
                let end = &mut ends[index(side)];
                if !end.connection.is_closed(id(stream)) {
                    end.connection.reset(id(stream), Reason::CANCEL);
                    end.reset.push(id(stream));
                }
            }
            Step::Consume { side } => ends[index(side)].consume(),
            Step::Carry {
                from: Role::Client,
                len,
            } => {
                client.carry(len, server);
            }
            Step::Carry {
                from: Role::Server,
                len,
            } => {
                server.carry(len, client);
            }
            Step::Ping { side } => {
                let end = &mut ends[index(side)];
                end.connection.ping([7; 8]);
                end.pings += 1;
            }
        }
    }
    // Whoever takes what comes gets everything in the end.
    let [mut client, mut server] = ends;
    loop {
        let quiet =
            client.carry(usize::MAX, &mut server) + server.carry(usize::MAX, &mut client) == 0;
        if quiet && client.held.is_empty() && server.held.is_empty() {
            break;
        }
        client.consume();
        server.consume();
    }
    assert!(client.connection.output().is_empty() && server.connection.output().is_empty());
    for end in [&client, &server] {
        assert_eq!(end.pings, end.pongs);
    }
    let reset = |id| client.reset.contains(&id) || server.reset.contains(&id);
    for (from, to) in [(&client, &server), (&server, &client)] {
        for (id, said) in &from.said {
            if !reset(*id) {
                assert_eq!(to.heard.get(id), Some(said), "stream {id}");
                assert_eq!(from.connection.queued(*id), 0);
            }
        }
        for (id, heard) in &to.heard {
            let said = &from.said[id];
            assert!(heard.content <= said.content && heard.heads.len() <= said.heads.len());
        }
    }
    // Both agree on what is open.
    assert_eq!(
        client.connection.open_streams(),
        server.connection.open_streams()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn everything_arrives(
        steps in proptest::collection::vec(a_step(), 1..120),
        (streams, window, connection, low) in (1_u32..10, 10_000_u32..150_000, 65_535_u32..200_000, 0_usize..100_000),
    ) {
        let config = |role| Config {
            stream_window: window,
            connection_window: connection,
            max_concurrent_streams: streams,
            low_water: low,
            ..Config::new(role)
        };
        run(config(Role::Client), config(Role::Server), steps);
    }
}
