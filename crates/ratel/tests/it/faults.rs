//! Peers that break, lie or are not there: a page for the client, a row in the list, and nothing else breaks.

use std::net::TcpListener;

use ratel_testkit::wire::{get, get_through};
use ratel_testkit::{Ca, Origin, Step, Wire, origin, wait};

use crate::common::{assert_says, assert_unharmed, dump, reverse};

fn good() -> Origin {
    Origin::answering(origin::ok("good"))
}

/// A port nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn garbage_instead_of_http() {
    let good = good();
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", good.port())).start();
    let port = ratel.port();
    let rows: [(&str, Vec<u8>); 6] = [
        ("a mail client", b"EHLO me.example\r\n".to_vec()),
        ("binary", (0..=255).collect()),
        ("zeros", vec![0; 1000]),
        ("a line without an end", vec![b'A'; 400_000]),
        ("a version that is none", b"GET / HTTX/9\r\n\r\n".to_vec()),
        ("an SSH client", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    ];
    for (what, bytes) in rows {
        let mut wire = Wire::connect(port);
        // A proxy that has seen enough may close before it has taken everything.
        let _ = wire.send(&bytes);
        wire.shut();
        let answer = wire.rest().expect("the connection ends");
        if !answer.is_empty() {
            assert!(
                answer.starts_with(b"HTTP/1.1 4"),
                "{what}: {}",
                answer.escape_ascii()
            );
        }
        assert_unharmed(&mut ratel, port, "/");
    }
    let text = ratel.wait_output("not an HTTP request");
    assert!(
        !text.contains('\u{1b}') && !text.contains('\0'),
        "control characters reach the terminal: {text:?}"
    );
}

#[test]
fn a_truncated_client_hello() {
    let good = good();
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", good.port())).start();
    let port = ratel.port();
    let rows: [&[u8]; 4] = [
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
        b"\x16\x03\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    for bytes in rows {
        let mut wire = Wire::connect(port);
        let _ = wire.send(bytes);
        wire.shut();
        wire.rest().expect("the connection ends");
        assert_unharmed(&mut ratel, port, "/");
    }
    let text = ratel.wait_output("TLS");
    assert_says(&text, &["client"]);
}

#[test]
fn an_origin_that_is_down() {
    let port = closed_port();
    let mut ratel = reverse(&format!("http://127.0.0.1:{port}")).start();
    let reply = get(ratel.port(), "/down");
    assert_eq!(reply.status, 502, "{}", reply.head);
    assert_says(
        &reply.text(),
        &[
            &format!("127.0.0.1:{port}"),
            "server side",
            "refused",
            "is the service running",
        ],
    );
    ratel.wait_output("/down");
    assert_says(&ratel.wait_output(" << "), &["refused"]);
    assert!(ratel.is_alive());

    // The tunnel is refused with the same page, since the client can still be told.
    let ratel = dump().start();
    let reply = Wire::connect(ratel.port()).ask(format!(
        "CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n"
    ));
    assert_eq!(reply.status, 502);
    assert_says(&reply.text(), &[&format!("127.0.0.1:{port}"), "refused"]);
}

#[test]
fn a_host_that_does_not_resolve() {
    let mut ratel = dump().start();
    let reply = get_through(ratel.port(), "http://does-not-exist.invalid/");
    assert!(matches!(reply.status, 502 | 504), "{}", reply.head);
    assert_says(&reply.text(), &["does-not-exist.invalid", "resolve"]);
    ratel.wait_output("GET http://does-not-exist.invalid/");
    assert_says(&ratel.wait_output(" << "), &["resolve"]);
    assert!(ratel.is_alive());
}

#[test]
fn an_origin_that_closes_too_early() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n5\r\nab";
    for (what, response) in [("a length", head), ("chunks", chunked)] {
        let origin = Origin::scripted(vec![
            Step::Until(b"\r\n\r\n".to_vec()),
            Step::Send(response.as_bytes().to_vec()),
        ]);
        let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
        let mut wire = Wire::connect(ratel.port());
        wire.send("GET /cut HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("a request is sent");
        let all = wire.rest().expect("the connection ends");
        let text = String::from_utf8_lossy(&all).into_owned();
        assert!(
            text.contains("only this"),
            "{what}: what came is passed on: {text}"
        );
        assert!(
            !text.ends_with("0\r\n\r\n") && !text.contains("502"),
            "{what}: a cut response must not look complete: {text}"
        );
        ratel.wait_output("/cut");
        assert_says(&ratel.wait_output(" << "), &["server"]);
        assert!(ratel.is_alive());
    }
}

#[test]
fn an_origin_that_says_nothing_or_nonsense() {
    let rows: [(&str, Vec<Step>, &[&str]); 3] = [
        (
            "nothing",
            vec![Step::Until(b"\r\n\r\n".to_vec())],
            &["closed", "without a response", "https://"],
        ),
        (
            "no HTTP",
            vec![
                Step::Until(b"\r\n\r\n".to_vec()),
                Step::Send(b"220 mail.example ESMTP\r\n\r\n".to_vec()),
            ],
            &["not HTTP"],
        ),
        (
            "half a head",
            vec![
                Step::Until(b"\r\n\r\n".to_vec()),
                Step::Send(b"HTTP/1.1 200 OK\r\nX: 1".to_vec()),
            ],
            &["server"],
        ),
    ];
    for (what, script, words) in rows {
        let origin = Origin::scripted(script);
        let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
        let reply = get(ratel.port(), "/odd");
        assert_eq!(reply.status, 502, "{what}: {}", reply.head);
        assert_says(&reply.text(), words);
        ratel.wait_output("/odd");
        ratel.wait_output(" << ");
        assert!(ratel.is_alive());
    }
}

#[test]
fn an_origin_that_resets() {
    let origin = Origin::plain(|mut wire| {
        let _ = wire.until(b"\r\n\r\n");
        wire.reset();
    });
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let reply = get(ratel.port(), "/reset");
    assert_eq!(reply.status, 502, "{}", reply.head);
    assert_says(&reply.text(), &["server"]);
}

#[test]
fn a_client_that_goes_away() {
    let origin = Origin::plain(|mut wire| {
        let Ok(head) = wire.until(b"\r\n\r\n") else {
            return;
        };
        if head.starts_with(b"GET /wait") {
            // Ends when the proxy gives up the upstream connection.
            let _ = wire.rest();
        } else {
            let _ = wire.send(origin::ok("good"));
        }
    });
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let port = ratel.port();
    let mut wire = Wire::connect(port);
    wire.send("GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("a request is sent");
    wait::until("the origin to be asked", || {
        (origin.connections() > 0 && !origin.received(0).is_empty()).then_some(())
    });
    wire.reset();
    ratel.wait_output("/wait");
    assert_says(&ratel.wait_output(" << "), &["client"]);
    assert_unharmed(&mut ratel, port, "/");

    // In the middle of its own request.
    let mut wire = Wire::connect(port);
    wire.send("POST /half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
        .expect("half a request is sent");
    drop(wire);
    ratel.wait_output("/half");
    assert_unharmed(&mut ratel, port, "/");
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = crate::common::program()
        .args(["dump", "--listen-host", "127.0.0.1", "--listen-port", &port])
        .run();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_says(&text, &[&format!("127.0.0.1:{port}"), "in use", "port"]);
}

#[test]
fn a_configuration_folder_that_cannot_be_written() {
    // A file where the folder should be: refused to root as well.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").expect("a file can be written");
    let confdir = file.join("confdir");
    let output = dump()
        .args(["--set".to_owned(), format!("confdir={}", confdir.display())])
        .run();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_says(&text, &[&file.display().to_string(), "confdir"]);
}

#[test]
fn a_broken_ca_file_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("ratel-ca.pem"), "not a certificate")
        .expect("a file can be written");
    let output = dump()
        .args([
            "--set".to_owned(),
            format!("confdir={}", folder.path().display()),
        ])
        .run();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_says(&text, &["ratel-ca.pem"]);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("ratel-ca.pem"))
            .ok()
            .as_deref(),
        Some("not a certificate")
    );
}

/// What peers write reaches the terminal only escaped.
#[test]
fn peers_cannot_write_to_the_terminal() {
    let origin = Origin::answering(
        "HTTP/1.1 200 \x1b[31mred\x07\r\nX-Evil: \x1b]0;title\x07\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n\x1b[2Jclear",
    );
    let ratel = dump().args(["--set", "flow_detail=4"]).start();
    let mut wire = Wire::connect(ratel.port());
    let host = format!("127.0.0.1:{}", origin.port());
    let _ = wire.ask(format!(
        "GET http://{host}/\x1b[31m HTTP/1.1\r\nHost: {host}\r\nX: \x1b[5m\r\n\r\n"
    ));
    let text = ratel.wait_output("clear");
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{7}'),
        "{text:?}"
    );
}

/// The CA's own port speaks TLS; a plain request to a TLS origin is not a broken page but a sentence.
#[test]
fn plain_http_to_a_tls_origin_is_explained() {
    let ca = Ca::new();
    let origin = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("x"))
    });
    let ratel = reverse(&format!("http://localhost:{}", origin.port())).start();
    let reply = get(ratel.port(), "/");
    assert_eq!(reply.status, 502);
    assert_says(&reply.text(), &["server"]);
}
