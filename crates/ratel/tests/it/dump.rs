//! `ratel dump` prints what `mitmdump` prints, at each level of detail.

use std::path::Path;

use ratel_testkit::wire::get_through;
use ratel_testkit::{Builder, Origin, Ratel, Wire, origin, peer};

use crate::common::{dump, program};

/// The exchanges that both programs are asked to print. Each is awaited before the next is asked for, since exchanges of
/// different connections may be printed in either order. Nothing is awaited where nothing is printed.
fn ask(program: &Ratel, origin: u16, prints: bool) {
    let proxy = program.port();
    let host = format!("127.0.0.1:{origin}");
    let url = format!("http://{host}");
    let printed = |row: &str| {
        if prints {
            program.wait_output(row);
        }
    };
    get_through(proxy, &format!("{url}/text"));
    printed("200 OK 22b");
    let mut wire = Wire::connect(proxy);
    wire.ask(format!("POST {url}/json?a=b%20c HTTP/1.1\r\nHost: {host}\r\nX-Odd:  two  \r\ncontent-type: application/json\r\nContent-Length: 12\r\n\r\n{{\"a\":[1,{{}}]}}"));
    wire.ask(format!(
        "DELETE {url}/empty HTTP/1.1\r\nHost: {host}\r\n\r\n"
    ));
    wire.ask(format!("GET {url}/old HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    printed("302 Found");
    get_through(proxy, &format!("{url}/{}", "long/".repeat(40)));
    printed("200 OK 2.0k");
    get_through(proxy, &format!("{url}/missing"));
    printed("404 Not Found");
}

fn site() -> Origin {
    Origin::plain(|wire| {
        origin::serve(wire, |head, _| {
            let response = |line: &str, kind: &str, body: &str| {
                format!(
                    "{line}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes()
            };
            match head.split(' ').nth(1).unwrap_or_default() {
                "/text" => response("HTTP/1.1 200 OK", "text/plain", "one line\nanother line\n"),
                path if path.starts_with("/json") => response(
                    "HTTP/1.1 201 Created",
                    "application/json",
                    "{\"b\": {\"c\": [1, 2], \"d\": null}, \"e\": \"f\"}",
                ),
                "/empty" => b"HTTP/1.1 204 No Content\r\nX-Empty: 1\r\n\r\n".to_vec(),
                "/old" => response("HTTP/1.0 302 Found", "text/plain", ""),
                "/missing" => response("HTTP/1.1 404 Not Found", "text/plain", "missing"),
                _ => response(
                    "HTTP/1.1 200 OK",
                    "application/octet-stream",
                    &"x".repeat(2000),
                ),
            }
        });
    })
}

/// The lines without what differs from run to run: ports of clients and of the origin, and log lines with a time.
fn lines(text: &str, origin: u16) -> Vec<String> {
    let client = |line: &str| {
        let (address, rest) = line.split_once(": ")?;
        let port = address.strip_prefix("127.0.0.1:")?;
        port.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| format!("CLIENT: {rest}"))
    };
    text.lines()
        .filter(|line| !line.starts_with('['))
        .map(|line| line.replace(&origin.to_string(), "ORIGIN"))
        .map(|line| client(&line).unwrap_or(line))
        // The padding follows the length of the client's port.
        .map(|line| {
            if line.trim_start().starts_with("<< ") {
                line.trim_start().to_owned()
            } else {
                line
            }
        })
        .collect()
}

fn printed(start: impl FnOnce() -> Ratel, detail: u8, origin: u16) -> Vec<String> {
    let ratel = start();
    ask(&ratel, origin, detail > 0);
    let (_, text) = ratel.terminate();
    lines(&text, origin)
}

fn mitmdump(program: &Path, detail: u8) -> Ratel {
    let detail = format!("flow_detail={detail}");
    Builder::new(program)
        .args([
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            "0",
            "--set",
            &detail,
        ])
        // Python holds back what it writes to a pipe.
        .env("PYTHONUNBUFFERED", "1")
        .start()
}

fn ratel(detail: u8) -> Ratel {
    dump()
        .args(["--set".to_owned(), format!("flow_detail={detail}")])
        .start()
}

#[test]
fn every_level_of_detail_looks_like_mitmdump() {
    let Some(program) = peer::mitmdump() else {
        return;
    };
    for detail in 0..=4 {
        let origin = site();
        let theirs = printed(|| mitmdump(&program, detail), detail, origin.port());
        let ours = printed(|| ratel(detail), detail, origin.port());
        let (theirs, ours) = (theirs.join("\n"), ours.join("\n"));
        assert_eq!(
            ours, theirs,
            "flow_detail={detail}\n--- ours:\n{ours}\n--- mitmdump's:\n{theirs}"
        );
    }
}

/// The same without mitmdump at hand, for the levels that carry no view of a body.
#[test]
fn rows_and_headers_are_printed() {
    let origin = site();
    let none = printed(|| ratel(0), 0, origin.port());
    assert_eq!(none, Vec::<String>::new());

    let rows = printed(|| ratel(1), 1, origin.port());
    let expected = [
        "CLIENT: GET http://127.0.0.1:ORIGIN/text",
        "<< 200 OK 22b",
        "CLIENT: POST http://127.0.0.1:ORIGIN/json?a=b%20c",
        "<< 201 Created 41b",
        "CLIENT: DELETE http://127.0.0.1:ORIGIN/empty",
        "<< 204 No Content 0b",
        "CLIENT: GET http://127.0.0.1:ORIGIN/old HTTP/1.1",
        "<< HTTP/1.0 302 Found 0b",
    ];
    assert_eq!(rows[..expected.len()], expected, "{rows:#?}");
    assert!(rows[8].ends_with('…'), "long URLs are cut: {}", rows[8]);
    assert_eq!(rows[9], "<< 200 OK 2.0k");

    let headers = printed(|| ratel(2), 2, origin.port()).join("\n");
    assert!(
        headers.contains("    X-Odd: two\n    content-type: application/json\n"),
        "{headers}"
    );
    assert!(
        headers.contains(
            "<< 201 Created 41b\n    Content-Type: application/json\n    Content-Length: 41\n"
        ),
        "{headers}"
    );
}

/// The row's status code stands below the method, as eyes expect.
#[test]
fn status_codes_are_aligned_below_methods() {
    let origin = site();
    let ratel = ratel(1);
    get_through(
        ratel.port(),
        &format!("http://127.0.0.1:{}/text", origin.port()),
    );
    let text = ratel.wait_output("200 OK");
    let lines: Vec<&str> = text.lines().collect();
    let row = lines
        .iter()
        .position(|line| line.contains(": GET http://"))
        .expect("a row");
    assert_eq!(lines[row].find("GET"), lines[row + 1].find("200"), "{text}");
}

/// Output that nobody reads any more does not stop the proxy from serving.
#[test]
fn quiet_prints_nothing() {
    let origin = site();
    let ratel = program()
        .args(["dump", "--listen-host", "127.0.0.1", "-q", "--listen-port"])
        .arg(ratel_testkit::nginx::free_port().to_string());
    let port: u16 = ratel
        .command_line()
        .1
        .last()
        .and_then(|port| port.to_str()?.parse().ok())
        .expect("a port");
    let ratel = ratel.servers(0).start();
    ratel_testkit::wait::until("the port to be open", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    assert_eq!(
        get_through(port, &format!("http://127.0.0.1:{}/text", origin.port())).status,
        200
    );
    let (status, text) = ratel.terminate();
    assert!(status.success());
    assert_eq!(text, "");
}
