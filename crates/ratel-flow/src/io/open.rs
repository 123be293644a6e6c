//! What a file is: told by its first bytes, whatever its name.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::read::{FlowReader, Source};

/// What the first bytes of a file say that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Flows, or nothing at all.
    Flows,
    /// JSON, which here is an HTTP archive.
    Har,
    /// Packets: pcap or pcapng.
    Capture,
}

impl Format {
    /// Its name in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flows => "a flow file",
            Self::Har => "an HTTP archive (HAR)",
            Self::Capture => "a packet capture",
        }
    }

    /// Tells by the first [`START`] bytes of a file that is not compressed.
    fn of(start: &[u8]) -> Self {
        match start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start) {
            // pcap in both byte orders, with microseconds and with nanoseconds; pcapng.
            [0xa1, 0xb2, 0xc3, 0xd4, ..]
            | [0xd4, 0xc3, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0x3c, 0x4d, ..]
            | [0x4d, 0x3c, 0xb2, 0xa1, ..]
            | [0x0a, 0x0d, 0x0d, 0x0a, ..] => Self::Capture,
            // No flow begins with a space.
            [b'{' | b' ' | b'\t' | b'\n' | b'\r', ..] => Self::Har,
            _ => Self::Flows,
        }
    }
}

/// Bytes that are looked at.
const START: usize = 4;

/// A file that was opened, for the one who can read it.
pub enum Opened {
    /// Flows.
    Flows(Box<FlowReader>),
    /// An HTTP archive, from its first byte, not compressed.
    Har(Box<dyn Read + Send>),
    /// A packet capture, from its first byte, not compressed.
    Capture(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flows(_) => "Flows",
            Self::Har(_) => "Har",
            Self::Capture(_) => "Capture",
        })
    }
}

/// Opens a file of any [`Format`], compressed with gzip, zlib or Zstandard or not.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Opened> {
    open_file(File::open(path)?)
}

/// As [`open`]. What is large stays in the file, if it is one that one can go back in and is not compressed.
///
/// # Errors
/// When it cannot be read.
pub fn open_file(file: File) -> io::Result<Opened> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return open_stream(file);
    }
    // Standard input may be a file that somebody has read from.
    let at = io::Seek::stream_position(&mut &file)?;
    let mut start = [0; START];
    let mut len = 0;
    while let Some(rest) = start.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + len as u64) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let start = start.get(..len).unwrap_or_default();
    if Compression::of(start).is_none() && Format::of(start) == Format::Flows {
        let source = Source::file(file, at)?;
        return Ok(Opened::Flows(Box::new(FlowReader::over(source))));
    }
    open_stream(file)
}

/// As [`open`], of what can be read but once. What is large goes into a file without a name.
///
/// # Errors
/// When it cannot be read, or the compressed data in it cannot.
pub fn open_stream(stream: impl Read + Send + 'static) -> io::Result<Opened> {
    let (start, mut stream) = peek(Box::new(stream))?;
    let (start, stream) = match Compression::of(&start) {
        None => (start, stream),
        Some(Compression::Gzip) => peek(Box::new(MultiGzDecoder::new(stream)))?,
        Some(Compression::Zstd) => {
            stream = Box::new(zstd::stream::read::Decoder::new(stream)?);
            peek(stream)?
        }
        Some(Compression::Zlib) => peek(Box::new(ZlibDecoder::new(stream)))?,
    };
    Ok(match Format::of(&start) {
        Format::Flows => Opened::Flows(Box::new(FlowReader::over(Source::stream(stream)))),
        Format::Har => Opened::Har(stream),
        Format::Capture => Opened::Capture(stream),
    })
}

/// Ways in which a whole file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
    /// As mitmproxy writes a `.zhar`.
    Zlib,
}

impl Compression {
    fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // RFC 1950 §2.2, with the largest window; no other file begins with that letter.
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Some(Self::Zlib),
            _ => None,
        }
    }
}

/// The first bytes of a stream, and the stream with them.
fn peek(mut stream: Box<dyn Read + Send>) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut start = Vec::new();
    let read = stream.by_ref().take(START as u64).read_to_end(&mut start);
    // Compressed data that ends early is for the reader to report, who can say where.
    match read {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    let again = io::Cursor::new(start.clone()).chain(stream);
    Ok((start, Box::new(again)))
}
