//! Messages that are being collected, their heads and their bytes apart: what is much lies on disk.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use ratel_flow::record::{Messages, ReadMessages};
use ratel_flow::{Body, Message, MessageFlags, MessageKind, Side, Timestamp};

use crate::spool::{Collected, Spool};

/// What a message is, beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) side: Side,
    pub(crate) kind: MessageKind,
    pub(crate) flags: MessageFlags,
    pub(crate) timestamp: Timestamp,
}

/// Bytes of a head as it is put away: where the message begins, its length, its time, side, kind and flags.
const HEAD: u64 = 8 + 8 + 8 + 3;

/// The messages of a flow so far.
#[derive(Debug)]
pub(crate) struct MessageLog {
    heads: Collected,
    /// What each side has sent, since messages of both may be under way at once.
    content: [Collected; 2],
    /// Where the message begins that is under way.
    open: [u64; 2],
    count: u64,
}

impl MessageLog {
    pub(crate) fn new(spool: &Spool) -> Self {
        Self {
            heads: spool.begin(),
            content: [spool.begin(), spool.begin()],
            open: [0; 2],
            count: 0,
        }
    }

    /// Adds a message.
    pub(crate) fn push(&mut self, head: Head, content: &[u8]) {
        self.piece(head.side, content);
        self.end(head);
    }

    /// Adds a piece of the message of that side that is under way.
    pub(crate) fn piece(&mut self, side: Side, bytes: &[u8]) {
        let [client, server] = &mut self.content;
        match side {
            Side::Client => client.push(bytes),
            Side::Server => server.push(bytes),
        }
    }

    /// The message of that side that is under way is complete.
    pub(crate) fn end(&mut self, head: Head) {
        let [client, server] = &self.content;
        let [client_open, server_open] = &mut self.open;
        let (content, open) = match head.side {
            Side::Client => (client, client_open),
            Side::Server => (server, server_open),
        };
        let start = std::mem::replace(open, content.len());
        if content.lost() > 0 {
            return;
        }
        let values = [start, content.len() - start, head.timestamp.0];
        let mut bytes = [0; HEAD as usize];
        let (numbers, rest) = bytes.split_at_mut(24);
        for (to, value) in numbers.chunks_exact_mut(8).zip(values) {
            to.copy_from_slice(&value.to_le_bytes());
        }
        let side = u8::from(head.side == Side::Server);
        rest.copy_from_slice(&[side, head.kind as u8, head.flags.0]);
        self.heads.push(&bytes);
        self.count += 1;
    }

    /// Bytes of the message of that side that is under way.
    pub(crate) fn open(&self, side: Side) -> u64 {
        let [client, server] = &self.content;
        let [client_open, server_open] = &self.open;
        match side {
            Side::Client => client.len() - client_open,
            Side::Server => server.len() - server_open,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Bytes that there was no room for.
    pub(crate) fn lost(&self) -> u64 {
        let content: u64 = self.content.iter().map(Collected::lost).sum();
        content + self.heads.lost()
    }

    /// All of them.
    pub(crate) fn finish(self) -> Messages {
        let count = self.heads.len() / HEAD;
        let logged = Logged {
            heads: self.heads.finish(),
            content: self.content.map(Collected::finish),
            count,
        };
        let parts = [&logged.heads].into_iter().chain(&logged.content);
        if { parts }.all(|part| matches!(part, Body::Bytes(_))) {
            // What is in memory can be read.
            let list = (0..count).filter_map(|number| logged.read(number).ok());
            return Messages::List(list.collect());
        }
        Messages::Lazy(Arc::new(logged))
    }
}

#[derive(Debug)]
struct Logged {
    heads: Body,
    content: [Body; 2],
    count: u64,
}

impl ReadMessages for Logged {
    fn len(&self) -> u64 {
        self.count
    }

    fn read(&self, number: u64) -> io::Result<Message> {
        let at = number.saturating_mul(HEAD);
        let mut head: Bytes = self.heads.read(at..at.saturating_add(HEAD))?;
        let mut next = || {
            head.try_get_u64_le()
                .map_err(|_| io::ErrorKind::UnexpectedEof)
        };
        let (start, len, time) = (next()?, next()?, next()?);
        let &[side, kind, flags] = &head[..] else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let [client, server] = &self.content;
        let (side, content) = match side {
            0 => (Side::Client, client),
            _ => (Side::Server, server),
        };
        Ok(Message {
            side,
            kind: MessageKind::from_number(kind).ok_or(io::ErrorKind::InvalidData)?,
            flags: MessageFlags(flags),
            timestamp: Timestamp(time),
            content: content.read(start..start.saturating_add(len))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gauge::Gauge;

    #[test]
    fn messages_are_read_as_they_were_added() {
        for (count, len) in [(3_u64, 10_usize), (2000, 1000)] {
            let spool = Spool::new(std::env::temp_dir(), Gauge::new(usize::MAX));
            let mut log = MessageLog::new(&spool);
            let message = |n: u64| Message {
                side: if n.is_multiple_of(2) {
                    Side::Client
                } else {
                    Side::Server
                },
                kind: MessageKind::ALL[n as usize % 10],
                flags: MessageFlags(n as u8),
                timestamp: Timestamp(n),
                content: vec![n as u8; len].into(),
            };
            for n in 0..count {
                let Message {
                    side,
                    kind,
                    flags,
                    timestamp,
                    content,
                } = message(n);
                log.push(
                    Head {
                        side,
                        kind,
                        flags,
                        timestamp,
                    },
                    &content,
                );
            }
            assert_eq!(log.len(), count);
            let messages = log.finish();
            assert_eq!(matches!(messages, Messages::Lazy(_)), count > 1000);
            for (n, got) in messages.iter().enumerate() {
                assert_eq!(got.unwrap(), message(n as u64));
            }
            assert_eq!(messages.len(), count);
        }
    }
}
