//! What the program hands to the screen, and what it gets back.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ratel_core::browser::Browsers;
use ratel_core::control::Control;
use ratel_core::eventlog::EventLog;
use ratel_core::files::FlowFiles;
use ratel_core::options::Options;
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::search::SearchIndex;
use ratel_core::store::FlowStore;
use ratel_flow::filter::FilterOptions;
use ratel_flow::redact::Redactor;
use ratel_views::Schemas;

use crate::theme::Colours;

/// All that the screen needs.
#[derive(Debug)]
pub struct App {
    /// The flows.
    pub source: FlowStore,
    /// The log that users see.
    pub event_log: EventLog,
    /// What the proxy is doing.
    pub info: ProxyInfo,
    /// Where it listens, which changes with options.
    pub proxy: Arc<dyn Proxy>,
    /// The options of the program, which the screen shows and changes.
    pub options: Options,
    /// What the terminal can do, and where it is.
    pub look: Look,
    /// What is known about protobuf messages (`protobuf_definitions`).
    pub schemas: Option<Schemas>,
    /// Takes secrets out of what is exported (`redact`).
    pub redactor: Redactor,
    /// Live flows that can be talked to.
    pub control: Control,
    /// Searches through all flows.
    pub search: SearchIndex,
    /// Sends requests again.
    pub client_replay: ClientReplay,
    /// Answers requests with recorded responses.
    pub server_replay: ServerReplay,
    /// What texts and bodies are opened in.
    pub programs: Programs,
    /// Starts browsers.
    pub browsers: Arc<dyn Browsers>,
    /// Opens files with flows.
    pub files: FlowFiles,
    /// The files of the option `rfile` are being read.
    pub reading: Arc<AtomicBool>,
    /// Learns that the process is told to stop.
    pub stop: Stop,
}

/// What the proxy is doing, in the words of its user.
#[derive(Clone, Debug, Default)]
pub struct ProxyInfo {
    /// The modes that run.
    pub modes: Vec<ModeInfo>,
    /// The certificate that clients have to trust.
    pub ca_path: PathBuf,
    /// The name under which clients of the proxy find a page with that certificate, if there is one.
    pub onboarding_host: Option<String>,
    /// The program's version.
    pub version: String,
}

/// The proxy, as it runs.
pub trait Proxy: fmt::Debug + Send + Sync {
    /// The modes that run at this moment.
    fn modes(&self) -> Vec<ModeInfo>;
}

/// One mode that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModeInfo {
    /// What it does, without where it listens: `reverse:https://service.dev`.
    pub description: String,
    /// Where it listens: `127.0.0.1:8080`, `[::1]:8080`, `*:8080`.
    pub listen_addrs: Vec<String>,
    /// Where clients have to go to be seen, without a scheme: `localhost:8080`.
    pub address_hint: String,
    /// The URL that everything goes to; `None` when clients must be told to use a proxy (regular mode), instead of being
    /// pointed at an address.
    pub target: Option<String>,
}

/// Programs of the user's own, each with its arguments; the file comes last. None where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// Edits a file.
    pub editor: Option<Vec<String>>,
    /// Shows a file.
    pub viewer: Option<Vec<String>>,
}

/// What the terminal can do, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How many colours it has.
    pub colours: Colours,
    /// What local time is ahead of UTC. Found out by the caller before it starts threads, since it cannot be
    /// afterwards on every system.
    pub utc_offset: time::UtcOffset,
    /// How filter expressions are read.
    pub filters: FilterOptions,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            colours: Colours::None,
            utc_offset: time::UtcOffset::UTC,
            filters: FilterOptions::default(),
        }
    }
}

/// Why the screen closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user asked for it.
    Quit,
    /// The process was told to stop.
    Stopped,
}

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuiError {
    /// Input or output is a file or a pipe.
    #[error("the terminal screen needs a terminal")]
    NoTerminal,
    /// The terminal cannot be read or written.
    #[error("the terminal cannot be used")]
    Terminal(#[source] io::Error),
}

impl TuiError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoTerminal => Some("use `ratel dump` to print instead"),
            Self::Terminal(_) => None,
        }
    }
}

/// Tells the screen from another thread that it has to close, or to give the terminal back for a while. Cheap to clone.
#[derive(Clone, Default)]
pub struct Stop(Arc<Mutex<StopState>>);

/// A signal that was meant for a program that has ended by it may be looked at this much later.
const LATE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct StopState {
    stopped: bool,
    away: Away,
    suspended: bool,
    wake: Option<Box<dyn Fn() + Send>>,
}

/// Whether another program has the terminal.
#[derive(Clone, Copy, Default)]
enum Away {
    #[default]
    No,
    Yes,
    Until(Instant),
}

impl Stop {
    /// A handle on which nobody has called [`stop`](Self::stop).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes the screen, once it is there. Not for use in a signal handler: have a thread or task wait for the signal.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        if let Some(wake) = &state.wake {
            wake();
        }
    }

    /// Has the screen give the terminal back and stop the process, as its own key for that does.
    pub fn suspend(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.suspended = true;
        if let Some(wake) = &state.wake {
            wake();
        }
    }

    /// Whether [`suspend`](Self::suspend) was called since this was asked last.
    pub(crate) fn take_suspend(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.suspended)
    }

    /// Whether [`stop`](Self::stop) was called.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Whether another program has the terminal, so that the signals of keys are meant for that one.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self.lock().away {
            Away::No => false,
            Away::Yes => true,
            Away::Until(end) => Instant::now() < end,
        }
    }

    /// Runs what has the terminal meanwhile.
    pub(crate) fn while_away<T>(&self, run: impl FnOnce() -> T) -> T {
        self.lock().away = Away::Yes;
        let result = run();
        self.lock().away = Away::Until(Instant::now() + LATE);
        result
    }

    fn lock(&self) -> MutexGuard<'_, StopState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `wake`, which must not block, on every call of the others from here on.
    pub(crate) fn on_stop(&self, wake: impl Fn() + Send + 'static) {
        self.lock().wake = Some(Box::new(wake));
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.is_stopped()).finish()
    }
}
