//! What is not looked into: ignored hosts, and clients that know the certificate they want to see.

use std::path::Path;
use std::process::{Command, Output};

use ratel_testkit::{Ca, Identity, Origin, Ratel, SServer, Wire, openssl_cli, origin, peer};

use crate::common::{assert_says, curl, dump, program, reverse, stdout, trusting};

fn secret(identity: &Identity) -> Origin {
    Origin::tls(identity, |wire| {
        origin::serve(wire, |_, _| origin::ok("the secret"))
    })
}

/// Asks through the proxy, trusting this CA alone.
fn ask(ratel: &Ratel, origin: &Origin, ca: &Path, args: &[&str]) -> Option<Output> {
    let proxy = format!("http://127.0.0.1:{}", ratel.port());
    let url = format!("https://localhost:{}/", origin.port());
    let ca = ca.to_string_lossy();
    curl([&["--proxy", &proxy, "--cacert", &ca, &url], args].concat())
}

/// Asks a reverse proxy, trusting this CA alone.
fn ask_reverse(ratel: &Ratel, ca: &Path, args: &[&str]) -> Option<Output> {
    let url = format!("https://localhost:{}/", ratel.port());
    let ca = ca.to_string_lossy();
    curl([&["--cacert", &ca, &url], args].concat())
}

fn assert_distrusts(output: &Output) {
    let error = String::from_utf8_lossy(&output.stderr);
    // CURLE_PEER_FAILED_VERIFICATION.
    assert_eq!(output.status.code(), Some(60), "{error}");
}

#[test]
fn a_client_that_refuses_the_certificate_is_passed_through_the_next_time() {
    let ca = Ca::new();
    let origin = secret(&ca.issue(&["localhost"]));
    for max in ["1.2", "1.3"] {
        let args = ["--tls-max", max];
        let ratel = trusting(dump(), &ca.file())
            .args(["--set", "auto_passthrough=true"])
            .start();
        let Some(first) = ask(&ratel, &origin, &ca.file(), &args) else {
            return;
        };
        assert_distrusts(&first);
        let row = ratel.wait_output("does not trust");
        assert_says(
            &row,
            &[
                "does not trust Ratel's certificate for localhost (alert unknown_ca)",
                "make curl trust",
                "curl --cacert ",
                "its next connections to localhost are passed through (auto_passthrough)",
            ],
        );
        for _ in 0..2 {
            // The client trusts nothing but the CA of the origin.
            let next = ask(&ratel, &origin, &ca.file(), &args).expect("curl is there");
            assert_eq!(stdout(&next), "the secret");
        }
        let log = ratel.wait_output("is passed through untouched");
        let why = "passed through untouched: the client does not trust Ratel's certificate for localhost (auto_passthrough)";
        assert_eq!(log.matches(why).count(), 1, "{log}");
        // Each of them has a row, and what passes none.
        let row = "-> passed through -> localhost:";
        ratel_testkit::wait::until("both rows", || {
            (ratel.output().matches(row).count() == 2).then_some(())
        });
        let log = ratel.output();
        assert!(!log.contains("-> tcp ->"), "{log}");
        assert!(
            !log.contains("the secret") && !log.contains("GET "),
            "{log}"
        );
    }
}

#[test]
fn a_reverse_proxy_passes_a_refusing_client_through_to_the_certificate_of_the_origin() {
    let ca = Ca::new();
    let origin = secret(&ca.issue(&["localhost"]));
    let url = format!("https://localhost:{}", origin.port());
    let ratel = trusting(reverse(&url), &ca.file())
        .args(["--set", "auto_passthrough=true"])
        .start();
    let Some(first) = ask_reverse(&ratel, &ca.file(), &[]) else {
        return;
    };
    assert_distrusts(&first);
    let next = ask_reverse(&ratel, &ca.file(), &[]).expect("curl is there");
    assert_eq!(stdout(&next), "the secret");
    let wire = Wire::connect_tls(ratel.port(), "localhost", Some(&ca.file()));
    let (leaf, issuer) = wire.peer_chain().swap_remove(0);
    assert_eq!((&leaf[..], &issuer[..]), ("localhost", "origin test CA"));
}

#[test]
fn s_client_sees_the_server_that_is_ignored() {
    let ca = Ca::new();
    let Some(server) = SServer::start(&ca.issue(&["localhost"]), &[]) else {
        return;
    };
    let url = format!("https://localhost:{}", server.port);
    let ratel = reverse(&url).args(["--ignore-hosts", "^a.test:"]).start();
    let ca = ca.file();
    let ca = ca.to_string_lossy();
    // The second one splits its ClientHello, since that is larger than its records.
    for extra in [
        &["-tls1_3"][..],
        &["-max_send_frag", "512", "-alpn", &"protocol,".repeat(60)],
        &["-tls1_2"],
    ] {
        let args = [
            "-servername",
            "a.test",
            "-CAfile",
            &ca,
            "-verify_return_error",
        ];
        let output = openssl_cli::s_client(ratel.port(), &[&args, extra].concat());
        let output = output.expect("openssl is there");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_says(&text, &["origin test CA", "Verify return code: 0 (ok)"]);
    }
}

#[test]
fn without_being_told_so_nobody_is_passed_through() {
    let ca = Ca::new();
    let origin = secret(&ca.issue(&["localhost"]));
    let ratel = trusting(dump(), &ca.file()).start();
    for _ in 0..2 {
        let Some(output) = ask(&ratel, &origin, &ca.file(), &[]) else {
            return;
        };
        assert_distrusts(&output);
    }
    let row = ratel.wait_output("--ignore-hosts");
    let hint =
        "to pass localhost through: --set auto_passthrough=true or --ignore-hosts '^localhost:'";
    assert_says(&row, &[hint]);
}

#[test]
fn a_client_that_pins_a_key_and_leaves_without_a_word_is_understood() {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let origin = secret(&identity);
    let ratel = trusting(dump(), &ca.file())
        .args(["--set", "auto_passthrough=true"])
        .start();
    // Both chains are trusted; it is the key that is looked at.
    let own = std::fs::read(ratel.config_file("ratel-ca-cert.pem")).expect("a CA");
    let both = ratel.home().join("both.pem");
    let bundle = [own, std::fs::read(ca.file()).expect("a CA")].concat();
    std::fs::write(&both, bundle).expect("a file can be written");
    let Some(openssl) = peer::find("openssl") else {
        return;
    };
    let key = peer::output(
        Command::new(openssl)
            .args(["x509", "-noout", "-pubkey", "-in"])
            .arg(identity.cert_file()),
    );
    let pin = ratel.home().join("pin.pem");
    std::fs::write(&pin, key.stdout).expect("a file can be written");
    let pin = pin.to_string_lossy();
    let ask = || ask(&ratel, &origin, &both, &["--pinnedpubkey", &pin]);
    for _ in 0..2 {
        let Some(output) = ask() else {
            return;
        };
        // CURLE_SSL_PINNEDPUBKEYNOTMATCH.
        assert_eq!(output.status.code(), Some(90));
    }
    ratel.wait_output("leaves whenever it has seen Ratel's certificate for localhost");
    assert_eq!(stdout(&ask().expect("curl is there")), "the secret");
}

#[test]
fn ignored_hosts_show_their_own_certificate() {
    let ca = Ca::new();
    let origin = secret(&ca.issue(&["localhost"]));
    let address = format!("^localhost:{}$", origin.port());
    for args in [
        ["--ignore-hosts", "^LOCALHOST:"],
        ["--ignore-hosts", &address],
        // Where the name led is known when CONNECT is answered.
        ["--ignore-hosts", r"^127\.0\.0\.1:"],
        ["--allow-hosts", r"example\.com"],
    ] {
        let ratel = trusting(dump(), &ca.file())
            .args(args)
            .args(["--show-ignored-hosts"])
            .start();
        let Some(output) = ask(&ratel, &origin, &ca.file(), &[]) else {
            return;
        };
        assert_eq!(stdout(&output), "the secret", "{args:?}");
        let log = ratel.wait_output("-> passed through ->");
        assert_says(&log, &["is passed through untouched", &args[0][2..7]]);
    }
    // What is allowed is looked into.
    let ratel = trusting(dump(), &ca.file())
        .args(["--allow-hosts", &address])
        .start();
    let own = ratel.config_file("ratel-ca-cert.pem");
    let output = ask(&ratel, &origin, &own, &[]).expect("curl is there");
    assert_eq!(stdout(&output), "the secret");
    ratel.wait_output("GET https://localhost:");
}

#[test]
fn what_is_ignored_arrives_as_it_was_sent() {
    let origin = Origin::plain(|mut wire| {
        let _ = wire.rest();
        let _ = wire.send(b"\x15goodbye");
    });
    let url = format!("https://localhost:{}", origin.port());
    let ratel = reverse(&url).args(["--ignore-hosts", "localhost"]).start();
    let sent: Vec<u8> = (0..300_000u32)
        .map(|i| u8::try_from(i % 251).expect("it is small"))
        .collect();
    let mut wire = Wire::connect(ratel.port());
    wire.send(&sent).expect("it is sent");
    wire.shut();
    assert_eq!(wire.rest().expect("an end in order"), b"\x15goodbye");
    assert!(origin.received(0) == sent, "the bytes differ");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (args, words) in [
        (
            &["--ignore-hosts", "a", "--allow-hosts", "b"][..],
            "options 'ignore_hosts' and 'allow_hosts' exclude each other",
        ),
        (
            &["--ignore-hosts", "a("],
            "invalid value for option 'ignore_hosts': 'a(' is not a regular expression: unclosed group",
        ),
    ] {
        let output = program().args(["dump", "-n"]).args(args).run();
        assert!(!output.status.success());
        assert_says(&String::from_utf8_lossy(&output.stderr), &[words]);
    }
}
