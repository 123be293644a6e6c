//! What TLS does beyond a first handshake: sessions that go on, early data, fresh keys, certificates of clients, secrets
//! in the capture itself, losses; and TLS that begins late.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::packets::Talk;
use common::{flows, lines};
use ratel_capture::{CaptureReader, KeyLog};
use ratel_flow::{Record, TlsVersion};
use ratel_testkit::{Ca, Capture, Identity, Key, Nginx, SServer, peer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, Stream};

fn identity() -> (Ca, Identity) {
    let ca = Ca::new();
    let identity = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    (ca, identity)
}

/// An nginx that speaks TLS 1.3, too.
fn nginx(identity: &Identity, directives: &str) -> Option<Nginx> {
    Nginx::http2(
        identity,
        &format!("ssl_protocols TLSv1.2 TLSv1.3; {directives}"),
    )
}

/// Trusts anybody.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A key log in memory.
#[derive(Debug, Default)]
struct Secrets(Mutex<String>);

impl rustls::KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.0.lock().expect("a lock").push_str(&line);
    }
}

/// A client that keeps its sessions, and the secrets it logs.
fn client(version: &'static rustls::SupportedProtocolVersion) -> (Arc<ClientConfig>, Arc<Secrets>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let secrets = Arc::<Secrets>::default();
    config.key_log = secrets.clone();
    config.enable_early_data = true;
    (Arc::new(config), secrets)
}

/// Asks for a page; `refresh` changes the keys before. What came back is whole.
fn ask(config: &Arc<ClientConfig>, port: u16, path: &str, refresh: bool) {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut tls = ClientConnection::new(config.clone(), name).expect("a client");
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut early = false;
    if let Some(mut data) = tls.early_data() {
        data.write_all(request.as_bytes()).expect("room");
        early = true;
    }
    let mut stream = Stream::new(&mut tls, &mut tcp);
    if early {
        stream.flush().expect("it can be sent");
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(stream.sock).expect("a handshake");
        }
        early = stream.conn.is_early_data_accepted();
    }
    if !early {
        if refresh {
            stream
                .write_all(&request.as_bytes()[..10])
                .expect("it can be sent");
            stream.conn.refresh_traffic_keys().expect("TLS 1.3");
            stream
                .write_all(&request.as_bytes()[10..])
                .expect("it can be sent");
        } else {
            stream
                .write_all(request.as_bytes())
                .expect("it can be sent");
        }
    }
    let mut response = Vec::new();
    // Some servers close without saying so.
    let _ = stream.read_to_end(&mut response);
    assert!(
        response.starts_with(b"HTTP/1.1 200"),
        "{}",
        response.escape_ascii()
    );
}

fn read(capture: &Capture, secrets: &Secrets) -> Vec<Record> {
    let mut keys = KeyLog::new();
    keys.add(secrets.0.lock().expect("a lock").as_bytes())
        .expect("lines");
    let file = std::io::Cursor::new(capture.pcap());
    let reader = CaptureReader::new(file, keys).expect("a capture");
    reader.map(|flow| flow.expect("it is whole")).collect()
}

fn resumed(flow: &Record) -> (Option<TlsVersion>, bool) {
    let tls = flow.client_conn.tls.as_ref().expect("TLS");
    (tls.version, tls.resumed)
}

#[test]
fn sessions_that_go_on_are_opened_too() {
    let (_ca, identity) = identity();
    for (version, name) in [
        (&rustls::version::TLS12, TlsVersion::Tls12),
        (&rustls::version::TLS13, TlsVersion::Tls13),
    ] {
        let Some(nginx) = nginx(&identity, "ssl_session_cache shared:x:1m;") else {
            return;
        };
        let capture = Capture::start(nginx.https);
        let (config, secrets) = client(version);
        ask(&config, capture.port, "/hello", false);
        ask(&config, capture.port, "/echo-uri", false);
        let found = read(&capture, &secrets);
        assert_eq!(
            lines(&found),
            [
                "GET https://localhost/hello HTTP/1.1 200 hello from nginx",
                "GET https://localhost/echo-uri HTTP/1.1 200 /echo-uri",
            ]
        );
        assert_eq!(resumed(&found[0]), (Some(name), false));
        assert_eq!(resumed(&found[1]), (Some(name), true));
    }
}

#[test]
fn early_data_are_read_whether_taken_or_not() {
    let (_ca, identity) = identity();
    for taken in ["on", "off"] {
        let directives = format!("ssl_early_data {taken};");
        let Some(nginx) = nginx(&identity, &directives) else {
            return;
        };
        let capture = Capture::start(nginx.https);
        let (config, secrets) = client(&rustls::version::TLS13);
        for path in ["/hello", "/echo-uri", "/echo-uri?again"] {
            ask(&config, capture.port, path, false);
        }
        let found = read(&capture, &secrets);
        assert_eq!(
            lines(&found),
            [
                "GET https://localhost/hello HTTP/1.1 200 hello from nginx",
                "GET https://localhost/echo-uri HTTP/1.1 200 /echo-uri",
                "GET https://localhost/echo-uri?again HTTP/1.1 200 /echo-uri?again",
            ],
            "{taken}"
        );
        let early = found.iter().map(|flow| flow.client_conn.tls.as_ref());
        let early = early
            .filter(|tls| tls.is_some_and(|tls| tls.early_data_offered))
            .count();
        assert_eq!(early, if taken == "on" { 2 } else { 0 }, "{taken}");
    }
}

#[test]
fn fresh_keys_are_followed() {
    let (_ca, identity) = identity();
    let Some(nginx) = nginx(&identity, "") else {
        return;
    };
    let capture = Capture::start(nginx.https);
    let (config, secrets) = client(&rustls::version::TLS13);
    ask(&config, capture.port, "/hello", true);
    let found = read(&capture, &secrets);
    assert_eq!(
        lines(&found),
        ["GET https://localhost/hello HTTP/1.1 200 hello from nginx"]
    );
}

#[test]
fn certificates_of_clients_are_on_record_and_missing_ones_explained() {
    let (ca, identity) = identity();
    let own = ca.issue_for_key(&["me.example"], Key::Rsa(2048));
    let file = ca.file().display().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let args = [version, "-Verify", "2", "-CAfile", &file];
        let Some(server) = SServer::start(&identity, &args) else {
            return;
        };
        let capture = Capture::start(server.port);
        let keys = tempfile::NamedTempFile::new().expect("a file");
        let Some(curl) = peer::find("curl") else {
            return;
        };
        let url = format!("https://localhost:{}/", capture.port);
        let ask = |with: bool| {
            let mut command = Command::new(&curl);
            command.args(["-sS", "-k", "--max-time", "20", "-o", "/dev/null", &url]);
            command.env("SSLKEYLOGFILE", keys.path());
            if with {
                command
                    .arg("--cert")
                    .arg(own.cert_file())
                    .arg("--key")
                    .arg(own.key_file());
            }
            peer::output(&mut command).status.success()
        };
        assert!(ask(true), "{version}");
        assert!(!ask(false), "{version}");
        let found = flows(&capture.pcap(), Some(keys.path()));
        let [with, without] = &found[..] else {
            panic!("{version}: {:?}", lines(&found));
        };
        let tls = with.client_conn.tls.as_ref().expect("TLS");
        let pem = std::fs::read(own.cert_file()).expect("a file");
        let der = openssl::x509::X509::from_pem(&pem).and_then(|cert| cert.to_der());
        let der = der.expect("a certificate");
        assert_eq!(
            tls.certificates.first().map(|certificate| &certificate[..]),
            Some(&der[..])
        );
        let error = without.error.as_ref().expect("an error").message.clone();
        let expected = match version {
            "-tls1_2" => "the server ended the TLS to localhost handshake: handshake failure",
            _ => "the server ended the TLS to localhost handshake: a certificate is required",
        };
        // A client of TLS 1.3 may have asked before it is told.
        let told = &*error == expected || error.ends_with("before a response came");
        assert!(told, "{version}: {error}");
    }
}

#[test]
fn refused_certificates_are_explained() {
    let (_ca, identity) = identity();
    let Some(nginx) = nginx(&identity, "") else {
        return;
    };
    let capture = Capture::start(nginx.https);
    let Some(curl) = peer::find("curl") else {
        return;
    };
    let url = format!("https://localhost:{}/", capture.port);
    let output = peer::output(Command::new(curl).args([
        "-sS",
        "--max-time",
        "20",
        "--tls-max",
        "1.2",
        &url,
    ]));
    assert!(!output.status.success());
    assert_eq!(
        lines(&flows(&capture.pcap(), None)),
        [
            "connection !the client ended the TLS to localhost handshake: unknown certificate authority"
        ]
    );
}

#[test]
fn secrets_in_the_capture_are_used() {
    let (_ca, identity) = identity();
    let Some(nginx) = nginx(&identity, "") else {
        return;
    };
    let capture = Capture::start(nginx.https);
    let (config, secrets) = client(&rustls::version::TLS13);
    ask(&config, capture.port, "/hello", false);
    ask(&config, capture.port, "/echo-uri", false);
    let Some(editcap) = peer::find("editcap") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("plain.pcap"), capture.pcap()).expect("a file");
    let all = secrets.0.lock().expect("a lock").clone();
    // Two blocks of secrets, each with a half of them.
    let half = all.lines().count() / 2;
    let (first, second): (Vec<_>, Vec<_>) = all.lines().enumerate().partition(|(n, _)| *n < half);
    for (name, lines) in [("first", first), ("second", second)] {
        let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        std::fs::write(file(name), text).expect("a file");
    }
    let mut command = Command::new(&editcap);
    for name in ["first", "second"] {
        let secrets = format!("tls,{}", file(name).display());
        command.arg("--inject-secrets").arg(secrets);
    }
    command.arg(file("plain.pcap")).arg(file("whole.pcapng"));
    let output = peer::output(&mut command);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let whole = std::fs::read(file("whole.pcapng")).expect("a file");
    assert_eq!(
        lines(&flows(&whole, None)),
        [
            "GET https://localhost/hello HTTP/1.1 200 hello from nginx",
            "GET https://localhost/echo-uri HTTP/1.1 200 /echo-uri",
        ]
    );
}

#[test]
fn tls_goes_on_after_a_loss() {
    let (_ca, identity) = identity();
    let Some(nginx) = nginx(&identity, "") else {
        return;
    };
    std::fs::write(nginx.root().join("large"), "x".repeat(400_000)).expect("a file");
    let Some(curl) = peer::find("curl") else {
        return;
    };
    for args in [
        &["--tlsv1.3"][..],
        &["--tls-max", "1.2"],
        &["--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-SHA"],
    ] {
        let capture = Capture::start(nginx.https);
        let keys = tempfile::NamedTempFile::new().expect("a file");
        let base = format!("https://localhost:{}", capture.port);
        let output = peer::output(
            Command::new(&curl)
                .args(["-sS", "-k", "--http1.1", "--max-time", "20"])
                .args(["-o", "/dev/null", "-o", "/dev/null"])
                .args(args)
                .args([format!("{base}/large"), format!("{base}/hello")])
                .env("SSLKEYLOGFILE", keys.path()),
        );
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let whole = capture.pcap();
        let lost = without_packet(&whole, 150);
        let found = lines(&flows(&lost, Some(keys.path())));
        let [large, hello] = &found[..] else {
            panic!("{args:?}: {found:?}");
        };
        assert!(
            large.contains("are not in the capture"),
            "{args:?}: {large}"
        );
        assert_eq!(
            hello, "GET https://localhost/hello HTTP/1.1 200 hello from nginx",
            "{args:?}"
        );
    }
}

/// The file without one of its packets.
fn without_packet(pcap: &[u8], number: usize) -> Vec<u8> {
    let (mut at, mut out, mut n) = (24, pcap[..24].to_vec(), 0);
    while at < pcap.len() {
        let len = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().expect("four bytes"));
        let end = at + 16 + len as usize;
        if n != number {
            out.extend(&pcap[at..end]);
        }
        (at, n) = (end, n + 1);
    }
    assert!(n > number, "there are {n} packets");
    out
}

#[test]
fn tls_may_begin_late() {
    let (_ca, identity) = identity();
    let Some(server) = SServer::start(&identity, &["-tls1_3"]) else {
        return;
    };
    // What says a few lines before it is TLS.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let to = server.port;
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(client.try_clone().expect("a socket"));
            let mut writer = client.try_clone().expect("a socket");
            writer.write_all(b"220 ready\r\n").expect("it can be sent");
            let mut line = String::new();
            lines.read_line(&mut line).expect("a line");
            writer
                .write_all(b"220 go ahead\r\n")
                .expect("it can be sent");
            let upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).expect("a connection");
            let (mut from, mut back) = (client, upstream.try_clone().expect("a socket"));
            std::thread::spawn(move || std::io::copy(&mut back, &mut writer));
            let _ = std::io::copy(&mut from, &mut &upstream);
        }
    });
    let capture = Capture::start(port);
    let (config, secrets) = client(&rustls::version::TLS13);
    let name = ServerName::try_from("localhost").expect("a name");
    let mut tls = ClientConnection::new(config, name).expect("a client");
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, capture.port)).expect("a connection");
    let mut greeting = [0; 11];
    tcp.read_exact(&mut greeting).expect("a greeting");
    tcp.write_all(b"STARTTLS\r\n").expect("it can be sent");
    tcp.read_exact(&mut [0; 14]).expect("an answer");
    let mut stream = Stream::new(&mut tls, &mut tcp);
    stream
        .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .expect("it can be sent");
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    let found = lines(&read(&capture, &secrets));
    assert_eq!(found[0], "TCP [<220 ready >STARTTLS <220 go ahead]");
    assert!(
        found[1].starts_with("GET https://localhost/ HTTP/1.0 200"),
        "{found:?}"
    );
}

#[test]
fn a_handshake_that_is_not_there_is_told() {
    let mut talk = Talk::between("192.0.2.1:40000", "198.51.100.2:443");
    let record = [&[23, 3, 3, 0, 40][..], &[7; 40]].concat();
    talk.client(&record).server(&record).close();
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        [
            "connection !TLS whose handshake is not in the capture: 45 bytes from the client and 45 bytes from the server stay sealed"
        ]
    );
    let mut talk = Talk::between("192.0.2.1:40000", "198.51.100.2:443");
    talk.open()
        .client(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        .close();
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        ["connection !the client has sent something that is no TLS"]
    );
}
