//! DNS messages as they lie in the store: as on the wire.

use std::io;

use ratel_flow::dns::DnsMessage;

pub(super) fn pack(_: &DnsMessage) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn unpack(_: &[u8]) -> io::Result<DnsMessage> {
    Err(io::ErrorKind::Unsupported.into())
}
