//! Certificates that users give us, with their keys, in PEM files.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

/// Larger files hold something else.
const FILE_MAX: u64 = 1024 * 1024;

/// A certificate with its key and what vouches for it.
#[derive(Clone)]
pub(super) struct CertPair {
    pub(super) leaf: X509,
    pub(super) above: Vec<X509>,
    pub(super) key: PKey<Private>,
}

impl fmt::Debug for CertPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertPair")
    }
}

impl CertPair {
    /// Reads a file that holds a certificate, what vouches for it, and its key; without a key in it, the key is `other`.
    /// Blocks on the file.
    pub(super) fn read(
        path: &Path,
        passphrase: Option<&str>,
        other: Option<&PKey<Private>>,
    ) -> Result<Self, PairError> {
        let failed = |why| PairError {
            path: path.into(),
            why,
        };
        let io = |error| failed(Why::Io(Arc::new(error)));
        if fs::metadata(path).map_err(io)?.len() > FILE_MAX {
            return Err(failed(Why::TooLarge));
        }
        let pem = fs::read(path).map_err(io)?;
        let key = match (read_key(&pem, passphrase), other) {
            (Ok(key), _) => key,
            (Err(KeyProblem::Unreadable), Some(other)) if !holds_key(&pem) => other.clone(),
            (Err(KeyProblem::Unreadable), _) => return Err(failed(Why::NoKey)),
            (Err(KeyProblem::Passphrase), _) => {
                return Err(failed(if passphrase.is_some() {
                    Why::Passphrase
                } else {
                    Why::Encrypted
                }));
            }
        };
        let mut certs = X509::stack_from_pem(&pem).unwrap_or_default();
        // The one that belongs to the key comes first in most files, but not in all.
        let fits = |cert: &X509| cert.public_key().is_ok_and(|public| public.public_eq(&key));
        let Some(at) = certs.iter().position(fits) else {
            return Err(failed(match (certs.is_empty(), holds_key(&pem)) {
                (true, _) => Why::NoCertificate,
                (false, true) => Why::OtherKey,
                (false, false) => Why::NoKey,
            }));
        };
        let leaf = certs.remove(at);
        Ok(Self {
            leaf,
            above: certs,
            key,
        })
    }
}

fn holds_key(pem: &[u8]) -> bool {
    pem.windows(16).any(|word| word == b"PRIVATE KEY-----")
}

/// Why there is no key.
pub(super) enum KeyProblem {
    /// It is encrypted, and the passphrase is missing or wrong.
    Passphrase,
    Unreadable,
}

/// The private key in a PEM file.
pub(super) fn read_key(pem: &[u8], passphrase: Option<&str>) -> Result<PKey<Private>, KeyProblem> {
    let mut asked = false;
    // Without a callback OpenSSL would ask on the terminal.
    let key = PKey::private_key_from_pem_callback(pem, |buf| {
        asked = true;
        let phrase = passphrase.unwrap_or_default().as_bytes();
        let Some(room) = buf.get_mut(..phrase.len()) else {
            return Ok(0);
        };
        room.copy_from_slice(phrase);
        Ok(phrase.len())
    });
    match key {
        Ok(key) => Ok(key),
        Err(_) if asked => Err(KeyProblem::Passphrase),
        Err(_) => Err(KeyProblem::Unreadable),
    }
}

/// A certificate can't be used. Displays as one sentence.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the certificate in {} {why}", path.display())]
pub struct PairError {
    path: PathBuf,
    why: Why,
}

#[derive(Clone, Debug, thiserror::Error)]
enum Why {
    #[error("can't be read: {0}")]
    Io(Arc<io::Error>),
    #[error("can't be used: the file is larger than any certificate")]
    TooLarge,
    #[error("has no private key beside it in the file")]
    NoKey,
    #[error("has an encrypted private key; its passphrase is given with --cert-passphrase")]
    Encrypted,
    #[error("has an encrypted private key, which the passphrase does not open")]
    Passphrase,
    #[error("is missing: the file holds a private key alone")]
    NoCertificate,
    #[error("does not belong to the private key in the file")]
    OtherKey,
}
