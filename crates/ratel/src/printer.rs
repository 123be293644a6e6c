//! What `ratel dump` prints: flows when they are finished, their messages as they come, and the log between them.
//!
//! A thread of its own is fed by bounded subscriptions to the store and the log, so that an output that is slow, or
//! stands still, never holds up the proxy. When it has missed something it looks at the store again: what is still
//! there is printed, what was evicted meanwhile is not. With `flow_detail` 0 nothing is subscribed to, and flows cost
//! nothing.
//!
//! When standard output is closed (`ratel dump | head`) the program is told to stop; it ends like after a signal, with
//! exit code 0, since the reader has got what it wanted. Any other failure to write is an error.

mod ahead;
mod body;
mod dns;
mod flow;
mod label;
mod message;
mod progress;

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratel_core::clock;
use ratel_core::eventlog::{Entry, EventLog, LogUpdate};
use ratel_core::store::{Backlog, FlowSnapshot, FlowStore, Subscription};
use ratel_flow::filter::Filter;
use ratel_flow::{FlowError, FlowId, MessageHead, Timestamp};
use time::UtcOffset;

use crate::ink::Page;
use crate::termlog;
use ahead::Ahead;
pub(crate) use flow::Style;
use label::Label;
use progress::{Progress, Stream};

/// So many updates are put in order and printed at a time.
const BATCH: usize = 1024;

/// How long updates gather before they are printed, so that much traffic means long batches and not many.
const GATHER: Duration = Duration::from_millis(5);

/// Bytes that are written at once.
const BUFFER: usize = 64 * 1024;

/// Why a flow has no end when the program is told to end at once, in the words of one that ran into the limit.
const STOPPED: &str = "Ratel was stopped before this exchange was complete";

/// What is printed, and how.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) store: FlowStore,
    pub(crate) log: EventLog,
    pub(crate) style: Style,
    /// Only flows that match are printed.
    pub(crate) filter: Option<Filter>,
    pub(crate) colour: bool,
    /// What local time is ahead of UTC.
    pub(crate) offset: UtcOffset,
}

/// The printing thread.
#[derive(Debug)]
pub(crate) struct Printer {
    thread: JoinHandle<io::Result<()>>,
    bell: SyncSender<()>,
    handled: Arc<AtomicU64>,
    last: Arc<AtomicBool>,
    abandoned: Arc<AtomicBool>,
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
        let handled = Arc::new(AtomicU64::new(0));
        let flows = (setup.style.detail > 0).then(|| setup.store.subscribe_with(wake()));
        let work = Work {
            flows,
            handled: handled.clone(),
            lines: setup.log.subscribe_with(wake()),
            setup,
            backlog: Backlog::default(),
            progress: Progress::default(),
            ahead: Ahead::default(),
            finished: VecDeque::new(),
            waiting: Vec::new(),
            printed_last: None,
            last_line: Timestamp::default(),
        };
        let (finishing, abandoned) = (last.clone(), Arc::new(AtomicBool::new(false)));
        let abandoning = abandoned.clone();
        let thread = thread::Builder::new()
            .name("ratel-printer".into())
            .spawn(move || {
                let result = work.run(&rung, &finishing, &abandoning, out);
                if result.is_err() {
                    on_failure();
                }
                result
            })?;
        Ok(Self {
            thread,
            bell,
            handled,
            last,
            abandoned,
        })
    }

    /// How many flows that have finished it has heard of; stays 0 when flows are not printed.
    pub(crate) fn handled(&self) -> Arc<AtomicU64> {
        self.handled.clone()
    }

    /// As [`finish`](Self::finish), and prints the flows that are not finished as stopped, which they are when the process
    /// ends now.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub(crate) fn abandon(self) -> io::Result<()> {
        self.abandoned.store(true, Ordering::SeqCst);
        self.finish()
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
    /// How many flows that have finished it has heard of.
    handled: Arc<AtomicU64>,
    lines: Subscription<LogUpdate>,
    backlog: Backlog,
    progress: Progress,
    ahead: Ahead,
    /// Flows that are to be printed.
    finished: VecDeque<FlowId>,
    /// What is to be printed next: a batch of flows, of messages and of lines at most, and what the last batch has
    /// left.
    waiting: Vec<(Timestamp, Item)>,
    /// The flow whose text was printed last, if nothing else was after it.
    printed_last: Option<FlowId>,
    /// When the last log line that was printed happened.
    last_line: Timestamp,
}

/// Something to print.
enum Item {
    Flow(Box<FlowSnapshot>),
    /// The beginning of a flow whose messages follow, with the sides that have sent some.
    Begin(Box<FlowSnapshot>, [bool; 2]),
    Message(FlowId, Arc<Label>, MessageHead),
    /// So many messages are gone.
    Lost(FlowId, Arc<Label>, u64),
    /// The end of a flow whose messages have been printed.
    End(Box<FlowSnapshot>, Box<Stream>),
    Line(Entry),
}

impl Work {
    fn run(
        mut self,
        rung: &Receiver<()>,
        last: &AtomicBool,
        abandoned: &AtomicBool,
        out: impl Write,
    ) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, out);
        // The senders live as long as the subscriptions, which this thread owns.
        while rung.recv().is_ok() {
            thread::sleep(GATHER);
            // Looked at first, so that what was there when it was set is printed.
            let is_last = last.load(Ordering::SeqCst);
            while self.print_batch(&mut out)? {}
            if is_last && abandoned.load(Ordering::SeqCst) {
                self.abandon_live();
                while self.print_batch(&mut out)? {}
            }
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
        if self.waiting.is_empty() && self.finished.is_empty() && !self.progress.is_due() {
            return Ok(false);
        }
        self.waiting.sort_by_key(|(at, _)| *at);
        let due = self.waiting.partition_point(|(at, _)| *at <= horizon);
        let mut page = Page::new(out, self.setup.colour);
        for (_, item) in self.waiting.drain(..due) {
            let of = match &item {
                Item::Flow(flow) | Item::Begin(flow, _) | Item::End(flow, _) => Some(flow.id),
                Item::Message(id, ..) | Item::Lost(id, ..) => Some(*id),
                Item::Line(_) => None,
            };
            let adjoins = of.is_some() && of == self.printed_last;
            print(&mut page, &self.setup, item, adjoins, &mut self.ahead)?;
            self.printed_last = of;
        }
        Ok(true)
    }

    fn take_flows(&mut self) {
        let Some(flows) = &self.flows else {
            return;
        };
        let store = &self.setup.store;
        if !self.waiting.is_empty() {
            // The store is a little behind the log; what has finished before a line is printed before it.
            store.flush();
        }
        for update in std::iter::from_fn(|| flows.try_next()).take(BATCH) {
            let mut news = self.backlog.take_in(update, store);
            self.handled
                .fetch_add(news.finished.len() as u64, Ordering::Relaxed);
            if let Some(filter) = &self.setup.filter {
                // Whether a flow that goes on is printed may change when it has a response, say.
                let is_unwanted = |id: &FlowId| !store.matches(*id, filter);
                let unwanted = news.finished.extract_if(.., |id| is_unwanted(id));
                unwanted.for_each(|id| drop(self.progress.end(id)));
                news.changed.retain(|id| !is_unwanted(id));
            }
            self.finished.extend(news.finished);
            for id in news.changed {
                self.progress.changed(id);
            }
        }
        let full = self.waiting.len() + BATCH;
        while let Some(id) = self.finished.front().copied() {
            let left = full.saturating_sub(self.waiting.len());
            if left == 0 {
                return;
            }
            // None: evicted in the meantime.
            let snapshot = store.snapshot(id);
            let begin = self.waiting.len();
            let streams = snapshot.as_ref().is_some_and(|flow| flow.stream.is_some());
            let imported = snapshot.as_ref().and_then(|flow| flow.imported);
            let is_read = !streams || self.progress.read_rest(store, id, left, &mut self.waiting);
            if is_read {
                self.finished.pop_front();
                match snapshot {
                    Some(flow) => self.waiting.push(end(&mut self.progress, flow)),
                    None => drop(self.progress.end(id)),
                }
            }
            // What comes from a file is printed in its order, whenever it happened.
            for (at, _) in self.waiting.iter_mut().skip(begin) {
                *at = imported.unwrap_or(*at);
            }
            if !is_read {
                return;
            }
        }
        let left = full.saturating_sub(self.waiting.len());
        self.progress.read(store, left, &mut self.waiting);
    }

    fn abandon_live(&mut self) {
        for id in self.backlog.take_live() {
            let Some(mut flow) = self.setup.store.snapshot(id) else {
                continue;
            };
            flow.error.get_or_insert_with(|| FlowError {
                message: STOPPED.into(),
                hint: None,
                by_client: false,
                timestamp: clock::now(),
            });
            self.waiting.push(end(&mut self.progress, flow));
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

/// A flow to print, or what is left of it when its messages have been printed.
fn end(progress: &mut Progress, flow: FlowSnapshot) -> (Timestamp, Item) {
    let stream = progress.end(flow.id).filter(|stream| stream.begun);
    let flow = Box::new(flow);
    match stream {
        Some(stream) => (
            flow.times.last.max(stream.last),
            Item::End(flow, Box::new(stream)),
        ),
        None => (flow.times.last, Item::Flow(flow)),
    }
}

/// `adjoins`: what was printed before is of the same flow.
fn print(
    page: &mut Page<'_>,
    setup: &Setup,
    item: Item,
    adjoins: bool,
    ahead: &mut Ahead,
) -> io::Result<()> {
    let Setup { store, style, .. } = setup;
    match item {
        Item::Line(entry) => termlog::entry(page, &entry, setup.offset),
        Item::Flow(flow) => flow::flow(page, store, &flow, style),
        Item::Begin(flow, sides) => message::begin(page, store, &flow, sides, style),
        Item::Message(id, label, head) => {
            message::message(page, store, id, &label, &head, style, ahead)
        }
        Item::Lost(_, label, count) => message::lost(page, &label, count),
        Item::End(flow, stream) => message::end(page, store, &flow, &stream, adjoins, style),
    }
}

#[cfg(test)]
mod tests;
