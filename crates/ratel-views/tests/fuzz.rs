//! A small mutation fuzzer for every view and everything that can be edited: it runs with the other tests, and repeats
//! exactly. `RATEL_FUZZ_SECONDS` says how long it runs for all views together (2 by default).
//!
//! Asserted for every input: no panic, an end in time, output bounded by input, nothing unsafe for a terminal, the same
//! wherever the input is cut, and that what can be edited comes back when it was not changed.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "documents/wire.rs"]
mod wire;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use ratel_flow::{MessageKind, Side};
use ratel_views::{
    Line, QuicStream, Rendering, Schemas, ViewInput, edit, editable_views, names, preview,
    reencode, render, render_message,
};

/// xorshift64*: good enough to wander, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The longest input that is grown.
const INPUT_MAX: usize = 4096;

/// One input with one view, in a debug build on a busy machine.
const LONG: Duration = Duration::from_secs(5);

/// What may be shown of an input: each byte with its indentation, a line for each.
const OUTPUT_MAX: usize = 600 * INPUT_MAX;

/// Bytes that views stumble over.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"<",
    b">",
    b"</",
    b"/>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"\"",
    b"'",
    b"`",
    b"\\",
    b"/*",
    b"*/",
    b"//",
    b":",
    b";",
    b",",
    b"=",
    b"&",
    b"%",
    b"+",
    b"#",
    b"-",
    b"- ",
    b"? ",
    b": ",
    b"|",
    b">-",
    b"!binary ",
    b"!fixed32 ",
    b"!group",
    b"---\n",
    b"--- 1/2\n",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\t",
    b"  ",
    b"--x",
    b"null",
    b"true",
    b"1e5",
    b"0x",
    b".inf",
    b"\0",
    b"\xff",
    b"\x80",
    b"\xc3",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x08",
    b"\x0a",
    b"\x0b",
    b"\x0c",
    b"\xc0\x0c",
    b"\xff\xff\xff\xff",
    b"\xc1",
    b"\xdd",
    b"\x91",
    b"\"query\":",
    b"charset",
    b"<script>",
    b"IHDR",
    b"Exif\0\0",
    b"PK\x01\x02",
    b"ispe",
];

/// Content types, one of which goes with each input.
const TYPES: &[&str] = &[
    "",
    "application/json",
    "text/html",
    "text/html; charset=shift_jis",
    "text/xml; charset=utf-16",
    "text/css; charset=latin-1",
    "text/javascript",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/x-protobuf",
    "application/x-protobuf; proto=shop.v1.Order",
    "application/grpc",
    "application/grpc-web",
    "application/grpc-web-text",
    "application/connect+json",
    "application/msgpack",
    "application/dns-message",
    "application/vnd.ms-sync.wbxml",
    "image/png",
    "application/zip",
    "text/event-stream",
];

fn seeds() -> Vec<Vec<u8>> {
    let order = wire::order();
    vec![
        br#"{"a":[1,2.5e3,"\u00e9",{"b":null}],"query":"query A {\n  b\n}"}"#.to_vec(),
        br#"[{"query":"{a}"},{"query":"{b}"}]"#.to_vec(),
        b"{\"a\":1}\n{\"b\":2}\n".to_vec(),
        b"<!DOCTYPE html><html><meta charset=koi8-r><script>a<b</script><p class='x'>t</p><br></html>".to_vec(),
        b"<?xml version=\"1.0\" encoding=\"utf-16\"?><a><![CDATA[x]]><b/></a>".to_vec(),
        b"@import url(a);a:hover,b{c:d;e:url(f;g)}@media x{h{i:'}'}}/* */".to_vec(),
        b"function f(a){for(;;){g(`${a}`)}return /[/]/}//x\nvar b={c:1}".to_vec(),
        b"a=1&b=%ff&a=two+words&c".to_vec(),
        b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=b\r\n\r\n1\r\n--x--\r\n".to_vec(),
        order.clone(),
        wire::group(1, &order),
        [wire::frame(0, &order), wire::frame(1, b"zip"), wire::frame(0x80, b"grpc-status:0\r\n")].concat(),
        b"\x82\xa1a\x94\x01\xcb\x3f\xf8\0\0\0\0\0\0\xc4\x01\xff\xa3a\nb\x92\x01\x02\xd6\xff\0\0\0\x01".to_vec(),
        b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x01b\0\0\x01\0\x01\xc0\x0c\0\x41\0\x01\0\0\0\x01\0\x07\0\x01\0\0\x03\0\0".to_vec(),
        b"\x03\x01\x6a\x00\x45\x5c\x4f\x4b\x031\0\x01\xc3\x02ab\x01\x01\x01".to_vec(),
        b"\x01\x05\0\0\xd1\xd7\xc1\x00\x02hi\x04\x02\x06\x20".to_vec(),
        b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03abc\x30\x06\0\x03a/bx\xc0\0".to_vec(),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x02\x08\x06\0\0\0\0\0\0\0\0\0\0\x05tEXta\0b\0\0\0\0\0".to_vec(),
        b"GIF89a\x03\0\x04\0\0\x07\0!\xfe\x05hello\0;".to_vec(),
        b"\xff\xd8\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x04\0\0\0abc\0\0\0\0\0\xff\xda".to_vec(),
        b"PK\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0aPK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
        b"42/chat,17[\"say\",{\"a\":1}]".to_vec(),
        b"event: a\ndata: [1]\n\n: x\r\nid:1\r\n\r\n".to_vec(),
        b"a:\n- 1\n- !binary 00ff\n? [b]\n: |-\n  c\n---\nid: x\nsizes: [1, 2]\n".to_vec(),
    ]
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = random.pick(seeds).clone();
    for _ in 0..random.below(8) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(16)).min(input.len());
        match random.below(8) {
            0 if at < input.len() => input[at] = random.next() as u8,
            1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 => drop(input.drain(at..end)),
            3 => drop(input.splice(at..at, random.pick(TOKENS).iter().copied())),
            4 => {
                let copy = input[at..end].to_vec();
                drop(input.splice(at..at, copy));
            }
            5 => {
                let other = random.pick(seeds);
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            6 => {
                let token = random.pick(TOKENS).repeat(random.below(64));
                drop(input.splice(at..at, token));
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(INPUT_MAX);
    input
}

/// Runs `target` on mutations of the seeds until its share of the time is over; a failure names its input.
fn fuzz(share: f64, target: impl Fn(&[u8], &mut Random)) {
    let seconds = std::env::var("RATEL_FUZZ_SECONDS");
    let seconds = seconds.ok().and_then(|s| s.parse().ok()).unwrap_or(2.0);
    let seeds = seeds();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs_f64(seconds * share);
    let mut runs = 0;
    while Instant::now() < end || runs <= seeds.len() {
        let input = match seeds.get(runs) {
            Some(seed) => seed.clone(),
            None => mutate(&mut random, &seeds),
        };
        runs += 1;
        let state = random.0;
        let run = AssertUnwindSafe(|| target(&input, &mut Random(state)));
        let result = std::panic::catch_unwind(run);
        if result.is_err() {
            let input = input.escape_ascii();
            panic!("failed after {runs} runs on b\"{input}\" (state {state:#x})");
        }
    }
}

fn shop() -> Schemas {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas");
    Schemas::load(std::path::Path::new(folder)).unwrap()
}

fn input<'a>(data: &'a [u8], schemas: &'a Schemas, random: &mut Random) -> ViewInput<'a> {
    ViewInput {
        data,
        complete: random.below(4) > 0,
        content_type: Some(*random.pick(TYPES)),
        side: Some(*random.pick(&[Side::Client, Side::Server])),
        path: Some(*random.pick(&["/shop.v1.Orders/Get", "/socket.io/?EIO=3", "/x?a=b&%ff=+"])),
        grpc_encoding: *random.pick(&[None, Some("gzip"), Some("deflate")]),
        schemas: Some(schemas),
        quic: random.pick(&[true, false]).then_some(QuicStream {
            alpn: b"h3",
            unidirectional: data.len().is_multiple_of(2),
        }),
        max_lines: 10 * INPUT_MAX,
        ..ViewInput::default()
    }
}

fn check(lines: &[Line], view: &str) {
    let mut bytes = 0;
    for line in lines {
        let text = line.text();
        bytes += text.len() + 1;
        let safe = text
            .chars()
            .all(|c| c == '\t' || ratel_flow::format::is_safe(c));
        assert!(safe, "{view}: {text:?}");
    }
    assert!(bytes <= OUTPUT_MAX, "{view} shows {bytes} bytes");
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    assert!(took < LONG, "{what} took {took:?}");
    result
}

#[test]
fn views() {
    let schemas = shop();
    let names = names();
    fuzz(1.0, |data, random| {
        let input = input(data, &schemas, random);
        let view = random.pick(&names);
        let whole = timed(view, || render(Some(view), &input));
        check(&whole.lines, view);
        let folds = whole.folds();
        assert!(folds.iter().all(|fold| fold.end < whole.lines.len()));
        let mut rendering = Rendering::start(Some(view), &input);
        let (a, rest) = data.split_at(random.below(data.len() + 1));
        let (b, c) = rest.split_at(random.below(rest.len() + 1));
        for piece in [a, b, c] {
            rendering.feed(piece);
        }
        rendering.finish(input.complete);
        let lines: Vec<Line> = std::iter::from_fn(|| rendering.take()).collect();
        assert_eq!(lines, whole.lines, "{view}");
    });
}

#[test]
fn messages() {
    let schemas = shop();
    fuzz(0.5, |data, random| {
        let input = input(data, &schemas, random);
        let kind = *random.pick(&MessageKind::ALL);
        let document = timed("a message", || render_message(kind, &input));
        check(&document.lines, document.view_name);
        let most = random.below(200);
        let line = timed("a preview", || preview(kind, &input, most));
        assert!(line.chars().count() <= most && !line.contains('\n'));
    });
}

#[test]
fn edited() {
    let schemas = shop();
    let views = editable_views();
    fuzz(1.0, |data, random| {
        let input = ViewInput {
            complete: true,
            ..input(data, &schemas, random)
        };
        let view = random.pick(&views);
        let Ok(text) = timed(view, || edit(view, &input)) else {
            return;
        };
        let again = timed(view, || reencode(view, &text, &input));
        if view == "query" {
            assert!(again.is_ok());
        } else {
            assert_eq!(again.as_deref(), Ok(data), "{view}");
        }
        // The same text, read: what it makes is shown as that text again.
        let touched = match view.as_str() {
            "json" | "hex stream" => format!(" {text}"),
            "graphql" => text.replacen('{', " {", 1),
            _ if view == "grpc" && input.media_type().ends_with("+json") => format!("\n{text}"),
            _ => format!("{text}# remark\n"),
        };
        match timed(view, || reencode(view, &touched, &input)) {
            Ok(made) if view != "query" => {
                let input = ViewInput {
                    data: &made,
                    ..input
                };
                let shown =
                    edit(view, &input).unwrap_or_else(|error| panic!("{view}: {error}\n{text}"));
                assert_eq!(shown, text, "{view}");
            }
            Ok(_) => {}
            Err(error) => panic!("{view}: {error}\n{text}"),
        }
    });
}

#[test]
fn texts() {
    let schemas = shop();
    let views = editable_views();
    fuzz(0.5, |data, random| {
        let text = String::from_utf8_lossy(data);
        let seed = random.pick(&seeds()).clone();
        let input = ViewInput {
            complete: true,
            ..input(&seed, &schemas, random)
        };
        let view = random.pick(&views);
        match timed(view, || reencode(view, &text, &input)) {
            Ok(bytes) => assert!(bytes.len() <= 16 * (text.len() + seed.len()) + 64, "{view}"),
            Err(error) => {
                let lines = text.matches(['\n', '\r']).count() + 1;
                let place = error.place.map(|place| place.line);
                assert!(
                    place.is_none_or(|line| line <= lines + 1),
                    "{view}: {error}"
                );
            }
        }
    });
}
