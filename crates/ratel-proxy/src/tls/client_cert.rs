//! The certificates that servers are shown when they ask for one (`client_certs`): a PEM file for all, or a folder with
//! one `HOST.pem` for each.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::ssl::SslRef;

use super::lru::Lru;
use super::pair::{CertPair, PairError};

/// Files of a folder that are kept once read.
const KEPT: usize = 64;

/// Shows a certificate on a connection when the server asks for one.
pub(super) fn show(cert: &CertPair, ssl: &mut SslRef) -> Result<(), ErrorStack> {
    ssl.set_certificate(&cert.leaf)?;
    ssl.set_private_key(&cert.key)?;
    for above in &cert.above {
        ssl.add_chain_cert(above.clone())?;
    }
    Ok(())
}

/// Where client certificates come from.
pub(super) struct ClientCerts {
    passphrase: Option<String>,
    from: From,
}

enum From {
    /// One for all servers.
    File(Arc<CertPair>),
    /// One for each; those that were read, with the time of the file.
    Folder(PathBuf, Mutex<Lru<PathBuf, (SystemTime, Arc<CertPair>)>>),
}

impl ClientCerts {
    /// Reads the file, or looks whether the folder is there. Blocks on files.
    pub(super) fn open(path: &Path, passphrase: Option<&str>) -> Result<Self, PairError> {
        let from = if path.is_dir() {
            From::Folder(path.into(), Mutex::new(Lru::new(KEPT)))
        } else {
            From::File(Arc::new(CertPair::read(path, passphrase, None)?))
        };
        Ok(Self {
            passphrase: passphrase.map(str::to_owned),
            from,
        })
    }

    /// The one for `host`, a name that was checked to be a host's. Blocks on a small file now and then.
    pub(super) fn for_host(&self, host: &str) -> Result<Option<Arc<CertPair>>, PairError> {
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
        let cert = Arc::new(CertPair::read(&path, self.passphrase.as_deref(), None)?);
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(path, (changed, cert.clone()));
        Ok(Some(cert))
    }
}
