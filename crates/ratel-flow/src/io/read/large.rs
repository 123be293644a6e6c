//! Flows that are not taken into memory as a whole.
//!
//! What is large in a flow is a body, or a list of messages. Such a flow is copied without them: where one was stands a
//! *stub*, a byte string that says where in the file it lies. The copy goes through everything that a flow goes through,
//! of older versions too, since nobody looks into a body; at the end a stub becomes a reader. A stub begins with a number
//! chosen at random, so that no file can hold something that is taken for one.

mod messages;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::tnetstring::{self, Kind, LENGTH_DIGITS, Prefix, Problem};

use self::messages::FileMessages;
use super::source::{Cursor, Source};
use super::{Failure, LARGE, ReadProblem};
use crate::io::convert::message::Form;
use crate::record::{Body, Detail, Messages, ReadBody, Record};

/// What is left of a flow without its bodies and messages may take so much memory.
const REST_MAX: u64 = 64 << 20;

/// A key has no more bytes than this; nobody's has more than twenty.
const KEY_MAX: u64 = 64 * 1024;

/// Shorter bodies are not left in the file: what is known of where one lies takes room, too, and reading one by itself
/// takes longer.
const LEFT_FROM: usize = 1024;

/// Flows within flows that are copied: what was before a change.
const DEPTH_MAX: usize = 4;

/// Where the large parts of a flow lie.
#[derive(Clone, Debug)]
pub(crate) struct Large {
    file: Arc<File>,
    /// It is the file that is read, and not one that was made for this flow.
    is_input: bool,
    nonce: u128,
}

/// Takes a flow that begins with that, and copies what is not large in it.
pub(super) fn take(source: &mut Source, prefix: Prefix) -> Result<(Bytes, Large), Failure> {
    let begins = source.offset();
    let is_input = source.input().is_some();
    let Some((file, at)) = source.take_part(prefix.total())? else {
        return Err(Failure {
            offset: None,
            problem: ReadProblem::Truncated,
        });
    };
    let nonce = crate::flow::random();
    let large = Large {
        file,
        is_input,
        nonce,
    };
    let mut copy = Copy {
        input: BufReader::new(Cursor {
            file: large.file.clone(),
            at,
        }),
        at,
        // Of a file that was made for this flow, to the one that it came from.
        shift: begins.wrapping_sub(at),
        rest: 0,
        nonce,
    };
    let end = at + prefix.total() - 1;
    copy.skip(prefix.width as u64)?;
    if large.byte_at(end)? != Kind::Dict.byte() {
        return Err(Failure::at(begins, ReadProblem::NoDict));
    }
    let bytes = copy.dict(end, Within::Flow, 0)?;
    Ok((bytes.into(), large))
}

impl Large {
    fn byte_at(&self, at: u64) -> io::Result<u8> {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, at)?;
        Ok(byte[0])
    }

    fn range(&self, stub: &[u8]) -> Option<Range<u64>> {
        let (nonce, range) = stub.split_first_chunk()?;
        let (start, range) = range.split_first_chunk()?;
        let end = range.try_into().ok()?;
        let is_stub = u128::from_ne_bytes(*nonce) == self.nonce;
        is_stub.then(|| u64::from_ne_bytes(*start)..u64::from_ne_bytes(end))
    }

    /// The body that a stub stands for.
    pub(crate) fn body(&self, stub: &[u8]) -> Option<Body> {
        let range = self.range(stub)?;
        Some(Body::Lazy(Arc::new(FileBody {
            file: self.file.clone(),
            range,
            stays: self.is_input,
            held: None,
        })))
    }

    /// The messages that a stub stands for.
    pub(crate) fn messages(&self, stub: &[u8], form: Form) -> Option<io::Result<Messages>> {
        let range = self.range(stub)?;
        let messages = FileMessages::open(self.file.clone(), range, form);
        Some(messages.map(|messages| Messages::Lazy(Arc::new(messages))))
    }
}

/// Has the bodies of a flow lie where they were read: these are the bytes of the flow, which begins there in the file.
pub(super) fn leave(record: &mut Record, bytes: &Bytes, file: &Arc<File>, begins: u64) {
    if let Some(before) = &mut record.backup {
        leave(before, bytes, file, begins);
    }
    let Detail::Http(http) = &mut record.detail else {
        return;
    };
    for body in [&mut http.request_body, &mut http.response_body] {
        if let Body::Bytes(held) = body
            && held.len() >= LEFT_FROM
            && let Some(at) = within(held, bytes)
        {
            let start = begins + at as u64;
            *body = Body::Lazy(Arc::new(FileBody {
                file: file.clone(),
                range: start..start + held.len() as u64,
                stays: true,
                held: Some(std::mem::take(held)),
            }));
        }
    }
}

/// Where in the whole a part of it begins; none if it is no part of it.
fn within(part: &[u8], whole: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (at.checked_add(part.len())? <= whole.len()).then_some(at)
}

fn stub(nonce: u128, range: Range<u64>) -> Vec<u8> {
    let mut stub = Vec::with_capacity(32);
    stub.extend_from_slice(&nonce.to_ne_bytes());
    stub.extend_from_slice(&range.start.to_ne_bytes());
    stub.extend_from_slice(&range.end.to_ne_bytes());
    stub
}

/// A part of a file.
#[derive(Debug)]
struct FileBody {
    file: Arc<File>,
    range: Range<u64>,
    /// The file is there anyway, and one for many bodies.
    stays: bool,
    /// The same bytes, where they have been read already.
    held: Option<Bytes>,
}

impl ReadBody for FileBody {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let end = range.end.min(self.len());
        if let Some(held) = &self.held {
            let start = range.start.min(end);
            return Ok(held.slice(start as usize..end as usize));
        }
        let len = end.saturating_sub(range.start);
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let at = self.range.start + range.start;
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }

    fn file(&self) -> Option<(Arc<File>, u64)> {
        self.stays.then(|| (self.file.clone(), self.range.start))
    }
}

/// The dict in which a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Flow,
    Message,
    WebSocket,
}

/// What becomes of a field that is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is a dict, and what is large is in it.
    Enter(Within),
    /// It stays where it is.
    Stub,
    /// It is copied like anything else.
    Copy,
}

impl Within {
    fn fate(self, key: &[u8], kind: Option<Kind>) -> Fate {
        match (self, key, kind) {
            (Self::Flow, b"request" | b"response", Some(Kind::Dict)) => Fate::Enter(Self::Message),
            (Self::Flow, b"websocket", Some(Kind::Dict)) => Fate::Enter(Self::WebSocket),
            (Self::Flow, b"backup", Some(Kind::Dict)) => Fate::Enter(Self::Flow),
            // Two names that the body has had.
            (Self::Message, b"content" | b"body", Some(Kind::Bytes))
            | (Self::Flow | Self::WebSocket, b"messages", Some(Kind::List)) => Fate::Stub,
            _ => Fate::Copy,
        }
    }
}

/// Copies a flow without what is large in it.
struct Copy {
    input: BufReader<Cursor>,
    at: u64,
    shift: u64,
    /// Bytes that were copied.
    rest: u64,
    nonce: u128,
}

impl Copy {
    fn fail(&self, problem: Problem) -> Failure {
        Failure::at(self.at.wrapping_add(self.shift), ReadProblem::Flow(problem))
    }

    fn skip(&mut self, len: u64) -> io::Result<()> {
        // Parts of a file are shorter than that.
        self.input
            .seek_relative(i64::try_from(len).unwrap_or(i64::MAX))?;
        self.at += len;
        Ok(())
    }

    /// What the next item begins with. It must end before `end`.
    fn prefix(&mut self, end: u64) -> Result<Prefix, Failure> {
        let mut start = [0; LENGTH_DIGITS + 1];
        let len = usize::try_from(end - self.at).unwrap_or(usize::MAX);
        let len = len.min(start.len());
        let start = start.get_mut(..len).unwrap_or_default();
        self.input.read_exact(start)?;
        self.input.seek_relative(-(len as i64))?;
        let prefix = tnetstring::prefix(start).map_err(|problem| self.fail(problem))?;
        let fits = prefix.filter(|prefix| prefix.total() <= end - self.at);
        fits.ok_or_else(|| self.fail(Problem::Short))
    }

    /// Copies the next item as it is.
    fn item(&mut self, prefix: Prefix, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.rest += prefix.total();
        if self.rest > REST_MAX {
            return Err(self.too_large());
        }
        let read = (&mut self.input).take(prefix.total()).read_to_end(out)?;
        self.at += read as u64;
        Ok(())
    }

    fn too_large(&self) -> Failure {
        Failure::at(self.at.wrapping_add(self.shift), ReadProblem::TooLarge)
    }

    /// Copies the entries of a dict up to `end`, as a dict.
    fn dict(&mut self, end: u64, within: Within, depth: usize) -> Result<Vec<u8>, Failure> {
        let mut entries = Vec::new();
        while self.at < end {
            let key = self.prefix(end)?;
            if key.len > KEY_MAX {
                return Err(self.fail(Problem::Unpaired));
            }
            let key_at = entries.len();
            self.item(key, &mut entries)?;
            if self.at == end {
                return Err(self.fail(Problem::Unpaired));
            }
            let prefix = self.prefix(end)?;
            let key = entries.get(key_at + key.width..).unwrap_or_default();
            let key = key.split_last().map(|(_, key)| key).unwrap_or_default();
            let fate = match prefix.total() > LARGE {
                true => within.fate(key, self.kind(prefix)?),
                false => Fate::Copy,
            };
            match fate {
                Fate::Copy => self.item(prefix, &mut entries)?,
                Fate::Stub => {
                    let start = self.at + prefix.width as u64;
                    let stub = stub(self.nonce, start..start + prefix.len);
                    append(&mut entries, Kind::Bytes, &stub);
                    self.skip(prefix.total())?;
                }
                Fate::Enter(_) if depth == DEPTH_MAX => return Err(self.too_large()),
                Fate::Enter(within) => {
                    self.skip(prefix.width as u64)?;
                    let dict = self.dict(self.at + prefix.len, within, depth + 1)?;
                    entries.extend_from_slice(&dict);
                    self.skip(1)?;
                }
            }
        }
        let mut dict = Vec::with_capacity(entries.len() + LENGTH_DIGITS);
        append(&mut dict, Kind::Dict, &entries);
        Ok(dict)
    }

    /// What the next item is, which stands at its end.
    fn kind(&self, prefix: Prefix) -> io::Result<Option<Kind>> {
        let mut byte = [0];
        let at = self.at + prefix.total() - 1;
        self.input.get_ref().file.read_exact_at(&mut byte, at)?;
        Ok(Kind::from_byte(byte[0]))
    }
}

fn append(to: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    to.extend_from_slice(payload.len().to_string().as_bytes());
    to.push(b':');
    to.extend_from_slice(payload);
    to.push(kind.byte());
}
