//! A small mutation fuzzer for everything a capture may hold: it needs no nightly compiler and repeats exactly.
//! `RATEL_FUZZ_SECONDS` says how long each target runs (2 by default). `fuzz/` has a target for `cargo-fuzz`.
//!
//! Asserted for every input: no panic, an end, no more held than allowed, and the same flows wherever a connection is cut
//! into segments.

mod common;

use std::io::Cursor;
use std::time::{Duration, Instant};

use common::line;
use common::packets::{Packet, Talk, pcap};
use ratel_capture::{CaptureLimits, CaptureReader, KeyLog, PcapngWriter};
use ratel_flow::{Record, Side};

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
}

/// Bytes that parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"ffffffff\r\n",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x00",
    b"\x00\x00\x00\x01",
    b"\x16\x03\x01\x00\x05\x01",
    b"\x17\x03\x03\x00\x20",
    b"\x14\x03\x03\x00\x01\x01",
    b"\x0a\x0d\x0d\x0a",
    b"\x06\x00\x00\x00",
    b"\x45\x00",
    b"\x60\x00",
];

fn mutate(random: &mut Random, seeds: &[Vec<u8>], most: usize) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(8) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(32)).min(input.len());
        match random.below(7) {
            0 if at < input.len() => input[at] = random.next() as u8,
            1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 => drop(input.drain(at..end)),
            3 => drop(input.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
            4 => {
                let copy = input[at..end].to_vec();
                drop(input.splice(at..at, copy));
            }
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(most);
    input
}

/// Runs `target` until the time is over; a failure says how to come there again.
fn fuzz(target: impl Fn(&mut Random) + std::panic::RefUnwindSafe) {
    let seconds = std::env::var("RATEL_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        let state = random.next() | 1;
        let result = std::panic::catch_unwind(|| target(&mut Random(state)));
        assert!(result.is_ok(), "failed at state {state:#x}");
    }
}

fn samples() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut names: Vec<_> = [folder.clone(), folder.join("tls")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains(".pcap"))
        .collect();
    names.sort();
    names
        .iter()
        .map(|path| std::fs::read(path).expect("a sample"))
        .collect()
}

/// All flows up to an error, within tight limits.
fn read(file: Vec<u8>) -> Vec<Record> {
    let limits = CaptureLimits {
        memory: 256 * 1024,
        connections: 64,
        spool_dir: None,
    };
    let reader = CaptureReader::with_limits(Cursor::new(file), KeyLog::new(), limits);
    let reader = reader.into_iter().flatten();
    let flows: Vec<_> = reader.map_while(Result::ok).collect();
    // Whatever came out can be looked at.
    flows.iter().for_each(|flow| drop(line(flow)));
    flows
}

#[test]
fn captures() {
    let seeds = samples();
    assert!(seeds.len() > 20);
    fuzz(|random| {
        let flows = read(mutate(random, &seeds, 16 * 1024));
        // And written as packets again.
        let mut writer = PcapngWriter::new(Vec::new());
        for flow in &flows {
            writer.add(flow).expect("room");
        }
        let (file, report) = writer.finish().expect("it is written");
        assert_eq!(report.flows + report.left_out, flows.len() as u64);
        read(file);
    });
}

/// What both sides of connections say.
fn conversations() -> Vec<Vec<(Side, Vec<u8>)>> {
    use Side::{Client, Server};
    let say = |parts: &[(Side, &[u8])]| {
        parts
            .iter()
            .map(|(side, bytes)| (*side, bytes.to_vec()))
            .collect()
    };
    vec![
        say(&[
            (Client, b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\nGET /two HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            (Server, b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"),
            (Server, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\nX: y\r\n\r\n"),
            (Client, b"POST /three HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            (Server, b"HTTP/1.0 200 OK\r\n\r\nto the end"),
        ]),
        say(&[
            (Client, b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            (Server, b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            (Client, b"\x81\x82\x01\x02\x03\x04ik\x88\x80\x01\x02\x03\x04"),
            (Server, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x89\x01x\x88\x02\x03\xe8"),
        ]),
        say(&[
            (Client, b"CONNECT b.example:80 HTTP/1.1\r\n\r\n"),
            (Server, b"HTTP/1.1 200 OK\r\n\r\n"),
            (Client, b"GET /in HTTP/1.1\r\nHost: b.example\r\n\r\n"),
            (Server, b"HTTP/1.1 204 No\r\n\r\n"),
        ]),
        say(&[
            (Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
            (Client, b"\0\0\x03\x01\x01\0\0\0\x01\x82\x86\x84\0\0\x03\x01\x04\0\0\0\x03\x83\x86\x84\0\0\x02\0\x01\0\0\0\x03hi"),
            (Server, b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x08\0\x09\0\0\0\x01\x02hello\0\0"),
            (Server, b"\0\0\x01\x01\x00\0\0\0\x03\x88\0\0\0\x09\x04\0\0\0\x03\0\0\x04\x03\0\0\0\0\x03\0\0\0\x02"),
        ]),
        say(&[
            (Server, b"220 ready\r\n"),
            (Client, b"EHLO a\r\n"),
            (Server, b"250 OK\r\n"),
        ]),
        say(&[
            (Client, b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03................................\x00\x00\x02\x13\x01\x01\x00"),
            (Server, b"\x15\x03\x03\x00\x02\x02\x28"),
        ]),
    ]
}

/// What came of packets, if all of it was understood.
fn understood(packets: &[Packet]) -> Option<Vec<String>> {
    let reader = CaptureReader::new(Cursor::new(pcap(packets)), KeyLog::new()).expect("a capture");
    let flows: Vec<_> = reader.map(|flow| flow.expect("it is whole")).collect();
    let whole = flows
        .iter()
        .all(|flow| flow.http().is_some() && flow.error.is_none());
    whole.then(|| flows.iter().map(line).collect())
}

#[test]
fn conversations_are_the_same_wherever_they_are_cut() {
    let seeds = conversations();
    fuzz(|random| {
        let mut parts = seeds[random.below(seeds.len())].clone();
        if random.below(4) > 0 {
            let which = random.below(parts.len());
            parts[which].1 = mutate(random, &[parts[which].1.clone()], 4096);
        }
        let mut run = |most: usize| {
            let mut talk = Talk::new();
            talk.open();
            for (side, bytes) in &parts {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let len = (1 + random.below(most)).min(rest.len());
                    talk.segment(*side == Side::Client, 0x18, &rest[..len]);
                    rest = &rest[len..];
                }
            }
            talk.close();
            understood(&talk.packets)
        };
        let whole = run(10_000);
        // After something that is not, a request is looked for at the beginning of segments.
        let cut = run(7);
        if whole.is_some() {
            assert_eq!(cut, whole, "{parts:?}");
        }
    });
}

#[test]
fn packets_in_any_order_end() {
    let seeds = conversations();
    fuzz(|random| {
        let mut talk = Talk::new();
        talk.open();
        for (side, bytes) in &seeds[random.below(seeds.len())] {
            for part in bytes.chunks(1 + random.below(40)) {
                talk.segment(*side == Side::Client, 0x18, part);
            }
        }
        talk.close();
        let packets = &mut talk.packets;
        for _ in 0..random.below(12) {
            let (a, b) = (random.below(packets.len()), random.below(packets.len()));
            match random.below(5) {
                0 => packets.swap(a, b),
                1 => {
                    let again = packets[a].clone();
                    packets.insert(b, again);
                }
                2 if packets.len() > 1 => drop(packets.remove(a)),
                3 => packets[a].kept = random.below(packets[a].bytes.len() + 1),
                _ => {
                    let packet = &mut packets[a];
                    let at = random.below(packet.bytes.len());
                    packet.bytes[at] = random.next() as u8;
                }
            }
        }
        read(pcap(packets));
    });
}

#[test]
fn key_logs() {
    let seed = format!(
        "CLIENT_RANDOM {} {}\n# x\nSERVER_TRAFFIC_SECRET_0 {} ab\n",
        "a1".repeat(32),
        "b2".repeat(48),
        "c3".repeat(32)
    );
    let seeds = [seed.into_bytes()];
    fuzz(|random| {
        let input = mutate(random, &seeds, 8192);
        let mut keys = KeyLog::new();
        keys.add(&input[..]).expect("it is in memory");
        assert!(keys.len() <= input.len() / 64);
    });
}
