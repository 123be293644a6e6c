//! TLS towards the client.

mod choice;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ratel_core::clock;
use ratel_flow::{TlsEngine, TlsInfo};
use ratel_proto::client_hello::ClientHello;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::HANDSHAKE_TIMEOUT;
use super::ca::CaStore;
use super::engine::{Agreed, ClientTls, legacy, modern};
use super::error::{Cause, TlsError};
use super::keylog::KeyLogFile;
use super::leaf::Leaf;
use super::policy::TlsPolicy;
use choice::Choice;

/// What decides how clients are spoken with.
#[derive(Clone, Debug, Default)]
pub struct ClientTlsOptions {
    /// Versions, ciphers and curves.
    pub policy: TlsPolicy,
    /// Clients are asked for a certificate.
    pub ask_certificate: bool,
    /// Where the secrets of handshakes go.
    pub keylog: Option<Arc<KeyLogFile>>,
}

/// See [`ClientTlsOptions`]. Cheap to clone; what is made by it is kept as long as it is the one in use.
#[derive(Clone, Debug)]
pub struct ClientTlsSettings(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    options: ClientTlsOptions,
}

impl ClientTlsSettings {
    /// Settings of their own, even if they are like others.
    #[must_use]
    pub fn new(options: ClientTlsOptions) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Inner { id, options }))
    }

    /// Tells them from all others.
    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    pub(super) fn policy(&self) -> &TlsPolicy {
        &self.0.options.policy
    }

    pub(super) fn asks_certificate(&self) -> bool {
        self.0.options.ask_certificate
    }

    pub(super) fn keylog(&self) -> Option<&Arc<KeyLogFile>> {
        self.0.options.keylog.as_ref()
    }
}

/// Does the handshake with a client, showing it `leaf`.
///
/// `io` gives the bytes of the hello (again) and what follows them. `alpn` are the protocols that may be agreed on, best
/// first; if the client offers none of them, the handshake goes on without one (the client knows what it speaks then).
/// `host` is what messages call the destination, and `ca` is named in hints.
///
/// # Errors
/// When the client leaves, refuses the certificate, has nothing in common with us, or takes longer than
/// [`HANDSHAKE_TIMEOUT`].
///
/// # Cancel safety
/// Not cancel safe: the connection is lost with the future.
pub async fn accept<S>(
    io: S,
    hello: &ClientHello,
    leaf: &Leaf,
    alpn: &[Bytes],
    host: &str,
    ca: &CaStore,
    settings: &ClientTlsSettings,
) -> Result<(ClientTls<S>, TlsInfo), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut info = TlsInfo {
        sni: hello.sni.as_deref().map(Into::into),
        alpn_offers: hello.alpn.clone(),
        ech_offered: hello.offers_ech(),
        early_data_offered: hello.offers_early_data(),
        ..TlsInfo::default()
    };
    let alpn = alpn.iter().find(|ours| hello.alpn.contains(ours));
    let shaken = match Choice::for_hello(hello, settings.policy(), |kind| leaf.has(kind)) {
        Choice::Modern(kind) => {
            info.engine = Some(TlsEngine::Modern);
            let identity = leaf.identity(kind).await?;
            timeout(
                HANDSHAKE_TIMEOUT,
                modern::accept(io, identity, alpn, settings),
            )
            .await
        }
        Choice::Legacy => {
            info.engine = Some(TlsEngine::Legacy);
            let identity = leaf.legacy().await?;
            timeout(
                HANDSHAKE_TIMEOUT,
                legacy::accept(io, identity, alpn, settings),
            )
            .await
        }
    };
    match shaken.unwrap_or(Err(Cause::TimedOut)) {
        Ok((stream, agreed)) => {
            agreed.enter(&mut info);
            Ok((stream, info))
        }
        Err(cause) => Err(TlsError::client(
            host,
            cause,
            hello,
            ca,
            settings.policy(),
            info,
        )),
    }
}

impl Agreed {
    /// Writes down what a handshake has led to.
    pub(super) fn enter(self, info: &mut TlsInfo) {
        info.version = self.version;
        info.cipher = self.cipher.map(Into::into);
        info.group = self.group.map(Into::into);
        info.alpn = self.alpn;
        info.certificates = self.certificates;
        info.resumed = self.resumed;
        info.timestamp_setup = Some(clock::now());
    }
}
