//! Segment files: where everything but the index lies.
//!
//! A segment is an anonymous file: it has no name, no other user can open it, and it vanishes with the process
//! however that ends. Segments are filled one after the other; when the disk budget is used up the oldest one goes,
//! and its file is overwritten as the next one, which spares the kernel freeing and finding its pages again.
//!
//! Large batches go [past the page cache](super::direct), the others through it. The two never share a page: a large
//! one begins and ends at a block's boundary. Whoever reads does so through the cache, which the kernel keeps right.

use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::direct::{BLOCK, Direct};

/// A segment is closed when it has grown past this many bytes.
pub(super) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Under a small disk budget segments are smaller, so that at least this many share it.
const SEGMENTS_AT_LEAST: u64 = 8;

/// No segment is smaller than this, in bytes.
const SMALLEST_SEGMENT: u64 = 4 * 1024;

/// After a write error nothing is written for this long.
const RETRY_AFTER: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_secs(2)
};

/// More slices than this are written by several calls; the least that systems allow (`IOV_MAX`).
const SLICES_PER_WRITE: usize = 1024;

/// A number with this bit is of a segment that is a part of a file of somebody else's, read and never written.
pub(super) const FOREIGN: u32 = 1 << 31;

/// One file. Written by the store thread only, read by anybody.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number; never 0, never used twice.
    pub(super) number: u32,
    file: Arc<File>,
    /// Where in the file it begins: not at its start where it is a part of somebody else's.
    base: u64,
}

impl Segment {
    /// The part of somebody else's file that begins at `base`.
    pub(super) fn foreign(number: u32, file: Arc<File>, base: u64) -> Self {
        Self {
            number: number | FOREIGN,
            file,
            base,
        }
    }

    /// Whether it is a part of that file, and which.
    pub(super) fn part_of(&self, file: &Arc<File>) -> Option<u64> {
        Arc::ptr_eq(&self.file, file).then_some(self.base)
    }

    /// The bytes at that place; none if the file does not hold them.
    pub(super) fn read(&self, at: u32, len: usize) -> Option<Bytes> {
        let mut bytes = vec![0; len];
        self.read_into(at, &mut bytes).then(|| bytes.into())
    }

    /// Fills `into`; says whether the file held that much.
    pub(super) fn read_into(&self, at: u32, into: &mut [u8]) -> bool {
        match self.file.read_exact_at(into, self.base + u64::from(at)) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, segment = self.number, "cannot read back recorded bytes");
                false
            }
        }
    }

    /// The file, and where in it a byte of the segment lies.
    pub(super) fn place(&self, at: u32) -> (&File, u64) {
        (&self.file, self.base + u64::from(at))
    }

    /// Reads what there is at that place, up to the length of `into`.
    pub(super) fn read_some(&self, at: u32, into: &mut [u8]) -> usize {
        self.file
            .read_at(into, self.base + u64::from(at))
            .unwrap_or_default()
    }
}

/// The writing end: the segment that is being filled, and what is left of the budget.
#[derive(Debug)]
pub(super) struct Recorder {
    dir: PathBuf,
    budget: u64,
    segment_bytes: u64,
    current: Arc<Segment>,
    pub(super) direct: Direct,
    /// Where the next byte goes.
    at: u64,
    /// Bytes the current file takes on disk; more than `at` for one that is being overwritten.
    allocated: u64,
    /// Closed segments, oldest first, with what they take on disk.
    closed: std::collections::VecDeque<(u32, u64)>,
    /// The file of a dropped segment, to be overwritten.
    spare: Option<(File, u64)>,
    /// Since when nothing can be written.
    failed: Option<Instant>,
    /// Since when no further file can be made.
    roll_failed: Option<Instant>,
    /// Bytes that may still be written before the disk pretends to be full.
    #[cfg(test)]
    pub(super) disk_left: Arc<std::sync::atomic::AtomicU64>,
}

impl Recorder {
    /// # Errors
    /// When no file can be made in `dir`.
    pub(super) fn new(dir: PathBuf, budget: u64) -> io::Result<Self> {
        let file = tempfile::tempfile_in(&dir)?;
        Ok(Self {
            dir,
            budget,
            segment_bytes: (budget / SEGMENTS_AT_LEAST).clamp(SMALLEST_SEGMENT, SEGMENT_BYTES),
            current: Arc::new(Segment {
                number: 1,
                file: Arc::new(file),
                base: 0,
            }),
            direct: Direct::default(),
            at: 0,
            allocated: 0,
            closed: std::collections::VecDeque::new(),
            spare: None,
            failed: None,
            roll_failed: None,
            #[cfg(test)]
            disk_left: Arc::new(u64::MAX.into()),
        })
    }

    pub(super) fn current(&self) -> &Arc<Segment> {
        &self.current
    }

    /// Bytes taken on disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.closed.iter().map(|(_, bytes)| bytes).sum::<u64>() + self.allocated
    }

    /// Whether the current segment is full, and [`roll`](Self::roll) should be called.
    pub(super) fn is_full(&self) -> bool {
        let wait = self
            .roll_failed
            .is_some_and(|since| since.elapsed() < RETRY_AFTER);
        self.at >= self.segment_bytes && !wait
    }

    /// The segment that must go before another one fits into the budget.
    pub(super) fn must_drop(&self) -> Option<u32> {
        let (oldest, _) = self.closed.front()?;
        (self.disk_bytes() + self.segment_bytes > self.budget).then_some(*oldest)
    }

    /// Takes over the oldest segment, which nobody can find any longer.
    pub(super) fn dropped(&mut self, segment: Arc<Segment>) {
        let Some((_, bytes)) = self.closed.pop_front() else {
            return;
        };
        // A reader that still holds it must not see it overwritten.
        let file = Arc::into_inner(segment).and_then(|segment| Arc::into_inner(segment.file));
        if let (None, Some(file)) = (&self.spare, file) {
            self.spare = Some((file, bytes));
        }
    }

    /// Closes the current segment and begins the next one, which it returns.
    ///
    /// # Errors
    /// When no file can be made; the current one stays in use.
    pub(super) fn roll(&mut self) -> io::Result<Arc<Segment>> {
        let next = self.next_file();
        self.roll_failed = next.is_err().then(Instant::now);
        let (file, allocated) = next?;
        let number = self.current.number + 1;
        self.closed.push_back((self.current.number, self.allocated));
        self.current = Arc::new(Segment {
            number,
            file: Arc::new(file),
            base: 0,
        });
        self.direct.next_file();
        (self.at, self.allocated) = (0, allocated);
        Ok(self.current.clone())
    }

    fn next_file(&mut self) -> io::Result<(File, u64)> {
        match self.spare.take() {
            Some((mut file, bytes)) => file.rewind().map(|()| (file, bytes)),
            None => tempfile::tempfile_in(&self.dir).map(|file| (file, 0)),
        }
    }

    /// Appends and returns the offset where the bytes begin; none if they could not be written, or if that failed
    /// so lately that it is not tried again.
    ///
    /// `bulk` of the bytes are in large pieces, which is what decides how they are written.
    pub(super) fn append(&mut self, slices: &mut [IoSlice<'_>], bulk: u64) -> Option<u32> {
        if self
            .failed
            .is_some_and(|since| since.elapsed() < RETRY_AFTER)
        {
            return None;
        }
        let len = slices.iter().map(|slice| slice.len() as u64).sum::<u64>();
        u32::try_from(self.at + len + 2 * BLOCK).ok()?;
        let before = self.at;
        match self.write(slices, bulk) {
            Ok(at) => {
                if self.failed.take().is_some() {
                    tracing::info!("recording works again");
                }
                self.allocated = self.allocated.max(self.at);
                u32::try_from(at).ok()
            }
            Err(error) => {
                self.undo(before, &error);
                None
            }
        }
    }

    /// Gives back what a failed write took, and waits before the next one.
    fn undo(&mut self, at: u64, error: &io::Error) {
        if self.failed.is_none() {
            tracing::error!(
                hint = "make room on that disk or choose a smaller recording budget; traffic passes meanwhile, its bytes are not kept",
                "cannot record to {}: {error}",
                self.dir.display(),
            );
        }
        self.failed = Some(Instant::now());
        self.at = at;
        let mut file = &*self.current.file;
        let undone = file
            .seek(SeekFrom::Start(self.at))
            .and_then(|_| file.set_len(self.at));
        self.allocated = self.at;
        if let Err(error) = undone {
            tracing::debug!(%error, "cannot shorten a segment");
        }
    }

    /// Returns where the bytes begin.
    fn write(&mut self, slices: &mut [IoSlice<'_>], bulk: u64) -> io::Result<u64> {
        if self.direct.takes(bulk) {
            #[cfg(test)]
            self.fits(slices.iter().map(|slice| slice.len() as u64).sum())?;
            let mut file = &*self.current.file;
            if let Some(taken) = self.direct.write(file, self.at, slices)? {
                self.at = file.seek(SeekFrom::Start(taken.end))?;
                return Ok(taken.start);
            }
        }
        let at = self.at;
        self.write_all(slices)?;
        Ok(at)
    }

    fn write_all(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        while !slices.is_empty() {
            let part = slices.get(..SLICES_PER_WRITE).unwrap_or(slices);
            #[cfg(test)]
            let part = self.fitting(part)?;
            match (&*self.current.file).write_vectored(part) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.at += n as u64;
                    IoSlice::advance_slices(&mut slices, n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a disk with little room, for tests, has that much.
    #[cfg(test)]
    fn fits(&self, len: u64) -> io::Result<()> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.disk_left.load(Relaxed);
        self.disk_left.store(left.saturating_sub(len), Relaxed);
        (len <= left)
            .then_some(())
            .ok_or(io::ErrorKind::StorageFull.into())
    }

    /// A disk with little room, for tests: a part is written before there is an error, as systems do.
    #[cfg(test)]
    fn fitting<'a, 'b>(&self, part: &'a [IoSlice<'b>]) -> io::Result<&'a [IoSlice<'b>]> {
        use std::sync::atomic::Ordering::Relaxed;
        let len = part.iter().map(|s| s.len() as u64).sum::<u64>();
        let left = self.disk_left.load(Relaxed);
        self.disk_left.store(left.saturating_sub(len), Relaxed);
        match part {
            _ if len <= left => Ok(part),
            [first, _, ..] if left > 0 => Ok(std::slice::from_ref(first)),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}
