//! Certificate chains that servers have shown, each kept once however many connections show it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ratel_flow::Certificates;
use rustls::pki_types::{CertificateDer, ServerName};

use super::lru::Lru;

/// Chains kept. One that was forgotten is copied again when it comes again; nothing else.
const CHAINS: usize = 256;
/// Names that one chain was found good for, at most.
const NAMES: usize = 32;
/// How long a chain counts as good for a name without another look. Its time may run out meanwhile, so it is short.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// Bytes at the end of a certificate that stand for it in look-ups: the end of its signature.
const TAIL: usize = 32;

/// A chain of certificates and what was found out about it.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) certificates: Certificates,
    good: Mutex<Vec<(ServerName<'static>, Instant)>>,
}

/// All chains seen of late.
#[derive(Debug)]
pub(super) struct Chains(Mutex<Lru<Box<[u8]>, Arc<Chain>>>);

impl Chains {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Lru::new(CHAINS)))
    }

    /// The one copy of this chain.
    pub(super) fn intern<'a, I>(&self, chain: I) -> Arc<Chain>
    where
        I: Iterator<Item = &'a CertificateDer<'a>> + Clone,
    {
        let leaf: &[u8] = chain.clone().next().map_or(&[], |leaf| leaf.as_ref());
        let tail = &leaf[leaf.len().saturating_sub(TAIL)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(tail)
            && known.is(chain.clone())
        {
            return known;
        }
        let fresh = Arc::new(Chain {
            certificates: chain.map(|der| Bytes::copy_from_slice(der)).collect(),
            good: Mutex::default(),
        });
        kept.insert(tail.into(), fresh.clone());
        fresh
    }
}

impl Chain {
    fn is<'a>(&self, other: impl Iterator<Item = &'a CertificateDer<'a>>) -> bool {
        self.certificates
            .iter()
            .map(|der| &der[..])
            .eq(other.map(|der| der.as_ref()))
    }

    /// Whether it was found good for `name` a short time ago.
    pub(super) fn is_good_for(&self, name: &ServerName<'_>) -> bool {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.iter()
            .any(|(known, since)| known == name && since.elapsed() < GOOD_FOR)
    }

    /// Remembers that it is good for `name`.
    pub(super) fn found_good_for(&self, name: &ServerName<'_>) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.retain(|(known, since)| known != name && since.elapsed() < GOOD_FOR);
        if good.len() == NAMES {
            good.remove(0);
        }
        good.push((name.to_owned(), Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_kept_once_and_told_from_others_with_the_same_leaf() {
        let chains = Chains::new();
        let der = |bytes: &'static [u8]| CertificateDer::from(bytes);
        let (leaf, one, other) = (der(b"leaf"), der(b"one"), der(b"other"));
        let first = chains.intern([&leaf, &one].into_iter());
        assert!(Arc::ptr_eq(
            &first,
            &chains.intern([&leaf, &one].into_iter())
        ));
        let second = chains.intern([&leaf, &other].into_iter());
        assert_eq!(second.certificates[1], "other");
        assert_eq!(first.certificates[1], "one");
        assert!(chains.intern(std::iter::empty()).certificates.is_empty());
    }

    #[test]
    fn a_verdict_is_for_one_name() {
        let chain = Chains::new().intern(std::iter::empty());
        let name = |text| ServerName::try_from(text).expect("a name");
        chain.found_good_for(&name("a.example"));
        assert!(chain.is_good_for(&name("a.example")));
        assert!(!chain.is_good_for(&name("b.example")));
        for i in 0..100 {
            let text = format!("{i}.example");
            chain.found_good_for(&ServerName::try_from(text).expect("a name"));
        }
        assert_eq!(chain.good.lock().unwrap().len(), NAMES);
    }
}
