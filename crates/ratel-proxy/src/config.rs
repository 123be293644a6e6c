//! The options that the engine lives by, read once per change and ready to use.

use std::net::IpAddr;
use std::time::Duration;

use ratel_core::options::{Values, keys};

/// See the [module](self). A connection keeps the one it began with.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) keep_host_header: bool,
    pub(crate) validate_inbound_headers: bool,
    /// Servers are connected to as soon as they are known, before they are needed.
    pub(crate) eager: bool,
    pub(crate) upstream_cert: bool,
    /// Local address for connections to servers.
    pub(crate) connect_addr: Option<IpAddr>,
    pub(crate) connect_timeout: Duration,
    /// How long a client's connection may be silent on both sides.
    pub(crate) tcp_timeout: Duration,
    /// Bytes a message head may have.
    pub(crate) head_limit: usize,
}

impl Config {
    pub(crate) fn new(options: &Values) -> Self {
        Self {
            keep_host_header: options.bool(keys::KEEP_HOST_HEADER),
            validate_inbound_headers: options.bool(keys::VALIDATE_INBOUND_HEADERS),
            eager: options.str(keys::CONNECTION_STRATEGY) == "eager",
            upstream_cert: options.bool(keys::UPSTREAM_CERT),
            connect_addr: options
                .opt_str(keys::CONNECT_ADDR)
                .and_then(|ip| ip.parse().ok()),
            connect_timeout: options.seconds(keys::CONNECT_TIMEOUT),
            tcp_timeout: options.seconds(keys::TCP_TIMEOUT),
            head_limit: usize::try_from(options.size(keys::HEAD_LIMIT)).unwrap_or(usize::MAX),
        }
    }
}
