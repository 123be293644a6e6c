//! Why TLS failed: on which side, with whom, for which of the reasons that people can tell apart, and what to do.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

use ratel_flow::{Certificates, FlowError, Side, TlsInfo, TlsVersion};
use ratel_proto::client_hello::{ClientHello, HelloError};

use super::HANDSHAKE_TIMEOUT;
use super::ca::CaStore;
use super::leaf::LeafError;
use super::pair::PairError;
use super::policy::{TlsPolicy, option_name};
use super::refusal::Refusal;
use super::runtime::Runtime;
use crate::upstream::host_port;

/// A failed handshake. Displays as one sentence that names the side and the host; [`TlsError::hint`] says what to do.
#[derive(Debug)]
pub struct TlsError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    side: Side,
    host: Box<str>,
    cause: Cause,
    /// The certificate that clients have to trust.
    ca_file: Option<PathBuf>,
    /// The newest version that the client offers.
    offered: u16,
    policy: TlsPolicy,
    /// There was a client certificate to show.
    certified: bool,
    /// The other engine may succeed.
    another_try: bool,
    pass: Pass,
    /// The client had left before there was a certificate to show.
    unseen: bool,
    /// What the client is written in, as far as that is known.
    runtime: Option<Runtime>,
    info: TlsInfo,
}

/// Whether connections like a failed one can be passed through untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// The server does not speak TLS, or is not known.
    Never,
    /// If the user says so.
    OnDemand,
    /// The next one will be.
    Next,
}

/// The reason for a failure, whichever side it was on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The server's certificate, shown with these others, was refused.
    Refused(Refusal, Certificates),
    /// The peer ended the handshake with this alert (RFC 8446 §6.2).
    Alert(u8),
    /// What the peer sent is no TLS.
    NotTls,
    /// No TLS version in common.
    Version,
    /// The newest version that the server has, older than what is allowed.
    OldVersion(TlsVersion),
    /// The server asked for a client certificate, was shown none, and left.
    WantsCertificate,
    /// The client certificate can't be used.
    ClientCert(PairError),
    /// No such thing in common (`cipher suite`).
    Incompatible(&'static str),
    /// The peer closed the connection.
    Closed,
    /// It took too long.
    TimedOut,
    /// The host's name is none that TLS can ask for.
    NoName,
    /// The client's first message is no ClientHello.
    Hello(HelloError),
    /// The client's first message broke off after so many bytes.
    HelloCut(usize),
    /// There is no certificate to show to the client.
    Leaf(LeafError),
    /// The connection failed.
    Io(io::Error),
    /// The peer does not keep to the protocol.
    Protocol(String),
}

impl Cause {
    /// Whether the other engine may do better: the server wants what the modern one does not have, or says so by
    /// leaving.
    pub(super) fn is_of_the_engine(&self) -> bool {
        match self {
            Self::Version | Self::Incompatible(_) | Self::Closed | Self::Protocol(_) => true,
            Self::Alert(alert) => alert::is_of_the_engine(*alert),
            _ => false,
        }
    }
}

impl TlsError {
    /// Whether the handshake failed for a lack of the engine that did it. It is remembered, so that a handshake on
    /// another connection is done by the other one.
    #[must_use]
    pub fn is_worth_another_try(&self) -> bool {
        self.0.another_try
    }

    pub(super) fn worth_another_try(mut self) -> Self {
        self.0.another_try = true;
        self
    }

    /// Notes what was allowed, and whether there was a certificate to show.
    pub(super) fn with_policy(mut self, policy: &TlsPolicy, certified: bool) -> Self {
        self.0.policy = policy.clone();
        self.0.certified = certified;
        self
    }

    /// The server has none of the application protocols that it was offered (RFC 7301 §3.2).
    #[must_use]
    pub fn wants_other_alpn(&self) -> bool {
        self.0.side == Side::Server && matches!(self.0.cause, Cause::Alert(120))
    }

    /// The client's first message is not one that TLS begins with.
    #[must_use]
    pub fn hello(error: &HelloError) -> Self {
        Self::new(
            Side::Client,
            "",
            Cause::Hello(error.clone()),
            TlsInfo::default(),
        )
    }

    /// The client left in the middle of its first message, after `got` bytes of it.
    #[must_use]
    pub fn hello_cut(got: usize) -> Self {
        Self::new(Side::Client, "", Cause::HelloCut(got), TlsInfo::default())
    }

    pub(super) fn client(
        host: &str,
        cause: Cause,
        hello: &ClientHello,
        ca: &CaStore,
        policy: &TlsPolicy,
        info: TlsInfo,
    ) -> Self {
        let mut error = Self::new(Side::Client, host, cause, info);
        error.0.ca_file = Some(ca.cert_pem_path());
        error.0.offered = hello.max_version();
        error.0.policy = policy.clone();
        error
    }

    /// The client has refused the certificate it was shown for `host` when the handshake was complete already.
    pub(crate) fn late(host: &str, alert: LateAlert, ca: &CaStore, info: TlsInfo) -> Self {
        let mut error = Self::new(Side::Client, host, Cause::Alert(alert.0), info);
        error.0.ca_file = Some(ca.cert_pem_path());
        error
    }

    /// Whether the client has refused the certificate it was shown, in so many words or by leaving.
    pub(crate) fn is_distrust(&self) -> bool {
        let refused = match &self.0.cause {
            Cause::Alert(alert) => alert::is_distrust(*alert),
            Cause::Closed => !self.0.unseen,
            Cause::Io(error) => error.kind() == io::ErrorKind::ConnectionReset && !self.0.unseen,
            _ => false,
        };
        self.0.side == Side::Client && refused
    }

    /// Notes that the client had left before there was a certificate to show.
    pub(crate) fn unseen(mut self) -> Self {
        self.0.unseen = true;
        self
    }

    /// Notes whether such connections can be passed through untouched instead.
    pub(crate) fn with_pass(mut self, pass: Pass) -> Self {
        self.0.pass = pass;
        self
    }

    /// Notes what the client is written in.
    pub(crate) fn with_runtime(mut self, runtime: Option<Runtime>) -> Self {
        self.0.runtime = runtime;
        self
    }

    pub(super) fn server(host: &str, cause: Cause, mut info: TlsInfo) -> Self {
        if let Cause::Refused(_, chain) = &cause {
            info.certificates = chain.clone();
        }
        Self::new(Side::Server, host, cause, info)
    }

    fn new(side: Side, host: &str, cause: Cause, info: TlsInfo) -> Self {
        Self(Box::new(Inner {
            side,
            host: host.into(),
            cause,
            ca_file: None,
            offered: 0,
            policy: TlsPolicy::default(),
            certified: false,
            another_try: false,
            pass: Pass::Never,
            unseen: false,
            runtime: None,
            info,
        }))
    }

    /// The side on which it failed.
    #[must_use]
    pub fn side(&self) -> Side {
        self.0.side
    }

    /// The host that was asked for; empty while it was not known.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The reason.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// What is known of the handshake: the names that were asked for and, where it got so far, the server's chain.
    #[must_use]
    pub fn info(&self) -> &TlsInfo {
        &self.0.info
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        match self.0.side {
            Side::Server => self.server_hint(),
            Side::Client => self.client_hint(),
        }
    }

    fn server_hint(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match &self.0.cause {
            Cause::Refused(
                Refusal::UnknownIssuer(_) | Refusal::OtherIssuer(_) | Refusal::SelfSigned,
                _,
            ) => {
                "pass -k to accept it, or name a file with the certificates to trust with --set ssl_verify_upstream_trusted_ca=FILE"
            }
            Cause::Refused(Refusal::MissingIntermediate(_), _) => {
                "the server should send its whole chain; pass -k to accept it, or name a file with the missing certificate with --set ssl_verify_upstream_trusted_ca=FILE"
            }
            Cause::Refused(Refusal::Weak(_), _) => {
                "allow what is weak with --set tls_version_server_min=UNBOUNDED, or pass -k to accept any certificate"
            }
            Cause::Refused(Refusal::BadSignature, _) => return None,
            Cause::Refused(..) => "pass -k to accept it",
            Cause::NotTls => "if the service speaks plain HTTP on that port, use http:// for it",
            Cause::OldVersion(version) if self.0.policy.min().is_some_and(|min| *version < min) => {
                return Some(Cow::Owned(format!(
                    "allow it with --set tls_version_server_min={}",
                    option_name(*version)
                )));
            }
            Cause::OldVersion(_) => "the option tls_version_server_max forbids it",
            Cause::Version if self.0.policy.max().is_some() => {
                "the option tls_version_server_max may forbid what it speaks"
            }
            Cause::WantsCertificate | Cause::Alert(alert::CERTIFICATE_REQUIRED) => {
                "name a PEM file that holds a certificate and its key with --set client_certs=FILE"
            }
            Cause::Alert(alert) if self.0.certified && alert::is_distrust(*alert) => {
                "the server does not accept the client certificate of the option client_certs"
            }
            Cause::Alert(alert::HANDSHAKE_FAILURE | alert::INSUFFICIENT_SECURITY)
            | Cause::Incompatible(_)
                if !self.0.policy.is_permissive() =>
            {
                "the server may want ciphers that are broken, which --set tls_version_server_min=UNBOUNDED allows, or a client certificate (--set client_certs=FILE)"
            }
            Cause::Alert(alert::HANDSHAKE_FAILURE) if !self.0.certified => {
                "the server may want a client certificate: --set client_certs=FILE"
            }
            Cause::Alert(alert::UNRECOGNIZED_NAME) => "the server does not serve that name",
            Cause::Closed => "does the service speak TLS on that port?",
            Cause::NoName => "check the spelling of the host name",
            _ => return None,
        }))
    }

    fn client_hint(&self) -> Option<Cow<'_, str>> {
        let trust = |before: &str| {
            let file = self.0.ca_file.as_ref()?;
            let pass = self.pass_hint();
            Some(Cow::Owned(match self.0.runtime {
                Some(runtime) => format!("{before}{}{pass}", runtime.advice(file)),
                None => format!("{before}make the client trust {}{pass}", file.display()),
            }))
        };
        match &self.0.cause {
            Cause::Alert(alert::ECH_REQUIRED) => Some(Cow::Owned(format!(
                "switch it off in the client{}",
                self.pass_hint()
            ))),
            Cause::Alert(alert) if alert::is_distrust(*alert) => trust(""),
            Cause::Closed if !self.0.unseen => trust("if this happens every time, "),
            Cause::Version | Cause::Alert(alert::PROTOCOL_VERSION) => self.version_hint(),
            Cause::Incompatible("cipher suite") if !self.0.policy.is_permissive() => {
                Some(Cow::Borrowed(
                    "ciphers that are broken are allowed with --set tls_version_client_min=UNBOUNDED",
                ))
            }
            Cause::NotTls | Cause::Hello(_) => Some(Cow::Borrowed(
                "is the client speaking another protocol to this port?",
            )),
            _ => None,
        }
    }

    /// What a client that trusts nobody else is done with.
    fn pass_hint(&self) -> String {
        let host = &self.0.host;
        match self.0.pass {
            Pass::Never => String::new(),
            Pass::Next => {
                format!("; its next connections to {host} are passed through (auto_passthrough)")
            }
            Pass::OnDemand => {
                let pattern = regex::escape(&host_port(host, 0)).replace(":0", ":");
                // Quotes would end the argument.
                let pattern = pattern.replace('\'', ".");
                format!(
                    "; to pass {host} through: --set auto_passthrough=true or --ignore-hosts '^{pattern}'"
                )
            }
        }
    }

    /// What to do for a client of another time.
    fn version_hint(&self) -> Option<Cow<'_, str>> {
        let offered = version(self.0.offered)?;
        Some(Cow::Owned(
            if self.0.policy.min().is_some_and(|min| offered < min) {
                format!(
                    "the client offers {} at most; allow it with --set tls_version_client_min={}",
                    offered.label(),
                    option_name(offered)
                )
            } else {
                "the option tls_version_client_max forbids what the client offers".into()
            },
        ))
    }

    fn server_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0.host;
        match &self.0.cause {
            Cause::Refused(refusal, _) => {
                write!(f, "the certificate of {host} (server side) {refusal}")
            }
            Cause::WantsCertificate | Cause::Alert(alert::CERTIFICATE_REQUIRED) => {
                write!(
                    f,
                    "{host} (server side) accepts only clients that show a certificate"
                )
            }
            Cause::ClientCert(error) => write!(
                f,
                "there is no client certificate for {host} (server side): {error}"
            ),
            Cause::OldVersion(version) => {
                write!(
                    f,
                    "{host} (server side) speaks {}, which is not allowed",
                    version.label()
                )
            }
            Cause::Alert(alert) => write!(
                f,
                "{host} (server side) ended the TLS handshake with the alert {}",
                alert::name(*alert)
            ),
            Cause::NotTls => write!(f, "{host} (server side) does not speak TLS"),
            Cause::Version => write!(
                f,
                "{host} (server side) and Ratel have no TLS version in common"
            ),
            Cause::Incompatible(what) => {
                write!(f, "{host} (server side) and Ratel have no {what} in common")
            }
            Cause::Closed => {
                write!(
                    f,
                    "{host} (server side) closed the connection during the TLS handshake"
                )
            }
            Cause::TimedOut => write!(
                f,
                "{host} (server side) did not finish the TLS handshake within {} s",
                HANDSHAKE_TIMEOUT.as_secs()
            ),
            Cause::NoName => write!(
                f,
                "{host:?} (server side) is not a host name that TLS can ask for"
            ),
            Cause::Io(error) => write!(
                f,
                "the connection to {host} (server side) failed during the TLS handshake: {error}"
            ),
            Cause::Hello(_) | Cause::HelloCut(_) | Cause::Leaf(_) => self.client_sentence(f),
            Cause::Protocol(what) => {
                write!(
                    f,
                    "the TLS handshake with {host} (server side) failed: {what}"
                )
            }
        }
    }

    fn client_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0.host;
        match &self.0.cause {
            Cause::Alert(alert::ECH_REQUIRED) => write!(
                f,
                "the client insists on an encrypted ClientHello for {host}, which only the server can read (alert ech_required)"
            ),
            Cause::Alert(alert) if alert::is_distrust(*alert) => write!(
                f,
                "{} for {host} (alert {})",
                FlowError::DISTRUST,
                alert::name(*alert)
            ),
            Cause::Alert(alert) => write!(
                f,
                "the client ended the TLS handshake for {host} with the alert {}",
                alert::name(*alert)
            ),
            Cause::NotTls => write!(
                f,
                "the client does not speak TLS in its connection for {host}"
            ),
            Cause::Version => write!(
                f,
                "the client and Ratel have no TLS version in common (for {host})"
            ),
            Cause::Incompatible(what) => {
                write!(
                    f,
                    "the client and Ratel have no {what} in common (for {host})"
                )
            }
            Cause::Closed => {
                write!(f, "{} for {host}", FlowError::LEFT_TLS)
            }
            Cause::TimedOut => write!(
                f,
                "the client did not finish the TLS handshake for {host} within {} s",
                HANDSHAKE_TIMEOUT.as_secs()
            ),
            Cause::Hello(error) => write!(f, "the client's TLS handshake can't be read: {error}"),
            Cause::HelloCut(got) => write!(
                f,
                "the client closed the connection in the middle of its first TLS message, after {got} bytes of it"
            ),
            Cause::Leaf(error) => write!(f, "{error}"),
            Cause::Io(error) => write!(
                f,
                "the connection to the client failed during the TLS handshake for {host}: {error}"
            ),
            Cause::Protocol(what) => {
                write!(
                    f,
                    "the TLS handshake with the client for {host} failed: {what}"
                )
            }
            Cause::Refused(..)
            | Cause::NoName
            | Cause::OldVersion(_)
            | Cause::WantsCertificate
            | Cause::ClientCert(_) => self.server_sentence(f),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.side {
            Side::Server => self.server_sentence(f),
            Side::Client => self.client_sentence(f),
        }
    }
}

/// The sentence says it all, down to what the system said.
impl std::error::Error for TlsError {}

impl From<LeafError> for TlsError {
    fn from(error: LeafError) -> Self {
        Self::new(Side::Client, "", Cause::Leaf(error), TlsInfo::default())
    }
}

/// An alert with which a peer ended a connection whose handshake had been completed. In TLS 1.3 servers say only then
/// that they miss a certificate, and clients that they do not trust ours (RFC 8446 §4.4.2.4, §4.4.3). It is inside the
/// [`io::Error`] that reading gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateAlert(pub u8);

impl LateAlert {
    /// The alert in a read error.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// A client says with it that our certificate is not good enough, or a server that the client's is not.
    #[must_use]
    pub fn is_distrust(self) -> bool {
        alert::is_distrust(self.0)
    }

    /// Whether the error is that a client has said so.
    pub(crate) fn is_distrust_in(error: &io::Error) -> bool {
        Self::of(error).is_some_and(Self::is_distrust)
    }

    /// What to do when it is a server's.
    #[must_use]
    pub fn server_hint(self) -> Option<&'static str> {
        let certificate = self.0 == alert::CERTIFICATE_REQUIRED || self.is_distrust();
        certificate.then_some(
            "the server accepts only clients that show a certificate it trusts: name a PEM file that holds one and its key with --set client_certs=FILE",
        )
    }
}

impl fmt::Display for LateAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it was ended with the TLS alert {}", alert::name(self.0))
    }
}

impl std::error::Error for LateAlert {}

/// A version by its number on the wire.
fn version(number: u16) -> Option<TlsVersion> {
    Some(match number {
        0x0300 => TlsVersion::Ssl3,
        0x0301 => TlsVersion::Tls10,
        0x0302 => TlsVersion::Tls11,
        0x0303 => TlsVersion::Tls12,
        0x0304 => TlsVersion::Tls13,
        _ => return None,
    })
}

/// Alerts (RFC 8446 §6, and those of older versions).
mod alert {
    pub(super) const HANDSHAKE_FAILURE: u8 = 40;
    pub(super) const PROTOCOL_VERSION: u8 = 70;
    pub(super) const INSUFFICIENT_SECURITY: u8 = 71;
    pub(super) const UNRECOGNIZED_NAME: u8 = 112;
    pub(super) const CERTIFICATE_REQUIRED: u8 = 116;
    pub(super) const ECH_REQUIRED: u8 = 121;

    /// Whether a client says with it that our certificate is not good enough: bad_certificate to certificate_unknown,
    /// unknown_ca, and ech_required for want of a secret that no certificate replaces.
    pub(super) fn is_distrust(alert: u8) -> bool {
        matches!(alert, 42..=46 | 48 | ECH_REQUIRED)
    }

    /// Whether it may mean that the server wants what the modern engine does not have: unexpected_message,
    /// handshake_failure, illegal_parameter, decode_error, decrypt_error, protocol_version to internal_error,
    /// missing_extension, unsupported_extension.
    pub(super) fn is_of_the_engine(alert: u8) -> bool {
        matches!(alert, 10 | 40 | 47 | 50 | 51 | 70 | 71 | 80 | 109 | 110)
    }

    pub(super) fn name(alert: u8) -> String {
        let name = match alert {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            HANDSHAKE_FAILURE => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            PROTOCOL_VERSION => "protocol_version",
            INSUFFICIENT_SECURITY => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            UNRECOGNIZED_NAME => "unrecognized_name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            CERTIFICATE_REQUIRED => "certificate_required",
            120 => "no_application_protocol",
            ECH_REQUIRED => "ech_required",
            other => return format!("number {other}"),
        };
        name.into()
    }
}
