//! Files that are damaged, compressed, or something else.

use std::io::{self, Read, Write};

use ratel_flow::io::{
    AppendError, FlowFile, FlowReader, FlowWriter, Format, Opened, ReadProblem, WriteError, open,
    open_stream, write_record,
};
use ratel_flow::record::ReadBody;
use ratel_flow::{Body, Record};

use super::support::{exchange, flow};
use super::{flows, read, written};

fn some(count: usize) -> Vec<Record> {
    (0..count)
        .map(|number| {
            let mut record = flow(exchange("GET", &format!("/{number}")));
            record.id = format!("flow-{number}").into();
            record
        })
        .collect()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| &*record.id).collect()
}

#[test]
fn nothing_is_no_flow() {
    assert!(flows(b"").is_empty());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_broken_is_told_with_its_place() {
    let good = written(&some(2));
    let at = good.len();
    for (bad, offset, is_final, message) in [
        (
            &b"x"[..],
            at,
            true,
            format!("the file is corrupt at byte {at}: there is no length"),
        ),
        (
            b"12",
            at + 2,
            true,
            format!(
                "the file is truncated: it ends at byte {}, within the flow that begins at byte {at}",
                at + 2
            ),
        ),
        (
            b"1000000000000000000:",
            at,
            true,
            format!("the file is corrupt at byte {at}: a length has more than 12 digits"),
        ),
        (
            b"999999999999:garbage",
            at + 13,
            true,
            format!(
                "the file is corrupt at byte {}: there is no length",
                at + 13
            ),
        ),
        (
            b"999999999999:2:id;1:a;",
            at + 22,
            true,
            format!(
                "the file is truncated: it ends at byte {}, within the flow that begins at byte {at}",
                at + 22
            ),
        ),
        (
            b"300:2:id;1:a?",
            at + 12,
            true,
            format!(
                "the file is corrupt at byte {}: 0x3f is not the type of an item",
                at + 12
            ),
        ),
        (
            b"3:abc,",
            at + 2,
            false,
            format!("the file is corrupt: what begins at byte {at} is no flow"),
        ),
        (
            b"5:1:a;x}",
            at + 6,
            false,
            format!(
                "the flow that begins at byte {at} is corrupt at byte {}: there is no length",
                at + 6
            ),
        ),
        (
            b"0:}",
            at,
            false,
            format!("the flow that begins at byte {at} cannot be read: it has no version"),
        ),
        (
            b"15:7:version;2:21#}",
            at,
            false,
            format!(
                "the flow that begins at byte {at} cannot be read: id is missing (at byte {at})"
            ),
        ),
        (
            b"24:2:id;1:5#7:version;2:21#}",
            at + 10,
            false,
            format!(
                "the flow that begins at byte {at} cannot be read: id is an integer, not a text (at byte {})",
                at + 10
            ),
        ),
    ] {
        let mut file = good.clone();
        file.extend_from_slice(bad);
        let found = read(&file);
        assert_eq!(found.len(), 3, "{message}");
        assert!(found[0].is_ok() && found[1].is_ok());
        let error = found[2].as_ref().unwrap_err();
        let expected = format!("{message}; 2 flows stand before it");
        assert_eq!(error.to_string(), expected, "{}", bad.escape_ascii());
        assert_eq!(error.is_final(), is_final, "{message}");
        assert_eq!((error.flows, error.begins), (2, at as u64));
        assert_eq!(error.offset, offset as u64, "{message}");
        if !is_final {
            // Where the next one begins is known.
            file.extend_from_slice(&good);
            assert_eq!(read(&file).iter().filter(|found| found.is_ok()).count(), 4);
        }
    }
}

#[test]
fn a_field_that_cannot_be_is_named() {
    let text = String::from_utf8(written(&some(1))).unwrap();
    for (from, to, message) in [
        (
            "4:port;3:443#",
            "4:port;3:443;",
            "request.port is a text, not an integer of 64 bits",
        ),
        (
            "4:port;3:443#",
            "4:port;3:4x3#",
            "request.port cannot be read: an integer has a form that it cannot have",
        ),
        ("7:trailers;", "7:trailers;", ""),
        (
            "4:http;",
            "4:xttp;",
            "type is \"xttp\", which is no kind of flow",
        ),
        (
            "3:tcp;",
            "3:sct;",
            "client_conn.transport_protocol is \"sct\", neither tcp nor udp",
        ),
        ("9:is_replay;0:~", "9:is_repla;1:y~", ""),
        ("5:false!11:intercepted", "5:false#11:intercepted", ""),
        (
            "7:headers;0:]",
            "7:headers;0:}",
            "request.headers is a dict, not a list",
        ),
        (
            "5:error;0:~",
            "5:error;0:}",
            "client_conn.error is a dict, not a text",
        ),
    ] {
        let changed = text.replace(from, to);
        let found = read(changed.as_bytes());
        match (found[0].as_ref(), message) {
            (Ok(_), "") => {}
            (Err(_), "") => {}
            (found, message) => {
                let error = found.expect_err(message).to_string();
                assert!(error.contains(message), "{error}");
            }
        }
    }
}

#[test]
fn lists_in_lists_are_refused_without_a_fall() {
    let mut encoder = ratel_proto::tnetstring::Encoder::new();
    let kind = ratel_proto::tnetstring::Kind::List;
    let lists: Vec<_> = (0..100_000).map(|_| encoder.begin(kind)).collect();
    for list in lists.into_iter().rev() {
        encoder.end(list);
    }
    let deep = String::from_utf8(encoder.bytes_written().to_vec()).unwrap();
    let text = String::from_utf8(written(&some(1))).unwrap();
    let at = text.find("8:metadata;0:}").unwrap();
    let start = text.find(':').unwrap() + 1;
    let inside = format!(
        "{}8:metadata;{}:1:a;{deep}}}{}",
        &text[start..at],
        4 + deep.len(),
        &text[at + "8:metadata;0:}".len()..text.len() - 1]
    );
    let file = format!("{}:{inside}}}", inside.len());
    let found = read(file.as_bytes());
    let error = found[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("more than 256 deep"), "{error}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    out.include_checksum(true).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn compressed_files_are_read_whatever_they_are_called() {
    let records = some(50);
    let plain = written(&records);
    let folder = tempfile::tempdir().unwrap();
    for (name, packed) in [
        ("flows", plain.clone()),
        ("flows.gz", gzip(&plain)),
        ("flows.txt", zstd(&plain)),
        // Files that were put together.
        (
            "two.gz",
            [gzip(&plain[..1000]), gzip(&plain[1000..])].concat(),
        ),
        (
            "two.zst",
            [zstd(&plain[..1000]), zstd(&plain[1000..])].concat(),
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &packed).unwrap();
        let found: Vec<_> = FlowReader::open(&path)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(ids(&found), ids(&records), "{name}");
        assert_eq!(written(&found), plain, "{name}");
    }
}

#[test]
fn compressed_files_that_end_early_are_truncated_ones() {
    // Random, so that all of it does not lie in the last bytes.
    let mut records = some(100);
    let mut state = 1_u64;
    for record in &mut records {
        let body: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u8
        })
        .take(5_000)
        .collect();
        if let ratel_flow::Detail::Http(http) = &mut record.detail {
            http.response_body = Body::Bytes(body.into());
        }
    }
    let plain = written(&records);
    for packed in [gzip(&plain), zstd(&plain)] {
        let cut = packed.len() / 2;
        let found = read(&packed[..cut]);
        let (last, before) = found.split_last().unwrap();
        assert!(before.len() > 3 && before.iter().all(Result::is_ok));
        let error = last.as_ref().unwrap_err();
        assert!(error.is_truncated(), "{error}");
        // Damage is another thing.
        let mut damaged = packed.clone();
        damaged[cut..cut + 200].fill(0x55);
        let found = read(&damaged);
        let error = found.last().unwrap().as_ref().unwrap_err();
        assert!(error.is_final() && !error.is_truncated(), "{error}");
    }
}

#[test]
fn other_formats_are_told_and_handed_on() {
    for (start, format) in [
        (&b"{\"log\": {}}"[..], Format::Har),
        (b"\xef\xbb\xbf{\"log\": {}}", Format::Har),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", Format::Capture),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", Format::Capture),
    ] {
        for packed in [start.to_vec(), gzip(start), zstd(start)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            std::fs::write(&path, &packed).unwrap();
            for opened in [open(&path), open_stream(io::Cursor::new(packed.clone()))] {
                let (found, mut rest) = match opened.unwrap() {
                    Opened::Har(rest) => (Format::Har, rest),
                    Opened::Capture(rest) => (Format::Capture, rest),
                    Opened::Flows(_) => panic!("it is no flow file"),
                };
                assert_eq!(found, format);
                let mut all = Vec::new();
                rest.read_to_end(&mut all).unwrap();
                assert_eq!(all, start);
            }
            let error = FlowReader::open(&path).unwrap_err();
            assert!(matches!(error.problem, ReadProblem::Format(found) if found == format));
            assert!(error.to_string().ends_with("not a flow file"), "{error}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let error = FlowReader::open(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(error.problem, ReadProblem::Io(_)), "{error}");
}

/// A pipe gives what it has, and not what was asked for.
#[test]
fn pieces_of_any_size_are_joined() {
    struct Drops(Vec<u8>, usize);
    impl Read for Drops {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let len = room.len().min(3).min(self.0.len() - self.1);
            room[..len].copy_from_slice(&self.0[self.1..self.1 + len]);
            self.1 += len;
            Ok(len)
        }
    }
    let records = some(5);
    let found = FlowReader::new(Drops(written(&records), 0)).unwrap();
    let found: Vec<_> = found.map(Result::unwrap).collect();
    assert_eq!(ids(&found), ids(&records));
}

#[test]
fn an_error_of_the_source_comes_after_the_flows_before_it() {
    struct Breaks(io::Cursor<Vec<u8>>);
    impl Read for Breaks {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            match self.0.read(room)? {
                0 => Err(io::Error::other("the cable is cut")),
                read => Ok(read),
            }
        }
    }
    let records = some(3);
    let reader = FlowReader::new(Breaks(io::Cursor::new(written(&records)))).unwrap();
    let found: Vec<_> = reader.collect();
    assert_eq!(found.len(), 4);
    let error = found[3].as_ref().unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("the cable is cut"),
        "{error}"
    );
}

#[test]
fn flows_are_added_behind_whole_ones_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let records = some(4);
    let mut file = FlowFile::append(&path).unwrap();
    file.write(&records[0]).unwrap();
    drop(file);
    let mut file = FlowFile::append(&path).unwrap();
    file.write(&records[1]).unwrap();
    let len = std::fs::metadata(&path).unwrap().len();
    assert_eq!(file.len(), len);
    drop(file);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(ids(&flows(&bytes)), ["flow-0", "flow-1"]);

    for broken in [&bytes[..bytes.len() - 1], b"{\"log\": {}}", b"3:abc,"] {
        std::fs::write(&path, broken).unwrap();
        let error = FlowFile::append(&path).unwrap_err();
        assert!(matches!(error, AppendError::Broken { .. }), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(std::fs::read(&path).unwrap(), broken, "it is left as it is");
    }

    let mut file = FlowFile::create(&path).unwrap();
    assert!(file.is_empty());
    file.write(&records[2]).unwrap();
    assert_eq!(ids(&flows(&std::fs::read(&path).unwrap())), ["flow-2"]);
}

/// A body that somebody has taken away.
#[derive(Debug)]
struct Gone(u64);

impl ReadBody for Gone {
    fn len(&self) -> u64 {
        600_000
    }

    fn read(&self, range: std::ops::Range<u64>) -> io::Result<bytes::Bytes> {
        if range.end > self.0 {
            return Err(io::Error::other("it is gone"));
        }
        Ok(vec![b'x'; (range.end - range.start) as usize].into())
    }
}

fn with_body(body: Body) -> Record {
    let mut http = exchange("GET", "/gone");
    http.response_body = body;
    flow(http)
}

#[test]
fn a_flow_that_cannot_be_read_to_its_end_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows");
    let records = some(2);
    let gone = with_body(Body::Lazy(std::sync::Arc::new(Gone(300_000))));

    let mut file = FlowFile::create(&path).unwrap();
    file.write(&records[0]).unwrap();
    let error = file.write(&gone).unwrap_err();
    assert!(matches!(error, WriteError::Flow(_)), "{error}");
    file.write(&records[1]).unwrap();
    assert_eq!(
        ids(&flows(&std::fs::read(&path).unwrap())),
        ["flow-0", "flow-1"]
    );

    // What was written to a pipe cannot be taken back.
    let mut writer = FlowWriter::new(Vec::new());
    writer.write(&gone).unwrap_err();
    writer.write(&records[0]).unwrap();
    let found = flows(&writer.into_inner());
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].http().unwrap().response_body.len(), Some(600_000));
}

/// A disk with room for so many bytes.
struct Full(Vec<u8>, usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.1 - self.0.len());
        if len == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_was_written_before_a_disk_was_full_is_read() {
    let records = some(3);
    let whole = written(&records).len();
    let lazy = with_body(Body::Lazy(std::sync::Arc::new(Gone(u64::MAX))));
    for room in [whole - 1, whole / 2] {
        let mut writer = FlowWriter::new(Full(Vec::new(), room));
        let results: Vec<_> = records.iter().map(|record| writer.write(record)).collect();
        let error = results.last().unwrap().as_ref().unwrap_err();
        assert!(
            matches!(error, WriteError::Output(error) if error.kind() == io::ErrorKind::StorageFull)
        );
        let good = results.iter().filter(|result| result.is_ok()).count();
        let found = read(&writer.into_inner().0);
        assert_eq!(found.iter().filter(|found| found.is_ok()).count(), good);
        assert!(
            found
                .last()
                .unwrap()
                .as_ref()
                .is_err_and(|error| error.is_truncated())
        );
    }
    let error = write_record(&lazy, &mut Full(Vec::new(), 400_000)).unwrap_err();
    assert!(
        matches!(error, WriteError::Output(error) if error.kind() == io::ErrorKind::StorageFull)
    );
}
