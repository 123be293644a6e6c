//! Built-in behaviours, each an addon in a file of its own.

mod block;
mod intercept;
mod network;
mod onboarding;
mod revocation;
pub mod save;
mod server_replay;

use std::sync::Arc;

use ratel_core::addon::AddonChain;
use ratel_core::replay::ServerReplay;
use ratel_flow::filter::FilterOptions;

pub use block::Block;
pub use intercept::Intercept;
pub use network::BadNetwork;
pub use onboarding::Onboarding;
pub use revocation::Revocation;
pub use server_replay::PlayRecorded;

/// What addons are told of their surroundings.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How filters are read.
    pub filters: FilterOptions,
    /// The recordings that requests are answered with.
    pub server_replay: ServerReplay,
}

/// The built-in addons in the order in which every hook calls them.
#[must_use]
pub fn default_addons(setup: &Setup) -> AddonChain {
    AddonChain::new(vec![
        // A client that may not use the proxy is seen by nobody else.
        Arc::new(Block::default()),
        Arc::new(Onboarding::default()),
        Arc::new(Revocation::default()),
        Arc::new(PlayRecorded::new(setup.server_replay.clone())),
        // Whoever answered: it comes over a bad network.
        Arc::new(BadNetwork::new(setup.filters)),
        // What it shows is what all others have left.
        Arc::new(Intercept::new(setup.filters)),
    ])
}
