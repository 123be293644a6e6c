//! What Ratel's black-box tests are made of: scripted origins, raw clients, certificates, and guards that start the
//! real program and real peers.
//!
//! Everything here is blocking `std` code on threads, and shares nothing with the engine: a mistake in Ratel's own
//! parsers can not hide itself in the tests of them. Ports are 0 and read back, every wait has a limit
//! ([`wait::LIMIT`]), and nothing leaves the loopback interface.
//!
//! A *peer* is a program of somebody else's (curl, nginx, openssl). A test asks for it with [`peer::find`] and is
//! skipped with a notice where it is missing, unless `RATEL_REQUIRE_PEERS` is set, as `scripts/test` does after it
//! has installed them.
//!
//! Functions panic with a sentence that says what was awaited; this is test code, and a panic is a failed test.

pub mod capture;
pub mod ldap;
pub mod nginx;
pub mod openssl_cli;
pub mod origin;
pub mod peer;
pub mod pki;
pub mod process;
pub mod ratel;
pub mod screen;
pub mod service;
pub mod wait;
pub mod wire;

pub use capture::Capture;
pub use nginx::Nginx;
pub use openssl_cli::SServer;
pub use origin::{Origin, Step};
pub use pki::{Ca, Identity, Key};
pub use ratel::{Builder, Ratel};
pub use screen::Screen;
pub use service::Service;
pub use wire::{Reply, Wire};
