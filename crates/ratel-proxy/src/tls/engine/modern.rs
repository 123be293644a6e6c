//! The modern engine: rustls, for TLS 1.2 and 1.3.
//!
//! Whatever can be shared between connections is made once: configurations, tickets' keys, sessions, parsed keys.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use ratel_flow::TlsVersion;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::{ClientSessionMemoryCache, ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, CipherSuite, ClientConfig, CommonState,
    DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, InvalidMessage,
    PeerIncompatible, ProtocolVersion, ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Agreed, Client, ClientTls, Server, ServerTls};
use crate::tls::client::ClientTlsSettings;
use crate::tls::error::Cause;
use crate::tls::keylog::KeyLogFile;
use crate::tls::policy::TlsPolicy;
use crate::tls::refusal::Refusal;
use crate::tls::verify::{Refused, Verifier, or_openssl};

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
pub(in crate::tls) fn provider() -> &'static Arc<CryptoProvider> {
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

/// The versions that a policy allows of those that this engine has.
fn versions(policy: &TlsPolicy) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] =
        [&rustls::version::TLS13, &rustls::version::TLS12];
    match (
        policy.allows(TlsVersion::Tls12),
        policy.allows(TlsVersion::Tls13),
    ) {
        (true, false) => &BOTH[1..],
        (false, true) => &BOTH[..1],
        _ => &BOTH,
    }
}

/// A chain and its key as shown to clients, with a configuration for each protocol that was agreed on.
#[derive(Debug)]
pub(in crate::tls) struct Identity {
    certified: Arc<CertifiedKey>,
    configs: Mutex<Configs>,
}

/// Configurations by protocol, all made by the same settings.
#[derive(Debug, Default)]
struct Configs {
    made_by: u64,
    by_alpn: Vec<(Option<Bytes>, Arc<ServerConfig>)>,
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
    fn config(
        &self,
        alpn: Option<&Bytes>,
        settings: &ClientTlsSettings,
    ) -> Result<Arc<ServerConfig>, Error> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if configs.made_by != settings.id() {
            *configs = Configs {
                made_by: settings.id(),
                by_alpn: Vec::new(),
            };
        }
        let known = configs.by_alpn.iter().find(|(of, _)| of.as_ref() == alpn);
        if let Some((_, config)) = known {
            return Ok(config.clone());
        }
        let builder = ServerConfig::builder_with_provider(provider().clone())
            .with_protocol_versions(versions(settings.policy()))?;
        let builder = if settings.asks_certificate() {
            builder.with_client_cert_verifier(Arc::new(AnyClient))
        } else {
            builder.with_no_client_auth()
        };
        let mut config =
            builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(self.certified.clone())));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        // The quickest suite that the client has; see `provider`.
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = TICKETS;
        if let Some(ticketer) = ticketer() {
            config.ticketer = ticketer;
        }
        if let Some(keylog) = settings.keylog() {
            config.key_log = keylog.clone();
        }
        let config = Arc::new(config);
        configs.by_alpn.push((alpn.cloned(), config.clone()));
        Ok(config)
    }
}

/// Asks a client for a certificate, and takes whichever it has, and none: it is for the server to judge.
#[derive(Debug)]
struct AnyClient;

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = verify_tls12_signature(
            message,
            cert,
            dss,
            &provider().signature_verification_algorithms,
        );
        or_openssl(valid, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let valid = verify_tls13_signature(
            message,
            cert,
            dss,
            &provider().signature_verification_algorithms,
        );
        or_openssl(valid, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
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
    settings: &ClientTlsSettings,
) -> Result<(ClientTls<S>, Agreed), Cause>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = identity
        .config(alpn, settings)
        .map_err(|error| tls_cause(&error))?;
    let stream = TlsAcceptor::from(config).accept(io).await.map_err(cause)?;
    let state = stream.get_ref().1;
    let agreed = Agreed {
        version: version(state),
        cipher: cipher(state),
        group: group(state),
        alpn: state.alpn_protocol().map(Bytes::copy_from_slice),
        certificates: state
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|der| Bytes::copy_from_slice(der))
            .collect(),
        resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
    };
    Ok((ClientTls(Client::Modern(Box::new(stream))), agreed))
}

/// Makes connections to servers, which share their sessions.
pub(in crate::tls) struct Connector {
    connector: TlsConnector,
    verifier: Arc<Verifier>,
}

impl Connector {
    pub(in crate::tls) fn new(
        verifier: Arc<Verifier>,
        policy: &TlsPolicy,
        keylog: Option<&Arc<KeyLogFile>>,
    ) -> Result<Self, Error> {
        let mut config = ClientConfig::builder_with_provider(provider().clone())
            .with_protocol_versions(versions(policy))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(Arc::new(NoCertificate));
        config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(SESSIONS)));
        if let Some(keylog) = keylog {
            config.key_log = keylog.clone();
        }
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            verifier,
        })
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
        let connecting = self.connector.with_alpn(alpn).connect(name, io);
        let (connected, asked) = ASKED
            .scope(Cell::new(false), async {
                (connecting.await, ASKED.with(Cell::get))
            })
            .await;
        let stream = connected.map_err(|error| match cause(error) {
            // A server that asked for one and got none has said what it misses.
            Cause::Alert(_) | Cause::Closed if asked => Cause::WantsCertificate,
            cause => cause,
        })?;
        let state = stream.get_ref().1;
        let shown = state.peer_certificates().unwrap_or_default();
        let agreed = Agreed {
            version: version(state),
            cipher: cipher(state),
            group: group(state),
            alpn: state.alpn_protocol().map(Bytes::copy_from_slice),
            certificates: self.verifier.intern(shown.iter()),
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        };
        Ok((ServerTls(Server::Modern(Box::new(stream))), agreed))
    }
}

tokio::task_local! {
    /// Whether the server has asked for a certificate in the handshake of this task. Sessions are resumed only under the
    /// resolver that they were made under, so that one for each connection can't keep it.
    static ASKED: Cell<bool>;
}

/// There is no certificate to show; that one was asked for is noted.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Only handshakes outside of a task have no place for it.
        let _ = ASKED.try_with(|asked| asked.set(true));
        None
    }

    fn has_certs(&self) -> bool {
        // Otherwise it is not asked.
        true
    }
}

/// By OpenSSL's names where they differ from those of the standards.
fn group(state: &CommonState) -> Option<String> {
    let group = state.negotiated_key_exchange_group()?.name();
    Some(format!("{group:?}"))
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

/// The alert with which a peer ended a connection that stood already.
pub(in crate::tls) fn late_alert(error: &io::Error) -> Option<u8> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some((*alert).into()),
        _ => None,
    }
}

/// What a failed handshake means.
fn cause(error: io::Error) -> Cause {
    if let Some(error) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        return tls_cause(error);
    }
    io_cause(error)
}

/// What it means that the connection failed.
pub(super) fn io_cause(error: io::Error) -> Cause {
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
