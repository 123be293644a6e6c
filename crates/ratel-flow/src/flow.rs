//! What all flows have in common.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::time::Timestamp;

/// Identifies a flow within this process; later flows have higher ids, starting at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of exchange a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowKind {
    /// An HTTP request and what became of it.
    Http,
    /// A connection whose bytes are passed on as they are.
    Tcp,
    /// Datagrams between two addresses.
    Udp,
    /// A DNS question and its answer.
    Dns,
    /// A connection that ended before it carried an exchange: a failed TLS handshake, bytes that are no protocol.
    Connection,
}

/// A direction: bytes of the request or from the client, bytes of the response or from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// From the client towards the server.
    Client,
    /// From the server towards the client.
    Server,
}

/// Why a flow failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowError {
    /// What failed, on which side, and why: one sentence.
    pub message: Arc<str>,
    /// What to do about it; shown after the message.
    pub hint: Option<Arc<str>>,
    /// The client ended it by leaving: nothing failed from where it stands.
    pub by_client: bool,
    /// When.
    pub timestamp: Timestamp,
}

impl FlowError {
    /// What the message begins with when a client has refused the certificate it was shown.
    pub const DISTRUST: &str = "the client does not trust Ratel's certificate";

    /// What it begins with when a client has left instead, as Java and Node do for that reason, and others for more.
    pub const LEFT_TLS: &str = "the client closed the connection during the TLS handshake";

    /// What the hint says where the certificate of a server was not accepted.
    pub const ACCEPT: &str = "pass -k to accept";

    /// What a flow that somebody has killed has for an error.
    pub const KILLED: &str = "Connection killed.";

    /// Whether a client has refused the certificate it was shown, in so many words or by leaving.
    #[must_use]
    pub fn is_distrust(&self) -> bool {
        let starts = |with| self.message.starts_with(with);
        starts(Self::DISTRUST) || starts(Self::LEFT_TLS)
    }

    /// Whether a server was turned down for its certificate, which `-k` would have accepted.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        let hint = self.hint.as_deref().unwrap_or_default();
        hint.contains(Self::ACCEPT)
    }

    /// The error of a flow that is killed.
    #[must_use]
    pub fn killed(timestamp: Timestamp) -> Self {
        Self {
            message: Self::KILLED.into(),
            hint: None,
            by_client: false,
            timestamp,
        }
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// The name in files of a flow or connection that has none yet: a UUID (RFC 9562 §5.4) made of what tells this process
/// from others and of what tells the flow from others in it.
#[must_use]
pub fn uuid(session: u128, kind: u8, number: u64) -> String {
    const VERSION_4: u128 = 0x4000 << 64;
    const VARIANT: u128 = 0x8 << 60;
    let mixed = session ^ u128::from(number) ^ u128::from(kind) << 112;
    let id = mixed & !(0xf000 << 64) & !(0xc << 60) | VERSION_4 | VARIANT;
    let hex = format!("{id:032x}");
    // 32 digits, all of one byte.
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}

/// What tells this process from others in [`uuid`]: chosen at random, once.
#[must_use]
pub fn session() -> u128 {
    static SESSION: OnceLock<u128> = OnceLock::new();
    *SESSION.get_or_init(random)
}

/// A number that nobody can guess.
pub(crate) fn random() -> u128 {
    // The standard library seeds its hash tables with random numbers of the system.
    let half = || RandomState::new().build_hasher().finish();
    u128::from(half()) << 64 | u128::from(half())
}

/// A name of that kind for what has no number yet.
#[must_use]
pub fn next_uuid(kind: u8) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Apart from those that are made of a number.
    uuid(!session(), kind, NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let one = uuid(u128::MAX, 0, 1);
        assert_eq!(one, "ffffffff-ffff-4fff-bfff-fffffffffffe");
        assert_eq!(uuid(0, 1, 2), "00010000-0000-4000-8000-000000000002");
    }
}
