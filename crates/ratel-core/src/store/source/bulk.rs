//! Reading much: what the page cache does not have is read past it.
//!
//! Whoever looks through all flows would fill the cache with what nobody will want again, and on virtual machines whose
//! memory grows on demand a page that enters the cache costs several times as much as the disk takes. So what is
//! cached is read from there, and the rest in large blocks into a buffer of this module.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::super::direct::{self, BLOCK};
use super::super::segments::Segment;
use super::Source;

/// Bytes that are read at once where what is wanted next is not known.
const LEAST: usize = 64 * 1024;

/// Bytes that are read at once where one place after the other is wanted.
const MOST: usize = 1024 * 1024;

/// A reader of its own for each thread that looks through flows. It takes 1 MiB once it has met something uncached.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    buffer: Vec<u8>,
    /// The file that was read past the cache last, opened for that.
    file: Option<(u32, File)>,
    ahead: Ahead,
    /// The system cannot tell what is cached, or cannot read past the cache.
    off: bool,
}

/// What is in the buffer.
#[derive(Debug, Default)]
struct Ahead {
    segment: u32,
    /// Offset in the file, and how many bytes there are.
    at: u64,
    len: usize,
    /// How much was asked for.
    step: usize,
}

impl Source for Bulk {
    fn append(
        &mut self,
        segment: &Segment,
        at: u32,
        len: usize,
        _: bool,
        to: &mut Vec<u8>,
    ) -> bool {
        let kept = to.len();
        to.resize(kept + len, 0);
        let Some(mut into) = to.get_mut(kept..) else {
            return false;
        };
        let (file, mut at) = segment.place(at);
        while !into.is_empty() {
            let got = self.some(segment.number, file, at, into);
            let Some(rest) = into.get_mut(got..).filter(|_| got > 0) else {
                return false;
            };
            into = rest;
            at += got as u64;
        }
        true
    }
}

impl Bulk {
    /// Reads at least one byte, unless the file ends there or fails.
    fn some(&mut self, segment: u32, file: &File, at: u64, into: &mut [u8]) -> usize {
        if let Some(got) = self.buffered(segment, at, into) {
            return got;
        }
        if !self.off {
            match if_cached(file, into, at) {
                Ok(got) => return got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(got) = self.past_cache(segment, file, at, into) {
                        return got;
                    }
                }
                Err(_) => self.off = true,
            }
        }
        read_at(file, into, at)
    }

    fn buffered(&self, segment: u32, at: u64, into: &mut [u8]) -> Option<usize> {
        let Ahead { at: from, len, .. } = self.ahead;
        let skip = usize::try_from(at.checked_sub(from)?).ok()?;
        if segment != self.ahead.segment || skip >= len {
            return None;
        }
        let buffer = self.buffer.get(direct::padding(&self.buffer)..)?;
        let there = buffer.get(skip..len)?;
        let got = there.len().min(into.len());
        into.get_mut(..got)?.copy_from_slice(there.get(..got)?);
        Some(got)
    }

    /// None where that does not work.
    fn past_cache(&mut self, segment: u32, file: &File, at: u64, into: &mut [u8]) -> Option<usize> {
        let start = at - at % BLOCK;
        let ahead = &self.ahead;
        let follows =
            segment == ahead.segment && start >= ahead.at && start - ahead.at <= 2 * MOST as u64;
        let wanted = (at - start) as usize + into.len();
        let step = if follows { ahead.step * 2 } else { LEAST };
        let step = step
            .max(wanted.next_multiple_of(BLOCK as usize))
            .clamp(LEAST, MOST);
        self.ahead.len = 0;
        let read = self.fill(segment, file, start, step);
        let Ok(len) = read else {
            self.off = true;
            return None;
        };
        self.ahead = Ahead {
            segment,
            at: start,
            len,
            step,
        };
        Some(self.buffered(segment, at, into).unwrap_or_default())
    }

    fn fill(&mut self, segment: u32, file: &File, at: u64, len: usize) -> io::Result<usize> {
        if self.file.as_ref().is_none_or(|(open, _)| *open != segment) {
            self.file = Some((segment, direct::open_to_read(file)?));
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; MOST + BLOCK as usize];
        }
        let skip = direct::padding(&self.buffer);
        let into = self.buffer.get_mut(skip..skip + len);
        let (Some((_, file)), Some(into)) = (&self.file, into) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        loop {
            match file.read_at(into, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

fn read_at(file: &File, into: &mut [u8], at: u64) -> usize {
    loop {
        match file.read_at(into, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.unwrap_or_default(),
        }
    }
}

/// Reads what the page cache has; [`WouldBlock`](io::ErrorKind::WouldBlock) where it has nothing.
#[cfg(target_os = "linux")]
fn if_cached(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let into = &mut [io::IoSliceMut::new(into)];
    Ok(preadv2(file, into, at, ReadWriteFlags::NOWAIT)?)
}

#[cfg(not(target_os = "linux"))]
fn if_cached(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    /// A file of which nothing is cached, where the system can be asked for that.
    fn uncached(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        file
    }

    #[test]
    fn what_is_not_cached_is_read_all_the_same() {
        let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        for base in [0, 4096, 777] {
            let segment = Segment::foreign(7, Arc::new(uncached(&bytes)), base as u64);
            let mut bulk = Bulk::default();
            for (at, len) in [
                (0, 10),
                (5_000, 100),
                (70_000, 4_000_000),
                (8_000_000, 1),
                (8_000_001, 200_000),
                (3, 9),
            ] {
                let mut read = b"before".to_vec();
                assert!(bulk.append(&segment, at, len, false, &mut read));
                let from = base + at as usize;
                assert!(read[6..] == bytes[from..from + len], "{base} {at} {len}");
            }
            let end = (bytes.len() - base) as u32;
            assert!(bulk.append(&segment, end - 5, 5, false, &mut Vec::new()));
            assert!(!bulk.append(&segment, end - 5, 6, false, &mut Vec::new()));
        }
    }
}
