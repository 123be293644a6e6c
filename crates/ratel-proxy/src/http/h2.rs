//! HTTP/2 on both sides of the waist (RFC 9113).

pub(crate) mod client;
mod driver;
mod error;
pub(crate) mod mux;
pub(crate) mod server;
mod tunnel;
