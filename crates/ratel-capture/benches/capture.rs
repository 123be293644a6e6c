//! Captures of many small exchanges, and of one large body: how fast they are read and written.

use std::io::Cursor;

use ratel_capture::{CaptureReader, KeyLog, PcapngWriter};
use ratel_flow::Record;

fn main() {
    divan::main();
}

/// As many connections with ten exchanges each.
const CONNECTIONS: u32 = 1000;

fn segment(
    out: &mut Vec<u8>,
    number: u32,
    from_client: bool,
    next: &mut [u32; 2],
    flags: u8,
    payload: &[u8],
) {
    let client = [10, (number >> 16) as u8, (number >> 8) as u8, number as u8];
    let server = [198, 51, 100, 2];
    let [own, other] = if from_client {
        [next[0], next[1]]
    } else {
        [next[1], next[0]]
    };
    let (source, destination) = if from_client {
        (client, server)
    } else {
        (server, client)
    };
    let ports: [u16; 2] = if from_client {
        [40_000, 80]
    } else {
        [80, 40_000]
    };
    let len = 40 + payload.len();
    let time = [number, 0, len as u32, len as u32];
    time.iter().for_each(|word| out.extend(word.to_le_bytes()));
    out.extend([0x45, 0]);
    out.extend((len as u16).to_be_bytes());
    out.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    out.extend(source);
    out.extend(destination);
    ports.iter().for_each(|port| out.extend(port.to_be_bytes()));
    out.extend(own.to_be_bytes());
    out.extend(other.to_be_bytes());
    out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend(payload);
    next[usize::from(!from_client)] += payload.len() as u32 + u32::from(flags & 3 != 0);
}

fn header() -> Vec<u8> {
    let words = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn exchanges() -> Vec<u8> {
    let mut file = header();
    let request = b"GET /some/path?with=query HTTP/1.1\r\nHost: a.example\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n";
    let body = "x".repeat(1000);
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: bench\r\nContent-Length: 1000\r\n\r\n{body}"
    );
    for number in 0..CONNECTIONS {
        let mut next = [1, 1];
        segment(&mut file, number, true, &mut next, 0x02, b"");
        segment(&mut file, number, false, &mut next, 0x12, b"");
        for _ in 0..10 {
            segment(&mut file, number, true, &mut next, 0x18, request);
            segment(
                &mut file,
                number,
                false,
                &mut next,
                0x18,
                response.as_bytes(),
            );
        }
        segment(&mut file, number, true, &mut next, 0x11, b"");
        segment(&mut file, number, false, &mut next, 0x11, b"");
    }
    file
}

fn large() -> Vec<u8> {
    let mut file = header();
    let mut next = [1, 1];
    segment(&mut file, 1, true, &mut next, 0x02, b"");
    segment(&mut file, 1, false, &mut next, 0x12, b"");
    segment(
        &mut file,
        1,
        true,
        &mut next,
        0x18,
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let pieces = 70_000;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        pieces * 1448
    );
    segment(&mut file, 1, false, &mut next, 0x18, head.as_bytes());
    for _ in 0..pieces {
        segment(&mut file, 1, false, &mut next, 0x10, &[7; 1448]);
    }
    file
}

fn read(file: Vec<u8>) -> Vec<Record> {
    let reader = CaptureReader::new(Cursor::new(file), KeyLog::new()).expect("a capture");
    reader.map(|flow| flow.expect("it is whole")).collect()
}

#[divan::bench(sample_count = 10)]
fn read_10_000_exchanges(bencher: divan::Bencher<'_, '_>) {
    let file = exchanges();
    bencher
        .counter(divan::counter::ItemsCount::new(CONNECTIONS * 10))
        .with_inputs(|| file.clone())
        .bench_values(|file| read(file).len());
}

#[divan::bench(sample_count = 5)]
fn read_100_mb_body(bencher: divan::Bencher<'_, '_>) {
    let file = large();
    bencher
        .counter(divan::counter::BytesCount::new(file.len()))
        .with_inputs(|| file.clone())
        .bench_values(|file| read(file).len());
}

#[divan::bench(sample_count = 10)]
fn write_10_000_exchanges(bencher: divan::Bencher<'_, '_>) {
    let flows = read(exchanges());
    bencher
        .counter(divan::counter::ItemsCount::new(flows.len()))
        .bench(|| {
            let mut writer = PcapngWriter::new(std::io::sink());
            flows
                .iter()
                .for_each(|flow| writer.add(flow).expect("room"));
            writer.finish().expect("it is written").1
        });
}
