//! The secrets of handshakes, written to a file from which packet analysers decrypt captures (`SSLKEYLOGFILE`; the
//! format is that of NSS, draft-ietf-tls-keylogfile).

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where secrets are appended. Both engines and both sides share one.
#[derive(Debug)]
pub struct KeyLogFile {
    file: File,
    failed: AtomicBool,
}

impl KeyLogFile {
    /// Opens the file for appending, or makes it, readable by its owner alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self {
            file: options.open(path)?,
            failed: AtomicBool::new(false),
        })
    }

    /// Appends one line, which has no end of its own. It is written at once and in one piece, so that those of several
    /// threads and processes do not mix.
    pub(super) fn line(&self, line: &str) {
        let line = format!("{line}\n");
        if let Err(error) = (&self.file).write_all(line.as_bytes())
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("the TLS secrets can't be written to the key log: {error}");
        }
    }
}

impl rustls::KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line =
            String::with_capacity(label.len() + 2 * (client_random.len() + secret.len()) + 2);
        line.push_str(label);
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                // Writing to a string can't fail.
                let _ = write!(line, "{byte:02x}");
            }
        }
        self.line(&line);
    }
}
