//! SETTINGS (RFC 9113 §6.5): what the peer said, and what we say.

use bytes::{BufMut, BytesMut};

use super::flow::WINDOW_MAX;
use super::frame::{FrameKind, StreamId, put_header};
use super::{Config, ConnectionError, Role};

/// How the RFC names the setting whose bad values are errors of flow control.
pub(super) const INITIAL_WINDOW_SIZE: &str = "SETTINGS_INITIAL_WINDOW_SIZE";

mod ids {
    pub(super) const HEADER_TABLE_SIZE: u16 = 1;
    pub(super) const ENABLE_PUSH: u16 = 2;
    pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(super) const MAX_FRAME_SIZE: u16 = 5;
    pub(super) const MAX_HEADER_LIST_SIZE: u16 = 6;
    pub(super) const ENABLE_CONNECT_PROTOCOL: u16 = 8;
}

/// What the peer allows. Until its first SETTINGS frame, the RFC's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// Whether the first SETTINGS frame has come.
    pub received: bool,
    /// How many streams of ours may be open at once; none when it is not limited.
    pub max_concurrent_streams: Option<u32>,
    /// How many bytes of DATA may be sent on a stream at first.
    pub initial_window: u32,
    /// The largest payload of a frame, in bytes.
    pub max_frame_size: u32,
    /// The size of the table that our encoder may use, in bytes.
    pub header_table_size: u32,
    /// The largest head that it wants, counted as [`Config::header_list_limit`]; none when it did not say.
    pub header_list_size: Option<u32>,
    /// Whether extended CONNECT may be used (RFC 8441 §3).
    pub enable_connect_protocol: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            received: false,
            max_concurrent_streams: None,
            initial_window: 65_535,
            max_frame_size: 16_384,
            header_table_size: 4096,
            header_list_size: None,
            enable_connect_protocol: false,
        }
    }
}

impl PeerSettings {
    /// Applies the payload of a SETTINGS frame, whose length is a multiple of 6. `ours` is our role.
    pub(super) fn apply(&mut self, payload: &[u8], ours: Role) -> Result<(), ConnectionError> {
        let refuse = |name, value| Err(ConnectionError::Setting { name, value });
        for &[a, b, c, d, e, f] in payload.as_chunks::<6>().0 {
            let value = u32::from_be_bytes([c, d, e, f]);
            match u16::from_be_bytes([a, b]) {
                ids::HEADER_TABLE_SIZE => self.header_table_size = value,
                // RFC 9113 §6.5.2: a server never sends 1.
                ids::ENABLE_PUSH if value > u32::from(ours == Role::Server) => {
                    return refuse("SETTINGS_ENABLE_PUSH", value);
                }
                ids::MAX_CONCURRENT_STREAMS => self.max_concurrent_streams = Some(value),
                ids::INITIAL_WINDOW_SIZE if value > WINDOW_MAX => {
                    return refuse(INITIAL_WINDOW_SIZE, value);
                }
                ids::INITIAL_WINDOW_SIZE => self.initial_window = value,
                ids::MAX_FRAME_SIZE if !(16_384..1 << 24).contains(&value) => {
                    return refuse("SETTINGS_MAX_FRAME_SIZE", value);
                }
                ids::MAX_FRAME_SIZE => self.max_frame_size = value,
                ids::MAX_HEADER_LIST_SIZE => self.header_list_size = Some(value),
                // RFC 8441 §3: it is never taken back.
                ids::ENABLE_CONNECT_PROTOCOL
                    if value > 1 || (value == 0 && self.enable_connect_protocol) =>
                {
                    return refuse("SETTINGS_ENABLE_CONNECT_PROTOCOL", value);
                }
                ids::ENABLE_CONNECT_PROTOCOL => self.enable_connect_protocol = value == 1,
                _ => {}
            }
        }
        self.received = true;
        Ok(())
    }
}

/// Appends our SETTINGS frame: what differs from the RFC's defaults.
pub(super) fn put_settings(out: &mut BytesMut, config: &Config) {
    let list_limit = u32::try_from(config.header_list_limit).unwrap_or(u32::MAX);
    let server = config.role == Role::Server;
    let settings = [
        (ids::HEADER_TABLE_SIZE, config.header_table_size, 4096),
        (
            ids::ENABLE_PUSH,
            config.enable_push.into(),
            u32::from(server) * 2,
        ),
        (
            ids::MAX_CONCURRENT_STREAMS,
            config.max_concurrent_streams,
            u32::MAX,
        ),
        (ids::INITIAL_WINDOW_SIZE, config.stream_window, 65_535),
        (ids::MAX_FRAME_SIZE, config.max_frame_size, 16_384),
        (ids::MAX_HEADER_LIST_SIZE, list_limit, u32::MAX),
        (
            ids::ENABLE_CONNECT_PROTOCOL,
            config.enable_connect_protocol.into(),
            0,
        ),
    ];
    let wanted = settings
        .into_iter()
        .filter(|(id, value, default)| match *id {
            // Only a client says whether it wants pushes (the default is yes); only a server limits streams and takes
            // CONNECT.
            ids::ENABLE_PUSH => !server && *value == 0,
            ids::MAX_CONCURRENT_STREAMS | ids::ENABLE_CONNECT_PROTOCOL => {
                server && value != default
            }
            _ => value != default,
        });
    let len = wanted.clone().count() * 6;
    put_header(out, FrameKind::SETTINGS, 0, StreamId::CONNECTION, len);
    for (id, value, _) in wanted {
        out.put_u16(id);
        out.put_u32(value);
    }
}
