//! Flows in files: mitmproxy's flow files, which Ratel's own are too, and HTTP archives ([`har`]).
//!
//! ```text
//! file, pipe ─► open ─► FlowReader ─► Record ─► FlowWriter, FlowFile ─► file, pipe
//!              what    read (source, large)     write
//!              is it?  migrate ─► convert ◄──── convert
//! ```
//!
//! A flow file is flows one after the other, each a dict of typed netstrings. Reading holds one flow at a time, and of
//! that not what is large: bodies and lists of messages stay where they are, in the file if one can go back to it, else in
//! a file without a name. All versions of the format are read (`migrate`); the current one is written.

mod convert;
pub mod har;
mod migrate;
mod open;
mod read;
mod write;

pub use convert::VERSION;
pub use convert::field::{StateError, StateProblem};
pub use migrate::{MigrateError, Version};
pub use open::{Format, Opened, open, open_file, open_stream};
pub use read::{FlowReader, ReadError, ReadProblem};
pub use write::{AppendError, FlowFile, FlowWriter, WriteError, write_record};

/// A certificate as text, as OpenSSL writes it (RFC 7468).
#[must_use]
pub fn pem(der: &[u8]) -> Vec<u8> {
    convert::conn::pem::encode(der)
}

#[cfg(test)]
mod tests;
