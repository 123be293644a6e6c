//! Upstream certificates: each way to be wrong has its own sentence, and `-k` accepts them all.

use std::path::PathBuf;

use ratel_testkit::{Ca, Identity, Origin, Wire, origin, wire};

use crate::common::{assert_says, assert_unharmed, reverse, trusting};

struct Row {
    what: &'static str,
    identity: Identity,
    trusted: PathBuf,
    words: &'static [&'static str],
}

fn rows(ca: &Ca, other: &Ca) -> Vec<Row> {
    let row = |what, identity, trusted: &Ca, words| Row {
        what,
        identity,
        trusted: trusted.file(),
        words,
    };
    vec![
        row(
            "expired",
            ca.issue_for_days(&["localhost"], -30, -3),
            ca,
            &["localhost", "expired"][..],
        ),
        row(
            "not yet valid",
            ca.issue_for_days(&["localhost"], 3, 30),
            ca,
            &["localhost", "not valid"],
        ),
        row(
            "another name",
            ca.issue(&["other.example"]),
            ca,
            &["localhost", "other.example"],
        ),
        row(
            "self-signed",
            Identity::self_signed(&["localhost"]),
            ca,
            &["localhost", "self-signed"],
        ),
        row(
            "unknown CA",
            other.issue(&["localhost"]),
            ca,
            &["localhost", "somebody else", "not trusted"],
        ),
    ]
}

#[test]
fn each_failure_has_its_own_sentence_and_the_remedy() {
    let (ca, other) = (Ca::new(), Ca::named("somebody else"));
    for Row {
        what,
        identity,
        trusted,
        words,
    } in rows(&ca, &other)
    {
        let origin = Origin::tls(&identity, |wire| {
            origin::serve(wire, |_, _| origin::ok("let through"))
        });
        let url = format!("https://localhost:{}", origin.port());
        let mut ratel = trusting(reverse(&url), &trusted).start();
        for tls in [false, true] {
            let mut wire = Wire::connect(ratel.port());
            if tls {
                wire = wire.start_tls("localhost", Some(&ratel.config_file("ratel-ca-cert.pem")));
            }
            let reply = wire.ask("GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(reply.status, 502, "{what}: {}", reply.head);
            assert_says(&reply.text(), words);
            assert_says(&reply.text(), &["-k"]);
        }
        let text = ratel.wait_output("/page");
        let text = if text.contains(" << ") {
            text
        } else {
            ratel.wait_output(" << ")
        };
        assert_says(&text, words);
        assert!(ratel.is_alive());

        let mut ratel = trusting(reverse(&url), &trusted).arg("-k").start();
        assert_eq!(
            wire::get(ratel.port(), "/").text(),
            "let through",
            "{what} with -k"
        );
        let port = ratel.port();
        assert_unharmed(&mut ratel, port, "/");
    }
}

#[test]
fn a_good_certificate_is_accepted_by_name_and_by_address() {
    let ca = Ca::new();
    let origin = Origin::tls(&ca.issue(&["localhost", "127.0.0.1"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("good"))
    });
    for host in ["localhost", "127.0.0.1"] {
        let ratel = trusting(
            reverse(&format!("https://{host}:{}", origin.port())),
            &ca.file(),
        )
        .start();
        assert_eq!(wire::get(ratel.port(), "/").text(), "good", "{host}");
    }
}

#[test]
fn an_origin_that_does_not_speak_tls_is_named() {
    let origin = Origin::scripted(vec![
        ratel_testkit::Step::Send(b"220 mail.example ready\r\n".to_vec()),
        ratel_testkit::Step::End,
    ]);
    let ratel = reverse(&format!("https://localhost:{}", origin.port())).start();
    let reply = wire::get(ratel.port(), "/");
    assert_eq!(reply.status, 502);
    assert_says(&reply.text(), &["localhost", "TLS"]);
}

/// A client that rejects our certificate is a row with the name and the remedy.
#[test]
fn a_client_that_does_not_trust_us_is_reported() {
    let (ca, other) = (Ca::new(), Ca::new());
    let origin = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("x"))
    });
    let mut ratel = trusting(
        reverse(&format!("https://localhost:{}", origin.port())),
        &ca.file(),
    )
    .start();
    let refused = Wire::connect(ratel.port()).try_tls("localhost", Some(&other.file()));
    assert!(
        refused.is_err(),
        "the client accepts a certificate of an unknown CA"
    );
    let text = ratel.wait_output("trust");
    assert_says(&text, &["localhost", "certificate"]);
    let port = ratel.port();
    assert_unharmed(&mut ratel, port, "/");
}

/// The system's trust store is what counts by default, and `SSL_CERT_FILE` names another.
#[test]
fn the_default_trust_store_can_be_named_by_the_environment() {
    let ca = Ca::new();
    let origin = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("x"))
    });
    let url = format!("https://localhost:{}", origin.port());
    let ratel = reverse(&url).env("SSL_CERT_FILE", ca.file()).start();
    assert_eq!(wire::get(ratel.port(), "/").status, 200);
    let ratel = reverse(&url).start();
    assert_eq!(wire::get(ratel.port(), "/").status, 502);
}
