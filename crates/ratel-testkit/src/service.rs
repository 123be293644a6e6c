//! Other people's servers and clients that run as Python scripts, from the folder that `scripts/test` fills.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::{peer, wait};

/// Finds the Python that has `grpcio` and `websockets`: the one named by `RATEL_PEERS_PYTHON`, or the one that
/// `scripts/test` makes under `target/`. `None` means that the test is to be skipped, which is said on standard error.
pub fn python() -> Option<PathBuf> {
    let named = std::env::var_os("RATEL_PEERS_PYTHON").map(PathBuf::from);
    let made = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin/python");
    let found = named.into_iter().chain([made]).find(|file| file.is_file());
    if found.is_none() {
        peer::notice("the Python with grpcio and websockets is not there (scripts/test makes it)");
    }
    found
}

/// A server written in Python that prints its port first; ended on drop.
pub struct Service {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// The port it has taken.
    pub port: u16,
}

impl Service {
    /// Starts a script with these arguments and waits for its port; `None` without its Python.
    ///
    /// # Panics
    /// When it does not print a port within the limit.
    pub fn start<A: AsRef<std::ffi::OsStr>>(
        script: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Option<Self> {
        let mut child = Command::new(python()?)
            .args(["-u", "-c", script])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python can be started");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (send, lines) = mpsc::sync_channel(64);
        // The thread ends with the output of the child.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let line = lines.recv_timeout(wait::LIMIT);
        let port = line.ok().and_then(|line| line.trim().parse().ok());
        let Some(port) = port else {
            let _ = child.kill();
            panic!("the script has printed no port");
        };
        Some(Self { child, lines, port })
    }

    /// The next line it prints.
    ///
    /// # Panics
    /// When none comes within the limit.
    pub fn line(&self) -> String {
        self.lines
            .recv_timeout(wait::LIMIT)
            .expect("the script prints a line in time")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
