//! DNS messages as they lie in the store: as on the wire.

use std::io;

use bytes::Bytes;
use ratel_flow::dns::{self, DnsMessage};

pub(super) fn pack(message: &DnsMessage) -> io::Result<Vec<u8>> {
    dns::pack(&message.message).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// The message, without a time.
pub(crate) fn unpack(bytes: &Bytes) -> io::Result<DnsMessage> {
    let message = dns::unpack(bytes);
    Ok(DnsMessage {
        message: message.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?,
        timestamp: None,
    })
}
