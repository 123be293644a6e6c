//! Bytes that are to be written, in pieces that need not be joined.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Pieces of this size or more are passed on without copying them, in bytes.
const COPY_MAX: usize = 4 * 1024;

/// Room that is made for small frames at once, in bytes.
const TAIL_SIZE: usize = 4 * 1024;

/// A queue of bytes: large pieces as they are, everything between them joined. So it takes little more memory than
/// its bytes, however small they come.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// None is empty.
    large: VecDeque<Bytes>,
    /// What follows them.
    tail: BytesMut,
    len: usize,
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.len() < COPY_MAX {
            self.tail.extend_from_slice(&piece);
            return;
        }
        if !self.tail.is_empty() {
            let joined = self.tail.split().freeze();
            self.large.push_back(joined);
        }
        self.large.push_back(piece);
    }

    /// Takes the first piece off, or its first `max` bytes; empty when there is nothing.
    pub(super) fn take_first(&mut self, max: usize) -> Bytes {
        let first = match self.large.front_mut() {
            Some(piece) if piece.len() > max => piece.split_to(max),
            Some(_) => self.large.pop_front().unwrap_or_default(),
            None => self.tail.split_to(max.min(self.tail.len())).freeze(),
        };
        self.len -= first.len();
        first
    }

    fn advance(&mut self, n: usize) {
        let mut left = n.min(self.len);
        self.len -= left;
        while let Some(first) = self.large.front_mut() {
            if left < first.len() {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.large.pop_front();
        }
        if left == self.tail.len() {
            self.tail.clear();
        } else {
            self.tail.advance(left);
        }
    }
}

/// What is to be written to the peer: large payloads as they are, everything between them joined.
///
/// Also a [`Buf`]. Cancel safety: nothing leaves before [`advance`](Self::advance) says that it was written.
#[derive(Debug, Default)]
pub struct Output {
    pieces: Pieces,
    /// Bytes that were ever put in.
    total: u64,
}

impl Output {
    /// Bytes to write.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.len
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.len == 0
    }

    /// Fills `slices` with what is to be written first; returns how many were filled.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = &self.pieces.tail;
        let tail = (!tail.is_empty()).then_some(&**tail);
        let parts = self.pieces.large.iter().map(|piece| &**piece).chain(tail);
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    /// The first `n` bytes have been written; at most [`len`](Self::len).
    pub fn advance(&mut self, n: usize) {
        self.pieces.advance(n);
    }

    /// Everything, joined and taken out.
    #[must_use]
    pub fn take(&mut self) -> Bytes {
        self.copy_to_bytes(self.len())
    }

    /// Appends whatever `write` appends to the buffer that it is given.
    pub(super) fn write<T>(&mut self, write: impl FnOnce(&mut BytesMut) -> T) -> T {
        let tail = &mut self.pieces.tail;
        if tail.capacity() - tail.len() < 64 {
            tail.reserve(TAIL_SIZE);
        }
        let before = tail.len();
        let result = write(tail);
        let by = tail.len() - before;
        self.pieces.len += by;
        self.total += by as u64;
        result
    }

    /// Appends payload, without copying it when it is large.
    pub(super) fn payload(&mut self, data: Bytes) {
        self.total += data.len() as u64;
        self.pieces.push(data);
    }

    /// Bytes that were ever put in.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that were ever written.
    pub(super) fn written(&self) -> u64 {
        self.total - self.len() as u64
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        let first = self.pieces.large.front();
        first.map_or(&self.pieces.tail, |piece| piece)
    }

    fn advance(&mut self, n: usize) {
        Self::advance(self, n);
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.io_slices(slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_joined_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![1; COPY_MAX]);
        let mut pieces = Pieces::default();
        for _ in 0..1000 {
            pieces.push(Bytes::from_static(b"x"));
        }
        pieces.push(large.clone());
        pieces.push(Bytes::from_static(b"yz"));
        assert_eq!((pieces.large.len(), pieces.len()), (2, 1002 + COPY_MAX));
        assert_eq!(pieces.take_first(999).len(), 999);
        assert_eq!(pieces.take_first(999), "x");
        assert_eq!(pieces.take_first(COPY_MAX).as_ptr(), large.as_ptr());
        assert_eq!(pieces.take_first(1), "y");
        assert_eq!(pieces.take_first(9), "z");
        assert_eq!(pieces.take_first(9), "");
        assert_eq!(pieces.len(), 0);
    }
}
