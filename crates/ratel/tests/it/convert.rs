//! `ratel export` and `ratel convert`: flows of files as something else, with mitmproxy to agree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use ratel_testkit::{Builder, peer};
use serde_json::Value;

use crate::common::{assert_says, program, stdout};

/// Files of the flow model's own tests.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../ratel-flow/tests/data")
        .join(name)
}

/// Two requests; there is a secret in each.
const ARCHIVE: &str = r#"{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[
{"startedDateTime":"2026-01-02T03:04:05.006Z","time":30,
 "request":{"method":"GET","url":"https://shop.test/a?token=s3cr3t-value","httpVersion":"HTTP/1.1",
  "headers":[{"name":"Host","value":"shop.test"},{"name":"Authorization","value":"Bearer s3cr3t-value"}]},
 "response":{"status":200,"statusText":"OK","httpVersion":"HTTP/1.1",
  "headers":[{"name":"Content-Type","value":"application/json"},{"name":"Set-Cookie","value":"sid=s3ss10n-id; Path=/"}],
  "content":{"size":30,"mimeType":"application/json","text":"{\"password\":\"hunter22\",\"a\":1}"}},
 "timings":{"send":1,"wait":20,"receive":9}},
{"startedDateTime":"2026-01-02T03:04:06Z","time":5,
 "request":{"method":"POST","url":"http://shop.test/b","httpVersion":"HTTP/1.1",
  "headers":[{"name":"Content-Type","value":"application/x-www-form-urlencoded"}],
  "postData":{"mimeType":"application/x-www-form-urlencoded","text":"user=u&password=hunter22"}},
 "response":{"status":204,"statusText":"No Content","httpVersion":"HTTP/1.1","headers":[],"content":{}},
 "timings":{"send":1,"wait":2,"receive":2}}]}}"#;

const SECRETS: [&str; 3] = ["s3cr3t-value", "s3ss10n-id", "hunter22"];

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a temporary folder");
    fs::write(home.path().join("a.har"), ARCHIVE).expect("room");
    home
}

/// Runs the program in that folder.
fn ratel(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program().command_line().0);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .current_dir(home);
    peer::output(&mut command)
}

fn done(home: &Path, args: &[&str]) -> String {
    stdout(&ratel(home, args))
}

fn refused(home: &Path, args: &[&str], words: &[&str]) {
    let output = ratel(home, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert_says(&errors, words);
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}

#[test]
fn flows_become_commands() {
    let home = home();
    let text = done(
        home.path(),
        &["export", "--format", "curl", "a.har", "~m", "GET"],
    );
    assert_eq!(
        text,
        "curl -H 'Authorization: Bearer s3cr3t-value' -H accept: -H user-agent: 'https://shop.test/a?token=s3cr3t-value'\n"
    );
    let all = done(home.path(), &["export", "-f", "curl", "a.har"]);
    assert_says(
        &all,
        &[
            "# 1: GET https://shop.test/a",
            "\n\n# 2: POST http://shop.test/b (204)\ncurl ",
        ],
    );
    let raw = done(
        home.path(),
        &["export", "-f", "raw_response", "a.har", "~c 204"],
    );
    assert_eq!(raw, "HTTP/1.1 204 No Content\r\n\r\n");
}

#[test]
fn files_become_each_other() {
    let home = home();
    let at = |name: &str| home.path().join(name);
    let text = done(home.path(), &["export", "-f", "python", "a.har"]);
    let ways = [
        ["a.har", "b.mitm"],
        ["b.mitm", "c.mitm.zst"],
        ["c.mitm.zst", "d.flow.gz"],
        ["d.flow.gz", "e.zhar"],
        ["e.zhar", "f.har"],
        ["f.har", "g.har"],
    ];
    for [from, to] in ways {
        let output = ratel(home.path(), &["convert", from, to]);
        assert!(output.status.success(), "{output:?}");
        assert_says(
            &String::from_utf8_lossy(&output.stderr),
            &["wrote 2 flows to"],
        );
        assert_eq!(
            done(home.path(), &["export", "-f", "python", to]),
            text,
            "{to}"
        );
    }
    assert_eq!(
        json(&fs::read(at("f.har")).expect("a file")),
        json(&fs::read(at("g.har")).expect("a file"))
    );
    done(home.path(), &["convert", "a.har", "h.pcapng"]);
    assert_says(
        &done(
            home.path(),
            &["export", "-f", "raw_request", "h.pcapng", "~m POST"],
        ),
        &["POST /b HTTP/1.1"],
    );
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(at("b.mitm")).expect("a file").permissions(),
        );
        assert_eq!(mode & 0o077, 0, "what may hold passwords is for its owner");
    }
    // Through pipes, both ways.
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            r#""$0" convert --format flow a.har - | "$0" export -f python -"#,
        ])
        .arg(program().command_line().0)
        .env("HOME", home.path())
        .current_dir(home.path());
    assert_eq!(stdout(&peer::output(&mut command)), text);
}

#[test]
fn no_secret_leaves_in_any_format() {
    let home = home();
    let formats = [
        "curl",
        "httpie",
        "raw",
        "raw_request",
        "raw_response",
        "python",
        "fetch",
        "har",
        "pcapng",
        "flow",
    ];
    for format in formats {
        let args = [
            "export", "--redact", "--redact", "salt:x", "-f", format, "a.har",
        ];
        let output = ratel(home.path(), &args);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in {format}:\n{text}");
        }
        assert!(
            text.contains("REDACTED-") || format == "raw_response",
            "{format}"
        );
        // The others have names of flows in them, which an archive does not give.
        if !matches!(format, "pcapng" | "flow") {
            assert_eq!(ratel(home.path(), &args).stdout, output.stdout, "{format}");
        }
    }
    // One rule, and the option instead of the argument.
    let text = done(
        home.path(),
        &["export", "-f", "har", "--redact", "json:password", "a.har"],
    );
    let is_redacted = text.contains(r#"{\"password\":\"REDACTED-"#);
    assert!(text.contains("s3cr3t-value") && is_redacted, "{text}");
    let text = done(
        home.path(),
        &["export", "-f", "har", "a.har", "--set", "redact=default"],
    );
    assert!(!text.contains("s3cr3t-value"), "{text}");
}

#[test]
fn what_is_wrong_is_said() {
    let home = home();
    let refused = |args: &[&str], words: &[&str]| refused(home.path(), args, words);
    refused(
        &["export", "-f", "curl", "no.mitm"],
        &["cannot read no.mitm", "No such file"],
    );
    refused(
        &["export", "a.har"],
        &["not said what to make", "--format is one of curl"],
    );
    refused(
        &["export", "-f", "nonsense", "a.har"],
        &["invalid value 'nonsense'"],
    );
    refused(
        &["export", "-f", "curl", "a.har", "~u", "nowhere"],
        &["no flow in a.har matches '~u nowhere'"],
    );
    refused(
        &["export", "-f", "curl", "a.har", "~u ("],
        &["~u lacks", "character"],
    );
    refused(
        &["export", "-f", "go", "a.har"],
        &["go is for one flow", "filter"],
    );
    refused(
        &["export", "-f", "curl", "--redact", "heder:X", "a.har"],
        &["column 1", "no kind 'heder'"],
    );
    refused(
        &["convert", "a.har", "b.txt"],
        &["says no format", "--format"],
    );
    refused(&["convert", "a.har", "-"], &["standard output", "--format"]);
    refused(
        &["convert", "a.har", "a.har"],
        &["a.har is there already", "--force"],
    );
    refused(
        &["convert", "a.har", "no/b.mitm"],
        &["cannot write no/b.mitm"],
    );
    fs::write(home.path().join("empty.mitm"), "").expect("room");
    refused(
        &["convert", "empty.mitm", "b.har"],
        &["there is no flow in empty.mitm"],
    );
    assert!(!home.path().join("b.har").exists());
    assert!(
        ratel(home.path(), &["convert", "--force", "a.har", "a.har"])
            .status
            .success()
    );
}

#[test]
fn damage_costs_what_stands_after_it() {
    let home = home();
    done(home.path(), &["convert", "a.har", "b.mitm"]);
    let file = fs::read(home.path().join("b.mitm")).expect("a file");
    fs::write(home.path().join("cut.mitm"), &file[..file.len() - 10]).expect("room");
    fs::write(home.path().join("cut.har"), &ARCHIVE[..ARCHIVE.len() - 40]).expect("room");
    for (name, words) in [
        ("cut.mitm", ["truncated", "1 flow"]),
        ("cut.har", ["entry 2", "the file ends"]),
    ] {
        let output = ratel(home.path(), &["export", "-f", "curl", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_says(&String::from_utf8_lossy(&output.stderr), &words);
        assert_says(
            &String::from_utf8_lossy(&output.stdout),
            &["curl ", "shop.test/a"],
        );
    }
}

#[test]
fn compressed_archives_are_read_whatever_they_are_called() {
    let home = home();
    let gzip = |mut encoder: GzEncoder<Vec<u8>>| {
        std::io::Write::write_all(&mut encoder, ARCHIVE.as_bytes())?;
        encoder.finish()
    };
    let zlib = |mut encoder: ZlibEncoder<Vec<u8>>| {
        std::io::Write::write_all(&mut encoder, ARCHIVE.as_bytes())?;
        encoder.finish()
    };
    let packed = [
        gzip(GzEncoder::new(Vec::new(), Compression::fast())),
        zlib(ZlibEncoder::new(Vec::new(), Compression::best())),
        zlib(ZlibEncoder::new(Vec::new(), Compression::fast())),
    ];
    for packed in packed {
        fs::write(home.path().join("x"), packed.expect("it fits into memory")).expect("room");
        assert_says(
            &done(home.path(), &["export", "-f", "curl", "x", "~m GET"]),
            &["shop.test/a"],
        );
    }
}

/// What both say of an exchange, without what the two are known to say otherwise.
fn comparable(entry: &Value) -> Value {
    let mut entry = entry.clone();
    let timings = &entry["timings"];
    // TLS is a part of connecting in the standard, and stands beside it in mitmproxy.
    let time = |name: &str| timings[name].as_f64().unwrap_or(-1.0);
    let exchange = time("send") + time("wait") + time("receive");
    entry["timings"] = (exchange * 1e3).round().into();
    entry["time"] = Value::Null;
    entry["startedDateTime"] = entry["startedDateTime"]
        .as_str()
        .unwrap_or_default()
        .get(..19)
        .into();
    for side in ["request", "response"] {
        entry[side]["headersSize"] = Value::Null;
        // An extension of ours.
        entry[side]["_trailers"] = Value::Null;
    }
    let content = &mut entry["response"]["content"];
    // Its size is that of the text in the standard, and that on the wire in mitmproxy.
    for name in ["size", "compression"] {
        content[name] = Value::Null;
    }
    // A body that is not on record is an empty one to mitmproxy.
    if content["text"].is_null() {
        content["text"] = "".into();
    }
    content["comment"] = Value::Null;
    if content["mimeType"].as_str() == Some("") {
        content["mimeType"] = Value::Null;
    }
    if let Some(cookies) = entry["response"]["cookies"].as_array_mut() {
        for cookie in cookies {
            cookie["expires"] = Value::Null;
        }
    }
    // The URL has the port that was connected to; mitmproxy's has the one in the Host field, or none.
    let url = entry["request"]["url"].as_str().unwrap_or_default();
    entry["request"]["url"] = url.replace(":22/", "/").into();
    // mitmproxy tells of an error only where there is no response at all.
    if entry["response"]["status"] != 0 {
        entry["response"]["_error"] = Value::Null;
    }
    // mitmproxy keeps the bodies of these alone.
    let method = entry["request"]["method"].as_str().unwrap_or_default();
    if !matches!(method, "POST" | "PUT" | "PATCH") {
        entry["request"]["postData"] = Value::Null;
    }
    entry["connection"] = Value::Null;
    entry["comment"] = Value::Null;
    entry
}

#[test]
fn mitmproxy_writes_the_same_archive_and_reads_ours() {
    let Some(mitmdump) = peer::mitmdump() else {
        return;
    };
    let home = home();
    let flows = sample("flowfile/20.mitm");
    fs::copy(&flows, home.path().join("in.mitm")).expect("a copy");
    let dump = |args: &[&str]| {
        let mut command = Command::new(&mitmdump);
        command
            .args(args)
            .env("HOME", home.path())
            .current_dir(home.path());
        stdout(&peer::output(&mut command))
    };
    dump(&["-qnr", "in.mitm", "--set", "hardump=theirs.har"]);
    ratel(home.path(), &["convert", "in.mitm", "ours.har"]);
    let entries = |name: &str| {
        let archive = json(&fs::read(home.path().join(name)).expect("an archive"));
        archive["log"]["entries"]
            .as_array()
            .expect("entries")
            .clone()
    };
    let (mut ours, mut theirs) = (entries("ours.har"), entries("theirs.har"));
    // mitmproxy leaves out what has neither response nor error, and has what has both twice.
    ours.retain(|entry| entry["response"]["status"] != 0 || !entry["response"]["_error"].is_null());
    ours.dedup_by_key(|entry| comparable(entry));
    theirs.dedup_by_key(|entry| comparable(entry));
    assert!(!ours.is_empty() && ours.len() == theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(comparable(ours), comparable(theirs));
    }
    // Each reads the archive of the other.
    dump(&["-qnr", "ours.har", "-w", "back.mitm"]);
    let back = done(home.path(), &["export", "-f", "har", "back.mitm"]);
    assert_eq!(
        json(back.as_bytes())["log"]["entries"]
            .as_array()
            .map(Vec::len),
        Some(entries("ours.har").len())
    );
    let read = done(home.path(), &["export", "-f", "har", "theirs.har"]);
    for (read, theirs) in json(read.as_bytes())["log"]["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(entries("theirs.har"))
    {
        for (side, name) in [
            ("request", "method"),
            ("request", "url"),
            ("response", "status"),
        ] {
            assert_eq!(read[side][name], theirs[side][name]);
        }
    }
}

#[test]
fn help_names_every_format_and_rule() {
    let help = stdout(
        &Builder::new(program().command_line().0)
            .args(["export", "--help"])
            .run(),
    );
    assert_says(
        &help,
        &[
            "curl",
            "raw_request",
            "pcapng",
            "pattern:/REGEX/",
            "salt:TEXT",
            "FILTER",
        ],
    );
}
