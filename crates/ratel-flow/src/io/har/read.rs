//! Archives to flows.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};

use super::entries::{Entries, Taken};
use super::entry::Import;
use crate::Record;
use crate::json::Node;

/// Why an archive cannot be read, or not to its end. Flows before that have been handed out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarError {
    /// It is something else.
    #[error("this is JSON or text, but no HTTP archive")]
    NotHar,
    /// It was cut, or is no JSON from some place on.
    #[error("the archive is damaged in or after entry {number}, at byte {at}: {what}")]
    Damaged {
        /// The entry that was read last, counted from 1.
        number: u64,
        /// How far it was read.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read the archive")]
    Io(#[source] io::Error),
}

/// What an archive holds.
#[derive(Debug)]
pub enum HarItem {
    /// A flow.
    Record(Record),
    /// An entry that makes no flow.
    Skipped {
        /// Which one, counted from 1.
        number: u64,
        /// Why, as a clause.
        why: String,
    },
}

/// Reads an archive, an entry at a time.
///
/// After an error there is nothing more.
#[derive(Debug)]
pub struct HarReader<R> {
    entries: Entries<R>,
    entry: Vec<u8>,
    import: Import,
}

impl<R: Read> HarReader<R> {
    /// Reads JSON, with or without a byte order mark. Where it is compressed, `input` undoes that.
    #[must_use]
    pub fn new(input: R) -> Self {
        let random = RandomState::new();
        let session = u128::from(random.hash_one(0)) << 64 | u128::from(random.hash_one(1));
        Self {
            entries: Entries::new(input),
            entry: Vec::new(),
            import: Import::new(session),
        }
    }

    fn read(&mut self) -> Result<Option<HarItem>, HarError> {
        let Some(taken) = self.entries.next(&mut self.entry)? else {
            return Ok(None);
        };
        let number = self.entries.number;
        let skipped = |why| HarItem::Skipped { number, why };
        if taken == Taken::TooLong {
            return Ok(Some(skipped("it is longer than 512 MiB".to_owned())));
        }
        let item = match Node::parse(&self.entry) {
            Err(error) => skipped(format!("it is no JSON: {error} of the entry")),
            Ok(entry) => match self.import.record(number, &entry, &self.entries.creator) {
                Ok(record) => HarItem::Record(record),
                Err(why) => skipped(why),
            },
        };
        // One long body must not be remembered for the rest of the file.
        self.entry.shrink_to(1 << 20);
        Ok(Some(item))
    }
}

impl<R: Read> Iterator for HarReader<R> {
    type Item = Result<HarItem, HarError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
