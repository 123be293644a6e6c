//! The server connections of one client connection: made when needed, kept while both sides keep them open.
//!
//! A server connection is never shared between clients: what a server ties to a connection (NTLM, rate limits, client
//! certificates) stays with the client it is for.

use std::net::SocketAddr;
use std::sync::Arc;

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

/// See the [module](self).
pub(crate) struct Upstreams {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    idle: Vec<(Target, H1Upstream)>,
    /// A TCP connection that was made before it was known what is spoken on it (CONNECT).
    dialled: Option<Dialled>,
    /// Why a connection that was made ahead of the first request failed; the request that needs it is told.
    failed: Option<(Target, ProxyError)>,
    /// The last connection whose handshake failed, with what was learned of the server.
    refused: Option<Arc<ServerConn>>,
    /// Whose connections these are, for the log.
    client: SocketAddr,
}

impl Upstreams {
    pub(crate) fn new(shared: Arc<Shared>, activity: Arc<Activity>, client: SocketAddr) -> Self {
        Self {
            shared,
            activity,
            idle: Vec::new(),
            dialled: None,
            failed: None,
            refused: None,
            client,
        }
    }

    /// Makes the TCP connection for a tunnel to `host:port`, before it is known what is spoken in it.
    pub(crate) async fn dial(&mut self, host: &Arc<str>, port: u16) -> Result<(), ProxyError> {
        self.dialled = Some(Self::fresh(&self.shared, host, port).await?);
        Ok(())
    }

    async fn fresh(shared: &Shared, host: &Arc<str>, port: u16) -> Result<Dialled, ProxyError> {
        if shared.is_own(host, port) {
            return Err(ProxyError::Loop(host_port(host, port)));
        }
        shared.dial.dial(host, port).await
    }

    /// Makes the connection that the first request will use and says what is known of the server, so that the
    /// certificate for the client can be made like its own. A failure is kept for that request.
    pub(crate) async fn prepare(
        &mut self,
        target: &Target,
        alpn: &[Bytes],
    ) -> Option<Arc<ServerConn>> {
        match self.connect(target, alpn).await {
            Ok(upstream) => {
                let conn = upstream.conn().clone();
                self.idle.push((target.clone(), upstream));
                Some(conn)
            }
            Err(error) => {
                self.failed = Some((target.clone(), error));
                None
            }
        }
    }

    /// A connection to `target`: a kept one that is still good, or a fresh one.
    pub(crate) async fn acquire(&mut self, target: &Target) -> Result<H1Upstream, ProxyError> {
        while let Some(at) = self.idle.iter().position(|(to, _)| to == target) {
            let (_, mut upstream) = self.idle.swap_remove(at);
            if upstream.is_quiet() {
                return Ok(upstream);
            }
        }
        if let Some((_, error)) = self.failed.take_if(|(to, _)| to == target) {
            return Err(error);
        }
        self.connect(target, &[]).await
    }

    /// The connection behind the last failure of [`acquire`](Self::acquire), when the handshake was what failed.
    pub(crate) fn take_refused(&mut self) -> Option<Arc<ServerConn>> {
        self.refused.take()
    }

    /// Keeps a connection for the next request to `target`.
    pub(crate) fn release(&mut self, target: Target, mut upstream: H1Upstream) {
        upstream.rest();
        if self.idle.len() == IDLE_MAX {
            self.idle.remove(0);
        }
        self.idle.push((target, upstream));
    }

    async fn connect(&mut self, target: &Target, alpn: &[Bytes]) -> Result<H1Upstream, ProxyError> {
        let ready = self
            .dialled
            .take_if(|d| d.conn.address.0 == target.host && d.conn.address.1 == target.port);
        let Dialled { mut io, mut conn } = match ready {
            Some(dialled) => dialled,
            None => Self::fresh(&self.shared, &target.host, target.port).await?,
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
                    self.refused = Some(Arc::new(conn));
                    return Err(ProxyError::ServerTls(error));
                }
            }
        }
        let (reader, writer) = io::split(io, BytesMut::new(), self.activity.clone());
        Ok(H1Upstream::new(reader, writer, Arc::new(conn), open))
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
