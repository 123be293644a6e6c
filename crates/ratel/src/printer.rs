//! What `ratel dump` prints: flows when they are finished, and the log between them.
//!
//! A thread of its own is fed by bounded subscriptions to the store and the log, so that an output that is slow, or
//! stands still, never holds up the proxy. When it has missed something it looks at the store again: what is still
//! there is printed, what was evicted meanwhile is not. With `flow_detail` 0 nothing is subscribed to, and flows cost
//! nothing.
//!
//! When standard output is closed (`ratel dump | head`) the program is told to stop; it ends like after a signal, with
//! exit code 0, since the reader has got what it wanted. Any other failure to write is an error.

mod backlog;
mod body;
mod flow;

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratel_core::clock;
use ratel_core::eventlog::{Entry, EventLog, LogUpdate};
use ratel_core::store::{FlowSnapshot, FlowStore, Subscription};
use ratel_flow::{FlowId, Timestamp};
use time::UtcOffset;

use crate::ink::Page;
use crate::termlog;
use backlog::Backlog;
pub(crate) use flow::Style;

/// So many updates are put in order and printed at a time.
const BATCH: usize = 1024;

/// How long updates gather before they are printed, so that much traffic means long batches and not many.
const GATHER: Duration = Duration::from_millis(5);

/// Bytes that are written at once.
const BUFFER: usize = 64 * 1024;

/// What is printed, and how.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) store: FlowStore,
    pub(crate) log: EventLog,
    pub(crate) style: Style,
    pub(crate) colour: bool,
    /// What local time is ahead of UTC.
    pub(crate) offset: UtcOffset,
}

/// The printing thread.
#[derive(Debug)]
pub(crate) struct Printer {
    thread: JoinHandle<io::Result<()>>,
    bell: SyncSender<()>,
    last: Arc<AtomicBool>,
}

impl Printer {
    /// Starts to print what happens from here on. `on_failure` is called when nothing more can be printed.
    pub(crate) fn start(
        setup: Setup,
        out: impl Write + Send + 'static,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        // One waiting wake-up is enough: after it everything is taken.
        let (bell, rung) = sync_channel(1);
        let wake = || -> Box<dyn Fn() + Send + Sync> {
            let bell = bell.clone();
            Box::new(move || {
                let _ = bell.try_send(());
            })
        };
        let last = Arc::new(AtomicBool::new(false));
        let flows = (setup.style.detail > 0).then(|| setup.store.subscribe_with(wake()));
        let work = Work {
            flows,
            lines: setup.log.subscribe_with(wake()),
            setup,
            backlog: Backlog::default(),
            finished: VecDeque::new(),
            waiting: Vec::new(),
            last_line: Timestamp::default(),
        };
        let finishing = last.clone();
        let thread = thread::Builder::new()
            .name("ratel-printer".into())
            .spawn(move || {
                let result = work.run(&rung, &finishing, out);
                if result.is_err() {
                    on_failure();
                }
                result
            })?;
        Ok(Self { thread, bell, last })
    }

    /// Prints what is finished and ends. Blocks for as long as the output does.
    ///
    /// # Errors
    /// When something could not be written, other than to a reader that has left.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.last.store(true, Ordering::SeqCst);
        // Full: the thread is going to look anyway. Disconnected: it has failed.
        let _ = self.bell.try_send(());
        match self.thread.join() {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("the printer has crashed")),
        }
    }
}

struct Work {
    setup: Setup,
    flows: Option<Subscription>,
    lines: Subscription<LogUpdate>,
    backlog: Backlog,
    /// Flows that are to be printed.
    finished: VecDeque<FlowId>,
    /// What is to be printed next: a batch of flows and of lines at most, and what the last batch has left.
    waiting: Vec<(Timestamp, Item)>,
    /// When the last log line that was printed happened.
    last_line: Timestamp,
}

/// Something to print.
enum Item {
    Flow(Box<FlowSnapshot>),
    Line(Entry),
}

impl Work {
    fn run(mut self, rung: &Receiver<()>, last: &AtomicBool, out: impl Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, out);
        // The senders live as long as the subscriptions, which this thread owns.
        while rung.recv().is_ok() {
            thread::sleep(GATHER);
            // Looked at first, so that what was there when it was set is printed.
            let is_last = last.load(Ordering::SeqCst);
            while self.print_batch(&mut out)? {}
            out.flush()?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Prints what there is, in the order in which it happened. False when there was nothing.
    fn print_batch(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        // What happens from here on waits for the next batch, since what goes before it may not be here yet.
        let horizon = clock::now();
        self.take_lines();
        self.take_flows();
        if self.waiting.is_empty() && self.finished.is_empty() {
            return Ok(false);
        }
        self.waiting.sort_by_key(|(at, _)| *at);
        let due = self.waiting.partition_point(|(at, _)| *at <= horizon);
        let mut page = Page::new(out, self.setup.colour);
        for (_, item) in self.waiting.drain(..due) {
            match item {
                Item::Line(entry) => termlog::entry(&mut page, &entry, self.setup.offset)?,
                Item::Flow(snapshot) => {
                    flow::flow(&mut page, &self.setup.store, &snapshot, &self.setup.style)?;
                }
            }
        }
        Ok(true)
    }

    fn take_flows(&mut self) {
        let Some(flows) = &self.flows else {
            return;
        };
        if !self.waiting.is_empty() {
            // The store is a little behind the log; what has finished before a line is printed before it.
            self.setup.store.flush();
        }
        for update in std::iter::from_fn(|| flows.try_next()).take(BATCH) {
            self.finished
                .extend(self.backlog.take_in(update, &self.setup.store));
        }
        let batch = self.finished.len().min(BATCH);
        for id in self.finished.drain(..batch) {
            // None: evicted in the meantime.
            if let Some(snapshot) = self.setup.store.snapshot(id) {
                self.waiting
                    .push((snapshot.times.last, Item::Flow(Box::new(snapshot))));
            }
        }
    }

    fn take_lines(&mut self) {
        let mut entries = Vec::new();
        for update in std::iter::from_fn(|| self.lines.try_next()).take(BATCH) {
            match update {
                LogUpdate::Added(entry) => entries.push(entry),
                LogUpdate::Resync => {
                    let seen = entries
                        .last()
                        .map_or(self.last_line, |entry| entry.timestamp);
                    let missed = self.setup.log.entries().into_iter();
                    entries.extend(missed.filter(|entry| entry.timestamp > seen));
                }
            }
        }
        // After a resync an entry may come a second time.
        entries.retain(|entry: &Entry| {
            let is_newer = entry.timestamp > self.last_line;
            self.last_line = self.last_line.max(entry.timestamp);
            is_newer
        });
        let items = entries.into_iter();
        self.waiting
            .extend(items.map(|entry| (entry.timestamp, Item::Line(entry))));
    }
}

#[cfg(test)]
mod tests;
