//! The bytes of a file, unpacked, and the place in it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::CaptureError;

/// Bytes read at a time.
const STEP: usize = 256 * 1024;

/// Zstandard frames may ask for windows of up to 2 to this power bytes, which is what its own program takes.
const ZSTD_WINDOW_LOG: u32 = 27;

pub(super) struct Source {
    read: Box<dyn BufRead + Send>,
    /// Bytes read, after unpacking.
    at: u64,
}

impl Source {
    /// Tells from the first bytes whether the file is compressed.
    pub(super) fn open(read: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        let failed = |source| CaptureError::Read { at: 0, source };
        let mut read = BufReader::with_capacity(STEP, read);
        // A pipe may give less than four bytes at first.
        let mut start = Vec::new();
        read.by_ref()
            .take(4)
            .read_to_end(&mut start)
            .map_err(failed)?;
        let kind = start.first_chunk::<4>().copied();
        let read = io::Cursor::new(start).chain(read);
        let read: Box<dyn BufRead + Send> = match kind {
            Some([0x1f, 0x8b, ..]) => {
                Box::new(BufReader::with_capacity(STEP, MultiGzDecoder::new(read)))
            }
            // A frame, or one of those that are skipped (RFC 8878 §3.1.2).
            Some([0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18]) => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(read).map_err(failed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
                Box::new(BufReader::with_capacity(STEP, decoder))
            }
            _ => Box::new(read),
        };
        Ok(Self { read, at: 0 })
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Replaces what is in `into` by the next `len` bytes; false at the end of the file.
    ///
    /// # Errors
    /// When the file ends before there are so many, or cannot be read.
    pub(super) fn exactly(&mut self, len: u32, into: &mut Vec<u8>) -> Result<bool, CaptureError> {
        into.clear();
        self.append(len, into)
    }

    /// Adds the next `len` bytes to `into`; false at the end of the file.
    pub(super) fn append(&mut self, len: u32, into: &mut Vec<u8>) -> Result<bool, CaptureError> {
        let read = (&mut self.read).take(len.into()).read_to_end(into);
        let read = read.map_err(|error| self.failed(error))?;
        self.at += read as u64;
        match read {
            0 if len > 0 => Ok(false),
            read if read < len as usize => Err(CaptureError::Truncated { at: self.at }),
            _ => Ok(true),
        }
    }

    /// As [`append`](Self::append), where the end of the file would be in the middle of something.
    pub(super) fn rest(&mut self, len: u32, into: &mut Vec<u8>) -> Result<(), CaptureError> {
        match self.append(len, into)? {
            true => Ok(()),
            false => Err(CaptureError::Truncated { at: self.at }),
        }
    }

    /// Passes over so many bytes.
    pub(super) fn skip(&mut self, len: u32) -> Result<(), CaptureError> {
        let skipped = io::copy(&mut (&mut self.read).take(len.into()), &mut io::sink());
        let skipped = skipped.map_err(|error| self.failed(error))?;
        self.at += skipped;
        match skipped < u64::from(len) {
            true => Err(CaptureError::Truncated { at: self.at }),
            false => Ok(()),
        }
    }

    /// A compressed file that ends too early says so in its own way.
    fn failed(&self, source: io::Error) -> CaptureError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => CaptureError::Truncated { at: self.at },
            _ => CaptureError::Read {
                at: self.at,
                source,
            },
        }
    }
}
