//! What all flows have in common.

use std::fmt;
use std::sync::Arc;

use crate::time::Timestamp;

/// Identifies a flow within this process; later flows have higher ids, starting at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of exchange a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowKind {
    /// An HTTP request and what became of it.
    Http,
    /// A connection whose bytes are passed on as they are.
    Tcp,
    /// A connection that ended before it carried an exchange: a failed TLS handshake, bytes that are no protocol.
    Connection,
}

/// A direction: bytes of the request or from the client, bytes of the response or from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// From the client towards the server.
    Client,
    /// From the server towards the client.
    Server,
}

/// Why a flow failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowError {
    /// What failed, on which side, and why: one sentence.
    pub message: Arc<str>,
    /// What to do about it; shown after the message.
    pub hint: Option<Arc<str>>,
    /// The client ended it by leaving: nothing failed from where it stands.
    pub by_client: bool,
    /// When.
    pub timestamp: Timestamp,
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}
