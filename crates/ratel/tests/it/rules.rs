//! Rules that change or answer traffic: the same command lines for Ratel and for mitmproxy do the same to the same
//! traffic, as the client and as the origin see it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ratel_testkit::wire::get_through;
use ratel_testkit::{Builder, Origin, Ratel, Wire, origin, peer};

use crate::common::{assert_says, dump, program, reverse, stdout};

/// What is asked of a proxy, and with which options.
pub(crate) struct Case<'c> {
    pub(crate) name: &'c str,
    /// `HOST` is the origin, and `~` a home with the files of [`HOME`].
    pub(crate) args: &'c [&'c str],
    /// Requests; `HOST` is the origin.
    pub(crate) asks: &'c [&'c str],
    pub(crate) reverse: bool,
}

/// Files in the home of both programs.
const HOME: [(&str, &str); 4] = [
    ("main-local.js", "main of this home"),
    ("static/foo/bar.css", "bar of this home"),
    ("static/index.html", "index of this home"),
    ("text", "text of this home"),
];

/// An origin that tells what it was asked, and notes it.
fn site(seen: Arc<Mutex<Vec<String>>>) -> Origin {
    Origin::plain(move |wire| {
        let seen = seen.clone();
        origin::serve(wire, move |head, body| {
            let body = String::from_utf8_lossy(body);
            seen.lock()
                .expect("no test panics while it holds this")
                .push(format!("{head}{body}"));
            let path = head.split(' ').nth(1).unwrap_or_default();
            let fields = match path {
                "/cookie" => "Set-Cookie: sid=1; Path=/\r\nSet-Cookie: other=x y; Path=/deep\r\n",
                "/alt" => "Alt-Svc: h3=\"other.test:443\"; ma=60, h2=\":8443\"\r\n",
                _ => "X-Origin: one\r\nX-Origin: two\r\n",
            };
            let body = format!("body of {path} with some words\nand more words");
            let len = body.len();
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Type: text/plain\r\nContent-Length: {len}\r\n\r\n{body}")
                .into_bytes()
        });
    })
}

/// What the client got and what the origin saw, without what differs by name and by run.
fn played(case: &Case<'_>, start: impl FnOnce(u16) -> Ratel) -> String {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let site = site(seen.clone());
    let proxy = start(site.port());
    let host = format!("127.0.0.1:{}", site.port());
    let mut told = String::new();
    for ask in case.asks {
        let mut wire = Wire::connect(proxy.port());
        wire.send(ask.replace("HOST", &host)).expect("it reads");
        let answer = match wire.reply() {
            // What failed is told in words of one's own.
            Ok(reply) if reply.status == 502 => "502".to_owned(),
            Ok(reply) => format!("{}{}", reply.head, reply.text()),
            Err(_) => "closed".to_owned(),
        };
        told.push_str(&format!("--- client\n{answer}\n"));
    }
    for request in seen.lock().expect("free").iter() {
        told.push_str(&format!("--- origin\n{request}\n"));
    }
    let listens = proxy.port().to_string();
    let (_, printed) = proxy.terminate();
    let told = told
        .replace(&host, "HOST")
        .replace(&format!(":{listens}"), ":PROXY");
    let lines = told.lines().map(|line| {
        let line = line.trim_end();
        if line.starts_with("Server: ") {
            "Server: IT"
        } else if line.ends_with("realm=\"mitmproxy\"") {
            return line.replace("realm=\"mitmproxy\"", "realm=\"ratel\"");
        } else {
            line
        }
        .to_owned()
    });
    let told: Vec<String> = lines.collect();
    assert!(!told.is_empty(), "{printed}");
    told.join("\n")
}

fn ours(case: &Case<'_>, origin: u16) -> Ratel {
    let builder = if case.reverse {
        reverse(&format!("http://127.0.0.1:{origin}"))
    } else {
        dump()
    };
    start(builder, case, origin)
}

/// Starts either program where the files are.
fn start(builder: Builder, case: &Case<'_>, origin: u16) -> Ratel {
    for (name, text) in HOME {
        let path = builder.home().join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }
    let host = format!("127.0.0.1:{origin}");
    let args = case.args.iter().map(|arg| arg.replace("HOST", &host));
    builder.args(args).start()
}

fn theirs(program: &Path, case: &Case<'_>, origin: u16) -> Ratel {
    let mut builder = Builder::new(program)
        .args(["--listen-host", "127.0.0.1", "--listen-port", "0"])
        .env("PYTHONUNBUFFERED", "1");
    if case.reverse {
        builder = builder.args([
            "--mode".to_owned(),
            format!("reverse:http://127.0.0.1:{origin}"),
        ]);
    }
    start(builder, case, origin)
}

/// Runs a case with both, and says what differs.
fn compare(program: &Path, case: &Case<'_>) -> Option<String> {
    let ours = played(case, |origin| ours(case, origin));
    let theirs = played(case, |origin| theirs(program, case, origin));
    (ours != theirs).then(|| {
        format!(
            "{} {:?}\n=== ours\n{ours}\n=== mitmdump's\n{theirs}",
            case.name, case.args
        )
    })
}

pub(crate) fn check(cases: &[Case<'_>]) {
    let Some(program) = peer::mitmdump() else {
        return;
    };
    let differ: Vec<_> = cases
        .iter()
        .filter_map(|case| compare(&program, case))
        .collect();
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        cases.len(),
        differ.join("\n\n")
    );
}

pub(crate) const GET: &str =
    "GET http://HOST/path HTTP/1.1\r\nHost: HOST\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n";
pub(crate) const POST: &str = "POST http://HOST/form?q=1 HTTP/1.1\r\nHost: HOST\r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello hello";

pub(crate) fn forward<'c>(name: &'c str, args: &'c [&'c str], asks: &'c [&'c str]) -> Case<'c> {
    Case {
        name,
        args,
        asks,
        reverse: false,
    }
}

#[test]
fn headers_and_bodies_change_alike() {
    check(&[
        forward("set", &["-H", "/X-A/new"], &[GET]),
        forward("remove", &["-H", "/x-a/"], &[GET]),
        forward(
            "several",
            &["-H", "/X-A/one", "-H", "/X-A/two", "-H", "/X-Origin/three"],
            &[GET],
        ),
        forward(
            "filters",
            &[
                "--modify-headers",
                "/~q & ~m POST/X-Q/request",
                "--modify-headers",
                "/~s/X-S/response",
                "--modify-headers",
                "|~u path|User-Agent|a/b|c",
            ],
            &[GET, POST],
        ),
        forward(
            "bodies",
            &["-B", "/~q & ~m POST/hello/bye", "-B", "/~s/wor(d)s/<a & b>"],
            &[GET, POST],
        ),
        forward(
            "the body of the request decides about the response",
            &[
                "-B",
                "/~s & !~bq hello/o/0",
                "-B",
                "/~s & ~bq hello/d/D",
                "-H",
                "/~s & ~bq hello/X-S/with",
                "-H",
                "/~s & !~bq hello/X-S/without",
            ],
            &[GET, POST],
        ),
        forward(
            "one after the other",
            &[
                "-B",
                "/hello/a b",
                "-B",
                "/a.b/c\\x41\\n",
                "-B",
                "/some.*more/-",
            ],
            &[POST],
        ),
    ]);
}

#[test]
fn requests_go_elsewhere_alike() {
    check(&[
        forward("path", &["-M", "|/path|/other/path?x=y"], &[GET, POST]),
        forward(
            "groups",
            &["-M", "|/(?P<word>f\\w+)|/\\g<word>/\\1"],
            &[POST],
        ),
        forward(
            "filter",
            &[
                "--map-remote",
                "|~m POST|/form|/posted",
                "-M",
                "|q=(.)|q=<\\1>",
            ],
            &[GET, POST],
        ),
        forward(
            "and then",
            &[
                "-M",
                "/path/other",
                "-B",
                "/~u other & ~s/body/BODY",
                "-H",
                "/~u other/X-O/1",
            ],
            &[GET],
        ),
    ]);
}

#[test]
fn files_answer_alike() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in [
        "index.html",
        "a.css",
        "sub/index.html",
        "sub/b_c.json",
        "plain",
    ] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        std::fs::write(&path, format!("content of {file}")).expect("it can be written");
    }
    let root = folder.path().display();
    let asks: Vec<String> = [
        "/x/",
        "/x/a.css?v=1",
        "/x/sub",
        "/x/sub/",
        "/x/sub/b%20c.json",
        "/x/plain",
        "/x/none",
        "/x/../a.css",
        "/x/%2e%2e/%2e%2e/etc/passwd",
        "/x/..%2fa.css",
        "/x//a.css",
        "/y/a.css",
        "/x/sub/../a.css",
        "/x/a.css/",
        "/x/%00",
        "/x/%5c..%5ca.css",
    ]
    .iter()
    .map(|path| {
        format!("GET http://HOST{path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
    })
    .collect();
    let asks: Vec<&str> = asks.iter().map(String::as_str).collect();
    let below = format!("|/x/|{root}");
    let grouped = format!("|/x/(.*)|{root}");
    let one = format!("|~m GET|/x/|{root}/plain");
    let two = [format!("|/x/sub|{root}/sub"), format!("|/x|{root}")];
    check(&[
        forward("folder", &["--map-local", &below], &asks),
        forward("group", &["--map-local", &grouped], &asks),
        forward("file", &["--map-local", &one], &asks),
        forward(
            "two",
            &["--map-local", &two[0], "--map-local", &two[1]],
            &asks,
        ),
    ]);
}

#[test]
fn what_is_blocked_is_blocked_alike() {
    check(&[
        forward(
            "status",
            &["--set", "block_list=/~u path/404"],
            &[GET, POST],
        ),
        forward(
            "closed",
            &["--set", "block_list=:~m POST:444"],
            &[GET, POST],
        ),
        forward(
            "the last one",
            &[
                "--set",
                "block_list=/~u path/404",
                "--set",
                "block_list=/~m GET/418",
            ],
            &[GET],
        ),
        forward("no body", &["--set", "block_list=/~all/204"], &[GET]),
    ]);
}

const CACHED: &str = "GET http://HOST/a HTTP/1.1\r\nHost: HOST\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n\r\n";
const KNOWN: &str = "GET http://HOST/a HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic abc\r\nConnection: close\r\n\r\n";
const COOKIE: &str = "GET http://HOST/cookie HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";
const DEEP: &str =
    "GET http://HOST/deep HTTP/1.1\r\nHost: HOST\r\nCookie: own=1\r\nConnection: close\r\n\r\n";
const ALT: &str = "GET /alt HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";

#[test]
fn requests_are_made_alike() {
    check(&[
        forward("anticache", &["--anticache"], &[CACHED]),
        forward("anticomp", &["--anticomp"], &[CACHED, GET]),
        forward(
            "stickyauth",
            &["--stickyauth", "~u path"],
            &[KNOWN, GET, POST],
        ),
        forward(
            "stickycookie",
            &["--stickycookie", "."],
            &[COOKIE, GET, DEEP, POST],
        ),
        Case {
            name: "upstream_auth",
            args: &["--upstream-auth", "user:pass"],
            asks: &[ALT],
            reverse: true,
        },
        Case {
            name: "keep_alt_svc_header",
            args: &["--set", "keep_alt_svc_header=true"],
            asks: &[ALT],
            reverse: true,
        },
    ]);
}

#[test]
fn clients_are_asked_who_they_are_alike() {
    let with = |name: &str, credentials: &str| {
        format!(
            "GET http://HOST/a HTTP/1.1\r\nHost: HOST\r\n{name}: Basic {credentials}\r\nConnection: close\r\n\r\n"
        )
    };
    // user:pass and user:nope
    let asks = [
        with("Proxy-Authorization", "dXNlcjpwYXNz"),
        with("Proxy-Authorization", "dXNlcjpub3Bl"),
        with("Authorization", "dXNlcjpwYXNz"),
    ];
    let mut asks: Vec<&str> = asks.iter().map(String::as_str).collect();
    asks.push(GET);
    let connect = "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";
    asks.push(connect);
    let local: Vec<String> = asks
        .iter()
        .map(|ask| ask.replace("http://HOST", ""))
        .collect();
    let local: Vec<&str> = local.iter().take(4).map(String::as_str).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("users");
    // SHA-1 of "pass".
    std::fs::write(&file, "user:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=\n").expect("it can be written");
    let users = format!("@{}", file.display());
    check(&[
        forward("one", &["--proxyauth", "user:pass"], &asks),
        forward("any", &["--proxyauth", "any"], &asks),
        forward("file", &["--proxyauth", &users], &asks),
        Case {
            name: "reverse",
            args: &["--proxyauth", "user:pass"],
            asks: &local,
            reverse: true,
        },
    ]);
}

/// An origin that answers with the head of the request.
fn mirror() -> Origin {
    Origin::plain(|wire| origin::serve(wire, |head, _| origin::ok(head)))
}

#[test]
fn a_file_of_rules_takes_effect_and_is_followed() {
    let site = mirror();
    let builder = dump();
    let folder = builder.home().join(".ratel");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("rules.yaml");
    let write = |text: &str| {
        // As editors do: never half a file.
        let new = folder.join("rules.new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(&new, &path).expect("moved");
    };
    write(
        "- name: mark it\n  filter: ~q & ~u /a\n  modify_headers: {name: X-Rule, value: one}\n\
         - filter: ~u /b\n  block_list: 418\n",
    );
    let proxy = builder.args(["-H", "/X-Option/yes"]).start();
    let ask = |path: &str| {
        let url = format!("http://127.0.0.1:{}{path}", site.port());
        get_through(proxy.port(), &url)
    };
    let text = ask("/a").text();
    assert_says(&text, &["X-Rule: one", "X-Option: yes"]);
    assert_eq!(ask("/b").status, 418);
    write("- filter: ~u /a\n  modify_headers: {name: X-Rule, value: two}\n");
    proxy.wait_output("has changed: 1 rule on, 0 off");
    assert_says(&ask("/a").text(), &["X-Rule: two", "X-Option: yes"]);
    assert_eq!(ask("/b").status, 200, "its rule is gone");
    write("- filter: ~u /a\n  fault: sideways\n");
    proxy.wait_output("rules.yaml:2:10: ");
    proxy.wait_output("stay as they were");
    assert_says(&ask("/a").text(), &["X-Rule: two"]);
    write("- on: false\n  filter: ~u /a\n  modify_headers: {name: X-Rule, value: three}\n");
    proxy.wait_output("has changed: 0 rules on, 1 off");
    let text = ask("/a").text();
    assert!(!text.contains("X-Rule"), "{text}");
    let (status, log) = proxy.terminate();
    assert!(status.success());
    assert_eq!(log.matches("rules.yaml:2:10: ").count(), 1, "once:\n{log}");
}

#[test]
fn a_wrong_file_of_rules_is_refused_at_start_and_by_the_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.yaml");
    let shown = path.display().to_string();
    let option = format!("rules={shown}");
    let check = || program().args(["rules", "check", &shown]).run();
    std::fs::write(&path, "- fault: 503\n- on: false\n  throttle: 3g\n").expect("written");
    let said = stdout(&check());
    assert_eq!(said, format!("{shown}: 1 rule, 1 more is switched off\n"));
    let set = program().args(["rules", "check", "--set", &option]).run();
    assert_eq!(stdout(&set), said, "the file of the option");
    std::fs::write(
        &path,
        "- map_remote: {find: 'a(', replace: b}\n- filter: ~d a\n  block_list: 12\n",
    )
    .expect("written");
    let wrong = check();
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with(&format!("{shown}:1:24: ")), "{said}");
    assert!(lines[1].starts_with(&format!("{shown}:3:15: ")), "{said}");
    let started = dump().args(["--set", &option]).run();
    assert_eq!(started.status.code(), Some(1));
    assert_says(
        &String::from_utf8_lossy(&started.stderr),
        &[lines[0], lines[1], "ratel rules check"],
    );
    std::fs::remove_file(&path).expect("gone");
    let missing = dump().args(["--set", &option]).run();
    assert_eq!(missing.status.code(), Some(1));
    assert_says(
        &String::from_utf8_lossy(&missing.stderr),
        &[&shown, "cannot be read"],
    );
}

/// Who a client says it is appears neither in what is printed nor in what is written, however its request ends.
#[test]
fn credentials_are_on_no_record() {
    let site = mirror();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [flows, archive] = ["flows", "flows.har"].map(|name| folder.path().join(name));
    let proxy = dump()
        .args(["--proxyauth", "user:pass", "--set", "proxy_debug"])
        .args(["--set", "termlog_verbosity=debug", "--set", "flow_detail=4"])
        .args(["-w", &flows.display().to_string()])
        .args(["--set", &format!("hardump={}", archive.display())])
        .start();
    let host = format!("127.0.0.1:{}", site.port());
    // user:pass and user:nope
    let secrets = ["dXNlcjpwYXNz", "dXNlcjpub3Bl"];
    for secret in secrets {
        let field = format!("Proxy-Authorization: Basic {secret}\r\n");
        for head in [
            format!(
                "GET http://{host}/a HTTP/1.1\r\nHost: {host}\r\n{field}Connection: close\r\n\r\n"
            ),
            format!("GET http://{host}/a HTTP/1.1\r\nHost: {host}\r\n{field}Bad Name: x\r\n\r\n"),
            format!(
                "GET http://{host}/a HTTP/1.1\r\nHost: {host}\r\n{field}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
            ),
            format!("CONNECT no host HTTP/1.1\r\n{field}\r\n"),
            format!("GET /nowhere HTTP/1.1\r\n{field}\r\n"),
            format!("GET http://{host}/a HTTP/9.9 x\r\n{field}\r\n"),
            format!("GET http://{host}/a HTTP/1.1\r\n{field}no field\r\n\r\n"),
            format!("CONNECT {host} HTTP/1.1\r\n{field}Connection: close\r\n\r\n"),
        ] {
            let mut wire = Wire::connect(proxy.port());
            wire.send(&head).expect("a connection");
            wire.shut();
            let _ = wire.rest();
        }
    }
    let (status, printed) = proxy.terminate();
    assert!(status.success(), "{printed}");
    assert!(printed.contains("/nowhere"), "{printed}");
    let read = |path: &Path| {
        String::from_utf8_lossy(&std::fs::read(path).expect("it was written")).into_owned()
    };
    for (name, text) in [
        ("printed", printed.clone()),
        ("flows", read(&flows)),
        ("archive", read(&archive)),
    ] {
        for secret in secrets.iter().chain(&["user:pass", "user:nope"]) {
            let at = text.find(secret);
            let around = at.map(|at| text.get(at.saturating_sub(300)..at + 20));
            assert!(at.is_none(), "{secret} is {name}:\n{around:?}");
        }
    }
}
