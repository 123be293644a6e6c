//! `rfile`: flows from files into the store, while everything else goes on.
//!
//! A thread reads flow by flow, no faster than those who print and write can take it, so that nothing is evicted that
//! somebody was still to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use ratel_core::mode::{ModeKind, ReverseScheme};
use ratel_core::store::FlowStore;
use ratel_flow::filter::Filter;
use ratel_flow::record::Detail;
use ratel_flow::{Record, Scheme};

use crate::errand::Trouble;
use crate::files;

/// So many flows may be ahead of who prints or writes them.
const AHEAD: u64 = 4096;

/// Who reads a pipe into which nothing comes cannot be told to stop. It is waited for no longer than this.
const LAST_FLOW: Duration = Duration::from_millis(500);

/// How long to wait for one who is behind before looking again.
const PAUSE: Duration = Duration::from_millis(1);

/// So many troubles with a file are said one by one.
const TROUBLES_SAID: u64 = 10;

/// What is loaded, and for whom.
pub(crate) struct Load {
    pub(crate) store: FlowStore,
    /// Read one after the other.
    pub(crate) paths: Vec<String>,
    /// Only flows that match.
    pub(crate) filter: Option<Filter>,
    /// Where requests go from here on, whatever they went to: easy to send again.
    pub(crate) target: Option<ModeKind>,
    /// How captures are decrypted.
    pub(crate) opener: files::Opener,
    /// Those who have to see every flow count here how many they have seen.
    pub(crate) followers: Vec<Arc<AtomicU64>>,
}

/// The loading thread.
#[derive(Debug)]
pub(crate) struct Loader {
    loaded: Receiver<Loaded>,
    stop: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Flows that are in the store now.
    pub(crate) flows: u64,
    /// How often something could not be read. Each was said in the log.
    pub(crate) troubles: u64,
}

impl Load {
    /// Opens the files and begins to read. `done` is called at the end.
    pub(crate) fn start(self, done: impl FnOnce() + Send + 'static) -> Result<Loader, Trouble> {
        // Standard input may have nothing to say for long, which is nothing to wait for here.
        let open = |path: &String| match path.as_str() {
            "-" => Ok((path.clone(), None)),
            _ => Ok((path.clone(), Some(self.opener.open(path)?))),
        };
        let opened = self.paths.iter().map(open);
        let opened: Vec<(String, Option<files::Records>)> =
            opened.collect::<Result<_, Trouble>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let (tell, loaded) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("ratel-load".into())
            .spawn(move || {
                let mut loaded = Loaded::default();
                for (path, records) in opened {
                    match records.map_or_else(|| self.opener.open(&path), Ok) {
                        Ok(records) => self.run(&path, records, &stopping, &mut loaded),
                        Err(trouble) => {
                            loaded.troubles += 1;
                            say(&trouble);
                        }
                    }
                }
                // Nobody waits any longer: the program ends.
                let _ = tell.send(loaded);
                done();
            });
        thread.map_err(|error| Trouble::new(format!("cannot start to read flows: {error}")))?;
        Ok(Loader { loaded, stop })
    }

    fn run(&self, path: &str, records: files::Records, stop: &AtomicBool, all: &mut Loaded) {
        let mut loaded = Loaded::default();
        for record in records {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match record.and_then(|record| self.take(path, record)) {
                Ok(taken) => loaded.flows += u64::from(taken),
                Err(trouble) => {
                    loaded.troubles += 1;
                    // Of a file of nothing but troubles the first ones say enough.
                    if loaded.troubles <= TROUBLES_SAID {
                        say(&trouble);
                    }
                }
            }
            self.wait(all.flows + loaded.flows, stop);
        }
        if let Some(more @ 1..) = loaded.troubles.checked_sub(TROUBLES_SAID) {
            tracing::error!("{path}: {more} more flows could not be read");
        }
        if loaded.troubles > 0 {
            tracing::warn!("{path}: {} could be read", files::count(loaded.flows));
        }
        all.flows += loaded.flows;
        all.troubles += loaded.troubles;
    }

    fn take(&self, path: &str, mut record: Record) -> Result<bool, Trouble> {
        let unwanted = |filter: &Filter| !filter.matches(&record);
        if self.filter.as_ref().is_some_and(unwanted) {
            return Ok(false);
        }
        if let Some(ModeKind::Reverse { scheme, host, port }) = &self.target {
            redirect(&mut record, *scheme, host, *port);
        }
        match self.store.import(&record) {
            Ok(_) => Ok(true),
            Err(error) => Err(Trouble::new(format!(
                "{path}: a part of flow {} cannot be read: {error}",
                record.id
            ))),
        }
    }

    /// Waits for those who have to see every flow.
    fn wait(&self, flows: u64, stop: &AtomicBool) {
        for follower in &self.followers {
            while flows.saturating_sub(follower.load(Ordering::Relaxed)) > AHEAD
                && !stop.load(Ordering::Relaxed)
            {
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Loader {
    /// Ends the reading, if it has not come to its end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What was loaded. One that has not come to its end is to be told to stop before.
    pub(crate) fn finish(self) -> Loaded {
        self.loaded.recv_timeout(LAST_FLOW).unwrap_or_default()
    }
}

/// Has the request of a flow go to the server of a reverse proxy.
fn redirect(record: &mut Record, scheme: ReverseScheme, host: &str, port: u16) {
    let Detail::Http(http) = &mut record.detail else {
        return;
    };
    http.request.set_host(host);
    http.request.set_port(port);
    http.request.set_scheme(match scheme {
        ReverseScheme::Http => Scheme::Http,
        ReverseScheme::Https => Scheme::Https,
    });
}

fn say(trouble: &Trouble) {
    match &trouble.hint {
        Some(hint) => tracing::error!(hint = hint.as_str(), "{}", trouble.message),
        None => tracing::error!("{}", trouble.message),
    }
}
