//! The visible rows of the tree.

use ratel_core::view::{Tree, TreeAt, TreeRow};
use ratel_flow::FlowId;

use super::{Counts, Page, Source};

/// So many rows are looked at in one go for the next one that is a flow.
const FLOW_SOUGHT: usize = 256;

/// Where the focus is to go in the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TreeTarget {
    /// It stays where it is, or goes to what is nearest when that is gone.
    #[default]
    Keep,
    /// To this row, or the last.
    At(usize),
    /// To the last row.
    Last,
    /// To the branch that it is in.
    Out,
    /// To the next row that is a flow, or the one before.
    NextFlow(bool),
    /// To the flow that began last, or the closed branch that it is in.
    Newest,
    /// To this flow, opening what it is in.
    Flow(FlowId),
    /// To the flow at this position of the list, opening what it is in.
    Nth(usize),
}

/// Asks for the visible rows of the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeQuery {
    /// Where the focus is to go.
    pub target: TreeTarget,
    /// What is in focus, and the row it had.
    pub focus: Option<(TreeAt, usize)>,
    /// The position that the focused flow had in the list.
    pub flow_at: usize,
    /// The first visible row.
    pub top: usize,
    /// How many rows there are on the screen.
    pub height: usize,
}

/// The visible rows of the tree.
#[derive(Clone, Debug, Default)]
pub struct TreePage {
    /// The list, with those flows as rows that are visible here.
    pub page: Page,
    /// The rows.
    pub rows: Vec<TreeRow>,
    /// How many there are in all.
    pub total: usize,
    /// The first of `rows`.
    pub top: usize,
    /// What is in focus, and its row.
    pub focus: Option<(TreeAt, usize)>,
    /// The flow that the focus was to go to is not in the tree yet.
    pub awaited: bool,
}

/// Reads the visible rows. Takes no longer for many flows than for few.
#[must_use]
pub fn tree_page(source: &dyn Source, query: &TreeQuery) -> TreePage {
    let Counts {
        shown,
        total,
        pending,
        evicted,
    } = source.counts();
    let wanted = match query.target {
        TreeTarget::Flow(id) => Some(id),
        TreeTarget::Nth(at) => source.ids(at..at + 1).first().copied(),
        TreeTarget::Newest => source.newest(),
        _ => None,
    };
    let mut found = TreePage::default();
    // A tree that is being made may still get what has the focus.
    let may_come = |at| match at {
        TreeAt::Flow(id) => source.summary(id).is_some(),
        TreeAt::Branch(_) => true,
    };
    let stays = query.target == TreeTarget::Keep && pending > 0;
    let awaited = query.focus.filter(|(at, _)| stays && may_come(*at));
    source.tree(&mut |tree| {
        let reveal = !matches!(query.target, TreeTarget::Newest);
        if let Some(id) = wanted.filter(|_| reveal) {
            tree.reveal(id);
        }
        let total = tree.len();
        let awaited = awaited.filter(|(at, _)| tree.find(*at).is_none());
        let Some(last) = total.checked_sub(1) else {
            found.focus = awaited;
            return;
        };
        let (at, mut top) = seek(tree, query, wanted, last);
        let height = query.height.max(1);
        top = top
            .min(total.saturating_sub(height))
            .min(at)
            .max((at + 1).saturating_sub(height));
        found.rows = tree.rows(top..top + height);
        found.focus = awaited.or(found.rows.get(at - top).map(|row| (row.at, at)));
        (found.total, found.top) = (total, top);
    });
    let ids = found.rows.iter().filter_map(|row| match row.at {
        TreeAt::Flow(id) => Some(id),
        TreeAt::Branch(_) => None,
    });
    let rows: Vec<_> = ids.filter_map(|id| source.summary(id)).collect();
    let focus = match found.focus {
        Some((TreeAt::Flow(id), _)) => {
            let at = source.position(id, query.flow_at);
            Some((id, at.unwrap_or_else(|near| near)))
        }
        _ => None,
    };
    found.awaited = pending > 0
        && wanted.is_some_and(
            |id| !matches!(found.focus, Some((TreeAt::Flow(found), _)) if found == id),
        )
        && query.target != TreeTarget::Newest;
    found.page = Page {
        shown,
        total,
        pending,
        evicted,
        focus,
        top: 0,
        held: super::held(source, &rows),
        rows,
        moved: query.target != TreeTarget::Keep,
        missed: false,
    };
    found
}

/// The row that gets the focus, and the first visible one as far as that is known.
fn seek(tree: &mut Tree, query: &TreeQuery, wanted: Option<FlowId>, last: usize) -> (usize, usize) {
    let before = query.focus.map_or(0, |(_, row)| row);
    // What was in focus may have moved, or lie in a branch that was closed.
    let spot = query.focus.and_then(|(at, _)| tree.find(at));
    let here = spot.map_or(before.min(last), |spot| spot.row);
    let row = match query.target {
        TreeTarget::At(row) => row.min(last),
        TreeTarget::Last => last,
        TreeTarget::Out => {
            let within = spot.and_then(|spot| spot.within);
            let out = within.and_then(|branch| tree.find(TreeAt::Branch(branch)));
            out.map_or(here, |spot| spot.row)
        }
        TreeTarget::NextFlow(forth) => next_flow(&mut |rows| tree.rows(rows), here, last, forth),
        TreeTarget::Flow(_) | TreeTarget::Nth(_) | TreeTarget::Newest => wanted
            .and_then(|id| tree.find(TreeAt::Flow(id)))
            .map_or(here, |spot| spot.row),
        // The row stays where it is on the screen when rows above it come or go.
        TreeTarget::Keep => return (here, (query.top + here).saturating_sub(before)),
    };
    (row, query.top)
}

/// The row of the flow after that row, or before it; the row itself when there is none.
fn next_flow(
    rows: &mut dyn FnMut(std::ops::Range<usize>) -> Vec<TreeRow>,
    from: usize,
    last: usize,
    forth: bool,
) -> usize {
    let is_flow = |row: &TreeRow| matches!(row.at, TreeAt::Flow(_));
    let mut at = from;
    loop {
        let range = match forth {
            true => at + 1..(at + 1 + FLOW_SOUGHT).min(last + 1),
            false => at.saturating_sub(FLOW_SOUGHT)..at,
        };
        if range.is_empty() {
            return from;
        }
        let some = rows(range.clone());
        let found = match forth {
            true => some.iter().position(is_flow),
            false => some.iter().rposition(is_flow),
        };
        if let Some(nth) = found {
            return range.start + nth;
        }
        at = if forth { range.end - 1 } else { range.start };
    }
}
