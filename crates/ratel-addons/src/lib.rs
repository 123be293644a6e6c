//! Built-in behaviours, each an addon in a file of its own.

mod answer;
mod anticache;
mod anticomp;
mod block;
mod block_list;
mod intercept;
mod live;
mod map_local;
mod map_remote;
mod modify_body;
mod modify_headers;
mod network;
mod onboarding;
mod proxy_auth;
mod revocation;
mod rule;
pub mod rule_file;
pub mod save;
mod server_replay;
mod sticky_auth;
mod sticky_cookie;
mod switch;
#[cfg(test)]
mod testing;
mod update_alt_svc;
mod upstream_auth;

use std::sync::Arc;

use ratel_core::addon::AddonChain;
use ratel_core::replay::ServerReplay;
use ratel_flow::filter::FilterOptions;

pub use anticache::anticache;
pub use anticomp::anticomp;
pub use block::Block;
pub use block_list::BlockList;
pub use intercept::Intercept;
pub use map_local::MapLocal;
pub use map_remote::MapRemote;
pub use modify_body::ModifyBody;
pub use modify_headers::ModifyHeaders;
pub use network::BadNetwork;
pub use onboarding::Onboarding;
pub use proxy_auth::ProxyAuth;
pub use revocation::Revocation;
pub use server_replay::PlayRecorded;
pub use sticky_auth::StickyAuth;
pub use sticky_cookie::StickyCookie;
pub use switch::Switch;
pub use update_alt_svc::UpdateAltSvc;
pub use upstream_auth::UpstreamAuth;

/// What addons are told of their surroundings.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How filters are read.
    pub filters: FilterOptions,
    /// The recordings that requests are answered with.
    pub server_replay: ServerReplay,
}

/// The built-in addons in the order in which every hook calls them, which is mitmproxy's.
#[must_use]
pub fn default_addons(setup: &Setup) -> AddonChain {
    let filters = setup.filters;
    AddonChain::new(vec![
        // A client that may not use the proxy is seen by nobody else.
        Arc::new(Block::default()),
        Arc::new(BlockList::new(filters)),
        Arc::new(anticache()),
        Arc::new(anticomp()),
        Arc::new(Onboarding::default()),
        Arc::new(Revocation::default()),
        Arc::new(ProxyAuth::default()),
        Arc::new(PlayRecorded::new(setup.server_replay.clone())),
        // Where a request goes is settled before somebody answers it from files, and what it is after that.
        Arc::new(MapRemote::new(filters)),
        Arc::new(MapLocal::new(filters)),
        Arc::new(ModifyBody::new(filters)),
        Arc::new(ModifyHeaders::new(filters)),
        Arc::new(StickyAuth::new(filters)),
        Arc::new(StickyCookie::new(filters)),
        Arc::new(UpstreamAuth::default()),
        Arc::new(UpdateAltSvc::default()),
        // Whoever answered: it comes over a bad network.
        Arc::new(BadNetwork::new(filters)),
        // What it shows is what all others have left.
        Arc::new(Intercept::new(filters)),
    ])
}
