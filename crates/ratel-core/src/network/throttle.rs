//! How slow a network is.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Chance;
use crate::store::lock;

/// Bytes of a packet: what is lost at once.
const PACKET: u64 = 1460;

/// Pieces are as large as what passes in so much time.
const PIECE: Duration = Duration::from_millis(50);

/// The size of a piece, in bytes.
const PIECE_MIN: u64 = 512;
const PIECE_MAX: u64 = 64 * 1024;

/// Figures of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The time of a round trip.
    pub latency: Duration,
    /// How much longer or shorter a round trip may be.
    pub jitter: Duration,
    /// Bytes in a second towards clients; any number without one.
    pub down: Option<f64>,
    /// Bytes in a second towards servers.
    pub up: Option<f64>,
    /// How many packets are lost, from 0 to 1.
    pub loss: f64,
    /// How long everything waits for a lost packet to be sent again.
    pub stall: Duration,
}

/// A profile in force. All flows of a rule share its bandwidth.
#[derive(Debug)]
pub struct Throttle {
    /// Figures.
    pub profile: Profile,
    down: Option<Lane>,
    up: Option<Lane>,
    chance: Chance,
}

impl Throttle {
    pub(super) fn new(profile: Profile, chance: Chance) -> Self {
        Self {
            down: profile.down.map(Lane::new),
            up: profile.up.map(Lane::new),
            profile,
            chance,
        }
    }

    /// How long half a round trip takes this time.
    pub fn half_trip(&self) -> Duration {
        let Profile {
            latency, jitter, ..
        } = self.profile;
        let either = self.chance.draw() * 2.0 - 1.0;
        let half = latency.as_secs_f64() / 2.0 + jitter.as_secs_f64() / 2.0 * either;
        Duration::from_secs_f64(half.max(0.0))
    }

    /// Until when `bytes` more are on their way, from `now` on; towards the client if `down`.
    pub fn pass(&self, down: bool, bytes: u64, now: Instant) -> Instant {
        let lane = if down { &self.down } else { &self.up };
        let through = lane.as_ref().map_or(now, |lane| lane.pass(bytes, now));
        if self.profile.loss <= 0.0 || bytes == 0 {
            return through;
        }
        let packets = i32::try_from(bytes.div_ceil(PACKET)).unwrap_or(i32::MAX);
        let all_arrive = (1.0 - self.profile.loss).powi(packets);
        match self.chance.hits(1.0 - all_arrive) {
            true => through + self.profile.stall,
            false => through,
        }
    }

    /// How many bytes are to pass at once.
    #[must_use]
    pub fn piece(&self, down: bool) -> u64 {
        let lane = if down { &self.down } else { &self.up };
        lane.as_ref().map_or(PIECE_MAX, Lane::piece)
    }
}

/// What lets so many bytes pass in a second. Whoever shares it has a part of that.
#[derive(Debug)]
pub struct Lane {
    rate: f64,
    /// When everything so far will be through.
    free: Mutex<Option<Instant>>,
}

impl Lane {
    /// One for `rate` bytes a second.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self {
            rate: rate.max(1.0),
            free: Mutex::new(None),
        }
    }

    fn pass(&self, bytes: u64, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / self.rate);
        let mut free = lock(&self.free);
        let begins = free.map_or(now, |free| free.max(now));
        let through = begins + takes;
        *free = Some(through);
        through
    }

    fn piece(&self) -> u64 {
        let bytes = self.rate * PIECE.as_secs_f64();
        (bytes as u64).clamp(PIECE_MIN, PIECE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(profile: Profile) -> Throttle {
        Throttle::new(profile, Chance::new(1, 1))
    }

    #[test]
    fn flows_share_the_bandwidth_and_the_two_directions_do_not() {
        let throttle = throttle(Profile {
            down: Some(1000.0),
            up: Some(100.0),
            ..Profile::default()
        });
        let now = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(throttle.pass(true, 1000, now), now + second);
        assert_eq!(throttle.pass(true, 1000, now), now + 2 * second);
        assert_eq!(throttle.pass(false, 100, now), now + second);
        // What was not used is not saved up.
        let later = now + 10 * second;
        assert_eq!(throttle.pass(true, 500, later), later + second / 2);
    }

    #[test]
    fn trips_vary_and_packets_are_lost() {
        let throttle = throttle(Profile {
            latency: Duration::from_millis(100),
            jitter: Duration::from_millis(40),
            loss: 0.1,
            stall: Duration::from_millis(300),
            ..Profile::default()
        });
        let trips: Vec<_> = (0..1000).map(|_| throttle.half_trip()).collect();
        let range = Duration::from_millis(30)..=Duration::from_millis(70);
        assert!(trips.iter().all(|trip| range.contains(trip)));
        assert!(trips.iter().any(|trip| *trip < Duration::from_millis(35)));
        let now = Instant::now();
        let stalled = |bytes| {
            (0..1000)
                .filter(|_| throttle.pass(true, bytes, now) > now)
                .count()
        };
        let (one, ten) = (stalled(100), stalled(14_000));
        assert!((60..140).contains(&one), "{one}");
        assert!(
            (580..720).contains(&ten),
            "a large piece is many packets: {ten}"
        );
    }
}
