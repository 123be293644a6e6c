//! The listeners that run, and what becomes of them when options change.
//!
//! An address that is wanted before and after a change keeps its sockets, whatever mode it gets: nobody finds it closed, and
//! connections that stand go on as what they began as. What is wanted and cannot be listened on leaves everything as it was.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use ratel_core::mode::ProxyMode;
use ratel_core::options::{Values, keys};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{ListenError, accept, bind};
use crate::conn::Shared;
use crate::engine::Listening;
use crate::worker::Pool;

/// How long sockets may take to close, so that their port can be had by others.
const CLOSING: Duration = Duration::from_secs(1);

/// Where the engine listens. Cheap to clone.
#[derive(Clone)]
pub struct Listeners(Arc<Inner>);

impl std::fmt::Debug for Listeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listeners").field(&self.all()).finish()
    }
}

struct Inner {
    running: Mutex<Vec<Running>>,
    pool: Weak<Pool>,
    shared: Weak<Shared>,
    /// Where clients are accepted.
    runtime: Handle,
}

/// What is to listen, where.
#[derive(Clone, Debug)]
struct Wanted {
    mode: ProxyMode,
    host: String,
    port: u16,
}

/// Sockets that nobody accepts from yet.
pub(crate) struct Bound {
    wanted: Wanted,
    sockets: Vec<TcpListener>,
    addrs: Vec<SocketAddr>,
}

struct Running {
    wanted: Wanted,
    addrs: Vec<SocketAddr>,
    /// What clients get who come from here on.
    mode: Arc<ArcSwap<ProxyMode>>,
    stop: CancellationToken,
    /// Breaks when the last socket is closed.
    open: Receiver<()>,
}

/// Binds what options want, before there is anybody to accept.
pub(crate) fn bind_all(values: &Values) -> Result<Vec<Bound>, ListenError> {
    wanted(values).into_iter().map(Wanted::bind).collect()
}

fn wanted(values: &Values) -> Vec<Wanted> {
    if !values.bool(keys::SERVER) {
        return Vec::new();
    }
    let modes = values.modes().into_iter();
    modes
        .map(|mode| {
            let (host, port) = mode.address(values.str(keys::LISTEN_HOST), values.listen_port());
            Wanted {
                host: host.to_owned(),
                port,
                mode: mode.clone(),
            }
        })
        .collect()
}

impl Wanted {
    fn bind(self) -> Result<Bound, ListenError> {
        let sockets = bind(&self.mode, &self.host, self.port)?;
        let addrs = sockets
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .collect();
        Ok(Bound {
            wanted: self,
            sockets,
            addrs,
        })
    }

    fn is_at(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }
}

impl Listeners {
    pub(crate) fn start(
        bound: Vec<Bound>,
        pool: &Arc<Pool>,
        shared: &Arc<Shared>,
        runtime: Handle,
    ) -> Self {
        let listeners = Self(Arc::new(Inner {
            running: Mutex::default(),
            pool: Arc::downgrade(pool),
            shared: Arc::downgrade(shared),
            runtime,
        }));
        let running = bound
            .into_iter()
            .filter_map(|bound| listeners.accept(bound));
        *listeners.running() = running.collect();
        listeners.tell_own();
        listeners
    }

    /// Where each mode listens.
    #[must_use]
    pub fn all(&self) -> Vec<Listening> {
        let running = self.running();
        let listening = |one: &Running| Listening {
            description: one.wanted.mode.describe(),
            addrs: one.addrs.clone(),
            mode: one.wanted.mode.clone(),
        };
        running.iter().map(listening).collect()
    }

    /// Listens where options want it, or where it did.
    pub(crate) fn follow(&self, values: &Values) -> Result<(), String> {
        let wanted = wanted(values);
        let mut running = self.running();
        let same = |(one, wanted): (&Running, &Wanted)| {
            one.wanted.is_at(wanted) && one.wanted.mode.spec == wanted.mode.spec
        };
        if running.len() == wanted.len() && running.iter().zip(&wanted).all(same) {
            return Ok(());
        }
        let mut leaving: Vec<Running> = std::mem::take(&mut *running);
        let mut opened = Vec::new();
        let mut failed = None;
        // Those that stay are found first, so that others do not take their places.
        let staying: Vec<Option<Running>> = wanted
            .iter()
            .map(|wanted| {
                let at = leaving.iter().position(|one| one.wanted.is_at(wanted))?;
                Some(leaving.remove(at))
            })
            .collect();
        let mut closed = Vec::new();
        for wanted in wanted
            .iter()
            .zip(&staying)
            .filter_map(|(wanted, stays)| stays.is_none().then_some(wanted))
        {
            match bind_among(wanted, &mut leaving, &mut closed) {
                Ok(bound) => opened.push(bound),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if let Some(error) = failed {
            drop(opened);
            running.extend(staying.into_iter().flatten());
            running.append(&mut leaving);
            for before in closed {
                match before.bind() {
                    Ok(bound) => running.extend(self.accept(bound)),
                    Err(error) => tracing::error!("{error}"),
                }
            }
            drop(running);
            self.tell_own();
            return Err(error.to_string());
        }
        for one in leaving {
            tracing::info!("{} stopped listening", one.wanted.mode.describe());
            one.stop.cancel();
        }
        let mut opened = opened.into_iter();
        for (wanted, stays) in wanted.into_iter().zip(staying) {
            let now = match stays {
                Some(mut one) => {
                    one.mode.store(Arc::new(wanted.mode.clone()));
                    one.wanted = wanted;
                    Some(one)
                }
                None => opened.next().and_then(|bound| self.accept(bound)),
            };
            if let Some(one) = &now {
                let addrs: Vec<_> = one.addrs.iter().map(ToString::to_string).collect();
                let what = one.wanted.mode.describe();
                tracing::info!("{what} listening at {}", addrs.join(" and "));
            }
            running.extend(now);
        }
        drop(running);
        self.tell_own();
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to accept; none if the engine has ended.
    fn accept(&self, bound: Bound) -> Option<Running> {
        let pool = self.0.pool.upgrade()?;
        let stop = pool.stop_token().child_token();
        let mode = Arc::new(ArcSwap::from_pointee(bound.wanted.mode.clone()));
        let (closed, open) = sync_channel(1);
        for socket in bound.sockets {
            let task = serve(
                socket,
                mode.clone(),
                pool.clone(),
                stop.clone(),
                closed.clone(),
            );
            // Ends with `stop`, and with the runtime of its worker at the latest.
            self.0.runtime.spawn(task);
        }
        Some(Running {
            wanted: bound.wanted,
            addrs: bound.addrs,
            mode,
            stop,
            open,
        })
    }

    /// Has connections to ourselves known as such.
    fn tell_own(&self) {
        if let Some(shared) = self.0.shared.upgrade() {
            let running = self.running();
            let addrs = running.iter().flat_map(|one| one.addrs.iter().copied());
            shared.own.store(Arc::new(addrs.collect()));
        }
    }
}

/// Binds an address. What is in its way and is about to leave leaves for it.
fn bind_among(
    wanted: &Wanted,
    leaving: &mut Vec<Running>,
    closed: &mut Vec<Wanted>,
) -> Result<Bound, ListenError> {
    let error = match wanted.clone().bind() {
        Ok(bound) => return Ok(bound),
        Err(error) => error,
    };
    let in_the_way = |one: &mut Running| one.addrs.iter().any(|addr| addr.port() == wanted.port);
    let ending: Vec<_> = leaving.extract_if(.., in_the_way).collect();
    if error.source.kind() != std::io::ErrorKind::AddrInUse || ending.is_empty() {
        leaving.extend(ending);
        return Err(error);
    }
    for one in ending {
        one.stop.cancel();
        // Nothing is ever sent: it breaks, or it takes too long, and then binding says so.
        let _ = one.open.recv_timeout(CLOSING);
        closed.push(one.wanted);
    }
    wanted.clone().bind()
}

/// Accepts until `stop`; `closed` is dropped after the socket.
async fn serve(
    socket: TcpListener,
    mode: Arc<ArcSwap<ProxyMode>>,
    pool: Arc<Pool>,
    stop: CancellationToken,
    closed: SyncSender<()>,
) {
    match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => accept(listener, mode, pool, stop).await,
        Err(error) => tracing::error!("cannot accept clients: {error}"),
    }
    drop(closed);
}
