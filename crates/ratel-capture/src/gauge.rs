//! What everything that is being put together takes in memory, counted where it lies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The sum, shared by all who hold something.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    bytes: Arc<AtomicUsize>,
    limit: usize,
}

impl Gauge {
    /// Nothing yet, of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Arc::default(),
            limit,
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether more is held than may be.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes() > self.limit
    }

    /// Whether what can lie on disk should.
    pub(crate) fn is_high(&self) -> bool {
        self.bytes() > self.limit / 2
    }

    /// Whether enough is free again.
    pub(crate) fn is_relieved(&self) -> bool {
        self.bytes() <= self.limit / 4 * 3
    }

    /// A share of it, empty at first.
    pub(crate) fn share(&self) -> Share {
        Share {
            gauge: self.clone(),
            bytes: 0,
        }
    }
}

/// What one holder has; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    gauge: Gauge,
    bytes: usize,
}

impl Share {
    /// It holds so many bytes.
    pub(crate) fn set(&mut self, bytes: usize) {
        let counter = &self.gauge.bytes;
        match bytes.checked_sub(self.bytes) {
            Some(more) => counter.fetch_add(more, Ordering::Relaxed),
            None => counter.fetch_sub(self.bytes - bytes, Ordering::Relaxed),
        };
        self.bytes = bytes;
    }

    /// It holds so many more.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.set(self.bytes.saturating_add(bytes));
    }

    /// The whole it is part of.
    #[cfg(test)]
    pub(crate) fn gauge(&self) -> &Gauge {
        &self.gauge
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
