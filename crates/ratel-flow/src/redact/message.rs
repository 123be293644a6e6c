//! Messages of WebSockets and raw connections.

use std::io;
use std::sync::Arc;

use super::body::data_kind;
use super::pass::{Kind, Pass, Replacer};
use crate::record::ReadMessages;
use crate::{Message, MessageKind, Messages};

/// Redacts all messages: those that are read later when they are read.
pub(super) fn messages(pass: &mut Pass, messages: &mut Messages) {
    match (&mut *pass, &mut *messages) {
        (Pass::Find(..), _) => {
            for message in messages.iter() {
                // One that cannot be read now cannot be read later.
                let Ok(message) = message else {
                    return;
                };
                let _ = content(pass, &message);
            }
        }
        (Pass::Replace(_), Messages::List(list)) => {
            for message in list {
                if let Some(changed) = content(pass, message) {
                    message.content = changed.into();
                }
            }
        }
        (Pass::Replace(replacer), Messages::Lazy(inner)) => {
            *messages = Messages::Lazy(Arc::new(Redacted {
                inner: inner.clone(),
                replacer: replacer.clone(),
            }));
        }
    }
}

fn content(pass: &mut Pass, message: &Message) -> Option<Vec<u8>> {
    let kind = match message.kind {
        MessageKind::Text | MessageKind::Event | MessageKind::Json | MessageKind::Close => {
            Kind::TEXT
        }
        _ => data_kind("", &message.content),
    };
    pass.text(&message.content, Vec::new(), kind)
}

/// Messages whose secrets are replaced when they are read.
#[derive(Debug)]
struct Redacted {
    inner: Arc<dyn ReadMessages>,
    replacer: Replacer,
}

impl ReadMessages for Redacted {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read(&self, number: u64) -> io::Result<Message> {
        let mut message = self.inner.read(number)?;
        let mut pass = Pass::Replace(self.replacer.clone());
        if let Some(changed) = content(&mut pass, &message) {
            message.content = changed.into();
        }
        Ok(message)
    }
}
