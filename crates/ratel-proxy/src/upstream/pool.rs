//! The server connections of one client connection: made when needed, kept while both sides keep them open.
//!
//! A server connection is never shared between clients: what a server ties to a connection (NTLM, rate limits, client
//! certificates) stays with the client it is for.

mod raw;

pub(crate) use raw::RawUpstream;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ratel_core::addon::ServerConnect;
use ratel_core::hooks::Hook;
use ratel_flow::{ClientConn, Request, Scheme, ServerConn};

use super::connect::{Dialled, How};
use super::{Target, host_port};
use crate::config::H2c;
use crate::conn::Shared;
use crate::error::ProxyError;
use crate::http::convert;
use crate::http::h1::client::H1Upstream;
use crate::http::h2::client::{H2Conn, H2Upstream};
use crate::http::h2::mux::Mux;
use crate::io::{self, Activity, BoxIo};
use crate::tls;

/// Idle server connections kept per client connection.
const IDLE_MAX: usize = 5;

/// Connections made for one exchange that were over before it could begin.
const MADE_MAX: usize = 3;

/// A connection, or a part of one, that an exchange may use.
pub(crate) enum Upstream {
    H1(Box<H1Upstream>),
    H2(H2Upstream),
}

impl Upstream {
    /// The connection as it stands.
    pub(crate) fn conn(&self) -> &Arc<ServerConn> {
        match self {
            Self::H1(upstream) => upstream.conn(),
            Self::H2(upstream) => upstream.conn(),
        }
    }

    /// Whether an earlier request went over this connection.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::H1(upstream) => upstream.is_reused(),
            Self::H2(upstream) => upstream.is_reused(),
        }
    }

    /// Whether any of the response to the current request has come.
    pub(crate) fn has_answered(&self) -> bool {
        match self {
            Self::H1(upstream) => upstream.has_answered(),
            Self::H2(upstream) => upstream.has_answered(),
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

impl NoUpstream {
    /// See [`tls::TlsError::is_worth_another_try`].
    fn is_worth_another_try(&self) -> bool {
        matches!(&self.error, ProxyError::ServerTls(error) if error.is_worth_another_try())
    }
}

impl fmt::Display for NoUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl From<ProxyError> for NoUpstream {
    fn from(error: ProxyError) -> Self {
        Self { error, conn: None }
    }
}

/// A connection as it was just made.
enum Fresh {
    H1(Box<H1Upstream>),
    H2(Arc<H2Conn>),
}

impl Fresh {
    fn conn(&self) -> &Arc<ServerConn> {
        match self {
            Self::H1(upstream) => upstream.conn(),
            Self::H2(shared) => shared.conn(),
        }
    }
}

/// What is spoken on a connection that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speak<'a> {
    /// These are offered by ALPN.
    Tls(&'a [Bytes]),
    /// So are these, and whatever is agreed on is not for us to speak.
    Raw(&'a [Bytes]),
    Http1,
    /// HTTP/2 with prior knowledge (RFC 9113 §3.3), or HTTP/1 if the server knows none.
    H2cIfKnown,
    H2c,
}

/// Servers that turned out to speak HTTP/2 without TLS and nothing else, whichever client asked them.
#[derive(Debug, Default)]
pub(crate) struct H2cServers(Mutex<Vec<Target>>);

impl H2cServers {
    /// How many are remembered.
    const MAX: usize = 100;

    fn known(&self) -> MutexGuard<'_, Vec<Target>> {
        // A panic elsewhere leaves a list that is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contains(&self, target: &Target) -> bool {
        self.known().contains(target)
    }

    fn insert(&self, target: &Target) {
        let mut known = self.known();
        if !known.contains(target) {
            if known.len() == Self::MAX {
                known.remove(0);
            }
            known.push(target.clone());
        }
    }

    fn remove(&self, target: &Target) {
        self.known().retain(|known| known != target);
    }
}

/// See the [module](self). Shared by the exchanges of one client connection.
pub(crate) struct Upstreams {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    /// Whose connections these are.
    owner: Arc<ClientConn>,
    /// What the log calls it.
    client: LogName,
    kept: Mutex<Kept>,
    /// Held while a connection is made that the others may share, so that there is one.
    turn: tokio::sync::Mutex<()>,
}

/// What is there already. Never locked over a wait.
#[derive(Default)]
struct Kept {
    idle: Vec<(Target, Box<H1Upstream>)>,
    /// Connections that many exchanges share.
    shared: Vec<(Target, Arc<H2Conn>)>,
    /// Servers that turned out to speak HTTP/2 only.
    http2_only: Vec<Target>,
    /// Servers that turned out to speak HTTP/1 only; their connections need not be made one after the other.
    http1_only: Vec<Target>,
    /// A TCP connection that was made before it was known what is spoken on it (CONNECT).
    dialled: Option<Dialled>,
    /// What the server has said on it.
    greeting: BytesMut,
    /// Why a connection that was made ahead of the first request failed; the request that needs it is told.
    failed: Option<(Target, NoUpstream)>,
    /// What the client speaks, as far as it matters for what servers are offered.
    client: ClientSpeaks,
    /// The client's connection, to be told when a server asks for no more requests.
    told: Option<Arc<Mux>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ClientSpeaks {
    #[default]
    Http1,
    Http2,
    /// HTTP/2 without TLS.
    H2c,
}

/// What HTTP/2 servers and their clients offer each other.
static H2_OFFERS: [Bytes; 2] = [Bytes::from_static(b"h2"), Bytes::from_static(b"http/1.1")];

/// What is offered where HTTP/2 will not do.
static H1_OFFERS: [Bytes; 1] = [Bytes::from_static(b"http/1.1")];

/// How long a server may take to send its first SETTINGS.
const SETTINGS_TIME: Duration = Duration::from_secs(5);

impl Upstreams {
    pub(crate) fn new(
        shared: Arc<Shared>,
        activity: Arc<Activity>,
        owner: Arc<ClientConn>,
    ) -> Self {
        Self {
            shared,
            activity,
            client: LogName::Address(owner.peername),
            owner,
            kept: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The same for a request that is sent again, which has no client.
    pub(crate) fn of_replay(self) -> Self {
        Self {
            client: LogName::Replay,
            ..self
        }
    }

    /// The client has begun to speak HTTP/2, so servers are offered it too.
    pub(crate) fn client_speaks_http2(&self, over_tls: bool) {
        self.kept().client = if over_tls {
            ClientSpeaks::Http2
        } else {
            ClientSpeaks::H2c
        };
    }

    /// When a server asks for no more requests, `client` is told, in the server's words.
    pub(crate) fn pass_goaway_to(&self, client: &Arc<Mux>) {
        let mut kept = self.kept();
        kept.told = Some(client.clone());
        for (_, shared) in &kept.shared {
            shared.mux().pass_goaway_to(client);
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

    /// A new connection to `host:port`, or to where addons want it to go instead.
    async fn fresh(&self, host: &Arc<str>, port: u16) -> Result<Dialled, ProxyError> {
        let addons = &self.shared.addons;
        let hooks = [
            Hook::ServerConnect,
            Hook::ServerConnected,
            Hook::ServerConnectError,
        ];
        if !hooks.into_iter().any(|hook| addons.wants(hook)) {
            return self.dialled_to(host, port).await;
        }
        let mut connect = ServerConnect {
            client: self.owner.clone(),
            address: (host.clone(), port),
            conn: None,
            error: None,
        };
        addons.server(Hook::ServerConnect, &mut connect).await;
        let made = match connect.error.take() {
            Some(error) => Err(ProxyError::ConnectDenied {
                to: host_port(host, port),
                error,
            }),
            None => {
                let (host, port) = connect.address.clone();
                self.dialled_to(&host, port).await
            }
        };
        match made {
            Ok(mut dialled) => {
                connect.conn = Some(Arc::new(dialled.conn.clone()));
                addons.server(Hook::ServerConnected, &mut connect).await;
                // It is found again by what was asked for.
                dialled.conn.address = (host.clone(), port);
                Ok(dialled)
            }
            Err(error) => {
                connect.error = Some(error.to_string().into());
                addons.server(Hook::ServerConnectError, &mut connect).await;
                Err(error)
            }
        }
    }

    async fn dialled_to(&self, host: &Arc<str>, port: u16) -> Result<Dialled, ProxyError> {
        if self.shared.is_own(host, port) {
            return Err(ProxyError::Loop(host_port(host, port)));
        }
        let how = {
            let config = self.shared.config.load();
            How {
                local: config.connect_addr,
                timeout: config.connect_timeout,
            }
        };
        let dialled = self.shared.dial.dial(host, port, how).await?;
        let conn = &dialled.conn;
        match conn.peername {
            Some(peer) if self.shared.is_own_peer(peer, conn.sockname) => {
                Err(ProxyError::Loop(host_port(host, port)))
            }
            _ => Ok(dialled),
        }
    }

    /// Makes the connection that the first request will use and says what is known of the server, so that the
    /// certificate for the client can be made like its own. A failure is kept for that request.
    pub(crate) async fn prepare(&self, target: &Target, alpn: &[Bytes]) -> Option<Arc<ServerConn>> {
        match self.connect(target, Speak::Tls(alpn)).await {
            Ok(fresh) => {
                let conn = fresh.conn().clone();
                self.enter(target, fresh);
                Some(conn)
            }
            Err(error) => {
                self.kept().failed = Some((target.clone(), error));
                None
            }
        }
    }

    /// A connection to `target`: a kept one that is still good, a part of a shared one, or a fresh one.
    pub(crate) async fn acquire(
        &self,
        target: &Target,
        request: &Request,
    ) -> Result<Upstream, NoUpstream> {
        let websocket = convert::is_websocket(request);
        let mut made = 0;
        loop {
            if websocket && self.shared_has_no_websockets(target).await {
                return self.for_websocket(target).await;
            }
            if let Some(found) = self.find(target).await? {
                return Ok(found);
            }
            let speak = self.speak(target, request);
            if matches!(speak, Speak::Http1 | Speak::Tls([])) {
                return match self.connect(target, speak).await? {
                    Fresh::H1(upstream) => Ok(Upstream::H1(upstream)),
                    Fresh::H2(shared) => Ok(Upstream::H2(shared.exchange().await?)),
                };
            }
            let turn = self.turn.lock().await;
            // Somebody may have made one meanwhile.
            if self.is_new(target) {
                // A server that closes each connection before it has served anything would be asked for ever.
                if made == MADE_MAX {
                    return Err(ProxyError::NoResponse.into());
                }
                made += 1;
                let fresh = self.connect(target, speak).await?;
                self.enter(target, fresh);
            }
            drop(turn);
        }
    }

    /// Whether `target` speaks HTTP/2 with us, has no WebSockets there (RFC 8441 §3), and may have them over HTTP/1.
    async fn shared_has_no_websockets(&self, target: &Target) -> bool {
        let shared = {
            let kept = self.kept();
            let only = kept.http2_only.contains(target)
                || self.shared.h2c.contains(target)
                || (target.scheme == Scheme::Http
                    && self.shared.config.load().h2c_upstream == H2c::Always);
            let usable =
                |(to, shared): &&(Target, Arc<H2Conn>)| to == target && shared.mux().is_usable();
            let found = kept.shared.iter().find(usable).filter(|_| !only);
            found.map(|(_, shared)| shared.clone())
        };
        match shared {
            Some(shared) => {
                shared.mux().settled(SETTINGS_TIME).await
                    && !shared.mux().peer_allows_extended_connect()
            }
            None => false,
        }
    }

    /// An HTTP/1 connection for one WebSocket. What is asked of a server that speaks HTTP/2 otherwise goes over that.
    async fn for_websocket(&self, target: &Target) -> Result<Upstream, NoUpstream> {
        let speak = match target.scheme {
            Scheme::Https => Speak::Tls(&H1_OFFERS),
            Scheme::Http => Speak::Http1,
        };
        match self.connect(target, speak).await? {
            Fresh::H1(mut upstream) => {
                upstream.use_once();
                Ok(Upstream::H1(upstream))
            }
            Fresh::H2(shared) => Ok(Upstream::H2(shared.exchange().await?)),
        }
    }

    /// What is spoken on the next connection to `target`.
    fn speak(&self, target: &Target, request: &Request) -> Speak<'static> {
        let config = self.shared.config.load();
        let kept = self.kept();
        let http1 = kept.http1_only.contains(target);
        if target.scheme == Scheme::Https {
            let wanted = kept.client != ClientSpeaks::Http1 && !http1;
            let http2 = config.http2 && (wanted || kept.http2_only.contains(target));
            return Speak::Tls(if http2 { &H2_OFFERS } else { &[] });
        }
        let grpc = kept.client != ClientSpeaks::Http1
            && request
                .headers
                .get("content-type")
                .is_some_and(|kind| kind.starts_with(b"application/grpc"));
        match config.h2c_upstream {
            _ if !config.http2 => Speak::Http1,
            H2c::Never => Speak::Http1,
            H2c::Always => Speak::H2c,
            H2c::Auto if self.shared.h2c.contains(target) => Speak::H2cIfKnown,
            H2c::Auto if http1 => Speak::Http1,
            H2c::Auto if kept.client == ClientSpeaks::H2c || grpc => Speak::H2cIfKnown,
            H2c::Auto => Speak::Http1,
        }
    }

    /// A server that was offered no HTTP/2 has not answered at all, or has said that it speaks nothing else: from here
    /// on it is offered. False when there is nothing to be gained by that.
    pub(crate) fn offer_http2(&self, target: &Target, conn: &ServerConn) -> bool {
        let silent = conn.tls.as_ref().is_some_and(|tls| {
            tls.alpn.is_none() && !tls.alpn_offers.iter().any(|name| &name[..] == b"h2")
        });
        let mut kept = self.kept();
        if !silent || !self.shared.config.load().http2 || kept.http2_only.contains(target) {
            return false;
        }
        if kept.http2_only.len() == IDLE_MAX {
            kept.http2_only.remove(0);
        }
        kept.http1_only.retain(|known| known != target);
        kept.http2_only.push(target.clone());
        true
    }

    /// A server has answered in HTTP/2 what it was asked in HTTP/1: from here on it is asked in HTTP/2. False when it
    /// is not to be.
    pub(crate) fn learn_http2(&self, target: &Target, conn: &ServerConn) -> bool {
        if target.scheme == Scheme::Https {
            return self.offer_http2(target, conn);
        }
        let config = self.shared.config.load();
        if !config.http2 || config.h2c_upstream != H2c::Auto {
            return false;
        }
        tracing::info!(client = %self.client, "{target} speaks HTTP/2 without TLS, and is asked so from here on");
        self.kept().http1_only.retain(|known| known != target);
        self.shared.h2c.insert(target);
        true
    }

    /// Whether nothing is kept for `target`.
    fn is_new(&self, target: &Target) -> bool {
        let kept = self.kept();
        !kept.idle.iter().any(|(to, _)| to == target)
            && !kept
                .shared
                .iter()
                .any(|(to, shared)| to == target && shared.mux().is_usable())
    }

    async fn find(&self, target: &Target) -> Result<Option<Upstream>, NoUpstream> {
        let shared = {
            let mut kept = self.kept();
            while let Some(at) = kept.idle.iter().position(|(to, _)| to == target) {
                let (_, mut upstream) = kept.idle.swap_remove(at);
                if upstream.is_quiet() {
                    return Ok(Some(Upstream::H1(upstream)));
                }
            }
            if let Some((_, error)) = kept.failed.take_if(|(to, _)| to == target) {
                return Err(error);
            }
            kept.shared.retain(|(_, shared)| shared.mux().is_usable());
            let found = kept.shared.iter().find(|(to, _)| to == target);
            found.map(|(_, shared)| shared.clone())
        };
        let Some(shared) = shared else {
            return Ok(None);
        };
        match shared.exchange().await {
            Ok(upstream) => Ok(Some(Upstream::H2(upstream))),
            // It ended while we waited for our turn; there will be another one.
            Err(_) if !shared.mux().is_usable() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a connection for the next request to `target`.
    pub(crate) fn release(&self, target: Target, upstream: Upstream) {
        // A shared connection is still there.
        if let Upstream::H1(mut upstream) = upstream
            && upstream.is_reusable()
        {
            upstream.rest();
            self.keep(target, upstream);
        }
    }

    fn keep(&self, target: Target, upstream: Box<H1Upstream>) {
        let mut kept = self.kept();
        if kept.idle.len() == IDLE_MAX {
            kept.idle.remove(0);
        }
        kept.idle.push((target, upstream));
    }

    /// Enters a new connection among those that are there.
    fn enter(&self, target: &Target, fresh: Fresh) {
        match fresh {
            Fresh::H1(upstream) => {
                let mut kept = self.kept();
                if kept.http1_only.len() == IDLE_MAX {
                    kept.http1_only.remove(0);
                }
                kept.http1_only.push(target.clone());
                drop(kept);
                self.keep(target.clone(), upstream);
            }
            Fresh::H2(shared) => {
                let mut kept = self.kept();
                if let Some(client) = &kept.told {
                    shared.mux().pass_goaway_to(client);
                }
                if kept.shared.len() == IDLE_MAX {
                    kept.shared.remove(0);
                }
                kept.shared.push((target.clone(), shared));
            }
        }
    }

    async fn connect(&self, target: &Target, speak: Speak<'_>) -> Result<Fresh, NoUpstream> {
        let ready = self
            .kept()
            .dialled
            .take_if(|d| d.conn.address.0 == target.host && d.conn.address.1 == target.port);
        let dialled = match ready {
            Some(dialled) => dialled,
            None => self.fresh(&target.host, target.port).await?,
        };
        let mut open = Open::new(self.client, target, dialled.conn.peername);
        let Dialled { io, conn } = match speak {
            Speak::Tls(alpn) | Speak::Raw(alpn) => match self.secure(target, alpn, dialled).await {
                Err(error) if error.is_worth_another_try() => {
                    tracing::debug!(client = %self.client, "{error}; the other TLS engine is tried");
                    drop(open);
                    let Ok(again) = self.fresh(&target.host, target.port).await else {
                        return Err(error);
                    };
                    open = Open::new(self.client, target, again.conn.peername);
                    self.secure(target, alpn, again).await?
                }
                secured => secured?,
            },
            _ => dialled,
        };
        let http2 = conn
            .tls
            .as_ref()
            .is_some_and(|tls| tls.alpn.as_deref() == Some(b"h2"));
        let conn = Arc::new(conn);
        let (shared, known) = match speak {
            Speak::Tls(_) if http2 => (self.share(io, conn, open), true),
            Speak::H2c => (self.share(io, conn, open), true),
            Speak::H2cIfKnown => (self.share(io, conn, open), false),
            Speak::Tls(_) | Speak::Raw(_) | Speak::Http1 => {
                let (reader, writer) = io::split(io, BytesMut::new(), self.activity.clone());
                let limit = self.shared.config.load().head_limit;
                let upstream = H1Upstream::new(reader, writer, conn, open, limit);
                return Ok(Fresh::H1(Box::new(upstream)));
            }
        };
        if known || shared.mux().settled(SETTINGS_TIME).await {
            return Ok(Fresh::H2(shared));
        }
        drop(shared);
        self.shared.h2c.remove(target);
        tracing::debug!(client = %self.client, "{target} does not speak HTTP/2 without TLS; it is asked over HTTP/1");
        Box::pin(self.connect(target, Speak::Http1)).await
    }

    /// TLS on a fresh connection.
    async fn secure(
        &self,
        target: &Target,
        alpn: &[Bytes],
        Dialled { io, mut conn }: Dialled,
    ) -> Result<Dialled, NoUpstream> {
        let asked = tls::Asked {
            host: &target.host,
            port: target.port,
            sni: target.sni.as_deref(),
            alpn,
        };
        let settings = self.shared.config.load().tls.server.clone();
        match tls::server::connect(io, asked, &settings).await {
            Ok((stream, info)) => {
                conn.tls = Some(Arc::new(info));
                Ok(Dialled {
                    io: Box::new(stream),
                    conn,
                })
            }
            Err(error) => {
                conn.tls = Some(Arc::new(error.info().clone()));
                conn.error = Some(error.to_string().into());
                Err(NoUpstream {
                    error: ProxyError::ServerTls(error),
                    conn: Some(Arc::new(conn)),
                })
            }
        }
    }

    fn share(&self, io: BoxIo, conn: Arc<ServerConn>, open: Open) -> Arc<H2Conn> {
        let config = self.shared.config.load();
        H2Conn::start(io, self.activity.clone(), conn, open, &config)
    }
}

/// What stands for a client in the log.
#[derive(Clone, Copy)]
enum LogName {
    Address(SocketAddr),
    /// Its address is on record, and long gone.
    Replay,
}

impl std::fmt::Display for LogName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Replay => f.write_str("replay"),
        }
    }
}

/// Logs that a server connection is open, and when it is dropped that it is not.
pub(crate) struct Open {
    client: LogName,
    name: String,
}

impl Open {
    fn new(client: LogName, target: &Target, peername: Option<SocketAddr>) -> Self {
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
