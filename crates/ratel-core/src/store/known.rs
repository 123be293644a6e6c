//! What a flow says of the bytes in it, by which views know them.

use ratel_flow::FlowKind;
use ratel_flow::record::Value;

use super::FlowSnapshot;

/// What flow files say of a stream on which only one side sends.
const UNIDIRECTIONAL: &str = "quic_is_unidirectional";

impl FlowSnapshot {
    /// The port that the bytes went to.
    #[must_use]
    pub fn server_port(&self) -> Option<u16> {
        let dialled = self.server_conn.as_ref().map(|conn| conn.address.1);
        dialled.or_else(|| self.request.as_ref().map(|request| request.port))
    }

    /// Of a stream of QUIC, which flow files have as a raw connection of that protocol: the version of HTTP/3 that was
    /// agreed on.
    #[must_use]
    pub fn quic_alpn(&self) -> Option<&[u8]> {
        let is_raw = matches!(self.kind, FlowKind::Tcp | FlowKind::Udp);
        let server = self.server_conn.as_ref().and_then(|conn| conn.tls.as_ref());
        let tls = self.client_conn.tls.as_ref().or(server)?;
        let alpn = tls.alpn.as_deref().filter(|alpn| alpn.starts_with(b"h3"));
        alpn.filter(|_| is_raw)
    }

    /// Only one side sends on that stream.
    #[must_use]
    pub fn is_unidirectional(&self) -> bool {
        let said = self.annotations.as_ref();
        let said = said.and_then(|said| said.metadata(UNIDIRECTIONAL));
        said == Some(&Value::Bool(true))
    }
}
