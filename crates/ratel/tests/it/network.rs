//! A bad network on demand, as clients see it.

use ratel_testkit::wire::{get, get_through};
use ratel_testkit::{Ca, Origin, Wire, origin};

use crate::common::{assert_says, dump, program, reverse, trusting};

fn site() -> Origin {
    Origin::answering(origin::ok("hello"))
}

#[test]
fn requests_are_answered_with_a_status_and_say_which_rule_did_it() {
    let site = site();
    let ratel = reverse(&format!("http://127.0.0.1:{}", site.port()))
        .args(["--fault", "~u /pay : 503"])
        .start();
    assert_eq!(get(ratel.port(), "/pay").status, 503);
    assert_eq!(site.connections(), 0, "the server is not asked");
    assert_eq!(get(ratel.port(), "/other").status, 200);
    let text = ratel.wait_output("<< 200 OK");
    assert_says(&text, &["<< 503", "fault: ~u /pay : 503"]);
    assert_eq!(text.matches("fault:").count(), 1, "{text}");
}

#[test]
fn the_same_seed_has_the_same_requests_fail() {
    let pattern = || {
        let site = site();
        let ratel = reverse(&format!("http://127.0.0.1:{}", site.port()))
            .args(["--fault", "500 @ 40%", "--set", "fault_seed=7"])
            .start();
        (0..24)
            .map(|_| get(ratel.port(), "/").status)
            .collect::<Vec<_>>()
    };
    let statuses = pattern();
    assert_eq!(statuses, pattern());
    assert!(
        statuses.contains(&200) && statuses.contains(&500),
        "{statuses:?}"
    );
}

#[test]
fn connections_break_off() {
    let site = site();
    let ratel = reverse(&format!("http://127.0.0.1:{}", site.port()))
        .args([
            "--fault",
            "~u /reset : reset",
            "--fault",
            "~u /cut : truncate 3",
        ])
        .args(["--throttle", "~u /cut : latency=10ms jitter=1ms"])
        .start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /reset HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("a connection");
    let end = wire.rest();
    assert!(end.as_ref().map_or(true, Vec::is_empty), "{end:?}");
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("a connection");
    let text = wire.rest().expect("it is closed in order");
    assert!(text.ends_with(b"\r\n\r\nhel"), "{}", text.escape_ascii());
    let text = ratel.wait_output("the response was cut after 3 bytes");
    assert_says(&text, &["the connection was reset"]);
}

#[test]
fn handshakes_fail() {
    let ca = Ca::new();
    let site = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("hello"));
    });
    let ratel = trusting(dump(), &ca.file())
        .args(["--fault", "~d localhost : tls"])
        .start();
    let mut wire = Wire::connect(ratel.port());
    let connect = format!(
        "CONNECT localhost:{0} HTTP/1.1\r\nHost: localhost:{0}\r\n\r\n",
        site.port()
    );
    wire.send(connect).expect("a connection");
    wire.until(b"\r\n\r\n").expect("a tunnel");
    let error = wire.try_tls("localhost", None).err().expect("no handshake");
    assert_says(&error, &["handshake failure"]);
    ratel.wait_output("refused by the rule `~d localhost : tls`");
}

#[test]
fn rules_that_cannot_be_read_are_refused_with_the_place() {
    let rows = [
        (["--fault", "~u /pay : 503 @ 200%"], "(at character 17)"),
        (["--throttle", "~d a : 5g"], "(at character 8)"),
        (["--throttle", "3g 4g"], "(at character 4); write two rules"),
        (
            ["--fault", "~c 200 : 503"],
            "(at character 10); `delay`, `timeout`, `reset`, `truncate`",
        ),
    ];
    for (args, place) in rows {
        let output = program().args(["dump", "-n"]).args(args).run();
        assert!(!output.status.success());
        assert_says(&String::from_utf8_lossy(&output.stderr), &[args[1], place]);
    }
}

#[test]
fn what_others_answer_comes_over_the_bad_network_too() {
    let ratel = dump().args(["--fault", "~d mitm.it : 502"]).start();
    assert_eq!(get_through(ratel.port(), "http://mitm.it/").status, 502);
}

/// The name of the service is one of those that a handshake is known by, whatever the client calls it.
#[test]
fn handshakes_with_a_reverse_proxy_fail_by_the_name_of_its_service() {
    let ratel = reverse("https://localhost:1")
        .args(["--fault", "~d localhost : tls"])
        .start();
    let wire = Wire::connect(ratel.port());
    let error = wire
        .try_tls("other.test", None)
        .err()
        .expect("no handshake");
    assert_says(&error, &["handshake failure"]);
    ratel.wait_output("    fault: ~d localhost : tls");
}

#[test]
fn streams_say_which_rule_hit_them() {
    let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: a\n\n";
    let site = Origin::answering(events.as_bytes().to_vec());
    let ratel = reverse(&format!("http://127.0.0.1:{}", site.port()))
        .args(["--fault", "~u /events : delay 1ms"])
        .start();
    assert_eq!(get(ratel.port(), "/events").status, 200);
    ratel.wait_output("    fault: ~u /events : delay 1ms");
}

/// A client that closes both its sides looks like one that has closed one of them, until it is sent something.
#[test]
fn a_client_that_has_gone_before_its_response_is_on_record() {
    let site = Origin::plain(|mut wire| {
        wire.until(b"\r\n\r\n").expect("a request");
        // The client's end is passed on.
        let _ = wire.rest();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            .expect("the proxy reads");
    });
    let ratel = reverse(&format!("http://127.0.0.1:{}", site.port())).start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("a connection");
    drop(wire);
    ratel.wait_output("while it was sent the response");
    // One that has closed its side for sending reads what it asked for, and nothing is wrong with that.
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /stays HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("a connection");
    wire.shut();
    assert!(wire.rest().expect("a response").ends_with(b"hello"));
    let log = ratel.terminate().1;
    assert_eq!(log.matches("while it was sent").count(), 1, "{log}");
}
