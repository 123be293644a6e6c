//! The store thread: the only writer of segments and index.
//!
//! What it takes from the queue it writes, then enters into the index, then announces; so whatever is announced or
//! found in the index can be read.

use std::io::IoSlice;
use std::sync::Arc;

use ratel_flow::{FlowId, Side, Timestamp};

use super::event::{Batch, Event, Place, What};
use super::extents::Loc;
use super::index::{Entry, INFORMATIONAL_KEPT, Index, List, nth};
use super::segments::Recorder;
use super::subscribe::Update;
use super::{Shared, read_lock, write_lock};

/// The index is let go after this many events, so that readers get their turn.
const EVENTS_PER_LOCK: usize = 1024;

/// Heads of live flows that are saved from one segment that goes, in bytes.
const RESCUED_BYTES: usize = 4 * 1024 * 1024;

/// What the thread owns.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) recorder: Recorder,
    /// To be announced after this drain.
    updates: Vec<Update>,
    /// Lists of so many extents that they go to disk.
    spills: Vec<(FlowId, List)>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, recorder: Recorder) -> Self {
        Self {
            shared,
            recorder,
            updates: Vec::new(),
            spills: Vec::new(),
        }
    }

    /// Runs until the queue is closed and drained.
    pub(super) fn run(mut self) {
        let shared = self.shared.clone();
        let _end = End(&shared);
        let mut batch = Batch::default();
        loop {
            let wake = shared.queue.wait();
            shared.queue.drain(&mut batch, |batch| self.take(batch));
            shared.updates.publish(&self.updates);
            self.updates.clear();
            shared.queue.flushed(&wake);
            if wake.last {
                return;
            }
        }
    }

    fn take(&mut self, batch: &mut Batch) {
        if self.recorder.is_full() {
            self.next_segment();
        }
        let written = self.write(batch);
        let mut events = batch.events.drain(..);
        while !events.as_slice().is_empty() {
            let mut index = write_lock(&self.shared.index);
            for event in events.by_ref().take(EVENTS_PER_LOCK) {
                note(&mut self.updates, &event);
                apply(&mut index, event, written, &mut self.spills);
            }
        }
        drop(events);
        self.spill();
        self.keep_memory_budget();
    }

    /// Where the batch's first byte lies; none if it could not be written.
    fn write(&mut self, batch: &Batch) -> Option<(u32, u32)> {
        if batch.len() == 0 {
            return Some((0, 0));
        }
        let mut slices: smallvec::SmallVec<[IoSlice<'_>; 64]> = batch.slices().collect();
        let at = self
            .recorder
            .append(&mut slices, batch.large_bytes() as u64)?;
        self.publish_disk();
        Some((self.recorder.current().number, at))
    }

    fn append(&mut self, bytes: &[u8]) -> Option<Loc> {
        let at = self.recorder.append(&mut [IoSlice::new(bytes)], 0)?;
        let len = u32::try_from(bytes.len()).ok()?;
        Some(Loc {
            segment: self.recorder.current().number,
            at,
            len,
        })
    }

    fn publish_disk(&self) {
        self.shared.disk.store(
            self.recorder.disk_bytes(),
            std::sync::atomic::Ordering::Relaxed,
        );
    }

    fn spill(&mut self) {
        let mut block = Vec::new();
        for (id, list) in std::mem::take(&mut self.spills) {
            block.clear();
            {
                let index = read_lock(&self.shared.index);
                match index.get(id).and_then(|entry| entry.list(list)) {
                    Some(body) if body.wants_spill() => body.block(&mut block),
                    _ => continue,
                }
            }
            let place = self.append(&block);
            write_lock(&self.shared.index).change(id, |entry| {
                entry.lossy |= place.is_none();
                entry.list_mut(list).spilled(place);
            });
        }
    }

    fn keep_memory_budget(&mut self) {
        let budget = self.shared.memory_budget;
        let mut index = write_lock(&self.shared.index);
        if index.memory <= budget {
            return;
        }
        // A little further than it must, so that not every drain of a full store evicts and announces.
        let goal = budget - budget / 16;
        let mut last = None;
        while index.memory > goal
            && let Some(id) = index.evict_oldest()
        {
            last = last.max(Some(id));
        }
        drop(index);
        self.updates
            .extend(last.map(|up_to| Update::Evicted { up_to }));
    }

    /// Makes room within the disk budget and begins the next segment.
    fn next_segment(&mut self) {
        while let Some(number) = self.recorder.must_drop() {
            self.drop_segment(number);
        }
        match self.recorder.roll() {
            Ok(segment) => write_lock(&self.shared.index).add_segment(segment),
            Err(error) => tracing::warn!(
                "cannot make the next recording segment, the last one grows on: {error}"
            ),
        }
        self.publish_disk();
    }

    /// Drops the oldest segment and the finished flows in it. Live flows keep their heads, which are copied, and
    /// lose the parts of their bodies that lay there.
    fn drop_segment(&mut self, number: u32) {
        let oldest = read_lock(&self.shared.index).oldest_segment();
        let Some((segment, last)) = oldest.filter(|(segment, _)| segment.number == number) else {
            return;
        };
        let heads = write_lock(&self.shared.index).live_heads_in(number, last);
        let mut rescued = Vec::new();
        let mut room = RESCUED_BYTES;
        for (id, from) in heads {
            let Some(left) = room.checked_sub(from.len as usize) else {
                break;
            };
            room = left;
            let head = segment.read(from.at, from.len as usize);
            if let Some(to) = head.and_then(|head| self.append(&head)) {
                rescued.push((id, from, to));
            }
        }
        let mut index = write_lock(&self.shared.index);
        for (id, from, to) in rescued {
            index.change(id, |entry| {
                for head in entry.heads().filter(|head| **head == from) {
                    *head = to;
                }
            });
        }
        let evicted = index.evict_up_to(last);
        index.remove_oldest_segment();
        drop(index);
        if evicted > 0 {
            self.updates.push(Update::Evicted {
                up_to: FlowId(last),
            });
        }
        self.recorder.dropped(segment);
    }
}

/// Tells everybody when the thread ends, even by a panic.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.queue.end();
        self.0.updates.close();
    }
}

/// Announces what an event did, leaving out what the announcement before says already.
fn note(updates: &mut Vec<Update>, event: &Event) {
    let id = event.flow;
    match event.what {
        What::Open(..) => updates.push(Update::Added(id)),
        What::Finish(_) => updates.push(Update::Finished(id)),
        _ => match updates.last() {
            Some(Update::Added(last) | Update::Changed(last)) if *last == id => {}
            _ => updates.push(Update::Changed(id)),
        },
    }
}

fn apply(
    index: &mut Index,
    Event { flow, what }: Event,
    written: Option<(u32, u32)>,
    spills: &mut Vec<(FlowId, List)>,
) {
    let loc = |place: Place| match written {
        Some((segment, base)) => Loc {
            segment,
            at: base + place.at,
            len: place.len,
        },
        None => Loc::lost(place.len),
    };
    let lost = written.is_none();
    match what {
        What::Open(kind, client, now) => index.insert(flow, Entry::new(kind, client, now)),
        What::Finish(now) => index.finish(flow, now),
        What::Reopen => index.reopen(flow),
        What::Revert => index.revert(flow),
        What::Client(conn) => index.set_client(flow, conn),
        What::Server(conn) => index.set_server(flow, conn),
        What::Data(list, place, now) => change(index, flow, |entry| {
            append(entry, flow, list, loc(place), spills);
            entry.last = now;
            entry.lossy |= lost;
        }),
        What::Foreign(list, piece) => change(index, flow, |entry| {
            append(entry, flow, list, piece, spills);
        }),
        what => change(index, flow, |entry| {
            if let Some(place) = head(entry, &what) {
                *place.0 = loc(place.1);
                entry.lossy |= lost;
            }
            state(entry, what);
        }),
    }
}

fn append(
    entry: &mut Entry,
    flow: FlowId,
    list: List,
    piece: Loc,
    spills: &mut Vec<(FlowId, List)>,
) {
    let extents = entry.list_mut(list);
    extents.push(piece);
    if extents.wants_spill() && spills.last() != Some(&(flow, list)) {
        spills.push((flow, list));
    }
}

/// Where a head is to be entered, and where it lies in the batch.
fn head<'a>(entry: &'a mut Entry, what: &What) -> Option<(&'a mut Loc, Place)> {
    Some(match *what {
        What::Request(place) => (&mut entry.request, place),
        What::Response(place, status) => {
            entry.status = status;
            (&mut entry.response, place)
        }
        What::Informational(place) => {
            let kept = &mut entry.rare.get_or_insert_default().informational;
            if kept.len() >= INFORMATIONAL_KEPT {
                entry.lossy = true;
                return None;
            }
            kept.push(Loc::default());
            (kept.last_mut()?, place)
        }
        What::Trailers(side, place) => {
            let trailers = entry.rare().trailers.get_mut(nth(side))?;
            (trailers.insert(Loc::default()), place)
        }
        _ => return None,
    })
}

/// Enters what takes no bytes in the segments.
fn state(entry: &mut Entry, what: What) {
    match what {
        What::Lost(list, len) => {
            entry.list_mut(list).push_lost(len);
            entry.lossy = true;
        }
        What::Stream(kind) => entry.messages().kind = Some(kind),
        What::MessageOpen(side, open) => {
            if let Some(place) = entry.messages().open.get_mut(nth(side)) {
                *place = open;
            }
        }
        What::GrpcStatus(code, message) => entry.messages().grpc = Some((code, message.into())),
        What::Closed(close) => {
            entry.messages().close.get_or_insert(close);
        }
        What::End(side, now) => {
            if let Some(end) = entry.ends.get_mut(nth(side)) {
                *end = now;
            }
            entry.last = now;
        }
        What::Error(error) => {
            if let Some(error) = &error {
                entry.last = error.timestamp;
            }
            entry.rare().error = error.map(|error| *error);
        }
        What::Annotations(annotations) => entry.rare().annotations = Some(annotations),
        What::Annotate(change) => {
            let said = entry.rare().annotations.get_or_insert_default();
            change.apply(Arc::make_mut(said));
        }
        // What was there in full before is not late for that.
        What::Held(since, _) if matches!(entry.ends, [_, end] if end.0 > 0 && end <= since) => {}
        What::Held(_, time) => {
            let held = &mut entry.rare().held;
            *held = held.saturating_add(time);
        }
        What::Filed(filed) => entry.rare().filed = Some(filed),
        What::CameAs(payload) => entry.messages().came_as(payload),
        What::Backup => entry.back_up(),
        What::BackupSide(side) => entry.back_up_side(side),
        What::RevertSide(side) => entry.revert_side(side),
        What::Replace(side) => entry.clear(side),
        What::LeaveOut(side) => entry.leave_out(side),
        What::NoResponse => {
            entry.clear(Side::Server);
            entry.response = Loc::default();
            entry.status = 0;
            entry.ends[1] = Timestamp(0);
        }
        // These have been entered.
        What::Open(..)
        | What::Finish(_)
        | What::Reopen
        | What::Revert
        | What::Client(_)
        | What::Server(_)
        | What::Data(..)
        | What::Foreign(..)
        | What::Request(_)
        | What::Response(..)
        | What::Informational(_)
        | What::Trailers(..) => {}
    }
}

fn change(index: &mut Index, flow: FlowId, change: impl FnOnce(&mut Entry)) {
    // A flow that is not there was evicted while it was live, which only happens to the writer of a dropped store.
    let _ = index.change(flow, change);
}
