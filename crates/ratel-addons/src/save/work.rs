//! The writing thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use ratel_core::store::{Backlog, FlowStore, Subscription};
use ratel_flow::filter::Filter;
use ratel_flow::io::WriteError;
use ratel_flow::{FlowId, Record};

use super::target::{Out, Ready, Target};
use super::{Next, Opened, Orders, Outcome, SaveError, Selection};

/// How long updates gather before they are written.
const GATHER: Duration = Duration::from_millis(5);

/// After a failure nothing is tried for this long.
const RETRY_AFTER: Duration = Duration::from_secs(2);

pub(super) struct Work {
    pub(super) store: FlowStore,
    pub(super) target: Target,
    /// The first file, which was opened to see whether it can be.
    pub(super) ready: Option<Ready>,
    pub(super) out: Option<Out>,
    pub(super) selection: Selection,
    pub(super) updates: Subscription,
    pub(super) backlog: Backlog,
    /// Since when nothing can be written.
    pub(super) failed: Option<Instant>,
    /// There is no later time to try again.
    pub(super) is_last: bool,
    /// Of the file that is open.
    pub(super) outcome: Outcome,
    /// Of those before it.
    pub(super) done: Vec<Outcome>,
    pub(super) handled: Arc<AtomicU64>,
}

impl Work {
    pub(super) fn run(mut self, rung: &Receiver<()>, orders: &Orders) -> Vec<Outcome> {
        // The senders live as long as the subscription, which this thread owns.
        while rung.recv().is_ok() {
            thread::sleep(GATHER);
            // Looked at first, so that what was there when it was said is written.
            let (begun, is_last, has_next) = {
                let told = orders.told();
                (told.begun, told.last, told.next.is_some())
            };
            if !begun {
                match is_last {
                    true => break,
                    false => continue,
                }
            }
            self.is_last = is_last;
            self.make_file();
            if is_last || has_next {
                self.store.flush();
            }
            self.take_updates();
            // Others may have come meanwhile; they are taken up with the next ring.
            if has_next && let Some(next) = orders.told().next.take() {
                self.go_on(next);
                orders.done.notify_all();
            }
            if is_last {
                for id in self.backlog.take_live() {
                    self.flow(id);
                }
                self.close(orders.told().said);
                break;
            }
        }
        // Nobody waits for it any more.
        self.handled.store(u64::MAX, Ordering::Relaxed);
        orders.told().ended = true;
        orders.done.notify_all();
        self.done
    }

    /// The file is there, and empty, before there is a flow.
    fn make_file(&mut self) {
        if self.ready.is_some()
            && let Err(error) = self.target()
        {
            self.fail(&error);
        }
    }

    fn take_updates(&mut self) {
        while let Some(update) = self.updates.try_next() {
            let finished = self.backlog.take_in(update, &self.store).finished;
            for id in finished {
                self.flow(id);
                self.handled.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn go_on(&mut self, Next { file, selection }: Next) {
        self.selection = selection;
        let Some(Opened { target, ready }) = file else {
            return;
        };
        self.close(true);
        self.outcome.path.clone_from(&target.name);
        self.target = target;
        self.ready = Some(ready);
        self.make_file();
    }

    /// Ends the file that is open. What is in it is said where the program goes on without.
    fn close(&mut self, said: bool) {
        self.ready = None;
        let (written, name) = (self.outcome.written, &self.target.name);
        let flows = if written == 1 { "flow" } else { "flows" };
        match self.out.take().map_or(Ok(false), Out::finish) {
            Ok(_) if said => tracing::info!(alert = true, "wrote {written} {flows} to {name}"),
            Ok(true) => tracing::info!("wrote {written} {flows} to {name}"),
            Ok(false) => {}
            Err(error) => self.end_missing(&error.into()),
        }
        self.failed = None;
        self.done.push(std::mem::take(&mut self.outcome));
    }

    /// The end of an archive could not be written.
    fn end_missing(&mut self, error: &SaveError) {
        // Its flows were counted if it had broken off before.
        match self.outcome.missing {
            0 => self.fail(error),
            _ => tracing::debug!("the archive is not whole: {error}"),
        }
    }

    fn flow(&mut self, id: FlowId) {
        let unwanted = |filter: &Filter| !self.store.matches(id, filter);
        if self.selection.filter.as_ref().is_some_and(unwanted) {
            return;
        }
        let waits = |since: Instant| since.elapsed() < RETRY_AFTER;
        if !self.is_last && self.failed.is_some_and(waits) {
            self.outcome.missing += 1;
            return;
        }
        // None: it has nothing that can be written, or was evicted.
        let Some(record) = self.store.record(id) else {
            return;
        };
        match self.write(&record) {
            Ok(()) => {
                self.outcome.written += 1;
                if self.failed.take().is_some() {
                    tracing::info!("flows are written to {} again", self.target.name);
                }
            }
            // A flow that is gone is no fault of the file.
            Err(SaveError::Write(WriteError::Flow(error))) => {
                tracing::warn!("flow {id} is not written: {error}");
                self.outcome.missing += 1;
            }
            Err(error) => self.fail(&error),
        }
    }

    fn write(&mut self, record: &Record) -> Result<(), SaveError> {
        let record = self.selection.redactor.redact(record);
        self.target()?.write(&record)
    }

    /// Nothing is tried for a while. Said once.
    fn fail(&mut self, error: &SaveError) {
        self.outcome.missing += 1;
        if self.failed.replace(Instant::now()).is_none() {
            tracing::error!(
                hint =
                    "traffic passes meanwhile; flows that finish now will be missing from the file",
                "cannot write flows to {}: {error}",
                self.target.name
            );
        }
    }

    /// The file for now, which is another one when the name has changed.
    fn target(&mut self) -> Result<&mut Out, SaveError> {
        if !self.target.is_open(self.out.as_ref()) {
            self.out = None;
            self.out = Some(self.target.begin(self.ready.take())?);
        }
        let out = self.out.as_mut();
        out.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound).into())
    }
}
