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
    path: &'static [u8],
    fields: &[(&str, &[u8])],
) -> Request {
    let mut headers = Headers::new();
    headers.append(b"Host", format!("localhost:{port}").as_bytes());
    for (name, value) in fields {
        headers.append(name.as_bytes(), value);
    }
    Request {
        method: Bytes::from_static(method.as_bytes()),
        target: Bytes::from_static(path),
        version: Version::Http11,
        line: None,
        headers,
        pseudo: Headers::new(),
        scheme: Scheme::Http,
        host: "localhost".into(),
        port,
        path: Bytes::from_static(path),
        timestamp_start: Timestamp(0),
    }
}

/// A method, a path, fields, a body.
type Asked = (
    &'static str,
    &'static [u8],
    &'static [(&'static str, &'static [u8])],
    &'static [u8],
);

const REQUESTS: [Asked; 24] = [
    (
        "GET",
        b"/a?b=c%20d&e",
        &[("Accept", b"*/*"), ("X-Twice", b"1"), ("X-Twice", b"2")],
        b"",
    ),
    (
        "POST",
        b"/form",
        &[("Content-Type", b"application/json")],
        b"{\"a\": \"it's $(id) `id` %s \\\\n\"}",
    ),
    (
        "PUT",
        b"/bytes",
        &[("Content-Type", b"a/b"), ("User-Agent", b"ratel")],
        b"\x00\x01\xff\r\n%d\\'\"\n\n",
    ),
    ("DELETE", b"/nothing", &[("Accept", b"x/y")], b""),
    (
        "PATCH",
        b"/@file",
        &[("Content-Type", b"t/x")],
        b"@/etc/passwd",
    ),
    (
        "GET",
        b"/evil",
        &[("X-Evil", b"'; touch x; $(id) `id` \"\\ !bang %s")],
        b"",
    ),
    ("GET", b"/tab", &[("X-Tab", b"a\tb")], b""),
    ("GET", b"/raw", &[("X-Raw", b"a\xff\x80\xc3\xbcb")], b""),
    (
        "GET",
        b"/escape",
        &[("X-Escape", b"\x1b[201~evil\x07")],
        b"",
    ),
    (
        "GET",
        b"/separators",
        &[
            ("X-Equals", b"=a"),
            ("X-At", b"@/etc/passwd"),
            ("X-Colon", b":x"),
            ("X-Semicolon", b"a;b=c;d:=e"),
            ("X-Empty", b""),
        ],
        b"",
    ),
    (
        "GET",
        b"/names",
        &[("X-A.b_c!#$%&'*+-.^_`|~1", b"x"), ("x-lower", b"y")],
        b"",
    ),
    ("GET", b"/'\"$(id)`;&|<>^{x}[y]\\~!*()", &[], b""),
    ("GET", b"/a#b", &[], b""),
    ("GET", b"/\xc3\xbc\xff", &[], b""),
    ("GET", b"/../x/./y//z", &[], b""),
    ("GET", b"//double?x=%7E%2f%", &[], b""),
    ("OPTIONS", b"*", &[], b""),
    ("PURGE", b"/purge", &[], b""),
    ("get", b"/lower", &[], b""),
    (
        "GET",
        b"/with-a-body",
        &[("Content-Type", b"text/plain")],
        b"x=1",
    ),
    (
        "POST",
        b"/large",
        &[("Content-Type", b"text/plain")],
        &[b'a'; 200_000],
    ),
    ("POST", b"/empty", &[], b""),
    ("POST", b"/without-a-type", &[], b"hello"),
    (
        "POST",
        b"/dash",
        &[
            ("Content-Type", b"text/plain"),
            ("Accept-Encoding", b"gzip, br"),
        ],
        "-dash \u{fc} \u{202e}\n\n".as_bytes(),
    ),
];

/// What arrives, without what every client adds on its own way: the line, the fields in order of their names, the body.
/// Each byte is a character.
fn arrived(received: &[u8]) -> (String, Vec<String>, Vec<u8>) {
    let head = received
        .windows(4)
        .position(|gap| gap == b"\r\n\r\n")
        .expect("a whole head");
    let (head, body) = received.split_at(head);
    let head = characters(head);
    let mut lines = head.split("\r\n");
    let line = lines.next().expect("a line").to_owned();
    let mut fields: Vec<String> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a field");
            format!("{}: {}", name.to_ascii_lowercase(), value.trim())
        })
        .filter(|field| !field.starts_with("content-length") && !field.starts_with("connection"))
        .collect();
    fields.sort();
    (line, fields, body[4..].to_vec())
}

fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// A program that sends what it is given.
struct Sender {
    format: Format,
    /// What it says by itself, as the starts of fields.
    adds: &'static [&'static str],
    /// Paths of the requests that it cannot send, and is not made for.
    refuses: &'static [&'static str],
    /// It sends fields of one name as one.
    joins: bool,
}

impl Sender {
    fn of(format: Format) -> Self {
        Self {
            format,
            adds: &[],
            refuses: &[],
            joins: false,
        }
    }

    /// Runs what is made of every request, and compares.
    fn check(&self, run: impl Fn(&Path, &[u8]) -> Command) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (method, path, fields, body) in REQUESTS {
            let site = Origin::plain(|wire| origin::serve(wire, |_, _| origin::ok("fine")));
            let request = request(site.port(), method, path, fields);
            let flow = Exported {
                request: &request,
                request_body: Some(body),
                response: None,
            };
            let refused = self.refuses.contains(&&characters(path)[..]);
            let text = match export(self.format, &flow) {
                Ok(text) => text,
                Err(error) => {
                    assert!(refused, "{}: {error}", characters(path));
                    continue;
                }
            };
            assert!(!refused, "{} is not refused", characters(path));
            let shown = characters(text.get(..1000).unwrap_or(&text));
            let output = peer::output(&mut run(folder.path(), &text));
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}\n{shown}");
            let (line, found, content) = arrived(&site.received(0));
            assert_eq!(
                line,
                format!("{method} {} HTTP/1.1", characters(path)),
                "{shown}"
            );
            let field = |name: &str, value: &[u8]| {
                format!("{}: {}", name.to_ascii_lowercase(), characters(value))
            };
            let mut wanted: Vec<String> = fields
                .iter()
                .map(|(name, value)| field(name, value))
                .collect();
            if self.joins && path == b"/a?b=c%20d&e" {
                wanted = vec!["accept: */*".to_owned(), "x-twice: 1, 2".to_owned()];
            }
            wanted.push(format!("host: localhost:{}", site.port()));
            wanted.sort();
            let own = |field: &String| {
                !wanted.contains(field) && self.adds.iter().any(|added| field.starts_with(added))
            };
            let found: Vec<_> = found.into_iter().filter(|field| !own(field)).collect();
            assert_eq!(found, wanted, "{shown}");
            assert!(content == body, "{shown}");
        }
    }
}

/// A script in a file, since some are longer than an argument may be.
fn script(program: &Path, folder: &Path, name: &str, text: &[u8]) -> Command {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("room");
    let mut command = Command::new(program);
    command.arg(file);
    command
}

#[test]
fn curl_sends_the_same() {
    if peer::find("curl").is_none() {
        return;
    }
    Sender::of(Format::Curl).check(|folder, text| script(Path::new("sh"), folder, "send.sh", text));
}

#[test]
fn httpie_sends_the_same() {
    let Some(http) = peer::if_there("http") else {
        return;
    };
    let bin = http.parent().expect("a folder").to_owned();
    let sender = Sender {
        refuses: &[
            "/raw",
            "/'\"$(id)`;&|<>^{x}[y]\\~!*()",
            "/a#b",
            "/\u{c3}\u{bc}\u{ff}",
            "//double?x=%7E%2f%",
            "*",
            "/lower",
        ],
        ..Sender::of(Format::Httpie)
    };
    sender.check(|folder, text| {
        let mut command = script(Path::new("sh"), folder, "send.sh", text);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HTTPIE_CONFIG_DIR", folder);
        command
    });
}

#[test]
fn python_sends_the_same() {
    let Some(python) = peer::find("python3") else {
        return;
    };
    Sender::of(Format::Python).check(|folder, text| script(&python, folder, "send.py", text));
}

#[test]
fn node_sends_the_same() {
    let Some(node) = peer::if_there("node") else {
        return;
    };
    let sender = Sender {
        adds: &[
            "accept: */*",
            "accept-encoding",
            "accept-language: *",
            "sec-fetch-mode",
            "user-agent: node",
        ],
        refuses: &[
            "/escape",
            "/'\"$(id)`;&|<>^{x}[y]\\~!*()",
            "/a#b",
            "/\u{c3}\u{bc}\u{ff}",
            "/../x/./y//z",
            "*",
            "/lower",
            "/with-a-body",
        ],
        joins: true,
        ..Sender::of(Format::Fetch)
    };
    sender.check(|folder, text| script(&node, folder, "send.mjs", text));
}

#[test]
fn go_sends_the_same() {
    let Some(go) = peer::if_there("go") else {
        return;
    };
    let sender = Sender {
        refuses: &["/escape"],
        ..Sender::of(Format::Go)
    };
    sender.check(|folder, text| {
        let file = folder.join("main.go");
        std::fs::write(&file, text).expect("room");
        let mut command = Command::new(&go);
        command.arg("run").arg(file).env("GO111MODULE", "off");
        command
    });
}
