//! The engine: listeners, the layers a connection goes through, TLS, the waist, and connections to servers.
//!
//! It knows no front end and no built-in behaviour. It is given the options, a store to record into and a chain of
//! addons to call, and says where it listens. The files stand in the order in which a connection meets them:
//! `listen`, `worker`, `conn`, `next_layer`, `tls`, `http`, `modes`, `exchange`, `upstream`.

mod body;
mod config;
mod conn;
mod engine;
mod error;
mod exchange;
mod http;
mod io;
mod listen;
mod modes;
mod next_layer;
mod passthrough;
mod recorder;
mod relay;
mod replay;
#[cfg(test)]
mod tests;
pub mod tls;
mod upstream;
mod worker;

pub use engine::{Connections, Engine, Listening, StartError};
pub use listen::{ListenError, Listeners};
