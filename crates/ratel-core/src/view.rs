//! The list of flows as somebody looks at it: filtered, ordered, reversed, or only what is marked.
//!
//! A thread of its own listens to the store, asks the filter about what is new or has changed, and keeps the ids in
//! order; whoever shows the list asks for a few of them by position, which takes no longer for a long list than for a short
//! one. A list that is everything in the order in which it came is the store's own, and costs nothing.

mod tree;

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::ops::Range;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use ratel_flow::FlowId;
use ratel_flow::filter::Filter;

use crate::store::{FlowStore, Subscription, Summary, Update, lock};

pub use tree::{Branch, Fold, Spot, Tally, Tree, TreeAt, TreeRow};

/// So many flows are looked at before what was found is shown.
const STEP: usize = 4096;

/// As many, while there is a tree to put them in.
const TREE_STEP: usize = 1024;

/// How long updates gather, so that a list that changes all the time is not put in order all the time.
const GATHER: Duration = Duration::from_millis(15);

/// What flows are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// When they began.
    #[default]
    Time,
    /// The request's method.
    Method,
    /// The URL.
    Url,
    /// Bytes of both bodies and of messages.
    Size,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Time, Self::Method, Self::Url, Self::Size];

    /// The name it is chosen by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Method => "method",
            Self::Url => "url",
            Self::Size => "size",
        }
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|order| order.name() == name);
        known.ok_or_else(|| {
            format!("there is no order '{name}'; there are time, method, url and size")
        })
    }
}

/// What is shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewSettings {
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Only flows with a mark.
    pub marked_only: bool,
    /// What they are ordered by.
    pub order: Order,
    /// The other way round.
    pub reversed: bool,
}

impl ViewSettings {
    /// Whether this is every flow in the order in which it came.
    fn is_plain(&self) -> bool {
        self.hides_none() && self.order == Order::Time && !self.reversed
    }

    /// Whether this is every flow.
    fn hides_none(&self) -> bool {
        self.filter.is_none() && !self.marked_only
    }
}

/// How much there is to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewCounts {
    /// Flows that are shown.
    pub shown: usize,
    /// All flows.
    pub total: usize,
    /// Flows that are still to be looked at, since a filter has come or much has happened.
    pub pending: usize,
}

/// The list. Cheap to clone; the thread ends with the last of them.
#[derive(Clone, Debug)]
pub struct FlowView(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: FlowStore,
    shown: Mutex<Shown>,
    bell: SyncSender<()>,
}

#[derive(Debug, Default)]
struct Shown {
    settings: ViewSettings,
    /// Counts settings: what is found for earlier ones is dropped.
    generation: u64,
    /// In order, unless the list is the store's own.
    rows: Vec<Row>,
    pending: usize,
    /// The same flows by host and path, while somebody looks at them so.
    tree: Option<Tree>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    key: Key,
    id: FlowId,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(u64),
    Text(Box<[u8]>),
}

impl FlowView {
    /// Begins to watch. `changed` is called when the list may look different; it must not block.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(store: FlowStore, changed: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let (bell, rung) = sync_channel(1);
        let ring = bell.clone();
        let updates = store.subscribe_with(Box::new(move || ring_once(&ring)));
        let inner = Arc::new(Inner {
            store,
            shown: Mutex::default(),
            bell,
        });
        let watcher = Watcher {
            view: Arc::downgrade(&inner),
            updates,
            heard: Vec::new(),
            generation: 0,
            todo: BTreeSet::new(),
            was_store: false,
        };
        thread::Builder::new()
            .name("ratel-view".into())
            .spawn(move || watcher.run(&rung, &changed))?;
        Ok(Self(inner))
    }

    /// Shows something else, or in another way. What matches comes little by little.
    pub fn set(&self, settings: ViewSettings) {
        let mut shown = lock(&self.0.shown);
        shown.settings = settings;
        shown.begin_anew(self.0.store.len());
        drop(shown);
        ring_once(&self.0.bell);
    }

    /// Keeps the flows by host and path, too, or stops doing so. What was open is forgotten then.
    pub fn keep_tree(&self, wanted: bool) {
        let mut shown = lock(&self.0.shown);
        if shown.tree.is_some() == wanted {
            return;
        }
        shown.tree = wanted.then(Tree::default);
        shown.begin_anew(self.0.store.len());
        drop(shown);
        ring_once(&self.0.bell);
    }

    /// Looks at the tree, if it is kept. The list waits meanwhile.
    pub fn tree<T>(&self, look: impl FnOnce(&mut Tree) -> T) -> Option<T> {
        lock(&self.0.shown).tree.as_mut().map(look)
    }

    /// What is shown, and how.
    #[must_use]
    pub fn settings(&self) -> ViewSettings {
        lock(&self.0.shown).settings.clone()
    }

    /// How much there is to see.
    #[must_use]
    pub fn counts(&self) -> ViewCounts {
        let total = self.0.store.len();
        let shown = lock(&self.0.shown);
        let is_store = self.is_store(&shown);
        let rows = if is_store { total } else { shown.rows.len() };
        // A list that is made anew since it is no longer the store's own lacks them all before its thread says so.
        let lacks = match rows == 0 && shown.settings.hides_none() {
            true => total,
            false => 0,
        };
        ViewCounts {
            shown: rows,
            total,
            pending: shown.pending.max(lacks),
        }
    }

    /// Where a flow would stand that is not shown; none if the store does not have it.
    #[must_use]
    pub fn nearest(&self, id: FlowId) -> Option<usize> {
        let flow = self.0.store.summary(id)?;
        let shown = lock(&self.0.shown);
        let key = Key::of(&flow, shown.settings.order);
        let row = Row { key, id };
        let at = shown.rows.partition_point(|other| *other < row);
        Some(if shown.settings.reversed {
            shown.rows.len() - at
        } else {
            at
        })
    }

    /// The ids at those positions.
    #[must_use]
    pub fn ids(&self, positions: Range<usize>) -> Vec<FlowId> {
        let shown = lock(&self.0.shown);
        if self.is_store(&shown) {
            drop(shown);
            return self.0.store.ids(positions);
        }
        let len = shown.rows.len();
        let positions = positions.start.min(len)..positions.end.min(len);
        let rows = |range: Range<usize>| shown.rows.get(range).unwrap_or_default().iter();
        if shown.settings.reversed {
            let range = len - positions.end.max(positions.start)..len - positions.start;
            rows(range).rev().map(|row| row.id).collect()
        } else {
            rows(positions).map(|row| row.id).collect()
        }
    }

    /// Where a flow stands; none if it is not shown. `hint` is where it may be.
    #[must_use]
    pub fn position(&self, id: FlowId, hint: usize) -> Option<usize> {
        if self.ids(hint..hint + 1).first() == Some(&id) {
            return Some(hint);
        }
        let shown = lock(&self.0.shown);
        if self.is_store(&shown) {
            drop(shown);
            return self.0.store.position(id);
        }
        let at = shown.rows.iter().position(|row| row.id == id)?;
        Some(if shown.settings.reversed {
            shown.rows.len() - 1 - at
        } else {
            at
        })
    }

    /// Whether the list is the store's own.
    fn is_store(&self, shown: &Shown) -> bool {
        shown.settings.is_plain() && self.0.store.is_in_time()
    }
}

impl Shown {
    /// Has all flows looked at again, of which there are so many.
    fn begin_anew(&mut self, total: usize) {
        self.generation += 1;
        self.rows.clear();
        self.pending = total;
        if let Some(tree) = &mut self.tree {
            tree.clear(self.settings.order, self.settings.reversed);
        }
    }
}

impl Key {
    /// What a flow is ordered by.
    fn of(flow: &Summary, order: Order) -> Self {
        let request = flow.request.as_ref();
        match order {
            Order::Time => Self::Number(flow.times.created.0),
            Order::Size => Self::Number(flow.request_body + flow.response_body),
            Order::Method => {
                Self::Text(request.map_or(Box::default(), |line| (*line.method).into()))
            }
            Order::Url => {
                let url = request.map(|line| {
                    let authority = ratel_flow::http::authority(&line.host, line.port, line.scheme);
                    let scheme = line.scheme.as_str();
                    [scheme.as_bytes(), b"://", authority.as_bytes(), &line.path].concat()
                });
                Self::Text(url.unwrap_or_default().into())
            }
        }
    }
}

fn ring_once(bell: &SyncSender<()>) {
    match bell.try_send(()) {
        // Full: it is going to look anyway.
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        ring_once(&self.bell);
    }
}

/// The thread.
struct Watcher {
    view: Weak<Inner>,
    updates: Subscription,
    /// Taken from there; empty between two steps.
    heard: Vec<Update>,
    /// Of the settings that `todo` is for.
    generation: u64,
    /// Flows to look at.
    todo: BTreeSet<FlowId>,
    /// The list was the store's own.
    was_store: bool,
}

impl Watcher {
    fn run(mut self, rung: &Receiver<()>, changed: &dyn Fn()) {
        // The senders are held by the view and the subscription, which live as long as anybody wants to see.
        while rung.recv().is_ok() {
            loop {
                let Some(view) = self.view.upgrade() else {
                    return;
                };
                if !self.step(&view) {
                    break;
                }
                changed();
            }
            thread::sleep(GATHER);
        }
    }

    /// Takes in what happened, and looks at some of what is to be looked at. False when there was nothing.
    fn step(&mut self, view: &Inner) -> bool {
        let (settings, generation, with_tree) = {
            let shown = lock(&view.shown);
            (
                shown.settings.clone(),
                shown.generation,
                shown.tree.is_some(),
            )
        };
        let mut gone = HashSet::new();
        // Flows up to this one may have gone.
        let mut swept = None;
        let mut heard = false;
        if generation != self.generation {
            self.generation = generation;
            self.todo = all(&view.store);
            heard = true;
        }
        let is_store = settings.is_plain() && view.store.is_in_time();
        if is_store && !with_tree {
            // Nobody looks at single flows. Should one of these end that, the next step sees it.
            self.updates.take(&mut self.heard);
            heard |= !self.heard.is_empty();
            self.heard.clear();
            self.todo.clear();
            self.was_store = true;
            let mut shown = lock(&view.shown);
            if shown.generation == generation {
                shown.pending = 0;
            }
            return heard;
        }
        heard |= self.listen(&view.store, &mut gone, &mut swept);
        // A flow that began before others ends that, and the list is made anew.
        if !is_store && std::mem::take(&mut self.was_store) {
            self.todo = all(&view.store);
            heard = true;
        }
        if !heard && self.todo.is_empty() {
            return false;
        }
        let step = if with_tree { TREE_STEP } else { STEP };
        let batch: Vec<FlowId> = (0..step).map_while(|_| self.todo.pop_first()).collect();
        let mut found = rows(&view.store, &settings, &batch);
        found.sort_unstable();
        let leaves: Vec<Summary> = match with_tree {
            true => found
                .iter()
                .filter_map(|row| view.store.summary(row.id))
                .collect(),
            false => Vec::new(),
        };
        gone.extend(batch);
        let mut shown = lock(&view.shown);
        if shown.generation != generation {
            return true;
        }
        let is_there = |id| view.store.created(id).is_some();
        shown.pending = self.todo.len();
        if let Some(tree) = &mut shown.tree {
            if let Some(up_to) = swept {
                tree.sweep(up_to, is_there);
            }
            let kept: HashSet<FlowId> = leaves.iter().map(|leaf| leaf.id).collect();
            for id in gone.difference(&kept) {
                tree.remove(*id);
            }
            for leaf in &leaves {
                tree.put(leaf);
            }
        }
        self.was_store |= is_store;
        if is_store {
            return true;
        }
        if let Some(up_to) = swept {
            shown.rows.retain(|row| row.id > up_to || is_there(row.id));
        }
        merge(&mut shown.rows, &gone, found);
        true
    }

    /// Takes in what happened; false when that is nothing.
    fn listen(
        &mut self,
        store: &FlowStore,
        gone: &mut HashSet<FlowId>,
        swept: &mut Option<FlowId>,
    ) -> bool {
        self.updates.take(&mut self.heard);
        let heard = !self.heard.is_empty();
        for update in self.heard.drain(..) {
            match update {
                Update::Added(id) | Update::Changed(id) | Update::Finished(id) => {
                    self.todo.insert(id);
                }
                Update::Removed(id) => {
                    self.todo.remove(&id);
                    gone.insert(id);
                }
                Update::Evicted { up_to } => *swept = (*swept).max(Some(up_to)),
                Update::Resync => {
                    self.todo = all(store);
                    *swept = Some(FlowId(u64::MAX));
                }
            }
        }
        heard
    }
}

fn all(store: &FlowStore) -> BTreeSet<FlowId> {
    store.ids(0..usize::MAX).into_iter().collect()
}

/// The rows of those of the flows that are to be shown.
fn rows(store: &FlowStore, settings: &ViewSettings, ids: &[FlowId]) -> Vec<Row> {
    let matching = match &settings.filter {
        Some(filter) => store.matching(ids, filter),
        None => ids.to_vec(),
    };
    let row = |id: FlowId| {
        let key = match settings.order {
            Order::Time if !settings.marked_only => Key::Number(store.created(id)?.0),
            order => {
                let summary = store.summary(id)?;
                let marked = summary.annotations.as_ref();
                if settings.marked_only && marked.is_none_or(|said| said.marked.is_empty()) {
                    return None;
                }
                Key::of(&summary, order)
            }
        };
        Some(Row { key, id })
    };
    matching.into_iter().filter_map(row).collect()
}

/// Takes out what is gone or has a new place, and puts in what was found, which is in order.
fn merge(rows: &mut Vec<Row>, gone: &HashSet<FlowId>, found: Vec<Row>) {
    if let (Some(oldest), Some(newest)) = (gone.iter().min(), gone.iter().max()) {
        // Most rows are older than all that happens, and need not be looked up.
        let is_gone = |id: FlowId| id >= *oldest && id <= *newest && gone.contains(&id);
        // Mostly all that is there is older, and nothing has to move.
        if rows.iter().any(|row| is_gone(row.id)) {
            rows.retain(|row| !is_gone(row.id));
        }
    }
    let (Some(first), false) = (found.first(), rows.is_empty()) else {
        rows.extend(found);
        return;
    };
    // What lies before the first new one stays where it is; mostly that is all. Behind it only the places of new ones are
    // looked for, since keys are slow to compare.
    let tail = rows.split_off(rows.partition_point(|row| row < first));
    rows.reserve(tail.len() + found.len());
    let mut places = Vec::with_capacity(found.len());
    let mut at = 0;
    for row in &found {
        at += tail
            .get(at..)
            .unwrap_or_default()
            .partition_point(|old| old < row);
        places.push(at);
    }
    let (mut old, mut taken) = (tail.into_iter(), 0);
    for (row, place) in found.into_iter().zip(places) {
        rows.extend(old.by_ref().take(place - taken));
        taken = place;
        rows.push(row);
    }
    rows.extend(old);
}

#[cfg(test)]
mod tests;
