//! The certificate authority: a folder with a private key, its certificate, and copies of the certificate in the
//! forms that other systems import.
//!
//! The key file decides everything: it is made once, in one step, and never written again. A folder of mitmproxy's is
//! used as it is. The copies are derived; what is missing of Ratel's own is made again.

mod make;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{Id, PKey, Private};
use openssl::x509::X509;
use ratel_core::ca::{BASE, MITMPROXY_BASE, PublicCa};
use ratel_core::options::{Values, keys};
use rustls::pki_types::CertificateDer;

use super::crl;
use super::pair::{KeyProblem, read_key};

/// How the CA is made or opened.
#[derive(Clone, Debug)]
pub struct CaSettings {
    /// Bits of the RSA key of a fresh CA; an existing one keeps its key.
    pub key_size: u32,
    /// Opens an encrypted key.
    pub passphrase: Option<String>,
    /// What the names of the files of a fresh CA begin with. One with such files is opened before others.
    pub base: &'static str,
}

impl CaSettings {
    /// What the options say.
    #[must_use]
    pub fn of(values: &Values) -> Self {
        Self {
            key_size: u32::try_from(values.int(keys::KEY_SIZE)).unwrap_or(2048),
            passphrase: values.opt_str(keys::CERT_PASSPHRASE).map(Into::into),
            base: values.ca_base(),
        }
    }
}

impl Default for CaSettings {
    fn default() -> Self {
        Self {
            key_size: 2048,
            passphrase: None,
            base: BASE,
        }
    }
}

/// Where the CA came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaOrigin {
    /// Made by this call.
    Created,
    /// Found, in Ratel's files.
    Ratel,
    /// Found, in mitmproxy's files.
    Mitmproxy,
}

/// The certificate authority that clients trust. Cheap to clone.
#[derive(Clone)]
pub struct CaStore {
    authority: Arc<Authority>,
    cert_pem: Arc<Path>,
    /// What the files' names begin with.
    base: &'static str,
}

/// The key and certificate that leaves are signed with.
pub(super) struct Authority {
    pub(super) cert: X509,
    pub(super) key: PKey<Private>,
    /// The certificate, and those that vouch for it, as sent to clients after a leaf.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

impl fmt::Debug for CaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaStore")
            .field("cert_pem", &self.cert_pem)
            .finish_non_exhaustive()
    }
}

impl CaStore {
    /// Loads the CA in the folder `confdir`, or makes one there. Blocks: on files, and on making a key (some 50 ms).
    ///
    /// Of two processes that find no CA at the same time, one makes it and the other loads what the first made.
    ///
    /// # Errors
    /// When there is a CA that can't be used, or none and it can't be written. What is there is never overwritten.
    pub fn open(confdir: &Path, settings: &CaSettings) -> Result<(Self, CaOrigin), CaError> {
        let base = settings.base;
        let mut bases = [BASE, MITMPROXY_BASE];
        // Stable: the one that is wanted first, and Ratel's before mitmproxy's.
        bases.sort_by_key(|other| *other != base);
        for base in bases {
            if let Some(store) = Self::load(confdir, base, settings)? {
                return Ok((store, found(base)));
            }
        }
        let made = make::authority(settings.key_size).map_err(|source| CaError::Make { source })?;
        let won = make::write_key(confdir, base, &made)?;
        let store = Self::load(confdir, base, settings)?.ok_or_else(|| {
            let path = key_path(confdir, base);
            let source = io::ErrorKind::NotFound.into();
            CaError::Read { path, source }
        })?;
        let origin = if won { CaOrigin::Created } else { found(base) };
        Ok((store, origin))
    }

    /// Whether there is one in the folder.
    #[must_use]
    pub fn exists(confdir: &Path) -> bool {
        [BASE, MITMPROXY_BASE]
            .iter()
            .any(|base| key_path(confdir, base).exists())
    }

    /// None: there are no such files.
    fn load(
        confdir: &Path,
        base: &'static str,
        settings: &CaSettings,
    ) -> Result<Option<Self>, CaError> {
        let path = key_path(confdir, base);
        let pem = match fs::read(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CaError::Read { path, source }),
        };
        let authority = Authority::from_pem(&pem, &path, settings.passphrase.as_deref())?;
        let copy = confdir.join(format!("{base}-ca-cert.pem"));
        // A folder of mitmproxy's is left alone, unless this takes its place.
        if base == BASE || base == settings.base {
            make::write_copies(confdir, base, &authority);
        }
        let cert_pem = if copy.exists() { copy } else { path };
        Ok(Some(Self {
            authority: Arc::new(authority),
            cert_pem: cert_pem.into(),
            base,
        }))
    }

    /// What the names of its files begin with.
    #[must_use]
    pub fn base(&self) -> &'static str {
        self.base
    }

    /// The file with the certificate that clients have to trust.
    #[must_use]
    pub fn cert_pem_path(&self) -> PathBuf {
        self.cert_pem.to_path_buf()
    }

    /// Whether the certificate's time is over, so that no client accepts it.
    #[must_use]
    pub fn expired(&self) -> bool {
        let now = openssl::asn1::Asn1Time::days_from_now(0);
        now.is_ok_and(|now| self.authority.cert.not_after() < now)
    }

    /// The certificate in DER, as clients import it.
    #[must_use]
    pub fn cert_der(&self) -> &[u8] {
        self.authority.chain.first().map_or(&[], |der| der.as_ref())
    }

    /// The certificate as PKCS#12 without a password, together with its private key if that is asked for.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn pkcs12(&self, with_key: bool) -> Result<Vec<u8>, ErrorStack> {
        make::p12(&self.authority, with_key)
    }

    /// Everything about the certificate that may be told to anybody.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn public(&self) -> Result<PublicCa, ErrorStack> {
        let cert = &self.authority.cert;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(&cert.digest(MessageDigest::sha256())?);
        let subject = hash(MessageDigest::md5(), &cert.subject_name().to_der()?)?;
        Ok(PublicCa {
            base: self.base,
            pem: cert.to_pem()?.into(),
            der: cert.to_der()?.into(),
            p12: self.pkcs12(false)?.into(),
            crl: crl::empty(&self.authority)?.into(),
            crl_path: crl::path(&self.authority)?,
            sha256,
            subject_hash_old: subject
                .first_chunk()
                .map_or(0, |first| u32::from_le_bytes(*first)),
        })
    }

    pub(super) fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }
}

/// The file of the key, which everything else is made from.
fn key_path(confdir: &Path, base: &str) -> PathBuf {
    confdir.join(format!("{base}-ca.pem"))
}

/// Where one came from that was there.
fn found(base: &str) -> CaOrigin {
    match base == MITMPROXY_BASE {
        true => CaOrigin::Mitmproxy,
        false => CaOrigin::Ratel,
    }
}

impl Authority {
    fn from_pem(pem: &[u8], path: &Path, passphrase: Option<&str>) -> Result<Self, CaError> {
        let path = || path.to_path_buf();
        let key = read_key(pem, passphrase).map_err(|why| match why {
            KeyProblem::Passphrase => CaError::Passphrase {
                path: path(),
                given: passphrase.is_some(),
            },
            KeyProblem::Unreadable => CaError::NoKey { path: path() },
        })?;
        let mut certs = X509::stack_from_pem(pem).unwrap_or_default().into_iter();
        let cert = certs
            .next()
            .ok_or_else(|| CaError::NoCertificate { path: path() })?;
        if !cert.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(CaError::Mismatch { path: path() });
        }
        if !matches!(key.id(), Id::RSA | Id::EC) {
            return Err(CaError::KeyType { path: path() });
        }
        Self::new(key, cert, certs).map_err(|_| CaError::NoCertificate { path: path() })
    }

    fn new(
        key: PKey<Private>,
        cert: X509,
        more: impl IntoIterator<Item = X509>,
    ) -> Result<Self, ErrorStack> {
        let mut chain = vec![cert.to_der()?.into()];
        for cert in more {
            chain.push(cert.to_der()?.into());
        }
        Ok(Self { cert, key, chain })
    }
}

/// Why there is no CA to work with. Displays as one sentence; [`CaError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// The key file is there and can't be read.
    #[error("cannot read the certificate authority in {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds no private key, or a damaged one.
    #[error("{} holds no usable private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is encrypted and the passphrase is missing or wrong.
    #[error(
        "the private key in {} is encrypted, and {}",
        path.display(),
        if *given { "the passphrase does not open it" } else { "no passphrase was given" }
    )]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// Whether there was a passphrase.
        given: bool,
    },
    /// The file holds no certificate, or a damaged one.
    #[error("{} holds no usable certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate are of different pairs.
    #[error("the private key in {} does not belong to the certificate in it", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
    },
    /// A kind of key that clients don't accept from an authority.
    #[error("the private key in {} is neither RSA nor EC", path.display())]
    KeyType {
        /// The file.
        path: PathBuf,
    },
    /// The cryptographic library failed.
    #[error("cannot make a certificate authority: {source}")]
    Make {
        /// What it says.
        source: ErrorStack,
    },
    /// A file can't be written.
    #[error("cannot write the certificate authority to {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl CaError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Read { .. } => {
                "make the file readable, or choose another folder with --set confdir=FOLDER"
            }
            Self::NoKey { .. } | Self::NoCertificate { .. } | Self::Mismatch { .. } => {
                "put a matching key and certificate into it, or move it away to have a fresh certificate authority made"
            }
            Self::KeyType { .. } => {
                "browsers accept only RSA and EC; move it away to have a fresh certificate authority made"
            }
            Self::Passphrase { .. } => "set the passphrase with --set cert_passphrase=PASS",
            Self::Write { .. } => {
                "make the folder writable, or choose another one with --set confdir=FOLDER"
            }
            Self::Make { .. } => return None,
        })
    }
}
