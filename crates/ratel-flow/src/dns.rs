//! DNS messages as flows hold them.

pub use ratel_proto::dns::{Message, Question, Resource, pack, unpack};

use crate::time::Timestamp;

/// A question or an answer, and when it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsMessage {
    /// What it says.
    pub message: Message,
    /// When it came.
    pub timestamp: Option<Timestamp>,
}
