//! HTTP/2 (RFC 9113) without I/O: frames, header compression (RFC 7541), streams and flow control, for both roles.
//!
//! A [`Connection`] is fed what the peer sent and yields [`Event`]s; it is told what to say and fills an [`Output`].
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use ratel_proto::h2::{Config, Connection, Event, Role};
//! use ratel_proto::Headers;
//!
//! let mut client = Connection::new(Config::new(Role::Client));
//! let mut server = Connection::new(Config::new(Role::Server));
//!
//! let id = client.open().expect("the first stream");
//! let pseudo: [(&[u8], &[u8]); 4] =
//!     [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/")];
//! client.send_headers(id, pseudo, &Headers::new(), true)?;
//!
//! let mut wire = BytesMut::from(&*client.output().take());
//! while let Some(event) = server.receive(&mut wire)? {
//!     if let Event::Headers { head, .. } = event {
//!         assert_eq!(head.pseudo.get(":path"), Some(&b"/"[..]));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Permissive on purpose, as [`http1`](crate::http1) is: a message that breaks a rule is delivered as it was sent, and
//! [`validate`] says which rule it breaks. A stream fails where its own frames contradict each other; a connection
//! fails only where its framing, compression, flow control or numbering can't be followed any further, or at a flood.
//!
//! - A *head* is the pseudo-header fields and the fields of a request or response; *trailers* are fields after the content.
//! - *flow* is what a DATA frame counts for in flow control: its payload and its padding.
//! - To *consume* is to say that received data has been taken, so that the peer may send as much again.
//! - A stream is *closed* when both sides have ended or one side has reset it; it is then forgotten.

mod budget;
mod config;
mod conn;
mod error;
mod event;
mod flow;
pub mod frame;
pub mod hpack;
mod output;
mod settings;
mod stream;
pub mod validate;

pub use budget::Limits;
pub use config::{Config, Role};
pub use conn::Connection;
pub use error::{ConnectionError, Flood, HeadersTooLarge, Reason, SendError, StreamError};
pub use event::{Event, Head};
pub use frame::{FrameKind, StreamId};
pub use output::Output;
pub use settings::PeerSettings;
pub use validate::Violation;
