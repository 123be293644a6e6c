//! What stands for a secret.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What every placeholder begins with.
pub(super) const MARK: &str = "REDACTED-";

/// Digits after the mark: 64 bits, so that two of a million secrets look alike once in 37 million runs.
const DIGITS: usize = 16;

/// What placeholders are made with.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// One that nobody knows.
    pub(super) fn random() -> Self {
        let mut key = [0; 32];
        if getrandom::fill(&mut key).is_err() {
            // A system without randomness; what the standard library seeds its tables with is what there is.
            use std::hash::{BuildHasher, RandomState};
            for part in key.chunks_exact_mut(8) {
                part.copy_from_slice(&RandomState::new().hash_one(0).to_le_bytes());
            }
        }
        Self::of(&key)
    }

    /// The same for the same text.
    pub(super) fn of_salt(salt: &str) -> Self {
        Self::of(salt.as_bytes())
    }

    fn of(key: &[u8]) -> Self {
        Self(<Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// The placeholder of a secret.
    pub(super) fn placeholder(&self, secret: &[u8]) -> String {
        format!("{MARK}{}", self.digits(secret, DIGITS))
    }

    /// Digits for a secret in data whose lengths must not change.
    pub(super) fn filler(&self, secret: &[u8], len: usize) -> Vec<u8> {
        let text = match len.checked_sub(MARK.len()) {
            Some(rest) if rest >= DIGITS / 2 => format!("{MARK}{}", self.digits(secret, rest)),
            _ => self.digits(secret, len),
        };
        text.into_bytes()
    }

    fn digits(&self, secret: &[u8], count: usize) -> String {
        let mut text = String::with_capacity(count + 64);
        for block in 0_u64.. {
            let mut mac = self.0.clone();
            mac.update(&block.to_le_bytes());
            mac.update(secret);
            for byte in mac.finalize().into_bytes() {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
            }
            if text.len() >= count {
                break;
            }
        }
        text.truncate(count);
        text
    }
}

/// Whether there is nothing left to redact in a value.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    value
        .strip_prefix(MARK.as_bytes())
        .is_some_and(|rest| rest.len() == DIGITS && rest.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_stable() {
        let (key, other) = (Key::of_salt("a"), Key::of_salt("b"));
        let one = key.placeholder(b"secret");
        assert_eq!(one, Key::of_salt("a").placeholder(b"secret"));
        assert!(is_placeholder(one.as_bytes()), "{one}");
        assert_ne!(one, key.placeholder(b"secret2"));
        assert_ne!(one, other.placeholder(b"secret"));
        assert_ne!(
            Key::random().placeholder(b"a"),
            Key::random().placeholder(b"a")
        );
        for len in [0, 1, 8, 20, 200] {
            let filler = key.filler(b"secret", len);
            assert_eq!(filler.len(), len);
            assert_eq!(filler, key.filler(b"secret", len));
        }
    }
}
