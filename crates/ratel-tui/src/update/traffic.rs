//! What comes in: flows, rows, log entries.

use std::sync::Arc;

use ratel_core::commands::{Call, FlowSpec};
use ratel_core::control::{HeldPart, Part};
use ratel_core::eventlog::{Entry, Level, LogUpdate};
use ratel_core::store::{Summary, Times, Update};
use ratel_flow::{FlowError, FlowId, Side, Timestamp};

use super::{commands, resized, say, say_until, say_why};
use crate::format;
use crate::keymap::Context;
use crate::model::{Confirm, FlowView, LOG_KEPT, Model, Prompt, Screen};
use crate::msg::Effect;
use crate::screens::{flow_list, flow_view, message_view};
use crate::source::{Opened, Page, Shown, Target, TreePage, TreeTarget};

/// The command that removes flows.
pub(super) const REMOVE: &str = "view.flows.remove";

/// Asks before the flow in focus is removed while it is live, since that ends it.
pub(super) fn ask_to_end(model: &mut Model, call: &Call) -> bool {
    if call.name() != REMOVE || *call.flows(0) != FlowSpec::Focus {
        return false;
    }
    let Some(id) = model.focused_flow() else {
        return false;
    };
    let row = row_of(model, id).map(|row| row.state);
    let open = model.open_flow().filter(|view| view.id == id);
    let open = open.and_then(|view| view.snapshot.as_ref().map(|flow| flow.state));
    let is_held = !model.list.page.held(id).is_empty();
    if !is_held && !row.or(open).is_some_and(|state| state.is_live()) {
        return false;
    }
    let state = if is_held { "is held" } else { "goes on" };
    let question = format!("Flow {id} {state}. End it and delete it");
    let words = vec![REMOVE.to_owned(), format!("@{id}")];
    model.prompt = Some(Prompt::Confirm(Confirm::Remove(question, words)));
    true
}

/// The command that lets go what is held.
pub(super) const RESUME: &str = "flow.resume";

/// Remembers the flows of which something was let go.
pub(super) fn let_go(model: &mut Model, call: &Call) {
    let focus = model.focused_flow();
    let meant = |id: FlowId| match call.flows(0) {
        FlowSpec::Focus => focus == Some(id),
        _ => true,
    };
    let held = model.list.page.held.iter();
    model.let_go = held.filter(|(id, _)| meant(*id)).cloned().collect();
}

/// Says it when the next part of a flow is held after one was let go, since that looks as if nothing had happened.
fn say_held_again(model: &mut Model) {
    let mut said = None;
    let page = &model.list.page;
    model.let_go.retain(|(id, before)| {
        let is_new = |held: &&HeldPart| {
            let same = |before: &HeldPart| (before.part, before.since) == (held.part, held.since);
            !before.iter().any(same)
        };
        let next = page.held(*id).iter().find(is_new);
        if let (Some(next), Some(went)) = (next, before.first()) {
            said = Some((went.part, next.part));
        }
        let row = page.rows.iter().find(|row| row.id == *id);
        next.is_none() && row.is_some_and(|row| row.state.is_live())
    });
    let Some((went, next)) = said else {
        return;
    };
    let next = match (went, next) {
        (went, next) if went == next => "the next one is held now",
        (Part::Message(_), Part::Message(Side::Client)) => "one of the client is held now",
        (Part::Message(_), Part::Message(Side::Server)) => "one of the server is held now",
        (Part::Request, Part::Response) => "its response is held now",
        (_, Part::Message(_)) => "a message is held now",
        (_, Part::Request) => "its request is held now",
        (_, Part::Response) => "a response is held now",
    };
    let went = match went {
        Part::Request => "request",
        Part::Response => "head of the response",
        Part::Message(_) => "message",
    };
    let key = model.keymap.key_of(Context::FlowList, "flow.resume @focus");
    let key = key.map_or_else(String::new, |key| format!(": {key} lets it go on"));
    let now = model.now;
    let text = format!("the {went} went on; {next}{key}");
    say_until(model, Level::Info, text.into(), now);
}

/// The command that sends requests again.
pub(super) const REPLAY: &str = "replay.client";

/// Remembers that the request of the flow in focus is sent again.
pub(super) fn sent_again(model: &mut Model, call: &Call) {
    let focus = model.focused_flow();
    let is_focus = *call.flows(0) == FlowSpec::Focus;
    model.sent_again = focus.filter(|_| is_focus).map(|id| (id, model.now));
}

/// What came of the request that was sent again.
fn say_outcome(
    model: &mut Model,
    id: FlowId,
    times: Times,
    status: Option<u16>,
    error: Option<&FlowError>,
) {
    let sent = |(sent, at): &mut (FlowId, Timestamp)| *sent == id && times.began >= *at;
    if model.sent_again.take_if(sent).is_none() {
        return;
    }
    match (error, status) {
        (Some(error), _) => {
            say_why(
                model,
                format!("flow {id} was sent again, and failed: {error}"),
            );
        }
        // What was said meanwhile of something else is not to go for it: the row shows the answer.
        _ if model
            .message
            .as_ref()
            .is_some_and(|said| matches!(said.level, Level::Error | Level::Warn)) => {}
        (None, Some(status)) => {
            let end = times.response_end.unwrap_or(times.last);
            let took = format::took(end.since(times.began));
            let text = format!("flow {id} was sent again: answered {status} in {took}");
            say(model, text);
        }
        (None, None) => say(
            model,
            format!("flow {id} was sent again, without an answer"),
        ),
    }
}

/// Removes what was to be removed once it had ended.
pub(super) fn ended(model: &mut Model, change: &Update) -> Vec<Effect> {
    match change {
        Update::Finished(id) if model.ending.remove(id) => {
            commands::run(model, &[REMOVE.to_owned(), format!("@{id}")])
        }
        Update::Removed(id) => {
            model.ending.remove(id);
            Vec::new()
        }
        // Some may have ended unheard.
        Update::Resync => {
            let ending: Vec<_> = std::mem::take(&mut model.ending).into_iter().collect();
            let remove = |id: FlowId| commands::run(model, &[REMOVE.to_owned(), format!("@{id}")]);
            ending.into_iter().flat_map(remove).collect()
        }
        Update::Evicted { up_to } => {
            model.ending.retain(|id| id > up_to);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

pub(super) fn stored(model: &mut Model, change: Update) {
    let open = model.open_flow().map(|view| view.id);
    let follows = model.follows() && open.is_none();
    let list = &mut model.list;
    match change {
        Update::Added(_) | Update::Resync => {
            list.stale = true;
            if follows {
                flow_list::focus(list, Target::Newest);
            }
        }
        Update::Changed(id) | Update::Finished(id) => {
            let visible = list.page.rows.iter().any(|row| row.id == id);
            if !visible && open != Some(id) {
                return;
            }
            list.stale |= visible;
        }
        Update::Evicted { .. } | Update::Removed(_) => list.stale = true,
    }
    let affects = |id: FlowId| match change {
        Update::Changed(changed) | Update::Finished(changed) | Update::Removed(changed) => {
            changed == id
        }
        Update::Evicted { up_to } => id <= up_to,
        Update::Resync => true,
        Update::Added(_) => false,
    };
    if let Some(view) = model.flow_view() {
        view.stale |= affects(view.id);
        view.removed |= matches!(change, Update::Removed(id) if id == view.id);
    }
    if let Some(view) = model.message_view() {
        view.stale |= affects(view.flow);
    }
    model.touch();
}

pub(super) fn took_page(model: &mut Model, page: Page) {
    let moved = page.moved;
    // One that is not there yet is waited for, until somebody goes elsewhere.
    if !page.missed {
        model.list.target = Target::Keep;
    }
    model.list.page = page;
    say_held_again(model);
    let row = model.sent_again.and_then(|(id, _)| row_of(model, id));
    if let Some(row) = row.filter(|row| !row.state.is_live()).cloned() {
        say_outcome(model, row.id, row.times, row.status, row.error.as_ref());
    }
    warn_of_distrust(model);
    // The open flow goes with the focus, so that the next and the one before are its neighbours; but it stays open
    // when it was evicted.
    let removed = model.open_flow().is_some_and(|view| view.removed);
    let focus = model.list.page.focus.map(|(id, _)| id);
    if removed && focus.is_none() {
        model
            .panes
            .retain(|screen| !matches!(screen, Screen::FlowView(_) | Screen::Message(_)));
    }
    let focus = focus.filter(|_| moved || removed);
    let row = focus.and_then(|focus| row_of(model, focus)).cloned();
    if let (Some(focus), Some(view)) = (focus, model.flow_view())
        && view.id != focus
    {
        let split = view.split;
        *view = FlowView::new(focus, view.chosen, row.as_ref());
        view.split = split;
        resized(model);
        model.list.stale = false;
    }
}

pub(super) fn took_tree(model: &mut Model, found: TreePage) {
    let Some(tree) = &mut model.list.tree else {
        return;
    };
    if !found.awaited {
        tree.target = TreeTarget::Keep;
    }
    (tree.rows, tree.total) = (found.rows, found.total);
    (tree.top, tree.focus) = (found.top, found.focus);
    took_page(model, found.page);
}

/// Says once what to do about a client that does not trust the certificate, and about a server that is not trusted.
fn warn_of_distrust(model: &mut Model) {
    let list = &mut model.list;
    let refused = |row: &Summary| row.error.as_ref().is_some_and(FlowError::is_distrust);
    if !list.distrust_said && list.page.rows.iter().any(refused) {
        list.distrust_said = true;
        let text = "no trust in the certificate, it seems; enter on the row says what helps";
        let now = model.now;
        say_until(model, Level::Info, text.into(), now);
    }
    let list = &mut model.list;
    let unverified = |row: &Summary| row.error.as_ref().is_some_and(FlowError::is_unverified);
    if !list.unverified_said && list.page.rows.iter().any(unverified) {
        list.unverified_said = true;
        let again = model
            .keymap
            .key_of(Context::FlowList, "replay.client @focus")
            .map_or_else(String::new, |key| format!(", {key} sends it again"));
        let text = format!("server not trusted: `:set ssl_insecure true` accepts it{again}");
        let now = model.now;
        say_until(model, Level::Warn, text.into(), now);
    }
}

/// The row of a flow, if it is visible.
pub(super) fn row_of(model: &Model, id: FlowId) -> Option<&Summary> {
    model.list.page.rows.iter().find(|row| row.id == id)
}

pub(super) fn took_flow(model: &mut Model, opened: Opened) {
    let schemas = model.schemas.clone();
    if matches!(opened.shown, Shown::Message(..)) {
        if let Some(view) = model.message_view().filter(|view| view.flow == opened.id) {
            message_view::show(view, opened, schemas.as_ref());
        }
        return;
    }
    if let Some(flow) = opened
        .snapshot
        .as_ref()
        .filter(|flow| !flow.state.is_live())
    {
        let status = flow.response.as_ref().map(|response| response.status);
        say_outcome(model, flow.id, flow.times, status, flow.error.as_ref());
    }
    let ways = flow_view::Ways::of(model, opened.id);
    if let Some(view) = model.flow_view().filter(|view| view.id == opened.id) {
        flow_view::show(view, opened, &ways);
    }
}

pub(super) fn logged(model: &mut Model, change: LogUpdate) -> Vec<Effect> {
    let LogUpdate::Added(entry) = change else {
        return vec![Effect::ReadLog];
    };
    let Entry {
        level,
        message,
        timestamp,
        ..
    } = &entry;
    let mut shown = model.message.iter();
    let is_shown = shown.any(|shown| (shown.level, &shown.text) == (*level, message));
    if is_urgent(*level) && !is_shown {
        let now = model.now.max(*timestamp);
        say_until(model, *level, message.clone(), now);
    }
    if model.log.entries.len() >= LOG_KEPT {
        model.log.entries.pop_front();
    }
    model.log.entries.push_back(entry);
    model.log.stale = true;
    Vec::new()
}

pub(super) fn read_log(model: &mut Model, entries: Vec<Entry>) {
    // What went wrong while the program started is still worth saying.
    if let Some(entry) = entries.iter().rev().find(|entry| is_urgent(entry.level))
        && model.message.is_none()
    {
        let text: Arc<str> = entry.message.clone();
        say_until(model, entry.level, text, entry.timestamp);
    }
    model.log.entries = entries.into();
    model.log.stale = true;
}

fn is_urgent(level: Level) -> bool {
    matches!(level, Level::Error | Level::Warn | Level::Alert)
}
