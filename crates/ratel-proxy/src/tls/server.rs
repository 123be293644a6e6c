//! TLS towards the server.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use openssl::error::ErrorStack;
use ratel_flow::{TlsEngine, TlsInfo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::HANDSHAKE_TIMEOUT;
use super::client_cert::ClientCerts;
use super::engine::{ServerTls, legacy, modern};
use super::error::{Cause, TlsError};
use super::keylog::KeyLogFile;
use super::lru::Lru;
use super::pair::{CertPair, PairError};
use super::policy::TlsPolicy;
use super::roots::{Roots, RootsError, Strength};
use super::verify::Verifier;

/// Servers of which it is remembered that they need the legacy engine.
const REMEMBERED: usize = 1024;

/// What decides how servers are spoken with.
#[derive(Clone, Debug, Default)]
pub struct ServerTlsOptions {
    /// Every certificate is accepted.
    pub insecure: bool,
    /// A PEM file with the authorities to trust instead of the system's.
    pub trusted_ca: Option<PathBuf>,
    /// A folder of such files.
    pub trusted_confdir: Option<PathBuf>,
    /// Versions, ciphers and curves.
    pub policy: TlsPolicy,
    /// A PEM file with the certificate and key for servers that ask for one, or a folder with one `HOST.pem` for each.
    pub client_certs: Option<PathBuf>,
    /// The passphrase of those keys.
    pub passphrase: Option<String>,
    /// Where the secrets of handshakes go.
    pub keylog: Option<Arc<KeyLogFile>>,
}

/// The options can't be used. Displays as one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerTlsError {
    /// The authorities to trust.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The certificate to show.
    #[error("option 'client_certs': {0}")]
    ClientCert(#[from] PairError),
}

/// What all connections to servers share: trusted authorities, sessions to resume, chains seen, and which servers need
/// which engine. Cheap to clone.
#[derive(Clone)]
pub struct ServerTlsSettings(Arc<Inner>);

struct Inner {
    /// The trusted authorities that were named; none: the system's.
    named: Option<Arc<Roots>>,
    insecure: bool,
    policy: TlsPolicy,
    client_certs: Option<Arc<ClientCerts>>,
    keylog: Option<Arc<KeyLogFile>>,
    connectors: OnceLock<Result<Connectors, MakeError>>,
    /// Servers that the modern engine could not speak with.
    legacy: Mutex<Lru<Server, ()>>,
}

/// Which server, as far as the engine depends on it: host, port, and the name asked for.
type Server = (Box<str>, u16, Box<str>);

/// One for each engine; they share what was found out about certificates.
struct Connectors {
    modern: modern::Connector,
    legacy: legacy::Connector,
}

#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("{0}")]
    Modern(#[from] rustls::Error),
    #[error("{0}")]
    Legacy(#[from] ErrorStack),
}

impl fmt::Debug for ServerTlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTlsSettings")
    }
}

impl ServerTlsSettings {
    /// Reads the authorities and the certificate that `options` names; the system's authorities are read on a thread of
    /// their own, since there are many. Blocks on files.
    ///
    /// # Errors
    /// When a named file can't be read or holds no certificate.
    pub fn new(options: ServerTlsOptions) -> Result<Self, ServerTlsError> {
        let named = match (&options.trusted_ca, &options.trusted_confdir) {
            (None, None) => None,
            (file, folder) => Some(Arc::new(Roots::from_files(
                file.as_deref(),
                folder.as_deref(),
            )?)),
        };
        let client_certs = options
            .client_certs
            .as_deref()
            .map(|path| ClientCerts::open(path, options.passphrase.as_deref()))
            .transpose()?;
        let inner = Arc::new(Inner {
            named,
            insecure: options.insecure,
            policy: options.policy,
            client_certs: client_certs.map(Arc::new),
            keylog: options.keylog,
            connectors: OnceLock::new(),
            legacy: Mutex::new(Lru::new(REMEMBERED)),
        });
        if !inner.insecure && inner.named.is_none() {
            let inner = inner.clone();
            // Ends by itself in milliseconds. If it can't be started, the first connection does its work.
            let _ = std::thread::Builder::new()
                .name("trusted-certs".into())
                .spawn(move || inner.connectors().is_ok());
        }
        Ok(Self(inner))
    }

    /// What makes connections; the first caller may wait for files to be read.
    async fn connectors(&self) -> Result<&Connectors, Cause> {
        let made = match self.0.connectors.get() {
            Some(made) => made.as_ref(),
            None => {
                let inner = self.0.clone();
                let job = tokio::task::spawn_blocking(move || inner.connectors().is_ok());
                // Whatever became of the job, the result is made here if it is not there.
                let _ = job.await;
                self.0.connectors()
            }
        };
        made.map_err(|error| Cause::Protocol(error.to_string()))
    }

    /// The certificate for `host`.
    async fn client_cert(&self, host: &str) -> Result<Option<Arc<CertPair>>, Cause> {
        let Some(certs) = self.0.client_certs.clone() else {
            return Ok(None);
        };
        let host = host.to_owned();
        let job = tokio::task::spawn_blocking(move || certs.for_host(&host));
        let found = job.await.unwrap_or(Ok(None));
        found.map_err(Cause::ClientCert)
    }

    fn needs_legacy(&self, server: &Server) -> bool {
        let mut known = self.0.legacy.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(server).is_some()
    }

    fn remember(&self, server: Server, legacy: bool) {
        let mut known = self.0.legacy.lock().unwrap_or_else(PoisonError::into_inner);
        if legacy {
            known.insert(server, ());
        } else {
            known.remove(&server);
        }
    }
}

impl Inner {
    fn connectors(&self) -> Result<&Connectors, &MakeError> {
        let make = || {
            let roots = || {
                self.named
                    .clone()
                    .unwrap_or_else(|| Arc::new(Roots::system()))
            };
            let strength = match self.policy.is_permissive() {
                true => Strength::Any,
                false => Strength::Current,
            };
            let verifier = Arc::new(Verifier::new((!self.insecure).then(roots), strength));
            let keylog = self.keylog.as_ref();
            Ok(Connectors {
                modern: modern::Connector::new(verifier.clone(), &self.policy, keylog)?,
                legacy: legacy::Connector::new(verifier, &self.policy, self.insecure, keylog)?,
            })
        };
        self.connectors.get_or_init(make).as_ref()
    }
}

/// Who is to be spoken with.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The server's name or address.
    pub host: &'a str,
    /// The port that was connected to.
    pub port: u16,
    /// The name that is asked for and that the certificate must have; without one it is `host`.
    pub sni: Option<&'a str>,
    /// The protocols offered, best first.
    pub alpn: &'a [Bytes],
}

/// Does the handshake with a server, with the engine that it is known to need.
///
/// # Errors
/// When the server leaves, does not speak TLS, has nothing in common with us, shows a certificate that is refused, or
/// takes longer than [`HANDSHAKE_TIMEOUT`]. The error has the chain that was shown. If
/// [`TlsError::is_worth_another_try`], a call with a fresh connection tries the other engine.
///
/// # Cancel safety
/// Not cancel safe: the connection is lost with the future.
pub async fn connect<S>(
    io: S,
    server: Asked<'_>,
    settings: &ServerTlsSettings,
) -> Result<(ServerTls<S>, TlsInfo), TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Asked {
        host, port, alpn, ..
    } = server;
    let asked = server.sni.unwrap_or(host);
    let mut info = TlsInfo {
        alpn_offers: alpn.to_vec(),
        ..TlsInfo::default()
    };
    let Ok(name) = ServerName::try_from(asked.to_owned()) else {
        return Err(TlsError::server(asked, Cause::NoName, info));
    };
    if let ServerName::DnsName(name) = &name {
        info.sni = Some(name.as_ref().trim_end_matches('.').into());
    }
    let ready = async {
        Ok((
            settings.connectors().await?,
            settings.client_cert(asked).await?,
        ))
    };
    let (connectors, cert) = match ready.await {
        Ok(ready) => ready,
        Err(cause) => return Err(TlsError::server(asked, cause, info)),
    };
    let known: Server = (host.into(), port, asked.into());
    let remembered = settings.needs_legacy(&known);
    // Only the legacy engine shows certificates to servers that ask for one late, as some do.
    let shaken = if remembered || cert.is_some() || !settings.0.policy.suits_modern() {
        info.engine = Some(TlsEngine::Legacy);
        let handshake = connectors.legacy.connect(io, name, alpn, cert.as_deref());
        timeout(HANDSHAKE_TIMEOUT, handshake).await
    } else {
        info.engine = Some(TlsEngine::Modern);
        timeout(HANDSHAKE_TIMEOUT, connectors.modern.connect(io, name, alpn)).await
    };
    match shaken.unwrap_or(Err(Cause::TimedOut)) {
        Ok((stream, agreed)) => {
            agreed.enter(&mut info);
            Ok((stream, info))
        }
        Err(cause) => {
            let another_try = info.engine == Some(TlsEngine::Modern) && cause.is_of_the_engine();
            if another_try || remembered {
                settings.remember(known, another_try);
            }
            let error = TlsError::server(asked, cause, info);
            let error = error.with_policy(&settings.0.policy, cert.is_some());
            Err(if another_try {
                error.worth_another_try()
            } else {
                error
            })
        }
    }
}

#[cfg(test)]
mod tests;
