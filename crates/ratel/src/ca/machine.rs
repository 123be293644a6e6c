//! What installing needs to know of a machine and do to it, behind a trait so that tests can be any machine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::env::Shell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Os {
    Unix,
    Macos,
    Windows,
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step(Vec<String>);

impl Step {
    pub(super) fn new<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }

    #[cfg(test)]
    pub(super) fn words(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// As it would be typed.
    pub(super) fn shown(&self, os: Os) -> String {
        let word = |word: &String| match os {
            // What Windows' own shells take: double quotes, which no file name holds.
            Os::Windows if word.contains(' ') => format!("\"{word}\""),
            Os::Windows => word.clone(),
            Os::Unix | Os::Macos => Shell::Sh.word(word),
        };
        self.0.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

/// How a command ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Ran {
    pub(super) ok: bool,
    /// How it ended, for people: `exited with 1`.
    pub(super) how: String,
    pub(super) out: String,
    pub(super) err: String,
}

pub(super) trait Machine {
    fn os(&self) -> Os;
    /// The user's home folder.
    fn home(&self) -> Option<PathBuf>;
    fn var(&self, name: &str) -> Option<String>;
    /// Whether the user may change the system; `None` where that can't be told beforehand.
    fn root(&self) -> Option<bool>;
    /// Where a program is, if it is there.
    fn find(&self, program: &str) -> Option<PathBuf>;
    /// What is in a folder; nothing if there is none.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;
    fn exists(&self, path: &Path) -> bool;
    fn writable(&self, path: &Path) -> bool;
    /// The path without links; the path itself if there is nothing.
    fn real(&self, path: &Path) -> PathBuf;
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    fn run(&self, step: &Step) -> Ran;
}

/// The machine we run on.
pub(super) struct Here;

impl Machine for Here {
    fn os(&self) -> Os {
        if cfg!(windows) {
            Os::Windows
        } else if cfg!(target_os = "macos") {
            Os::Macos
        } else {
            Os::Unix
        }
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir()
    }

    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|text| !text.is_empty())
    }

    fn root(&self) -> Option<bool> {
        if cfg!(windows) {
            return None;
        }
        let ran = self.run(&Step::new(["id", "-u"]));
        ran.ok.then(|| ran.out.trim() == "0")
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Where administrators' programs are, which others don't have in their PATH.
        let admin = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
        let extension = std::env::consts::EXE_SUFFIX;
        std::env::split_paths(&path)
            .chain(admin)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(format!("{program}{extension}")))
            .find(|file| file.is_file())
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn writable(&self, path: &Path) -> bool {
        std::fs::OpenOptions::new().append(true).open(path).is_ok()
    }

    fn real(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn run(&self, step: &Step) -> Ran {
        let Some((program, args)) = step.0.split_first() else {
            return Ran::default();
        };
        let program = self.find(program).unwrap_or_else(|| program.into());
        let output = Command::new(program)
            .args(args)
            // A program that asks for a password gets none, and says so.
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) => Ran {
                ok: output.status.success(),
                how: match output.status.code() {
                    Some(code) => format!("exited with {code}"),
                    None => output.status.to_string(),
                },
                out: String::from_utf8_lossy(&output.stdout).into_owned(),
                err: String::from_utf8_lossy(&output.stderr).into_owned(),
            },
            Err(error) => Ran {
                how: format!("could not be started: {error}"),
                ..Ran::default()
            },
        }
    }
}
