//! A small directory server (RFC 4511): simple binds, and searches for one attribute of one value.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::origin::Origin;
use crate::wire::Wire;

/// Somebody whom the directory knows.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Who it is to the directory.
    pub dn: &'static str,
    /// By what it is found: an attribute and its value.
    pub attribute: (&'static str, &'static str),
    /// What it proves itself with.
    pub password: &'static str,
}

/// A directory server on a port of its own, which notes what it is asked.
pub struct Directory {
    origin: Origin,
    asked: Arc<Mutex<Vec<String>>>,
}

const SUCCESS: u8 = 0;
const UNWILLING: u8 = 53;
const INVALID_CREDENTIALS: u8 = 49;
/// What is longer is no request that is understood here.
const LENGTH_MAX: usize = 64 * 1024;

impl Directory {
    /// Starts a server that knows these.
    pub fn start(entries: &'static [Entry]) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let notes = asked.clone();
        let origin = Origin::plain(move |mut wire| {
            // Ends with the connection.
            while serve(&mut wire, entries, &notes).is_ok() {}
        });
        Self { origin, asked }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.origin.port()
    }

    /// What it was asked so far: `bind NAME`, `search BASE ATTRIBUTE=VALUE`.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

fn serve(wire: &mut Wire, entries: &[Entry], notes: &Mutex<Vec<String>>) -> io::Result<()> {
    let message = element(wire)?;
    let mut parts = Parts(&message.1);
    let (_, id) = parts.next()?;
    let (operation, content) = parts.next()?;
    let mut parts = Parts(content);
    let note = |text: String| {
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(text);
    };
    let mut answer = |tag: u8, content: &[u8]| {
        wire.send(ber(0x30, &[&ber(2, id)[..], &ber(tag, content)].concat()))
    };
    match operation {
        // BindRequest: version, name, password.
        0x60 => {
            let _version = parts.next()?;
            let name = text(parts.next()?.1);
            let password = text(parts.next()?.1);
            let known = entries.iter().find(|entry| entry.dn == name);
            let right = known.is_some_and(|entry| entry.password == password);
            note(format!("bind {name}"));
            let code = if right { SUCCESS } else { INVALID_CREDENTIALS };
            answer(0x61, &result(code))
        }
        // SearchRequest: base, scope, aliases, two limits, whether only types; then the filter.
        0x63 => {
            let base = text(parts.next()?.1);
            for _ in 0..5 {
                parts.next()?;
            }
            let (kind, filter) = parts.next()?;
            // Only equalityMatch is understood.
            if kind != 0xA3 {
                note(format!("search {base} with another filter"));
                return answer(0x65, &result(UNWILLING));
            }
            let mut filter = Parts(filter);
            let attribute = text(filter.next()?.1);
            let value = text(filter.next()?.1);
            note(format!("search {base} {attribute}={value}"));
            let wanted = (attribute.as_str(), value.as_str());
            let found = entries.iter().filter(|entry| entry.attribute == wanted);
            for entry in found.filter(|entry| entry.dn.ends_with(&base)) {
                let entry = [ber(4, entry.dn.as_bytes()), ber(0x30, &[])].concat();
                answer(0x64, &entry)?;
            }
            answer(0x65, &result(SUCCESS))
        }
        _ => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// LDAPResult: a code, and two texts that are empty.
fn result(code: u8) -> Vec<u8> {
    [ber(10, &[code]), ber(4, &[]), ber(4, &[])].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An element, with the length in two bytes.
fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("answers are short");
    let [high, low] = length.to_be_bytes();
    [&[tag, 0x82, high, low][..], content].concat()
}

/// The next element that comes.
fn element(wire: &mut Wire) -> io::Result<(u8, Vec<u8>)> {
    let head = wire.exactly(2)?;
    let length = match head[1] {
        long if long & 0x80 != 0 => {
            let bytes = wire.exactly(usize::from(long & 0x7f).min(4))?;
            number(&bytes)
        }
        short => usize::from(short),
    };
    Ok((head[0], wire.exactly(length.min(LENGTH_MAX))?))
}

/// Elements one after the other.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next(&mut self) -> io::Result<(u8, &'a [u8])> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let (&[tag, first], rest) = self.0.split_first_chunk().ok_or_else(broken)?;
        let (length, rest) = if first & 0x80 == 0 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest
                .split_at_checked(usize::from(first & 0x7f).min(4))
                .ok_or_else(broken)?;
            (number(bytes), rest)
        };
        let (content, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        self.0 = rest;
        Ok((tag, content))
    }
}

fn number(bytes: &[u8]) -> usize {
    let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
    bytes.iter().fold(0, add)
}
