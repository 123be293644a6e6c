//! Where in the flows that the index covers a needle may be.

use ratel_flow::FlowId;
use ratel_flow::pattern::Searcher;

use super::catalog::{Catalog, Covered, Extent};
use super::volume::{Page, Slice, Unit, Volumes};
use crate::store::FlowStore;
use crate::store::stamp::Stamp;

/// More slices than this are worth another look at the index, for other texts that a match has in it.
const MANY: usize = 512;

/// No more sets of texts are looked up than this.
const SETS_MOST: usize = 3;

/// A flow of the store, and what of it need not be looked at unless it is among the candidates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) flow: FlowId,
    pub(super) covered: Option<Covered>,
}

/// The flows of the store as they are now.
pub(super) struct Census {
    /// In order.
    pub(super) flows: Vec<Known>,
    pub(super) volumes: Volumes,
    /// Flows that were changed after the index had taken them.
    pub(super) changed: Vec<FlowId>,
}

impl Census {
    pub(super) fn take(store: &FlowStore, catalog: impl FnOnce(&mut dyn FnMut(&Catalog))) -> Self {
        let ids = store.ids(0..usize::MAX);
        let mut stamps = Vec::with_capacity(ids.len());
        store.stamps(&ids, &mut stamps);
        let mut census = Self {
            flows: Vec::with_capacity(stamps.len()),
            volumes: Volumes::new(),
            changed: Vec::new(),
        };
        catalog(&mut |catalog| census.look_up(&stamps, catalog));
        census
    }

    fn look_up(&mut self, stamps: &[Stamp], catalog: &Catalog) {
        self.volumes = catalog.volumes();
        for stamp in stamps {
            let covered = catalog.covered(stamp).copied();
            let is_other = || {
                let known = catalog.get(stamp.id);
                known.is_some_and(|known| matches!(known.extent, Extent::Whole(_)))
            };
            if covered.is_none() && stamp.finished && is_other() {
                self.changed.push(stamp.id);
            }
            self.flows.push(Known {
                flow: stamp.id,
                covered,
            });
        }
    }
}

/// The slices of covered flows that may hold the needle, by flow and unit and in order. None if the index is of no use.
pub(super) fn candidates(
    searcher: &Searcher,
    volumes: &Volumes,
    wanted: impl Fn(Unit) -> bool,
) -> Option<Vec<Slice>> {
    let mut sets = searcher.required().iter().take(SETS_MOST);
    let mut found = slices(sets.next()?, volumes, &wanted);
    for set in sets {
        if found.len() <= MANY {
            break;
        }
        let mut others = slices(set, volumes, &wanted);
        others.dedup_by_key(|slice| (slice.flow, slice.unit));
        found.retain(|slice| {
            let key = (slice.flow, slice.unit);
            let at = others.binary_search_by_key(&key, |other| (other.flow, other.unit));
            at.is_ok()
        });
    }
    Some(found)
}

fn slices(set: &[Box<[u8]>], volumes: &Volumes, wanted: &impl Fn(Unit) -> bool) -> Vec<Slice> {
    let mut page = Page::default();
    let mut found = Vec::new();
    for volume in volumes {
        for block in volume.holding_any(set, &mut page).iter() {
            let slices = volume.block(block).iter();
            found.extend(slices.filter(|slice| wanted(slice.unit)).copied());
        }
    }
    found.sort_unstable_by_key(|slice| (slice.flow, slice.unit, slice.start));
    found
}
