//! The certificates that servers are shown when they ask for one (`client_certs`): a PEM file for all, or a folder with
//! one `HOST.pem` for each.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::SslRef;
use openssl::x509::X509;

use super::lru::Lru;

/// Files of a folder that are kept once read.
const KEPT: usize = 64;
/// Larger files hold something else.
const FILE_MAX: u64 = 1024 * 1024;

/// A certificate with its key and what vouches for it.
pub(super) struct ClientCert {
    leaf: X509,
    above: Vec<X509>,
    key: PKey<Private>,
}

impl fmt::Debug for ClientCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCert")
    }
}

impl ClientCert {
    /// Shows it on a connection when the server asks.
    pub(super) fn show_on(&self, ssl: &mut SslRef) -> Result<(), ErrorStack> {
        ssl.set_certificate(&self.leaf)?;
        ssl.set_private_key(&self.key)?;
        for cert in &self.above {
            ssl.add_chain_cert(cert.clone())?;
        }
        Ok(())
    }

    fn read(path: &Path, passphrase: Option<&str>) -> Result<Self, ClientCertError> {
        let failed = |why| ClientCertError {
            path: path.into(),
            why,
        };
        let io = |error| failed(Why::Io(Arc::new(error)));
        if fs::metadata(path).map_err(io)?.len() > FILE_MAX {
            return Err(failed(Why::TooLarge));
        }
        let pem = fs::read(path).map_err(io)?;
        let key = match passphrase {
            Some(passphrase) => PKey::private_key_from_pem_passphrase(&pem, passphrase.as_bytes()),
            // Without the callback OpenSSL would ask on the terminal.
            None => PKey::private_key_from_pem_callback(&pem, |_| Ok(0)),
        };
        let key = key.map_err(|_| {
            failed(if is_encrypted(&pem) {
                Why::Encrypted
            } else {
                Why::NoKey
            })
        })?;
        let mut certs = X509::stack_from_pem(&pem).unwrap_or_default();
        // The one that belongs to the key comes first in most files, but not in all.
        let fits = |cert: &X509| cert.public_key().is_ok_and(|public| public.public_eq(&key));
        let Some(at) = certs.iter().position(fits) else {
            return Err(failed(if certs.is_empty() {
                Why::NoCertificate
            } else {
                Why::OtherKey
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

fn is_encrypted(pem: &[u8]) -> bool {
    pem.windows(9).any(|word| word == b"ENCRYPTED")
}

/// Where client certificates come from.
pub(super) struct ClientCerts {
    passphrase: Option<String>,
    from: From,
}

enum From {
    /// One for all servers.
    File(Arc<ClientCert>),
    /// One for each; those that were read, with the time of the file.
    Folder(PathBuf, Mutex<Lru<PathBuf, (SystemTime, Arc<ClientCert>)>>),
}

impl ClientCerts {
    /// Reads the file, or looks whether the folder is there. Blocks on files.
    pub(super) fn open(path: &Path, passphrase: Option<&str>) -> Result<Self, ClientCertError> {
        let from = if path.is_dir() {
            From::Folder(path.into(), Mutex::new(Lru::new(KEPT)))
        } else {
            From::File(Arc::new(ClientCert::read(path, passphrase)?))
        };
        Ok(Self {
            passphrase: passphrase.map(str::to_owned),
            from,
        })
    }

    /// The one for `host`, a name that was checked to be a host's. Blocks on a small file now and then.
    pub(super) fn for_host(&self, host: &str) -> Result<Option<Arc<ClientCert>>, ClientCertError> {
        let (folder, read) = match &self.from {
            From::File(cert) => return Ok(Some(cert.clone())),
            From::Folder(folder, read) => (folder, read),
        };
        // The name comes from clients: it must not lead out of the folder.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || host.starts_with('.') || !host.chars().all(plain) {
            return Ok(None);
        }
        let path = folder.join(format!(
            "{}.pem",
            host.trim_end_matches('.').to_ascii_lowercase()
        ));
        let Ok(changed) = fs::metadata(&path).and_then(|meta| meta.modified()) else {
            return Ok(None);
        };
        let known = read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&path);
        if let Some((since, cert)) = known
            && since == changed
        {
            return Ok(Some(cert));
        }
        let cert = Arc::new(ClientCert::read(&path, self.passphrase.as_deref())?);
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(path, (changed, cert.clone()));
        Ok(Some(cert))
    }
}

/// A client certificate can't be used. Displays as one sentence.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the client certificate {} {why}", path.display())]
pub struct ClientCertError {
    path: PathBuf,
    why: Why,
}

#[derive(Clone, Debug, thiserror::Error)]
enum Why {
    #[error("can't be read: {0}")]
    Io(Arc<io::Error>),
    #[error("is larger than any certificate")]
    TooLarge,
    #[error("has no private key in PEM form beside it in the file")]
    NoKey,
    #[error("has an encrypted private key; its passphrase is given with --cert-passphrase")]
    Encrypted,
    #[error("is not in the file: it holds a private key alone")]
    NoCertificate,
    #[error("does not belong to the private key in the file")]
    OtherKey,
}
