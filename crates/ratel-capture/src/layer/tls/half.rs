//! One direction of TLS: records as they come, and how they are opened.

use bytes::{Buf, Bytes, BytesMut};
use ratel_flow::Timestamp;

use crate::context::Context;
use crate::gauge::Share;
use crate::keylog::Label;
use crate::tls::opener::{Opened, Opener};
use crate::tls::suites::Suite;
use crate::tls::{HEADER, RECORD_MAX, content, handshake};

#[derive(Debug)]
pub(super) struct Half {
    buffer: BytesMut,
    /// The beginning of a handshake message.
    message: BytesMut,
    pub(super) protection: Protection,
    /// When the last bytes came.
    pub(super) last: Timestamp,
    /// Bytes that came.
    pub(super) bytes: u64,
    /// Its application data have ended.
    pub(super) ended: bool,
    /// Where a record begins is not known since bytes were lost.
    lost: Option<Lost>,
    share: Share,
}

/// What is done to find out where records begin.
#[derive(Debug)]
struct Lost {
    /// Records that may be among the bytes that are not there.
    records: u64,
    /// How often it may still be tried.
    tries: u64,
}

/// Numbers that are tried for a record after a gap, and for all of them on a connection.
const TRIES_MAX: u64 = 4096;
const TRIES_OF_CONNECTION: u64 = 16 * 1024;
/// The shortest record that is sealed, in bytes.
const RECORD_MIN: u64 = 5 + 17;

/// How records are protected.
#[derive(Debug)]
pub(super) enum Protection {
    /// Not at all.
    None,
    /// As TLS up to 1.2 has it.
    Cipher(Box<Opener>),
    /// As TLS 1.3 has it.
    Stages(Box<Stages>),
}

/// A record as it stands on the wire.
pub(super) struct Record {
    pub(super) kind: u8,
    pub(super) version: u16,
    pub(super) body: Bytes,
}

/// What there is at the front of what has come.
pub(super) enum Front {
    /// It is not complete.
    Incomplete,
    /// It is no record.
    Garbage,
    Record(Record),
}

impl Half {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            buffer: BytesMut::new(),
            message: BytesMut::new(),
            protection: Protection::None,
            last: Timestamp::default(),
            bytes: 0,
            ended: false,
            lost: None,
            share: cx.gauge.share(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], time: Timestamp) {
        self.last = time;
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        self.count();
    }

    /// Bytes are missing; whether there is hope, since records are opened one by one.
    pub(super) fn lose(&mut self, len: u64) -> bool {
        let opener = match &self.protection {
            Protection::Cipher(opener) => Some(&**opener),
            Protection::Stages(stages) => stages.opener.as_ref(),
            Protection::None => None,
        };
        if !opener.is_some_and(|opener| opener.sequence() > 0 && opener.can_skip()) {
            return false;
        }
        self.buffer.clear();
        self.message.clear();
        let (before, tries) = match &self.lost {
            Some(lost) => (lost.records, lost.tries),
            None => (0, TRIES_OF_CONNECTION),
        };
        // What was waited for is lost with it.
        let records = before + len / RECORD_MIN + 2;
        self.lost = Some(Lost { records, tries });
        self.count();
        true
    }

    /// After a gap, looks for a record that can be opened at the beginning of a piece. None without a gap; then whether
    /// there is one, with what was in it.
    pub(super) fn find(&mut self) -> Option<Option<Vec<u8>>> {
        let lost = self.lost.as_mut()?;
        let opener = match &mut self.protection {
            Protection::Cipher(opener) => &mut **opener,
            Protection::Stages(stages) => stages.opener.as_mut()?,
            Protection::None => return None,
        };
        let record = match front(&self.buffer) {
            Front::Record(record) if record.kind == content::APPLICATION_DATA => record,
            // The rest of it is to come.
            Front::Incomplete if matches!(self.buffer[..], [content::APPLICATION_DATA, 3, ..]) => {
                return Some(None);
            }
            _ => {
                self.buffer.clear();
                return Some(None);
            }
        };
        let most = lost.records.min(TRIES_MAX).min(lost.tries);
        lost.tries -= most;
        let opened = opener.find(record.kind, record.version, &record.body, most);
        let Some(opened) = opened else {
            self.buffer.clear();
            return Some(None);
        };
        self.lost = None;
        self.take(&record);
        let plain = match opened.kind {
            content::APPLICATION_DATA => opened.bytes,
            _ => Vec::new(),
        };
        Some(Some(plain))
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.buffer = BytesMut::new();
        self.message = BytesMut::new();
        self.count();
    }

    /// Looks at the first record.
    pub(super) fn front(&self) -> Front {
        front(&self.buffer)
    }

    /// The first record is done with.
    pub(super) fn take(&mut self, record: &Record) {
        self.buffer.advance(HEADER + record.body.len());
        self.count();
    }

    /// A ClientHello in the framing of SSL 2.0 at the very beginning, with its length.
    pub(super) fn ssl2_hello(&mut self) -> Option<ratel_proto::client_hello::ClientHello> {
        let &[high, low, ..] = &self.buffer[..] else {
            return None;
        };
        if high & 0x80 == 0 {
            return None;
        }
        let hello = ratel_proto::client_hello::parse(&self.buffer).ok()??;
        let len = usize::from(u16::from_be_bytes([high & 0x7f, low])) + 2;
        self.buffer.advance(len.min(self.buffer.len()));
        self.count();
        Some(hello)
    }

    /// Adds to the handshake messages.
    pub(super) fn add_handshake(&mut self, bytes: &[u8]) {
        self.message.extend_from_slice(bytes);
        self.count();
    }

    /// The next handshake message: its type, and all of it with its header. An error when it is longer than any.
    pub(super) fn message(&mut self) -> Result<Option<(u8, Bytes)>, ()> {
        let &[kind, a, b, c, ..] = &self.message[..] else {
            return Ok(None);
        };
        let len = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        if len > handshake::MESSAGE_MAX {
            return Err(());
        }
        if self.message.len() < len {
            return Ok(None);
        }
        let message = self.message.split_to(len).freeze();
        self.count();
        Ok(Some((kind, message)))
    }

    fn count(&mut self) {
        self.share.set(self.buffer.len() + self.message.len());
    }
}

fn front(buffer: &[u8]) -> Front {
    let &[kind, major, minor, high, low, ..] = buffer else {
        return Front::Incomplete;
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    let known = matches!(kind, content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT);
    if !known || major != 3 || len > RECORD_MAX {
        return Front::Garbage;
    }
    match buffer.get(HEADER..HEADER + len) {
        None => Front::Incomplete,
        Some(body) => Front::Record(Record {
            kind,
            version: u16::from_be_bytes([major, minor]),
            body: Bytes::copy_from_slice(body),
        }),
    }
}

/// The keys of one direction in TLS 1.3, in the order in which they come into use.
#[derive(Debug)]
pub(super) struct Stages {
    suite: Suite,
    random: [u8; 32],
    labels: &'static [Label],
    /// Which of them is in use.
    at: usize,
    opener: Option<Opener>,
    /// Records that cannot be opened may be early data that the server has not taken.
    may_skip: bool,
}

/// What became of a record.
pub(super) enum Outcome {
    Opened(Opened),
    /// It is of no use.
    Skipped,
    /// Secrets are missing.
    Locked,
    /// The secrets there are do not fit.
    Wrong,
}

impl Stages {
    /// Of the client, `early` if it has sent early data.
    pub(super) fn client(suite: Suite, random: [u8; 32], early: bool) -> Self {
        const LABELS: &[Label] = &[
            Label::ClientEarly,
            Label::ClientHandshake,
            Label::ClientTraffic,
        ];
        Self {
            suite,
            random,
            labels: LABELS,
            at: if early { 0 } else { 1 },
            opener: None,
            may_skip: early,
        }
    }

    /// Of the server.
    pub(super) fn server(suite: Suite, random: [u8; 32]) -> Self {
        const LABELS: &[Label] = &[Label::ServerHandshake, Label::ServerTraffic];
        Self {
            suite,
            random,
            labels: LABELS,
            at: 0,
            opener: None,
            may_skip: false,
        }
    }

    /// Opens a record, with the keys in use or those that follow.
    pub(super) fn open(&mut self, cx: &Context, record: &Record) -> Outcome {
        if let Some(opener) = &mut self.opener {
            match opener.open(record.kind, record.version, &record.body) {
                Ok(opened) => return Outcome::Opened(opened),
                Err(_) if opener.sequence() > 0 && !self.may_skip => return Outcome::Wrong,
                Err(_) => {}
            }
        }
        // Which of those that follow it is, is seen when it fits.
        let (mut missing, mut last) = (false, false);
        for (at, label) in self.labels.iter().enumerate().skip(self.at) {
            last = false;
            let Some(secret) = cx.keys.get(&self.random, *label) else {
                // Whoever sends early data is not held up by what nobody has logged.
                missing |= *label != Label::ClientEarly;
                continue;
            };
            let Ok(mut opener) = Opener::tls13(self.suite, secret) else {
                return Outcome::Wrong;
            };
            last = true;
            if let Ok(opened) = opener.open(record.kind, record.version, &record.body) {
                self.may_skip &= *label == Label::ClientEarly;
                (self.at, self.opener) = (at, Some(opener));
                return Outcome::Opened(opened);
            }
        }
        match (missing, last) {
            // A part of the handshake. What follows it can be opened.
            (true, true) => Outcome::Skipped,
            (true, false) => Outcome::Locked,
            (false, _) if self.may_skip => Outcome::Skipped,
            (false, _) => Outcome::Wrong,
        }
    }

    /// The keys in use have been used for the last time.
    pub(super) fn next(&mut self) {
        (self.at, self.opener) = (self.at + 1, None);
        self.at = self.at.min(self.labels.len() - 1);
    }

    /// Later keys follow from those in use (RFC 8446 §7.2).
    pub(super) fn update(&mut self) {
        self.opener = self.opener.take().and_then(|opener| opener.updated().ok());
    }

    /// The secrets that are not there.
    pub(super) fn missing(&self, cx: &Context) -> Vec<Label> {
        let labels = self.labels.iter().copied();
        let handed = labels.filter(|label| *label != Label::ClientEarly);
        handed
            .filter(|label| cx.keys.get(&self.random, *label).is_none())
            .collect()
    }
}
