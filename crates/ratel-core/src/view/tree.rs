//! The flows of a list by host and path: branches that open and close, each with what there is in it.
//!
//! A branch knows how many rows it takes, so that the n-th row of all is found by going down and not through all rows.
//! Levels that hold nothing but the next one are one row (`/api/v1/users`), and the only flow of a branch stands in its
//! place. Of a flow there is its id, its place in the order and what it counts for.

mod place;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::ops::Range;

use ratel_flow::FlowId;

use super::{Key, Order, Row};
use crate::store::Summary;

pub use place::Tally;

/// So many branches that are open are remembered over a change of the filter.
const OPENED_MAX: usize = 100_000;

/// A branch: what its names come to, so that it is the same after the tree was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(u64);

/// What holds the roots.
const TOP: Branch = Branch(0);

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeAt {
    /// A branch.
    Branch(Branch),
    /// A flow.
    Flow(FlowId),
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// What it is.
    pub at: TreeAt,
    /// How many branches it is in.
    pub depth: usize,
    /// The names on the way from the branch it is in: one, or more of levels that hold nothing else. None for a flow that
    /// stands beside others in its branch.
    pub names: Vec<Box<[u8]>>,
    /// What is in the branch.
    pub tally: Tally,
    /// The branch is open.
    pub open: bool,
}

/// What to do with a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Open it, or close it.
    Toggle,
    /// Open it.
    Open,
    /// Close it.
    Close,
    /// Open it with all branches in it, or close all of them when it is open.
    ToggleAll,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its number.
    pub row: usize,
    /// It is the row itself, and not a closed branch that it is in.
    pub exact: bool,
    /// The branch that it is in; none for a root.
    pub within: Option<Branch>,
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    order: Order,
    reversed: bool,
    nodes: HashMap<Branch, Node>,
    flows: BTreeMap<FlowId, Leaf>,
    opened: HashSet<Branch>,
    hasher: RandomState,
    /// Branches that there were.
    born: u64,
}

#[derive(Debug)]
struct Node {
    name: Box<[u8]>,
    parent: Branch,
    children: Vec<Branch>,
    /// The children are not in order.
    unsorted: bool,
    flows: BTreeSet<Row>,
    tally: Tally,
    /// Rows of what is in it, were it open.
    below: usize,
    /// Rows that it takes.
    rows: usize,
    /// Which one it was to come.
    born: u64,
}

/// A flow in the tree.
#[derive(Debug)]
struct Leaf {
    branch: Branch,
    key: Key,
    tally: Tally,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new(Order::Time, false)
    }
}

impl Tree {
    /// Without flows.
    #[must_use]
    pub fn new(order: Order, reversed: bool) -> Self {
        let mut tree = Self {
            order,
            reversed,
            nodes: HashMap::new(),
            flows: BTreeMap::new(),
            opened: HashSet::new(),
            hasher: RandomState::new(),
            born: 0,
        };
        tree.clear(order, reversed);
        tree
    }

    /// Takes out all flows, and has what comes in another order. What is open stays so.
    pub fn clear(&mut self, order: Order, reversed: bool) {
        (self.order, self.reversed) = (order, reversed);
        self.nodes.clear();
        self.flows.clear();
        self.nodes.insert(TOP, Node::new(Box::default(), TOP, 0));
    }

    // What is in it

    /// Puts a flow where it belongs, or takes in what has changed about it.
    pub fn put(&mut self, flow: &Summary) {
        let tally = Tally::of(flow);
        let key = Key::of(flow, self.order);
        let names = place::names(flow);
        let branch = names.iter().fold(TOP, |at, name| self.key(at, name));
        if let Some(leaf) = self.flows.get_mut(&flow.id)
            && leaf.branch == branch
            && leaf.key == key
        {
            let before = std::mem::replace(&mut leaf.tally, tally);
            self.count(branch, before, tally);
            return;
        }
        self.remove(flow.id);
        let mut at = TOP;
        for name in names {
            at = self.grow(at, name);
        }
        let leaf = Leaf {
            branch: at,
            key: key.clone(),
            tally,
        };
        self.flows.insert(flow.id, leaf);
        if let Some(node) = self.nodes.get_mut(&at) {
            node.flows.insert(Row { key, id: flow.id });
            node.below += 1;
        }
        self.count(at, Tally::default(), tally);
        self.settle(at);
    }

    /// Takes a flow out.
    pub fn remove(&mut self, id: FlowId) {
        let Some(Leaf { branch, key, tally }) = self.flows.remove(&id) else {
            return;
        };
        self.count(branch, tally, Tally::default());
        if let Some(node) = self.nodes.get_mut(&branch) {
            node.flows.remove(&Row { key, id });
            node.below -= 1;
        }
        let mut at = branch;
        while at != TOP
            && let Some(node) = self.nodes.get(&at)
            && node.children.is_empty()
            && node.flows.is_empty()
        {
            let (rows, parent) = (node.rows, node.parent);
            self.nodes.remove(&at);
            if let Some(node) = self.nodes.get_mut(&parent) {
                node.children.retain(|child| *child != at);
                node.below -= rows;
            }
            at = parent;
        }
        self.settle(at);
    }

    /// Takes out flows up to that one that are not there any more.
    pub fn sweep(&mut self, up_to: FlowId, is_there: impl Fn(FlowId) -> bool) {
        let ids = self.flows.range(..=up_to).map(|(id, _)| *id);
        let gone: Vec<_> = ids.filter(|id| !is_there(*id)).collect();
        for id in gone {
            self.remove(id);
        }
    }

    fn key(&self, parent: Branch, name: &[u8]) -> Branch {
        // 0 is the top.
        Branch(self.hasher.hash_one((parent.0, name)).max(1))
    }

    /// The child of that name, which is made if there is none.
    fn grow(&mut self, parent: Branch, name: Box<[u8]>) -> Branch {
        let key = self.key(parent, &name);
        if self.nodes.contains_key(&key) {
            return key;
        }
        self.born += 1;
        self.nodes.insert(key, Node::new(name, parent, self.born));
        if let Some(node) = self.nodes.get_mut(&parent) {
            node.children.push(key);
            node.unsorted |= self.order != Order::Time;
        }
        key
    }

    fn count(&mut self, branch: Branch, before: Tally, after: Tally) {
        if before == after {
            return;
        }
        let by_size = self.order == Order::Size;
        let mut at = branch;
        while let Some(node) = self.nodes.get_mut(&at) {
            node.tally -= before;
            node.tally += after;
            // Its children may have changed places.
            node.unsorted |= by_size;
            if at == TOP {
                break;
            }
            at = node.parent;
        }
    }

    /// Finds out how many rows a branch takes, after something has changed in it, and so what it is in.
    fn settle(&mut self, branch: Branch) {
        let mut at = branch;
        while at != TOP {
            let Some(node) = self.nodes.get(&at) else {
                return;
            };
            let (before, parent) = (node.rows, node.parent);
            let rows = self.measure(at, node);
            if let Some(node) = self.nodes.get_mut(&at) {
                node.rows = rows;
            }
            if let Some(node) = self.nodes.get_mut(&parent) {
                node.below = node.below + rows - before;
            }
            at = parent;
        }
    }

    fn measure(&self, key: Branch, node: &Node) -> usize {
        if let Some(only) = node.only_child() {
            return self.nodes.get(&only).map_or(0, |child| child.rows);
        }
        match node.only_flow().is_none() && self.opened.contains(&key) {
            true => 1 + node.below,
            false => 1,
        }
    }

    // What is open

    /// Opens or closes a branch.
    pub fn fold(&mut self, branch: Branch, how: Fold) {
        let is_open = self.opened.contains(&branch);
        let open = match how {
            Fold::Toggle | Fold::ToggleAll => !is_open,
            Fold::Open => true,
            Fold::Close => false,
        };
        if !self.nodes.contains_key(&branch) {
            return;
        }
        if self.opened.len() > OPENED_MAX {
            let nodes = &self.nodes;
            self.opened.retain(|key| nodes.contains_key(key));
        }
        if how == Fold::ToggleAll {
            self.fold_below(branch, open);
        }
        // The levels that it is one row with, too, so that nothing closes when they part.
        let mut at = branch;
        loop {
            self.set_open(at, open);
            let Some(node) = self.nodes.get(&at) else {
                break;
            };
            let parent = node.parent;
            let alone = self.nodes.get(&parent).and_then(Node::only_child) == Some(at);
            if parent == TOP || !alone {
                break;
            }
            at = parent;
        }
        self.settle(branch);
    }

    fn set_open(&mut self, branch: Branch, open: bool) {
        if open {
            self.opened.insert(branch);
        } else {
            self.opened.remove(&branch);
        }
    }

    fn fold_below(&mut self, branch: Branch, open: bool) {
        let children = self.nodes.get(&branch).map(|node| node.children.clone());
        for child in children.unwrap_or_default() {
            self.set_open(child, open);
            self.fold_below(child, open);
            self.settle_one(child);
        }
    }

    /// As [`settle`](Self::settle), of a branch whose parent is settled later.
    fn settle_one(&mut self, branch: Branch) {
        let Some(node) = self.nodes.get(&branch) else {
            return;
        };
        let (before, parent, rows) = (node.rows, node.parent, self.measure(branch, node));
        if let Some(node) = self.nodes.get_mut(&branch) {
            node.rows = rows;
        }
        if let Some(node) = self.nodes.get_mut(&parent) {
            node.below = node.below + rows - before;
        }
    }

    /// Opens what a flow is in.
    pub fn reveal(&mut self, id: FlowId) {
        let Some(leaf) = self.flows.get(&id) else {
            return;
        };
        let branch = leaf.branch;
        for at in self.way(branch) {
            self.opened.insert(at);
        }
        self.settle(branch);
    }

    // Rows

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.get(&TOP).map_or(0, |node| node.below)
    }

    /// Whether there is no flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// How many flows there are.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows.len()
    }

    /// The rows with those numbers. Takes no longer for many flows than for few.
    pub fn rows(&mut self, rows: Range<usize>) -> Vec<TreeRow> {
        let mut window = Window {
            skip: rows.start,
            want: rows.len(),
            found: Vec::new(),
        };
        self.walk(TOP, 0, &mut window);
        window.found
    }

    fn walk(&mut self, branch: Branch, depth: usize, window: &mut Window) {
        for child in self.children(branch) {
            if window.is_full() {
                return;
            }
            let rows = self.nodes.get(&child).map_or(0, |node| node.rows);
            if rows <= window.skip {
                window.skip -= rows;
                continue;
            }
            self.walk_branch(child, depth, window);
        }
        let Some(node) = self.nodes.get(&branch) else {
            return;
        };
        if node.flows.len() <= window.skip {
            window.skip -= node.flows.len();
            return;
        }
        let (skip, left) = (window.skip, window.want - window.found.len());
        window.skip = 0;
        let row = |row: &Row| TreeRow {
            at: TreeAt::Flow(row.id),
            depth,
            names: Vec::new(),
            tally: Tally::default(),
            open: false,
        };
        let flows = node.flows.iter();
        match self.reversed {
            true => window
                .found
                .extend(flows.rev().skip(skip).take(left).map(row)),
            false => window.found.extend(flows.skip(skip).take(left).map(row)),
        }
    }

    fn walk_branch(&mut self, branch: Branch, depth: usize, window: &mut Window) {
        let mut names = Vec::new();
        let mut head = branch;
        while let Some(node) = self.nodes.get(&head) {
            names.push(node.name.clone());
            let Some(only) = node.only_child() else {
                break;
            };
            head = only;
        }
        let Some(node) = self.nodes.get(&head) else {
            return;
        };
        let only = node.only_flow();
        let open = only.is_none() && self.opened.contains(&head);
        if window.skip > 0 {
            window.skip -= 1;
        } else {
            window.found.push(TreeRow {
                at: only.map_or(TreeAt::Branch(head), TreeAt::Flow),
                depth,
                names,
                tally: node.tally,
                open,
            });
        }
        if open && !window.is_full() {
            self.walk(head, depth + 1, window);
        }
    }

    /// The children in their order.
    fn children(&mut self, branch: Branch) -> Vec<Branch> {
        let Some(node) = self.nodes.get_mut(&branch) else {
            return Vec::new();
        };
        let mut children = std::mem::take(&mut node.children);
        if std::mem::take(&mut node.unsorted) {
            let of = |key: &Branch| self.nodes.get(key);
            match self.order {
                Order::Time => children.sort_by_key(|key| of(key).map(|node| node.born)),
                Order::Size => children.sort_by_key(|key| of(key).map(|node| node.tally.bytes)),
                Order::Method | Order::Url => {
                    children.sort_by(|a, b| {
                        of(a)
                            .map(|node| &node.name)
                            .cmp(&of(b).map(|node| &node.name))
                    });
                }
            }
        }
        let mut ordered = children.clone();
        if let Some(node) = self.nodes.get_mut(&branch) {
            node.children = children;
        }
        if self.reversed {
            ordered.reverse();
        }
        ordered
    }

    /// The branches from the root to that one.
    fn way(&self, branch: Branch) -> Vec<Branch> {
        let mut way = Vec::new();
        let mut at = branch;
        while at != TOP
            && let Some(node) = self.nodes.get(&at)
        {
            way.push(at);
            at = node.parent;
        }
        way.reverse();
        way
    }

    /// Where something is, or the closed branch that it is in; none when it is gone.
    pub fn find(&mut self, at: TreeAt) -> Option<Spot> {
        let target = match at {
            TreeAt::Branch(branch) => branch,
            TreeAt::Flow(id) => self.flows.get(&id)?.branch,
        };
        let way = self.way(target);
        let (mut row, mut within, mut level) = (0, TOP, 0);
        loop {
            let key = *way.get(level)?;
            for child in self.children(within) {
                if child == key {
                    break;
                }
                row += self.nodes.get(&child)?.rows;
            }
            let spot = |exact| {
                Some(Spot {
                    row,
                    exact,
                    within: Some(within).filter(|within| *within != TOP),
                })
            };
            let mut head = key;
            while let Some(only) = self.nodes.get(&head)?.only_child() {
                head = only;
            }
            // The branch may be one of the levels that are one row.
            let Some(head_level) = way.iter().position(|step| *step == head) else {
                return spot(true);
            };
            let node = self.nodes.get(&head)?;
            if node.only_flow().is_some() {
                return spot(true);
            }
            let last = head_level + 1 == way.len();
            match at {
                TreeAt::Branch(_) if last => return spot(true),
                _ if !self.opened.contains(&head) => return spot(false),
                TreeAt::Flow(id) if last => {
                    let key = self.flows.get(&id)?.key.clone();
                    let before = node.flows.range(..Row { key, id }).count();
                    let rank = match self.reversed {
                        true => node.flows.len() - 1 - before,
                        false => before,
                    };
                    let row = row + 1 + (node.below - node.flows.len()) + rank;
                    return Some(Spot {
                        row,
                        exact: true,
                        within: Some(head),
                    });
                }
                _ => {}
            }
            row += 1;
            within = head;
            level = head_level + 1;
        }
    }
}

impl Node {
    fn new(name: Box<[u8]>, parent: Branch, born: u64) -> Self {
        Self {
            name,
            parent,
            children: Vec::new(),
            unsorted: false,
            flows: BTreeSet::new(),
            tally: Tally::default(),
            below: 0,
            rows: 0,
            born,
        }
    }

    /// The one child of a level that holds nothing else, and that is no root.
    fn only_child(&self) -> Option<Branch> {
        match self.children.as_slice() {
            [only] if self.flows.is_empty() && self.parent != TOP => Some(*only),
            _ => None,
        }
    }

    /// The one flow of a branch that holds nothing else, and that is no root.
    fn only_flow(&self) -> Option<FlowId> {
        if self.parent == TOP || !self.children.is_empty() || self.flows.len() != 1 {
            return None;
        }
        self.flows.first().map(|row| row.id)
    }
}

/// The rows that are looked for.
struct Window {
    skip: usize,
    want: usize,
    found: Vec<TreeRow>,
}

impl Window {
    fn is_full(&self) -> bool {
        self.found.len() >= self.want
    }
}

#[cfg(test)]
mod tests;
