//! Looking at what is said first until it tells what is spoken. Nothing of it is taken.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::ConnCtx;
use crate::error::ProxyError;
use crate::io::BoxIo;
use crate::modes::Destination;
use crate::next_layer::{Layer, Raw, is_promising, next_layer};
use crate::tls::LateAlert;
use crate::upstream::Target;
use crate::upstream::host_port;
use crate::upstream::pool::Upstreams;

/// How long a client may take to go on with what may become a request of an unusual kind. After that its bytes are
/// passed on as they are, since it may be waiting for an answer to them.
const UNDECIDED: Duration = Duration::from_secs(1);

/// Where a connection has got to.
pub(super) struct Place<'p> {
    pub(super) ctx: &'p ConnCtx,
    pub(super) upstreams: &'p Upstreams,
    pub(super) destination: &'p Destination,
    pub(super) in_tunnel: bool,
    /// The handshake of the TLS for this destination, if that is behind it.
    pub(super) shown: Option<&'p Shown>,
}

/// Who leaves within this time after the handshake has not waited for anything.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Bytes in which something must have begun; only empty lines take more.
const PEEK_MAX: usize = 8 * 1024;

/// A certificate that the client was shown.
pub(super) struct Shown {
    /// For whom.
    pub(super) host: String,
    /// When the handshake was complete.
    pub(super) at: Instant,
}

impl Place<'_> {
    pub(super) fn is_secured(&self) -> bool {
        self.shown.is_some()
    }

    /// Where raw bytes would go.
    pub(super) fn target(&self) -> Option<Target> {
        let tls = self.ctx.client.tls.as_ref().filter(|_| self.is_secured());
        self.destination
            .raw_target(tls.and_then(|tls| tls.sni.as_deref()))
    }

    fn raw(&self) -> Raw {
        let tls = self.ctx.client.tls.as_ref().filter(|_| self.is_secured());
        let sni = tls.and_then(|tls| tls.sni.as_deref());
        let agreed = tls.and_then(|tls| tls.alpn.as_ref());
        if always_raw(self.ctx, self.destination, sni) {
            Raw::Always
        } else if !self.in_tunnel || agreed.is_some_and(|alpn| super::is_http(alpn)) {
            Raw::Never
        } else if self.ctx.config.rawtcp {
            Raw::On
        } else {
            Raw::Off
        }
    }

    /// Reads until it is known what is spoken. [`Layer::Undecided`] means that the client has left, or is to.
    pub(super) async fn peek(
        &self,
        stream: &mut BoxIo,
        ahead: &mut BytesMut,
    ) -> Result<Layer, ProxyError> {
        let raw = self.raw();
        if raw == Raw::Always && self.is_secured() {
            return Ok(Layer::Raw);
        }
        let server_first = match raw {
            Raw::Never => None,
            Raw::Off => Some(Layer::RawOff),
            Raw::On | Raw::Always => Some(Layer::Raw),
        };
        let target = self.target().filter(|_| server_first.is_some());
        loop {
            // Some clients send an empty line after CONNECT; it is no part of a request or handshake that follows.
            let blank = |b: &&u8| self.in_tunnel && matches!(b, b'\r' | b'\n');
            let blanks = ahead.iter().take_while(blank).count();
            let first = &ahead[blanks..];
            match next_layer(first, raw) {
                Layer::Undecided => {}
                Layer::Raw => return Ok(Layer::Raw),
                layer => {
                    let _ = ahead.split_to(blanks);
                    return Ok(layer);
                }
            }
            if ahead.len() >= PEEK_MAX {
                return Err(ProxyError::NothingBegins { got: ahead.len() });
            }
            let got = first.len();
            let waits = matches!(raw, Raw::Never | Raw::Off) || got == 0 || is_promising(first);
            let read = tokio::select! {
                biased;
                read = stream.read_buf(ahead) => read,
                () = self.ctx.stop.cancelled(), if got == 0 => return Ok(Layer::Undecided),
                layer = self.greeted(target.as_ref(), server_first.as_ref()) => return Ok(layer),
                () = tokio::time::sleep(UNDECIDED), if !waits => return Ok(Layer::Raw),
            };
            self.ctx.activity.touch();
            if got == 0 {
                self.learn(&read);
            }
            match read {
                Err(source) if LateAlert::is_distrust_in(&source) => {
                    let during = "before its first request";
                    return Err(ProxyError::ClientIo { during, source });
                }
                Ok(0) | Err(_) if got == 0 => return Ok(Layer::Undecided),
                Ok(0) if matches!(raw, Raw::On | Raw::Always) => return Ok(Layer::Raw),
                Ok(0) | Err(_) => return Err(ProxyError::RequestCut { got }),
                Ok(_) => {}
            }
        }
    }

    /// What the first thing that a client does behind its handshake says about the certificate it was shown.
    fn learn(&self, read: &io::Result<usize>) {
        let Some(shown) = self.shown else {
            return;
        };
        if !self.ctx.config.pass.auto || self.destination.tls_target(None).is_none() {
            return;
        }
        let (memory, client) = (&self.ctx.shared.passthrough, self.ctx.client.peername);
        if matches!(read, Ok(1..)) {
            memory.accepted(client.ip(), &shown.host);
        } else if shown.at.elapsed() < AT_ONCE && memory.left(client.ip(), &shown.host) {
            let host = &shown.host;
            tracing::info!(
                %client,
                "the client leaves whenever it has seen Ratel's certificate for {host}; its next connections to {host} are passed through (auto_passthrough)",
            );
        }
    }

    /// Returns once the server has spoken first, with what that means.
    async fn greeted(&self, target: Option<&Target>, layer: Option<&Layer>) -> Layer {
        match (target, layer) {
            (Some(target), Some(layer)) => {
                self.upstreams.greeted(target).await;
                layer.clone()
            }
            _ => std::future::pending().await,
        }
    }
}

/// Whether the user wants everything that goes there passed on as it is (`tcp_hosts`).
pub(super) fn always_raw(ctx: &ConnCtx, destination: &Destination, sni: Option<&str>) -> bool {
    let hosts = &ctx.config.tcp_hosts;
    if hosts.is_empty() {
        return false;
    }
    let Some(Target { host, port, .. }) = destination.raw_target(None) else {
        return false;
    };
    hosts.is_match(&host)
        || hosts.is_match(&host_port(&host, port))
        || sni.is_some_and(|sni| hosts.is_match(sni))
}
