//! A flow as a command, a program or raw messages, for the clipboard or a file.

use ratel_flow::export::Format;

/// More bytes are not handed to the terminal for its clipboard: many take no more.
pub(crate) const CLIPBOARD_MAX: usize = 64 * 1024;

/// The format of that name.
pub(crate) fn format(name: &str) -> Result<Format, String> {
    Format::from_name(name).ok_or_else(|| format!("there is no format '{name}'"))
}
