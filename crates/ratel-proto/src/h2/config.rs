//! What a connection is told about itself before it starts.

use super::Limits;
use super::flow::WINDOW_MAX;

/// What we are on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We send requests.
    Client,
    /// We answer requests.
    Server,
}

/// How a [`Connection`](super::Connection) behaves. Values out of range are brought into it.
#[derive(Clone, Debug)]
pub struct Config {
    /// What we are.
    pub role: Role,
    /// How many bytes of DATA, padding included, a peer may send on one stream before they are
    /// [consumed](super::Connection::consume), at first. At most 2³¹−1.
    pub stream_window: u32,
    /// How far that grows while what comes is consumed at once. At most 2³¹−1.
    pub stream_window_max: u32,
    /// By how many bytes the windows of all streams together may have grown. With `max_concurrent_streams` windows as
    /// they are at first, this bounds what waits to be consumed.
    pub growth_max: u32,
    /// How many bytes of DATA may be under way on the whole connection. What has arrived does not count, so that streams
    /// nobody reads don't hold up the others. At least 65 535, which is where every connection starts, at most 2³¹−1.
    pub connection_window: u32,
    /// How many streams the client may have open at once, as a server. A client accepts no pushed streams.
    pub max_concurrent_streams: u32,
    /// The largest payload of a frame that is taken, in bytes: 16 384 to 2²⁴−1. Bounds what waits in the input.
    pub max_frame_size: u32,
    /// The largest head or trailers that are taken: bytes of names and values, and 32 for each field (RFC 9113 §6.5.2).
    pub header_list_limit: usize,
    /// The size of the table that the peer's encoder may use, in bytes (RFC 7541 §4.2). At most 64 KiB.
    pub header_table_size: u32,
    /// Whether clients may use extended CONNECT, as for WebSocket (RFC 8441), as a server.
    pub enable_connect_protocol: bool,
    /// Whether the server is allowed to push, as a client. What it pushes is refused; a push that was not allowed is
    /// the end of the connection.
    pub enable_push: bool,
    /// When as little as this of a stream's data is waiting to be sent, in bytes, the stream is
    /// [writable](super::Event::Writable) again.
    pub low_water: usize,
    /// Bounds on what costs the peer little.
    pub limits: Limits,
}

/// The largest compression table that [`Config::header_table_size`] can ask for, in bytes.
pub(super) const HEADER_TABLE_MAX: u32 = 64 * 1024;

impl Config {
    /// The defaults for this role.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            stream_window: 256 * 1024,
            stream_window_max: 2 * 1024 * 1024,
            growth_max: 14 * 1024 * 1024,
            connection_window: 16 * 1024 * 1024,
            max_concurrent_streams: 250,
            max_frame_size: 16_384,
            header_list_limit: 256 * 1024,
            header_table_size: 4096,
            enable_connect_protocol: false,
            enable_push: false,
            low_water: 64 * 1024,
            limits: Limits::default(),
        }
    }

    /// With every value in its range.
    pub(super) fn clamped(mut self) -> Self {
        self.stream_window = self.stream_window.min(WINDOW_MAX);
        self.stream_window_max = self.stream_window_max.min(WINDOW_MAX);
        self.connection_window = self.connection_window.clamp(65_535, WINDOW_MAX);
        self.max_frame_size = self.max_frame_size.clamp(16_384, (1 << 24) - 1);
        self.header_table_size = self.header_table_size.min(HEADER_TABLE_MAX);
        // Spans are kept in 32 bits.
        self.header_list_limit = self.header_list_limit.min(64 * 1024 * 1024);
        self
    }
}
