//! Packet captures to flows, and flows to packets.
//!
//! A [`CaptureReader`] takes what tcpdump, dumpcap or Wireshark have written and gives the flows in it: packets are put
//! in order, TLS is opened with the secrets of a [`KeyLog`], and HTTP/1, HTTP/2 and WebSocket are taken apart by the
//! codecs of `ratel-proto`. A [`PcapngWriter`] goes the other way and rebuilds packets from flows. Neither opens a socket
//! or follows anything live.
//!
//! | module | from | to |
//! |---|---|---|
//! | `file` | bytes of a file | packets and secrets |
//! | `net` | packets | segments and datagrams |
//! | `tcp` | segments | the bytes of each side in order |
//! | `tls` | sealed records | what was in them |
//! | `layer` | the bytes of each side | flows |
//! | `write` | flows | packets |
//! | `spool` | bodies | memory, or files without a name |
//!
//! What is wrong with the file as such is a [`CaptureError`]. What is missing in it (packets that were lost or cut,
//! secrets, the beginning or end of a connection) is said by the flows that it concerns.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod context;
mod dns;
mod error;
mod file;
mod gauge;
mod keylog;
mod layer;
mod messages;
mod net;
mod reader;
mod spool;
mod tcp;
mod tls;
mod udp;
mod write;

pub use error::CaptureError;
pub use file::is_capture;
pub use keylog::KeyLog;
pub use reader::{CaptureLimits, CaptureReader, CaptureReport};
pub use write::{PcapngWriter, WriteError, WriteReport};
