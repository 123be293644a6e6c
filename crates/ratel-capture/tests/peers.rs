//! What curl, nginx, openssl and others have said to each other, read back from captures.

mod common;

use std::path::Path;
use std::process::Command;

use common::{flows, line, lines};
use ratel_flow::{Detail, Record, TlsVersion};
use ratel_testkit::{Ca, Capture, Identity, Key, Nginx, SServer, peer};

fn identity() -> (Ca, Identity) {
    let ca = Ca::new();
    let identity = ca.issue_for_key(&["localhost"], Key::Rsa(2048));
    (ca, identity)
}

/// Runs curl, which logs its secrets.
fn curl(keys: &Path, args: &[&str]) -> Option<String> {
    let curl = peer::find("curl")?;
    let output = peer::output(
        Command::new(curl)
            .args(["-sS", "-k", "--max-time", "20"])
            .args(args)
            .env("SSLKEYLOGFILE", keys),
    );
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {error}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn tls_of(flow: &Record) -> &ratel_flow::TlsInfo {
    let server = flow.server_conn.as_ref().expect("a server");
    let tls = server.tls.as_deref().expect("TLS");
    assert_eq!(tls.engine, None, "nobody here has done that handshake");
    tls
}

#[test]
fn plain_http_of_curl_and_nginx() {
    let (_ca, identity) = identity();
    let Some(nginx) = Nginx::start(&identity) else {
        return;
    };
    std::fs::write(nginx.root().join("large"), "x".repeat(3_000_000)).expect("a file");
    let capture = Capture::start(nginx.http);
    let keys = tempfile::NamedTempFile::new().expect("a file");
    let base = format!("http://localhost:{}", capture.port);
    let urls = ["/hello", "/large", "/none", "/echo-uri"].map(|path| format!("{base}{path}"));
    let mut args: Vec<&str> = urls.iter().map(String::as_str).collect();
    args.extend([
        "-o",
        "/dev/null",
        "-o",
        "/dev/null",
        "-o",
        "/dev/null",
        "-o",
        "/dev/null",
    ]);
    if curl(keys.path(), &args).is_none() {
        return;
    }
    let found = flows(&capture.pcap(), None);
    assert_eq!(
        lines(&found),
        [
            "GET http://localhost/hello HTTP/1.1 200 hello from nginx",
            "GET http://localhost/large HTTP/1.1 200 3000000b",
            "GET http://localhost/none HTTP/1.1 404 153b",
            "GET http://localhost/echo-uri HTTP/1.1 200 /echo-uri",
        ]
    );
    let [first, second, ..] = &found[..] else {
        panic!()
    };
    assert_eq!(
        first.client_conn.id, second.client_conn.id,
        "one connection"
    );
    assert_eq!(first.client_conn.sockname.port(), capture.port);
}

/// What the server and curl are told, and the suite that comes of it.
#[rustfmt::skip]
const SUITES: [(&str, &str, TlsVersion, &str); 15] = [
    ("-tls1_3", "--tls13-ciphers TLS_AES_128_GCM_SHA256", TlsVersion::Tls13, "TLS_AES_128_GCM_SHA256"),
    ("-tls1_3", "--tls13-ciphers TLS_AES_256_GCM_SHA384", TlsVersion::Tls13, "TLS_AES_256_GCM_SHA384"),
    ("-tls1_3", "--tls13-ciphers TLS_CHACHA20_POLY1305_SHA256", TlsVersion::Tls13, "TLS_CHACHA20_POLY1305_SHA256"),
    ("-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256", "--tls13-ciphers TLS_AES_128_CCM_SHA256", TlsVersion::Tls13, "TLS_AES_128_CCM_SHA256"),
    ("-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256", "--tls13-ciphers TLS_AES_128_CCM_8_SHA256", TlsVersion::Tls13, "TLS_AES_128_CCM_8_SHA256"),
    ("-tls1_2", "--ciphers ECDHE-RSA-AES128-GCM-SHA256", TlsVersion::Tls12, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ("-tls1_2", "--ciphers ECDHE-RSA-AES256-GCM-SHA384", TlsVersion::Tls12, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    ("-tls1_2", "--ciphers ECDHE-RSA-CHACHA20-POLY1305", TlsVersion::Tls12, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("-tls1_2", "--ciphers ECDHE-RSA-AES256-SHA384", TlsVersion::Tls12, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    ("-tls1_2", "--ciphers AES128-SHA", TlsVersion::Tls12, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    ("-tls1_2 -legacy_renegotiation", "--ciphers AES128-SHA256", TlsVersion::Tls12, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    ("-tls1_2", "--ciphers AES256-CCM8", TlsVersion::Tls12, "TLS_RSA_WITH_AES_256_CCM_8"),
    ("-tls1_2", "--ciphers DHE-RSA-CAMELLIA128-SHA256", TlsVersion::Tls12, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA256"),
    ("-tls1_1", "--tls-max 1.1 --ciphers ECDHE-RSA-AES128-SHA:@SECLEVEL=0", TlsVersion::Tls11, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    ("-tls1", "--tls-max 1.0 --ciphers AES256-SHA:@SECLEVEL=0", TlsVersion::Tls10, "TLS_RSA_WITH_AES_256_CBC_SHA"),
];

#[test]
fn every_version_and_cipher_of_openssl() {
    let (_ca, identity) = identity();
    for (server, client, version, cipher) in SUITES {
        let mut server: Vec<_> = server.split(' ').collect();
        server.extend(["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
        let Some(server) = SServer::start(&identity, &server) else {
            return;
        };
        let capture = Capture::start(server.port);
        let keys = tempfile::NamedTempFile::new().expect("a file");
        let url = format!("https://localhost:{}/page", capture.port);
        let mut args = vec![&url[..], "--tlsv1.0"];
        args.extend(client.split(' '));
        let Some(page) = curl(keys.path(), &args) else {
            return;
        };
        let found = flows(&capture.pcap(), Some(keys.path()));
        let [flow] = &found[..] else {
            panic!("{cipher}: {:?}", lines(&found));
        };
        let expected = format!("GET https://localhost/page HTTP/1.1 200 {}b", page.len());
        assert_eq!(line(flow), expected, "{cipher}");
        let body = flow.http().map(|http| http.response_body.whole(1 << 20));
        let body = body.and_then(|body| body.expect("it can be read"));
        assert_eq!(body.as_deref(), Some(page.as_bytes()), "{cipher}");
        let tls = tls_of(flow);
        assert_eq!(
            (tls.version, tls.cipher.as_deref()),
            (Some(version), Some(cipher))
        );
        assert_eq!(tls.sni.as_deref(), Some("localhost"));
        assert_eq!(tls.certificates.len(), 1, "{cipher}");
        assert!(tls.group.is_some(), "{cipher}");

        // Without its secrets it says what is missing.
        let found = flows(&capture.pcap(), None);
        let [flow] = &found[..] else {
            panic!("{cipher}: {:?}", lines(&found));
        };
        let missing = match version {
            TlsVersion::Tls13 => "CLIENT_TRAFFIC_SECRET_0",
            _ => "CLIENT_RANDOM",
        };
        let error = flow.error.as_ref().expect("an error");
        assert!(matches!(flow.detail, Detail::Connection));
        assert!(
            error.message.contains("TLS to localhost is sealed"),
            "{error}"
        );
        assert!(error.message.contains(missing), "{error}");
        let hint = error.hint.as_deref().expect("a hint");
        assert!(hint.contains("SSLKEYLOGFILE"), "{hint}");
    }
}

#[test]
fn http2_of_curl_and_nginx() {
    let (_ca, identity) = identity();
    let Some(nginx) = Nginx::http2(&identity, "") else {
        return;
    };
    std::fs::write(nginx.root().join("large"), "x".repeat(500_000)).expect("a file");
    let capture = Capture::start(nginx.https);
    let keys = tempfile::NamedTempFile::new().expect("a file");
    let base = format!("https://localhost:{}", capture.port);
    let urls = ["/hello", "/large", "/none"].map(|path| format!("{base}{path}"));
    let mut args = vec![
        "--http2",
        "-H",
        "x-long: 0123456789012345678901234567890123456789",
    ];
    args.extend(urls.iter().map(String::as_str));
    args.extend(["-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null"]);
    if curl(keys.path(), &args).is_none() {
        return;
    }
    let found = flows(&capture.pcap(), Some(keys.path()));
    assert_eq!(
        lines(&found),
        [
            "GET https://localhost/hello HTTP/2.0 200 hello from nginx",
            "GET https://localhost/large HTTP/2.0 200 500000b",
            "GET https://localhost/none HTTP/2.0 404 153b",
        ]
    );
    let http = found[2].http().expect("HTTP");
    assert_eq!(
        http.request.pseudo.get(":authority"),
        Some(format!("localhost:{}", capture.port).as_bytes())
    );
    assert_eq!(
        http.request.headers.get("x-long").map(<[u8]>::len),
        Some(40)
    );
    assert_eq!(tls_of(&found[0]).alpn.as_deref(), Some(&b"h2"[..]));
}

#[test]
fn http2_without_tls() {
    let Some(nghttpd) = peer::find("nghttpd") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("hello"), "hello from nghttpd").expect("a file");
    let port = ratel_testkit::nginx::free_port();
    let mut child = Command::new(nghttpd)
        .args(["--no-tls", "-d"])
        .arg(folder.path())
        .arg(port.to_string())
        .spawn()
        .expect("nghttpd can be started");
    ratel_testkit::wait::until("nghttpd to listen", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let capture = Capture::start(port);
    let keys = tempfile::NamedTempFile::new().expect("a file");
    let url = format!("http://localhost:{}/hello", capture.port);
    let asked = curl(
        keys.path(),
        &["--http2-prior-knowledge", &url, "-d", "a body"],
    );
    let _ = child.kill();
    let _ = child.wait();
    if asked.is_none() {
        return;
    }
    let found = flows(&capture.pcap(), None);
    assert_eq!(
        lines(&found),
        ["POST http://localhost/hello HTTP/2.0 200 hello from nghttpd",]
    );
    let body = found[0]
        .http()
        .map(|http| http.request_body.whole(100).expect("a body"));
    assert_eq!(body.flatten().as_deref(), Some(&b"a body"[..]));
}

/// A server that sends back what it gets, and a client that says a few things.
const SERVER: &str = r#"
import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
"#;
const CLIENT: &str = r#"
import asyncio, sys, websockets
async def main():
    kwargs = {} if sys.argv[2] == "deflate" else {"compression": None}
    async with websockets.connect(f"ws://127.0.0.1:{sys.argv[1]}/socket", **kwargs) as socket:
        for message in ["hello", b"\x01\x02", "x" * 70000, ""]:
            await socket.send(message)
            assert await socket.recv() == message
        await (await socket.ping(b"there?"))
        await socket.send(["in ", "two"])
        await socket.recv()
asyncio.run(main())
"#;

#[test]
fn websockets_with_and_without_compression() {
    let Some(server) = ratel_testkit::Service::start(SERVER, [""; 0]) else {
        return;
    };
    let Some(python) = ratel_testkit::service::python() else {
        return;
    };
    for deflate in ["deflate", "plain"] {
        let capture = Capture::start(server.port);
        let mut client = Command::new(&python);
        client.args(["-c", CLIENT, &capture.port.to_string(), deflate]);
        let output = peer::output(&mut client);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = flows(&capture.pcap(), None);
        let messages = "[>text hello <text hello >binary \\u{1}\\u{2} <binary \\u{1}\\u{2} >text 70000b <text 70000b >text  <text  \
            >ping there? <pong there? >text in two <text in two] closed 1000";
        assert_eq!(
            lines(&found),
            [format!(
                "GET http://127.0.0.1/socket HTTP/1.1 101  {messages}"
            )],
            "{deflate}"
        );
        let http = found[0].http().expect("HTTP");
        let websocket = http.websocket.as_ref().expect("a WebSocket");
        let first = websocket
            .messages
            .iter()
            .next()
            .expect("one")
            .expect("it can be read");
        let compressed = first.flags.contains(ratel_flow::MessageFlags::COMPRESSED);
        assert_eq!(compressed, deflate == "deflate");
    }
}

/// Packets as they pass the loopback interface, which takes the rights to see them.
#[test]
fn packets_of_the_loopback_interface() {
    let (_ca, identity) = identity();
    let (Some(nginx), Some(dumpcap)) = (Nginx::http2(&identity, ""), peer::find("dumpcap")) else {
        return;
    };
    let interface = if cfg!(target_os = "macos") {
        "lo0"
    } else {
        "lo"
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (file, keys) = (
        folder.path().join("lo.pcapng"),
        folder.path().join("keys.log"),
    );
    let mut child = Command::new(dumpcap)
        .args(["-q", "-i", interface, "-f"])
        .arg(format!(
            "tcp port {} or tcp port {}",
            nginx.http, nginx.https
        ))
        .arg("-w")
        .arg(&file)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("dumpcap can be started");
    let read = || std::fs::read(&file).unwrap_or_default();
    // What is asked for again and again until it is seen: then the capture is running.
    let marker = format!("http://127.0.0.1:{}/echo-uri?begin", nginx.http);
    let seen = |text: &str| memchr_find(&read(), text.as_bytes());
    let mut tries = 0;
    while !seen("/echo-uri?begin HTTP") {
        if child.try_wait().expect("a child").is_some() {
            ratel_testkit::peer::notice(
                "packets of the loopback interface cannot be captured here",
            );
            return;
        }
        tries += 1;
        assert!(tries < 200, "nothing is captured");
        curl(&keys, &[&marker]).expect("curl is there");
    }
    let urls = [
        format!("https://localhost:{}/hello", nginx.https),
        format!("http://localhost:{}/hello", nginx.http),
    ];
    curl(&keys, &["--http2", &urls[0], &urls[1]]).expect("curl is there");
    let end = format!("http://127.0.0.1:{}/echo-uri?end", nginx.http);
    let mut tries = 0;
    while !seen("/echo-uri?end HTTP") {
        tries += 1;
        assert!(tries < 200, "the end is not captured");
        curl(&keys, &[&end]).expect("curl is there");
    }
    ratel_testkit::process::signal(child.id(), "INT");
    let _ = child.wait();
    let found = flows(&read(), Some(&keys));
    let lines: Vec<_> = lines(&found)
        .into_iter()
        .filter(|line| line.contains("/hello"))
        .collect();
    assert_eq!(
        lines,
        [
            "GET https://localhost/hello HTTP/2.0 200 hello from nginx",
            "GET http://localhost/hello HTTP/1.1 200 hello from nginx",
        ]
    );
}

fn memchr_find(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
