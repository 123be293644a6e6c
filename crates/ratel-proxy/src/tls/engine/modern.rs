//! The modern engine: rustls, for TLS 1.2 and 1.3.
//!
//! Whatever can be shared between connections is made once: configurations, tickets' keys, sessions, parsed keys.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use ratel_flow::TlsVersion;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, CipherSuite, ClientConfig, CommonState, Error,
    InvalidMessage, PeerIncompatible, ProtocolVersion, ServerConfig,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Agreed, ClientTls, ServerTls};
use crate::tls::chains::Chains;
use crate::tls::error::Cause;
use crate::tls::refusal::Refusal;
use crate::tls::roots::Roots;
use crate::tls::verify::{Refused, Verifier};

pub(super) type ClientStream<S> = tokio_rustls::server::TlsStream<S>;
pub(super) type ServerStream<S> = tokio_rustls::client::TlsStream<S>;

/// Servers whose sessions are remembered.
const SESSIONS: usize = 1024;
/// Session tickets sent after a TLS 1.3 handshake. Clients may use one more than once with the kind that is sent here.
const TICKETS: usize = 1;

/// The cryptography. Passed on explicitly and never made the process's default.
///
/// The suites with AES-128 and SHA-256 come first, as in browsers: processors hash SHA-256 many times faster than
/// SHA-384, which makes up a quarter of a TLS 1.3 handshake.
fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let mut provider = aws_lc_rs::default_provider();
        let suites = &mut provider.cipher_suites;
        suites.sort_by_key(|suite| (suite.tls13().is_none(), !uses_aes_128(suite.suite())));
        Arc::new(provider)
    })
}

fn uses_aes_128(suite: CipherSuite) -> bool {
    use CipherSuite as C;
    matches!(
        suite,
        C::TLS13_AES_128_GCM_SHA256
            | C::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | C::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}

/// A private key, ready for signing.
pub(in crate::tls) fn signing_key(pkcs8: Vec<u8>) -> Result<Arc<dyn SigningKey>, Error> {
    aws_lc_rs::sign::any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8.into()))
}

/// A chain and its key as shown to clients, with a configuration for each protocol that was agreed on.
#[derive(Debug)]
pub(in crate::tls) struct Identity {
    certified: Arc<CertifiedKey>,
    configs: Mutex<Vec<(Option<Bytes>, Arc<ServerConfig>)>>,
}

impl Identity {
    pub(in crate::tls) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
    ) -> Self {
        Self {
            certified: Arc::new(CertifiedKey::new(chain, key)),
            configs: Mutex::default(),
        }
    }

    pub(in crate::tls) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// The protocols come from our own short list, so that the configurations are few.
    fn config(&self, alpn: Option<&Bytes>) -> Result<Arc<ServerConfig>, Error> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = configs.iter().find(|(of, _)| of.as_ref() == alpn) {
            return Ok(config.clone());
        }
        let mut config = ServerConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(self.certified.clone())));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        // The quickest suite that the client has; see `provider`.
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = TICKETS;
        if let Some(ticketer) = ticketer() {
            config.ticketer = ticketer;
        }
        let config = Arc::new(config);
        configs.push((alpn.cloned(), config.clone()));
        Ok(config)
    }
}

/// Encrypts sessions into the tickets that clients come back with: one for all leaves, changing its key by itself.
fn ticketer() -> Option<Arc<dyn rustls::server::ProducesTickets>> {
    static TICKETER: OnceLock<Option<Arc<dyn rustls::server::ProducesTickets>>> = OnceLock::new();
    // Without randomness for its key there are no tickets, and every handshake is a full one.
    TICKETER
        .get_or_init(|| aws_lc_rs::Ticketer::new().ok())
        .clone()
}

/// TLS towards a client that begins with its ClientHello. `alpn` is the protocol to agree on.
pub(in crate::tls) async fn accept<S>(
    io: S,
    identity: &Identity,
    alpn: Option<&Bytes>,
) -> Result<(ClientTls<S>, Agreed), Cause>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = identity.config(alpn).map_err(|error| tls_cause(&error))?;
    let stream = TlsAcceptor::from(config).accept(io).await.map_err(cause)?;
    let state = stream.get_ref().1;
    let agreed = Agreed {
        version: version(state),
        cipher: cipher(state),
        alpn: state.alpn_protocol().map(Bytes::copy_from_slice),
        certificates: [].into(),
    };
    Ok((ClientTls(stream), agreed))
}

/// Makes connections to servers, which share their sessions.
pub(in crate::tls) struct Connector {
    connector: TlsConnector,
    chains: Arc<Chains>,
}

impl Connector {
    /// With `roots` missing, every certificate is accepted.
    pub(in crate::tls) fn new(roots: Option<Arc<Roots>>) -> Result<Self, Error> {
        let chains = Arc::new(Chains::new());
        let verifier = Verifier::new(provider().clone(), chains.clone(), roots);
        let mut config = ClientConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(SESSIONS)));
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, chains })
    }

    /// TLS towards the server `name`, which is offered the protocols `alpn`.
    pub(in crate::tls) async fn connect<S>(
        &self,
        io: S,
        name: ServerName<'static>,
        alpn: &[Bytes],
    ) -> Result<(ServerTls<S>, Agreed), Cause>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let alpn = alpn.iter().map(|name| name.to_vec()).collect();
        let stream = self
            .connector
            .with_alpn(alpn)
            .connect(name, io)
            .await
            .map_err(cause)?;
        let state = stream.get_ref().1;
        let shown = state.peer_certificates().unwrap_or_default();
        let agreed = Agreed {
            version: version(state),
            cipher: cipher(state),
            alpn: state.alpn_protocol().map(Bytes::copy_from_slice),
            certificates: self.chains.intern(shown.iter()).certificates.clone(),
        };
        Ok((ServerTls(stream), agreed))
    }
}

fn version(state: &CommonState) -> Option<TlsVersion> {
    match state.protocol_version()? {
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
        _ => None,
    }
}

fn cipher(state: &CommonState) -> Option<&'static str> {
    use CipherSuite as C;
    Some(match state.negotiated_cipher_suite()?.suite() {
        C::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        C::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        C::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        C::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        C::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        C::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        C::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        C::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        C::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => return None,
    })
}

/// What a failed handshake means.
fn cause(error: io::Error) -> Cause {
    if let Some(error) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        return tls_cause(error);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Cause::Closed,
        _ => Cause::Io(error),
    }
}

fn tls_cause(error: &Error) -> Cause {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            match other.0.downcast_ref::<Refused>() {
                Some(refused) => Cause::Refused(refused.refusal.clone(), refused.chain.clone()),
                None => Cause::Refused(Refusal::Other(other.to_string()), [].into()),
            }
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            Cause::Refused(Refusal::BadSignature, [].into())
        }
        Error::InvalidCertificate(why) => {
            Cause::Refused(Refusal::Other(why.to_string()), [].into())
        }
        Error::NoCertificatesPresented => Cause::Refused(Refusal::Missing, [].into()),
        Error::AlertReceived(AlertDescription::ProtocolVersion) => Cause::Version,
        Error::AlertReceived(alert) => Cause::Alert((*alert).into()),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => Cause::NotTls,
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => Cause::Version,
        Error::PeerIncompatible(what) => Cause::Incompatible(incompatible(what)),
        other => Cause::Protocol(other.to_string()),
    }
}

/// What both sides would have to have in common.
fn incompatible(what: &PeerIncompatible) -> &'static str {
    match what {
        PeerIncompatible::NoCipherSuitesInCommon => "cipher suite",
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NamedGroupsExtensionRequired
        | PeerIncompatible::KeyShareExtensionRequired => "key exchange group",
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => "signature algorithm",
        PeerIncompatible::NoEcPointFormatsInCommon
        | PeerIncompatible::UncompressedEcPointsRequired
        | PeerIncompatible::EcPointsExtensionRequired => "curve point format",
        _ => "set of TLS extensions",
    }
}
