//! One client connection, from its first byte to its last: the layers it goes through and the task that runs it.

mod pass;
mod peek;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use ratel_core::addon::{AddonChain, TlsBegin};
use ratel_core::clock;
use ratel_core::control::Control;
use ratel_core::hooks::Hook;
use ratel_core::store::FlowStore;
use ratel_flow::{ClientConn, FlowKind, LiveAnnotations, Scheme, ServerConn, Side, TlsInfo};
use ratel_proto::client_hello::{self, ClientHello};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::error::{FaultError, ProxyError};
use crate::http::h1::server::{self, Outcome};
use crate::http::h2;
use crate::io::{Activity, BoxIo, Rewind};
use crate::modes::Destination;
use crate::next_layer::Layer;
use crate::passthrough::Passthrough;
use crate::recorder::{AbortCause, AbortReason, Recorder};
use crate::relay::tcp;
use crate::tls::{self, CaStore, LateAlert, LeafCache, LeafSpec, Pass};
use crate::upstream::connect::Dial;
use crate::upstream::pool::{H2cServers, Upstreams};

use pass::Begun;
use peek::{Place, Shown, always_raw};

/// TLS in a tunnel in TLS ... as deep as a connection may go.
const LAYERS_MAX: usize = 8;
/// Bytes of a ClientHello that are waited for.
const HELLO_MAX: usize = 256 * 1024;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: ArcSwap<Config>,
    pub(crate) store: FlowStore,
    pub(crate) addons: AddonChain,
    /// The flows that may be talked to.
    pub(crate) control: Control,
    pub(crate) dial: Box<dyn Dial>,
    /// What was learned of servers.
    pub(crate) h2c: H2cServers,
    /// What was learned of clients.
    pub(crate) passthrough: Passthrough,
    pub(crate) leaves: LeafCache,
    /// Where the certificate lies that clients have to trust.
    pub(crate) ca: CaStore,
    /// The addresses that clients reach us on.
    pub(crate) own: ArcSwap<Vec<SocketAddr>>,
}

impl Shared {
    /// Whether a connection that was made leads back to one of our own listeners, whatever name led there.
    pub(crate) fn is_own_peer(&self, peer: SocketAddr, local: Option<SocketAddr>) -> bool {
        let own = self.own.load();
        // Both ends have one address only on connections within this machine.
        let here = local.is_some_and(|local| local.ip() == peer.ip());
        own.iter()
            .filter(|addr| addr.port() == peer.port())
            .any(|addr| addr.ip() == peer.ip() || (addr.ip().is_unspecified() && here))
    }

    /// Whether a connection to `host:port` would come back to one of our own listeners.
    pub(crate) fn is_own(&self, host: &str, port: u16) -> bool {
        let own = self.own.load();
        own.iter()
            .filter(|addr| addr.port() == port)
            .any(|addr| match host.parse::<IpAddr>() {
                Ok(ip) => {
                    ip == addr.ip()
                        || (addr.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
                }
                Err(_) => {
                    host.eq_ignore_ascii_case("localhost")
                        && (addr.ip().is_unspecified() || addr.ip().is_loopback())
                }
            })
    }
}

/// One connection, as its layers see it.
#[derive(Clone)]
pub(crate) struct ConnCtx {
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: Arc<Config>,
    pub(crate) client: Arc<ClientConn>,
    pub(crate) activity: Arc<Activity>,
    /// Fires when no new exchange is to begin.
    pub(crate) stop: CancellationToken,
    pub(crate) abort: AbortReason,
    /// How many tunnels this is inside of.
    pub(crate) depth: usize,
    /// What the client is written in, as far as that is known.
    pub(crate) runtime: Option<tls::Runtime>,
}

/// Serves one client until it is done, has been silent for too long, or `kill` fires.
pub(crate) async fn run(
    mut ctx: ConnCtx,
    destination: Destination,
    io: BoxIo,
    kill: CancellationToken,
) {
    if ctx.shared.addons.wants(Hook::ClientConnected) {
        let mut client = ClientConn::clone(&ctx.client);
        ctx.shared.addons.client_connected(&mut client).await;
        if let Some(error) = &client.error {
            tracing::warn!(client = %client.peername, "{error}");
            return;
        }
        ctx.client = Arc::new(client);
    }
    tracing::info!(client = %ctx.client.peername, "client connect");
    ctx.activity.touch();
    let (activity, abort, limit) = (
        ctx.activity.clone(),
        ctx.abort.clone(),
        ctx.config.tcp_timeout,
    );
    let (peername, client) = (ctx.client.peername, ctx.client.clone());
    let addons = ctx.shared.addons.clone();
    tokio::select! {
        biased;
        () = served(ctx, destination, io) => {}
        () = killed(&kill, &abort) => {}
        () = idle(&activity, &abort, limit) => {}
    }
    tracing::info!(client = %peername, "client disconnect");
    if addons.wants(Hook::ClientDisconnected) {
        addons.client_disconnected(&client);
    }
}

/// Returns once open exchanges are to be dropped. Like [`idle`] it leaves the cause before it returns: the connection's
/// records are completed with it when its future is dropped.
pub(crate) async fn killed(kill: &CancellationToken, abort: &AbortReason) {
    kill.cancelled().await;
    abort.set(AbortCause::Stopped);
}

/// Returns once nothing has come in for `limit`.
pub(crate) async fn idle(activity: &Activity, abort: &AbortReason, limit: std::time::Duration) {
    let mut wait = limit;
    loop {
        tokio::time::sleep(wait).await;
        let silent = activity.silent();
        if silent >= limit {
            return abort.set(AbortCause::Idle(limit));
        }
        wait = limit - silent;
    }
}

/// Serves a connection from its first byte.
async fn served(ctx: ConnCtx, destination: Destination, io: BoxIo) {
    let upstreams = Upstreams::new(ctx.shared.clone(), ctx.activity.clone(), ctx.client.clone());
    layers(ctx, upstreams, destination, io, false).await;
}

/// Serves what is spoken in a tunnel over one stream of the connection `ctx` is about.
pub(crate) fn in_tunnel(
    ctx: &ConnCtx,
    upstreams: Upstreams,
    io: BoxIo,
    host: Arc<str>,
    port: u16,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let destination = Destination::Tunnel {
        scheme: Scheme::Http,
        host,
        port,
    };
    // The depth of streams in tunnels in streams is bounded like that of layers.
    let mut ctx = ctx.clone();
    ctx.depth += 1;
    Box::pin(layers(ctx, upstreams, destination, io, true))
}

/// Goes from layer to layer: TLS, HTTP, a tunnel, TLS in it, HTTP in that.
async fn layers(
    mut ctx: ConnCtx,
    upstreams: Upstreams,
    mut destination: Destination,
    mut io: BoxIo,
    mut in_tunnel: bool,
) {
    let mut ahead = BytesMut::new();
    let mut shown: Option<Shown> = None;
    for _ in ctx.depth..LAYERS_MAX {
        let place = Place {
            ctx: &ctx,
            upstreams: &upstreams,
            destination: &destination,
            in_tunnel,
            shown: shown.as_ref(),
        };
        let layer = match place.begin(&mut io, &mut ahead).await {
            Ok(Begun::Passed(reason)) => return place.pass_through(reason, io, ahead).await,
            Ok(Begun::Layer(layer)) => layer,
            Err(error) => {
                let error = ctx.noted(error, &destination);
                return ctx.record_failure(&ahead, &error);
            }
        };
        if let Some(error) = ctx.refuses(&layer) {
            return ctx.record_failure(&ahead, &error);
        }
        match layer {
            Layer::Undecided | Layer::Other(_) | Layer::RawOff => return,
            Layer::Raw => {
                // Only where it is known where they go is anything raw.
                if let Some(target) = place.target() {
                    Box::pin(tcp::run(&ctx, &upstreams, &destination, &target, io, ahead)).await;
                }
                return;
            }
            Layer::Tls => {
                let hello = std::mem::take(&mut ahead);
                match accept_tls(&mut ctx, &destination, &upstreams, io, hello).await {
                    Ok((stream, to)) => (io, shown) = (stream, Some(to)),
                    Err(error) => {
                        let error = ctx.noted(error, &destination);
                        return ctx.record_failure(&[], &error);
                    }
                }
                if let Destination::Tunnel { scheme, .. } = &mut destination {
                    *scheme = Scheme::Https;
                }
            }
            Layer::Http2 => {
                upstreams.client_speaks_http2(ctx.client.tls.is_some());
                let served = h2::server::serve(&ctx, &upstreams, &destination, io, ahead);
                return Box::pin(served).await;
            }
            Layer::Http1 => {
                let served = server::serve(
                    &ctx,
                    &upstreams,
                    &destination,
                    io,
                    std::mem::take(&mut ahead),
                );
                match Box::pin(served).await {
                    Outcome::Closed => return,
                    Outcome::Tunnel {
                        io: stream,
                        ahead: rest,
                        host,
                        port,
                        runtime,
                    } => {
                        ctx.runtime = runtime;
                        (io, ahead, in_tunnel, shown) = (stream, rest, true, None);
                        destination = Destination::Tunnel {
                            scheme: Scheme::Http,
                            host,
                            port,
                        };
                    }
                }
            }
        }
    }
    let too_deep = format!("more than {LAYERS_MAX} protocols inside each other");
    ctx.record_failure(&[], &ProxyError::NotHttp(too_deep));
}

/// The alert of that name (RFC 8446 §6), in the clear.
pub(crate) const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// TLS towards the client: the hello is read, the server is asked first where that is possible, and a certificate
/// like the server's is shown.
async fn accept_tls(
    ctx: &mut ConnCtx,
    destination: &Destination,
    upstreams: &Upstreams,
    mut io: BoxIo,
    mut ahead: BytesMut,
) -> Result<(BoxIo, Shown), ProxyError> {
    let hello = read_hello(ctx, &mut io, &mut ahead).await?;
    let sni = hello.sni.as_deref();
    let begin = TlsBegin {
        client: &ctx.client,
        sni,
        address: destination.address(),
    };
    if let Some(rule) = ctx.shared.addons.fails_tls(begin) {
        // A client that is gone need not be told.
        let _ = Box::pin(async {
            io.write_all(&HANDSHAKE_FAILURE).await?;
            io.shutdown().await
        })
        .await;
        return Err(ProxyError::Fault(FaultError::tls(rule)));
    }
    let raw = always_raw(ctx, destination, sni);
    let spoken = if raw {
        hello.alpn.clone()
    } else {
        // Only in tunnels is anything but HTTP passed on.
        let in_tunnel = matches!(destination, Destination::Tunnel { .. });
        spoken(&hello, ctx.config.http2, ctx.config.rawtcp && in_tunnel)
    };
    let mut server: Option<Arc<ServerConn>> = None;
    let serves = |host: &str| !raw && ctx.shared.addons.serves(host);
    if let Some(target) = destination
        .tls_target(sni)
        .filter(|_| ctx.config.eager && ctx.config.upstream_cert)
        .filter(|target| !serves(&target.host) && !target.sni.as_deref().is_some_and(serves))
    {
        server = if raw {
            upstreams.prepare_raw(&target, &spoken).await
        } else {
            upstreams.prepare(&target, &spoken).await
        };
    }
    let certificates = server
        .as_ref()
        .and_then(|conn| conn.tls.as_ref())
        .map(|tls| &tls.certificates);
    let host = destination.host().map(|host| &**host);
    let local = ctx.client.sockname.ip();
    let mut spec =
        LeafSpec::for_connection(certificates, sni, local, host, ctx.config.upstream_cert);
    if let Some(chain) = certificates.filter(|_| ctx.config.add_upstream_certs) {
        spec = spec.followed_by(chain);
    }
    let named = sni
        .or(host)
        .map_or_else(|| local.to_string(), str::to_owned);
    let leaf = ctx
        .shared
        .leaves
        .get(spec)
        .await
        .map_err(|error| ProxyError::ClientTls(error.into()))?;
    // Who did not wait for the server has seen nothing to refuse.
    let gone = matches!(io.read_buf(&mut ahead).now_or_never(), Some(Ok(0) | Err(_)));
    let stream = Box::new(Rewind::new(ahead, io));
    let alpn = agreed(spoken, server.as_deref(), raw);
    let (ca, settings) = (&ctx.shared.ca, &ctx.config.tls.client);
    let accepted = tls::client::accept(stream, &hello, &leaf, &alpn, &named, ca, settings).await;
    ctx.runtime = ctx.runtime.or_else(|| tls::Runtime::of_hello(&hello));
    // What is known of a handshake that failed, its name above all, is worth a row, too.
    let info = accepted
        .as_ref()
        .map_or_else(|error| error.info(), |(_, info)| info)
        .clone();
    let mut client = ClientConn::clone(&ctx.client);
    client.tls = Some(Arc::new(info));
    ctx.client = Arc::new(client);
    let (stream, _) = accepted
        .map_err(|error| ProxyError::ClientTls(if gone { error.unseen() } else { error }))?;
    let shown = Shown {
        host: named,
        at: Instant::now(),
    };
    Ok((Box::new(stream), shown))
}

/// The part of the client's offer that can be served, in the client's order. Where other protocols are passed on, and
/// no HTTP is offered, that is all of it.
fn spoken(hello: &ClientHello, http2: bool, raw: bool) -> Vec<Bytes> {
    let served = |name: &&Bytes| is_http(name) && (http2 || &name[..] != b"h2");
    let offers = &hello.alpn;
    if raw && !offers.iter().any(|name| is_http(name)) {
        return offers.clone();
    }
    offers.iter().filter(served).cloned().collect()
}

/// What of that the client is offered: what the server agreed to where it is known, so that both sides speak the same.
fn agreed(spoken: Vec<Bytes>, server: Option<&ServerConn>, raw: bool) -> Vec<Bytes> {
    let Some(tls) = server.and_then(|conn| conn.tls.as_ref()) else {
        return spoken;
    };
    let same = |name: &&Bytes| match &tls.alpn {
        Some(alpn) => *name == alpn,
        // A server without ALPN speaks HTTP/1 (RFC 9113 §3.2).
        None => is_http(name) && &name[..] != b"h2",
    };
    let same: Vec<_> = spoken.iter().filter(same).cloned().collect();
    // A client that knows nothing else is served all the same, by conversion; raw bytes cannot be converted.
    if same.is_empty() && !raw && spoken.iter().any(|name| is_http(name)) {
        return spoken;
    }
    same
}

/// Whether a name in ALPN stands for a version of HTTP that is spoken here.
fn is_http(name: &[u8]) -> bool {
    matches!(name, b"h2" | b"http/1.1" | b"http/1.0")
}

async fn read_hello(
    ctx: &ConnCtx,
    io: &mut BoxIo,
    ahead: &mut BytesMut,
) -> Result<ClientHello, ProxyError> {
    loop {
        let parsed = client_hello::parse(ahead);
        if let Some(hello) =
            parsed.map_err(|error| ProxyError::ClientTls(tls::TlsError::hello(&error)))?
        {
            return Ok(hello);
        }
        let read = if ahead.len() > HELLO_MAX {
            0
        } else {
            io.read_buf(ahead).await.unwrap_or(0)
        };
        ctx.activity.touch();
        if read == 0 {
            return Err(ProxyError::ClientTls(tls::TlsError::hello_cut(ahead.len())));
        }
    }
}

impl ConnCtx {
    /// Why a protocol is not served.
    fn refuses(&self, layer: &Layer) -> Option<ProxyError> {
        tracing::trace!("next layer: {layer:?}");
        Some(match layer {
            Layer::Other(name) => ProxyError::NotHttp((*name).into()),
            Layer::RawOff => ProxyError::RawOff,
            Layer::Http2 if !self.config.http2 => ProxyError::Http2Off,
            _ => return None,
        })
    }

    /// Remembers that a client has refused our certificate, if the error is about that, and has it say what follows.
    pub(crate) fn noted(&self, error: ProxyError, destination: &Destination) -> ProxyError {
        let error = match (error, &self.client.tls) {
            (ProxyError::ClientTls(error), _) => error,
            (ProxyError::ClientIo { during, source }, Some(tls)) => {
                let Some(alert) = LateAlert::of(&source).filter(|alert| alert.is_distrust()) else {
                    return ProxyError::ClientIo { during, source };
                };
                let host = tls.sni.as_deref();
                let host = host.or(destination.host().map(|host| &**host));
                let (ca, info) = (&self.shared.ca, TlsInfo::clone(tls));
                tls::TlsError::late(host.unwrap_or_default(), alert, ca, info)
            }
            (error, _) => return error,
        };
        let host = error.host();
        if !error.is_distrust() || destination.tls_target(None).is_none() {
            return ProxyError::ClientTls(error);
        }
        let pass = if self.config.pass.auto {
            let (memory, client) = (&self.shared.passthrough, self.client.peername.ip());
            memory.refused(client, host);
            Pass::Next
        } else {
            Pass::OnDemand
        };
        ProxyError::ClientTls(error.with_pass(pass).with_runtime(self.runtime))
    }

    /// A row for a connection that failed before it carried an exchange. `seen` is what the client sent.
    pub(crate) fn record_failure(&self, seen: &[u8], error: &ProxyError) {
        let now = clock::now();
        let recorder = Recorder::new(
            self.shared
                .store
                .open(FlowKind::Connection, &self.client, now),
            self.abort.clone(),
        );
        recorder.data(Side::Client, &[Bytes::copy_from_slice(seen)], now);
        let mut said = LiveAnnotations::default();
        error.mark(&mut said);
        recorder.said(&mut said);
        recorder.error(error.to_flow_error(now));
        recorder.finish(now);
        tracing::debug!(client = %self.client.peername, "{error}");
    }
}
