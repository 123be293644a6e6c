//! What was typed at the prompt: walked through by a prefix, and kept in a file.
//!
//! The file is mitmproxy's: one command per line, the oldest first. Lines are appended as they are typed, so that nothing is
//! lost when the program ends badly, and several programs can share the file; what is too long is cut at the start.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// The file in the configuration folder.
pub const FILE: &str = "command_history";

/// A file of so many lines is cut.
const LINES_MAX: usize = 1024;

/// So many lines are left of it.
const LINES_KEPT: usize = 512;

/// A longer file is not read, in bytes.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The lines, and where in them somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    lines: Vec<String>,
    prefix: String,
    /// The line that was given last; none before the first step back.
    at: Option<usize>,
}

impl History {
    /// A history of these lines, the oldest first.
    #[must_use]
    pub fn new(lines: Vec<String>) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }

    /// All lines, the oldest first.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Adds a line, unless it is blank. It moves to the end if it is the last one already. Returns whether it was added.
    pub fn add(&mut self, line: &str) -> bool {
        let line = line.trim();
        self.filter("");
        let is_new = !line.is_empty()
            && !line.contains(['\n', '\r'])
            && self.lines.last().is_none_or(|last| last != line);
        if is_new {
            if self.lines.len() >= LINES_MAX {
                self.lines.drain(..LINES_MAX - LINES_KEPT);
            }
            self.lines.push(line.to_owned());
        }
        is_new
    }

    /// Forgets all lines.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Starts at the newest line again, and gives only lines that begin with `prefix` from here on.
    pub fn filter(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.prefix);
        self.at = None;
    }

    /// The line before; none when there is none, and one stays where one is.
    pub fn older(&mut self) -> Option<&str> {
        let end = self.at.unwrap_or(self.lines.len());
        let current = self.at.and_then(|at| self.lines.get(at));
        let older = self.lines.get(..end)?;
        let at = older
            .iter()
            .rposition(|line| line.starts_with(&self.prefix) && Some(line) != current)?;
        self.at = Some(at);
        self.lines.get(at).map(String::as_str)
    }

    /// The next line; after the newest one what was typed, the prefix.
    pub fn newer(&mut self) -> Option<&str> {
        let at = self.at?;
        let current = self.lines.get(at);
        let mut newer = self.lines.iter().enumerate().skip(at + 1);
        let next = newer.find(|(_, line)| line.starts_with(&self.prefix) && Some(*line) != current);
        self.at = next.map(|(at, _)| at);
        Some(next.map_or(self.prefix.as_str(), |(_, line)| line))
    }
}

/// Reads the history of a configuration folder; nothing is there if there is no file. A file that has grown too long is
/// cut.
///
/// # Errors
/// When there is a file that cannot be read or cut.
pub fn load(folder: &Path) -> io::Result<History> {
    let path = folder.join(FILE);
    let mut bytes = Vec::new();
    match fs::File::open(&path) {
        Ok(file) => file.take(BYTES_MAX).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect();
    if lines.len() >= LINES_MAX {
        lines.drain(..lines.len() - LINES_KEPT);
        let mut text = lines.join("\n");
        text.push('\n');
        fs::write(&path, text)?;
    }
    Ok(History::new(lines))
}

/// Appends a line to the history of a configuration folder, in a file that only its owner reads.
///
/// # Errors
/// When it cannot be written.
pub fn append(folder: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(folder.join(FILE))?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Deletes the history of a configuration folder, if there is one.
///
/// # Errors
/// When it cannot be deleted.
pub fn delete(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> History {
        History::new(lines.iter().map(|&line| line.to_owned()).collect())
    }

    #[test]
    fn lines_are_walked_through_by_their_start() {
        let mut history = history(&["set a", "quit", "set b", "set b", "set c"]);
        history.filter("set");
        assert_eq!(history.older(), Some("set c"));
        assert_eq!(history.older(), Some("set b"));
        assert_eq!(history.older(), Some("set a"));
        assert_eq!(history.older(), None);
        assert_eq!(history.newer(), Some("set b"));
        assert_eq!(history.newer(), Some("set c"));
        assert_eq!(history.newer(), Some("set"), "what was typed");
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn blank_lines_and_repetitions_are_not_added() {
        let mut history = history(&["a"]);
        assert!(!history.add("  ") && !history.add("a ") && !history.add("x\ny"));
        assert!(history.add("b"));
        assert_eq!(history.lines(), ["a", "b"]);
        for n in 0..2000 {
            history.add(&n.to_string());
        }
        assert!(history.lines().len() <= LINES_MAX);
        assert_eq!(history.lines().last().map(String::as_str), Some("1999"));
    }

    #[test]
    fn it_is_kept_in_a_file_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()).unwrap(), History::default());
        append(folder.path(), "one").unwrap();
        append(folder.path(), "two").unwrap();
        assert_eq!(load(folder.path()).unwrap().lines(), ["one", "two"]);
        #[cfg(unix)]
        {
            let file = fs::metadata(folder.path().join(FILE)).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::mode(&file.permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        let long: String = (0..1500).map(|n| format!("{n}\n")).collect();
        fs::write(folder.path().join(FILE), long).unwrap();
        assert_eq!(load(folder.path()).unwrap().lines().len(), LINES_KEPT);
        assert_eq!(load(folder.path()).unwrap().lines()[0], "988");
        delete(folder.path()).unwrap();
        delete(folder.path()).unwrap();
        assert_eq!(load(folder.path()).unwrap(), History::default());
    }
}
