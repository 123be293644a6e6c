//! The story this program is for: an HTTPS origin with a CA of its own, curl, and one port that takes everything.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use ratel_testkit::{Ca, Nginx, Wire, origin, peer};

use crate::common::{assert_says, curl, reverse, stdout, trusting};

/// Reverse to HTTP and to HTTPS, each asked over HTTP and over HTTPS on the same port.
#[test]
fn one_port_takes_all_four_tls_combinations() {
    let ca = Ca::new();
    let Some(nginx) = Nginx::start(&ca.issue(&["localhost", "127.0.0.1"])) else {
        return;
    };
    for origin in [
        format!("http://localhost:{}", nginx.http),
        format!("https://localhost:{}", nginx.https),
    ] {
        let ratel = trusting(reverse(&origin), &ca.file()).start();
        let port = ratel.port();
        let own_ca = ratel.config_file("ratel-ca-cert.pem");
        for client in [
            format!("http://localhost:{port}/hello"),
            format!("https://localhost:{port}/hello"),
        ] {
            let Some(output) = curl(["--ipv4", "--cacert", &own_ca.display().to_string(), &client])
            else {
                return;
            };
            assert_eq!(
                stdout(&output),
                "hello from nginx\n",
                "{client} to {origin}"
            );
        }
        let (status, text) = ratel.terminate();
        assert!(status.success(), "{status}");
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(&format!("GET {origin}/hello")))
            .collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert_eq!(text.matches("200 OK 17b").count(), 2, "{text}");
    }
}

/// `ratel dump https://…` is short for `--mode reverse:https://…`.
#[test]
fn a_bare_url_is_a_reverse_proxy() {
    let ca = Ca::new();
    let origin = ratel_testkit::Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("short"))
    });
    let url = format!("https://localhost:{}", origin.port());
    let ratel = trusting(crate::common::dump(), &ca.file())
        .arg(&url)
        .start();
    assert_eq!(ratel_testkit::wire::get(ratel.port(), "/").text(), "short");
    ratel.wait_output(&format!("GET {url}/"));
}

/// The leaf carries the origin's name, is signed by Ratel's CA, comes with it, and verifies against the file that
/// users install.
#[test]
fn s_client_sees_leaf_and_ca() {
    let Some(openssl) = peer::find("openssl") else {
        return;
    };
    let ca = Ca::new();
    let tls = ratel_testkit::Origin::tls(
        &ca.issue(&["service.dev.example.com", "localhost"]),
        |wire| {
            origin::serve(wire, |_, _| origin::ok("x"));
        },
    );
    let plain = ratel_testkit::Origin::answering(origin::ok("x"));
    let rows = [
        format!("https://localhost:{}", tls.port()),
        format!("http://localhost:{}", plain.port()),
    ];
    for origin in rows {
        let ratel = trusting(reverse(&origin), &ca.file()).start();
        let ca_file = ratel.config_file("ratel-ca-cert.pem");
        let output = peer::output(
            Command::new(&openssl)
                .args([
                    "s_client",
                    "-connect",
                    &format!("127.0.0.1:{}", ratel.port()),
                    "-showcerts",
                ])
                .args([
                    "-servername",
                    "service.dev.example.com",
                    "-verify_hostname",
                    "service.dev.example.com",
                ])
                .arg("-CAfile")
                .arg(&ca_file),
        );
        let text = stdout(&output);
        // `CN = x` in OpenSSL 3.0, `CN=x` later on.
        let squeezed = text.replace(" = ", "=");
        assert_says(
            &squeezed,
            &[
                "s:CN=service.dev.example.com",
                "i:CN=ratel",
                "Verify return code: 0 (ok)",
            ],
        );
        assert_eq!(
            text.matches("BEGIN CERTIFICATE").count(),
            2,
            "leaf and CA, {origin}:\n{text}"
        );
    }
}

/// TLS 1.2 and 1.3 origins that are not written in Rust.
#[test]
fn s_server_is_an_origin() {
    let Some(openssl) = peer::find("openssl") else {
        return;
    };
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    for version in ["-tls1_2", "-tls1_3"] {
        let mut server = Command::new(&openssl)
            .args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-www",
                version,
                "-cert",
            ])
            .arg(identity.cert_file())
            .arg("-key")
            .arg(identity.key_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
        let port: u16 = lines
            .find_map(|line| {
                line.ok()?
                    .strip_prefix("ACCEPT ")?
                    .rsplit(':')
                    .next()?
                    .trim()
                    .parse()
                    .ok()
            })
            .expect("s_server says where it listens");
        let ratel = trusting(reverse(&format!("https://localhost:{port}")), &ca.file()).start();
        let reply = ratel_testkit::wire::get(ratel.port(), "/");
        assert_eq!(reply.status, 200, "{version}: {}", reply.text());
        assert!(
            reply.text().contains(if version == "-tls1_2" {
                "TLSv1.2"
            } else {
                "TLSv1.3"
            }),
            "{}",
            reply.text()
        );
        let _ = server.kill();
        let _ = server.wait();
    }
}

/// The files that each platform wants, with the key readable by its owner alone, and the same CA after a restart.
#[test]
fn ca_files_are_made_once_with_the_right_modes() {
    use std::os::unix::fs::PermissionsExt as _;
    let confdir = tempfile::tempdir().expect("a temporary folder");
    let folder = confdir.path().join("made").join("by-ratel");
    let start = || {
        crate::common::dump()
            .args(["--set".to_owned(), format!("confdir={}", folder.display())])
            .start()
    };
    drop(start());
    let mode = |name: &str| {
        std::fs::metadata(folder.join(name))
            .expect(name)
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(""), 0o700, "the folder");
    for name in ["ratel-ca.pem", "ratel-ca.p12"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    for name in [
        "ratel-ca-cert.pem",
        "ratel-ca-cert.cer",
        "ratel-ca-cert.p12",
    ] {
        assert!(
            mode(name) & 0o044 != 0,
            "{name} is for others to read, but has mode {:o}",
            mode(name)
        );
    }
    let before = std::fs::read(folder.join("ratel-ca.pem")).expect("the CA");
    let ratel = start();
    assert_eq!(
        std::fs::read(folder.join("ratel-ca.pem")).expect("the CA"),
        before
    );
    // A client that trusts the certificate file accepts what is minted.
    let origin = ratel_testkit::Origin::answering(origin::ok("x"));
    let mut wire = Wire::connect(ratel.port());
    let connect = format!(
        "CONNECT 127.0.0.1:{0} HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\n\r\n",
        origin.port()
    );
    wire.send(connect).expect("CONNECT is sent");
    let answer = wire.until(b"\r\n\r\n").expect("an answer to CONNECT");
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        answer.escape_ascii()
    );
}

/// A folder that mitmproxy made works as it is: its CA signs, and nothing in it is changed.
#[test]
fn an_existing_mitmproxy_folder_is_used() {
    let Some(openssl) = peer::find("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (key, cert) = (folder.path().join("key"), folder.path().join("cert"));
    let output = peer::output(
        Command::new(openssl)
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=mitmproxy/O=mitmproxy",
            ])
            .args([
                "-addext",
                "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout",
            ])
            .arg(&key)
            .arg("-out")
            .arg(&cert),
    );
    stdout(&output);
    let read = |path| std::fs::read_to_string(path).expect("openssl wrote a file");
    let pem = folder.path().join("mitmproxy-ca.pem");
    std::fs::write(&pem, read(&key) + &read(&cert)).expect("a file can be written");
    let before = read(&pem);
    let plain = ratel_testkit::Origin::answering(origin::ok("x"));
    let ratel = reverse(&format!("http://localhost:{}", plain.port()))
        .args([
            "--set".to_owned(),
            format!("confdir={}", folder.path().display()),
        ])
        .start();
    let wire = Wire::connect_tls(ratel.port(), "a.example", Some(&cert));
    assert_eq!(
        wire.peer_chain().first(),
        Some(&("a.example".to_owned(), "mitmproxy".to_owned()))
    );
    assert_eq!(read(&pem), before);
}
