//! An archive in a file, plain or compressed.

use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{HarWriter, Written};
use crate::Record;

/// An archive that is written to a file, or wherever else bytes go.
///
/// ```
/// use ratel_flow::io::har::HarFile;
///
/// let mut bytes = Vec::new();
/// let archive = HarFile::new(&mut bytes, HarFile::is_compressed("flows.zhar"))?;
/// archive.finish()?;
/// assert!(!bytes.starts_with(b"{"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct HarFile<W: Write> {
    writer: HarWriter<Coat<W>>,
    entries: u64,
    others: u64,
    /// It broke off within an entry: nothing that follows could be read.
    broken: bool,
}

impl<W: Write> HarFile<W> {
    /// Begins an archive; `compressed` as mitmproxy does it, with zlib at its best.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W, compressed: bool) -> io::Result<Self> {
        let coat = if compressed {
            Coat::Zlib(ZlibEncoder::new(out, Compression::best()))
        } else {
            Coat::None(BufWriter::new(out))
        };
        Ok(Self {
            writer: HarWriter::new(coat)?,
            entries: 0,
            others: 0,
            broken: false,
        })
    }

    /// Adds a flow.
    ///
    /// # Errors
    /// When the archive cannot be written, or could not before: it ends where it broke off.
    pub fn write(&mut self, record: &Record) -> io::Result<Written> {
        if self.broken {
            return Err(broken_off());
        }
        let written = self
            .writer
            .write(record)
            .inspect_err(|_| self.broken = true)?;
        match written {
            Written::Entry => self.entries += 1,
            Written::NotHttp => self.others += 1,
        }
        Ok(written)
    }

    /// How many flows are in it.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// How many flows it has no place for.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<W> {
        if self.broken {
            return Err(broken_off());
        }
        match self.writer.finish()? {
            Coat::None(out) => out.into_inner().map_err(io::IntoInnerError::into_error),
            Coat::Zlib(encoder) => {
                let mut out = encoder.finish()?;
                out.flush()?;
                Ok(out)
            }
        }
    }
}

fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the archive has broken off")
}

impl HarFile<Vec<u8>> {
    /// Whether an archive of that name is compressed.
    #[must_use]
    pub fn is_compressed(name: &str) -> bool {
        let end = name.len().saturating_sub(5);
        name.get(end..)
            .is_some_and(|end| end.eq_ignore_ascii_case(".zhar"))
    }
}

/// What is round the bytes.
#[derive(Debug)]
enum Coat<W: Write> {
    None(BufWriter<W>),
    Zlib(ZlibEncoder<W>),
}

impl<W: Write> Write for Coat<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(out) => out.write(bytes),
            Self::Zlib(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(out) => out.flush(),
            // A flush in the middle would cost compression.
            Self::Zlib(_) => Ok(()),
        }
    }
}
