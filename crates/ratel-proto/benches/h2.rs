//! What HTTP/2 costs: header compression of ordinary heads, and whole exchanges through two connections.

#![expect(clippy::unwrap_used, reason = "a failure ends the benchmark")]

use bytes::{Bytes, BytesMut};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use ratel_proto::Headers;
use ratel_proto::h2::hpack::{Decoder, Encoder, huffman};
use ratel_proto::h2::{Config, Connection, Event, Role, validate};
use ratel_proto::headers::FieldRef;

fn main() {
    divan::main();
}

const REQUEST: [(&[u8], &[u8]); 4] = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"service.dev.example.com"),
    (
        b":path",
        b"/api/v2/projects/1234567/merge_requests?state=opened&per_page=100",
    ),
];

fn request_fields() -> Headers {
    [
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
        ),
        (
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        (
            "referer",
            "https://service.dev.example.com/dashboard/projects",
        ),
        (
            "cookie",
            "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes",
        ),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("priority", "u=0, i"),
    ]
    .into_iter()
    .collect()
}

const RESPONSE: [(&[u8], &[u8]); 1] = [(b":status", b"200")];

fn response_fields() -> Headers {
    [
        ("server", "nginx"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("content-type", "application/json"),
        ("content-length", "1024"),
        ("cache-control", "max-age=0, private, must-revalidate"),
        ("etag", "W/\"2b1f5c0e8d7a6b5c4d3e2f1a0b9c8d7e\""),
        ("strict-transport-security", "max-age=63072000"),
        ("x-request-id", "01H8XGJWBWBAQ4Z4Z4Z4Z4Z4Z4"),
    ]
    .into_iter()
    .collect()
}

fn encode(encoder: &mut Encoder, out: &mut BytesMut, fields: &Headers) {
    encoder.begin(out);
    for field in REQUEST {
        encoder.field(out, FieldRef::from(field));
    }
    fields.fields().for_each(|field| encoder.field(out, field));
}

/// The first head of a connection: everything is spelled out.
#[divan::bench]
fn encode_first(bencher: Bencher<'_, '_>) {
    let fields = request_fields();
    let mut out = BytesMut::with_capacity(4096);
    bencher
        .with_inputs(Encoder::new)
        .bench_local_refs(|encoder| {
            out.clear();
            encode(encoder, &mut out, &fields);
        });
}

/// A later one: all but the path is in the table.
#[divan::bench]
fn encode_again(bencher: Bencher<'_, '_>) {
    let fields = request_fields();
    let mut out = BytesMut::with_capacity(4096);
    let mut encoder = Encoder::new();
    encode(&mut encoder, &mut out, &fields);
    bencher.bench_local(|| {
        out.clear();
        encode(&mut encoder, &mut out, &fields);
        black_box(out.len())
    });
}

#[divan::bench]
fn decode_first(bencher: Bencher<'_, '_>) {
    let mut block = BytesMut::new();
    encode(&mut Encoder::new(), &mut block, &request_fields());
    bencher
        .with_inputs(|| Decoder::new(4096))
        .bench_local_refs(|decoder| decoder.decode(&block, 1 << 18, true).unwrap());
}

#[divan::bench]
fn decode_again(bencher: Bencher<'_, '_>) {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut block = BytesMut::new();
    for _ in 0..2 {
        block.clear();
        encode(&mut encoder, &mut block, &request_fields());
        decoder.decode(&block, 1 << 18, true).unwrap();
    }
    bencher.bench_local(|| decoder.decode(&block, 1 << 18, true).unwrap());
}

const TEXT: &[u8] =
    b"/api/v2/projects/1234567/merge_requests?state=opened&per_page=100&sort=updated_desc";

#[divan::bench]
fn huffman_encode(bencher: Bencher<'_, '_>) {
    let mut out = BytesMut::with_capacity(1024);
    bencher
        .counter(BytesCount::new(TEXT.len()))
        .bench_local(|| {
            out.clear();
            huffman::encode(black_box(TEXT), &mut out);
        });
}

#[divan::bench]
fn huffman_decode(bencher: Bencher<'_, '_>) {
    let (mut text, mut out) = (BytesMut::new(), BytesMut::with_capacity(1024));
    huffman::encode(TEXT, &mut text);
    bencher
        .counter(BytesCount::new(TEXT.len()))
        .bench_local(|| {
            out.clear();
            huffman::decode(black_box(&text), &mut out).unwrap();
        });
}

/// Two connections that are past their settings.
struct Pair {
    client: Connection,
    server: Connection,
    to_server: BytesMut,
    to_client: BytesMut,
}

impl Pair {
    fn new() -> Self {
        let mut pair = Self {
            client: Connection::new(Config::new(Role::Client)),
            server: Connection::new(Config::new(Role::Server)),
            to_server: BytesMut::with_capacity(1 << 17),
            to_client: BytesMut::with_capacity(1 << 17),
        };
        for _ in 0..2 {
            pair.up(|_, _| {});
            pair.down(|_, _| {});
        }
        pair
    }

    fn up(&mut self, handle: impl FnMut(&mut Connection, Event)) {
        pass(
            &mut self.client,
            &mut self.server,
            &mut self.to_server,
            handle,
        );
    }

    fn down(&mut self, handle: impl FnMut(&mut Connection, Event)) {
        pass(
            &mut self.server,
            &mut self.client,
            &mut self.to_client,
            handle,
        );
    }
}

/// Like a socket: copies what one side has to say to where the other one reads.
fn pass(
    from: &mut Connection,
    to: &mut Connection,
    pipe: &mut BytesMut,
    mut handle: impl FnMut(&mut Connection, Event),
) {
    from.pump();
    let output = from.output();
    while !output.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 64];
        let filled = output.io_slices(&mut slices);
        let mut written = 0;
        for slice in &slices[..filled] {
            pipe.extend_from_slice(slice);
            written += slice.len();
        }
        output.advance(written);
    }
    while let Some(event) = to.receive(pipe).unwrap() {
        handle(to, event);
    }
}

/// A request and a response of 1 KiB: four heads' worth of work, both ends.
#[divan::bench]
fn exchange(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    let (request, response) = (request_fields(), response_fields());
    let content = Bytes::from(vec![b'x'; 1024]);
    bencher.bench_local(|| {
        let id = pair.client.open().unwrap();
        pair.client
            .send_headers(id, REQUEST, &request, true)
            .unwrap();
        pair.up(|server, event| {
            if let Event::Headers { id, head, .. } = event {
                black_box(&head);
                server.send_headers(id, RESPONSE, &response, false).unwrap();
                server.send_data(id, content.clone(), true).unwrap();
            }
        });
        pair.down(|client, event| {
            if let Event::Data { id, flow, .. } = event {
                client.consume(id, flow);
            }
        });
    });
}

/// A response of 1 MiB, in pieces of 64 KiB, with flow control.
#[divan::bench]
fn download(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    let content = Bytes::from(vec![b'x'; 64 * 1024]);
    let none = Headers::new();
    bencher
        .counter(BytesCount::new(1_usize << 20))
        .bench_local(|| {
            let id = pair.client.open().unwrap();
            pair.client.send_headers(id, REQUEST, &none, true).unwrap();
            pair.up(|_, _| {});
            pair.server
                .send_headers(id, RESPONSE, &none, false)
                .unwrap();
            for n in 1..=16 {
                pair.server.send_data(id, content.clone(), n == 16).unwrap();
                pair.down(|client, event| {
                    if let Event::Data { id, flow, .. } = event {
                        client.consume(id, flow);
                    }
                });
                pair.up(|_, _| {});
            }
        });
}

#[divan::bench]
fn validate_request(bencher: Bencher<'_, '_>) {
    let head = ratel_proto::h2::Head {
        pseudo: REQUEST.into_iter().collect(),
        headers: request_fields(),
        late_pseudo: false,
    };
    bencher.bench_local(|| validate::request(black_box(&head)).is_ok());
}

#[divan::bench]
fn line_safe(bencher: Bencher<'_, '_>) {
    let fields = request_fields();
    bencher.bench_local(|| black_box(&fields).is_line_safe());
}
