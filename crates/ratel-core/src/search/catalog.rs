//! What the index covers.
//!
//! A flow is *covered* when a volume has been written for every part of its text, as it was when it had that stamp. That
//! is what makes an answer exact: flows that are not covered are read, whatever the reason, and of one that is covered
//! and has another stamp by now nothing is believed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ratel_flow::FlowId;

use super::volume::{Volume, Volumes};
use crate::store::stamp::Stamp;

/// What the index has of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it as it was with this stamp.
    Whole(u64),
    /// Of a flow that goes on, its streams up to these offsets.
    Part(Part),
}

/// What the index has of a flow that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// With this stamp of the heads.
    pub(super) heads: u64,
    /// Bytes of the bodies and of what is beside them.
    pub(super) bodies: [u64; 2],
    pub(super) extras: [u64; 2],
}

impl Part {
    /// Whether the flow has got longer since, and nothing else.
    pub(super) fn holds_for(&self, stamp: &Stamp) -> bool {
        self.heads == stamp.heads && !stamp.edited
    }
}

/// What the index has of a flow, and since which volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) extent: Extent,
    /// Some of its text was too much to be indexed: it can always be a candidate.
    pub(super) cut: bool,
    /// Nothing of it lies in volumes before this one.
    pub(super) from: u32,
}

/// The volumes and the flows in them.
#[derive(Default)]
pub(super) struct Catalog {
    volumes: VecDeque<Arc<Volume>>,
    flows: BTreeMap<FlowId, Covered>,
    /// Bytes that the volumes take in memory.
    memory: usize,
}

/// What a flow takes in a B-tree, its share of the nodes included.
const FLOW_BYTES: usize = (size_of::<FlowId>() + size_of::<Covered>()) * 3 / 2;

impl Catalog {
    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.memory + self.flows.len() * FLOW_BYTES
    }

    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn volumes(&self) -> Volumes {
        self.volumes.iter().cloned().collect()
    }

    /// The number of the volume that came last.
    pub(super) fn newest(&self) -> Option<u32> {
        Some(self.volumes.back()?.number)
    }

    /// All flows, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (FlowId, &Covered)> {
        self.flows.iter().map(|(flow, covered)| (*flow, covered))
    }

    /// What there is of a flow.
    pub(super) fn get(&self, flow: FlowId) -> Option<&Covered> {
        self.flows.get(&flow)
    }

    /// What there is of a flow that has this stamp: nothing if it was covered as something else.
    pub(super) fn covered(&self, stamp: &Stamp) -> Option<&Covered> {
        let covered = self.flows.get(&stamp.id)?;
        let valid = match covered.extent {
            Extent::Whole(whole) => stamp.finished && stamp.whole == whole,
            Extent::Part(part) => part.holds_for(stamp),
        };
        valid.then_some(covered)
    }

    /// A volume has been written, and these flows are covered with it.
    pub(super) fn add(&mut self, volume: Volume, covers: Vec<(FlowId, Covered)>) {
        self.memory += volume.memory();
        self.volumes.push_back(Arc::new(volume));
        self.flows.extend(covers);
    }

    /// Forgets the oldest volume, and the flows that have text in it. Says which volume that was.
    pub(super) fn drop_oldest(&mut self) -> Option<Arc<Volume>> {
        let volume = self.volumes.pop_front()?;
        self.memory -= volume.memory();
        for slice in &volume.slices {
            let flow = self.flows.get(&slice.flow);
            if flow.is_some_and(|covered| covered.from <= volume.number) {
                self.flows.remove(&slice.flow);
            }
        }
        Some(volume)
    }

    /// Forgets flows that are not among those, which are in order, and volumes of which no flow is left. Those from
    /// `needed` on stay.
    pub(super) fn retain(&mut self, present: &[FlowId], needed: u32) {
        let mut present = present.iter().copied().peekable();
        self.flows.retain(|flow, _| {
            while present.next_if(|next| next < flow).is_some() {}
            present.peek() == Some(flow)
        });
        let Self {
            volumes,
            flows,
            memory,
        } = self;
        volumes.retain(|volume| {
            let number = volume.number;
            let uses = |covered: &Covered| covered.from <= number;
            let mut slices = volume.slices.iter();
            let used =
                number >= needed || slices.any(|slice| flows.get(&slice.flow).is_some_and(uses));
            if !used {
                *memory -= volume.memory();
            }
            used
        });
    }
}
