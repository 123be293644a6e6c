//! Flows to archives.

mod body;
mod entry;
mod timings;

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};

use super::emit::Emitter;
use crate::{Record, ServerConn};
use entry::Entry;

/// So many server connections are remembered. The first flow of one tells how long it took to connect.
const CONNECTIONS_MAX: usize = 1 << 20;

/// Writes an archive, a flow at a time. What was written is a whole archive after [`finish`](Self::finish) only.
#[derive(Debug)]
pub struct HarWriter<W> {
    pub(super) json: Emitter<W>,
    connections: Connections,
}

/// What became of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the archive.
    Entry,
    /// An archive has no place for it: it is not HTTP.
    NotHttp,
}

impl<W: Write> HarWriter<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut json = Emitter::new(out);
        json.begin(b'{');
        json.object("log");
        json.text("version", "1.2")?;
        json.object("creator");
        json.text("name", super::CREATOR)?;
        json.text("version", env!("CARGO_PKG_VERSION"))?;
        json.text("comment", "")?;
        json.end(b'}')?;
        json.list("pages");
        json.end(b']')?;
        json.list("entries");
        Ok(Self {
            json,
            connections: Connections::default(),
        })
    }

    /// Adds a flow. A body that cannot be read is left out, and the entry says so.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub fn write(&mut self, record: &Record) -> io::Result<Written> {
        let Some(http) = record.http() else {
            return Ok(Written::NotHttp);
        };
        let connection = record
            .server_conn
            .as_deref()
            .map(|conn| (conn, self.connections.meet(conn)));
        Entry {
            json: &mut self.json,
            record,
            http,
        }
        .write(connection)?;
        Ok(Written::Entry)
    }

    /// Ends the archive, and gives the writer back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.json.end(b']')?;
        self.json.end(b'}')?;
        self.json.end(b'}')?;
        self.json.flush()?;
        Ok(self.json.into_inner())
    }
}

/// The server connections that were met, and how they are called.
#[derive(Debug, Default)]
struct Connections {
    hasher: RandomState,
    met: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Connections {
    /// Whether this is the first flow of it.
    fn meet(&mut self, conn: &ServerConn) -> bool {
        let uuid = conn.extra.as_ref().and_then(|extra| extra.uuid.as_deref());
        let key = match uuid {
            Some(uuid) => self.hasher.hash_one(uuid),
            None => self.hasher.hash_one(conn.id.0),
        };
        let is_first = self.met.insert(key);
        if is_first {
            self.order.push_back(key);
            if self.order.len() > CONNECTIONS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.met.remove(&oldest);
            }
        }
        is_first
    }
}

/// Whether the content type is that of a URL-encoded form.
pub(super) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
