//! What the tests of this crate share: the program under test, with the arguments nearly all of them want.

use std::path::Path;
use std::process::{Command, Output};

use ratel_testkit::{Builder, Ratel, peer};

/// The program, without arguments, in a fresh home. `RATEL_BIN` names another build, as an optimised one.
pub(crate) fn program() -> Builder {
    let other = std::env::var_os("RATEL_BIN");
    Builder::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_ratel").into()))
}

/// `ratel dump` on a free port of the loopback interface.
pub(crate) fn dump() -> Builder {
    program().args(["dump", "--listen-host", "127.0.0.1", "--listen-port", "0"])
}

/// `ratel dump` as a reverse proxy for this URL.
pub(crate) fn reverse(url: &str) -> Builder {
    dump().args(["--mode".to_owned(), format!("reverse:{url}")])
}

/// Trusts this CA file instead of the system's.
pub(crate) fn trusting(builder: Builder, ca: &Path) -> Builder {
    builder.args([
        "--set".to_owned(),
        format!("ssl_verify_upstream_trusted_ca={}", ca.display()),
    ])
}

/// Runs curl with a time limit and without anybody's configuration; `None` where it is not installed.
pub(crate) fn curl<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Option<Output> {
    let curl = peer::find("curl")?;
    let mut command = Command::new(curl);
    command
        .env_clear()
        .args(["-q", "--silent", "--show-error", "--max-time", "20"])
        .args(args);
    Some(peer::output(&mut command))
}

/// The standard output of a command that must have gone well.
pub(crate) fn stdout(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "ended with {}: {error}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts that the program lives and still answers, which is to be so after whatever a peer did to it.
pub(crate) fn assert_unharmed(ratel: &mut Ratel, port: u16, path: &str) {
    assert!(ratel.is_alive(), "the program ended:\n{}", ratel.output());
    let reply = ratel_testkit::wire::get(port, path);
    assert_eq!(reply.status, 200, "{}", reply.head);
}

/// Fails with the whole text when one of the words is missing from it.
#[track_caller]
pub(crate) fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(
            text.to_lowercase().contains(&word.to_lowercase()),
            "{word:?} is missing from:\n{text}"
        );
    }
}
