//! Handshake messages (RFC 8446 §4, RFC 5246 §7.4), as far as somebody who listens needs them.

use bytes::{Buf, Bytes};
use ratel_flow::content::{self, Codings};
use ratel_flow::{Headers, TlsVersion};
use ratel_proto::client_hello::{self, ClientHello};

/// Types of messages.
pub(crate) mod kind {
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const END_OF_EARLY_DATA: u8 = 5;
    pub(crate) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(crate) const CERTIFICATE: u8 = 11;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const FINISHED: u8 = 20;
    pub(crate) const KEY_UPDATE: u8 = 24;
    pub(crate) const COMPRESSED_CERTIFICATE: u8 = 25;
}

/// Numbers of extensions.
mod extension {
    pub(super) const ALPN: u16 = 16;
    pub(super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(super) const PRE_SHARED_KEY: u16 = 41;
    pub(super) const EARLY_DATA: u16 = 42;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(super) const KEY_SHARE: u16 = 51;
}

/// The longest message that is looked into, in bytes: chains of certificates may be long.
pub(crate) const MESSAGE_MAX: usize = 512 * 1024;
/// Certificates of a chain that are kept.
const CHAIN_MAX: usize = 100;

/// The random bytes of a ServerHello that asks for another ClientHello (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What the server has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Bytes,
    pub(crate) suite: u16,
    pub(crate) alpn: Option<Bytes>,
    pub(crate) encrypt_then_mac: bool,
    /// The session of an earlier connection goes on, in TLS 1.3.
    pub(crate) resumes: bool,
    /// The group of the key exchange, in TLS 1.3.
    pub(crate) group: Option<u16>,
}

impl ServerHello {
    /// Whether it only asks for another ClientHello.
    pub(crate) fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    /// The version by its name.
    pub(crate) fn version(&self) -> Option<TlsVersion> {
        Some(match self.version {
            0x0300 => TlsVersion::Ssl3,
            0x0301 => TlsVersion::Tls10,
            0x0302 => TlsVersion::Tls11,
            0x0303 => TlsVersion::Tls12,
            0x0304 => TlsVersion::Tls13,
            _ => return None,
        })
    }
}

/// Reads the body of a ServerHello.
pub(crate) fn server_hello(mut body: Bytes) -> Option<ServerHello> {
    let mut hello = ServerHello {
        version: u16(&mut body)?,
        ..ServerHello::default()
    };
    hello.random.copy_from_slice(&take(&mut body, 32)?);
    hello.session_id = vec8(&mut body)?;
    hello.suite = u16(&mut body)?;
    take(&mut body, 1)?;
    each_extension(&mut body, |kind, mut contents| match kind {
        extension::SUPPORTED_VERSIONS => {
            hello.version = u16(&mut contents).unwrap_or(hello.version)
        }
        extension::ALPN => hello.alpn = alpn(contents),
        extension::ENCRYPT_THEN_MAC => hello.encrypt_then_mac = true,
        extension::PRE_SHARED_KEY => hello.resumes = true,
        extension::KEY_SHARE => hello.group = u16(&mut contents),
        _ => {}
    });
    Some(hello)
}

/// What EncryptedExtensions say: the application protocol, and whether early data were taken.
pub(crate) fn encrypted_extensions(mut body: Bytes) -> (Option<Bytes>, bool) {
    let (mut protocol, mut early) = (None, false);
    each_extension(&mut body, |kind, contents| match kind {
        extension::ALPN => protocol = alpn(contents),
        extension::EARLY_DATA => early = true,
        _ => {}
    });
    (protocol, early)
}

/// Reads a ClientHello, given with its header.
pub(crate) fn client_hello(message: &[u8]) -> Option<ClientHello> {
    let mut records = Vec::with_capacity(message.len() + 64);
    for part in message.chunks(16 * 1024) {
        records.extend([22, 3, 1]);
        // A part is shorter than 64 KiB.
        records.extend((part.len() as u16).to_be_bytes());
        records.extend_from_slice(part);
    }
    client_hello::parse(&records).ok().flatten()
}

/// The chain in a Certificate message, leaf first, in DER.
pub(crate) fn certificates(mut body: Bytes, version: TlsVersion) -> Vec<Bytes> {
    let is_13 = version >= TlsVersion::Tls13;
    if is_13 && vec8(&mut body).is_none() {
        return Vec::new();
    }
    let mut list = vec24(&mut body).unwrap_or_default();
    let entries = std::iter::from_fn(|| {
        let certificate = vec24(&mut list)?;
        if is_13 {
            vec16(&mut list)?;
        }
        // What is kept does not keep the rest of the handshake.
        Some(Bytes::copy_from_slice(&certificate))
    });
    entries.take(CHAIN_MAX).collect()
}

/// The chain in a CompressedCertificate (RFC 8879 §4), likewise.
pub(crate) fn compressed_certificates(mut body: Bytes, version: TlsVersion) -> Vec<Bytes> {
    let coding = match u16(&mut body) {
        Some(1) => "deflate",
        Some(2) => "br",
        Some(3) => "zstd",
        _ => return Vec::new(),
    };
    let _len = take(&mut body, 3);
    let compressed = vec24(&mut body).unwrap_or_default();
    let field: Headers = [("content-encoding", coding)].into_iter().collect();
    let Ok(codings) = Codings::of(&field) else {
        return Vec::new();
    };
    let (plain, _) = content::decode(&codings, &compressed, MESSAGE_MAX);
    certificates(plain.into(), version)
}

/// What a ServerKeyExchange says of the exchange; `dh` says that it is not on a curve.
pub(crate) fn key_exchange(mut body: Bytes, dh: bool) -> Option<String> {
    if dh {
        let prime = vec16(&mut body)?;
        return Some(format!("DH {} bits", prime.len() * 8));
    }
    // RFC 8422 §5.4: a curve by its number.
    (u8(&mut body)? == 3).then_some(())?;
    Some(group(u16(&mut body)?))
}

/// The name of a group (the registry "TLS Supported Groups").
pub(crate) fn group(number: u16) -> String {
    let name = match number {
        23 => "secp256r1",
        24 => "secp384r1",
        25 => "secp521r1",
        29 => "X25519",
        30 => "X448",
        256 => "ffdhe2048",
        257 => "ffdhe3072",
        258 => "ffdhe4096",
        0x11eb => "SecP256r1MLKEM768",
        0x11ec => "X25519MLKEM768",
        0x11ed => "SecP384r1MLKEM1024",
        0x6399 => "X25519Kyber768Draft00",
        _ => return format!("{number:#06x}"),
    };
    name.into()
}

/// What an alert says (RFC 8446 §6), in words.
pub(crate) fn alert(number: u8) -> String {
    let name = match number {
        10 => "unexpected message",
        20 => "bad record",
        22 => "record too long",
        40 => "handshake failure",
        42 => "bad certificate",
        43 => "unsupported certificate",
        44 => "certificate revoked",
        45 => "certificate expired",
        46 => "certificate unknown",
        47 => "illegal parameter",
        48 => "unknown certificate authority",
        49 => "access denied",
        50 => "decode error",
        51 => "decrypt error",
        70 => "protocol version not supported",
        71 => "insufficient security",
        80 => "internal error",
        86 => "inappropriate fallback",
        90 => "cancelled by the user",
        109 => "missing extension",
        110 => "unsupported extension",
        112 => "name not recognised",
        113 => "bad certificate status response",
        115 => "unknown PSK identity",
        116 => "a certificate is required",
        120 => "no application protocol in common",
        121 => "an encrypted ClientHello is required",
        _ => return format!("alert {number}"),
    };
    name.into()
}

fn each_extension(body: &mut Bytes, mut each: impl FnMut(u16, Bytes)) {
    let mut extensions = vec16(body).unwrap_or_default();
    while let Some(kind) = u16(&mut extensions)
        && let Some(contents) = vec16(&mut extensions)
    {
        each(kind, contents);
    }
}

/// RFC 7301 §3.1: a list with one name.
fn alpn(mut contents: Bytes) -> Option<Bytes> {
    let mut names = vec16(&mut contents)?;
    let name = vec8(&mut names)?;
    Some(Bytes::copy_from_slice(&name))
}

fn take(from: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= from.len()).then(|| from.split_to(len))
}

fn u8(from: &mut Bytes) -> Option<u8> {
    from.try_get_u8().ok()
}

fn u16(from: &mut Bytes) -> Option<u16> {
    from.try_get_u16().ok()
}

/// Bytes after their length in one byte.
fn vec8(from: &mut Bytes) -> Option<Bytes> {
    let len = u8(from)?;
    take(from, len.into())
}

/// Bytes after their length in two bytes.
fn vec16(from: &mut Bytes) -> Option<Bytes> {
    let len = u16(from)?;
    take(from, len.into())
}

/// Bytes after their length in three bytes.
fn vec24(from: &mut Bytes) -> Option<Bytes> {
    let high = u8(from)?;
    let low = u16(from)?;
    take(from, usize::from(high) << 16 | usize::from(low))
}
