//! A search from beginning to end.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Shared;
use super::candidates::{Census, Known, candidates};
use super::catalog::Extent;
use super::look::{Job, Looker};
use super::query::{Order, Parts, Query};
use super::results::{Channel, Results, Wake};
use super::texts::Reader;
use super::volume::{Slice, Unit};
use crate::store::FlowStore;

/// Flows that a thread takes at once.
const SHARE: usize = 16;

/// More threads than this are not used.
const THREADS_MOST: usize = 8;

pub(super) fn start(
    store: &FlowStore,
    shared: &Arc<Shared>,
    query: Query,
    wake: Option<Wake>,
) -> Results {
    let channel = Arc::new(Channel::new(query.hits, wake));
    let results = Results::new(channel.clone());
    let (store, shared, other) = (store.clone(), shared.clone(), channel.clone());
    let started = thread::Builder::new()
        .name("ratel-searching".into())
        .spawn(move || {
            let _end = AtEnd(&channel);
            let _first = shared.bell.search();
            search(&store, &shared, &query, &channel);
        });
    if let Err(error) = started {
        tracing::error!("cannot start a thread to search with: {error}");
        other.end();
    }
    results
}

/// Whoever waits for hits does not wait for a thread that is gone.
struct AtEnd<'a>(&'a Channel);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn search(store: &FlowStore, shared: &Shared, query: &Query, channel: &Channel) {
    let census = Census::take(store, |look_up| look_up(&shared.catalog()));
    for flow in &census.changed {
        shared.changed(*flow);
    }
    let wanted = |unit| is_wanted(query, unit);
    let found = candidates(&query.searcher, &census.volumes, wanted);
    let total = census.flows.len();
    let mut jobs = match &found {
        Some(slices) => jobs(census.flows, slices),
        None => census.flows.into_iter().map(everything).collect(),
    };
    if query.order == Order::Newest {
        jobs.reverse();
    }
    channel.begin(total, total - jobs.len());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(THREADS_MOST).min(jobs.len().div_ceil(SHARE));
    let worker = Worker {
        store,
        query,
        jobs: &jobs,
        channel,
        next: AtomicUsize::new(0),
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| worker.work());
        }
        worker.work();
    });
}

/// Whether the query looks into that unit.
fn is_wanted(query: &Query, unit: Unit) -> bool {
    let side = match unit {
        Unit::Heads => return query.parts.any(Parts::URLS.with(Parts::HEADERS)),
        Unit::Body(side) | Unit::AsSent(side) | Unit::Extra(side) | Unit::Unpacked(side) => side,
    };
    let parts = match unit {
        Unit::Extra(_) | Unit::Unpacked(_) => Parts::MESSAGES,
        _ => Parts::BODIES.with(Parts::MESSAGES),
    };
    query.parts.any(parts) && query.side.is_none_or(|wanted| wanted == side)
}

/// Flows that have to be looked through: those with a candidate, and those that are not covered. Both lists are in order.
fn jobs(flows: Vec<Known>, mut slices: &[Slice]) -> Vec<Job<'_>> {
    let mut jobs = Vec::new();
    for known in flows {
        let before = slices.partition_point(|slice| slice.flow < known.flow);
        let (_, rest) = slices.split_at(before);
        let (own, rest) = rest.split_at(rest.partition_point(|slice| slice.flow == known.flow));
        slices = rest;
        let excluded = known
            .covered
            .is_some_and(|covered| matches!(covered.extent, Extent::Whole(_)));
        if !excluded || !own.is_empty() {
            jobs.push(Job { known, slices: own });
        }
    }
    jobs
}

fn everything(known: Known) -> Job<'static> {
    Job {
        known: Known {
            covered: None,
            ..known
        },
        slices: &[],
    }
}

struct Worker<'a> {
    store: &'a FlowStore,
    query: &'a Query,
    jobs: &'a [Job<'a>],
    channel: &'a Channel,
    next: AtomicUsize,
}

impl Worker<'_> {
    fn work(&self) {
        let reader = Reader::new(self.store.clone()).until(self.channel.cancelled());
        let mut looker = Looker::new(self.query, reader);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let start = number * SHARE;
            let end = self.jobs.len().min(start + SHARE);
            let Some(jobs) = self.jobs.get(start..end).filter(|jobs| !jobs.is_empty()) else {
                return;
            };
            if self.share(number, jobs, &mut looker).is_break() {
                return;
            }
        }
    }

    fn share(&self, number: usize, jobs: &[Job<'_>], looker: &mut Looker<'_>) -> ControlFlow<()> {
        let mut share = self.channel.share(number);
        for job in jobs {
            if self.channel.is_cancelled() {
                return ControlFlow::Break(());
            }
            let (mut given, mut limited) = (0, false);
            let end = looker.look(job, &mut |hit| {
                if given == self.query.hits_per_flow {
                    limited = true;
                    return ControlFlow::Break(());
                }
                given += 1;
                share.hit(hit)
            });
            if limited {
                self.channel.limited();
            } else {
                end?;
            }
        }
        self.channel.searched(jobs.len());
        share.end()
    }
}
