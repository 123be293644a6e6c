//! Messages of WebSockets and raw connections.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::body::data_kind;
use super::pass::{Kind, Pass, Replacer};
use super::scan::Span;
use super::seams::{self, Edits};
use crate::record::ReadMessages;
use crate::{Message, MessageKind, Messages};

/// Redacts all messages: those that are read later when they are read.
pub(super) fn messages(pass: &mut Pass, messages: &mut Messages) {
    match (&mut *pass, &mut *messages) {
        (Pass::Find(..), _) => find(pass, messages),
        (Pass::Replace(_), Messages::List(list)) => replace(pass, list),
        (Pass::Replace(replacer), Messages::Lazy(inner)) => {
            *messages = Messages::Lazy(Arc::new(Redacted {
                inner: inner.clone(),
                replacer: replacer.clone(),
                edits: Mutex::default(),
            }));
        }
    }
}

fn find(pass: &mut Pass, messages: &Messages) {
    for message in messages.iter() {
        // One that cannot be read now cannot be read later.
        let Ok(message) = message else {
            break;
        };
        let _ = content(pass, &message, Vec::new());
    }
    let len = messages.len();
    for block in 0..blocks(len) {
        seams::across(pass, block, len, &mut |number| messages.read(number));
    }
}

fn replace(pass: &mut Pass, list: &mut [Message]) {
    let len = list.len() as u64;
    let mut edits: Vec<Edits> = Vec::new();
    for block in 0..blocks(len) {
        edits.push(seams::across(pass, block, len, &mut |number| {
            let message = usize::try_from(number).ok().and_then(|at| list.get(at));
            message
                .cloned()
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        }));
    }
    let mut edits: Edits = edits.into_iter().flatten().collect();
    for (number, message) in (0..).zip(list) {
        let known = edits.remove(&number).unwrap_or_default();
        if let Some(changed) = content(pass, message, known) {
            message.content = changed.into();
        }
    }
}

/// How many blocks so many messages make. One alone has nothing to do with others.
fn blocks(messages: u64) -> u64 {
    match messages {
        0 | 1 => 0,
        messages => seams::block_of(messages - 1) + 1,
    }
}

fn content(pass: &mut Pass, message: &Message, known: Vec<Span>) -> Option<Vec<u8>> {
    let kind = match message.kind {
        MessageKind::Text | MessageKind::Event | MessageKind::Json | MessageKind::Close => {
            Kind::TEXT
        }
        _ => data_kind("", &message.content),
    };
    pass.text(&message.content, known, kind)
}

/// Messages whose secrets are replaced when they are read.
#[derive(Debug)]
struct Redacted {
    inner: Arc<dyn ReadMessages>,
    replacer: Replacer,
    /// Those of the block that was read last: messages are mostly read in order.
    edits: Mutex<Option<(u64, Edits)>>,
}

impl Redacted {
    fn edits(&self, number: u64) -> Vec<Span> {
        let len = self.inner.len();
        if blocks(len) == 0 {
            return Vec::new();
        }
        let block = seams::block_of(number);
        let mut edits = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        if edits.as_ref().is_none_or(|(of, _)| *of != block) {
            let mut pass = Pass::Replace(self.replacer.clone());
            let found = seams::across(&mut pass, block, len, &mut |number| self.inner.read(number));
            *edits = Some((block, found));
        }
        let found = edits.as_ref().and_then(|(_, edits)| edits.get(&number));
        found.cloned().unwrap_or_default()
    }
}

impl ReadMessages for Redacted {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read(&self, number: u64) -> io::Result<Message> {
        let mut message = self.inner.read(number)?;
        let known = self.edits(number);
        let mut pass = Pass::Replace(self.replacer.clone());
        if let Some(changed) = content(&mut pass, &message, known) {
            message.content = changed.into();
        }
        Ok(message)
    }
}
