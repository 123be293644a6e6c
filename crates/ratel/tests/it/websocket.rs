//! WebSockets: `websockets`' own client and server, each way there is through the program, and what is on record of them.

use std::process::Command;

use ratel_testkit::{Builder, Ca, Service, peer, service};

use crate::common::{assert_says, reverse, stdout, trusting};

const SERVER: &str = include_str!("../peers/websocket_echo.py");
const CLIENT: &str = include_str!("../peers/websocket_client.py");

/// What the client prints when everything goes as it does without a proxy.
const GOES_WELL: &str = "\
echo True
echo True
echo True
echo True
echo True
fragments one message in fragments
ping True
closed 4001 as you wish
";

fn talk(builder: Builder, tls: bool, compression: &str) -> String {
    let ca = builder.home().join(".ratel/ratel-ca-cert.pem");
    let mut ratel = builder.start();
    let url = format!(
        "{}://localhost:{}/chat",
        if tls { "wss" } else { "ws" },
        ratel.port()
    );
    let python = service::python().expect("the server runs on it");
    let ca = if tls {
        ca.display().to_string()
    } else {
        "-".into()
    };
    let mut command = Command::new(python);
    command.args(["-c", CLIENT, &url, &ca, compression]);
    let printed = stdout(&peer::output(&mut command));
    assert_eq!(printed, GOES_WELL, "{}", ratel.output());
    assert!(ratel.is_alive());
    ratel.terminate().1
}

#[test]
fn messages_pass_plain_and_compressed() {
    let Some(server) = Service::start(SERVER, [""; 0]) else {
        return;
    };
    let url = format!("http://127.0.0.1:{}", server.port);
    for compression in ["plain", "deflate"] {
        let log = talk(reverse(&url), false, compression);
        assert_says(&log, &["/chat", "101"]);
    }
}

#[test]
fn messages_pass_over_tls() {
    let ca = Ca::new();
    let identity = ca.issue(&["localhost"]);
    let Some(server) = Service::start(SERVER, [identity.cert_file(), identity.key_file()]) else {
        return;
    };
    let url = format!("https://localhost:{}", server.port);
    talk(trusting(reverse(&url), &ca.file()), true, "deflate");
}
