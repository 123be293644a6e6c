//! The certificates shown to clients: made when first asked for, then kept.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::pkey::Id;
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;
use tokio::sync::OnceCell;

use super::ca::{Authority, CaStore};
use super::engine::legacy;
use super::engine::modern::{self, Identity};
use super::given::{Given, GivenCerts};
use super::lru::Lru;
use super::mint::{self, LeafKey};
use super::names::{LeafNames, LeafSpec};

/// Leaves kept; some kilobytes each.
const LEAVES: usize = 1000;
/// Bits of an RSA key with which signing takes some 0.2 ms; it grows with the cube of them.
const QUICK_RSA: u32 = 2048;
/// A leaf older than this is made again, long before its time is over.
const FRESH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The kind of key a leaf is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA with P-256: small and quick, and what every client of today takes.
    P256,
    /// RSA with 2048 bits, for clients that take nothing else.
    Rsa,
}

/// One certificate with its chain, for all clients that ask for the same names.
#[derive(Debug)]
pub struct Leaf {
    made: Instant,
    source: Source,
}

/// Where a leaf comes from.
#[derive(Debug)]
enum Source {
    Minted(Box<Minted>),
    Given(Arc<Given>),
}

#[derive(Debug)]
struct Minted {
    names: LeafNames,
    appended: Vec<CertificateDer<'static>>,
    label: String,
    issuer: Arc<Issuer>,
    p256: Identity,
    rsa: OnceCell<Identity>,
    /// Both of them, for clients of the legacy engine.
    legacy: OnceCell<legacy::Identity>,
}

impl Leaf {
    /// The chain as clients are sent it: the leaf, the CA, and what vouches for the CA.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        match &self.source {
            Source::Minted(minted) => minted.p256.chain(),
            Source::Given(given) => given.modern.chain(),
        }
    }

    /// Whether the modern engine has a key of that kind to show.
    pub(super) fn has(&self, kind: KeyKind) -> bool {
        match &self.source {
            Source::Minted(_) => true,
            Source::Given(given) => given.kind == Some(kind),
        }
    }

    /// The chain and key of a kind, which there is. That for RSA is made when it is first asked for.
    pub(super) async fn identity(&self, kind: KeyKind) -> Result<&Identity, LeafError> {
        match &self.source {
            Source::Minted(minted) => minted.identity(kind).await,
            Source::Given(given) => Ok(&given.modern),
        }
    }

    /// The chains and keys of all kinds, for the legacy engine.
    pub(super) async fn legacy(&self) -> Result<&legacy::Identity, LeafError> {
        match &self.source {
            Source::Minted(minted) => minted.legacy().await,
            Source::Given(given) => Ok(&given.legacy),
        }
    }
}

impl Minted {
    fn make(issuer: Arc<Issuer>, names: LeafNames, spec: &LeafSpec) -> Result<Self, LeafError> {
        let label = spec.label();
        let appended: Vec<_> = spec
            .appended()
            .iter()
            .map(|der| CertificateDer::from(der.to_vec()))
            .collect();
        let made = issuer.make_blocking(KeyKind::P256, &names, &appended);
        Ok(Self {
            p256: made.map_err(|why| LeafError::new(&label, why))?,
            rsa: OnceCell::new(),
            legacy: OnceCell::new(),
            names,
            appended,
            label,
            issuer,
        })
    }

    async fn identity(&self, kind: KeyKind) -> Result<&Identity, LeafError> {
        match kind {
            KeyKind::P256 => Ok(&self.p256),
            KeyKind::Rsa => {
                let make = || {
                    let (names, appended) = (self.names.clone(), self.appended.clone());
                    self.issuer.clone().make(KeyKind::Rsa, names, appended)
                };
                let made = self.rsa.get_or_try_init(make).await;
                made.map_err(|why| LeafError::new(&self.label, why))
            }
        }
    }

    async fn legacy(&self) -> Result<&legacy::Identity, LeafError> {
        let make = || async {
            let rsa = self.identity(KeyKind::Rsa).await?;
            let pair = |identity: &Identity, kind| {
                let key = self
                    .issuer
                    .key(kind)
                    .map_err(|why| LeafError::new(&self.label, why))?;
                Ok((identity.chain().to_vec(), key.minting.key.clone()))
            };
            Ok(legacy::Identity::new(vec![
                pair(rsa, KeyKind::Rsa)?,
                pair(&self.p256, KeyKind::P256)?,
            ]))
        };
        self.legacy.get_or_try_init(make).await
    }
}

/// Makes leaves, one for each set of names however many clients wait for it, and keeps up to 1000 of them. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct LeafCache {
    issuer: Arc<Issuer>,
    leaves: Arc<Mutex<Leaves>>,
}

#[derive(Debug)]
struct Leaves {
    /// What is shown instead of a leaf that is made.
    given: GivenCerts,
    made: Lru<Arc<LeafSpec>, Slot>,
}

type Slot = Arc<OnceCell<Arc<Leaf>>>;

impl LeafCache {
    /// An empty cache of leaves signed by `ca`.
    #[must_use]
    pub fn new(ca: &CaStore) -> Self {
        Self {
            issuer: Arc::new(Issuer::new(ca)),
            leaves: Arc::new(Mutex::new(Leaves {
                given: GivenCerts::default(),
                made: Lru::new(LEAVES),
            })),
        }
    }

    /// Shows these from now on, where they fit.
    pub fn show(&self, given: &GivenCerts) {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if !leaves.given.is_same(given) {
            *leaves = Leaves {
                given: given.clone(),
                made: Lru::new(LEAVES),
            };
        }
    }

    /// The leaf for `spec`.
    ///
    /// # Errors
    /// When the CA's key can't sign it.
    ///
    /// # Cancel safety
    /// Cancel safe: if the one who makes a leaf is cancelled, another who waits for it makes it.
    pub async fn get(&self, spec: LeafSpec) -> Result<Arc<Leaf>, LeafError> {
        let slot = self.slot(&spec);
        let make = || async {
            if self.issuer.signs_quickly() {
                return self.mint(&spec).map(Arc::new);
            }
            let (cache, label) = (self.clone(), spec.label());
            let job = tokio::task::spawn_blocking(move || cache.mint(&spec).map(Arc::new));
            job.await
                .unwrap_or_else(|_| Err(LeafError::new(&label, Why::Interrupted)))
        };
        slot.get_or_try_init(make).await.cloned()
    }

    /// Makes a leaf for `spec`, without looking whether there is one and without keeping it. Blocks for as long as the
    /// CA's key takes to sign.
    ///
    /// # Errors
    /// When the CA's key can't sign it.
    pub fn mint(&self, spec: &LeafSpec) -> Result<Leaf, LeafError> {
        let names = spec.resolve();
        let given = self
            .leaves
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .given
            .clone();
        let source = match given.find(&names) {
            Some(given) => Source::Given(given.clone()),
            None => Source::Minted(Box::new(Minted::make(self.issuer.clone(), names, spec)?)),
        };
        Ok(Leaf {
            made: Instant::now(),
            source,
        })
    }

    fn slot(&self, spec: &LeafSpec) -> Slot {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let known = leaves.made.get(spec);
        let stale = |slot: &Slot| slot.get().is_some_and(|leaf| leaf.made.elapsed() > FRESH);
        known.filter(|slot| !stale(slot)).unwrap_or_else(|| {
            let slot = Slot::default();
            leaves.made.insert(Arc::new(spec.clone()), slot.clone());
            slot
        })
    }
}

/// The CA with the keys that its leaves have, one per kind for the whole process.
struct Issuer {
    authority: Arc<Authority>,
    p256: OnceLock<Result<Key, Why>>,
    rsa: OnceLock<Result<Key, Why>>,
}

struct Key {
    minting: LeafKey,
    signing: Arc<dyn SigningKey>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issuer")
    }
}

impl Issuer {
    fn new(ca: &CaStore) -> Self {
        Self {
            authority: ca.authority().clone(),
            p256: OnceLock::new(),
            rsa: OnceLock::new(),
        }
    }

    /// Whether signing takes no longer than what a handshake does anyhow, some 0.2 ms, and the key of the leaf is there
    /// already: then another thread would cost more than it saves.
    fn signs_quickly(&self) -> bool {
        let key = &self.authority.key;
        let quick = key.id() == Id::EC || (key.id() == Id::RSA && key.bits() <= QUICK_RSA);
        quick && self.p256.get().is_some()
    }

    /// A fresh RSA key takes long, so it is made off the threads of connections.
    async fn make(
        self: Arc<Self>,
        kind: KeyKind,
        names: LeafNames,
        appended: Vec<CertificateDer<'static>>,
    ) -> Result<Identity, Why> {
        let job = tokio::task::spawn_blocking(move || self.make_blocking(kind, &names, &appended));
        job.await.unwrap_or(Err(Why::Interrupted))
    }

    fn make_blocking(
        &self,
        kind: KeyKind,
        names: &LeafNames,
        appended: &[CertificateDer<'static>],
    ) -> Result<Identity, Why> {
        let key = self.key(kind)?;
        let leaf = mint::leaf(&self.authority, &key.minting, names)?;
        let mut chain = vec![leaf.into()];
        chain.extend(self.authority.chain.iter().chain(appended).cloned());
        Ok(Identity::new(chain, key.signing.clone()))
    }

    /// The key of a kind, made when it is first asked for. Blocks for as long as that takes.
    fn key(&self, kind: KeyKind) -> Result<&Key, Why> {
        let key = match kind {
            KeyKind::P256 => &self.p256,
            KeyKind::Rsa => &self.rsa,
        };
        key.get_or_init(|| self.make_key(kind))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn make_key(&self, kind: KeyKind) -> Result<Key, Why> {
        let minting = match kind {
            KeyKind::P256 => LeafKey::p256(&self.authority)?,
            KeyKind::Rsa => LeafKey::rsa(&self.authority)?,
        };
        let signing = modern::signing_key(minting.key.private_key_to_pkcs8()?)?;
        Ok(Key { minting, signing })
    }
}

/// No certificate could be made. Displays as one sentence.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot make a certificate for {name}: {why}")]
pub struct LeafError {
    name: Box<str>,
    why: Why,
}

impl LeafError {
    fn new(name: &str, why: Why) -> Self {
        Self {
            name: name.into(),
            why,
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
enum Why {
    #[error("{0}")]
    OpenSsl(#[from] ErrorStack),
    #[error("{0}")]
    Engine(#[from] rustls::Error),
    #[error("the work was interrupted")]
    Interrupted,
}
