//! What may be told to anybody of the certificate authority that clients trust.

use bytes::Bytes;

/// The certificate of the authority, in the forms in which clients take it. Its private key is in none of them.
#[derive(Clone, Debug)]
pub struct PublicCa {
    /// What its files' names begin with: `ratel`, or `mitmproxy` for a folder of mitmproxy's.
    pub base: &'static str,
    /// As PEM.
    pub pem: Bytes,
    /// As DER.
    pub der: Bytes,
    /// As PKCS#12 without a password.
    pub p12: Bytes,
    /// A list of revoked certificates, on which none is, as DER.
    pub crl: Bytes,
    /// The path at which leaves say that list is, on whatever host.
    pub crl_path: String,
    /// SHA-256 of the DER, by which people compare it.
    pub sha256: [u8; 32],
    /// The hash of its subject by which Android's store names its files (`openssl x509 -subject_hash_old`).
    pub subject_hash_old: u32,
}
