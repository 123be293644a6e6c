//! The two connections of a flow.
//!
//! A connection record is an immutable snapshot behind an `Arc`, shared by all flows of the connection. When
//! something is learned (TLS is up, the peer closed) the owner makes the next snapshot.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::time::Timestamp;
use crate::verbatim::Verbatim;

/// Identifies a connection within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

impl ConnId {
    /// The next unused id.
    #[must_use]
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The connection of the one who called us.
#[derive(Clone, Debug)]
pub struct ClientConn {
    /// Identity.
    pub id: ConnId,
    /// The client's address.
    pub peername: SocketAddr,
    /// Our address that it called.
    pub sockname: SocketAddr,
    /// The mode that accepted it, as the user wrote it (`reverse:https://service.dev`).
    pub proxy_mode: Arc<str>,
    /// When it was accepted.
    pub timestamp_start: Timestamp,
    /// When it was closed.
    pub timestamp_end: Option<Timestamp>,
    /// TLS towards the client; none while, or if, it speaks plain.
    pub tls: Option<Arc<TlsInfo>>,
    /// Why its bytes are passed on untouched, as the rest of a sentence; none when they are looked into.
    pub passthrough: Option<Arc<str>>,
    /// Why it failed, as one sentence.
    pub error: Option<Arc<str>>,
    /// What a file tells of it beyond that; none for connections of this process.
    pub extra: Option<Arc<ConnExtra>>,
}

/// Our connection to the one who answers.
#[derive(Clone, Debug)]
pub struct ServerConn {
    /// Identity.
    pub id: ConnId,
    /// Host (name or IP, without brackets) and port that we were asked to reach.
    pub address: (Arc<str>, u16),
    /// The address that accepted us.
    pub peername: Option<SocketAddr>,
    /// Our own address on that connection.
    pub sockname: Option<SocketAddr>,
    /// When we started to connect.
    pub timestamp_start: Timestamp,
    /// When TCP was established.
    pub timestamp_tcp_setup: Option<Timestamp>,
    /// When it was closed.
    pub timestamp_end: Option<Timestamp>,
    /// TLS towards the server; none while, or if, we speak plain.
    pub tls: Option<Arc<TlsInfo>>,
    /// Why it failed, as one sentence.
    pub error: Option<Arc<str>>,
    /// What a file tells of it beyond that; none for connections of this process.
    pub extra: Option<Arc<ConnExtra>>,
}

/// What flow files tell of a connection and the fields of [`ClientConn`] and [`ServerConn`] have no place for. With it a
/// connection is written as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnExtra {
    /// Its name in files.
    pub uuid: Option<Arc<str>>,
    /// The peer's address, word for word.
    pub peername: Option<PeerAddress>,
    /// Our own address, word for word.
    pub sockname: Option<PeerAddress>,
    /// It is a server connection without an address: nobody has said where to go.
    pub no_address: bool,
    /// It carries datagrams.
    pub udp: bool,
    /// It was to be TLS, whether or not that came to be.
    pub tls: bool,
    /// The TLS version, where it is one of datagrams.
    pub tls_version: Option<Arc<str>>,
    /// The ciphers that were offered.
    pub cipher_list: Vec<Arc<str>>,
    /// The certificate that the client was shown, in DER.
    pub mitmcert: Option<Bytes>,
    /// The proxy in between: its scheme, host and port.
    pub via: Option<(Arc<str>, Arc<str>, u16)>,
    /// Whatever else was there in another form.
    pub verbatim: Verbatim,
}

/// An address as files have it: host (an IP address, or whatever else stands there), port, and for IPv6 flow label and
/// scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerAddress {
    /// Host.
    pub host: Arc<str>,
    /// Port, flow label, scope: as many as there are.
    pub numbers: Vec<i64>,
}

/// What a TLS handshake agreed on, on either side.
#[derive(Clone, Debug, Default)]
pub struct TlsInfo {
    /// Protocol version; none when the handshake failed before one was agreed.
    pub version: Option<TlsVersion>,
    /// Cipher suite, by its IANA or OpenSSL name.
    pub cipher: Option<Arc<str>>,
    /// What the key was exchanged with: `X25519`, `secp256r1`, `DH 2048 bits`, `RSA`.
    pub group: Option<Arc<str>>,
    /// The handshake was a short one, with what an earlier connection had left.
    pub resumed: bool,
    /// The library that did the handshake; none where it was not Ratel's: in a capture, or in a file that does not say.
    pub engine: Option<TlsEngine>,
    /// Server name indication sent in the ClientHello.
    pub sni: Option<Arc<str>>,
    /// Application protocol agreed on.
    pub alpn: Option<Bytes>,
    /// Application protocols the ClientHello offered, in order.
    pub alpn_offers: Vec<Bytes>,
    /// The ClientHello offered to be an encrypted one (RFC 9849), or pretended to, as many do.
    pub ech_offered: bool,
    /// The ClientHello came with data for which it would not wait (RFC 8446 §4.2.10).
    pub early_data_offered: bool,
    /// The peer's certificates, leaf first; empty for a client that showed none.
    pub certificates: Certificates,
    /// When the handshake was complete.
    pub timestamp_setup: Option<Timestamp>,
}

/// A chain of certificates in DER, leaf first. Cheap to clone.
pub type Certificates = Arc<[Bytes]>;

/// The libraries that do handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsEngine {
    /// rustls, for TLS 1.2 and 1.3.
    Modern,
    /// OpenSSL, for what is older, and for what only it can be told to do.
    Legacy,
}

impl TlsEngine {
    /// The name of the library.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Modern => "rustls",
            Self::Legacy => "OpenSSL",
        }
    }

    /// The library of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Modern, Self::Legacy]
            .into_iter()
            .find(|engine| engine.name() == name)
    }
}

/// TLS protocol versions, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// SSL 3.0
    Ssl3,
    /// TLS 1.0
    Tls10,
    /// TLS 1.1
    Tls11,
    /// TLS 1.2
    Tls12,
    /// TLS 1.3
    Tls13,
}

impl TlsVersion {
    /// The name that people use: `TLS 1.2`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ssl3 => "SSL 3.0",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }

    /// The version with that [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Ssl3,
            Self::Tls10,
            Self::Tls11,
            Self::Tls12,
            Self::Tls13,
        ];
        all.into_iter().find(|version| version.name() == name)
    }

    /// The name flow files use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLSv1",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}
