//! Bodies that are too large, and bodies that pass without being held: the same options for Ratel and for mitmproxy.

use std::path::Path;

use ratel_testkit::{Builder, Origin, Ratel, Wire, origin, peer};

use crate::common::dump;

const LARGE: usize = 200_000;

/// An origin with a large body at `/large`, and a short one elsewhere.
fn site() -> Origin {
    Origin::plain(|wire| {
        origin::serve(wire, |head, body| {
            let text = match head.split(' ').nth(1).unwrap_or_default() {
                "/large" | "/chunked" => "needle".repeat(LARGE / 6),
                _ => format!("short needle for {} bytes", body.len()),
            };
            let framing = if head.contains("/chunked") {
                let chunk = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
                format!("Transfer-Encoding: chunked\r\n\r\n{chunk}")
            } else {
                format!("Content-Length: {}\r\n\r\n{text}", text.len())
            };
            format!("HTTP/1.1 200 OK\r\nX-Origin: 1\r\n{framing}").into_bytes()
        });
    })
}

fn request(method: &str, path: &str, body: usize, port: u16) -> String {
    let body = "n".repeat(body);
    format!(
        "{method} http://127.0.0.1:{port}{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What a client sees: the status, a header that a rule adds, how long the body is, and how often rules changed it.
fn seen(proxy: &Ratel, ask: &str) -> String {
    let mut wire = Wire::connect(proxy.port());
    // An answer may come before the request has gone.
    let _ = wire.send(ask);
    match wire.reply() {
        Ok(reply) if reply.status == 200 => format!(
            "200 {:?} {} bytes, {} changed",
            reply.header("x-rule"),
            reply.text().len(),
            reply.text().matches("changed").count()
        ),
        Ok(reply) => reply.status.to_string(),
        Err(_) => "closed".to_owned(),
    }
}

fn theirs(program: &Path) -> Builder {
    Builder::new(program)
        .args(["--listen-host", "127.0.0.1", "--listen-port", "0"])
        .env("PYTHONUNBUFFERED", "1")
}

/// Both are given the options and asked the same. What clients see, and whether ours has large bodies on record.
fn check(args: &[&str], expected: &[&str], kept: bool) {
    let builders = [Some(dump()), peer::mitmdump().as_deref().map(theirs)];
    for (number, builder) in builders.into_iter().flatten().enumerate() {
        let site = site();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("flows");
        let proxy = builder
            .args(args.iter().copied())
            .arg("-w")
            .arg(file.as_os_str())
            .start();
        let asks = [
            request("GET", "/short", 0, site.port()),
            request("GET", "/large", 0, site.port()),
            request("GET", "/chunked", 0, site.port()),
            request("POST", "/short", 20, site.port()),
            request("POST", "/short", LARGE, site.port()),
        ];
        let told: Vec<String> = asks.iter().map(|ask| seen(&proxy, ask)).collect();
        let (_, printed) = proxy.terminate();
        let is_ours = number == 0;
        assert_eq!(told, expected, "ours: {is_ours}, {args:?}\n{printed}");
        let written = std::fs::read(&file).unwrap_or_default();
        let has = written.windows(12).any(|bytes| bytes == b"needleneedle");
        assert!(
            !is_ours || has == kept,
            "{args:?}: large bodies on record: {has}"
        );
    }
}

#[test]
fn bodies_that_are_too_large_are_refused() {
    check(
        &["--set", "body_size_limit=100k", "-H", "/~s/X-Rule/1"],
        &[
            "200 Some(\"1\") 24 bytes, 0 changed",
            "502",
            "502",
            "200 Some(\"1\") 25 bytes, 0 changed",
            "413",
        ],
        false,
    );
}

#[test]
fn rules_for_bodies_leave_those_that_pass() {
    check(
        &[
            "--set",
            "stream_large_bodies=100k",
            "-B",
            "/~s/needle/changed",
            "-H",
            "/~s/X-Rule/1",
        ],
        &[
            "200 Some(\"1\") 25 bytes, 1 changed",
            "200 Some(\"1\") 199998 bytes, 0 changed",
            "200 Some(\"1\") 199998 bytes, 0 changed",
            "200 Some(\"1\") 26 bytes, 1 changed",
            "200 Some(\"1\") 30 bytes, 1 changed",
        ],
        false,
    );
}

#[test]
fn bodies_that_pass_are_kept_if_that_is_asked_for() {
    check(
        &[
            "--set",
            "stream_large_bodies=100k",
            "--set",
            "store_streamed_bodies=true",
        ],
        &[
            "200 None 24 bytes, 0 changed",
            "200 None 199998 bytes, 0 changed",
            "200 None 199998 bytes, 0 changed",
            "200 None 25 bytes, 0 changed",
            "200 None 29 bytes, 0 changed",
        ],
        true,
    );
}
