//! Every hook, once: its name, when it is called, and what an addon may do in it.
//!
//! The names are mitmproxy's. The addon chain, the documentation and script hosts are made from this table.

/// A named moment in the life of a connection or flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hook {
    /// A client has connected; setting an error refuses it.
    ClientConnected,
    /// The head of a request is there, its body is not; answering here keeps the request from the server.
    RequestHeaders,
    /// The request is complete, or its body has begun to stream past.
    Request,
    /// The head of the response is there.
    ResponseHeaders,
    /// The response is complete.
    Response,
    /// The exchange has failed.
    Error,
    /// A WebSocket is open.
    WebsocketStart,
    /// A message is complete and on its way: it may be changed or dropped.
    WebsocketMessage,
    /// The WebSocket is closed.
    WebsocketEnd,
    /// A raw connection is open on both sides.
    TcpStart,
    /// Bytes of a raw connection are on their way: they may be changed or dropped.
    TcpMessage,
    /// The raw connection is closed.
    TcpEnd,
    /// The raw connection has failed.
    TcpError,
}

impl Hook {
    /// All hooks, in the order in which a flow meets them.
    pub const ALL: [Self; 13] = [
        Self::ClientConnected,
        Self::RequestHeaders,
        Self::Request,
        Self::ResponseHeaders,
        Self::Response,
        Self::Error,
        Self::WebsocketStart,
        Self::WebsocketMessage,
        Self::WebsocketEnd,
        Self::TcpStart,
        Self::TcpMessage,
        Self::TcpEnd,
        Self::TcpError,
    ];

    /// The name scripts and documents use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientConnected => "client_connected",
            Self::RequestHeaders => "requestheaders",
            Self::Request => "request",
            Self::ResponseHeaders => "responseheaders",
            Self::Response => "response",
            Self::Error => "error",
            Self::WebsocketStart => "websocket_start",
            Self::WebsocketMessage => "websocket_message",
            Self::WebsocketEnd => "websocket_end",
            Self::TcpStart => "tcp_start",
            Self::TcpMessage => "tcp_message",
            Self::TcpEnd => "tcp_end",
            Self::TcpError => "tcp_error",
        }
    }
}

/// A set of hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookSet(u32);

impl HookSet {
    /// No hook.
    pub const NONE: Self = Self(0);

    /// The set with `hook` in it.
    #[must_use]
    pub const fn with(self, hook: Hook) -> Self {
        Self(self.0 | 1 << hook as u8)
    }

    /// Whether `hook` is in the set.
    #[must_use]
    pub const fn contains(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u8) != 0
    }

    /// The hooks in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = HookSet::NONE.with(Hook::Request).with(Hook::Error);
        let names: Vec<_> = Hook::ALL
            .into_iter()
            .filter(|h| set.contains(*h))
            .map(Hook::name)
            .collect();
        assert_eq!(names, ["request", "error"]);
    }
}
