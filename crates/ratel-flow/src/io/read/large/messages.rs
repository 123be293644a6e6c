//! Messages that stay in a file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use ratel_proto::tnetstring::{self, Items, Kind, LENGTH_DIGITS};

use super::super::source::Cursor;
use crate::io::convert::field::{Field, StateError};
use crate::io::convert::message::{self, Form};
use crate::message::Message;
use crate::record::ReadMessages;
use crate::verbatim::Verbatim;

/// Messages up to this are read when they are counted, so that damage shows at once.
const LOOKED_INTO: u64 = 64 * 1024;

/// A list of messages in a file.
#[derive(Debug)]
pub(super) struct FileMessages {
    file: Arc<File>,
    form: Form,
    /// Where each begins, and where the last one ends.
    places: Vec<u64>,
}

impl FileMessages {
    /// Finds the messages in a part of a file.
    pub(super) fn open(file: Arc<File>, range: Range<u64>, form: Form) -> io::Result<Self> {
        let mut input = BufReader::new(Cursor {
            file: file.clone(),
            at: range.start,
        });
        let (mut at, mut places, mut item) = (range.start, vec![range.start], Vec::new());
        while at < range.end {
            let left = range.end - at;
            item.clear();
            let start = left.min(LENGTH_DIGITS as u64 + 1);
            (&mut input).take(start).read_to_end(&mut item)?;
            let prefix = tnetstring::prefix(&item).map_err(|problem| broken(at, problem))?;
            let total = match prefix {
                Some(prefix) if prefix.total() <= left => prefix.total(),
                _ => return Err(broken(at, tnetstring::Problem::Short)),
            };
            let read = item.len() as u64;
            if total < read {
                item.truncate(usize::try_from(total).unwrap_or_default());
                input.seek_relative(-((read - total) as i64))?;
            } else if total <= LOOKED_INTO {
                (&mut input).take(total - read).read_to_end(&mut item)?;
            } else {
                let skip = i64::try_from(total - read - 1).map_err(io::Error::other)?;
                input.seek_relative(skip)?;
                let mut kind = [0];
                input.read_exact(&mut kind)?;
                if kind[0] != Kind::List.byte() {
                    return Err(broken(at, tnetstring::Problem::Type(kind[0])));
                }
            }
            if total <= LOOKED_INTO {
                read_one(&item, form)?;
            }
            at += total;
            places.push(at);
        }
        Ok(Self { file, form, places })
    }
}

impl ReadMessages for FileMessages {
    fn len(&self) -> u64 {
        self.places.len() as u64 - 1
    }

    fn read(&self, number: u64) -> io::Result<Message> {
        let number = usize::try_from(number).map_err(io::Error::other)?;
        let Some([start, end]) = self.places.get(number..number + 2) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut item = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut item, *start)?;
        read_one(&item, self.form)
    }
}

fn read_one(item: &[u8], form: Form) -> io::Result<Message> {
    let found = Items::new(item, 0).next().transpose();
    let found = found.map_err(|error| broken(0, error.problem))?;
    let field = Field {
        name: "messages",
        item: found,
    };
    let read = message::read(
        &field,
        form,
        &mut Verbatim::default(),
        Bytes::copy_from_slice,
    );
    read.map_err(|error: StateError| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn broken(at: u64, problem: tnetstring::Problem) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a list that breaks at byte {at}: {problem}"),
    )
}
