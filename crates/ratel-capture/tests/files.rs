//! Every format that is read, and files that are damaged.

mod common;

use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;

use common::packets::Talk;
use common::{flows, line, lines};
use ratel_capture::{CaptureError, CaptureReader, KeyLog, is_capture};
use ratel_flow::TlsVersion;

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(data().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// When the first packet of the samples came, in nanoseconds.
const BEGIN: u64 = 1_700_000_000_123_456_789;

#[test]
fn every_sample_has_the_same_exchange() {
    let mut seen = 0;
    for entry in std::fs::read_dir(data()).expect("a folder") {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name");
        if !name.contains(".pcap") {
            continue;
        }
        seen += 1;
        let file = sample(&name);
        assert_eq!(is_capture(&file), !name.ends_with(".gz"), "{name}");
        let found = flows(&file, None);
        assert_eq!(
            lines(&found),
            ["GET http://a.example/sample HTTP/1.1 200 sample"],
            "{name}"
        );
        let unit = match name.as_str() {
            "simple-packets.pcapng" => u64::MAX,
            "resolution.pcapng" => 1000,
            _ if name.starts_with("nanoseconds") => 1,
            _ if name.ends_with(".pcapng") => 1,
            _ => 1000,
        };
        let start = found[0].client_conn.timestamp_start.0;
        assert_eq!(start / unit, BEGIN / unit, "{name}: {start}");
    }
    assert_eq!(seen, 24);
}

#[test]
fn compressed_captures_are_read() {
    let plain = sample("raw.pcap");
    let zstd = zstd::encode_all(&plain[..], 3).expect("it can be compressed");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).expect("it can be compressed");
    let mut gzip = gzip.finish().expect("it can be compressed");
    for file in [&zstd, &gzip] {
        assert_eq!(flows(file, None).len(), 1);
    }
    // Cut off within.
    gzip.truncate(gzip.len() - 20);
    let (found, error) = read(gzip);
    assert!(found.len() <= 1);
    assert!(
        matches!(error, Some(CaptureError::Truncated { .. })),
        "{error:?}"
    );
}

/// What a file gives, and how it ends.
fn read(file: impl Into<Vec<u8>>) -> (Vec<String>, Option<CaptureError>) {
    let reader = match CaptureReader::new(Cursor::new(file.into()), KeyLog::new()) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut found, mut end) = (Vec::new(), None);
    for item in reader {
        assert!(end.is_none(), "an error is the last item");
        match item {
            Ok(flow) => found.push(line(&flow)),
            Err(error) => end = Some(error),
        }
    }
    (found, end)
}

#[test]
fn everything_before_a_damage_is_there() {
    let whole = {
        let mut talk = Talk::new();
        talk.open()
            .exchange("/one", "first")
            .exchange("/two", "second")
            .close();
        talk.pcap()
    };
    let (all, none) = read(whole.clone());
    assert!(none.is_none() && all.len() == 2);
    let mut least = 0;
    for len in 24..whole.len() {
        let (found, error) = read(&whole[..len]);
        // Where a packet ends nothing is wrong.
        if let Some(error) = error {
            assert!(matches!(error, CaptureError::Truncated { .. }), "{error:?}");
            assert!(
                error.to_string().contains(&format!("at byte {len}")),
                "{error}"
            );
            assert!(error.hint().is_some());
        }
        let complete = found.iter().filter(|line| !line.contains(" !")).count();
        assert!(complete >= least, "{len}: {found:?}");
        least = complete;
    }
    assert_eq!(least, 2);
    // A length that cannot be, in the middle.
    let mut broken = whole.clone();
    // Three packets open the connection, and the fourth is a request of 38 bytes.
    let at = 24 + (16 + 40) * 3 + (16 + 78);
    broken[at + 8..at + 12].copy_from_slice(&[0xff; 4]);
    let (found, error) = read(broken);
    assert_eq!(
        found,
        ["GET http://a.example/one HTTP/1.1 !the capture ends before a response came"]
    );
    let error = error.expect("an error");
    assert!(
        matches!(error, CaptureError::Damaged { at: found, .. } if found == at as u64),
        "{error:?}"
    );
}

#[test]
fn blocks_that_cannot_be_are_told() {
    let good = sample("little-endian.pcapng");
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        read(file)
            .1
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    // The order of bytes, the version, the length of the section header.
    assert!(with(8, &[1, 2, 3, 4]).contains("at byte 0: a section does not say"));
    assert!(with(12, &[2, 0]).contains("a version other than 1"));
    assert!(with(4, &[8, 0, 0, 0]).contains("too short"));
    // The interface block: its length, its second length.
    let interface = u32::from_le_bytes(good[4..8].try_into().expect("four bytes")) as usize;
    let text = with(interface + 4, &[13, 0, 0, 0]);
    assert!(
        text.contains(&format!(
            "at byte {interface}: a block has a length that cannot be"
        )),
        "{text}"
    );
    assert!(with(interface + 4, &[0xfc, 0xff, 0xff, 0x7f]).contains("more than 16 MiB"));
    assert!(with(interface + 4, &[12, 0, 0, 0]).contains("differ"));
    let (found, error) = read(&b"GET / HTTP/1.1\r\n"[..]);
    assert!(found.is_empty() && matches!(error, Some(CaptureError::NotACapture)));
    assert!(matches!(read(&b""[..]).1, Some(CaptureError::NotACapture)));
    assert!(!is_capture(b"\xd4\xc3\xb2") && is_capture(b"\xd4\xc3\xb2\xa1"));
}

/// A file that cannot be read any further, and one that never ends.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::Error::other("the disk is on fire")),
            n => Ok(n),
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_keeps_what_was() {
    let file = Failing(Cursor::new(sample("raw.pcap")));
    let reader = CaptureReader::new(file, KeyLog::new()).expect("a capture");
    let items: Vec<_> = reader.collect();
    assert!(
        matches!(items[..], [Ok(_), Err(CaptureError::Read { .. })]),
        "{items:?}"
    );
}

#[test]
fn a_length_without_bytes_takes_no_memory() {
    // A packet of 16 MiB, and secrets of as many, of which nothing follows.
    let mut file = sample("raw.pcap");
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    let (found, error) = read(file);
    assert_eq!(found.len(), 1);
    assert!(matches!(error, Some(CaptureError::Truncated { .. })));
    let mut file = sample("little-endian.pcapng");
    file.extend([10, 0, 0, 0, 0, 0, 0, 1]);
    let (found, error) = read(file);
    assert_eq!(found.len(), 1);
    assert!(matches!(error, Some(CaptureError::Truncated { .. })));
}

#[test]
fn samples_of_tls_bring_their_secrets() {
    for (name, version) in [
        ("tlsv1_2", TlsVersion::Tls12),
        ("tlsv1_3", TlsVersion::Tls13),
    ] {
        let file = sample(&format!("tls/{name}.pcapng"));
        let found = flows(&file, None);
        assert_eq!(
            lines(&found),
            ["GET https://a.example/sample HTTP/1.1 200 sample"],
            "{name}"
        );
        let tls = found[0].client_conn.tls.as_ref().expect("TLS");
        assert_eq!(tls.version, Some(version));
        assert_eq!(tls.alpn.as_deref(), Some(&b"http/1.1"[..]));
    }
}
