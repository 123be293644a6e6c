//! TCP connections: which packets belong together, and the bytes in the order in which they were sent.

pub(crate) mod connection;
pub(crate) mod stream;
