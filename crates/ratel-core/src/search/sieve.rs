//! What the index knows for filters: of which flows it is sure that a pattern is in none of their bodies and messages.
//!
//! A sieve is a picture of the index as it was. It goes by stamps, so it may be old: of a flow that is new or has changed
//! it knows nothing, and that flow is read.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ratel_flow::filter::Filter;
use ratel_flow::pattern::{Flags, Pattern, Searcher};
use ratel_flow::{FlowId, Side};

use super::Shared;
use super::candidates::candidates;
use super::catalog::{Catalog, Extent};
use super::volume::{Unit, Volumes};
use crate::store::lock;
use crate::store::sieve::{Sieve, Sieves};
use crate::store::stamp::Stamp;

/// A sieve that lacks volumes is used for so long, since making one takes time.
const LATE: Duration = if cfg!(test) {
    Duration::ZERO
} else {
    Duration::from_secs(1)
};

/// The sieve that was made last: a list asks for the same one again and again.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<Made>>);

struct Made {
    filter: Filter,
    volumes: u32,
    at: Instant,
    sieve: Arc<BodySieve>,
}

impl Sieves for Shared {
    fn sieve(&self, filter: &Filter) -> Option<Arc<dyn Sieve>> {
        if !filter.needs().reads_bodies() {
            return None;
        }
        let volumes = self.catalog().newest()?;
        let mut kept = lock(&self.sieve.0);
        if let Some(made) = &*kept
            && made.filter == *filter
            && (made.volumes == volumes || made.at.elapsed() < LATE)
        {
            return Some(made.sieve.clone());
        }
        let sieve = Arc::new(BodySieve::new(filter, || {
            let catalog = self.catalog();
            (catalog.volumes(), covered(&catalog))
        })?);
        *kept = Some(Made {
            filter: filter.clone(),
            volumes,
            at: Instant::now(),
            sieve: sieve.clone(),
        });
        Some(sieve)
    }
}

/// Flows that the index has as a whole, with their stamps, in order.
fn covered(catalog: &Catalog) -> Vec<(FlowId, u64)> {
    let whole = catalog
        .iter()
        .filter_map(|(flow, covered)| match covered.extent {
            Extent::Whole(stamp) if !covered.cut => Some((flow, stamp)),
            Extent::Whole(_) | Extent::Part(_) => None,
        });
    whole.collect()
}

struct BodySieve {
    /// In order.
    covered: Vec<(FlowId, u64)>,
    tests: Vec<Test>,
}

/// Where a pattern may be.
struct Test {
    source: Box<str>,
    flags: Flags,
    side: Option<Side>,
    /// Of the flows that are covered, in order.
    flows: Vec<FlowId>,
}

impl BodySieve {
    /// None if it would exclude nothing.
    fn new(
        filter: &Filter,
        picture: impl FnOnce() -> (Volumes, Vec<(FlowId, u64)>),
    ) -> Option<Self> {
        let mut patterns: Vec<(Option<Side>, Searcher, &Pattern)> = Vec::new();
        filter.each_in_bodies(&mut |side, pattern| {
            if let Some(searcher) = pattern.searcher() {
                patterns.push((side, searcher, pattern));
            }
        });
        // A pattern without a text that it must have is looked for everywhere.
        patterns.retain(|(_, searcher, _)| !searcher.required().is_empty());
        if patterns.is_empty() {
            return None;
        }
        let (volumes, covered) = picture();
        let tests = patterns
            .into_iter()
            .filter_map(|(side, searcher, pattern)| {
                let found = candidates(&searcher, &volumes, |unit| is_of(unit, side))?;
                let mut flows: Vec<_> = found.iter().map(|slice| slice.flow).collect();
                flows.dedup();
                Some(Test {
                    source: pattern.source().into(),
                    flags: pattern.flags(),
                    side,
                    flows,
                })
            });
        let tests: Vec<_> = tests.collect();
        Some(Self { covered, tests })
    }
}

/// Whether what a filter looks into, of that side, lies in that unit.
fn is_of(unit: Unit, wanted: Option<Side>) -> bool {
    match unit {
        Unit::Heads => false,
        Unit::Body(side) | Unit::AsSent(side) | Unit::Extra(side) | Unit::Unpacked(side) => {
            wanted.is_none_or(|wanted| wanted == side)
        }
    }
}

impl Sieve for BodySieve {
    fn may_hold(&self, stamp: &Stamp, side: Option<Side>, pattern: &Pattern) -> bool {
        let is_same = |test: &&Test| {
            (&*test.source, test.flags, test.side) == (pattern.source(), pattern.flags(), side)
        };
        let Some(test) = self.tests.iter().find(is_same) else {
            return true;
        };
        let is_covered =
            stamp.finished && self.covered.binary_search(&(stamp.id, stamp.whole)).is_ok();
        !is_covered || test.flows.binary_search(&stamp.id).is_ok()
    }
}
