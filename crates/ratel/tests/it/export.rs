//! Commands and programs made of requests, run by those they are for: what arrives is what was sent.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use ratel_flow::export::{Exported, Format, export};
use ratel_flow::{Headers, Request, Scheme, Timestamp, Version};
use ratel_testkit::{Origin, origin, peer};

fn request(
    port: u16,
    method: &'static str,
    path: &'static str,
    fields: &[(&str, &str)],
) -> Request {
    let mut headers = Headers::new();
    headers.append(b"Host", format!("localhost:{port}").as_bytes());
    for (name, value) in fields {
        headers.append(name.as_bytes(), value.as_bytes());
    }
    Request {
        method: Bytes::from_static(method.as_bytes()),
        target: Bytes::from_static(path.as_bytes()),
        version: Version::Http11,
        line: None,
        headers,
        pseudo: Headers::new(),
        scheme: Scheme::Http,
        host: "localhost".into(),
        port,
        path: Bytes::from_static(path.as_bytes()),
        timestamp_start: Timestamp(0),
    }
}

/// A method, a path, fields, a body.
type Asked = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [u8],
);

const REQUESTS: [Asked; 5] = [
    (
        "GET",
        "/a?b=c%20d&e",
        &[("Accept", "*/*"), ("X-Twice", "1"), ("X-Twice", "2")],
        b"",
    ),
    (
        "POST",
        "/form",
        &[("Content-Type", "application/json")],
        b"{\"a\": \"it's $(id) `id` %s \\\\n\"}",
    ),
    (
        "PUT",
        "/bytes",
        &[("Content-Type", "a/b"), ("User-Agent", "ratel")],
        b"\x00\x01\xff\r\n%d\\'\"\n\n",
    ),
    ("DELETE", "/nothing", &[("Accept", "x/y")], b""),
    (
        "PATCH",
        "/@file",
        &[("Content-Type", "t/x")],
        b"@/etc/passwd",
    ),
];

/// What arrives, without what every client adds on its own way: the line, the fields in order of their names, the body.
fn arrived(received: &[u8]) -> (String, Vec<String>, Vec<u8>) {
    let head = received
        .windows(4)
        .position(|gap| gap == b"\r\n\r\n")
        .expect("a whole head");
    let (head, body) = received.split_at(head);
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let line = lines.next().expect("a line");
    let mut fields: Vec<String> = lines
        .map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
            None => line.to_ascii_lowercase(),
        })
        .filter(|field| !field.starts_with("content-length") && !field.starts_with("connection"))
        .collect();
    fields.sort();
    (line, fields, body[4..].to_vec())
}

/// Runs what is made of every request, and compares.
fn check(format: Format, run: impl Fn(&Path, &str) -> Option<Command>, with: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (nth, (method, path, fields, body)) in REQUESTS.into_iter().enumerate() {
        let site = Origin::plain(|wire| origin::serve(wire, |_, _| origin::ok("fine")));
        let request = request(site.port(), method, path, fields);
        let flow = Exported {
            request: &request,
            request_body: Some(body),
            response: None,
        };
        let text = export(format, &flow).expect("it can be said");
        let text = String::from_utf8(text).expect("text");
        let Some(mut command) = run(folder.path(), &text) else {
            return;
        };
        let output = peer::output(&mut command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{nth}: {errors}\n{text}");
        let (line, found, content) = arrived(&site.received(0));
        assert_eq!(line, format!("{method} {path} HTTP/1.1"), "{text}");
        let mut wanted: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
            .collect();
        wanted.push(format!("host: localhost:{}", site.port()));
        wanted.sort();
        let found: Vec<_> = found
            .into_iter()
            .filter(|field| !with.iter().any(|added| field.starts_with(added)))
            .collect();
        assert_eq!(found, wanted, "{text}");
        assert_eq!(content, body, "{text}");
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn curl_sends_the_same() {
    if peer::find("curl").is_some() {
        check(Format::Curl, |_, text| Some(shell(text)), &[]);
    }
}

#[test]
fn python_sends_the_same() {
    let Some(python) = peer::find("python3") else {
        return;
    };
    let run = |_: &Path, text: &str| {
        let mut command = Command::new(&python);
        command.args(["-c", text]);
        Some(command)
    };
    check(Format::Python, run, &[]);
}

#[test]
fn go_sends_the_same() {
    let Some(go) = peer::find("go") else {
        return;
    };
    let run = |folder: &Path, text: &str| {
        let file = folder.join("main.go");
        std::fs::write(&file, text).expect("room");
        let mut command = Command::new(&go);
        command.arg("run").arg(file).env("GOFLAGS", "-mod=mod");
        Some(command)
    };
    // Its transport asks for compression by itself.
    check(Format::Go, run, &["accept-encoding: gzip"]);
}
