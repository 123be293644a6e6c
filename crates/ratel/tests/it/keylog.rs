//! The key log: an analyser reads with it what was captured, on both sides, whichever library spoke.

use std::path::Path;
use std::process::Command;

use ratel_testkit::{Ca, Capture, Key, SServer, Wire, peer};

use crate::common::{reverse, trusting};

/// What tshark finds in the requests and responses of a capture.
fn requests(capture: &Capture, keys: &Path) -> Option<String> {
    let tshark = peer::find("tshark")?;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), capture.pcap()).expect("a writable file");
    let output = peer::output(
        Command::new(tshark)
            .arg("-r")
            .arg(file.path())
            .args(["-o", &format!("tls.keylog_file:{}", keys.display())])
            // A body that ends with its connection is not waited for.
            .args(["-o", "http.desegment_body:FALSE"])
            .args(["-d", &format!("tcp.port=={},tls", capture.port)])
            .args([
                "-Y",
                "http",
                "-T",
                "fields",
                "-e",
                "http.request.uri",
                "-e",
                "http.response.code",
            ]),
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(
        String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[test]
fn captures_of_both_sides_are_read_with_it() {
    let ca = Ca::new();
    let identity = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    // Each engine on each side; the legacy one has the old version.
    for (version, by_environment) in [("-tls1_3", false), ("-tls1_2", true), ("-tls1_1", false)] {
        let Some(server) = SServer::start(&identity, &[version, "-cipher", "ALL:@SECLEVEL=0"])
        else {
            return;
        };
        let upstream = Capture::start(server.port);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = folder.path().join("keys.log");
        let mut builder = trusting(
            reverse(&format!("https://localhost:{}", upstream.port)),
            &ca.file(),
        )
        .args([
            "--set",
            "tls_version_server_min=TLS1_1",
            "--set",
            "tls_version_client_min=TLS1_1",
        ]);
        builder = if by_environment {
            builder.env("SSLKEYLOGFILE", &keys)
        } else {
            builder.args([
                "--set".to_owned(),
                format!("sslkeylogfile={}", keys.display()),
            ])
        };
        if version == "-tls1_1" {
            builder = builder.args(["--set", "tls_version_client_max=TLS1_1"]);
        }
        let ratel = builder.start();
        let downstream = Capture::start(ratel.port());
        let own = ratel.config_file("ratel-ca-cert.pem");
        let mut client = tls(downstream.port, &own);
        assert_eq!(
            client
                .ask("GET /looked/into HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .status,
            200,
            "{version}"
        );
        drop(client);
        for capture in [&downstream, &upstream] {
            let Some(found) = requests(capture, &keys) else {
                return;
            };
            assert_eq!(found, "/looked/into 200", "{version}");
        }
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(&keys).expect("it is there").permissions(),
            );
            assert_eq!(mode & 0o077, 0, "secrets are for their owner");
        }
    }
}

/// A client without a lower limit.
fn tls(port: u16, ca: &Path) -> Wire {
    Wire::connect(port)
        .try_tls_by("localhost", Some(ca), |connector| {
            connector.set_security_level(0);
            connector
                .set_min_proto_version(Some(openssl::ssl::SslVersion::TLS1))
                .expect("a version");
            connector
                .set_cipher_list("ALL:@SECLEVEL=0")
                .expect("ciphers");
        })
        .unwrap_or_else(|error| panic!("TLS: {error}"))
}

#[test]
fn a_file_that_cannot_be_written_is_refused_or_reported() {
    let output = reverse("http://localhost:1")
        .args(["--set", "sslkeylogfile=/dev/null/keys.log"])
        .run();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("cannot write TLS secrets to /dev/null/keys.log"),
        "{text}"
    );
    let ratel = reverse("http://localhost:1")
        .env("SSLKEYLOGFILE", "/dev/null/keys.log")
        .start();
    ratel.wait_output("cannot write TLS secrets to /dev/null/keys.log");
}
