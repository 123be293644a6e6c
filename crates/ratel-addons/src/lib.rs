//! Built-in behaviours, each an addon in a file of its own.

mod block;
mod onboarding;
mod revocation;
pub mod save;

use std::sync::Arc;

use ratel_core::addon::AddonChain;

pub use block::Block;
pub use onboarding::Onboarding;
pub use revocation::Revocation;

/// The built-in addons in the order in which every hook calls them.
#[must_use]
pub fn default_addons() -> AddonChain {
    // `Block` stands first: a client that may not use the proxy is seen by nobody else.
    AddonChain::new(vec![
        Arc::new(Block::default()),
        Arc::new(Onboarding::default()),
        Arc::new(Revocation::default()),
    ])
}
