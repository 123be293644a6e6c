//! The legacy engine: OpenSSL, for all that the modern one has no more (SSL 3.0 to TLS 1.1, key exchange with RSA or
//! DH, CBC, 3DES, short keys, SHA-1, renegotiation), for lists of ciphers and curves, and for client certificates.
//!
//! How much of it is open is for the policy to say; see [`restrict`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use openssl::bn::BigNum;
use openssl::dh::Dh;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Params, Private};
use openssl::provider::Provider;
use openssl::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslRef,
    SslVerifyMode, SslVersion, StatusType,
};
use openssl::x509::X509;
use ratel_flow::TlsVersion;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Agreed, Client, ClientTls, Server, ServerTls};
use crate::tls::client::ClientTlsSettings;
use crate::tls::client_cert;
use crate::tls::error::Cause;
use crate::tls::keylog::KeyLogFile;
use crate::tls::pair::CertPair;
use crate::tls::policy::TlsPolicy;
use crate::tls::verify::Verifier;

pub(super) type Stream<S> = tokio_openssl::SslStream<S>;

/// Ciphers up to TLS 1.2 where nothing broken is allowed: forward secrecy first, then plain RSA, CBC at the end. Keys
/// and signatures of any strength, since judging those is for the verifier.
const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:AESGCM:AESCCM:AES:\
    CAMELLIA:ARIA:3DES:!aNULL:!eNULL:!PSK:!SRP:!DSS:@SECLEVEL=0";
/// The same where old versions are allowed: what there is, strongest first.
const CIPHERS_PERMISSIVE: &str = "ALL:!aNULL:!eNULL:!PSK:!SRP:@STRENGTH:@SECLEVEL=0";
/// The same where not even certificates count: with ciphers that need none, and those that encrypt nothing.
const CIPHERS_INSECURE: &str = "ALL:@STRENGTH:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0";
/// TLS 1.3 has its own list; the last two are not in OpenSSL's default one.
const SUITES_13: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
    TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";
/// All groups, those that everybody has first. The one whose keys are large comes last: old peers that this engine is
/// for stumble over large messages.
const GROUPS: &str = "X25519:P-256:P-384:P-521:X448:ffdhe2048:ffdhe3072:ffdhe4096:P-224:P-192:secp256k1:\
    brainpoolP256r1:brainpoolP384r1:brainpoolP512r1:\
    brainpoolP256r1tls13:brainpoolP384r1tls13:brainpoolP512r1tls13:X25519MLKEM768";
/// SSL_OP_LEGACY_SERVER_CONNECT: servers that do not know RFC 5746 are spoken with. We never renegotiate with those.
const LEGACY_SERVER_CONNECT: SslOptions = SslOptions::from_bits_retain(1 << 2);

/// What is under the TLS.
pub(super) fn inner<S>(stream: &mut Stream<S>) -> &mut S {
    stream.get_mut()
}

/// Loads OpenSSL's old algorithms (RC4, for one), once.
fn old_algorithms() {
    static LOADED: OnceLock<Option<Provider>> = OnceLock::new();
    // Without them the rest still works.
    LOADED.get_or_init(|| Provider::try_load(None, "legacy", true).ok());
}

/// A context that keeps to a policy. `oldest` is where it begins, whatever the policy says.
fn restrict(
    method: SslMethod,
    policy: &TlsPolicy,
    oldest: Option<TlsVersion>,
    insecure: bool,
) -> Result<SslContextBuilder, ErrorStack> {
    old_algorithms();
    let mut context = SslContext::builder(method)?;
    context.set_security_level(0);
    context.clear_options(SslOptions::NO_SSLV3 | SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    context.set_min_proto_version(Some(oldest.map_or(SslVersion::SSL3, version_number)))?;
    context.set_max_proto_version(policy.max().map(version_number))?;
    context.set_options(
        SslOptions::ALL | SslOptions::NO_COMPRESSION | SslOptions::IGNORE_UNEXPECTED_EOF,
    );
    context.set_mode(
        SslMode::AUTO_RETRY
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::RELEASE_BUFFERS,
    );
    let ciphers = match policy.ciphers() {
        // A list says itself which strength it asks for; if it does not, none is.
        Some(list) if list.contains("@SECLEVEL") => list.to_owned(),
        Some(list) => format!("{list}:@SECLEVEL=0"),
        None if insecure => CIPHERS_INSECURE.into(),
        None if policy.is_permissive() => CIPHERS_PERMISSIVE.into(),
        None => CIPHERS.into(),
    };
    context.set_cipher_list(&ciphers)?;
    context.set_ciphersuites(SUITES_13)?;
    context.set_groups_list(policy.curve().unwrap_or(GROUPS))?;
    Ok(context)
}

fn log_keys(context: &mut SslContextBuilder, keylog: Option<&Arc<KeyLogFile>>) {
    if let Some(keylog) = keylog.cloned() {
        context.set_keylog_callback(move |_, line| keylog.line(line));
    }
}

/// A chain and its key, as OpenSSL has them.
pub(in crate::tls) type Pair = (Vec<CertificateDer<'static>>, PKey<Private>);

/// What is shown to clients: one chain for each kind of key, of which OpenSSL takes the one that the client knows.
#[derive(Debug)]
pub(in crate::tls) struct Identity {
    pairs: Vec<Pair>,
    contexts: Mutex<Contexts>,
}

/// Contexts by protocol, all made by the same settings.
#[derive(Debug, Default)]
struct Contexts {
    made_by: u64,
    by_alpn: Vec<(Option<Bytes>, SslContext)>,
}

impl Identity {
    pub(in crate::tls) fn new(pairs: Vec<Pair>) -> Self {
        Self {
            pairs,
            contexts: Mutex::default(),
        }
    }

    /// The protocols come from our own short list, so that the contexts are few.
    fn context(
        &self,
        alpn: Option<&Bytes>,
        settings: &ClientTlsSettings,
    ) -> Result<SslContext, ErrorStack> {
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if contexts.made_by != settings.id() {
            *contexts = Contexts {
                made_by: settings.id(),
                by_alpn: Vec::new(),
            };
        }
        let known = contexts.by_alpn.iter().find(|(of, _)| of.as_ref() == alpn);
        if let Some((_, context)) = known {
            return Ok(context.clone());
        }
        let context = self.make(alpn, settings)?;
        contexts.by_alpn.push((alpn.cloned(), context.clone()));
        Ok(context)
    }

    fn make(
        &self,
        alpn: Option<&Bytes>,
        settings: &ClientTlsSettings,
    ) -> Result<SslContext, ErrorStack> {
        let policy = settings.policy();
        // Only a client that has nothing better to offer gets a cipher without certificate or encryption.
        let insecure = policy.min().is_none();
        let mut context = restrict(SslMethod::tls_server(), policy, policy.min(), insecure)?;
        context.set_options(SslOptions::CIPHER_SERVER_PREFERENCE);
        for (n, (chain, key)) in self.pairs.iter().enumerate() {
            let mut certs = chain.iter().map(|der| X509::from_der(der));
            let leaf = certs.next().transpose()?.ok_or_else(ErrorStack::get)?;
            context.set_certificate(&leaf)?;
            context.set_private_key(key)?;
            // What vouches for the leaves is the same for all of them.
            for above in certs.filter(|_| n == 0) {
                context.add_extra_chain_cert(above?)?;
            }
        }
        let dh = dh()?;
        context.set_tmp_dh(&dh)?;
        context.set_session_id_context(b"ratel")?;
        if settings.asks_certificate() {
            // Whichever it has: it is for the server to judge.
            context.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        }
        if let Some(ours) = alpn.cloned() {
            context.set_alpn_select_callback(move |_, offered| {
                names(offered)
                    .find(|name| *name == ours)
                    .ok_or(AlpnError::NOACK)
            });
        }
        log_keys(&mut context, settings.keylog());
        Ok(context.build())
    }
}

/// The group for DH with clients that know nothing better: the 2048 bits of RFC 3526 §3.
fn dh() -> Result<Dh<Params>, ErrorStack> {
    Dh::from_pqg(
        BigNum::get_rfc3526_prime_2048()?,
        None,
        BigNum::from_u32(2)?,
    )
}

/// The names in a list of ALPN (RFC 7301 §3.1).
fn names(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = list.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*len))?;
        list = rest;
        Some(name)
    })
}

/// The list in which ALPN offers names. One that is too long for it is left out.
fn alpn_list(names: &[Bytes]) -> Vec<u8> {
    let mut list = Vec::new();
    for name in names {
        if let Ok(len @ 1..) = u8::try_from(name.len()) {
            list.push(len);
            list.extend_from_slice(name);
        }
    }
    list
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
    let ssl = identity
        .context(alpn, settings)
        .and_then(|context| Ssl::new(&context));
    let mut stream = Box::new(Stream::new(ssl.map_err(own)?, io).map_err(own)?);
    Pin::new(&mut *stream).accept().await.map_err(cause)?;
    let ssl = stream.ssl();
    let agreed = Agreed {
        // The first of a chain is not in the list of what came with it when this side is the server.
        certificates: ssl
            .peer_certificate()
            .iter()
            .map(|leaf| leaf.to_der())
            .chain(
                ssl.peer_cert_chain()
                    .into_iter()
                    .flatten()
                    .map(|cert| cert.to_der()),
            )
            .filter_map(|der| der.ok().map(Bytes::from))
            .collect(),
        ..agreed(ssl)
    };
    Ok((ClientTls(Client::Legacy(stream)), agreed))
}

/// Makes connections to servers.
pub(in crate::tls) struct Connector {
    context: SslContext,
    policy: TlsPolicy,
    verifier: Arc<Verifier>,
}

impl Connector {
    pub(in crate::tls) fn new(
        verifier: Arc<Verifier>,
        policy: &TlsPolicy,
        insecure: bool,
        keylog: Option<&Arc<KeyLogFile>>,
    ) -> Result<Self, ErrorStack> {
        // What a server has is found out even where it is not allowed, so that it can be said.
        let mut context = restrict(SslMethod::tls_client(), policy, None, insecure)?;
        context.set_options(LEGACY_SERVER_CONNECT);
        if insecure {
            context.set_options(SslOptions::ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
        }
        // The chain is looked at when the handshake is done, before anything else is sent.
        context.set_verify(SslVerifyMode::NONE);
        log_keys(&mut context, keylog);
        Ok(Self {
            context: context.build(),
            policy: policy.clone(),
            verifier,
        })
    }

    /// TLS towards the server `name`, which is offered the protocols `alpn` and shown `cert` if it asks for one.
    pub(in crate::tls) async fn connect<S>(
        &self,
        io: S,
        name: ServerName<'static>,
        alpn: &[Bytes],
        cert: Option<&CertPair>,
    ) -> Result<(ServerTls<S>, Agreed), Cause>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let ssl = self.prepare(&name, alpn, cert).map_err(own)?;
        let mut stream = Box::new(Stream::new(ssl, io).map_err(own)?);
        Pin::new(&mut *stream).connect().await.map_err(cause)?;
        let agreed = agreed(stream.ssl());
        if let Some(version) = agreed
            .version
            .filter(|version| !self.policy.allows(*version))
        {
            return Err(Cause::OldVersion(version));
        }
        let shown: Vec<_> = stream
            .ssl()
            .peer_cert_chain()
            .into_iter()
            .flatten()
            .filter_map(|cert| cert.to_der().ok().map(CertificateDer::from))
            .collect();
        let status = stream.ssl().ocsp_status().unwrap_or_default();
        let looked = self
            .verifier
            .look_at(&shown, &name, status, UnixTime::now());
        let certificates =
            looked.map_err(|refused| Cause::Refused(refused.refusal, refused.chain))?;
        let agreed = Agreed {
            certificates,
            ..agreed
        };
        Ok((ServerTls(Server::Legacy(stream)), agreed))
    }

    fn prepare(
        &self,
        name: &ServerName<'static>,
        alpn: &[Bytes],
        cert: Option<&CertPair>,
    ) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        ssl.set_status_type(StatusType::OCSP)?;
        if let ServerName::DnsName(name) = name {
            ssl.set_hostname(name.as_ref().trim_end_matches('.'))?;
        }
        let list = alpn_list(alpn);
        if !list.is_empty() {
            ssl.set_alpn_protos(&list)?;
        }
        if let Some(cert) = cert {
            client_cert::show(cert, &mut ssl)?;
        }
        Ok(ssl)
    }
}

/// What a handshake agreed on, but for certificates.
fn agreed(ssl: &SslRef) -> Agreed {
    Agreed {
        version: ssl.version2().and_then(version),
        cipher: ssl.current_cipher().map(|cipher| cipher.name()),
        group: group(ssl),
        alpn: ssl.selected_alpn_protocol().map(Bytes::copy_from_slice),
        certificates: [].into(),
        resumed: ssl.session_reused(),
    }
}

/// What the key was exchanged with.
fn group(ssl: &SslRef) -> Option<String> {
    let Ok(key) = ssl.peer_tmp_key() else {
        // Nothing was made for this connection alone.
        let rsa = ssl.version2() != Some(SslVersion::TLS1_3) && !ssl.session_reused();
        return rsa.then(|| "RSA".into());
    };
    Some(match key.id() {
        Id::EC => {
            let curve = key.ec_key().ok()?.group().curve_name()?;
            match curve.short_name().ok()? {
                "prime256v1" => "secp256r1".into(),
                "prime192v1" => "secp192r1".into(),
                name => name.into(),
            }
        }
        Id::X25519 => "X25519".into(),
        Id::X448 => "X448".into(),
        Id::DH => format!("DH {} bits", key.bits()),
        _ => return None,
    })
}

fn version_number(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::Ssl3 => SslVersion::SSL3,
        TlsVersion::Tls10 => SslVersion::TLS1,
        TlsVersion::Tls11 => SslVersion::TLS1_1,
        TlsVersion::Tls12 => SslVersion::TLS1_2,
        TlsVersion::Tls13 => SslVersion::TLS1_3,
    }
}

fn version(number: SslVersion) -> Option<TlsVersion> {
    Some(match number {
        SslVersion::SSL3 => TlsVersion::Ssl3,
        SslVersion::TLS1 => TlsVersion::Tls10,
        SslVersion::TLS1_1 => TlsVersion::Tls11,
        SslVersion::TLS1_2 => TlsVersion::Tls12,
        SslVersion::TLS1_3 => TlsVersion::Tls13,
        _ => return None,
    })
}

/// What is wrong on our own side.
fn own(error: ErrorStack) -> Cause {
    Cause::Protocol(error.to_string())
}

/// Codes above this are alerts of the peer (ssl.h: SSL_AD_REASON_OFFSET).
const ALERTS: i32 = 1000;

/// The alert with which a peer ended a connection that stood already.
pub(in crate::tls) fn late_alert(error: &io::Error) -> Option<u8> {
    let error = error.get_ref()?;
    let stack = match error.downcast_ref::<openssl::ssl::Error>() {
        Some(error) => error.ssl_error()?,
        None => error.downcast_ref::<ErrorStack>()?,
    };
    alert(stack)
}

fn alert(stack: &ErrorStack) -> Option<u8> {
    let first = stack.errors().first()?;
    u8::try_from(first.reason_code().checked_sub(ALERTS)?).ok()
}

/// What a failed handshake means.
fn cause(error: openssl::ssl::Error) -> Cause {
    let error = match error.into_io_error() {
        Ok(error) => return super::modern::io_cause(error),
        Err(error) => error,
    };
    let Some(first) = error.ssl_error().and_then(|stack| stack.errors().first()) else {
        return Cause::Closed;
    };
    match error.ssl_error().and_then(alert) {
        // protocol_version
        Some(70) => return Cause::Version,
        Some(alert) => return Cause::Alert(alert),
        None => {}
    }
    // The reasons of sslerr.h.
    match first.reason_code() {
        116 | 191 | 258 | 259 | 266 | 396 => Cause::Version,
        155 | 156 | 267 => Cause::NotTls,
        181 | 185 | 193 => Cause::Incompatible("cipher suite"),
        101 | 410 => Cause::Incompatible("key exchange group"),
        118 | 376 => Cause::Incompatible("signature algorithm"),
        294 => Cause::Closed,
        _ => Cause::Protocol(first.reason().unwrap_or("OpenSSL gives no reason").into()),
    }
}

#[cfg(test)]
mod tests;
