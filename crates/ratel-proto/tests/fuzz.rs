//! A small mutation fuzzer for every parser: it needs no nightly compiler, runs with the other tests, and repeats
//! exactly. `RATEL_FUZZ_SECONDS` says how long each target runs (2 by default). `fuzz/` has the same targets for
//! `cargo-fuzz`; what they find becomes a seed here.
//!
//! Asserted for every input: no panic, output bounded by input, nothing lost (what was taken and what was left make up
//! the input), and the same result wherever the input is cut.

#[path = "fuzz/formats.rs"]
mod formats;
#[path = "fuzz/h2.rs"]
mod h2;
#[path = "fuzz/messages.rs"]
mod messages;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ratel_proto::detect::{Detected, HTTP2_PREFACE, detect};
use ratel_proto::http1::{
    BodyDecoder, BodyEncoder, BodyError, FramingError, HeadLimits, HeadReader, encode, framing,
    parse_request, parse_response, validate,
};
use ratel_proto::{Frame, Framing, Headers, client_hello, url};

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

/// Bytes that parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"5\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff",
    b"\0",
    b"\xff",
    b"\x80",
    b"HTTP/1.1",
    b"HTTP/",
    b"GET ",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"chunked",
    b"http://",
    b"[::1]",
    b"@",
    b"%25",
    b"*",
    b"/",
    b"\x16\x03\x01",
    b"\x01",
    b"\x00\x00",
    b"\xff\xff",
];

/// The longest input that is grown.
const INPUT_MAX: usize = 4096;

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = random.pick(seeds).clone();
    for _ in 0..random.below(8) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(16)).min(input.len());
        match random.below(7) {
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
            _ => input.truncate(at),
        }
    }
    input.truncate(INPUT_MAX);
    input
}

/// Runs `target` on mutations of `seeds` until the time is over; a failure names its input.
fn fuzz(seeds: &[&[u8]], target: impl Fn(&[u8], &mut Random) + std::panic::RefUnwindSafe) {
    let seconds = std::env::var("RATEL_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2.0);
    let seeds: Vec<_> = seeds.iter().map(|s| s.to_vec()).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut runs = 0;
    while Instant::now() < end {
        for _ in 0..64 {
            let input = if runs < seeds.len() {
                seeds[runs].clone()
            } else {
                mutate(&mut random, &seeds)
            };
            runs += 1;
            let state = random.0;
            let result = std::panic::catch_unwind(|| {
                let mut random = Random(state);
                target(&input, &mut random);
            });
            if result.is_err() {
                panic!(
                    "failed after {runs} runs on b\"{}\" (state {state:#x})",
                    input.escape_ascii()
                );
            }
        }
    }
}

/// Positions at which to cut the input, ending with its end.
fn cuts(random: &mut Random, len: usize) -> Vec<usize> {
    let mut cuts: Vec<_> = match random.below(4) {
        0 => (0..len).collect(),
        n => (0..n).map(|_| random.below(len + 1)).collect(),
    };
    cuts.push(len);
    cuts.sort_unstable();
    cuts
}

const HEAD_SEEDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: example.com\r\nA : b\r\n fold\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
    b"POST /a b HTTP/1.0\nContent-Length: 5\nno colon\n: empty\n\nhello",
    b"\r\n\r\nOPTIONS * HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\r\n<html>",
    b"HTTP/1.0 204\n\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    HTTP2_PREFACE,
];

fn limits(random: &mut Random) -> HeadLimits {
    match random.below(3) {
        0 => HeadLimits {
            bytes: random.below(200),
            fields: random.below(5),
        },
        _ => HeadLimits::default(),
    }
}

/// Reads heads from `input` in pieces until there is none; the last element is what went wrong, and what was left.
fn heads<T, E: std::fmt::Debug>(
    input: &[u8],
    cuts: &[usize],
    mut read: impl FnMut(&mut BytesMut) -> Result<Option<T>, E>,
) -> (Vec<T>, Option<String>, Vec<u8>) {
    let (mut buf, mut from, mut found, mut error) = (BytesMut::new(), 0, Vec::new(), None);
    for cut in cuts {
        buf.extend_from_slice(&input[from..*cut]);
        from = *cut;
        while error.is_none() {
            match read(&mut buf) {
                Ok(Some(head)) => found.push(head),
                Ok(None) => break,
                Err(e) => error = Some(format!("{e:?}")),
            }
        }
    }
    (found, error, buf.to_vec())
}

#[test]
fn request_heads() {
    fuzz(HEAD_SEEDS, |input, random| {
        let limits = limits(random);
        let (mut whole, mut cut) = (HeadReader::new(limits), HeadReader::new(limits));
        let (found, error, rest) = heads(input, &[input.len()], |buf| whole.request(buf));
        let again = heads(input, &cuts(random, input.len()), |buf| cut.request(buf));
        assert_eq!((&found, &error, &rest), (&again.0, &again.1, &again.2));
        let mut wire = Vec::new();
        for head in &found {
            let from = wire.len();
            encode::request_head(&mut wire, Some(&head.line), b"", b"", b"", &head.headers);
            assert!(wire.len() - from <= limits.bytes && head.headers.len() <= limits.fields);
            assert_eq!(
                &parse_request(Bytes::copy_from_slice(&wire[from..])).unwrap(),
                head
            );
            // Decisions on whatever came.
            let _ = (
                framing::request_framing(&head.headers, false),
                framing::request_framing(&head.headers, true),
            );
            let _ = (
                url::parse_target(&head.target),
                url::parse_connect_target(&head.target),
            );
            plain_form_reads_alike(&head.headers);
        }
        wire.extend_from_slice(&rest);
        assert_eq!(wire, input);
    });
}

/// Fields that were rewritten mean the same when they are read again, unless they hold what a line cannot.
fn plain_form_reads_alike(headers: &Headers) {
    let clean = |text: &[u8]| !text.iter().any(|b| matches!(b, b'\n' | b'\r'));
    let plain: Headers = headers
        .iter()
        .filter(|(n, v)| clean(n) && clean(v) && !n.starts_with(b" ") && !n.starts_with(b"\t"))
        .collect();
    let plain: Headers = plain
        .iter()
        .filter(|(n, v)| !n.is_empty() || !v.is_empty())
        .collect();
    let mut wire = BytesMut::new();
    encode::request_head(&mut wire, None, b"GET", b"/", b"HTTP/1.1", &plain);
    let again = parse_request(wire.freeze()).map(|head| head.headers);
    assert_eq!(again, Ok(plain));
}

#[test]
fn response_heads() {
    fuzz(HEAD_SEEDS, |input, random| {
        let limits = limits(random);
        let (mut whole, mut cut) = (HeadReader::new(limits), HeadReader::new(limits));
        let (found, error, rest) = heads(input, &[input.len()], |buf| whole.response(buf));
        let again = heads(input, &cuts(random, input.len()), |buf| cut.response(buf));
        assert_eq!((&found, &error, &rest), (&again.0, &again.1, &again.2));
        let mut wire = Vec::new();
        for head in &found {
            let from = wire.len();
            encode::response_head(&mut wire, Some(&head.line), b"", 0, b"", &head.headers);
            assert_eq!(
                &parse_response(Bytes::copy_from_slice(&wire[from..])).unwrap(),
                head
            );
            assert!(head.status < 1000);
            let _ = framing::response_framing(b"GET", head.status, &head.headers);
        }
        wire.extend_from_slice(&rest);
        assert_eq!(wire, input);
    });
}

/// What a body came to.
#[derive(Debug, Default, PartialEq)]
struct Body {
    data: Vec<u8>,
    wire: Vec<u8>,
    trailers: Option<Headers>,
    end: bool,
    error: Option<BodyError>,
    rest: Vec<u8>,
}

fn body(framing: Framing, input: &[u8], cuts: &[usize], mut each: impl FnMut(Frame)) -> Body {
    let mut decoder = BodyDecoder::new(framing);
    let (mut buf, mut from, mut out) = (BytesMut::new(), 0, Body::default());
    for (index, cut) in cuts.iter().enumerate() {
        buf.extend_from_slice(&input[from..*cut]);
        from = *cut;
        while out.error.is_none() {
            let frame = match decoder.decode(&mut buf, index + 1 == cuts.len()) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    out.error = Some(error);
                    break;
                }
            };
            assert!(!out.end);
            frame
                .data
                .iter()
                .for_each(|d| out.data.extend_from_slice(d));
            out.wire
                .extend_from_slice(frame.wire.as_deref().unwrap_or_default());
            out.trailers = frame.trailers.clone().or(out.trailers);
            out.end = frame.end;
            each(frame);
        }
    }
    assert!(
        out.end != out.error.is_some(),
        "a closed body has ended or is broken"
    );
    out.rest = buf.to_vec();
    out
}

#[test]
fn bodies() {
    let seeds: &[&[u8]] = &[
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;a=b\r\nhello\r\nA ; c\r\n0123456789\r\n0;x\r\nX-Sum: 1\r\n fold\r\nx: y\r\n\r\nGET",
        b"0000005\nhello\n000\n\n",
        b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n1\r\nf\r\n0\r\n\r\n",
    ];
    fuzz(seeds, |input, random| {
        let framing = match random.below(6) {
            0 => Framing::None,
            1 => Framing::Length(random.below(64) as u64),
            2 => Framing::UntilClose,
            _ => Framing::Chunked,
        };
        let cuts = cuts(random, input.len());
        let mut verbatim = BodyEncoder::new(framing, true);
        let mut own = BodyEncoder::new(Framing::Chunked, false);
        let (mut passed, mut written) = (Vec::new(), Vec::new());
        let cut = body(framing, input, &cuts, |frame| {
            verbatim
                .encode(frame.clone(), &mut |piece| passed.extend_from_slice(&piece))
                .unwrap();
            own.encode(frame, &mut |piece| written.extend_from_slice(&piece))
                .unwrap();
        });
        assert_eq!(cut, body(framing, input, &[input.len()], drop));
        assert_eq!([&cut.wire[..], &cut.rest].concat(), input);
        assert_eq!(passed, cut.wire);
        if cut.end {
            let again = body(Framing::Chunked, &written, &[written.len()], drop);
            assert_eq!(
                (again.data, again.trailers, again.end),
                (cut.data, cut.trailers, true)
            );
        }
    });
}

#[test]
fn hellos() {
    let hello = b"\x16\x03\x01\x00\x67\x01\x00\x00\x63\x03\x03................................\x02id\x00\x04\x13\x01\x1a\x1a\x01\x00\
        \x00\x36\x00\x00\x00\x0e\x00\x0c\x00\x00\x09a.example\x00\x10\x00\x05\x00\x03\x02h2\x00\x2b\x00\x05\x04\x03\x04\x03\x03\
        \x00\x0a\x00\x04\x00\x02\x00\x1d\x00\x0d\x00\x04\x00\x02\x04\x03";
    let ssl2 = b"\x80\x1e\x01\x03\x01\x00\x03\x00\x02\x00\x10\x00\x00\x2f\x08\x09................";
    let pieces = b"\x16\x03\x01\x00\x02\x01\x00\x16\x03\x01\x00\x03\x00\x26\x03\x16\x03\x03\x00\x40\x03................................\x00\x00\x00\x00";
    fuzz(&[hello, ssl2, pieces], |input, random| {
        let whole = client_hello::parse(input);
        for cut in cuts(random, input.len()) {
            let part = client_hello::parse(&input[..cut]);
            assert!(part == Ok(None) || part == whole);
        }
        if let Ok(Some(hello)) = whole {
            let kept: usize = hello
                .extensions
                .iter()
                .map(|(_, contents)| contents.len() + 4)
                .sum();
            assert!(hello.raw.len() <= input.len() && kept <= hello.raw.len());
            assert!(
                hello
                    .sni
                    .iter()
                    .all(|sni| sni.bytes().all(|b| b.is_ascii_graphic()))
            );
            let _ = hello.max_version();
        }
    });
}

#[test]
fn detection() {
    let seeds: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        HTTP2_PREFACE,
        b"\x16\x03\x01\x00\x05\x01",
        b"\x80\x2e\x01\x03\x01",
        b"\x05\x01\x00",
        b"\x04\x01\x00P",
        b"SSH-2.0-x y\r\n",
    ];
    fuzz(seeds, |input, random| {
        let whole = detect(input);
        for cut in cuts(random, input.len()) {
            let part = detect(&input[..cut]);
            assert!(part == Detected::NeedMore || part == whole);
        }
    });
}

#[test]
fn targets() {
    let seeds: &[&[u8]] = &[
        b"http://user:pw@example.com:8080/path?query#fragment",
        b"https://[fe80::1%25eth0]:443/",
        b"example.com:443",
        b"[::1]:80",
        b"/path",
        b"*",
        "http://b\u{fc}cher.example/".as_bytes(),
    ];
    fuzz(seeds, |input, _| {
        let target = Bytes::copy_from_slice(input);
        let parsed = url::parse_target(&target);
        if let Ok(url::Target::Absolute {
            host,
            port,
            path,
            userinfo,
            ..
        }) = parsed
        {
            assert!(!host.is_empty() && host.len() <= url::HOST_MAX && port != Some(0));
            assert!(input.ends_with(&path) && userinfo.unwrap_or_default().len() < input.len());
            assert!(!host.contains(|c: char| c.is_ascii_control() || " /?#@[]".contains(c)));
        }
        if let Ok(url::Target::Authority { host, port }) = url::parse_connect_target(input) {
            // RFC 6874: the form of a zone that cannot be misread.
            let literal = match host.contains(':') {
                true => format!("[{}]:{port}", host.replace('%', "%25")),
                false => format!("{host}:{port}"),
            };
            assert_eq!(
                url::parse_authority(literal.as_bytes()),
                Ok((host, Some(port)))
            );
        }
    });
}

#[test]
fn validation() {
    let seeds: &[&[u8]] = &[
        b"Content-Length: 5\nTransfer-Encoding: chunked\n",
        b"Content-Length: 5, 5\ncontent-length: 6\n",
        b"Transfer-Encoding: gzip ,\tchunked\nHost : x\n",
        b"Transfer-Encoding: identity\n",
        b"Content-Length: 18446744073709551616\n",
    ];
    fuzz(seeds, |input, random| {
        let lines = input.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let headers: Headers = lines
            .map(|line| line.split_at(line.iter().position(|b| *b == b':').unwrap_or(line.len())))
            .map(|(name, value)| (name, value.get(1..).unwrap_or_default().trim_ascii()))
            .collect();
        let version = *random.pick(&[&b"HTTP/1.1"[..], b"HTTP/1.0", b"HTTP/2.0"]);
        let status = *random.pick(&[100, 200, 204, 304]);
        // What is let through has a framing that is beyond doubt, a Content-Length of 2^64 or more aside.
        if validate::request(version, &headers).is_ok() {
            let framing = framing::request_framing(&headers, version == b"HTTP/1.0");
            let huge = matches!(framing, Err(FramingError::InvalidLength(_)));
            assert!(
                huge && headers.get("content-length").is_some_and(|v| v.len() >= 20)
                    || framing.is_ok()
            );
        }
        if validate::response(status, version, &headers).is_ok() {
            let framing = framing::response_framing(b"GET", status, &headers);
            assert!(framing.is_ok() || matches!(framing, Err(FramingError::InvalidLength(_))));
        }
    });
}
