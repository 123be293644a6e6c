//! HTTP/1 on both sides of the waist (RFC 9112).

pub(crate) mod client;
pub(crate) mod server;
