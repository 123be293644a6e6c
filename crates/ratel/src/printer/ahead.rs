//! Short messages, read from the store many at a time: their bytes lie one after another.

use std::collections::VecDeque;

use bytes::Bytes;
use ratel_core::store::FlowStore;
use ratel_flow::{FlowId, MessageHead, Payload, PayloadStream, Side};

/// Longer messages are not read this way, in bytes.
const SHORT: u64 = 16 * 1024;

/// Bytes that are read at a time.
const AHEAD: u64 = 64 * 1024;

/// Runs that are kept, for streams that are printed in turn.
const RUNS: usize = 16;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Ahead(VecDeque<Run>);

/// A stretch of one side's messages.
#[derive(Debug)]
struct Run {
    of: (FlowId, Side, PayloadStream),
    offset: u64,
    bytes: Bytes,
}

impl Ahead {
    /// All bytes of a message; none if it is long, or some of it is gone.
    pub(super) fn get(
        &mut self,
        store: &FlowStore,
        id: FlowId,
        head: &MessageHead,
    ) -> Option<Bytes> {
        if head.payload.len > SHORT {
            return None;
        }
        let of = (id, head.side, head.payload.stream);
        let known = self.0.iter().position(|run| run.of == of);
        if let Some(bytes) = known.and_then(|run| self.0.get(run)?.get(head)) {
            return Some(bytes);
        }
        let stretch = Payload {
            len: AHEAD,
            ..head.payload
        };
        let window = store.payload(id, head.side, stretch, 0..AHEAD)?;
        let run = Run {
            of,
            offset: head.payload.offset.checked_add(window.offset)?,
            bytes: window.bytes,
        };
        let found = run.get(head);
        if let Some(known) = known {
            self.0.remove(known);
        } else if self.0.len() >= RUNS {
            self.0.pop_front();
        }
        self.0.push_back(run);
        found
    }
}

impl Run {
    fn get(&self, head: &MessageHead) -> Option<Bytes> {
        let from = usize::try_from(head.payload.offset.checked_sub(self.offset)?).ok()?;
        let to = from.checked_add(usize::try_from(head.payload.len).ok()?)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}
