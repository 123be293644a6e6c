//! Replay: requests that are sent again, and responses that are played back. What front ends need of both; it opens no
//! socket.
//!
//! [`ClientReplay`] holds what is to be sent again. The engine takes one after the other out of it and runs them through
//! the waist as if a client had just sent them. [`ServerReplay`] holds the recordings that requests are answered with; an
//! addon asks it, and the waist plays what it gives. Both have clones with those who fill them.

mod client;
mod follow;
mod playback;
mod refusal;
mod server;
mod spool;

pub use client::{ClientReplay, Item, QUEUE_MAX, Queued, Turn};
pub use playback::{Pace, Playback};
pub use refusal::ReplayError;
pub use server::{Extra, RECORDINGS_MAX, ServerReplay, Verdict};

#[cfg(test)]
mod tests;
