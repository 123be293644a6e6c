//! Flow control (RFC 9113 §5.2 and §6.9): the windows of both directions.

/// The largest window, in bytes.
pub(super) const WINDOW_MAX: u32 = 0x7fff_ffff;

/// How much we may send. Negative after the peer has made its initial window smaller (RFC 9113 §6.9.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct SendWindow(i64);

impl SendWindow {
    pub(super) fn new(size: u32) -> Self {
        Self(size.into())
    }

    /// Bytes that may be sent.
    pub(super) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }

    /// Grows (or shrinks) the window; false when it is larger than it can be.
    #[must_use]
    pub(super) fn change(&mut self, by: i64) -> bool {
        self.0 += by;
        self.0 <= WINDOW_MAX.into()
    }
}

/// How much the peer may send, and what it has sent that is not consumed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecvWindow {
    /// What the peer may send at most when everything is consumed.
    size: u32,
    /// What it may send, as far as it knows.
    available: i64,
    /// Received and not consumed.
    held: u32,
    /// Consumed and not told to the peer.
    unclaimed: u32,
}

impl RecvWindow {
    /// A window in which the peer may send `available` at first, and `size` in the long run.
    pub(super) fn new(size: u32, available: u32) -> Self {
        Self {
            size,
            available: available.into(),
            held: 0,
            unclaimed: 0,
        }
    }

    /// DATA has come; false when it is more than allowed.
    #[must_use]
    pub(super) fn receive(&mut self, bytes: u32) -> bool {
        self.available -= i64::from(bytes);
        self.held = self.held.saturating_add(bytes);
        self.available >= 0
    }

    /// Changes what the peer may send, as our SETTINGS do when they come into force.
    pub(super) fn change(&mut self, by: i64) {
        self.available += by;
    }

    /// What the peer may send at most when everything is consumed.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Data has been taken. Returns the increment that the peer should be told: none until half of the window
    /// is used up, so that a transfer costs few frames. The window doubles, by `room` at most, when it is what holds
    /// the peer back: nearly all of what has come is consumed.
    pub(super) fn consume(&mut self, bytes: u32, room: u32) -> Option<u32> {
        // More than there is would let the window grow without bound.
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        self.unclaimed += bytes;
        if self.unclaimed == 0 || self.unclaimed < self.size / 2 {
            return None;
        }
        let mut increment = std::mem::take(&mut self.unclaimed);
        if self.held <= self.size / 8 {
            let growth = self.size.min(room);
            self.size += growth;
            increment += growth;
        }
        self.available += i64::from(increment);
        Some(increment)
    }
}
