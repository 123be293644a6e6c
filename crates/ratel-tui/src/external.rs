//! Programs of the user's own, which have the terminal for a while.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A longer text is not taken back from an editor, in bytes.
const TEXT_MAX: u64 = 16 * 1024 * 1024;

/// Runs a program on a file, and waits for it. The caller has given the terminal away.
pub(crate) fn run(program: &[String], file: &Path) -> Result<(), String> {
    let (name, args) = program
        .split_first()
        .ok_or("there is no program for that")?;
    let status = Command::new(name).args(args).arg(file).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{name}` failed: {status}")),
        Err(error) => Err(format!("cannot start `{name}`: {error}")),
    }
}

/// Bytes in a file of their own, which is gone when this is dropped.
pub(crate) fn temporary(bytes: &[u8], extension: &str) -> Result<tempfile::NamedTempFile, String> {
    let failed = |error: std::io::Error| format!("cannot write a temporary file: {error}");
    let made = tempfile::Builder::new()
        .prefix("ratel-")
        .suffix(extension)
        .tempfile();
    let mut file = made.map_err(failed)?;
    file.write_all(bytes)
        .and_then(|()| file.flush())
        .map_err(failed)?;
    Ok(file)
}

/// As [`temporary`], for a program that only shows it.
pub(crate) fn to_read(bytes: &[u8], extension: &str) -> Result<tempfile::NamedTempFile, String> {
    let file = temporary(bytes, extension)?;
    // Elsewhere such a file could not be removed afterwards.
    #[cfg(unix)]
    {
        let failed =
            |error: std::io::Error| format!("cannot make a temporary file read-only: {error}");
        let about = file.as_file().metadata().map_err(failed)?;
        let mut permissions = about.permissions();
        permissions.set_readonly(true);
        file.as_file()
            .set_permissions(permissions)
            .map_err(failed)?;
    }
    Ok(file)
}

/// What an editor has left in a file.
pub(crate) fn edited(file: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot read what was edited: {error}");
    if fs::metadata(file).map_err(failed)?.len() > TEXT_MAX {
        return Err("what was edited is longer than 16 MiB".into());
    }
    fs::read(file).map_err(failed)
}

/// Takes away the line end that most editors put at the end of a text which had none.
pub(crate) fn drop_added_newline(before: &[u8], edited: &mut Vec<u8>) {
    if !before.ends_with(b"\n") && edited.ends_with(b"\n") {
        edited.pop();
        // Where lines end with two characters, so does that one.
        if edited.ends_with(b"\r") && !before.ends_with(b"\r") {
            edited.pop();
        }
    }
}

/// The end of a file's name, from which programs see what is in it.
pub(crate) fn extension(content_type: Option<&str>) -> &'static str {
    let kind = content_type.unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match kind.as_str() {
        "text/html" | "application/xhtml+xml" => ".html",
        "text/css" => ".css",
        "text/csv" => ".csv",
        "text/javascript" | "application/javascript" | "application/x-javascript" => ".js",
        "application/json" => ".json",
        "application/pdf" => ".pdf",
        "application/zip" => ".zip",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/svg+xml" => ".svg",
        "application/xml" | "text/xml" => ".xml",
        kind if kind.ends_with("+json") => ".json",
        kind if kind.ends_with("+xml") => ".xml",
        kind if kind.starts_with("text/") => ".txt",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_the_file_and_says_when_it_failed() {
        let file = temporary(b"before", ".txt").unwrap();
        let sh = |script: &str| {
            vec![
                "sh".to_owned(),
                "-c".to_owned(),
                script.to_owned(),
                "sh".to_owned(),
            ]
        };
        run(&sh("printf after > \"$1\""), file.path()).unwrap();
        assert_eq!(edited(file.path()).unwrap(), b"after");
        assert_eq!(
            run(&sh("exit 3"), file.path()),
            Err("`sh` failed: exit status: 3".into())
        );
        assert!(
            run(&["/no/such/program".to_owned()], file.path())
                .unwrap_err()
                .contains("cannot start")
        );
        assert!(run(&[], file.path()).is_err());
        assert!(file.path().to_str().unwrap().ends_with(".txt"));
    }

    #[test]
    fn a_text_that_had_no_line_end_gets_none() {
        let rows: [(&[u8], &[u8], &[u8]); 8] = [
            (b"{}", b"{\"a\": 1}\n", b"{\"a\": 1}"),
            (b"one", b"one\n", b"one"),
            (b"one", b"one\n\n", b"one\n"),
            (b"one", b"two", b"two"),
            (b"one\n", b"two\n", b"two\n"),
            (b"one\n", b"two", b"two"),
            (b"a\r\nb", b"a\r\nc\r\n", b"a\r\nc"),
            (b"", b"some\n", b"some"),
        ];
        for (before, edited, expected) in rows {
            let mut edited = edited.to_vec();
            drop_added_newline(before, &mut edited);
            assert_eq!(edited, expected, "{before:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_only_shown_is_not_written_to() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = to_read(b"a body", ".json").unwrap();
        let path = file.path().to_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
        assert_eq!(fs::read(&path).unwrap(), b"a body");
        drop(file);
        assert!(!path.exists());
    }
}
