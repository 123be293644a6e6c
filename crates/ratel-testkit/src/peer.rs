//! Programs of other people that tests talk to.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::wait;

/// Finds a program on `PATH` (and in the system's `sbin` folders, where nginx lives).
///
/// `None` means that the test is to be skipped, which is said on standard error.
///
/// # Panics
/// When the program is missing though `RATEL_REQUIRE_PEERS` is set.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(sbin)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("`{name}` is not installed"));
    }
    found
}

/// Finds a program that nobody is asked to install, on `PATH` or among the packages that `scripts/test` takes from PyPI.
pub fn if_there(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let made = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin");
    let found = std::env::split_paths(&path)
        .chain([made])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        notice(&format!("`{name}` is not there"));
    }
    found
}

/// Finds mitmproxy's `mitmdump`: the one named by `MITMDUMP`, or the one `scripts/test` puts under `target/`.
///
/// Not required where `RATEL_WITHOUT_MITMDUMP` says why it cannot be there: no Python on this machine is one that it takes.
///
/// # Panics
/// When it is missing though `RATEL_REQUIRE_PEERS` is set.
pub fn mitmdump() -> Option<PathBuf> {
    let named = std::env::var_os("MITMDUMP").map(PathBuf::from);
    let target =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/mitmproxy/bin/mitmdump");
    let found = named
        .into_iter()
        .chain([target])
        .find(|file| file.is_file());
    if found.is_none() {
        match std::env::var("RATEL_WITHOUT_MITMDUMP") {
            Ok(why) => notice(&format!("nothing is compared with mitmdump: {why}")),
            Err(_) => skip("mitmdump is not there (set MITMDUMP)"),
        }
    }
    found
}

/// Says that a test is skipped, and why.
///
/// # Panics
/// When `RATEL_REQUIRE_PEERS` is set.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("RATEL_REQUIRE_PEERS").is_none(),
        "{why}, and RATEL_REQUIRE_PEERS is set"
    );
    notice(why);
}

/// Says on standard error what a test does without.
pub fn notice(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Runs a command to its end with nothing on its standard input.
///
/// # Panics
/// When it cannot be started or does not end within [`wait::LIMIT`].
pub fn output(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
    finish(&name, child)
}

/// Waits for a child that was started with piped output.
///
/// # Panics
/// When it does not end within [`wait::LIMIT`].
pub fn finish(name: &str, mut child: Child) -> Output {
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let end = std::time::Instant::now() + wait::LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if std::time::Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{name} did not end within {:?}", wait::LIMIT);
        }
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    };
    let collect = |thread: std::thread::JoinHandle<Vec<u8>>| thread.join().expect("a reader ends");
    Output {
        status,
        stdout: collect(stdout),
        stderr: collect(stderr),
    }
}

fn drain(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
