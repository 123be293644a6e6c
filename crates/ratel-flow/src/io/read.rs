//! Reading flow files.

mod error;
mod large;
mod source;

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use ratel_proto::tnetstring::{self, Items, Kind, LENGTH_DIGITS, Problem};

pub use error::{ReadError, ReadProblem};
pub(crate) use large::Large;
pub(crate) use source::Source;

use super::convert::{self, Frame, Known};
use super::migrate::{self, MigrateError, Migrator, Version};
use super::open::{Format, Opened, open, open_stream};
use crate::record::Record;

/// A flow of more bytes is not taken into memory as a whole.
const LARGE: u64 = 1 << 20;

/// The flows of a file, one after the other.
///
/// A flow that cannot be read is an error, and the next one is read after it, if it can be found; after an error that is
/// [final](ReadError::is_final) there is nothing more.
///
/// ```
/// # use ratel_flow::io::FlowReader;
/// for flow in FlowReader::new(&b"3:bad,"[..]).expect("it can be read") {
///     let error = flow.expect_err("no flow is a byte string");
///     assert_eq!(error.offset, 2);
/// }
/// ```
pub struct FlowReader {
    source: Source,
    known: Known,
    migrator: Migrator<Option<Large>>,
    /// Bodies stay in the file.
    leaves: bool,
    flows: u64,
    done: bool,
}

impl std::fmt::Debug for FlowReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowReader")
            .field("offset", &self.source.offset())
            .field("flows", &self.flows)
            .finish_non_exhaustive()
    }
}

impl FlowReader {
    /// Reads what can be read but once: a pipe, something in memory. It may be compressed.
    ///
    /// # Errors
    /// When it cannot be read, or is something else than a flow file.
    pub fn new(stream: impl Read + Send + 'static) -> Result<Self, ReadError> {
        Self::of(open_stream(stream))
    }

    /// Reads a file. It may be compressed.
    ///
    /// # Errors
    /// When it cannot be read, or is something else than a flow file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::of(open(path))
    }

    fn of(opened: io::Result<Opened>) -> Result<Self, ReadError> {
        let other = match opened {
            Ok(Opened::Flows(reader)) => return Ok(*reader),
            Ok(Opened::Har(_)) => ReadProblem::Format(Format::Har),
            Ok(Opened::Capture(_)) => ReadProblem::Format(Format::Capture),
            Err(error) => ReadProblem::Io(error),
        };
        Err(ReadError {
            flows: 0,
            begins: 0,
            offset: 0,
            problem: other,
        })
    }

    pub(crate) fn over(source: Source) -> Self {
        Self {
            source,
            known: Known::default(),
            migrator: Migrator::default(),
            leaves: false,
            flows: 0,
            done: false,
        }
    }

    /// Has the bodies of flows, but for short ones, [lie in the file](crate::record::ReadBody::file) that is read, so that
    /// whoever keeps the flows need not copy them. The file must stay as it is as long as somebody reads them. What is
    /// compressed, can be read but once, or is of an older version is no such file.
    #[must_use]
    pub fn leaving_bodies(mut self) -> Self {
        self.leaves = true;
        self
    }

    /// Flows that were read.
    #[must_use]
    pub fn flows(&self) -> u64 {
        self.flows
    }

    /// Bytes that were read, of what is not compressed.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// Length of the whole, if it is a file that is not compressed: what [`offset`](Self::offset) comes to.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        self.source.len()
    }

    fn read(&mut self) -> Result<Option<Record>, Failure> {
        let begins = self.source.offset();
        let start = self.source.fill(LENGTH_DIGITS + 1)?;
        if start.is_empty() {
            return Ok(None);
        }
        let prefix = match tnetstring::prefix(start) {
            Ok(Some(prefix)) => prefix,
            Ok(None) => {
                let end = begins + start.len() as u64;
                return Err(Failure::at(end, ReadProblem::Truncated));
            }
            Err(problem) => return Err(Failure::at(begins, ReadProblem::Syntax(problem))),
        };
        if prefix.total() > LARGE {
            self.check_start(begins, prefix)?;
            let (bytes, large) = large::take(&mut self.source, prefix)?;
            let record = self.convert(&bytes, Some(large));
            // Places in what was left of it are not those in the file.
            return record
                .map(Some)
                .map_err(|problem| Failure::at(begins, problem.into_problem()));
        }
        // The total is no more than a megabyte.
        let total = usize::try_from(prefix.total()).unwrap_or_default();
        let found = self.source.fill(total)?;
        let Some(bytes) = found.get(..total).map(Bytes::copy_from_slice) else {
            return Err(cut_short(begins, prefix, found));
        };
        self.source.consume(total);
        let mut record = self.convert(&bytes, None).map_err(|error| {
            let offset = error.offset().unwrap_or_default() as u64;
            Failure::at(begins + offset, error.into_problem())
        })?;
        if let Some(file) = self.source.input().filter(|_| self.leaves) {
            large::leave(&mut record, &bytes, file, begins);
        }
        Ok(Some(record))
    }

    /// Looks whether what follows a large length can be a flow: the length alone may be garbage.
    fn check_start(&mut self, begins: u64, prefix: tnetstring::Prefix) -> Result<(), Failure> {
        let start = self.source.fill(prefix.width + LENGTH_DIGITS + 1)?;
        let inside = start.get(prefix.width..).unwrap_or_default();
        match tnetstring::prefix(inside) {
            Ok(_) => Ok(()),
            Err(problem) => Err(Failure::at(
                begins + prefix.width as u64,
                ReadProblem::Syntax(problem),
            )),
        }
    }

    fn convert(&mut self, bytes: &Bytes, large: Option<Large>) -> Result<Record, FlowProblem> {
        let mut items = Items::new(bytes, 0);
        let item = items.next().transpose()?.ok_or(tnetstring::Error {
            offset: 0,
            problem: Problem::Short,
        })?;
        if item.kind != Kind::Dict {
            return Err(FlowProblem::NoDict(item.offset));
        }
        let version = migrate::version_in(&item)?.ok_or(MigrateError::Missing)?;
        let (migrated, large) = if version == Version::CURRENT {
            (None, large)
        } else {
            let state = tnetstring::value(&item, bytes)?;
            let (bytes, large) = self.migrator.migrate(state, version, large)?;
            (Some(bytes), large)
        };
        let mut frame = Frame {
            bytes: migrated.as_ref().unwrap_or(bytes),
            large: large.as_ref(),
            known: &mut self.known,
        };
        let record = convert::read(&mut frame);
        record.map_err(|mut error| {
            if migrated.is_some() {
                error.offset = None;
            }
            FlowProblem::State(error)
        })
    }
}

impl Iterator for FlowReader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let begins = self.source.offset();
        match self.read() {
            Ok(None) => {
                self.done = true;
                None
            }
            Ok(Some(record)) => {
                self.flows += 1;
                Some(Ok(record))
            }
            Err(Failure { offset, problem }) => {
                let error = ReadError {
                    flows: self.flows,
                    begins,
                    offset: offset.unwrap_or_else(|| self.source.offset()),
                    problem,
                };
                self.done = error.is_final();
                Some(Err(error))
            }
        }
    }
}

/// What is wrong with a flow that ends too early: that alone, or something before.
fn cut_short(begins: u64, prefix: tnetstring::Prefix, found: &[u8]) -> Failure {
    let inside = found.get(prefix.width..).unwrap_or_default();
    let mut items = Items::new(inside, prefix.width);
    loop {
        match items.pair() {
            Ok(Some(_)) => {}
            Err(tnetstring::Error { offset, problem })
                if !matches!(problem, Problem::Short | Problem::Unpaired) =>
            {
                let problem = ReadProblem::Syntax(problem);
                return Failure::at(begins + offset as u64, problem);
            }
            Ok(None) | Err(_) => {
                let end = begins + found.len() as u64;
                return Failure::at(end, ReadProblem::Truncated);
            }
        }
    }
}

/// Why there is no flow, and where, if not at the end of what was read.
#[derive(Debug)]
struct Failure {
    offset: Option<u64>,
    problem: ReadProblem,
}

impl Failure {
    fn at(offset: u64, problem: ReadProblem) -> Self {
        Self {
            offset: Some(offset),
            problem,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            offset: None,
            problem: match error.kind() {
                // Only compressed data can end where it must not.
                io::ErrorKind::UnexpectedEof => ReadProblem::Truncated,
                _ => ReadProblem::Io(error),
            },
        }
    }
}

/// Why a flow that is there cannot be read.
#[derive(Debug)]
enum FlowProblem {
    Syntax(tnetstring::Error),
    NoDict(usize),
    Version(MigrateError),
    State(convert::field::StateError),
}

impl FlowProblem {
    fn offset(&self) -> Option<usize> {
        match self {
            Self::Syntax(error) => Some(error.offset),
            Self::NoDict(offset) => Some(*offset),
            Self::Version(_) => None,
            Self::State(error) => error.offset,
        }
    }

    fn into_problem(self) -> ReadProblem {
        match self {
            Self::Syntax(error) => ReadProblem::Flow(error.problem),
            Self::NoDict(_) => ReadProblem::NoDict,
            Self::Version(error) => ReadProblem::Version(error),
            Self::State(error) => ReadProblem::State(error),
        }
    }
}

impl From<tnetstring::Error> for FlowProblem {
    fn from(error: tnetstring::Error) -> Self {
        Self::Syntax(error)
    }
}

impl From<MigrateError> for FlowProblem {
    fn from(error: MigrateError) -> Self {
        Self::Version(error)
    }
}
