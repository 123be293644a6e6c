//! Connections that are passed through untouched: for which reason, and what is remembered of clients that refuse
//! our certificates.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::tls::Lru;

/// Refusals that are remembered, and names that the log has told of.
const KEPT: usize = 1000;
/// How long a refusal counts. After that the client may have learned to trust us.
const COUNTS: Duration = Duration::from_secs(60 * 60);

/// Why a connection is passed through untouched. Displays as the rest of a sentence that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The user ignores this name by this pattern.
    Ignored { name: String, pattern: String },
    /// The user allows only others.
    NotAllowed,
    /// The client has refused our certificate for this name.
    Refused(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored { name, pattern } => {
                write!(f, "{name} matches '{pattern}' (ignore_hosts)")
            }
            Self::NotAllowed => f.write_str("no pattern matches it (allow_hosts)"),
            Self::Refused(name) => write!(
                f,
                "the client does not trust Ratel's certificate for {name} (auto_passthrough)"
            ),
        }
    }
}

/// What all connections know of refusals. Bounded, and the least used is forgotten first.
pub(crate) struct Passthrough(Mutex<Memory>);

struct Memory {
    /// By client and name.
    refusals: Lru<(IpAddr, String), Refusal>,
    /// What the log has told.
    told: Lru<String, ()>,
}

#[derive(Clone, Copy)]
struct Refusal {
    at: Instant,
    /// It was said in so many words, or has happened more than once.
    certain: bool,
}

impl Default for Passthrough {
    fn default() -> Self {
        Self(Mutex::new(Memory {
            refusals: Lru::new(KEPT),
            told: Lru::new(KEPT),
        }))
    }
}

impl Passthrough {
    /// A client has refused our certificate for `name`.
    pub(crate) fn refused(&self, client: IpAddr, name: &str) {
        let refusal = Refusal {
            at: Instant::now(),
            certain: true,
        };
        self.memory().refusals.insert(key(client, name), refusal);
    }

    /// A client has left right after the handshake, without a word: one that looks at certificates only then does so, and
    /// so does one that has changed its mind. The second time in a row counts as a refusal; true then.
    pub(crate) fn left(&self, client: IpAddr, name: &str) -> bool {
        let (key, now) = (key(client, name), Instant::now());
        let mut memory = self.memory();
        let certain = memory
            .refusals
            .get(&key)
            .is_some_and(|refusal| refusal.counts(now));
        memory.refusals.insert(key, Refusal { at: now, certain });
        certain
    }

    /// A client has accepted our certificate for `name`.
    pub(crate) fn accepted(&self, client: IpAddr, name: &str) {
        self.memory().refusals.remove(&key(client, name));
    }

    /// Whether a client is known to refuse our certificate for `name`.
    pub(crate) fn refuses(&self, client: IpAddr, name: &str) -> bool {
        let refusal = self.memory().refusals.get(&key(client, name));
        refusal.is_some_and(|refusal| refusal.certain && refusal.counts(Instant::now()))
    }

    /// Whether the log has not told of `name` yet; it is taken to do so.
    pub(crate) fn is_news(&self, name: &str) -> bool {
        let mut memory = self.memory();
        let known = memory.told.get(name).is_some();
        if !known {
            memory.told.insert(name.to_owned(), ());
        }
        !known
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic elsewhere leaves maps that are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    fn counts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < COUNTS
    }
}

/// Host names know no case.
fn key(client: IpAddr, name: &str) -> (IpAddr, String) {
    (client, name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[tokio::test(start_paused = true)]
    async fn a_refusal_counts_for_this_client_and_name_for_an_hour() {
        let memory = Passthrough::default();
        memory.refused(A, "a.test");
        assert!(memory.refuses(A, "A.test"));
        assert!(!memory.refuses(A, "b.test"));
        assert!(!memory.refuses(B, "a.test"));
        tokio::time::advance(COUNTS).await;
        assert!(!memory.refuses(A, "a.test"));
    }

    #[tokio::test(start_paused = true)]
    async fn leaving_without_a_word_counts_the_second_time_in_a_row() {
        let memory = Passthrough::default();
        assert!(!memory.left(A, "a.test"));
        assert!(!memory.refuses(A, "a.test"));
        memory.accepted(A, "a.test");
        assert!(!memory.left(A, "a.test"));
        assert!(memory.left(A, "a.test"));
        assert!(memory.refuses(A, "a.test"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memory = Passthrough::default();
        for i in 0..=KEPT {
            memory.refused(A, &format!("{i}.test"));
        }
        assert!(!memory.refuses(A, "0.test"));
        assert!(memory.refuses(A, "1.test"));
        assert!(memory.is_news("a"));
        assert!(!memory.is_news("a"));
    }
}
