//! An archive that is whole after each flow.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::{HarWriter, Written};
use crate::Record;

/// What ends the list of entries, `log` and the document. The next entry is written over it.
const TAIL: &[u8] = b"\n        ]\n    }\n}";

/// The same where no entry stands before it.
const TAIL_OF_EMPTY: &[u8] = b"]\n    }\n}";

/// An archive in a file that others can read at any time: it ends as it should after each flow, and a flow that could not be
/// written to its end is taken away again.
///
/// ```
/// use ratel_flow::io::har::GrowingHar;
///
/// let file = tempfile::tempfile()?;
/// let archive = GrowingHar::new(file)?;
/// assert_eq!(archive.entries(), 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct GrowingHar {
    writer: HarWriter<Place>,
    entries: u64,
}

/// A place in a file.
#[derive(Debug)]
struct Place {
    file: File,
    at: u64,
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Place {
    /// Ends the archive here, and lets nothing follow.
    fn end(&self, tail: &[u8]) -> io::Result<()> {
        self.file.write_all_at(tail, self.at)?;
        self.file.set_len(self.at + tail.len() as u64)
    }
}

impl GrowingHar {
    /// Begins an archive in place of what the file holds. One can go to any place in it, and it is not opened to append.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(file: File) -> io::Result<Self> {
        file.set_len(0)?;
        let mut writer = HarWriter::new(Place { file, at: 0 })?;
        writer.json.flush()?;
        writer.json.get_mut().end(TAIL_OF_EMPTY)?;
        Ok(Self { writer, entries: 0 })
    }

    /// Adds a flow.
    ///
    /// # Errors
    /// When it cannot be written. The archive has the flows that it had.
    pub fn write(&mut self, record: &Record) -> io::Result<Written> {
        let mark = self.writer.json.mark();
        let begins = self.writer.json.get_mut().at;
        match self.add(record) {
            Ok(Written::Entry) => {
                self.entries += 1;
                Ok(Written::Entry)
            }
            Ok(Written::NotHttp) => Ok(Written::NotHttp),
            Err(error) => {
                self.writer.json.go_back(mark);
                let place = self.writer.json.get_mut();
                place.at = begins;
                // Room for it was there before. If it fails all the same, readers still find all entries before it.
                let _ = place.file.set_len(begins).and_then(|()| {
                    place.end(match self.entries {
                        0 => TAIL_OF_EMPTY,
                        _ => TAIL,
                    })
                });
                Err(error)
            }
        }
    }

    fn add(&mut self, record: &Record) -> io::Result<Written> {
        let written = self.writer.write(record)?;
        if written == Written::Entry {
            self.writer.json.flush()?;
            self.writer.json.get_mut().end(TAIL)?;
        }
        Ok(written)
    }

    /// How many flows are in it.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }
}
