//! Profiles that go by a name.

use std::time::Duration;

use super::Profile;

/// Figures that go by a name.
pub(super) struct Preset {
    pub(super) name: &'static str,
    latency_ms: u64,
    jitter_ms: u64,
    /// Bits in a second; 0 for any number.
    down: u32,
    up: u32,
    loss: f64,
}

impl Preset {
    pub(super) fn profile(&self) -> Profile {
        let bytes = |bits: u32| (bits > 0).then(|| f64::from(bits) / 8.0);
        Profile {
            latency: Duration::from_millis(self.latency_ms),
            jitter: Duration::from_millis(self.jitter_ms),
            down: bytes(self.down),
            up: bytes(self.up),
            loss: self.loss,
            stall: Duration::ZERO,
        }
    }
}

const fn preset(
    name: &'static str,
    (latency_ms, jitter_ms): (u64, u64),
    (down, up): (u32, u32),
    loss: f64,
) -> Preset {
    Preset {
        name,
        latency_ms,
        jitter_ms,
        down,
        up,
        loss,
    }
}

pub(super) const PRESETS: [Preset; 12] = [
    preset("dial-up", (120, 20), (49_000, 30_000), 0.0),
    preset("gprs", (500, 100), (50_000, 20_000), 0.0),
    preset("edge", (840, 100), (240_000, 200_000), 0.0),
    preset("slow-3g", (400, 50), (400_000, 400_000), 0.0),
    preset("3g", (300, 30), (1_600_000, 768_000), 0.0),
    preset("4g", (170, 20), (9_000_000, 9_000_000), 0.0),
    preset("lte", (70, 10), (12_000_000, 12_000_000), 0.0),
    preset("dsl", (50, 5), (1_500_000, 384_000), 0.0),
    preset("cable", (28, 3), (5_000_000, 1_000_000), 0.0),
    preset("wifi", (10, 5), (30_000_000, 15_000_000), 0.0),
    preset("satellite", (600, 30), (15_000_000, 3_000_000), 0.001),
    preset("lossy", (80, 60), (0, 0), 0.03),
];

pub(super) fn names() -> String {
    PRESETS.map(|preset| preset.name).join(", ")
}
