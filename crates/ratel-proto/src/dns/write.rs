//! Messages to bytes.

use super::{Message, Resource, name};

/// A message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A part of a name is empty, longer than 63 bytes, or cannot be written in ASCII.
    #[error("{0:?} is no part of a name")]
    Label(String),
    /// A name has more than 255 bytes.
    #[error("{0:?} is too long for a name")]
    LongName(String),
    /// More questions or records than can be counted.
    #[error("there are more than 65535 questions, or records of a kind")]
    Count,
    /// A record holds more than its length can say.
    #[error("a record has more than 65535 bytes")]
    Data,
}

/// Writes a message. Numbers with fewer bits than their type are cut to these.
///
/// # Errors
/// When something in it is too long, or is no name.
pub fn pack(message: &Message) -> Result<Vec<u8>, PackError> {
    let bit = |truth: bool, bit: u16| if truth { bit } else { 0 };
    let flags = bit(!message.query, 0x8000)
        | u16::from(message.op_code & 15) << 11
        | bit(message.authoritative_answer, 0x0400)
        | bit(message.truncation, 0x0200)
        | bit(message.recursion_desired, 0x0100)
        | bit(message.recursion_available, 0x0080)
        | u16::from(message.reserved & 7) << 4
        | u16::from(message.response_code & 15);
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let mut out = Vec::with_capacity(128);
    for number in [message.id, flags, count(message.questions.len())?] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    for section in sections {
        out.extend_from_slice(&count(section.len())?.to_be_bytes());
    }
    for question in &message.questions {
        name::from_text(&question.name, &mut out)?;
        out.extend_from_slice(&question.kind.to_be_bytes());
        out.extend_from_slice(&question.class.to_be_bytes());
    }
    for resource in sections.into_iter().flatten() {
        put_resource(resource, &mut out)?;
    }
    Ok(out)
}

fn count(len: usize) -> Result<u16, PackError> {
    u16::try_from(len).map_err(|_| PackError::Count)
}

fn put_resource(resource: &Resource, out: &mut Vec<u8>) -> Result<(), PackError> {
    name::from_text(&resource.name, out)?;
    out.extend_from_slice(&resource.kind.to_be_bytes());
    out.extend_from_slice(&resource.class.to_be_bytes());
    out.extend_from_slice(&resource.ttl.to_be_bytes());
    let len = u16::try_from(resource.data.len()).map_err(|_| PackError::Data)?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&resource.data);
    Ok(())
}
