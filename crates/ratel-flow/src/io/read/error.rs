//! What can go wrong when flows are read.

use std::fmt;
use std::io;

use ratel_proto::tnetstring::Problem;

use crate::io::convert::field::StateError;
use crate::io::migrate::MigrateError;
use crate::io::open::Format;

/// A flow cannot be read. Displays as a sentence that says where, and after how many flows.
#[derive(Debug)]
pub struct ReadError {
    /// Flows that were read before it.
    pub flows: u64,
    /// The byte at which the flow begins.
    pub begins: u64,
    /// The byte at which it breaks, of what is not compressed.
    pub offset: u64,
    /// What is wrong.
    pub problem: ReadProblem,
}

/// What is wrong with a flow, or with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadProblem {
    /// The file is something else.
    Format(Format),
    /// The file ends within the flow.
    Truncated,
    /// Bytes that are no item stand where a flow should begin.
    Syntax(Problem),
    /// Something within the flow is no item, or not what its type says.
    Flow(Problem),
    /// What is there is not a dict.
    NoDict,
    /// It cannot be brought to the version that this reads.
    Version(MigrateError),
    /// A field of it is not what it has to be.
    State(StateError),
    /// It takes more memory than any flow should, bodies and messages aside.
    TooLarge,
    /// The file cannot be read.
    Io(io::Error),
}

impl ReadError {
    /// Whether nothing more can be read of the file.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.problem {
            // Where the next flow begins is known.
            ReadProblem::Flow(_)
            | ReadProblem::NoDict
            | ReadProblem::Version(_)
            | ReadProblem::State(_)
            | ReadProblem::TooLarge => false,
            ReadProblem::Format(_)
            | ReadProblem::Truncated
            | ReadProblem::Syntax(_)
            | ReadProblem::Io(_) => true,
        }
    }

    /// Whether the file is a good one that ends too early.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        matches!(self.problem, ReadProblem::Truncated)
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.problem {
            ReadProblem::Version(MigrateError::Newer(_)) => {
                Some("a more recent release of Ratel may read it")
            }
            ReadProblem::Truncated => {
                Some("whoever wrote it was stopped, or it was not copied to its end")
            }
            _ => None,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            flows,
            begins,
            offset,
            problem,
        } = self;
        match problem {
            ReadProblem::Format(format) => {
                return write!(f, "this is {}, not a flow file", format.name());
            }
            ReadProblem::Io(error) => return write!(f, "cannot read on at byte {offset}: {error}"),
            ReadProblem::Syntax(Problem::Length) if *offset == 0 => {
                return f.write_str(
                    "this is neither a flow file nor an HTTP archive nor a packet capture",
                );
            }
            ReadProblem::Truncated => write!(
                f,
                "the file is truncated: it ends at byte {offset}, within the flow that begins at byte {begins}"
            )?,
            ReadProblem::Syntax(problem) => {
                write!(f, "the file is corrupt at byte {offset}: {problem}")?;
            }
            ReadProblem::Flow(problem) => write!(
                f,
                "the flow that begins at byte {begins} is corrupt at byte {offset}: {problem}"
            )?,
            ReadProblem::NoDict => write!(
                f,
                "the file is corrupt: what begins at byte {begins} is no flow"
            )?,
            ReadProblem::Version(error) => {
                write!(
                    f,
                    "the flow that begins at byte {begins} cannot be read: {error}"
                )?;
            }
            ReadProblem::State(error) => write!(
                f,
                "the flow that begins at byte {begins} cannot be read: {error} (at byte {offset})"
            )?,
            ReadProblem::TooLarge => write!(
                f,
                "the flow that begins at byte {begins} is too large, even without its bodies"
            )?,
        }
        match flows {
            0 => write!(f, "; no flow stands before it"),
            1 => write!(f, "; 1 flow stands before it"),
            flows => write!(f, "; {flows} flows stand before it"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None
    }
}
