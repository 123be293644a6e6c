//! Python's own clients: `http.client` with a tunnel, and `urllib` with proxy variables.

use std::process::Command;

use ratel_testkit::{Ca, Origin, origin, peer};

use crate::common::{dump, stdout, trusting};

const SCRIPT: &str = r#"
import http.client, ssl, sys, urllib.request
proxy, origin_tls, origin_plain, ca = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=ca)
tunnel = http.client.HTTPSConnection("127.0.0.1", proxy, context=context, timeout=20)
tunnel.set_tunnel("localhost", origin_tls)
for body in (b"", b"x" * 100_000, (b"chunk" for _ in range(3))):
    tunnel.request("POST", "/client", body=body, headers={"X-Case": "Kept"})
    response = tunnel.getresponse()
    print("client", response.status, response.read().decode())
handler = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{proxy}", "https": f"http://127.0.0.1:{proxy}"})
opener = urllib.request.build_opener(handler, urllib.request.HTTPSHandler(context=context))
for url in (f"http://localhost:{origin_plain}/plain", f"https://localhost:{origin_tls}/tls"):
    with opener.open(url, timeout=20) as response:
        print("urllib", response.status, response.read().decode())
"#;

fn answer(wire: ratel_testkit::Wire) {
    origin::serve(wire, |head, body| {
        let first = head.lines().next().unwrap_or_default();
        origin::ok(format!("{first} with {} bytes", body.len()))
    });
}

#[test]
fn http_client_and_urllib_work_through_the_proxy() {
    let Some(python) = peer::find("python3") else {
        return;
    };
    let ca = Ca::new();
    let tls = Origin::tls(&ca.issue(&["localhost"]), |mut wire| {
        // The third request is chunked, which `serve` does not read.
        for _ in 0..2 {
            let Ok(head) = wire.until(b"\r\n\r\n") else {
                return;
            };
            let head = String::from_utf8_lossy(&head).into_owned();
            let length = if head.contains("100000") { 100_000 } else { 0 };
            let Ok(body) = wire.exactly(length) else {
                return;
            };
            let first = head.lines().next().unwrap_or_default();
            if wire
                .send(origin::ok(format!("{first} with {} bytes", body.len())))
                .is_err()
            {
                return;
            }
            if head.starts_with("GET") {
                return;
            }
        }
        let Ok(head) = wire.until(b"0\r\n\r\n") else {
            return;
        };
        let text = String::from_utf8_lossy(&head).into_owned();
        assert!(
            text.contains("Transfer-Encoding: chunked") && text.contains("5\r\nchunk\r\n"),
            "{text}"
        );
        let _ = wire.send(origin::ok("chunks came"));
    });
    let plain = Origin::plain(answer);
    let ratel = trusting(dump(), &ca.file()).start();
    let ports = [ratel.port(), tls.port(), plain.port()].map(|port| port.to_string());
    let output = peer::output(
        Command::new(python)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .args(["-c", SCRIPT])
            .args(ports)
            .arg(ratel.config_file("ratel-ca-cert.pem")),
    );
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
        ratel.output()
    );
    let lines = stdout(&output);
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "client 200 POST /client HTTP/1.1 with 0 bytes",
            "client 200 POST /client HTTP/1.1 with 100000 bytes",
            "client 200 chunks came",
            "urllib 200 GET /plain HTTP/1.1 with 0 bytes",
            "urllib 200 GET /tls HTTP/1.1 with 0 bytes",
        ]
    );
}
