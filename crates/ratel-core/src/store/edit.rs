//! Changing flows that are finished: what people say of them, what was exchanged, and taking them out.
//!
//! A live flow is changed by the task that owns it ([`control`](crate::control)); what is said of it may change at any
//! time. The first change of what was exchanged keeps what there was, to [`revert`](FlowStore::revert) to and to compare
//! with.

use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::{Annotations, FlowId, Request, Response, Side};
use ratel_proto::Headers;

use super::event::{Batch, Event, What};
use super::index::List;
use super::{FlowStore, Update, head, read_lock, write_lock};
use crate::clock;

/// The shard of the queue for what becomes of finished flows.
pub(super) const CHANGES: usize = 0;

/// Why a flow was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such flow (any longer).
    #[error("flow {0} is not there any more")]
    Gone(FlowId),
    /// It goes on: only its own task can change it.
    #[error("flow {0} is still live")]
    Live(FlowId),
}

/// What of a flow is to be changed. What is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The request's head.
    pub request: Option<Request>,
    /// The request's body.
    pub request_body: Option<Bytes>,
    /// The fields after the request's body; together with a body, or alone.
    pub request_trailers: Option<Headers>,
    /// The response's head.
    pub response: Option<Response>,
    /// The response's body.
    pub response_body: Option<Bytes>,
    /// The fields after the response's body.
    pub response_trailers: Option<Headers>,
    /// The response goes, and the error: the request can be sent anew.
    pub forget_response: bool,
}

impl FlowStore {
    /// Changes what is said of a flow: mark, comment, metadata. Returns what is said now; none if the flow is gone.
    pub fn annotate(
        &self,
        id: FlowId,
        change: impl FnOnce(&mut Annotations),
    ) -> Option<Arc<Annotations>> {
        let shared = &self.0.shared;
        let changed = write_lock(&shared.index).change(id, |entry| {
            let kept = &mut entry.rare().annotations;
            let mut annotations = kept.as_deref().cloned().unwrap_or_default();
            change(&mut annotations);
            let annotations = Arc::new(annotations);
            *kept = (!annotations.is_empty()).then(|| annotations.clone());
            annotations
        })?;
        shared.updates.publish(&[Update::Changed(id)]);
        Some(changed)
    }

    /// Changes what was exchanged in a finished flow, and keeps what there was. What comes back can be read when this
    /// returns.
    ///
    /// # Errors
    /// When the flow is gone, or goes on.
    pub fn edit(&self, id: FlowId, edit: &Edit) -> Result<(), EditError> {
        self.finished(id)?;
        self.push(id, What::Backup);
        if edit.forget_response {
            self.push(id, What::NoResponse);
            self.push(id, What::Error(None));
        }
        if let Some(request) = &edit.request {
            self.append(id, |batch| {
                What::Request(batch.put(|out| head::put_request(out, request)))
            });
        }
        if let Some(response) = &edit.response {
            self.append(id, |batch| {
                let place = batch.put(|out| head::put_response(out, response));
                What::Response(place, response.status)
            });
        }
        let times = self.snapshot(id).map(|snapshot| snapshot.times);
        let ends = times.map(|times| [times.request_end, times.response_end]);
        let [of_request, of_response] = ends.unwrap_or_default();
        let sides = [
            (
                Side::Client,
                &edit.request_body,
                &edit.request_trailers,
                of_request,
            ),
            (
                Side::Server,
                &edit.response_body,
                &edit.response_trailers,
                of_response,
            ),
        ];
        for (side, body, trailers, ended) in sides {
            if let Some(body) = body {
                let kept = self.trailers(id, side);
                self.push(id, What::Replace(side));
                // It takes no longer for having been changed.
                let now = ended.unwrap_or_else(clock::now);
                self.0.shared.queue.push(CHANGES, |batch| {
                    if !body.is_empty() {
                        batch.data(id, List::Body(side), body, now);
                    }
                });
                self.push(id, What::End(side, now));
                if let (None, Some(trailers)) = (trailers, kept) {
                    self.put_trailers(id, side, &trailers);
                }
            }
            if let Some(trailers) = trailers {
                self.put_trailers(id, side, trailers);
            }
        }
        self.flush();
        Ok(())
    }

    /// Makes a finished flow what it was before it was changed. False if it was not.
    ///
    /// # Errors
    /// When the flow is gone, or goes on.
    pub fn revert(&self, id: FlowId) -> Result<bool, EditError> {
        self.finished(id)?;
        let changed = {
            let index = read_lock(&self.0.shared.index);
            let entry = index.get(id).ok_or(EditError::Gone(id))?;
            entry.original().is_some()
        };
        self.push(id, What::Revert);
        self.flush();
        Ok(changed)
    }

    /// Takes finished flows out of the list. Returns how many went; those that go on stay.
    pub fn remove(&self, ids: &[FlowId]) -> usize {
        let shared = &self.0.shared;
        let mut index = write_lock(&shared.index);
        let gone: Vec<Update> = ids
            .iter()
            .filter(|id| index.remove(**id))
            .map(|id| Update::Removed(*id))
            .collect();
        drop(index);
        shared.updates.publish(&gone);
        gone.len()
    }

    pub(super) fn finished(&self, id: FlowId) -> Result<(), EditError> {
        let index = read_lock(&self.0.shared.index);
        match index.get(id) {
            None => Err(EditError::Gone(id)),
            Some(entry) if !entry.finished => Err(EditError::Live(id)),
            Some(_) => Ok(()),
        }
    }

    fn trailers(&self, id: FlowId, side: Side) -> Option<Headers> {
        let snapshot = self.snapshot(id)?;
        match side {
            Side::Client => snapshot.request_trailers,
            Side::Server => snapshot.response_trailers,
        }
    }

    fn put_trailers(&self, id: FlowId, side: Side, trailers: &Headers) {
        self.append(id, |batch| {
            What::Trailers(side, batch.put(|out| head::put_headers(out, trailers)))
        });
    }

    pub(super) fn push(&self, flow: FlowId, what: What) {
        self.append(flow, |_| what);
    }

    /// Changes of finished flows go through one shard, so that they stay in order.
    fn append(&self, flow: FlowId, what: impl FnOnce(&mut Batch) -> What) {
        self.0.shared.queue.push(CHANGES, |batch| {
            let what = what(batch);
            batch.events.push(Event { flow, what });
        });
    }
}
