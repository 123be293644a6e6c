//! The server connections of one client connection: made when needed, kept while both sides keep them open.
//!
//! A server connection is never shared between clients: what a server ties to a connection (NTLM, rate limits, client
//! certificates) stays with the client it is for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use ratel_flow::ServerConn;

use super::connect::Dialled;
use super::{Target, host_port};
use crate::conn::Shared;
use crate::error::ProxyError;
use crate::http::h1::client::H1Upstream;
use crate::io::{self, Activity};
use crate::tls;

/// Idle server connections kept per client connection.
const IDLE_MAX: usize = 5;

/// A connection that an exchange may use.
pub(crate) enum Upstream {
    H1(H1Upstream),
}

impl Upstream {
    /// The connection as it stands.
    pub(crate) fn conn(&self) -> &Arc<ServerConn> {
        match self {
            Self::H1(upstream) => upstream.conn(),
        }
    }

    /// Whether an earlier request went over this connection.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::H1(upstream) => upstream.is_reused(),
        }
    }

    /// Whether any of the response to the current request has come.
    pub(crate) fn has_answered(&self) -> bool {
        match self {
            Self::H1(upstream) => upstream.has_answered(),
        }
    }

    /// Whether another request may go over this connection.
    pub(crate) fn is_reusable(&self) -> bool {
        match self {
            Self::H1(upstream) => upstream.is_reusable(),
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct NoUpstream {
    pub(crate) error: ProxyError,
    /// What was learned of the server, when the handshake was what failed.
    pub(crate) conn: Option<Arc<ServerConn>>,
}

impl From<ProxyError> for NoUpstream {
    fn from(error: ProxyError) -> Self {
        Self { error, conn: None }
    }
}

/// See the [module](self). Shared by the exchanges of one client connection.
pub(crate) struct Upstreams {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    /// Whose connections these are, for the log.
    client: SocketAddr,
    kept: Mutex<Kept>,
}

/// What is there already. Never locked over a wait.
#[derive(Default)]
struct Kept {
    idle: Vec<(Target, H1Upstream)>,
    /// A TCP connection that was made before it was known what is spoken on it (CONNECT).
    dialled: Option<Dialled>,
    /// Why a connection that was made ahead of the first request failed; the request that needs it is told.
    failed: Option<(Target, NoUpstream)>,
}

impl Upstreams {
    pub(crate) fn new(shared: Arc<Shared>, activity: Arc<Activity>, client: SocketAddr) -> Self {
        Self {
            shared,
            activity,
            client,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere leaves a list that is still whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the TCP connection for a tunnel to `host:port`, before it is known what is spoken in it.
    pub(crate) async fn dial(&self, host: &Arc<str>, port: u16) -> Result<(), ProxyError> {
        let dialled = self.fresh(host, port).await?;
        self.kept().dialled = Some(dialled);
        Ok(())
    }

    async fn fresh(&self, host: &Arc<str>, port: u16) -> Result<Dialled, ProxyError> {
        if self.shared.is_own(host, port) {
            return Err(ProxyError::Loop(host_port(host, port)));
        }
        self.shared.dial.dial(host, port).await
    }

    /// Makes the connection that the first request will use and says what is known of the server, so that the
    /// certificate for the client can be made like its own. A failure is kept for that request.
    pub(crate) async fn prepare(&self, target: &Target, alpn: &[Bytes]) -> Option<Arc<ServerConn>> {
        match self.connect(target, alpn).await {
            Ok(upstream) => {
                let conn = upstream.conn().clone();
                self.keep(target.clone(), upstream);
                Some(conn)
            }
            Err(error) => {
                self.kept().failed = Some((target.clone(), error));
                None
            }
        }
    }

    /// A connection to `target`: a kept one that is still good, or a fresh one.
    pub(crate) async fn acquire(&self, target: &Target) -> Result<Upstream, NoUpstream> {
        if let Some(found) = self.find(target) {
            return found;
        }
        self.connect(target, &[]).await
    }

    fn find(&self, target: &Target) -> Option<Result<Upstream, NoUpstream>> {
        let mut kept = self.kept();
        while let Some(at) = kept.idle.iter().position(|(to, _)| to == target) {
            let (_, mut upstream) = kept.idle.swap_remove(at);
            if upstream.is_quiet() {
                return Some(Ok(Upstream::H1(upstream)));
            }
        }
        let failed = kept.failed.take_if(|(to, _)| to == target);
        failed.map(|(_, error)| Err(error))
    }

    /// Keeps a connection for the next request to `target`.
    pub(crate) fn release(&self, target: Target, upstream: Upstream) {
        let Upstream::H1(mut upstream) = upstream;
        upstream.rest();
        self.keep(target, Upstream::H1(upstream));
    }

    fn keep(&self, target: Target, upstream: Upstream) {
        let mut kept = self.kept();
        let Upstream::H1(upstream) = upstream;
        if kept.idle.len() == IDLE_MAX {
            kept.idle.remove(0);
        }
        kept.idle.push((target, upstream));
    }

    async fn connect(&self, target: &Target, alpn: &[Bytes]) -> Result<Upstream, NoUpstream> {
        let ready = self
            .kept()
            .dialled
            .take_if(|d| d.conn.address.0 == target.host && d.conn.address.1 == target.port);
        let Dialled { mut io, mut conn } = match ready {
            Some(dialled) => dialled,
            None => self.fresh(&target.host, target.port).await?,
        };
        let open = Open::new(self.client, target, conn.peername);
        if target.scheme == ratel_flow::Scheme::Https {
            let sni = target.sni.as_deref();
            let settings = &self.shared.server_tls;
            match tls::server::connect(io, &target.host, sni, alpn, settings).await {
                Ok((stream, info)) => {
                    io = Box::new(stream);
                    conn.tls = Some(Arc::new(info));
                }
                Err(error) => {
                    conn.tls = Some(Arc::new(error.info().clone()));
                    conn.error = Some(error.to_string().into());
                    return Err(NoUpstream {
                        error: ProxyError::ServerTls(error),
                        conn: Some(Arc::new(conn)),
                    });
                }
            }
        }
        let (reader, writer) = io::split(io, BytesMut::new(), self.activity.clone());
        let upstream = H1Upstream::new(reader, writer, Arc::new(conn), open);
        Ok(Upstream::H1(upstream))
    }
}

/// Logs that a server connection is open, and when it is dropped that it is not.
pub(crate) struct Open {
    client: SocketAddr,
    name: String,
}

impl Open {
    fn new(client: SocketAddr, target: &Target, peername: Option<SocketAddr>) -> Self {
        // Names are put together only for a log that shows them.
        if !tracing::enabled!(tracing::Level::INFO) {
            return Self {
                client,
                name: String::new(),
            };
        }
        let peer = peername.map(|peer| format!(" ({peer})"));
        let name = format!("{target}{}", peer.unwrap_or_default());
        tracing::info!(%client, "server connect {name}");
        Self { client, name }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            tracing::info!(client = %self.client, "server disconnect {}", self.name);
        }
    }
}
