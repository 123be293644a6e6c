//! Bodies pass as they come, whatever their length, and memory stays where it is.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use ratel_testkit::{Builder, Ca, Origin, Wire, process, wait};

use crate::common::{reverse, trusting};

const EVENTS: usize = 20;
const MIB: u64 = 1 << 20;

/// A client connection to a reverse proxy, plain or TLS.
fn client(ratel: &ratel_testkit::Ratel, tls: bool) -> Wire {
    let wire = Wire::connect(ratel.port());
    if tls {
        wire.start_tls("localhost", Some(&ratel.config_file("ratel-ca-cert.pem")))
    } else {
        wire
    }
}

/// A reverse proxy for this origin that trusts the CA.
fn proxy(ca: &Ca, tls: bool, port: u16) -> Builder {
    let scheme = if tls { "https" } else { "http" };
    trusting(reverse(&format!("{scheme}://localhost:{port}")), &ca.file())
}

/// Whoever writes waits until the other side says that it has the piece before.
fn lock_step() -> (SyncSender<usize>, Receiver<usize>) {
    sync_channel(1)
}

/// The origin writes event k+1 only after the client has event k: any holding back would stop both for ever.
#[test]
fn each_event_arrives_before_the_next_is_written() {
    let ca = Ca::new();
    for (tls, framing) in [(false, "chunked"), (false, "close"), (true, "chunked")] {
        let (got, has_got) = lock_step();
        let has_got = Mutex::new(has_got);
        let events = move |mut wire: Wire| {
            let Ok(_) = wire.until(b"\r\n\r\n") else {
                return;
            };
            let chunked = framing == "chunked";
            let length = if chunked {
                "Transfer-Encoding: chunked\r\n"
            } else {
                ""
            };
            let mut send = |text: &str| wire.send(text).expect("the proxy reads");
            send(&format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{length}\r\n"
            ));
            let has_got = has_got.lock().expect("one connection");
            for k in 0..EVENTS {
                let event = format!("data: {k:04}\n\n");
                send(&if chunked {
                    format!("{:x}\r\n{event}\r\n", event.len())
                } else {
                    event
                });
                assert_eq!(has_got.recv_timeout(wait::LIMIT), Ok(k));
            }
            if chunked {
                send("0\r\n\r\n");
            }
            wire.shut();
        };
        let origin = if tls {
            Origin::tls(&ca.issue(&["localhost"]), events)
        } else {
            Origin::plain(events)
        };
        let ratel = proxy(&ca, tls, origin.port()).start();
        let mut wire = client(&ratel, tls);
        wire.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("a request is sent");
        wire.until(b"\r\n\r\n")
            .expect("a head comes before any event is complete");
        for k in 0..EVENTS {
            wire.until(format!("data: {k:04}\n\n").as_bytes())
                .unwrap_or_else(|error| panic!("event {k}: {error}"));
            got.send(k).expect("the origin waits");
        }
        drop(wire);
        ratel.wait_output("<< 200 OK");
    }
}

/// The same in the other direction: the origin has piece k of an upload before the client writes piece k+1.
#[test]
fn uploads_stream_too() {
    let (got, has_got) = lock_step();
    let origin = Origin::plain(move |mut wire| {
        let Ok(_) = wire.until(b"\r\n\r\n") else {
            return;
        };
        for k in 0..EVENTS {
            wire.until(format!("piece {k:04}\r\n").as_bytes())
                .expect("a piece of the upload");
            let _ = got.send(k);
        }
        wire.until(b"0\r\n\r\n").expect("the end of the upload");
        let _ = wire.send(ratel_testkit::origin::ok("all here"));
        let _ = wire.rest();
    });
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .expect("a head is sent");
    for k in 0..EVENTS {
        wire.send(format!("a\r\npiece {k:04}\r\n"))
            .expect("a piece is sent");
        assert_eq!(has_got.recv_timeout(wait::LIMIT), Ok(k));
    }
    wire.send("0\r\n\r\n").expect("the end is sent");
    assert_eq!(wire.reply().expect("an answer").text(), "all here");
}

/// Rules hold back no body of a flow that they are not for. The origin answers piece k of an upload before the client writes
/// piece k+1, so that any holding back, of either side, would stop both for ever.
#[test]
fn rules_for_bodies_hold_back_no_flow_that_is_not_theirs() {
    let origin = Origin::plain(|mut wire| {
        let Ok(head) = wire.until(b"\r\n\r\n") else {
            return;
        };
        if head.starts_with(b"GET") {
            let _ = wire.send(ratel_testkit::origin::ok("secret piece"));
            return;
        }
        let send = |wire: &mut Wire, text: &str| wire.send(text).expect("the proxy reads");
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
        send(&mut wire, head);
        for k in 0..EVENTS {
            wire.until(format!("piece {k:04}\r\n").as_bytes())
                .expect("a piece of the upload");
            send(&mut wire, &format!("b\r\nanswer {k:04}\r\n"));
        }
        wire.until(b"0\r\n\r\n").expect("the end of the upload");
        send(&mut wire, "0\r\n\r\n");
        let _ = wire.rest();
    });
    let rules = [
        r"|~u /theirs|piece|part",
        r"|~m GET & ~bq secret|\d+|x",
        r"|~s & ~t image & ~bs secret|\w+|x",
        r"|~hq x-theirs|^.*$|x",
    ];
    let rules = rules.into_iter().flat_map(|rule| ["--modify-body", rule]);
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port()))
        .args(rules)
        .args(["--map-remote", "|~u /theirs & ~bq secret|/ours|/other"])
        .args(["--set", "block_list=|~d else.test & ~bq piece|404"])
        .start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET /theirs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("a request is sent");
    let reply = wire.reply().expect("an answer");
    assert_eq!(reply.text(), "secret part", "the rules are there");

    let mut wire = Wire::connect(ratel.port());
    wire.send("POST /ours HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .expect("a head is sent");
    for k in 0..EVENTS {
        wire.send(format!("a\r\npiece {k:04}\r\n"))
            .expect("a piece is sent");
        wire.until(format!("answer {k:04}\r\n").as_bytes())
            .unwrap_or_else(|error| panic!("answer {k}: {error}"));
    }
    wire.send("0\r\n\r\n").expect("the end is sent");
    wire.until(b"0\r\n\r\n").expect("the end of the answer");
}

/// 2 GiB in an optimised build; a quarter of that where the code under test is not optimised and would take minutes.
const BIG: u64 = if cfg!(debug_assertions) {
    512 * MIB
} else {
    2048 * MIB
};

fn big_body(mut wire: Wire) {
    let Ok(_) = wire.until(b"\r\n\r\n") else {
        return;
    };
    let piece = vec![b'x'; 1 << 20];
    let _ = wire.send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\nContent-Type: application/octet-stream\r\n\r\n"
    ));
    for _ in 0..BIG / MIB {
        if wire.send(&piece).is_err() {
            return;
        }
    }
    let _ = wire.rest();
}

fn assert_small(ratel: &ratel_testkit::Ratel) {
    if let Some(peak) = process::peak_memory(ratel.pid()) {
        assert!(peak < 150 * MIB, "peak memory is {} MiB", peak / MIB);
    }
}

#[test]
fn a_huge_download_takes_little_memory() {
    let ca = Ca::new();
    let origin = Origin::tls(&ca.issue(&["localhost"]), big_body);
    let ratel = proxy(&ca, true, origin.port()).start();
    let mut wire = client(&ratel, true);
    wire.send("GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("a request is sent");
    let head = wire.until(b"\r\n\r\n").expect("a head");
    assert!(
        head.starts_with(b"HTTP/1.1 200 OK\r\n"),
        "{}",
        head.escape_ascii()
    );
    let mut left = BIG;
    while left > 0 {
        let read = wire.skip(left).expect("the body goes on");
        assert!(read > 0, "closed {left} bytes before the end");
        left -= read;
    }
    ratel.wait_output(if cfg!(debug_assertions) {
        "<< 200 OK 512m"
    } else {
        "<< 200 OK 2.0g"
    });
    assert_small(&ratel);
}

#[test]
fn a_huge_upload_takes_little_memory() {
    let counted = Arc::new(Mutex::new(0));
    let origin = Origin::plain({
        let counted = Arc::clone(&counted);
        move |mut wire| {
            let Ok(_) = wire.until(b"\r\n\r\n") else {
                return;
            };
            let mut left = BIG;
            while left > 0 {
                let Ok(read @ 1..) = wire.skip(left) else {
                    return;
                };
                left -= read;
            }
            *counted.lock().expect("one connection") = BIG;
            let _ = wire.send(ratel_testkit::origin::ok("thanks"));
            let _ = wire.rest();
        }
    });
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let mut wire = Wire::connect(ratel.port());
    wire.send(format!(
        "PUT /big HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BIG}\r\n\r\n"
    ))
    .expect("a head is sent");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..BIG / MIB {
        wire.send(&piece).expect("the proxy reads");
    }
    assert_eq!(wire.reply().expect("an answer").text(), "thanks");
    assert_eq!(*counted.lock().expect("one connection"), BIG);
    assert_small(&ratel);
}

/// A client that does not read slows the origin down instead of filling memory or disk with what nobody took.
#[test]
fn a_client_that_does_not_read_holds_the_origin_back() {
    let sent = Arc::new(Mutex::new(0_u64));
    let origin = Origin::plain({
        let sent = Arc::clone(&sent);
        move |mut wire| {
            let Ok(_) = wire.until(b"\r\n\r\n") else {
                return;
            };
            let _ = wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n"));
            let piece = vec![b'x'; 64 << 10];
            wire.tcp()
                .set_write_timeout(Some(std::time::Duration::from_millis(500)))
                .expect("a time-out can be set");
            for _ in 0..BIG / (64 << 10) {
                if wire.send(&piece).is_err() {
                    break;
                }
                *sent.lock().expect("one connection") += 64 << 10;
            }
            *sent.lock().expect("one connection") |= 1;
        }
    });
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let mut wire = Wire::connect(ratel.port());
    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("a request is sent");
    let total = wait::until("the origin to be stopped", || {
        Some(*sent.lock().expect("one connection")).filter(|sent| sent & 1 == 1)
    });
    assert!(
        total < 64 * MIB,
        "{} MiB were taken for a client that reads nothing",
        total / MIB
    );
    assert_small(&ratel);
}
