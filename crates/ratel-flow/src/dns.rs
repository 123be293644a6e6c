//! DNS messages as flows hold them.

mod names;
pub(crate) mod text;

pub use names::{kind_name, op_code_name, response_code_name};
pub use ratel_proto::dns::{Message, Question, Resource, pack, unpack};

pub use text::resource_text;

use crate::time::Timestamp;

/// A question or an answer, and when it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsMessage {
    /// What it says.
    pub message: Message,
    /// When it came.
    pub timestamp: Option<Timestamp>,
}
