//! Bulk writes that go past the page cache.
//!
//! A page that enters the cache for the first time is dear on virtual machines whose memory grows on demand: copying
//! into such pages takes nearly two seconds of processor time per GiB, a disk takes a tenth of that. Besides, what
//! is recorded would push the user's own files out of the cache. So a large batch is copied into a buffer of this
//! module and goes from there to the disk, in whole blocks.
//!
//! Where the system cannot do that, or the disk is so slow that traffic would have to wait for it, everything goes
//! through the cache from then on.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// A write with at least this many bytes in large pieces goes past the cache. Others are spread over so little memory
/// that they are cheap, and a disk is slow at them.
const BULK_BYTES: u64 = 256 * 1024;

/// Offsets, lengths and addresses are multiples of this, in bytes: a page, and a block of any common disk.
pub(super) const BLOCK: u64 = 4096;

/// Bytes that are written at once.
const STAGING_BYTES: usize = if cfg!(test) { 16 * 1024 } else { 1024 * 1024 };

/// A disk that writes fewer bytes per second is left to the cache.
const SLOW: u64 = 500_000_000;

/// The speed is judged over this many bytes: enough that one hiccup of the disk does not decide.
const JUDGED_BYTES: u64 = if cfg!(test) { 8 } else { 64 } * 1024 * 1024;

/// The way past the cache.
#[derive(Debug)]
pub(super) struct Direct {
    bulk: u64,
    /// The current segment's file, opened a second time.
    file: Option<File>,
    staging: Vec<u8>,
    pace: Pace,
    off: bool,
}

impl Default for Direct {
    fn default() -> Self {
        Self {
            bulk: BULK_BYTES,
            file: None,
            staging: Vec::new(),
            pace: Pace::new(SLOW),
            off: false,
        }
    }
}

impl Direct {
    /// Every write goes this way, however slow it is.
    #[cfg(test)]
    pub(super) fn forced() -> Self {
        Self {
            bulk: 0,
            pace: Pace::new(0),
            ..Self::default()
        }
    }

    /// The next write goes to another file.
    pub(super) fn next_file(&mut self) {
        self.file = None;
    }

    /// Whether a write is tried this way that has so many bytes in large pieces.
    pub(super) fn takes(&self, bulk: u64) -> bool {
        !self.off && bulk >= self.bulk
    }

    /// Writes to `segment` from the first block on that begins at `at` or after it, and says what part of the file
    /// it took, with padding; none if the bytes must go through the cache.
    ///
    /// # Errors
    /// When the disk is full.
    pub(super) fn write(
        &mut self,
        segment: &File,
        at: u64,
        slices: &[IoSlice<'_>],
    ) -> io::Result<Option<Range<u64>>> {
        let start = at.next_multiple_of(BLOCK);
        match self.write_blocks(segment, start, slices) {
            Ok(end) => {
                if self.pace.is_slow() {
                    self.turn_off("the disk is slow");
                }
                Ok(Some(start..end))
            }
            Err(error) if is_full(&error) => Err(error),
            Err(error) => {
                self.turn_off(&error.to_string());
                Ok(None)
            }
        }
    }

    fn turn_off(&mut self, why: &str) {
        tracing::debug!("recording goes through the page cache from here on: {why}");
        *self = Self {
            off: true,
            ..Self::default()
        };
    }

    /// Returns where the last block ends.
    fn write_blocks(
        &mut self,
        segment: &File,
        mut at: u64,
        slices: &[IoSlice<'_>],
    ) -> io::Result<u64> {
        let file = match &self.file {
            Some(file) => file,
            None => self
                .file
                .insert(reopen(segment, File::options().write(true))?),
        };
        let buffer = aligned(&mut self.staging).ok_or(io::ErrorKind::Unsupported)?;
        let mut filled = 0;
        for slice in slices {
            let mut rest: &[u8] = slice;
            while !rest.is_empty() {
                let room = &mut buffer[filled..];
                let (part, left) = rest.split_at(rest.len().min(room.len()));
                room[..part.len()].copy_from_slice(part);
                filled += part.len();
                rest = left;
                if filled == STAGING_BYTES {
                    at = put(file, at, buffer, &mut self.pace)?;
                    filled = 0;
                }
            }
        }
        let end = filled.next_multiple_of(BLOCK as usize);
        buffer[filled..end].fill(0);
        put(file, at, &buffer[..end], &mut self.pace)
    }
}

/// Writes whole blocks and returns where they end.
fn put(file: &File, mut at: u64, mut blocks: &[u8], pace: &mut Pace) -> io::Result<u64> {
    while !blocks.is_empty() {
        let begun = Instant::now();
        match file.write_at(blocks, at) {
            Ok(n) => {
                // A block that was written in part is written again.
                let whole = n - n % BLOCK as usize;
                if whole == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                pace.note(whole as u64, begun.elapsed());
                blocks = blocks.get(whole..).unwrap_or_default();
                at += whole as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

/// The part of the buffer that begins at a block's boundary in memory. It is allocated at the first call.
fn aligned(staging: &mut Vec<u8>) -> Option<&mut [u8]> {
    if staging.is_empty() {
        *staging = vec![0; STAGING_BYTES + BLOCK as usize];
    }
    let skip = padding(staging);
    staging.get_mut(skip..)?.get_mut(..STAGING_BYTES)
}

/// Bytes before the first block's boundary in memory.
pub(super) fn padding(buffer: &[u8]) -> usize {
    buffer.as_ptr().align_offset(BLOCK as usize)
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// The file once more, for reading past the cache.
///
/// # Errors
/// When the system cannot do that.
pub(super) fn open_to_read(file: &File) -> io::Result<File> {
    reopen(file, File::options().read(true))
}

/// A file without a name can be opened again only through its descriptor.
#[cfg(target_os = "linux")]
fn reopen(file: &File, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    options
        .custom_flags(libc::O_DIRECT)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
fn reopen(_: &File, _: &mut OpenOptions) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// How fast the disk was lately.
#[derive(Debug)]
struct Pace {
    /// Bytes per second below which it is slow.
    least: u64,
    bytes: u64,
    time: Duration,
    slow: bool,
}

impl Pace {
    fn new(least: u64) -> Self {
        Self {
            least,
            bytes: 0,
            time: Duration::ZERO,
            slow: false,
        }
    }

    fn note(&mut self, bytes: u64, time: Duration) {
        self.bytes += bytes;
        self.time += time;
        if self.bytes >= JUDGED_BYTES {
            self.slow = (self.bytes as f64) < self.least as f64 * self.time.as_secs_f64();
            // What came before counts for less and less.
            self.bytes /= 2;
            self.time /= 2;
        }
    }

    fn is_slow(&self) -> bool {
        self.slow
    }
}

#[cfg(test)]
mod tests;
