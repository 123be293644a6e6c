//! A flow as a command, a program or raw messages, for the clipboard or a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use ratel_flow::export::Format;

/// More bytes are not handed to the terminal for its clipboard: many take no more.
pub(crate) const CLIPBOARD_MAX: usize = 64 * 1024;

/// The format of that name.
pub(crate) fn format(name: &str) -> Result<Format, String> {
    Format::from_name(name).ok_or_else(|| format!("there is no format '{name}'"))
}

/// Writes a new file, for its owner only; what is there is left alone.
pub(crate) fn save(path: &Path, text: &[u8]) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
