//! HTTP/2: any bytes, any frames between any commands, any header block.

use bytes::{Bytes, BytesMut};
use ratel_proto::Headers;
use ratel_proto::detect::HTTP2_PREFACE;
use ratel_proto::h2::frame::{FrameHeader, FrameKind, put_header};
use ratel_proto::h2::hpack::{Decoder, Encoder, HpackError};
use ratel_proto::h2::{Config, Connection, Event, Reason, Role, SendError, StreamId, validate};

use super::{Random, cuts, fuzz};

/// Bytes on a connection: settings, a request with content and trailers, window updates, pings, a reset, the end.
const CONNECTION: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64\
    \0\0\x03\x01\x04\0\0\0\x01\x82\x87\x84\0\0\x05\0\0\0\0\0\x01hello\
    \0\0\x07\x01\x05\0\0\0\x01\x40\x01a\x03b c\0\0\x04\x08\0\0\0\0\0\0\0\x10\0\
    \0\0\x01\x01\0\0\0\0\x03\x82\0\0\x02\x09\x04\0\0\0\x03\x87\xbe\
    \0\0\x04\x03\0\0\0\0\x03\0\0\0\x08\0\0\x08\x06\0\0\0\0\0abcdefgh\
    \0\0\x05\x02\0\0\0\0\x01\0\0\0\0\x10\0\0\x04\x08\0\0\0\0\x01\0\0\x10\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn config(role: Role) -> Config {
    Config {
        max_concurrent_streams: 5,
        header_list_limit: 600,
        stream_window: 1000,
        enable_push: true,
        ..Config::new(role)
    }
}

/// Feeds `input` in pieces; the events, what went wrong, and everything that was said.
fn receive(role: Role, input: &[u8], cuts: &[usize]) -> (Vec<Event>, Option<String>, Bytes) {
    let mut connection = Connection::new(config(role));
    let (mut buf, mut from) = (BytesMut::new(), 0);
    let (mut events, mut failed) = (Vec::new(), None);
    for cut in cuts {
        buf.extend_from_slice(&input[from..*cut]);
        from = *cut;
        loop {
            match connection.receive(&mut buf) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => {
                    // It fails for good, with a code.
                    assert_ne!(error.reason(), Reason::NO_ERROR);
                    assert_eq!(connection.receive(&mut buf), Err(error.clone()));
                    failed = Some(error.to_string());
                    break;
                }
            }
        }
    }
    assert!(connection.open_streams() <= 5);
    (events, failed, connection.output().take())
}

#[test]
fn connections() {
    let server = [HTTP2_PREFACE, CONNECTION].concat();
    fuzz(&[&server, CONNECTION, HTTP2_PREFACE], |input, random| {
        let role = match input.starts_with(b"PRI") {
            true => Role::Server,
            false => Role::Client,
        };
        let whole = receive(role, input, &[input.len()]);
        let cut = receive(role, input, &cuts(random, input.len()));
        assert_eq!(whole, cut);
        let data = |event: &Event| match event {
            Event::Data { data, .. } => data.len(),
            _ => 0,
        };
        assert!(whole.0.iter().map(data).sum::<usize>() <= input.len());
    });
}

const GET: [(&[u8], &[u8]); 2] = [(b":method", b"GET"), (b":path", b"/")];

/// What the owner of a connection may do, at any time, in any order.
fn command(connection: &mut Connection, random: &mut Random) -> Result<(), SendError> {
    let id = StreamId(random.below(12) as u32);
    let end = random.below(3) == 0;
    let headers: Headers = [("x-a", "value"), ("cookie", "a=b")].into_iter().collect();
    match random.below(12) {
        0 => drop(connection.open()),
        1 | 2 => return connection.send_headers(id, GET, &headers, end),
        3 | 4 => {
            let data = Bytes::from(vec![0; random.below(100_000)]);
            return connection.send_data(id, data, end);
        }
        5 => return connection.send_trailers(id, &headers),
        6 => connection.reset(id, Reason::CANCEL),
        7 => connection.consume(id, random.below(5000) as u32),
        8 => connection.ping([0; 8]),
        9 if end => connection.goaway((random.below(2) == 0).then_some(id), Reason::NO_ERROR, b""),
        10 => connection.tick(),
        _ => connection.pump(),
    }
    Ok(())
}

/// Frames whose headers make sense, with any payload, and commands between them.
fn script(role: Role, input: &[u8], random: &mut Random) {
    let mut connection = Connection::new(config(role));
    let mut buf = BytesMut::new();
    if role == Role::Server {
        buf.extend_from_slice(HTTP2_PREFACE);
    }
    put_header(&mut buf, FrameKind::SETTINGS, 0, StreamId(0), 0);
    let mut said = Vec::new();
    let mut rest = input;
    while let [kind, flags, id, len, left @ ..] = rest {
        let (payload, left) = left.split_at(left.len().min(usize::from(*len)));
        rest = left;
        let (kind, id) = (FrameKind(kind % 11), StreamId((id % 12).into()));
        put_header(&mut buf, kind, *flags, id, payload.len());
        buf.extend_from_slice(payload);
        for _ in 0..random.below(4) {
            let _ = command(&mut connection, random);
        }
        while let Ok(Some(event)) = connection.receive(&mut buf) {
            if let Event::Headers { head, .. } = &event {
                let _ = (validate::request(head), validate::response(head));
                assert!(head.headers.to_wire().len() <= 600);
            }
        }
        for id in 0..12 {
            let id = StreamId(id);
            assert!(!connection.is_closed(id) || connection.queued(id) == 0);
        }
        // Some of it is written.
        let output = connection.output();
        let n = random.below(output.len() + 1);
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let filled = output.io_slices(&mut slices);
        let first: Vec<u8> = slices[..filled]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect();
        said.extend_from_slice(&first[..n.min(first.len())]);
        output.advance(n.min(first.len()));
    }
    said.extend_from_slice(&connection.output().take());
    // Whatever happened, what was said is frames.
    let mut said = match role {
        Role::Client => &said[HTTP2_PREFACE.len()..],
        Role::Server => &said,
    };
    while let Some(header) = FrameHeader::parse(said) {
        assert!(header.len <= 65_536 && header.kind.name().is_some());
        said = &said[FrameHeader::LEN + header.len as usize..];
    }
    assert!(said.is_empty());
}

#[test]
fn scripts() {
    let request = b"\x01\x04\x01\x03\x82\x87\x84\0\0\x01\x05hello\x08\0\x01\x04\0\0\x10\0\x03\0\x01\x04\0\0\0\x08";
    let response = b"\x01\x04\x01\x01\x88\0\x09\x01\x06\x02hel\0\0\x01\x05\x01\x02\x40\x01\x04\0\0\0\x06\0\x04\0\0\0\0";
    let push = b"\x05\x04\x01\x06\0\0\0\x02\x82\x87\x01\x04\x02\x01\x88\0\x01\x02\x02hi\x07\0\0\x08\0\0\0\0\0\0\0\0";
    fuzz(&[request, response, push], |input, random| {
        script(Role::Server, input, random);
        script(Role::Client, input, random);
    });
}

#[test]
fn header_blocks() {
    let seeds: &[&[u8]] = &[
        b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
        b"\x82\x84\xbe\x40\x0acustom-key\x0dcustom-header\x10\x08password\x06secret\xbf\x01\x01a",
        b"\x3f\xe1\x01\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x20\x3f\xe1\x1f",
    ];
    fuzz(seeds, |input, random| {
        let (mut decoder, mut again) = (Decoder::new(4096), Decoder::new(4096));
        let mut encoder = Encoder::new();
        let limit = random.below(3000);
        for block in input.split(|b| *b == 0xff) {
            let decoded = match decoder.decode(block, limit, false) {
                Ok(decoded) => decoded,
                Err(HpackError::TooLarge { .. }) => return,
                Err(_) => break,
            };
            let headers = Headers::from_wire(decoded.wire, decoded.fields, false);
            assert!(
                headers
                    .iter()
                    .map(|(n, v)| n.len() + v.len() + 32)
                    .sum::<usize>()
                    <= limit
            );
            // What was decoded is encoded and decoded the same.
            let mut block = BytesMut::new();
            encoder.set_limit(random.below(5000) as u32);
            encoder.begin(&mut block);
            headers
                .fields()
                .for_each(|field| encoder.field(&mut block, field));
            let decoded = again.decode(&block, usize::MAX, false).unwrap();
            assert_eq!(
                Headers::from_wire(decoded.wire, decoded.fields, false),
                headers
            );
        }
    });
}
