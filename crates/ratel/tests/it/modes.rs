//! How clients reach the proxy and how it learns where to go.

use ratel_testkit::wire::{get, get_through};
use ratel_testkit::{Ca, Origin, Wire, origin};

use crate::common::{assert_says, dump, program, reverse, trusting};

/// What the origin was asked, as text.
fn asked(origin: &Origin, connection: usize) -> String {
    String::from_utf8_lossy(&origin.received(connection)).into_owned()
}

#[test]
fn regular_mode_takes_absolute_form_and_sends_origin_form() {
    let origin = Origin::answering(origin::ok("plain"));
    let ratel = dump().start();
    let reply = get_through(
        ratel.port(),
        &format!("http://127.0.0.1:{}/path?q=1", origin.port()),
    );
    assert_eq!((reply.status, reply.text().as_str()), (200, "plain"));
    assert!(
        asked(&origin, 0).starts_with("GET /path?q=1 HTTP/1.1\r\n"),
        "{}",
        asked(&origin, 0)
    );
    ratel.wait_output(&format!("GET http://127.0.0.1:{}/path?q=1", origin.port()));
}

fn connect(proxy: u16, origin: u16) -> Wire {
    let mut wire = Wire::connect(proxy);
    wire.send(format!(
        "CONNECT localhost:{origin} HTTP/1.1\r\nHost: localhost:{origin}\r\n\r\n"
    ))
    .expect("CONNECT is sent");
    let answer = wire.until(b"\r\n\r\n").expect("an answer to CONNECT");
    assert!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "{}",
        answer.escape_ascii()
    );
    wire
}

#[test]
fn connect_to_tls_is_intercepted() {
    let ca = Ca::new();
    let origin = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("secret"))
    });
    let ratel = trusting(dump(), &ca.file()).start();
    let own_ca = ratel.config_file("ratel-ca-cert.pem");
    let mut wire = connect(ratel.port(), origin.port()).start_tls("localhost", Some(&own_ca));
    assert_eq!(
        wire.peer_chain().first(),
        Some(&("localhost".to_owned(), "ratel".to_owned()))
    );
    for path in ["/one", "/two"] {
        let reply = wire.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(reply.text(), "secret");
        ratel.wait_output(&format!("GET https://localhost:{}{path}", origin.port()));
    }
    assert_eq!(
        origin.connections(),
        1,
        "the upstream connection is kept alive"
    );
}

#[test]
fn connect_to_plain_http_is_seen() {
    let origin = Origin::answering(origin::ok("plain"));
    let ratel = dump().start();
    let mut wire = connect(ratel.port(), origin.port());
    assert_eq!(
        wire.ask("GET /in-tunnel HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .text(),
        "plain"
    );
    ratel.wait_output(&format!("GET http://localhost:{}/in-tunnel", origin.port()));
}

#[test]
fn several_modes_run_at_once() {
    let (one, two) = (
        Origin::answering(origin::ok("one")),
        Origin::answering(origin::ok("two")),
    );
    let ratel = program()
        .args(["dump", "--listen-host", "127.0.0.1"])
        .args([
            "--mode".to_owned(),
            format!("reverse:http://127.0.0.1:{}@0", one.port()),
        ])
        .args([
            "--mode".to_owned(),
            format!("reverse:http://127.0.0.1:{}@127.0.0.1:0", two.port()),
        ])
        .args(["--mode", "regular@127.0.0.1:0"])
        .servers(3)
        .start();
    let [first, second, regular] = ratel.ports() else {
        panic!("three ports: {:?}", ratel.ports())
    };
    assert_eq!(get(*first, "/").text(), "one");
    assert_eq!(get(*second, "/").text(), "two");
    assert_eq!(
        get_through(*regular, &format!("http://127.0.0.1:{}/", two.port())).text(),
        "two"
    );
}

#[test]
fn the_host_header_names_the_target_unless_it_is_kept() {
    let origin = Origin::answering(origin::ok("x"));
    let url = format!("http://127.0.0.1:{}", origin.port());
    let request = "GET / HTTP/1.1\r\nA: 1\r\nhOsT: original.example\r\nConnection: close\r\n\r\n";
    let rows = [
        (None, format!("hOsT: 127.0.0.1:{}", origin.port())),
        (
            Some("keep_host_header"),
            "hOsT: original.example".to_owned(),
        ),
    ];
    for (connection, (option, expected)) in rows.into_iter().enumerate() {
        let mut builder = reverse(&url);
        if let Some(option) = option {
            builder = builder.args(["--set", option]);
        }
        let ratel = builder.start();
        assert_eq!(Wire::connect(ratel.port()).ask(request).status, 200);
        let asked = asked(&origin, connection);
        assert!(
            asked.contains(&format!("A: 1\r\n{expected}\r\n")),
            "{option:?}: {asked}"
        );
    }
}

/// An origin-form request to a forward proxy goes where its Host header says; without one the client is told.
#[test]
fn origin_form_in_regular_mode_goes_by_the_host_header() {
    let origin = Origin::answering(origin::ok("by host"));
    let ratel = dump().start();
    let host = format!("127.0.0.1:{}", origin.port());
    let reply = Wire::connect(ratel.port()).ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(reply.text(), "by host");
    let reply = Wire::connect(ratel.port()).ask("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert_says(&reply.text(), &["host", "destination", "--mode reverse:"]);
}

#[test]
fn a_request_to_itself_is_refused() {
    let ratel = dump().start();
    let reply = get_through(ratel.port(), &format!("http://127.0.0.1:{}/", ratel.port()));
    assert!(matches!(reply.status, 400 | 502), "{}", reply.head);
    assert_says(&reply.text(), &["Ratel itself"]);
}

#[test]
fn connect_to_a_reverse_proxy_is_refused() {
    let origin = Origin::answering(origin::ok("x"));
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let reply = Wire::connect(ratel.port())
        .ask("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    assert_eq!(reply.status, 400);
    assert_says(&reply.text(), &["CONNECT", "regular mode"]);
}
