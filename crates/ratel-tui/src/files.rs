//! Files that the prompt and tables name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use ratel_core::commands::{Candidate, unescape_bytes};
use ratel_core::options::Values;

/// More entries of a folder are not looked at.
const ENTRIES_MAX: usize = 10_000;

/// A longer file is not read into a cell, or as key bindings, in bytes.
const TEXT_MAX: u64 = 1024 * 1024;

/// The files and folders whose names begin like what was typed.
pub(crate) fn candidates(typed: &str, values: &Values) -> Vec<Candidate> {
    let (folder, start) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None if typed == "~" => ("~/", ""),
        None => ("", typed),
    };
    let path = values.expand(if folder.is_empty() { "." } else { folder });
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .take(ENTRIES_MAX)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !start.starts_with('.');
            if hidden || !name.starts_with(start) {
                return None;
            }
            // A link to a folder is one to go on with.
            let is_folder = entry.path().is_dir();
            let slash = if is_folder { "/" } else { "" };
            Some(Candidate {
                text: format!("{folder}{name}{slash}"),
                help: String::new(),
            })
        })
        .collect();
    found.sort_by(|a, b| a.text.cmp(&b.text));
    found
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    String::from_utf8(bytes(path)?).map_err(|_| "it is not UTF-8".into())
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| error.to_string();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file
        .take(TEXT_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if read as u64 > TEXT_MAX {
        return Err("it is longer than 1 MiB".into());
    }
    Ok(bytes)
}

/// What a file has for a cell: without the line end that editors put there.
pub(crate) fn cell(path: &Path, escaped: bool) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let failed = |why: String| format!("cannot read {shown}: {why}");
    if escaped {
        let text = read(path).map_err(failed)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return unescape_bytes(text);
    }
    let mut bytes = bytes(path).map_err(failed)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}

/// Whether what is written there takes the place of something.
pub(crate) fn is_file(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|there| there.is_file() && there.len() > 0)
}

/// Writes a file for its owner only, in the place of one that is there.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_so() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        fs::create_dir(home.join("flows")).unwrap();
        for name in ["flow.txt", "other", ".hidden"] {
            fs::write(home.join(name), "x\n").unwrap();
        }
        let values = Values::with_folders("~/.ratel", Some(home));
        let names = |typed: &str| {
            let found = candidates(typed, &values);
            found
                .into_iter()
                .map(|found| found.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("~/fl"), ["~/flow.txt", "~/flows/"]);
        assert_eq!(names("~/"), ["~/flow.txt", "~/flows/", "~/other"]);
        assert_eq!(names("~/."), ["~/.hidden"]);
        assert_eq!(names("~/nowhere/"), Vec::<String>::new());
        let path = format!("{}/o", home.display());
        assert_eq!(names(&path), [format!("{}/other", home.display())]);
        assert_eq!(cell(&home.join("other"), false).unwrap(), b"x");
    }
}
