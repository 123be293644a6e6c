//! Content codings: what a body is when `Content-Encoding` is undone.
//!
//! A *coding* is one of gzip, deflate, br and zstd; a message may have several, applied one after the other (RFC 9110
//! §8.4). Decoding is for looking at bodies, so it is tolerant: a body that ends early or is damaged gives what stands
//! before that, and a small body that would become a huge one is cut at the caller's limit.

mod encode;
mod push;

pub use encode::encode;
pub use push::{PushDecoder, PushError};

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use ratel_proto::Headers;

/// More codings than this on one message are refused.
const MAX_CODINGS: usize = 8;

/// Zstandard frames may ask for windows of up to 2 to this power bytes, as RFC 9659 §3 demands: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Bytes read at a time.
const STEP: usize = 32 * 1024;

/// A way in which a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `gzip`, `x-gzip`; bodies that are zlib instead are understood as well.
    Gzip,
    /// `deflate`: zlib, or what some senders make of the name, bare deflate.
    Deflate,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
}

impl Coding {
    /// The coding of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];
        all.into_iter().find(|coding| coding.name() == name)
    }

    /// As it is written in a header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The codings of a message in the order in which they were applied; displays as in a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codings(Vec<Coding>);

/// A body is coded in a way that cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodingError {
    /// Nobody has heard of the coding.
    #[error("unknown content-encoding {}", crate::format::escape_bytes(.0))]
    Unknown(Vec<u8>),
    /// More codings than anybody uses.
    #[error("more than {MAX_CODINGS} content-encodings")]
    TooMany,
}

impl Codings {
    /// This coding alone.
    #[must_use]
    pub fn one(coding: Coding) -> Self {
        Self(vec![coding])
    }

    /// The codings that all `Content-Encoding` fields name together.
    ///
    /// # Errors
    /// When one of them is not known, or they are too many.
    pub fn of(headers: &Headers) -> Result<Self, CodingError> {
        let mut codings = Vec::new();
        for value in headers.get_all("content-encoding") {
            for name in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                let coding = match name.to_ascii_lowercase().as_slice() {
                    b"" | b"identity" | b"none" => continue,
                    b"gzip" | b"x-gzip" => Coding::Gzip,
                    b"deflate" => Coding::Deflate,
                    b"br" => Coding::Brotli,
                    b"zstd" => Coding::Zstd,
                    _ => return Err(CodingError::Unknown(name.to_vec())),
                };
                if codings.len() == MAX_CODINGS {
                    return Err(CodingError::TooMany);
                }
                codings.push(coding);
            }
        }
        Ok(Self(codings))
    }

    /// Whether bodies are as they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Undoes the codings while reading, in memory that depends neither on the length of the input nor of the output.
    ///
    /// The reader fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) where the input ends early, and with
    /// another error where it is damaged, after it has given out everything that stands before that.
    pub fn reader<'a>(&self, data: impl Read + 'a) -> Box<dyn Read + 'a> {
        let mut reader: Box<dyn Read + 'a> = Box::new(data);
        for coding in self.0.iter().rev() {
            let input = BufReader::with_capacity(STEP, reader);
            reader = match coding {
                Coding::Gzip | Coding::Deflate => Box::new(Flate::Unknown(*coding, Some(input))),
                Coding::Brotli => Box::new(Brotli::new(input)),
                Coding::Zstd => match zstd(input) {
                    Ok(reader) => reader,
                    Err(error) => Box::new(Failed(Some(error))),
                },
            };
        }
        reader
    }
}

impl fmt::Display for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, coding) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            f.write_str(coding.name())?;
        }
        Ok(())
    }
}

/// How decoding ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// At the end of the input.
    Complete,
    /// The input ends early.
    Truncated,
    /// There is more than the limit allows.
    Limit,
    /// The input is damaged: why.
    Damaged(String),
}

/// Undoes codings, up to `limit` bytes of output.
#[must_use]
pub fn decode(codings: &Codings, data: &[u8], limit: usize) -> (Vec<u8>, End) {
    let mut out = Vec::new();
    // One byte more tells whether there is more.
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let end = match codings.reader(data).take(room).read_to_end(&mut out) {
        _ if out.len() > limit => {
            out.truncate(limit);
            End::Limit
        }
        Ok(_) => End::Complete,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => End::Truncated,
        Err(error) => End::Damaged(error.to_string()),
    };
    (out, end)
}

/// A body as it is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// The bytes: decoded if possible, as sent otherwise.
    pub bytes: Cow<'a, [u8]>,
    /// What was done to them: `[decoded gzip]`, `[cannot decode gzip]`; empty when nothing had to be done.
    pub note: String,
    /// These are all bytes of the body.
    pub complete: bool,
}

/// Decodes a body, or the start of one, for somebody to look at. `complete` says that `body` is all of it; of the
/// output there are at most `limit` bytes, unless it is `body` itself.
#[must_use]
pub fn content<'a>(headers: &Headers, body: &'a [u8], complete: bool, limit: usize) -> Content<'a> {
    let as_sent = |note| Content {
        bytes: Cow::Borrowed(body),
        note,
        complete,
    };
    let codings = match Codings::of(headers) {
        Ok(codings) if codings.is_empty() || body.is_empty() => return as_sent(String::new()),
        Ok(codings) => codings,
        Err(error) => return as_sent(format!("[cannot decode: {error}]")),
    };
    let (bytes, end) = decode(&codings, body, limit);
    let (note, whole) = match end {
        End::Complete => (format!("[decoded {codings}]"), true),
        End::Limit => (format!("[decoded {codings}, cut off]"), false),
        End::Truncated if !complete => (format!("[decoded {codings}]"), false),
        _ if bytes.is_empty() => return as_sent(format!("[cannot decode {codings}]")),
        End::Truncated => (format!("[decoded {codings}, which ends early]"), false),
        End::Damaged(_) => (format!("[decoded {codings}, which is damaged]"), false),
    };
    Content {
        bytes: Cow::Owned(bytes),
        note,
        complete: complete && whole,
    }
}

fn zstd<'a>(input: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(Box::new(decoder))
}

/// What follows when a decoder cannot be made.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Tells input that ends early from damaged input, which the decoder reports alike.
struct Brotli<R: Read> {
    decoder: brotli::Decompressor<Watched<R>>,
    at_end: Rc<Cell<bool>>,
}

/// Notes that the end was reached.
struct Watched<R> {
    input: R,
    at_end: Rc<Cell<bool>>,
}

impl<R: Read> Brotli<R> {
    fn new(input: R) -> Self {
        let at_end = Rc::new(Cell::new(false));
        let input = Watched {
            input,
            at_end: at_end.clone(),
        };
        Self {
            decoder: brotli::Decompressor::new(input, STEP),
            at_end,
        }
    }
}

impl<R: Read> Read for Brotli<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(into).map_err(|error| match error.kind() {
            // The decoder asks for the end only when all input so far was good.
            io::ErrorKind::InvalidData if self.at_end.get() => io::ErrorKind::UnexpectedEof.into(),
            _ => error,
        })
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.at_end.set(read == 0 && !into.is_empty());
        Ok(read)
    }
}

/// The first bytes of the input, which were looked at, and the rest.
type Peeked<R> = BufReader<io::Chain<Cursor<Vec<u8>>, R>>;

/// One of the three wrappings of deflate; which one is seen from the first two bytes.
enum Flate<R: BufRead> {
    Unknown(Coding, Option<R>),
    Gzip(Box<flate2::bufread::MultiGzDecoder<Peeked<R>>>),
    Zlib(flate2::bufread::ZlibDecoder<Peeked<R>>),
    Bare(flate2::bufread::DeflateDecoder<Peeked<R>>),
}

impl<R: BufRead> Read for Flate<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unknown(coding, input) => {
                let coding = *coding;
                let Some(mut input) = input.take() else {
                    return Ok(0);
                };
                let mut start = Vec::new();
                input.by_ref().take(2).read_to_end(&mut start)?;
                if start.is_empty() {
                    return Ok(0);
                }
                let (is_gzip, is_zlib) = (start == [0x1f, 0x8b], is_zlib(&start));
                let input = BufReader::with_capacity(STEP, Cursor::new(start).chain(input));
                *self = match coding {
                    _ if is_zlib => Self::Zlib(flate2::bufread::ZlibDecoder::new(input)),
                    Coding::Deflate if !is_gzip => {
                        Self::Bare(flate2::bufread::DeflateDecoder::new(input))
                    }
                    _ => Self::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(input))),
                };
                self.read(into)
            }
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zlib(decoder) => decoder.read(into),
            Self::Bare(decoder) => decoder.read(into),
        }
    }
}

/// Whether this is a zlib header (RFC 1950 §2.2). Bare deflate that begins like one would be a stored block with
/// padding bits set, which nobody makes.
fn is_zlib(start: &[u8]) -> bool {
    let &[method, flags] = start else {
        return false;
    };
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]) % 31 == 0
}

#[cfg(test)]
mod tests;
