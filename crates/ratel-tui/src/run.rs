//! The loop: with [`terminal`](crate::terminal) the only place that knows a terminal, threads and the clock.
//!
//! One thread blocks on the terminal's events; the store, the log and the options call back when something happened. All of
//! them put a signal into one bounded channel, on which the loop blocks. A picture is drawn when the model says that
//! something visible changed, and not more often than [`KEY_FRAME`] or [`TRAFFIC_FRAME`] allow.

mod edit;
mod effects;
mod errands;
mod find;
mod reader;

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use crossterm::event::Event;
use ratel_core::browser::Browsers;
use ratel_core::clock;
use ratel_core::commands::history;
use ratel_core::control::Control;
use ratel_core::eventlog::{EventLog, Level, LogUpdate};
use ratel_core::options::{Options, keys};
use ratel_core::search::SearchIndex;
use ratel_core::store::{FlowStore, Subscription, Update};
use ratel_core::view::FlowView;
use ratel_flow::redact::Redactor;

use crate::app::{App, Exit, Programs, Proxy, Stop, TuiError};
use crate::clipboard::Clipboard;
use crate::errand::Replays;
use crate::files;
use crate::keymap::{self, Keymap};
use crate::model::Model;
use crate::msg::{Effect, Msg};
use crate::source::Viewed;
use crate::terminal::Terminal;
use crate::view::view;

use errands::Errands;
use find::Finding;
use reader::Reader;

/// After a key the next picture is drawn this soon: 60 a second.
const KEY_FRAME: Duration = Duration::from_micros(16_667);

/// Traffic alone is drawn 25 times a second, since a picture costs time that the proxy may need.
const TRAFFIC_FRAME: Duration = Duration::from_millis(40);

/// It is drawn less often where a picture takes long, so that pictures take a hundredth of a core and no more.
const TRAFFIC_SHARE: u32 = 100;

/// But never less often than this.
const TRAFFIC_FRAME_MAX: Duration = Duration::from_millis(250);

/// Signals that wait. A wake-up that finds the channel full is not needed.
const SIGNALS: usize = 256;

/// Rounds of effects before a picture; a switch to another flow takes two.
const ROUNDS: usize = 4;

enum Signal {
    Event(Event),
    /// The store, the log, the list, the options or the stop handle have something.
    Wake,
    /// The terminal cannot be read any more.
    Gone(io::Error),
}

/// Shows the screen until the user quits or the process is told to stop. Runs on the calling thread. The terminal is
/// given back as it was, also when this panics.
///
/// # Errors
/// When there is no terminal, or it cannot be read or written.
pub fn run(app: App) -> Result<Exit, TuiError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let App {
        source: store,
        event_log,
        info,
        proxy,
        options,
        look,
        schemas,
        redactor,
        control,
        search,
        client_replay,
        server_replay,
        programs,
        browsers,
        files,
        reading,
        stop,
    } = app;
    let (sender, signals) = sync_channel(SIGNALS);
    let subscriptions = Subscriptions::new(&store, &event_log, &options, &stop, &sender);
    let relisted = Arc::new(AtomicBool::new(false));
    let flows = list(store, &control, &relisted, &sender).map_err(TuiError::Terminal)?;
    let values = options.snapshot();
    let confdir = values.confdir();
    let model = Model::new(info, look, values.clone())
        .with_schemas(schemas)
        .with_keymap(own_keys(&confdir, &event_log))
        .with_history(history_of(
            &confdir,
            values.bool(keys::COMMAND_HISTORY),
            &event_log,
        ));
    flows.view.set(model.view_settings());
    let terminal = Terminal::enter(values.bool(keys::CONSOLE_MOUSE), event_log.clone())
        .map_err(TuiError::Terminal)?;
    let reader = Reader::start(sender.clone()).map_err(TuiError::Terminal)?;
    let mut screen = Loop {
        model,
        flows,
        proxy,
        event_log,
        options,
        control,
        redactor,
        search,
        finding: None,
        sender,
        programs,
        browsers,
        terminal,
        clipboard: Clipboard::default(),
        reader,
        relisted,
        changes: Vec::new(),
        pending: VecDeque::new(),
        kept: None,
        errands: Errands::default(),
        tools: errands::Tools {
            files,
            replays: Replays {
                client: client_replay,
                server: server_replay,
            },
        },
        reading,
        stop: stop.clone(),
    };
    screen.start(&subscriptions).map_err(TuiError::Terminal)?;
    let result = screen.run(&signals, &subscriptions, &stop);
    screen.terminal.leave();
    screen.errands.finish();
    screen.clipboard.finish();
    result.map_err(TuiError::Terminal)
}

/// The flows and their list, which says when it may look different.
fn list(
    store: FlowStore,
    control: &Control,
    relisted: &Arc<AtomicBool>,
    sender: &SyncSender<Signal>,
) -> io::Result<Viewed> {
    let (relisted, wake) = (relisted.clone(), wake(sender));
    let changed = move || {
        relisted.store(true, Ordering::Relaxed);
        wake();
    };
    let view = FlowView::start(store.clone(), changed)?;
    let control = control.clone();
    Ok(Viewed {
        store,
        control,
        view,
    })
}

/// The default keys and those of `keys.yaml`. What is wrong there is logged.
fn own_keys(confdir: &Path, log: &EventLog) -> Keymap {
    let mut keymap = Keymap::default();
    let path = confdir.join(keymap::FILE);
    if !path.exists() {
        return keymap;
    }
    let errors = match files::read(&path) {
        Ok(text) => keymap::parse(&text, &mut keymap)
            .iter()
            .map(ToString::to_string)
            .collect(),
        Err(why) => vec![why],
    };
    for error in errors {
        log.push(Level::Error, &format!("{}, {error}", path.display()), None);
    }
    keymap
}

fn history_of(confdir: &Path, wanted: bool, log: &EventLog) -> history::History {
    if !wanted {
        return history::History::default();
    }
    history::load(confdir).unwrap_or_else(|error| {
        let text = format!("cannot read the history of the prompt: {error}");
        log.push(Level::Warn, &text, None);
        history::History::default()
    })
}

/// Wakes the loop. Full: the loop is going to look anyway. Disconnected: it has ended.
fn wake(sender: &SyncSender<Signal>) -> impl Fn() + Send + Sync + 'static {
    let sender = sender.clone();
    move || match sender.try_send(Signal::Wake) {
        Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
    }
}

struct Subscriptions {
    store: Subscription,
    log: Subscription<LogUpdate>,
}

impl Subscriptions {
    fn new(
        store: &FlowStore,
        log: &EventLog,
        options: &Options,
        stop: &Stop,
        sender: &SyncSender<Signal>,
    ) -> Self {
        stop.on_stop(wake(sender));
        options.watch(wake(sender));
        Self {
            store: store.subscribe_with(Box::new(wake(sender))),
            log: log.subscribe_with(Box::new(wake(sender))),
        }
    }
}

struct Loop {
    model: Model,
    flows: Viewed,
    proxy: Arc<dyn Proxy>,
    event_log: EventLog,
    options: Options,
    control: Control,
    redactor: Redactor,
    search: SearchIndex,
    finding: Option<Finding>,
    sender: SyncSender<Signal>,
    programs: Programs,
    browsers: Arc<dyn Browsers>,
    terminal: Terminal,
    clipboard: Clipboard,
    reader: Reader,
    /// The list may look different.
    relisted: Arc<AtomicBool>,
    /// Room for what the store announces; empty in between.
    changes: Vec<Update>,
    /// Effects that take long, done one step at a time between keys.
    pending: VecDeque<Effect>,
    /// What was edited and not taken.
    kept: Option<edit::Kept>,
    /// Work on files under way.
    errands: Errands,
    tools: errands::Tools,
    /// The files of the option `rfile` are being read.
    reading: Arc<AtomicBool>,
    stop: Stop,
}

/// Why a round of the loop ends the program.
type Ended = Option<Exit>;

impl Loop {
    fn start(&mut self, subscriptions: &Subscriptions) -> io::Result<()> {
        let (width, height) = crossterm::terminal::size()?;
        self.send(Msg::Resize(width, height))?;
        // What was logged until here is read at once.
        while subscriptions.log.try_next().is_some() {}
        self.send(Msg::LogRead(self.event_log.entries()))?;
        Ok(())
    }

    fn run(
        &mut self,
        signals: &Receiver<Signal>,
        subscriptions: &Subscriptions,
        stop: &Stop,
    ) -> io::Result<Exit> {
        // A key is answered by a picture at once, unless another one has just been. Traffic is looked at no more often than
        // it is drawn: what comes meanwhile gathers where it waits, and wakes nobody.
        let (mut traffic_due, mut key_due) = (Instant::now(), Instant::now());
        let (mut dirty, mut woken, mut hurry) = (true, true, true);
        loop {
            if stop.is_stopped() {
                return Ok(Exit::Stopped);
            }
            if stop.take_suspend() {
                self.suspend()?;
                dirty = true;
            }
            let now = Instant::now();
            let due = if hurry { key_due } else { traffic_due };
            if (dirty || woken) && now >= due {
                if std::mem::take(&mut woken)
                    && let Some(exit) = self.take_updates(subscriptions)?
                {
                    return Ok(exit);
                }
                if dirty | self.model.take_dirty() {
                    self.draw()?;
                }
                let looked = Instant::now();
                let took = looked.saturating_duration_since(now);
                let pause = (took * TRAFFIC_SHARE).clamp(TRAFFIC_FRAME, TRAFFIC_FRAME_MAX);
                traffic_due = looked + pause;
                if std::mem::take(&mut hurry) {
                    key_due = looked + KEY_FRAME;
                }
                dirty = false;
            }
            let next_look = (dirty || woken).then_some(due);
            match self.timeout(next_look).map_or_else(
                || signals.recv().map_err(Into::into),
                |timeout| signals.recv_timeout(timeout),
            ) {
                Ok(signal) => {
                    for signal in std::iter::once(signal).chain(signals.try_iter().take(SIGNALS)) {
                        woken |= matches!(signal, Signal::Wake);
                        hurry |= matches!(signal, Signal::Event(_));
                        if let Some(exit) = self.signal(signal)? {
                            return Ok(exit);
                        }
                    }
                }
                // Searches and work on files have news without a word.
                Err(RecvTimeoutError::Timeout) => woken = true,
                // The senders live as long as the subscriptions do.
                Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Stopped),
            }
            if let Some(exit) = self.step()? {
                return Ok(exit);
            }
            let due = self
                .model
                .deadline()
                .is_some_and(|deadline| deadline <= clock::now());
            dirty |= self.model.take_dirty() || due;
            // What a key did may have changed what is listened to.
            woken |= hurry;
        }
    }

    /// How long nothing will have to be done; none if nothing is known to come.
    fn timeout(&self, next_look: Option<Instant>) -> Option<Duration> {
        if !self.pending.is_empty() {
            return Some(Duration::ZERO);
        }
        let found = self.finding.as_ref().map(Finding::look_again);
        let shown = self.errands.are_under_way().then_some(errands::SHOWN_EVERY);
        let other = match next_look {
            Some(at) => Some(at.saturating_duration_since(Instant::now())),
            None => self
                .model
                .deadline()
                .map(|deadline| deadline.since(clock::now())),
        };
        [found, shown, other].into_iter().flatten().min()
    }

    fn signal(&mut self, signal: Signal) -> io::Result<Ended> {
        match signal {
            Signal::Wake => Ok(None),
            Signal::Gone(error) => Err(error),
            Signal::Event(event) => reader::message(event).map_or(Ok(None), |msg| self.send(msg)),
        }
    }

    fn take_updates(&mut self, subscriptions: &Subscriptions) -> io::Result<Ended> {
        let values = self.options.snapshot();
        if !self.model.has(&values) {
            self.follow_options(&values)?;
            let modes = self.proxy.modes();
            if self.model.info.modes != modes
                && let Some(exit) = self.send(Msg::Modes(modes))?
            {
                return Ok(Some(exit));
            }
            if let Some(exit) = self.send(Msg::Options(values))? {
                return Ok(Some(exit));
            }
        }
        if let Some(busy) = self.errands.news(&self.tools.replays)
            && let Some(exit) = self.send(Msg::Busy(busy))?
        {
            return Ok(Some(exit));
        }
        if self.relisted.swap(false, Ordering::Relaxed)
            && let Some(exit) = self.send(Msg::List)?
        {
            return Ok(Some(exit));
        }
        // What comes meanwhile wakes the loop again.
        let mut changes = std::mem::take(&mut self.changes);
        subscriptions.store.take(&mut changes);
        for change in changes.drain(..) {
            if let Some(exit) = self.send(Msg::Store(change))? {
                return Ok(Some(exit));
            }
        }
        self.changes = changes;
        let held = self.control.held_flows().len();
        if self.model.held != held
            && let Some(exit) = self.send(Msg::Held(held))?
        {
            return Ok(Some(exit));
        }
        if let Some(found) = self.take_found()
            && let Some(exit) = self.send(found)?
        {
            return Ok(Some(exit));
        }
        while let Some(change) = subscriptions.log.try_next() {
            if let Some(exit) = self.send(Msg::Log(change))? {
                return Ok(Some(exit));
            }
        }
        Ok(None)
    }

    fn draw(&mut self) -> io::Result<()> {
        for _ in 0..ROUNDS {
            self.send(Msg::Frame(clock::now()))?;
            if !self.model.take_dirty() {
                break;
            }
        }
        let model = &self.model;
        self.terminal.draw(|frame| view(model, frame))
    }
}
