//! From a command line to a running program and its exit code: everything is put together here.
//!
//! The order at the end is what makes records complete: the engine lets exchanges finish, the store takes in what they
//! emitted, the printer prints it. Exit codes: 0 when told to end, 1 when the program cannot start or its output cannot
//! be written, 128 and the number of the signal when told to end a second time.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ratel_addons::rule_file::Watch;
use ratel_addons::save::{Saving, SavingSetup};
use ratel_core::eventlog::{EventLog, Level};
use ratel_core::options::{Key, Options, Values, keys};
use ratel_core::replay::{ClientReplay, ServerReplay};
use ratel_core::search::{SearchConfig, SearchIndex};
use ratel_core::store::{FlowStore, StoreConfig};
use ratel_flow::filter::{Filter, FilterOptions};
use ratel_flow::redact::Redactor;
use ratel_proxy::{Engine, Listeners, Listening, StartError};
use ratel_tui::theme::Colours;
use ratel_tui::{App, Exit, Look, ModeInfo, Proxy, ProxyInfo, TuiError};
use ratel_views::{SchemaError, Schemas};
use time::UtcOffset;
use tracing_subscriber::layer::SubscriberExt;

use crate::browser::{Launcher, Way};
use crate::cli::{self, Invocation, Outcome, Refusal, Surroundings, Tool};
use crate::done::{self, Flag};
use crate::errand::{self, Trouble};
use crate::files::{self, Opener};
use crate::ink;
use crate::load::{Load, Loader};
use crate::printer::{Printer, Setup, Style};
use crate::programs;
use crate::stop::{self, Stop, Stopped, Why};

/// How long open exchanges may take to finish when somebody waits for the prompt to come back: who has quit the screen,
/// or has closed our output.
const HASTE: Duration = Duration::from_millis(500);

/// What is said of `ratel dump -n` alone.
const NOTHING_TO_DO: &str = "there is nothing to do: no server is started (-n), and no file is read (-r) or sent again (-C); \
    press ctrl-c to end";

/// How long connections on which nothing happens may take to close before the wait is worth a word.
const IDLE: Duration = Duration::from_millis(100);

/// So many flows are looked through to tell how many connections are open.
const COUNTABLE: usize = 10_000;

/// So many reasons are given why a part of the schemas is left out.
const LEFT_OUT: usize = 10;

/// Columns of an output that is no terminal.
const COLUMNS: usize = 80;

/// Runs the program that the command line asks for.
pub(crate) fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Before there are other threads: afterwards the time zone cannot be asked for on every system.
    let offset = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
    let around = Surroundings {
        tls: format!("rustls and {}", openssl::version::version()),
        home: std::env::home_dir(),
        width: None,
    };
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(code) = errand::main(&args, &around) {
        return code;
    }
    let result = match cli::parse(args, &around) {
        Outcome::Print(text) => {
            // A reader that has left does not want the rest.
            let _ = writeln!(io::stdout(), "{}", text.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Refuse(refusal) => Err(refusal),
        Outcome::Run(invocation) => Program::new(invocation, offset).and_then(Program::run),
    };
    result.unwrap_or_else(|refusal| {
        let _ = writeln!(io::stderr(), "{refusal}");
        ExitCode::FAILURE
    })
}

/// What both programs need.
struct Program {
    tool: Tool,
    argv0: String,
    options: Options,
    log: EventLog,
    offset: UtcOffset,
}

impl Program {
    fn new(invocation: Invocation, offset: UtcOffset) -> Result<Self, Refusal> {
        let Invocation {
            tool,
            argv0,
            options,
            passed_over,
        } = invocation;
        let level = match tool {
            Tool::Dump => keys::TERMLOG_VERBOSITY,
            Tool::Terminal => keys::CONSOLE_EVENTLOG_VERBOSITY,
        };
        let level = Level::from_name(options.snapshot().str(level)).unwrap_or(Level::Info);
        let program = Self {
            tool,
            argv0,
            options,
            log: EventLog::new(level),
            offset,
        };
        let subscriber = tracing_subscriber::registry().with(program.log.layer());
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|error| program.refuse(format!("cannot set up the log: {error}"), None))?;
        for line in passed_over {
            tracing::warn!("{line}");
        }
        let log = program.log.clone();
        log.set_steps(program.options.snapshot().bool(keys::PROXY_DEBUG));
        program
            .options
            .subscribe(move |values: &Values, changed: &[&str]| {
                if changed.contains(&keys::PROXY_DEBUG.name()) {
                    log.set_steps(values.bool(keys::PROXY_DEBUG));
                }
                Ok(())
            });
        Ok(program)
    }

    fn refuse(&self, message: impl ToString, hint: Option<String>) -> Refusal {
        Refusal {
            argv0: self.argv0.clone(),
            message: message.to_string(),
            hint,
        }
    }

    fn run(self) -> Result<ExitCode, Refusal> {
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
        match self.tool {
            Tool::Dump => self.dump(),
            Tool::Terminal => self.terminal(),
        }
    }

    fn dump(self) -> Result<ExitCode, Refusal> {
        let values = self.options.snapshot();
        let (store, _) = self.store(&values)?;
        let (stop, stopped) = stop::channel();
        let on_signal = stop.clone();
        let nowhere_else = || false;
        stop::on_signals(nowhere_else, move |why| {
            on_signal.stop(why);
            true
        })
        .map_err(|error| self.refuse(format!("cannot listen for signals: {error}"), None))?;
        let schemas = self.schemas(&values)?;
        let _rules = self.rules()?;
        let saving = self.saving(&values, &store, &self.redactor(&values)?)?;
        let setup = Setup {
            store: store.clone(),
            log: self.log.clone(),
            style: Style::of(&values, columns(), schemas.clone()),
            filter: self.filter(&values, keys::DUMPER_FILTER)?,
            colour: ink::colour_wanted(),
            offset: self.offset,
        };
        let prints = setup.style.detail > 0;
        let on_failure = stop.clone();
        let printer = Printer::start(setup, output(&values), move || {
            on_failure.stop(Why::Output);
        })
        .map_err(|error| self.refuse(format!("cannot start the printer: {error}"), None))?;
        warn_of_left_out(schemas.as_ref());
        let mut followers = Vec::new();
        followers.extend(prints.then(|| printer.handled()));
        followers.extend(saving.handled());
        let (replay, recordings) = self.replay(&store);
        let ended = Flag::default();
        let started = self
            .engine(&store, &replay, &recordings)
            .and_then(|engine| {
                announce(&engine);
                saving.begin(&self.options);
                if let Some(filter) = values.opt_str(keys::DUMPER_FILTER) {
                    tracing::info!("only flows that match \"{filter}\" are printed");
                }
                let reading = Arc::new(AtomicBool::new(false));
                let loader = self.loader(&values, &store, followers, &reading)?;
                let (sent, open) = (replay.clone(), engine.connections());
                let idle = move || {
                    let left = sent.count() + recordings.count() + open.count();
                    !reading.load(Ordering::SeqCst) && left == 0
                };
                self.end_when(idle, &values, &ended, &stop)?;
                let why = stopped.wait();
                ended.set();
                let limit = values.seconds(keys::SHUTDOWN_TIMEOUT);
                let limit = match why {
                    Why::Output => limit.min(HASTE),
                    _ => limit,
                };
                if let Some(loader) = &loader
                    && why != Why::Loaded
                {
                    loader.stop();
                }
                let loaded = loader.map(Loader::finish).unwrap_or_default();
                let signal = shut_down(engine, limit, &store, &stop, &stopped);
                Ok((signal, loaded))
            });
        store.flush();
        let saved = self.saved(&saving);
        let printed = match started {
            Ok((Some(_), _)) => printer.abandon(),
            _ => printer.finish(),
        };
        let (signal, loaded) = started?;
        printed.map_err(|error| self.refuse(format!("cannot print: {error}"), None))?;
        saved?;
        let code = signal.and_then(|signal| u8::try_from(128 + signal).ok());
        Ok(match code {
            Some(code) => ExitCode::from(code),
            None if loaded.troubles > 0 || replay.troubles() > 0 => ExitCode::FAILURE,
            None => ExitCode::SUCCESS,
        })
    }

    /// Ends the program once it is `idle`, if it was given something to do and has not `ended` before.
    fn end_when(
        &self,
        idle: impl Fn() -> bool + Send + 'static,
        values: &Values,
        ended: &Flag,
        stop: &Stop,
    ) -> Result<(), Refusal> {
        let work = [keys::RFILE, keys::CLIENT_REPLAY, keys::SERVER_REPLAY];
        let has_work = work.iter().any(|key| !values.list(*key).is_empty());
        if !values.bool(keys::SERVER) && !has_work {
            tracing::warn!("{NOTHING_TO_DO}");
        }
        if !has_work || values.bool(keys::KEEPSERVING) {
            return Ok(());
        }
        let stop = stop.clone();
        done::watch(idle, ended.clone(), move || stop.stop(Why::Loaded))
            .map_err(|error| self.refuse(format!("cannot watch what is to be done: {error}"), None))
    }

    /// A filter among the options, read as the environment says.
    fn filter(&self, values: &Values, key: Key<Option<String>>) -> Result<Option<Filter>, Refusal> {
        let Some(text) = values.opt_str(key) else {
            return Ok(None);
        };
        let filter = Filter::parse(text, filter_options());
        filter
            .map(Some)
            .map_err(|error| self.refuse(&error, error.hint()))
    }

    fn redactor(&self, values: &Values) -> Result<Redactor, Refusal> {
        Redactor::from_rules(values.list(keys::REDACT))
            .map_err(|error| self.refuse(&error, error.hint()))
    }

    /// Opens files to write flows to, as far as the options say so. They are not touched before the program has started.
    fn saving(
        &self,
        values: &Values,
        store: &FlowStore,
        redactor: &Redactor,
    ) -> Result<Saving, Refusal> {
        let setup = SavingSetup {
            store: store.clone(),
            redactor: redactor.clone(),
            filters: filter_options(),
            offset: self.offset,
            has_screen: self.tool == Tool::Terminal,
        };
        Saving::start(values, setup)
            .map_err(|error| self.refuse(&error, error.hint().map(str::to_owned)))
    }

    /// Ends the writing of files, and says whether all flows are in them.
    fn saved(&self, saving: &Saving) -> Result<(), Refusal> {
        let written = saving.finish();
        match written.iter().rfind(|file| file.missing > 0) {
            None => Ok(()),
            Some(file) => {
                let missing = files::count(file.missing);
                Err(self.refuse(format!("{} lacks {missing}", file.path), None))
            }
        }
    }

    /// Begins to read flows from a file, if the options say so.
    fn loader(
        &self,
        values: &Values,
        store: &FlowStore,
        followers: Vec<Arc<AtomicU64>>,
        reading: &Arc<AtomicBool>,
    ) -> Result<Option<Loader>, Refusal> {
        let paths = values.list(keys::RFILE);
        if paths.is_empty() {
            return Ok(None);
        }
        let load = Load {
            store: store.clone(),
            paths: paths.to_vec(),
            filter: self.filter(values, keys::READFILE_FILTER)?,
            target: match &values.modes()[..] {
                [mode] => Some(mode.kind.clone()),
                _ => None,
            },
            opener: Opener {
                keylog: values.opt_path(keys::KEYLOG),
                leaves_bodies: true,
            },
            followers,
        };
        let reading = reading.clone();
        reading.store(true, Ordering::SeqCst);
        let loader = load.start(move || reading.store(false, Ordering::SeqCst));
        loader
            .map(Some)
            .map_err(|Trouble { message, hint }| self.refuse(message, hint))
    }

    fn terminal(self) -> Result<ExitCode, Refusal> {
        let refuse = |error: TuiError| {
            let cause = std::error::Error::source(&error).map(|source| format!(": {source}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            self.refuse(message, error.hint().map(str::to_owned))
        };
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(refuse(TuiError::NoTerminal));
        }
        let values = self.options.snapshot();
        let schemas = self.schemas(&values)?;
        warn_of_left_out(schemas.as_ref());
        let (store, dir) = self.store(&values)?;
        let search = self.search(&values, &store, dir)?;
        let stop = ratel_tui::Stop::new();
        self.stop_screen_on_signals(&stop)?;
        // One for all that leaves, so that a secret has the same placeholder everywhere.
        let redactor = self.redactor(&values)?;
        let saving = self.saving(&values, &store, &redactor)?;
        let (replay, recordings) = self.replay(&store);
        let _rules = self.rules()?;
        let engine = self.engine(&store, &replay, &recordings)?;
        announce(&engine);
        saving.begin(&self.options);
        let followers = saving.handled();
        // A screen stays when everything has been read.
        let reading = Arc::new(AtomicBool::new(false));
        let loader = self.loader(&values, &store, followers, &reading)?;
        let app = App {
            source: store.clone(),
            event_log: self.log.clone(),
            info: ProxyInfo {
                modes: Modes(engine.listeners().clone()).modes(),
                ca_path: engine.ca_cert_path(),
                onboarding_host: values
                    .bool(keys::ONBOARDING)
                    .then(|| values.str(keys::ONBOARDING_HOST).to_owned())
                    .filter(|host| !host.is_empty()),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            proxy: Arc::new(Modes(engine.listeners().clone())),
            options: self.options.clone(),
            look: Look {
                colours: Colours::detect(|name| std::env::var(name).ok()),
                utc_offset: self.offset,
                filters: filter_options(),
            },
            schemas,
            redactor,
            control: engine.control().clone(),
            search,
            client_replay: replay,
            server_replay: recordings,
            programs: programs::of(|name| std::env::var(name).ok()),
            browsers: Arc::new(browsers(&engine)),
            files: Opener {
                keylog: values.opt_path(keys::KEYLOG),
                leaves_bodies: true,
            }
            .flow_files(),
            reading,
            stop,
        };
        let ended = ratel_tui::run(app);
        let limit = values.seconds(keys::SHUTDOWN_TIMEOUT);
        let limit = match ended {
            Ok(Exit::Stopped) => limit,
            Ok(Exit::Quit) | Err(_) => limit.min(HASTE),
        };
        if let Some(loader) = loader {
            loader.stop();
            loader.finish();
        }
        engine.shutdown(limit);
        let saved = self.saved(&saving);
        ended.map_err(refuse)?;
        saved?;
        Ok(ExitCode::SUCCESS)
    }

    /// Has signals stop the screen, or suspend it, but while another program has the terminal.
    fn stop_screen_on_signals(&self, stop: &ratel_tui::Stop) -> Result<(), Refusal> {
        let (away, on_signal) = (stop.clone(), stop.clone());
        let elsewhere = move || away.is_away();
        stop::on_signals(elsewhere, move |why| {
            on_signal.stop();
            // The screen takes no second signal.
            why == Why::Signal
        })
        .map_err(|error| self.refuse(format!("cannot listen for signals: {error}"), None))?;
        let (away, on_suspend) = (stop.clone(), stop.clone());
        let suspended = stop::on_suspend(move || away.is_away(), move || on_suspend.suspend());
        if let Err(error) = suspended {
            tracing::debug!(%error, "a stop that others ask for leaves the terminal as it is");
        }
        Ok(())
    }

    /// What the user says about protobuf messages.
    fn schemas(&self, values: &Values) -> Result<Option<Schemas>, Refusal> {
        let Some(path) = values.opt_path(keys::PROTOBUF_DEFINITIONS) else {
            return Ok(None);
        };
        let schemas = Schemas::load(&path).map_err(|error| self.refuse(reason(&error), None))?;
        Ok(Some(schemas))
    }

    /// The store, and the folder that it keeps its files in: the first of those for it that can be written. What lies
    /// there has no names and is gone with the process.
    fn store(&self, values: &Values) -> Result<(FlowStore, PathBuf), Refusal> {
        let asked_for = values.path(keys::STORE_DIR);
        let folders = if asked_for.as_os_str().is_empty() {
            vec![make_private(values.confdir()), std::env::temp_dir()]
        } else {
            vec![asked_for]
        };
        let start = |dir: &PathBuf| {
            FlowStore::start(StoreConfig {
                dir: dir.clone(),
                memory_bytes: usize::try_from(values.size(keys::STORE_MEMORY))
                    .unwrap_or(usize::MAX),
                disk_bytes: values.size(keys::STORE_DISK),
            })
        };
        let mut result = Err(None);
        for dir in folders {
            result = start(&dir).map(|store| (store, dir)).map_err(Some);
            if result.is_ok() {
                break;
            }
        }
        result.map_err(|error| {
            let Some(error) = error else {
                return self.refuse("no folder to record in", None);
            };
            let cause = std::error::Error::source(&error).map(|source| format!(": {source}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            let hint = match values.str(keys::STORE_DIR) {
                "" => error.hint().map(str::to_owned),
                _ => Some("set the option 'store_dir' to a folder that can be written".to_owned()),
            };
            self.refuse(message, hint)
        })
    }

    /// Begins to build the index of what is recorded, if the options say so. Without one searches read everything.
    fn search(
        &self,
        values: &Values,
        store: &FlowStore,
        dir: PathBuf,
    ) -> Result<SearchIndex, Refusal> {
        let wanted = values.bool(keys::SEARCH_INDEX);
        let config = SearchConfig {
            dir,
            disk_bytes: if wanted {
                values.size(keys::SEARCH_DISK)
            } else {
                0
            },
            memory_bytes: usize::try_from(values.size(keys::SEARCH_MEMORY)).unwrap_or(usize::MAX),
        };
        SearchIndex::start(store.clone(), config)
            .map_err(|error| self.refuse(format!("cannot build the search index: {error}"), None))
    }

    /// What sends requests again, and what plays responses.
    fn replay(&self, store: &FlowStore) -> (ClientReplay, ServerReplay) {
        let opener = Opener {
            keylog: self.options.snapshot().opt_path(keys::KEYLOG),
            leaves_bodies: false,
        };
        let files = opener.flow_files();
        (
            ClientReplay::new(store.clone(), files.clone()),
            ServerReplay::new(store.clone(), files),
        )
    }

    /// Takes up the rules of a file, and follows it as long as what is returned is there.
    fn rules(&self) -> Result<Watch, Refusal> {
        Watch::start(&self.options, filter_options()).map_err(|error| {
            let hint = "`ratel rules check` says when they are right".to_owned();
            self.refuse(error, Some(hint))
        })
    }

    fn engine(
        &self,
        store: &FlowStore,
        replay: &ClientReplay,
        recordings: &ServerReplay,
    ) -> Result<Engine, Refusal> {
        let setup = ratel_addons::Setup {
            filters: filter_options(),
            server_replay: recordings.clone(),
        };
        let addons = ratel_addons::default_addons(&setup);
        Engine::start(&self.options, store.clone(), addons, replay).map_err(|error| {
            let is_taken = match &error {
                StartError::Listen(error) => error.source.kind() == io::ErrorKind::AddrInUse,
                _ => false,
            };
            let reads = !self.options.snapshot().list(keys::RFILE).is_empty();
            let hint = error.hint().map(|hint| match is_taken && reads {
                true => format!("{hint}; -n reads the file without a proxy"),
                false => hint,
            });
            self.refuse(&error, hint)
        })
    }
}

/// What starts browsers that use this engine.
fn browsers(engine: &Engine) -> Launcher {
    Launcher::new(
        |name| std::env::var(name).ok(),
        std::env::home_dir(),
        {
            let listeners = engine.listeners().clone();
            move || Way::to(&listeners.all())
        },
        engine.ca_cert_path(),
    )
}

/// How filters are read.
pub(crate) fn filter_options() -> FilterOptions {
    let case_sensitive = std::env::var_os("MITMPROXY_CASE_SENSITIVE_FILTERS");
    FilterOptions {
        case_sensitive: case_sensitive.is_some_and(|value| value == "1"),
    }
}

/// Where lines are printed: not among flows.
fn output(values: &Values) -> Box<dyn Write + Send> {
    let is_taken =
        values.opt_str(keys::SAVE_STREAM_FILE) == Some("-") || values.str(keys::HARDUMP) == "-";
    if is_taken {
        Box::new(io::stderr())
    } else {
        Box::new(io::stdout())
    }
}

/// Makes the configuration folder if it is not there, for nobody but its owner. If that fails, the one who needs to
/// write into it says so.
fn make_private(folder: PathBuf) -> PathBuf {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let _ = builder.create(&folder);
    folder
}

/// Columns of the terminal, for rows that are cut to fit.
fn columns() -> usize {
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    let seen = || {
        let size = crossterm::terminal::size().ok();
        size.filter(|_| io::stdout().is_terminal())
            .map(|(columns, _)| usize::from(columns))
    };
    said.or_else(seen)
        .filter(|columns| *columns > 0)
        .unwrap_or(COLUMNS)
}

fn reason(error: &SchemaError) -> String {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", cause.unwrap_or_default())
}

/// Says which schemas are missing, once somebody reads the log.
fn warn_of_left_out(schemas: Option<&Schemas>) {
    let left_out = schemas.map(Schemas::left_out).unwrap_or_default();
    for error in left_out.iter().take(LEFT_OUT) {
        tracing::warn!("{}", reason(error));
    }
    if let Some(more @ 1..) = left_out.len().checked_sub(LEFT_OUT) {
        tracing::warn!("{more} more of the protobuf definitions are left out");
    }
}

/// Says where the proxy listens, and what clients have to trust when that has just been made.
fn announce(engine: &Engine) {
    if engine.ca_created() {
        tracing::info!(
            "made a certificate authority; clients have to trust {} for their TLS traffic to be seen",
            engine.ca_cert_path().display()
        );
    }
    for mode in engine.listeners().all() {
        let addrs = addresses(&mode.addrs).join(" and ");
        tracing::info!("{} listening at {addrs}.", mode.description);
    }
}

/// Lets open exchanges finish for up to `limit`, and says so when there is something to wait for. The number of the
/// signal if there was another one, by which the wait is over.
fn shut_down(
    engine: Engine,
    limit: Duration,
    store: &FlowStore,
    stop: &Stop,
    stopped: &Stopped,
) -> Option<i32> {
    let on_end = stop.clone();
    let thread = std::thread::Builder::new()
        .name("ratel-shutdown".into())
        .spawn(move || on_end.stop(Why::Closed(engine.shutdown(limit))));
    if let Err(error) = thread {
        tracing::warn!("open connections are closed at once: {error}");
        return None;
    }
    let mut next = stopped.wait_for(IDLE);
    if next.is_none() && limit > HASTE {
        tracing::info!(
            "waiting up to {} s for {}; press ctrl-c again to end now",
            limit.as_secs_f32(),
            open_connections(store)
        );
    }
    let dropped = loop {
        match next.take().unwrap_or_else(|| stopped.wait()) {
            Why::Closed(dropped) => break dropped,
            Why::Again(signal) => return Some(signal),
            Why::Signal | Why::Output | Why::Loaded => {}
        }
    };
    match dropped {
        0 => {}
        1 => tracing::warn!("1 connection was still open and has been closed"),
        _ => tracing::warn!("{dropped} connections were still open and have been closed"),
    }
    None
}

/// What is waited for, in words. Connections on which nothing happens are not.
fn open_connections(store: &FlowStore) -> String {
    let mut open = std::collections::HashSet::new();
    if store.len() <= COUNTABLE {
        let live = store.summaries(0..COUNTABLE).into_iter();
        open.extend(
            live.filter(|flow| flow.state.is_live())
                .map(|flow| flow.client_conn.id),
        );
    }
    match open.len() {
        0 => "open connections".to_owned(),
        1 => "1 connection".to_owned(),
        count => format!("{count} connections"),
    }
}

/// Addresses for people: `*:8080` for all of one or both families.
fn addresses(addrs: &[SocketAddr]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for addr in addrs {
        let text = if addr.ip().is_unspecified() {
            format!("*:{}", addr.port())
        } else {
            addr.to_string()
        };
        if !shown.contains(&text) {
            shown.push(text);
        }
    }
    shown
}

/// The modes that run, for the screen.
#[derive(Debug)]
struct Modes(Listeners);

impl Proxy for Modes {
    fn modes(&self) -> Vec<ModeInfo> {
        self.0.all().iter().map(mode_info).collect()
    }
}

fn mode_info(mode: &Listening) -> ModeInfo {
    let reachable = |addr: &SocketAddr| match addr.ip() {
        ip if ip.is_unspecified() || ip == IpAddr::from([127, 0, 0, 1]) => {
            format!("localhost:{}", addr.port())
        }
        _ => addr.to_string(),
    };
    let target = mode.mode.target();
    ModeInfo {
        description: match &target {
            Some(target) => format!("reverse:{target}"),
            None => "regular".to_owned(),
        },
        listen_addrs: addresses(&mode.addrs),
        address_hint: mode.addrs.first().map(reachable).unwrap_or_default(),
        target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_told_the_server_and_not_the_port_of_the_mode() {
        let rows = [
            (
                "reverse:localhost:3000@9000",
                "reverse:https://localhost:3000",
                Some("https://localhost:3000"),
            ),
            ("regular@9000", "regular", None),
        ];
        for (spec, description, target) in rows {
            let info = mode_info(&Listening {
                description: String::new(),
                addrs: vec![([0, 0, 0, 0], 9000).into()],
                mode: spec.parse().unwrap(),
            });
            let told = (info.description.as_str(), info.target.as_deref());
            assert_eq!(told, (description, target), "{spec}");
            assert_eq!(info.address_hint, "localhost:9000");
        }
    }

    #[test]
    fn addresses_are_short() {
        let rows: [(&[&str], &[&str]); 4] = [
            (&["0.0.0.0:8080", "[::]:8080"], &["*:8080"]),
            (&["127.0.0.1:80"], &["127.0.0.1:80"]),
            (&["[::1]:80"], &["[::1]:80"]),
            (&[], &[]),
        ];
        for (addrs, expected) in rows {
            let addrs: Vec<SocketAddr> = addrs.iter().map(|a| a.parse().unwrap()).collect();
            assert_eq!(addresses(&addrs), expected);
        }
    }
}
