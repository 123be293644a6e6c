//! DNS messages (RFC 1035 §4): what a datagram, a stream with length prefixes, or a body of `application/dns-message`
//! holds.
//!
//! Reading undoes the compression of names, in the data of records too, so that a record means the same wherever it
//! stands; writing compresses nothing. Apart from that, and from what follows the last record, a message that is read is
//! written again as it was.

mod name;
mod read;
mod write;

use std::sync::Arc;

use bytes::Bytes;

pub use read::{ReadError, ReadProblem, unpack};
pub use write::{PackError, pack};

/// A question or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Ties an answer to its question.
    pub id: u16,
    /// It is a question.
    pub query: bool,
    /// What is asked for: 0 for a lookup; 4 bits.
    pub op_code: u8,
    /// The server has the name in its own zones.
    pub authoritative_answer: bool,
    /// It was cut to fit.
    pub truncation: bool,
    /// The one who asks wants the server to ask others.
    pub recursion_desired: bool,
    /// The server does that.
    pub recursion_available: bool,
    /// Three bits without a meaning in RFC 1035.
    pub reserved: u8,
    /// How it went: 0 for well, 3 for a name that is not there; 4 bits.
    pub response_code: u8,
    /// What is asked.
    pub questions: Vec<Question>,
    /// What answers it.
    pub answers: Vec<Resource>,
    /// Who knows more.
    pub authorities: Vec<Resource>,
    /// What comes in handy.
    pub additionals: Vec<Resource>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name, with dots between its labels; empty for the root. Labels in other scripts are in these, and what a label
    /// could be mistaken for is escaped as in zone files (RFC 1035 §5.1): `\\.`, `\\\\`, and `\\195` for what is not ASCII.
    pub name: Arc<str>,
    /// Type: 1 for A, 28 for AAAA.
    pub kind: u16,
    /// Class: 1 for IN.
    pub class: u16,
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Name, with dots between its labels; empty for the root. Labels in other scripts are in these, and what a label
    /// could be mistaken for is escaped as in zone files (RFC 1035 §5.1): `\\.`, `\\\\`, and `\\195` for what is not ASCII.
    pub name: Arc<str>,
    /// Type: 1 for A, 28 for AAAA.
    pub kind: u16,
    /// Class: 1 for IN.
    pub class: u16,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// What it says, with names in full.
    pub data: Bytes,
}

#[cfg(test)]
mod tests;
