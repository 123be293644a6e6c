//! How much of a processor the index may take.
//!
//! The thread has a low priority, so it takes nothing from a proxy that has the processors busy. That does not make it
//! cheap: under a load test it would double the work for each request, for flows that nobody will look for. So while
//! there is much traffic it works for a tenth of the time, under a load test for a fiftieth, and falls behind; it catches
//! up afterwards. What is read from a file is no traffic.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ratel_flow::{FlowId, Timestamp};

use crate::clock;
use crate::search::bell::Bell;
use crate::store::FlowStore;

/// More flows than this in a second are much traffic, and more bytes.
const MANY_FLOWS: f64 = 300.0;
const MANY_BYTES: f64 = 24e6;

/// Ten times as much is a load test.
const LOAD_TEST: f64 = 10.0;

/// How often that is judged.
const JUDGED_EVERY: Duration = Duration::from_millis(250);

/// A flow that was opened longer ago than this is not traffic.
const LATELY: Duration = Duration::from_secs(10);

/// Flows that are weighed each time.
const WEIGHED: u64 = 16;

/// With much traffic the thread works for so long, and sleeps for so many times as long as it did.
const WORK: Duration = Duration::from_millis(4);
const SLEEPS: u32 = 9;
const SLEEPS_UNDER_LOAD: u32 = 49;
const SLEEP_MOST: Duration = Duration::from_millis(200);

pub(super) struct Pace {
    store: FlowStore,
    judged: Instant,
    last: FlowId,
    /// How many times as long as it works the thread sleeps.
    sleeps: u32,
    working_since: Instant,
}

impl Pace {
    pub(super) fn new(store: FlowStore) -> Self {
        Self {
            judged: Instant::now(),
            last: store.last_id().unwrap_or(FlowId(0)),
            store,
            sleeps: 0,
            working_since: Instant::now(),
        }
    }

    /// The thread has waited, and begins to work.
    pub(super) fn begin(&mut self) {
        self.working_since = Instant::now();
    }

    /// A little was done. Breaks when the thread is to end.
    pub(super) fn step(&mut self, bell: &Bell) -> ControlFlow<()> {
        let now = Instant::now();
        let since = now - self.judged;
        if since >= JUDGED_EVERY {
            self.judge(since);
            self.judged = now;
        }
        let worked = now - self.working_since;
        if worked >= WORK {
            bell.let_searches_go_first();
            if self.sleeps > 0 {
                bell.sleep((worked * self.sleeps).min(SLEEP_MOST));
            }
            self.working_since = Instant::now();
            if bell.is_stopped() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn judge(&mut self, since: Duration) {
        let last = self.store.last_id().unwrap_or(FlowId(0));
        let flows = last.0.saturating_sub(self.last.0);
        self.last = last;
        let newest: Vec<_> = (0..WEIGHED.min(flows))
            .map(|back| FlowId(last.0 - back))
            .collect();
        let mut stamps = Vec::new();
        self.store.stamps(&newest, &mut stamps);
        let now = clock::now();
        let lately = u64::try_from(LATELY.as_nanos()).unwrap_or(u64::MAX);
        stamps.retain(|stamp| is_after(stamp.created, now, lately));
        let bytes: u64 = stamps.iter().flat_map(|stamp| stamp.bodies).sum();
        let weighed = newest.len().max(1) as f64;
        let rate = flows as f64 * (stamps.len() as f64 / weighed) / since.as_secs_f64();
        let bytes = rate * bytes as f64 / stamps.len().max(1) as f64;
        let much = (rate / MANY_FLOWS).max(bytes / MANY_BYTES);
        self.sleeps = match much {
            much if much > LOAD_TEST => SLEEPS_UNDER_LOAD,
            much if much > 1.0 => SLEEPS,
            _ => 0,
        };
    }
}

fn is_after(created: Timestamp, now: Timestamp, lately: u64) -> bool {
    created.0 >= now.0.saturating_sub(lately)
}
