//! A browser through the program: Chromium opens a WebSocket and an EventSource over intercepted TLS.

use std::process::{Child, Command, Stdio};

use ratel_testkit::{Ca, Nginx, Service, peer};

use crate::common::{assert_says, dump, stdout, trusting};

const SITE: &str = include_str!("../peers/browser_site.py");
const ECHO: &str = include_str!("../peers/websocket_echo.py");

struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The hash by which Chromium is told to trust a certificate: of its public key, in base64.
fn key_hash(certificate: &std::path::Path) -> Option<String> {
    let openssl = peer::find("openssl")?;
    let script = "$0 x509 -in $1 -pubkey -noout | $0 pkey -pubin -outform der | $0 dgst -sha256 -binary | $0 base64";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(openssl).arg(certificate);
    Some(stdout(&peer::output(&mut command)).trim().to_owned())
}

#[test]
fn chromium_opens_an_event_source_and_a_websocket() {
    streams_through("http");
}

/// To a proxy that it reaches over TLS Chromium speaks HTTP/2, with a CONNECT stream for each tunnel.
#[test]
fn chromium_does_so_over_an_http2_connection_to_the_proxy() {
    streams_through("https");
}

/// An ordinary site: the page comes over HTTP/2, and its WebSocket can be had over HTTP/1 only.
#[test]
fn chromium_opens_a_websocket_of_a_site_on_http2() {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let Some(echo) = Service::start(ECHO, [""; 0]) else {
        return;
    };
    let files = [identity.cert_file(), identity.key_file()];
    let [cert, key] = files.map(|file| file.display().to_string());
    let Some(site) = Service::start(SITE, [cert, key, String::new()]) else {
        return;
    };
    let locations = format!(
        r#"
    location = /chat {{
      proxy_pass http://127.0.0.1:{};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
    location / {{ proxy_pass https://127.0.0.1:{}; proxy_buffering off; }}
"#,
        echo.port, site.port
    );
    let Some(nginx) = Nginx::http2(&identity, &locations) else {
        return;
    };
    let Some(log) = browse("http", &ca, &site, nginx.https) else {
        return;
    };
    // Over HTTP/2 a WebSocket is asked for by CONNECT.
    let chat = log.lines().find(|line| line.contains("/chat"));
    assert!(chat.is_some_and(|line| line.contains("CONNECT")), "{log}");
}

fn streams_through(scheme: &str) {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let files = [identity.cert_file(), identity.key_file()];
    let Some(echo) = Service::start(ECHO, &files) else {
        return;
    };
    let port = echo.port.to_string();
    let [cert, key] = files.map(|file| file.display().to_string());
    let Some(site) = Service::start(SITE, [cert, key, port]) else {
        return;
    };
    if let Some(log) = browse(scheme, &ca, &site, site.port) {
        assert_says(&log, &["/events", "/chat", "101"]);
    }
}

/// Opens the page at this port through a proxy of this scheme and waits until it reports that all went well to `site`;
/// what the proxy printed, or `None` where there is no browser.
fn browse(scheme: &str, ca: &Ca, site: &Service, port: u16) -> Option<String> {
    let chromium = peer::find("chromium")?;
    let ratel = trusting(dump(), &ca.file()).start();
    let hash = key_hash(&ratel.config_file("ratel-ca-cert.pem"))?;
    let profile = tempfile::tempdir().expect("a temporary folder");
    let browser = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Localhost is not proxied unless told so.
            "--proxy-bypass-list=<-loopback>",
        ])
        .arg(format!(
            "--proxy-server={scheme}://localhost:{}",
            ratel.port()
        ))
        .arg(format!("--ignore-certificate-errors-spki-list={hash}"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("https://localhost:{port}/"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromium can be started");
    let browser = Browser(browser);
    let report = site.line();
    assert_eq!(
        report,
        "/report?event%200%2Cevent%201%2Cevent%202%2Csocket%2070000%2Csocket%20hello",
        "{}",
        ratel.output()
    );
    drop(browser);
    Some(ratel.terminate().1)
}
