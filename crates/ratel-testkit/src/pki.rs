//! Certificates for origins: a CA of the test's own, and leaves that are right, expired, misnamed or self-signed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use tempfile::TempDir;

const DAY: i64 = 24 * 60 * 60;

/// A certification authority, with its certificate in a file.
pub struct Ca {
    folder: TempDir,
    cert: X509,
    key: PKey<Private>,
}

/// A certificate with its key, each in a file and in memory.
pub struct Identity {
    folder: TempDir,
    cert: X509,
    key: PKey<Private>,
}

impl Ca {
    /// Makes a CA with a fresh P-256 key.
    pub fn new() -> Self {
        Self::named("origin test CA")
    }

    /// As [`Ca::new`], by another name.
    pub fn named(common: &str) -> Self {
        let key = p256();
        let mut builder = template(common, &key, -1, 30);
        let subject = name(common);
        builder
            .set_issuer_name(&subject)
            .expect("an issuer can be set");
        builder
            .append_extension(
                BasicConstraints::new()
                    .critical()
                    .ca()
                    .build()
                    .expect("constraints"),
            )
            .expect("an extension can be added");
        let usage = KeyUsage::new()
            .critical()
            .key_cert_sign()
            .crl_sign()
            .build()
            .expect("a key usage");
        builder
            .append_extension(usage)
            .expect("an extension can be added");
        builder
            .sign(&key, MessageDigest::sha256())
            .expect("a CA can be signed");
        let (folder, cert) = (
            tempfile::tempdir().expect("a temporary folder"),
            builder.build(),
        );
        std::fs::write(folder.path().join("ca.pem"), cert.to_pem().expect("PEM"))
            .expect("a file can be written");
        Self { folder, cert, key }
    }

    /// The PEM file with the CA's certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A PEM file with the CA's key.
    pub fn key_file(&self) -> PathBuf {
        let path = self.folder.path().join("key.pem");
        let pem = self.key.private_key_to_pem_pkcs8().expect("PEM");
        std::fs::write(&path, pem).expect("a file can be written");
        path
    }

    /// A certificate for these DNS names and addresses, the first being the common name.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_for_days(names, -1, 30)
    }

    /// As [`Ca::issue`], valid between two days counted from today.
    pub fn issue_for_days(&self, names: &[&str], from: i64, to: i64) -> Identity {
        Identity::make(names, from, to, Some(self), p256())
    }

    /// As [`Ca::issue`], for another kind of key.
    pub fn issue_for_key(&self, names: &[&str], key: Key) -> Identity {
        Identity::make(names, -1, 30, Some(self), key.make())
    }
}

impl Default for Ca {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// A certificate that nobody but itself has signed.
    pub fn self_signed(names: &[&str]) -> Self {
        Self::make(names, -1, 30, None, p256())
    }

    fn make(names: &[&str], from: i64, to: i64, ca: Option<&Ca>, key: PKey<Private>) -> Self {
        let common = names.first().copied().unwrap_or("unnamed");
        let mut builder = template(common, &key, from, to);
        let issuer = name(common);
        builder
            .set_issuer_name(ca.map_or(&*issuer, |ca| ca.cert.subject_name()))
            .expect("an issuer can be set");
        let mut san = SubjectAlternativeName::new();
        for name in names {
            match name.parse::<IpAddr>() {
                Ok(_) => san.ip(name),
                Err(_) => san.dns(name),
            };
        }
        let context = builder.x509v3_context(ca.map(|ca| &*ca.cert), None);
        let san = san.build(&context).expect("names");
        builder
            .append_extension(san)
            .expect("an extension can be added");
        let usage = ExtendedKeyUsage::new()
            .server_auth()
            .client_auth()
            .build()
            .expect("a key usage");
        builder
            .append_extension(usage)
            .expect("an extension can be added");
        builder
            .sign(ca.map_or(&key, |ca| &ca.key), MessageDigest::sha256())
            .expect("a leaf can be signed");
        let identity = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            cert: builder.build(),
            key,
        };
        std::fs::write(identity.cert_file(), identity.cert.to_pem().expect("PEM"))
            .expect("a file can be written");
        let key = identity.key.private_key_to_pem_pkcs8().expect("PEM");
        std::fs::write(identity.key_file(), key).expect("a file can be written");
        identity
    }

    /// The PEM file with the certificate.
    pub fn cert_file(&self) -> PathBuf {
        self.path().join("cert.pem")
    }

    /// A PEM file with both.
    pub fn pem_file(&self) -> PathBuf {
        let path = self.path().join("both.pem");
        let both = [self.cert_file(), self.key_file()]
            .map(|file| std::fs::read(file).expect("a file that was written"));
        std::fs::write(&path, both.concat()).expect("a file can be written");
        path
    }

    /// The PEM file with the key.
    pub fn key_file(&self) -> PathBuf {
        self.path().join("key.pem")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The server side of TLS handshakes with this certificate.
    pub fn acceptor(&self) -> SslAcceptor {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())
            .expect("OpenSSL makes a server");
        builder
            .set_certificate(&self.cert)
            .expect("a certificate can be set");
        builder
            .set_private_key(&self.key)
            .expect("a key can be set");
        builder.build()
    }
}

/// The kind of a certificate's key.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// ECDSA on this curve.
    Ec(Nid),
    /// RSA with so many bits.
    Rsa(u32),
    /// EdDSA.
    Ed25519,
}

impl Key {
    fn make(self) -> PKey<Private> {
        match self {
            Self::Ec(curve) => {
                let group = EcGroup::from_curve_name(curve).expect("a curve");
                let key = EcKey::generate(&group).expect("a key can be made");
                PKey::from_ec_key(key)
            }
            Self::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits).expect("a key can be made")),
            Self::Ed25519 => PKey::generate_ed25519(),
        }
        .expect("a key can be wrapped")
    }
}

fn p256() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key can be made"))
        .expect("a key can be wrapped")
}

fn name(common: &str) -> openssl::x509::X509Name {
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_nid(Nid::COMMONNAME, common)
        .expect("a common name");
    name.build()
}

fn template(common: &str, key: &PKey<Private>, from: i64, to: i64) -> X509Builder {
    let mut builder = X509::builder().expect("a certificate");
    let mut serial = BigNum::new().expect("a number");
    serial
        .rand(127, MsbOption::MAYBE_ZERO, false)
        .expect("randomness");
    let today = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock past 1970")
        .as_secs()
        .cast_signed();
    let day = |offset: i64| Asn1Time::from_unix(today + offset * DAY).expect("a time");
    builder.set_version(2).expect("version 3");
    builder
        .set_serial_number(&serial.to_asn1_integer().expect("a serial number"))
        .expect("a serial number");
    builder.set_subject_name(&name(common)).expect("a subject");
    builder.set_pubkey(key).expect("a key");
    builder.set_not_before(&day(from)).expect("a time");
    builder.set_not_after(&day(to)).expect("a time");
    builder
}
