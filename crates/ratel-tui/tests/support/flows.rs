//! A list of flows, as a source and as what commands change.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ratel_core::control::{Control, HeldPart};
use ratel_core::store::{Edit, FlowSnapshot, MessageWindow, RequestLine, Summary, Window};
use ratel_core::view::{Order, Tree, ViewSettings};
use ratel_flow::filter::Filter;
use ratel_flow::{Annotations, Body, Detail, FlowId, HttpRecord, Payload, Record, Side};
use ratel_tui::backend;
use ratel_tui::errand::Shelf;
use ratel_tui::source::{Counts, Source};

use super::fake::Fake;
use super::subject::Seen;

/// A list of flows.
#[derive(Clone, Default)]
pub(crate) struct Flows {
    pub(crate) list: Vec<Fake>,
    pub(crate) control: Control,
    pub(crate) evicted: u64,
    pub(crate) settings: ViewSettings,
    /// So many of the newest were not looked at yet.
    pub(crate) pending: usize,
    /// What was said of flows, or that they were removed.
    pub(crate) changes: RefCell<Vec<(FlowId, Option<Annotations>)>>,
    /// What was changed in flows, and flows that came.
    pub(crate) edits: RefCell<Vec<(FlowId, Edit)>>,
    pub(crate) added: RefCell<Vec<Fake>>,
    /// Bytes of messages that were read.
    pub(crate) read: Cell<u64>,
    /// The same by host and path, while it is wanted.
    pub(crate) tree: Rc<RefCell<Option<Tree>>>,
}

impl Source for Flows {
    fn counts(&self) -> Counts {
        Counts {
            shown: self.shown().len(),
            total: self.list.len(),
            pending: self.pending,
            evicted: self.evicted,
        }
    }

    fn ids(&self, positions: Range<usize>) -> Vec<FlowId> {
        let shown = self.shown();
        let end = positions.end.min(shown.len());
        shown.get(positions.start..end).unwrap_or_default().to_vec()
    }

    fn position(&self, id: FlowId, hint: usize) -> Result<usize, usize> {
        let shown = self.shown();
        let near = shown.partition_point(|shown| *shown < id);
        let near = if self.settings.order == Order::Time && !self.settings.reversed {
            near
        } else {
            hint
        };
        shown.iter().position(|shown| *shown == id).ok_or(near)
    }

    fn newest(&self) -> Option<FlowId> {
        self.list.last().map(|flow| flow.snapshot.id)
    }

    fn summary(&self, id: FlowId) -> Option<Summary> {
        let flow = self.snapshot(id)?;
        Some(Summary {
            stream: flow.stream,
            messages: flow.messages,
            grpc_status: flow.grpc_status,
            close: flow.close,
            id,
            kind: flow.kind,
            state: flow.state,
            client_conn: flow.client_conn,
            server_conn: flow.server_conn,
            request: flow.request.map(|request| RequestLine {
                version: request.version,
                method: request.method,
                scheme: request.scheme,
                host: request.host,
                port: request.port,
                path: request.path,
            }),
            status: flow.response.as_ref().map(|response| response.status),
            content_type: flow.response.as_ref().and_then(|response| {
                response
                    .headers
                    .get("content-type")
                    .map(Bytes::copy_from_slice)
            }),
            annotations: flow.annotations,
            modified: flow.modified,
            error: flow.error,
            request_body: flow.request_body,
            response_body: flow.response_body,
            times: flow.times,
            lossy: flow.lossy,
        })
    }

    fn tree(&self, look: &mut dyn FnMut(&mut Tree)) {
        if let Some(tree) = &mut *self.tree.borrow_mut() {
            tree.clear(self.settings.order, self.settings.reversed);
            let shown = self.shown().into_iter();
            shown
                .filter_map(|id| self.summary(id))
                .for_each(|flow| tree.put(&flow));
            look(tree);
        }
    }

    fn held(&self, id: FlowId) -> Vec<HeldPart> {
        self.control.held(id)
    }

    fn snapshot(&self, id: FlowId) -> Option<FlowSnapshot> {
        let place = self
            .list
            .binary_search_by_key(&id, |flow| flow.snapshot.id)
            .ok()?;
        Some(self.list[place].snapshot.clone())
    }

    fn body(&self, id: FlowId, side: Side, range: Range<u64>) -> Option<Window> {
        let place = self
            .list
            .binary_search_by_key(&id, |flow| flow.snapshot.id)
            .ok()?;
        let flow = &self.list[place];
        let body = &flow.bodies[usize::from(side == Side::Server)];
        let total = body.len() as u64;
        let (from, to) = (range.start.min(total), range.end.min(total));
        let bytes = body.slice(from as usize..to.max(from) as usize);
        let complete = !flow.snapshot.state.is_live();
        Some(Window {
            bytes,
            offset: from,
            total,
            complete,
            lost: false,
        })
    }

    fn messages(&self, id: FlowId, range: Range<u64>) -> Option<MessageWindow> {
        let flow = self.get(id)?;
        let total = flow.messages.len() as u64;
        let first = range.start.min(total);
        let end = range.end.min(total).max(first);
        Some(MessageWindow {
            kind: flow.snapshot.stream,
            first,
            total,
            items: flow.messages[first as usize..end as usize].to_vec(),
            open: flow.open.clone(),
            lost: false,
        })
    }

    fn message_before(&self, id: FlowId, number: u64) -> Option<Payload> {
        self.get(id)?.came.get(&number).copied()
    }

    fn payload(&self, id: FlowId, _: Side, payload: Payload, range: Range<u64>) -> Option<Window> {
        let (from, to) = (range.start.min(payload.len), range.end.min(payload.len));
        let at = |offset: u64| (payload.offset + offset) as usize;
        self.read.set(self.read.get() + (to - from));
        Some(Window {
            bytes: Bytes::copy_from_slice(&self.get(id)?.payloads[at(from)..at(to)]),
            offset: from,
            total: payload.len,
            complete: true,
            lost: false,
        })
    }
}

impl Flows {
    /// Does what was noted down while others looked at the list.
    pub(super) fn apply(&mut self) {
        for (id, edit) in self.edits.take() {
            let mut flows = self.list.iter_mut();
            if let Some(flow) = flows.find(|flow| flow.snapshot.id == id) {
                flow.edit(edit);
            }
        }
        self.list.extend(self.added.take());
        for (id, said) in self.changes.take() {
            match said {
                None => self.list.retain(|flow| flow.snapshot.id != id),
                Some(said) => {
                    let mut flows = self.list.iter_mut();
                    if let Some(flow) = flows.find(|flow| flow.snapshot.id == id) {
                        flow.snapshot.annotations =
                            Some(Arc::new(said)).filter(|said| !said.is_empty());
                    }
                }
            }
        }
    }

    /// What the list shows.
    fn shown(&self) -> Vec<FlowId> {
        let seen = self.list.len().saturating_sub(self.pending);
        let mut shown: Vec<_> = self
            .list
            .iter()
            .take(seen)
            .map(|flow| &flow.snapshot)
            .collect();
        let marked = |flow: &FlowSnapshot| {
            let said = flow.annotations.as_ref();
            said.is_some_and(|said| !said.marked.is_empty())
        };
        shown.retain(|flow| !self.settings.marked_only || marked(flow));
        if let Some(filter) = &self.settings.filter {
            shown.retain(|flow| filter.matches(&Seen(flow)));
        }
        let method =
            |flow: &FlowSnapshot| flow.request.as_ref().map(|request| request.method.clone());
        match self.settings.order {
            Order::Time | Order::Url => {}
            Order::Method => shown.sort_by_key(|flow| method(flow)),
            Order::Size => shown.sort_by_key(|flow| flow.response_body),
        }
        if self.settings.reversed {
            shown.reverse();
        }
        shown.into_iter().map(|flow| flow.id).collect()
    }

    fn get(&self, id: FlowId) -> Option<&Fake> {
        self.list.iter().find(|flow| flow.snapshot.id == id)
    }
}

impl backend::Flows for Flows {
    fn record(&self, id: FlowId) -> Option<Record> {
        let flow = self.get(id)?;
        let snapshot = flow.snapshot.clone();
        let [request_body, response_body] = flow.bodies.clone().map(Body::Bytes);
        let http = HttpRecord {
            response: snapshot.response,
            response_body,
            ..HttpRecord::new(snapshot.request?, request_body)
        };
        Some(Record {
            id: snapshot.file_id,
            client_conn: snapshot.client_conn,
            server_conn: snapshot.server_conn,
            error: snapshot.error,
            annotations: Annotations::default(),
            timestamp_created: snapshot.times.created,
            backup: None,
            detail: Detail::Http(Box::new(http)),
            verbatim: snapshot.verbatim,
        })
    }

    fn all(&self) -> Vec<FlowId> {
        self.list.iter().map(|flow| flow.snapshot.id).collect()
    }

    fn matching(&self, ids: &[FlowId], filter: &Filter) -> Vec<FlowId> {
        let matches = |id: &FlowId| {
            self.get(*id)
                .is_some_and(|flow| filter.matches(&Seen(&flow.snapshot)))
        };
        ids.iter().copied().filter(matches).collect()
    }

    fn annotate(&self, id: FlowId, change: &dyn Fn(&mut Annotations)) -> bool {
        let Some(flow) = self.get(id) else {
            return false;
        };
        let mut said = flow
            .snapshot
            .annotations
            .as_deref()
            .cloned()
            .unwrap_or_default();
        change(&mut said);
        self.changes.borrow_mut().push((id, Some(said)));
        true
    }

    fn remove(&self, ids: &[FlowId]) -> usize {
        let finished = |id: &FlowId| {
            self.get(*id)
                .is_some_and(|flow| !flow.snapshot.state.is_live())
        };
        let gone: Vec<_> = ids.iter().copied().filter(finished).collect();
        self.changes
            .borrow_mut()
            .extend(gone.iter().map(|id| (*id, None)));
        gone.len()
    }

    fn revert(&self, id: FlowId) -> Result<bool, ratel_core::store::EditError> {
        let flow = self.get(id);
        match flow.is_some_and(|flow| flow.snapshot.state.is_live()) {
            true => Err(ratel_core::store::EditError::Live(id)),
            false => Ok(true),
        }
    }

    fn edit(&self, id: FlowId, edit: &Edit) -> Result<(), ratel_core::store::EditError> {
        self.edits.borrow_mut().push((id, edit.clone()));
        Ok(())
    }

    fn add(&self, record: &Record) -> std::io::Result<FlowId> {
        let id = self.list.iter().map(|flow| flow.snapshot.id.0).max();
        let id = id.unwrap_or_default() + 1;
        let http = record.http().expect("tests add HTTP");
        let mut flow = Fake::new(id, "GET", "/", 200, "", "");
        flow.snapshot.request = Some(http.request.clone());
        flow.snapshot.response.clone_from(&http.response);
        flow.snapshot.times.created = record.timestamp_created;
        self.added.borrow_mut().push(flow);
        Ok(FlowId(id))
    }

    fn duplicate(&self, id: FlowId) -> std::io::Result<Option<FlowId>> {
        let record = backend::Flows::record(self, id);
        record.map(|record| self.add(&record)).transpose()
    }
}

impl Shelf for Flows {
    fn take(&self, id: FlowId) -> Option<Record> {
        backend::Flows::record(self, id)
    }

    fn put(&self, _: &Record) -> std::io::Result<FlowId> {
        Ok(FlowId(0))
    }
}
