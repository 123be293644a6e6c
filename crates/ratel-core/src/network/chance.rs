//! Chances that come out the same for the same seed.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of numbers, each rule's own: what one rule draws changes nothing for another.
#[derive(Debug)]
pub struct Chance(AtomicU64);

impl Chance {
    /// The source with that seed for the rule with that number.
    #[must_use]
    pub fn new(seed: u64, rule: u64) -> Self {
        Self(AtomicU64::new(mix(seed ^ mix(rule))))
    }

    /// A number from 0 to below 1.
    pub fn draw(&self) -> f64 {
        // SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>): its state is a counter, so that threads can share it.
        let state = self.0.fetch_add(GOLDEN, Ordering::Relaxed);
        (mix(state.wrapping_add(GOLDEN)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of that probability happens.
    pub fn hits(&self, probability: f64) -> bool {
        probability >= 1.0 || self.draw() < probability
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed that nobody knows.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything_and_chances_are_fair() {
        let hits = |seed, rule| -> Vec<bool> {
            let chance = Chance::new(seed, rule);
            (0..10_000).map(|_| chance.hits(0.2)).collect()
        };
        assert_eq!(hits(1, 0), hits(1, 0));
        assert_ne!(hits(1, 0), hits(2, 0));
        assert_ne!(hits(1, 0), hits(1, 1));
        let count = hits(1, 0).into_iter().filter(|hit| *hit).count();
        assert!((1800..2200).contains(&count), "{count}");
        assert!(Chance::new(0, 0).hits(1.0));
    }
}
