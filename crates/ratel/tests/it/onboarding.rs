//! The page with the certificate, which the proxy serves itself under names that need not exist.

use std::path::Path;
use std::process::Command;

use ratel_testkit::wire::{get, get_through};
use ratel_testkit::{Origin, Ratel, origin, peer};

use crate::common::{assert_says, curl, dump, reverse, stdout};

/// By RFC 6761 no resolver knows it.
const NOWHERE: &str = "onboarding.invalid";

fn named(host: &str) -> [String; 2] {
    ["--set".to_owned(), format!("onboarding_host={host}")]
}

/// What curl is told, through this proxy; none where it is not installed.
fn fetch(ratel: &Ratel, args: &[&str]) -> Option<String> {
    let proxy = format!("http://127.0.0.1:{}", ratel.port());
    let ca = ratel.config_file("ratel-ca-cert.pem");
    let ca = ca.to_str().expect("a path in UTF-8");
    let output = curl([&["--proxy", &proxy, "--cacert", ca], args].concat())?;
    Some(stdout(&output))
}

#[test]
fn http_and_https_are_served_without_a_server() {
    let ratel = dump().args(named(NOWHERE)).start();
    for host in [NOWHERE, "ratel.test", "Ratel.Test:8080"] {
        for (scheme, version) in [
            ("http", "--http1.1"),
            ("https", "--http1.1"),
            ("https", "--http2"),
        ] {
            let url = format!("{scheme}://{host}/");
            let Some(page) = fetch(&ratel, &[version, &url]) else {
                return;
            };
            assert_says(&page, &["<!doctype html>", "/cert/pem", "SHA-256"]);
        }
    }
    let head = fetch(&ratel, &["--head", "http://ratel.test/cert/p12"]).unwrap_or_default();
    let kind = "Content-Type: application/x-pkcs12\r\n";
    assert_says(&head, &["HTTP/1.1 200 OK\r\n", kind, "Content-Length: "]);
    ratel.wait_output(&format!("GET https://{NOWHERE}/"));
    let log = ratel.output();
    assert!(
        !log.contains("server connect") && !log.contains("cannot"),
        "{log}"
    );
}

#[test]
fn connect_is_answered_with_the_lazy_strategy_too() {
    let lazy = ["--set", "connection_strategy=lazy"];
    let ratel = dump().args(lazy).start();
    let Some(page) = fetch(&ratel, &["https://mitm.it/"]) else {
        return;
    };
    assert_says(&page, &["/cert/pem"]);
}

#[test]
fn another_name_and_none() {
    let other = dump().args(named(NOWHERE)).start();
    let ratel = dump()
        .args(named(NOWHERE))
        .args(["--set", "onboarding=false"])
        .start();
    let url = format!("http://{NOWHERE}/cert/pem");
    assert_eq!(get_through(other.port(), &url).status, 200);
    // Without the page the request goes to a server, which there is not.
    for url in [url.as_str(), "http://ratel.test/"] {
        assert_eq!(get_through(ratel.port(), url).status, 502, "{url}");
    }
}

#[test]
fn a_reverse_proxy_that_keeps_names_serves_it() {
    let origin = Origin::answering(origin::ok("origin"));
    let ratel = reverse(&format!("http://127.0.0.1:{}", origin.port()))
        .args(["--set", "keep_host_header=true"])
        .start();
    let mut wire = ratel_testkit::Wire::connect(ratel.port());
    let reply = wire.ask("GET /cert/p12 HTTP/1.1\r\nHost: mitm.it\r\nConnection: close\r\n\r\n");
    assert_eq!(reply.status, 200);
    assert_says(
        &reply.head,
        &[
            "Content-Type: application/x-pkcs12\r\n",
            "Content-Disposition: attachment; filename=\"ratel-ca-cert.p12\"\r\n",
            "Cache-Control: no-store\r\n",
        ],
    );
    assert_eq!(get(ratel.port(), "/").text(), "origin");
    assert_eq!(origin.connections(), 1);
}

/// What the program says about the file.
fn says(program: &str, args: &[&str], file: &Path) -> Option<String> {
    let mut command = Command::new(peer::find(program)?);
    Some(stdout(&peer::output(command.args(args).arg(file))))
}

#[test]
fn downloads_are_what_they_are_called() {
    let ratel = dump().start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let download = |path: &str| {
        let file = folder.path().join(path);
        let reply = get_through(ratel.port(), &format!("http://mitm.it/cert/{path}"));
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.text().contains("PRIVATE"));
        std::fs::write(&file, &reply.body).expect("room");
        file
    };
    let own = std::fs::read(ratel.config_file("ratel-ca-cert.pem")).expect("the certificate");
    assert_eq!(std::fs::read(download("pem")).expect("a file"), own);
    let hash = &["x509", "-noout", "-subject_hash_old", "-in"][..];
    let Some(hash) = says("openssl", hash, &download("cer")) else {
        return;
    };
    let der = &["x509", "-inform", "DER", "-noout", "-subject", "-in"][..];
    let p12 = &["pkcs12", "-passin", "pass:", "-nodes", "-in"][..];
    for (path, args) in [("der", der), ("p12", p12)] {
        let text = says("openssl", args, &download(path)).unwrap_or_default();
        assert_says(&text, &["ratel"]);
        assert!(!text.contains("PRIVATE KEY"), "{path}");
    }
    let script = "import plistlib, sys; p = plistlib.load(open(sys.argv[1], 'rb')); \
        sys.stdout.buffer.write(p['PayloadContent'][0]['PayloadContent'])";
    let python = peer::find("python3").map(|python| {
        let mut command = Command::new(python);
        peer::output(command.args(["-c", script]).arg(download("mobileconfig")))
    });
    if let Some(output) = python {
        let der = std::fs::read(folder.path().join("der")).expect("a file");
        assert_eq!(output.stdout, der);
    }
    let magisk = download("magisk");
    if let Some(listing) = says("python3", &["-m", "zipfile", "-l"], &magisk) {
        let cert = format!("system/etc/security/cacerts/{}.0", hash.trim());
        let script = "META-INF/com/google/android/update-binary";
        assert_says(&listing, &["module.prop", &cert, script]);
        says("python3", &["-m", "zipfile", "-t"], &magisk);
    }
}

#[test]
fn the_list_of_revoked_certificates_is_at_every_host() {
    let ratel = dump().start();
    let own = ratel.config_file("ratel-ca-cert.pem");
    let Some(serial) = says("openssl", &["x509", "-noout", "-serial", "-in"], &own) else {
        return;
    };
    let decimal = "import sys; print(int(sys.argv[1].split('=')[1], 16))";
    let Some(python) = peer::find("python3") else {
        return;
    };
    let serial = peer::output(Command::new(python).args(["-c", decimal, serial.trim()]));
    let serial = stdout(&serial);
    let url = format!("http://nowhere.invalid/ratel-{}.crl", serial.trim());
    let reply = get_through(ratel.port(), &url);
    assert_eq!(reply.status, 200);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("list.crl");
    std::fs::write(&file, &reply.body).expect("room");
    let ca = own.to_str().expect("a path in UTF-8");
    let checks = &[
        "crl", "-inform", "DER", "-noout", "-text", "-CAfile", ca, "-in",
    ][..];
    let text = says("openssl", checks, &file).expect("openssl is there");
    assert_says(&text, &["No Revoked Certificates."]);
}

#[test]
fn it_is_served_whoever_else_is_passed_through() {
    let ratel = dump().args(["--allow-hosts", "^example"]).start();
    if let Some(page) = fetch(&ratel, &["https://mitm.it/"]) {
        assert_says(&page, &["/cert/pem"]);
    }
}
