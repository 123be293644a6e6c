//! Where flows are read from: a buffer over a file, or over what can be read but once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes that are read at a time.
const STEP: usize = 128 * 1024;

/// See the [module](self).
pub(crate) struct Source {
    input: Input,
    buffer: Vec<u8>,
    /// The part of the buffer that was not consumed.
    start: usize,
    end: usize,
    /// Where in the input that part begins.
    offset: u64,
}

enum Input {
    Stream(Box<dyn Read + Send>),
    /// What is added to the file after it was opened is not read: it may be what was read, written to its end.
    File(Cursor, u64),
}

impl Source {
    /// What can be read but once.
    pub(crate) fn stream(stream: Box<dyn Read + Send>) -> Self {
        Self::new(Input::Stream(stream), 0)
    }

    /// A file, from that byte on.
    ///
    /// # Errors
    /// When its length cannot be told.
    pub(crate) fn file(file: File, at: u64) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let file = Arc::new(file);
        Ok(Self::new(Input::File(Cursor { file, at }, len), at))
    }

    fn new(input: Input, offset: u64) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset,
        }
    }

    /// Bytes that were consumed.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The file, if it is one.
    pub(super) fn input(&self) -> Option<&Arc<File>> {
        match &self.input {
            Input::Stream(_) => None,
            Input::File(cursor, _) => Some(&cursor.file),
        }
    }

    /// Length of the file, if it is one.
    pub(crate) fn len(&self) -> Option<u64> {
        match &self.input {
            Input::Stream(_) => None,
            Input::File(_, len) => Some(*len),
        }
    }

    /// What was read and not consumed: at least `wanted` bytes, or all there are.
    pub(crate) fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.end - self.start < wanted {
            if self.read_some(wanted)? == 0 {
                break;
            }
        }
        Ok(self.filled())
    }

    fn filled(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn read_some(&mut self, wanted: usize) -> io::Result<usize> {
        if self.buffer.len() - self.start < wanted.max(1) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let room = wanted.max(STEP);
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = match &mut self.input {
            Input::Stream(stream) => read_retrying(stream, room)?,
            Input::File(cursor, len) => {
                let left = usize::try_from(len.saturating_sub(cursor.at)).unwrap_or(usize::MAX);
                let upto = room.len().min(left);
                read_retrying(cursor, room.get_mut(..upto).unwrap_or_default())?
            }
        };
        self.end += read;
        Ok(read)
    }

    /// Passes over bytes that [`fill`](Self::fill) has given.
    pub(crate) fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Takes so many bytes as a part of a file: of the one that is read, or of one that is made of them. None if there
    /// are not as many; then all there are were consumed.
    pub(super) fn take_part(&mut self, len: u64) -> io::Result<Option<(Arc<File>, u64)>> {
        if let Input::File(cursor, file_len) = &mut self.input {
            let (begins, end) = (self.offset, self.offset.saturating_add(len));
            // It may have become shorter, but what was added is not looked at.
            let file_len = cursor.file.metadata()?.len().min(*file_len);
            // What was read ahead is read again: that is less work than to tell.
            (self.start, self.end) = (0, 0);
            self.offset = end.min(file_len);
            cursor.at = self.offset;
            let part = (cursor.file.clone(), begins);
            return Ok((end <= file_len).then_some(part));
        }
        let mut spilled = tempfile::tempfile()?;
        let mut left = len;
        while left > 0 {
            let filled = self.fill(1)?;
            if filled.is_empty() {
                return Ok(None);
            }
            let take = filled
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            spilled.write_all(filled.get(..take).unwrap_or_default())?;
            self.consume(take);
            left -= take as u64;
        }
        Ok(Some((Arc::new(spilled), 0)))
    }
}

fn read_retrying(input: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A place in a file that others read as well.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
}

impl Read for Cursor {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(room, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
