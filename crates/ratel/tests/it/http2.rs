//! HTTP/2 with other people's clients and servers: curl, nghttp, h2load, nghttpd.

use std::process::{Child, Command, Stdio};

use ratel_testkit::nginx::free_port;
use ratel_testkit::{Ca, Identity, peer, wait};

use crate::common::{assert_says, curl, reverse, stdout, trusting};

/// An nghttpd of the test's own; ended on drop.
struct Nghttpd {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Nghttpd {
    /// With TLS if there is an identity. It sends trailers with everything.
    fn start(identity: Option<&Identity>) -> Option<Self> {
        let program = peer::find("nghttpd")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("hello"), "hello from nghttpd\n")
            .expect("it is writable");
        let port = free_port();
        let mut command = Command::new(program);
        command
            .args([
                "-a",
                "127.0.0.1",
                "--trailer",
                "x-trailer: kept",
                "--echo-upload",
            ])
            .arg("-d")
            .arg(folder.path());
        if identity.is_none() {
            command.arg("--no-tls");
        }
        command.arg(port.to_string());
        if let Some(identity) = identity {
            command.args([identity.key_file(), identity.cert_file()]);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nghttpd can be started");
        wait::until("nghttpd to listen", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Some(Self {
            child,
            port,
            folder,
        })
    }
}

impl Drop for Nghttpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nghttp(args: &[&str]) -> Option<String> {
    let program = peer::find("nghttp")?;
    let output = peer::output(Command::new(program).args(args));
    Some(stdout(&output))
}

#[test]
fn curl_gets_what_the_server_agreed_to() {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let Some(server) = Nghttpd::start(Some(&identity)) else {
        return;
    };
    let url = format!("https://localhost:{}", server.port);
    let ratel = trusting(reverse(&url), &ca.file()).start();
    let own = ratel.config_file("ratel-ca-cert.pem").display().to_string();
    let write = "%{http_version} %{http_code}\n";
    let client = format!("https://localhost:{}/hello", ratel.port());
    for (flag, expected) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let args = ["--ipv4", flag, "--cacert", &own, "-w", write, &client];
        let Some(output) = curl(args) else { return };
        assert_eq!(
            stdout(&output),
            format!("hello from nghttpd\n{expected}\n"),
            "{}",
            ratel.output()
        );
    }
    let (_, log) = ratel.terminate();
    assert_says(&log, &["/hello HTTP/2.0", "<< HTTP/2.0 200"]);
}

#[test]
fn without_http2_nobody_speaks_it() {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let Some(server) = Nghttpd::start(Some(&identity)) else {
        return;
    };
    let url = format!("https://localhost:{}", server.port);
    let ratel = trusting(reverse(&url), &ca.file())
        .arg("--no-http2")
        .start();
    let own = ratel.config_file("ratel-ca-cert.pem").display().to_string();
    let client = format!("https://localhost:{}/hello", ratel.port());
    let args = [
        "--ipv4",
        "--http2",
        "--cacert",
        &own,
        "-o",
        "/dev/null",
        "-w",
        "%{http_version}",
        &client,
    ];
    let Some(output) = curl(args) else { return };
    assert_eq!(stdout(&output), "1.1");
    let plain = format!("http://localhost:{}/hello", ratel.port());
    let Some(output) = curl(["--ipv4", "--http2-prior-knowledge", &plain]) else {
        return;
    };
    assert!(
        !output.status.success(),
        "HTTP/2 without TLS is refused too"
    );
}

#[test]
fn h2c_passes_with_trailers_and_uploads() {
    let Some(server) = Nghttpd::start(None) else {
        return;
    };
    let ratel = reverse(&format!("http://127.0.0.1:{}", server.port)).start();
    let url = format!("http://127.0.0.1:{}", ratel.port());
    let Some(seen) = nghttp(&["-v", &format!("{url}/hello")]) else {
        return;
    };
    assert_says(
        &seen,
        &[
            "recv (stream_id=13) :status: 200",
            "hello from nghttpd",
            "x-trailer: kept",
        ],
    );
    let body = server.folder.path().join("body");
    std::fs::write(&body, vec![b'x'; 3_000_000]).expect("it is writable");
    let Some(output) = curl([
        "--http2-prior-knowledge",
        "--data-binary",
        &format!("@{}", body.display()),
        "-o",
        "/dev/null",
        "-w",
        "%{size_upload} %{size_download} %{http_code}",
        &format!("{url}/upload"),
    ]) else {
        return;
    };
    assert_eq!(stdout(&output), "3000000 3000000 200", "{}", ratel.output());
}

#[test]
fn an_http1_client_reaches_an_http2_server_when_told_to() {
    let Some(server) = Nghttpd::start(None) else {
        return;
    };
    let ratel = reverse(&format!("http://127.0.0.1:{}", server.port))
        .args(["--set", "h2c_upstream=always"])
        .start();
    let url = format!("http://127.0.0.1:{}/hello", ratel.port());
    let Some(output) = curl(["--http1.1", "-i", &url]) else {
        return;
    };
    assert_says(&stdout(&output), &["HTTP/1.1 200 OK", "hello from nghttpd"]);
}

#[test]
fn a_load_of_streams_goes_through_a_tunnel() {
    let (Some(h2load), Some(server)) = (peer::find("h2load"), Nghttpd::start(None)) else {
        return;
    };
    let ratel = reverse(&format!("http://127.0.0.1:{}", server.port)).start();
    let mut command = Command::new(h2load);
    command
        .args(["-n", "3000", "-c", "3", "-m", "100"])
        .arg(format!("http://127.0.0.1:{}/hello", ratel.port()));
    let report = stdout(&peer::output(&mut command));
    assert_says(&report, &["3000 succeeded, 0 failed, 0 errored, 0 timeout"]);
}

#[test]
fn a_server_of_http2_without_tls_needs_no_option() {
    let Some(server) = Nghttpd::start(None) else {
        return;
    };
    let ratel = reverse(&format!("http://localhost:{}", server.port)).start();
    let url = format!("http://localhost:{}/hello", ratel.port());
    for _ in 0..2 {
        let Some(output) = curl(["--ipv4", &url]) else {
            return;
        };
        assert_eq!(stdout(&output), "hello from nghttpd\n");
    }
    // What is known of it holds for what comes after, also for requests that could not be sent twice.
    let Some(output) = curl(["--ipv4", "-d", "some", &url]) else {
        return;
    };
    assert_eq!(stdout(&output), "some");
}
