use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

fn headers(values: &[&str]) -> Headers {
    let mut headers = Headers::new();
    for value in values {
        headers.append(b"Content-Encoding", value.as_bytes());
    }
    headers
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn bare(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 20);
    encoder.write_all(data).unwrap();
    encoder.into_inner()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 1).unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;

const ALL: [(&str, Encode); 6] = [
    ("gzip", gzip),
    ("gzip", zlib),
    ("deflate", zlib),
    ("deflate", bare),
    ("br", brotli),
    ("zstd", zstd),
];

fn text() -> Vec<u8> {
    let words = (0..20_000).map(|n| format!("line {n} {}\n", n * n % 977));
    words.collect::<String>().into_bytes()
}

#[test]
fn names_are_read_as_sent() {
    let rows: [(&[&str], &str); 6] = [
        (&[], ""),
        (&["identity"], ""),
        (&["GZip"], "gzip"),
        (&["x-gzip , br"], "gzip, br"),
        (&["deflate", "zstd"], "deflate, zstd"),
        (&[" , none,,"], ""),
    ];
    for (values, expected) in rows {
        assert_eq!(Codings::of(&headers(values)).unwrap().to_string(), expected);
    }
    let error = Codings::of(&headers(&["gzip, \u{1b}odd"])).unwrap_err();
    assert_eq!(error.to_string(), "unknown content-encoding \\x1bodd");
    let error = Codings::of(&headers(&["gzip,gzip,gzip", "br,br,br", "br,br,br"])).unwrap_err();
    assert_eq!(error, CodingError::TooMany);
}

#[test]
fn every_coding_is_undone() {
    let text = text();
    for (name, encode) in ALL {
        let body = encode(&text);
        let content = content(&headers(&[name]), &body, true, usize::MAX);
        assert_eq!(content.note, format!("[decoded {name}]"));
        assert!(content.bytes == text && content.complete, "{name}");
    }
}

#[test]
fn several_codings_are_undone_from_the_last_to_the_first() {
    let body = zstd(&brotli(&bare(&gzip(b"inside"))));
    let content = content(&headers(&["gzip, deflate", "br, zstd"]), &body, true, 100);
    assert_eq!(&content.bytes[..], b"inside");
    assert_eq!(content.note, "[decoded gzip, deflate, br, zstd]");
}

#[test]
fn members_and_frames_one_after_the_other_are_one_body() {
    for (name, encode) in [("gzip", gzip as Encode), ("zstd", zstd)] {
        let body = [encode(b"one"), encode(b"two")].concat();
        assert_eq!(
            &content(&headers(&[name]), &body, true, 100).bytes[..],
            b"onetwo"
        );
    }
}

#[test]
fn a_body_that_ends_early_gives_what_there_is() {
    let text = text();
    for (name, encode) in ALL {
        let body = encode(&text);
        let cut = &body[..body.len() / 2];
        let codings = Codings::of(&headers(&[name])).unwrap();
        let (bytes, end) = decode(&codings, cut, usize::MAX);
        assert_eq!(end, End::Truncated, "{name}");
        assert!(
            bytes.len() > text.len() / 10 && text.starts_with(&bytes),
            "{name}: {}",
            bytes.len()
        );
        let live = content(&headers(&[name]), cut, false, usize::MAX);
        assert_eq!(
            (live.note, live.complete),
            (format!("[decoded {name}]"), false)
        );
        let dead = content(&headers(&[name]), cut, true, usize::MAX);
        assert_eq!(
            (dead.note, dead.complete),
            (format!("[decoded {name}, which ends early]"), false)
        );
    }
}

#[test]
fn a_damaged_body_gives_what_stands_before() {
    let text = text();
    for (name, encode) in ALL {
        let mut body = encode(&text);
        let middle = body.len() / 2;
        body[middle..middle + 40].fill(0xff);
        let content = content(&headers(&[name]), &body, true, usize::MAX);
        // Brotli and bare deflate carry no checksum, so that damage may go unseen.
        assert!(
            content.note.starts_with(&format!("[decoded {name}")),
            "{}",
            content.note
        );
        assert!(
            content.bytes.len() > 1000 && content.bytes[..1000] == text[..1000],
            "{name}"
        );
    }
}

#[test]
fn what_is_not_coded_is_shown_as_sent() {
    for (name, _) in ALL {
        let body = b"plainly not compressed";
        let content = content(&headers(&[name]), body, true, 100);
        assert_eq!(&content.bytes[..], body, "{name}");
        assert_eq!(content.note, format!("[cannot decode {name}]"));
        let empty = super::content(&headers(&[name]), b"", true, 100);
        assert_eq!(
            (&empty.bytes[..], empty.note.as_str(), empty.complete),
            (&b""[..], "", true)
        );
    }
    let content = content(&headers(&["rot13"]), b"abc", true, 100);
    assert_eq!(
        content.note,
        "[cannot decode: unknown content-encoding rot13]"
    );
}

/// A few hundred bytes that would become gigabytes cost no more than the limit.
#[test]
fn a_bomb_is_cut_at_the_limit() {
    let zeros = vec![0; 8 << 20];
    for (name, encode) in ALL {
        let bomb = encode(&zeros);
        let body = encode(&bomb);
        let twice = format!("{name},{name}");
        for (values, data) in [(name, &bomb), (twice.as_str(), &body)] {
            let codings = Codings::of(&headers(&[values])).unwrap();
            let (bytes, end) = decode(&codings, data, 100_000);
            assert_eq!((bytes.len(), end), (100_000, End::Limit), "{values}");
        }
    }
    let exact = decode(&Codings(vec![Coding::Gzip]), &gzip(b"12345"), 5);
    assert_eq!(exact, (b"12345".to_vec(), End::Complete));
}

#[test]
fn a_zstd_window_that_is_too_large_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&text()).unwrap();
    let body = encoder.finish().unwrap();
    let (bytes, end) = decode(&Codings(vec![Coding::Zstd]), &body, usize::MAX);
    assert!(
        bytes.is_empty() && matches!(end, End::Damaged(_)),
        "{end:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_coded_comes_back(
        data in prop::collection::vec(any::<u8>(), 0..2000),
        stack in prop::collection::vec(0..ALL.len(), 0..4),
    ) {
        let (mut body, mut names) = (data.clone(), Vec::new());
        for which in stack {
            let (name, encode) = ALL[which];
            body = encode(&body);
            names.push(name);
        }
        let codings = Codings::of(&headers(&names)).unwrap();
        prop_assert_eq!(decode(&codings, &body, usize::MAX), (data, End::Complete));
    }

    #[test]
    fn any_bytes_end_somehow(data in prop::collection::vec(any::<u8>(), 0..300), which in 0..ALL.len()) {
        let codings = Codings::of(&headers(&[ALL[which].0])).unwrap();
        prop_assert!(decode(&codings, &data, 10_000).0.len() <= 10_000);
    }
}
