//! Writing flow files, in the current version of the format.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ratel_proto::tnetstring::{self, Encoder, LENGTH_DIGITS, Piece};

use super::convert::out::{Fill, Out};
use super::convert::{self, Written, message};
use crate::record::Record;

/// A flow cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A part of it cannot be read from where it lies.
    #[error("a part of the flow cannot be read: {0}")]
    Flow(#[source] io::Error),
    /// The place that it is written to does not take it.
    #[error("{0}")]
    Output(#[source] io::Error),
}

/// Writes a flow. Whoever writes more than one does better with a [`FlowWriter`].
///
/// # Errors
/// See [`FlowWriter::write`].
pub fn write_record(record: &Record, out: &mut impl Write) -> Result<(), WriteError> {
    FlowWriter::new(out).write(record)
}

/// Writes flows, one after the other.
#[derive(Debug)]
pub struct FlowWriter<W> {
    out: W,
    encoder: Encoder,
    fills: Vec<Fill>,
    written: Written,
}

impl<W: Write> FlowWriter<W> {
    /// A writer of flows to that place, which gets each flow in one piece, if nothing in it is large.
    #[must_use]
    pub fn new(out: W) -> Self {
        Self {
            out,
            encoder: Encoder::new(),
            fills: Vec::new(),
            written: Written::default(),
        }
    }

    /// Writes a flow and flushes it.
    ///
    /// What is large in it is read while it is written.
    ///
    /// # Errors
    /// [`WriteError::Flow`] when that fails; the flow then has zeros in the place of what is missing, so that what follows
    /// can be read. [`WriteError::Output`] when it cannot be written, or not to its end.
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        self.encoder.clear();
        self.fills.clear();
        let mut out = Out {
            encoder: &mut self.encoder,
            fills: &mut self.fills,
        };
        convert::write(&mut out, record, &mut self.written).map_err(WriteError::Flow)?;
        let mut failed = None;
        for piece in self.encoder.pieces() {
            match piece {
                Piece::Bytes([]) => {}
                Piece::Bytes(bytes) => self.out.write_all(bytes).map_err(WriteError::Output)?,
                Piece::Gap(number, len) => {
                    let fill = self.fills.get(number);
                    let filled = fill_gap(fill, len, &mut self.out).map_err(WriteError::Output)?;
                    failed = failed.or(filled.err());
                }
            }
        }
        self.out.flush().map_err(WriteError::Output)?;
        match failed {
            Some(error) => Err(WriteError::Flow(error)),
            None => Ok(()),
        }
    }

    /// The place that is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// The place that is written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// Writes exactly as many bytes as a gap has. The outer error is that of the output, the inner one that of the reader.
fn fill_gap(fill: Option<&Fill>, len: u64, out: &mut impl Write) -> io::Result<io::Result<()>> {
    let (mut left, mut refused) = (len, None);
    let mut put = |piece: &[u8]| {
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        out.write_all(piece).map_err(|error| {
            let kind = error.kind();
            refused = Some(error);
            kind.into()
        })
    };
    let filled = match fill {
        Some(Fill::Body(body)) => body.each(|piece| put(&piece)),
        Some(Fill::Messages(messages, form)) => message::each_item(messages, *form, put),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    };
    if let Some(error) = refused {
        return Err(error);
    }
    let filled = match filled {
        Ok(()) if left > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
        filled => filled,
    };
    io::copy(&mut io::Read::take(io::repeat(0), left), out)?;
    Ok(filled)
}

/// A file of flows that is whole after each: a flow that could not be written to its end is taken away again.
#[derive(Debug)]
pub struct FlowFile {
    writer: FlowWriter<File>,
    /// Up to here there are whole flows.
    len: u64,
}

impl FlowFile {
    /// Makes a file, or empties the one that is there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::over(OpenOptions::new().append(true).create(true).open(path)?)
    }

    /// Writes to a file that was opened to append, in place of what it holds.
    ///
    /// # Errors
    /// When it cannot be emptied.
    pub fn over(file: File) -> io::Result<Self> {
        // A pipe or a terminal has no length.
        if file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        Ok(Self {
            writer: FlowWriter::new(file),
            len: 0,
        })
    }

    /// Opens a file to add flows at its end, or makes one.
    ///
    /// # Errors
    /// When it cannot be opened, or its end is not the end of a flow: what is written behind that could not be read.
    pub fn append(path: &Path) -> Result<Self, AppendError> {
        let mut options = OpenOptions::new();
        Self::append_to(options.read(true).append(true).create(true).open(path)?)
    }

    /// As [`append`](Self::append), with a file that was opened to be read and to append.
    ///
    /// # Errors
    /// When its end is not the end of a flow.
    pub fn append_to(file: File) -> Result<Self, AppendError> {
        let len = if file.metadata()?.is_file() {
            whole_flows(&file)?
        } else {
            0
        };
        Ok(Self {
            writer: FlowWriter::new(file),
            len,
        })
    }

    /// Adds a flow.
    ///
    /// # Errors
    /// When it cannot be written. The file has the flows that it had.
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        match self.writer.write(record) {
            Ok(()) => {
                self.len += self.writer.encoder.len();
                Ok(())
            }
            Err(error) => {
                let file = self.writer.get_ref();
                if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
                    // If that fails too, readers still find all flows before it.
                    let _ = file.set_len(self.len);
                }
                Err(error)
            }
        }
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Flows cannot be added to a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It cannot be opened or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It breaks off within a flow, or is no flow file.
    #[error(
        "the file has {flows} whole flows up to byte {offset}, and something that is no flow behind them"
    )]
    Broken {
        /// Whole flows.
        flows: u64,
        /// Where they end.
        offset: u64,
    },
}

impl AppendError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io(_) => None,
            Self::Broken { .. } => Some(
                "what is added would be lost; `-r` that file `-w` another one keeps its whole flows",
            ),
        }
    }
}

/// Steps over the flows of a file; its length, if it consists of nothing else.
fn whole_flows(file: &File) -> Result<u64, AppendError> {
    let len = file.metadata()?.len();
    let (mut at, mut flows) = (0, 0);
    while at < len {
        let broken = AppendError::Broken { flows, offset: at };
        let mut start = [0; LENGTH_DIGITS + 1];
        let read = file.read_at(&mut start, at)?;
        let start = start.get(..read).unwrap_or_default();
        let Ok(Some(prefix)) = tnetstring::prefix(start) else {
            return Err(broken);
        };
        let mut kind = [0];
        let end = at + prefix.total();
        if end > len || file.read_at(&mut kind, end - 1)? == 0 || kind != *b"}" {
            return Err(broken);
        }
        (at, flows) = (end, flows + 1);
    }
    Ok(len)
}
