//! Finished flows that are run anew: the request is sent again, in the same row, and what there was is kept.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ratel_flow::record::ReadBody;
use ratel_flow::{Body, Detail, FlowId, Record, Side};

use super::event::What;
use super::extents::Extents;
use super::index::nth;
use super::{EditError, FlowStore, FlowWriter, export, read_lock, window};

/// A flow that is live again.
#[derive(Debug)]
pub struct Reopened {
    /// The pen to go on with.
    pub writer: FlowWriter,
    /// What the flow was. The body of the request can be read as long as it is on record, whatever becomes of the flow.
    pub record: Record,
}

impl FlowStore {
    /// Makes a finished flow live again, with nothing but the head of its request; what it was is kept, to
    /// [revert](Self::revert) to. Readers see it so a few milliseconds later; until then it could be reopened again, which
    /// whoever calls this has to see to.
    ///
    /// # Errors
    /// When the flow is gone, or goes on.
    pub fn reopen(&self, id: FlowId) -> Result<Reopened, EditError> {
        self.finished(id)?;
        let mut record = self.record(id).ok_or(EditError::Gone(id))?;
        if let Detail::Http(http) = &mut record.detail
            && let Body::Lazy(_) = http.request_body
        {
            http.request_body = self.kept_body(id, Side::Client).unwrap_or_default();
        }
        self.push(id, What::Reopen);
        let writer = FlowWriter::behind_changes(self.0.shared.clone(), id);
        Ok(Reopened { writer, record })
    }

    /// A body as it is now, however the flow is changed.
    fn kept_body(&self, id: FlowId, side: Side) -> Option<Body> {
        let index = read_lock(&self.0.shared.index);
        let extents = index.get(id)?.bodies.get(nth(side))?.clone();
        drop(index);
        let body = KeptBody {
            store: self.clone(),
            extents,
        };
        Some(Body::Lazy(Arc::new(body)))
    }
}

#[derive(Debug)]
struct KeptBody {
    store: FlowStore,
    extents: Extents,
}

impl ReadBody for KeptBody {
    fn len(&self) -> u64 {
        self.extents.len
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        export::collect(range, |range| {
            Some(window::read_kept(
                &self.store.0.shared,
                &self.extents,
                range,
            ))
        })
    }
}
