//! Bytes to messages.

use std::sync::Arc;

use bytes::Bytes;

use super::{Message, Question, Resource, name};

/// Bytes are no DNS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct ReadError {
    /// Where the part begins that cannot be read.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: ReadProblem,
}

/// What can be wrong with a part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadProblem {
    /// The message ends within it.
    #[error("the message ends")]
    Short,
    /// A label of a kind that is not used.
    #[error("a label begins with {0:#04x}")]
    Label(u8),
    /// A name that leads from pointer to pointer.
    #[error("a name has no end")]
    Loop,
    /// A name of more than 255 bytes.
    #[error("a name is too long")]
    LongName,
}

/// Bytes of a header.
const HEADER: usize = 12;

/// Reads a message. What follows the last record is passed over.
///
/// The data of records whose type says where in it names are (RFC 3597 §4) has these in full; where that is not what is
/// there, it is as it is.
///
/// # Errors
/// When it breaks off, or a name in it cannot be followed.
pub fn unpack(bytes: &Bytes) -> Result<Message, ReadError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        name: Vec::new(),
    };
    if bytes.len() < HEADER {
        return Err(reader.fail(ReadProblem::Short));
    }
    let [id, flags] = [reader.u16()?, reader.u16()?];
    let [questions, answers, authorities, additionals] =
        [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let bit = |bit: u16| flags & bit != 0;
    let bits = |shift: u32, mask: u16| (flags >> shift & mask) as u8;
    Ok(Message {
        id,
        query: !bit(0x8000),
        op_code: bits(11, 15),
        authoritative_answer: bit(0x0400),
        truncation: bit(0x0200),
        recursion_desired: bit(0x0100),
        recursion_available: bit(0x0080),
        reserved: bits(4, 7),
        response_code: bits(0, 15),
        questions: reader.each(questions, Reader::question)?,
        answers: reader.each(answers, Reader::resource)?,
        authorities: reader.each(authorities, Reader::resource)?,
        additionals: reader.each(additionals, Reader::resource)?,
    })
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
    /// The last name that was read.
    name: Vec<u8>,
}

impl Reader<'_> {
    fn fail(&self, problem: ReadProblem) -> ReadError {
        ReadError {
            offset: self.at,
            problem,
        }
    }

    fn each<T>(
        &mut self,
        count: u16,
        read: impl Fn(&mut Self) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        // The number says nothing about how many are there.
        let mut found = Vec::new();
        for _ in 0..count {
            found.push(read(self)?);
        }
        Ok(found)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.first_chunk().copied();
        let taken = taken.ok_or_else(|| self.fail(ReadProblem::Short))?;
        self.at += N;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, ReadError> {
        self.take().map(u16::from_be_bytes)
    }

    fn name(&mut self) -> Result<Arc<str>, ReadError> {
        self.name.clear();
        self.at = name::copy(self.bytes, self.at, &mut self.name)
            .map_err(|problem| self.fail(problem))?;
        Ok(name::to_text(&self.name).into())
    }

    fn question(&mut self) -> Result<Question, ReadError> {
        Ok(Question {
            name: self.name()?,
            kind: self.u16()?,
            class: self.u16()?,
        })
    }

    fn resource(&mut self) -> Result<Resource, ReadError> {
        let (name, kind, class) = (self.name()?, self.u16()?, self.u16()?);
        let ttl = u32::from_be_bytes(self.take()?);
        let len = usize::from(self.u16()?);
        let end = self.at + len;
        if end > self.bytes.len() {
            return Err(self.fail(ReadProblem::Short));
        }
        let data = in_full(self.bytes, self.at, end, kind);
        let data = data.unwrap_or_else(|| self.bytes.slice(self.at..end));
        self.at = end;
        Ok(Resource {
            name,
            kind,
            class,
            ttl,
            data,
        })
    }
}

/// Where in the data of a record names are that may be compressed: after so many bytes, and how many.
fn names_in(kind: u16) -> Option<(usize, usize)> {
    Some(match kind {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 => (0, 1),
        // SOA, MINFO, RP
        6 | 14 | 17 => (0, 2),
        // MX, AFSDB, RT
        15 | 18 | 21 => (2, 1),
        // PX
        26 => (2, 2),
        // SRV
        33 => (6, 1),
        _ => return None,
    })
}

/// The data of a record with its names in full; none if that changes nothing, or cannot be done.
fn in_full(message: &Bytes, start: usize, end: usize, kind: u16) -> Option<Bytes> {
    let (skip, names) = names_in(kind)?;
    let mut at = start.checked_add(skip).filter(|at| *at <= end)?;
    let mut data = message.get(start..at)?.to_vec();
    for _ in 0..names {
        at = name::copy(message, at, &mut data).ok()?;
        if at > end {
            return None;
        }
    }
    data.extend_from_slice(message.get(at..end)?);
    let was = message.get(start..end)?;
    // It must fit into a record again.
    (data != was && data.len() <= usize::from(u16::MAX)).then(|| data.into())
}
