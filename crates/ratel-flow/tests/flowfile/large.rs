//! Flows whose bodies and messages are not taken into memory.

use std::io::{self, Cursor, Write};

use bytes::Bytes;
use ratel_flow::io::{FlowFile, FlowReader, FlowWriter, ReadProblem};
use ratel_flow::record::{Messages, WebSocketRecord};
use ratel_flow::{Body, Detail, HttpRecord, Message, MessageFlags, MessageKind, Record, Side};

use super::support::{at, exchange, flow};
use super::{flows, folder, written};

const MIB: usize = 1 << 20;

fn pattern(len: usize, seed: u8) -> Bytes {
    (0..len)
        .map(|at| (at % 251) as u8 ^ seed)
        .collect::<Vec<_>>()
        .into()
}

fn http(record: &Record) -> &HttpRecord {
    record.http().unwrap()
}

fn with_bodies(request: usize, response: usize) -> Record {
    let mut http = exchange("POST", "/large");
    http.request_body = Body::Bytes(pattern(request, 1));
    http.response_body = Body::Bytes(pattern(response, 2));
    flow(http)
}

fn message(number: u64, len: usize) -> Message {
    Message {
        side: if number.is_multiple_of(2) {
            Side::Client
        } else {
            Side::Server
        },
        kind: if number.is_multiple_of(3) {
            MessageKind::Text
        } else {
            MessageKind::Binary
        },
        flags: MessageFlags::default(),
        timestamp: at(number),
        content: pattern(len, number as u8),
    }
}

/// What a file without a name is read as, and what a pipe is.
fn both_ways(bytes: &[u8]) -> [Vec<Record>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    std::fs::write(&path, bytes).unwrap();
    let file = FlowReader::open(&path).unwrap();
    let pipe = FlowReader::new(Cursor::new(bytes.to_vec())).unwrap();
    [file, pipe].map(|reader| reader.map(Result::unwrap).collect())
}

fn is_lazy(body: &Body) -> bool {
    matches!(body, Body::Lazy(_))
}

#[test]
fn bodies_stay_where_they_are() {
    let mut changed = with_bodies(10, 3 * MIB);
    changed.backup = Some(Box::new(with_bodies(4 * MIB, 20)));
    let records = [
        with_bodies(10, 20),
        with_bodies(2 * MIB, 20),
        with_bodies(2 * MIB, 3 * MIB + 1),
        changed,
        with_bodies(30, 40),
    ];
    let bytes = written(&records);
    for found in both_ways(&bytes) {
        assert_eq!(found.len(), records.len());
        for (found, record) in found.iter().zip(&records) {
            for side in [Side::Client, Side::Server] {
                let (found, body) = (http(found).body(side), http(record).body(side));
                assert_eq!(is_lazy(found), body.len() > Some(MIB as u64));
                assert_eq!(
                    found.whole(u64::MAX).unwrap(),
                    body.whole(u64::MAX).unwrap()
                );
                // Any part of it.
                let range = 5..body.len().unwrap().min(70_000);
                assert_eq!(
                    found.read(range.clone()).unwrap(),
                    body.read(range).unwrap()
                );
            }
        }
        let before = found[3].backup.as_ref().unwrap();
        assert!(is_lazy(&http(before).request_body));
        assert!(written(&found) == bytes, "it is written as it was");
    }
}

#[test]
fn messages_stay_where_they_are() {
    let websocket = |messages| {
        let mut http = exchange("GET", "/socket");
        http.websocket = Some(WebSocketRecord {
            messages: Messages::List(messages),
            close_code: Some(1000),
            ..WebSocketRecord::default()
        });
        flow(http)
    };
    let mut raw = flow(exchange("GET", "/"));
    let data = |number| Message {
        kind: MessageKind::Data,
        ..message(number, 100)
    };
    raw.detail = Detail::Tcp(Messages::List((0..20_000).map(data).collect()));
    let mut mixed: Vec<_> = (0..40).map(|number| message(number, 60_000)).collect();
    mixed.push(message(40, 3 * MIB));
    mixed.push(message(41, 0));
    let mut with_pings = mixed.clone();
    with_pings.insert(
        2,
        Message {
            kind: MessageKind::Ping,
            ..message(1, 4)
        },
    );
    let records = [
        websocket(mixed),
        raw,
        websocket(with_pings),
        websocket((0..3).map(|number| message(number, 10)).collect()),
    ];
    let bytes = written(&records);
    for found in both_ways(&bytes) {
        for (found, record) in found.iter().zip(&records) {
            let (found, messages) = (messages(found), messages(record));
            assert_eq!(found.len(), messages.len());
            assert_eq!(matches!(found, Messages::Lazy(_)), messages.len() > 3);
            let pairs = found.iter().zip(messages.iter());
            for (found, message) in pairs {
                assert_eq!(found.unwrap(), message.unwrap());
            }
        }
        if let Messages::Lazy(lazy) = messages(&found[0]) {
            assert!(
                lazy.read(lazy.len()).is_err(),
                "there is none behind the last"
            );
        }
        assert!(written(&found) == bytes, "it is written as it was");
    }
}

fn messages(record: &Record) -> &Messages {
    match &record.detail {
        Detail::Tcp(messages) | Detail::Udp(messages) => messages,
        _ => &http(record).websocket.as_ref().unwrap().messages,
    }
}

/// A body of a version that says `content` in another way stays where it is as well.
#[test]
fn large_flows_of_older_versions_are_brought_to_the_current_one() {
    for (version, key, kind) in [
        ("14", "7:content;", "7:message,"),
        ("0.14", "4:body,", "5:hello,"),
    ] {
        let bytes = std::fs::read(folder().join(version).with_added_extension("mitm")).unwrap();
        let small = flows(&bytes);
        let first = tnet_len(&bytes);
        let flow = &bytes[..first];
        let found = [key, kind].concat();
        let at = flow
            .windows(found.len())
            .position(|part| part == found.as_bytes())
            .unwrap();
        let body = pattern(2 * MIB, 7);
        // The body is in a dict, which is in the flow.
        let (start, end) = dict_round(flow, at);
        let dict = replaced(&flow[start..end], at - start, &found, key, &body);
        let mut inside = flow[..start].to_vec();
        let digits = inside
            .iter()
            .rposition(|byte| !byte.is_ascii_digit() && *byte != b':')
            .unwrap();
        inside.truncate(digits + 1);
        inside.extend_from_slice(format!("{}:", dict.len()).as_bytes());
        inside.extend_from_slice(&dict);
        inside.extend_from_slice(&flow[end..flow.len() - 1]);
        let prefix = flow.iter().position(|byte| *byte == b':').unwrap() + 1;
        let inside = &inside[prefix..];
        let mut file = format!("{}:", inside.len()).into_bytes();
        file.extend_from_slice(inside);
        file.push(b'}');
        file.extend_from_slice(&bytes[first..]);
        for found in both_ways(&file) {
            assert_eq!(found.len(), small.len(), "version {version}");
            let found = &http(&found[0]).response_body;
            assert!(is_lazy(found), "version {version}");
            assert_eq!(found.whole(u64::MAX).unwrap().unwrap(), body);
        }
    }
}

fn tnet_len(bytes: &[u8]) -> usize {
    let prefix = ratel_proto::tnetstring::prefix(bytes).unwrap().unwrap();
    prefix.total() as usize
}

/// The payload of the smallest dict round that place.
fn dict_round(flow: &[u8], at: usize) -> (usize, usize) {
    (0..at)
        .rev()
        .filter(|start| {
            !flow[start.saturating_sub(1)..*start]
                .iter()
                .all(u8::is_ascii_digit)
        })
        .find_map(|start| {
            let prefix = ratel_proto::tnetstring::prefix(&flow[start..]).ok()??;
            let end = start + prefix.total() as usize;
            let is_dict = flow.get(end.checked_sub(1)?) == Some(&b'}') && end > at;
            is_dict.then_some((start + prefix.width, end - 1))
        })
        .unwrap()
}

fn replaced(dict: &[u8], at: usize, found: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let mut out = dict[..at].to_vec();
    out.extend_from_slice(format!("{key}{}:", body.len()).as_bytes());
    out.extend_from_slice(body);
    out.push(b',');
    out.extend_from_slice(&dict[at + found.len()..]);
    out
}

#[test]
fn damage_in_a_large_flow_is_told_with_its_place() {
    let good = written([&with_bodies(5, 6)]);
    let large = written([&with_bodies(5, 2 * MIB)]);
    let file = [&good[..], &large].concat();
    let cut = file.len() - 1000;
    let body = file
        .windows(8)
        .rposition(|part| part == b"2097152:")
        .unwrap();
    let mut broken = file.clone();
    broken[body + 8 + 2 * MIB] = b'!';
    for (bytes, offset, truncated) in [(&file[..cut], cut, true), (&broken, 0, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows");
        std::fs::write(&path, bytes).unwrap();
        let pipe = FlowReader::new(Cursor::new(bytes.to_vec())).unwrap();
        for reader in [FlowReader::open(&path).unwrap(), pipe] {
            let found: Vec<_> = reader.collect();
            assert_eq!(found.len(), 2);
            assert!(found[0].is_ok());
            let error = found[1].as_ref().unwrap_err();
            assert_eq!(error.is_truncated(), truncated, "{error}");
            assert_eq!(error.begins, good.len() as u64);
            if truncated {
                assert_eq!(error.offset, offset as u64);
            } else {
                assert!(matches!(error.problem, ReadProblem::State(_)), "{error}");
            }
        }
    }
}

/// Everything but bodies and messages has to be in memory, so it must not be too much.
#[test]
fn too_much_that_is_no_body_is_refused() {
    let mut record = with_bodies(5, 6);
    record.annotations.comment = "x".repeat(65 * MIB).into();
    let file = [written([&record]), written([&with_bodies(5, 6)])].concat();
    let found: Vec<_> = FlowReader::new(Cursor::new(file)).unwrap().collect();
    assert_eq!(found.len(), 2);
    let error = found[0].as_ref().unwrap_err();
    assert!(
        matches!(error.problem, ReadProblem::TooLarge) && !error.is_final(),
        "{error}"
    );
    assert!(found[1].is_ok());
}

/// Memory does not grow with the file: a gigabyte of zeros, most of which is a hole in it.
#[test]
fn a_huge_file_is_read_in_little_memory() {
    #[derive(Debug)]
    struct Zeros(u64);
    impl ratel_flow::record::ReadBody for Zeros {
        fn len(&self) -> u64 {
            self.0
        }
        fn read(&self, range: std::ops::Range<u64>) -> io::Result<Bytes> {
            Ok(vec![0; (range.end - range.start) as usize].into())
        }
    }
    /// Writes zeros by leaving them out.
    struct Sparse(std::fs::File);
    impl Write for Sparse {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.iter().all(|byte| *byte == 0) {
                io::Seek::seek_relative(&mut self.0, bytes.len() as i64)?;
                return Ok(bytes.len());
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let mut writer = FlowWriter::new(Sparse(std::fs::File::create(&path).unwrap()));
    for _ in 0..4 {
        let mut record = with_bodies(5, 6);
        if let Detail::Http(http) = &mut record.detail {
            http.response_body = Body::Lazy(std::sync::Arc::new(Zeros(256 << 20)));
        }
        writer.write(&record).unwrap();
    }
    let found: Vec<_> = FlowReader::open(&path)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(found.len(), 4);
    for record in &found {
        let body = &http(record).response_body;
        assert_eq!(body.len(), Some(256 << 20));
        assert!(
            body.read((200 << 20)..(200 << 20) + 10)
                .unwrap()
                .iter()
                .all(|byte| *byte == 0)
        );
    }
}

/// Flows that come out of one file go into another while both are open.
#[test]
fn large_bodies_go_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let bytes = written([&with_bodies(2 * MIB, 3 * MIB), &with_bodies(1, 2)]);
    std::fs::write(&from, &bytes).unwrap();
    let mut file = FlowFile::create(&to).unwrap();
    for record in FlowReader::open(&from).unwrap() {
        file.write(&record.unwrap()).unwrap();
    }
    assert!(std::fs::read(&to).unwrap() == bytes);
}

#[test]
fn what_is_added_while_a_file_is_read_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    // One of them is left in the file, which takes another way.
    for size in [10, 2 * MIB] {
        let record = with_bodies(size, size);
        FlowFile::create(&path).unwrap().write(&record).unwrap();
        let mut reader = FlowReader::open(&path).unwrap();
        let mut file = FlowFile::append(&path).unwrap();
        file.write(&record).unwrap();
        let read = reader.next().unwrap().unwrap();
        file.write(&read).unwrap();
        assert!(reader.next().is_none(), "with bodies of {size} bytes");
    }
}

#[test]
fn bodies_are_left_in_the_file_where_that_is_asked_for() {
    let mut changed = with_bodies(10, 5000);
    changed.backup = Some(Box::new(with_bodies(3000, 20)));
    let records = [
        with_bodies(10, 1023),
        with_bodies(1024, 70_000),
        changed,
        with_bodies(2 * MIB, 20),
    ];
    let bytes = written(&records);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    std::fs::write(&path, &bytes).unwrap();
    let lies_in_file = |body: &Body| match body {
        Body::Lazy(lazy) => lazy.file().is_some_and(|(file, at)| {
            let whole = body.whole(u64::MAX).unwrap().unwrap();
            let mut read = vec![0; whole.len()];
            std::os::unix::fs::FileExt::read_exact_at(&*file, &mut read, at).unwrap();
            read == whole
        }),
        _ => false,
    };
    let reader = FlowReader::open(&path).unwrap().leaving_bodies();
    let found: Vec<_> = reader.map(Result::unwrap).collect();
    let lie = |record: &Record| {
        [Side::Client, Side::Server].map(|side| lies_in_file(http(record).body(side)))
    };
    let lies: Vec<_> = found.iter().map(lie).collect();
    assert_eq!(lies, [[false; 2], [true; 2], [false, true], [true, false]]);
    assert_eq!(lie(found[2].backup.as_ref().unwrap()), [true, false]);
    for (found, record) in found.iter().zip(&records) {
        for side in [Side::Client, Side::Server] {
            let [found, expected] =
                [found, record].map(|record| http(record).body(side).whole(u64::MAX).unwrap());
            assert_eq!(found, expected);
        }
    }
    // The same comes out of it again.
    assert_eq!(written(&found), bytes);
    // There is no going back in a pipe.
    let pipe = FlowReader::new(Cursor::new(bytes))
        .unwrap()
        .leaving_bodies();
    for record in pipe.map(Result::unwrap) {
        assert_eq!(lie(&record), [false; 2]);
    }
}
