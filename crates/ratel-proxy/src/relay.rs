//! The waist for messages: what passes as a stream of them, recorded one by one while it passes.

mod names;
mod raw;
pub(crate) mod tcp;
pub(crate) mod verbatim;
pub(crate) mod websocket;
