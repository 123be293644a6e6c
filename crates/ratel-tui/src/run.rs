//! The loop: with [`terminal`](crate::terminal) the only place that knows a terminal, threads and the clock.
//!
//! One thread blocks on the terminal's events; the store and the log call back when something happened. All of them
//! put a signal into one bounded channel, on which the loop blocks. A picture is drawn when the model says that
//! something visible changed, and not more often than [`KEY_FRAME`] or [`TRAFFIC_FRAME`] allow.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use ratel_core::clock;
use ratel_core::eventlog::{EventLog, LogUpdate};
use ratel_core::store::{FlowStore, Subscription};
use ratel_flow::FlowId;
use ratel_flow::export::Format;
use ratel_flow::format::size;

use crate::app::{App, Exit, Options, Stop, TuiError};
use crate::export;
use crate::keymap::Key;
use crate::model::Model;
use crate::msg::{Effect, Msg};
use crate::source;
use crate::terminal::Terminal;
use crate::update::{WHEEL_ROWS, update};
use crate::view::view;

/// After a key the next picture is drawn this soon: 60 a second.
const KEY_FRAME: Duration = Duration::from_micros(16_667);

/// Traffic alone is drawn 25 times a second, since a picture costs time that the proxy may need.
const TRAFFIC_FRAME: Duration = Duration::from_millis(40);

/// Signals that wait. A wake-up that finds the channel full is not needed.
const SIGNALS: usize = 256;

/// How often the thread that reads the terminal looks whether it is still needed.
const READER_CHECK: Duration = Duration::from_secs(1);

/// Rounds of effects before a picture; a switch to another flow takes two.
const ROUNDS: usize = 4;

enum Signal {
    Event(Event),
    /// The store, the log or the stop handle has something.
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
        source,
        event_log,
        info,
        options,
        schemas,
        stop,
    } = app;
    let (sender, signals) = sync_channel(SIGNALS);
    let subscriptions = Subscriptions::new(&source, &event_log, &stop, &sender);
    let terminal = Terminal::enter(options.mouse, event_log.clone()).map_err(TuiError::Terminal)?;
    let _reader = Reader::start(sender).map_err(TuiError::Terminal)?;
    let mut screen = Loop {
        model: Model::new(info, options).with_schemas(schemas),
        source,
        event_log,
        terminal,
        pending: VecDeque::new(),
    };
    screen.start().map_err(TuiError::Terminal)?;
    let result = screen.run(&signals, &subscriptions, &stop);
    screen.terminal.leave();
    result.map_err(TuiError::Terminal)
}

struct Subscriptions {
    store: Subscription,
    log: Subscription<LogUpdate>,
}

impl Subscriptions {
    fn new(store: &FlowStore, log: &EventLog, stop: &Stop, sender: &SyncSender<Signal>) -> Self {
        let wake = || {
            let sender = sender.clone();
            // Full: the loop is going to look anyway. Disconnected: it has ended.
            move || match sender.try_send(Signal::Wake) {
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        };
        stop.on_stop(wake());
        Self {
            store: store.subscribe_with(Box::new(wake())),
            log: log.subscribe_with(Box::new(wake())),
        }
    }
}

/// The thread that reads the terminal.
struct Reader(Arc<AtomicBool>);

impl Reader {
    fn start(sender: SyncSender<Signal>) -> io::Result<Self> {
        let done = Arc::new(AtomicBool::new(false));
        let reader = Self(done.clone());
        thread::Builder::new()
            .name("ratel-keys".into())
            .spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let read = event::poll(READER_CHECK)
                        .and_then(|ready| ready.then(event::read).transpose());
                    let signal = match read {
                        Ok(None) => continue,
                        Ok(Some(event)) => Signal::Event(event),
                        Err(error) => Signal::Gone(error),
                    };
                    let gone = matches!(signal, Signal::Gone(_));
                    if sender.send(signal).is_err() || gone {
                        return;
                    }
                }
            })?;
        Ok(reader)
    }
}

impl Drop for Reader {
    /// The thread ends within [`READER_CHECK`]; nothing waits for it.
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Loop {
    model: Model,
    source: FlowStore,
    event_log: EventLog,
    terminal: Terminal,
    /// Effects that take long, done one step at a time between keys.
    pending: VecDeque<Effect>,
}

/// Why a round of the loop ends the program.
type Ended = Option<Exit>;

impl Loop {
    fn start(&mut self) -> io::Result<()> {
        let (width, height) = crossterm::terminal::size()?;
        self.send(Msg::Resize(width, height))?;
        self.send(Msg::LogRead(self.event_log.entries()))?;
        Ok(())
    }

    fn run(
        &mut self,
        signals: &Receiver<Signal>,
        subscriptions: &Subscriptions,
        stop: &Stop,
    ) -> io::Result<Exit> {
        // When the next picture may be drawn, and whether a key asks for one.
        let (mut next_frame, mut hurry) = (Instant::now(), true);
        let mut last_frame = Instant::now();
        let mut dirty = true;
        loop {
            if stop.is_stopped() {
                return Ok(Exit::Stopped);
            }
            let now = Instant::now();
            if dirty && now >= next_frame {
                self.draw()?;
                last_frame = Instant::now();
                (dirty, hurry) = (false, false);
            }
            let timeout = self.timeout(dirty.then_some(next_frame));
            match timeout.map_or_else(
                || signals.recv().map_err(Into::into),
                |timeout| signals.recv_timeout(timeout),
            ) {
                Ok(signal) => {
                    for signal in std::iter::once(signal).chain(signals.try_iter().take(SIGNALS)) {
                        hurry |= matches!(signal, Signal::Event(_));
                        if let Some(exit) = self.signal(signal)? {
                            return Ok(exit);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The senders live as long as the subscriptions do.
                Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Stopped),
            }
            if let Some(exit) = self.take_updates(subscriptions)?.or(self.step()?) {
                return Ok(exit);
            }
            let due = self
                .model
                .deadline()
                .is_some_and(|deadline| deadline <= clock::now());
            dirty |= self.model.take_dirty() || due;
            next_frame = last_frame + if hurry { KEY_FRAME } else { TRAFFIC_FRAME };
        }
    }

    /// How long nothing will have to be done; none if nothing is known to come.
    fn timeout(&self, next_frame: Option<Instant>) -> Option<Duration> {
        if !self.pending.is_empty() {
            return Some(Duration::ZERO);
        }
        match next_frame {
            Some(at) => Some(at.saturating_duration_since(Instant::now())),
            None => self
                .model
                .deadline()
                .map(|deadline| deadline.since(clock::now())),
        }
    }

    fn signal(&mut self, signal: Signal) -> io::Result<Ended> {
        match signal {
            Signal::Wake => Ok(None),
            Signal::Gone(error) => Err(error),
            Signal::Event(event) => {
                message(&event, &self.model.options).map_or(Ok(None), |msg| self.send(msg))
            }
        }
    }

    fn take_updates(&mut self, subscriptions: &Subscriptions) -> io::Result<Ended> {
        // As many as a queue holds: what comes meanwhile wakes the loop again, or is still there next time.
        for _ in 0..ratel_core::store::subscribe::QUEUE_BOUND {
            let Some(change) = subscriptions.store.try_next() else {
                break;
            };
            if let Some(exit) = self.send(Msg::Store(change))? {
                return Ok(Some(exit));
            }
        }
        while let Some(change) = subscriptions.log.try_next() {
            if let Some(exit) = self.send(Msg::Log(change))? {
                return Ok(Some(exit));
            }
        }
        Ok(None)
    }

    /// Does one step of what takes long.
    fn step(&mut self) -> io::Result<Ended> {
        match self.pending.pop_front() {
            Some(Effect::Search(id, place, from)) => {
                let found = source::search(&self.source, id, place, from);
                self.send(Msg::Found(id, place, found))
            }
            _ => Ok(None),
        }
    }

    /// Updates the model and does what it asks for.
    fn send(&mut self, msg: Msg) -> io::Result<Ended> {
        let mut msgs = VecDeque::from([msg]);
        while let Some(msg) = msgs.pop_front() {
            for effect in update(&mut self.model, msg) {
                match effect {
                    Effect::Page(query) => {
                        msgs.push_back(Msg::Page(source::page(&self.source, &query)))
                    }
                    Effect::Open(query) => {
                        msgs.push_back(Msg::Opened(Box::new(source::open(&self.source, &query))))
                    }
                    Effect::ReadLog => msgs.push_back(Msg::LogRead(self.event_log.entries())),
                    Effect::ClearLog => self.event_log.clear(),
                    Effect::Search(..) => self.pending.push_back(effect),
                    Effect::Export(id, format, path) => {
                        let done = self.export(id, format, path.as_deref());
                        msgs.push_back(Msg::Exported(done));
                    }
                    Effect::Suspend => {
                        let (width, height) = self.terminal.suspend()?;
                        msgs.push_back(Msg::Resize(width, height));
                    }
                    Effect::Quit => return Ok(Some(Exit::Quit)),
                }
            }
        }
        Ok(None)
    }

    fn export(&mut self, id: FlowId, format: Format, path: Option<&str>) -> Result<String, String> {
        let text = export::text(&self.source, id, format)?;
        let bytes = size(text.len() as u64);
        if let Some(path) = path {
            let path = export::save(path, &text)?;
            return Ok(format!("{bytes} written to {}", path.display()));
        }
        if text.len() > export::CLIPBOARD_MAX {
            return Err(format!(
                "{bytes} are too many for the clipboard; name a file"
            ));
        }
        let copied = self.terminal.copy(&text);
        copied.map_err(|error| format!("cannot reach the clipboard: {error}"))?;
        Ok(format!(
            "{bytes} copied to the clipboard, if the terminal lets programs do that (OSC 52)"
        ))
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

fn message(event: &Event, options: &Options) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => key_of(key).map(Msg::Key),
        Event::Resize(width, height) => Some(Msg::Resize(*width, *height)),
        Event::Mouse(mouse) if options.mouse => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Msg::Wheel(-WHEEL_ROWS)),
            MouseEventKind::ScrollDown => Some(Msg::Wheel(WHEEL_ROWS)),
            _ => None,
        },
        _ => None,
    }
}

fn key_of(event: &KeyEvent) -> Option<Key> {
    let name = match event.code {
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => {
            return Some(Key::Ctrl(c.to_ascii_lowercase()));
        }
        KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::ALT) => {
            return Some(Key::Meta(c));
        }
        KeyCode::Char(c) => return Some(Key::Char(c)),
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => "shift tab",
        KeyCode::BackTab => "shift tab",
        KeyCode::Tab => "tab",
        KeyCode::Enter => "enter",
        KeyCode::Esc => "esc",
        KeyCode::Up => "up",
        KeyCode::Down => "down",
        KeyCode::Left => "left",
        KeyCode::Right => "right",
        KeyCode::PageUp => "page up",
        KeyCode::PageDown => "page down",
        KeyCode::Home => "home",
        KeyCode::End => "end",
        KeyCode::Backspace => "backspace",
        KeyCode::Delete => "delete",
        _ => return None,
    };
    Key::parse(name)
}
