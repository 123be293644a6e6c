//! SIGTERM and SIGINT: what is open is finished within a limit, what was recorded is complete.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use ratel_testkit::{Origin, Wire, origin, process, wait};

use crate::common::reverse;

fn wait_until_refused(port: u16) {
    wait::until("the port to be closed", || {
        TcpStream::connect(("127.0.0.1", port))
            .is_err()
            .then_some(())
    });
}

/// A download that is half through when the signal comes is finished, and its row is complete.
#[test]
fn a_download_in_progress_is_finished() {
    for signal in ["TERM", "INT"] {
        let (go_on, may_go_on) = sync_channel::<()>(1);
        let may_go_on = Mutex::new(may_go_on);
        let origin = Origin::plain(move |mut wire| {
            let Ok(_) = wire.until(b"\r\n\r\n") else {
                return;
            };
            let _ = wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n");
            let _ = wire.send(vec![b'a'; 1024]);
            let _ = may_go_on
                .lock()
                .expect("one connection")
                .recv_timeout(wait::LIMIT);
            let _ = wire.send(vec![b'b'; 1024]);
            let _ = wire.rest();
        });
        let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
        let mut wire = Wire::connect(ratel.port());
        wire.send("GET /download HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("a request is sent");
        wire.until(b"\r\n\r\n").expect("a head");
        wire.exactly(1024).expect("the first half");
        process::signal(ratel.pid(), signal);
        wait_until_refused(ratel.port());
        go_on.send(()).expect("the origin waits");
        assert_eq!(
            wire.exactly(1024).expect("the second half"),
            vec![b'b'; 1024]
        );
        let (status, text) = ratel.ended();
        assert!(status.success(), "{signal}: {status}\n{text}");
        assert!(
            text.contains("GET http://127.0.0.1") && text.contains("<< 200 OK 2.0k"),
            "{signal}: {text}"
        );
    }
}

/// Connections on which nothing happens do not hold the end up.
#[test]
fn idle_connections_do_not_delay_the_end() {
    let origin = Origin::answering(origin::ok("x"));
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let silent = Wire::connect(ratel.port());
    let mut kept_alive = Wire::connect(ratel.port());
    assert_eq!(
        kept_alive
            .ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .status,
        200
    );
    let start = std::time::Instant::now();
    let (status, text) = ratel.terminate();
    assert!(status.success(), "{status}\n{text}");
    assert!(
        start.elapsed() < std::time::Duration::from_secs(3),
        "took {:?}\n{text}",
        start.elapsed()
    );
    drop((silent, kept_alive));
}

/// An exchange that never ends is cut off at the limit, and its row says so.
#[test]
fn an_exchange_that_never_ends_is_cut_off() {
    let origin = Origin::plain(|mut wire| drop(wire.rest()));
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("a request is sent");
    wait::until("the origin to be asked", || {
        (origin.connections() > 0 && !origin.received(0).is_empty()).then_some(())
    });
    let (status, text) = ratel.terminate();
    assert!(status.success(), "{status}\n{text}");
    assert!(
        text.contains("/never") && text.contains("stopped"),
        "{text}"
    );
}

/// What is waited for is said; a second signal ends the wait, and what ends by it has a row.
#[test]
fn a_second_signal_ends_the_wait_and_prints_what_was_open() {
    let origin = Origin::plain(|mut wire| drop(wire.rest()));
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port()))
        .args(["--set", "shutdown_timeout=600"])
        .start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("a request is sent");
    wait::until("the origin to be asked", || {
        (origin.connections() > 0 && !origin.received(0).is_empty()).then_some(())
    });
    process::signal(ratel.pid(), "INT");
    ratel.wait_output("waiting up to 600 s for 1 connection; press ctrl-c again to end now");
    process::signal(ratel.pid(), "INT");
    let (status, text) = ratel.ended();
    assert_eq!(status.code(), Some(130), "{text}");
    assert!(
        text.contains("GET http://127.0.0.1")
            && text.contains("/never\n << Ratel was stopped before this exchange was complete"),
        "{text}"
    );
}

/// Without a server there is nothing to do yet, which is said.
#[test]
fn without_a_server_there_is_nothing_to_do() {
    let mut ratel = crate::common::dump().arg("-n").servers(0).start();
    ratel.wait_output("there is nothing to do: no server is started (-n)");
    process::signal(ratel.pid(), "INT");
    let (status, text) = ratel.ended();
    assert!(status.success(), "{text}");
}
