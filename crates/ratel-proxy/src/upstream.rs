//! Connections to servers: dialling them, and keeping them for the client connection they belong to.

pub(crate) mod connect;
pub(crate) mod pool;

use std::fmt;
use std::sync::Arc;

use ratel_flow::Scheme;
pub(crate) use ratel_flow::http::host_port;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether TLS is spoken there.
    pub(crate) scheme: Scheme,
    /// Name or IP address, without brackets.
    pub(crate) host: Arc<str>,
    /// Port.
    pub(crate) port: u16,
    /// The name for SNI and for the certificate, where it differs from `host`.
    pub(crate) sni: Option<Arc<str>>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_port(&self.host, self.port))
    }
}
