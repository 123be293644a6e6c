//! TLS towards both sides: the certificate authority, the certificates made with it, handshakes and their failures.
//!
//! Words: the *CA* is the certificate and key that clients are told to trust; a *leaf* is the certificate that one
//! client is shown for one server; a *hello* is a ClientHello, read before anything is decided; an *engine* is the
//! library that does a handshake. `client` and `server` name the side a handshake is done with. What an engine finds
//! is turned into one sentence and a hint in `error`, whichever engine it was.
//!
//! Nothing here opens a connection: both sides are handed a byte stream.

mod ca;
mod chains;
pub mod client;
mod client_cert;
mod crl;
mod engine;
mod error;
mod given;
mod keylog;
mod leaf;
mod lru;
mod mint;
mod names;
mod ocsp;
mod pair;
mod policy;
mod refusal;
mod roots;
mod runtime;
pub mod server;
mod verify;

use std::time::Duration;

pub use ca::{CaError, CaOrigin, CaSettings, CaStore};
pub use client::{ClientTlsOptions, ClientTlsSettings};
pub use engine::{ClientTls, ServerTls};
pub(crate) use error::Pass;
pub use error::{Cause, LateAlert, TlsError};
pub use given::{GivenCerts, GivenError};
pub use keylog::KeyLogFile;
pub use leaf::{KeyKind, Leaf, LeafCache, LeafError};
pub(crate) use lru::Lru;
pub use names::{LeafSpec, SanName};
pub use pair::PairError;
pub use policy::{PolicyOptions, TlsPolicy};
pub use refusal::Refusal;
pub use roots::RootsError;
pub(crate) use runtime::Runtime;
pub use server::{Asked, ServerTlsError, ServerTlsOptions, ServerTlsSettings};

/// How long a peer may take for a handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
