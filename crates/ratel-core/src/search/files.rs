//! Where the index lies on disk: files without a name, as the store's.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file is left when it has grown past this many bytes.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// With a small budget files are smaller, so that at least this many share it: a file goes as a whole.
const FILES_AT_LEAST: u64 = 8;

/// The end that writes.
pub(super) struct Files {
    dir: PathBuf,
    file_bytes: u64,
    current: Option<Arc<IndexFile>>,
    disk: Arc<AtomicU64>,
    /// Bytes that may still be written before the disk pretends to be full.
    #[cfg(test)]
    pub(super) disk_left: Arc<AtomicU64>,
}

/// A file, which goes with the last volume in it.
struct IndexFile {
    file: File,
    len: AtomicU64,
    /// Of all files.
    disk: Arc<AtomicU64>,
}

impl Drop for IndexFile {
    fn drop(&mut self) {
        let len = *self.len.get_mut();
        self.disk.fetch_sub(len, Ordering::Relaxed);
    }
}

impl Files {
    pub(super) fn new(dir: PathBuf, budget: u64) -> Self {
        Self {
            dir,
            file_bytes: (budget / FILES_AT_LEAST).min(FILE_BYTES),
            current: None,
            disk: Arc::default(),
            #[cfg(test)]
            disk_left: Arc::new(u64::MAX.into()),
        }
    }

    pub(super) fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// Bytes on disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk.load(Ordering::Relaxed)
    }

    /// # Errors
    /// When no file can be made, or the disk is full; nothing is written then.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<Place> {
        let current = self
            .current
            .take_if(|file| file.len.load(Ordering::Relaxed) < self.file_bytes);
        let file = match current {
            Some(file) => file,
            None => Arc::new(IndexFile {
                file: tempfile::tempfile_in(&self.dir)?,
                len: AtomicU64::new(0),
                disk: self.disk.clone(),
            }),
        };
        let at = file.len.load(Ordering::Relaxed);
        let written = self.write(&file.file, bytes, at);
        if written.is_ok() {
            let len = bytes.len() as u64;
            file.len.store(at + len, Ordering::Relaxed);
            self.disk.fetch_add(len, Ordering::Relaxed);
        } else if let Err(error) = file.file.set_len(at) {
            tracing::debug!(%error, "cannot shorten a file of the search index");
        }
        self.current = Some(file.clone());
        written.map(|()| Place { file, at })
    }

    fn write(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        #[cfg(test)]
        {
            let left = self.disk_left.load(Ordering::Relaxed);
            let after = left.checked_sub(bytes.len() as u64);
            self.disk_left.store(after.unwrap_or(0), Ordering::Relaxed);
            if after.is_none() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        file.write_all_at(bytes, at)
    }
}

/// Where something was written.
#[derive(Clone)]
pub(super) struct Place {
    file: Arc<IndexFile>,
    at: u64,
}

impl Place {
    /// # Errors
    /// When the file does not hold that much.
    pub(super) fn read(&self, at: u32, into: &mut [u8]) -> io::Result<()> {
        self.file.file.read_exact_at(into, self.at + u64::from(at))
    }

    /// The file loses what it has, for tests.
    #[cfg(test)]
    pub(super) fn damage(&self) {
        self.file.file.set_len(0).expect("a file that is open");
    }
}
