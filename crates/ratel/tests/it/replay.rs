//! Requests that are sent again, and responses that are played back, beside mitmdump where it is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ratel_testkit::wire::get_through;
use ratel_testkit::{Builder, Origin, Wire, origin, peer};

use crate::common::{assert_says, dump, program, stdout};

/// An origin that says which request it was sent.
fn site() -> Origin {
    Origin::plain(|wire| {
        origin::serve(wire, |head, body| {
            // As long for a whole URL.
            let path = head.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            origin::ok(format!("/{name} {}", String::from_utf8_lossy(body)))
        });
    })
}

/// A flow file with one exchange for each path of that origin.
fn recording(folder: &Path, site: &Origin, paths: &[&str]) -> PathBuf {
    let file = folder.join("recorded");
    let ratel = dump().args(["-w", &file.display().to_string()]).start();
    for path in paths {
        let url = format!("http://127.0.0.1:{}{path}", site.port());
        assert_eq!(get_through(ratel.port(), &url).status, 200);
    }
    let (status, text) = ratel.terminate();
    assert!(status.success(), "ended with {status}:\n{text}");
    file
}

/// What mitmdump prints with these arguments; none where it is not there.
fn mitmdump(args: &[&str]) -> Option<Output> {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(peer::mitmdump()?);
    command.env("HOME", home.path()).args(args);
    Some(peer::output(&mut command))
}

/// Heads of requests that an origin was sent, without the ports of clients.
fn heads(origin: &Origin, connections: std::ops::Range<usize>) -> Vec<String> {
    connections
        .map(|index| String::from_utf8_lossy(&origin.received(index)).into_owned())
        .collect()
}

/// Lines of flows and their responses, with the port of the origin taken out.
fn rows(text: &str, site: &Origin) -> Vec<String> {
    let port = format!(":{}", site.port());
    text.lines()
        .filter(|line| line.contains("]: ") || line.contains(" << "))
        .map(|line| line.replace(&port, ":PORT"))
        .collect()
}

#[test]
fn a_file_is_sent_again_and_the_program_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), &site, &["/one", "/two?x=1", "/three"]);
    let before = site.connections();
    let args = ["-n", "-C", &file.display().to_string()];
    let output = program().arg("dump").args(args).run();
    let text = stdout(&output);
    assert_says(
        &text,
        &["[replay]: GET http://127.0.0.1", "/two?x=1", "<< 200 OK"],
    );
    let ours = heads(&site, before..site.connections());
    assert_eq!(ours.len(), 3, "each has a connection of its own:\n{text}");
    assert!(
        ours[1].starts_with("GET /two?x=1 HTTP/1.1\r\n"),
        "{}",
        ours[1]
    );
    let before = site.connections();
    let Some(theirs) = mitmdump(&args) else {
        return;
    };
    // It sends a server what proxies are sent: whole URLs.
    let url = format!("http://127.0.0.1:{}/", site.port());
    let theirs_sent = heads(&site, before..site.connections());
    let theirs_sent: Vec<_> = theirs_sent
        .iter()
        .map(|head| head.replacen(&url, "/", 1))
        .collect();
    assert_eq!(ours, theirs_sent, "the origin sees the same");
    assert_eq!(rows(&text, &site), rows(&stdout(&theirs), &site));
}

/// What stands before the damage is sent, and the exit code says that it is not all.
#[test]
fn a_damaged_file_is_sent_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), &site, &["/one", "/two"]);
    let mut bytes = std::fs::read(&file).expect("it is there");
    bytes.truncate(bytes.len() - 10);
    std::fs::write(&file, bytes).expect("the folder can be written");
    let before = site.connections();
    let shown = file.display().to_string();
    let output = program().args(["dump", "-n", "-C", &shown]).run();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_says(&text, &["/one", "<< 200 OK", "[replay]", &shown]);
    assert!(!text.contains("/two"), "{text}");
    assert_eq!(site.connections() - before, 1);
}

#[test]
fn a_file_that_cannot_be_read_is_refused_at_start() {
    let output = program().args(["dump", "-n", "-C", "nowhere"]).run();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_says(&text, &["client_replay", "nowhere"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("junk");
    for junk in [&b"junk"[..], b"10:junk", b"9999999999:{}"] {
        std::fs::write(&file, junk).expect("the folder can be written");
        let shown = file.display().to_string();
        let output = program().args(["dump", "-n", "-C", &shown]).run();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr);
        assert_says(&text, &["client_replay", &shown]);
        if let Some(theirs) = mitmdump(&["-n", "-C", &shown]) {
            assert_eq!(theirs.status.code(), Some(1));
        }
    }
    let output = program()
        .args(["dump", "-n", "--set", "client_replay_concurrency=3"])
        .run();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_says(&text, &["client_replay_concurrency", "neither 1 nor -1"]);
}

#[test]
fn with_keepserving_it_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), &site, &["/one"]);
    let ratel = dump()
        .args(["-C", &file.display().to_string(), "--set", "keepserving"])
        .start();
    ratel.wait_output("<< 200 OK");
    let url = format!("http://127.0.0.1:{}/later", site.port());
    assert_eq!(get_through(ratel.port(), &url).status, 200);
    ratel.terminate();
}

#[test]
fn what_is_sent_again_is_written_with_its_mark() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), &site, &["/one"]);
    let again = folder.path().join("again").display().to_string();
    let output = program()
        .args([
            "dump",
            "-n",
            "-C",
            &file.display().to_string(),
            "-w",
            &again,
        ])
        .run();
    stdout(&output);
    let text = stdout(
        &program()
            .args(["dump", "-n", "-r", &again, "~replayq"])
            .run(),
    );
    assert_says(&text, &["[replay]: GET", "<< 200 OK"]);
    if let Some(theirs) = mitmdump(&["-n", "-r", &again, "~replayq"]) {
        assert_eq!(rows(&text, &site), rows(&stdout(&theirs), &site));
    }
}

/// What a client and an origin see of these requests through a proxy that plays a file, beside its exit and what it
/// printed.
fn played(proxy: u16, urls: &[String]) -> Vec<String> {
    let seen = urls.iter().map(|url| {
        let mut wire = Wire::connect(proxy);
        let host = url.split('/').nth(2).unwrap_or_default();
        let request = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        if wire.send(request).is_err() {
            return "closed".to_owned();
        }
        match wire.reply() {
            Ok(reply) => format!("{} {}", reply.status, reply.text()),
            Err(_) => "closed".to_owned(),
        }
    });
    seen.collect()
}

/// Both programs play a recording of `/one` and `/two?x=1` with these options.
fn side_by_side(options: &[&str], asked: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), &site, &["/one", "/two?x=1"]);
    let urls: Vec<String> = asked
        .iter()
        .map(|path| format!("http://127.0.0.1:{}{path}", site.port()))
        .collect();
    let args = [
        "-S",
        &file.display().to_string(),
        "--set",
        "keepserving=true",
    ];
    let before = site.connections();
    let ratel = dump().args(args).args(options).start();
    let ours = (played(ratel.port(), &urls), site.connections() - before);
    ratel.terminate();
    let Some(mitmdump) = peer::mitmdump() else {
        return;
    };
    let before = site.connections();
    let theirs = Builder::new(mitmdump)
        .env("PYTHONUNBUFFERED", "1")
        .args(["--listen-host", "127.0.0.1", "--listen-port", "0"])
        .args(args)
        .args(options)
        .start();
    let seen = played(theirs.port(), &urls);
    assert_eq!(ours, (seen, site.connections() - before), "{options:?}");
}

#[test]
fn responses_are_played_once() {
    side_by_side(&[], &["/one", "/two?x=1", "/one"]);
}

#[test]
fn responses_are_played_again_and_others_refused() {
    let reuse = ["--server-replay-reuse", "--server-replay-extra", "404"];
    side_by_side(&reuse, &["/one", "/one", "/three", "/two?x=2"]);
}

#[test]
fn requests_without_a_recording_are_killed() {
    side_by_side(&["--set", "server_replay_extra=kill"], &["/three", "/one"]);
    side_by_side(&["--server-replay-kill-extra"], &["/three", "/one"]);
}

#[test]
fn parts_of_requests_are_left_aside() {
    let options = [
        "--set",
        "server_replay_ignore_params=x",
        "--server-replay-extra",
        "404",
    ];
    side_by_side(&options, &["/two?x=3&x=4", "/two?y", "/one?x=1"]);
}

#[test]
fn nobody_is_connected_to_and_a_miss_says_what_differs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = {
        let site = site();
        recording(folder.path(), &site, &["/one", "/two?x=1&y=2"])
        // The origin is gone from here on.
    };
    let text = stdout(
        &program()
            .args(["dump", "-nr", &file.display().to_string()])
            .run(),
    );
    let url = |path: &str| {
        let at = text.find("http://").expect("a row");
        let origin = text[at..].split("/one").next().unwrap_or_default();
        format!("{origin}{path}")
    };
    let ratel = dump()
        .args(["-S", &file.display().to_string()])
        .args([
            "--set",
            "server_replay_extra=404",
            "--set",
            "server_replay_reuse",
        ])
        .args(["--set", "keepserving"])
        .start();
    let reply = get_through(ratel.port(), &url("/one"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "/one "));
    let reply = get_through(ratel.port(), &url("/two?x=1&y=3"));
    assert_eq!(reply.status, 404);
    let why = reply
        .header("Ratel-Replay-Miss")
        .unwrap_or_default()
        .to_owned();
    assert_says(
        &why,
        &["the closest recording, GET /two, differs in query (y)"],
    );
    let text = ratel.wait_output("returned 404 non-replay request");
    assert_says(&text, &["<< 200 OK", "[replay]", "differs in query (y)"]);
}

#[test]
fn a_program_that_has_played_everything_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site();
    let file = recording(folder.path(), &site, &["/one"]);
    let mut ratel = dump().args(["-S", &file.display().to_string()]).start();
    let url = format!("http://127.0.0.1:{}/one", site.port());
    assert_eq!(get_through(ratel.port(), &url).status, 200);
    ratel_testkit::wait::until("the program to end", || (!ratel.is_alive()).then_some(()));
    let output = program().args(["dump", "-n", "-S", "nowhere"]).run();
    assert_says(
        &String::from_utf8_lossy(&output.stderr),
        &["server_replay", "nowhere"],
    );
}

#[test]
fn hosts_behind_tls_need_not_exist() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("archive.har");
    let archive = r#"{"log":{"entries":[{"request":{"method":"GET","url":"https://nowhere.invalid/a"},
        "response":{"status":200,"headers":[{"name":"Content-Type","value":"text/plain"}],
        "content":{"text":"played"}}}]}}"#;
    std::fs::write(&file, archive).expect("the folder can be written");
    let ratel = dump()
        .args(["-S", &file.display().to_string()])
        .args(["--set", "server_replay_reuse", "--set", "keepserving"])
        .start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("CONNECT nowhere.invalid:443 HTTP/1.1\r\nHost: nowhere.invalid:443\r\n\r\n")
        .expect("a connection");
    wire.until(b"\r\n\r\n").expect("a tunnel");
    let ca = ratel.config_file("ratel-ca-cert.pem");
    let mut wire = wire.start_tls("nowhere.invalid", Some(&ca));
    wire.send("GET /a HTTP/1.1\r\nHost: nowhere.invalid\r\nConnection: close\r\n\r\n")
        .expect("a connection");
    let text = String::from_utf8(wire.rest().expect("an answer")).expect("text");
    assert!(
        text.starts_with("HTTP/1.1 200") && text.ends_with("played"),
        "{text}"
    );
}
