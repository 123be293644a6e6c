//! Whether a flow is still what it was when somebody looked: without reading it.
//!
//! What was exchanged is never overwritten. Whatever changes it (a head that is recorded again, an edit, a revert, bytes
//! that are added) makes the index name other places or lengths, and a *stamp* is a hash of those. What people say of a
//! flow is not part of it.

use ratel_flow::{FlowId, Side, Timestamp};

use super::extents::Loc;
use super::index::{Entry, List};
use super::{FlowStore, read_lock};

/// So many flows are stamped before the index is let go for others.
const AT_ONCE: usize = 1024;

/// What a flow was in the moment of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) id: FlowId,
    /// Of everything. Two stamps of a finished flow are equal when nothing of it has changed in between.
    pub(crate) whole: u64,
    /// Of its heads, trailers and what its messages are.
    pub(crate) heads: u64,
    /// Nothing will be added.
    pub(crate) finished: bool,
    /// It is not what it was: bodies may have been replaced, and not only grown.
    pub(crate) edited: bool,
    /// When it was opened, or the time that a file gives for that.
    pub(crate) created: Timestamp,
    /// Bytes of the bodies and of what is kept beside them: of the client, then of the server.
    pub(crate) bodies: [u64; 2],
    pub(crate) extras: [u64; 2],
}

impl FlowStore {
    /// Appends the stamps of those flows to `stamps`, in the same order. Flows that are gone are left out.
    pub(crate) fn stamps(&self, ids: &[FlowId], stamps: &mut Vec<Stamp>) {
        for ids in ids.chunks(AT_ONCE) {
            let index = read_lock(&self.0.shared.index);
            let found = ids.iter().map(|id| (*id, index.get(*id)));
            stamps.extend(found.filter_map(|(id, entry)| Some(stamp(id, entry?))));
        }
    }

    /// Up to `count` flows that come after that one in the list, in order.
    pub(crate) fn ids_after(&self, id: FlowId, count: usize) -> Vec<FlowId> {
        let index = read_lock(&self.0.shared.index);
        index.ids_after(id).take(count).collect()
    }
}

pub(super) fn stamp(id: FlowId, entry: &Entry) -> Stamp {
    let mut heads = Hash::default();
    heads.place(entry.request);
    heads.place(entry.response);
    if let Some(rare) = &entry.rare {
        for trailers in rare.trailers.iter().flatten() {
            heads.place(*trailers);
        }
        for head in &rare.informational {
            heads.place(*head);
        }
        heads.add(rare.missing.into_iter().map(u64::from).sum());
    }
    let kind = entry.messages.as_ref().and_then(|messages| messages.kind);
    heads.add(kind.map_or(0, |kind| kind as u64 + 1));
    let mut whole = heads;
    let sides = [Side::Client, Side::Server];
    let [bodies, extras] = [List::Body, List::Extra].map(|list| {
        sides.map(|side| {
            let extents = entry.list(list(side));
            whole.place(extents.map_or_else(Loc::default, |extents| extents.known()));
            let len = extents.map_or(0, |extents| extents.len);
            whole.add(len);
            len
        })
    });
    whole.add(entry.list(List::Messages).map_or(0, |heads| heads.len));
    Stamp {
        id,
        whole: whole.0,
        heads: heads.0,
        finished: entry.finished,
        edited: entry.original().is_some(),
        created: entry.created,
        bodies,
        extras,
    }
}

/// Good enough to tell two states of one flow from each other; nobody can choose what goes in.
#[derive(Clone, Copy, Default)]
struct Hash(u64);

impl Hash {
    fn add(&mut self, n: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (self.0 ^ n).wrapping_mul(ODD);
        self.0 = mixed ^ mixed >> 29;
    }

    fn place(&mut self, loc: Loc) {
        self.add(u64::from(loc.segment) << 32 | u64::from(loc.at));
        self.add(loc.len.into());
    }
}
