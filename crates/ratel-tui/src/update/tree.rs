//! The list as a tree of hosts and paths.

use ratel_core::view::{Fold, TreeAt};

use crate::keymap::{Context, Key};
use crate::model::{Model, TreeView};
use crate::msg::Effect;
use crate::screens::{flow_list, flow_tree};
use crate::source::{Target, TreeTarget};

use super::{nav, say};

/// Why nothing is done to the flow in focus.
pub(super) const NO_FLOW: &str = "a branch is in focus, and no flow";

/// Shows the tree, or the list. What is in focus stays so.
pub(super) fn toggle(model: &mut Model) -> Vec<Effect> {
    let list = &mut model.list;
    list.stale = true;
    if let Some(tree) = list.tree.take() {
        list.page.focus = list.page.focus.or(tree.before);
        list.target = Target::Keep;
        return vec![Effect::KeepTree(false)];
    }
    let focus = list.page.focus;
    list.tree = Some(TreeView {
        target: focus.map_or(TreeTarget::Keep, |(id, _)| TreeTarget::Flow(id)),
        before: focus,
        ..TreeView::default()
    });
    vec![Effect::KeepTree(true)]
}

/// Has the rows read before a key that follows at once, since it is about the new focus. The key, where nothing is to be
/// read.
pub(super) fn settled(model: &mut Model, key: Key) -> Result<Vec<Effect>, Key> {
    let query = flow_tree::query(model);
    let listed = model.prompt.is_none() && model.context() == Context::FlowList;
    if query.is_none() && listed && model.list.target != Target::Keep && !moves(model, key) {
        model.list.key = Some(key);
        return Ok(vec![Effect::Page(flow_list::query(model))]);
    }
    match (query, &mut model.list.tree) {
        (Some(query), Some(tree)) if listed && tree.target != TreeTarget::Keep => {
            tree.key = Some(key);
            Ok(vec![Effect::Tree(query)])
        }
        _ => Err(key),
    }
}

/// Whether a key only moves the focus on, wherever it is by then.
fn moves(model: &Model, key: Key) -> bool {
    let binding = model.keymap.lookup(Context::FlowList, key);
    binding.is_some_and(|binding| {
        binding.command.starts_with("console.nav.") && !binding.command.ends_with("select")
    })
}

/// Whether the focus is on what has no flow of its own.
pub(super) fn is_on_branch(model: &Model) -> bool {
    let focus = model.list.tree.as_ref().and_then(|tree| tree.focus);
    matches!(focus, Some((TreeAt::Branch(_), _)))
}

/// Opens or closes the branch in focus.
pub(super) fn fold_focused(model: &mut Model, how: Fold) -> Vec<Effect> {
    let focus = model.list.tree.as_ref().and_then(|tree| tree.focus);
    let Some((TreeAt::Branch(branch), _)) = focus else {
        say(model, "there is no branch in focus; press t for the tree");
        return Vec::new();
    };
    model.list.stale = true;
    vec![Effect::Fold(branch, how)]
}

/// Right goes into a branch, left out of it.
pub(super) fn sideways(model: &mut Model, into: bool) -> Vec<Effect> {
    let Some(tree) = &mut model.list.tree else {
        say(model, nav::NOTHING_BESIDE);
        return Vec::new();
    };
    let open = tree.focused().is_some_and(|row| row.open);
    let is_branch = matches!(tree.focus, Some((TreeAt::Branch(_), _)));
    match (into, is_branch, open) {
        (true, true, false) => return fold_focused(model, Fold::Open),
        (true, true, true) => flow_list::move_focus(&mut model.list, 1),
        (true, false, _) => return nav::select(model),
        (false, true, true) => return fold_focused(model, Fold::Close),
        (false, ..) => {
            tree.target = TreeTarget::Out;
            model.list.stale = true;
        }
    }
    Vec::new()
}

/// To the flow after the one in focus, or before it. Without an open flow, branches count as well.
pub(super) fn next_flow(model: &mut Model, forth: bool) {
    let is_open = model.open_flow().is_some();
    match &mut model.list.tree {
        Some(tree) if is_open => {
            tree.target = TreeTarget::NextFlow(forth);
            model.list.stale = true;
        }
        _ => {
            let (page, len) = (&model.list.page, model.list.page.shown);
            let end = match page.focus {
                Some((_, at)) if forth && at + 1 >= len => Some("this is the last flow"),
                Some((_, 0)) if !forth => Some("this is the first flow"),
                _ => None,
            };
            // A tree has rows of other kinds, too.
            if let Some(end) = end.filter(|_| model.list.tree.is_none()) {
                return say(model, end);
            }
            flow_list::move_focus(&mut model.list, if forth { 1 } else { -1 });
        }
    }
}

/// A click opens a flow, and opens or closes a branch.
pub(super) fn clicked(model: &mut Model, row: usize) -> Vec<Effect> {
    let Some(tree) = &mut model.list.tree else {
        return Vec::new();
    };
    let Some(clicked) = tree.rows.get(row) else {
        return Vec::new();
    };
    let at = clicked.at;
    tree.focus = Some((at, tree.top + row));
    model.list.stale = true;
    match at {
        TreeAt::Branch(branch) => return vec![Effect::Fold(branch, Fold::Toggle)],
        TreeAt::Flow(id) => nav::open_flow(model, id),
    }
    Vec::new()
}
