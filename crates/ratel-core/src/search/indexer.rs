//! The thread that builds the index.
//!
//! It goes through the flows of the store in order, some time after they have finished, and gives their texts to the
//! builder. Of flows that go on for long it takes the streams that are text as they are piece by piece, so that a
//! WebSocket of days is covered but for its end. It looks at the store, and listens to what that announces only to know
//! when to look: so nothing is lost by being late, and being late is what it does while there is much traffic.

mod pace;
mod press;
mod take;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratel_flow::FlowId;

use super::Shared;
use super::catalog::{Covered, Extent, Part};
use super::files::Files;
use super::texts::Reader;
use crate::store::stamp::Stamp;
use crate::store::{FlowStore, Subscription};
use pace::Pace;
use press::Press;

/// Flows that are looked at in one go.
const AT_ONCE: usize = 512;

/// Flows become known a little out of order, so that the last ones are looked at again.
const AGAIN: u64 = 256;

/// A flow that goes on is taken up when it has grown by so many bytes.
const PIECE: u64 = if cfg!(test) { 600 } else { 256 * 1024 };

/// No more flows than this are followed as they grow; others are taken when they have finished.
const FOLLOWED: usize = 1024;

/// Flows that go on are looked at this often.
const LIVE_EVERY: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_millis(500)
};

/// After something has happened, more is waited for so long.
const GATHER: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_millis(30)
};

/// How much the index may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) memory: usize,
    pub(super) disk: u64,
}

/// What the thread owns.
pub(super) struct Indexer {
    shared: Arc<Shared>,
    store: FlowStore,
    updates: Subscription,
    reader: Reader,
    press: Press,
    /// All flows up to this one were looked at.
    cursor: FlowId,
    /// Flows up to this one were dropped for others, and are not taken again.
    floor: FlowId,
    /// Flows before the cursor have to be looked at again.
    start_over: bool,
    /// Flows that were live when they were looked at.
    live: BTreeSet<FlowId>,
    looked_at_live: Option<Instant>,
    /// What was taken of those, the last pieces of which may not be written yet.
    followed: BTreeMap<FlowId, Followed>,
    /// Flows that were evicted when those were last forgotten here.
    evicted: u64,
}

/// A flow that goes on.
#[derive(Clone, Copy)]
struct Followed {
    /// What was taken of it; none if that is lost.
    taken: Option<Taken>,
    /// How long its streams were.
    bytes: u64,
}

#[derive(Clone, Copy)]
struct Taken {
    part: Part,
    /// The volume with the first text.
    from: u32,
}

impl Indexer {
    pub(super) fn new(
        shared: Arc<Shared>,
        store: FlowStore,
        updates: Subscription,
        files: Files,
        budget: Budget,
    ) -> Self {
        let pace = Pace::new(store.clone());
        Self {
            reader: Reader::new(store.clone()),
            press: Press::new(shared.clone(), files, budget, pace),
            shared,
            store,
            updates,
            cursor: FlowId(0),
            floor: FlowId(0),
            start_over: false,
            live: BTreeSet::new(),
            looked_at_live: None,
            followed: BTreeMap::new(),
            evicted: 0,
        }
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        low_priority();
        let shared = self.shared.clone();
        let _end = AtEnd(&shared);
        while !shared.bell.is_stopped() {
            let asked = shared.bell.asked();
            // What is announced from here on is seen by the next look.
            while self.updates.try_next().is_some() {}
            let again = self.look(asked.is_some());
            if let Some(asked) = asked {
                shared.bell.answer(asked);
            }
            shared.bell.wait(again);
            shared.bell.sleep(GATHER);
        }
    }

    /// Takes what there is to take. Says when to look again, if nothing happens before.
    fn look(&mut self, at_once: bool) -> Option<Duration> {
        self.press.pace.begin();
        self.forget_evicted();
        if self.press.waits() {
            return Some(LIVE_EVERY);
        }
        self.take_new();
        let due = at_once
            || self
                .looked_at_live
                .is_none_or(|last| last.elapsed() >= LIVE_EVERY);
        if due {
            self.take_live();
        }
        for flow in self.shared.take_changed() {
            self.take_again(flow);
        }
        self.settle();
        let behind = self.store.last_id().is_some_and(|last| last > self.cursor);
        (behind || self.start_over || !due && !self.live.is_empty()).then_some(LIVE_EVERY)
    }

    fn take_new(&mut self) {
        if std::mem::take(&mut self.start_over) {
            self.cursor = self.floor;
        }
        let mut at = FlowId(self.cursor.0.saturating_sub(AGAIN).max(self.floor.0));
        let mut stamps = Vec::with_capacity(AT_ONCE);
        while !self.press.waits() {
            let ids = self.store.ids_after(at, AT_ONCE);
            let Some(last) = ids.last() else { return };
            at = *last;
            stamps.clear();
            self.store.stamps(&ids, &mut stamps);
            for stamp in &stamps {
                if !stamp.finished {
                    self.live.insert(stamp.id);
                } else if !self.live.contains(&stamp.id)
                    && !self.is_known(stamp)
                    && self.take_whole(stamp).is_break()
                {
                    return;
                }
            }
            self.cursor = self.cursor.max(at);
        }
    }

    /// Whether a flow is covered, or will be with the volume that is being made.
    fn is_known(&self, stamp: &Stamp) -> bool {
        let extent = Extent::Whole(stamp.whole);
        self.press.builder.covers(stamp.id, extent)
            || self
                .shared
                .catalog()
                .get(stamp.id)
                .is_some_and(|covered| covered.extent == extent)
    }

    fn take_live(&mut self) {
        self.looked_at_live = Some(Instant::now());
        let ids: Vec<_> = self.live.iter().copied().collect();
        let mut stamps = Vec::with_capacity(ids.len());
        self.store.stamps(&ids, &mut stamps);
        self.live = stamps.iter().map(|stamp| stamp.id).collect();
        for stamp in &stamps {
            if self.press.waits() {
                return;
            }
            let stopped = if !stamp.finished {
                self.take_part(stamp)
            } else if self.is_known(stamp) {
                std::ops::ControlFlow::Continue(())
            } else {
                self.take_whole(stamp)
            };
            if stopped.is_break() {
                return;
            }
            if stamp.finished {
                self.live.remove(&stamp.id);
            }
        }
    }

    /// A flow was changed after it was taken.
    fn take_again(&mut self, flow: FlowId) {
        let mut stamps = Vec::new();
        self.store.stamps(&[flow], &mut stamps);
        if let [stamp] = &*stamps
            && stamp.finished
            && stamp.id > self.floor
            && !self.live.contains(&flow)
            && !self.is_known(stamp)
        {
            // Whether the thread is to end is seen by the next one who asks.
            let _ = self.take_whole(stamp);
        }
    }

    /// Before more is taken: what was lost or dropped since does not count.
    fn settle(&mut self) {
        if self.press.has_lost() {
            self.start_over = true;
            self.keep_written();
        }
        if let Some(last) = self.press.has_dropped() {
            self.floor = self.floor.max(last);
            self.keep_written();
        }
    }

    /// Of flows that go on only what is written counts.
    fn keep_written(&mut self) {
        let catalog = self.shared.catalog();
        for (flow, followed) in &mut self.followed {
            followed.taken = match catalog.get(*flow) {
                Some(Covered {
                    extent: Extent::Part(part),
                    from,
                    ..
                }) => Some(Taken {
                    part: *part,
                    from: *from,
                }),
                _ => None,
            };
        }
    }

    fn forget_evicted(&mut self) {
        let evicted = self.store.stats().evicted;
        let flows = self.shared.catalog().flows();
        // It takes a moment, and is not urgent.
        let many = flows / 50;
        if evicted - self.evicted <= many as u64 && flows <= self.store.len() + many + AT_ONCE {
            return;
        }
        self.evicted = evicted;
        let present = self.store.ids(0..usize::MAX);
        let needed = self.press.builder.needs();
        self.shared.catalog().retain(&present, needed);
        self.followed
            .retain(|flow, _| present.binary_search(flow).is_ok());
    }
}

/// Nobody waits for the thread any longer, in whatever way it ends.
struct AtEnd<'a>(&'a Shared);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.bell.end();
    }
}

/// The traffic goes first. Not lower than this, since who waits for a lock that the thread holds waits for the thread.
#[cfg(target_os = "linux")]
fn low_priority() {
    // On Linux each thread has a priority of its own.
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "the search index is built with the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn low_priority() {}
