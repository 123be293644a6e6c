//! Nothing leaks: descriptors, memory and tasks are given back.

use ratel_testkit::{Origin, Wire, origin, process, wait};

use crate::common::{assert_says, assert_unharmed, reverse};

/// 500 connections that say nothing, and 10,000 one after another, leave no descriptor behind.
#[test]
fn connections_leave_no_descriptor_behind() {
    let origin = Origin::answering(origin::ok("x"));
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port()))
        .args(["--set", "flow_detail=0"])
        .start();
    let port = ratel.port();
    assert_unharmed(&mut ratel, port, "/");
    let Some(before) = process::descriptors(ratel.pid()) else {
        return;
    };

    let idle: Vec<Wire> = (0..500).map(|_| Wire::connect(port)).collect();
    wait::until("500 open connections", || {
        process::descriptors(ratel.pid()).filter(|open| *open >= 500)
    });
    assert_unharmed(&mut ratel, port, "/");
    drop(idle);

    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2500 {
                    let mut wire = Wire::connect(port);
                    assert_eq!(
                        wire.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
                        200
                    );
                }
            });
        }
    });
    // A few more than before: segment files that are opened when first needed.
    wait::until("all descriptors to be given back", || {
        process::descriptors(ratel.pid()).filter(|open| *open <= before + 4)
    });
    assert_unharmed(&mut ratel, port, "/");
}

/// A head that never ends is refused before it fills memory.
#[test]
fn endless_heads_are_refused() {
    let origin = Origin::answering(origin::ok("x"));
    let mut ratel = reverse(&format!("http://127.0.0.1:{}", origin.port())).start();
    let port = ratel.port();
    let mut wire = Wire::connect(port);
    wire.send("GET / HTTP/1.1\r\n")
        .expect("a request line is sent");
    let line = format!("X: {}\r\n", "x".repeat(1000));
    let mut sent = 0;
    while sent < 64 << 20 && wire.send(&line).is_ok() {
        sent += line.len();
    }
    // The answer comes at once; what still arrives is read and forgotten for a moment, so that it reaches the client.
    let reply = wire.reply().expect("an answer");
    assert_eq!(reply.status, 431, "{}", reply.head);
    assert_says(&reply.text(), &["head", "larger", "head_limit"]);
    assert_unharmed(&mut ratel, port, "/");
    if let Some(peak) = process::peak_memory(ratel.pid()) {
        assert!(peak < 150 << 20, "peak memory is {} MiB", peak >> 20);
    }
}
