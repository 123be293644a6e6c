//! Replay with each of its options, beside mitmdump: the same recording and the same requests, as clients and origins see
//! them.

use std::path::{Path, PathBuf};

use ratel_testkit::{Builder, Origin, Ratel, Wire, origin, peer};

use crate::common::dump;

/// An origin whose answers can be told apart, and that says what it was asked.
fn site() -> Origin {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Origin::plain(move |wire| {
        let nth = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        origin::serve(wire, move |head, body| {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let body = format!("{nth}: /{name} {}", String::from_utf8_lossy(body));
            format!(
                "HTTP/1.1 200 OK\r\nX-Origin: {nth}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        });
    })
}

/// What is asked, with `HOST` in it, and what comes back.
fn asked(proxy: u16, asks: &[&str], host: &str) -> Vec<String> {
    let answer = |ask: &&str| {
        let mut wire = Wire::connect(proxy);
        if wire.send(ask.replace("HOST", host)).is_err() {
            return "closed".to_owned();
        }
        match wire.reply() {
            // What failed is told in words of one's own.
            Ok(reply) if reply.status == 502 => "502".to_owned(),
            Ok(reply) => format!("{}{}", reply.head, reply.text()),
            Err(_) => "closed".to_owned(),
        }
    };
    asks.iter().map(answer).collect()
}

/// A flow file with these exchanges.
fn recording(folder: &Path, name: &str, site: &Origin, asks: &[&str]) -> PathBuf {
    let file = folder.join(name);
    let ratel = dump().args(["-w", &file.display().to_string()]).start();
    let host = format!("127.0.0.1:{}", site.port());
    for answer in asked(ratel.port(), asks, &host) {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let (status, text) = ratel.terminate();
    assert!(status.success(), "ended with {status}:\n{text}");
    file
}

fn theirs() -> Option<Builder> {
    let builder = Builder::new(peer::mitmdump()?);
    Some(builder.env("PYTHONUNBUFFERED", "1").args([
        "--listen-host",
        "127.0.0.1",
        "--listen-port",
        "0",
    ]))
}

const ONE: &str =
    "GET http://HOST/one HTTP/1.1\r\nHost: HOST\r\nX-A: 1\r\nConnection: close\r\n\r\n";
const TWO: &str = "GET http://HOST/two?x=1&y=2 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";
const FORM: &str = "POST http://HOST/form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nConnection: close\r\n\r\na=1&b=2";
const FORM_B: &str = "POST http://HOST/form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nConnection: close\r\n\r\na=1&b=3";
const FORM_A: &str = "POST http://HOST/form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nConnection: close\r\n\r\na=9&b=2";

/// Plays a recording of `recorded` with both, asks both, and holds what is seen against each other.
fn alike(recorded: &[&str], options: &[&str], asks: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), "recorded", &site, recorded);
    let host = format!("127.0.0.1:{}", site.port());
    let play = |builder: Builder| {
        let proxy: Ratel = builder
            .args(["-S", &file.display().to_string()])
            .args(["--set", "keepserving=true"])
            .args(options)
            .start();
        let before = site.connections();
        let seen = asked(proxy.port(), asks, &host);
        let (_, printed) = proxy.terminate();
        // What was forwarded is numbered by the origin.
        let seen: Vec<String> = seen.iter().map(|seen| told(seen, before)).collect();
        (seen, site.connections() - before, printed)
    };
    let ours = play(dump());
    let Some(theirs) = theirs() else { return };
    let theirs = play(theirs);
    assert_eq!(
        (&ours.0, ours.1),
        (&theirs.0, theirs.1),
        "{options:?}\n{}\n---\n{}",
        ours.2,
        theirs.2
    );
}

/// An answer without what differs by name and by run.
fn told(answer: &str, forwarded_from: usize) -> String {
    let fields = ["server: ", "date: ", "ratel-replay-miss: "];
    let lines = answer.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !fields.iter().any(|field| line.starts_with(field))
    });
    let text: Vec<&str> = lines.collect();
    let mut text = text.join("\n");
    for nth in forwarded_from..forwarded_from + 10 {
        let number = nth - forwarded_from;
        text = text.replace(
            &format!("X-Origin: {nth}"),
            &format!("X-Origin: new {number}"),
        );
        text = text.replace(&format!("\n{nth}: "), &format!("\nnew {number}: "));
    }
    text
}

#[test]
fn requests_that_are_alike_are_answered_in_their_order() {
    alike(&[ONE, ONE, TWO, ONE], &[], &[ONE, ONE, TWO, ONE, ONE]);
    let reuse = ["--server-replay-reuse"];
    alike(&[ONE, ONE], &reuse, &[ONE, ONE, ONE, ONE]);
}

#[test]
fn what_is_not_recorded_is_forwarded_killed_or_refused() {
    for extra in ["forward", "kill", "204", "400", "404", "500"] {
        alike(&[ONE], &["--server-replay-extra", extra], &[TWO, ONE, ONE]);
    }
    let both = ["--server-replay-kill-extra", "--server-replay-extra", "404"];
    alike(&[ONE], &both, &[TWO, ONE]);
}

#[test]
fn headers_have_to_be_equal_where_they_are_asked_for() {
    let other = ONE.replace("X-A: 1", "X-A: 2");
    let without = ONE.replace("X-A: 1\r\n", "");
    let options = [
        "--set",
        "server_replay_use_headers=X-A",
        "--set",
        "server_replay_use_headers=X-B",
        "--server-replay-extra",
        "404",
    ];
    alike(&[ONE], &options, &[&other, &without, ONE]);
    alike(&[ONE, &other], &options, &[&other, ONE]);
    alike(&[ONE], &["--server-replay-extra", "404"], &[&other, ONE]);
}

#[test]
fn bodies_and_parts_of_forms_are_left_aside() {
    let extra = ["--server-replay-extra", "404"];
    alike(&[FORM], &extra, &[FORM_B, FORM]);
    let content = ["--set", "server_replay_ignore_content", extra[0], extra[1]];
    alike(&[FORM], &content, &[FORM_B]);
    let fields = [
        "--set",
        "server_replay_ignore_payload_params=b",
        extra[0],
        extra[1],
    ];
    alike(&[FORM], &fields, &[FORM_A, FORM_B]);
    let multipart = |value: &str| {
        let body = format!(
            "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--X\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n{value}\r\n--X--\r\n"
        );
        format!(
            "POST http://HOST/form HTTP/1.1\r\nHost: HOST\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    alike(&[&multipart("2")], &fields, &[&multipart("3")]);
    alike(
        &[&multipart("2")],
        &extra,
        &[&multipart("3"), &multipart("2")],
    );
}

#[test]
fn hosts_ports_and_parameters_are_left_aside() {
    let extra = ["--server-replay-extra", "404"];
    let host = ONE.replace("http://HOST", "http://other.invalid");
    let port = ONE.replace("http://HOST", "http://127.0.0.1:1");
    alike(&[ONE], &extra, &[&host, &port]);
    let ignore = |option: &'static str| ["--set", option, extra[0], extra[1]];
    alike(
        &[ONE],
        &ignore("server_replay_ignore_host"),
        &[&host, &port],
    );
    alike(
        &[ONE],
        &ignore("server_replay_ignore_port"),
        &[&host, &port],
    );
    let both = [
        "--set",
        "server_replay_ignore_port",
        "--set",
        "server_replay_ignore_host=true",
        extra[0],
        extra[1],
    ];
    alike(&[ONE], &both, &[&host]);
    let secured = ONE.replace("http://HOST", "https://HOST");
    alike(&[ONE], &both, &[&secured]);
    let order = TWO.replace("x=1&y=2", "y=2&x=1");
    let more = TWO.replace("x=1&y=2", "x=1&y=2&x=1");
    alike(&[TWO], &extra, &[&order, &more, TWO]);
    let params = [
        "--set",
        "server_replay_ignore_params=x",
        "--set",
        "server_replay_ignore_params=z",
        extra[0],
        extra[1],
    ];
    alike(&[TWO], &params, &[&more]);
    alike(&[TWO], &params, &[&TWO.replace("y=2", "y=2&z=3")]);
    alike(&[TWO], &params, &[&TWO.replace("y=2", "y=3")]);
}

/// A HAR file with an answer of long ago, which names dates.
const OLD: &str = r#"{"log":{"entries":[{"startedDateTime":"2015-10-21T07:28:00.000Z","time":1000,
    "request":{"method":"GET","url":"http://old.invalid/a","httpVersion":"HTTP/1.1","headers":[],"cookies":[],"queryString":[],"headersSize":-1,"bodySize":0},
    "response":{"status":200,"statusText":"OK","httpVersion":"HTTP/1.1","cookies":[],"headersSize":-1,"bodySize":6,"redirectURL":"","headers":[
        {"name":"Content-Length","value":"6"},
        {"name":"Date","value":"Wed, 21 Oct 2015 07:28:01 GMT"},
        {"name":"Expires","value":"Wed, 21 Oct 2015 08:28:01 GMT"},
        {"name":"Last-Modified","value":"Tue, 20 Oct 2015 07:28:01 GMT"},
        {"name":"X-Date","value":"Wed, 21 Oct 2015 07:28:01 GMT"},
        {"name":"Set-Cookie","value":"sid=1; Path=/; Expires=Thu, 22 Oct 2015 07:28:01 GMT; HttpOnly"},
        {"name":"Set-Cookie","value":"plain=2; Max-Age=60"},
        {"name":"Set-Cookie","value":"odd=3; Expires=whenever"}],
        "content":{"size":6,"mimeType":"text/plain","text":"played"}},
    "cache":{},"timings":{"send":0,"wait":1000,"receive":0}}]}}"#;

const ASK_OLD: &str =
    "GET http://old.invalid/a HTTP/1.1\r\nHost: old.invalid\r\nConnection: close\r\n\r\n";

/// Digits stand for themselves only where no date of today can be.
fn without_times(text: &str) -> String {
    text.lines()
        .map(
            |line| match line.contains(" GMT") && !line.contains("2015") {
                true => {
                    let words: Vec<&str> = line
                        .split(' ')
                        .filter(|word| !word.contains(':') || word.ends_with(':'))
                        .collect();
                    words.join(" ")
                }
                false => line.to_owned(),
            },
        )
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn dates_and_cookies_are_refreshed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("old.har");
    std::fs::write(&file, OLD).expect("it can be written");
    for options in [
        &["--server-replay-reuse"][..],
        &["--no-server-replay-refresh", "--server-replay-reuse"],
        &["--set", "server_replay_refresh=false"],
    ] {
        let play = |builder: Builder| {
            let proxy = builder
                .args([
                    "-S",
                    &file.display().to_string(),
                    "--set",
                    "keepserving=true",
                ])
                .args(options)
                .start();
            let seen = asked(proxy.port(), &[ASK_OLD], "").concat();
            proxy.terminate();
            seen
        };
        let ours = play(dump());
        assert!(ours.ends_with("played"), "{ours}");
        assert_eq!(
            ours.contains("\nDate: Wed, 21 Oct 2015 07:28:01 GMT"),
            options.len() != 1 || options[0].contains("no-"),
            "{ours}"
        );
        let Some(theirs) = theirs() else { return };
        assert_eq!(
            without_times(&ours),
            without_times(&play(theirs)),
            "{options:?}"
        );
    }
}

#[test]
fn requests_are_sent_again_with_rules_in_force() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), "recorded", &site, &[ONE, TWO, FORM]);
    let host = format!("127.0.0.1:{}", site.port());
    let file = file.display().to_string();
    for options in [
        &[][..],
        &["-H", "/~q/X-A/changed", "-B", "/~q & ~m POST/a=1/a=2"],
        &["--set", "client_replay_concurrency=-1"],
        &["-M", "|/two|/three"],
        &["--stickyauth", ".", "--anticache"],
        &["--set", "block_list=/~u two/404"],
    ] {
        let send = |builder: Builder| {
            let before = site.connections();
            let mut proxy = builder.args(["-C", &file]).args(options).start();
            ratel_testkit::wait::until("the end", || (!proxy.is_alive()).then_some(()));
            let mut heads: Vec<String> = (before..site.connections())
                .map(|nth| String::from_utf8_lossy(&site.received(nth)).into_owned())
                // mitmproxy sends whole URLs where the recording was made through a proxy.
                .map(|text| text.replacen(&format!("http://{host}"), "", 1))
                .collect();
            heads.sort();
            heads
        };
        let ours = send(dump());
        let Some(theirs) = theirs() else { return };
        assert_eq!(ours, send(theirs), "{options:?}");
    }
}
