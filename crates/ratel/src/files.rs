//! Files that hold flows, whatever their format: flow files, HTTP archives, packet captures.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ratel_capture::{CaptureReader, KeyLog};
use ratel_core::files::FlowFiles;
use ratel_flow::Record;
use ratel_flow::io::har::{HarItem, HarReader};
use ratel_flow::io::{FlowReader, Opened, ReadError, open, open_file};

use crate::errand::Trouble;

/// Flows one by one. What is wrong with one of them or with the file comes in its place; after what is wrong with the file
/// there is nothing more.
pub(crate) type Records = Box<dyn Iterator<Item = Result<Record, Trouble>> + Send>;

/// Opens files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opener {
    /// The secrets that captures are decrypted with.
    pub(crate) keylog: Option<PathBuf>,
    /// The flows are kept: their bodies stay in the file that they are read from, as far as that can be.
    pub(crate) leaves_bodies: bool,
}

impl Opener {
    /// Opens a file that holds flows; `-` is standard input.
    pub(crate) fn open(&self, path: &str) -> Result<Records, Trouble> {
        let trouble = |error: io::Error| {
            let what = if path == "-" { "standard input" } else { path };
            Trouble::new(format!("cannot read {what}: {error}"))
        };
        let opened = if path == "-" {
            stdin().and_then(open_file)
        } else {
            open(Path::new(path))
        };
        Ok(match opened.map_err(trouble)? {
            Opened::Flows(reader) if self.leaves_bodies => flows(reader.leaving_bodies(), path),
            Opened::Flows(reader) => flows(*reader, path),
            Opened::Har(json) => har(json, path),
            Opened::Capture(packets) => self.capture(packets, path)?,
        })
    }

    /// For those who read flows without knowing about files.
    pub(crate) fn flow_files(self) -> FlowFiles {
        let said = |trouble: Trouble| match trouble.hint {
            Some(hint) => format!("{}; {hint}", trouble.message),
            None => trouble.message,
        };
        FlowFiles::new(move |path: &Path| {
            // Standard input is the keyboard there.
            let path = match path.to_string_lossy() {
                name if name == "-" => "./-".into(),
                name => name,
            };
            let records = self.open(&path).map_err(said)?;
            Ok(Box::new(records.map(move |record| record.map_err(said))))
        })
    }

    fn capture(&self, packets: impl Read + Send + 'static, path: &str) -> Result<Records, Trouble> {
        let mut keys = KeyLog::new();
        if let Some(keylog) = &self.keylog {
            let read = std::fs::File::open(keylog).and_then(|file| keys.add(file));
            read.map_err(|error| {
                Trouble::new(format!(
                    "cannot read the key log {}: {error}",
                    keylog.display()
                ))
            })?;
        }
        let path = path.to_owned();
        let told = path.clone();
        let trouble = move |error: ratel_capture::CaptureError| Trouble {
            message: format!("{told}: {error}"),
            hint: error.hint().map(str::to_owned),
        };
        let reader = CaptureReader::new(packets, keys).map_err(trouble.clone())?;
        Ok(Box::new(
            Capture {
                reader,
                path,
                said: false,
            }
            .map(move |item| item.map_err(&trouble)),
        ))
    }
}

/// So many flows, in words.
pub(crate) fn count(flows: u64) -> String {
    match flows {
        1 => "1 flow".to_owned(),
        flows => format!("{flows} flows"),
    }
}

fn stdin() -> io::Result<std::fs::File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(stdin.into())
    }
    #[cfg(not(unix))]
    {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn flows(reader: FlowReader, path: &str) -> Records {
    let path = path.to_owned();
    let trouble = move |error: ReadError| Trouble {
        message: format!("{path}: {error}"),
        hint: error.hint().map(str::to_owned),
    };
    Box::new(reader.map(move |flow| flow.map_err(&trouble)))
}

fn har(json: impl Read + Send + 'static, path: &str) -> Records {
    let path = path.to_owned();
    Box::new(HarReader::new(json).map(move |item| match item {
        Ok(HarItem::Record(record)) => Ok(record),
        Ok(HarItem::Skipped { number, why }) => Err(Trouble::new(format!(
            "{path}: entry {number} is left out: {why}"
        ))),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|source| format!(": {source}"));
            let cause = cause.unwrap_or_default();
            Err(Trouble::new(format!("{path}: {error}{cause}")))
        }
    }))
}

/// A capture, and at its end what there was beside flows.
struct Capture {
    reader: CaptureReader,
    path: String,
    said: bool,
}

impl Iterator for Capture {
    type Item = Result<Record, ratel_capture::CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.reader.next();
        if next.is_none() && !std::mem::replace(&mut self.said, true) {
            let report = self.reader.report();
            if report.sealed > 0 {
                tracing::warn!(
                    hint = "name the key log of one of the two sides: `--set keylog=FILE` (programs write one where SSLKEYLOGFILE says)",
                    "{}: {} of the connections are encrypted, and their keys are not known",
                    self.path,
                    report.sealed
                );
            }
            if report.unknown_links > 0 {
                tracing::warn!(
                    "{}: {} packets are of a kind of network that is not understood",
                    self.path,
                    report.unknown_links
                );
            }
        }
        next
    }
}
