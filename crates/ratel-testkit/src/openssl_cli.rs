//! The `openssl` command as either side of a TLS connection.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use crate::{Identity, peer, wait};

/// `openssl s_server` that answers every request with a page about the connection; ended on drop.
pub struct SServer {
    child: Child,
    /// The port it has taken.
    pub port: u16,
}

impl SServer {
    /// Starts it with this certificate and these arguments; `None` without the program.
    ///
    /// # Panics
    /// When it does not take a port within the limit.
    pub fn start(identity: &Identity, args: &[&str]) -> Option<Self> {
        let mut child = Command::new(peer::find("openssl")?)
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"])
            .arg(identity.cert_file())
            .arg("-key")
            .arg(identity.key_file())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl can be started");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (send, port) = mpsc::sync_channel(1);
        // The thread ends with the output of the child, which has to be taken for it to go on.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("ACCEPT ") {
                    let _ = send.try_send(
                        address
                            .rsplit(':')
                            .next()
                            .and_then(|port| port.parse().ok()),
                    );
                }
            }
        });
        let Ok(Some(port)) = port.recv_timeout(wait::LIMIT) else {
            let _ = child.kill();
            panic!("openssl s_server {args:?} takes no port");
        };
        Some(Self { child, port })
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one HTTP/1.0 request with `openssl s_client` and these arguments; `None` without the program.
///
/// # Panics
/// When it does not end within [`wait::LIMIT`].
pub fn s_client(port: u16, args: &[&str]) -> Option<Output> {
    let mut child = Command::new(peer::find("openssl")?)
        .args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{port}"),
            "-ign_eof",
        ])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl can be started");
    let mut input = child.stdin.take().expect("it is piped");
    // A client that could not connect has gone.
    let _ = input.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let output = peer::finish("openssl s_client", child);
    drop(input);
    Some(output)
}
