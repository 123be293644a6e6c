//! The flow model: what was exchanged, between whom, when, and how it ended.
//!
//! One model serves the engine, the terminal, the printer, the file formats and scripts. Names are mitmproxy's:
//! a *flow* is one exchange, `client_conn` is the connection of the one who called us, `server_conn` ours to the one
//! who answered. Bodies are not part of a flow: they stream past and lie in the store.

pub mod annotations;
pub mod conn;
pub mod content;
pub mod cookies;
pub mod dns;
pub mod export;
pub mod filter;
pub mod flow;
pub mod form;
pub mod format;
pub mod http;
pub mod io;
pub(crate) mod json;
pub mod message;
pub mod pattern;
pub mod record;
pub mod redact;
pub mod tcp;
#[cfg(test)]
extern crate self as ratel_flow;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod testing;
pub mod text;
pub mod time;
pub mod verbatim;
pub mod view_names;
pub mod yaml;

pub use annotations::{AnnotationChange, Annotations, LiveAnnotations, Replay};
pub use conn::{
    Certificates, ClientConn, ConnExtra, ConnId, PeerAddress, ServerConn, TlsEngine, TlsInfo,
    TlsVersion,
};
pub use flow::{FlowError, FlowId, FlowKind, Side};
pub use http::{HttpFlow, LiveRequest, Request, Response, Scheme, Version};
pub use message::{
    Message, MessageFlags, MessageHead, MessageKind, OpenMessage, Payload, PayloadStream,
    StreamKind, WebSocketClose,
};
/// Part of the model: requests and responses hold their fields as this list.
pub use ratel_proto::Headers;
pub use record::{Body, Detail, DnsRecord, HttpRecord, Messages, Record, WebSocketRecord};
pub use tcp::TcpFlow;
pub use time::Timestamp;
pub use verbatim::Verbatim;
