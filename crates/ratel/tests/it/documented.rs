//! The command lines of mitmproxy's own documentation, on its page of features: both programs do the same to the same
//! traffic, as the client and as the origin see it.

use crate::rules::{Case, GET, POST, check, forward};

/// A request for a URL, as proxies are sent it.
fn ask(url: &str, fields: &str) -> String {
    let host = url.split('/').nth(2).unwrap_or_default();
    format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n")
}

const NO_HOST: &str = "GET http://HOST/path HTTP/1.0\r\nX-A: 1\r\n\r\n";

#[test]
fn headers_that_are_set_where_they_are_missing_or_from_a_file() {
    let agent = ask("http://HOST/a", "User-Agent: curl\r\nX-F: old\r\n");
    let asks: [&str; 3] = [GET, NO_HOST, &agent];
    check(&[
        forward("host", &["--modify-headers", "/~q/Host/example.org"], &asks),
        forward(
            "host that is missing",
            &["--modify-headers", "/~q & !~h Host:/Host/example.org"],
            &asks,
        ),
        forward("no agent", &["-H", "/~q/User-Agent/"], &asks),
        forward("agent", &["-H", ":~q:User-Agent:none/1.0"], &asks),
        forward("file", &["-H", "/~q/X-F/@~/text"], &asks),
        forward("value that is empty", &["-H", "/X-Origin/"], &asks),
        forward("both sides", &["-H", "|~all|X-F|x"], &asks),
        forward("option", &["--set", "modify_headers=/~s/X-F/set"], &asks),
    ]);
}

#[test]
fn bodies_with_texts_from_files_and_with_expressions() {
    // A request without a body gets a length of 0 from mitmproxy; Ratel leaves it as it is.
    check(&[
        forward("requests", &["--modify-body", "/~q/hello/bye"], &[POST]),
        forward("file", &["-B", "/~s/words/@~/text"], &[GET, POST]),
        forward("colons", &["-B", ":~q:hello:@~/text"], &[POST]),
        forward("all", &["--modify-body", "/o/0"], &[POST]),
        forward(
            "anchors",
            &["-B", "/~s/^body/start", "-B", "/~s/words$/end"],
            &[GET],
        ),
        forward(
            "lines",
            &["-B", r"/~s/(?m)^and/start", "-B", r"/~s/\n/|"],
            &[GET],
        ),
        forward("case", &["-B", "/~s/(?i)SOME/any"], &[GET]),
        forward("gone", &["-B", "/~s/some /"], &[GET]),
        forward(
            "length",
            &["-B", "/~q/hello hello/a much longer text than that"],
            &[POST],
        ),
        forward("option", &["--set", "modify_body=/~s/some/any"], &[GET]),
    ]);
}

#[test]
fn urls_that_are_mapped_to_other_servers() {
    let jpg = ask("http://HOST/a/b.jpg", "");
    let elsewhere = ask("http://example.invalid/path?x=1", "");
    let posted = elsewhere.replace("GET ", "POST ");
    let asks: [&str; 2] = [&jpg, GET];
    check(&[
        forward(
            "pictures",
            &["--map-remote", r"|.*\.jpg$|http://HOST/640/480?random"],
            &asks,
        ),
        forward(
            "another host",
            &["--map-remote", "|//example.invalid/|//HOST/"],
            &[&elsewhere, &posted],
        ),
        forward(
            "another host for some",
            &["-M", "|~m GET|//example.invalid/|//HOST/"],
            &[&elsewhere],
        ),
        forward(
            "option",
            &["--set", "map_remote=@example.invalid@HOST"],
            &[&elsewhere],
        ),
        forward(
            "its own header stays",
            &[
                "-M",
                "|//example.invalid/|//HOST/",
                "-H",
                "/~q/Host/kept.example",
            ],
            &[&elsewhere],
        ),
    ]);
}

#[test]
fn files_of_a_home() {
    let script = ask("http://example.invalid/main.js", "");
    let style = ask("http://example.invalid/static/foo/bar.css", "");
    let index = ask("http://example.invalid/static/", "");
    let none = ask("http://example.invalid/static/none", "");
    let posted = style.replace("GET ", "POST ");
    let asks: [&str; 5] = [&script, &style, &index, &none, &posted];
    check(&[
        forward(
            "file",
            &["--map-local", "|example.invalid/main.js|~/main-local.js"],
            &[&script],
        ),
        forward(
            "folder",
            &[
                "--map-local",
                "|example.invalid/static|~/static",
                "--map-local",
                "|example.invalid|~/main-local.js",
            ],
            &asks,
        ),
        forward(
            "group",
            &["--map-local", "|example.invalid/static/(.*)|~/static"],
            &[&style, &index, &none],
        ),
        forward(
            "method",
            &["--map-local", "|~m GET|example.invalid/static|~/static"],
            &[&style],
        ),
    ]);
}

#[test]
fn hosts_that_are_blocked() {
    let tracker = ask("http://tracker.invalid/x", "");
    let other = ask("http://HOST/path", "");
    let asks: [&str; 2] = [&tracker, &other];
    check(&[
        forward(
            "empty",
            &["--set", "block_list=:~d tracker.invalid$:204"],
            &asks,
        ),
        forward(
            "but one",
            &["--set", r"block_list=:!~d ^127\.0\.0\.1$:403"],
            &asks,
        ),
        forward(
            "closed",
            &["--set", "block_list=/~d tracker.invalid/444"],
            &asks,
        ),
    ]);
}

#[test]
fn sticky_things_for_some_hosts() {
    let known = ask("http://HOST/a", "Authorization: Basic abc\r\n");
    let cookie = ask("http://HOST/cookie", "");
    let after = ask("http://HOST/path", "");
    let deep = ask("http://HOST/deep/er", "");
    check(&[
        forward("auth", &["--stickyauth", "~d 127"], &[&known, &after]),
        forward(
            "auth elsewhere",
            &["--stickyauth", "~d example"],
            &[&known, &after],
        ),
        forward(
            "cookies",
            &["--stickycookie", "~d 127.0.0.1"],
            &[&cookie, &after, &deep],
        ),
        forward(
            "cookies elsewhere",
            &["--set", "stickycookie=~d example"],
            &[&cookie, &after],
        ),
    ]);
}

#[test]
fn large_bodies_that_stream() {
    check(&[
        forward(
            "any",
            &["--set", "stream_large_bodies=1", "-B", "/o/0"],
            &[POST],
        ),
        forward(
            "none",
            &["--set", "stream_large_bodies=10m", "-B", "/o/0"],
            &[POST],
        ),
        forward(
            "on record",
            &[
                "--set",
                "stream_large_bodies=1",
                "--set",
                "store_streamed_bodies",
            ],
            &[GET, POST],
        ),
    ]);
}

#[test]
fn switches_by_set_and_servers_stood_in_for() {
    let local = "GET /path HTTP/1.1\r\nHost: client.example\r\nIf-None-Match: x\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n";
    let asks = [local];
    let reverse = |name, args| Case {
        name,
        args,
        asks: &asks,
        reverse: true,
    };
    check(&[
        reverse("plain", &[]),
        reverse("host", &["--set", "keep_host_header=true"]),
        reverse("host as a switch", &["--set", "keep_host_header"]),
        reverse("anticache", &["--set", "anticache"]),
        reverse("anticomp", &["--set", "anticomp=true"]),
        reverse(
            "headers",
            &["-H", "/~q/Host/mine.example", "-H", "/~s/X-Origin/"],
        ),
        reverse(
            "one after the other",
            &[
                "--set",
                "keep_host_header",
                "-M",
                "|client.example/path|client.example/other",
            ],
        ),
        reverse("blocked", &["--set", "block_list=/~d client.example/418"]),
        reverse("file", &["--map-local", "|/path|~/text"]),
    ]);
}
