//! Bodies of recordings, out of memory: they stay in the file they lie in, or go into one without a name.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::record::{Body, ReadBody};

/// Bodies up to so many bytes are kept in memory.
const SMALL: u64 = 1024;

/// Takes bodies in.
#[derive(Debug, Default)]
pub(super) struct Spool {
    file: Option<Arc<File>>,
    len: u64,
}

impl Spool {
    /// The same body, where it takes no memory to speak of and does not go away.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn keep(&mut self, body: &Body) -> io::Result<Body> {
        match body {
            Body::Missing => return Ok(Body::Missing),
            Body::Lazy(lazy) if lazy.file().is_some() => return Ok(body.clone()),
            _ => {}
        }
        let len = body.len().unwrap_or_default();
        if len <= SMALL {
            let bytes = body.whole(SMALL)?.unwrap_or_default();
            // Over bytes of its own: it may be a piece of something large.
            return Ok(Body::Bytes(Bytes::copy_from_slice(&bytes)));
        }
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.file.insert(Arc::new(tempfile::tempfile()?)).clone(),
        };
        let at = self.len;
        let mut out = &*file;
        out.seek(SeekFrom::Start(at))?;
        body.each(|piece| out.write_all(&piece))?;
        self.len += len;
        Ok(Body::Lazy(Arc::new(Kept { file, at, len })))
    }
}

#[derive(Debug)]
struct Kept {
    file: Arc<File>,
    at: u64,
    len: u64,
}

impl ReadBody for Kept {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        read_exact_at(&self.file, &mut bytes, self.at + range.start)?;
        Ok(bytes.into())
    }

    fn file(&self) -> Option<(Arc<File>, u64)> {
        Some((self.file.clone(), self.at))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
    while !into.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, into, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        into = &mut into[read..];
        at += read as u64;
    }
    Ok(())
}
