//! TLS towards the server.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ratel_core::clock;
use ratel_flow::TlsInfo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::HANDSHAKE_TIMEOUT;
use super::engine::ServerTls;
use super::engine::modern::Connector;
use super::error::{Cause, TlsError};
use super::roots::{Roots, RootsError};

/// What decides how servers are spoken with.
#[derive(Clone, Debug, Default)]
pub struct ServerTlsOptions {
    /// Every certificate is accepted.
    pub insecure: bool,
    /// A PEM file with the authorities to trust instead of the system's.
    pub trusted_ca: Option<PathBuf>,
    /// A folder of such files.
    pub trusted_confdir: Option<PathBuf>,
}

/// What all connections to servers share: trusted authorities, sessions to resume, chains seen. Cheap to clone.
#[derive(Clone)]
pub struct ServerTlsSettings(Arc<Inner>);

struct Inner {
    /// The trusted authorities that were named; none: the system's.
    named: Option<Arc<Roots>>,
    insecure: bool,
    connector: OnceLock<Result<Connector, rustls::Error>>,
}

impl fmt::Debug for ServerTlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTlsSettings")
    }
}

impl ServerTlsSettings {
    /// Reads the authorities that `options` names; the system's are read on a thread of their own, since there are many.
    ///
    /// # Errors
    /// When a named file can't be read or holds no certificate.
    pub fn new(options: ServerTlsOptions) -> Result<Self, RootsError> {
        let ServerTlsOptions {
            insecure,
            trusted_ca,
            trusted_confdir,
        } = options;
        let named = match (&trusted_ca, &trusted_confdir) {
            (None, None) => None,
            (file, folder) => Some(Arc::new(Roots::from_files(
                file.as_deref(),
                folder.as_deref(),
            )?)),
        };
        let inner = Arc::new(Inner {
            named,
            insecure,
            connector: OnceLock::new(),
        });
        if !insecure && inner.named.is_none() {
            let inner = inner.clone();
            // Ends by itself in milliseconds. If it can't be started, the first connection does its work.
            let _ = std::thread::Builder::new()
                .name("trusted-certs".into())
                .spawn(move || inner.connector().is_ok());
        }
        Ok(Self(inner))
    }

    /// What makes connections; the first caller may wait for files to be read.
    async fn connector(&self) -> Result<&Connector, Cause> {
        let made = match self.0.connector.get() {
            Some(made) => made,
            None => {
                let inner = self.0.clone();
                let job = tokio::task::spawn_blocking(move || inner.connector().is_ok());
                // Whatever became of the job, the result is made here if it is not there.
                let _ = job.await;
                return self
                    .0
                    .connector()
                    .map_err(|error| Cause::Protocol(error.to_string()));
            }
        };
        made.as_ref()
            .map_err(|error| Cause::Protocol(error.to_string()))
    }
}

impl Inner {
    fn connector(&self) -> Result<&Connector, &rustls::Error> {
        let make = || {
            let roots = || {
                self.named
                    .clone()
                    .unwrap_or_else(|| Arc::new(Roots::system()))
            };
            Connector::new((!self.insecure).then(roots))
        };
        self.connector.get_or_init(make).as_ref()
    }
}

/// Does the handshake with a server.
///
/// `sni` is the name that is asked for and that the certificate must have; without one it is `host`, which may be an
/// address. `alpn_offers` are the protocols offered, best first.
///
/// # Errors
/// When the server leaves, does not speak TLS, has nothing in common with us, shows a certificate that is refused, or
/// takes longer than [`HANDSHAKE_TIMEOUT`]. The error has the chain that was shown.
///
/// # Cancel safety
/// Not cancel safe: the connection is lost with the future.
pub async fn connect<S>(
    io: S,
    host: &str,
    sni: Option<&str>,
    alpn_offers: &[Bytes],
    settings: &ServerTlsSettings,
) -> Result<(ServerTls<S>, TlsInfo), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let asked = sni.unwrap_or(host);
    let mut info = TlsInfo {
        alpn_offers: alpn_offers.to_vec(),
        ..TlsInfo::default()
    };
    let Ok(name) = ServerName::try_from(asked.to_owned()) else {
        return Err(TlsError::server(asked, Cause::NoName, info));
    };
    if let ServerName::DnsName(name) = &name {
        info.sni = Some(name.as_ref().trim_end_matches('.').into());
    }
    let connector = match settings.connector().await {
        Ok(connector) => connector,
        Err(cause) => return Err(TlsError::server(asked, cause, info)),
    };
    let handshake = timeout(HANDSHAKE_TIMEOUT, connector.connect(io, name, alpn_offers));
    match handshake.await.unwrap_or(Err(Cause::TimedOut)) {
        Ok((stream, agreed)) => {
            info.version = agreed.version;
            info.cipher = agreed.cipher.map(Into::into);
            info.alpn = agreed.alpn;
            info.certificates = agreed.certificates;
            info.timestamp_setup = Some(clock::now());
            Ok((stream, info))
        }
        Err(cause) => Err(TlsError::server(asked, cause, info)),
    }
}

#[cfg(test)]
mod tests;
