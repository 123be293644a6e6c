//! Floods: frames that cost the peer little and us more (CVE-2019-9512 and its family, CVE-2023-44487, CVE-2024-27316,
//! CVE-2025-8671).
//!
//! Each kind has a budget: what is bad takes from it, what is useful gives back, and so does time, as
//! [`Connection::tick`](super::Connection::tick). A peer that does real work never empties it.

/// Bounds on what costs the peer little.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many streams may be reset, by the peer or because of its errors, before any is completed.
    pub resets: u32,
    /// How many resets a completed stream makes up for.
    pub resets_per_completed: u32,
    /// How many resets a tick makes up for.
    pub resets_per_tick: u32,
    /// How many frames without use may come: PING, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones, ones on
    /// streams that are closed. SETTINGS counts as several.
    pub idle_frames: u32,
    /// How many of those a useful frame makes up for: a head, a DATA frame in either direction.
    pub idle_frames_per_useful: u32,
    /// How many of those a tick makes up for.
    pub idle_frames_per_tick: u32,
    /// How many answers (to PING, SETTINGS, and resets) may be waiting because the peer does not read.
    pub answers: u32,
    /// How many frames a head may come in.
    pub header_frames: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resets: 500,
            resets_per_completed: 2,
            resets_per_tick: 50,
            idle_frames: 10_000,
            idle_frames_per_useful: 4,
            idle_frames_per_tick: 1000,
            answers: 1000,
            header_frames: 64,
        }
    }
}

/// What may still be spent.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    most: u32,
}

impl Budget {
    pub(super) fn new(most: u32) -> Self {
        Self { left: most, most }
    }

    /// Takes from the budget; whether there was enough.
    #[must_use]
    pub(super) fn spend(&mut self, cost: u32) -> bool {
        let enough = self.left.checked_sub(cost);
        self.left = enough.unwrap_or(0);
        enough.is_some()
    }

    pub(super) fn earn(&mut self, gain: u32) {
        self.left = self.left.saturating_add(gain).min(self.most);
    }
}

/// Counts answers that lie in the output, given how far it has been filled and written.
///
/// Exact to a factor of two: answers are counted in two generations, and one is forgotten when all of it is written.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Answers up to `mark`, and after it.
    older: u32,
    newer: u32,
    mark: u64,
}

impl Unread {
    /// Counts one more that begins at `total`; returns how many are waiting at most.
    pub(super) fn add(&mut self, total: u64, written: u64) -> u32 {
        if written >= self.mark {
            self.older = std::mem::take(&mut self.newer);
            self.mark = total;
            if written >= total {
                self.older = 0;
            }
        }
        self.newer += 1;
        self.older + self.newer
    }
}
