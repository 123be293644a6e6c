//! Certificates of the user's own that clients are shown instead of ones that are made (`certs`).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use openssl::ec::EcKeyRef;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, Private};

use super::ca::CaStore;
use super::engine::legacy;
use super::engine::modern::{self, Identity};
use super::leaf::KeyKind;
use super::names::{LeafNames, LeafSpec, SanName};
use super::pair::{CertPair, PairError};

/// Stands for every host.
const ANY: &str = "*";

/// One certificate, ready for both engines.
#[derive(Debug)]
pub(super) struct Given {
    /// What the modern engine can do with the key; none: only the other one takes it.
    pub(super) kind: Option<KeyKind>,
    pub(super) modern: Identity,
    pub(super) legacy: legacy::Identity,
}

/// The certificates by the names that they are for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct GivenCerts(Arc<HashMap<Box<str>, Arc<Given>>>);

/// A certificate of the option `certs` can't be used. Displays as one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// The file.
    #[error("option 'certs': {0}")]
    File(#[from] PairError),
    /// A library does not take it.
    #[error("option 'certs': the certificate in {} can't be used: {why}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What the library says.
        why: String,
    },
}

impl GivenCerts {
    /// Reads the files of `[DOMAIN=]PATH` specifications, whose `~` is expanded. A certificate without a key has that of
    /// `ca`. Blocks on files.
    ///
    /// # Errors
    /// When a file can't be read, or holds no certificate that fits its key.
    pub fn open(
        specs: &[(Option<String>, PathBuf)],
        passphrase: Option<&str>,
        ca: &CaStore,
    ) -> Result<Self, GivenError> {
        let mut by_name = HashMap::new();
        for (pattern, path) in specs {
            let pair = CertPair::read(path, passphrase, Some(&ca.authority().key))?;
            let library = |why: String| GivenError::Library {
                path: path.clone(),
                why,
            };
            let names =
                LeafSpec::for_certificate(pair.leaf.to_der().map_err(|e| library(e.to_string()))?)
                    .resolve();
            if names.is_authority {
                tracing::warn!(
                    "the certificate in {} is that of an authority; clients may refuse it from a server",
                    path.display()
                );
            }
            let given = Arc::new(Given::new(&pair).map_err(library)?);
            let own = names
                .names
                .iter()
                .map(|name| name.to_string().into_boxed_str());
            let pattern = pattern.as_deref().unwrap_or(ANY).to_ascii_lowercase();
            for name in own.chain([pattern.into()]) {
                by_name.insert(name, given.clone());
            }
        }
        Ok(Self(Arc::new(by_name)))
    }

    /// The certificate for the first of `names` that there is one for: by its name, by `*` in the place of ever more of
    /// its first labels; then the one for all hosts.
    pub(super) fn find(&self, names: &LeafNames) -> Option<&Arc<Given>> {
        if self.0.is_empty() {
            return None;
        }
        let by_name = names.names.iter().find_map(|name| self.named(name));
        by_name.or_else(|| self.0.get(ANY))
    }

    fn named(&self, name: &SanName) -> Option<&Arc<Given>> {
        let text = name.to_string();
        if let Some(given) = self.0.get(&*text) {
            return Some(given);
        }
        let SanName::Dns(name) = name else {
            return None;
        };
        let parents = name
            .match_indices('.')
            .map(|(at, _)| format!("*{}", &name[at..]));
        parents.into_iter().find_map(|parent| self.0.get(&*parent))
    }

    /// Whether both are the same, having been read at once.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Given {
    fn new(pair: &CertPair) -> Result<Self, String> {
        let openssl = |error: ErrorStack| error.to_string();
        let chain = std::iter::once(&pair.leaf)
            .chain(&pair.above)
            .map(|cert| cert.to_der().map(Into::into))
            .collect::<Result<Vec<_>, _>>()
            .map_err(openssl)?;
        let signing = modern::signing_key(pair.key.private_key_to_pkcs8().map_err(openssl)?);
        let is_p256 =
            |key: &EcKeyRef<Private>| key.group().curve_name() == Some(Nid::X9_62_PRIME256V1);
        let (kind, signing) = match (signing, pair.key.id()) {
            (Ok(signing), Id::RSA) => (Some(KeyKind::Rsa), signing),
            (Ok(signing), Id::EC) if pair.key.ec_key().is_ok_and(|key| is_p256(&key)) => {
                (Some(KeyKind::P256), signing)
            }
            (Ok(signing), _) => (None, signing),
            (Err(error), _) => return Err(error.to_string()),
        };
        Ok(Self {
            kind,
            legacy: legacy::Identity::new(vec![(chain.clone(), pair.key.clone())]),
            modern: Identity::new(chain, signing),
        })
    }
}
