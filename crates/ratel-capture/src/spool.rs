//! Bytes that are being collected: small amounts in memory, what is more on disk.
//!
//! The files have no name and are gone when the last body in them is dropped. Each holds the bytes of many bodies, so
//! that few are open at once.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use ratel_flow::Body;
use ratel_flow::record::ReadBody;

use crate::gauge::{Gauge, Share};

/// Bytes of a body that are kept in memory.
const MEMORY_MAX: usize = 256 * 1024;
/// The same when memory is short.
const MEMORY_MIN: usize = 8 * 1024;
/// Bytes after which another file is begun.
const FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Where bytes are put.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    shared: Arc<Mutex<Shared>>,
    gauge: Gauge,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    current: Option<(Arc<File>, u64)>,
    /// Why something could not be written, once.
    failed: Option<io::Error>,
    /// Nothing has been written since.
    broken: bool,
}

impl Spool {
    /// A spool whose files lie in `dir`. Nothing is made until it is needed.
    pub(crate) fn new(dir: PathBuf, gauge: Gauge) -> Self {
        let shared = Shared {
            dir,
            current: None,
            failed: None,
            broken: false,
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            gauge,
        }
    }

    /// An empty collection.
    pub(crate) fn begin(&self) -> Collected {
        Collected {
            spool: self.clone(),
            memory: BytesMut::new(),
            share: self.gauge.share(),
            extents: Vec::new(),
            spilled: 0,
            lost: 0,
        }
    }

    /// Why bytes were lost, the first time it is asked after that.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.lock().failed.take()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Writes `bytes`; none when that is not possible.
    fn write(&mut self, bytes: &[u8]) -> Option<Extent> {
        if self.broken {
            return None;
        }
        match self.try_write(bytes) {
            Ok(extent) => Some(extent),
            Err(error) => {
                (self.failed, self.broken) = (Some(error), true);
                None
            }
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let (file, at) = match self.current.take() {
            Some((file, at)) if at < FILE_BYTES => (file, at),
            _ => (Arc::new(tempfile::tempfile_in(&self.dir)?), 0),
        };
        place::write_all(&file, bytes, at)?;
        let len = bytes.len() as u64;
        self.current = Some((file.clone(), at + len));
        Ok(Extent { file, at, len })
    }
}

/// Bytes that lie together on disk.
#[derive(Clone, Debug)]
struct Extent {
    file: Arc<File>,
    at: u64,
    len: u64,
}

/// What has been collected so far.
#[derive(Debug)]
pub(crate) struct Collected {
    spool: Spool,
    /// The last bytes.
    memory: BytesMut,
    share: Share,
    /// Those before them, in order.
    extents: Vec<Extent>,
    /// How many those are.
    spilled: u64,
    /// Bytes there was no room for. Nothing is added after them.
    lost: u64,
}

impl Collected {
    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.lost > 0 {
            self.lost += bytes.len() as u64;
            return;
        }
        self.memory.extend_from_slice(bytes);
        let most = match self.spool.gauge.is_high() {
            true => MEMORY_MIN,
            false => MEMORY_MAX,
        };
        if self.memory.len() > most {
            self.spill();
        }
        self.share.set(self.memory.capacity());
    }

    /// Bytes collected.
    pub(crate) fn len(&self) -> u64 {
        self.spilled + self.memory.len() as u64
    }

    /// Bytes for which there was no room.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> Body {
        if self.extents.is_empty() {
            // A small body does not keep the room that a large one might have needed.
            return Bytes::copy_from_slice(&self.memory).into();
        }
        self.spill();
        let tail = Bytes::copy_from_slice(&self.memory);
        Body::Lazy(Arc::new(Spooled {
            extents: std::mem::take(&mut self.extents),
            tail,
            len: self.len(),
        }))
    }

    fn spill(&mut self) {
        let Some(extent) = self.spool.lock().write(&self.memory) else {
            self.lost += self.memory.len() as u64;
            self.memory = BytesMut::new();
            return;
        };
        self.spilled += extent.len;
        match self.extents.last_mut() {
            Some(last)
                if Arc::ptr_eq(&last.file, &extent.file) && last.at + last.len == extent.at =>
            {
                last.len += extent.len;
            }
            _ => self.extents.push(extent),
        }
        self.memory.clear();
        if self.spool.gauge.is_high() {
            self.memory = BytesMut::new();
        }
    }
}

/// A body on disk.
#[derive(Debug)]
struct Spooled {
    extents: Vec<Extent>,
    /// The last bytes, where they could not be written.
    tail: Bytes,
    len: u64,
}

impl ReadBody for Spooled {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let wanted = range.end.saturating_sub(range.start);
        let wanted = usize::try_from(wanted).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut out = BytesMut::with_capacity(wanted);
        let mut start = 0;
        for extent in &self.extents {
            let end = start + extent.len;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let filled = out.len();
                out.resize(filled + (to - from) as usize, 0);
                let part = out.get_mut(filled..).unwrap_or_default();
                place::read_exact(&extent.file, part, extent.at + (from - start))?;
            }
            start = end;
        }
        let (from, to) = (range.start.max(start), range.end.min(self.len));
        if from < to {
            let part = (from - start) as usize..(to - start) as usize;
            out.extend_from_slice(self.tail.get(part).unwrap_or_default());
        }
        if out.len() < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(out.freeze())
    }
}

/// Reading and writing at a place, whatever the system calls it.
mod place {
    use std::fs::File;
    use std::io;

    #[cfg(unix)]
    pub(super) fn write_all(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
    }

    #[cfg(unix)]
    pub(super) fn read_exact(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(file, into, at)
    }

    #[cfg(windows)]
    pub(super) fn write_all(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        use std::os::windows::fs::FileExt as _;
        while !bytes.is_empty() {
            let n = file.seek_write(bytes, at)?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(n..).unwrap_or_default();
            at += n as u64;
        }
        Ok(())
    }

    #[cfg(windows)]
    pub(super) fn read_exact(file: &File, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
        use std::os::windows::fs::FileExt as _;
        while !into.is_empty() {
            let n = file.seek_read(into, at)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            into = into.get_mut(n..).unwrap_or_default();
            at += n as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_the_same_in_memory_and_on_disk() {
        let gauge = Gauge::new(usize::MAX);
        let spool = Spool::new(std::env::temp_dir(), gauge.clone());
        let (mut small, mut large) = (spool.begin(), spool.begin());
        let piece: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let mut all = Vec::new();
        for n in 0..20 {
            large.push(&piece[n..]);
            all.extend_from_slice(&piece[n..]);
            small.push(b"x");
        }
        assert_eq!(large.len(), all.len() as u64);
        assert!(gauge.bytes() < 2 * MEMORY_MAX);
        let (small, large) = (small.finish(), large.finish());
        assert!(matches!(small, Body::Bytes(_)) && matches!(large, Body::Lazy(_)));
        assert_eq!(gauge.bytes(), 0);
        assert_eq!(large.whole(u64::MAX).unwrap().unwrap(), all);
        assert_eq!(large.read(99_990..300_007).unwrap(), all[99_990..300_007]);
        assert_eq!(small.len(), Some(20));
    }

    #[test]
    fn short_memory_and_a_full_disk_are_borne() {
        let gauge = Gauge::new(1000);
        let spool = Spool::new("/nowhere/at/all".into(), gauge.clone());
        let mut body = spool.begin();
        body.push(&[0; 900]);
        assert!(gauge.is_high());
        body.push(&[0; 9000]);
        body.push(b"more");
        assert_eq!((body.len(), body.lost()), (0, 9904));
        assert!(spool.failure().is_some() && spool.failure().is_none());
        assert_eq!(body.finish().len(), Some(0));
        assert_eq!(gauge.bytes(), 0);
    }
}
