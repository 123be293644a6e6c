//! Starting and stopping everything.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use ratel_core::addon::AddonChain;
use ratel_core::control::Control;
use ratel_core::mode::ProxyMode;
use ratel_core::options::{self, Options, Values};
use ratel_core::replay::ClientReplay;
use ratel_core::store::FlowStore;

use crate::config::{Config, given_certs};
use crate::conn::Shared;
use crate::listen::{self, ListenError, Listeners};
use crate::passthrough::Passthrough;
use crate::replay;
use crate::tls::{CaError, CaOrigin, CaSettings, CaStore, LeafCache};
use crate::upstream::connect::TcpDial;
use crate::upstream::pool::H2cServers;
use crate::worker::{Pool, Workers};

/// Worker threads, at most.
const WORKERS_MAX: usize = 16;
/// Why the engine could not start. Displays as one sentence; [`StartError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address can't be listened on.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// The certificate authority can't be used or made.
    #[error("{0}")]
    Ca(#[from] CaError),
    /// An option's value can't be used.
    #[error("{0}")]
    Options(String),
    /// The system refused threads or event queues.
    #[error("cannot start the worker threads: {0}")]
    Workers(#[from] io::Error),
}

impl StartError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Listen(error) => error.hint(),
            Self::Ca(error) => error.hint().map(Into::into),
            Self::Options(_) | Self::Workers(_) => None,
        }
    }
}

/// A mode that listens.
#[derive(Clone, Debug)]
pub struct Listening {
    /// What it is, for people: `reverse proxy to https://service.dev`.
    pub description: String,
    /// Where; one address per family.
    pub addrs: Vec<SocketAddr>,
    /// The mode itself.
    pub mode: ProxyMode,
}

/// A running engine.
pub struct Engine {
    workers: Workers,
    listeners: Listeners,
    shared: Arc<Shared>,
    ca_created: bool,
}

/// Counts the connections that are open, as long as the engine is there. Cheap to clone.
#[derive(Clone)]
pub struct Connections(Weak<Pool>);

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connections").field(&self.count()).finish()
    }
}

impl Connections {
    /// Connections of clients that are open, and requests that are sent again.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.upgrade().map_or(0, |pool| pool.open())
    }
}

impl Engine {
    /// Loads or makes the CA, binds every mode's listeners and starts the workers. What waits in `client_replay`, and
    /// whatever comes into it, is sent.
    ///
    /// # Errors
    /// When an address can't be bound, the CA can't be used, or an option has no meaning.
    pub fn start(
        options: &Options,
        store: FlowStore,
        addons: AddonChain,
        client_replay: &ClientReplay,
    ) -> Result<Self, StartError> {
        let values = options.snapshot();
        let all: Vec<_> = ratel_core::options::all().map(|def| def.name).collect();
        addons
            .configure(&values, &all)
            .map_err(StartError::Options)?;
        let (ca, origin) = CaStore::open(&values.confdir(), &CaSettings::of(&values))?;
        match ca.public() {
            Ok(public) => addons.ca_loaded(&Arc::new(public)),
            Err(error) => tracing::warn!("the certificate can't be handed out: {error}"),
        }
        // Behind the CA: whoever waits for the port finds the file that clients have to trust.
        let bound = listen::bind_all(&values)?;
        if ca.expired() {
            let hint = "move it away to have a new one made, and trust that one";
            tracing::warn!(
                hint,
                "the certificate authority in {} has expired",
                ca.cert_pem_path().display()
            );
        }
        let config = Config::new(&values, None).map_err(StartError::Options)?;
        let leaves = LeafCache::new(&ca);
        leaves.show(&given_certs(&values, &ca).map_err(StartError::Options)?);
        let shared = Arc::new(Shared {
            dial: Box::new(TcpDial),
            leaves,
            ca,
            config: ArcSwap::from_pointee(config),
            store,
            addons,
            control: Control::default(),
            h2c: H2cServers::default(),
            passthrough: Passthrough::default(),
            own: ArcSwap::default(),
        });
        client_replay.follow(options).map_err(StartError::Options)?;
        let count = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(WORKERS_MAX);
        let (replay, resources) = (client_replay.clone(), shared.clone());
        let first = Arc::new(OnceLock::new());
        let runtime = first.clone();
        let workers = Workers::start(count, shared.clone(), move |pool, stop| {
            let send = async move |job| pool.replay(job).await;
            // Ends with `stop`.
            tokio::spawn(replay::dispatch(replay, resources, stop, send));
            // Set once.
            let _ = runtime.set(tokio::runtime::Handle::current());
            Ok(())
        })?;
        let runtime = first.get().cloned();
        let runtime = runtime.ok_or_else(|| io::Error::other("there is no worker"))?;
        let listeners = Listeners::start(bound, &workers.pool, &shared, runtime);
        follow_options(options, &shared, listeners.clone());
        Ok(Self {
            workers,
            listeners,
            shared,
            ca_created: origin == CaOrigin::Created,
        })
    }

    /// Where each mode listens.
    #[must_use]
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// What live flows are talked to with.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.shared.control
    }

    /// What counts the connections that are open.
    #[must_use]
    pub fn connections(&self) -> Connections {
        Connections(Arc::downgrade(&self.workers.pool))
    }

    /// The certificate that clients have to trust.
    #[must_use]
    pub fn ca_cert_path(&self) -> PathBuf {
        self.shared.ca.cert_pem_path()
    }

    /// Whether the certificate authority was made by this start.
    #[must_use]
    pub fn ca_created(&self) -> bool {
        self.ca_created
    }

    /// Stops accepting, lets open exchanges finish for up to `limit`, then drops them. Blocks; says how many
    /// connections had to be dropped.
    pub fn shutdown(self, limit: Duration) -> usize {
        self.workers.shutdown(limit)
    }
}

/// Whether an option decides what is made or loaded at start.
fn is_fixed(name: &str) -> bool {
    options::def(name).is_some_and(|def| def.at_start)
}

/// Takes up changed options: connections that begin afterwards see them.
fn follow_options(options: &Options, shared: &Arc<Shared>, listeners: Listeners) {
    let shared = Arc::downgrade(shared);
    options.subscribe(move |values: &Values, changed: &[&str]| {
        let Some(shared) = shared.upgrade() else {
            return Ok(());
        };
        if let Some(name) = changed.iter().find(|name| is_fixed(name)) {
            return Err(format!(
                "option '{name}' can't be changed while Ratel runs (`options.set.next {name} VALUE` changes it for the next start)"
            ));
        }
        shared.addons.configure(values, changed)?;
        let config = Config::new(values, Some(&shared.config.load()))?;
        if changed
            .iter()
            .any(|name| matches!(*name, "certs" | "cert_passphrase"))
        {
            shared.leaves.show(&given_certs(values, &shared.ca)?);
        }
        let before = shared.config.swap(Arc::new(config));
        // Last, since it is what others notice.
        listeners
            .follow(values)
            .inspect_err(|_| shared.config.store(before))
    });
}
