//! The options that the engine lives by, read once per change and ready to use.

mod pass;
mod tls;

use std::net::IpAddr;
use std::time::Duration;

use ratel_core::options::{Values, keys};
use ratel_core::patterns::HostPatterns;

pub(crate) use pass::{PassConfig, Verdict};
pub(crate) use tls::{TlsConfig, given_certs};

/// See the [module](self). A connection keeps the one it began with.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) keep_host_header: bool,
    pub(crate) validate_inbound_headers: bool,
    /// Servers are connected to as soon as they are known, before they are needed.
    pub(crate) eager: bool,
    pub(crate) upstream_cert: bool,
    /// The server's certificates follow those that clients are shown.
    pub(crate) add_upstream_certs: bool,
    /// Local address for connections to servers.
    pub(crate) connect_addr: Option<IpAddr>,
    pub(crate) connect_timeout: Duration,
    /// Any number of requests is sent again at once, not one after the other.
    pub(crate) replay_at_once: bool,
    /// Requests are sent again with the time between them that there was.
    pub(crate) replay_timing: bool,
    /// How long anything is held back for a person; without an end if none.
    pub(crate) intercept_timeout: Option<Duration>,
    /// How long a client's connection may be silent on both sides.
    pub(crate) tcp_timeout: Duration,
    /// Whether what is not HTTP is passed on as it is.
    pub(crate) rawtcp: bool,
    /// The servers whose connections are passed on as they are, inside TLS.
    pub(crate) tcp_hosts: HostPatterns,
    /// Whether WebSockets are looked into.
    pub(crate) websocket: bool,
    /// Whether HTTP/2 is spoken at all.
    pub(crate) http2: bool,
    /// How long a server's HTTP/2 connection is idle before it is asked for a sign of life; never when none.
    pub(crate) ping_keepalive: Option<Duration>,
    /// When HTTP/2 is spoken without TLS to servers.
    pub(crate) h2c_upstream: H2c,
    /// Bytes a message head may have.
    pub(crate) head_limit: usize,
    /// Bodies of more bytes than this pass as they come, whatever addons need.
    pub(crate) stream_large_bodies: Option<usize>,
    /// Bodies of more bytes than this are refused.
    pub(crate) body_size_limit: Option<u64>,
    /// Those that pass for being large are on record all the same.
    pub(crate) store_streamed_bodies: bool,
    /// What is not looked into.
    pub(crate) pass: PassConfig,
    /// Names of headers that addons have set are made lower case where the protocol wants that.
    pub(crate) normalize_outbound_headers: bool,
    pub(crate) tls: TlsConfig,
}

/// When HTTP/2 is spoken without TLS to `http://` servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum H2c {
    /// When the client does so, for gRPC, which is spoken no other way, and with servers that turn out to know nothing
    /// else.
    Auto,
    Always,
    Never,
}

impl Config {
    /// Bodies that pass and have more bytes than this are not on record; all are if none.
    pub(crate) fn recorded_most(&self) -> Option<u64> {
        let most = self
            .stream_large_bodies
            .filter(|_| !self.store_streamed_bodies);
        most.map(|most| most as u64)
    }

    /// What of `previous` took work to make and is the same is kept. Blocks on the files that options name.
    ///
    /// # Errors
    /// One sentence that names what can't be used.
    pub(crate) fn new(options: &Values, previous: Option<&Self>) -> Result<Self, String> {
        let appends = options.bool(keys::ADD_UPSTREAM_CERTS_TO_CLIENT_CHAIN);
        if appends && !options.bool(keys::UPSTREAM_CERT) {
            return Err(
                "option 'add_upstream_certs_to_client_chain' needs 'upstream_cert', which is off"
                    .into(),
            );
        }
        Ok(Self {
            add_upstream_certs: appends,
            tls: TlsConfig::new(options, previous.map(|config| &config.tls))?,
            pass: PassConfig::new(options)?,
            keep_host_header: options.bool(keys::KEEP_HOST_HEADER),
            validate_inbound_headers: options.bool(keys::VALIDATE_INBOUND_HEADERS),
            eager: options.str(keys::CONNECTION_STRATEGY) == "eager",
            upstream_cert: options.bool(keys::UPSTREAM_CERT),
            connect_addr: options
                .opt_str(keys::CONNECT_ADDR)
                .and_then(|ip| ip.parse().ok()),
            connect_timeout: options.seconds(keys::CONNECT_TIMEOUT),
            replay_at_once: options.int(keys::CLIENT_REPLAY_CONCURRENCY) < 0,
            replay_timing: options.bool(keys::CLIENT_REPLAY_TIMING),
            intercept_timeout: Some(options.seconds(keys::INTERCEPT_TIMEOUT))
                .filter(|after| !after.is_zero()),
            tcp_timeout: options.seconds(keys::TCP_TIMEOUT),
            rawtcp: options.bool(keys::RAWTCP),
            tcp_hosts: HostPatterns::new(options.list(keys::TCP_HOSTS))
                .map_err(|error| error.to_string())?,
            websocket: options.bool(keys::WEBSOCKET),
            http2: options.bool(keys::HTTP2),
            ping_keepalive: Some(options.seconds(keys::HTTP2_PING_KEEPALIVE))
                .filter(|every| !every.is_zero()),
            h2c_upstream: match options.str(keys::H2C_UPSTREAM) {
                "always" => H2c::Always,
                "never" => H2c::Never,
                _ => H2c::Auto,
            },
            normalize_outbound_headers: options.bool(keys::NORMALIZE_OUTBOUND_HEADERS),
            stream_large_bodies: options
                .opt_size(keys::STREAM_LARGE_BODIES)
                .map(|size| usize::try_from(size).unwrap_or(usize::MAX)),
            body_size_limit: options.opt_size(keys::BODY_SIZE_LIMIT),
            store_streamed_bodies: options.bool(keys::STORE_STREAMED_BODIES),
            head_limit: usize::try_from(options.size(keys::HEAD_LIMIT)).unwrap_or(usize::MAX),
        })
    }
}
