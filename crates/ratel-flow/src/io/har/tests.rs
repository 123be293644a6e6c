//! Archives as the programs write them that people bring them from, read and held against a description; and what is
//! written, read again.
//!
//! `RATEL_UPDATE=1` writes the descriptions anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::testing::{exchange, flow};
use crate::{Body, Headers, HttpRecord, Record, Timestamp};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/har")
}

fn body(body: &Body) -> String {
    match body {
        Body::Missing => "missing".into(),
        body => {
            let bytes = body.whole(1 << 20).unwrap().unwrap();
            format!("\"{}\"", bytes.escape_ascii())
        }
    }
}

fn fields(out: &mut String, prefix: &str, headers: &Headers) {
    for (name, value) in headers.iter() {
        let _ = writeln!(
            out,
            "    {prefix}{}: {}",
            name.escape_ascii(),
            value.escape_ascii()
        );
    }
}

/// Milliseconds since the flow began.
fn after(record: &Record, time: Option<Timestamp>) -> String {
    let start = record.http().unwrap().request.timestamp_start;
    match time {
        None => "-".into(),
        Some(time) => format!(
            "{}",
            (i128::from(time.0) - i128::from(start.0)) as f64 / 1e6
        ),
    }
}

fn describe(record: &Record) -> String {
    let mut out = String::new();
    let http = record.http().unwrap();
    let request = &http.request;
    let version = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let _ = writeln!(
        out,
        "{} {} {} (target {}, host {} port {})",
        request.method.escape_ascii(),
        request.url(),
        version(request.version.as_bytes()),
        request.target.escape_ascii(),
        request.host,
        request.port,
    );
    fields(&mut out, "", &request.pseudo);
    fields(&mut out, "", &request.headers);
    let _ = writeln!(out, "    body {}", body(&http.request_body));
    match &http.response {
        None => out.push_str("  no response\n"),
        Some(response) => {
            let _ = writeln!(
                out,
                "  {} {} {:?}",
                version(response.version.as_bytes()),
                response.status,
                response.reason.escape_ascii().to_string()
            );
            fields(&mut out, "", &response.pseudo);
            fields(&mut out, "", &response.headers);
            let _ = writeln!(out, "    body {}", body(&http.response_body));
        }
    }
    if let Some(websocket) = &http.websocket {
        for message in websocket.messages.iter() {
            let message = message.unwrap();
            let _ = writeln!(
                out,
                "    {:?} {} \"{}\" at {}",
                message.side,
                message.kind.name(),
                message.content.escape_ascii(),
                after(record, Some(message.timestamp))
            );
        }
    }
    let conn = record.server_conn.as_ref().unwrap();
    let _ = writeln!(
        out,
        "  times: {} sent {} answered {} end {}; connecting {} connected {} to {:?}",
        request.timestamp_start.0 / 1_000,
        after(record, http.request_end),
        after(
            record,
            http.response
                .as_ref()
                .map(|response| response.timestamp_start)
        ),
        after(record, http.response_end),
        after(record, Some(conn.timestamp_start)),
        after(record, conn.timestamp_tcp_setup),
        conn.peername,
    );
    if let Some(error) = &record.error {
        let _ = writeln!(out, "  error: {error}");
    }
    if !record.annotations.comment.is_empty() {
        let _ = writeln!(out, "  comment: {}", record.annotations.comment);
    }
    out
}

#[test]
fn archives_of_other_programs_are_read() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|end| end != "har") {
            continue;
        }
        seen += 1;
        let mut text = String::new();
        for item in HarReader::new(std::fs::File::open(&path).unwrap()) {
            match item.unwrap() {
                HarItem::Record(record) => text.push_str(&describe(&record)),
                HarItem::Skipped { number, why } => {
                    let _ = writeln!(text, "entry {number} is skipped: {why}");
                }
            }
        }
        let expected = path.with_extension("txt");
        if std::env::var_os("RATEL_UPDATE").is_some() {
            std::fs::write(&expected, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        if text != expected {
            wrong.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(seen >= 9, "only {seen} archives");
    assert!(
        wrong.is_empty(),
        "read otherwise than described:\n{}",
        wrong.join("\n")
    );
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut writer = HarWriter::new(Vec::new()).unwrap();
    for record in records {
        writer.write(record).unwrap();
    }
    writer.finish().unwrap()
}

fn read(har: &[u8]) -> Vec<Record> {
    HarReader::new(har)
        .map(|item| match item.unwrap() {
            HarItem::Record(record) => record,
            HarItem::Skipped { number, why } => panic!("entry {number}: {why}"),
        })
        .collect()
}

#[test]
fn a_compressed_archive_is_the_same_archive() {
    let record = flow(exchange("GET", "/a"));
    let mut packed = Vec::new();
    let mut file = HarFile::new(&mut packed, true).unwrap();
    file.write(&record).unwrap();
    assert_eq!((file.entries(), file.others()), (1, 0));
    file.finish().unwrap();
    let plain = written(&[record]);
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::ZlibDecoder::new(&packed[..]),
        &mut unpacked,
    )
    .unwrap();
    assert_eq!(unpacked, plain);
    assert_eq!(read(&plain).len(), 1);
}

/// What a file holds.
fn held(mut file: &std::fs::File) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Seek::rewind(&mut file).unwrap();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    bytes
}

#[test]
fn an_archive_that_grows_is_whole_after_each_flow() {
    let file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &file, &[b'x'; 10_000]).unwrap();
    let mut growing = GrowingHar::new(file.try_clone().unwrap()).unwrap();
    let mut records = Vec::new();
    assert_eq!(held(&file), written(&records));
    for path in ["/a", "/b", "/c"] {
        records.push(flow(exchange("GET", path)));
        growing.write(records.last().unwrap()).unwrap();
        assert_eq!(held(&file), written(&records), "{path}");
    }
    assert_eq!(growing.entries(), 3);
}

fn header_name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9-]{0,12}".prop_filter("fields that say how the body is read", |name| {
        let own = [
            "content-encoding",
            "content-length",
            "content-type",
            "cookie",
            "set-cookie",
        ];
        !own.contains(&name.to_ascii_lowercase().as_str())
    })
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![4 => 0x20_u8..0x7f, 1 => 0x80_u8..=0xff, 1 => Just(b'\t'), 1 => Just(b'"')];
    proptest::collection::vec(byte, 0..20).prop_map(|value| value.trim_ascii().to_vec())
}

fn headers() -> impl Strategy<Value = Headers> {
    proptest::collection::vec((header_name(), header_value()), 0..6)
        .prop_map(|fields| fields.into_iter().collect())
}

const CONTENT_TYPES: [&str; 7] = [
    "",
    "text/plain",
    "text/html; charset=utf-8",
    "application/json",
    "text/html; charset=shift_jis",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
];

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "\\PC{0,40}".prop_map(String::into_bytes),
        Just(b"\xff\xfea\0".to_vec()),
        Just("\u{feff}a".into()),
        Just(b"a=%20&b=\xff".to_vec()),
        Just(
            b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--x--\r\n".to_vec()
        ),
    ]
}

fn http() -> impl Strategy<Value = HttpRecord> {
    let message = || (0..CONTENT_TYPES.len(), headers(), content());
    let method = "GET|POST|DELETE|[!-9;-~]{1,8}";
    let path = "/[!-\"$-~]{0,20}";
    (
        method,
        path,
        message(),
        proptest::option::of(message()),
        100..600_u16,
    )
        .prop_map(|(method, path, (kind, fields, content), answer, status)| {
            let mut http = exchange(&method, &path);
            let typed = |kind: usize, mut fields: Headers| {
                if kind > 0 {
                    fields.append(b"Content-Type", CONTENT_TYPES[kind].as_bytes());
                }
                fields
            };
            http.request.headers = typed(kind, fields);
            http.request_body = Bytes::from(content).into();
            match answer {
                None => {
                    http.response = None;
                    http.response_body = Body::Missing;
                }
                Some((kind, fields, content)) => {
                    let response = http.response.as_mut().unwrap();
                    response.status = status;
                    response.headers = typed(kind, fields);
                    http.response_body = Bytes::from(content).into();
                }
            }
            http
        })
}

proptest! {
    /// Whatever was exchanged, the archive is JSON that everybody reads, and says the same when it is read.
    #[test]
    fn what_is_written_is_read_again(http in http()) {
        prop_assume!(!http.request.method.eq_ignore_ascii_case(b"CONNECT"));
        let record = flow(http);
        let har = written(std::slice::from_ref(&record));
        let strict: serde_json::Value = serde_json::from_slice(&har).unwrap();
        prop_assert_eq!(strict["log"]["entries"].as_array().unwrap().len(), 1);
        let again = read(&har).remove(0);
        let (before, after) = (record.http().unwrap(), again.http().unwrap());
        prop_assert_eq!(&before.request.method, &after.request.method);
        prop_assert_eq!(before.request.url(), after.request.url());
        prop_assert_eq!(&before.request.headers, &after.request.headers);
        prop_assert_eq!(body(&before.request_body), body(&after.request_body));
        prop_assert_eq!(before.request.timestamp_start, after.request.timestamp_start);
        prop_assert_eq!(before.request_end, after.request_end);
        match (&before.response, &after.response) {
            (Some(before), Some(after)) => {
                prop_assert_eq!(before.status, after.status);
                prop_assert_eq!(&before.reason, &after.reason);
                prop_assert_eq!(&before.headers, &after.headers);
                prop_assert_eq!(before.timestamp_start, after.timestamp_start);
            }
            (None, None) => {}
            odd => prop_assert!(false, "{:?}", odd),
        }
        if before.response.is_some() {
            prop_assert_eq!(body(&before.response_body), body(&after.response_body));
            prop_assert_eq!(before.response_end, after.response_end);
        }
        // What was read is written the same: nothing is lost by doing it again.
        prop_assert_eq!(read(&written(std::slice::from_ref(&again))).iter().map(describe).collect::<Vec<_>>(), [describe(&again)]);
    }

    #[test]
    fn any_bytes_can_be_read(har: Vec<u8>) {
        for item in HarReader::new(&har[..]) {
            let _ = item;
        }
    }

    /// Damage anywhere in a file is an entry that is skipped or the end of it, never a panic.
    #[test]
    fn damage_is_survived(at in 0..8_000_usize, byte: u8) {
        let mut har = std::fs::read(folder().join("chromium.har")).unwrap();
        let at = at.min(har.len() - 1);
        har[at] = byte;
        let mut errors = 0;
        for item in HarReader::new(&har[..]) {
            errors += u32::from(item.is_err());
        }
        prop_assert!(errors <= 1);
    }
}

#[test]
fn a_cut_archive_keeps_what_stands_before() {
    let har = written(&[flow(exchange("GET", "/1")), flow(exchange("GET", "/2"))]);
    let cut = &har[..har.len() * 3 / 4];
    let mut items = HarReader::new(cut);
    assert!(matches!(items.next(), Some(Ok(HarItem::Record(_)))));
    let error = items.next().unwrap().unwrap_err().to_string();
    assert!(
        error.contains("entry 2") && error.contains("the file ends"),
        "{error}"
    );
    assert!(items.next().is_none());
}

#[test]
fn nesting_costs_no_stack() {
    let deep = "[".repeat(100_000);
    let har = format!(
        "{{\"log\":{{\"entries\":[{{\"request\":{deep}{}}},{{\"request\":{{\"url\":\"http://a.example/\"}}}}]}}}}",
        "]".repeat(100_000)
    );
    let items: Vec<_> = HarReader::new(har.as_bytes()).map(Result::unwrap).collect();
    assert!(matches!(
        items[..],
        [HarItem::Skipped { number: 1, .. }, HarItem::Record(_)]
    ));
    let har = format!("{{\"log\":{{\"entries\":[{deep}");
    assert!(HarReader::new(har.as_bytes()).next().unwrap().is_err());
}
