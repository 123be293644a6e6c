//! For who must hear of every flow that finishes, such as a printer or a writer of files: which flows are news, however
//! many updates were missed.

use std::collections::BTreeSet;

use ratel_flow::FlowId;

use super::{FlowStore, Update};

/// Flows are announced nearly in order. One that is not there when so many later ones are was evicted unheard.
const OUT_OF_ORDER: usize = 65_536;

/// Flows that were heard of. Memory grows with the flows that are live, not with those that were.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Not finished yet.
    live: BTreeSet<FlowId>,
    /// All flows up to this one have been heard of.
    known_to: u64,
    /// Flows beyond that which have been heard of: they are announced nearly in order.
    known: BTreeSet<u64>,
}

/// What an update says.
#[derive(Debug, Default)]
pub struct News {
    /// Flows that are finished, each once.
    pub finished: Vec<FlowId>,
    /// Flows that go on and may have more than they had.
    pub changed: Vec<FlowId>,
}

impl Backlog {
    /// For one who begins to listen while there are flows: those that are finished are no news, and those that go on will be.
    /// It has to have subscribed before.
    #[must_use]
    pub fn from_here(store: &FlowStore) -> Self {
        let mut backlog = Self::default();
        // What is finished is forgotten by that.
        backlog.look_again(store);
        backlog
    }

    /// Takes in an update.
    pub fn take_in(&mut self, update: Update, store: &FlowStore) -> News {
        let mut news = News::default();
        match update {
            Update::Added(id) => {
                if self.learn(id) {
                    self.live.insert(id);
                    // What it has got since then is not announced.
                    news.changed.push(id);
                }
            }
            Update::Finished(id) => {
                let is_new = self.learn(id);
                if self.live.remove(&id) || is_new {
                    news.finished.push(id);
                }
            }
            Update::Changed(id) if self.live.contains(&id) => news.changed.push(id),
            Update::Changed(_) | Update::Removed(_) | Update::Evicted { .. } => {}
            Update::Resync => return self.look_again(store),
        }
        news
    }

    /// Flows that are not finished; they are not news any more.
    pub fn take_live(&mut self) -> BTreeSet<FlowId> {
        std::mem::take(&mut self.live)
    }

    fn look_again(&mut self, store: &FlowStore) -> News {
        let ids = store.ids(0..usize::MAX);
        let gone_before = ids.first().map_or(0, |first| first.0);
        for id in ids {
            if self.learn(id) {
                self.live.insert(id);
            }
        }
        // Live flows are not evicted, so what is missing among the oldest was evicted unheard.
        self.known_to = self.known_to.max(gone_before.saturating_sub(1));
        self.join();
        let live = std::mem::take(&mut self.live);
        let (finished, live) = live
            .into_iter()
            .filter_map(|id| Some((id, store.summary(id)?)))
            .partition::<Vec<_>, _>(|(_, summary)| !summary.state.is_live());
        self.live = live.into_iter().map(|(id, _)| id).collect();
        News {
            finished: finished.into_iter().map(|(id, _)| id).collect(),
            changed: self.live.iter().copied().collect(),
        }
    }

    /// Notes that a flow was heard of; false when it was before.
    fn learn(&mut self, id: FlowId) -> bool {
        if id.0 <= self.known_to || !self.known.insert(id.0) {
            return false;
        }
        self.join();
        true
    }

    fn join(&mut self) {
        if self.known.len() > OUT_OF_ORDER
            && let Some(first) = self.known.first()
        {
            self.known_to = *first;
        }
        while self.known.first().is_some_and(|id| *id <= self.known_to) {
            self.known.pop_first();
        }
        while self.known.remove(&(self.known_to + 1)) {
            self.known_to += 1;
        }
    }
}
