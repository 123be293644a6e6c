//! Every hook, once: its name, when it is called, and what an addon may do in it.
//!
//! The names are mitmproxy's. The addon chain, the documentation and script hosts are made from this table.

/// A named moment in the life of a connection or flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hook {
    /// A client has connected; setting an error refuses it.
    ClientConnected,
    /// A client asks for a tunnel; answering here with anything but success refuses it.
    HttpConnect,
    /// The head of a request is there, its body is not; answering here keeps the request from the server.
    RequestHeaders,
    /// The request is complete, or its body is about to stream past; the last moment to answer it or to send it elsewhere.
    Request,
    /// A connection to a server is about to be made; it may be made to another address, and setting an error refuses it.
    ServerConnect,
    /// The connection to the server stands, without TLS so far.
    ServerConnected,
    /// The connection to the server could not be made.
    ServerConnectError,
    /// The head of the response is there.
    ResponseHeaders,
    /// The response is complete; it is still here if an addon wanted its body whole, else it has streamed past.
    Response,
    /// The exchange has failed.
    Error,
    /// A message in a body that is a stream of such (server-sent events, gRPC, lines of JSON) is complete and on its way: it may be
    /// changed or dropped. mitmproxy has no such hook.
    StreamMessage,
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
    /// The connection of a client that was let in is over.
    ClientDisconnected,
}

impl Hook {
    /// All hooks, in the order in which a flow meets them.
    pub const ALL: [Self; 19] = [
        Self::ClientConnected,
        Self::HttpConnect,
        Self::RequestHeaders,
        Self::Request,
        Self::ServerConnect,
        Self::ServerConnected,
        Self::ServerConnectError,
        Self::ResponseHeaders,
        Self::Response,
        Self::Error,
        Self::StreamMessage,
        Self::WebsocketStart,
        Self::WebsocketMessage,
        Self::WebsocketEnd,
        Self::TcpStart,
        Self::TcpMessage,
        Self::TcpEnd,
        Self::TcpError,
        Self::ClientDisconnected,
    ];

    /// The name scripts and documents use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientConnected => "client_connected",
            Self::HttpConnect => "http_connect",
            Self::RequestHeaders => "requestheaders",
            Self::Request => "request",
            Self::ServerConnect => "server_connect",
            Self::ServerConnected => "server_connected",
            Self::ServerConnectError => "server_connect_error",
            Self::ResponseHeaders => "responseheaders",
            Self::Response => "response",
            Self::Error => "error",
            Self::StreamMessage => "stream_message",
            Self::WebsocketStart => "websocket_start",
            Self::WebsocketMessage => "websocket_message",
            Self::WebsocketEnd => "websocket_end",
            Self::TcpStart => "tcp_start",
            Self::TcpMessage => "tcp_message",
            Self::TcpEnd => "tcp_end",
            Self::TcpError => "tcp_error",
            Self::ClientDisconnected => "client_disconnected",
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
