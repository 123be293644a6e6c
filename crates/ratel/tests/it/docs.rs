//! The examples of README and docs/ are run as they stand, with the host and the port of the test put in.
//!
//! A block that begins with ```` ```sh test ```` is run: a line that starts with `ratel` is what the reader leaves running
//! in one terminal, the others what is typed in another. `https://example.com` becomes an nginx of this machine that
//! Ratel trusts, port 8080 a free one. A line `# → TEXT` says what the line before prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ratel_testkit::{Builder, Ca, Nginx, Screen, nginx, peer, wait};

use crate::common::{program, stdout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn blocks(text: &str) -> Vec<String> {
    text.split("```sh test\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .map(str::to_owned)
        .collect()
}

struct World {
    nginx: Nginx,
    ca: Ca,
    program: PathBuf,
}

impl World {
    /// Runs one block.
    fn run(&self, block: &str) {
        let port = nginx::free_port();
        let block = block
            .replace(
                "https://example.com",
                &format!("https://localhost:{}", self.nginx.https),
            )
            .replace(
                "http://example.com",
                &format!("http://localhost:{}", self.nginx.http),
            )
            .replace("8080", &port.to_string());
        // What is run from the source tree and what is installed are the same program.
        let block = block.replace("cargo run --release --", "ratel");
        let alone = tempfile::tempdir().expect("a temporary folder");
        let (mut started, mut last) = (None::<Running>, None::<Output>);
        for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(expected) = line.strip_prefix("# → ") {
                let output = last
                    .as_ref()
                    .unwrap_or_else(|| panic!("nothing printed {expected:?} in:\n{block}"));
                let text = stdout(output);
                assert!(
                    text.contains(expected),
                    "{expected:?} is not what is printed: {text:?}\nin:\n{block}"
                );
            } else if line.starts_with("ratel")
                && !line.contains("--version")
                && !line.contains("--options")
                && !line.starts_with("ratel ca")
                && !line.starts_with("ratel env")
                && !line.starts_with("ratel export")
                && !line.starts_with("ratel convert")
                && !line.starts_with("ratel rules")
            {
                started = Some(self.start(line, port));
            } else if !line.starts_with('#') {
                let home = started.as_ref().map(|running| running.home.as_path());
                last = Some(self.shell(line, home.unwrap_or(alone.path())));
                let output = last.as_ref().expect("a command was run");
                assert!(
                    output.status.success(),
                    "{line:?} ended with {}:\n{}\nin:\n{block}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        }
    }

    /// Starts what the reader leaves running: on a terminal, since that is where the reader sits.
    fn start(&self, line: &str, port: u16) -> Running {
        let words = words(line.split(" #").next().unwrap_or_default());
        let words = words.into_iter().skip(1);
        let builder = Builder::new(&self.program)
            .args(words)
            .env("SSL_CERT_FILE", self.ca.file());
        let home = builder.home().to_owned();
        // The default port of the documents, where a line names none.
        std::fs::create_dir(home.join(".ratel")).expect("a folder can be made");
        std::fs::write(
            home.join(".ratel/config.yaml"),
            format!("listen_port: {port}\n"),
        )
        .expect("a file can be written");
        let screen = Screen::start(builder, 24, 100);
        wait::until(&format!("{line:?} to listen on port {port}"), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Running {
            _screen: screen,
            home,
        }
    }

    fn shell(&self, line: &str, home: &Path) -> Output {
        let bin = self.program.parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", home)
            .current_dir(home);
        peer::output(&mut command)
    }
}

/// The words of a line, of which some may be in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

struct Running {
    _screen: Screen,
    home: PathBuf,
}

#[test]
fn examples_in_the_documents_work() {
    let ca = Ca::new();
    let (Some(nginx), Some(_)) = (Nginx::start(&ca.issue(&["localhost"])), peer::find("curl"))
    else {
        return;
    };
    let program = PathBuf::from(program().command_line().0);
    let world = World { nginx, ca, program };
    let folder = std::fs::read_dir(root().join("docs")).expect("docs/");
    let files = folder
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut count = 0;
    for file in files.chain([root().join("README.md")]) {
        let text = std::fs::read_to_string(&file).expect("a document can be read");
        for block in blocks(&text) {
            if block.contains("certutil") && peer::find("certutil").is_none() {
                continue;
            }
            world.run(&block);
            count += 1;
        }
    }
    assert!(count >= 6, "only {count} examples were found");
}

/// Every relative link of the documents leads somewhere.
#[test]
fn links_lead_somewhere() {
    let mut files = vec![
        root().join("README.md"),
        root().join("CONTRIBUTING.md"),
        root().join("bench/README.md"),
    ];
    files.extend(
        std::fs::read_dir(root().join("docs"))
            .expect("docs/")
            .map(|entry| entry.expect("an entry").path()),
    );
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "md"))
    {
        let text = std::fs::read_to_string(file).expect("a document can be read");
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let there = file.parent().expect("a folder").join(path);
            assert!(
                there.exists(),
                "{} links to {target}, which is not there",
                file.display()
            );
        }
    }
}
