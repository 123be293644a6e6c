//! Bytes that are to be written, in pieces that need not be joined.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Payloads of this size or more are passed on without copying them, in bytes.
pub(super) const COPY_MAX: usize = 4 * 1024;

/// Room that is made for small frames at once, in bytes.
const TAIL_SIZE: usize = 8 * 1024;

/// What is to be written to the peer: large payloads as they are, everything between them joined.
///
/// Also a [`Buf`]. Cancel safety: nothing leaves before [`advance`](Self::advance) says that it was written.
#[derive(Debug, Default)]
pub struct Output {
    pieces: VecDeque<Bytes>,
    /// What follows the pieces.
    tail: BytesMut,
    len: usize,
    /// Bytes that were ever put in.
    total: u64,
}

impl Output {
    /// Bytes to write.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `slices` with what is to be written first; returns how many were filled.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = (!self.tail.is_empty()).then_some(&*self.tail);
        let parts = self.pieces.iter().map(|piece| &**piece).chain(tail);
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    /// The first `n` bytes have been written; at most [`len`](Self::len).
    pub fn advance(&mut self, n: usize) {
        let mut left = n.min(self.len);
        self.len -= left;
        while let Some(first) = self.pieces.front_mut() {
            if left < first.len() {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.pieces.pop_front();
        }
        if left >= self.tail.len() {
            self.tail.clear();
        } else {
            self.tail.advance(left);
        }
    }

    /// Everything, joined and taken out.
    #[must_use]
    pub fn take(&mut self) -> Bytes {
        self.copy_to_bytes(self.len)
    }

    /// Appends whatever `write` appends to the buffer that it is given.
    pub(super) fn write<T>(&mut self, write: impl FnOnce(&mut BytesMut) -> T) -> T {
        if self.tail.capacity() - self.tail.len() < 64 {
            self.tail.reserve(TAIL_SIZE);
        }
        let before = self.tail.len();
        let result = write(&mut self.tail);
        self.grown(self.tail.len() - before);
        result
    }

    /// Appends payload, without copying it when it is large.
    pub(super) fn payload(&mut self, data: Bytes) {
        let len = data.len();
        if len < COPY_MAX {
            self.tail.extend_from_slice(&data);
        } else {
            if !self.tail.is_empty() {
                let small = self.tail.split().freeze();
                self.pieces.push_back(small);
            }
            self.pieces.push_back(data);
        }
        self.grown(len);
    }

    fn grown(&mut self, by: usize) {
        self.len += by;
        self.total += by as u64;
    }

    /// Bytes that were ever put in.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that were ever written.
    pub(super) fn written(&self) -> u64 {
        self.total - self.len as u64
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.tail, |piece| piece)
    }

    fn advance(&mut self, n: usize) {
        Self::advance(self, n);
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.io_slices(slices)
    }
}
